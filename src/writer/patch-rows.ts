/**
 * Cells of new rows that keep the value of the current row: big values that a change feed did not send again.
 * Each patched column is picked out of three joined together: the rows' own column, the values fetched, one null.
 */
import { assert } from '../base/assert.js'
import type { ColumnBatch, Vector } from '../batch/column-batch.js'
import { concatBatches, nullVectorOf, takeVector } from '../batch/take.js'
import type { Field } from '../schema/types.js'
import type { FetchedRows } from './fetch-rows.js'

/** By patch `i`: the cell (rows[i], fieldIds[i]) takes the value of the current row of key keyRows[i]. */
export interface RowPatches {
  readonly rows: Uint32Array
  readonly fieldIds: Int32Array
  readonly keyRows: Uint32Array
}

/** The columns that patches change, of the given fields. */
export function patchedFields(patches: RowPatches, fields: readonly Field[]): readonly Field[] {
  const ids = new Set(patches.fieldIds)
  return fields.filter(field => ids.has(field.id))
}

/**
 * The batch with the patched cells.
 * @param current the current rows of keys, with at least the patched columns; `matchOfKey` is -1 for keys without
 */
export function patchRows(
  batch: ColumnBatch,
  patches: RowPatches,
  current: { readonly fetched: FetchedRows; readonly matchOfKey: Int32Array },
): ColumnBatch {
  const { rows: fetched, rowOfMatch } = current.fetched
  const columns = batch.fields.map((field, index) => {
    const column = batch.columns[index]
    const source = fetched.columns[fetched.fields.findIndex(candidate => candidate.id === field.id)]
    assert(column !== undefined, 'a batch has a column a field')
    if (source === undefined) return column
    const picked = Int32Array.from({ length: batch.length }, (_, row) => row)
    for (let patch = 0; patch < patches.rows.length; patch++) {
      if (patches.fieldIds[patch] !== field.id) continue
      const match = current.matchOfKey[patches.keyRows[patch] as number] as number
      const row = match < 0 ? fetched.length : (rowOfMatch[match] as number)
      picked[patches.rows[patch] as number] = batch.length + row
    }
    return takeVector(joined(field, [column, source, nullVectorOf(field.type, 1)]), picked)
  })
  return { length: batch.length, fields: batch.fields, columns }
}

/** Patches whose key has no current row: their cells become null. */
export function missingPatches(patches: RowPatches, matchOfKey: Int32Array): number {
  let count = 0
  for (const key of patches.keyRows) if ((matchOfKey[key] as number) < 0) count++
  return count
}

function joined(field: Field, parts: readonly Vector[]): Vector {
  const batches = parts.map(column => ({ length: column.length, fields: [field], columns: [column] }))
  const [column] = concatBatches([field], batches).columns
  assert(column !== undefined, 'a batch has a column a field')
  return column
}
