/**
 * A handle of a table. It holds no state of the table: every call loads the current one, scans pin it when they
 * are made, and `at` reads one snapshot for good.
 */
import { present } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { type CommitTarget, commitTables } from '../commit/commit-loop.js'
import type { CompactOptions, CompactReport } from '../maintenance/compact.js'
import type { ExpireOptions, ExpireReport } from '../maintenance/expire.js'
import type { DataFile } from '../manifest/content-file.js'
import { currentSchema, currentSnapshot, defaultSpec } from '../metadata/lookup.js'
import { checkWritable } from '../metadata/new-table.js'
import type { Snapshot, SnapshotLogEntry } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import { appendAction, discardFiles } from '../writer/append.js'
import { openDataWriter } from '../writer/data-writer.js'
import { deleteRowsAction } from '../writer/delete-rows.js'
import { fileNaming } from '../writer/file-location.js'
import { upsertChanges } from '../writer/keyed-changes.js'
import { keyedWriteAction } from '../writer/keyed-write.js'
import {
  type AppendsRequest,
  type ChangedTable,
  type ChangesRequest,
  type IncrementalRows,
  openAppends,
  openChanges,
  type RangeRequest,
} from './changes.js'
import type { LakeContext } from './context.js'
import { holdScan } from './held-scan.js'
import { collectBatch, inputBatches, type RowsInput } from './input.js'
import { type Inspection, type InspectRequest, openInspection } from './inspect.js'
import { type AsOf, openScan, type Scan, type ScanRequest, type Where, whereExpression } from './scan.js'

export interface WriteOptions {
  /** Entries for the snapshot's summary, such as the job that wrote. */
  readonly summary?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

export interface UpsertOptions extends WriteOptions {
  /** Columns that identify a row; default: the table's identifier fields. */
  readonly keys?: readonly string[] | undefined
}

type Shared = 'io' | 'runtime' | 'onEvent'
export type CompactRequest = Omit<CompactOptions, Shared>
export type ExpireRequest = Omit<ExpireOptions, Shared>

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

export interface Table {
  readonly identifier: TableIdentifier
  /** `namespace.name` */
  readonly name: string
  /** The current state. @throws not-found */
  load(options?: { readonly signal?: AbortSignal | undefined }): Promise<LoadedTable>
  schema(): Promise<Schema>
  /** Snapshots that the table keeps, oldest first. */
  snapshots(): Promise<readonly Snapshot[]>
  /** Which snapshot was current since when. */
  history(): Promise<readonly SnapshotLogEntry[]>
  /** Adds rows. @throws invalid-argument for a value that does not fit, naming row and column */
  append(rows: RowsInput, options?: WriteOptions): Promise<WriteReport>
  /**
   * Replaces the rows that have the keys of the given ones, and adds the others. All given rows are held in memory.
   * @throws invalid-argument for a key that is given twice; unsupported on copy-on-write tables
   */
  upsert(rows: RowsInput, options?: UpsertOptions): Promise<WriteReport>
  /** Deletes the rows for which the filter is true. @throws unsupported on copy-on-write tables */
  delete(where: Where, options?: WriteOptions): Promise<WriteReport>
  scan(request?: ScanRequest): Scan
  /**
   * A metadata table, such as `files`, `snapshots` or `partitions`, in Iceberg's columns.
   * @throws invalid-argument for a name that is no metadata table's
   */
  inspect(name: string, request?: InspectRequest): Inspection
  /** What the snapshots of a range did to the rows: each row with `_change_type`, `_change_ordinal`, `_commit_snapshot_id`. */
  changes(request?: ChangesRequest): IncrementalRows
  /** The rows that the appends of a range added, as they were added; other commits of the range are passed over. */
  appends(request?: AppendsRequest): IncrementalRows
  /** The table as of a snapshot id, a time or a ref: reads only, of the state that its first scan finds. */
  at(asOf: AsOf): { scan(request?: Omit<ScanRequest, 'asOf'>): Scan }
  /** Rewrites small files and files with many deletes into larger ones. */
  compact(options?: CompactRequest): Promise<CompactReport>
  /** Removes old snapshots and the files that nothing kept reaches. */
  expire(options?: ExpireRequest): Promise<ExpireReport>
}

export function openTable(context: LakeContext, identifier: TableIdentifier): Table {
  const { catalog, io, runtime, onCommitEvent } = context
  const shared = { io, runtime, onEvent: onCommitEvent }
  const load: Table['load'] = options => catalog.loadTable(identifier, options)
  const scan = (request: ScanRequest = {}): Scan =>
    holdScan(catalog.leases, { asOf: request.asOf, load: () => load({ signal: request.signal }) }, loadHeld =>
      openScan(io, request, loadHeld),
    )
  const incremental = ({ signal }: RangeRequest): ChangedTable => ({
    load: () => load({ signal }),
    leases: catalog.leases,
  })
  return {
    identifier,
    name: printIdentifier(identifier),
    load,
    schema: async () => currentSchema((await load()).metadata),
    snapshots: async () => (await load()).metadata.snapshots,
    history: async () => (await load()).metadata.snapshotLog,
    append: (rows, options = {}) => append(context, identifier, { rows, options }),
    upsert: (rows, options = {}) => upsert(context, identifier, { rows, options }),
    delete: (where, options = {}) => deleteWhere(context, identifier, { where, options }),
    scan,
    inspect: (name, request = {}) =>
      openInspection(io, { name, request }, () => load({ signal: request.signal })),
    changes: (request = {}) => openChanges(io, request, incremental(request)),
    appends: (request = {}) => openAppends(io, request, incremental(request)),
    at: asOf => {
      let pinned: Promise<LoadedTable> | undefined
      const state = (): Promise<LoadedTable> => {
        pinned ??= load().catch(error => {
          pinned = undefined
          throw error
        })
        return pinned
      }
      return {
        scan: (request = {}) =>
          holdScan(catalog.leases, { asOf, load: state }, loadHeld =>
            openScan(io, { ...request, asOf }, loadHeld),
          ),
      }
    },
    async compact(options = {}) {
      const { compactTable } = await import('../maintenance/compact.js')
      return compactTable(catalog, identifier, { ...options, ...shared })
    },
    async expire(options = {}) {
      const { expireSnapshots } = await import('../maintenance/expire.js')
      return expireSnapshots(catalog, identifier, { ...options, ...shared })
    },
  }
}

async function append(
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

async function upsert(
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

async function deleteWhere(
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
