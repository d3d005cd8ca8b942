/**
 * What a commit costs in requests over the wire, data files aside: tables in S3, pointers in DynamoDB. Goals: a warm append
 * at most 5 (manifest, list, metadata, consistent read, swap), 1 more with a delete manifest, 2 more from a process that
 * comes new, and each retry at most 5.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import {
  type Fault,
  type FaultProxy,
  type LoggedRequest,
  openFaultProxy,
  type ProxiedRequest,
} from './fault-proxy.js'
import { type Service, serviceIsHere, serviceProperties, startService, TEST_BUCKET } from './service.js'

type Counts = Record<string, number>

describe.skipIf(!serviceIsHere('dynamodb') || !serviceIsHere('versitygw'))('requests of a commit', () => {
  let services: readonly Service[]
  let proxies: readonly FaultProxy[]
  const opened: Lake[] = []
  /** What others do before the swap arrives. */
  let beforeSwap: (() => Promise<void>) | undefined
  beforeAll(async () => {
    services = await Promise.all([startService('dynamodb'), startService('versitygw')])
    const decide = ({ operation }: ProxiedRequest): Fault | undefined =>
      operation === 'UpdateItem' && beforeSwap !== undefined
        ? { kind: 'delay-request', until: beforeSwap() }
        : undefined
    proxies = await Promise.all(services.map(({ endpoint }) => openFaultProxy(endpoint, decide)))
  }, 120_000)
  afterAll(async () => {
    for (const lake of opened) await lake.close()
    await Promise.all(proxies.map(proxy => proxy.close()))
    await Promise.all(services.map(service => service.stop()))
  })

  async function open(endpoints = proxies.map(proxy => proxy.endpoint)): Promise<Lake> {
    const [items = '', objects = ''] = endpoints
    const properties = { ...serviceProperties('dynamodb', items), ...serviceProperties('versitygw', objects) }
    const lake = await connect({ type: 'dynamodb', warehouse: `s3://${TEST_BUCKET}/budget`, properties })
    opened.push(lake)
    return lake
  }

  /** Those that go through the proxies. */
  async function requestsOf(work: () => Promise<unknown>): Promise<Counts> {
    for (const proxy of proxies) proxy.forget()
    await work()
    const counts: Counts = {}
    for (const request of proxies.flatMap(proxy => proxy.log)) {
      const name = nameOf(request)
      counts[name] = (counts[name] ?? 0) + 1
    }
    return counts
  }

  let tables = 0
  async function createTable(lake: Lake, formatVersion: 2 | 3): Promise<Table> {
    return lake.createTable(`budget.t${tables++}`, 'id bigint not null, v string', {
      formatVersion,
      keys: ['id'],
    })
  }

  const FILES = { 'PUT manifest': 1, 'PUT list': 1, 'PUT metadata': 1 }
  const COMMIT = { GetItem: 1, ...FILES, UpdateItem: 1 }
  const APPEND = { 'PUT data': 1, ...COMMIT }

  /** What others append right before the swaps of the work arrive, and before whatever else it changes in the catalog. */
  async function requestsInRaces(
    races: number,
    { work, lose }: { readonly work: () => Promise<unknown>; readonly lose: () => Promise<unknown> },
  ): Promise<{ readonly counts: Counts; readonly deletes: number }> {
    let left = races
    beforeSwap = async () => {
      if (left-- > 0) await lose()
    }
    const { 'POST data': deletes = 0, ...counts } = await requestsOf(work)
    beforeSwap = undefined
    return { counts, deletes }
  }
  // What a race costs: the swap in vain, then their metadata and list, and both anew.
  const LOST = { UpdateItem: 1, 'GET metadata': 1, 'GET list': 1, 'PUT list': 1, 'PUT metadata': 1 }
  function withLost(races: number): Counts {
    const wanted: Counts = { ...APPEND }
    for (const [name, count] of Object.entries(LOST)) wanted[name] = (wanted[name] ?? 0) + races * count
    return wanted
  }

  describe.each([2, 3] as const)('format version %i', formatVersion => {
    it('a warm append makes five', async () => {
      const table = await createTable(await open(), formatVersion)
      for (const id of [0, 1, 2, 3])
        expect(await requestsOf(() => table.append([{ id, v: 'x' }]))).toEqual(APPEND)
      expect(countOf(COMMIT)).toBe(5)
    })

    it('one of a process that comes new two more', async () => {
      const { name, append } = await createTable(await open(), formatVersion)
      await append([{ id: 0, v: 'x' }])
      const table = (await open()).table(name)
      expect(await requestsOf(() => table.append([{ id: 1, v: 'x' }]))).toEqual({
        ...APPEND,
        ...{ 'GET metadata': 1, 'GET list': 1 },
      })
    })

    it('a change of rows one more, for the manifest of deletes, once the rows are found', async () => {
      const table = await createTable(await open(), formatVersion)
      await table.append([
        { id: 0, v: 'x' },
        { id: 1, v: 'x' },
      ])
      const counts = await requestsOf(() => table.upsert([{ id: 0, v: 'y' }]))
      const { 'GET list': _, 'GET manifest': __, 'GET data': ___, ...rest } = counts
      expect(rest).toEqual({ ...APPEND, 'PUT manifest': 2, 'PUT deletes': 1 })
    })

    it('each race that is lost five more, and removes what is not needed', async () => {
      const mine = await createTable(await open(), formatVersion)
      await mine.append([{ id: 0, v: 'x' }])
      const theirs = (await open(services.map(service => service.endpoint))).table(mine.name)
      for (const races of [1, 2, 3]) {
        const { counts, deletes } = await requestsInRaces(races, {
          work: () => mine.append([{ id: 1, v: 'x' }]),
          lose: () => theirs.append([{ id: 100, v: 'y' }]),
        })
        expect(countOf(LOST)).toBe(5)
        expect(counts).toEqual(withLost(races))
        expect(deletes).toBeLessThanOrEqual(races + 1)
      }
    })

    it('who has lost four takes a place, one more, which the swap gives back', async () => {
      const mine = await createTable(await open(), formatVersion)
      await mine.append([{ id: 0, v: 'x' }])
      const theirs = (await open(services.map(service => service.endpoint))).table(mine.name)
      const racing = {
        work: () => mine.append([{ id: 1, v: 'x' }]),
        lose: () => theirs.append([{ id: 100, v: 'y' }]),
      }
      const wanted = withLost(4)
      expect((await requestsInRaces(4, racing)).counts).toEqual({ ...wanted, UpdateItem: 6 })
      // A place shows the table as it is: who is raced before it has not lost another swap.
      const { counts } = await requestsInRaces(5, racing)
      expect(countOf(counts)).toBeLessThan(countOf(wanted) + 5)
      expect(await requestsOf(() => mine.append([{ id: 2, v: 'x' }]))).toEqual(APPEND)
    })
  })

  it('a commit of two tables makes one swap', async () => {
    const lake = await open()
    const [a, b] = [await createTable(lake, 2), await createTable(lake, 2)]
    const both = () =>
      lake.transaction([a.name, b.name], async tx => {
        await tx.table(a.name).append([{ id: 0, v: 'x' }])
        await tx.table(b.name).append([{ id: 0, v: 'x' }])
      })
    await both()
    const { 'PUT data': _, ...counts } = await requestsOf(both)
    const twice = Object.fromEntries(Object.entries(FILES).map(([name, count]) => [name, 2 * count]))
    // A transaction may read, so it holds what it reads: read leases, made, pinned and given back.
    const leases = { PutItem: 2, UpdateItem: 2, DeleteItem: 2 }
    expect(counts).toEqual({ GetItem: 2, ...twice, TransactWriteItems: 1, ...leases })
  })
})

function countOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function nameOf({ method, url, operation }: LoggedRequest): string {
  if (operation !== undefined) return operation
  const name = decodeURIComponent(url.split('?')[0] ?? '')
  return `${method} ${kindOf(name.slice(name.lastIndexOf('/') + 1))}`
}

function kindOf(name: string): string {
  if (name.endsWith('.metadata.json')) return 'metadata'
  if (name.startsWith('snap-')) return 'list'
  if (name.endsWith('.avro')) return 'manifest'
  return /-deletes\.(parquet|puffin)$/.test(name) ? 'deletes' : 'data'
}
