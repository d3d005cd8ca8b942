import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createByteSink, writtenBytes } from '../../../../src/format/parquet/encoding/byte-sink.js'
import {
  decodeBitPackedLegacy,
  decodeHybrid,
  decodeLevels,
  encodeHybrid,
  encodeRun,
  isConstantRun,
} from '../../../../src/format/parquet/encoding/hybrid.js'
import type { ByteSource } from '../../../../src/format/parquet/leaf.js'
import { decodeRunsNaively, encodeRunsNaively, type Run } from './naive-bits.js'

function whole(bytes: Uint8Array | readonly number[]): ByteSource {
  return { bytes: Uint8Array.from(bytes), offset: 0, end: bytes.length }
}

function numbersOf(bitWidth: number): fc.Arbitrary<number> {
  const most = 2 ** bitWidth - 1
  return fc.oneof(fc.integer({ min: 0, max: most }), fc.constantFrom(0, most)).map(value => value | 0)
}

function runsOf(bitWidth: number): fc.Arbitrary<Run[]> {
  const number = numbersOf(bitWidth)
  const repeated = fc
    .tuple(number, fc.integer({ min: 0, max: 200 }))
    .map(([value, count]): Run => ({ kind: 'repeated', values: new Array<number>(count).fill(value) }))
  const packed = fc
    .array(fc.array(number, { minLength: 8, maxLength: 8 }), { maxLength: 20 })
    .map((groups): Run => ({ kind: 'packed', values: groups.flat() }))
  return fc.array(fc.oneof(repeated, packed), { maxLength: 6 })
}

const WIDTHS = Array.from({ length: 33 }, (_, width) => width)
const LEVEL_WIDTHS = WIDTHS.slice(0, 9)

describe('the hybrid of repeated and packed runs', () => {
  it.each(WIDTHS.slice(1))('decodes runs of %i bits, wherever they stand and end', bitWidth => {
    fc.assert(
      fc.property(runsOf(bitWidth), fc.nat(9), fc.nat(40), fc.nat(9), (runs, before, behind, cut) => {
        const values = runs.flatMap(run => run.values)
        const encoded = encodeRunsNaively(runs, bitWidth)
        const bytes = Uint8Array.from([
          ...new Array<number>(before).fill(0xff),
          ...encoded,
          ...new Array<number>(behind).fill(0xff),
        ])
        const count = Math.max(0, values.length - cut)
        const out = new Int32Array(before + count + 3).fill(-7)
        const source = { bytes, offset: before, end: before + encoded.length }
        const end = decodeHybrid(source, { bitWidth, count }, out, before)
        expect([...out]).toEqual([
          ...new Array<number>(before).fill(-7),
          ...values.slice(0, count),
          ...new Array<number>(3).fill(-7),
        ])
        if (cut === 0 && runs.every(run => run.values.length > 0)) expect(end).toBe(source.end)
      }),
      { numRuns: 40 },
    )
  })

  it.each(LEVEL_WIDTHS.slice(1))('decodes levels of %i bits to bytes', bitWidth => {
    fc.assert(
      fc.property(runsOf(bitWidth), fc.nat(9), fc.nat(40), (runs, before, behind) => {
        const values = runs.flatMap(run => run.values)
        const encoded = encodeRunsNaively(runs, bitWidth)
        const bytes = Uint8Array.from([...encoded, ...new Array<number>(behind).fill(0xff)])
        const out = new Uint8Array(before + values.length + 1).fill(77)
        decodeLevels(
          { bytes, offset: 0, end: encoded.length },
          { bitWidth, count: values.length },
          out,
          before,
        )
        expect([...out]).toEqual([...new Array<number>(before).fill(77), ...values, 77])
      }),
      { numRuns: 40 },
    )
  })

  it.each(WIDTHS)('encodes values of %i bits as the specification decodes them', bitWidth => {
    fc.assert(
      fc.property(runsOf(bitWidth), fc.nat(20), fc.nat(20), (runs, skip, cut) => {
        const values = Int32Array.from(runs.flatMap(run => run.values))
        const from = Math.min(skip, values.length)
        const to = Math.max(from, values.length - cut)
        const sink = createByteSink(0)
        encodeHybrid(sink, values, { from, to, bitWidth })
        const bytes = writtenBytes(sink)
        expect(decodeRunsNaively(bytes, bitWidth, to - from)).toEqual([...values.subarray(from, to)])
        const out = new Int32Array(to - from)
        expect(decodeHybrid(whole(bytes), { bitWidth, count: to - from }, out, 0)).toBe(bytes.length)
        expect(out).toEqual(values.slice(from, to))
      }),
      { numRuns: 40 },
    )
  })

  it.each(LEVEL_WIDTHS)('encodes levels of %i bits out of bytes', bitWidth => {
    fc.assert(
      fc.property(runsOf(bitWidth), runs => {
        const levels = Uint8Array.from(runs.flatMap(run => run.values))
        const sink = createByteSink(0)
        encodeHybrid(sink, levels, { from: 0, to: levels.length, bitWidth })
        const out = new Uint8Array(levels.length)
        decodeLevels(whole(writtenBytes(sink)), { bitWidth, count: levels.length }, out, 0)
        expect(out).toEqual(levels)
      }),
      { numRuns: 40 },
    )
  })

  it('repeats a value in a few bytes, and packs what changes into its bits and a header every 504 values', () => {
    const sink = createByteSink()
    encodeHybrid(sink, new Int32Array(100_000).fill(5), { from: 0, to: 100_000, bitWidth: 7 })
    expect(sink.length).toBe(4)
    sink.length = 0
    const changing = Int32Array.from({ length: 1008 }, (_, at) => at % 3)
    encodeHybrid(sink, changing, { from: 0, to: 1008, bitWidth: 2 })
    expect(sink.length).toBe(2 * (1 + (504 * 2) / 8))
  })

  it('never takes more bytes than packing everything by half a byte a group', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 32 }).chain(width => fc.tuple(fc.constant(width), runsOf(width))),
        ([bitWidth, runs]) => {
          const values = Int32Array.from(runs.flatMap(run => run.values))
          const sink = createByteSink()
          encodeHybrid(sink, values, { from: 0, to: values.length, bitWidth })
          const groups = Math.ceil(values.length / 8)
          expect(sink.length).toBeLessThanOrEqual(groups * bitWidth + groups / 2 + 2)
        },
      ),
    )
  })

  it('takes padding that is cut off, and a repeated run that is longer than the values', () => {
    const out = new Int32Array(3)
    expect(decodeHybrid(whole([3, 0b00_11_10_01]), { bitWidth: 2, count: 3 }, out, 0)).toBe(2)
    expect([...out]).toEqual([1, 2, 3])
    expect(decodeHybrid(whole([200, 1, 9]), { bitWidth: 4, count: 3 }, out, 0)).toBe(3)
    expect([...out]).toEqual([9, 9, 9])
  })

  it('needs no bytes for values without bits', () => {
    const out = Int32Array.of(1, 2, 3)
    expect(decodeHybrid(whole([]), { bitWidth: 0, count: 3 }, out, 0)).toBe(0)
    expect([...out]).toEqual([0, 0, 0])
    const levels = Uint8Array.of(1, 2, 3)
    expect(decodeLevels(whole([6]), { bitWidth: 0, count: 3 }, levels, 0)).toBe(1)
    expect([...levels]).toEqual([0, 0, 0])
  })

  it.each([
    ['ends before the first run', [], 4, 1],
    ['ends inside a header', [0x80], 4, 1],
    ['has a header of more than 32 bits', [0xff, 0xff, 0xff, 0xff, 0x1f, 0], 4, 1],
    ['ends before a repeated value', [2], 4, 1],
    ['ends inside a packed run', [3, 0x12, 0x34], 4, 5],
    ['ends after fewer values', [4, 1], 4, 3],
    ['repeats a value of more bits', [4, 0x10], 4, 2],
    ['has empty runs only', [0, 0, 0, 0], 4, 1],
    ['has more than 32 bits a value', [2, 0, 0, 0, 0, 0], 33, 1],
  ])('refuses bytes when it %s', (_, bytes, bitWidth, count) => {
    expect(() => decodeHybrid(whole(bytes), { bitWidth, count }, new Int32Array(count), 0)).toThrow(
      RangeError,
    )
    expect(() => decodeLevels(whole(bytes), { bitWidth, count }, new Uint8Array(count), 0)).toThrow(
      RangeError,
    )
  })

  it('refuses to write outside the array', () => {
    expect(() => decodeHybrid(whole([8, 1]), { bitWidth: 1, count: 4 }, new Int32Array(4), 1)).toThrow(
      RangeError,
    )
    expect(() => decodeLevels(whole([8, 1]), { bitWidth: 1, count: 4 }, new Uint8Array(4), 1)).toThrow(
      RangeError,
    )
  })

  it('tells the value of a run that holds all values', () => {
    const sink = createByteSink()
    encodeRun(sink, 2, { bitWidth: 2, count: 500 })
    expect(isConstantRun(whole(writtenBytes(sink)), { bitWidth: 2, count: 500 })).toBe(2)
    expect(isConstantRun(whole(writtenBytes(sink)), { bitWidth: 2, count: 501 })).toBeUndefined()
    expect(isConstantRun(whole([3, 0, 0]), { bitWidth: 2, count: 8 })).toBeUndefined()
    expect(isConstantRun(whole([]), { bitWidth: 2, count: 8 })).toBeUndefined()
    expect(isConstantRun(whole([]), { bitWidth: 0, count: 8 })).toBe(0)
  })
})

describe('the deprecated BIT_PACKED levels', () => {
  it('have the highest bit first, as in the example of the specification', () => {
    const out = new Uint8Array(8)
    const source = whole([0b00000101, 0b00111001, 0b01110111])
    expect(decodeBitPackedLegacy(source, { bitWidth: 3, count: 8 }, out, 0)).toBe(3)
    expect([...out]).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it.each(LEVEL_WIDTHS.slice(1))('are decoded at %i bits', bitWidth => {
    fc.assert(
      fc.property(fc.array(numbersOf(bitWidth), { maxLength: 50 }), levels => {
        const bits = levels.map(level => level.toString(2).padStart(bitWidth, '0')).join('')
        const bytes = (bits.match(/.{1,8}/g) ?? []).map(byte => Number.parseInt(byte.padEnd(8, '0'), 2))
        const out = new Uint8Array(levels.length + 1)
        const end = decodeBitPackedLegacy(whole([...bytes, 99]), { bitWidth, count: levels.length }, out, 1)
        expect([...out]).toEqual([0, ...levels])
        expect(end).toBe(bytes.length)
      }),
      { numRuns: 40 },
    )
  })

  it('are refused when bytes are missing', () => {
    expect(() =>
      decodeBitPackedLegacy(whole([1, 2]), { bitWidth: 3, count: 6 }, new Uint8Array(6), 0),
    ).toThrow(RangeError)
  })
})
