/** The public API of serac. */
export { type ErrorContext, type ErrorKind, isLakeError, LakeError } from './base/errors.js'
export { type JsonValue, stringifyJson } from './base/json.js'
export { type Runtime, systemRuntime } from './base/runtime.js'
export { VERSION } from './base/version.js'
export type { ColumnBatch, Vector } from './batch/column-batch.js'
export type { Catalog, LoadedTable, Namespace, TableIdentifier } from './catalog/catalog.js'
export { parseIdentifier, printIdentifier } from './catalog/identifier.js'
export type { CommitEvent } from './commit/commit-loop.js'
export type { Expression } from './expression/expression.js'
export { batchesToIpc } from './format/arrow.js'
export type { FileIO } from './io/file-io.js'
export { createMemoryIO } from './io/memory.js'
export type { Relocation } from './io/relocated.js'
export type { AppendsRequest, ChangesRequest, IncrementalRows, RangeRequest } from './lake/changes.js'
export { type CatalogProperties, resolveCatalog } from './lake/configuration.js'
export { type ConnectOptions, connect } from './lake/connect.js'
export type { LakeContext } from './lake/context.js'
export { describeTable, type TableDescription } from './lake/describe.js'
export { fieldsOfFile, openFileRows } from './lake/file-rows.js'
export type { RowsInput } from './lake/input.js'
export type { Inspection, InspectRequest } from './lake/inspect.js'
export {
  type CreateTableOptions,
  type Lake,
  openLake,
  type SchemaInput,
} from './lake/lake.js'
export { type ParquetOutOptions, parquetOfBatches } from './lake/parquet-out.js'
export type { InputRow } from './lake/rows-in.js'
export { jsonRowsOfBatch, type OutputRow, type RowOptions, rowsOfBatch } from './lake/rows-out.js'
export type { AsOf, Scan, ScanRequest, Where } from './lake/scan.js'
export type { OrderBy, OrderTerm } from './lake/scan-order.js'
export { type StaticTable, type StaticTableOptions, staticTable } from './lake/static-table.js'
export type {
  CompactRequest,
  ExpireRequest,
  Table,
  UpsertOptions,
  WriteOptions,
  WriteReport,
} from './lake/table.js'
export { bucket, day, hour, identity, month, truncate, year } from './lake/transforms.js'
export type { Snapshot, SnapshotLogEntry, TableMetadata } from './metadata/table-metadata.js'
export type { ChangeMode } from './reader/changelog.js'
export { METADATA_TABLE_NAMES, type MetadataTableName } from './reader/metadata-tables/metadata-table.js'
export { formatTimestamp } from './schema/time.js'
export type { Field, Schema, Type, Value } from './schema/types.js'
export { parseAsOf, type SnapshotSelector } from './snapshot/resolve.js'
export { type SqlText, sql } from './sql/template.js'
