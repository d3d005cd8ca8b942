/** Small tables in memory, built file by file: what a scan must read is known because the test wrote it. */
import { expect } from 'vitest'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { bind } from '../../src/expression/bind.js'
import type { Expression } from '../../src/expression/expression.js'
import { DELETION_VECTOR_BLOB, serializeDeletionVector } from '../../src/format/deletion-vector.js'
import { openParquetWriter, type ParquetWriteOptions } from '../../src/format/parquet/write.js'
import { PositionSet } from '../../src/format/position-set.js'
import { writePuffin } from '../../src/format/puffin.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import type {
  ContentFile,
  DataFile,
  EqualityDeleteFile,
  FileMetrics,
  PositionDeleteFile,
} from '../../src/manifest/content-file.js'
import type { ManifestFile } from '../../src/manifest/manifest-file.js'
import { writeManifestList } from '../../src/manifest/manifest-list-write.js'
import { writeManifest } from '../../src/manifest/manifest-write.js'
import type { Snapshot, TableMetadata } from '../../src/metadata/table-metadata.js'
import { planScan, type ScanPlan } from '../../src/reader/plan.js'
import { type ScanOptions, scanBatches } from '../../src/reader/scan.js'
import type { PartitionSpec, PartitionTuple } from '../../src/schema/partition-spec.js'
import { UNPARTITIONED } from '../../src/schema/partition-spec.js'
import { DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD } from '../../src/schema/reserved-fields.js'
import { UNSORTED } from '../../src/schema/sort-order.js'
import type { Field, Schema, Value } from '../../src/schema/types.js'
import { isPrimitive } from '../../src/schema/types.js'
import { serializeValue } from '../../src/schema/value.js'

export type Rows = readonly (readonly Value[])[]

export interface WriteFile {
  readonly fields?: readonly Field[]
  readonly specId?: number
  readonly partition?: PartitionTuple
  readonly rowGroupRows?: number
  /** Leaves out column statistics. */
  readonly bare?: boolean
  /** Further options of the Parquet writer. */
  readonly parquet?: Partial<ParquetWriteOptions>
}

export interface MemoryTable {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly snapshot: Snapshot | undefined
  readonly schema: Schema
  /** Changes schemas and specs of the metadata. */
  alter(change: Partial<Pick<TableMetadata, 'schemas' | 'currentSchemaId' | 'partitionSpecs'>>): void
  dataFile(name: string, rows: Rows, options?: WriteFile): Promise<DataFile>
  positionDeletes(
    name: string,
    rows: readonly (readonly [string, bigint])[],
    options?: WriteFile,
  ): Promise<PositionDeleteFile>
  equalityDeletes(
    name: string,
    rows: Rows,
    options: WriteFile & { readonly fields: readonly Field[]; readonly keys?: readonly number[] },
  ): Promise<EqualityDeleteFile>
  /** The vector of a data file, alone in a Puffin file. */
  deletionVector(name: string, file: DataFile, positions: readonly number[]): Promise<PositionDeleteFile>
  /** Adds files in one snapshot, with one manifest for each content and spec. */
  commit(files: readonly ContentFile[]): Promise<void>
}

export function createMemoryTable(options: {
  readonly fields: readonly Field[]
  readonly specs?: readonly PartitionSpec[]
  readonly formatVersion?: 2 | 3
}): MemoryTable {
  const io = createMemoryIO()
  const formatVersion = options.formatVersion ?? 2
  const location = 'memory://lake/t'
  let metadata: TableMetadata = {
    formatVersion,
    tableUuid: '00000000-0000-4000-8000-000000000000',
    location,
    lastSequenceNumber: 0n,
    lastUpdatedMs: 0,
    lastColumnId: 100,
    schemas: [{ schemaId: 0, fields: options.fields, identifierFieldIds: [] }],
    currentSchemaId: 0,
    partitionSpecs: options.specs ?? [UNPARTITIONED],
    defaultSpecId: 0,
    lastPartitionId: 1100,
    sortOrders: [UNSORTED],
    defaultSortOrderId: 0,
    properties: {},
    snapshots: [],
    snapshotLog: [],
    metadataLog: [],
    refs: {},
    statistics: [],
    partitionStatistics: [],
    ...(formatVersion === 3 ? { nextRowId: 0n } : {}),
    encryptionKeys: [],
  }
  let manifests: readonly ManifestFile[] = []
  const schemaNow = (): Schema => metadata.schemas.find(each => each.schemaId === metadata.currentSchemaId)!

  const write = async (name: string, rows: Rows, given: WriteFile) => {
    const fields = given.fields ?? schemaNow().fields
    const fileLocation = `${location}/data/${name}`
    const writer = await openParquetWriter(io, fileLocation, {
      fields,
      codec: 'zstd',
      rowGroupRows: given.rowGroupRows,
      ...given.parquet,
    })
    const batch: ColumnBatch = batchOf(fields, rows)
    await writer.write(batch)
    const result = await writer.close()
    const metrics = given.bare ? {} : metricsOf(fields, result.columns)
    return {
      location: fileLocation,
      format: 'parquet' as const,
      specId: given.specId ?? 0,
      partition: given.partition ?? [],
      recordCount: rows.length,
      fileSizeBytes: result.sizeBytes,
      ...metrics,
    }
  }

  return {
    io,
    get metadata() {
      return metadata
    },
    get snapshot() {
      return metadata.snapshots.at(-1)
    },
    get schema() {
      return schemaNow()
    },
    alter(change) {
      metadata = { ...metadata, ...change }
    },
    async dataFile(name, rows, given = {}) {
      return { content: 'data', ...(await write(name, rows, given)) }
    },
    async positionDeletes(name, rows, given = {}) {
      const fields = given.fields ?? [DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD]
      return { content: 'position-deletes', ...(await write(name, rows, { ...given, fields })) }
    },
    async equalityDeletes(name, rows, given) {
      const equalityFieldIds = given.keys ?? given.fields.map(field => field.id)
      return { content: 'equality-deletes', equalityFieldIds, ...(await write(name, rows, given)) }
    },
    async deletionVector(name, file, positions) {
      const blobBytes = serializeDeletionVector(PositionSet.of(positions))
      const { bytes, blobs } = writePuffin(
        [
          {
            type: DELETION_VECTOR_BLOB,
            fields: [],
            snapshotId: -1n,
            sequenceNumber: -1n,
            properties: { 'referenced-data-file': file.location, cardinality: String(positions.length) },
            bytes: blobBytes,
          },
        ],
        { properties: {} },
      )
      const fileLocation = `${location}/data/${name}`
      await io.write(fileLocation, bytes)
      return {
        content: 'position-deletes',
        location: fileLocation,
        format: 'puffin',
        specId: file.specId,
        partition: file.partition,
        recordCount: positions.length,
        fileSizeBytes: bytes.length,
        referencedDataFile: file.location,
        contentOffset: blobs[0]!.offset,
        contentSizeBytes: blobs[0]!.lengthBytes,
      }
    },
    async commit(files) {
      const sequenceNumber = metadata.lastSequenceNumber + 1n
      const snapshotId = 1000n + sequenceNumber
      const added = []
      for (const content of ['data', 'deletes'] as const)
        for (const spec of metadata.partitionSpecs) {
          const entries = files.filter(
            file => (file.content === 'data') === (content === 'data') && file.specId === spec.specId,
          )
          if (entries.length === 0) continue
          const name = `${location}/metadata/${snapshotId}-${content}-${spec.specId}.avro`
          added.push(
            await writeManifest(io, name, {
              entries: entries.map(file => ({ status: 'added' as const, file })),
              spec,
              schema: schemaNow(),
              schemas: metadata.schemas,
              content,
              formatVersion,
              snapshotId,
            }),
          )
        }
      const manifestList = `${location}/metadata/snap-${snapshotId}.avro`
      const parent = metadata.snapshots.at(-1)
      const written = await writeManifestList(io, manifestList, [...manifests, ...added], {
        formatVersion,
        snapshotId,
        parentSnapshotId: parent?.snapshotId,
        sequenceNumber,
        firstRowId: metadata.nextRowId,
      })
      manifests = written.manifests
      const snapshot: Snapshot = {
        snapshotId,
        ...(parent === undefined ? {} : { parentSnapshotId: parent.snapshotId }),
        sequenceNumber,
        timestampMs: Number(sequenceNumber),
        manifestList,
        operation: 'append',
        summary: {},
        schemaId: metadata.currentSchemaId,
        ...(metadata.nextRowId === undefined
          ? {}
          : {
              firstRowId: metadata.nextRowId,
              addedRows: (written.nextRowId ?? metadata.nextRowId) - metadata.nextRowId,
            }),
      }
      metadata = {
        ...metadata,
        lastSequenceNumber: sequenceNumber,
        currentSnapshotId: snapshotId,
        snapshots: [...metadata.snapshots, snapshot],
        snapshotLog: [...metadata.snapshotLog, { timestampMs: Number(sequenceNumber), snapshotId }],
        refs: { main: { type: 'branch', snapshotId } },
        ...(written.nextRowId === undefined ? {} : { nextRowId: written.nextRowId }),
      }
    },
  }
}

interface WrittenColumn {
  readonly columnSizeBytes: number
  readonly valueCount: number
  readonly nullCount: number
  readonly nanCount?: number | undefined
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

function metricsOf(fields: readonly Field[], columns: ReadonlyMap<number, WrittenColumn>): FileMetrics {
  const columnSizes = new Map<number, number>()
  const valueCounts = new Map<number, number>()
  const nullValueCounts = new Map<number, number>()
  const nanValueCounts = new Map<number, number>()
  const lowerBounds = new Map<number, Uint8Array>()
  const upperBounds = new Map<number, Uint8Array>()
  for (const { id, type } of fields) {
    const column = columns.get(id)
    if (column === undefined || !isPrimitive(type)) continue
    columnSizes.set(id, column.columnSizeBytes)
    valueCounts.set(id, column.valueCount)
    nullValueCounts.set(id, column.nullCount)
    if (column.nanCount !== undefined) nanValueCounts.set(id, column.nanCount)
    if (column.lower !== undefined) lowerBounds.set(id, serializeValue(type, column.lower))
    if (column.upper !== undefined) upperBounds.set(id, serializeValue(type, column.upper))
  }
  return { columnSizes, valueCounts, nullValueCounts, nanValueCounts, lowerBounds, upperBounds }
}

export interface TableScan extends ScanOptions {
  readonly filter?: Expression
  readonly select?: readonly string[]
  readonly snapshot?: Snapshot
  readonly schema?: Schema
  /** Fields whose statistics the plan keeps. */
  readonly statisticsOf?: readonly number[]
}

/** Plans a scan of the table's newest snapshot. */
export function planOf(table: MemoryTable, scan: TableScan = {}): Promise<ScanPlan> {
  const schema = scan.schema ?? table.schema
  return planScan(table, table.io, {
    snapshot: scan.snapshot ?? table.snapshot,
    schema,
    filter: scan.filter === undefined ? undefined : bind(scan.filter, schema),
    select: scan.select,
    statisticsOf: scan.statisticsOf,
  })
}

/** The rows of a scan, in its order. */
export async function rowsOf(table: MemoryTable, scan: TableScan = {}): Promise<Value[][]> {
  const rows: Value[][] = []
  for await (const batch of scanBatches(table.io, await planOf(table, scan), scan)) {
    expect(batch.length).toBeGreaterThan(0)
    rows.push(...batchRows(batch))
  }
  return rows
}
