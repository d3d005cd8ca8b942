import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { type Bound, bind, boundColumns, isFalse, isTrue } from '../../src/expression/bind.js'
import {
  alwaysFalse,
  alwaysTrue,
  and,
  type Expression,
  eq,
  gt,
  gtEq,
  isIn,
  isNan,
  isNull,
  type Literal,
  lt,
  ltEq,
  not,
  notEq,
  notIn,
  notNan,
  notNull,
  or,
  startsWith,
} from '../../src/expression/expression.js'
import { printExpression } from '../../src/expression/print.js'
import { parseDate, parseTimestamp } from '../../src/schema/time.js'
import type { PrimitiveType, Schema, Type, Value } from '../../src/schema/types.js'

const schema: Schema = {
  schemaId: 0,
  identifierFieldIds: [],
  fields: [
    { id: 1, name: 'i', required: false, type: { kind: 'int' } },
    { id: 2, name: 'r', required: true, type: { kind: 'long' } },
    { id: 3, name: 'x', required: false, type: { kind: 'double' } },
    {
      id: 4,
      name: 'st',
      required: false,
      type: {
        kind: 'struct',
        fields: [
          { id: 5, name: 'a', required: true, type: { kind: 'int' } },
          {
            id: 6,
            name: 'Deep',
            required: false,
            type: {
              kind: 'struct',
              fields: [{ id: 7, name: 'b', required: false, type: { kind: 'string' } }],
            },
          },
        ],
      },
    },
    {
      id: 8,
      name: 'tags',
      required: false,
      type: { kind: 'list', elementId: 9, elementRequired: true, element: { kind: 'string' } },
    },
    { id: 10, name: 'st.a.x', required: false, type: { kind: 'string' } },
    { id: 11, name: 'i.j', required: false, type: { kind: 'int' } },
    { id: 12, name: 'nothing', required: false, type: { kind: 'unknown' } },
    { id: 13, name: 'f', required: false, type: { kind: 'float' } },
    { id: 14, name: 'o', required: false, type: { kind: 'boolean' } },
  ],
}

const shown = (expression: Expression): string => printExpression(bind(expression, schema))

function boundTo(type: Type, expression: Expression): Bound {
  return bind(expression, { fields: [{ id: 1, name: 'c', required: false, type }] })
}

/** The value that `c = literal` compares with; undefined when it is provably false. */
function valueFor(type: PrimitiveType, literal: Parameters<typeof eq>[1]): Value | undefined {
  const bound = boundTo(type, eq('c', literal))
  return bound.op === 'eq' ? bound.value : undefined
}

function failure(run: () => unknown): { kind: string; column: unknown } {
  try {
    run()
  } catch (error) {
    if (isLakeError(error)) return { kind: error.kind, column: error.context.column }
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('bind', () => {
  it('resolves columns, fields of structs and names with dots to ids', () => {
    expect(bind(eq('st.Deep.b', 'x'), schema)).toEqual({
      op: 'eq',
      fieldId: 7,
      idPath: [4, 6, 7],
      path: ['st', 'Deep', 'b'],
      type: { kind: 'string' },
      value: 'x',
    })
    expect(bind(eq('i.j', 1), schema)).toMatchObject({ fieldId: 11, idPath: [11] })
    expect(bind(eq('st.a.x', 'y'), schema)).toMatchObject({ fieldId: 10, idPath: [10] })
    expect([...boundColumns(bind(and(eq('st.a', 1), or(eq('i', 1), isNull('x'))), schema))].sort()).toEqual([
      1, 3, 4,
    ])
    expect(boundColumns(bind(alwaysTrue, schema)).size).toBe(0)
  })

  it('ignores letter case only when asked, and refuses what is then ambiguous', () => {
    expect(failure(() => bind(eq('I', 1), schema))).toEqual({ kind: 'invalid-argument', column: 'I' })
    expect(bind(eq('ST.deep.B', 'x'), schema, { caseSensitive: false })).toMatchObject({
      fieldId: 7,
      path: ['st', 'Deep', 'b'],
    })
    const twins = {
      fields: ['a', 'A'].map((name, index) => ({
        id: index,
        name,
        required: false,
        type: { kind: 'int' } as const,
      })),
    }
    expect(bind(eq('A', 1), twins)).toMatchObject({ fieldId: 1 })
    expect(failure(() => bind(eq('a', 1), twins, { caseSensitive: false }))).toEqual({
      kind: 'invalid-argument',
      column: 'a',
    })
  })

  it('refuses columns that are not there and tests that the type does not take', () => {
    for (const [column, expression] of [
      ['nope', eq('nope', 1)],
      ['st.nope', isNull('st.nope')],
      ['tags.element', eq('tags.element', 'x')],
      ['tags', eq('tags', 'x')],
      ['st', eq('st', 'x')],
      ['i', isNan('i')],
      ['i', startsWith('i', 'x')],
      ['i', eq('i', 'abc')],
      ['i', eq('i', true)],
      ['o', eq('o', 1)],
      ['i', isIn('i', [1, 'x'])],
    ] as const) {
      expect(failure(() => bind(expression, schema))).toEqual({ kind: 'invalid-argument', column })
    }
  })

  it('pushes `not` into the leaves', () => {
    expect(shown(not(and(eq('i', 1), or(lt('i', 2), isNull('i')))))).toBe(
      'i <> 1 or (i >= 2 and i is not null)',
    )
    expect(shown(not(not(gt('i', 1))))).toBe('i > 1')
    expect(shown(not(isIn('i', [2, 1, 2])))).toBe('i not in (1, 2)')
    expect(shown(not(startsWith('st.Deep.b', 'x')))).toBe("not starts_with(st.Deep.b, 'x')")
    expect(shown(not(isNan('x')))).toBe('x is not nan')
  })

  it('folds constants', () => {
    expect(isTrue(bind(or(alwaysTrue, eq('i', 1)), schema))).toBe(true)
    expect(isFalse(bind(and(eq('i', 1), alwaysFalse), schema))).toBe(true)
    expect(shown(and(alwaysTrue, eq('i', 1)))).toBe('i = 1')
    expect(isTrue(bind(not(alwaysFalse), schema))).toBe(true)
    expect(isTrue(bind(notNull('r'), schema))).toBe(true)
    expect(isFalse(bind(isNull('r'), schema))).toBe(true)
    expect(shown(isNull('st.a'))).toBe('st.a is null')
    expect(isTrue(bind(isNull('nothing'), schema))).toBe(true)
    expect(isFalse(bind(not(eq('nothing', 1)), schema))).toBe(true)
  })

  it('turns literals out of range into what they mean, without losing nulls', () => {
    expect(shown(lt('i', 3_000_000_000))).toBe('i is not null')
    expect(isFalse(bind(gt('i', 3_000_000_000), schema))).toBe(true)
    expect(isFalse(bind(eq('i', -3_000_000_000), schema))).toBe(true)
    expect(shown(notEq('i', 3_000_000_000))).toBe('i is not null')
    expect(isTrue(bind(gt('r', -1e300), schema))).toBe(true)
    expect(shown(ltEq('i', 2 ** 31 - 1))).toBe('i is not null')
    expect(isFalse(bind(lt('i', -(2 ** 31)), schema))).toBe(true)
    expect(shown(isIn('i', [1, 3_000_000_000, '1.5']))).toBe('i = 1')
    expect(shown(notIn('i', [3_000_000_000]))).toBe('i is not null')
  })

  it('compares exactly with numbers between two values', () => {
    expect(shown(lt('i', 1.5))).toBe('i <= 1')
    expect(shown(gtEq('i', -1.5))).toBe('i > -2')
    expect(isFalse(bind(eq('i', 1.5), schema))).toBe(true)
    const price: PrimitiveType = { kind: 'decimal', precision: 5, scale: 2 }
    expect(valueFor(price, '1.50')).toBe(150n)
    expect(valueFor(price, 1e-2)).toBe(1n)
    expect(valueFor(price, '1.505')).toBeUndefined()
    expect(printExpression(boundTo(price, gt('c', '-1.505')))).toBe('c > -1.51')
    expect(printExpression(boundTo(price, lt('c', 1000)))).toBe('c is not null')
  })

  it('reads floats at the precision of the column', () => {
    expect(valueFor({ kind: 'float' }, 0.1)).toBe(Math.fround(0.1))
    expect(valueFor({ kind: 'double' }, '0.1')).toBe(0.1)
    expect(valueFor({ kind: 'double' }, '-Infinity')).toBe(-Infinity)
    expect(printExpression(boundTo({ kind: 'float' }, gt('c', 1e39)))).toBe(
      `c > ${(2 - 2 ** -23) * 2 ** 127}`,
    )
    expect(printExpression(boundTo({ kind: 'double' }, lt('c', '-1e400')))).toBe("c <= '-Infinity'")
  })

  it('gives floats the answers of SQL for zeros and NaN', () => {
    expect(shown(eq('x', 0))).toBe('x in (-0e0, 0)')
    expect(shown(lt('x', 0))).toBe('x < -0e0')
    expect(shown(ltEq('x', -0))).toBe('x <= 0')
    expect(shown(eq('x', Number.NaN))).toBe('x is nan')
    expect(shown(notIn('x', [1, Number.NaN]))).toBe('x <> 1 and x is not nan')
    expect(shown(isIn('x', [1, Number.NaN]))).toBe('x = 1 or x is nan')
    expect(shown(lt('x', Number.NaN))).toBe('x is not null and x is not nan')
    expect(isFalse(bind(gt('x', Number.NaN), schema))).toBe(true)
    expect(shown(notNan('f'))).toBe('f is not nan')
  })

  it('reads text as dates, times, uuids and numbers', () => {
    expect(valueFor({ kind: 'date' }, '1969-12-31')).toBe(-1)
    expect(valueFor({ kind: 'time' }, '00:00:01')).toBe(1_000_000n)
    expect(valueFor({ kind: 'long' }, '9223372036854775807')).toBe(2n ** 63n - 1n)
    expect(valueFor({ kind: 'uuid' }, '00000000-0000-0000-0000-0000000000ff')).toEqual(
      new Uint8Array(16).fill(255, 15),
    )
    expect(valueFor({ kind: 'boolean' }, 'TRUE')).toBe(true)
    expect(valueFor({ kind: 'binary' }, Uint8Array.of(1))).toEqual(Uint8Array.of(1))
    expect(failure(() => boundTo({ kind: 'binary' }, eq('c', 'ab'))).kind).toBe('invalid-argument')
    expect(failure(() => boundTo({ kind: 'fixed', lengthBytes: 2 }, eq('c', Uint8Array.of(1)))).kind).toBe(
      'invalid-argument',
    )
    expect(failure(() => boundTo({ kind: 'date' }, eq('c', 5))).kind).toBe('invalid-argument')
    expect(failure(() => boundTo({ kind: 'string' }, eq('c', 5))).kind).toBe('invalid-argument')
  })

  it('reads times without a zone as UTC where the column has one, and refuses a zone where it has none', () => {
    const noon = parseTimestamp('2026-01-01T12:00:00', { zone: 'none', unit: 'micros' })
    expect(valueFor({ kind: 'timestamptz' }, '2026-01-01 12:00:00')).toBe(noon)
    expect(valueFor({ kind: 'timestamptz' }, '2026-01-01T14:00:00+02:00')).toBe(noon)
    expect(valueFor({ kind: 'timestamp' }, '2026-01-01T12:00:00')).toBe(noon)
    expect(failure(() => boundTo({ kind: 'timestamp' }, eq('c', '2026-01-01T12:00:00Z'))).kind).toBe(
      'invalid-argument',
    )
    expect(valueFor({ kind: 'timestamptz' }, new Date('2026-01-01T12:00:00Z'))).toBe(noon)
  })

  it('compares instants of another precision exactly', () => {
    const instant = (type: PrimitiveType, value: Value): Literal => ({ kind: 'typed', type, value })
    const day = parseDate('2026-01-02') ?? 0
    const nanosPerDay = 86_400_000_000_000n
    const late = instant({ kind: 'timestamp_ns' }, BigInt(day) * nanosPerDay + 1n)
    expect(printExpression(boundTo({ kind: 'date' }, lt('c', late)))).toBe("c <= date '2026-01-02'")
    expect(printExpression(boundTo({ kind: 'timestamp' }, gt('c', late)))).toBe(
      "c > timestamp '2026-01-02T00:00:00.000000'",
    )
    expect(valueFor({ kind: 'timestamp_ns' }, instant({ kind: 'date' }, day))).toBe(BigInt(day) * nanosPerDay)
    expect(printExpression(boundTo({ kind: 'timestamp' }, gtEq('c', '2026-01-02T00:00:00.000000001')))).toBe(
      "c > timestamp '2026-01-02T00:00:00.000000'",
    )
    expect(printExpression(boundTo({ kind: 'timestamp_ns' }, lt('c', '9999-01-01T00:00:00')))).toBe(
      'c is not null',
    )
  })

  it('takes an empty prefix as presence', () => {
    expect(shown(startsWith('st.Deep.b', ''))).toBe('st.Deep.b is not null')
    expect(isFalse(bind(not(startsWith('st.Deep.b', '')), schema))).toBe(true)
  })
})
