/**
 * CSV files of DMS as chunks: those of one table, and those of transactions, which hold lines of all tables in commit
 * order.
 *
 *   table          [Op,] [time,] field, ... [sequence]
 *   transactions   op, table, schema, field, ...
 */
import { LakeError } from '../../base/errors.js'
import { type CsvDialect, csvRecords } from '../../format/csv-records.js'
import { readChunks, type TextLine, textLines, textPieces } from '../../format/text-lines.js'
import type { FileIO } from '../../io/file-io.js'
import type { SourceColumn, SourceTable } from '../change-event.js'
import type { DmsChunk } from './chunk.js'
import type { DmsFile } from './files.js'
import { type DmsLayout, isHeader, type LayoutOptions, namedLayout, positionalLayout } from './layout.js'
import { type ChunkBuilder, createChunkBuilder, type TextRecord } from './rows.js'
import { type DmsSettings, NULL_TEXT } from './settings.js'

/** Rows of a chunk. */
const CHUNK_ROWS = 8192
/** Characters after which a chunk ends before. */
const CHUNK_CHARS = 2 ** 24
/** Records that the layout of a file is told from. */
const SAMPLE_RECORDS = 256

export interface CsvOptions extends LayoutOptions {
  readonly io: FileIO
  readonly signal?: AbortSignal | undefined
}

/** @throws corrupt, invalid-argument for a layout that cannot be told; not-found, unavailable */
export async function* readCsvFile(options: CsvOptions): AsyncGenerator<DmsChunk> {
  let sample: TextRecord[] | undefined = []
  let builder: ChunkBuilder | undefined
  let fileRow = 0
  const begin = (records: readonly TextRecord[]): ChunkBuilder => {
    const { layout, hasHeader } = layoutOf(records, options)
    const made = createChunkBuilder({
      table: options.source,
      layout,
      location: options.file.location,
      noSuppText: options.settings.noSuppText,
    })
    for (const record of hasHeader ? records.slice(1) : records) made.add(record, ++fileRow)
    return made
  }
  for await (const record of recordsOf(options)) {
    if (builder !== undefined) {
      builder.add(record, ++fileRow)
      if (builder.length >= CHUNK_ROWS || builder.sizeChars >= CHUNK_CHARS) yield builder.flush()
      continue
    }
    sample?.push(record)
    if (sample === undefined || sample.length < SAMPLE_RECORDS) continue
    builder = begin(sample)
    sample = undefined
  }
  if (sample !== undefined && sample.length > 0) builder = begin(sample)
  if (builder !== undefined && builder.length > 0) yield builder.flush()
}

function layoutOf(
  records: readonly TextRecord[],
  options: CsvOptions,
): { readonly layout: DmsLayout; readonly hasHeader: boolean } {
  const sample = records.map(({ fields }) => fields)
  const [first = []] = sample
  if (!isHeader(first, options)) return { layout: positionalLayout(sample, options), hasHeader: false }
  // A column may have the name of the null text.
  const names = first.map(name => name ?? options.settings.nullText ?? NULL_TEXT)
  return { layout: namedLayout(names, options), hasHeader: true }
}

function recordsOf(
  options: Pick<CsvOptions, 'io' | 'file' | 'settings' | 'signal'>,
): AsyncIterable<TextRecord> {
  const { io, file, settings, signal } = options
  const { delimiter, nullText = NULL_TEXT, quotes } = settings
  const source = file.location
  const chunks = readChunks(io, source, { signal })
  if (quotes === false) return unquotedRecords(textLines(chunks, { source }), { delimiter, nullText })
  return csvRecords(textPieces(chunks, { source }), { delimiter, nullText, source })
}

/** Lines where quotes stand for themselves. */
async function* unquotedRecords(
  lines: AsyncIterable<TextLine>,
  { delimiter = ',', nullText }: CsvDialect,
): AsyncGenerator<TextRecord> {
  for await (const { number, text } of lines) {
    yield { fields: text.split(delimiter).map(field => (field === nullText ? null : field)), line: number }
  }
}

export interface TransactionsOptions {
  readonly io: FileIO
  readonly file: DmsFile
  readonly settings: DmsSettings
  readonly signal?: AbortSignal | undefined
  /** Where to stop, from 1. */
  readonly lastRow: number | undefined
  /** Finds the table that a line names: its columns, and the first row of the file that it does not hold yet; undefined to pass over it. */
  readonly tableOf: (schema: string, name: string) => Promise<TransactionTable | undefined>
}

export interface TransactionTable {
  readonly source: SourceTable
  readonly known: readonly SourceColumn[] | undefined
  readonly firstRow: number
}

/** Rows of a file of transactions: the chunks of some rows of it, each of another table. */
export interface TransactionRows {
  readonly chunks: readonly DmsChunk[]
  /** The last of these rows in the file, from 1. */
  readonly fileRow: number
  readonly line: number
}

/** @throws corrupt for lines that name no table; invalid-argument for a table whose columns nothing says */
export async function* readTransactionsFile(options: TransactionsOptions): AsyncGenerator<TransactionRows> {
  const { file } = options
  const tables = new Map<string, OpenTable | undefined>()
  let length = 0
  let fileRow = 0
  let line = 0
  const flush = (): TransactionRows => {
    const chunks: DmsChunk[] = []
    for (const open of tables.values()) {
      if (open !== undefined && open.builder.length > 0) chunks.push(open.builder.flush())
    }
    length = 0
    return { chunks, fileRow, line }
  }
  for await (const record of recordsOf(options)) {
    if (fileRow >= (options.lastRow ?? Number.POSITIVE_INFINITY)) break
    fileRow += 1
    line = record.line
    const [, name, schema] = record.fields
    if (typeof name !== 'string' || typeof schema !== 'string') throw noTable(file, line)
    const key = `${schema}\u0000${name}`
    let open = tables.get(key)
    if (open === undefined && !tables.has(key)) {
      open = openTable(await options.tableOf(schema, name), record, options)
      tables.set(key, open)
    }
    if (open !== undefined && fileRow >= open.firstRow) open.builder.add(record, fileRow)
    length += 1
    if (length >= CHUNK_ROWS || (open?.builder.sizeChars ?? 0) >= CHUNK_CHARS) yield flush()
  }
  if (length > 0) yield flush()
}

interface OpenTable {
  readonly builder: ChunkBuilder
  readonly firstRow: number
}

function openTable(
  table: TransactionTable | undefined,
  { fields: all }: TextRecord,
  { file, settings }: TransactionsOptions,
): OpenTable | undefined {
  if (table === undefined) return undefined
  const { source, known, firstRow } = table
  const [op = null, , , ...fields] = all
  // In front of its fields each line has the operation and the table, and nothing else beside them.
  const plain: DmsSettings = { op: 'always' }
  const within = positionalLayout([[op, ...fields]], { file, source, known, settings: plain })
  const places = within.rows.places.map(place => place + PLACES_OF_TABLE)
  const layout = { ...within, width: within.width + PLACES_OF_TABLE, rows: { ...within.rows, places } }
  const { location } = file
  const builder = createChunkBuilder({ table: source, layout, location, noSuppText: settings.noSuppText })
  return { builder, firstRow }
}

/** Table and schema. */
const PLACES_OF_TABLE = 2

function noTable({ location }: DmsFile, line: number): LakeError {
  return new LakeError('corrupt', 'a line of a file of transactions does not name its table', {
    context: { location, line },
  })
}
