/**
 * Columns of a Maxwell feed. Its rows carry no types. They come, the first that knows the column wins, from
 *
 *   - statements and definitions in the feed itself (`--output_ddl`), each from its place on
 *   - what was declared for the source table
 *   - the columns of the table that follows, which are there when it was made beforehand
 *
 * A definition in the feed says `decimal` without digits and `bit` without a length; the statement beside it or the
 * type that was known before fills them in.
 */
import { isLakeError } from '../../base/errors.js'
import { type ExactJsonObject, JsonNumber } from '../../base/json.js'
import { parseDecimal } from '../../schema/decimal.js'
import { parseTime } from '../../schema/time.js'
import type { Type, Value } from '../../schema/types.js'
import { type DecodeCell, type SourceColumn, UNREPRESENTABLE } from '../change-event.js'
import { decodeMysqlJson, icebergTypeOfMysql, type MysqlType, parseMysqlType } from '../mysql-types.js'
import type { StatementColumn } from './ddl.js'

export interface MaxwellColumn extends SourceColumn {
  /** Undefined where only the following table's type is known. */
  readonly mysql: MysqlType | undefined
  readonly decode: DecodeCell
  /** What an insert that leaves the column out gives it, where a statement of the feed says so. */
  readonly insertDefault?: Value | undefined
}

/**
 * A column by its MySQL type. A following table that was made with another type for the same values has its way:
 * a time of day for `time`, a boolean for `tinyint(1)`.
 */
export function columnOfType(name: string, mysql: MysqlType, following: Type | undefined): MaxwellColumn {
  const type = icebergTypeOfMysql(mysql)
  if (following?.kind === 'time' && mysql.base === 'time')
    return { ...columnFollowing(name, following), mysql }
  if (following?.kind === 'boolean' && mysql.base === 'tinyint')
    return { ...columnFollowing(name, following), mysql }
  return { name, type, mysql, decode: raw => decodeMysqlJson(mysql, raw) }
}

/** A column of which only the following table knows the type. */
export function columnFollowing(name: string, type: Type): MaxwellColumn {
  return { name, type, mysql: undefined, decode: decoderFor(type) }
}

function decoderFor(type: Type): DecodeCell {
  if (type.kind === 'time') return decodeTimeOfDay
  if (type.kind === 'binary' || type.kind === 'fixed') {
    const length = type.kind === 'fixed' ? type.lengthBytes : 0
    return raw => decodeMysqlJson(raw instanceof JsonNumber ? bitsFor(raw, length) : BYTES, raw)
  }
  const mysql = parseMysqlType(spellingOf(type))
  // An array is a set; whatever else is no text in JSON has its JSON text.
  if (type.kind === 'string') return raw => decodeMysqlJson(Array.isArray(raw) ? SET : mysql, raw)
  return raw => decodeMysqlJson(mysql, raw)
}

const BYTES: MysqlType = parseMysqlType('blob')
const SET: MysqlType = parseMysqlType('set')
const TIME: MysqlType = parseMysqlType('time')

/** The MySQL type that has the same values. */
function spellingOf(type: Type): string {
  switch (type.kind) {
    case 'boolean':
      return 'bit(1)'
    case 'int':
      return 'int'
    case 'long':
      return 'bigint'
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'timestamp':
      return 'datetime(6)'
    case 'timestamptz':
      return 'timestamp(6)'
    case 'float':
    case 'double':
    case 'date':
    case 'uuid':
      return type.kind
    default:
      return 'text'
  }
}

/** Bits of unknown count take the bytes that their value needs. */
function bitsFor(raw: JsonNumber, length: number): MysqlType {
  const value = parseDecimal(raw.text, { precision: 20, scale: 0 }) ?? 0n
  const needed = Math.max(1, Math.ceil(value.toString(2).length / 8))
  return { ...BYTES, base: 'bit', modifiers: [8 * Math.max(length, needed)] }
}

function decodeTimeOfDay(raw: Parameters<DecodeCell>[0]): Value | typeof UNREPRESENTABLE {
  const text = decodeMysqlJson(TIME, raw)
  if (typeof text !== 'string') return text
  return parseTime(text) ?? UNREPRESENTABLE
}

/**
 * A column by a definition in the feed, `{"type":"decimal","name":"price"}`, what a statement says of it, and what was
 * known of it before. Undefined when nothing tells its digits.
 */
export function columnOfDefinition(
  definition: ExactJsonObject,
  from: {
    readonly statement: StatementColumn | undefined
    readonly known: MaxwellColumn | undefined
    readonly following: Type | undefined
  },
): MaxwellColumn | undefined {
  const name = String(definition.name ?? '')
  const mysql = definedType(definition, from.statement, from.known?.mysql)
  if (mysql !== undefined) return columnOfType(name, mysql, from.following)
  return from.known === undefined ? undefined : { ...from.known, name }
}

function definedType(
  definition: ExactJsonObject,
  statement: StatementColumn | undefined,
  known: MysqlType | undefined,
): MysqlType | undefined {
  const base = definition.charset === 'binary' ? binaryBase(definition.type) : String(definition.type ?? '')
  const defined = { ...parseMysqlType(base), unsigned: definition.signed === false }
  const length = definition['column-length']
  if (statement !== undefined) {
    const { modifiers } = parseMysqlType(statement.type)
    return { ...defined, modifiers: modifiers.every(Number.isFinite) ? modifiers : [] }
  }
  if (length instanceof JsonNumber) return { ...defined, modifiers: [Number(length.text)] }
  if (known?.base === defined.base) return { ...defined, modifiers: known.modifiers }
  return defined.base === 'decimal' || defined.base === 'bit' ? undefined : defined
}

function binaryBase(type: unknown): string {
  const base = String(type ?? '')
  return base === 'char' ? 'binary' : base === 'varchar' ? 'varbinary' : base.replace(/text$/, 'blob')
}

/**
 * What rows that were there hold in a column that a statement adds: the default, else null, else MySQL's zero of the
 * type. Undefined where the statement does not say it.
 */
export function initialValue(
  column: MaxwellColumn,
  statement: StatementColumn,
  definition: ExactJsonObject,
): Value | undefined {
  if (statement.isComputed) return undefined
  if (statement.constant !== undefined) return constantValue(column, statement)
  if (statement.isNullable) return null
  const [first] = Array.isArray(definition['enum-values']) ? definition['enum-values'] : []
  const zero = column.mysql?.base === 'enum' && typeof first === 'string' ? first : zeroOf(column.type)
  return zero === undefined ? undefined : decoded(column, zero)
}

/** The default that a statement gives the column, as a value; undefined when it gives none. */
export function constantValue(column: MaxwellColumn, { constant }: StatementColumn): Value | undefined {
  if (constant === undefined || constant === null) return constant
  if ('text' in constant) {
    if (column.type.kind === 'binary') return new TextEncoder().encode(constant.text)
    return decoded(column, constant.text)
  }
  if (column.type.kind === 'binary') return constant.bytes
  let value = 0n
  for (const byte of constant.bytes) value = (value << 8n) | BigInt(byte)
  return decoded(column, new JsonNumber(String(value)))
}

function zeroOf({ kind }: Type): string | JsonNumber | undefined {
  switch (kind) {
    case 'int':
    case 'long':
    case 'decimal':
    case 'float':
    case 'double':
    case 'boolean':
      return new JsonNumber('0')
    case 'string':
    case 'binary':
      return ''
    default:
      return undefined
  }
}

/** Undefined for a default that the type does not hold: it is not worth stopping for. */
function decoded(column: MaxwellColumn, raw: string | JsonNumber): Value | undefined {
  try {
    const numeric = typeof raw === 'string' && column.mysql?.base === 'bit'
    const value = column.decode(numeric ? new JsonNumber(raw) : raw)
    return value === UNREPRESENTABLE ? undefined : value
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return undefined
    throw error
  }
}
