/**
 * Where the rows of a metadata table come from: columns that know how to make a value out of a source row (a
 * manifest entry, a snapshot, ...), and streams of such rows. Only the columns that are asked for are made, so a
 * listing of paths costs no statistics.
 */
import type { ColumnBatch } from '../../batch/column-batch.js'
import { createVectorBuilder } from '../../batch/vector-builder.js'
import type { Bound } from '../../expression/bind.js'
import type { Field, Value } from '../../schema/types.js'

export interface ReadOptions {
  /** Files read at the same time. */
  readonly concurrency: number
  /** Rows that it does not take need not be given; it is evaluated on those that are. */
  readonly filter: Bound
  /** Columns that the filter alone needs, with the ids of the fields inside that it looks at: others may be null. */
  readonly partly: ReadonlyMap<Field, ReadonlySet<number>>
  /** Rows that will be taken at most, if the filter takes all. */
  readonly limit: number
  readonly signal?: AbortSignal | undefined
}

/** A metadata table before columns are selected and rows filtered. */
export interface MetadataSource {
  readonly fields: readonly Field[]
  /** The rows as batches of some of the fields, in the order given. */
  read(columns: readonly Field[], options: ReadOptions): AsyncIterable<ColumnBatch>
}

/** A column of a metadata table that is made of source rows of one kind. */
export interface MetadataColumn<R> {
  readonly field: Field
  readonly cellOf: (row: R) => Value
}

/** Rows of a batch at most. */
export const BATCH_ROWS = 8192

/**
 * A table of source rows.
 * @param chunks the rows, in pieces of any size; told which columns will be made of them
 */
export function rowSource<R>(
  columns: readonly MetadataColumn<R>[],
  chunks: (wanted: readonly Field[], options: ReadOptions) => AsyncIterable<readonly R[]>,
): MetadataSource {
  return {
    fields: columns.map(column => column.field),
    async *read(wanted, options) {
      const made = wanted.flatMap(field => columns.filter(column => column.field === field))
      for await (const rows of chunks(wanted, options)) {
        for (let at = 0; at < rows.length; at += BATCH_ROWS)
          yield batchOfColumns(made, rows.slice(at, at + BATCH_ROWS))
      }
    },
  }
}

function batchOfColumns<R>(columns: readonly MetadataColumn<R>[], rows: readonly R[]): ColumnBatch {
  const vectors = columns.map(({ field, cellOf }) => {
    const builder = createVectorBuilder(field.type, rows.length)
    for (const row of rows) builder.append(cellOf(row))
    return builder.finish()
  })
  return { length: rows.length, fields: columns.map(column => column.field), columns: vectors }
}

/** A table whose rows are at hand. */
export function staticSource<R>(
  columns: readonly MetadataColumn<R>[],
  rows: () => readonly R[],
): MetadataSource {
  return rowSource(columns, async function* () {
    yield rows()
  })
}

/** An optional value as a stored one. */
export function orNull<T extends Value>(value: T | undefined): T | null {
  return value ?? null
}

/** A count or size as a value of type long. */
export function longOf(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value)
}

/** Milliseconds as a value of type timestamptz. */
export function microsOf(timestampMs: number): bigint {
  return BigInt(timestampMs) * 1000n
}

type Described = Pick<Field, 'id' | 'name' | 'type'> & { readonly doc?: string }

export function requiredField(field: Described): Field {
  return { ...field, required: true }
}

export function optionalField(field: Described): Field {
  return { ...field, required: false }
}
