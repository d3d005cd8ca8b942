import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ColumnBatch } from '../../src/batch/column-batch.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { eq } from '../../src/expression/expression.js'
import { currentSchema, currentSnapshot } from '../../src/metadata/lookup.js'
import type { Field, Value } from '../../src/schema/types.js'
import { firstMatches, type KeyLocations } from '../../src/writer/key-locations.js'
import { type ResolveKeysOptions, resolveKeys } from '../../src/writer/resolve-keys.js'
import { createTestTable, type Rows, type TestTable, type TestTableOptions } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'id', required: false, type: { kind: 'long' } },
  { id: 2, name: 'name', required: false, type: { kind: 'string' } },
  { id: 3, name: 'score', required: false, type: { kind: 'double' } },
]

function keysOf(columns: readonly number[], rows: Rows): ColumnBatch {
  return batchOf(
    columns.map(column => FIELDS[column]!),
    rows,
  )
}

async function resolve(
  table: TestTable,
  keys: ColumnBatch,
  options: Partial<ResolveKeysOptions> = {},
): Promise<KeyLocations> {
  const { metadata } = await table.load()
  const snapshot = currentSnapshot(metadata)
  return resolveKeys({ metadata }, table.io, keys, { snapshot, schema: currentSchema(metadata), ...options })
}

/** Matches as (key, position) pairs; the data files are told apart by their first row. */
function matches(found: KeyLocations): string[] {
  return [...found.keyRows].map((key, match) => `${key}@${found.positions[match]}`).sort()
}

describe('key resolution', () => {
  it('finds live rows only, every one of a key, in the files that hold them', async () => {
    const table = await createTestTable({ fields: FIELDS })
    await table.append([
      [1n, 'a', null],
      [2n, 'b', null],
      [1n, 'again', null],
    ])
    await table.append([
      [3n, 'c', null],
      [2n, 'twice', null],
    ])
    await table.delete(eq('name', 'again'))
    const found = await resolve(table, keysOf([0], [[1n], [2n], [9n]]))
    expect(matches(found)).toEqual(['0@0', '1@1', '1@1'])
    expect([...firstMatches(found, 3)].map(match => match >= 0)).toEqual([true, true, false])
  })

  it('takes null, NaN and each zero as keys equal to themselves', async () => {
    const table = await createTestTable({ fields: FIELDS })
    await table.append([
      [null, null, Number.NaN],
      [null, 'x', 0],
      [null, null, -0],
      [null, null, null],
    ])
    expect(matches(await resolve(table, keysOf([2], [[Number.NaN], [-0], [null]])))).toEqual([
      '0@0',
      '1@2',
      '2@3',
    ])
    expect(matches(await resolve(table, keysOf([0, 1], [[null, null]])))).toEqual(['0@0', '0@2', '0@3'])
  })

  it('reads no file whose bounds or partition hold none of the keys', async () => {
    const byBounds = await createTestTable({ fields: FIELDS })
    for (const base of [0n, 100n, 200n])
      await byBounds.append([
        [base, 'a', null],
        [base + 50n, 'b', null],
      ])
    expect((await resolve(byBounds, keysOf([0], [[20n], [225n]]))).filesRead).toBe(2)
    expect((await resolve(byBounds, keysOf([0], [[75n], [175n]]))).filesRead).toBe(0)

    const byBucket = await createTestTable({
      fields: FIELDS,
      partitionFields: [{ sourceId: 1, name: 'b', transform: { kind: 'bucket', count: 16 } }],
    })
    await byBucket.append(Array.from({ length: 200 }, (_, row): Value[] => [BigInt(row), null, null]))
    expect((await byBucket.tasks()).length).toBe(16)
    const found = await resolve(byBucket, keysOf([0], [[77n]]))
    expect([found.filesRead, found.keyRows.length]).toEqual([1, 1])
  })

  it('finds nothing in an empty table', async () => {
    const table = await createTestTable({ fields: FIELDS })
    expect((await resolve(table, keysOf([0], [[1n]]))).tasks).toEqual([])
  })

  it('gives row ids when it is asked for them', async () => {
    const table = await createTestTable({ fields: FIELDS, formatVersion: 3 })
    await table.append([[1n, 'a', null]])
    await table.append([[2n, 'b', null]])
    const found = await resolve(table, keysOf([0], [[2n]]), { withRowIds: true })
    expect([...(found.rowIds ?? [])]).toEqual([1n])
  })
})

const layouts: readonly (readonly [string, Partial<TestTableOptions>])[] = [
  ['unpartitioned', {}],
  [
    'partitioned by keys',
    {
      partitionFields: [
        { sourceId: 1, name: 'id_part', transform: { kind: 'truncate', width: 3 } },
        { sourceId: 2, name: 'name_bucket', transform: { kind: 'bucket', count: 3 } },
        { sourceId: 3, name: 'score', transform: { kind: 'identity' } },
      ],
    },
  ],
]

describe('pruned key resolution', () => {
  it.each(layouts)('finds what a look at every row finds (%s)', async (_, layout) => {
    const row = fc.tuple(
      fc.option(fc.bigInt({ min: -9n, max: 9n }), { nil: null }),
      fc.option(
        fc.constantFrom('', 'a', 'ab', 'a long name, above the bound', 'a long name, above the other', '😀'),
        { nil: null },
      ),
      fc.option(fc.constantFrom(0, -0, Number.NaN, 1.5), { nil: null }),
    )
    const columns = fc.constantFrom([0], [1], [2], [0, 1], [1, 2, 0])
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(row, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
        fc.array(row, { minLength: 1, maxLength: 5 }),
        columns,
        async (files, wanted, keyColumns) => {
          const table = await createTestTable({ fields: FIELDS, ...layout })
          for (const rows of files) await table.append(rows)
          const text = (each: readonly Value[]): string =>
            keyColumns.map(column => (Object.is(each[column], -0) ? '-0' : String(each[column]))).join('|')
          const unique = [...new Map(wanted.map(each => [text(each), each])).values()]
          const found = await resolve(
            table,
            keysOf(
              keyColumns,
              unique.map(each => keyColumns.map(column => each[column] ?? null)),
            ),
          )
          const keys = new Set(unique.map(text))
          const expected = files.flat().filter(each => keys.has(text(each))).length
          expect(found.positions.length).toBe(expected)
        },
      ),
      { numRuns: 40 },
    )
  })
})
