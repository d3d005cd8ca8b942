/**
 * The catalog contract: who decides which metadata file is current. A catalog checks requirements and swaps
 * a pointer; it knows no manifests. One suite (`test/contract/catalog.ts`) judges every implementation.
 */
import type { TableMetadata } from '../metadata/table-metadata.js'
import type { TableRequirement, TableUpdate } from '../metadata/table-update.js'
import type { ScanFigures } from '../rest/scan-report.js'
import type { PlanTableScanRequest, ScanTask } from '../rest/scan-task-json.js'
import type { Schema } from '../schema/types.js'
import type { Namespace, TableIdentifier } from './identifier.js'
import type { ReadLeases } from './read-leases.js'
import type { CommitTurns, Turn } from './turns.js'
import type { CatalogViews } from './views.js'
import type { WriteLease, WriteLeases } from './write-leases.js'

export type { Namespace, TableIdentifier }

/** A table as of one metadata file. */
export interface LoadedTable {
  readonly identifier: TableIdentifier
  readonly metadata: TableMetadata
  readonly metadataLocation: string
  /** Plans scans of the table in place of its manifests; for reading alone. Absent: who scans plans. */
  readonly planner?: TablePlanner | undefined
}

/** Somebody else who plans scans: the server of a catalog. */
export interface TablePlanner {
  /**
   * The data files to read, each with its deletes. `schema` is the one that the request names its columns by.
   * @throws not-found, denied, unavailable, corrupt, unsupported, aborted
   */
  plan(
    request: PlanTableScanRequest,
    options: { readonly schema: Schema; readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly tasks: readonly ScanTask[]; readonly requests: number }>
}

export interface TableCommit {
  readonly identifier: TableIdentifier
  /** What the updates were made for; absent for a table to be created. Saves a catalog one read, decides nothing. */
  readonly base?: LoadedTable
  readonly requirements: readonly TableRequirement[]
  /** No updates and some requirements: a read check, part of the atomic commit of other tables. */
  readonly updates: readonly TableUpdate[]
}

/** What a catalog needs to send an identical swap again: same metadata files, same writer id. Opaque to callers. */
export interface CommitAttempt {
  readonly changes: readonly TableCommit[]
  /**
   * `metadataLocations[i]` holds the state of `changes[i]` after the swap, where the catalog names the files before it
   * swaps; in the metadata log it tells that the swap landed. Undefined for a table that the swap leaves as it is.
   */
  readonly metadataLocations?: readonly (string | undefined)[] | undefined
}

export type CommitOutcome =
  /** `tables[i]` is the new state of `changes[i]`. */
  | { readonly status: 'committed'; readonly tables: readonly LoadedTable[] }
  /** Someone else won, or a requirement does not hold: certainly nothing of this commit landed. */
  | {
      readonly status: 'conflict'
      readonly identifier: TableIdentifier
      readonly requirement?: TableRequirement
      readonly reason: string
      /** Files of the commit may have been cleaned away: another attempt with them is no use. */
      readonly isLapsed?: boolean
      /** The state that was found, when the catalog had to load it. */
      readonly current?: LoadedTable
    }
  /** It may have landed or may yet land. Nothing may be deleted; `settle` sends the identical swap again and looks. */
  | { readonly status: 'unknown'; readonly attempt: CommitAttempt; readonly cause: unknown }

export interface CatalogOptions {
  readonly signal?: AbortSignal | undefined
}

/** What a commit says of the files that it refers to; see `write-leases.ts`. */
export interface LoadOptions extends CatalogOptions {
  /**
   * `refs`: the caller looks at what branches and tags point at and nothing else, so a catalog may leave out all other
   * snapshots. Never for who decides what is deleted. Default `all`.
   */
  readonly snapshots?: 'all' | 'refs' | undefined
  /** What a catalog saw of the table when this turn came will do, once. */
  readonly turn?: Turn | undefined
}

export interface RegisterOptions extends CatalogOptions {
  /** A table of the name gives way; a view never does. Default false. */
  readonly overwrite?: boolean | undefined
}

export interface SwapOptions extends CatalogOptions {
  /** Leases of operations: refused (conflict, `isLapsed`) when one was ended. */
  readonly leases?: readonly WriteLease[] | undefined
  /**
   * Not after the first file of the operations without a lease, in milliseconds since 1970. Refused (conflict, `isLapsed`)
   * when a fence of one of the tables is in front of it.
   */
  readonly sinceMs?: number | undefined
  /** A place that the swap gives back when it lands, where the catalog can do that in passing. */
  readonly turn?: Turn | undefined
}

export interface Catalog {
  readonly name: string
  /** True when `commit` takes several tables and commits all or none. */
  readonly multiTable: boolean
  /** Where readers say what they read; absent in catalogs that cannot tell it to others. */
  readonly leases?: ReadLeases | undefined
  /** Where writers say what they are writing; absent in catalogs that cannot check it in the swap. */
  readonly writeLeases?: WriteLeases | undefined
  /** Where writers queue up; absent in catalogs that cannot tell it to others. */
  readonly turns?: CommitTurns | undefined
  /** Absent in catalogs that hold tables only. */
  readonly views?: CatalogViews | undefined

  /** @throws already-exists */
  createNamespace(
    namespace: Namespace,
    properties?: Readonly<Record<string, string>>,
    options?: CatalogOptions,
  ): Promise<void>
  /** @throws not-found; conflict when it still holds tables or namespaces */
  dropNamespace(namespace: Namespace, options?: CatalogOptions): Promise<void>
  /** Child namespaces of `parent`, or those at the top. */
  listNamespaces(parent?: Namespace, options?: CatalogOptions): Promise<readonly Namespace[]>
  /** Properties of a namespace. @throws not-found */
  loadNamespace(namespace: Namespace, options?: CatalogOptions): Promise<Readonly<Record<string, string>>>
  /** @throws not-found; invalid-argument when a key is both removed and updated */
  updateNamespace(
    namespace: Namespace,
    change: { readonly removals: readonly string[]; readonly updates: Readonly<Record<string, string>> },
    options?: CatalogOptions,
  ): Promise<void>

  /** @throws not-found for a missing namespace */
  listTables(namespace: Namespace, options?: CatalogOptions): Promise<readonly TableIdentifier[]>
  /** The current state, read consistently. @throws not-found, corrupt, unavailable */
  loadTable(identifier: TableIdentifier, options?: LoadOptions): Promise<LoadedTable>
  tableExists(identifier: TableIdentifier, options?: CatalogOptions): Promise<boolean>
  /** Where a new table goes when its creator names no location. */
  defaultTableLocation(identifier: TableIdentifier, options?: CatalogOptions): Promise<string>
  /** Removes the entry; files stay. @throws not-found */
  dropTable(identifier: TableIdentifier, options?: CatalogOptions): Promise<void>
  /** @throws not-found, already-exists */
  renameTable(from: TableIdentifier, to: TableIdentifier, options?: CatalogOptions): Promise<void>
  /**
   * Adds an entry for metadata that is there, or with `overwrite` sets that of a table to it, whatever it pointed at: all
   * files stay, and a commit that was made for the former state is checked against the new one.
   * @throws already-exists, not-found, corrupt; unsupported where an entry cannot be set at once
   */
  registerTable(
    identifier: TableIdentifier,
    metadataLocation: string,
    options?: RegisterOptions,
  ): Promise<LoadedTable>
  /**
   * Removes the entry and tells its last state, in which every commit is that landed: the table can be registered elsewhere
   * from it. Files stay. Absent in catalogs that cannot do it at once.
   * @throws not-found, corrupt; conflict when others are always faster
   */
  unregisterTable?(identifier: TableIdentifier, options?: CatalogOptions): Promise<LoadedTable>

  /**
   * Checks the requirements of every change against its table's current state and swaps all pointers, or none.
   * Creating a table is a change whose requirement is `assert-create`. The leases must be of this catalog.
   * @throws invalid-argument, not-found (table or namespace), corrupt, denied, unavailable (before the swap only)
   */
  commit(changes: readonly TableCommit[], options?: SwapOptions): Promise<CommitOutcome>
  /** Sends the identical swap of an unknown outcome again, with its leases and times, and looks what became of it. */
  settle(attempt: CommitAttempt, options?: CatalogOptions): Promise<CommitOutcome>

  /**
   * Takes what planning a scan of the table came to, for whoever runs the catalog. Nobody waits for it, and it never
   * throws. Absent where nobody wants to know.
   */
  reportScan?(identifier: TableIdentifier, figures: ScanFigures): void

  close(): Promise<void>
}

/** The part of a catalog that is about namespaces. */
export type NamespaceVerbs = Pick<
  Catalog,
  'createNamespace' | 'dropNamespace' | 'listNamespaces' | 'loadNamespace' | 'updateNamespace'
>

/** The part of a catalog that is about tables, commits aside. */
export type TableVerbs = Pick<
  Catalog,
  | 'listTables'
  | 'loadTable'
  | 'tableExists'
  | 'defaultTableLocation'
  | 'dropTable'
  | 'renameTable'
  | 'registerTable'
  | 'unregisterTable'
>
