/** The codecs of data blocks, by the names that Avro gives them. */
import { LakeError } from '../../base/errors.js'
import { decompress } from '../compression.js'

export interface BlockCodec {
  /** @throws corrupt when the block is not of the codec */
  unpack(block: Uint8Array): Uint8Array
  /** A byte gives at most so many: what a claim about a block can be checked with, without unpacking it. */
  readonly factorMax: number
}

/** Two bits for the longest match, of 258 bytes. */
const DEFLATE_FACTOR = 1032
/** Three bytes for a copy of 64. */
const SNAPPY_FACTOR = 64
/** Four bytes for a block of 128 KiB that repeats one byte. */
const ZSTD_FACTOR = 2 ** 15

/** @throws unsupported for a codec that is not built (bzip2 and xz are Avro's others) */
export function blockCodec(name: string, location: string): BlockCodec {
  switch (name) {
    case 'null':
      return { unpack: block => block, factorMax: 1 }
    case 'deflate':
      return { unpack: block => decompress('deflate', block, { location }), factorMax: DEFLATE_FACTOR }
    case 'snappy':
      return { unpack: block => decompress('avro-snappy', block, { location }), factorMax: SNAPPY_FACTOR }
    case 'zstandard':
      return { unpack: block => decompress('zstd', block, { location }), factorMax: ZSTD_FACTOR }
    default:
      throw new LakeError('unsupported', 'the avro codec is not supported', {
        context: { location, codec: name },
      })
  }
}
