/**
 * Deleting and updating rows by condition, in both modes of the table's properties:
 *
 *   plan with the condition's predicates -> files whose rows may match
 *   read them                            -> positions of the rows that match; of an update, these rows with new values
 *   positions   merge-on-read   deletion vectors or position deletes (`delete-writer.ts`)
 *               copy-on-write   the other rows of these files in new ones (`rewrite-files.ts`)
 *
 * A file all of whose rows must match leaves the table for a delete by metadata alone, whatever the mode.
 *
 * After a conflict the change is planned on the new base, as if it had begun there. What was made for files that stand as
 * they were read is kept; files that came meanwhile are looked at too, or with isolation `snapshot` are not. When one
 * of the files has changed, everything is made anew.
 */
import { mapBounded } from '../base/concurrency.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { nullVectorOf, takeBatch } from '../batch/take.js'
import type { TableAction } from '../commit/table-action.js'
import { applyAssignments } from '../expression/scalar/assign.js'
import { evaluateCondition } from '../expression/scalar/evaluate.js'
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { deleteMode, type IsolationLevel, isolationLevel } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader, type DeleteLoader } from '../reader/load-deletes.js'
import { planScan, type ReadTask } from '../reader/plan.js'
import { readTask } from '../reader/read-task.js'
import { POSITION_FIELD } from '../schema/reserved-fields.js'
import type { Field, Schema } from '../schema/types.js'
import { deletesOfFileAlone } from './delete-writer.js'
import { type FileNaming, fileNaming } from './file-location.js'
import { finishRows, lineageFields, openRowWriter, removeRows } from './rewrite-files.js'
import {
  type BindRowChangeOptions,
  type BoundRowChange,
  bindRowChange,
  type RowChange,
} from './row-change.js'
import type { RowDeletes } from './row-deletes.js'
import { positionsOf } from './row-positions.js'
import { snapshotChanges, type WriteOptions } from './snapshot-change.js'
import {
  cameSince,
  joinedFiles,
  lookedAt,
  type MadeFiles,
  stands,
  type WrittenChange,
} from './standing-files.js'

export interface RowChangeResult {
  /** Live rows that matched; undefined when files were dropped whose deletes were not read. */
  readonly changedRows: number | undefined
  /** Data files that left the table without being read. */
  readonly droppedFiles: number
  /** Data files that were written again, and bytes of them. */
  readonly rewrittenFiles: number
  readonly rewrittenBytes: number
}

export interface ChangeRowsOptions extends WriteOptions, BindRowChangeOptions {
  /** Files read at the same time while rows are looked for; default 4. */
  readonly concurrency?: number | undefined
  readonly spillFolder?: string | undefined
  /** Files that were written before and come with the change: it is an overwrite then. */
  readonly addedDataFiles?: readonly DataFile[] | undefined
  /** Default: what the table's properties say of the kind of change. */
  readonly isolation?: IsolationLevel | undefined
  /** Told by each attempt; the last one told is of the commit. */
  readonly onResult?: ((result: RowChangeResult) => void) | undefined
}

const CONCURRENCY = 4

/**
 * Changes the rows for which the condition is true; `unchanged` when there are none.
 * @throws from the action: invalid-argument for a condition or an assignment that does not fit the schema, a value that
 * cannot be computed, a null in a required column; corrupt, not-found, denied, unavailable, aborted
 */
export function changeRowsAction(io: FileIO, change: RowChange, options: ChangeRowsOptions): TableAction {
  const snapshots = snapshotChanges(io, options)
  const given = options.addedDataFiles ?? []
  let earlier: MadeChange | undefined
  return async (base, attempt) => {
    const { metadata } = base
    const { signal } = attempt
    checkWritable(metadata)
    const schema = currentSchema(metadata)
    const bound = bindRowChange(change, schema, options)
    const plan = await planScan(base, io, {
      snapshot: snapshots.headOf(metadata),
      schema,
      filter: bound.filter,
      signal,
    })
    const naming = fileNaming(metadata, { operationUuid: snapshots.operationUuid, taskId: attempt.number })
    const isRewriting = deleteMode(metadata, change.kind) === 'copy-on-write'
    const rowLineage = isRewriting ? lineageFields(metadata) : lineageFields(metadata).slice(0, 1)
    const place = { io, metadata, schema, naming, signal }
    const job: ChangeJob = { ...options, ...place, kind: change.kind, isRewriting, rowLineage, bound }
    const tasks = plan.tasks.filter(task => bound.partitions?.holds(task.entry.file) !== false)
    const standing = earlier !== undefined && stands(earlier, tasks, job) ? earlier : undefined
    const isolation = options.isolation ?? isolationLevel(metadata, change.kind)
    const made = await makeChange(job, standing === undefined ? tasks : cameSince(standing, tasks, isolation))
    const whole = standing === undefined ? made : joined(standing, made)
    options.onResult?.(whole.result)
    const isEmpty = [given, whole.addedDataFiles, whole.addedDeleteFiles, whole.removedFiles].every(
      files => files.length === 0,
    )
    if (isEmpty && !options.keepEmpty) return 'unchanged'
    try {
      const { addedDeleteFiles, removedFiles, written } = whole
      const addedDataFiles = [...given, ...whole.addedDataFiles]
      const operation = given.length === 0 ? undefined : 'overwrite'
      const changes = { addedDataFiles, addedDeleteFiles, removedFiles, operation } as const
      const produced = await snapshots.produce(base, attempt, { changes, written })
      earlier = whole
      return produced
    } catch (error) {
      // What an earlier attempt has returned is the commit loop's to delete; the rest nobody knows of.
      await io.delete(made.written)
      throw error
    }
  }
}

interface ChangeJob {
  readonly io: FileIO
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly kind: RowChange['kind']
  readonly isRewriting: boolean
  /** What written rows carry behind their columns. */
  readonly rowLineage: readonly Field[]
  readonly bound: BoundRowChange
  readonly naming: FileNaming
  readonly concurrency?: number | undefined
  readonly spillFolder?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** What an attempt made, and of which files. */
interface MadeChange extends MadeFiles {
  readonly result: RowChangeResult
}

// ---------------------------------------------------------------- attempts

function joined(first: MadeChange, second: MadeChange): MadeChange {
  const rows = [first.result.changedRows, second.result.changedRows]
  return {
    ...joinedFiles(first, second),
    result: {
      changedRows: rows.reduce(
        (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
        0,
      ),
      droppedFiles: first.result.droppedFiles + second.result.droppedFiles,
      rewrittenFiles: first.result.rewrittenFiles + second.result.rewrittenFiles,
      rewrittenBytes: first.result.rewrittenBytes + second.result.rewrittenBytes,
    },
  }
}

// ---------------------------------------------------------------- one attempt

/** Makes the change of these files. When it throws, it has deleted what it wrote. */
async function makeChange(job: ChangeJob, tasks: readonly ReadTask[]): Promise<MadeChange> {
  const { kind, isRewriting } = job
  const dropped = tasks.filter(task => isDropped(task, job))
  const partly = tasks.filter(task => !isDropped(task, job))
  const { found, removedFiles, ...files } =
    kind === 'delete' ? await deleteRows(job, partly) : await updateRows(job, partly)
  return {
    ...files,
    ...lookedAt(tasks, job),
    removedFiles: [
      ...dropped.flatMap(task => [task.entry.file, ...deletesOfFileAlone(task)]),
      ...removedFiles,
    ],
    result: resultOf(dropped, found, isRewriting),
  }
}

/** All rows of the file go. */
function isDropped({ entry, residual }: ReadTask, { kind, bound }: ChangeJob): boolean {
  if (kind !== 'delete') return false
  if (bound.partitions !== undefined) return bound.partitions.holds(entry.file) === true
  return bound.residual === undefined && residual.op === 'true'
}

/** Files for the rows that were found. */
interface ChangedFiles extends WrittenChange {
  readonly found: readonly RowDeletes[]
}

async function deleteRows(job: ChangeJob, tasks: readonly ReadTask[]): Promise<ChangedFiles> {
  const found = await findRows(job, tasks)
  const { deletedRows: _, ...files } = await removeRows(job.io, found, { ...job, operation: 'delete' })
  return { ...files, found }
}

async function updateRows(job: ChangeJob, tasks: readonly ReadTask[]): Promise<ChangedFiles> {
  const writer = openRowWriter(job, job.rowLineage)
  try {
    const found = await findRows(job, tasks, matched => writer.write(changedRows(matched, job)))
    const { deletedRows: _, ...files } = await finishRows(job.io, found, { ...job, writer })
    return { ...files, found }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Takes rows that match, all their columns and their ids. */
type RowTaker = (matched: ColumnBatch) => Promise<void>

/** The positions of the live rows that match, of files that have any. */
async function findRows(
  job: ChangeJob,
  tasks: readonly ReadTask[],
  take?: RowTaker,
): Promise<readonly RowDeletes[]> {
  const { io, metadata, schema, signal } = job
  const deletes = createDeleteLoader(io, { metadata, schema, tasks })
  // Rows are taken in the order of the plan, one file after the other.
  const limit = take === undefined ? (job.concurrency ?? CONCURRENCY) : 1
  const find = async (task: ReadTask): Promise<RowDeletes> => ({
    task,
    positions: await findRowsOf(job, task, { deletes, take }),
  })
  const found = await mapBounded(tasks, find, { limit, signal })
  return found.filter(({ positions }) => positions.cardinality > 0)
}

async function findRowsOf(
  job: ChangeJob,
  task: ReadTask,
  { deletes, take }: { readonly deletes: DeleteLoader; readonly take: RowTaker | undefined },
): Promise<PositionSet> {
  const { io, metadata, schema, bound, signal } = job
  const columns =
    take === undefined ? bound.residualFields : [...schema.fields, ...lineageFields(metadata).slice(0, 1)]
  const fields = [...columns, POSITION_FIELD]
  const positions = new PositionSet()
  for await (const batch of readTask(io, task, { metadata, schema, fields, deletes, signal })) {
    const matched = matching(batch, bound)
    if (matched.length === 0) continue
    for (const position of positionsOf(matched.columns[fields.length - 1])) positions.add(position)
    await take?.(matched)
  }
  return positions
}

function matching(batch: ColumnBatch, { residual, partitions }: BoundRowChange): ColumnBatch {
  if (partitions !== undefined) return partitions.rowsIn(batch)
  if (residual === undefined) return batch
  const rows = evaluateCondition(residual, batch)
  return rows.length === batch.length ? batch : takeBatch(batch, rows)
}

/** The rows with their new values, as the writer takes them: their ids stay, and their change is this commit's. */
function changedRows(matched: ColumnBatch, { schema, bound, rowLineage }: ChangeJob): ColumnBatch {
  const changed = applyAssignments(matched, bound.assignments ?? [], { input: matched })
  const columns = [...schema.fields, ...rowLineage].map(field => {
    const at = changed.fields.findIndex(({ id }) => id === field.id)
    return changed.columns[at] ?? nullVectorOf(field.type, changed.length)
  })
  return { length: changed.length, fields: [...schema.fields, ...rowLineage], columns }
}

function resultOf(
  dropped: readonly ReadTask[],
  found: readonly RowDeletes[],
  isRewriting: boolean,
): RowChangeResult {
  let rows: number | undefined = found.reduce((sum, { positions }) => sum + positions.cardinality, 0)
  for (const { entry, deletes } of dropped) {
    const isKnown = deletes.positionDeletes.length === 0 && deletes.equalityDeletes.length === 0
    const live = entry.file.recordCount - (deletes.vector?.file.recordCount ?? 0)
    rows = rows === undefined || !isKnown ? undefined : rows + live
  }
  const rewritten = isRewriting ? found.map(({ task }) => task.entry.file) : []
  return {
    changedRows: rows,
    droppedFiles: dropped.length,
    rewrittenFiles: rewritten.length,
    rewrittenBytes: rewritten.reduce((sum, file) => sum + file.fileSizeBytes, 0),
  }
}
