/**
 * Pointers of the DynamoDB catalog. One table that is there already: one conditional update. Anything more - several
 * tables, a new one, read checks, write leases - is one transaction with a token.
 *
 *   table that changes   update   `v` is as it was read        sets pointer, `v`, time; removes the writer's place in the queue
 *   table that is new    put      no item of its name, no view; the namespace is there
 *   read check           check    `v` is as it was read
 *   write lease          check    is there
 *
 * The identical request is kept for each swap. A refusal that shows our own `v` is a success: of an earlier request whose
 * answer was lost, or of one that the network delivered twice.
 */
import { present } from '../base/assert.js'
import type { TableIdentifier } from './catalog.js'
import { IS_THERE, isStill, newPointer, pointerUpdate, tableCreation, tableKey } from './dynamodb-items.js'
import { type ItemRequests, sendOnce, type WriteRequest } from './dynamodb-send.js'
import { type ItemWrite, keyOf, type StoredItem, sameKey } from './dynamodb-store.js'
import type { DynamoDbTurns } from './dynamodb-turns.js'
import { writeLeaseKey } from './dynamodb-write-leases.js'
import {
  isReadCheck,
  type LeasedOptions,
  type PointerStore,
  type Swap,
  type SwapAnswer,
} from './pointer-commit.js'
import type { Turn } from './turns.js'

/** The item as it was read tells whether it has changed. */
export type DynamoDbSwap = Swap<StoredItem>

/** What a write of the request was for. */
type Purpose =
  | { readonly kind: 'table' | 'namespace'; readonly swap: DynamoDbSwap }
  | { readonly kind: 'lease' }

interface SwapRequest extends WriteRequest {
  readonly purposes: readonly Purpose[]
  /** The place that the request removes, from these tables. */
  readonly turn: Turn | undefined
  readonly changed: readonly TableIdentifier[]
}

export function dynamoDbSwaps(
  requests: ItemRequests,
  turns: Pick<DynamoDbTurns, 'passing' | 'landed'>,
): Pick<PointerStore<StoredItem>, 'swap' | 'swapAgain'> {
  const sent = new WeakMap<readonly DynamoDbSwap[], SwapRequest>()
  const send = async (
    swaps: readonly DynamoDbSwap[],
    options: LeasedOptions,
  ): Promise<SwapAnswer<StoredItem>> => {
    const request = sent.get(swaps) ?? swapRequest({ ...requests, turns }, swaps, options)
    sent.set(swaps, request)
    const answer = answerOf(request, await sendOnce(requests, request, { signal: options.signal }))
    if (answer.status === 'swapped')
      for (const identifier of request.changed) turns.landed(request.turn, identifier)
    return answer
  }
  return { swap: send, swapAgain: send }
}

function swapRequest(
  { runtime, turns }: ItemRequests & { readonly turns: Pick<DynamoDbTurns, 'passing'> },
  swaps: readonly DynamoDbSwap[],
  { leases = [], turn }: LeasedOptions,
): SwapRequest {
  const v = runtime.uuid()
  const stamp = { v, nowMs: runtime.nowMs() }
  const writes: ItemWrite[] = []
  const purposes: Purpose[] = []
  const changed: TableIdentifier[] = []
  const add = (write: ItemWrite, purpose: Purpose): void => {
    // Tables of one namespace that are made together need it once.
    if (writes.some(other => sameKey(keyOf(other), keyOf(write)))) return
    writes.push(write)
    purposes.push(purpose)
  }
  for (const swap of swaps) {
    const { identifier, from, to } = swap
    if (from === undefined) {
      const [put, noView, namespace] = tableCreation(identifier, newPointer(to.metadataLocation), stamp)
      add(put, { kind: 'table', swap })
      add(noView, { kind: 'table', swap })
      add(namespace, { kind: 'namespace', swap })
    } else if (isReadCheck(swap)) {
      add(
        { kind: 'check', key: tableKey(identifier), condition: isStill(from.entry) },
        { kind: 'table', swap },
      )
    } else {
      const locations = { from: from.table.metadataLocation, to: to.metadataLocation }
      const change = { stamp, remove: turns.passing(from.entry, turn) }
      add(pointerUpdate(from.entry, locations, change), { kind: 'table', swap })
      changed.push(identifier)
    }
  }
  for (const lease of leases)
    add({ kind: 'check', key: writeLeaseKey(lease), condition: IS_THERE }, { kind: 'lease' })
  return { writes, purposes, v, token: writes.length > 1 ? v : undefined, turn, changed }
}

function answerOf(
  { purposes }: SwapRequest,
  answer: Awaited<ReturnType<typeof sendOnce>>,
): SwapAnswer<StoredItem> {
  if (answer.status === 'done') return { status: 'swapped' }
  if (answer.status === 'unknown') return answer
  const refused = answer.refusals.map(({ index, found }) => ({
    ...present(purposes[index], 'the write of a refusal'),
    found,
  }))
  // A lease that is gone tells only where no pointer has moved: those could be ours.
  const lost = refused.find(purpose => purpose.kind !== 'lease') ?? present(refused[0], 'a refusal')
  switch (lost.kind) {
    case 'lease':
      return { status: 'lapsed' }
    case 'namespace':
      return { status: 'no-namespace', swap: lost.swap }
    case 'table':
      // Of a new table what was found may be a view.
      return { status: 'lost', swap: lost.swap, now: lost.swap.from === undefined ? undefined : lost.found }
  }
}
