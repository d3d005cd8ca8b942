/** The public API of serac. */
export { type ErrorContext, type ErrorKind, isLakeError, LakeError } from './base/errors.js'
export { type JsonValue, stringifyJson } from './base/json.js'
export { type Runtime, systemRuntime } from './base/runtime.js'
export { VERSION } from './base/version.js'
export type { ColumnBatch, Vector } from './batch/column-batch.js'
export type { Catalog, LoadedTable, Namespace, RegisterOptions, TableIdentifier } from './catalog/catalog.js'
export { parseIdentifier, printIdentifier, printNamespace } from './catalog/identifier.js'
export type { PropertyChange, TableAlteration } from './commit/alter-table.js'
export type { CommitEvent } from './commit/commit-loop.js'
export type { Once, OncePosition } from './commit/once.js'
export type { RefRetention } from './commit/ref-actions.js'
export type { Expression } from './expression/expression.js'
export type { Assignment, MergeClause } from './expression/merge-clause.js'
export type { Scalar, ScalarInput } from './expression/scalar.js'
export { batchesToIpc } from './format/arrow-out.js'
export type { FileIO } from './io/file-io.js'
export { createMemoryIO } from './io/memory.js'
export type { Relocation } from './io/relocated.js'
export type { AddFilesOptions, AddFilesReport } from './lake/add-files.js'
export type { Alterations, AlterOptions, AlterReport } from './lake/alter.js'
export type { AppendsRequest, ChangesRequest, IncrementalRows, RangeRequest } from './lake/changes.js'
export type { CloneTableOptions, PurgeTableOptions } from './lake/clones.js'
export type { Provenance } from './lake/commit.js'
export { type CatalogProperties, resolveCatalog } from './lake/configuration.js'
export { type ConnectOptions, connect } from './lake/connect.js'
export type { GroupCommitOptions, LakeContext } from './lake/context.js'
export { describeTable, type TableDescription } from './lake/describe.js'
export type { CheckedTable, CheckOptions, RebuildCatalogOptions } from './lake/doctor.js'
export {
  type CsvOptions,
  type FileKind,
  type FileRowsOptions,
  fieldsOfFiles,
  fileBatches,
  filesAt,
} from './lake/file-rows.js'
export { fieldsOfRows } from './lake/infer-fields.js'
export type { IngestOptions, IngestReport } from './lake/ingest.js'
export type { RowsInput } from './lake/input.js'
export type { Inspection, InspectRequest } from './lake/inspect.js'
export {
  type CreateTableOptions,
  type Lake,
  openLake,
  type SchemaInput,
} from './lake/lake.js'
export type { MergeOptions, MergeReport } from './lake/merge.js'
export type { MergeFiles, MergeSource } from './lake/merge-source.js'
export type { OverwriteOptions } from './lake/overwrite.js'
export { type ParquetOutOptions, parquetOfBatches } from './lake/parquet-out.js'
export type { RewriteTablePathOptions } from './lake/rewrite-path.js'
export type { InputRow } from './lake/rows-in.js'
export { jsonRowsOfBatch, type OutputRow, type RowOptions, rowsOfBatch } from './lake/rows-out.js'
export type { AsOf, Scan, ScanRequest, Where } from './lake/scan.js'
export type { OrderBy, OrderTerm } from './lake/scan-order.js'
export { type StaticTable, type StaticTableOptions, staticTable } from './lake/static-table.js'
export type {
  CompactRequest,
  ExpireRequest,
  OrphanRequest,
  Table,
  Transaction,
  TransactionTable,
} from './lake/table.js'
export type {
  CherryPickOptions,
  CreateRefOptions,
  DropRefOptions,
  MoveOptions,
  RefReport,
  RollbackOptions,
} from './lake/table-refs.js'
export type {
  BasedWriteOptions,
  Condition,
  UpdateRequest,
  UpsertOptions,
  WriteOptions,
  WriteReport,
} from './lake/table-writes.js'
export type {
  TransactionOptions,
  TransactionReport,
  TransactionTableReport,
} from './lake/transaction.js'
export { bucket, day, hour, identity, month, truncate, year } from './lake/transforms.js'
export type { Snapshot, SnapshotLogEntry, SnapshotRef, TableMetadata } from './metadata/table-metadata.js'
export type { ChangeMode } from './reader/changelog.js'
export { METADATA_TABLE_NAMES, type MetadataTableName } from './reader/metadata-tables/metadata-table.js'
export type { SortChange, SortTerm } from './schema/evolve-sort-order.js'
export type { PartitionFieldRef, PartitionTerm, SpecChange } from './schema/evolve-spec.js'
export type { ColumnPosition, DefaultInput, SchemaChange } from './schema/schema-change.js'
export { formatTimestamp } from './schema/time.js'
export type { Field, Schema, Type, Value } from './schema/types.js'
export { parseAsOf, type SnapshotSelector } from './snapshot/resolve.js'
export type { MergeClauseInput } from './sql/merge.js'
export { type SqlText, sql } from './sql/template.js'
