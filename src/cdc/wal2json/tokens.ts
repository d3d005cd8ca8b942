/**
 * JSON values read from bytes, straight into PostgreSQL's types: one small reader for each type.
 *
 * A reader takes the common forms of its type and gives exactly what `decodePostgresJson` gives for them, or undefined for
 * all else. What it takes is checked as JSON: a number has no leading zero, a string no bare control characters and no bytes
 * that are not UTF-8.
 */
import { isUtf8 } from 'node:buffer'
import {
  BACKSLASH,
  COLON,
  MINUS,
  NINE,
  PLUS,
  POINT,
  QUOTE,
  SMALL_N,
  SPACE,
  ZERO,
} from '../../base/json-chars.js'
import { daysFromCivil, daysOfMonth } from '../../schema/time.js'
import type { Cell } from '../change-event.js'
import {
  decodePostgresJson,
  decodePostgresText,
  icebergTypeOfPostgres,
  type PostgresType,
} from '../postgres-types.js'

/** A place in the bytes of a line. */
export interface Cursor {
  bytes: Buffer
  at: number
}

/** The value at the cursor, which then stands behind it; undefined, wherever it stands, for what is not read here. */
export type ReadCell = (cursor: Cursor) => Cell | undefined

/** Digits that a double holds exactly. */
const DIGITS_MAX = 15
const MICROS_PER_DAY = 86_400_000_000

export function cellReaderFor(type: PostgresType): ReadCell {
  const read = valueReaderFor(type)
  return cursor => {
    if (cursor.bytes[cursor.at] !== SMALL_N) return read(cursor)
    return readLiteral(cursor, NULL) ? null : undefined
  }
}

function valueReaderFor(type: PostgresType): ReadCell {
  if (type.array) return cursor => readGeneric(cursor, type)
  switch (type.base) {
    case 'smallint':
    case 'integer':
      return cursor => {
        const value = readInteger(cursor)
        return value !== undefined && (value | 0) === value ? value : undefined
      }
    case 'bigint':
      return readLong
    case 'boolean':
      return readBoolean
    case 'numeric': {
      const target = icebergTypeOfPostgres(type)
      if (target.kind !== 'decimal') return cursor => readGeneric(cursor, type)
      const limit = 10 ** Math.min(target.precision, DIGITS_MAX)
      return cursor => readDecimal(cursor, { type, scale: target.scale, limit })
    }
    case 'date':
      return cursor => readTemporal(cursor, { type, hasDate: true, hasTime: false, zone: false })
    case 'timestamp':
      return cursor => readTemporal(cursor, { type, hasDate: true, hasTime: true, zone: false })
    case 'timestamptz':
      return cursor => readTemporal(cursor, { type, hasDate: true, hasTime: true, zone: true })
    case 'time':
      return cursor => readTemporal(cursor, { type, hasDate: false, hasTime: true, zone: false })
    case 'bytea':
      return readHex
    default:
      return cursor => readGeneric(cursor, type)
  }
}

/** An integer of few digits, bare or between quotes. */
function readInteger(cursor: Cursor): number | undefined {
  const { bytes } = cursor
  let { at } = cursor
  const isQuoted = bytes[at] === QUOTE
  if (isQuoted) at += 1
  const isNegative = bytes[at] === MINUS
  if (isNegative) at += 1
  const first = at
  let value = 0
  for (; isDigit(bytes[at]); at++) value = value * 10 + (bytes[at] as number) - ZERO
  const digits = at - first
  if (digits === 0 || digits > DIGITS_MAX || (digits > 1 && bytes[first] === ZERO)) return undefined
  if (isQuoted ? bytes[at] !== QUOTE : isNumberPart(bytes[at])) return undefined
  cursor.at = isQuoted ? at + 1 : at
  return isNegative && value !== 0 ? -value : value
}

function readLong(cursor: Cursor): Cell | undefined {
  const start = cursor.at
  const value = readInteger(cursor)
  if (value !== undefined) return BigInt(value)
  cursor.at = start
  const text = readText(cursor)
  if (text === undefined || !/^-?\d{1,19}$/.test(text)) return undefined
  const long = BigInt(text)
  return BigInt.asIntN(64, long) === long ? long : undefined
}

function readBoolean(cursor: Cursor): Cell | undefined {
  if (readLiteral(cursor, TRUE)) return true
  return readLiteral(cursor, FALSE) ? false : undefined
}

function readDecimal(
  cursor: Cursor,
  column: { readonly type: PostgresType; readonly scale: number; readonly limit: number },
): Cell | undefined {
  const { bytes } = cursor
  let { at } = cursor
  const isQuoted = bytes[at] === QUOTE
  if (isQuoted) at += 1
  const isNegative = bytes[at] === MINUS
  if (isNegative) at += 1
  const first = at
  let point = -1
  let unscaled = 0
  for (; ; at++) {
    if (isDigit(bytes[at])) unscaled = unscaled * 10 + (bytes[at] as number) - ZERO
    else if (bytes[at] === POINT && point < 0) point = at
    else break
  }
  const whole = (point < 0 ? at : point) - first
  const fraction = point < 0 ? 0 : at - point - 1
  const missing = column.scale - fraction
  const isPlain =
    whole > 0 &&
    !(whole > 1 && bytes[first] === ZERO) &&
    point !== at - 1 &&
    missing >= 0 &&
    whole + column.scale <= DIGITS_MAX &&
    (isQuoted ? bytes[at] === QUOTE : !isNumberPart(bytes[at]))
  unscaled *= 10 ** missing
  if (!isPlain || unscaled >= column.limit) return readGeneric(cursor, column.type)
  cursor.at = isQuoted ? at + 1 : at
  return BigInt(isNegative ? -unscaled : unscaled)
}

interface TemporalForm {
  readonly type: PostgresType
  readonly hasDate: boolean
  readonly hasTime: boolean
  readonly zone: boolean
}

/** `2024-01-31 23:59:59.999999+00` or a part of it; other years, zones and infinity by the way of text. */
function readTemporal(cursor: Cursor, form: TemporalForm): Cell | undefined {
  const { bytes } = cursor
  let at = cursor.at + 1
  let days = 0
  if (form.hasDate) {
    days = dateAt(bytes, at)
    at += 10
    if (form.hasTime && bytes[at++] !== SPACE) return readGeneric(cursor, form.type)
  }
  let micros = 0
  if (form.hasTime) {
    micros = clockAt(bytes, at)
    at = endOfFraction(bytes, at + 8)
    micros += fractionAt(bytes, at)
  }
  if (form.zone) {
    if (bytes[at] !== PLUS || bytes[at + 1] !== ZERO || bytes[at + 2] !== ZERO)
      return readGeneric(cursor, form.type)
    at += 3
  }
  const isPlain = bytes[cursor.at] === QUOTE && bytes[at] === QUOTE
  if (!isPlain || Number.isNaN(days) || Number.isNaN(micros)) return readGeneric(cursor, form.type)
  cursor.at = at + 1
  if (!form.hasTime) return days
  const sum = days * MICROS_PER_DAY + micros
  if (Number.isSafeInteger(sum)) return BigInt(sum)
  return BigInt(days) * BigInt(MICROS_PER_DAY) + BigInt(micros)
}

/** Days since 1970 of `2024-01-31`; NaN for anything else. */
function dateAt(bytes: Buffer, at: number): number {
  const year = twoDigitsAt(bytes, at) * 100 + twoDigitsAt(bytes, at + 2)
  const month = twoDigitsAt(bytes, at + 5)
  const day = twoDigitsAt(bytes, at + 8)
  if (bytes[at + 4] !== MINUS || bytes[at + 7] !== MINUS) return Number.NaN
  const isDate = year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysOfMonth(year, month)
  return isDate ? daysFromCivil({ year, month, day }) : Number.NaN
}

/** Microseconds of `23:59:59`; NaN for anything else. */
function clockAt(bytes: Buffer, at: number): number {
  const hour = twoDigitsAt(bytes, at)
  const minute = twoDigitsAt(bytes, at + 3)
  const second = twoDigitsAt(bytes, at + 6)
  if (bytes[at + 2] !== COLON || bytes[at + 5] !== COLON) return Number.NaN
  return hour < 24 && minute < 60 && second < 60
    ? (hour * 3600 + minute * 60 + second) * 1_000_000
    : Number.NaN
}

/** Behind the point and the digits that may stand there. */
function endOfFraction(bytes: Buffer, at: number): number {
  if (bytes[at] !== POINT) return at
  let end = at + 1
  while (isDigit(bytes[end])) end += 1
  return end
}

/** Microseconds of the up to six digits before `end`, back to a point; 0 where there is none. */
function fractionAt(bytes: Buffer, end: number): number {
  let unit = 1_000_000
  let value = 0
  let at = end - 1
  while (at > 0 && isDigit(bytes[at]) && end - at <= 7) at -= 1
  if (bytes[at] !== POINT) return 0
  if (at === end - 1 || end - at > 7) return Number.NaN
  for (at += 1; at < end; at++) {
    unit /= 10
    value += ((bytes[at] as number) - ZERO) * unit
  }
  return value
}

function twoDigitsAt(bytes: Buffer, at: number): number {
  if (!isDigit(bytes[at]) || !isDigit(bytes[at + 1])) return Number.NaN
  return ((bytes[at] as number) - ZERO) * 10 + (bytes[at + 1] as number) - ZERO
}

/** Hexadecimal digits between quotes. */
function readHex(cursor: Cursor): Cell | undefined {
  const { bytes } = cursor
  if (bytes[cursor.at] !== QUOTE) return undefined
  const start = cursor.at + 1
  const end = bytes.indexOf(QUOTE, start)
  if (end < 0 || (end - start) % 2 !== 0) return undefined
  const decoded = new Uint8Array((end - start) / 2)
  for (let at = start, to = 0; at < end; at += 2, to++) {
    const high = NIBBLES[bytes[at] as number] as number
    const low = NIBBLES[bytes[at + 1] as number] as number
    if ((high | low) > 15) return undefined
    decoded[to] = (high << 4) | low
  }
  cursor.at = end + 1
  return decoded
}

const NIBBLES: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(value) ? 16 : value
})

/** Any type by its text. @throws corrupt for text that is none of the type */
function readGeneric(cursor: Cursor, type: PostgresType): Cell | undefined {
  const text = readText(cursor)
  if (text !== undefined) return decodePostgresText(type, text)
  const literal = readBoolean(cursor)
  return typeof literal === 'boolean' ? decodePostgresJson(type, literal) : undefined
}

/** The text of a string, or the digits of a number; the cursor stays where neither is. */
function readText(cursor: Cursor): string | undefined {
  if (cursor.bytes[cursor.at] === QUOTE) return readString(cursor)
  const end = endOfNumber(cursor.bytes, cursor.at)
  if (end < 0) return undefined
  const text = cursor.bytes.toString('latin1', cursor.at, end)
  cursor.at = end
  return text
}

/** A string at the cursor. */
export function readString(cursor: Cursor): string | undefined {
  const { bytes } = cursor
  if (bytes[cursor.at] !== QUOTE) return undefined
  const start = cursor.at + 1
  let seen = 0
  let isEscaped = false
  let at = start
  for (; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) break
    if (byte === BACKSLASH) {
      isEscaped = true
      at += 1
    } else if (byte < SPACE) return undefined
    else seen |= byte
  }
  if (at >= bytes.length) return undefined
  cursor.at = at + 1
  if (seen < 0x80) return isEscaped ? unescaped(bytes, start, at) : bytes.toString('latin1', start, at)
  if (!isUtf8(bytes.subarray(start, at))) return undefined
  return isEscaped ? unescaped(bytes, start, at) : bytes.toString('utf8', start, at)
}

function unescaped(bytes: Buffer, start: number, end: number): string | undefined {
  try {
    return JSON.parse(bytes.toString('utf8', start - 1, end + 1)) as string
  } catch {
    return undefined
  }
}

/** The end of a number as JSON has it; -1 where none begins. */
function endOfNumber(bytes: Buffer, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from
  const whole = at
  at = endOfDigits(bytes, at)
  if (at === whole || (at > whole + 1 && bytes[whole] === ZERO)) return -1
  if (bytes[at] === POINT) {
    const end = endOfDigits(bytes, at + 1)
    if (end === at + 1) return -1
    at = end
  }
  if (isExponent(bytes[at])) {
    const sign = bytes[at + 1]
    const digits = sign === PLUS || sign === MINUS ? at + 2 : at + 1
    const end = endOfDigits(bytes, digits)
    if (end === digits) return -1
    at = end
  }
  return at
}

function endOfDigits(bytes: Buffer, from: number): number {
  let at = from
  while (isDigit(bytes[at])) at += 1
  return at
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE
}

function isExponent(byte: number | undefined): boolean {
  return byte === 0x65 || byte === 0x45
}

function isNumberPart(byte: number | undefined): boolean {
  return byte === POINT || isExponent(byte)
}

const NULL = Buffer.from('null')
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')

/** Steps over the bytes where they stand at the cursor. */
export function readLiteral(cursor: Cursor, literal: Uint8Array): boolean {
  const { bytes, at } = cursor
  for (let index = 0; index < literal.length; index++) {
    if (bytes[at + index] !== literal[index]) return false
  }
  cursor.at = at + literal.length
  return true
}

/** Steps over a value of any kind. */
export function skipValue(cursor: Cursor): boolean {
  if (cursor.bytes[cursor.at] === QUOTE) return skipString(cursor)
  const end = endOfNumber(cursor.bytes, cursor.at)
  if (end < 0) return readLiteral(cursor, NULL) || readBoolean(cursor) !== undefined
  cursor.at = end
  return true
}

/** Steps over a string, whatever is in it. */
function skipString(cursor: Cursor): boolean {
  const { bytes } = cursor
  for (let at = cursor.at + 1; at < bytes.length; at++) {
    if (bytes[at] === BACKSLASH) at += 1
    else if (bytes[at] === QUOTE) {
      cursor.at = at + 1
      return true
    }
  }
  return false
}
