/** Pages as Arrow C++ (pyarrow 26) writes them, uncompressed, without their headers. */
import { describe, expect, it } from 'vitest'
import { decodeBooleanRle } from '../../../../src/format/parquet/encoding/boolean-rle.js'
import { createByteSink, writtenBytes } from '../../../../src/format/parquet/encoding/byte-sink.js'
import {
  decodeByteStreamSplit,
  encodeByteStreamSplit,
} from '../../../../src/format/parquet/encoding/byte-stream-split.js'
import {
  decodeDeltaBinaryPacked,
  encodeDeltaBinaryPacked,
} from '../../../../src/format/parquet/encoding/delta-binary-packed.js'
import {
  decodeDeltaBytes,
  decodeDeltaLengthBytes,
  encodeDeltaBytes,
  encodeDeltaLengthBytes,
} from '../../../../src/format/parquet/encoding/delta-bytes.js'
import { decodeDictionaryCodes, gatherInto } from '../../../../src/format/parquet/encoding/gather.js'
import { decodeLevels, encodeHybrid } from '../../../../src/format/parquet/encoding/hybrid.js'
import { decodePlain, encodePlain } from '../../../../src/format/parquet/encoding/plain.js'
import {
  createValueSink,
  finishSink,
  type PlainValues,
} from '../../../../src/format/parquet/encoding/value-sink.js'
import {
  BOOLEAN,
  BYTES,
  type Codec,
  DOUBLE,
  decodePage,
  encodePage,
  FIXED,
  FLOAT,
  fromHex,
  INT32,
  INT64,
  ofBooleans,
  ofDoubles,
  ofFixed,
  ofFloats,
  ofInts,
  ofLongs,
  ofTexts,
  rowsOf,
  type StoredKind,
} from './stored.js'

const DELTA: Codec = { encode: encodeDeltaBinaryPacked, decode: decodeDeltaBinaryPacked }
const LENGTHS: Codec = { encode: encodeDeltaLengthBytes, decode: decodeDeltaLengthBytes }
const PREFIXES: Codec = { encode: encodeDeltaBytes, decode: decodeDeltaBytes }
const SPLIT: Codec = { encode: encodeByteStreamSplit, decode: decodeByteStreamSplit }
const PLAIN: Codec = { encode: encodePlain, decode: decodePlain }
const RLE_READ: Codec = { encode: () => undefined, decode: decodeBooleanRle }

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at)
const INTS = [...upTo(135).map(at => at * at - 50 * at), 2 ** 31 - 1, -(2 ** 31), 0, -1, 7, 7, 7]
const TIMES = upTo(30).map(at => 1_700_000_000_000_000n + BigInt(1000 * at + ((at * at * 7) % 13)))
const TEXTS = [
  ...upTo(14).map(at => `key-${String(Math.floor(at / 3)).padStart(3, '0')}${'ab'.repeat(at % 4)}`),
  '',
  'é',
  'key',
]
const IDS = upTo(20).map(at => Buffer.from(`id${String(at * 7).padStart(3, '0')}`))
const FLAGS = [
  ...upTo(21).map(at => at % 3 === 0),
  ...new Array<boolean>(40).fill(true),
  ...upTo(13).map(at => at % 2 === 0),
]

interface Page {
  readonly name: string
  readonly codec: Codec
  readonly kind: StoredKind
  readonly values: PlainValues
  readonly hex: string
  /** Whether serac writes the same bytes; Arrow's blocks of int64 deltas are larger, and its runs are cut elsewhere. */
  readonly same: boolean
}

const PAGES: readonly Page[] = [
  {
    name: 'int32 as DELTA_BINARY_PACKED',
    codec: DELTA,
    kind: INT32,
    values: ofInts(INTS),
    same: true,
    hex: '8001048e0100610607080880401888c23890445998c679a0489aa8cabab04cdbb8cefb4021d18854329d5029d58ad572bd6031d98c56b3dd7039dd8ed7f3fd80828486888a8c8e90929496989a9c9ea0a2a4a6a8aaacaeb0b2b4b6b8babcbec0c2c4c6c8caccced0d2d4d6d8dadcdee0e2e4e6e8eaeceef0f2f4f6f8fafcfeffffffff0f20000000cf000080d1000080d3000080d5000080d7000080d900008007d4ffff0100008000000000ffffff7f08000080000000800000008000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
  },
  {
    name: 'int64 as DELTA_BINARY_PACKED',
    codec: DELTA,
    kind: INT64,
    values: ofLongs(TIMES),
    same: false,
    hex: '8002041e8080f28183898506be0f0500000090487350528b01272091e6a0a416034e402201000000000000000000000000000000000000000000',
  },
  {
    name: 'extreme int64 as DELTA_BINARY_PACKED',
    codec: DELTA,
    kind: INT64,
    values: ofLongs([0n, 2n ** 63n - 1n, -(2n ** 63n), -1n, 1n, 2n ** 40n]),
    same: false,
    hex: '8002040600023f000000feffffffffffff7f0000000000000080ffffffffffffff3f00000000000000e0ffffffff0f0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
  },
  {
    name: 'one int64 as DELTA_BINARY_PACKED',
    codec: DELTA,
    kind: INT64,
    values: ofLongs([-3n]),
    same: false,
    hex: '8002040105',
  },
  {
    name: 'texts as DELTA_LENGTH_BYTE_ARRAY',
    codec: LENGTHS,
    kind: BYTES,
    values: ofTexts(TEXTS),
    same: true,
    hex: '800104110e1104000000bb3bbb3bbb3b0bab00000000000000006b65792d3030306b65792d30303061626b65792d303030616261626b65792d3030316162616261626b65792d3030316b65792d30303161626b65792d303032616261626b65792d3030326162616261626b65792d3030326b65792d30303361626b65792d303033616261626b65792d3030336162616261626b65792d3030346b65792d3030346162c3a96b6579',
  },
  {
    name: 'texts as DELTA_BYTE_ARRAY',
    codec: PREFIXES,
    kind: BYTES,
    values: ofTexts(TEXTS),
    same: true,
    hex: '80010411000d040000009e84673ca62908770000000000000000800104110e0d04000000720ca9546a67588900000000000000006b65792d303030616261623161626162616261623261626162616233616261626162346162c3a96b6579',
  },
  {
    name: 'fixed bytes as DELTA_BYTE_ARRAY',
    codec: PREFIXES,
    kind: FIXED,
    values: ofFixed(IDS, 5),
    same: true,
    hex: '800104140003030000008e162dd2a2618b0000000000800104140a07030000002857aee4ca792b01000000006964303030373134323138333534323935363633373037383439313831303531323932363333',
  },
  {
    name: 'floats as BYTE_STREAM_SPLIT',
    codec: SPLIT,
    kind: FLOAT,
    values: ofFloats(upTo(9).map(at => at / 4 - 1)),
    same: true,
    hex: '000000000000000000000000000000000000804000800080004080bfbfbfbe003e3f3f3f',
  },
  {
    name: 'doubles as BYTE_STREAM_SPLIT',
    codec: SPLIT,
    kind: DOUBLE,
    values: ofDoubles(upTo(9).map(at => at / 8 - 0.5)),
    same: true,
    hex: '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000e0d8d0c000c0d0d8e0bfbfbfbf003f3f3f3f',
  },
  {
    name: 'int32 as BYTE_STREAM_SPLIT',
    codec: SPLIT,
    kind: INT32,
    values: ofInts(upTo(9).map(at => at * 100_003 - 5)),
    same: true,
    hex: 'fb9e41e4872acd7013ff860d931aa127ae35ff0103040607090a0cff0000000000000000',
  },
  {
    name: 'int64 as BYTE_STREAM_SPLIT',
    codec: SPLIT,
    kind: INT64,
    values: ofLongs(upTo(9).map(at => BigInt(at) * 10_000_000_019n - 5n)),
    same: true,
    hex: 'fb0e2134475a6d8093ffe4c8ac9074583c20ff0b17232f3b47535fff54a8fc50a4f84ca0ff020406090b0d1012ff0000000000000000ff0000000000000000ff0000000000000000',
  },
  {
    name: 'fixed bytes as BYTE_STREAM_SPLIT',
    codec: SPLIT,
    kind: FIXED,
    values: ofFixed(IDS.slice(0, 9), 5),
    same: true,
    hex: '696969696969696969646464646464646464303030303030303030303031323233343435303734313835323936',
  },
  {
    name: 'booleans as RLE',
    codec: RLE_READ,
    kind: BOOLEAN,
    values: ofBooleans(FLAGS),
    same: false,
    hex: '09000000074992e44c0105aa0a',
  },
  {
    name: 'booleans as PLAIN',
    codec: PLAIN,
    kind: BOOLEAN,
    values: ofBooleans(FLAGS),
    same: true,
    hex: '4992e4ffffffffbfaa02',
  },
]

describe('pages of Arrow', () => {
  it.each(PAGES)('read $name', ({ codec, kind, values, hex }) => {
    const page = { bytes: fromHex(hex), count: values.length }
    expect(rowsOf(decodePage(codec, kind.type, page))).toEqual(rowsOf(values))
  })

  it.each(PAGES.filter(page => page.same))('are written as Arrow writes them: $name', ({
    codec,
    values,
    hex,
  }) => {
    expect(Buffer.from(encodePage(codec, values)).toString('hex')).toBe(hex)
  })

  it('read texts behind a dictionary', () => {
    const dictionaryBytes = fromHex(
      '020000007630020000007631020000007634020000007639020000007635020000007633',
    )
    const dictionary = decodePage(PLAIN, BYTES.type, { bytes: dictionaryBytes, count: 6 })
    const bytes = fromHex('030f88c69653108d2da7201a5b4e4134b69c8268ac24496c02031c0000')
    const expected = [
      ...upTo(50).map(at => `v${(at * at) % 11}`),
      ...new Array<string>(60).fill('v4'),
      'v5',
      'v9',
    ]
    const codes = new Int32Array(expected.length)
    const source = { bytes, offset: 0, end: bytes.length }
    expect(decodeDictionaryCodes(source, codes.length, { dictionaryLength: 6, out: codes, at: 0 })).toBe(
      bytes.length,
    )
    const sink = createValueSink(BYTES.type, 0)
    gatherInto(dictionary, codes, { from: 0, to: codes.length }, sink)
    expect(rowsOf(finishSink(sink))).toEqual(rowsOf(ofTexts(expected)))
  })

  it('read definition levels of a column with nulls', () => {
    const bytes = fromHex('0d0000000d7befbdf7de014000077bef0d')
    const levels = new Uint8Array(100)
    expect(
      decodeLevels({ bytes, offset: 4, end: bytes.length }, { bitWidth: 1, count: 100 }, levels, 0),
    ).toBe(bytes.length)
    const expected = upTo(100).map(at => (at % 5 === 2 || (at > 40 && at < 80) ? 0 : 1))
    expect([...levels]).toEqual(expected)
    const sink = createByteSink()
    encodeHybrid(sink, levels, { from: 0, to: 100, bitWidth: 1 })
    expect(writtenBytes(sink).length).toBeLessThanOrEqual(bytes.length)
  })
})
