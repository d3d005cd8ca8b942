/**
 * The changes of one table between two commits, applied in feed order to a map from key to row.
 *
 * Only the end counts: what each key holds when the commit is made. Three things need care.
 * - A cell that is unchanged is taken from the row that the change was made to. If this map holds that row,
 *   the value is here; if the row is still in the table, the cell becomes a reference to it, which the writer
 *   resolves against the table as it is at the swap.
 * - A row that moves to another key takes its unchanged cells along, so a deleted row is remembered until its
 *   source transaction ends.
 * - After a delete, or a truncate, nothing of the old row may shine through.
 */

import { present } from '../../src/base/assert.js'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { partitionKey } from '../../src/schema/partition.js'
import type { Schema, Value } from '../../src/schema/types.js'
import type { KeyedChanges } from '../../src/writer/keyed-changes.js'

/** The value of column `index` in the table's present row of `entry`'s key. */
class TableCell {
  readonly entry: Entry
  readonly index: number
  constructor(entry: Entry, index: number) {
    this.entry = entry
    this.index = index
  }
}

/** Undefined: leave the column as it is. */
export type RowCell = Value | undefined
type StoredCell = Value | TableCell

interface Entry {
  readonly key: readonly Value[]
  /** `untouched`: the table's row, if there is one. */
  state: 'untouched' | 'row' | 'deleted'
  cells: readonly StoredCell[]
  /** The row that was deleted in the running source transaction. */
  departed: readonly StoredCell[] | 'table' | undefined
}

export interface TableChanges {
  /** A row that replaces what its key holds; undefined cells come from the row that left `movedFrom`, else they are null. */
  insert(cells: readonly RowCell[], options?: { readonly movedFrom?: readonly Value[] | undefined }): void
  /** A changed row; undefined cells come from the row of `oldKey`, or of its own key. */
  update(cells: readonly RowCell[], options?: { readonly oldKey?: readonly Value[] | undefined }): void
  delete(key: readonly Value[]): void
  truncate(): void
  /** Forgets the deleted rows of the source transaction that ended. */
  endTransaction(): void
  /** Cells that were unchanged in a change to a row that is nowhere: they became null. */
  readonly orphanedCells: number
  /** What to write. */
  toKeyedChanges(): KeyedChanges
}

/** Starts an empty set of changes; `keyIndexes` are the positions of the key's columns in the schema. */
export function createTableChanges(schema: Schema, keyIndexes: readonly number[]): TableChanges {
  const fields = schema.fields
  const keyFields = keyIndexes.map(index => present(fields[index], 'key field'))
  const keyTypes = keyFields.map(field => field.type)
  let entries = new Map<string, Entry>()
  let departed: Entry[] = []
  let truncated = false
  let orphanedCells = 0

  const entryOf = (key: readonly Value[]): Entry => {
    const text = partitionKey(keyTypes, key)
    let entry = entries.get(text)
    if (entry === undefined) {
      entry = { key, state: truncated ? 'deleted' : 'untouched', cells: [], departed: undefined }
      entries.set(text, entry)
    }
    return entry
  }
  const keyOf = (cells: readonly RowCell[]): readonly Value[] => keyIndexes.map(index => cells[index] ?? null)
  const rowOf = (entry: Entry): readonly StoredCell[] | 'table' | undefined =>
    entry.state === 'row' ? entry.cells : entry.state === 'untouched' ? 'table' : undefined
  const fill = (
    cells: readonly RowCell[],
    from: { readonly entry: Entry; readonly row: readonly StoredCell[] | 'table' | undefined },
  ): StoredCell[] =>
    cells.map((cell, index) => {
      if (cell !== undefined) return cell
      if (from.row === 'table') return new TableCell(from.entry, index)
      if (from.row === undefined) orphanedCells += 1
      return from.row?.[index] ?? null
    })
  const put = (cells: readonly StoredCell[], key: readonly Value[]): void => {
    const entry = entryOf(key)
    entry.cells = cells
    entry.state = 'row'
  }
  const remove = (entry: Entry): void => {
    // A row that is gone already stays remembered: a feed may repeat what it sent.
    entry.departed = rowOf(entry) ?? entry.departed
    entry.state = 'deleted'
    entry.cells = []
    departed.push(entry)
  }

  return {
    get orphanedCells() {
      return orphanedCells
    },
    insert(cells, options = {}) {
      const key = keyOf(cells)
      if (options.movedFrom === undefined) {
        put(
          cells.map(cell => cell ?? null),
          key,
        )
        return
      }
      const entry = entryOf(options.movedFrom)
      // The row leaves its key with a delete of its own; where the feed lacks that, it leaves now.
      if (entry.state === 'untouched') remove(entry)
      put(fill(cells, { entry, row: entry.departed }), key)
    },
    update(cells, options = {}) {
      const key = keyOf(cells)
      const entry = entryOf(options.oldKey ?? key)
      const filled = fill(cells, { entry, row: rowOf(entry) })
      if (partitionKey(keyTypes, entry.key) !== partitionKey(keyTypes, key)) remove(entry)
      put(filled, key)
    },
    delete(key) {
      remove(entryOf(key))
    },
    truncate() {
      entries = new Map()
      departed = []
      truncated = true
    },
    endTransaction() {
      for (const entry of departed) entry.departed = undefined
      departed = []
    },
    toKeyedChanges() {
      return keyedChanges([...entries.values()], { schema, keyIndexes, truncated })
    },
  }
}

function keyedChanges(
  entries: readonly Entry[],
  table: { readonly schema: Schema; readonly keyIndexes: readonly number[]; readonly truncated: boolean },
): KeyedChanges {
  const keyFields = table.keyIndexes.map(index => present(table.schema.fields[index], 'key field'))
  const keyRowOf = new Map(entries.map((entry, row) => [entry, row]))
  const rows: (readonly Value[])[] = []
  const patchRows: number[] = []
  const patchFieldIds: number[] = []
  const patchKeyRows: number[] = []
  for (const entry of entries) {
    if (entry.state !== 'row') continue
    const row = rows.length
    rows.push(
      entry.cells.map(cell => {
        if (!(cell instanceof TableCell)) return cell
        patchRows.push(row)
        patchFieldIds.push(present(table.schema.fields[cell.index], 'column').id)
        patchKeyRows.push(present(keyRowOf.get(cell.entry), 'key of a moved row'))
        return null
      }),
    )
  }
  const keys: ColumnBatch = batchOf(
    keyFields,
    entries.map(entry => entry.key),
  )
  return {
    keyFieldIds: keyFields.map(field => field.id),
    keys,
    rows: batchOf(table.schema.fields, rows),
    patches: {
      rows: Uint32Array.from(patchRows),
      fieldIds: Int32Array.from(patchFieldIds),
      keyRows: Uint32Array.from(patchKeyRows),
    },
    truncate: table.truncated,
  }
}
