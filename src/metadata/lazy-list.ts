/**
 * Lists whose items are parsed when somebody looks at them. To whoever has one it is a read-only array; behind it are
 * the bytes of a metadata file and where the items stand in them. `length`, an index, `at`, `find` and iteration
 * parse what they reach and nothing else, each item once.
 *
 * An item that was parsed or written remembers its bytes, so that it is written as it was.
 */
import type { JsonSpan } from './json-bytes.js'

/** The bytes of an item, as a file of that format version holds it. */
export interface StoredItem extends JsonSpan {
  readonly bytes: Uint8Array
  readonly formatVersion: number
}

export interface LazyListSource<T extends object> {
  readonly bytes: Uint8Array
  readonly formatVersion: number
  /** Where the items begin and end, in turns. */
  readonly spans: readonly number[]
  /** @throws corrupt */
  readonly parse: (stored: StoredItem) => T
}

interface LazyState<T extends object> {
  readonly source: LazyListSource<T>
  /** Items that were added behind those of the source. */
  readonly added: readonly T[]
}

const states = new WeakMap<object, LazyState<object>>()
const storedItems = new WeakMap<object, StoredItem>()

/** A list of the items of the source. */
export function lazyList<T extends object>(source: LazyListSource<T>): readonly T[] {
  return listOf({ source, added: [] })
}

/** The list with one item more; what is lazy stays lazy. */
export function withItem<T extends object>(list: readonly T[], item: T): readonly T[] {
  const state = states.get(list) as LazyState<T> | undefined
  if (state === undefined) return [...list, item]
  return listOf({ source: state.source, added: [...state.added, item] })
}

/** The bytes of the item at that index without parsing it; undefined in a list that is not lazy, and for added items. */
export function unparsedItem(list: readonly object[], index: number): StoredItem | undefined {
  const source = states.get(list)?.source
  return source === undefined || index >= source.spans.length / 2 ? undefined : storedAt(source, index)
}

/** Whether items of the list may not be parsed yet. */
export function isLazy(list: readonly object[]): boolean {
  return states.has(list)
}

/** Remembers the bytes that an item was written as. */
export function keepStored(item: object, stored: StoredItem): void {
  storedItems.set(item, stored)
}

/** The bytes of each item that has some, in the order of the list; undefined for an item that was not written yet. */
export function storedItemsOf<T extends object>(list: readonly T[]): readonly (StoredItem | undefined)[] {
  const state = states.get(list) as LazyState<T> | undefined
  if (state === undefined) return list.map(item => storedItems.get(item))
  const { source, added } = state
  const count = source.spans.length / 2
  const stored = Array.from({ length: count }, (_, index) => storedAt(source, index))
  return [...stored, ...added.map(item => storedItems.get(item))]
}

function storedAt<T extends object>(source: LazyListSource<T>, index: number): StoredItem {
  const { bytes, formatVersion, spans } = source
  return { bytes, formatVersion, begin: spans[2 * index] ?? 0, end: spans[2 * index + 1] ?? 0 }
}

function listOf<T extends object>(state: LazyState<T>): readonly T[] {
  const { source, added } = state
  const count = source.spans.length / 2
  // What was parsed, with holes for the rest.
  const items = new Array<T>(count)
  added.forEach((item, index) => {
    items[count + index] = item
  })
  const item = (index: number): T => {
    const known = items[index]
    if (known !== undefined) return known
    const stored = storedAt(source, index)
    const parsed = source.parse(stored)
    storedItems.set(parsed, stored)
    items[index] = parsed
    return parsed
  }
  const parseAll = (): void => {
    for (let index = 0; index < items.length; index++) item(index)
  }
  const list = new Proxy(items, {
    get(target, key, receiver) {
      const index = indexOf(key, target.length)
      return index === undefined ? Reflect.get(target, key, receiver) : item(index)
    },
    has: (target, key) => indexOf(key, target.length) !== undefined || Reflect.has(target, key),
    ownKeys(target) {
      parseAll()
      return Reflect.ownKeys(target)
    },
    getOwnPropertyDescriptor(target, key) {
      const index = indexOf(key, target.length)
      if (index !== undefined) item(index)
      return Reflect.getOwnPropertyDescriptor(target, key)
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  })
  states.set(list, state)
  return list
}

const INDEX = /^(?:0|[1-9]\d{0,9})$/

function indexOf(key: string | symbol, length: number): number | undefined {
  if (typeof key !== 'string' || !INDEX.test(key)) return undefined
  const index = Number(key)
  return index < length ? index : undefined
}
