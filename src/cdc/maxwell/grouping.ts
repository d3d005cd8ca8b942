/**
 * Rows of a Maxwell feed, grouped into source transactions by `xid` and `commit`. Several may be open at a time: rows
 * that Maxwell held back while it read a table come between those of a later transaction.
 */
import { LakeError } from '../../base/errors.js'
import type { ChangeEvent, FeedContext, SourceTransaction } from '../change-event.js'
import { type BinlogPosition, compareBinlog, type FeedPosition, printPosition } from '../feed-position.js'

/** What a record says of its transaction. */
export interface RowOrigin {
  readonly xid: string | undefined
  /** The last row of its transaction. */
  readonly commits: boolean
  readonly xoffset: number | undefined
  readonly position: BinlogPosition | undefined
  readonly atMs: number | undefined
  readonly line: number
}

export interface Grouping {
  add(origin: RowOrigin, events: readonly ChangeEvent[]): Iterable<SourceTransaction>
  /** Of a statement that commits by itself. */
  addDefinition(origin: RowOrigin, events: readonly ChangeEvent[]): Iterable<SourceTransaction>
  /** Where the last transaction stands; undefined before any. */
  reached(): BinlogPosition | undefined
  /** True when the feed has transactions without positions in the log. */
  countsLines(): boolean
  finish(): void
}

interface OpenGroup {
  readonly xid: string | undefined
  events: ChangeEvent[]
  last: RowOrigin
}

export function createGrouping(context: FeedContext): Grouping {
  const open = new Map<string | undefined, OpenGroup>()
  let reached: BinlogPosition | undefined
  let latestMs = Number.NEGATIVE_INFINITY
  let sawRow = false
  let sawMark = false
  let countsLines = false

  const close = function* ({ xid, events, last }: OpenGroup): Generator<SourceTransaction> {
    open.delete(xid)
    const { position } = last
    if (position !== undefined && (reached === undefined || compareBinlog(position, reached) > 0))
      reached = position
    if (events.length > 0) yield transactionOf(last, events)
  }
  /** What stands before a record in the log, and has no commit mark, lost it to a filter. */
  const closeBefore = function* (origin: RowOrigin): Generator<SourceTransaction> {
    for (const group of open.values()) {
      if (group.xid !== origin.xid && isBehind(group.last, origin)) yield* close(group)
    }
  }
  const look = (origin: RowOrigin): void => {
    const { position, atMs } = origin
    if (position === undefined) {
      countsLines = true
    } else if (
      reached !== undefined &&
      atMs !== undefined &&
      atMs > latestMs &&
      isEarlierFile(position, reached)
    ) {
      throw new LakeError(
        'invalid-argument',
        "the source's log was begun anew: positions behind this line do not follow those before it",
        {
          context: {
            before: printPosition(reached),
            behind: printPosition(position),
            line: origin.line,
            remedy:
              'apply what comes behind as a feed of its own, and say with --reset-position where the tables stand',
          },
        },
      )
    }
    if (atMs !== undefined && atMs > latestMs) latestMs = atMs
  }
  return {
    *add(origin, events) {
      sawMark ||= origin.xid !== undefined || origin.commits
      if (!sawMark) throw noMarks(origin)
      look(origin)
      if (open.size > 0) yield* closeBefore(origin)
      let group = open.get(origin.xid)
      if (group === undefined || startsAgain(group.last, origin)) {
        group = { xid: origin.xid, events: [], last: origin }
        open.set(origin.xid, group)
      }
      const isHeadless = !sawRow && origin.xoffset !== undefined && origin.xoffset > 0
      sawRow = true
      for (const event of events) group.events.push(isHeadless ? headless(event) : event)
      group.last = origin
      if (origin.commits) yield* close(group)
    },
    *addDefinition(origin, events) {
      look(origin)
      yield* closeBefore(origin)
      yield* close({ xid: `line ${origin.line}`, events: [...events], last: origin })
    },
    reached: () => reached,
    countsLines: () => countsLines,
    finish() {
      for (const { events } of open.values())
        if (events.length > 0) context.onIgnored('transaction without its end')
    },
  }
}

function transactionOf(last: RowOrigin, events: readonly ChangeEvent[]): SourceTransaction {
  const position: FeedPosition = last.position ?? { kind: 'line', line: last.line }
  return { position, lastLine: last.line, events, committedMs: last.atMs }
}

/** Without positions whatever comes with another id is behind. */
function isBehind(last: RowOrigin, origin: RowOrigin): boolean {
  if (last.position === undefined || origin.position === undefined) return true
  return compareBinlog(last.position, origin.position) < 0
}

/** The transaction was sent in part before Maxwell was restarted, and comes again from its first row. */
function startsAgain(last: RowOrigin, origin: RowOrigin): boolean {
  if (last.xoffset !== undefined && origin.xoffset !== undefined) return origin.xoffset <= last.xoffset
  if (last.position === undefined || origin.position === undefined) return false
  return compareBinlog(origin.position, last.position) < 0
}

/** An event of a transaction whose beginning the feed lacks: to be refused, unless it was applied before. */
function headless({ table, line }: ChangeEvent): ChangeEvent {
  const error = new LakeError('corrupt', 'the feed begins inside of a transaction', { context: { line } })
  return { kind: 'poison', table, line, error }
}

function isEarlierFile(position: BinlogPosition, reached: BinlogPosition): boolean {
  return compareBinlog({ ...position, pos: 0 }, { ...reached, pos: 0 }) < 0
}

function noMarks({ line }: RowOrigin): LakeError {
  return new LakeError(
    'unsupported',
    'the feed has no transaction marks: run Maxwell with --output_commit_info=true',
    { context: { line } },
  )
}
