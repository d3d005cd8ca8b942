// What is scanned. A filter is `{column, from, to}`: from <= column < to.

/** Rows of the first snapshot of a history; each later snapshot appends one more. */
export const FIRST_SNAPSHOT_ROWS = 100_000

/** icebird makes row objects: more of them than this do not fit. */
export const ICEBIRD_ROWS = 500_000

const FIRST_DAY = 8035
const DAYS = 2400

/** `modes` true: also as a stream. `repeats`: runs for the clock in one process, where one is too short. */
export const WORKLOADS = {
  full: { modes: true },
  columns: { modes: true },
  range: { repeats: 5 },
  days: { repeats: 5 },
  point: { repeats: 5 },
  snapshot: { repeats: 5 },
  count: { repeats: 5 },
}

/** The filter of a workload on a table of so many rows. */
export function filterOf(workload, rows) {
  const id = Math.floor(rows / 3)
  switch (workload) {
    case 'range':
      return { column: 'id', from: id, to: id + Math.ceil(rows / 100) }
    case 'point':
      return { column: 'id', from: id, to: id + 1 }
    case 'days':
      return { column: 'order_date', from: FIRST_DAY + DAYS / 2, to: FIRST_DAY + DAYS / 2 + DAYS / 100 }
    default:
      return undefined
  }
}

/** As SQL text that every engine with SQL takes; `date` comes before a date. */
export function whereOf({ column, from, to }, date = '') {
  const value = number => (column === 'id' ? number : `${date}'${dayText(number)}'`)
  if (to === from + 1) return `${column} = ${value(from)}`
  return `${column} >= ${value(from)} and ${column} < ${value(to)}`
}

function dayText(day) {
  return new Date(day * 86_400_000).toISOString().slice(0, 10)
}
