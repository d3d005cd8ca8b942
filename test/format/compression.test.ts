import { deflateRawSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { snappyCompress } from 'hysnappy'
import { describe, expect, it } from 'vitest'
import { concatBytes, hexDecode, utf8Encode } from '../../src/base/bytes.js'
import { isLakeError } from '../../src/base/errors.js'
import {
  type Codec,
  compressPage,
  decompress,
  decompressPage,
  deflate,
  gzip,
  type PageCodec,
} from '../../src/format/compression.js'

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

  it('of zstd joins frames, skips what is to be skipped, and refuses what is cut or follows', () => {
    const skipped = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9)
    const frames = concatBytes([RAW_BLOCK, skipped, RUN_BLOCK])
    expect(decompress('zstd', frames, { location: LOCATION })).toEqual(utf8Encode('hi!aaaaa'))
    for (const bytes of [
      frames.subarray(0, -1),
      concatBytes([frames, Uint8Array.of(1)]),
      skipped.subarray(0, 9),
    ])
      expect(() => decompress('zstd', bytes, { location: LOCATION })).toThrow(corrupt)
  })

  it('of a zstd frame that states a size its blocks cannot give is refused at once', () => {
    const claim = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x40, 0x2b, 0, 0, 0x61)
    expect(() => decompress('zstd', claim, { location: LOCATION })).toThrow(corrupt)
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

const WRITTEN: readonly PageCodec[] = ['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli']
const PACKED = WRITTEN.filter(codec => codec !== 'uncompressed')
const hex = (text: string): Uint8Array => hexDecode(text)!

/** Hadoop's framing around blocks: each item is the blocks that one content length stands for. */
function hadoopFrames(frames: readonly (readonly Uint8Array[])[]): Uint8Array {
  const number = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
  return concatBytes(
    frames.flatMap(parts => [
      number(parts.reduce((sum, part) => sum + part.length, 0)),
      ...parts.flatMap(part => {
        const block = compressPage('lz4_raw', part)
        return [number(block.length), block]
      }),
    ]),
  )
}

/** Pages of files in apache/parquet-testing: codec, compressed, content. */
const PUBLIC_PAGES: readonly (readonly [string, PageCodec, string, string])[] = [
  [
    'hadoop_lz4_compressed.parquet, c0',
    'lz4',
    '0000001000000012f001c07afc5e00000000c17afc5e00000000',
    'c07afc5e00000000c17afc5e00000000',
  ],
  [
    'hadoop_lz4_compressed.parquet, v11',
    'lz4',
    '000000180000001611000100404540cdcc0100a01e400000000000104540',
    '0000000000004540cdcccccccccc1e400000000000104540',
  ],
  [
    'non_hadoop_lz4_compressed.parquet, v11',
    'lz4',
    '11000100404540cdcc0100a01e400000000000104540',
    '0000000000004540cdcccccccccc1e400000000000104540',
  ],
  [
    'lz4_raw_compressed.parquet, c0',
    'lz4_raw',
    '84c07afc5e00000000080013c1100080c17afc5e00000000',
    'c07afc5e00000000c07afc5e00000000c17afc5e00000000c17afc5e00000000',
  ],
  [
    'lz4_raw_compressed.parquet, v11',
    'lz4_raw',
    '71020000000801000100404540cdcc0100211e400f00b0104540cdcccccccccc1e40',
    '0200000008010000000000004540cdcccccccccc1e400000000000104540cdcccccccccc1e40',
  ],
  [
    'large_string_map.brotli.parquet, value',
    'brotli',
    '1b0e000084e37c89324b1c156739',
    '020000000400020000000403010400',
  ],
  [
    'nested_lists.snappy.parquet, element',
    'snappy',
    '1e1001000000610105006201053c63010000006401000000650100000066',
    '010000006101000000620100000063010000006401000000650100000066',
  ],
]

describe('a page', () => {
  it.each(PUBLIC_PAGES)('of %s is read', (_, codec, compressed, content) => {
    expect(decompressPage(codec, hex(compressed), content.length / 2)).toEqual(hex(content))
  })

  it.each(WRITTEN)('compressed with %s comes back, of any length and content', codec => {
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 20_000 }))
        .map(([part, times]) => concatBytes(new Array(times).fill(part))),
    )
    fc.assert(
      fc.property(content, bytes => {
        const result = decompressPage(codec, compressPage(codec, bytes), bytes.length)
        expect(result.length).toBe(bytes.length)
        expect(Buffer.compare(result, bytes)).toBe(0)
      }),
    )
  })

  it.each([
    'snappy',
    'zstd',
  ] as const)('larger than what %s keeps memory for comes back, and a small one after it', codec => {
    const large = new Uint8Array(2 ** 24)
    const words = new Uint32Array(large.buffer)
    for (let index = 0; index < words.length; index++) words[index] = index * index
    const compressed = compressPage(codec, large)
    expect(Buffer.compare(decompressPage(codec, compressed, large.length), large)).toBe(0)
    expect(decompressPage(codec, compressPage(codec, plain), plain.length)).toEqual(plain)
  })

  it.each([
    ['zstd', [-7, 1, 3, 22]],
    ['gzip', [0, 1, 9]],
    ['brotli', [0, 11]],
  ] as const)('takes the levels of %s, and no others', (codec, levels) => {
    for (const level of levels)
      expect(decompressPage(codec, compressPage(codec, plain, { level }), plain.length)).toEqual(plain)
    for (const level of [-8, 23, 1.5, Number.NaN]) {
      expect(() => compressPage(codec, plain, { level })).toThrow(
        expect.objectContaining({ kind: 'invalid-argument' }),
      )
    }
  })

  it.each(WRITTEN)('of %s with another length than it states is refused', codec => {
    const compressed = compressPage(codec, plain)
    for (const length of [0, 1, plain.length - 1, plain.length + 1, 2 ** 31 - 1])
      expect(() => decompressPage(codec, compressed, length)).toThrow()
    expect(decompressPage(codec, compressed, plain.length)).toEqual(plain)
  })

  it.each([...WRITTEN, 'lz4'] as const)('of %s without any bytes is empty', codec => {
    expect(decompressPage(codec, new Uint8Array(0), 0)).toEqual(new Uint8Array(0))
    if (codec !== 'uncompressed') expect(() => decompressPage(codec, new Uint8Array(0), 1)).toThrow()
  })

  it('that gives more than it states is refused without giving it', () => {
    const zeros = new Uint8Array(2 ** 22)
    const runs = new Uint8Array(4 * 2000).map((_, index) => [0x02, 0x00, 0x10, 0x61][index & 3]!)
    runs[runs.length - 4]! |= 1
    const bombs: readonly (readonly [PageCodec, Uint8Array])[] = [
      ['gzip', gzipSync(zeros)],
      ['brotli', compressPage('brotli', zeros)],
      ['zstd', compressPage('zstd', zeros)],
      ['zstd', concatBytes([Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x88), runs])],
      ['snappy', compressPage('snappy', zeros)],
      ['lz4_raw', compressPage('lz4_raw', zeros)],
      ['lz4', hadoopFrames([[zeros]])],
    ]
    for (const [codec, bytes] of bombs) {
      expect(() => decompressPage(codec, bytes, 1000)).toThrow()
      expect(() => decompressPage(codec, bytes, 2 ** 30)).toThrow()
    }
  })

  it.each([
    ...PACKED,
    'lz4',
  ] as const)('of %s that is changed or cut is refused or gives its length', codec => {
    const framed = [[plain.subarray(0, 500), plain.subarray(500, 900)], [plain.subarray(900)]]
    const compressed = codec === 'lz4' ? hadoopFrames(framed) : compressPage(codec, plain)
    fc.assert(
      fc.property(
        fc.nat(compressed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, change, isCut) => {
          const broken = isCut ? compressed.slice(0, at) : compressed.slice()
          if (!isCut) broken[at]! ^= change
          try {
            expect(decompressPage(codec, broken, plain.length).length).toBe(plain.length)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
          }
        },
      ),
      { numRuns: 500 },
    )
    expect(decompressPage(codec, compressed, plain.length)).toEqual(plain)
  })

  it('of Hadoop LZ4 may have several frames, and several blocks in each', () => {
    const parts = [plain.subarray(0, 100), plain.subarray(100, 101), plain.subarray(101, 1000)]
    const frames = hadoopFrames([[...parts], [plain.subarray(1000)]])
    expect(decompressPage('lz4', frames, plain.length)).toEqual(plain)
    expect(() => decompressPage('lz4', frames, plain.length - 1)).toThrow()
    expect(() => decompressPage('lz4', frames.subarray(0, -1), plain.length)).toThrow()
  })

  it('of LZ4 with a match before its beginning is refused, whatever was decoded before', () => {
    const secret = utf8Encode('what another page held'.repeat(10))
    decompressPage('lz4_raw', compressPage('lz4_raw', secret), secret.length)
    for (const offset of [0, 2, 1000]) {
      const block = Uint8Array.of(0x14, 0x61, offset & 255, offset >>> 8, 0x50, 1, 2, 3, 4, 5)
      expect(() => decompressPage('lz4_raw', block, 14)).toThrow()
    }
    const near = Uint8Array.of(0x14, 0x61, 1, 0, 0x50, 1, 2, 3, 4, 5)
    expect(decompressPage('lz4_raw', near, 14)).toEqual(
      concatBytes([utf8Encode('aaaaaaaaa'), Uint8Array.of(1, 2, 3, 4, 5)]),
    )
  })

  it('of gzip may have several members, as some writers make them', () => {
    const members = concatBytes([gzipSync(plain.subarray(0, 700)), gzipSync(plain.subarray(700))])
    expect(decompressPage('gzip', members, plain.length)).toEqual(plain)
    expect(() => decompressPage('gzip', members, 700)).toThrow()
  })

  it.each(PACKED)('of %s may be in shared memory, and its content can move to another thread', codec => {
    for (const length of [5, plain.length]) {
      const compressed = compressPage(codec, plain.subarray(0, length))
      const shared = new Uint8Array(new SharedArrayBuffer(compressed.length))
      shared.set(compressed)
      const content = decompressPage(codec, shared, length)
      expect(content.constructor).toBe(Uint8Array)
      expect(structuredClone(content, { transfer: [content.buffer as ArrayBuffer] })).toEqual(
        plain.slice(0, length),
      )
    }
  })

  it('of LZO is not read, nor are LZO and Hadoop LZ4 written', () => {
    const unsupported = expect.objectContaining({ kind: 'unsupported' })
    expect(() => decompressPage('lzo', plain, 1)).toThrow(unsupported)
    expect(() => compressPage('lzo', plain)).toThrow(unsupported)
    expect(() => compressPage('lz4', plain)).toThrow(unsupported)
  })
})
