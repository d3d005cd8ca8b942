/**
 * What a column of a Debezium feed becomes in Iceberg, and how its values read. With schemas in the feed they say almost
 * everything. Without, the source's declared type must: a `timestamp(3)` arrives as milliseconds and a `timestamp` as
 * microseconds, and the number does not tell.
 *
 * The declared type is asked next to a schema where that says too little: an unsigned bigint is an int64 that wraps, bytes
 * in the modes base64 and hex are strings, and so are decimals in the mode string.
 *
 * Without schemas the modes `adaptive`, `adaptive_time_microseconds` (MySQL) and `isostring` are read. Columns of the modes
 * `connect`, `microseconds` and `nanoseconds` are to be declared by the digits they arrive with: `timestamp(3)` for
 * milliseconds, `timestamp(6)`, `timestamp(9)`.
 * @see facts: Debezium data type mappings of the PostgreSQL, MySQL and MariaDB connectors
 */
import { LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber, stringifyJson } from '../../base/json.js'
import { parseUnscaled } from '../../schema/decimal.js'
import type { Type, Value } from '../../schema/types.js'
import { type DecodeCell, UNREPRESENTABLE } from '../change-event.js'
import { isExactObject } from '../feed-lines.js'
import { decodeMysqlJson, icebergTypeOfMysql, type MysqlType, parseMysqlType } from '../mysql-types.js'
import { icebergTypeOfPostgres, type PostgresType, parsePostgresType } from '../postgres-types.js'
import {
  type BinaryMode,
  bytesOf,
  decodeBinaryText,
  decodeBitText,
  decodeBytes,
  decodeDays,
  decodeNumeric,
  decodePreciseDecimal,
  decodeScalar,
  decodeTextOrBytes,
  decodeTime,
  decodeTimestamp,
  decodeZoned,
  malformed,
  scaledText,
  type Unit,
} from './values.js'

export interface ConnectColumn {
  readonly type: Type
  readonly decode: DecodeCell
  /** A plain form of which a reader of text may take common values without `decode`, to the same end. */
  readonly plain?: PlainForm | undefined
}

export type PlainForm = 'int' | 'long' | 'float' | 'double' | 'boolean' | 'text' | 'days' | Unit

/** Whose types a feed has. Of `other` databases only schemas tell. */
export type Dialect = 'postgres' | 'mysql' | 'other'

export interface ColumnOptions {
  /** Default postgres. */
  readonly dialect?: Dialect | undefined
  /** The source's type, where it is known. */
  readonly declared?: string | undefined
  /** How bytes come that a schema does not call so; default base64. */
  readonly binary?: BinaryMode | undefined
}

/** A column by its Connect schema. @throws unsupported */
export function connectColumn(schema: ExactJsonObject, options: ColumnOptions = {}): ConnectColumn {
  const name = typeof schema.name === 'string' ? schema.name : undefined
  const declared = betterDeclared(schema, options)
  if (declared !== undefined) return declared
  const semantic = name === undefined ? undefined : SEMANTIC_TYPES[name]
  if (options.dialect === 'mysql' && name !== undefined && MYSQL_NAMES[name] !== undefined) {
    return mysqlColumn(parseMysqlType(MYSQL_NAMES[name] ?? ''), options)
  }
  if (semantic !== undefined) return semantic
  if (name === 'org.apache.kafka.connect.data.Decimal') return decimalColumn(schema)
  if (name === 'io.debezium.data.VariableScaleDecimal') return variableDecimal()
  if (name === 'io.debezium.data.Bits') return bitsColumn(Number(parametersOf(schema).length ?? 0), options)
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
    case 'array':
      return arrayColumn(
        isExactObject(schema.items)
          ? connectColumn(schema.items, { ...options, declared: undefined })
          : fromText('text'),
      )
    case 'string':
    case 'struct':
    case 'map':
      return fromText('text')
    default:
      throw new LakeError('unsupported', 'the feed has a column of a type that has no mapping', {
        context: { type: String(schema.type), name: name ?? '' },
      })
  }
}

/** A column by its declared type, for a feed without schemas. @throws unsupported */
export function declaredColumn(declared: string, options: ColumnOptions = {}): ConnectColumn {
  switch (options.dialect) {
    case 'mysql':
      return mysqlColumn(parseMysqlType(declared), options)
    case 'other':
      throw new LakeError('unsupported', 'feeds of this connector are read with schemas only', {
        context: { remedy: 'capture with schemas.enable=true' },
      })
    default:
      return postgresColumn(parsePostgresType(declared), options)
  }
}

/**
 * The value that rows had which were there before the column: the schema's default. The connector gives zero for
 * defaults that are computed, so a time of zero and the nil uuid say nothing.
 */
export function connectDefault(schema: ExactJsonObject, { type, decode }: ConnectColumn): Value | undefined {
  const raw = schema.default
  if (raw === undefined || raw === null) return undefined
  try {
    const value = decode(raw)
    return value === UNREPRESENTABLE || isPlaceholderDefault(type, value) ? undefined : value
  } catch {
    return undefined
  }
}

/** What connectors write for a default that they cannot evaluate. */
export function isPlaceholderDefault(type: Type, value: Value): boolean {
  switch (type.kind) {
    case 'date':
    case 'timestamp':
    case 'timestamptz':
      return Number(value) === 0
    case 'uuid':
      return value instanceof Uint8Array && value.every(byte => byte === 0)
    default:
      return false
  }
}

/** The declared type's column where it knows more than the schema. */
function betterDeclared(schema: ExactJsonObject, options: ColumnOptions): ConnectColumn | undefined {
  const { declared, dialect = 'postgres' } = options
  if (declared === undefined || dialect === 'other') return undefined
  const isPlainText = schema.type === 'string' && schema.name === undefined
  if (dialect === 'postgres') {
    const type = parsePostgresType(declared)
    const isBetter = isPlainText && !type.array && (type.base === 'bytea' || type.base === 'numeric')
    return isBetter ? postgresColumn(type, options) : undefined
  }
  const type = parseMysqlType(declared)
  const kind = icebergTypeOfMysql(type).kind
  switch (type.base) {
    case 'bigint':
    case 'serial':
      return kind === 'decimal' && schema.type === 'int64' ? mysqlColumn(type, options) : undefined
    case 'bit':
      return schema.name === 'io.debezium.data.Bits' ? mysqlColumn(type, options) : undefined
    case 'time':
      return schema.name === 'io.debezium.time.MicroTime' ? mysqlColumn(type, options) : undefined
    case 'uuid':
    case 'decimal':
      return isPlainText ? mysqlColumn(type, options) : undefined
    default:
      return isPlainText && kind === 'binary' ? mysqlColumn(type, options) : undefined
  }
}

function postgresColumn(type: PostgresType, options: ColumnOptions): ConnectColumn {
  if (type.array) return arrayColumn(postgresColumn({ ...type, array: false }, options))
  const icebergType = icebergTypeOfPostgres(type)
  const unit = unitOf(type.modifiers[0] ?? 6)
  switch (type.base) {
    case 'date':
      return { type: icebergType, decode: decodeDays, plain: 'days' }
    case 'timestamp':
      return { type: icebergType, decode: raw => decodeTimestamp(raw, unit), plain: unit }
    case 'time':
      return { type: icebergType, decode: raw => decodeTime(raw, unit) }
    case 'timestamptz':
      return { type: icebergType, decode: decodeZoned }
    case 'bytea':
      return { type: icebergType, decode: decodeBinaryText(options.binary) }
    case 'numeric':
      return { type: icebergType, decode: decodeNumeric(type) }
    case 'bit':
      return bitsColumn(type.modifiers[0] ?? 1, {})
    default:
      return { type: icebergType, decode: raw => decodeScalar(type, raw), plain: plainForm(icebergType) }
  }
}

function plainForm({ kind }: Type): PlainForm | undefined {
  switch (kind) {
    case 'int':
    case 'long':
    case 'float':
    case 'double':
    case 'boolean':
      return kind
    case 'string':
      return 'text'
    default:
      return undefined
  }
}

function unitOf(digits: number): Unit {
  if (digits <= 3) return 'millis'
  return digits <= 6 ? 'micros' : 'nanos'
}

/** Debezium's forms on top of those that both readers of MySQL know. */
function mysqlColumn(type: MysqlType, { binary }: ColumnOptions): ConnectColumn {
  const icebergType = icebergTypeOfMysql(type)
  const decode: DecodeCell = raw => decodeMysqlJson(type, raw)
  switch (type.base) {
    case 'decimal': {
      if (icebergType.kind !== 'decimal') return { type: icebergType, decode }
      return { type: icebergType, decode: decodeTextOrBytes(icebergType) }
    }
    case 'date':
      return {
        type: icebergType,
        decode: raw => decode(typeof raw === 'string' ? raw.replace(/Z$/, '') : raw),
        plain: 'days',
      }
    case 'datetime': {
      const unit = unitOf(type.modifiers[0] ?? 0)
      return { type: icebergType, decode: raw => decodeTimestamp(raw, unit), plain: unit }
    }
    case 'time':
      return {
        type: icebergType,
        decode: raw => decode(typeof raw === 'string' ? raw.replace(/Z$/, '') : raw),
      }
    case 'binary':
    case 'varbinary':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob': {
      const bytes = decodeBinaryText(binary)
      return { type: icebergType, decode: raw => paddedBytes(type, bytes(raw)) }
    }
    // The smaller integers are checked against their ranges, and a set may be a list.
    case 'int':
    case 'bigint':
    case 'float':
    case 'double':
    case 'char':
    case 'varchar':
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'enum':
    case 'json': {
      const isPlain = !type.unsigned || type.base === 'float' || type.base === 'double'
      return { type: icebergType, decode, plain: isPlain ? plainForm(icebergType) : undefined }
    }
    default:
      return { type: icebergType, decode }
  }
}

/** `binary(n)` always has n bytes; the log leaves out zeros at its end. */
function paddedBytes(type: MysqlType, bytes: ReturnType<DecodeCell>): ReturnType<DecodeCell> {
  const length = type.base === 'binary' ? (type.modifiers[0] ?? 1) : 0
  if (!(bytes instanceof Uint8Array) || bytes.length >= length || length > 255) return bytes
  const padded = new Uint8Array(length)
  padded.set(bytes)
  return padded
}

const MYSQL_NAMES: Readonly<Record<string, string>> = {
  'io.debezium.time.MicroTime': 'time',
}

const timestamp = (unit: Unit): ConnectColumn => ({
  type: { kind: 'timestamp' },
  decode: raw => decodeTimestamp(raw, unit),
  plain: unit,
})
const time = (unit: Unit): ConnectColumn => ({ type: { kind: 'time' }, decode: raw => decodeTime(raw, unit) })
const DAYS: ConnectColumn = { type: { kind: 'date' }, decode: decodeDays, plain: 'days' }

const SEMANTIC_TYPES: Readonly<Record<string, ConnectColumn>> = {
  'io.debezium.time.Date': DAYS,
  'io.debezium.time.IsoDate': DAYS,
  'org.apache.kafka.connect.data.Date': DAYS,
  'io.debezium.time.Timestamp': timestamp('millis'),
  'io.debezium.time.MicroTimestamp': timestamp('micros'),
  'io.debezium.time.NanoTimestamp': timestamp('nanos'),
  'io.debezium.time.IsoTimestamp': timestamp('micros'),
  'org.apache.kafka.connect.data.Timestamp': timestamp('millis'),
  'io.debezium.time.Time': time('millis'),
  'io.debezium.time.MicroTime': time('micros'),
  'io.debezium.time.NanoTime': time('nanos'),
  'io.debezium.time.IsoTime': time('micros'),
  'org.apache.kafka.connect.data.Time': time('millis'),
  // An interval has no type in Iceberg: the number of microseconds as text, as a feed without schemas gives it.
  'io.debezium.time.MicroDuration': fromText('interval'),
  'io.debezium.time.NanoDuration': fromText('interval'),
  'io.debezium.time.ZonedTimestamp': { type: { kind: 'timestamptz' }, decode: decodeZoned },
  'io.debezium.data.Uuid': fromText('uuid'),
}

function fromText(declared: string): ConnectColumn {
  const type = parsePostgresType(declared)
  const icebergType = icebergTypeOfPostgres(type)
  return { type: icebergType, decode: raw => decodeScalar(type, raw), plain: plainForm(icebergType) }
}

function variableDecimal(): ConnectColumn {
  const type = parsePostgresType('numeric')
  return { type: icebergTypeOfPostgres(type), decode: decodeNumeric(type) }
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
  if (precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision) {
    return { type: { kind: 'decimal', precision, scale }, decode: decodePreciseDecimal({ precision, scale }) }
  }
  return {
    type: { kind: 'string' },
    decode: raw => (raw === null ? null : scaledText(parseUnscaled(bytesOf(raw)), scale)),
  }
}

function bitsColumn(length: number, { dialect }: ColumnOptions): ConnectColumn {
  if (dialect === 'mysql') return mysqlColumn(parseMysqlType(`bit(${length})`), {})
  return { type: { kind: 'string' }, decode: decodeBitText(length) }
}

function parametersOf(schema: ExactJsonObject): ExactJsonObject {
  return isExactObject(schema.parameters) ? schema.parameters : {}
}

/** A value of a column of which nothing is known: its text. */
export function unknownColumn(): ConnectColumn {
  return {
    type: { kind: 'string' },
    decode: raw => {
      if (raw === null || typeof raw === 'string') return raw
      return raw instanceof JsonNumber ? raw.text : stringifyJson(raw)
    },
  }
}
