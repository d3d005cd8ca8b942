/**
 * Pointers of the embedded catalog: all tables of a commit in one SQL transaction.
 *
 *   BEGIN IMMEDIATE; compare every pointer with what was read, look for the write leases, set all pointers; COMMIT
 *
 * Only an error of COMMIT itself leaves the outcome open. Unlike a request on a network, a transaction cannot land
 * later: what is found under the write lock is final.
 */
import type { TableIdentifier } from './catalog.js'
import type { EmbeddedDb, WriteOutcome } from './embedded-db.js'
import { findTable, hasNamespace, insertTable, type Rows, swapTable } from './embedded-rows.js'
import { hasWriteLease } from './embedded-write-leases.js'
import {
  isReadCheck,
  type LeasedOptions,
  type PointerStore,
  type Swap,
  type SwapAnswer,
} from './pointer-commit.js'

/** A row is found again by its table's name. */
type EmbeddedSwap = Swap<undefined>
type Decided = Exclude<SwapAnswer<undefined>, { status: 'unknown' }>

interface Sent extends Pick<LeasedOptions, 'leases'> {
  readonly swaps: readonly EmbeddedSwap[]
}

export function embeddedSwaps(on: {
  readonly db: EmbeddedDb
  readonly catalogName: string
}): Pick<PointerStore<undefined>, 'swap' | 'swapAgain'> {
  const { db, catalogName } = on
  return {
    async swap(swaps, { signal, leases }) {
      const sent: Sent = { swaps, leases }
      if (!swaps.every(isReadCheck))
        return answerOf(await db.write(sql => swapAll({ sql, catalogName }, sent), signal))
      return db.read(sql => swapAll({ sql, catalogName }, sent), signal)
    },
    async swapAgain(swaps, { signal, leases }) {
      return answerOf(await db.write(sql => swapAgain({ sql, catalogName }, { swaps, leases }), signal))
    },
  }
}

function answerOf(outcome: WriteOutcome<Decided>): SwapAnswer<undefined> {
  return outcome.status === 'done' ? outcome.value : { status: 'unknown', cause: outcome.cause }
}

/** Compares all, then sets all: under the write lock nothing moves in between. */
function swapAll(rows: Rows, sent: Sent): Decided {
  const { swaps, leases = [] } = sent
  for (const swap of swaps) {
    if (pointerOf(rows, swap.identifier) !== swap.from?.table.metadataLocation)
      return { status: 'lost', swap }
    if (swap.from === undefined && findTable(rows, swap.identifier) !== undefined)
      return { status: 'lost', swap }
    if (swap.from === undefined && !hasNamespace(rows, swap.identifier.namespace))
      return { status: 'no-namespace', swap }
  }
  if (!leases.every(lease => hasWriteLease(rows.sql, lease))) return { status: 'lapsed' }
  for (const swap of swaps) if (!isReadCheck(swap)) setPointer(rows, swap)
  return { status: 'swapped' }
}

function pointerOf(rows: Rows, identifier: TableIdentifier): string | undefined {
  const row = findTable(rows, identifier)
  return row?.kind === 'table' ? row.metadataLocation : undefined
}

function setPointer(rows: Rows, { identifier, from, to }: EmbeddedSwap): void {
  if (from === undefined) insertTable(rows, identifier, to.metadataLocation)
  else if (!swapTable(rows, identifier, { from: from.table.metadataLocation, to: to.metadataLocation }))
    throw new Error('assertion failed: a compared pointer moved under the write lock')
}

/** Pointers that are ours already have landed: all of them, as they were set together. */
function swapAgain(rows: Rows, sent: Sent): Decided {
  const changed = sent.swaps.filter(swap => !isReadCheck(swap))
  const landed = changed.every(({ identifier, to }) => pointerOf(rows, identifier) === to.metadataLocation)
  return landed ? { status: 'swapped' } : swapAll(rows, sent)
}
