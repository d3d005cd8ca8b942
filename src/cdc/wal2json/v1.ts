/**
 * Format version 1 of wal2json: one JSON object a transaction.
 *
 *   {"xid", "nextlsn", "timestamp", "change":[
 *     {"kind":"insert"|"update"|"delete", "schema", "table", "columnnames":[], "columntypes":[], "columnvalues":[],
 *      "pk":{"pknames":[],"pktypes":[]}, "oldkeys":{"keynames":[],"keytypes":[],"keyvalues":[]}},
 *     {"kind":"message", ...}]}
 *
 * The object stands in one line, or in many: a line a change with `write-in-chunks`, a line a member with `pretty-print`. So
 * the text is cut into changes before any of it is parsed, and a transaction of any size is never one text here.
 *
 * - No change has a position of its own; `nextlsn` is that of the commit.
 * - `oldkeys` leaves out columns that are null. Under REPLICA IDENTITY FULL what is missing from it was null, and a big
 *   value that stands in it but not in the new row was not touched. The columns of another index (REPLICA IDENTITY USING
 *   INDEX) look much the same: `wal2json/identity.ts` tells them apart.
 * - `pk` is missing where there is no primary key, where the capture lacks `include-pk`, and up to version 2.5 of the plugin
 *   where the identity is not the primary key. Until some change of the feed has one, a change whose identity is not plainly
 *   its whole row is refused.
 * - **TRUNCATE never appears**, whatever `actions` says: the plugin's code for it is switched off. A source whose tables are
 *   truncated has to be captured in version 2.
 * - A message outside of a transaction is an object of its own, without `xid` and `nextlsn`. The plugin may write a comma
 *   before it, where none belongs.
 */
import { isLakeError, type LakeError } from '../../base/errors.js'
import type { ExactJson, ExactJsonObject } from '../../base/json.js'
import { BACKSLASH, CLOSE_BRACE, OPEN_BRACE, QUOTE } from '../../base/json-chars.js'
import type { ChangeEvent, FeedContext, SourceTable, SourceTransaction } from '../change-event.js'
import { type FeedLine, isExactObject } from '../feed-lines.js'
import {
  type ChangeReader,
  createChangeReader,
  decodeCells,
  type KnownTable,
  lacks,
  type ShapedRow,
} from './changes.js'
import { NOT_UTF8, parsedOr, RECORD_V1, recordsIn, tableIn, textOfLine } from './records.js'
import {
  corrupt,
  createTransactions,
  type LineReader,
  markOf,
  NOTHING,
  type TransactionMark,
} from './transactions.js'

/** Whether a feed that begins with this line is of version 1. */
export function isVersion1(text: string): boolean {
  if (/^[\s\0]*\{\s*(?:"(?:xid|nextlsn|timestamp|origin|change)"\s*:|$)/.test(text)) return true
  return !text.includes('"action":"') && text.search(RECORD_V1) > 0
}

export function createVersion1Reader(context: FeedContext): LineReader {
  const transactions = createTransactions(context)
  const readChange = createVersion1Changes(context)
  const pieces = createPieceReader()
  let notUtf8: LakeError | undefined
  let mark: TransactionMark = { line: 0, lsn: undefined, committedMs: undefined }

  const takeChange = ({ text, line }: Extract<Piece, { kind: 'change' }>): void => {
    const event = readChange(text, line, text.includes(NOT_UTF8) ? notUtf8 : undefined)
    if (event === undefined) context.onIgnored('message')
    else if (mark.lsn === undefined) throw lacks('include-lsn', { line })
    else transactions.add(event)
  }
  return {
    read(line) {
      const ended: SourceTransaction[] = []
      const { number } = line
      const { text, error } = textOfLine(line)
      notUtf8 = error
      for (const part of recordsIn(text, RECORD_V1)) {
        for (const piece of pieces.take({ number, text: part })) {
          if (piece.kind === 'begin') {
            mark = markOf(piece.header, number)
            transactions.begin(mark)
          } else if (piece.kind === 'change') {
            takeChange(piece)
          } else if (piece.kind === 'end' && mark.lsn !== undefined) {
            ended.push(transactions.end({ ...mark, line: number }))
          } else {
            // Broken off, or messages only: those stand outside of transactions.
            transactions.breakOff()
          }
        }
      }
      return ended
    },
    finish() {
      if (pieces.isInside) context.onIgnored('transaction without its end')
      return NOTHING
    },
  }
}

type Piece =
  /** The members of a transaction before its changes. */
  | { readonly kind: 'begin'; readonly header: ExactJsonObject }
  | { readonly kind: 'change'; readonly text: string; readonly line: number }
  | { readonly kind: 'end' }
  /** Another transaction begins where this one has not ended. */
  | { readonly kind: 'broken off' }

interface PieceReader {
  readonly isInside: boolean
  /** @throws corrupt */
  take(line: FeedLine): Generator<Piece>
}

/** Where in a transaction the text stands. */
type Place = 'outside' | 'header' | 'between' | 'change' | 'trailer'

const BEGINS = /^\{(?:"(?:xid|nextlsn|timestamp|origin|change)":|$)/
/** Five members of a few digits, and the spaces between them. */
const HEADER_LENGTH_MAX = 1000
const SPACE = /[\s\0]*/y
const SPACE_OR_COMMA = /[\s,]*/y

function createPieceReader(): PieceReader {
  let place: Place = 'outside'
  /** Earlier lines of the header or the change. */
  let before = ''
  let change: ChangeScan = { depth: 0, inString: false }
  let changeLine = 0

  function* take({ number, text }: FeedLine): Generator<Piece> {
    if (place !== 'outside' && BEGINS.test(text)) {
      place = 'outside'
      change = { depth: 0, inString: false }
      yield { kind: 'broken off' }
    }
    if (change.inString) throw corrupt('a line of the feed is not valid JSON', number)
    for (let at = 0; at < text.length; ) {
      if (place === 'header' || place === 'change') {
        const end = place === 'header' ? text.indexOf('[', at) : endOfChange(text, at, change)
        if (end < 0) {
          before += `${text.slice(at)}\n`
          const isHeader = place === 'header'
          if (isHeader && (before.length > HEADER_LENGTH_MAX || isWholeObject(before)))
            throw noTransaction(number)
          return
        }
        const piece = before + text.slice(at, end)
        if (place === 'header') yield { kind: 'begin', header: headerOf(piece, number) }
        else yield { kind: 'change', text: piece, line: changeLine }
        at = place === 'header' ? end + 1 : end
        place = 'between'
        continue
      }
      at = skip(text, at, place === 'between' ? SPACE_OR_COMMA : SPACE)
      if (at === text.length) return
      const next = following(place, text[at])
      if (next === undefined) throw corrupt('a line of the feed is no part of a transaction', number)
      if (next === 'outside') yield { kind: 'end' }
      before = ''
      change = { depth: 0, inString: false }
      changeLine = number
      // What is opened by a brace has it as its first character.
      if (next === 'outside' || next === 'trailer') at += 1
      place = next
    }
  }
  return {
    get isInside() {
      return place !== 'outside'
    },
    take,
  }
}

/** Where a character leads. */
function following(place: Place, character: string | undefined): Place | undefined {
  if (place === 'outside') return character === '{' ? 'header' : undefined
  if (place === 'trailer') return character === '}' ? 'outside' : undefined
  return character === '{' ? 'change' : character === ']' ? 'trailer' : undefined
}

function skip(text: string, at: number, what: RegExp): number {
  what.lastIndex = at
  return at + (what.exec(text)?.[0].length ?? 0)
}

interface ChangeScan {
  depth: number
  inString: boolean
}

/** The index behind the brace that closes the change; -1 where the line ends before. */
function endOfChange(text: string, from: number, scan: ChangeScan): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (scan.inString) {
      if (code === BACKSLASH) at += 1
      else if (code === QUOTE) scan.inString = false
    } else if (code === QUOTE) scan.inString = true
    else if (code === OPEN_BRACE) scan.depth += 1
    else if (code === CLOSE_BRACE && --scan.depth === 0) return at + 1
  }
  return -1
}

/** The members before the changes, from text that ends with `"change":`. */
function headerOf(text: string, line: number): ExactJsonObject {
  const header = parsedOr(`${text}null}`, line)
  if (isLakeError(header)) throw header
  if (!isExactObject(header) || header.change !== null) throw noTransaction(line)
  return header
}

/** Text that ends like an object and is one, though no list of changes began in it. */
function isWholeObject(text: string): boolean {
  return /\}\s*$/.test(text) && !isLakeError(parsedOr(text, 0))
}

function noTransaction(line: number): LakeError {
  return corrupt('a line of the feed is no transaction', line)
}

/** Reads the text of a change, which may be known to be unreadable; undefined for a message. */
type ReadChange = (text: string, line: number, error: LakeError | undefined) => ChangeEvent | undefined

function createVersion1Changes(context: FeedContext): ReadChange {
  const changes = createChangeReader(context)
  let showsKeys = false
  return (text, line, error) => {
    const change = error ?? parsedOr(text, line)
    if (isLakeError(change)) {
      const table = tableIn(text)
      if (table !== undefined) return { kind: 'poison', table, line, error: change, raw: text }
      if (/^\{\s*"kind":\s?"message"/.test(text)) return undefined
      throw change
    }
    if (!isExactObject(change)) throw corrupt('a change of the feed is not an object', line)
    if (change.kind === 'message') return undefined
    showsKeys ||= change.pk !== undefined
    return readRowChange(change, { text, line, showsKeys }, changes)
  }
}

const KINDS: ReadonlySet<unknown> = new Set(['insert', 'update', 'delete'])

function readRowChange(
  change: ExactJsonObject,
  at: { readonly text: string; readonly line: number; readonly showsKeys: boolean },
  changes: ChangeReader,
): ChangeEvent {
  const { line } = at
  const kind = change.kind as 'insert' | 'update' | 'delete'
  if (!KINDS.has(kind) || typeof change.table !== 'string')
    throw corrupt('a change of the feed has no kind or table', line)
  if (typeof change.schema !== 'string') throw lacks('include-schemas', { line })
  const source: SourceTable = { schema: change.schema, name: change.table }
  const table = changes.table(source)
  const { columnnames, columntypes, columnvalues } = change
  try {
    const pk = memberOf(change.pk, line)
    const old = memberOf(change.oldkeys, line)
    return changes.event({
      kind,
      table,
      line,
      row: readRow([columnnames, columntypes, columnvalues], { table, line }, changes),
      identity: readRow([old?.keynames, old?.keytypes, old?.keyvalues], { table, line }, changes),
      pk: pk === undefined ? (at.showsKeys ? [] : undefined) : textsOf(pk.pknames, line),
      omitsNulls: true,
    })
  } catch (error) {
    if (isLakeError(error, 'corrupt')) return { kind: 'poison', table: source, line, error, raw: at.text }
    throw error
  }
}

function readRow(
  [names, types, values]: readonly (ExactJson | undefined)[],
  about: { readonly table: KnownTable; readonly line: number },
  changes: ChangeReader,
): ShapedRow | undefined {
  if (names === undefined && values === undefined) return undefined
  const { line } = about
  const columns = textsOf(names, line)
  const texts = types === undefined ? columns.map(() => undefined) : textsOf(types, line)
  const cells = listOf(values, line)
  if (texts.length !== columns.length || cells.length !== columns.length)
    throw corrupt('names, types and values of a change are not as many', line)
  const shape = changes.shape(columns, texts, about)
  return { shape, cells: decodeCells(shape, cells, line) }
}

function memberOf(value: ExactJson | undefined, line: number): ExactJsonObject | undefined {
  if (value === undefined || isExactObject(value)) return value
  throw corrupt('a member of a change is not an object', line)
}

function listOf(value: ExactJson | undefined, line: number): readonly ExactJson[] {
  if (!Array.isArray(value)) throw corrupt('a member of a change is not a list', line)
  return value as readonly ExactJson[]
}

function textsOf(value: ExactJson | undefined, line: number): readonly string[] {
  return listOf(value, line).map(item => {
    if (typeof item !== 'string') throw corrupt('a name of the feed is not text', line)
    return item
  })
}
