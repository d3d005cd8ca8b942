/**
 * Removing rows by position, copy-on-write: each data file with such a row is written again without them, and leaves the
 * table with the deletes that are about it alone. A file that keeps no row is not written again. Format version 3: the
 * rows that stay keep their ids and the sequence number of their last change.
 * @see Iceberg table spec, "Row Lineage"
 */
import { PositionSet } from '../format/position-set.js'
import type { FileIO } from '../io/file-io.js'
import type { ContentFile, DataFile } from '../manifest/content-file.js'
import { defaultSpec } from '../metadata/lookup.js'
import { deleteMode, type RowLevelOperation } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { createDeleteLoader, type DeleteLoader } from '../reader/load-deletes.js'
import { readTask } from '../reader/read-task.js'
import { LAST_UPDATED_SEQUENCE_NUMBER_FIELD, ROW_ID_FIELD } from '../schema/reserved-fields.js'
import type { Field, Schema } from '../schema/types.js'
import type { DataWriter } from './data-writer.js'
import { deletesOfFileAlone, type RowDeleteChange, writeRowDeletes } from './delete-writer.js'
import type { RowDeleteOptions, RowDeletes } from './row-deletes.js'
import { openSortedWriter } from './sorted-writer.js'

/** What the table's mode makes of rows that go away. */
export interface RowRemoval extends RowDeleteChange {
  readonly addedDataFiles: readonly DataFile[]
}

const NOTHING_REMOVED: RowRemoval = {
  addedDataFiles: [],
  addedDeleteFiles: [],
  removedFiles: [],
  written: [],
  deletedRows: 0,
}

/**
 * Removes the rows in the mode of the operation. When it throws, it has deleted what it wrote.
 * @throws corrupt, not-found, denied, unavailable, aborted
 */
export async function removeRows(
  io: FileIO,
  deletes: readonly RowDeletes[],
  options: RowDeleteOptions & {
    readonly operation: RowLevelOperation
    readonly spillFolder?: string | undefined
  },
): Promise<RowRemoval> {
  const { metadata, schema, naming, operation, spillFolder, signal } = options
  if (deleteMode(metadata, operation) === 'merge-on-read')
    return { ...(await writeRowDeletes(io, deletes, options)), addedDataFiles: [] }
  if (deletes.length === 0) return NOTHING_REMOVED
  const writer = openSortedWriter({
    io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming,
    lineageFields: lineageFields(metadata),
    spillFolder,
    signal,
  })
  try {
    const removedFiles = await rewriteFiles(io, deletes, { metadata, schema, writer, signal })
    const addedDataFiles = await writer.close()
    return {
      addedDataFiles,
      addedDeleteFiles: [],
      removedFiles,
      written: addedDataFiles.map(file => file.location),
      deletedRows: deletes.reduce((sum, { positions }) => sum + positions.cardinality, 0),
    }
  } catch (error) {
    await writer.abort()
    throw error
  }
}

export interface RewriteOptions {
  readonly metadata: TableMetadata
  readonly schema: Schema
  /** Takes the rows that stay; its lineage fields are those of `lineageFields`. */
  readonly writer: DataWriter
  readonly signal?: AbortSignal | undefined
}

/** What rows that move to another file carry behind their columns. */
export function lineageFields(metadata: TableMetadata): readonly Field[] {
  return metadata.formatVersion >= 3 ? [ROW_ID_FIELD, LAST_UPDATED_SEQUENCE_NUMBER_FIELD] : []
}

/**
 * Gives the rows that stay to the writer; the files that leave the table for it.
 * @throws corrupt, not-found, denied, unavailable, aborted
 */
export async function rewriteFiles(
  io: FileIO,
  deletes: readonly RowDeletes[],
  { metadata, schema, writer, signal }: RewriteOptions,
): Promise<readonly ContentFile[]> {
  const tasks = deletes.map(({ task }) => task)
  const loader = createDeleteLoader(io, { metadata, schema, tasks })
  const fields = [...schema.fields, ...lineageFields(metadata)]
  const removed: ContentFile[] = []
  for (const { task, positions } of deletes) {
    const whole = { ...task, residual: { op: 'true' } as const }
    const reading = { metadata, schema, fields, deletes: withPositions(loader, positions), signal }
    for await (const batch of readTask(io, whole, reading)) await writer.write(batch)
    removed.push(task.entry.file, ...deletesOfFileAlone(task))
  }
  return removed
}

/** The deletes of a table and these positions. */
function withPositions(loader: DeleteLoader, positions: PositionSet): DeleteLoader {
  return {
    async load(task, signal) {
      const loaded = await loader.load(task, signal)
      const all = new PositionSet()
      if (loaded.positions !== undefined) all.orWith(loaded.positions)
      all.orWith(positions)
      return { ...loaded, positions: all }
    },
  }
}
