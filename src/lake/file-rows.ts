/**
 * Rows of files, for `ingest`, in bounded memory. A file is known by its name; a `.gz` behind the name of a text file
 * changes nothing.
 *
 * | kind | names | columns |
 * |---|---|---|
 * | parquet | .parquet | typed |
 * | arrow | .arrow, .arrows, .feather, .ipc | typed; the file format and the stream format |
 * | jsonl | .jsonl, .ndjson, .json | an object a line |
 * | csv, tsv | .csv, .tsv | the header's, or those of the table in turn |
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { type ExactJson, parseJsonExact } from '../base/json.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { type CsvDialect, csvRecords } from '../format/csv-records.js'
import { openParquet } from '../format/parquet/read.js'
import { readChunks, textLines, textPieces } from '../format/text-lines.js'
import type { FileIO } from '../io/file-io.js'
import { assignFreshIds } from '../schema/schema.js'
import type { Field, Schema } from '../schema/types.js'
import { type FieldInference, inferFields, seenJson, seenText } from './infer-fields.js'
import type { RowsInput } from './input.js'
import { batchOfRows, type InputRow } from './rows-in.js'
import { isMembers, valueFromJsonText, valueFromText } from './text-values.js'

export type FileKind = 'parquet' | 'arrow' | 'jsonl' | 'csv' | 'tsv'

export interface CsvOptions extends CsvDialect {
  /** False: the first line is a row, and columns are those of the table in turn. Default true. */
  readonly header?: boolean | undefined
}

export interface FileRowsOptions {
  /** What the files are; default what their names say. */
  readonly kind?: FileKind | undefined
  readonly csv?: CsvOptions | undefined
  readonly signal?: AbortSignal | undefined
}

/** Rows that become one batch, and rows of text that types are told from. */
const BATCH_ROWS = 8192
const SAMPLE_ROWS = 10_000

const KIND_OF_ENDING: Readonly<Record<string, FileKind>> = {
  parquet: 'parquet',
  arrow: 'arrow',
  arrows: 'arrow',
  feather: 'arrow',
  ipc: 'arrow',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'jsonl',
  csv: 'csv',
  tsv: 'tsv',
}

/** What a file is, by its name; undefined when that does not tell. */
export function fileKind(location: string): FileKind | undefined {
  const name = location.slice(location.lastIndexOf('/') + 1).toLowerCase()
  const [, ending = '', packed] = /\.([a-z]+)(\.gz)?$/.exec(name) ?? []
  const kind = Object.hasOwn(KIND_OF_ENDING, ending) ? KIND_OF_ENDING[ending] : undefined
  const isTyped = kind === 'parquet' || kind === 'arrow'
  return packed !== undefined && isTyped ? undefined : kind
}

function kindOf(location: string, { kind }: FileRowsOptions): FileKind {
  const known = kind ?? fileKind(location)
  if (known !== undefined) return known
  throw new LakeError('unsupported', 'files of this name are not taken in: say what they are', {
    context: { location, kinds: ['parquet', 'arrow', 'jsonl', 'csv', 'tsv'] },
  })
}

/**
 * The rows of the files in turn, as columns of the schema.
 * @throws invalid-argument for a value that does not fit, naming the file, the row in it (from 0), of text the line, and the
 * column; not-found; corrupt; unsupported for another kind of file
 */
export async function* fileBatches(
  io: FileIO,
  locations: readonly string[],
  options: FileRowsOptions & { readonly schema: Schema },
): AsyncGenerator<ColumnBatch> {
  for (const location of locations) {
    try {
      yield* batchesOfFile(io, location, options)
    } catch (error) {
      throw isLakeError(error) && error.context.location === undefined && error.context.source === undefined
        ? new LakeError(error.kind, error.message, { cause: error, context: { location, ...error.context } })
        : error
    }
  }
}

async function* batchesOfFile(
  io: FileIO,
  location: string,
  options: FileRowsOptions & { readonly schema: Schema },
): AsyncGenerator<ColumnBatch> {
  const { schema } = options
  const { fields } = schema
  const kind = kindOf(location, options)
  if (kind === 'jsonl') yield* typedRows(fields, jsonRows(io, location, { ...options, fields }))
  else if (kind === 'csv' || kind === 'tsv')
    yield* typedRows(fields, csvRows(io, location, { ...options, fields, kind }))
  else {
    const { inputBatches } = await import('./input.js')
    const rows =
      kind === 'parquet' ? parquetBatches(io, location, options) : arrowBatches(io, location, options)
    yield* inputBatches(schema, rows)
  }
}

async function* parquetBatches(
  io: FileIO,
  location: string,
  options: FileRowsOptions,
): AsyncGenerator<ColumnBatch> {
  const file = await openParquet(io, location, options)
  const columns = file.fields.map((_, index) => index)
  for await (const { batch } of file.read({ columns })) yield batch
}

async function* arrowBatches(
  io: FileIO,
  location: string,
  options: FileRowsOptions,
): AsyncGenerator<RowsPart> {
  const { openIpc } = await import('../format/arrow.js')
  yield* (await openIpc(io, location, options)).batches
}

type RowsPart = RowsInput extends infer Input
  ? Input extends AsyncIterable<infer Part>
    ? Part
    : never
  : never

/** A row of a text file, and where it stands. */
interface TextRow {
  readonly row: InputRow
  readonly line: number
}

/** The rows as columns. @throws invalid-argument naming row, line and column */
async function* typedRows(
  fields: readonly Field[],
  rows: AsyncIterable<TextRow>,
): AsyncGenerator<ColumnBatch> {
  let firstRow = 0
  let pending: TextRow[] = []
  const flush = (): ColumnBatch => {
    const batch = batchOfTextRows(fields, pending, firstRow)
    firstRow += pending.length
    pending = []
    return batch
  }
  for await (const row of rows) {
    pending.push(row)
    if (pending.length >= BATCH_ROWS) yield flush()
  }
  if (pending.length > 0) yield flush()
}

function batchOfTextRows(fields: readonly Field[], rows: readonly TextRow[], firstRow: number): ColumnBatch {
  try {
    return batchOfRows(
      fields,
      rows.map(({ row }) => row),
      { firstRow },
    )
  } catch (error) {
    if (!isLakeError(error) || typeof error.context.row !== 'number') throw error
    const line = rows[error.context.row - firstRow]?.line ?? 0
    throw new LakeError(error.kind, error.message, { cause: error, context: { ...error.context, line } })
  }
}

interface TypedOptions extends FileRowsOptions {
  readonly fields: readonly Field[]
}

async function* jsonRows(io: FileIO, location: string, options: TypedOptions): AsyncGenerator<TextRow> {
  const types = new Map(options.fields.map(field => [field.name, field.type]))
  for await (const { members, line } of jsonObjects(io, location, options)) {
    const cells = members.map(([name, json]) => {
      const type = types.get(name)
      return [name, type === undefined ? json : valueFromJsonText(type, json)] as const
    })
    yield { row: Object.fromEntries(cells), line }
  }
}

interface JsonLine {
  readonly members: readonly (readonly [string, ExactJson])[]
  readonly line: number
}

async function* jsonObjects(
  io: FileIO,
  location: string,
  options: FileRowsOptions,
): AsyncGenerator<JsonLine> {
  for await (const { number: line, text } of textLines(readChunks(io, location, options), {
    source: location,
  })) {
    if (text.trim() === '') continue
    const at = { location, line }
    let json: ExactJson
    try {
      json = parseJsonExact(text)
    } catch (cause) {
      throw new LakeError('corrupt', 'a line is not valid JSON', { cause, context: at })
    }
    if (!isMembers(json)) throw new LakeError('corrupt', 'a line is not a JSON object', { context: at })
    yield { members: Object.entries(json), line }
  }
}

async function* csvRows(
  io: FileIO,
  location: string,
  options: TypedOptions & { readonly kind: 'csv' | 'tsv' },
): AsyncGenerator<TextRow> {
  const { fields } = options
  const types = new Map(fields.map(field => [field.name, field.type]))
  for await (const { names, values, line } of csvLines(io, location, {
    ...options,
    names: namesOf(fields),
  })) {
    const cells = names.map((name, at) => {
      const type = types.get(name)
      const text = values[at] ?? null
      return [name, type === undefined || text === null ? text : valueFromText(type, text)] as const
    })
    yield { row: Object.fromEntries(cells), line }
  }
}

function namesOf(fields: readonly Field[]): readonly string[] {
  return fields.map(field => field.name)
}

interface CsvLine {
  readonly names: readonly string[]
  readonly values: readonly (string | null)[]
  readonly line: number
}

/** The rows of a CSV file under the names of its header, or under those given. @throws invalid-argument, corrupt */
async function* csvLines(
  io: FileIO,
  location: string,
  options: FileRowsOptions & {
    readonly kind: 'csv' | 'tsv'
    /** For a file without a header; absent: `column_1` and so on. */
    readonly names?: readonly string[] | undefined
  },
): AsyncGenerator<CsvLine> {
  const { kind, csv = {} } = options
  const delimiter = csv.delimiter ?? (kind === 'tsv' ? '\t' : ',')
  const pieces = textPieces(readChunks(io, location, options), { source: location })
  let names: readonly string[] | undefined
  for await (const { fields, line } of csvRecords(pieces, {
    delimiter,
    nullText: csv.nullText,
    source: location,
  })) {
    if (names === undefined && csv.header !== false) {
      names = headerOf(fields, { location, line, nullText: csv.nullText ?? '' })
      continue
    }
    names ??= options.names ?? fields.map((_, at) => `column_${at + 1}`)
    if (fields.length !== names.length) {
      throw new LakeError(
        'invalid-argument',
        'a line of CSV has another number of fields than there are columns',
        {
          context: { location, line, fields: fields.length, columns: names.length },
        },
      )
    }
    yield { names, values: fields, line }
  }
}

function headerOf(
  fields: readonly (string | null)[],
  at: { readonly location: string; readonly line: number; readonly nullText: string },
): readonly string[] {
  const names = fields.map(field => field ?? at.nullText)
  const wrong = names.find((name, index) => name === '' || names.indexOf(name) !== index)
  if (wrong === undefined) return names
  throw new LakeError('invalid-argument', 'the header of CSV has a column twice or without a name', {
    context: { location: at.location, line: at.line, column: wrong },
  })
}

/**
 * The files that the locations name: a location whose name is no file's is a folder, and stands for the files of known
 * kinds in it, in the order of their names; those whose names, or whose folders' names, begin with a dot or an underscore are hidden.
 * @throws not-found when there is neither
 */
export async function filesAt(
  io: FileIO,
  locations: readonly string[],
  options: FileRowsOptions = {},
): Promise<readonly string[]> {
  const files: string[] = []
  for (const location of locations) {
    if (fileKind(location) !== undefined) files.push(location)
    else files.push(...(await filesIn(io, location, options)))
  }
  return files
}

async function filesIn(io: FileIO, location: string, options: FileRowsOptions): Promise<readonly string[]> {
  const { kind, signal } = options
  const folder = `${location.replace(/\/+$/, '')}/`
  const found: string[] = []
  for await (const file of io.list(folder, { signal })) {
    const isHidden = /(^|\/)[._]/.test(file.location.slice(folder.length))
    if (!isHidden && (kind ?? fileKind(file.location)) !== undefined) found.push(file.location)
  }
  if (found.length > 0) return found.sort()
  // A file whose name does not tell what it is, or nothing at all.
  await io.stat(location, { signal })
  return [location]
}

/**
 * The columns of files, to make a table from: those of the first file that carries types, else told from the first
 * rows of the files.
 * @throws as `fileBatches`; invalid-argument when there are no columns, or JSON values of one column differ in type
 */
export async function fieldsOfFiles(
  io: FileIO,
  locations: readonly string[],
  options: FileRowsOptions = {},
): Promise<readonly Field[]> {
  const [first = ''] = locations
  const kind = kindOf(first, options)
  if (kind === 'parquet') return freshIds((await openParquet(io, first, options)).fields)
  if (kind === 'arrow') {
    const { openIpc } = await import('../format/arrow.js')
    const { fields, batches } = await openIpc(io, first, options)
    await batches.return(undefined)
    return freshIds(fields)
  }
  const inference = inferFields(kind === 'jsonl' ? 'refuse' : 'string')
  let rows = 0
  for (const location of locations) {
    for await (const cells of cellsSeen(io, location, options)) {
      addSeen(inference, cells, location)
      if (++rows >= SAMPLE_ROWS) return inference.finish()
    }
  }
  return inference.finish()
}

function freshIds(fields: readonly Field[]): readonly Field[] {
  return assignFreshIds(fields, { nextId: 1 }).fields
}

type Cells = Parameters<FieldInference['add']>[0]

function addSeen(inference: FieldInference, cells: Cells, location: string): void {
  try {
    inference.add(cells)
  } catch (error) {
    if (!isLakeError(error)) throw error
    throw new LakeError(error.kind, error.message, { cause: error, context: { location, ...error.context } })
  }
}

async function* cellsSeen(io: FileIO, location: string, options: FileRowsOptions): AsyncGenerator<Cells> {
  const kind = kindOf(location, options)
  if (kind === 'jsonl') {
    for await (const { members } of jsonObjects(io, location, options))
      yield members.map(([name, json]) => [name, seenJson(json)] as const)
  } else if (kind === 'csv' || kind === 'tsv') {
    for await (const { names, values } of csvLines(io, location, { ...options, kind }))
      yield names.map((name, at) => [name, seenText(values[at] ?? null)] as const)
  } else {
    throw new LakeError('invalid-argument', 'files with types and files without make no table together', {
      context: { location },
    })
  }
}
