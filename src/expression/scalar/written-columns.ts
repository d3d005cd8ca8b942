/** What is inside written scalars. */
import type { Expression } from '../expression.js'
import type { Scalar } from '../scalar.js'

/** The names of columns in a scalar, as written. */
export function columnNames(scalar: Scalar): string[] {
  if (scalar.kind === 'column') return [scalar.name]
  if (scalar.kind === 'predicate') return predicateColumns(scalar.expression)
  return childrenOf(scalar).flatMap(columnNames)
}

function predicateColumns(expression: Expression): string[] {
  switch (expression.op) {
    case 'true':
    case 'false':
      return []
    case 'not':
      return predicateColumns(expression.child)
    case 'and':
    case 'or':
      return [...predicateColumns(expression.left), ...predicateColumns(expression.right)]
    default:
      return [expression.column]
  }
}

function childrenOf(scalar: Scalar): readonly Scalar[] {
  switch (scalar.kind) {
    case 'column':
    case 'literal':
    case 'interval':
    case 'predicate':
      return []
    case 'arithmetic':
    case 'compare':
    case 'same':
      return [scalar.left, scalar.right]
    case 'call':
      return scalar.args
    case 'and':
    case 'or':
      return scalar.children
    case 'in':
      return [scalar.operand, ...scalar.items]
    case 'case': {
      const inside = scalar.branches.flatMap(({ when, result }) => [when, result])
      return scalar.otherwise === undefined ? inside : [...inside, scalar.otherwise]
    }
    default:
      return [scalar.operand]
  }
}
