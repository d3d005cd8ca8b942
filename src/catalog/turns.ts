/**
 * Turns: writers of one table that lose to others again and again queue up, and the others let them go first. Optimistic
 * commits alone are not fair: who needs half a second for an attempt always loses to who needs a few milliseconds.
 *
 *   a writer that lost    queue -> attempts, while the others wait -> leave
 *   every other writer    before its swap: wait until nobody who queued before it is left
 *
 * Turns are a courtesy and no lock. Whether a commit lands is decided by its swap alone; who does not know of turns -
 * another engine - goes on as before, and nobody is waited for without end.
 */

/** What one writer may take at the head of the queue. */
export const TURN_MS_MAX = 5_000

/** A place in the queues of some tables. */
export interface Turn {
  /** Harmless when repeated. */
  leave(): Promise<void>
}

export interface WaitOptions {
  /** The waiter's own place: those behind it are not waited for. */
  readonly turn?: Turn | undefined
  /** Waits this long at most; default until those in front are gone or have had their time. */
  readonly waitMsMax?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** `none`: nobody was in front. `done`: they are gone now, and the table has probably changed. `not-yet`: the time is up. */
export type Waited = 'none' | 'done' | 'not-yet'

/** When a writer queues up: what suits the price of a place, and of a look. */
export interface TurnManners {
  /** After so many attempts lost, where nobody is known to queue. */
  readonly lostMax: number
  /** After having let others go first for so long. */
  readonly courtesyMsMax: number
}

export interface CommitTurns {
  readonly manners: TurnManners
  /** By the tables' names. Undefined where no place can be left for others to see. */
  queue(tables: readonly string[]): Promise<Turn | undefined>
  /** Whether others are in front, as far as that is known without asking anybody. */
  isCrowded(tables: readonly string[], turn?: Turn): boolean
  /** Waits for those in front. @throws aborted */
  wait(tables: readonly string[], options?: WaitOptions): Promise<Waited>
  /** Leaves every queue. */
  close(): Promise<void>
}
