/** Rows in an order with a limit, and the least and greatest values of columns. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meteredIO } from '../../src/io/metered.js'
import { extremeOf } from '../../src/reader/extremes.js'
import { compareKeys, type OrderKey } from '../../src/reader/order.js'
import { scanBatches } from '../../src/reader/scan.js'
import { newScanCounters } from '../../src/reader/scan-counters.js'
import { FILE_FIELD, POSITION_FIELD } from '../../src/schema/reserved-fields.js'
import { isPrimitive, type Value } from '../../src/schema/types.js'
import { compareValues, serializeValue } from '../../src/schema/value.js'
import { createMemoryTable, planOf, rowsOf } from './memory-table.js'
import { FIELDS, filterArb, tableArb, textOf } from './random-table.js'

const ALL = [...FIELDS.map(field => field.name), FILE_FIELD.name, POSITION_FIELD.name]

const keyArb: fc.Arbitrary<OrderKey> = fc
  .record({
    field: fc.constantFrom(...FIELDS.filter(field => isPrimitive(field.type))),
    direction: fc.constantFrom('asc' as const, 'desc' as const),
    nulls: fc.constantFrom('first' as const, 'last' as const),
  })
  .map(key => {
    const { type } = key.field
    if (!isPrimitive(type)) throw new Error('a key has a primitive type')
    return { ...key, type }
  })
const orderArb = fc.uniqueArray(keyArb, { minLength: 1, maxLength: 3, selector: key => key.field.id })

describe('rows in an order', () => {
  it('are the first ones of all rows sorted', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableArb,
        orderArb,
        fc.integer({ min: 1, max: 20 }),
        fc.option(filterArb, { nil: undefined }),
        async (build, orderBy, limit, filter) => {
          const table = await build()
          const statisticsOf = orderBy.map(key => key.field.id)
          const scan = { select: ALL, statisticsOf, ...(filter === undefined ? {} : { filter }) }
          const keysOf = (row: readonly Value[]): Value[] =>
            orderBy.map(key => row[ALL.indexOf(key.field.name)] ?? null)
          const all = await rowsOf(table, scan)
          const sorted = all.toSorted((a, b) => compareKeys(orderBy, keysOf(a), keysOf(b)))
          const top = await rowsOf(table, { ...scan, orderBy, limit })
          expect(top.map(keysOf)).toEqual(sorted.slice(0, limit).map(keysOf))
          const texts = new Set(textOf(all))
          for (const text of textOf(top)) expect(texts).toContain(text)
          expect(new Set(textOf(top)).size).toBe(top.length)
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)

  it('open only the files that may hold them', async () => {
    const table = createMemoryTable({
      fields: [
        { id: 1, name: 'at', required: true, type: { kind: 'long' } },
        { id: 2, name: 'note', required: false, type: { kind: 'string' } },
      ],
    })
    const files = []
    for (let part = 0; part < 10; part++) {
      const rows = Array.from({ length: 20 }, (_, row) => [BigInt(100 * part + row), `${part}-${row}`])
      files.push(await table.dataFile(`d${part}.parquet`, rows))
    }
    await table.commit(files)
    const [at] = table.schema.fields
    if (at === undefined) throw new Error('the table has columns')
    const orderBy: OrderKey[] = [{ field: at, type: { kind: 'long' }, direction: 'desc', nulls: 'last' }]
    const counters = newScanCounters()
    const metered = meteredIO(table.io)
    const plan = await planOf(table, { statisticsOf: [1] })
    const rows = []
    for await (const batch of scanBatches(metered.io, plan, { orderBy, limit: 3, counters })) rows.push(batch)
    expect(rows.map(batch => batch.length)).toEqual([3])
    expect(counters.dataFilesSkippedByOrder).toBe(9)
    expect(new Set(metered.log.map(request => request.location))).toEqual(new Set([files[9]?.location]))
    expect(await rowsOf(table, { orderBy, limit: 2, statisticsOf: [1] })).toEqual([
      [919n, '9-19'],
      [918n, '9-18'],
    ])
  })

  it('need a limit', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    const [field] = FIELDS
    if (field === undefined) throw new Error('the table has columns')
    const orderBy: OrderKey[] = [{ field, type: { kind: 'long' }, direction: 'asc', nulls: 'last' }]
    await expect(rowsOf(table, { orderBy })).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('the least and the greatest value', () => {
  it('of a column are those of all its rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        tableArb,
        keyArb,
        fc.option(filterArb, { nil: undefined }),
        async (build, { field, type }, filter) => {
          const table = await build()
          const scan = {
            select: [field.name],
            statisticsOf: [field.id],
            ...(filter === undefined ? {} : { filter }),
          }
          const values = (await rowsOf(table, scan)).flatMap(([value = null]) =>
            value === null ? [] : [value],
          )
          values.sort((a, b) => compareValues(type, a, b))
          const plan = await planOf(table, scan)
          for (const extreme of ['min', 'max'] as const) {
            const { value } = await extremeOf(table.io, plan, { field, type, extreme })
            expect(value).toEqual((extreme === 'min' ? values[0] : values.at(-1)) ?? null)
          }
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)

  it('come from metadata alone where bounds are values and nothing is deleted', async () => {
    const [field] = FIELDS
    if (field === undefined) throw new Error('the table has columns')
    const table = createMemoryTable({ fields: [field], formatVersion: 3 })
    const first = await table.dataFile('a.parquet', [[4n], [null], [-3n]])
    await table.commit([first, await table.dataFile('b.parquet', [[null]])])
    const metered = meteredIO(table.io)
    const plan = await planOf(table, { statisticsOf: [field.id] })
    const options = { field, type: { kind: 'long' as const } }
    expect(await extremeOf(metered.io, plan, { ...options, extreme: 'max' })).toEqual({
      value: 4n,
      filesProven: 2,
      filesRead: 0,
    })
    expect(metered.counts.requests.read).toBe(0)
    await table.commit([await table.deletionVector('v.puffin', first, [0])])
    const then = await planOf(table, { statisticsOf: [field.id] })
    expect(await extremeOf(table.io, then, { ...options, extreme: 'max' })).toEqual({
      value: -3n,
      filesProven: 1,
      filesRead: 1,
    })
  })

  it('are read where a bound is a zero, whose sign writers do not keep', async () => {
    const type = { kind: 'double' as const }
    const field = { id: 1, name: 'd', required: false, type }
    const table = createMemoryTable({ fields: [field] })
    const file = await table.dataFile('d.parquet', [[-0], [1]])
    await table.commit([{ ...file, lowerBounds: new Map([[1, serializeValue(type, 0)]]) }])
    const plan = await planOf(table, { statisticsOf: [1] })
    const least = await extremeOf(table.io, plan, { field, type, extreme: 'min' })
    expect(least).toEqual({ value: -0, filesProven: 0, filesRead: 1 })
  })
})
