/**
 * What passes between the stages of reading and writing a column chunk.
 *
 *   pages -> levels + stored values -> values of the Iceberg type -> vector of the top-level column
 *
 * A leaf's values are kept dense: nulls and empty lists have levels but no value. For `[[1, null], [], null]`
 * of an optional list of optional ints:
 *
 *   repetition   0 1 0 0
 *   definition   3 2 1 0
 *   values       1
 *
 * @see https://github.com/apache/parquet-format "Nested Encoding"
 */
import type {
  BooleanVector,
  DictionaryVector,
  FixedBytesVector,
  FixedWidthVector,
  VarBytesVector,
} from '../../batch/column-batch.js'

/**
 * Values of a leaf without nulls, in the layout of their physical type: int32 Int32Array, int64 BigInt64Array,
 * float and double their arrays, boolean bits, INT96 fixed bytes of width 12, FIXED_LEN_BYTE_ARRAY fixed bytes,
 * BYTE_ARRAY var bytes; or codes into a dictionary of one of them. None has a validity.
 */
export type StoredValues =
  | FixedWidthVector
  | BooleanVector
  | FixedBytesVector
  | VarBytesVector
  | DictionaryVector

/** Entries of a leaf column: its levels and the values that are there. */
export interface LeafEntries {
  /** Values, nulls and empty lists. */
  readonly entries: number
  /** One level an entry; absent when every entry is a value. */
  readonly definition?: Uint8Array | undefined
  /** One level an entry; absent when the leaf is not repeated: each entry is a row. */
  readonly repetition?: Uint8Array | undefined
  /** As many as entries whose definition level is the leaf's highest. */
  readonly values: StoredValues
}

/** Where decoders put values: arrays with room, and how much of them is filled. */
export type ValueSink = FixedWidthSink | BooleanSink | FixedBytesSink | VarBytesSink

export interface FixedWidthSink {
  readonly layout: 'fixed-width'
  values: Int32Array | BigInt64Array | Float32Array | Float64Array
  /** The same memory as bytes, for copies. */
  bytes: Uint8Array
  /** The same memory as 32-bit words, for 64-bit values without bigints. */
  words: Int32Array
  length: number
}
export interface BooleanSink {
  readonly layout: 'boolean'
  bits: Uint8Array
  length: number
}
export interface FixedBytesSink {
  readonly layout: 'fixed-bytes'
  readonly widthBytes: number
  bytes: Uint8Array
  length: number
}
export interface VarBytesSink {
  readonly layout: 'var-bytes'
  /** Has room for one offset more than values; offsets[0] is 0. */
  offsets: Int32Array
  bytes: Uint8Array
  /** Values. */
  length: number
  /** Bytes filled. */
  byteLength: number
}

/** Bytes to decode from: `offset` up to `end`, exclusive. */
export interface ByteSource {
  readonly bytes: Uint8Array
  readonly offset: number
  readonly end: number
}
