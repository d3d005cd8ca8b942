/**
 * From the Avro schema of a data file to Iceberg fields: names, ids, types.
 *
 *   field-id, element-id, key-id, value-id   ids, of fields, of an array's items, of a map's keys and values
 *   union with null                          an optional value
 *   array of pairs with logicalType map      a map; Avro's own maps have strings as keys
 *   record of metadata and value             a variant, in files with ids: fields of structs have ids there
 *
 * A logical type that does not fit what it stands on is passed over, as Avro demands. A union of several types
 * is legal Avro and nothing that Iceberg has: it counts as `unknown` here and is refused when it is read.
 * @see Iceberg table spec, "Appendix A: Format-specific Requirements", "Avro"
 */
import { unreachable } from '../../base/assert.js'
import { type Field, mapType, type PrimitiveType, type Type } from '../../schema/types.js'
import type { AvroField, AvroLogical, AvroRecordType, AvroType } from '../avro-schema.js'
import { type FieldIdOf, NO_FIELD_ID } from '../parquet/footer/schema.js'
import { optionOf } from './option.js'

/** A field of the file and how it is stored. */
export interface FileColumn {
  readonly field: Field
  readonly stored: AvroType
}

/** The top-level columns. `fieldIdOf` gives the ids of a file that has none. */
export function columnsOfFile(schema: AvroRecordType, fieldIdOf: FieldIdOf | undefined): FileColumn[] {
  const anyId = hasIds(schema)
  const naming: Naming = { hasIds: anyId, fieldIdOf: anyId ? undefined : fieldIdOf }
  return schema.fields.map(stored => ({ field: fieldOf(stored, [], naming), stored: stored.type }))
}

interface Naming {
  /** Whether the file has ids; then those that are missing are not looked up. */
  readonly hasIds: boolean
  readonly fieldIdOf: FieldIdOf | undefined
}

/** Names from the root on. */
type Path = readonly string[]

function hasIds(type: AvroType): boolean {
  switch (type.kind) {
    case 'record':
      return type.fields.some(field => field.id !== undefined || hasIds(field.type))
    case 'array':
      return type.elementId !== undefined || hasIds(type.items)
    case 'map':
      return type.keyId !== undefined || type.valueId !== undefined || hasIds(type.values)
    case 'union':
      return type.branches.some(hasIds)
    default:
      return false
  }
}

function idOf(stored: number | undefined, path: Path, naming: Naming): number {
  return stored ?? naming.fieldIdOf?.(path) ?? NO_FIELD_ID
}

function fieldOf(field: AvroField, parent: Path, naming: Naming): Field {
  const path = [...parent, field.name]
  return { id: idOf(field.id, path, naming), name: field.name, ...slotOf(field.type, path, naming) }
}

/** A type and whether it is there always. */
interface Slot {
  readonly required: boolean
  readonly type: Type
}

function slotOf(stored: AvroType, path: Path, naming: Naming): Slot {
  if (stored.kind !== 'union') return { required: stored.kind !== 'null', type: typeOf(stored, path, naming) }
  const option = optionOf(stored)
  if (option === undefined) return { required: false, type: { kind: 'unknown' } }
  const value = slotOf(option.value, path, naming)
  return { required: value.required && option.nullIndex < 0, type: value.type }
}

type Plain = Exclude<AvroType, { kind: 'union' }>

function typeOf(stored: Plain, path: Path, naming: Naming): Type {
  switch (stored.kind) {
    case 'record':
      if (naming.hasIds && isVariant(stored)) return { kind: 'variant' }
      return { kind: 'struct', fields: stored.fields.map(field => fieldOf(field, path, naming)) }
    case 'array':
      return listOrMap(stored, path, naming)
    case 'map': {
      const value = slotOf(stored.values, [...path, 'value'], naming)
      return {
        kind: 'map',
        keyId: idOf(stored.keyId, [...path, 'key'], naming),
        key: { kind: 'string' },
        valueId: idOf(stored.valueId, [...path, 'value'], naming),
        valueRequired: value.required,
        value: value.type,
      }
    }
    default:
      return primitiveOf(stored)
  }
}

function listOrMap(stored: Extract<AvroType, { kind: 'array' }>, path: Path, naming: Naming): Type {
  const pair = pairOf(stored)
  if (pair !== undefined) {
    const key = fieldOf({ ...pair.key, name: 'key' }, path, naming)
    const value = fieldOf({ ...pair.value, name: 'value' }, path, naming)
    return mapType(key, value)
  }
  const elementPath = [...path, 'element']
  const element = slotOf(stored.items, elementPath, naming)
  return {
    kind: 'list',
    elementId: idOf(stored.elementId, elementPath, naming),
    elementRequired: element.required,
    element: element.type,
  }
}

/** The fields of a map that is stored as an array of pairs. */
export interface StoredPair {
  readonly key: AvroField
  readonly value: AvroField
  readonly isValueFirst: boolean
}

/** What the items of a map are; undefined for an array that is a list. */
export function pairOf(stored: Extract<AvroType, { kind: 'array' }>): StoredPair | undefined {
  const { items, isMap } = stored
  if (!isMap || items.kind !== 'record' || items.fields.length !== 2) return undefined
  const [first, second] = items.fields
  if (first === undefined || second === undefined) return undefined
  const isValueFirst = first.name === 'value' && second.name === 'key'
  return isValueFirst
    ? { key: second, value: first, isValueFirst }
    : { key: first, value: second, isValueFirst }
}

/** A record of nothing but the two parts of a variant, which are no fields of the table. */
function isVariant(stored: AvroRecordType): boolean {
  const isPart = (field: AvroField): boolean =>
    field.id === undefined &&
    field.type.kind === 'bytes' &&
    (field.name === 'metadata' || field.name === 'value')
  return stored.fields.length === 2 && stored.fields.every(isPart)
}

type StoredPrimitive = Exclude<Plain, { kind: 'record' | 'array' | 'map' }>

function primitiveOf(stored: StoredPrimitive): PrimitiveType {
  switch (stored.kind) {
    case 'null':
      return { kind: 'unknown' }
    case 'int':
      return intOf(stored.logical)
    case 'long':
      return longOf(stored.logical)
    case 'bytes':
      return decimalOf(stored.logical) ?? { kind: 'binary' }
    case 'fixed':
      if (stored.logical?.name === 'uuid' && stored.sizeBytes === 16) return { kind: 'uuid' }
      return decimalOf(stored.logical) ?? { kind: 'fixed', lengthBytes: stored.sizeBytes }
    case 'enum':
      return { kind: 'string' }
    case 'string':
      return { kind: stored.logical?.name === 'uuid' ? 'uuid' : 'string' }
    case 'boolean':
    case 'float':
    case 'double':
      return { kind: stored.kind }
    default:
      return unreachable(stored)
  }
}

function intOf(logical: AvroLogical | undefined): PrimitiveType {
  switch (logical?.name) {
    case 'date':
      return { kind: 'date' }
    case 'time-millis':
      return { kind: 'time' }
    default:
      return { kind: 'int' }
  }
}

function longOf(logical: AvroLogical | undefined): PrimitiveType {
  // Without the annotation a timestamp has no zone, says Iceberg; only Avro's own are instants.
  const isZoned = logical?.adjustToUtc === true
  switch (logical?.name) {
    case 'time-micros':
      return { kind: 'time' }
    case 'timestamp-millis':
    case 'timestamp-micros':
      return { kind: isZoned ? 'timestamptz' : 'timestamp' }
    case 'timestamp-nanos':
      return { kind: isZoned ? 'timestamptz_ns' : 'timestamp_ns' }
    case 'local-timestamp-millis':
    case 'local-timestamp-micros':
      return { kind: 'timestamp' }
    case 'local-timestamp-nanos':
      return { kind: 'timestamp_ns' }
    default:
      return { kind: 'long' }
  }
}

const PRECISION_MAX = 38

function decimalOf(logical: AvroLogical | undefined): PrimitiveType | undefined {
  if (logical?.name !== 'decimal') return undefined
  const { precision = 0, scale = 0 } = logical
  const fits =
    Number.isInteger(precision) && Number.isInteger(scale) && precision >= 1 && precision <= PRECISION_MAX
  return fits && scale >= 0 && scale <= precision ? { kind: 'decimal', precision, scale } : undefined
}
