/**
 * Rows of a file into column batches. Avro stores row after row, so each row walks the steps of its fields: a column
 * takes its value, a field that nobody wants is stepped over. No row becomes an object.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import type { ColumnBatch, Vector } from '../../batch/column-batch.js'
import { type AvroColumn, Meter } from './column.js'
import type { BlockCursor } from './cursor.js'
import type { FileColumn } from './file-columns.js'
import { makeColumn } from './make-column.js'
import { skipOf } from './skip.js'

/** A batch ends behind the row with which its columns take so much. */
const BATCH_BYTES = 64 * 1024 * 1024
/** What the columns may take beyond that for the last row: so much, and so many times the bytes of its block. */
const ROW_BYTES = 64 * 1024 * 1024
const ROW_FACTOR = 32

/** What a row does at one of its fields. */
interface Step {
  read(cursor: BlockCursor): void
}

export interface RowDecoderOptions {
  /** Indexes into the columns, in the order that batches shall have. */
  readonly wanted: readonly number[]
  readonly batchRows: number
}

export class RowDecoder {
  readonly #fileColumns: readonly FileColumn[]
  readonly #wanted: readonly number[]
  readonly #batchRows: number
  readonly #meter = new Meter()
  readonly #columns: ReadonlyMap<number, AvroColumn>
  readonly #steps: readonly Step[]
  #rows = 0

  /** @throws unsupported when a wanted column cannot be read; invalid-argument when there is no such column */
  constructor(fileColumns: readonly FileColumn[], options: RowDecoderOptions) {
    this.#fileColumns = fileColumns
    this.#wanted = options.wanted
    this.#batchRows = options.batchRows
    this.#columns = new Map(
      options.wanted.map(index => [index, columnFor(fileColumns[index], this.#meter)] as const),
    )
    this.#steps = fileColumns.map(
      ({ stored }, index): Step => this.#columns.get(index) ?? { read: skipOf(stored) },
    )
  }

  /** Rows of the batch so far. */
  get rows(): number {
    return this.#rows
  }

  /** Whether the batch wants to be finished. */
  get isFull(): boolean {
    return this.#rows >= this.#batchRows || this.#meter.bytes > BATCH_BYTES
  }

  /**
   * Takes up to `count` rows, fewer when the batch is full before; returns how many.
   * @throws corrupt; unsupported when a row takes too much memory
   */
  decode(cursor: BlockCursor, count: number): number {
    const meter = this.#meter
    const steps = this.#steps
    const room = Math.min(count, this.#batchRows - this.#rows)
    meter.bytesMax = BATCH_BYTES + ROW_BYTES + ROW_FACTOR * cursor.bytes.length
    let taken = 0
    while (taken < room && meter.bytes <= BATCH_BYTES) {
      for (let at = 0; at < steps.length; at++) (steps[at] as Step).read(cursor)
      taken++
    }
    this.#rows += taken
    return taken
  }

  /** The batch; another begins. */
  finish(): ColumnBatch {
    const length = this.#rows
    const vectors = new Map([...this.#columns].map(([index, column]) => [index, column.finish()] as const))
    this.#rows = 0
    this.#meter.bytes = 0
    return {
      length,
      fields: this.#wanted.flatMap(index => this.#fileColumns[index]?.field ?? []),
      columns: this.#wanted.map(index => vectors.get(index) as Vector),
    }
  }
}

function columnFor(column: FileColumn | undefined, meter: Meter): AvroColumn {
  if (column === undefined) throw new LakeError('invalid-argument', 'the avro file has no such column')
  const { stored, field } = column
  try {
    return makeColumn(stored, field.type, meter)
  } catch (error) {
    if (!isLakeError(error)) throw error
    const context = { column: field.name, ...error.context }
    throw new LakeError(error.kind, error.message, { context, cause: error })
  }
}
