/**
 * A Parquet file taken apart and put together again: the parts are plain data that can be broken one by one.
 *
 *   { metadata, chunks: [[{ header, body }]], offsetIndexes, columnIndexes }     bodies decompressed
 */
import { crc32 } from 'node:zlib'
import { compressPage, decompressPage } from '../../dist/format/compression.js'
import { CODEC_NAMES, chunkRange } from '../../dist/format/parquet/footer/metadata.js'
import { parsePageHeader, serializePageHeader } from '../../dist/format/parquet/footer/page-header.js'
import {
  parseColumnIndex,
  parseOffsetIndex,
  serializeColumnIndex,
  serializeOffsetIndex,
} from '../../dist/format/parquet/footer/page-index.js'
import { parseMetadata } from '../../dist/format/parquet/footer/parse-metadata.js'
import { serializeFooter } from '../../dist/format/parquet/footer/serialize-footer.js'

const MAGIC = new TextEncoder().encode('PAR1')

/** The parts of a well-formed file. */
export function takeApart(bytes) {
  const footerLength = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 8, true)
  const metadata = parseMetadata(bytes.subarray(bytes.length - 8 - footerLength, bytes.length - 8))
  const part = range => range && bytes.subarray(range.offset, range.offset + range.lengthBytes)
  const chunks = metadata.rowGroups.map(group =>
    group.columns.map(chunk => pagesOf(part(chunkRange(chunk)), chunk)),
  )
  const indexes = metadata.rowGroups.map(group =>
    group.columns.map(chunk => ({
      column: chunk.columnIndex && parseColumnIndex(part(chunk.columnIndex)),
      offset: chunk.offsetIndex && parseOffsetIndex(part(chunk.offsetIndex)),
    })),
  )
  return { metadata, chunks, indexes }
}

function pagesOf(bytes, chunk) {
  const pages = []
  for (let at = 0; at < bytes.length; ) {
    const { header, length } = parsePageHeader(bytes, at)
    const stored = bytes.subarray(at + length, at + length + header.compressedBytes)
    pages.push({ header, body: plainBody(header, stored, CODEC_NAMES[chunk.codec]) })
    at += length + header.compressedBytes
  }
  return pages
}

function levelBytes(header) {
  return header.kind === 'data-v2' ? header.repetitionBytes + header.definitionBytes : 0
}

function plainBody(header, stored, codec) {
  if (header.kind === 'data-v2' && !header.compressed) return stored.slice()
  const levels = levelBytes(header)
  const values = stored.subarray(levels)
  const plain =
    values.length === 0 ? values : decompressPage(codec, values, header.uncompressedBytes - levels)
  return Uint8Array.from([...stored.subarray(0, levels), ...plain])
}

/**
 * The bytes of a file of the parts. Lengths, offsets and checksums are made to fit what stands there, unless `keep`
 * says that what the parts state is written as it is.
 */
export function putTogether({ metadata, chunks, indexes }, keep) {
  const out = [MAGIC]
  let at = MAGIC.length
  const push = bytes => {
    out.push(bytes)
    at += bytes.length
  }
  const rowGroups = metadata.rowGroups.map((group, g) => ({
    ...group,
    columns: group.columns.map((chunk, c) => {
      const start = at
      const locations = []
      let dictionaryEnd
      for (const page of chunks[g]?.[c] ?? []) {
        const from = at
        for (const bytes of storedPage(page, CODEC_NAMES[chunk.codec] ?? 'uncompressed', keep)) push(bytes)
        if (page.header.kind === 'dictionary') dictionaryEnd = at
        else locations.push({ offset: from, compressedBytes: at - from })
      }
      moveIndex(indexes[g]?.[c], locations)
      if (keep.footer) return chunk
      const dictionaryPageOffset = dictionaryEnd === undefined ? undefined : start
      const dataPageOffset = dictionaryEnd ?? start
      return { ...chunk, dictionaryPageOffset, dataPageOffset, compressedBytes: at - start }
    }),
  }))
  const withIndexes = rowGroups.map((group, g) => ({
    ...group,
    columns: group.columns.map((chunk, c) => {
      const own = indexes[g]?.[c]
      if (keep.footer || own === undefined) return chunk
      const place = bytes => {
        const range = { offset: at, lengthBytes: bytes.length }
        push(bytes)
        return range
      }
      return {
        ...chunk,
        columnIndex: own.column && place(serializeColumnIndex(own.column)),
        offsetIndex: own.offset && place(serializeOffsetIndex(own.offset)),
      }
    }),
  }))
  push(serializeFooter({ ...metadata, rowGroups: withIndexes }))
  return Buffer.concat(out)
}

/** Offsets of pages in the index follow the pages, when there are as many. */
function moveIndex(index, locations) {
  if (index?.offset === undefined || index.offset.pages.length !== locations.length || index.isBroken) return
  index.offset = {
    ...index.offset,
    pages: index.offset.pages.map((page, at) => ({ ...page, ...locations[at] })),
  }
}

function storedPage({ header, body }, codec, keep) {
  const levels = Math.min(levelBytes(header), body.length)
  const isPlain = header.kind === 'data-v2' && !header.compressed
  const values = body.subarray(levels)
  const packed = isPlain || values.length === 0 ? values : packedValues(codec, values)
  const stored = Buffer.concat([body.subarray(0, levels), packed])
  if (keep.header) return [serializePageHeader(header), stored]
  const crc = header.crc === undefined ? undefined : crc32(stored)
  const sizes = { compressedBytes: stored.length, uncompressedBytes: body.length, crc }
  return [serializePageHeader({ ...header, ...sizes }), stored]
}

function packedValues(codec, values) {
  if (codec === 'lzo') return values
  if (codec !== 'lz4') return compressPage(codec, values, {})
  // Hadoop's framing, which is read but not written: sizes of the plain and the packed block, big-endian.
  const block = compressPage('lz4_raw', values, {})
  const sizes = new DataView(new ArrayBuffer(8))
  sizes.setUint32(0, values.length)
  sizes.setUint32(4, block.length)
  return Buffer.concat([new Uint8Array(sizes.buffer), block])
}
