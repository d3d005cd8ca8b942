/**
 * Whether a batch may be written: columns there, in the layout of their types, no null where one may not be. Looked at
 * when the batch is taken, so that the caller learns it then and not when the row group is encoded.
 */
import { LakeError } from '../../../base/errors.js'
import type { ColumnBatch, Vector } from '../../../batch/column-batch.js'
import { hasLayoutOf } from '../../../batch/layout.js'
import { childFields } from '../../../schema/schema.js'
import type { Field } from '../../../schema/types.js'
import { shredColumn } from './shred.js'
import type { WriteSchema } from './write-schema.js'

/** @throws invalid-argument naming the field */
export function checkBatch(batch: ColumnBatch, schema: WriteSchema): void {
  for (const root of schema.roots) {
    const vector = batch.columns[root.column]
    if (vector === undefined || vector.length < batch.length) {
      throw new LakeError('invalid-argument', 'the batch lacks a column', {
        context: { field: root.field.name },
      })
    }
    // Shredding tells exactly what is wrong; it is only asked where something may be.
    if (!hasLayoutOf(vector, root.field.type) || mayHoldNull(root.field, vector)) shredColumn(root, vector)
  }
}

function mayHoldNull(field: Field, vector: Vector): boolean {
  const { type, required } = field
  if (vector.layout === 'null') return required
  if (required && vector.validity !== undefined) return true
  const inner = childFields(type)
  return innerVectors(vector).some((child, at) => {
    const childField = inner[at]
    return childField !== undefined && mayHoldNull(childField, child)
  })
}

function innerVectors(vector: Vector): readonly Vector[] {
  if (vector.layout === 'struct') return vector.children
  if (vector.layout === 'list') return [vector.element]
  return vector.layout === 'map' ? [vector.keys, vector.values] : []
}
