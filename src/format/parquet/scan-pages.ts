/**
 * Where the pages of a chunk stand, for files without an offset index: found by walking along the page headers, the
 * chunk read in parts and dropped again. That reads it twice, so it is done for row groups only that are too large to
 * be held at once.
 */
import { errorText, LakeError } from '../../base/errors.js'
import type { PageSource } from './fetch-ranges.js'
import { type ColumnChunk, chunkRange } from './footer/metadata.js'
import { type PageHeader, parsePageHeader } from './footer/page-header.js'
import type { OffsetIndex, PageLocation } from './footer/page-index.js'
import { rowsOfPage } from './page-headers.js'

const PART_BYTES = 4 * 1024 * 1024
/** A header is parsed from a part that has at least this much behind its beginning, or all there is. */
const HEADER_BYTES_MAX = 64 * 1024

/**
 * The chunk's pages; undefined when their headers do not tell how many rows they hold (lists in pages of version 1).
 * @throws corrupt naming location, row group and leaf; unavailable
 */
export async function scanPages(
  source: PageSource,
  { rowGroup, leaf }: { readonly rowGroup: number; readonly leaf: number },
): Promise<OffsetIndex | undefined> {
  const { footer } = source
  const chunk = footer.metadata.rowGroups[rowGroup]?.columns[leaf]
  const column = footer.schema.leaves[leaf]
  if (chunk === undefined || column === undefined) return undefined
  const pages: PageLocation[] = []
  let firstRow = 0
  try {
    for await (const { offset, lengthBytes, header } of pageHeaders(source, chunk)) {
      const rows = rowsOfPage(header, column)
      if (rows === undefined) return undefined
      const compressedBytes = lengthBytes + header.compressedBytes
      // A page without rows says nothing and would make two pages begin at one row.
      if (rows > 0) pages.push({ offset, compressedBytes, firstRow })
      firstRow += rows
    }
  } catch (cause) {
    if (cause instanceof LakeError) throw cause
    const context = { location: footer.location, rowGroup, leaf, reason: errorText(cause) }
    throw new LakeError('corrupt', 'the pages of a parquet column cannot be found', { context, cause })
  }
  return pages.length === 0 ? undefined : { pages }
}

interface PlacedHeader {
  readonly offset: number
  /** Of the header alone. */
  readonly lengthBytes: number
  readonly header: PageHeader
}

async function* pageHeaders(source: PageSource, chunk: ColumnChunk): AsyncGenerator<PlacedHeader> {
  const { offset: start, lengthBytes } = chunkRange(chunk)
  const end = start + lengthBytes
  let part = { offset: start, bytes: new Uint8Array(0) }
  for (let at = start, entries = 0; at < end && entries < chunk.valueCount; ) {
    const behind = part.offset + part.bytes.length - at
    if (behind < Math.min(HEADER_BYTES_MAX, end - at)) part = await readPart(source, at, end)
    const { header, length } = parsePageHeader(part.bytes, at - part.offset)
    yield { offset: at, lengthBytes: length, header }
    if (header.kind === 'data' || header.kind === 'data-v2') entries += header.entries
    at += length + header.compressedBytes
    if (at > end) throw new RangeError('a page lies outside its chunk')
  }
}

async function readPart(
  { io, footer, signal }: PageSource,
  offset: number,
  end: number,
): Promise<{ offset: number; bytes: Uint8Array<ArrayBuffer> }> {
  const range = { offset, lengthBytes: Math.min(PART_BYTES, end - offset) }
  const bytes = await io.read(footer.location, { range, signal })
  if (bytes.length !== range.lengthBytes) throw new RangeError('the file is shorter than its footer says')
  return { offset, bytes: bytes as Uint8Array<ArrayBuffer> }
}
