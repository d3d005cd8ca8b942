/**
 * The statistics of the entry under a cursor as predicates look at them, decoded when they are asked for, once an
 * entry. What is said of bounds in `bounds.ts` holds here.
 */
import type { ColumnStatistics, StatisticsOf } from '../expression/statistics.js'
import { indexFields } from '../schema/schema.js'
import { parseBounds } from '../schema/stored-bounds.js'
import { isPrimitive, type PrimitiveType, type Schema } from '../schema/types.js'
import type { EntryCursor } from './entry-cursor.js'
import { statisticsRow } from './entry-layout.js'

export interface EntryStatistics {
  /** Forgets what was decoded for the entry before. */
  next(): void
  /** Of the columns that the cursor was made with and that are primitive in the schema. */
  readonly statisticsOf: StatisticsOf
}

interface KnownColumn {
  readonly index: number
  readonly type: PrimitiveType
  entry: number
  statistics: ColumnStatistics
}

const VALUE_COUNTS = statisticsRow('valueCounts')
const NULL_COUNTS = statisticsRow('nullValueCounts')
const NAN_COUNTS = statisticsRow('nanValueCounts')
const LOWER = statisticsRow('lowerBounds')
const UPPER = statisticsRow('upperBounds')

const NONE: ColumnStatistics = {}

/** The statistics of whatever entry the cursor is at. */
export function entryStatistics(entry: EntryCursor, schema: Schema): EntryStatistics {
  const columns = new Map<number, KnownColumn>()
  const fields = indexFields(schema)
  entry.columns.forEach((id, index) => {
    const type = fields.get(id)?.type
    if (type !== undefined && isPrimitive(type)) columns.set(id, { index, type, entry: -1, statistics: NONE })
  })
  let current = 0
  return {
    next() {
      current++
    },
    statisticsOf(fieldId) {
      const column = columns.get(fieldId)
      if (column === undefined) return undefined
      if (column.entry !== current) {
        column.entry = current
        column.statistics = decode(entry, column)
      }
      return column.statistics
    },
  }
}

function decode(entry: EntryCursor, { index, type }: KnownColumn): ColumnStatistics {
  const lowerAt = entry.statisticAt(LOWER, index)
  const upperAt = entry.statisticAt(UPPER, index)
  const { lower, upper } = parseBounds(type, {
    lower: lowerAt < 0 ? undefined : entry.bytesAt(lowerAt),
    upper: upperAt < 0 ? undefined : entry.bytesAt(upperAt),
  })
  return {
    valueCount: countAt(entry, VALUE_COUNTS, index),
    nullCount: countAt(entry, NULL_COUNTS, index),
    nanCount: countAt(entry, NAN_COUNTS, index),
    lower,
    upper,
  }
}

function countAt(entry: EntryCursor, row: number, column: number): number | undefined {
  const at = entry.statisticAt(row, column)
  if (at < 0) return undefined
  const count = entry.countAt(at)
  return count < 0 ? undefined : count
}
