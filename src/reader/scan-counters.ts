/** What reading a plan did, counted while it runs. */

/** Grows while a scan runs; one object may serve several tasks. */
export interface ScanCounters {
  dataFiles: number
  /** Files that were not opened because their deletes cover every row. */
  dataFilesFullyDeleted: number
  rowGroups: number
  rowGroupsSkipped: number
  /** Rows of kept row groups that were not decoded, by the page index. */
  rowsSkippedByPage: number
  deleteFiles: number
  /** Rows that were decoded. */
  rowsRead: number
  rowsDeletedByPosition: number
  rowsDeletedByKey: number
  rowsFiltered: number
  rowsReturned: number
}

export function newScanCounters(): ScanCounters {
  return {
    dataFiles: 0,
    dataFilesFullyDeleted: 0,
    rowGroups: 0,
    rowGroupsSkipped: 0,
    rowsSkippedByPage: 0,
    deleteFiles: 0,
    rowsRead: 0,
    rowsDeletedByPosition: 0,
    rowsDeletedByKey: 0,
    rowsFiltered: 0,
    rowsReturned: 0,
  }
}
