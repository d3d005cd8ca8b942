/**
 * The rows that a merge writes: those of the table with new values, and those of the source that the table lacks.
 *
 *   updated    columns that are assigned to from the source alone are not read of the table; the others are read late, at
 *              the positions of the rows
 *   inserted   rows of the source that matched nothing
 *
 * An updated row keeps its id, and its change is this commit's.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import type { ColumnBatch, Selection } from '../../batch/column-batch.js'
import { sliceVector } from '../../batch/slice-vector.js'
import { nullVectorOf, takeBatch } from '../../batch/take.js'
import { BOUND_TRUE } from '../../expression/bind.js'
import type { BoundAssignment } from '../../expression/scalar/assign.js'
import { scalarColumns } from '../../expression/scalar/bind.js'
import { evaluateScalar } from '../../expression/scalar/evaluate.js'
import type { RowRanges } from '../../format/parquet/row-ranges.js'
import type { FileIO } from '../../io/file-io.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import { nearRanges } from '../../reader/late-columns.js'
import type { ReadTask } from '../../reader/plan.js'
import { readTask } from '../../reader/read-task.js'
import { ROW_ID_FIELD } from '../../schema/reserved-fields.js'
import type { Field, Schema } from '../../schema/types.js'
import type { DataWriter } from '../data-writer.js'
import { type BoundInsert, keptFields, sourceColumns } from './bind-merge.js'
import { type FoundRows, firstActing, type RowsToUpdate } from './find-rows.js'
import { onlyColumns } from './source-index.js'

export interface WriteRowsOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  readonly source: ColumnBatch
  /** What written rows carry behind their columns. */
  readonly rowLineage: readonly Field[]
  readonly writer: DataWriter
  readonly signal?: AbortSignal | undefined
}

/** Rows computed at a time. */
const BATCH_ROWS = 65_536

/**
 * Writes the rows of a file with new values; their number.
 * @throws as `readTask` and `DataWriter.write`; invalid-argument, with the row of the source, for a value that cannot be
 * computed or does not fit
 */
export async function writeUpdates(
  io: FileIO,
  { task, updates }: FoundRows,
  options: WriteRowsOptions,
): Promise<number> {
  let count = 0
  for (const update of updates) {
    for await (const { batch, from } of currentRows(io, task, update, options))
      await writeUpdated(batch, { update, from }, options)
    count += update.positions.length
  }
  return count
}

/** The kept columns of the rows to update, in turn; `from` counts those before. */
async function* currentRows(
  io: FileIO,
  task: ReadTask,
  { change, positions }: RowsToUpdate,
  { metadata, schema, signal }: WriteRowsOptions,
): AsyncGenerator<{ readonly batch: ColumnBatch; readonly from: number }> {
  const fields = keptFields(change, schema)
  let from = 0
  if (fields.length === 0) {
    for (; from < positions.length; from += BATCH_ROWS) {
      const length = Math.min(BATCH_ROWS, positions.length - from)
      yield { batch: { length, fields, columns: [] }, from }
    }
    return
  }
  const ranges = nearRanges(positions)
  const rowsAt = rowsAtPositions(ranges, positions)
  // The rows are there, whatever the deletes and the filter of the task.
  const alone: ReadTask = { entry: task.entry, deletes: NO_DELETES, residual: BOUND_TRUE }
  for await (const batch of readTask(io, alone, { metadata, schema, fields, atPositions: ranges, signal })) {
    const rows = rowsAt(batch.length)
    if (rows.length === 0) continue
    yield { batch: rows.length === batch.length ? batch : takeBatch(batch, rows), from }
    from += rows.length
  }
}

const NO_DELETES: ReadTask['deletes'] = { positionDeletes: [], equalityDeletes: [] }

/** Which of the next rows of some ranges of a file are at the wanted positions, all of which the ranges hold. */
function rowsAtPositions(ranges: RowRanges, positions: Uint32Array): (count: number) => Selection {
  let range = 0
  let position = ranges[0] ?? 0
  let next = 0
  return count => {
    const rows = new Uint32Array(count)
    let found = 0
    for (let row = 0; row < count; row++) {
      if (position === ranges[range + 1]) {
        range += 2
        position = ranges[range] as number
      }
      if (position === positions[next]) {
        rows[found++] = row
        next++
      }
      position++
    }
    return rows.subarray(0, found)
  }
}

async function writeUpdated(
  current: ColumnBatch,
  at: { readonly update: RowsToUpdate; readonly from: number },
  { schema, source, rowLineage, writer }: WriteRowsOptions,
): Promise<void> {
  const { update, from } = at
  const assignments = update.change.assignments ?? []
  const { length } = current
  const sourceRows = update.sourceRows.subarray(from, from + length)
  const looked = onlyColumns(source, sourceColumns(assignments.map(({ value }) => value)))
  const given = looked.columns.length === 0 ? { ...looked, length } : takeBatch(looked, sourceRows)
  await ofSourceRows(sourceRows, async () => {
    const columns = schema.fields.map(field => {
      const assigned = assignments.find(each => each.field.id === field.id)
      if (assigned !== undefined) return evaluateScalar(assigned.value, [current, given])
      return current.columns[current.fields.indexOf(field)] ?? nullVectorOf(field.type, length)
    })
    const rowIds = update.rowIds && sliceVector(update.rowIds, from, from + length)
    const lineage = rowLineage.map(field =>
      field.id === ROW_ID_FIELD.id && rowIds !== undefined ? rowIds : nullVectorOf(field.type, length),
    )
    await writer.write({
      length,
      fields: [...schema.fields, ...rowLineage],
      columns: [...columns, ...lineage],
    })
  })
}

/**
 * Writes what the clauses make of rows of the source that match none; the number of rows.
 * @throws as `writeUpdates`
 */
export async function writeInserts(
  unmatched: Selection,
  clauses: readonly BoundInsert[],
  options: WriteRowsOptions,
): Promise<number> {
  const { source } = options
  let count = 0
  for (const { change: clause, rows } of firstActing(clauses, source, unmatched)) {
    for (let from = 0; from < rows.length; from += BATCH_ROWS)
      await writeInserted(rows.subarray(from, from + BATCH_ROWS), clause.values, options)
    count += rows.length
  }
  return count
}

async function writeInserted(
  rows: Selection,
  values: readonly BoundAssignment[],
  { schema, source, rowLineage, writer }: WriteRowsOptions,
): Promise<void> {
  const looked = onlyColumns(source, new Set(values.flatMap(({ value }) => [...scalarColumns(value)])))
  const given = rows.length === source.length ? looked : takeBatch(looked, rows)
  const { length } = rows
  await ofSourceRows(rows, async () => {
    const columns = values.map(({ value }) => evaluateScalar(value, given))
    const lineage = rowLineage.map(field => nullVectorOf(field.type, length))
    await writer.write({
      length,
      fields: [...schema.fields, ...rowLineage],
      columns: [...columns, ...lineage],
    })
  })
}

/** A row that an error names is one of the source. */
async function ofSourceRows(rows: Selection | Int32Array, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!isLakeError(error) || typeof error.context.row !== 'number') throw error
    const row = rows[error.context.row] ?? -1
    const { row: _, ...context } = error.context
    const place = row < 0 ? {} : { row }
    throw new LakeError(error.kind, error.message, { cause: error, context: { ...context, ...place } })
  }
}
