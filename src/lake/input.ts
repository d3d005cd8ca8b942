/** Rows in any form that `append` and `upsert` take, as batches of the table's columns. */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { concatBatches } from '../batch/take.js'
import { type ArrowRecordBatch, type ArrowTable, batchesOfArrow, isArrow } from '../format/arrow.js'
import type { Field, Schema, Type } from '../schema/types.js'
import { conformRows } from '../writer/conform-rows.js'
import { batchOfRows, type InputRow } from './rows-in.js'

type RowsPart = InputRow | ArrowRecordBatch | ArrowTable | ColumnBatch

/** Objects by column name, Arrow tables or record batches, column batches, or an iterable of them. */
export type RowsInput = ArrowTable | ArrowRecordBatch | Iterable<RowsPart> | AsyncIterable<RowsPart>

/** Rows of objects that become one batch. */
const BATCH_ROWS = 8192

/** @throws invalid-argument for a value that does not fit, naming row and column */
export async function* inputBatches(fields: readonly Field[], rows: RowsInput): AsyncGenerator<ColumnBatch> {
  let pending: InputRow[] = []
  let firstRow = 0
  const flush = (): ColumnBatch => {
    const batch = batchOfRows(fields, pending, { firstRow })
    firstRow += pending.length
    pending = []
    return batch
  }
  for await (const part of partsOf(rows)) {
    const columns = columnsOf(part, fields)
    if (columns !== undefined) {
      if (pending.length > 0) yield flush()
      for (const batch of columns) {
        firstRow += batch.length
        yield batch
      }
      continue
    }
    pending.push(part as InputRow)
    if (pending.length >= BATCH_ROWS) yield flush()
  }
  if (pending.length > 0) yield flush()
}

/** All rows as one batch. */
export async function collectBatch(schema: Schema, rows: RowsInput): Promise<ColumnBatch> {
  const batches: ColumnBatch[] = []
  for await (const batch of inputBatches(schema.fields, rows)) batches.push(conformRows(batch, schema))
  return concatBatches(schema.fields, batches)
}

function columnsOf(part: RowsPart, fields: readonly Field[]): readonly ColumnBatch[] | undefined {
  if (isArrow(part)) return batchesOfArrow(part, fields)
  return isColumnBatch(part) ? [byName(part, fields)] : undefined
}

function isColumnBatch(part: Exclude<RowsPart, ArrowTable | ArrowRecordBatch>): part is ColumnBatch {
  return Array.isArray(part.fields) && Array.isArray(part.columns) && typeof part.length === 'number'
}

/** Columns given from outside mean the table's columns of the same name, whatever their field ids. */
function byName(batch: ColumnBatch, fields: readonly Field[]): ColumnBatch {
  const named = batch.fields.map(given => {
    const field = fields.find(candidate => candidate.name === given.name)
    if (field === undefined) {
      throw new LakeError('invalid-argument', 'the rows have a column that the table lacks', {
        context: { column: given.name },
      })
    }
    return { ...given, id: field.id, type: withIdsOf(given.type, field.type) }
  })
  return { ...batch, fields: named }
}

/** The given type with the field ids of the wanted one, as far as they have the same shape. */
function withIdsOf(given: Type, wanted: Type): Type {
  if (given.kind === 'list' && wanted.kind === 'list') {
    return { ...given, elementId: wanted.elementId, element: withIdsOf(given.element, wanted.element) }
  }
  if (given.kind === 'map' && wanted.kind === 'map') {
    return {
      ...given,
      keyId: wanted.keyId,
      key: withIdsOf(given.key, wanted.key),
      valueId: wanted.valueId,
      value: withIdsOf(given.value, wanted.value),
    }
  }
  if (given.kind !== 'struct' || wanted.kind !== 'struct') return given
  return {
    kind: 'struct',
    fields: given.fields.map(field => {
      const twin = wanted.fields.find(candidate => candidate.name === field.name)
      return twin === undefined ? field : { ...field, id: twin.id, type: withIdsOf(field.type, twin.type) }
    }),
  }
}

async function* partsOf(rows: RowsInput): AsyncGenerator<RowsPart> {
  if (isArrow(rows)) yield rows
  else yield* rows
}
