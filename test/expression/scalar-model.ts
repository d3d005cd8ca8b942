/**
 * A second, slow and obvious implementation of scalars, a row at a time, and arbitrary scalars for it: each comes
 * as the tree under test beside a function of a row. Integers and decimals are bigints here, rounding is written
 * out, and what stands behind a decision is not computed.
 */
import fc from 'fast-check'
import type { ComparisonOp, Literal } from '../../src/expression/expression.js'
import type { ArithmeticOp, Scalar } from '../../src/expression/scalar.js'
import type { Field, Value } from '../../src/schema/types.js'
import type { Row } from './model.js'

/** What a row has no value for. */
export class RowError extends Error {}

export const SCALAR_FIELDS: readonly Field[] = [
  { id: 1, name: 'i', required: false, type: { kind: 'int' } },
  { id: 2, name: 'j', required: true, type: { kind: 'int' } },
  { id: 3, name: 'l', required: false, type: { kind: 'long' } },
  { id: 4, name: 'x', required: false, type: { kind: 'double' } },
  { id: 5, name: 'd', required: false, type: { kind: 'decimal', precision: 9, scale: 2 } },
  { id: 6, name: 's', required: false, type: { kind: 'string' } },
  { id: 7, name: 'day', required: false, type: { kind: 'date' } },
  { id: 8, name: 'o', required: false, type: { kind: 'boolean' } },
  { id: 9, name: 'k', required: false, type: { kind: 'long' } },
  {
    id: 10,
    name: 'st',
    required: false,
    type: { kind: 'struct', fields: [{ id: 11, name: 'n', required: false, type: { kind: 'int' } }] },
  },
]

type Kind = 'int' | 'long' | 'double' | 'decimal' | 'string' | 'date' | 'boolean'

/** A scalar and what it is in a row. Ints and longs are bigints, decimals too, in hundredths. */
export interface Modelled<T = Exclude<Value, null>> {
  readonly scalar: Scalar
  readonly of: (row: Row) => T | null
}

const INT_MAX = 2n ** 31n - 1n
const LONG_MAX = 2n ** 63n - 1n
const longs = fc.oneof(
  fc.bigInt({ min: -9n, max: 9n }),
  fc.constantFrom(
    LONG_MAX,
    -LONG_MAX - 1n,
    2n ** 53n,
    -(2n ** 53n) - 1n,
    2n ** 32n,
    -(2n ** 31n),
    3_037_000_500n,
  ),
  fc.bigInt({ min: -LONG_MAX - 1n, max: LONG_MAX }),
)
const ints = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.constantFrom(2 ** 31 - 1, -(2 ** 31), 46_341),
  fc.integer(),
)
const texts = fc.string({ unit: fc.constantFrom('a', 'B', ' ', 'é', 'ß', '\u{1f600}'), maxLength: 6 })
const doubles = fc.oneof(
  fc.constantFrom(0, -0, 1.5, -2.25, Number.NaN, Infinity, -Infinity, 1e300),
  fc.double(),
)
const optional = <T extends Value>(values: fc.Arbitrary<T>): fc.Arbitrary<Value> =>
  fc.option(values, { nil: null, freq: 6 })

export const scalarRow: fc.Arbitrary<Row> = fc.tuple(
  optional(ints),
  ints,
  optional(longs),
  optional(doubles),
  optional(fc.bigInt({ min: -999_999_999n, max: 999_999_999n })),
  optional(texts),
  optional(fc.oneof(fc.integer({ min: -800, max: 800 }), fc.integer({ min: -700_000, max: 2_900_000 }))),
  optional(fc.boolean()),
  optional(longs),
  optional(fc.tuple(optional(ints))),
)

// Leaves

function column(name: string, index: number, convert: (value: Value) => Value = value => value): Modelled {
  return {
    scalar: { kind: 'column', name },
    of: row => {
      const value = row[index] ?? null
      return value === null ? null : (convert(value) as Exclude<Value, null>)
    },
  }
}

const exact = (value: Value): Value => BigInt(value as number | bigint)
const LEAVES: Readonly<Record<Kind, readonly Modelled[]>> = {
  int: [
    column('i', 0, exact),
    column('j', 1, exact),
    {
      scalar: { kind: 'column', name: 'st.n' },
      of: row => {
        const inside = (row[9] as readonly Value[] | null)?.[0] ?? null
        return inside === null ? null : BigInt(inside as number)
      },
    },
  ],
  long: [column('l', 2), column('k', 8)],
  double: [column('x', 3)],
  decimal: [column('d', 4)],
  string: [column('s', 5)],
  date: [column('day', 6)],
  boolean: [column('o', 7)],
}

function literal(kind: Kind): fc.Arbitrary<Modelled> {
  switch (kind) {
    case 'int':
      return ints.map(value => ({
        scalar: { kind: 'literal', literal: { kind: 'typed', type: { kind: 'int' }, value } },
        of: () => BigInt(value),
      }))
    case 'decimal':
      return fc
        .bigInt({ min: -999_999_999n, max: 999_999_999n })
        .map(value => typedLiteral({ kind: 'decimal', precision: 9, scale: 2 }, value))
    case 'long':
      return longs.map(value => typedLiteral({ kind: 'long' }, value))
    case 'double':
      return doubles.map(value => typedLiteral({ kind: 'double' }, value))
    case 'string':
      return texts.map(value => typedLiteral({ kind: 'string' }, value))
    case 'date':
      return fc.integer({ min: -30_000, max: 30_000 }).map(value => typedLiteral({ kind: 'date' }, value))
    case 'boolean':
      return fc.boolean().map(value => typedLiteral({ kind: 'boolean' }, value))
  }
}

function typedLiteral(
  type: Extract<Literal, { kind: 'typed' }>['type'],
  value: Exclude<Value, null>,
): Modelled {
  return { scalar: { kind: 'literal', literal: { kind: 'typed', type, value } }, of: () => value }
}

// Functions

/** Null when an argument is; later arguments of a null are not computed. */
function strictly(
  scalar: Scalar,
  args: readonly Modelled[],
  apply: (values: readonly Exclude<Value, null>[]) => Exclude<Value, null>,
): Modelled {
  return {
    scalar,
    of: row => {
      const values: Exclude<Value, null>[] = []
      for (const arg of args) {
        const value = arg.of(row)
        if (value === null) return null
        values.push(value)
      }
      return apply(values)
    },
  }
}

function within(value: bigint, max: bigint): bigint {
  if (value > max || value < -max - 1n) throw new RowError()
  return value
}

function integers(op: ArithmeticOp, max: bigint): (values: readonly Value[]) => bigint {
  return ([a, b]) => {
    const left = a as bigint
    const right = b as bigint
    if (op === '%') {
      if (right === 0n) throw new RowError()
      return left % right
    }
    return within(op === '+' ? left + right : op === '-' ? left - right : left * right, max)
  }
}

function floats(op: ArithmeticOp): (values: readonly Value[]) => number {
  return ([a, b]) => {
    const left = Number(a)
    const right = Number(b)
    if ((op === '/' || op === '%') && right === 0) throw new RowError()
    return { '+': left + right, '-': left - right, '*': left * right, '/': left / right, '%': left % right }[
      op
    ]
  }
}

/** Half away from zero, spelled with absolute values. */
function roundedQuotient(a: bigint, b: bigint): bigint {
  const abs = (value: bigint): bigint => (value < 0n ? -value : value)
  const magnitude = (2n * abs(a) + abs(b)) / (2n * abs(b))
  return a < 0n === b < 0n ? magnitude : -magnitude
}

/** Hundredths of nine digits, of a number with more digits behind the point. */
function hundredths(unscaled: bigint, scale: number): bigint {
  const value = roundedQuotient(unscaled, 10n ** BigInt(scale - 2))
  if (value > 999_999_999n || value < -999_999_999n) throw new RowError()
  return value
}

function decimals(op: ArithmeticOp): (values: readonly Value[]) => bigint {
  return ([a, b]) => {
    const left = a as bigint
    const right = b as bigint
    if ((op === '/' || op === '%') && right === 0n) throw new RowError()
    switch (op) {
      case '+':
        return hundredths(left + right, 2)
      case '-':
        return hundredths(left - right, 2)
      case '*':
        return hundredths(left * right, 4)
      case '%':
        return hundredths(left % right, 2)
      case '/':
        // decimal(21, 12), and then two digits of it
        return hundredths(roundedQuotient(left * 10n ** 12n, right), 12)
    }
  }
}

const call = (name: string, ...args: readonly Modelled[]): Scalar => ({
  kind: 'call',
  name,
  args: args.map(arg => arg.scalar),
})

function ofType(scalar: Scalar, kind: 'decimal' | 'int' | 'long' | 'double' | 'string'): Scalar {
  const type = kind === 'decimal' ? ({ kind, precision: 9, scale: 2 } as const) : ({ kind } as const)
  return { kind: 'cast', operand: scalar, type }
}

const points = (text: Value): string[] => Array.from(String(text))

function compareModel(kind: Kind, a: Value, b: Value): number {
  if (kind === 'string') return Math.sign(Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b))))
  if (kind === 'double') {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
  }
  const left = a as number
  const right = b as number
  return left < right ? -1 : left > right ? 1 : 0
}

function accepts(op: ComparisonOp, sign: number): boolean {
  return {
    eq: sign === 0,
    'not-eq': sign !== 0,
    lt: sign < 0,
    'lt-eq': sign <= 0,
    gt: sign > 0,
    'gt-eq': sign >= 0,
  }[op]
}

const civil = (day: Value): Date => new Date(Number(day) * 86_400_000)

type Tie = (kind: Kind) => fc.Arbitrary<Modelled>

function numberOf(kind: 'int' | 'long' | 'double' | 'decimal', tie: Tie): fc.Arbitrary<Modelled> {
  const ops: readonly ArithmeticOp[] =
    kind === 'int' || kind === 'long' ? ['+', '-', '*', '%'] : ['+', '-', '*', '/', '%']
  return fc.tuple(fc.constantFrom(...ops), tie(kind), tie(kind)).map(([op, left, right]) => {
    const bare: Scalar = { kind: 'arithmetic', op, left: left.scalar, right: right.scalar }
    const sides = [left, right]
    if (kind === 'int') return strictly(bare, sides, integers(op, INT_MAX))
    if (kind === 'long') return strictly(bare, sides, integers(op, LONG_MAX))
    if (kind === 'double') return strictly(bare, sides, floats(op))
    return strictly(ofType(bare, 'decimal'), sides, decimals(op))
  })
}

/** Functions of one kind, whatever the kind is. */
function choiceOf(kind: Kind, tie: Tie): fc.Arbitrary<Modelled> {
  const same = tie(kind)
  return fc.oneof(
    fc.tuple(same, same).map(
      ([a, b]): Modelled => ({
        scalar: call('coalesce', a, b),
        of: row => a.of(row) ?? b.of(row),
      }),
    ),
    fc.tuple(same, same).map(
      ([a, b]): Modelled => ({
        scalar: call('nullif', a, b),
        of: row => {
          const left = a.of(row)
          if (left === null) return null
          const right = b.of(row)
          return right !== null && compareModel(kind, left, right) === 0 ? null : left
        },
      }),
    ),
    fc.tuple(tie('boolean'), same, same).map(
      ([when, a, b]): Modelled => ({
        scalar: call('if', when, a, b),
        of: row => (when.of(row) === true ? a.of(row) : b.of(row)),
      }),
    ),
    fc.tuple(tie('boolean'), tie('boolean'), same, same).map(
      ([first, second, a, b]): Modelled => ({
        scalar: {
          kind: 'case',
          branches: [
            { when: first.scalar, result: a.scalar },
            { when: second.scalar, result: b.scalar },
          ],
          otherwise: undefined,
        },
        of: row => (first.of(row) === true ? a.of(row) : second.of(row) === true ? b.of(row) : null),
      }),
    ),
    fc.tuple(fc.constantFrom('greatest', 'least'), same, same).map(
      ([name, a, b]): Modelled => ({
        scalar: call(name, a, b),
        of: row => {
          const left = a.of(row)
          const right = b.of(row)
          if (left === null || right === null) return left ?? right
          const sign = compareModel(kind, right, left)
          return (name === 'greatest' ? sign > 0 : sign < 0) ? right : left
        },
      }),
    ),
  )
}

function functionOf(kind: Kind, tie: Tie): fc.Arbitrary<Modelled> {
  switch (kind) {
    case 'int':
      return fc.oneof(
        numberOf('int', tie),
        tie('int').map(a =>
          strictly({ kind: 'negate', operand: a.scalar }, [a], ([v]) => within(-(v as bigint), INT_MAX)),
        ),
        tie('int').map(a =>
          strictly(call('abs', a), [a], ([v]) =>
            within((v as bigint) < 0n ? -(v as bigint) : (v as bigint), INT_MAX),
          ),
        ),
        tie('string').map(a => strictly(call('length', a), [a], ([v]) => BigInt(points(v as string).length))),
        tie('long').map(a => strictly(ofType(a.scalar, 'int'), [a], ([v]) => within(v as bigint, INT_MAX))),
        tie('date').map(a =>
          strictly(call('year', a), [a], ([v]) => BigInt(civil(v as number).getUTCFullYear())),
        ),
        tie('date').map(a =>
          strictly(call('month', a), [a], ([v]) => BigInt(civil(v as number).getUTCMonth() + 1)),
        ),
        tie('date').map(a => strictly(call('day', a), [a], ([v]) => BigInt(civil(v as number).getUTCDate()))),
        fc
          .tuple(tie('date'), tie('date'))
          .map(([a, b]) =>
            strictly(call('datediff', a, b), [a, b], ([v, w]) => BigInt(Number(v) - Number(w))),
          ),
      )
    case 'long':
      return fc.oneof(
        numberOf('long', tie),
        tie('int').map(a => strictly(ofType(a.scalar, 'long'), [a], ([v]) => v as bigint)),
        tie('long').map(a =>
          strictly({ kind: 'negate', operand: a.scalar }, [a], ([v]) => within(-(v as bigint), LONG_MAX)),
        ),
        tie('double').map(a =>
          strictly(call('floor', a), [a], ([v]) => {
            if (!Number.isFinite(v)) throw new RowError()
            return within(BigInt(Math.floor(v as number)), LONG_MAX)
          }),
        ),
      )
    case 'double':
      return fc.oneof(
        numberOf('double', tie),
        fc
          .tuple(tie('int'), tie('int'))
          .map(([a, b]) =>
            strictly({ kind: 'arithmetic', op: '/', left: a.scalar, right: b.scalar }, [a, b], floats('/')),
          ),
        tie('long').map(a => strictly(ofType(a.scalar, 'double'), [a], ([v]) => Number(v))),
        tie('decimal').map(a => strictly(ofType(a.scalar, 'double'), [a], ([v]) => Number(`${v}e-2`))),
      )
    case 'decimal':
      return fc.oneof(
        numberOf('decimal', tie),
        tie('int').map(a =>
          strictly(ofType(a.scalar, 'decimal'), [a], ([v]) => hundredths((v as bigint) * 100n, 2)),
        ),
        tie('decimal').map(a =>
          strictly(
            ofType(
              {
                kind: 'call',
                name: 'round',
                args: [a.scalar, { kind: 'literal', literal: { kind: 'number', text: '1' } }],
              },
              'decimal',
            ),
            [a],
            ([v]) => hundredths(roundedQuotient(v as bigint, 10n) * 10n, 2),
          ),
        ),
      )
    case 'string':
      return fc.oneof(
        fc
          .tuple(tie('string'), tie('string'))
          .map(([a, b]) => strictly(call('concat', a, b), [a, b], ([v, w]) => `${v}${w}`)),
        tie('string').map(a => strictly(call('upper', a), [a], ([v]) => String(v).toUpperCase())),
        tie('string').map(a => strictly(call('lower', a), [a], ([v]) => String(v).toLowerCase())),
        tie('string').map(a =>
          strictly(call('trim', a), [a], ([v]) => {
            const units = points(v as string)
            while (units[0] === ' ') units.shift()
            while (units.at(-1) === ' ') units.pop()
            return units.join('')
          }),
        ),
        tie('long').map(a => strictly(ofType(a.scalar, 'string'), [a], ([v]) => String(v))),
        fc
          .tuple(tie('string'), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
          .map(([a, from, count]) =>
            strictly(
              {
                kind: 'call',
                name: 'substring',
                args: [
                  a.scalar,
                  { kind: 'literal', literal: { kind: 'number', text: String(from) } },
                  { kind: 'literal', literal: { kind: 'number', text: String(count) } },
                ],
              },
              [a],
              ([v]) =>
                points(v as string)
                  .slice(from - 1, from - 1 + count)
                  .join(''),
            ),
          ),
      )
    case 'date':
      return fc.tuple(tie('date'), fc.integer({ min: -400, max: 400 })).map(([a, days]) =>
        strictly(
          {
            kind: 'arithmetic',
            op: '+',
            left: a.scalar,
            right: { kind: 'literal', literal: { kind: 'number', text: String(days) } },
          },
          [a],
          ([v]) => Number(v) + days,
        ),
      )
    case 'boolean':
      return conditionOf(tie)
  }
}

const COMPARED: readonly Kind[] = ['int', 'long', 'double', 'decimal', 'string', 'date']
const OPS: readonly ComparisonOp[] = ['eq', 'not-eq', 'lt', 'lt-eq', 'gt', 'gt-eq']

function conditionOf(tie: Tie): fc.Arbitrary<Modelled> {
  const pairs = fc.constantFrom(...COMPARED).chain(kind => fc.tuple(fc.constant(kind), tie(kind), tie(kind)))
  return fc.oneof(
    fc
      .tuple(fc.constantFrom(...OPS), pairs)
      .map(([op, [kind, a, b]]) =>
        strictly({ kind: 'compare', op, left: a.scalar, right: b.scalar }, [a, b], ([v, w]) =>
          accepts(op, compareModel(kind, v as Value, w as Value)),
        ),
      ),
    pairs.map(
      ([kind, a, b]): Modelled => ({
        scalar: { kind: 'same', left: a.scalar, right: b.scalar },
        of: row => {
          const left = a.of(row)
          const right = b.of(row)
          return left === null || right === null ? left === right : compareModel(kind, left, right) === 0
        },
      }),
    ),
    fc.constantFrom(...COMPARED).chain(kind =>
      fc.tuple(tie(kind), fc.array(tie(kind), { minLength: 1, maxLength: 3 })).map(
        ([a, items]): Modelled => ({
          scalar: { kind: 'in', operand: a.scalar, items: items.map(item => item.scalar) },
          of: row => {
            const value = a.of(row)
            if (value === null) return null
            let unknown = false
            for (const item of items) {
              const other = item.of(row)
              if (other === null) unknown = true
              else if (compareModel(kind, value, other) === 0) return true
            }
            return unknown ? null : false
          },
        }),
      ),
    ),
    fc
      .constantFrom(...COMPARED)
      .chain(tie)
      .map(
        (a): Modelled => ({
          scalar: { kind: 'is-null', operand: a.scalar },
          of: row => a.of(row) === null,
        }),
      ),
    tie('boolean').map(a => strictly({ kind: 'not', operand: a.scalar }, [a], ([v]) => v !== true)),
    fc.tuple(fc.constantFrom('and', 'or'), tie('boolean'), tie('boolean')).map(
      ([op, a, b]): Modelled => ({
        scalar: { kind: op as 'and', children: [a.scalar, b.scalar] },
        of: row => {
          const decisive = op === 'or'
          const left = a.of(row)
          if (left === decisive) return decisive
          const right = b.of(row)
          if (right === decisive) return decisive
          return left === null || right === null ? null : !decisive
        },
      }),
    ),
  )
}

const KINDS: readonly Kind[] = ['int', 'long', 'double', 'decimal', 'string', 'date', 'boolean']

const trees = fc.letrec<Record<Kind, Modelled>>(tie => {
  const inside: Tie = kind => tie(kind) as fc.Arbitrary<Modelled>
  const rules = KINDS.map(kind => [
    kind,
    fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      { arbitrary: fc.constantFrom(...LEAVES[kind]), weight: 4 },
      { arbitrary: literal(kind), weight: 1 },
      { arbitrary: functionOf(kind, inside), weight: 5 },
      { arbitrary: choiceOf(kind, inside), weight: 1 },
    ),
  ])
  return Object.fromEntries(rules) as Record<Kind, fc.Arbitrary<Modelled>>
})

/** Any scalar. */
export const anyScalar: fc.Arbitrary<Modelled> = fc.oneof(...KINDS.map(kind => trees[kind]))

/** Any condition. */
export const anyCondition: fc.Arbitrary<Modelled> = trees.boolean
