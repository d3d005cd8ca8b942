/**
 * Values: their order, equality and binary single-value form.
 *
 *   boolean 1 byte · int, date 4 LE · long, time, timestamps 8 LE · float 4 LE · double 8 LE ·
 *   decimal minimal big-endian two's complement · string UTF-8 · uuid 16 · fixed, binary as they are
 *
 * Bounds written before a promotion keep the old width, so reading goes by the stored length.
 * @see Iceberg table spec, Appendix D "Single-value serialization"
 */
import { compareBytes, dataView, utf8Decode, utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { parseUnscaled, unscaledBytes } from './decimal.js'
import { MICROS_PER_DAY, NANOS_PER_DAY } from './time.js'
import { printType } from './type-text.js'
import type { Field, PrimitiveType, Type, Value } from './types.js'

/**
 * Negative, 0 or positive, in Iceberg's order. Null is below every value; -0.0 is below 0.0 and NaN above
 * everything and equal to itself; strings compare by code point (as their UTF-8 does), bytes unsigned; a
 * struct by its fields, a list element by element, a map entry by entry.
 */
export function compareValues(type: Type, a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1
  switch (typeof a) {
    case 'number':
      return typeof b === 'number' ? compareNumbers(a, b) : misfit(type)
    case 'bigint':
      return typeof b === 'bigint' ? (a < b ? -1 : a > b ? 1 : 0) : misfit(type)
    case 'string':
      return typeof b === 'string' ? compareStrings(a, b) : misfit(type)
    case 'boolean':
      return typeof b === 'boolean' ? Number(a) - Number(b) : misfit(type)
    default:
      if (a instanceof Uint8Array) return b instanceof Uint8Array ? compareBytes(a, b) : misfit(type)
      return isValueList(b) ? compareNested(type, a, b) : misfit(type)
  }
}

/** Whether two values of a type are the same by `compareValues`: NaN equals NaN, -0.0 differs from 0.0. */
export function equalValues(type: Type, a: Value, b: Value): boolean {
  return compareValues(type, a, b) === 0
}

/** True for the value of a struct, list or map. */
export function isValueList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value)
}

/** Java's `Double.compare`. */
export function compareNumbers(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return a !== 0 || Object.is(a, b) ? 0 : Object.is(a, -0) ? -1 : 1
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}

/** The order of the UTF-8 bytes, without encoding: UTF-16 sorts surrogates below U+E000, UTF-8 above U+FFFF. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const unitA = a.charCodeAt(at)
    const unitB = b.charCodeAt(at)
    if (unitA !== unitB) return sortKey(unitA) - sortKey(unitB)
  }
  return a.length - b.length
}

function sortKey(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}

function compareNested(type: Type, a: readonly Value[], b: readonly Value[]): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const order = compareValues(memberType(type, at), a[at] ?? null, b[at] ?? null)
    if (order !== 0) return order
  }
  return a.length - b.length
}

/** The type of member `index` of a nested value: a map's members are [key, value] structs. */
function memberType(type: Type, index: number): Type {
  switch (type.kind) {
    case 'struct':
      return type.fields[index]?.type ?? misfit(type)
    case 'list':
      return type.element
    case 'map':
      return { kind: 'struct', fields: mapEntryFields(type) }
    default:
      return misfit(type)
  }
}

function mapEntryFields(type: Extract<Type, { kind: 'map' }>): readonly Field[] {
  return [
    { id: type.keyId, name: 'key', required: true, type: type.key },
    { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value },
  ]
}

function misfit(type: Type): never {
  throw new LakeError('invalid-argument', 'a value does not have the form of its type', {
    context: { type: printType(type) },
  })
}

/**
 * The binary single-value form.
 * @throws invalid-argument when the value is null or does not fit the type
 * @throws unsupported for types without a binary form: nested types, variant, geometry, geography
 */
export function serializeValue(type: Type, value: Value): Uint8Array {
  switch (type.kind) {
    case 'boolean':
      return typeof value === 'boolean' ? Uint8Array.of(value ? 1 : 0) : misfit(type)
    case 'int':
    case 'date':
      return typeof value === 'number' ? writeNumber(value, 'int') : misfit(type)
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return typeof value === 'bigint' ? writeLong(value) : misfit(type)
    case 'float':
    case 'double':
      return typeof value === 'number' ? writeNumber(value, type.kind) : misfit(type)
    case 'decimal':
      return typeof value === 'bigint' ? unscaledBytes(value) : misfit(type)
    case 'string':
      return typeof value === 'string' ? utf8Encode(value) : misfit(type)
    case 'uuid':
    case 'fixed':
    case 'binary':
      return value instanceof Uint8Array ? value : misfit(type)
    default:
      throw new LakeError('unsupported', 'the type has no binary single-value form', {
        context: { type: printType(type) },
      })
  }
}

function writeNumber(value: number, kind: 'int' | 'float' | 'double'): Uint8Array {
  const bytes = new Uint8Array(kind === 'double' ? 8 : 4)
  const view = dataView(bytes)
  if (kind === 'int') view.setInt32(0, value, true)
  else if (kind === 'float') view.setFloat32(0, value, true)
  else view.setFloat64(0, value, true)
  return bytes
}

function writeLong(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  dataView(bytes).setBigInt64(0, value, true)
  return bytes
}

/**
 * The value of a binary single-value form, or undefined when the bytes cannot be one: a bound that is not
 * understood prunes nothing. A long of 4 bytes is an int, a double of 4 bytes a float, a timestamp of 4 bytes
 * a date: bounds from before a promotion.
 */
export function parseValue(type: PrimitiveType, bytes: Uint8Array): Value | undefined {
  switch (type.kind) {
    case 'boolean':
      return bytes.length === 1 ? bytes[0] !== 0 : undefined
    case 'int':
    case 'date':
      return bytes.length === 4 ? dataView(bytes).getInt32(0, true) : undefined
    case 'long':
    case 'time':
      return parseLong(bytes, 1n)
    case 'timestamp':
    case 'timestamptz':
      return parseLong(bytes, MICROS_PER_DAY)
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return parseLong(bytes, NANOS_PER_DAY)
    case 'float':
      return bytes.length === 4 ? dataView(bytes).getFloat32(0, true) : undefined
    case 'double':
      return parseDouble(bytes)
    case 'decimal':
      return bytes.length > 0 && bytes.length <= 17 ? parseUnscaled(bytes) : undefined
    case 'string':
      return parseUtf8(bytes)
    case 'uuid':
      return bytes.length === 16 ? bytes : undefined
    case 'fixed':
      return bytes.length === type.lengthBytes ? bytes : undefined
    case 'binary':
      return bytes
    default:
      return undefined
  }
}

/** Four bytes hold an int (times 1) or a date (times the units of a day). */
function parseLong(bytes: Uint8Array, unitsPerInt: bigint): bigint | undefined {
  if (bytes.length === 8) return dataView(bytes).getBigInt64(0, true)
  return bytes.length === 4 ? BigInt(dataView(bytes).getInt32(0, true)) * unitsPerInt : undefined
}

function parseDouble(bytes: Uint8Array): number | undefined {
  if (bytes.length === 8) return dataView(bytes).getFloat64(0, true)
  return bytes.length === 4 ? dataView(bytes).getFloat32(0, true) : undefined
}

function parseUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decode(bytes)
  } catch {
    return undefined
  }
}
