/**
 * The statistics of a file as predicates look at them: counts, and bounds decoded on demand. Bounds may have been
 * written before the column was promoted, and some writers broke them: what does not decode is no bound.
 */
import type { ColumnStatistics, StatisticsOf } from '../expression/statistics.js'
import { indexFields } from '../schema/schema.js'
import { parseBounds } from '../schema/stored-bounds.js'
import { isPrimitive, type PrimitiveType, type Schema } from '../schema/types.js'
import type { FileMetrics } from './content-file.js'

/** Statistics of a file's columns, by field id of the schema. */
export function statisticsOf(file: FileMetrics, schema: Schema): StatisticsOf {
  const fields = indexFields(schema)
  return fieldId => {
    const type = fields.get(fieldId)?.type
    return type !== undefined && isPrimitive(type) ? columnStatistics(file, fieldId, type) : undefined
  }
}

function columnStatistics(file: FileMetrics, fieldId: number, type: PrimitiveType): ColumnStatistics {
  const valueCount = file.valueCounts?.get(fieldId)
  const nullCount = file.nullValueCounts?.get(fieldId)
  const nanCount = file.nanValueCounts?.get(fieldId)
  const { lower, upper } = parseBounds(type, {
    lower: file.lowerBounds?.get(fieldId),
    upper: file.upperBounds?.get(fieldId),
  })
  return {
    ...(valueCount !== undefined && { valueCount }),
    ...(nullCount !== undefined && { nullCount }),
    ...(nanCount !== undefined && { nanCount }),
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined && { upper }),
  }
}
