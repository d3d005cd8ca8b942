/**
 * Planning a Parquet read, as data: which byte ranges to fetch, and the small file that each row group becomes.
 *
 *   file      PAR1 | a b c | a b c | a b c | footer             three row groups, columns b and c wanted
 *   windows          [ b c    b c ] [ b c ]                     fetched together, near ranges as one request
 *   row group PAR1 | b c | footer with one row group and two columns
 *
 * The engine sees only the wanted columns of one row group, so it can neither read more nor hold more.
 */
import { concatBytes } from '../../base/bytes.js'
import { valueWidthBytes } from './column-statistics.js'
import type { ParquetFooter } from './footer.js'
import {
  type ColumnChunk,
  chunkRange,
  type FileRange,
  moveChunk,
  PARQUET_MAGIC,
  type SchemaElement,
  serializeFooter,
} from './metadata.js'
import type { RootColumn } from './schema.js'

/** Ranges nearer than this are one request: the bytes between cost less than another one. */
const COALESCE_GAP_BYTES = 32_768
/** Small row groups are fetched together up to this. */
const WINDOW_BYTES = 8 * 1024 * 1024
/** Rows that decode to more than this are decoded in parts. */
const DECODED_BYTES_MAX = 192 * 1024 * 1024

/** Row groups that are fetched together. */
export interface ReadWindow {
  readonly rowGroups: readonly number[]
  readonly ranges: readonly FileRange[]
}

/** What to fetch for some columns (indexes into `footer.fields`) of some row groups, in file order. */
export function planWindows(
  footer: ParquetFooter,
  rowGroups: readonly number[],
  columns: readonly number[],
): ReadWindow[] {
  const windows: ReadWindow[] = []
  let groups: number[] = []
  let ranges: FileRange[] = []
  let bytes = 0
  for (const index of rowGroups) {
    const chunks = chunksOf(footer, index, columns).map(chunkRange)
    const size = chunks.reduce((sum, range) => sum + range.lengthBytes, 0)
    if (groups.length > 0 && bytes + size > WINDOW_BYTES) {
      windows.push({ rowGroups: groups, ranges: coalesced(ranges) })
      groups = []
      ranges = []
      bytes = 0
    }
    groups.push(index)
    ranges.push(...chunks)
    bytes += size
  }
  if (groups.length > 0) windows.push({ rowGroups: groups, ranges: coalesced(ranges) })
  return windows
}

function rootsOf(footer: ParquetFooter, columns: readonly number[]): RootColumn[] {
  return columns.flatMap(column => footer.schema.roots[column] ?? [])
}

function chunksOf(footer: ParquetFooter, rowGroup: number, columns: readonly number[]): ColumnChunk[] {
  const chunks = footer.metadata.rowGroups[rowGroup]?.columns ?? []
  return rootsOf(footer, columns).flatMap(root => chunks.slice(root.leafFrom, root.leafTo))
}

function coalesced(ranges: readonly FileRange[]): FileRange[] {
  const sorted = [...ranges].sort((a, b) => a.offset - b.offset)
  const joined: FileRange[] = []
  for (const range of sorted) {
    const last = joined[joined.length - 1]
    const lastEnd = last === undefined ? 0 : last.offset + last.lengthBytes
    if (last !== undefined && range.offset - lastEnd <= COALESCE_GAP_BYTES) {
      const end = Math.max(lastEnd, range.offset + range.lengthBytes)
      joined[joined.length - 1] = { offset: last.offset, lengthBytes: end - last.offset }
    } else joined.push(range)
  }
  return joined
}

export interface RowGroupFile {
  readonly rowGroup: number
  readonly columns: readonly number[]
  /** The bytes of a range that was fetched. */
  readonly bytesOf: (range: FileRange) => Uint8Array
  /** Key-value metadata of the footer. */
  readonly keyValueMetadata?: ReadonlyMap<string, string> | undefined
}

/** A file that holds only these columns of this row group. */
export function buildRowGroupFile(footer: ParquetFooter, request: RowGroupFile): Uint8Array {
  const parts: Uint8Array[] = [PARQUET_MAGIC]
  let at = PARQUET_MAGIC.length
  const chunks = chunksOf(footer, request.rowGroup, request.columns).map(chunk => {
    const range = chunkRange(chunk)
    parts.push(request.bytesOf(range))
    const moved = moveChunk(chunk, at - range.offset)
    at += range.lengthBytes
    // The engine needs no statistics, and broken ones would make it refuse good pages.
    return { ...moved, carried: {} }
  })
  const group = footer.metadata.rowGroups[request.rowGroup]
  const rowCount = group?.rowCount ?? 0
  const uncompressedBytes = chunks.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0)
  const metadata = {
    schema: schemaOf(footer, request.columns),
    rowCount,
    rowGroups: [{ rowCount, uncompressedBytes, columns: chunks }],
    keyValueMetadata: request.keyValueMetadata ?? new Map<string, string>(),
    createdBy: footer.createdBy,
  }
  parts.push(serializeFooter(metadata))
  return concatBytes(parts)
}

function schemaOf(footer: ParquetFooter, columns: readonly number[]): SchemaElement[] {
  const roots = rootsOf(footer, columns)
  const elements = footer.metadata.schema
  return [
    { name: 'schema', childCount: roots.length },
    ...roots.flatMap(root => elements.slice(root.elementFrom, root.elementTo)),
  ]
}

/** How many rows of a row group to decode at a time, so that the decoded ones stay within bounds. */
export function rowsPerDecode(footer: ParquetFooter, rowGroup: number, columns: readonly number[]): number {
  const rowCount = footer.metadata.rowGroups[rowGroup]?.rowCount ?? 0
  const stored = chunksOf(footer, rowGroup, columns).reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0)
  const width = rootsOf(footer, columns).reduce((sum, root) => sum + valueWidthBytes(root.field.type), 0)
  const decoded = Math.max(stored, rowCount * width)
  if (decoded <= DECODED_BYTES_MAX) return Math.max(1, rowCount)
  return Math.max(1, Math.ceil(rowCount / Math.ceil(decoded / DECODED_BYTES_MAX)))
}
