/**
 * What readers of Avro container files share, whether they have the file in memory (`avro-container.ts`) or stream it
 * (`avro-data/block-stream.ts`): how a file begins, and the codecs of its blocks.
 * @see Avro spec, "Object Container Files"
 */
import { equalBytes, utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { decompress } from './compression.js'

export const AVRO_MAGIC: Uint8Array = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01)
export const AVRO_SYNC_BYTES = 16
/** The first bytes of a file that Iceberg's encryption wrote. */
const ENCRYPTED_MAGIC: Uint8Array = utf8Encode('AGS1')

/** @param head as many bytes as the magic has, or all there are. @throws corrupt; unsupported for an encrypted file */
export function checkAvroMagic(head: Uint8Array): void {
  if (equalBytes(head, AVRO_MAGIC)) return
  if (equalBytes(head, ENCRYPTED_MAGIC)) throw new LakeError('unsupported', 'the file is encrypted')
  throw new LakeError('corrupt', 'the file is not an avro file')
}

export interface BlockCodec {
  /**
   * @param likelyBytes about as many will come out
   * @throws corrupt when the block is not of the codec
   */
  unpack(block: Uint8Array, likelyBytes?: number): Uint8Array
  /** A byte gives at most so many: what a claim about a block can be checked with, without unpacking it. */
  readonly factorMax: number
}

/** Two bits for the longest match, of 258 bytes. */
const DEFLATE_FACTOR = 1032
/** Three bytes for a copy of 64. */
const SNAPPY_FACTOR = 64
/** Four bytes for a block of 128 KiB that repeats one byte. */
const ZSTD_FACTOR = 2 ** 15

/**
 * A codec by the name that Avro gives it.
 * @throws unsupported for a codec that is not built (bzip2 and xz are Avro's others)
 */
export function blockCodec(name: string, location: string): BlockCodec {
  switch (name) {
    case 'null':
      return { unpack: block => block, factorMax: 1 }
    case 'deflate':
      return {
        unpack: (block, likelyBytes) => decompress('deflate', block, { location, likelyBytes }),
        factorMax: DEFLATE_FACTOR,
      }
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
