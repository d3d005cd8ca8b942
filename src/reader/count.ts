/**
 * Counting rows. A file's share comes from metadata where that proves it; the other files are read, with no column but
 * what the filter and the keys need.
 */
import type { FileIO } from '../io/file-io.js'
import { DELETED_FIELD } from '../schema/reserved-fields.js'
import type { ReadTask, ScanPlan } from './plan.js'
import { provenRows } from './proven-rows.js'
import { type ScanOptions, scanBatches } from './scan.js'

export interface RowCount {
  readonly rows: number
  /** Data files whose share was proven by metadata, and those that were read. */
  readonly filesCounted: number
  readonly filesRead: number
}

/**
 * The number of rows that a scan of the plan gives; those that are deleted too when `_deleted` is among its columns.
 * @throws as `scanBatches`, for the files that must be read
 */
export async function countRows(
  io: FileIO,
  plan: ScanPlan,
  options: Omit<ScanOptions, 'limit' | 'orderBy' | 'before'> = {},
): Promise<RowCount> {
  const unproven: ReadTask[] = []
  // The column that decides which rows there are; no other is needed.
  const fields = plan.fields.filter(field => field.id === DELETED_FIELD.id)
  const provenOf = fields.length === 0 ? provenRows : provenStoredRows
  let rows = 0
  for (const task of plan.tasks) {
    const proven = provenOf(task)
    if (proven === undefined) unproven.push(task)
    else rows += proven
  }
  for await (const batch of scanBatches(io, { ...plan, fields, tasks: unproven }, options))
    rows += batch.length
  return { rows, filesCounted: plan.tasks.length - unproven.length, filesRead: unproven.length }
}

/** All rows of a file match, whatever became of them. */
function provenStoredRows({ entry, residual }: ReadTask): number | undefined {
  return residual.op === 'true' ? entry.file.recordCount : undefined
}
