/**
 * The predicates inside conditions: whatever compares a column of one relation with constants is an `Expression`,
 * with an `Expression`'s meaning, wherever it stands. So `amount = 1.5` finds the same rows in a scan, in the
 * `where` of an update and in the branch of a `case`.
 */
import { allOf, anyOf, type Expression, FLIPPED_OPS, type Literal, not, notNull } from '../expression.js'
import type { CompareScalar, InScalar, SameScalar, Scalar } from '../scalar.js'
import { prefixOfPattern } from './like.js'
import { locateColumn, type Scope } from './scope.js'

export interface PredicateScope extends Scope {
  /** The value of a scalar without columns; undefined when it has some, is null, or has no value. */
  readonly constantOf: (scalar: Scalar) => Literal | undefined
}

/** A predicate with names inside its relation; of constants alone it belongs to any, and `relation` is undefined. */
export interface RelationPredicate {
  readonly relation: number | undefined
  readonly expression: Expression
}

/**
 * The predicate that a condition is; undefined when it is more than one.
 * @throws invalid-argument for a column that is not there
 */
export function predicateOf(scalar: Scalar, scope: PredicateScope): RelationPredicate | undefined {
  switch (scalar.kind) {
    case 'predicate':
      return ofExpression(scalar.expression, scope)
    case 'column':
      return ofColumn(scalar, scope, column => ({ op: 'eq', column, literal: TRUE }), 'boolean')
    case 'literal':
      return scalar.literal?.kind === 'boolean'
        ? { relation: undefined, expression: { op: scalar.literal.value ? 'true' : 'false' } }
        : undefined
    case 'not':
      return mapped(predicateOf(scalar.operand, scope), not)
    case 'and':
    case 'or':
      return joined(
        scalar.children.map(child => predicateOf(child, scope)),
        scalar.kind === 'and' ? allOf : anyOf,
      )
    case 'is-null':
    case 'is-nan': {
      const { kind: op } = scalar
      return ofColumn(scalar.operand, scope, column => ({ op, column }))
    }
    case 'compare':
      return ofComparison(scalar, scope)
    case 'same':
      return ofSame(scalar, scope)
    case 'in':
      return ofSet(scalar, scope)
    case 'like':
      return ofColumn(scalar.operand, scope, column => likeExpression(column, scalar.pattern), 'string')
    case 'call':
      return ofCall(scalar.name, scalar.args, scope)
    default:
      return undefined
  }
}

const TRUE: Literal = { kind: 'boolean', value: true }

function mapped(
  predicate: RelationPredicate | undefined,
  map: (expression: Expression) => Expression,
): RelationPredicate | undefined {
  return predicate && { ...predicate, expression: map(predicate.expression) }
}

/** Undefined when one is no predicate, or they are of different relations. */
function joined(
  parts: readonly (RelationPredicate | undefined)[],
  join: (expressions: readonly Expression[]) => Expression,
): RelationPredicate | undefined {
  let relation: number | undefined
  const expressions: Expression[] = []
  for (const part of parts) {
    if (part === undefined) return undefined
    if (relation !== undefined && part.relation !== undefined && part.relation !== relation) return undefined
    relation ??= part.relation
    expressions.push(part.expression)
  }
  return { relation, expression: join(expressions) }
}

/** The predicate on an operand that is a column, of a type if one is asked for. */
function ofColumn(
  operand: Scalar,
  scope: PredicateScope,
  make: (column: string) => Expression | undefined,
  kind?: string,
): RelationPredicate | undefined {
  if (operand.kind !== 'column') return undefined
  const { relation, name, column } = locateColumn(operand.name, scope)
  if (kind !== undefined && column.type.kind !== kind) return undefined
  const expression = make(name)
  return expression && { relation, expression }
}

function ofComparison(
  { op, left, right }: CompareScalar,
  scope: PredicateScope,
): RelationPredicate | undefined {
  return (
    withLiteral(left, right, scope, (column, literal) => ({ op, column, literal })) ??
    withLiteral(right, left, scope, (column, literal) => ({ op: FLIPPED_OPS[op], column, literal }))
  )
}

function withLiteral(
  operand: Scalar,
  constant: Scalar,
  scope: PredicateScope,
  make: (column: string, literal: Literal) => Expression,
): RelationPredicate | undefined {
  if (operand.kind !== 'column') return undefined
  const literal = scope.constantOf(constant)
  return literal && ofColumn(operand, scope, column => make(column, literal))
}

/** `column <=> constant` is never unknown, nor is this. */
function ofSame({ left, right }: SameScalar, scope: PredicateScope): RelationPredicate | undefined {
  const make = (column: string, literal: Literal): Expression =>
    allOf([notNull(column), { op: 'eq', column, literal }])
  return withLiteral(left, right, scope, make) ?? withLiteral(right, left, scope, make)
}

function ofSet({ operand, items }: InScalar, scope: PredicateScope): RelationPredicate | undefined {
  if (operand.kind !== 'column') return undefined
  const literals: Literal[] = []
  for (const item of items) {
    const literal = scope.constantOf(item)
    if (literal === undefined) return undefined
    literals.push(literal)
  }
  return ofColumn(operand, scope, column => ({ op: 'in', column, literals }))
}

function likeExpression(column: string, pattern: string): Expression | undefined {
  const prefix = prefixOfPattern(pattern)
  if (prefix === undefined) return undefined
  const literal: Literal = { kind: 'string', text: prefix.text }
  if (!prefix.open) return { op: 'eq', column, literal }
  return prefix.text === '' ? notNull(column) : { op: 'starts-with', column, literal }
}

function ofCall(
  name: string,
  [operand, prefix]: readonly Scalar[],
  scope: PredicateScope,
): RelationPredicate | undefined {
  if ((name !== 'starts_with' && name !== 'startswith') || operand === undefined || prefix === undefined) {
    return undefined
  }
  const literal = scope.constantOf(prefix)
  if (literal?.kind !== 'string') return undefined
  return ofColumn(operand, scope, column => ({ op: 'starts-with', column, literal }), 'string')
}

/** A written predicate, whose columns may be of several relations. */
function ofExpression(expression: Expression, scope: PredicateScope): RelationPredicate | undefined {
  switch (expression.op) {
    case 'true':
    case 'false':
      return { relation: undefined, expression }
    case 'not':
      return mapped(ofExpression(expression.child, scope), not)
    case 'and':
    case 'or':
      return joined(
        [ofExpression(expression.left, scope), ofExpression(expression.right, scope)],
        expression.op === 'and' ? allOf : anyOf,
      )
    default: {
      const { relation, name } = locateColumn(expression.column, scope)
      return { relation, expression: { ...expression, column: name } }
    }
  }
}

/** A predicate that is no leaf, as a condition of its parts. */
export function partsOfExpression(expression: Expression): Scalar {
  switch (expression.op) {
    case 'and':
    case 'or': {
      const children = [expression.left, expression.right].map(
        (each): Scalar => ({ kind: 'predicate', expression: each }),
      )
      return { kind: expression.op, children }
    }
    case 'not':
      return { kind: 'not', operand: { kind: 'predicate', expression: expression.child } }
    default:
      return { kind: 'predicate', expression }
  }
}
