/** Scans that the server of a REST catalog plans: the same rows as scans that are planned here. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openRestCatalog } from '../../src/catalog/rest.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createLocalIO } from '../../src/io/local.js'
import { meteredIO } from '../../src/io/metered.js'
import { createStorageAccess } from '../../src/io/storage-access.js'
import { connect } from '../../src/lake/connect.js'
import { type Lake, openLake } from '../../src/lake/lake.js'
import type { ScanRequest } from '../../src/lake/scan.js'
import { ENDPOINTS } from '../../src/rest/endpoints.js'
import { type RunningServer, startServer } from '../../src/server/server.js'
import { ORDERS } from '../contract/catalog.js'
import { METADATA, openStub, type Stub, type StubAnswer, type StubRequest, tableAnswer } from './rest-stub.js'

const runtime: Runtime = {
  ...systemRuntime,
  sleep: (ms, signal) => systemRuntime.sleep(ms < 30_000 ? 1 : ms, signal),
}

function open(uri: string, io: FileIO): Promise<Catalog> {
  const properties = { uri, 'scan-planning-mode': 'server', 'rest-metrics-reporting-enabled': 'false' }
  return openRestCatalog({ properties, io, runtime, access: createStorageAccess(runtime) })
}

describe('scans planned by the server', () => {
  let folder: string
  let local: Lake
  let server: RunningServer
  let remote: Lake
  let readBytesOf: () => readonly string[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'serac-rest-plan-'))
    local = await connect({ warehouse: join(folder, 'lake'), fsync: false })
    server = await startServer({ lake: local, port: 0 })
    const read: string[] = []
    const inner = createLocalIO({ fsync: false, runtime })
    const io: FileIO = {
      ...inner,
      read: (location, options) => {
        read.push(location)
        return inner.read(location, options)
      },
    }
    readBytesOf = () => read
    remote = openLake({ catalog: await open(server.uri, io), io, runtime })
  })
  afterEach(async () => {
    await remote.close()
    await server.close()
    await local.close()
    await rm(folder, { recursive: true, force: true })
  })

  const rowsOf = async (lake: Lake, request: ScanRequest): Promise<readonly string[]> => {
    const rows: string[] = []
    for await (const row of (await lake.table('shop.orders')).scan(request).rows())
      rows.push(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)))
    return rows.sort()
  }

  it.each([2, 3] as const)('give the same rows, with deletes of format version %i', async formatVersion => {
    const orders = await local.createTable('shop.orders', 'id bigint not null, region string', {
      partitionBy: ['region'],
      formatVersion,
    })
    for (const from of [0, 100, 200])
      await orders.append(
        Array.from({ length: 100 }, (_, at) => ({
          id: BigInt(from + at),
          region: at % 2 === 0 ? 'eu' : 'us',
        })),
      )
    await orders.delete('id % 10 = 3')
    const first = (await orders.history())[0]
    const requests: readonly ScanRequest[] = [
      {},
      { where: "region = 'eu' and id >= 150" },
      { where: 'id < 20', select: ['region', '_pos'] },
      { where: 'id in (1, 3, 5) or region is null' },
      { where: 'id > 1000' },
      { where: 'false' },
      ...(first === undefined ? [] : [{ asOf: first.snapshotId }]),
    ]
    for (const request of requests)
      expect(await rowsOf(remote, request)).toEqual(await rowsOf(local, request))
    const table = await remote.table('shop.orders')
    expect(await table.scan({ where: 'id < 50' }).count()).toBe(45)
    expect(await table.scan().max('id')).toBe(299n)
    expect(readBytesOf().filter(location => location.endsWith('.avro'))).toEqual([])
    await expect(table.scan({ select: ['_last_updated_sequence_number'] }).count()).rejects.toMatchObject({
      kind: 'unsupported',
    })
  })

  it('read an empty table without asking', async () => {
    await local.createTable('shop.orders', 'id bigint')
    expect(await rowsOf(remote, {})).toEqual([])
  })
})

describe('a server that plans', () => {
  let stub: Stub
  let catalog: Catalog
  const io = meteredIO(createLocalIO({ fsync: false, runtime })).io

  const TABLE = '/v1/namespaces/shop/tables/orders'
  const endpoints = ['loadTable', 'planTableScan', 'fetchPlan', 'cancelPlan', 'fetchScanTasks'] as const
  const start = async (answer: (request: StubRequest) => StubAnswer | undefined): Promise<void> => {
    stub = await openStub(request => {
      if (request.path === '/v1/config')
        return { json: { defaults: {}, overrides: {}, endpoints: endpoints.map(name => ENDPOINTS[name]) } }
      return request.path === TABLE ? tableAnswer() : answer(request)
    })
    catalog = await open(stub.uri, io)
  }
  afterEach(async () => {
    await catalog.close()
    await stub.close()
  })

  const task = (name: string): { 'data-file': Record<string, string | number | readonly never[]> } => ({
    'data-file': {
      'spec-id': 0,
      content: 'data',
      'file-path': name,
      'file-format': 'parquet',
      partition: [],
      'file-size-in-bytes': 1,
      'record-count': 1,
    },
  })
  const plan = async (signal?: AbortSignal): Promise<readonly string[]> => {
    const { planner } = await catalog.loadTable(ORDERS)
    const [schema] = METADATA.schemas
    const request = { snapshotId: 9_223_372_036_854_775_807n, caseSensitive: true, useSnapshotSchema: false }
    const { tasks } = (await planner?.plan(request, { schema: schema!, signal })) ?? { tasks: [] }
    return tasks.map(({ file }) => file.location)
  }

  it('may take its time, and give its tasks in parts', async () => {
    let looks = 0
    await start(({ method, path, body }) => {
      if (path === `${TABLE}/plan`) return { json: { status: 'submitted', 'plan-id': 'p/1' } }
      if (path === `${TABLE}/plan/p%2F1` && method === 'GET')
        return ++looks < 3
          ? { json: { status: 'submitted' } }
          : { json: { status: 'completed', 'file-scan-tasks': [task('a')], 'plan-tasks': ['x', 'y'] } }
      const token = path === `${TABLE}/tasks` ? String(JSON.parse(body)['plan-task']) : undefined
      if (token === undefined) return undefined
      return { json: { 'file-scan-tasks': [task(token)], 'plan-tasks': token === 'x' ? ['z'] : [] } }
    })
    expect(await plan()).toEqual(['a', 'x', 'y', 'z'])
    expect(stub.log.find(({ path }) => path === `${TABLE}/plan`)?.body).toContain('9223372036854775807')
  })

  it('is told when nobody waits any more', async () => {
    const stop = new AbortController()
    await start(({ method, path }) => {
      if (path === `${TABLE}/plan`) return { json: { status: 'submitted', 'plan-id': 'p' } }
      if (method === 'DELETE') return { status: 204 }
      stop.abort()
      return { json: { status: 'submitted' } }
    })
    await expect(plan(stop.signal)).rejects.toMatchObject({ kind: 'aborted' })
    expect(stub.log.at(-1)).toMatchObject({ method: 'DELETE', path: `${TABLE}/plan/p` })
  })

  it('may fail, and says why; a delete file that is not there is never left out', async () => {
    let answer: StubAnswer = {}
    await start(() => answer)
    answer = { json: { status: 'failed', error: { message: 'too large', type: 'X', code: 400 } } }
    await expect(plan()).rejects.toMatchObject({ kind: 'invalid-argument', context: { reason: 'too large' } })
    answer = { json: { status: 'cancelled' } }
    await expect(plan()).rejects.toMatchObject({ kind: 'unavailable' })
    answer = {
      json: { status: 'completed', 'file-scan-tasks': [{ ...task('a'), 'delete-file-references': [0] }] },
    }
    await expect(plan()).rejects.toMatchObject({ kind: 'corrupt' })
  })
})
