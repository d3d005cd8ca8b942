/**
 * The SQLite file of the embedded catalog: opening it, transactions, waiting for other processes. The only file
 * that knows the driver.
 *
 * SQLite calls are synchronous, so no call ever waits inside SQLite (`busy_timeout` is 0): a busy database is
 * tried again after an asynchronous pause with jitter. A transaction begins and ends within one turn of the event
 * loop; no lock is held while anything is awaited. Writers begin with BEGIN IMMEDIATE, which takes the write lock
 * first, so two of them never deadlock on an upgrade.
 *
 * The journal is WAL on local file systems: readers and the writer do not block each other. Network file systems
 * cannot share its memory, so there it is a rollback journal. `synchronous=FULL` makes COMMIT durable; who gives
 * that away keeps a file that is whole.
 */
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance, type StatementSyncInstance } from '@photostructure/sqlite'
import { checkSignal, type ErrorKind, errorText, LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { storageError } from '../io/errno.js'
import { makeFolder } from '../io/local.js'

export interface BusyRetry {
  readonly waitMsMin: number
  readonly waitMsMax: number
  /** A database that is busy for longer is `unavailable`. */
  readonly totalMsMax: number
}

export const BUSY_RETRY_DEFAULT: BusyRetry = { waitMsMin: 2, waitMsMax: 50, totalMsMax: 60_000 }

export type SqlValue = string | number | null
export type SqlRow = Readonly<Record<string, SqlValue>>

/** Statements inside a transaction. */
export interface Sql {
  all(statement: string, ...values: readonly SqlValue[]): readonly SqlRow[]
  first(statement: string, ...values: readonly SqlValue[]): SqlRow | undefined
  /** The number of rows that changed. */
  run(statement: string, ...values: readonly SqlValue[]): number
}

/** `unknown`: COMMIT itself failed, so the transaction may be there after all. */
export type WriteOutcome<T> =
  | { readonly status: 'done'; readonly value: T }
  | { readonly status: 'unknown'; readonly cause: unknown }

export interface EmbeddedDb {
  /** Runs `work` in one read transaction. @throws unavailable, aborted, corrupt, or what `work` throws */
  read<T>(work: (sql: Sql) => T, signal?: AbortSignal): Promise<T>
  /**
   * Runs `work` in one write transaction; it runs again when the database was busy. What `work` throws rolls back
   * and is thrown on. Anything thrown means that nothing was written.
   */
  write<T>(work: (sql: Sql) => T, signal?: AbortSignal): Promise<WriteOutcome<T>>
  close(): Promise<void>
}

export interface OpenDbOptions {
  readonly path: string
  readonly runtime: Runtime
  readonly busyRetry: BusyRetry
  /** Whether a commit is durable when it is done; default true. */
  readonly fsync?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Opens the file; it and its folder are made when missing. @throws denied, unavailable, corrupt */
export async function openEmbeddedDb(options: OpenDbOptions): Promise<EmbeddedDb> {
  const { path, signal } = options
  await makeFolder(dirname(path), { fsync: true }).catch((error: unknown) => {
    throw storageError(error, path)
  })
  const isNetwork = await isOnNetwork(dirname(path))
  const database = openDatabase(path)
  const connection: Connection = { database, sql: createSql(database), options }
  try {
    await untilFree(
      connection,
      () => configure(database, { isNetwork, fsync: options.fsync ?? true }),
      signal,
    )
  } catch (error) {
    database.close()
    throw error
  }
  return {
    read: (work, readSignal) => untilFree(connection, () => readTransaction(connection, work), readSignal),
    write: (work, writeSignal) =>
      untilFree(connection, () => writeTransaction(connection, work), writeSignal),
    close: async () => closeDatabase(database),
  }
}

interface Connection {
  readonly database: DatabaseSyncInstance
  readonly sql: Sql
  readonly options: OpenDbOptions
}

function openDatabase(path: string): DatabaseSyncInstance {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (error) {
    throw sqliteError(error, path)
  }
}

function configure(
  database: DatabaseSyncInstance,
  { isNetwork, fsync }: { readonly isNetwork: boolean; readonly fsync: boolean },
): void {
  if (!isNetwork) database.exec('PRAGMA journal_mode = WAL')
  // With a WAL, NORMAL syncs at checkpoints alone: the file stays whole. A rollback journal needs FULL for that.
  database.exec(`PRAGMA synchronous = ${fsync || isNetwork ? 'FULL' : 'NORMAL'}`)
}

/** Moves what is in the journal into the file, so that a copy of the file alone is whole. */
function closeDatabase(database: DatabaseSyncInstance): void {
  if (!database.isOpen) return
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch (error) {
    if (!isBusy(error)) throw error
  } finally {
    database.close()
  }
}

// ---- transactions

function readTransaction<T>(connection: Connection, work: (sql: Sql) => T): T {
  const { database, sql } = connection
  database.exec('BEGIN')
  try {
    return work(sql)
  } finally {
    rollback(database)
  }
}

/**
 * Busy at COMMIT (a reader, with a rollback journal) leaves the transaction open: it is undone and run again. After
 * any other failure it is undone too, or the connection would keep the write lock; but what COMMIT wrote may come
 * back with the journal, so the outcome stays open.
 */
function writeTransaction<T>(connection: Connection, work: (sql: Sql) => T): WriteOutcome<T> {
  const { database, sql } = connection
  database.exec('BEGIN IMMEDIATE')
  const value = orRollback(database, () => work(sql))
  try {
    database.exec('COMMIT')
    return { status: 'done', value }
  } catch (cause) {
    const wasUndone = isUndone(database)
    if (isBusy(cause) && wasUndone) throw cause
    return { status: 'unknown', cause }
  }
}

function orRollback<T>(database: DatabaseSyncInstance, work: () => T): T {
  try {
    return work()
  } catch (error) {
    rollback(database)
    throw error
  }
}

/** True when the failed COMMIT left the transaction open, and undoing it worked. */
function isUndone(database: DatabaseSyncInstance): boolean {
  if (!database.isTransaction) return false
  try {
    database.exec('ROLLBACK')
    return true
  } catch {
    return false
  }
}

/** Some errors roll back by themselves. */
function rollback(database: DatabaseSyncInstance): void {
  if (database.isTransaction) database.exec('ROLLBACK')
}

async function untilFree<T>(
  connection: Connection,
  work: () => T,
  signal: AbortSignal | undefined,
): Promise<T> {
  const { runtime, busyRetry, path } = connection.options
  const startMs = runtime.nowMs()
  for (let attempt = 1; ; attempt++) {
    checkSignal(signal)
    if (!connection.database.isOpen) throw new LakeError('invalid-argument', 'the catalog is closed')
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || runtime.nowMs() - startMs >= busyRetry.totalMsMax) throw sqliteError(error, path)
    }
    await runtime.sleep(backoffMs(attempt, busyRetry, runtime), signal)
  }
}

/**
 * Statements are prepared once: the driver frees them only when they are collected, and a connection with live
 * statements keeps its files open after `close`. Each runs to its end, so none holds a lock.
 */
function createSql(database: DatabaseSyncInstance): Sql {
  const prepared = new Map<string, StatementSyncInstance>()
  const prepare = (text: string): StatementSyncInstance => {
    const known = prepared.get(text) ?? database.prepare(text)
    prepared.set(text, known)
    return known
  }
  const all: Sql['all'] = (statement, ...values) => prepare(statement).all(...values) as SqlRow[]
  return {
    all,
    first: (statement, ...values) => all(statement, ...values)[0],
    run: (statement, ...values) => Number(prepare(statement).run(...values).changes),
  }
}

// ---- errors and file systems

const BUSY = 5
const LOCKED = 6
/** Another process was starting or ending the WAL at the same time. */
const PROTOCOL = 15

const KIND_OF_CODE: Readonly<Record<number, ErrorKind>> = {
  1: 'corrupt',
  3: 'denied',
  8: 'denied',
  11: 'corrupt',
  23: 'denied',
  24: 'corrupt',
  26: 'corrupt',
}

/** The primary result code of SQLite; undefined for other errors. */
function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('sqliteCode' in error)) return undefined
  return typeof error.sqliteCode === 'number' ? error.sqliteCode & 0xff : undefined
}

function isBusy(error: unknown): boolean {
  const code = codeOf(error)
  return code === BUSY || code === LOCKED || code === PROTOCOL
}

/** Errors of SQLite as LakeErrors; any other error as it is. */
function sqliteError(error: unknown, path: string): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  return new LakeError(KIND_OF_CODE[code] ?? 'unavailable', 'the catalog database could not do the request', {
    cause: error,
    context: { path, reason: errorText(error) },
  })
}

/** Linux's numbers of NFS, SMB (three of them), FUSE, 9P, Ceph, Lustre, AFS, GPFS and VirtualBox folders. */
const NETWORK_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x0bd00bd0, 0x5346414f,
  0x47504653, 0x786f4256,
])

async function isOnNetwork(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  const { type } = await statfs(folder)
  return NETWORK_FILE_SYSTEMS.has(type >>> 0)
}
