/** Rows of files, for `ingest`: Parquet as columns, JSON lines as objects. */
import { utf8Decode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { type ExactJson, isExactDouble, JsonNumber, parseJsonExact } from '../base/json.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { openParquet } from '../format/parquet/read.js'
import type { FileIO } from '../io/file-io.js'
import type { Field } from '../schema/types.js'
import type { InputRow } from './rows-in.js'

export interface FileRowsOptions {
  readonly signal?: AbortSignal | undefined
}

/** The rows of the files in turn. @throws not-found, corrupt, unsupported for another kind of file */
export async function* openFileRows(
  io: FileIO,
  locations: readonly string[],
  options: FileRowsOptions = {},
): AsyncGenerator<ColumnBatch | InputRow> {
  for (const location of locations) {
    if (isParquet(location)) yield* parquetRows(io, location, options)
    else if (/\.(jsonl|ndjson|json)$/i.test(location)) yield* jsonRows(io, location, options)
    else throw unknownKind(location)
  }
}

/** The columns of a file, to make a table from. @throws unsupported for files that do not carry their types */
export async function fieldsOfFile(
  io: FileIO,
  location: string,
  options: FileRowsOptions = {},
): Promise<readonly Field[]> {
  if (!isParquet(location)) {
    throw new LakeError('unsupported', 'a table can be made from a Parquet file only: create it first', {
      context: { location },
    })
  }
  return (await openParquet(io, location, options)).fields
}

function isParquet(location: string): boolean {
  return /\.parquet$/i.test(location)
}

function unknownKind(location: string): LakeError {
  return new LakeError('unsupported', 'files are taken in as .parquet or .jsonl', { context: { location } })
}

async function* parquetRows(
  io: FileIO,
  location: string,
  options: FileRowsOptions,
): AsyncGenerator<ColumnBatch> {
  const file = await openParquet(io, location, options)
  const columns = file.fields.map((_, index) => index)
  for await (const { batch } of file.read({ columns })) yield batch
}

async function* jsonRows(io: FileIO, location: string, options: FileRowsOptions): AsyncGenerator<InputRow> {
  const text = textOf(await io.read(location, options), location)
  let line = 0
  for (const lineText of text.split('\n')) {
    line += 1
    if (lineText.trim() === '') continue
    yield rowOf(lineText, { location, line })
  }
}

function textOf(bytes: Uint8Array, location: string): string {
  try {
    return utf8Decode(bytes)
  } catch (cause) {
    throw new LakeError('corrupt', 'a file of rows is not UTF-8', { cause, context: { location } })
  }
}

function rowOf(text: string, at: { readonly location: string; readonly line: number }): InputRow {
  let parsed: ExactJson
  try {
    parsed = parseJsonExact(text)
  } catch (cause) {
    throw new LakeError('corrupt', 'a line is not valid JSON', { cause, context: at })
  }
  const row = plain(parsed)
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    throw new LakeError('corrupt', 'a line is not a JSON object', { context: at })
  }
  return row as InputRow
}

/** Numbers that a double would change stay text: columns take their digits. */
function plain(value: ExactJson): unknown {
  if (value instanceof JsonNumber) return isExactDouble(value.text) ? Number(value.text) : value.text
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}
