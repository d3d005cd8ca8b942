/**
 * Write leases of the DynamoDB catalog: an item for each operation in flight, under one hash key for each table.
 *
 *   .write-leases.<table>   .write-leases.<operation>   v, expires_at (ms), expires_s (for DynamoDB's own sweep)
 *
 * What is asked for is read consistently, so a cleaner sees every lease that was opened before. A swap checks in its own
 * transaction that its leases are there (`dynamodb-commit.ts`).
 */
import { IS_THERE, VERSION } from './dynamodb-items.js'
import { EXPIRES_AT, expiryAttributes, quietly, removal, sendLease } from './dynamodb-leases.js'
import { type ItemRequests, queryItems } from './dynamodb-send.js'
import type { ItemKey, ItemStoreOptions } from './dynamodb-store.js'
import {
  WRITE_LEASE_MS,
  WRITE_LEASE_RENEW_MS,
  type WriteLease,
  type WriteLeases,
  type WriteOperation,
} from './write-leases.js'

const WRITE_LEASES = '.write-leases'

export function dynamoDbWriteLeases(requests: ItemRequests): WriteLeases {
  const { runtime } = requests
  const open = new Set<WriteLease>()
  return {
    leaseMs: WRITE_LEASE_MS,
    async open(operation, options = {}) {
      const expiry = expiryAttributes(runtime.nowMs() + WRITE_LEASE_MS)
      const item = { ...expiry, [VERSION]: runtime.uuid(), ...writeLeaseKey(operation) }
      await sendLease(requests, { kind: 'put', item }, options)
      const lease = leaseOf(requests, operation, open)
      open.add(lease)
      return lease
    },
    standing: (tableUuid, options = {}) => standingOperations(requests, tableUuid, options),
    async close() {
      await Promise.all([...open].map(lease => lease.release()))
    },
  }
}

/** The item whose presence a swap checks. */
export function writeLeaseKey({ tableUuid, operationUuid }: WriteOperation): ItemKey {
  return { identifier: `${WRITE_LEASES}.${tableUuid}`, namespace: `${WRITE_LEASES}.${operationUuid}` }
}

function leaseOf(requests: ItemRequests, operation: WriteOperation, open: Set<WriteLease>): WriteLease {
  const { runtime } = requests
  const key = writeLeaseKey(operation)
  let renewedMs = runtime.nowMs()
  let isReleased = false
  const lease: WriteLease = {
    tableUuid: operation.tableUuid,
    operationUuid: operation.operationUuid,
    async renew() {
      const nowMs = runtime.nowMs()
      if (isReleased || nowMs - renewedMs < WRITE_LEASE_RENEW_MS) return
      renewedMs = nowMs
      // Refused when a cleaning ended the lease: it never comes back.
      const set = expiryAttributes(nowMs + WRITE_LEASE_MS)
      await quietly(sendLease(requests, { kind: 'update', key, set, condition: IS_THERE }, {}))
    },
    async release() {
      if (isReleased) return
      isReleased = true
      open.delete(lease)
      await quietly(sendLease(requests, { kind: 'delete', key }, {}))
    },
  }
  return lease
}

/** Ends what has lapsed, for good, unless it was renewed meanwhile; tells what stands. */
async function standingOperations(
  requests: ItemRequests,
  tableUuid: string,
  options: ItemStoreOptions,
): Promise<ReadonlySet<string>> {
  const nowMs = requests.runtime.nowMs()
  const { identifier } = writeLeaseKey({ tableUuid, operationUuid: '' })
  const standing = new Set<string>()
  for (const item of await queryItems(requests, { kind: 'identifier', identifier }, options)) {
    const hasLapsed = !(Number(item[EXPIRES_AT]) > nowMs)
    if (hasLapsed && (await sendLease(requests, removal(item), options)) === undefined) continue
    standing.add(item.namespace.slice(`${WRITE_LEASES}.`.length))
  }
  return standing
}
