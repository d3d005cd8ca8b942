/** Rows of text as chunks of columns: each field is decoded by the type of its column, once known by its place. */
import { isLakeError, LakeError } from '../../base/errors.js'
import { setBit } from '../../batch/bitmap.js'
import type { Bitmap } from '../../batch/column-batch.js'
import { grownBytes } from '../../batch/growable.js'
import { createVectorBuilder, type VectorBuilder } from '../../batch/vector-builder.js'
import { type BlockRows, INSERT } from '../change-block.js'
import { type Cell, type SourceTable, UNCHANGED } from '../change-event.js'
import { badOp, type DmsChunk, kindOfOp, type PoisonRow, textVector } from './chunk.js'
import type { DmsColumns, DmsLayout } from './layout.js'
import { microsOf, textDecoder } from './values.js'

export type Fields = readonly (string | null)[]

/** A record of a file. */
export interface TextRecord {
  readonly fields: Fields
  /** From 1. */
  readonly line: number
}

export interface ChunkBuilder {
  /** Rows since the last flush. */
  readonly length: number
  /** Characters of their values. */
  readonly sizeChars: number
  /** Takes a row of the file, counted from 1. One that cannot be read is kept aside. */
  add(record: TextRecord, fileRow: number): void
  flush(): DmsChunk
}

export interface ChunkBuilderOptions {
  readonly table: SourceTable
  readonly layout: DmsLayout
  readonly location: string
  /** Text of a value that the source did not supply. */
  readonly noSuppText: string | undefined
}

/** Rows that vectors have room for from the start. */
const CAPACITY_ROWS = 1024
const RAW_CHARS_MAX = 4096

export function createChunkBuilder(options: ChunkBuilderOptions): ChunkBuilder {
  const { table, layout, location, noSuppText } = options
  const rows = new CellRows(layout.rows, noSuppText)
  const old = new CellRows(layout.old, noSuppText)
  const hasOld = layout.old.columns.length > 0
  let kinds: number[] = []
  let fileRows: number[] = []
  let lines: number[] = []
  let poison: PoisonRow[] = []
  let sequences = layout.sequence < 0 ? undefined : createVectorBuilder({ kind: 'string' }, CAPACITY_ROWS)
  let committedAt: string | undefined

  const decode = (fields: Fields): number => {
    if (fields.length !== layout.width) throw wrongWidth(fields.length, options)
    const op = layout.op < 0 ? INSERT : kindOfOp(fields[layout.op] ?? null)
    if (op === undefined) throw badOp(fields[layout.op] ?? null, location)
    rows.decode(fields)
    if (hasOld && op !== INSERT) old.decode(fields)
    return op
  }
  return {
    get length() {
      return kinds.length + poison.length
    },
    get sizeChars() {
      return rows.sizeChars + old.sizeChars
    },
    add({ fields, line }, fileRow) {
      let kind: number
      try {
        kind = decode(fields)
      } catch (error) {
        if (!isLakeError(error)) throw error
        poison.push({ fileRow, line, error: atRow(error, { location, line }), raw: rawOf(fields) })
        return
      }
      rows.append()
      if (hasOld && kind !== INSERT) old.append()
      else if (hasOld) old.appendNulls()
      kinds.push(kind)
      fileRows.push(fileRow)
      lines.push(line)
      sequences?.append(fields[layout.sequence] ?? null)
      if (layout.timestamp >= 0) committedAt = fields[layout.timestamp] ?? undefined
    },
    flush() {
      const sequence = sequences?.finish()
      const chunk: DmsChunk = {
        table,
        kinds: Uint8Array.from(kinds),
        fileRows: Float64Array.from(fileRows),
        lines: Float64Array.from(lines),
        rows: rows.finish(),
        old: old.finish(),
        sequences: sequence && textVector(sequence),
        poison,
        committedMs: committedMs(committedAt),
      }
      kinds = []
      fileRows = []
      lines = []
      poison = []
      sequences &&= createVectorBuilder({ kind: 'string' }, CAPACITY_ROWS)
      return chunk
    },
  }
}

/** The milliseconds since 1970 of a time of a commit. */
export function committedMs(text: string | undefined): number | undefined {
  const micros = text === undefined ? undefined : microsOf(text)
  return micros === undefined ? undefined : Number(micros / 1000n)
}

function wrongWidth(fields: number, { location, layout }: ChunkBuilderOptions): LakeError {
  return new LakeError('corrupt', 'a line has another number of fields than the file has columns', {
    context: { location, fields, columns: layout.width },
  })
}

export function atRow(
  error: LakeError,
  place: { readonly location: string; readonly line: number },
): LakeError {
  return new LakeError(error.kind, error.message, {
    cause: error.cause,
    context: { ...error.context, ...place },
  })
}

function rawOf(fields: Fields): string {
  return JSON.stringify(fields).slice(0, RAW_CHARS_MAX)
}

/** Columns that grow by one row of decoded cells at a time. */
class CellRows {
  readonly #shape: DmsColumns
  readonly #decoders: readonly ((text: string) => Cell)[]
  readonly #cells: Cell[]
  readonly #noSuppText: string | undefined
  #builders: VectorBuilder[]
  #unchanged: (Bitmap | undefined)[] = []
  #unrepresentable: (Bitmap | undefined)[] = []
  #length = 0
  sizeChars = 0

  constructor(shape: DmsColumns, noSuppText: string | undefined) {
    this.#shape = shape
    this.#decoders = shape.columns.map(({ type }) => textDecoder(type))
    this.#cells = new Array<Cell>(shape.columns.length).fill(null)
    this.#noSuppText = noSuppText
    this.#builders = this.#newBuilders()
  }

  #newBuilders(): VectorBuilder[] {
    return this.#shape.columns.map(({ type }) => createVectorBuilder(type, CAPACITY_ROWS))
  }

  /** Decodes a row, to be appended when all of it could be. @throws corrupt naming the column */
  decode(fields: Fields): void {
    const { places } = this.#shape
    const cells = this.#cells
    for (let column = 0; column < places.length; column++) {
      const text = fields[places[column] as number] ?? null
      cells[column] = text === null ? null : this.#decodeField(column, text)
    }
  }

  #decodeField(column: number, text: string): Cell {
    if (text === this.#noSuppText) return UNCHANGED
    this.sizeChars += text.length
    try {
      return (this.#decoders[column] as (text: string) => Cell)(text)
    } catch (error) {
      if (!isLakeError(error)) throw error
      throw new LakeError(error.kind, error.message, {
        cause: error,
        context: { ...error.context, column: this.#shape.columns[column]?.name ?? '' },
      })
    }
  }

  append(): void {
    const cells = this.#cells
    for (let column = 0; column < cells.length; column++) {
      const cell = cells[column] as Cell
      const builder = this.#builders[column] as VectorBuilder
      if (typeof cell === 'symbol') {
        const marks = cell === UNCHANGED ? this.#unchanged : this.#unrepresentable
        marks[column] = withBit(marks[column], this.#length)
        builder.append(null)
      } else builder.append(cell)
    }
    this.#length += 1
  }

  appendNulls(): void {
    for (const builder of this.#builders) builder.append(null)
    this.#length += 1
  }

  finish(): BlockRows {
    const bytes = (this.#length + 7) >> 3
    const padded = (marks: readonly (Bitmap | undefined)[]): readonly (Bitmap | undefined)[] =>
      this.#shape.columns.map((_, column) => {
        const bits = marks[column]
        return bits === undefined ? undefined : grownBytes(bits, bytes)
      })
    const finished: BlockRows = {
      columns: this.#shape.columns,
      vectors: this.#builders.map(builder => builder.finish()),
      unchanged: padded(this.#unchanged),
      unrepresentable: padded(this.#unrepresentable),
    }
    this.#builders = this.#newBuilders()
    this.#unchanged = []
    this.#unrepresentable = []
    this.#length = 0
    this.sizeChars = 0
    return finished
  }
}

function withBit(bits: Bitmap | undefined, at: number): Bitmap {
  const grown = grownBytes(bits ?? new Uint8Array(16), (at >> 3) + 1)
  setBit(grown, at)
  return grown
}
