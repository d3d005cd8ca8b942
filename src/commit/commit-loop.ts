/**
 * The commit loop: optimistic, all tables or none.
 *
 * ```
 *            +--------------- conflict: back off, reload ---------------+
 *            v                                                          |
 *   load -> action(base) of each table -> Catalog.commit(all changes) --+--> committed
 *                                                  |
 *                                                  +-- unknown: settle --> committed | conflict | commit-state-unknown
 * ```
 *
 * An action is a function of the base, so a retry is calling it again; it validates again by state and reuses
 * what it wrote. Files are deleted only when every swap that could have published them was certainly refused,
 * and never after an unknown outcome. Who loses again and again gets a turn (`take-turns.ts`).
 * `spec/commit-protocol.md` numbers the steps and the invariants.
 */
import { present } from '../base/assert.js'
import { mapBounded } from '../base/concurrency.js'
import { checkSignal, isLakeError, LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import type { Catalog, LoadedTable, TableCommit } from '../catalog/catalog.js'
import { printIdentifier, sameIdentifier } from '../catalog/identifier.js'
import type { WriteLease } from '../catalog/write-leases.js'
import { type Attempt, type CommitOptions, type LoopContext, type Refusal, tell } from './commit-context.js'
import { commitLimits } from './commit-limits.js'
import { holdFiles, type SwapFiles } from './hold-lease.js'
import { refusedSwap } from './landed.js'
import { landedSwap, refusalIfMoved, swap } from './send-swap.js'
import type { CommitTarget, TableChange } from './table-action.js'
import { createTurnTaker } from './take-turns.js'
import { trackWrittenFiles } from './written-files.js'

export interface CommitResult {
  /** `tables[i]` is the state of `targets[i]` after the commit; its base where the action changed nothing. */
  readonly tables: readonly LoadedTable[]
  readonly changed: readonly boolean[]
  /** Times the actions were called. */
  readonly attempts: number
}

/**
 * Commits one change of each target in one `Catalog.commit`: all tables or none.
 * @throws conflict when other commits won every attempt, or when an action says so; commit-state-unknown when
 * it may have landed (nothing was deleted); unsupported for several tables on a catalog without multi-table
 * commits; aborted; and whatever an action or the catalog throws
 * @see spec/commit-protocol.md
 */
export async function commitTables(
  catalog: Catalog,
  targets: readonly CommitTarget[],
  options: CommitOptions,
): Promise<CommitResult> {
  checkTargets(targets)
  const files = trackWrittenFiles()
  const identifiers = targets.map(target => target.identifier)
  const turns = createTurnTaker(catalog.turns, identifiers, { signal: options.signal, turn: options.turn })
  const startMs = options.runtime.nowMs()
  const context: LoopContext = {
    ...options,
    catalog,
    targets,
    files,
    turns,
    startMs,
    doubted: [],
    refused: [],
  }
  try {
    const result = await runAttempts(context).catch((error: unknown) => lookBeforeFailing(context, error))
    await deleteGarbage(context)
    await discardUnchanged(context, result)
    return result
  } catch (error) {
    await cleanUpAfterFailure(context)
    throw error
  } finally {
    await turns.end()
  }
}

async function runAttempts(context: LoopContext): Promise<CommitResult> {
  let refusal: Refusal | undefined
  for (let number = 1; ; number++) {
    checkSignal(context.signal)
    const bases = await basesInTurn(context, { isFirst: number === 1, seen: refusal?.current })
    const landed = await landedSwap(context, bases)
    if (landed !== undefined)
      return resultOf(context, { number: number - 1, bases, commits: landed.commits, tables: [] })
    const attempt: Attempt = { number, bases }
    const outcome = await runAttempt(context, attempt)
    if ('changed' in outcome) return outcome
    refusal = outcome
    checkFilesAreThere(outcome)
    await backOff(context, { attempt, refusal })
  }
}

/** What may have been cleaned away is not there for another attempt either. */
function checkFilesAreThere({ identifier, isLapsed, reason }: Refusal): void {
  if (isLapsed === true)
    throw new LakeError('conflict', reason, { context: { table: printIdentifier(identifier) } })
}

interface BaseOptions {
  readonly isFirst: boolean
  readonly seen: LoadedTable | undefined
}

/** Those in front go first: before a retry, and when it is known by now that there are some. */
async function basesInTurn(context: LoopContext, options: BaseOptions): Promise<LoadedTable[]> {
  const { turns } = context
  const again = { isFirst: false, seen: undefined }
  if (!options.isFirst && (await turns.letOthersGo())) return loadBases(context, again)
  const bases = await loadBases(context, options)
  return turns.isCrowded && (await turns.letOthersGo()) ? loadBases(context, again) : bases
}

/** Bases handed in are tried first; after a refusal everything is loaded again, but for what the catalog has just `seen`. */
function loadBases(context: LoopContext, { isFirst, seen }: BaseOptions): Promise<LoadedTable[]> {
  const load = async (target: CommitTarget): Promise<LoadedTable> => {
    const known = isFirst ? target.base : seen
    if (known !== undefined && sameIdentifier(known.identifier, target.identifier)) return known
    return context.catalog.loadTable(target.identifier, { signal: context.signal, turn: context.turns.turn })
  }
  return mapBounded(context.targets, load, bounds(context))
}

/** Before files of refused swaps are deleted: the tables as they are now. Who cannot look deletes nothing. */
async function lookBeforeFailing(context: LoopContext, error: unknown): Promise<CommitResult> {
  const { catalog, targets, files, refused } = context
  if (refused.length === 0 || files.hasDoubt) throw error
  try {
    const bases: LoadedTable[] = []
    for (const { identifier } of targets) bases.push(await catalog.loadTable(identifier))
    const landed = await landedSwap(context, bases)
    if (landed !== undefined)
      return resultOf(context, { number: refused.length, bases, commits: landed.commits, tables: [] })
  } catch (cause) {
    if (!isLakeError(cause, 'not-found')) files.doubtRefusals()
  }
  throw error
}

async function runAttempt(context: LoopContext, attempt: Attempt): Promise<CommitResult | Refusal> {
  const changes = await runActions(context, attempt)
  if ('status' in changes) return changes
  const commits = commitsOf(context, attempt, changes)
  if (commits.length === 0) return resultOf(context, { ...attempt, commits, tables: [] })
  if (commits.length > 1 && !context.catalog.multiTable) {
    throw new LakeError('unsupported', 'this catalog cannot commit several tables at once', {
      context: { tables: commits.map(commit => printIdentifier(commit.identifier)) },
    })
  }
  await context.turns.letOthersGo()
  const inFlight = await filesInFlight(context, changes)
  const outcome = await swap(context, { attempt, commits, inFlight })
  if (outcome.status === 'conflict') {
    context.refused.push(refusedSwap(commits))
    return outcome
  }
  tell(context, { type: 'committed', attempt: attempt.number, tables: outcome.tables })
  return resultOf(context, { ...attempt, commits, tables: outcome.tables })
}

/** Calls the actions. One that fails because its base was expired or upgraded meanwhile has lost to that commit. */
async function runActions(
  context: LoopContext,
  attempt: Attempt,
): Promise<(TableChange | 'unchanged')[] | Refusal> {
  const written: string[] = []
  const call = async (target: CommitTarget, index: number): Promise<TableChange | 'unchanged' | Refusal> => {
    const base = present(attempt.bases[index], 'the base of a target')
    try {
      const change = await target.action(base, { number: attempt.number, signal: context.signal })
      if (change !== 'unchanged') written.push(...change.written)
      return change
    } catch (error) {
      const refusal = isLakeError(error) ? await refusalIfMoved(context, [base], error) : undefined
      if (refusal === undefined) throw error
      return refusal
    }
  }
  let results: (TableChange | 'unchanged' | Refusal)[]
  try {
    results = await mapBounded(context.targets, call, bounds(context))
  } finally {
    context.files.begin(written)
  }
  const changes: (TableChange | 'unchanged')[] = []
  for (const result of results) {
    if (result !== 'unchanged' && 'status' in result) {
      context.files.refused()
      return result
    }
    changes.push(result)
  }
  return changes
}

function commitsOf(
  context: LoopContext,
  attempt: Attempt,
  changes: readonly (TableChange | 'unchanged')[],
): readonly TableCommit[] {
  const commits: TableCommit[] = []
  for (const [index, target] of context.targets.entries()) {
    const change = changes[index]
    const base = attempt.bases[index]
    if (change === undefined || change === 'unchanged' || base === undefined) continue
    const { requirements, updates } = change
    commits.push({ identifier: target.identifier, base, requirements, updates })
  }
  return commits
}

/** What the swap says of the files that it publishes. @throws conflict when they may be gone */
async function filesInFlight(
  context: LoopContext,
  changes: readonly (TableChange | 'unchanged')[],
): Promise<SwapFiles> {
  const { catalog, io, runtime, startMs, signal } = context
  const leases: WriteLease[] = []
  let sinceMs: number | undefined
  for (const [index, { identifier, files }] of context.targets.entries()) {
    const change = changes[index]
    if (change === undefined || change === 'unchanged') continue
    const hold =
      files ??
      (change.written.length > 0
        ? holdFiles({ catalog, identifier, io, runtime, sinceMs: startMs })
        : undefined)
    const said = (await hold?.beforeSwap(change.written, signal)) ?? {}
    leases.push(...(said.leases ?? []))
    if (said.sinceMs !== undefined) sinceMs = Math.min(said.sinceMs, sinceMs ?? said.sinceMs)
  }
  return { leases, sinceMs }
}

/** Gentler than doubling, under which who lost a few races sleeps through everybody else's commits. */
const RETRY_FACTOR = 1.5

async function backOff(
  context: LoopContext,
  lost: { readonly attempt: Attempt; readonly refusal: Refusal },
): Promise<void> {
  const { number, bases } = lost.attempt
  const { identifier, requirement, reason } = lost.refusal
  tell(context, { type: 'conflict', attempt: number, identifier, requirement, reason })
  const limits = commitLimits(bases, context.retry)
  await context.turns.lost()
  const waitMs = context.turns.isQueued
    ? 0
    : backoffMs(number, { ...limits, factor: RETRY_FACTOR }, context.runtime)
  const elapsedMs = context.runtime.nowMs() - context.startMs
  if (number > limits.retriesMax || elapsedMs + waitMs > limits.totalMsMax) {
    throw new LakeError('conflict', 'other commits won every attempt', {
      context: { table: printIdentifier(identifier), attempts: number, reason },
    })
  }
  tell(context, { type: 'retry', attempt: number, waitMs })
  await context.runtime.sleep(waitMs, context.signal)
}

function resultOf(
  context: LoopContext,
  done: Attempt & { readonly commits: readonly TableCommit[]; readonly tables: readonly LoadedTable[] },
): CommitResult {
  const tables: LoadedTable[] = []
  const changed: boolean[] = []
  for (const [index, target] of context.targets.entries()) {
    const at = done.commits.findIndex(commit => sameIdentifier(commit.identifier, target.identifier))
    changed.push(at >= 0)
    tables.push(present(done.tables[at] ?? done.bases[index], 'the state of a target'))
  }
  return { tables, changed, attempts: done.number }
}

/** Never fails: a commit that landed has landed, and what cannot be deleted is an orphan. */
async function deleteGarbage(context: LoopContext): Promise<void> {
  const garbage = context.files.garbage()
  if (garbage.length === 0) return
  try {
    const report = await context.io.delete(garbage)
    const failed = report.failed.map(failure => failure.location)
    tell(context, { type: 'cleaned', deleted: report.deleted, failed })
  } catch (cause) {
    tell(context, { type: 'clean-up-failed', cause })
  }
}

/**
 * After an unknown nothing is deleted, and once something is published nothing of the operation is discarded. Never
 * fails: the error that ended the commit is the one to report.
 */
async function cleanUpAfterFailure(context: LoopContext): Promise<void> {
  context.files.refused()
  if (context.files.hasDoubt) return
  await deleteGarbage(context)
  if (context.files.hasPublished) return
  for (const target of context.targets) {
    await discard(context, target)
  }
}

/** A target that had nothing to change, or whose step somebody else had landed, has no use for its files. */
async function discardUnchanged(context: LoopContext, { changed }: CommitResult): Promise<void> {
  if (context.files.hasDoubt) return
  for (const [index, target] of context.targets.entries()) {
    if (changed[index] === false) await discard(context, target)
  }
}

async function discard(context: LoopContext, target: CommitTarget): Promise<void> {
  try {
    await target.discard?.()
  } catch (cause) {
    tell(context, { type: 'clean-up-failed', cause })
  }
}

function bounds(context: LoopContext): { limit: number; signal?: AbortSignal | undefined } {
  return { limit: context.concurrency ?? 4, signal: context.signal }
}

function checkTargets(targets: readonly CommitTarget[]): void {
  const names = targets.map(target => printIdentifier(target.identifier))
  if (new Set(names).size !== names.length) {
    throw new LakeError('invalid-argument', 'a table is named twice in one commit', {
      context: { tables: names },
    })
  }
}

export type { CommitEvent, CommitOptions } from './commit-context.js'
export type { ActionAttempt, CommitTarget, TableAction, TableChange } from './table-action.js'
