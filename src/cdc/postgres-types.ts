/**
 * PostgreSQL's types: what they become in Iceberg, and how their text reads.
 *
 * | PostgreSQL | Iceberg |
 * |---|---|
 * | smallint, integer | int |
 * | bigint | long |
 * | numeric(p <= 38, s) | decimal(p, s) |
 * | numeric without scale, or wider | string, the source's digits |
 * | real / double precision | float / double |
 * | boolean, date, uuid | the same |
 * | time / timestamp / timestamp with time zone | time / timestamp / timestamptz |
 * | bytea | binary |
 * | char, varchar, text, json, jsonb, anything else | string, as PostgreSQL prints it |
 * | T[] | list of T; string where the text says `T[][]` |
 *
 * Anything else is: interval, ranges, bit, money, enums, domains (a feed names the domain, not its base type), time with
 * time zone, geometric types, hstore, xml, and so on. char(n) keeps its padding.
 *
 * Not representable, so null and counted: infinite dates and timestamps, timestamps beyond 64 bits of microseconds,
 * 24:00:00, NaN and infinity in a decimal, and a list that holds one of those. PostgreSQL prints `integer[]` whatever the
 * number of dimensions, so arrays of several dimensions are not representable either, unless the column is declared
 * `integer[][]`: then its arrays are text.
 */
import { hexDecode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { type ExactJson, JsonNumber } from '../base/json.js'
import { parseDecimal } from '../schema/decimal.js'
import { parseDate, parseTime, parseTimestamp } from '../schema/time.js'
import type { Type, Value } from '../schema/types.js'
import { parseUuid } from '../schema/uuid-text.js'
import { UNREPRESENTABLE } from './change-event.js'

type Decoded = Value | typeof UNREPRESENTABLE

const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n

/** A type as PostgreSQL prints it, taken apart: `timestamp(3) without time zone` has the base `timestamp`. */
export interface PostgresType {
  readonly base: string
  readonly modifiers: readonly number[]
  readonly array: boolean
}

/** The base of arrays of several dimensions, which are text. */
const NESTED_ARRAY = 'nested array'

/**
 * Reads a type as `format_type` prints it, or as `pg_type` names it (`int4`, `_text` for an array of text). A name in upper
 * case is that of a user's type: PostgreSQL prints its own in lower case.
 */
export function parsePostgresType(text: string): PostgresType {
  const [brackets = ''] = /(?:\[\d*\])*$/.exec(text) ?? []
  const dimensions = brackets.split('[').length - 1
  if (dimensions > 1) return { base: NESTED_ARRAY, modifiers: [], array: false }
  const element = text.slice(0, text.length - brackets.length)
  const inside = /\(([^)]*)\)/.exec(element)?.[1]
  const base = element
    .replace(/\([^)]*\)/, '')
    .replace(/\s+/g, ' ')
    .trim()
  const modifiers = inside?.split(',').map(Number) ?? []
  // `_int4` and `_text` are how the catalog names arrays; no base type of PostgreSQL begins with an underscore.
  if (dimensions === 0 && CATALOG_ARRAYS.has(base)) return { ...named(base.slice(1), modifiers), array: true }
  return { ...named(base, modifiers), array: dimensions === 1 }
}

function named(base: string, modifiers: readonly number[]): Pick<PostgresType, 'base' | 'modifiers'> {
  return { base: BASE_NAMES[base] ?? base, modifiers }
}

const BASE_NAMES: Readonly<Record<string, string>> = {
  int2: 'smallint',
  int4: 'integer',
  int: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  bool: 'boolean',
  decimal: 'numeric',
  'timestamp without time zone': 'timestamp',
  'timestamp with time zone': 'timestamptz',
  'time without time zone': 'time',
}

const CATALOG_ARRAYS: ReadonlySet<string> = new Set(
  [
    ...[
      'int2',
      'int4',
      'int8',
      'float4',
      'float8',
      'bool',
      'numeric',
      'date',
      'time',
      'timestamp',
      'timestamptz',
    ],
    ...[
      'text',
      'varchar',
      'bpchar',
      'char',
      'name',
      'bytea',
      'uuid',
      'json',
      'jsonb',
      'xml',
      'timetz',
      'interval',
    ],
    ...['inet', 'cidr', 'macaddr', 'money', 'bit', 'varbit', 'oid', 'point', 'box', 'hstore', 'citext'],
  ].map(name => `_${name}`),
)

export function icebergTypeOfPostgres(type: PostgresType): Type {
  if (type.array) {
    const element = icebergTypeOfPostgres({ ...type, array: false })
    return { kind: 'list', elementId: 0, elementRequired: false, element }
  }
  switch (type.base) {
    case 'smallint':
    case 'integer':
      return { kind: 'int' }
    case 'bigint':
      return { kind: 'long' }
    case 'real':
      return { kind: 'float' }
    case 'double precision':
      return { kind: 'double' }
    case 'boolean':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'uuid':
      return { kind: type.base }
    case 'bytea':
      return { kind: 'binary' }
    case 'numeric': {
      const [precision, scale = 0] = type.modifiers
      if (precision === undefined || precision > 38 || scale < 0 || scale > precision)
        return { kind: 'string' }
      return { kind: 'decimal', precision, scale }
    }
    default:
      return { kind: 'string' }
  }
}

/** A value of the JSON that wal2json writes: bare numbers, booleans, or PostgreSQL's text. */
export function decodePostgresJson(type: PostgresType, raw: ExactJson): Decoded {
  if (raw === null) return null
  if (raw instanceof JsonNumber) return decodePostgresText(type, raw.text)
  if (typeof raw === 'string') return decodePostgresText(type, raw)
  if (typeof raw === 'boolean') return type.base === 'boolean' ? raw : String(raw)
  throw malformed(type, 'an object or array')
}

/** A value as PostgreSQL prints it. */
export function decodePostgresText(type: PostgresType, text: string): Decoded {
  if (type.array) return decodeArray(type, text)
  switch (type.base) {
    case 'smallint':
    case 'integer':
      return decodeInteger(type, text, 32)
    case 'bigint':
      return decodeInteger(type, text, 64)
    case 'real':
      return Math.fround(decodeDouble(type, text))
    case 'double precision':
      return decodeDouble(type, text)
    case 'boolean':
      return decodeBoolean(type, text)
    case 'bytea':
      return hexDecode(text.startsWith('\\x') ? text.slice(2) : text) ?? raise(type, text)
    case 'uuid':
      return parseUuid(text) ?? raise(type, text)
    case 'numeric':
      return decodeNumeric(type, text)
    case 'date':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
      return decodeTemporal(type, text)
    default:
      return text
  }
}

function decodeInteger(type: PostgresType, text: string, bits: 32 | 64): Value {
  if (!/^-?\d+$/.test(text)) return raise(type, text)
  const value = BigInt(text)
  if (BigInt.asIntN(bits, value) !== value) return raise(type, text)
  return bits === 32 ? Number(value) : value
}

const DOUBLE = /^(NaN|-?Infinity|[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/

function decodeDouble(type: PostgresType, text: string): number {
  return DOUBLE.test(text) ? Number(text) : raise(type, text)
}

function decodeBoolean(type: PostgresType, text: string): boolean {
  if (text === 't' || text === 'true') return true
  return text === 'f' || text === 'false' ? false : raise(type, text)
}

function decodeNumeric(type: PostgresType, text: string): Decoded {
  const target = icebergTypeOfPostgres(type)
  if (target.kind !== 'decimal') return text
  if (/^(NaN|-?Infinity)$/i.test(text)) return UNREPRESENTABLE
  return parseDecimal(text, target) ?? raise(type, text)
}

const TEMPORAL =
  /^(\d{4,})-(\d\d)-(\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?(?:Z|([+-])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)?( BC)?$/

function decodeTemporal(type: PostgresType, text: string): Decoded {
  if (text === 'infinity' || text === '-infinity') return UNREPRESENTABLE
  if (type.base === 'time') {
    if (text.startsWith('24:00:00')) return UNREPRESENTABLE
    return parseTime(text) ?? raise(type, text)
  }
  const match = TEMPORAL.exec(text)
  if (match === null) return raise(type, text)
  const [, year = '', month, day, clock, sign, hours, minutes, seconds, era] = match
  const days = parseDate(`${isoYear(year, era !== undefined)}-${month}-${day}`)
  if (days === undefined) return raise(type, text)
  if (type.base === 'date') return days
  const micros = clock === undefined ? 0n : (parseTime(clock) ?? raise(type, text))
  const offset = BigInt(
    (Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0)) * (sign === '-' ? -1 : 1),
  )
  const value = BigInt(days) * 86_400_000_000n + micros - offset * 1_000_000n
  return value < INT64_MIN || value > INT64_MAX ? UNREPRESENTABLE : value
}

/** The astronomical year in ISO 8601's form: 44 BC is -0043. */
function isoYear(year: string, beforeChrist: boolean): string {
  const astronomical = beforeChrist ? 1 - Number(year) : Number(year)
  const digits = String(Math.abs(astronomical)).padStart(4, '0')
  return astronomical < 0 ? `-${digits}` : digits
}

/** An instant as ISO 8601 text with a zone, years beyond 9999 included. */
export function decodeInstant(type: PostgresType, text: string): Decoded {
  if (/^[+-]?infinity$/i.test(text)) return UNREPRESENTABLE
  const value = parseTimestamp(text, { zone: 'required', unit: 'micros' })
  if (value !== undefined) return value
  return decodeTemporal(type, text.replace(/^\+/, ''))
}

/**
 * One-dimensional array text: `{1,NULL,"a,b"}`, with bounds in front where they do not begin at 1: `[0:1]={1,2}`.
 * Arrays of more dimensions have no list to go to.
 */
function decodeArray(type: PostgresType, given: string): Decoded {
  const text = given.replace(/^\[[+-]?\d+:[+-]?\d+\]=/, '')
  if (/^(?:\[|\{\{)/.test(text)) return UNREPRESENTABLE
  if (!text.startsWith('{') || !text.endsWith('}')) return raise(type, given)
  const element = { ...type, array: false }
  const values: Value[] = []
  let isHeld = true
  for (const item of arrayItems(type, text)) {
    const value = item === null ? null : decodePostgresText(element, item)
    if (value === UNREPRESENTABLE) isHeld = false
    else values.push(value)
  }
  return isHeld ? values : UNREPRESENTABLE
}

function arrayItems(type: PostgresType, text: string): (string | null)[] {
  const items: (string | null)[] = []
  const end = text.length - 1
  const separator = type.base === 'box' ? ';' : ','
  if (end === 1) return items
  for (let at = 1; ; at++) {
    if (text[at] === '"') {
      const [item, next] = quotedItem(type, text, at + 1)
      items.push(item)
      at = next
    } else {
      const next = text.indexOf(separator, at)
      const stop = next < 0 ? end : next
      const item = text.slice(at, stop)
      if (item === '' || /["{}]/.test(item)) return raise(type, text)
      items.push(item === 'NULL' ? null : item)
      at = stop
    }
    if (at === end) return items
    if (text[at] !== separator) return raise(type, text)
  }
}

/** The text between quotes, and the index behind the closing one. */
function quotedItem(type: PostgresType, text: string, from: number): readonly [string, number] {
  let item = ''
  for (let at = from; at < text.length - 1; at++) {
    if (text[at] === '"') return [item, at + 1]
    if (text[at] === '\\') at += 1
    item += text[at]
  }
  return raise(type, text)
}

function raise(type: PostgresType, text: string): never {
  throw malformed(type, text.slice(0, 100))
}

function malformed(type: PostgresType, value: string): LakeError {
  return new LakeError('corrupt', 'a value of the feed does not fit its column type', {
    context: { type: type.base, value },
  })
}
