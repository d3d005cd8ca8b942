/**
 * Commits of a REST catalog: the server checks the requirements, applies the updates and swaps the pointers. One table
 * goes to its own endpoint, several to that of transactions.
 *
 *   answered      committed
 *   refused       certain: a conflict (409), or an error
 *   unreachable   certain: it was not sent
 *   lost          unknown -> settle
 *
 * Settling sends the identical request again where that is safe: with its idempotency key while the server remembers it,
 * or when the commit fences itself - every table that it changes has a requirement that the commit itself breaks, so
 * that of two deliveries one at most can land. Then it looks at the tables: what the commit made is there (landed), or
 * a requirement is broken by what others made (refused), or nobody knows yet.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import type { JsonObject } from '../base/json.js'
import { applyUpdates } from '../metadata/apply-update.js'
import { snapshotById } from '../metadata/lookup.js'
import { firstBroken } from '../metadata/requirement.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import { serializeCommitTableRequest, serializeCommitTransactionRequest } from '../rest/commit-json.js'
import { lakeErrorOf, type RestError } from '../rest/error-json.js'
import type {
  Catalog,
  CatalogOptions,
  CommitAttempt,
  CommitOutcome,
  LoadedTable,
  TableCommit,
  TableIdentifier,
} from './catalog.js'
import { printIdentifier, sameIdentifier } from './identifier.js'
import { checkEndpoint, type RestContext, requestOf } from './rest-context.js'
import { type HttpAnswer, type HttpOutcome, unansweredError } from './rest-http.js'
import type { RestTables } from './rest-tables.js'

/** A commit as it was sent. */
interface Sent {
  readonly changes: readonly TableCommit[]
  readonly json: JsonObject
  /** Undefined: the server knows no keys. */
  readonly key: string | undefined
  readonly sentMs: number
}

type Unknown = Extract<CommitOutcome, { status: 'unknown' }>
type Refusal = Extract<CommitOutcome, { status: 'conflict' }>

export interface RestCommits extends Pick<Catalog, 'commit' | 'settle'> {}

export interface CommitContext extends RestContext {
  readonly tables: RestTables
  /** Told of each commit that landed. */
  readonly onCommitted: (changes: readonly TableCommit[], tables: readonly LoadedTable[]) => void
}

export function restCommits(context: CommitContext): RestCommits {
  const pending = new WeakMap<CommitAttempt, Sent>()
  const unknown = (sent: Sent, cause: unknown): Unknown => {
    const attempt: CommitAttempt = { changes: sent.changes }
    pending.set(attempt, sent)
    return { status: 'unknown', attempt, cause }
  }
  return {
    async commit(changes, options = {}) {
      checkChanges(changes)
      if (changes.every(isReadCheck)) return checkOnly(context, changes, options)
      const sent: Sent = {
        changes,
        json: bodyOf(changes),
        key: context.keyLifetimeMs === undefined ? undefined : context.runtime.orderedUuid(),
        sentMs: context.runtime.nowMs(),
      }
      const outcome = await send(context, sent, options)
      // It has landed: a failure to read the answer must not hide that.
      if (outcome.status === 'answered')
        return committed(context, sent, { answer: outcome, options }).catch(error => unknown(sent, error))
      if (outcome.status === 'refused') return refused(context, sent, { error: outcome.error, options })
      const error = unansweredError(outcome, { url: context.uri, signal: options.signal })
      if (outcome.status === 'unreachable') throw error
      return unknown(sent, error)
    },
    async settle(attempt, options = {}) {
      const sent = pending.get(attempt)
      if (sent === undefined)
        throw new LakeError('invalid-argument', 'the attempt is not one of this catalog')
      return settle(context, sent, { options, unknown: cause => ({ status: 'unknown', attempt, cause }) })
    },
  }
}

function checkChanges(changes: readonly TableCommit[]): void {
  if (changes.length === 0) throw new LakeError('invalid-argument', 'a commit needs a table')
  changes.forEach(({ identifier }, index) => {
    if (changes.findIndex(other => sameIdentifier(other.identifier, identifier)) !== index)
      throw new LakeError('invalid-argument', 'a commit names a table twice', {
        context: { table: printIdentifier(identifier) },
      })
  })
}

// ---- sending

function bodyOf(changes: readonly TableCommit[]): JsonObject {
  const [only] = changes
  return changes.length === 1 && only !== undefined
    ? serializeCommitTableRequest(only)
    : serializeCommitTransactionRequest(changes)
}

async function send(context: CommitContext, sent: Sent, options: CatalogOptions): Promise<HttpOutcome> {
  const [only] = sent.changes
  const isSingle = sent.changes.length === 1 && only !== undefined
  const endpoint = isSingle ? 'commitTable' : 'commitTransaction'
  checkEndpoint(context, endpoint)
  const request = requestOf(
    context,
    {
      endpoint,
      path: isSingle ? context.paths.table(only.identifier) : context.paths.commitTransaction,
      json: sent.json,
      ...(isSingle ? { auth: context.tables.authOf(only.identifier) } : {}),
      about: {},
      signal: options.signal,
    },
    sent.key,
  )
  return context.http(request)
}

// ---- read checks

/** Updates that change nothing whatever the table is. */
function isNothing(update: TableUpdate): boolean {
  if (update.action === 'set-properties') return Object.keys(update.updates).length === 0
  return update.action === 'remove-properties' && update.removals.length === 0
}

function isReadCheck({ requirements, updates }: TableCommit): boolean {
  return updates.every(isNothing) && requirements.every(({ type }) => type !== 'assert-create')
}

/** Nothing to write: the requirements are checked against the state now. */
async function checkOnly(
  context: CommitContext,
  changes: readonly TableCommit[],
  options: CatalogOptions,
): Promise<CommitOutcome> {
  const tables: LoadedTable[] = []
  for (const { identifier, requirements } of changes) {
    const current = await context.tables.load(identifier, { signal: options.signal })
    const broken = firstBroken(requirements, current.metadata)
    if (broken !== undefined) return { status: 'conflict', identifier, ...broken, current }
    tables.push(current)
  }
  return { status: 'committed', tables }
}

// ---- outcomes

async function committed(
  context: CommitContext,
  sent: Sent,
  { answer, options }: { readonly answer: HttpAnswer; readonly options: CatalogOptions },
): Promise<CommitOutcome> {
  const [only] = sent.changes
  const isSingle = sent.changes.length === 1 && only !== undefined && answer.body.length > 0
  const tables = isSingle
    ? [context.tables.take(only.identifier, answer, only.base?.metadata.tableUuid)]
    : await loadAll(context, sent.changes, options)
  context.onCommitted(sent.changes, tables)
  return { status: 'committed', tables }
}

async function loadAll(
  context: CommitContext,
  changes: readonly TableCommit[],
  { signal }: CatalogOptions,
): Promise<readonly LoadedTable[]> {
  const tables: LoadedTable[] = []
  for (const { identifier } of changes) tables.push(await context.tables.load(identifier, { signal }))
  return tables
}

/** The server's refusal: a conflict is explained by a look at the tables, everything else is an error. */
async function refused(
  context: CommitContext,
  sent: Sent,
  { error, options }: { readonly error: RestError; readonly options: CatalogOptions },
): Promise<Refusal> {
  const [first] = sent.changes
  const table = first === undefined ? '' : printIdentifier(first.identifier)
  const lakeError = lakeErrorOf(error, { conflictKind: 'conflict', context: { table } })
  if (lakeError.kind !== 'conflict' && lakeError.kind !== 'already-exists') throw lakeError
  return conflict(context, sent, { reason: error.message, options })
}

async function conflict(
  context: CommitContext,
  { changes }: Sent,
  { reason, options }: { readonly reason: string; readonly options: CatalogOptions },
): Promise<Refusal> {
  for (const { identifier, requirements } of changes) {
    const current = await currentOf(context, identifier, options)
    const broken = firstBroken(requirements, current?.metadata)
    if (broken !== undefined)
      return { status: 'conflict', identifier, ...broken, ...(current === undefined ? {} : { current }) }
    const creation = requirements.find(({ type }) => type === 'assert-create')
    // The name is free for a table, so something else has it.
    if (creation !== undefined) return { status: 'conflict', identifier, requirement: creation, reason }
    if (changes.length === 1) return { status: 'conflict', identifier, reason, ...(current && { current }) }
  }
  const identifier = changes[0]?.identifier ?? { namespace: [], name: '' }
  return { status: 'conflict', identifier, reason }
}

/** Undefined when the table is not there. */
async function currentOf(
  context: CommitContext,
  identifier: TableIdentifier,
  { signal }: CatalogOptions,
): Promise<LoadedTable | undefined> {
  try {
    return await context.tables.load(identifier, { signal })
  } catch (error) {
    if (isLakeError(error, 'not-found')) return undefined
    throw error
  }
}

// ---- settle

async function settle(
  context: CommitContext,
  sent: Sent,
  on: { readonly options: CatalogOptions; readonly unknown: (cause: unknown) => Unknown },
): Promise<CommitOutcome> {
  const { options } = on
  const again = mayResend(context, sent) ? await send(context, sent, options) : undefined
  if (again?.status === 'answered')
    return committed(context, sent, { answer: again, options }).catch(on.unknown)
  const looks: Look[] = []
  for (const change of sent.changes) {
    if (change.updates.every(isNothing)) continue
    const current = await currentOf(context, change.identifier, options)
    const verdict = lookAt(change, current)
    if (verdict === 'landed') return landed(context, sent, options)
    looks.push({ change, current, verdict })
  }
  const lost = looks.find(({ verdict }) => verdict === 'refused')
  if (lost !== undefined) return refusalOf(lost)
  if (again?.status === 'refused') {
    if (looks.every(({ verdict }) => verdict === 'absent'))
      return refused(context, sent, { error: again.error, options })
  } else if (again !== undefined)
    return on.unknown(unansweredError(again, { url: context.uri, signal: options.signal }))
  return on.unknown(new LakeError('unavailable', 'the tables do not show what became of the commit'))
}

function mayResend(context: CommitContext, { changes, key, sentMs }: Sent): boolean {
  const { keyLifetimeMs, runtime } = context
  const isRemembered =
    key !== undefined && keyLifetimeMs !== undefined && runtime.nowMs() < sentMs + keyLifetimeMs
  return isRemembered || changes.every(isFenced)
}

/** The commit breaks a requirement of its own, so that it lands once at most. */
function isFenced({ requirements, updates }: TableCommit): boolean {
  if (updates.every(isNothing)) return true
  return requirements.some(requirement => {
    if (requirement.type === 'assert-create') return true
    if (requirement.type !== 'assert-ref-snapshot-id') return false
    const { ref, snapshotId } = requirement
    return updates.some(
      update =>
        (update.action === 'set-snapshot-ref' &&
          update.refName === ref &&
          update.ref.snapshotId !== snapshotId) ||
        (update.action === 'remove-snapshot-ref' && update.refName === ref && snapshotId !== undefined),
    )
  })
}

/**
 * `landed`: what the change makes is there. `refused`: it is not, and cannot come any more. `absent`: it is not there
 * now. `unclear`: nobody can tell.
 */
type Verdict = 'landed' | 'refused' | 'absent' | 'unclear'

interface Look {
  readonly change: TableCommit
  readonly current: LoadedTable | undefined
  readonly verdict: Verdict
}

function lookAt(change: TableCommit, current: LoadedTable | undefined): Verdict {
  const { requirements, updates } = change
  if (current === undefined) return 'absent'
  const uuid = updates.flatMap(update => (update.action === 'assign-uuid' ? [update.uuid] : [])).at(-1)
  if (uuid !== undefined && requirements.some(({ type }) => type === 'assert-create'))
    return sameUuid(uuid, current.metadata) ? 'landed' : 'refused'
  const added = updates.flatMap(update => (update.action === 'add-snapshot' ? [update.snapshot] : []))
  if (added.length === 0) return lookAtEffect(change, current.metadata)
  if (added.every(({ snapshotId }) => snapshotById(current.metadata, snapshotId) !== undefined))
    return 'landed'
  const broken = firstBroken(requirements, current.metadata) !== undefined
  if (!broken) return 'absent'
  return showsAllSince(change.base?.metadata, current.metadata) ? 'refused' : 'unclear'
}

function sameUuid(uuid: string, { tableUuid }: TableMetadata): boolean {
  return tableUuid?.toLowerCase() === uuid.toLowerCase()
}

/** Without a snapshot of its own a change shows by there being nothing left of it to do. */
function lookAtEffect({ requirements, updates }: TableCommit, current: TableMetadata): Verdict {
  try {
    if (applyUpdates(current, updates, { nowMs: current.lastUpdatedMs }) === current) return 'landed'
  } catch (error) {
    if (!isLakeError(error)) throw error
  }
  return firstBroken(requirements, current) === undefined ? 'absent' : 'refused'
}

/**
 * Whether every snapshot that was added since the base is still there: then one that is missing was never added. Each
 * takes the next sequence number.
 */
function showsAllSince(base: TableMetadata | undefined, current: TableMetadata): boolean {
  if (base === undefined || current.formatVersion === 1 || !sameTable(base, current)) return false
  const since = current.snapshots.filter(({ sequenceNumber }) => sequenceNumber > base.lastSequenceNumber)
  const numbers = new Set(since.map(({ sequenceNumber }) => sequenceNumber))
  return BigInt(numbers.size) === current.lastSequenceNumber - base.lastSequenceNumber
}

function sameTable(a: TableMetadata, b: TableMetadata): boolean {
  return a.tableUuid === undefined || sameUuid(a.tableUuid, b)
}

async function landed(context: CommitContext, sent: Sent, options: CatalogOptions): Promise<CommitOutcome> {
  const tables = await loadAll(context, sent.changes, options)
  context.onCommitted(sent.changes, tables)
  return { status: 'committed', tables }
}

function refusalOf({ change, current }: Look): Refusal {
  const { identifier, requirements } = change
  const broken: { readonly requirement?: TableRequirement; readonly reason: string } = firstBroken(
    requirements,
    current?.metadata,
  ) ?? { reason: 'the table was changed meanwhile' }
  return { status: 'conflict', identifier, ...broken, ...(current === undefined ? {} : { current }) }
}
