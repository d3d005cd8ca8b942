/**
 * What the methods of a table do with its branches and tags. Each is one commit of metadata; a cherry-pick may add a
 * snapshot. Loaded by the first call.
 */
import { LakeError } from '../base/errors.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { cherryPickAction, type PickedSource } from '../commit/cherry-pick.js'
import { fastForwardAction, rollbackAction, setBranchAction } from '../commit/move-branch.js'
import { createRefAction, dropRefAction, type RefRetention } from '../commit/ref-actions.js'
import type { TableAction } from '../commit/table-action.js'
import { refByName } from '../metadata/lookup.js'
import { MAIN_BRANCH, type SnapshotRef } from '../metadata/table-metadata.js'
import type { SnapshotSelector } from '../snapshot/resolve.js'
import { commitIn } from './commit.js'
import type { LakeContext } from './context.js'
import { type AsOf, selectorOf } from './scan.js'

/** A branch or tag to be made. */
export interface CreateRefOptions {
  /** Snapshot that it names: an id, a time, another ref; default the head of main. */
  readonly asOf?: AsOf | undefined
  /** The same by id alone. */
  readonly snapshotId?: bigint | undefined
  /** How long it is kept; what is absent is decided by the table's `history.expire.*`. */
  readonly retention?: RefRetention | undefined
  /** A ref of that name and type is set to the snapshot; it keeps the retention that is not given. */
  readonly orReplace?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface DropRefOptions {
  /** Drops a tag that a clone hangs on, too: its files may go with the next expiry. */
  readonly force?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

export interface MoveOptions {
  /** Branch to move; default main. */
  readonly branch?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface RollbackOptions extends MoveOptions {
  /** A snapshot id; a time, meaning the newest ancestor that was there then; or a ref. */
  readonly to: AsOf
}

export interface CherryPickOptions extends MoveOptions {
  /** Entries for the summary of the snapshot that is made. */
  readonly summary?: Readonly<Record<string, string>> | undefined
}

/** Where a ref stands after a call. */
export interface RefReport {
  readonly ref: string
  readonly type: SnapshotRef['type']
  /** Undefined for a ref that was dropped. */
  readonly snapshotId: bigint | undefined
  /** Where it stood before; undefined for a new one. */
  readonly previousSnapshotId: bigint | undefined
  readonly changed: boolean
  readonly metadataLocation: string
  /** Attempts that the commit took. */
  readonly attempts: number
}

interface RefCall {
  readonly ref: string
  readonly type: SnapshotRef['type']
  readonly action: TableAction
  readonly signal?: AbortSignal | undefined
}

async function commitRef(
  context: LakeContext,
  identifier: TableIdentifier,
  call: RefCall,
): Promise<RefReport> {
  const { ref, type, signal } = call
  let previousSnapshotId: bigint | undefined
  const action: TableAction = (base, attempt) => {
    previousSnapshotId = refByName(base.metadata, ref)?.snapshotId
    return call.action(base, attempt)
  }
  const { tables, changed, attempts } = await commitIn(context, { identifier, action }, { signal })
  const table = tables[0] ?? (await context.catalog.loadTable(identifier, { signal }))
  return {
    ref,
    type,
    snapshotId: refByName(table.metadata, ref)?.snapshotId,
    previousSnapshotId,
    changed: changed[0] === true,
    metadataLocation: table.metadataLocation,
    attempts,
  }
}

/** @throws as `Table.createBranch` */
export function createRef(
  context: LakeContext,
  identifier: TableIdentifier,
  given: {
    readonly type: SnapshotRef['type']
    readonly name: string
    readonly options: CreateRefOptions
  },
): Promise<RefReport> {
  const { type, name, options } = given
  const { retention, orReplace, signal } = options
  const action = createRefAction({ type, name, at: namedSnapshot(options), retention, orReplace })
  return commitRef(context, identifier, { ref: name, type, action, signal })
}

/** @throws as `Table.dropTag` */
export function dropRef(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly type: SnapshotRef['type']; readonly name: string; readonly options: DropRefOptions },
): Promise<RefReport> {
  const { type, name, options } = given
  const action = dropRefAction({ type, name, force: options.force })
  return commitRef(context, identifier, { ref: name, type, action, signal: options.signal })
}

/** @throws as `Table.rollback` */
export function rollback(
  context: LakeContext,
  identifier: TableIdentifier,
  options: RollbackOptions,
): Promise<RefReport> {
  const move = { branch: options.branch, to: selectorOf(options.to) }
  return moveBranch(context, identifier, { options, action: rollbackAction(move) })
}

/** @throws as `Table.setCurrentSnapshot` */
export function setCurrentSnapshot(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly to: AsOf; readonly options: MoveOptions },
): Promise<RefReport> {
  const { to, options } = given
  const action = setBranchAction({ branch: options.branch, to: selectorOf(to) })
  return moveBranch(context, identifier, { options, action })
}

/** @throws as `Table.fastForward` */
export function fastForward(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly branch: string; readonly to: string; readonly options: Pick<MoveOptions, 'signal'> },
): Promise<RefReport> {
  const { branch, to, options } = given
  return moveBranch(context, identifier, {
    options: { ...options, branch },
    action: fastForwardAction({ branch, to }),
  })
}

/** @throws as `Table.cherryPick`, `Table.publish` */
export function cherryPick(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly source: PickedSource; readonly options: CherryPickOptions },
): Promise<RefReport> {
  const { io, runtime } = context
  const { source, options } = given
  const { branch, summary } = options
  const action = cherryPickAction(io, source, { runtime, ref: branch, summary })
  return moveBranch(context, identifier, { options, action })
}

function moveBranch(
  context: LakeContext,
  identifier: TableIdentifier,
  move: { readonly options: MoveOptions; readonly action: TableAction },
): Promise<RefReport> {
  const { branch = MAIN_BRANCH, signal } = move.options
  return commitRef(context, identifier, { ref: branch, type: 'branch', action: move.action, signal })
}

function namedSnapshot({ asOf, snapshotId }: CreateRefOptions): SnapshotSelector | undefined {
  if (asOf === undefined) return snapshotId === undefined ? undefined : { snapshotId }
  if (snapshotId !== undefined) {
    throw new LakeError(
      'invalid-argument',
      'a ref is made at one snapshot: give its id or what it is as of',
      {
        context: { snapshotId },
      },
    )
  }
  return selectorOf(asOf)
}
