/**
 * Counting rows. A file's share comes from metadata where that proves it; the other files are read, with no column but
 * what the filter and the keys need.
 */
import type { FileIO } from '../io/file-io.js'
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
 * The number of rows the plan returns, whatever its output columns.
 * @throws as `scanBatches`, for the files that must be read
 */
export async function countRows(
  io: FileIO,
  plan: ScanPlan,
  options: Omit<ScanOptions, 'limit' | 'orderBy' | 'before'> = {},
): Promise<RowCount> {
  const unproven: ReadTask[] = []
  let rows = 0
  for (const task of plan.tasks) {
    const proven = provenRows(task)
    if (proven === undefined) unproven.push(task)
    else rows += proven
  }
  for await (const batch of scanBatches(io, { ...plan, fields: [], tasks: unproven }, options))
    rows += batch.length
  return { rows, filesCounted: plan.tasks.length - unproven.length, filesRead: unproven.length }
}
