/**
 * Columns into rows of JavaScript values: the public edge of reading.
 *
 * int, float, double: number; long: bigint, or as asked; decimal: text with its scale; date, time, timestamps:
 * ISO 8601 text with all fraction digits; uuid: text; fixed, binary: bytes; geometry, geography: bytes, WKB;
 * struct: object; list: array; map: Map. Null is null.
 *
 * A variant is the value that is in it: an object, an array, or a value as a column of its type gives it. The null
 * inside a variant is null too. In JSON rows it is JSON, with the single-value forms of the spec for what JSON lacks:
 * decimals, dates, times and uuids as text, bytes as hex.
 */
import { LakeError } from '../base/errors.js'
import type { JsonValue } from '../base/json.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { valueAt } from '../batch/values.js'
import { readVariant, type VariantMaker } from '../format/variant-tree.js'
import { formatDecimal } from '../schema/decimal.js'
import { formatDate, formatTime, formatTimestamp } from '../schema/time.js'
import type { Type, Value } from '../schema/types.js'
import { formatUuid } from '../schema/uuid-text.js'
import { type DisplayOptions, displayValue } from '../schema/value-json.js'

export type OutputRow = { readonly [column: string]: unknown }

export interface RowOptions {
  /** How a long is given: `number` throws invalid-argument above 2^53. Default bigint. */
  readonly long?: 'bigint' | 'number' | 'string' | undefined
}

type Convert = (value: Value) => unknown

/** The rows of a batch, one object each. */
export function* rowsOfBatch(batch: ColumnBatch, options: RowOptions = {}): Generator<OutputRow> {
  const columns = batch.fields.map((field, index) => ({
    name: field.name,
    type: field.type,
    vector: batch.columns[index],
    convert: converter(field.type, options),
  }))
  for (let row = 0; row < batch.length; row++) {
    const out: { [column: string]: unknown } = {}
    for (const { name, type, vector, convert } of columns) {
      setColumn(out, name, vector === undefined ? null : convert(valueAt(vector, type, row)))
    }
    yield out
  }
}

/** An assignment, also to the one name that means something else to objects. */
function setColumn<T>(row: { [column: string]: T }, name: string, value: T): void {
  if (name !== '__proto__') row[name] = value
  else Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true })
}

/** The rows of a batch in the command line's JSON form, by column name. */
export function* jsonRowsOfBatch(batch: ColumnBatch): Generator<{ [column: string]: JsonValue }> {
  for (let row = 0; row < batch.length; row++) {
    const out: { [column: string]: JsonValue } = {}
    for (const [index, field] of batch.fields.entries()) {
      const vector = batch.columns[index]
      const value =
        vector === undefined ? null : displayValue(field.type, valueAt(vector, field.type, row), JSON_ROWS)
      setColumn(out, field.name, value)
    }
    yield out
  }
}

const JSON_OF_VARIANT: VariantMaker<JsonValue> = {
  primitive: (type, value) => displayValue(type, value),
  array: elements => elements,
  object: fields => Object.fromEntries(fields),
}

const JSON_ROWS: DisplayOptions = { variantOf: bytes => readVariant(bytes, JSON_OF_VARIANT) }

function converter(type: Type, options: RowOptions): Convert {
  const some = convertPresent(type, options)
  return value => (value === null ? null : some(value))
}

function convertPresent(type: Type, options: RowOptions): Convert {
  switch (type.kind) {
    case 'long':
      return longConverter(options.long ?? 'bigint')
    case 'decimal':
      return value => (typeof value === 'bigint' ? formatDecimal(value, type.scale) : value)
    case 'date':
      return value => (typeof value === 'number' ? formatDate(value) : value)
    case 'time':
      return value => (typeof value === 'bigint' ? formatTime(value) : value)
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns': {
      const form = {
        zoned: type.kind.startsWith('timestamptz'),
        unit: type.kind.endsWith('_ns') ? ('nanos' as const) : ('micros' as const),
      }
      return value => (typeof value === 'bigint' ? formatTimestamp(value, form) : value)
    }
    case 'uuid':
      return value => (value instanceof Uint8Array ? formatUuid(value) : value)
    case 'variant': {
      const maker: VariantMaker<unknown> = {
        primitive: (inner, value) => converter(inner, options)(value),
        array: elements => elements,
        object: fields => Object.fromEntries(fields),
      }
      return value => (value instanceof Uint8Array ? readVariant(value, maker) : value)
    }
    case 'struct': {
      const converters = type.fields.map(field => converter(field.type, options))
      return value =>
        Object.fromEntries(
          type.fields.map((field, index) => [field.name, converters[index]?.(partsOf(value)[index] ?? null)]),
        )
    }
    case 'list': {
      const element = converter(type.element, options)
      return value => partsOf(value).map(element)
    }
    case 'map': {
      const key = converter(type.key, options)
      const item = converter(type.value, options)
      return value =>
        new Map(partsOf(value).map(pair => [key(partsOf(pair)[0] ?? null), item(partsOf(pair)[1] ?? null)]))
    }
    default:
      return value => value
  }
}

function longConverter(form: 'bigint' | 'number' | 'string'): Convert {
  if (form === 'bigint') return value => value
  if (form === 'string') return value => String(value)
  return value => {
    const number = Number(value)
    if (Number.isSafeInteger(number)) return number
    throw new LakeError('invalid-argument', 'a long is too large for a number: read it as bigint or string', {
      context: { value: String(value) },
    })
  }
}

function partsOf(value: Value): readonly Value[] {
  return Array.isArray(value) ? (value as readonly Value[]) : []
}
