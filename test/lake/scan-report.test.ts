/** What a catalog is told of scans: the figures of their plans, each once, and nothing of what it plans itself. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLake, type Table } from '../../src/index.js'
import { scanFigures } from '../../src/lake/scan-report.js'
import type { ScanFigures } from '../../src/rest/scan-report.js'
import { type MemoryLake, openMemoryLake } from './memory-lake.js'

let world: MemoryLake
let told: { readonly table: string; readonly figures: ScanFigures }[]
let orders: Table
beforeEach(async () => {
  world = await openMemoryLake()
  told = []
  const { catalog } = world.lake.context
  const reporting = {
    ...catalog,
    reportScan: (identifier: { readonly name: string }, figures: ScanFigures): void => {
      told.push({ table: identifier.name, figures })
    },
  }
  const lake = openLake({ ...world.lake.context, catalog: reporting })
  orders = await lake.createTable(
    'shop.orders',
    'id bigint not null, region string, at struct<x int, y int>',
    {
      partitionBy: ['region'],
      formatVersion: 3,
    },
  )
})
afterEach(() => world.close())

/** Six data files in four manifests; two of them have deletes. */
async function fill(): Promise<void> {
  const rows = (from: number, region: string) =>
    Array.from({ length: 10 }, (_, index) => ({ id: from + index, region, at: { x: index, y: 0 } }))
  await orders.append([...rows(0, 'eu'), ...rows(100, 'us')])
  await orders.append([...rows(200, 'eu'), ...rows(300, 'us')])
  await orders.append(rows(400, 'eu'))
  await orders.append(rows(500, 'asia'))
  await orders.delete('id in (3, 102)')
}

const figuresOf = (): readonly ScanFigures[] => told.map(({ figures }) => figures)

describe('a catalog that wants to know', () => {
  it('is told what a plan kept and skipped', async () => {
    await fill()
    told.length = 0
    const scan = orders.scan({ where: "region = 'eu' and id < 250", select: ['id'] })
    const { metadata, report, tasks } = await scan.plan()
    expect(tasks).toHaveLength(2)
    const sizes = tasks.map(({ entry }) => entry.file.fileSizeBytes)
    const vectors = tasks.flatMap(({ deletes }) =>
      deletes.vector === undefined ? [] : [deletes.vector.file],
    )
    expect(vectors).toHaveLength(1)
    expect(told).toEqual([
      {
        table: 'orders',
        figures: {
          snapshotId: metadata.currentSnapshotId,
          schemaId: 0,
          filter: expect.objectContaining({ op: 'and' }),
          projected: [
            { id: 1, name: 'id' },
            { id: 2, name: 'region' },
          ],
          planningMs: expect.any(Number),
          dataManifests: { total: 4, skipped: 1 },
          deleteManifests: { total: 1, skipped: 0 },
          // Of five files in three manifests: those of `us` by partition, that from 400 on by its bounds.
          dataFiles: { result: 2, skipped: 3, sizeBytes: sizes.reduce((sum, size) => sum + size, 0) },
          deleteFiles: {
            result: 1,
            sizeBytes: vectors[0]?.contentSizeBytes,
            indexed: 2,
            // The vector of a file of `us`: its kind is not told.
            skipped: 1,
          },
        },
      },
    ])
    expect([report.dataFilesSkippedByPartition, report.dataFilesSkippedByBounds]).toEqual([2, 1])
  })

  it('is told the kinds of deletes where all are needed, leaves of structs and metadata columns', async () => {
    await fill()
    told.length = 0
    await orders.scan({ select: ['at', '_file'] }).count()
    const [figures] = figuresOf()
    expect(figures?.dataFiles).toMatchObject({ result: 6, skipped: 0 })
    expect(figures?.deleteFiles).toMatchObject({
      result: 2,
      indexed: 2,
      skipped: 0,
      kinds: { equality: 0, positional: 0, vectors: 2 },
    })
    expect(figures?.projected.map(field => field.name)).toEqual(['at.x', 'at.y', '_file'])
  })

  it('is told of each plan once, however often it runs, and of each that a minimum makes', async () => {
    await fill()
    told.length = 0
    const scan = orders.scan()
    await scan.count()
    await scan.toArrow()
    await scan.plan()
    expect(told).toHaveLength(1)
    await scan.min('id')
    expect(told).toHaveLength(2)
    await orders.at('current').scan({ where: 'id = 1' }).count()
    expect(told).toHaveLength(3)
  })

  it('is told nothing of a table without a snapshot, of plans that fail, and of those that its server made', async () => {
    expect(await orders.scan().count()).toBe(0)
    await expect(orders.scan({ where: 'nothing = 1' }).count()).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    await fill()
    told.length = 0
    const { catalog } = world.lake.context
    const planned = openLake({
      ...world.lake.context,
      catalog: {
        ...catalog,
        loadTable: async (...args) => ({
          ...(await catalog.loadTable(...args)),
          planner: { plan: async () => ({ tasks: [], requests: 1 }) },
        }),
        reportScan: () => {
          throw new Error('it knows that already')
        },
      },
    })
    expect(await planned.table('shop.orders').scan().count()).toBe(0)
    expect(told).toEqual([])
  })
})

it('a file of deletes that two data files need counts twice, and its size too', async () => {
  const items = await world.lake.createTable('shop.items', 'id bigint not null')
  await items.append([{ id: 1 }, { id: 2 }])
  await items.append([{ id: 3 }, { id: 4 }])
  await items.delete('id = 1')
  const plan = await items.scan().plan()
  const needed = plan.tasks.map(task => task.deletes).find(deletes => deletes.positionDeletes.length > 0)
  // As other engines write them: one file for the data files of a partition.
  const shared = plan.tasks.map(task => ({ ...task, deletes: needed ?? task.deletes }))
  expect(scanFigures({ ...plan, tasks: shared }, 3)?.deleteFiles).toEqual({
    result: 2,
    sizeBytes: 2 * (needed?.positionDeletes[0]?.file.fileSizeBytes ?? 0),
    indexed: 1,
    skipped: 0,
    kinds: { equality: 0, positional: 1, vectors: 0 },
  })
})
