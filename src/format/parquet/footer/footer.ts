/**
 * Reading the end of a Parquet file: schema, row groups and their statistics.
 *
 * The footer stands at the end and says its length only there, so the first request speculates: it takes the
 * last `SPECULATIVE_TAIL_BYTES`, which is a whole small file or the whole footer of most large ones. What came
 * with it is kept, and the reader asks for none of it again.
 */
import { dataView, equalBytes } from '../../../base/bytes.js'
import { errorText, LakeError } from '../../../base/errors.js'
import type { FileIO, IoOptions } from '../../../io/file-io.js'
import type { Field, Value } from '../../../schema/types.js'
import { chunkBounds } from './bounds.js'
import {
  chunkRange,
  PARQUET_MAGIC,
  PARQUET_TAIL_BYTES,
  type ParquetMetadata,
  type RowGroup,
} from './metadata.js'
import { parseMetadata } from './parse-metadata.js'
import { type FieldIdOf, NO_FIELD_ID, type ParquetSchema, readParquetSchema } from './schema.js'

export const SPECULATIVE_TAIL_BYTES = 65_536

export interface FooterOptions extends IoOptions {
  /** The size of the file when it is known; else it is asked for. */
  readonly sizeBytes?: number | undefined
  /** Ids of the fields of a file that carries none: a name mapping. */
  readonly fieldIdOf?: FieldIdOf | undefined
}

/** What the footer says about one leaf column of one row group. */
export interface ColumnChunkStatistics {
  readonly columnSizeBytes: number
  /** Values, nulls included; inside lists and maps every slot, and one for each empty or null list. */
  readonly valueCount: number
  readonly nullCount?: number | undefined
  /** No greater than any value (NaN left out); absent inside lists and maps. */
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

export interface ParquetRowGroup {
  /** Position in the file of the first row. */
  readonly firstRow: number
  readonly rowCount: number
  /** Compressed bytes of all columns. */
  readonly sizeBytes: number
  /** By field id; fields without an id are left out. Decoded when first asked for. */
  readonly columns: ReadonlyMap<number, ColumnChunkStatistics>
}

/** A part of a file that is in memory. */
export interface FileTail {
  readonly offset: number
  readonly bytes: Uint8Array
}

export interface ParquetFooter {
  readonly location: string
  readonly sizeBytes: number
  readonly rowCount: number
  /** Id `NO_FIELD_ID` where the file has none. */
  readonly fields: readonly Field[]
  readonly rowGroups: readonly ParquetRowGroup[]
  readonly keyValueMetadata: ReadonlyMap<string, string>
  readonly createdBy?: string | undefined
  /** For the reader: what the footer said, and the bytes that came with it. */
  readonly metadata: ParquetMetadata
  readonly schema: ParquetSchema
  readonly tail: FileTail
}

/**
 * Reads the footer: one request, two when it is longer than the speculation, one more when the size is unknown.
 * @throws corrupt naming the location, not-found, unavailable
 */
export async function readParquetFooter(
  io: FileIO,
  location: string,
  options: FooterOptions = {},
): Promise<ParquetFooter> {
  const sizeBytes = options.sizeBytes ?? (await io.stat(location, { signal: options.signal })).sizeBytes
  const offset = Math.max(0, sizeBytes - SPECULATIVE_TAIL_BYTES)
  const range = { offset, lengthBytes: sizeBytes - offset }
  const bytes = await io.read(location, { range, signal: options.signal })
  const footerBytes = footerLength(bytes, { location, sizeBytes, offset })
  const footerOffset = sizeBytes - PARQUET_TAIL_BYTES - footerBytes
  const tail = { offset, bytes }
  if (footerOffset >= offset) return parseFooter(tail, { ...options, location, sizeBytes, footerOffset })
  const missing = { offset: footerOffset, lengthBytes: offset - footerOffset }
  const head = await io.read(location, { range: missing, signal: options.signal })
  if (head.length !== missing.lengthBytes) throw corrupt(location, 'the parquet file is shorter than stated')
  const whole = { offset: footerOffset, bytes: joined(head, bytes) }
  return parseFooter(whole, { ...options, location, sizeBytes, footerOffset })
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

function corrupt(location: string, message: string, cause?: unknown): LakeError {
  const reason = cause === undefined ? {} : { reason: errorText(cause) }
  return new LakeError('corrupt', message, { context: { location, ...reason }, cause })
}

function footerLength(
  bytes: Uint8Array,
  place: { readonly location: string; readonly sizeBytes: number; readonly offset: number },
): number {
  const { location, sizeBytes, offset } = place
  const end = bytes.length
  if (offset + end !== sizeBytes) throw corrupt(location, 'the parquet file is shorter than stated')
  if (end < PARQUET_TAIL_BYTES + 4) throw corrupt(location, 'the file is too short to be parquet')
  const magic = bytes.subarray(end - 4)
  if (equalBytes(magic, Uint8Array.of(0x50, 0x41, 0x52, 0x45))) {
    throw new LakeError('unsupported', 'the parquet footer is encrypted', { context: { location } })
  }
  if (!equalBytes(magic, PARQUET_MAGIC)) throw corrupt(location, 'the file does not end as parquet does')
  const length = dataView(bytes).getUint32(end - PARQUET_TAIL_BYTES, true)
  if (length > sizeBytes - PARQUET_TAIL_BYTES - 4) throw corrupt(location, 'the parquet footer is cut off')
  return length
}

function parseFooter(
  tail: FileTail,
  options: FooterOptions & {
    readonly location: string
    readonly sizeBytes: number
    readonly footerOffset: number
  },
): ParquetFooter {
  const { location, sizeBytes, footerOffset } = options
  try {
    // A copy of its own: statistics point into it for as long as the footer lives.
    const from = footerOffset - tail.offset
    const metadata = parseMetadata(tail.bytes.slice(from, tail.bytes.length - PARQUET_TAIL_BYTES))
    const schema = readParquetSchema(metadata.schema, options.fieldIdOf)
    checkRowGroups(metadata, schema, footerOffset)
    return {
      location,
      sizeBytes,
      // The row groups are what is read; a few writers state another total.
      rowCount: metadata.rowGroups.reduce((sum, group) => sum + group.rowCount, 0),
      fields: schema.roots.map(root => root.field),
      rowGroups: rowGroupsOf(metadata, schema),
      keyValueMetadata: metadata.keyValueMetadata,
      createdBy: metadata.createdBy,
      metadata,
      schema,
      tail,
    }
  } catch (error) {
    if (error instanceof LakeError) throw new LakeError(error.kind, error.message, { context: { location } })
    throw corrupt(location, 'the parquet footer cannot be decoded', error)
  }
}

/** What reading relies on later: all chunks there and inside the file. */
function checkRowGroups(metadata: ParquetMetadata, schema: ParquetSchema, dataEnd: number): void {
  for (const group of metadata.rowGroups) {
    if (group.rowCount < 0) throw new RangeError('a negative row count')
    if (group.columns.length !== schema.leaves.length) throw new RangeError('a row group lacks columns')
    for (const chunk of group.columns) {
      const { offset, lengthBytes } = chunkRange(chunk)
      if (offset < 0 || lengthBytes < 0 || offset + lengthBytes > dataEnd) {
        throw new RangeError('a column chunk lies outside the file')
      }
    }
  }
}

function rowGroupsOf(metadata: ParquetMetadata, schema: ParquetSchema): ParquetRowGroup[] {
  let firstRow = 0
  return metadata.rowGroups.map(group => {
    const first = firstRow
    firstRow += group.rowCount
    return rowGroupOf(group, schema, first)
  })
}

function rowGroupOf(group: RowGroup, schema: ParquetSchema, firstRow: number): ParquetRowGroup {
  let columns: ReadonlyMap<number, ColumnChunkStatistics> | undefined
  let sizeBytes = 0
  for (const chunk of group.columns) sizeBytes += chunk.compressedBytes
  return {
    firstRow,
    rowCount: group.rowCount,
    sizeBytes,
    get columns() {
      columns ??= statisticsOf(group, schema)
      return columns
    },
  }
}

function statisticsOf(group: RowGroup, schema: ParquetSchema): ReadonlyMap<number, ColumnChunkStatistics> {
  const columns = new Map<number, ColumnChunkStatistics>()
  for (const [index, leaf] of schema.leaves.entries()) {
    const chunk = group.columns[index]
    if (chunk === undefined || leaf.fieldId === NO_FIELD_ID) continue
    columns.set(leaf.fieldId, {
      columnSizeBytes: chunk.compressedBytes,
      valueCount: chunk.valueCount,
      nullCount: chunk.statistics.nullCount,
      ...chunkBounds(chunk.statistics, leaf),
    })
  }
  return columns
}
