/** Deleting files of a table: whether that may be done, and doing it when there is no way back. */
import { type ErrorContext, errorText, LakeError } from '../base/errors.js'
import { cloneOrigins } from '../commit/clone-origins.js'
import { deleteInBatches } from '../io/delete-files.js'
import type { DeleteReport, FileIO, IoOptions } from '../io/file-io.js'
import { gcEnabled, type HasProperties } from '../metadata/properties.js'

/** A clone says `gc.enabled=false` to those who do not know which files are its own; `ownershipOf` does. */
export function mayDeleteFiles(table: HasProperties): boolean {
  return gcEnabled(table) || cloneOrigins(table).length > 0
}

/** @throws invalid-argument for a table whose files may not be deleted */
export function checkMayDeleteFiles(table: HasProperties, context: ErrorContext): void {
  if (mayDeleteFiles(table)) return
  throw new LakeError('invalid-argument', 'the table forbids deleting files: gc.enabled is false', {
    context,
  })
}

export interface Deletion extends DeleteReport {
  /** Why it ended early. */
  readonly cutShort?: string | undefined
}

/** Deletes as many of the files as it can. Never throws: what they were needed for is gone already. */
export async function deleteFiles(
  io: FileIO,
  locations: readonly string[],
  options: IoOptions,
): Promise<Deletion> {
  const deleted: string[] = []
  const failed: DeleteReport['failed'][number][] = []
  try {
    for await (const report of deleteInBatches(io, locations, options)) {
      deleted.push(...report.deleted)
      failed.push(...report.failed)
    }
    return { deleted, failed }
  } catch (error) {
    return { deleted, failed, cutShort: errorText(error) }
  }
}
