/**
 * A second, slow and obvious implementation of predicates on rows of values, and arbitrary rows and predicates
 * for it: what the vectorised and the pruning code is compared with. Numbers are compared exactly as scaled
 * integers, text by its UTF-8 bytes, floats by SQL's rules (both zeros equal, NaN above everything).
 */
import fc from 'fast-check'
import type { Expression, Literal } from '../../src/expression/expression.js'
import type { Field, PrimitiveType, Schema, StructType, Type, Value } from '../../src/schema/types.js'

export type Row = readonly Value[]

const struct: StructType = {
  kind: 'struct',
  fields: [
    { id: 21, name: 'a', required: false, type: { kind: 'int' } },
    { id: 22, name: 't', required: true, type: { kind: 'string' } },
  ],
}

export const MODEL_FIELDS: readonly Field[] = [
  { id: 1, name: 'i', required: false, type: { kind: 'int' } },
  { id: 2, name: 'l', required: false, type: { kind: 'long' } },
  { id: 3, name: 'd', required: false, type: { kind: 'decimal', precision: 9, scale: 2 } },
  { id: 4, name: 'x', required: false, type: { kind: 'double' } },
  { id: 5, name: 'f', required: false, type: { kind: 'float' } },
  { id: 6, name: 's', required: false, type: { kind: 'string' } },
  { id: 7, name: 'b', required: false, type: { kind: 'binary' } },
  { id: 8, name: 'day', required: false, type: { kind: 'date' } },
  { id: 9, name: 'ts', required: false, type: { kind: 'timestamp' } },
  { id: 10, name: 'o', required: false, type: { kind: 'boolean' } },
  { id: 11, name: 'u', required: false, type: { kind: 'uuid' } },
  { id: 12, name: 'r', required: true, type: { kind: 'int' } },
  { id: 13, name: 'st', required: false, type: struct },
  { id: 14, name: 'nothing', required: false, type: { kind: 'unknown' } },
  { id: 15, name: 'big', required: false, type: { kind: 'decimal', precision: 38, scale: 0 } },
  { id: 16, name: 'tn', required: false, type: { kind: 'timestamptz_ns' } },
]

export const MODEL_SCHEMA: Schema = { schemaId: 0, fields: MODEL_FIELDS, identifierFieldIds: [] }

/** Columns that comparisons are made on, with the way to their value in a row. */
interface ModelColumn {
  readonly name: string
  readonly type: PrimitiveType
  readonly valueOf: (row: Row) => Value
}

const topLevel: readonly ModelColumn[] = MODEL_FIELDS.flatMap((field, index) =>
  field.type.kind === 'struct' || field.type.kind === 'list' || field.type.kind === 'map'
    ? []
    : [{ name: field.name, type: field.type, valueOf: (row: Row) => row[index] ?? null }],
)

function structMember(index: number): (row: Row) => Value {
  return row => {
    const value = row[12]
    return Array.isArray(value) ? ((value as readonly Value[])[index] ?? null) : null
  }
}

export const MODEL_COLUMNS: readonly ModelColumn[] = [
  ...topLevel,
  { name: 'st.a', type: { kind: 'int' }, valueOf: structMember(0) },
  { name: 'st.t', type: { kind: 'string' }, valueOf: structMember(1) },
]

// Arbitrary values: small domains, so that equal values meet, and the edges

const INT_MAX = 2 ** 31 - 1
const LONG_MAX = 2n ** 63n - 1n

/** Code points around those where UTF-16 and UTF-8 order differ. */
const text = fc.string({
  unit: fc.constantFrom('a', 'b', 'é', '\u{ffff}', '\u{e000}', '\u{1f600}', '\u{10ffff}'),
  maxLength: 6,
})
const bytes = fc
  .uint8Array({ maxLength: 4, max: 255 })
  .map(array => array.map(byte => (byte > 3 ? 255 : byte)))

export function arbitraryValue(type: Type): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'int':
    case 'date':
      return fc.oneof(
        fc.integer({ min: -3, max: 3 }),
        fc.constantFrom(INT_MAX, -INT_MAX - 1, -INT_MAX + 4),
        fc.integer(),
      )
    case 'long':
      return fc.oneof(
        fc.bigInt({ min: -3n, max: 3n }),
        fc.constantFrom(
          LONG_MAX,
          -LONG_MAX - 1n,
          2n ** 32n,
          2n ** 32n - 1n,
          -(2n ** 32n),
          2n ** 31n,
          -(2n ** 31n),
        ),
        fc.bigInt({ min: -LONG_MAX - 1n, max: LONG_MAX }),
      )
    case 'timestamp':
    case 'timestamptz':
    case 'timestamp_ns':
    case 'timestamptz_ns':
      return fc.oneof(
        fc.bigInt({ min: -100_000_000_000n, max: 100_000_000_000n }),
        fc.constantFrom(0n, -1n, 1n, -86_400_000_000n, -3_600_000_000n, LONG_MAX, -LONG_MAX - 1n),
        fc.bigInt({ min: -LONG_MAX - 1n, max: LONG_MAX }),
      )
    case 'decimal': {
      const limit = 10n ** BigInt(type.precision) - 1n
      return fc.oneof(fc.bigInt({ min: -250n, max: 250n }), fc.bigInt({ min: -limit, max: limit }))
    }
    case 'double':
      return fc.oneof(fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1, -1, 1.5), fc.double())
    case 'float':
      return fc.oneof(fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 1, -1, 1.5), fc.float())
    case 'string':
      return text
    case 'binary':
      return bytes
    case 'uuid':
      return bytes.map(array => {
        const padded = new Uint8Array(16)
        padded.set(array)
        return padded
      })
    case 'boolean':
      return fc.boolean()
    case 'struct':
      return fc.tuple(
        fc.option(arbitraryValue({ kind: 'int' }), { nil: null }),
        arbitraryValue({ kind: 'string' }),
      )
    default:
      return fc.constant(null)
  }
}

export const arbitraryRow: fc.Arbitrary<Row> = fc.tuple(
  ...MODEL_FIELDS.map(field =>
    field.required
      ? arbitraryValue(field.type)
      : fc.option(arbitraryValue(field.type), { nil: null, freq: 6 }),
  ),
)

// Arbitrary predicates

const UNTYPED_NUMBERS = [
  '0',
  '-0',
  '1.5',
  '-1.005',
  '2.25',
  '1e30',
  '-1e30',
  '1e-30',
  '99999999999999999999',
  '-3',
  '1e999999999',
]

function literalOf(type: PrimitiveType): fc.Arbitrary<Literal> {
  const typed = arbitraryValue(type).map((value): Literal => ({ kind: 'typed', type, value }))
  switch (type.kind) {
    case 'int':
    case 'long':
    case 'decimal':
      return fc.oneof(
        typed,
        fc.constantFrom(...UNTYPED_NUMBERS).map((digits): Literal => ({ kind: 'number', text: digits })),
      )
    case 'unknown':
      return fc.constant({ kind: 'number', text: '1' })
    default:
      return typed
  }
}

function leafOf(column: ModelColumn): fc.Arbitrary<Expression> {
  const { name, type } = column
  const comparison = fc
    .tuple(fc.constantFrom('eq', 'not-eq', 'lt', 'lt-eq', 'gt', 'gt-eq'), literalOf(type))
    .map(([op, literal]): Expression => ({ op: op as 'eq', column: name, literal }))
  const set = fc
    .tuple(fc.constantFrom('in', 'not-in'), fc.array(literalOf(type), { maxLength: 5 }))
    .map(([op, literals]): Expression => ({ op: op as 'in', column: name, literals }))
  const nulls = fc.constantFrom<Expression>({ op: 'is-null', column: name }, { op: 'not-null', column: name })
  const nans = fc.constantFrom<Expression>({ op: 'is-nan', column: name }, { op: 'not-nan', column: name })
  const prefix = fc.tuple(fc.constantFrom('starts-with', 'not-starts-with'), text).map(
    ([op, value]): Expression => ({
      op: op as 'starts-with',
      column: name,
      literal: { kind: 'string', text: value },
    }),
  )
  if (type.kind === 'double' || type.kind === 'float') return fc.oneof(comparison, set, nulls, nans)
  return type.kind === 'string'
    ? fc.oneof(comparison, set, nulls, prefix)
    : fc.oneof(comparison, comparison, set, nulls)
}

/** Predicates over some of the model's columns. */
export function expressionOver(columns: readonly ModelColumn[]): fc.Arbitrary<Expression> {
  const leaf = fc.oneof(...columns.map(leafOf))
  return fc.letrec<{ node: Expression }>(tie => ({
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc
        .tuple(fc.constantFrom('and', 'or'), tie('node'), tie('node'))
        .map(([op, left, right]): Expression => ({ op: op as 'and', left, right })),
      tie('node').map((child): Expression => ({ op: 'not', child })),
    ),
  })).node
}

// Truth: true, false, or null for unknown

type Truth = boolean | null

export function truth(expression: Expression, row: Row): Truth {
  switch (expression.op) {
    case 'true':
    case 'false':
      return expression.op === 'true'
    case 'not': {
      const child = truth(expression.child, row)
      return child === null ? null : !child
    }
    case 'and':
    case 'or': {
      const sides = [truth(expression.left, row), truth(expression.right, row)]
      const decisive = expression.op === 'or'
      if (sides.includes(decisive)) return decisive
      return sides.includes(null) ? null : !decisive
    }
    default:
      return leafTruth(expression, columnNamed(expression.column), row)
  }
}

function columnNamed(name: string): ModelColumn {
  const column = MODEL_COLUMNS.find(each => each.name === name)
  if (column === undefined) throw new Error(`the model has no column ${name}`)
  return column
}

type LeafExpression = Exclude<Expression, { op: 'true' | 'false' | 'not' | 'and' | 'or' }>

function leafTruth(leaf: LeafExpression, { type, valueOf: read }: ModelColumn, row: Row): Truth {
  const value = read(row)
  switch (leaf.op) {
    case 'is-null':
      return value === null
    case 'not-null':
      return value !== null
    case 'is-nan':
      return Number.isNaN(value)
    case 'not-nan':
      return !Number.isNaN(value)
    default:
      break
  }
  if (value === null) return null
  switch (leaf.op) {
    case 'in':
    case 'not-in':
      return leaf.literals.some(literal => order(type, value, literal) === 0) === (leaf.op === 'in')
    case 'starts-with':
    case 'not-starts-with':
      return String(value).startsWith(textOf(leaf.literal)) === (leaf.op === 'starts-with')
    default: {
      const sign = order(type, value, leaf.literal)
      const outcomes = {
        eq: sign === 0,
        'not-eq': sign !== 0,
        lt: sign < 0,
        'lt-eq': sign <= 0,
        gt: sign > 0,
        'gt-eq': sign >= 0,
      }
      return outcomes[leaf.op]
    }
  }
}

function textOf(literal: Literal): string {
  return literal.kind === 'string' ? literal.text : ''
}

function order(type: PrimitiveType, value: Value, literal: Literal): number {
  if (literal.kind === 'number') return sign(scaled(type, value) - scaledText(literal.text))
  const other = literal.kind === 'typed' ? literal.value : null
  if (typeof value === 'number' && typeof other === 'number') {
    if (Number.isNaN(value) || Number.isNaN(other))
      return Number(Number.isNaN(value)) - Number(Number.isNaN(other))
    return value < other ? -1 : value > other ? 1 : 0
  }
  if (typeof value === 'bigint' && typeof other === 'bigint') return sign(value - other)
  if (typeof value === 'boolean' && typeof other === 'boolean') return Number(value) - Number(other)
  return Buffer.compare(Buffer.from(value as string), Buffer.from(other as string))
}

function sign(difference: bigint): number {
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

const SCALE = 60n

function scaled(type: PrimitiveType, value: Value): bigint {
  const scale = type.kind === 'decimal' ? BigInt(type.scale) : 0n
  return BigInt(value as number | bigint) * 10n ** (SCALE - scale)
}

/** Exact for what `UNTYPED_NUMBERS` holds; a magnitude out of all ranges may be any other such magnitude. */
function scaledText(digits: string): bigint {
  const [mantissa = '', exponent = '0'] = digits.split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const power = BigInt(Math.min(Number(exponent), 100)) - BigInt(fraction.length) + SCALE
  return BigInt(whole + fraction) * 10n ** power
}
