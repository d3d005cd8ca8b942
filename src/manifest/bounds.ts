/**
 * The statistics of a file as predicates look at them: counts, and bounds decoded on demand. Bounds may have been
 * written before the column was promoted, and some writers broke them: what does not decode is no bound.
 */
import type { ColumnStatistics, StatisticsOf } from '../expression/statistics.js'
import { indexFields } from '../schema/schema.js'
import { isPrimitive, type PrimitiveType, type Schema, type Value } from '../schema/types.js'
import { parseValue } from '../schema/value.js'
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
  const lower = boundOf(type, file.lowerBounds?.get(fieldId), 0)
  const upper = boundOf(type, file.upperBounds?.get(fieldId), -0)
  return {
    ...(valueCount !== undefined && { valueCount }),
    ...(nullCount !== undefined && { nullCount }),
    ...(nanCount !== undefined && { nanCount }),
    ...(lower !== undefined && { lower }),
    ...(upper !== undefined && { upper }),
  }
}

/** Bounds of these types are not values of the type. */
const WITHOUT_BOUNDS: readonly PrimitiveType['kind'][] = ['variant', 'geometry', 'geography', 'unknown']

/**
 * A decoded bound. Zeros are widened, since not every writer tells -0.0 and 0.0 apart: `zeroSign` is the zero that
 * does not bound the other one from this side.
 */
function boundOf(type: PrimitiveType, bytes: Uint8Array | undefined, zeroSign: 0 | -0): Value | undefined {
  if (bytes === undefined || WITHOUT_BOUNDS.includes(type.kind)) return undefined
  const value = parseValue(type, bytes)
  if (value === null || Number.isNaN(value)) return undefined
  const isFloat = type.kind === 'float' || type.kind === 'double'
  return isFloat && Object.is(value, zeroSign) ? -zeroSign : value
}
