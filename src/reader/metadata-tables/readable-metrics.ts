/**
 * `readable_metrics`: the statistics of a file, one struct for each primitive column of the table, with bounds as
 * values of the column's type. Columns are named by their path and sorted by name, as in Iceberg's Java library; ids
 * come after those of the metadata table around.
 */
import { LongBuilder } from '../../batch/primitive-builders.js'
import { numberAt, varintEnd } from '../../format/avro-number.js'
import type { FileMetrics } from '../../manifest/content-file.js'
import { checkCount, type EntryCursor } from '../../manifest/entry-cursor.js'
import { statisticsRow } from '../../manifest/entry-layout.js'
import type { EntryRow } from '../../manifest/entry-rows.js'
import { FILE } from '../../manifest/manifest-schema.js'
import { fieldPath, highestFieldId, indexFields } from '../../schema/schema.js'
import { type Field, isPrimitive, type PrimitiveType, type Schema } from '../../schema/types.js'
import { createBoundBuilder } from './bound-builders.js'
import { type EntryColumn, type EntryWriter, structColumn } from './entry-columns.js'
import { optionalField } from './metadata-source.js'

export const READABLE_METRICS_NAME = 'readable_metrics'

/** A primitive column of the table with the type that its bounds are shown in. */
interface MeasuredColumn {
  readonly fieldId: number
  readonly name: string
  readonly boundType: PrimitiveType
}

/** @param around the other fields of the metadata table, whose ids are taken */
export function readableMetricsColumn(schema: Schema, around: readonly Field[]): EntryColumn {
  let nextId = highestFieldId({ fields: around })
  const columns = measuredColumns(schema).map(column => {
    const id = ++nextId
    const members = metricFields(column.boundType, () => ++nextId)
    const field = optionalField({
      id,
      name: column.name,
      type: { kind: 'struct', fields: members },
      doc: `Metrics for column ${column.name}`,
    })
    return metricsColumn(field, members, column)
  })
  const field = optionalField({
    id: ++nextId,
    name: READABLE_METRICS_NAME,
    type: { kind: 'struct', fields: columns.map(column => column.field) },
    doc: 'Column metrics in readable form',
  })
  return structColumn(field, columns)
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

/** The statistics in the order of the members. */
const COUNTS = ['columnSizes', 'valueCounts', 'nullValueCounts', 'nanValueCounts'] as const
const BOUNDS = ['lowerBounds', 'upperBounds'] as const

function metricsColumn(
  field: Field,
  members: readonly Field[],
  { fieldId, boundType }: MeasuredColumn,
): EntryColumn {
  const columns = members.map((member, at): EntryColumn => {
    const count = COUNTS[at]
    const bound = BOUNDS[at - COUNTS.length]
    return {
      field: member,
      open: () =>
        count === undefined
          ? boundWriter(fieldId, bound ?? 'upperBounds', boundType)
          : countWriter(fieldId, count),
      statisticsOf: () => [fieldId],
    }
  })
  return structColumn(field, columns)
}

/** Where a statistic of a column stands among those that the cursor notes; found anew for each manifest. */
class StatisticPlace {
  readonly #fieldId: number
  readonly #row: number
  readonly #name: keyof FileMetrics
  #entry: EntryCursor | undefined
  #column = -1

  constructor(name: keyof FileMetrics, fieldId: number) {
    this.#fieldId = fieldId
    this.#name = name
    this.#row = statisticsRow(name)
  }

  /** Where the value begins; -1 for none. `isNoted` says whether the cursor notes it. */
  at(entry: EntryCursor): number {
    if (entry !== this.#entry) {
      this.#entry = entry
      this.#column = entry.isUsual(FILE[this.#name]) ? entry.columns.indexOf(this.#fieldId) : -1
    }
    return this.#column < 0 ? -1 : entry.statisticAt(this.#row, this.#column)
  }

  get isNoted(): boolean {
    return this.#column >= 0
  }
}

function countWriter(fieldId: number, name: (typeof COUNTS)[number]): EntryWriter {
  const place = new StatisticPlace(name, fieldId)
  const only = new Set([fieldId])
  const create = (rows: number): LongBuilder => new LongBuilder({ kind: 'long' }, rows)
  let builder = create(1)
  const append = ({ entry }: EntryRow): void => {
    const at = place.at(entry)
    if (at >= 0) {
      builder.appendNumber(checkCount(entry.countAt(at), FILE[name].mapValue))
      return
    }
    const count = place.isNoted ? undefined : entry.counts(FILE[name], only)?.get(fieldId)
    if (count === undefined) builder.append(null)
    else builder.appendNumber(count)
  }
  return {
    append,
    finish() {
      const vector = builder.finish()
      builder = create(Math.max(1, vector.length))
      return vector
    },
  }
}

function boundWriter(fieldId: number, name: (typeof BOUNDS)[number], type: PrimitiveType): EntryWriter {
  const place = new StatisticPlace(name, fieldId)
  const only = new Set([fieldId])
  let builder = createBoundBuilder(type, 1)
  const append = ({ entry }: EntryRow): void => {
    const at = place.at(entry)
    if (at >= 0) {
      const { bytes } = entry.block
      const begin = varintEnd(bytes, at)
      builder.appendRange(bytes, begin, begin + numberAt(bytes, at))
      return
    }
    const bound = place.isNoted ? undefined : entry.bounds(FILE[name], only)?.get(fieldId)
    if (bound === undefined) builder.appendNull()
    else builder.appendRange(bound, 0, bound.length)
  }
  return {
    append,
    finish() {
      const vector = builder.finish()
      builder = createBoundBuilder(type, Math.max(1, vector.length))
      return vector
    },
  }
}
