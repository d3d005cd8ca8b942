/** Updates of schemas, partition specs and sort orders: equal ones share an id, new ones get the next free id. */
import { LakeError } from '../base/errors.js'
import { checkSortOrder } from '../schema/check-sort-order.js'
import { checkPartitionSpec } from '../schema/partition.js'
import type { PartitionField, PartitionSpec } from '../schema/partition-spec.js'
import { checkSchema, highestFieldId, sameSchema } from '../schema/schema.js'
import type { SortField, SortOrder } from '../schema/sort-order.js'
import { sameTransform } from '../schema/transform.js'
import type { Schema } from '../schema/types.js'
import { schemaById, sortOrderById, specById } from './lookup.js'
import type { TableMetadata } from './table-metadata.js'
import { LAST_ADDED } from './table-update.js'

/** Metadata on its way through a list of updates. */
export interface Draft {
  readonly metadata: TableMetadata
  readonly nowMs: number
  readonly addedSnapshotIds: ReadonlySet<bigint>
  /** What `LAST_ADDED` means. */
  readonly lastAddedSchemaId?: number
  readonly lastAddedSpecId?: number
  readonly lastAddedSortOrderId?: number
}

function invalid(message: string, context: Readonly<Record<string, string | number>>): LakeError {
  return new LakeError('invalid-argument', message, { context })
}

/** The id that `LAST_ADDED` stands for, or the id itself. */
function resolveId(id: number, lastAdded: number | undefined): number {
  if (id !== LAST_ADDED) return id
  if (lastAdded === undefined) throw invalid('nothing was added that the last added id could mean', {})
  return lastAdded
}

// ---- schemas

export function addSchema(draft: Draft, schema: Schema): Draft {
  const { metadata } = draft
  const same = metadata.schemas.find(other => sameSchema(other, schema))
  if (same !== undefined) return { ...draft, lastAddedSchemaId: same.schemaId }
  checkSchema(schema, { formatVersion: metadata.formatVersion })
  const schemaId = Math.max(-1, ...metadata.schemas.map(other => other.schemaId)) + 1
  return {
    ...draft,
    lastAddedSchemaId: schemaId,
    metadata: {
      ...metadata,
      schemas: [...metadata.schemas, { ...schema, schemaId }],
      lastColumnId: Math.max(metadata.lastColumnId, highestFieldId(schema)),
    },
  }
}

export function setCurrentSchema(draft: Draft, asked: number): Draft {
  const { metadata } = draft
  const schemaId = resolveId(asked, draft.lastAddedSchemaId)
  if (schemaById(metadata, schemaId) === undefined) throw invalid('the schema is not there', { schemaId })
  if (schemaId === metadata.currentSchemaId) return draft
  return { ...draft, metadata: { ...metadata, currentSchemaId: schemaId } }
}

/** Neither the current schema nor one that a snapshot was written with goes away. */
export function removeSchemas(draft: Draft, schemaIds: readonly number[]): Draft {
  const { metadata } = draft
  if (schemaIds.includes(metadata.currentSchemaId))
    throw invalid('the current schema cannot be removed', { schemaId: metadata.currentSchemaId })
  const user = metadata.snapshots.find(
    ({ schemaId }) => schemaId !== undefined && schemaIds.includes(schemaId),
  )
  if (user !== undefined)
    throw new LakeError('conflict', 'a snapshot uses a schema to be removed', {
      context: { snapshotId: user.snapshotId, schemaId: user.schemaId ?? -1 },
    })
  const schemas = metadata.schemas.filter(schema => !schemaIds.includes(schema.schemaId))
  return schemas.length === metadata.schemas.length ? draft : { ...draft, metadata: { ...metadata, schemas } }
}

/** What new specs and orders refer to: the current schema, or while a table is made the one added last. */
function boundSchema(draft: Draft): Schema {
  const { metadata, lastAddedSchemaId } = draft
  const id = metadata.currentSchemaId < 0 ? lastAddedSchemaId : metadata.currentSchemaId
  const schema = id === undefined ? undefined : schemaById(metadata, id)
  if (schema === undefined) throw invalid('a schema must be added first', {})
  return schema
}

// ---- partition specs

export function addSpec(draft: Draft, spec: PartitionSpec): Draft {
  const { metadata } = draft
  const same = metadata.partitionSpecs.find(other => sameSpec(other, spec))
  if (same !== undefined) return { ...draft, lastAddedSpecId: same.specId }
  const evolvedFrom = specById(metadata, metadata.defaultSpecId)
  checkPartitionSpec(spec, boundSchema(draft), { evolvedFrom })
  const specId = Math.max(-1, ...metadata.partitionSpecs.map(other => other.specId)) + 1
  return {
    ...draft,
    lastAddedSpecId: specId,
    metadata: {
      ...metadata,
      partitionSpecs: [...metadata.partitionSpecs, { ...spec, specId }],
      lastPartitionId: Math.max(metadata.lastPartitionId, ...spec.fields.map(field => field.fieldId)),
    },
  }
}

/** Whether two specs have the same fields, ids and names included. */
export function sameSpec(a: PartitionSpec, b: PartitionSpec): boolean {
  const pairs = a.fields.map((field, index) => [field, b.fields[index]] as const)
  return (
    a.fields.length === b.fields.length &&
    pairs.every(([x, y]) => y !== undefined && samePartitionField(x, y))
  )
}

function samePartitionField(a: PartitionField, b: PartitionField): boolean {
  return (
    a.sourceId === b.sourceId &&
    a.fieldId === b.fieldId &&
    a.name === b.name &&
    sameTransform(a.transform, b.transform)
  )
}

export function setDefaultSpec(draft: Draft, asked: number): Draft {
  const { metadata } = draft
  const specId = resolveId(asked, draft.lastAddedSpecId)
  if (specById(metadata, specId) === undefined) throw invalid('the partition spec is not there', { specId })
  return specId === metadata.defaultSpecId
    ? draft
    : { ...draft, metadata: { ...metadata, defaultSpecId: specId } }
}

/** The caller knows that no manifest uses them; the default spec never goes away. */
export function removePartitionSpecs(draft: Draft, specIds: readonly number[]): Draft {
  const { metadata } = draft
  if (specIds.includes(metadata.defaultSpecId))
    throw invalid('the default partition spec cannot be removed', { specId: metadata.defaultSpecId })
  const partitionSpecs = metadata.partitionSpecs.filter(spec => !specIds.includes(spec.specId))
  return partitionSpecs.length === metadata.partitionSpecs.length
    ? draft
    : { ...draft, metadata: { ...metadata, partitionSpecs } }
}

// ---- sort orders

/** The unsorted order is 0, the others count from 1. */
export function addSortOrder(draft: Draft, order: SortOrder): Draft {
  const { metadata } = draft
  const same = metadata.sortOrders.find(other => sameOrder(other, order))
  if (same !== undefined) return { ...draft, lastAddedSortOrderId: same.orderId }
  checkSortOrder(order, boundSchema(draft))
  const orderId =
    order.fields.length === 0 ? 0 : Math.max(0, ...metadata.sortOrders.map(other => other.orderId)) + 1
  const sortOrders = [...metadata.sortOrders, { ...order, orderId }]
  return { ...draft, lastAddedSortOrderId: orderId, metadata: { ...metadata, sortOrders } }
}

/** Whether two orders have the same fields. */
export function sameOrder(a: SortOrder, b: SortOrder): boolean {
  const pairs = a.fields.map((field, index) => [field, b.fields[index]] as const)
  return (
    a.fields.length === b.fields.length && pairs.every(([x, y]) => y !== undefined && sameSortField(x, y))
  )
}

function sameSortField(a: SortField, b: SortField): boolean {
  return (
    a.sourceId === b.sourceId &&
    a.direction === b.direction &&
    a.nullOrder === b.nullOrder &&
    sameTransform(a.transform, b.transform)
  )
}

export function setDefaultSortOrder(draft: Draft, asked: number): Draft {
  const { metadata } = draft
  const orderId = resolveId(asked, draft.lastAddedSortOrderId)
  if (sortOrderById(metadata, orderId) === undefined)
    throw invalid('the sort order is not there', { orderId })
  return orderId === metadata.defaultSortOrderId
    ? draft
    : { ...draft, metadata: { ...metadata, defaultSortOrderId: orderId } }
}
