/**
 * Which rows of a window of a data file are returned, and their output columns: rows that a delete covers are left
 * out, the filter is evaluated exactly on the others, and columns read for filter and keys alone are dropped.
 */
import { assert, present } from '../base/assert.js'
import type { ColumnBatch, Selection, Vector } from '../batch/column-batch.js'
import { takeVector } from '../batch/take.js'
import type { Bound } from '../expression/bind.js'
import { evaluate } from '../expression/evaluate.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import type { Field } from '../schema/types.js'
import type { KeyDeletes, TaskDeletes } from './load-deletes.js'
import { isMetadataField, metadataVector } from './metadata-columns.js'
import type { ReadTask } from './plan.js'
import type { ScanCounters } from './scan-counters.js'
import type { NeededColumns } from './task-columns.js'

/** What is fixed for all windows of a file. */
export interface RowRules {
  readonly task: ReadTask
  readonly specs: readonly PartitionSpec[]
  readonly residual: Bound
  readonly deletes: TaskDeletes
  readonly columns: NeededColumns
  /** Of the output. */
  readonly fields: readonly Field[]
  /** Deleted rows are returned too, marked. */
  readonly keepsDeleted: boolean
  readonly counters: ScanCounters
}

/** Rows of a data file in the columns that are needed. */
export interface NeededRows {
  /** Position in the file of the first row. */
  readonly firstRow: number
  readonly batch: ColumnBatch
  /** Position of each row, counted from `firstRow`; absent when the rows follow each other. */
  readonly rows?: Selection | undefined
}

export interface ReturnedBatch {
  readonly batch: ColumnBatch
  /** The rows of the window that are in the batch; undefined: all. */
  readonly selection: Selection | undefined
}

/** Applies deletes and filter to a window and makes the output columns. */
export function returnedRows(rules: RowRules, window: NeededRows): ReturnedBatch {
  const { residual, counters, keepsDeleted } = rules
  const { length } = window.batch
  const live = liveRows(rules, window)
  const candidates = keepsDeleted ? undefined : live
  const accepted = residual.op === 'true' ? candidates : evaluate(residual, window.batch, candidates)
  const selection = accepted?.length === length ? undefined : accepted
  counters.rowsRead += length
  counters.rowsFiltered += (candidates?.length ?? length) - (accepted?.length ?? length)
  return { batch: outputBatch(rules, window, { live, selection }), selection }
}

/** The rows that no delete covers; undefined: all. */
function liveRows(rules: RowRules, { firstRow, batch, rows }: NeededRows): Selection | undefined {
  const { deletes, columns, counters } = rules
  assert(
    rows === undefined || deletes.positions === undefined,
    'rows that are apart have no deleted positions',
  )
  let live = deletes.positions?.selectLive(firstRow, batch.length)
  counters.rowsDeletedByPosition += batch.length - (live?.length ?? batch.length)
  for (const [index, group] of deletes.keyDeletes.entries()) {
    const before = live?.length ?? batch.length
    live = withoutKeys(group, columns.keys[index] ?? [], batch, live)
    counters.rowsDeletedByKey += before - live.length
  }
  return live?.length === batch.length ? undefined : live
}

/** The selected rows whose key is not in the table of deleted keys. */
function withoutKeys(
  group: KeyDeletes,
  places: readonly number[],
  batch: ColumnBatch,
  selection: Selection | undefined,
): Selection {
  const probe = places.map(place => present(batch.columns[place], 'a key column'))
  const found = group.table.find(probe)
  const kept = new Uint32Array(selection?.length ?? batch.length)
  let count = 0
  for (let index = 0; index < kept.length; index++) {
    const row = selection === undefined ? index : (selection[index] as number)
    if ((found[row] as number) < 0) kept[count++] = row
  }
  return kept.subarray(0, count)
}

function outputBatch(
  rules: RowRules,
  { firstRow, batch, rows }: NeededRows,
  chosen: { readonly live: Selection | undefined; readonly selection: Selection | undefined },
): ColumnBatch {
  const { task, specs, columns, fields } = rules
  const { live, selection } = chosen
  const place = { task, specs, firstRow, batchLength: batch.length, selection, live }
  const vectors = fields.map((field, index) => {
    const at = columns.outputs[index]
    const read = at === undefined ? undefined : batch.columns[at]
    if (isMetadataField(field)) {
      assert(rows === undefined, 'metadata columns are of rows that follow each other')
      return metadataVector(field, place, read)
    }
    return selection === undefined ? (read as Vector) : takeVector(read as Vector, selection)
  })
  return { length: selection?.length ?? batch.length, fields, columns: vectors }
}
