/**
 * Several actions of one table as one: each decides on what those before it made, and one commit takes all of it.
 *
 *   base --action 1--> base + updates 1 --action 2--> base + updates 1, 2 --> ...      nothing of it is visible
 *
 * The snapshots of the steps are all kept, each the parent of the next on its branch. Requirements are about the real
 * base only: what a step demands of a state that an earlier step made is left out, since that step demands what it began
 * with.
 */
import { stringifyJson } from '../base/json.js'
import type { Runtime } from '../base/runtime.js'
import type { LoadedTable } from '../catalog/catalog.js'
import { applyUpdates } from '../metadata/apply-update.js'
import { refByName } from '../metadata/lookup.js'
import { checkRequirement, refRequirements } from '../metadata/requirement.js'
import { MAIN_BRANCH, type TableMetadata } from '../metadata/table-metadata.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import type { ActionAttempt, TableAction, TableChange } from './table-action.js'

/** The table as it is after the updates, before they are committed: the metadata file is that of the base. */
export function stateAfter(
  base: LoadedTable,
  updates: readonly TableUpdate[],
  { runtime }: { readonly runtime: Runtime },
): LoadedTable {
  // A planner of the base knows nothing of what is not committed.
  const { planner: _, ...table } = base
  return { ...table, metadata: applyUpdates(base.metadata, updates, { nowMs: runtime.nowMs() }) }
}

/** Changes that were made one upon the other, as a change of the base. */
export function joinChanges(base: LoadedTable, changes: readonly TableChange[]): TableChange {
  const requirements = new Map<string, TableRequirement>()
  for (const requirement of changes.flatMap(change => change.requirements)) {
    if (checkRequirement(requirement, base.metadata) === undefined)
      requirements.set(stringifyJson({ ...requirement }), requirement)
  }
  return {
    updates: changes.flatMap(change => change.updates),
    requirements: [...requirements.values()],
    written: changes.flatMap(change => change.written),
  }
}

/** An action that was tried already, and what it made then, on what those before it made. */
export interface RecordedAction {
  readonly action: TableAction
  readonly change: TableChange | 'unchanged'
  /** The branch by which an action that changed nothing decided so; such a decision is held by a requirement. */
  readonly readsRef?: string | undefined
}

export interface ComposeOptions {
  readonly runtime: Runtime
  /** What the recorded changes were made on. */
  readonly base: LoadedTable
  /** Told by each attempt what became of the steps; the last one told is of the commit. */
  readonly onDecided?: ((steps: readonly RecordedAction[]) => void) | undefined
  /** Told of files that an attempt wrote and no change names, since a later step of it failed. */
  readonly onLeftOver?: ((locations: readonly string[]) => void) | undefined
}

/**
 * The actions as one. On the base that they were recorded on their changes are taken as they are; on another they decide
 * anew, in order.
 * @throws what the actions throw
 */
export function composeActions(recorded: readonly RecordedAction[], options: ComposeOptions): TableAction {
  const redo = async (base: LoadedTable, attempt: ActionAttempt): Promise<readonly RecordedAction[]> => {
    const done: RecordedAction[] = []
    let state = base
    try {
      for (const step of recorded) {
        // Recording was the first attempt; file names tell attempts apart.
        const change = await step.action(state, { ...attempt, number: attempt.number + 1 })
        done.push({ ...step, change })
        if (change !== 'unchanged') state = stateAfter(state, change.updates, options)
      }
      return done
    } catch (error) {
      options.onLeftOver?.(changesOf(done).flatMap(change => change.written))
      throw error
    }
  }
  return async (base, attempt) => {
    const isRecorded = attempt.number === 1 && base.metadataLocation === options.base.metadataLocation
    const steps = isRecorded ? recorded : await redo(base, attempt)
    options.onDecided?.(steps)
    const joined = joinChanges(base, [...changesOf(steps), ...decisionsOf(base.metadata, steps)])
    return joined.updates.length === 0 && joined.requirements.length === 0 ? 'unchanged' : joined
  }
}

function changesOf(steps: readonly RecordedAction[]): readonly TableChange[] {
  return steps.flatMap(({ change }) => (change === 'unchanged' ? [] : [change]))
}

/** What holds the steps that found nothing to change: the branch that they looked at. */
function decisionsOf(metadata: TableMetadata, steps: readonly RecordedAction[]): readonly TableChange[] {
  const refs = steps.flatMap(({ change, readsRef }) =>
    change === 'unchanged' && readsRef !== undefined ? refsRead(metadata, readsRef) : [],
  )
  if (refs.length === 0) return []
  return [{ updates: [], requirements: refRequirements(metadata, [...new Set(refs)]), written: [] }]
}

/** A branch that is not there yet stands where main stands. */
export function refsRead(metadata: TableMetadata, ref: string): readonly string[] {
  return refByName(metadata, ref) === undefined ? [ref, MAIN_BRANCH] : [ref]
}
