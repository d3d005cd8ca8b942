/**
 * `readable_metrics`: the statistics of a file, one struct for each primitive column of the table, with bounds as
 * values of the column's type. Columns are named by their path and sorted by name, as in Iceberg's Java library; ids
 * come after those of the metadata table around.
 */
import type { ContentFile } from '../../manifest/content-file.js'
import { fieldPath, highestFieldId, indexFields } from '../../schema/schema.js'
import { type Field, isPrimitive, type PrimitiveType, type Schema, type Value } from '../../schema/types.js'
import { parseValue } from '../../schema/value.js'
import { longOf, type MetadataColumn, optionalField } from './metadata-source.js'

export const READABLE_METRICS_NAME = 'readable_metrics'

/** A primitive column of the table with the type that its bounds are shown in. */
interface MeasuredColumn {
  readonly fieldId: number
  readonly name: string
  readonly boundType: PrimitiveType
}

/** @param around the other fields of the metadata table, whose ids are taken */
export function readableMetricsColumn(schema: Schema, around: readonly Field[]): MetadataColumn<ContentFile> {
  const columns = measuredColumns(schema)
  let nextId = highestFieldId({ fields: around })
  const fields = columns.map(column => {
    const id = ++nextId
    const members = metricFields(column.boundType, () => ++nextId)
    return optionalField({
      id,
      name: column.name,
      type: { kind: 'struct', fields: members },
      doc: `Metrics for column ${column.name}`,
    })
  })
  const field = optionalField({
    id: ++nextId,
    name: READABLE_METRICS_NAME,
    type: { kind: 'struct', fields },
    doc: 'Column metrics in readable form',
  })
  return { field, cellOf: file => columns.map(column => metricsOf(file, column)) }
}

function measuredColumns(schema: Schema): readonly MeasuredColumn[] {
  const columns: MeasuredColumn[] = []
  for (const [fieldId, { type }] of indexFields(schema)) {
    if (!isPrimitive(type) || type.kind === 'variant') continue
    const name = fieldPath(schema, fieldId)?.join('.') ?? ''
    columns.push({ fieldId, name, boundType: boundTypeOf(type) })
  }
  return columns.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The bounds of a shape are corners, not shapes: they stay bytes. */
function boundTypeOf(type: PrimitiveType): PrimitiveType {
  return type.kind === 'geometry' || type.kind === 'geography' ? { kind: 'binary' } : type
}

function metricFields(boundType: PrimitiveType, nextId: () => number): readonly Field[] {
  const count = (name: string, doc: string): Field =>
    optionalField({ id: nextId(), name, type: { kind: 'long' }, doc })
  const bound = (name: string, doc: string): Field =>
    optionalField({ id: nextId(), name, type: boundType, doc })
  return [
    count('column_size', 'Total size on disk'),
    count('value_count', 'Total count, including null and NaN'),
    count('null_value_count', 'Null value count'),
    count('nan_value_count', 'NaN value count'),
    bound('lower_bound', 'Lower bound'),
    bound('upper_bound', 'Upper bound'),
  ]
}

function metricsOf(file: ContentFile, { fieldId, boundType }: MeasuredColumn): Value {
  return [
    longOf(file.columnSizes?.get(fieldId)),
    longOf(file.valueCounts?.get(fieldId)),
    longOf(file.nullValueCounts?.get(fieldId)),
    longOf(file.nanValueCounts?.get(fieldId)),
    boundOf(boundType, file.lowerBounds?.get(fieldId)),
    boundOf(boundType, file.upperBounds?.get(fieldId)),
  ]
}

/** The bound as it is stored, NaN and all; null when the bytes are no value of the type. */
function boundOf(type: PrimitiveType, bytes: Uint8Array | undefined): Value {
  const value = bytes === undefined ? undefined : parseValue(type, bytes)
  if (value === undefined) return null
  const fits = typeof value !== 'bigint' || BigInt.asIntN(DECIMAL_BITS, value) === value
  return fits ? value : null
}

/** What a decimal column holds; a broken bound may be longer. */
const DECIMAL_BITS = 128
