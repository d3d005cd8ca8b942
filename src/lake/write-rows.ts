/** Given rows as data files of a table, written for the state that was loaded, before the commit. */
import type { ColumnBatch } from '../batch/column-batch.js'
import type { LoadedTable } from '../catalog/catalog.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema, defaultSpec } from '../metadata/lookup.js'
import { fileNaming } from '../writer/file-location.js'
import { openSortedWriter } from '../writer/sorted-writer.js'
import type { LakeContext } from './context.js'
import { inputBatches, type RowsInput } from './input.js'

export interface RowsForTable {
  readonly rows: RowsInput
  /** In the names of the files. */
  readonly operationUuid: string
  /** Sees each batch before it is written; what it throws ends the write. */
  readonly check?: ((batch: ColumnBatch) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Writes the rows, and makes something of the files. When either throws, the files are deleted.
 * @throws invalid-argument for a value that does not fit, naming row and column
 */
export async function writeRowsFor<T>(
  context: LakeContext,
  { metadata }: LoadedTable,
  given: RowsForTable,
  use: (files: readonly DataFile[]) => Promise<T>,
): Promise<T> {
  const { operationUuid, check, signal } = given
  const schema = currentSchema(metadata)
  const writer = openSortedWriter({
    io: context.io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming: fileNaming(metadata, { operationUuid, taskId: 0 }),
    spillFolder: context.spillFolder,
    signal,
  })
  try {
    for await (const batch of inputBatches(schema, given.rows)) {
      check?.(batch)
      await writer.write(batch)
    }
    return await use(await writer.close())
  } catch (error) {
    await writer.abort()
    throw error
  }
}
