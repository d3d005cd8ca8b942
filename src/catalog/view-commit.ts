/**
 * Commits of views in catalogs that write the metadata file and swap the pointer to it: as `pointer-commit.ts` does
 * for tables, for one view.
 *
 * A refusal is certain, so the file of that attempt is deleted; when the pointer moved, everything is prepared again on
 * the new state, a few times. An answer that is lost is settled at once, by sending the identical swap again: what the
 * store still cannot tell then is `unknown`, as a view has no log of its metadata files that could be asked later.
 */
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { deleteQuietly } from '../io/delete-files.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { applyViewUpdates, firstBrokenOfView } from '../metadata/view-apply.js'
import { newViewMetadataLocation, writeViewMetadata } from '../metadata/view-metadata-file.js'
import { namespaceMissing, viewMissing } from './catalog-errors.js'
import type { TableIdentifier } from './identifier.js'
import type { LoadedView, ViewCommit, ViewOutcome } from './views.js'

/** A view and what the store needs to compare its pointer: the store's own. */
export interface FoundView<Entry> {
  readonly view: LoadedView
  readonly entry: Entry
}

export interface ViewSwap<Entry> {
  readonly identifier: TableIdentifier
  /** What the pointer was made for; undefined for a view to be created. */
  readonly from: FoundView<Entry> | undefined
  readonly to: LoadedView
}

/** `lost`: the pointer is not what `from` says, or the name was taken meanwhile. */
export type ViewSwapAnswer =
  | { readonly status: 'swapped' }
  | { readonly status: 'lost' }
  | { readonly status: 'no-namespace' }
  | { readonly status: 'unknown'; readonly cause: unknown }

/** Who decides which metadata file is current. */
export interface ViewPointers<Entry> {
  readonly io: FileIO
  readonly runtime: Runtime
  /** The state of a view, or why there is none. */
  find(identifier: TableIdentifier, options: IoOptions): Promise<FoundView<Entry> | 'missing' | 'table'>
  /** Compares and sets. Whatever it throws, nothing has landed. */
  swap(swap: ViewSwap<Entry>, options: IoOptions): Promise<ViewSwapAnswer>
  /**
   * The identical swap again, after an answer that was lost: `swapped` when it has landed, even if others went on
   * from there; `lost` only when it certainly has not and never will.
   */
  swapAgain(swap: ViewSwap<Entry>, options: IoOptions): Promise<ViewSwapAnswer>
}

type Conflict = Extract<ViewOutcome, { status: 'conflict' }>

const PREPARE_ATTEMPTS = 4
const SETTLE_ATTEMPTS = 5
const SETTLE_WAIT = { waitMsMin: 100, waitMsMax: 2000 }

/** @see CatalogViews.commit */
export async function commitView<Entry>(
  pointers: ViewPointers<Entry>,
  change: ViewCommit,
  options: IoOptions,
): Promise<ViewOutcome> {
  for (let attempt = 1; ; attempt++) {
    const prepared = await prepare(pointers, change, options)
    if ('status' in prepared) return prepared
    if (prepared.to === prepared.from?.view) return { status: 'committed', view: prepared.to }
    await writeFile(pointers, prepared.to, options)
    const outcome = await swapOnce(pointers, prepared, options)
    if (outcome.status !== 'conflict' || attempt >= PREPARE_ATTEMPTS) return outcome
  }
}

async function prepare<Entry>(
  pointers: ViewPointers<Entry>,
  change: ViewCommit,
  options: IoOptions,
): Promise<ViewSwap<Entry> | Conflict> {
  const { identifier, requirements } = change
  const creation = requirements.find(requirement => requirement.type === 'assert-create')
  const found = await pointers.find(identifier, options)
  if (found === 'table' && creation !== undefined)
    return { status: 'conflict', requirement: creation, reason: 'the name belongs to a table' }
  const from = typeof found === 'string' ? undefined : found
  if (from === undefined && creation === undefined) throw viewMissing(identifier)
  const broken = firstBrokenOfView(requirements, from?.view.metadata)
  if (broken !== undefined) return { status: 'conflict', ...broken, current: from?.view }
  return applied(pointers, change, from)
}

function applied<Entry>(
  { runtime }: ViewPointers<Entry>,
  { identifier, updates }: ViewCommit,
  from: FoundView<Entry> | undefined,
): ViewSwap<Entry> {
  const metadata = applyViewUpdates(from?.view.metadata, updates, { nowMs: runtime.nowMs() })
  if (metadata === from?.view.metadata) return { identifier, from, to: from.view }
  const previousLocation = from?.view.metadataLocation
  const metadataLocation = newViewMetadataLocation(metadata, { previousLocation, uuid: runtime.uuid() })
  return { identifier, from, to: { identifier, metadata, metadataLocation } }
}

async function writeFile<Entry>(
  pointers: ViewPointers<Entry>,
  view: LoadedView,
  options: IoOptions,
): Promise<void> {
  try {
    await writeViewMetadata(pointers.io, view.metadata, { ...options, location: view.metadataLocation })
  } catch (error) {
    await deleteQuietly(pointers.io, [view.metadataLocation])
    throw error
  }
}

async function swapOnce<Entry>(
  pointers: ViewPointers<Entry>,
  swap: ViewSwap<Entry>,
  options: IoOptions,
): Promise<ViewOutcome> {
  const first = await pointers.swap(swap, options).catch(async (error: unknown) => {
    await deleteQuietly(pointers.io, [swap.to.metadataLocation])
    throw error
  })
  const answer = first.status === 'unknown' ? await settle(pointers, swap, { ...options, first }) : first
  if (answer.status === 'unknown') return answer
  if (answer.status === 'swapped') return { status: 'committed', view: swap.to }
  await deleteQuietly(pointers.io, [swap.to.metadataLocation])
  if (answer.status === 'no-namespace') throw namespaceMissing(swap.identifier.namespace)
  const reason = swap.from === undefined ? 'the view was created meanwhile' : 'the view was changed meanwhile'
  return { status: 'conflict', reason }
}

type Unknown = Extract<ViewSwapAnswer, { status: 'unknown' }>

async function settle<Entry>(
  pointers: ViewPointers<Entry>,
  swap: ViewSwap<Entry>,
  { signal, first }: IoOptions & { readonly first: Unknown },
): Promise<ViewSwapAnswer> {
  let answer: ViewSwapAnswer = first
  try {
    for (let attempt = 1; attempt <= SETTLE_ATTEMPTS && answer.status === 'unknown'; attempt++) {
      await pointers.runtime.sleep(backoffMs(attempt, SETTLE_WAIT, pointers.runtime), signal)
      answer = await pointers.swapAgain(swap, { signal })
    }
    return answer
  } catch (cause) {
    return { status: 'unknown', cause }
  }
}
