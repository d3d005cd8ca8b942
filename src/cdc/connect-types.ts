/**
 * Kafka Connect's JSON forms as Debezium writes them: what a column's schema becomes in Iceberg, and how its
 * values read. With schemas in the feed they say everything. Without, the source's declared type must: a
 * `timestamp(3)` arrives as milliseconds and a `timestamp` as microseconds, and the number does not tell.
 * @see facts: Debezium data type mappings of the PostgreSQL connector
 */
import { base64Decode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../base/json.js'
import { formatDecimal, parseUnscaled } from '../schema/decimal.js'
import { floorDivide } from '../schema/time.js'
import type { Type, Value } from '../schema/types.js'
import { type DecodeCell, UNREPRESENTABLE } from './change-event.js'
import { isExactObject } from './feed-lines.js'
import {
  decodeInstant,
  decodePostgresText,
  icebergTypeOfPostgres,
  type PostgresType,
  parsePostgresType,
} from './postgres-types.js'

export interface ConnectColumn {
  readonly type: Type
  readonly decode: DecodeCell
}

const DAY_MICROS = 86_400_000_000n
/** PostgreSQL's infinite dates and timestamps after the connector's arithmetic. */
const INFINITE_DAYS = new Set([2147483647, -2147483648, -2147472692, -2147472691])
const INFINITE_TIMES = new Set([
  9223372036825200000n,
  -9223372036832400000n,
  9223372036825200n,
  -9223372036832400n,
])

const TEXT: PostgresType = parsePostgresType('text')
const INSTANT: PostgresType = parsePostgresType('timestamp with time zone')

/** A column by its Connect schema. */
export function connectColumn(schema: ExactJsonObject): ConnectColumn {
  const name = typeof schema.name === 'string' ? schema.name : undefined
  const semantic = name === undefined ? undefined : SEMANTIC_TYPES[name]
  if (semantic !== undefined) return semantic
  if (name === 'org.apache.kafka.connect.data.Decimal') return decimalColumn(schema)
  if (name === 'io.debezium.data.Bits') return bitsColumn(Number(parametersOf(schema).length ?? 0))
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
      return fromText('integer')
    case 'int64':
      return fromText('bigint')
    case 'float':
      return fromText('real')
    case 'double':
      return fromText('double precision')
    case 'boolean':
      return fromText('boolean')
    case 'bytes':
      return { type: { kind: 'binary' }, decode: decodeBytes }
    case 'string':
      return { type: { kind: 'string' }, decode: raw => decodeScalar(TEXT, raw) }
    case 'array':
      return arrayColumn(isExactObject(schema.items) ? connectColumn(schema.items) : fromText('text'))
    case 'struct':
    case 'map':
      return fromText('text')
    default:
      throw new LakeError('unsupported', 'the feed has a column of a type that has no mapping', {
        context: { type: String(schema.type), name: name ?? '' },
      })
  }
}

/** A column by its declared PostgreSQL type, for a feed without schemas. */
export function declaredColumn(declared: string): ConnectColumn {
  return declaredType(parsePostgresType(declared))
}

function declaredType(type: PostgresType): ConnectColumn {
  if (type.array) return arrayColumn(declaredType({ ...type, array: false }))
  const icebergType = icebergTypeOfPostgres(type)
  const fraction = type.modifiers[0] ?? 6
  switch (type.base) {
    case 'date':
      return { type: icebergType, decode: decodeDays }
    case 'timestamp':
      return { type: icebergType, decode: raw => decodeTimestamp(raw, fraction <= 3 ? 'millis' : 'micros') }
    case 'time':
      return { type: icebergType, decode: raw => decodeTime(raw, fraction <= 3 ? 'millis' : 'micros') }
    case 'timestamptz':
      return { type: icebergType, decode: decodeZoned }
    case 'bytea':
      return { type: icebergType, decode: decodeBytes }
    case 'numeric':
      return { type: icebergType, decode: raw => decodeNumericOf(type, raw) }
    case 'bit':
      return bitsColumn(type.modifiers[0] ?? 1)
    default:
      return { type: icebergType, decode: raw => decodeScalar(type, raw) }
  }
}

const SEMANTIC_TYPES: Readonly<Record<string, ConnectColumn>> = {
  'io.debezium.time.Date': { type: { kind: 'date' }, decode: decodeDays },
  'io.debezium.time.Timestamp': {
    type: { kind: 'timestamp' },
    decode: raw => decodeTimestamp(raw, 'millis'),
  },
  'io.debezium.time.MicroTimestamp': {
    type: { kind: 'timestamp' },
    decode: raw => decodeTimestamp(raw, 'micros'),
  },
  'io.debezium.time.NanoTimestamp': {
    type: { kind: 'timestamp' },
    decode: raw => decodeTimestamp(raw, 'nanos'),
  },
  'io.debezium.time.NanoTime': { type: { kind: 'time' }, decode: raw => decodeTime(raw, 'nanos') },
  // An interval has no type in Iceberg: the number of microseconds as text, as a feed without schemas gives it.
  'io.debezium.time.MicroDuration': fromText('interval'),
  'io.debezium.time.Time': { type: { kind: 'time' }, decode: raw => decodeTime(raw, 'millis') },
  'io.debezium.time.MicroTime': { type: { kind: 'time' }, decode: raw => decodeTime(raw, 'micros') },
  'io.debezium.time.ZonedTimestamp': { type: { kind: 'timestamptz' }, decode: decodeZoned },
  'io.debezium.data.Uuid': fromText('uuid'),
  'io.debezium.data.VariableScaleDecimal': {
    type: { kind: 'string' },
    decode: raw => decodeNumericOf(parsePostgresType('numeric'), raw),
  },
  'org.apache.kafka.connect.data.Date': { type: { kind: 'date' }, decode: decodeDays },
  'org.apache.kafka.connect.data.Timestamp': {
    type: { kind: 'timestamp' },
    decode: raw => decodeTimestamp(raw, 'millis'),
  },
  'org.apache.kafka.connect.data.Time': { type: { kind: 'time' }, decode: raw => decodeTime(raw, 'millis') },
}

function fromText(declared: string): ConnectColumn {
  const type = parsePostgresType(declared)
  return { type: icebergTypeOfPostgres(type), decode: raw => decodeScalar(type, raw) }
}

function arrayColumn(element: ConnectColumn): ConnectColumn {
  return {
    type: { kind: 'list', elementId: 0, elementRequired: false, element: element.type },
    decode: raw => {
      if (raw === null) return null
      if (!Array.isArray(raw)) throw malformed('array', raw)
      const values: Value[] = []
      for (const item of raw as readonly ExactJson[]) {
        // An array of several dimensions, which its type does not tell.
        const value =
          Array.isArray(item) && element.type.kind !== 'list' ? UNREPRESENTABLE : element.decode(item)
        if (value === UNREPRESENTABLE) return UNREPRESENTABLE
        values.push(value)
      }
      return values
    },
  }
}

function decimalColumn(schema: ExactJsonObject): ConnectColumn {
  const parameters = parametersOf(schema)
  const scale = Number(parameters.scale ?? 0)
  const precision = Number(parameters['connect.decimal.precision'] ?? 38)
  const fits = precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision
  const limit = 10n ** BigInt(fits ? precision : 0)
  return {
    type: fits ? { kind: 'decimal', precision, scale } : { kind: 'string' },
    decode: raw => {
      if (raw === null) return null
      const unscaled = parseUnscaled(bytesOf(raw))
      if (!fits) return scaledText(unscaled, scale)
      if (unscaled >= limit || unscaled <= -limit) throw malformed(`decimal(${precision}, ${scale})`, raw)
      return unscaled
    },
  }
}

/** PostgreSQL 15 has negative scales: whole tens, hundreds. */
function scaledText(unscaled: bigint, scale: number): string {
  return scale < 0 ? String(unscaled * 10n ** BigInt(-scale)) : formatDecimal(unscaled, scale)
}

/** `bit(n)`: little-endian bytes, without those in front that are zero, as the digits that PostgreSQL prints. */
function bitsColumn(length: number): ConnectColumn {
  const decode = (raw: ExactJson): Value => {
    if (raw === null) return null
    if (typeof raw === 'boolean') return raw ? '1' : '0'
    let digits = ''
    for (const byte of bytesOf(raw)) digits = byte.toString(2).padStart(8, '0') + digits
    return digits.replace(/^0+/, '').padStart(length, '0')
  }
  return { type: { kind: 'string' }, decode }
}

function parametersOf(schema: ExactJsonObject): ExactJsonObject {
  return isExactObject(schema.parameters) ? schema.parameters : {}
}

/** A numeric in any handling mode: text, number, or `{scale, value}`. */
function decodeNumericOf(type: PostgresType, raw: ExactJson): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  if (isExactObject(raw)) {
    const scale = raw.scale instanceof JsonNumber ? Number(raw.scale.text) : 0
    return decodePostgresText(type, scaledText(parseUnscaled(bytesOf(raw.value ?? null)), scale))
  }
  const text = raw instanceof JsonNumber ? raw.text : String(raw)
  return decodePostgresText(type, NUMERIC_NAMES[text] ?? text)
}

const NUMERIC_NAMES: Readonly<Record<string, string>> = {
  NAN: 'NaN',
  POSITIVE_INFINITY: 'Infinity',
  NEGATIVE_INFINITY: '-Infinity',
}

function decodeScalar(type: PostgresType, raw: ExactJson): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  if (typeof raw === 'string') return decodePostgresText(type, raw)
  if (raw instanceof JsonNumber) return decodePostgresText(type, raw.text)
  if (typeof raw === 'boolean') return decodePostgresText(type, String(raw))
  // Geometric types and maps are objects of the connector's own making.
  return decodePostgresText(type, exactJsonText(raw))
}

/** JSON text with the digits of numbers as they came. */
function exactJsonText(value: ExactJson): string {
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return `[${(value as readonly ExactJson[]).map(exactJsonText).join(',')}]`
  if (!isExactObject(value)) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([name, item]) => `${JSON.stringify(name)}:${exactJsonText(item)}`,
  )
  return `{${members.join(',')}}`
}

function decodeDays(raw: ExactJson): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  const days = Number(integerOf('date', raw))
  return INFINITE_DAYS.has(days) || (days | 0) !== days ? UNREPRESENTABLE : days
}

type Unit = 'millis' | 'micros' | 'nanos'

function decodeTimestamp(raw: ExactJson, unit: Unit): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  const value = integerOf('timestamp', raw)
  if (INFINITE_TIMES.has(value)) return UNREPRESENTABLE
  const micros = inMicros(value, unit)
  return BigInt.asIntN(64, micros) === micros ? micros : UNREPRESENTABLE
}

function decodeTime(raw: ExactJson, unit: Unit): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  const micros = inMicros(integerOf('time', raw), unit)
  return micros >= 0n && micros < DAY_MICROS ? micros : UNREPRESENTABLE
}

/** PostgreSQL has microseconds, so nanoseconds lose nothing. */
function inMicros(value: bigint, unit: Unit): bigint {
  if (unit === 'micros') return value
  return unit === 'millis' ? value * 1000n : floorDivide(value, 1000n)
}

function decodeZoned(raw: ExactJson): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  if (typeof raw !== 'string') throw malformed('timestamptz', raw)
  return decodeInstant(INSTANT, raw)
}

function decodeBytes(raw: ExactJson): Value {
  return raw === null ? null : bytesOf(raw)
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

function bytesOf(raw: ExactJson): Uint8Array {
  if (typeof raw !== 'string' || raw.length % 4 !== 0 || !BASE64.test(raw)) throw malformed('bytes', raw)
  return base64Decode(raw)
}

function integerOf(type: string, raw: ExactJson): bigint {
  if (!(raw instanceof JsonNumber) || !/^-?\d+$/.test(raw.text)) throw malformed(type, raw)
  return BigInt(raw.text)
}

function malformed(type: string, raw: ExactJson): LakeError {
  const value =
    raw instanceof JsonNumber ? raw.text : typeof raw === 'string' ? raw.slice(0, 100) : typeof raw
  return new LakeError('corrupt', 'a value of the feed does not fit its column type', {
    context: { type, value },
  })
}
