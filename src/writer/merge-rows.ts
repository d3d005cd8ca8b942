/**
 * Merging a source of rows into a table, as SQL's MERGE does. Per attempt:
 *
 *   plan       by the range of the keys and by what the condition says of the table alone       merge/prune-merge.ts
 *   decide     keys and conditions are read; a row matches one of the source, or none           merge/find-rows.ts
 *   write      rows with new values, and rows of the source that matched nothing                merge/write-rows.ts
 *   remove     rows that are deleted, and those with new values: deletes, or files without them
 *
 * The source is held in memory. Files are read one behind the other as far as rows are written, so that memory does not
 * go with the size of the table.
 *
 * After a conflict the merge is decided on the new base, as if it had begun there. What was made of files that stand is
 * kept, and files that came meanwhile are looked at too, unless isolation is `snapshot`: when one of them holds a row for
 * a row of the source that had none, everything is made anew.
 */
import { checkSignal } from '../base/errors.js'
import { createBitmap } from '../batch/bitmap.js'
import type { Bitmap, ColumnBatch } from '../batch/column-batch.js'
import { fromBitmap, invert } from '../batch/selection.js'
import type { TableAction } from '../commit/table-action.js'
import type { BindScalarOptions } from '../expression/scalar/scope.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { deleteMode, isolationLevel } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader } from '../reader/load-deletes.js'
import { orderedStreams } from '../reader/ordered-streams.js'
import { planScan, type ReadTask } from '../reader/plan.js'
import type { Field, Schema } from '../schema/types.js'
import type { TouchedRows } from './based-action.js'
import type { DataWriter } from './data-writer.js'
import { type FileNaming, fileNaming } from './file-location.js'
import { type BoundMerge, bindMerge, type MergeRequest } from './merge/bind-merge.js'
import { everyRow, type FoundRows, findRows, hasUpdates } from './merge/find-rows.js'
import { createMergePruner, type MergePruner } from './merge/prune-merge.js'
import { buildSourceIndex, type SourceIndex } from './merge/source-index.js'
import { writeInserts, writeUpdates } from './merge/write-rows.js'
import { finishRows, lineageFields, openRowWriter } from './rewrite-files.js'
import type { RowDeletes } from './row-deletes.js'
import { snapshotChanges, type WriteOptions } from './snapshot-change.js'
import { cameSince, joinedFiles, lookedAt, type MadeFiles, stands } from './standing-files.js'

export interface MergeResult {
  readonly insertedRows: number
  /** Rows that a clause gave new values, be they the old ones. */
  readonly updatedRows: number
  readonly deletedRows: number
}

export interface MergeRowsOptions extends WriteOptions, BindScalarOptions {
  /** Files read at the same time; default 4. */
  readonly concurrency?: number | undefined
  readonly spillFolder?: string | undefined
  /** Told by each attempt; the last one told is of the commit. */
  readonly onResult?: ((result: MergeResult) => void) | undefined
}

export interface MergeOfRows {
  /** Rows whose fields have ids of their own, not those of the table. */
  readonly source: ColumnBatch
  readonly request: MergeRequest
}

const CONCURRENCY = 4

/**
 * Merges the rows into the table; `unchanged` when no clause acts on a row.
 * @throws from the action: invalid-argument for clauses that do not fit the schema, for two rows of the source with one
 * key, for a row of the table that matches two, for a value that cannot be computed and a null in a required column;
 * unsupported for a large source without an equality in the condition; corrupt, not-found, denied, unavailable, aborted
 */
export function mergeRowsAction(io: FileIO, merge: MergeOfRows, options: MergeRowsOptions): TableAction {
  const snapshots = snapshotChanges(io, options)
  let earlier: MadeMerge | undefined
  return async (base, attempt) => {
    const { metadata } = base
    const { signal } = attempt
    checkWritable(metadata)
    const bound = boundTo(metadata, merge, options)
    const naming = fileNaming(metadata, { operationUuid: snapshots.operationUuid, taskId: attempt.number })
    const job: MergeJob = { ...options, ...bound, io, metadata, naming, signal }
    const snapshot = snapshots.headOf(metadata)
    const { schema, filter, keepFile, keyFieldIds: statisticsOf } = bound
    const plan = await planScan(base, io, { snapshot, schema, filter, statisticsOf, signal })
    const tasks = plan.tasks.filter(({ entry }) => keepFile(entry.file))
    const { whole, fresh } = await decideOn(tasks, earlier, job)
    options.onResult?.(whole.result)
    const { addedDataFiles, addedDeleteFiles, removedFiles, written } = whole
    const isEmpty = [addedDataFiles, addedDeleteFiles, removedFiles].every(files => files.length === 0)
    if (isEmpty && !options.keepEmpty) return 'unchanged'
    try {
      const changes = { addedDataFiles, addedDeleteFiles, removedFiles }
      const produced = await snapshots.produce(base, attempt, { changes, written })
      earlier = whole
      return produced
    } catch (error) {
      // What an earlier attempt has returned is the commit loop's to delete; the rest nobody knows of.
      await io.delete(fresh)
      throw error
    }
  }
}

/** A merge as the schema of a base has it. */
interface MergeOnBase extends TouchedRows, MergePruner {
  readonly schema: Schema
  readonly bound: BoundMerge
  readonly index: SourceIndex
  readonly keepFile: (file: DataFile) => boolean
}

function boundTo(
  metadata: TableMetadata,
  { source, request }: MergeOfRows,
  options: BindScalarOptions,
): MergeOnBase {
  const schema = currentSchema(metadata)
  const bound = bindMerge(request, schema, { ...options, source: source.fields })
  const index = buildSourceIndex(source, bound)
  const pruner = createMergePruner(bound, index, { metadata, schema })
  const touchesAll = bound.notMatchedBySource.length > 0
  return { ...pruner, schema, bound, index, keepFile: file => touchesAll || pruner.mightMatch(file) }
}

/** The rows that a merge decides on, for the check that nobody changed them. @throws as `mergeRowsAction` */
export function rowsOfMerge(
  merge: MergeOfRows,
  options: BindScalarOptions,
): (metadata: TableMetadata) => TouchedRows {
  return metadata => boundTo(metadata, merge, options)
}

interface MergeJob extends MergeOnBase {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly naming: FileNaming
  readonly concurrency?: number | undefined
  readonly spillFolder?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** What an attempt made, and of which files. */
interface MadeMerge extends MadeFiles {
  /** Rows of the source that match one of these files' rows. */
  readonly matched: Bitmap
  readonly result: MergeResult
}

// ---------------------------------------------------------------- attempts

interface Decision {
  readonly whole: MadeMerge
  /** Files that this attempt wrote. */
  readonly fresh: readonly string[]
}

async function decideOn(
  tasks: readonly ReadTask[],
  earlier: MadeMerge | undefined,
  job: MergeJob,
): Promise<Decision> {
  if (earlier !== undefined && stands(earlier, tasks, job)) {
    const came = cameSince(earlier, tasks, isolationLevel(job.metadata, 'merge'))
    const more = await makeMerge(came, job, 'changes-only')
    if (job.bound.notMatched.length === 0 || matchesNoMore(more.matched, earlier.matched)) {
      return { whole: joined(earlier, more), fresh: more.written }
    }
    await job.io.delete(more.written)
  }
  const whole = await makeMerge(tasks, job, 'with-inserts')
  return { whole, fresh: whole.written }
}

/** Whether no row of the source matches that did not match before. */
function matchesNoMore(now: Bitmap, before: Bitmap): boolean {
  return now.every((byte, at) => (byte & ~(before[at] as number)) === 0)
}

function joined(first: MadeMerge, second: MadeMerge): MadeMerge {
  return {
    ...joinedFiles(first, second),
    matched: first.matched,
    result: {
      insertedRows: first.result.insertedRows + second.result.insertedRows,
      updatedRows: first.result.updatedRows + second.result.updatedRows,
      deletedRows: first.result.deletedRows + second.result.deletedRows,
    },
  }
}

// ---------------------------------------------------------------- one attempt

/** Makes the merge of these files. When it throws, it has deleted what it wrote. */
async function makeMerge(
  tasks: readonly ReadTask[],
  job: MergeJob,
  inserts: 'with-inserts' | 'changes-only',
): Promise<MadeMerge> {
  const { io, metadata, schema, bound, index, signal } = job
  const isRewriting = deleteMode(metadata, 'merge') === 'copy-on-write'
  const rowLineage = lineageOf(job, isRewriting)
  const matched = createBitmap(index.source.length)
  const writer = lazyWriter(() => openRowWriter(job, rowLineage))
  const writing = { metadata, schema, source: index.source, rowLineage, writer, signal }
  try {
    const found: RowDeletes[] = []
    let updatedRows = 0
    let deletedRows = 0
    for await (const rows of foundRows(tasks, job, matched)) {
      checkSignal(signal)
      updatedRows += await writeUpdates(io, rows, writing)
      deletedRows += rows.deletedRows
      found.push({ task: rows.task, positions: rows.positions })
    }
    const unmatched = invert(fromBitmap(matched, index.source.length), index.source.length)
    const clauses = inserts === 'with-inserts' ? bound.notMatched : []
    const insertedRows = await writeInserts(unmatched, clauses, writing)
    const { deletedRows: _, ...files } = await finishRows(io, found, { ...job, isRewriting, writer })
    return {
      ...files,
      ...lookedAt(tasks, job),
      matched,
      result: { insertedRows, updatedRows, deletedRows },
    }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** What written rows carry behind their columns: rows that all are new carry nothing. */
function lineageOf({ metadata, bound }: MergeJob, isRewriting: boolean): readonly Field[] {
  const changesRows = bound.matched.length > 0 || bound.notMatchedBySource.length > 0
  if (isRewriting && changesRows) return lineageFields(metadata)
  return hasUpdates(bound) ? lineageFields(metadata).slice(0, 1) : []
}

/** The changed rows of files that have any, in the order of the plan. */
async function* foundRows(
  tasks: readonly ReadTask[],
  job: MergeJob,
  matched: Bitmap,
): AsyncGenerator<FoundRows> {
  const { io, metadata, schema, bound: merge, index, signal } = job
  const deletes = createDeleteLoader(io, { metadata, schema, tasks })
  async function* find(task: ReadTask, stopped: AbortSignal): AsyncGenerator<FoundRows> {
    const liveRows = droppedRows(task, job)
    if (liveRows !== undefined) {
      yield everyRow(task, liveRows)
      return
    }
    const either = signal === undefined ? stopped : AbortSignal.any([signal, stopped])
    yield await findRows(io, task, { metadata, schema, merge, index, deletes, matched, signal: either })
  }
  const limit = job.concurrency ?? CONCURRENCY
  for await (const found of orderedStreams(tasks, find, { limit }))
    if (found.positions.cardinality > 0) yield found
}

/** The live rows of a file all of which go, whatever they are; undefined for one that is to be read. */
function droppedRows({ entry, deletes }: ReadTask, { bound, mightMatch }: MergeJob): number | undefined {
  const [first] = bound.notMatchedBySource
  const isDropped = first !== undefined && first.condition === undefined && first.assignments === undefined
  const isCounted = deletes.positionDeletes.length === 0 && deletes.equalityDeletes.length === 0
  if (!isDropped || !isCounted || mightMatch(entry.file)) return undefined
  return entry.file.recordCount - (deletes.vector?.file.recordCount ?? 0)
}

/** A writer that is opened by the first rows: a table whose files cannot be written may still lose rows. */
function lazyWriter(open: () => DataWriter): DataWriter {
  let writer: DataWriter | undefined
  return {
    get rowCount() {
      return writer?.rowCount ?? 0
    },
    async write(batch) {
      writer ??= open()
      await writer.write(batch)
    },
    close: async () => (await writer?.close()) ?? [],
    abort: async () => writer?.abort(),
  }
}
