import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createByteSink, writtenBytes } from '../../../../src/format/parquet/encoding/byte-sink.js'
import {
  decodeDictionaryCodes,
  gatherInto,
  plainRange,
} from '../../../../src/format/parquet/encoding/gather.js'
import { encodeHybrid } from '../../../../src/format/parquet/encoding/hybrid.js'
import { createValueSink, finishSink } from '../../../../src/format/parquet/encoding/value-sink.js'
import { EVERY_KIND, INT32, INT64, ofInts, ofTexts, rowsOf } from './stored.js'

function pageOf(codes: readonly number[], bitWidth: number): Uint8Array {
  const sink = createByteSink()
  sink.bytes[sink.length++] = bitWidth
  encodeHybrid(sink, Int32Array.from(codes), { from: 0, to: codes.length, bitWidth })
  return writtenBytes(sink)
}

function decodeCodes(bytes: Uint8Array, count: number, dictionaryLength: number): number[] {
  const out = new Int32Array(count)
  decodeDictionaryCodes({ bytes, offset: 0, end: bytes.length }, count, { dictionaryLength, out, at: 0 })
  return [...out]
}

describe('values behind a dictionary', () => {
  it('are found by codes of any width', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 1, max: 2 ** 31 - 1 })
          .chain(length => fc.tuple(fc.constant(length), fc.array(fc.nat(length - 1), { maxLength: 300 }))),
        fc.nat(3),
        ([length, codes], slack) => {
          const bitWidth = Math.min(32, 32 - Math.clz32(length - 1) + slack)
          expect(decodeCodes(pageOf(codes, bitWidth), codes.length, length)).toEqual(codes)
        },
      ),
    )
  })

  it('need no bytes when there are none, and only a width when there is one entry', () => {
    expect(decodeCodes(new Uint8Array(0), 0, 0)).toEqual([])
    expect(decodeCodes(Uint8Array.of(0), 3, 1)).toEqual([0, 0, 0])
  })

  it('are refused when a code is not in the dictionary, in a packed or a repeated run, or negative', () => {
    const packed = Array.from({ length: 30 }, (_, at) => at % 7)
    expect(decodeCodes(pageOf(packed, 3), 30, 7)).toEqual(packed)
    expect(() => decodeCodes(pageOf(packed, 3), 30, 6)).toThrow(RangeError)
    expect(() => decodeCodes(pageOf(new Array<number>(99).fill(6), 3), 99, 6)).toThrow(RangeError)
    expect(() => decodeCodes(pageOf([-1], 32), 1, 6)).toThrow(RangeError)
    expect(() => decodeCodes(Uint8Array.of(0), 1, 0)).toThrow(RangeError)
    expect(() => decodeCodes(new Uint8Array(0), 1, 1)).toThrow(RangeError)
    expect(() => decodeCodes(Uint8Array.of(33, 2, 0, 0, 0, 0, 0), 1, 1)).toThrow(RangeError)
  })

  it.each(EVERY_KIND)('are gathered page after page: $name', kind => {
    const picks = fc.array(fc.array(fc.nat(), { maxLength: 40 }), { maxLength: 4 })
    fc.assert(
      fc.property(kind.arbitrary, picks, (dictionary, pages) => {
        const sink = createValueSink(kind.type, 0)
        const expected: unknown[] = []
        const entries = rowsOf(dictionary)
        for (const page of dictionary.length === 0 ? [] : pages) {
          const codes = Int32Array.from([0, ...page.map(pick => pick % entries.length), 0])
          gatherInto(dictionary, codes, { from: 1, to: codes.length - 1 }, sink)
          expected.push(...[...codes.subarray(1, -1)].map(code => entries[code]))
        }
        expect(rowsOf(finishSink(sink))).toEqual(expected)
      }),
    )
  })

  it('keep the bits of their floats', () => {
    const words = Int32Array.of(0x7fa0_0001, -1, 0x7ff0_0001, 0x7ff4_0000)
    const codes = Int32Array.from({ length: 4 }, (_, at) => at)
    const dictionary = { layout: 'fixed-width', length: 4, values: new Float32Array(words.buffer) } as const
    const { values } = plainRange({ layout: 'dictionary', length: 4, codes, dictionary }, { from: 0, to: 4 })
    expect(values.layout === 'fixed-width' && [...new Int32Array(values.values.buffer, 0, 4)]).toEqual([
      ...words,
    ])
  })

  it('are refused when the dictionary has another layout or width', () => {
    const codes = Int32Array.of(0)
    const range = { from: 0, to: 1 }
    expect(() => gatherInto(ofTexts(['a']), codes, range, createValueSink(INT32.type, 1))).toThrow(TypeError)
    expect(() => gatherInto(ofInts([1]), codes, range, createValueSink(INT64.type, 1))).toThrow(TypeError)
    const nested = { layout: 'dictionary', length: 1, codes, dictionary: ofInts([1]) } as const
    expect(() => plainRange({ layout: 'dictionary', length: 1, codes, dictionary: nested }, range)).toThrow(
      TypeError,
    )
  })

  it('are refused when gathered bytes would be more than 2 GiB, before these are allocated', () => {
    const dictionary = {
      layout: 'var-bytes',
      length: 1,
      offsets: Int32Array.of(0, 2 ** 24),
      bytes: new Uint8Array(2 ** 24),
    } as const
    const sink = createValueSink({ physicalType: 6 }, 0)
    expect(() => gatherInto(dictionary, new Int32Array(129), { from: 0, to: 129 }, sink)).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })
})
