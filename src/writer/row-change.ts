/**
 * A change of the rows that a condition is true of, or that are of some partitions, before and after a schema is known:
 * they go away, or some of their columns get other values.
 */
import { type Bound, bind } from '../expression/bind.js'
import type { Assignment } from '../expression/merge-clause.js'
import { type BoundAssignment, bindAssignments } from '../expression/scalar/assign.js'
import { scalarColumns } from '../expression/scalar/bind.js'
import type { BoundScalar } from '../expression/scalar/bound.js'
import { splitCondition } from '../expression/scalar/condition.js'
import { allOfScalars, type Scalar } from '../expression/scalar.js'
import type { DataFile } from '../manifest/content-file.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import type { Field, Schema } from '../schema/types.js'
import { type PartitionPick, pickPartitions } from './overwrite-partitions.js'

export type RowChange =
  | { readonly kind: 'delete'; readonly where: Scalar }
  /** The rows of the partitions that the files are in, whatever the spec of the file that holds them. */
  | {
      readonly kind: 'delete'
      readonly partitions: { readonly files: readonly DataFile[]; readonly spec: PartitionSpec }
    }
  | {
      readonly kind: 'update'
      /** Absent: every row. */
      readonly where?: Scalar | undefined
      readonly set: readonly Assignment[]
    }

export interface BindRowChangeOptions {
  readonly caseSensitive?: boolean | undefined
  /** The time of the statement, in microseconds since 1970. */
  readonly nowMicros?: bigint | undefined
}

export interface BoundRowChange {
  /** What the scan decides of the condition. */
  readonly filter: Bound
  /** What is left of it, for the rows that the scan gives. */
  readonly residual: BoundScalar | undefined
  /** Instead of a condition. */
  readonly partitions: PartitionPick | undefined
  /** Of an update. */
  readonly assignments: readonly BoundAssignment[] | undefined
  /** Columns that the residual or the partitions look at. */
  readonly residualFields: readonly Field[]
}

/** @throws invalid-argument for a condition or an assignment that does not fit the schema */
export function bindRowChange(
  change: RowChange,
  schema: Schema,
  options: BindRowChangeOptions,
): BoundRowChange {
  if ('partitions' in change) {
    const { files, spec } = change.partitions
    const partitions = pickPartitions(files, spec, schema)
    const { filter, fields: residualFields } = partitions
    return { filter, residual: undefined, partitions, assignments: undefined, residualFields }
  }
  const { pushed, residual } = splitCondition(change.where ?? allOfScalars([]), schema, options)
  const scope = { ...options, target: schema, relations: schema }
  const looked = residual === undefined ? new Set<number>() : scalarColumns(residual)
  return {
    filter: bind(pushed, schema, options),
    residual,
    partitions: undefined,
    assignments: change.kind === 'update' ? bindAssignments(change.set, scope) : undefined,
    residualFields: schema.fields.filter(field => looked.has(field.id)),
  }
}
