/**
 * A predicate on columns as a predicate on partition values, and its use on tuples and manifest summaries.
 *
 * A projected `Bound` is over partition field ids. A column may have several partition fields: inclusively
 * they all must match, strictly one of them is enough. Rules of the transforms are in `project-transform.ts`.
 * @see Iceberg table spec, "Scan Planning"
 */
import type { PartitionField, PartitionSpec, PartitionTuple } from '../schema/partition-spec.js'
import { fieldById } from '../schema/schema.js'
import { samePrimitive } from '../schema/type-text.js'
import { isPrimitive, type PrimitiveType, type Schema, type Value } from '../schema/types.js'
import { BOUND_FALSE, BOUND_TRUE, type Bound, type BoundLeaf, bothOf, eitherOf } from './bind.js'
import { inclusiveLeaf, type ProjectionTarget, strictLeaf } from './project-transform.js'
import { type ColumnStatistics, mightMatch, mustMatch, type StatisticsOf } from './statistics.js'

/** What a manifest list says of one partition field over all files of a manifest, decoded. */
export interface PartitionSummary {
  readonly containsNull: boolean
  /** Undefined: not known. */
  readonly containsNan?: boolean | undefined
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
  /** True when no bound was stored because all values are null or NaN; leave it out when in doubt. */
  readonly allNullOrNan?: boolean | undefined
}

/** A field of the partition struct, or anything with the partition field's id. */
export interface PartitionFieldId {
  readonly id: number
}

/**
 * A predicate on the spec's partition fields that holds for the partition of every row that `bound` holds for.
 * `schema` is the one that the spec's tuples are decoded with.
 */
export function projectInclusive(bound: Bound, spec: PartitionSpec, schema: Schema): Bound {
  switch (bound.op) {
    case 'true':
    case 'false':
      return bound
    case 'and':
      return bothOf(projectInclusive(bound.left, spec, schema), projectInclusive(bound.right, spec, schema))
    case 'or':
      return eitherOf(projectInclusive(bound.left, spec, schema), projectInclusive(bound.right, spec, schema))
    default:
      return targetsOf(bound, spec, schema)
        .map(target => inclusiveLeaf(bound, target))
        .reduce(bothOf, BOUND_TRUE)
  }
}

/** A predicate on the spec's partition fields; in a partition that it holds for, `bound` holds for every row. */
export function projectStrict(bound: Bound, spec: PartitionSpec, schema: Schema): Bound {
  switch (bound.op) {
    case 'true':
    case 'false':
      return bound
    case 'and':
      return bothOf(projectStrict(bound.left, spec, schema), projectStrict(bound.right, spec, schema))
    case 'or':
      return eitherOf(projectStrict(bound.left, spec, schema), projectStrict(bound.right, spec, schema))
    default:
      return targetsOf(bound, spec, schema)
        .map(target => strictLeaf(bound, target))
        .reduce(eitherOf, BOUND_FALSE)
  }
}

/** The partition fields of a leaf's column, where tuples are decoded with the type that the leaf is bound to. */
function targetsOf(leaf: BoundLeaf, spec: PartitionSpec, schema: Schema): readonly ProjectionTarget[] {
  const source = fieldById(schema, leaf.fieldId)?.type
  if (source === undefined || !isPrimitive(source) || !isPrimitive(leaf.type)) return []
  if (!samePrimitive(source, leaf.type)) return []
  return spec.fields.filter(field => field.sourceId === leaf.fieldId).map(field => targetOf(field, source))
}

function targetOf(field: PartitionField, sourceType: PrimitiveType): ProjectionTarget {
  const column = { fieldId: field.fieldId, idPath: [field.fieldId], path: [field.name] }
  return { column, transform: field.transform, sourceType }
}

/** False only when the projected predicate cannot be true for the tuple; `fields` are in the tuple's order. */
export function mightMatchTuple(
  bound: Bound,
  fields: readonly PartitionFieldId[],
  tuple: PartitionTuple,
): boolean {
  return mightMatch(bound, tupleStatistics(fields, tuple))
}

/** True only when the projected predicate is true for the tuple. */
export function mustMatchTuple(
  bound: Bound,
  fields: readonly PartitionFieldId[],
  tuple: PartitionTuple,
): boolean {
  return mustMatch(bound, tupleStatistics(fields, tuple))
}

/** A tuple is a set of one row, whose bounds are its values. */
function tupleStatistics(fields: readonly PartitionFieldId[], tuple: PartitionTuple): StatisticsOf {
  return fieldId => {
    const value = tuple[fields.findIndex(field => field.id === fieldId)]
    return value === undefined ? undefined : valueStatistics(value)
  }
}

const NULL_VALUE: ColumnStatistics = { valueCount: 1, nullCount: 1, nanCount: 0 }
const NAN_VALUE: ColumnStatistics = { valueCount: 1, nullCount: 0, nanCount: 1 }

function valueStatistics(value: Value): ColumnStatistics {
  if (value === null) return NULL_VALUE
  if (Number.isNaN(value)) return NAN_VALUE
  return { valueCount: 1, nullCount: 0, nanCount: 0, lower: value, upper: value }
}

/**
 * False only when the projected predicate is true for no tuple of a manifest. `summaries` are in the order of
 * `fields`; an empty list is "not known".
 */
export function mightMatchSummaries(
  bound: Bound,
  fields: readonly PartitionFieldId[],
  summaries: readonly PartitionSummary[],
): boolean {
  return mightMatch(bound, fieldId => {
    const summary = summaries[fields.findIndex(field => field.id === fieldId)]
    return summary && summaryStatistics(summary)
  })
}

function summaryStatistics(summary: PartitionSummary): ColumnStatistics {
  const { containsNull, containsNan, lower, upper, allNullOrNan } = summary
  if (allNullOrNan === true && containsNan === false) return NULL_VALUE
  if (allNullOrNan === true && !containsNull) return NAN_VALUE
  return {
    nullCount: containsNull ? undefined : 0,
    nanCount: containsNan === false ? 0 : undefined,
    lower,
    upper,
  }
}
