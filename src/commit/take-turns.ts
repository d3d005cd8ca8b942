/** When the commit loop queues up, and when it lets others go first; see `catalog/turns.ts`. */
import type { TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CommitTurns, Turn } from '../catalog/turns.js'

export interface TurnTaker {
  /** Others are waiting for this commit, or will: it need not pause between attempts. */
  readonly isQueued: boolean
  /** Others are known to queue: an attempt would be in vain. */
  readonly isCrowded: boolean
  /** The commit's place. */
  readonly turn: Turn | undefined
  /** The same where it is the commit's own to give back. */
  readonly ownTurn: Turn | undefined
  /** Lets those in front go first. @returns whether the tables have to be looked at again; @throws aborted */
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
  /** A place shows how the tables are now. */
  let hasLooked = false
  const isCrowded = (): boolean => turns?.isCrowded(tables, turn) === true
  return {
    get isQueued() {
      return turn !== undefined
    },
    get isCrowded() {
      return isCrowded()
    },
    get turn() {
      return turn
    },
    get ownTurn() {
      return turn === given ? undefined : turn
    },
    async letOthersGo() {
      if (turns === undefined) return false
      const waitMsMax = turn === undefined ? turns.manners.courtesyMsMax : undefined
      const waited = await turns.wait(tables, { turn, waitMsMax, signal })
      if (waited === 'not-yet') {
        turn = await turns.queue(tables)
        if (turn !== undefined) await turns.wait(tables, { turn, signal })
      }
      const isElsewhere = hasLooked || waited !== 'none'
      hasLooked = false
      return isElsewhere
    },
    async lost() {
      lostCount++
      if (turns === undefined || turn !== undefined) return
      if (lostCount >= turns.manners.lostMax || isCrowded()) turn = await turns.queue(tables)
      hasLooked = turn !== undefined
    },
    async end() {
      if (turn !== given) await turn?.leave()
    },
  }
}
