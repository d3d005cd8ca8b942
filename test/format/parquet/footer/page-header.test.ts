import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexDecode, hexEncode } from '../../../../src/base/bytes.js'
import {
  type PageHeader,
  parsePageHeader,
  serializePageHeader,
} from '../../../../src/format/parquet/footer/page-header.js'

const bytesOf = (hex: string): Uint8Array => hexDecode(hex) as Uint8Array

/** Headers as other writers have them, and what they say. */
const FOREIGN: readonly { readonly writer: string; readonly hex: string; readonly header: PageHeader }[] = [
  {
    writer: 'pyarrow, dictionary page with a checksum',
    hex: '15041550155015849fbd90013c150a1500120000',
    header: {
      kind: 'dictionary',
      entries: 5,
      encoding: 0,
      sorted: false,
      uncompressedBytes: 40,
      compressedBytes: 40,
      crc: 151496642,
    },
  },
  {
    writer: 'pyarrow, data page whose checksum has its highest bit set',
    hex: '1500150e150e15edb0f9f8031c15061510150615060000',
    header: {
      kind: 'data',
      entries: 3,
      encoding: 8,
      definitionEncoding: 3,
      repetitionEncoding: 3,
      uncompressedBytes: 7,
      compressedBytes: 7,
      crc: 3765490633,
    },
  },
  {
    writer: 'pyarrow, data page v2 with statistics',
    hex:
      '1506150e150e5c151015061510151015041500121c180809000000000000001808010000000000000016062808090000000000000018' +
      '0801000000000000001111000000',
    header: {
      kind: 'data-v2',
      entries: 8,
      nullCount: 3,
      rowCount: 8,
      encoding: 8,
      definitionBytes: 2,
      repetitionBytes: 0,
      compressed: false,
      uncompressedBytes: 7,
      compressedBytes: 7,
    },
  },
  {
    writer: 'Spark, dictionary page',
    hex: '15041528152c1589abceaa093c150a15040000',
    header: {
      kind: 'dictionary',
      entries: 5,
      encoding: 2,
      sorted: false,
      uncompressedBytes: 20,
      compressedBytes: 22,
      crc: 3042325819,
    },
  },
  {
    writer: 'Spark, data page whose repetition levels are said to be bit-packed',
    hex: '15001516151a15bea7acf30b1c15101504150615080000',
    header: {
      kind: 'data',
      entries: 8,
      encoding: 2,
      definitionEncoding: 3,
      repetitionEncoding: 4,
      uncompressedBytes: 11,
      compressedBytes: 13,
      crc: 1597344223,
    },
  },
]

const count = fc.nat(2 ** 31 - 1)
const sizes = {
  compressedBytes: count,
  uncompressedBytes: count,
  crc: fc.option(fc.nat(2 ** 32 - 1), { nil: undefined }),
}
const encoding = fc.nat(9)
const data = fc.record({
  kind: fc.constant('data' as const),
  entries: count,
  encoding,
  definitionEncoding: encoding,
  repetitionEncoding: encoding,
  ...sizes,
})
const dictionary = fc.record({
  kind: fc.constant('dictionary' as const),
  entries: count,
  encoding,
  sorted: fc.boolean(),
  ...sizes,
})
const dataV2 = fc
  .record({
    kind: fc.constant('data-v2' as const),
    entries: count,
    nullCount: count,
    rowCount: count,
    encoding,
    definitionBytes: fc.nat(1000),
    repetitionBytes: fc.nat(1000),
    compressed: fc.boolean(),
    ...sizes,
  })
  .map(header => {
    const levelBytes = header.definitionBytes + header.repetitionBytes
    return {
      ...header,
      nullCount: Math.min(header.nullCount, header.entries),
      rowCount: Math.min(header.rowCount, header.entries),
      compressedBytes: Math.max(header.compressedBytes, levelBytes),
      uncompressedBytes: Math.max(header.uncompressedBytes, levelBytes),
    }
  })
const anyHeader = fc.oneof(data, dictionary, dataV2)

describe('a page header', () => {
  it.each(FOREIGN)('of $writer is understood', ({ hex, header }) => {
    const bytes = bytesOf(hex)
    expect(parsePageHeader(bytes, 0)).toEqual({ header, length: bytes.length })
    const inside = Uint8Array.of(1, 2, 3, ...bytes, 4, 5)
    expect(parsePageHeader(inside, 3, 3 + bytes.length)).toEqual({ header, length: bytes.length })
    expect(() => parsePageHeader(inside, 3, 3 + bytes.length - 1)).toThrow(RangeError)
  })

  it('has the bytes that pyarrow and Spark write', () => {
    for (const { hex, header } of FOREIGN) {
      if (header.kind === 'data') expect(hexEncode(serializePageHeader(header))).toBe(hex)
    }
  })

  it('is read again as it was written', () => {
    fc.assert(
      fc.property(anyHeader, header => {
        const bytes = serializePageHeader(header)
        expect(parsePageHeader(bytes, 0)).toEqual({ header, length: bytes.length })
      }),
    )
  })

  it('of an index page, or of a type to come, says how much to skip', () => {
    expect(parsePageHeader(bytesOf('1502151415143c0000'), 0)).toEqual({
      header: { kind: 'other', uncompressedBytes: 10, compressedBytes: 10 },
      length: 9,
    })
    expect(parsePageHeader(bytesOf('152a15001500' + '00'), 0).header.kind).toBe('other')
  })

  it('is refused when a size or count is negative, or a field or struct is missing', () => {
    const broken = [
      '1500150115141c1506150015061506' + '0000', // uncompressed size -1
      '1500151415011c1506150015061506' + '0000', // compressed size -1
      '1500151415141c1505150015061506' + '0000', // entries -3
      '1500151415143c1506150000' + '00', // a data page with a dictionary page's struct
      '1500151415141c15061500' + '0000', // no level encodings
      '15141514' + '00', // no type
    ]
    for (const hex of broken) expect(() => parsePageHeader(bytesOf(hex), 0)).toThrow()
  })

  it('of version 2 is refused when levels are longer than the page, or nulls or rows more than the entries', () => {
    const header = {
      kind: 'data-v2',
      entries: 8,
      nullCount: 3,
      rowCount: 8,
      encoding: 0,
      definitionBytes: 4,
      repetitionBytes: 3,
      compressed: true,
      compressedBytes: 7,
      uncompressedBytes: 7,
    } as const
    expect(parsePageHeader(serializePageHeader(header), 0).header).toEqual(header)
    for (const change of [
      { definitionBytes: 5 },
      { nullCount: 9 },
      { rowCount: 9 },
      { uncompressedBytes: 6 },
    ]) {
      expect(() => parsePageHeader(serializePageHeader({ ...header, ...change }), 0)).toThrow(RangeError)
    }
  })

  it('that is broken ends as a header with sound numbers, or as a RangeError or TypeError', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
    const outcome = (bytes: Uint8Array): PageHeader | string => {
      try {
        return parsePageHeader(bytes, 0).header
      } catch (error) {
        return (error as Error).name
      }
    }
    let parsed = 0
    fc.assert(
      fc.property(anyHeader, edits, (header, changes) => {
        const bytes = serializePageHeader(header).slice()
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        const result = outcome(bytes)
        if (typeof result === 'string') expect(['RangeError', 'TypeError']).toContain(result)
        else {
          parsed += 1
          expect(result.compressedBytes).toBeGreaterThanOrEqual(0)
          expect(result.uncompressedBytes).toBeGreaterThanOrEqual(0)
          if (result.kind !== 'other') expect(result.entries).toBeGreaterThanOrEqual(0)
        }
      }),
      { numRuns: 500 },
    )
    expect(parsed).toBeGreaterThan(30)
  })
})
