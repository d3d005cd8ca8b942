/**
 * What the footer of a Parquet file says of its columns as a whole, in the types of a table: the sums and the widest
 * bounds of its row groups. What one row group does not say is not known of the file.
 */
import { chunkBounds } from '../format/parquet/footer/bounds.js'
import type { ParquetFooter } from '../format/parquet/footer/footer.js'
import type { ColumnChunk } from '../format/parquet/footer/metadata.js'
import { type LeafColumn, NO_FIELD_ID, type ParquetSchema } from '../format/parquet/footer/schema.js'
import { canPromote, promoteValue } from '../schema/promotion.js'
import { indexFields } from '../schema/schema.js'
import { samePrimitive } from '../schema/type-text.js'
import { type Field, isPrimitive, type PrimitiveType, type Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'
import type { ColumnStatistics } from './metrics.js'

/** Columns of these types have no bounds that a footer could tell. */
const WITHOUT_BOUNDS: ReadonlySet<string> = new Set(['variant', 'geometry', 'geography', 'unknown'])

/**
 * Statistics by field id of the columns that `fields` have.
 * @param schema the file's, with the ids that the table has for its columns
 */
export function footerStatistics(
  { metadata }: Pick<ParquetFooter, 'metadata'>,
  schema: ParquetSchema,
  fields: readonly Field[],
): ReadonlyMap<number, ColumnStatistics> {
  const known = indexFields({ fields })
  const columns = new Map<number, ColumnStatistics>()
  for (const [index, leaf] of schema.leaves.entries()) {
    const field = leaf.fieldId === NO_FIELD_ID ? undefined : known.get(leaf.fieldId)
    if (field === undefined || !isPrimitive(field.type) || WITHOUT_BOUNDS.has(field.type.kind)) continue
    const chunks = metadata.rowGroups.flatMap(group => group.columns[index] ?? [])
    columns.set(field.id, ofChunks(chunks, leaf, field.type))
  }
  return columns
}

function ofChunks(chunks: readonly ColumnChunk[], leaf: LeafColumn, type: PrimitiveType): ColumnStatistics {
  const nullCounts = chunks.map(chunk => (isRequired(leaf) ? 0 : chunk.statistics.nullCount))
  const known = nullCounts.filter(count => count !== undefined)
  return {
    columnSizeBytes: sum(chunks.map(chunk => chunk.compressedBytes)),
    valueCount: sum(chunks.map(chunk => chunk.valueCount)),
    nullCount: known.length < chunks.length ? undefined : sum(known),
    ...boundsOf(chunks, leaf, type),
  }
}

function isRequired({ maxDefinition }: LeafColumn): boolean {
  return maxDefinition === 0
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

function boundsOf(
  chunks: readonly ColumnChunk[],
  leaf: LeafColumn,
  type: PrimitiveType,
): Pick<ColumnStatistics, 'lower' | 'upper'> {
  // A column that is read by other rules than promotion, bytes as text, has its values in another order.
  if (!samePrimitive(leaf.type, type) && !canPromote(leaf.type, type)) return {}
  const withValues = chunks.filter(chunk => chunk.statistics.nullCount !== chunk.valueCount)
  const bounds = withValues.map(chunk => chunkBounds(chunk.statistics, leaf))
  const lower = extreme(
    leaf.type,
    bounds.map(each => each.lower),
    -1,
  )
  const upper = extreme(
    leaf.type,
    bounds.map(each => each.upper),
    1,
  )
  return {
    ...(lower === undefined ? {} : { lower: promoteValue(leaf.type, type, lower) }),
    ...(upper === undefined ? {} : { upper: promoteValue(leaf.type, type, upper) }),
  }
}

/** The least or greatest of the bounds; undefined when there is none or one of them is not known. */
function extreme(
  type: PrimitiveType,
  bounds: readonly (Value | undefined)[],
  sign: 1 | -1,
): Value | undefined {
  let found: Value | undefined
  for (const bound of bounds) {
    if (bound === undefined) return undefined
    if (found === undefined || sign * compareValues(type, bound, found) > 0) found = bound
  }
  return found
}
