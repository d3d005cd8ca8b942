/**
 * Predicates from SQL text. The grammar is wider than what a predicate can be: what two columns, arithmetic
 * or a subquery would need is refused here, at its position in the text.
 *
 *   region = 'eu' and not deleted and id in (1, 2) and price between 1.5 and 2
 *   ts >= timestamp '2026-01-01 00:00:00' and day = date '2026-01-01' and key = x'00ff'
 *   name like 'ab%' or starts_with(name, 'ab') or note is not null or ratio is nan
 *   address.city = 'Bern' or "a column" = 1 or `another` <> 2
 *
 * A boolean column alone is a condition. `is nan` is false for null. `timestamp` text without a zone is a
 * timestamp; compared with a timestamptz column it is UTC.
 */
import { unreachable } from '../base/assert.js'
import { hexDecode } from '../base/bytes.js'
import type { LakeError } from '../base/errors.js'
import {
  allOf,
  alwaysFalse,
  alwaysTrue,
  and,
  anyOf,
  type Expression,
  FLIPPED_OPS,
  type Literal,
  literalOf,
  not,
  notNull,
} from '../expression/expression.js'
import { parseDate, parseTime, parseTimestamp } from '../schema/time.js'
import type { Value } from '../schema/types.js'
import { parseSyntax } from './parse-syntax.js'
import {
  type CallSyntax,
  type CompareSyntax,
  type LiteralSyntax,
  type Syntax,
  syntaxError,
  type TestSyntax,
} from './syntax.js'
import { isExpression, isSqlText, isValueList, type SqlText, type SqlValue } from './template.js'

/**
 * The predicate of a text, or of a `sql` template with its values.
 * @throws invalid-argument when it does not parse or is no predicate, with `position` (from 0, in UTF-16
 * units) and `near`
 * @throws unsupported for a `like` pattern that is no prefix
 */
export function parsePredicate(source: string | SqlText): Expression {
  const { text, values } = typeof source === 'string' ? { text: source, values: NO_VALUES } : source
  return lower(parseSyntax(text, 'predicate'), { text, values })
}

const NO_VALUES: ReadonlyMap<number, SqlValue> = new Map()

function fail(source: Pick<SqlText, 'text'>, at: number, message: string): LakeError {
  return syntaxError(source.text, at, { message })
}

function lower(node: Syntax, source: SqlText): Expression {
  switch (node.kind) {
    case 'and':
      return allOf(node.children.map(child => lower(child, source)))
    case 'or':
      return anyOf(node.children.map(child => lower(child, source)))
    case 'not':
      return not(lower(node.child, source))
    case 'compare':
      return lowerComparison(node, source)
    case 'in':
    case 'between':
    case 'like':
    case 'is-null':
    case 'is-nan':
      return lowerTest(node, source)
    case 'call':
      return lowerCall(node, source)
    case 'name':
      return { op: 'eq', column: columnOf(node, source), literal: { kind: 'boolean', value: true } }
    case 'literal':
      if (node.form === 'true') return alwaysTrue
      if (node.form === 'false') return alwaysFalse
      throw fail(source, node.at, 'a value alone is no condition')
    case 'parameter':
      return lowerParameter(node.at, source)
    case 'same':
    case 'arithmetic':
    case 'negate':
    case 'cast':
    case 'case':
    case 'interval':
      throw fail(source, node.at, 'only columns and literals can be compared here')
    default:
      return unreachable(node)
  }
}

/** A value that stands where a condition stands: a predicate, or a boolean. */
function lowerParameter(at: number, source: SqlText): Expression {
  const value = valueAt(at, source)
  if (typeof value === 'boolean') return value ? alwaysTrue : alwaysFalse
  if (isSqlText(value)) return parsePredicate(value)
  if (isExpression(value)) return value
  throw fail(source, at, 'a value alone is no condition')
}

function valueAt(at: number, source: SqlText): SqlValue {
  const value = source.values.get(at)
  if (value === undefined) throw fail(source, at, 'a question mark without a value')
  return value
}

function lowerComparison({ op, left, right, at }: CompareSyntax, source: SqlText): Expression {
  if (left.kind === 'name') return { op, column: columnOf(left, source), literal: literal(right, source) }
  if (right.kind === 'name') {
    return { op: FLIPPED_OPS[op], column: columnOf(right, source), literal: literal(left, source) }
  }
  const call = left.kind === 'call' ? left : right
  if (call.kind === 'call') throw fail(source, call.at, 'a function cannot be compared yet')
  const other = [left, right].find(side => side.kind !== 'literal' && side.kind !== 'parameter')
  if (other !== undefined) throw fail(source, other.at, 'only columns and literals can be compared here')
  throw fail(source, at, 'a comparison needs a column on one side')
}

function lowerTest(node: TestSyntax, source: SqlText): Expression {
  const { kind, negated, args } = node
  const column = columnOf(node.operand, source)
  switch (kind) {
    case 'is-null':
      return { op: negated ? 'not-null' : 'is-null', column }
    case 'is-nan':
      return { op: negated ? 'not-nan' : 'is-nan', column }
    case 'in':
      return { op: negated ? 'not-in' : 'in', column, literals: args.flatMap(arg => literals(arg, source)) }
    case 'between': {
      const [low, high] = args.map(arg => literal(arg, source)) as [Literal, Literal]
      const inside = and({ op: 'gt-eq', column, literal: low }, { op: 'lt-eq', column, literal: high })
      return negated ? not(inside) : inside
    }
    case 'like': {
      const like = lowerLike(column, args[0] as Syntax, source)
      return negated ? not(like) : like
    }
    default:
      return unreachable(kind)
  }
}

/** Text, then at most one `%`; a backslash before `%`, `_` or a backslash makes it plain. */
const PREFIX_PATTERN = /^((?:[^%_\\]|\\[%_\\])*)(%?)$/s

function lowerLike(column: string, pattern: Syntax, source: SqlText): Expression {
  const value = literal(pattern, source)
  if (value.kind !== 'string') throw fail(source, pattern.at, 'a like pattern is text')
  const match = PREFIX_PATTERN.exec(value.text)
  if (!match) {
    throw syntaxError(source.text, pattern.at, {
      kind: 'unsupported',
      message: 'a like pattern can be a prefix followed by one percent sign only',
    })
  }
  const text = (match[1] ?? '').replace(/\\([%_\\])/g, '$1')
  if (match[2] === '') return { op: 'eq', column, literal: { kind: 'string', text } }
  return text === '' ? notNull(column) : { op: 'starts-with', column, literal: { kind: 'string', text } }
}

function lowerCall(node: CallSyntax, source: SqlText): Expression {
  const name = node.name.toLowerCase()
  if (name !== 'starts_with' && name !== 'startswith') {
    throw syntaxError(source.text, node.at, {
      message: 'the function is not known',
      expected: 'starts_with(column, text)',
    })
  }
  const [column, prefix] = node.args
  if (column === undefined || prefix === undefined || node.args.length !== 2) {
    throw fail(source, node.at, 'starts_with takes a column and a text')
  }
  const value = literal(prefix, source)
  if (value.kind !== 'string') throw fail(source, prefix.at, 'the prefix is a text')
  return { op: 'starts-with', column: columnOf(column, source), literal: value }
}

function columnOf(node: Syntax, source: SqlText): string {
  if (node.kind === 'name') return node.parts.join('.')
  throw fail(source, node.at, 'a column is needed here')
}

// Literals

function literals(node: Syntax, source: SqlText): readonly Literal[] {
  if (node.kind !== 'parameter') return [literal(node, source)]
  const value = valueAt(node.at, source)
  return isValueList(value) ? value.map(literalOf) : [literal(node, source)]
}

function literal(node: Syntax, source: SqlText): Literal {
  if (node.kind === 'literal') return literalOfSyntax(node, source)
  if (node.kind === 'name') throw fail(source, node.at, 'two columns cannot be compared yet')
  if (node.kind !== 'parameter') throw fail(source, node.at, 'a literal is needed here')
  const value = valueAt(node.at, source)
  if (isValueList(value) || isSqlText(value) || isExpression(value)) {
    throw fail(source, node.at, 'a literal is needed here')
  }
  return literalOf(value)
}

/** The literal that is written. @throws invalid-argument for text that is no value of its form, and for null */
export function literalOfSyntax(node: LiteralSyntax, source: Pick<SqlText, 'text'>): Literal {
  switch (node.form) {
    case 'number':
      return { kind: 'number', text: node.text }
    case 'text':
      return { kind: 'string', text: node.text }
    case 'true':
    case 'false':
      return { kind: 'boolean', value: node.form === 'true' }
    case 'hex': {
      const bytes = hexDecode(node.text)
      if (bytes === undefined) throw fail(source, node.at, 'the text between the quotes is not hexadecimal')
      return { kind: 'binary', bytes }
    }
    case 'null':
      throw fail(source, node.at, 'a comparison with null is never true; write is null')
    case 'date':
      return typed({ kind: 'date' }, parseDate(node.text), node, source)
    case 'time':
      return typed({ kind: 'time' }, parseTime(node.text), node, source)
    case 'timestamp':
      return timestampLiteral(node, source)
    case 'timestamptz':
      return zonedLiteral(node, source)
    default:
      return unreachable(node.form)
  }
}

type TypedLiteral = Extract<Literal, { kind: 'typed' }>

function typed(
  type: TypedLiteral['type'],
  value: Value | undefined,
  node: LiteralSyntax,
  source: Pick<SqlText, 'text'>,
): Literal {
  if (value !== undefined) return { kind: 'typed', type, value }
  throw fail(source, node.at, `the text is no ${node.form}`)
}

/** Microseconds, or nanoseconds where the text is finer; with a zone in the text it is a timestamptz. */
function timestampLiteral(node: LiteralSyntax, source: Pick<SqlText, 'text'>): Literal {
  const micros = parseTimestamp(node.text, { zone: 'none', unit: 'micros' })
  if (micros !== undefined) return { kind: 'typed', type: { kind: 'timestamp' }, value: micros }
  const nanos = parseTimestamp(node.text, { zone: 'none', unit: 'nanos' })
  if (nanos !== undefined) return { kind: 'typed', type: { kind: 'timestamp_ns' }, value: nanos }
  return zonedLiteral(node, source)
}

function zonedLiteral(node: LiteralSyntax, source: Pick<SqlText, 'text'>): Literal {
  const micros = parseTimestamp(node.text, { zone: 'default-utc', unit: 'micros' })
  if (micros !== undefined) return { kind: 'typed', type: { kind: 'timestamptz' }, value: micros }
  const nanos = parseTimestamp(node.text, { zone: 'default-utc', unit: 'nanos' })
  return typed({ kind: 'timestamptz_ns' }, nanos, node, source)
}
