/**
 * A DynamoDB table in memory, exact where the catalog relies on it: conditions, transactions with tokens, old items in
 * refusals, order by UTF-8 bytes, pages, limits. Each request happens at one moment; it is never busy and never loses an
 * answer (that is for layers above). The index lags behind when told so.
 */
import { checkSignal, LakeError } from '../../src/base/errors.js'
import type { Runtime } from '../../src/base/runtime.js'
import {
  checkWrites,
  type Item,
  type ItemCondition,
  type ItemKey,
  type ItemPage,
  type ItemQuery,
  type ItemRefusal,
  type ItemStore,
  type ItemWrite,
  type ItemWriteAnswer,
  isTransaction,
  keyOf,
  type StoredItem,
} from '../../src/catalog/dynamodb-store.js'

export interface MemoryItemsOptions {
  /** For the age of tokens. */
  readonly runtime: Pick<Runtime, 'nowMs'>
  /** Items of a page; default 100. */
  readonly pageItemsMax?: number | undefined
  /** True: the index shows what was there at the last `catchUp()`. Default false: it is up to date. */
  readonly staleIndex?: boolean | undefined
}

export interface MemoryItems extends ItemStore {
  /** Brings a stale index up to date. */
  catchUp(): void
  /** All items, in no order. */
  all(): readonly StoredItem[]
  /** Puts an item without any question, as another program would. */
  plant(item: StoredItem): void
  /** Requests so far, by verb. */
  readonly requests: { get: number; write: number; transaction: number; query: number }
}

const PAGE_ITEMS = 100
const TOKEN_MS = 600_000
const ITEM_BYTES_MAX = 409_600
const TRANSACTION_BYTES_MAX = 4_194_304

export function createMemoryItems(options: MemoryItemsOptions): MemoryItems {
  const { runtime, pageItemsMax = PAGE_ITEMS, staleIndex = false } = options
  /** By identifier, then by namespace. */
  const table = new Map<string, Map<string, StoredItem>>()
  /** Namespaces and their identifiers. */
  const index = new Map<string, Set<string>>()
  const tokens = new Map<string, { readonly body: string; readonly untilMs: number }>()
  const behind = new Map<string, ItemKey>()
  const requests = { get: 0, write: 0, transaction: 0, query: 0 }

  const find = (key: ItemKey): StoredItem | undefined => table.get(key.identifier)?.get(key.namespace)

  const showInIndex = (key: ItemKey): void => {
    const { identifier, namespace } = key
    const identifiers = index.get(namespace) ?? new Set()
    if (find(key) === undefined) identifiers.delete(identifier)
    else identifiers.add(identifier)
    if (identifiers.size === 0) index.delete(namespace)
    else index.set(namespace, identifiers)
  }
  const store = (key: ItemKey, item: StoredItem | undefined): void => {
    const { identifier, namespace } = key
    const ofIdentifier = table.get(identifier) ?? new Map<string, StoredItem>()
    if (item === undefined) ofIdentifier.delete(namespace)
    else ofIdentifier.set(namespace, item)
    if (ofIdentifier.size === 0) table.delete(identifier)
    else table.set(identifier, ofIdentifier)
    if (staleIndex) behind.set(JSON.stringify([identifier, namespace]), { identifier, namespace })
    else showInIndex(key)
  }

  const apply = (writes: readonly ItemWrite[]): ItemWriteAnswer => {
    const refusals: ItemRefusal[] = []
    writes.forEach((write, position) => {
      const found = find(keyOf(write))
      if (!holds(write.condition, found)) refusals.push({ index: position, found })
    })
    if (refusals.length > 0) return { status: 'refused', refusals }
    const results = writes.map(write => resultOf(write, find(keyOf(write))))
    checkSizes(writes, results)
    writes.forEach((write, position) => {
      if (write.kind !== 'check') store(keyOf(write), results[position])
    })
    return { status: 'done' }
  }

  const transact = (writes: readonly ItemWrite[], token: string | undefined): ItemWriteAnswer => {
    if (token === undefined) return apply(writes)
    if (token === '' || token.length > 36)
      throw new LakeError('invalid-argument', 'a token has 1 to 36 characters')
    const body = JSON.stringify(writes)
    const known = tokens.get(token)
    if (known !== undefined && known.untilMs > runtime.nowMs()) {
      if (known.body === body) return { status: 'done' }
      throw new LakeError('invalid-argument', 'the token belongs to another transaction')
    }
    const answer = apply(writes)
    if (answer.status === 'done') tokens.set(token, { body, untilMs: runtime.nowMs() + TOKEN_MS })
    forget(tokens, runtime.nowMs())
    return answer
  }

  return {
    requests,
    async get(key, { signal } = {}) {
      checkSignal(signal)
      requests.get += 1
      return find(key)
    },
    async write(writes, { token, signal } = {}) {
      checkSignal(signal)
      checkWrites(writes)
      if (!isTransaction(writes, token)) {
        requests.write += 1
        const answer = apply(writes)
        const [write] = writes
        const isShown = answer.status === 'done' && write?.kind === 'update' && write.isShown === true
        return isShown ? { ...answer, item: find(write.key) } : answer
      }
      requests.transaction += 1
      return transact(writes, token)
    },
    async query(query, { after, signal } = {}) {
      checkSignal(signal)
      requests.query += 1
      return pageOf(matching({ table, index }, query), { after, pageItemsMax, query })
    },
    async close() {},
    catchUp() {
      for (const key of behind.values()) showInIndex(key)
      behind.clear()
    },
    all: () => [...table.values()].flatMap(items => [...items.values()]),
    plant: item => store(item, item),
  }
}

// ---- writing

function holds(condition: ItemCondition | undefined, item: Item | undefined): boolean {
  switch (condition?.kind) {
    case undefined:
      return true
    case 'absent':
      return item?.[condition.attribute] === undefined
    case 'present':
      return item?.[condition.attribute] !== undefined
    case 'equals':
      return item?.[condition.attribute] === condition.value
    case 'all':
      return condition.conditions.every(each => holds(each, item))
  }
}

/** The item after the write; as it is for a check. */
function resultOf(write: ItemWrite, found: StoredItem | undefined): StoredItem | undefined {
  switch (write.kind) {
    case 'put':
      return { ...write.item }
    case 'delete':
      return undefined
    case 'check':
      return found
    case 'update': {
      const left = Object.entries(found ?? {}).filter(([name]) => !write.remove?.includes(name))
      return { ...Object.fromEntries(left), ...write.set, ...write.key }
    }
  }
}

/** Nothing is applied of a request that is too large. */
function checkSizes(writes: readonly ItemWrite[], results: readonly (Item | undefined)[]): void {
  const sizes = results.map(item => (item === undefined ? 0 : itemBytes(item)))
  const bytes = sizes.reduce((sum, size) => sum + size, 0)
  if (Math.max(...sizes) > ITEM_BYTES_MAX || (writes.length > 1 && bytes > TRANSACTION_BYTES_MAX))
    throw new LakeError('invalid-argument', 'an item or a transaction is too large')
}

function itemBytes(item: Item): number {
  let bytes = 0
  for (const [name, value] of Object.entries(item))
    bytes +=
      Buffer.byteLength(name) +
      (typeof value === 'string' ? Buffer.byteLength(value) : 1 + Math.ceil(String(value).length / 2))
  return bytes
}

function forget(tokens: Map<string, { readonly untilMs: number }>, nowMs: number): void {
  for (const [token, { untilMs }] of tokens) {
    if (untilMs > nowMs) return
    tokens.delete(token)
  }
}

// ---- reading

interface Tables {
  readonly table: ReadonlyMap<string, ReadonlyMap<string, StoredItem>>
  readonly index: ReadonlyMap<string, ReadonlySet<string>>
}

/** What a query goes through, in order. */
function matching({ table, index }: Tables, query: ItemQuery): readonly StoredItem[] {
  switch (query.kind) {
    case 'identifier': {
      const prefix = query.namespacePrefix ?? ''
      const items = [...(table.get(query.identifier)?.values() ?? [])]
      return items
        .filter(item => item.namespace.startsWith(prefix))
        .sort((a, b) => compareBytes(a.namespace, b.namespace))
    }
    case 'namespace': {
      const { namespace } = query
      const keys = [...(index.get(namespace) ?? [])].map(identifier => ({ identifier, namespace }))
      return keys.sort((a, b) => compareBytes(a.identifier, b.identifier))
    }
    case 'scan': {
      const items = [...table.values()].flatMap(ofIdentifier => [...ofIdentifier.values()])
      return items
        .map(item => ({ identifier: item.identifier, namespace: item.namespace }))
        .sort((a, b) => compareBytes(a.identifier, b.identifier) || compareBytes(a.namespace, b.namespace))
    }
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** What follows the key, which may be gone meanwhile. A scan leaves out after it has cut its page. */
function pageOf(
  items: readonly StoredItem[],
  options: { readonly after: ItemKey | undefined; readonly pageItemsMax: number; readonly query: ItemQuery },
): ItemPage {
  const { after, pageItemsMax, query } = options
  const rest = after === undefined ? items : items.filter(item => follows(item, after, query))
  const page = rest.slice(0, pageItemsMax)
  const last = page.at(-1)
  const asked = page.filter(item => query.kind !== 'scan' || query.namespaces.includes(item.namespace))
  if (last === undefined || page.length === rest.length) return { items: asked }
  return { items: asked, next: { identifier: last.identifier, namespace: last.namespace } }
}

function follows(item: ItemKey, after: ItemKey, query: ItemQuery): boolean {
  if (query.kind === 'identifier') return compareBytes(item.namespace, after.namespace) > 0
  const order = compareBytes(item.identifier, after.identifier)
  return order > 0 || (order === 0 && compareBytes(item.namespace, after.namespace) > 0)
}
