/**
 * The metadata of a table as a principal sees it that may not see all columns or rows.
 *
 * | kept | left out |
 * |---|---|
 * | visible columns of every schema | the others, and partition, sort and identifier fields made of them |
 * | ids, times and operations of snapshots, refs, the log | manifest lists, summaries: they name partitions and counts |
 * | location, uuid, format version | properties, statistics, the metadata log, keys |
 *
 * It is enough to bind a filter and to have a scan planned by the server. File readers find no files by it.
 */
import { currentSchema } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { indexFields } from '../schema/schema.js'
import type { SortOrder } from '../schema/sort-order.js'
import type { Schema } from '../schema/types.js'
import type { Restriction } from './grants.js'

/** What stands where the location of a manifest list would be, which the format demands. */
const HIDDEN_LOCATION = 'hidden:'

export function restrictedMetadata(metadata: TableMetadata, restriction: Restriction): TableMetadata {
  const columnIds = visibleColumnIds(metadata, restriction)
  const schemas = metadata.schemas.map(schema => visibleSchema(schema, columnIds))
  const fieldIds = new Set(schemas.flatMap(schema => [...indexFields(schema).keys()]))
  const orders = metadata.sortOrders.map(order => visibleOrder(order, fieldIds))
  const keptOrders = orders.filter(order => order.fields.length > 0 || order.orderId === 0)
  const hasDefault = keptOrders.some(order => order.orderId === metadata.defaultSortOrderId)
  const hasUnsorted = keptOrders.some(order => order.orderId === 0)
  return {
    ...metadata,
    schemas,
    partitionSpecs: metadata.partitionSpecs.map(spec => visibleSpec(spec, fieldIds)),
    sortOrders: hasDefault || hasUnsorted ? keptOrders : [...keptOrders, { orderId: 0, fields: [] }],
    defaultSortOrderId: hasDefault ? metadata.defaultSortOrderId : 0,
    properties: {},
    snapshots: metadata.snapshots.map(visibleSnapshot),
    metadataLog: [],
    statistics: [],
    partitionStatistics: [],
    encryptionKeys: [],
  }
}

/** The current schema as the principal sees it. */
export function visibleCurrentSchema(metadata: TableMetadata, restriction: Restriction): Schema {
  return visibleSchema(currentSchema(metadata), visibleColumnIds(metadata, restriction))
}

/** Ids of the columns that may be seen: by their names now, whatever they were called before. */
function visibleColumnIds(
  metadata: TableMetadata,
  { columns }: Restriction,
): ReadonlySet<number> | undefined {
  if (columns === undefined) return undefined
  const { fields } = currentSchema(metadata)
  return new Set(fields.filter(field => columns.includes(field.name)).map(field => field.id))
}

function visibleSchema(schema: Schema, columnIds: ReadonlySet<number> | undefined): Schema {
  if (columnIds === undefined) return schema
  const fields = schema.fields.filter(field => columnIds.has(field.id))
  const kept = indexFields({ fields })
  return { ...schema, fields, identifierFieldIds: schema.identifierFieldIds.filter(id => kept.has(id)) }
}

function visibleSpec(spec: PartitionSpec, fieldIds: ReadonlySet<number>): PartitionSpec {
  return { ...spec, fields: spec.fields.filter(field => fieldIds.has(field.sourceId)) }
}

/** An order by hidden columns ends before the first of them: what follows orders nothing by itself. */
function visibleOrder(order: SortOrder, fieldIds: ReadonlySet<number>): SortOrder {
  const hidden = order.fields.findIndex(field => !fieldIds.has(field.sourceId))
  return hidden < 0 ? order : { ...order, fields: order.fields.slice(0, hidden) }
}

function visibleSnapshot(snapshot: Snapshot): Snapshot {
  const { manifests: _, keyId: __, ...rest } = snapshot
  return { ...rest, manifestList: `${HIDDEN_LOCATION}${snapshot.snapshotId}`, summary: {} }
}
