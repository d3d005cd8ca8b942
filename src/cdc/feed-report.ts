/** What a run over a feed did, counted as it goes. */
import type { FeedTransaction } from './change-block.js'
import { type FeedPosition, printPosition } from './feed-position.js'

export interface FeedProgress {
  readonly transactions: number
  readonly events: number
  readonly commits: number
  readonly position: string | undefined
}

export interface TableReport {
  inserts: number
  updates: number
  deletes: number
  truncates: number
  /** Changes that an earlier run had applied. */
  alreadyApplied: number
}

export interface FeedReport {
  readonly stream: string | undefined
  /** The last transaction of the feed that this run saw. */
  readonly position: string | undefined
  readonly transactions: number
  readonly events: number
  readonly commits: number
  readonly tables: Readonly<Record<string, TableReport>>
  /** Changes to source tables without a key, by table: they were skipped. */
  readonly keyless: Readonly<Record<string, number>>
  /** Cells that Iceberg cannot hold and that became null, by `table.column`. */
  readonly unrepresentable: Readonly<Record<string, number>>
  /** Unchanged cells of rows that neither the feed nor the table had: they became null. */
  readonly orphanedCells: number
  /** Records that carry no change, by what they are. */
  readonly ignored: Readonly<Record<string, number>>
}

/** Counts by name. */
export type Counts = Map<string, number>

export function count(counts: Counts, what: string, times: number = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + times)
}

export interface FeedTally {
  readonly keyless: Counts
  readonly unrepresentable: Counts
  readonly ignored: Counts
  transactions: number
  events: number
  commits: number
  orphanedCells: number
  position: FeedPosition | undefined
}

export function newTally(): FeedTally {
  return {
    keyless: new Map(),
    unrepresentable: new Map(),
    ignored: new Map(),
    transactions: 0,
    events: 0,
    commits: 0,
    orphanedCells: 0,
    position: undefined,
  }
}

export function tallyTransaction(tally: FeedTally, transaction: FeedTransaction): void {
  tally.transactions += 1
  tally.events += transaction.events
  tally.position = transaction.position
}

export function progressOf({ transactions, events, commits, position }: FeedTally): FeedProgress {
  const at = position === undefined ? undefined : printPosition(position)
  return { transactions, events, commits, position: at }
}

export function reportOf(tally: FeedTally, run: Pick<FeedReport, 'stream' | 'tables'>): FeedReport {
  return {
    ...run,
    ...progressOf(tally),
    keyless: Object.fromEntries(tally.keyless),
    unrepresentable: Object.fromEntries(tally.unrepresentable),
    orphanedCells: tally.orphanedCells,
    ignored: Object.fromEntries(tally.ignored),
  }
}
