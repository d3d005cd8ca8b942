/** A Puffin file taken apart and put together again: `{ blobs: [{ type, bytes }], footer }`, the footer as JSON. */
import { crc32 } from 'node:zlib'
import { parseJson, stringifyJson } from '../../dist/base/json.js'

const MAGIC = Buffer.from('PFA1')
const VECTOR_MAGIC_AND_LENGTH_BYTES = 8

export function takeApart(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = bytes.length - 12
  const start = end - view.getUint32(end, true)
  const footer = parseJson(Buffer.from(bytes.subarray(start, end)).toString())
  const blobs = footer.blobs.map(({ offset, length }) => bytes.slice(offset, offset + length))
  return { blobs, footer }
}

/** Offsets and lengths in the footer are made to fit unless `keep` says that they are written as they are. */
export function putTogether({ blobs, footer }, keep) {
  const parts = [MAGIC]
  let offset = MAGIC.length
  const places = blobs.map(blob => {
    parts.push(blob)
    offset += blob.length
    return { offset: offset - blob.length, length: blob.length }
  })
  const described = keep
    ? footer
    : { ...footer, blobs: footer.blobs.map((blob, at) => ({ ...blob, ...places[at] })) }
  const payload = Buffer.from(stringifyJson(described))
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(payload.length)
  return new Uint8Array(Buffer.concat([...parts, MAGIC, payload, trailer, MAGIC]))
}

/** A deletion vector around a bitmap, its length and checksum right. */
export function framed(bitmap) {
  const bytes = Buffer.alloc(bitmap.length + 12)
  bytes.writeUInt32BE(bitmap.length + 4)
  bytes.writeUInt32BE(0xd1d33964, 4)
  bytes.set(bitmap, VECTOR_MAGIC_AND_LENGTH_BYTES)
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4)
  return new Uint8Array(bytes)
}

/** The bitmap inside a deletion vector. */
export function unframed(blob) {
  return blob.slice(VECTOR_MAGIC_AND_LENGTH_BYTES, -4)
}
