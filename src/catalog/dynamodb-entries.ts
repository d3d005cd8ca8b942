/**
 * What tables and views of the DynamoDB catalog have in common: an item each, in a namespace that is there, under a name
 * that neither a table nor a view has. Changes are conditional on the item as it was read, and tried again from there.
 */
import { LakeError } from '../base/errors.js'
import type { CatalogOptions, Namespace, TableIdentifier } from './catalog.js'
import { namespaceMissing, nameTaken } from './catalog-errors.js'
import {
  type ItemStamp,
  isStill,
  nameOf,
  namespaceKey,
  propertiesOf,
  propertyAttributes,
  tableKey,
  viewKey,
} from './dynamodb-items.js'
import { checkNamespace } from './dynamodb-namespaces.js'
import { getItem, type ItemRequests, queryItems, sendUntilKnown } from './dynamodb-send.js'
import type { Item, ItemKey, ItemRefusal, ItemWrite, StoredItem } from './dynamodb-store.js'
import { checkDotless, printIdentifier } from './identifier.js'

/** Tables, or views. */
export interface EntryKind {
  readonly keyOf: (identifier: TableIdentifier) => ItemKey
  /** What items of a namespace have as theirs. */
  readonly namespaceOf: (namespace: Namespace) => string
  /** @throws not-found, invalid-argument */
  readonly find: (identifier: TableIdentifier, options: CatalogOptions) => Promise<StoredItem>
  /** The item is new, no item of the other kind has the name, the namespace is there. */
  readonly creation: (
    identifier: TableIdentifier,
    attributes: Item,
    stamp: ItemStamp,
  ) => readonly [put: ItemWrite, noOther: ItemWrite, namespace: ItemWrite]
}

/** The verbs that are the same for tables and views. */
export interface Entries {
  /** Through the index: what was made in the last moments may be missing. @throws not-found, invalid-argument */
  list(namespace: Namespace, options: CatalogOptions): Promise<readonly TableIdentifier[]>
  /** @throws not-found; conflict when others are always faster */
  drop(identifier: TableIdentifier, options: CatalogOptions): Promise<void>
  /** @throws not-found, already-exists; conflict when others are always faster */
  rename(from: TableIdentifier, to: TableIdentifier, options: CatalogOptions): Promise<void>
  /** @throws not-found for a missing namespace, already-exists */
  create(identifier: TableIdentifier, attributes: Item, options: CatalogOptions): Promise<void>
}

export function entriesOf(requests: ItemRequests, kind: EntryKind): Entries {
  return {
    list: (namespace, options) => list(requests, kind, { namespace, options }),
    drop: (identifier, options) => drop(requests, kind, { identifier, options }),
    rename: (from, to, options) => rename(requests, kind, { from, to, options }),
    async create(identifier, attributes, options) {
      const stamp = newStamp(requests)
      const writes = kind.creation(identifier, attributes, stamp)
      const refusals = await sendUntilKnown(requests, { writes, v: stamp.v, token: stamp.v }, options)
      if (refusals !== undefined) throw creationRefusal(refusals, identifier) ?? nameTaken(identifier)
    },
  }
}

/** @throws invalid-argument for a name that cannot be given to a table or view */
export function checkIdentifier({ namespace, name }: TableIdentifier): void {
  checkDotless(namespace)
  checkDotless([name])
}

/** A change has its own `v`, which is the token of its transaction. */
export function newStamp({ runtime }: Pick<ItemRequests, 'runtime'>): ItemStamp {
  return { v: runtime.uuid(), nowMs: runtime.nowMs() }
}

async function list(
  requests: ItemRequests,
  kind: EntryKind,
  { namespace, options }: { readonly namespace: Namespace; readonly options: CatalogOptions },
): Promise<readonly TableIdentifier[]> {
  checkDotless(namespace)
  const query = { kind: 'namespace', namespace: kind.namespaceOf(namespace) } as const
  const names = (await queryItems(requests, query, options)).map(key => nameOf(key, namespace))
  const entries = names.filter(name => name !== undefined).map(name => ({ namespace, name }))
  if (entries.length === 0) await checkNamespace(requests, namespace, options)
  return entries
}

async function drop(
  requests: ItemRequests,
  kind: EntryKind,
  { identifier, options }: { readonly identifier: TableIdentifier; readonly options: CatalogOptions },
): Promise<void> {
  await changeEntry(identifier, async () => {
    const item = await kind.find(identifier, options)
    const write: ItemWrite = { kind: 'delete', key: kind.keyOf(identifier), condition: isStill(item) }
    const { v } = newStamp(requests)
    return (await sendUntilKnown(requests, { writes: [write], v }, options)) === undefined
  })
}

/** Makes the new item and removes the old one at once; as in Java the item's own times and `v` begin anew. */
async function rename(
  requests: ItemRequests,
  kind: EntryKind,
  names: {
    readonly from: TableIdentifier
    readonly to: TableIdentifier
    readonly options: CatalogOptions
  },
): Promise<void> {
  const { from, to, options } = names
  checkIdentifier(to)
  await changeEntry(from, async () => {
    const item = await kind.find(from, options)
    await checkFree(requests, to, options)
    const stamp = newStamp(requests)
    const creation = kind.creation(to, propertyAttributes(propertiesOf(item)), stamp)
    const remove: ItemWrite = { kind: 'delete', key: kind.keyOf(from), condition: isStill(item) }
    const request = { writes: [...creation, remove], v: stamp.v, token: stamp.v }
    const refusals = await sendUntilKnown(requests, request, options)
    if (refusals === undefined) return true
    const refusal = creationRefusal(refusals, to)
    if (refusal !== undefined) throw refusal
    return false
  })
}

/** Changes are tried again this often when somebody else changed the item meanwhile. */
const TRIES_MAX = 8

/** Tries a change until it is done: each time from what is there then. @throws conflict when others are always faster */
export async function changeEntry(
  identifier: TableIdentifier,
  change: () => Promise<boolean>,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) if (await change()) return
  throw new LakeError('conflict', 'a table or view is being changed by others all the time', {
    context: { name: printIdentifier(identifier) },
  })
}

/** @throws not-found for a missing namespace, already-exists */
async function checkFree(
  requests: ItemRequests,
  identifier: TableIdentifier,
  options: CatalogOptions,
): Promise<void> {
  const keys = [namespaceKey(identifier.namespace), tableKey(identifier), viewKey(identifier)]
  const [namespace, table, view] = await Promise.all(keys.map(key => getItem(requests, key, options)))
  if (namespace === undefined) throw namespaceMissing(identifier.namespace)
  if (table !== undefined || view !== undefined) throw nameTaken(identifier)
}

/** What the refusals of a request that begins with a creation say of it. */
function creationRefusal(
  refusals: readonly ItemRefusal[],
  identifier: TableIdentifier,
): LakeError | undefined {
  const [isTaken, isOther, namespace] = [0, 1, 2].map(index => refusals.some(each => each.index === index))
  if (namespace) return namespaceMissing(identifier.namespace)
  return isTaken || isOther ? nameTaken(identifier) : undefined
}
