/**
 * What the grammar builds: text as a tree, before it means anything. Every node knows where it stands
 * (`at`, an offset into the text), so that what comes later can point at it.
 */
import { LakeError } from '../base/errors.js'
import type { ComparisonOp } from '../expression/expression.js'

/** A value or a condition: one family, as in SQL. */
export type Syntax =
  | NameSyntax
  | LiteralSyntax
  | CallSyntax
  | { readonly kind: 'parameter'; readonly at: number }
  | { readonly kind: 'not'; readonly child: Syntax; readonly at: number }
  | { readonly kind: 'and' | 'or'; readonly children: readonly Syntax[]; readonly at: number }
  | CompareSyntax
  | SameSyntax
  | TestSyntax
  | ArithmeticSyntax
  | { readonly kind: 'negate'; readonly operand: Syntax; readonly at: number }
  | { readonly kind: 'cast'; readonly operand: Syntax; readonly type: TypeSyntax; readonly at: number }
  | CaseSyntax
  | IntervalSyntax

export interface NameSyntax {
  readonly kind: 'name'
  /** The parts between dots, without quotes. */
  readonly parts: readonly string[]
  readonly at: number
}
export interface LiteralSyntax {
  readonly kind: 'literal'
  readonly form:
    | 'number'
    | 'text'
    | 'hex'
    | 'true'
    | 'false'
    | 'null'
    | 'date'
    | 'time'
    | 'timestamp'
    | 'timestamptz'
  /** Digits with their sign, or what is between the quotes. */
  readonly text: string
  readonly at: number
}
export interface CallSyntax {
  readonly kind: 'call'
  readonly name: string
  readonly args: readonly Syntax[]
  readonly at: number
}
export interface CompareSyntax {
  readonly kind: 'compare'
  readonly op: ComparisonOp
  readonly left: Syntax
  readonly right: Syntax
  /** Where the operator stands. */
  readonly at: number
}
/** `left <=> right`. */
export interface SameSyntax {
  readonly kind: 'same'
  readonly left: Syntax
  readonly right: Syntax
  readonly at: number
}
export interface ArithmeticSyntax {
  readonly kind: 'arithmetic'
  readonly op: '+' | '-' | '*' | '/' | '%' | '||'
  readonly left: Syntax
  readonly right: Syntax
  /** Where the operator stands. */
  readonly at: number
}
export interface CaseSyntax {
  readonly kind: 'case'
  /** What the branches are compared with; undefined: they are conditions. */
  readonly subject: Syntax | undefined
  readonly branches: readonly CaseBranchSyntax[]
  readonly otherwise: Syntax | undefined
  readonly at: number
}
export interface CaseBranchSyntax {
  readonly when: Syntax
  readonly result: Syntax
}
/** `interval '1' day`. */
export interface IntervalSyntax {
  readonly kind: 'interval'
  /** As written, without quotes. */
  readonly count: string
  readonly negated: boolean
  readonly unit: string
  readonly at: number
}
/** `column = value` of an update. */
export interface AssignmentSyntax {
  /** Dotted. */
  readonly column: string
  readonly value: Syntax
  readonly at: number
}
/** `operand [not] in (..)`, `between .. and ..`, `like ..`, `is [not] null`. */
export interface TestSyntax {
  readonly kind: 'in' | 'between' | 'like' | 'is-null' | 'is-nan'
  readonly operand: Syntax
  readonly negated: boolean
  readonly args: readonly Syntax[]
  readonly at: number
}

export interface ColumnSyntax {
  readonly name: string
  readonly type: TypeSyntax
  readonly required: boolean
  readonly comment: string | undefined
  readonly at: number
}
export type TypeSyntax =
  | { readonly kind: 'array'; readonly element: TypeSyntax; readonly at: number }
  | { readonly kind: 'map'; readonly key: TypeSyntax; readonly value: TypeSyntax; readonly at: number }
  | { readonly kind: 'struct'; readonly fields: readonly ColumnSyntax[]; readonly at: number }
  | NamedTypeSyntax
export interface NamedTypeSyntax {
  readonly kind: 'named'
  readonly name: string
  /** What stands in parentheses or brackets: digits, or text without its quotes. */
  readonly parameters: readonly string[]
  readonly at: number
}

export interface SortTermSyntax {
  readonly term: Syntax
  readonly direction: 'asc' | 'desc'
  /** Undefined: not written. */
  readonly nulls: 'nulls-first' | 'nulls-last' | undefined
}

const NEAR_LENGTH = 24

/**
 * The error of a text that does not parse or mean anything at an offset. Its context holds the `position`
 * (from 0, in UTF-16 units) and the text that is `near`.
 */
export function syntaxError(
  text: string,
  at: number,
  options: {
    readonly message: string
    readonly expected?: string | undefined
    readonly kind?: 'unsupported' | undefined
  },
): LakeError {
  const near = text.slice(at, at + NEAR_LENGTH)
  const expected = options.expected === undefined ? {} : { expected: options.expected }
  return new LakeError(options.kind ?? 'invalid-argument', options.message, {
    context: { position: at, near: near === '' ? 'the end of the text' : near, ...expected },
  })
}
