/**
 * The key columns of equality deletes. A key is compared by field id, so it may have been renamed, promoted,
 * nested in a struct, or dropped from the schema since; the newest definition of its id says its type.
 */
import { LakeError } from '../base/errors.js'
import type { Bitmap, Vector } from '../batch/column-batch.js'
import type { Field, PrimitiveType, Schema, Type } from '../schema/types.js'
import { isPrimitive } from '../schema/types.js'

export interface KeyColumn {
  readonly fieldId: number
  readonly type: PrimitiveType
  /** The top-level column that holds the key, cut down to it; nothing in it is required. */
  readonly column: Field
  /** Structs between the column and the key. */
  readonly depth: number
}

/**
 * Finds the key in the schema that is read, else in the newest schema that has it.
 * @throws corrupt when no schema has the id; unsupported for a key that is not primitive
 */
export function keyColumn(fieldId: number, schema: Schema, schemas: readonly Schema[]): KeyColumn {
  for (const candidate of [schema, ...schemas.toReversed()]) {
    for (const field of candidate.fields) {
      const found = cutDown(field, fieldId)
      if (found !== undefined) return { fieldId, ...found }
    }
  }
  throw new LakeError('corrupt', 'an equality delete compares a column that no schema has', {
    context: { fieldId },
  })
}

function cutDown(field: Field, fieldId: number): Omit<KeyColumn, 'fieldId'> | undefined {
  if (field.id === fieldId) {
    if (!isPrimitive(field.type))
      throw new LakeError('unsupported', 'equality deletes on a nested column cannot be read', {
        context: { fieldId },
      })
    return { type: field.type, column: { ...field, required: false }, depth: 0 }
  }
  if (field.type.kind !== 'struct') return undefined
  for (const child of field.type.fields) {
    const found = cutDown(child, fieldId)
    if (found === undefined) continue
    const type: Type = { kind: 'struct', fields: [found.column] }
    return { type: found.type, column: { ...field, required: false, type }, depth: found.depth + 1 }
  }
  return undefined
}

/** The key's values: a key inside a null struct is null. */
export function keyVector(column: Vector, depth: number): Vector {
  let vector = column
  for (let level = 0; level < depth; level++) {
    if (vector.layout === 'null') return vector
    const child: Vector | undefined = vector.layout === 'struct' ? vector.children[0] : undefined
    if (vector.layout !== 'struct' || child === undefined)
      throw new LakeError('corrupt', 'a struct column holds another layout')
    vector = maskedBy(child, vector.validity)
  }
  return vector
}

function maskedBy(vector: Vector, parent: Bitmap | undefined): Vector {
  if (parent === undefined || vector.layout === 'null') return vector
  return { ...vector, validity: vector.validity === undefined ? parent : both(vector.validity, parent) }
}

function both(a: Bitmap, b: Bitmap): Bitmap {
  return a.map((byte, index) => byte & (b[index] ?? 0))
}
