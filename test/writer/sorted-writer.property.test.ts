/** Files are sorted as they say, whatever the rows, the order, the memory and the partitions, and no row is lost. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sortKeys } from '../../src/batch/sort-keys.js'
import { batchRows } from '../../src/batch/values.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { openParquet } from '../../src/format/parquet/read.js'
import type { DataFile } from '../../src/manifest/content-file.js'
import { currentSchema, defaultSpec } from '../../src/metadata/lookup.js'
import type { Transform } from '../../src/schema/partition-spec.js'
import type { SortField } from '../../src/schema/sort-order.js'
import { transformResultType, transformValue } from '../../src/schema/transform.js'
import type { Field, Value } from '../../src/schema/types.js'
import { compareValues } from '../../src/schema/value.js'
import { openExternalSort } from '../../src/writer/external-sort.js'
import { fileNaming } from '../../src/writer/file-location.js'
import { openSortedWriter, type SortedWriterOptions } from '../../src/writer/sorted-writer.js'
import { createTestTable, type TestTable } from './test-lake.js'

const FIELDS: readonly Field[] = [
  { id: 1, name: 'n', required: true, type: { kind: 'long' } },
  { id: 2, name: 's', required: false, type: { kind: 'string' } },
  { id: 3, name: 'd', required: false, type: { kind: 'double' } },
  { id: 4, name: 't', required: false, type: { kind: 'timestamp' } },
  {
    id: 5,
    name: 'tags',
    required: false,
    type: { kind: 'list', elementId: 7, elementRequired: false, element: { kind: 'string' } },
  },
  {
    id: 6,
    name: 'p',
    required: false,
    type: { kind: 'struct', fields: [{ id: 8, name: 'x', required: false, type: { kind: 'int' } }] },
  },
]

type Row = readonly [
  bigint,
  string | null,
  number | null,
  bigint | null,
  readonly Value[] | null,
  readonly Value[] | null,
]

const row: fc.Arbitrary<Row> = fc.tuple(
  fc.bigInt({ min: -5n, max: 5n }),
  fc.option(fc.constantFrom('', 'a', 'ab', 'ä', 'b\0', 'b'), { nil: null }),
  fc.option(fc.constantFrom(-1.5, -0, 0, 2, Number.NaN, Number.POSITIVE_INFINITY), { nil: null }),
  fc.option(fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }), { nil: null }),
  fc.option(fc.array(fc.constantFrom('x', 'y', null), { maxLength: 3 }), { nil: null }),
  fc.option(fc.tuple(fc.option(fc.integer({ min: -3, max: 3 }), { nil: null })), { nil: null }),
)

const source: fc.Arbitrary<{ sourceId: number; transform: Transform }> = fc.constantFrom<
  { sourceId: number; transform: Transform }[]
>(
  { sourceId: 1, transform: { kind: 'identity' } },
  { sourceId: 1, transform: { kind: 'bucket', count: 3 } },
  { sourceId: 2, transform: { kind: 'identity' } },
  { sourceId: 2, transform: { kind: 'truncate', width: 1 } },
  { sourceId: 3, transform: { kind: 'identity' } },
  { sourceId: 4, transform: { kind: 'day' } },
  { sourceId: 8, transform: { kind: 'identity' } },
)

const sortField: fc.Arbitrary<SortField> = fc
  .record({
    source,
    direction: fc.constantFrom('asc' as const, 'desc' as const),
    nullOrder: fc.constantFrom('nulls-first' as const, 'nulls-last' as const),
  })
  .map(({ source: { sourceId, transform }, ...order }) => ({ sourceId, transform, ...order }))

let spillFolder: string
beforeAll(async () => {
  spillFolder = await mkdtemp(join(tmpdir(), 'serac-sort-'))
})
afterAll(async () => {
  expect(await readdir(spillFolder)).toEqual([])
  await rm(spillFolder, { recursive: true })
})

async function writerOptions(table: TestTable): Promise<SortedWriterOptions> {
  const { metadata } = await table.load()
  return {
    io: table.io,
    metadata,
    schema: currentSchema(metadata),
    spec: defaultSpec(metadata),
    naming: fileNaming(metadata, { operationUuid: 'op' }),
    spillFolder,
  }
}

async function write(
  table: TestTable,
  batches: readonly (readonly Row[])[],
  options: Partial<SortedWriterOptions> = {},
): Promise<readonly DataFile[]> {
  const writer = openSortedWriter({ ...(await writerOptions(table)), ...options })
  for (const rows of batches) await writer.write(batchOf(FIELDS, rows))
  return writer.close()
}

async function rowsOf(table: TestTable, file: DataFile): Promise<Value[][]> {
  const parquet = await openParquet(table.io, file.location)
  const rows: Value[][] = []
  for await (const { batch } of parquet.read({ columns: FIELDS.map((_, index) => index) }))
    rows.push(...batchRows(batch))
  return rows
}

function keyOf(row: readonly Value[], { sourceId, transform }: SortField): Value {
  const nested = row[5] ?? null
  const value =
    sourceId === 8 ? (Array.isArray(nested) ? (nested[0] ?? null) : null) : (row[sourceId - 1] ?? null)
  return transformValue(transform, typeOf(sourceId), value)
}

function typeOf(sourceId: number): Field['type'] {
  return sourceId === 8 ? { kind: 'int' } : (FIELDS[sourceId - 1] as Field).type
}

function compareRows(order: readonly SortField[], a: readonly Value[], b: readonly Value[]): number {
  for (const field of order) {
    const [left, right] = [keyOf(a, field), keyOf(b, field)]
    if (left === null || right === null) {
      if (left === right) continue
      return (left === null) === (field.nullOrder === 'nulls-first') ? -1 : 1
    }
    const sign = compareValues(transformResultType(field.transform, typeOf(field.sourceId)), left, right)
    if (sign !== 0) return field.direction === 'asc' ? sign : -sign
  }
  return 0
}

describe('the sorted writer', () => {
  it('writes the rows of each partition in the order of the table, as a brute-force sort gives it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(row, { maxLength: 12 }), { maxLength: 6 }),
        fc.array(sortField, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        fc.constantFrom(1, 600, 2 ** 20),
        async (batches, sortFields, partitioned, sortBytesMax) => {
          const table = await createTestTable({
            fields: FIELDS,
            sortFields,
            ...(partitioned
              ? { partitionFields: [{ sourceId: 2, name: 's', transform: { kind: 'identity' } }] }
              : {}),
          })
          const files = await write(table, batches, { sortBytesMax })
          const all = batches.flat()
          const byPartition = new Map<unknown, Value[][]>()
          for (const file of files) {
            expect(file.sortOrderId).toBe(1)
            const rows = await rowsOf(table, file)
            for (let at = 1; at < rows.length; at++)
              expect(compareRows(sortFields, rows[at - 1] ?? [], rows[at] ?? [])).toBeLessThanOrEqual(0)
            const partition = file.partition[0] ?? null
            byPartition.set(partition, [...(byPartition.get(partition) ?? []), ...rows])
          }
          const partitions = new Set<unknown>(
            partitioned ? all.map(each => each[1]) : all.length > 0 ? [null] : [],
          )
          expect(new Set(byPartition.keys())).toEqual(partitions)
          for (const [partition, rows] of byPartition) {
            const wanted = all.filter(each => !partitioned || each[1] === partition)
            wanted.sort((a, b) => compareRows(sortFields, a, b))
            // Equal rows keep their order; of rows that came in order, files may be several.
            expect(rows.toSorted((a, b) => compareRows(sortFields, a, b))).toEqual(wanted)
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  it('writes rows that come in order as they come, without spilling', async () => {
    const sortFields: SortField[] = [
      { sourceId: 1, transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' },
    ]
    const table = await createTestTable({ fields: FIELDS, sortFields })
    const batches = [0, 1, 2].map(batch =>
      [0, 1, 2].map((n): Row => [BigInt(3 * batch + n), null, null, null, null, null]),
    )
    const [file, ...others] = await write(table, batches, { sortBytesMax: 1, spillFolder: '/nowhere/at/all' })
    expect(others).toEqual([])
    expect((await rowsOf(table, file as DataFile)).map(each => each[0])).toEqual([
      0n,
      1n,
      2n,
      3n,
      4n,
      5n,
      6n,
      7n,
      8n,
    ])
  })

  it('says no order for tables without one, and for an order it cannot keep', async () => {
    const unsorted = await createTestTable({ fields: FIELDS })
    expect(
      (await write(unsorted, [[[2n, null, null, null, null, null]]])).map(file => file.sortOrderId),
    ).toEqual([0])
    const table = await createTestTable({ fields: FIELDS })
    const options = await writerOptions(table)
    const unknown = {
      sourceId: 1,
      transform: { kind: 'unsupported', text: 'zorder' },
      direction: 'asc',
      nullOrder: 'nulls-first',
    } as const
    const metadata = {
      ...options.metadata,
      sortOrders: [...options.metadata.sortOrders, { orderId: 7, fields: [unknown] }],
      defaultSortOrderId: 7,
    }
    expect(
      (await write(table, [[[2n, null, null, null, null, null]]], { metadata })).map(
        file => file.sortOrderId,
      ),
    ).toEqual([0])
  })

  it.each([
    ['none', 9],
    ['hash', 3],
    ['range', 3],
  ])('with distribution mode %s and one open file makes %d files of three partitions', async (mode, count) => {
    const table = await createTestTable({
      fields: FIELDS,
      partitionFields: [{ sourceId: 2, name: 's', transform: { kind: 'identity' } }],
      properties: { 'write.distribution-mode': mode },
    })
    const batch = ['b', 'a', 'c'].map((s, n): Row => [BigInt(n), s, null, null, null, null])
    const files = await write(table, [batch, batch, batch], {
      openFilesMax: 1,
      pendingRowsMax: 0,
      sortBytesMax: 2 ** 20,
    })
    expect(files).toHaveLength(count)
    expect(files.every(file => file.sortOrderId === 0)).toBe(true)
    if (mode !== 'none')
      expect(files.map(file => file.partition[0])).toEqual(
        mode === 'hash' ? ['b', 'a', 'c'] : ['a', 'b', 'c'],
      )
  })

  it('does not spill rows that are clustered already, in whatever order of partitions', async () => {
    const table = await createTestTable({
      fields: FIELDS,
      partitionFields: [{ sourceId: 2, name: 's', transform: { kind: 'identity' } }],
      properties: { 'write.distribution-mode': 'hash' },
    })
    const batches = ['c', 'a', 'b'].map(s => [0, 1].map((n): Row => [BigInt(n), s, null, null, null, null]))
    const files = await write(table, batches, { sortBytesMax: 1, spillFolder: '/nowhere/at/all' })
    expect(files.map(file => [file.partition[0], file.recordCount])).toEqual([
      ['c', 2],
      ['a', 2],
      ['b', 2],
    ])
  })

  it('leaves neither data files nor spill files behind when it is aborted', async () => {
    const sortFields: SortField[] = [
      { sourceId: 1, transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' },
    ]
    const table = await createTestTable({ fields: FIELDS, sortFields })
    const writer = openSortedWriter({ ...(await writerOptions(table)), sortBytesMax: 1 })
    for (const n of [1n, 2n, 0n, 5n, 3n])
      await writer.write(batchOf(FIELDS, [[n, null, null, null, null, null]]))
    await writer.abort()
    expect(await table.dataFiles()).toEqual([])
    expect(await readdir(spillFolder)).toEqual([])
  })

  it('says where it cannot spill', async () => {
    const sortFields: SortField[] = [
      { sourceId: 1, transform: { kind: 'identity' }, direction: 'asc', nullOrder: 'nulls-first' },
    ]
    const table = await createTestTable({ fields: FIELDS, sortFields })
    const rows: Row[] = [2n, 1n].map((n): Row => [n, null, null, null, null, null])
    const written = write(table, [rows], { sortBytesMax: 1, spillFolder: '/nowhere/at/all' })
    await expect(written).rejects.toMatchObject({
      kind: 'not-found',
      context: { location: '/nowhere/at/all' },
    })
  })
})

describe('the external sort', () => {
  it.each([
    2, 3, 32,
  ])('merges many runs, at most %d at once, and keeps the order of equal rows', async runsMax => {
    const fields: readonly Field[] = [
      { id: 1, name: 'key', required: true, type: { kind: 'int' } },
      { id: 2, name: 'at', required: true, type: { kind: 'int' } },
    ]
    const sort = openExternalSort({
      fields,
      keysOf: ({ columns: [vector], length }) =>
        sortKeys(
          vector === undefined ? [] : [{ type: { kind: 'int' }, vector, direction: 'asc', nulls: 'first' }],
          length,
        ),
      heldBytesMax: 1,
      runsMax,
      spillFolder,
    })
    const wanted: number[][] = []
    for (let batch = 0; batch < 23; batch++) {
      const rows = Array.from({ length: 50 }, (_, at) => [(at * 7 + batch) % 11, batch * 50 + at])
      wanted.push(...rows)
      await sort.add(batchOf(fields, rows))
    }
    wanted.sort(([a = 0, i = 0], [b = 0, j = 0]) => a - b || i - j)
    const found: Value[][] = []
    for await (const batch of sort.sorted()) found.push(...batchRows(batch))
    expect(sort.spilledBytes).toBeGreaterThan(0)
    await sort.close()
    expect(found).toEqual(wanted)
    expect(await readdir(spillFolder)).toEqual([])
  })
})
