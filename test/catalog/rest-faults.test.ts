/** Commits of the REST client whose answers are lost, forged or late: what is told of them is true. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, CommitOutcome, LoadedTable, TableCommit } from '../../src/catalog/catalog.js'
import { openRestCatalog } from '../../src/catalog/rest.js'
import { createLocalIO } from '../../src/io/local.js'
import { createStorageAccess } from '../../src/io/storage-access.js'
import { connect } from '../../src/lake/connect.js'
import type { Lake } from '../../src/lake/lake.js'
import { type RunningServer, startServer } from '../../src/server/server.js'
import {
  appendTo,
  committed,
  createTable,
  creation,
  ITEMS,
  ORDERS,
  setProperties,
} from '../contract/catalog.js'
import { type Fault, type FaultProxy, openFaultProxy, type ProxiedRequest } from '../services/fault-proxy.js'

/** Waits take no time. */
const runtime: Runtime = {
  ...systemRuntime,
  sleep: (ms, signal) => systemRuntime.sleep(ms < 30_000 ? 1 : ms, signal),
}
const io = createLocalIO({ fsync: false, runtime })

let folder: string
let lake: Lake
let server: RunningServer
let proxy: FaultProxy
let catalog: Catalog
let others: Catalog
let base: LoadedTable
/** What happens to commits, one after the other. */
let faults: (Fault | undefined)[]

function isCommit({ method, url }: ProxiedRequest): boolean {
  return method === 'POST' && (/\/tables\/[^/]+$/.test(url) || url.endsWith('/transactions/commit'))
}

const WITHOUT_KEYS: Fault = {
  kind: 'reply',
  status: 200,
  body: JSON.stringify({ defaults: {}, overrides: {}, endpoints: undefined }),
}

async function openThrough(keys: 'keys' | 'no keys'): Promise<void> {
  proxy = await openFaultProxy(server.uri, request => {
    if (request.url.startsWith('/v1/config')) return keys === 'keys' ? undefined : WITHOUT_KEYS
    return isCommit(request) ? faults.shift() : undefined
  })
  catalog = await open(proxy.endpoint)
}

function open(uri: string): Promise<Catalog> {
  const properties = { uri, 'rest-metrics-reporting-enabled': 'false' }
  return openRestCatalog({ properties, io, runtime, access: createStorageAccess(runtime) })
}

beforeEach(async () => {
  faults = []
  folder = await mkdtemp(join(tmpdir(), 'serac-rest-faults-'))
  lake = await connect({ warehouse: join(folder, 'lake'), fsync: false })
  server = await startServer({ lake, port: 0 })
  others = await open(server.uri)
  await others.createNamespace(['shop'])
  base = await createTable(others, ORDERS)
})
afterEach(async () => {
  await catalog.close()
  await proxy.close()
  await server.close()
  await lake.close()
  await rm(folder, { recursive: true, force: true })
})

function unknown(outcome: CommitOutcome): Extract<CommitOutcome, { status: 'unknown' }> {
  if (outcome.status !== 'unknown') throw new LakeError('conflict', `not unknown: ${outcome.status}`)
  return outcome
}

async function settled(change: TableCommit | readonly TableCommit[]): Promise<CommitOutcome> {
  const changes = 'identifier' in change ? [change] : change
  return catalog.settle(unknown(await catalog.commit(changes)).attempt)
}

async function snapshotIds(): Promise<readonly bigint[]> {
  const { metadata } = await others.loadTable(ORDERS)
  return metadata.snapshots.map(({ snapshotId }) => snapshotId)
}

function commits(): readonly (typeof proxy.log)[number][] {
  return proxy.log.filter(isCommit)
}

describe('a server that knows the keys of requests', () => {
  beforeEach(() => openThrough('keys'))

  it('gets a commit again, by its key, when the answer is lost; it lands once', async () => {
    faults = [{ kind: 'drop-response' }, { kind: 'drop-request' }]
    const [table] = committed(await catalog.commit([appendTo(base, 7n)]))
    expect(table?.metadata.currentSnapshotId).toBe(7n)
    expect(await snapshotIds()).toEqual([7n])
    const keys = commits().map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
  })

  it('leaves the outcome open when every answer is lost, also when the last request was refused unseen', async () => {
    faults = [{ kind: 'drop-response' }, ...Array<Fault>(5).fill({ kind: 'reply', status: 429 })]
    const { attempt } = unknown(await catalog.commit([appendTo(base, 7n)]))
    committed(await catalog.settle(attempt))
    expect(await snapshotIds()).toEqual([7n])
  })

  it('gives another key to another commit', async () => {
    const [next] = committed(await catalog.commit([appendTo(base, 1n)]))
    committed(await catalog.commit([appendTo(next!, 2n)]))
    expect(new Set(commits().map(({ headers }) => headers['idempotency-key'])).size).toBe(2)
  })
})

describe('a server without keys', () => {
  beforeEach(() => openThrough('no keys'))

  it('is asked again for a commit that fences itself: it has landed', async () => {
    faults = [{ kind: 'drop-response' }]
    const [table] = committed(await settled(appendTo(base, 7n)))
    expect(table?.metadata.currentSnapshotId).toBe(7n)
    expect(await snapshotIds()).toEqual([7n])
  })

  it('is asked again for a commit that fences itself: it lands now', async () => {
    faults = [{ kind: 'drop-request' }]
    committed(await settled(appendTo(base, 7n)))
    expect(await snapshotIds()).toEqual([7n])
  })

  it.each([500, 502, 503, 504])('that answers %i has said nothing about the outcome', async status => {
    faults = [{ kind: 'reply', status }]
    const { attempt, cause } = unknown(await catalog.commit([appendTo(base, 7n)]))
    expect(cause).toMatchObject({ kind: 'unavailable', context: { status } })
    expect(await snapshotIds()).toEqual([])
    committed(await catalog.settle(attempt))
    expect(await snapshotIds()).toEqual([7n])
  })

  it('that asks to come back later has done nothing', async () => {
    const busy: Fault = { kind: 'reply', status: 503, headers: { 'retry-after': '1' } }
    faults = [busy, { kind: 'reply', status: 429 }]
    committed(await catalog.commit([appendTo(base, 7n)]))
    expect(commits()).toHaveLength(3)
    faults = Array<Fault>(6).fill(busy)
    const next = await catalog.loadTable(ORDERS)
    await expect(catalog.commit([appendTo(next, 8n)])).rejects.toMatchObject({ kind: 'unavailable' })
    expect(await snapshotIds()).toEqual([7n])
  })

  it('is not asked again for what could undo the work of others', async () => {
    faults = [{ kind: 'drop-request' }]
    const outcome = await settled(setProperties(base, { owner: 'ann' }))
    expect(outcome.status).toBe('unknown')
    expect(commits()).toHaveLength(1)
  })

  it('shows that a change without a snapshot landed by what is left to do: nothing', async () => {
    faults = [{ kind: 'reset-response' }]
    const [table] = committed(await settled(setProperties(base, { owner: 'ann' })))
    expect(table?.metadata.properties.owner).toBe('ann')
    expect(commits()).toHaveLength(1)
  })

  it('tells who was faster when the request never came', async () => {
    faults = [{ kind: 'drop-request' }]
    const lost = unknown(await catalog.commit([appendTo(base, 7n)]))
    committed(await others.commit([appendTo(base, 8n)]))
    expect(await catalog.settle(lost.attempt)).toMatchObject({
      status: 'conflict',
      requirement: { type: 'assert-ref-snapshot-id' },
      current: { metadata: { currentSnapshotId: 8n } },
    })
    expect(await snapshotIds()).toEqual([8n])
  })

  it('does not call it refused when snapshots since then are gone: ours may be one of them', async () => {
    faults = [{ kind: 'drop-response' }]
    const lost = unknown(await catalog.commit([appendTo(base, 7n)]))
    const moved = await others.loadTable(ORDERS)
    const [next] = committed(await others.commit([appendTo(moved, 8n)]))
    const { identifier } = next!
    const updates: TableCommit['updates'] = [{ action: 'remove-snapshots', snapshotIds: [7n] }]
    committed(await others.commit([{ identifier, base: next!, requirements: [], updates }]))
    expect((await catalog.settle(lost.attempt)).status).toBe('unknown')
  })

  it('commits several tables or none, and shows by any of them that it did', async () => {
    const items = await createTable(others, ITEMS)
    faults = [{ kind: 'drop-response' }]
    const tables = committed(await settled([appendTo(base, 1n), appendTo(items, 2n)]))
    expect(tables.map(({ metadata }) => metadata.currentSnapshotId)).toEqual([1n, 2n])
    faults = [{ kind: 'drop-request' }]
    const again = committed(await settled(tables.map((table, index) => appendTo(table, BigInt(10 + index)))))
    expect(again.map(({ metadata }) => metadata.currentSnapshotId)).toEqual([10n, 11n])
  })

  it('has made a table whose uuid is the one that was asked for', async () => {
    const location = await catalog.defaultTableLocation(ITEMS)
    for (const fault of ['drop-response', 'drop-request'] as const) {
      const change = await creation(catalog, ITEMS)
      faults = [{ kind: fault }]
      const [table] = committed(await settled(change))
      expect(table?.metadata.location).toBe(location)
      await catalog.dropTable(ITEMS)
      await rm(location.replace('file://', ''), { recursive: true })
    }
  })

  it('whose answer is cut is asked again, and its truth told', async () => {
    faults = [{ kind: 'truncate-response' }]
    committed(await settled(appendTo(base, 7n)))
    expect(await snapshotIds()).toEqual([7n])
  })

  it('may get a request late, after the second one: one of them lands', async () => {
    let release = (): void => undefined
    const until = new Promise<void>(resolve => {
      release = resolve
    })
    faults = [{ kind: 'deliver-late', until }]
    committed(await settled(appendTo(base, 7n)))
    release()
    await proxy.close()
    expect(await snapshotIds()).toEqual([7n])
  })

  it('that cannot be reached has done nothing', async () => {
    await proxy.close()
    await expect(catalog.commit([appendTo(base, 7n)])).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('leaves other changes open too: a dropped answer to a drop is no answer', async () => {
    await proxy.close()
    proxy = await openFaultProxy(server.uri, ({ method }) =>
      method === 'DELETE' ? { kind: 'drop-response' } : undefined,
    )
    const another = await open(proxy.endpoint)
    await expect(another.dropTable(ORDERS)).rejects.toMatchObject({
      kind: 'commit-state-unknown',
    })
  })
})
