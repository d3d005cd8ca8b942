/**
 * wal2json format version 2: one JSON object a line.
 *
 *   {"action":"B", xid, nextlsn}                      begin
 *   {"action":"I"|"U"|"D", schema, table, columns:[{name,type,value}], identity:[...], pk:[{name,type}]}
 *   {"action":"T", schema, table}                     truncate
 *   {"action":"M", ...}                               logical message, ignored
 *   {"action":"C", xid, nextlsn}                      commit; `nextlsn` is the position of the transaction
 *
 * A big value that an update did not touch is missing from `columns`. Under replica identity FULL it stands
 * in `identity`, else the row keeps what it has. Numbers are bare and may exceed 64 bits and doubles.
 *
 * A transaction without its C is not handed on: who reads a slot again after a break gets it again, whole.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import type { ExactJson, ExactJsonObject } from '../base/json.js'
import type {
  Cell,
  ChangeEvent,
  FeedContext,
  SourceColumn,
  SourceRow,
  SourceTable,
  SourceTransaction,
} from './change-event.js'
import { type FeedLine, isExactObject, parseFeedJson } from './feed-lines.js'
import { parseLsn } from './feed-position.js'
import {
  decodePostgresJson,
  icebergTypeOfPostgres,
  type PostgresType,
  parsePostgresType,
} from './postgres-types.js'

/** The columns of a row and how their values read. */
interface Shape {
  readonly columns: readonly SourceColumn[]
  readonly types: readonly PostgresType[]
}

interface OpenTransaction {
  /** Undefined when the feed begins inside of the transaction. */
  readonly begin: { readonly lsn: bigint | undefined; readonly line: number } | undefined
  readonly events: ChangeEvent[]
}

/** @throws corrupt with the line's number; unsupported for format version 1 */
export async function* readWal2Json(
  lines: AsyncIterable<FeedLine>,
  context: FeedContext,
): AsyncGenerator<SourceTransaction> {
  const shapes = new Map<string, Shape>()
  let open: OpenTransaction | undefined
  let cutOff: OpenTransaction['begin']
  let isFirst = true
  for await (const line of lines) {
    const message = parseMessage(line)
    switch (message.action) {
      case 'B':
        if (open !== undefined && open.events.length > 0) cutOff = open.begin
        open = { begin: { lsn: lsnOf(message), line: line.number }, events: [] }
        isFirst = false
        break
      case 'C': {
        if (open === undefined) throw corrupt('a commit has no begin', line)
        const lsn = commitLsn(message, line)
        cutOff = checkSentAgain(cutOff, lsn)
        yield transactionOf(open, { lsn, line: line.number })
        open = undefined
        isFirst = false
        break
      }
      case 'M':
        context.onIgnored('message')
        break
      case 'I':
      case 'U':
      case 'D':
      case 'T':
        if (open === undefined && isFirst) open = { begin: undefined, events: [] }
        if (open === undefined) throw corrupt('a change stands outside of a transaction', line)
        open.events.push(readChange(message, line, shapes))
        break
      default:
        throw corrupt('a record has an unknown action', line)
    }
  }
  if (open !== undefined && open.events.length > 0) context.onIgnored('transaction without its end')
}

function transactionOf(
  open: OpenTransaction,
  end: { readonly lsn: bigint; readonly line: number },
): SourceTransaction {
  const events = open.begin === undefined ? open.events.map(headless) : open.events
  return { position: { kind: 'lsn', lsn: end.lsn }, lastLine: end.line, events }
}

/** An event of a transaction whose beginning the feed lacks: to be refused, unless it was applied before. */
function headless({ table, line }: ChangeEvent): ChangeEvent {
  const error = new LakeError('corrupt', 'the feed begins inside of a transaction', { context: { line } })
  return { kind: 'poison', table, line, error }
}

/** A transaction that was cut off has to come again before anything that committed after it. */
function checkSentAgain(cutOff: OpenTransaction['begin'], lsn: bigint): OpenTransaction['begin'] {
  if (cutOff?.lsn === undefined || lsn === cutOff.lsn) return undefined
  if (lsn < cutOff.lsn) return cutOff
  throw new LakeError('corrupt', 'a transaction of the feed has no end', { context: { line: cutOff.line } })
}

function parseMessage(line: FeedLine): ExactJsonObject {
  const parsed = parseLine(line)
  if (parsed.action === undefined && parsed.change !== undefined) {
    throw new LakeError(
      'unsupported',
      'the feed is wal2json format version 1, of which only version 2 is read',
      {
        context: { line: line.number },
      },
    )
  }
  return parsed
}

function parseLine(line: FeedLine): ExactJsonObject {
  const parsed = parseFeedJson(line)
  if (!isExactObject(parsed)) throw corrupt('a line of the feed is not a JSON object', line)
  return parsed
}

function readChange(message: ExactJsonObject, at: FeedLine, shapes: Map<string, Shape>): ChangeEvent {
  const table: SourceTable = { schema: textOf(message.schema, at), name: textOf(message.table, at) }
  const line = at.number
  if (message.action === 'T') return { kind: 'truncate', table, line }
  try {
    return readRowChange(message, { table, line: at }, shapes)
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return { kind: 'poison', table, line, error }
    throw error
  }
}

function readRowChange(
  message: ExactJsonObject,
  place: { readonly table: SourceTable; readonly line: FeedLine },
  shapes: Map<string, Shape>,
): ChangeEvent {
  const { line } = place
  const keyColumns = listOf(message.pk, line).map(column => textOf(column.name, line))
  const named = { table: place.table, line: line.number, keyColumns }
  const columns = listOf(message.columns, line)
  const identity = listOf(message.identity, line)
  switch (message.action) {
    case 'I':
      return { kind: 'insert', ...named, row: readRow(columns, shapes, line) }
    case 'U': {
      const sent = new Set(columns.map(column => column.name))
      const untouched = identity.filter(column => !sent.has(column.name))
      const row = readRow(untouched.length === 0 ? columns : [...columns, ...untouched], shapes, line)
      if (identity.length === 0) return { kind: 'update', ...named, row }
      return { kind: 'update', ...named, row, oldKey: readRow(identity, shapes, line) }
    }
    default:
      return { kind: 'delete', ...named, key: readRow(identity, shapes, line) }
  }
}

function readRow(columns: readonly ExactJsonObject[], shapes: Map<string, Shape>, line: FeedLine): SourceRow {
  const shape = shapeOf(columns, shapes, line)
  const cells: Cell[] = columns.map((column, index) => {
    const type = shape.types[index]
    return type === undefined ? null : decodeCell(type, column, line)
  })
  return { columns: shape.columns, cells }
}

function decodeCell(type: PostgresType, column: ExactJsonObject, line: FeedLine): Cell {
  try {
    return decodePostgresJson(type, column.value ?? null)
  } catch (cause) {
    if (!isLakeError(cause)) throw cause
    throw new LakeError(cause.kind, cause.message, {
      cause,
      context: { ...cause.context, column: textOf(column.name, line), line: line.number },
    })
  }
}

function shapeOf(columns: readonly ExactJsonObject[], shapes: Map<string, Shape>, line: FeedLine): Shape {
  let signature = ''
  for (const column of columns) signature += `${column.name}\u0000${column.type}\u0000`
  let shape = shapes.get(signature)
  if (shape === undefined) {
    const types = columns.map(column => parsePostgresType(textOf(column.type, line)))
    const named = columns.map(column => textOf(column.name, line))
    shape = {
      types,
      columns: types.map((type, index) => ({ name: named[index] ?? '', type: icebergTypeOfPostgres(type) })),
    }
    shapes.set(signature, shape)
  }
  return shape
}

function lsnOf(message: ExactJsonObject): bigint | undefined {
  return typeof message.nextlsn === 'string' ? parseLsn(message.nextlsn) : undefined
}

function commitLsn(message: ExactJsonObject, line: FeedLine): bigint {
  const lsn = lsnOf(message)
  if (lsn === undefined) throw corrupt('a commit has no nextlsn; capture the feed with include-lsn', line)
  return lsn
}

function listOf(value: ExactJson | undefined, line: FeedLine): readonly ExactJsonObject[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw corrupt('a list of columns is not a list', line)
  return (value as readonly ExactJson[]).map(item => {
    if (!isExactObject(item)) throw corrupt('a column of the feed is not an object', line)
    return item
  })
}

function textOf(value: ExactJson | undefined, line: FeedLine): string {
  if (typeof value !== 'string') throw corrupt('a name of the feed is not text', line)
  return value
}

function corrupt(message: string, line: FeedLine): LakeError {
  return new LakeError('corrupt', message, { context: { line: line.number } })
}
