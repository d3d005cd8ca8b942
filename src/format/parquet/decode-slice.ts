/**
 * serac's own engine: the columns of a slice as jobs, on workers or inline.
 *
 *   slice -> one job a column -> tasks of about the same bytes -> workers -> vectors
 *
 * Page bytes are read into shared memory, where workers see them; the vectors' memory is handed over.
 */
import { LakeError } from '../../base/errors.js'
import { runInWorker, workersPay, workerThreads } from '../../base/worker-pool.js'
import type { Vector } from '../../batch/column-batch.js'
import { type ColumnJob, decodeColumn, type LeafJob } from './decode/decode-column.js'
import { CODEC_NAMES, checkReadable, type FileRange } from './footer/metadata.js'
import type { ReadEngine, ReadEngineOptions, SliceDecoding } from './read-engine.js'
import { WORKER_SCRIPT } from './worker-script.js'

/** Compressed bytes of a read from which on workers pay, once they run. */
const WORKER_BYTES_MIN = 2 * 1024 * 1024
/** Compressed bytes of a task at least: a message costs as much as decoding some kilobytes. */
const TASK_BYTES_MIN = 256 * 1024

/** @param compressedBytes of all that will be read; decides between workers and inline decoding */
export function ownReadEngine(options: ReadEngineOptions, compressedBytes: number): ReadEngine {
  const onWorkers = compressedBytes >= WORKER_BYTES_MIN && workersPay(WORKER_SCRIPT, compressedBytes)
  return {
    name: 'serac',
    readsShared: onWorkers,
    slicesAhead: onWorkers ? 2 : 0,
    decode: request => (onWorkers ? decodeOnWorkers(options, request) : decodeInline(options, request)),
  }
}

async function decodeInline(options: ReadEngineOptions, request: SliceDecoding): Promise<Vector[]> {
  return options.columns.map(column => decodeColumn(jobOf(options, column, request)))
}

async function decodeOnWorkers(options: ReadEngineOptions, request: SliceDecoding): Promise<Vector[]> {
  const bytesOf = (range: FileRange): Uint8Array => inSharedMemory(request.bytesOf(range))
  const jobs = options.columns.map(column => jobOf(options, column, { ...request, bytesOf }))
  const sizeBytes = jobs.reduce((sum, job) => sum + pageBytes(job), 0)
  const tasks = tasksOf(jobs, Math.max(TASK_BYTES_MIN, sizeBytes / (2 * workerThreads())))
  // All of them, the failed ones too, are over when this settles: nobody reads the bytes any more.
  const settled = await Promise.allSettled(
    tasks.map(task =>
      runInWorker<Vector[]>(WORKER_SCRIPT, 'decodeColumns', task, { signal: options.signal }),
    ),
  )
  return settled.flatMap(result => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

/** Bytes that came with the footer, or from a store that has memory of its own, are copied. */
function inSharedMemory(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}

function jobOf(options: ReadEngineOptions, column: number, { slice, bytesOf }: SliceDecoding): ColumnJob {
  const { footer } = options
  const root = footer.schema.roots[column]
  const group = footer.metadata.rowGroups[slice.rowGroup]
  if (root === undefined || group === undefined) throw new RangeError('a planned column does not exist')
  const leaves: LeafJob[] = []
  for (let index = root.leafFrom; index < root.leafTo; index++) {
    const leaf = footer.schema.leaves[index]
    const chunk = group.columns[index]
    const ranges = slice.chunks.get(index)
    if (leaf === undefined || chunk === undefined || ranges === undefined) continue
    checkReadable(chunk, footer.location)
    const codec = CODEC_NAMES[chunk.codec]
    if (codec === undefined) throw unknownCodec(footer.location, chunk.codec)
    leaves.push({
      leaf,
      codec,
      entries: chunk.valueCount,
      dictionary: ranges.dictionary && bytesOf(ranges.dictionary),
      spans: ranges.spans.map(span => ({ bytes: bytesOf(span.range), firstRow: span.firstRow })),
    })
  }
  return {
    location: footer.location,
    rowGroup: slice.rowGroup,
    column: root.field.name,
    node: root.node,
    type: root.field.type,
    leaves,
    groupRows: group.rowCount,
    rows: slice.rows,
    decodedBytesMax: options.decodedBytesMax,
  }
}

function unknownCodec(location: string, codec: number): LakeError {
  return new LakeError('unsupported', 'the parquet codec is not known', { context: { location, codec } })
}

function pageBytes(job: ColumnJob): number {
  let bytes = 0
  for (const leaf of job.leaves) for (const span of leaf.spans) bytes += span.bytes.length
  return bytes
}

/** Jobs in order, joined until a task has the bytes. */
function tasksOf(jobs: readonly ColumnJob[], taskBytes: number): ColumnJob[][] {
  const tasks: ColumnJob[][] = []
  let task: ColumnJob[] = []
  let bytes = 0
  for (const job of jobs) {
    task.push(job)
    bytes += pageBytes(job)
    if (bytes < taskBytes) continue
    tasks.push(task)
    task = []
    bytes = 0
  }
  if (task.length > 0) tasks.push(task)
  return tasks
}
