/**
 * Parquet files of DMS as chunks. Columns whose type is the table's go on as they are; the others, which Parquet holds as
 * text or in another width, are read value by value.
 */
import { isLakeError, LakeError } from '../../base/errors.js'
import { setBit } from '../../batch/bitmap.js'
import { type Bitmap, type ColumnBatch, isPresent, type Vector } from '../../batch/column-batch.js'
import { valueAt } from '../../batch/values.js'
import { createVectorBuilder } from '../../batch/vector-builder.js'
import { openParquet } from '../../format/parquet/read.js'
import type { FileIO } from '../../io/file-io.js'
import type { Field, Type } from '../../schema/types.js'
import { type BlockRows, INSERT } from '../change-block.js'
import { type Cell, UNREPRESENTABLE } from '../change-event.js'
import { badOp, type DmsChunk, kindOfOp, type PoisonRow, takeChunk, textVector } from './chunk.js'
import { type DmsColumns, type DmsLayout, type LayoutOptions, namedLayout } from './layout.js'
import { atRow, committedMs } from './rows.js'
import { cellReader, type ReadCell } from './values.js'

const CHUNK_ROWS = 65_536

export interface ParquetOptions extends LayoutOptions {
  readonly io: FileIO
  readonly signal?: AbortSignal | undefined
}

/** @throws corrupt; unsupported for a column that does not fit the table; not-found, unavailable */
export async function* readParquetFile(options: ParquetOptions): AsyncGenerator<DmsChunk> {
  const { io, file, signal } = options
  const opened = await openParquet(io, file.location, { signal })
  const names = opened.fields.map(({ name }) => name)
  const layout = namedLayout(names, { ...options, fields: opened.fields })
  const read = chunkReader(layout, { ...options, fields: opened.fields })
  const columns = opened.fields.map((_, index) => index)
  for await (const { batch, firstRow } of opened.read({ columns, batchRows: CHUNK_ROWS }))
    yield read(batch, firstRow)
}

type FieldsOptions = ParquetOptions & { readonly fields: readonly Field[] }

function chunkReader(
  layout: DmsLayout,
  options: FieldsOptions,
): (batch: ColumnBatch, firstRow: number) => DmsChunk {
  const { source, file, fields } = options
  const rowReaders = readersOf(layout.rows, options)
  const oldReaders = readersOf(layout.old, options)
  return (batch, firstRow) => {
    const faults: Faults = new Map()
    const kinds = kindsOf(batch, { place: layout.op, location: file.location, faults })
    const rows = readRows(batch, { shape: layout.rows, readers: rowReaders, faults })
    // The before image of an insert is null, and nobody looks.
    const old = readRows(batch, { shape: layout.old, readers: oldReaders, faults: new Map() })
    const fileRows = Float64Array.from({ length: batch.length }, (_, row) => firstRow + row + 1)
    const sequences = layout.sequence < 0 ? undefined : textVector(batch.columns[layout.sequence] as Vector)
    const poison: PoisonRow[] = [...faults].map(([row, error]) => {
      const line = firstRow + row + 1
      return {
        fileRow: line,
        line,
        error: atRow(error, { location: file.location, line }),
        raw: rawOf(batch, row, fields),
      }
    })
    const chunk: DmsChunk = {
      table: source,
      kinds,
      fileRows,
      lines: fileRows,
      rows,
      old,
      sequences,
      poison,
      committedMs: lastCommit(batch, layout.timestamp, fields),
    }
    if (faults.size === 0) return chunk
    return takeChunk(
      chunk,
      Int32Array.from(fileRows.keys()).filter(row => !faults.has(row)),
    )
  }
}

/** Rows that cannot be read, by their index in the batch. */
type Faults = Map<number, LakeError>

function kindsOf(
  { columns, length }: ColumnBatch,
  { place, location, faults }: { readonly place: number; readonly location: string; readonly faults: Faults },
): Uint8Array {
  const kinds = new Uint8Array(length).fill(INSERT)
  const vector = columns[place]
  if (vector === undefined) return kinds
  if (vector.layout === 'dictionary') {
    const { codes, dictionary } = vector
    const kindOfCode = Int8Array.from(
      { length: dictionary.length },
      (_, code) => kindAt(dictionary, code) ?? -1,
    )
    for (let row = 0; row < length; row++) {
      const kind = isPresent(vector, row) ? (kindOfCode[codes[row] as number] as number) : -1
      if (kind >= 0) kinds[row] = kind
      else faults.set(row, badOp(opAt(vector, row), location))
    }
    return kinds
  }
  for (let row = 0; row < length; row++) {
    const kind = kindAt(vector, row)
    if (kind === undefined) faults.set(row, badOp(opAt(vector, row), location))
    else kinds[row] = kind
  }
  return kinds
}

function kindAt(vector: Vector, row: number): number | undefined {
  return kindOfOp(opAt(vector, row))
}

function opAt(vector: Vector, row: number): string | null {
  const op = valueAt(vector, { kind: 'string' }, row)
  return typeof op === 'string' ? op : null
}

/** By column: how its values are read; undefined when they are as they should be. */
function readersOf(
  { columns, places }: DmsColumns,
  { fields, file }: FieldsOptions,
): readonly (ReadCell | undefined)[] {
  return columns.map(({ name, type }, column) => {
    const from = fields[places[column] as number]?.type ?? type
    try {
      return isStoredAlike(from, type) ? undefined : cellReader(from, type)
    } catch (error) {
      if (!isLakeError(error)) throw error
      throw new LakeError(error.kind, error.message, {
        cause: error,
        context: { ...error.context, location: file.location, column: name },
      })
    }
  })
}

function isStoredAlike(from: Type, to: Type): boolean {
  const isInstant = (type: Type): boolean => type.kind === 'timestamp' || type.kind === 'timestamptz'
  if (isInstant(from) && isInstant(to)) return true
  if (from.kind === 'decimal' && to.kind === 'decimal')
    return from.scale === to.scale && from.precision <= to.precision
  return from.kind === to.kind && !['fixed', 'list', 'map', 'struct'].includes(from.kind)
}

function readRows(
  batch: ColumnBatch,
  options: {
    readonly shape: DmsColumns
    readonly readers: readonly (ReadCell | undefined)[]
    readonly faults: Faults
  },
): BlockRows {
  const { shape, readers, faults } = options
  const unrepresentable: (Bitmap | undefined)[] = []
  const vectors = shape.columns.map(({ type, name }, column) => {
    const vector = batch.columns[shape.places[column] as number] as Vector
    const read = readers[column]
    if (read === undefined) return vector
    const builder = createVectorBuilder(type, batch.length)
    for (let row = 0; row < batch.length; row++) {
      const cell = cellOf(vector, row, { read, name, faults })
      if (typeof cell === 'symbol') {
        const bits = unrepresentable[column] ?? new Uint8Array((batch.length + 7) >> 3)
        setBit(bits, row)
        unrepresentable[column] = bits
        builder.append(null)
      } else builder.append(cell)
    }
    return builder.finish()
  })
  return {
    columns: shape.columns,
    vectors,
    unchanged: [],
    unrepresentable: shape.columns.map((_, column) => unrepresentable[column]),
  }
}

function cellOf(
  vector: Vector,
  row: number,
  { read, name, faults }: { readonly read: ReadCell; readonly name: string; readonly faults: Faults },
): Cell {
  try {
    return read(vector, row)
  } catch (error) {
    if (!isLakeError(error)) throw error
    const { kind, message, context } = error
    faults.set(row, new LakeError(kind, message, { cause: error, context: { ...context, column: name } }))
    return UNREPRESENTABLE
  }
}

function lastCommit(
  { columns, length }: ColumnBatch,
  place: number,
  fields: readonly Field[],
): number | undefined {
  const vector = columns[place]
  const type = fields[place]?.type
  if (vector === undefined || type === undefined || length === 0) return undefined
  const value = valueAt(vector, type, length - 1)
  if (typeof value === 'bigint') return type.kind.startsWith('timestamp') ? Number(value / 1000n) : undefined
  return typeof value === 'string' ? committedMs(value) : undefined
}

function rawOf({ columns }: ColumnBatch, row: number, fields: readonly Field[]): string {
  const cells = fields.map(({ name, type }, column) => {
    const value = valueAt(columns[column] as Vector, type, row)
    return `${name}=${value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)}`
  })
  return cells.join(' ').slice(0, 4096)
}
