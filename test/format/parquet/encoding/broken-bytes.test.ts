/** Whatever the bytes of a page are: values, or an error that says that they are broken. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../../../src/base/errors.js'
import { decodeBooleanRle } from '../../../../src/format/parquet/encoding/boolean-rle.js'
import { createByteSink, writtenBytes } from '../../../../src/format/parquet/encoding/byte-sink.js'
import { decodeDictionaryCodes } from '../../../../src/format/parquet/encoding/gather.js'
import {
  decodeBitPackedLegacy,
  decodeHybrid,
  decodeLevels,
  encodeHybrid,
  isConstantRun,
} from '../../../../src/format/parquet/encoding/hybrid.js'
import {
  createValueSink,
  finishSink,
  type PlainValues,
} from '../../../../src/format/parquet/encoding/value-sink.js'
import type { ByteSource, ValueSink } from '../../../../src/format/parquet/leaf.js'
import { CODECS } from './codecs.js'
import { BOOLEAN, encodePage, rowsOf } from './stored.js'

/** What is done to the bytes of a page, each part of a page of any length. */
interface Damage {
  readonly overwrite: readonly (readonly [at: number, byte: number])[]
  readonly cutTo: number
  readonly countChange: number
}

const damage: fc.Arbitrary<Damage> = fc.record({
  overwrite: fc.array(
    fc.tuple(
      fc.oneof(fc.nat(10), fc.nat(100_000)),
      fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255)),
    ),
    { maxLength: 4 },
  ),
  cutTo: fc.oneof(fc.constant(100_000), fc.nat(400)),
  countChange: fc.oneof(fc.constant(0), fc.integer({ min: -3, max: 3 }), fc.constant(1_000_000)),
})

function damaged(page: Uint8Array, { overwrite, cutTo }: Damage): Uint8Array {
  const bytes = Uint8Array.from(page.subarray(0, cutTo))
  for (const [at, byte] of overwrite) if (bytes.length > 0) bytes[at % bytes.length] = byte
  return bytes
}

/** The bytes stand between others, which must not matter. */
function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    bytes: Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(9, 0x03)]),
    offset: 7,
    end: 7 + bytes.length,
  }
}

/** Runs what may refuse the bytes; returns undefined when it did. */
function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError || isLakeError(error, 'unsupported'))
      return undefined
    throw error
  }
}

function checkWellFormed(values: PlainValues, count: number): void {
  expect(values.length).toBe(count)
  if (values.layout === 'fixed-width') expect(values.values.length).toBe(count)
  if (values.layout === 'boolean') expect(values.bits.length).toBe((count + 7) >> 3)
  if (values.layout === 'fixed-bytes') expect(values.bytes.length).toBe(count * values.widthBytes)
  if (values.layout === 'var-bytes') {
    const { offsets, bytes } = values
    expect(offsets.length).toBe(count + 1)
    expect(offsets[0]).toBe(0)
    expect(offsets[count]).toBe(bytes.length)
    expect(offsets.every((end, at) => at === 0 || end >= offsets[at - 1]!)).toBe(true)
  }
}

function allocatedBytes(sink: ValueSink): number {
  if (sink.layout === 'boolean') return sink.bits.length
  return sink.layout === 'var-bytes' ? sink.bytes.length + sink.offsets.byteLength : sink.bytes.length
}

describe.each(CODECS)('broken bytes of $name', ({ decode, encode, kinds }) => {
  it.each(kinds)('are values or an error: $name', kind => {
    let refused = 0
    let decoded = 0
    fc.assert(
      fc.property(kind.arbitrary, damage, (values, how) => {
        const source = sourceOf(damaged(encodePage({ decode, encode }, values), how))
        const count = Math.max(0, values.length + how.countChange)
        const sink = createValueSink(kind.type, 0)
        const end = unlessRefused(() => decode(source, count, sink))
        // A run of a few bytes may stand for all values, prefixes may repeat the value before.
        const most = 16 * count + 64 * 1024 * (1 + source.bytes.length / 1024)
        expect(allocatedBytes(sink)).toBeLessThanOrEqual(most)
        if (end === undefined) {
          refused++
          return
        }
        decoded++
        expect(end).toBeGreaterThanOrEqual(source.offset)
        expect(end).toBeLessThanOrEqual(source.end)
        checkWellFormed(finishSink(sink), count)
      }),
      { numRuns: 300 },
    )
    if (kind.type.typeLength !== 0) expect(refused).toBeGreaterThan(0)
    expect(decoded).toBeGreaterThan(0)
  })

  it.each(
    kinds.filter(kind => kind.type.typeLength !== 0),
  )('end where they end, whatever stands behind: $name', kind => {
    fc.assert(
      fc.property(kind.arbitrary, values => {
        fc.pre(values.length >= 120)
        const bytes = encodePage({ decode, encode }, values)
        const source = { bytes, offset: 0, end: Math.min(bytes.length - 1, bytes.length >> 1) }
        // What is left out of a page of equal values may be padding.
        fc.pre(new Set(rowsOf(values)).size > 60 || kind === BOOLEAN)
        expect(() => decode(source, values.length, createValueSink(kind.type, 0))).toThrow(RangeError)
      }),
      { numRuns: 30 },
    )
  })

  it.each(kinds)('may be anything: $name', kind => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300, size: 'max' }), fc.nat(300), (bytes, count) => {
        const sink = createValueSink(kind.type, 0)
        const end = unlessRefused(() => decode(sourceOf(bytes), count, sink))
        if (end !== undefined) checkWellFormed(finishSink(sink), count)
      }),
      { numRuns: 300 },
    )
  })
})

describe('broken runs', () => {
  it('end where they end, whatever stands behind', () => {
    const numbers = Int32Array.from({ length: 100 }, (_, at) => (at * 7) % 61)
    const sink = createByteSink()
    encodeHybrid(sink, numbers, { from: 0, to: 100, bitWidth: 6 })
    const source = { bytes: sink.bytes, offset: 0, end: sink.length - 4 }
    const request = { bitWidth: 6, count: 100 }
    expect(() => decodeHybrid(source, request, new Int32Array(100), 0)).toThrow(RangeError)
    expect(() => decodeLevels(source, request, new Uint8Array(100), 0)).toThrow(RangeError)
    expect(() => decodeBitPackedLegacy({ ...source, end: 74 }, request, new Uint8Array(100), 0)).toThrow(
      RangeError,
    )
  })

  const page = fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat(255), { maxLength: 200 }))
    .map(([bitWidth, numbers]) => {
      const codes = Int32Array.from(numbers.map(number => number & ((1 << bitWidth) - 1)))
      const sink = createByteSink()
      sink.bytes[sink.length++] = bitWidth
      encodeHybrid(sink, codes, { from: 0, to: codes.length, bitWidth })
      return { bytes: writtenBytes(sink), count: codes.length, bitWidth }
    })

  it('of booleans end where their length says', () => {
    const sink = createValueSink(BOOLEAN.type, 0)
    const bytes = Uint8Array.of(2, 0, 0, 0, 5, 0xff, 0xff, 0xff)
    expect(decodeBooleanRle({ bytes, offset: 0, end: 8 }, 8, sink)).toBe(6)
    expect(() => decodeBooleanRle({ bytes, offset: 0, end: 8 }, 9, sink)).toThrow(RangeError)
  })

  it('may claim more values than there are bits', () => {
    const bytes = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0xaa)
    const out = new Int32Array(8)
    expect(decodeHybrid({ bytes, offset: 0, end: 6 }, { bitWidth: 1, count: 8 }, out, 0)).toBe(6)
    expect([...out]).toEqual([0, 1, 0, 1, 0, 1, 0, 1])
    expect(() =>
      decodeHybrid({ bytes, offset: 0, end: 6 }, { bitWidth: 1, count: 9 }, new Int32Array(9), 0),
    ).toThrow(RangeError)
  })

  it('are codes of the dictionary or an error', () => {
    fc.assert(
      fc.property(page, damage, fc.nat(300), ({ bytes, count }, how, dictionaryLength) => {
        const source = sourceOf(damaged(bytes, how))
        const out = new Int32Array(count + 4).fill(-1)
        const wanted = Math.max(0, count + Math.min(4, how.countChange))
        const end = unlessRefused(() =>
          decodeDictionaryCodes(source, wanted, { dictionaryLength, out, at: 0 }),
        )
        expect(out.subarray(wanted).every(code => code === -1)).toBe(true)
        if (end === undefined) return
        expect(end).toBeLessThanOrEqual(source.end)
        expect(out.subarray(0, wanted).every(code => code >= 0 && code < dictionaryLength)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('are levels of their bits or an error', () => {
    fc.assert(
      fc.property(page, damage, ({ bytes, count, bitWidth }, how) => {
        const source = sourceOf(damaged(bytes.subarray(1), how))
        const request = { bitWidth, count: Math.max(0, count + how.countChange) }
        const out = new Uint8Array(request.count)
        const end = unlessRefused(() => decodeLevels(source, request, out, 0))
        if (end !== undefined) expect(out.every(level => level >> bitWidth === 0)).toBe(true)
        const constant = unlessRefused(() => isConstantRun(source, request))
        if (constant !== undefined && request.count > 0 && end !== undefined) {
          expect(out.every(level => level === constant)).toBe(true)
        }
        unlessRefused(() => decodeBitPackedLegacy(source, request, out, 0))
      }),
      { numRuns: 500 },
    )
  })
})
