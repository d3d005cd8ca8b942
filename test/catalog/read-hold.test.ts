/** Inspections and incremental reads keep the snapshots whose files they read, as scans do: no expiry takes them away. */
import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { createHold } from '../../src/catalog/read-hold.js'
import type { HeldLeases, ReadLease, ReadLeases } from '../../src/catalog/read-leases.js'
import type { OutputRow, Table } from '../../src/index.js'
import { METADATA_TABLE_NAMES } from '../../src/index.js'
import { type MemoryLake, openMemoryLake } from '../lake/memory-lake.js'

let opened: MemoryLake
let table: Table
let ids: readonly bigint[]
beforeEach(async () => {
  opened = await openMemoryLake()
  table = await opened.lake.createTable('ns.t', 'id bigint not null, v string', { keys: ['id'] })
  for (let id = 0n; id < 4n; id++) await table.append([{ id, v: 'a' }])
  await table.upsert([{ id: 1n, v: 'b' }])
  ids = (await table.snapshots()).map(snapshot => snapshot.snapshotId)
})
afterEach(() => opened.close())

type ExpireReport = Awaited<ReturnType<Table['expire']>>

/** Nothing but the current snapshot stays, and that with other manifests. */
async function replaceAndExpire(): Promise<ExpireReport> {
  await table.compact({ rewriteAll: true })
  return expireOld()
}

async function expireOld(): Promise<ExpireReport> {
  await systemRuntime.sleep(2)
  return table.expire({ retainLast: 1, olderThanMs: systemRuntime.nowMs(), readerGraceMs: 0 })
}

const leases = async (): Promise<readonly string[]> => readdir(opened.leaseFolder).catch(() => [])

async function collected(rows: AsyncIterable<OutputRow>): Promise<OutputRow[]> {
  const all: OutputRow[] = []
  for await (const row of rows) all.push(row)
  return all
}

const OF_A_SNAPSHOT = ['entries', 'files', 'data_files', 'delete_files', 'manifests', 'partitions'] as const

describe('an inspection', () => {
  it.each(OF_A_SNAPSHOT)('of %s reads manifests that expiry would have deleted', async name => {
    const expected = await collected(table.inspect(name).rows())
    const inspection = table.inspect(name)
    await inspection.fields()
    const report = await replaceAndExpire()
    expect(report.heldIds).toEqual([ids.at(-1)])
    expect(await collected(inspection.rows())).toEqual(expected)
    expect(await leases()).toEqual([])
    expect((await expireOld()).snapshotIds).toEqual([ids.at(-1)])
  })

  it('is held while its manifests stream', async () => {
    const expected = await collected(table.inspect('files', { select: ['file_path'] }).rows())
    const rows = table
      .inspect('files', { select: ['file_path'], limit: 100, concurrency: 1 })
      .rows()
      [Symbol.asyncIterator]()
    const read = [(await rows.next()).value]
    expect((await replaceAndExpire()).heldIds).toEqual([ids.at(-1)])
    for (let next = await rows.next(); next.done !== true; next = await rows.next()) read.push(next.value)
    expect(read).toEqual(expected)
    expect(await leases()).toEqual([])
  })

  it('of all snapshots holds them all', async () => {
    const expected = await collected(table.inspect('all_entries').rows())
    const inspection = table.inspect('all_entries')
    await inspection.fields()
    expect(new Set((await replaceAndExpire()).heldIds)).toEqual(new Set(ids))
    expect(await collected(inspection.rows())).toEqual(expected)
    expect(await leases()).toEqual([])
    expect((await expireOld()).snapshotIds).toHaveLength(ids.length)
  })

  it('of another snapshot holds that one', async () => {
    const [first = 0n] = ids
    const inspection = table.inspect('files', { asOf: first, select: ['record_count'] })
    await inspection.fields()
    expect((await replaceAndExpire()).heldIds).toEqual([first])
    expect(await collected(inspection.rows({ long: 'number' }))).toEqual([{ record_count: 1 }])
  })

  it('of metadata alone holds nothing', async () => {
    const names = METADATA_TABLE_NAMES.filter(name => /^(history|refs|snapshots|metadata_log)/.test(name))
    expect(names).toHaveLength(4)
    for (const name of names) {
      const inspection = table.inspect(name)
      await inspection.fields()
      expect(await leases()).toEqual([])
      expect((await collected(inspection.rows())).length).toBeGreaterThan(0)
    }
  })

  it('lets go when it fails or is given up', async () => {
    for (const request of [{ select: ['nope'] }, { where: 'nope = 1' }, { asOf: 'no-such-ref' }]) {
      await expect(table.inspect('files', request).fields()).rejects.toBeInstanceOf(Error)
      expect(await leases()).toEqual([])
    }
    for await (const _batch of table.inspect('files').batches()) {
      expect(await leases()).toHaveLength(1)
      break
    }
    expect(await leases()).toEqual([])
  })
})

describe('an incremental read', () => {
  it('holds the snapshots of its range and what they are read against, from when it is made', async () => {
    const [, second = 0n, third = 0n, fourth = 0n] = ids
    const range = { from: second, to: fourth }
    const expected = await collected(table.changes(range).rows())
    const changes = table.changes(range)
    await changes.fields()
    expect(new Set((await replaceAndExpire()).heldIds)).toEqual(new Set([second, third, fourth]))
    expect(await collected(changes.rows())).toEqual(expected)
    expect(await leases()).toEqual([])
    expect((await expireOld()).snapshotIds).toHaveLength(3)
  })

  it('of appends holds them too', async () => {
    const appends = table.appends({ from: ids[0] })
    await appends.fields()
    expect((await replaceAndExpire()).heldIds).toContain(ids[1])
    expect(await collected(appends.rows())).toHaveLength(3)
    expect(await leases()).toEqual([])
  })

  it('lets go when it fails', async () => {
    for (const request of [{ from: 7n }, { select: ['nope'] }, { where: 'nope = 1' }, { keys: ['nope'] }])
      await expect(table.changes(request).fields()).rejects.toBeInstanceOf(Error)
    expect(await leases()).toEqual([])
  })
})

describe('a hold', () => {
  /** Leases that are remembered, each as what it is pinned to. */
  function recordedLeases(): ReadLeases & { readonly standing: Set<{ pinned: bigint | undefined | 'new' }> } {
    const standing = new Set<{ pinned: bigint | undefined | 'new' }>()
    return {
      standing,
      async open(): Promise<ReadLease> {
        const lease: { pinned: bigint | undefined | 'new' } = { pinned: 'new' }
        standing.add(lease)
        return {
          async pin(snapshotId) {
            lease.pinned = snapshotId
          },
          renew: async () => undefined,
          async release() {
            standing.delete(lease)
          },
        }
      },
      held: async (): Promise<HeldLeases> => ({ snapshotIds: new Set(), unpinned: 0 }),
      close: async () => undefined,
    }
  }
  const pins = (held: ReturnType<typeof recordedLeases>): readonly unknown[] =>
    [...held.standing].map(lease => lease.pinned)

  it('names each snapshot while there are not too many, and then none', async () => {
    for (const count of [0, 1, 3, 256, 257]) {
      const held = recordedLeases()
      const hold = createHold(held)
      const snapshots = Array.from({ length: count }, (_, at) => BigInt(at))
      await hold.load(
        async () => undefined,
        () => snapshots,
      )
      if (count === 0) expect(pins(held)).toEqual([undefined])
      else if (count === 257) expect(pins(held)).toEqual(['new'])
      else expect(new Set(pins(held))).toEqual(new Set(snapshots))
      await hold.during(async () => undefined)
      expect(pins(held)).toEqual([])
    }
  })

  it('is taken again by a second use, and let go behind the last of several', async () => {
    const held = recordedLeases()
    const hold = createHold(held)
    await hold.load(
      async () => undefined,
      () => [1n, 2n],
    )
    await hold.during(async () => undefined)
    expect(pins(held)).toEqual([])
    await hold.during(async () => {
      await hold.during(async () => undefined)
      expect(new Set(pins(held))).toEqual(new Set([1n, 2n]))
    })
    expect(pins(held)).toEqual([])
  })
})
