/**
 * Commits of clients: made, settled when an answer of the catalog was lost, counted and written to the audit log.
 *
 * A client whose answer was lost sends its commit again. Its requirements do not hold then - because of itself. Snapshot
 * ids and the names of manifest lists are made anew for each attempt of a writer, so a table that has every snapshot of the
 * commit has the commit, and it is answered as what it is: done.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import type { CommitOutcome, LoadedTable, TableCommit, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { commitLimits } from '../commit/commit-limits.js'
import { settle } from '../commit/settle.js'
import { snapshotById } from '../metadata/lookup.js'
import type { Snapshot } from '../metadata/table-metadata.js'
import { audit } from './audit.js'
import type { RestRequest } from './rest-route.js'
import type { ServerContext } from './server-context.js'

type Committer = Pick<RestRequest, 'principal' | 'signal'>

/** The states after the commit. @throws conflict, already-exists, commit-state-unknown, and what the catalog throws */
export async function commitChanges(
  context: ServerContext,
  request: Committer,
  changes: readonly TableCommit[],
): Promise<readonly LoadedTable[]> {
  let outcome = 'failed'
  let tables: readonly LoadedTable[] = []
  try {
    const known = await settled(context, request, changes)
    if (known.status === 'committed') {
      outcome = 'committed'
      tables = known.tables
      return tables
    }
    const landed = await landedBefore(context, request, changes)
    outcome = landed === undefined ? 'conflict' : 'repeated'
    tables = landed ?? []
    if (landed === undefined) throw conflictError(known)
    return landed
  } catch (error) {
    if (error instanceof LakeError) outcome = error.kind
    throw error
  } finally {
    context.metrics.commit(outcome)
    changes.forEach((change, index) => {
      auditChange(context, request, { change, outcome, after: tables[index] })
    })
  }
}

/**
 * What is done for the answer after a change has landed. A client takes most errors for a change that was not made, and
 * deletes what it wrote for it.
 * @throws commit-state-unknown, whatever goes wrong
 */
export async function afterLanding<T>(identifier: TableIdentifier, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (cause) {
    throw stateUnknown(identifier, cause)
  }
}

function stateUnknown(identifier: TableIdentifier, cause: unknown): LakeError {
  return new LakeError('commit-state-unknown', 'the commit landed, or may have: look at the table', {
    cause,
    context: { table: printIdentifier(identifier) },
  })
}

type Known = Exclude<CommitOutcome, { status: 'unknown' }>

async function settled(
  { catalog, runtime, log }: ServerContext,
  { signal }: Committer,
  changes: readonly TableCommit[],
): Promise<Known> {
  const outcome = await catalog.commit(changes, { signal })
  if (outcome.status !== 'unknown') return outcome
  const limits = commitLimits([], SETTLE_LIMITS)
  return settle(outcome, {
    catalog,
    runtime,
    limits,
    signal,
    onLook: status => {
      log.write('warning', { message: 'looked what became of a commit', status })
    },
  })
}

/** The client waits for the answer, so a few seconds. */
const SETTLE_LIMITS = {
  retriesMax: 0,
  waitMsMin: 0,
  waitMsMax: 0,
  totalMsMax: 0,
  statusChecksMax: 6,
  statusWaitMsMin: 100,
  statusWaitMsMax: 4_000,
  statusTotalMsMax: 20_000,
}

function conflictError(conflict: Extract<Known, { status: 'conflict' }>): LakeError {
  const { identifier, requirement, reason } = conflict
  const context = {
    table: printIdentifier(identifier),
    ...(requirement === undefined ? {} : { requirement: requirement.type }),
  }
  if (requirement?.type === 'assert-create') return new LakeError('already-exists', reason, { context })
  return new LakeError('conflict', reason, { context })
}

/**
 * The tables as they are when they have all that the changes add; undefined otherwise.
 * @throws commit-state-unknown when they cannot be looked at
 */
async function landedBefore(
  { catalog }: ServerContext,
  { signal }: Committer,
  changes: readonly TableCommit[],
): Promise<readonly LoadedTable[] | undefined> {
  const added = changes.map(addedSnapshots)
  if (added.every(snapshots => snapshots.length === 0)) return undefined
  const tables: LoadedTable[] = []
  for (const [index, { identifier, updates }] of changes.entries()) {
    if (updates.length > 0 && added[index]?.length === 0) return undefined
    const table = await catalog.loadTable(identifier, { signal }).catch(cause => {
      if (isLakeError(cause, 'not-found')) return undefined
      throw stateUnknown(identifier, cause)
    })
    if (table === undefined || !added[index]?.every(snapshot => hasSnapshot(table, snapshot)))
      return undefined
    tables.push(table)
  }
  return tables
}

function addedSnapshots({ updates }: TableCommit): readonly Snapshot[] {
  return updates.flatMap(update => (update.action === 'add-snapshot' ? [update.snapshot] : []))
}

function hasSnapshot({ metadata }: LoadedTable, snapshot: Snapshot): boolean {
  const found = snapshotById(metadata, snapshot.snapshotId)
  return found?.manifestList !== undefined && found.manifestList === snapshot.manifestList
}

function auditChange(
  context: ServerContext,
  request: Committer,
  commit: {
    readonly change: TableCommit
    readonly outcome: string
    readonly after: LoadedTable | undefined
  },
): void {
  const { change, outcome, after } = commit
  audit(context, request, {
    action: 'commit',
    table: printIdentifier(change.identifier),
    outcome,
    requirements: change.requirements.map(({ type }) => type),
    updates: change.updates.map(({ action }) => action),
    snapshotIds: addedSnapshots(change).map(({ snapshotId }) => String(snapshotId)),
    metadataLocation: after?.metadataLocation,
  })
}
