/**
 * Scalar expressions, conditions and assignments from SQL text, in Spark's words.
 *
 *   price * 1.1 + coalesce(fee, 0)          case when qty > 10 then 'bulk' else lower(kind) end
 *   t.amount <> s.amount or s.op = 'D'      cast(note as int) % 2 = 0 and day < current_date() - interval 7 days
 *   qty = qty + 1, address.city = 'Bern'
 *
 * Names keep their dots: a first part may be an alias, which is known where the scalar is bound.
 */
import { unreachable } from '../base/assert.js'
import type { LakeError } from '../base/errors.js'
import { literalOf } from '../expression/expression.js'
import type { Assignment } from '../expression/merge-clause.js'
import type { Scalar } from '../expression/scalar.js'
import { isPrimitive, type PrimitiveType } from '../schema/types.js'
import { typeOfSyntax } from './ddl.js'
import { readAssignments, readPredicate } from './grammar.js'
import { readWhole } from './parse-syntax.js'
import { literalOfSyntax } from './predicate.js'
import {
  type ArithmeticSyntax,
  type AssignmentSyntax,
  type CaseSyntax,
  type IntervalSyntax,
  type Syntax,
  syntaxError,
  type TestSyntax,
  type TypeSyntax,
} from './syntax.js'
import { isExpression, isSqlText, isValueList, type SqlText, type SqlValue } from './template.js'

/**
 * The scalar of a text, or of a `sql` template with its values. A condition is a scalar too.
 * @throws invalid-argument when it does not parse, with `position` (from 0, in UTF-16 units) and `near`
 */
export function parseScalar(source: string | SqlText): Scalar {
  const text = sqlTextOf(source)
  return scalarOfSyntax(readWhole(text.text, readPredicate), text)
}

/**
 * The assignments of an update: `a = a + 1, b = 'x'`.
 * @throws as `parseScalar`
 */
export function parseAssignments(source: string | SqlText): Assignment[] {
  const text = sqlTextOf(source)
  return readWhole(text.text, readAssignments).map(each => assignmentOf(each, text))
}

const NO_VALUES: ReadonlyMap<number, SqlValue> = new Map()

/** A text as a template without values. */
export function sqlTextOf(source: string | SqlText): SqlText {
  return typeof source === 'string' ? { text: source, values: NO_VALUES } : source
}

/** What an assignment that was read means. */
export function assignmentOf({ column, value }: AssignmentSyntax, source: SqlText): Assignment {
  return { column, value: scalarOfSyntax(value, source) }
}

/** What a value or condition that was read means. @throws as `parseScalar` */
export function scalarOfSyntax(node: Syntax, source: SqlText): Scalar {
  return new Lowering(source).scalar(node)
}

/** Everything that walks a scalar recurses; the stack has an end. */
const DEPTH_MAX = 500

/** From trees to scalars; counts how deep it is. */
class Lowering {
  readonly #source: SqlText
  #depth = 0

  constructor(source: SqlText) {
    this.#source = source
  }

  scalar(node: Syntax): Scalar {
    this.#depth++
    if (this.#depth > DEPTH_MAX) throw this.#fail(node.at, 'the text is nested too deeply')
    const scalar = this.#node(node)
    this.#depth--
    return scalar
  }

  #fail(at: number, message: string): LakeError {
    return syntaxError(this.#source.text, at, { message })
  }

  #scalars(nodes: readonly Syntax[]): Scalar[] {
    return nodes.map(node => this.scalar(node))
  }

  #node(node: Syntax): Scalar {
    switch (node.kind) {
      case 'name':
        return { kind: 'column', name: node.parts.join('.') }
      case 'literal':
        if (node.form === 'null') return { kind: 'literal', literal: null }
        return { kind: 'literal', literal: literalOfSyntax(node, this.#source) }
      case 'parameter':
        return this.#parameter(node.at)
      case 'and':
      case 'or':
        return { kind: node.kind, children: this.#scalars(node.children) }
      case 'not':
        return { kind: 'not', operand: this.scalar(node.child) }
      case 'negate':
        return { kind: 'negate', operand: this.scalar(node.operand) }
      case 'compare':
        return { kind: 'compare', op: node.op, left: this.scalar(node.left), right: this.scalar(node.right) }
      case 'same':
        return { kind: 'same', left: this.scalar(node.left), right: this.scalar(node.right) }
      case 'arithmetic':
        return this.#arithmetic(node)
      case 'call':
        return { kind: 'call', name: node.name.toLowerCase(), args: this.#scalars(node.args) }
      case 'cast':
        return { kind: 'cast', operand: this.scalar(node.operand), type: this.#type(node.type) }
      case 'case':
        return this.#case(node)
      case 'interval':
        return this.#interval(node)
      case 'in':
      case 'between':
      case 'like':
      case 'is-null':
      case 'is-nan':
        return this.#test(node)
      default:
        return unreachable(node)
    }
  }

  #parameter(at: number): Scalar {
    const value = this.#source.values.get(at)
    if (value === undefined) throw this.#fail(at, 'a question mark without a value')
    if (isValueList(value)) throw this.#fail(at, 'a list of values can stand behind in only')
    return this.#value(value)
  }

  #value(value: Exclude<SqlValue, readonly unknown[]>): Scalar {
    if (isSqlText(value)) return parseScalar(value)
    if (isExpression(value)) return { kind: 'predicate', expression: value }
    return { kind: 'literal', literal: literalOf(value) }
  }

  /** A chain of `||` is one call. */
  #arithmetic({ op, left, right }: ArithmeticSyntax): Scalar {
    const sides = [this.scalar(left), this.scalar(right)] as const
    if (op !== '||') return { kind: 'arithmetic', op, left: sides[0], right: sides[1] }
    const isChain = left.kind === 'arithmetic' && left.op === '||' && sides[0].kind === 'call'
    const args = isChain && sides[0].kind === 'call' ? [...sides[0].args, sides[1]] : sides
    return { kind: 'call', name: 'concat', args }
  }

  #type(type: TypeSyntax): PrimitiveType {
    const known = typeOfSyntax(type, this.#source.text)
    if (isPrimitive(known) && known.kind !== 'unknown') return known
    throw this.#fail(type.at, 'nothing is cast to this type')
  }

  /** `case x when 1 then ..` compares x with each. */
  #case({ subject, branches, otherwise }: CaseSyntax): Scalar {
    const left = subject && this.scalar(subject)
    return {
      kind: 'case',
      branches: branches.map(({ when, result }) => {
        const right = this.scalar(when)
        return {
          when: left === undefined ? right : { kind: 'compare', op: 'eq', left, right },
          result: this.scalar(result),
        }
      }),
      otherwise: otherwise && this.scalar(otherwise),
    }
  }

  #interval({ count, negated, unit, at }: IntervalSyntax): Scalar {
    const size = INTERVAL_UNITS.get(unit.toLowerCase().replace(/s$/, ''))
    if (size === undefined) {
      throw syntaxError(this.#source.text, at, {
        message: 'the unit of the interval is not known',
        expected: [...INTERVAL_UNITS.keys()].join(', '),
      })
    }
    const digits = /^\s*([+-]?\d{1,15})\s*$/.exec(count)?.[1]
    if (digits === undefined) throw this.#fail(at, 'an interval is a whole number of its unit')
    const amount = negated ? -BigInt(digits) : BigInt(digits)
    return { kind: 'interval', months: Number(amount) * size.months, micros: amount * size.micros }
  }

  #test(node: TestSyntax): Scalar {
    const operand = this.scalar(node.operand)
    const test = this.#positiveTest(node, operand)
    return node.negated ? { kind: 'not', operand: test } : test
  }

  #positiveTest({ kind, args }: TestSyntax, operand: Scalar): Scalar {
    switch (kind) {
      case 'is-null':
      case 'is-nan':
        return { kind, operand }
      case 'in':
        return { kind: 'in', operand, items: args.flatMap(arg => this.#items(arg)) }
      case 'between': {
        const [low, high] = this.#scalars(args) as [Scalar, Scalar]
        return {
          kind: 'and',
          children: [
            { kind: 'compare', op: 'gt-eq', left: operand, right: low },
            { kind: 'compare', op: 'lt-eq', left: operand, right: high },
          ],
        }
      }
      case 'like': {
        const [node] = args as [Syntax]
        const pattern = this.scalar(node)
        if (pattern.kind === 'literal' && pattern.literal?.kind === 'string') {
          return { kind: 'like', operand, pattern: pattern.literal.text }
        }
        throw this.#fail(node.at, 'a like pattern is text')
      }
      default:
        return unreachable(kind)
    }
  }

  /** An item of a list, or all of a parameter that is one. */
  #items(node: Syntax): readonly Scalar[] {
    const value = node.kind === 'parameter' ? this.#source.values.get(node.at) : undefined
    if (value === undefined || !isValueList(value)) return [this.scalar(node)]
    return value.map(item => ({ kind: 'literal', literal: literalOf(item) }))
  }
}

const INTERVAL_UNITS: ReadonlyMap<string, { readonly months: number; readonly micros: bigint }> = new Map([
  ['year', { months: 12, micros: 0n }],
  ['month', { months: 1, micros: 0n }],
  ['week', { months: 0, micros: 604_800_000_000n }],
  ['day', { months: 0, micros: 86_400_000_000n }],
  ['hour', { months: 0, micros: 3_600_000_000n }],
  ['minute', { months: 0, micros: 60_000_000n }],
  ['second', { months: 0, micros: 1_000_000n }],
  ['millisecond', { months: 0, micros: 1000n }],
  ['microsecond', { months: 0, micros: 1n }],
])
