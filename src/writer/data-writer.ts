/**
 * Writes rows as data files of a table: fanned out by partition, rolled at the target size, with the
 * statistics that the table's metrics modes ask for.
 *
 *   batch -> conform -> split by partition -> pending rows of a partition -> rolling Parquet files
 *
 * Memory is bounded: rows of many small partitions wait together up to a limit, and so do open files; over it
 * the largest pending partition is written, or the file longest untouched is closed.
 */
import { assert } from '../base/assert.js'
import { stringifyJson } from '../base/json.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { concatBatches } from '../batch/take.js'
import { openParquetWriter, type ParquetWriteResult } from '../format/parquet/write.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { metricsModes } from '../metadata/metrics-mode.js'
import { parquetOptions, targetFileSizeBytes } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { checkWriteProperties } from '../metadata/write-properties.js'
import { isUnpartitioned } from '../schema/partition.js'
import type { PartitionSpec, PartitionTuple } from '../schema/partition-spec.js'
import { serializeSchema } from '../schema/schema-json.js'
import { UNSORTED } from '../schema/sort-order.js'
import type { Field, Schema } from '../schema/types.js'
import { conformRows } from './conform-rows.js'
import type { FileNaming } from './file-location.js'
import { fileMetrics } from './metrics.js'
import { parquetTableOptions } from './parquet-options.js'
import { createPartitioner, type PartitionRows } from './partitioner.js'
import { type OpenFile, type RollingWriter, rollingWriter } from './rolling-writer.js'

export interface DataWriterOptions {
  readonly io: FileIO
  /** Whose properties say size, codec and metrics. */
  readonly metadata: TableMetadata
  readonly schema: Schema
  /** The spec the files belong to. */
  readonly spec: PartitionSpec
  readonly naming: FileNaming
  /** Row lineage columns that every batch carries behind those of the schema (v3); default none. */
  readonly lineageFields?: readonly Field[] | undefined
  /** Default: `write.target-file-size-bytes`. */
  readonly targetSizeBytes?: number | undefined
  /** Rows of a file at most; default as many as its size allows. */
  readonly fileRowsMax?: number | undefined
  /** Rows that wait in all partitions together; default 262144. */
  readonly pendingRowsMax?: number | undefined
  /** Files open at the same time; default 64. */
  readonly openFilesMax?: number | undefined
  /** The rows of a partition come one after the other: its file is finished when another partition begins. */
  readonly clustered?: boolean | undefined
  /** The order that the rows of each partition come in; default 0, none. */
  readonly sortOrderId?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface DataWriter {
  /** Rows accepted so far. */
  readonly rowCount: number
  /** @throws invalid-argument when the rows do not fit the schema; denied, unavailable, aborted */
  write(batch: ColumnBatch): Promise<void>
  /** Finishes all files. */
  close(): Promise<readonly DataFile[]>
  /** Deletes everything that was written: for an operation that certainly did not commit. */
  abort(): Promise<void>
}

const PENDING_ROWS_MAX = 262_144
/** A partition with that many rows waiting is written. */
const PARTITION_ROWS = 16_384
const OPEN_FILES_MAX = 64

/** The files being written in one partition. */
interface Lane {
  readonly tuple: PartitionTuple
  readonly files: RollingWriter
  pending: ColumnBatch[]
  pendingRows: number
}

export function openDataWriter(options: DataWriterOptions): DataWriter {
  const { io, schema, spec } = options
  const partitioner = createPartitioner(spec, schema)
  const fields = writerFields(options)
  const openFile = fileOpener(options, fields)
  const finish = fileFinisher(options)
  const pendingRowsMax = options.pendingRowsMax ?? PENDING_ROWS_MAX
  const openFilesMax = options.openFilesMax ?? OPEN_FILES_MAX
  // One partition has nothing to wait for.
  const partitionRows = isUnpartitioned(spec) ? 1 : PARTITION_ROWS
  /** In the order of their last use. */
  const lanes = new Map<string, Lane>()
  const done: DataFile[] = []
  let rowCount = 0
  let pendingRows = 0

  const laneOf = ({ key, tuple }: PartitionRows): Lane => {
    const lane = lanes.get(key) ?? {
      tuple,
      pending: [],
      pendingRows: 0,
      files: rollingWriter({
        targetSizeBytes: options.targetSizeBytes ?? targetFileSizeBytes(options.metadata),
        fileRowsMax: options.fileRowsMax,
        open: () => openFile(partitioner.path(tuple)),
        onFile: (file, result) => done.push(finish(file, result, tuple)),
      }),
    }
    lanes.delete(key)
    lanes.set(key, lane)
    return lane
  }
  const flush = async (lane: Lane): Promise<void> => {
    const { pending } = lane
    pendingRows -= lane.pendingRows
    lane.pending = []
    lane.pendingRows = 0
    const [only] = pending
    if (only === undefined) return
    if (!lane.files.isOpen) await makeRoom()
    await lane.files.write(pending.length === 1 ? only : concatBatches(fields, pending))
  }
  const makeRoom = async (): Promise<void> => {
    const open = [...lanes.values()].filter(lane => lane.files.isOpen)
    if (open.length >= openFilesMax) await open[0]?.files.closeFile()
  }
  /** Of clustered rows, finishes the partitions before this one. */
  const endOthers = async (key: string): Promise<void> => {
    for (const [other, lane] of lanes) {
      if (other === key) continue
      await flush(lane)
      await lane.files.closeFile()
      lanes.delete(other)
    }
  }
  const abort = async (): Promise<void> => {
    const written = done.splice(0).map(file => file.location)
    for (const lane of lanes.values()) {
      const open = await lane.files.abort()
      if (open !== undefined) written.push(open)
    }
    lanes.clear()
    if (written.length > 0) await io.delete(written)
  }

  return {
    get rowCount() {
      return rowCount
    },
    async write(batch) {
      const parts = partitioner.split(conformBatch(batch, schema, fields))
      rowCount += batch.length
      for (const part of parts) {
        if (options.clustered) await endOthers(part.key)
        const lane = laneOf(part)
        lane.pending.push(part.rows)
        lane.pendingRows += part.rows.length
        pendingRows += part.rows.length
        if (lane.pendingRows >= partitionRows) await flush(lane)
      }
      while (pendingRows > pendingRowsMax) await flush(largest(lanes.values()))
    },
    async close() {
      for (const lane of lanes.values()) {
        await flush(lane)
        await lane.files.closeFile()
      }
      lanes.clear()
      return done
    },
    abort,
  }
}

/** The columns of the files: those of the schema, lineage columns behind. */
export function writerFields({
  schema,
  lineageFields = [],
}: Pick<DataWriterOptions, 'schema' | 'lineageFields'>): readonly Field[] {
  return lineageFields.length === 0 ? schema.fields : [...schema.fields, ...lineageFields]
}

/**
 * The batch with columns as the schema has them, lineage columns behind.
 * @param fields as `writerFields` gives them
 * @throws invalid-argument when the rows do not fit the schema
 */
export function conformBatch(batch: ColumnBatch, schema: Schema, fields: readonly Field[]): ColumnBatch {
  const lineageCount = fields.length - schema.fields.length
  if (lineageCount === 0) return conformRows(batch, schema)
  const own = batch.columns.length - lineageCount
  assert(batch.fields[own]?.id === fields[schema.fields.length]?.id, 'lineage columns come last')
  const rows = {
    length: batch.length,
    fields: batch.fields.slice(0, own),
    columns: batch.columns.slice(0, own),
  }
  const conformed = conformRows(rows, schema)
  return { length: batch.length, fields, columns: [...conformed.columns, ...batch.columns.slice(own)] }
}

function largest(lanes: Iterable<Lane>): Lane {
  let found: Lane | undefined
  for (const lane of lanes) if (found === undefined || lane.pendingRows > found.pendingRows) found = lane
  assert(found !== undefined, 'a partition has pending rows')
  return found
}

/** Opens Parquet files with the table's properties. */
function fileOpener(
  options: DataWriterOptions,
  fields: readonly Field[],
): (partitionPath: string) => Promise<OpenFile> {
  const { io, metadata, schema, naming, signal } = options
  checkWriteProperties(metadata, 'data')
  const parquet = parquetTableOptions(parquetOptions(metadata), schema)
  const keyValueMetadata = { 'iceberg.schema': stringifyJson(serializeSchema(schema)) }
  return async partitionPath => {
    const location = naming.dataFile(partitionPath)
    const writer = await openParquetWriter(io, location, {
      ...parquet,
      fields,
      keyValueMetadata,
      signal,
    })
    return { location, parquet: writer }
  }
}

/** Describes finished files for the manifest. */
function fileFinisher(
  options: DataWriterOptions,
): (file: OpenFile, result: ParquetWriteResult, partition: PartitionTuple) => DataFile {
  const { metadata, schema, spec, sortOrderId = UNSORTED.orderId } = options
  const modes = metricsModes(metadata, schema)
  return ({ location }, result, partition) => ({
    content: 'data',
    location,
    format: 'parquet',
    specId: spec.specId,
    partition,
    recordCount: result.rowCount,
    fileSizeBytes: result.sizeBytes,
    splitOffsets: result.splitOffsets,
    sortOrderId,
    ...fileMetrics(result.columns, schema, modes),
  })
}
