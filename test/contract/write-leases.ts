/**
 * One suite for every catalog with write leases: whatever a writer and a cleaner do in whichever order, either the cleaner
 * keeps the files or the swap is refused.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, CommitOutcome, LoadedTable, SwapOptions } from '../../src/catalog/catalog.js'
import {
  CLEANED_BEFORE,
  fenceFor,
  WRITE_LEASE_MS,
  type WriteLease,
  type WriteLeases,
} from '../../src/catalog/write-leases.js'
import type { FileIO } from '../../src/io/file-io.js'
import { appendTo, committed, createTable, ITEMS, metadataFiles, ORDERS, setProperties } from './catalog.js'

export interface WriteLeasesUnderTest {
  readonly catalog: Catalog
  readonly io: FileIO
  /** Another client of the same catalog. */
  another(): Promise<Catalog>
  close(): Promise<void>
}

const MINUTE_MS = 60_000

export function describeWriteLeases(
  name: string,
  open: (runtime: Runtime) => Promise<WriteLeasesUnderTest>,
): void {
  describe(`the write lease contract: ${name}`, () => {
    let world: WriteLeasesUnderTest
    let catalog: Catalog
    let leases: WriteLeases
    let table: LoadedTable
    let nowMs: number
    const runtime: Runtime = { ...systemRuntime, nowMs: () => nowMs }
    beforeEach(async () => {
      nowMs = Date.UTC(2026, 0, 1)
      world = await open(runtime)
      catalog = world.catalog
      leases = leasesOf(catalog)
      await catalog.createNamespace(['shop'])
      table = await createTable(catalog, ORDERS)
    })
    afterEach(() => world.close())

    function leasesOf(of: Catalog): WriteLeases {
      if (of.writeLeases === undefined) throw new Error('the catalog has no write leases')
      return of.writeLeases
    }
    const tableUuid = (): string => table.metadata.tableUuid ?? ''
    async function openLease(operationUuid: string, of: WriteLeases = leases): Promise<WriteLease> {
      const lease = await of.open({ tableUuid: tableUuid(), operationUuid })
      if (lease === undefined) throw new Error('no lease was to be had')
      return lease
    }
    /** What a cleaner does before it deletes. */
    async function clean(of: Catalog, olderThanMs: number): Promise<ReadonlySet<string>> {
      const now = await of.loadTable(ORDERS)
      const fence = { [CLEANED_BEFORE]: fenceFor(now.metadata, { olderThanMs, nowMs }) }
      committed(await of.commit([setProperties(now, fence)]))
      return leasesOf(of).standing(tableUuid())
    }
    async function append(id: bigint, options: SwapOptions): Promise<CommitOutcome> {
      return catalog.commit([appendTo(await catalog.loadTable(ORDERS), id)], options)
    }

    it('operations stand for all to see, by table, until they are released', async () => {
      const other = leasesOf(await world.another())
      expect(await other.standing(tableUuid())).toEqual(new Set())
      const a = await openLease('op-a')
      const b = await openLease('op-b')
      await leases.open({ tableUuid: 'another-table', operationUuid: 'op-c' })
      expect(await other.standing(tableUuid())).toEqual(new Set(['op-a', 'op-b']))
      await a.release()
      await a.release()
      expect(await other.standing(tableUuid())).toEqual(new Set(['op-b']))
      await b.release()
      expect(await other.standing('another-table')).toEqual(new Set(['op-c']))
    })

    it('a commit with a lease that stands lands, and goes on standing', async () => {
      const lease = await openLease('op')
      committed(await append(1n, { leases: [lease] }))
      committed(await append(2n, { leases: [lease] }))
      expect(await leases.standing(tableUuid())).toEqual(new Set(['op']))
    })

    it('a lease that lapsed is ended by the next cleaner, and its commits are refused and leave no file', async () => {
      const lease = await openLease('op')
      const fine = await openLease('fine')
      nowMs += WRITE_LEASE_MS + 1
      // Nobody has cleaned: the files are there.
      committed(await append(1n, { leases: [lease] }))
      await fine.renew()
      expect(await leasesOf(await world.another()).standing(tableUuid())).toEqual(new Set(['fine']))
      const before = await metadataFiles(world.io, table)
      const refused = await append(2n, { leases: [fine, lease] })
      expect(refused).toMatchObject({ status: 'conflict', isLapsed: true, identifier: ORDERS })
      expect(await metadataFiles(world.io, table)).toEqual(before)
      committed(await append(3n, { leases: [fine] }))
    })

    it('an ended lease does not come back by being renewed', async () => {
      const lease = await openLease('op')
      nowMs += WRITE_LEASE_MS + 1
      await leases.standing(tableUuid())
      await lease.renew()
      expect(await leases.standing(tableUuid())).toEqual(new Set())
      expect(await append(1n, { leases: [lease] })).toMatchObject({ status: 'conflict', isLapsed: true })
    })

    it('a lease that is renewed now and then stands for days', async () => {
      const lease = await openLease('op')
      for (let hour = 0; hour < 48; hour++) {
        nowMs += 60 * MINUTE_MS
        await lease.renew()
      }
      expect(await leases.standing(tableUuid())).toEqual(new Set(['op']))
    })

    it('closing a catalog gives up its leases, and a released one is no good for commits', async () => {
      const other = await world.another()
      await openLease('theirs', leasesOf(other))
      const lease = await openLease('op')
      await lease.release()
      expect(await append(1n, { leases: [lease] })).toMatchObject({ status: 'conflict', isLapsed: true })
      await leasesOf(other).close()
      expect(await leases.standing(tableUuid())).toEqual(new Set())
    })

    it('a commit of several tables needs all its leases', async () => {
      if (!catalog.multiTable) return
      const items = await createTable(catalog, ITEMS)
      const mine = await openLease('op-orders')
      const theirs = await leases.open({
        tableUuid: items.metadata.tableUuid ?? '',
        operationUuid: 'op-items',
      })
      const both = () => [appendTo(table, 1n), appendTo(items, 2n)]
      nowMs += WRITE_LEASE_MS + 1
      await leases.standing(items.metadata.tableUuid ?? '')
      expect(await catalog.commit(both(), { leases: [mine, theirs!] })).toMatchObject({ isLapsed: true })
      expect((await catalog.loadTable(ORDERS)).metadataLocation).toBe(table.metadataLocation)
      committed(await catalog.commit(both(), { leases: [mine] }))
    })

    describe('the fence', () => {
      it('holds up files that a cleaner may delete, and lets younger ones pass', async () => {
        const sinceMs = nowMs
        nowMs += 24 * 60 * MINUTE_MS
        committed(await append(1n, { sinceMs }))
        await clean(await world.another(), nowMs - 12 * 60 * MINUTE_MS)
        expect(await append(2n, { sinceMs })).toMatchObject({ status: 'conflict', isLapsed: true })
        committed(await append(3n, { sinceMs: nowMs - 60 * MINUTE_MS }))
        committed(await append(4n, {}))
      })

      it('that lets even the newest files go lets those pass that were begun behind it', async () => {
        const sinceMs = nowMs
        nowMs += 1_000
        await clean(await world.another(), nowMs)
        committed(await append(1n, {}))
        committed(await append(2n, { sinceMs: nowMs }))
        expect(await append(3n, { sinceMs })).toMatchObject({ status: 'conflict', isLapsed: true })
      })

      it('lets the operation pass whose lease the cleaner saw', async () => {
        const lease = await openLease('op')
        nowMs += 5 * 60 * MINUTE_MS
        expect(await clean(await world.another(), nowMs - 60 * MINUTE_MS)).toEqual(new Set(['op']))
        committed(await append(1n, { leases: [lease] }))
      })

      it('never goes back', async () => {
        const sinceMs = nowMs - 60 * MINUTE_MS
        await clean(catalog, nowMs)
        const behind = await catalog.loadTable(ORDERS)
        expect(fenceFor(behind.metadata, { olderThanMs: 0, nowMs })).toBe(String(nowMs))
        expect(await append(1n, { sinceMs })).toMatchObject({ isLapsed: true })
      })
    })
  })
}
