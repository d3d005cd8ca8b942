/** A table read by where it lies: a metadata file, a table's folder or a single data file. */
import { resolve } from 'node:path'
import { systemRuntime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { createLocalIO } from '../io/local.js'
import { absoluteLocation } from '../io/location.js'
import { type Relocation, relocatedIO, renamedIO } from '../io/relocated.js'
import type { RewritePathReport } from '../maintenance/rewrite-path.js'
import { currentSchema } from '../metadata/lookup.js'
import type { Snapshot, SnapshotLogEntry, TableMetadata } from '../metadata/table-metadata.js'
import { openStaticTable, staticTableIO } from '../reader/static-table.js'
import type { Schema } from '../schema/types.js'
import {
  type AppendsRequest,
  type ChangesRequest,
  type IncrementalRows,
  openAppends,
  openChanges,
} from './changes.js'
import { type Inspection, type InspectRequest, openInspection } from './inspect.js'
import type { RewriteTablePathOptions } from './rewrite-path.js'
import { openScan, type Scan, type ScanRequest } from './scan.js'

export interface StaticTableOptions {
  /** Reads a table that was moved, whose metadata still names the old root; several for one of several roots. */
  readonly relocate?: Relocation | readonly Relocation[] | undefined
  /** Folder that relative paths start from, those inside the table's metadata too; default the working folder. */
  readonly baseFolder?: string | undefined
}

/** What can be read of any table. */
export interface StaticTable {
  /** The state as it is now. @throws not-found, corrupt, unsupported */
  load(options?: { readonly signal?: AbortSignal | undefined }): Promise<{
    readonly metadata: TableMetadata
    readonly metadataLocation: string
  }>
  schema(): Promise<Schema>
  /** Snapshots that the table keeps, oldest first. */
  snapshots(): Promise<readonly Snapshot[]>
  /** Which snapshot was current since when. */
  history(): Promise<readonly SnapshotLogEntry[]>
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
  /**
   * Writes the table again under another root, with all its snapshots: metadata, manifests and delete files anew, all other
   * files copied or listed. What comes of it is registered with `Lake.registerTable`; this table stays as it is.
   * @throws invalid-argument when a file is not below the old root; unsupported for format version 1
   */
  rewritePath(options: RewriteTablePathOptions): Promise<RewritePathReport>
}

/**
 * A table of this machine's files without a lake: `staticTable('./events')` is a folder, `./events/v3.metadata.json` a
 * state, `./part-0.parquet` one file. Nothing is read yet; each call reads the state that it finds.
 */
export function staticTable(location: string, options: StaticTableOptions = {}): StaticTable {
  return openStatic(createLocalIO({ runtime: systemRuntime }), location, options)
}

/** The same over storage that the caller opened. */
export function openStatic(io: FileIO, location: string, options: StaticTableOptions = {}): StaticTable {
  const { relocate = [], baseFolder } = options
  const folder = resolve(baseFolder ?? '.')
  const absolute = renamedIO(io, each => absoluteLocation(each, folder))
  const storage = staticTableIO(relocatedIO(absolute, relocate))
  const load: StaticTable['load'] = (loadOptions = {}) => openStaticTable(storage, location, loadOptions)
  return {
    load,
    schema: async () => currentSchema((await load()).metadata),
    snapshots: async () => (await load()).metadata.snapshots,
    history: async () => (await load()).metadata.snapshotLog,
    scan: (request = {}) => openScan(storage, request, { load: () => load({ signal: request.signal }) }),
    inspect: (name, request = {}) =>
      openInspection(storage, { name, request }, { load: () => load({ signal: request.signal }) }),
    changes: (request = {}) =>
      openChanges(storage, request, { load: () => load({ signal: request.signal }) }),
    appends: (request = {}) =>
      openAppends(storage, request, { load: () => load({ signal: request.signal }) }),
    rewritePath: async rewriteOptions => {
      const { rewritePathIn } = await import('./rewrite-path.js')
      const state = await load({ signal: rewriteOptions.signal })
      return rewritePathIn({ io: storage, runtime: systemRuntime }, state, rewriteOptions)
    },
  }
}
