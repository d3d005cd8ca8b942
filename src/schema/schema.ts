/**
 * Looking things up in a schema, checking it, comparing it, and numbering its fields. List elements, map keys
 * and map values are fields too, named `element`, `key` and `value`.
 * @see Iceberg table spec, "Schemas and Data Types", "Column Projection", "Identifier Field IDs"
 */
import { type ErrorContext, LakeError } from '../base/errors.js'
import { samePrimitive } from './type-text.js'
import {
  type Field,
  isPrimitive,
  type ListType,
  type MapType,
  type Schema,
  type Type,
  type Value,
} from './types.js'
import { equalValues } from './value.js'

/** Anything with fields: a schema, a struct, a batch. */
export interface FieldContainer {
  readonly fields: readonly Field[]
}

/** Ids above this are reserved for metadata columns. */
export const FIELD_ID_MAX = 2_147_483_447

interface IndexedField {
  readonly field: Field
  /** Field id of the struct, list or map around it; undefined at the top. */
  readonly parentId: number | undefined
}

/** Schemas are immutable and looked up often, so what was indexed once is kept as long as its fields live. */
const indexes = new WeakMap<readonly Field[], ReadonlyMap<number, IndexedField>>()
const fieldIndexes = new WeakMap<readonly Field[], ReadonlyMap<number, Field>>()

function indexWithParents(container: FieldContainer): ReadonlyMap<number, IndexedField> {
  const known = indexes.get(container.fields)
  if (known) return known
  const index = new Map<number, IndexedField>()
  visitFields(container.fields, undefined, (field, parentId) => {
    if (!index.has(field.id)) index.set(field.id, { field, parentId })
  })
  indexes.set(container.fields, index)
  return index
}

/** Depth first, a field before what is inside it. */
function visitFields(
  fields: readonly Field[],
  parentId: number | undefined,
  visit: (field: Field, parentId: number | undefined) => void,
): void {
  for (const field of fields) {
    visit(field, parentId)
    visitFields(childFields(field.type), field.id, visit)
  }
}

/** The fields directly inside a type; none for primitives. */
export function childFields(type: Type): readonly Field[] {
  switch (type.kind) {
    case 'struct':
      return type.fields
    case 'list':
      return [elementField(type)]
    case 'map':
      return [keyField(type), valueField(type)]
    default:
      return []
  }
}

/** A list's element as a field named `element`. */
export function elementField(type: ListType): Field {
  return { id: type.elementId, name: 'element', required: type.elementRequired, type: type.element }
}

/** A map's key as a field named `key`. */
export function keyField(type: MapType): Field {
  return { id: type.keyId, name: 'key', required: true, type: type.key }
}

/** A map's value as a field named `value`. */
export function valueField(type: MapType): Field {
  return { id: type.valueId, name: 'value', required: type.valueRequired, type: type.value }
}

/** All fields by id, at every depth. */
export function indexFields(container: FieldContainer): ReadonlyMap<number, Field> {
  const known = fieldIndexes.get(container.fields)
  if (known) return known
  const index = new Map<number, Field>()
  for (const [id, { field }] of indexWithParents(container)) index.set(id, field)
  fieldIndexes.set(container.fields, index)
  return index
}

/** The field of an id at any depth. */
export function fieldById(container: FieldContainer, id: number): Field | undefined {
  return indexWithParents(container).get(id)?.field
}

/** The ids from the top-level field down to the field itself, or undefined when the id is not there. */
export function fieldIdPath(container: FieldContainer, id: number): readonly number[] | undefined {
  const index = indexWithParents(container)
  const path: number[] = []
  for (let at: number | undefined = id; at !== undefined; ) {
    const entry: IndexedField | undefined = index.get(at)
    if (!entry) return undefined
    path.unshift(at)
    at = entry.parentId
  }
  return path
}

/** The names from the top-level field down to the field itself, or undefined when the id is not there. */
export function fieldPath(container: FieldContainer, id: number): readonly string[] | undefined {
  const index = indexWithParents(container)
  return fieldIdPath(container, id)?.map(each => index.get(each)?.field.name ?? '')
}

export interface FindFieldOptions {
  /** Default true. */
  readonly caseSensitive?: boolean | undefined
}

/**
 * The field of a dotted name such as `address.city`, `tags.element` or `prices.value.amount`; the `element` or
 * `value` before a struct's field may be left out, as in Java. A field whose own name has dots wins over a path.
 * @throws invalid-argument when letter case is ignored and two fields differ by it only
 */
export function findField(
  container: FieldContainer,
  dottedName: string,
  options: FindFieldOptions = {},
): Field | undefined {
  if (options.caseSensitive ?? true) return findIn(container.fields, dottedName, identityText)[0]
  const found = findIn(container.fields, dottedName.toLowerCase(), lowerCase)
  if (found.length > 1)
    return invalid('names that differ by letter case only are ambiguous', { name: dottedName })
  return found[0]
}

function identityText(text: string): string {
  return text
}

function lowerCase(text: string): string {
  return text.toLowerCase()
}

function findIn(fields: readonly Field[], name: string, fold: (text: string) => string): Field[] {
  const whole = fields.filter(field => fold(field.name) === name)
  if (whole.length > 0) return whole
  return fields.flatMap(field => {
    const prefix = `${fold(field.name)}.`
    return name.startsWith(prefix) ? findInside(field.type, name.slice(prefix.length), fold) : []
  })
}

function findInside(type: Type, name: string, fold: (text: string) => string): Field[] {
  const found = findIn(childFields(type), name, fold)
  if (found.length > 0) return found
  const inner = type.kind === 'list' ? type.element : type.kind === 'map' ? type.value : undefined
  return inner?.kind === 'struct' ? findIn(inner.fields, name, fold) : []
}

/** The highest field id at any depth; 0 when there are no fields. */
export function highestFieldId(container: FieldContainer): number {
  let highest = 0
  for (const id of indexWithParents(container).keys()) if (id > highest) highest = id
  return highest
}

export interface FreshIds {
  readonly fields: readonly Field[]
  /** The highest fresh id given out; `nextId - 1` when there was none. */
  readonly lastId: number
  /** New id by old id: what identifier fields, specs and sort orders refer to. */
  readonly newIds: ReadonlyMap<number, number>
}

/**
 * Numbers all fields from `nextId`, in Java's order: the fields of a struct first, then what is inside each of
 * them; a list's element, and a map's key and value, before what is inside those. A field that `known` has an id
 * for, by the names that lead to it, gets that one.
 */
export function assignFreshIds(
  fields: readonly Field[],
  options: {
    readonly nextId: number
    readonly known?: ((path: readonly string[]) => number | undefined) | undefined
  },
): FreshIds {
  const newIds = new Map<number, number>()
  let next = options.nextId
  const take = (oldId: number, path: readonly string[]): number => {
    const id = options.known?.(path) ?? next++
    newIds.set(oldId, id)
    return id
  }
  const assignFields = (level: readonly Field[], around: readonly string[]): Field[] => {
    const numbered = level.map(field => ({ ...field, id: take(field.id, [...around, field.name]) }))
    return numbered.map(field => ({ ...field, type: assignType(field.type, [...around, field.name]) }))
  }
  const assignType = (type: Type, path: readonly string[]): Type => {
    switch (type.kind) {
      case 'struct':
        return { ...type, fields: assignFields(type.fields, path) }
      case 'list': {
        const inside = [...path, 'element']
        const elementId = take(type.elementId, inside)
        return { ...type, elementId, element: assignType(type.element, inside) }
      }
      case 'map': {
        const ofKey = [...path, 'key']
        const ofValue = [...path, 'value']
        const keyId = take(type.keyId, ofKey)
        const valueId = take(type.valueId, ofValue)
        const key = assignType(type.key, ofKey)
        return { ...type, keyId, valueId, key, value: assignType(type.value, ofValue) }
      }
      default:
        return type
    }
  }
  const assigned = assignFields(fields, [])
  return { fields: assigned, lastId: next - 1, newIds }
}

/**
 * Checks what the spec demands of a schema: names unique in their struct, ids unique and not reserved, decimal
 * and fixed parameters in range, identifier fields required primitives that are no floats and lie in required
 * structs only. With a format version, also that the version has the types and defaults in use.
 * @throws invalid-argument naming the field
 */
export function checkSchema(
  schema: Schema,
  options: { readonly formatVersion?: number | undefined } = {},
): void {
  const seen = new Set<number>()
  checkNames(schema.fields)
  visitFields(schema.fields, undefined, field => {
    const context = { field: field.name, fieldId: field.id }
    if (seen.has(field.id)) invalid('a field id is used twice', context)
    seen.add(field.id)
    if (!Number.isInteger(field.id) || field.id < 0 || field.id > FIELD_ID_MAX) {
      invalid('a field id is out of range or reserved', context)
    }
    checkType(field.type, context)
    checkVersion(field, options.formatVersion ?? 3)
    if (field.type.kind === 'struct') checkNames(field.type.fields)
  })
  for (const id of schema.identifierFieldIds) checkIdentifierField(schema, id)
}

function checkNames(fields: readonly Field[]): void {
  const names = new Set<string>()
  for (const field of fields) {
    if (names.has(field.name)) invalid('a name is used twice in one struct', { field: field.name })
    names.add(field.name)
  }
}

function checkType(type: Type, context: ErrorContext): void {
  if (type.kind === 'decimal') {
    const { precision, scale } = type
    const inRange = precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision
    if (!inRange)
      invalid('a decimal has 1 to 38 digits and no larger scale', { ...context, precision, scale })
  }
  if (type.kind === 'fixed' && !(Number.isInteger(type.lengthBytes) && type.lengthBytes >= 0)) {
    invalid('a fixed type needs a length in bytes', context)
  }
}

const TYPES_OF_V3: ReadonlySet<string> = new Set([
  'timestamp_ns',
  'timestamptz_ns',
  'unknown',
  'variant',
  'geometry',
  'geography',
])

function checkVersion(field: Field, formatVersion: number): void {
  const context = { field: field.name, fieldId: field.id }
  if (field.type.kind === 'unknown') {
    if (field.required) invalid('a field of type unknown must be optional', context)
    if (hasValue(field.initialDefault) || hasValue(field.writeDefault)) {
      invalid('a field of type unknown has no default', context)
    }
  }
  if (formatVersion >= 3) return
  if (TYPES_OF_V3.has(field.type.kind)) {
    invalid('the type needs format version 3', { ...context, type: field.type.kind, formatVersion })
  }
  if (hasValue(field.initialDefault))
    invalid('an initial default needs format version 3', { ...context, formatVersion })
}

function hasValue(value: Value | undefined): boolean {
  return value !== undefined && value !== null
}

function checkIdentifierField(schema: Schema, id: number): void {
  const path = fieldIdPath(schema, id)?.map(each => fieldById(schema, each))
  const field = path?.at(-1)
  if (!path || !field) invalid('an identifier field is not in the schema', { fieldId: id })
  const context = { field: field.name, fieldId: id }
  if (!isPrimitive(field.type)) invalid('an identifier field must be primitive', context)
  if (field.type.kind === 'float' || field.type.kind === 'double') {
    invalid('an identifier field must not be a float or double', context)
  }
  if (!path.every(each => each?.required))
    invalid('an identifier field must be required, and so all around it', context)
  if (!path.slice(0, -1).every(each => each?.type.kind === 'struct')) {
    invalid('an identifier field must not be in a list or map', context)
  }
}

function invalid(message: string, context: ErrorContext): never {
  throw new LakeError('invalid-argument', message, { context })
}

/** Whether two schemas are the same but for their schema ids: fields in order with docs and defaults, and key. */
export function sameSchema(a: Schema, b: Schema): boolean {
  return sameFields(a.fields, b.fields) && sameIds(a.identifierFieldIds, b.identifierFieldIds)
}

function sameIds(a: readonly number[], b: readonly number[]): boolean {
  const ids = new Set(b)
  return new Set(a).size === ids.size && a.every(id => ids.has(id))
}

/** Whether two lists of fields are the same, docs and defaults included. */
export function sameFields(a: readonly Field[], b: readonly Field[]): boolean {
  return a.length === b.length && a.every((field, index) => sameField(field, b[index]))
}

function sameField(a: Field, b: Field | undefined): boolean {
  return (
    b !== undefined &&
    a.id === b.id &&
    a.name === b.name &&
    a.required === b.required &&
    (a.doc ?? '') === (b.doc ?? '') &&
    sameType(a.type, b.type) &&
    sameDefault(a.type, a.initialDefault, b.initialDefault) &&
    sameDefault(a.type, a.writeDefault, b.writeDefault)
  )
}

function sameDefault(type: Type, a: Value | undefined, b: Value | undefined): boolean {
  return equalValues(type, a ?? null, b ?? null)
}

/** Whether two types are the same, with all ids, names and parameters. */
export function sameType(a: Type, b: Type): boolean {
  switch (a.kind) {
    case 'struct':
      return b.kind === 'struct' && sameFields(a.fields, b.fields)
    case 'list':
    case 'map':
      return b.kind === a.kind && sameFields(childFields(a), childFields(b))
    default:
      return isPrimitive(b) && samePrimitive(a, b)
  }
}

/**
 * The schema of some top-level fields, given by ids or names, in the order asked for. Identifier fields that
 * are not among them (or inside them) are dropped.
 * @throws invalid-argument when one is not there
 */
export function selectFields(schema: Schema, columns: readonly (number | string)[]): Schema {
  const fields = columns.map(column => {
    const field = schema.fields.find(each =>
      typeof column === 'number' ? each.id === column : each.name === column,
    )
    return field ?? invalid('the schema has no such column', { column })
  })
  const kept = indexFields({ fields })
  return {
    schemaId: schema.schemaId,
    fields,
    identifierFieldIds: schema.identifierFieldIds.filter(id => kept.has(id)),
  }
}
