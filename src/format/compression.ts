/**
 * The codecs of Avro blocks, Puffin blobs and gzipped metadata. Third-party decoders stop here. Every decoder
 * has a limit on what it gives, so that a few broken bytes cannot ask for all memory.
 */

import { crc32, deflateRawSync, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib'
import { decompress as unzstd } from 'fzstd'
import { snappyUncompressor } from 'hysnappy'
import { unreachable } from '../base/assert.js'
import { dataView } from '../base/bytes.js'
import { errorText, LakeError } from '../base/errors.js'

export type Codec = 'deflate' | 'gzip' | 'snappy' | 'avro-snappy' | 'zstd'

export interface DecompressOptions {
  /** The file, for errors. */
  readonly location: string
  /** The most bytes that the result may have; default 1 GiB. */
  readonly sizeBytesMax?: number
}

const SIZE_BYTES_MAX_DEFAULT = 2 ** 30
/** A copy of three bytes gives at most 64, so a claim beyond this factor is broken. */
const SNAPPY_FACTOR_MAX = 64
const ZSTD_MAGIC = 0xfd2fb528

/**
 * The bytes that were compressed. `deflate` is raw deflate (RFC 1951), `snappy` the raw format, `avro-snappy` the
 * raw format followed by the big-endian CRC-32 of the result.
 * @throws corrupt when the input is not of the codec or gives more than the limit
 */
export function decompress(codec: Codec, bytes: Uint8Array, options: DecompressOptions): Uint8Array {
  const sizeBytesMax = options.sizeBytesMax ?? SIZE_BYTES_MAX_DEFAULT
  try {
    switch (codec) {
      case 'deflate':
        return inflateRawSync(bytes, { maxOutputLength: sizeBytesMax })
      case 'gzip':
        return gunzipSync(bytes, { maxOutputLength: sizeBytesMax })
      case 'snappy':
        return unsnappy(bytes, sizeBytesMax)
      case 'avro-snappy':
        return unsnappyChecked(bytes, sizeBytesMax)
      case 'zstd':
        return unzstdBounded(bytes, sizeBytesMax)
      default:
        return unreachable(codec)
    }
  } catch (cause) {
    throw new LakeError('corrupt', 'compressed bytes do not decompress', {
      context: { location: options.location, codec, reason: errorText(cause) },
      cause,
    })
  }
}

/** Raw deflate (RFC 1951). */
export function deflate(bytes: Uint8Array, level: number): Uint8Array {
  return deflateRawSync(bytes, { level })
}

export function gzip(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes)
}

/** The length that raw Snappy states first: a varint of at most 32 bits. */
function snappyLength(bytes: Uint8Array): number {
  let length = 0
  for (let index = 0; index < 5; index++) {
    const byte = bytes[index]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return length
  }
  throw new Error('the length is broken')
}

function unsnappy(bytes: Uint8Array, sizeBytesMax: number): Uint8Array {
  const length = snappyLength(bytes)
  if (length > sizeBytesMax || length > bytes.length * SNAPPY_FACTOR_MAX)
    throw new Error('the length is too large')
  if (length === 0) return new Uint8Array(0)
  // A fresh instance: the memory of a WebAssembly instance never shrinks, and a trap leaves it undefined.
  return snappyUncompressor()(bytes, length)
}

function unsnappyChecked(bytes: Uint8Array, sizeBytesMax: number): Uint8Array {
  if (bytes.length < 5) throw new Error('the block is cut short')
  const plain = unsnappy(bytes.subarray(0, -4), sizeBytesMax)
  if (dataView(bytes).getUint32(bytes.length - 4) !== crc32(plain)) throw new Error('the checksum is wrong')
  return plain
}

function unzstdBounded(bytes: Uint8Array, sizeBytesMax: number): Uint8Array {
  if (bytes.length < 5 || dataView(bytes).getUint32(0, true) !== ZSTD_MAGIC) throw new Error('no zstd frame')
  if (zstdContentSize(bytes) > sizeBytesMax) throw new Error('the content size is too large')
  const plain = unzstd(bytes)
  if (plain.length > sizeBytesMax) throw new Error('the content is too large')
  return plain
}

/** The content size that the first frame states, or 0 when it states none. */
function zstdContentSize(bytes: Uint8Array): number {
  const descriptor = bytes[4] ?? 0
  const sizeFlag = descriptor >>> 6
  const isSingleSegment = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag
  const at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes
  let size = sizeFlag === 1 ? 256 : 0
  for (let index = 0; index < sizeBytes; index++) size += (bytes[at + index] ?? 0) * 2 ** (8 * index)
  return size
}
