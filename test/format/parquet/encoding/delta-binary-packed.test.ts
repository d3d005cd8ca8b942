import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeDeltaBinaryPacked,
  encodeDeltaBinaryPacked,
} from '../../../../src/format/parquet/encoding/delta-binary-packed.js'
import { createValueSink } from '../../../../src/format/parquet/encoding/value-sink.js'
import { type BlockSizes, encodeDeltasNaively, varintNaively } from './naive-bits.js'
import { decodePage, encodePage, fromHex, INT32, INT64, ofInts, ofLongs, rowsOf } from './stored.js'

const CODEC = { encode: encodeDeltaBinaryPacked, decode: decodeDeltaBinaryPacked }
const USUAL: BlockSizes = { blockSize: 128, miniblockCount: 4, extraBits: 0, idleWidth: 0, cutPadding: false }

const sizes: fc.Arbitrary<BlockSizes> = fc
  .record({
    shape: fc.constantFrom([128, 4], [128, 1], [256, 4], [2048, 8], [1024, 1], [64, 8], [8, 1], [64, 2]),
    extraBits: fc.nat(3),
    idleWidth: fc.constantFrom(0, 7, 255),
    cutPadding: fc.boolean(),
  })
  .map(({ shape, ...rest }) => ({ blockSize: shape[0]!, miniblockCount: shape[1]!, ...rest }))

function integers(bits: 32 | 64): fc.Arbitrary<bigint[]> {
  const any = fc.bigInt({ min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n })
  const near = fc.bigInt({ min: -100n, max: 100n })
  const middle = fc.bigInt({ min: -(2n ** 29n), max: 2n ** 29n })
  const lists = [any, near, middle, fc.constant(7n)].map(value =>
    fc.oneof(
      fc.array(value, { maxLength: 20 }),
      fc.array(value, { minLength: 200, maxLength: 1300, size: 'max' }),
    ),
  )
  return fc.oneof(...lists)
}

describe('DELTA_BINARY_PACKED', () => {
  it('is read in blocks of any size, with any widths of idle miniblocks, with and without padding', () => {
    fc.assert(
      fc.property(integers(32), sizes, (values, shape) => {
        const bytes = Uint8Array.from(encodeDeltasNaively(values, 32, shape))
        const read = decodePage(CODEC, INT32.type, { bytes, count: values.length })
        expect(rowsOf(read)).toEqual(values.map(Number))
      }),
    )
    fc.assert(
      fc.property(integers(64), sizes, (values, shape) => {
        const bytes = Uint8Array.from(encodeDeltasNaively(values, 64, shape))
        const read = decodePage(CODEC, INT64.type, { bytes, count: values.length })
        expect(rowsOf(read)).toEqual(values)
      }),
    )
  })

  it('is written as the specification says, byte by byte', () => {
    fc.assert(
      fc.property(integers(32), values => {
        expect([...encodePage(CODEC, ofInts(values.map(Number)))]).toEqual(
          encodeDeltasNaively(values, 32, USUAL),
        )
      }),
    )
    fc.assert(
      fc.property(integers(64), values => {
        expect([...encodePage(CODEC, ofLongs(values))]).toEqual(encodeDeltasNaively(values, 64, USUAL))
      }),
    )
  })

  it('wraps differences that are too wide', () => {
    const ints = [2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, 0, -1]
    const longs = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n - 1n, 0n, -1n]
    expect(
      rowsOf(decodePage(CODEC, INT32.type, { bytes: encodePage(CODEC, ofInts(ints)), count: 5 })),
    ).toEqual(ints)
    expect(
      rowsOf(decodePage(CODEC, INT64.type, { bytes: encodePage(CODEC, ofLongs(longs)), count: 5 })),
    ).toEqual(longs)
  })

  it('has an empty form, with and without bytes', () => {
    for (const kind of [INT32, INT64]) {
      expect(rowsOf(decodePage(CODEC, kind.type, { bytes: new Uint8Array(0), count: 0 }))).toEqual([])
      expect(rowsOf(decodePage(CODEC, kind.type, { bytes: fromHex('8001040000'), count: 0 }))).toEqual([])
    }
    expect(Buffer.from(encodePage(CODEC, ofInts([]))).toString('hex')).toBe('8001040000')
  })

  it.each([
    ['no miniblocks', '8001000300', 3],
    ['miniblocks that do not divide the block', '8001030300', 3],
    ['miniblocks that end inside a byte', '0c040300', 3],
    ['an empty block', '00040300', 3],
    ['a block of 2^28 values', '80808080010103000000', 3],
    ['another number of values', '80010404000000000000', 3],
    ['fewer blocks than values', '800104e80702', 1000],
    ['a width of 65 bits', '8001040300004100000000000000000000', 3],
    ['a miniblock that ends early', '80010403000020000000010203', 3],
    ['a first value of more than 64 bits', '80010401ffffffffffffffffffff01', 1],
  ])('is refused with %s', (_, hex, count) => {
    for (const kind of [INT32, INT64]) {
      expect(() => decodePage(CODEC, kind.type, { bytes: fromHex(hex), count })).toThrow(RangeError)
    }
  })

  it('is refused before anything is allocated when the bytes cannot hold the blocks of so many values', () => {
    const count = 2 ** 25
    const bytes = Uint8Array.from([
      ...varintNaively(128n),
      4,
      ...varintNaively(BigInt(count)),
      ...new Array(50).fill(0),
    ])
    const sink = createValueSink(INT64.type, 0)
    expect(() => decodeDeltaBinaryPacked({ bytes, offset: 0, end: bytes.length }, count, sink)).toThrow(
      RangeError,
    )
    expect(sink.layout === 'fixed-width' && sink.bytes.length).toBe(0)
  })

  it('is refused when a 32-bit column has wider deltas', () => {
    const bytes = Uint8Array.from(encodeDeltasNaively([0n, 1n, 2n ** 40n], 64, USUAL))
    expect(() => decodePage(CODEC, INT32.type, { bytes, count: 3 })).toThrow(RangeError)
  })
})
