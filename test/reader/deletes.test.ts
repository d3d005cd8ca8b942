import { describe, expect, it } from 'vitest'
import { gtEq } from '../../src/expression/expression.js'
import { newScanCounters } from '../../src/reader/scan-counters.js'
import { DELETE_FILE_PATH_FIELD, DELETE_POSITION_FIELD } from '../../src/schema/reserved-fields.js'
import type { Field, Value } from '../../src/schema/types.js'
import { createMemoryTable, type MemoryTable, planOf, type Rows, rowsOf } from './memory-table.js'

const ID: Field = { id: 1, name: 'id', required: true, type: { kind: 'long' } }
const KEY: Field = { id: 2, name: 'key', required: false, type: { kind: 'string' } }
const NUMBER: Field = { id: 3, name: 'number', required: false, type: { kind: 'int' } }
const FIELDS = [ID, KEY, NUMBER]

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)
const row = (id: number): Value[] => [BigInt(id), `k${id}`, id * 2]
const idsOf = async (table: MemoryTable, scan = {}): Promise<number[]> =>
  (await rowsOf(table, { select: ['id'], ...scan })).map(each => Number(each[0]))

async function tableOf(rows: Rows, formatVersion: 2 | 3 = 2) {
  const table = createMemoryTable({ fields: FIELDS, formatVersion })
  const file = await table.dataFile('d.parquet', rows, { rowGroupRows: 10 })
  await table.commit([file])
  return { table, file }
}

describe('position deletes', () => {
  it('apply unsorted and repeated, over row groups and several files', async () => {
    const { table, file } = await tableOf(range(0, 40).map(row))
    const other = await table.dataFile('o.parquet', range(40, 50).map(row))
    await table.commit([other])
    await table.commit([
      await table.positionDeletes('p1.parquet', [
        [other.location, 3n],
        [file.location, 39n],
        [file.location, 0n],
        [other.location, 3n],
        [file.location, 15n],
        ['memory://elsewhere', 1n],
      ]),
      await table.positionDeletes('p2.parquet', [[file.location, 1n]], { bare: true }),
    ])
    expect(await idsOf(table)).toEqual(range(0, 50).filter(id => ![0, 1, 15, 39, 43].includes(id)))
  })

  it.each([-1n, 2n ** 62n])('are corrupt when one is at %s', async position => {
    const { table, file } = await tableOf(range(0, 4).map(row))
    await table.commit([await table.positionDeletes('p.parquet', [[file.location, position]])])
    await expect(idsOf(table)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('count the rows of row groups that the filter skipped', async () => {
    const { table, file } = await tableOf(range(0, 40).map(row))
    await table.commit([
      await table.positionDeletes('p.parquet', [
        [file.location, 5n],
        [file.location, 35n],
      ]),
    ])
    const counters = newScanCounters()
    expect(await idsOf(table, { filter: gtEq('id', 32), counters })).toEqual([32, 33, 34, 36, 37, 38, 39])
    expect(counters).toMatchObject({ rowGroups: 1, rowGroupsSkipped: 3 })
  })

  it('skip row groups and files whose rows are all deleted', async () => {
    const { table, file } = await tableOf(range(0, 40).map(row))
    const deleted = (from: number, to: number) =>
      range(from, to).map(position => [file.location, BigInt(position)] as const)
    await table.commit([await table.positionDeletes('p1.parquet', deleted(10, 20))])
    const some = newScanCounters()
    expect(await idsOf(table, { counters: some })).toHaveLength(30)
    expect(some).toMatchObject({ rowGroups: 3, rowGroupsSkipped: 1 })
    await table.commit([await table.positionDeletes('p2.parquet', deleted(0, 40))])
    const all = newScanCounters()
    expect(await idsOf(table, { counters: all })).toEqual([])
    expect(all).toMatchObject({ dataFiles: 0, dataFilesFullyDeleted: 1 })
  })

  it('do not reach data that was added later', async () => {
    const { table, file } = await tableOf(range(0, 5).map(row))
    await table.commit([await table.positionDeletes('p.parquet', [[file.location, 1n]])])
    await table.commit([{ ...file }])
    expect(await idsOf(table)).toEqual([0, 2, 3, 4, 0, 1, 2, 3, 4])
  })

  it('without a path name no row', async () => {
    const { table, file } = await tableOf(range(0, 5).map(row))
    const fields = [{ ...DELETE_FILE_PATH_FIELD, required: false }, DELETE_POSITION_FIELD]
    const rows: Rows = [
      [null, 1n],
      [file.location, 2n],
    ]
    await table.commit([await table.positionDeletes('p.parquet', rows as never, { fields, bare: true })])
    expect(await idsOf(table)).toEqual([0, 1, 3, 4])
  })

  it('that lack a column or a position are corrupt', async () => {
    for (const [fields, rows] of [
      [[DELETE_FILE_PATH_FIELD], [['x']]],
      [[DELETE_FILE_PATH_FIELD, { ...DELETE_POSITION_FIELD, required: false }], [['x', null]]],
    ] as const) {
      const { table } = await tableOf(range(0, 5).map(row))
      await table.commit([await table.positionDeletes('p.parquet', rows as never, { fields, bare: true })])
      await expect(rowsOf(table)).rejects.toMatchObject({ kind: 'corrupt' })
    }
  })
})

describe('deletion vectors', () => {
  it('delete the positions they hold, once read for all row groups', async () => {
    const { table, file } = await tableOf(range(0, 40).map(row), 3)
    await table.commit([await table.deletionVector('v.puffin', file, [0, 9, 10, 25, 39])])
    expect(await idsOf(table)).toEqual(range(0, 40).filter(id => ![0, 9, 10, 25, 39].includes(id)))
  })

  it('with another cardinality than the manifest says are corrupt', async () => {
    const { table, file } = await tableOf(range(0, 40).map(row), 3)
    const vector = await table.deletionVector('v.puffin', file, [0, 9])
    await table.commit([{ ...vector, recordCount: 3 }])
    await expect(rowsOf(table)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('outside a Puffin blob are never passed over', async () => {
    const { table, file } = await tableOf(range(0, 40).map(row), 3)
    const vector = await table.deletionVector('v.puffin', file, [0, 9])
    await table.commit([{ ...vector, contentOffset: 5 }])
    await expect(rowsOf(table)).rejects.toMatchObject({ kind: 'corrupt' })
  })
})

describe('equality deletes', () => {
  it('delete older rows of the key, not those added with them or later', async () => {
    const { table } = await tableOf(range(0, 10).map(row))
    await table.commit([
      await table.equalityDeletes('e.parquet', [[3n], [4n], [77n]], { fields: [ID] }),
      await table.dataFile('same.parquet', [row(3)]),
    ])
    await table.commit([await table.dataFile('later.parquet', [row(4)])])
    expect(await idsOf(table)).toEqual([0, 1, 2, 5, 6, 7, 8, 9, 3, 4])
  })

  it('read key columns that are not selected, and ignore other columns of the delete file', async () => {
    const { table } = await tableOf(range(0, 6).map(row))
    await table.commit([
      await table.equalityDeletes('e.parquet', [[2n, 'other']], { fields: [ID, KEY], keys: [1] }),
    ])
    expect(await rowsOf(table, { select: ['number'] })).toEqual([[0], [2], [6], [8], [10]])
    expect(await rowsOf(table, { select: [] })).toHaveLength(5)
  })

  it('match null with null', async () => {
    const { table } = await tableOf([
      [1n, null, 1],
      [2n, 'a', 2],
      [3n, null, 3],
    ])
    await table.commit([await table.equalityDeletes('e.parquet', [[null, 3]], { fields: [KEY, NUMBER] })])
    expect(await idsOf(table)).toEqual([1, 2])
  })

  it('of different key sets apply together', async () => {
    const { table } = await tableOf(range(0, 8).map(row))
    await table.commit([
      await table.equalityDeletes('e1.parquet', [[1n]], { fields: [ID] }),
      await table.equalityDeletes('e2.parquet', [[5n, 'k5']], { fields: [ID, KEY] }),
    ])
    await table.commit([await table.equalityDeletes('e3.parquet', [[14]], { fields: [NUMBER] })])
    expect(await idsOf(table)).toEqual([0, 2, 3, 4, 6])
  })

  it('apply after the key was renamed, promoted or dropped', async () => {
    const { table } = await tableOf(range(0, 8).map(row))
    await table.commit([await table.equalityDeletes('e.parquet', [[4], [6]], { fields: [NUMBER] })])
    const base = table.metadata.schemas[0]!
    const promoted: Field = { ...NUMBER, name: 'renamed', type: { kind: 'long' } }
    table.alter({
      schemas: [base, { ...base, schemaId: 1, fields: [ID, KEY, promoted] }],
      currentSchemaId: 1,
    })
    expect(await idsOf(table)).toEqual([0, 1, 4, 5, 6, 7])
    await table.commit([await table.equalityDeletes('e2.parquet', [[10n]], { fields: [promoted] })])
    expect(await idsOf(table)).toEqual([0, 1, 4, 6, 7])
    table.alter({
      schemas: [...table.metadata.schemas, { ...base, schemaId: 2, fields: [ID, KEY] }],
      currentSchemaId: 2,
    })
    expect(await idsOf(table)).toEqual([0, 1, 4, 6, 7])
  })

  it('compare files older than the key with its initial default, else with null', async () => {
    const { table } = await tableOf(range(0, 3).map(row))
    const base = table.metadata.schemas[0]!
    const given: Field = { id: 4, name: 'given', required: false, type: { kind: 'int' }, initialDefault: 7 }
    const absent: Field = { id: 5, name: 'absent', required: false, type: { kind: 'int' } }
    const fields = [...FIELDS, given, absent]
    table.alter({ schemas: [base, { ...base, schemaId: 1, fields }], currentSchemaId: 1 })
    await table.commit([await table.dataFile('new.parquet', [[9n, 'k9', 9, 8, 1]])])
    await table.commit([await table.equalityDeletes('e1.parquet', [[8]], { fields: [given] })])
    expect(await idsOf(table)).toEqual([0, 1, 2])
    await table.commit([await table.equalityDeletes('e2.parquet', [[1n, null]], { fields: [ID, absent] })])
    expect(await idsOf(table)).toEqual([0, 2])
    await table.commit([await table.equalityDeletes('e3.parquet', [[7]], { fields: [given] })])
    expect(await idsOf(table)).toEqual([])
  })

  it('compare a field inside a struct; a null struct is another key than a null in one', async () => {
    const x: Field = { id: 11, name: 'x', required: false, type: { kind: 'int' } }
    const y: Field = { id: 12, name: 'y', required: false, type: { kind: 'string' } }
    const point: Field = { id: 10, name: 'point', required: false, type: { kind: 'struct', fields: [y, x] } }
    const table = createMemoryTable({ fields: [ID, point] })
    await table.commit([
      await table.dataFile('d.parquet', [
        [1n, ['a', 5]],
        [2n, ['b', null]],
        [3n, null],
        [4n, ['c', 6]],
      ]),
    ])
    const keyOnly: Field = { ...point, type: { kind: 'struct', fields: [x] } }
    await table.commit([await table.equalityDeletes('e.parquet', [[[6]]], { fields: [keyOnly], keys: [11] })])
    expect(await idsOf(table)).toEqual([1, 2, 3])
    await table.commit([
      await table.equalityDeletes('n.parquet', [[[null]]], { fields: [keyOnly], keys: [11] }),
    ])
    expect(await idsOf(table)).toEqual([1, 3])
    await table.commit([
      await table.equalityDeletes('s.parquet', [[null]], { fields: [keyOnly], keys: [11] }),
    ])
    expect(await idsOf(table)).toEqual([1])
  })

  it('that lack a key column are corrupt', async () => {
    const { table } = await tableOf(range(0, 3).map(row))
    await table.commit([await table.equalityDeletes('e.parquet', [[1n]], { fields: [ID], keys: [1, 2] })])
    await expect(rowsOf(table)).rejects.toMatchObject({ kind: 'corrupt', context: { column: 'key' } })
  })

  it('of other formats are refused by name', async () => {
    const { table } = await tableOf(range(0, 3).map(row))
    const file = await table.equalityDeletes('e.parquet', [[1n]], { fields: [ID] })
    await table.commit([{ ...file, format: 'orc', location: 'memory://lake/t/e.orc' }])
    await expect(rowsOf(table)).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location: 'memory://lake/t/e.orc' },
    })
  })

  it('whose keys the bounds of the data file exclude are not read', async () => {
    const { table } = await tableOf(range(0, 10).map(row))
    await table.commit([await table.equalityDeletes('e.parquet', [[50n]], { fields: [ID] })])
    const plan = await planOf(table)
    expect(plan.report).toMatchObject({ deleteFiles: 1, deleteFilesSkipped: 1 })
    expect(plan.tasks[0]!.deletes.equalityDeletes).toEqual([])
  })
})
