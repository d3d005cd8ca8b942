/**
 * A predicate as SQL text, written or bound: for messages, `explain` and logs. The text of a written
 * predicate parses to one that means the same.
 */
import { unreachable } from '../base/assert.js'
import { hexEncode } from '../base/bytes.js'
import { formatDecimal } from '../schema/decimal.js'
import { formatDate, formatTime, formatTimestamp } from '../schema/time.js'
import type { PrimitiveType, Value } from '../schema/types.js'
import { formatUuid } from '../schema/uuid-text.js'
import type { Bound } from './bind.js'
import type { ComparisonOp, Expression, Literal, UnaryOp } from './expression.js'

/** How comparisons are written. */
export const COMPARISON_SIGNS: Readonly<Record<ComparisonOp, string>> = {
  eq: '=',
  'not-eq': '<>',
  lt: '<',
  'lt-eq': '<=',
  gt: '>',
  'gt-eq': '>=',
}

const UNARY: Readonly<Record<UnaryOp, string>> = {
  'is-null': 'is null',
  'not-null': 'is not null',
  'is-nan': 'is nan',
  'not-nan': 'is not nan',
}

/** The predicate as SQL. */
export function printExpression(expression: Expression | Bound): string {
  return print(expression)
}

function print(node: Expression | Bound): string {
  switch (node.op) {
    case 'true':
    case 'false':
      return node.op
    case 'not':
      return `not ${printOperand(node.child)}`
    case 'and':
    case 'or':
      return `${printBranch(node.left, node.op)} ${node.op} ${printBranch(node.right, node.op)}`
    case 'is-null':
    case 'not-null':
    case 'is-nan':
    case 'not-nan':
      return `${columnText(node)} ${UNARY[node.op]}`
    case 'eq':
    case 'not-eq':
    case 'lt':
    case 'lt-eq':
    case 'gt':
    case 'gt-eq':
      return `${columnText(node)} ${COMPARISON_SIGNS[node.op]} ${literalTexts(node).join()}`
    case 'in':
    case 'not-in':
      return `${columnText(node)} ${node.op === 'in' ? 'in' : 'not in'} (${literalTexts(node).join(', ')})`
    case 'starts-with':
    case 'not-starts-with':
      return `${node.op === 'starts-with' ? '' : 'not '}starts_with(${columnText(node)}, ${literalTexts(node).join()})`
    default:
      return unreachable(node)
  }
}

function printOperand(node: Expression | Bound): string {
  return node.op === 'and' || node.op === 'or' ? `(${print(node)})` : print(node)
}

/** A chain of one operator needs no parentheses: it means the same however it is grouped. */
function printBranch(node: Expression | Bound, parent: 'and' | 'or'): string {
  return node.op === parent ? print(node) : printOperand(node)
}

type Leaf = Exclude<Expression | Bound, { readonly op: 'true' | 'false' | 'and' | 'or' | 'not' }>

/** A part of a column name that needs no quotes: no keyword of the grammar is one. */
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const KEYWORDS: ReadonlySet<string> = new Set([
  'and',
  'or',
  'not',
  'in',
  'is',
  'between',
  'like',
  'null',
  'true',
  'false',
])

function columnText(leaf: Leaf): string {
  const path = 'path' in leaf ? leaf.path : leaf.column.split('.')
  return path.map(quoteName).join('.')
}

/** A name as an identifier, in double quotes where it needs them. */
export function quoteName(name: string): string {
  if (PLAIN_NAME.test(name) && !KEYWORDS.has(name.toLowerCase())) return name
  return `"${name.replaceAll('"', '""')}"`
}

function literalTexts(leaf: Leaf): readonly string[] {
  if ('literals' in leaf) return leaf.literals.map(literalText)
  if ('literal' in leaf) return [literalText(leaf.literal)]
  if ('values' in leaf) return leaf.values.map(value => valueText(leaf.type, value))
  return 'value' in leaf && 'path' in leaf ? [valueText(leaf.type, leaf.value)] : []
}

/** A literal as SQL. */
export function literalText(literal: Literal): string {
  switch (literal.kind) {
    case 'number':
      return literal.text
    case 'string':
      return quoteText(literal.text)
    case 'boolean':
      return String(literal.value)
    case 'binary':
      return bytesText(literal.bytes)
    case 'typed':
      return valueText(literal.type, literal.value)
    default:
      return unreachable(literal)
  }
}

/** Text in single quotes. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function bytesText(bytes: Uint8Array): string {
  return `x'${hexEncode(bytes)}'`
}

function valueText(type: PrimitiveType, value: Value): string {
  if (value instanceof Uint8Array)
    return type.kind === 'uuid' ? quoteText(formatUuid(value)) : bytesText(value)
  switch (typeof value) {
    case 'string':
      return quoteText(value)
    case 'number':
      if (type.kind === 'date') return `date '${formatDate(value)}'`
      return Number.isFinite(value) ? numberText(value) : quoteText(String(value))
    case 'bigint':
      return integerText(type, value)
    default:
      return String(value)
  }
}

/** A zero with a sign is a double for certain: as a decimal it would lose the sign. */
function numberText(value: number): string {
  return Object.is(value, -0) ? '-0e0' : String(value)
}

function integerText(type: PrimitiveType, value: bigint): string {
  switch (type.kind) {
    case 'decimal':
      return formatDecimal(value, type.scale)
    case 'time':
      return `time '${formatTime(value)}'`
    case 'timestamp':
    case 'timestamp_ns':
      return `timestamp '${formatTimestamp(value, { zoned: false, unit: unitOf(type) })}'`
    case 'timestamptz':
    case 'timestamptz_ns':
      return `timestamptz '${formatTimestamp(value, { zoned: true, unit: unitOf(type) })}'`
    default:
      return value.toString()
  }
}

function unitOf(type: PrimitiveType): 'micros' | 'nanos' {
  return type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns' ? 'nanos' : 'micros'
}
