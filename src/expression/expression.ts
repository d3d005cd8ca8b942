/**
 * Predicates as they are written, before a schema is known: plain data, columns by dotted name, literals
 * without a column's type. `bind.ts` turns one into the `Bound` form that everything else works on.
 *
 * Logic is SQL's: a comparison with null is neither true nor false, and a filter keeps the rows where it is
 * true. `is-null`, `not-null`, `is-nan` and `not-nan` are always true or false; null is not NaN.
 */
import { LakeError } from '../base/errors.js'
import type { PrimitiveType, Value } from '../schema/types.js'

/** A constant as written. It takes the type of the column that it is compared with. */
export type Literal =
  /** The digits as written, sign and exponent included, so that nothing is lost before the type is known. */
  | { readonly kind: 'number'; readonly text: string }
  /** Text; for a date, time, timestamp, uuid, decimal ... column its usual text form. */
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array }
  /** A value whose type is known, as of `date '2026-01-01'`; never null. */
  | { readonly kind: 'typed'; readonly type: PrimitiveType; readonly value: Value }

export type UnaryOp = 'is-null' | 'not-null' | 'is-nan' | 'not-nan'
export type ComparisonOp = 'eq' | 'not-eq' | 'lt' | 'lt-eq' | 'gt' | 'gt-eq'
/** `a op b` is `b FLIPPED_OPS[op] a`. */
export const FLIPPED_OPS: Readonly<Record<ComparisonOp, ComparisonOp>> = {
  eq: 'eq',
  'not-eq': 'not-eq',
  lt: 'gt',
  'lt-eq': 'gt-eq',
  gt: 'lt',
  'gt-eq': 'lt-eq',
}
export type SetOp = 'in' | 'not-in'
export type PrefixOp = 'starts-with' | 'not-starts-with'

export interface ConstantExpression {
  readonly op: 'true' | 'false'
}
export interface LogicalExpression {
  readonly op: 'and' | 'or'
  readonly left: Expression
  readonly right: Expression
}
export interface NotExpression {
  readonly op: 'not'
  readonly child: Expression
}
export interface UnaryExpression {
  readonly op: UnaryOp
  /** Dotted for a field of a struct. */
  readonly column: string
}
export interface ComparisonExpression {
  readonly op: ComparisonOp
  readonly column: string
  readonly literal: Literal
}
export interface SetExpression {
  readonly op: SetOp
  readonly column: string
  readonly literals: readonly Literal[]
}
export interface PrefixExpression {
  readonly op: PrefixOp
  readonly column: string
  readonly literal: Literal
}
export type Expression =
  | ConstantExpression
  | LogicalExpression
  | NotExpression
  | UnaryExpression
  | ComparisonExpression
  | SetExpression
  | PrefixExpression

/** What a caller may hand in for a literal. A `Date` is an instant, a `Uint8Array` binary. */
export type LiteralInput = Literal | string | number | bigint | boolean | Date | Uint8Array

export const alwaysTrue: Expression = { op: 'true' }
export const alwaysFalse: Expression = { op: 'false' }

/** True when all are true; of no children: true. */
export function and(...children: readonly Expression[]): Expression {
  return allOf(children)
}

/** True when one is true; of no children: false. */
export function or(...children: readonly Expression[]): Expression {
  return anyOf(children)
}

/** `and` of a list of any length. */
export function allOf(children: readonly Expression[]): Expression {
  return joinBalanced('and', children) ?? alwaysTrue
}

/** `or` of a list of any length. */
export function anyOf(children: readonly Expression[]): Expression {
  return joinBalanced('or', children) ?? alwaysFalse
}

/** A balanced tree, so that recursion over it stays shallow however many children there are. */
function joinBalanced(op: 'and' | 'or', children: readonly Expression[]): Expression | undefined {
  if (children.length <= 1) return children[0]
  const middle = children.length >> 1
  const left = joinBalanced(op, children.slice(0, middle))
  const right = joinBalanced(op, children.slice(middle))
  return left && right ? { op, left, right } : (left ?? right)
}

export function not(child: Expression): Expression {
  return { op: 'not', child }
}

export function isNull(column: string): Expression {
  return { op: 'is-null', column }
}

export function notNull(column: string): Expression {
  return { op: 'not-null', column }
}

export function isNan(column: string): Expression {
  return { op: 'is-nan', column }
}

export function notNan(column: string): Expression {
  return { op: 'not-nan', column }
}

export function eq(column: string, value: LiteralInput): Expression {
  return { op: 'eq', column, literal: literalOf(value) }
}

export function notEq(column: string, value: LiteralInput): Expression {
  return { op: 'not-eq', column, literal: literalOf(value) }
}

export function lt(column: string, value: LiteralInput): Expression {
  return { op: 'lt', column, literal: literalOf(value) }
}

export function ltEq(column: string, value: LiteralInput): Expression {
  return { op: 'lt-eq', column, literal: literalOf(value) }
}

export function gt(column: string, value: LiteralInput): Expression {
  return { op: 'gt', column, literal: literalOf(value) }
}

export function gtEq(column: string, value: LiteralInput): Expression {
  return { op: 'gt-eq', column, literal: literalOf(value) }
}

export function isIn(column: string, values: readonly LiteralInput[]): Expression {
  return { op: 'in', column, literals: values.map(literalOf) }
}

export function notIn(column: string, values: readonly LiteralInput[]): Expression {
  return { op: 'not-in', column, literals: values.map(literalOf) }
}

export function startsWith(column: string, prefix: string): Expression {
  return { op: 'starts-with', column, literal: literalOf(prefix) }
}

export function notStartsWith(column: string, prefix: string): Expression {
  return { op: 'not-starts-with', column, literal: literalOf(prefix) }
}

/**
 * The literal of a JavaScript value.
 * @throws invalid-argument for null, undefined, an invalid Date, or an object that is no literal
 */
export function literalOf(value: LiteralInput): Literal {
  switch (typeof value) {
    case 'string':
      return { kind: 'string', text: value }
    case 'boolean':
      return { kind: 'boolean', value }
    case 'bigint':
      return { kind: 'number', text: value.toString() }
    case 'number':
      return numberLiteral(value)
    case 'object':
      return objectLiteral(value)
    default:
      return refuseLiteral(value)
  }
}

function numberLiteral(value: number): Literal {
  if (!Number.isFinite(value)) return { kind: 'typed', type: { kind: 'double' }, value }
  return { kind: 'number', text: Object.is(value, -0) ? '0' : String(value) }
}

function objectLiteral(value: Literal | Date | Uint8Array): Literal {
  if (value instanceof Uint8Array) return { kind: 'binary', bytes: value }
  if (value instanceof Date) {
    const timeMs = value.getTime()
    if (Number.isNaN(timeMs)) return refuseLiteral(value)
    return { kind: 'typed', type: { kind: 'timestamptz' }, value: BigInt(timeMs) * 1000n }
  }
  return value !== null && isLiteralKind(value.kind) ? value : refuseLiteral(value)
}

function isLiteralKind(kind: unknown): boolean {
  return kind === 'number' || kind === 'string' || kind === 'boolean' || kind === 'binary' || kind === 'typed'
}

function refuseLiteral(value: unknown): never {
  throw new LakeError('invalid-argument', 'the value cannot be a literal of a predicate', {
    context: { value: String(value) },
  })
}
