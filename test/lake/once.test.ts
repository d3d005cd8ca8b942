/** Writes that are done once: every operation of a table, and who made a snapshot. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLake, type Table, type WriteOptions, type WriteReport } from '../../src/index.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let opened: MemoryLake
let t: Table
beforeEach(async () => {
  opened = await openMemoryLake()
  t = await opened.lake.createTable('s.t', 'id bigint not null, v string', { keys: ['id'] })
  await t.append([
    { id: 1, v: 'a' },
    { id: 2, v: 'b' },
  ])
})
afterEach(() => opened.close())

const rows = async (): Promise<unknown[]> => (await rowsOf(t.scan())).map(({ id, v }) => [id, v])
const once = (token: string) => ({ once: { stream: 'job', token } })

interface Operation {
  readonly name: string
  readonly run: (options: WriteOptions) => Promise<WriteReport>
}

const OPERATIONS: readonly Operation[] = [
  { name: 'append', run: options => t.append([{ id: 9, v: 'n' }], options) },
  { name: 'upsert', run: options => t.upsert([{ id: 1, v: 'u' }], options) },
  { name: 'delete', run: options => t.delete('id = 1', options) },
  { name: 'update', run: options => t.update({ set: "v = concat(v, '!')" }, options) },
  { name: 'overwrite', run: options => t.overwrite([{ id: 7, v: 'o' }], options) },
  {
    name: 'merge',
    run: options =>
      t.merge([{ id: 2, v: '+' }], {
        ...options,
        when: ['when matched then update set v = concat(t.v, s.v)'],
      }),
  },
  { name: 'delete of nothing', run: options => t.delete('id = 100', options) },
]

describe.each(OPERATIONS)('$name', ({ run }) => {
  it('is done once, and its first result is told again', async () => {
    const first = await run(once('x'))
    expect(first.changed).toBe(true)
    const after = await rows()
    await t.append([{ id: 50, v: 'behind' }])
    const again = await run(once('x'))
    const { snapshotId, summary, effect } = first
    expect(again).toMatchObject({ changed: false, replayed: true, snapshotId, summary, effect })
    expect((await rows()).filter(row => Array.isArray(row) && row[0] !== 50)).toEqual(after)
    expect(await t.snapshots()).toHaveLength(3)
  })

  it('is done once on each branch, and a dry run of it tells so', async () => {
    expect(await run({ ...once('x'), branch: 'audit' })).toMatchObject({ changed: true })
    expect(await run({ ...once('x'), branch: 'audit', dryRun: true })).toMatchObject({ replayed: true })
    expect(await run({ ...once('x'), dryRun: true })).toMatchObject({ changed: true })
    expect(await run(once('x'))).toMatchObject({ changed: true })
    expect(await t.snapshots()).toHaveLength(3)
  })

  it('survives compaction and expiry', async () => {
    const { snapshotId } = await run(once('x'))
    for (const id of [20, 21, 22, 23]) await t.append([{ id, v: 'more' }])
    await t.compact({ minInputFiles: 2 })
    const before = await rows()
    await t.expire({ olderThanMs: (await t.load()).metadata.lastUpdatedMs, retainLast: 1 })
    expect(await t.snapshots()).toHaveLength(1)
    expect(await run(once('x'))).toMatchObject({ replayed: true, snapshotId, summary: {} })
    expect(await rows()).toEqual(before)
  })

  it('is not staged', async () => {
    await t.alter("set tblproperties ('write.wap.enabled' = 'true')")
    await expect(run({ ...once('x'), wapId: 'w' })).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('once', () => {
  it('is for changes of the table itself, too', async () => {
    expect(await t.alter('add column n int', once('x'))).toMatchObject({ changed: true })
    expect(await t.alter('add column n int', once('x'))).toMatchObject({ changed: false, replayed: true })
    await expect(t.alter('add column n int', once('y'))).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('is for files that are taken in, even when they are gone by then', async () => {
    const { io } = opened.lake.context
    const location = 'memory:/in/a.jsonl'
    await io.write(location, new TextEncoder().encode('{"id": 5, "v": "f"}\n'))
    expect(await t.ingest([location], once('x'))).toMatchObject({ changed: true, files: [location] })
    await io.delete([location])
    expect(await t.ingest([location], once('x'))).toMatchObject({ replayed: true, files: [] })
    await expect(t.ingest([location], { ...once('y'), stream: 'files' })).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
  })

  it('takes parquet files that are there once', async () => {
    const source = await opened.lake.createTable('s.source', 'id bigint not null, v string')
    await source.append([{ id: 30, v: 'p' }])
    const [file] = await rowsOf(source.scan({ select: ['_file'] }))
    const options = { ...once('x'), checkDuplicates: false }
    expect(await t.addFiles([String(file?._file)], options)).toMatchObject({ changed: true })
    expect(await t.addFiles([String(file?._file)], options)).toMatchObject({ replayed: true, files: [] })
    expect(await t.scan().count()).toBe(3)
  })

  it('orders the steps of a stream that have positions', async () => {
    const at = (position: number) => ({ once: { stream: 'job', token: `batch-${position}`, position } })
    await t.append([{ id: 10, v: 'x' }], at(10))
    expect(await t.append([{ id: 9, v: 'x' }], at(9))).toMatchObject({ replayed: true })
    expect(await t.append([{ id: 11, v: 'x' }], at(11))).toMatchObject({ changed: true })
    expect((await rows()).length).toBe(4)
  })

  it('lets one of two win who do it at the same time, whose files alone stay', async () => {
    const reports = await Promise.all([1, 2, 3, 4].map(() => t.append([{ id: 9, v: 'n' }], once('x'))))
    expect(reports.filter(report => report.changed)).toHaveLength(1)
    expect(new Set(reports.map(report => report.snapshotId)).size).toBe(1)
    const data: string[] = []
    for await (const { location } of opened.lake.context.io.list('memory:/lake/s/t/data/'))
      data.push(location)
    expect(data).toHaveLength(2)
  })
})

describe('the summary', () => {
  it('says who wrote, by which job, of which snapshots', async () => {
    const { snapshotId = 0n } = await t.append([{ id: 3, v: 'c' }], { actor: 'ann' })
    const lake = openLake({ ...opened.lake.context, actor: 'robot', job: 'nightly' })
    const target = lake.table('s.t')
    const inputs = { 's.t': snapshotId }
    await target.update({ set: { v: 'd' }, where: 'id = 3' }, { inputs })
    await target.delete('id = 3', { job: 'cleaning', summary: { 'serac.actor': 'by hand', note: 'x' } })
    await target.alter('add column n int', once('y'))
    const said = (await t.snapshots())
      .slice(1)
      .map(({ summary }) => [
        summary['serac.actor'],
        summary['serac.job'],
        summary['serac.input.s.t'],
        summary.note,
      ])
    expect(said).toEqual([
      ['ann', undefined, undefined, undefined],
      ['robot', 'nightly', String(snapshotId), undefined],
      ['by hand', 'cleaning', undefined, 'x'],
      ['robot', 'nightly', undefined, undefined],
    ])
  })
})
