/**
 * Applies a change feed: the tables equal their source, at the feed's position, exactly once.
 *
 *   lines -> source transactions -> changes of each table, collapsed by key -> one Catalog.commit for all tables
 *
 * A commit ends with a source transaction, never inside one. It carries, for every table it touches, the
 * position of the last transaction it holds. On a restart each table skips what its own position has passed;
 * since the tables of a commit move together, that is exact whatever the batch sizes of the runs were.
 */
import { present, unreachable } from '../base/assert.js'
import { checkSignal, isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { type CommitEvent, type CommitTarget, commitTables } from '../commit/commit-loop.js'
import { type FileHold, holdFiles } from '../commit/hold-lease.js'
import { streamAction } from '../commit/stream-action.js'
import type { FileIO } from '../io/file-io.js'
import { type KeyedWriteResult, keyedWriteAction } from '../writer/keyed-write.js'
import type { FeedContext, PoisonEvent, ReadableEvent, SourceTransaction } from './change-event.js'
import { readDebezium } from './debezium.js'
import type { FeedLine } from './feed-lines.js'
import { type FeedPosition, isPassed, isUpTo, printPosition } from './feed-position.js'
import {
  count,
  type FeedProgress,
  type FeedReport,
  type FeedTally,
  newTally,
  progressOf,
  reportOf,
  tallyTransaction,
} from './feed-report.js'
import {
  ensureTable,
  type FeedTarget,
  type FollowedTable,
  type FollowOptions,
  followTable,
  moveOn,
  pendingChanges,
} from './followed-table.js'
import { type DeclaredTable, declarationOf, printSource } from './source-tables.js'
import { readWal2Json } from './wal2json.js'

export type FeedFormat = 'debezium' | 'wal2json'

export interface ApplyFeedOptions {
  readonly catalog: Catalog
  readonly io: FileIO
  readonly runtime: Runtime
  readonly format: FeedFormat
  readonly target: FeedTarget
  /** Key columns: of one table, whatever the feed says; in a namespace of the tables for which it says none. */
  readonly keys?: readonly string[] | undefined
  /** Name under which the position is kept; default: format, source server, database and target. */
  readonly stream?: string | undefined
  /**
   * Where the tables are taken to stand, whatever position they hold: for a position that a rollback or an expiry
   * by another engine lost. Their rows have to be those of that position, or the feed has to begin with a snapshot:
   * `0/0` applies such a feed from its start.
   */
  readonly resetPosition?: FeedPosition | undefined
  /** Inclusive: the last transaction to apply. */
  readonly until?: FeedPosition | undefined
  /** Changes after which a commit is made, at the end of their transaction; default 50,000. */
  readonly commitRows?: number | undefined
  /** Seconds after which a commit is made, at the end of a transaction; default 60. */
  readonly commitSeconds?: number | undefined
  readonly types?: ReadonlyMap<string, DeclaredTable> | undefined
  readonly onUnrepresentable?: 'null' | 'fail' | undefined
  readonly formatVersion?: 2 | 3 | undefined
  /** Branch of every table to apply to; made from main when it is missing. Default main. */
  readonly branch?: string | undefined
  readonly onProgress?: ((progress: FeedProgress) => void) | undefined
  readonly onWarning?: ((message: string) => void) | undefined
  readonly onCommitEvent?: ((event: CommitEvent) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

const COMMIT_ROWS = 50_000
const COMMIT_SECONDS = 60

/**
 * Applies a feed and returns what was done. Running it again with the same feed, or one that begins with it,
 * changes nothing that was applied before.
 * @throws corrupt for a feed that cannot be read; unsupported for columns that the table lacks; conflict when
 * another process applies the same stream; and what commits throw. Commits made before stay.
 */
export async function applyFeed(
  lines: AsyncIterable<FeedLine>,
  options: ApplyFeedOptions,
): Promise<FeedReport> {
  const { runtime, until, signal, commitRows = COMMIT_ROWS, commitSeconds = COMMIT_SECONDS } = options
  const run = newRun(options)
  let lastCommitMs = runtime.nowMs()
  for await (const transaction of readFeed(lines, run)) {
    checkSignal(signal)
    if (until !== undefined && !isUpTo(transaction, until)) break
    await takeTransaction(run, transaction)
    if (run.pendingEvents >= commitRows || runtime.nowMs() - lastCommitMs >= commitSeconds * 1000) {
      await commitPending(run)
      lastCommitMs = runtime.nowMs()
    }
  }
  await commitPending(run)
  const reports = [...run.tables.values()].map(
    table => [printIdentifier(table.identifier), table.report] as const,
  )
  return reportOf(run.tally, {
    stream: run.follow?.stream ?? options.stream,
    tables: Object.fromEntries(reports),
  })
}

interface Run {
  readonly options: ApplyFeedOptions
  /** By source table. */
  readonly tables: Map<string, FollowedTable>
  readonly tally: FeedTally
  /** Set by the first transaction, which may name the stream. */
  follow: FollowOptions | undefined
  /** Events that wait for the next commit. */
  pendingEvents: number
}

function newRun(options: ApplyFeedOptions): Run {
  return { options, tables: new Map(), tally: newTally(), follow: undefined, pendingEvents: 0 }
}

function readFeed(lines: AsyncIterable<FeedLine>, run: Run): AsyncIterable<SourceTransaction> {
  const { format, types, keys, target } = run.options
  const context: FeedContext = {
    typesOf: source => declarationOf(types, source)?.columns,
    keys: 'table' in target ? keys : undefined,
    onIgnored: what => count(run.tally.ignored, what),
  }
  return format === 'wal2json' ? readWal2Json(lines, context) : readDebezium(lines, context)
}

function followOptions(run: Run, transaction: SourceTransaction): FollowOptions {
  run.follow ??= {
    ...run.options,
    stream: run.options.stream ?? defaultStream(run.options, transaction),
    onUnrepresentable: column => takeUnrepresentable(run, column),
  }
  return run.follow
}

/** Names what is followed, never where the feed was read from: the same feed from another file goes on. */
function defaultStream({ format, target }: ApplyFeedOptions, transaction: SourceTransaction): string {
  const into = 'table' in target ? printIdentifier(target.table) : target.namespace.join('.')
  return [format, ...(transaction.source === undefined ? [] : [transaction.source]), into].join('/')
}

async function takeTransaction(run: Run, transaction: SourceTransaction): Promise<void> {
  const { position } = transaction
  const follow = followOptions(run, transaction)
  const touched = new Set<FollowedTable>()
  for (const event of transaction.events) {
    const table = await tableOf(run, event, follow)
    if (table === undefined) continue
    if (table.reached !== undefined && isPassed({ position, line: event.line }, table.reached)) {
      table.report.alreadyApplied += 1
      continue
    }
    if (event.kind === 'poison') throw poisonError(event)
    takeEvent(table, event)
    touched.add(table)
    run.pendingEvents += 1
  }
  for (const table of touched) {
    table.changes?.endTransaction()
    table.reached = position
  }
  tallyTransaction(run.tally, transaction)
  run.options.onProgress?.(progressOf(run.tally))
}

/** The table that follows the event's source table; undefined when there is none to change. */
async function tableOf(
  run: Run,
  event: ReadableEvent | PoisonEvent,
  follow: FollowOptions,
): Promise<FollowedTable | undefined> {
  const { tally, tables } = run
  const name = printSource(event.table)
  const known = tables.get(name)
  if (known !== undefined) return known
  const wasSkipped = tally.keyless.has(name)
  const opened = wasSkipped && !showsKey(event) ? 'keyless' : await followTable(event, follow)
  if (opened === 'absent') {
    if (event.kind === 'poison') throw poisonError(event)
    return undefined
  }
  if (opened === 'keyless') {
    if (!wasSkipped) run.options.onWarning?.(`${name} has no key and is skipped; name one with --keys`)
    count(tally.keyless, name)
    return undefined
  }
  if (wasSkipped) {
    throw new LakeError(
      'invalid-argument',
      'the feed shows a key of a table only after other changes to it',
      { context: { table: name, line: event.line, remedy: 'name the key with --keys' } },
    )
  }
  checkNoTwin(opened, tables.values())
  tables.set(name, opened)
  return opened
}

function showsKey(event: ReadableEvent | PoisonEvent): boolean {
  return 'keyColumns' in event && event.keyColumns.length > 0
}

function checkNoTwin(opened: FollowedTable, others: Iterable<FollowedTable>): void {
  const identifier = printIdentifier(opened.identifier)
  for (const other of others) {
    if (printIdentifier(other.identifier) !== identifier) continue
    throw new LakeError('invalid-argument', 'two source tables of the feed go to one table', {
      context: { table: identifier, sources: [printSource(other.source), printSource(opened.source)] },
    })
  }
}

/** @throws what mapping a row throws, with the line of the feed */
function takeEvent(table: FollowedTable, event: ReadableEvent): void {
  try {
    applyEvent(table, event)
  } catch (error) {
    if (!isLakeError(error)) throw error
    throw new LakeError(error.kind, error.message, {
      cause: error,
      context: { ...error.context, line: event.line },
    })
  }
}

function applyEvent(table: FollowedTable, event: ReadableEvent): void {
  const { mapper, report } = table
  const changes = pendingChanges(table)
  switch (event.kind) {
    case 'insert': {
      const movedFrom = event.movedFrom === undefined ? undefined : mapper.key(event.movedFrom)
      changes.insert(mapper.cells(event.row), { movedFrom })
      report.inserts += 1
      return
    }
    case 'update': {
      const oldKey = event.oldKey === undefined ? undefined : mapper.key(event.oldKey)
      changes.update(mapper.cells(event.row), { oldKey })
      report.updates += 1
      return
    }
    case 'delete':
      changes.delete(mapper.key(event.key))
      report.deletes += 1
      return
    case 'truncate':
      changes.truncate()
      report.truncates += 1
      return
    default:
      unreachable(event)
  }
}

function poisonError({ error, table, line }: PoisonEvent): LakeError {
  return new LakeError(error.kind, error.message, {
    cause: error.cause,
    context: { ...error.context, table: printSource(table), line },
  })
}

function takeUnrepresentable(run: Run, column: string): void {
  const { unrepresentable } = run.tally
  if (run.options.onUnrepresentable === 'fail') {
    throw new LakeError('unsupported', 'the feed has a value that the column type cannot hold', {
      context: { column },
    })
  }
  if (!unrepresentable.has(column)) {
    run.options.onWarning?.(`${column} has values that Iceberg cannot hold; they become null and are counted`)
  }
  count(unrepresentable, column)
}

/** One commit of all tables that have changed, each with its position. */
async function commitPending(run: Run): Promise<void> {
  const { follow, tally } = run
  const pending = [...run.tables.values()].filter(table => table.changes !== undefined)
  if (pending.length === 0 || follow === undefined) return
  const missingCells: number[] = []
  const tables = await commitTogether(run, pending, (table, files, index) => {
    const onResult = (result: KeyedWriteResult): void => {
      missingCells[index] = result.missingCells
    }
    return commitTarget(table, { ...run.options, io: files.io, files, follow, onResult })
  })
  for (const [index, table] of pending.entries()) {
    tally.orphanedCells += (table.changes?.orphanedCells ?? 0) + (missingCells[index] ?? 0)
    moveOn(table, present(tables[index], 'the state of a table'), follow)
  }
  run.pendingEvents = 0
  tally.commits += 1
  run.options.onProgress?.(progressOf(tally))
}

/** What is written for the tables is held until the commit has ended. */
async function commitTogether(
  run: Run,
  pending: readonly FollowedTable[],
  targetOf: (table: FollowedTable, files: FileHold, index: number) => Promise<CommitTarget>,
): Promise<readonly LoadedTable[]> {
  const { catalog, io, runtime, signal, onCommitEvent } = run.options
  const held = pending.map(({ identifier }) => holdFiles({ catalog, identifier, io, runtime }))
  try {
    const targets: CommitTarget[] = []
    for (const [index, table] of pending.entries())
      targets.push(await targetOf(table, present(held[index], 'the files of a table'), index))
    const { tables } = await commitTables(catalog, targets, { io, runtime, signal, onEvent: onCommitEvent })
    return tables
  } finally {
    for (const files of held) await files.end()
  }
}

async function commitTarget(
  table: FollowedTable,
  options: Pick<ApplyFeedOptions, 'io' | 'runtime'> & {
    readonly files: FileHold
    readonly follow: FollowOptions
    readonly onResult: (result: KeyedWriteResult) => void
  },
): Promise<CommitTarget> {
  const { io, runtime, files, follow, onResult } = options
  const ref = follow.branch
  const operationUuid = runtime.orderedUuid()
  const changes = pendingChanges(table).toKeyedChanges()
  const write = keyedWriteAction(io, changes, { runtime, ref, operationUuid, onResult })
  const step = {
    stream: follow.stream,
    position: printPosition(present(table.reached, 'position')),
    token: operationUuid,
  }
  const base = await ensureTable(table, follow)
  const action = streamAction(write, { io, runtime, operationUuid, step, ref, expected: table.stored })
  return { identifier: table.identifier, base, action, files }
}
