/** Reports of our client at our server: of the scans and commits of a lake, exact, and of nothing else. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openRestCatalog } from '../../src/catalog/rest.js'
import { type Lake, openLake } from '../../src/index.js'
import { createStorageAccess } from '../../src/io/storage-access.js'
import { type ServedLake, serveLake } from './world.js'

let world: ServedLake
beforeEach(async () => {
  world = await serveLake()
})
afterEach(() => world.close())

async function openClient(properties: Readonly<Record<string, string>> = {}): Promise<Lake> {
  const { io, runtime } = world.lake.context
  const access = createStorageAccess(runtime)
  const catalog = await openRestCatalog({
    properties: { uri: world.uri, ...properties },
    io,
    runtime,
    access,
  })
  return openLake({ catalog, io, runtime })
}

const reports = () => world.records.filter(({ event }) => event === 'metrics-report')

/** The metrics of a record by their names. */
function metricsOf(record: (typeof world.records)[number] | undefined): Readonly<Record<string, number>> {
  const texts = Array.isArray(record?.metrics) ? record.metrics : []
  return Object.fromEntries(texts.map(text => text.split('=')).map(([name, value]) => [name, Number(value)]))
}

it('say what planning kept and skipped, and what commits did; all are there when the client has closed', async () => {
  const client = await openClient()
  const orders = await client.createTable('shop.orders', 'id bigint not null, region string', {
    partitionBy: ['region'],
  })
  for (const region of ['eu', 'us', 'asia']) await orders.append([0, 1, 2].map(id => ({ id, region })))
  await orders.delete("region = 'us' and id = 1")
  const scan = orders.scan({ where: "region <> 'asia'" })
  expect(await scan.count()).toBe(5)
  const { planning, scan: kept } = await scan.explain()
  const { snapshotId } = await scan.explain()
  await client.close()

  const commits = reports().filter(({ type }) => type === 'commit-report')
  expect(commits.map(record => metricsOf(record)['total-records'])).toEqual([3, 6, 9, 9])
  expect(metricsOf(commits[0])).toMatchObject({ 'added-data-files': 1, 'added-records': 3 })
  expect(metricsOf(commits[3])).toMatchObject({ 'added-delete-files': 1, 'added-positional-deletes': 1 })

  const scans = reports().filter(({ type }) => type === 'scan-report')
  expect(scans).toHaveLength(1)
  expect(scans[0]).toMatchObject({ table: 'shop.orders', snapshotId })
  expect(metricsOf(scans[0])).toEqual({
    'total-planning-duration': expect.any(Number),
    'result-data-files': kept.dataFiles,
    'result-delete-files': 1,
    'total-data-manifests': planning.dataManifests,
    'total-delete-manifests': 1,
    'scanned-data-manifests': planning.dataManifests - planning.dataManifestsSkipped,
    'skipped-data-manifests': planning.dataManifestsSkipped,
    'total-file-size-in-bytes': kept.bytesMax,
    'total-delete-file-size-in-bytes': expect.any(Number),
    'skipped-data-files': planning.dataFilesSkippedByPartition + planning.dataFilesSkippedByBounds,
    'skipped-delete-files': 0,
    'scanned-delete-manifests': 1,
    'skipped-delete-manifests': 0,
    'indexed-delete-files': 1,
    'equality-delete-files': 0,
    'positional-delete-files': 1,
    dvs: 0,
  })
  expect(kept.dataFiles).toBe(2)
  expect(planning.dataManifestsSkipped).toBe(1)
})

it('are not sent of scans that the server plans, nor by who does not want to', async () => {
  await world.lake.createTable('shop.orders', 'id bigint')
  await world.lake.table('shop.orders').append([{ id: 1 }])
  for (const properties of [
    { 'scan-planning-mode': 'server' },
    { 'rest-metrics-reporting-enabled': 'false' },
  ]) {
    const client = await openClient(properties)
    expect(await client.table('shop.orders').scan({ where: 'id = 1' }).toArrow()).toBeDefined()
    await client.close()
  }
  expect(reports()).toEqual([])
})

it('log no names or numbers of metrics that are none', async () => {
  await world.lake.createTable('shop.orders', 'id bigint')
  const metrics = {
    'result-data-files': { unit: 'count', value: 7 },
    'a\nb': { unit: 'count', value: 1 },
    [`x${'y'.repeat(100)}`]: { unit: 'count', value: 1 },
  }
  const report = {
    'report-type': 'commit-report',
    'table-name': 't',
    'snapshot-id': 1,
    'sequence-number': 1,
    operation: 'append',
  }
  const path = 'POST /v1/namespaces/shop/tables/orders/metrics'
  expect((await world.ask(path, { body: { ...report, metrics } })).status).toBe(204)
  expect(reports()[0]?.metrics).toEqual(['result-data-files=7'])
  for (const broken of [{ ...report, metrics: { a: { unit: 'count' } } }, { ...report, metrics: 3 }, {}])
    expect((await world.ask(path, { body: broken })).status).toBe(400)
  expect(reports()).toHaveLength(1)
})
