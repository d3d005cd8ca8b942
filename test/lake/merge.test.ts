/** `Table.merge`: what may be its source, how rows match, what it reports. */
import { tableFromArrays } from 'apache-arrow'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8Encode } from '../../src/base/bytes.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import { parquetOfBatches, sql, type Table } from '../../src/index.js'
import { rejectionOf } from '../support/errors.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let opened: MemoryLake
beforeEach(async () => {
  opened = await openMemoryLake()
})
afterEach(() => opened.close())

const COLUMNS = 'id bigint not null, price decimal(9,2), day date, region string'

/** A table by `id` with two rows. */
async function shop(properties: Readonly<Record<string, string>> = {}): Promise<Table> {
  const { lake } = opened
  await lake.createNamespace('shop').catch(() => undefined)
  const table = await lake.createTable('shop.items', COLUMNS, { keys: ['id'], properties })
  await table.append([
    { id: 1, price: '1.00', day: '2026-01-01', region: 'eu' },
    { id: 2, price: '2.00', day: '2026-01-02', region: 'us' },
  ])
  return table
}

const rows = (table: Table) => rowsOf(table.scan())

describe('merge', () => {
  it('updates and inserts by the identifier fields when nothing else is said', async () => {
    const table = await shop()
    const report = await table.merge([
      { id: 2, price: '2.50', day: '2026-02-02', region: null },
      { id: 3, price: '3.00', day: '2026-02-03', region: 'asia' },
    ])
    expect(report).toMatchObject({ changed: true, rowsInserted: 1, rowsUpdated: 1, rowsDeleted: 0 })
    expect(await rows(table)).toEqual([
      { id: 1, price: '1.00', day: '2026-01-01', region: 'eu' },
      { id: 2, price: '2.50', day: '2026-02-02', region: null },
      { id: 3, price: '3.00', day: '2026-02-03', region: 'asia' },
    ])
    expect(await table.merge([])).toMatchObject({ changed: false, rowsInserted: 0 })
  })

  it('takes columns that the table lacks, and types of their own', async () => {
    const table = await shop()
    const report = await table.merge(
      [
        { id: 1, op: 'D' },
        { id: 2, op: 'U', raise: 0.5 },
        { id: 9, op: 'I', price: '9.99' },
      ],
      {
        on: 't.id = s.id',
        when: [
          "when matched and s.op = 'D' then delete",
          'when matched then update set price = t.price + s.raise',
          sql`when not matched and s.op = ${'I'} then insert (id, price, region) values (s.id, s.price, upper(s.op))`,
        ],
      },
    )
    expect(report).toMatchObject({ rowsInserted: 1, rowsUpdated: 1, rowsDeleted: 1 })
    expect(await rows(table)).toEqual([
      { id: 2, price: '2.50', day: '2026-01-02', region: 'us' },
      { id: 9, price: '9.99', day: null, region: 'I' },
    ])
  })

  it('takes Arrow, column batches and iterables', async () => {
    const table = await shop()
    const when = 'when matched then update set region = s.place'
    const by = { on: 't.id = s.number', when }
    await table.merge(tableFromArrays({ number: Int32Array.of(1), place: ['arrow'] }), by)
    const fields = [
      { id: 7, name: 'place', required: true, type: { kind: 'string' } },
      { id: 7000, name: 'number', required: true, type: { kind: 'long' } },
    ] as const
    await table.merge(batchOf(fields, [['batch', 2n]]), by)
    expect((await rows(table)).map(({ region }) => region)).toEqual(['arrow', 'batch'])
    async function* stream() {
      yield { number: 1, place: 'one' }
      yield { number: 2, place: 'two' }
    }
    await table.merge(stream(), by)
    expect((await rows(table)).map(({ region }) => region)).toEqual(['one', 'two'])
  })

  it('takes files', async () => {
    const table = await shop()
    const { io } = opened.lake.context
    await io.write(
      'memory:/in/a.jsonl',
      utf8Encode('{"id": 1, "price": "1.10", "day": "2026-03-01", "region": "x"}\n'),
    )
    await io.write('memory:/in/b.csv', utf8Encode('id,note\n2,hello\n5,\n'))
    await io.write('memory:/in/none.jsonl', new Uint8Array(0))
    expect(await table.merge({ files: ['memory:/in/a.jsonl'] })).toMatchObject({ rowsUpdated: 1 })
    const when =
      "when matched then update set region = concat(s.note, '!') when not matched then insert (id) values (s.id)"
    expect(await table.merge({ files: ['memory:/in/b.csv'] }, { when })).toMatchObject({
      rowsInserted: 1,
      rowsUpdated: 1,
    })
    expect(await table.merge({ files: ['memory:/in/none.jsonl'] })).toMatchObject({ changed: false })
    const fields = [
      { id: 1, name: 'id', required: false, type: { kind: 'int' } },
      { id: 2, name: 'price', required: false, type: { kind: 'double' } },
    ] as const
    async function* batches() {
      yield batchOf(fields, [[5, 0.125]])
    }
    const pieces: Uint8Array[] = []
    for await (const piece of parquetOfBatches(fields, batches())) pieces.push(piece)
    await io.write('memory:/in/c.parquet', Buffer.concat(pieces))
    await table.merge(
      { files: ['memory:/in/c.parquet'] },
      { when: 'when matched then update set price = s.price' },
    )
    expect(await rows(table)).toEqual([
      { id: 1, price: '1.10', day: '2026-03-01', region: 'x' },
      { id: 2, price: '2.00', day: '2026-01-02', region: 'hello!' },
      { id: 5, price: '0.13', day: null, region: null },
    ])
  })

  it('replaces what a source is the whole of', async () => {
    for (const mode of ['copy-on-write', 'merge-on-read']) {
      const table = await shop({ 'write.merge.mode': mode })
      const when =
        'when matched then update set * when not matched then insert * when not matched by source then delete'
      const report = await table.merge([{ id: 2, price: null, day: null, region: 'new' }], { when })
      expect(report).toMatchObject({ rowsInserted: 0, rowsUpdated: 1, rowsDeleted: 1 })
      expect(await rows(table)).toEqual([{ id: 2, price: null, day: null, region: 'new' }])
      expect(await table.merge([], { when: 'when not matched by source then delete' })).toMatchObject({
        rowsDeleted: 1,
      })
      expect(await rows(table)).toEqual([])
      await opened.lake.dropTable('shop.items')
    }
  })

  it('writes to branches, stages, and tries out', async () => {
    const table = await shop({ 'write.wap.enabled': 'true' })
    const source = [{ id: 3, price: null, day: null, region: 'new' }]
    const trial = await table.merge(source, { dryRun: true })
    expect(trial).toMatchObject({ changed: true, rowsInserted: 1, effect: { rows: { added: 1 } } })
    await table.merge(source, { branch: 'audit' })
    expect(await rows(table)).toHaveLength(2)
    expect(await rowsOf(table.scan({ asOf: 'audit' }))).toHaveLength(3)
    await table.merge(source, { wapId: 'w1', summary: { job: 'nightly' } })
    expect(await rows(table)).toHaveLength(2)
    await table.publish('w1')
    expect(await rows(table)).toHaveLength(3)
  })

  it('is refused when what it touches changed since it was decided on', async () => {
    const table = await shop()
    const basedOn = (await table.snapshots())[0]?.snapshotId
    await table.append([{ id: 50, price: null, day: null, region: 'far' }])
    const source = [{ id: 2, region: 'mine' }]
    const when = 'when matched then update set region = s.region'
    expect(await table.merge(source, { when, basedOn })).toMatchObject({ rowsUpdated: 1 })
    expect(await rejectionOf(table.merge(source, { when, basedOn }))).toMatchObject({ kind: 'conflict' })
  })

  it('refuses what does not fit', async () => {
    const table = await shop()
    const refused = async (...given: Parameters<Table['merge']>) => rejectionOf(table.merge(...given))
    const kind = 'invalid-argument'
    const one = [{ id: 1, note: 'n' }]
    const deleting = { when: 'when matched then delete' }
    expect(await refused([{ id: 1 }, { id: 1 }], deleting)).toMatchObject({
      kind,
      message: 'two rows of the source have the same key',
      context: { key: '{"id":1}', rows: ['0', '1'] },
    })
    expect(await refused(one)).toMatchObject({
      kind,
      message: 'the source lacks a column of the table',
      context: { column: 'price' },
    })
    expect(await refused([{ id: 1, price: 'much' }], deleting)).toMatchObject({
      kind,
      message: 'a value does not fit its column',
      context: { column: 'price', row: 0 },
    })
    const when = (text: string) => refused(one, { when: text })
    expect(await when('when matched then update set price = s.note')).toMatchObject({
      kind,
      message: 'the value cannot be stored in the column',
    })
    expect(await when('when not matched then insert (id) values (t.id)')).toMatchObject({
      kind,
      message: 'the column is not in the schema',
    })
    expect(await when('when matched then update set id = id + 1')).toMatchObject({
      kind,
      message: 'the column name matches several columns',
    })
    expect(await when('when matched then update set id = null')).toMatchObject({ kind })
    expect(await refused(one, { on: 't.id = s.id', keys: ['id'] })).toMatchObject({ kind })
    expect(await refused(one, { on: 't.id = s.nothing' })).toMatchObject({ kind })
    expect(await refused(one, { ...deleting, keys: ['region'] })).toMatchObject({ kind })
    expect(await refused(one, { when: [] })).toMatchObject({ kind, message: 'a merge needs a clause' })
    expect(await table.snapshots()).toHaveLength(1)
  })
})
