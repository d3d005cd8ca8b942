/**
 * A table in a transaction: the state that the transaction began with, and upon it what its operations made so far, seen
 * by nobody else. Each operation is recorded as the action that it is, so that it can decide anew on a newer state.
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CommitResult } from '../commit/commit-loop.js'
import {
  composeActions,
  joinChanges,
  type RecordedAction,
  refsRead,
  stateAfter,
} from '../commit/compose-actions.js'
import type { FileHold } from '../commit/hold-lease.js'
import type { CommitTarget, TableAction, TableChange } from '../commit/table-action.js'
import { refByName } from '../metadata/lookup.js'
import { refRequirements } from '../metadata/requirement.js'
import { MAIN_BRANCH, type TableMetadata } from '../metadata/table-metadata.js'
import { ancestors } from '../snapshot/ancestry.js'
import type { SnapshotSelector } from '../snapshot/resolve.js'
import type { TransactionCall } from './context.js'

export interface TransactionTableOptions {
  /** What the transaction has in flight; its caller ends it. */
  readonly files: FileHold
  readonly runtime: Runtime
  /** What was read has to be true when the transaction commits. */
  readonly checksReads: boolean
}

export interface TransactionTableState {
  /** Before the transaction. */
  readonly base: LoadedTable
  readonly files: FileHold
  /** As the transaction sees it. */
  current(): LoadedTable
  /** Runs an action on the state that the transaction sees, and keeps both. @throws what the action throws */
  record(target: CommitTarget, call: TransactionCall): Promise<CommitResult>
  /** Rows are read: the ref has to stand where it stood when the transaction commits. */
  read(selector: SnapshotSelector): void
  /** What is to be committed; undefined when the table was neither changed nor read. */
  target(): CommitTarget | undefined
  /** Deletes what the winner of the commit does not name. */
  cleanUp(): Promise<void>
  /** Deletes every file of the transaction: nothing of it was committed. */
  abandon(): Promise<void>
}

interface RecordedStep extends RecordedAction {
  readonly discard: CommitTarget['discard']
}

export function createTransactionTable(
  base: LoadedTable,
  options: TransactionTableOptions,
): TransactionTableState {
  const { files, runtime, checksReads } = options
  const { io } = files
  const steps: RecordedStep[] = []
  const reads = new Map<string, bigint | undefined>()
  const leftOver: string[] = []
  let state = base
  let decided: readonly RecordedAction[] = steps
  let winner: TableChange | undefined

  const record: TransactionTableState['record'] = async (target, { signal, readsRef }) => {
    try {
      const made = await target.action(state, { number: 1, signal })
      if (made !== 'unchanged') state = await nextState(made)
      const { action, discard } = target
      steps.push({ action, discard, change: made, readsRef: checksReads ? readsRef : undefined })
      return { tables: [state], changed: [made !== 'unchanged'], attempts: 1 }
    } catch (error) {
      await quietly(target.discard)
      throw error
    }
  }
  const nextState = async (made: TableChange): Promise<LoadedTable> => {
    try {
      return stateAfter(state, made.updates, { runtime })
    } catch (error) {
      await quietly(() => io.delete(made.written))
      throw error
    }
  }
  const action = (): TableAction => {
    const onLeftOver = (locations: readonly string[]): void => {
      leftOver.push(...locations)
    }
    const onDecided = (latest: readonly RecordedAction[]): void => {
      decided = latest
    }
    const composed = composeActions(steps, { runtime, base, onLeftOver, onDecided })
    const held = holdReads(composed, reads)
    return async (current, attempt) => {
      const made = await held(current, attempt)
      winner = made === 'unchanged' ? undefined : made
      return made
    }
  }
  const abandon = async (): Promise<void> => {
    for (const { discard } of steps) await quietly(discard)
    const written = steps.flatMap(step => (step.change === 'unchanged' ? [] : step.change.written))
    const locations = [...new Set([...written, ...leftOver])]
    if (locations.length > 0) await quietly(() => io.delete(locations))
  }
  return {
    base,
    files,
    current: () => state,
    record,
    read(selector) {
      if (!checksReads) return
      for (const ref of refsOf(base.metadata, selector))
        reads.set(ref, refByName(base.metadata, ref)?.snapshotId)
    },
    target: () =>
      steps.length === 0 && reads.size === 0
        ? undefined
        : { identifier: base.identifier, base, files, action: action(), discard: abandon },
    async cleanUp() {
      for (const [index, step] of steps.entries())
        if (decided[index]?.change === 'unchanged') await quietly(step.discard)
      const named = new Set(winner?.written)
      const unnamed = leftOver.filter(location => !named.has(location))
      if (unnamed.length > 0) await quietly(() => io.delete(unnamed))
    },
    abandon,
  }
}

/** What cannot be deleted is a file that nothing refers to; the outcome is decided already. */
async function quietly(work: (() => Promise<unknown>) | undefined): Promise<void> {
  try {
    await work?.()
  } catch {
    // Orphan removal finds it.
  }
}

// ---- reads

/** The refs whose move would show other rows. A snapshot is what it is for ever. */
function refsOf(metadata: TableMetadata, selector: SnapshotSelector): readonly string[] {
  if (selector === 'current' || 'timestampMs' in selector) return [MAIN_BRANCH]
  return 'ref' in selector ? refsRead(metadata, selector.ref) : []
}

/**
 * The action, whose commit requires that the refs stand where they stood.
 * @throws conflict from the action when one of them shows other rows by now
 */
function holdReads(action: TableAction, reads: ReadonlyMap<string, bigint | undefined>): TableAction {
  if (reads.size === 0) return action
  return async (base, attempt) => {
    for (const [ref, snapshotId] of reads) checkRead(base, { ref, snapshotId })
    const change = await action(base, attempt)
    const requirements = refRequirements(base.metadata, [...reads.keys()])
    const held: TableChange = { updates: [], requirements, written: [] }
    return joinChanges(base, change === 'unchanged' ? [held] : [change, held])
  }
}

function checkRead(
  { identifier, metadata }: LoadedTable,
  read: { readonly ref: string; readonly snapshotId: bigint | undefined },
): void {
  const { ref, snapshotId } = read
  const found = refByName(metadata, ref)?.snapshotId
  if (found === snapshotId || isRewrite(metadata, { from: snapshotId, to: found })) return
  throw new LakeError('conflict', 'what the transaction has read is not true any more', {
    context: {
      table: printIdentifier(identifier),
      ref,
      ...(snapshotId === undefined ? {} : { snapshotId }),
      ...(found === undefined ? {} : { found }),
    },
  })
}

/** True when nothing but compactions lies between the snapshots: the rows are the same. */
function isRewrite(
  metadata: TableMetadata,
  range: { readonly from: bigint | undefined; readonly to: bigint | undefined },
): boolean {
  if (range.from === undefined) return false
  for (const { snapshotId, operation } of ancestors(metadata, range.to)) {
    if (snapshotId === range.from) return true
    if (operation !== 'replace') return false
  }
  return false
}
