/**
 * The history of a snapshot: itself, its parent, its parent's parent, until a parent is missing - either there
 * is none (the first commit of the table) or it was expired.
 */
import { LakeError } from '../base/errors.js'
import { indexSnapshots } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'

/**
 * The kept ancestors of a snapshot, newest first, itself included. Ends where the parent is absent or expired.
 * @throws corrupt when the parents form a circle
 */
export function* ancestors(
  metadata: TableMetadata,
  snapshotId: bigint | undefined,
): Generator<Snapshot, void, undefined> {
  const byId = indexSnapshots(metadata)
  const seen = new Set<bigint>()
  let next = snapshotId
  while (next !== undefined) {
    const snapshot = byId.get(next)
    if (snapshot === undefined) return
    if (seen.has(next)) {
      throw new LakeError('corrupt', 'the parents of a snapshot form a circle', {
        context: { snapshotId: next },
      })
    }
    seen.add(next)
    yield snapshot
    next = snapshot.parentSnapshotId
  }
}

/** True when `ancestor` is `of` itself or one of its kept ancestors. */
export function isAncestor(
  metadata: TableMetadata,
  ids: { readonly ancestor: bigint; readonly of: bigint },
): boolean {
  for (const snapshot of ancestors(metadata, ids.of)) if (snapshot.snapshotId === ids.ancestor) return true
  return false
}

/**
 * The snapshots after `from` up to and with `to`, newest first. `from` undefined: the table was empty, so all of them.
 * Undefined when `from` is not an ancestor of `to`, or when expiry cut the history between them.
 */
export function snapshotsBetween(
  metadata: TableMetadata,
  range: { readonly from: bigint | undefined; readonly to: bigint | undefined },
): readonly Snapshot[] | undefined {
  if (range.from === range.to) return []
  const between: Snapshot[] = []
  for (const snapshot of ancestors(metadata, range.to)) {
    between.push(snapshot)
    if (snapshot.parentSnapshotId === range.from) return between
  }
  return undefined
}
