/** Decoded rows as batches that know where in the file they stand. */
import type { ColumnBatch, Selection, Vector } from '../../batch/column-batch.js'
import { sliceVector } from '../../batch/slice-vector.js'
import type { Field } from '../../schema/types.js'
import type { ParquetFooter } from './footer/footer.js'
import type { ReadSlice } from './read-plan.js'
import { rowsOfRanges } from './row-ranges.js'

export interface PositionedBatch {
  /** Position in the file of the batch's first row. */
  readonly firstRow: number
  readonly batch: ColumnBatch
  /** Position of each row, counted from `firstRow`; absent when the rows follow each other. */
  readonly rows?: Selection | undefined
}

export interface BatchShape {
  readonly footer: ParquetFooter
  readonly fields: readonly Field[]
  /** Rows of a batch at most. */
  readonly batchRows: number
  /** Batches may join rows that do not follow each other. */
  readonly isScattered: boolean
}

/** The rows of a slice in order. */
export function* positionedBatches(
  slice: ReadSlice,
  vectors: readonly Vector[],
  shape: BatchShape,
): Generator<PositionedBatch, void, undefined> {
  const groupFirst = shape.footer.rowGroups[slice.rowGroup]?.firstRow ?? 0
  const batch = (from: number, to: number): ColumnBatch => ({
    length: to - from,
    fields: shape.fields,
    columns: vectors.map(vector => sliceVector(vector, from, to)),
  })
  const runs = slice.rows ?? Uint32Array.of(0, slice.rowCount)
  if (shape.isScattered && runs.length > 2) {
    const positions = rowsOfRanges(runs)
    for (let from = 0; from < slice.rowCount; from += shape.batchRows) {
      const to = Math.min(from + shape.batchRows, slice.rowCount)
      const first = positions[from] as number
      const rows = positions.subarray(from, to).map(row => row - first)
      yield { firstRow: groupFirst + first, batch: batch(from, to), rows }
    }
    return
  }
  let done = 0
  for (let run = 0; run < runs.length; run += 2) {
    const end = runs[run + 1] as number
    for (let row = runs[run] as number; row < end; row += shape.batchRows) {
      const length = Math.min(shape.batchRows, end - row)
      yield { firstRow: groupFirst + row, batch: batch(done, done + length) }
      done += length
    }
  }
}
