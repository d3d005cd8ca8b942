/**
 * The summary of a manifest's partition tuples: per field whether nulls and NaN occur, and the smallest and
 * largest of the other values.
 * @see Iceberg table spec, "Manifest Lists" (`field_summary`)
 */
import type { PartitionTuple } from '../schema/partition-spec.js'
import type { StructType, Type, Value } from '../schema/types.js'
import { compareValues, serializeValue } from '../schema/value.js'
import type { PartitionFieldSummary } from './manifest-file.js'

export interface PartitionSummaries {
  add(tuple: PartitionTuple): void
  /** One summary a field. */
  finish(): PartitionFieldSummary[]
}

interface Summary {
  readonly type: Type
  containsNull: boolean
  containsNan: boolean
  lower: Value | undefined
  upper: Value | undefined
}

/** Collects the tuples of a manifest. */
export function createPartitionSummaries(tuple: StructType): PartitionSummaries {
  const summaries = tuple.fields.map(
    ({ type }): Summary => ({
      type,
      containsNull: false,
      containsNan: false,
      lower: undefined,
      upper: undefined,
    }),
  )
  return {
    add: values => {
      for (const [index, summary] of summaries.entries()) addValue(summary, values[index] ?? null)
    },
    finish: () => summaries.map(toFieldSummary),
  }
}

function addValue(summary: Summary, value: Value): void {
  if (value === null) summary.containsNull = true
  else if (Number.isNaN(value)) summary.containsNan = true
  else if (summary.lower === undefined || summary.upper === undefined) summary.lower = summary.upper = value
  else if (compareValues(summary.type, value, summary.lower) < 0) summary.lower = value
  else if (compareValues(summary.type, value, summary.upper) > 0) summary.upper = value
}

function toFieldSummary({ type, containsNull, containsNan, lower, upper }: Summary): PartitionFieldSummary {
  const hasBounds = lower !== undefined && upper !== undefined && type.kind !== 'unknown'
  return {
    containsNull,
    containsNan,
    ...(hasBounds && { lowerBound: serializeValue(type, lower), upperBound: serializeValue(type, upper) }),
  }
}
