/**
 * Source transactions of wal2json, from the marks that both format versions have: where one begins, where it ends, and
 * where the writing of the feed broke off.
 *
 * Who reads a slot again after a break gets every transaction again that was not confirmed, from its beginning. So a
 * transaction without its end is dropped, and has to come again before anything that committed after it. A feed that begins
 * inside of a transaction cannot apply that one: its changes are handed on as unreadable.
 *
 * A capture without `include-transaction` has no marks. Its transactions end where `xid` changes, and their positions are
 * lines. Nothing tells there that transactions come again, except that their xids do: that is an error.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import { floorDivide } from '../../schema/time.js'
import type { ChangeEvent, FeedContext, SourceTransaction } from '../change-event.js'
import type { FeedLine } from '../feed-lines.js'
import { parseLsn } from '../feed-position.js'
import { decodePostgresText, parsePostgresType } from '../postgres-types.js'
import { lacks } from './changes.js'

/** A reader of one format version. */
export interface LineReader {
  /** The transactions that end with this line. */
  read(line: FeedLine): readonly SourceTransaction[]
  /** What is left at the end of the feed. */
  finish(): readonly SourceTransaction[]
}

/** What most lines end. */
export const NOTHING: readonly SourceTransaction[] = []

/** What the feed says at the beginning or the end of a transaction. */
export interface TransactionMark {
  readonly line: number
  /** `nextlsn`: the end of the commit record, so the same at both ends. */
  readonly lsn: bigint | undefined
  readonly committedMs: number | undefined
}

export interface TransactionReader {
  /** True between a beginning and its end. */
  readonly isOpen: boolean
  /** True where a record began what is open. */
  readonly isBegun: boolean
  /** @throws corrupt */
  begin(mark: TransactionMark): void
  /** Returns a transaction that the event's xid ends. @throws corrupt outside of a transaction */
  add(event: ChangeEvent, origin?: EventOrigin): SourceTransaction | undefined
  /** A record that cannot be read at all: an error, unless the transaction is broken off anyway. @throws corrupt */
  addBroken(error: LakeError): void
  /** @throws corrupt; invalid-argument for a capture without positions */
  end(mark: TransactionMark): SourceTransaction
  /** The feed broke off here: what is open is dropped. */
  breakOff(): void
  /** The end of the feed. @throws invalid-argument for a capture that does not tell its transactions */
  finish(): SourceTransaction | undefined
}

/** What a change says of its transaction. */
export interface EventOrigin {
  readonly xid: string | undefined
  readonly committedMs: number | undefined
}

interface Open {
  /** Undefined when the feed begins inside of the transaction, or has no marks. */
  readonly begin: TransactionMark | undefined
  readonly origin: EventOrigin | undefined
  readonly events: ChangeEvent[]
  broken: LakeError | undefined
}

/** Transactions that are looked back on to see that one comes again. */
const XIDS_MAX = 100_000

export function createTransactions(context: FeedContext): TransactionReader {
  let open: Open | undefined
  let cutOff: TransactionMark | undefined
  let isFirst = true
  /** Set once the feed has shown that it has no marks. */
  let seenXids: Set<string> | undefined

  const checkSentAgain = (lsn: bigint): void => {
    if (cutOff?.lsn === undefined || lsn === cutOff.lsn) cutOff = undefined
    else if (lsn > cutOff.lsn) throw corrupt('a transaction of the feed has no end', cutOff.line)
  }
  const checkMarked = (line: number): void => {
    if (seenXids !== undefined) throw corrupt('a feed without transaction records has one', line)
  }
  const breakOff = (): void => {
    if (open !== undefined && (open.events.length > 0 || open.broken !== undefined)) cutOff = open.begin
    open = undefined
  }
  /** Ends a transaction without marks. */
  const closeUnmarked = (group: Open): SourceTransaction => {
    if (group.broken !== undefined) throw group.broken
    const xid = group.origin?.xid ?? ''
    seenXids ??= new Set()
    const line = group.events.at(-1)?.line ?? 0
    if (seenXids.has(xid)) {
      throw new LakeError(
        'corrupt',
        'the feed has a transaction twice and no records to tell where it began again',
        {
          context: { line, xid, remedy: 'capture with include-transaction' },
        },
      )
    }
    if (seenXids.size >= XIDS_MAX) seenXids.delete(seenXids.values().next().value ?? '')
    seenXids.add(xid)
    return {
      ...committed(group.origin?.committedMs),
      position: { kind: 'line', line },
      lastLine: line,
      events: group.events,
    }
  }
  return {
    get isOpen() {
      return open !== undefined
    },
    get isBegun() {
      return open?.begin !== undefined
    },
    begin(mark) {
      checkMarked(mark.line)
      breakOff()
      open = { begin: mark, origin: undefined, events: [], broken: undefined }
      isFirst = false
    },
    add(event, origin) {
      let ended: SourceTransaction | undefined
      if (open !== undefined && open.begin === undefined && open.origin?.xid !== origin?.xid) {
        ended = closeUnmarked(open)
        open = undefined
      }
      if (open === undefined) {
        if (!isFirst && seenXids === undefined)
          throw corrupt('a change stands outside of a transaction', event.line)
        open = { begin: undefined, origin, events: [], broken: undefined }
        isFirst = false
      }
      open.events.push(event)
      return ended
    },
    addBroken(error) {
      if (open === undefined) throw error
      open.broken ??= error
    },
    end(mark) {
      const { lsn, line } = mark
      checkMarked(line)
      if (open === undefined) throw corrupt('a commit has no begin', line)
      const { begin, events, broken } = open
      if (broken !== undefined) throw broken
      if (lsn === undefined) throw lacks('include-lsn', { line })
      checkSentAgain(lsn)
      open = undefined
      isFirst = false
      return {
        ...committed(mark.committedMs),
        position: { kind: 'lsn', lsn },
        lastLine: line,
        events: begin === undefined ? events.map(headless) : events,
      }
    },
    breakOff,
    finish() {
      if (open === undefined || open.events.length === 0) return undefined
      if (seenXids !== undefined) return closeUnmarked(open)
      if (open.begin === undefined)
        throw lacks('include-transaction', { line: open.events.at(-1)?.line ?? 0 })
      context.onIgnored('transaction without its end')
      return undefined
    },
  }
}

function committed(committedMs: number | undefined): { readonly committedMs?: number } {
  return committedMs === undefined ? {} : { committedMs }
}

/** An event of a transaction whose beginning the feed lacks: to be refused, unless it was applied before. */
function headless({ table, line }: ChangeEvent): ChangeEvent {
  return { kind: 'poison', table, line, error: corrupt('the feed begins inside of a transaction', line) }
}

/** The mark that `nextlsn` and `timestamp` make. */
export function markOf(
  said: { readonly nextlsn?: unknown; readonly timestamp?: unknown },
  line: number,
): TransactionMark {
  const { nextlsn, timestamp } = said
  return {
    line,
    lsn: typeof nextlsn === 'string' ? parseLsn(nextlsn) : undefined,
    committedMs: typeof timestamp === 'string' ? commitMs(timestamp) : undefined,
  }
}

const INSTANT = parsePostgresType('timestamptz')
const ZONED = /[+-]\d\d(?::\d\d)*$/

/** In ms since 1970; undefined for text that is no instant in PostgreSQL's ISO style. */
export function commitMs(text: string): number | undefined {
  if (!ZONED.test(text)) return undefined
  try {
    const micros = decodePostgresText(INSTANT, text)
    return typeof micros === 'bigint' ? Number(floorDivide(micros, 1000n)) : undefined
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return undefined
    throw error
  }
}

export function corrupt(message: string, line: number): LakeError {
  return new LakeError('corrupt', message, { context: { line } })
}
