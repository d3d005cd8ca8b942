/**
 * Raw Snappy, both ways, and as Avro frames it.
 *
 *   raw   varint: length of the content | literals and copies
 *   Avro  raw | CRC-32 of the content, big endian
 *
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
import { crc32 } from 'node:zlib'
import { snappyCompressor, snappyUncompressor } from 'hysnappy'
import { concatBytes, dataView } from '../../base/bytes.js'

/** A copy of three bytes gives at most 64, so a claim beyond this factor is broken. */
const FACTOR_MAX = 64
/** A WebAssembly memory never shrinks: an instance that has seen more than this is not kept. */
const BYTES_KEPT = 2 ** 24

type Uncompress = (bytes: Uint8Array, sizeBytes: number) => Uint8Array
type Compress = (bytes: Uint8Array) => Uint8Array

let uncompressor: Uncompress | undefined
let compressor: Compress | undefined

/** The content. @throws Error when the bytes are broken, or state more than `sizeBytesMax` */
export function decompressSnappy(bytes: Uint8Array, sizeBytesMax: number): Uint8Array {
  const sizeBytes = contentBytes(bytes)
  if (sizeBytes > sizeBytesMax || sizeBytes > bytes.length * FACTOR_MAX)
    throw new Error('the length is too large')
  if (sizeBytes === 0) return new Uint8Array(0)
  const uncompress = uncompressor ?? snappyUncompressor()
  // Until all went well: a trap leaves an instance undefined.
  uncompressor = undefined
  const content = uncompress(bytes, sizeBytes)
  if (bytes.length + sizeBytes <= BYTES_KEPT) uncompressor = uncompress
  return content
}

/** The content of an Avro block, which ends in its checksum. @throws Error as above, and on a wrong checksum */
export function decompressAvroSnappy(bytes: Uint8Array, sizeBytesMax: number): Uint8Array {
  if (bytes.length < 5) throw new Error('the block is cut short')
  const content = decompressSnappy(bytes.subarray(0, -4), sizeBytesMax)
  if (dataView(bytes).getUint32(bytes.length - 4) !== crc32(content)) throw new Error('the checksum is wrong')
  return content
}

/** An Avro block: the content compressed, and its checksum. */
export function compressAvroSnappy(bytes: Uint8Array): Uint8Array {
  const checksum = new Uint8Array(4)
  dataView(checksum).setUint32(0, crc32(bytes))
  return concatBytes([compressSnappy(bytes), checksum])
}

export function compressSnappy(bytes: Uint8Array): Uint8Array {
  const compress = compressor ?? snappyCompressor()
  compressor = undefined
  const result = compress(bytes)
  if (bytes.length <= BYTES_KEPT) compressor = compress
  return result
}

/** The length that is stated first: a varint of at most 32 bits. */
function contentBytes(bytes: Uint8Array): number {
  let length = 0
  for (let index = 0; index < 5; index++) {
    const byte = bytes[index]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length
  }
  throw new Error('the length is broken')
}
