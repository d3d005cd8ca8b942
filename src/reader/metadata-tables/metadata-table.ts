/**
 * Metadata tables: what a table consists of, as rows. Names, columns, types and ids are those of Iceberg's Java
 * library, so that a query written for Spark's `db.table.files` reads the same here.
 *
 *   of one snapshot      entries, files, data_files, delete_files, manifests, partitions, position_deletes
 *   of all snapshots     all_entries, all_files, all_data_files, all_delete_files, all_manifests
 *   of the metadata      history, snapshots, refs, metadata_log_entries
 *
 * A source makes the columns that are asked for, and the filter runs on its batches; manifests are read one after
 * the other, so a limit ends the reading and memory does not grow with the table.
 */
import { unreachable } from '../../base/assert.js'
import { checkSignal, LakeError } from '../../base/errors.js'
import type { ColumnBatch, Vector } from '../../batch/column-batch.js'
import { sliceBatch, takeVector } from '../../batch/take.js'
import { BOUND_TRUE, type Bound, bind, boundColumns, boundLeaves } from '../../expression/bind.js'
import { evaluate } from '../../expression/evaluate.js'
import type { Expression } from '../../expression/expression.js'
import type { Field } from '../../schema/types.js'
import { resolveSnapshot, type SnapshotSelector } from '../../snapshot/resolve.js'
import { selectFields } from '../select-fields.js'
import { entriesSource, filesSource } from './file-tables.js'
import type { InspectedTable } from './manifest-stream.js'
import { allManifestsSource, manifestsSource } from './manifest-tables.js'
import type { MetadataSource } from './metadata-source.js'
import { partitionsSource } from './partitions-table.js'
import { positionDeletesSource } from './position-deletes-table.js'
import { historySource, metadataLogSource, refsSource, snapshotsSource } from './snapshot-tables.js'

/** Metadata tables of one snapshot, which can be read as of another one. */
const SNAPSHOT_TABLES = [
  'entries',
  'files',
  'data_files',
  'delete_files',
  'manifests',
  'partitions',
  'position_deletes',
] as const

/** Metadata tables of the whole table. */
const TABLE_TABLES = [
  'history',
  'metadata_log_entries',
  'snapshots',
  'refs',
  'all_entries',
  'all_files',
  'all_data_files',
  'all_delete_files',
  'all_manifests',
] as const

export type MetadataTableName = (typeof SNAPSHOT_TABLES)[number] | (typeof TABLE_TABLES)[number]

export const METADATA_TABLE_NAMES: readonly MetadataTableName[] = [...SNAPSHOT_TABLES, ...TABLE_TABLES]

/** Of how many snapshots a metadata table reads manifests. */
export function manifestScope(name: MetadataTableName): 'none' | 'one' | 'all' {
  if (isSnapshotTable(name)) return 'one'
  return name.startsWith('all_') ? 'all' : 'none'
}

/** The metadata table of a name, in any letter case. @throws invalid-argument listing the names there are */
export function parseMetadataTableName(text: string): MetadataTableName {
  const lower = text.toLowerCase()
  const name = METADATA_TABLE_NAMES.find(known => known === lower)
  if (name === undefined) {
    throw new LakeError('invalid-argument', 'there is no such metadata table', {
      context: { name: text, names: METADATA_TABLE_NAMES },
    })
  }
  return name
}

export interface MetadataTableOptions {
  /** Which snapshot's state; for tables of one snapshot only. Default the current one. */
  readonly selector?: SnapshotSelector | undefined
  readonly filter?: Expression | undefined
  /** Top-level columns in the order of the output; default all. */
  readonly select?: readonly string[] | undefined
  /** Rows at most. */
  readonly limit?: number | undefined
  /** Manifests read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Rows about a table. Nothing is read until `batches` is. */
export interface MetadataTable {
  readonly name: MetadataTableName
  /** The columns of the output. */
  readonly fields: readonly Field[]
  /** @throws corrupt, not-found, denied, unavailable; unsupported for files that this version cannot read */
  batches(): AsyncIterable<ColumnBatch>
}

const CONCURRENCY = 4

/**
 * Opens a metadata table of a table's state.
 * @throws invalid-argument for an unknown column or a snapshot of a table that has no snapshots
 * @throws not-found for a snapshot that is not there; unsupported when a spec has a transform that is not known
 */
export function openMetadataTable(
  table: InspectedTable,
  name: MetadataTableName,
  options: MetadataTableOptions = {},
): MetadataTable {
  const { filter, select, limit = Number.POSITIVE_INFINITY, concurrency = CONCURRENCY, signal } = options
  checkLimit(options.limit)
  const source = sourceOf(table, name, options.selector)
  const fields = selectFields(source.fields, select)
  const bound = filter === undefined ? BOUND_TRUE : bind(filter, source)
  return {
    name,
    fields,
    batches: () => matchingBatches(source, { fields, bound, limit, concurrency, signal }),
  }
}

function checkLimit(limit: number | undefined): void {
  if (limit === undefined || (Number.isInteger(limit) && limit >= 0)) return
  throw new LakeError('invalid-argument', 'a limit is a whole number of rows', { context: { limit } })
}

function isSnapshotTable(name: MetadataTableName): boolean {
  return SNAPSHOT_TABLES.some(known => known === name)
}

function sourceOf(
  table: InspectedTable,
  name: MetadataTableName,
  selector: SnapshotSelector = 'current',
): MetadataSource {
  const { metadata, metadataLocation } = table
  if (selector !== 'current' && !isSnapshotTable(name)) {
    throw new LakeError('invalid-argument', 'this metadata table is not one of a snapshot', {
      context: { name, snapshotTables: SNAPSHOT_TABLES },
    })
  }
  const { snapshot } = resolveSnapshot(metadata, selector)
  const one = snapshot === undefined ? [] : [snapshot]
  switch (name) {
    case 'entries':
      return entriesSource(table, one)
    case 'files':
      return filesSource(table, one)
    case 'data_files':
      return filesSource(table, one, 'data')
    case 'delete_files':
      return filesSource(table, one, 'deletes')
    case 'manifests':
      return manifestsSource(table, one)
    case 'partitions':
      return partitionsSource(table, one)
    case 'position_deletes':
      return positionDeletesSource(table, one)
    case 'all_entries':
      return entriesSource(table, metadata.snapshots)
    case 'all_files':
      return filesSource(table, metadata.snapshots)
    case 'all_data_files':
      return filesSource(table, metadata.snapshots, 'data')
    case 'all_delete_files':
      return filesSource(table, metadata.snapshots, 'deletes')
    case 'all_manifests':
      return allManifestsSource(table, metadata.snapshots)
    case 'history':
      return historySource(metadata)
    case 'metadata_log_entries':
      return metadataLogSource(metadata, metadataLocation)
    case 'snapshots':
      return snapshotsSource(metadata)
    case 'refs':
      return refsSource(metadata)
    default:
      return unreachable(name)
  }
}

interface Matching {
  readonly fields: readonly Field[]
  readonly bound: Bound
  readonly limit: number
  readonly concurrency: number
  readonly signal: AbortSignal | undefined
}

/** The output columns of the rows that the filter takes; empty batches are left out. */
async function* matchingBatches(source: MetadataSource, matching: Matching): AsyncGenerator<ColumnBatch> {
  const { fields, bound, limit, concurrency, signal } = matching
  checkSignal(signal)
  if (limit <= 0 || bound.op === 'false') return
  const tested = boundColumns(bound)
  const read = source.fields.filter(field => fields.includes(field) || tested.has(field.id))
  const inside = new Set(boundLeaves(bound).flatMap(leaf => leaf.idPath))
  const partly = new Map(read.filter(field => !fields.includes(field)).map(field => [field, inside]))
  let left = limit
  for await (const batch of source.read(read, { concurrency, filter: bound, partly, limit, signal })) {
    checkSignal(signal)
    const matched = outputBatch(batch, fields, bound)
    if (matched.length === 0) continue
    const part = matched.length <= left ? matched : sliceBatch(matched, 0, left)
    left -= part.length
    yield part
    if (left <= 0) return
  }
}

function outputBatch(batch: ColumnBatch, fields: readonly Field[], bound: Bound): ColumnBatch {
  const selection = bound.op === 'true' ? undefined : evaluate(bound, batch)
  const isWhole = selection === undefined || selection.length === batch.length
  const columns = fields.map(field => {
    const vector = batch.columns[batch.fields.indexOf(field)] as Vector
    return isWhole ? vector : takeVector(vector, selection)
  })
  return { length: selection?.length ?? batch.length, fields, columns }
}
