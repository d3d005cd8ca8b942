/**
 * The source of a merge, in memory: rows in any form, or files. Unlike the rows of an append, they may have columns that
 * the table lacks.
 *
 * | rows | type of a column |
 * |---|---|
 * | Arrow, column batches, Parquet and Arrow files | its own |
 * | objects, JSON lines, CSV | that of the table's column of its name, else told from the values |
 *
 * Values that carry no type are read as those of the table, as everywhere: dates, decimals and uuids are texts there.
 */
import type { ColumnBatch } from '../batch/column-batch.js'
import { concatBatches } from '../batch/take.js'
import { isArrow } from '../format/arrow-kinds.js'
import type { FileIO } from '../io/file-io.js'
import { assignFreshIds } from '../schema/schema.js'
import type { Field, Schema } from '../schema/types.js'
import { type FileRowsOptions, fieldsOfFiles, fileBatches, fileKind, filesAt } from './file-rows.js'
import { fieldsOfRows } from './infer-fields.js'
import { type Columns, collectBatch, isColumns, partsOf, type RowsInput } from './input.js'
import type { InputRow } from './rows-in.js'

/** Files whose rows are merged, and how they are read. */
export interface MergeFiles extends Omit<FileRowsOptions, 'signal'> {
  /** Locations of files, and of folders of them. */
  readonly files: readonly string[]
}

export type MergeSource = RowsInput | MergeFiles

/**
 * The rows as one batch, whose fields have ids of their own.
 * @throws invalid-argument for a value that does not fit its column, naming row and column; as `fileBatches`
 */
export async function readMergeSource(
  io: FileIO,
  source: MergeSource,
  table: { readonly schema: Schema; readonly signal?: AbortSignal | undefined },
): Promise<ColumnBatch> {
  const { schema, signal } = table
  return isFiles(source) ? batchOfFiles(io, { ...source, signal }, schema) : batchOfParts(source, schema)
}

function isFiles(source: MergeSource): source is MergeFiles {
  return typeof source === 'object' && source !== null && 'files' in source && Array.isArray(source.files)
}

async function batchOfFiles(
  io: FileIO,
  options: MergeFiles & FileRowsOptions,
  table: Schema,
): Promise<ColumnBatch> {
  const locations = await filesAt(io, options.files, options)
  const fields = await columnsOfFiles(io, locations, options, table)
  const schema = sourceSchema(table, fields)
  const batches: ColumnBatch[] = []
  for await (const batch of fileBatches(io, locations, { ...options, schema })) batches.push(batch)
  return concatBatches(schema.fields, batches)
}

async function columnsOfFiles(
  io: FileIO,
  locations: readonly string[],
  options: FileRowsOptions,
  { fields }: Schema,
): Promise<readonly Field[]> {
  if (await areEmpty(io, locations, options)) return fields
  const given = await fieldsOfFiles(io, locations, options)
  const kind = options.kind ?? fileKind(locations[0] ?? '')
  return kind === 'parquet' || kind === 'arrow' ? given : given.map(field => typedAsTable(field, fields))
}

/** A feed without rows is one. */
async function areEmpty(
  io: FileIO,
  locations: readonly string[],
  { signal }: FileRowsOptions,
): Promise<boolean> {
  for (const location of locations) if ((await io.stat(location, { signal })).sizeBytes > 0) return false
  return true
}

async function batchOfParts(rows: RowsInput, table: Schema): Promise<ColumnBatch> {
  const parts: unknown[] = []
  for await (const part of partsOf(rows)) parts.push(part)
  const columns = parts.find(isColumns)
  const fields = columns === undefined ? fieldsOfObjects(parts, table) : await fieldsOfColumns(columns)
  // What is no row is refused where rows are read.
  return collectBatch(sourceSchema(table, fields), parts as Iterable<InputRow>)
}

async function fieldsOfColumns(columns: Columns): Promise<readonly Field[]> {
  if (!isArrow(columns)) return columns.fields
  const { fieldsFromArrow } = await import('../format/arrow.js')
  return fieldsFromArrow(columns.schema)
}

/** The columns of objects, in the order in which they come. */
function fieldsOfObjects(parts: readonly unknown[], { fields }: Schema): readonly Field[] {
  const rows = parts.filter(
    (part): part is InputRow => typeof part === 'object' && part !== null && !(Symbol.iterator in part),
  )
  if (rows.length === 0) return fields
  const names = new Set(rows.flatMap(row => Object.keys(row)))
  const known = fields.filter(({ name }) => names.has(name))
  const isStranger = (name: string): boolean => !known.some(field => field.name === name)
  if (![...names].some(isStranger)) return known
  const others = rows.map(row => Object.fromEntries(Object.entries(row).filter(([name]) => isStranger(name))))
  return [...known, ...fieldsOfRows(others)]
}

function typedAsTable(field: Field, table: readonly Field[]): Field {
  return { ...field, type: table.find(({ name }) => name === field.name)?.type ?? field.type }
}

/** Optional columns without defaults: a value that is not given is null. */
function sourceSchema(table: Schema, fields: readonly Field[]): Schema {
  const plain = fields.map(({ id, name, type }): Field => ({ id, name, required: false, type }))
  return { ...table, identifierFieldIds: [], fields: assignFreshIds(plain, { nextId: 1 }).fields }
}
