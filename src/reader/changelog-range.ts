/**
 * Which snapshots an incremental read is about: those after `from`, up to and with `to`, along the parents.
 *
 *   from            S1           S2 (replace)     S3 = to
 *   (exclusive)     ordinal 0    changes no row   ordinal 1
 *
 * What a snapshot changed is told from the state of its parent, so the parent must be kept; one that only appended
 * tells by itself.
 * @see Iceberg table spec, "Snapshots"
 */
import { LakeError } from '../base/errors.js'
import { indexSnapshots } from '../metadata/lookup.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { ancestors } from '../snapshot/ancestry.js'

export interface SnapshotRange {
  /** Exclusive; undefined: from the beginning of the table. */
  readonly from: bigint | undefined
  /** Inclusive; undefined for a table, or a branch, without a snapshot. */
  readonly to: Snapshot | undefined
}

/** A snapshot of a range. */
export interface RangeStep {
  readonly snapshot: Snapshot
  /** Undefined when the snapshot began the table, or when the parent was expired. */
  readonly parent: Snapshot | undefined
  readonly isParentExpired: boolean
}

/**
 * The snapshots of a range, oldest first, those that only replace files included.
 * @throws not-found when expiry cut the history, naming the oldest id that can be read from; invalid-argument when
 * `from` is not an ancestor of `to`
 */
export function snapshotsInRange(metadata: TableMetadata, range: SnapshotRange): readonly RangeStep[] {
  const { from, to } = range
  if (to?.snapshotId === from) return []
  const byId = indexSnapshots(metadata)
  const newestFirst: RangeStep[] = []
  for (const snapshot of ancestors(metadata, to?.snapshotId)) {
    const { parentSnapshotId } = snapshot
    const parent = parentSnapshotId === undefined ? undefined : byId.get(parentSnapshotId)
    newestFirst.push({
      snapshot,
      parent,
      isParentExpired: parentSnapshotId !== undefined && parent === undefined,
    })
    if (parentSnapshotId === from) return newestFirst.reverse()
  }
  throw unreachableStart(range, newestFirst.at(-1)?.snapshot, from === undefined ? undefined : byId.get(from))
}

/** Why the history of `to` does not lead back to `from`: `oldest` is where it ends. */
function unreachableStart(
  range: SnapshotRange,
  oldest: Snapshot | undefined,
  start: Snapshot | undefined,
): LakeError {
  const { from, to } = range
  const cutAt = oldest?.parentSnapshotId
  if (oldest !== undefined && cutAt !== undefined && (start === undefined || isOlder(start, oldest)))
    return expired(from ?? cutAt, oldest)
  if (start === undefined)
    return new LakeError('not-found', 'the table has no such snapshot, or it was expired', {
      context: {
        ...(from === undefined ? {} : { snapshotId: from }),
        ...(oldest === undefined ? {} : { oldestUsableId: oldest.snapshotId }),
      },
    })
  return new LakeError('invalid-argument', 'the range does not begin at an ancestor of its end', {
    context: { from: start.snapshotId, ...(to === undefined ? {} : { to: to.snapshotId }) },
  })
}

/** v1 has no sequence numbers. */
function isOlder(a: Snapshot, b: Snapshot): boolean {
  if (a.sequenceNumber !== b.sequenceNumber) return a.sequenceNumber < b.sequenceNumber
  return a.timestampMs < b.timestampMs
}

/** @param oldestUsable the oldest snapshot after which all changes can be told */
export function expired(snapshotId: bigint, oldestUsable: Snapshot): LakeError {
  return new LakeError('not-found', 'a snapshot that the changes need was expired', {
    context: { snapshotId, oldestUsableId: oldestUsable.snapshotId },
  })
}
