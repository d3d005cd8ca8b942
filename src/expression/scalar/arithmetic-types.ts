/** Arithmetic on bound scalars: which types it takes, and what its arguments and result become. */
import { isPrimitive, type PrimitiveType, type Type } from '../../schema/types.js'
import type { ArithmeticOp, IntervalScalar } from '../scalar.js'
import type { BoundScalar, ScalarFunction } from './bound.js'
import { castScalar, typeError } from './cast-scalar.js'
import {
  commonType,
  decimalOf,
  decimalOfInteger,
  decimalResult,
  isIntegral,
  isNumeric,
  isTimestamp,
} from './types.js'

const NAMES: Readonly<Record<ArithmeticOp, ScalarFunction>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'remainder',
}

const INT: Type = { kind: 'int' }
const DOUBLE: Type = { kind: 'double' }
const DATE: Type = { kind: 'date' }

/** `left op right`. @throws invalid-argument for types without such arithmetic */
export function arithmeticScalar(
  op: ArithmeticOp,
  sides: readonly [BoundScalar, BoundScalar],
  text: string,
): BoundScalar {
  const [left, right] = sides
  const dates = dateArithmetic(op, left, right, text)
  if (dates !== undefined) return dates
  const type = arithmeticType(op, left.type, right.type)
  if (type === undefined) throw typeError('the types have no such arithmetic', text, [left.type, right.type])
  if (type.kind === 'decimal') return decimalArithmetic(op, sides, text)
  return call(NAMES[op], [castScalar(left, type, text), castScalar(right, type, text)], type, text)
}

function call(name: ScalarFunction, args: readonly BoundScalar[], type: Type, text: string): BoundScalar {
  return { kind: 'call', name, args, type, text, required: args.every(arg => arg.required) }
}

/** The type that both sides are computed as; `decimal` stands for one of each side's own. */
function arithmeticType(op: ArithmeticOp, left: Type, right: Type): Type | undefined {
  const common = commonType(left, right)
  if (common === undefined) return undefined
  const type = common.kind === 'unknown' ? DOUBLE : common
  if (!isNumeric(type)) return undefined
  return op === '/' && type.kind !== 'decimal' ? DOUBLE : type
}

function decimalArithmetic(
  op: ArithmeticOp,
  [left, right]: readonly [BoundScalar, BoundScalar],
  text: string,
): BoundScalar {
  const typeA = decimalSide(left, right)
  const typeB = decimalSide(right, left)
  const args = [castScalar(left, typeA, text), castScalar(right, typeB, text)]
  return call(NAMES[op], args, decimalResult(op, typeA, typeB), text)
}

function decimalSide(side: BoundScalar, other: BoundScalar): ReturnType<typeof decimalOf> {
  const { type } = side
  if (side.kind === 'literal' && isIntegral(type) && side.value !== null) {
    return decimalOfInteger(BigInt(side.value as number | bigint))
  }
  // A null takes the type of the other side.
  const known: Type = type.kind === 'unknown' ? other.type : type
  return decimalOf(known as PrimitiveType)
}

/** A date and a number of days. */
function dateArithmetic(
  op: ArithmeticOp,
  left: BoundScalar,
  right: BoundScalar,
  text: string,
): BoundScalar | undefined {
  if (op !== '+' && op !== '-') return undefined
  const name = op === '+' ? 'date-add' : 'date-sub'
  if (left.type.kind === 'date' && (right.type.kind === 'int' || right.type.kind === 'unknown')) {
    return call(name, [left, castScalar(right, INT, text)], DATE, text)
  }
  if (
    op === '+' &&
    right.type.kind === 'date' &&
    (left.type.kind === 'int' || left.type.kind === 'unknown')
  ) {
    return call(name, [right, castScalar(left, INT, text)], DATE, text)
  }
  return undefined
}

const MICROS_PER_DAY = 86_400_000_000n

/** A date or timestamp and an interval. A date with a part of a day added is a timestamp, as in Spark. */
export function addInterval(operand: BoundScalar, interval: IntervalScalar, text: string): BoundScalar {
  const { months, micros } = interval
  const wholeDays = micros % MICROS_PER_DAY === 0n
  const base =
    operand.type.kind === 'date' && !wholeDays ? castScalar(operand, { kind: 'timestamptz' }, text) : operand
  const { type, required } = base
  if (type.kind !== 'date' && !isTimestamp(type)) {
    throw typeError('an interval is added to a date or a timestamp', text, [type])
  }
  return { kind: 'add-interval', operand: base, months, micros, type, required, text }
}

/** Minus a number. @throws invalid-argument for anything else */
export function negateScalar(operand: BoundScalar, text: string): BoundScalar {
  const number = numberScalar(operand, text)
  return call('negate', [number], number.type, text)
}

/** A number; text is read as a double. @throws invalid-argument for anything else */
export function numberScalar(operand: BoundScalar, text: string): BoundScalar {
  const { type } = operand
  if (isNumeric(type)) return operand
  if (type.kind === 'string' || type.kind === 'unknown') return castScalar(operand, DOUBLE, text)
  throw typeError('a number is needed', text, isPrimitive(type) ? [type] : [])
}
