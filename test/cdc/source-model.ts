/**
 * A database of one table, simple enough to be right, and what its change feeds look like: wal2json version 2,
 * and Debezium with and without transaction records. A big value that an update did not touch is not in the feed.
 */
import fc from 'fast-check'

export interface ModelRow {
  readonly id: number
  readonly a: string
  readonly big: string | null
}

/** A change as the database logs it. `big` undefined: untouched. */
type Logged =
  | { readonly op: 'insert'; readonly row: ModelRow }
  | {
      readonly op: 'update'
      readonly oldId: number
      readonly id: number
      readonly a: string
      readonly big: string | null | undefined
    }
  | { readonly op: 'delete'; readonly id: number }
  | { readonly op: 'truncate' }

export interface SourceHistory {
  readonly transactions: readonly (readonly Logged[])[]
  /** The rows after each transaction, by id. */
  readonly states: readonly (readonly ModelRow[])[]
}

const KEYS = 6

/** What a client tries; what is impossible in the state it meets is not done. */
type Attempt =
  | { readonly try: 'put' | 'touch' | 'delete' | 'replace'; readonly id: number; readonly big: number }
  | { readonly try: 'move' | 'swap'; readonly id: number; readonly to: number; readonly big: number }
  | { readonly try: 'shift' | 'truncate' }

const id = fc.integer({ min: 0, max: KEYS - 1 })
const big = fc.integer({ min: 0, max: 3 })
const attempt: fc.Arbitrary<Attempt> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ try: fc.constantFrom('put', 'touch', 'delete', 'replace'), id, big }) },
  { weight: 3, arbitrary: fc.record({ try: fc.constantFrom('move', 'swap'), id, to: id, big }) },
  { weight: 1, arbitrary: fc.record({ try: fc.constantFrom('shift', 'truncate') }) },
)

/** Histories of transactions, each of some changes. The first puts a row, so that a feed shows the columns. */
export const histories: fc.Arbitrary<SourceHistory> = fc
  .array(fc.array(attempt, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 12 })
  .map(attempts => runHistory([[{ try: 'put', id: 0, big: 1 }], ...attempts]))

function runHistory(attempts: readonly (readonly Attempt[])[]): SourceHistory {
  const rows = new Map<number, ModelRow>()
  const transactions: Logged[][] = []
  const states: ModelRow[][] = []
  let clock = 0
  for (const transaction of attempts) {
    const log: Logged[] = []
    for (const attempted of transaction) {
      clock += 1
      attemptOne(attempted, { rows, log, clock })
    }
    if (log.length === 0) continue
    transactions.push(log)
    states.push([...rows.values()].sort((a, b) => a.id - b.id))
  }
  return { transactions, states }
}

interface Session {
  readonly rows: Map<number, ModelRow>
  readonly log: Logged[]
  readonly clock: number
}

function attemptOne(attempted: Attempt, session: Session): void {
  const { rows, log, clock } = session
  switch (attempted.try) {
    case 'put':
      if (rows.has(attempted.id)) update(session, attempted.id, attempted.id, attempted.big)
      else insert(session, attempted)
      break
    case 'touch':
      update(session, attempted.id, attempted.id, 0)
      break
    case 'delete':
      remove(session, attempted.id)
      break
    case 'replace':
      remove(session, attempted.id)
      insert(session, attempted)
      break
    case 'move':
      update(session, attempted.id, attempted.to, attempted.big)
      break
    case 'swap':
      if (!rows.has(attempted.id) || !rows.has(attempted.to) || attempted.id === attempted.to) break
      update(session, attempted.id, 100 + clock, 0)
      update(session, attempted.to, attempted.id, attempted.big)
      update(session, 100 + clock, attempted.to, 0)
      break
    case 'shift':
      for (let from = KEYS - 1; from >= 0; from--) update(session, from, from + 1, 0)
      remove(session, KEYS)
      break
    default:
      rows.clear()
      log.push({ op: 'truncate' })
  }
}

function insert({ rows, log, clock }: Session, { id: at, big: kind }: { id: number; big: number }): void {
  if (rows.has(at)) return
  const row = { id: at, a: `a${clock}`, big: kind === 2 ? null : `big${clock}` }
  rows.set(at, row)
  log.push({ op: 'insert', row })
}

/** `kind` 0 and 3: the big value is untouched. */
function update({ rows, log, clock }: Session, from: number, to: number, kind: number): void {
  const row = rows.get(from)
  if (row === undefined || (from !== to && rows.has(to))) return
  const touched = kind === 1 ? `big${clock}` : kind === 2 ? null : undefined
  const next = { id: to, a: `a${clock}`, big: touched === undefined ? row.big : touched }
  rows.delete(from)
  rows.set(to, next)
  // A null is no big value: it is always in the feed.
  const sent = touched === undefined && row.big === null ? null : touched
  log.push({ op: 'update', oldId: from, id: to, a: next.a, big: sent })
}

function remove({ rows, log }: Session, at: number): void {
  if (rows.delete(at)) log.push({ op: 'delete', id: at })
}

/** A feed's records, and for each transaction of the history the number of records up to its end. */
export interface RenderedFeed {
  readonly records: readonly unknown[]
  readonly ends: readonly number[]
  /** The position of each transaction, as `until` takes it. */
  readonly positions: readonly string[]
}

const lsnOf = (index: number): number => 0x100 * (index + 1)

export function wal2jsonFeed(history: SourceHistory): RenderedFeed {
  const records: unknown[] = []
  const ends: number[] = []
  const positions: string[] = []
  const column = (name: string, type: string, value: unknown) => ({ name, type, value })
  const key = (value: number) => column('id', 'integer', value)
  const pk = [{ name: 'id', type: 'integer' }]
  for (const [index, log] of history.transactions.entries()) {
    const nextlsn = `0/${lsnOf(index).toString(16).toUpperCase()}`
    records.push({ action: 'B', xid: index, nextlsn })
    for (const entry of log) {
      const about = { schema: 'public', table: 't' }
      if (entry.op === 'truncate') records.push({ action: 'T', ...about })
      else if (entry.op === 'delete') records.push({ action: 'D', ...about, identity: [key(entry.id)], pk })
      else {
        const { id: to, a, big: value } = entry.op === 'insert' ? entry.row : entry
        const columns = [key(to), column('a', 'text', a)]
        if (value !== undefined) columns.push(column('big', 'text', value))
        const identity = entry.op === 'update' ? { identity: [key(entry.oldId)] } : {}
        records.push({ action: entry.op === 'insert' ? 'I' : 'U', ...about, columns, ...identity, pk })
      }
    }
    records.push({ action: 'C', xid: index, nextlsn })
    ends.push(records.length)
    positions.push(nextlsn)
  }
  return { records, ends, positions }
}

const PLACEHOLDER = '__debezium_unavailable_value'
export const DEBEZIUM_TYPES: readonly { readonly name: string; readonly type: string }[] = [
  { name: 'id', type: 'integer' },
  { name: 'a', type: 'text' },
  { name: 'big', type: 'text' },
]

/** `marked` and `captured` come with keys and headers, `marked` with BEGIN and END records too; `bare` are envelopes alone. */
export function debeziumFeed(history: SourceHistory, form: 'marked' | 'captured' | 'bare'): RenderedFeed {
  const records: unknown[] = []
  const ends: number[] = []
  const positions: string[] = []
  let lsn = 0
  const captured = (value: unknown, key: unknown, headers: object = {}): unknown =>
    form === 'bare' ? value : { topic: 'pg.public.t', key, value, headers }
  for (const [index, log] of history.transactions.entries()) {
    const txId = 500 + index
    const envelope = (op: string, images: object): object => ({
      before: null,
      after: null,
      ...images,
      op,
      source: { connector: 'postgresql', name: 'pg', db: 'shop', schema: 'public', table: 't', txId, lsn },
      transaction: form === 'marked' ? { id: `${txId}:${lsn}` } : null,
    })
    const removed = (old: number, headers: object = {}): void => {
      records.push(captured(envelope('d', { before: { id: old, a: '', big: null } }), { id: old }, headers))
      records.push(captured(null, { id: old }))
    }
    if (form === 'marked') records.push(captured({ status: 'BEGIN', id: `${txId}:${lsn}` }, null))
    for (const entry of log) {
      lsn += 8
      if (entry.op === 'truncate') records.push(captured(envelope('t', {}), null))
      else if (entry.op === 'delete') removed(entry.id)
      else if (entry.op === 'insert') {
        records.push(captured(envelope('c', { after: entry.row }), { id: entry.row.id }))
      } else {
        const after = { id: entry.id, a: entry.a, big: entry.big === undefined ? PLACEHOLDER : entry.big }
        if (entry.id === entry.oldId) records.push(captured(envelope('u', { after }), { id: entry.id }))
        else {
          removed(entry.oldId, { '__debezium.newkey': { id: entry.id } })
          records.push(
            captured(
              envelope('c', { after }),
              { id: entry.id },
              { '__debezium.oldkey': { id: entry.oldId } },
            ),
          )
        }
      }
    }
    lsn += 8
    if (form === 'marked') records.push(captured({ status: 'END', id: `${txId}:${lsn}` }, null))
    ends.push(records.length)
    positions.push(form === 'marked' ? String(lsn) : `line:${records.length}`)
  }
  return { records, ends, positions }
}
