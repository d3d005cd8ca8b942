/** Group commit: one snapshot for many callers, each answered for itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLake, type Table } from '../../src/index.js'
import { failingIO } from '../../src/io/failing.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let memory: MemoryLake
beforeEach(async () => {
  memory = await openMemoryLake()
})
afterEach(() => memory.close())

async function groupedTable(groupCommit: { lingerMsMax: number; rowsMax?: number }): Promise<Table> {
  const lake = openLake({ ...memory.lake.context, groupCommit })
  return lake.createTable('a.t', 'id bigint not null, v string')
}

const ids = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

describe('group commit', () => {
  it('puts the appends of concurrent callers into one snapshot with one data file', async () => {
    const table = await groupedTable({ lingerMsMax: 5 })
    const reports = await Promise.all(ids(0, 64).map(id => table.append([{ id, v: `v${id}` }])))
    const snapshots = await table.snapshots()
    expect(snapshots).toHaveLength(1)
    expect(snapshots[0]?.summary).toMatchObject({ 'added-data-files': '1', 'added-records': '64' })
    expect(new Set(reports.map(report => report.snapshotId))).toEqual(new Set([snapshots[0]?.snapshotId]))
    expect((await rowsOf(table.scan({ select: ['id'] }))).length).toBe(64)
  })

  it('does not make one caller pay for the rows of another', async () => {
    const table = await groupedTable({ lingerMsMax: 5 })
    const results = await Promise.allSettled([
      table.append([{ id: 1, v: 'a' }]),
      table.append([{ id: 'x' as unknown as number, v: 'b' }]),
      table.append([{ v: 'no id' }]),
      table.append([{ id: 4, v: 'd' }]),
    ])
    expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ kind: 'invalid-argument' })
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, v: 'a' },
      { id: 4, v: 'd' },
    ])
    expect(await table.snapshots()).toHaveLength(1)
  })

  it('closes a group that is full, and takes the rest into the next', async () => {
    const table = await groupedTable({ lingerMsMax: 10_000, rowsMax: 4 })
    await Promise.all(ids(0, 8).map(id => table.append([{ id, v: '' }])))
    const snapshots = await table.snapshots()
    expect(snapshots.map(({ summary }) => summary['added-records'])).toEqual(['4', '4'])
  })

  it('keeps branches apart, and leaves writes of their own alone', async () => {
    const table = await groupedTable({ lingerMsMax: 5 })
    await table.append([{ id: 0, v: '' }])
    await Promise.all([
      table.append([{ id: 1, v: '' }]),
      table.append([{ id: 2, v: '' }], { branch: 'b' }),
      table.append([{ id: 3, v: '' }], { summary: { job: 'x' } }),
      table.append([{ id: 4, v: '' }]),
    ])
    expect((await rowsOf(table.scan({ select: ['id'] }))).map(row => row.id)).toEqual([0, 1, 3, 4])
    expect((await rowsOf(table.scan({ select: ['id'], asOf: 'b' }))).map(row => row.id)).toContain(2)
    const jobs = (await table.snapshots()).filter(snapshot => snapshot.summary.job === 'x')
    expect(jobs.map(({ summary }) => summary['added-records'])).toEqual(['1'])
  })

  it('passes over a caller who left, and settles everybody when the lake is closed', async () => {
    const lake = openLake({ ...memory.lake.context, groupCommit: { lingerMsMax: 60_000 } })
    const table = await lake.createTable('a.t', 'id bigint not null')
    const leaving = new AbortController()
    const left = table.append([{ id: 1 }], { signal: leaving.signal })
    const stayed = table.append([{ id: 2 }])
    leaving.abort()
    const settled = Promise.allSettled([left, stayed])
    await lake.close()
    const [first, second] = await settled
    expect(first).toMatchObject({ status: 'rejected', reason: { kind: 'aborted' } })
    expect(second.status).toBe('fulfilled')
  })

  it('tells every caller when the storage fails, and goes on with the next group', async () => {
    const { context } = memory.lake
    let isFull = false
    const io = failingIO(context.io, ({ verb, phase }) =>
      isFull && verb === 'writer-close' && phase === 'before'
        ? Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
        : undefined,
    )
    const lake = openLake({ ...context, io, groupCommit: { lingerMsMax: 2 } })
    const table = await lake.createTable('a.t', 'id bigint not null')
    isFull = true
    const results = await Promise.allSettled(ids(0, 3).map(id => table.append([{ id }])))
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable' } })
    isFull = false
    await Promise.all(ids(3, 6).map(id => table.append([{ id }])))
    expect((await rowsOf(table.scan())).map(row => row.id)).toEqual([3, 4, 5])
  })
})
