/**
 * Which snapshots and refs of a table expire. Pure: metadata and a time in, ids and names out.
 *
 * - A ref other than main goes when its snapshot is older than the ref may get; main stays for ever.
 * - Of each branch that stays, the head and the newest ancestors stay: at least `minSnapshotsToKeep` of them and
 *   all that are not too old. A tag keeps its snapshot.
 * - A snapshot that no ref reaches (staged, or left by a rollback) stays until it is too old.
 * - A snapshot that a reader holds stays. So does one that was a branch's head a short time ago: readers without a lease
 *   may have begun then, however old the snapshot is.
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
  /**
   * Snapshots that were a branch's head within this time stay, for readers that leave no lease: other engines, and tables
   * opened by their location. Default one hour, or the age that the caller names when it is less; none for named
   * snapshots.
   */
  readonly readerGraceMs?: number | undefined
}

/** The policy, and what else decides. */
export interface ExpireInputs extends ExpirePolicy {
  readonly nowMs: number
  /** Snapshots that readers hold. */
  readonly heldIds?: ReadonlySet<bigint> | undefined
}

export interface ExpirePlan {
  readonly snapshotIds: readonly bigint[]
  readonly refs: readonly string[]
  /** Snapshots that would have expired, were there not readers. */
  readonly heldIds: readonly bigint[]
}

const READER_GRACE_MS_DEFAULT = 3_600_000

/**
 * What expires.
 * @throws invalid-argument for a limit that makes no sense, and for a named snapshot that a ref points at;
 * not-found for a named snapshot that is not there
 */
export function planExpire(metadata: TableMetadata, policy: ExpireInputs): ExpirePlan {
  checkPolicy(policy)
  const { snapshotIds, refs } = expiring(metadata, policy)
  const isHeld = readerCheck(metadata, policy)
  return { snapshotIds: snapshotIds.filter(id => !isHeld(id)), refs, heldIds: snapshotIds.filter(isHeld) }
}

/** What would go if there were no readers. */
function expiring(metadata: TableMetadata, policy: ExpireInputs): Omit<ExpirePlan, 'heldIds'> {
  if (policy.snapshotIds !== undefined) return planNamed(metadata, policy.snapshotIds)
  const refs = agedRefs(metadata, policy.nowMs)
  const kept = keptSnapshots(metadata, { ...policy, without: new Set(refs) })
  const snapshotIds = metadata.snapshots.map(snapshot => snapshot.snapshotId).filter(id => !kept.has(id))
  return { snapshotIds, refs }
}

/** True for a snapshot that a reader holds, or may have begun to read without a lease. */
function readerCheck(metadata: TableMetadata, policy: ExpireInputs): (snapshotId: bigint) => boolean {
  const { heldIds, nowMs } = policy
  const graceMs = policy.readerGraceMs ?? defaultGraceMs(policy)
  const young = graceMs === 0 ? new Set<bigint>() : headsSince(metadata, nowMs - graceMs)
  return snapshotId => young.has(snapshotId) || heldIds?.has(snapshotId) === true
}

function defaultGraceMs({ nowMs, olderThanMs, snapshotIds }: ExpireInputs): number {
  if (snapshotIds !== undefined) return 0
  return Math.min(READER_GRACE_MS_DEFAULT, olderThanMs === undefined ? Infinity : nowMs - olderThanMs)
}

/**
 * Snapshots that were a head after that time: the next entry of the snapshot log, or a child of theirs, is younger.
 */
function headsSince(metadata: TableMetadata, sinceMs: number): ReadonlySet<bigint> {
  const heads = new Set<bigint>()
  for (const [index, { snapshotId }] of metadata.snapshotLog.entries()) {
    const next = metadata.snapshotLog[index + 1]
    if (next === undefined || next.timestampMs > sinceMs) heads.add(snapshotId)
  }
  for (const { parentSnapshotId, timestampMs } of metadata.snapshots)
    if (parentSnapshotId !== undefined && timestampMs > sinceMs) heads.add(parentSnapshotId)
  return heads
}

function checkPolicy(policy: ExpireInputs): void {
  const { retainLast, olderThanMs, nowMs, readerGraceMs } = policy
  if (readerGraceMs !== undefined && !(Number.isFinite(readerGraceMs) && readerGraceMs >= 0)) {
    throw new LakeError('invalid-argument', 'the time that readers are given is not negative', {
      context: { readerGraceMs },
    })
  }
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

function planNamed(metadata: TableMetadata, snapshotIds: readonly bigint[]): Omit<ExpirePlan, 'heldIds'> {
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
