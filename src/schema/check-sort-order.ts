/**
 * Whether a sort order is sound.
 * @see Iceberg table spec, "Sort Orders"
 */
import { LakeError } from '../base/errors.js'
import { inStructsOnly } from './partition.js'
import { fieldById } from './schema.js'
import type { SortField, SortOrder } from './sort-order.js'
import { canTransform, printTransform } from './transform.js'
import type { Schema } from './types.js'

/**
 * Checks an order that is about to be created: sources are primitive columns outside lists and maps, and the
 * transforms are known and apply to them.
 * @throws invalid-argument naming the source
 * @throws unsupported when a transform is not known
 */
export function checkSortOrder(order: SortOrder, schema: Schema): void {
  for (const field of order.fields) checkSortField(field, schema)
}

function checkSortField(field: SortField, schema: Schema): void {
  const context = { sourceId: field.sourceId, transform: printTransform(field.transform) }
  if (field.transform.kind === 'unsupported') {
    throw new LakeError('unsupported', 'the transform is not known', { context })
  }
  const source = fieldById(schema, field.sourceId)
  if (!source) throw new LakeError('invalid-argument', 'a sort column is not in the schema', { context })
  if (!canTransform(field.transform, source.type) || !inStructsOnly(schema, field.sourceId)) {
    throw new LakeError('invalid-argument', 'a table cannot be sorted by the column', { context })
  }
}
