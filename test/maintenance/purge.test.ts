/** Dropping tables with their files: what they reach goes, and nothing that anybody else reads. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../src/index.js'
import { type MemoryLake, openMemoryLake, rowsOf } from '../lake/memory-lake.js'
import { rejectionOf } from '../support/errors.js'

let opened: MemoryLake
let lake: Lake
beforeEach(async () => {
  opened = await openMemoryLake()
  lake = opened.lake
})
afterEach(() => opened.close())

async function filesUnder(prefix: string): Promise<readonly string[]> {
  const found: string[] = []
  for await (const file of lake.context.io.list(prefix)) found.push(file.location)
  return found.sort()
}

async function makeOrders(): Promise<string> {
  const orders = await lake.createTable('shop.orders', 'id bigint, region string', { formatVersion: 3 })
  await orders.append([{ id: 1, region: 'eu' }])
  await orders.append([
    { id: 2, region: 'us' },
    { id: 3, region: 'us' },
  ])
  await orders.delete('id = 2')
  return (await orders.load()).metadata.location
}

describe('purging a table', () => {
  it('deletes everything that any of its snapshots and its metadata log reach', async () => {
    const location = await makeOrders()
    const before = await filesUnder(`${location}/`)
    const listed = await lake.purgeTable('shop.orders', { dryRun: true })
    expect(listed.dryRun).toBe(true)
    expect([...listed.files].sort()).toEqual(before)
    expect(await filesUnder(`${location}/`)).toEqual(before)
    const report = await lake.purgeTable('shop.orders')
    expect([...report.files].sort()).toEqual(before)
    expect(report.failed).toEqual([])
    expect(await filesUnder(`${location}/`)).toEqual([])
    expect(await lake.tableExists('shop.orders')).toBe(false)
  })

  it('leaves files that the table does not name', async () => {
    const location = await makeOrders()
    await lake.context.io.write(`${location}/data/of-somebody-else.parquet`, new Uint8Array(3))
    await lake.purgeTable('shop.orders')
    expect(await filesUnder(`${location}/`)).toEqual([`${location}/data/of-somebody-else.parquet`])
  })

  it('is refused where the table forbids deleting files', async () => {
    const location = await makeOrders()
    await lake.table('shop.orders').alter("set tblproperties ('gc.enabled' = 'false')")
    const before = await filesUnder(`${location}/`)
    expect(await rejectionOf(lake.purgeTable('shop.orders'))).toMatchObject({ kind: 'invalid-argument' })
    expect(await lake.tableExists('shop.orders')).toBe(true)
    expect(await filesUnder(`${location}/`)).toEqual(before)
  })

  it('is refused while a clone reads its files; the clone goes without them', async () => {
    const location = await makeOrders()
    const clone = await lake.cloneTable('shop.orders', 'shop.copy')
    await clone.append([{ id: 9, region: 'eu' }])
    expect(await rejectionOf(lake.purgeTable('shop.orders'))).toMatchObject({ kind: 'conflict' })
    const before = await filesUnder(`${location}/data/`)
    await lake.purgeTable('shop.copy')
    expect(await filesUnder(`${location}/data/`)).toEqual(before)
    expect(await rowsOf(lake.table('shop.orders').scan())).toEqual([
      { id: 1, region: 'eu' },
      { id: 3, region: 'us' },
    ])
    await lake.purgeTable('shop.orders')
    expect(await filesUnder(`${location}/`)).toEqual([])
  })

  it('is refused where another table has the same files, or its folder inside', async () => {
    await makeOrders()
    const { metadata, metadataLocation } = await lake.table('shop.orders').load()
    await lake.registerTable('other.twice', metadataLocation)
    expect(await rejectionOf(lake.purgeTable('shop.orders'))).toMatchObject({
      kind: 'conflict',
      context: { other: 'other.twice' },
    })
    await lake.dropTable('other.twice')
    await lake.createTable('other.inside', 'id bigint', { location: `${metadata.location}/inside` })
    expect(await rejectionOf(lake.purgeTable('shop.orders'))).toMatchObject({ kind: 'conflict' })
    await lake.createTable('other.beside', 'id bigint', { location: `${metadata.location}-beside` })
    await lake.dropTable('other.inside')
    expect((await lake.purgeTable('shop.orders')).failed).toEqual([])
  })

  it('drops the entry alone when the metadata file is gone', async () => {
    const location = await makeOrders()
    const { metadataLocation } = await lake.table('shop.orders').load()
    const other = await openMemoryLakeOver()
    await lake.context.io.delete([metadataLocation])
    const before = await filesUnder(`${location}/`)
    const report = await other.purgeTable('shop.orders')
    expect(report.kept).toContain('cannot be read')
    expect(report.files).toEqual([])
    expect(await other.tableExists('shop.orders')).toBe(false)
    expect(await filesUnder(`${location}/`)).toEqual(before)
  })

  it('of a table that is not there says so', async () => {
    await lake.createNamespace('shop')
    expect(await rejectionOf(lake.purgeTable('shop.nothing'))).toMatchObject({ kind: 'not-found' })
  })
})

/** A second process: it has not seen the metadata. */
async function openMemoryLakeOver(): Promise<Lake> {
  const { openLake } = await import('../../src/index.js')
  const { openEmbeddedCatalog } = await import('../../src/catalog/embedded.js')
  const { io, runtime } = lake.context
  const path = opened.leaseFolder.replace(/-readers$/, '')
  return openLake({
    ...lake.context,
    catalog: await openEmbeddedCatalog({ path, warehouse: 'memory:/lake', io, runtime }),
  })
}
