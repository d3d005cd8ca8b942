/**
 * Projection: how the columns of a data file become those of a schema that evolved since. Columns are matched by
 * field id alone, so renames and moves cost nothing, and a name that was dropped and added again is another
 * column. The result is a plan, made once a file and applied to each batch by `batch/project-batch.ts`.
 *
 * A field that the file does not have takes its constant (an identity partition value), else its initial default,
 * else null, inside structs too. A struct that is null stays null: defaults fill present structs only.
 * @see Iceberg table spec, "Column Projection", "Default values"
 */
import { LakeError } from '../base/errors.js'
import { canPromote } from './promotion.js'
import { printType, samePrimitive } from './type-text.js'
import { type Field, isPrimitive, type PrimitiveType, type Type, type Value } from './types.js'

/** Where one expected field comes from. */
export type FieldProjection =
  /** Field `index` of the file (or of the file's struct), changed as `type` says. */
  | { readonly kind: 'take'; readonly index: number; readonly type: TypeProjection }
  | { readonly kind: 'default'; readonly value: Value }
  | { readonly kind: 'null' }

/** How a column that is there changes. */
export type TypeProjection =
  | { readonly kind: 'same' }
  | { readonly kind: 'promote'; readonly from: PrimitiveType; readonly to: PrimitiveType }
  | { readonly kind: 'struct'; readonly fields: readonly FieldProjection[] }
  | { readonly kind: 'list'; readonly element: TypeProjection }
  | { readonly kind: 'map'; readonly key: TypeProjection; readonly value: TypeProjection }
  /** A variant whose two parts, fields of a struct of the file, are put together. */
  | { readonly kind: 'variant'; readonly metadata: number; readonly value: number }

export interface PlanProjectionOptions {
  /**
   * The value, of the field's type, that stands in for a field at any depth of structs that the file does not have;
   * null says that it is null, undefined that there is none.
   */
  readonly constantOf?: ((field: Field) => Value | undefined) | undefined
}

/**
 * One projection for each expected field, in order.
 * @throws corrupt when a type of the file cannot become the expected one, or a required field is missing and has
 *   neither constant nor default
 */
export function planProjection(
  fileFields: readonly Field[],
  expectedFields: readonly Field[],
  options: PlanProjectionOptions = {},
): readonly FieldProjection[] {
  const indexOf = new Map(fileFields.map((field, index) => [field.id, index]))
  return expectedFields.map(expected => {
    const index = indexOf.get(expected.id)
    const fileField = index === undefined ? undefined : fileFields[index]
    if (index === undefined || !fileField) return projectMissing(expected, options)
    return { kind: 'take', index, type: projectType(fileField.type, expected, options) }
  })
}

function projectMissing(expected: Field, options: PlanProjectionOptions): FieldProjection {
  const constant = options.constantOf?.(expected)
  // A constant that is null says so: an identity partition of nulls is not filled by the default.
  const value = constant === undefined ? expected.initialDefault : constant
  if (value !== undefined && value !== null) return { kind: 'default', value }
  if (expected.required && constant === undefined) {
    throw new LakeError('corrupt', 'a required column without a default is missing in the file', {
      context: { field: expected.name, fieldId: expected.id },
    })
  }
  return { kind: 'null' }
}

const SAME: TypeProjection = { kind: 'same' }

type Named = Pick<Field, 'id' | 'name'>

/** `expected` names what is projected in errors; inside lists and maps it stands for the column around them. */
function projectType(
  from: Type,
  expected: Named & { readonly type: Type },
  options: PlanProjectionOptions,
): TypeProjection {
  const to = expected.type
  if (from.kind === 'struct' && to.kind === 'struct') return projectStruct(from.fields, to.fields, options)
  const inside = (fromPart: Type, type: Type): TypeProjection =>
    projectType(fromPart, { id: expected.id, name: expected.name, type }, options)
  if (from.kind === 'list' && to.kind === 'list') {
    const element = inside(from.element, to.element)
    return element.kind === 'same' ? SAME : { kind: 'list', element }
  }
  if (from.kind === 'map' && to.kind === 'map') {
    const key = inside(from.key, to.key)
    const value = inside(from.value, to.value)
    return key.kind === 'same' && value.kind === 'same' ? SAME : { kind: 'map', key, value }
  }
  if (isPrimitive(from) && isPrimitive(to)) return projectPrimitive(from, to, expected)
  const parts = from.kind === 'struct' && to.kind === 'variant' ? variantParts(from.fields) : undefined
  return parts ?? mismatch(from, to, expected)
}

/** Writers that are older than the annotation of variants store a plain group of metadata and value. */
function variantParts(fields: readonly Field[]): TypeProjection | undefined {
  const place = (name: string): number =>
    fields.findIndex(field => field.name === name && field.type.kind === 'binary')
  const metadata = place('metadata')
  const value = place('value')
  return fields.length === 2 && metadata >= 0 && value >= 0 ? { kind: 'variant', metadata, value } : undefined
}

function projectStruct(
  from: readonly Field[],
  to: readonly Field[],
  options: PlanProjectionOptions,
): TypeProjection {
  const fields = planProjection(from, to, options)
  const unchanged = fields.every(
    (field, index) => field.kind === 'take' && field.index === index && field.type.kind === 'same',
  )
  return unchanged && from.length === to.length ? SAME : { kind: 'struct', fields }
}

function projectPrimitive(from: PrimitiveType, to: PrimitiveType, field: Named): TypeProjection {
  if (samePrimitive(from, to) || sameLayout(from, to)) return SAME
  if (canPromote(from, to) || isFinerTimestamp(from, to)) return { kind: 'promote', from, to }
  return mismatch(from, to, field)
}

/**
 * Types whose columns look alike and that writers without Iceberg's annotations confuse: text and bytes, uuid
 * and fixed[16], zoned and zoneless timestamps; a decimal's precision does not show in memory either.
 */
function sameLayout(from: PrimitiveType, to: PrimitiveType): boolean {
  switch (to.kind) {
    case 'string':
    case 'binary':
      return from.kind === 'string' || from.kind === 'binary'
    case 'uuid':
      return from.kind === 'fixed' && from.lengthBytes === 16
    case 'fixed':
      return from.kind === 'uuid' && to.lengthBytes === 16
    case 'timestamp':
    case 'timestamptz':
      return from.kind === 'timestamp' || from.kind === 'timestamptz'
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return from.kind === 'timestamp_ns' || from.kind === 'timestamptz_ns'
    case 'decimal':
      return from.kind === 'decimal' && from.scale === to.scale
    case 'variant':
    case 'geometry':
    case 'geography':
      return from.kind === 'binary' || from.kind === to.kind
    default:
      return false
  }
}

/** Imported files with nanoseconds are read in a column of microseconds, rounded down. */
function isFinerTimestamp(from: PrimitiveType, to: PrimitiveType): boolean {
  return (
    (from.kind === 'timestamp_ns' || from.kind === 'timestamptz_ns') &&
    (to.kind === 'timestamp' || to.kind === 'timestamptz')
  )
}

function mismatch(from: Type, to: Type, field: Named): never {
  throw new LakeError('corrupt', 'a column of the file has a type that cannot become the expected one', {
    context: { field: field.name, fieldId: field.id, from: printType(from), to: printType(to) },
  })
}
