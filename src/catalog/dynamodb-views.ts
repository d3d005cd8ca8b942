/**
 * Views of the DynamoDB catalog: an item each, beside those of tables and of a kind that Java's DynamoDbCatalog does
 * not see (its tables are those whose `namespace` is a namespace, and no namespace begins with a dot).
 *
 *   identifier   a.b.view
 *   namespace    .views.a.b
 *   attributes   v, created_at, updated_at, p.table_type = ICEBERG-VIEW, p.metadata_location, p.previous_metadata_location
 *
 * What is made checks that no table of ours has the name, and tables check for views; Java does not know of views, so a
 * table that it makes may have the name of one. Both are then there, and either can be renamed or dropped.
 */
import { LakeError } from '../base/errors.js'
import type { IoOptions } from '../io/file-io.js'
import { readViewMetadata } from '../metadata/view-metadata-file.js'
import { viewMissing } from './catalog-errors.js'
import { checkIdentifier, entriesOf, newStamp } from './dynamodb-entries.js'
import {
  createdAttributes,
  IS_NEW,
  type ItemStamp,
  inNamespace,
  isStill,
  propertyAttribute,
  tableKey,
  updatedAttributes,
  viewKey,
  viewsOf,
} from './dynamodb-items.js'
import { getItem, sendOnce, type WriteRequest } from './dynamodb-send.js'
import type { Item, ItemWrite, StoredItem } from './dynamodb-store.js'
import type { TableContext } from './dynamodb-tables.js'
import { printIdentifier, type TableIdentifier } from './identifier.js'
import {
  commitView,
  type FoundView,
  type ViewPointers,
  type ViewSwap,
  type ViewSwapAnswer,
} from './view-commit.js'
import type { CatalogViews, LoadedView } from './views.js'

const TYPE = propertyAttribute('table_type')
const TYPE_OF_VIEWS = 'ICEBERG-VIEW'
const METADATA_LOCATION = propertyAttribute('metadata_location')
const PREVIOUS_METADATA_LOCATION = propertyAttribute('previous_metadata_location')

type Context = Pick<TableContext, 'store' | 'runtime' | 'io'>

export function dynamoDbViews(context: Context): CatalogViews {
  const pointers = viewPointers(context)
  const entries = entriesOf(context, {
    keyOf: viewKey,
    namespaceOf: viewsOf,
    find: (identifier, options) => getView(context, identifier, options),
    creation: viewCreation,
  })
  return {
    list: (namespace, options = {}) => entries.list(namespace, options),
    async load(identifier, options = {}) {
      const item = await getView(context, identifier, options)
      return loadItem(context, { identifier, item }, options)
    },
    async exists(identifier, options = {}) {
      checkIdentifier(identifier)
      return (await getItem(context, viewKey(identifier), options)) !== undefined
    },
    drop: (identifier, options = {}) => entries.drop(identifier, options),
    rename: (from, to, options = {}) => entries.rename(from, to, options),
    async register(identifier, metadataLocation, options = {}) {
      checkIdentifier(identifier)
      const metadata = await readViewMetadata(context.io, metadataLocation, options)
      await entries.create(identifier, pointerTo(metadataLocation), options)
      return { identifier, metadata, metadataLocation }
    },
    async commit(change, options = {}) {
      checkIdentifier(change.identifier)
      return commitView(pointers, change, options)
    },
  }
}

/** @throws not-found */
async function getView(
  context: Context,
  identifier: TableIdentifier,
  options: IoOptions,
): Promise<StoredItem> {
  checkIdentifier(identifier)
  const item = await getItem(context, viewKey(identifier), options)
  if (item === undefined) throw viewMissing(identifier)
  return item
}

async function loadItem(
  { io }: Context,
  { identifier, item }: { readonly identifier: TableIdentifier; readonly item: StoredItem },
  options: IoOptions,
): Promise<LoadedView> {
  const metadataLocation = item[METADATA_LOCATION]
  if (typeof metadataLocation !== 'string' || metadataLocation === '')
    throw new LakeError('corrupt', 'the catalog names no metadata file for the view', {
      context: { view: printIdentifier(identifier) },
    })
  return { identifier, metadataLocation, metadata: await readViewMetadata(io, metadataLocation, options) }
}

// ---- changes

/** Makes a view, whose name must be free and whose namespace must be there; in the order of `tableCreation`. */
function viewCreation(
  identifier: TableIdentifier,
  attributes: Item,
  stamp: ItemStamp,
): readonly [put: ItemWrite, noTable: ItemWrite, namespace: ItemWrite] {
  const item = { ...attributes, ...createdAttributes(stamp), ...viewKey(identifier) }
  return [
    { kind: 'put', item, condition: IS_NEW },
    { kind: 'check', key: tableKey(identifier), condition: IS_NEW },
    inNamespace(identifier.namespace),
  ]
}

function pointerTo(metadataLocation: string): Item {
  return { [TYPE]: TYPE_OF_VIEWS, [METADATA_LOCATION]: metadataLocation }
}

// ---- commits

/** The item as it was read tells whether it has changed. */
type Swap = ViewSwap<StoredItem>

function viewPointers(context: Context): ViewPointers<StoredItem> {
  /** The identical request is kept for each swap. */
  const sent = new WeakMap<Swap, WriteRequest>()
  const send = async (swap: Swap, options: IoOptions): Promise<ViewSwapAnswer> => {
    const request = sent.get(swap) ?? swapRequest(context, swap)
    sent.set(swap, request)
    const answer = await sendOnce(context, request, options)
    if (answer.status === 'done') return { status: 'swapped' }
    if (answer.status === 'unknown') return answer
    const isNamespace = swap.from === undefined && answer.refusals.every(({ index }) => index === 2)
    return { status: isNamespace ? 'no-namespace' : 'lost' }
  }
  return {
    io: context.io,
    runtime: context.runtime,
    find: (identifier, options) => findView(context, identifier, options),
    swap: send,
    async swapAgain(swap, options) {
      const answer = await send(swap, options)
      return answer.status === 'swapped' || answer.status === 'unknown'
        ? answer
        : lookBehind(context, swap, options)
    },
  }
}

async function findView(
  context: Context,
  identifier: TableIdentifier,
  options: IoOptions,
): Promise<FoundView<StoredItem> | 'missing' | 'table'> {
  const item = await getItem(context, viewKey(identifier), options)
  if (item !== undefined) return { entry: item, view: await loadItem(context, { identifier, item }, options) }
  const table = await getItem(context, tableKey(identifier), options)
  return table === undefined ? 'missing' : 'table'
}

function swapRequest(context: Context, { identifier, from, to }: Swap): WriteRequest {
  const stamp = newStamp(context)
  const pointer = pointerTo(to.metadataLocation)
  if (from === undefined)
    return { writes: viewCreation(identifier, pointer, stamp), v: stamp.v, token: stamp.v }
  const previous = { [PREVIOUS_METADATA_LOCATION]: from.view.metadataLocation }
  const set = { ...pointer, ...previous, ...updatedAttributes(stamp) }
  const condition = isStill(from.entry)
  return { writes: [{ kind: 'update', key: viewKey(identifier), set, condition }], v: stamp.v }
}

/** Refused after an answer that was lost: when others went on, only the pointer before theirs is known. */
async function lookBehind(context: Context, swap: Swap, options: IoOptions): Promise<ViewSwapAnswer> {
  const item = await getItem(context, viewKey(swap.identifier), options)
  const ours = swap.to.metadataLocation
  if (item?.[METADATA_LOCATION] === ours || item?.[PREVIOUS_METADATA_LOCATION] === ours)
    return { status: 'swapped' }
  const cause = new LakeError('unavailable', 'the view was changed or dropped after an answer was lost')
  return { status: 'unknown', cause }
}
