import { describe, expect, it } from 'vitest'
import {
  createByteSink,
  writeBytes,
  writtenBytes,
} from '../../../../src/format/parquet/encoding/byte-sink.js'
import { encodeDeltaInts } from '../../../../src/format/parquet/encoding/delta-binary-packed.js'
import {
  decodeDeltaBytes,
  decodeDeltaLengthBytes,
  encodeDeltaBytes,
  encodeDeltaLengthBytes,
} from '../../../../src/format/parquet/encoding/delta-bytes.js'
import { BYTES, decodePage, encodePage, FIXED, ofTexts, rowsOf } from './stored.js'

const LENGTHS = { encode: encodeDeltaLengthBytes, decode: decodeDeltaLengthBytes }
const PREFIXES = { encode: encodeDeltaBytes, decode: decodeDeltaBytes }

/** Lists of numbers as DELTA_BINARY_PACKED, then a text. */
function pageOf(lists: readonly (readonly number[])[], text: string): Uint8Array {
  const sink = createByteSink()
  for (const list of lists) encodeDeltaInts(sink, Int32Array.from(list), { from: 0, to: list.length })
  writeBytes(sink, Buffer.from(text))
  return writtenBytes(sink)
}

describe('DELTA_LENGTH_BYTE_ARRAY', () => {
  it.each([
    ['a length is negative', [3, -1, 1], 'abc'],
    ['lengths are more than the bytes', [2, 2], 'abc'],
    ['there are fewer lengths than values', [1], 'abc'],
  ])('is refused when %s', (_, lengths, text) => {
    const page = { bytes: pageOf([lengths], text), count: Math.max(2, lengths.length) }
    expect(() => decodePage(LENGTHS, BYTES.type, page)).toThrow(RangeError)
  })
})

describe('DELTA_BYTE_ARRAY', () => {
  it('writes what a value shares with the one before only once', () => {
    const texts = Array.from(
      { length: 200 },
      (_, at) => `a prefix that is long and always the same ${at % 10}`,
    )
    expect(encodePage(PREFIXES, ofTexts(texts)).length).toBeLessThan(400)
  })

  it('takes prefixes that are shorter than they could be', () => {
    const bytes = pageOf(
      [
        [0, 1, 0],
        [2, 1, 2],
      ],
      'ababcd',
    )
    expect(rowsOf(decodePage(PREFIXES, BYTES.type, { bytes, count: 3 }))).toEqual(
      rowsOf(ofTexts(['ab', 'aa', 'bc'])),
    )
  })

  it.each([
    ['the first value has a prefix', [[1], [0]], ''],
    [
      'a prefix is longer than the value before',
      [
        [0, 3],
        [2, 0],
      ],
      'ab',
    ],
    [
      'a prefix is negative',
      [
        [0, -1],
        [2, 2],
      ],
      'abcd',
    ],
    [
      'a suffix is negative',
      [
        [0, 2],
        [2, -1],
      ],
      'abcd',
    ],
    [
      'suffixes are more than the bytes',
      [
        [0, 0],
        [2, 3],
      ],
      'abcd',
    ],
    ['there are fewer suffixes than prefixes', [[0, 0], [2]], 'ab'],
  ])('is refused when %s', (_, lists, text) => {
    const count = lists[0]!.length
    expect(() => decodePage(PREFIXES, BYTES.type, { bytes: pageOf(lists, text), count })).toThrow(RangeError)
  })

  it('is refused when a value of a fixed width has another', () => {
    const fits = pageOf(
      [
        [0, 4],
        [5, 1],
      ],
      'abcdex',
    )
    expect(rowsOf(decodePage(PREFIXES, FIXED.type, { bytes: fits, count: 2 }))).toHaveLength(2)
    const shorter = pageOf(
      [
        [0, 3],
        [5, 1],
      ],
      'abcdex',
    )
    expect(() => decodePage(PREFIXES, FIXED.type, { bytes: shorter, count: 2 })).toThrow(RangeError)
  })

  it('is refused when prefixes make hundreds of megabytes of a page', () => {
    const count = 2000
    const prefixes = new Array<number>(count).fill(100_000)
    prefixes[0] = 0
    const suffixes = new Array<number>(count).fill(0)
    suffixes[0] = 100_000
    const bytes = pageOf([prefixes, suffixes], 'x'.repeat(100_000))
    expect(() => decodePage(PREFIXES, BYTES.type, { bytes, count })).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
  })
})
