/** Whether the schema, the partition spec and the sort order that a table is to have go together, and with its rows. */
import { type ErrorContext, LakeError } from '../base/errors.js'
import { currentSchema, defaultSpec } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { checkSortOrder } from '../schema/check-sort-order.js'
import { checkPartitionSpec } from '../schema/partition.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { fieldById, fieldPath } from '../schema/schema.js'
import type { SortOrder } from '../schema/sort-order.js'
import type { Schema } from '../schema/types.js'

/** What the table is to have. */
export interface AlteredStructure {
  readonly schema: Schema
  readonly spec: PartitionSpec
  readonly sortOrder: SortOrder
}

/**
 * @throws invalid-argument for a column that is dropped though spec or order use it, a promotion that changes what
 * partition fields say, and for a spec or an order that does not fit the schema
 */
export function checkAlteration(
  metadata: TableMetadata,
  { schema, spec, sortOrder }: AlteredStructure,
): void {
  for (const field of spec.fields) {
    if (field.transform.kind === 'void' || fieldById(schema, field.sourceId) !== undefined) continue
    refuse('a column that the table is partitioned by cannot be dropped: drop the partition field first', {
      column: columnName(metadata, field.sourceId),
      partitionField: field.name,
    })
  }
  for (const field of sortOrder.fields) {
    if (fieldById(schema, field.sourceId) !== undefined) continue
    refuse('a column that the table is sorted by cannot be dropped: change the sort order first', {
      column: columnName(metadata, field.sourceId),
    })
  }
  const isKnown = (field: { readonly transform: { readonly kind: string } }): boolean =>
    field.transform.kind !== 'unsupported'
  if (spec.fields.every(isKnown)) checkPartitionSpec(spec, schema, { evolvedFrom: defaultSpec(metadata) })
  if (sortOrder.fields.every(isKnown)) checkSortOrder(sortOrder, schema)
  checkPromotions(metadata, schema)
}

function columnName(metadata: TableMetadata, fieldId: number): string {
  return fieldPath(currentSchema(metadata), fieldId)?.join('.') ?? String(fieldId)
}

/** Transforms of a date that give a timestamp of it the same value. */
const KEPT_BY_TIMESTAMPS: ReadonlySet<string> = new Set(['year', 'month', 'day', 'void'])

/** A promotion may not change what a partition field of any spec says of the rows that are there. */
function checkPromotions(metadata: TableMetadata, schema: Schema): void {
  const before = currentSchema(metadata)
  for (const field of metadata.partitionSpecs.flatMap(spec => spec.fields)) {
    const from = fieldById(before, field.sourceId)?.type
    const to = fieldById(schema, field.sourceId)?.type
    if (from?.kind !== 'date' || to === undefined || to.kind === 'date') continue
    if (KEPT_BY_TIMESTAMPS.has(field.transform.kind)) continue
    refuse('a column cannot be promoted that a partition field is made of, because its values would change', {
      column: columnName(metadata, field.sourceId),
      partitionField: field.name,
    })
  }
}

function refuse(message: string, context: ErrorContext): never {
  throw new LakeError('invalid-argument', message, { context })
}
