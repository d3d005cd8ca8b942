import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { appendBit, appendBits } from '../../../../src/format/parquet/encoding/boolean-bits.js'
import { decodePlain, encodePlain } from '../../../../src/format/parquet/encoding/plain.js'
import {
  createSinkLike,
  createValueSink,
  ensureBytes,
  ensureRoom,
  finishSink,
} from '../../../../src/format/parquet/encoding/value-sink.js'
import { PhysicalType } from '../../../../src/format/parquet/footer/metadata.js'
import type { BooleanSink, FixedWidthSink, VarBytesSink } from '../../../../src/format/parquet/leaf.js'
import { EVERY_KIND, encodePage, ofBooleans, rowsOf } from './stored.js'

describe('a sink of values', () => {
  it.each(EVERY_KIND)('of $name starts empty and keeps what it has while it grows', kind => {
    fc.assert(
      fc.property(
        kind.arbitrary,
        fc.nat(20),
        fc.array(fc.nat(300), { maxLength: 5 }),
        (values, capacity, rooms) => {
          const sink = createValueSink(kind.type, capacity)
          expect(rowsOf(finishSink(sink))).toEqual([])
          const bytes = encodePage({ encode: encodePlain, decode: decodePlain }, values)
          decodePlain({ bytes, offset: 0, end: bytes.length }, values.length, sink)
          for (const room of rooms) ensureRoom(sink, room)
          expect(rowsOf(finishSink(sink))).toEqual(rowsOf(values))
          expect(createSinkLike(values, 3).layout).toBe(values.layout)
        },
      ),
      { numRuns: 30 },
    )
  })

  it('shares its memory with what it finishes when little is left over, and copies when much is', () => {
    const sink = createValueSink({ physicalType: PhysicalType.int64 }, 16) as FixedWidthSink
    sink.length = 15
    expect(finishSink(sink)).toMatchObject({ length: 15 })
    const near = finishSink(sink)
    expect(near.layout === 'fixed-width' && near.values.buffer).toBe(sink.values.buffer)
    sink.length = 8
    const far = finishSink(sink)
    expect(far.layout === 'fixed-width' && far.values.buffer.byteLength).toBe(64)
  })

  it('sees the same memory as values, as bytes and as words, also after it has grown', () => {
    const sink = createValueSink({ physicalType: PhysicalType.int64 }, 1) as FixedWidthSink
    ensureRoom(sink, 100)
    sink.words[2] = 5
    sink.bytes[20] = 1
    expect(sink.values[1]).toBe(5n)
    expect(sink.values[2]).toBe(1n << 32n)
  })

  it('refuses types that are none, fixed bytes without a length, and more than 2 GiB of bytes', () => {
    expect(() => createValueSink({ physicalType: 8 }, 1)).toThrow(RangeError)
    expect(() => createValueSink({ physicalType: PhysicalType.fixed }, 1)).toThrow(RangeError)
    expect(() => createValueSink({ physicalType: PhysicalType.fixed, typeLength: -1 }, 1)).toThrow(RangeError)
    const sink = createValueSink({ physicalType: PhysicalType.byteArray }, 1) as VarBytesSink
    expect(() => ensureBytes(sink, 2 ** 31)).toThrow(expect.objectContaining({ kind: 'unsupported' }))
  })

  it('does not take the length of a fixed type for granted before there are bytes', () => {
    const sink = createValueSink({ physicalType: PhysicalType.fixed, typeLength: 2 ** 31 - 1 }, 2 ** 20)
    expect(sink.layout === 'fixed-bytes' && sink.bytes.length).toBeLessThanOrEqual(2 ** 26)
  })

  it('appends bits and repeated bits at any bit', () => {
    const part = fc.oneof(
      fc.record({ bits: fc.array(fc.boolean(), { maxLength: 40 }) }),
      fc.record({ value: fc.boolean(), count: fc.nat(40) }),
    )
    fc.assert(
      fc.property(fc.array(part), parts => {
        const sink = createValueSink({ physicalType: PhysicalType.boolean }, 0) as BooleanSink
        const expected: boolean[] = []
        for (const each of parts) {
          if ('bits' in each) {
            const bits = ofBooleans([...new Array<boolean>(8).fill(true), ...each.bits])
            if (bits.layout === 'boolean')
              appendBits(sink, Uint8Array.of(...bits.bits, 0xff), 1, each.bits.length)
            expected.push(...each.bits)
          } else {
            appendBit(sink, each.value ? 1 : 0, each.count)
            expected.push(...new Array<boolean>(each.count).fill(each.value))
          }
        }
        const finished = finishSink(sink)
        expect(rowsOf(finished)).toEqual(expected)
        expect(finished).toEqual(ofBooleans(expected))
      }),
    )
  })
})
