/**
 * Setting a branch to another snapshot of the table: back in its own history, forward to a descendant, or anywhere.
 * No file is written. The history of main (the snapshot log) gets an entry of now, and the positions of streams move
 * along.
 *
 * ```
 * rollback       s1 <- s2 <- [s3]    =>   s1 <- [s2]  s3       s3 stays until it is expired
 * fast-forward   s1 <- [s2] <- s3    =>   s1 <- s2 <- [s3]     another ref names s3
 * ```
 */
import { LakeError } from '../base/errors.js'
import { refByName } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { MAIN_BRANCH, type SnapshotRef, type TableMetadata } from '../metadata/table-metadata.js'
import { ancestors, isAncestor } from '../snapshot/ancestry.js'
import { resolveSnapshot, type SnapshotSelector } from '../snapshot/resolve.js'
import { refChange, refMissing } from './ref-actions.js'
import type { TableAction } from './table-action.js'

export interface BranchMove {
  /** Default main. */
  readonly branch?: string | undefined
  readonly to: SnapshotSelector
}

/**
 * Sets a branch back to one of its ancestors. A time means the newest ancestor that was there then.
 * @throws from the action: not-found for an unknown branch or snapshot, and when no ancestor is that old;
 * invalid-argument for a snapshot outside of the branch's history
 */
export function rollbackAction({ branch = MAIN_BRANCH, to }: BranchMove): TableAction {
  return async ({ metadata }) => {
    checkWritable(metadata)
    const ref = existingBranch(metadata, branch)
    const snapshotId = rollbackTarget(metadata, { branch, head: ref.snapshotId, to })
    return refChange(metadata, { name: branch, ref: { ...ref, snapshotId }, decidedBy: refsOf(to) })
  }
}

function rollbackTarget(
  metadata: TableMetadata,
  move: { readonly branch: string; readonly head: bigint; readonly to: SnapshotSelector },
): bigint {
  const { branch, head, to } = move
  if (to !== 'current' && 'timestampMs' in to) {
    for (const { snapshotId, timestampMs } of ancestors(metadata, head))
      if (timestampMs <= to.timestampMs) return snapshotId
    throw new LakeError('not-found', 'the history of the branch does not reach back to that time', {
      context: { ref: branch, timestampMs: to.timestampMs },
    })
  }
  const snapshotId = targetId(metadata, to)
  if (isAncestor(metadata, { ancestor: snapshotId, of: head })) return snapshotId
  throw new LakeError('invalid-argument', 'the snapshot is not in the history of the branch', {
    context: { ref: branch, snapshotId, head },
  })
}

/**
 * Sets a branch to any snapshot of the table; makes the branch when it is missing.
 * @throws from the action: not-found for an unknown snapshot; invalid-argument for a tag
 */
export function setBranchAction({ branch = MAIN_BRANCH, to }: BranchMove): TableAction {
  return async ({ metadata }) => {
    checkWritable(metadata)
    const ref = branchOrNew(metadata, branch)
    const snapshotId = targetId(metadata, to)
    return refChange(metadata, { name: branch, ref: { ...ref, snapshotId }, decidedBy: refsOf(to) })
  }
}

/**
 * Sets a branch forward to the snapshot of another ref, which has to come after its own; makes the branch when it is
 * missing.
 * @throws from the action: not-found for an unknown ref; invalid-argument when the branch has gone its own way, and
 * for a tag
 */
export function fastForwardAction(move: { readonly branch: string; readonly to: string }): TableAction {
  const { branch, to } = move
  return async ({ metadata }) => {
    checkWritable(metadata)
    const target = refByName(metadata, to)
    if (target === undefined) throw refMissing(metadata, to)
    const { snapshotId } = target
    const head = refByName(metadata, branch)?.snapshotId
    const ref = { ...branchOrNew(metadata, branch), snapshotId }
    if (head !== undefined && !isAncestor(metadata, { ancestor: head, of: snapshotId })) {
      throw new LakeError('invalid-argument', 'the branch has snapshots that the other ref does not have', {
        context: { ref: branch, head, to, snapshotId },
      })
    }
    return refChange(metadata, { name: branch, ref, decidedBy: [to] })
  }
}

function targetId(metadata: TableMetadata, to: SnapshotSelector): bigint {
  const { snapshot } = resolveSnapshot(metadata, to)
  if (snapshot !== undefined) return snapshot.snapshotId
  throw new LakeError('not-found', 'the table has no snapshot yet', {
    context: { location: metadata.location },
  })
}

function refsOf(to: SnapshotSelector): readonly string[] {
  return to !== 'current' && 'ref' in to ? [to.ref] : []
}

function existingBranch(metadata: TableMetadata, name: string): SnapshotRef {
  const ref = refByName(metadata, name)
  if (ref === undefined) throw refMissing(metadata, name)
  checkMovable(name, ref)
  return ref
}

/** A branch that is to be made has no retention of its own. */
function branchOrNew(metadata: TableMetadata, name: string): Omit<SnapshotRef, 'snapshotId'> {
  const ref = refByName(metadata, name)
  if (ref === undefined) return { type: 'branch' }
  checkMovable(name, ref)
  return ref
}

function checkMovable(name: string, ref: SnapshotRef): void {
  if (ref.type === 'branch') return
  throw new LakeError('invalid-argument', 'a tag does not move', { context: { ref: name } })
}
