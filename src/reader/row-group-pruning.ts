/**
 * The row-group and page levels of pruning: the file's statistics, as values of the types the filter compares. A file
 * may be older than a promotion of its column, so its bounds are promoted before they are compared.
 */
import type { Bound } from '../expression/bind.js'
import { type ColumnStatistics, mightMatch, type StatisticsOf } from '../expression/statistics.js'
import type { ParquetRowGroup } from '../format/parquet/footer/footer.js'
import { canPromote, promoteValue } from '../schema/promotion.js'
import { indexFields } from '../schema/schema.js'
import type { Field, Schema, Type, Value } from '../schema/types.js'

/** Statistics of a row group, or of a run of its rows. */
type HasColumns = Pick<ParquetRowGroup, 'columns'>

export interface StoredStatisticsOptions {
  /** The schema that the filter is bound to. */
  readonly schema: Schema
  /** The fields of the file. */
  readonly stored: readonly Field[]
}

/** Decides for each row group, or run of rows in one page of each column, whether the filter might accept a row. */
export function rowGroupFilter(
  filter: Bound,
  options: StoredStatisticsOptions,
): (group: HasColumns) => boolean {
  const statistics = storedStatistics(options)
  return group => mightMatch(filter, statistics(group))
}

/** The statistics of row groups as values of the schema's types, by field id. */
export function storedStatistics(options: StoredStatisticsOptions): (group: HasColumns) => StatisticsOf {
  const expected = indexFields(options.schema)
  const stored = indexFields({ fields: options.stored })
  const statisticsOf = (group: HasColumns, fieldId: number): ColumnStatistics | undefined => {
    const column = group.columns.get(fieldId)
    const from = stored.get(fieldId)?.type
    const to = expected.get(fieldId)?.type
    if (column === undefined || from === undefined || to === undefined) return undefined
    return {
      valueCount: column.valueCount,
      nullCount: column.nullCount,
      lower: promotedBound(column.lower, from, to),
      upper: promotedBound(column.upper, from, to),
    }
  }
  return group => fieldId => statisticsOf(group, fieldId)
}

function promotedBound(value: Value | undefined, from: Type, to: Type): Value | undefined {
  if (value === undefined || value === null || !canPromote(from, to)) return undefined
  return promoteValue(from, to, value)
}
