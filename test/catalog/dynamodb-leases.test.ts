/** Leases of the DynamoDB catalog: of readers, and of operations in flight. */
import { beforeEach, describe, expect, it } from 'vitest'
import { present } from '../../src/base/assert.js'
import { LakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import type { ItemStore } from '../../src/catalog/dynamodb-store.js'
import type { ReadLeases } from '../../src/catalog/read-leases.js'
import { WRITE_LEASE_MS, type WriteLeases } from '../../src/catalog/write-leases.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { appendTo, committed, createTable, ITEMS, metadataFiles, ORDERS } from '../contract/catalog.js'
import { describeWriteLeases } from '../contract/write-leases.js'
import { faultyItems, type WriteFault } from './faulty-items.js'
import { createMemoryItems, type MemoryItems } from './memory-items.js'

describeWriteLeases('dynamodb, memory', async runtime => {
  const io = createMemoryIO()
  const items = createMemoryItems({ runtime })
  const another = async () => createDynamoDbCatalog(items, { warehouse: 'memory:/lake', io, runtime })
  return { catalog: await another(), io, another, close: async () => {} }
})

const HOUR_MS = 3_600_000
const io = createMemoryIO()

let nowMs: number
const runtime: Runtime = { ...systemRuntime, nowMs: () => nowMs, sleep: async () => {} }
let items: MemoryItems
let faults: WriteFault[]
let catalog: Catalog
let other: Catalog

beforeEach(() => {
  nowMs = 1_700_000_000_000
  faults = []
  items = createMemoryItems({ runtime, pageItemsMax: 2 })
  const warehouse = `memory:/${systemRuntime.uuid()}`
  const open = (store: ItemStore): Catalog => createDynamoDbCatalog(store, { warehouse, io, runtime })
  catalog = open(faultyItems(items, () => faults.shift()))
  other = open(items)
})

describe('a read lease', () => {
  let leases: ReadLeases
  let seen: ReadLeases
  beforeEach(() => {
    leases = present(catalog.leases, 'read leases')
    seen = present(other.leases, 'read leases')
  })

  it('protects all until it names its snapshot, then that one, and nothing once it is given up', async () => {
    const lease = await leases.open()
    expect(await seen.held()).toEqual({ snapshotIds: new Set(), unpinned: 1 })
    await lease?.pin(9_223_372_036_854_775_807n)
    expect(await seen.held()).toEqual({ snapshotIds: new Set([9_223_372_036_854_775_807n]), unpinned: 0 })
    await lease?.release()
    expect(await seen.held()).toEqual({ snapshotIds: new Set(), unpinned: 0 })
    expect(items.all()).toEqual([])
  })

  it('of a table without snapshots holds nothing', async () => {
    await (await leases.open())?.pin(undefined)
    expect(await seen.held()).toEqual({ snapshotIds: new Set(), unpinned: 0 })
  })

  it('is one of many, over all pages', async () => {
    for (const id of [1n, 2n, 3n, 4n, 5n]) await (await leases.open())?.pin(id)
    expect((await seen.held()).snapshotIds).toEqual(new Set([1n, 2n, 3n, 4n, 5n]))
    await leases.close()
    expect((await seen.held()).snapshotIds).toEqual(new Set())
  })

  it('lapses in time, is swept away, and does not come back', async () => {
    const lease = await leases.open()
    await lease?.pin(1n)
    nowMs += 7 * HOUR_MS
    expect((await seen.held()).snapshotIds).toEqual(new Set())
    expect(items.all()).toEqual([])
    await lease?.renew()
    await lease?.pin(2n)
    expect(items.all()).toEqual([])
    await lease?.release()
  })

  it('stands as long as it is renewed, which costs nothing most of the time', async () => {
    const lease = await leases.open()
    await lease?.pin(1n)
    for (let hour = 0; hour < 24; hour++) {
      nowMs += HOUR_MS
      await lease?.renew()
    }
    expect((await seen.held()).snapshotIds).toEqual(new Set([1n]))
    const before = items.requests.write
    nowMs += 1000
    await lease?.renew()
    expect(items.requests.write).toBe(before)
  })

  it('is held over lost answers and requests', async () => {
    faults = ['lose-answer', 'lose-request', 'lose-answer', 'busy']
    const lease = await leases.open()
    await lease?.pin(1n)
    expect((await seen.held()).snapshotIds).toEqual(new Set([1n]))
    faults = ['lose-request', 'lose-answer']
    await lease?.release()
    expect(items.all()).toEqual([])
  })

  it('is left by nobody who may not write, and asked for once', async () => {
    let asked = 0
    const readOnly: ItemStore = {
      ...items,
      write: async () => {
        asked += 1
        throw new LakeError('denied', 'may not write')
      },
    }
    const reader = createDynamoDbCatalog(readOnly, { io, runtime })
    expect(await reader.leases?.open()).toBeUndefined()
    expect(await reader.leases?.open()).toBeUndefined()
    expect(asked).toBe(1)
  })
})

describe('a write lease', () => {
  let leases: WriteLeases
  let cleaner: WriteLeases
  beforeEach(() => {
    leases = present(catalog.writeLeases, 'write leases')
    cleaner = present(other.writeLeases, 'write leases')
  })
  const operation = (operationUuid: string) => ({ tableUuid: 'table', operationUuid })

  it('is seen by who cleans its table, and by nobody else', async () => {
    for (const uuid of ['a', 'b', 'c']) await leases.open(operation(uuid))
    await leases.open({ tableUuid: 'other', operationUuid: 'd' })
    expect(await cleaner.standing('table')).toEqual(new Set(['a', 'b', 'c']))
    await leases.close()
    expect(await cleaner.standing('table')).toEqual(new Set())
    expect(items.all()).toEqual([])
  })

  it('that lapsed is ended for good by who cleans', async () => {
    const lease = await leases.open(operation('a'))
    nowMs += WRITE_LEASE_MS
    expect(await cleaner.standing('table')).toEqual(new Set())
    await lease?.renew()
    nowMs += HOUR_MS
    await lease?.renew()
    expect(items.all()).toEqual([])
  })

  it('that was renewed in time stands', async () => {
    const lease = await leases.open(operation('a'))
    for (let hour = 0; hour < 24; hour++) {
      nowMs += HOUR_MS
      await lease?.renew()
    }
    expect(await cleaner.standing('table')).toEqual(new Set(['a']))
  })

  it('that is renewed between a cleaner look and its delete stands', async () => {
    const lease = await leases.open(operation('a'))
    nowMs += WRITE_LEASE_MS
    const slow = faultyItems(items, async writes => {
      if (writes[0]?.kind === 'delete') await lease?.renew()
      return undefined
    })
    const late = createDynamoDbCatalog(slow, { io, runtime })
    expect(await late.writeLeases?.standing('table')).toEqual(new Set(['a']))
  })

  it('stands over lost answers; a cleaner that cannot tell deletes nothing', async () => {
    faults = ['lose-answer', 'lose-request', 'busy']
    await leases.open(operation('a'))
    expect(await cleaner.standing('table')).toEqual(new Set(['a']))
    nowMs += WRITE_LEASE_MS
    faults = Array.from({ length: 100 }, () => 'lose-request')
    await expect(leases.standing('table')).rejects.toMatchObject({ kind: 'unavailable' })
  })

  describe('of a commit', () => {
    beforeEach(() => other.createNamespace(['shop']))

    it('lets it land while it stands, in one transaction', async () => {
      const table = await createTable(other, ORDERS)
      const lease = present(await leases.open(operation('a')), 'a lease')
      const before = items.requests.transaction
      committed(await catalog.commit([appendTo(table, 1n)], { leases: [lease] }))
      expect(items.requests.transaction).toBe(before + 1)
    })

    it('refuses it once it was ended, and its metadata file goes', async () => {
      const table = await createTable(other, ORDERS)
      const lease = present(await leases.open(operation('a')), 'a lease')
      nowMs += WRITE_LEASE_MS
      await cleaner.standing('table')
      const outcome = await catalog.commit([appendTo(table, 1n)], { leases: [lease] })
      expect(outcome).toMatchObject({ status: 'conflict', isLapsed: true })
      expect(await metadataFiles(io, table)).toEqual([table.metadataLocation])
    })

    it('refuses one whose request was lost, once it was ended: it never lands', async () => {
      const table = await createTable(other, ORDERS)
      const lease = present(await leases.open(operation('a')), 'a lease')
      faults = ['lose-request']
      const outcome = await catalog.commit([appendTo(table, 1n)], { leases: [lease] })
      nowMs += WRITE_LEASE_MS
      await cleaner.standing('table')
      if (outcome.status !== 'unknown') throw new Error('the outcome is known')
      expect(await catalog.settle(outcome.attempt)).toMatchObject({ status: 'conflict', isLapsed: true })
      expect((await other.loadTable(ORDERS)).metadataLocation).toBe(table.metadataLocation)
    })

    it('that is gone does not hide that others went on from the commit', async () => {
      const table = await createTable(other, ORDERS)
      const lease = present(await leases.open(operation('a')), 'a lease')
      faults = ['lose-answer']
      const outcome = await catalog.commit([appendTo(table, 1n)], { leases: [lease] })
      committed(await other.commit([appendTo(await other.loadTable(ORDERS), 2n)]))
      nowMs += WRITE_LEASE_MS
      await cleaner.standing('table')
      if (outcome.status !== 'unknown') throw new Error('the outcome is known')
      expect((await catalog.settle(outcome.attempt)).status).toBe('committed')
    })

    it('that lapsed but was not ended lets it land', async () => {
      const table = await createTable(other, ORDERS)
      const lease = present(await leases.open(operation('a')), 'a lease')
      nowMs += 2 * WRITE_LEASE_MS
      committed(await catalog.commit([appendTo(table, 1n)], { leases: [lease] }))
    })

    it('that was given up behind the commit does not hide that it landed', async () => {
      const [orders, more] = [await createTable(other, ORDERS), await createTable(other, ITEMS)]
      const lease = present(await leases.open(operation('a')), 'a lease')
      faults = ['lose-answer']
      const changes = [appendTo(orders, 1n), appendTo(more, 2n)]
      const outcome = await catalog.commit(changes, { leases: [lease] })
      if (outcome.status !== 'unknown') throw new Error('the outcome is known')
      await lease.release()
      // Ten minutes later the token of the transaction is forgotten.
      nowMs += HOUR_MS
      expect((await catalog.settle(outcome.attempt)).status).toBe('committed')
    })
  })
})
