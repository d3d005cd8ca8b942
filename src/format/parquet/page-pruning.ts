/**
 * Page indexes of a file: read in one go where they stand together, and asked which rows can be left out.
 *
 *   pages of a   [      0..4999      ][   5000..9999   ]
 *   pages of b   [   0..3999  ][ 4000..7999 ][ 8000.. ]
 *   runs         [     1      ][ 2  ][  3   ][   4    ]     one page of each column: its statistics hold for the run
 *
 * @see https://github.com/apache/parquet-format/blob/master/PageIndex.md
 */
import { errorText, LakeError } from '../../base/errors.js'
import { type BytesOf, fetchRanges, type PageSource } from './fetch-ranges.js'
import type { ColumnChunkStatistics, FileTail, ParquetFooter, ParquetRowGroup } from './footer/footer.js'
import { type ColumnChunk, chunkRange, type FileRange } from './footer/metadata.js'
import {
  type ColumnIndex,
  type OffsetIndex,
  type PageStatistics,
  pageStatistics,
  parseColumnIndex,
  parseOffsetIndex,
} from './footer/page-index.js'
import { readHeaderStatistics } from './page-headers.js'
import { coalesced, type GroupRows } from './read-plan.js'
import { intersectRanges, type RowRanges, rangesOfPairs } from './row-ranges.js'

/** A run of rows of a row group and what the pages that hold them say. */
export interface PageRows {
  /** Position in the file of the first row. */
  readonly firstRow: number
  readonly rowCount: number
  /** The columns asked for, by field id; one whose pages say nothing has what its row group says, or is left out. */
  readonly columns: ReadonlyMap<number, ColumnChunkStatistics>
}

export interface PageIndexes {
  offsetIndexOf(rowGroup: number, leaf: number): OffsetIndex | undefined
  /** Field ids of the leaves whose statistics were asked for. */
  readonly statisticsOf: readonly number[]
  /** Of those that have any. */
  readonly statistics: readonly LeafPages[]
  /** Parts of the file that were read on the way and will be asked for. */
  readonly held?: readonly FileTail[] | undefined
}

/** The pages of one leaf in one row group. */
interface LeafPages {
  readonly rowGroup: number
  readonly fieldId: number
  readonly offsets: OffsetIndex
  readonly pages: readonly PageStatistics[]
  readonly columnSizeBytes: number
}

export interface PageIndexRequest {
  readonly rowGroups: readonly number[]
  /** Leaves whose pages will be read. */
  readonly leaves: readonly number[]
  /** Field ids of the leaves whose page statistics are wanted. */
  readonly statisticsOf: readonly number[]
  /** Whether leaves without an index are looked for in the headers of their pages, for which their chunks are read. */
  readonly readsHeaders?: boolean | undefined
}

/** @throws corrupt naming location and row group; unavailable */
export async function readPageIndexes(source: PageSource, request: PageIndexRequest): Promise<PageIndexes> {
  const wanted = wantedIndexes(source.footer, request)
  const ranges = wanted.flatMap(index => index.ranges)
  checkInFile(source, ranges)
  const bytesOf = await fetchRanges(source, coalesced(ranges))
  const offsets = new Map<string, OffsetIndex>()
  const statistics: LeafPages[] = []
  for (const { rowGroup, leaf, chunk, hasStatistics } of wanted) {
    try {
      const offsetIndex = offsetIndexOf(chunk, bytesOf, source.footer.rowGroups[rowGroup]?.rowCount ?? 0)
      if (offsetIndex === undefined) continue
      offsets.set(`${rowGroup}/${leaf}`, offsetIndex)
      const column = source.footer.schema.leaves[leaf]
      if (!hasStatistics || column === undefined || chunk.columnIndex === undefined) continue
      const columnIndex: ColumnIndex = parseColumnIndex(bytesOf(chunk.columnIndex))
      if (columnIndex.nullPages.length !== offsetIndex.pages.length) throw new RangeError('pages are missing')
      const pages = pageStatistics(columnIndex, column)
      const { fieldId } = column
      statistics.push({
        rowGroup,
        fieldId,
        offsets: offsetIndex,
        pages,
        columnSizeBytes: chunk.compressedBytes,
      })
    } catch (cause) {
      const context = { location: source.footer.location, rowGroup, leaf, reason: errorText(cause) }
      throw new LakeError('corrupt', 'a page index of the parquet file cannot be decoded', { context, cause })
    }
  }
  const held = request.readsHeaders ? await addHeaders(source, request, { offsets, statistics }) : undefined
  return {
    offsetIndexOf: (rowGroup, leaf) => offsets.get(`${rowGroup}/${leaf}`),
    statisticsOf: request.statisticsOf,
    statistics,
    held,
  }
}

/** Adds what headers of pages say; the parts of the file that were read for it. */
async function addHeaders(
  source: PageSource,
  request: PageIndexRequest,
  found: { readonly offsets: Map<string, OffsetIndex>; readonly statistics: LeafPages[] },
): Promise<readonly FileTail[]> {
  const { footer } = source
  const leaves = statisticsLeaves(footer, request)
  const headers = await readHeaderStatistics(source, { rowGroups: request.rowGroups, leaves })
  for (const { rowGroup, leaf, offsets, pages } of headers.statistics) {
    const column = footer.schema.leaves[leaf]
    const chunk = footer.metadata.rowGroups[rowGroup]?.columns[leaf]
    if (column === undefined || chunk === undefined) continue
    const { fieldId } = column
    found.offsets.set(`${rowGroup}/${leaf}`, offsets)
    found.statistics.push({ rowGroup, fieldId, offsets, pages, columnSizeBytes: chunk.compressedBytes })
  }
  return headers.held
}

/** Leaves whose page statistics are wanted; those inside lists have none to use. */
function statisticsLeaves(footer: ParquetFooter, { statisticsOf }: PageIndexRequest): number[] {
  return footer.schema.leaves.flatMap(({ fieldId, repeated }, leaf) =>
    !repeated && statisticsOf.includes(fieldId) ? [leaf] : [],
  )
}

interface WantedIndex {
  readonly rowGroup: number
  readonly leaf: number
  readonly chunk: ColumnChunk
  readonly hasStatistics: boolean
  readonly ranges: readonly FileRange[]
}

function wantedIndexes(footer: ParquetFooter, request: PageIndexRequest): WantedIndex[] {
  const withStatistics = new Set(statisticsLeaves(footer, request))
  const all = [...new Set([...request.leaves, ...withStatistics])]
  return request.rowGroups.flatMap(rowGroup =>
    all.flatMap(leaf => {
      const chunk = footer.metadata.rowGroups[rowGroup]?.columns[leaf]
      if (chunk?.offsetIndex === undefined) return []
      const hasStatistics = withStatistics.has(leaf) && chunk.columnIndex !== undefined
      const ranges = [chunk.offsetIndex, ...(hasStatistics && chunk.columnIndex ? [chunk.columnIndex] : [])]
      return [{ rowGroup, leaf, chunk, hasStatistics, ranges }]
    }),
  )
}

function checkInFile({ footer }: PageSource, ranges: readonly FileRange[]): void {
  for (const { offset, lengthBytes } of ranges) {
    if (offset >= 0 && lengthBytes >= 0 && offset + lengthBytes <= footer.sizeBytes) continue
    const context = { location: footer.location, offset }
    throw new LakeError('corrupt', 'a page index lies outside the parquet file', { context })
  }
}

/** Undefined when the index names no page. Throws when its pages are not those of the chunk. */
function offsetIndexOf(chunk: ColumnChunk, bytesOf: BytesOf, groupRows: number): OffsetIndex | undefined {
  if (chunk.offsetIndex === undefined) return undefined
  const index = parseOffsetIndex(bytesOf(chunk.offsetIndex))
  const chunkBytes = chunkRange(chunk)
  let end = chunkBytes.offset
  for (const [at, page] of index.pages.entries()) {
    if (page.offset < end || page.compressedBytes <= 0) throw new RangeError('pages overlap')
    if (page.firstRow >= groupRows || (at === 0 && page.firstRow !== 0))
      throw new RangeError('rows do not fit')
    end = page.offset + page.compressedBytes
  }
  if (end > chunkBytes.offset + chunkBytes.lengthBytes) throw new RangeError('a page lies outside its chunk')
  return index.pages.length === 0 ? undefined : index
}

/** Rows of the group that `keepPage` leaves in. */
export function rowsOfPages(
  footer: ParquetFooter,
  indexes: PageIndexes,
  group: GroupRows,
  keepPage: ((rows: PageRows) => boolean) | undefined,
): RowRanges | undefined {
  const leaves = indexes.statistics.filter(leaf => leaf.rowGroup === group.rowGroup)
  const rowGroup = footer.rowGroups[group.rowGroup]
  if (keepPage === undefined || leaves.length === 0 || rowGroup === undefined) return group.rows
  const groupColumns = columnsOf(rowGroup, indexes.statisticsOf)
  const pages = leaves.map(() => 0)
  const kept: number[] = []
  for (let from = 0; from < rowGroup.rowCount; ) {
    const to = Math.min(...leaves.map((leaf, at) => pageEnd(leaf, pages[at] as number, rowGroup.rowCount)))
    const columns = runStatistics(groupColumns, leaves, { pages, rowCount: to - from })
    if (keepPage({ firstRow: rowGroup.firstRow + from, rowCount: to - from, columns })) kept.push(from, to)
    for (const [at, leaf] of leaves.entries()) {
      if (pageEnd(leaf, pages[at] as number, rowGroup.rowCount) === to) pages[at] = (pages[at] as number) + 1
    }
    from = to
  }
  return intersectRanges(group.rows, rangesOfPairs(kept))
}

function pageEnd(leaf: LeafPages, page: number, groupRows: number): number {
  return leaf.offsets.pages[page + 1]?.firstRow ?? groupRows
}

function columnsOf(group: ParquetRowGroup, fieldIds: readonly number[]): [number, ColumnChunkStatistics][] {
  return fieldIds.flatMap(fieldId => {
    const column = group.columns.get(fieldId)
    return column === undefined ? [] : [[fieldId, column] as [number, ColumnChunkStatistics]]
  })
}

/** What is known of rows that lie in one page of each leaf. */
function runStatistics(
  groupColumns: readonly (readonly [number, ColumnChunkStatistics])[],
  leaves: readonly LeafPages[],
  run: { readonly pages: readonly number[]; readonly rowCount: number },
): ReadonlyMap<number, ColumnChunkStatistics> {
  const columns = new Map<number, ColumnChunkStatistics>()
  for (const [fieldId, column] of groupColumns) columns.set(fieldId, partOf(column, run.rowCount))
  for (const [at, leaf] of leaves.entries()) {
    const page = run.pages[at] as number
    const { allNull, nullCount, lower, upper } = leaf.pages[page] ?? { allNull: false }
    const known = allNull ? run.rowCount : nullCount === 0 ? 0 : undefined
    const { columnSizeBytes } = leaf
    columns.set(leaf.fieldId, { columnSizeBytes, valueCount: run.rowCount, nullCount: known, lower, upper })
  }
  return columns
}

/** Bounds hold for a part of the rows; counts only when they are none or all. */
function partOf(column: ColumnChunkStatistics, rowCount: number): ColumnChunkStatistics {
  const { nullCount, valueCount } = column
  const known = nullCount === 0 ? 0 : nullCount === valueCount ? rowCount : undefined
  return { ...column, valueCount: rowCount, nullCount: known }
}
