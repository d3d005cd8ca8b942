/** The order of a scan as it is written: SQL text such as `ts desc nulls last, id`, or terms. */
import { LakeError } from '../base/errors.js'
import type { OrderKey } from '../reader/order.js'
import { type Field, isPrimitive, type PrimitiveType, type Schema } from '../schema/types.js'

/** One term of an order. Nulls come first when ascending and last when descending, unless said otherwise. */
export interface OrderTerm {
  /** A top-level column. */
  readonly column: string
  readonly direction?: 'asc' | 'desc' | undefined
  readonly nulls?: 'first' | 'last' | undefined
}

export type OrderBy = string | readonly OrderTerm[]

/** @throws invalid-argument for an unknown column, one inside a struct, and one whose values have no order */
export async function orderKeys(orderBy: OrderBy, schema: Schema): Promise<readonly OrderKey[]> {
  const terms = typeof orderBy === 'string' ? await parsedTerms(orderBy, schema) : orderBy
  if (terms.length === 0) throw new LakeError('invalid-argument', 'an order has at least one column')
  return terms.map(({ column, direction = 'asc', nulls }) => ({
    ...orderedColumn(column, schema),
    direction,
    nulls: nulls ?? (direction === 'asc' ? 'first' : 'last'),
  }))
}

async function parsedTerms(text: string, schema: Schema): Promise<readonly OrderTerm[]> {
  const { parseSortBy } = await import('../sql/ddl.js')
  return parseSortBy(text, schema).map(({ sourceId, transform, direction, nullOrder }) => {
    const field = schema.fields.find(candidate => candidate.id === sourceId)
    if (field === undefined || transform.kind !== 'identity')
      throw new LakeError('invalid-argument', 'rows are ordered by top-level columns', {
        context: { orderBy: text },
      })
    return { column: field.name, direction, nulls: nullOrder === 'nulls-first' ? 'first' : 'last' }
  })
}

/** @throws invalid-argument for an unknown column, and one whose values have no order */
export function orderedColumn(
  column: string,
  schema: Schema,
): { readonly field: Field; readonly type: PrimitiveType } {
  const field = schema.fields.find(candidate => candidate.name === column)
  if (field === undefined)
    throw new LakeError('invalid-argument', 'the table has no such column', { context: { column } })
  const { type } = field
  if (isPrimitive(type) && !UNORDERED.has(type.kind)) return { field, type }
  throw new LakeError('invalid-argument', 'the values of the column have no order', {
    context: { column, type: type.kind },
  })
}

const UNORDERED: ReadonlySet<string> = new Set(['unknown', 'variant', 'geometry', 'geography'])
