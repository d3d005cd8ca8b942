/**
 * The swap of an attempt: it is sent, an unknown answer is settled, and no refusal is believed without a look. What is
 * certain of its files is noted in `WrittenFiles`, by which they are deleted or kept.
 */
import { unreachable } from '../base/assert.js'
import { type ErrorKind, isLakeError, LakeError } from '../base/errors.js'
import type { CommitOutcome, LoadedTable, TableCommit } from '../catalog/catalog.js'
import { type Attempt, type Committed, type LoopContext, type Refusal, tell } from './commit-context.js'
import { commitLimits } from './commit-limits.js'
import type { SwapFiles } from './hold-lease.js'
import { hasLanded, type SentSwap, showsSnapshots } from './landed.js'
import { settle } from './settle.js'

export interface SentCommits {
  readonly attempt: Attempt
  readonly commits: readonly TableCommit[]
  readonly inFlight: SwapFiles
}

/** Sends the swap; an unknown answer is settled, and its files are never deleted. */
export async function swap(context: LoopContext, sent: SentCommits): Promise<Committed | Refusal> {
  const { files } = context
  const outcome = await send(context, sent)
  switch (outcome.status) {
    case 'committed':
      files.published()
      return outcome
    case 'conflict':
      files.refused()
      return outcome
    case 'unknown':
      files.doubtful()
      context.doubted.push({
        commits: sent.commits,
        metadataLocations: outcome.attempt.metadataLocations,
      })
      tell(context, { type: 'unknown', attempt: sent.attempt.number, cause: outcome.cause })
      return settle(outcome, {
        ...context,
        limits: commitLimits(sent.attempt.bases, context.retry),
        onLook: status => tell(context, { type: 'settled', attempt: sent.attempt.number, status }),
      })
    default:
      return unreachable(outcome)
  }
}

/** Kinds that a catalog throws only when it certainly did not swap. */
const DEFINITE_KINDS: ReadonlySet<ErrorKind> = new Set([
  'invalid-argument',
  'not-found',
  'already-exists',
  'conflict',
  'corrupt',
  'unsupported',
  'unavailable',
  'denied',
])

async function send(context: LoopContext, sent: SentCommits): Promise<CommitOutcome> {
  try {
    const { signal, turns } = context
    return await context.catalog.commit(sent.commits, { ...sent.inFlight, signal, turn: turns.ownTurn })
  } catch (error) {
    if (isLakeError(error) && DEFINITE_KINDS.has(error.kind)) return explain(context, sent, error)
    context.files.doubtful()
    throw error
  }
}

/**
 * What a thrown error means. A catalog throws before its swap only; a look makes sure of that before anything is
 * deleted on its word.
 */
async function explain(context: LoopContext, sent: SentCommits, error: LakeError): Promise<CommitOutcome> {
  const tables: LoadedTable[] = []
  try {
    for (const { identifier } of sent.commits) {
      tables.push(await context.catalog.loadTable(identifier, { signal: context.signal }))
    }
  } catch (cause) {
    if (!isLakeError(cause, 'not-found')) context.files.doubtful()
    throw error
  }
  if (await hasLanded(sent, tables, context)) return { status: 'committed', tables }
  const refusal = await refusalIfMoved(context, sent.attempt.bases, error)
  if (refusal === undefined) throw error
  return refusal
}

/** Defends against a catalog that calls a swap refused that has landed, after it had answered `unknown` or at once. */
export async function landedSwap(
  context: LoopContext,
  bases: readonly LoadedTable[],
): Promise<SentSwap | undefined> {
  for (const sent of context.doubted) if (await hasLanded(sent, bases, context)) return sent
  const landed = context.refused.find(sent => showsSnapshots(sent, bases))
  if (landed === undefined) return undefined
  context.files.doubtRefusals()
  const attempt = context.refused.length
  tell(context, { type: 'unknown', attempt, cause: new LakeError('conflict', 'a swap was called refused') })
  tell(context, { type: 'settled', attempt, status: 'committed' })
  return landed
}

/**
 * An error that may come from working on an old base - its files were expired, its table was upgraded - is a
 * refusal if a base has moved since.
 */
export async function refusalIfMoved(
  context: LoopContext,
  bases: readonly LoadedTable[],
  error: LakeError,
): Promise<Refusal | undefined> {
  if (error.kind !== 'not-found' && error.kind !== 'invalid-argument') return undefined
  for (const base of bases) {
    const current = await context.catalog.loadTable(base.identifier, { signal: context.signal })
    if (current.metadataLocation === base.metadataLocation) continue
    const reason = `the base has moved: ${error.message}`
    return { status: 'conflict', identifier: base.identifier, reason, current }
  }
  return undefined
}
