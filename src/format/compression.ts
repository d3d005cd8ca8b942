/**
 * The codecs of Parquet pages, Avro blocks, Puffin blobs and gzipped metadata. Every decoder has a limit on what it
 * gives, so that a few broken bytes cannot ask for all memory.
 *
 * | codec | by |
 * |---|---|
 * | gzip, deflate, brotli | `node:zlib` |
 * | zstd | `node:zlib` where it has it, else WebAssembly: `compression/zstd.ts` |
 * | snappy | WebAssembly: `compression/snappy.ts` |
 * | lz4, lz4_raw | WebAssembly: `compression/lz4.ts` |
 *
 * All of it is synchronous: a page is decoded where its column is, on a worker or inline.
 */

import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateRawSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  constants as zlib,
} from 'node:zlib'
import { unreachable } from '../base/assert.js'
import { errorText, LakeError } from '../base/errors.js'
import { compressLz4, decompressHadoopLz4, decompressLz4 } from './compression/lz4.js'
import type { Scratch } from './compression/scratch.js'
import {
  compressAvroSnappy,
  compressSnappy,
  decompressAvroSnappy,
  decompressSnappy,
} from './compression/snappy.js'
import { ownBytes, roomFor } from './compression/zlib-output.js'
import { compressZstd, decompressZstd, prepareZstd } from './compression/zstd.js'

export type Codec = 'deflate' | 'gzip' | 'snappy' | 'avro-snappy' | 'zstd'

export interface DecompressOptions {
  /** The file, for errors. */
  readonly location: string
  /** The most bytes that the result may have; default 1 GiB. */
  readonly sizeBytesMax?: number
  /** About as many bytes will come out; only a hint, and only for deflate. */
  readonly likelyBytes?: number | undefined
}

const SIZE_BYTES_MAX_DEFAULT = 2 ** 30

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
        return inflateRawSync(bytes, {
          maxOutputLength: sizeBytesMax,
          ...(options.likelyBytes !== undefined && { chunkSize: roomFor(options.likelyBytes) }),
        })
      case 'gzip':
        return gunzipSync(bytes, { maxOutputLength: sizeBytesMax })
      case 'snappy':
        return decompressSnappy(bytes, sizeBytesMax)
      case 'avro-snappy':
        return decompressAvroSnappy(bytes, sizeBytesMax)
      case 'zstd':
        return decompressZstd(bytes, sizeBytesMax)
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

/** Codecs that Avro files are written with, by Avro's names. */
export type AvroWriteCodec = 'null' | 'deflate' | 'snappy' | 'zstandard'

const AVRO_DEFLATE_LEVEL = 6
const AVRO_ZSTD_LEVEL = 3

/** The content of an Avro block as it stands in the file. */
export function packAvroBlock(codec: AvroWriteCodec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'null':
      return bytes
    case 'deflate':
      return deflate(bytes, AVRO_DEFLATE_LEVEL)
    case 'snappy':
      return compressAvroSnappy(bytes)
    case 'zstandard':
      return compressZstd(bytes, AVRO_ZSTD_LEVEL)
    default:
      return unreachable(codec)
  }
}

export function gzip(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes)
}

/**
 * The codecs of Parquet pages. `lz4_raw` is one LZ4 block; `lz4` is the deprecated codec, in Hadoop's framing or
 * without any.
 * @see https://github.com/apache/parquet-format/blob/master/Compression.md
 */
export type PageCodec = 'uncompressed' | 'snappy' | 'gzip' | 'zstd' | 'lz4_raw' | 'lz4' | 'brotli' | 'lzo'

/**
 * The bytes of a page, exactly `uncompressedBytes` of them and no memory taken for more. With `uncompressed` they are
 * `bytes` themselves; with a scratch they may be in it, and hold until it is used again; else they have memory of their
 * own, which may move to another thread.
 * @throws Error when the input is not of the codec or gives another length; LakeError unsupported for lzo
 */
export function decompressPage(
  codec: PageCodec,
  bytes: Uint8Array,
  uncompressedBytes: number,
  scratch?: Scratch,
): Uint8Array {
  // Writers leave a page without bytes empty, whatever the codec.
  if (uncompressedBytes === 0 && bytes.length === 0) return bytes
  const plain = decompressAny(codec, bytes, uncompressedBytes, scratch)
  if (plain.length !== uncompressedBytes) throw new RangeError('the page has another length than it states')
  return plain
}

function decompressAny(
  codec: PageCodec,
  bytes: Uint8Array,
  sizeBytes: number,
  scratch: Scratch | undefined,
): Uint8Array {
  switch (codec) {
    case 'uncompressed':
      return bytes
    case 'snappy':
      return decompressSnappy(bytes, sizeBytes)
    case 'gzip':
      return ownBytes(gunzipSync(bytes, inflateRoom(bytes, sizeBytes)))
    case 'zstd':
      return decompressZstd(bytes, sizeBytes, scratch)
    case 'lz4_raw':
      return decompressLz4(bytes, sizeBytes)
    case 'lz4':
      return decompressHadoopLz4(bytes, sizeBytes)
    case 'brotli':
      return ownBytes(brotliDecompressSync(bytes, inflateRoom(bytes, sizeBytes)))
    case 'lzo':
      throw unsupported(codec)
    default:
      return unreachable(codec)
  }
}

/** Bytes that inflate at once; a page that gives more for so few compressed bytes is inflated in several steps. */
const INFLATE_BYTES_MIN = 2 ** 18
const INFLATE_FACTOR = 64

/** Room for the whole page at once, unless that would be much for so few bytes. */
function inflateRoom(
  bytes: Uint8Array,
  sizeBytes: number,
): { readonly chunkSize: number; readonly maxOutputLength: number } {
  const likely = Math.min(sizeBytes, Math.max(INFLATE_BYTES_MIN, bytes.length * INFLATE_FACTOR))
  return { chunkSize: roomFor(likely), maxOutputLength: Math.max(1, sizeBytes) }
}

interface LevelRange {
  readonly min: number
  readonly max: number
  readonly usual: number
}

/** The scales of the codecs that have one; what is usual is what Iceberg's Java writers take. */
const LEVELS: Readonly<Record<'gzip' | 'zstd' | 'brotli', LevelRange>> = {
  gzip: { min: 0, max: 9, usual: 6 },
  zstd: { min: -7, max: 22, usual: 3 },
  brotli: { min: 0, max: 11, usual: 1 },
}

/**
 * The page compressed. `level` is the codec's own scale (zstd -7 to 22, usually 3; gzip 0 to 9, usually 6; brotli 0 to
 * 11, usually 1); the others have none. With `uncompressed` the result is `bytes` themselves.
 * @throws invalid-argument for a level beyond the scale; unsupported for lz4, which is deprecated, and lzo
 */
export function compressPage(
  codec: PageCodec,
  bytes: Uint8Array,
  options: { readonly level?: number | undefined } = {},
): Uint8Array {
  switch (codec) {
    case 'uncompressed':
      return bytes
    case 'snappy':
      return compressSnappy(bytes)
    case 'gzip':
      return ownBytes(gzipSync(bytes, { level: levelOf(codec, options.level) }))
    case 'zstd':
      return compressZstd(bytes, levelOf(codec, options.level))
    case 'lz4_raw':
      return compressLz4(bytes)
    case 'brotli':
      return ownBytes(
        brotliCompressSync(bytes, {
          params: {
            [zlib.BROTLI_PARAM_QUALITY]: levelOf(codec, options.level),
            [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length,
          },
        }),
      )
    case 'lz4':
    case 'lzo':
      throw unsupported(codec)
    default:
      return unreachable(codec)
  }
}

/** Loads what codecs load when first used, so that the first page of a worker does not wait for it. */
export function prepareCodecs(): void {
  prepareZstd()
}

function levelOf(codec: 'gzip' | 'zstd' | 'brotli', level: number | undefined): number {
  const { min, max, usual } = LEVELS[codec]
  if (level === undefined) return usual
  if (Number.isInteger(level) && level >= min && level <= max) return level
  throw new LakeError('invalid-argument', 'the compression level is beyond the scale of the codec', {
    context: { codec, level, min, max },
  })
}

function unsupported(codec: PageCodec): LakeError {
  return new LakeError('unsupported', 'the compression codec is not built', { context: { codec } })
}
