/**
 * Rows of JavaScript values into columns: the public edge of writing. Each value is checked against its
 * column's type and refused with the row and the column when it does not fit; nothing is coerced silently.
 *
 * | type | takes |
 * |---|---|
 * | boolean | boolean |
 * | int, long | whole number, bigint, or their text; in range |
 * | float, double | number, bigint, or their text |
 * | decimal | text, whole number, or a number whose digits fit; never rounded |
 * | date, time, timestamps | ISO 8601 text; Date for date and timestamps |
 * | string | string |
 * | uuid | text or 16 bytes |
 * | fixed, binary | bytes |
 * | geometry, geography | bytes, well-known binary |
 * | variant | null, boolean, number, bigint, string, bytes, Date, arrays and objects of them (`variant-encode.ts`) |
 * | struct / list / map | object / array / Map or object |
 *
 * A null in place of a variant is a null column, as of every type; inside a variant it is the null of variants.
 */
import { errorText, LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { batchOf } from '../batch/vector-builder.js'
import { encodeVariant } from '../format/variant-encode.js'
import { parseDecimal } from '../schema/decimal.js'
import { parseDate, parseTime, parseTimestamp } from '../schema/time.js'
import { printType } from '../schema/type-text.js'
import type { Field, Type, Value } from '../schema/types.js'
import { parseUuid } from '../schema/uuid-text.js'

/** A row by column name; its own properties count. A column that is missing takes its write default, else null. */
export type InputRow = { readonly [column: string]: unknown }

/** Columns of the given rows. `firstRow` is the number of the first one, for messages. @throws invalid-argument */
export function batchOfRows(
  fields: readonly Field[],
  rows: readonly InputRow[],
  options: { readonly firstRow?: number } = {},
): ColumnBatch {
  const known = new Set(fields.map(field => field.name))
  const values = rows.map((row, index) => {
    const number = (options.firstRow ?? 0) + index
    for (const name of Object.keys(row)) {
      if (!known.has(name)) {
        throw new LakeError('invalid-argument', 'a row has a column that the table lacks', {
          context: { column: name, row: number },
        })
      }
    }
    return fields.map(field => valueOfField(field, ownMember(row, field.name), number))
  })
  return batchOf(fields, values)
}

/** Not what an object inherits: a column may be called `constructor`. */
function ownMember(row: object, name: string): unknown {
  return Object.hasOwn(row, name) ? (row as InputRow)[name] : undefined
}

function valueOfField(field: Field, given: unknown, row: number): Value {
  if (given === undefined && field.writeDefault !== undefined) return field.writeDefault
  if (given === undefined || given === null) {
    if (!field.required) return null
    throw new LakeError('invalid-argument', 'a required column is null', {
      context: { column: field.name, row },
    })
  }
  try {
    return valueFrom(field.type, given)
  } catch (cause) {
    throw new LakeError('invalid-argument', 'a value does not fit its column', {
      cause,
      context: { column: field.name, row, type: printType(field.type), reason: errorText(cause) },
    })
  }
}

/** @throws TypeError that says what does not fit */
export function valueFrom(type: Type, given: unknown): Value {
  if (given === null || given === undefined) return null
  switch (type.kind) {
    case 'boolean':
      return typeof given === 'boolean' ? given : misfit(given)
    case 'int':
      return Number(integerOf(given, 32))
    case 'long':
      return integerOf(given, 64)
    case 'float':
    case 'double':
      return floatOf(type.kind, given)
    case 'decimal':
      return parseDecimal(decimalText(given), type) ?? misfit(given)
    case 'date':
      return given instanceof Date ? wholeDays(given) : (parseDate(textOf(given)) ?? misfit(given))
    case 'time':
      return parseTime(textOf(given)) ?? misfit(given)
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return timestampOf(type.kind, given)
    case 'string':
      return wellFormed(textOf(given))
    case 'uuid':
      return given instanceof Uint8Array && given.length === 16
        ? given
        : (parseUuid(textOf(given)) ?? misfit(given))
    case 'fixed':
      return given instanceof Uint8Array && given.length === type.lengthBytes ? given : misfit(given)
    case 'binary':
    case 'geometry':
    case 'geography':
      return given instanceof Uint8Array ? given : misfit(given)
    case 'variant':
      return encodeVariant(given)
    case 'struct':
      return structOf(type.fields, given)
    case 'list':
      if (!Array.isArray(given)) return misfit(given)
      return given.map(item => required(type.elementRequired, valueFrom(type.element, item)))
    case 'map':
      return entriesOf(given).map(([key, value]) => [
        required(true, valueFrom(type.key, key)),
        required(type.valueRequired, valueFrom(type.value, value)),
      ])
    default:
      throw new TypeError(`columns of type ${type.kind} cannot be given as objects`)
  }
}

function structOf(fields: readonly Field[], given: unknown): Value {
  if (typeof given !== 'object' || given === null || Symbol.iterator in given) return misfit(given)
  const unknown = Object.keys(given).find(name => !fields.some(field => field.name === name))
  if (unknown !== undefined) throw new TypeError(`there is no field ${unknown}`)
  return fields.map(field => {
    const value = ownMember(given, field.name)
    if (value === undefined && field.writeDefault !== undefined) return field.writeDefault
    return inside(field.name, () => required(field.required, valueFrom(field.type, value)))
  })
}

/** Says in which field of a struct a value does not fit. */
function inside(name: string, value: () => Value): Value {
  try {
    return value()
  } catch (cause) {
    throw new TypeError(`${name}: ${errorText(cause)}`, { cause })
  }
}

function required(isRequired: boolean, value: Value): Value {
  if (isRequired && value === null) throw new TypeError('a required value is null')
  return value
}

function integerOf(given: unknown, bits: 32 | 64): bigint {
  if (typeof given === 'number' && !Number.isSafeInteger(given)) return misfit(given)
  if (typeof given === 'string' && !/^-?\d+$/.test(given)) return misfit(given)
  if (typeof given !== 'number' && typeof given !== 'bigint' && typeof given !== 'string')
    return misfit(given)
  const value = BigInt(given)
  return BigInt.asIntN(bits, value) === value ? value : misfit(given)
}

const FLOAT_TEXT = /^(NaN|-?Infinity|[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/

/** Rounded to the nearest float, as every decimal text is; refused where that is infinite or loses an integer's digits. */
function floatOf(kind: 'float' | 'double', given: unknown): number {
  const isText = typeof given === 'string' && FLOAT_TEXT.test(given)
  const value = isText || typeof given === 'bigint' ? Number(given) : given
  if (typeof value !== 'number') return misfit(given)
  const stored = kind === 'float' ? Math.fround(value) : value
  if (typeof given === 'bigint' && (!Number.isFinite(stored) || BigInt(stored) !== given))
    return misfit(given)
  const isInfinite =
    typeof given === 'string' ? /inf/i.test(given) : Math.abs(value) === Number.POSITIVE_INFINITY
  return Math.abs(stored) === Number.POSITIVE_INFINITY && !isInfinite ? misfit(given) : stored
}

function decimalText(given: unknown): string {
  if (typeof given === 'number' && Number.isFinite(given)) return String(given)
  return typeof given === 'bigint' ? String(given) : textOf(given)
}

function timestampOf(
  kind: 'timestamp' | 'timestamptz' | 'timestamp_ns' | 'timestamptz_ns',
  given: unknown,
): bigint {
  const nanos = kind.endsWith('_ns')
  if (given instanceof Date) return BigInt(milliseconds(given)) * (nanos ? 1_000_000n : 1000n)
  const zone = kind.startsWith('timestamptz') ? 'required' : 'none'
  return parseTimestamp(textOf(given), { zone, unit: nanos ? 'nanos' : 'micros' }) ?? misfit(given)
}

function wholeDays(given: Date): number {
  const days = milliseconds(given) / 86_400_000
  return Number.isInteger(days) ? days : misfit(given)
}

function milliseconds(given: Date): number {
  const ms = given.getTime()
  return Number.isNaN(ms) ? misfit(given) : ms
}

function entriesOf(given: unknown): (readonly [unknown, unknown])[] {
  if (given instanceof Map) return [...given.entries()]
  return typeof given === 'object' && given !== null ? Object.entries(given) : misfit(given)
}

/** A half of a surrogate pair has no UTF-8. */
function wellFormed(text: string): string {
  return /\p{Surrogate}/u.test(text) ? misfit(text) : text
}

function textOf(given: unknown): string {
  return typeof given === 'string' ? given : misfit(given)
}

function misfit(given: unknown): never {
  const shown =
    typeof given === 'string' ? JSON.stringify(given.slice(0, 60)) : shownValue(given).slice(0, 60)
  throw new TypeError(`${shown} does not fit`)
}

function shownValue(given: unknown): string {
  return typeof given === 'object' && given !== null
    ? `a value of type ${given.constructor?.name ?? 'object'}`
    : String(given)
}
