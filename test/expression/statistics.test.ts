import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bind } from '../../src/expression/bind.js'
import {
  type Expression,
  eq,
  gt,
  gtEq,
  isIn,
  isNull,
  lt,
  not,
  notEq,
  notIn,
  notNull,
  startsWith,
} from '../../src/expression/expression.js'
import {
  type ColumnStatistics,
  mightMatch,
  mustMatch,
  type StatisticsOf,
} from '../../src/expression/statistics.js'
import type { Field, PrimitiveType, Value } from '../../src/schema/types.js'
import { compareValues } from '../../src/schema/value.js'
import {
  arbitraryRow,
  expressionOver,
  MODEL_COLUMNS,
  MODEL_FIELDS,
  MODEL_SCHEMA,
  type Row,
  truth,
} from './model.js'

/** What a writer may leave out of a column's statistics, or make wider. */
interface Damage {
  readonly withoutCounts: boolean
  readonly withoutNanCount: boolean
  readonly withoutBounds: boolean
  readonly truncated: boolean
}

const damage: fc.Arbitrary<Damage> = fc.record({
  withoutCounts: fc.boolean(),
  withoutNanCount: fc.boolean(),
  withoutBounds: fc.boolean(),
  truncated: fc.boolean(),
})

function exactStatistics(type: PrimitiveType, values: readonly Value[]): ColumnStatistics {
  const bounded = values
    .filter(value => value !== null && !Number.isNaN(value))
    .sort((a, b) => compareValues(type, a, b))
  return {
    valueCount: values.length,
    nullCount: values.filter(value => value === null).length,
    nanCount: values.filter(value => Number.isNaN(value)).length,
    lower: bounded[0],
    upper: bounded.at(-1),
  }
}

/** A lower bound at most, and an upper bound at least, the given one, as truncation makes them. */
function truncatedLower(value: Value | undefined): Value | undefined {
  if (typeof value === 'string') return [...value].slice(0, 1).join('')
  if (value instanceof Uint8Array) return value.subarray(0, 1)
  if (typeof value === 'number') return Number.isInteger(value) ? value - 1 : value
  return typeof value === 'bigint' ? value - 1n : value
}

function truncatedUpper(value: Value | undefined): Value | undefined {
  if (typeof value === 'string') return [...value].length > 1 ? undefined : value
  if (value instanceof Uint8Array) return value.length > 1 ? undefined : value
  if (typeof value === 'number') return Number.isInteger(value) ? value + 1 : value
  return typeof value === 'bigint' ? value + 1n : value
}

function damaged(statistics: ColumnStatistics, how: Damage): ColumnStatistics {
  const { valueCount, nullCount, nanCount, lower, upper } = statistics
  return {
    ...(how.withoutCounts ? {} : { valueCount, nullCount }),
    ...(how.withoutNanCount ? {} : { nanCount }),
    ...(how.withoutBounds
      ? {}
      : {
          lower: how.truncated ? truncatedLower(lower) : lower,
          upper: how.truncated ? truncatedUpper(upper) : upper,
        }),
  }
}

const FIELD_IDS = new Map([
  ...MODEL_FIELDS.map(field => [field.name, field.id] as const),
  ['st.a', 21],
  ['st.t', 22],
])

function statisticsOfRows(rows: readonly Row[], damages: readonly Damage[]): StatisticsOf {
  const byId = new Map<number, ColumnStatistics>()
  MODEL_COLUMNS.forEach((column, index) => {
    const all = rows.map(column.valueOf)
    // Writers that do not count the nulls of null structs: fields inside structs are present in all they count.
    const counted = column.name.includes('.') ? all.filter(value => value !== null) : all
    const how = damages[index % damages.length] as Damage
    byId.set(FIELD_IDS.get(column.name) ?? -1, damaged(exactStatistics(column.type, counted), how))
  })
  return fieldId => byId.get(fieldId)
}

const anyExpression = expressionOver(MODEL_COLUMNS)
const damages = fc.array(damage, { minLength: 1, maxLength: 5 })
/** Few rows, so that sets which match as a whole or not at all are common. */
const rowSet = fc.array(arbitraryRow, { minLength: 1, maxLength: 4 })

describe('statistics', () => {
  it('never skip a set with a matching row, and never call a set covered that has another', () => {
    let skipped = 0
    let covered = 0
    fc.assert(
      fc.property(anyExpression, rowSet, damages, (expression, rows, how) => {
        const bound = bind(expression, MODEL_SCHEMA)
        const statistics = statisticsOfRows(rows, how)
        const matching = rows.filter(row => truth(expression, row) === true).length
        if (!mightMatch(bound, statistics)) {
          skipped++
          expect(matching).toBe(0)
        }
        if (mustMatch(bound, statistics)) {
          covered++
          expect(matching).toBe(rows.length)
        }
      }),
      { numRuns: 4000 },
    )
    expect(skipped).toBeGreaterThan(200)
    expect(covered).toBeGreaterThan(100)
  })

  it('decide exactly when the set is one row, but for zeros and fields of structs', () => {
    const columns = MODEL_COLUMNS.filter(column => !column.name.includes('.') && column.type.kind !== 'float')
    const intact: Damage = {
      withoutCounts: false,
      withoutNanCount: false,
      withoutBounds: false,
      truncated: false,
    }
    fc.assert(
      fc.property(expressionOver(columns), arbitraryRow, (expression, row) => {
        fc.pre(row[3] !== 0)
        const bound = bind(expression, MODEL_SCHEMA)
        const statistics = statisticsOfRows([row], [intact])
        const matches = truth(expression, row) === true
        expect(mightMatch(bound, statistics)).toBe(matches)
        expect(mustMatch(bound, statistics)).toBe(matches)
      }),
      { numRuns: 2000 },
    )
  })

  const column = (type: PrimitiveType): Field => ({ id: 1, name: 'c', required: false, type })
  const ask = (type: PrimitiveType, expression: Expression, statistics: ColumnStatistics): string => {
    const bound = bind(expression, { fields: [column(type)] })
    const must = mustMatch(bound, () => statistics)
    return must ? 'all' : mightMatch(bound, () => statistics) ? 'some' : 'none'
  }
  const int: PrimitiveType = { kind: 'int' }
  const double: PrimitiveType = { kind: 'double' }
  const text: PrimitiveType = { kind: 'string' }

  it('prove nothing when they are missing', () => {
    for (const expression of [
      eq('c', 1),
      not(eq('c', 1)),
      isNull('c'),
      notNull('c'),
      gt('c', 1),
      isIn('c', [1, 2]),
    ]) {
      expect(ask(int, expression, {})).toBe('some')
    }
  })

  it('prove nothing by a null count alone, but by equal counts that all is null', () => {
    expect(ask(int, isNull('c'), { nullCount: 3 })).toBe('some')
    expect(ask(int, isNull('c'), { nullCount: 3, valueCount: 3 })).toBe('all')
    expect(ask(int, notEq('c', 1), { nullCount: 3, valueCount: 3 })).toBe('none')
    expect(ask(int, notNull('c'), { nullCount: 0 })).toBe('all')
    expect(ask(int, isNull('c'), { nullCount: -1, valueCount: -1 })).toBe('some')
  })

  it('do not let an upper bound prove `greater` false while there may be NaN', () => {
    const bounds = { nullCount: 0, valueCount: 3, lower: 1, upper: 5 }
    expect(ask(double, gt('c', 9), bounds)).toBe('some')
    expect(ask(double, gt('c', 9), { ...bounds, nanCount: 0 })).toBe('none')
    expect(ask(double, lt('c', 9), bounds)).toBe('some')
    expect(ask(double, lt('c', 9), { ...bounds, nanCount: 0 })).toBe('all')
    expect(ask(double, gtEq('c', 0.5), bounds)).toBe('all')
  })

  it('ignore bounds that are NaN or have another form than the type', () => {
    expect(ask(double, eq('c', 9), { lower: Number.NaN, upper: Number.NaN })).toBe('some')
    expect(ask({ kind: 'long' }, eq('c', 9), { lower: 1, upper: 5 })).toBe('some')
    expect(ask(text, eq('c', 'a'), { lower: new Uint8Array(1), upper: new Uint8Array(1) })).toBe('some')
  })

  it('widen zeros, which not all writers tell apart', () => {
    const zeros = { nullCount: 0, nanCount: 0, valueCount: 2, lower: 0, upper: 0 }
    expect(ask(double, eq('c', 0), zeros)).toBe('all')
    expect(ask(double, lt('c', 0), zeros)).toBe('none')
    expect(ask(double, gtEq('c', 0), zeros)).toBe('all')
  })

  it('skip and cover by prefix', () => {
    const known = { nullCount: 0, valueCount: 3 }
    expect(ask(text, startsWith('c', 'ab'), { ...known, lower: 'aba', upper: 'abz' })).toBe('all')
    expect(ask(text, not(startsWith('c', 'ab')), { ...known, lower: 'aba', upper: 'abz' })).toBe('none')
    expect(ask(text, startsWith('c', 'ab'), { ...known, lower: 'ac', upper: 'b' })).toBe('none')
    expect(ask(text, startsWith('c', 'ab'), { ...known, lower: 'a', upper: 'aa' })).toBe('none')
    expect(ask(text, startsWith('c', 'ab'), { ...known, lower: 'a', upper: 'b' })).toBe('some')
    expect(ask(text, not(startsWith('c', 'ab')), { ...known, lower: 'ac', upper: 'b' })).toBe('all')
    // A truncated lower bound that is a prefix of the prefix decides nothing.
    expect(ask(text, startsWith('c', 'abc'), { ...known, lower: 'ab' })).toBe('some')
  })

  it('skip a set of one value for `not equal` and `not in`', () => {
    const one = { nullCount: 0, valueCount: 3, lower: 7, upper: 7 }
    expect(ask(int, notEq('c', 7), one)).toBe('none')
    expect(ask(int, notIn('c', [7, 8]), one)).toBe('none')
    expect(ask(int, isIn('c', [7, 8]), one)).toBe('all')
    expect(ask(int, notIn('c', [1, 9]), one)).toBe('all')
  })
})
