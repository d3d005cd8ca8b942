/** Which columns of a data file a task needs: of the output, of its filter, of its equality deletes. */
import { LakeError } from '../base/errors.js'
import { type Bound, boundColumns } from '../expression/bind.js'
import type { Field, Schema } from '../schema/types.js'
import type { KeyDeletes } from './load-deletes.js'
import { isLineageField, isMetadataField } from './metadata-columns.js'

export interface NeededColumns {
  /** Columns to read: of the output, then of filter and keys alone. */
  readonly needed: readonly Field[]
  /** For each output field its place in `needed`; undefined when it is not read. */
  readonly outputs: readonly (number | undefined)[]
  /** For each kind of equality delete the places of its key columns in `needed`. */
  readonly keys: readonly (readonly number[])[]
}

export interface TaskColumnsOptions {
  readonly schema: Schema
  /** Columns of the output. */
  readonly fields: readonly Field[]
  readonly residual: Bound
  readonly keyDeletes: readonly KeyDeletes[]
}

/** @throws invalid-argument when the filter is on a column that the schema lacks */
export function neededColumns(options: TaskColumnsOptions): NeededColumns {
  const needed: Field[] = []
  const need = (field: Field): number => {
    const known = needed.findIndex(other => other.id === field.id && other.type === field.type)
    return known >= 0 ? known : needed.push(field) - 1
  }
  const outputs = options.fields.map(field =>
    isMetadataField(field) && !isLineageField(field) ? undefined : need(field),
  )
  for (const id of boundColumns(options.residual)) {
    const field = options.schema.fields.find(candidate => candidate.id === id)
    if (field === undefined)
      throw new LakeError('invalid-argument', 'the filter is on a column that the schema lacks', {
        context: { fieldId: id },
      })
    need(field)
  }
  const keys = options.keyDeletes.map(group => group.keys.map(key => need(key.column)))
  return { needed, outputs, keys }
}

export interface SplitFields {
  /** Fields that deciding about a row takes, and those that are computed from where it stands. */
  readonly early: readonly Field[]
  /** Fields of rows that were decided to be returned. */
  readonly late: readonly Field[]
}

/** The output fields by when they have to be known. */
export function splitFields(options: TaskColumnsOptions): SplitFields {
  const decisive = new Set(boundColumns(options.residual))
  for (const { keys } of options.keyDeletes) for (const key of keys) decisive.add(key.column.id)
  const isEarly = (field: Field): boolean => isMetadataField(field) || decisive.has(field.id)
  return {
    early: options.fields.filter(isEarly),
    late: options.fields.filter(field => !isEarly(field)),
  }
}
