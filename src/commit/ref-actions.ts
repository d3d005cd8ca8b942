/**
 * Branches and tags: making, replacing and dropping them. They are changes of metadata alone; each requires the ref
 * as it found it, so that two callers never overwrite each other.
 * @see Iceberg table spec, "Snapshot References"
 */
import { LakeError } from '../base/errors.js'
import { checkSnapshotRef } from '../metadata/check-snapshot.js'
import { refByName } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { refRequirements } from '../metadata/requirement.js'
import { MAIN_BRANCH, type SnapshotRef, type TableMetadata } from '../metadata/table-metadata.js'
import { resolveSnapshot, type SnapshotSelector } from '../snapshot/resolve.js'
import { isCloneTag } from './clone-origins.js'
import { streamUpdatesForDrop, streamUpdatesForMove } from './stream-position.js'
import type { TableAction, TableChange } from './table-action.js'

/** How long a ref and its snapshots are kept; what is absent is decided by the table's `history.expire.*`. */
export interface RefRetention {
  /** Age of its snapshot at which the ref itself goes. Not for main. */
  readonly maxRefAgeMs?: number | undefined
  /** Age at which snapshots of a branch go. */
  readonly maxSnapshotAgeMs?: number | undefined
  /** Newest snapshots of a branch that stay whatever their age. */
  readonly minSnapshotsToKeep?: number | undefined
}

export interface NewRef {
  readonly type: SnapshotRef['type']
  readonly name: string
  /** Default: the head of main when the commit is made. */
  readonly at?: SnapshotSelector | undefined
  readonly retention?: RefRetention | undefined
  /** A ref of that name and type is set to the snapshot; it keeps the retention that is not given. */
  readonly orReplace?: boolean | undefined
}

/**
 * Makes a branch or tag.
 * @throws from the action: already-exists; not-found for an unknown snapshot, and for a table without one;
 * invalid-argument for a ref of the other type, a name or retention that makes no sense; unsupported
 */
export function createRefAction(wanted: NewRef): TableAction {
  return async ({ metadata }) => {
    checkWritable(metadata)
    const before = refByName(metadata, wanted.name)
    checkReplaceable(wanted, before)
    const { snapshot } = resolveSnapshot(metadata, wanted.at ?? 'current')
    if (snapshot === undefined) {
      throw new LakeError('not-found', 'the table has no snapshot yet that a ref could name', {
        context: { ref: wanted.name },
      })
    }
    const { snapshotId } = snapshot
    const ref = { ...before, ...givenRetention(wanted.retention), type: wanted.type, snapshotId }
    return refChange(metadata, { name: wanted.name, ref })
  }
}

function checkReplaceable({ name, type, orReplace }: NewRef, before: SnapshotRef | undefined): void {
  if (before === undefined) return
  if (orReplace !== true) {
    throw new LakeError('already-exists', 'the table has a ref of that name', {
      context: { ref: name, type: before.type, snapshotId: before.snapshotId },
    })
  }
  checkType(name, { ref: before, wanted: type })
}

function checkType(
  name: string,
  found: { readonly ref: SnapshotRef; readonly wanted: SnapshotRef['type'] },
): void {
  if (found.ref.type === found.wanted) return
  throw new LakeError('invalid-argument', 'the ref is of the other type', {
    context: { ref: name, type: found.ref.type, wanted: found.wanted },
  })
}

function givenRetention(retention: RefRetention = {}): Omit<SnapshotRef, 'type' | 'snapshotId'> {
  const { maxRefAgeMs, maxSnapshotAgeMs, minSnapshotsToKeep } = retention
  return {
    ...(maxRefAgeMs === undefined ? {} : { maxRefAgeMs }),
    ...(maxSnapshotAgeMs === undefined ? {} : { maxSnapshotAgeMs }),
    ...(minSnapshotsToKeep === undefined ? {} : { minSnapshotsToKeep }),
  }
}

export interface DroppedRef {
  readonly type: SnapshotRef['type']
  readonly name: string
  /** Drops a tag that a clone hangs on, too. */
  readonly force?: boolean | undefined
}

/**
 * Drops a branch or tag; snapshots that only it kept go with the next expiry.
 * @throws from the action: not-found; invalid-argument for main, for a ref of the other type, and for a tag that
 * keeps the files of a clone
 */
export function dropRefAction({ type, name, force }: DroppedRef): TableAction {
  return async ({ metadata }) => {
    checkWritable(metadata)
    const ref = refByName(metadata, name)
    if (ref === undefined) throw refMissing(metadata, name)
    checkType(name, { ref, wanted: type })
    if (name === MAIN_BRANCH) {
      throw new LakeError('invalid-argument', 'the main branch cannot be dropped', { context: { ref: name } })
    }
    if (isCloneTag(name) && force !== true) {
      throw new LakeError('invalid-argument', 'the tag keeps the files of a clone: drop the clone', {
        context: { ref: name, snapshotId: ref.snapshotId },
      })
    }
    return {
      updates: [
        { action: 'remove-snapshot-ref', refName: name },
        ...(type === 'branch' ? streamUpdatesForDrop(metadata, name) : []),
      ],
      requirements: refRequirements(metadata, [name]),
      written: [],
    }
  }
}

/** The error for a ref that is not there. */
export function refMissing(metadata: TableMetadata, name: string): LakeError {
  return new LakeError('not-found', 'the table has no such branch or tag', {
    context: { ref: name, refs: Object.keys(metadata.refs) },
  })
}

export interface RefChange {
  readonly name: string
  readonly ref: SnapshotRef
  /** Further refs that the change was decided by. */
  readonly decidedBy?: readonly string[] | undefined
}

/**
 * Sets a ref, and with a branch the positions of all streams on it; `unchanged` when it is so already.
 * @throws invalid-argument for a ref that makes no sense
 */
export function refChange(metadata: TableMetadata, change: RefChange): TableChange | 'unchanged' {
  const { name, ref, decidedBy = [] } = change
  checkSnapshotRef(metadata, { refName: name, ref })
  const before = refByName(metadata, name)
  const keys = ['type', 'snapshotId', 'maxRefAgeMs', 'maxSnapshotAgeMs', 'minSnapshotsToKeep'] as const
  if (before !== undefined && keys.every(key => before[key] === ref[key])) return 'unchanged'
  const isMove = ref.type === 'branch' && before?.snapshotId !== ref.snapshotId
  return {
    updates: [
      { action: 'set-snapshot-ref', refName: name, ref },
      ...(isMove ? streamUpdatesForMove(metadata, { ref: name, snapshotId: ref.snapshotId }) : []),
    ],
    requirements: refRequirements(metadata, [name, ...decidedBy.filter(other => other !== name)]),
    written: [],
  }
}
