/**
 * Bound scalars: columns are field ids of a relation, every node has its type, and arguments are cast to what
 * their function takes. Plain data, as written scalars are.
 *
 * A relation is one of the batches that evaluation is given, by its place: a table alone is relation 0; in a
 * merge the target is 0 and the source 1.
 */
import { unreachable } from '../../base/assert.js'
import type { StructType, Type, Value } from '../../schema/types.js'
import type { Bound, BoundColumn } from '../bind.js'
import type { ComparisonOp } from '../expression.js'

/** Functions that are null when an argument is, by what they do; their names in SQL are in `functions.ts`. */
export type ScalarFunction =
  | 'add'
  | 'subtract'
  | 'multiply'
  | 'divide'
  | 'remainder'
  | 'negate'
  | 'abs'
  | 'round'
  | 'floor'
  | 'ceil'
  | 'concat'
  | 'lower'
  | 'upper'
  | 'trim'
  | 'ltrim'
  | 'rtrim'
  | 'length'
  | 'substring'
  | 'replace'
  | 'starts-with'
  | 'ends-with'
  | 'contains'
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'minute'
  | 'second'
  | 'date-add'
  | 'date-sub'
  | 'date-diff'

interface Typed {
  readonly type: Type
  /** Never null. */
  readonly required: boolean
}
/** The text of a node that can fail on a row, for the message. */
interface Failing {
  readonly text: string
}
export interface BoundColumnScalar extends Typed, BoundColumn {
  readonly kind: 'column'
  readonly relation: number
}
export interface BoundLiteral extends Typed {
  readonly kind: 'literal'
  readonly value: Value
}
/** A function of values: null when an argument is. */
export interface BoundCall extends Typed, Failing {
  readonly kind: 'call'
  readonly name: ScalarFunction
  readonly args: readonly BoundScalar[]
}
export interface BoundIntervalSum extends Typed, Failing {
  readonly kind: 'add-interval'
  /** A date, timestamp, or timestamp in nanoseconds. */
  readonly operand: BoundScalar
  readonly months: number
  readonly micros: bigint
}
export interface BoundCast extends Typed, Failing {
  readonly kind: 'cast'
  readonly operand: BoundScalar
}
export interface BoundCase extends Typed {
  readonly kind: 'case'
  readonly branches: readonly { readonly when: BoundScalar; readonly result: BoundScalar }[]
  readonly otherwise: BoundScalar | undefined
}
/** The first that is not null, or the greatest or least of those; later ones are computed where they are needed. */
export interface BoundChoice extends Typed {
  readonly kind: 'coalesce' | 'greatest' | 'least'
  readonly args: readonly BoundScalar[]
}
/** A struct of values, in the order of its fields; never null itself. */
export interface BoundStruct extends Typed {
  readonly kind: 'struct'
  readonly type: StructType
  readonly args: readonly BoundScalar[]
}
export interface BoundLogic extends Typed {
  readonly kind: 'and' | 'or'
  readonly args: readonly BoundScalar[]
}
export interface BoundUnaryTest extends Typed {
  readonly kind: 'not' | 'is-null' | 'is-nan'
  readonly operand: BoundScalar
}
export interface BoundComparisonScalar extends Typed {
  readonly kind: 'compare'
  readonly op: ComparisonOp
  readonly left: BoundScalar
  readonly right: BoundScalar
}
export interface BoundSame extends Typed {
  readonly kind: 'same'
  readonly left: BoundScalar
  readonly right: BoundScalar
}
export interface BoundIn extends Typed {
  readonly kind: 'in'
  readonly operand: BoundScalar
  readonly items: readonly BoundScalar[]
}
export interface BoundLike extends Typed {
  readonly kind: 'like'
  readonly operand: BoundScalar
  readonly pattern: string
}
/** A predicate on one relation, with its opposite: where neither is true it is unknown. */
export interface BoundPredicate extends Typed {
  readonly kind: 'predicate'
  readonly relation: number
  readonly whenTrue: Bound
  readonly whenFalse: Bound
}
export type BoundScalar =
  | BoundColumnScalar
  | BoundLiteral
  | BoundCall
  | BoundIntervalSum
  | BoundCast
  | BoundCase
  | BoundChoice
  | BoundStruct
  | BoundLogic
  | BoundUnaryTest
  | BoundComparisonScalar
  | BoundSame
  | BoundIn
  | BoundLike
  | BoundPredicate

export const BOOLEAN: Type = { kind: 'boolean' }

/** The nodes directly inside a node. */
export function childScalars(bound: BoundScalar): readonly BoundScalar[] {
  switch (bound.kind) {
    case 'column':
    case 'literal':
    case 'predicate':
      return []
    case 'call':
    case 'coalesce':
    case 'greatest':
    case 'least':
    case 'struct':
    case 'and':
    case 'or':
      return bound.args
    case 'add-interval':
    case 'cast':
    case 'not':
    case 'is-null':
    case 'is-nan':
    case 'like':
      return [bound.operand]
    case 'compare':
    case 'same':
      return [bound.left, bound.right]
    case 'in':
      return [bound.operand, ...bound.items]
    case 'case': {
      const inside = bound.branches.flatMap(({ when, result }) => [when, result])
      return bound.otherwise === undefined ? inside : [...inside, bound.otherwise]
    }
    default:
      return unreachable(bound)
  }
}
