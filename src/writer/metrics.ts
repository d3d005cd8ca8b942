/**
 * Statistics of a written file as the table's metrics modes want them in its manifest entry: `none` keeps
 * column sizes only, `counts` adds value, null and NaN counts, `truncate(n)` and `full` add bounds.
 * @see Iceberg documentation, "write.metadata.metrics.default"; table spec, "Manifests"
 */
import type { FileMetrics } from '../manifest/content-file.js'
import type { MetricsMode } from '../metadata/metrics-mode.js'
import { indexFields } from '../schema/schema.js'
import { isPrimitive, type PrimitiveType, type Schema, type Value } from '../schema/types.js'
import { serializeValue } from '../schema/value.js'
import { truncateLowerBound, truncateUpperBound } from './truncate-bound.js'

/** What is known of one column of a file: by its writer, or by the footer of a file that somebody else wrote. */
export interface ColumnStatistics {
  readonly columnSizeBytes: number
  readonly valueCount?: number | undefined
  readonly nullCount?: number | undefined
  readonly nanCount?: number | undefined
  /** Of the column's type; NaN left out. */
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

/** Metrics of a file from the statistics of its columns. Columns outside the schema (row lineage) have none. */
export function fileMetrics(
  columns: ReadonlyMap<number, ColumnStatistics>,
  schema: Pick<Schema, 'fields'>,
  modes: ReadonlyMap<number, MetricsMode>,
): FileMetrics {
  const fields = indexFields(schema)
  const columnSizes = new Map<number, number>()
  const valueCounts = new Map<number, number>()
  const nullValueCounts = new Map<number, number>()
  const nanValueCounts = new Map<number, number>()
  const lowerBounds = new Map<number, Uint8Array>()
  const upperBounds = new Map<number, Uint8Array>()
  for (const [fieldId, column] of columns) {
    const field = fields.get(fieldId)
    if (field === undefined || !isPrimitive(field.type)) continue
    columnSizes.set(fieldId, column.columnSizeBytes)
    const mode = modes.get(fieldId)
    if (mode === undefined || mode.kind === 'none') continue
    if (column.valueCount !== undefined) valueCounts.set(fieldId, column.valueCount)
    if (column.nullCount !== undefined) nullValueCounts.set(fieldId, column.nullCount)
    if (column.nanCount !== undefined) nanValueCounts.set(fieldId, column.nanCount)
    if (mode.kind === 'counts') continue
    const lower = boundBytes(field.type, column.lower, mode, truncateLowerBound)
    if (lower !== undefined) lowerBounds.set(fieldId, lower)
    const upper = boundBytes(field.type, column.upper, mode, truncateUpperBound)
    if (upper !== undefined) upperBounds.set(fieldId, upper)
  }
  return { columnSizes, valueCounts, nullValueCounts, nanValueCounts, lowerBounds, upperBounds }
}

function boundBytes(
  type: PrimitiveType,
  bound: Value | undefined,
  mode: MetricsMode,
  truncate: (type: PrimitiveType, value: Value, width: number) => Value | undefined,
): Uint8Array | undefined {
  if (bound === undefined || bound === null) return undefined
  const kept = mode.kind === 'truncate' ? truncate(type, bound, mode.length) : bound
  return kept === undefined ? undefined : serializeValue(type, kept)
}
