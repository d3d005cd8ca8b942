/**
 * Scalar expressions as they are written, before a schema is known: what `set a = b + 1`, `on t.id = s.id` and
 * conditions over more than a column and a literal are made of. Plain data, columns by dotted name.
 *
 * A condition is a scalar of type boolean, in SQL's three-valued logic. Whatever of it compares one column with
 * literals is an `Expression` too, and has an `Expression`'s meaning: `scalar/condition.ts` takes those parts
 * out, since they can be pushed down. `scalar/bind.ts` gives names and types to the rest, `scalar/evaluate.ts`
 * computes it on batches.
 */
import type { PrimitiveType } from '../schema/types.js'
import {
  type ComparisonOp,
  type Expression,
  type Literal,
  type LiteralInput,
  literalOf,
} from './expression.js'

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%'

export interface ColumnScalar {
  readonly kind: 'column'
  /** Dotted for a field of a struct; the first part may be the alias of a relation. */
  readonly name: string
}
export interface LiteralScalar {
  readonly kind: 'literal'
  /** Null is SQL's null, of no type yet. */
  readonly literal: Literal | null
}
/** A span of time, which only `+` and `-` take. */
export interface IntervalScalar {
  readonly kind: 'interval'
  readonly months: number
  readonly micros: bigint
}
export interface ArithmeticScalar {
  readonly kind: 'arithmetic'
  readonly op: ArithmeticOp
  readonly left: Scalar
  readonly right: Scalar
}
export interface CallScalar {
  readonly kind: 'call'
  /** In lower case; `scalar/functions.ts` knows which there are. */
  readonly name: string
  readonly args: readonly Scalar[]
}
export interface CastScalar {
  readonly kind: 'cast'
  readonly operand: Scalar
  readonly type: PrimitiveType
}
export interface CaseScalar {
  readonly kind: 'case'
  readonly branches: readonly CaseBranch[]
  /** Undefined: null. */
  readonly otherwise: Scalar | undefined
}
export interface CaseBranch {
  readonly when: Scalar
  readonly result: Scalar
}
export interface LogicScalar {
  readonly kind: 'and' | 'or'
  readonly children: readonly Scalar[]
}
/** The unary minus. */
export interface NegateScalar {
  readonly kind: 'negate'
  readonly operand: Scalar
}
/** The two tests are never unknown; null is not NaN. */
export interface UnaryTestScalar {
  readonly kind: 'not' | 'is-null' | 'is-nan'
  readonly operand: Scalar
}
export interface CompareScalar {
  readonly kind: 'compare'
  readonly op: ComparisonOp
  readonly left: Scalar
  readonly right: Scalar
}
/** `left <=> right`: equal, or both null; never unknown. */
export interface SameScalar {
  readonly kind: 'same'
  readonly left: Scalar
  readonly right: Scalar
}
export interface InScalar {
  readonly kind: 'in'
  readonly operand: Scalar
  readonly items: readonly Scalar[]
}
export interface LikeScalar {
  readonly kind: 'like'
  readonly operand: Scalar
  /** With `%`, `_` and backslashes before them that make them plain. */
  readonly pattern: string
}
/** A predicate as a boolean. */
export interface PredicateScalar {
  readonly kind: 'predicate'
  readonly expression: Expression
}
export type Scalar =
  | ColumnScalar
  | LiteralScalar
  | IntervalScalar
  | ArithmeticScalar
  | CallScalar
  | CastScalar
  | CaseScalar
  | LogicScalar
  | NegateScalar
  | UnaryTestScalar
  | CompareScalar
  | SameScalar
  | InScalar
  | LikeScalar
  | PredicateScalar

/** What a caller may hand in for a scalar: a scalar, a predicate, or a constant. */
export type ScalarInput = Scalar | Expression | LiteralInput | null

/** A column by its dotted name. */
export function columnScalar(name: string): ColumnScalar {
  return { kind: 'column', name }
}

/**
 * The scalar of a value that a caller handed in.
 * @throws invalid-argument for undefined, an invalid Date, or an object that is nothing of the kind
 */
export function scalarOf(value: ScalarInput): Scalar {
  if (value === null) return { kind: 'literal', literal: null }
  if (typeof value !== 'object') return { kind: 'literal', literal: literalOf(value) }
  if (isScalar(value)) return value
  if ('op' in value) return { kind: 'predicate', expression: value }
  return { kind: 'literal', literal: literalOf(value) }
}

/** Everything a scalar can be; literals have other kinds, and predicates none. */
const SCALAR_KINDS: ReadonlySet<unknown> = new Set<Scalar['kind']>([
  'column',
  'literal',
  'interval',
  'arithmetic',
  'call',
  'cast',
  'case',
  'and',
  'or',
  'not',
  'negate',
  'is-null',
  'is-nan',
  'compare',
  'same',
  'in',
  'like',
  'predicate',
])

function isScalar(value: object): value is Scalar {
  return 'kind' in value && SCALAR_KINDS.has(value.kind)
}

/** Conjunction; of no children: true. */
export function allOfScalars(children: readonly Scalar[]): Scalar {
  const [first] = children
  if (first === undefined) return { kind: 'predicate', expression: { op: 'true' } }
  return children.length === 1 ? first : { kind: 'and', children }
}

/** The conjuncts of a condition, nested ones too. */
export function conjunctsOf(condition: Scalar): Scalar[] {
  return condition.kind === 'and' ? condition.children.flatMap(conjunctsOf) : [condition]
}
