import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { snappyCompress } from 'hysnappy'
import { describe, expect, it } from 'vitest'
import { hexDecode, utf8Encode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import { type Codec, decompress, deflate, gzip } from '../../src/format/compression.js'

const LOCATION = 'memory://x'
const corrupt = expect.objectContaining({
  kind: 'corrupt',
  context: expect.objectContaining({ location: LOCATION }),
})
const plain = utf8Encode('abcabcabc and so on, and so on, and so on'.repeat(40))
/** `plain` as the reference zstd library compresses it, with a content size and a checksum. */
const ZSTD = hexDecode('28b52ffd646805d500007061626320616e6420736f206f6e2c03003c32f50397ef1ddc1022028538')!
/** zstd frames made by hand: one raw block, and one of run length. */
const RAW_BLOCK = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 0x68, 0x69, 0x21)
const RUN_BLOCK = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x2b, 0, 0, 0x61)

function avroSnappy(bytes: Uint8Array): Uint8Array {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  const sum = new Uint8Array(4)
  new DataView(sum.buffer).setUint32(0, (crc ^ 0xffffffff) >>> 0)
  return Uint8Array.from([...snappyCompress(bytes), ...sum])
}

const samples: readonly (readonly [Codec, Uint8Array])[] = [
  ['deflate', deflateRawSync(plain)],
  ['gzip', gzipSync(plain)],
  ['snappy', snappyCompress(plain)],
  ['avro-snappy', avroSnappy(plain)],
]

const zstdSamples = [RUN_BLOCK, RAW_BLOCK, ZSTD].map(bytes => ['zstd', bytes] as const)

describe('decompression', () => {
  it.each(samples)('of %s gives back the bytes', (codec, bytes) => {
    expect(Uint8Array.from(decompress(codec, bytes, { location: LOCATION }))).toEqual(plain)
  })

  it('of zstd reads raw, run-length and compressed blocks', () => {
    expect(decompress('zstd', RAW_BLOCK, { location: LOCATION })).toEqual(utf8Encode('hi!'))
    expect(decompress('zstd', RUN_BLOCK, { location: LOCATION })).toEqual(utf8Encode('aaaaa'))
    expect(decompress('zstd', ZSTD, { location: LOCATION })).toEqual(plain)
  })

  it('undoes what is written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), bytes => {
        expect(Uint8Array.from(decompress('deflate', deflate(bytes, 6), { location: LOCATION }))).toEqual(
          bytes,
        )
        expect(Uint8Array.from(decompress('gzip', gzip(bytes), { location: LOCATION }))).toEqual(bytes)
        expect(decompress('avro-snappy', avroSnappy(bytes), { location: LOCATION })).toEqual(bytes)
      }),
    )
  })

  it.each(samples)('of %s stops at its limit', (codec, bytes) => {
    expect(() => decompress(codec, bytes, { location: LOCATION, sizeBytesMax: 100 })).toThrow(corrupt)
  })

  it('of zstd stops at its limit', () => {
    expect(() => decompress('zstd', RUN_BLOCK, { location: LOCATION, sizeBytesMax: 4 })).toThrow(corrupt)
  })

  it('of a snappy block with a wrong checksum is refused', () => {
    const broken = avroSnappy(plain)
    broken[broken.length - 1]! ^= 1
    expect(() => decompress('avro-snappy', broken, { location: LOCATION })).toThrow(corrupt)
  })

  it('of a snappy block that claims gigabytes is refused at once', () => {
    const claim = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0)
    expect(() => decompress('snappy', claim, { location: LOCATION })).toThrow(corrupt)
  })

  it('of changed or cut bytes is refused or gives bytes, never a crash', () => {
    for (const [codec, bytes] of [...samples, ...zstdSamples]) {
      for (let at = 0; at < bytes.length; at++) {
        const broken = bytes.slice()
        broken[at]! ^= 0x55
        for (const input of [broken, bytes.subarray(0, at)]) {
          try {
            decompress(codec, input, { location: LOCATION })
          } catch (error) {
            expect(isLakeError(error, 'corrupt')).toBe(true)
          }
        }
      }
    }
  })
})
