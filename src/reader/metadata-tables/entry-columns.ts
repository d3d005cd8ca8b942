/**
 * Columns that are made of manifest entries without an object for any: a writer copies its value of the entry under
 * the cursor from the manifest's bytes into a vector.
 */
import type { Vector } from '../../batch/column-batch.js'
import { BytesBuilder, LongBuilder, NumberBuilder, StringBuilder } from '../../batch/primitive-builders.js'
import { createVectorBuilder } from '../../batch/vector-builder.js'
import { required } from '../../format/avro-fields.js'
import { numberAt, varintEnd } from '../../format/avro-number.js'
import type { EntryMapBuilder, MapRoom } from '../../manifest/entry-maps.js'
import type { EntryRow } from '../../manifest/entry-rows.js'
import type { ManifestColumn } from '../../manifest/manifest-schema.js'
import type { Field, Value } from '../../schema/types.js'

/** Whether anybody looks at a field inside a column; the others may be null. */
export type IsWanted = (fieldId: number) => boolean

export interface EntryColumn {
  readonly field: Field
  open(isWanted: IsWanted): EntryWriter
  /** Columns of the table whose statistics the writer asks the cursor for; default none. */
  statisticsOf?(isWanted: IsWanted): readonly number[]
}

export interface EntryWriter {
  append(row: EntryRow): void
  /** The column of what was appended; what is appended then begins another. */
  finish(): Vector
}

/** Rows that a column has room for before it is known how many there are. */
const ROWS_MIN = 64

interface Finishing {
  finish(): Vector
}

/** A column that is filled by a function; `create` makes a builder with room for some rows. */
export function builtColumn<B extends Finishing>(
  field: Field,
  create: (rows: number) => B,
  append: (builder: B, row: EntryRow) => void,
): EntryColumn {
  return { field, open: () => builtWriter(create, append) }
}

function builtWriter<B extends Finishing>(
  create: (rows: number) => B,
  append: (builder: B, row: EntryRow) => void,
): EntryWriter {
  let builder = create(ROWS_MIN)
  return {
    append: row => append(builder, row),
    finish() {
      const vector = builder.finish()
      builder = create(Math.max(1, vector.length))
      return vector
    },
  }
}

/** A column of values that are made one by one: for few rows, or values that many rows share. */
export function valueColumn(field: Field, cellOf: (row: EntryRow) => Value): EntryColumn {
  return builtColumn(
    field,
    rows => createVectorBuilder(field.type, rows),
    (builder, row) => builder.append(cellOf(row)),
  )
}

/** A column of ints. */
export function intColumn(field: Field, numberOf: (row: EntryRow) => number | null): EntryColumn {
  return builtColumn(
    field,
    rows => new NumberBuilder(field.type, new Int32Array(rows)),
    (builder, row) => builder.append(numberOf(row)),
  )
}

/** A column of longs that are exact as numbers. */
export function countColumn(field: Field, countOf: (row: EntryRow) => number | undefined): EntryColumn {
  return builtColumn(
    field,
    rows => new LongBuilder(field.type, rows),
    (builder, row) => {
      const count = countOf(row)
      if (count === undefined) builder.append(null)
      else builder.appendNumber(count)
    },
  )
}

/** A column of texts as they are stored; `isOf` tells for which entries they mean something. */
export function textColumn(
  field: Field,
  stored: ManifestColumn,
  isOf: (row: EntryRow) => boolean = () => true,
): EntryColumn {
  return builtColumn(
    field,
    rows => new StringBuilder(field.type, rows),
    (builder, row) => {
      if (isOf(row) && appendStoredText(builder, row, stored)) return
      if (field.required) required(undefined, stored)
      builder.append(null)
    },
  )
}

/** False when the entry has none. */
function appendStoredText(builder: StringBuilder, { entry }: EntryRow, stored: ManifestColumn): boolean {
  const at = entry.at(stored)
  if (at >= 0) {
    const { bytes } = entry.block
    const begin = varintEnd(bytes, at)
    const end = begin + numberAt(bytes, at)
    if (isAscii(bytes, begin, end)) {
      builder.appendRange(bytes, begin, end)
      return true
    }
  }
  // Broken UTF-8 is mended on the way.
  const text = entry.text(stored)
  if (text !== undefined) builder.append(text)
  return text !== undefined
}

/** Arguments by position, as for all that is asked of every value. */
export function isAscii(bytes: Uint8Array, begin: number, end: number): boolean {
  let all = 0
  for (let at = begin; at < end; at++) all |= bytes[at] as number
  return all < 0x80
}

/** A column of bytes as they are stored. */
export function bytesColumn(field: Field, stored: ManifestColumn): EntryColumn {
  return builtColumn(
    field,
    rows => new BytesBuilder(field.type, rows),
    (builder, { entry }) => builder.append(entry.bytes(stored) ?? null),
  )
}

/** A column of maps by field id. */
export function mapColumn(field: Field, create: (room: MapRoom) => EntryMapBuilder): EntryColumn {
  return {
    field,
    open() {
      let builder = create({ rows: ROWS_MIN, pairs: ROWS_MIN, bytes: ROWS_MIN })
      return {
        append: ({ entry }) => builder.append(entry),
        finish() {
          const { room } = builder
          const vector = builder.finish()
          builder = create(room)
          return vector
        },
      }
    },
  }
}

/** A struct of columns; what nobody looks at inside is null. */
export function structColumn(field: Field, columns: readonly EntryColumn[]): EntryColumn {
  return {
    field,
    open: isWanted => structWriter(columns.map(column => openIfWanted(column, isWanted))),
    statisticsOf: isWanted =>
      columns.flatMap(column => (isWanted(column.field.id) ? (column.statisticsOf?.(isWanted) ?? []) : [])),
  }
}

export function openIfWanted(column: EntryColumn, isWanted: IsWanted): EntryWriter {
  return isWanted(column.field.id) ? column.open(isWanted) : nullWriter()
}

export function structWriter(writers: readonly EntryWriter[]): EntryWriter {
  let length = 0
  return {
    append(row) {
      for (let at = 0; at < writers.length; at++) (writers[at] as EntryWriter).append(row)
      length++
    },
    finish() {
      const vector: Vector = { layout: 'struct', length, children: writers.map(writer => writer.finish()) }
      length = 0
      return vector
    },
  }
}

function nullWriter(): EntryWriter {
  let length = 0
  return {
    append() {
      length++
    },
    finish() {
      const vector: Vector = { layout: 'null', length }
      length = 0
      return vector
    },
  }
}
