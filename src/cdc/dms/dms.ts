/**
 * AWS DMS: files of an S3 target, on S3 or in any folder.
 *
 *   list -> plan a table (ledger) -> read each file in order -> chunks of columns -> rows to take in -> batches
 *
 * Tables are independent of each other: a transaction is a file of one table, or a part of it, and its files come in
 * the order of their times. Files of transactions (`CDC_TXN-`) hold the changes of all tables in commit order.
 *
 * An update carries the new key only. With before-image columns the old key comes from there; without them a row whose
 * key changed stays, and nothing in the feed tells so. No file tells a TRUNCATE: DMS deletes the table's files.
 */
import { checkSignal, LakeError } from '../../base/errors.js'
import type { FileIO } from '../../io/file-io.js'
import {
  blockBytes,
  type ChangeBlock,
  type FeedBatch,
  type FeedMark,
  type FeedTransaction,
  NO_ROWS,
  TRUNCATE,
  UPDATE,
} from '../change-block.js'
import type { FeedContext, SourceColumn, SourceTable } from '../change-event.js'
import type { FeedPosition } from '../feed-position.js'
import { EMPTY_LEDGER, type ObjectLedger, withLoads, withObject } from '../object-ledger.js'
import { printSource, sourceColumnsOf } from '../source-tables.js'
import { admitChunk } from './admit.js'
import type { DmsChunk } from './chunk.js'
import { readCsvFile, readTransactionsFile } from './csv.js'
import {
  compareFiles,
  type DmsFile,
  type DmsListing,
  type DmsTableFiles,
  listDmsFiles,
  sourceTableOf,
} from './files.js'
import { momentOf } from './names.js'
import { readParquetFile } from './parquet.js'
import { checkTransactions, type DmsTable, type PlannedFile, planTable, type TablePlan } from './plan.js'
import { type FilePosition, placeOf, type TableName } from './position.js'
import type { DmsSettings } from './settings.js'

/** Folders, prefixes or files that DMS writes. */
export interface DmsFeed {
  readonly io: FileIO
  readonly locations: readonly string[]
  readonly settings?: DmsSettings | undefined
}

export interface DmsOptions {
  /** Changes after which a batch ends, at the end of their transaction. */
  readonly rowsMax: number
  readonly signal?: AbortSignal | undefined
}

/** Rows after which a transaction ends inside of a file. */
const TRANSACTION_ROWS = 50_000
/** The same in bytes, and bytes after which a batch ends. */
const TRANSACTION_BYTES = 2 ** 26

/**
 * The changes of the files, in batches, behind what the tables hold.
 * @throws not-found when there is no file; conflict for files that came late, changed or are gone; invalid-argument for
 * columns that nothing says; corrupt; unavailable
 */
export async function* readDms(
  feed: DmsFeed,
  context: FeedContext,
  options: DmsOptions,
): AsyncGenerator<FeedBatch, void, undefined> {
  const { signal, rowsMax } = options
  const run: Run = {
    feed,
    settings: feed.settings ?? {},
    context,
    until: untilOf(context.until),
    signal,
    isWarned: false,
  }
  const { settings } = run
  const { onIgnored } = context
  const listing = await listDmsFiles(feed.io, feed.locations, { settings, onIgnored, signal })
  let batch = newBatch()
  for await (const transaction of transactionsOf(listing, run)) {
    checkSignal(signal)
    addTransaction(batch, transaction)
    if (batch.events < rowsMax && batch.sizeBytes < TRANSACTION_BYTES) continue
    yield batch
    batch = newBatch()
  }
  if (batch.transactions.length > 0) yield batch
}

interface Run {
  readonly feed: DmsFeed
  readonly settings: DmsSettings
  readonly context: FeedContext
  readonly until: FilePosition | undefined
  readonly signal: AbortSignal | undefined
  /** That key updates cannot be told was said. */
  isWarned: boolean
}

function untilOf(until: FeedPosition | undefined): FilePosition | undefined {
  if (until === undefined || until.kind === 'file') return until
  throw new LakeError('invalid-argument', 'files of DMS have no such position: name a file or a sequence', {
    context: { kind: until.kind },
  })
}

/** A transaction as it is put together. */
interface DmsTransaction {
  readonly position: FilePosition
  readonly chunks: readonly DmsChunk[]
  readonly lastLine: number
  /** Empties the table first. */
  readonly truncates?: SourceTable | undefined
}

interface OpenBatch extends FeedBatch {
  readonly transactions: FeedTransaction[]
  readonly blocks: ChangeBlock[]
  readonly marks: FeedMark[]
  events: number
  sizeBytes: number
}

function newBatch(): OpenBatch {
  return { transactions: [], blocks: [], marks: [], events: 0, sizeBytes: 0 }
}

function addTransaction(batch: OpenBatch, { position, chunks, lastLine, truncates }: DmsTransaction): void {
  const transaction = batch.transactions.length
  let events = 0
  if (truncates !== undefined) {
    batch.blocks.push(truncateBlock(truncates, transaction))
    events += 1
  }
  let committedMs: number | undefined
  for (const chunk of chunks) {
    for (const { line, error, raw } of chunk.poison) {
      const event = { kind: 'poison' as const, table: chunk.table, line, error, raw }
      batch.marks.push({ event, transaction, block: batch.blocks.length })
    }
    if (chunk.kinds.length > 0) batch.blocks.push(blockOf(chunk, transaction))
    batch.sizeBytes += bytesOf(chunk)
    events += chunk.kinds.length + chunk.poison.length
    committedMs = chunk.committedMs ?? committedMs
  }
  batch.transactions.push({ position, lastLine, events, committedMs })
  batch.events += events
}

/** The changes of a chunk. */
function blockOf({ table, kinds, lines, rows, old }: DmsChunk, transaction: number): ChangeBlock {
  const { length } = kinds
  const oldRows = new Int32Array(length).fill(-1)
  if (old.columns.length > 0)
    for (let row = 0; row < length; row++) if (kinds[row] === UPDATE) oldRows[row] = row
  return {
    table,
    keyColumns: [],
    isWhole: true,
    kinds,
    lines,
    transactions: new Uint32Array(length).fill(transaction),
    rows,
    old,
    oldRows,
  }
}

/** Memory behind a chunk, about. */
function bytesOf({ table, kinds, lines, rows, old }: DmsChunk): number {
  const nothing = { transactions: new Uint32Array(0), oldRows: new Int32Array(0) }
  return blockBytes({ table, keyColumns: [], isWhole: true, kinds, lines, rows, old, ...nothing })
}

function truncateBlock(table: SourceTable, transaction: number): ChangeBlock {
  return {
    table,
    keyColumns: [],
    isWhole: false,
    kinds: Uint8Array.of(TRUNCATE),
    lines: Float64Array.of(1),
    transactions: Uint32Array.of(transaction),
    rows: NO_ROWS,
    old: NO_ROWS,
    oldRows: Int32Array.of(-1),
  }
}

/** The transactions of all tables: what was begun or came late, then the full loads, then changes by their time. */
async function* transactionsOf(listing: DmsListing, run: Run): AsyncGenerator<DmsTransaction> {
  const plans: TablePlan[] = []
  for (const table of listing.tables) plans.push(await planOf(table, listing, run))
  const next = plans.flatMap(plan => plan.next).filter(({ file }) => isFileWanted(file, run.until))
  next.sort((a, b) => compareFiles(a.file, b.file))
  for (const planned of [...plans.flatMap(plan => plan.first), ...next]) yield* readPlanned(planned, run)
  if (listing.transactions.length > 0) yield* readAllTransactions(listing, plans, run)
}

function isFileWanted(file: DmsFile, until: FilePosition | undefined): boolean {
  if (until === undefined || until.name === '') return true
  return momentOf(file.place) <= momentOf(placeOf(until.name))
}

async function planOf({ source, files }: DmsTableFiles, listing: DmsListing, run: Run): Promise<TablePlan> {
  const { context, settings } = run
  const reached = await context.standsAt?.(source)
  if (reached !== undefined && reached.kind !== 'file') {
    throw new LakeError('invalid-argument', 'the table stands at a position of another feed', {
      context: { table: printSource(source), kind: reached.kind },
    })
  }
  const { transactions } = listing
  const known = await columnsOf(source, context)
  const options = { source, known, reached, settings, transactions, onIgnored: context.onIgnored }
  if (transactions.length > 0) checkTransactions([...files, ...transactions], options)
  return planTable(files, options)
}

async function columnsOf(
  source: SourceTable,
  context: FeedContext,
): Promise<readonly SourceColumn[] | undefined> {
  const declared = context.typesOf(source)
  return declared === undefined ? await context.columnsOf?.(source) : sourceColumnsOf(declared, source)
}

/** A file, in transactions of some rows. */
async function* readPlanned(planned: PlannedFile, run: Run): AsyncGenerator<DmsTransaction> {
  const { file, table, truncatesFirst, isLate } = planned
  if (table.isEnded) return
  table.ledger = withObject(table.ledger, file)
  if (!isLate) table.name = file.name
  let chunks: DmsChunk[] = []
  let rows = 0
  let sizeBytes = 0
  let lastRow = 0
  let truncates = truncatesFirst ? table.source : undefined
  const end = (row: number | undefined): DmsTransaction => {
    const ended = { position: positionIn(planned, row), chunks, lastLine: lastRow, truncates }
    chunks = []
    rows = 0
    sizeBytes = 0
    truncates = undefined
    return ended
  }
  for await (const chunk of chunksOf(planned, run)) {
    if (rows >= TRANSACTION_ROWS || sizeBytes >= TRANSACTION_BYTES) yield end(lastRow)
    const { admitted, cutAt } = admitChunk(chunk, planned, { ...run, onIgnored: run.context.onIgnored })
    lastRow = cutAt ?? lastRowOf(chunk)
    warnOfKeys(admitted, run)
    const count = admitted.kinds.length + admitted.poison.length
    if (count > 0) chunks.push(admitted)
    rows += count
    sizeBytes += bytesOf(admitted)
    if (cutAt === undefined) continue
    table.isEnded = true
    if (rows > 0) yield end(lastRow)
    return
  }
  if (rows > 0 || truncates !== undefined) yield end(undefined)
}

function chunksOf({ file, table }: PlannedFile, { feed, settings, signal }: Run): AsyncIterable<DmsChunk> {
  const options = { io: feed.io, file, source: table.source, known: table.known, settings, signal }
  return file.format === 'parquet' ? readParquetFile(options) : readCsvFile(options)
}

function lastRowOf({ fileRows, poison }: DmsChunk): number {
  return Math.max(fileRows.at(-1) ?? 0, poison.at(-1)?.fileRow ?? 0)
}

function positionIn({ file, table, isLate }: PlannedFile, row: number | undefined): FilePosition {
  const { ledger, sequence } = table
  const inside = row === undefined ? {} : { row }
  const at = sequence === undefined ? {} : { sequence }
  const base = { kind: 'file' as const, name: table.name, ledgerOf: () => ledger, ...at, ...inside }
  if (!isLate) return base
  return { ...base, isBehind: true, ...(row === undefined ? {} : { late: file.name }) }
}

function warnOfKeys({ kinds, old, table }: DmsChunk, run: Run): void {
  if (run.isWarned || old.columns.length > 0 || !kinds.includes(UPDATE)) return
  run.isWarned = true
  run.context.onWarning?.(
    `updates of ${printSource(table)} come without before-image columns: where a key changes, the row of the old key stays`,
  )
}

/** The files that hold the changes of all tables. */
async function* readAllTransactions(
  listing: DmsListing,
  plans: readonly TablePlan[],
  run: Run,
): AsyncGenerator<DmsTransaction> {
  const isSequence = (at: FilePosition | undefined): boolean => at?.name === '' && at.sequence !== undefined
  if (isSequence(run.until) || plans.some(({ table }) => isSequence(table.reached))) {
    throw new LakeError('invalid-argument', 'files of transactions have no sequences: name a file instead')
  }
  const tables = new Map(plans.map(({ table }) => [keyOf(table.source), table]))
  const loads = new Map(listing.tables.map(({ source, files }) => [keyOf(source), files]))
  let shared: ObjectLedger = EMPTY_LEDGER
  for (const file of listing.transactions) {
    shared = withObject(shared, file)
    if (!isFileWanted(file, run.until)) return
    const ledger = shared
    const ledgerOf = (source: TableName): ObjectLedger => withLoads(ledger, loads.get(keyOf(source)) ?? [])
    yield* readTransactions(file, { tables, ledgerOf, listing }, run)
  }
}

function keyOf({ schema, database, name }: TableName): string {
  return `${database ?? schema}\u0000${name}`
}

interface TransactionsState {
  readonly tables: Map<string, DmsTable>
  readonly ledgerOf: (source: TableName) => ObjectLedger
  readonly listing: DmsListing
}

async function* readTransactions(
  file: DmsFile,
  { tables, ledgerOf, listing }: TransactionsState,
  run: Run,
): AsyncGenerator<DmsTransaction> {
  const { feed, settings, signal } = run
  const tableOf = async (source: SourceTable): Promise<DmsTable> => {
    const found = tables.get(keyOf(source))
    if (found !== undefined) return found
    const { table } = await planOf({ source, files: [] }, listing, run)
    tables.set(keyOf(source), table)
    return table
  }
  const lastRow = run.until?.name === file.name ? run.until.row : undefined
  const rows = readTransactionsFile({
    io: feed.io,
    file,
    settings,
    signal,
    lastRow,
    tableOf: async (schema, name) => {
      const { source, known, reached } = await tableOf(sourceTableOf(schema, name, settings))
      const firstRow = firstRowOf(file, reached)
      return firstRow === undefined ? undefined : { source, known, firstRow }
    },
  })
  let chunks: DmsChunk[] = []
  let count = 0
  let sizeBytes = 0
  let last = { fileRow: 0, line: 0 }
  const end = (row: number | undefined): DmsTransaction => {
    const at = row === undefined ? {} : { row }
    const position: FilePosition = { kind: 'file', name: file.name, ledgerOf, ...at }
    const ended = { position, chunks, lastLine: last.line }
    chunks = []
    count = 0
    sizeBytes = 0
    return ended
  }
  for await (const part of rows) {
    if (count >= TRANSACTION_ROWS || sizeBytes >= TRANSACTION_BYTES) yield end(last.fileRow)
    last = part
    for (const chunk of part.chunks) {
      warnOfKeys(chunk, run)
      chunks.push(chunk)
      count += chunk.kinds.length + chunk.poison.length
      sizeBytes += bytesOf(chunk)
    }
  }
  if (count > 0) yield end(lastRow)
}

/** The first row of a file that a table does not hold; undefined when it holds all. */
function firstRowOf(file: DmsFile, reached: FilePosition | undefined): number | undefined {
  if (reached === undefined) return 1
  const place = placeOf(reached.name)
  if (place < file.place) return 1
  return place > file.place || reached.row === undefined ? undefined : reached.row + 1
}
