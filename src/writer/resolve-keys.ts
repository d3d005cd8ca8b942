/**
 * From keys to the places of the rows that have them: the files that might hold a key are pruned, only key
 * columns are read of them, deleted rows are passed over, and each batch probes a hash table of the keys. A key
 * may have any number of rows, since an append does not look.
 */
import { mapBounded } from '../base/concurrency.js'
import { type ColumnBatch, isPresent, type Selection, type Vector } from '../batch/column-batch.js'
import { buildKeyTable, type KeyTable } from '../batch/row-hash.js'
import type { FileIO } from '../io/file-io.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader, type DeleteLoader } from '../reader/load-deletes.js'
import { planScan, type ReadTask } from '../reader/plan.js'
import { readTask } from '../reader/read-task.js'
import { POSITION_FIELD, ROW_ID_FIELD } from '../schema/reserved-fields.js'
import type { Schema } from '../schema/types.js'
import { findIndexed } from './indexed-keys.js'
import type { KeyCache } from './key-cache.js'
import {
  type BatchMatches,
  type FileMatches,
  type KeyLocations,
  locationsOf,
  NO_ROW_ID,
} from './key-locations.js'
import { createKeyPruner } from './key-pruning.js'
import { longsOf, positionsOf } from './row-positions.js'

export interface ResolveKeysOptions {
  /** Undefined for a table or branch without snapshots: nothing is found. */
  readonly snapshot: Snapshot | undefined
  readonly schema: Schema
  /** Also find the row ids (v3). */
  readonly withRowIds?: boolean | undefined
  /** Has the keys of files that were read before, and keeps those of this reading. */
  readonly keyCache?: KeyCache | undefined
  /** Files read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

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
  if (keys.length === 0 || snapshot === undefined) return locationsOf([], { ...options, filesRead: 0 })
  const pruner = createKeyPruner(keys, metadata, schema)
  const plan = await planScan(table, io, { snapshot, schema, filter: pruner.filter, signal })
  const tasks = plan.tasks.filter(task => pruner.keepFile(task.entry.file))
  const indexed = await findIndexed(io, tasks, keys, { ...options, metadata })
  const others = tasks.filter(task => !indexed.has(task))
  const probed = new Map<ReadTask, FileMatches>()
  if (others.length > 0) {
    const probe: Probe = {
      ...options,
      metadata,
      keys,
      table: buildKeyTable(
        keys.columns,
        keys.fields.map(field => field.type),
      ),
      deletes: createDeleteLoader(io, { metadata, schema, tasks: others, cache: options.keyCache?.deletes }),
    }
    const found = await mapBounded(others, task => probeFile(io, task, probe), {
      limit: options.concurrency ?? CONCURRENCY,
      signal,
    })
    for (const file of found) probed.set(file.task, file)
  }
  const found = tasks.map(task => indexed.get(task) ?? probed.get(task))
  return locationsOf(
    found.filter(file => file !== undefined),
    { ...options, filesRead: probed.size },
  )
}

interface Probe extends ResolveKeysOptions {
  readonly metadata: TableMetadata
  readonly keys: ColumnBatch
  readonly table: KeyTable
  readonly deletes: DeleteLoader
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
