/**
 * Values as DMS writes them, by the Iceberg type of their column.
 *
 * | type | text |
 * |---|---|
 * | boolean | true, false, t, f, 1, 0 |
 * | int, long, decimal, float, double | digits; NaN and Infinity; an exponent |
 * | date, time, timestamps | `2026-11-21`, `08:26:59.221000`, `2026-11-21 08:26:59.221000`; instants are UTC |
 * | binary | hex digits |
 * | uuid, string | as they are |
 * | list | JSON, or PostgreSQL's `{1,2}` |
 *
 * Parquet has no types for some of them and holds the same text.
 */
import { asBuffer, hexDecode, utf8Decode } from '../../base/bytes.js'
import { isLakeError, LakeError } from '../../base/errors.js'
import { type ExactJson, JsonNumber, parseJsonExact } from '../../base/json.js'
import { COLON, MINUS, POINT, ZERO } from '../../base/json-chars.js'
import { isPresent, type Vector } from '../../batch/column-batch.js'
import { valueAt } from '../../batch/values.js'
import { formatDecimal } from '../../schema/decimal.js'
import { canPromote, promoteValue } from '../../schema/promotion.js'
import { daysFromCivil, daysOfMonth } from '../../schema/time.js'
import { printType } from '../../schema/type-text.js'
import type { DecimalType, Type, Value } from '../../schema/types.js'
import { type Cell, UNREPRESENTABLE } from '../change-event.js'
import { decodePostgresText, type PostgresType } from '../postgres-types.js'

type Decoded = Value | typeof UNREPRESENTABLE

/** @throws corrupt for text that is no value of the type */
export type DecodeText = (text: string) => Decoded

/** The decoder of a column's text. @throws unsupported for types that no text is decoded to */
export function textDecoder(type: Type): DecodeText {
  switch (type.kind) {
    case 'string':
      return text => text
    case 'int':
      return text => wholeNumber(text) ?? decodePostgresText(INTEGER, text)
    case 'long': {
      return text => {
        const whole = wholeNumber(text)
        return whole === undefined ? decodePostgresText(BIGINT, text) : BigInt(whole)
      }
    }
    case 'boolean':
      return text => (text === '1' ? true : text === '0' ? false : decodePostgresText(BOOLEAN, text))
    case 'decimal': {
      const postgres = postgresTypeOf(type)
      return text => shortDecimal(text, type) ?? decodePostgresText(postgres, text)
    }
    case 'date':
      return text =>
        daysOf(text) ?? (text.startsWith(NO_DATE) ? UNREPRESENTABLE : decodePostgresText(DATE, text))
    case 'timestamp':
    case 'timestamptz':
      return instantDecoder(plain(type.kind))
    case 'binary':
      return text => hexDecode(text.startsWith('\\x') ? text.slice(2) : text) ?? malformed('binary', text)
    case 'list': {
      const element = textDecoder(type.element)
      return text => decodeList(text, { element, type: postgresTypeOf(type) })
    }
    default: {
      const postgres = postgresTypeOf(type)
      return text => decodePostgresText(postgres, text)
    }
  }
}

function plain(base: string, modifiers: readonly number[] = []): PostgresType {
  return { base, modifiers, array: false }
}

const INTEGER = plain('integer')
const BIGINT = plain('bigint')
const BOOLEAN = plain('boolean')
const DATE = plain('date')
/** MySQL's date that is none. */
const NO_DATE = '0000-00-00'

/** PostgreSQL's type whose text has the form of the type's. */
function postgresTypeOf(type: Type): PostgresType {
  switch (type.kind) {
    case 'list':
      return { ...postgresTypeOf(type.element), array: true }
    case 'int':
      return INTEGER
    case 'long':
      return BIGINT
    case 'float':
      return plain('real')
    case 'double':
      return plain('double precision')
    case 'decimal':
      return plain('numeric', [type.precision, type.scale])
    case 'binary':
      return plain('bytea')
    case 'string':
      return plain('text')
    case 'boolean':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'uuid':
      return plain(type.kind)
    default:
      throw new LakeError('unsupported', 'a column has a type that files of DMS are not read into', {
        context: { type: printType(type) },
      })
  }
}

/** An integer that takes no 64-bit arithmetic, or undefined. */
function wholeNumber(text: string): number | undefined {
  const { length } = text
  const isNegative = text.charCodeAt(0) === MINUS
  const first = isNegative ? 1 : 0
  // Nine digits always fit 32 bits.
  if (length === first || length - first > 9) return undefined
  let value = 0
  for (let at = first; at < length; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return isNegative ? -value || 0 : value
}

/** The unscaled value of a decimal that takes no 64-bit arithmetic, or undefined. */
function shortDecimal(text: string, { precision, scale }: DecimalType): bigint | undefined {
  const { length } = text
  const isNegative = text.charCodeAt(0) === MINUS
  const first = isNegative ? 1 : 0
  if (length === first || length - first > SHORT_DIGITS) return undefined
  const point = text.indexOf('.')
  const whole = point < 0 ? length : point
  const fraction = point < 0 ? 0 : length - point - 1
  if (whole === first || whole - first > precision - scale || fraction > scale || scale > SHORT_DIGITS)
    return undefined
  const value =
    digits(text, first, whole) * 10 ** scale + digits(text, whole + 1, length) * 10 ** (scale - fraction)
  return Number.isSafeInteger(value) ? BigInt(isNegative ? -value : value) : undefined
}

const SHORT_DIGITS = 15
const DATE_CHARS = 10
const SECONDS_CHARS = 19

/** Days since 1970 of the `yyyy-MM-dd` that the text begins with, which nothing or a clock follows; else undefined. */
function daysOf(text: string, length: number = text.length): number | undefined {
  if (length !== DATE_CHARS || text.charCodeAt(4) !== MINUS || text.charCodeAt(7) !== MINUS) return undefined
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 7)
  const day = digits(text, 8, 10)
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= 28)) {
    if (!(month >= 1 && month <= 12 && day >= 1) || day > daysOfMonth(year, month)) return undefined
  }
  return Number.isNaN(year) || year === 0 ? undefined : daysFromCivil({ year, month, day })
}

/** NaN where there is anything but digits. */
function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

function instantDecoder(type: PostgresType): DecodeText {
  return text =>
    microsOf(text) ?? (text.startsWith(NO_DATE) ? UNREPRESENTABLE : decodePostgresText(type, text))
}

/** Microseconds since 1970 of `yyyy-MM-dd HH:mm:ss[.SSSSSS]`, or undefined for text of another form. */
export function microsOf(text: string): bigint | undefined {
  const { length } = text
  if (length < SECONDS_CHARS || length > SECONDS_CHARS + 7) return undefined
  const days = daysOf(text, DATE_CHARS)
  const hour = digits(text, 11, 13)
  const minute = digits(text, 14, 16)
  const second = digits(text, 17, 19)
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return undefined
  if (days === undefined || !(hour < 24 && minute < 60 && second < 60)) return undefined
  let micros = 0
  if (length > SECONDS_CHARS) {
    const count = length - SECONDS_CHARS - 1
    micros = digits(text, SECONDS_CHARS + 1, length) * 10 ** (6 - count)
    if (count < 1 || text.charCodeAt(SECONDS_CHARS) !== POINT || Number.isNaN(micros)) return undefined
  }
  const seconds = days * 86_400 + hour * 3600 + minute * 60 + second
  const exact = seconds * 1_000_000 + micros
  return Number.isSafeInteger(exact) ? BigInt(exact) : BigInt(seconds) * 1_000_000n + BigInt(micros)
}

function decodeList(
  text: string,
  { element, type }: { readonly element: DecodeText; readonly type: PostgresType },
): Decoded {
  if (text.startsWith('{')) return decodePostgresText(type, text)
  const items = parseItems(text)
  const values: Value[] = []
  for (const item of items) {
    const value = item === null ? null : decodeItem(item, element)
    if (value === UNREPRESENTABLE) return UNREPRESENTABLE
    values.push(value)
  }
  return values
}

function parseItems(text: string): readonly ExactJson[] {
  let json: ExactJson
  try {
    json = parseJsonExact(text)
  } catch (cause) {
    if (!isLakeError(cause) && !(cause instanceof SyntaxError)) throw cause
    return malformed('list', text)
  }
  return Array.isArray(json) ? (json as readonly ExactJson[]) : malformed('list', text)
}

/** Arrays of several dimensions have no list to go to. */
function decodeItem(item: ExactJson, element: DecodeText): Decoded {
  if (item instanceof JsonNumber) return element(item.text)
  if (typeof item === 'string') return element(item)
  if (typeof item === 'boolean') return element(String(item))
  return UNREPRESENTABLE
}

function malformed(type: string, text: string): never {
  throw new LakeError('corrupt', 'a value of the feed does not fit its column type', {
    context: { type, value: text.slice(0, 100) },
  })
}

/** The cell of a row of a Parquet column. @throws corrupt */
export type ReadCell = (vector: Vector, row: number) => Cell

/**
 * How a Parquet column is read as a column of another type.
 * @throws unsupported for a type whose values are none of the other's
 */
export function cellReader(from: Type, to: Type): ReadCell {
  if (from.kind === 'string' && to.kind !== 'string') {
    const decode = textDecoder(to)
    return (vector, row) => {
      const text = textAt(vector, row)
      return text === undefined ? null : decode(text)
    }
  }
  if (from.kind === 'string') return (vector, row) => textAt(vector, row) ?? null
  const convert = valueConverter(from, to)
  if (convert === undefined) return (vector, row) => valueAt(vector, from, row)
  return (vector, row) => {
    const value = valueAt(vector, from, row)
    return value === null ? null : convert(value)
  }
}

function textAt(vector: Vector, row: number): string | undefined {
  if (!isPresent(vector, row)) return undefined
  if (vector.layout === 'dictionary') return textAt(vector.dictionary, vector.codes[row] as number)
  if (vector.layout !== 'var-bytes') return undefined
  return asBuffer(vector.bytes).toString('utf8', vector.offsets[row], vector.offsets[row + 1])
}

/** Undefined: the values stay as they are. @throws unsupported */
function valueConverter(from: Type, to: Type): ((value: NonNullable<Value>) => Decoded) | undefined {
  const isInstant = (type: Type): boolean => type.kind === 'timestamp' || type.kind === 'timestamptz'
  if (isInstant(from) && isInstant(to)) return undefined
  if (from.kind === 'decimal' && to.kind === 'decimal') return rescaled(from, to)
  if (from.kind === to.kind && from.kind !== 'struct' && from.kind !== 'map' && from.kind !== 'list')
    return undefined
  if (canPromote(from, to)) return value => promoteValue(from, to, value)
  const toText = textForm(from)
  if (toText === undefined || to.kind === 'struct' || to.kind === 'map') throw misfit(from, to)
  const decode = textDecoder(to)
  return value => decode(toText(value))
}

/** The text of a value, for a column of another type: what its decoder refuses is refused. */
function textForm(from: Type): ((value: NonNullable<Value>) => string) | undefined {
  switch (from.kind) {
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'boolean':
      return String
    case 'decimal':
      return value => (typeof value === 'bigint' ? formatDecimal(value, from.scale) : String(value))
    case 'binary':
      return value => (value instanceof Uint8Array ? utf8Decode(value) : String(value))
    default:
      return undefined
  }
}

function rescaled(from: DecimalType, to: DecimalType): ((value: NonNullable<Value>) => Decoded) | undefined {
  if (from.scale === to.scale && from.precision <= to.precision) return undefined
  const decode = textDecoder(to)
  return value => decode(typeof value === 'bigint' ? formatDecimal(value, from.scale) : String(value))
}

function misfit(from: Type, to: Type): LakeError {
  return new LakeError('unsupported', 'a file has a column whose type does not fit the table', {
    context: { fileType: printType(from), tableType: printType(to) },
  })
}
