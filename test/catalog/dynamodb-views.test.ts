/** Views of the DynamoDB catalog over a table in memory: the contract, their items, and requests that go wrong. */
import { beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import type { LoadedView } from '../../src/catalog/views.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { createTable, ORDERS } from '../contract/catalog.js'
import { createView, describeViews, landed, replacing, TOTALS, viewsOf } from '../contract/views.js'
import { type FaultyItems, faultyItems, type WriteFault } from './faulty-items.js'
import { createMemoryItems, type MemoryItems } from './memory-items.js'

/** Waits are short, so that a lost answer is settled at once. */
const runtime = { ...systemRuntime, sleep: async () => {} }
const warehouse = 'memory:/lake'

describeViews('dynamodb, memory', async () => {
  const io = createMemoryIO()
  const items = createMemoryItems({ runtime: systemRuntime, pageItemsMax: 3 })
  const open = async (): Promise<Catalog> =>
    createDynamoDbCatalog(items, { warehouse, io, runtime: systemRuntime })
  return { catalog: await open(), io, another: open, close: async () => {} }
})

describe('views of the DynamoDB catalog', () => {
  let items: MemoryItems
  let io: FileIO
  let catalog: Catalog
  beforeEach(async () => {
    items = createMemoryItems({ runtime, pageItemsMax: 2 })
    io = createMemoryIO()
    catalog = createDynamoDbCatalog(items, { warehouse, io, runtime })
    await catalog.createNamespace(['shop'])
  })

  it('are items that Java takes for no table and no namespace', async () => {
    const view = await createView(catalog, TOTALS)
    const next = landed(await viewsOf(catalog).commit(replacing(view, 'SELECT 2')))
    const item = items.all().find(({ identifier }) => identifier === 'shop.totals')
    expect(item).toMatchObject({
      namespace: '.views.shop',
      'p.table_type': 'ICEBERG-VIEW',
      'p.metadata_location': next.metadataLocation,
      'p.previous_metadata_location': view.metadataLocation,
    })
    expect(items.all().filter(({ namespace }) => namespace === 'shop')).toHaveLength(1)
    expect(await catalog.listNamespaces()).toEqual([['shop']])
    expect(view.metadata.location).toBe('memory:/lake/shop.db/totals')
  })

  it('cost one consistent read and one write to change', async () => {
    const view = await createView(catalog, TOTALS)
    Object.assign(items.requests, { get: 0, write: 0, transaction: 0, query: 0 })
    landed(await viewsOf(catalog).commit(replacing(view, 'SELECT 2')))
    expect(items.requests).toEqual({ get: 1, write: 1, transaction: 0, query: 0 })
  })

  it('whose name Java gave to a table too can be moved out of the way', async () => {
    const view = await createView(catalog, TOTALS)
    const moved = { namespace: ['shop'], name: 'moved' }
    const table = await createTable(catalog, ORDERS)
    const [item] = items.all().filter(({ identifier }) => identifier === 'shop.orders')
    items.plant({ ...item, identifier: 'shop.totals', namespace: 'shop' })
    expect((await catalog.loadTable(TOTALS)).metadata).toEqual(table.metadata)
    expect(await viewsOf(catalog).load(TOTALS)).toEqual(view)
    await viewsOf(catalog).rename(TOTALS, moved)
    expect(await viewsOf(catalog).load(moved)).toEqual({ ...view, identifier: moved })
    expect(await catalog.tableExists(TOTALS)).toBe(true)
  })

  describe('when requests go wrong', () => {
    let fates: WriteFault[]
    let faulty: FaultyItems
    let views: ReturnType<typeof viewsOf>
    let view: LoadedView
    beforeEach(async () => {
      view = await createView(catalog, TOTALS)
      fates = []
      faulty = faultyItems(items, () => fates.shift())
      views = viewsOf(createDynamoDbCatalog(faulty, { warehouse, io, runtime }))
    })

    it.each<[string, WriteFault[]]>([
      ['is lost on its way', ['lose-request', 'lose-request']],
      ['is answered to nobody', ['lose-answer', 'lose-answer']],
      ['arrives twice', ['twice']],
      ['meets a busy item', ['busy', 'busy', 'lose-answer', 'busy']],
      ['is late', ['late']],
    ])('a commit that %s lands once', async (_name, planned) => {
      fates = [...planned]
      const next = landed(await views.commit(replacing(view, 'SELECT 2')))
      await faulty.deliverLate()
      expect(await views.load(TOTALS)).toEqual(next)
      expect(next.metadata.versions).toHaveLength(2)
    })

    it.each<[string, WriteFault[]]>([
      ['is lost on its way', ['lose-request']],
      ['is answered to nobody', ['lose-answer']],
      ['arrives twice', ['twice']],
    ])('a view whose creation %s is there once', async (_name, planned) => {
      await views.drop(TOTALS)
      fates = [...planned]
      const made = await createView(createDynamoDbCatalog(faulty, { warehouse, io, runtime }), TOTALS)
      expect(await views.load(TOTALS)).toEqual(made)
    })

    it('a drop and a rename are done once', async () => {
      const moved = { namespace: ['shop'], name: 'moved' }
      fates = ['lose-answer']
      await views.rename(TOTALS, moved)
      expect(await views.load(moved)).toEqual({ ...view, identifier: moved })
      fates = ['lose-answer']
      await views.drop(moved)
      expect(await views.exists(moved)).toBe(false)
    })

    it('a commit that another one followed is known by the pointer before, and of two nothing is known', async () => {
      const others = viewsOf(catalog)
      for (const followers of [1, 2]) {
        const base = await others.load(TOTALS)
        let count = 0
        const racing = {
          ...runtime,
          sleep: async () => {
            while (count < followers)
              landed(await others.commit(replacing(base, `SELECT ${followers} + ${count++}`)))
          },
        }
        fates = ['lose-answer']
        const ours = viewsOf(createDynamoDbCatalog(faulty, { warehouse, io, runtime: racing }))
        const outcome = await ours.commit(replacing(base, `SELECT -${followers}`))
        expect(outcome.status).toBe(followers === 1 ? 'committed' : 'unknown')
      }
    })
  })
})
