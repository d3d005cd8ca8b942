/**
 * Binding: a written predicate against a schema. Columns become field ids, literals become values of the
 * column's type, and what is left is easy to evaluate and to prune by:
 *
 *   - no `not`: it is pushed into the leaves, which each have their opposite
 *   - no NaN and no single zero among the values: `x = NaN` is `is-nan`, `x < 0.0` is `x < -0.0`, so that the
 *     total order of `compareValues` (NaN greatest, -0.0 below 0.0) gives SQL's answers for floats
 *   - no value between two values, none out of range: `x < 1.5` on an int is `x <= 1`, `x < 1e30` is `not-null`
 *   - constants folded: `true` and `false` stand alone or not at all
 *
 * Since no `not` is left, a leaf that is unknown counts as false everywhere.
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import { printType } from '../schema/type-text.js'
import { type Field, isPrimitive, type PrimitiveType, type Type, type Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'
import type {
  ComparisonExpression,
  ComparisonOp,
  Expression,
  PrefixExpression,
  PrefixOp,
  SetExpression,
  SetOp,
  UnaryOp,
} from './expression.js'
import { type LiteralPlace, placeLiteral, wellFormed } from './literal.js'

/** A column of the schema, or a field at any depth of its structs. */
export interface BoundColumn {
  readonly fieldId: number
  /** Field ids from the top-level column down to `fieldId`. */
  readonly idPath: readonly number[]
  /** Names along `idPath`. */
  readonly path: readonly string[]
}
export interface BoundConstant {
  readonly op: 'true' | 'false'
}
export interface BoundLogical {
  readonly op: 'and' | 'or'
  readonly left: Bound
  readonly right: Bound
}
export interface BoundUnary extends BoundColumn {
  readonly op: UnaryOp
  readonly type: Type
}
export interface BoundComparison extends BoundColumn {
  readonly op: ComparisonOp
  readonly type: PrimitiveType
  readonly value: Value
}
export interface BoundSet extends BoundColumn {
  readonly op: SetOp
  readonly type: PrimitiveType
  /** Two or more, ascending, distinct. */
  readonly values: readonly Value[]
}
export interface BoundPrefix extends BoundColumn {
  readonly op: PrefixOp
  readonly type: PrimitiveType
  /** Not empty. */
  readonly value: string
}
export type BoundLeaf = BoundUnary | BoundComparison | BoundSet | BoundPrefix
/** A predicate over field ids. Plain data: it may be printed, compared and sent elsewhere. */
export type Bound = BoundConstant | BoundLogical | BoundLeaf

export interface BindOptions {
  /** Default true: names match exactly. */
  readonly caseSensitive?: boolean | undefined
}

export const BOUND_TRUE: BoundConstant = { op: 'true' }
export const BOUND_FALSE: BoundConstant = { op: 'false' }

export function isTrue(bound: Bound): boolean {
  return bound.op === 'true'
}

export function isFalse(bound: Bound): boolean {
  return bound.op === 'false'
}

/** Conjunction, with constants folded. */
export function bothOf(left: Bound, right: Bound): Bound {
  if (left.op === 'false' || right.op === 'true') return left
  if (right.op === 'false' || left.op === 'true') return right
  return { op: 'and', left, right }
}

/** Disjunction, with constants folded. */
export function eitherOf(left: Bound, right: Bound): Bound {
  if (left.op === 'true' || right.op === 'false') return left
  if (right.op === 'true' || left.op === 'false') return right
  return { op: 'or', left, right }
}

/** Ids of the top-level columns that evaluation needs. */
export function boundColumns(bound: Bound): ReadonlySet<number> {
  return new Set(boundLeaves(bound).map(leaf => leaf.idPath[0] ?? leaf.fieldId))
}

/** Field ids of the fields that are compared; inside a struct its own, not the column's. */
export function boundFields(bound: Bound): ReadonlySet<number> {
  return new Set(boundLeaves(bound).map(leaf => leaf.fieldId))
}

/** The predicates of a filter, in its order. */
export function boundLeaves(bound: Bound): BoundLeaf[] {
  switch (bound.op) {
    case 'true':
    case 'false':
      return []
    case 'and':
    case 'or':
      return [...boundLeaves(bound.left), ...boundLeaves(bound.right)]
    default:
      return [bound]
  }
}

/**
 * The predicate over the schema's field ids.
 * @throws invalid-argument for an unknown or ambiguous column, or a literal or test that its type does not
 * take; `context.column` names it
 */
export function bind(
  expression: Expression,
  schema: { readonly fields: readonly Field[] },
  options: BindOptions = {},
): Bound {
  return bindNode(expression, { fields: schema.fields, caseSensitive: options.caseSensitive ?? true }, false)
}

interface Scope {
  readonly fields: readonly Field[]
  readonly caseSensitive: boolean
}

function bindNode(expression: Expression, scope: Scope, negated: boolean): Bound {
  switch (expression.op) {
    case 'true':
    case 'false':
      return constant((expression.op === 'true') !== negated)
    case 'not':
      return bindNode(expression.child, scope, !negated)
    case 'and':
    case 'or': {
      const left = bindNode(expression.left, scope, negated)
      const right = bindNode(expression.right, scope, negated)
      return (expression.op === 'and') !== negated ? bothOf(left, right) : eitherOf(left, right)
    }
    case 'is-null':
    case 'not-null':
    case 'is-nan':
    case 'not-nan':
      return bindUnary(expression.op, resolve(expression.column, scope), negated)
    case 'eq':
    case 'not-eq':
    case 'lt':
    case 'lt-eq':
    case 'gt':
    case 'gt-eq':
      return bindComparison(expression, scope, negated)
    case 'in':
    case 'not-in':
      return bindSet(expression, scope, negated)
    case 'starts-with':
    case 'not-starts-with':
      return bindPrefix(expression, scope, negated)
    default:
      return unreachable(expression)
  }
}

function constant(value: boolean): Bound {
  return value ? BOUND_TRUE : BOUND_FALSE
}

// Columns

/** A column with what binding needs to know of it. */
export interface ResolvedColumn extends BoundColumn {
  readonly name: string
  readonly type: Type
  /** No row can be null: the field and all structs around it are required. */
  readonly required: boolean
}

function resolve(name: string, scope: Scope): ResolvedColumn {
  const column = findColumn(name, scope.fields, scope)
  if (column !== undefined) return column
  throw new LakeError('invalid-argument', 'the column is not in the schema', {
    context: { column: name, columns: scope.fields.map(field => field.name) },
  })
}

/**
 * The column of a dotted name; undefined when there is none.
 * @throws invalid-argument when letter case is ignored and several columns match
 */
export function findColumn(
  name: string,
  fields: readonly Field[],
  options: BindOptions = {},
): ResolvedColumn | undefined {
  const steps = findSteps(fields, name, { fields, caseSensitive: options.caseSensitive ?? true })
  if (steps === undefined) return undefined
  const leaf = steps[steps.length - 1] as Field
  return {
    name,
    fieldId: leaf.id,
    idPath: steps.map(field => field.id),
    path: steps.map(field => field.name),
    type: leaf.type,
    required: steps.every(field => field.required),
  }
}

/** The fields along a dotted name. A field whose own name has the dots goes before a field inside a struct. */
function findSteps(fields: readonly Field[], name: string, scope: Scope): readonly Field[] | undefined {
  const wanted = scope.caseSensitive ? name : name.toLowerCase()
  const nameOf = (field: Field): string => (scope.caseSensitive ? field.name : field.name.toLowerCase())
  const direct = fields.filter(field => nameOf(field) === wanted)
  if (direct.length > 1) {
    throw new LakeError('invalid-argument', 'the column name matches several columns', {
      context: { column: name, columns: direct.map(field => field.name) },
    })
  }
  if (direct.length === 1) return direct
  for (const field of fields) {
    if (field.type.kind !== 'struct' || !wanted.startsWith(`${nameOf(field)}.`)) continue
    const rest = findSteps(field.type.fields, wanted.slice(nameOf(field).length + 1), scope)
    if (rest !== undefined) return [field, ...rest]
  }
  return undefined
}

function columnOf(column: BoundColumn): BoundColumn {
  return { fieldId: column.fieldId, idPath: column.idPath, path: column.path }
}

/** The type, of a column whose values are compared with literals. */
function comparableType(column: ResolvedColumn): PrimitiveType {
  const { type } = column
  if (isPrimitive(type) && type.kind !== 'variant' && type.kind !== 'geometry' && type.kind !== 'geography')
    return type
  throw new LakeError('invalid-argument', 'the type of the column has no comparisons', {
    context: { column: column.name, type: printType(type) },
  })
}

// Leaves

function bindUnary(written: UnaryOp, column: ResolvedColumn, negated: boolean): Bound {
  const op = negated ? NEGATED_UNARY[written] : written
  if (op === 'is-null' || op === 'not-null') {
    if (column.required) return constant(op === 'not-null')
    if (column.type.kind === 'unknown') return constant(op === 'is-null')
    return { op, ...columnOf(column), type: column.type }
  }
  if (!isFloating(column.type)) {
    throw new LakeError('invalid-argument', 'only a float or double column can be nan', {
      context: { column: column.name, type: printType(column.type) },
    })
  }
  return { op, ...columnOf(column), type: column.type }
}

const NEGATED_UNARY: Readonly<Record<UnaryOp, UnaryOp>> = {
  'is-null': 'not-null',
  'not-null': 'is-null',
  'is-nan': 'not-nan',
  'not-nan': 'is-nan',
}

const NEGATED_COMPARISON: Readonly<Record<ComparisonOp, ComparisonOp>> = {
  eq: 'not-eq',
  'not-eq': 'eq',
  lt: 'gt-eq',
  'lt-eq': 'gt',
  gt: 'lt-eq',
  'gt-eq': 'lt',
}

function isFloating(type: Type): boolean {
  return type.kind === 'float' || type.kind === 'double'
}

function bindComparison(expression: ComparisonExpression, scope: Scope, negated: boolean): Bound {
  const column = resolve(expression.column, scope)
  const type = comparableType(column)
  if (type.kind === 'unknown') return BOUND_FALSE
  const op = negated ? NEGATED_COMPARISON[expression.op] : expression.op
  return comparePlace(op, column, type, placeLiteral(expression.literal, type, expression.column))
}

/** True for every value, but not for null. */
function anyValue(column: ResolvedColumn): Bound {
  return bindUnary('not-null', column, false)
}

function comparePlace(
  op: ComparisonOp,
  column: ResolvedColumn,
  type: PrimitiveType,
  place: LiteralPlace,
): Bound {
  if (place.at === 'value') return compareValue(op, column, type, place.value)
  switch (op) {
    case 'eq':
      return BOUND_FALSE
    case 'not-eq':
      return anyValue(column)
    case 'lt':
    case 'lt-eq':
      if (place.at === 'after') return compareValue('lt-eq', column, type, place.value)
      return place.at === 'above' ? anyValue(column) : BOUND_FALSE
    case 'gt':
    case 'gt-eq':
      if (place.at === 'after') return compareValue('gt', column, type, place.value)
      return place.at === 'below' ? anyValue(column) : BOUND_FALSE
    default:
      return unreachable(op)
  }
}

function compareValue(op: ComparisonOp, column: ResolvedColumn, type: PrimitiveType, value: Value): Bound {
  if (op === 'eq' || op === 'not-eq') return bindValues(op === 'eq' ? 'in' : 'not-in', column, type, [value])
  if (Number.isNaN(value)) return compareNan(op, column)
  if (isFloating(type) && value === 0) {
    const zero = op === 'lt' || op === 'gt-eq' ? -0 : 0
    return { op, ...columnOf(column), type, value: zero }
  }
  return compareAtEdge(op, column, type, value) ?? { op, ...columnOf(column), type, value }
}

/** NaN is above every other value and equal to itself. */
function compareNan(op: 'lt' | 'lt-eq' | 'gt' | 'gt-eq', column: ResolvedColumn): Bound {
  switch (op) {
    case 'lt':
      return bothOf(anyValue(column), bindUnary('not-nan', column, false))
    case 'lt-eq':
      return anyValue(column)
    case 'gt':
      return BOUND_FALSE
    case 'gt-eq':
      return bindUnary('is-nan', column, false)
    default:
      return unreachable(op)
  }
}

/** Comparisons with the least and greatest int or long, so that every other value has two neighbours. */
function compareAtEdge(
  op: 'lt' | 'lt-eq' | 'gt' | 'gt-eq',
  column: ResolvedColumn,
  type: PrimitiveType,
  value: Value,
): Bound | undefined {
  const edges = edgesOf(type)
  if (value === edges?.min) {
    if (op === 'lt') return BOUND_FALSE
    if (op === 'gt-eq') return anyValue(column)
  }
  if (value === edges?.max) {
    if (op === 'gt') return BOUND_FALSE
    if (op === 'lt-eq') return anyValue(column)
  }
  return undefined
}

function edgesOf(type: PrimitiveType): { readonly min: Value; readonly max: Value } | undefined {
  switch (type.kind) {
    case 'int':
    case 'date':
      return { min: -(2 ** 31), max: 2 ** 31 - 1 }
    case 'long':
    case 'time':
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return { min: -(2n ** 63n), max: 2n ** 63n - 1n }
    default:
      return undefined
  }
}

function bindSet(expression: SetExpression, scope: Scope, negated: boolean): Bound {
  const column = resolve(expression.column, scope)
  const type = comparableType(column)
  if (type.kind === 'unknown') return BOUND_FALSE
  const values: Value[] = []
  for (const literal of expression.literals) {
    const place = placeLiteral(literal, type, expression.column)
    if (place.at === 'value') values.push(place.value)
  }
  return bindValues((expression.op === 'in') !== negated ? 'in' : 'not-in', column, type, values)
}

/** `in` or `not-in`, as the simplest leaf: a comparison for one value, apart from NaN, with both zeros. */
function bindValues(op: SetOp, column: ResolvedColumn, type: PrimitiveType, values: readonly Value[]): Bound {
  const distinct = distinctValues(type, isFloating(type) ? values.flatMap(bothZeros) : values)
  if (Number.isNaN(distinct.at(-1))) {
    const rest = bindValues(op, column, type, distinct.slice(0, -1))
    if (op === 'in') return eitherOf(rest, bindUnary('is-nan', column, false))
    return bothOf(rest, bindUnary('not-nan', column, false))
  }
  const [value] = distinct
  if (value === undefined) return op === 'in' ? BOUND_FALSE : anyValue(column)
  if (distinct.length === 1) return { op: op === 'in' ? 'eq' : 'not-eq', ...columnOf(column), type, value }
  return { op, ...columnOf(column), type, values: distinct }
}

function bothZeros(value: Value): readonly Value[] {
  return value === 0 ? [-0, 0] : [value]
}

function distinctValues(type: PrimitiveType, values: readonly Value[]): readonly Value[] {
  const sorted = [...values].sort((a, b) => compareValues(type, a, b))
  return sorted.filter(
    (value, index) => index === 0 || compareValues(type, sorted[index - 1] ?? null, value) !== 0,
  )
}

function bindPrefix(expression: PrefixExpression, scope: Scope, negated: boolean): Bound {
  const column = resolve(expression.column, scope)
  const type = comparableType(column)
  if (type.kind === 'unknown') return BOUND_FALSE
  if (type.kind !== 'string' || expression.literal.kind !== 'string') {
    throw new LakeError('invalid-argument', 'a prefix test needs a string column and a string', {
      context: { column: expression.column, type: printType(type) },
    })
  }
  const positive = (expression.op === 'starts-with') !== negated
  const value = wellFormed(expression.literal.text)
  if (value === '') return positive ? anyValue(column) : BOUND_FALSE
  return { op: positive ? 'starts-with' : 'not-starts-with', ...columnOf(column), type, value }
}
