/**
 * `round`, `floor` and `ceil`. A double is rounded by its decimal digits, so that 1.005 becomes 1.01 as it reads,
 * and half away from zero; `floor` and `ceil` of a double are longs.
 */
import { assert } from '../../base/assert.js'
import type { Selection, Vector } from '../../batch/column-batch.js'
import { joinWords } from '../../batch/values.js'
import { floorDivide } from '../../schema/time.js'
import type { Type } from '../../schema/types.js'
import { decimalWords } from '../kernels.js'
import { parseExact } from '../literal.js'
import { floatsOf, intsOf, longsOf, validityFor, wordsOf } from './columns.js'
import type { Side } from './compare.js'
import { divideHalfUp, fitsPrecision, powerOfTen, rescaleHalfUp } from './decimals.js'
import type { RowFailure } from './row-failure.js'

export interface Rounding {
  readonly name: 'round' | 'floor' | 'ceil'
  readonly operand: Side
  /** The digits behind the point to keep, the same in every row; undefined: none. */
  readonly digits: Side | undefined
  readonly type: Type
  readonly rows: Selection
  readonly length: number
  readonly fail: RowFailure
}

/** The column of results. @throws invalid-argument for an overflow */
export function computeRounded(rounding: Rounding): Vector {
  const { operand, type, rows, length } = rounding
  const validity = validityFor(rows, length)
  if (type.kind === 'decimal') {
    return { layout: 'decimal', length, validity, words: roundDecimals(rounding) }
  }
  if (operand.type.kind === 'int') {
    return { layout: 'fixed-width', length, validity, values: roundInts(rounding) }
  }
  if (operand.type.kind === 'long') {
    return { layout: 'fixed-width', length, validity, values: roundLongs(rounding) }
  }
  if (type.kind === 'long')
    return { layout: 'fixed-width', length, validity, values: floatsToLongs(rounding) }
  return { layout: 'fixed-width', length, validity, values: roundFloats(rounding) }
}

/** The literal that `round` was written with. */
function digitsOf({ digits, rows }: Rounding): number {
  return digits === undefined || rows.length === 0 ? 0 : (intsOf(digits.vector)[rows[0] as number] as number)
}

/** Digits beyond these are there in no type. */
const DIGITS_MAX = 400

function roundDecimals(rounding: Rounding): BigInt64Array {
  const { operand, type, rows, length, fail } = rounding
  assert(operand.type.kind === 'decimal' && type.kind === 'decimal', 'a decimal is rounded to a decimal')
  const source = wordsOf(operand.vector)
  const { scale } = operand.type
  const digits = Math.min(scale, digitsOf(rounding))
  const words = new BigInt64Array(length * 2)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const value = joinWords(source[2 * row] as bigint, source[2 * row + 1] as bigint)
    const rounded = rescaleHalfUp(roundUnscaled(rounding.name, value, scale - digits), digits, type.scale)
    if (!fitsPrecision(rounded, type.precision)) fail(row, 'overflow')
    const [low, high] = decimalWords(rounded)
    words[2 * row] = low
    words[2 * row + 1] = high
  }
  return words
}

/** The value without its last digits, as the function rounds. */
function roundUnscaled(name: Rounding['name'], value: bigint, digits: number): bigint {
  const divisor = powerOfTen(Math.min(Math.max(0, digits), DIGITS_MAX))
  if (name === 'round') return divideHalfUp(value, divisor)
  return name === 'floor' ? floorDivide(value, divisor) : -floorDivide(-value, divisor)
}

/** Multiples of ten to the power of minus `digits`. */
function roundInteger(value: bigint, digits: number): bigint {
  if (digits >= 0) return value
  const unit = powerOfTen(Math.min(-digits, DIGITS_MAX))
  return divideHalfUp(value, unit) * unit
}

function roundInts(rounding: Rounding): Int32Array {
  const source = intsOf(rounding.operand.vector)
  const digits = digitsOf(rounding)
  const values = new Int32Array(rounding.length)
  for (const row of rounding.rows) {
    const rounded = Number(roundInteger(BigInt(source[row] as number), digits))
    if ((rounded | 0) !== rounded) rounding.fail(row, 'overflow')
    values[row] = rounded
  }
  return values
}

function roundLongs(rounding: Rounding): BigInt64Array {
  const source = longsOf(rounding.operand.vector)
  const digits = digitsOf(rounding)
  const values = new BigInt64Array(rounding.length)
  for (const row of rounding.rows) {
    const rounded = roundInteger(source[row] as bigint, digits)
    if (BigInt.asIntN(64, rounded) !== rounded) rounding.fail(row, 'overflow')
    values[row] = rounded
  }
  return values
}

function floatsToLongs({ operand, name, rows, length, fail }: Rounding): BigInt64Array {
  const source = floatsOf(operand.vector)
  const values = new BigInt64Array(length)
  for (const row of rows) {
    const value = name === 'floor' ? Math.floor(source[row] as number) : Math.ceil(source[row] as number)
    if (!(value >= -(2 ** 63) && value < 2 ** 63)) fail(row, 'overflow')
    values[row] = BigInt(value)
  }
  return values
}

function roundFloats(rounding: Rounding): Float32Array | Float64Array {
  const source = floatsOf(rounding.operand.vector)
  const values = source.slice()
  const digits = digitsOf(rounding)
  for (const row of rounding.rows) {
    const value = source[row] as number
    values[row] = Number.isFinite(value) ? roundFloat(value, digits) : value
  }
  return values
}

/** Beyond this `parseExact` says no more than that a number is large. */
const EXACT_DIGITS_MAX = 100

function roundFloat(value: number, digits: number): number {
  const exact = parseExact(String(value))
  if (exact === undefined || exact.scale <= digits) return value
  if (digits < -EXACT_DIGITS_MAX) return Math.abs(value) < 1e100 ? 0 : value
  const rounded = rescaleHalfUp(exact.unscaled, exact.scale, Math.max(digits, 0))
  if (digits >= 0) return Number(`${rounded}e${-digits}`)
  return Number(roundScaled(exact.unscaled, exact.scale, digits))
}

/** Rounded to a multiple of a power of ten, at once. */
function roundScaled(unscaled: bigint, scale: number, digits: number): bigint {
  const unit = powerOfTen(-digits)
  return (
    divideHalfUp(unscaled * powerOfTen(Math.max(0, -scale)), unit * powerOfTen(Math.max(0, scale))) * unit
  )
}
