/** The words between an operation and the commit loop: an action is a function from a base to a change. */
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import type { FileHold } from './hold-lease.js'

/** What an action wants committed to its table. */
export interface TableChange {
  readonly updates: readonly TableUpdate[]
  readonly requirements: readonly TableRequirement[]
  /**
   * Every file that this operation wrote and this change refers to: manifests and the list, and data files that
   * the loop is to look after; those reused from earlier attempts included. What an earlier, certainly refused
   * attempt named and the winner does not is deleted; all of it is, when the commit certainly failed.
   */
  readonly written: readonly string[]
}

export interface ActionAttempt {
  /** From 1; grows with every call for the same commit. */
  readonly number: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Decides on the given base what to change. Called again, on a newer base, after each conflict. What it
 * throws ends the commit: kind `conflict` says that the base moved in a way the operation may not ignore.
 */
export type TableAction = (base: LoadedTable, attempt: ActionAttempt) => Promise<TableChange | 'unchanged'>

export interface CommitTarget {
  readonly identifier: TableIdentifier
  /** The state to try first; loaded when absent. */
  readonly base?: LoadedTable | undefined
  readonly action: TableAction
  /** What the operation has in flight, where it writes before the commit or takes long; the caller ends it. */
  readonly files?: FileHold | undefined
  /**
   * Deletes what the operation wrote and no change named. Called once: after a definite failure, or when the table was
   * left as it is and no attempt was in doubt.
   */
  readonly discard?: (() => Promise<void>) | undefined
}
