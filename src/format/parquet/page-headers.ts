/**
 * What the headers of pages say, for files without a page index: some writers (parquet-cpp, and so pyarrow and
 * PyIceberg) put the statistics of a page there. Finding them takes the bytes of the chunk, which are kept for the read
 * that follows, and nothing is decompressed.
 *
 *   chunk   [header: 1..90] page | [header: 91..170] page | ...        as a column index and an offset index have it
 */
import { type BytesOf, fetchRanges, type PageSource } from './fetch-ranges.js'
import type { FileTail } from './footer/footer.js'
import { type ColumnChunk, chunkRange } from './footer/metadata.js'
import { type PageHeader, parsePageHeader, parsePageStatistics } from './footer/page-header.js'
import {
  type OffsetIndex,
  type PageLocation,
  type PageStatistics,
  statisticsOfPage,
} from './footer/page-index.js'
import type { LeafColumn } from './footer/schema.js'
import { coalesced } from './read-plan.js'

/** Bytes of chunks that are kept for a file; larger chunks are not looked at. */
const HELD_BYTES_MAX: number = 16 * 1024 * 1024

export interface HeaderStatisticsRequest {
  readonly rowGroups: readonly number[]
  /** Indexes of leaves. */
  readonly leaves: readonly number[]
}

export interface HeaderStatistics {
  readonly rowGroup: number
  readonly leaf: number
  readonly offsets: OffsetIndex
  readonly pages: readonly PageStatistics[]
}

export interface FoundHeaders {
  readonly statistics: readonly HeaderStatistics[]
  /** The chunks' bytes, as far as they are kept. */
  readonly held: readonly FileTail[]
}

/**
 * A request for each row group; none for leaves of lists and for chunks that have an index. A leaf whose first
 * chunk has no statistics in its headers is not looked at again.
 * @throws unavailable
 */
export async function readHeaderStatistics(
  source: PageSource,
  { rowGroups, leaves }: HeaderStatisticsRequest,
): Promise<FoundHeaders> {
  const statistics: HeaderStatistics[] = []
  const held: FileTail[] = []
  const silent = new Set<number>()
  let heldBytes = 0
  for (const rowGroup of rowGroups) {
    const chunks = chunksOf(source, rowGroup, leaves).filter(({ leaf }) => !silent.has(leaf))
    const ranges = coalesced(chunks.map(({ chunk }) => chunkRange(chunk)))
    const bytesOf = await fetchRanges(source, ranges)
    for (const range of ranges) {
      if (heldBytes + range.lengthBytes > HELD_BYTES_MAX) continue
      heldBytes += range.lengthBytes
      held.push({ offset: range.offset, bytes: bytesOf(range) })
    }
    for (const { leaf, column, chunk } of chunks) {
      const found = pagesOf(chunk, column, bytesOf)
      if (found === undefined) silent.add(leaf)
      else statistics.push({ rowGroup, leaf, ...found })
    }
  }
  return { statistics, held }
}

interface LookedAtChunk {
  readonly leaf: number
  readonly column: LeafColumn
  readonly chunk: ColumnChunk
}

function chunksOf({ footer }: PageSource, rowGroup: number, leaves: readonly number[]): LookedAtChunk[] {
  return leaves.flatMap(leaf => {
    const column = footer.schema.leaves[leaf]
    const chunk = footer.metadata.rowGroups[rowGroup]?.columns[leaf]
    if (column === undefined || chunk === undefined || column.maxRepetition > 0) return []
    if (chunk.offsetIndex !== undefined || chunk.encrypted || chunk.filePath) return []
    const { offset, lengthBytes } = chunkRange(chunk)
    const isInFile = offset >= 4 && lengthBytes > 0 && offset + lengthBytes <= footer.sizeBytes
    return isInFile && lengthBytes <= HELD_BYTES_MAX ? [{ leaf, column, chunk }] : []
  })
}

/** Undefined when no header has statistics, and when the headers cannot be read: that is for the decoder to say. */
function pagesOf(
  chunk: ColumnChunk,
  column: LeafColumn,
  bytesOf: BytesOf,
): Pick<HeaderStatistics, 'offsets' | 'pages'> | undefined {
  const range = chunkRange(chunk)
  const bytes = bytesOf(range)
  const offsets: PageLocation[] = []
  const pages: PageStatistics[] = []
  let knows = false
  let firstRow = 0
  try {
    for (let at = 0, entries = 0; at < bytes.length && entries < chunk.valueCount; ) {
      const { header, length } = parsePageHeader(bytes, at)
      const rowCount = rowsOfPage(header, column) ?? 0
      if (rowCount > 0) {
        const raw = parsePageStatistics(bytes, at)
        knows ||= raw !== undefined
        const compressedBytes = length + header.compressedBytes
        offsets.push({ offset: range.offset + at, compressedBytes, firstRow })
        pages.push(raw === undefined ? NOTHING_KNOWN : statisticsOfPage(raw, rowCount, column))
        firstRow += rowCount
        entries += rowCount
      }
      at += length + header.compressedBytes
      if (at > bytes.length) return undefined
    }
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined
    throw error
  }
  return knows && firstRow === chunk.valueCount ? { offsets: { pages: offsets }, pages } : undefined
}

const NOTHING_KNOWN: PageStatistics = { allNull: false }

/** Rows of a data page; undefined where the header does not tell (lists in version 1), none for other pages. */
export function rowsOfPage(header: PageHeader, column: LeafColumn): number | undefined {
  if (header.kind === 'data-v2') return header.rowCount
  if (header.kind !== 'data') return 0
  return column.maxRepetition > 0 ? undefined : header.entries
}
