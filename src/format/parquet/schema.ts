/**
 * From Parquet's schema to Iceberg fields: names, ids, types, and which leaf columns a field consists of.
 *
 *   list   group (LIST) { repeated group list { element } }           also the two-level forms of old writers
 *   map    group (MAP)  { repeated group key_value { key, value } }
 *
 * @see Iceberg table spec, "Appendix A: Format-specific Requirements", "Parquet"
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import type { Field, PrimitiveType, Type } from '../../schema/types.js'
import { PhysicalType, type SchemaElement } from './metadata.js'
import type { ThriftStruct, ThriftValue } from './thrift.js'

/** Stands for the id of a field whose file carries none. */
export const NO_FIELD_ID = -1

/** The id of a field without one in the file, by its path (`['tags', 'element']`): a name mapping. */
export type FieldIdOf = (path: readonly string[]) => number | undefined

/** A top-level field and what it consists of. */
export interface RootColumn {
  readonly field: Field
  /** Its subtree in the list of schema elements, end exclusive. */
  readonly elementFrom: number
  readonly elementTo: number
  /** Its leaf columns, end exclusive: the index of a chunk in each row group. */
  readonly leafFrom: number
  readonly leafTo: number
}

/** A column that is stored. */
export interface LeafColumn {
  readonly fieldId: number
  readonly type: PrimitiveType
  readonly element: SchemaElement
  /** Inside a list or map: a row has any number of its values. */
  readonly repeated: boolean
}

export interface ParquetSchema {
  readonly roots: readonly RootColumn[]
  readonly leaves: readonly LeafColumn[]
}

interface Reading {
  readonly elements: readonly SchemaElement[]
  readonly leaves: LeafColumn[]
  readonly idOf: FieldIdOf | undefined
  next: number
}

interface Place {
  readonly path: readonly string[]
  readonly repeated: boolean
}

/** Throws plain errors when the elements do not make a tree. */
export function readParquetSchema(elements: readonly SchemaElement[], idOf?: FieldIdOf): ParquetSchema {
  const anyId = elements.some(element => element.fieldId !== undefined)
  const reading: Reading = { elements, leaves: [], idOf: anyId ? undefined : idOf, next: 1 }
  const roots: RootColumn[] = []
  const count = elements[0]?.childCount ?? 0
  for (let i = 0; i < count; i++) {
    const elementFrom = reading.next
    const leafFrom = reading.leaves.length
    const field = readField(reading, { path: [], repeated: false })
    roots.push({ field, elementFrom, elementTo: reading.next, leafFrom, leafTo: reading.leaves.length })
  }
  if (reading.next !== elements.length) throw new TypeError('the schema is not a tree')
  return { roots, leaves: reading.leaves }
}

function take(reading: Reading): SchemaElement {
  const element = reading.elements[reading.next]
  if (element === undefined) throw new TypeError('the schema is not a tree')
  reading.next += 1
  return element
}

function idOf(reading: Reading, element: SchemaElement, path: readonly string[]): number {
  return element.fieldId ?? reading.idOf?.(path) ?? NO_FIELD_ID
}

function readField(reading: Reading, place: Place): Field {
  const element = take(reading)
  const path = [...place.path, element.name]
  const id = idOf(reading, element, path)
  // A repeated field without a LIST around it is a list that is never null.
  if (element.repetition === 'repeated') {
    const inner = { path: [...path, 'element'], repeated: true }
    const elementId = reading.idOf?.(inner.path) ?? NO_FIELD_ID
    const type = readType(reading, element, { ...inner, id: elementId })
    return {
      id,
      name: element.name,
      required: true,
      type: { kind: 'list', elementId, elementRequired: true, element: type },
    }
  }
  const type = readType(reading, element, { ...place, path, id })
  return { id, name: element.name, required: element.repetition === 'required', type }
}

function readType(reading: Reading, element: SchemaElement, place: Place & { readonly id: number }): Type {
  if (element.physicalType !== undefined) {
    const type = leafType(element)
    reading.leaves.push({ fieldId: place.id, type, element, repeated: place.repeated })
    return type
  }
  if (isVariant(element)) {
    readChildren(reading, element, place)
    return { kind: 'variant' }
  }
  if (isList(element)) return readList(reading, place)
  if (isMap(element)) return readMap(reading, place)
  return { kind: 'struct', fields: readChildren(reading, element, place) }
}

function readChildren(reading: Reading, element: SchemaElement, place: Place): Field[] {
  const fields: Field[] = []
  for (let i = 0; i < element.childCount; i++) fields.push(readField(reading, place))
  return fields
}

function isList(element: SchemaElement): boolean {
  return (
    element.childCount === 1 && (element.logicalType?.field_3 !== undefined || element.convertedType === 3)
  )
}

function isMap(element: SchemaElement): boolean {
  const { convertedType } = element
  const annotated = element.logicalType?.field_2 !== undefined || convertedType === 1 || convertedType === 2
  return element.childCount === 1 && annotated
}

function isVariant(element: SchemaElement): boolean {
  return element.logicalType?.field_16 !== undefined
}

function readList(reading: Reading, place: Place): Type {
  const path = [...place.path, 'element']
  const repeated = reading.elements[reading.next]
  if (repeated?.repetition !== 'repeated') throw new TypeError('a list without a repeated child')
  const listName = place.path[place.path.length - 1] ?? ''
  // The middle level is a wrapper unless it is a leaf, has several children, or is named as old writers did.
  const wrapped =
    repeated.physicalType === undefined &&
    repeated.childCount === 1 &&
    repeated.name !== 'array' &&
    repeated.name !== `${listName}_tuple`
  if (wrapped) reading.next += 1
  const element = take(reading)
  const elementId = idOf(reading, element, path)
  const type = readType(reading, element, { path, repeated: true, id: elementId })
  return {
    kind: 'list',
    elementId,
    elementRequired: !wrapped || element.repetition === 'required',
    element: type,
  }
}

function readMap(reading: Reading, place: Place): Type {
  const entries = take(reading)
  if (entries.repetition !== 'repeated' || entries.childCount < 1 || entries.childCount > 2) {
    throw new TypeError('a map without entries')
  }
  const part = (name: 'key' | 'value'): { id: number; type: Type; required: boolean } => {
    const path = [...place.path, name]
    const element = take(reading)
    const id = idOf(reading, element, path)
    const type = readType(reading, element, { path, repeated: true, id })
    return { id, type, required: element.repetition === 'required' }
  }
  const key = part('key')
  // A map may leave out its values, and is a set of keys then.
  if (entries.childCount === 1) {
    return { kind: 'list', elementId: key.id, elementRequired: key.required, element: key.type }
  }
  const value = part('value')
  return {
    kind: 'map',
    keyId: key.id,
    key: key.type,
    valueId: value.id,
    valueRequired: value.required,
    value: value.type,
  }
}

/** The Iceberg type that holds a leaf's values; the annotation decides, the newer one first. */
function leafType(element: SchemaElement): PrimitiveType {
  const logical = element.logicalType
  if (logical !== undefined) {
    const type = logicalLeafType(logical, element)
    if (type !== undefined) return type
  }
  const converted = element.convertedType === undefined ? undefined : convertedLeafType(element)
  return converted ?? physicalLeafType(element)
}

function logicalLeafType(logical: ThriftStruct, element: SchemaElement): PrimitiveType | undefined {
  if (logical.field_1 !== undefined || logical.field_4 !== undefined || logical.field_12 !== undefined) {
    return { kind: 'string' }
  }
  if (logical.field_5 !== undefined) {
    const { field_1: scale, field_2: precision } = logical.field_5 as ThriftStruct
    return decimalType(precision, scale)
  }
  if (logical.field_6 !== undefined) return { kind: 'date' }
  if (logical.field_7 !== undefined) return { kind: 'time' }
  if (logical.field_8 !== undefined) return timestampType(logical.field_8 as ThriftStruct)
  if (logical.field_10 !== undefined) {
    const { field_1: bits, field_2: signed } = logical.field_10 as ThriftStruct
    return integerType(typeof bits === 'number' ? bits : 64, signed === true)
  }
  if (logical.field_11 !== undefined) return { kind: 'unknown' }
  if (logical.field_14 !== undefined) return { kind: 'uuid' }
  if (logical.field_15 !== undefined) return { kind: 'float' }
  if (logical.field_17 !== undefined) return { kind: 'geometry' }
  if (logical.field_18 !== undefined) return { kind: 'geography' }
  return logical.field_13 === undefined ? undefined : physicalLeafType(element)
}

function decimalType(precision: ThriftValue | undefined, scale: ThriftValue | undefined): PrimitiveType {
  if (typeof precision !== 'number') throw new TypeError('a decimal without a precision')
  return { kind: 'decimal', precision, scale: typeof scale === 'number' ? scale : 0 }
}

function timestampType(logical: ThriftStruct): PrimitiveType {
  const zoned = logical.field_1 === true
  const nanos = (logical.field_2 as ThriftStruct | undefined)?.field_3 !== undefined
  if (nanos) return { kind: zoned ? 'timestamptz_ns' : 'timestamp_ns' }
  return { kind: zoned ? 'timestamptz' : 'timestamp' }
}

/** The smallest Iceberg integer that holds all values; uint64 has none and is read as `long`, checked. */
function integerType(bits: number, signed: boolean): PrimitiveType {
  return { kind: bits < 32 || (bits === 32 && signed) ? 'int' : 'long' }
}

function convertedLeafType(element: SchemaElement): PrimitiveType | undefined {
  const converted = element.convertedType ?? -1
  if (converted === 0 || converted === 4 || converted === 19) return { kind: 'string' }
  if (converted === 5) return decimalType(element.precision, element.scale)
  if (converted === 6) return { kind: 'date' }
  if (converted === 7 || converted === 8) return { kind: 'time' }
  if (converted === 9 || converted === 10) return { kind: 'timestamptz' }
  if (converted >= 11 && converted <= 14) return integerType(8 << (converted - 11), false)
  if (converted >= 15 && converted <= 18) return integerType(8 << (converted - 15), true)
  return undefined
}

function physicalLeafType(element: SchemaElement): PrimitiveType {
  switch (element.physicalType) {
    case PhysicalType.boolean:
      return { kind: 'boolean' }
    case PhysicalType.int32:
      return { kind: 'int' }
    case PhysicalType.int64:
      return { kind: 'long' }
    // The old nanosecond timestamp of Impala, Hive and Spark: an instant.
    case PhysicalType.int96:
      return { kind: 'timestamptz' }
    case PhysicalType.float:
      return { kind: 'float' }
    case PhysicalType.double:
      return { kind: 'double' }
    case PhysicalType.byteArray:
      return { kind: 'binary' }
    case PhysicalType.fixed:
      return { kind: 'fixed', lengthBytes: element.typeLength ?? 0 }
    default:
      throw new TypeError('an unknown physical type')
  }
}
