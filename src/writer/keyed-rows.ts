/**
 * The data files of a keyed write. They are written once and kept across attempts for as long as what they were
 * made from is the same on the new base: the schema, the current rows that patched cells come from, and (v3) the
 * ids of the rows that they replace. Otherwise they are written again, never published with stale values or ids.
 */
import { createBitmap, setBit } from '../batch/bitmap.js'
import type { ColumnBatch, Vector } from '../batch/column-batch.js'
import { buildKeyTable } from '../batch/row-hash.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema, defaultSpec } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { DeleteCache } from '../reader/delete-cache.js'
import { ROW_ID_FIELD } from '../schema/reserved-fields.js'
import type { Schema } from '../schema/types.js'
import { arrangeColumns } from './conform-rows.js'
import { fetchRows } from './fetch-rows.js'
import type { FileNaming } from './file-location.js'
import { type KeyLocations, NO_ROW_ID } from './key-locations.js'
import type { KeyedChanges } from './keyed-changes.js'
import { columnOf } from './partitioner.js'
import { patchedFields, patchRows } from './patch-rows.js'
import { openSortedWriter } from './sorted-writer.js'

/** Data files and what they were made from. */
export interface WrittenRows {
  readonly files: readonly DataFile[]
  readonly sources: RowSources
}

export interface RowSources {
  readonly schemaId: number
  readonly specId: number
  /** Places of the current rows that cells are patched from. */
  readonly patched: readonly string[]
  /** v3: for each row the id of the row it replaces, or `NO_ROW_ID`. */
  readonly rowIds: BigInt64Array | undefined
}

/** What a base says about the rows to write. */
export interface ResolvedRows {
  readonly changes: KeyedChanges
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly locations: KeyLocations
  /** Match of each key, or -1. */
  readonly matchOfKey: Int32Array
  /** Key of each row, or -1 for a row whose key is not among those that go away. */
  readonly keyOfRow: Int32Array
}

/** For each row to insert the key among those that go away, or -1. */
export function keysOfRows(changes: KeyedChanges): Int32Array {
  const { rows, keys } = changes
  if (keys.length === 0) return new Int32Array(rows.length).fill(-1)
  const columns = changes.keyFieldIds.map(id => columnOf(id, rows)?.vector)
  return buildKeyTable(
    keys.columns,
    keys.fields.map(field => field.type),
  ).find(columns.filter(column => column !== undefined))
}

export function rowSources(resolved: ResolvedRows): RowSources {
  const { metadata, schema, locations, matchOfKey, changes } = resolved
  const patched: string[] = []
  for (const key of changes.patches?.keyRows ?? []) {
    const match = matchOfKey[key] as number
    const task = locations.tasks[locations.taskIndexes[match] as number]
    patched.push(task === undefined ? '' : `${locations.positions[match]} ${task.entry.file.location}`)
  }
  const rowIds = metadata.formatVersion >= 3 ? replacedRowIds(resolved) : undefined
  return { schemaId: schema.schemaId, specId: metadata.defaultSpecId, patched, rowIds }
}

export function sameSources(a: RowSources, b: RowSources): boolean {
  return (
    a.schemaId === b.schemaId &&
    a.specId === b.specId &&
    a.patched.length === b.patched.length &&
    a.patched.every((place, index) => place === b.patched[index]) &&
    a.rowIds?.length === b.rowIds?.length &&
    (a.rowIds ?? []).every((id, row) => id === b.rowIds?.[row])
  )
}

function replacedRowIds({ locations, matchOfKey, keyOfRow }: ResolvedRows): BigInt64Array {
  const ids = new BigInt64Array(keyOfRow.length).fill(NO_ROW_ID)
  for (let row = 0; row < ids.length; row++) {
    const key = keyOfRow[row] as number
    const match = key < 0 ? -1 : (matchOfKey[key] as number)
    if (match >= 0) ids[row] = locations.rowIds?.[match] ?? NO_ROW_ID
  }
  return ids
}

/**
 * Writes the rows. When it throws, it has deleted what it wrote.
 * @throws invalid-argument when a required column is null; as reading and writing do
 */
export async function writeRows(
  io: FileIO,
  resolved: ResolvedRows,
  options: {
    readonly naming: FileNaming
    readonly sources: RowSources
    readonly deleteCache?: DeleteCache | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<readonly DataFile[]> {
  const { metadata, schema, changes } = resolved
  if (changes.rows.length === 0) return []
  const rows = await patchedRows(io, resolved, options)
  const rowIds = rowIdVector(options.sources.rowIds)
  const writer = openSortedWriter({
    io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming: options.naming,
    lineageFields: rowIds === undefined ? undefined : [ROW_ID_FIELD],
    signal: options.signal,
  })
  try {
    await writer.write(rowIds === undefined ? rows : withRowIds(rows, rowIds))
    return await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Without columns that were dropped since the rows were made, as an append's files hold them and nobody reads them. */
function withoutDropped(rows: ColumnBatch, metadata: TableMetadata): ColumnBatch {
  const now = new Set(currentSchema(metadata).fields.map(field => field.id))
  const once = new Set(metadata.schemas.flatMap(schema => schema.fields.map(field => field.id)))
  const kept = rows.fields.map(({ id }) => now.has(id) || !once.has(id))
  if (!kept.includes(false)) return rows
  return {
    length: rows.length,
    fields: rows.fields.filter((_, index) => kept[index]),
    columns: rows.columns.filter((_, index) => kept[index]),
  }
}

async function patchedRows(
  io: FileIO,
  resolved: ResolvedRows,
  options: { readonly deleteCache?: DeleteCache | undefined; readonly signal?: AbortSignal | undefined },
): Promise<ColumnBatch> {
  const { changes, schema, metadata, locations, matchOfKey } = resolved
  const { patches } = changes
  const rows = arrangeColumns(withoutDropped(changes.rows, metadata), schema)
  if (patches === undefined || patches.rows.length === 0) return rows
  const matches = new Set<number>()
  for (const key of patches.keyRows) {
    const match = matchOfKey[key] as number
    if (match >= 0) matches.add(match)
  }
  const fetched = await fetchRows(io, locations, {
    metadata,
    schema,
    fields: patchedFields(patches, schema.fields),
    matches: Int32Array.from(matches).sort(),
    deleteCache: options.deleteCache,
    signal: options.signal,
  })
  return patchRows(rows, patches, { fetched, matchOfKey })
}

/** Undefined when no row replaces one that has an id: then all inherit new ones. */
function rowIdVector(rowIds: BigInt64Array | undefined): Vector | undefined {
  if (rowIds === undefined || rowIds.every(id => id === NO_ROW_ID)) return undefined
  const validity = createBitmap(rowIds.length)
  for (let row = 0; row < rowIds.length; row++) if (rowIds[row] !== NO_ROW_ID) setBit(validity, row)
  return { layout: 'fixed-width', length: rowIds.length, validity, values: rowIds }
}

function withRowIds(rows: ColumnBatch, rowIds: Vector): ColumnBatch {
  return {
    length: rows.length,
    fields: [...rows.fields, ROW_ID_FIELD],
    columns: [...rows.columns, rowIds],
  }
}
