/**
 * The changes of a table that wait for a commit, end to end, in the terms of the table: its columns, its types, its key.
 *
 *   columns[c]     one row a change; nothing for deletes and truncates
 *   unchanged[c]   cells that the change leaves as they are: marked by the feed, or of a column that its block lacks
 *   keys[k]        first the key of each change's own row, then that of each old row
 */
import { present } from '../base/assert.js'
import { isLakeError, LakeError } from '../base/errors.js'
import { createBitmap, setBit } from '../batch/bitmap.js'
import type { Bitmap, ColumnBatch, Vector } from '../batch/column-batch.js'
import { sliceVector } from '../batch/slice-vector.js'
import { concatBatches, takeVector } from '../batch/take.js'
import type { Field, Schema } from '../schema/types.js'
import {
  type BlockRows,
  type ChangeBlock,
  DELETE,
  INSERT,
  isMarked,
  MOVE,
  TRUNCATE,
  UPDATE,
} from './change-block.js'
import { type ColumnMapper, widenVector } from './column-mapping.js'

/** Changes `from .. to` of a block. */
export interface BlockSlice {
  readonly block: ChangeBlock
  readonly from: number
  readonly to: number
  /** Number of the first transaction of the block's batch: no two transactions of a run have one number. */
  readonly firstTransaction: number
}

export interface ChangeColumns {
  readonly length: number
  readonly kinds: Uint8Array
  readonly transactions: Float64Array
  /** Old row of each change, or -1. */
  readonly oldRows: Int32Array
  readonly columns: readonly Vector[]
  readonly unchanged: readonly (Bitmap | undefined)[]
  readonly keys: readonly Vector[]
  /** Rows of each vector of `keys`. */
  readonly keyRows: number
}

export interface TableColumns {
  readonly schema: Schema
  /** Places of the key's columns in the schema. */
  readonly keyIndexes: readonly number[]
  readonly mapper: ColumnMapper
  /** Name of the table, for messages. */
  readonly table: string
  /** Told the column of each cell that Iceberg cannot hold; may throw. */
  readonly onUnrepresentable: (column: string) => void
}

/**
 * @throws unsupported for a column that does not fit the table; corrupt for a change that does not say which row it is
 * about; what `onUnrepresentable` throws: each with the line of the feed
 */
export function changeColumns(slices: readonly BlockSlice[], table: TableColumns): ChangeColumns {
  const parts = slices.map(slice => partOf(slice, table))
  const length = parts.reduce((sum, part) => sum + part.rows.length, 0)
  const oldCount = parts.reduce((sum, part) => sum + part.oldKeys.length, 0)
  const kinds = new Uint8Array(length)
  const transactions = new Float64Array(length)
  const oldRows = new Int32Array(length)
  const unchanged = new Array<Bitmap | undefined>(table.schema.fields.length).fill(undefined)
  const keysFromOld = new Array<Int32Array | undefined>(table.keyIndexes.length).fill(undefined)
  let at = 0
  let oldAt = 0
  for (const part of parts) {
    const { block, from, to, firstTransaction } = part.slice
    kinds.set(block.kinds.subarray(from, to), at)
    for (let row = from; row < to; row++) {
      const old = block.oldRows[row] as number
      transactions[at + row - from] = firstTransaction + (block.transactions[row] as number)
      oldRows[at + row - from] = old < 0 ? -1 : old - part.oldFrom + oldAt
    }
    markUnchanged(unchanged, part, { at, length })
    for (const { key, row } of part.keysFromOld) {
      const rows = keysFromOld[key] ?? Int32Array.from({ length: length + oldCount }, (_, index) => index)
      keysFromOld[key] = rows
      rows[at + row - from] = length + (oldRows[at + row - from] as number)
    }
    at += to - from
    oldAt += part.oldKeys.length
  }
  const { columns } = concatBatches(
    table.schema.fields,
    parts.map(part => part.rows),
  )
  const keyFields = table.keyIndexes.map(index => present(table.schema.fields[index], 'a key field'))
  const own = table.keyIndexes.map(index => present(columns[index], 'a key column'))
  const oldKeys = parts.map(part => part.oldKeys)
  const keys = concatBatches(keyFields, [{ length, fields: keyFields, columns: own }, ...oldKeys])
  return {
    length,
    kinds,
    transactions,
    oldRows,
    columns,
    unchanged,
    keys: keys.columns.map((vector, key) => {
      const rows = keysFromOld[key]
      return rows === undefined ? vector : takeVector(vector, rows)
    }),
    keyRows: length + oldCount,
  }
}

/** A slice in the columns of the table. */
interface Part {
  readonly slice: BlockSlice
  readonly rows: ColumnBatch
  /** For each column of the table that of the block, or -1. */
  readonly indexes: Int32Array
  /** Key columns of the old rows that the slice names, from `oldFrom` of its block. */
  readonly oldKeys: ColumnBatch
  readonly oldFrom: number
  /** Keys of changed rows that the feed says with the old row only. */
  readonly keysFromOld: readonly { readonly key: number; readonly row: number }[]
}

function partOf(slice: BlockSlice, table: TableColumns): Part {
  const { block, from, to } = slice
  const { fields } = table.schema
  const { indexes, oldIndexes } = atLine(block.lines[from], () => ({
    indexes: table.mapper.indexes(block.rows.columns),
    oldIndexes: table.mapper.indexes(block.old.columns),
  }))
  const keysFromOld = checkOwnKeys(slice, indexes, table)
  checkOldKeys(slice, oldIndexes, table)
  tellUnrepresentable(slice, indexes, table)
  const { oldFrom, oldTo } = oldRange(slice)
  const keyFields = table.keyIndexes.map(index => present(fields[index], 'a key field'))
  return {
    slice,
    indexes,
    rows: {
      length: to - from,
      fields,
      columns: fields.map((field, column) => columnOf(block.rows, { at: indexes[column], field, from, to })),
    },
    oldKeys: {
      length: oldTo - oldFrom,
      fields: keyFields,
      columns: keyFields.map((field, key) =>
        columnOf(block.old, {
          at: oldIndexes[table.keyIndexes[key] as number],
          field,
          from: oldFrom,
          to: oldTo,
        }),
      ),
    },
    oldFrom,
    keysFromOld,
  }
}

function columnOf(
  rows: BlockRows,
  part: {
    readonly at: number | undefined
    readonly field: Field
    readonly from: number
    readonly to: number
  },
): Vector {
  const { at = -1, field, from, to } = part
  const vector = rows.vectors[at]
  const column = rows.columns[at]
  if (vector === undefined || column === undefined) return { layout: 'null', length: to - from }
  return widenVector(sliceVector(vector, from, to), column.type, field.type)
}

/** The old rows that the slice names: they ascend. */
function oldRange({ block, from, to }: BlockSlice): { readonly oldFrom: number; readonly oldTo: number } {
  let oldFrom = -1
  let oldTo = 0
  for (let row = from; row < to; row++) {
    const old = block.oldRows[row] as number
    if (old < 0) continue
    if (oldFrom < 0) oldFrom = old
    oldTo = old + 1
  }
  return { oldFrom: Math.max(0, oldFrom), oldTo }
}

/** Whether a change leaves cells as they are that it does not say. */
function keepsCells(kind: number | undefined): boolean {
  return kind === UPDATE || kind === MOVE
}

function markUnchanged(
  unchanged: (Bitmap | undefined)[],
  { slice, indexes }: Part,
  { at, length }: { readonly at: number; readonly length: number },
): void {
  const { block, from, to } = slice
  for (let column = 0; column < indexes.length; column++) {
    const index = indexes[column] as number
    const marks = index < 0 ? undefined : block.rows.unchanged[index]
    if (index >= 0 && marks === undefined) continue
    for (let row = from; row < to; row++) {
      if (!keepsCells(block.kinds[row]) || (index >= 0 && !isMarked(marks, row))) continue
      const bits = unchanged[column] ?? createBitmap(length)
      unchanged[column] = bits
      setBit(bits, at + row - from)
    }
  }
}

function tellUnrepresentable(slice: BlockSlice, indexes: Int32Array, table: TableColumns): void {
  const { block, from, to } = slice
  for (const [column, field] of table.schema.fields.entries()) {
    const marks = block.rows.unrepresentable[indexes[column] ?? -1]
    if (marks === undefined || table.keyIndexes.includes(column)) continue
    for (let row = from; row < to; row++) {
      const kind = block.kinds[row]
      if (kind === DELETE || kind === TRUNCATE || !isMarked(marks, row)) continue
      atLine(block.lines[row], () => table.onUnrepresentable(field.name))
    }
  }
}

/**
 * Each change says the key of its own row, a delete without an old image too. An update may leave a column of the key to
 * its old image. @throws corrupt
 */
function checkOwnKeys(slice: BlockSlice, indexes: Int32Array, table: TableColumns): Part['keysFromOld'] {
  const { block, from, to } = slice
  const fromOld: { readonly key: number; readonly row: number }[] = []
  for (const [key, column] of table.keyIndexes.entries()) {
    const index = indexes[column] ?? -1
    const unchanged = block.rows.unchanged[index]
    const unrepresentable = block.rows.unrepresentable[index]
    if (index >= 0 && unchanged === undefined && unrepresentable === undefined) continue
    for (let row = from; row < to; row++) {
      const kind = block.kinds[row]
      const hasOld = (block.oldRows[row] as number) >= 0
      if (kind === TRUNCATE || (kind === DELETE && hasOld)) continue
      if (isMarked(unrepresentable, row)) throw keyError(table, column, block.lines[row])
      if (kind === INSERT || (index >= 0 && !isMarked(unchanged, row))) continue
      if (kind !== UPDATE || !hasOld) throw keyError(table, column, block.lines[row])
      fromOld.push({ key, row })
    }
  }
  return fromOld
}

/** @throws corrupt for an old row without its key */
function checkOldKeys({ block, from, to }: BlockSlice, indexes: Int32Array, table: TableColumns): void {
  for (const column of table.keyIndexes) {
    const index = indexes[column] ?? -1
    const unchanged = block.old.unchanged[index]
    const unrepresentable = block.old.unrepresentable[index]
    if (index >= 0 && unchanged === undefined && unrepresentable === undefined) continue
    for (let row = from; row < to; row++) {
      const old = block.oldRows[row] as number
      if (old < 0 || block.kinds[row] === INSERT) continue
      if (index < 0 || isMarked(unchanged, old) || isMarked(unrepresentable, old))
        throw keyError(table, column, block.lines[row])
    }
  }
}

function keyError({ table, schema }: TableColumns, column: number, line: number | undefined): LakeError {
  return new LakeError('corrupt', 'a change does not say which row it is about', {
    context: { table, column: schema.fields[column]?.name ?? '', line: line ?? 0 },
  })
}

/** What goes wrong, with the line of the feed. */
function atLine<T>(line: number | undefined, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!isLakeError(error)) throw error
    throw new LakeError(error.kind, error.message, {
      cause: error,
      context: { ...error.context, line: line ?? 0 },
    })
  }
}
