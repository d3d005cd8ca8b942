/**
 * Casts, a value at a time: what each type becomes as another, by Spark's ANSI rules. What cannot become one
 * (text that is no number, a number out of range) is undefined, and an error of its row.
 *
 * The session's zone is UTC: a timestamp with a zone is printed and cut to a date in it. Doubles lose what is
 * behind the point when they become integers, decimals are rounded half up, times floored.
 */
import { unreachable } from '../../base/assert.js'
import { utf8Decode, utf8Encode } from '../../base/bytes.js'
import { formatDecimal } from '../../schema/decimal.js'
import { childFields } from '../../schema/schema.js'
import {
  floorDivide,
  formatDate,
  formatTime,
  formatTimestamp,
  MICROS_PER_DAY,
  NANOS_PER_DAY,
  parseDate,
  parseTime,
  parseTimestamp,
} from '../../schema/time.js'
import {
  type DecimalType,
  isPrimitive,
  type PrimitiveType,
  type Type,
  type Value,
} from '../../schema/types.js'
import { formatUuid, parseUuid } from '../../schema/uuid-text.js'
import { decimalOfText, fitted, rescaleHalfUp } from './decimals.js'
import { isFloating, isIntegral, isNanos, isNumeric, isTimestamp, isZoned, sameShape } from './types.js'

/** Whether `cast(x as type)` is a cast at all. */
export function canCast(from: Type, to: Type): boolean {
  if (from.kind === 'unknown' || sameShape(from, to)) return true
  switch (to.kind) {
    case 'boolean':
      return isNumeric(from) || from.kind === 'string'
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return isNumeric(from) || from.kind === 'boolean' || from.kind === 'string' || isInstant(from)
    case 'decimal':
      return isNumeric(from) || from.kind === 'boolean' || from.kind === 'string'
    case 'date':
      return isTimestamp(from) || from.kind === 'string'
    case 'time':
    case 'uuid':
      return from.kind === 'string'
    case 'timestamp':
    case 'timestamp_ns':
      return isTimestamp(from) || from.kind === 'date' || from.kind === 'string'
    case 'timestamptz':
    case 'timestamptz_ns':
      return isTimestamp(from) || from.kind === 'date' || from.kind === 'string' || isSeconds(from)
    case 'string':
      return PRINTED.has(from.kind)
    case 'binary':
      return from.kind === 'string' || from.kind === 'fixed'
    case 'fixed':
      return from.kind === 'binary' || from.kind === 'fixed'
    default:
      return false
  }
}

/** An instant and a number of seconds become each other. */
function isInstant(type: Type): boolean {
  return type.kind === 'timestamptz' || type.kind === 'timestamptz_ns'
}

function isSeconds(type: Type): boolean {
  return isIntegral(type) || isFloating(type)
}

const PRINTED: ReadonlySet<Type['kind']> = new Set<Type['kind']>([
  ...(['boolean', 'int', 'long', 'float', 'double', 'decimal', 'date', 'time'] as const),
  ...(['timestamp', 'timestamptz', 'timestamp_ns', 'timestamptz_ns'] as const),
  ...(['string', 'uuid', 'fixed', 'binary'] as const),
])

/**
 * Whether a value may be stored in a column without a cast being written: every number in every number, anything
 * in text, dates and timestamps in each other; text in no number, no boolean and no time. A uuid, which SQL has
 * no literal for, is stored from text.
 */
export function canAssign(from: Type, to: Type): boolean {
  if (from.kind === 'unknown' || sameShape(from, to)) return true
  if (!isPrimitive(from) || !isPrimitive(to)) return canAssignNested(from, to)
  if (isNumeric(from)) return isNumeric(to) || to.kind === 'string'
  if (to.kind === 'string') return PRINTED.has(from.kind)
  if (from.kind === 'string') return to.kind === 'uuid' || to.kind === 'binary'
  if (isTimestamp(from) || from.kind === 'date') return isTimestamp(to) || to.kind === 'date'
  return (to.kind === 'binary' || to.kind === 'fixed') && (from.kind === 'binary' || from.kind === 'fixed')
}

/** Structs with the same names, in any order; lists and maps part by part. */
function canAssignNested(from: Type, to: Type): boolean {
  if (from.kind !== to.kind) return false
  const fields = childFields(from)
  const wanted = childFields(to)
  return (
    fields.length === wanted.length &&
    wanted.every(field => {
      const source = fields.find(each => each.name === field.name)
      return source !== undefined && canAssign(source.type, field.type)
    })
  )
}

/**
 * The value, which is not null, as another type; undefined when it cannot be one. Only for types that `canCast`.
 */
export function castValue(value: Value, from: Type, to: PrimitiveType): Value | undefined {
  switch (to.kind) {
    case 'boolean':
      return booleanOf(value, from)
    case 'int':
      return inRange(integerOf(value, from), 32, Number)
    case 'long':
      return inRange(integerOf(value, from), 64, each => each)
    case 'float':
      return mapped(doubleOf(value, from), Math.fround)
    case 'double':
      return doubleOf(value, from)
    case 'decimal':
      return decimalOfValue(value, from, to)
    case 'date':
      return dateOf(value, from)
    case 'time':
      return typeof value === 'string' ? parseTime(value.trim()) : value
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return inRange(timestampOf(value, from, to), 64, each => each)
    case 'string':
      return textOf(value, from)
    case 'uuid':
      return typeof value === 'string' ? parseUuid(value.trim()) : value
    case 'binary':
      return typeof value === 'string' ? utf8Encode(value) : value
    case 'fixed':
      return value instanceof Uint8Array && value.length === to.lengthBytes ? value : undefined
    case 'unknown':
    case 'variant':
    case 'geometry':
    case 'geography':
      return value
    default:
      return unreachable(to)
  }
}

function mapped<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value)
}

function inRange<R>(value: bigint | undefined, bits: number, map: (value: bigint) => R): R | undefined {
  return value !== undefined && BigInt.asIntN(bits, value) === value ? map(value) : undefined
}

// To booleans and numbers

const TRUE_WORDS: ReadonlySet<string> = new Set(['t', 'true', 'y', 'yes', '1'])
const FALSE_WORDS: ReadonlySet<string> = new Set(['f', 'false', 'n', 'no', '0'])

function booleanOf(value: Value, from: Type): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (from.kind !== 'string' || typeof value !== 'string') return value !== 0 && value !== 0n
  const word = value.trim().toLowerCase()
  return TRUE_WORDS.has(word) ? true : FALSE_WORDS.has(word) ? false : undefined
}

function integerOf(value: Value, from: Type): bigint | undefined {
  switch (typeof value) {
    case 'boolean':
      return value ? 1n : 0n
    case 'number':
      return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined
    case 'bigint':
      if (from.kind === 'decimal') return value / 10n ** BigInt(from.scale)
      return isTimestamp(from) ? floorDivide(value, secondUnits(from)) : value
    case 'string':
      return integerOfText(value.trim())
    default:
      return undefined
  }
}

/** Only digits: `1.5` is no integer. Longer ones are out of every range. */
function integerOfText(text: string): bigint | undefined {
  const match = /^([+-]?)0*(\d{1,20})$/.exec(text)
  return match ? BigInt(`${match[1] === '-' ? '-' : ''}${match[2]}`) : undefined
}

function secondUnits(type: Type): bigint {
  return isNanos(type) ? 1_000_000_000n : 1_000_000n
}

const FLOAT_TEXT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const NON_FINITE = /^([+-]?)(?:inf|infinity)$/i

function doubleOf(value: Value, from: Type): number | undefined {
  switch (typeof value) {
    case 'boolean':
      return value ? 1 : 0
    case 'number':
      return value
    case 'bigint':
      if (from.kind === 'decimal') return Number(formatDecimal(value, from.scale))
      return isTimestamp(from) ? Number(value) / Number(secondUnits(from)) : Number(value)
    case 'string':
      return doubleOfText(value.trim())
    default:
      return undefined
  }
}

function doubleOfText(text: string): number | undefined {
  if (FLOAT_TEXT.test(text)) return Number(text)
  const infinite = NON_FINITE.exec(text)
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity
  return /^nan$/i.test(text) ? Number.NaN : undefined
}

function decimalOfValue(value: Value, from: Type, to: DecimalType): bigint | undefined {
  switch (typeof value) {
    case 'boolean':
      return fitted(rescaleHalfUp(value ? 1n : 0n, 0, to.scale), to)
    case 'number':
      if (!Number.isFinite(value)) return undefined
      return decimalOfText(from.kind === 'float' ? shortFloat(value) : String(value), to)
    case 'bigint':
      return fitted(rescaleHalfUp(value, from.kind === 'decimal' ? from.scale : 0, to.scale), to)
    case 'string':
      return decimalOfText(value.trim(), to)
    default:
      return undefined
  }
}

// To dates and times

function dateOf(value: Value, from: Type): number | undefined {
  if (typeof value === 'string') return parseDate(value.trim().split(/[T ]/)[0] ?? '')
  if (typeof value !== 'bigint') return typeof value === 'number' ? value : undefined
  return Number(floorDivide(value, isNanos(from) ? NANOS_PER_DAY : MICROS_PER_DAY))
}

function timestampOf(value: Value, from: Type, to: PrimitiveType): bigint | undefined {
  const nanos = isNanos(to)
  if (typeof value === 'string') return timestampOfText(value.trim(), to)
  if (typeof value === 'bigint' && isTimestamp(from)) {
    if (isNanos(from) === nanos) return value
    return nanos ? value * 1000n : floorDivide(value, 1000n)
  }
  if (from.kind === 'date' && typeof value === 'number') {
    return BigInt(value) * (nanos ? NANOS_PER_DAY : MICROS_PER_DAY)
  }
  if (typeof value === 'bigint') return value * secondUnits(to)
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  const units = secondUnits(to)
  return from.kind === 'int' ? BigInt(value) * units : BigInt(Math.trunc(value * Number(units)))
}

/** Digits beyond microseconds are cut off. */
function timestampOfText(text: string, to: PrimitiveType): bigint | undefined {
  const zone = isZoned(to) ? 'default-utc' : 'none'
  if (isNanos(to)) return parseTimestamp(text, { zone, unit: 'nanos' })
  const micros = parseTimestamp(text, { zone, unit: 'micros' })
  if (micros !== undefined) return micros
  return mapped(parseTimestamp(text, { zone, unit: 'nanos' }), nanos => floorDivide(nanos, 1000n))
}

// To text

function textOf(value: Value, from: Type): string | undefined {
  if (value instanceof Uint8Array) return from.kind === 'uuid' ? formatUuid(value) : decodedText(value)
  switch (typeof value) {
    case 'number':
      if (from.kind === 'date') return formatDate(value)
      if (from.kind === 'int') return String(value)
      return from.kind === 'float' ? printDouble(Number(shortFloat(value))) : printDouble(value)
    case 'bigint':
      if (from.kind === 'decimal') return formatDecimal(value, from.scale)
      if (from.kind === 'time') return formatTime(value)
      return isTimestamp(from) ? printTimestamp(value, from) : String(value)
    default:
      return String(value)
  }
}

function decodedText(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decode(bytes)
  } catch {
    return undefined
  }
}

/** `2026-01-31 12:00:00.5`: no zone, no zeros at the end of the fraction. */
function printTimestamp(value: bigint, type: Type): string {
  const text = formatTimestamp(value, { zoned: false, unit: isNanos(type) ? 'nanos' : 'micros' })
  return text.replace('T', ' ').replace(/\.?0+$/, '')
}

/** The fewest digits that give the float back. */
function shortFloat(value: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === value) return text
  }
  return String(value)
}

/** As Java prints a double: `1.0`, `1.0E10`, `1.0E-4`. */
function printDouble(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  const magnitude = Math.abs(value)
  if (magnitude === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  if (magnitude >= 1e-3 && magnitude < 1e7) return withPoint(String(value))
  const [mantissa = '', exponent = ''] = value.toExponential().split('e')
  return `${withPoint(mantissa)}E${exponent.replace('+', '')}`
}

function withPoint(digits: string): string {
  return digits.includes('.') ? digits : `${digits}.0`
}
