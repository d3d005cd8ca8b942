/**
 * Writing by key: upserts and applied change feeds. Per attempt:
 *
 *   keys  --resolve on the base-->  (file, position)  -->  deletes, or these files without the rows
 *   rows  --patch, row ids------->  data files            kept from the last attempt when nothing they hold changed
 *
 * Every key is resolved anew on a moved base: a row that another writer inserted, moved or deleted meanwhile is
 * found where it is now, so two upserters of one key leave one row. No equality deletes are written.
 */
import { LakeError } from '../base/errors.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import type { TableAction } from '../commit/commit-loop.js'
import type { FileIO } from '../io/file-io.js'
import { currentSchema } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { RowLevelOperation } from '../metadata/properties.js'
import type { Schema } from '../schema/types.js'
import { arrangeColumns } from './conform-rows.js'
import { fileNaming } from './file-location.js'
import type { KeyCache } from './key-cache.js'
import { firstMatches, positionsByFile } from './key-locations.js'
import { checkKeyType, type KeyedChanges } from './keyed-changes.js'
import {
  keysOfRows,
  type ResolvedRows,
  rowSources,
  sameSources,
  type WrittenRows,
  writeRows,
} from './keyed-rows.js'
import { missingPatches } from './patch-rows.js'
import { resolveKeys } from './resolve-keys.js'
import { removeRows } from './rewrite-files.js'
import { snapshotChanges, type WriteOptions } from './snapshot-change.js'

export interface KeyedWriteResult {
  /** Rows whose key had no current row, and rows whose key had. */
  readonly insertedRows: number
  readonly updatedRows: number
  /** Keys that had a current row and got no new one. */
  readonly deletedKeys: number
  /** Patched cells whose key had no current row: they are null now. */
  readonly missingCells: number
}

export interface KeyedWriteOptions extends WriteOptions {
  /** Whose mode property decides; default `merge`. */
  readonly operation?: RowLevelOperation | undefined
  /** Keeps what was read of the table's files for the next write: for a series of writes of one process. */
  readonly keyCache?: KeyCache | undefined
  /** Told by each attempt; the last one told is of the commit. */
  readonly onResult?: ((result: KeyedWriteResult) => void) | undefined
}

/**
 * Replaces the rows of the keys by the given rows; `unchanged` when nothing goes and nothing comes.
 * @throws from the action: invalid-argument when rows or keys do not fit the
 * schema of the base; corrupt, not-found, denied, unavailable, aborted
 */
export function keyedWriteAction(io: FileIO, changes: KeyedChanges, options: KeyedWriteOptions): TableAction {
  const snapshots = snapshotChanges(io, options)
  const keyOfRow = keysOfRows(changes)
  const { keyCache } = options
  const deleteCache = keyCache?.deletes
  let kept: WrittenRows | undefined
  return async (base, attempt) => {
    const { metadata } = base
    const { signal } = attempt
    checkWritable(metadata)
    const schema = currentSchema(metadata)
    const locations = await resolveKeys(base, io, keysFor(changes, schema), {
      snapshot: changes.truncate ? undefined : snapshots.headOf(metadata),
      schema,
      withRowIds: metadata.formatVersion >= 3,
      keyCache,
      signal,
    })
    const matchOfKey = firstMatches(locations, changes.keys.length)
    const resolved: ResolvedRows = { changes, metadata, schema, locations, matchOfKey, keyOfRow }
    const naming = fileNaming(metadata, { operationUuid: snapshots.operationUuid, taskId: attempt.number })
    const sources = rowSources(resolved)
    const reused = kept !== undefined && sameSources(kept.sources, sources)
    const files =
      reused && kept ? kept.files : await writeRows(io, resolved, { naming, sources, deleteCache, signal })
    const dataLocations = files.map(file => file.location)
    const fresh = reused ? [] : [...dataLocations]
    try {
      const deletes = await removeRows(io, positionsByFile(locations), {
        metadata,
        schema,
        naming,
        operation: options.operation ?? 'merge',
        deleteCache,
        signal,
      })
      fresh.push(...deletes.written)
      options.onResult?.(resultOf(resolved))
      const isEmpty = files.length === 0 && deletes.deletedRows === 0 && !changes.truncate
      if (isEmpty && !options.keepEmpty) return 'unchanged'
      const change = await snapshots.produce(base, attempt, {
        changes: {
          addedDataFiles: [...files, ...deletes.addedDataFiles],
          addedDeleteFiles: deletes.addedDeleteFiles,
          removedFiles: deletes.removedFiles,
          removeAll: changes.truncate,
        },
        written: [...dataLocations, ...deletes.written],
      })
      kept = { files, sources }
      return change
    } catch (error) {
      // What an earlier attempt has returned is the commit loop's to delete; the rest nobody knows of.
      await io.delete(fresh)
      throw error
    }
  }
}

/** The keys as columns of the base's schema. @throws invalid-argument */
export function keysFor(changes: KeyedChanges, schema: Schema): ColumnBatch {
  const fields = changes.keyFieldIds.map(id => {
    const field = schema.fields.find(candidate => candidate.id === id)
    if (field === undefined)
      throw new LakeError('invalid-argument', 'the table has no such key column', {
        context: { fieldId: id },
      })
    checkKeyType(field)
    return { ...field, required: false }
  })
  return arrangeColumns(changes.keys, { ...schema, fields })
}

function resultOf({ changes, matchOfKey, keyOfRow }: ResolvedRows): KeyedWriteResult {
  let updatedRows = 0
  for (const key of keyOfRow) if (key >= 0 && (matchOfKey[key] as number) >= 0) updatedRows++
  const found = matchOfKey.reduce((count, match) => count + (match < 0 ? 0 : 1), 0)
  return {
    insertedRows: keyOfRow.length - updatedRows,
    updatedRows,
    deletedKeys: found - updatedRows,
    missingCells: changes.patches === undefined ? 0 : missingPatches(changes.patches, matchOfKey),
  }
}
