/**
 * The key columns of equality deletes. A key is compared by field id, so it may have been renamed, promoted,
 * nested in a struct, or dropped from the schema since; the newest definition of its id says its type.
 *
 * A key in a struct is compared with the struct around it: a null in a struct that is there and a null struct are two
 * keys, as they are to Iceberg's Java library. Taken for one, rows would go that no other engine deletes.
 */
import { LakeError } from '../base/errors.js'
import type { Field, PrimitiveType, Schema, Type } from '../schema/types.js'
import { isPrimitive } from '../schema/types.js'

export interface KeyColumn {
  readonly fieldId: number
  readonly type: PrimitiveType
  /** The top-level column that holds the key, cut down to it; nothing in it is required. */
  readonly column: Field
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
    return { type: field.type, column: { ...field, required: false } }
  }
  if (field.type.kind !== 'struct') return undefined
  for (const child of field.type.fields) {
    const found = cutDown(child, fieldId)
    if (found === undefined) continue
    const type: Type = { kind: 'struct', fields: [found.column] }
    return { type: found.type, column: { ...field, required: false, type } }
  }
  return undefined
}
