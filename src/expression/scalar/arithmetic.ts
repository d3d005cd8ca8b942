/**
 * Arithmetic on columns, a loop a layout. Every result is checked against the range of its type; a divisor of
 * zero is an error for floats too. Arguments have been cast: ints, longs, floats and doubles have the type of the
 * result, decimals each have their own scale.
 *
 * Longs and decimals take a detour around bigints, which cost several times a number: operands below 2^53 are
 * computed as doubles wherever the result is below 2^53 too, and so exact.
 */
import { assert } from '../../base/assert.js'
import type { Selection, Vector } from '../../batch/column-batch.js'
import { int32Words } from '../../batch/int-words.js'
import { joinWords } from '../../batch/values.js'
import type { DecimalType, Type } from '../../schema/types.js'
import { decimalWords } from '../kernels.js'
import type { ArithmeticOp } from '../scalar.js'
import { floatsOf, intsOf, longsOf, validityFor, wordsOf } from './columns.js'
import type { Side } from './compare.js'
import { divideHalfUp, fitsPrecision, powerOfTen, rescaleHalfUp } from './decimals.js'
import type { RowFailure } from './row-failure.js'

export interface Operation {
  readonly op: ArithmeticOp
  readonly left: Side
  readonly right: Side
  readonly type: Type
  /** Rows without null, ascending; all others of the result are null. */
  readonly rows: Selection
  readonly length: number
  readonly fail: RowFailure
}

/** The column of results. @throws invalid-argument for an overflow or a zero divisor */
export function computeRows(operation: Operation): Vector {
  const { type, rows, length } = operation
  const validity = validityFor(rows, length)
  switch (type.kind) {
    case 'int':
      return { layout: 'fixed-width', length, validity, values: computeInts(operation) }
    case 'long':
      return { layout: 'fixed-width', length, validity, values: computeLongs(operation) }
    case 'float':
      return {
        layout: 'fixed-width',
        length,
        validity,
        values: computeFloats(operation, new Float32Array(length)),
      }
    case 'double':
      return {
        layout: 'fixed-width',
        length,
        validity,
        values: computeFloats(operation, new Float64Array(length)),
      }
    case 'decimal':
      return { layout: 'decimal', length, validity, words: computeDecimals(operation, type) }
    default:
      assert(false, 'arithmetic has a number for its result')
  }
}

function computeInts({ op, left, right, rows, length, fail }: Operation): Int32Array {
  const a = intsOf(left.vector)
  const b = intsOf(right.vector)
  const results = new Int32Array(length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const divisor = b[row] as number
    if (divisor === 0 && op === '%') fail(row, 'zero-divisor')
    // A product that is too large to be exact is out of range as well.
    const result = numberResult(op, a[row] as number, divisor)
    if (result > 2_147_483_647 || result < -2_147_483_648) fail(row, 'overflow')
    results[row] = result
  }
  return results
}

function numberResult(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
  }
}

const EXACT_MAX = Number.MAX_SAFE_INTEGER
const WORD = 4_294_967_296

function computeLongs({ op, left, right, rows, length, fail }: Operation): BigInt64Array {
  const longsA = longsOf(left.vector)
  const longsB = longsOf(right.vector)
  const a = int32Words(longsA)
  const b = int32Words(longsB)
  const results = new BigInt64Array(length)
  const words = int32Words(results)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const low = 2 * row
    const numberA = (a[low + 1] as number) * WORD + ((a[low] as number) >>> 0)
    const numberB = (b[low + 1] as number) * WORD + ((b[low] as number) >>> 0)
    if (numberB === 0 && op === '%') fail(row, 'zero-divisor')
    const result = op === '%' ? remainder(numberA, numberB) : numberResult(op, numberA, numberB)
    if (isExact(numberA) && isExact(numberB) && isExact(result)) {
      words[low] = result | 0
      words[low + 1] = Math.floor(result / WORD)
    } else {
      const exact = bigintResult(op, longsA[row] as bigint, longsB[row] as bigint)
      if (BigInt.asIntN(64, exact) !== exact) fail(row, 'overflow')
      results[row] = exact
    }
  }
  return results
}

/** As `a % b` for whole numbers, several times as fast where products stay exact. */
function remainder(a: number, b: number): number {
  if (a >= 0 && a < 2 ** 51 && b > 0) {
    const rest = a - Math.floor(a / b) * b
    // The quotient may have been rounded to the next whole number.
    if (rest >= 0 && rest < b) return rest
  }
  return a % b
}

function isExact(value: number): boolean {
  return value <= EXACT_MAX && value >= -EXACT_MAX
}

function bigintResult(op: ArithmeticOp, a: bigint, b: bigint): bigint {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
  }
}

function computeFloats<T extends Float32Array | Float64Array>(operation: Operation, results: T): T {
  const { op, left, right, rows, fail } = operation
  const a = floatsOf(left.vector)
  const b = floatsOf(right.vector)
  const divides = op === '/' || op === '%'
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const divisor = b[row] as number
    if (divides && divisor === 0) fail(row, 'zero-divisor')
    results[row] = numberResult(op, a[row] as number, divisor)
  }
  return results
}

function computeDecimals(operation: Operation, type: DecimalType): BigInt64Array {
  const { op, rows, length, fail } = operation
  const a = wordsOf(operation.left.vector)
  const b = wordsOf(operation.right.vector)
  const scales = decimalScales(operation)
  const results = new BigInt64Array(length * 2)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const divisor = joinWords(b[2 * row] as bigint, b[2 * row + 1] as bigint)
    if (divisor === 0n && (op === '/' || op === '%')) fail(row, 'zero-divisor')
    const dividend = joinWords(a[2 * row] as bigint, a[2 * row + 1] as bigint)
    const result = decimalResult(op, dividend, divisor, scales, type.scale)
    if (!fitsPrecision(result, type.precision)) fail(row, 'overflow')
    const [low, high] = decimalWords(result)
    results[2 * row] = low
    results[2 * row + 1] = high
  }
  return results
}

interface DecimalScales {
  readonly a: number
  readonly b: number
}

function decimalScales({ left, right }: Operation): DecimalScales {
  assert(left.type.kind === 'decimal' && right.type.kind === 'decimal', 'decimals are computed with decimals')
  return { a: left.type.scale, b: right.type.scale }
}

/** Exact, then rounded once to the scale of the result. */
function decimalResult(op: ArithmeticOp, a: bigint, b: bigint, scales: DecimalScales, scale: number): bigint {
  if (op === '*') return rescaleHalfUp(a * b, scales.a + scales.b, scale)
  if (op === '/') {
    // a / 10^sa over b / 10^sb, times 10^scale
    const shift = scale + scales.b - scales.a
    return shift >= 0 ? divideHalfUp(a * powerOfTen(shift), b) : divideHalfUp(a, b * powerOfTen(-shift))
  }
  const common = Math.max(scales.a, scales.b)
  const exact = bigintResult(op, a * powerOfTen(common - scales.a), b * powerOfTen(common - scales.b))
  return rescaleHalfUp(exact, common, scale)
}
