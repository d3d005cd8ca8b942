/** Random sequences of writes against a model: a plain list of rows. Compaction must not be seen in it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { and, type Expression, eq, gt, isNull, ltEq, or } from '../../src/expression/expression.js'
import { compactTable } from '../../src/maintenance/compact.js'
import type { Value } from '../../src/schema/types.js'
import { createTestTable, sorted, type TestTable, type TestTableOptions } from './test-lake.js'

const FIELDS = [
  { id: 1, name: 'k', required: false, type: { kind: 'string' } },
  { id: 2, name: 'n', required: false, type: { kind: 'int' } },
  { id: 3, name: 'v', required: false, type: { kind: 'long' } },
] as const

type Row = readonly [k: string | null, n: number | null, v: bigint]
type Operation =
  | { readonly verb: 'append'; readonly rows: readonly Row[] }
  | { readonly verb: 'upsert'; readonly rows: readonly Row[]; readonly keys: readonly ('k' | 'n')[] }
  | { readonly verb: 'delete'; readonly limit: number; readonly nulls: boolean }
  | { readonly verb: 'compact' }

const row: fc.Arbitrary<Row> = fc.tuple(
  fc.option(fc.constantFrom('a', 'b', 'c', 'dd', 'é😀', ''), { nil: null }),
  fc.option(fc.integer({ min: -3, max: 3 }), { nil: null }),
  fc.bigInt({ min: 0n, max: 1n << 62n }),
)
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('append' as const),
      rows: fc.array(row, { minLength: 1, maxLength: 12 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      verb: fc.constant('upsert' as const),
      rows: fc.array(row, { minLength: 1, maxLength: 6 }),
      keys: fc.constantFrom(['k'] as const, ['n'] as const, ['k', 'n'] as const, ['n', 'k'] as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      verb: fc.constant('delete' as const),
      limit: fc.integer({ min: -3, max: 3 }),
      nulls: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ verb: 'compact' as const }) },
)

const layouts: readonly (readonly [string, Partial<TestTableOptions>])[] = [
  ['unpartitioned', {}],
  [
    'partitioned',
    {
      partitionFields: [
        { sourceId: 1, name: 'k_bucket', transform: { kind: 'bucket', count: 3 } },
        { sourceId: 2, name: 'n_part', transform: { kind: 'truncate', width: 2 } },
      ],
    },
  ],
]

describe.each([2, 3] as const)('a v%i table', formatVersion => {
  it.each(layouts)('that is %s holds what was written to it', async (_, layout) => {
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 2, maxLength: 8 }), async operations => {
        const table = await createTestTable({ fields: FIELDS, formatVersion, ...layout })
        let model: readonly Row[] = []
        for (const step of operations) {
          model = await apply(table, model, { step, formatVersion })
          expect(sorted(await table.rows())).toEqual(sorted(model))
        }
        if (formatVersion === 3) await checkRowIds(table)
      }),
      { numRuns: 15 },
    )
  })
})

async function apply(
  table: TestTable,
  model: readonly Row[],
  { step, formatVersion }: { readonly step: Operation; readonly formatVersion: number },
): Promise<readonly Row[]> {
  switch (step.verb) {
    case 'append':
      await table.append(step.rows)
      return [...model, ...step.rows]
    case 'upsert': {
      const keyOf = (each: Row): string => JSON.stringify(step.keys.map(name => each[name === 'k' ? 0 : 1]))
      const rows = [...new Map(step.rows.map(each => [keyOf(each), each])).values()]
      await table.upsert(rows, step.keys)
      const gone = new Set(rows.map(keyOf))
      return [...model.filter(each => !gone.has(keyOf(each))), ...rows]
    }
    case 'delete': {
      await table.delete(filterOf(step))
      return model.filter(
        ([k, n]) => !((n !== null && n > step.limit && k !== null && k <= 'b') || (step.nulls && n === null)),
      )
    }
    default: {
      const lineage = formatVersion === 3 ? ['_row_id', '_last_updated_sequence_number'] : []
      const before = await table.rows(['k', 'n', 'v', ...lineage])
      const report = await compactTable(table.catalog, table.identifier, {
        io: table.io,
        runtime: table.runtime,
        minInputFiles: 2,
      })
      expect(report.failures).toEqual([])
      expect(sorted(await table.rows(['k', 'n', 'v', ...lineage]))).toEqual(sorted(before))
      return model
    }
  }
}

function filterOf({ limit, nulls }: Extract<Operation, { verb: 'delete' }>): Expression {
  const matching = and(gt('n', limit), or(ltEq('k', 'a'), eq('k', 'b')))
  return nulls ? or(matching, isNull('n')) : matching
}

async function checkRowIds(table: TestTable): Promise<void> {
  const ids = (await table.rows(['_row_id'])).map(([id]): Value => id ?? null)
  expect(ids).not.toContain(null)
  expect(new Set(ids).size).toBe(ids.length)
}
