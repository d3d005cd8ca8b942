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

export interface RowWriterOptions extends Omit<RowDeleteOptions, 'concurrency'> {
  readonly io: FileIO
  readonly spillFolder?: string | undefined
}

/** A writer of rows with the table's columns and, behind them, those of `rowLineage`. @throws as `openSortedWriter` */
export function openRowWriter(options: RowWriterOptions, rowLineage: readonly Field[]): DataWriter {
  const { io, metadata, schema, naming, spillFolder, signal } = options
  return openSortedWriter({
    io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming,
    lineageFields: rowLineage,
    spillFolder,
    signal,
  })
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
  const { metadata, operation } = options
  if (deleteMode(metadata, operation) === 'merge-on-read')
    return { ...(await writeRowDeletes(io, deletes, options)), addedDataFiles: [] }
  if (deletes.length === 0) return NOTHING_REMOVED
  const writer = openRowWriter({ ...options, io }, lineageFields(metadata))
  try {
    return await finishRows(io, deletes, { ...options, isRewriting: true, writer })
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/**
 * Removes the rows, and closes the writer: what it has taken are rows that come, and when files are written again it
 * takes their other rows too. When it throws, the writer is to be aborted.
 * @throws as `removeRows`
 */
export async function finishRows(
  io: FileIO,
  deletes: readonly RowDeletes[],
  options: RowDeleteOptions & { readonly isRewriting: boolean; readonly writer: DataWriter },
): Promise<RowRemoval> {
  const { isRewriting, writer } = options
  const rewritten = isRewriting ? await rewriteFiles(io, deletes, options) : undefined
  const addedDataFiles = await writer.close()
  const removal: RowDeleteChange =
    rewritten === undefined
      ? await writeRowDeletes(io, deletes, options)
      : { ...NOTHING_REMOVED, removedFiles: rewritten, deletedRows: rowCount(deletes) }
  const locations = addedDataFiles.map(file => file.location)
  return { ...removal, addedDataFiles, written: [...locations, ...removal.written] }
}

function rowCount(deletes: readonly RowDeletes[]): number {
  return deletes.reduce((sum, { positions }) => sum + positions.cardinality, 0)
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
