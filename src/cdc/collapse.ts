/**
 * The changes of one table since the last commit as one set of changes by key: pure, a column at a time.
 *
 *   blocks  --map, widen, join-->  columns of changes   --number keys-->  --follow in feed order-->  the last change of each key
 *   columns --pick the last------>  rows to write, with cells that come from other rows patched in
 */
import { present } from '../base/assert.js'
import { hasBit } from '../batch/bitmap.js'
import type { Bitmap, ColumnBatch } from '../batch/column-batch.js'
import { numberRows } from '../batch/group-rows.js'
import { takeVector, takeVectorOrNull } from '../batch/take.js'
import type { KeyedChanges } from '../writer/keyed-changes.js'
import { type BlockSlice, type ChangeColumns, changeColumns, type TableColumns } from './change-columns.js'
import { followKeys, type KeyStates, keyOfTableRow, NOWHERE } from './key-states.js'

export interface CollapsedChanges {
  readonly changes: KeyedChanges
  /** Cells that were unchanged in a change to a row that is nowhere: they became null. */
  readonly orphanedCells: number
}

/** @throws as `changeColumns` */
export function collapse(slices: readonly BlockSlice[], table: TableColumns): CollapsedChanges {
  const { schema, keyIndexes } = table
  const all = changeColumns(slices, table)
  const keyFields = keyIndexes.map(index => present(schema.fields[index], 'a key field'))
  const { groupOf, firstRow } = numberRows(
    all.keys,
    keyFields.map(field => field.type),
    all.keyRows,
  )
  const states = followKeys(all, { keyOf: groupOf, count: firstRow.length })
  const keyRows = states.touched.map(key => firstRow[key] as number)
  const { rows, patches } = lastRows(all, states, table)
  return {
    changes: {
      keyFieldIds: keyFields.map(field => field.id),
      keys: {
        length: keyRows.length,
        fields: keyFields,
        columns: all.keys.map(vector => takeVector(vector, keyRows)),
      },
      rows,
      patches,
      truncate: states.isTruncated,
    },
    orphanedCells: countOrphans(all, states, keyIndexes),
  }
}

/** The rows that keys hold in the end. */
function lastRows(
  all: ChangeColumns,
  states: KeyStates,
  { schema, keyIndexes }: TableColumns,
): { readonly rows: ColumnBatch; readonly patches: KeyedChanges['patches'] } {
  const last = states.winners.filter(change => change >= 0)
  const patches: PatchList = { rows: [], fieldIds: [], keyRows: [] }
  const columns = schema.fields.map((field, index) => {
    const key = keyIndexes.indexOf(index)
    const vector = present(key < 0 ? all.columns[index] : all.keys[key], 'a column')
    const unchanged = key < 0 ? all.unchanged[index] : undefined
    if (unchanged === undefined) return takeVector(vector, last)
    const sources = sourcesOf(unchanged, states.bases)
    const from = last.map(change => sources[change] as number)
    addPatches(patches, from, { fieldId: field.id, states })
    return takeVectorOrNull(vector, from)
  })
  return {
    rows: { length: last.length, fields: schema.fields, columns },
    patches: {
      rows: Uint32Array.from(patches.rows),
      fieldIds: Int32Array.from(patches.fieldIds),
      keyRows: Uint32Array.from(patches.keyRows),
    },
  }
}

/** For each change where its cell of a column comes from: a change, a row of the table, or nowhere. A base comes before. */
function sourcesOf(unchanged: Bitmap, bases: Int32Array): Int32Array {
  const sources = new Int32Array(bases.length)
  for (let change = 0; change < sources.length; change++) {
    const base = bases[change] as number
    sources[change] = !hasBit(unchanged, change) ? change : base < 0 ? base : (sources[base] as number)
  }
  return sources
}

interface PatchList {
  readonly rows: number[]
  readonly fieldIds: number[]
  readonly keyRows: number[]
}

/** The cells that come from rows of the table. */
function addPatches(
  patches: PatchList,
  from: Int32Array,
  { fieldId, states }: { readonly fieldId: number; readonly states: KeyStates },
): void {
  for (let row = 0; row < from.length; row++) {
    const source = from[row] as number
    if (source >= NOWHERE) continue
    patches.rows.push(row)
    patches.fieldIds.push(fieldId)
    patches.keyRows.push(states.placeOf[keyOfTableRow(source)] as number)
  }
}

function countOrphans(all: ChangeColumns, { orphans }: KeyStates, keyIndexes: readonly number[]): number {
  let count = 0
  for (const [column, bits] of all.unchanged.entries()) {
    if (bits === undefined || keyIndexes.includes(column)) continue
    for (const change of orphans) if (hasBit(bits, change)) count++
  }
  return count
}
