/** Tables of the DynamoDB catalog, but for commits. */
import { present } from '../base/assert.js'
import { isLakeError, LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { FileIO } from '../io/file-io.js'
import { joinLocation, trimTrailingSlash } from '../io/location.js'
import { readTableMetadata } from '../metadata/metadata-file.js'
import type { CatalogOptions, LoadedTable, RegisterOptions, TableIdentifier, TableVerbs } from './catalog.js'
import { nameTaken, tableMissing } from './catalog-errors.js'
import { changeEntry, checkIdentifier, type Entries, entriesOf, newStamp } from './dynamodb-entries.js'
import {
  isStill,
  metadataLocationOf,
  namespaceKey,
  newPointer,
  pointerUpdate,
  propertiesOf,
  tableCreation,
  tableKey,
  viewKey,
} from './dynamodb-items.js'
import { getItem, type ItemRequests, sendUntilKnown } from './dynamodb-send.js'
import type { ItemWrite, StoredItem } from './dynamodb-store.js'
import { printIdentifier, printNamespace } from './identifier.js'
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

export function tableVerbs(context: TableContext): TableVerbs {
  const entries = entriesOf(context, {
    keyOf: tableKey,
    namespaceOf: printNamespace,
    find: (identifier, options) => getTable(context, identifier, options),
    creation: tableCreation,
  })
  return {
    listTables: (namespace, options = {}) => entries.list(namespace, options),
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
    dropTable: (identifier, options = {}) => entries.drop(identifier, options),
    renameTable: (from, to, options = {}) => entries.rename(from, to, options),
    registerTable: (identifier, metadataLocation, options = {}) =>
      registerTable(context, entries, { identifier, metadataLocation, options }),
    unregisterTable: (identifier, options = {}) => unregisterTable(context, identifier, options),
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

async function registerTable(
  context: TableContext,
  entries: Entries,
  table: {
    readonly identifier: TableIdentifier
    readonly metadataLocation: string
    readonly options: RegisterOptions
  },
): Promise<LoadedTable> {
  const { identifier, metadataLocation, options } = table
  checkIdentifier(identifier)
  const metadata = await readTableMetadata(context.io, metadataLocation, options)
  if (options.overwrite === true) await putTable(context, entries, table)
  else await entries.create(identifier, newPointer(metadataLocation), options)
  const registered = { identifier, metadata, metadataLocation }
  context.seen.keep(registered)
  return registered
}

/** In place of a table that has the name: its item gets another pointer and another `v`, so no swap of before lands. */
async function putTable(
  context: TableContext,
  entries: Entries,
  table: {
    readonly identifier: TableIdentifier
    readonly metadataLocation: string
    readonly options: CatalogOptions
  },
): Promise<void> {
  const { identifier, metadataLocation, options } = table
  await changeEntry(identifier, async () => {
    const found = await getItem(context, tableKey(identifier), options)
    if (found === undefined) {
      try {
        await entries.create(identifier, newPointer(metadataLocation), options)
        return true
      } catch (error) {
        // Somebody made a table meanwhile, or a view has the name.
        if (!isLakeError(error, 'already-exists')) throw error
        if ((await getItem(context, tableKey(identifier), options)) === undefined) throw error
        return false
      }
    }
    const from = metadataLocationOf(found)
    if (from === undefined) throw nameTaken(identifier)
    const stamp = newStamp(context)
    const write = pointerUpdate(found, { from, to: metadataLocation }, { stamp, remove: [] })
    return (await sendUntilKnown(context, { writes: [write], v: stamp.v }, options)) === undefined
  })
}

/**
 * The state is read first, and the item goes if it is still that. The token tells an item that we deleted from one that
 * others did, maybe after another commit.
 */
async function unregisterTable(
  context: TableContext,
  identifier: TableIdentifier,
  options: CatalogOptions,
): Promise<LoadedTable> {
  let last: LoadedTable | undefined
  await changeEntry(identifier, async () => {
    const item = await getTable(context, identifier, options)
    last = await loadItem(context, { identifier, item }, options)
    const { v } = newStamp(context)
    const write: ItemWrite = { kind: 'delete', key: tableKey(identifier), condition: isStill(item) }
    const refusals = await sendUntilKnown(context, { writes: [write], v, token: v }, options)
    return refusals === undefined
  })
  return present(last, 'the state of a table that was unregistered')
}
