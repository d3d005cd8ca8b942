/**
 * A handle of a table. It holds no state of the table: every call loads the current one, scans pin it when they
 * are made, and `at` reads one snapshot for good. What writes is loaded by the first call that does.
 */
import type { LoadedTable, LoadOptions, TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CompactOptions, CompactReport } from '../maintenance/compact.js'
import type { ExpireOptions, ExpireReport } from '../maintenance/expire.js'
import type { OrphanOptions, OrphanReport } from '../maintenance/orphans.js'
import type { RewritePathReport } from '../maintenance/rewrite-path.js'
import { currentSchema } from '../metadata/lookup.js'
import type { Snapshot, SnapshotLogEntry, SnapshotRef } from '../metadata/table-metadata.js'
import type { Schema } from '../schema/types.js'
import type { AddFilesOptions, AddFilesReport } from './add-files.js'
import type { Alterations, AlterOptions, AlterReport } from './alter.js'
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
import { contextFor } from './dry-run.js'
import { holdScan } from './held-scan.js'
import type { IngestOptions, IngestReport } from './ingest.js'
import type { RowsInput } from './input.js'
import { type InspectedState, type Inspection, type InspectRequest, openInspection } from './inspect.js'
import type { MergeOptions, MergeReport } from './merge.js'
import type { MergeSource } from './merge-source.js'
import type { OverwriteOptions } from './overwrite.js'
import type { RewriteTablePathOptions } from './rewrite-path.js'
import { type AsOf, openScan, type Scan, type ScanRequest, selectorOf } from './scan.js'
import { scanReporter } from './scan-report.js'
import type {
  CherryPickOptions,
  CreateRefOptions,
  DropRefOptions,
  MoveOptions,
  RefReport,
  RollbackOptions,
} from './table-refs.js'
import type {
  BasedWriteOptions,
  Condition,
  UpdateRequest,
  UpsertOptions,
  WriteOptions,
  WriteReport,
} from './table-writes.js'
import type { TransactionOptions, TransactionReport, TransactionScope } from './transaction.js'

type Shared = 'io' | 'runtime' | 'onEvent'
export type CompactRequest = Omit<CompactOptions, Shared>
export type ExpireRequest = Omit<ExpireOptions, Shared>
export type OrphanRequest = Omit<OrphanOptions, Shared>

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
   * @throws invalid-argument for a key that is given twice
   */
  upsert(rows: RowsInput, options?: UpsertOptions): Promise<WriteReport>
  /**
   * Replaces rows by the given ones in one commit: every row, those that `where` is true of, or with `partitions` those of
   * the partitions that the given rows are in. @throws invalid-argument for a value or a condition that does not fit;
   * conflict when what it replaces changed after it began, or after `basedOn`
   */
  overwrite(rows: RowsInput, options?: OverwriteOptions): Promise<WriteReport>
  /**
   * Takes the rows of files in, all in one commit: Parquet, Arrow, CSV, JSON lines, and folders of them. With a `stream` a
   * file is taken in once, however often it is given.
   * @throws invalid-argument for a value that does not fit, naming file, row and column, and for a file of the stream that
   * changed; corrupt, not-found; conflict when another one moved the stream meanwhile
   */
  ingest(locations: readonly string[], options?: IngestOptions): Promise<IngestReport>
  /** Deletes the rows for which the condition is true. @throws invalid-argument for one that does not fit the table */
  delete(where: Condition, options?: BasedWriteOptions): Promise<WriteReport>
  /**
   * Gives columns new values in the rows for which the condition is true: `update({ set: 'a = a + 1', where: 'b > c' })`.
   * @throws invalid-argument for a value that does not fit its column, or cannot be computed for a row
   */
  update(request: UpdateRequest, options?: BasedWriteOptions): Promise<WriteReport>
  /**
   * Merges rows into the table, as SQL's MERGE: rows of the table that match one of the source are changed by the first
   * clause whose condition is true, as are rows that match none, and rows of the source that match none are added. The
   * source, rows or files, may have columns of its own, and is held in memory.
   * @throws invalid-argument for a condition or a clause that does not fit, for two rows of the source with one key, and
   * for a value that does not fit its column; unsupported for a large source without an equality in `on`
   */
  merge(source: MergeSource, options?: MergeOptions): Promise<MergeReport>
  /**
   * Takes Parquet files that are there, and those of folders, without rewriting them; `key=value` folders give the values
   * of identity partition columns. From then on the files are the table's, and go when it drops them. @throws
   * invalid-argument when a file does not fit; already-exists for files that the table has; unsupported, not-found
   */
  addFiles(locations: readonly string[], options?: AddFilesOptions): Promise<AddFilesReport>
  /**
   * Changes columns, partitioning, order, identifier fields or properties, all in one commit: as data, or in Spark's
   * words without the `alter table t`: `add column x int after y; rename column a to b`. @throws invalid-argument for a
   * change that is not allowed; unsupported
   */
  alter(changes: Alterations, options?: AlterOptions): Promise<AlterReport>
  /** Raises the format version; files that are there stay as they are. @throws invalid-argument for an older one */
  upgrade(formatVersion: 2 | 3, options?: Pick<AlterOptions, 'signal'>): Promise<AlterReport>
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
  /** The table as of a snapshot id, a time or a ref: reads only, of the state that its first scan finds. */
  at(asOf: AsOf): { scan(request?: Omit<ScanRequest, 'asOf'>): Scan }
  /** Branches and tags by name; main among them once the table has a snapshot. */
  refs(): Promise<Readonly<Record<string, SnapshotRef>>>
  /**
   * Makes a branch, or with `orReplace` sets one. @throws already-exists; not-found for an unknown snapshot and for a
   * table without one: the first write to a branch makes it
   */
  createBranch(name: string, options?: CreateRefOptions): Promise<RefReport>
  /** Makes a tag, or with `orReplace` sets one. @throws as `createBranch` */
  createTag(name: string, options?: CreateRefOptions): Promise<RefReport>
  /** Drops a branch; main stays. Snapshots that only it kept go with the next expiry. @throws not-found */
  dropBranch(name: string, options?: DropRefOptions): Promise<RefReport>
  /** @throws not-found; invalid-argument for a tag that a clone hangs on, unless forced */
  dropTag(name: string, options?: DropRefOptions): Promise<RefReport>
  /**
   * Sets a branch back to a snapshot of its history; the later ones stay readable until they are expired. @throws
   * not-found; invalid-argument for a snapshot outside of the history
   */
  rollback(options: RollbackOptions): Promise<RefReport>
  /** Sets main, or the branch that is named, to any snapshot of the table. @throws not-found */
  setCurrentSnapshot(to: AsOf, options?: MoveOptions): Promise<RefReport>
  /**
   * Sets a branch forward to where another ref stands. @throws not-found; invalid-argument when the branch has
   * snapshots that the other does not have
   */
  fastForward(branch: string, to: string, options?: Pick<MoveOptions, 'signal'>): Promise<RefReport>
  /**
   * Does again on a branch what a snapshot of another history did: an append, replaced partitions, or the branch's
   * next snapshot. @throws not-found; already-exists when it is there; invalid-argument; conflict
   */
  cherryPick(snapshotId: bigint, options?: CherryPickOptions): Promise<RefReport>
  /** Cherry-picks what was staged under a wap id. @throws as `cherryPick`; already-exists when it was published */
  publish(wapId: string, options?: CherryPickOptions): Promise<RefReport>
  /** Rewrites small files and files with many deletes into larger ones. */
  compact(options?: CompactRequest): Promise<CompactReport>
  /** Removes old snapshots and the files that nothing kept reaches. */
  expire(options?: ExpireRequest): Promise<ExpireReport>
  /** Deletes old files in the table's folders that nothing refers to. */
  removeOrphans(options?: OrphanRequest): Promise<OrphanReport>
  /** Several operations in one commit, all or none: `Lake.transaction` of this table alone. @throws as that */
  transaction<T>(
    work: (tx: Transaction) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<TransactionReport<T>>
}

/** A table inside of a transaction: reads see what the transaction did, and nobody else does before it commits. */
export type TransactionTable = Omit<Table, 'compact' | 'expire' | 'removeOrphans' | 'transaction'>

export type Transaction = TransactionScope<TransactionTable>

/** A handle inside of a transaction. */
export function openInTransaction(context: LakeContext, identifier: TableIdentifier): TransactionTable {
  const {
    compact: _,
    expire: __,
    removeOrphans: ___,
    transaction: ____,
    ...inside
  } = openTable(context, identifier)
  return inside
}

/** What a catalog has to send for a scan: a branch or tag can be read without the table's history. */
function snapshotsOf(asOf: AsOf | undefined): LoadOptions['snapshots'] {
  const selector = selectorOf(asOf)
  return selector === 'current' || 'ref' in selector ? 'refs' : 'all'
}

export function openTable(context: LakeContext, identifier: TableIdentifier): Table {
  const { catalog, io, runtime, onCommitEvent } = context
  const shared = { io, runtime, onEvent: onCommitEvent }
  const load: Table['load'] = options => catalog.loadTable(identifier, options)
  const reading = (asOf: AsOf | undefined): void => context.transaction?.read(selectorOf(asOf))
  const watch = scanReporter(context, identifier)
  const scan = (request: ScanRequest = {}): Scan => {
    reading(request.asOf)
    const { asOf, signal } = request
    const read = { asOf, load: () => catalog.loadTable(identifier, { signal, snapshots: snapshotsOf(asOf) }) }
    return holdScan(catalog.leases, read, loadHeld => openScan(io, request, { load: loadHeld, watch }))
  }
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
      const { groupedAppend } = await import('./group-commit.js')
      return groupedAppend(contextFor(context, options), identifier, { rows, options })
    },
    async upsert(rows, options = {}) {
      const { upsert } = await import('./table-writes.js')
      return upsert(contextFor(context, options), identifier, { rows, options })
    },
    async overwrite(rows, options = {}) {
      const { overwrite } = await import('./overwrite.js')
      return overwrite(contextFor(context, options), identifier, { rows, options })
    },
    async ingest(locations, options = {}) {
      const { ingest } = await import('./ingest.js')
      return ingest(contextFor(context, options), identifier, { locations, options })
    },
    async delete(where, options = {}) {
      const { deleteWhere } = await import('./table-writes.js')
      return deleteWhere(contextFor(context, options), identifier, { where, options })
    },
    async update(request, options = {}) {
      const { update } = await import('./table-writes.js')
      return update(contextFor(context, options), identifier, { request, options })
    },
    async merge(source, options = {}) {
      const { merge } = await import('./merge.js')
      return merge(contextFor(context, options), identifier, { source, options })
    },
    async addFiles(locations, options = {}) {
      const { addFiles } = await import('./add-files.js')
      return addFiles(context, identifier, { locations, options })
    },
    async alter(changes, options = {}) {
      const { alterTable } = await import('./alter.js')
      return alterTable(context, identifier, { changes, options })
    },
    async upgrade(formatVersion, options = {}) {
      const { alterTable } = await import('./alter.js')
      const changes = { kind: 'upgrade-format-version', formatVersion } as const
      return alterTable(context, identifier, { changes, options })
    },
    scan,
    inspect(name, request = {}) {
      reading(request.asOf)
      return openInspection(io, { name, request }, leased(request))
    },
    changes(request = {}) {
      reading(request.to)
      return openChanges(io, request, leased(request))
    },
    appends(request = {}) {
      reading(request.to)
      return openAppends(io, request, leased(request))
    },
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
        scan(request = {}) {
          reading(asOf)
          return holdScan(catalog.leases, { asOf, load: state }, loadHeld =>
            openScan(io, { ...request, asOf }, { load: loadHeld, watch }),
          )
        },
      }
    },
    refs: async () => (await load()).metadata.refs,
    async createBranch(name, options = {}) {
      const { createRef } = await import('./table-refs.js')
      return createRef(context, identifier, { type: 'branch', name, options })
    },
    async createTag(name, options = {}) {
      const { createRef } = await import('./table-refs.js')
      return createRef(context, identifier, { type: 'tag', name, options })
    },
    async dropBranch(name, options = {}) {
      const { dropRef } = await import('./table-refs.js')
      return dropRef(context, identifier, { type: 'branch', name, options })
    },
    async dropTag(name, options = {}) {
      const { dropRef } = await import('./table-refs.js')
      return dropRef(context, identifier, { type: 'tag', name, options })
    },
    async rewritePath(options) {
      const { rewritePathIn } = await import('./rewrite-path.js')
      return rewritePathIn(context, await catalog.loadTable(identifier, options), options)
    },
    async rollback(options) {
      const { rollback } = await import('./table-refs.js')
      return rollback(context, identifier, options)
    },
    async setCurrentSnapshot(to, options = {}) {
      const { setCurrentSnapshot } = await import('./table-refs.js')
      return setCurrentSnapshot(context, identifier, { to, options })
    },
    async fastForward(branch, to, options = {}) {
      const { fastForward } = await import('./table-refs.js')
      return fastForward(context, identifier, { branch, to, options })
    },
    async cherryPick(snapshotId, options = {}) {
      const { cherryPick } = await import('./table-refs.js')
      return cherryPick(context, identifier, { source: { snapshotId }, options })
    },
    async publish(wapId, options = {}) {
      const { cherryPick } = await import('./table-refs.js')
      return cherryPick(context, identifier, { source: { wapId }, options })
    },
    async compact(options = {}) {
      const { compactTable } = await import('../maintenance/compact.js')
      return compactTable(catalog, identifier, { ...options, ...shared })
    },
    async expire(options = {}) {
      const { expireSnapshots } = await import('../maintenance/expire.js')
      return expireSnapshots(catalog, identifier, { ...options, ...shared })
    },
    async removeOrphans(options = {}) {
      const { removeOrphans } = await import('../maintenance/orphans.js')
      return removeOrphans(catalog, identifier, { ...options, ...shared })
    },
    async transaction(work, options = {}) {
      const { transact } = await import('./transaction.js')
      return transact(context, [identifier], { work, options, open: openInTransaction })
    },
  }
}
