/**
 * From keys to the places of the rows that have them: the files that might hold a key are pruned, only key
 * columns are read of them, deleted rows are passed over, and each batch probes a hash table of the keys. A key
 * may have any number of rows, since an append does not look.
 */
import { mapBounded } from '../base/concurrency.js'
import { type ColumnBatch, isPresent, type Selection, type Vector } from '../batch/column-batch.js'
import { buildKeyTable, type KeyTable } from '../batch/row-hash.js'
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader, type DeleteLoader } from '../reader/load-deletes.js'
import { planScan, type ReadTask } from '../reader/plan.js'
import { readTask } from '../reader/read-task.js'
import { POSITION_FIELD, ROW_ID_FIELD } from '../schema/reserved-fields.js'
import type { Schema } from '../schema/types.js'
import { createKeyPruner } from './key-pruning.js'
import type { RowDeletes } from './row-deletes.js'
import { longsOf, positionsOf } from './row-positions.js'

/** Rows found, by column: match `i` says that key `keyRows[i]` has a row at `positions[i]` of `tasks[taskIndexes[i]]`. */
export interface KeyLocations {
  /** Files that hold a match, in the order of the plan. */
  readonly tasks: readonly ReadTask[]
  readonly keyRows: Int32Array
  readonly taskIndexes: Int32Array
  readonly positions: Float64Array
  /** v3, when asked for: the row's id, -1 where it has none. */
  readonly rowIds?: BigInt64Array | undefined
  /** Files whose key columns were read. */
  readonly filesRead: number
}

export interface ResolveKeysOptions {
  /** Undefined for a table or branch without snapshots: nothing is found. */
  readonly snapshot: Snapshot | undefined
  readonly schema: Schema
  /** Also find the row ids (v3). */
  readonly withRowIds?: boolean | undefined
  /** Files read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export const NO_ROW_ID = -1n
const CONCURRENCY = 4

/**
 * Finds the live rows of a snapshot whose key is among `keys`: a batch of the key columns, in the table's types.
 * @throws corrupt, not-found, denied, unavailable, aborted; unsupported for files this version cannot read
 */
export async function resolveKeys(
  table: { readonly metadata: TableMetadata },
  io: FileIO,
  keys: ColumnBatch,
  options: ResolveKeysOptions,
): Promise<KeyLocations> {
  const { metadata } = table
  const { snapshot, schema, signal } = options
  if (keys.length === 0 || snapshot === undefined) return locationsOf([], options)
  const pruner = createKeyPruner(keys, metadata, schema)
  const plan = await planScan(table, io, { snapshot, schema, filter: pruner.filter, signal })
  const tasks = plan.tasks.filter(task => pruner.keepFile(task.entry.file))
  const probe: Probe = {
    ...options,
    metadata,
    keys,
    table: buildKeyTable(
      keys.columns,
      keys.fields.map(field => field.type),
    ),
    deletes: createDeleteLoader(io, { metadata, schema, tasks }),
  }
  const found = await mapBounded(tasks, task => probeFile(io, task, probe), {
    limit: options.concurrency ?? CONCURRENCY,
    signal,
  })
  return locationsOf(found, options)
}

/** The positions found, by data file. */
export function positionsByFile(locations: KeyLocations): RowDeletes[] {
  const { tasks, taskIndexes, positions } = locations
  const sets = tasks.map(task => ({ task, positions: new PositionSet() }))
  for (let match = 0; match < positions.length; match++)
    sets[taskIndexes[match] as number]?.positions.add(positions[match] as number)
  return sets
}

/** For each key its first match, or -1. */
export function firstMatches(locations: KeyLocations, keyCount: number): Int32Array {
  const first = new Int32Array(keyCount).fill(-1)
  const { keyRows } = locations
  for (let match = keyRows.length - 1; match >= 0; match--) first[keyRows[match] as number] = match
  return first
}

interface Probe extends ResolveKeysOptions {
  readonly metadata: TableMetadata
  readonly keys: ColumnBatch
  readonly table: KeyTable
  readonly deletes: DeleteLoader
}

/** Matches of one batch, by column. */
interface BatchMatches {
  readonly keyRows: Int32Array
  readonly positions: Float64Array
  readonly rowIds: BigInt64Array | undefined
}

interface FileMatches {
  readonly task: ReadTask
  readonly count: number
  readonly batches: readonly BatchMatches[]
}

async function probeFile(io: FileIO, task: ReadTask, probe: Probe): Promise<FileMatches> {
  const { keys, table, withRowIds = false } = probe
  const keyCount = keys.fields.length
  const keyIds = keys.fields.map(field => field.id)
  const keyFields = keyIds.map(id => probe.schema.fields.find(field => field.id === id) ?? keys.fields[0])
  const fields = [
    ...keyFields.filter(field => field !== undefined),
    POSITION_FIELD,
    ...(withRowIds ? [ROW_ID_FIELD] : []),
  ]
  const batches: BatchMatches[] = []
  let count = 0
  for await (const batch of readTask(io, task, { ...probe, fields })) {
    const found = table.find(batch.columns.slice(0, keyCount))
    const rows = matchingRows(found)
    if (rows.length === 0) continue
    count += rows.length
    batches.push({
      keyRows: keysAt(found, rows),
      positions: positionsOf(batch.columns[keyCount], rows),
      rowIds: withRowIds ? rowIdsOf(batch.columns[keyCount + 1], rows) : undefined,
    })
  }
  return { task, count, batches }
}

function keysAt(found: Int32Array, rows: Selection): Int32Array {
  const keys = new Int32Array(rows.length)
  for (let at = 0; at < rows.length; at++) keys[at] = found[rows[at] as number] as number
  return keys
}

/** The rows for which a key was found. */
function matchingRows(found: Int32Array): Selection {
  const rows = new Uint32Array(found.length)
  let count = 0
  for (let row = 0; row < found.length; row++) {
    rows[count] = row
    count += (found[row] as number) < 0 ? 0 : 1
  }
  return rows.slice(0, count)
}

function rowIdsOf(vector: Vector | undefined, rows: Selection): BigInt64Array {
  const ids = new BigInt64Array(rows.length).fill(NO_ROW_ID)
  if (vector === undefined || vector.layout === 'null') return ids
  const values = longsOf(vector)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    if (isPresent(vector, row)) ids[at] = values[row] as bigint
  }
  return ids
}

function locationsOf(found: readonly FileMatches[], options: ResolveKeysOptions): KeyLocations {
  const matching = found.filter(file => file.count > 0)
  const count = matching.reduce((sum, file) => sum + file.count, 0)
  const keyRows = new Int32Array(count)
  const taskIndexes = new Int32Array(count)
  const positions = new Float64Array(count)
  const rowIds = options.withRowIds === true ? new BigInt64Array(count) : undefined
  let at = 0
  for (const [index, file] of matching.entries()) {
    taskIndexes.fill(index, at, at + file.count)
    for (const batch of file.batches) {
      keyRows.set(batch.keyRows, at)
      positions.set(batch.positions, at)
      if (batch.rowIds !== undefined) rowIds?.set(batch.rowIds, at)
      at += batch.keyRows.length
    }
  }
  const tasks = matching.map(file => file.task)
  return { tasks, keyRows, taskIndexes, positions, rowIds, filesRead: found.length }
}
