/** Waiting times between attempts: exponential growth, full jitter, bounded. */
import type { Runtime } from './runtime.js'

export interface BackoffOptions {
  /** First upper bound of a wait. */
  readonly waitMsMin: number
  readonly waitMsMax: number
  /** Growth of the bound from one attempt to the next; default 2. */
  readonly factor?: number
}

/** The wait before attempt number `attempt` (1 is the first retry), drawn between half the bound and the bound. */
export function backoffMs(attempt: number, options: BackoffOptions, runtime: Runtime): number {
  const bound = boundMs(attempt, options)
  return bound / 2 + (bound / 2) * runtime.random()
}

/** As `backoffMs`, drawn between nothing and the bound: for services that many clients crowd at once. */
export function fullJitterMs(attempt: number, options: BackoffOptions, runtime: Runtime): number {
  return boundMs(attempt, options) * runtime.random()
}

function boundMs(attempt: number, options: BackoffOptions): number {
  return Math.min(options.waitMsMax, options.waitMsMin * (options.factor ?? 2) ** (attempt - 1))
}
