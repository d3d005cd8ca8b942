/** What reading a plan did, counted while it runs. */

/** Grows while a scan runs; one object may serve several tasks. */
export interface ScanCounters {
  dataFiles: number
  /** Files that were not opened because their deletes cover every row. */
  dataFilesFullyDeleted: number
  /** Files that were not opened because no row of theirs could be among the first of an ordered scan. */
  dataFilesSkippedByOrder: number
  rowGroups: number
  /** By statistics or deleted positions, bloom filters and dictionaries together. */
  rowGroupsSkipped: number
  rowGroupsSkippedByBloom: number
  rowGroupsSkippedByDictionary: number
  /** Row groups behind the last row that a limit takes; not among the others. */
  rowGroupsSkippedByLimit: number
  /** Row groups whose filter columns were read first. */
  rowGroupsLate: number
  /** Rows of kept row groups that were not decoded, by the page index. */
  rowsSkippedByPage: number
  deleteFiles: number
  /** Rows that were decoded; of a row group whose columns are read in two steps those of the first. */
  rowsRead: number
  /** Rows whose other columns were decoded in the second step. */
  rowsReadLate: number
  rowsDeletedByPosition: number
  rowsDeletedByKey: number
  rowsFiltered: number
  rowsReturned: number
}

export function newScanCounters(): ScanCounters {
  return {
    dataFiles: 0,
    dataFilesFullyDeleted: 0,
    dataFilesSkippedByOrder: 0,
    rowGroups: 0,
    rowGroupsSkipped: 0,
    rowGroupsSkippedByBloom: 0,
    rowGroupsSkippedByDictionary: 0,
    rowGroupsSkippedByLimit: 0,
    rowGroupsLate: 0,
    rowsSkippedByPage: 0,
    deleteFiles: 0,
    rowsRead: 0,
    rowsReadLate: 0,
    rowsDeletedByPosition: 0,
    rowsDeletedByKey: 0,
    rowsFiltered: 0,
    rowsReturned: 0,
  }
}
