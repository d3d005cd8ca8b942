import { describe, expect, it } from 'vitest'
import { columnValues } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { eq } from '../../src/expression/expression.js'
import { printExpression } from '../../src/expression/print.js'
import { bindCondition, bindScalar, scalarColumns } from '../../src/expression/scalar/bind.js'
import { splitCondition, splitJoin } from '../../src/expression/scalar/condition.js'
import { evaluateCondition, evaluateScalar } from '../../src/expression/scalar/evaluate.js'
import { scalarOf } from '../../src/expression/scalar.js'
import { printType } from '../../src/schema/type-text.js'
import type { Field, Value } from '../../src/schema/types.js'
import { parseScalar } from '../../src/sql/scalar.js'
import { errorOf } from '../support/errors.js'

const field = (id: number, name: string, type: Field['type'], required = false): Field => ({
  id,
  name,
  required,
  type,
})
const FIELDS: readonly Field[] = [
  field(1, 'i', { kind: 'int' }),
  field(2, 'l', { kind: 'long' }),
  field(3, 'f', { kind: 'float' }),
  field(4, 'x', { kind: 'double' }),
  field(5, 'd', { kind: 'decimal', precision: 9, scale: 2 }),
  field(6, 'w', { kind: 'decimal', precision: 38, scale: 10 }),
  field(7, 's', { kind: 'string' }),
  field(8, 'o', { kind: 'boolean' }),
  field(9, 'day', { kind: 'date' }),
  field(10, 'ts', { kind: 'timestamp' }),
  field(11, 'tz', { kind: 'timestamptz' }),
  field(12, 'tn', { kind: 'timestamp_ns' }),
  field(13, 'u', { kind: 'uuid' }),
  field(14, 'b', { kind: 'binary' }),
  field(15, 'r', { kind: 'int' }, true),
  field(16, 'list', { kind: 'list', elementId: 17, elementRequired: false, element: { kind: 'int' } }),
]
const relation = { fields: FIELDS }

function typeOf(text: string): string {
  return printType(bindScalar(parseScalar(text), relation).type)
}

/** The value of a text over constants. */
function valueIn(text: string): Value {
  const bound = bindScalar(parseScalar(text), [], { nowMicros: 1_700_000_000_000_000n })
  return columnValues(evaluateScalar(bound, batchOf([], [[]])), bound.type)[0] ?? null
}

function refusal(text: string): string | undefined {
  return errorOf(() => valueIn(text))?.message
}

describe('types of expressions', () => {
  it('are what Spark in ANSI mode says', () => {
    const types: Readonly<Record<string, string>> = {
      'i + i': 'int',
      'i + l': 'long',
      'i + f': 'double',
      'f + f': 'float',
      'f * x': 'double',
      'i / i': 'double',
      'i % 2': 'int',
      'd + d': 'decimal(10, 2)',
      'd - i': 'decimal(13, 2)',
      'd + 1': 'decimal(10, 2)',
      'd * d': 'decimal(19, 4)',
      'd / d': 'decimal(21, 12)',
      'd % d': 'decimal(9, 2)',
      'd * 1.5': 'decimal(12, 3)',
      'd + l': 'decimal(23, 2)',
      'd + x': 'double',
      'w * w': 'decimal(38, 6)',
      'w / w': 'decimal(38, 6)',
      'w + w': 'decimal(38, 9)',
      "i + '1'": 'long',
      "x + '1'": 'double',
      '-d': 'decimal(9, 2)',
      'abs(l)': 'long',
      'round(d, 1)': 'decimal(9, 1)',
      'round(d)': 'decimal(8, 0)',
      'round(x, 2)': 'double',
      'floor(d)': 'decimal(8, 0)',
      'ceil(x)': 'long',
      'floor(i)': 'long',
      'coalesce(i, l)': 'long',
      'coalesce(i, d)': 'decimal(12, 2)',
      'coalesce(null, s)': 'string',
      'greatest(d, 1.125)': 'decimal(10, 3)',
      'case when o then i else 2.5 end': 'decimal(11, 1)',
      's || i': 'string',
      'b || b': 'binary',
      'length(s)': 'int',
      'day + 1': 'date',
      'day - interval 1 month': 'date',
      'day + interval 1 hour': 'timestamptz',
      'ts + interval 3 days': 'timestamp',
      'datediff(day, ts)': 'int',
      'year(tn)': 'int',
      'i > 1': 'boolean',
      'i is null': 'boolean',
      'nullif(i, 2)': 'int',
      '2147483648': 'long',
      '9223372036854775808': 'decimal(19, 0)',
      '0.05': 'decimal(2, 2)',
      '1e2': 'double',
      'cast(i as decimal(5))': 'decimal(5, 0)',
    }
    const found = Object.fromEntries(Object.keys(types).map(text => [text, typeOf(text)]))
    expect(found).toEqual(types)
  })

  it('refuses what does not go together, naming the expression', () => {
    const refused = [
      'o + 1',
      's - day',
      'day + l',
      'day * 2',
      'list = list',
      'i and o',
      'u > 1',
      'cast(o as date)',
    ]
    for (const text of refused) {
      const error = errorOf(() => bindScalar(parseScalar(text), relation))
      expect([text, error?.kind]).toEqual([text, 'invalid-argument'])
    }
    expect(errorOf(() => bindScalar(parseScalar('day * 2'), relation))?.context).toEqual({
      expression: 'day * 2',
      types: ['date', 'int'],
    })
    expect(errorOf(() => bindScalar(parseScalar('nothing(i)'), relation))?.context.function).toBe('nothing')
    expect(errorOf(() => bindScalar(parseScalar('nullif(i)'), relation))?.message).toBe(
      'the function takes another number of arguments',
    )
    expect(errorOf(() => bindScalar(parseScalar('interval 1 day'), relation))?.kind).toBe('invalid-argument')
    expect(errorOf(() => bindScalar(parseScalar('current_date()'), relation))?.kind).toBe('invalid-argument')
  })

  it('knows what is never null', () => {
    const required = (text: string): boolean => bindScalar(parseScalar(text), relation).required
    expect(
      ['r + 1', 'coalesce(i, 0)', 'i is null', 'i <=> r', 'case when o then r else 1 end'].every(required),
    ).toBe(true)
    expect(['i + r', 'coalesce(i, l)', 'case when o then r end', 'null', 'i > 1'].some(required)).toBe(false)
  })
})

describe('values of expressions', () => {
  it('are exact for decimals, which round half up', () => {
    expect(valueIn('0.1 + 0.2')).toBe(3n)
    expect(valueIn('1 / 3.0')).toBe(333333n)
    expect(valueIn('2.0 / 3')).toBe(666667n)
    expect(valueIn('-2.0 / 3')).toBe(-666667n)
    expect(valueIn('cast(2.345 as decimal(9, 2))')).toBe(235n)
    expect(valueIn('cast(-2.345 as decimal(9, 2))')).toBe(-235n)
    expect(valueIn('7.5 % 2')).toBe(15n)
    expect(valueIn('-7.5 % 2')).toBe(-15n)
    expect(valueIn('12345678901234567890.5 * 2')).toBe(246913578024691357810n)
  })

  it('rounds numbers by the digits that they are written with', () => {
    expect(valueIn('round(1.005e0, 2)')).toBe(1.01)
    expect(valueIn('round(-2.5e0)')).toBe(-3)
    expect(valueIn('round(1e300, 2)')).toBe(1e300)
    expect(valueIn('round(123456.7e0, -2)')).toBe(123500)
    expect(valueIn('round(5e0, -1)')).toBe(10)
    expect(valueIn('round(4e0, -400)')).toBe(0)
    expect(valueIn('round(15, -1)')).toBe(20)
    expect(valueIn('round(-25, -1)')).toBe(-30)
    expect(valueIn('round(2.345, 2)')).toBe(235n)
    expect(valueIn('round(1234.5, -2)')).toBe(1200n)
    expect(valueIn('floor(-1.5)')).toBe(-2n)
    expect(valueIn('ceil(-1.5)')).toBe(-1n)
    expect(valueIn('floor(-1.5e0)')).toBe(-2n)
    expect(valueIn('ceil(7)')).toBe(7n)
  })

  it('casts text to values and values to text as Spark does', () => {
    const texts: Readonly<Record<string, string>> = {
      'cast(1e10 as string)': '1.0E10',
      'cast(0.0001e0 as string)': '1.0E-4',
      'cast(100e0 as string)': '100.0',
      'cast(cast(0.1 as float) as string)': '0.1',
      'cast(-0.50 as string)': '-0.50',
      "cast(date '2026-02-28' as string)": '2026-02-28',
      "cast(timestamp '2026-02-28 01:02:03.5' as string)": '2026-02-28 01:02:03.5',
      "cast(timestamptz '2026-02-28 01:00:00+01:00' as string)": '2026-02-28 00:00:00',
      'cast(true as string)': 'true',
      "cast(x'4142' as string)": 'AB',
      "cast(cast('F79C3E09-677C-4BBD-A479-3F349CB785E7' as uuid) as string)":
        'f79c3e09-677c-4bbd-a479-3f349cb785e7',
    }
    expect(Object.fromEntries(Object.keys(texts).map(text => [text, valueIn(text)]))).toEqual(texts)
    expect(valueIn("cast(' 12 ' as int)")).toBe(12)
    expect(valueIn("cast('1.5e1' as double)")).toBe(15)
    expect(valueIn("cast('-Infinity' as double)")).toBe(-Infinity)
    expect(valueIn("cast('1.555' as decimal(5, 2))")).toBe(156n)
    expect(valueIn("cast('yes' as boolean)")).toBe(true)
    expect(valueIn("cast('2026-01-02 10:00:00' as date)")).toBe(20455)
    expect(valueIn('cast(-1.9 as int)')).toBe(-1)
    expect(valueIn('cast(1.9e0 as bigint)')).toBe(1n)
    expect(valueIn("cast(timestamptz '1969-12-31 23:59:59.5Z' as bigint)")).toBe(-1n)
    expect(valueIn('cast(1 as timestamptz)')).toBe(1_000_000n)
    expect(valueIn("cast(date '1970-01-02' as timestamp_ns)")).toBe(86_400_000_000_000n)
  })

  it('takes text in code points', () => {
    expect(valueIn("length('a\u{1f600}é')")).toBe(3)
    expect(valueIn("length(x'00ff')")).toBe(2)
    expect(valueIn("substring('a\u{1f600}cd', 2, 2)")).toBe('\u{1f600}c')
    expect(valueIn("substring('abc', -2)")).toBe('bc')
    expect(valueIn("substring('abc', -5, 3)")).toBe('a')
    expect(valueIn("substring('abc', 0, 2)")).toBe('ab')
    expect(valueIn("'a' || 1 || true")).toBe('a1true')
    expect(valueIn("'a' || null")).toBe(null)
    expect(valueIn("replace('a.b.c', '.', '$&')")).toBe('a$&b$&c')
    expect(valueIn("trim('  a b  ') || '|'")).toBe('a b|')
    expect(valueIn("upper('straße')")).toBe('STRASSE')
  })

  it('moves dates and timestamps', () => {
    expect(valueIn("cast(date '2024-01-31' + interval 1 month as string)")).toBe('2024-02-29')
    expect(valueIn("cast(date '2024-02-29' - interval 1 year as string)")).toBe('2023-02-28')
    expect(valueIn("cast(date '2024-03-01' + 2 as string)")).toBe('2024-03-03')
    expect(valueIn("cast(timestamp '2024-01-31 12:00:00' + interval '1' month as string)")).toBe(
      '2024-02-29 12:00:00',
    )
    expect(valueIn("cast(timestamp '2024-01-31 12:00:00' - interval 90 minutes as string)")).toBe(
      '2024-01-31 10:30:00',
    )
    expect(valueIn("cast(interval 1 week + date '2024-01-01' as string)")).toBe('2024-01-08')
    expect(valueIn("datediff(date '2024-03-01', date '2024-02-01')")).toBe(29)
    expect(valueIn("hour(timestamp '1969-12-31 23:10:05')")).toBe(23)
    expect(valueIn("minute(timestamp '1969-12-31 23:10:05')")).toBe(10)
    expect(valueIn("second(timestamp '1969-12-31 23:10:05.5')")).toBe(5)
    expect(valueIn("year(timestamp '1969-12-31 23:10:05')")).toBe(1969)
    expect(valueIn('cast(current_date() as string)')).toBe('2023-11-14')
    expect(valueIn('current_timestamp()')).toBe(1_700_000_000_000_000n)
  })

  it('knows three truths', () => {
    const truths: Readonly<Record<string, Value>> = {
      'null = null': null,
      'null <=> null': true,
      '1 <=> null': false,
      'null and false': false,
      'null and true': null,
      'null or true': true,
      'not null': null,
      '1 in (2, null)': null,
      '1 in (1, null)': true,
      '1 not in (2, null)': null,
      'null in (1)': null,
      'null between 1 and 2': null,
      '3 between 1 and null': null,
      '0 between 1 and null': false,
      'null is nan': false,
      "cast('nan' as double) = cast('nan' as double)": true,
      "cast('nan' as double) > 1e300": true,
      '-0e0 = 0e0': true,
      '1.0 = 1': true,
      "'b' > 'B'": true,
      "'abc' like 'a%c'": true,
      "'abc' like 'a_'": false,
      "'a%c' like 'a\\%c'": true,
      "null like 'a'": null,
      "date '2026-01-01' = timestamp '2026-01-01 00:00:00'": true,
      true: true,
      'not false': true,
    }
    expect(Object.fromEntries(Object.keys(truths).map(text => [text, valueIn(text)]))).toEqual(truths)
  })

  it('fails on what has no value, saying why', () => {
    expect(refusal('2147483647 + 1')).toBe('the result of an expression is out of the range of its type')
    expect(refusal('-2147483648 - 1')).toBeDefined()
    expect(refusal('46341 * 46341')).toBeDefined()
    expect(refusal('9223372036854775807 + 1')).toBeDefined()
    expect(refusal('-(-9223372036854775808)')).toBeDefined()
    expect(refusal('abs(-2147483648)')).toBeDefined()
    expect(refusal('1 / 0')).toBe('a division by zero')
    expect(refusal('1.5 % 0')).toBe('a division by zero')
    expect(refusal('1e0 / 0')).toBe('a division by zero')
    expect(refusal('99999999999999999999999999999999999999 + 1.0')).toBeDefined()
    expect(refusal("cast('x' as int)")).toBe('a value cannot be cast')
    expect(refusal("cast('1.5' as int)")).toBe('a value cannot be cast')
    expect(refusal("cast('2026-02-30' as date)")).toBe('a value cannot be cast')
    expect(refusal('cast(300 as decimal(4, 2))')).toBe('a value cannot be cast')
    expect(refusal("cast('nan' as double) * 1 = cast(cast('nan' as double) as int)")).toBe(
      'a value cannot be cast',
    )
    expect(refusal('ceil(1e30)')).toBeDefined()
  })

  it('computes no branch for rows that do not reach it', () => {
    expect(valueIn('case when 1 = 1 then 1 else 1 / 0 end')).toBe(1)
    expect(valueIn("if(1 = 2, cast('x' as int), 5)")).toBe(5)
    expect(valueIn('coalesce(1.0, 1 / 0)')).toBe(1)
    expect(valueIn('1 = 2 and 1 / 0 > 1')).toBe(false)
    expect(valueIn('1 = 1 or 1 / 0 > 1')).toBe(true)
    expect(valueIn('case 2 when 1 then 10 when 2 then 20 end')).toBe(20)
    expect(valueIn('case 3 when 1 then 10 when 2 then 20 end')).toBe(null)
  })

  it('names the row and the expression that fail', () => {
    const fields = [field(1, 'a', { kind: 'int' }), field(2, 'b', { kind: 'int' })]
    const batch = batchOf(fields, [
      [1, 1],
      [null, 0],
      [3, 0],
    ])
    const error = errorOf(() => evaluateScalar(bindScalar(parseScalar('1 + a % (b * 2)'), { fields }), batch))
    expect([error?.kind, error?.message, error?.context]).toEqual([
      'invalid-argument',
      'a division by zero',
      { row: 2, expression: 'a % (b * 2)' },
    ])
  })
})

describe('names in two relations', () => {
  const target = { alias: 't', fields: [field(1, 'id', { kind: 'int' }), field(2, 'v', { kind: 'string' })] }
  const source = {
    alias: 's',
    fields: [field(1, 'id', { kind: 'long' }), field(7, 'op', { kind: 'string' })],
  }
  const both = [target, source]

  it('are found by alias, or alone where only one relation has them', () => {
    const batches = [
      batchOf(target.fields, [
        [1, 'a'],
        [2, 'b'],
        [null, 'c'],
      ]),
      batchOf(source.fields, [
        [1n, 'D'],
        [3n, 'D'],
        [null, 'I'],
      ]),
    ]
    const rows = (text: string): number[] => [
      ...evaluateCondition(bindCondition(parseScalar(text), both), batches),
    ]
    expect(rows('t.id = s.id')).toEqual([0])
    expect(rows('T.id <=> S.id')).toEqual([0, 2])
    expect(rows("op = 'D' and v = 'b'")).toEqual([1])
    expect(rows("s.op = 'D' or t.v = 'c'")).toEqual([0, 1, 2])
    expect(rows("not (op = 'D')")).toEqual([2])
    expect(errorOf(() => bindCondition(parseScalar('id = 1'), both))?.message).toBe(
      'the column name matches several columns',
    )
    expect(errorOf(() => bindCondition(parseScalar('t.op = 1'), both))?.message).toBe(
      'the column is not in the schema',
    )
    expect(
      [...scalarColumns(bindCondition(parseScalar("s.op = 'D' and t.id > s.id"), both), 1)].sort(),
    ).toEqual([1, 7])
  })

  it('take apart the condition of a merge', () => {
    const split = splitJoin(parseScalar("t.id = s.id and t.v = 'a' and s.op <> 'X' and length(t.v) < s.id"), {
      target,
      source,
    })
    expect(
      split.keys.map(key => [printType(key.target.type), key.target.kind, key.source.kind, key.nullsEqual]),
    ).toEqual([['long', 'cast', 'column', false]])
    expect(printExpression(split.target)).toBe("v = 'a'")
    expect(printExpression(split.source)).toBe("op <> 'X'")
    expect(split.residual).toMatchObject({ kind: 'compare', op: 'lt' })
    expect(splitJoin(parseScalar('s.id <=> t.id'), { target, source })).toMatchObject({
      keys: [{ nullsEqual: true }],
      residual: undefined,
    })
  })
})

describe('conditions taken apart', () => {
  const split = (text: string): [string, string | undefined] => {
    const { pushed, residual } = splitCondition(
      parseScalar(text),
      { alias: 't', fields: FIELDS },
      {
        nowMicros: 1_700_000_000_000_000n,
      },
    )
    return [printExpression(pushed), residual?.kind]
  }

  it('push what one column and constants decide', () => {
    expect(split("i = 1 and s like 'a%' and l + 1 > 2")).toEqual(["i = 1 and starts_with(s, 'a')", 'compare'])
    expect(split('t.i in (1, 2) and not (l < 3 or o)')).toEqual([
      'i in (1, 2) and not (l < 3 or o = true)',
      undefined,
    ])
    expect(split('tz < current_timestamp() - interval 1 day')).toEqual([
      "tz < timestamptz '2023-11-13T22:13:20.000000+00:00'",
      undefined,
    ])
    expect(split('i = 2 * 3')).toEqual(['i = 6', undefined])
    expect(split('i <=> 1 and i <=> null')).toEqual(['i is not null and i = 1', 'same'])
    expect(split('i = null')).toEqual(['true', 'compare'])
    expect(split('i = l or s = s')).toEqual(['true', 'or'])
    expect(split("s like 'a%b'")).toEqual(['true', 'like'])
    expect(split('true')).toEqual(['true', undefined])
    expect(split('i = 1 / 0')).toEqual(['true', 'compare'])
  })

  it('take predicates that were built', () => {
    const { pushed, residual } = splitCondition(scalarOf(eq('i', 1)), relation)
    expect([printExpression(pushed), residual]).toEqual(['i = 1', undefined])
    expect(() => splitCondition(scalarOf(eq('nothing', 1)), relation)).toThrow('not in the schema')
  })
})
