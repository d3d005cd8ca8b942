/**
 * Late materialisation: the columns that decide about a row are read first, row group by row group, and the others only
 * where a row was left.
 *
 *   early columns   | . x . . . . . . x x |       x: rows that deletes and filter leave
 *   late columns      |===|           |=====|     read in ranges; rows between near ones are read and dropped
 *
 * The early columns of the next row group are fetched while the late ones of this are read. A row group without a row
 * left costs no byte of its late columns. Early columns that take much memory are not held for all of a row group: their
 * late ones are read in several steps then.
 */
import { assert } from '../base/assert.js'
import type { ColumnBatch, Selection } from '../batch/column-batch.js'
import { concatBatches, sliceBatch, takeBatch } from '../batch/take.js'
import type { ParquetFooter } from '../format/parquet/footer/footer.js'
import type { ChosenRows, ParquetFile } from '../format/parquet/read.js'
import { type GroupRows, leavesOf } from '../format/parquet/read-plan.js'
import { countRows, type RowRanges } from '../format/parquet/row-ranges.js'
import { batchBytes } from '../format/parquet/shared-vector.js'
import type { Field } from '../schema/types.js'
import type { FileLayout } from './file-layout.js'
import type { NeededRows, ReturnedBatch } from './returned-rows.js'
import type { ScanCounters } from './scan-counters.js'

/** When columns are read late: where it seems to pay, or for tests and measurements always or never. */
export type LateColumns = 'auto' | 'always' | 'never'

/** Bytes of late columns in a row group from which on another request is worth it. */
const LATE_BYTES_MIN: number = 1024 * 1024
/** Rows nearer than this are read as one range: copying some values costs less than another range. */
const NEAR_ROWS = 32
/** Bytes of early columns that wait for late ones, about; as many as the late ones have where these are more. */
const HELD_BYTES_MAX: number = 16 * 1024 * 1024

/** Whether the late columns of these rows are large enough to be worth reading for themselves. */
export function isLateWorthwhile(
  footer: ParquetFooter,
  chosen: ChosenRows,
  columns: readonly number[],
): boolean {
  const leaves = leavesOf(footer, columns)
  let bytes = 0
  for (const { rowGroup, rows } of chosen.groups) {
    const group = footer.metadata.rowGroups[rowGroup]
    if (group === undefined) continue
    const share = rows === undefined ? 1 : countRows(rows) / Math.max(1, group.rowCount)
    for (const leaf of leaves) bytes += share * (group.columns[leaf]?.compressedBytes ?? 0)
  }
  return bytes >= LATE_BYTES_MIN * chosen.groups.length
}

export interface LateReading {
  readonly file: ParquetFile
  readonly chosen: ChosenRows
  readonly layout: FileLayout
  /** Fields of the early batches, and of the whole output. */
  readonly earlyFields: readonly Field[]
  readonly lateFields: readonly Field[]
  readonly fields: readonly Field[]
  readonly batchRows: number | undefined
  readonly readsAhead: boolean | undefined
  readonly counters: ScanCounters
}

/** Rows of one row group that are left, with their early columns. */
interface LeftRows {
  readonly group: GroupRows
  readonly positions: Uint32Array
  readonly batches: readonly ColumnBatch[]
}

/**
 * The output of the row groups in turn. `isEnough` is asked behind each of them; when it says so the generator returns
 * the row groups that were not begun.
 * @param early the windows of the early columns, with what `returnedRows` made of them
 */
export async function* lateRows(
  reading: LateReading,
  early: AsyncIterable<{ readonly window: NeededRows; readonly returned: ReturnedBatch }>,
  isEnough: () => boolean,
): AsyncGenerator<ColumnBatch, readonly GroupRows[], undefined> {
  const { groups } = reading.chosen
  let at = 0
  let parts: EarlyPart[] = []
  let heldBytes = 0
  for await (const { window, returned } of early) {
    const next = groupAt(reading, at, window.firstRow)
    if (next !== at || heldBytes >= heldBytesMax(reading, at)) {
      yield* outputOf(reading, leftRows(reading, at, parts))
      parts = []
      heldBytes = 0
    }
    if (next !== at) {
      reading.counters.rowGroupsLate++
      at = next
      if (isEnough()) return groups.slice(at)
    }
    if (returned.batch.length === 0) continue
    parts.push({ firstRow: window.firstRow, ...returned })
    heldBytes += batchBytes(returned.batch)
  }
  yield* outputOf(reading, leftRows(reading, at, parts))
  reading.counters.rowGroupsLate++
  return []
}

/** Without page indexes every step reads the late columns of the row group whole: it is to be worth that. */
function heldBytesMax({ file, chosen, layout }: LateReading, at: number): number {
  const chunks = file.footer.metadata.rowGroups[chosen.groups[at]?.rowGroup ?? -1]?.columns
  let lateBytes = 0
  for (const leaf of leavesOf(file.footer, layout.columns)) lateBytes += chunks?.[leaf]?.compressedBytes ?? 0
  return Math.max(HELD_BYTES_MAX, lateBytes)
}

interface EarlyPart extends ReturnedBatch {
  readonly firstRow: number
}

/** The place among the chosen row groups of the one that holds a row, from `at` on. */
function groupAt({ file, chosen }: LateReading, at: number, row: number): number {
  for (let next = at; next < chosen.groups.length; next++) {
    const group = file.footer.rowGroups[chosen.groups[next]?.rowGroup ?? -1]
    if (group !== undefined && row < group.firstRow + group.rowCount) return next
  }
  assert(false, 'a window lies in a chosen row group')
}

function leftRows(reading: LateReading, at: number, parts: readonly EarlyPart[]): LeftRows | undefined {
  const group = reading.chosen.groups[at]
  if (group === undefined || parts.length === 0) return undefined
  const count = parts.reduce((sum, part) => sum + part.batch.length, 0)
  const positions = new Uint32Array(count)
  let to = 0
  for (const { firstRow, batch, selection } of parts) {
    for (let row = 0; row < batch.length; row++)
      positions[to++] = firstRow + (selection === undefined ? row : (selection[row] as number))
  }
  return { group, positions, batches: parts.map(part => part.batch) }
}

async function* outputOf(
  reading: LateReading,
  left: LeftRows | undefined,
): AsyncGenerator<ColumnBatch, void, undefined> {
  if (left === undefined) return
  const { file, layout, chosen, batchRows, readsAhead, counters } = reading
  const { rowGroup } = left.group
  const windows = file.read({
    columns: layout.columns,
    chosen: { groups: [{ rowGroup }], indexes: chosen.indexes },
    selection: nearRanges(left.positions),
    batchRows,
    readsAhead,
  })
  const nextRows = rowTaker(reading.earlyFields, left.batches)
  let done = 0
  for await (const window of windows) {
    const rows = rowsIn(window, left.positions, done)
    if (rows.length === 0) continue
    const stored = rows.length === window.batch.length ? window.batch : takeBatch(window.batch, rows)
    done += rows.length
    counters.rowsReadLate += window.batch.length
    yield joined(reading, nextRows(rows.length), layout.project(stored))
  }
  assert(done === left.positions.length, 'late columns have every row that is left')
}

/** Gives the rows of batches in turn, as many as it is told. */
function rowTaker(fields: readonly Field[], batches: readonly ColumnBatch[]): (count: number) => ColumnBatch {
  let index = 0
  let at = 0
  return count => {
    const parts: ColumnBatch[] = []
    for (let left = count; left > 0; ) {
      const batch = batches[index]
      assert(batch !== undefined, 'no more rows are taken than there are')
      const to = Math.min(batch.length, at + left)
      parts.push(sliceBatch(batch, at, to))
      left -= to - at
      at = to
      if (at < batch.length) continue
      index++
      at = 0
    }
    return concatBatches(fields, parts)
  }
}

/** Rows of the window that are among the positions, of which those before `from` lie in earlier windows. */
function rowsIn({ firstRow, batch, rows }: NeededRows, positions: Uint32Array, from: number): Selection {
  const found = new Uint32Array(Math.min(batch.length, positions.length - from))
  let count = 0
  if (rows === undefined) {
    const end = firstRow + batch.length
    for (let at = from; at < positions.length && (positions[at] as number) < end; at++)
      found[count++] = (positions[at] as number) - firstRow
  } else {
    for (let row = 0; row < batch.length && count < found.length; row++)
      if (firstRow + (rows[row] as number) === positions[from + count]) found[count++] = row
  }
  return found.subarray(0, count)
}

function joined(
  { fields, earlyFields, lateFields }: LateReading,
  early: ColumnBatch,
  late: ColumnBatch,
): ColumnBatch {
  const columns = fields.map(field => {
    const at = earlyFields.indexOf(field)
    const vector = at >= 0 ? early.columns[at] : late.columns[lateFields.indexOf(field)]
    assert(vector !== undefined, 'an output column was read early or late')
    return vector
  })
  return { length: early.length, fields, columns }
}

/** Ranges that hold the ascending rows, and those between rows that are near. */
export function nearRanges(positions: Uint32Array): RowRanges {
  const pairs: number[] = []
  let end = -1
  for (let at = 0; at < positions.length; at++) {
    const position = positions[at] as number
    if (end < 0 || position - end > NEAR_ROWS) {
      if (end >= 0) pairs.push(end)
      pairs.push(position)
    }
    end = position + 1
  }
  if (end >= 0) pairs.push(end)
  return Uint32Array.from(pairs)
}
