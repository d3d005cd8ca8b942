/**
 * Applies a change feed: the tables equal their source, at the feed's position, exactly once.
 *
 *   feed -> batches of source transactions, in columns -> changes of each table, collapsed by key -> one Catalog.commit
 *
 * A commit ends with a source transaction, never inside one. It carries, for every table it touches, the
 * position of the last transaction it holds. On a restart each table skips what its own position has passed;
 * since the tables of a commit move together, that is exact whatever the batch sizes of the runs were.
 */
import { checkSignal, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CommitEvent } from '../commit/commit-loop.js'
import type { FileIO } from '../io/file-io.js'
import { createKeyCache, type KeyCache } from '../writer/key-cache.js'
import type { FeedBatch, FeedTransaction } from './change-block.js'
import type { FeedContext, PoisonEvent, SourceTransaction } from './change-event.js'
import { commitPending } from './commit-pending.js'
import { readDebezium } from './debezium/debezium.js'
import { feedBatches, readAhead } from './feed-batches.js'
import type { FeedLine } from './feed-lines.js'
import { type FeedPosition, isUpTo } from './feed-position.js'
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
import { columnsThere, type FeedTarget, type FollowedTable, type FollowOptions } from './followed-table.js'
import { readMaxwell } from './maxwell/maxwell.js'
import { type DeclaredTable, declarationOf, printSource } from './source-tables.js'
import type { RulesOf } from './table-rules.js'
import { takeBatch } from './take-batch.js'
import { readWal2Json } from './wal2json/wal2json.js'

export type FeedFormat = 'debezium' | 'wal2json' | 'maxwell' | 'dms'

export interface ApplyFeedOptions {
  readonly catalog: Catalog
  readonly io: FileIO
  readonly runtime: Runtime
  readonly format: FeedFormat
  readonly target: FeedTarget
  /** Key columns: of one table, whatever the feed says; in a namespace of the tables for which it says none. */
  readonly keys?: readonly string[] | undefined
  /** How each source table becomes a table; default none of the rules. */
  readonly rulesOf?: RulesOf | undefined
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
  /** Bytes of changes after which a commit is made, at the end of their transaction; default 256 MiB. */
  readonly commitBytes?: number | undefined
  /** Seconds after which a commit is made, at the end of a transaction; default 60. */
  readonly commitSeconds?: number | undefined
  /** The feed may fall silent and go on later: what waits is committed in time nevertheless. */
  readonly isFollowed?: boolean | undefined
  /** Bytes of memory for keys and deletes of the tables' files, kept between commits; default 256 MiB. 0 keeps nothing. */
  readonly keyCacheBytes?: number | undefined
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
const COMMIT_BYTES = 2 ** 28
const COMMIT_SECONDS = 60
const KEY_CACHE_BYTES = 2 ** 28
/** Rows of a batch at most, whatever a commit may have. */
const BATCH_ROWS_MAX = 65_536
const BATCH_BYTES_MAX = 2 ** 26
/** Timers take no more. */
const IDLE_MS_MAX = 2 ** 31 - 1

/**
 * Applies a feed and returns what was done. Running it again with the same feed, or one that begins with it,
 * changes nothing that was applied before.
 * @throws corrupt for a feed that cannot be read; unsupported for columns that the table lacks; conflict when
 * another process applies the same stream; and what commits throw. Commits made before stay.
 */
export function applyFeed(lines: AsyncIterable<FeedLine>, options: ApplyFeedOptions): Promise<FeedReport> {
  const { runtime, until, isFollowed, commitRows = COMMIT_ROWS, commitBytes = COMMIT_BYTES } = options
  const run = newRun(options)
  const batches = feedBatches(readFeed(lines, run), {
    runtime,
    rowsMax: Math.min(commitRows, BATCH_ROWS_MAX),
    sizeBytesMax: Math.min(commitBytes, BATCH_BYTES_MAX),
    isFollowed,
    until,
  })
  return applyRun(batches, run)
}

/** As `applyFeed`, for a feed that is in batches: `options.format` only names the stream. */
export function applyBatches(
  batches: AsyncIterable<FeedBatch>,
  options: ApplyFeedOptions,
): Promise<FeedReport> {
  return applyRun(batches, newRun(options))
}

interface Run {
  readonly options: ApplyFeedOptions
  /** By source table. */
  readonly tables: Map<string, FollowedTable>
  readonly tally: FeedTally
  readonly keyCache: KeyCache | undefined
  /** Set by the first transaction, which may name the stream. */
  follow: FollowOptions | undefined
  /** Transactions of the batches before the one in work. */
  transactions: number
  /** Changes, and about their bytes, that wait for the next commit. */
  pendingEvents: number
  pendingBytes: number
  lastCommitMs: number
}

function newRun(options: ApplyFeedOptions): Run {
  const { keyCacheBytes: sizeBytesMax = KEY_CACHE_BYTES } = options
  return {
    options,
    tables: new Map(),
    tally: newTally(),
    keyCache: sizeBytesMax > 0 ? createKeyCache({ sizeBytesMax }) : undefined,
    follow: undefined,
    transactions: 0,
    pendingEvents: 0,
    pendingBytes: 0,
    lastCommitMs: options.runtime.nowMs(),
  }
}

function readFeed(lines: AsyncIterable<FeedLine>, run: Run): AsyncIterable<SourceTransaction> {
  const { format, types, keys, target } = run.options
  const context: FeedContext = {
    typesOf: source => declarationOf(types, source)?.columns,
    columnsOf: source => columnsThere(source, run.options),
    keys: 'table' in target ? keys : undefined,
    onIgnored: what => count(run.tally.ignored, what),
  }
  if (format === 'maxwell') return readMaxwell(lines, context)
  if (format === 'dms') {
    throw new LakeError('unsupported', 'messages of DMS are not read: name the folder of its S3 target')
  }
  return format === 'wal2json' ? readWal2Json(lines, context) : readDebezium(lines, context)
}

async function applyRun(batches: AsyncIterable<FeedBatch>, run: Run): Promise<FeedReport> {
  const { runtime, signal, commitSeconds = COMMIT_SECONDS, isFollowed = false } = run.options
  // A little longer, for a timer may ring before the clock says so.
  const idleMs = isFollowed ? Math.min(commitSeconds * 1000 + 20, IDLE_MS_MAX) : undefined
  for await (const batch of readAhead(batches, { runtime, idleMs, signal })) {
    checkSignal(signal)
    // The feed says nothing: what it said before is committed in time.
    if (batch === 'idle') await commitIfDue(run, run.transactions)
    else if (!(await applyBatch(batch, run))) break
  }
  await commit(run, run.transactions)
  const reports = [...run.tables.values()]
    .map(table => [printIdentifier(table.identifier), table.report] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return reportOf(run.tally, {
    stream: run.follow?.stream ?? run.options.stream,
    tables: Object.fromEntries(reports),
  })
}

/** Takes in a batch, with commits where they are due; false when it reached the last transaction to apply. */
async function applyBatch(batch: FeedBatch, run: Run): Promise<boolean> {
  const { options, tables, tally } = run
  const [first] = batch.transactions
  if (first === undefined) return true
  const { signal, onWarning, onProgress } = options
  const transactionCount = countUpTo(batch.transactions, options.until)
  const follow = run.follow ?? followOptions(run, first)
  run.follow = follow
  const firstTransaction = run.transactions
  const taken = await takeBatch(
    batch,
    { tables, keyless: tally.keyless, onWarning },
    { follow, transactionCount, firstTransaction },
  )
  for (const [index, transaction] of batch.transactions.slice(0, transactionCount).entries()) {
    checkSignal(signal)
    const poison = taken.poisons.find(each => each.transaction === index)
    if (poison !== undefined) throw poisonError(poison.event)
    const changes = taken.counts[index] ?? 0
    run.pendingEvents += changes
    run.pendingBytes += changes * taken.bytesPerChange
    run.transactions = firstTransaction + index + 1
    tallyTransaction(tally, transaction)
    onProgress?.(progressOf(tally))
    await commitIfDue(run, run.transactions)
  }
  return transactionCount === batch.transactions.length
}

/** How many of the transactions come before the end of what is to be applied. */
function countUpTo(transactions: readonly FeedTransaction[], until: FeedPosition | undefined): number {
  if (until === undefined) return transactions.length
  const beyond = transactions.findIndex(transaction => !isUpTo(transaction, until))
  return beyond < 0 ? transactions.length : beyond
}

function followOptions(run: Run, transaction: FeedTransaction): FollowOptions {
  return {
    ...run.options,
    stream: run.options.stream ?? defaultStream(run.options, transaction),
    onUnrepresentable: column => takeUnrepresentable(run, column),
  }
}

/** Names what is followed, never where the feed was read from: the same feed from another file goes on. */
function defaultStream({ format, target }: ApplyFeedOptions, transaction: FeedTransaction): string {
  const into = 'table' in target ? printIdentifier(target.table) : target.namespace.join('.')
  return [format, ...(transaction.source === undefined ? [] : [transaction.source]), into].join('/')
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

async function commitIfDue(run: Run, transactionEnd: number): Promise<void> {
  const { pendingEvents, pendingBytes, lastCommitMs, options } = run
  const { runtime, commitRows = COMMIT_ROWS, commitBytes = COMMIT_BYTES } = options
  const { commitSeconds = COMMIT_SECONDS } = options
  const isFull = pendingEvents >= commitRows || (pendingEvents > 0 && pendingBytes >= commitBytes)
  if (!isFull && runtime.nowMs() - lastCommitMs < commitSeconds * 1000) return
  await commit(run, transactionEnd)
  run.lastCommitMs = runtime.nowMs()
}

/** One commit of all tables that have changed, up to a transaction of the run. */
async function commit(run: Run, transactionEnd: number): Promise<void> {
  const { follow, tally, tables, options, keyCache } = run
  if (follow === undefined) return
  const done = await commitPending([...tables.values()], { ...options, follow, keyCache, transactionEnd })
  run.pendingEvents = 0
  run.pendingBytes = 0
  if (done === undefined) return
  tally.orphanedCells += done.orphanedCells
  tally.commits += 1
  options.onProgress?.(progressOf(tally))
}
