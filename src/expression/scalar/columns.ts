/** Columns as the loops of scalar functions take them: without dictionaries, in the layout of their type. */
import { assert } from '../../base/assert.js'
import { fullBitmap } from '../../batch/bitmap.js'
import type {
  Bitmap,
  DecimalVector,
  FixedWidthVector,
  Selection,
  VarBytesVector,
  Vector,
} from '../../batch/column-batch.js'
import { toBitmap } from '../../batch/selection.js'
import { rowsWithBit } from '../kernels.js'

/** The rows, among ascending ones, where a plain column is not null. */
export function presentRows(vector: Vector, rows: Selection): Selection {
  if (vector.layout === 'null') return rows.subarray(0, 0)
  return vector.validity === undefined ? rows : rowsWithBit(rows, vector.validity)
}

/** The validity of a column in which these rows are there. */
export function validityFor(rows: Selection, length: number): Bitmap | undefined {
  return rows.length === length ? undefined : toBitmap(rows, length)
}

/** A bitmap in which these rows are set. */
export function bitsOf(rows: Selection, length: number): Bitmap {
  return rows.length === length ? fullBitmap(length) : toBitmap(rows, length)
}

function fixedWidth(vector: Vector): FixedWidthVector {
  assert(vector.layout === 'fixed-width', 'a number column is of fixed width')
  return vector
}

export function intsOf(vector: Vector): Int32Array {
  const { values } = fixedWidth(vector)
  assert(values instanceof Int32Array, 'the column holds 32-bit integers')
  return values
}

export function longsOf(vector: Vector): BigInt64Array {
  const { values } = fixedWidth(vector)
  assert(values instanceof BigInt64Array, 'the column holds 64-bit integers')
  return values
}

export function floatsOf(vector: Vector): Float32Array | Float64Array {
  const { values } = fixedWidth(vector)
  assert(values instanceof Float32Array || values instanceof Float64Array, 'the column holds floats')
  return values
}

export function wordsOf(vector: Vector): BigInt64Array {
  const decimals: DecimalVector | undefined = vector.layout === 'decimal' ? vector : undefined
  assert(decimals !== undefined, 'the column holds decimals')
  return decimals.words
}

export function varBytesOf(vector: Vector): VarBytesVector {
  assert(vector.layout === 'var-bytes', 'the column holds text or bytes')
  return vector
}
