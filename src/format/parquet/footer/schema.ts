/**
 * From Parquet's schema to Iceberg fields: names, ids, types, and which leaf columns a field consists of.
 *
 *   list   group (LIST) { repeated group list { element } }           also the two-level forms of old writers
 *   map    group (MAP)  { repeated group key_value { key, value } }
 *
 * @see Iceberg table spec, "Appendix A: Format-specific Requirements", "Parquet"
 * @see https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
 */
import { LakeError } from '../../../base/errors.js'
import { type Field, mapType, type PrimitiveType, type Type } from '../../../schema/types.js'
import { leafType } from './leaf-type.js'
import type { SchemaElement } from './metadata.js'

/** Stands for the id of a field whose file carries none. */
export const NO_FIELD_ID = -1

/** The id of a field without one in the file, by its path (`['tags', 'element']`): a name mapping. */
export type FieldIdOf = (path: readonly string[]) => number | undefined

/**
 * How the levels of leaves make up a field: plain data. A slot of a node is a place where it could be: one a row at the
 * root, one an element inside a list. `definition` is the level from which a slot holds something that is not null;
 * it is the parent's when the node is required.
 * @see https://github.com/apache/parquet-format "Nested Encoding"
 */
export type ColumnNode = LeafNode | StructNode | ListNode | MapNode | VariantNode

export interface LeafNode {
  readonly kind: 'leaf'
  readonly definition: number
  /** Its place among the leaves of the root. */
  readonly leaf: number
}
export interface StructNode {
  readonly kind: 'struct'
  readonly definition: number
  /** One a field of the struct type. */
  readonly children: readonly ColumnNode[]
}
export interface ListNode {
  readonly kind: 'list'
  readonly definition: number
  /** Level from which there is an element, null or not: below it the list is empty. */
  readonly entryDefinition: number
  /** Level of an element behind the first. */
  readonly repetition: number
  readonly element: ColumnNode
}
export interface MapNode {
  readonly kind: 'map'
  readonly definition: number
  readonly entryDefinition: number
  readonly repetition: number
  readonly key: ColumnNode
  readonly value: ColumnNode
}
/** A group of metadata, value and typed_value, in any order. */
export interface VariantNode {
  readonly kind: 'variant'
  readonly definition: number
  /** What the group consists of, as if it were a struct. */
  readonly fields: readonly Field[]
  readonly children: readonly ColumnNode[]
  /** Its schema elements, the group first. */
  readonly elements: readonly SchemaElement[]
}

/** A top-level field and what it consists of. */
export interface RootColumn {
  readonly field: Field
  readonly node: ColumnNode
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
  /** The definition level of its values. */
  readonly maxDefinition: number
  /** How many lists and maps it is inside. */
  readonly maxRepetition: number
}

export interface ParquetSchema {
  readonly roots: readonly RootColumn[]
  readonly leaves: readonly LeafColumn[]
}

interface Reading {
  readonly elements: readonly SchemaElement[]
  readonly leaves: LeafColumn[]
  readonly idOf: FieldIdOf | undefined
  /** The next element. */
  next: number
  /** The first leaf of the root that is being read. */
  leafFrom: number
}

/** Where in the tree an element stands: what is above it. */
interface Place {
  readonly path: readonly string[]
  /** Levels at which everything above it is there. */
  readonly definition: number
  readonly repetition: number
}

/** An element and what its place is called. */
interface NamedPlace extends Place {
  readonly id: number
}

/** A type and how it is stored. */
interface Shape {
  readonly type: Type
  readonly node: ColumnNode
}

/** A shape that may be null or not. */
interface Slot extends Shape {
  readonly required: boolean
}

/** Levels are kept in bytes. */
const LEVEL_MAX = 255

/**
 * Throws plain errors when the elements do not make a tree.
 * @throws unsupported when the tree is deeper than levels can say here
 */
export function readParquetSchema(elements: readonly SchemaElement[], idOf?: FieldIdOf): ParquetSchema {
  const anyId = elements.some(element => element.fieldId !== undefined)
  const reading: Reading = { elements, leaves: [], idOf: anyId ? undefined : idOf, next: 1, leafFrom: 0 }
  const roots: RootColumn[] = []
  const count = elements[0]?.childCount ?? 0
  for (let i = 0; i < count; i++) {
    const elementFrom = reading.next
    const leafFrom = reading.leaves.length
    reading.leafFrom = leafFrom
    const root = readField(reading, { path: [], definition: 0, repetition: 0 })
    roots.push({ ...root, elementFrom, elementTo: reading.next, leafFrom, leafTo: reading.leaves.length })
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

function readField(reading: Reading, parent: Place): { readonly field: Field; readonly node: ColumnNode } {
  const element = take(reading)
  const path = [...parent.path, element.name]
  const id = idOf(reading, element, path)
  const { required, type, node } = readSlot(reading, element, { ...parent, path, id })
  return { field: { id, name: element.name, required, type }, node }
}

function readSlot(reading: Reading, element: SchemaElement, place: NamedPlace): Slot {
  switch (element.repetition) {
    case 'required':
      return { required: true, ...readShape(reading, element, place) }
    case 'optional':
      return {
        required: false,
        ...readShape(reading, element, { ...place, definition: place.definition + 1 }),
      }
    case 'repeated':
      return { required: true, ...readRepeated(reading, element, place) }
    default:
      throw new TypeError('a schema element without a repetition')
  }
}

/** A repeated field without a LIST around it is a list that is never null. */
function readRepeated(reading: Reading, element: SchemaElement, place: Place): Shape {
  const path = [...place.path, 'element']
  const id = reading.idOf?.(path) ?? NO_FIELD_ID
  const { definition } = place
  const inner = entryOf({ ...place, path })
  const { type, node } = readShape(reading, element, { ...inner, id })
  return {
    type: { kind: 'list', elementId: id, elementRequired: true, element: type },
    node: {
      kind: 'list',
      definition,
      entryDefinition: inner.definition,
      repetition: inner.repetition,
      element: node,
    },
  }
}

/** The place of what is repeated. */
function entryOf(place: Place): Place {
  return { path: place.path, definition: place.definition + 1, repetition: place.repetition + 1 }
}

function readShape(reading: Reading, element: SchemaElement, place: NamedPlace): Shape {
  if (element.physicalType !== undefined) return readLeaf(reading, element, place)
  if (isVariant(element)) return readVariant(reading, element, place)
  if (isList(element)) return readList(reading, place)
  if (isMap(element)) return readMap(reading, place)
  const { fields, children } = readChildren(reading, element, place)
  return {
    type: { kind: 'struct', fields },
    node: { kind: 'struct', definition: place.definition, children },
  }
}

function readLeaf(reading: Reading, element: SchemaElement, place: NamedPlace): Shape {
  const { id, definition, repetition } = place
  if (definition > LEVEL_MAX) throw new LakeError('unsupported', 'the parquet schema is nested too deeply')
  const type = leafType(element)
  const node = { kind: 'leaf', definition, leaf: reading.leaves.length - reading.leafFrom } as const
  reading.leaves.push({
    fieldId: id,
    type,
    element,
    repeated: repetition > 0,
    maxDefinition: definition,
    maxRepetition: repetition,
  })
  return { type, node }
}

function readVariant(reading: Reading, element: SchemaElement, place: NamedPlace): Shape {
  const from = reading.next - 1
  const { fields, children } = readChildren(reading, element, place)
  const elements = reading.elements.slice(from, reading.next)
  return {
    type: { kind: 'variant' },
    node: { kind: 'variant', definition: place.definition, fields, children, elements },
  }
}

function readChildren(
  reading: Reading,
  element: SchemaElement,
  place: Place,
): { readonly fields: readonly Field[]; readonly children: readonly ColumnNode[] } {
  const fields: Field[] = []
  const children: ColumnNode[] = []
  for (let i = 0; i < element.childCount; i++) {
    const { field, node } = readField(reading, place)
    fields.push(field)
    children.push(node)
  }
  return { fields, children }
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

function readList(reading: Reading, place: Place): Shape {
  const path = [...place.path, 'element']
  const repeated = reading.elements[reading.next]
  if (repeated?.repetition !== 'repeated') throw new TypeError('a list without a repeated child')
  const wrapped = isWrapper(repeated, reading.elements[reading.next + 1], place)
  const entry = entryOf({ ...place, path })
  if (wrapped) reading.next += 1
  const element = take(reading)
  const named = { ...entry, id: idOf(reading, element, path) }
  const inner = wrapped
    ? readSlot(reading, element, named)
    : { required: true, ...readShape(reading, element, named) }
  return {
    type: { kind: 'list', elementId: named.id, elementRequired: inner.required, element: inner.type },
    node: {
      kind: 'list',
      definition: place.definition,
      entryDefinition: entry.definition,
      repetition: entry.repetition,
      element: inner.node,
    },
  }
}

/**
 * Whether the repeated child of a list only wraps the element. It is the element itself when it is a leaf, has several
 * children or one that is repeated, or is named as old writers named elements.
 * @see LogicalTypes.md, "Backward-compatibility rules" of lists
 */
function isWrapper(repeated: SchemaElement, child: SchemaElement | undefined, list: Place): boolean {
  const listName = list.path[list.path.length - 1] ?? ''
  return (
    repeated.physicalType === undefined &&
    repeated.childCount === 1 &&
    child?.repetition !== 'repeated' &&
    repeated.name !== 'array' &&
    repeated.name !== `${listName}_tuple`
  )
}

function readMap(reading: Reading, place: Place): Shape {
  const entries = take(reading)
  if (entries.repetition !== 'repeated' || entries.childCount < 1 || entries.childCount > 2) {
    throw new TypeError('a map without entries')
  }
  const entry = entryOf(place)
  const levels = {
    definition: place.definition,
    entryDefinition: entry.definition,
    repetition: entry.repetition,
  }
  const key = readMapPart(reading, entry, 'key')
  // A map may leave out its values, and is a set of keys then.
  if (entries.childCount === 1) {
    return {
      type: { kind: 'list', elementId: key.id, elementRequired: key.required, element: key.type },
      node: { kind: 'list', ...levels, element: key.node },
    }
  }
  const value = readMapPart(reading, entry, 'value')
  return {
    type: mapType(key, value),
    node: { kind: 'map', ...levels, key: key.node, value: value.node },
  }
}

function readMapPart(reading: Reading, entry: Place, name: 'key' | 'value'): Slot & { readonly id: number } {
  const path = [...entry.path, name]
  const element = take(reading)
  const id = idOf(reading, element, path)
  return { id, ...readSlot(reading, element, { ...entry, path, id }) }
}
