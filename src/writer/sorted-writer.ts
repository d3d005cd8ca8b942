/**
 * Writes rows as data files that are sorted by the table's sort order, and clustered by partition, as the table's
 * `write.distribution-mode` asks:
 *
 * | table | rows are written |
 * |---|---|
 * | with a sort order | by partition, then by the order: in one process all modes come to the same |
 * | without, partitioned, `hash` | by partition, in the order of their first rows: one open file, whatever their number |
 * | without, partitioned, `range` | by partition, in the order of their values |
 * | without, `none` or nothing said | as they come, fanned out (`data-writer.ts`) |
 *
 * Rows that come in that order are written as they come. Others are sorted in memory, and over a limit by
 * runs in a spill file. The files name the order that their rows have, or 0.
 * @see Iceberg table spec, "Sort Orders"; documentation, `write.distribution-mode`
 */
import { present } from '../base/assert.js'
import type { ColumnBatch } from '../batch/column-batch.js'
import {
  compareSortKeys,
  isSortable,
  isSorted,
  type SortKeys,
  type SortTerm,
  sortKeys,
} from '../batch/sort-keys.js'
import { transformVector } from '../batch/transform-vector.js'
import { batchBytes } from '../format/parquet/shared-vector.js'
import type { DataFile } from '../manifest/content-file.js'
import { defaultSortOrder } from '../metadata/lookup.js'
import { distributionMode } from '../metadata/properties.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { inStructsOnly, isUnpartitioned } from '../schema/partition.js'
import { fieldById } from '../schema/schema.js'
import { type SortField, type SortOrder, UNSORTED } from '../schema/sort-order.js'
import { canTransform, transformResultType } from '../schema/transform.js'
import type { Schema } from '../schema/types.js'
import {
  conformBatch,
  type DataWriter,
  type DataWriterOptions,
  openDataWriter,
  writerFields,
} from './data-writer.js'
import { openExternalSort } from './external-sort.js'
import { columnOf, createPartitioner, type Partitioner } from './partitioner.js'

const SORT_BYTES_MAX = 2 ** 26

export interface SortedWriterOptions extends DataWriterOptions {
  /** Rows held before they are spilled; default 64 MiB. */
  readonly sortBytesMax?: number | undefined
  /** Default: the system's folder for temporary files. */
  readonly spillFolder?: string | undefined
}

/** A writer of rows in the order that the table asks for. @throws as `openDataWriter` */
export function openSortedWriter(options: SortedWriterOptions): DataWriter {
  const { metadata, schema, spec } = options
  const sortOrder = appliedSortOrder(metadata, schema)
  const mode = distributionMode(metadata)
  const partitioner = createPartitioner(spec, schema)
  if (sortOrder !== UNSORTED) {
    const terms = (batch: ColumnBatch): readonly SortTerm[] => [
      ...partitionTerms(partitioner, batch),
      ...sortOrder.fields.map(field => sortTerm(field, batch)),
    ]
    return sortedWriter({ ...options, sortOrderId: sortOrder.orderId }, terms)
  }
  if (isUnpartitioned(spec) || mode === undefined || mode === 'none') return openDataWriter(options)
  if (mode === 'range') return sortedWriter(options, batch => partitionTerms(partitioner, batch))
  return sortedWriter(options, arrivalTerms(partitioner))
}

/** The table's order when rows can be sorted by all of it, else none. */
function appliedSortOrder(metadata: TableMetadata, schema: Schema): SortOrder {
  const order = defaultSortOrder(metadata)
  const applies = order.fields.every(({ sourceId, transform }) => {
    const type = fieldById(schema, sourceId)?.type
    if (type === undefined || !inStructsOnly(schema, sourceId)) return false
    return canTransform(transform, type) && isSortable(transformResultType(transform, type))
  })
  return applies && order.fields.length > 0 ? order : UNSORTED
}

type Terms = (batch: ColumnBatch) => readonly SortTerm[]

function sortedWriter(options: SortedWriterOptions, terms: Terms): DataWriter {
  const { io, schema, signal, spillFolder, sortBytesMax = SORT_BYTES_MAX } = options
  const fields = writerFields(options)
  const keysOf = (batch: ColumnBatch): SortKeys => sortKeys(terms(batch), batch.length)
  const sort = openExternalSort({ fields, keysOf, heldBytesMax: sortBytesMax, spillFolder, signal })
  const open = (): DataWriter => openDataWriter({ ...options, clustered: true })
  const inOrder = createOrderWatch()
  let writer = open()
  const done: DataFile[] = []
  /** Rows in order that are not written yet. */
  let waiting: ColumnBatch[] = []
  let waitingBytes = 0
  let rowCount = 0

  /** Rows out of order: from here on they are sorted, and go into files of their own. */
  const beginToSort = async (): Promise<void> => {
    const rows = waiting
    waiting = []
    for (const batch of rows) await sort.add(batch)
    if (writer.rowCount === 0) return
    done.push(...(await writer.close()))
    writer = open()
  }
  const writeWaiting = async (): Promise<void> => {
    const rows = waiting
    waiting = []
    waitingBytes = 0
    for (const batch of rows) await writer.write(batch)
  }
  return {
    get rowCount() {
      return rowCount
    },
    async write(batch) {
      const rows = conformBatch(batch, schema, fields)
      rowCount += rows.length
      const wasInOrder = inOrder.holds
      if (wasInOrder) inOrder.add(keysOf(rows))
      if (inOrder.holds) {
        waiting.push(rows)
        waitingBytes += batchBytes(rows)
        if (waitingBytes >= sortBytesMax) await writeWaiting()
        return
      }
      if (wasInOrder) await beginToSort()
      await sort.add(rows)
    },
    async close() {
      await writeWaiting()
      for await (const batch of sort.sorted()) await writer.write(batch)
      await sort.close()
      return [...done, ...(await writer.close())]
    },
    async abort() {
      waiting = []
      await sort.close()
      await writer.abort()
      const written = done.splice(0).map(file => file.location)
      if (written.length > 0) await io.delete(written)
    },
  }
}

/** Watches whether rows come in order. */
function createOrderWatch(): { readonly holds: boolean; add(keys: SortKeys): void } {
  let holds = true
  let last: SortKeys | undefined
  return {
    get holds() {
      return holds
    },
    add(keys) {
      if (keys.length === 0) return
      const follows = last === undefined || compareSortKeys(last, last.length - 1, keys, 0) <= 0
      holds = follows && isSorted(keys)
      last = keys
    },
  }
}

/** Partitions in the order in which their first rows come, so that rows that are clustered already are in order. */
function arrivalTerms(partitioner: Partitioner): Terms {
  const ranks = new Map<string, number>()
  return batch => {
    const values = new Int32Array(batch.length)
    for (const { key, selection } of partitioner.places(batch)) {
      const rank = ranks.get(key) ?? ranks.size
      ranks.set(key, rank)
      for (const row of selection) values[row] = rank
    }
    const vector = { layout: 'fixed-width', length: batch.length, values } as const
    return [{ type: { kind: 'int' }, vector, direction: 'asc', nulls: 'first' }]
  }
}

/** Partitions in the order of their values, nulls first. */
function partitionTerms(partitioner: Partitioner, batch: ColumnBatch): readonly SortTerm[] {
  return partitioner
    .columns(batch)
    .map(({ type, vector }) => ({ type, vector, direction: 'asc', nulls: 'first' }))
}

function sortTerm({ sourceId, transform, direction, nullOrder }: SortField, batch: ColumnBatch): SortTerm {
  const { type, vector } = present(columnOf(sourceId, batch), 'the column that rows are sorted by')
  return {
    type: transformResultType(transform, type),
    vector: transformVector(transform, type, vector),
    direction,
    nulls: nullOrder === 'nulls-first' ? 'first' : 'last',
  }
}
