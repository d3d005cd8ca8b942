import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eq } from '../../src/expression/expression.js'
import { isArrow } from '../../src/format/arrow-kinds.js'
import { batchesToIpc, type OrderBy, sql, type Table } from '../../src/index.js'
import { rejectionOf } from '../support/errors.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let there: MemoryLake
let table: Table
const snapshotIds: bigint[] = []
beforeAll(async () => {
  there = await openMemoryLake()
  table = await there.lake.createTable('shop.t', 'id bigint not null, region string, price decimal(9, 2)')
  for (const [id, region] of [
    [1, 'eu'],
    [2, 'us'],
    [3, null],
  ] as const) {
    const { snapshotId } = await table.append([{ id, region, price: `${id}.50` }])
    snapshotIds.push(snapshotId ?? 0n)
  }
})
afterAll(() => there.close())

const ids = async (request: Parameters<Table['scan']>[0]) =>
  (await rowsOf(table.scan(request))).map(({ id }) => id)

describe('a scan', () => {
  it('filters by text, text with values in it, or an expression', async () => {
    expect(await ids({ where: "region = 'eu' or id = 3" })).toEqual([1, 3])
    expect(await ids({ where: sql`region = ${'us'}` })).toEqual([2])
    expect(await ids({ where: eq('region', { kind: 'string', text: 'us' }) })).toEqual([2])
    expect(await ids({ where: 'not (id > 1)' })).toEqual([1])
  })

  it('selects columns in the order asked for, metadata columns too', async () => {
    const [row] = await rowsOf(table.scan({ select: ['price', '_pos', 'id'], where: 'id = 2' }))
    expect(Object.entries(row ?? {})).toEqual([
      ['price', '2.50'],
      ['_pos', 0],
      ['id', 2],
    ])
  })

  it('stops at its limit, in rows and in its count', async () => {
    expect(await ids({ limit: 2 })).toHaveLength(2)
    expect(await ids({ limit: 0 })).toEqual([])
    expect(await table.scan({ limit: 2 }).count()).toBe(2)
    expect(await table.scan({ limit: 5 }).count()).toBe(3)
  })

  it('counts from metadata where that proves it, else by reading', async () => {
    expect(await table.scan().countDetails()).toMatchObject({ rows: 3 })
    expect(await table.scan({ where: "region = 'eu'" }).count()).toBe(1)
    expect(await table.scan({ where: 'id > 100' }).count()).toBe(0)
  })

  it('gives batches, rows and Arrow of the same rows', async () => {
    const scan = table.scan({ select: ['id'] })
    let length = 0
    const batches = []
    for await (const batch of scan.batches()) {
      length += batch.length
      batches.push(batch)
    }
    const arrow = await scan.toArrow()
    expect([length, arrow.numRows, (await rowsOf(scan)).length]).toEqual([3, 3, 3])
    expect(isArrow(arrow)).toBe(true)
    expect(tableFromIPC(batchesToIpc((await scan.plan()).fields, batches)).numRows).toBe(3)
    const empty = await table.scan({ where: 'id > 100' }).toArrow()
    expect([empty.numRows, empty.schema.fields.map(field => field.name)]).toEqual([
      0,
      ['id', 'region', 'price'],
    ])
  })

  it('explains what it skips, and what running it did', async () => {
    const scan = table.scan({ where: 'id = 2', select: ['id'] })
    expect(await scan.explain()).toMatchObject({ columns: ['id'], scan: { dataFiles: 1, deleteFiles: 0 } })
    expect((await scan.explainRun()).execution).toMatchObject({ rowsReturned: 1 })
  })

  it('gives the first rows in an order, by text or terms', async () => {
    const inOrder = async (orderBy: OrderBy, limit = 3) => {
      const found = []
      for await (const row of table.scan({ select: ['id'], orderBy, limit }).rows({ long: 'number' }))
        found.push(row.id)
      return found
    }
    expect(await inOrder('id desc', 2)).toEqual([3, 2])
    expect(await inOrder('region, id')).toEqual([3, 1, 2])
    expect(await inOrder([{ column: 'region', direction: 'desc', nulls: 'first' }])).toEqual([3, 2, 1])
    expect(await inOrder([{ column: 'region', nulls: 'last' }], 9)).toEqual([1, 2, 3])
  })

  it('gives the least and greatest value of a column, in the form that rows have', async () => {
    expect(await table.scan().min('id')).toBe(1n)
    expect(await table.scan({ where: "region = 'eu'" }).max('id', { long: 'number' })).toBe(1)
    expect(await table.scan({ limit: 1 }).max('region')).toBe('us')
    expect(await table.scan().max('price')).toBe('3.50')
    expect(await table.scan({ where: 'id > 100' }).min('region')).toBeNull()
  })

  it('reports what its runs have done', async () => {
    const scan = table.scan({ select: ['id'] })
    expect((await scan.report()).execution).toMatchObject({ rowsReturned: 0, requests: 0, readBytes: 0 })
    await rowsOf(scan)
    const once = (await scan.report()).execution
    expect(once).toMatchObject({ dataFiles: 3, rowsReturned: 3 })
    expect(once.readBytes).toBeGreaterThan(0)
    await rowsOf(scan)
    expect((await scan.report()).execution).toMatchObject({ rowsReturned: 6, readBytes: 2 * once.readBytes })
  })

  it.each([
    ['an order without a limit', { orderBy: 'id' }],
    ['an order by an unknown column', { orderBy: [{ column: 'nope' }], limit: 1 }],
    ['an empty order', { orderBy: [], limit: 1 }],
    ['more bytes than allowed', { maxScanBytes: 10 }],
    ['a broken limit of bytes', { maxScanBytes: 0.5 }],
    ['an unknown column in the filter', { where: 'nope = 1' }],
    ['a filter that is none', { where: 'id = = 1' }],
    ['a literal that does not fit', { where: "id = 'x'" }],
    ['an unknown column to select', { select: ['nope'] }],
    ['a limit that is no number of rows', { limit: -1 }],
    ['a broken limit', { limit: 1.5 }],
    ['a time without a zone', { asOf: '2026-11-21T00:00:00' }],
  ])('refuses %s', async (_, request) => {
    expect((await rejectionOf(rowsOf(table.scan(request))))?.kind).toBe('invalid-argument')
  })
})

describe('a scan as of', () => {
  it('a snapshot reads it, by id as number or text', async () => {
    const [first = 0n, second = 0n] = snapshotIds
    expect(await ids({ asOf: first })).toEqual([1])
    expect(await ids({ asOf: String(second) })).toEqual([1, 2])
    expect(await ids({ asOf: { snapshotId: second } })).toEqual([1, 2])
  })

  it('a time reads the snapshot that was current then', async () => {
    const [, second] = await table.history()
    const time = new Date(second?.timestampMs ?? 0).toISOString()
    expect(await ids({ asOf: { timestampMs: second?.timestampMs ?? 0 } })).toEqual(await ids({ asOf: time }))
    expect((await rejectionOf(ids({ asOf: '1999-01-01T00:00:00Z' })))?.kind).toBe('not-found')
  })

  it('a ref reads its head', async () => {
    expect(await ids({ asOf: 'main' })).toEqual([1, 2, 3])
    expect(await ids({ asOf: 'current' })).toEqual([1, 2, 3])
    expect((await rejectionOf(ids({ asOf: 'nope' })))?.kind).toBe('not-found')
    expect((await rejectionOf(ids({ asOf: 5n })))?.kind).toBe('not-found')
  })
})

describe('what a scan sees', () => {
  it('is pinned when the scan is made', async () => {
    const other = await there.lake.createTable('shop.pinned', 'id int')
    await other.append([{ id: 1 }])
    const scan = other.scan()
    await scan.plan()
    await other.append([{ id: 2 }])
    expect(await scan.count()).toBe(1)
    expect(await other.scan().count()).toBe(2)
  })

  it('is the same for all scans of a table at a ref', async () => {
    const other = await there.lake.createTable('shop.at', 'id int')
    await other.append([{ id: 1 }])
    const then = other.at('main')
    expect(await then.scan().count()).toBe(1)
    await other.append([{ id: 2 }])
    expect(await then.scan({ where: 'id > 0' }).count()).toBe(1)
  })

  it('is nothing in a table without a snapshot', async () => {
    const empty = await there.lake.createTable('shop.empty', 'id int')
    expect(await rowsOf(empty.scan({ where: 'id = 1' }))).toEqual([])
    expect(await empty.scan().count()).toBe(0)
  })

  it('is the table of a metadata file, moved or not', async () => {
    const { metadataLocation, metadata } = await table.load()
    const { lake } = there
    expect(await lake.staticTable(metadataLocation).scan().count()).toBe(3)
    const moved = metadata.location.replace('/shop/t', '/moved')
    const { io } = lake.context
    for await (const { location } of io.list(metadata.location)) {
      await io.write(location.replace(metadata.location, moved), await io.read(location))
    }
    const relocate = { from: metadata.location, to: moved }
    const copy = metadataLocation.replace(metadata.location, moved)
    await lake.table('shop.t').load()
    expect(await rowsOf(lake.staticTable(copy, { relocate }).scan())).toHaveLength(3)
    expect((await rejectionOf(lake.staticTable('memory:/none.metadata.json').scan().count()))?.kind).toBe(
      'not-found',
    )
  })
})
