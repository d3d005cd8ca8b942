/** When the commit loop queues up, and when it lets others go first; see `catalog/turns.ts`. */
import type { TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CommitTurns, Turn } from '../catalog/turns.js'

/** Attempts that a commit loses before it queues up. */
const LOST_MAX = 2
/** A commit that has let others go first for so long queues up itself. */
const COURTESY_MS_MAX = 250

export interface TurnTaker {
  /** Others are waiting for this commit, or will: it need not pause between attempts. */
  readonly isQueued: boolean
  /** Lets those in front go first. @returns whether there were any; @throws aborted */
  letOthersGo(): Promise<boolean>
  /** An attempt was lost. */
  lost(): Promise<void>
  /** The commit has ended, in whatever way. */
  end(): Promise<void>
}

/** @param options `turn`: a place that the caller took, and gives back */
export function createTurnTaker(
  turns: CommitTurns | undefined,
  identifiers: readonly TableIdentifier[],
  { signal, turn: given }: { readonly signal: AbortSignal | undefined; readonly turn: Turn | undefined },
): TurnTaker {
  const tables = identifiers.map(printIdentifier)
  let turn = given
  let lostCount = 0
  return {
    get isQueued() {
      return turn !== undefined
    },
    async letOthersGo() {
      if (turns === undefined) return false
      const waitMsMax = turn === undefined ? COURTESY_MS_MAX : undefined
      const waited = await turns.wait(tables, { turn, waitMsMax, signal })
      if (waited !== 'not-yet') return waited === 'done'
      turn = await turns.queue(tables)
      if (turn !== undefined) await turns.wait(tables, { turn, signal })
      return true
    },
    async lost() {
      lostCount++
      if (lostCount >= LOST_MAX) turn ??= await turns?.queue(tables)
    },
    async end() {
      if (turn !== given) await turn?.leave()
    },
  }
}
