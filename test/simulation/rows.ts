/**
 * What the files of the world hold. Data files are no Parquet here: the world keeps the rows of each, and the positions that
 * each delete file deletes, so that a commit costs what metadata costs.
 */
import type { ContentFile } from '../../src/manifest/content-file.js'
import type { ReadTask } from '../../src/reader/plan.js'
import { fileKey } from '../../src/snapshot/file-changes.js'

/** `value` is another one for every row ever written, and stays with the row when its file is rewritten. */
export interface Row {
  readonly key: number
  readonly value: number
}

export interface Contents {
  putRows(location: string, rows: readonly Row[]): void
  /** Positions of one data file that a delete file deletes. */
  putDeletes(file: ContentFile, dataLocation: string, positions: readonly number[]): void
  /** Positions in the task's file that its deletes delete. */
  deletedOf(task: ReadTask): ReadonlySet<number>
  /** The rows of the task that are left, with their positions. */
  rowsOf(task: ReadTask): readonly (Row & { readonly position: number })[]
}

export function createContents(): Contents {
  const rows = new Map<string, readonly Row[]>()
  const deletes = new Map<string, { readonly dataLocation: string; readonly positions: readonly number[] }>()
  const deletedOf = ({ entry, deletes: of }: ReadTask): ReadonlySet<number> => {
    const positions = new Set<number>()
    for (const each of of.vector === undefined ? of.positionDeletes : [of.vector, ...of.positionDeletes]) {
      const known = deletes.get(fileKey(each.file))
      if (known?.dataLocation === entry.file.location) for (const at of known.positions) positions.add(at)
    }
    return positions
  }
  return {
    putRows: (location, given) => void rows.set(location, given),
    putDeletes: (file, dataLocation, positions) =>
      void deletes.set(fileKey(file), { dataLocation, positions }),
    deletedOf,
    rowsOf(task) {
      const deleted = deletedOf(task)
      const all = rows.get(task.entry.file.location)
      if (all === undefined) throw new Error(`nobody wrote ${task.entry.file.location}`)
      return all.flatMap((row, position) => (deleted.has(position) ? [] : [{ ...row, position }]))
    },
  }
}
