/**
 * Which snapshots and refs of a table expire. Pure: metadata and a time in, ids and names out.
 *
 * - A ref other than main goes when its snapshot is older than the ref may get; main stays for ever.
 * - Of each branch that stays, the head and the newest ancestors stay: at least `minSnapshotsToKeep` of them and
 *   all that are not too old. A tag keeps its snapshot.
 * - A snapshot that no ref reaches (staged, or left by a rollback) stays until it is too old.
 *
 * A ref's own settings come first, then the caller's, then the table's `history.expire.*`.
 * @see Iceberg table spec, "Snapshot Retention Policy"
 */
import { LakeError } from '../base/errors.js'
import { snapshotById } from '../metadata/lookup.js'
import { expireProperties } from '../metadata/properties.js'
import { MAIN_BRANCH, type SnapshotRef, type TableMetadata } from '../metadata/table-metadata.js'
import { ancestors } from '../snapshot/ancestry.js'

export interface ExpirePolicy {
  /** Snapshots made before this time (ms since 1970) may expire; default now minus `history.expire.max-snapshot-age-ms`. */
  readonly olderThanMs?: number | undefined
  /** Newest snapshots of each branch that stay whatever their age; at least 1. */
  readonly retainLast?: number | undefined
  /** Exactly these snapshots, whatever their age. */
  readonly snapshotIds?: readonly bigint[] | undefined
}

export interface ExpirePlan {
  readonly snapshotIds: readonly bigint[]
  readonly refs: readonly string[]
}

/**
 * What expires.
 * @throws invalid-argument for a limit that makes no sense, and for a named snapshot that a ref points at;
 * not-found for a named snapshot that is not there
 */
export function planExpire(
  metadata: TableMetadata,
  policy: ExpirePolicy & { readonly nowMs: number },
): ExpirePlan {
  checkPolicy(policy)
  if (policy.snapshotIds !== undefined) return planNamed(metadata, policy.snapshotIds)
  const refs = agedRefs(metadata, policy.nowMs)
  const kept = keptSnapshots(metadata, { ...policy, without: new Set(refs) })
  const snapshotIds = metadata.snapshots.map(snapshot => snapshot.snapshotId).filter(id => !kept.has(id))
  return { snapshotIds, refs }
}

function checkPolicy(policy: ExpirePolicy & { readonly nowMs: number }): void {
  const { retainLast, olderThanMs, nowMs } = policy
  if (retainLast !== undefined && !(Number.isInteger(retainLast) && retainLast >= 1)) {
    throw new LakeError('invalid-argument', 'at least one snapshot of each branch has to be kept', {
      context: { retainLast },
    })
  }
  if (olderThanMs !== undefined && !(Number.isFinite(olderThanMs) && olderThanMs <= nowMs)) {
    throw new LakeError('invalid-argument', 'snapshots can only expire when they are older than now', {
      context: { olderThanMs, nowMs },
    })
  }
}

function planNamed(metadata: TableMetadata, snapshotIds: readonly bigint[]): ExpirePlan {
  for (const snapshotId of snapshotIds) {
    if (snapshotById(metadata, snapshotId) === undefined) {
      throw new LakeError('not-found', 'the table has no such snapshot', { context: { snapshotId } })
    }
    const ref = Object.entries(metadata.refs).find(([, head]) => head.snapshotId === snapshotId)
    if (ref !== undefined) {
      throw new LakeError('invalid-argument', 'a snapshot that a ref points at cannot expire', {
        context: { snapshotId, ref: ref[0] },
      })
    }
  }
  return { snapshotIds: [...new Set(snapshotIds)], refs: [] }
}

function agedRefs(metadata: TableMetadata, nowMs: number): readonly string[] {
  const otherwise = expireProperties(metadata).maxRefAgeMs
  return Object.entries(metadata.refs)
    .filter(([name, ref]) => name !== MAIN_BRANCH && isAged(metadata, ref, { nowMs, otherwise }))
    .map(([name]) => name)
}

/** A ref without its snapshot has no age: it is left to whoever broke it. */
function isAged(
  metadata: TableMetadata,
  ref: SnapshotRef,
  limits: { readonly nowMs: number; readonly otherwise: number },
): boolean {
  const snapshot = snapshotById(metadata, ref.snapshotId)
  return snapshot !== undefined && limits.nowMs - snapshot.timestampMs > (ref.maxRefAgeMs ?? limits.otherwise)
}

function keptSnapshots(
  metadata: TableMetadata,
  policy: ExpirePolicy & { readonly nowMs: number; readonly without: ReadonlySet<string> },
): ReadonlySet<bigint> {
  const defaults = expireProperties(metadata)
  const oldestMs = policy.olderThanMs ?? policy.nowMs - defaults.maxSnapshotAgeMs
  const retainLast = policy.retainLast ?? defaults.minSnapshotsToKeep
  const kept = new Set<bigint>()
  const referenced = new Set<bigint>()
  for (const [name, ref] of Object.entries(metadata.refs)) {
    if (policy.without.has(name)) continue
    kept.add(ref.snapshotId)
    referenced.add(ref.snapshotId)
    if (ref.type === 'tag') continue
    const branchOldestMs = ref.maxSnapshotAgeMs === undefined ? oldestMs : policy.nowMs - ref.maxSnapshotAgeMs
    const branchLeast = ref.minSnapshotsToKeep ?? retainLast
    let count = 0
    let isKeeping = true
    for (const snapshot of ancestors(metadata, ref.snapshotId)) {
      referenced.add(snapshot.snapshotId)
      isKeeping &&= count < branchLeast || snapshot.timestampMs >= branchOldestMs
      if (isKeeping) kept.add(snapshot.snapshotId)
      count++
    }
  }
  for (const { snapshotId, timestampMs } of metadata.snapshots) {
    if (!referenced.has(snapshotId) && timestampMs >= oldestMs) kept.add(snapshotId)
  }
  return kept
}
