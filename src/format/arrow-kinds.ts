/** Arrow's tables and record batches as users hand them in, told apart without loading the package. */
import type { RecordBatch, Table } from 'apache-arrow'

/** What a user hands in or gets: the package's own classes. */
export type ArrowTable = Table
export type ArrowRecordBatch = RecordBatch

/** The marks by which any copy of the package knows the classes of another; `isArrowTable` of the package looks at them. */
const TABLE_MARK: unique symbol = Symbol.for('apache-arrow/Table')
const RECORD_BATCH_MARK: unique symbol = Symbol.for('apache-arrow/RecordBatch')

/** True for Arrow tables and record batches, of another copy of the package too. */
export function isArrow(value: unknown): value is ArrowTable | ArrowRecordBatch {
  if (typeof value !== 'object' || value === null) return false
  const marked: { readonly [TABLE_MARK]?: unknown; readonly [RECORD_BATCH_MARK]?: unknown } = value
  return marked[TABLE_MARK] === true || marked[RECORD_BATCH_MARK] === true
}
