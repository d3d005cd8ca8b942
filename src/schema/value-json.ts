/**
 * Values as JSON: the spec's single-value form (defaults in schemas) and the form that people see (jsonl rows).
 * Both write long as an exact number, decimals, dates and times as text, bytes as hex, NaN and infinities as
 * text, a map as `{"keys": [..], "values": [..]}`; a struct is keyed by field id in the first, by name in the
 * second.
 * @see Iceberg table spec, Appendix D "JSON single-value serialization"
 */
import { hexDecode, hexEncode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { isJsonObject, JsonNumber, type JsonValue } from '../base/json.js'
import { formatDecimal, parseDecimal } from './decimal.js'
import { formatDate, formatTime, formatTimestamp, parseDate, parseTime, parseTimestamp } from './time.js'
import { printType } from './type-text.js'
import type { Field, MapType, StructType, Type, Value } from './types.js'
import { formatUuid, parseUuid } from './uuid-text.js'
import { isValueList } from './value.js'

/** What the two forms differ in. */
interface JsonForm {
  keyOf(field: Field): string
  doubleOf(value: number): JsonValue
  variantOf?: ((bytes: Uint8Array) => JsonValue) | undefined
}

const SPEC_FORM: JsonForm = { keyOf: field => String(field.id), doubleOf: withPoint }

/** Java takes a number without a point or an exponent for an integer, and refuses it. */
function withPoint(value: number): JsonValue {
  const text = Object.is(value, -0) ? '-0' : String(value)
  return /^-?\d+$/.test(text) ? new JsonNumber(`${text}.0`) : value
}

/**
 * The spec's JSON form of a value.
 * @throws invalid-argument when the value does not fit the type
 * @throws unsupported for variant, geometry and geography
 */
export function valueToJson(type: Type, value: Value): JsonValue {
  if (value !== null && hasNoJsonForm(type)) return unsupported(type)
  return toJson(type, value, SPEC_FORM)
}

export interface DisplayOptions {
  /** Shows a variant; absent: as hex. */
  readonly variantOf?: ((bytes: Uint8Array) => JsonValue) | undefined
}

/**
 * The form in which rows are shown: structs by name; geometry and geography as hex of their WKB.
 * @throws invalid-argument when the value does not fit the type
 */
export function displayValue(type: Type, value: Value, options: DisplayOptions = {}): JsonValue {
  return toJson(type, value, {
    keyOf: field => field.name,
    doubleOf: double => double,
    variantOf: options.variantOf,
  })
}

function hasNoJsonForm(type: Type): boolean {
  return type.kind === 'variant' || type.kind === 'geometry' || type.kind === 'geography'
}

function toJson(type: Type, value: Value, form: JsonForm): JsonValue {
  if (value === null) return null
  switch (typeof value) {
    case 'boolean':
      return type.kind === 'boolean' ? value : misfit(type)
    case 'string':
      return type.kind === 'string' ? value : misfit(type)
    case 'number':
      return numberToJson(type, value, form)
    case 'bigint':
      return bigintToJson(type, value)
    default:
      if (!(value instanceof Uint8Array)) return nestedToJson(type, value, form)
      return type.kind === 'variant' && form.variantOf ? form.variantOf(value) : bytesToJson(type, value)
  }
}

function numberToJson(type: Type, value: number, form: JsonForm): JsonValue {
  switch (type.kind) {
    case 'int':
      return value
    case 'date':
      return formatDate(value)
    case 'float':
    case 'double':
      return Number.isFinite(value) ? form.doubleOf(value) : String(value)
    default:
      return misfit(type)
  }
}

function bigintToJson(type: Type, value: bigint): JsonValue {
  switch (type.kind) {
    case 'long':
      return value
    case 'decimal':
      return formatDecimal(value, type.scale)
    case 'time':
      return formatTime(value)
    case 'timestamp':
    case 'timestamptz':
      return formatTimestamp(value, { zoned: type.kind === 'timestamptz', unit: 'micros' })
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return formatTimestamp(value, { zoned: type.kind === 'timestamptz_ns', unit: 'nanos' })
    default:
      return misfit(type)
  }
}

function bytesToJson(type: Type, value: Uint8Array): JsonValue {
  switch (type.kind) {
    case 'uuid':
      return formatUuid(value)
    case 'fixed':
    case 'binary':
    case 'variant':
    case 'geometry':
    case 'geography':
      return hexEncode(value)
    default:
      return misfit(type)
  }
}

function nestedToJson(type: Type, value: readonly Value[], form: JsonForm): JsonValue {
  switch (type.kind) {
    case 'struct':
      return Object.fromEntries(
        type.fields.map((field, index) => [
          form.keyOf(field),
          toJson(field.type, value[index] ?? null, form),
        ]),
      )
    case 'list':
      return value.map(element => toJson(type.element, element, form))
    case 'map':
      return {
        keys: value.map(entry => toJson(type.key, entryPart(type, entry, 0), form)),
        values: value.map(entry => toJson(type.value, entryPart(type, entry, 1), form)),
      }
    default:
      return misfit(type)
  }
}

function entryPart(type: MapType, entry: Value, part: 0 | 1): Value {
  return isValueList(entry) ? (entry[part] ?? null) : misfit(type)
}

function misfit(type: Type): never {
  throw new LakeError('invalid-argument', 'a value does not have the form of its type', {
    context: { type: printType(type) },
  })
}

function unsupported(type: Type): never {
  throw new LakeError('unsupported', 'the type has no JSON single-value form', {
    context: { type: printType(type) },
  })
}

/**
 * The value of the spec's JSON form.
 * @throws corrupt when the JSON is no value of the type
 * @throws unsupported for variant, geometry and geography
 */
export function valueFromJson(type: Type, json: JsonValue): Value {
  if (json === null) return null
  const value = fromJson(type, json)
  if (value === undefined) {
    throw new LakeError('corrupt', 'the JSON is not a value of its type', {
      context: { type: printType(type) },
    })
  }
  return value
}

function fromJson(type: Type, json: JsonValue): Value | undefined {
  switch (type.kind) {
    case 'boolean':
      return typeof json === 'boolean' ? json : undefined
    case 'int':
      return typeof json === 'number' && (json | 0) === json ? json : undefined
    case 'long':
      return longFromJson(json)
    case 'float':
    case 'double':
      return doubleFromJson(type.kind, json)
    case 'struct':
      return structFromJson(type, json)
    case 'list':
      return Array.isArray(json) ? json.map(element => valueFromJson(type.element, element)) : undefined
    case 'map':
      return mapFromJson(type, json)
    case 'unknown':
      return undefined
    case 'variant':
    case 'geometry':
    case 'geography':
      return unsupported(type)
    default:
      return typeof json === 'string' ? fromText(type, json) : undefined
  }
}

function longFromJson(json: JsonValue): bigint | undefined {
  if (typeof json === 'bigint') return BigInt.asIntN(64, json) === json ? json : undefined
  return typeof json === 'number' && Number.isInteger(json) ? BigInt(json) : undefined
}

function doubleFromJson(kind: 'float' | 'double', json: JsonValue): number | undefined {
  const special = json === 'NaN' || json === 'Infinity' || json === '-Infinity'
  if (typeof json !== 'number' && typeof json !== 'bigint' && !special) return undefined
  return kind === 'float' ? Math.fround(Number(json)) : Number(json)
}

function fromText(type: Type, text: string): Value | undefined {
  switch (type.kind) {
    case 'string':
      return text
    case 'decimal':
      return parseDecimal(text, type)
    case 'date':
      return parseDate(text)
    case 'time':
      return parseTime(text)
    case 'timestamp':
      return parseTimestamp(text, { zone: 'none', unit: 'micros' })
    case 'timestamptz':
      return parseTimestamp(text, { zone: 'required', unit: 'micros' })
    case 'timestamp_ns':
      return parseTimestamp(text, { zone: 'none', unit: 'nanos' })
    case 'timestamptz_ns':
      return parseTimestamp(text, { zone: 'required', unit: 'nanos' })
    case 'uuid':
      return parseUuid(text)
    case 'fixed':
      return bytesFromHex(text, type.lengthBytes)
    case 'binary':
      return hexDecode(text)
    default:
      return undefined
  }
}

function bytesFromHex(text: string, lengthBytes: number): Uint8Array | undefined {
  const bytes = hexDecode(text)
  return bytes?.length === lengthBytes ? bytes : undefined
}

function structFromJson(type: StructType, json: JsonValue): Value | undefined {
  if (!isJsonObject(json)) return undefined
  return type.fields.map(field => valueFromJson(field.type, json[String(field.id)] ?? null))
}

function mapFromJson(type: MapType, json: JsonValue): Value | undefined {
  if (!isJsonObject(json)) return undefined
  const { keys, values } = json
  if (!Array.isArray(keys) || !Array.isArray(values) || keys.length !== values.length) return undefined
  return keys.map((key, index) => [
    valueFromJson(type.key, key),
    valueFromJson(type.value, values[index] ?? null),
  ])
}
