/**
 * What became of a swap whose answer was lost. The identical swap is sent again, never a new one, until the
 * catalog knows or patience ends; then nobody knows, and nothing may be deleted.
 */
import { LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, CommitAttempt, CommitOutcome } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CommitLimits } from './commit-limits.js'

export type UnknownOutcome = Extract<CommitOutcome, { status: 'unknown' }>
export type KnownOutcome = Exclude<CommitOutcome, UnknownOutcome>

export interface SettleOptions {
  readonly catalog: Catalog
  readonly runtime: Runtime
  readonly limits: CommitLimits
  readonly signal?: AbortSignal | undefined
  readonly onLook: (status: CommitOutcome['status']) => void
}

/** @throws commit-state-unknown when patience ends, or when the caller aborts: that must not hide the doubt */
export async function settle(unknown: UnknownOutcome, options: SettleOptions): Promise<KnownOutcome> {
  const { limits, runtime } = options
  const waits = { waitMsMin: limits.statusWaitMsMin, waitMsMax: limits.statusWaitMsMax }
  const startMs = runtime.nowMs()
  let { attempt, cause } = unknown
  for (let check = 1; ; check++) {
    const outcome = await look(attempt, options)
    options.onLook(outcome.status)
    if (outcome.status !== 'unknown') return outcome
    attempt = outcome.attempt
    cause = outcome.cause
    const waitMs = backoffMs(check, waits, runtime)
    const elapsedMs = runtime.nowMs() - startMs
    if (check >= limits.statusChecksMax || elapsedMs + waitMs > limits.statusTotalMsMax) break
    if (!(await slept(waitMs, options))) break
  }
  throw new LakeError('commit-state-unknown', 'the commit may have landed or may yet land', {
    cause,
    context: { tables: attempt.changes.map(change => printIdentifier(change.identifier)) },
  })
}

/** A look that fails says nothing: the outcome stays unknown. */
async function look(attempt: CommitAttempt, options: SettleOptions): Promise<CommitOutcome> {
  try {
    return await options.catalog.settle(attempt, { signal: options.signal })
  } catch (cause) {
    return { status: 'unknown', attempt, cause }
  }
}

/** False when the caller aborted. */
async function slept(waitMs: number, options: SettleOptions): Promise<boolean> {
  try {
    await options.runtime.sleep(waitMs, options.signal)
    return true
  } catch {
    return false
  }
}
