/** Rows in any form that `append` and `upsert` take, as batches of the table's columns. */
import { isLakeError, LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { concatBatches } from '../batch/take.js'
import { type ArrowRecordBatch, type ArrowTable, isArrow } from '../format/arrow-kinds.js'
import type { Schema } from '../schema/types.js'
import { conformRows } from '../writer/conform-rows.js'
import { namedAsTable } from './named-columns.js'
import { batchOfRows, type InputRow } from './rows-in.js'

export type Columns = ArrowTable | ArrowRecordBatch | ColumnBatch
type RowsPart = InputRow | Columns

/** Objects by column name, Arrow tables or record batches, column batches, or an iterable of them. */
export type RowsInput = Columns | Iterable<RowsPart> | AsyncIterable<RowsPart>

/** Rows of objects that become one batch. */
const BATCH_ROWS = 8192

/**
 * The rows in batches of the schema's columns, checked.
 * @throws invalid-argument for what is no row, and for a column or a value that does not fit, naming row (from 0,
 * over all that is given) and column
 */
export async function* inputBatches(schema: Schema, rows: RowsInput): AsyncGenerator<ColumnBatch> {
  let pending: InputRow[] = []
  let firstRow = 0
  const flush = (): ColumnBatch => {
    const batch = batchOfRows(schema.fields, pending, { firstRow })
    firstRow += pending.length
    pending = []
    return batch
  }
  for await (const part of partsOf(rows)) {
    if (isColumns(part)) {
      if (pending.length > 0) yield flush()
      for (const batch of await columnsOf(part, schema)) {
        yield conformed(batch, { schema, firstRow })
        firstRow += batch.length
      }
      continue
    }
    pending.push(checkRow(part, firstRow + pending.length))
    if (pending.length >= BATCH_ROWS) yield flush()
  }
  if (pending.length > 0) yield flush()
}

/** All rows as one batch. @throws as `inputBatches` */
export async function collectBatch(schema: Schema, rows: RowsInput): Promise<ColumnBatch> {
  const batches: ColumnBatch[] = []
  for await (const batch of inputBatches(schema, rows)) batches.push(batch)
  return concatBatches(schema.fields, batches)
}

/** What is given, piece by piece. @throws invalid-argument for what is no iterable */
export async function* partsOf(rows: RowsInput): AsyncGenerator<unknown> {
  if (isColumns(rows)) yield rows
  else if (isIterable(rows)) yield* rows
  else throw new LakeError('invalid-argument', 'rows are given as objects in an array or another iterable')
}

function isIterable(rows: unknown): rows is Iterable<unknown> | AsyncIterable<unknown> {
  return (
    typeof rows === 'object' && rows !== null && (Symbol.iterator in rows || Symbol.asyncIterator in rows)
  )
}

/** Whether a piece has columns, with types; other pieces are rows. */
export function isColumns(part: unknown): part is Columns {
  return isArrow(part) || isColumnBatch(part)
}

function isColumnBatch(part: unknown): part is ColumnBatch {
  if (typeof part !== 'object' || part === null || !('fields' in part && 'columns' in part)) return false
  return Array.isArray(part.fields) && Array.isArray(part.columns) && 'length' in part
}

async function columnsOf(part: Columns, { fields }: Schema): Promise<readonly ColumnBatch[]> {
  if (isArrow(part)) {
    const { batchesOfArrow } = await import('../format/arrow.js')
    return batchesOfArrow(part, given => namedAsTable(given, fields, 'arrow'))
  }
  if (part.fields === fields) return [part]
  return [{ ...part, fields: namedAsTable(part.fields, fields, 'batch') }]
}

/** A row number in an error counts from the first row given, not from the first of its batch. */
function conformed(
  batch: ColumnBatch,
  { schema, firstRow }: { readonly schema: Schema; readonly firstRow: number },
): ColumnBatch {
  try {
    return conformRows(batch, schema)
  } catch (error) {
    if (!isLakeError(error) || typeof error.context.row !== 'number') throw error
    const context = { ...error.context, row: firstRow + error.context.row }
    throw new LakeError(error.kind, error.message, { cause: error, context })
  }
}

/** An array, a Map or a date has no columns by name, and would be taken for a row of nulls. */
function checkRow(part: unknown, row: number): InputRow {
  const isRow =
    typeof part === 'object' && part !== null && !(Symbol.iterator in part) && !(part instanceof Date)
  if (isRow) return part as InputRow
  throw new LakeError('invalid-argument', 'a row is not an object of values by column name', {
    context: { row },
  })
}
