/** The forms in which a stream of batches is handed out: scans, inspections and changes have them all. */
import { collect } from '../base/concurrency.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import type { ArrowTable } from '../format/arrow-kinds.js'
import type { Field } from '../schema/types.js'
import { type OutputRow, type RowOptions, rowsOfBatch } from './rows-out.js'

export interface BatchResults {
  batches(): AsyncIterable<ColumnBatch>
  rows(options?: RowOptions): AsyncIterable<OutputRow>
  /** All rows as an apache-arrow table, in memory. */
  toArrow(): Promise<ArrowTable>
}

/** Each use asks for the batches anew. */
export function batchResults(
  fields: () => Promise<readonly Field[]>,
  batches: () => AsyncIterable<ColumnBatch>,
): BatchResults {
  return {
    batches,
    async *rows(options = {}) {
      for await (const batch of batches()) yield* rowsOfBatch(batch, options)
    },
    async toArrow() {
      const { tableOfBatches } = await import('../format/arrow.js')
      return tableOfBatches(await fields(), await collect(batches()))
    },
  }
}
