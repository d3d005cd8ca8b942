import { beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.js'
import { type CatalogFailure, type FailingCatalogCall, failingCatalog } from '../../src/catalog/failing.js'
import {
  type CommitEvent,
  commitTables,
  type TableAction,
  type TableChange,
} from '../../src/commit/commit-loop.js'
import { failingIO } from '../../src/io/failing.js'
import {
  checkTable,
  commit,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  fileAction,
  liveNames,
  locations,
  ORDERS,
  type World,
} from '../snapshot/world.js'

let world: World
let base: LoadedTable
beforeEach(async () => {
  world = await createWorld()
  base = await createTable(world)
})

const current = (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)

/** The world seen through a catalog that fails on demand. */
function through(decide: (call: FailingCatalogCall) => CatalogFailure): World {
  return { ...world, catalog: failingCatalog(world.catalog, decide) }
}

function watch(action: TableAction): { action: TableAction; changes: TableChange[] } {
  const changes: TableChange[] = []
  return {
    changes,
    action: async (from, attempt) => {
      const change = await action(from, attempt)
      if (change !== 'unchanged') changes.push(change)
      return change
    },
  }
}

function addedId(change: TableChange | undefined): bigint | undefined {
  for (const update of change?.updates ?? [])
    if (update.action === 'add-snapshot') return update.snapshot.snapshotId
  return undefined
}

async function appendOf(name: string): Promise<TableAction> {
  return fileAction(world, { addedDataFiles: [await dataFile(world, name)] })
}

describe('a conflict', () => {
  it('is retried on the new base: same snapshot id, manifests reused, a new list, the old list deleted', async () => {
    const other = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'other')] })
    const watched = watch(await appendOf('mine'))
    const events: CommitEvent[] = []
    const result = await commit(world, [{ identifier: ORDERS, base, action: watched.action }], {
      onEvent: event => events.push(event),
    })

    expect(result.attempts).toBe(2)
    const [first, second] = watched.changes
    expect(addedId(second)).toBe(addedId(first))
    expect(second?.written[0]).toBe(first?.written[0])
    expect(second?.written[1]).not.toBe(first?.written[1])
    const there = await locations(world.io)
    expect(there).toContain(first?.written[0])
    expect(there).not.toContain(first?.written[1])
    expect(events.map(event => event.type)).toEqual(['conflict', 'retry', 'committed', 'cleaned'])
    expect(events[0]).toMatchObject({ requirement: { type: 'assert-ref-snapshot-id', ref: 'main' } })
    expect(await liveNames(world, await current())).toEqual(['mine', 'other'])
    expect((await current()).metadata.snapshots.at(-1)?.parentSnapshotId).toBe(
      other.metadata.currentSnapshotId,
    )
    await checkTable(world.io, (await current()).metadata)
  })

  it('waits longer each time within the table limits, and gives up after commit.retry.num-retries', async () => {
    const busy = await createTable(world, {
      name: 'busy',
      properties: {
        'commit.retry.num-retries': '3',
        'commit.retry.min-wait-ms': '1000',
        'commit.retry.max-wait-ms': '3000',
      },
    })
    const inner = fileAction(world, { addedDataFiles: [await dataFile(world, 'mine')] })
    const before = await locations(world.io)
    let discarded = 0
    const overtaken: TableAction = async (from, attempt) => {
      const change = await inner(from, attempt)
      await commitFiles(
        world,
        { addedDataFiles: [await dataFile(world, `other${attempt.number}`)] },
        { identifier: busy.identifier },
      )
      return change
    }
    const target = {
      identifier: busy.identifier,
      action: overtaken,
      discard: async () => {
        discarded++
      },
    }
    await expect(commit(world, [target])).rejects.toMatchObject({
      kind: 'conflict',
      context: { table: 'shop.busy', attempts: 4 },
    })
    expect(world.runtime.sleeps).toHaveLength(3)
    const [first, second, third] = world.runtime.sleeps as [number, number, number]
    expect([
      first >= 500 && first <= 1000,
      second >= 750 && second <= 1500,
      third >= 1125 && third <= 2250,
    ]).toEqual([true, true, true])
    expect(discarded).toBe(1)
    const mine = (await locations(world.io)).filter(
      location => !before.includes(location) && !/other|metadata.json/.test(location),
    )
    const reached = new Set<string>()
    for (const { manifestList } of (await world.catalog.loadTable(busy.identifier)).metadata.snapshots)
      reached.add(manifestList ?? '')
    expect(mine.filter(location => location.includes('snap-')).every(location => reached.has(location))).toBe(
      true,
    )
    await checkTable(world.io, (await world.catalog.loadTable(busy.identifier)).metadata)
  })

  it('is tried once when no retries are allowed', async () => {
    await commitFiles(world, {})
    let calls = 0
    const inner = await appendOf('mine')
    const action: TableAction = (from, attempt) => {
      calls++
      return inner(from, attempt)
    }
    await expect(
      commit(world, [{ identifier: ORDERS, base, action }], { retry: { retriesMax: 0 } }),
    ).rejects.toMatchObject({ kind: 'conflict' })
    expect(calls).toBe(1)
  })

  it('said by an action ends the commit at once, and what the attempt wrote is deleted', async () => {
    const other = await createTable(world, { name: 'other' })
    const append = await appendOf('a')
    const before = await locations(world.io)
    const refuse: TableAction = async () => {
      throw new LakeError('conflict', 'a rule is broken', { context: { rule: 'files-live' } })
    }
    await expect(
      commit(world, [
        { identifier: ORDERS, action: append },
        { identifier: other.identifier, action: refuse },
      ]),
    ).rejects.toMatchObject({ kind: 'conflict', context: { rule: 'files-live' } })
    expect(await locations(world.io)).toEqual(before)
  })

  it('is what a base is that was expired under the action', async () => {
    const withFile = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })
    await world.io.delete([withFile.metadata.snapshots[0]?.manifestList ?? ''])
    const result = await commit(world, [{ identifier: ORDERS, base: withFile, action: await appendOf('c') }])
    expect(result.attempts).toBe(2)
    expect(await liveNames(world, await current())).toEqual(['a', 'b', 'c'])
  })

  it('is what an upgrade of the table under the action is', async () => {
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    const old = await current()
    await world.catalog.commit([
      {
        identifier: ORDERS,
        requirements: [],
        updates: [{ action: 'upgrade-format-version', formatVersion: 3 }],
      },
    ])
    const result = await commit(world, [{ identifier: ORDERS, base: old, action: await appendOf('b') }])
    expect(result.attempts).toBe(2)
    expect(result.tables[0]?.metadata.nextRowId).toBe(20n)
  })
})

describe('an unknown outcome', () => {
  const lostOnce = (phase: 'before' | 'after') => {
    let lost = false
    return (call: FailingCatalogCall): CatalogFailure => {
      if (lost || call.verb !== 'commit' || call.phase !== phase) return undefined
      lost = true
      return 'lost'
    }
  }

  it('whose commit landed is found and not repeated', async () => {
    const result = await commit(through(lostOnce('after')), [
      { identifier: ORDERS, action: await appendOf('a') },
    ])
    expect(result).toMatchObject({ attempts: 1, changed: [true] })
    expect((await current()).metadata.snapshots).toHaveLength(1)
    await checkTable(world.io, (await current()).metadata)
  })

  it('whose request never arrived is sent again, identically', async () => {
    const result = await commit(through(lostOnce('before')), [
      { identifier: ORDERS, action: await appendOf('a') },
    ])
    expect(result.attempts).toBe(1)
    expect(await liveNames(world, await current())).toEqual(['a'])
  })

  it('that turns out to be a refusal is retried, and its files stay', async () => {
    const decide = lostOnce('before')
    const watched = watch(await appendOf('a'))
    let overtaken = false
    const lossy = through(call => {
      const failure = decide(call)
      return failure
    })
    const catalog: Catalog = {
      ...lossy.catalog,
      settle: async (attempt, options) => {
        if (!overtaken) await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })
        overtaken = true
        return lossy.catalog.settle(attempt, options)
      },
    }
    const result = await commit({ ...world, catalog }, [{ identifier: ORDERS, action: watched.action }])
    expect(result.attempts).toBe(2)
    expect(await liveNames(world, await current())).toEqual(['a', 'b'])
    const there = await locations(world.io)
    for (const change of watched.changes)
      for (const location of change.written) expect(there).toContain(location)
  })

  it('that stays open is commit-state-unknown, and nothing at all is deleted', async () => {
    let deleted = 0
    let discarded = 0
    const io = failingIO(world.io, call => {
      if (call.verb === 'delete') deleted++
      return undefined
    })
    const lossy = through(call => (call.verb === 'commit' || call.verb === 'settle' ? 'lost' : undefined))
    const watched = watch(await appendOf('a'))
    const target = {
      identifier: ORDERS,
      action: watched.action,
      discard: async () => {
        discarded++
      },
    }
    const failed = commit({ ...lossy, io }, [target], { retry: { statusChecksMax: 3, statusWaitMsMin: 10 } })
    await expect(failed).rejects.toMatchObject({
      kind: 'commit-state-unknown',
      context: { tables: ['shop.orders'] },
    })
    expect([deleted, discarded]).toEqual([0, 0])
    for (const location of watched.changes[0]?.written ?? []) await world.io.stat(location)
  })

  it('stays unknown when the caller aborts while it is looked at', async () => {
    const abort = new AbortController()
    const lossy = through(call => {
      if (call.verb !== 'commit' && call.verb !== 'settle') return undefined
      abort.abort()
      return 'lost'
    })
    const runtime = {
      ...world.runtime,
      sleep: async () => {
        throw new LakeError('aborted', 'the operation was aborted')
      },
    }
    await expect(
      commit({ ...lossy, runtime }, [{ identifier: ORDERS, action: await appendOf('a') }], {
        signal: abort.signal,
      }),
    ).rejects.toMatchObject({ kind: 'commit-state-unknown' })
  })

  it('keeps every file when an earlier attempt was refused and a later one is unknown', async () => {
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'other')] })
    const watched = watch(await appendOf('mine'))
    let commits = 0
    const lossy = through(call => {
      if (call.verb === 'commit' && call.phase === 'before') commits++
      return commits > 1 && (call.verb === 'commit' || call.verb === 'settle') ? 'lost' : undefined
    })
    await expect(commit(lossy, [{ identifier: ORDERS, base, action: watched.action }])).rejects.toMatchObject(
      {
        kind: 'commit-state-unknown',
      },
    )
    const there = await locations(world.io)
    expect(watched.changes).toHaveLength(2)
    for (const change of watched.changes)
      for (const location of change.written) expect(there).toContain(location)
  })
})

describe('a catalog that breaks its contract', () => {
  it('and throws after the swap does not make us delete what landed', async () => {
    const broken: Catalog = {
      ...world.catalog,
      commit: async (changes, options) => {
        await world.catalog.commit(changes, options)
        throw new LakeError('unavailable', 'the log of old metadata could not be cleaned')
      },
    }
    const result = await commit({ ...world, catalog: broken }, [
      { identifier: ORDERS, action: await appendOf('a') },
    ])
    expect(result.changed).toEqual([true])
    await checkTable(world.io, (await current()).metadata)
  })

  it('and calls a commit refused that had landed is not believed', async () => {
    let sent = false
    const broken: Catalog = {
      ...world.catalog,
      commit: async (changes, options) => {
        if (sent) return world.catalog.commit(changes, options)
        sent = true
        await world.catalog.commit(changes, options)
        return { status: 'unknown', attempt: { changes }, cause: undefined }
      },
      settle: async attempt => ({
        status: 'conflict',
        identifier: attempt.changes[0]?.identifier ?? ORDERS,
        reason: 'moved',
      }),
    }
    const append = await appendOf('a')
    const action: TableAction = (from, attempt) => {
      if (attempt.number > 1)
        throw new LakeError('conflict', 'our own commit looks like that of somebody else')
      return append(from, attempt)
    }
    const result = await commit({ ...world, catalog: broken }, [{ identifier: ORDERS, action }])
    expect(result.tables[0]?.metadata.snapshots).toHaveLength(1)
    expect(result.changed).toEqual([true])
    expect((await current()).metadata.snapshots).toHaveLength(1)
  })

  // A proxy that sends a request again shows the second answer: a refusal, by the first one's commit.
  for (const andOthers of [false, true])
    it(`and shows the refusal of a request that came twice${andOthers ? ', behind another commit,' : ''} neither doubles nor deletes it`, async () => {
      let sent = 0
      const twice: Catalog = {
        ...world.catalog,
        commit: async (changes, options) => {
          if (sent++ > 0) return world.catalog.commit(changes, options)
          await world.catalog.commit(changes, options)
          if (andOthers) await commitFiles(world, { addedDataFiles: [await dataFile(world, 'other')] })
          return world.catalog.commit(changes, options)
        },
      }
      const events: string[] = []
      let discarded = 0
      const target = {
        identifier: ORDERS,
        action: await appendOf('a'),
        discard: async () => {
          discarded++
        },
      }
      const result = await commit({ ...world, catalog: twice }, [target], {
        onEvent: event => events.push(event.type),
      })
      expect(result.changed).toEqual([true])
      expect(discarded).toBe(0)
      expect(events).toContain('unknown')
      expect(await liveNames(world, await current())).toEqual(andOthers ? ['a', 'other'] : ['a'])
      await checkTable(world.io, (await current()).metadata)
    })

  it('and lets a refused request land later does not make us delete what landed', async () => {
    let late: (() => Promise<unknown>) | undefined
    const proxy: Catalog = {
      ...world.catalog,
      commit: async (changes, options) => {
        if (late !== undefined) {
          await late()
          return world.catalog.commit(changes, options)
        }
        late = () => world.catalog.commit(changes, options)
        return { status: 'conflict', identifier: ORDERS, reason: 'moved' }
      },
    }
    const result = await commit({ ...world, catalog: proxy }, [
      { identifier: ORDERS, action: await appendOf('a') },
    ])
    expect(result.changed).toEqual([true])
    expect(await liveNames(world, await current())).toEqual(['a'])
    await checkTable(world.io, (await current()).metadata)
  })

  it('and throws what is no LakeError leaves everything in place', async () => {
    const before = await locations(world.io)
    const broken: Catalog = {
      ...world.catalog,
      commit: async () => {
        throw new TypeError('a bug')
      },
    }
    await expect(
      commit({ ...world, catalog: broken }, [{ identifier: ORDERS, action: await appendOf('a') }]),
    ).rejects.toThrow(TypeError)
    expect((await locations(world.io)).length).toBe(before.length + 3)
  })
})

describe('several tables', () => {
  it('are committed together, and all acted on again when one was overtaken', async () => {
    const items = await createTable(world, { name: 'items' })
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'other')] })
    const [orders, rows] = [watch(await appendOf('o')), watch(await appendOf('i'))]
    const result = await commit(world, [
      { identifier: items.identifier, base: items, action: rows.action },
      { identifier: ORDERS, base, action: orders.action },
    ])
    expect(result.attempts).toBe(2)
    expect([orders.changes.length, rows.changes.length]).toEqual([2, 2])
    expect(result.tables.map(table => table.identifier.name)).toEqual(['items', 'orders'])
    expect(await liveNames(world, await current())).toEqual(['o', 'other'])
    expect(await liveNames(world, result.tables[0] as LoadedTable)).toEqual(['i'])
    for (const table of result.tables) await checkTable(world.io, table.metadata)
  })

  it('leave out those that do not change', async () => {
    const items = await createTable(world, { name: 'items' })
    const result = await commit(world, [
      { identifier: ORDERS, action: async () => 'unchanged' },
      { identifier: items.identifier, action: await appendOf('i') },
    ])
    expect(result.changed).toEqual([false, true])
    expect(result.tables[0]?.metadataLocation).toBe(base.metadataLocation)
  })

  it('need a catalog that can do it', async () => {
    const items = await createTable(world, { name: 'items' })
    const before = (await locations(world.io)).length
    const single = { ...world, catalog: { ...world.catalog, multiTable: false } }
    const targets = [
      { identifier: ORDERS, action: await appendOf('o') },
      { identifier: items.identifier, action: await appendOf('i') },
    ]
    await expect(commit(single, targets)).rejects.toMatchObject({ kind: 'unsupported' })
    expect((await locations(world.io)).length).toBe(before + 2)
  })

  it('are named once each', async () => {
    const action: TableAction = async () => 'unchanged'
    await expect(
      commit(world, [
        { identifier: ORDERS, action },
        { identifier: ORDERS, action },
      ]),
    ).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('a commit that is aborted', () => {
  it('while it waits to retry leaves the table and no files', async () => {
    await commitFiles(world, {})
    const abort = new AbortController()
    const action = await appendOf('a')
    const before = await locations(world.io)
    const runtime = {
      ...world.runtime,
      sleep: async () => {
        abort.abort()
        throw new LakeError('aborted', 'the operation was aborted')
      },
    }
    await expect(
      commit({ ...world, runtime }, [{ identifier: ORDERS, base, action }], { signal: abort.signal }),
    ).rejects.toMatchObject({ kind: 'aborted' })
    expect(await locations(world.io)).toEqual(before)
  })
})

class Death extends Error {}

describe('a process that dies', () => {
  /** Runs an overtaken append of two tables and dies at the given step; returns false when there was no such step. */
  async function dieAt(step: number): Promise<boolean> {
    let at = 0
    let isDead = false
    let isArmed = false
    const tick = (): Error | undefined => {
      if (!isArmed) return undefined
      if (isDead || at++ === step) {
        isDead = true
        return new Death(`step ${step}`)
      }
      return undefined
    }
    const memory = (await createWorld()).io
    const mortal = await createWorld({ io: failingIO(memory, tick) })
    const orders = await createTable(mortal)
    const items = await createTable(mortal, { name: 'items' })
    const [a, b, c, d] = await Promise.all(['a', 'b', 'c', 'd'].map(name => dataFile(mortal, name)))
    if (a === undefined || b === undefined || c === undefined || d === undefined)
      throw new Error('four files')
    await commitFiles(mortal, { addedDataFiles: [a, b] })
    const stale = await mortal.catalog.loadTable(ORDERS)
    await commitFiles(mortal, { addedDataFiles: [await dataFile(mortal, 'e')] })
    const catalog = failingCatalog(mortal.catalog, tick)
    const targets = [
      {
        identifier: ORDERS,
        base: stale,
        action: fileAction(mortal, { addedDataFiles: [c], removedFiles: [a] }),
      },
      { identifier: items.identifier, base: items, action: fileAction(mortal, { addedDataFiles: [d] }) },
    ]
    isArmed = true
    const outcome = await commitTables(catalog, targets, { io: mortal.io, runtime: mortal.runtime }).then(
      () => 'committed',
      (error: unknown) => {
        expect(error).toBeInstanceOf(Death)
        return 'dead'
      },
    )
    isArmed = false
    const [nowOrders, nowItems] = [
      await mortal.catalog.loadTable(orders.identifier),
      await mortal.catalog.loadTable(items.identifier),
    ]
    await checkTable(memory, nowOrders.metadata)
    await checkTable(memory, nowItems.metadata)
    const names = [await liveNames(mortal, nowOrders), await liveNames(mortal, nowItems)].map(each =>
      each.join(),
    )
    expect([
      ['a,b,e', ''],
      ['b,c,e', 'd'],
    ]).toContainEqual(names)
    if (outcome === 'committed') expect(names[1]).toBe('d')
    return outcome === 'dead'
  }

  it('at any step leaves both tables as they were or both as they were to be, and every reachable file whole', async () => {
    let steps = 0
    while (await dieAt(steps)) steps++
    expect(steps).toBeGreaterThan(20)
  })
})
