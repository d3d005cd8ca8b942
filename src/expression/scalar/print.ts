/** A written scalar as SQL text, for messages. The text parses to a scalar that means the same. */
import { unreachable } from '../../base/assert.js'
import type { PrimitiveType } from '../../schema/types.js'
import { COMPARISON_SIGNS, literalText, printExpression, quoteName, quoteText } from '../print.js'
import type { IntervalScalar, Scalar } from '../scalar.js'

/** The scalar as SQL. */
export function printScalar(scalar: Scalar): string {
  switch (scalar.kind) {
    case 'column':
      return scalar.name.split('.').map(quoteName).join('.')
    case 'literal':
      return scalar.literal === null ? 'null' : literalText(scalar.literal)
    case 'interval':
      return intervalText(scalar)
    case 'arithmetic':
      return `${operand(scalar.left)} ${scalar.op} ${operand(scalar.right)}`
    case 'negate':
      return `-${operand(scalar.operand)}`
    case 'call':
      return `${scalar.name}(${scalar.args.map(printScalar).join(', ')})`
    case 'cast':
      return `cast(${printScalar(scalar.operand)} as ${typeText(scalar.type)})`
    case 'case': {
      const branches = scalar.branches.map(
        ({ when, result }) => ` when ${printScalar(when)} then ${printScalar(result)}`,
      )
      const otherwise = scalar.otherwise === undefined ? '' : ` else ${printScalar(scalar.otherwise)}`
      return `case${branches.join('')}${otherwise} end`
    }
    case 'and':
    case 'or':
      return scalar.children.map(operand).join(` ${scalar.kind} `)
    case 'not':
      return `not ${operand(scalar.operand)}`
    case 'is-null':
      return `${operand(scalar.operand)} is null`
    case 'is-nan':
      return `${operand(scalar.operand)} is nan`
    case 'compare':
      return `${operand(scalar.left)} ${COMPARISON_SIGNS[scalar.op]} ${operand(scalar.right)}`
    case 'same':
      return `${operand(scalar.left)} <=> ${operand(scalar.right)}`
    case 'in':
      return `${operand(scalar.operand)} in (${scalar.items.map(printScalar).join(', ')})`
    case 'like':
      return `${operand(scalar.operand)} like ${quoteText(scalar.pattern)}`
    case 'predicate':
      return printExpression(scalar.expression)
    default:
      return unreachable(scalar)
  }
}

const PLAIN: ReadonlySet<Scalar['kind']> = new Set<Scalar['kind']>([
  'column',
  'literal',
  'call',
  'cast',
  'case',
])

/** With parentheses, unless it holds together by itself. */
function operand(scalar: Scalar): string {
  const text = printScalar(scalar)
  return PLAIN.has(scalar.kind) && !text.startsWith('-') ? text : `(${text})`
}

const INTERVAL_UNITS: readonly (readonly [name: string, micros: bigint])[] = [
  ['day', 86_400_000_000n],
  ['hour', 3_600_000_000n],
  ['minute', 60_000_000n],
  ['second', 1_000_000n],
  ['microsecond', 1n],
]

function intervalText({ months, micros }: IntervalScalar): string {
  if (months !== 0) return `interval '${months}' month`
  for (const [name, size] of INTERVAL_UNITS) {
    if (micros % size === 0n) return `interval '${micros / size}' ${name}`
  }
  return `interval '${micros}' microsecond`
}

/** The name of a type in SQL, where it differs from the schema's. */
const SQL_NAMES: ReadonlyMap<string, string> = new Map([
  ['long', 'bigint'],
  ['timestamp', 'timestamp_ntz'],
])

function typeText(type: PrimitiveType): string {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'fixed':
      return `fixed(${type.lengthBytes})`
    default:
      return SQL_NAMES.get(type.kind) ?? type.kind
  }
}
