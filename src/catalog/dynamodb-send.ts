/**
 * Requests to the table of the catalog that come to an end: busy items are waited for, reads are repeated, and a write
 * whose answer was lost is sent again as it was.
 *
 *   refused, the item has our `v`     it was us: an earlier answer was lost, or the network sent the request twice
 *   refused, another `v`              certainly not applied, unless an earlier answer was lost: then the doubt stays
 *   refused, nothing left to delete   as it should be; with a token that was not us
 *   refused, the namespace is about   the mark of who wants to drop it is taken away, and the write is sent again
 *   to be dropped
 *
 * All waits have jitter and all repetitions a limit.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { attributeIsStill, DROPPING } from './dynamodb-items.js'
import type {
  ItemKey,
  ItemQuery,
  ItemRefusal,
  ItemStore,
  ItemStoreOptions,
  ItemWrite,
  StoredItem,
} from './dynamodb-store.js'

/** The table and the clock of one catalog. */
export interface ItemRequests {
  readonly store: ItemStore
  readonly runtime: Runtime
}

/** A write request; the same object again is the identical request. */
export interface WriteRequest {
  readonly writes: readonly ItemWrite[]
  /** What the writes set as `v`. */
  readonly v: string
  /** Of a transaction. */
  readonly token?: string | undefined
}

export type SentAnswer =
  | { readonly status: 'done' }
  | { readonly status: 'refused'; readonly refusals: readonly ItemRefusal[] }
  | { readonly status: 'unknown'; readonly cause: unknown }

const ATTEMPTS_MAX = 10
const WAITS = { waitMsMin: 20, waitMsMax: 2_000 }
/** What is sent again although it may have landed. */
const RESENDS_MAX = 5

/**
 * Sends a write once; again only while it was certainly not applied.
 * @throws unavailable when the table stays busy; denied, invalid-argument, not-found, aborted: nothing was applied
 */
export async function sendOnce(
  { store, runtime }: ItemRequests,
  request: WriteRequest,
  options: ItemStoreOptions,
): Promise<SentAnswer> {
  const { writes, token, v } = request
  for (let attempt = 1; ; attempt++) {
    const answer = await store.write(writes, { ...options, token })
    if (answer.status === 'refused') {
      if (isOurs(answer.refusals, v)) return { status: 'done' }
      const dropped = answer.refusals.find(refusal => isInDroppedNamespace(refusal, writes))?.found
      if (dropped === undefined || attempt >= ATTEMPTS_MAX) return answer
      await store.write([keepNamespace(dropped)], options)
      continue
    }
    if (answer.status !== 'busy') return answer
    if (attempt >= ATTEMPTS_MAX)
      throw new LakeError('unavailable', 'the table of the catalog stays busy', { cause: answer.cause })
    await runtime.sleep(backoffMs(attempt, WAITS, runtime), options.signal)
  }
}

/** Something new in a namespace that somebody is about to drop. */
function isInDroppedNamespace({ index, found }: ItemRefusal, writes: readonly ItemWrite[]): boolean {
  return writes[index]?.kind === 'check' && found?.[DROPPING] !== undefined
}

/** Who makes something goes first: the other's delete will be refused. */
function keepNamespace(found: StoredItem): ItemWrite {
  const key = { identifier: found.identifier, namespace: found.namespace }
  return { kind: 'update', key, set: {}, remove: [DROPPING], condition: attributeIsStill(found, DROPPING) }
}

function isOurs(refusals: readonly ItemRefusal[], v: string): boolean {
  return refusals.some(({ found }) => found?.v === v)
}

/** What was to be deleted is not there: whoever did it. */
function isGone(writes: readonly ItemWrite[], refusals: readonly ItemRefusal[]): boolean {
  return writes.every(write => write.kind === 'delete') && refusals.every(({ found }) => found === undefined)
}

/**
 * Sends a write until it is known what became of it. Undefined: done.
 * @throws commit-state-unknown when an answer was lost and later ones do not tell; else as `sendOnce`
 */
export async function sendUntilKnown(
  requests: ItemRequests,
  request: WriteRequest,
  options: ItemStoreOptions,
): Promise<readonly ItemRefusal[] | undefined> {
  let doubt: { readonly cause: unknown } | undefined
  for (let attempt = 1; attempt <= RESENDS_MAX; attempt++) {
    try {
      const answer = await sendOnce(requests, request, options)
      if (answer.status === 'done') return undefined
      if (answer.status === 'refused') {
        if (request.token === undefined && isGone(request.writes, answer.refusals)) return undefined
        if (doubt === undefined) return answer.refusals
        break
      }
      doubt = { cause: answer.cause }
      await requests.runtime.sleep(backoffMs(attempt, WAITS, requests.runtime), options.signal)
    } catch (error) {
      if (doubt === undefined) throw error
      break
    }
  }
  throw new LakeError('commit-state-unknown', 'the change of the catalog may or may not be there', {
    cause: doubt?.cause,
  })
}

/** An item, read consistently. @throws unavailable, denied, not-found (the table), aborted */
export function getItem(
  requests: ItemRequests,
  key: ItemKey,
  options: ItemStoreOptions,
): Promise<StoredItem | undefined> {
  return repeated(requests, () => requests.store.get(key, options), options)
}

/** The items of all pages. */
export async function queryItems(
  requests: ItemRequests,
  query: ItemQuery,
  options: ItemStoreOptions,
): Promise<readonly StoredItem[]> {
  const items: StoredItem[] = []
  for await (const page of queryPages(requests, query, options)) items.push(...page)
  return items
}

/** Pages, some of them empty. */
export async function* queryPages(
  requests: ItemRequests,
  query: ItemQuery,
  options: ItemStoreOptions,
): AsyncGenerator<readonly StoredItem[]> {
  let after: ItemKey | undefined
  do {
    const from = after
    const page = await repeated(
      requests,
      () => requests.store.query(query, { ...options, after: from }),
      options,
    )
    yield page.items
    after = page.next
  } while (after !== undefined)
}

async function repeated<T>(
  { runtime }: ItemRequests,
  read: () => Promise<T>,
  { signal }: ItemStoreOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read()
    } catch (error) {
      if (!isLakeError(error, 'unavailable') || attempt >= ATTEMPTS_MAX) throw error
      await runtime.sleep(backoffMs(attempt, WAITS, runtime), signal)
    }
  }
}
