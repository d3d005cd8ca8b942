/** Appending data files: the base does not matter, so a retry only writes a new manifest list. */
import { LakeError } from '../base/errors.js'
import type { TableAction } from '../commit/commit-loop.js'
import type { FileIO } from '../io/file-io.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema, specById } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import { checkRowsFit } from '../snapshot/validate.js'
import { snapshotChanges, type WriteOptions } from './snapshot-change.js'

export interface AppendOptions extends WriteOptions {
  /** The schema that the rows were written with. */
  readonly schema?: Schema | undefined
}

/**
 * Adds the files in one snapshot; without files, an empty snapshot. The files are the caller's to delete when
 * the commit definitely fails: pass `discard: () => discardFiles(io, files)` to the commit loop.
 * @throws conflict from the action when a file does not fit the table any more
 */
export function appendAction(io: FileIO, files: readonly DataFile[], options: AppendOptions): TableAction {
  const snapshots = snapshotChanges(io, options)
  return (base, attempt) => {
    checkFilesFit(base.metadata, files, options.schema)
    const changes = { addedDataFiles: files, addedDeleteFiles: [], removedFiles: [] }
    return snapshots.produce(base, attempt, { changes, written: [] })
  }
}

/**
 * Checks that files that were written before still fit the table.
 * @throws conflict when their partition spec has left it, or a column became required since they were written
 */
export function checkFilesFit(
  metadata: TableMetadata,
  files: readonly DataFile[],
  schema: Schema | undefined,
): void {
  if (schema !== undefined && files.length > 0) checkRowsFit(schema, currentSchema(metadata))
  for (const file of files) {
    if (specById(metadata, file.specId) !== undefined) continue
    throw new LakeError('conflict', 'the partition spec of a data file has left the table', {
      context: { location: file.location, specId: file.specId },
    })
  }
}

/** Deletes data files that certainly no table refers to. */
export async function discardFiles(io: FileIO, files: readonly DataFile[]): Promise<void> {
  if (files.length > 0) await io.delete(files.map(file => file.location))
}
