/**
 * Iceberg's types and the schema made of them, as plain data.
 * @see Iceberg table spec, "Schemas and Data Types"
 */

/** Types without parameters. */
export type SimpleTypeKind =
  | 'boolean'
  | 'int'
  | 'long'
  | 'float'
  | 'double'
  | 'date'
  | 'time'
  | 'timestamp'
  | 'timestamptz'
  | 'timestamp_ns'
  | 'timestamptz_ns'
  | 'string'
  | 'uuid'
  | 'binary'
  | 'unknown'
  | 'variant'

export interface SimpleType {
  readonly kind: SimpleTypeKind
}
export interface DecimalType {
  readonly kind: 'decimal'
  /** 1 to 38 digits. */
  readonly precision: number
  readonly scale: number
}
export interface FixedType {
  readonly kind: 'fixed'
  readonly lengthBytes: number
}
export interface GeometryType {
  readonly kind: 'geometry'
  readonly crs?: string
}
export interface GeographyType {
  readonly kind: 'geography'
  readonly crs?: string
  readonly algorithm?: string
}
export type PrimitiveType = SimpleType | DecimalType | FixedType | GeometryType | GeographyType

export interface StructType {
  readonly kind: 'struct'
  readonly fields: readonly Field[]
}
export interface ListType {
  readonly kind: 'list'
  readonly elementId: number
  readonly elementRequired: boolean
  readonly element: Type
}
export interface MapType {
  readonly kind: 'map'
  readonly keyId: number
  readonly key: Type
  readonly valueId: number
  readonly valueRequired: boolean
  readonly value: Type
}
export type Type = PrimitiveType | StructType | ListType | MapType

export interface Field {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: Type
  readonly doc?: string
  readonly initialDefault?: Value
  readonly writeDefault?: Value
}

export interface Schema {
  readonly schemaId: number
  readonly fields: readonly Field[]
  /** Ids of the identifier fields: the table's key. Empty when there is none. */
  readonly identifierFieldIds: readonly number[]
}

/**
 * One value of a type, at the edges and in literals (batches hold columns instead):
 * boolean: boolean; int, date (days): number; long, time and timestamps (micros, nanos for _ns): bigint;
 * float, double: number; decimal: unscaled bigint; string: string; uuid, fixed, binary, variant, geometry,
 * geography: bytes; struct: values in field order; list: values; map: [key, value] pairs; null: a stored null.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | readonly Value[]

/** The type of maps of two fields, by whatever names. */
export function mapType(
  key: Pick<Field, 'id' | 'type'>,
  value: Pick<Field, 'id' | 'type' | 'required'>,
): MapType {
  return {
    kind: 'map',
    keyId: key.id,
    key: key.type,
    valueId: value.id,
    valueRequired: value.required,
    value: value.type,
  }
}

export function isPrimitive(type: Type): type is PrimitiveType {
  return type.kind !== 'struct' && type.kind !== 'list' && type.kind !== 'map'
}
