/**
 * Tables of manifest entries: manifests are walked one after the other, and the columns that are asked for are filled
 * on the way. A batch goes over the ends of manifests, so that many small ones do not make many small batches.
 */
import type { ColumnBatch } from '../../batch/column-batch.js'
import { located } from '../../format/located.js'
import type { EntryRows } from '../../manifest/entry-rows.js'
import type { OpenEntries } from '../../manifest/manifest-read.js'
import type { Field } from '../../schema/types.js'
import type { EntryColumn, EntryWriter } from './entry-columns.js'
import { BATCH_ROWS, type MetadataSource, type ReadOptions } from './metadata-source.js'

/** Bytes of manifests that a batch is made of at most: statistics of a wide table make long rows. */
const BATCH_SOURCE_BYTES = 2 ** 22

/** @param open the manifests, told for which columns of the table single statistics are needed */
export function entrySource(
  columns: readonly EntryColumn[],
  open: (options: ReadOptions, statisticsOf: readonly number[]) => AsyncIterable<OpenEntries>,
): MetadataSource {
  return {
    fields: columns.map(column => column.field),
    async *read(wanted, options) {
      const made = wanted.flatMap(field => columns.filter(column => column.field === field))
      const wantedIn = made.map(({ field }) => {
        const some = options.partly.get(field)
        return (fieldId: number): boolean => some === undefined || some.has(fieldId)
      })
      const statisticsOf = made.flatMap((column, at) => column.statisticsOf?.(wantedIn[at] ?? all) ?? [])
      const writers = made.map((column, at) => column.open(wantedIn[at] ?? all))
      const batches = batchMaker(wanted, writers, options)
      for await (const { rows, release } of open(options, [...new Set(statisticsOf)])) {
        try {
          for (;;) {
            const isMore = located(rows.manifest.location, () => batches.fill(rows))
            if (isMore || batches.isDue()) yield batches.finish()
            if (!isMore) break
          }
        } finally {
          release()
        }
      }
      if (batches.length > 0) yield batches.finish()
    },
  }
}

function all(): boolean {
  return true
}

interface BatchMaker {
  /** Rows of the batch so far. */
  readonly length: number
  /** Appends entries until the batch is full; false when there are no more. */
  fill(rows: EntryRows): boolean
  /** Whether the batch is not to wait for the next manifest. */
  isDue(): boolean
  finish(): ColumnBatch
}

function batchMaker(
  fields: readonly Field[],
  writers: readonly EntryWriter[],
  options: ReadOptions,
): BatchMaker {
  const isLimited = options.limit < Number.POSITIVE_INFINITY
  // Of a filter it is not known how many rows it takes.
  const rowsMax = options.filter.op === 'true' ? Math.min(BATCH_ROWS, options.limit) : BATCH_ROWS
  let length = 0
  let sourceBytes = 0
  return {
    get length() {
      return length
    },
    fill(rows) {
      let from = rows.walkedBytes
      while (length === 0 || (length < rowsMax && sourceBytes < BATCH_SOURCE_BYTES)) {
        if (!rows.next()) return false
        for (let at = 0; at < writers.length; at++) (writers[at] as EntryWriter).append(rows)
        length++
        const to = rows.walkedBytes
        sourceBytes += to - from
        from = to
      }
      return true
    },
    isDue: () => length > 0 && isLimited,
    finish() {
      const batch = { length, fields, columns: writers.map(writer => writer.finish()) }
      length = 0
      sourceBytes = 0
      return batch
    },
  }
}
