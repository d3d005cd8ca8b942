/**
 * The inner loops of evaluation: rows of one vector against literals, one loop a layout, over typed arrays.
 *
 * Every loop takes the rows to look at (none of them null) and gives those that match, in the same order.
 * A comparison is an `Accept`: which of less, equal and greater match. A set is sorted, and each row is
 * looked up by binary search. A 64-bit value is compared as a signed high and an unsigned low int32, never as
 * a bigint. Floats follow `compareValues`: NaN is above everything; -0.0 and 0.0 compare equal here, which is
 * right because `bind` never leaves one zero alone.
 */
import { assert } from '../base/assert.js'
import { utf8Encode } from '../base/bytes.js'
import type { Bitmap, Selection } from '../batch/column-batch.js'
import { int32Words } from '../batch/int-words.js'
import type { Value } from '../schema/types.js'
import type { ComparisonOp } from './expression.js'

/** Bits: 1 the row's value is less than the literal, 2 equal, 4 greater. */
export type Accept = number

const LESS = 1
const EQUAL = 2
const GREATER = 4

export const ACCEPT: Readonly<Record<ComparisonOp, Accept>> = {
  eq: EQUAL,
  'not-eq': LESS | GREATER,
  lt: LESS,
  'lt-eq': LESS | EQUAL,
  gt: GREATER,
  'gt-eq': EQUAL | GREATER,
}

/** Rows whose bit in the bitmap is set. */
export function rowsWithBit(rows: Selection, bits: Bitmap): Selection {
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    matched[count] = row
    count += ((bits[row >> 3] as number) >> (row & 7)) & 1
  }
  return matched.subarray(0, count)
}

/** Rows whose code is marked. */
export function rowsWithCode(rows: Selection, codes: Int32Array, marked: Uint8Array): Selection {
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    matched[count] = row
    count += marked[codes[row] as number] as number
  }
  return matched.subarray(0, count)
}

/** The ascending rows of `rows` that are not among `others`, which are ascending too. */
export function rowsExcept(rows: Selection, others: Selection): Selection {
  if (others.length === 0) return rows
  const rest = new Uint32Array(rows.length)
  let count = 0
  let at = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    while (at < others.length && (others[at] as number) < row) at++
    if (at === others.length || others[at] !== row) rest[count++] = row
  }
  return rest.subarray(0, count)
}

// Booleans

export function matchBooleans(
  rows: Selection,
  bits: Bitmap,
  accepts: { whenFalse: boolean; whenTrue: boolean },
): Selection {
  if (accepts.whenTrue && accepts.whenFalse) return rows
  if (accepts.whenTrue) return rowsWithBit(rows, bits)
  return accepts.whenFalse ? rowsExcept(rows, rowsWithBit(rows, bits)) : rows.subarray(0, 0)
}

// Numbers of 32 bits, and floats

type NumberValues = Int32Array | Float32Array | Float64Array

export function rowsWithNan(rows: Selection, values: NumberValues): Selection {
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    if (Number.isNaN(values[row])) matched[count++] = row
  }
  return matched.subarray(0, count)
}

export function compareNumberRows(
  rows: Selection,
  values: NumberValues,
  literal: number,
  accept: Accept,
): Selection {
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const value = values[row] as number
    // NaN is neither less nor equal, so it falls through to greater.
    const order = value < literal ? LESS : value === literal ? EQUAL : GREATER
    if ((order & accept) !== 0) matched[count++] = row
  }
  return matched.subarray(0, count)
}

export function findNumberRows(
  rows: Selection,
  values: NumberValues,
  literals: Float64Array,
  member: boolean,
): Selection {
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const value = values[row] as number
    let from = 0
    let to = literals.length - 1
    while (from < to) {
      const middle = (from + to) >> 1
      if ((literals[middle] as number) < value) from = middle + 1
      else to = middle
    }
    if ((literals[from] === value) === member) matched[count++] = row
  }
  return matched.subarray(0, count)
}

// Integers of 64 bits and more, as words of 32 bits, most significant last; the last is signed

export function compareLongRows(
  rows: Selection,
  values: BigInt64Array,
  literal: bigint,
  accept: Accept,
): Selection {
  const words = int32Words(values)
  const literalWords = int32Words(BigInt64Array.of(literal))
  const low = (literalWords[0] as number) >>> 0
  const high = literalWords[1] as number
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const rowHigh = words[2 * row + 1] as number
    let order = rowHigh < high ? LESS : GREATER
    if (rowHigh === high) {
      const rowLow = (words[2 * row] as number) >>> 0
      order = rowLow < low ? LESS : rowLow === low ? EQUAL : GREATER
    }
    if ((order & accept) !== 0) matched[count++] = row
  }
  return matched.subarray(0, count)
}

export function findLongRows(
  rows: Selection,
  values: BigInt64Array,
  literals: BigInt64Array,
  member: boolean,
): Selection {
  return findWordRows(rows, int32Words(values), { words: int32Words(literals), width: 2 }, member)
}

/** A decimal of a batch: two 64-bit words a row, low first. */
export function decimalWords(unscaled: bigint): readonly [low: bigint, high: bigint] {
  return [BigInt.asIntN(64, unscaled), BigInt.asIntN(64, unscaled >> 64n)]
}

interface WordLiterals {
  readonly words: Int32Array
  /** Words a value. */
  readonly width: number
}

export function compareDecimalRows(
  rows: Selection,
  values: BigInt64Array,
  literal: bigint,
  accept: Accept,
): Selection {
  const words = int32Words(values)
  const literals = { words: int32Words(BigInt64Array.from(decimalWords(literal))), width: 4 }
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const sign = compareWords(words, row, literals, 0)
    const order = sign < 0 ? LESS : sign === 0 ? EQUAL : GREATER
    if ((order & accept) !== 0) matched[count++] = row
  }
  return matched.subarray(0, count)
}

export function findDecimalRows(
  rows: Selection,
  values: BigInt64Array,
  literals: readonly bigint[],
  member: boolean,
): Selection {
  const words = int32Words(BigInt64Array.from(literals.flatMap(decimalWords)))
  return findWordRows(rows, int32Words(values), { words, width: 4 }, member)
}

function findWordRows(
  rows: Selection,
  words: Int32Array,
  literals: WordLiterals,
  member: boolean,
): Selection {
  const matched = new Uint32Array(rows.length)
  const last = literals.words.length / literals.width - 1
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    let from = 0
    let to = last
    while (from < to) {
      const middle = (from + to) >> 1
      if (compareWords(words, row, literals, middle) > 0) from = middle + 1
      else to = middle
    }
    if ((compareWords(words, row, literals, from) === 0) === member) matched[count++] = row
  }
  return matched.subarray(0, count)
}

/** The sign of value `row` minus literal `index`. */
function compareWords(words: Int32Array, row: number, literals: WordLiterals, index: number): number {
  const { width } = literals
  const top = width - 1
  const at = row * width
  const literalAt = index * width
  const high = words[at + top] as number
  const literalHigh = literals.words[literalAt + top] as number
  if (high !== literalHigh) return high < literalHigh ? -1 : 1
  for (let word = top - 1; word >= 0; word--) {
    const value = (words[at + word] as number) >>> 0
    const literal = (literals.words[literalAt + word] as number) >>> 0
    if (value !== literal) return value < literal ? -1 : 1
  }
  return 0
}

// Bytes: row `row` is bytes[starts[row] .. starts[row + 1]], or `width` bytes at row * width

/** The bytes of a column, of a fixed width or between offsets. */
export interface ByteRows {
  readonly bytes: Uint8Array
  readonly offsets: Int32Array | undefined
  readonly width: number
}

export function compareByteRows(
  rows: Selection,
  column: ByteRows,
  literal: Uint8Array,
  accept: Accept,
): Selection {
  const { bytes, offsets, width } = column
  const matched = new Uint32Array(rows.length)
  // Equality alone needs no order: most rows fall out by length.
  const equalityOnly = accept === EQUAL
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const start = offsets === undefined ? row * width : (offsets[row] as number)
    const end = offsets === undefined ? start + width : (offsets[row + 1] as number)
    if (equalityOnly && end - start !== literal.length) continue
    const sign = compareRange(bytes, start, end, literal)
    const order = sign < 0 ? LESS : sign === 0 ? EQUAL : GREATER
    if ((order & accept) !== 0) matched[count++] = row
  }
  return matched.subarray(0, count)
}

export function findByteRows(
  rows: Selection,
  column: ByteRows,
  literals: readonly Uint8Array[],
  member: boolean,
): Selection {
  const { bytes, offsets, width } = column
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const start = offsets === undefined ? row * width : (offsets[row] as number)
    const end = offsets === undefined ? start + width : (offsets[row + 1] as number)
    let from = 0
    let to = literals.length - 1
    while (from < to) {
      const middle = (from + to) >> 1
      if (compareRange(bytes, start, end, literals[middle] as Uint8Array) > 0) from = middle + 1
      else to = middle
    }
    if ((compareRange(bytes, start, end, literals[from] as Uint8Array) === 0) === member)
      matched[count++] = row
  }
  return matched.subarray(0, count)
}

export function prefixRows(
  rows: Selection,
  column: ByteRows,
  prefix: Uint8Array,
  member: boolean,
): Selection {
  const { bytes, offsets, width } = column
  const matched = new Uint32Array(rows.length)
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number
    const start = offsets === undefined ? row * width : (offsets[row] as number)
    const end = offsets === undefined ? start + width : (offsets[row + 1] as number)
    const has =
      end - start >= prefix.length && compareRange(bytes, start, start + prefix.length, prefix) === 0
    if (has === member) matched[count++] = row
  }
  return matched.subarray(0, count)
}

/** Unsigned lexicographic order of bytes[start .. end] and the literal. */
function compareRange(bytes: Uint8Array, start: number, end: number, literal: Uint8Array): number {
  const length = end - start
  const common = Math.min(length, literal.length)
  for (let i = 0; i < common; i++) {
    const difference = (bytes[start + i] as number) - (literal[i] as number)
    if (difference !== 0) return difference
  }
  return length - literal.length
}

// Literals in the form of a layout

export function numberOf(value: Value): number {
  assert(typeof value === 'number' || typeof value === 'bigint', 'a literal of a number column is a number')
  return Number(value)
}

export function bigintOf(value: Value): bigint {
  assert(typeof value === 'number' || typeof value === 'bigint', 'a literal of a long column is an integer')
  return BigInt(value)
}

export function bytesOf(value: Value): Uint8Array {
  if (typeof value === 'string') return utf8Encode(value)
  assert(value instanceof Uint8Array, 'a literal of a byte column is text or bytes')
  return value
}
