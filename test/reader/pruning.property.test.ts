/** Pruning skips only what is proven empty: a pruned scan returns what filtering every row would. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allRows } from '../../src/batch/selection.js'
import { takeBatch } from '../../src/batch/take.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { bind } from '../../src/expression/bind.js'
import { evaluate } from '../../src/expression/evaluate.js'
import type { Expression, LiteralInput } from '../../src/expression/expression.js'
import * as build from '../../src/expression/expression.js'
import { countRows } from '../../src/reader/count.js'
import type { PartitionSpec } from '../../src/schema/partition-spec.js'
import { transformValue } from '../../src/schema/transform.js'
import type { Field, Value } from '../../src/schema/types.js'
import { createMemoryTable, planOf, rowsOf } from './memory-table.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'l', required: false, type: { kind: 'long' } },
  { id: 2, name: 's', required: false, type: { kind: 'string' } },
  { id: 3, name: 'd', required: false, type: { kind: 'double' } },
  { id: 4, name: 'i', required: false, type: { kind: 'int' } },
]
const SPECS: readonly PartitionSpec[] = [
  { specId: 0, fields: [] },
  {
    specId: 1,
    fields: [{ sourceId: 1, fieldId: 1000, name: 'b', transform: { kind: 'bucket', count: 3 } }],
  },
  {
    specId: 2,
    fields: [
      { sourceId: 2, fieldId: 1001, name: 't', transform: { kind: 'truncate', width: 1 } },
      { sourceId: 4, fieldId: 1002, name: 'i', transform: { kind: 'truncate', width: 10 } },
    ],
  },
  { specId: 3, fields: [{ sourceId: 3, fieldId: 1003, name: 'd', transform: { kind: 'identity' } }] },
]

const long = fc.bigInt({ min: -12n, max: 12n })
const text = fc.constantFrom('', 'a', 'ab', 'abc', 'b', 'ba', '\u{1f600}', '\uffff', 'z')
const double = fc.constantFrom(-1.5, -0, 0, 1, 2.5, Number.NaN, Number.POSITIVE_INFINITY)
const int = fc.integer({ min: -25, max: 25 })
const orNull = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null, freq: 5 })
const rowArb: fc.Arbitrary<Value[]> = fc.tuple(orNull(long), orNull(text), orNull(double), orNull(int))

const literalOf: Readonly<Record<string, fc.Arbitrary<LiteralInput>>> = {
  l: long,
  s: text,
  d: double,
  i: int,
}
const columnAndLiteral = fc
  .constantFrom('l', 's', 'd', 'i')
  .chain(column => literalOf[column]!.map(literal => ({ column, literal })))
const leaf: fc.Arbitrary<Expression> = fc.oneof(
  fc
    .tuple(
      columnAndLiteral,
      fc.constantFrom(build.eq, build.notEq, build.lt, build.ltEq, build.gt, build.gtEq),
    )
    .map(([{ column, literal }, compare]) => compare(column, literal)),
  fc.constantFrom('l', 's', 'd', 'i').map(column => build.isNull(column)),
  fc.constantFrom('l', 's', 'd', 'i').map(column => build.notNull(column)),
  fc.constant(build.isNan('d')),
  fc.array(long, { minLength: 1, maxLength: 4 }).map(values => build.isIn('l', values)),
  fc.array(text, { minLength: 1, maxLength: 3 }).map(values => build.notIn('s', values)),
  fc.constantFrom('a', 'ab', '\u{1f600}').map(prefix => build.startsWith('s', prefix)),
)
const expressionArb: fc.Arbitrary<Expression> = fc.letrec<{ node: Expression }>(tie => ({
  node: fc.oneof(
    { maxDepth: 2 },
    leaf,
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => build.and(a, b)),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => build.or(a, b)),
    tie('node').map(child => build.not(child)),
  ),
})).node

const partitionOf = (spec: PartitionSpec, row: readonly Value[]): Value[] =>
  spec.fields.map(field => {
    const at = FIELDS.findIndex(source => source.id === field.sourceId)
    return transformValue(field.transform, FIELDS[at]!.type, row[at] ?? null)
  })

const textOf = (rows: readonly (readonly Value[])[]): string[] =>
  rows.map(row => row.map(value => (Object.is(value, -0) ? '-0' : String(value))).join('|')).sort()

describe('a pruned scan', () => {
  it('returns the rows that the filter accepts, no fewer and no more', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ spec: fc.constantFrom(...SPECS), rows: fc.array(rowArb, { maxLength: 14 }) }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.array(expressionArb, { minLength: 1, maxLength: 6 }),
        async (writes, filters) => {
          const table = createMemoryTable({ fields: FIELDS, specs: SPECS })
          for (const [index, { spec, rows }] of writes.entries()) {
            const files = []
            const partitions = new Map<string, Value[][]>()
            for (const row of rows) {
              const key = textOf([partitionOf(spec, row)]).join()
              partitions.set(key, [...(partitions.get(key) ?? []), row])
            }
            for (const [at, members] of [...partitions.values()].entries())
              files.push(
                await table.dataFile(`d${index}-${at}.parquet`, members, {
                  specId: spec.specId,
                  partition: partitionOf(spec, members[0]!),
                  rowGroupRows: 4,
                }),
              )
            if (files.length > 0) await table.commit(files)
          }
          const all = batchOf(
            FIELDS,
            writes.flatMap(({ rows }) => rows),
          )
          for (const filter of filters) {
            const kept = evaluate(bind(filter, { fields: FIELDS }), all, allRows(all.length))
            const expected = textOf(batchRows(takeBatch(all, kept)))
            expect(textOf(await rowsOf(table, { filter }))).toEqual(expected)
            expect((await countRows(table.io, await planOf(table, { filter }))).rows).toBe(expected.length)
          }
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)
})
