/**
 * Functions on columns. Arguments have been cast to what the function takes; `rows` are those where none of them
 * is null, and all other rows of the result are null.
 */
import { assert, unreachable } from '../../base/assert.js'
import type { Selection, Vector } from '../../batch/column-batch.js'
import { transformVector } from '../../batch/transform-vector.js'
import { joinWords } from '../../batch/values.js'
import { civilFromDays, floorDivide, monthsFromDays } from '../../schema/time.js'
import type { Type } from '../../schema/types.js'
import { decimalWords } from '../kernels.js'
import type { ArithmeticOp } from '../scalar.js'
import { computeRows } from './arithmetic.js'
import type { ScalarFunction } from './bound.js'
import { floatsOf, intsOf, longsOf, validityFor, wordsOf } from './columns.js'
import type { Side } from './compare.js'
import { computeRounded } from './round.js'
import type { RowFailure } from './row-failure.js'
import { changeText, cutText, joinText, testText, textLengths } from './text.js'
import { isNanos } from './types.js'

export interface Call {
  readonly name: ScalarFunction
  readonly args: readonly Side[]
  readonly type: Type
  readonly rows: Selection
  readonly length: number
  readonly fail: RowFailure
}

/** The column of results. @throws invalid-argument for a row that has none */
export function callRows(call: Call): Vector {
  switch (call.name) {
    case 'add':
    case 'subtract':
    case 'multiply':
    case 'divide':
    case 'remainder':
      return computeRows({
        ...call,
        op: ARITHMETIC[call.name],
        left: argument(call, 0),
        right: argument(call, 1),
      })
    case 'negate':
    case 'abs':
      return magnitudes(call)
    case 'round':
    case 'floor':
    case 'ceil':
      return computeRounded({ ...call, name: call.name, operand: argument(call, 0), digits: call.args[1] })
    case 'year':
    case 'month':
    case 'day':
    case 'hour':
    case 'minute':
    case 'second':
    case 'date-add':
    case 'date-sub':
    case 'date-diff':
      return intRows(call, timeValues(call, call.name))
    case 'length':
      return intRows(call, textLengths(call))
    case 'concat':
      return joinText(call)
    case 'trim':
    case 'ltrim':
    case 'rtrim':
    case 'substring':
      return cutText(call, call.name)
    case 'lower':
    case 'upper':
    case 'replace':
      return changeText(call, call.name)
    case 'starts-with':
    case 'ends-with':
    case 'contains':
      return testText(call, call.name)
    default:
      return unreachable(call.name)
  }
}

const ARITHMETIC: Readonly<Record<'add' | 'subtract' | 'multiply' | 'divide' | 'remainder', ArithmeticOp>> = {
  add: '+',
  subtract: '-',
  multiply: '*',
  divide: '/',
  remainder: '%',
}

function argument({ args }: Call, index: number): Side {
  const side = args[index]
  assert(side !== undefined, 'a function has its arguments')
  return side
}

function intRows({ rows, length }: Call, values: Int32Array): Vector {
  return { layout: 'fixed-width', length, validity: validityFor(rows, length), values }
}

// Numbers

/** Minus a number, or a number without its sign. The least int and long have no opposite. */
function magnitudes(call: Call): Vector {
  const { rows, length, fail, type } = call
  const { vector } = argument(call, 0)
  const validity = validityFor(rows, length)
  const keepPositive = call.name === 'abs'
  switch (type.kind) {
    case 'decimal': {
      const source = wordsOf(vector)
      const words = new BigInt64Array(length * 2)
      for (let at = 0; at < rows.length; at++) {
        const row = rows[at] as number
        const value = joinWords(source[2 * row] as bigint, source[2 * row + 1] as bigint)
        const [low, high] = decimalWords(keepPositive && value >= 0n ? value : -value)
        words[2 * row] = low
        words[2 * row + 1] = high
      }
      return { layout: 'decimal', length, validity, words }
    }
    case 'long': {
      const source = longsOf(vector)
      const values = new BigInt64Array(length)
      for (let at = 0; at < rows.length; at++) {
        const row = rows[at] as number
        const value = source[row] as bigint
        const result = keepPositive && value >= 0n ? value : -value
        if (BigInt.asIntN(64, result) !== result) fail(row, 'overflow')
        values[row] = result
      }
      return { layout: 'fixed-width', length, validity, values }
    }
    default: {
      const source = type.kind === 'int' ? intsOf(vector) : floatsOf(vector)
      const values = source.slice()
      for (let at = 0; at < rows.length; at++) {
        const row = rows[at] as number
        const value = source[row] as number
        const result = keepPositive ? Math.abs(value) : -value
        if (type.kind === 'int' && result > 2_147_483_647) fail(row, 'overflow')
        values[row] = result
      }
      return { layout: 'fixed-width', length, validity, values }
    }
  }
}

// Dates and times

type TimeFunction = Extract<
  ScalarFunction,
  'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'date-add' | 'date-sub' | 'date-diff'
>

function timeValues(call: Call, name: TimeFunction): Int32Array {
  switch (name) {
    case 'year':
    case 'month':
    case 'day':
      return dateParts(call, name)
    case 'hour':
      return clockParts(call, { unitSeconds: 3600n, modulus: 24n })
    case 'minute':
      return clockParts(call, { unitSeconds: 60n, modulus: 60n })
    case 'second':
      return clockParts(call, { unitSeconds: 1n, modulus: 60n })
    case 'date-add':
      return shiftedDates(call, 1)
    case 'date-sub':
    case 'date-diff':
      return shiftedDates(call, -1)
    default:
      return unreachable(name)
  }
}

function dateParts(call: Call, name: 'year' | 'month' | 'day'): Int32Array {
  const { vector, type } = argument(call, 0)
  const days = intsOf(type.kind === 'date' ? vector : transformVector({ kind: 'day' }, type, vector))
  const values = new Int32Array(call.length)
  for (let at = 0; at < call.rows.length; at++) {
    const row = call.rows[at] as number
    const day = days[row] as number
    if (name === 'day') values[row] = civilFromDays(day).day
    else {
      const months = monthsFromDays(day)
      const years = Math.floor(months / 12)
      values[row] = name === 'year' ? 1970 + years : months - years * 12 + 1
    }
  }
  return values
}

function clockParts(
  call: Call,
  { unitSeconds, modulus }: { readonly unitSeconds: bigint; readonly modulus: bigint },
): Int32Array {
  const { vector, type } = argument(call, 0)
  const times = longsOf(vector)
  const unit = unitSeconds * (isNanos(type) ? 1_000_000_000n : 1_000_000n)
  const values = new Int32Array(call.length)
  for (let at = 0; at < call.rows.length; at++) {
    const row = call.rows[at] as number
    const units = floorDivide(times[row] as bigint, unit)
    values[row] = Number(units - floorDivide(units, modulus) * modulus)
  }
  return values
}

/** A date and a number of days, or two dates, added or subtracted. */
function shiftedDates(call: Call, sign: 1 | -1): Int32Array {
  const dates = intsOf(argument(call, 0).vector)
  const shifts = intsOf(argument(call, 1).vector)
  const values = new Int32Array(call.length)
  for (let at = 0; at < call.rows.length; at++) {
    const row = call.rows[at] as number
    const result = (dates[row] as number) + sign * (shifts[row] as number)
    if ((result | 0) !== result) call.fail(row, 'overflow')
    values[row] = result
  }
  return values
}
