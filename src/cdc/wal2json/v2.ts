/**
 * Format version 2 of wal2json: one JSON object a line.
 *
 *   {"action":"B", xid, timestamp, nextlsn}           begin
 *   {"action":"I"|"U"|"D", schema, table, columns:[{name,type,value}], identity:[...], pk:[{name,type}]}
 *   {"action":"T", schema, table}                     truncate
 *   {"action":"M", ...}                               logical message, ignored
 *   {"action":"C", xid, timestamp, nextlsn}           commit; `nextlsn` is the position of the transaction
 *
 * A big value that an update did not touch is missing from `columns`. Under replica identity FULL it stands
 * in `identity`, else the row keeps what it has. Numbers are bare and may exceed 64 bits and doubles, or text when the
 * capture has `numeric-data-types-as-string`; without that option NaN and infinity are null.
 */
import { isLakeError, type LakeError } from '../../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../../base/json.js'
import type { ChangeEvent, FeedContext, SourceTable, SourceTransaction } from '../change-event.js'
import { type FeedLine, isExactObject } from '../feed-lines.js'
import { createBytesReader } from './bytes.js'
import {
  type ChangeReader,
  createChangeReader,
  decodeCells,
  type KnownTable,
  lacks,
  type ShapedRow,
} from './changes.js'
import { NOT_UTF8, parsedOr, RECORD_V2, recordsIn, tableIn, textOfLine } from './records.js'
import {
  commitMs,
  corrupt,
  createTransactions,
  type EventOrigin,
  type LineReader,
  markOf,
  NOTHING,
} from './transactions.js'

export function createVersion2Reader(context: FeedContext): LineReader {
  const changes = createChangeReader(context)
  const transactions = createTransactions(context)
  /** What the last line of a feed may be: a record that was being written. */
  let unread: Unreadable | undefined

  const inBytes = createBytesReader(changes)

  const take = (record: FeedRecord): SourceTransaction | undefined => {
    if (record.kind === 'record') return takeMessage(record.message, record)
    if (record.kind === 'broken off') transactions.breakOff()
    else unread = record
    return undefined
  }
  const takeMessage = (message: ExactJsonObject, at: FeedLine): SourceTransaction | undefined => {
    switch (message.action) {
      case 'B':
        transactions.begin(markOf(message, at.number))
        return undefined
      case 'C':
        return transactions.end(markOf(message, at.number))
      case 'M':
        context.onIgnored('message')
        return undefined
      case 'I':
      case 'U':
      case 'D':
      case 'T':
        return transactions.add(readChange(message, at, changes), originOf(message))
      default:
        throw corrupt('a record has an unknown action', at.number)
    }
  }
  /** A record that is none, and not the last: it counts unless its transaction was broken off there. */
  const takeUnreadable = ({ error, text, number }: Unreadable): void => {
    const table = tableIn(text)
    if (text.startsWith('{"action":"M"')) context.onIgnored('message')
    else if (table !== undefined && transactions.isOpen) {
      transactions.add({ kind: 'poison', table, line: number, error, raw: text })
    } else if (transactions.isOpen || !text.startsWith('{"action":"B"')) transactions.addBroken(error)
  }
  /** What a line in the usual form ends; undefined for a line that has to be read as text. */
  const takeBytes = (bytes: Uint8Array, number: number): readonly SourceTransaction[] | undefined => {
    // Where no record began the transaction, the xids of changes tell where it ends.
    const event = transactions.isBegun ? inBytes.change(bytes, number) : undefined
    if (event !== undefined) {
      transactions.add(event)
      return NOTHING
    }
    const mark = inBytes.mark(bytes)
    if (mark?.action === 'C') return [transactions.end(markOf(mark, number))]
    if (mark !== undefined) transactions.begin(markOf({ nextlsn: mark.nextlsn }, number))
    return mark && NOTHING
  }
  return {
    read(line) {
      if (unread !== undefined) takeUnreadable(unread)
      unread = undefined
      const quick = line.bytes === undefined ? undefined : takeBytes(line.bytes, line.number)
      return quick ?? recordsOf(line).flatMap(record => take(record) ?? NOTHING)
    },
    finish() {
      if (unread !== undefined && !maybeCutOff(unread.text)) throw unread.error
      if (unread !== undefined) context.onIgnored('record without its end')
      return [transactions.finish()].flatMap(last => last ?? NOTHING)
    },
  }
}

const RECORD_BEGIN = '{"action":"'

/** Whether the text is the beginning of a record, and not something else. */
function maybeCutOff(text: string): boolean {
  return text.startsWith(RECORD_BEGIN) || RECORD_BEGIN.startsWith(text)
}

/** A record, with the line that it stands in and its own text. */
type FeedRecord =
  | (FeedLine & { readonly kind: 'record'; readonly message: ExactJsonObject })
  /** The beginning of a record, before another that begins in the same line. */
  | { readonly kind: 'broken off' }
  | Unreadable
type Unreadable = FeedLine & { readonly kind: 'unreadable'; readonly error: LakeError }

function recordsOf(line: FeedLine): readonly FeedRecord[] {
  const { text, error } = textOfLine(line)
  const { number } = line
  const record = error === undefined ? parseRecord({ number, text }) : undefined
  if (record?.kind === 'record') return [record]
  return recordsIn(text, RECORD_V2)
    .map(part => part.replace(/^[\s\0]+/, ''))
    .filter(part => part !== '')
    .map((part, index, parts) => {
      const isUnread = error !== undefined && part.includes(NOT_UTF8)
      const read = isUnread
        ? { kind: 'unreadable' as const, number, text: part, error }
        : parseRecord({ number, text: part })
      return read.kind === 'record' || index === parts.length - 1 ? read : { kind: 'broken off' }
    })
}

/** @throws corrupt for JSON that is no object */
function parseRecord({ number, text }: FeedLine): Exclude<FeedRecord, { kind: 'broken off' }> {
  const parsed = parsedOr(text, number)
  if (isLakeError(parsed)) return { kind: 'unreadable', number, text, error: parsed }
  if (!isExactObject(parsed)) throw corrupt('a line of the feed is not a JSON object', number)
  return { kind: 'record', number, text, message: parsed }
}

function originOf({ xid, timestamp }: ExactJsonObject): EventOrigin {
  return {
    xid: xid instanceof JsonNumber ? xid.text : undefined,
    committedMs: typeof timestamp === 'string' ? commitMs(timestamp) : undefined,
  }
}

function readChange(message: ExactJsonObject, at: FeedLine, changes: ChangeReader): ChangeEvent {
  const line = at.number
  const name = textOf(message.table, line)
  if (message.schema === undefined) throw lacks('include-schemas', { line })
  const source: SourceTable = { schema: textOf(message.schema, line), name }
  if (message.action === 'T') return { kind: 'truncate', table: source, line }
  const table = changes.table(source)
  try {
    return changes.event({
      kind: message.action === 'I' ? 'insert' : message.action === 'U' ? 'update' : 'delete',
      table,
      line,
      row: readRow(message.columns, { table, line }, changes),
      identity: readRow(message.identity, { table, line }, changes),
      pk:
        message.pk === undefined
          ? undefined
          : columnsOf(message.pk, line).map(({ name }) => textOf(name, line)),
      omitsNulls: false,
    })
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return { kind: 'poison', table: source, line, error, raw: at.text }
    throw error
  }
}

function readRow(
  list: ExactJson | undefined,
  about: { readonly table: KnownTable; readonly line: number },
  changes: ChangeReader,
): ShapedRow | undefined {
  if (list === undefined) return undefined
  const { line } = about
  const columns = columnsOf(list, line)
  const names = columns.map(({ name }) => textOf(name, line))
  const types = columns.map(({ type }) => (type === undefined ? undefined : textOf(type, line)))
  const shape = changes.shape(names, types, about)
  return {
    shape,
    cells: decodeCells(
      shape,
      columns.map(({ value }) => value ?? null),
      line,
    ),
  }
}

function columnsOf(value: ExactJson, line: number): readonly ExactJsonObject[] {
  if (!Array.isArray(value)) throw corrupt('a list of columns is not a list', line)
  return (value as readonly ExactJson[]).map(item => {
    if (!isExactObject(item)) throw corrupt('a column of the feed is not an object', line)
    return item
  })
}

function textOf(value: ExactJson | undefined, line: number): string {
  if (typeof value !== 'string') throw corrupt('a name of the feed is not text', line)
  return value
}
