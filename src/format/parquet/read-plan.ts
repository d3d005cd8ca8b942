/**
 * Planning a Parquet read, as data: which rows are decoded together and which byte ranges that takes.
 *
 *   file      PAR1 | a b c | a b c | a b c | footer       three row groups, columns b and c wanted
 *   windows          [ b c    b c ] [ b c ]               fetched together, near ranges as one request
 *   slices           ( b c )( b c ) ( b )( b )            decoded together: a row group, or rows of a large one
 *                                   ( c )( c )
 *
 * Where the offset index of a chunk is known, a slice takes the pages that hold its rows and no others; else it
 * takes the chunk, and the decoder steps over the pages it does not need.
 */
import { valueWidthBytes } from '../../batch/value-width.js'
import type { ParquetFooter } from './footer/footer.js'
import { type ColumnChunk, chunkRange, type FileRange } from './footer/metadata.js'
import type { OffsetIndex } from './footer/page-index.js'
import type { RootColumn } from './footer/schema.js'
import { countRows, type RowRanges, splitRanges, touchesRanges } from './row-ranges.js'

/** Ranges nearer than this are one request: the bytes between cost less than another one. */
const COALESCE_GAP_BYTES = 32_768
/** Small row groups are fetched together up to this, or to a slice when that is less. */
const WINDOW_BYTES = 8 * 1024 * 1024
/** The second of windows that grow; each has four times as much as the one before. */
const GROWING_WINDOW_BYTES = 512 * 1024

/** At least the bytes of a dictionary page's header. */
const HEADER_BYTES_MISSING = 100

/** Rows of one row group, all of them when `rows` is absent. */
export interface GroupRows {
  readonly rowGroup: number
  readonly rows?: RowRanges | undefined
}

/** Rows that are decoded together. */
export interface ReadSlice extends GroupRows {
  readonly rowCount: number
  /** By leaf index. */
  readonly chunks: ReadonlyMap<number, ChunkRanges>
}

/** What is read of a column chunk. */
export interface ChunkRanges {
  /** The dictionary page, when it stands apart from the spans. */
  readonly dictionary?: FileRange | undefined
  /** Runs of whole pages; `firstRow` counts within the row group. */
  readonly spans: readonly { readonly range: FileRange; readonly firstRow: number }[]
}

/** Slices whose bytes are fetched together. */
export interface ReadWindow {
  readonly slices: readonly ReadSlice[]
  readonly ranges: readonly FileRange[]
}

export interface ReadPlanRequest {
  readonly groups: readonly GroupRows[]
  /** Indexes into `footer.fields`. */
  readonly columns: readonly number[]
  /** Bytes that the rows of a slice may take once decoded, about. */
  readonly sliceBytesMax: number
  /** Begins with as little as can be fetched and grows from there: for callers that may stop any time. */
  readonly growsWindows?: boolean | undefined
  /** Offset indexes that are known; without, chunks are read whole. */
  readonly offsetIndexOf?: ((rowGroup: number, leaf: number) => OffsetIndex | undefined) | undefined
}

/** What to fetch and decode, in file order. */
export function planRead(footer: ParquetFooter, request: ReadPlanRequest): ReadWindow[] {
  const units = request.groups.flatMap(group => unitsOf(footer, group, request))
  const windows: ReadWindow[] = []
  let slices: ReadSlice[] = []
  let ranges: FileRange[] = []
  let bytes = 0
  let bytesMax = request.growsWindows ? 0 : WINDOW_BYTES
  for (const unit of units) {
    const unitRanges = distinctRanges(unit)
    const size = unitRanges.reduce((sum, range) => sum + range.lengthBytes, 0)
    if (slices.length > 0 && bytes + size > Math.min(bytesMax, request.sliceBytesMax)) {
      bytesMax = Math.min(WINDOW_BYTES, Math.max(GROWING_WINDOW_BYTES, 4 * bytesMax))
      windows.push({ slices, ranges: coalesced(ranges) })
      slices = []
      ranges = []
      bytes = 0
    }
    slices.push(...unit)
    ranges.push(...unitRanges)
    bytes += size
  }
  if (slices.length > 0) windows.push({ slices, ranges: coalesced(ranges) })
  return windows
}

/** The slices of a row group, grouped by what must be fetched at once: slices that share chunks are one unit. */
function unitsOf(footer: ParquetFooter, group: GroupRows, request: ReadPlanRequest): ReadSlice[][] {
  const leaves = leavesOf(footer, request.columns)
  const groupRows = footer.metadata.rowGroups[group.rowGroup]?.rowCount ?? 0
  const limit = rowsPerSlice(footer, group.rowGroup, request)
  const wanted = group.rows === undefined ? groupRows : countRows(group.rows)
  if (wanted === 0) return []
  const parts =
    wanted <= limit ? [group.rows] : splitRanges(group.rows ?? Uint32Array.of(0, groupRows), limit)
  const slices = parts.map(rows => sliceOf(footer, { rowGroup: group.rowGroup, rows, leaves, request }))
  const shared = slices.some(slice => [...slice.chunks.keys()].some(leaf => !hasIndex(request, slice, leaf)))
  return shared ? [slices] : slices.map(slice => [slice])
}

function hasIndex(request: ReadPlanRequest, slice: ReadSlice, leaf: number): boolean {
  return request.offsetIndexOf?.(slice.rowGroup, leaf) !== undefined
}

interface SliceRequest extends GroupRows {
  readonly leaves: readonly number[]
  readonly request: ReadPlanRequest
}

function sliceOf(footer: ParquetFooter, { rowGroup, rows, leaves, request }: SliceRequest): ReadSlice {
  const group = footer.metadata.rowGroups[rowGroup]
  const groupRows = group?.rowCount ?? 0
  const chunks = new Map<number, ChunkRanges>()
  for (const leaf of leaves) {
    const chunk = group?.columns[leaf]
    if (chunk === undefined) continue
    const index = rows === undefined ? undefined : request.offsetIndexOf?.(rowGroup, leaf)
    chunks.set(
      leaf,
      index === undefined || rows === undefined
        ? wholeChunk(footer, chunk)
        : pagesOf(chunk, index, { rows, groupRows }),
    )
  }
  return { rowGroup, rows, rowCount: rows === undefined ? groupRows : countRows(rows), chunks }
}

function wholeChunk(footer: ParquetFooter, chunk: ColumnChunk): ChunkRanges {
  const { offset, lengthBytes } = chunkRange(chunk)
  const padded = Math.min(lengthBytes + paddingBytes(footer.createdBy), footer.sizeBytes - offset)
  return { spans: [{ range: { offset, lengthBytes: padded }, firstRow: 0 }] }
}

/**
 * parquet-mr before 1.2.9 left the header of the dictionary page out of a chunk's size (PARQUET-816); some of its builds
 * state no version. The decoder stops at the last value, whatever follows.
 */
function paddingBytes(createdBy: string | undefined): number {
  const application = /^parquet-mr(?: version (\d+)\.(\d+)\.(\d+))?/.exec(createdBy ?? '')
  if (application === null) return 0
  const [major = 0, minor = 0, patch = 0] = application.slice(1).map(part => Number(part ?? 0))
  return major * 1_000_000 + minor * 1000 + patch < 1_002_009 ? HEADER_BYTES_MISSING : 0
}

/** The pages that hold one of the rows, those that follow each other as one span. */
function pagesOf(
  chunk: ColumnChunk,
  index: OffsetIndex,
  { rows, groupRows }: { readonly rows: RowRanges; readonly groupRows: number },
): ChunkRanges {
  const whole = chunkRange(chunk)
  const { pages } = index
  const spans: { range: FileRange; firstRow: number }[] = []
  for (const [at, page] of pages.entries()) {
    const endRow = pages[at + 1]?.firstRow ?? groupRows
    if (!touchesRanges(rows, page.firstRow, endRow)) continue
    const last = spans[spans.length - 1]
    if (last !== undefined && last.range.offset + last.range.lengthBytes === page.offset) {
      const lengthBytes = last.range.lengthBytes + page.compressedBytes
      spans[spans.length - 1] = { range: { offset: last.range.offset, lengthBytes }, firstRow: last.firstRow }
    } else {
      spans.push({
        range: { offset: page.offset, lengthBytes: page.compressedBytes },
        firstRow: page.firstRow,
      })
    }
  }
  const firstPage = pages[0]?.offset ?? whole.offset
  const dictionary = { offset: whole.offset, lengthBytes: firstPage - whole.offset }
  return { dictionary: dictionary.lengthBytes > 0 ? dictionary : undefined, spans }
}

/** Leaf indexes of the columns. */
export function leavesOf(footer: ParquetFooter, columns: readonly number[]): number[] {
  return rootsOf(footer, columns).flatMap(root =>
    Array.from({ length: root.leafTo - root.leafFrom }, (_, at) => root.leafFrom + at),
  )
}

/** What the columns consist of. */
export function rootsOf(footer: ParquetFooter, columns: readonly number[]): RootColumn[] {
  return columns.flatMap(column => footer.schema.roots[column] ?? [])
}

/** Every range of the slices once: slices that share a chunk name the same range. */
function distinctRanges(slices: readonly ReadSlice[]): FileRange[] {
  const ranges = new Map<number, FileRange>()
  const add = (range: FileRange): void => {
    const known = ranges.get(range.offset)
    if (known === undefined || known.lengthBytes < range.lengthBytes) ranges.set(range.offset, range)
  }
  for (const { chunks } of slices) {
    for (const { dictionary, spans } of chunks.values()) {
      if (dictionary !== undefined) add(dictionary)
      for (const { range } of spans) add(range)
    }
  }
  return [...ranges.values()]
}

/** Ranges in file order, those that are near to each other joined. */
export function coalesced(ranges: readonly FileRange[]): FileRange[] {
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

/** Rows of a row group that decode to the slice's bytes, about. */
function rowsPerSlice(footer: ParquetFooter, rowGroup: number, request: ReadPlanRequest): number {
  const decoded = decodedBytes(footer, rowGroup, request.columns)
  const rowCount = footer.metadata.rowGroups[rowGroup]?.rowCount ?? 0
  if (decoded <= request.sliceBytesMax) return Math.max(1, rowCount)
  return Math.max(1, Math.ceil(rowCount / Math.ceil(decoded / request.sliceBytesMax)))
}

/** Bytes that the columns of a row group take once decoded, about. */
export function decodedBytes(footer: ParquetFooter, rowGroup: number, columns: readonly number[]): number {
  const group = footer.metadata.rowGroups[rowGroup]
  const leaves = leavesOf(footer, columns)
  const stored = leaves.reduce((sum, leaf) => sum + (group?.columns[leaf]?.uncompressedBytes ?? 0), 0)
  const width = rootsOf(footer, columns).reduce((sum, root) => sum + valueWidthBytes(root.field.type), 0)
  return Math.max(stored, (group?.rowCount ?? 0) * width)
}
