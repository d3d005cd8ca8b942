/** Every encoding of values, and the physical types that it is for. */
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
  type StoredKind,
} from './stored.js'

export const CODECS: readonly (Codec & { readonly name: string; readonly kinds: readonly StoredKind[] })[] = [
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
