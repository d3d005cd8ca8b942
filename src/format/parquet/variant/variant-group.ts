/**
 * What the columns under a variant group hold: plain data, worked out once a file from its schema elements.
 *
 *   unshredded               shredded                     shredded as an object
 *
 *   group v (VARIANT)        group v (VARIANT)            group v (VARIANT)
 *     binary metadata          binary metadata              binary metadata
 *     binary value             binary value                 binary value
 *                              int64 typed_value            group typed_value
 *                                                             group a { binary value; int64 typed_value }
 *
 * The file finds children by name; here they are numbered by their place in their group, which is also the place
 * of their vector among the children of the decoded struct.
 * @see https://github.com/apache/parquet-format/blob/master/VariantShredding.md
 */
import { compareBytes, utf8Encode } from '../../../base/bytes.js'
import { PhysicalType, type SchemaElement } from '../footer/metadata.js'
import type { ThriftStruct } from '../footer/thrift.js'

/** The group of a variant, of a shredded object field or of a shredded array element. */
export interface VariantGroup {
  /** Place of the child `metadata`; only the outermost group has one. */
  readonly metadata: number | undefined
  /** Place of the child `value`. */
  readonly value: number | undefined
  /** The child `typed_value`. */
  readonly typed: TypedValue | undefined
}

export interface TypedValue {
  readonly place: number
  readonly shape: TypedShape
}

export type TypedShape =
  | { readonly kind: 'primitive'; readonly primitive: ShreddedPrimitive; readonly scale: number }
  /** The fields in the order of the UTF-8 bytes of their names. */
  | { readonly kind: 'object'; readonly fields: readonly ShreddedField[] }
  | { readonly kind: 'array'; readonly element: VariantGroup }
  /** Nothing a variant can be made of; an error once the column is read, so that other columns stay readable. */
  | { readonly kind: 'refused'; readonly error: 'unsupported' | 'corrupt'; readonly reason: string }

export interface ShreddedField {
  readonly name: string
  readonly place: number
  readonly group: VariantGroup
}

/** The types of the spec's table "Shredded Value Types"; each decides how its values are encoded as a variant. */
export type ShreddedPrimitive =
  | 'boolean'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float'
  | 'double'
  | 'decimal4'
  | 'decimal8'
  | 'decimal16'
  | 'date'
  | 'time'
  | 'timestamptz'
  | 'timestamp'
  | 'timestamptz_ns'
  | 'timestamp_ns'
  | 'binary'
  | 'string'
  | 'uuid'

/** Groups deeper than this inside a variant are refused. */
const MAX_DEPTH = 100

/**
 * Reads the group whose schema element is at index `at`.
 * Never throws for what stands below a group: what cannot be read is told by the shape.
 */
export function readVariantGroup(elements: readonly SchemaElement[], at: number): VariantGroup {
  return readGroup(elements, at, 0)
}

function readGroup(elements: readonly SchemaElement[], at: number, depth: number): VariantGroup {
  let metadata: number | undefined
  let value: number | undefined
  let typed: TypedValue | undefined
  for (const [place, child] of childrenOf(elements, at).entries()) {
    const name = elements[child]?.name
    if (name === 'metadata' && depth === 0) metadata = place
    else if (name === 'value') value = place
    else if (name === 'typed_value') typed = { place, shape: readShape(elements, child, depth + 1) }
  }
  return { metadata, value, typed }
}

/** Indexes of the children of a group. */
function childrenOf(elements: readonly SchemaElement[], at: number): number[] {
  const children: number[] = []
  let next = at + 1
  for (let i = elements[at]?.childCount ?? 0; i > 0 && next < elements.length; i--) {
    children.push(next)
    next = subtreeEnd(elements, next)
  }
  return children
}

function subtreeEnd(elements: readonly SchemaElement[], at: number): number {
  let end = at
  for (let open = 1; open > 0 && end < elements.length; end++) open += (elements[end]?.childCount ?? 0) - 1
  return end
}

function readShape(elements: readonly SchemaElement[], at: number, depth: number): TypedShape {
  const element = elements[at]
  if (element === undefined) return refused('corrupt', 'the schema ends inside a variant')
  if (depth > MAX_DEPTH) return refused('unsupported', 'the variant is shredded too deeply')
  if (element.repetition === 'repeated') return refused('corrupt', 'the field is repeated')
  if (element.physicalType !== undefined) return primitiveShape(element)
  if (element.logicalType?.field_3 !== undefined || element.convertedType === 3) {
    return readArray(elements, at, depth)
  }
  if (element.logicalType !== undefined || element.convertedType !== undefined) {
    return refused('unsupported', 'the group is neither a list nor a plain group')
  }
  return readObject(elements, at, depth)
}

/** Only the three-level form: `group (LIST) { repeated group { group element } }`. */
function readArray(elements: readonly SchemaElement[], at: number, depth: number): TypedShape {
  const repeated = elements[at + 1]
  const element = elements[at + 2]
  const oldName = repeated?.name === 'array' || repeated?.name === `${elements[at]?.name}_tuple`
  const isWrapped = repeated?.repetition === 'repeated' && repeated.childCount === 1 && !oldName
  if (elements[at]?.childCount !== 1 || !isWrapped) {
    return refused('unsupported', 'the list has not three levels')
  }
  if (element === undefined || element.physicalType !== undefined || element.repetition === 'repeated') {
    return refused('corrupt', 'the list element is no group')
  }
  return { kind: 'array', element: readGroup(elements, at + 2, depth + 1) }
}

function readObject(elements: readonly SchemaElement[], at: number, depth: number): TypedShape {
  const fields: ShreddedField[] = []
  const names = new Set<string>()
  for (const [place, child] of childrenOf(elements, at).entries()) {
    const element = elements[child]
    if (element === undefined || element.physicalType !== undefined || element.repetition === 'repeated') {
      return refused('corrupt', 'a shredded field is no group')
    }
    if (names.has(element.name)) return refused('corrupt', 'a field is shredded twice')
    names.add(element.name)
    fields.push({ name: element.name, place, group: readGroup(elements, child, depth + 1) })
  }
  fields.sort((a, b) => compareBytes(utf8Encode(a.name), utf8Encode(b.name)))
  return { kind: 'object', fields }
}

function refused(error: 'unsupported' | 'corrupt', reason: string): TypedShape {
  return { kind: 'refused', error, reason }
}

function primitiveShape(element: SchemaElement): TypedShape {
  const decimal = decimalOf(element)
  if (decimal !== undefined) {
    const primitive = decimalPrimitive(element)
    const { scale } = decimal
    const isLegal = primitive !== undefined && scale >= 0 && scale <= 38
    return isLegal ? { kind: 'primitive', primitive, scale } : REFUSED_LEAF
  }
  const { logicalType, convertedType } = element
  const primitive =
    logicalType !== undefined
      ? logicalPrimitive(logicalType, element)
      : convertedType !== undefined
        ? CONVERTED[convertedType]
        : PHYSICAL[element.physicalType ?? -1]
  return primitive === undefined ? REFUSED_LEAF : { kind: 'primitive', primitive, scale: 0 }
}

const REFUSED_LEAF: TypedShape = refused('unsupported', 'the column type has no variant type')

function decimalOf(element: SchemaElement): { readonly scale: number } | undefined {
  const logical = element.logicalType?.field_5 as ThriftStruct | undefined
  if (logical !== undefined) return { scale: typeof logical.field_1 === 'number' ? logical.field_1 : 0 }
  return element.convertedType === 5 ? { scale: element.scale ?? 0 } : undefined
}

/** The stored width, not the precision, tells which decimal of a variant it was. */
function decimalPrimitive(element: SchemaElement): ShreddedPrimitive | undefined {
  switch (element.physicalType) {
    case PhysicalType.int32:
      return 'decimal4'
    case PhysicalType.int64:
      return 'decimal8'
    case PhysicalType.byteArray:
    case PhysicalType.fixed:
      return 'decimal16'
    default:
      return undefined
  }
}

function logicalPrimitive(logical: ThriftStruct, element: SchemaElement): ShreddedPrimitive | undefined {
  if (logical.field_1 !== undefined) return 'string'
  if (logical.field_6 !== undefined) return 'date'
  if (logical.field_7 !== undefined) return timePrimitive(logical.field_7 as ThriftStruct)
  if (logical.field_8 !== undefined) return timestampPrimitive(logical.field_8 as ThriftStruct)
  if (logical.field_10 !== undefined) return integerPrimitive(logical.field_10 as ThriftStruct)
  if (logical.field_14 !== undefined && element.typeLength === 16) return 'uuid'
  return undefined
}

function timePrimitive(logical: ThriftStruct): ShreddedPrimitive | undefined {
  const zoned = logical.field_1 === true
  return !zoned && unitOf(logical) === 'micros' ? 'time' : undefined
}

function timestampPrimitive(logical: ThriftStruct): ShreddedPrimitive | undefined {
  const zoned = logical.field_1 === true
  const unit = unitOf(logical)
  if (unit === 'micros') return zoned ? 'timestamptz' : 'timestamp'
  if (unit === 'nanos') return zoned ? 'timestamptz_ns' : 'timestamp_ns'
  return undefined
}

function unitOf(logical: ThriftStruct): 'micros' | 'nanos' | undefined {
  const unit = logical.field_2 as ThriftStruct | undefined
  if (unit?.field_2 !== undefined) return 'micros'
  return unit?.field_3 === undefined ? undefined : 'nanos'
}

function integerPrimitive(logical: ThriftStruct): ShreddedPrimitive | undefined {
  const { field_1: bits, field_2: signed } = logical
  if (signed !== true) return undefined
  if (bits === 8) return 'int8'
  if (bits === 16) return 'int16'
  if (bits === 32) return 'int32'
  return bits === 64 ? 'int64' : undefined
}

/** By `ConvertedType`; the old micro-second time is one in UTC, which a variant has not. */
const CONVERTED: Readonly<Record<number, ShreddedPrimitive>> = {
  0: 'string',
  6: 'date',
  10: 'timestamptz',
  15: 'int8',
  16: 'int16',
  17: 'int32',
  18: 'int64',
}

const PHYSICAL: Readonly<Record<number, ShreddedPrimitive>> = {
  [PhysicalType.boolean]: 'boolean',
  [PhysicalType.int32]: 'int32',
  [PhysicalType.int64]: 'int64',
  [PhysicalType.float]: 'float',
  [PhysicalType.double]: 'double',
  [PhysicalType.byteArray]: 'binary',
}
