/**
 * Debezium's envelope, `{before, after, source, op, transaction}`, cut into source transactions.
 *
 * - With transaction records (`provide.transaction.metadata`): from BEGIN to END, whose LSN is the commit's
 *   position. `transaction.id` is `txid:lsn` with the LSN of each event: only the part before the colon groups. A
 *   transaction without its END is not handed on; a connector that was restarted sends it again.
 * - Without them: cut where `source.txId` changes, positions are `line:<n>`.
 * - Rows of a snapshot are handed on in parts, at the LSN where the snapshot was read. Those of an incremental
 *   snapshot come between transactions, or inside one.
 */
import { LakeError } from '../base/errors.js'
import { JsonNumber } from '../base/json.js'
import type { ChangeEvent, FeedContext, SourceTransaction } from './change-event.js'
import { createChangeReader } from './debezium-changes.js'
import { type DebeziumRecord, headerOf, objectOf, readRecord, textOf } from './debezium-record.js'
import { type FeedLine, isExactObject } from './feed-lines.js'
import type { FeedPosition } from './feed-position.js'

/** Rows of a snapshot that are handed on together: the snapshot need not fit in memory. */
const SNAPSHOT_ROWS = 10_000

/** @throws corrupt with the line's number; unsupported for flattened records and other connectors */
export async function* readDebezium(
  lines: AsyncIterable<FeedLine>,
  context: FeedContext,
): AsyncGenerator<SourceTransaction> {
  const changes = createChangeReader(context)
  const grouping = createGrouping(context)
  for await (const line of lines) {
    const record = readRecord(line)
    if (record === undefined) continue
    const mark = transactionMark(record)
    if (mark !== undefined) {
      yield* mark.status === 'BEGIN' ? grouping.begin(mark.id) : grouping.end(mark)
      continue
    }
    const origin = originOf(record, context)
    if (origin === undefined) continue
    const leaves = headerOf(record, '__debezium.newkey') !== undefined
    yield* grouping.add(changes.read(record), { ...origin, leaves })
  }
  yield* grouping.finish()
}

/** Where an event comes from. */
interface Origin {
  /** Rows of snapshots belong to no transaction. */
  readonly txid: string | undefined
  readonly lsn: bigint
  readonly source: string
  /** True for the first half of a key update. */
  readonly leaves: boolean
}

interface TransactionMark {
  readonly status: 'BEGIN' | 'END'
  readonly id: string
  readonly lsn: bigint
  readonly line: number
}

/** Events that belong together, while they are collected. */
interface OpenGroup {
  readonly txid: string | undefined
  /** Its BEGIN was seen: it counts only with its END. */
  begun: boolean
  readonly events: ChangeEvent[]
  lsn: bigint
  source: string
  /** The last event is the first half of a key update. */
  leaves: boolean
}

/** The transaction that was cut off last, until the feed has it again. */
interface CutOff {
  readonly txid: string
  readonly line: number
  /** It committed after this position, and before anything else that did. */
  readonly after: bigint
}

interface Grouping {
  add(event: ChangeEvent, origin: Origin): Iterable<SourceTransaction>
  begin(txid: string): Iterable<SourceTransaction>
  end(mark: TransactionMark): Iterable<SourceTransaction>
  finish(): Iterable<SourceTransaction>
}

function createGrouping(context: FeedContext): Grouping {
  let open: OpenGroup | undefined
  let cutOff: CutOff | undefined
  let sawMark = false
  let countsLines = false
  let reached = 0n
  let snapshot = { lsn: -1n, rows: 0 }

  function* close(): Generator<SourceTransaction> {
    const group = open
    open = undefined
    const last = group?.events.at(-1)
    if (group === undefined || last === undefined) return
    if (group.begun) {
      cutOff = { txid: group.txid ?? '', line: last.line, after: reached }
    } else if (group.txid === undefined) {
      yield snapshotPart(group, last.line)
    } else {
      countsLines = true
      yield transactionOf(group, { kind: 'line', line: last.line })
    }
  }
  const snapshotPart = (group: OpenGroup, line: number): SourceTransaction => {
    if (countsLines) return transactionOf(group, { kind: 'line', line })
    const lsn = group.lsn > reached ? group.lsn : reached
    const before = snapshot.lsn === lsn ? snapshot.rows : 0
    snapshot = { lsn, rows: before + group.events.length }
    return transactionOf(group, { kind: 'lsn', ...snapshot })
  }
  return {
    *add(event, origin) {
      // Rows of an incremental snapshot may come while a transaction is open: they are in its place.
      const belongs =
        open !== undefined && (open.txid === origin.txid || (open.begun && origin.txid === undefined))
      if (!belongs) yield* close()
      const group: OpenGroup = open ?? { ...origin, begun: false, events: [] }
      group.events.push(event)
      Object.assign(group, { lsn: origin.lsn, source: origin.source, leaves: origin.leaves })
      open = group
      if (group.txid === undefined && group.events.length >= SNAPSHOT_ROWS) yield* close()
    },
    *begin(txid) {
      sawMark = true
      if (cutOff?.txid === txid) cutOff = undefined
      if (open?.txid === txid && !open.begun) {
        open.begun = true
        return
      }
      // A transaction that begins again was sent in part by a connector that was restarted.
      if (open?.txid !== txid) yield* close()
      open = { txid, begun: true, events: [], lsn: 0n, source: '', leaves: false }
    },
    *end(mark) {
      const isHeadless = !sawMark
      sawMark = true
      if (open?.txid !== mark.id) yield* close()
      const group = open
      open = undefined
      if (cutOff !== undefined && mark.lsn > cutOff.after) throw neverEnded(cutOff)
      if (mark.lsn > reached) reached = mark.lsn
      if (group === undefined || group.events.length === 0) return
      const events = isHeadless && !group.begun ? group.events.map(headless) : group.events
      yield transactionOf({ ...group, events }, { kind: 'lsn', lsn: mark.lsn })
    },
    *finish() {
      if (open?.begun === true) {
        if (open.events.length > 0) context.onIgnored('transaction without its end')
        return
      }
      // The feed ends between the halves of a key update: the first waits for the second.
      if (open?.leaves === true) open.events.pop()
      yield* close()
    },
  }
}

function transactionOf(
  group: Pick<OpenGroup, 'events' | 'source'>,
  position: FeedPosition,
): SourceTransaction {
  const { events, source } = group
  return { position, lastLine: events.at(-1)?.line ?? 0, events, source }
}

/** An event of a transaction whose beginning the feed lacks: to be refused, unless it was applied before. */
function headless({ table, line }: ChangeEvent): ChangeEvent {
  const error = new LakeError('corrupt', 'the feed begins inside of a transaction', { context: { line } })
  return { kind: 'poison', table, line, error }
}

function neverEnded(cutOff: CutOff): LakeError {
  return new LakeError('corrupt', 'a transaction of the feed has no END record', {
    context: { transaction: cutOff.txid, line: cutOff.line },
  })
}

function originOf(record: DebeziumRecord, context: FeedContext): Omit<Origin, 'leaves'> | undefined {
  const { value, line } = record
  if (value.op === undefined) {
    if (value.__op !== undefined || value.__deleted !== undefined) {
      throw new LakeError('unsupported', 'the feed is flattened; capture the whole envelope', {
        context: { line },
      })
    }
    context.onIgnored(value.ddl === undefined ? 'record without a change' : 'schema change record')
    return undefined
  }
  if (value.op === 'm') {
    context.onIgnored('message')
    return undefined
  }
  const origin = objectOf(value.source, 'source', line)
  if (!(origin.lsn instanceof JsonNumber)) {
    throw new LakeError('unsupported', 'only feeds of the PostgreSQL connector are read', {
      context: { line, connector: String(origin.connector ?? '') },
    })
  }
  const at = { lsn: BigInt(origin.lsn.text), source: `${origin.name ?? ''}/${origin.db ?? ''}` }
  if (value.op === 'r') return { txid: undefined, ...at }
  if (isExactObject(value.transaction)) {
    return { txid: transactionId(textOf(value.transaction.id, 'transaction', line)).id, ...at }
  }
  return { txid: origin.txId instanceof JsonNumber ? origin.txId.text : `line ${line}`, ...at }
}

function transactionMark(record: DebeziumRecord): TransactionMark | undefined {
  const { status, id, op } = record.value
  if (op !== undefined || typeof id !== 'string' || (status !== 'BEGIN' && status !== 'END')) return undefined
  const { id: txid, lsn } = transactionId(id)
  if (lsn === undefined) {
    throw new LakeError('unsupported', 'only transaction records of the PostgreSQL connector are read', {
      context: { line: record.line, id },
    })
  }
  return { status, id: txid, lsn, line: record.line }
}

function transactionId(text: string): { readonly id: string; readonly lsn: bigint | undefined } {
  const match = /^(\d+):(\d+)$/.exec(text)
  return match === null ? { id: text, lsn: undefined } : { id: match[1] ?? '', lsn: BigInt(match[2] ?? '') }
}
