import { describe, expect, it } from 'vitest'
import { eq, gt, isNull, lt, or } from '../../src/expression/expression.js'
import { countRows } from '../../src/reader/count.js'
import { explainScan } from '../../src/reader/explain.js'
import { newScanCounters } from '../../src/reader/scan-counters.js'
import type { Field, Value } from '../../src/schema/types.js'
import { createMemoryTable, planOf, rowsOf } from './memory-table.js'

const ID: Field = { id: 1, name: 'id', required: true, type: { kind: 'long' } }
const NAME: Field = { id: 2, name: 'name', required: false, type: { kind: 'string' } }
const SCORE: Field = { id: 3, name: 'score', required: false, type: { kind: 'double' } }
const FIELDS = [ID, NAME, SCORE]

const row = (id: number): Value[] => [BigInt(id), id % 5 === 0 ? null : `n${id % 7}`, id / 4]
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, at) => from + at)
const ids = (rows: readonly (readonly Value[])[]): number[] => rows.map(each => Number(each[0]))

async function threeFiles() {
  const table = createMemoryTable({ fields: FIELDS })
  const files = []
  for (const part of [0, 1, 2])
    files.push(
      await table.dataFile(`d${part}.parquet`, range(part * 100, part * 100 + 100).map(row), {
        rowGroupRows: 20,
      }),
    )
  await table.commit(files)
  return { table, files }
}

describe('scan', () => {
  it('returns all rows in the order of files, whatever the concurrency', async () => {
    const { table } = await threeFiles()
    const expected = range(0, 300).map(row)
    expect(await rowsOf(table, { concurrency: 1 })).toEqual(expected)
    expect(await rowsOf(table, { concurrency: 3 })).toEqual(expected)
  })

  it('of a table without a snapshot is empty', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    expect(await rowsOf(table)).toEqual([])
    expect((await countRows(table.io, await planOf(table))).rows).toBe(0)
  })

  it('returns columns in the order they are selected', async () => {
    const { table } = await threeFiles()
    const rows = await rowsOf(table, { select: ['score', 'id'], limit: 2 })
    expect(rows).toEqual([
      [0, 0n],
      [0.25, 1n],
    ])
  })

  it('refuses unknown and repeated columns', async () => {
    const { table } = await threeFiles()
    await expect(planOf(table, { select: ['nope'] })).rejects.toMatchObject({
      kind: 'invalid-argument',
      context: { column: 'nope' },
    })
    await expect(planOf(table, { select: ['id', 'id'] })).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('filters on columns that are not selected and drops them', async () => {
    const { table } = await threeFiles()
    const rows = await rowsOf(table, { select: ['name'], filter: or(eq('id', 7), eq('id', 215)) })
    expect(rows).toEqual([['n0'], [null]])
  })

  it('stops at a limit, which counts rows after filter and deletes; files whose rows are certain come first', async () => {
    const { table, files } = await threeFiles()
    const deletes = await table.positionDeletes('p.parquet', [[files[0]!.location, 0n]])
    await table.commit([deletes])
    expect(ids(await rowsOf(table, { limit: 3, filter: lt('id', 250) }))).toEqual([100, 101, 102])
    const most = [...range(100, 200), ...range(1, 21)]
    expect(ids(await rowsOf(table, { limit: 120, filter: lt('id', 200) }))).toEqual(most)
    expect(ids(await rowsOf(table, { limit: 120, filter: lt('id', 200), concurrency: 3 }))).toEqual(most)
    expect(await rowsOf(table, { limit: 0 })).toEqual([])
  })

  it('yields rows without columns when none is selected', async () => {
    const { table } = await threeFiles()
    expect(await rowsOf(table, { select: [] })).toEqual(range(0, 300).map(() => []))
  })

  it('is stopped by its signal', async () => {
    const { table } = await threeFiles()
    const stop = new AbortController()
    stop.abort()
    await expect(rowsOf(table, { signal: stop.signal })).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('refuses data files of other formats before it returns a row, and names them', async () => {
    const { table, files } = await threeFiles()
    await table.commit([{ ...files[0]!, location: 'memory://lake/t/data/x.orc', format: 'orc' }])
    await expect(rowsOf(table)).rejects.toMatchObject({
      kind: 'unsupported',
      context: { location: 'memory://lake/t/data/x.orc', format: 'orc' },
    })
    expect((await countRows(table.io, await planOf(table))).rows).toBe(400)
  })

  it('reads a file whose stated size is wrong', async () => {
    const { table, files } = await threeFiles()
    const size = files[0]!.fileSizeBytes
    await table.commit([
      { ...files[0]!, fileSizeBytes: size - 9 },
      { ...files[1]!, fileSizeBytes: size + 900 },
    ])
    expect(await rowsOf(table)).toHaveLength(500)
  })

  it('names the file that is missing', async () => {
    const { table, files } = await threeFiles()
    await table.io.delete([files[1]!.location])
    await expect(rowsOf(table)).rejects.toMatchObject({ kind: 'not-found' })
  })
})

describe('pruning', () => {
  it('skips files by bounds and row groups by their statistics, and explains it', async () => {
    const { table } = await threeFiles()
    const plan = await planOf(table, { filter: eq('id', 145) })
    expect(plan.report).toMatchObject({ dataFiles: 3, dataFilesSkippedByBounds: 2, requests: 2 })
    const explained = await explainScan(table.io, plan)
    expect(explained.execution).toMatchObject({
      dataFiles: 1,
      rowGroups: 1,
      rowGroupsSkipped: 4,
      rowsRead: 20,
      rowsFiltered: 19,
      rowsReturned: 1,
    })
    expect(explained.filter).toBe('id = 145')
  })

  it('does not evaluate a filter that bounds prove for the whole file', async () => {
    const { table } = await threeFiles()
    const plan = await planOf(table, { filter: gt('id', 99), select: ['name'] })
    expect(plan.tasks.map(task => task.residual.op)).toEqual(['true', 'true'])
    const counters = newScanCounters()
    expect(await rowsOf(table, { filter: gt('id', 99), counters })).toHaveLength(200)
    expect(counters).toMatchObject({ rowsRead: 200, rowsFiltered: 0 })
  })

  it('keeps files without statistics', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    await table.commit([await table.dataFile('bare.parquet', range(0, 50).map(row), { bare: true })])
    expect(ids(await rowsOf(table, { filter: eq('id', 7) }))).toEqual([7])
    expect((await planOf(table, { filter: eq('id', 70) })).tasks).toHaveLength(1)
  })

  it('skips manifests and files by partition, and deletes of other partitions', async () => {
    const table = createMemoryTable({
      fields: FIELDS,
      specs: [
        {
          specId: 0,
          fields: [{ sourceId: 2, fieldId: 1000, name: 'name', transform: { kind: 'identity' } }],
        },
      ],
    })
    for (const name of ['a', 'b', null]) {
      const rows = range(0, 10).map(id => [BigInt(id), name, null])
      await table.commit([await table.dataFile(`${name}.parquet`, rows, { partition: [name] })])
    }
    await table.commit([await table.equalityDeletes('e.parquet', [[3n]], { fields: [ID], partition: ['a'] })])
    const onlyB = await planOf(table, { filter: eq('name', 'b') })
    expect(onlyB.tasks).toHaveLength(1)
    expect(onlyB.tasks[0]!.residual.op).toBe('true')
    expect(onlyB.report).toMatchObject({
      dataManifests: 3,
      dataManifestsSkipped: 2,
      deleteManifests: 1,
      deleteManifestsSkipped: 1,
    })
    expect(await rowsOf(table, { filter: eq('name', 'a') })).toHaveLength(9)
    expect(await rowsOf(table, { filter: isNull('name') })).toHaveLength(10)
  })

  it('does not open delete manifests that are older than every data file left', async () => {
    const table = createMemoryTable({ fields: FIELDS })
    const first = await table.dataFile('d0.parquet', range(0, 10).map(row))
    await table.commit([first])
    await table.commit([await table.positionDeletes('p.parquet', [[first.location, 1n]])])
    await table.commit([await table.dataFile('d1.parquet', range(10, 20).map(row))])
    const plan = await planOf(table)
    expect(plan.report).toMatchObject({ deleteManifestsSkipped: 0, deleteFiles: 1, deleteFilesSkipped: 0 })
    const later = await planOf(table, { filter: gt('id', 12) })
    expect(later.report).toMatchObject({ deleteFilesSkipped: 1 })
  })
})

describe('count', () => {
  it('comes from metadata where files match whole and have vectors only', async () => {
    const table = createMemoryTable({ fields: FIELDS, formatVersion: 3 })
    const file = await table.dataFile('d.parquet', range(0, 100).map(row))
    await table.commit([file])
    await table.commit([await table.deletionVector('v.puffin', file, [0, 5, 99])])
    await table.io.delete([file.location])
    expect(await countRows(table.io, await planOf(table))).toEqual({
      rows: 97,
      filesCounted: 1,
      filesRead: 0,
    })
  })

  it('reads files with position or equality deletes, or with a filter that is not proven', async () => {
    const { table, files } = await threeFiles()
    await table.commit([
      await table.positionDeletes('p.parquet', [
        [files[0]!.location, 4n],
        [files[0]!.location, 4n],
      ]),
      await table.equalityDeletes('e.parquet', [[150n]], { fields: [ID] }),
    ])
    expect(await countRows(table.io, await planOf(table))).toEqual({
      rows: 298,
      filesCounted: 1,
      filesRead: 2,
    })
    const filtered = await countRows(table.io, await planOf(table, { filter: lt('id', 152) }))
    expect(filtered.rows).toBe(150)
  })

  it('is that of the rows that the scan gives: with _deleted, of deleted ones too', async () => {
    const { table, files } = await threeFiles()
    await table.commit([
      await table.positionDeletes('p.parquet', [[files[0]!.location, 4n]]),
      await table.equalityDeletes('e.parquet', [[150n]], { fields: [ID] }),
    ])
    for (const filter of [undefined, lt('id', 152)])
      for (const select of [['_deleted'], ['id', '_deleted'], ['id']]) {
        const scan = { select, ...(filter === undefined ? {} : { filter }) }
        const counted = await countRows(table.io, await planOf(table, scan))
        expect(counted.rows).toBe((await rowsOf(table, scan)).length)
        // All rows of a file are counted without it, whatever its deletes are.
        if (filter === undefined && select.includes('_deleted')) expect(counted.filesRead).toBe(0)
      }
  })
})
