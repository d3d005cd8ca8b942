/** A catalog made again from the files of its tables. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { type Lake, openLake } from '../../src/index.js'
import { writeTableMetadata } from '../../src/metadata/metadata-file.js'
import { newViewUpdates } from '../../src/metadata/view-definition.js'
import { type MemoryLake, openMemoryLake, rowsOf } from '../lake/memory-lake.js'
import { rejectionOf } from '../support/errors.js'

const ROOT = 'memory:/lake'
let opened: MemoryLake
let lake: Lake
/** Over the same files, with a catalog that is empty. */
let empty: Lake
beforeEach(async () => {
  opened = await openMemoryLake()
  lake = opened.lake
  const { io, runtime } = lake.context
  const catalog = await openEmbeddedCatalog({ path: ':memory:', warehouse: ROOT, io, runtime })
  empty = openLake({ catalog, io, runtime, warehouse: ROOT })
})
afterEach(async () => {
  await empty.close()
  await opened.close()
})

const statuses = async (options: Parameters<Lake['rebuildCatalog']>[0] = {}) =>
  (await empty.rebuildCatalog(options)).map(({ status, table }) => `${table}: ${status}`)

async function makeTables(): Promise<void> {
  const orders = await lake.createTable('shop.orders', 'id bigint')
  await orders.append([{ id: 1 }])
  await orders.append([{ id: 2 }])
  const items = await lake.createTable('shop.eu.items', 'id bigint')
  await items.append([{ id: 7 }])
}

/** A metadata file beside the current one, as a commit leaves it that never swapped. */
async function leaveMetadata(name: string, version: number): Promise<string> {
  const { metadata } = await lake.table(name).load()
  const file = `${String(version).padStart(5, '0')}-${systemRuntime.uuid()}.metadata.json`
  const location = `${metadata.location}/metadata/${file}`
  await writeTableMetadata(lake.context.io, metadata, { location })
  return location
}

describe('rebuilding a catalog', () => {
  it('finds every table at its last commit, nested namespaces too', async () => {
    await makeTables()
    expect(await statuses({ dryRun: true })).toEqual(['shop.eu.items: registered', 'shop.orders: registered'])
    expect(await empty.listNamespaces()).toEqual([])
    expect(await statuses()).toEqual(['shop.eu.items: registered', 'shop.orders: registered'])
    for (const name of ['shop.orders', 'shop.eu.items'])
      expect((await empty.table(name).load()).metadataLocation).toBe(
        (await lake.table(name).load()).metadataLocation,
      )
    expect(await rowsOf(empty.table('shop.orders').scan())).toEqual([{ id: 1 }, { id: 2 }])
    expect(await statuses()).toEqual(['shop.eu.items: present', 'shop.orders: present'])
  })

  it('does not choose between two files of the highest version', async () => {
    await makeTables()
    const other = await leaveMetadata('shop.orders', 2)
    const found = await empty.rebuildCatalog()
    expect(found.map(({ status }) => status)).toEqual(['registered', 'ambiguous'])
    expect(found[1]?.detail).toContain(other)
    expect(await empty.tableExists('shop.orders')).toBe(false)
  })

  it('takes the file whose manifests are there, when the other one lost and was cleaned up', async () => {
    await makeTables()
    const { metadata, metadataLocation } = await lake.table('shop.orders').load()
    const [snapshot] = metadata.snapshots.slice(-1)
    const lost = { ...snapshot!, snapshotId: 5n, manifestList: `${metadata.location}/metadata/snap-5.avro` }
    await writeTableMetadata(
      lake.context.io,
      {
        ...metadata,
        snapshots: [...metadata.snapshots, lost],
        refs: { main: { snapshotId: 5n, type: 'branch' } },
        currentSnapshotId: 5n,
      },
      { location: `${metadata.location}/metadata/00002-${systemRuntime.uuid()}.metadata.json` },
    )
    expect(await statuses()).toContain('shop.orders: registered')
    expect((await empty.table('shop.orders').load()).metadataLocation).toBe(metadataLocation)
  })

  it('leaves an entry that can be read, and says what is newer', async () => {
    await makeTables()
    await empty.rebuildCatalog()
    await lake.table('shop.orders').append([{ id: 3 }])
    expect(await statuses()).toContain('shop.orders: newer-found')
    expect(await rowsOf(empty.table('shop.orders').scan())).toHaveLength(2)
  })

  it('repairs an entry whose metadata is gone, for who has not seen it', async () => {
    await makeTables()
    const { metadataLocation } = await lake.table('shop.orders').load()
    await lake.context.io.delete([metadataLocation])
    const { io, runtime } = lake.context
    const path = opened.leaseFolder.replace(/-readers$/, '')
    const catalog = await openEmbeddedCatalog({ path, warehouse: ROOT, io, runtime })
    await using other = openLake({ catalog, io, runtime, warehouse: ROOT })
    const found = await other.rebuildCatalog()
    expect(found.find(({ table }) => table === 'shop.orders')?.status).toBe('repaired')
    expect(await rowsOf(other.table('shop.orders').scan())).toEqual([{ id: 1 }])
  })

  it('does not take the name of another table, and takes names that are given', async () => {
    await makeTables()
    await empty.createTable('shop.orders', 'x int', { location: 'memory:/other/orders' })
    expect(await statuses()).toContain('shop.orders: name-taken')
    const { metadata } = await lake.table('shop.orders').load()
    expect(await statuses({ names: { [metadata.location]: 'shop.found' } })).toContain(
      'shop.found: registered',
    )
    expect(await rowsOf(empty.table('shop.found').scan())).toHaveLength(2)
  })

  it('finds views too', async () => {
    await makeTables()
    const identifier = { namespace: ['shop'], name: 'recent' }
    const location = `${ROOT}/shop/recent`
    const updates = newViewUpdates({
      uuid: systemRuntime.uuid(),
      location,
      schema: await lake.table('shop.orders').schema(),
      version: {
        timestampMs: 1_700_000_000_000,
        summary: {},
        representations: [{ kind: 'sql', sql: 'select 1', dialect: 'spark' }],
        defaultNamespace: ['shop'],
      },
    })
    await lake.context.catalog.views?.commit({
      identifier,
      requirements: [{ type: 'assert-create' }],
      updates,
    })
    expect(await statuses()).toContain('shop.recent: registered')
    expect((await empty.context.catalog.views?.load(identifier))?.metadata.location).toBe(location)
    expect(await statuses()).toContain('shop.recent: present')
  })

  it('needs to know where to look', async () => {
    expect((await rejectionOf(lake.rebuildCatalog()))?.kind).toBe('invalid-argument')
    expect(await lake.rebuildCatalog({ root: 'memory:/nowhere' })).toEqual([])
  })
})

describe('checking a lake', () => {
  it('names the tables that cannot be read, and why', async () => {
    await makeTables()
    expect(await lake.check()).toEqual([{ table: 'shop.orders' }, { table: 'shop.eu.items' }])
    const { metadata } = await lake.table('shop.orders').load()
    const list = metadata.snapshots.at(-1)?.manifestList ?? ''
    await lake.context.io.delete([list])
    const [orders] = await lake.check()
    expect(orders?.problem).toContain('not-found')
  })
})
