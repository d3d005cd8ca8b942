/**
 * serac's own engine: the columns of a row group as jobs, on workers or inline.
 *
 *   batches -> one job a column -> tasks of about the same bytes -> workers -> chunks
 *
 * Values are copied once into shared memory that workers read in place, those of the tasks next in line only; the
 * chunks' memory is handed over.
 */
import { createGate } from '../../base/concurrency.js'
import { borrowShared } from '../../base/shared-memory.js'
import { runInWorker, workersPay, workerThreads } from '../../base/worker-pool.js'
import type { ColumnBatch, Vector } from '../../batch/column-batch.js'
import {
  type EncodedChunk,
  type EncodedColumn,
  type EncodeJob,
  encodeColumn,
} from './encode/encode-column.js'
import { placeVector, type SharedPlace, vectorsBytes } from './shared-vector.js'
import { WORKER_SCRIPT } from './worker-script.js'
import type { WriteEngine, WriteEngineOptions } from './write-engine.js'

/** Bytes of a row group in memory from which on workers pay, once they run. */
const WORKER_BYTES_MIN = 2 * 1024 * 1024
/** Bytes of a task at least. */
const TASK_BYTES_MIN = 512 * 1024
/** Bytes of values copied at one time: what two workers encode and what they do next. */
const COPIED_BYTES_MAX = 32 * 1024 * 1024

/** For all writers of the process, as the workers are. */
const copies = createGate(COPIED_BYTES_MAX)

export function ownWriteEngine(options: WriteEngineOptions): WriteEngine {
  return {
    name: 'serac',
    async encode(batches) {
      const jobs = jobsOf(options, batches)
      const sizes = jobs.map(job => vectorsBytes(job.vectors))
      const sizeBytes = sizes.reduce((sum, size) => sum + size, 0)
      if (sizeBytes < WORKER_BYTES_MIN || !workersPay(WORKER_SCRIPT, sizeBytes)) {
        return jobs.flatMap(job => encodeColumn(job).chunks)
      }
      return encodeOnWorkers(jobs, sizes)
    },
  }
}

function jobsOf(options: WriteEngineOptions, batches: readonly ColumnBatch[]): EncodeJob[] {
  return options.schema.roots.map(root => ({
    root,
    vectors: batches.map(batch => batch.columns[root.column] as Vector),
    options: options.encoding,
  }))
}

async function encodeOnWorkers(
  jobs: readonly EncodeJob[],
  sizes: readonly number[],
): Promise<EncodedChunk[]> {
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0)
  const taskBytes = Math.max(TASK_BYTES_MIN, sizeBytes / (4 * workerThreads()))
  const tasks: Promise<EncodedColumn[]>[] = []
  let task: number[] = []
  let bytes = 0
  for (const [index, size] of sizes.entries()) {
    task.push(index)
    bytes += size
    if (bytes < taskBytes && index + 1 < sizes.length) continue
    tasks.push(
      encodeTask(
        task.map(at => jobs[at] as EncodeJob),
        bytes,
      ),
    )
    task = []
    bytes = 0
  }
  const settled = await Promise.allSettled(tasks)
  return settled.flatMap(result => {
    if (result.status === 'rejected') throw result.reason
    return result.value.flatMap(column => column.chunks)
  })
}

async function encodeTask(jobs: readonly EncodeJob[], sizeBytes: number): Promise<EncodedColumn[]> {
  const leave = await copies.enter(sizeBytes)
  const block = borrowShared(sizeBytes)
  try {
    const place: SharedPlace = { block, at: 0, dictionaries: new Map() }
    const shared = jobs.map(job => ({
      ...job,
      vectors: job.vectors.map(vector => placeVector(place, vector)),
    }))
    return await runInWorker<EncodedColumn[]>(WORKER_SCRIPT, 'encodeColumns', shared)
  } finally {
    // A task that was sent is over when its promise settles: nobody reads the block any more.
    block.release()
    leave()
  }
}
