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
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { type ExactJson, type ExactJsonObject, JsonNumber } from '../base/json.js'
import type {
  Cell,
  ChangeEvent,
  FeedContext,
  SourceColumn,
  SourceRow,
  SourceTable,
  SourceTransaction,
} from './change-event.js'
import { type FeedLine, parseFeedJson } from './feed-lines.js'
import { parseLsn } from './feed-position.js'
import {
  decodePostgresJson,
  icebergTypeOfPostgres,
  type PostgresType,
  parsePostgresType,
} from './postgres-types.js'

interface Shape {
  readonly columns: readonly SourceColumn[]
  readonly types: readonly PostgresType[]
}

/** @throws corrupt with the line's number; unsupported for format version 1 */
export async function* readWal2Json(
  lines: AsyncIterable<FeedLine>,
  context: FeedContext,
): AsyncGenerator<SourceTransaction> {
  const shapes = new Map<string, Shape>()
  let events: ChangeEvent[] | undefined
  for await (const line of lines) {
    const message = parseMessage(line)
    switch (message.action) {
      case 'B':
        events = []
        break
      case 'C':
        if (events === undefined) throw corrupt('a commit has no begin', line)
        yield { position: { kind: 'lsn', lsn: commitLsn(message, line) }, lastLine: line.number, events }
        events = undefined
        break
      case 'M':
        context.onIgnored('message')
        break
      case 'I':
      case 'U':
      case 'D':
      case 'T':
        if (events === undefined) throw corrupt('a change stands outside a transaction', line)
        events.push(readChange(message, line, shapes))
        break
      default:
        throw corrupt('a record has an unknown action', line)
    }
  }
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
  if (
    typeof parsed !== 'object' ||
    parsed === null ||
    Array.isArray(parsed) ||
    parsed instanceof JsonNumber
  ) {
    throw corrupt('a line of the feed is not a JSON object', line)
  }
  return parsed as ExactJsonObject
}

function readChange(message: ExactJsonObject, line: FeedLine, shapes: Map<string, Shape>): ChangeEvent {
  const table: SourceTable = { schema: textOf(message.schema, line), name: textOf(message.table, line) }
  if (message.action === 'T') return { kind: 'truncate', table }
  try {
    return readRowChange(message, table, line, shapes)
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return { kind: 'poison', table, line: line.number, error }
    throw error
  }
}

function readRowChange(
  message: ExactJsonObject,
  table: SourceTable,
  line: FeedLine,
  shapes: Map<string, Shape>,
): ChangeEvent {
  const keyColumns = listOf(message.pk, line).map(column => textOf(column.name, line))
  const columns = listOf(message.columns, line)
  const identity = listOf(message.identity, line)
  switch (message.action) {
    case 'I':
      return { kind: 'insert', table, keyColumns, row: readRow(columns, shapes, line) }
    case 'U': {
      const present = new Set(columns.map(column => column.name))
      const untouched = identity.filter(column => !present.has(column.name))
      const row = readRow(untouched.length === 0 ? columns : [...columns, ...untouched], shapes, line)
      if (identity.length === 0) return { kind: 'update', table, keyColumns, row }
      return { kind: 'update', table, keyColumns, row, oldKey: readRow(identity, shapes, line) }
    }
    default:
      return { kind: 'delete', table, keyColumns, key: readRow(identity, shapes, line) }
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
    const named = columns.map((column, index) => ({
      name: textOf(column.name, line),
      type: icebergTypeOfPostgres(types[index] as PostgresType),
    }))
    shape = { types, columns: named }
    shapes.set(signature, shape)
  }
  return shape
}

function commitLsn(message: ExactJsonObject, line: FeedLine): bigint {
  const lsn = typeof message.nextlsn === 'string' ? parseLsn(message.nextlsn) : undefined
  if (lsn === undefined) throw corrupt('a commit has no nextlsn; capture the feed with include-lsn', line)
  return lsn
}

function listOf(value: ExactJson | undefined, line: FeedLine): readonly ExactJsonObject[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) throw corrupt('a list of columns is not a list', line)
  return value as readonly ExactJsonObject[]
}

function textOf(value: ExactJson | undefined, line: FeedLine): string {
  if (typeof value !== 'string') throw corrupt('a name of the feed is not text', line)
  return value
}

function corrupt(message: string, line: FeedLine): LakeError {
  return new LakeError('corrupt', message, { context: { line: line.number } })
}
