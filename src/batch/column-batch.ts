/**
 * Columns in memory: Arrow's layout in plain typed arrays.
 *
 *   fixed width   values[row]                          int, long, float, double, date, time, timestamp
 *   decimal       words[2*row] (low), [2*row+1] (high) 128-bit two's complement, little-endian
 *   boolean       bit `row` of bits                    least significant bit first
 *   fixed bytes   bytes[row*width .. ]                 uuid, fixed
 *   var bytes     bytes[offsets[row] .. offsets[row+1]] string (UTF-8), binary, variant, geometry
 *   dictionary    codes[row] -> row of dictionary
 *   list, map     child rows offsets[row] .. offsets[row+1]
 *   struct        children of the same length
 *   null          nothing stored, all rows null         unknown
 *
 * A vector always starts at row 0 (offsets need not begin at 0). `validity` is a bitmap, bit set = value
 * present; absent means that no row is null. What a column means is said by the batch's field, not here.
 */
import type { Field } from '../schema/types.js'

/** Bit `row & 7` of byte `row >> 3`, least significant first; set means present. */
export type Bitmap = Uint8Array

export type FixedWidthValues = Int32Array | BigInt64Array | Float32Array | Float64Array

export interface FixedWidthVector {
  readonly layout: 'fixed-width'
  readonly length: number
  readonly validity?: Bitmap | undefined
  /** Int32Array: int, date. BigInt64Array: long, time, timestamps. Float32Array: float. Float64Array: double. */
  readonly values: FixedWidthValues
}
export interface DecimalVector {
  readonly layout: 'decimal'
  readonly length: number
  readonly validity?: Bitmap | undefined
  /** Two words a row, low first; the unscaled value is (high << 64) | unsigned low. */
  readonly words: BigInt64Array
}
export interface BooleanVector {
  readonly layout: 'boolean'
  readonly length: number
  readonly validity?: Bitmap | undefined
  readonly bits: Bitmap
}
export interface FixedBytesVector {
  readonly layout: 'fixed-bytes'
  readonly length: number
  readonly validity?: Bitmap | undefined
  readonly widthBytes: number
  readonly bytes: Uint8Array
}
export interface VarBytesVector {
  readonly layout: 'var-bytes'
  readonly length: number
  readonly validity?: Bitmap | undefined
  /** length + 1 entries. */
  readonly offsets: Int32Array
  readonly bytes: Uint8Array
}
export interface DictionaryVector {
  readonly layout: 'dictionary'
  readonly length: number
  readonly validity?: Bitmap | undefined
  readonly codes: Int32Array
  readonly dictionary: Vector
}
export interface ListVector {
  readonly layout: 'list'
  readonly length: number
  readonly validity?: Bitmap | undefined
  readonly offsets: Int32Array
  readonly element: Vector
}
export interface MapVector {
  readonly layout: 'map'
  readonly length: number
  readonly validity?: Bitmap | undefined
  readonly offsets: Int32Array
  readonly keys: Vector
  readonly values: Vector
}
export interface StructVector {
  readonly layout: 'struct'
  readonly length: number
  readonly validity?: Bitmap | undefined
  /** One a field of the struct type, in its order. */
  readonly children: readonly Vector[]
}
export interface NullVector {
  readonly layout: 'null'
  readonly length: number
}
export type Vector =
  | FixedWidthVector
  | DecimalVector
  | BooleanVector
  | FixedBytesVector
  | VarBytesVector
  | DictionaryVector
  | ListVector
  | MapVector
  | StructVector
  | NullVector

/** Rows of a table, by column. `columns[i]` has `length` rows and holds values of `fields[i]`. */
export interface ColumnBatch {
  readonly length: number
  readonly fields: readonly Field[]
  readonly columns: readonly Vector[]
}

/** Ascending row numbers of a batch; undefined stands for all rows. */
export type Selection = Uint32Array

export function isPresent(vector: Vector, row: number): boolean {
  if (vector.layout === 'null') return false
  const validity = vector.validity
  return validity === undefined || (((validity[row >> 3] as number) >> (row & 7)) & 1) === 1
}
