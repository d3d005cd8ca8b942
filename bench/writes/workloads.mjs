// What is written. A table that is changed has twice as many rows as an append adds (`--rows`).

/** Files of serac's, PyIceberg's and delta-rs's table that is changed. */
export const TABLE_FILES = 20

/** icebird makes row objects: more of them than this do not fit. */
export const ICEBIRD_ROWS = 500_000

/** What each caller of the grouped appends appends, one row after another. */
export const ROWS_PER_CALLER = 50

/** The rows that go: one in a hundred, in every file. */
export const DELETED = { divisor: 100, rest: 37 }

/** `changesOf`: how many rows of the table get a new version, keys spread evenly. */
export const WORKLOADS = {
  append: { task: 'append' },
  upsert100k: { task: 'upsert', changesOf: rows => Math.round(rows / 50) },
  upsert1m: { task: 'upsert', changesOf: rows => Math.round(rows / 5) },
  delete1: { task: 'delete' },
  commits200: { task: 'commits' },
  grouped: { task: 'grouped' },
}

/** How rows of a table that is there change. */
export const STYLES = {
  mor3: { mode: 'merge-on-read', formatVersion: 3 },
  mor2: { mode: 'merge-on-read', formatVersion: 2 },
  cow3: { mode: 'copy-on-write', formatVersion: 3 },
  cow2: { mode: 'copy-on-write', formatVersion: 2 },
}

/** Whether a workload begins with the table of many rows. */
export function changesTable({ task }) {
  return task === 'upsert' || task === 'delete'
}
