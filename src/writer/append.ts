/** Appending data files: the base does not matter, so a retry only writes a new manifest list. */
import { LakeError } from '../base/errors.js'
import type { TableAction } from '../commit/commit-loop.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { snapshotChanges, type WriteOptions } from './snapshot-change.js'

/**
 * Adds the files in one snapshot; without files, an empty snapshot. The files are the caller's to delete when
 * the commit definitely fails: pass `discard: () => discardFiles(io, files)` to the commit loop.
 * @throws conflict from the action when a file's partition spec has left the table
 */
export function appendAction(io: FileIO, files: readonly DataFile[], options: WriteOptions): TableAction {
  const snapshots = snapshotChanges(io, options)
  return (base, attempt) => {
    for (const file of files) {
      if (base.metadata.partitionSpecs.some(spec => spec.specId === file.specId)) continue
      throw new LakeError('conflict', 'the partition spec of a data file has left the table', {
        context: { location: file.location, specId: file.specId },
      })
    }
    const changes = { addedDataFiles: files, addedDeleteFiles: [], removedFiles: [] }
    return snapshots.produce(base, attempt, { changes, written: [] })
  }
}

/** Deletes data files that certainly no table refers to. */
export async function discardFiles(io: FileIO, files: readonly DataFile[]): Promise<void> {
  if (files.length > 0) await io.delete(files.map(file => file.location))
}
