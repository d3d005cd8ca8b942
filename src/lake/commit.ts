/**
 * Where the handles of a lake commit: each change of a table says who made it, and inside of a transaction it is recorded
 * instead of committed.
 */
import type { TableIdentifier } from '../catalog/catalog.js'
import type { CommitResult } from '../commit/commit-loop.js'
import { commitTables } from '../commit/commit-loop.js'
import { holdFiles } from '../commit/hold-lease.js'
import type { CommitTarget, TableAction } from '../commit/table-action.js'
import type { TableUpdate } from '../metadata/table-update.js'
import type { LakeContext } from './context.js'

/** Who made a change, and of what: entries of the snapshot's summary. */
export interface Provenance {
  /** Who, as `serac.actor`; default that of the lake. */
  readonly actor?: string | undefined
  /** By which job, as `serac.job`; default that of the lake. */
  readonly job?: string | undefined
  /** Of which snapshots, by table, as `serac.input.<table>`. */
  readonly inputs?: Readonly<Record<string, bigint>> | undefined
}

export interface CommitCall extends Provenance {
  readonly signal?: AbortSignal | undefined
  /** The branch whose rows decide what changes; default none: only what is changed counts. */
  readonly readsRef?: string | undefined
}

/** A write of one table: what it writes through its context is held until it has ended. */
export async function holdingFiles<T>(
  context: LakeContext,
  identifier: TableIdentifier,
  write: (context: LakeContext) => Promise<T>,
): Promise<T> {
  // In a transaction the files are held until that has ended; a dry run leaves none.
  if (context.files !== undefined || context.dryRun === true) return write(context)
  const files = holdFiles({ ...context, identifier })
  try {
    return await write({ ...context, io: files.io, files })
  } finally {
    await files.end()
  }
}

/** One commit of one table. @throws as `commitTables` */
export function commitIn(
  context: LakeContext,
  target: CommitTarget,
  call: CommitCall,
): Promise<CommitResult> {
  const { catalog, io, runtime, onCommitEvent, transaction } = context
  const { signal } = call
  const action = withProvenance(context, target.action, call)
  const labelled = { ...target, action, files: target.files ?? context.files }
  if (transaction !== undefined) return transaction.record(labelled, call)
  return commitTables(catalog, [labelled], { io, runtime, signal, onEvent: onCommitEvent })
}

/** The action, whose snapshots say who made them; entries that they have already win. */
export function withProvenance(
  context: Pick<LakeContext, 'actor' | 'job'>,
  action: TableAction,
  given: Provenance,
): TableAction {
  const entries = summaryOf(context, given)
  if (Object.keys(entries).length === 0) return action
  const labelled = (update: TableUpdate): TableUpdate =>
    update.action === 'add-snapshot'
      ? { ...update, snapshot: { ...update.snapshot, summary: { ...entries, ...update.snapshot.summary } } }
      : update
  return async (base, attempt) => {
    const change = await action(base, attempt)
    return change === 'unchanged' ? change : { ...change, updates: change.updates.map(labelled) }
  }
}

function summaryOf(
  context: Pick<LakeContext, 'actor' | 'job'>,
  { actor = context.actor, job = context.job, inputs = {} }: Provenance,
): Readonly<Record<string, string>> {
  return {
    ...(actor === undefined ? {} : { 'serac.actor': actor }),
    ...(job === undefined ? {} : { 'serac.job': job }),
    ...Object.fromEntries(
      Object.entries(inputs).map(([table, snapshotId]) => [`serac.input.${table}`, String(snapshotId)]),
    ),
  }
}
