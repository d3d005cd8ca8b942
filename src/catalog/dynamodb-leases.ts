/**
 * Read leases of the DynamoDB catalog: an item each, all under one hash key, so that one consistent query shows them.
 *
 *   .read-leases   .read-leases.<uuid>   v, expires_at (ms), expires_s (for DynamoDB's own sweep), snapshot_id once it is known
 *
 * A lease lapses at `expires_at`, by the clock of who looks. DynamoDB's time to live is only a broom for what nobody looks
 * at. Who may not write leaves no lease.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { attributeIsStill, IS_THERE, VERSION } from './dynamodb-items.js'
import { type ItemRequests, queryItems, sendUntilKnown } from './dynamodb-send.js'
import type { Item, ItemKey, ItemRefusal, ItemStoreOptions, ItemWrite, StoredItem } from './dynamodb-store.js'
import type { HeldLeases, ReadLease, ReadLeases } from './read-leases.js'

/** A reader that takes no batch for so long lets go of its snapshot: 6 hours. */
const LEASE_MS = 21_600_000
/** Renewing earlier than this changes nothing: 10 minutes. */
const RENEW_MS = 600_000
/** DynamoDB may remove an item this long after it lapsed: 1 day. */
const SWEEP_AFTER_MS = 86_400_000

const READ_LEASES = '.read-leases'
const SNAPSHOT_ID = 'snapshot_id'
export const EXPIRES_AT = 'expires_at'

export function dynamoDbReadLeases(requests: ItemRequests): ReadLeases {
  const open = new Set<ReadLease>()
  let isDenied = false
  return {
    async open() {
      if (isDenied) return undefined
      try {
        const lease = await openLease(requests, open)
        open.add(lease)
        return lease
      } catch (error) {
        if (!isLakeError(error, 'denied')) throw error
        isDenied = true
        return undefined
      }
    },
    held: () => heldLeases(requests),
    async close() {
      await Promise.all([...open].map(lease => lease.release()))
    },
  }
}

/** Attributes of a lease that lapses then. */
export function expiryAttributes(expiresMs: number): Item {
  return { [EXPIRES_AT]: expiresMs, expires_s: Math.ceil((expiresMs + SWEEP_AFTER_MS) / 1000) }
}

/** @throws denied, unavailable */
async function openLease(requests: ItemRequests, open: Set<ReadLease>): Promise<ReadLease> {
  const { runtime } = requests
  const v = runtime.uuid()
  const key: ItemKey = { identifier: READ_LEASES, namespace: `${READ_LEASES}.${v}` }
  let renewedMs = runtime.nowMs()
  const item = { ...expiryAttributes(renewedMs + LEASE_MS), [VERSION]: v, ...key }
  await sendLease(requests, { kind: 'put', item }, {})
  // Changes follow each other, so that a release is the last. A lease that was swept away is one that lapsed.
  let turn: Promise<void> = Promise.resolve()
  let isReleased = false
  const next = (write: ItemWrite): Promise<void> => {
    turn = turn.then(() => quietly(sendLease(requests, write, {})))
    return turn
  }
  const change = (set: Item): Promise<void> => next({ kind: 'update', key, set, condition: IS_THERE })
  const lease: ReadLease = {
    async pin(snapshotId) {
      if (!isReleased) await change({ [SNAPSHOT_ID]: String(snapshotId ?? 'none') })
    },
    async renew() {
      const nowMs = runtime.nowMs()
      if (isReleased || nowMs - renewedMs < RENEW_MS) return
      renewedMs = nowMs
      await change(expiryAttributes(nowMs + LEASE_MS))
    },
    async release() {
      open.delete(lease)
      if (isReleased) return turn
      isReleased = true
      return next({ kind: 'delete', key })
    },
  }
  return lease
}

/**
 * The refusals, if any: of a lease that is not as it was any more.
 * @throws unavailable when it stays unknown what became of the request; denied
 */
export async function sendLease(
  requests: ItemRequests,
  write: ItemWrite,
  options: ItemStoreOptions,
): Promise<readonly ItemRefusal[] | undefined> {
  try {
    return await sendUntilKnown(requests, { writes: [write], v: requests.runtime.uuid() }, options)
  } catch (error) {
    if (!isLakeError(error, 'commit-state-unknown')) throw error
    throw new LakeError('unavailable', 'it is not known whether the lease was changed', { cause: error })
  }
}

/** A lease that could not be changed lapses in time; what it was for goes on. */
export async function quietly(change: Promise<unknown>): Promise<void> {
  try {
    await change
  } catch {
    // Others see the lease as it was.
  }
}

/** What stands; what has lapsed is removed. */
async function heldLeases(requests: ItemRequests): Promise<HeldLeases> {
  const nowMs = requests.runtime.nowMs()
  const items = await queryItems(requests, { kind: 'identifier', identifier: READ_LEASES }, {})
  const standing = items.filter(item => Number(item[EXPIRES_AT]) > nowMs)
  const lapsed = items.filter(item => !standing.includes(item))
  for (const item of lapsed) await quietly(sendLease(requests, removal(item), {}))
  const pins = standing.map(item => item[SNAPSHOT_ID])
  const ids = pins.map(String).filter(pin => /^-?\d+$/.test(pin))
  return {
    snapshotIds: new Set(ids.map(id => BigInt(id))),
    unpinned: pins.filter(pin => pin === undefined).length,
  }
}

/** Unless it was renewed meanwhile. */
export function removal(item: StoredItem): ItemWrite {
  const key = { identifier: item.identifier, namespace: item.namespace }
  return { kind: 'delete', key, condition: attributeIsStill(item, EXPIRES_AT) }
}
