/**
 * Namespaces of the DynamoDB catalog: an item each, under the levels joined by dots. A namespace is there when its item is;
 * one that only shows by namespaces below it is listed and read, without properties, and takes no tables.
 */
import { LakeError } from '../base/errors.js'
import type { CatalogOptions, Namespace, NamespaceVerbs } from './catalog.js'
import {
  checkNamespaceChange,
  namespaceExists,
  namespaceMissing,
  namespaceNotEmpty,
} from './catalog-errors.js'
import {
  createdAttributes,
  DROPPING,
  IS_NEW,
  isStill,
  nameOf,
  namespaceKey,
  namespacesBelow,
  propertiesOf,
  propertyAttribute,
  propertyAttributes,
  updatedAttributes,
  VERSION,
  viewsOf,
} from './dynamodb-items.js'
import {
  getItem,
  type ItemRequests,
  queryItems,
  queryPages,
  sendUntilKnown,
  type WriteRequest,
} from './dynamodb-send.js'
import type { ItemKey, ItemWrite, StoredItem } from './dynamodb-store.js'
import { checkDotless, printNamespace } from './identifier.js'

/** Changes are tried again this often when somebody else changed the item meanwhile. */
const TRIES_MAX = 8

export function namespaceVerbs(requests: ItemRequests): NamespaceVerbs {
  return {
    async createNamespace(namespace, properties = {}, options = {}) {
      checkDotless(namespace)
      await createNamespace(requests, { namespace, properties }, options)
    },
    async dropNamespace(namespace, options = {}) {
      checkDotless(namespace)
      await dropNamespace(requests, namespace, options)
    },
    async listNamespaces(parent = [], options = {}) {
      if (parent.length > 0) checkDotless(parent)
      return listNamespaces(requests, parent, options)
    },
    async loadNamespace(namespace, options = {}) {
      checkDotless(namespace)
      const item = await getItem(requests, namespaceKey(namespace), options)
      if (item !== undefined) return propertiesOf(item)
      if (await hasNamespacesBelow(requests, namespace, options)) return {}
      throw namespaceMissing(namespace)
    },
    async updateNamespace(namespace, change, options = {}) {
      checkDotless(namespace)
      checkNamespaceChange(change)
      await changeNamespace(requests, namespace, {
        options,
        change: found => namespaceUpdate(requests, found, change),
      })
    },
  }
}

/** @throws not-found */
export async function checkNamespace(
  requests: ItemRequests,
  namespace: Namespace,
  options: CatalogOptions,
): Promise<void> {
  if ((await getItem(requests, namespaceKey(namespace), options)) !== undefined) return
  if (!(await hasNamespacesBelow(requests, namespace, options))) throw namespaceMissing(namespace)
}

/** A transaction, whose token keeps a copy of the request that arrives late from making the namespace again. */
async function createNamespace(
  requests: ItemRequests,
  made: { readonly namespace: Namespace; readonly properties: Readonly<Record<string, string>> },
  options: CatalogOptions,
): Promise<void> {
  const { namespace, properties } = made
  const v = requests.runtime.uuid()
  const attributes = createdAttributes({ v, nowMs: requests.runtime.nowMs() })
  const item = { ...propertyAttributes(properties), ...attributes, ...namespaceKey(namespace) }
  const put: ItemWrite = { kind: 'put', item, condition: IS_NEW }
  const refused = await sendUntilKnown(requests, { writes: [put], v, token: v }, options)
  if (refused !== undefined) throw namespaceExists(namespace)
}

// ---- listing

async function listNamespaces(
  requests: ItemRequests,
  parent: Namespace,
  options: CatalogOptions,
): Promise<readonly Namespace[]> {
  const prefix = parent.map(level => `${level}.`).join('')
  const children = new Set<string>()
  for (const { namespace } of await queryItems(requests, namespacesBelow(parent), options))
    children.add(namespace.slice(prefix.length).split('.', 1).join())
  if (children.size === 0 && parent.length > 0) await checkNamespace(requests, parent, options)
  return [...children].filter(level => level !== '').map(level => [...parent, level])
}

async function hasNamespacesBelow(
  requests: ItemRequests,
  namespace: Namespace,
  options: CatalogOptions,
): Promise<boolean> {
  for await (const page of queryPages(requests, namespacesBelow(namespace), options))
    if (page.length > 0) return true
  return false
}

// ---- changing

interface NamespaceChange {
  /** What changes the item as it was found. */
  readonly change: (found: StoredItem) => WriteRequest | Promise<WriteRequest>
  readonly options: CatalogOptions
}

/** Reads the item and changes it if nobody else has meanwhile, so that no change of others is lost. */
async function changeNamespace(
  requests: ItemRequests,
  namespace: Namespace,
  { change, options }: NamespaceChange,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
    const found = await getItem(requests, namespaceKey(namespace), options)
    if (found === undefined) throw namespaceMissing(namespace)
    if ((await sendUntilKnown(requests, await change(found), options)) === undefined) return
  }
  throw changedAllTheTime(namespace)
}

function namespaceUpdate(
  { runtime }: ItemRequests,
  found: StoredItem,
  change: { readonly removals: readonly string[]; readonly updates: Readonly<Record<string, string>> },
): WriteRequest {
  const v = runtime.uuid()
  const write: ItemWrite = {
    kind: 'update',
    key: { identifier: found.identifier, namespace: found.namespace },
    set: { ...propertyAttributes(change.updates), ...updatedAttributes({ v, nowMs: runtime.nowMs() }) },
    remove: change.removals.map(propertyAttribute),
    condition: isStill(found),
  }
  return { writes: [write], v }
}

/**
 * Marks the namespace, looks for tables in the table itself, as the index may not show the newest, and removes what has its
 * mark still. Who makes a table checks for the mark in the same transaction, and takes it away: so no table is made unseen.
 */
async function dropNamespace(
  requests: ItemRequests,
  namespace: Namespace,
  options: CatalogOptions,
): Promise<void> {
  if (await hasNamespacesBelow(requests, namespace, options)) throw namespaceNotEmpty(namespace, 'namespaces')
  const mark: Mark = { id: requests.runtime.uuid(), key: namespaceKey(namespace) }
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
    await changeNamespace(requests, namespace, { options, change: found => marking(requests, found, mark) })
    if (await removeIfEmpty(requests, { namespace, mark }, options)) return
  }
  throw changedAllTheTime(namespace)
}

interface Mark {
  readonly id: string
  readonly key: ItemKey
}

function marking({ runtime }: ItemRequests, found: StoredItem, { id, key }: Mark): WriteRequest {
  const v = runtime.uuid()
  const set = { [DROPPING]: id, [VERSION]: v }
  return { writes: [{ kind: 'update', key, set, condition: isStill(found) }], v }
}

/** False when the mark was taken away. @throws conflict when it holds tables: then the mark is gone */
async function removeIfEmpty(
  requests: ItemRequests,
  dropped: { readonly namespace: Namespace; readonly mark: Mark },
  options: CatalogOptions,
): Promise<boolean> {
  const { namespace, mark } = dropped
  const { id, key } = mark
  const condition = { kind: 'equals', attribute: DROPPING, value: id } as const
  const v = requests.runtime.uuid()
  try {
    if (await hasTables(requests, namespace, options)) throw namespaceNotEmpty(namespace, 'tables')
    const refusals = await sendUntilKnown(
      requests,
      { writes: [{ kind: 'delete', key, condition }], v },
      options,
    )
    return refusals === undefined
  } catch (error) {
    // What cannot be taken away is in nobody's way.
    await requests.store
      .write([{ kind: 'update', key, set: { [VERSION]: v }, remove: [DROPPING], condition }])
      .catch(() => undefined)
    throw error
  }
}

function changedAllTheTime(namespace: Namespace): LakeError {
  return new LakeError('conflict', 'the namespace is being changed by others all the time', {
    context: { namespace: printNamespace(namespace) },
  })
}

/** Tables or views. */
async function hasTables(
  requests: ItemRequests,
  namespace: Namespace,
  options: CatalogOptions,
): Promise<boolean> {
  const namespaces = [printNamespace(namespace), viewsOf(namespace)]
  for await (const page of queryPages(requests, { kind: 'scan', namespaces }, options))
    if (page.some(key => nameOf(key, namespace) !== undefined)) return true
  return false
}
