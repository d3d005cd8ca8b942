/**
 * What the methods of a table do that change its rows: files are written for the state that is loaded first, then
 * one commit. A module of its own, loaded with the writers by the first write, since most processes only read.
 */
import { present } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { type CommitTarget, commitTables } from '../commit/commit-loop.js'
import type { TableAction } from '../commit/table-action.js'
import { checkStaging, checkWapEnabled, stagedSnapshot } from '../commit/wap.js'
import { type Scalar, type ScalarInput, scalarOf } from '../expression/scalar.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema, currentSnapshot, defaultSpec, refSnapshot } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { Snapshot, TableMetadata } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import { isSqlText, type SqlText } from '../sql/template.js'
import { appendAction, discardFiles } from '../writer/append.js'
import { changeRowsAction } from '../writer/change-rows.js'
import { fileNaming } from '../writer/file-location.js'
import { upsertChanges } from '../writer/keyed-changes.js'
import { keyedWriteAction } from '../writer/keyed-write.js'
import type { RowChange } from '../writer/row-change.js'
import { openSortedWriter } from '../writer/sorted-writer.js'
import type { LakeContext } from './context.js'
import { collectBatch, inputBatches, type RowsInput } from './input.js'
import type { Where } from './scan.js'

export interface WriteOptions {
  /** Entries for the snapshot's summary, such as the job that wrote. */
  readonly summary?: Readonly<Record<string, string>> | undefined
  /** Branch to write, with the table's current schema; made from main when it is missing. Default main. */
  readonly branch?: string | undefined
  /** The same, on tables that have `write.wap.enabled` only: so that no write of an audited job goes to main unseen. */
  readonly wapBranch?: string | undefined
  /**
   * Stages the write under this id, on tables that have `write.wap.enabled`: it is in the table and on no branch until
   * `publish`.
   */
  readonly wapId?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface UpsertOptions extends WriteOptions {
  /** Columns that identify a row; default: the table's identifier fields. */
  readonly keys?: readonly string[] | undefined
}

/** What a write did. */
export interface WriteReport {
  /** The snapshot made, or the branch's present one when nothing had to change. */
  readonly snapshotId: bigint | undefined
  readonly changed: boolean
  readonly metadataLocation: string
  /** The snapshot's summary: counts of files, rows and bytes by Iceberg's names. */
  readonly summary: Readonly<Record<string, string>>
  /** Attempts that the commit took. */
  readonly attempts: number
}

/** What the options say of where a write goes, in the words of the actions. */
export interface WriteDestination {
  readonly ref: string | undefined
  readonly wapId: string | undefined
}

/** @throws invalid-argument for more than one destination, and for an audited write to a table that is not audited */
export function destinationOf(metadata: TableMetadata, options: WriteOptions): WriteDestination {
  const { branch, wapBranch, wapId } = options
  const named = [branch, wapBranch, wapId].filter(name => name !== undefined)
  if (named.length > 1)
    throw new LakeError('invalid-argument', 'a write goes to one branch, or is staged under one wap id', {
      context: { given: named },
    })
  if (wapBranch !== undefined) checkWapEnabled(metadata)
  if (wapId !== undefined) checkStaging(metadata, wapId)
  return { ref: branch ?? wapBranch, wapId }
}

/** The rows of a write, and for what goes with them: the state that was loaded, and an action around that of the write. */
export interface RowsToWrite {
  readonly rows: RowsInput
  readonly base?: LoadedTable | undefined
  /** Called when the rows were read. */
  readonly around?: ((inner: TableAction) => Promise<TableAction>) | undefined
}

/** Adds the rows in one commit. @throws as `Table.append` */
export async function append(
  context: LakeContext,
  identifier: TableIdentifier,
  given: RowsToWrite & { readonly options: WriteOptions },
): Promise<WriteReport> {
  const { catalog, io, runtime } = context
  const { summary, signal } = given.options
  const base = given.base ?? (await catalog.loadTable(identifier, { signal }))
  const { metadata } = base
  checkWritable(metadata)
  const destination = destinationOf(metadata, given.options)
  const schema = currentSchema(metadata)
  const operationUuid = runtime.orderedUuid()
  const writer = openSortedWriter({
    io,
    metadata,
    schema,
    spec: defaultSpec(metadata),
    naming: fileNaming(metadata, { operationUuid, taskId: 0 }),
    spillFolder: context.spillFolder,
    signal,
  })
  let files: readonly DataFile[]
  let action: TableAction
  try {
    for await (const batch of inputBatches(schema, given.rows)) await writer.write(batch)
    files = await writer.close()
    action = appendAction(io, files, { runtime, operationUuid, summary, ...destination })
    if (given.around !== undefined) action = await given.around(action)
  } catch (error) {
    await writer.abort()
    throw error
  }
  return commitOne(
    context,
    {
      identifier,
      base,
      action,
      discard: () => discardFiles(io, files),
    },
    { ...destination, signal },
  )
}

/** Replaces and adds rows by key in one commit. @throws as `Table.upsert` */
export async function upsert(
  context: LakeContext,
  identifier: TableIdentifier,
  given: RowsToWrite & { readonly options: UpsertOptions },
): Promise<WriteReport> {
  const { catalog, io, runtime } = context
  const { keys, summary, signal } = given.options
  const base = given.base ?? (await catalog.loadTable(identifier, { signal }))
  const destination = destinationOf(base.metadata, given.options)
  const schema = currentSchema(base.metadata)
  const rows = await collectBatch(schema, given.rows)
  const changes = upsertChanges(rows, { schema, keys: keysOf(schema, keys) })
  const inner = keyedWriteAction(io, changes, { runtime, summary, ...destination })
  const action = given.around === undefined ? inner : await given.around(inner)
  return commitOne(context, { identifier, base, action }, { ...destination, signal })
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

/** What is true of the rows that change: a filter, or any condition over the columns of a row. */
export type Condition = Where | Scalar

export interface UpdateRequest {
  /** `a = a + 1, b = 'x'`, or values and expressions by column. */
  readonly set: string | SqlText | Readonly<Record<string, ScalarInput>>
  /** Default: every row. */
  readonly where?: Condition | undefined
}

/** Deletes the rows that the condition is true of in one commit. @throws as `Table.delete` */
export async function deleteWhere(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly where: Condition; readonly options: WriteOptions },
): Promise<WriteReport> {
  const { parseScalar } = await import('../sql/scalar.js')
  return changeRows(context, identifier, {
    change: { kind: 'delete', where: conditionOf(given.where, parseScalar) },
    options: given.options,
  })
}

/** Gives columns of the rows that the condition is true of new values, in one commit. @throws as `Table.update` */
export async function update(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly request: UpdateRequest; readonly options: WriteOptions },
): Promise<WriteReport> {
  const { parseAssignments, parseScalar } = await import('../sql/scalar.js')
  const { set, where } = given.request
  const assignments = isText(set)
    ? parseAssignments(set)
    : Object.entries(set).map(([column, value]) => ({ column, value: scalarOf(value) }))
  const condition = where === undefined ? undefined : conditionOf(where, parseScalar)
  return changeRows(context, identifier, {
    change: { kind: 'update', set: assignments, where: condition },
    options: given.options,
  })
}

function conditionOf(where: Condition, parse: (text: string | SqlText) => Scalar): Scalar {
  return isText(where) ? parse(where) : scalarOf(where)
}

function isText(value: unknown): value is string | SqlText {
  return typeof value === 'string' || isSqlText(value)
}

async function changeRows(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly change: RowChange; readonly options: WriteOptions },
): Promise<WriteReport> {
  const { catalog, io, runtime, spillFolder } = context
  const { summary, signal } = given.options
  const base = await catalog.loadTable(identifier, { signal })
  const destination = destinationOf(base.metadata, given.options)
  // One time for the whole statement, however often it is tried.
  const nowMicros = BigInt(runtime.nowMs()) * 1000n
  const action = changeRowsAction(io, given.change, {
    runtime,
    summary,
    spillFolder,
    nowMicros,
    ...destination,
  })
  return commitOne(context, { identifier, base, action }, { ...destination, signal })
}

/** One commit of one table, with what it made. */
export async function commitOne(
  context: LakeContext,
  target: CommitTarget,
  options: WriteDestination & { readonly signal: AbortSignal | undefined },
): Promise<WriteReport> {
  const { catalog, io, runtime, onCommitEvent } = context
  const { signal } = options
  const result = await commitTables(catalog, [target], { io, runtime, signal, onEvent: onCommitEvent })
  const table = result.tables[0] ?? (await catalog.loadTable(target.identifier, { signal }))
  const changed = result.changed[0] === true
  const snapshot = reportedSnapshot(table.metadata, { ...options, changed })
  return {
    snapshotId: snapshot?.snapshotId,
    changed,
    metadataLocation: table.metadataLocation,
    summary: snapshot?.summary ?? {},
    attempts: result.attempts,
  }
}

function reportedSnapshot(
  metadata: TableMetadata,
  written: WriteDestination & { readonly changed: boolean },
): Snapshot | undefined {
  const { ref, wapId, changed } = written
  if (wapId !== undefined && changed) return stagedSnapshot(metadata, wapId)
  return ref === undefined ? currentSnapshot(metadata) : refSnapshot(metadata, ref)
}
