/**
 * Sorts more rows than fit into memory. Rows are held up to a limit of bytes; over it they are sorted and written to a
 * spill file as a run, and at the end the runs are merged. Equal rows keep the order they came in.
 *
 *   add -> held rows -+-> sorted run -> spill file -+
 *                     |   sorted run -> spill file -+-> merge -> batches in order
 *                     +-> what is held at the end --+
 *
 * A run is a chain of frames, each some rows as Node serializes typed arrays: exact for every layout, and as fast as
 * copying. A merge holds one frame of each run. Of too many runs, neighbours are merged to one first.
 */
import { deserialize, serialize } from 'node:v8'
import { checkSignal } from '../base/errors.js'
import type { ColumnBatch, Vector } from '../batch/column-batch.js'
import { compareSortKeys, type SortKeys, sortedRows } from '../batch/sort-keys.js'
import { alignVector, concatBatches, sliceBatch, takeBatch } from '../batch/take.js'
import { batchBytes } from '../format/parquet/shared-vector.js'
import { openSpillFile, type SpillFile } from '../io/spill-file.js'
import type { Field } from '../schema/types.js'

export interface ExternalSortOptions {
  /** Of every batch. */
  readonly fields: readonly Field[]
  /** The keys of the rows of a batch. */
  readonly keysOf: (batch: ColumnBatch) => SortKeys
  /** Rows held before they are spilled; default 64 MiB. At the peak about three times as much is in use. */
  readonly heldBytesMax?: number | undefined
  /** Runs merged at the same time; default 32. */
  readonly runsMax?: number | undefined
  /** Folder of the spill file; default the system's folder for temporary files. */
  readonly spillFolder?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ExternalSort {
  /** Rows added so far. */
  readonly rowCount: number
  /** Bytes that were spilled. */
  readonly spilledBytes: number
  /** @throws what the keys throw; unavailable when the disk is full; aborted */
  add(batch: ColumnBatch): Promise<void>
  /** The rows in order; to be called once. */
  sorted(): AsyncGenerator<ColumnBatch, void, undefined>
  /** Frees everything; also needed after `sorted`. */
  close(): Promise<void>
}

const HELD_BYTES_MAX = 2 ** 26
const RUNS_MAX = 32
/** Rows of a frame: as many as take about this much. */
const FRAME_BYTES = 2 ** 19
/** Rows of a batch that comes out. */
const OUTPUT_ROWS = 16_384

/** Where the frames of a run stand in the spill file. */
type Run = readonly { readonly from: number; readonly lengthBytes: number }[]

export function openExternalSort(options: ExternalSortOptions): ExternalSort {
  const { fields, keysOf, signal } = options
  const heldBytesMax = options.heldBytesMax ?? HELD_BYTES_MAX
  const runsMax = Math.max(2, options.runsMax ?? RUNS_MAX)
  let held: ColumnBatch[] = []
  let heldBytes = 0
  let rowCount = 0
  let file: SpillFile | undefined
  /** Oldest first. */
  let runs: Run[] = []

  const takeHeld = (): ColumnBatch => {
    const rows = concatBatches(fields, held)
    held = []
    heldBytes = 0
    return rows
  }
  const spill = async (): Promise<void> => {
    file ??= await openSpillFile(options.spillFolder)
    const frames: { from: number; lengthBytes: number }[] = []
    const rows = takeHeld()
    for (const frame of frameOrders(rows, sortedRows(keysOf(rows)) ?? inOrder(rows))) {
      checkSignal(signal)
      frames.push(await appendFrame(file, takeBatch(rows, frame)))
    }
    runs.push(frames)
  }
  /** Merges the first runs to one, so that few are open at the end: they are neighbours, so the order of equal rows stays. */
  const mergeSome = async (from: SpillFile): Promise<void> => {
    const some = runs.slice(0, runsMax)
    const frames: { from: number; lengthBytes: number }[] = []
    const cursors = some.map(run => spilledCursor(from, run, options))
    for await (const batch of mergeRuns(cursors, options)) {
      checkSignal(signal)
      for (const frame of frameOrders(batch, inOrder(batch)))
        frames.push(await appendFrame(from, takeBatch(batch, frame)))
    }
    runs = [frames, ...runs.slice(runsMax)]
  }
  return {
    get rowCount() {
      return rowCount
    },
    get spilledBytes() {
      return file?.sizeBytes ?? 0
    },
    async add(batch) {
      if (batch.length === 0) return
      checkSignal(signal)
      const own = withoutDictionaries(batch, fields)
      held.push(own)
      heldBytes += batchBytes(own)
      rowCount += batch.length
      if (heldBytes >= heldBytesMax) await spill()
    },
    async *sorted() {
      const spilled = file
      if (spilled === undefined) {
        if (held.length > 0) yield* sortedSlices(takeHeld(), keysOf)
        return
      }
      if (held.length > 0) await spill()
      while (runs.length > runsMax) await mergeSome(spilled)
      yield* mergeRuns(
        runs.map(run => spilledCursor(spilled, run, options)),
        options,
      )
    },
    async close() {
      held = []
      runs = []
      const spilled = file
      file = undefined
      await spilled?.close()
    },
  }
}

function* sortedSlices(rows: ColumnBatch, keysOf: (batch: ColumnBatch) => SortKeys): Generator<ColumnBatch> {
  const order = sortedRows(keysOf(rows))
  for (let from = 0; from < rows.length; from += OUTPUT_ROWS) {
    const to = Math.min(rows.length, from + OUTPUT_ROWS)
    yield order === undefined ? sliceBatch(rows, from, to) : takeBatch(rows, order.subarray(from, to))
  }
}

/** A dictionary would be written with every frame, and is not counted in what is held. */
function withoutDictionaries(batch: ColumnBatch, fields: readonly Field[]): ColumnBatch {
  const columns = batch.columns.map((column, at) => {
    const type = fields[at]?.type
    return type === undefined ? column : alignVector(column, type)
  })
  return { length: batch.length, fields, columns }
}

/** The rows of each frame, to be copied out: a slice would be written with all that it shares. */
function* frameOrders(rows: ColumnBatch, order: Uint32Array): Generator<Uint32Array> {
  const rowBytes = Math.max(1, batchBytes(rows) / Math.max(1, rows.length))
  const frameRows = Math.max(1, Math.min(OUTPUT_ROWS, Math.floor(FRAME_BYTES / rowBytes)))
  for (let from = 0; from < order.length; from += frameRows) yield order.subarray(from, from + frameRows)
}

function inOrder({ length }: ColumnBatch): Uint32Array {
  const rows = new Uint32Array(length)
  for (let row = 0; row < length; row++) rows[row] = row
  return rows
}

async function appendFrame(
  file: SpillFile,
  frame: ColumnBatch,
): Promise<{ readonly from: number; readonly lengthBytes: number }> {
  const bytes = serialize({ length: frame.length, columns: frame.columns })
  return { from: await file.append(bytes), lengthBytes: bytes.length }
}

/** A run being read: the frame at hand, and the row of it that comes next. */
interface Cursor {
  /** False when the run is at its end. */
  nextFrame(): Promise<boolean>
  readonly frame: ColumnBatch
  readonly keys: SortKeys
  row: number
  /** What makes a row of the frame one of the batch being made; undefined when that takes none of them yet. */
  shift: number | undefined
}

function spilledCursor(file: SpillFile, run: Run, options: ExternalSortOptions): Cursor {
  const { fields, keysOf } = options
  let index = 0
  let frame: ColumnBatch = { length: 0, fields, columns: [] }
  let keys: SortKeys | undefined
  return {
    row: 0,
    shift: undefined,
    get frame() {
      return frame
    },
    get keys() {
      keys ??= keysOf(frame)
      return keys
    },
    async nextFrame() {
      const where = run[index++]
      if (where === undefined) return false
      frame = { fields, ...readFrame(await file.read(where.from, where.lengthBytes)) }
      keys = undefined
      this.row = 0
      this.shift = undefined
      return true
    },
  }
}

/** What `appendFrame` wrote: our own bytes, in a file that has no name. */
function readFrame(bytes: Uint8Array): { readonly length: number; readonly columns: readonly Vector[] } {
  return deserialize(bytes) as { length: number; columns: Vector[] }
}

/** The rows of the runs in order; equal ones in the order of the runs. */
async function* mergeRuns(
  runs: readonly Cursor[],
  { fields }: Pick<ExternalSortOptions, 'fields'>,
): AsyncGenerator<ColumnBatch, void, undefined> {
  const open: Cursor[] = []
  for (const run of runs) if (await run.nextFrame()) open.push(run)
  const output = createOutput(fields, open.length)
  const order = createHeap(open)
  for (let best = order.first(); best !== undefined; best = order.first()) {
    output.take(best)
    if (best.row < best.frame.length) order.moved()
    else if (await best.nextFrame()) order.moved()
    else order.ended()
    if (output.isFull) yield output.flush()
  }
  if (output.length > 0) yield output.flush()
}

/** Collects rows of frames: those frames joined, and the numbers of the rows in them. */
interface Output {
  readonly length: number
  /** The batch is worth making: fewer rows would copy most of each frame several times. */
  readonly isFull: boolean
  take(cursor: Cursor): void
  flush(): ColumnBatch
}

function createOutput(fields: readonly Field[], runCount: number): Output {
  const rows = new Uint32Array(runCount * OUTPUT_ROWS)
  let length = 0
  let cursors: Cursor[] = []
  let frames: ColumnBatch[] = []
  let framesRows = 0
  return {
    get length() {
      return length
    },
    get isFull() {
      return length >= OUTPUT_ROWS && (2 * length >= framesRows || length === rows.length)
    },
    take(cursor) {
      const { frame, row } = cursor
      let { shift } = cursor
      if (shift === undefined) {
        shift = framesRows - row
        cursor.shift = shift
        cursors.push(cursor)
        frames.push(sliceBatch(frame, row, frame.length))
        framesRows += frame.length - row
      }
      rows[length++] = row + shift
      cursor.row++
    },
    flush() {
      const batch = takeBatch(concatBatches(fields, frames), rows.slice(0, length))
      for (const cursor of cursors) cursor.shift = undefined
      length = 0
      cursors = []
      frames = []
      framesRows = 0
      return batch
    },
  }
}

/** A binary heap of cursors by their next rows. */
function createHeap(runs: readonly Cursor[]): {
  first(): Cursor | undefined
  /** The first has another next row. */
  moved(): void
  /** The first has no more rows. */
  ended(): void
} {
  const rank = new Map(runs.map((run, index) => [run, index] as const))
  const heap = [...runs]
  const isBefore = (a: Cursor, b: Cursor): boolean => {
    const order = compareSortKeys(a.keys, a.row, b.keys, b.row)
    return order < 0 || (order === 0 && (rank.get(a) ?? 0) < (rank.get(b) ?? 0))
  }
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      let best = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && isBefore(heap[child] as Cursor, heap[best] as Cursor)) best = child
      }
      if (best === at) return
      const moved = heap[at] as Cursor
      heap[at] = heap[best] as Cursor
      heap[best] = moved
      at = best
    }
  }
  for (let at = (heap.length >> 1) - 1; at >= 0; at--) sink(at)
  return {
    first: () => heap[0],
    moved: () => sink(0),
    ended() {
      const last = heap.pop()
      if (last === undefined || heap.length === 0) return
      heap[0] = last
      sink(0)
    },
  }
}
