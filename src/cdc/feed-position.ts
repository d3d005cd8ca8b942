/**
 * Where a feed stands: the position of a source transaction's commit, never of a single change. Change
 * positions of interleaved transactions go backwards, commit positions do not.
 *
 *   lsn    PostgreSQL: end of the commit record, `0/1998A48`; `+n` after the first n rows of a snapshot that
 *          the connector read there
 *   binlog MySQL, MariaDB: where the last change of the transaction stands in the binary log, `bin.000001:878584`;
 *          `+n` after the first n rows of a snapshot that was read there. `:0+n` is a snapshot before any change,
 *          as far as line n.
 *          Logs follow each other by their number. Of two servers they do not compare, nor after RESET MASTER
 *   file   files of a target of DMS: see dms-position.ts
 *   line   feeds without transaction marks: number of a line, `line:1024`. It holds for this feed read from its
 *          first line, or for one that begins with the same lines
 */
import { LakeError } from '../base/errors.js'
import {
  type FilePosition,
  isFilePassed,
  isFileUpTo,
  parseFilePosition,
  printFilePosition,
  storedFilePosition,
  type TableName,
} from './dms/position.js'

export type FeedPosition =
  | { readonly kind: 'lsn'; readonly lsn: bigint; readonly rows?: number }
  | { readonly kind: 'binlog'; readonly file: string; readonly pos: number; readonly row?: number }
  | { readonly kind: 'line'; readonly line: number }
  | FilePosition

export type BinlogPosition = Extract<FeedPosition, { readonly kind: 'binlog' }>

const LSN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/
const POSITION = /^([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}|\d{1,20})(?:\+(\d+))?$/
/** A file's name ends with its number. */
const BINLOG = /^((?:.*\.)?\d{1,15}|):(\d{1,15})(?:\+(\d{1,15}))?$/

/** The number of a PostgreSQL log sequence number such as `0/1998A48`, or undefined. */
export function parseLsn(text: string): bigint | undefined {
  const match = LSN.exec(text)
  if (match === null) return undefined
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)
}

export function printLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`
}

/**
 * Reads a position as `printPosition` writes it; a decimal number is an LSN as Debezium writes it.
 * @throws invalid-argument
 */
export function parsePosition(text: string): FeedPosition {
  const line = /^line:(\d+)$/.exec(text)
  if (line !== null) return { kind: 'line', line: Number(line[1]) }
  const file = parseFilePosition(text)
  if (file !== undefined) return file
  const match = POSITION.exec(text)
  if (match === null) return parseBinlog(text) ?? raise(text)
  const lsn = parseLsn(match[1] ?? '') ?? BigInt(match[1] ?? '')
  return match[2] === undefined ? { kind: 'lsn', lsn } : { kind: 'lsn', lsn, rows: Number(match[2]) }
}

function raise(text: string): never {
  throw new LakeError(
    'invalid-argument',
    'a feed position is an LSN such as 0/1998A48, a place in a binary log such as bin.000001:4, file:<name>, or line:<n>',
    { context: { position: text } },
  )
}

/** `bin.000001:878584`, or undefined for other text. */
export function parseBinlog(text: string): BinlogPosition | undefined {
  const match = BINLOG.exec(text)
  if (match === null) return undefined
  const at = { kind: 'binlog' as const, file: match[1] ?? '', pos: Number(match[2]) }
  return match[3] === undefined ? at : { ...at, row: Number(match[3]) }
}

export function printPosition(position: FeedPosition): string {
  if (position.kind === 'line') return `line:${position.line}`
  if (position.kind === 'file') return printFilePosition(position)
  if (position.kind === 'binlog') {
    return `${position.file}:${position.pos}${position.row === undefined ? '' : `+${position.row}`}`
  }
  return printLsn(position.lsn) + (position.rows === undefined ? '' : `+${position.rows}`)
}

/** The position as the table of a source table stores it; `parsePosition` reads it. */
export function storedPosition(position: FeedPosition, table: TableName): string {
  return position.kind === 'file' ? storedFilePosition(position, table) : printPosition(position)
}

/**
 * True when a feed that stands at `reached` holds a change already. A transaction is passed as a whole by its
 * commit; lines pass changes one by one, for a feed may have ended inside of a transaction.
 * @throws invalid-argument for positions that do not compare: of two servers, or of two kinds of feed
 */
export function isPassed(
  change: { readonly position: FeedPosition; readonly line: number },
  reached: FeedPosition,
): boolean {
  if (reached.kind === 'line') return change.line <= reached.line
  const { position } = change
  if (position.kind === 'line') {
    // A snapshot before any change is counted in lines.
    return reached.kind === 'binlog' && reached.file === '' && change.line <= (reached.row ?? 0)
  }
  if (position.kind === 'file' && reached.kind === 'file') return isFilePassed(position, reached)
  if (position.kind === 'binlog' && reached.kind === 'binlog') return compareBinlog(position, reached) <= 0
  if (position.kind !== 'lsn' || reached.kind !== 'lsn') throw notComparable(position, reached)
  if (position.lsn !== reached.lsn) return position.lsn < reached.lsn
  // The transaction that ends at an LSN comes before the snapshot rows that were read there.
  return (position.rows ?? 0) <= (reached.rows ?? 0)
}

/**
 * Negative, zero or positive, as `a` is before, at or after `b`. Files compare by their number, whatever the count of
 * its digits; the transaction that ends at a place comes before the snapshot rows that were read there.
 * @throws invalid-argument for logs of different names
 */
export function compareBinlog(a: BinlogPosition, b: BinlogPosition): number {
  if (a.file !== b.file) {
    const [fileA, fileB] = [logFile(a.file), logFile(b.file)]
    if (a.file === '' || b.file === '') return a.file === '' ? -1 : 1
    if (fileA.base !== fileB.base) throw notComparable(a, b)
    if (fileA.number !== fileB.number) return fileA.number - fileB.number
  }
  return a.pos === b.pos ? (a.row ?? 0) - (b.row ?? 0) : a.pos - b.pos
}

function logFile(name: string): { readonly base: string; readonly number: number } {
  const divider = name.lastIndexOf('.')
  return { base: name.slice(0, divider + 1), number: Number(name.slice(divider + 1)) }
}

function notComparable(a: FeedPosition, b: FeedPosition): LakeError {
  return new LakeError('invalid-argument', 'the feed and the table have positions of different logs', {
    context: {
      feed: printPosition(a),
      table: printPosition(b),
      remedy: 'say with --reset-position where the tables stand',
    },
  })
}

/**
 * True for a transaction that belongs to a feed up to `until`, inclusive. A position without a count of rows
 * includes the whole snapshot read there.
 * @throws invalid-argument for an LSN where the feed's transactions have none
 */
export function isUpTo(
  transaction: { readonly position: FeedPosition; readonly lastLine: number },
  until: FeedPosition,
): boolean {
  if (until.kind === 'line') return transaction.lastLine <= until.line
  const { position } = transaction
  if (position.kind === 'file' && until.kind === 'file') return isFileUpTo(position, until)
  if (position.kind === 'line') {
    throw new LakeError(
      'invalid-argument',
      'the feed has no transaction records: its positions are line:<n>',
      {
        context: { until: printPosition(until), line: transaction.lastLine },
      },
    )
  }
  const whole =
    until.kind === 'binlog' ? { row: Number.POSITIVE_INFINITY } : { rows: Number.POSITIVE_INFINITY }
  return isPassed({ position, line: transaction.lastLine }, { ...whole, ...until })
}
