/** What a snapshot did to the files of its table, read from its summary: what an operator looks at before and after. */

export interface Touched {
  readonly added: number
  readonly removed: number
}

/**
 * Data files, rows and bytes. Rows that are copied into another file are removed and added; rows that are deleted by
 * position are removed, and of the bytes delete files are a part.
 */
export interface WriteEffect {
  readonly dataFiles: Touched
  readonly deleteFiles: Touched
  readonly rows: Touched
  readonly bytes: Touched
}

/** @param summary of a snapshot, with Iceberg's counters; a counter that is not there is 0 */
export function effectOf(summary: Readonly<Record<string, string>>): WriteEffect {
  const count = (key: string): number => Number(summary[key] ?? 0)
  const touched = (added: string, removed: string): Touched => ({
    added: count(added),
    removed: count(removed),
  })
  const positions = touched('added-position-deletes', 'removed-position-deletes')
  const rows = touched('added-records', 'deleted-records')
  return {
    dataFiles: touched('added-data-files', 'deleted-data-files'),
    deleteFiles: touched('added-delete-files', 'removed-delete-files'),
    // A delete file takes the place of those that it merges, with their positions.
    rows: { ...rows, removed: rows.removed + Math.max(0, positions.added - positions.removed) },
    bytes: touched('added-files-size', 'removed-files-size'),
  }
}
