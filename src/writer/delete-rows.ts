/**
 * Deleting by filter, merge-on-read. A file that must match as a whole leaves the table by metadata alone; of the
 * others the filter columns are read, and the positions of matching live rows are deleted. Planned anew on every
 * base, so nothing that was appended meanwhile is missed.
 */
import { mapBounded } from '../base/concurrency.js'
import { LakeError } from '../base/errors.js'
import type { TableAction } from '../commit/commit-loop.js'
import { bind } from '../expression/bind.js'
import type { Expression } from '../expression/expression.js'
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import { currentSchema } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { deleteMode, type HasProperties, type RowLevelOperation } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader } from '../reader/load-deletes.js'
import { planScan, type ReadTask } from '../reader/plan.js'
import { readTask } from '../reader/read-task.js'
import { POSITION_FIELD } from '../schema/reserved-fields.js'
import type { Schema } from '../schema/types.js'
import { deletesOfFileAlone, writeRowDeletes } from './delete-writer.js'
import { fileNaming } from './file-location.js'
import type { RowDeletes } from './row-deletes.js'
import { positionsOf } from './row-positions.js'
import { snapshotChanges, type WriteOptions } from './snapshot-change.js'

export interface DeleteRowsResult {
  /** Rows that the filter matched and that were live; undefined when files were dropped whose deletes were not read. */
  readonly deletedRows: number | undefined
  /** Data files dropped without reading them. */
  readonly droppedFiles: number
}

export interface DeleteRowsOptions extends WriteOptions {
  readonly caseSensitive?: boolean | undefined
  /** Files read at the same time; default 4. */
  readonly concurrency?: number | undefined
  /** Told by each attempt; the last one told is of the commit. */
  readonly onResult?: ((result: DeleteRowsResult) => void) | undefined
}

const CONCURRENCY = 4

/**
 * Deletes the rows for which the filter is true; `unchanged` when there are none.
 * @throws from the action: unsupported on tables that delete by copy-on-write; invalid-argument for a filter that
 * does not fit the schema; corrupt, not-found, denied, unavailable, aborted
 */
export function deleteRowsAction(io: FileIO, filter: Expression, options: DeleteRowsOptions): TableAction {
  const snapshots = snapshotChanges(io, options)
  return async (base, attempt) => {
    const { metadata } = base
    const { signal } = attempt
    checkWritable(metadata)
    checkMergeOnRead(metadata, 'delete')
    const schema = currentSchema(metadata)
    const plan = await planScan(base, io, {
      snapshot: snapshots.headOf(metadata),
      schema,
      filter: bind(filter, schema, { caseSensitive: options.caseSensitive }),
      signal,
    })
    const dropped = plan.tasks.filter(task => task.residual.op === 'true')
    const partly = plan.tasks.filter(task => task.residual.op !== 'true')
    const matches = await findMatches(io, partly, { ...options, metadata, schema, signal })
    const naming = fileNaming(metadata, { operationUuid: snapshots.operationUuid, taskId: attempt.number })
    const deletes = await writeRowDeletes(io, matches, { metadata, schema, naming, signal })
    options.onResult?.(resultOf(dropped, deletes.deletedRows))
    const removedFiles = [
      ...dropped.flatMap(task => [task.entry.file, ...deletesOfFileAlone(task)]),
      ...deletes.removedFiles,
    ]
    const isEmpty = removedFiles.length === 0 && deletes.addedDeleteFiles.length === 0
    if (isEmpty && !options.keepEmpty) return 'unchanged'
    const changes = { addedDataFiles: [], addedDeleteFiles: deletes.addedDeleteFiles, removedFiles }
    try {
      return await snapshots.produce(base, attempt, { changes, written: deletes.written })
    } catch (error) {
      await io.delete(deletes.written)
      throw error
    }
  }
}

/**
 * Refuses tables whose rows this version cannot change.
 * @throws unsupported
 */
export function checkMergeOnRead(table: HasProperties, operation: RowLevelOperation): void {
  if (deleteMode(table, operation) === 'merge-on-read') return
  throw new LakeError('unsupported', 'rows of copy-on-write tables cannot be changed yet', {
    context: { property: `write.${operation}.mode`, wanted: 'merge-on-read' },
  })
}

interface FindOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly concurrency?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** The positions of the live rows that the tasks' filters accept, of files that have any. */
async function findMatches(
  io: FileIO,
  tasks: readonly ReadTask[],
  options: FindOptions,
): Promise<readonly RowDeletes[]> {
  const deletes = createDeleteLoader(io, { ...options, tasks })
  const found = await mapBounded(
    tasks,
    async task => {
      const positions = new PositionSet()
      for await (const batch of readTask(io, task, { ...options, deletes, fields: [POSITION_FIELD] }))
        for (const position of positionsOf(batch.columns[0])) positions.add(position)
      return { task, positions }
    },
    { limit: options.concurrency ?? CONCURRENCY, signal: options.signal },
  )
  return found.filter(({ positions }) => positions.cardinality > 0)
}

function resultOf(dropped: readonly ReadTask[], deletedRows: number): DeleteRowsResult {
  let rows: number | undefined = deletedRows
  for (const { entry, deletes } of dropped) {
    const isKnown = deletes.positionDeletes.length === 0 && deletes.equalityDeletes.length === 0
    const live = entry.file.recordCount - (deletes.vector?.file.recordCount ?? 0)
    rows = rows === undefined || !isKnown ? undefined : rows + live
  }
  return { deletedRows: rows, droppedFiles: dropped.length }
}
