import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { bucket, day, sql, type Table } from '../../src/index.js'
import { failingIO } from '../../src/io/failing.js'
import { openLake } from '../../src/lake/lake.js'
import { rejectionOf } from '../support/errors.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let there: MemoryLake
beforeEach(async () => {
  there = await openMemoryLake()
})
afterEach(() => there.close())

const make = (ddl = 'id bigint not null, name string', options = {}): Promise<Table> =>
  there.lake.createTable('shop.t', ddl, { keys: ['id'], ...options })
const pairs = [
  { id: 1, name: 'a' },
  { id: 2, name: 'b' },
]

describe('a lake', () => {
  it('creates, lists, renames and drops tables and namespaces', async () => {
    const { lake } = there
    await make()
    await lake.createNamespace('other', { owner: 'me' })
    expect(await lake.listNamespaces()).toEqual([['other'], ['shop']])
    expect(await lake.namespaceProperties('other')).toMatchObject({ owner: 'me' })
    await lake.renameTable('shop.t', 'other.u')
    expect(await lake.listTables('other')).toEqual([{ namespace: ['other'], name: 'u' }])
    expect(await lake.tableExists('shop.t')).toBe(false)
    await lake.dropTable('other.u')
    await lake.dropNamespace('other')
    expect(await lake.listNamespaces()).toEqual([['shop']])
  })

  it('creates a table with partitions, sort order, keys and properties', async () => {
    const table = await make('id bigint, at timestamptz', {
      partitionBy: [day('at'), bucket(4, 'id')],
      sortBy: ['at desc'],
      properties: { 'commit.retry.num-retries': '7' },
      formatVersion: 3,
    })
    const { metadata } = await table.load()
    expect(metadata.formatVersion).toBe(3)
    expect(metadata.partitionSpecs[0]?.fields.map(({ name }) => name)).toEqual(['at_day', 'id_bucket'])
    expect(metadata.sortOrders.at(-1)?.fields).toMatchObject([{ direction: 'desc', nullOrder: 'nulls-last' }])
    expect(metadata.properties).toMatchObject({
      'commit.retry.num-retries': '7',
      'write.merge.mode': 'merge-on-read',
    })
    expect((await table.schema()).identifierFieldIds).toEqual([1])
    expect((await table.schema()).fields[0]?.required).toBe(true)
  })

  it('says what is wrong with a table that cannot be created', async () => {
    await make()
    expect((await rejectionOf(make()))?.kind).toBe('already-exists')
    const bad = [
      there.lake.createTable('shop.x', 'id nonsense'),
      there.lake.createTable('shop.x', 'id int', { keys: ['nope'] }),
      there.lake.createTable('shop.x', 'id int', { partitionBy: ['days(id)'] }),
      there.lake.createTable('shop.x', 'id int', { sortBy: ['nope'] }),
      there.lake.createTable('x', 'id int'),
    ]
    for (const attempt of bad) expect((await rejectionOf(attempt))?.kind).toBe('invalid-argument')
    expect(await there.lake.tableExists('shop.x')).toBe(false)
  })

  it('says that a table is not there', async () => {
    const missing = there.lake.table('shop.none')
    const attempts = [
      () => missing.load(),
      () => missing.append([]),
      () => missing.scan().count(),
      () => missing.delete('true'),
    ]
    for (const attempt of attempts) expect((await rejectionOf(attempt()))?.kind).toBe('not-found')
  })
})

describe('appending', () => {
  it('adds rows and reports the snapshot', async () => {
    const table = await make()
    const report = await table.append(pairs, { summary: { job: 'test' } })
    expect(report).toMatchObject({ changed: true, attempts: 1 })
    expect(report.summary).toMatchObject({ 'added-records': '2', job: 'test' })
    expect(await rowsOf(table.scan())).toEqual(pairs)
    expect((await table.snapshots()).map(({ snapshotId }) => snapshotId)).toEqual([report.snapshotId])
    expect((await table.history()).map(({ snapshotId }) => snapshotId)).toEqual([report.snapshotId])
  })

  it('of a row that does not fit leaves the table and its folder as they were', async () => {
    const table = await make()
    const { io } = there.lake.context
    const { metadataLocation, metadata } = await table.load()
    const many = Array.from({ length: 10_000 }, (_, id) => ({ id }))
    const error = await rejectionOf(table.append([...many, { id: 'x' }]))
    expect(error).toMatchObject({ kind: 'invalid-argument', context: { row: 10_000, column: 'id' } })
    expect((await table.load()).metadataLocation).toBe(metadataLocation)
    const left: string[] = []
    for await (const entry of io.list(`${metadata.location}/data`)) left.push(entry.location)
    expect(left).toEqual([])
  })

  it('that cannot be committed leaves no data file', async () => {
    const table = await make()
    const { lake } = there
    const io = failingIO(lake.context.io, ({ verb, location, phase }) =>
      verb === 'write' && phase === 'before' && location.includes('/snap-')
        ? new LakeError('unavailable', 'the disk is full')
        : undefined,
    )
    const error = await rejectionOf(
      openLake({ ...lake.context, io })
        .table('shop.t')
        .append(pairs),
    )
    expect(error?.kind).toBe('unavailable')
    const left: string[] = []
    const { metadata } = await table.load()
    for await (const entry of lake.context.io.list(`${metadata.location}/data`)) left.push(entry.location)
    expect(left).toEqual([])
  })
})

describe('upserting', () => {
  it('replaces rows by the identifier fields and adds the others', async () => {
    const table = await make()
    await table.append(pairs)
    await table.upsert([
      { id: 2, name: 'B' },
      { id: 3, name: 'C' },
    ])
    expect(await rowsOf(table.scan())).toEqual([
      { id: 1, name: 'a' },
      { id: 2, name: 'B' },
      { id: 3, name: 'C' },
    ])
  })

  it('replaces rows by the keys that are named', async () => {
    const table = await make()
    await table.append(pairs)
    await table.upsert([{ id: 9, name: 'a' }], { keys: ['name'] })
    expect(await rowsOf(table.scan())).toEqual([
      { id: 2, name: 'b' },
      { id: 9, name: 'a' },
    ])
  })

  it('refuses two rows with one key, an unknown key, and a table without any', async () => {
    const table = await make()
    expect(await rejectionOf(table.upsert([pairs[0]!, pairs[0]!]))).toMatchObject({
      kind: 'invalid-argument',
      context: { key: '{"id":1}' },
    })
    expect((await rejectionOf(table.upsert(pairs, { keys: ['nope'] })))?.context).toMatchObject({
      column: 'nope',
    })
    const keyless = await there.lake.createTable('shop.u', 'id int')
    expect((await rejectionOf(keyless.upsert([{ id: 1 }])))?.kind).toBe('invalid-argument')
  })

  it('of nothing changes nothing', async () => {
    const table = await make()
    expect(await table.upsert([])).toMatchObject({ changed: false, snapshotId: undefined })
  })
})

describe('deleting', () => {
  it('takes text, text with values in it, and expressions', async () => {
    const table = await make()
    await table.append([...pairs, { id: 3, name: "o'clock" }])
    expect(await table.delete("name = 'a'")).toMatchObject({
      changed: true,
      summary: { 'added-position-deletes': '1' },
    })
    await table.delete(sql`name = ${"o'clock"}`)
    expect(await rowsOf(table.scan())).toEqual([{ id: 2, name: 'b' }])
    expect(await table.delete('id > 100')).toMatchObject({ changed: false })
  })

  it('refuses a filter that is none, and one of an unknown column', async () => {
    const table = await make()
    for (const where of ['id =', 'nope = 1', "id = 'x'"]) {
      expect((await rejectionOf(table.delete(where)))?.kind, where).toBe('invalid-argument')
    }
  })

  it('works on copy-on-write tables, by any condition over the columns of a row', async () => {
    const table = await make(undefined, { properties: { 'write.delete.mode': 'copy-on-write' } })
    await table.append(pairs)
    await table.delete('id + id = 2')
    expect(await rowsOf(table.scan())).toEqual(pairs.filter(({ id }) => Number(id) !== 1))
  })
})

describe('an update', () => {
  it('takes text, or values and expressions by column', async () => {
    const table = await make()
    await table.append(pairs)
    await table.update({ set: { name: 'all' } })
    await table.update({ set: "name = name || '!'", where: 'id = 1' })
    expect((await rowsOf(table.scan())).map(row => row.name).sort()).toEqual(['all', 'all!'])
  })
})

describe('maintenance of a table', () => {
  it('compacts and expires', async () => {
    const table = await make()
    for (const row of pairs) await table.append([row])
    await table.delete('id = 1')
    await table.compact({ minInputFiles: 1 })
    await table.expire({ retainLast: 1, olderThanMs: Date.now() })
    expect(await rowsOf(table.scan())).toEqual([pairs[1]])
    expect(await table.snapshots()).toHaveLength(1)
  })
})
