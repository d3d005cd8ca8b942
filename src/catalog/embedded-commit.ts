/**
 * Commits of the embedded catalog: all tables in one SQL transaction.
 *
 *   prepare   read every table, check its requirements, apply its updates
 *   write     the new metadata files, durable before anything points at them
 *   swap      BEGIN IMMEDIATE; compare every pointer with what was read, set them all; COMMIT
 *
 * When a pointer moved between prepare and swap, the requirements are what decides: everything is prepared again
 * on the new state, a few times. A refusal (requirement, race) is certain, so the files of that attempt are
 * deleted. Only an error of COMMIT itself leaves the outcome open; then nothing is deleted, and `settle` looks and
 * sends the identical swap again. Unlike a request on a network, a transaction cannot land later: what it finds
 * under the write lock is final.
 */
import { mapBounded } from '../base/concurrency.js'
import { isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { applyUpdates } from '../metadata/apply-update.js'
import { expiredMetadataFiles, newMetadataLocation, writeTableMetadata } from '../metadata/metadata-file.js'
import { firstBroken } from '../metadata/requirement.js'
import type {
  CatalogOptions,
  CommitAttempt,
  CommitOutcome,
  LoadedTable,
  TableCommit,
  TableIdentifier,
} from './catalog.js'
import type { EmbeddedDb, WriteOutcome } from './embedded-db.js'
import { findTable, hasNamespace, insertTable, type Rows, swapTable } from './embedded-rows.js'
import { checkDotless, printIdentifier, printNamespace, sameIdentifier } from './identifier.js'

/** What committing needs of the catalog. */
export interface CommitContext {
  readonly db: EmbeddedDb
  readonly catalogName: string
  readonly io: FileIO
  readonly runtime: Runtime
  /** Attempts whose outcome is open, and what they would swap. */
  readonly pending: WeakMap<CommitAttempt, readonly Swap[]>
  /** The state of a table, or why there is none. */
  find(identifier: TableIdentifier, options: CatalogOptions): Promise<LoadedTable | 'missing' | 'other'>
  /** Keeps the state of a table, so that nobody reads its metadata file for it. */
  keep(table: LoadedTable): void
}

/** One pointer of a commit. */
export interface Swap {
  readonly identifier: TableIdentifier
  /** What the pointer was made for; undefined for a table to be created. */
  readonly from: LoadedTable | undefined
  /** The state after the commit; `from` itself for a read check. */
  readonly to: LoadedTable
}

type Conflict = Extract<CommitOutcome, { status: 'conflict' }>

const PREPARE_ATTEMPTS = 4
const FILES_AT_ONCE = 8

/** @see Catalog.commit */
export async function commitEmbedded(
  context: CommitContext,
  changes: readonly TableCommit[],
  options: CatalogOptions,
): Promise<CommitOutcome> {
  checkChanges(changes)
  for (let attempt = 1; ; attempt++) {
    const prepared = await prepareAll(context, changes, options)
    if ('status' in prepared) return prepared
    await writeFiles(context, prepared, options)
    const outcome = await swapOnce(context, { changes, swaps: prepared }, options)
    if (outcome.status !== 'conflict' || attempt >= PREPARE_ATTEMPTS) return outcome
  }
}

function checkChanges(changes: readonly TableCommit[]): void {
  if (changes.length === 0) throw new LakeError('invalid-argument', 'a commit needs a table')
  changes.forEach(({ identifier }, index) => {
    checkDotless(identifier.namespace)
    checkDotless([identifier.name])
    if (changes.findIndex(other => sameIdentifier(other.identifier, identifier)) !== index)
      throw new LakeError('invalid-argument', 'a commit names a table twice', {
        context: { table: printIdentifier(identifier) },
      })
  })
}

// ---- prepare

async function prepareAll(
  context: CommitContext,
  changes: readonly TableCommit[],
  options: CatalogOptions,
): Promise<readonly Swap[] | Conflict> {
  const prepared = await mapBounded(changes, change => prepare(context, change, options), {
    limit: FILES_AT_ONCE,
    signal: options.signal,
  })
  const swaps: Swap[] = []
  for (const each of prepared) {
    if ('status' in each) return each
    swaps.push(each)
  }
  return swaps
}

async function prepare(
  context: CommitContext,
  change: TableCommit,
  options: CatalogOptions,
): Promise<Swap | Conflict> {
  const { identifier, requirements } = change
  const creation = requirements.find(requirement => requirement.type === 'assert-create')
  const found = await context.find(identifier, options)
  if (found === 'other' && creation !== undefined)
    return { status: 'conflict', identifier, requirement: creation, reason: 'the name belongs to a view' }
  const current = typeof found === 'string' ? undefined : found
  if (current === undefined && creation === undefined) throw tableMissing(identifier)
  const broken = firstBroken(requirements, current?.metadata)
  if (broken !== undefined) return { status: 'conflict', identifier, ...broken, ...withCurrent(current) }
  return applied(context, change, current)
}

function applied(
  context: CommitContext,
  change: TableCommit,
  current: LoadedTable | undefined,
): Swap | Conflict {
  const { identifier, updates } = change
  try {
    const metadata = applyUpdates(current?.metadata, updates, {
      nowMs: context.runtime.nowMs(),
      baseLocation: current?.metadataLocation,
    })
    if (metadata === current?.metadata) return { identifier, from: current, to: current }
    const previousLocation = current?.metadataLocation
    const metadataLocation = newMetadataLocation(metadata, { previousLocation, uuid: context.runtime.uuid() })
    return { identifier, from: current, to: { identifier, metadata, metadataLocation } }
  } catch (error) {
    if (!isLakeError(error, 'conflict')) throw error
    return { status: 'conflict', identifier, reason: error.message, ...withCurrent(current) }
  }
}

function withCurrent(current: LoadedTable | undefined): { readonly current?: LoadedTable } {
  return current === undefined ? {} : { current }
}

/** The error for a table that is not there. */
export function tableMissing(identifier: TableIdentifier): LakeError {
  const context = { table: printIdentifier(identifier) }
  return new LakeError('not-found', 'the table does not exist', { context })
}

/** The error for a namespace that is not there. */
export function namespaceMissing(namespace: readonly string[]): LakeError {
  const context = { namespace: printNamespace(namespace) }
  return new LakeError('not-found', 'the namespace does not exist', { context })
}

// ---- write

function isReadCheck(swap: Swap): boolean {
  return swap.to === swap.from
}

function newFiles(swaps: readonly Swap[]): readonly string[] {
  return swaps.filter(swap => !isReadCheck(swap)).map(swap => swap.to.metadataLocation)
}

async function writeFiles(
  context: CommitContext,
  swaps: readonly Swap[],
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
    await deleteQuietly(context, newFiles(swaps))
    throw error
  }
}

/** The outcome is decided already, and must come through: what cannot be deleted is a file that no pointer names. */
async function deleteQuietly(context: CommitContext, locations: readonly string[]): Promise<void> {
  if (locations.length === 0) return
  try {
    await context.io.delete(locations)
  } catch {
    // Orphan removal finds it.
  }
}

// ---- swap

type SwapResult =
  | { readonly kind: 'swapped' }
  | { readonly kind: 'lost'; readonly swap: Swap }
  | { readonly kind: 'no-namespace'; readonly swap: Swap }

interface Prepared {
  readonly changes: readonly TableCommit[]
  readonly swaps: readonly Swap[]
}

async function swapOnce(
  context: CommitContext,
  prepared: Prepared,
  options: CatalogOptions,
): Promise<CommitOutcome> {
  const { swaps } = prepared
  const outcome = await sendSwap(context, swaps, options).catch(async (error: unknown) => {
    await deleteQuietly(context, newFiles(swaps))
    throw error
  })
  if (outcome.status === 'unknown') return unknownOutcome(context, prepared, outcome.cause)
  if (outcome.value.kind === 'swapped') return committed(context, swaps)
  await deleteQuietly(context, newFiles(swaps))
  if (outcome.value.kind === 'no-namespace') throw namespaceMissing(outcome.value.swap.identifier.namespace)
  return movedConflict(outcome.value.swap)
}

/** Whatever it throws, nothing has landed. */
async function sendSwap(
  context: CommitContext,
  swaps: readonly Swap[],
  options: CatalogOptions,
): Promise<WriteOutcome<SwapResult>> {
  const { db, catalogName } = context
  if (!swaps.every(isReadCheck)) return db.write(sql => swapAll({ sql, catalogName }, swaps), options.signal)
  return { status: 'done', value: await db.read(sql => swapAll({ sql, catalogName }, swaps), options.signal) }
}

/** Compares all, then sets all: under the write lock nothing moves in between. */
function swapAll(rows: Rows, swaps: readonly Swap[]): SwapResult {
  for (const swap of swaps) {
    if (pointerOf(rows, swap.identifier) !== swap.from?.metadataLocation) return { kind: 'lost', swap }
    if (swap.from === undefined && findTable(rows, swap.identifier) !== undefined)
      return { kind: 'lost', swap }
    if (swap.from === undefined && !hasNamespace(rows, swap.identifier.namespace))
      return { kind: 'no-namespace', swap }
  }
  for (const swap of swaps) if (!isReadCheck(swap)) setPointer(rows, swap)
  return { kind: 'swapped' }
}

function pointerOf(rows: Rows, identifier: TableIdentifier): string | undefined {
  const row = findTable(rows, identifier)
  return row?.kind === 'table' ? row.metadataLocation : undefined
}

function setPointer(rows: Rows, { identifier, from, to }: Swap): void {
  if (from === undefined) insertTable(rows, identifier, to.metadataLocation)
  else if (!swapTable(rows, identifier, { from: from.metadataLocation, to: to.metadataLocation }))
    throw new Error('assertion failed: a compared pointer moved under the write lock')
}

// ---- outcomes

/** Files that the metadata log dropped go when the table says so; a failure to delete them is no failure. */
async function committed(context: CommitContext, swaps: readonly Swap[]): Promise<CommitOutcome> {
  const expired = swaps.flatMap(({ from, to }) => expiredMetadataFiles(from?.metadata, to.metadata))
  await deleteQuietly(context, expired)
  for (const { to } of swaps) context.keep(to)
  return { status: 'committed', tables: swaps.map(swap => swap.to) }
}

function movedConflict({ identifier, from }: Swap): Conflict {
  const reason = from === undefined ? 'the table was created meanwhile' : 'the table was changed meanwhile'
  return { status: 'conflict', identifier, reason }
}

function unknownOutcome(context: CommitContext, prepared: Prepared, cause: unknown): CommitOutcome {
  const metadataLocations = prepared.swaps.map(swap =>
    isReadCheck(swap) ? undefined : swap.to.metadataLocation,
  )
  const attempt: CommitAttempt = { changes: prepared.changes, metadataLocations }
  context.pending.set(attempt, prepared.swaps)
  return { status: 'unknown', attempt, cause }
}

// ---- settle

/** @see Catalog.settle */
export async function settleEmbedded(
  context: CommitContext,
  attempt: CommitAttempt,
  options: CatalogOptions,
): Promise<CommitOutcome> {
  const swaps = context.pending.get(attempt)
  if (swaps === undefined) throw new LakeError('invalid-argument', 'the attempt is not one of this catalog')
  const outcome = await context.db.write(
    sql => swapAgain({ sql, catalogName: context.catalogName }, swaps),
    options.signal,
  )
  if (outcome.status === 'unknown') return { status: 'unknown', attempt, cause: outcome.cause }
  if (outcome.value.kind === 'swapped') return committed(context, swaps)
  return settleByHistory(context, attempt, { swaps, options })
}

/** Pointers that are ours already have landed: all of them, as they were set together. */
function swapAgain(rows: Rows, swaps: readonly Swap[]): SwapResult {
  const changed = swaps.filter(swap => !isReadCheck(swap))
  const landed = changed.every(({ identifier, to }) => pointerOf(rows, identifier) === to.metadataLocation)
  return landed ? { kind: 'swapped' } : swapAll(rows, swaps)
}

interface Pending {
  readonly swaps: readonly Swap[]
  readonly options: CatalogOptions
}

/** Someone went on from there: the metadata log of one table tells for all, if it reaches back far enough. */
async function settleByHistory(
  context: CommitContext,
  attempt: CommitAttempt,
  { swaps, options }: Pending,
): Promise<CommitOutcome> {
  for (const swap of swaps.filter(each => !isReadCheck(each))) {
    const current = await context.find(swap.identifier, options)
    const verdict = typeof current === 'string' ? 'unclear' : readHistory(swap, current)
    if (verdict === 'landed') return committed(context, swaps)
    if (verdict === 'refused') return { ...movedConflict(swap), ...withCurrent(asLoaded(current)) }
  }
  const cause = new LakeError('unavailable', 'the history of the table does not reach back to the commit')
  return { status: 'unknown', attempt, cause }
}

function asLoaded(found: LoadedTable | string): LoadedTable | undefined {
  return typeof found === 'string' ? undefined : found
}

/** Refused only if the log shows the direct successor of our base, and that is not ours. */
function readHistory({ from, to }: Swap, current: LoadedTable): 'landed' | 'refused' | 'unclear' {
  const history = [...current.metadata.metadataLog.map(entry => entry.metadataFile), current.metadataLocation]
  if (history.includes(to.metadataLocation)) return 'landed'
  const base = from === undefined ? -1 : history.indexOf(from.metadataLocation)
  return base >= 0 && base < history.length - 1 ? 'refused' : 'unclear'
}
