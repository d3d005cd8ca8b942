/** Tables of the DynamoDB catalog, but for commits: an item each, named by its namespace, a dot and its name. */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { joinLocation, trimTrailingSlash } from '../io/location.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { Catalog, CatalogOptions, LoadedTable, TableIdentifier } from './catalog.js'
import { namespaceMissing, nameTaken, tableMissing } from './catalog-errors.js'
import {
  isStill,
  metadataLocationOf,
  nameOf,
  namespaceKey,
  newPointer,
  propertiesOf,
  propertyAttributes,
  tableCreation,
  tableKey,
  viewKey,
} from './dynamodb-items.js'
import { checkNamespace } from './dynamodb-namespaces.js'
import { getItem, type ItemRequests, queryItems, sendUntilKnown } from './dynamodb-send.js'
import type { ItemRefusal, ItemWrite, StoredItem } from './dynamodb-store.js'
import { checkDotless, printIdentifier, printNamespace } from './identifier.js'
import type { FoundTable } from './pointer-commit.js'
import type { SeenTables } from './seen-tables.js'
import { freeTableLocation, pathSegment } from './table-location.js'

export interface TableContext extends ItemRequests {
  readonly io: FileIO
  readonly runtime: Runtime
  readonly seen: SeenTables
  /** The item that a state was loaded by. */
  readonly items: WeakMap<LoadedTable, StoredItem>
  /** Without a slash at its end. */
  readonly warehouse: string | undefined
}

export type TableVerbs = Pick<
  Catalog,
  | 'listTables'
  | 'loadTable'
  | 'tableExists'
  | 'defaultTableLocation'
  | 'dropTable'
  | 'renameTable'
  | 'registerTable'
>

/** Changes are tried again this often when somebody else changed the table meanwhile. */
const TRIES_MAX = 8

export function tableVerbs(context: TableContext): TableVerbs {
  return {
    async listTables(namespace, options = {}) {
      checkDotless(namespace)
      return listTables(context, namespace, options)
    },
    async loadTable(identifier, options = {}) {
      const item = await getTable(context, identifier, options)
      return loadItem(context, { identifier, item }, options)
    },
    async tableExists(identifier, options = {}) {
      checkIdentifier(identifier)
      const item = await getItem(context, tableKey(identifier), options)
      return item !== undefined && metadataLocationOf(item) !== undefined
    },
    async defaultTableLocation(identifier, options = {}) {
      checkIdentifier(identifier)
      return defaultTableLocation(context, identifier, options)
    },
    dropTable: (identifier, options = {}) => dropTable(context, identifier, options),
    renameTable: (from, to, options = {}) => renameTable(context, { from, to }, options),
    registerTable: (identifier, metadataLocation, options = {}) =>
      registerTable(context, { identifier, metadataLocation }, options),
  }
}

/** The state of a table and its item, or why there is none. */
export async function findTable(
  context: TableContext,
  identifier: TableIdentifier,
  options: CatalogOptions & { readonly now?: StoredItem | undefined },
): Promise<FoundTable<StoredItem> | 'missing' | 'other'> {
  const item = options.now ?? (await getItem(context, tableKey(identifier), options))
  if (item === undefined) {
    const view = await getItem(context, viewKey(identifier), options)
    return view === undefined ? 'missing' : 'other'
  }
  if (metadataLocationOf(item) === undefined) return 'other'
  return { entry: item, table: await loadItem(context, { identifier, item }, options) }
}

/** @throws invalid-argument for a name that cannot be given to a table or view */
export function checkIdentifier({ namespace, name }: TableIdentifier): void {
  checkDotless(namespace)
  checkDotless([name])
}

/** @throws not-found */
async function getTable(
  context: TableContext,
  identifier: TableIdentifier,
  options: CatalogOptions,
): Promise<StoredItem> {
  checkIdentifier(identifier)
  const item = await getItem(context, tableKey(identifier), options)
  if (item === undefined) throw tableMissing(identifier)
  if (metadataLocationOf(item) === undefined) throw notIceberg(identifier)
  return item
}

/** For an item that another program keeps under the name. */
function notIceberg(identifier: TableIdentifier): LakeError {
  return new LakeError('not-found', 'what has the name in the catalog is no Iceberg table', {
    context: { table: printIdentifier(identifier) },
  })
}

async function loadItem(
  { seen, items }: TableContext,
  { identifier, item }: { readonly identifier: TableIdentifier; readonly item: StoredItem },
  options: CatalogOptions,
): Promise<LoadedTable> {
  const table = await seen.load(identifier, metadataLocationOf(item), { signal: options.signal })
  items.set(table, item)
  return table
}

/** A state that was loaded here, with its item of then. */
export function recallTable({ items }: TableContext, table: LoadedTable): FoundTable<StoredItem> | undefined {
  const entry = items.get(table)
  return entry === undefined ? undefined : { table, entry }
}

/** Through the index: what was made in the last moments may be missing. */
async function listTables(
  context: TableContext,
  namespace: readonly string[],
  options: CatalogOptions,
): Promise<readonly TableIdentifier[]> {
  const query = { kind: 'namespace', namespace: printNamespace(namespace) } as const
  const names = (await queryItems(context, query, options)).map(key => nameOf(key, namespace))
  const tables = names.filter(name => name !== undefined).map(name => ({ namespace, name }))
  if (tables.length === 0) await checkNamespace(context, namespace, options)
  return tables
}

/** As Java has it: below the namespace's `default_location`, or in `<warehouse>/<namespace>.db`. */
async function defaultTableLocation(
  context: TableContext,
  { namespace, name }: TableIdentifier,
  options: CatalogOptions,
): Promise<string> {
  const item = await getItem(context, namespaceKey(namespace), options)
  const properties = item === undefined ? {} : propertiesOf(item)
  const named = properties.default_location
  const folder = named ? trimTrailingSlash(named) : warehouseFolder(context, namespace)
  return freeTableLocation(context, { folder, name }, options)
}

function warehouseFolder({ warehouse }: TableContext, namespace: readonly string[]): string {
  if (warehouse !== undefined) return joinLocation(warehouse, `${namespace.map(pathSegment).join('.')}.db`)
  throw new LakeError('invalid-argument', 'neither a warehouse nor a location of the namespace is set', {
    context: { namespace: printNamespace(namespace) },
  })
}

// ---- changes

async function dropTable(
  context: TableContext,
  identifier: TableIdentifier,
  options: CatalogOptions,
): Promise<void> {
  await changeEntry(identifier, async () => {
    const item = await getTable(context, identifier, options)
    const write: ItemWrite = { kind: 'delete', key: tableKey(identifier), condition: isStill(item) }
    const v = context.runtime.uuid()
    return (await sendUntilKnown(context, { writes: [write], v }, options)) === undefined
  })
}

/** Makes the new item and removes the old one at once; as in Java the item's own times and `v` begin anew. */
async function renameTable(
  context: TableContext,
  names: { readonly from: TableIdentifier; readonly to: TableIdentifier },
  options: CatalogOptions,
): Promise<void> {
  const { from, to } = names
  checkIdentifier(to)
  await changeEntry(from, async () => {
    const item = await getTable(context, from, options)
    await checkFree(context, to, options)
    const v = context.runtime.uuid()
    const stamp = { v, nowMs: context.runtime.nowMs() }
    const creation = tableCreation(to, propertyAttributes(propertiesOf(item)), stamp)
    const remove: ItemWrite = { kind: 'delete', key: tableKey(from), condition: isStill(item) }
    const refusals = await sendUntilKnown(context, { writes: [...creation, remove], v, token: v }, options)
    if (refusals === undefined) return true
    const refusal = creationRefusal(refusals, to)
    if (refusal !== undefined) throw refusal
    return false
  })
}

/**
 * Tries a change of a table or view until it is done: each time from what is there then.
 * @throws conflict when others are always faster
 */
export async function changeEntry(
  identifier: TableIdentifier,
  change: () => Promise<boolean>,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) if (await change()) return
  throw new LakeError('conflict', 'a table or view is being changed by others all the time', {
    context: { name: printIdentifier(identifier) },
  })
}

async function registerTable(
  context: TableContext,
  table: { readonly identifier: TableIdentifier; readonly metadataLocation: string },
  options: CatalogOptions,
): Promise<LoadedTable> {
  const { identifier, metadataLocation } = table
  checkIdentifier(identifier)
  const metadata = await readTableMetadata(context.io, metadataLocation, options)
  const v = context.runtime.uuid()
  const stamp = { v, nowMs: context.runtime.nowMs() }
  const writes = tableCreation(identifier, newPointer(metadataLocation), stamp)
  const refusals = await sendUntilKnown(context, { writes, v, token: v }, options)
  if (refusals !== undefined) throw creationRefusal(refusals, identifier) ?? nameTaken(identifier)
  const registered = { identifier, metadata, metadataLocation }
  context.seen.keep(registered)
  return registered
}

/** @throws not-found for a missing namespace, already-exists */
export async function checkFree(
  context: ItemRequests,
  identifier: TableIdentifier,
  options: CatalogOptions,
): Promise<void> {
  const keys = [namespaceKey(identifier.namespace), tableKey(identifier), viewKey(identifier)]
  const [namespace, table, view] = await Promise.all(keys.map(key => getItem(context, key, options)))
  if (namespace === undefined) throw namespaceMissing(identifier.namespace)
  if (table !== undefined || view !== undefined) throw nameTaken(identifier)
}

/** What the refusals of a request that begins with the creation of a table or view say of it. */
export function creationRefusal(
  refusals: readonly ItemRefusal[],
  identifier: TableIdentifier,
): LakeError | undefined {
  const [isTaken, isOther, namespace] = [0, 1, 2].map(index => refusals.some(each => each.index === index))
  if (namespace) return namespaceMissing(identifier.namespace)
  return isTaken || isOther ? nameTaken(identifier) : undefined
}
