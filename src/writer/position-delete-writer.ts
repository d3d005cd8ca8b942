/**
 * Position delete files (format version 2), one for each data file: path and ascending positions. The bounds of
 * the path are kept whole, so that they are equal and readers know whose file it is; newer ones read
 * `referenced_data_file`.
 * @see Iceberg table spec, "Position Delete Files"
 */
import { mapBounded } from '../base/concurrency.js'
import { stringifyJson } from '../base/json.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { constantVector } from '../batch/take.js'
import { openParquetWriter, type ParquetWriteResult } from '../format/parquet/write.js'
import type { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { FileMetrics, PositionDeleteFile } from '../manifest/content-file.js'
import type { MetricsMode } from '../metadata/metrics-mode.js'
import { parquetOptions } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { PositionsByPath } from '../reader/position-delete-file.js'
import { partitionPath } from '../schema/partition.js'
import { DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD } from '../schema/reserved-fields.js'
import { serializeSchema } from '../schema/schema-json.js'
import { compareStrings } from '../schema/value.js'
import { fileMetrics } from './metrics.js'
import { type ParquetTableOptions, parquetTableOptions } from './parquet-options.js'
import type { MergedDeletes, RowDeleteOptions } from './row-deletes.js'

const FIELDS = [DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD]
const SCHEMA = { schemaId: 0, fields: FIELDS, identifierFieldIds: [] }
const WHOLE_BOUNDS: ReadonlyMap<number, MetricsMode> = new Map(
  FIELDS.map(field => [field.id, { kind: 'full' } as const]),
)
const KEY_VALUE_METADATA = {
  'delete-type': 'position',
  'iceberg.schema': stringifyJson(serializeSchema(SCHEMA)),
}
const BATCH_ROWS = 65_536
const CONCURRENCY = 4

/** Writes one file for each data file. When it throws, it has deleted what it wrote. */
export async function writePositionDeletes(
  io: FileIO,
  deletes: readonly MergedDeletes[],
  options: RowDeleteOptions,
): Promise<readonly PositionDeleteFile[]> {
  const parquet = parquetTableOptions(parquetOptions(options.metadata, 'deletes'), SCHEMA)
  const locations = deletes.map(({ task }) => options.naming.deleteFile(pathOf(task.entry.file, options)))
  try {
    return await mapBounded(
      deletes,
      (entry, index) => writeOne(io, entry, { ...options, parquet, location: locations[index] ?? '' }),
      { limit: options.concurrency ?? CONCURRENCY, signal: options.signal },
    )
  } catch (error) {
    await io.delete(locations)
    throw error
  }
}

function pathOf(
  file: MergedDeletes['task']['entry']['file'],
  { metadata, schema }: RowDeleteOptions,
): string {
  const spec = metadata.partitionSpecs.find(candidate => candidate.specId === file.specId)
  return spec === undefined ? '' : partitionPath(spec, [schema, ...metadata.schemas], file.partition)
}

async function writeOne(
  io: FileIO,
  { task, positions }: MergedDeletes,
  options: RowDeleteOptions & { readonly location: string; readonly parquet: ParquetTableOptions },
): Promise<PositionDeleteFile> {
  const { file } = task.entry
  const written = await writeRows(io, new Map([[file.location, positions]]), options)
  return {
    content: 'position-deletes',
    location: options.location,
    format: 'parquet',
    specId: file.specId,
    partition: file.partition,
    referencedDataFile: file.location,
    ...written,
  }
}

/** Writes a position delete file again, as Parquet, at another location: about files that are elsewhere now. */
export async function writePositionDeletesAgain(
  io: FileIO,
  file: PositionDeleteFile,
  options: {
    readonly location: string
    readonly positions: PositionsByPath
    readonly metadata: TableMetadata
    readonly signal?: AbortSignal | undefined
  },
): Promise<PositionDeleteFile> {
  const { location, positions, metadata } = options
  const parquet = parquetTableOptions(parquetOptions(metadata, 'deletes'), SCHEMA)
  const sorted = [...positions].sort(([a], [b]) => compareStrings(a, b))
  const written = await writeRows(io, new Map(sorted), { ...options, parquet })
  return { ...file, location, format: 'parquet', ...written }
}

type WrittenRows = Pick<
  PositionDeleteFile,
  'recordCount' | 'fileSizeBytes' | 'splitOffsets' | keyof FileMetrics
>

async function writeRows(
  io: FileIO,
  positions: PositionsByPath,
  options: {
    readonly location: string
    readonly parquet: ParquetTableOptions
    readonly signal?: AbortSignal | undefined
  },
): Promise<WrittenRows> {
  const writer = await openParquetWriter(io, options.location, {
    ...options.parquet,
    fields: FIELDS,
    keyValueMetadata: KEY_VALUE_METADATA,
    signal: options.signal,
  })
  let result: ParquetWriteResult
  try {
    for (const [path, set] of positions)
      for (const batch of deleteBatches(path, set)) await writer.write(batch)
    result = await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  return {
    recordCount: result.rowCount,
    fileSizeBytes: result.sizeBytes,
    splitOffsets: result.splitOffsets,
    ...fileMetrics(result.columns, SCHEMA, WHOLE_BOUNDS),
  }
}

function* deleteBatches(path: string, positions: PositionSet): Generator<ColumnBatch> {
  const all = positions.toArray()
  for (let from = 0; from < all.length; from += BATCH_ROWS) {
    const part = all.subarray(from, from + BATCH_ROWS)
    const values = new BigInt64Array(part.length)
    for (let row = 0; row < part.length; row++) values[row] = BigInt(part[row] ?? 0)
    yield {
      length: part.length,
      fields: FIELDS,
      columns: [
        constantVector(DELETE_FILE_PATH_FIELD.type, path, part.length),
        { layout: 'fixed-width', length: part.length, values },
      ],
    }
  }
}
