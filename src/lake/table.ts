/**
 * A handle of a table. It holds no state of the table: every call loads the current one, scans pin it when they
 * are made, and `at` reads one snapshot for good. What writes is loaded by the first call that does.
 */
import type { LoadedTable, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CompactOptions, CompactReport } from '../maintenance/compact.js'
import type { ExpireOptions, ExpireReport } from '../maintenance/expire.js'
import { currentSchema } from '../metadata/lookup.js'
import type { Snapshot, SnapshotLogEntry } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
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
import type { RowsInput } from './input.js'
import { type InspectedState, type Inspection, type InspectRequest, openInspection } from './inspect.js'
import { type AsOf, openScan, type Scan, type ScanRequest, type Where } from './scan.js'
import type { UpsertOptions, WriteOptions, WriteReport } from './table-writes.js'

type Shared = 'io' | 'runtime' | 'onEvent'
export type CompactRequest = Omit<CompactOptions, Shared>
export type ExpireRequest = Omit<ExpireOptions, Shared>

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
  const leased = ({ signal }: Pick<RangeRequest, 'signal'>): ChangedTable & InspectedState => ({
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
    async append(rows, options = {}) {
      const { append } = await import('./table-writes.js')
      return append(context, identifier, { rows, options })
    },
    async upsert(rows, options = {}) {
      const { upsert } = await import('./table-writes.js')
      return upsert(context, identifier, { rows, options })
    },
    async delete(where, options = {}) {
      const { deleteWhere } = await import('./table-writes.js')
      return deleteWhere(context, identifier, { where, options })
    },
    scan,
    inspect: (name, request = {}) => openInspection(io, { name, request }, leased(request)),
    changes: (request = {}) => openChanges(io, request, leased(request)),
    appends: (request = {}) => openAppends(io, request, leased(request)),
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
