/**
 * What the catalog asks of a DynamoDB table, without AWS's names: items under two keys, written under conditions, one
 * alone or several at once. `dynamodb-aws.ts` is the real one; tests and the simulation bring a table in memory.
 *
 *   table   identifier (hash) + namespace (range)         consistent
 *   index   namespace (hash) + identifier (range), keys   eventually consistent
 *
 * A write is never repeated in here. What the answer leaves open is the caller's to settle, who knows what the write
 * was about (`dynamodb-send.ts`).
 */
import { LakeError } from '../base/errors.js'

/** Attributes that are strings or numbers; those of other types, which only others write, are not shown. */
export type Item = Readonly<Record<string, string | number>>

export interface ItemKey {
  readonly identifier: string
  readonly namespace: string
}

export type StoredItem = Item & ItemKey

/** Judged on the item under the key of the write, which an absent item has none of. Values of two types never equal. */
export type ItemCondition =
  | { readonly kind: 'absent' | 'present'; readonly attribute: string }
  | { readonly kind: 'equals'; readonly attribute: string; readonly value: string | number }
  | { readonly kind: 'all'; readonly conditions: readonly ItemCondition[] }

export type ItemWrite =
  /** Replaces the item, or makes it. */
  | { readonly kind: 'put'; readonly item: StoredItem; readonly condition?: ItemCondition | undefined }
  /** Sets and removes attributes of the item, which is made when it is absent. */
  | {
      readonly kind: 'update'
      readonly key: ItemKey
      readonly set: Item
      readonly remove?: readonly string[] | undefined
      readonly condition?: ItemCondition | undefined
      /** The answer shows the item as it is then; for a request of its own. */
      readonly isShown?: boolean | undefined
    }
  | { readonly kind: 'delete'; readonly key: ItemKey; readonly condition?: ItemCondition | undefined }
  /** Writes nothing. */
  | { readonly kind: 'check'; readonly key: ItemKey; readonly condition: ItemCondition }

/** A write whose condition does not hold. */
export interface ItemRefusal {
  /** Of the write in its request. */
  readonly index: number
  /** The item as it is. */
  readonly found: StoredItem | undefined
}

export type ItemWriteAnswer =
  | { readonly status: 'done'; readonly item?: StoredItem | undefined }
  /** Nothing was applied. At least one refusal, in the order of the writes. */
  | { readonly status: 'refused'; readonly refusals: readonly ItemRefusal[] }
  /** Certainly nothing was applied: another transaction is at one of the items, or the table is throttled. */
  | { readonly status: 'busy'; readonly cause: unknown }
  /** It may have been applied or may yet be. */
  | { readonly status: 'unknown'; readonly cause: unknown }

export type ItemQuery =
  /** Items with that identifier whose namespace begins with the prefix, ordered by namespace; consistent. */
  | {
      readonly kind: 'identifier'
      readonly identifier: string
      readonly namespacePrefix?: string | undefined
    }
  /** Keys of the items of a namespace, ordered by identifier; through the index, so the newest may be missing. */
  | { readonly kind: 'namespace'; readonly namespace: string }
  /** Keys of the items whose namespace is one of these, in any order; consistent. Reads the whole table. */
  | { readonly kind: 'scan'; readonly namespaces: readonly string[] }

export interface ItemPage {
  readonly items: readonly StoredItem[]
  /** Where the next page begins; undefined behind the last. A page may be empty and have a next. */
  readonly next?: ItemKey | undefined
}

export interface ItemStoreOptions {
  readonly signal?: AbortSignal | undefined
}

export interface ItemStore {
  /** The item as the last write left it. @throws unavailable, denied, not-found (the table), aborted */
  get(key: ItemKey, options?: ItemStoreOptions): Promise<StoredItem | undefined>
  /**
   * A write without a token is a conditional request of its own. Several, or a check, or any with a token are a
   * transaction: all or none. One with the token of an earlier one that was applied is done, and not applied again, for ten
   * minutes: an earlier request that arrives late does nothing.
   * @throws invalid-argument (`checkWrites`, or too large), denied, not-found (the table), aborted: nothing was applied
   */
  write(
    writes: readonly ItemWrite[],
    options?: ItemStoreOptions & {
      /** At most 36 characters; of one transaction and its repetitions. */
      readonly token?: string | undefined
    },
  ): Promise<ItemWriteAnswer>
  /** A page, from the beginning or behind `after`. @throws unavailable, denied, not-found (the table), aborted */
  query(
    query: ItemQuery,
    options?: ItemStoreOptions & { readonly after?: ItemKey | undefined },
  ): Promise<ItemPage>
  close(): Promise<void>
}

/** Whether a request is a transaction, as `ItemStore.write` says. */
export function isTransaction(writes: readonly ItemWrite[], token: string | undefined): boolean {
  return writes.length > 1 || token !== undefined || writes[0]?.kind === 'check'
}

/** Writes that a transaction takes. */
export const TRANSACTION_WRITES_MAX = 100

export function keyOf(write: ItemWrite): ItemKey {
  return write.kind === 'put' ? write.item : write.key
}

export function sameKey(a: ItemKey, b: ItemKey): boolean {
  return a.identifier === b.identifier && a.namespace === b.namespace
}

/** @throws invalid-argument for no write, more than a transaction takes, or two of them of one item */
export function checkWrites(writes: readonly ItemWrite[]): void {
  if (writes.length === 0) throw new LakeError('invalid-argument', 'a request has no writes')
  if (writes.length > TRANSACTION_WRITES_MAX)
    throw new LakeError('invalid-argument', 'a transaction of DynamoDB takes fewer items', {
      context: { items: writes.length, max: TRANSACTION_WRITES_MAX },
    })
  const seen = new Set<string>()
  for (const write of writes) {
    const { identifier, namespace } = keyOf(write)
    const key = JSON.stringify([identifier, namespace])
    if (seen.has(key))
      throw new LakeError('invalid-argument', 'a transaction of DynamoDB names an item twice', {
        context: { identifier, namespace },
      })
    seen.add(key)
  }
}
