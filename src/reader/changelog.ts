/**
 * Row-level changelog: what each snapshot of a range did to the rows of the table, whether it rewrote files
 * (copy-on-write) or wrote deletes (merge-on-read), in format version 2 and 3.
 *
 *   files     of the snapshot against its parent's             changelog-plan.ts
 *   rows      removed and added files, changed positions       changelog-positions.ts
 *   changes   carried-over rows dropped, updates paired, net   changelog-rows.ts, changelog-identities.ts
 *
 * Snapshots that replace files change no row and are skipped, also in the count of ordinals. Of a snapshot that both
 * deletes and inserts, the deleted rows and what is left of the inserted ones are held in memory; others stream.
 * @see Iceberg table spec, "Snapshots", "Row Lineage", "Reserved Field IDs"
 */
import { assert } from '../base/assert.js'
import { collect, mapBounded } from '../base/concurrency.js'
import { checkSignal, LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { concatBatches, emptyBatch, sliceBatch } from '../batch/take.js'
import { BOUND_TRUE, type Bound } from '../expression/bind.js'
import type { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import { statisticsOf } from '../manifest/bounds.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { Field, Schema } from '../schema/types.js'
import { matchingPairs, matchingRows, withFields } from './changelog-filter.js'
import { hasLineage, LINEAGE_FIELDS, unchangedIdentities, updateIdentities } from './changelog-identities.js'
import { planSnapshotFiles, type SnapshotFiles } from './changelog-plan.js'
import { deletesBut, positionChanges } from './changelog-positions.js'
import { type RangeStep, type SnapshotRange, snapshotsInRange } from './changelog-range.js'
import {
  CHANGE_FIELDS,
  type ChangeLabel,
  createNetRows,
  labelPairs,
  labelRows,
  type NetRows,
  type PairedRows,
  pairRows,
  type RowDelta,
  type RowIdentity,
  takeRows,
  withoutCarriedOver,
} from './changelog-rows.js'
import { createDeleteLoader, type DeleteLoader } from './load-deletes.js'
import { orderedStreams } from './ordered-streams.js'
import type { ReadTask } from './plan.js'
import { createPruner } from './prune.js'
import { checkReadable, readTask } from './read-task.js'
import { selectFields } from './select-fields.js'

/**
 * `raw`: every insert and delete. `updates`: a delete and an insert of one row in one snapshot are UPDATE_BEFORE and
 * UPDATE_AFTER, one behind the other. `net`: what is left when inserts and deletes of equal rows cancel out over the
 * whole range; a row that a rewrite of its file carried over counts as inserted by that rewrite.
 */
export type ChangeMode = 'raw' | 'net' | 'updates'

export interface ChangelogRequest extends SnapshotRange {
  /** The schema that the rows are read with. */
  readonly schema: Schema
  readonly mode: ChangeMode
  /**
   * Names of the columns that identify a row; only `updates` looks at them. Default: row ids where the table has row
   * lineage, then its identifier fields.
   */
  readonly keys?: readonly string[] | undefined
  /**
   * Bound to `schema`. Absent: every change. It is asked of each row that a change is about; of an update both rows are
   * given when it takes one of them, so that a row that moves in or out of the filter is seen to do so.
   */
  readonly filter?: Bound | undefined
  /** Names of columns of the schema and of the change, in the order of the output; absent: all. */
  readonly select?: readonly string[] | undefined
}

/** A snapshot that may have changed rows. */
export interface ChangelogStep extends RangeStep {
  /** From 0, of the snapshots that may change rows. */
  readonly ordinal: number
}

export interface ChangelogPlan {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly mode: ChangeMode
  /** The columns of the output, of those of the schema, then `_change_type`, `_change_ordinal`, `_commit_snapshot_id`. */
  readonly fields: readonly Field[]
  /** Changes to give. */
  readonly filter: Bound
  readonly steps: readonly ChangelogStep[]
  /** What makes one row of a deleted and an inserted one, in the order they are tried: the first drops rows. */
  readonly identities: readonly RowIdentity[]
}

/**
 * Decides what is read; nothing is read yet.
 * @throws not-found when expiry cut the history, naming the oldest id to read from; invalid-argument when `from` is
 * not an ancestor of `to`, for `updates` without row ids and keys, for keys and selected columns that are not there, and
 * for a table that has a column of the name of one of the changelog
 */
export function planChangelog(metadata: TableMetadata, request: ChangelogRequest): ChangelogPlan {
  const { schema, mode, keys = [], filter = BOUND_TRUE, select } = request
  checkNames(schema)
  const steps = snapshotsInRange(metadata, request)
    .filter(({ snapshot }) => snapshot.operation !== 'replace')
    .map((step, ordinal) => ({ ...step, ordinal }))
  return {
    metadata,
    schema,
    mode,
    fields: selectFields(changeFields(schema), select),
    filter,
    steps,
    identities:
      mode === 'updates' ? updateIdentities(metadata, schema, keys) : unchangedIdentities(metadata, schema),
  }
}

/** All columns that there are. */
function changeFields(schema: Schema): readonly Field[] {
  return [...schema.fields, ...CHANGE_FIELDS]
}

function checkNames(schema: Schema): void {
  for (const { name } of CHANGE_FIELDS)
    if (schema.fields.some(field => field.name === name))
      throw new LakeError('invalid-argument', 'the table has a column named like one of its changelog', {
        context: { column: name },
      })
}

export interface ReadChangelogOptions {
  /** Data files read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const READ_CONCURRENCY = 4
const BATCH_ROWS = 65_536

/**
 * The changes of the plan as batches of its fields: snapshot by snapshot, of each its deletes, its updates, its
 * inserts. Applied in that order to the rows of `from` they give the rows of `to`.
 * @throws not-found when a snapshot that is needed was expired, naming the oldest id to read from; unsupported naming
 * the file; invalid-argument when the changes held in memory have a column of more than 2 GiB; corrupt, denied,
 * unavailable, aborted
 */
export async function* readChangelog(
  io: FileIO,
  plan: ChangelogPlan,
  options: ReadChangelogOptions = {},
): AsyncGenerator<ColumnBatch, void, undefined> {
  if (plan.filter.op === 'false') return
  for await (const batch of inParts(wholeChanges(io, plan, options))) yield withFields(batch, plan.fields)
}

/** As they are made: with more columns than the output has. */
async function* wholeChanges(
  io: FileIO,
  plan: ChangelogPlan,
  options: ReadChangelogOptions,
): AsyncGenerator<ColumnBatch, void, undefined> {
  const net = plan.mode === 'net' ? createNetRows(changeFields(plan.schema)) : undefined
  for (const step of plan.steps) {
    checkSignal(options.signal)
    const rows = await openSnapshotRows(io, step, { ...options, plan })
    if (net !== undefined) await addNetRows(net, rows)
    else yield* snapshotChanges(rows, plan)
  }
  if (net !== undefined) yield net.finish()
}

/** No batch is empty, none is much larger than those of a scan. */
async function* inParts(batches: AsyncIterable<ColumnBatch>): AsyncGenerator<ColumnBatch, void, undefined> {
  for await (const batch of batches)
    for (let from = 0; from < batch.length; from += BATCH_ROWS)
      yield sliceBatch(batch, from, Math.min(batch.length, from + BATCH_ROWS))
}

/** Rows that a snapshot deleted and inserted, before carried-over ones are told apart. */
interface SnapshotRows {
  readonly label: ChangeLabel & { readonly columns: number }
  /** Columns of the batches: those of the table, and of the lineage when rows are compared by it. */
  readonly fields: readonly Field[]
  /** What is left to ask of the rows: all that the files were not. */
  readonly filter: Bound
  readonly hasDeleted: boolean
  readonly hasInserted: boolean
  readonly deleted: () => AsyncIterable<ColumnBatch>
  readonly inserted: () => AsyncIterable<ColumnBatch>
}

async function addNetRows(net: NetRows, rows: SnapshotRows): Promise<void> {
  for await (const batch of rows.deleted()) net.add(labelRows(batch, 'DELETE', rows.label))
  for await (const batch of rows.inserted()) net.add(labelRows(batch, 'INSERT', rows.label))
}

async function* snapshotChanges(
  rows: SnapshotRows,
  plan: ChangelogPlan,
): AsyncGenerator<ColumnBatch, void, undefined> {
  const { label, filter } = rows
  if (!rows.hasInserted) {
    for await (const batch of rows.deleted()) yield labelRows(batch, 'DELETE', label)
    return
  }
  const deleted = rows.hasDeleted
    ? concatBatches(rows.fields, await collect(rows.deleted()))
    : emptyBatch(rows.fields)
  if (deleted.length === 0) {
    for await (const batch of rows.inserted()) yield labelRows(matchingRows(batch, filter), 'INSERT', label)
    return
  }
  const isLineageRead = rows.fields.length > label.columns
  const identities = plan.identities.filter(identity => isLineageRead || !identity.isLineage)
  const [first, ...others] = identities
  assert(first !== undefined, 'equal rows are one row')
  const delta = await withoutCarriedOver(deleted, rows.inserted(), first)
  yield* deltaChanges(delta, matchingPairs(delta, pairRows(delta, others), filter), label)
}

function* deltaChanges(
  delta: RowDelta,
  pairs: PairedRows,
  label: SnapshotRows['label'],
): Generator<ColumnBatch, void, undefined> {
  yield labelRows(takeRows(delta.deleted, pairs.deleted), 'DELETE', label)
  yield labelPairs(delta, pairs, label)
  yield labelRows(takeRows(delta.inserted, pairs.inserted), 'INSERT', label)
}

/** A data file, or some positions of it, to be read as the rows of one side. */
interface RowSource {
  readonly task: ReadTask
  /** The rows to read, whatever the deletes of the task say. */
  readonly positions?: PositionSet
}

interface OpenOptions extends ReadChangelogOptions {
  readonly plan: ChangelogPlan
}

/** Finds the files of a snapshot and the positions that changed in them. Its rows are read when they are asked for. */
async function openSnapshotRows(
  io: FileIO,
  step: ChangelogStep,
  options: OpenOptions,
): Promise<SnapshotRows> {
  const { plan, signal } = options
  const { metadata, schema, mode } = plan
  const found = await planSnapshotFiles(io, step, { metadata, schema, signal })
  // Rows that are one are equal, so both match or none: but for updates, files need not give any others.
  const files = mode === 'updates' ? found : filteredFiles(found, plan)
  const tasks = tasksOf(files)
  for (const task of tasks) checkReadable(task)
  const loader = createDeleteLoader(io, { metadata, schema, tasks })
  const sources = await rowSources(io, files, { ...options, loader })
  const hasDeleted = sources.deleted.length > 0
  const hasInserted = sources.inserted.length > 0
  const isCompared = mode === 'net' || (hasDeleted && hasInserted)
  const compared = isCompared ? schema.fields : schema.fields.filter(field => plan.fields.includes(field))
  const readsLineage = isCompared && mode !== 'net' && hasLineage(metadata)
  const fields = readsLineage ? [...compared, ...LINEAGE_FIELDS] : compared
  const isPaired = isCompared && mode === 'updates'
  const read = (side: readonly RowSource[]): AsyncIterable<ColumnBatch> =>
    readSources(io, isPaired ? side : filteredSources(side, plan), { ...options, loader, fields })
  return {
    filter: isPaired ? plan.filter : BOUND_TRUE,
    label: {
      columns: compared.length,
      ordinal: step.ordinal,
      snapshotId: step.snapshot.snapshotId,
    },
    fields,
    hasDeleted,
    hasInserted,
    deleted: () => read(sources.deleted),
    inserted: () => read(sources.inserted),
  }
}

/** The files that may hold rows which the filter takes. */
function filteredFiles(
  { removed, added, changed }: SnapshotFiles,
  { filter, metadata, schema }: ChangelogPlan,
): SnapshotFiles {
  const pruner = createPruner(filter, metadata, schema)
  const might = ({ entry: { file } }: ReadTask): boolean => {
    const selector = pruner.selectorOf(file.specId)
    return selector.keepPartition(file.partition) && selector.keepFile(statisticsOf(file, schema))
  }
  return {
    removed: removed.filter(might),
    added: added.filter(might),
    changed: changed.filter(({ before }) => might(before)),
  }
}

/** The sources of rows that the filter takes. */
function filteredSources(sources: readonly RowSource[], plan: ChangelogPlan): readonly RowSource[] {
  const { filter, metadata, schema } = plan
  const pruner = createPruner(filter, metadata, schema)
  return sources.map(source => {
    const residual = pruner.isCovered(source.task.entry.file) ? BOUND_TRUE : filter
    return { ...source, task: { ...source.task, residual } }
  })
}

function tasksOf({ removed, added, changed }: SnapshotFiles): readonly ReadTask[] {
  return [...removed, ...added, ...changed.flatMap(({ before, after }) => [before, after])]
}

async function rowSources(
  io: FileIO,
  files: SnapshotFiles,
  options: OpenOptions & { readonly loader: DeleteLoader },
): Promise<{ readonly deleted: readonly RowSource[]; readonly inserted: readonly RowSource[] }> {
  const { plan, loader, signal, concurrency = READ_CONCURRENCY } = options
  const { metadata, schema } = plan
  const deleted: RowSource[] = files.removed.map(task => ({ task }))
  const inserted: RowSource[] = files.added.map(task => ({ task }))
  const changes = await mapBounded(
    files.changed,
    file => positionChanges(io, file, { metadata, schema, deletes: loader, signal }),
    { limit: concurrency, signal },
  )
  for (const [at, { before, after }] of files.changed.entries()) {
    const found = changes[at]
    if (found !== undefined && found.deleted.cardinality > 0)
      deleted.push({ task: before, positions: found.deleted })
    if (found !== undefined && found.restored.cardinality > 0)
      inserted.push({ task: after, positions: found.restored })
  }
  return { deleted, inserted }
}

function readSources(
  io: FileIO,
  sources: readonly RowSource[],
  options: OpenOptions & { readonly loader: DeleteLoader; readonly fields: readonly Field[] },
): AsyncIterable<ColumnBatch> {
  const { plan, loader, fields, signal, concurrency = READ_CONCURRENCY } = options
  const open = ({ task, positions }: RowSource, stopped: AbortSignal): AsyncIterable<ColumnBatch> =>
    readTask(io, task, {
      metadata: plan.metadata,
      schema: plan.schema,
      fields,
      deletes:
        positions === undefined
          ? loader
          : { load: async () => deletesBut(positions, task.entry.file.recordCount) },
      signal: signal === undefined ? stopped : AbortSignal.any([signal, stopped]),
    })
  return orderedStreams(sources, open, { limit: concurrency })
}
