/**
 * Lines of wal2json's format version 2 read from their bytes: no text of the line, no JSON tree.
 *
 *   {"action":"U","xid":7,"timestamp":"...","lsn":"0/1","schema":"public","table":"t","columns":[
 *     {"name":"id","type":"bigint","value":  1  },{"name":"note","type":"text","value":  "x"  }],"identity":[...],"pk":[...]}
 *
 * Between the values stand always the same bytes as long as rows have one shape. So a line is compared with the bytes of
 * the shape that came last, and only the values are read, each straight into its column's type. A row of another shape is
 * cut into names and types once, and its bytes remembered.
 *
 * This reader gives what the reader of text gives, or nothing: whatever is unusual - spaces, other members, a value that
 * does not fit - goes the slow way, which also finds the words for what is wrong.
 */
import { asBuffer } from '../../base/bytes.js'
import { isLakeError } from '../../base/errors.js'
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, COMMA, QUOTE, ZERO } from '../../base/json-chars.js'
import type { Cell, ChangeEvent } from '../change-event.js'
import type { ChangeReader, KnownTable, RowShape, ShapedRow } from './changes.js'
import { type Cursor, cellReaderFor, type ReadCell, readLiteral, readString, skipValue } from './tokens.js'

/** The beginning or the end of a transaction. */
export interface BytesMark {
  readonly action: 'B' | 'C'
  readonly timestamp?: string
  readonly nextlsn?: string
}

export interface BytesReader {
  /** The mark that the line is, if it is one. */
  mark(line: Uint8Array): BytesMark | undefined
  /** The change that the line is, if it is one. @throws invalid-argument, as the reader of text does */
  change(line: Uint8Array, number: number): ChangeEvent | undefined
}

/** A list of columns of one shape. */
interface ListForm {
  readonly shape: RowShape
  /** What stands before each value, and behind the last. */
  readonly between: readonly Uint8Array[]
  readonly readers: readonly ReadCell[]
}

interface TableForm {
  readonly table: KnownTable
  /** From `,"schema":"` to the quote behind the table's name. */
  readonly names: Uint8Array
  readonly lists: Map<string, ListForm>
  columns: ListForm | undefined
  identity: ListForm | undefined
  /** The primary key as it was written last, and its names. */
  pkBytes: Uint8Array | undefined
  pk: readonly string[]
}

const ACTION = Buffer.from('{"action":"')
const XID = Buffer.from('","xid":')
const TIMESTAMP = Buffer.from(',"timestamp":')
const ORIGIN = Buffer.from(',"origin":')
const LSN = Buffer.from(',"lsn":')
const NEXT_LSN = Buffer.from(',"nextlsn":')
const SCHEMA = Buffer.from(',"schema":')
const TABLE = Buffer.from(',"table":')
const COLUMNS = Buffer.from(',"columns":[')
const IDENTITY = Buffer.from(',"identity":[')
const PK = Buffer.from(',"pk":[')
const NAME = Buffer.from('{"name":')
const TYPE = Buffer.from(',"type":')
const VALUE = Buffer.from(',"value":')

const KINDS = new Map<number, 'insert' | 'update' | 'delete'>([
  [0x49, 'insert'],
  [0x55, 'update'],
  [0x44, 'delete'],
])
const TRUNCATE = 0x54
const BEGIN = 0x42
const COMMIT = 0x43

/** Forms that are remembered: more than that is no feed. */
const FORMS_MAX = 4096

export function createBytesReader(changes: ChangeReader): BytesReader {
  const tables = new Map<string, TableForm>()
  const cursor: Cursor = { bytes: Buffer.alloc(0), at: 0 }
  let last: TableForm | undefined

  const tableAt = (): TableForm | undefined => {
    if (last !== undefined && readLiteral(cursor, last.names)) return last
    const start = cursor.at
    if (!readLiteral(cursor, SCHEMA)) return undefined
    const schema = readString(cursor)
    if (schema === undefined || !readLiteral(cursor, TABLE)) return undefined
    const name = readString(cursor)
    if (name === undefined) return undefined
    const key = cursor.bytes.toString('latin1', start, cursor.at)
    let form = tables.get(key)
    if (form === undefined) {
      const names = copyOf(cursor.bytes, start, cursor.at)
      const table = changes.table({ schema, name })
      form = {
        table,
        names,
        lists: new Map(),
        columns: undefined,
        identity: undefined,
        pkBytes: undefined,
        pk: [],
      }
      if (tables.size >= FORMS_MAX) tables.clear()
      tables.set(key, form)
    }
    last = form
    return form
  }
  const readRow = (form: TableForm, member: 'columns' | 'identity', line: number): ShapedRow | undefined => {
    const start = cursor.at
    const expected = form[member]
    if (expected !== undefined) {
      const cells = readCells(cursor, expected)
      if (cells !== undefined) return { shape: expected.shape, cells }
      cursor.at = start
    }
    const found = listFormAt(cursor, form, { line, changes })
    if (found === undefined || found === expected) return undefined
    form[member] = found
    cursor.at = start
    const cells = readCells(cursor, found)
    return cells && { shape: found.shape, cells }
  }
  const readChange = (action: number, line: number): ChangeEvent | undefined => {
    const form = tableAt()
    if (form === undefined) return undefined
    const { table } = form
    if (action === TRUNCATE)
      return isAtEnd(cursor) ? { kind: 'truncate', table: table.source, line } : undefined
    const kind = KINDS.get(action)
    if (kind === undefined) return undefined
    let row: ShapedRow | undefined
    if (readLiteral(cursor, COLUMNS)) {
      row = readRow(form, 'columns', line)
      if (row === undefined) return undefined
    }
    let identity: ShapedRow | undefined
    if (readLiteral(cursor, IDENTITY)) {
      identity = readRow(form, 'identity', line)
      if (identity === undefined) return undefined
    }
    // Without the member the primary key is not known, and the slow way says so.
    if (!readLiteral(cursor, PK) || !readPk(cursor, form) || !isAtEnd(cursor)) return undefined
    return changes.event({ kind, table, line, row, identity, pk: form.pk, omitsNulls: false })
  }
  const actionOf = (line: Uint8Array): number => {
    cursor.bytes = Buffer.isBuffer(line) ? line : asBuffer(line)
    cursor.at = 0
    return readLiteral(cursor, ACTION) ? (cursor.bytes[cursor.at++] as number) : 0
  }
  return {
    mark(line) {
      const action = actionOf(line)
      if (action !== BEGIN && action !== COMMIT) return undefined
      const members = readMembers(cursor, true)
      if (members === undefined || !isAtEnd(cursor)) return undefined
      return { action: action === BEGIN ? 'B' : 'C', ...members }
    },
    change(line, number) {
      const action = actionOf(line)
      if (action !== TRUNCATE && !KINDS.has(action)) return undefined
      if (readMembers(cursor, false) === undefined) return undefined
      try {
        return readChange(action, number)
      } catch (error) {
        if (isLakeError(error, 'corrupt')) return undefined
        throw error
      }
    },
  }
}

interface Members {
  readonly timestamp?: string
  readonly nextlsn?: string
}

const NO_MEMBERS: Members = {}

/** The members before what a record is about; their text only where it is wanted. */
function readMembers(cursor: Cursor, isWanted: boolean): Members | undefined {
  if (readLiteral(cursor, XID)) {
    if (!skipDigits(cursor)) return undefined
  } else if (cursor.bytes[cursor.at++] !== QUOTE) return undefined
  const timestamp = readLiteral(cursor, TIMESTAMP) ? plainString(cursor) : NONE
  if (readLiteral(cursor, ORIGIN) && !skipDigits(cursor)) return undefined
  if (readLiteral(cursor, LSN) && plainString(cursor) === undefined) return undefined
  const nextlsn = readLiteral(cursor, NEXT_LSN) ? plainString(cursor) : NONE
  if (timestamp === undefined || nextlsn === undefined) return undefined
  if (!isWanted) return NO_MEMBERS
  return {
    ...(timestamp === NONE ? {} : { timestamp: textBetween(cursor, timestamp) }),
    ...(nextlsn === NONE ? {} : { nextlsn: textBetween(cursor, nextlsn) }),
  }
}

/** Where a string begins and ends; undefined for one that is not plain ASCII. */
type Range = readonly [start: number, end: number]
const NONE: Range = [0, 0]

function plainString(cursor: Cursor): Range | undefined {
  const { bytes } = cursor
  if (bytes[cursor.at] !== QUOTE) return undefined
  const start = cursor.at + 1
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) {
      cursor.at = at + 1
      return [start, at]
    }
    if (byte < 0x20 || byte > 0x7e || byte === BACKSLASH) return undefined
  }
  return undefined
}

function textBetween({ bytes }: Cursor, [start, end]: Range): string {
  return bytes.toString('latin1', start, end)
}

/** A count without leading zeros. */
function skipDigits(cursor: Cursor): boolean {
  const start = cursor.at
  const { bytes } = cursor
  let { at } = cursor
  while (at < bytes.length && (bytes[at] as number) >= ZERO && (bytes[at] as number) <= ZERO + 9) at += 1
  cursor.at = at
  return at === start + 1 || (at > start && bytes[start] !== ZERO)
}

function isAtEnd({ bytes, at }: Cursor): boolean {
  return bytes[at] === CLOSE_BRACE && at + 1 === bytes.length
}

/** The values of a row that has the form; undefined for one that has not, and for values that are not read here. */
function readCells(cursor: Cursor, { between, readers }: ListForm): Cell[] | undefined {
  const cells: Cell[] = []
  for (let index = 0; index < readers.length; index++) {
    if (!readLiteral(cursor, between[index] as Uint8Array)) return undefined
    const cell = (readers[index] as ReadCell)(cursor)
    if (cell === undefined) return undefined
    cells.push(cell)
  }
  return readLiteral(cursor, between[readers.length] as Uint8Array) ? cells : undefined
}

/** The form of the list at the cursor, which may end up anywhere; undefined for a list that is written otherwise. */
function listFormAt(
  cursor: Cursor,
  form: TableForm,
  about: { readonly changes: ChangeReader; readonly line: number },
): ListForm | undefined {
  const { bytes } = cursor
  const names: string[] = []
  const types: string[] = []
  const between: Uint8Array[] = []
  let from = cursor.at
  for (;;) {
    if (!readLiteral(cursor, NAME)) return undefined
    const name = readString(cursor)
    if (name === undefined || !readLiteral(cursor, TYPE)) return undefined
    const type = readString(cursor)
    if (type === undefined || !readLiteral(cursor, VALUE)) return undefined
    names.push(name)
    types.push(type)
    between.push(copyOf(bytes, from, cursor.at))
    if (!skipValue(cursor)) return undefined
    from = cursor.at
    const next = bytes[cursor.at + 1]
    if (bytes[cursor.at] !== CLOSE_BRACE || (next !== COMMA && next !== CLOSE_BRACKET)) return undefined
    cursor.at += 2
    if (next === CLOSE_BRACKET) break
  }
  between.push(copyOf(bytes, from, cursor.at))
  const key = between.map(part => Buffer.from(part).toString('latin1')).join('')
  let list = form.lists.get(key)
  if (list === undefined) {
    const shape = about.changes.shape(names, types, { table: form.table, line: about.line })
    list = { shape, between, readers: shape.types.map(cellReaderFor) }
    if (form.lists.size >= FORMS_MAX) form.lists.clear()
    form.lists.set(key, list)
  }
  return list
}

/** A copy, so that a form does not hold the memory of a whole chunk of the feed. */
function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, from, to)
}

/** The names of a primary key, from behind its opening bracket, into the table's form. */
function readPk(cursor: Cursor, form: TableForm): boolean {
  if (form.pkBytes !== undefined && readLiteral(cursor, form.pkBytes)) return true
  const start = cursor.at
  const names: string[] = []
  if (cursor.bytes[start] === CLOSE_BRACKET) cursor.at += 1
  else {
    for (;;) {
      if (!readLiteral(cursor, NAME)) return false
      const name = readString(cursor)
      if (name === undefined || (readLiteral(cursor, TYPE) && readString(cursor) === undefined)) return false
      names.push(name)
      if (cursor.bytes[cursor.at++] !== CLOSE_BRACE) return false
      const next = cursor.bytes[cursor.at++]
      if (next === CLOSE_BRACKET) break
      if (next !== COMMA) return false
    }
  }
  form.pkBytes = copyOf(cursor.bytes, start, cursor.at)
  form.pk = names
  return true
}
