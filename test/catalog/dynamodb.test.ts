/** The DynamoDB catalog over a table in memory: the contract, its requests, and what others keep in the table. */
import { beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { viewKey } from '../../src/catalog/dynamodb-items.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import {
  appendTo,
  committed,
  createTable,
  creation,
  describeCatalog,
  ITEMS,
  metadataFiles,
  ORDERS,
} from '../contract/catalog.js'
import { createMemoryItems, type MemoryItems } from './memory-items.js'

const runtime = systemRuntime

describeCatalog(
  'dynamodb, memory',
  async () => {
    const io = createMemoryIO()
    const items = createMemoryItems({ runtime, pageItemsMax: 3 })
    const open = async (): Promise<Catalog> =>
      createDynamoDbCatalog(items, { warehouse: 'memory:/lake', io, runtime })
    return { catalog: await open(), io, another: open, close: async () => {} }
  },
  { locationProperty: 'default_location' },
)

describe('the DynamoDB catalog', () => {
  let items: MemoryItems
  let io: FileIO
  let catalog: Catalog
  beforeEach(async () => {
    items = createMemoryItems({ runtime, pageItemsMax: 2 })
    io = createMemoryIO()
    catalog = createDynamoDbCatalog(items, { warehouse: 'memory:/lake/', io, runtime })
    await catalog.createNamespace(['shop'])
  })

  const itemOf = (identifier: string) => items.all().find(item => item.identifier === identifier)

  it('commits to a table that it knows with one consistent read and one write', async () => {
    const table = await createTable(catalog, ORDERS)
    Object.assign(items.requests, { get: 0, write: 0, transaction: 0, query: 0 })
    committed(await catalog.commit([appendTo(table, 1n)]))
    expect(items.requests).toEqual({ get: 1, write: 1, transaction: 0, query: 0 })
  })

  it('keeps items as Java lays them out', async () => {
    const table = await createTable(catalog, ORDERS)
    const created = itemOf('shop.orders')
    expect(Object.keys(created ?? {}).sort()).toEqual([
      'created_at',
      'identifier',
      'namespace',
      'p.metadata_location',
      'p.table_type',
      'updated_at',
      'v',
    ])
    expect(created).toMatchObject({
      namespace: 'shop',
      'p.table_type': 'ICEBERG',
      'p.metadata_location': table.metadataLocation,
    })
    expect(table.metadata.location).toBe('memory:/lake/shop.db/orders')
    const [next] = committed(await catalog.commit([appendTo(table, 1n)]))
    const changed = itemOf('shop.orders')
    expect(changed).toMatchObject({
      created_at: created?.created_at,
      'p.metadata_location': next?.metadataLocation,
      'p.previous_metadata_location': table.metadataLocation,
    })
    expect(changed?.v).not.toBe(created?.v)
  })

  it('leaves attributes of others as they are', async () => {
    await createTable(catalog, ORDERS)
    items.plant({ ...itemOf('shop.orders')!, note: 'mine', 'p.owner': 'ann' })
    committed(await catalog.commit([appendTo(await catalog.loadTable(ORDERS), 1n)]))
    expect(itemOf('shop.orders')).toMatchObject({ note: 'mine', 'p.owner': 'ann' })
    await catalog.renameTable(ORDERS, ITEMS)
    expect(itemOf('shop.items')).toMatchObject({ 'p.owner': 'ann' })
  })

  it('takes an item of another kind for no table, and its name for taken', async () => {
    const key = { identifier: 'shop.orders', namespace: 'shop' }
    for (const attributes of [
      { 'p.table_type': 'HIVE', 'p.metadata_location': 'memory:/a' },
      { 'p.metadata_location': 'memory:/a' },
      { 'p.table_type': 'iceberg', 'p.metadata_location': '' },
      { 'p.table_type': 'ICEBERG' },
    ]) {
      items.plant({ ...key, v: 'theirs', ...attributes })
      expect(await catalog.tableExists(ORDERS)).toBe(false)
      await expect(catalog.loadTable(ORDERS)).rejects.toMatchObject({ kind: 'not-found' })
      await expect(catalog.renameTable(ORDERS, ITEMS)).rejects.toMatchObject({ kind: 'not-found' })
      await expect(catalog.dropTable(ORDERS)).rejects.toMatchObject({ kind: 'not-found' })
      expect(await catalog.commit([await creation(catalog, ORDERS)])).toMatchObject({ status: 'conflict' })
    }
    expect(itemOf('shop.orders')).toMatchObject({ v: 'theirs' })
  })

  it('reads a table whose creator left an empty previous location', async () => {
    const table = await createTable(catalog, ORDERS)
    items.plant({ ...itemOf('shop.orders')!, 'p.previous_metadata_location': '' })
    expect((await catalog.loadTable(ORDERS)).metadataLocation).toBe(table.metadataLocation)
  })

  it('gives the name of a view to no table', async () => {
    items.plant({ ...viewKey(ORDERS), v: 'view' })
    const outcome = await catalog.commit([await creation(catalog, ORDERS)])
    expect(outcome).toMatchObject({ status: 'conflict', requirement: { type: 'assert-create' } })
    const table = await createTable(catalog, ITEMS)
    await expect(catalog.renameTable(ITEMS, ORDERS)).rejects.toMatchObject({ kind: 'already-exists' })
    await expect(catalog.registerTable(ORDERS, table.metadataLocation)).rejects.toMatchObject({
      kind: 'already-exists',
    })
    await catalog.dropTable(ITEMS)
    await expect(catalog.dropNamespace(['shop'])).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('lists only what belongs there, over all pages', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await createTable(catalog, { namespace: ['shop'], name })
    await catalog.createNamespace(['shop', 'inner'])
    await createTable(catalog, { namespace: ['shop', 'inner'], name: 'deep' })
    items.plant({ identifier: 'other.x', namespace: 'shop' })
    items.plant({ identifier: 'shop.too.deep', namespace: 'shop' })
    const listed = await catalog.listTables(['shop'])
    expect(listed.map(table => table.name)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(await catalog.listNamespaces()).toEqual([['shop']])
    expect(await catalog.listNamespaces(['shop'])).toEqual([['shop', 'inner']])
  })

  it('shows no lease to who lists tables and namespaces', async () => {
    const lease = await catalog.leases?.open()
    await catalog.writeLeases?.open({ tableUuid: 't', operationUuid: 'o' })
    expect(await catalog.listNamespaces()).toEqual([['shop']])
    expect(await catalog.listTables(['shop'])).toEqual([])
    await catalog.dropNamespace(['shop'])
    await lease?.release()
  })

  it('knows a namespace that only shows by those below it, and puts no table there', async () => {
    await catalog.createNamespace(['a', 'b'])
    expect(await catalog.loadNamespace(['a'])).toEqual({})
    await expect(catalog.dropNamespace(['a'])).rejects.toMatchObject({ kind: 'conflict' })
    await expect(catalog.updateNamespace(['a'], { removals: [], updates: {} })).rejects.toMatchObject({
      kind: 'not-found',
    })
    const commit = await creation(catalog, { namespace: ['a'], name: 't' })
    await expect(catalog.commit([commit])).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('says when a table has nowhere to go', async () => {
    const homeless = createDynamoDbCatalog(items, { io, runtime })
    await expect(homeless.defaultTableLocation(ORDERS)).rejects.toMatchObject({ kind: 'invalid-argument' })
    const updates = { default_location: 'memory:/elsewhere/' }
    await homeless.updateNamespace(['shop'], { removals: [], updates })
    expect(await homeless.defaultTableLocation(ORDERS)).toBe('memory:/elsewhere/orders')
  })

  it('refuses more tables than a transaction takes, and leaves no file of them', async () => {
    const tables = []
    for (let n = 0; n < 101; n++) {
      const identifier = { namespace: ['shop'], name: `t${n}` }
      tables.push(await createTable(catalog, identifier))
    }
    const commits = tables.map((table, n) => appendTo(table, BigInt(n + 1)))
    await expect(catalog.commit(commits)).rejects.toMatchObject({ kind: 'invalid-argument' })
    expect(await metadataFiles(io, tables[7]!)).toEqual([tables[7]?.metadataLocation])
    committed(await catalog.commit(commits.slice(1)))
  })

  it('leaves no read leases where they are switched off', async () => {
    const without = createDynamoDbCatalog(items, { io, runtime, readLeases: false })
    expect(without.leases).toBeUndefined()
  })
})
