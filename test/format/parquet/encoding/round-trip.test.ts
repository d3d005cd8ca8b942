import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBooleanRle, encodeBooleanRle } from '../../../../src/format/parquet/encoding/boolean-rle.js'
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
import { decodePlain, encodePlain } from '../../../../src/format/parquet/encoding/plain.js'
import {
  BOOLEAN,
  BYTES,
  type Codec,
  DOUBLE,
  EMPTY_FIXED,
  EVERY_KIND,
  FIXED,
  FLOAT,
  INT32,
  INT64,
  INT96,
  readBackTwice,
  rowsOf,
  type StoredKind,
} from './stored.js'

const CODECS: readonly (Codec & { readonly name: string; readonly kinds: readonly StoredKind[] })[] = [
  { name: 'PLAIN', encode: encodePlain, decode: decodePlain, kinds: EVERY_KIND },
  { name: 'RLE', encode: encodeBooleanRle, decode: decodeBooleanRle, kinds: [BOOLEAN] },
  {
    name: 'DELTA_BINARY_PACKED',
    encode: encodeDeltaBinaryPacked,
    decode: decodeDeltaBinaryPacked,
    kinds: [INT32, INT64],
  },
  {
    name: 'DELTA_LENGTH_BYTE_ARRAY',
    encode: encodeDeltaLengthBytes,
    decode: decodeDeltaLengthBytes,
    kinds: [BYTES],
  },
  {
    name: 'DELTA_BYTE_ARRAY',
    encode: encodeDeltaBytes,
    decode: decodeDeltaBytes,
    kinds: [BYTES, FIXED, EMPTY_FIXED],
  },
  {
    name: 'BYTE_STREAM_SPLIT',
    encode: encodeByteStreamSplit,
    decode: decodeByteStreamSplit,
    kinds: [INT32, INT64, FLOAT, DOUBLE, FIXED, INT96, EMPTY_FIXED],
  },
]

describe.each(CODECS)('$name', codec => {
  it.each(codec.kinds)('reads back what it wrote of $name, from any value on, page after page', kind => {
    fc.assert(
      fc.property(kind.arbitrary, fc.nat(20), (values, skip) => {
        const from = Math.min(skip, values.length)
        const rows = rowsOf(values).slice(from)
        expect(rowsOf(readBackTwice(codec, kind, values, from))).toEqual([...rows, ...rows])
      }),
    )
  })

  it.each(codec.kinds)('writes values of $name behind a dictionary as it writes the values', kind => {
    fc.assert(
      fc.property(kind.arbitrary, fc.array(fc.nat(), { maxLength: 50 }), (dictionary, picks) => {
        const codes = Int32Array.from(
          dictionary.length === 0 ? [] : picks.map(pick => pick % dictionary.length),
        )
        const values = { layout: 'dictionary', length: codes.length, codes, dictionary } as const
        const rows = rowsOf(values)
        expect(rowsOf(readBackTwice(codec, kind, values))).toEqual([...rows, ...rows])
      }),
    )
  })

  it('refuses values of other types', () => {
    const others = EVERY_KIND.filter(
      kind => !codec.kinds.includes(kind) && kind !== EMPTY_FIXED && kind !== INT96,
    )
    for (const kind of others) {
      const [values] = fc.sample(kind.arbitrary, { numRuns: 1, seed: 1 })
      expect(() => readBackTwice(codec, kind, values!), kind.name).toThrow(TypeError)
    }
  })
})
