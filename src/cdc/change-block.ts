/**
 * Change feeds in columns: what the applying of a feed takes in, whatever the format was.
 *
 *   FeedBatch      whole source transactions, in commit order
 *     blocks       the changes of one source table, of one shape, in feed order; several blocks of a table are in order,
 *                  blocks of different tables are not
 *     marks        what is no change of a row: schema records and records that cannot be read
 *
 *   change i of a block
 *     kinds[i]  lines[i]  transactions[i]       transactions ascend, lines within a transaction do
 *     rows      row i                           the row as it is from now on; nothing for a truncate
 *     old       row oldRows[i], or -1           what the row was: the old key, the key it moved from, or the whole old row
 *
 * A delete names its row by the old image where it has one, else by its own row i: a file that has deletes and inserts in
 * the same columns becomes a block as it is. Everything is typed arrays or plain data, so a block can be made in a worker
 * and moved here; a reader of bytes and the builder of rows (`block-builder.ts`) fill the same form.
 */
import type { Bitmap, Vector } from '../batch/column-batch.js'
import type { PoisonEvent, ReadableEvent, SourceColumn, SourceTable } from './change-event.js'
import type { FeedPosition } from './feed-position.js'

/** A row that is there from now on; an older row of its key is replaced whole. */
export const INSERT = 0
/** A changed row; unchanged cells come from the row of the old key, or of its own key. */
export const UPDATE = 1
export const DELETE = 2
/** Every row goes. */
export const TRUNCATE = 3
/** An insert of a row that was deleted under its old key before, in this transaction; that row fills unchanged cells. */
export const MOVE = 4

/** Rows of a block in columns. All bitmaps may be absent, their lists shorter than `columns`. */
export interface BlockRows {
  /** The shape: names and types that the source has. */
  readonly columns: readonly SourceColumn[]
  /** One a column, all of one length, in the layouts of the columns' types; null where a bitmap below is set. */
  readonly vectors: readonly Vector[]
  /** By column: rows for which the feed does not say the value. An insert has null there. */
  readonly unchanged: readonly (Bitmap | undefined)[]
  /** By column: rows whose value Iceberg cannot hold. */
  readonly unrepresentable: readonly (Bitmap | undefined)[]
}

export interface ChangeBlock {
  readonly table: SourceTable
  /** As the feed names them; empty when it names none. */
  readonly keyColumns: readonly string[]
  /** The shape of `rows` is that of the source table then: a column that it lacks was dropped. */
  readonly isWhole: boolean
  readonly kinds: Uint8Array
  /** Lines of the feed, from 1. */
  readonly lines: Float64Array
  /** Index of each change's transaction in its batch, ascending. */
  readonly transactions: Uint32Array
  readonly rows: BlockRows
  readonly old: BlockRows
  /** Row of `old` for each change, ascending but for -1. */
  readonly oldRows: Int32Array
}

/** A source transaction without its changes. */
export interface FeedTransaction {
  readonly position: FeedPosition
  /** Line of the feed's last record of it, from 1. */
  readonly lastLine: number
  /** Changes and marks that it has. */
  readonly events: number
  /** When the source committed it, in ms since 1970. */
  readonly committedMs?: number | undefined
  /** Server and database that the feed names as its source. */
  readonly source?: string | undefined
}

export type SchemaEvent = Extract<ReadableEvent, { readonly kind: 'schema' }>

/** A record that is no change of a row. */
export interface FeedMark {
  readonly event: SchemaEvent | PoisonEvent
  /** Index of its transaction. */
  readonly transaction: number
  /** Blocks of the batch before it: those of its table that come first are among them, if it says something of columns. */
  readonly block: number
}

export interface FeedBatch {
  readonly transactions: readonly FeedTransaction[]
  readonly blocks: readonly ChangeBlock[]
  readonly marks: readonly FeedMark[]
}

export const NO_ROWS: BlockRows = { columns: [], vectors: [], unchanged: [], unrepresentable: [] }

/** Whether the bit of a row is set, in a bitmap that may be absent. */
export function isMarked(bits: Bitmap | undefined, row: number): boolean {
  return bits !== undefined && (((bits[row >> 3] as number) >> (row & 7)) & 1) === 1
}

/** Memory behind the changes of a block, about. */
export function blockBytes({ kinds, rows, old }: ChangeBlock): number {
  let bytes = kinds.length * 17
  for (const vector of [...rows.vectors, ...old.vectors]) bytes += vectorBytes(vector)
  return bytes
}

/** Dictionaries are shared, and so not counted. */
function vectorBytes(vector: Vector): number {
  const { length } = vector
  switch (vector.layout) {
    case 'fixed-width':
      return vector.values.BYTES_PER_ELEMENT * length
    case 'decimal':
      return 16 * length
    case 'fixed-bytes':
      return vector.widthBytes * length
    case 'var-bytes':
      return 4 * length + span(vector.offsets, length)
    case 'dictionary':
      return 4 * length
    case 'list':
      return 4 * length + 8 * span(vector.offsets, length)
    case 'map':
      return 4 * length + 16 * span(vector.offsets, length)
    case 'struct':
      return vector.children.reduce((sum, child) => sum + vectorBytes(child), 0)
    default:
      return length >> 3
  }
}

function span(offsets: Int32Array, length: number): number {
  return (offsets[length] ?? 0) - (offsets[0] ?? 0)
}
