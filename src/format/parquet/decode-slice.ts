/**
 * serac's own engine: the columns of a slice as jobs, on workers or inline.
 *
 *   slice -> one job a column -> tasks of about the same bytes -> workers -> vectors
 *
 * Page bytes are copied once into shared memory that workers read in place; the vectors' memory is handed over.
 */
import { LakeError } from '../../base/errors.js'
import { borrowShared, type SharedBlock } from '../../base/shared-memory.js'
import { runInWorker, workersAvailable, workerThreads } from '../../base/worker-pool.js'
import type { Vector } from '../../batch/column-batch.js'
import { type ColumnJob, decodeColumn, type LeafJob } from './decode-column.js'
import { CODEC_NAMES, checkReadable, type FileRange } from './metadata.js'
import type { ReadEngine, ReadEngineOptions, SliceDecoding } from './read-engine.js'
import { WORKER_SCRIPT } from './worker-script.js'

/** Compressed bytes of a read from which on workers pay: fewer are decoded before a worker would have started. */
const WORKER_BYTES_MIN = 2 * 1024 * 1024
/** Compressed bytes of a task at least: a message costs as much as decoding some kilobytes. */
const TASK_BYTES_MIN = 256 * 1024

/** @param compressedBytes of all that will be read; decides between workers and inline decoding */
export function ownReadEngine(options: ReadEngineOptions, compressedBytes: number): ReadEngine {
  const onWorkers = compressedBytes >= WORKER_BYTES_MIN && workersAvailable(WORKER_SCRIPT)
  return {
    name: 'serac',
    needsWholeChunks: false,
    slicesAhead: onWorkers ? 2 : 0,
    decode: request => (onWorkers ? decodeOnWorkers(options, request) : decodeInline(options, request)),
  }
}

async function decodeInline(options: ReadEngineOptions, request: SliceDecoding): Promise<Vector[]> {
  return options.columns.map(column => decodeColumn(jobOf(options, column, request)))
}

async function decodeOnWorkers(options: ReadEngineOptions, request: SliceDecoding): Promise<Vector[]> {
  const ranges = [...request.slice.chunks.values()].flatMap(rangesOf)
  const sizeBytes = ranges.reduce((sum, range) => sum + range.lengthBytes, 0)
  const block = borrowShared(sizeBytes)
  const shared = sharedCopies(block, request)
  const jobs = options.columns.map(column => jobOf(options, column, { ...request, bytesOf: shared }))
  const tasks = tasksOf(jobs, Math.max(TASK_BYTES_MIN, sizeBytes / (2 * workerThreads())))
  const settled = await Promise.allSettled(
    tasks.map(task =>
      runInWorker<Vector[]>(WORKER_SCRIPT, 'decodeColumns', task, { signal: options.signal }),
    ),
  )
  // Only now does no worker read the block any more.
  block.release()
  return settled.flatMap(result => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}

function rangesOf(chunk: {
  readonly dictionary?: FileRange | undefined
  readonly spans: readonly { readonly range: FileRange }[]
}): FileRange[] {
  const spans = chunk.spans.map(span => span.range)
  return chunk.dictionary === undefined ? spans : [chunk.dictionary, ...spans]
}

/** Copies each range that is asked for behind the one before. */
function sharedCopies(block: SharedBlock, request: SliceDecoding): (range: FileRange) => Uint8Array {
  let at = 0
  return range => {
    const copy = block.bytes.subarray(at, at + range.lengthBytes)
    copy.set(request.bytesOf(range))
    at += range.lengthBytes
    return copy
  }
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

/** Jobs in order, joined until a task has the bytes. */
function tasksOf(jobs: readonly ColumnJob[], taskBytes: number): ColumnJob[][] {
  const tasks: ColumnJob[][] = []
  let task: ColumnJob[] = []
  let bytes = 0
  for (const job of jobs) {
    task.push(job)
    for (const leaf of job.leaves) for (const span of leaf.spans) bytes += span.bytes.length
    if (bytes < taskBytes) continue
    tasks.push(task)
    task = []
    bytes = 0
  }
  if (task.length > 0) tasks.push(task)
  return tasks
}
