/**
 * What a principal may read of a table: columns and rows, in terms of the table. Restricted reading is always done with the
 * current schema, so that names in a grant mean what they mean today, also in older snapshots. Where a grant does not fit
 * the table any more, nothing is shown.
 */
import { LakeError } from '../base/errors.js'
import { BOUND_TRUE, type Bound, bind, boundColumns } from '../expression/bind.js'
import { currentSchema } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { indexFields } from '../schema/schema.js'
import type { Schema } from '../schema/types.js'
import { parsePredicate } from '../sql/predicate.js'
import type { Restriction } from './grants.js'
import { visibleCurrentSchema } from './restricted-metadata.js'

export interface TableScope {
  /** All columns, those of the row filter among them. */
  readonly whole: Schema
  /** The columns that may be seen. */
  readonly visible: Schema
  /** The rows that may be seen, bound to `whole`. */
  readonly rows: Bound
}

/** @throws denied when the grant does not fit the table */
export function tableScope(metadata: TableMetadata, restriction: Restriction): TableScope {
  const whole = currentSchema(metadata)
  const visible = visibleCurrentSchema(metadata, restriction)
  if (visible.fields.length === 0)
    throw new LakeError('denied', 'the table has none of the columns that the principal may see')
  return { whole, visible, rows: rowFilter(whole, restriction) }
}

function rowFilter(whole: Schema, { where }: Restriction): Bound {
  if (where === undefined) return BOUND_TRUE
  try {
    return bind(parsePredicate(where), whole)
  } catch (cause) {
    throw new LakeError('denied', 'the rows that the principal may see cannot be told', { cause })
  }
}

/**
 * Whether a plan of files shows nothing that is hidden. It names files and their partitions, and what is left of the row
 * filter: none of them may be made of hidden columns.
 * @throws denied naming the way that is left
 */
export function checkPlannable(metadata: TableMetadata, { visible, rows }: TableScope): void {
  const fields = indexFields(visible)
  const hidden = (id: number): boolean => !fields.has(id)
  const isHiding =
    [...boundColumns(rows)].some(hidden) ||
    metadata.partitionSpecs.some(spec => spec.fields.some(field => hidden(field.sourceId)))
  if (isHiding)
    throw new LakeError('denied', 'a plan would show columns that the principal may not see: read rows', {
      context: { location: metadata.location },
    })
}
