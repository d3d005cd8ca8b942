/**
 * Files in flight: an operation says that files with its uuid in their names are not part of the table yet, so that nobody
 * deletes them before they are.
 *
 *   writer    first file -> (still writing a while later) open, load the table -> write on, renewing -> swap -> release
 *   cleaner   list files -> fence -> standing() -> load the table -> delete what is old, reached by nothing, of nobody
 *
 * Two rules make it exact, not likely, whoever is frozen for how long wherever:
 *
 * - The fence. Before anything is deleted, a commit writes into the table how old the files are that may be deleted from now
 *   on. A swap that was prepared before it is refused, as the pointer has moved. One that is prepared behind it finds the
 *   fence in the state that it compares with, and is refused when its own files are as old as that - unless its operation
 *   has a lease. Short operations pass and need no lease: files that a cleaner may delete are older than any of theirs.
 * - The lease. It lets an operation pass that takes longer than that; the swap checks in the catalog's own transaction that it
 *   is there still. One that lapsed - its writer was frozen - is ended for good by the next cleaner, which thereby refuses
 *   its swap. Who opens a lease looks for a fence right behind that: either it is seen, or the cleaner sees the lease.
 *
 * The cleaner loads the table last: what was committed and released before is in it then.
 */
import type { TableMetadata } from '../metadata/table-metadata.js'

export interface WriteOperation {
  readonly tableUuid: string
  /** Part of the name of every file that it writes. */
  readonly operationUuid: string
}

export interface WriteLease {
  readonly tableUuid: string
  readonly operationUuid: string
  /** To be called now and then while writing; costs nothing most of the time. Never fails: the swap tells. */
  renew(): Promise<void>
  /** After the commit, or when it certainly failed. Harmless when repeated. Never fails: the lease lapses then. */
  release(): Promise<void>
}

export interface WriteLeases {
  /** A lease that is not renewed for so long lapses. Files that are younger are never to be cleaned away. */
  readonly leaseMs: number
  /**
   * Registers an operation whose files nobody may delete while the lease stands. Undefined where none can be left. The
   * caller loads the table next and gives up when a fence is in front of its files (`isFenced`).
   * @throws unavailable, denied
   */
  open(operation: WriteOperation, options?: WriteLeaseOptions): Promise<WriteLease | undefined>
  /**
   * For who is about to delete files of a table, has set the fence and loads the table next: ends every lapsed lease for
   * good, then tells the uuids of the operations that stand, whose files stay.
   * @throws unavailable, denied: then nothing may be deleted
   */
  standing(tableUuid: string, options?: WriteLeaseOptions): Promise<ReadonlySet<string>>
  /** Gives up every lease that was opened here. */
  close(): Promise<void>
}

export interface WriteLeaseOptions {
  readonly signal?: AbortSignal | undefined
}

/** A lease that is not renewed for so long lapses: 6 hours. */
export const WRITE_LEASE_MS = 21_600_000
/** Renewing earlier than this after the last time changes nothing: 10 minutes. */
export const WRITE_LEASE_RENEW_MS = 600_000
/**
 * The fence: a property of the table. Files that were begun before that time, in ms since 1970, may be deleted, so no swap
 * publishes them.
 */
export const CLEANED_BEFORE = 'serac.cleaned-before-ms'
/** What clocks of writers and of the storage may differ by: a fence reaches this much further, but never into the future. */
const CLOCK_MS = 300_000

/** The value for `CLEANED_BEFORE` of who wants to delete files older than that; it never goes back. */
export function fenceFor(
  metadata: TableMetadata,
  times: { readonly olderThanMs: number; readonly nowMs: number },
): string {
  const wanted = Math.min(Math.floor(times.olderThanMs) + CLOCK_MS, times.nowMs)
  return String(Math.max(wanted, fenceOf(metadata) ?? 0))
}

/** Whether a fence is in front of files that were begun then: a cleaning may have deleted them. */
export function isFenced(metadata: TableMetadata, sinceMs: number): boolean {
  const fenceMs = fenceOf(metadata)
  return fenceMs !== undefined && sinceMs < fenceMs
}

/** What cannot be read as a time stands in nobody's way: only serac writes the property. */
function fenceOf({ properties }: TableMetadata): number | undefined {
  const text = properties[CLEANED_BEFORE]
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
