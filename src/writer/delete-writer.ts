/**
 * Deleting rows by position: merge-on-read. What becomes of a data file with rows to delete:
 *
 *   every row deleted now     the data file leaves the table, and every delete that is about it alone
 *   format version 2          one position delete file for it, older ones about it alone are merged in and leave
 *   format version 3          one deletion vector for it, every older vector or position delete is merged in
 *
 * A data file therefore has at most one delete of ours, and reading stays cheap however often it is written to.
 * @see Iceberg table spec, "Delete Formats"
 */
import { mapBounded } from '../base/concurrency.js'
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile, DeleteFile } from '../manifest/content-file.js'
import { referencedDataFile } from '../manifest/delete-index.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { checkWriteProperties } from '../metadata/write-properties.js'
import { createDeleteLoader } from '../reader/load-deletes.js'
import type { ReadTask } from '../reader/plan.js'
import { writeDeletionVectors } from './deletion-vector-writer.js'
import { writePositionDeletes } from './position-delete-writer.js'
import type { MergedDeletes, RowDeleteOptions, RowDeletes } from './row-deletes.js'

export interface RowDeleteChange {
  readonly addedDeleteFiles: readonly DeleteFile[]
  /** Data files without a live row left, and deletes that are merged or about such files alone. */
  readonly removedFiles: readonly ContentFile[]
  /** Locations written; several deletion vectors share one. */
  readonly written: readonly string[]
  /** Rows that were live before. */
  readonly deletedRows: number
}

const CONCURRENCY = 4

/**
 * Writes the delete files for the rows. When it throws, it has deleted what it wrote.
 * @throws corrupt, not-found, denied, unavailable, aborted
 */
export async function writeRowDeletes(
  io: FileIO,
  deletes: readonly RowDeletes[],
  options: RowDeleteOptions,
): Promise<RowDeleteChange> {
  const { metadata } = options
  checkWriteProperties(metadata, 'deletes')
  const merged = await mergeOlderDeletes(io, deletes, options)
  const kept = merged.entries.filter(entry => !isGone(entry))
  const gone = merged.entries.filter(isGone).map(entry => entry.task)
  const write = metadata.formatVersion >= 3 ? writeDeletionVectors : writePositionDeletes
  const addedDeleteFiles = kept.length === 0 ? [] : await write(io, kept, options)
  for (const [index, file] of addedDeleteFiles.entries()) {
    const entry = kept[index]
    if (entry !== undefined)
      options.deleteCache?.put(file, new Map([[entry.task.entry.file.location, entry.positions]]))
  }
  return {
    addedDeleteFiles,
    removedFiles: [
      ...gone.map(task => task.entry.file),
      ...gone.flatMap(deletesOfFileAlone),
      ...kept.flatMap(({ task }) => deletesOfFileAlone(task)),
    ],
    written: [...new Set(addedDeleteFiles.map(file => file.location))],
    deletedRows: merged.newRows,
  }
}

/** Positions beyond the last row, which some writers leave, are no rows: the count alone proves nothing. */
function isGone({ task, positions }: MergedDeletes): boolean {
  const { recordCount } = task.entry.file
  return positions.cardinality >= recordCount && positions.selectLive(0, recordCount).length === 0
}

/** Delete files of a task that are about its data file and no other. */
export function deletesOfFileAlone(task: ReadTask): DeleteFile[] {
  const { vector, positionDeletes } = task.deletes
  const scoped = positionDeletes
    .map(entry => entry.file)
    .filter(file => referencedDataFile(file) !== undefined)
  return vector === undefined ? scoped : [vector.file, ...scoped]
}

interface Merged {
  readonly entries: readonly MergedDeletes[]
  readonly newRows: number
}

/** Adds the positions of older deletes; data files of which nothing new is deleted are left out. */
async function mergeOlderDeletes(
  io: FileIO,
  deletes: readonly RowDeletes[],
  options: RowDeleteOptions,
): Promise<Merged> {
  const { metadata, schema, signal } = options
  const tasks = deletes.map(({ task }) => withMergeableDeletes(task, metadata))
  const loader = createDeleteLoader(io, { metadata, schema, tasks, cache: options.deleteCache })
  let newRows = 0
  const merged = await mapBounded(
    deletes,
    async ({ task, positions }, index) => {
      const older = await loader.load(tasks[index] ?? task, signal)
      const union = new PositionSet()
      if (older.positions !== undefined) union.orWith(older.positions)
      const before = union.cardinality
      union.orWith(positions)
      const added = union.cardinality - before
      newRows += added
      return added === 0 ? undefined : { task, positions: union }
    },
    { limit: options.concurrency ?? CONCURRENCY, signal },
  )
  return { entries: merged.filter(entry => entry !== undefined), newRows }
}

/**
 * The task with the deletes that are merged. A vector hides all position deletes of its file, so it takes them
 * all in; a position delete file takes in only those that can leave the table for it.
 */
function withMergeableDeletes(task: ReadTask, metadata: TableMetadata): ReadTask {
  const { deletes } = task
  const positionDeletes =
    metadata.formatVersion >= 3
      ? deletes.positionDeletes
      : deletes.positionDeletes.filter(entry => referencedDataFile(entry.file) !== undefined)
  return { ...task, deletes: { ...deletes, positionDeletes, equalityDeletes: [] } }
}
