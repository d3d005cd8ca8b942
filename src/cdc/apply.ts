/**
 * Applies a change feed: the tables equal their source, at the feed's position, exactly once.
 *
 *   lines -> source transactions -> changes of each table, collapsed by key -> one Catalog.commit for all tables
 *
 * A commit ends with a source transaction, never inside one. It carries, for every table it touches, the
 * position of the last transaction it holds. On a restart each table skips what its own position has passed;
 * since the tables of a commit move together, that is exact whatever the batch sizes of the runs were.
 */
import { present } from '../base/assert.js'
import { isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { Catalog, LoadedTable, Namespace, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { type CommitEvent, type CommitTarget, commitTables } from '../commit/commit-loop.js'
import { createTable } from '../commit/create-table.js'
import { streamAction } from '../commit/stream-action.js'
import { readStreamPosition, type StreamPosition } from '../commit/stream-position.js'
import type { FileIO } from '../io/file-io.js'
import { currentSchema } from '../metadata/lookup.js'
import type { Schema } from '../schema/types.js'
import { keyedWriteAction } from '../writer/keyed-write.js'
import type {
  ChangeEvent,
  FeedContext,
  SourceColumn,
  SourceTable,
  SourceTransaction,
} from './change-event.js'
import { readDebezium } from './debezium.js'
import type { FeedLine } from './feed-lines.js'
import { type FeedPosition, isPassed, parsePosition, printPosition } from './feed-position.js'
import { createRowMapper, type RowMapper } from './row-mapping.js'
import {
  type DeclaredTable,
  declarationOf,
  printSource,
  schemaFromFeed,
  sourceColumnsOf,
  tableNameOf,
} from './source-tables.js'
import { createTableChanges, type TableChanges } from './table-changes.js'
import { readWal2Json } from './wal2json.js'

export type FeedFormat = 'debezium' | 'wal2json'

export interface ApplyFeedOptions {
  readonly catalog: Catalog
  readonly io: FileIO
  readonly runtime: Runtime
  readonly format: FeedFormat
  /** One table follows one source table, or a namespace follows all. */
  readonly target: { readonly table: TableIdentifier } | { readonly namespace: Namespace }
  /** Key columns, where the feed does not say them or says them wrong. */
  readonly keys?: readonly string[] | undefined
  /** Name under which the position is kept; default: format, source server, database and target. */
  readonly stream?: string | undefined
  /** Inclusive: the last transaction to apply. */
  readonly until?: FeedPosition | undefined
  /** Changes after which a commit is made, at the end of their transaction; default 50,000. */
  readonly commitRows?: number | undefined
  /** Seconds after which a commit is made, at the end of a transaction; default 60. */
  readonly commitSeconds?: number | undefined
  readonly types?: ReadonlyMap<string, DeclaredTable> | undefined
  readonly onUnrepresentable?: 'null' | 'fail' | undefined
  readonly formatVersion?: 2 | 3 | undefined
  readonly onProgress?: ((progress: FeedProgress) => void) | undefined
  readonly onWarning?: ((message: string) => void) | undefined
  readonly onCommitEvent?: ((event: CommitEvent) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

export interface FeedProgress {
  readonly transactions: number
  readonly events: number
  readonly commits: number
  readonly position: string | undefined
}

export interface TableReport {
  inserts: number
  updates: number
  deletes: number
  truncates: number
  /** Changes that an earlier run had applied. */
  alreadyApplied: number
}

export interface FeedReport {
  readonly stream: string | undefined
  /** The last transaction of the feed that this run saw. */
  readonly position: string | undefined
  readonly transactions: number
  readonly events: number
  readonly commits: number
  readonly tables: Readonly<Record<string, TableReport>>
  /** Changes to source tables without a key, by table: they were skipped. */
  readonly keyless: Readonly<Record<string, number>>
  /** Cells that Iceberg cannot hold and that became null, by `table.column`. */
  readonly unrepresentable: Readonly<Record<string, number>>
  /** Unchanged cells of rows that neither the feed nor the table had: they became null. */
  readonly orphanedCells: number
  /** Records that carry no change, by what they are. */
  readonly ignored: Readonly<Record<string, number>>
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
  const run = newRun(options)
  let lastCommitMs = options.runtime.nowMs()
  for await (const transaction of readFeed(lines, run)) {
    if (options.until !== undefined && !isPassed(transaction, options.until)) break
    await takeTransaction(run, transaction)
    const waitedMs = options.runtime.nowMs() - lastCommitMs
    if (run.pendingEvents >= (options.commitRows ?? COMMIT_ROWS) || waitedMs >= commitMs(options)) {
      await commitPending(run)
      lastCommitMs = options.runtime.nowMs()
    }
  }
  await commitPending(run)
  return reportOf(run)
}

type ReadableEvent = Exclude<ChangeEvent, { kind: 'poison' }>

/** A table that the feed changes. */
interface FollowedTable {
  readonly source: SourceTable
  readonly identifier: TableIdentifier
  readonly report: TableReport
  state: LoadedTable
  readonly keyIndexes: readonly number[]
  readonly mapper: RowMapper
  /** Where this table stands, as stored and as read; moves with each commit. */
  stored: StreamPosition | undefined
  position: FeedPosition | undefined
  changes: TableChanges | undefined
  pendingPosition: FeedPosition | undefined
}

interface Run {
  readonly options: ApplyFeedOptions
  readonly tables: Map<string, FollowedTable>
  /** Source tables that are skipped, with the number of changes. */
  readonly keyless: Map<string, number>
  readonly unrepresentable: Map<string, number>
  readonly ignored: Map<string, number>
  readonly context: FeedContext
  stream: string | undefined
  pendingEvents: number
  transactions: number
  events: number
  commits: number
  orphanedCells: number
  position: FeedPosition | undefined
}

function newRun(options: ApplyFeedOptions): Run {
  const ignored = new Map<string, number>()
  return {
    options,
    tables: new Map(),
    keyless: new Map(),
    unrepresentable: new Map(),
    ignored,
    context: {
      typesOf: source => declarationOf(options.types, source)?.columns,
      onIgnored: what => count(ignored, what),
    },
    stream: options.stream,
    pendingEvents: 0,
    transactions: 0,
    events: 0,
    commits: 0,
    orphanedCells: 0,
    position: undefined,
  }
}

function readFeed(lines: AsyncIterable<FeedLine>, run: Run): AsyncIterable<SourceTransaction> {
  return run.options.format === 'wal2json'
    ? readWal2Json(lines, run.context)
    : readDebezium(lines, run.context)
}

function commitMs(options: ApplyFeedOptions): number {
  return (options.commitSeconds ?? COMMIT_SECONDS) * 1000
}

async function takeTransaction(run: Run, transaction: SourceTransaction): Promise<void> {
  const touched = new Set<FollowedTable>()
  for (const event of transaction.events) {
    if (event.kind === 'poison') throw poisonError(event)
    const table = await followedTable(run, event, transaction)
    if (table === undefined) continue
    if (table.position !== undefined && isPassed(transaction, table.position)) {
      table.report.alreadyApplied += 1
      continue
    }
    table.changes ??= createTableChanges(currentSchema(table.state.metadata), table.keyIndexes)
    table.pendingPosition = transaction.position
    takeEvent(table, table.changes, event)
    touched.add(table)
    run.pendingEvents += 1
  }
  for (const table of touched) table.changes?.endTransaction()
  run.transactions += 1
  run.events += transaction.events.length
  run.position = transaction.position
  run.options.onProgress?.(progressOf(run))
}

function takeEvent(table: FollowedTable, changes: TableChanges, event: ReadableEvent): void {
  const { mapper, report } = table
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
  }
}

function poisonError(event: Extract<ChangeEvent, { kind: 'poison' }>): LakeError {
  const { error } = event
  return new LakeError(error.kind, error.message, {
    cause: error.cause,
    context: { ...error.context, table: printSource(event.table), line: event.line },
  })
}

async function followedTable(
  run: Run,
  event: ReadableEvent,
  transaction: SourceTransaction,
): Promise<FollowedTable | undefined> {
  const name = printSource(event.table)
  const known = run.tables.get(name)
  if (known !== undefined) return known
  run.stream ??= defaultStream(run, transaction)
  const opened = run.keyless.has(name) && !showsKey(event) ? 'keyless' : await openTable(run, event)
  if (opened === 'absent') return undefined
  if (opened === 'keyless') {
    if (!run.keyless.has(name)) {
      run.options.onWarning?.(`${name} has no key and is skipped; name one with --keys`)
    }
    count(run.keyless, name)
    return undefined
  }
  if (run.keyless.has(name)) {
    throw new LakeError(
      'invalid-argument',
      'the feed shows a key of a table only after other changes to it',
      {
        context: { table: name, remedy: 'name the key with --keys' },
      },
    )
  }
  const twin = [...run.tables.values()].find(
    other => printIdentifier(other.identifier) === printIdentifier(opened.identifier),
  )
  if (twin !== undefined) {
    throw new LakeError('invalid-argument', 'two source tables of the feed go to one table', {
      context: { table: printIdentifier(opened.identifier), sources: [printSource(twin.source), name] },
    })
  }
  run.tables.set(name, opened)
  return opened
}

function showsKey(event: ReadableEvent): boolean {
  return event.kind !== 'truncate' && event.keyColumns.length > 0
}

/** `absent`: no table and nothing in the event to make one of, so there is nothing to change either. */
async function openTable(run: Run, event: ReadableEvent): Promise<FollowedTable | 'absent' | 'keyless'> {
  const { options } = run
  const identifier =
    'table' in options.target
      ? options.target.table
      : { namespace: options.target.namespace, name: tableNameOf(event.table) }
  const declared = declarationOf(options.types, event.table)
  const feedKeys = event.kind === 'truncate' ? [] : event.keyColumns
  const keys = firstNonEmpty(options.keys, feedKeys, declared?.keyColumns)
  const loaded = await loadIfThere(options, identifier)
  if (loaded === undefined && event.kind !== 'insert' && event.kind !== 'update') return 'absent'
  const state = loaded ?? (await createFromFeed(run, event, { identifier, declared, keys }))
  if (state === undefined) return 'keyless'
  const schema = currentSchema(state.metadata)
  const keyIndexes = keyIndexesOf(schema, keys, identifier)
  if (keyIndexes.length === 0) return 'keyless'
  const stored = readStreamPosition(state.metadata, streamOf(run))
  return {
    source: event.table,
    identifier,
    report: { inserts: 0, updates: 0, deletes: 0, truncates: 0, alreadyApplied: 0 },
    state,
    keyIndexes,
    mapper: createRowMapper({
      schema,
      keyIndexes,
      table: printIdentifier(identifier),
      onUnrepresentable: column => takeUnrepresentable(run, `${identifier.name}.${column}`),
    }),
    stored,
    position: feedPositionOf(stored),
    changes: undefined,
    pendingPosition: undefined,
  }
}

function keyIndexesOf(
  schema: Schema,
  keys: readonly string[],
  identifier: TableIdentifier,
): readonly number[] {
  if (keys.length === 0) {
    return schema.identifierFieldIds.map(id => schema.fields.findIndex(field => field.id === id))
  }
  return keys.map(key => {
    const index = schema.fields.findIndex(field => field.name === key)
    if (index >= 0) return index
    throw new LakeError('invalid-argument', 'a key column is not a column of the table', {
      context: { table: printIdentifier(identifier), column: key },
    })
  })
}

async function loadIfThere(
  options: ApplyFeedOptions,
  identifier: TableIdentifier,
): Promise<LoadedTable | undefined> {
  try {
    return await options.catalog.loadTable(identifier, { signal: options.signal })
  } catch (error) {
    if (isLakeError(error, 'not-found') && !(await options.catalog.tableExists(identifier))) return undefined
    throw error
  }
}

/** Creates the table with the columns that the event, or `--types`, shows. Undefined when that names no key. */
async function createFromFeed(
  run: Run,
  event: ReadableEvent,
  plan: {
    readonly identifier: TableIdentifier
    readonly declared: DeclaredTable | undefined
    readonly keys: readonly string[]
  },
): Promise<LoadedTable | undefined> {
  const { options } = run
  const { identifier, declared, keys } = plan
  const columns = declared === undefined ? columnsOf(event) : sourceColumnsOf(declared.columns)
  if (keys.length === 0 || columns.length === 0) return undefined
  try {
    return await createTable(
      options.catalog,
      {
        identifier,
        schema: schemaFromFeed(columns, keys),
        uuid: options.runtime.uuid(),
        formatVersion: options.formatVersion,
      },
      { signal: options.signal },
    )
  } catch (error) {
    if (!isLakeError(error, 'already-exists')) throw error
    return options.catalog.loadTable(identifier, { signal: options.signal })
  }
}

/** All columns of the table, as far as this event shows them: deletes and truncates show none. */
function columnsOf(event: ReadableEvent): readonly SourceColumn[] {
  return event.kind === 'insert' || event.kind === 'update' ? event.row.columns : []
}

function takeUnrepresentable(run: Run, column: string): void {
  if (run.options.onUnrepresentable === 'fail') {
    throw new LakeError('unsupported', 'the feed has a value that the column type cannot hold', {
      context: { column },
    })
  }
  if (!run.unrepresentable.has(column)) {
    run.options.onWarning?.(`${column} has values that Iceberg cannot hold; they become null and are counted`)
  }
  count(run.unrepresentable, column)
}

async function commitPending(run: Run): Promise<void> {
  const pending = [...run.tables.values()].filter(table => table.changes !== undefined)
  if (pending.length === 0) return
  const { catalog, io, runtime, signal, onCommitEvent } = run.options
  const targets = pending.map(table => commitTarget(run, table))
  const { tables } = await commitTables(catalog, targets, { io, runtime, signal, onEvent: onCommitEvent })
  for (const [index, table] of pending.entries()) {
    run.orphanedCells += table.changes?.orphanedCells ?? 0
    table.state = tables[index] ?? table.state
    table.stored = readStreamPosition(table.state.metadata, streamOf(run))
    table.position = feedPositionOf(table.stored)
    table.changes = undefined
  }
  run.pendingEvents = 0
  run.commits += 1
  run.options.onProgress?.(progressOf(run))
}

function commitTarget(run: Run, table: FollowedTable): CommitTarget {
  const { io, runtime } = run.options
  const { identifier, changes, pendingPosition, stored } = table
  const operationUuid = runtime.orderedUuid()
  const write = keyedWriteAction(io, present(changes, 'changes').toKeyedChanges(), { runtime, operationUuid })
  const step = {
    stream: streamOf(run),
    position: printPosition(present(pendingPosition, 'position')),
    token: operationUuid,
  }
  const action = streamAction(write, { io, runtime, operationUuid, step, expected: stored })
  return { identifier, base: table.state, action }
}

function feedPositionOf(stored: StreamPosition | undefined): FeedPosition | undefined {
  return stored === undefined ? undefined : parsePosition(String(stored.position))
}

function streamOf(run: Run): string {
  return present(run.stream, 'the name of the stream')
}

/** Names what is followed, never where the feed was read from: the same feed from another file goes on. */
function defaultStream(run: Run, transaction: SourceTransaction): string {
  const { format, target } = run.options
  const into = 'table' in target ? printIdentifier(target.table) : target.namespace.join('.')
  return [format, ...(transaction.source === undefined ? [] : [transaction.source]), into].join('/')
}

function firstNonEmpty(...lists: (readonly string[] | undefined)[]): readonly string[] {
  return lists.find(list => list !== undefined && list.length > 0) ?? []
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

function progressOf(run: Run): FeedProgress {
  const { transactions, events, commits, position } = run
  return {
    transactions,
    events,
    commits,
    position: position === undefined ? undefined : printPosition(position),
  }
}

function reportOf(run: Run): FeedReport {
  return {
    stream: run.stream,
    ...progressOf(run),
    tables: Object.fromEntries(
      [...run.tables.values()].map(table => [printIdentifier(table.identifier), table.report]),
    ),
    keyless: Object.fromEntries(run.keyless),
    unrepresentable: Object.fromEntries(run.unrepresentable),
    orphanedCells: run.orphanedCells,
    ignored: Object.fromEntries(run.ignored),
  }
}
