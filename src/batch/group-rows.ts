/** Rows with equal keys brought together: the fan-out of a batch to partitions. */
import type { Type } from '../schema/types.js'
import type { Vector } from './column-batch.js'
import { childrenEqual, keyColumns } from './key-column.js'
import { hashRows, slotCount } from './row-hash.js'

export interface RowNumbers {
  /** The group of each row; groups are numbered in the order of their first rows. */
  readonly groupOf: Uint32Array
  /** The first row of each group. */
  readonly firstRow: Uint32Array
}

export interface RowGroups extends RowNumbers {
  /** The rows of each group, ascending. */
  readonly rows: readonly Uint32Array[]
}

/**
 * Groups the `length` rows of some vectors by equality, as `row-hash.ts` has it; without vectors all rows are one
 * group.
 * @throws corrupt when a vector does not have the layout of its type
 */
export function groupRows(vectors: readonly Vector[], types: readonly Type[], length: number): RowGroups {
  const numbers = numberRows(vectors, types, length)
  return { ...numbers, rows: rowsOfGroups(numbers.groupOf, numbers.firstRow.length) }
}

/** As `groupRows`, without the lists of rows: a number for each different key. */
export function numberRows(vectors: readonly Vector[], types: readonly Type[], length: number): RowNumbers {
  const groupOf = new Uint32Array(length)
  const firstRow = vectors.length === 0 ? (length > 0 ? [0] : []) : assignGroups(vectors, types, groupOf)
  return { groupOf, firstRow: Uint32Array.from(firstRow) }
}

/** Writes the group of each row; returns the first row of each group. */
function assignGroups(vectors: readonly Vector[], types: readonly Type[], groupOf: Uint32Array): number[] {
  const columns = keyColumns(vectors, types)
  const hashes = hashRows(vectors, types)
  const firstRow: number[] = []
  const slots = new Int32Array(slotCount(groupOf.length))
  const mask = slots.length - 1
  let lastRow = -1
  for (let row = 0; row < groupOf.length; row++) {
    const hash = hashes[row] as number
    // Rows often come clustered: look at the group of the row before first.
    if (lastRow >= 0 && hashes[lastRow] === hash && childrenEqual(columns, lastRow, columns, row)) {
      groupOf[row] = groupOf[lastRow] as number
      continue
    }
    let slot = hash & mask
    let group = -1
    for (let held = slots[slot] as number; held !== 0; held = slots[slot] as number) {
      const first = firstRow[held - 1] as number
      if (hashes[first] === hash && childrenEqual(columns, first, columns, row)) {
        group = held - 1
        break
      }
      slot = (slot + 1) & mask
    }
    if (group < 0) {
      group = firstRow.push(row) - 1
      slots[slot] = group + 1
    }
    groupOf[row] = group
    lastRow = row
  }
  return firstRow
}

/** A counting sort: all rows in one array, cut by group. */
function rowsOfGroups(groupOf: Uint32Array, groupCount: number): Uint32Array[] {
  const ends = new Uint32Array(groupCount)
  for (let row = 0; row < groupOf.length; row++) {
    const group = groupOf[row] as number
    ends[group] = (ends[group] as number) + 1
  }
  for (let group = 1; group < groupCount; group++) {
    ends[group] = (ends[group] as number) + (ends[group - 1] as number)
  }
  const sorted = new Uint32Array(groupOf.length)
  const starts = ends.slice()
  for (let row = groupOf.length - 1; row >= 0; row--) {
    const group = groupOf[row] as number
    const at = (starts[group] as number) - 1
    starts[group] = at
    sorted[at] = row
  }
  return Array.from(ends, (end, group) => sorted.subarray(starts[group] as number, end))
}
