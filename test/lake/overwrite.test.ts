import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Table } from '../../src/index.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let world: MemoryLake
let table: Table
beforeEach(async () => {
  world = await openMemoryLake()
  table = await world.lake.createTable('ns.t', 'id bigint, part int', { partitionBy: ['part'] })
  await table.append([at(1, 1), at(2, 2)])
})
afterEach(() => world.close())

const at = (id: number, part: number) => ({ id, part })
const rows = () => rowsOf(table.scan())

describe('overwrites at the same time', () => {
  it('of different partitions both land', async () => {
    const ids = [10, 20]
    await Promise.all(ids.map(id => table.overwrite([at(id, id / 10)], { partitions: true })))
    expect(await rows()).toEqual([at(10, 1), at(20, 2)])
  })

  it('of one partition leave the rows of one of them, and the other is told', async () => {
    const ids = [10, 11]
    const results = await Promise.allSettled(
      ids.map(id => table.overwrite([at(id, 1)], { partitions: true })),
    )
    const lost = results.filter(({ status }) => status === 'rejected')
    const won = ids.filter((_, index) => results[index]?.status === 'fulfilled')
    // One may have begun when the other was done.
    expect(lost.length).toBeLessThan(2)
    for (const result of lost) expect(result).toMatchObject({ reason: { kind: 'conflict' } })
    const left = (await rows()).filter(({ part }) => part === 1)
    expect(won.map(id => [at(id, 1)])).toContainEqual(left)
  })
})

describe('an overwrite in a transaction', () => {
  const replaceIn = (meanwhile: () => Promise<unknown>): Promise<unknown> =>
    table.transaction(async tx => {
      const inside = tx.table('ns.t')
      await inside.append([at(3, 1)])
      await inside.overwrite([at(4, 1)], { partitions: true })
      await meanwhile()
    })

  it('replaces what the transaction wrote too', async () => {
    await replaceIn(async () => {})
    expect(await rows()).toEqual([at(2, 2), at(4, 1)])
  })

  it('lands beside a commit to another partition', async () => {
    await replaceIn(() => table.append([at(5, 2)]))
    expect(await rows()).toEqual([at(2, 2), at(4, 1), at(5, 2)])
  })

  it('is refused with the whole transaction when its partition changed', async () => {
    await expect(replaceIn(() => table.append([at(5, 1)]))).rejects.toMatchObject({
      kind: 'conflict',
      context: { rule: 'overwrite-partitions, data-added' },
    })
    expect(await rows()).toEqual([at(1, 1), at(2, 2), at(5, 1)])
  })
})

it('an overwrite that has landed is not done again', async () => {
  const once = { stream: 'nightly', token: 'monday' }
  const first = await table.overwrite([at(9, 1)], { partitions: true, once })
  await table.append([at(10, 1)])
  const second = await table.overwrite([at(9, 1)], { partitions: true, once })
  expect(second).toMatchObject({ replayed: true, changed: false, snapshotId: first.snapshotId })
  expect(await rows()).toEqual([at(10, 1), at(2, 2), at(9, 1)])
})

it('files that are taken in replace the partitions of their rows', async () => {
  const { io } = world.lake.context
  await io.write('memory:/in/rows.jsonl', new TextEncoder().encode('{"id":7,"part":2}\n{"id":8,"part":3}\n'))
  await table.ingest(['memory:/in/rows.jsonl'], { mode: 'overwrite', partitions: true })
  expect(await rows()).toEqual([at(1, 1), at(7, 2), at(8, 3)])
  await table.ingest(['memory:/in/rows.jsonl'], { mode: 'overwrite', where: 'part < 3' })
  expect(await rows()).toEqual([at(7, 2), at(8, 3), at(8, 3)])
  await expect(table.ingest(['memory:/in/rows.jsonl'], { where: 'part < 3' })).rejects.toMatchObject({
    kind: 'invalid-argument',
  })
})
