/**
 * Debezium's feeds: envelopes `{before, after, source, op, transaction}` or flattened rows, with the records that go
 * with them.
 *
 * | record | becomes |
 * |---|---|
 * | envelope | `debezium/changes.ts` |
 * | flattened row, tombstone of a flattened feed | `debezium/flat.ts` |
 * | transaction BEGIN, END | `debezium/grouping.ts` |
 * | schema change | `debezium/ddl.ts` |
 * | heartbeat, notification, logical message, signal table, tombstone behind a delete | counted, or nothing |
 *
 * A hazard that no reader can see: Connect's JSON converter has `replace.null.with.default=true`, so that a null in a
 * column with a default arrives as that default. Capture with `false`.
 */
import type { ChangeEvent, FeedContext, SourceTransaction } from '../change-event.js'
import type { FeedLine } from '../feed-lines.js'
import { createChangeReader } from './changes.js'
import { createSchemaChanges, isSchemaChange } from './ddl.js'
import { createFastReader, type FastLine } from './fast.js'
import { createFlatReader } from './flat.js'
import { createGrouping, type Grouping } from './grouping.js'
import { type DebeziumRecord, headerOf, readRecord, type ValueRecord } from './record.js'
import { createShapes } from './rows.js'
import { createSignalFilter } from './signals.js'
import { type Origin, originOf, transactionMark } from './source.js'

export interface DebeziumOptions {
  /** Parses every line, which gives the same several times slower. */
  readonly parsesAll?: boolean | undefined
}

/** @throws corrupt with the line's number; unsupported for connectors and forms that are not read */
export async function* readDebezium(
  lines: AsyncIterable<FeedLine>,
  context: FeedContext,
  options: DebeziumOptions = {},
): AsyncGenerator<SourceTransaction> {
  const reader = createLineReader(context, options)
  for await (const line of lines) {
    if (reader.takeFast(line)) continue
    yield* reader.take(line)
  }
  yield* reader.finish()
}

interface LineReader {
  /** Takes in a line that ends no transaction; false for any other, which is to be taken. */
  takeFast(line: FeedLine): boolean
  take(line: FeedLine): Iterable<SourceTransaction>
  finish(): Iterable<SourceTransaction>
}

function createLineReader(context: FeedContext, { parsesAll }: DebeziumOptions): LineReader {
  const shapes = createShapes(context)
  const changes = createChangeReader(context, shapes)
  const flat = createFlatReader(context, shapes)
  const ddl = createSchemaChanges(context, shapes)
  const isSignal = createSignalFilter()
  const grouping: Grouping = createGrouping(context)
  const fast = createFastReader(context, { shapes, changes })
  let waiting: FastLine | undefined

  const withSchema = (event: ChangeEvent): readonly ChangeEvent[] => [...ddl.beforeRowsOf(event.table), event]

  function* takeFlat(rows: ReturnType<typeof flat.read>): Generator<SourceTransaction> {
    for (const { event, origin } of rows) yield* grouping.add(withSchema(event), origin)
  }
  function* takeValue(record: ValueRecord): Generator<SourceTransaction> {
    const mark = transactionMark(record)
    if (mark !== undefined) {
      yield* grouping.mark(mark)
    } else if (isEnvelope(record)) {
      flat.noteEnvelope(record.topic)
      if (record.value.op === 'm') return context.onIgnored('message')
      if (isSignal(record)) return context.onIgnored('signal')
      const origin = envelopeOrigin(record)
      yield* grouping.add(withSchema(changes.read(record, origin)), origin)
    } else if (isSchemaChange(record)) {
      const events = ddl.read(record)
      if (events.length > 0) yield* grouping.add(events, envelopeOrigin(record))
      else context.onIgnored('schema change record')
    } else if (isHeartbeat(record)) {
      context.onIgnored('heartbeat')
    } else if (flat.isRow(record)) {
      yield* takeFlat(flat.read(record))
    } else {
      context.onIgnored('record without a change')
    }
  }
  return {
    takeFast(line) {
      waiting = fast.read(line)
      if (waiting === undefined || waiting.kind === 'mark') return false
      if (waiting.kind === 'nothing') return true
      return grouping.append(waiting.event, waiting.origin)
    },
    *take(line) {
      if (waiting?.kind === 'change') return yield* grouping.add([waiting.event], waiting.origin)
      if (waiting?.kind === 'mark') return yield* grouping.mark(waiting.mark)
      const record = readRecord(line)
      if (record === undefined) return
      if (!hasValue(record)) return yield* takeFlat(flat.tombstone(record))
      yield* takeValue(record)
      if (parsesAll !== true) fast.learn(line, record)
    },
    *finish() {
      for (let left = flat.pending; left > 0; left--) context.onIgnored('tombstone')
      yield* grouping.finish()
    },
  }
}

function hasValue(record: DebeziumRecord): record is ValueRecord {
  return record.value !== undefined
}

/** A row may have a column `op`, but not with the other members. */
function isEnvelope({ value }: ValueRecord): boolean {
  if (typeof value.op !== 'string') return false
  return value.source !== undefined || value.after !== undefined || value.before !== undefined
}

function isHeartbeat({ topic, value }: ValueRecord): boolean {
  if (topic?.startsWith('__debezium-heartbeat') === true) return true
  const names = Object.keys(value)
  return names.length > 0 && names.every(name => /^ts_(ms|us|ns)$/.test(name))
}

function envelopeOrigin(record: ValueRecord): Origin {
  return {
    ...originOf(record),
    leaves: headerOf(record, '__debezium.newkey') !== undefined,
    arrives: headerOf(record, '__debezium.oldkey') !== undefined,
  }
}
