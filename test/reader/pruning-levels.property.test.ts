/** No level of pruning, and no order of reading columns, changes what a scan returns. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allRows } from '../../src/batch/selection.js'
import { takeBatch } from '../../src/batch/take.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { bind } from '../../src/expression/bind.js'
import { evaluate } from '../../src/expression/evaluate.js'
import type { Expression } from '../../src/expression/expression.js'
import { countRows } from '../../src/reader/count.js'
import { POSITION_FIELD } from '../../src/schema/reserved-fields.js'
import type { Field, Value } from '../../src/schema/types.js'
import { type MemoryTable, planOf, rowsOf } from './memory-table.js'
import { FIELDS, filterArb, tableArb, textOf } from './random-table.js'

const WITH_POSITION: readonly Field[] = [...FIELDS, POSITION_FIELD]
const ALL = WITH_POSITION.map(field => field.name)

/** Every live row filtered one by one, without a plan that knows the filter. */
async function bruteForce(table: MemoryTable, filter: Expression): Promise<Value[][]> {
  const all = batchOf(WITH_POSITION, await rowsOf(table, { select: ALL }))
  return batchRows(takeBatch(all, evaluate(bind(filter, { fields: FIELDS }), all, allRows(all.length))))
}

describe('every level of pruning', () => {
  it('keeps the rows that the filter accepts and no others', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableArb,
        fc.array(filterArb, { minLength: 1, maxLength: 5 }),
        async (build, filters) => {
          const table = await build()
          for (const filter of filters) {
            const expected = textOf(await bruteForce(table, filter))
            for (const lateColumns of ['always', 'never'] as const)
              expect(textOf(await rowsOf(table, { filter, select: ALL, lateColumns }))).toEqual(expected)
            expect((await countRows(table.io, await planOf(table, { filter }))).rows).toBe(expected.length)
          }
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)

  it('keeps them whatever columns are asked for, in whatever batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableArb,
        filterArb,
        fc.shuffledSubarray(ALL, { minLength: 1 }),
        fc.constantFrom(1, 3, 65_536),
        async (build, filter, select, batchRows) => {
          const table = await build()
          const places = select.map(name => ALL.indexOf(name))
          const expected = (await bruteForce(table, filter)).map(row => places.map(at => row[at] ?? null))
          const rows = await rowsOf(table, { filter, select, batchRows, lateColumns: 'always' })
          expect(textOf(rows)).toEqual(textOf(expected))
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)
})

describe('a limit', () => {
  it('returns rows of the scan, as many as it says or all there are', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableArb,
        fc.option(filterArb, { nil: undefined }),
        fc.nat(30),
        async (build, filter, limit) => {
          const table = await build()
          const scan = { select: ALL, ...(filter === undefined ? {} : { filter }) }
          const all = textOf(await rowsOf(table, scan))
          const some = textOf(await rowsOf(table, { ...scan, limit }))
          expect(some).toHaveLength(Math.min(limit, all.length))
          for (const row of some) {
            const at = all.indexOf(row)
            expect(at).toBeGreaterThanOrEqual(0)
            all.splice(at, 1)
          }
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)
})
