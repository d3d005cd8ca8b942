/**
 * Reading a plan: tasks side by side within a bound, batches in the order of the plan whatever the timing. A limit takes
 * the files first whose rows are certain, and stops; an order with a limit reads no more than may be among the first.
 */
import { checkSignal, LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import { sliceBatch } from '../batch/take.js'
import type { FileIO } from '../io/file-io.js'
import type { Value } from '../schema/types.js'
import type { LateColumns } from './late-columns.js'
import { type LimitedTask, limitedTasks } from './limit.js'
import { createDeleteLoader } from './load-deletes.js'
import type { OrderKey } from './order.js'
import { orderedStreams } from './ordered-streams.js'
import type { ScanPlan } from './plan.js'
import { checkReadable, type ReadTaskOptions, readTask } from './read-task.js'
import { checkScanBytes, limitedIO, type TaskShare, wholeTasks } from './scan-budget.js'
import { newScanCounters, type ScanCounters } from './scan-counters.js'
import { createSelectivity } from './selectivity.js'
import { topRows } from './top-rows.js'

export interface ScanOptions {
  /** Data files read at the same time; default 4, and 1 for a limit whose rows metadata does not tell. */
  readonly concurrency?: number | undefined
  /** Rows to return at most. */
  readonly limit?: number | undefined
  /** Returns the first rows in this order; needs a limit. The plan should have the statistics of the first column. */
  readonly orderBy?: readonly OrderKey[] | undefined
  /** With an order: only rows that come before a row of these keys, or may. */
  readonly before?: readonly Value[] | undefined
  /** Rows of a batch at most; a hint to the file reader. */
  readonly batchRows?: number | undefined
  /** Bytes of data and delete files that may be read; a scan that would read more is refused, or ended. */
  readonly maxScanBytes?: number | undefined
  /** When columns that the filter does not need are read behind those that it needs; default auto. */
  readonly lateColumns?: LateColumns | undefined
  /** Counts the work, for `explain`. */
  readonly counters?: ScanCounters | undefined
  readonly signal?: AbortSignal | undefined
}

const READ_CONCURRENCY = 4

/**
 * Reads the plan's rows, deletes applied and filter evaluated, as batches of the plan's fields. Empty batches
 * are left out. Every file is checked for what this version cannot read before the first one is opened.
 * @throws unsupported naming the file; invalid-argument for more bytes than allowed, or an order without a limit;
 *   corrupt, not-found, denied, unavailable, aborted
 */
export async function* scanBatches(
  io: FileIO,
  plan: ScanPlan,
  options: ScanOptions = {},
): AsyncGenerator<ColumnBatch, void, undefined> {
  const { limit, signal, maxScanBytes, orderBy } = options
  checkSignal(signal)
  if (limit !== undefined && limit <= 0) return
  for (const task of plan.tasks) checkReadable(task)
  const storage = maxScanBytes === undefined ? io : limitedIO(io, maxScanBytes)
  const counters = options.counters ?? newScanCounters()
  const counted = { ...options, counters }
  const rows =
    orderBy === undefined || orderBy.length === 0
      ? unorderedRows(storage, plan, counted)
      : firstRows(storage, plan, { ...counted, orderBy })
  for await (const batch of rows) {
    checkSignal(signal)
    counters.rowsReturned += batch.length
    yield batch
  }
}

type Counted<T> = T & { readonly counters: ScanCounters }

function firstRows(
  io: FileIO,
  plan: ScanPlan,
  options: Counted<ScanOptions> & { readonly orderBy: readonly OrderKey[] },
): AsyncIterable<ColumnBatch> {
  const { limit, maxScanBytes, concurrency = READ_CONCURRENCY } = options
  if (limit === undefined) throw new LakeError('invalid-argument', 'rows in an order need a limit')
  if (maxScanBytes !== undefined) checkScanBytes(plan, wholeTasks(plan.tasks), maxScanBytes)
  return topRows(io, plan, { ...options, limit, concurrency })
}

async function* unorderedRows(
  io: FileIO,
  plan: ScanPlan,
  options: Counted<ScanOptions>,
): AsyncGenerator<ColumnBatch, void, undefined> {
  const { signal, maxScanBytes } = options
  const { tasks, isExact } = limitedTasks(plan.tasks, options.limit)
  if (maxScanBytes !== undefined) {
    const shares = isExact ? tasks.map(shareOf) : wholeTasks(plan.tasks)
    checkScanBytes(plan, shares, maxScanBytes)
  }
  const deletes = createDeleteLoader(io, {
    ...plan,
    tasks: tasks.map(({ task }) => task),
    counters: options.counters,
  })
  const shared: ReadTaskOptions = {
    ...plan,
    batchRows: options.batchRows,
    lateColumns: options.lateColumns,
    readsAhead: isExact,
    selectivity: createSelectivity(),
    deletes,
    counters: options.counters,
    signal,
  }
  const lanes = options.concurrency ?? (isExact ? READ_CONCURRENCY : 1)
  const streams =
    lanes === 1 && !isExact
      ? oneByOne(tasks, ({ task, rowsMax }) => readTask(io, task, { ...shared, rowsMax }))
      : orderedStreams(
          tasks,
          ({ task, rowsMax }, stopped) =>
            readTask(io, task, {
              ...shared,
              rowsMax,
              signal: signal === undefined ? stopped : AbortSignal.any([signal, stopped]),
            }),
          { limit: lanes },
        )
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for await (const batch of streams) {
    const part = batch.length <= left ? batch : sliceBatch(batch, 0, left)
    left -= part.length
    yield part
    if (left <= 0) return
  }
}

/** Without reading ahead: the consumer may have enough with any item. */
async function* oneByOne<S, T>(
  sources: readonly S[],
  open: (source: S) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  for (const source of sources) yield* open(source)
}

function shareOf({ task, rowsMax = Number.POSITIVE_INFINITY }: LimitedTask): TaskShare {
  return { task, share: Math.min(1, rowsMax / Math.max(1, task.entry.file.recordCount)) }
}
