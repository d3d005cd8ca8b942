import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, SwapOptions } from '../../src/catalog/catalog.js'
import { applyFeed, parsePosition } from '../../src/cdc.js'
import { readStreamPosition } from '../../src/commit/stream-position.js'
import type { FileIO } from '../../src/io/file-io.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import type { Field } from '../../src/schema/types.js'
import { rejectionOf } from '../support/errors.js'
import { type FeedLake, openFeedLake } from './lakes.js'
import { linesOf } from './small-feeds.js'

let there: FeedLake
beforeEach(async () => {
  there = await openFeedLake()
})
afterEach(() => there.close())

const column = (name: string, type: string, value: unknown) => ({ name, type, value })
const id = (value: number) => column('id', 'integer', value)
const pk = [{ name: 'id', type: 'integer' }]
const about = (table: string) => ({ schema: 'public', table })
const insert = (table: string, value: number, ...more: readonly object[]) => ({
  action: 'I',
  ...about(table),
  columns: [id(value), ...more],
  pk,
})
/** A transaction of wal2json that ends at the LSN. */
const transaction = (lsn: string, ...changes: readonly object[]) => [
  { action: 'B', nextlsn: lsn },
  ...changes,
  { action: 'C', nextlsn: lsn },
]
const wal2json = { format: 'wal2json' } as const

const metadataOf = async (table: string) => (await there.lake.table(`shop.${table}`).load()).metadata
const positionOf = async (table: string, stream = 'wal2json/shop') =>
  readStreamPosition(await metadataOf(table), stream)?.position

/** Applies a feed with commits of `commitRows`; something else happens before the table is made, or its second commit. */
const applyInterrupted = (
  records: readonly unknown[],
  before: 'the table is made' | 'the second commit',
  meanwhile: () => Promise<unknown>,
) => {
  const { catalog } = there.lake.context
  let commits = 0
  const watched: Catalog = {
    ...catalog,
    async commit(...args) {
      commits += 1
      // The first one makes the table.
      if (commits === (before === 'the table is made' ? 1 : 3)) await meanwhile()
      return catalog.commit(...args)
    },
  }
  return applyFeed(linesOf(records), {
    ...there.lake.context,
    ...wal2json,
    catalog: watched,
    target: { namespace: ['shop'] },
    commitRows: before === 'the table is made' ? 2 : 1,
  })
}

describe('applying a feed slowly', () => {
  it('takes leases for the files in flight, commits with them, and leaves none', async () => {
    await there.apply(transaction('0/10', insert('orders', 1), insert('items', 1)), wal2json)
    const { catalog, io, runtime } = there.lake.context
    let nowMs = runtime.nowMs()
    const slowIO: FileIO = {
      ...io,
      write: async (location, bytes, options) => {
        nowMs += 120_000
        await io.write(location, bytes, options)
      },
    }
    const sent: SwapOptions[] = []
    const watched: Catalog = {
      ...catalog,
      commit: (changes, options = {}) => {
        sent.push(options)
        return catalog.commit(changes, options)
      },
    }
    await there.apply(transaction('0/20', insert('orders', 2), insert('items', 2)), {
      ...wal2json,
      catalog: watched,
      io: slowIO,
      runtime: { ...runtime, nowMs: () => nowMs },
    })
    const leased = sent.at(-1)?.leases?.map(lease => lease.tableUuid) ?? []
    const uuids = [(await metadataOf('orders')).tableUuid, (await metadataOf('items')).tableUuid]
    expect(new Set(leased)).toEqual(new Set(uuids))
    for (const uuid of uuids) expect(await catalog.writeLeases?.standing(uuid ?? '')).toEqual(new Set())
    expect(await there.rows('orders')).toEqual([{ id: 1 }, { id: 2 }])
  })
})

describe('applying a feed to a namespace', () => {
  it('makes a table for each source table, with its types and its key', async () => {
    const report = await there.apply(
      transaction(
        '0/10',
        insert('orders', 1, column('price', 'numeric(10,2)', '1.50'), column('tags', 'text[]', '{a}')),
        {
          ...insert('Order Lines', 1),
          columns: [id(1), column('line', 'bigint', 2)],
          pk: [...pk, { name: 'line' }],
        },
      ),
      wal2json,
    )
    expect(await there.rows('orders')).toEqual([{ id: 1, price: '1.50', tags: ['a'] }])
    expect(await there.rows('Order Lines')).toEqual([{ id: 1, line: 2n }])
    const [schema] = (await metadataOf('Order Lines')).schemas
    expect(schema).toMatchObject({
      identifierFieldIds: [1, 2],
      fields: [{ required: true }, { required: true }],
    })
    expect(report).toMatchObject({
      stream: 'wal2json/shop',
      position: '0/10',
      transactions: 1,
      events: 2,
      commits: 1,
      tables: { 'shop.orders': { inserts: 1, alreadyApplied: 0 } },
    })
  })

  it('commits all tables at once, each with the position of the last transaction that changed it', async () => {
    const report = await there.apply(
      [...transaction('0/10', insert('a', 1), insert('b', 1)), ...transaction('0/20', insert('a', 2))],
      wal2json,
    )
    expect(report.commits).toBe(1)
    expect([await positionOf('a'), await positionOf('b')]).toEqual(['0/20', '0/10'])
  })

  it('commits after commitRows changes, at the end of their transaction', async () => {
    const feed = [
      ...transaction('0/10', insert('a', 1), insert('a', 2), insert('a', 3)),
      ...transaction('0/20', insert('a', 4)),
      ...transaction('0/30', insert('a', 5)),
    ]
    expect((await there.apply(feed, { ...wal2json, commitRows: 2 })).commits).toBe(2)
    expect((await metadataOf('a')).snapshots.map(({ summary }) => summary['added-records'])).toEqual([
      '3',
      '2',
    ])
  })

  it('commits after commitSeconds', async () => {
    let nowMs = 1_000_000
    const runtime = { ...systemRuntime, nowMs: () => (nowMs += 2000) }
    const feed = [1, 2, 3, 4].flatMap(n => transaction(`0/${n}0`, insert('a', n)))
    const { commits } = await there.apply(feed, { ...wal2json, runtime, commitSeconds: 1 })
    expect(commits).toBe(4)
  })

  it('a second time changes nothing', async () => {
    const feed = transaction('0/10', insert('a', 1))
    await there.apply(feed, wal2json)
    const before = (await there.lake.table('shop.a').load()).metadataLocation
    const report = await there.apply(feed, wal2json)
    expect(report).toMatchObject({ commits: 0, tables: { 'shop.a': { inserts: 0, alreadyApplied: 1 } } })
    expect((await there.lake.table('shop.a').load()).metadataLocation).toBe(before)
  })

  it('stops after the transaction at until', async () => {
    const feed = [...transaction('0/10', insert('a', 1)), ...transaction('0/20', insert('a', 2))]
    const report = await there.apply(feed, { ...wal2json, until: parsePosition('0/10') })
    expect(report.position).toBe('0/10')
    expect(await there.rows('a')).toHaveLength(1)
  })

  it('reports its progress', async () => {
    const seen: unknown[] = []
    await there.apply(transaction('0/10', insert('a', 1)), { ...wal2json, onProgress: p => seen.push(p) })
    expect(seen.at(-1)).toEqual({ transactions: 1, events: 1, commits: 1, position: '0/10' })
  })

  it('stops when it is told to', async () => {
    const feed = transaction('0/10', insert('a', 1))
    const error = await rejectionOf(there.apply(feed, { ...wal2json, signal: AbortSignal.abort() }))
    expect(error?.kind).toBe('aborted')
    expect(await there.lake.tableExists('shop.a')).toBe(false)
  })
})

describe('the stream of a feed', () => {
  const envelope = {
    op: 'c',
    after: { id: 1 },
    source: { name: 'pg', db: 'shopdb', schema: 'public', table: 'a', lsn: 1, txId: 1 },
  }
  const types = new Map([['a', { columns: [{ name: 'id', type: 'integer' }], keyColumns: ['id'] }]])

  it('is named after format, source and target, never after a file', async () => {
    const namespace = await there.apply([envelope], { format: 'debezium', types })
    expect(namespace.stream).toBe('debezium/pg/shopdb/shop')
    const target = { table: { namespace: ['shop'], name: 'a' } }
    expect((await there.apply([envelope], { format: 'debezium', types, target })).stream).toBe(
      'debezium/pg/shopdb/shop.a',
    )
  })

  it('may be named, and another name has applied nothing', async () => {
    const feed = transaction('0/10', insert('a', 1))
    await there.apply(feed, { ...wal2json, stream: 'one' })
    expect(await positionOf('a', 'one')).toBe('0/10')
    expect((await there.apply(feed, { ...wal2json, stream: 'one' })).commits).toBe(0)
    expect((await there.apply(feed, { ...wal2json, stream: 'two' })).commits).toBe(1)
    expect(await there.rows('a')).toHaveLength(1)
  })

  it('of a feed without transaction records has no LSN to stop at', async () => {
    const options = { format: 'debezium', types, until: parsePosition('0/10') } as const
    expect(await rejectionOf(there.apply([envelope], options))).toMatchObject({
      kind: 'invalid-argument',
      context: { until: '0/10' },
    })
  })
})

describe('keys', () => {
  const keyless = (table: string, value: number) => ({ ...insert(table, value), pk: [] })

  it('that nothing names: the table is skipped with one warning, and counted', async () => {
    const warnings: string[] = []
    const feed = transaction('0/10', keyless('log', 1), keyless('log', 1), insert('a', 1))
    const report = await there.apply(feed, { ...wal2json, onWarning: text => warnings.push(text) })
    expect(report.keyless).toEqual({ 'public.log': 2 })
    expect(warnings).toHaveLength(1)
    expect(await there.lake.tableExists('shop.log')).toBe(false)
    expect(await there.rows('a')).toHaveLength(1)
  })

  it('that come too late are an error, for rows were skipped', async () => {
    const error = await rejectionOf(
      there.apply(transaction('0/10', keyless('log', 1), insert('log', 2)), wal2json),
    )
    expect(error).toMatchObject({ kind: 'invalid-argument', context: { table: 'public.log', line: 3 } })
  })

  it('named by the user stand in for tables of a namespace that have those columns', async () => {
    const other = { ...keyless('other', 1), columns: [column('x', 'integer', 1)] }
    const options = { ...wal2json, keys: ['id'] }
    const report = await there.apply(
      transaction('0/10', keyless('log', 1), keyless('log', 1), other),
      options,
    )
    expect(await there.rows('log')).toEqual([{ id: 1 }])
    expect(report.keyless).toEqual({ 'public.other': 1 })
  })

  it('named by the user win for one table', async () => {
    const target = { table: { namespace: ['shop'], name: 't' } }
    const code = column('code', 'text', 'x')
    const feed = transaction('0/10', insert('a', 1, code), insert('a', 2, code))
    await there.apply(feed, { ...wal2json, target, keys: ['code'] })
    expect(await there.rows('t')).toEqual([{ id: 2, code: 'x' }])
    const error = await rejectionOf(there.apply(feed, { ...wal2json, target, keys: ['nope'] }))
    expect(error).toMatchObject({ kind: 'invalid-argument', context: { column: 'nope' } })
  })

  it('of a type that Iceberg does not allow as identifier still identify rows', async () => {
    const row = (x: number, y: number) => ({
      action: 'I',
      ...about('f'),
      columns: [column('x', 'double precision', x), column('y', 'integer', y)],
      pk: [{ name: 'x' }],
    })
    await there.apply(transaction('0/10', row(0.5, 1), row(0.5, 2)), wal2json)
    expect(await there.rows('f')).toEqual([{ x: 0.5, y: 2 }])
  })

  it('of two source tables cannot lead to one table', async () => {
    const target = { table: { namespace: ['shop'], name: 't' } }
    const error = await rejectionOf(
      there.apply(transaction('0/10', insert('a', 1), insert('b', 1)), { ...wal2json, target }),
    )
    expect(error).toMatchObject({
      kind: 'invalid-argument',
      context: { table: 'shop.t', sources: ['public.a', 'public.b'] },
    })
  })
})

describe('values that Iceberg cannot hold', () => {
  const feed = transaction(
    '0/10',
    insert('a', 1, column('at', 'date', 'infinity')),
    insert('a', 2, column('at', 'date', '-infinity')),
  )

  it('become null, with one warning, and are counted', async () => {
    const warnings: string[] = []
    const report = await there.apply(feed, { ...wal2json, onWarning: text => warnings.push(text) })
    expect(report.unrepresentable).toEqual({ 'a.at': 2 })
    expect(warnings).toHaveLength(1)
    expect(await there.rows('a')).toEqual([
      { id: 1, at: null },
      { id: 2, at: null },
    ])
  })

  it('end the run when asked to, naming line and column, and leave nothing', async () => {
    const error = await rejectionOf(there.apply(feed, { ...wal2json, onUnrepresentable: 'fail' }))
    expect(error).toMatchObject({ kind: 'unsupported', context: { column: 'a.at', line: 2 } })
    expect(await there.lake.tableExists('shop.a')).toBe(false)
  })
})

describe('a change that cannot be applied', () => {
  const good = transaction('0/10', insert('a', 1))
  const bad = transaction('0/20', { ...insert('a', 2), columns: [column('id', 'integer', 'x')] })

  it('ends the run with table and line; what was committed stays, nothing else does', async () => {
    const error = await rejectionOf(there.apply([...good, ...bad], wal2json))
    expect(error).toMatchObject({ kind: 'corrupt', context: { table: 'public.a', line: 5, column: 'id' } })
    expect(await there.lake.tableExists('shop.a')).toBe(false)
    await rejectionOf(there.apply([...good, ...bad], { ...wal2json, commitRows: 1 }))
    expect(await there.rows('a')).toEqual([{ id: 1 }])
  })

  it('does not matter behind until', async () => {
    const report = await there.apply([...good, ...bad], { ...wal2json, until: parsePosition('0/10') })
    expect(report.commits).toBe(1)
  })

  it('does not matter once it was applied', async () => {
    await there.apply([...good, ...transaction('0/20', insert('a', 2))], wal2json)
    expect((await there.apply([...good, ...bad], wal2json)).tables['shop.a']?.alreadyApplied).toBe(2)
  })

  it('may be the half of a transaction with which the feed begins, unless that was applied', async () => {
    const half = [insert('a', 2), { action: 'C', nextlsn: '0/10' }]
    expect((await rejectionOf(there.apply(half, wal2json)))?.message).toBe(
      'the feed begins inside of a transaction',
    )
    await there.apply(transaction('0/10', insert('a', 1), insert('a', 2)), wal2json)
    expect((await there.apply(half, wal2json)).commits).toBe(0)
  })

  it('names the column that the table lacks', async () => {
    await there.apply(good, wal2json)
    const wider = transaction('0/20', insert('a', 2, column('extra', 'text', 'x')))
    expect(await rejectionOf(there.apply(wider, wal2json))).toMatchObject({
      kind: 'unsupported',
      context: { table: 'shop.a', column: 'extra', line: 2 },
    })
  })

  it('is nothing when it deletes from a table that is not there', async () => {
    const feed = transaction(
      '0/10',
      { action: 'D', ...about('a'), identity: [id(1)], pk },
      { action: 'T', ...about('a') },
    )
    expect((await there.apply(feed, wal2json)).commits).toBe(0)
    expect(await there.lake.tableExists('shop.a')).toBe(false)
  })
})

describe('unchanged cells', () => {
  it('of a row that is in the table keep its value, else they are null and counted', async () => {
    const big = column('big', 'text', 'x')
    await there.apply(transaction('0/10', insert('a', 1, column('n', 'integer', 1), big)), wal2json)
    const touch = (key: number) => ({
      action: 'U',
      ...about('a'),
      columns: [id(key), column('n', 'integer', 2)],
      identity: [id(key)],
      pk,
    })
    const report = await there.apply(transaction('0/20', touch(1), touch(5)), wal2json)
    expect(report.orphanedCells).toBe(1)
    expect(await there.rows('a')).toEqual([
      { id: 1, n: 2, big: 'x' },
      { id: 5, n: 2, big: null },
    ])
  })
})

describe('somebody else meanwhile', () => {
  const feed = [...transaction('0/10', insert('a', 1)), ...transaction('0/20', insert('a', 2))]
  const applyAll = () => there.apply(feed, wal2json)

  it('who applies the same stream makes this run a conflict, and no row is there twice', async () => {
    expect(await rejectionOf(applyInterrupted(feed, 'the second commit', applyAll))).toMatchObject({
      kind: 'conflict',
    })
    expect(await there.rows('a')).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('who makes the table and applies the stream before the first commit is noticed too', async () => {
    expect((await rejectionOf(applyInterrupted(feed, 'the table is made', applyAll)))?.kind).toBe('conflict')
    expect(await there.rows('a')).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('may make the same table', async () => {
    const make = () => there.lake.createTable('shop.a', 'id int', { keys: ['id'] })
    await applyInterrupted(feed, 'the table is made', make)
    expect(await there.rows('a')).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('who makes the table with other columns wins', async () => {
    const make = () => there.lake.createTable('shop.a', 'id bigint, more string', { keys: ['id'] })
    expect(await rejectionOf(applyInterrupted(feed, 'the table is made', make))).toMatchObject({
      kind: 'conflict',
      context: { table: 'shop.a' },
    })
  })

  it('may add a column in front: later rows are put in their columns', async () => {
    const table = () => there.lake.table('shop.a').load()
    const addColumn = async () => {
      const base = await table()
      const [schema] = base.metadata.schemas
      const first: Field = { id: 9, name: 'first', required: false, type: { kind: 'string' } }
      const updates: TableUpdate[] = [
        { action: 'add-schema', schema: { ...schema!, schemaId: 1, fields: [first, ...schema!.fields] } },
        { action: 'set-current-schema', schemaId: -1 },
      ]
      await there.lake.context.catalog.commit([
        { identifier: base.identifier, base, requirements: [], updates },
      ])
    }
    const three = [...feed, ...transaction('0/30', insert('a', 3))]
    await applyInterrupted(three, 'the second commit', addColumn)
    expect(await there.rows('a')).toEqual([1, 2, 3].map(n => ({ first: null, id: n })))
  })

  it('may drop the table between runs: the feed is applied to the new one from the start', async () => {
    await applyAll()
    await there.lake.dropTable('shop.a')
    expect((await applyAll()).tables['shop.a']?.inserts).toBe(2)
    expect(await there.rows('a')).toEqual([{ id: 1 }, { id: 2 }])
  })

  it('may write to the table: rows of other keys stay, those of the feed win', async () => {
    const write = () => there.lake.table('shop.a').append([{ id: 2 }, { id: 7 }])
    await applyInterrupted(feed, 'the second commit', write)
    expect(await there.rows('a')).toEqual([{ id: 1 }, { id: 2 }, { id: 7 }])
  })
})
