/**
 * Bootstraps of a Maxwell feed: a table read as a whole (or the part that a condition picks) while the log goes on.
 *
 * Rows stand at the place of the log where their bootstrap began, counted from 1: `bin.000001:326336+40`. In a feed
 * that begins with a bootstrap there is no such place; the number is then that of the line.
 */
import { type ExactJsonObject, JsonNumber } from '../../base/json.js'
import type { ChangeEvent, FeedContext, SourceTransaction } from '../change-event.js'
import type { FeedLine } from '../feed-lines.js'
import { type BinlogPosition, type FeedPosition, printPosition } from '../feed-position.js'
import { printSource } from '../source-tables.js'
import type { Grouping } from './grouping.js'
import { sourceOf } from './tables.js'

/** Rows of a bootstrap that are handed on together: the table need not fit in memory. */
const PART_ROWS = 10_000

export interface Bootstraps {
  /** A row of Maxwell's own table `bootstrap`: a bootstrap was asked for, of all rows or of those of a condition. */
  announce(record: ExactJsonObject): void
  start(record: ExactJsonObject, line: FeedLine): Iterable<SourceTransaction>
  /** A row of a bootstrap. */
  add(record: ExactJsonObject, event: ChangeEvent, line: FeedLine): Iterable<SourceTransaction>
  /** True for an `insert` that is a row of a bootstrap, as old releases write it. */
  holds(record: ExactJsonObject, line: FeedLine): boolean
  /** What has to be handed on before an ordinary row of the same table. */
  beforeRow(record: ExactJsonObject, line: FeedLine): Iterable<SourceTransaction>
  complete(record: ExactJsonObject, line: FeedLine): Iterable<SourceTransaction>
  finish(): void
}

interface Bootstrap {
  /** Where the log was when it began. */
  readonly base: BinlogPosition | undefined
  events: ChangeEvent[]
  atMs: number | undefined
}

export function createBootstraps(context: FeedContext, grouping: Grouping): Bootstraps {
  const running = new Map<string, Bootstrap>()
  /** Tables of which all rows were asked for, and how often. */
  const wholes = new Map<string, number>()
  /** Rows by where the log was. */
  const counts = new Map<string, number>()

  const positionOf = (base: BinlogPosition | undefined, rows: number, line: number): FeedPosition => {
    if (grouping.countsLines()) return { kind: 'line', line }
    if (base === undefined) return { kind: 'binlog', file: '', pos: 0, row: line }
    const printed = printPosition(base)
    const row = (counts.get(printed) ?? 0) + rows
    counts.set(printed, row)
    return { ...base, row }
  }
  const flush = function* (bootstrap: Bootstrap): Generator<SourceTransaction> {
    const { events, base, atMs } = bootstrap
    const last = events.at(-1)
    if (last === undefined) return
    bootstrap.events = []
    const position = positionOf(base, events.length, last.line)
    yield { position, lastLine: last.line, events, committedMs: atMs }
  }
  const begin = (name: string): Bootstrap => {
    const bootstrap = { base: grouping.reached(), events: [], atMs: undefined }
    running.set(name, bootstrap)
    return bootstrap
  }
  return {
    announce({ type, table, data }) {
      if (type !== 'insert' || table !== 'bootstrap' || typeof data !== 'object' || data === null) return
      const { database_name: database, table_name: name, where_clause: condition } = data as ExactJsonObject
      if (typeof database !== 'string' || typeof name !== 'string') return
      const source = printSource({ schema: '', name, database })
      if (condition === null || condition === '') wholes.set(source, (wholes.get(source) ?? 0) + 1)
    },
    *start(record, line) {
      const table = sourceOf(record, line)
      const name = printSource(table)
      const before = running.get(name)
      if (before !== undefined) yield* flush(before)
      const bootstrap = begin(name)
      const asked = wholes.get(name) ?? 0
      if (asked === 0) return
      wholes.set(name, asked - 1)
      bootstrap.events.push({ kind: 'truncate', table, line: line.number })
    },
    *add(record, event, line) {
      const name = printSource(sourceOf(record, line))
      const bootstrap = running.get(name) ?? begin(name)
      bootstrap.events.push(event)
      if (record.ts instanceof JsonNumber) bootstrap.atMs = Number(record.ts.text) * 1000
      if (bootstrap.events.length >= PART_ROWS) yield* flush(bootstrap)
    },
    holds(record, line) {
      if (record.type !== 'insert' || record.xid !== undefined || record.commit !== undefined) return false
      return record.position === undefined && running.has(printSource(sourceOf(record, line)))
    },
    *beforeRow(record, line) {
      if (running.size === 0) return
      const bootstrap = running.get(printSource(sourceOf(record, line)))
      if (bootstrap !== undefined) yield* flush(bootstrap)
    },
    *complete(record, line) {
      const name = printSource(sourceOf(record, line))
      const bootstrap = running.get(name)
      if (bootstrap !== undefined) yield* flush(bootstrap)
      running.delete(name)
    },
    finish() {
      for (const { events } of running.values()) {
        if (events.length > 0) context.onIgnored('bootstrap without its end')
      }
    },
  }
}
