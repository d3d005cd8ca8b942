/**
 * Commits of catalogs that write the metadata files and swap the pointers to them: all tables of a commit, or none.
 *
 *   prepare   read every table, check its requirements, apply its updates
 *   write     the new metadata files, durable before anything points at them
 *   swap      the store compares every pointer with what was read and sets them all
 *
 * When a pointer moved between prepare and swap, the requirements are what decides: everything is prepared again
 * on the new state, a few times. A refusal (requirement, race) is certain, so the files of that attempt are
 * deleted - unless the new state has our metadata file in its log: the request came twice, and the refusal is that of its
 * second copy. A swap whose answer is lost leaves the outcome open; then nothing is deleted, and `settle` sends the
 * identical swap again and looks.
 */
import { present } from '../base/assert.js'
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { deleteQuietly } from '../io/delete-files.js'
import type { FileIO } from '../io/file-io.js'
import { expiredMetadataFiles, newMetadataLocation, writeTableMetadata } from '../metadata/metadata-file.js'
import type {
  CatalogOptions,
  CommitAttempt,
  CommitOutcome,
  LoadedTable,
  SwapOptions,
  TableCommit,
  TableIdentifier,
} from './catalog.js'
import { namespaceMissing } from './catalog-errors.js'
import { type Conflict, decideChange, lapsedConflict, movedConflict, withCurrent } from './decide-change.js'
import { checkDotless, printIdentifier, sameIdentifier } from './identifier.js'

/** A table and what the store needs to compare its pointer: the store's own. */
export interface FoundTable<Entry> {
  readonly table: LoadedTable
  readonly entry: Entry
}

/** One pointer of a commit. */
export interface Swap<Entry> {
  readonly identifier: TableIdentifier
  /** What the pointer was made for; undefined for a table to be created. */
  readonly from: FoundTable<Entry> | undefined
  /** The state after the commit; that of `from` itself for a read check. */
  readonly to: LoadedTable
}

/** `lost`: the pointer is not what `from` says, or the name was taken meanwhile. Nothing has landed but for `swapped` and, maybe, `unknown`. */
export type SwapAnswer<Entry> =
  | { readonly status: 'swapped' }
  | {
      readonly status: 'lost'
      readonly swap: Swap<Entry>
      /** What the store keeps of the table now, where its refusal tells. */
      readonly now?: Entry | undefined
    }
  | { readonly status: 'no-namespace'; readonly swap: Swap<Entry> }
  /** A write lease of the commit is gone for good, and every pointer is what `from` says: it never lands. */
  | { readonly status: 'lapsed' }
  | { readonly status: 'unknown'; readonly cause: unknown }

type Lost<Entry> = Extract<SwapAnswer<Entry>, { status: 'lost' }>

export type LeasedOptions = Pick<SwapOptions, 'signal' | 'leases' | 'turn'>

/** Who decides which metadata file is current. */
export interface PointerStore<Entry> {
  readonly io: FileIO
  readonly runtime: Runtime
  /** Default: names have no dots. @throws invalid-argument for a name that the store cannot keep */
  readonly checkName?: ((identifier: TableIdentifier) => void) | undefined
  /** The state of a table, or why there is none; `other` is a view. With `now`, that of this entry. */
  find(
    identifier: TableIdentifier,
    options: CatalogOptions & { readonly now?: Entry | undefined },
  ): Promise<FoundTable<Entry> | 'missing' | 'other'>
  /** The state as it was loaded here, without looking whether it is still that: the swap tells. */
  recall?(table: LoadedTable): FoundTable<Entry> | undefined
  /** Compares and sets all pointers at once, if the write leases are all there. Whatever it throws, nothing has landed. */
  swap(swaps: readonly Swap<Entry>[], options: LeasedOptions): Promise<SwapAnswer<Entry>>
  /**
   * The identical swap again, after an answer that was lost; `swapped` too when it had landed and still stands, whatever
   * became of the leases.
   */
  swapAgain(swaps: readonly Swap<Entry>[], options: LeasedOptions): Promise<SwapAnswer<Entry>>
  /** The state of a table after a commit of ours. */
  keep(table: LoadedTable): void
}

export interface PointerCommits {
  readonly commit: (changes: readonly TableCommit[], options?: SwapOptions) => Promise<CommitOutcome>
  readonly settle: (attempt: CommitAttempt, options?: CatalogOptions) => Promise<CommitOutcome>
}

/** What an attempt would swap, and the leases that it needs for that. */
interface Sent<Entry> extends Pick<SwapOptions, 'leases'> {
  readonly swaps: readonly Swap<Entry>[]
}

/** A store and the attempts whose outcome is open. */
interface Context<Entry> extends PointerStore<Entry> {
  readonly pending: WeakMap<CommitAttempt, Sent<Entry>>
}

const PREPARE_ATTEMPTS = 4
const FILES_AT_ONCE = 8

/** The commit verbs of a catalog over a store. */
export function createPointerCommits<Entry>(store: PointerStore<Entry>): PointerCommits {
  const context: Context<Entry> = { ...store, pending: new WeakMap() }
  return {
    commit: (changes, options = {}) => commitPointers(context, changes, options),
    settle: (attempt, options = {}) => settlePointers(context, attempt, options),
  }
}

/** @see Catalog.commit */
async function commitPointers<Entry>(
  context: Context<Entry>,
  changes: readonly TableCommit[],
  options: SwapOptions,
): Promise<CommitOutcome> {
  checkChanges(context, changes)
  let lost: readonly Swap<Entry>[] = []
  let answer: Lost<Entry> | undefined
  for (let attempt = 1; ; attempt++) {
    const prepared = await prepareAll(context, changes, { ...options, answer })
    if (isInHistory(lost, prepared)) return committed(context, lost)
    await deleteQuietly(context.io, newFiles(lost))
    if ('status' in prepared) return prepared
    if (attempt > PREPARE_ATTEMPTS) {
      const swap = present(prepared[0], 'the first swap of a commit')
      return { ...movedConflict(swap, swap.from?.table), ...withCurrent(swap.from?.table) }
    }
    await writeFiles(context, prepared, options)
    const outcome = await swapOnce(context, { changes, swaps: prepared }, options)
    if (outcome.status !== 'lost') return outcome
    lost = prepared
    answer = outcome
  }
}

/** Whether one of the states that were found behind a lost swap shows that it was not lost. */
function isInHistory<Entry>(lost: readonly Swap<Entry>[], found: readonly Swap<Entry>[] | Conflict): boolean {
  const tables = 'status' in found ? [found.current] : found.map(({ from }) => from?.table)
  return lost.some(swap => {
    const now = tables.find(table => table !== undefined && sameIdentifier(table.identifier, swap.identifier))
    return now !== undefined && !isReadCheck(swap) && historyOf(now).includes(swap.to.metadataLocation)
  })
}

function checkChanges<Entry>(
  { checkName = checkDots }: Context<Entry>,
  changes: readonly TableCommit[],
): void {
  if (changes.length === 0) throw new LakeError('invalid-argument', 'a commit needs a table')
  changes.forEach(({ identifier }, index) => {
    checkName(identifier)
    if (changes.findIndex(other => sameIdentifier(other.identifier, identifier)) !== index)
      throw new LakeError('invalid-argument', 'a commit names a table twice', {
        context: { table: printIdentifier(identifier) },
      })
  })
}

function checkDots({ namespace, name }: TableIdentifier): void {
  checkDotless(namespace)
  checkDotless([name])
}

// ---- prepare

/** With the answer to the attempt before. */
interface PrepareOptions<Entry> extends SwapOptions {
  readonly answer: Lost<Entry> | undefined
}

async function prepareAll<Entry>(
  context: Context<Entry>,
  changes: readonly TableCommit[],
  options: PrepareOptions<Entry>,
): Promise<readonly Swap<Entry>[] | Conflict> {
  const prepared = await mapBounded(changes, change => prepare(context, change, options), {
    limit: FILES_AT_ONCE,
    signal: options.signal,
  })
  const swaps: Swap<Entry>[] = []
  for (const each of prepared) {
    if ('status' in each) return each
    swaps.push(each)
  }
  return swaps
}

async function prepare<Entry>(
  context: Context<Entry>,
  change: TableCommit,
  options: PrepareOptions<Entry>,
): Promise<Swap<Entry> | Conflict> {
  const { identifier } = change
  const found = await findFor(context, change, options)
  const from = typeof found === 'string' ? undefined : found
  const state = typeof found === 'string' ? found : found.table
  const metadata = decideChange(change, state, { nowMs: context.runtime.nowMs(), sinceMs: options.sinceMs })
  if ('status' in metadata) return metadata
  if (from !== undefined && metadata === from.table.metadata) return { identifier, from, to: from.table }
  const previousLocation = from?.table.metadataLocation
  const metadataLocation = newMetadataLocation(metadata, { previousLocation, uuid: context.runtime.uuid() })
  return { identifier, from, to: { identifier, metadata, metadataLocation } }
}

/** The first time what the change was made for will do: when it is not current any more, the swap is lost. */
async function findFor<Entry>(
  context: Context<Entry>,
  { identifier, base }: TableCommit,
  { answer, signal }: PrepareOptions<Entry>,
): Promise<FoundTable<Entry> | 'missing' | 'other'> {
  const isBase = base !== undefined && sameIdentifier(base.identifier, identifier)
  const recalled = isBase && answer === undefined ? context.recall?.(base) : undefined
  if (recalled !== undefined) return recalled
  const isOf = answer !== undefined && sameIdentifier(answer.swap.identifier, identifier)
  return context.find(identifier, { signal, now: isOf ? answer.now : undefined })
}

// ---- write

/** True for a table that is only compared: nothing of it changes. */
export function isReadCheck<Entry>(swap: Swap<Entry>): boolean {
  return swap.to === swap.from?.table
}

function newFiles<Entry>(swaps: readonly Swap<Entry>[]): readonly string[] {
  return swaps.filter(swap => !isReadCheck(swap)).map(swap => swap.to.metadataLocation)
}

async function writeFiles<Entry>(
  context: Context<Entry>,
  swaps: readonly Swap<Entry>[],
  options: CatalogOptions,
): Promise<void> {
  const changed = swaps.filter(swap => !isReadCheck(swap))
  try {
    await mapBounded(
      changed,
      ({ to }) =>
        writeTableMetadata(context.io, to.metadata, {
          location: to.metadataLocation,
          signal: options.signal,
        }),
      { limit: FILES_AT_ONCE, signal: options.signal },
    )
  } catch (error) {
    await deleteQuietly(context.io, newFiles(swaps))
    throw error
  }
}

// ---- swap

interface Prepared<Entry> {
  readonly changes: readonly TableCommit[]
  readonly swaps: readonly Swap<Entry>[]
}

async function swapOnce<Entry>(
  context: Context<Entry>,
  prepared: Prepared<Entry>,
  options: SwapOptions,
): Promise<CommitOutcome | Lost<Entry>> {
  const { swaps } = prepared
  const answer = await context.swap(swaps, options).catch(async (error: unknown) => {
    await deleteQuietly(context.io, newFiles(swaps))
    throw error
  })
  if (answer.status === 'unknown')
    return unknownOutcome(context, { ...prepared, leases: options.leases }, answer.cause)
  if (answer.status === 'swapped') return committed(context, swaps)
  if (answer.status === 'lost') return answer
  await deleteQuietly(context.io, newFiles(swaps))
  if (answer.status === 'no-namespace') throw namespaceMissing(answer.swap.identifier.namespace)
  return lapsedConflict(present(swaps[0], 'the first swap of a commit'))
}

// ---- outcomes

/** Files that the metadata log dropped go when the table says so; a failure to delete them is no failure. */
async function committed<Entry>(
  context: Context<Entry>,
  swaps: readonly Swap<Entry>[],
): Promise<CommitOutcome> {
  const expired = swaps.flatMap(({ from, to }) => expiredMetadataFiles(from?.table.metadata, to.metadata))
  await deleteQuietly(context.io, expired)
  for (const { to } of swaps) context.keep(to)
  return { status: 'committed', tables: swaps.map(swap => swap.to) }
}

function unknownOutcome<Entry>(
  context: Context<Entry>,
  prepared: Prepared<Entry> & Sent<Entry>,
  cause: unknown,
): CommitOutcome {
  const metadataLocations = prepared.swaps.map(swap =>
    isReadCheck(swap) ? undefined : swap.to.metadataLocation,
  )
  const attempt: CommitAttempt = { changes: prepared.changes, metadataLocations }
  context.pending.set(attempt, { swaps: prepared.swaps, leases: prepared.leases })
  return { status: 'unknown', attempt, cause }
}

// ---- settle

/** @see Catalog.settle */
async function settlePointers<Entry>(
  context: Context<Entry>,
  attempt: CommitAttempt,
  options: CatalogOptions,
): Promise<CommitOutcome> {
  const sent = context.pending.get(attempt)
  if (sent === undefined) throw new LakeError('invalid-argument', 'the attempt is not one of this catalog')
  const { swaps, leases } = sent
  const answer = await context.swapAgain(swaps, { ...options, leases })
  if (answer.status === 'unknown') return { status: 'unknown', attempt, cause: answer.cause }
  if (answer.status === 'swapped') return committed(context, swaps)
  if (answer.status === 'lapsed') return lapsedConflict(present(swaps[0], 'the first swap of a commit'))
  return settleByHistory(context, attempt, { swaps, options })
}

interface Pending<Entry> {
  readonly swaps: readonly Swap<Entry>[]
  readonly options: CatalogOptions
}

/** Someone went on from there: the metadata log of one table tells for all, if it reaches back far enough. */
async function settleByHistory<Entry>(
  context: Context<Entry>,
  attempt: CommitAttempt,
  { swaps, options }: Pending<Entry>,
): Promise<CommitOutcome> {
  for (const swap of swaps.filter(each => !isReadCheck(each))) {
    const current = await context.find(swap.identifier, options)
    if (typeof current === 'string') continue
    const verdict = readHistory(swap, current.table)
    if (verdict === 'landed') return committed(context, swaps)
    if (verdict === 'refused')
      return { ...movedConflict(swap, swap.from?.table), ...withCurrent(current.table) }
  }
  const cause = new LakeError('unavailable', 'the history of the table does not reach back to the commit')
  return { status: 'unknown', attempt, cause }
}

/** Refused only if the log shows the direct successor of our base, and that is not ours. */
function readHistory<Entry>(
  { from, to }: Swap<Entry>,
  current: LoadedTable,
): 'landed' | 'refused' | 'unclear' {
  const history = historyOf(current)
  if (history.includes(to.metadataLocation)) return 'landed'
  const base = from === undefined ? -1 : history.indexOf(from.table.metadataLocation)
  return base >= 0 && base < history.length - 1 ? 'refused' : 'unclear'
}

/** Metadata files, oldest first; the current one is the last. */
export function historyOf({ metadata, metadataLocation }: LoadedTable): readonly string[] {
  return [...metadata.metadataLog.map(entry => entry.metadataFile), metadataLocation]
}
