/** The REST client against Java's own server: the contract. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type JsonObject, stringifyJson } from '../../src/base/json.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, Namespace } from '../../src/catalog/catalog.js'
import { openRestCatalog } from '../../src/catalog/rest.js'
import { bind } from '../../src/expression/bind.js'
import { and, eq, gtEq, isIn, isNan, isNull, lt, or, startsWith } from '../../src/expression/expression.js'
import { createLocalIO } from '../../src/io/local.js'
import { createStorageAccess } from '../../src/io/storage-access.js'
import { openLake } from '../../src/lake/lake.js'
import { serializeMetricsReport } from '../../src/rest/metrics-json.js'
import { type ScanFigures, scanReportOf } from '../../src/rest/scan-report.js'
import { type CatalogUnderTest, describeCatalog } from '../contract/catalog.js'
import { describeViews } from '../contract/views.js'
import { type JavaServer, javaServerIsHere, startJavaServer } from './java-rest-server.js'

const runtime = systemRuntime
const io = createLocalIO({ fsync: false, runtime })

describe.skipIf(!javaServerIsHere())("Java's server", () => {
  let server: JavaServer
  beforeAll(async () => {
    server = await startJavaServer()
  }, 100_000)
  afterAll(() => server.stop())

  const open = (): Promise<Catalog> =>
    openRestCatalog({ properties: { uri: server.uri }, io, runtime, access: createStorageAccess(runtime) })

  const world = async (): Promise<CatalogUnderTest> => {
    const catalog = await open()
    return {
      catalog,
      io,
      another: open,
      async close() {
        await empty(catalog)
        for (const entry of await readdir(server.warehouse))
          await rm(join(server.warehouse, entry), { recursive: true })
      },
    }
  }
  it('takes a table through its life', async () => {
    const { catalog, close } = await world()
    await using lake = openLake({ catalog, io, runtime })
    const orders = await lake.createTable('shop.orders', 'id bigint not null, region string', {
      partitionBy: ['region'],
      sortBy: ['id desc'],
      keys: ['id'],
      formatVersion: 3,
    })
    const rows = Array.from({ length: 50 }, (_, id) => ({ id, region: id % 2 === 0 ? 'eu' : 'us' }))
    await orders.append(rows)
    await orders.upsert([{ id: 7, region: 'asia' }], { keys: ['id'] })
    await orders.delete('id < 5')
    const items = await lake.createTable('shop.items', 'id bigint')
    await lake.transaction(['shop.orders', 'shop.items'], async tx => {
      await tx.table('shop.orders').append([{ id: 100, region: 'eu' }])
      await tx.table('shop.items').append([{ id: 1 }])
    })
    await orders.compact()
    expect(await orders.scan({ where: "region = 'asia' or id >= 45" }).count()).toBe(7)
    expect(await items.scan().count()).toBe(1)
    await close()
  })

  it('takes our reports of scans', async () => {
    const schema = {
      fields: (['long', 'string', 'double', 'date', 'boolean'] as const).map((kind, index) => ({
        id: index + 1,
        name: kind,
        required: false,
        type: { kind },
      })),
    }
    const where = or(
      and(gtEq('long', 5n), startsWith('string', 'x'), isNull('date')),
      and(isIn('long', [1n, 20n]), eq('boolean', true), lt('date', '2026-01-01')),
      isNan('double'),
    )
    const none = { total: 0, skipped: 0 }
    const figures: ScanFigures = {
      snapshotId: 9_223_372_036_854_775_807n,
      schemaId: 0,
      filter: bind(where, schema),
      projected: [{ id: 1, name: 'long' }],
      planningMs: 3,
      dataManifests: none,
      deleteManifests: none,
      dataFiles: { result: 1, skipped: 0, sizeBytes: 10 },
      deleteFiles: { result: 0, sizeBytes: 0, indexed: 0, skipped: 0 },
    }
    const statusOf = async (report: JsonObject): Promise<number> => {
      const answer = await fetch(`${server.uri}/v1/namespaces/shop/tables/orders/metrics`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: stringifyJson(report),
      })
      return answer.status
    }
    const report = serializeMetricsReport(scanReportOf(figures, 'rest.shop.orders'))
    expect(await statusOf(report)).toBe(204)
    // It does look: a report without a filter is none.
    expect(await statusOf({ ...report, filter: { type: 'eq' } })).toBeGreaterThanOrEqual(400)
  })

  const over = 'its catalog registers over no table'
  const unregister = 'it does not have the endpoint'
  describeCatalog('REST, of Java', world, {
    without: {
      'stay when their last property is removed': 'its namespaces are their properties',
      'nest; siblings with one prefix stay apart': 'its names of namespaces are patterns of SQL',
      'have names with spaces, slashes and letters of any script': 'its HTTP server refuses encoded slashes',
      'get a folder of their own by default, also where a renamed table left its files': 'it does not look',
      'live where the namespace says': 'it does not look',
      'with a stale sequence number are a conflict although the ref still matches':
        'it checks the numbers of snapshots with a parent only',
      'of many writers at once all land, one after the other':
        'it leaves metadata files of attempts that lost',
      'create one table and change another': 'its transactions take tables that are there',
      'give way to other metadata that is registered over them; their files stay, their commits lose': over,
      'are made by registering over nothing, in a namespace that is there': over,
      'that are registered over while others write them hold nothing of the writers': over,
      'are unregistered with their last state, from which they go on elsewhere': unregister,
      'that are unregistered while others write them have every commit that landed': unregister,
    },
  })
  const leaves = 'it leaves metadata files of attempts that lost'
  describeViews('REST, of Java', world, {
    without: {
      'are not made twice, and leave no file behind': leaves,
      'do not lose a dialect by mistake': leaves,
      'that would stay as they are cost no file': 'a version with another summary is another one',
      'are registered from a metadata file': 'it deletes the file of a view that is dropped',
      'of writers at once all land; of creators at once one wins': 'it answers some of them 500',
    },
  })
})

async function empty(catalog: Catalog, parent: Namespace = []): Promise<void> {
  for (const namespace of await catalog.listNamespaces(parent)) {
    await empty(catalog, namespace)
    for (const table of await catalog.listTables(namespace)) await catalog.dropTable(table)
    for (const view of (await catalog.views?.list(namespace)) ?? []) await catalog.views?.drop(view)
    await catalog.dropNamespace(namespace)
  }
}
