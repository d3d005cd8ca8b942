/** What writes cost in requests, by the table of spec/commit-protocol.md, data files included; never in time. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openEmbeddedCatalog } from '../../src/catalog/embedded.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { applyFeed, type FeedLine } from '../../src/cdc.js'
import { type Lake, openLake, type Table } from '../../src/index.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { meteredIO } from '../../src/io/metered.js'
import { seededRuntime } from '../snapshot/world.js'

let folder: string
let runtime: ReturnType<typeof seededRuntime>
let memory: ReturnType<typeof createMemoryIO>
let opened: Lake[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-budget-'))
  runtime = seededRuntime()
  memory = createMemoryIO({ runtime })
  opened = []
})
afterEach(async () => {
  for (const lake of opened) await lake.close()
  await rm(folder, { recursive: true, force: true })
})

type Counts = Record<string, number>

/** A lake that has read nothing yet, over the same files, counting what it asks of storage and catalog. */
async function openCounted(): Promise<{
  lake: Lake
  requestsOf(work: () => Promise<unknown>): Promise<Counts>
}> {
  const metered = meteredIO(memory)
  const { io } = metered
  const embedded = await openEmbeddedCatalog({
    path: join(folder, 'catalog.db'),
    warehouse: 'memory://lake',
    io,
    runtime,
  })
  const calls: string[] = []
  const catalog = failingCatalog(embedded, ({ verb, phase }) => {
    if (phase === 'before') calls.push(`catalog ${verb}`)
    return undefined
  })
  const lake = openLake({ catalog, io, runtime })
  opened.push(lake)
  return {
    lake,
    async requestsOf(work) {
      calls.length = 0
      metered.reset()
      await work()
      const counts: Counts = {}
      const requests = metered.log.map(({ verb, location }) => `${verb} ${kindOf(location)}`)
      for (const request of [...requests, ...calls]) counts[request] = (counts[request] ?? 0) + 1
      return counts
    },
  }
}

function kindOf(location: string): string {
  const name = location.slice(location.lastIndexOf('/') + 1)
  if (name.endsWith('.metadata.json')) return 'metadata'
  if (name.startsWith('snap-')) return 'list'
  if (name.endsWith('.avro')) return 'manifest'
  return /-deletes\.(parquet|puffin)$/.test(name) ? 'deletes' : 'data'
}

const rowsFrom = (first: number, count = 3) =>
  Array.from({ length: count }, (_, index) => ({ id: first + index, v: 'x' }))

async function createOrders(lake: Lake, formatVersion: 2 | 3): Promise<Table> {
  return lake.createTable('shop.orders', 'id bigint not null, v string', { keys: ['id'], formatVersion })
}

/** The state is loaded once, and swapped once; its metadata file is read by a process that neither read nor wrote it. */
const LOAD = { 'catalog loadTable': 1 }
/** Manifest, list and metadata of one snapshot with one kind of files, on a branch that has a list already. */
const COMMIT = {
  ...LOAD,
  ...{ 'catalog commit': 1, 'read list': 1, 'write manifest': 1, 'write list': 1, 'write metadata': 1 },
}
const APPEND = { ...COMMIT, 'openWriter data': 1 }

describe.each([2, 3] as const)('an append, format version %i', formatVersion => {
  it('costs one file, one manifest, one list and one metadata file, whatever the table holds', async () => {
    const { lake, requestsOf } = await openCounted()
    const table = await createOrders(lake, formatVersion)
    const { 'read list': _, ...first } = APPEND
    expect(await requestsOf(() => table.append(rowsFrom(0)))).toEqual(first)
    for (const from of [10, 20, 30]) {
      expect(await requestsOf(() => table.append(rowsFrom(from)))).toEqual(APPEND)
    }
  })

  it('by a process that comes new reads the metadata besides', async () => {
    const table = await createOrders((await openCounted()).lake, formatVersion)
    await table.append(rowsFrom(0))
    const { lake, requestsOf } = await openCounted()
    const append = () => lake.table('shop.orders').append(rowsFrom(10))
    expect(await requestsOf(append)).toEqual({ ...APPEND, 'read metadata': 1 })
  })

  it('over partitions costs a file for each, and nothing else more', async () => {
    const { lake, requestsOf } = await openCounted()
    const options = { formatVersion, partitionBy: ['id'] }
    const table = await lake.createTable('shop.orders', 'id bigint, v string', options)
    await table.append(rowsFrom(0))
    expect(await requestsOf(() => table.append(rowsFrom(10, 5)))).toEqual({ ...APPEND, 'openWriter data': 5 })
  })
})

/**
 * Finding the rows comes on top of the commit: the list once more, every manifest that may hold them, and of each
 * candidate file the key columns in one request, since it is small.
 */
describe.each([
  { formatVersion: 2, deletes: { 'openWriter deletes': 1 } },
  { formatVersion: 3, deletes: { 'write deletes': 1 } },
] as const)('changes of rows, format version $formatVersion', ({ formatVersion, deletes }) => {
  async function twoFiles() {
    const counted = await openCounted()
    const table = await createOrders(counted.lake, formatVersion)
    await table.append(rowsFrom(0))
    await table.append(rowsFrom(10))
    return { table, requestsOf: counted.requestsOf }
  }
  const FIND = { 'read list': 2, 'read manifest': 2, 'read data': 1 }
  const UPSERT = { ...COMMIT, ...FIND, ...deletes, 'openWriter data': 1, 'write manifest': 2 }

  it('an upsert costs one file, one delete file and a manifest for each', async () => {
    const { table, requestsOf } = await twoFiles()
    expect(await requestsOf(() => table.upsert([{ id: 0, v: 'y' }]))).toEqual(UPSERT)
  })

  it('an upsert of keys that are new costs no delete file, and opens no data file', async () => {
    const { table, requestsOf } = await twoFiles()
    const { 'read data': _, ...wanted } = { ...APPEND, ...FIND }
    expect(await requestsOf(() => table.upsert([{ id: 100, v: 'y' }]))).toEqual(wanted)
  })

  it('an upsert over earlier deletes of the same file merges them: one manifest is read and written more', async () => {
    const { table, requestsOf } = await twoFiles()
    await table.upsert([{ id: 0, v: 'y' }])
    const manifests = 4
    expect(await requestsOf(() => table.upsert([{ id: 1, v: 'y' }]))).toEqual({
      ...UPSERT,
      'read manifest': manifests + 1,
      'read deletes': 2,
      'write manifest': 3,
    })
  })

  it('a delete costs one delete file and its manifest', async () => {
    const { table, requestsOf } = await twoFiles()
    expect(await requestsOf(() => table.delete('id = 10'))).toEqual({ ...COMMIT, ...FIND, ...deletes })
  })

  it('a delete of all rows of a file costs no delete file; only the manifest that holds it is written anew', async () => {
    const { table, requestsOf } = await twoFiles()
    const { 'read data': _, ...find } = FIND
    expect(await requestsOf(() => table.delete('id >= 10'))).toEqual({
      ...COMMIT,
      ...find,
      'read manifest': 4,
    })
  })

  it('a delete of nothing reads manifests only, and commits nothing', async () => {
    const { table, requestsOf } = await twoFiles()
    expect(await requestsOf(() => table.delete('id = 1000'))).toEqual({
      ...LOAD,
      'read list': 1,
      'read manifest': 2,
    })
  })
})

describe('a change feed over two tables', () => {
  it('costs the sum of its tables, and one swap', async () => {
    const counted = await openCounted()
    for (const name of ['shop.orders', 'shop.items']) {
      const table = await counted.lake.createTable(name, 'id bigint not null, v string', { keys: ['id'] })
      await table.append(rowsFrom(0))
    }
    const apply = () =>
      applyFeed(feed(), { ...counted.lake.context, format: 'wal2json', target: { namespace: ['shop'] } })
    expect(await counted.requestsOf(apply)).toEqual({
      ...{ 'catalog loadTable': 2, 'catalog commit': 1 },
      ...{
        'read list': 4,
        'read manifest': 2,
        'read data': 2,
        'openWriter data': 2,
        'openWriter deletes': 2,
      },
      ...{ 'write manifest': 4, 'write list': 2, 'write metadata': 2 },
    })
    expect(await counted.requestsOf(apply)).toEqual({ 'catalog loadTable': 2 })
  })
})

async function* feed(): AsyncGenerator<FeedLine> {
  const column = (name: string, type: string, value: unknown) => ({ name, type, value })
  const messages = [
    { action: 'B', xid: 1, nextlsn: '0/10' },
    ...['orders', 'items'].map(table => ({
      ...{ action: 'U', schema: 'public', table, pk: [{ name: 'id', type: 'bigint' }] },
      columns: [column('id', 'bigint', 1), column('v', 'text', 'y')],
      identity: [column('id', 'bigint', 1)],
    })),
    { action: 'C', xid: 1, nextlsn: '0/20' },
  ]
  for (const [index, message] of messages.entries())
    yield { number: index + 1, text: JSON.stringify(message) }
}
