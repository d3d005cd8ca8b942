/**
 * Places in the queue of a table: attributes of the table's own item.
 *
 *   turn.<8 hex digits>   when it was taken, in milliseconds since 1970; parts of one are signs of life since (N)
 *
 * Places in the order of their numbers are the queue. So whoever reads the item sees it, and so does whoever is refused, as
 * a refusal comes with the item: knowing costs nobody a request. They are numbers and not a list, as PyIceberg cannot read
 * an item that has other attributes than texts and numbers. Neither `v` nor a property changes with them.
 */
import type { Runtime } from '../base/runtime.js'
import { type Item, type ItemStore, keyOf, type StoredItem } from './dynamodb-store.js'

const PREFIX = 'turn.'
/** What is older was left by somebody who died. Clocks that differ by as much know nothing of each other's turns. */
const AGE_MS_MAX = 600_000

/** A millisecond has room for so many, and a number that is exact for each. */
const SIGNS_OF_MS = 256

export interface Place {
  readonly attribute: string
  /** When it was taken, in milliseconds since 1970, and how often its writer has said since that it lives. */
  readonly sign: number
}

export function newPlace(runtime: Runtime, madeMs: number): Place {
  return { attribute: PREFIX + runtime.uuid().slice(0, 8), sign: madeMs }
}

/** The same place with one sign of life more: where it stands in the queue does not change. */
export function withSign({ attribute, sign }: Place): Place {
  return { attribute, sign: sign + 1 / SIGNS_OF_MS }
}

/** Those that count, in order. */
export function placesOf(item: Item | undefined, nowMs: number): readonly Place[] {
  const places = allPlaces(item).filter(place => !isVoid(place, nowMs))
  return places.toSorted(comparePlaces)
}

/** Those that are void whoever looks: a swap of the item removes them in passing. */
export function voidPlaces(item: Item, nowMs: number): readonly string[] {
  return allPlaces(item)
    .filter(place => isVoid(place, nowMs))
    .map(place => place.attribute)
}

export function isInFront(place: Place, own: Place | undefined): boolean {
  return own === undefined || (place.attribute !== own.attribute && comparePlaces(place, own) < 0)
}

function comparePlaces(a: Place, b: Place): number {
  return a.sign - b.sign || (a.attribute < b.attribute ? -1 : 1)
}

function allPlaces(item: Item | undefined): Place[] {
  const places: Place[] = []
  for (const attribute in item) {
    if (!attribute.startsWith(PREFIX)) continue
    const value = item[attribute]
    places.push({ attribute, sign: typeof value === 'number' ? value : Number.NaN })
  }
  return places
}

function isVoid({ sign }: Place, nowMs: number): boolean {
  return !(Math.abs(nowMs - sign) <= AGE_MS_MAX)
}

// ---- what is seen in passing

/** How long it tells what is so. */
const SEEN_MS_MAX = 1_000
const SEEN_MAX = 64

export interface SeenQueues {
  /** The same store, looked at. */
  readonly store: ItemStore
  /** The item with that identifier if it was seen a moment ago, and had places. */
  seen(identifier: string): StoredItem | undefined
}

/** Looks at all items that go by. */
export function watchQueues(store: ItemStore, runtime: Runtime): SeenQueues {
  const items = new Map<string, { readonly item: StoredItem; readonly atMs: number }>()
  const see = (identifier: string, item: StoredItem | undefined): void => {
    items.delete(identifier)
    if (item === undefined || allPlaces(item).length === 0) return
    items.set(identifier, { item, atMs: runtime.nowMs() })
    for (const oldest of items.keys()) if (items.size > SEEN_MAX) items.delete(oldest)
  }
  return {
    store: {
      ...store,
      async get(key, options) {
        const item = await store.get(key, options)
        see(key.identifier, item)
        return item
      },
      async write(writes, options) {
        const answer = await store.write(writes, options)
        if (answer.status === 'refused')
          for (const { found } of answer.refusals) if (found !== undefined) see(found.identifier, found)
        const [first] = writes
        if (answer.status === 'done' && answer.item !== undefined && first !== undefined)
          see(keyOf(first).identifier, answer.item)
        return answer
      },
    },
    seen(identifier) {
      const known = items.get(identifier)
      if (known === undefined) return undefined
      if (Math.abs(runtime.nowMs() - known.atMs) <= SEEN_MS_MAX) return known.item
      items.delete(identifier)
      return undefined
    },
  }
}
