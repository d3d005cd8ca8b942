/**
 * Types of MySQL and MariaDB: what they become in Iceberg, and how their values read.
 *
 * | MySQL, MariaDB | Iceberg |
 * |---|---|
 * | tinyint, smallint, mediumint with and without sign, int, year | int |
 * | int unsigned, bigint | long |
 * | bigint unsigned | decimal(20, 0) |
 * | decimal(p <= 38, s) | decimal(p, s) |
 * | wider decimal | string, the source's digits |
 * | float / double | float / double |
 * | bit(1) | boolean |
 * | bit(n) | binary, the most significant byte first |
 * | binary, varbinary, blob | binary |
 * | date / datetime / timestamp | date / timestamp / timestamptz |
 * | time | string `[-]HH:MM:SS[.ffffff]`: it is a duration of up to 838 hours, not a time of day |
 * | uuid | uuid |
 * | char, varchar, text, enum, set (`a,b`), json, inet, geometry, anything else | string |
 *
 * `tinyint(1)` is a number: it may hold 2. Not representable, so null and counted: dates with a year, month or day
 * of zero, such as 0000-00-00, and negative times that Maxwell could not print.
 */
import { base64Decode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { type ExactJson, JsonNumber, stringifyJson } from '../base/json.js'
import { formatDecimal, parseDecimal } from '../schema/decimal.js'
import { parseDate, parseTimestamp } from '../schema/time.js'
import type { Type, Value } from '../schema/types.js'
import { parseUuid } from '../schema/uuid-text.js'
import { UNREPRESENTABLE } from './change-event.js'

type Decoded = Value | typeof UNREPRESENTABLE

/** A column's type, taken apart: `int(10) unsigned zerofill` has the base `int`. */
export interface MysqlType {
  /** Lower case, aliases resolved: `integer` is `int`, `numeric` is `decimal`. */
  readonly base: string
  /** Numbers in parentheses: display width, length, precision and scale, digits of a second. */
  readonly modifiers: readonly number[]
  readonly unsigned: boolean
}

/**
 * Reads a column type as `information_schema`, `SHOW CREATE TABLE` or a statement spells it: `bigint(20) unsigned`,
 * `varchar(20) COLLATE utf8mb4_bin`, `enum('a','b')`. Attributes that say nothing of the type are passed over.
 */
export function parseMysqlType(text: string): MysqlType {
  const { words, inside } = typeParts(text)
  const base = baseOf(words)
  const isList = base === 'enum' || base === 'set'
  return {
    base: base === 'char' && words.includes('byte') ? 'binary' : base,
    modifiers: isList || inside.trim() === '' ? [] : inside.split(',').map(Number),
    unsigned: base === 'serial' || words.includes('unsigned') || words.includes('zerofill'),
  }
}

/** The words outside of parentheses and quotes, in lower case, and what stands in the first parentheses. */
function typeParts(text: string): { readonly words: readonly string[]; readonly inside: string } {
  let outside = ''
  let inside: string | undefined
  let opened = -1
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? ''
    if (char === "'" || char === '"' || char === '`') {
      at = endOfQuotes(text, at)
    } else if (opened >= 0) {
      if (char !== ')') continue
      inside ??= text.slice(opened + 1, at)
      opened = -1
    } else if (char === '(') {
      opened = at
      outside += ' '
    } else {
      outside += char
    }
  }
  return { words: outside.toLowerCase().trim().split(/\s+/), inside: inside ?? '' }
}

/** The place of the quote that ends what begins at `start`; two quotes, or one behind a backslash, are inside. */
function endOfQuotes(text: string, start: number): number {
  const quote = text[start]
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at
      at += 1
    }
  }
  return text.length
}

/** The first word that is the type: `double precision` is `double`, `national char varying` is `varchar`. */
function baseOf(words: readonly string[]): string {
  const named = words[0] === 'national' ? words.slice(1) : words
  const first = named[0] ?? ''
  const base = BASE_NAMES[first] ?? first
  if (named[1] === 'varying' && base === 'char') return 'varchar'
  if (base === 'long') return named[1] === 'varbinary' ? 'mediumblob' : 'mediumtext'
  return base
}

const BASE_NAMES: Readonly<Record<string, string>> = {
  integer: 'int',
  int1: 'tinyint',
  bool: 'tinyint',
  boolean: 'tinyint',
  int2: 'smallint',
  int3: 'mediumint',
  middleint: 'mediumint',
  int4: 'int',
  int8: 'bigint',
  numeric: 'decimal',
  dec: 'decimal',
  fixed: 'decimal',
  number: 'decimal',
  real: 'double',
  float8: 'double',
  float4: 'float',
  character: 'char',
  nchar: 'char',
  nvarchar: 'varchar',
  varcharacter: 'varchar',
}

/** The Iceberg type of a column. Of a decimal without digits it is MySQL's decimal(10, 0). */
export function icebergTypeOfMysql(type: MysqlType): Type {
  switch (type.base) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'year':
      return { kind: 'int' }
    case 'int':
      return { kind: type.unsigned ? 'long' : 'int' }
    case 'bigint':
      return type.unsigned ? UNSIGNED_64 : { kind: 'long' }
    case 'serial':
      return UNSIGNED_64
    case 'decimal': {
      const [precision = 10, scale = 0] = type.modifiers
      if (precision < 1 || precision > 38 || scale > precision) return { kind: 'string' }
      return { kind: 'decimal', precision, scale }
    }
    case 'float': {
      // float(25) to float(53) are doubles; float(7,4) is a float.
      const [digits = 0, scale] = type.modifiers
      return { kind: scale === undefined && digits > 24 ? 'double' : 'float' }
    }
    case 'double':
    case 'date':
    case 'uuid':
      return { kind: type.base }
    case 'bit':
      return { kind: bitsOf(type) === 1 ? 'boolean' : 'binary' }
    case 'datetime':
      return { kind: 'timestamp' }
    case 'timestamp':
      return { kind: 'timestamptz' }
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
    case 'vector':
      return { kind: 'binary' }
    default:
      return { kind: 'string' }
  }
}

const UNSIGNED_64: { readonly kind: 'decimal'; readonly precision: number; readonly scale: number } = {
  kind: 'decimal',
  precision: 20,
  scale: 0,
}

function bitsOf(type: MysqlType): number {
  return type.modifiers[0] ?? 1
}

/**
 * A value of a change feed's JSON, in the forms that Maxwell and Debezium give it: bare numbers of any size, text,
 * base64 for bytes, a number (Maxwell) or base64 of little-endian bytes (Debezium) for bits, arrays for sets; days for
 * a date; milli- or microseconds for a datetime, by its declared digits; microseconds for a time.
 * @throws corrupt for what does not fit the type
 */
export function decodeMysqlJson(type: MysqlType, raw: ExactJson): Decoded {
  if (raw === null) return null
  switch (type.base) {
    case 'tinyint':
    case 'smallint':
    case 'mediumint':
    case 'int':
      return decodeInteger(type, raw)
    case 'bigint':
    case 'serial':
      return decodeBigint(type, raw)
    case 'year':
      return decodeYear(type, raw)
    case 'decimal':
      return decodeDecimal(type, numberText(type, raw))
    case 'float':
    case 'double':
      return decodeDouble(type, raw)
    case 'bit':
      return decodeBits(type, raw)
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
    case 'vector':
      return decodeBytes(type, raw)
    case 'date':
      return decodeDate(type, raw)
    case 'datetime':
    case 'timestamp':
      return decodeTimestamp(type, raw)
    case 'time':
      return decodeTime(type, raw)
    case 'uuid':
      return parseUuid(textOf(type, raw)) ?? raise(type, raw)
    case 'set':
      return Array.isArray(raw) ? raw.map(item => textOf(type, item)).join(',') : textOf(type, raw)
    default:
      return typeof raw === 'string' ? raw : stringifyJson(raw)
  }
}

function textOf(type: MysqlType, raw: ExactJson): string {
  return typeof raw === 'string' ? raw : raise(type, raw)
}

function numberText(type: MysqlType, raw: ExactJson): string {
  if (raw instanceof JsonNumber) return raw.text
  if (typeof raw === 'boolean') return raw ? '1' : '0'
  return textOf(type, raw)
}

const INTEGER = /^-?\d{1,20}$/
const SMALL_LIMITS: Readonly<Record<string, number>> = {
  tinyint: 2 ** 8,
  smallint: 2 ** 16,
  mediumint: 2 ** 24,
  int: 2 ** 32,
}

function decodeInteger(type: MysqlType, raw: ExactJson): Value {
  const text = numberText(type, raw)
  if (!INTEGER.test(text)) return raise(type, raw)
  const value = Number(text)
  const range = SMALL_LIMITS[type.base] ?? 0
  const least = type.unsigned ? 0 : -range / 2
  if (value < least || value >= least + range) return raise(type, raw)
  return type.base === 'int' && type.unsigned ? BigInt(value) : value + 0
}

const UINT64_END = 2n ** 64n
const INT64_END = 2n ** 63n

function decodeBigint(type: MysqlType, raw: ExactJson): Value {
  const text = numberText(type, raw)
  if (!INTEGER.test(text)) return raise(type, raw)
  const value = BigInt(text)
  if (value < -INT64_END) return raise(type, raw)
  if (type.base === 'bigint' && !type.unsigned) return value < INT64_END ? value : raise(type, raw)
  // Debezium's mode `long` gives what lies beyond 2^63 as a negative number.
  if (value < 0n) return value + UINT64_END
  return value < UINT64_END ? value : raise(type, raw)
}

/** A number; a date where the JDBC driver makes one of it. */
function decodeYear(type: MysqlType, raw: ExactJson): Value {
  const match = /^(\d{1,4})(?:-\d\d-\d\d)?$/.exec(numberText(type, raw))
  return match === null ? raise(type, raw) : Number(match[1])
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$/

function decodeDecimal(type: MysqlType, text: string): Value {
  const target = icebergTypeOfMysql(type)
  if (target.kind === 'decimal') return parseDecimal(text, target) ?? raise(type, text)
  const [precision = 0, scale = 0] = type.modifiers
  const unscaled = NUMBER.test(text) ? parseDecimal(text, { precision, scale }) : undefined
  return unscaled === undefined ? raise(type, text) : formatDecimal(unscaled, scale)
}

function decodeDouble(type: MysqlType, raw: ExactJson): Value {
  const text = numberText(type, raw)
  if (!NUMBER.test(text)) return raise(type, raw)
  const value = Number(text)
  return icebergTypeOfMysql(type).kind === 'float' ? Math.fround(value) : value
}

function decodeBits(type: MysqlType, raw: ExactJson): Value {
  const bits = bitsOf(type)
  const value = bitsValue(type, raw)
  if (value < 0n || value >> BigInt(bits) !== 0n) return raise(type, raw)
  if (bits === 1) return value === 1n
  const bytes = new Uint8Array(Math.ceil(bits / 8))
  let rest = value
  for (let at = bytes.length - 1; at >= 0; at--) {
    bytes[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

function bitsValue(type: MysqlType, raw: ExactJson): bigint {
  if (typeof raw === 'string') {
    let value = 0n
    for (const byte of bytesOf(type, raw).reverse()) value = (value << 8n) | BigInt(byte)
    return value
  }
  const text = numberText(type, raw)
  return INTEGER.test(text) ? BigInt(text) : raise(type, raw)
}

/** `binary(n)` always has n bytes; the log leaves out zeros at its end. */
function decodeBytes(type: MysqlType, raw: ExactJson): Value {
  const bytes = bytesOf(type, raw)
  const length = type.base === 'binary' ? (type.modifiers[0] ?? 1) : 0
  if (bytes.length >= length || length > 255) return bytes
  const padded = new Uint8Array(length)
  padded.set(bytes)
  return padded
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

function bytesOf(type: MysqlType, raw: ExactJson): Uint8Array {
  const text = textOf(type, raw)
  if (text.length % 4 !== 0 || !BASE64.test(text)) return raise(type, raw)
  return base64Decode(text)
}

/** Year, month and day; strict modes aside, MySQL takes zeros and days that no month has. */
const DATE = /^\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])(?=[ T]|$)/

function decodeDate(type: MysqlType, raw: ExactJson): Decoded {
  if (raw instanceof JsonNumber) return /^-?\d{1,9}$/.test(raw.text) ? Number(raw.text) : raise(type, raw)
  const text = textOf(type, raw)
  return notADay(text) ?? parseDate(text) ?? raise(type, raw)
}

function notADay(text: string): typeof UNREPRESENTABLE | undefined {
  const day = DATE.exec(text)?.[0]
  if (day === undefined) return undefined
  return parseDate(day) === undefined ? UNREPRESENTABLE : undefined
}

/** Text of a `timestamp` without a zone is in UTC. */
function decodeTimestamp(type: MysqlType, raw: ExactJson): Decoded {
  if (raw instanceof JsonNumber) {
    if (!INTEGER.test(raw.text)) return raise(type, raw)
    const value = BigInt(raw.text)
    return (type.modifiers[0] ?? 0) <= 3 ? value * 1000n : value
  }
  const text = textOf(type, raw)
  const options = { zone: 'default-utc', unit: 'micros' } as const
  return notADay(text) ?? parseTimestamp(text, options) ?? raise(type, raw)
}

const TIME = /^(-?)(\d{1,3}):([0-5]\d):([0-5]\d)(?:\.(\d{1,6}))?$/
const HOURS_MAX = 838
/** What Maxwell makes of a negative time with a fraction: its value is lost. */
const MISPRINTED = /^[\d:-]+\.0*-\d+$/

/** As MySQL prints it: with as many digits of a second as were declared. */
function decodeTime(type: MysqlType, raw: ExactJson): Decoded {
  if (typeof raw === 'string' && MISPRINTED.test(raw)) return UNREPRESENTABLE
  const micros = raw instanceof JsonNumber ? timeMicros(type, raw) : timeFromText(type, raw)
  const size = micros < 0n ? -micros : micros
  const seconds = Number(size / 1_000_000n)
  const hours = Math.floor(seconds / 3600)
  if (hours > HOURS_MAX) return raise(type, raw)
  const fraction = String(size % 1_000_000n).padStart(6, '0')
  const digits = Math.max(type.modifiers[0] ?? 0, fraction.replace(/0+$/, '').length)
  const clock = [hours, Math.floor(seconds / 60) % 60, seconds % 60].map(part =>
    String(part).padStart(2, '0'),
  )
  return `${micros < 0n ? '-' : ''}${clock.join(':')}${digits === 0 ? '' : `.${fraction.slice(0, digits)}`}`
}

function timeMicros(type: MysqlType, raw: JsonNumber): bigint {
  return INTEGER.test(raw.text) ? BigInt(raw.text) : raise(type, raw)
}

function timeFromText(type: MysqlType, raw: ExactJson): bigint {
  const match = TIME.exec(textOf(type, raw))
  if (match === null) return raise(type, raw)
  const [, sign, hours, minutes, seconds, fraction = ''] = match
  const whole = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  const micros = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  return sign === '-' ? -micros : micros
}

function raise(type: MysqlType, raw: ExactJson): never {
  const value =
    raw instanceof JsonNumber ? raw.text : typeof raw === 'string' ? raw.slice(0, 100) : typeof raw
  throw new LakeError('corrupt', 'a value of the feed does not fit its column type', {
    context: { type: type.base, value },
  })
}
