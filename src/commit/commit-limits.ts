/** How patient a commit is: from the tables' `commit.retry.*` and `commit.status-check.*`, or from its caller. */
import type { LoadedTable } from '../catalog/catalog.js'
import { commitRetry, commitStatusCheck } from '../metadata/properties.js'

/** Limits of a commit. Those not given come from the tables' properties, the most patient table deciding. */
export interface CommitLimits {
  /** Attempts after the first. */
  readonly retriesMax: number
  readonly waitMsMin: number
  readonly waitMsMax: number
  readonly totalMsMax: number
  /** How often an unknown outcome is looked at; at least once. */
  readonly statusChecksMax: number
  readonly statusWaitMsMin: number
  readonly statusWaitMsMax: number
  readonly statusTotalMsMax: number
}

export function commitLimits(
  tables: readonly LoadedTable[],
  given: Partial<CommitLimits> | undefined,
): CommitLimits {
  const retries = tables.map(table => commitRetry(table.metadata))
  const checks = tables.map(table => commitStatusCheck(table.metadata))
  return {
    retriesMax: Math.max(...retries.map(retry => retry.retries)),
    waitMsMin: Math.max(...retries.map(retry => retry.waitMsMin)),
    waitMsMax: Math.max(...retries.map(retry => retry.waitMsMax)),
    totalMsMax: Math.max(...retries.map(retry => retry.totalMsMax)),
    statusChecksMax: Math.max(...checks.map(check => check.retries)),
    statusWaitMsMin: Math.max(...checks.map(check => check.waitMsMin)),
    statusWaitMsMax: Math.max(...checks.map(check => check.waitMsMax)),
    statusTotalMsMax: Math.max(...checks.map(check => check.totalMsMax)),
    ...withoutUndefined(given ?? {}),
  }
}

function withoutUndefined(given: Partial<CommitLimits>): Partial<CommitLimits> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
