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
import type { Type, Value } from '../schema/types.js'
import { type DecodeCell, UNREPRESENTABLE } from './change-event.js'
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
      return arrayColumn(isObject(schema.items) ? connectColumn(schema.items) : fromText('text'))
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
      return { type: icebergType, decode: raw => decodeTimestamp(raw, fraction <= 3 ? 1000n : 1n) }
    case 'time':
      return { type: icebergType, decode: raw => decodeTime(raw, fraction <= 3 ? 1000n : 1n) }
    case 'timestamptz':
      return { type: icebergType, decode: decodeZoned }
    case 'bytea':
      return { type: icebergType, decode: decodeBytes }
    case 'numeric':
      return { type: icebergType, decode: raw => decodeNumericOf(type, raw) }
    default:
      return { type: icebergType, decode: raw => decodeScalar(type, raw) }
  }
}

const SEMANTIC_TYPES: Readonly<Record<string, ConnectColumn>> = {
  'io.debezium.time.Date': { type: { kind: 'date' }, decode: decodeDays },
  'io.debezium.time.Timestamp': { type: { kind: 'timestamp' }, decode: raw => decodeTimestamp(raw, 1000n) },
  'io.debezium.time.MicroTimestamp': { type: { kind: 'timestamp' }, decode: raw => decodeTimestamp(raw, 1n) },
  'io.debezium.time.Time': { type: { kind: 'time' }, decode: raw => decodeTime(raw, 1000n) },
  'io.debezium.time.MicroTime': { type: { kind: 'time' }, decode: raw => decodeTime(raw, 1n) },
  'io.debezium.time.ZonedTimestamp': { type: { kind: 'timestamptz' }, decode: decodeZoned },
  'io.debezium.data.Uuid': fromText('uuid'),
  'io.debezium.data.VariableScaleDecimal': {
    type: { kind: 'string' },
    decode: raw => decodeNumericOf(parsePostgresType('numeric'), raw),
  },
  'org.apache.kafka.connect.data.Date': { type: { kind: 'date' }, decode: decodeDays },
  'org.apache.kafka.connect.data.Timestamp': {
    type: { kind: 'timestamp' },
    decode: raw => decodeTimestamp(raw, 1000n),
  },
  'org.apache.kafka.connect.data.Time': { type: { kind: 'time' }, decode: raw => decodeTime(raw, 1000n) },
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
        const value = element.decode(item)
        if (value === UNREPRESENTABLE) return UNREPRESENTABLE
        values.push(value)
      }
      return values
    },
  }
}

function decimalColumn(schema: ExactJsonObject): ConnectColumn {
  const parameters = isObject(schema.parameters) ? schema.parameters : {}
  const scale = Number(parameters.scale ?? 0)
  const precision = Number(parameters['connect.decimal.precision'] ?? 38)
  const fits = precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision
  return {
    type: fits ? { kind: 'decimal', precision, scale } : { kind: 'string' },
    decode: raw => {
      if (raw === null) return null
      const unscaled = parseUnscaled(bytesOf(raw))
      return fits ? unscaled : formatDecimal(unscaled, scale)
    },
  }
}

/** A numeric in any handling mode: text, number, or `{scale, value}`. */
function decodeNumericOf(type: PostgresType, raw: ExactJson): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  if (isObject(raw)) {
    const scale = raw.scale instanceof JsonNumber ? Number(raw.scale.text) : 0
    return decodePostgresText(type, formatDecimal(parseUnscaled(bytesOf(raw.value ?? null)), scale))
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
  throw malformed(type.base, raw)
}

function decodeDays(raw: ExactJson): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  const days = Number(integerOf('date', raw))
  return INFINITE_DAYS.has(days) ? UNREPRESENTABLE : days
}

function decodeTimestamp(raw: ExactJson, microsPerUnit: bigint): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  const value = integerOf('timestamp', raw)
  if (INFINITE_TIMES.has(value)) return UNREPRESENTABLE
  const micros = value * microsPerUnit
  return BigInt.asIntN(64, micros) === micros ? micros : UNREPRESENTABLE
}

function decodeTime(raw: ExactJson, microsPerUnit: bigint): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  const micros = integerOf('time', raw) * microsPerUnit
  return micros >= 0n && micros < DAY_MICROS ? micros : UNREPRESENTABLE
}

function decodeZoned(raw: ExactJson): Value | typeof UNREPRESENTABLE {
  if (raw === null) return null
  if (typeof raw !== 'string') throw malformed('timestamptz', raw)
  return decodeInstant(INSTANT, raw)
}

function decodeBytes(raw: ExactJson): Value {
  return raw === null ? null : bytesOf(raw)
}

function bytesOf(raw: ExactJson): Uint8Array {
  if (typeof raw !== 'string') throw malformed('bytes', raw)
  return base64Decode(raw)
}

function integerOf(type: string, raw: ExactJson): bigint {
  if (!(raw instanceof JsonNumber) || !/^-?\d+$/.test(raw.text)) throw malformed(type, raw)
  return BigInt(raw.text)
}

function isObject(value: ExactJson | undefined): value is ExactJsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  )
}

function malformed(type: string, raw: ExactJson): LakeError {
  const value = raw instanceof JsonNumber ? raw.text : typeof raw
  return new LakeError('corrupt', 'a value of the feed does not fit its column type', {
    context: { type, value },
  })
}
