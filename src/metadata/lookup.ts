/**
 * Finding things in table metadata: schemas, specs, orders, snapshots and refs by id, by name, or the current ones.
 * Parsing and applying updates guarantee that the current ids point somewhere, so those lookups cannot fail.
 */
import { present } from '../base/assert.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import type { SortOrder } from '../schema/sort-order.js'
import type { Schema } from '../schema/types.js'
import { findSnapshot } from './snapshot-index.js'
import type { Snapshot, SnapshotRef, TableMetadata } from './table-metadata.js'

export function schemaById(metadata: TableMetadata, schemaId: number): Schema | undefined {
  return metadata.schemas.find(schema => schema.schemaId === schemaId)
}

export function currentSchema(metadata: TableMetadata): Schema {
  return present(schemaById(metadata, metadata.currentSchemaId), 'the current schema')
}

export function specById(metadata: TableMetadata, specId: number): PartitionSpec | undefined {
  return metadata.partitionSpecs.find(spec => spec.specId === specId)
}

export function defaultSpec(metadata: TableMetadata): PartitionSpec {
  return present(specById(metadata, metadata.defaultSpecId), 'the default partition spec')
}

export function sortOrderById(metadata: TableMetadata, orderId: number): SortOrder | undefined {
  return metadata.sortOrders.find(order => order.orderId === orderId)
}

export function defaultSortOrder(metadata: TableMetadata): SortOrder {
  return present(sortOrderById(metadata, metadata.defaultSortOrderId), 'the default sort order')
}

export function snapshotById(metadata: TableMetadata, snapshotId: bigint): Snapshot | undefined {
  return findSnapshot(metadata.snapshots, snapshotId)
}

/** Snapshots by id, for callers that look up many. */
export function indexSnapshots(metadata: TableMetadata): ReadonlyMap<bigint, Snapshot> {
  return new Map(metadata.snapshots.map(snapshot => [snapshot.snapshotId, snapshot]))
}

/** The snapshot of `main`, or undefined when nothing was ever written there. */
export function currentSnapshot(metadata: TableMetadata): Snapshot | undefined {
  return metadata.currentSnapshotId === undefined
    ? undefined
    : snapshotById(metadata, metadata.currentSnapshotId)
}

export function refByName(metadata: TableMetadata, refName: string): SnapshotRef | undefined {
  return Object.hasOwn(metadata.refs, refName) ? metadata.refs[refName] : undefined
}

/** The snapshot that a branch or tag points at, or undefined when there is no such ref. */
export function refSnapshot(metadata: TableMetadata, refName: string): Snapshot | undefined {
  const ref = refByName(metadata, refName)
  return ref === undefined ? undefined : snapshotById(metadata, ref.snapshotId)
}

/** The schema a snapshot was written with; the current one for snapshots that name none or a removed one. */
export function schemaOfSnapshot(metadata: TableMetadata, snapshot: Snapshot): Schema {
  const schema = snapshot.schemaId === undefined ? undefined : schemaById(metadata, snapshot.schemaId)
  return schema ?? currentSchema(metadata)
}
