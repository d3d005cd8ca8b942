import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bound, bind } from '../../src/expression/bind.js'
import {
  and,
  type Expression,
  eq,
  gt,
  gtEq,
  isIn,
  isNull,
  lt,
  ltEq,
  not,
  notEq,
  or,
  startsWith,
} from '../../src/expression/expression.js'
import {
  mightMatchSummaries,
  mightMatchTuple,
  mustMatchTuple,
  type PartitionSummary,
  projectInclusive,
  projectStrict,
} from '../../src/expression/partition-projection.js'
import { printExpression } from '../../src/expression/print.js'
import { partitionType } from '../../src/schema/partition.js'
import type {
  PartitionField,
  PartitionSpec,
  PartitionTuple,
  Transform,
} from '../../src/schema/partition-spec.js'
import { parseDate } from '../../src/schema/time.js'
import { canTransform, transformValue } from '../../src/schema/transform.js'
import type { Schema, Value } from '../../src/schema/types.js'
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

const TRANSFORMS: readonly Transform[] = [
  { kind: 'identity' },
  { kind: 'year' },
  { kind: 'month' },
  { kind: 'day' },
  { kind: 'hour' },
  { kind: 'void' },
  { kind: 'bucket', count: 1 },
  { kind: 'bucket', count: 4 },
  { kind: 'truncate', width: 1 },
  { kind: 'truncate', width: 2 },
  { kind: 'truncate', width: 10 },
  { kind: 'truncate', width: 2 ** 31 - 1 },
]

interface Source {
  readonly column: (typeof MODEL_COLUMNS)[number]
  readonly sourceId: number
  readonly transform: Transform
}

const ids = new Map([
  ...MODEL_FIELDS.map(field => [field.name, field.id] as const),
  ['st.a', 21],
  ['st.t', 22],
])

/** Every transform with every column of the model that it applies to. */
const SOURCES: readonly Source[] = MODEL_COLUMNS.flatMap(column =>
  TRANSFORMS.filter(transform => canTransform(transform, column.type)).map(transform => ({
    column,
    sourceId: ids.get(column.name) ?? -1,
    transform,
  })),
)

function specOf(sources: readonly Source[]): PartitionSpec {
  const fields = sources.map(({ sourceId, transform }, index): PartitionField => {
    return { sourceId, fieldId: 1000 + index, name: `p${index}`, transform }
  })
  return { specId: 1, fields }
}

function tupleOf(sources: readonly Source[], row: Row): PartitionTuple {
  return sources.map(({ column, transform }) => transformValue(transform, column.type, column.valueOf(row)))
}

function projections(expression: Expression, spec: PartitionSpec): { inclusive: Bound; strict: Bound } {
  const bound = bind(expression, MODEL_SCHEMA)
  return {
    inclusive: projectInclusive(bound, spec, MODEL_SCHEMA),
    strict: projectStrict(bound, spec, MODEL_SCHEMA),
  }
}

/** Old Java versions rounded times before 1970 towards zero. */
function roundedUp(source: Source, value: Value): Value {
  const isTime = ['year', 'month', 'day', 'hour'].includes(source.transform.kind)
  return isTime && typeof value === 'number' && value < 0 ? value + 1 : value
}

describe('partition projection', () => {
  for (const source of SOURCES) {
    const { column, transform } = source
    const parameter =
      transform.kind === 'bucket' ? transform.count : transform.kind === 'truncate' ? transform.width : ''
    it(`is sound for ${transform.kind}${parameter} of ${column.name}`, () => {
      const spec = specOf([source])
      const { fields } = partitionType(spec, MODEL_SCHEMA)
      fc.assert(
        fc.property(
          expressionOver([column]),
          fc.array(arbitraryRow, { minLength: 1, maxLength: 4 }),
          (expression, rows) => {
            const { inclusive, strict } = projections(expression, spec)
            for (const row of rows) {
              const stored = tupleOf([source], row)
              for (const tuple of [stored, stored.map(value => roundedUp(source, value))]) {
                const matches = truth(expression, row) === true
                if (matches) expect(mightMatchTuple(inclusive, fields, tuple)).toBe(true)
                if (mustMatchTuple(strict, fields, tuple)) expect(matches).toBe(true)
              }
            }
          },
        ),
        { numRuns: 150 },
      )
    })
  }

  it('is sound for specs of several fields, also of one column', () => {
    let pruned = 0
    let covered = 0
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...SOURCES), { maxLength: 4 }),
        expressionOver(MODEL_COLUMNS),
        fc.array(arbitraryRow, { minLength: 1, maxLength: 3 }),
        (sources, expression, rows) => {
          const spec = specOf(sources)
          const { fields } = partitionType(spec, MODEL_SCHEMA)
          const { inclusive, strict } = projections(expression, spec)
          for (const row of rows) {
            const tuple = tupleOf(sources, row)
            const matches = truth(expression, row) === true
            if (mustMatchTuple(strict, fields, tuple)) {
              covered++
              expect(matches).toBe(true)
            }
            if (!mightMatchTuple(inclusive, fields, tuple)) {
              pruned++
              expect(matches).toBe(false)
            }
          }
        },
      ),
      { numRuns: 2000 },
    )
    expect(pruned).toBeGreaterThan(100)
    expect(covered).toBeGreaterThan(50)
  })

  it('skips a manifest by its summaries only when no row of its files matches', () => {
    let pruned = 0
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...SOURCES), { minLength: 1, maxLength: 3 }),
        expressionOver(MODEL_COLUMNS),
        fc.array(arbitraryRow, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (sources, expression, rows, withNan) => {
          const spec = specOf(sources)
          const { fields } = partitionType(spec, MODEL_SCHEMA)
          const { inclusive } = projections(expression, spec)
          const tuples = rows.map(row => tupleOf(sources, row))
          const summaries = fields.map((field, index) => {
            const values = tuples.map(tuple => tuple[index] ?? null)
            const bounded = values
              .filter(value => value !== null && !Number.isNaN(value))
              .sort((a, b) => compareValues(field.type, a, b))
            const summary: PartitionSummary = {
              containsNull: values.includes(null),
              containsNan: withNan ? values.some(value => Number.isNaN(value)) : undefined,
              lower: bounded[0],
              upper: bounded.at(-1),
              allNullOrNan: bounded.length === 0,
            }
            return summary
          })
          if (mightMatchSummaries(inclusive, fields, summaries)) return
          pruned++
          expect(rows.some(row => truth(expression, row) === true)).toBe(false)
        },
      ),
      { numRuns: 2000 },
    )
    expect(pruned).toBeGreaterThan(100)
  })

  const schema: Schema = {
    schemaId: 0,
    identifierFieldIds: [],
    fields: [
      { id: 1, name: 'id', required: false, type: { kind: 'long' } },
      { id: 2, name: 'ts', required: false, type: { kind: 'timestamptz' } },
      { id: 3, name: 'name', required: false, type: { kind: 'string' } },
      { id: 4, name: 'amount', required: false, type: { kind: 'int' } },
    ],
  }
  const project = (
    expression: Expression,
    sourceId: number,
    transform: Transform,
  ): { inclusive: string; strict: string } => {
    const spec: PartitionSpec = { specId: 1, fields: [{ sourceId, fieldId: 1000, name: 'p', transform }] }
    const bound = bind(expression, schema)
    return {
      inclusive: printExpression(projectInclusive(bound, spec, schema)),
      strict: printExpression(projectStrict(bound, spec, schema)),
    }
  }
  const day: Transform = { kind: 'day' }

  it('gives the days of a time range', () => {
    const range = and(gtEq('ts', '2026-01-02T00:00:00Z'), lt('ts', '2026-01-05T00:00:00Z'))
    expect(project(range, 2, day)).toEqual({
      inclusive: "p >= date '2026-01-02' and p <= date '2026-01-04'",
      strict: "p > date '2026-01-01' and p < date '2026-01-05'",
    })
    const inside = and(gt('ts', '2026-01-02T08:00:00Z'), ltEq('ts', '2026-01-05T08:00:00Z'))
    expect(project(inside, 2, day)).toEqual({
      inclusive: "p >= date '2026-01-02' and p <= date '2026-01-05'",
      strict: "p > date '2026-01-02' and p < date '2026-01-05'",
    })
  })

  it('allows for times before 1970 that were rounded towards zero', () => {
    expect(project(eq('ts', '1969-12-30T08:00:00Z'), 2, day).inclusive).toBe(
      "p in (date '1969-12-30', date '1969-12-31')",
    )
    expect(project(gt('ts', '1969-12-30T08:00:00Z'), 2, day).strict).toBe("p > date '1969-12-31'")
    expect(parseDate('1969-12-31')).toBe(-1)
  })

  it('gives buckets for equality, and presence for the rest', () => {
    const bucket: Transform = { kind: 'bucket', count: 16 }
    expect(project(eq('id', 34), 1, bucket)).toEqual({ inclusive: 'p = 3', strict: 'false' })
    expect(project(isIn('id', [34, 34]), 1, bucket).inclusive).toBe('p = 3')
    expect(project(notEq('id', 34), 1, bucket)).toEqual({ inclusive: 'p is not null', strict: 'p <> 3' })
    expect(project(gt('id', 34), 1, bucket)).toEqual({ inclusive: 'p is not null', strict: 'false' })
    expect(project(isNull('id'), 1, bucket)).toEqual({ inclusive: 'p is null', strict: 'p is null' })
  })

  it('cuts prefixes at code points', () => {
    const truncate: Transform = { kind: 'truncate', width: 2 }
    expect(project(startsWith('name', 'a'), 3, truncate)).toEqual({
      inclusive: "starts_with(p, 'a')",
      strict: "starts_with(p, 'a')",
    })
    expect(project(startsWith('name', 'a\u{1f600}b'), 3, truncate)).toEqual({
      inclusive: "p = 'a\u{1f600}'",
      strict: 'false',
    })
    expect(project(not(startsWith('name', 'abc')), 3, truncate)).toEqual({
      inclusive: 'p is not null',
      strict: "p <> 'ab'",
    })
    expect(project(lt('name', 'ab'), 3, truncate).inclusive).toBe("p < 'ab'")
    expect(project(lt('name', 'abc'), 3, truncate).inclusive).toBe("p < 'abc'")
  })

  it('allows for truncated values near the minimum, which wrap around', () => {
    const truncate: Transform = { kind: 'truncate', width: 10 }
    expect(project(lt('amount', 25), 4, truncate).inclusive).toBe('p <= 20 or p >= 2147483638')
    expect(project(gt('amount', 25), 4, truncate).strict).toBe('p > 20 and p < 2147483638')
  })

  it('proves nothing by void, unknown and foreign fields', () => {
    const both = (expression: Expression, transform: Transform, sourceId = 1): string[] =>
      Object.values(project(expression, sourceId, transform))
    expect(both(eq('id', 1), { kind: 'void' })).toEqual(['true', 'false'])
    expect(both(isNull('id'), { kind: 'void' })).toEqual(['true', 'false'])
    expect(both(eq('id', 1), { kind: 'unsupported', text: 'zorder[3]' })).toEqual(['true', 'false'])
    expect(both(eq('id', 1), { kind: 'identity' }, 4)).toEqual(['true', 'false'])
    expect(both(or(eq('id', 1), eq('amount', 1)), { kind: 'identity' })).toEqual(['true', 'p = 1'])
    expect(both(and(eq('id', 1), eq('amount', 1)), { kind: 'identity' })).toEqual(['p = 1', 'false'])
  })

  it('proves nothing where tuples are decoded with another type than the predicate is bound to', () => {
    const older: Schema = {
      ...schema,
      fields: [{ id: 1, name: 'id', required: false, type: { kind: 'int' } }],
    }
    const spec: PartitionSpec = {
      specId: 1,
      fields: [{ sourceId: 1, fieldId: 1000, name: 'p', transform: { kind: 'truncate', width: 10 } }],
    }
    expect(projectInclusive(bind(eq('id', 1), older), spec, schema)).toEqual({ op: 'true' })
    const current = projectInclusive(bind(eq('id', 1), schema), spec, schema)
    expect(mightMatchTuple(current, [{ id: 1000 }], [5])).toBe(true)
    expect(mightMatchTuple(current, [{ id: 1000 }], [])).toBe(true)
    expect(mustMatchTuple(current, [{ id: 1000 }], [])).toBe(false)
  })
})
