/**
 * Reading a plan: tasks side by side within a bound, batches in the order of the plan whatever the timing.
 */
import { checkSignal } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { sliceBatch } from '../batch/take.js'
import type { FileIO } from '../io/file-io.js'
import { createDeleteLoader } from './load-deletes.js'
import { orderedStreams } from './ordered-streams.js'
import type { ReadTask, ScanPlan } from './plan.js'
import { checkReadable, readTask } from './read-task.js'
import { newScanCounters, type ScanCounters } from './scan-counters.js'

export interface ScanOptions {
  /** Data files read at the same time; default 4, and 1 for a scan with a limit. */
  readonly concurrency?: number | undefined
  /** Rows to return at most. */
  readonly limit?: number | undefined
  /** Rows of a batch at most; a hint to the file reader. */
  readonly batchRows?: number | undefined
  /** Counts the work, for `explain`. */
  readonly counters?: ScanCounters | undefined
  readonly signal?: AbortSignal | undefined
}

const READ_CONCURRENCY = 4

/**
 * Reads the plan's rows, deletes applied and filter evaluated, as batches of the plan's fields. Empty batches
 * are left out. Every file is checked for what this version cannot read before the first one is opened.
 * @throws unsupported naming the file; corrupt, not-found, denied, unavailable, aborted
 */
export async function* scanBatches(
  io: FileIO,
  plan: ScanPlan,
  options: ScanOptions = {},
): AsyncGenerator<ColumnBatch, void, undefined> {
  const { limit = Number.POSITIVE_INFINITY, signal } = options
  checkSignal(signal)
  if (limit <= 0) return
  for (const task of plan.tasks) checkReadable(task)
  const counters = options.counters ?? newScanCounters()
  const deletes = createDeleteLoader(io, { ...plan, counters })
  const open = (task: ReadTask, stopped: AbortSignal): AsyncIterable<ColumnBatch> =>
    readTask(io, task, {
      ...plan,
      batchRows: options.batchRows,
      deletes,
      counters,
      signal: signal === undefined ? stopped : AbortSignal.any([signal, stopped]),
    })
  const lanes = options.concurrency ?? (options.limit === undefined ? READ_CONCURRENCY : 1)
  let left = limit
  for await (const batch of orderedStreams(plan.tasks, open, { limit: lanes })) {
    checkSignal(signal)
    const part = batch.length <= left ? batch : sliceBatch(batch, 0, left)
    counters.rowsReturned += part.length
    left -= part.length
    yield part
    if (left <= 0) return
  }
}
