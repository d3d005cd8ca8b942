/**
 * A new sort order for a table. Orders do not evolve field by field: the whole order is replaced, and files keep
 * the order that they were written with.
 */
import { LakeError } from '../base/errors.js'
import { checkSortOrder } from './check-sort-order.js'
import type { Transform } from './partition-spec.js'
import { type FindFieldOptions, findField } from './schema.js'
import type { SortField, SortOrder } from './sort-order.js'
import type { Schema } from './types.js'

/** A column by its dotted name, and how rows are ordered by it. */
export interface SortTerm {
  readonly column: string
  readonly transform: Transform
  readonly direction: SortField['direction']
  readonly nullOrder: SortField['nullOrder']
}

/** No terms: the table is not sorted. */
export interface SortChange {
  readonly kind: 'set-sort-order'
  readonly terms: readonly SortTerm[]
}

/**
 * The order of the terms; its id is still to be given.
 * @throws invalid-argument for a column that is not there or cannot be sorted by; unsupported
 */
export function sortOrderOf(
  terms: readonly SortTerm[],
  schema: Schema,
  options: FindFieldOptions = {},
): SortOrder {
  const fields = terms.map(({ column, transform, direction, nullOrder }): SortField => {
    const field = findField(schema, column, options)
    if (field === undefined)
      throw new LakeError('invalid-argument', 'the column is not in the schema', { context: { column } })
    return { sourceId: field.id, transform, direction, nullOrder }
  })
  const order = { orderId: fields.length === 0 ? 0 : 1, fields }
  checkSortOrder(order, schema)
  return order
}
