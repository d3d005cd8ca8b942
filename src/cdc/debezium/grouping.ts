/**
 * Changes of a Debezium feed, put together to source transactions.
 *
 * - With transaction records (`provide.transaction.metadata`): from BEGIN to END. PostgreSQL's END has the LSN of the
 *   commit; in a binary log the place of the last change is as good, for there transactions stand in the order of their
 *   commits. A transaction without its END is not handed on: a connector that was restarted sends it again. A change of
 *   schema commits by itself and has no END, nor has the change of a table that the feed leaves out.
 * - Without them: cut where the transaction's id changes. The last one of a feed may be a part: of a binary log it is
 *   applied again when the feed has more of it, which changes nothing in a table with a key.
 * - Rows of a snapshot are handed on in parts, at the place where the snapshot was read. Those of an incremental snapshot
 *   come between transactions, or inside one.
 */
import { LakeError } from '../../base/errors.js'
import type { ChangeEvent, FeedContext, SourceTransaction } from '../change-event.js'
import { type FeedPosition, isPassed } from '../feed-position.js'
import type { Origin, TransactionMark } from './source.js'

/** Rows of a snapshot that are handed on together: the snapshot need not fit in memory. */
const SNAPSHOT_ROWS = 10_000

export interface Grouping {
  /** Takes in a change that ends nothing; false for any other, which is to be added. */
  append(event: ChangeEvent, origin: Origin): boolean
  add(events: readonly ChangeEvent[], origin: Origin): Iterable<SourceTransaction>
  mark(mark: TransactionMark): Iterable<SourceTransaction>
  finish(): Iterable<SourceTransaction>
}

/** Events that belong together, while they are collected. */
interface OpenGroup {
  readonly txid: string | undefined
  /** Its BEGIN was seen: it counts only with its END. */
  begun: boolean
  readonly events: ChangeEvent[]
  /** Of the last change. */
  place: FeedPosition | undefined
  source: string | undefined
  committedMs: number | undefined
  /** The last event is the first half of a key update. */
  leaves: boolean
  /** Rows of a snapshot at its end. */
  snapshotRows: number
}

/** The transaction that was cut off last, until the feed has it again. */
interface CutOff {
  readonly txid: string
  readonly line: number
  /** It committed after this position, and before anything else that did. */
  readonly after: FeedPosition | undefined
}

export function createGrouping(context: FeedContext): Grouping {
  const snapshots = createSnapshotPositions()
  let open: OpenGroup | undefined
  let cutOff: CutOff | undefined
  let sawMark = false

  function* close(): Generator<SourceTransaction> {
    const group = open
    open = undefined
    const last = group?.events.at(-1)
    if (group === undefined || last === undefined) return
    if (group.begun && !commitsItself(group)) {
      cutOff = { txid: group.txid ?? '', line: last.line, after: snapshots.reached }
    } else if (group.txid === undefined) {
      yield transactionOf(group, snapshots.part(group.place, group.events.length, last.line))
    } else {
      yield transactionOf(group, snapshots.commit(logPlace(group.place) ?? { kind: 'line', line: last.line }))
    }
  }
  const isOf = (group: OpenGroup, origin: Origin): boolean => {
    if (group.txid === origin.txid || (group.leaves && origin.arrives)) return true
    // Rows of an incremental snapshot may come while a transaction is open: they are in its place.
    return origin.txid === undefined && (group.begun || group.snapshotRows < SNAPSHOT_ROWS)
  }
  function* begin(txid: string): Generator<SourceTransaction> {
    if (cutOff?.txid === txid) cutOff = undefined
    if (open?.txid === txid && !open.begun) {
      open.begun = true
      return
    }
    // A transaction that begins again was sent in part by a connector that was restarted.
    if (open?.txid !== txid || commitsItself(open)) yield* close()
    open = newGroup(txid, true)
  }
  function* end(mark: TransactionMark, isHeadless: boolean): Generator<SourceTransaction> {
    if (open?.txid !== mark.id) yield* close()
    const group = open
    open = undefined
    const last = group?.events.at(-1)
    const position = mark.place ?? logPlace(group?.place) ?? lineOf(last)
    if (cutOff !== undefined && position !== undefined && isBehind(position, cutOff.after))
      throw neverEnded(cutOff)
    if (position !== undefined) snapshots.commit(position)
    if (group === undefined || last === undefined || position === undefined) return
    const events = isHeadless && !group.begun ? group.events.map(headless) : group.events
    yield transactionOf({ ...group, events }, position)
  }
  return {
    append(event, origin) {
      if (open === undefined || !isOf(open, origin)) return false
      if (open.txid === undefined && open.events.length + 1 >= SNAPSHOT_ROWS) return false
      open.events.push(event)
      noteOrigin(open, origin, 1)
      return true
    },
    *add(events, origin) {
      if (open === undefined || !isOf(open, origin)) {
        yield* close()
        open = newGroup(origin.txid, false)
      }
      const group = open ?? newGroup(origin.txid, false)
      for (const event of events) group.events.push(event)
      noteOrigin(group, origin, events.length)
      if (group.txid === undefined && group.events.length >= SNAPSHOT_ROWS) yield* close()
    },
    *mark(mark) {
      const isHeadless = !sawMark
      sawMark = true
      yield* mark.status === 'BEGIN' ? begin(mark.id) : end(mark, isHeadless)
    },
    *finish() {
      if (open?.begun === true && !commitsItself(open)) {
        if (open.events.length > 0) context.onIgnored('transaction without its end')
        return
      }
      // The feed ends between the halves of a key update: the first waits for the second.
      if (open?.leaves === true) open.events.pop()
      yield* close()
    },
  }
}

function newGroup(txid: string | undefined, begun: boolean): OpenGroup {
  const about = { place: undefined, source: undefined, committedMs: undefined }
  return { txid, begun, events: [], ...about, leaves: false, snapshotRows: 0 }
}

function noteOrigin(group: OpenGroup, origin: Origin, count: number): void {
  group.leaves = origin.leaves
  group.source = origin.source
  if (origin.txid === undefined) {
    group.snapshotRows += count
    if (group.txid === undefined) group.place = origin.place
    return
  }
  group.snapshotRows = 0
  group.place = origin.place
  group.committedMs = origin.committedMs
}

/** A change of schema ends the transaction that it stands in, and so does MySQL's TRUNCATE. */
function commitsItself({ events, place }: OpenGroup): boolean {
  return events.some(
    event => event.kind === 'schema' || (event.kind === 'truncate' && place?.kind === 'binlog'),
  )
}

/** A change's place is its transaction's only in a binary log. */
function logPlace(place: FeedPosition | undefined): FeedPosition | undefined {
  return place?.kind === 'binlog' ? place : undefined
}

function lineOf(event: ChangeEvent | undefined): FeedPosition | undefined {
  return event && { kind: 'line', line: event.line }
}

function isBehind(position: FeedPosition, after: FeedPosition | undefined): boolean {
  return after === undefined || !isPassed({ position, line: 0 }, after)
}

/** Positions of the parts of snapshots: where the feed has come to, and the rows since. */
interface SnapshotPositions {
  readonly reached: FeedPosition | undefined
  commit(position: FeedPosition): FeedPosition
  part(place: FeedPosition | undefined, rows: number, line: number): FeedPosition
}

function createSnapshotPositions(): SnapshotPositions {
  let reached: FeedPosition | undefined
  let countsLines = false
  let at: FeedPosition | undefined
  let count = 0
  return {
    get reached() {
      return reached
    },
    commit(position) {
      if (position.kind === 'line') countsLines = true
      else if (reached === undefined || isBehind(position, reached)) reached = position
      return position
    },
    part(place, rows, line) {
      if (countsLines || place === undefined || place.kind === 'line') return { kind: 'line', line }
      const base = reached === undefined || isBehind(place, reached) ? place : reached
      if (at === undefined || !samePlace(at, base)) [at, count] = [base, 0]
      count += rows
      if (base.kind === 'lsn') return { ...base, rows: count }
      return base.kind === 'binlog' ? { ...base, row: (base.row ?? 0) + count } : { kind: 'line', line }
    },
  }
}

function samePlace(a: FeedPosition, b: FeedPosition): boolean {
  if (a.kind === 'lsn') return b.kind === 'lsn' && a.lsn === b.lsn
  return a.kind === 'binlog' && b.kind === 'binlog' && a.file === b.file && a.pos === b.pos && a.row === b.row
}

function transactionOf(
  group: Pick<OpenGroup, 'events' | 'source' | 'committedMs'>,
  position: FeedPosition,
): SourceTransaction {
  const { events, source, committedMs } = group
  return { position, lastLine: events.at(-1)?.line ?? 0, events, committedMs, source }
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
