/** Turns of the DynamoDB catalog, over a store of items: in memory, and in DynamoDB Local. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.js'
import { createDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import type { ItemStore, StoredItem } from '../../src/catalog/dynamodb-store.js'
import type { CommitTurns } from '../../src/catalog/turns.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { appendTo, committed, createTable, ITEMS, ORDERS, setProperties } from './catalog.js'

const TABLE = ['shop.orders']
const OTHER = ['shop.items']
const BOTH = [...TABLE, ...OTHER]
const KEY = { identifier: 'shop.orders', namespace: 'shop' }
const OTHER_KEY = { ...KEY, identifier: 'shop.items' }

interface Client {
  readonly catalog: Catalog
  readonly turns: CommitTurns
  /** Requests for items since it was asked last. */
  requests(): number
}

/** @param open the same table of items for all of a test, another for each test */
export function describeDynamoDbTurns(name: string, open: () => Promise<ItemStore>): void {
  describe(`turns on ${name}`, () => {
    let items: ItemStore
    let io: ReturnType<typeof createMemoryIO>
    let nowMs: number
    /** Waits take no time but on this clock; those that may be broken off, and are for signs of life, do not end. */
    let clock: Runtime
    let mine: Client
    let theirs: Client
    let table: LoadedTable
    beforeEach(async () => {
      items = await open()
      io = createMemoryIO()
      nowMs = 1_800_000_000_000
      clock = {
        ...systemRuntime,
        nowMs: () => nowMs,
        async sleep(ms, signal) {
          if (signal !== undefined) return new Promise(() => undefined)
          nowMs += ms
        },
      }
      mine = client(clock)
      theirs = client(clock)
      await mine.catalog.createNamespace(['shop'])
      table = await createTable(mine.catalog, ORDERS)
      await createTable(mine.catalog, ITEMS)
      mine.requests()
    })
    afterEach(() => items.close())

    function client(runtime: Runtime, store = items): Client {
      let count = 0
      const counted: ItemStore = {
        ...store,
        get(...asked) {
          count++
          return store.get(...asked)
        },
        write(...asked) {
          count++
          return store.write(...asked)
        },
        close: async () => {},
      }
      const catalog = createDynamoDbCatalog(counted, { warehouse: 'memory:/lake', io, runtime })
      const { turns } = catalog
      if (turns === undefined) throw new Error('the catalog has turns')
      const requests = (): number => {
        const asked = count
        count = 0
        return asked
      }
      return { catalog, turns, requests }
    }
    async function item(key = KEY): Promise<StoredItem> {
      const found = await items.get(key)
      if (found === undefined) throw new Error('the item is there')
      return found
    }
    async function places(key = KEY): Promise<readonly (readonly [string, string | number])[]> {
      return Object.entries(await item(key)).filter(([attribute]) => attribute.startsWith('turn.'))
    }
    /** Places of writers that have died. */
    async function plant(count: number, madeMs: string | number = nowMs, from = 0): Promise<void> {
      const at = (index: number): string => `turn.${String(from + index).padStart(8, '0')}`
      const set = Object.fromEntries(Array.from({ length: count }, (_, index) => [at(index), madeMs]))
      await items.write([{ kind: 'update', key: KEY, set }])
    }

    it('cost nothing while nobody queues', async () => {
      await mine.catalog.loadTable(ORDERS)
      expect(mine.requests()).toBe(1)
      expect(await mine.turns.wait(TABLE)).toBe('none')
      expect(mine.turns.isCrowded(TABLE)).toBe(false)
      expect(mine.requests()).toBe(0)
    })

    it('are numbers beside the attributes of the table, which stay as they are', async () => {
      const before = await item()
      const turn = await mine.turns.queue(TABLE)
      expect(mine.requests()).toBe(1)
      const [[attribute, madeMs] = [], ...others] = await places()
      expect([attribute, madeMs, others]).toEqual([expect.stringMatching(/^turn\.[0-9a-f]{8}$/), nowMs, []])
      expect(await item()).toEqual({ ...before, [attribute ?? '']: nowMs })
      await turn?.leave()
      expect(await item()).toEqual(before)
    })

    it('are known to whoever loads the table, and to whoever is refused, without a request', async () => {
      await theirs.catalog.commit([appendTo(table, 1n)])
      await theirs.turns.queue(TABLE)
      const another = client(clock)
      await another.catalog.loadTable(ORDERS)
      expect((await mine.catalog.commit([appendTo(table, 2n)])).status).toBe('conflict')
      mine.requests()
      another.requests()
      for (const { turns, requests } of [mine, another]) {
        expect(turns.isCrowded(TABLE)).toBe(true)
        expect(await turns.wait(TABLE, { waitMsMax: 0 })).toBe('not-yet')
        expect(requests()).toBe(0)
      }
    })

    it('that were seen long ago are not known any more', async () => {
      await theirs.turns.queue(TABLE)
      await mine.catalog.loadTable(ORDERS)
      nowMs += 2_000
      expect(mine.turns.isCrowded(TABLE)).toBe(false)
    })

    it('hold others up until the one in front leaves', async () => {
      const first = await theirs.turns.queue(TABLE)
      nowMs += 1
      const waiting = client({
        ...clock,
        async sleep(ms, signal) {
          await clock.sleep(ms, signal)
          if (nowMs > 1_800_000_001_000) await first?.leave()
        },
      })
      const turn = await waiting.turns.queue(TABLE)
      expect(await waiting.turns.wait(TABLE, { turn })).toBe('done')
      expect(nowMs).toBeGreaterThan(1_800_000_001_000)
    })

    it('are of one table', async () => {
      await theirs.turns.queue(OTHER)
      const turn = await mine.turns.queue(TABLE)
      expect(await mine.turns.wait(TABLE, { turn })).toBe('none')
    })

    it('are in the order of coming, by clocks that differ too', async () => {
      const slow = client({ ...clock, nowMs: () => nowMs - 60_000 })
      const first = await theirs.turns.queue(TABLE)
      await slow.catalog.loadTable(ORDERS)
      const second = await slow.turns.queue(TABLE)
      await mine.catalog.loadTable(ORDERS)
      const third = await mine.turns.queue(TABLE)
      expect(await theirs.turns.wait(TABLE, { turn: first })).toBe('none')
      expect(await slow.turns.wait(TABLE, { turn: second, waitMsMax: 100 })).toBe('not-yet')
      await first?.leave()
      expect(await mine.turns.wait(TABLE, { turn: third, waitMsMax: 100 })).toBe('not-yet')
      expect(await slow.turns.wait(TABLE, { turn: second })).toBe('done')
      await second?.leave()
      expect(await mine.turns.wait(TABLE, { turn: third })).toBe('done')
    })

    it('that have come cost nothing any more', async () => {
      const turn = await mine.turns.queue(TABLE)
      expect(await mine.turns.wait(TABLE, { turn })).toBe('none')
      nowMs += 10_000
      mine.requests()
      expect(await mine.turns.wait(TABLE, { turn })).toBe('none')
      expect(mine.requests()).toBe(0)
    })

    it('show the table to the load behind them, once', async () => {
      const first = await theirs.turns.queue(TABLE)
      nowMs += 1
      const turn = await mine.turns.queue(TABLE)
      committed(await theirs.catalog.commit([appendTo(table, 7n)], { turn: first }))
      expect(await mine.turns.wait(TABLE, { turn })).toBe('done')
      mine.requests()
      const loaded = await mine.catalog.loadTable(ORDERS, { turn })
      expect([loaded.metadata.currentSnapshotId, mine.requests()]).toEqual([7n, 0])
      await mine.catalog.loadTable(ORDERS, { turn })
      expect(mine.requests()).toBe(1)
    })

    it('are given back by the swap itself', async () => {
      const loaded = await mine.catalog.loadTable(ORDERS)
      const turn = await mine.turns.queue(TABLE)
      mine.requests()
      committed(await mine.catalog.commit([appendTo(loaded, 1n)], { turn }))
      expect([await places(), mine.requests()]).toEqual([[], 1])
      await turn?.leave()
      expect(mine.requests()).toBe(0)
    })

    it('of several tables too, and by leaving where a table was only read', async () => {
      const other = await mine.catalog.loadTable(ITEMS)
      const turn = await mine.turns.queue(BOTH)
      committed(await mine.catalog.commit([appendTo(table, 1n), appendTo(other, 2n)], { turn }))
      expect([await places(), await places(OTHER_KEY)]).toEqual([[], []])
      const again = await mine.turns.queue(BOTH)
      const now = await mine.catalog.loadTable(ORDERS)
      const read = { ...setProperties(await mine.catalog.loadTable(ITEMS), {}), updates: [] }
      committed(await mine.catalog.commit([appendTo(now, 3n), read], { turn: again }))
      expect([await places(), (await places(OTHER_KEY)).length]).toEqual([[], 1])
      await again?.leave()
      expect(await places(OTHER_KEY)).toEqual([])
    })

    it('stay when the swap is refused, and are left by closing', async () => {
      const turn = await mine.turns.queue(TABLE)
      committed(await theirs.catalog.commit([appendTo(table, 1n)]))
      expect((await mine.catalog.commit([appendTo(table, 2n)], { turn })).status).toBe('conflict')
      expect(await places()).toHaveLength(1)
      await mine.catalog.close()
      expect(await places()).toEqual([])
    })

    it('of writers that have died end, the faster the more there are', async () => {
      await plant(20)
      await mine.catalog.loadTable(ORDERS)
      const turn = await mine.turns.queue(TABLE)
      const fromMs = nowMs
      expect(await mine.turns.wait(TABLE, { turn })).toBe('done')
      expect(nowMs - fromMs).toBeLessThan(20_000)
      expect(await places()).toHaveLength(1)
    })

    it('that are old are void, and go with the next swap of anybody', async () => {
      await plant(3, nowMs - 700_000)
      await plant(1, 'what is this', 3)
      const loaded = await mine.catalog.loadTable(ORDERS)
      expect(mine.turns.isCrowded(TABLE)).toBe(false)
      const turn = await theirs.turns.queue(TABLE)
      mine.requests()
      committed(await mine.catalog.commit([appendTo(loaded, 1n)]))
      expect(mine.requests()).toBe(1)
      expect(await places()).toHaveLength(1)
      await turn?.leave()
    })

    it('do not bring a table back that was dropped, nor go on in one that is made anew or renamed', async () => {
      const turn = await mine.turns.queue(TABLE)
      await mine.catalog.dropTable(ORDERS)
      expect(await theirs.turns.queue(TABLE)).toBeUndefined()
      await turn?.leave()
      expect(await items.get(KEY)).toBeUndefined()
      await createTable(theirs.catalog, ORDERS)
      expect(await places()).toEqual([])
      await theirs.turns.queue(TABLE)
      await mine.catalog.dropTable(ITEMS)
      await mine.catalog.renameTable(ORDERS, ITEMS)
      expect(await places(OTHER_KEY)).toEqual([])
    })

    it('are not taken where many queue already', async () => {
      await plant(64)
      expect(await mine.turns.queue(TABLE)).toBeUndefined()
      expect(await places()).toHaveLength(64)
      await mine.catalog.loadTable(ORDERS)
      mine.requests()
      expect(await mine.turns.queue(TABLE)).toBeUndefined()
      expect(mine.requests()).toBe(0)
      committed(await mine.catalog.commit([appendTo(table, 1n)]))
    })

    it('that cannot be taken, left or seen are nobody’s trouble', async () => {
      await plant(1)
      const fails = async (): Promise<never> => {
        throw new LakeError('denied', 'not allowed')
      }
      const busy = { status: 'busy', cause: undefined } as const
      const unknown = { status: 'unknown', cause: undefined } as const
      for (const write of [fails, async () => busy]) {
        const denied = client(clock, { ...items, write })
        await denied.catalog.loadTable(ORDERS)
        expect(await denied.turns.queue(TABLE)).toBeUndefined()
      }
      const lost = client(clock, { ...items, write: async () => unknown })
      const turn = await lost.turns.queue(TABLE)
      expect(await lost.turns.wait(TABLE, { turn })).toBe('done')
      await turn?.leave()
      const blind = client(clock, { ...items, get: fails })
      const blinded = await blind.turns.queue(TABLE)
      expect(await blind.turns.wait(TABLE, { turn: blinded })).not.toBe('not-yet')
    })

    it('are not waited for by a caller who leaves', async () => {
      await theirs.turns.queue(TABLE)
      const turn = await mine.turns.queue(TABLE)
      const leaving = new AbortController()
      leaving.abort()
      const waiting = mine.turns.wait(TABLE, { turn, signal: leaving.signal })
      await expect(waiting).rejects.toMatchObject({ kind: 'aborted' })
    })
  })
}
