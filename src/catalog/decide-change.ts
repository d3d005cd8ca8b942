/** What a commit makes of the state of a table, or why it does not: requirements first, then its files, then the updates. */
import { isLakeError } from '../base/errors.js'
import { applyUpdates } from '../metadata/apply-update.js'
import { firstBroken } from '../metadata/requirement.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { CommitOutcome, LoadedTable, TableCommit } from './catalog.js'
import { tableMissing } from './catalog-errors.js'
import { isFenced } from './write-leases.js'

export type Conflict = Extract<CommitOutcome, { status: 'conflict' }>

/** The state of a table, or why there is none; `other` is a view. */
export type FoundState = LoadedTable | 'missing' | 'other'

/**
 * The metadata after the change; the very object that was found when nothing changes.
 * @throws not-found for a table that is neither there nor to be created; invalid-argument for updates that make no sense
 */
export function decideChange(
  change: TableCommit,
  found: FoundState,
  times: { readonly nowMs: number; readonly sinceMs?: number | undefined },
): TableMetadata | Conflict {
  const { identifier, requirements, updates } = change
  const { nowMs, sinceMs } = times
  const creation = requirements.find(requirement => requirement.type === 'assert-create')
  if (found === 'other' && creation !== undefined)
    return { status: 'conflict', identifier, requirement: creation, reason: 'the name belongs to a view' }
  const current = typeof found === 'string' ? undefined : found
  if (current === undefined && creation === undefined) throw tableMissing(identifier)
  const broken = firstBroken(requirements, current?.metadata)
  if (broken !== undefined) return { status: 'conflict', identifier, ...broken, ...withCurrent(current) }
  if (current !== undefined && sinceMs !== undefined && isFenced(current.metadata, sinceMs))
    return { ...lapsedConflict(change), ...withCurrent(current) }
  try {
    return applyUpdates(current?.metadata, updates, { nowMs, baseLocation: current?.metadataLocation })
  } catch (error) {
    if (!isLakeError(error, 'conflict')) throw error
    return { status: 'conflict', identifier, reason: error.message, ...withCurrent(current) }
  }
}

/** Files of the commit may have been cleaned away. */
export function lapsedConflict({ identifier }: Pick<TableCommit, 'identifier'>): Conflict {
  const reason = 'files of the operation may have been cleaned away as orphans'
  return { status: 'conflict', identifier, reason, isLapsed: true }
}

/** Somebody else's swap came first. */
export function movedConflict(
  { identifier }: Pick<TableCommit, 'identifier'>,
  from: LoadedTable | undefined,
): Conflict {
  const reason = from === undefined ? 'the table was created meanwhile' : 'the table was changed meanwhile'
  return { status: 'conflict', identifier, reason }
}

export function withCurrent(current: LoadedTable | undefined): { readonly current?: LoadedTable } {
  return current === undefined ? {} : { current }
}
