/**
 * Where a feed stands: the position of a source transaction's commit, never of a single change. Change
 * positions of interleaved transactions go backwards, commit positions do not.
 *
 *   lsn    PostgreSQL: end of the commit record, `0/1998A48`; `+n` after the first n rows of a snapshot that
 *          the connector read there
 *   line   feeds without transaction marks: number of a line, `line:1024`. It holds for this feed read from its
 *          first line, or for one that begins with the same lines
 */
import { LakeError } from '../base/errors.js'

export type FeedPosition =
  | { readonly kind: 'lsn'; readonly lsn: bigint; readonly rows?: number }
  | { readonly kind: 'line'; readonly line: number }

const LSN = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/
const POSITION = /^([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}|\d{1,20})(?:\+(\d+))?$/

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
  const match = POSITION.exec(text)
  if (match === null) {
    throw new LakeError('invalid-argument', 'a feed position is an LSN such as 0/1998A48, or line:<n>', {
      context: { position: text },
    })
  }
  const lsn = parseLsn(match[1] ?? '') ?? BigInt(match[1] ?? '')
  return match[2] === undefined ? { kind: 'lsn', lsn } : { kind: 'lsn', lsn, rows: Number(match[2]) }
}

export function printPosition(position: FeedPosition): string {
  if (position.kind === 'line') return `line:${position.line}`
  return printLsn(position.lsn) + (position.rows === undefined ? '' : `+${position.rows}`)
}

/**
 * True when a feed that stands at `reached` holds a change already. A transaction is passed as a whole by its
 * commit; lines pass changes one by one, for a feed may have ended inside of a transaction.
 */
export function isPassed(
  change: { readonly position: FeedPosition; readonly line: number },
  reached: FeedPosition,
): boolean {
  if (reached.kind === 'line') return change.line <= reached.line
  const { position } = change
  if (position.kind === 'line') return false
  if (position.lsn !== reached.lsn) return position.lsn < reached.lsn
  // The transaction that ends at an LSN comes before the snapshot rows that were read there.
  return (position.rows ?? 0) <= (reached.rows ?? 0)
}

/**
 * True for a transaction that belongs to a feed up to `until`, inclusive. An LSN without a count of rows includes
 * the whole snapshot read there.
 * @throws invalid-argument for an LSN where the feed's transactions have none
 */
export function isUpTo(
  transaction: { readonly position: FeedPosition; readonly lastLine: number },
  until: FeedPosition,
): boolean {
  if (until.kind === 'line') return transaction.lastLine <= until.line
  const { position } = transaction
  if (position.kind === 'line') {
    throw new LakeError(
      'invalid-argument',
      'the feed has no transaction records: its positions are line:<n>',
      {
        context: { until: printPosition(until), line: transaction.lastLine },
      },
    )
  }
  return isPassed({ position, line: transaction.lastLine }, { rows: Number.POSITIVE_INFINITY, ...until })
}
