/**
 * How the rows that filters leave lie in what a scan has read so far. What counts is not how many rows are left but in
 * how many stretches of the size of a page they lie: a column read later skips pages, not rows.
 */
import type { Selection } from '../batch/column-batch.js'

const STRETCH_ROWS = 8192
/** Stretches that must have been seen before they say anything. */
const STRETCHES_MIN = 2
/** Above this share of stretches with a row, reading a column later saves too little. */
const HIT_SHARE_MAX = 0.6

/** Grows while a scan runs; one object serves all of its tasks. */
export interface Selectivity {
  /** @param selection the rows left of a window; undefined: all */
  see(rows: number, selection: Selection | undefined): void
  /** True when nearly every stretch has had rows that were left. */
  isLow(): boolean
}

export function createSelectivity(): Selectivity {
  let stretches = 0
  let hits = 0
  return {
    see(rows, selection) {
      const count = Math.ceil(rows / STRETCH_ROWS)
      stretches += count
      hits += selection === undefined ? count : stretchesOf(selection)
    },
    isLow: () => stretches >= STRETCHES_MIN && hits > HIT_SHARE_MAX * stretches,
  }
}

function stretchesOf(selection: Selection): number {
  let count = 0
  let end = 0
  for (let at = 0; at < selection.length; at++) {
    const row = selection[at] as number
    if (row < end) continue
    count++
    end = (Math.floor(row / STRETCH_ROWS) + 1) * STRETCH_ROWS
  }
  return count
}
