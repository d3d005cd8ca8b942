/**
 * A filter on changes, and the columns of the output. A filter looks at the rows that changes are about:
 *
 *   DELETE, INSERT                a change of one row: it stays when the filter takes the row
 *   UPDATE_BEFORE, UPDATE_AFTER   a change of two: both stay when the filter takes either
 *
 * So a row that an update moves out of the filter, or into it, is given as it was and as it is, and whoever keeps a
 * filtered copy of the table learns of it.
 */
import { assert } from '../base/assert.js'
import type { ColumnBatch, Selection } from '../batch/column-batch.js'
import type { Bound } from '../expression/bind.js'
import { evaluate } from '../expression/evaluate.js'
import type { Field } from '../schema/types.js'
import { type PairedRows, type RowDelta, takeRows } from './changelog-rows.js'

/** The rows that the filter takes. */
export function matchingRows(batch: ColumnBatch, filter: Bound): ColumnBatch {
  return filter.op === 'true' ? batch : takeRows(batch, evaluate(filter, batch))
}

/** The changes that the filter takes: pairs stay whole. */
export function matchingPairs(delta: RowDelta, pairs: PairedRows, filter: Bound): PairedRows {
  if (filter.op === 'true') return pairs
  const deleted = marked(evaluate(filter, delta.deleted), delta.deleted.length)
  const inserted = marked(evaluate(filter, delta.inserted), delta.inserted.length)
  const isKept = (_: number, pair: number): boolean =>
    deleted[pairs.before[pair] as number] === 1 || inserted[pairs.after[pair] as number] === 1
  return {
    deleted: pairs.deleted.filter(row => deleted[row] === 1),
    inserted: pairs.inserted.filter(row => inserted[row] === 1),
    before: pairs.before.filter(isKept),
    after: pairs.after.filter(isKept),
  }
}

function marked(rows: Selection, length: number): Uint8Array {
  const marks = new Uint8Array(length)
  for (let at = 0; at < rows.length; at++) marks[rows[at] as number] = 1
  return marks
}

/** Some columns of a batch, in the order of the fields. */
export function withFields(batch: ColumnBatch, fields: readonly Field[]): ColumnBatch {
  const columns = fields.map(({ id }) => {
    const vector = batch.columns[batch.fields.findIndex(field => field.id === id)]
    assert(vector !== undefined, 'the batch has the columns of the output')
    return vector
  })
  return { length: batch.length, fields, columns }
}
