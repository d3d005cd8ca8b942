/**
 * What each key holds when a commit is made: the changes of one table, in feed order, followed key by key. Only numbers
 * are looked at: keys are numbered, rows are named by the change that they came with.
 *
 * Three things need care.
 * - A cell that is unchanged is taken from the row that the change was made to: `bases` says which row that is. It may be
 *   the row of another change, or the table's row of a key, which the writer looks up in the table as it is at the swap.
 * - A row that moves to another key takes its unchanged cells along, so a deleted row is remembered until its source
 *   transaction ends.
 * - After a delete, or a truncate, nothing of the old row may shine through.
 */
import { DELETE, INSERT, MOVE, TRUNCATE, UPDATE } from './change-block.js'
import type { ChangeColumns } from './change-columns.js'

/** There is no row. */
export const NOWHERE = -1

/** The table's present row of a key, as a base; other bases are changes, or `NOWHERE`. */
export function tableRowOf(key: number): number {
  return -2 - key
}

/** The key whose row in the table a base below `NOWHERE` is. */
export function keyOfTableRow(base: number): number {
  return -2 - base
}

export interface KeyStates {
  /** Keys whose present rows go away, by number, in the order in which they were first touched (after the last truncate). */
  readonly touched: Int32Array
  /** Place of each key among these, or -1. */
  readonly placeOf: Int32Array
  /** The change with the row that each touched key holds now, or -1. */
  readonly winners: Int32Array
  /** For each change the row that its unchanged cells come from. */
  readonly bases: Int32Array
  /** Changes that leave cells as they are, of a row that is nowhere. */
  readonly orphans: readonly number[]
  /** Every row of the table goes. */
  readonly isTruncated: boolean
}

/** The table's row stands, if there is one; a row of the feed stands; none stands. */
const UNTOUCHED = 0
const ROW = 1
const DELETED = 2

/** @param keys number of the key of each change's own row, then of each old row; and how many keys there are */
export function followKeys(
  changes: Pick<ChangeColumns, 'length' | 'kinds' | 'transactions' | 'oldRows'>,
  keys: { readonly keyOf: Uint32Array; readonly count: number },
): KeyStates {
  const { length, kinds, transactions, oldRows } = changes
  const { keyOf, count } = keys
  const states = new Uint8Array(count)
  const rows = new Int32Array(count)
  const departed = new Int32Array(count)
  const placeOf = new Int32Array(count).fill(-1)
  const touched = new Int32Array(count)
  const bases = new Int32Array(length).fill(NOWHERE)
  const orphans: number[] = []
  let leaving: number[] = []
  let touchedCount = 0
  let isTruncated = false

  const touch = (key: number): void => {
    if ((placeOf[key] as number) >= 0) return
    placeOf[key] = touchedCount
    touched[touchedCount++] = key
    states[key] = isTruncated ? DELETED : UNTOUCHED
    departed[key] = NOWHERE
  }
  const rowOf = (key: number): number => {
    const state = states[key]
    return state === ROW ? (rows[key] as number) : state === UNTOUCHED ? tableRowOf(key) : NOWHERE
  }
  const remove = (key: number): void => {
    const row = rowOf(key)
    // A row that is gone already stays remembered: a feed may repeat what it sent.
    if (row !== NOWHERE) departed[key] = row
    states[key] = DELETED
    leaving.push(key)
  }
  const put = (key: number, change: number): void => {
    touch(key)
    rows[key] = change
    states[key] = ROW
  }
  const setBase = (change: number, base: number): void => {
    bases[change] = base
    if (base === NOWHERE) orphans.push(change)
  }
  const truncate = (): void => {
    for (let at = 0; at < touchedCount; at++) placeOf[touched[at] as number] = -1
    touchedCount = 0
    leaving = []
    isTruncated = true
  }

  for (let change = 0; change < length; change++) {
    if (leaving.length > 0 && transactions[change] !== transactions[change - 1]) {
      for (const key of leaving) departed[key] = NOWHERE
      leaving = []
    }
    const kind = kinds[change]
    const own = keyOf[change] as number
    const oldRow = oldRows[change] as number
    const old = oldRow < 0 ? own : (keyOf[length + oldRow] as number)
    if (kind === INSERT) {
      put(own, change)
    } else if (kind === UPDATE) {
      touch(old)
      setBase(change, rowOf(old))
      if (old !== own) remove(old)
      put(own, change)
    } else if (kind === DELETE) {
      touch(old)
      remove(old)
    } else if (kind === MOVE) {
      touch(old)
      // The row leaves its key with a delete of its own; where the feed lacks that, it leaves now.
      if (states[old] === UNTOUCHED) remove(old)
      setBase(change, departed[old] as number)
      put(own, change)
    } else if (kind === TRUNCATE) truncate()
  }
  const last = touched.subarray(0, touchedCount)
  return {
    touched: last,
    placeOf,
    winners: last.map(key => (states[key] === ROW ? (rows[key] as number) : -1)),
    bases,
    orphans,
    isTruncated,
  }
}
