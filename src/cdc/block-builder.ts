/**
 * From change events, a row each, to blocks: for formats that are read row by row.
 *
 * Rows of a table share a block while they fit its shape. A row that names some of the columns fits: what an update does
 * not name is unchanged, what an insert does not name is null. A row of further columns begins a block of its own, which
 * has the older columns too unless the row is whole - so two kinds of partial rows by turns end up in one shape.
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { setBit } from '../batch/bitmap.js'
import type { Bitmap } from '../batch/column-batch.js'
import { grownBytes } from '../batch/growable.js'
import { createVectorBuilder, type VectorBuilder } from '../batch/vector-builder.js'
import { sameType } from '../schema/schema.js'
import type { Value } from '../schema/types.js'
import {
  type BlockRows,
  type ChangeBlock,
  DELETE,
  type FeedBatch,
  type FeedMark,
  type FeedTransaction,
  INSERT,
  MOVE,
  TRUNCATE,
  UPDATE,
} from './change-block.js'
import {
  type ChangeEvent,
  type ReadableEvent,
  type SourceColumn,
  type SourceRow,
  type SourceTable,
  type SourceTransaction,
  UNCHANGED,
} from './change-event.js'

export interface BlockBuilder {
  /** Changes and marks since the last flush; a transaction without any counts as one. */
  readonly events: number
  /** Memory behind them, about. */
  readonly sizeBytes: number
  /** @throws invalid-argument, with the line, for a value that does not have the form of its column's type */
  add(transaction: SourceTransaction): void
  /** What was added since the last flush. */
  flush(): FeedBatch
}

/** A block grows no larger: a column cannot hold more than 2 GiB. */
const BLOCK_BYTES_MAX = 2 ** 28

export function createBlockBuilder(): BlockBuilder {
  let transactions: FeedTransaction[] = []
  let blocks: ChangeBlock[] = []
  let marks: FeedMark[] = []
  let open = new Map<string, OpenBlock>()
  let events = 0
  let sizeBytes = 0

  const close = (name: string): OpenBlock | undefined => {
    const block = open.get(name)
    if (block !== undefined && block.length > 0) blocks.push(block.finish())
    open.delete(name)
    return block
  }
  const blockFor = (name: string, change: RowChange): OpenBlock => {
    const block = open.get(name)
    if (block?.takes(change) === true) return block
    close(name)
    const next = new OpenBlock(change, block)
    open.set(name, next)
    return next
  }
  const addEvent = (event: ChangeEvent, transaction: number): void => {
    const name = `${event.table.schema}\u0000${event.table.name}`
    if (event.kind === 'poison' || event.kind === 'schema') {
      if (event.kind === 'schema') close(name)
      marks.push({ event, transaction, block: blocks.length })
      return
    }
    const change = changeOf(event)
    sizeBytes += blockFor(name, change).append(change, transaction)
  }
  return {
    get events() {
      return events
    },
    get sizeBytes() {
      return sizeBytes
    },
    add({ events: added, ...transaction }) {
      for (const event of added) addEvent(event, transactions.length)
      events += Math.max(1, added.length)
      transactions.push({ ...transaction, events: added.length })
    },
    flush() {
      for (const block of open.values()) if (block.length > 0) blocks.push(block.finish())
      const batch = { transactions, blocks, marks }
      transactions = []
      blocks = []
      marks = []
      open = new Map()
      events = 0
      sizeBytes = 0
      return batch
    },
  }
}

/** An event about rows, in the terms of a block. */
interface RowChange {
  readonly kind: number
  readonly table: SourceTable
  readonly line: number
  /** Undefined for a truncate, which fits any block. */
  readonly keyColumns: readonly string[] | undefined
  readonly row: SourceRow | undefined
  readonly old: SourceRow | undefined
}

function changeOf(event: Exclude<ReadableEvent, { kind: 'schema' }>): RowChange {
  const { table, line } = event
  switch (event.kind) {
    case 'insert': {
      const { row, keyColumns, movedFrom } = event
      return { kind: movedFrom === undefined ? INSERT : MOVE, table, line, keyColumns, row, old: movedFrom }
    }
    case 'update':
      return {
        kind: UPDATE,
        table,
        line,
        keyColumns: event.keyColumns,
        row: event.row,
        old: event.oldKey,
      }
    case 'delete':
      return { kind: DELETE, table, line, keyColumns: event.keyColumns, row: undefined, old: event.key }
    case 'truncate':
      return { kind: TRUNCATE, table, line, keyColumns: undefined, row: undefined, old: undefined }
  }
}

/** Bytes of a change beside its cells. */
const CHANGE_BYTES = 17

class OpenBlock {
  readonly #table: SourceTable
  #keyColumns: readonly string[] | undefined
  readonly #kinds: number[] = []
  readonly #lines: number[] = []
  readonly #transactions: number[] = []
  readonly #oldRows: number[] = []
  readonly #rows: RowsBuilder
  readonly #old: RowsBuilder
  #sizeBytes = 0

  /** A block for a change and those that follow; columns of the block before it are likely to come again. */
  constructor(change: RowChange, before: OpenBlock | undefined) {
    this.#table = change.table
    this.#keyColumns = change.keyColumns ?? (before === undefined ? undefined : before.#keyColumns)
    this.#rows = new RowsBuilder(change.row, before === undefined ? undefined : before.#rows)
    this.#old = new RowsBuilder(change.old, before === undefined ? undefined : before.#old)
  }

  get length(): number {
    return this.#kinds.length
  }

  takes({ keyColumns, row, old }: RowChange): boolean {
    if (this.#sizeBytes > BLOCK_BYTES_MAX) return false
    if (keyColumns !== undefined && !sameNames(keyColumns, this.#keyColumns ?? keyColumns)) return false
    return (row === undefined || this.#rows.takes(row)) && (old === undefined || this.#old.takes(old))
  }

  /** The bytes added, about. */
  append(change: RowChange, transaction: number): number {
    const { kind, line, row, old } = change
    try {
      this.#keyColumns ??= change.keyColumns
      this.#kinds.push(kind)
      this.#lines.push(line)
      this.#transactions.push(transaction)
      this.#oldRows.push(old === undefined ? -1 : this.#old.length)
      // A column that the old image lacks is one of which the feed does not say the value.
      let bytes = CHANGE_BYTES + this.#rows.append(row, { marksAbsent: kind !== INSERT })
      if (old !== undefined) bytes += this.#old.append(old, { marksAbsent: true })
      this.#sizeBytes += bytes
      return bytes
    } catch (error) {
      if (!isLakeError(error)) throw error
      throw new LakeError(error.kind, error.message, { cause: error, context: { ...error.context, line } })
    }
  }

  finish(): ChangeBlock {
    return {
      table: this.#table,
      keyColumns: this.#keyColumns ?? [],
      isWhole: this.#rows.isWhole,
      kinds: Uint8Array.from(this.#kinds),
      lines: Float64Array.from(this.#lines),
      transactions: Uint32Array.from(this.#transactions),
      rows: this.#rows.finish(),
      old: this.#old.finish(),
      oldRows: Int32Array.from(this.#oldRows),
    }
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, index) => name === b[index]))
}

/** Where the cells of rows of one shape go; undefined when they do not fit. */
type Placing = { readonly cellOf: Int32Array; readonly isExact: boolean } | undefined

class RowsBuilder {
  isWhole: boolean
  length = 0
  readonly #columns: readonly SourceColumn[]
  readonly #builders: readonly VectorBuilder[]
  readonly #unchanged: (Bitmap | undefined)[] = []
  readonly #unrepresentable: (Bitmap | undefined)[] = []
  readonly #placings = new Map<readonly SourceColumn[], Placing>()

  constructor(first: SourceRow | undefined, before: RowsBuilder | undefined) {
    this.isWhole = first?.isWhole === true
    this.#columns = shapeFor(first, before)
    this.#builders = this.#columns.map(column => createVectorBuilder(column.type))
  }

  takes(row: SourceRow): boolean {
    const placing = this.#placingOf(row.columns)
    return placing !== undefined && (placing.isExact || row.isWhole !== true)
  }

  /** Appends a row, or nothing but nulls; the bytes added, about. */
  append(row: SourceRow | undefined, options: { readonly marksAbsent: boolean }): number {
    const at = this.length++
    if (row === undefined) {
      for (const builder of this.#builders) builder.append(null)
      return 0
    }
    if (row.isWhole === true) this.isWhole = true
    const cellOf = this.#placingOf(row.columns)?.cellOf
    let bytes = 0
    for (let column = 0; column < this.#builders.length; column++) {
      const index = cellOf?.[column] ?? -1
      const cell = index < 0 ? (options.marksAbsent ? UNCHANGED : null) : (row.cells[index] ?? null)
      if (typeof cell === 'symbol') {
        const marks = cell === UNCHANGED ? this.#unchanged : this.#unrepresentable
        marks[column] = withBit(marks[column], at)
        this.#builders[column]?.append(null)
        continue
      }
      this.#builders[column]?.append(cell)
      bytes += cellBytes(cell)
    }
    return bytes
  }

  finish(): BlockRows {
    const padded = (marks: readonly (Bitmap | undefined)[]): readonly (Bitmap | undefined)[] =>
      this.#columns.map((_, column) => {
        const bits = marks[column]
        return bits === undefined ? undefined : grownBytes(bits, (this.length + 7) >> 3)
      })
    return {
      columns: this.#columns,
      vectors: this.#builders.map(builder => builder.finish()),
      unchanged: padded(this.#unchanged),
      unrepresentable: padded(this.#unrepresentable),
    }
  }

  get columns(): readonly SourceColumn[] {
    return this.#columns
  }

  #placingOf(columns: readonly SourceColumn[]): Placing {
    if (this.#placings.has(columns)) return this.#placings.get(columns)
    const placing = placingOf(columns, this.#columns)
    if (this.#placings.size < PLACINGS_MAX) this.#placings.set(columns, placing)
    return placing
  }
}

/** Formats reuse lists of columns; one that does not costs no memory. */
const PLACINGS_MAX = 64

function placingOf(columns: readonly SourceColumn[], shape: readonly SourceColumn[]): Placing {
  const cellOf = new Int32Array(shape.length).fill(-1)
  for (const [index, column] of columns.entries()) {
    const place = shape.findIndex(({ name }) => name === column.name)
    const known = shape[place]
    if (known === undefined || !(known.type === column.type || sameType(known.type, column.type)))
      return undefined
    cellOf[place] = index
  }
  return { cellOf, isExact: !cellOf.includes(-1) }
}

/** The columns of the row, and behind them those of the block before unless the row is whole or has them otherwise. */
function shapeFor(row: SourceRow | undefined, before: RowsBuilder | undefined): readonly SourceColumn[] {
  if (row === undefined) return before?.columns ?? []
  if (before === undefined || row.isWhole === true) return row.columns
  const further = before.columns.filter(({ name }) => !row.columns.some(column => column.name === name))
  return before.isWhole || further.length === 0 ? row.columns : [...row.columns, ...further]
}

function withBit(bits: Bitmap | undefined, at: number): Bitmap {
  const grown = grownBytes(bits ?? new Uint8Array(16), (at >> 3) + 1)
  setBit(grown, at)
  return grown
}

function cellBytes(cell: Value): number {
  if (typeof cell === 'string') return cell.length + 4
  if (cell instanceof Uint8Array) return cell.length + 4
  return Array.isArray(cell) ? 8 * cell.length + 4 : 8
}
