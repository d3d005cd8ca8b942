/** What the steps of one commit share, and what they tell of themselves. */
import type { Runtime } from '../base/runtime.js'
import type { Catalog, CommitOutcome, LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import type { Turn } from '../catalog/turns.js'
import type { FileIO } from '../io/file-io.js'
import type { TableRequirement } from '../metadata/table-update.js'
import type { CommitLimits } from './commit-limits.js'
import type { RefusedSwap, SentSwap } from './landed.js'
import type { CommitTarget } from './table-action.js'
import type { TurnTaker } from './take-turns.js'
import type { WrittenFiles } from './written-files.js'

/** What happened inside a commit, for logs and traces. */
export type CommitEvent =
  | {
      readonly type: 'conflict'
      readonly attempt: number
      readonly identifier: TableIdentifier
      readonly requirement: TableRequirement | undefined
      readonly reason: string
    }
  | { readonly type: 'retry'; readonly attempt: number; readonly waitMs: number }
  | { readonly type: 'unknown'; readonly attempt: number; readonly cause: unknown }
  | {
      readonly type: 'settled'
      readonly attempt: number
      readonly status: 'committed' | 'conflict' | 'unknown'
    }
  | { readonly type: 'committed'; readonly attempt: number; readonly tables: readonly LoadedTable[] }
  /** Files of refused attempts were deleted; what could not be deleted stays as an orphan. */
  | { readonly type: 'cleaned'; readonly deleted: readonly string[]; readonly failed: readonly string[] }
  | { readonly type: 'clean-up-failed'; readonly cause: unknown }

export interface CommitOptions {
  readonly io: FileIO
  readonly runtime: Runtime
  readonly signal?: AbortSignal | undefined
  readonly retry?: Partial<CommitLimits> | undefined
  /** The caller's place in the queues of the tables, which it gives back itself. */
  readonly turn?: Turn | undefined
  /** Actions that run at once; default 4. */
  readonly concurrency?: number | undefined
  /** Only listens: what it throws changes nothing of the commit, and is lost. */
  readonly onEvent?: ((event: CommitEvent) => void) | undefined
}

export interface LoopContext extends CommitOptions {
  readonly catalog: Catalog
  readonly targets: readonly CommitTarget[]
  readonly files: WrittenFiles
  readonly turns: TurnTaker
  readonly startMs: number
  /** Swaps whose first answer was unknown; grows. */
  readonly doubted: SentSwap[]
  /** Swaps whose first answer was a refusal; grows. */
  readonly refused: RefusedSwap[]
}

export interface Attempt {
  readonly number: number
  readonly bases: readonly LoadedTable[]
}

export type Committed = Extract<CommitOutcome, { status: 'committed' }>
export type Refusal = Extract<CommitOutcome, { status: 'conflict' }>

/** A listener that throws may not make a commit that landed look like one that failed. */
export function tell(context: LoopContext, event: CommitEvent): void {
  try {
    context.onEvent?.(event)
  } catch {
    // Nobody is left to be told.
  }
}
