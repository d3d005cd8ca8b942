/** Places of rows that were found by their keys: what resolving keys comes down to. */
import { PositionSet } from '../format/position-set.js'
import type { ReadTask } from '../reader/plan.js'
import type { RowDeletes } from './row-deletes.js'

/** Rows found, by column: match `i` says that key `keyRows[i]` has a row at `positions[i]` of `tasks[taskIndexes[i]]`. */
export interface KeyLocations {
  /** Files that hold a match, in the order of the plan. */
  readonly tasks: readonly ReadTask[]
  readonly keyRows: Int32Array
  readonly taskIndexes: Int32Array
  readonly positions: Float64Array
  /** v3, when asked for: the row's id, -1 where it has none. */
  readonly rowIds?: BigInt64Array | undefined
  /** Files whose key columns were read. */
  readonly filesRead: number
}

/** Stands for a row without an id. */
export const NO_ROW_ID = -1n

/** Matches of one batch, by column. */
export interface BatchMatches {
  readonly keyRows: Int32Array
  readonly positions: Float64Array
  readonly rowIds: BigInt64Array | undefined
}

export interface FileMatches {
  readonly task: ReadTask
  readonly count: number
  readonly batches: readonly BatchMatches[]
}

/** The positions found, by data file. */
export function positionsByFile(locations: KeyLocations): RowDeletes[] {
  const { tasks, taskIndexes, positions } = locations
  const sets = tasks.map(task => ({ task, positions: new PositionSet() }))
  for (let match = 0; match < positions.length; match++)
    sets[taskIndexes[match] as number]?.positions.add(positions[match] as number)
  return sets
}

/** For each key its first match, or -1. */
export function firstMatches(locations: KeyLocations, keyCount: number): Int32Array {
  const first = new Int32Array(keyCount).fill(-1)
  const { keyRows } = locations
  for (let match = keyRows.length - 1; match >= 0; match--) first[keyRows[match] as number] = match
  return first
}

/** The matches of files, joined. */
export function locationsOf(
  found: readonly FileMatches[],
  options: { readonly withRowIds?: boolean | undefined; readonly filesRead: number },
): KeyLocations {
  const matching = found.filter(file => file.count > 0)
  const count = matching.reduce((sum, file) => sum + file.count, 0)
  const keyRows = new Int32Array(count)
  const taskIndexes = new Int32Array(count)
  const positions = new Float64Array(count)
  const rowIds = options.withRowIds === true ? new BigInt64Array(count) : undefined
  let at = 0
  for (const [index, file] of matching.entries()) {
    taskIndexes.fill(index, at, at + file.count)
    for (const batch of file.batches) {
      keyRows.set(batch.keyRows, at)
      positions.set(batch.positions, at)
      if (batch.rowIds !== undefined) rowIds?.set(batch.rowIds, at)
      at += batch.keyRows.length
    }
  }
  const tasks = matching.map(file => file.task)
  return { tasks, keyRows, taskIndexes, positions, rowIds, filesRead: options.filesRead }
}
