/**
 * Rows as ranges: ascending, disjoint, not touching pairs [from, to) in one array. They say which rows of a row
 * group or of a file to read; `undefined` stands for all of them wherever a `RowRanges` is optional.
 */

export type RowRanges = Uint32Array

/** Rows in the ranges. */
export function countRows(ranges: RowRanges): number {
  let count = 0
  for (let at = 0; at < ranges.length; at += 2) count += (ranges[at + 1] as number) - (ranges[at] as number)
  return count
}

/** Ranges from ascending row numbers. */
export function rangesOfRows(rows: ArrayLike<number>): RowRanges {
  const pairs: number[] = []
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    if (pairs[pairs.length - 1] === row) pairs[pairs.length - 1] = row + 1
    else pairs.push(row, row + 1)
  }
  return Uint32Array.from(pairs)
}

/** The row numbers, ascending. */
export function rowsOfRanges(ranges: RowRanges): Uint32Array {
  const rows = new Uint32Array(countRows(ranges))
  let at = 0
  for (let pair = 0; pair < ranges.length; pair += 2) {
    const end = ranges[pair + 1] as number
    for (let row = ranges[pair] as number; row < end; row++) rows[at++] = row
  }
  return rows
}

/** Joins pairs that touch; they must ascend. */
export function rangesOfPairs(pairs: readonly number[]): RowRanges {
  const joined: number[] = []
  for (let at = 0; at < pairs.length; at += 2) {
    const from = pairs[at] as number
    const to = pairs[at + 1] as number
    if (to <= from) continue
    if (joined[joined.length - 1] === from) joined[joined.length - 1] = to
    else joined.push(from, to)
  }
  return Uint32Array.from(joined)
}

/** The rows that are in both; `undefined` is all rows. */
export function intersectRanges(a: RowRanges | undefined, b: RowRanges | undefined): RowRanges | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const pairs: number[] = []
  let atA = 0
  let atB = 0
  while (atA < a.length && atB < b.length) {
    const from = Math.max(a[atA] as number, b[atB] as number)
    const endA = a[atA + 1] as number
    const endB = b[atB + 1] as number
    if (from < Math.min(endA, endB)) pairs.push(from, Math.min(endA, endB))
    if (endA <= endB) atA += 2
    else atB += 2
  }
  return Uint32Array.from(pairs)
}

/** The rows of `[from, to)` that the ranges hold, counted from `from`. */
export function rangesWithin(ranges: RowRanges, from: number, to: number): RowRanges {
  const pairs: number[] = []
  for (let at = firstBehind(ranges, from); at < ranges.length; at += 2) {
    const start = Math.max(ranges[at] as number, from)
    const end = Math.min(ranges[at + 1] as number, to)
    if (start >= to) break
    if (start < end) pairs.push(start - from, end - from)
  }
  return Uint32Array.from(pairs)
}

/** Whether one of the rows `[from, to)` is in the ranges. */
export function touchesRanges(ranges: RowRanges, from: number, to: number): boolean {
  const at = firstBehind(ranges, from)
  return from < to && at < ranges.length && (ranges[at] as number) < to
}

/** Index of the first pair that ends behind `row`. */
function firstBehind(ranges: RowRanges, row: number): number {
  let low = 0
  let high = ranges.length >> 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((ranges[2 * middle + 1] as number) > row) high = middle
    else low = middle + 1
  }
  return 2 * low
}

/** The ranges cut into parts of at most `rows` rows each. */
export function splitRanges(ranges: RowRanges, rows: number): RowRanges[] {
  const parts: RowRanges[] = []
  let pairs: number[] = []
  let room = rows
  for (let at = 0; at < ranges.length; at += 2) {
    let from = ranges[at] as number
    const to = ranges[at + 1] as number
    while (from < to) {
      const end = Math.min(to, from + room)
      pairs.push(from, end)
      room -= end - from
      from = end
      if (room > 0) continue
      parts.push(Uint32Array.from(pairs))
      pairs = []
      room = rows
    }
  }
  if (pairs.length > 0) parts.push(Uint32Array.from(pairs))
  return parts
}
