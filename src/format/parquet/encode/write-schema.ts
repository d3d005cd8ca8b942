/**
 * Iceberg fields as a Parquet schema, named and annotated as Iceberg's Java writers do.
 *
 *   list<T>      optional group name (LIST) { repeated group list { optional T element } }
 *   map<K, V>    optional group name (MAP) { repeated group key_value { required K key; optional V value } }
 *   variant      optional group name (VARIANT) { required binary metadata; required binary value }
 *
 * Every field and every element, key and value has its field id; the repeated groups in the middle have none.
 * Fields of type unknown are not stored. A root also gets a tree of nodes with the levels of the column, which is
 * what shredding walks along.
 * @see Iceberg table spec, "Appendix A: Format-specific Requirements", "Parquet"
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import { unreachable } from '../../../base/assert.js'
import { LakeError } from '../../../base/errors.js'
import type { Field, PrimitiveType, Type } from '../../../schema/types.js'
import { minimalDecimalBytes } from '../../decimal-width.js'
import { PhysicalType, type Repetition, type SchemaElement } from '../footer/metadata.js'
import type { ThriftStruct } from '../footer/thrift.js'

/** A top-level column and what it is stored as. Plain data: it goes to workers. */
export interface WriteRoot {
  readonly field: Field
  /** Its place among the given fields, those that are not stored counted. */
  readonly column: number
  readonly node: WriteNode
  /** Its leaf columns, in the order of their chunks. */
  readonly leaves: readonly WriteLeaf[]
  /** Place of the first of them among the leaves of all roots. */
  readonly leafFrom: number
}

/** A leaf column: one chunk in each row group. */
export interface WriteLeaf {
  /** Of the field, element, key or value; the two leaves of a variant share the variant's. */
  readonly fieldId: number
  readonly path: readonly string[]
  /** The values' Iceberg type; binary for the leaves of a variant. */
  readonly type: PrimitiveType
  readonly element: SchemaElement
  readonly physicalType: number
  /** Bytes of a FIXED_LEN_BYTE_ARRAY, else 0. */
  readonly typeLength: number
  readonly maxDefinition: number
  readonly maxRepetition: number
  /** Of a variant: its metadata or its value. */
  readonly variantPart?: 'metadata' | 'value' | undefined
}

/** What a node of any kind has. */
interface NodePlace {
  readonly fieldId: number
  readonly name: string
  readonly required: boolean
  /** Definition level at which a value of the node is there: one more than its parent's when it is optional. */
  readonly definition: number
  /** Lists and maps around it. */
  readonly repetition: number
}
export type WriteNode = LeafNode | StructNode | ListNode | MapNode | VariantNode

export interface LeafNode extends NodePlace {
  readonly kind: 'leaf'
  /** Index in the root's leaves. */
  readonly leaf: number
}
export interface StructNode extends NodePlace {
  readonly kind: 'struct'
  readonly children: readonly StructChild[]
  /** Its first leaf and the one behind its last. */
  readonly leafFrom: number
  readonly leafTo: number
}
export interface StructChild {
  /** Place in the struct vector's children, those that are not stored counted. */
  readonly at: number
  readonly node: WriteNode
}
export interface ListNode extends NodePlace {
  readonly kind: 'list'
  readonly element: WriteNode
}
export interface MapNode extends NodePlace {
  readonly kind: 'map'
  readonly key: WriteNode
  readonly value: WriteNode
}
export interface VariantNode extends NodePlace {
  readonly kind: 'variant'
  /** Indexes in the root's leaves. */
  readonly metadataLeaf: number
  readonly valueLeaf: number
}

export interface WriteSchema {
  /** Depth first, the root named `table` first. */
  readonly elements: readonly SchemaElement[]
  readonly roots: readonly WriteRoot[]
}

interface Writing {
  readonly elements: SchemaElement[]
  leaves: WriteLeaf[]
}

/** Where a node stands. */
interface Place {
  readonly path: readonly string[]
  readonly definition: number
  readonly repetition: number
}

/** @throws unsupported when no field, or no field of a struct, or no part of a list or map has a column */
export function writeSchema(fields: readonly Field[]): WriteSchema {
  const writing: Writing = { elements: [], leaves: [] }
  const roots: WriteRoot[] = []
  let leafFrom = 0
  for (const [column, field] of fields.entries()) {
    if (field.type.kind === 'unknown') continue
    writing.leaves = []
    const node = writeNode(writing, field, { path: [], definition: 0, repetition: 0 })
    roots.push({ field, column, node, leaves: writing.leaves, leafFrom })
    leafFrom += writing.leaves.length
  }
  if (roots.length === 0) throw unsupported('a parquet file needs a column that is not of type unknown')
  return { elements: [{ name: 'table', childCount: roots.length }, ...writing.elements], roots }
}

function unsupported(message: string, field?: Field): LakeError {
  return new LakeError('unsupported', message, field === undefined ? {} : { context: { field: field.name } })
}

function writeNode(writing: Writing, field: Field, parent: Place): WriteNode {
  const { type, required } = field
  const path = [...parent.path, field.name]
  const definition = parent.definition + (required ? 0 : 1)
  const place = { path, definition, repetition: parent.repetition }
  const { repetition } = place
  const node = { fieldId: field.id, name: field.name, required, definition, repetition }
  switch (type.kind) {
    case 'struct':
      return { ...node, ...writeStruct(writing, field, place) }
    case 'list':
      return { ...node, ...writeList(writing, field, place) }
    case 'map':
      return { ...node, ...writeMap(writing, field, place) }
    case 'variant':
      return { ...node, ...writeVariant(writing, field, place) }
    case 'unknown':
      throw unsupported('lists and maps of type unknown cannot be stored', field)
    default:
      writing.elements.push({ ...leafElement(type), ...elementHead(field) })
      return { ...node, kind: 'leaf', leaf: pushLeaf(writing, { fieldId: field.id, type, place }) }
  }
}

function elementHead(field: Field): { name: string; repetition: Repetition; fieldId: number } {
  return { name: field.name, repetition: field.required ? 'required' : 'optional', fieldId: field.id }
}

/** The leaf of the element that was pushed last. */
function pushLeaf(
  writing: Writing,
  leaf: { readonly fieldId: number; readonly type: PrimitiveType; readonly place: Place },
  variantPart?: 'metadata' | 'value',
): number {
  const element = writing.elements[writing.elements.length - 1] as SchemaElement
  const { path, definition, repetition } = leaf.place
  return (
    writing.leaves.push({
      fieldId: leaf.fieldId,
      path,
      type: leaf.type,
      element,
      physicalType: element.physicalType ?? PhysicalType.byteArray,
      typeLength: element.typeLength ?? 0,
      maxDefinition: definition,
      maxRepetition: repetition,
      variantPart,
    }) - 1
  )
}

function writeStruct(
  writing: Writing,
  field: Field,
  place: Place,
): Pick<StructNode, 'kind' | 'children' | 'leafFrom' | 'leafTo'> {
  const fields = field.type.kind === 'struct' ? field.type.fields : []
  const stored = fields.filter(child => child.type.kind !== 'unknown')
  if (stored.length === 0) throw unsupported('a struct needs a stored field', field)
  writing.elements.push({ ...elementHead(field), childCount: stored.length })
  const leafFrom = writing.leaves.length
  const children = stored.map(child => ({
    at: fields.indexOf(child),
    node: writeNode(writing, child, place),
  }))
  return { kind: 'struct', children, leafFrom, leafTo: writing.leaves.length }
}

function writeList(writing: Writing, field: Field, place: Place): Pick<ListNode, 'kind' | 'element'> {
  const type = field.type as Type & { kind: 'list' }
  writing.elements.push(
    { ...elementHead(field), childCount: 1, convertedType: 3, logicalType: { field_3: {} } },
    { name: 'list', repetition: 'repeated', childCount: 1 },
  )
  const element: Field = {
    id: type.elementId,
    name: 'element',
    required: type.elementRequired,
    type: type.element,
  }
  return { kind: 'list', element: writeNode(writing, element, repeated(place, 'list')) }
}

/** The place inside a repeated group: an entry that is there has one definition level more. */
function repeated(place: Place, name: string): Place {
  const { path, definition, repetition } = place
  return { path: [...path, name], definition: definition + 1, repetition: repetition + 1 }
}

function writeMap(writing: Writing, field: Field, place: Place): Pick<MapNode, 'kind' | 'key' | 'value'> {
  const type = field.type as Type & { kind: 'map' }
  writing.elements.push(
    { ...elementHead(field), childCount: 1, convertedType: 1, logicalType: { field_2: {} } },
    { name: 'key_value', repetition: 'repeated', childCount: 2 },
  )
  const inner = repeated(place, 'key_value')
  const key: Field = { id: type.keyId, name: 'key', required: true, type: type.key }
  const value: Field = { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value }
  return { kind: 'map', key: writeNode(writing, key, inner), value: writeNode(writing, value, inner) }
}

/** Version 1 of the variant encoding; the value is not shredded. */
function writeVariant(
  writing: Writing,
  field: Field,
  place: Place,
): Pick<VariantNode, 'kind' | 'metadataLeaf' | 'valueLeaf'> {
  const logicalType = { field_16: { field_1: 1 } }
  writing.elements.push({ ...elementHead(field), childCount: 2, logicalType })
  const part = (name: 'metadata' | 'value'): number => {
    writing.elements.push({
      name,
      physicalType: PhysicalType.byteArray,
      repetition: 'required',
      childCount: 0,
    })
    const inner = { ...place, path: [...place.path, name] }
    return pushLeaf(writing, { fieldId: field.id, type: { kind: 'binary' }, place: inner }, name)
  }
  return { kind: 'variant', metadataLeaf: part('metadata'), valueLeaf: part('value') }
}

type LeafAnnotation = Omit<SchemaElement, 'name' | 'repetition' | 'fieldId'>

function leafElement(type: PrimitiveType): LeafAnnotation {
  switch (type.kind) {
    case 'boolean':
      return { physicalType: PhysicalType.boolean, childCount: 0 }
    case 'int':
      return { physicalType: PhysicalType.int32, childCount: 0 }
    case 'long':
      return { physicalType: PhysicalType.int64, childCount: 0 }
    case 'float':
      return { physicalType: PhysicalType.float, childCount: 0 }
    case 'double':
      return { physicalType: PhysicalType.double, childCount: 0 }
    case 'date':
      return annotated(PhysicalType.int32, { field_6: {} }, 6)
    case 'time':
      return annotated(PhysicalType.int64, { field_7: { field_1: false, field_2: { field_2: {} } } }, 8)
    case 'timestamp':
    case 'timestamptz':
      return annotated(PhysicalType.int64, timestampLogical(type.kind === 'timestamptz', 'micros'), 10)
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return annotated(PhysicalType.int64, timestampLogical(type.kind === 'timestamptz_ns', 'nanos'))
    case 'string':
      return annotated(PhysicalType.byteArray, { field_1: {} }, 0)
    case 'uuid':
      return { ...annotated(PhysicalType.fixed, { field_14: {} }), typeLength: 16 }
    case 'fixed':
      return { physicalType: PhysicalType.fixed, typeLength: type.lengthBytes, childCount: 0 }
    case 'decimal':
      return decimalElement(type.precision, type.scale)
    case 'geometry':
      return annotated(PhysicalType.byteArray, { field_17: { field_1: type.crs } })
    case 'geography':
      return annotated(PhysicalType.byteArray, { field_18: geographyLogical(type) })
    case 'binary':
    case 'variant':
    case 'unknown':
      return { physicalType: PhysicalType.byteArray, childCount: 0 }
    default:
      return unreachable(type)
  }
}

function annotated(physicalType: number, logicalType: ThriftStruct, convertedType?: number): LeafAnnotation {
  return { physicalType, logicalType, convertedType, childCount: 0 }
}

function timestampLogical(zoned: boolean, unit: 'micros' | 'nanos'): ThriftStruct {
  return { field_8: { field_1: zoned, field_2: unit === 'micros' ? { field_2: {} } : { field_3: {} } } }
}

/** The narrowest of int32, int64 and fixed bytes that holds all values of the precision. */
function decimalElement(precision: number, scale: number): LeafAnnotation {
  const logicalType = { field_5: { field_1: scale, field_2: precision } }
  const decimal = { logicalType, convertedType: 5, scale, precision, childCount: 0 }
  if (precision <= 9) return { ...decimal, physicalType: PhysicalType.int32 }
  if (precision <= 18) return { ...decimal, physicalType: PhysicalType.int64 }
  return { ...decimal, physicalType: PhysicalType.fixed, typeLength: minimalDecimalBytes(precision) }
}

/** `EdgeInterpolationAlgorithm` of parquet.thrift, by number. */
const EDGE_ALGORITHMS = ['spherical', 'vincenty', 'thomas', 'andoyer', 'karney']

function geographyLogical(type: Extract<PrimitiveType, { kind: 'geography' }>): ThriftStruct {
  if (type.algorithm === undefined) return { field_1: type.crs }
  const algorithm = EDGE_ALGORITHMS.indexOf(type.algorithm.toLowerCase())
  if (algorithm < 0) {
    throw new LakeError('unsupported', 'parquet has no such edge algorithm', {
      context: { algorithm: type.algorithm },
    })
  }
  return { field_1: type.crs, field_2: algorithm }
}
