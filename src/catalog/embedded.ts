/**
 * The embedded catalog: one SQLite file (`<warehouse>/catalog.db`) decides which metadata file of each table is
 * current. Java's JdbcCatalog and PyIceberg's SqlCatalog open the same file and commit next to it.
 *
 * `name` keys every row: with another name than the file was made with, the lake looks empty.
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type {
  Catalog,
  CatalogOptions,
  LoadedTable,
  Namespace,
  NamespaceVerbs,
  TableIdentifier,
  TableVerbs,
} from './catalog.js'
import {
  checkNamespaceChange,
  namespaceExists,
  namespaceMissing,
  namespaceNotEmpty,
  tableMissing,
} from './catalog-errors.js'
import { embeddedSwaps } from './embedded-commit.js'
import { checkFree, checkIdentifier, type EmbeddedContext, readRows, writeRows } from './embedded-context.js'
import { BUSY_RETRY_DEFAULT, type BusyRetry, type EmbeddedDb, openEmbeddedDb } from './embedded-db.js'
import {
  allNamespaceKeys,
  createLayout,
  deleteNamespace,
  deleteTable,
  findTable,
  hasLayout,
  hasNamespace,
  insertTable,
  levelOfKey,
  listTables,
  namespaceHolds,
  namespaceKey,
  namespaceProperties,
  type Rows,
  removeNamespaceProperties,
  renameTable,
  setNamespaceProperties,
  swapTable,
} from './embedded-rows.js'
import { embeddedViews } from './embedded-views.js'
import { embeddedWriteLeases } from './embedded-write-leases.js'
import { checkLevels, printIdentifier } from './identifier.js'
import { createLeaseFiles } from './lease-files.js'
import { createPointerCommits, type PointerCommits } from './pointer-commit.js'
import { createSeenTables, type SeenTables } from './seen-tables.js'
import { freeTableLocation, pathSegment } from './table-location.js'
import { createTurnFiles } from './turn-files.js'

export interface EmbeddedCatalogOptions {
  /** Path of the database file. */
  readonly path: string
  /** Absolute path or `file:` URI of the folder that holds tables without a location of their own. */
  readonly warehouse: string
  /** Default `default`, the name that PyIceberg uses when none is configured. */
  readonly name?: string | undefined
  readonly io: FileIO
  readonly runtime: Runtime
  readonly busyRetry?: BusyRetry | undefined
  /**
   * False: commits are not synced one by one, so a power failure may take the last of them back. The file stays whole.
   * Default true.
   */
  readonly fsync?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Opens the catalog; the file and its tables are made when missing. @throws denied, unavailable, corrupt */
export async function openEmbeddedCatalog(options: EmbeddedCatalogOptions): Promise<Catalog> {
  const { path, runtime, fsync, signal } = options
  const db = await openEmbeddedDb({
    path,
    runtime,
    fsync,
    busyRetry: options.busyRetry ?? BUSY_RETRY_DEFAULT,
    signal,
  })
  try {
    const catalog = await createEmbeddedCatalog(db, options)
    // A database in memory has no folder, and nobody else who could expire what is read.
    if (path === ':memory:') return catalog
    const leases = createLeaseFiles(`${path}-readers`, runtime)
    const turns = createTurnFiles(`${path}-turns`, runtime)
    return {
      ...catalog,
      leases,
      turns,
      async close() {
        await leases.close()
        await turns.close()
        await catalog.close()
      },
    }
  } catch (error) {
    await db.close()
    throw error
  }
}

/** The catalog over an open database, which `close` closes. */
export async function createEmbeddedCatalog(
  db: EmbeddedDb,
  options: Pick<EmbeddedCatalogOptions, 'warehouse' | 'name' | 'io' | 'runtime'>,
): Promise<Catalog> {
  const context = createContext(db, options)
  if (!(await db.read(hasLayout))) await writeRows(context, ({ sql }) => createLayout(sql), {})
  const writeLeases = embeddedWriteLeases(db, options.runtime)
  return {
    name: context.catalogName,
    multiTable: true,
    writeLeases,
    views: embeddedViews(context),
    ...namespaceVerbs(context),
    ...tableVerbs(context),
    ...pointerCommits(context),
    async close() {
      await writeLeases.close()
      await db.close()
    },
  }
}

interface Context extends EmbeddedContext {
  readonly warehouse: string
  readonly seen: SeenTables
}

function createContext(
  db: EmbeddedDb,
  options: Pick<EmbeddedCatalogOptions, 'warehouse' | 'name' | 'io' | 'runtime'>,
): Context {
  const { io, runtime } = options
  return {
    db,
    catalogName: options.name ?? 'default',
    io,
    runtime,
    warehouse: options.warehouse.startsWith('/') ? `file://${options.warehouse}` : options.warehouse,
    seen: createSeenTables(io),
  }
}

/** The state of a table, or why there is none. */
async function find(
  context: Context,
  identifier: TableIdentifier,
  options: CatalogOptions,
): Promise<LoadedTable | 'missing' | 'other'> {
  const row = await readRows(context, rows => findTable(rows, identifier), options)
  if (row === undefined) return 'missing'
  return row.kind === 'table' ? context.seen.load(identifier, row.metadataLocation, options) : 'other'
}

function pointerCommits(context: Context): PointerCommits {
  return createPointerCommits<undefined>({
    io: context.io,
    runtime: context.runtime,
    checkName: checkIdentifier,
    async find(identifier, options) {
      const found = await find(context, identifier, options)
      return typeof found === 'string' ? found : { table: found, entry: undefined }
    },
    ...embeddedSwaps(context),
    keep: table => context.seen.keep(table),
  })
}

// ---- namespaces

function namespaceVerbs(context: Context): NamespaceVerbs {
  return {
    async createNamespace(namespace, properties = {}, options = {}) {
      checkLevels(namespace)
      await writeRows(context, rows => createNamespace(rows, namespace, properties), options)
    },
    async dropNamespace(namespace, options = {}) {
      checkLevels(namespace)
      await writeRows(context, rows => dropNamespace(rows, namespace), options)
    },
    async listNamespaces(parent = [], options = {}) {
      if (parent.length > 0) checkLevels(parent)
      return readRows(context, rows => childNamespaces(rows, parent), options)
    },
    async loadNamespace(namespace, options = {}) {
      checkLevels(namespace)
      return readRows(context, rows => loadNamespace(rows, namespace), options)
    },
    async updateNamespace(namespace, change, options = {}) {
      checkLevels(namespace)
      checkNamespaceChange(change)
      await writeRows(context, rows => updateNamespace(rows, namespace, change), options)
    },
  }
}

function createNamespace(
  rows: Rows,
  namespace: Namespace,
  properties: Readonly<Record<string, string>>,
): void {
  if (hasNamespace(rows, namespace)) throw namespaceExists(namespace)
  setNamespaceProperties(rows, namespace, properties)
}

function dropNamespace(rows: Rows, namespace: Namespace): void {
  const holds = namespaceHolds(rows, namespace)
  if (holds === 'missing') throw namespaceMissing(namespace)
  if (holds !== 'nothing') throw namespaceNotEmpty(namespace, holds)
  deleteNamespace(rows, namespace)
}

function childNamespaces(rows: Rows, parent: Namespace): readonly Namespace[] {
  if (parent.length > 0 && !hasNamespace(rows, parent)) throw namespaceMissing(parent)
  const prefix = parent.length === 0 ? '' : `${namespaceKey(parent)}.`
  const below = allNamespaceKeys(rows).filter(key => key.startsWith(prefix) && key !== prefix)
  const children = new Set(below.map(key => key.slice(prefix.length).split('.', 1).join()))
  return [...children].filter(level => level !== '').map(level => [...parent, levelOfKey(level)])
}

function loadNamespace(rows: Rows, namespace: Namespace): Readonly<Record<string, string>> {
  if (!hasNamespace(rows, namespace)) throw namespaceMissing(namespace)
  return namespaceProperties(rows, namespace)
}

function updateNamespace(
  rows: Rows,
  namespace: Namespace,
  change: Parameters<Catalog['updateNamespace']>[1],
): void {
  if (!hasNamespace(rows, namespace)) throw namespaceMissing(namespace)
  removeNamespaceProperties(rows, namespace, change.removals)
  setNamespaceProperties(rows, namespace, change.updates)
}

// ---- tables

function tableVerbs(context: Context): TableVerbs {
  return {
    listTables: (namespace, options = {}) => readRows(context, rows => tablesOf(rows, namespace), options),
    async loadTable(identifier, options = {}) {
      const found = await find(context, identifier, options)
      if (typeof found === 'string') throw tableMissing(identifier)
      return found
    },
    tableExists: (identifier, options = {}) =>
      readRows(context, rows => findTable(rows, identifier)?.kind === 'table', options),
    defaultTableLocation: (identifier, options = {}) => defaultTableLocation(context, identifier, options),
    async dropTable(identifier, options = {}) {
      await writeRows(context, rows => dropTable(rows, identifier), options)
    },
    async renameTable(from, to, options = {}) {
      checkIdentifier(to)
      await writeRows(context, rows => moveTable(rows, from, to), options)
    },
    async registerTable(identifier, metadataLocation, options = {}) {
      checkIdentifier(identifier)
      const metadata = await readTableMetadata(context.io, metadataLocation, options)
      const set = options.overwrite === true ? putTable : addTable
      await writeRows(context, rows => set(rows, identifier, metadataLocation), options)
      const table = { identifier, metadata, metadataLocation }
      context.seen.keep(table)
      return table
    },
    unregisterTable: (identifier, options = {}) => unregisterTable(context, identifier, options),
  }
}

function tablesOf(rows: Rows, namespace: Namespace): readonly TableIdentifier[] {
  if (!hasNamespace(rows, namespace)) throw namespaceMissing(namespace)
  return listTables(rows, namespace)
}

function dropTable(rows: Rows, identifier: TableIdentifier): void {
  if (findTable(rows, identifier)?.kind !== 'table') throw tableMissing(identifier)
  deleteTable(rows, identifier)
}

function moveTable(rows: Rows, from: TableIdentifier, to: TableIdentifier): void {
  if (findTable(rows, from)?.kind !== 'table') throw tableMissing(from)
  checkFree(rows, to)
  renameTable(rows, from, to)
}

function addTable(rows: Rows, identifier: TableIdentifier, metadataLocation: string): void {
  checkFree(rows, identifier)
  insertTable(rows, identifier, metadataLocation)
}

/** In place of a table that has the name. */
function putTable(rows: Rows, identifier: TableIdentifier, metadataLocation: string): void {
  const found = findTable(rows, identifier)
  if (found?.kind !== 'table' || found.metadataLocation === undefined)
    addTable(rows, identifier, metadataLocation)
  else swapTable(rows, identifier, { from: found.metadataLocation, to: metadataLocation })
}

const UNREGISTER_TRIES_MAX = 8

/** The state is read first, and the entry goes if it is still that. */
async function unregisterTable(
  context: Context,
  identifier: TableIdentifier,
  options: CatalogOptions,
): Promise<LoadedTable> {
  for (let attempt = 1; attempt <= UNREGISTER_TRIES_MAX; attempt++) {
    const table = await find(context, identifier, options)
    if (typeof table === 'string') throw tableMissing(identifier)
    const { metadataLocation } = table
    if (await writeRows(context, rows => dropTableAt(rows, identifier, metadataLocation), options))
      return table
  }
  throw new LakeError('conflict', 'a table is being changed by others all the time', {
    context: { table: printIdentifier(identifier) },
  })
}

function dropTableAt(rows: Rows, identifier: TableIdentifier, metadataLocation: string): boolean {
  const found = findTable(rows, identifier)
  if (found?.kind !== 'table' || found.metadataLocation !== metadataLocation) return false
  deleteTable(rows, identifier)
  return true
}

/** Below the namespace's `location` property, or `<warehouse>/<namespace>`. */
async function defaultTableLocation(
  context: Context,
  { namespace, name }: TableIdentifier,
  options: CatalogOptions,
): Promise<string> {
  const properties = await readRows(context, rows => namespaceProperties(rows, namespace), options)
  const folder = properties.location ?? joinLocation(context.warehouse, ...namespace.map(pathSegment))
  return freeTableLocation(context, { folder, name }, options)
}
