/**
 * What the methods of a table do that change its rows: files are written for the state that is loaded first, then
 * one commit. A module of its own, loaded with the writers by the first write, since most processes only read.
 */
import { present } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { type CommitTarget, commitTables } from '../commit/commit-loop.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema, currentSnapshot, defaultSpec } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { Schema } from '../schema/types.js'
import { appendAction, discardFiles } from '../writer/append.js'
import { openDataWriter } from '../writer/data-writer.js'
import { deleteRowsAction } from '../writer/delete-rows.js'
import { fileNaming } from '../writer/file-location.js'
import { upsertChanges } from '../writer/keyed-changes.js'
import { keyedWriteAction } from '../writer/keyed-write.js'
import type { LakeContext } from './context.js'
import { collectBatch, inputBatches, type RowsInput } from './input.js'
import { type Where, whereExpression } from './scan.js'

export interface WriteOptions {
  /** Entries for the snapshot's summary, such as the job that wrote. */
  readonly summary?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

export interface UpsertOptions extends WriteOptions {
  /** Columns that identify a row; default: the table's identifier fields. */
  readonly keys?: readonly string[] | undefined
}

/** What a write did. */
export interface WriteReport {
  /** The snapshot made, or the present one when nothing had to change. */
  readonly snapshotId: bigint | undefined
  readonly changed: boolean
  readonly metadataLocation: string
  /** The snapshot's summary: counts of files, rows and bytes by Iceberg's names. */
  readonly summary: Readonly<Record<string, string>>
  /** Attempts that the commit took. */
  readonly attempts: number
}

/** Adds the rows in one commit. @throws as `Table.append` */
export async function append(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly rows: RowsInput; readonly options: WriteOptions },
): Promise<WriteReport> {
  const { catalog, io, runtime } = context
  const { summary, signal } = given.options
  const base = await catalog.loadTable(identifier, { signal })
  const { metadata } = base
  checkWritable(metadata)
  const schema = currentSchema(metadata)
  const operationUuid = runtime.orderedUuid()
  const writer = openDataWriter({
    io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming: fileNaming(metadata, { operationUuid, taskId: 0 }),
    signal,
  })
  let files: readonly DataFile[]
  try {
    for await (const batch of inputBatches(schema, given.rows)) await writer.write(batch)
    files = await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  return commitOne(
    context,
    {
      identifier,
      base,
      action: appendAction(io, files, { runtime, operationUuid, summary }),
      discard: () => discardFiles(io, files),
    },
    signal,
  )
}

/** Replaces and adds rows by key in one commit. @throws as `Table.upsert` */
export async function upsert(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly rows: RowsInput; readonly options: UpsertOptions },
): Promise<WriteReport> {
  const { catalog, io, runtime } = context
  const { keys, summary, signal } = given.options
  const base = await catalog.loadTable(identifier, { signal })
  const schema = currentSchema(base.metadata)
  const rows = await collectBatch(schema, given.rows)
  const changes = upsertChanges(rows, { schema, keys: keysOf(schema, keys) })
  const action = keyedWriteAction(io, changes, { runtime, summary })
  return commitOne(context, { identifier, base, action }, signal)
}

function keysOf(schema: Schema, keys: readonly string[] | undefined): readonly string[] {
  if (keys !== undefined && keys.length > 0) return keys
  if (schema.identifierFieldIds.length === 0) {
    throw new LakeError('invalid-argument', 'the table has no identifier fields: name the key columns', {
      context: { columns: schema.fields.map(field => field.name) },
    })
  }
  return schema.identifierFieldIds.map(id =>
    present(schema.fields.find(field => field.id === id)?.name, 'identifier'),
  )
}

/** Deletes the rows that the filter takes in one commit. @throws as `Table.delete` */
export async function deleteWhere(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly where: Where; readonly options: WriteOptions },
): Promise<WriteReport> {
  const { catalog, io, runtime } = context
  const { summary, signal } = given.options
  const filter = await whereExpression(given.where)
  const base = await catalog.loadTable(identifier, { signal })
  return commitOne(
    context,
    { identifier, base, action: deleteRowsAction(io, filter, { runtime, summary }) },
    signal,
  )
}

async function commitOne(
  context: LakeContext,
  target: CommitTarget,
  signal: AbortSignal | undefined,
): Promise<WriteReport> {
  const { catalog, io, runtime, onCommitEvent } = context
  const result = await commitTables(catalog, [target], { io, runtime, signal, onEvent: onCommitEvent })
  const table = result.tables[0] ?? (await catalog.loadTable(target.identifier, { signal }))
  const snapshot = currentSnapshot(table.metadata)
  return {
    snapshotId: snapshot?.snapshotId,
    changed: result.changed[0] === true,
    metadataLocation: table.metadataLocation,
    summary: snapshot?.summary ?? {},
    attempts: result.attempts,
  }
}
