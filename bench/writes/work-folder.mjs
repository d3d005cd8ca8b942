// Every run writes to a folder of its own, `work`, always in the same place, since tables of Iceberg name their files
// by their whole paths. The table that is changed is made there once, moved aside as `base`, and put back for each run:
// files that no engine changes by hard links, others as copies. `work_folder.py` does the same.
import { copyFileSync, linkSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, extname, join, relative } from 'node:path'

const NEVER_CHANGED = new Set(['.parquet', '.avro', '.puffin'])

/** An empty folder, or the table as it was made. */
export function resetWork({ work, base }) {
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  if (base === undefined) return
  for (const path of filesIn(base)) {
    const from = join(base, path)
    const to = join(work, path)
    mkdirSync(dirname(to), { recursive: true })
    if (NEVER_CHANGED.has(extname(path))) linkSync(from, to)
    else copyFileSync(from, to)
  }
}

/** Bytes of the files that a run left, beyond those that were there; what grew counts by its growth. */
export function addedBytes({ work, base }) {
  const before = new Map(base === undefined ? [] : filesIn(base).map(path => [path, sizeIn(base, path)]))
  return filesIn(work).reduce(
    (sum, path) => sum + Math.max(0, sizeIn(work, path) - (before.get(path) ?? 0)),
    0,
  )
}

export function dataFilesIn(folder) {
  return filesIn(folder).filter(path => extname(path) === '.parquet')
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(folder, join(entry.parentPath, entry.name)))
}

function sizeIn(folder, path) {
  return statSync(join(folder, path)).size
}
