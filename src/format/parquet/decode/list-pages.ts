/**
 * Which pages of a column chunk are to be decoded: found by their headers, nothing is decompressed.
 *
 *   span  | header dictionary | header data | header data | ...        whole pages, one behind the other
 *
 * A data page that holds none of the wanted rows is left out where its header tells its rows: pages of flat columns
 * (an entry is a row) and pages of version 2. Older pages of nested columns may even begin inside a row.
 */
import { crc32 } from 'node:zlib'
import { LakeError } from '../../../base/errors.js'
import {
  type DataPageHeader,
  type DataPageHeaderV2,
  type DictionaryPageHeader,
  type PageHeader,
  parsePageHeader,
} from '../footer/page-header.js'
import { type RowRanges, touchesRanges } from '../row-ranges.js'

/** Whole pages that follow each other in the file, headers included. */
export interface PageSpan {
  readonly bytes: Uint8Array
  /** Row of the row group that the first data page begins with. */
  readonly firstRow: number
}

export interface DataPage {
  readonly header: DataPageHeader | DataPageHeaderV2
  /** As stored, checked against the header's CRC if it has one. */
  readonly body: Uint8Array
  /** The row that the page begins with, if it is known; it goes on where the one before ended else. */
  readonly firstRow: number | undefined
}

export interface DictionaryPage {
  readonly header: DictionaryPageHeader
  readonly body: Uint8Array
}

export interface ChunkPages {
  readonly dictionary: DictionaryPage | undefined
  /** In the order of their rows. */
  readonly data: readonly DataPage[]
}

export interface PagesRequest {
  /** The dictionary page when no span has it. */
  readonly dictionary?: Uint8Array | undefined
  readonly spans: readonly PageSpan[]
  /** Entries of the spans, where that is known: what stands behind so many is no page. */
  readonly entries?: number | undefined
  /** Each entry is a row. */
  readonly flat: boolean
  /** Rows of the row group. */
  readonly groupRows: number
  /** The wanted rows; all when absent. */
  readonly rows?: RowRanges | undefined
}

/** Entries of one page at most: a few bytes may claim any number. */
const PAGE_ENTRIES_MAX: number = 2 ** 25

interface Listing {
  readonly request: PagesRequest
  /** Behind the last wanted row. */
  readonly endRow: number
  readonly data: DataPage[]
  dictionary: DictionaryPage | undefined
  /** Entries that may follow. */
  entriesLeft: number
}

/**
 * Throws plain errors when the headers are broken.
 * @throws unsupported when a page has more entries than this reader takes
 */
export function listPages(request: PagesRequest): ChunkPages {
  const { rows, groupRows } = request
  const endRow = rows === undefined ? groupRows : (rows[rows.length - 1] ?? 0)
  const entriesLeft = request.entries ?? Number.POSITIVE_INFINITY
  const listing: Listing = { request, endRow, data: [], dictionary: undefined, entriesLeft }
  if (request.dictionary !== undefined) listSpan(listing, { bytes: request.dictionary, firstRow: 0 })
  for (const span of request.spans) listSpan(listing, span)
  return { dictionary: listing.dictionary, data: listing.data }
}

function listSpan(listing: Listing, { bytes, firstRow }: PageSpan): void {
  let row: number | undefined = firstRow
  let at = 0
  const { endRow } = listing
  while (at < bytes.length && listing.entriesLeft > 0 && (row === undefined || row < endRow)) {
    const { header, length } = parsePageHeader(bytes, at)
    const from = at + length
    at = from + header.compressedBytes
    if (at > bytes.length) throw new RangeError('a page is cut off')
    const body = bytes.subarray(from, at)
    if (header.kind === 'dictionary') addDictionary(listing, header, body)
    if (header.kind !== 'data' && header.kind !== 'data-v2') continue
    listing.entriesLeft -= header.entries
    const end = rowBehind(header, row, listing.request.flat)
    if (isWanted(listing.request, row, end)) addData(listing, { header, body, firstRow: row })
    row = end
  }
}

function addDictionary(listing: Listing, header: DictionaryPageHeader, body: Uint8Array): void {
  if (listing.dictionary !== undefined) throw new RangeError('a column chunk with two dictionaries')
  checkCrc(header, body)
  listing.dictionary = { header, body }
}

function addData(listing: Listing, page: DataPage): void {
  if (page.header.entries > PAGE_ENTRIES_MAX) {
    const context = { entries: page.header.entries }
    throw new LakeError('unsupported', 'a parquet page has too many entries', { context })
  }
  checkCrc(page.header, page.body)
  listing.data.push(page)
}

/** The row that the next page begins with, if the header tells. */
function rowBehind(
  header: DataPageHeader | DataPageHeaderV2,
  row: number | undefined,
  flat: boolean,
): number | undefined {
  if (row === undefined) return undefined
  if (flat) return row + header.entries
  return header.kind === 'data-v2' ? row + header.rowCount : undefined
}

function isWanted(request: PagesRequest, row: number | undefined, end: number | undefined): boolean {
  if (request.rows === undefined || row === undefined || end === undefined) return true
  return touchesRanges(request.rows, row, end)
}

function checkCrc(header: PageHeader, body: Uint8Array): void {
  if (header.crc !== undefined && crc32(body) !== header.crc)
    throw new RangeError('a page has a wrong checksum')
}
