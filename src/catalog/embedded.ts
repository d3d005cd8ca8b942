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
import type { Catalog, CatalogOptions, LoadedTable, Namespace, TableIdentifier } from './catalog.js'
import {
  checkNamespaceChange,
  namespaceExists,
  namespaceMissing,
  namespaceNotEmpty,
  nameTaken,
  tableMissing,
} from './catalog-errors.js'
import { embeddedSwaps } from './embedded-commit.js'
import { BUSY_RETRY_DEFAULT, type BusyRetry, type EmbeddedDb, openEmbeddedDb } from './embedded-db.js'
import {
  allNamespaceNames,
  createLayout,
  deleteNamespace,
  deleteTable,
  findTable,
  hasLayout,
  hasNamespace,
  insertTable,
  listTables,
  namespaceHolds,
  namespaceProperties,
  type Rows,
  removeNamespaceProperties,
  renameTable,
  setNamespaceProperties,
} from './embedded-rows.js'
import { checkDotless } from './identifier.js'
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
  return {
    name: context.catalogName,
    multiTable: true,
    ...namespaceVerbs(context),
    ...tableVerbs(context),
    ...pointerCommits(context),
    close: () => db.close(),
  }
}

interface Context {
  readonly db: EmbeddedDb
  readonly catalogName: string
  readonly io: FileIO
  readonly runtime: Runtime
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
  return row.kind === 'other' ? 'other' : context.seen.load(identifier, row.metadataLocation, options)
}

function pointerCommits(context: Context): PointerCommits {
  return createPointerCommits<undefined>({
    io: context.io,
    runtime: context.runtime,
    async find(identifier, options) {
      const found = await find(context, identifier, options)
      return typeof found === 'string' ? found : { table: found, entry: undefined }
    },
    ...embeddedSwaps(context),
    keep: table => context.seen.keep(table),
  })
}

// ---- transactions

function readRows<T>(context: Context, work: (rows: Rows) => T, options: CatalogOptions): Promise<T> {
  return context.db.read(sql => work({ sql, catalogName: context.catalogName }), options.signal)
}

/** Changes other than commits are not settled: the caller looks what is there. */
async function writeRows<T>(context: Context, work: (rows: Rows) => T, options: CatalogOptions): Promise<T> {
  const { db, catalogName } = context
  const outcome = await db.write(sql => work({ sql, catalogName }), options.signal)
  if (outcome.status === 'done') return outcome.value
  throw new LakeError('commit-state-unknown', 'the change of the catalog may or may not be there', {
    cause: outcome.cause,
  })
}

// ---- namespaces

type NamespaceVerbs = Pick<
  Catalog,
  'createNamespace' | 'dropNamespace' | 'listNamespaces' | 'loadNamespace' | 'updateNamespace'
>

function namespaceVerbs(context: Context): NamespaceVerbs {
  return {
    async createNamespace(namespace, properties = {}, options = {}) {
      checkDotless(namespace)
      await writeRows(context, rows => createNamespace(rows, namespace, properties), options)
    },
    async dropNamespace(namespace, options = {}) {
      checkDotless(namespace)
      await writeRows(context, rows => dropNamespace(rows, namespace), options)
    },
    async listNamespaces(parent = [], options = {}) {
      if (parent.length > 0) checkDotless(parent)
      return readRows(context, rows => childNamespaces(rows, parent), options)
    },
    async loadNamespace(namespace, options = {}) {
      checkDotless(namespace)
      return readRows(context, rows => loadNamespace(rows, namespace), options)
    },
    async updateNamespace(namespace, change, options = {}) {
      checkDotless(namespace)
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
  const prefix = parent.map(level => `${level}.`).join('')
  const below = allNamespaceNames(rows).filter(name => name.startsWith(prefix) && name !== prefix)
  const children = new Set(below.map(name => name.slice(prefix.length).split('.', 1).join()))
  return [...children].filter(level => level !== '').map(level => [...parent, level])
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

type TableVerbs = Pick<
  Catalog,
  | 'listTables'
  | 'loadTable'
  | 'tableExists'
  | 'defaultTableLocation'
  | 'dropTable'
  | 'renameTable'
  | 'registerTable'
>

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
      await writeRows(context, rows => addTable(rows, identifier, metadataLocation), options)
      return { identifier, metadata, metadataLocation }
    },
  }
}

function checkIdentifier(identifier: TableIdentifier): void {
  checkDotless(identifier.namespace)
  checkDotless([identifier.name])
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

function checkFree(rows: Rows, identifier: TableIdentifier): void {
  if (!hasNamespace(rows, identifier.namespace)) throw namespaceMissing(identifier.namespace)
  if (findTable(rows, identifier) !== undefined) throw nameTaken(identifier)
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
