/**
 * Which types meet in an expression, and what comes of them: Spark's rules in ANSI mode.
 *
 *   int + int = int        int + long = long      int + float = double     float + float = float
 *   x / y = double but for decimals      decimal + double = double      text beside a number is read as one
 *   decimal(p1,s1) + decimal(p2,s2) = decimal(max(p1-s1, p2-s2) + max(s1,s2) + 1, max(s1,s2))
 *   decimal(p1,s1) * decimal(p2,s2) = decimal(p1+p2+1, s1+s2)
 *   decimal(p1,s1) / decimal(p2,s2) = decimal(p1-s1+s2 + scale, scale = max(6, s1+p2+1))
 *
 * Beyond 38 digits the scale gives way, but not below 6 (or what it is). An int is decimal(10,0) beside a
 * decimal, a long decimal(20,0), an integer literal as many digits as it has.
 * @see Spark SQL reference, "ANSI Compliance"
 */
import { LakeError } from '../../base/errors.js'
import { parseDecimal } from '../../schema/decimal.js'
import { childFields } from '../../schema/schema.js'
import { samePrimitive } from '../../schema/type-text.js'
import {
  type DecimalType,
  type Field,
  isPrimitive,
  type PrimitiveType,
  type Type,
  type Value,
} from '../../schema/types.js'
import type { Literal } from '../expression.js'
import { wellFormed } from '../literal.js'
import type { ArithmeticOp } from '../scalar.js'

const DECIMAL_DIGITS_MAX = 38
/** The digits behind the point that a result of more than 38 digits keeps. */
const SCALE_KEPT = 6
const INT_MAX = 2n ** 31n - 1n
const LONG_MAX = 2n ** 63n - 1n

export interface TypedValue {
  readonly type: PrimitiveType
  readonly value: Value
}

/**
 * A literal with the type that it has by itself: digits are an int, else a long, else a decimal; with a point a
 * decimal, with an exponent a double.
 * @throws invalid-argument for a decimal of more than 38 digits
 */
export function typedLiteral(literal: Literal | null): TypedValue {
  if (literal === null) return { type: { kind: 'unknown' }, value: null }
  switch (literal.kind) {
    case 'number':
      return typedNumber(literal.text)
    case 'string':
      return { type: { kind: 'string' }, value: wellFormed(literal.text) }
    case 'boolean':
      return { type: { kind: 'boolean' }, value: literal.value }
    case 'binary':
      return { type: { kind: 'binary' }, value: literal.bytes }
    case 'typed':
      return { type: literal.type, value: literal.value }
  }
}

function typedNumber(text: string): TypedValue {
  if (/[eE]/.test(text)) return { type: { kind: 'double' }, value: Number(text) }
  const [whole = '', fraction] = text.replace(/^[+-]/, '').split('.')
  if (fraction === undefined) {
    const value = integerValue(text)
    if (value !== undefined && value <= INT_MAX && value >= -INT_MAX - 1n) {
      return { type: { kind: 'int' }, value: Number(value) }
    }
    if (value !== undefined && value <= LONG_MAX && value >= -LONG_MAX - 1n) {
      return { type: { kind: 'long' }, value }
    }
  }
  const scale = fraction?.length ?? 0
  const digits = (whole + (fraction ?? '')).replace(/^0+/, '').length
  const type: DecimalType = { kind: 'decimal', precision: Math.max(digits, scale, 1), scale }
  const value = type.precision > DECIMAL_DIGITS_MAX ? undefined : parseDecimal(text, type)
  if (value !== undefined) return { type, value }
  throw new LakeError('invalid-argument', 'a number has more digits than a decimal can hold', {
    context: { literal: text },
  })
}

/** Bounded: what is longer is no long anyway. */
function integerValue(text: string): bigint | undefined {
  return text.length <= 20 && /^[+-]?\d+$/.test(text) ? BigInt(text) : undefined
}

export function isIntegral(type: Type): boolean {
  return type.kind === 'int' || type.kind === 'long'
}

export function isFloating(type: Type): boolean {
  return type.kind === 'float' || type.kind === 'double'
}

export function isNumeric(type: Type): boolean {
  return isIntegral(type) || isFloating(type) || type.kind === 'decimal'
}

export function isTimestamp(type: Type): boolean {
  return (
    type.kind === 'timestamp' ||
    type.kind === 'timestamptz' ||
    type.kind === 'timestamp_ns' ||
    type.kind === 'timestamptz_ns'
  )
}

export function isNanos(type: Type): boolean {
  return type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns'
}

const LONG: PrimitiveType = { kind: 'long' }
const DOUBLE: PrimitiveType = { kind: 'double' }
const BINARY: PrimitiveType = { kind: 'binary' }

/** The type that both become where they meet in a comparison, a `case`, a `coalesce`; undefined: they do not. */
export function commonType(a: Type, b: Type): Type | undefined {
  if (a.kind === 'unknown') return b
  if (b.kind === 'unknown' || sameShape(a, b)) return a
  if (!isPrimitive(a) || !isPrimitive(b)) return undefined
  if (isNumeric(a) && isNumeric(b)) return commonNumber(a, b)
  if (a.kind === 'string') return typeBesideText(b)
  if (b.kind === 'string') return typeBesideText(a)
  return commonTime(a, b) ?? commonBytes(a, b)
}

function typeBesideText(type: PrimitiveType): PrimitiveType | undefined {
  if (isIntegral(type)) return LONG
  if (isNumeric(type)) return DOUBLE
  return TEXT_FORMS.has(type.kind) || isTimestamp(type) ? type : undefined
}

const TEXT_FORMS: ReadonlySet<Type['kind']> = new Set<Type['kind']>([
  'boolean',
  'date',
  'time',
  'uuid',
  'binary',
])

function commonNumber(a: PrimitiveType, b: PrimitiveType): PrimitiveType {
  if (isFloating(a) || isFloating(b)) return DOUBLE
  if (a.kind !== 'decimal' && b.kind !== 'decimal') return LONG
  return commonDecimal(decimalOf(a), decimalOf(b))
}

/** Digits before the point are kept first. */
function commonDecimal(a: DecimalType, b: DecimalType): DecimalType {
  const scale = Math.max(a.scale, b.scale)
  const precision = Math.max(a.precision - a.scale, b.precision - b.scale) + scale
  const excess = Math.max(0, precision - DECIMAL_DIGITS_MAX)
  return { kind: 'decimal', precision: precision - excess, scale: Math.max(0, scale - excess) }
}

function commonTime(a: PrimitiveType, b: PrimitiveType): PrimitiveType | undefined {
  if (a.kind === 'date' && isTimestamp(b)) return b
  if (b.kind === 'date' && isTimestamp(a)) return a
  if (!isTimestamp(a) || !isTimestamp(b)) return undefined
  const zoned = isZoned(a) || isZoned(b) ? 'timestamptz' : 'timestamp'
  return { kind: isNanos(a) || isNanos(b) ? `${zoned}_ns` : zoned }
}

export function isZoned(type: Type): boolean {
  return type.kind === 'timestamptz' || type.kind === 'timestamptz_ns'
}

function commonBytes(a: PrimitiveType, b: PrimitiveType): PrimitiveType | undefined {
  const plain = (type: PrimitiveType): boolean => type.kind === 'fixed' || type.kind === 'binary'
  return plain(a) && plain(b) ? BINARY : undefined
}

/** Whether values of two types look the same: field ids, docs and what is required aside. */
export function sameShape(a: Type, b: Type): boolean {
  if (isPrimitive(a)) return isPrimitive(b) && samePrimitive(a, b)
  if (a.kind !== b.kind) return false
  const fields = childFields(a)
  const others = childFields(b)
  return (
    fields.length === others.length &&
    fields.every((field, at) => {
      const other: Field | undefined = others[at]
      return other !== undefined && field.name === other.name && sameShape(field.type, other.type)
    })
  )
}

/** The decimal that holds every value of an integer type. */
export function decimalOf(type: PrimitiveType): DecimalType {
  if (type.kind === 'decimal') return type
  return { kind: 'decimal', precision: type.kind === 'int' ? 10 : 20, scale: 0 }
}

/** The decimal with as many digits as an integer has. */
export function decimalOfInteger(value: number | bigint): DecimalType {
  return { kind: 'decimal', precision: String(value).replace('-', '').length, scale: 0 }
}

/** The type of a sum, difference, product, quotient or remainder of two decimals. */
export function decimalResult(op: ArithmeticOp, a: DecimalType, b: DecimalType): DecimalType {
  const scale = Math.max(a.scale, b.scale)
  const wholeA = a.precision - a.scale
  const wholeB = b.precision - b.scale
  switch (op) {
    case '+':
    case '-':
      return fittedDecimal(Math.max(wholeA, wholeB) + scale + 1, scale)
    case '*':
      return fittedDecimal(a.precision + b.precision + 1, a.scale + b.scale)
    case '%':
      return fittedDecimal(Math.min(wholeA, wholeB) + scale, scale)
    case '/': {
      const quotientScale = Math.max(SCALE_KEPT, a.scale + b.precision + 1)
      return fittedDecimal(wholeA + b.scale + quotientScale, quotientScale)
    }
  }
}

function fittedDecimal(precision: number, scale: number): DecimalType {
  if (precision <= DECIMAL_DIGITS_MAX) return { kind: 'decimal', precision: Math.max(precision, 1), scale }
  const fitted = Math.max(DECIMAL_DIGITS_MAX - (precision - scale), Math.min(scale, SCALE_KEPT))
  return { kind: 'decimal', precision: DECIMAL_DIGITS_MAX, scale: fitted }
}

/** A decimal of at most 38 digits. */
export function boundedDecimal(precision: number, scale: number): DecimalType {
  return {
    kind: 'decimal',
    precision: Math.min(precision, DECIMAL_DIGITS_MAX),
    scale: Math.min(scale, DECIMAL_DIGITS_MAX),
  }
}
