/**
 * What the methods of a table do that change its rows: files are written for the state that is loaded first, then
 * one commit. A module of its own, loaded with the writers by the first write, since most processes only read.
 */
import { present } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import type { LandedStep, Once } from '../commit/once.js'
import type { CommitTarget, TableAction } from '../commit/table-action.js'
import { checkStaging, checkWapEnabled, stagedSnapshot } from '../commit/wap.js'
import { type Scalar, type ScalarInput, scalarOf } from '../expression/scalar.js'
import { currentSchema, currentSnapshot, refSnapshot } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import { MAIN_BRANCH, type Snapshot, type TableMetadata } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import { isSqlText, type SqlText } from '../sql/template.js'
import { appendAction, discardFiles } from '../writer/append.js'
import { type Basis, basedAction, basisSnapshot } from '../writer/based-action.js'
import { changeRowsAction } from '../writer/change-rows.js'
import { upsertChanges } from '../writer/keyed-changes.js'
import { keyedWriteAction } from '../writer/keyed-write.js'
import type { RowChange } from '../writer/row-change.js'
import { rowsOfChange, rowsOfKeys } from '../writer/touched-rows.js'
import { commitIn, holdingFiles, type Provenance } from './commit.js'
import type { LakeContext } from './context.js'
import { type DryRunOptions, tryOut } from './dry-run.js'
import { collectBatch, type RowsInput } from './input.js'
import { checkOnceCall, landedBefore, type OnceOption, withOnce } from './once.js'
import type { Where } from './scan.js'
import { effectOf, type WriteEffect } from './write-effect.js'
import { writeRowsFor } from './write-rows.js'

export interface WriteOptions extends DryRunOptions, OnceOption, Provenance {
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
  /**
   * The commit costs as little as it can: small manifests are not merged now, whatever the table's properties say.
   * Default false.
   */
  readonly fast?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Of writes that are decided by rows that are there. */
export interface BasedWriteOptions extends WriteOptions {
  /**
   * The snapshot that the caller read before he decided on the write: it is refused with `conflict` when what it touches
   * has changed since. Default: the write is decided on the table as it is; an overwrite on what it finds when it begins.
   */
  readonly basedOn?: bigint | undefined
}

export interface UpsertOptions extends BasedWriteOptions {
  /** Columns that identify a row; default: the table's identifier fields. */
  readonly keys?: readonly string[] | undefined
}

/** What a write did. */
export interface WriteReport {
  /** The snapshot made, or the branch's present one when nothing had to change and in a dry run. */
  readonly snapshotId: bigint | undefined
  /** Of a dry run: whether it would be. */
  readonly changed: boolean
  readonly metadataLocation: string
  /** The snapshot's summary: counts of files, rows and bytes by Iceberg's names. */
  readonly summary: Readonly<Record<string, string>>
  /** What the write did to the files; of a dry run what it would do. Nothing when nothing changed. */
  readonly effect: WriteEffect
  /** True when the step of `once` had landed before: snapshot, summary and effect are those of its commit. */
  readonly replayed?: boolean | undefined
  /** Attempts that the commit took. */
  readonly attempts: number
}

/** What the options say of where a write goes and what it is told by, in the words of the actions. */
export interface WriteDestination extends Provenance {
  readonly ref: string | undefined
  readonly wapId: string | undefined
  readonly once?: Once | undefined
}

/** @throws invalid-argument for more than one destination, and for an audited write to a table that is not audited */
export function destinationOf(metadata: TableMetadata, options: WriteOptions): WriteDestination {
  const { branch, wapBranch, wapId, once, actor, job, inputs } = options
  const named = [branch, wapBranch, wapId].filter(name => name !== undefined)
  if (named.length > 1)
    throw new LakeError('invalid-argument', 'a write goes to one branch, or is staged under one wap id', {
      context: { given: named },
    })
  if (wapBranch !== undefined) checkWapEnabled(metadata)
  if (wapId !== undefined) checkStaging(metadata, wapId)
  checkOnceCall({ once, wapId })
  return { ref: branch ?? wapBranch, wapId, once, actor, job, inputs }
}

/** The first result, when the write is a step that has landed already: nothing has to be read or written then. */
export function replayOf(base: LoadedTable, destination: WriteDestination): WriteReport | undefined {
  const landed = landedBefore(base, destination)
  return landed === undefined ? undefined : replayReport(landed, { table: base, attempts: 0 })
}

function replayReport(
  { snapshotId, snapshot }: LandedStep,
  seen: { readonly table: LoadedTable; readonly attempts: number },
): WriteReport {
  const summary = snapshot?.summary ?? {}
  const { metadataLocation } = seen.table
  const { attempts } = seen
  return {
    snapshotId,
    changed: false,
    replayed: true,
    metadataLocation,
    summary,
    effect: effectOf(summary),
    attempts,
  }
}

/** The rows of a write, and for what goes with them: the state that was loaded, and an action around that of the write. */
export interface RowsToWrite {
  readonly rows: RowsInput
  readonly base?: LoadedTable | undefined
  /** Called when the rows were read. */
  readonly around?: ((inner: TableAction) => Promise<TableAction>) | undefined
}

/** A write that has something to do. */
export interface BegunWrite {
  /** Holds the files that are written through it. */
  readonly context: LakeContext
  readonly identifier: TableIdentifier
  /** The state that the write goes by. */
  readonly base: LoadedTable
  readonly destination: WriteDestination
}

/** Begins a write and holds its files until it has ended; the first result, when it is a step that has landed already. */
export function writing(
  context: LakeContext,
  identifier: TableIdentifier,
  given: {
    readonly base?: LoadedTable | undefined
    readonly options: WriteOptions
    readonly write: (begun: BegunWrite) => Promise<WriteReport>
  },
): Promise<WriteReport> {
  const { options, write } = given
  return holdingFiles(context, identifier, async held => {
    const base = given.base ?? (await held.catalog.loadTable(identifier, { signal: options.signal }))
    const destination = destinationOf(base.metadata, options)
    return replayOf(base, destination) ?? write({ context: held, identifier, base, destination })
  })
}

/** Adds the rows in one commit. @throws as `Table.append` */
export function append(
  context: LakeContext,
  identifier: TableIdentifier,
  given: RowsToWrite & { readonly options: WriteOptions },
): Promise<WriteReport> {
  return writing(context, identifier, { ...given, write: begun => appendTo(begun, given) })
}

async function appendTo(
  { context, identifier, base, destination }: BegunWrite,
  given: RowsToWrite & { readonly options: WriteOptions },
): Promise<WriteReport> {
  const { io, runtime } = context
  const { summary, fast, signal } = given.options
  checkWritable(base.metadata)
  const schema = currentSchema(base.metadata)
  const operationUuid = runtime.orderedUuid()
  const write = { rows: given.rows, operationUuid, signal }
  const { files, action } = await writeRowsFor(context, base, write, async written => {
    const inner = appendAction(io, written, { runtime, operationUuid, schema, summary, fast, ...destination })
    return { files: written, action: given.around === undefined ? inner : await given.around(inner) }
  })
  const discard = (): Promise<void> => discardFiles(io, files)
  return commitOne(context, { identifier, base, action, discard }, { ...destination, signal })
}

/** Replaces and adds rows by key in one commit. @throws as `Table.upsert` */
export function upsert(
  context: LakeContext,
  identifier: TableIdentifier,
  given: RowsToWrite & { readonly options: UpsertOptions },
): Promise<WriteReport> {
  return writing(context, identifier, { ...given, write: begun => upsertTo(begun, given) })
}

async function upsertTo(
  { context, identifier, base, destination }: BegunWrite,
  given: RowsToWrite & { readonly options: UpsertOptions },
): Promise<WriteReport> {
  const { io, runtime } = context
  const { keys, summary, basedOn, signal } = given.options
  const schema = currentSchema(base.metadata)
  const rows = await collectBatch(schema, given.rows)
  const changes = upsertChanges(rows, { schema, keys: keysOf(schema, keys) })
  const write = keyedWriteAction(io, changes, { runtime, summary, ...destination })
  const inner = basedIfAsked(context, write, {
    base,
    basedOn,
    operation: 'upsert',
    ref: destination.ref,
    touched: rowsOfKeys(changes),
  })
  const action = given.around === undefined ? inner : await given.around(inner)
  return commitOne(context, { identifier, base, action }, { ...destination, signal })
}

/** The columns that identify a row: those that are named, or the table's. @throws invalid-argument when there are none */
export function keysOf(schema: Schema, keys: readonly string[] | undefined): readonly string[] {
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
  given: { readonly where: Condition; readonly options: BasedWriteOptions },
): Promise<WriteReport> {
  const { parseScalar } = await import('../sql/scalar.js')
  const change: RowChange = { kind: 'delete', where: conditionOf(given.where, parseScalar) }
  const { options } = given
  return writing(context, identifier, { options, write: begun => changeRows(begun, change, options) })
}

/** Gives columns of the rows that the condition is true of new values, in one commit. @throws as `Table.update` */
export async function update(
  context: LakeContext,
  identifier: TableIdentifier,
  given: { readonly request: UpdateRequest; readonly options: BasedWriteOptions },
): Promise<WriteReport> {
  const { parseAssignments, parseScalar } = await import('../sql/scalar.js')
  const { set, where } = given.request
  const assignments = isText(set)
    ? parseAssignments(set)
    : Object.entries(set).map(([column, value]) => ({ column, value: scalarOf(value) }))
  const condition = where === undefined ? undefined : conditionOf(where, parseScalar)
  const change: RowChange = { kind: 'update', set: assignments, where: condition }
  const { options } = given
  return writing(context, identifier, { options, write: begun => changeRows(begun, change, options) })
}

/** A condition in any of its forms; `parse` is loaded with the grammar. */
export function conditionOf(where: Condition, parse: (text: string | SqlText) => Scalar): Scalar {
  return isText(where) ? parse(where) : scalarOf(where)
}

function isText(value: unknown): value is string | SqlText {
  return typeof value === 'string' || isSqlText(value)
}

async function changeRows(
  { context, identifier, base, destination }: BegunWrite,
  change: RowChange,
  { summary, basedOn, signal }: BasedWriteOptions,
): Promise<WriteReport> {
  const { io, runtime, spillFolder } = context
  // One time for the whole statement, however often it is tried.
  const nowMicros = BigInt(runtime.nowMs()) * 1000n
  const inner = changeRowsAction(io, change, {
    runtime,
    summary,
    spillFolder,
    nowMicros,
    ...destination,
  })
  const action = basedIfAsked(context, inner, {
    base,
    basedOn,
    operation: change.kind,
    ref: destination.ref,
    touched: rowsOfChange(change, { nowMicros }),
  })
  return commitOne(context, { identifier, base, action }, { ...destination, signal })
}

/** The action, held to the snapshot that the caller decided on if he says which. */
export function basedIfAsked(
  { io }: LakeContext,
  inner: TableAction,
  given: Omit<Basis, 'snapshot'> & {
    readonly base: LoadedTable
    readonly basedOn: bigint | undefined
  },
): TableAction {
  const { base, basedOn, ...basis } = given
  if (basedOn === undefined) return inner
  return basedAction(io, inner, { ...basis, snapshot: basisSnapshot(base.metadata, basedOn) })
}

/** One commit of one table, with what it made. */
export async function commitOne(
  context: LakeContext,
  target: CommitTarget,
  options: WriteDestination & { readonly signal: AbortSignal | undefined },
): Promise<WriteReport> {
  const { signal, ref } = options
  const steps: { landed?: LandedStep } = {}
  const onLanded = (landed: LandedStep): void => {
    steps.landed = landed
  }
  const action = withOnce(context, target.action, { ...options, onLanded })
  const stepped = { ...target, action }
  if (context.dryRun === true) return reportTrial(context, stepped, options)
  const result = await commitIn(context, stepped, { ...options, readsRef: ref ?? MAIN_BRANCH })
  const table = result.tables[0] ?? (await context.catalog.loadTable(target.identifier, { signal }))
  if (result.changed[0] !== true && steps.landed !== undefined)
    return replayReport(steps.landed, { table, attempts: result.attempts })
  const changed = result.changed[0] === true
  const snapshot = reportedSnapshot(table.metadata, { ...options, changed })
  return {
    snapshotId: snapshot?.snapshotId,
    changed,
    metadataLocation: table.metadataLocation,
    summary: snapshot?.summary ?? {},
    effect: effectOf(changed ? (snapshot?.summary ?? {}) : {}),
    attempts: result.attempts,
  }
}

/** What the commit would be, on the base. */
async function reportTrial(
  { catalog }: LakeContext,
  { identifier, base: known, action }: CommitTarget,
  options: WriteDestination & { readonly signal: AbortSignal | undefined },
): Promise<WriteReport> {
  const { signal } = options
  const base = known ?? (await catalog.loadTable(identifier, { signal }))
  const snapshot = await tryOut(base, action, signal)
  const summary = snapshot?.summary ?? {}
  return {
    snapshotId: reportedSnapshot(base.metadata, { ...options, changed: false })?.snapshotId,
    changed: snapshot !== undefined,
    metadataLocation: base.metadataLocation,
    summary,
    effect: effectOf(summary),
    attempts: 0,
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
