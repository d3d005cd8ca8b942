/**
 * A literal seen from a column: where it stands among the values that the column's type can hold.
 *
 *   below | v0   v1 . v2   v3 | above       `.` is a literal between two values: `after` v1
 *
 * So `x < 1.5` on an int is exact (`x <= 1`), `x = 1.5` is provably never true, and `x < 1e30` holds for
 * every value: nothing is rounded silently and nothing overflows.
 * A float or double column takes the nearest value of its own precision, as Iceberg does: `f = 0.1` finds
 * the float 0.1.
 */
import { utf8Decode, utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import {
  floorDivide,
  MICROS_PER_DAY,
  NANOS_PER_DAY,
  parseDate,
  parseTime,
  parseTimestamp,
} from '../schema/time.js'
import { printType } from '../schema/type-text.js'
import type { DecimalType, PrimitiveType, Value } from '../schema/types.js'
import { parseUuid } from '../schema/uuid-text.js'
import type { Literal } from './expression.js'

export type LiteralPlace =
  | { readonly at: 'value'; readonly value: Value }
  /** Above `value` and below the type's next value. */
  | { readonly at: 'after'; readonly value: Value }
  /** Below, or above, all values of the type. */
  | { readonly at: 'below' | 'above' }

const INT32: Range = { min: -(2n ** 31n), max: 2n ** 31n - 1n }
const INT64: Range = { min: -(2n ** 63n), max: 2n ** 63n - 1n }
const FLOAT_MAX = (2 - 2 ** -23) * 2 ** 127

interface Range {
  readonly min: bigint
  readonly max: bigint
}

/**
 * The place of a literal among the values of a type.
 * @throws invalid-argument when the literal and the type do not compare; `context.column` names the column
 */
export function placeLiteral(literal: Literal, type: PrimitiveType, column: string): LiteralPlace {
  const place = literal.kind === 'typed' ? placeTyped(literal, type) : placeUntyped(literal, type)
  if (place !== undefined) return place
  throw new LakeError('invalid-argument', 'the literal does not fit the type of the column', {
    context: { column, type: printType(type), literal: literalText(literal) },
  })
}

/** The literal as a short text, for messages. */
function literalText(literal: Literal): string {
  switch (literal.kind) {
    case 'number':
    case 'string':
      return literal.text
    case 'boolean':
      return String(literal.value)
    case 'binary':
      return `${literal.bytes.length} bytes`
    case 'typed':
      return `a ${printType(literal.type)}`
  }
}

function exactly(value: Value | undefined): LiteralPlace | undefined {
  return value === undefined ? undefined : { at: 'value', value }
}

function placeUntyped(
  literal: Exclude<Literal, { kind: 'typed' }>,
  type: PrimitiveType,
): LiteralPlace | undefined {
  switch (literal.kind) {
    case 'number':
      return placeNumber(literal.text, type)
    case 'string':
      return placeString(literal.text, type)
    case 'boolean':
      return type.kind === 'boolean' ? exactly(literal.value) : undefined
    case 'binary':
      return placeBytes(literal.bytes, type)
  }
}

function placeBytes(bytes: Uint8Array, type: PrimitiveType): LiteralPlace | undefined {
  if (type.kind === 'binary') return exactly(bytes)
  if (type.kind === 'fixed') return bytes.length === type.lengthBytes ? exactly(bytes) : undefined
  return type.kind === 'uuid' && bytes.length === 16 ? exactly(bytes) : undefined
}

/** Text stands for a value of the column's type, as an untyped quoted literal does in PostgreSQL. */
function placeString(text: string, type: PrimitiveType): LiteralPlace | undefined {
  switch (type.kind) {
    case 'string':
      return exactly(wellFormed(text))
    case 'boolean':
      return /^(true|false)$/i.test(text) ? exactly(text.toLowerCase() === 'true') : undefined
    case 'date':
      return exactly(parseDate(text))
    case 'time':
      return exactly(parseTime(text))
    case 'uuid':
      return exactly(parseUuid(text))
    case 'timestamp':
    case 'timestamp_ns':
      return placeTimestampText(text, type, 'none')
    case 'timestamptz':
    case 'timestamptz_ns':
      return placeTimestampText(text, type, 'default-utc')
    case 'float':
    case 'double':
      return exactly(nonFinite(text)) ?? placeNumber(text.trim(), type)
    default:
      return placeNumber(text.trim(), type)
  }
}

/** The text as it can be stored: UTF-8 has no lone surrogates. */
export function wellFormed(text: string): string {
  return utf8Decode(utf8Encode(text))
}

function nonFinite(text: string): number | undefined {
  const match = /^([+-]?)(?:(nan)|inf(?:inity)?)$/i.exec(text)
  if (!match) return undefined
  return match[2] === undefined ? (match[1] === '-' ? -Infinity : Infinity) : NaN
}

function placeTimestampText(
  text: string,
  type: PrimitiveType,
  zone: 'none' | 'default-utc',
): LiteralPlace | undefined {
  const unit = isNanos(type) ? 'nanos' : 'micros'
  const value = parseTimestamp(text, { zone, unit })
  if (value !== undefined) return exactly(value)
  // Finer than the column, or outside the other unit's range.
  const other = parseTimestamp(text, { zone, unit: unit === 'nanos' ? 'micros' : 'nanos' })
  if (other === undefined) return undefined
  return unit === 'nanos' ? withinRange(other * 1000n, true, INT64) : floorPlace(other, 1000n, INT64)
}

function isNanos(type: PrimitiveType): boolean {
  return type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns'
}

// Numbers

const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/
/** Beyond this many digits a number is above every decimal and below every difference between two of them. */
const DIGITS_MAX = 100

export interface ExactNumber {
  readonly unscaled: bigint
  /** Digits behind the point; negative for trailing zeros in front of it. */
  readonly scale: number
}

/** Exact digits; magnitudes that no type reaches are cut to ones as far off, so that 1e999999999 costs nothing. */
export function parseExact(text: string): ExactNumber | undefined {
  const match = NUMBER.exec(text)
  if (!match) return undefined
  const [, sign, whole = '', fraction = '', exponentText = '0'] = match
  if (whole === '' && fraction === '') return undefined
  const digits = (whole + fraction).replace(/^0+/, '')
  if (digits === '') return { unscaled: 0n, scale: 0 }
  const magnitude = BigInt(digits)
  const unscaled = sign === '-' ? -magnitude : magnitude
  const scale = fraction.length - Number(exponentText)
  // The first digit's place, as a power of ten.
  const leading = digits.length - 1 - scale
  if (leading > DIGITS_MAX) return { unscaled: unscaled < 0n ? -1n : 1n, scale: -DIGITS_MAX }
  if (leading < -DIGITS_MAX) return { unscaled: unscaled < 0n ? -1n : 1n, scale: DIGITS_MAX }
  return { unscaled, scale }
}

function placeNumber(text: string, type: PrimitiveType): LiteralPlace | undefined {
  switch (type.kind) {
    case 'int':
      return placeInteger(text, INT32, value => Number(value))
    case 'long':
      return placeInteger(text, INT64, value => value)
    case 'decimal':
      return placeDecimal(text, type)
    case 'float':
    case 'double':
      return placeFloat(text, type.kind)
    default:
      return undefined
  }
}

function placeInteger(
  text: string,
  range: Range,
  convert: (value: bigint) => Value,
): LiteralPlace | undefined {
  const number = parseExact(text)
  if (!number) return undefined
  const place = rescale(number, 0, range)
  return 'value' in place && typeof place.value === 'bigint'
    ? { at: place.at, value: convert(place.value) }
    : place
}

function placeDecimal(text: string, type: DecimalType): LiteralPlace | undefined {
  const number = parseExact(text)
  const limit = 10n ** BigInt(type.precision) - 1n
  return number && rescale(number, type.scale, { min: -limit, max: limit })
}

function rescale(number: ExactNumber, scale: number, range: Range): LiteralPlace {
  const shift = scale - number.scale
  if (shift >= 0) return withinRange(number.unscaled * 10n ** BigInt(shift), true, range)
  return floorPlace(number.unscaled, 10n ** BigInt(-shift), range)
}

function floorPlace(value: bigint, divisor: bigint, range: Range): LiteralPlace {
  const floor = floorDivide(value, divisor)
  return withinRange(floor, floor * divisor === value, range)
}

function withinRange(floor: bigint, exact: boolean, range: Range): LiteralPlace {
  if (floor < range.min) return { at: 'below' }
  if (floor > range.max) return { at: 'above' }
  return { at: exact ? 'value' : 'after', value: floor }
}

function placeFloat(text: string, kind: 'float' | 'double'): LiteralPlace | undefined {
  if (!parseExact(text)) return undefined
  const double = Number(text)
  const value = kind === 'float' ? Math.fround(double) : double
  if (Number.isFinite(value)) return { at: 'value', value }
  // Too large to be finite: between the largest finite value and infinity, or minus infinity and the smallest.
  const largest = kind === 'float' ? FLOAT_MAX : Number.MAX_VALUE
  return { at: 'after', value: value > 0 ? largest : -Infinity }
}

// Typed literals

function placeTyped(
  literal: Extract<Literal, { kind: 'typed' }>,
  type: PrimitiveType,
): LiteralPlace | undefined {
  const { value } = literal
  switch (literal.type.kind) {
    case 'int':
    case 'long':
      return placeNumber(String(value), type)
    case 'float':
    case 'double':
      return typeof value === 'number' ? placeDouble(value, type) : undefined
    case 'decimal':
      return placeNumber(`${value}e-${literal.type.scale}`, type)
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return placeInstant(value, literal.type, type)
    case 'time':
      return type.kind === 'time' ? exactly(value) : undefined
    case 'boolean':
      return type.kind === 'boolean' ? exactly(value) : undefined
    case 'string':
      return typeof value === 'string' ? placeString(value, type) : undefined
    case 'uuid':
    case 'fixed':
    case 'binary':
      return value instanceof Uint8Array ? placeBytes(value, type) : undefined
    default:
      return undefined
  }
}

function placeDouble(value: number, type: PrimitiveType): LiteralPlace | undefined {
  if (Number.isFinite(value)) return placeNumber(String(value), type)
  if (type.kind === 'float' || type.kind === 'double') return exactly(value)
  if (Number.isNaN(value) || placeNumber('0', type) === undefined) return undefined
  return { at: value > 0 ? 'above' : 'below' }
}

/** Dates are midnights and times without a zone are UTC, whatever the column. */
function placeInstant(value: Value, from: PrimitiveType, to: PrimitiveType): LiteralPlace | undefined {
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  const nanos = BigInt(value) * nanosPerUnit(from)
  switch (to.kind) {
    case 'date': {
      const place = floorPlace(nanos, NANOS_PER_DAY, INT32)
      return 'value' in place ? { at: place.at, value: Number(place.value) } : place
    }
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return floorPlace(nanos, nanosPerUnit(to), INT64)
    default:
      return undefined
  }
}

function nanosPerUnit(type: PrimitiveType): bigint {
  if (type.kind === 'date') return NANOS_PER_DAY
  return isNanos(type) ? 1n : NANOS_PER_DAY / MICROS_PER_DAY
}
