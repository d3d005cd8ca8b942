import { describe, expect, it } from 'vitest'
import { createByteSink, writtenBytes } from '../../../../src/format/parquet/encoding/byte-sink.js'
import {
  decodeByteStreamSplit,
  encodeByteStreamSplit,
} from '../../../../src/format/parquet/encoding/byte-stream-split.js'
import { decodePlain, encodePlain } from '../../../../src/format/parquet/encoding/plain.js'
import {
  BYTES,
  decodePage,
  encodePage,
  fromHex,
  INT32,
  ofBooleans,
  ofInts,
  ofTexts,
  rowsOf,
} from './stored.js'

const PLAIN = { encode: encodePlain, decode: decodePlain }
const SPLIT = { encode: encodeByteStreamSplit, decode: decodeByteStreamSplit }

describe('PLAIN', () => {
  it('puts numbers low byte first and lengths before byte arrays', () => {
    expect([...encodePage(PLAIN, ofInts([1, -2]))]).toEqual([1, 0, 0, 0, 254, 255, 255, 255])
    expect([...encodePage(PLAIN, ofTexts(['ab', '']))]).toEqual([2, 0, 0, 0, 97, 98, 0, 0, 0, 0])
  })

  it('puts booleans lowest bit first, from a byte on, and clears the bits behind the last', () => {
    const flags = ofBooleans([false, true, true, false, true, true, true, true, true, true, true])
    const sink = createByteSink()
    encodePlain(sink, flags, { from: 1, to: 5 })
    encodePlain(sink, flags, { from: 0, to: 8 })
    expect([...writtenBytes(sink)]).toEqual([0b1011, 0b11110110])
  })

  it('is refused when a length points behind the end', () => {
    for (const hex of ['03000000 6162', 'ffffffff 6162', '0200', '01000000 61 01000000']) {
      const bytes = fromHex(hex.replaceAll(' ', ''))
      expect(() => decodePage(PLAIN, BYTES.type, { bytes, count: hex.length > 15 ? 2 : 1 })).toThrow(
        RangeError,
      )
    }
  })

  it('takes only the bytes of its values', () => {
    const read = decodePage(PLAIN, INT32.type, { bytes: fromHex('0100000002000000ff'), count: 2 })
    expect(rowsOf(read)).toEqual([1, 2])
  })
})

describe('BYTE_STREAM_SPLIT', () => {
  it('is refused when the bytes are not exactly those of the values', () => {
    for (const hex of ['0102030405060708', '010203']) {
      expect(() => decodePage(SPLIT, INT32.type, { bytes: fromHex(hex), count: 1 })).toThrow(RangeError)
    }
  })
})
