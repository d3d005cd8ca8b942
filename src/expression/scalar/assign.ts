/**
 * Values assigned to columns: bound, cast to the column's type as Spark stores them (its ANSI store assignment),
 * and put in place of the columns of a batch.
 *
 * A number fits every number column as long as it is in range, anything fits text, dates and timestamps fit each
 * other; text fits no number. Text that is written out fits a date, time or timestamp column, as it does in a
 * predicate. Nulls in required columns are found by whoever writes the rows.
 */
import { LakeError } from '../../base/errors.js'
import type { ColumnBatch, Selection } from '../../batch/column-batch.js'
import { printType } from '../../schema/type-text.js'
import type { Field, StructType, Type } from '../../schema/types.js'
import { findColumn } from '../bind.js'
import type { Assignment } from '../merge-clause.js'
import type { Scalar } from '../scalar.js'
import { bindScalar, type Relations } from './bind.js'
import type { BoundScalar } from './bound.js'
import { castScalar } from './cast-scalar.js'
import { canAssign } from './cast-value.js'
import { evaluateScalar, type ScalarRows } from './evaluate.js'
import { printScalar } from './print.js'
import type { BindScalarOptions, Relation } from './scope.js'
import { isTimestamp } from './types.js'

/** A top-level column and its new value, of its type. */
export interface BoundAssignment {
  readonly field: Field
  readonly value: BoundScalar
}

/** Where assignments are looked up. */
export interface AssignmentScope extends BindScalarOptions {
  /** The table that is changed; fields of its structs that are not assigned to are kept, as relation 0. */
  readonly target: Relation
  /** What values may name; the target is the first where it is one of them. */
  readonly relations: Relations
}

/**
 * The new values of an update's columns, in the order of the target's fields.
 * @throws invalid-argument for a column that is not there or assigned twice, a value that cannot be stored in it,
 * and as `bindScalar`
 */
export function bindAssignments(
  assignments: readonly Assignment[],
  scope: AssignmentScope,
): BoundAssignment[] {
  const placed = assignments.map(assignment => placeAssignment(assignment, scope))
  const around: readonly Field[] = []
  return scope.target.fields.flatMap(field => {
    const own = placed.filter(({ idPath }) => idPath[0] === field.id)
    return own.length === 0 ? [] : [{ field, value: assignedField(field, own, around) }]
  })
}

interface PlacedAssignment {
  readonly column: string
  readonly idPath: readonly number[]
  readonly value: BoundScalar
}

function placeAssignment({ column, value }: Assignment, scope: AssignmentScope): PlacedAssignment {
  const found = findTarget(column, scope)
  if (found === undefined) {
    throw new LakeError('invalid-argument', 'the column is not in the schema', {
      context: { column, columns: scope.target.fields.map(field => field.name) },
    })
  }
  return { column, idPath: found.idPath, value: bindAssigned(value, { column, type: found.type }, scope) }
}

/** The alias of the target may stand before the column. */
function findTarget(
  column: string,
  { target, caseSensitive }: AssignmentScope,
): ReturnType<typeof findColumn> {
  const prefix = `${target.alias ?? ''}.`.toLowerCase()
  const isAliased = prefix.length > 1 && column.toLowerCase().startsWith(prefix)
  const inside = isAliased ? column.slice(prefix.length) : column
  return findColumn(inside, target.fields, { caseSensitive })
}

/** A value of the column's type. */
function bindAssigned(
  value: Scalar,
  column: { readonly column: string; readonly type: Type },
  scope: AssignmentScope,
): BoundScalar {
  const bound = bindScalar(value, scope.relations, scope)
  const { type } = column
  const isWritten = bound.kind === 'literal' && bound.type.kind === 'string'
  if (canAssign(bound.type, type) || (isWritten && (isTimestamp(type) || DATE_OR_TIME.has(type.kind)))) {
    return castScalar(bound, type, `${column.column} = ${printScalar(value)}`)
  }
  throw new LakeError('invalid-argument', 'the value cannot be stored in the column', {
    context: {
      column: column.column,
      type: printType(type),
      value: printScalar(value),
      valueType: printType(bound.type),
    },
  })
}

const DATE_OR_TIME: ReadonlySet<Type['kind']> = new Set<Type['kind']>(['date', 'time'])

/** The value of a field: what is assigned to it, or a struct of its fields, some of which are assigned to. */
function assignedField(
  field: Field,
  own: readonly PlacedAssignment[],
  around: readonly Field[],
): BoundScalar {
  const path = [...around, field]
  const whole = own.find(({ idPath }) => idPath.length === path.length)
  if (whole !== undefined) {
    if (own.length === 1) return whole.value
    throw new LakeError('invalid-argument', 'a column is assigned to twice', {
      context: { columns: own.map(({ column }) => column) },
    })
  }
  const type = field.type as StructType
  const args = type.fields.map(child => {
    const inside = own.filter(({ idPath }) => idPath[path.length] === child.id)
    return inside.length === 0 ? keptField([...path, child]) : assignedField(child, inside, path)
  })
  return { kind: 'struct', type, args, required: true }
}

function keptField(steps: readonly Field[]): BoundScalar {
  const leaf = steps[steps.length - 1] as Field
  return {
    kind: 'column',
    relation: 0,
    fieldId: leaf.id,
    idPath: steps.map(step => step.id),
    path: steps.map(step => step.name),
    type: leaf.type,
    required: steps.every(step => step.required),
  }
}

/**
 * The values of an inserted row, one a field of the target; what is not assigned to is its write default or null.
 * @throws invalid-argument as `bindAssignments`, and for a required column without value and default
 */
export function bindInsert(assignments: readonly Assignment[], scope: AssignmentScope): BoundAssignment[] {
  const nested = assignments.find(({ column }) => (findTarget(column, scope)?.idPath.length ?? 1) > 1)
  if (nested !== undefined) {
    throw new LakeError('invalid-argument', 'a row is inserted with whole columns', {
      context: { column: nested.column },
    })
  }
  const assigned = new Map(bindAssignments(assignments, scope).map(each => [each.field.id, each]))
  return scope.target.fields.map(field => assigned.get(field.id) ?? { field, value: defaultOf(field) })
}

function defaultOf(field: Field): BoundScalar {
  const value = field.writeDefault ?? null
  if (value === null && field.required) {
    throw new LakeError('invalid-argument', 'a required column has no value', {
      context: { column: field.name },
    })
  }
  return { kind: 'literal', type: field.type, value, required: value !== null }
}

/**
 * What `*` stands for: each column of the target from the source's of the same name.
 * @throws invalid-argument when the source lacks one
 */
export function assignAll(target: Relation, source: Relation, options: BindScalarOptions = {}): Assignment[] {
  return target.fields.map(({ name }) => {
    const found = findColumn(name, source.fields, options)
    if (found === undefined || found.idPath.length > 1) {
      throw new LakeError('invalid-argument', 'the source lacks a column of the table', {
        context: { column: name, columns: source.fields.map(field => field.name) },
      })
    }
    const alias = source.alias === undefined ? '' : `${source.alias}.`
    return { column: name, value: { kind: 'column', name: alias + found.name } }
  })
}

/**
 * The batch with the assigned columns in place of its own.
 * @param batch the target's rows; `rows` has it among the batches where values name its columns
 * @throws invalid-argument as `evaluateScalar`
 */
export function applyAssignments(
  batch: ColumnBatch,
  assignments: readonly BoundAssignment[],
  rows: { readonly input: ScalarRows; readonly selection?: Selection | undefined },
): ColumnBatch {
  const columns = batch.fields.map((field, at) => {
    const assigned = assignments.find(each => each.field.id === field.id)
    const column = batch.columns[at]
    if (assigned !== undefined) return evaluateScalar(assigned.value, rows.input, rows.selection)
    if (column === undefined) throw new Error('assertion failed: a batch has a column a field')
    return column
  })
  return { ...batch, columns }
}
