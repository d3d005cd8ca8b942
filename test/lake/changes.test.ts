/** `changes` and `appends` of a table's handle: ranges by id, time and ref, rows, Arrow, and what is pinned when. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ChangesRequest, IncrementalRows, OutputRow, Table } from '../../src/index.js'
import { type MemoryLake, openMemoryLake } from './memory-lake.js'

let opened: MemoryLake
let table: Table
let ids: readonly bigint[]
beforeAll(async () => {
  opened = await openMemoryLake()
  table = await opened.lake.createTable('ns.orders', 'id bigint not null, v string', { keys: ['id'] })
  await table.append([
    { id: 1n, v: 'a' },
    { id: 2n, v: 'a' },
  ])
  await table.upsert([{ id: 1n, v: 'b' }])
  await table.append([{ id: 3n, v: 'c' }])
  ids = (await table.snapshots()).map(({ snapshotId }) => snapshotId)
})
afterAll(() => opened.close())

async function collected(read: IncrementalRows): Promise<OutputRow[]> {
  const rows: OutputRow[] = []
  for await (const row of read.rows()) rows.push(row)
  return rows
}

describe('the changes of a table', () => {
  it('are rows with what happened to them', async () => {
    const [first = 0n, second = 0n] = ids
    const rows: OutputRow[] = []
    for await (const row of table.changes({ from: first, to: second }).rows()) rows.push(row)
    expect(rows).toEqual([
      { id: 1n, v: 'a', _change_type: 'DELETE', _change_ordinal: 0, _commit_snapshot_id: second },
      { id: 1n, v: 'b', _change_type: 'INSERT', _change_ordinal: 0, _commit_snapshot_id: second },
    ])
  })

  it('have the columns of the table and the reserved ones, by field id', async () => {
    const fields = await table.changes().fields()
    expect(fields.map(({ name, id }) => [name, id])).toEqual([
      ['id', 1],
      ['v', 2],
      ['_change_type', 2_147_483_543],
      ['_change_ordinal', 2_147_483_542],
      ['_commit_snapshot_id', 2_147_483_541],
    ])
  })

  it('are updates when keys are given', async () => {
    const types: unknown[] = []
    for await (const row of table.changes({ from: ids[0], keys: ['id'] }).rows()) types.push(row._change_type)
    expect(types).toEqual(['UPDATE_BEFORE', 'UPDATE_AFTER', 'INSERT'])
  })

  it('begin and end at an id, a time or a ref', async () => {
    const [, second] = await table.snapshots()
    const at = new Date(second?.timestampMs ?? 0).toISOString()
    const counts = await Promise.all(
      [{}, { from: String(ids[1]) }, { to: { ref: 'main' } }, { from: { ref: 'main' } }, { to: at }].map(
        async range => [...(await table.changes(range).toArrow())].length,
      ),
    )
    expect(counts.slice(0, 4)).toEqual([5, 1, 5, 0])
    expect(counts[4]).toBeGreaterThanOrEqual(4)
  })

  it('are those of the state when they were asked for', async () => {
    const pinned = await opened.lake.createTable('ns.pinned', 'id bigint')
    await pinned.append([{ id: 1n }])
    const changes = pinned.changes()
    await changes.fields()
    await pinned.append([{ id: 2n }])
    expect(await collected(changes)).toMatchObject([{ id: 1n }])
    expect(await collected(pinned.changes())).toMatchObject([{ id: 1n }, { id: 2n }])
  })

  it('are read to their end while their snapshots are to expire', async () => {
    const expiring = await opened.lake.createTable('ns.expiring', 'id bigint')
    await expiring.append([{ id: 1n }])
    await expiring.append([{ id: 2n }])
    await expiring.delete('id < 3')
    await expiring.append([{ id: 4n }])
    const expire = () => expiring.expire({ retainLast: 1, olderThanMs: Date.now(), readerGraceMs: 0 })
    const read: OutputRow[] = []
    let expiry: ReturnType<typeof expiring.expire> | undefined
    for await (const row of expiring.changes().rows()) {
      read.push(row)
      expiry ??= expire()
    }
    expect(read.map(row => `${row._change_type} ${row.id}`)).toEqual([
      ...['INSERT 1', 'INSERT 2'],
      ...['DELETE 2', 'DELETE 1'],
      'INSERT 4',
    ])
    // What was held while it was read goes with the next expiry.
    await expiry
    await expire()
    expect(await expiring.snapshots()).toHaveLength(1)
    await expect(collected(expiring.changes())).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('can be asked for some columns, those of the change included', async () => {
    const [first, second] = ids
    expect(
      await collected(table.changes({ from: first, to: second, select: ['_change_type', 'v'] })),
    ).toEqual([
      { _change_type: 'DELETE', v: 'a' },
      { _change_type: 'INSERT', v: 'b' },
    ])
    const fields = await table.changes({ select: ['_commit_snapshot_id'] }).fields()
    expect(fields.map(field => field.name)).toEqual(['_commit_snapshot_id'])
    for (const select of [['nope'], ['id', 'id'], ['_file']])
      await expect(table.changes({ select }).fields()).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('can be asked for by a filter on the rows; an update stays whole when it takes either', async () => {
    const types = async (request: ChangesRequest): Promise<string[]> =>
      (await collected(table.changes(request))).map(row => `${row._change_type} ${row.id} ${row.v}`)
    expect(await types({ where: "v = 'a'" })).toEqual(['INSERT 1 a', 'INSERT 2 a', 'DELETE 1 a'])
    expect(await types({ where: 'id > 1', mode: 'net' })).toEqual(['INSERT 2 a', 'INSERT 3 c'])
    const updates = { from: ids[0], mode: 'updates' } as const
    const pair = ['UPDATE_BEFORE 1 a', 'UPDATE_AFTER 1 b']
    expect(await types({ ...updates, where: "v = 'a'" })).toEqual(pair)
    expect(await types({ ...updates, where: "v = 'b'" })).toEqual(pair)
    expect(await types({ ...updates, where: 'id = 3' })).toEqual(['INSERT 3 c'])
    expect(await types({ ...updates, where: 'false' })).toEqual([])
    for (const where of ['nope = 1', "_change_type = 'INSERT'", 'id ='])
      await expect(table.changes({ where }).fields()).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('stop when they are aborted', async () => {
    const signal = AbortSignal.abort()
    await expect(collected(table.changes({ signal }))).rejects.toMatchObject({ kind: 'aborted' })
  })
})

describe('the appends of a table', () => {
  it('are the rows that appends added', async () => {
    expect(await collected(table.appends())).toEqual([
      { id: 1n, v: 'a' },
      { id: 2n, v: 'a' },
      { id: 3n, v: 'c' },
    ])
    expect(await collected(table.appends({ from: ids[0] }))).toEqual([{ id: 3n, v: 'c' }])
  })

  it('take a filter, columns and a limit', async () => {
    expect(await collected(table.appends({ where: "v = 'a'", select: ['id'], limit: 1 }))).toEqual([
      { id: 1n },
    ])
  })
})
