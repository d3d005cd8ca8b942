/**
 * Write, audit, publish: a write with a wap id adds its snapshot to the table and moves no branch. Whoever knows the
 * id reads it; publishing puts it on a branch, once.
 */
import { LakeError } from '../base/errors.js'
import { propertyBoolean } from '../metadata/properties.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import type { TableUpdate } from '../metadata/table-update.js'
import { ancestors } from '../snapshot/ancestry.js'

/** Summary entries of Iceberg, on the staged snapshot and on one made from it. */
export const WAP_ID = 'wap.id'
export const PUBLISHED_WAP_ID = 'published-wap-id'
export const SOURCE_SNAPSHOT_ID = 'source-snapshot-id'

/** @throws invalid-argument for a table that does not have `write.wap.enabled` */
export function checkWapEnabled(metadata: TableMetadata): void {
  if (propertyBoolean(metadata, 'write.wap.enabled', false)) return
  throw new LakeError('invalid-argument', 'the table is not one whose writes are audited', {
    context: { location: metadata.location, property: 'write.wap.enabled', wanted: 'true' },
  })
}

/**
 * Checks that a write can be staged under the id.
 * @throws invalid-argument as `checkWapEnabled`, and for an empty id; already-exists when a write was staged or
 * published under it
 */
export function checkStaging(metadata: TableMetadata, wapId: string): void {
  checkWapEnabled(metadata)
  if (wapId === '') throw new LakeError('invalid-argument', 'a wap id is not empty')
  const taken = metadata.snapshots.find(
    ({ summary }) => summary[WAP_ID] === wapId || summary[PUBLISHED_WAP_ID] === wapId,
  )
  if (taken === undefined) return
  throw new LakeError('already-exists', 'the wap id is taken', {
    context: { wapId, snapshotId: taken.snapshotId },
  })
}

/** The updates of a write without those that show it to readers. */
export function stagedUpdates(updates: readonly TableUpdate[]): readonly TableUpdate[] {
  return updates.filter(update => update.action !== 'set-snapshot-ref')
}

/**
 * The snapshot that was staged under the id.
 * @throws not-found; invalid-argument when another engine staged several under it
 */
export function stagedSnapshot(metadata: TableMetadata, wapId: string): Snapshot {
  const [staged, second] = metadata.snapshots.filter(({ summary }) => summary[WAP_ID] === wapId)
  if (staged === undefined) {
    throw new LakeError('not-found', 'nothing is staged under the wap id', { context: { wapId } })
  }
  if (second !== undefined) {
    throw new LakeError('invalid-argument', 'several snapshots have the wap id: pick one by its id', {
      context: { wapId, snapshotIds: [String(staged.snapshotId), String(second.snapshotId)] },
    })
  }
  return staged
}

/** @throws already-exists when the history of `head` holds the id, as a staged write or a published one */
export function checkUnpublished(
  metadata: TableMetadata,
  ids: { readonly wapId: string; readonly head: bigint | undefined },
): void {
  const { wapId, head } = ids
  for (const { snapshotId, summary } of ancestors(metadata, head)) {
    if (summary[WAP_ID] !== wapId && summary[PUBLISHED_WAP_ID] !== wapId) continue
    throw new LakeError('already-exists', 'the wap id was published already', {
      context: { wapId, snapshotId },
    })
  }
}
