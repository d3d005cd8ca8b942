import { beforeEach, describe, expect, it } from 'vitest'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { failingIO } from '../../src/io/failing.js'
import { type ExpireOptions, type ExpireReport, expireSnapshots } from '../../src/maintenance/expire.js'
import { type ExpirePlan, type ExpirePolicy, planExpire } from '../../src/maintenance/expire-plan.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import {
  bareName,
  checkTable,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  deletionVector,
  liveNames,
  locations,
  ORDERS,
  positionDeletes,
  type World,
} from '../snapshot/world.js'

const DAY = 86_400_000

let world: World
beforeEach(async () => {
  world = await createWorld()
})

const current = (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)

async function append(name: string): Promise<LoadedTable> {
  world.runtime.advance(DAY)
  return commitFiles(world, { addedDataFiles: [await dataFile(world, name)] })
}

function expire(options: Partial<ExpireOptions> & { catalog?: Catalog } = {}): Promise<ExpireReport> {
  const { catalog = world.catalog, ...rest } = options
  return expireSnapshots(catalog, ORDERS, {
    io: world.io,
    runtime: world.runtime,
    olderThanMs: world.runtime.nowMs(),
    ...rest,
  })
}

async function update(updates: readonly TableUpdate[]): Promise<LoadedTable> {
  const outcome = await world.catalog.commit([{ identifier: ORDERS, requirements: [], updates }])
  if (outcome.status !== 'committed') throw new Error('the update was refused')
  return outcome.tables[0] as LoadedTable
}

const head = (table: LoadedTable): bigint => table.metadata.currentSnapshotId as bigint
const tag = (refName: string, snapshotId: bigint): TableUpdate => ({
  action: 'set-snapshot-ref',
  refName,
  ref: { type: 'tag', snapshotId },
})
const setMain = (snapshotId: bigint): TableUpdate => ({
  action: 'set-snapshot-ref',
  refName: 'main',
  ref: { type: 'branch', snapshotId },
})

async function dataNames(): Promise<string[]> {
  const all = await locations(world.io)
  return all
    .filter(location => /\.(parquet|puffin)$/.test(location))
    .map(bareName)
    .sort()
}

describe('expireSnapshots', () => {
  it('deletes what only expired snapshots reach and leaves every kept file', async () => {
    await createTable(world)
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a, await dataFile(world, 'b')] })
    await commitFiles(world, { addedDeleteFiles: [await positionDeletes(world, 'a', a)] })
    const last = await commitFiles(world, { removedFiles: [a], addedDataFiles: [await dataFile(world, 'c')] })
    world.runtime.advance(10)

    const report = await expire()
    expect(report.snapshotIds).toHaveLength(2)
    expect(report.counts).toMatchObject({ data: 1, 'position-deletes': 1, 'manifest-list': 2 })
    expect(report.counts.manifest).toBe(2)
    expect(report.sizeBytes).toBeGreaterThan(150)
    expect(report.failed).toEqual([])
    expect(await dataNames()).toEqual(['b', 'c'])
    const table = await current()
    expect(head(table)).toBe(head(last))
    expect(table.metadata.snapshots).toHaveLength(1)
    await checkTable(world.io, table.metadata)
    const reached = (await locations(world.io)).filter(location => location.includes('snap-'))
    expect(reached).toEqual([currentSnapshot(table.metadata)?.manifestList])
  })

  it('changes nothing in a dry run and says what it would', async () => {
    await createTable(world)
    const a = await append('a')
    await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'b')] })
    world.runtime.advance(10)
    const before = await locations(world.io)
    const dry = await expire({ dryRun: true })
    expect(dry).toMatchObject({ dryRun: true, snapshotIds: [head(a)] })
    expect(dry.counts.data).toBe(1)
    expect(await locations(world.io)).toEqual(before)
    const done = await expire()
    expect(done.files.map(file => file.location).sort()).toEqual(dry.files.map(file => file.location).sort())
  })

  it('does nothing when nothing is old enough', async () => {
    await createTable(world)
    const table = await append('a')
    expect(await expire()).toMatchObject({ snapshotIds: [], refs: [] })
    expect((await current()).metadataLocation).toBe(table.metadataLocation)
  })

  it('keeps what a tag, another branch or a staged snapshot reaches', async () => {
    await createTable(world)
    const a = await append('a')
    await update([tag('v1', head(a))])
    await commitFiles(
      world,
      { removeAll: true, addedDataFiles: [await dataFile(world, 'b')] },
      { ref: 'audit' },
    )
    const staged = await append('staged')
    await update([setMain(head(a))])
    const gone = await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'c')] })
    await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'd')] })
    world.runtime.advance(10)

    const cut = staged.metadata.snapshots.at(-1)?.timestampMs ?? 0
    const young = await expire({ olderThanMs: cut })
    expect(young.snapshotIds).toEqual([])
    const report = await expire()
    expect([...report.snapshotIds].sort()).toEqual([head(staged), head(gone)].sort())
    expect(await dataNames()).toEqual(['a', 'b', 'd'])
    await checkTable(world.io, (await current()).metadata)
    expect(await liveNames(world, await current(), 'audit')).toEqual(['b'])
  })

  it('keeps a puffin file while one of its vectors is reached', async () => {
    await createTable(world, { formatVersion: 3 })
    const [a, b] = [await dataFile(world, 'a'), await dataFile(world, 'b')]
    await commitFiles(world, { addedDataFiles: [a, b] })
    const first = await deletionVector(world, 'v', a, { offset: 4 })
    const second = await deletionVector(world, 'v', b, { offset: 44 })
    await commitFiles(world, { addedDeleteFiles: [first, second] })
    await commitFiles(world, {
      removedFiles: [first],
      addedDeleteFiles: [await deletionVector(world, 'w', a)],
    })
    world.runtime.advance(10)
    await expire()
    expect(await dataNames()).toEqual(['a', 'b', 'v', 'w'])
  })

  it('keeps a file that was removed and added again, also under another spelling of its path', async () => {
    const io = world.io
    await createTable(world)
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [{ ...a, location: 'file:/warehouse/a.parquet' }] })
    await commitFiles(world, {
      removeAll: true,
      addedDataFiles: [{ ...a, location: 'file:///warehouse/a.parquet' }],
    })
    world.runtime.advance(10)
    const deleted: string[] = []
    const watched = failingIO(io, () => undefined)
    const report = await expire({
      io: {
        ...watched,
        delete: async (files, options) => {
          deleted.push(...files)
          return io.delete(files, options)
        },
      },
    })
    expect(report.snapshotIds).toHaveLength(1)
    expect(deleted.filter(location => location.startsWith('file:'))).toEqual([])
  })

  it('deletes statistics of expired snapshots unless a kept one uses the same file', async () => {
    await createTable(world)
    const a = await append('a')
    const b = await append('b')
    const statistics = (snapshotId: bigint, statisticsPath: string): TableUpdate => ({
      action: 'set-statistics',
      statistics: { snapshotId, statisticsPath, fileSizeBytes: 5, fileFooterSizeBytes: 1, blobMetadata: [] },
    })
    const partition = (snapshotId: bigint, statisticsPath: string): TableUpdate => ({
      action: 'set-partition-statistics',
      partitionStatistics: { snapshotId, statisticsPath, fileSizeBytes: 7 },
    })
    const own = 'memory://lake/shop/own.stats'
    const shared = 'memory://lake/shop/shared.stats'
    for (const location of [own, shared]) await world.io.write(location, new Uint8Array(1))
    await update([statistics(head(a), own), partition(head(a), shared), partition(head(b), shared)])
    world.runtime.advance(10)
    const report = await expire()
    expect(report.counts.statistics).toBe(1)
    const there = await locations(world.io)
    expect([there.includes(own), there.includes(shared)]).toEqual([false, true])
  })

  it('retries beside a writer that never stops', async () => {
    await createTable(world)
    await append('a')
    await append('b')
    world.runtime.advance(10)
    let raced = false
    const catalog: Catalog = {
      ...world.catalog,
      commit: async (changes, options) => {
        if (!raced) {
          raced = true
          await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'c')] })
        }
        return world.catalog.commit(changes, options)
      },
    }
    const report = await expire({ catalog })
    expect(report.snapshotIds.length).toBeGreaterThan(0)
    const table = await current()
    expect(await liveNames(world, table)).toEqual(['c'])
    await checkTable(world.io, table.metadata)
  })

  it('refuses when the table forbids deleting, unless asked to keep files', async () => {
    await createTable(world, { properties: { 'gc.enabled': 'false' } })
    await append('a')
    await append('b')
    world.runtime.advance(10)
    await expect(expire()).rejects.toMatchObject({ kind: 'invalid-argument' })
    expect((await current()).metadata.snapshots).toHaveLength(2)
    const before = (await locations(world.io)).filter(location => !location.endsWith('.json'))
    const report = await expire({ deleteFiles: false })
    expect(report).toMatchObject({ files: [], kept: 'files were not to be deleted' })
    expect((await current()).metadata.snapshots).toHaveLength(1)
    expect((await locations(world.io)).filter(location => !location.endsWith('.json'))).toEqual(before)
  })

  it('deletes nothing when the commit is unknown', async () => {
    await createTable(world)
    await append('a')
    await append('b')
    world.runtime.advance(10)
    const before = await locations(world.io)
    const catalog = failingCatalog(world.catalog, call =>
      call.verb === 'commit' || (call.verb === 'settle' && call.phase === 'before') ? 'lost' : undefined,
    )
    await expect(expire({ catalog })).rejects.toMatchObject({ kind: 'commit-state-unknown' })
    expect(await locations(world.io)).toEqual(before)
  })

  it('deletes nothing when a kept manifest cannot be read, and reports it', async () => {
    await createTable(world)
    await append('a')
    const b = await append('b')
    world.runtime.advance(10)
    const kept = currentSnapshot(b.metadata)?.manifestList
    const io = failingIO(world.io, call =>
      call.verb === 'read' && call.location === kept
        ? Object.assign(new Error('input/output error'), { code: 'EIO' })
        : undefined,
    )
    const before = (await locations(world.io)).filter(location => !location.endsWith('.json'))
    const report = await expire({ io })
    expect(report.files).toEqual([])
    expect(report.kept).toContain('cut short')
    expect((await locations(world.io)).filter(location => !location.endsWith('.json'))).toEqual(before)
  })

  it('reports files that could not be deleted instead of failing', async () => {
    await createTable(world)
    await append('a')
    await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'b')] })
    world.runtime.advance(10)
    const stubborn = {
      ...world.io,
      delete: async (files: readonly string[]) => ({
        deleted: [],
        failed: files.map(location => ({ location, reason: 'denied' })),
      }),
    }
    const report = await expire({ io: stubborn })
    expect(report.snapshotIds).toHaveLength(1)
    expect(report.files).toEqual([])
    expect(report.failed.length).toBeGreaterThan(0)
  })

  it('passes over what an earlier clean-up already deleted', async () => {
    await createTable(world)
    const a = await append('a')
    await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'b')] })
    world.runtime.advance(10)
    await world.io.delete([currentSnapshot(a.metadata)?.manifestList ?? ''])
    const report = await expire()
    expect(report.snapshotIds).toEqual([head(a)])
    expect(report.kept).toBeUndefined()
    await checkTable(world.io, (await current()).metadata)
  })
})

describe('a ref that somebody makes while snapshots expire', () => {
  /** As Java's catalogs do: removing a snapshot drops the refs on it. */
  function droppingRefs(between: () => Promise<unknown>): Catalog {
    let done = false
    return {
      ...world.catalog,
      commit: async (changes, options) => {
        if (done) return world.catalog.commit(changes, options)
        done = true
        await between()
        const { metadata } = await current()
        const widened = changes.map(change => {
          const removed = change.updates.flatMap(each =>
            each.action === 'remove-snapshots' ? each.snapshotIds : [],
          )
          const refs = Object.entries(metadata.refs).filter(([, ref]) => removed.includes(ref.snapshotId))
          const drops = refs.map(([refName]): TableUpdate => ({ action: 'remove-snapshot-ref', refName }))
          return { ...change, updates: [...drops, ...change.updates] }
        })
        return world.catalog.commit(widened, options)
      },
    }
  }

  for (const formatVersion of [2, 3] as const) {
    it(`and that the catalog drops is made again, and nothing is deleted (v${formatVersion})`, async () => {
      await createTable(world, { formatVersion })
      const a = await append('a')
      await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'b')] })
      world.runtime.advance(10)
      const catalog = droppingRefs(() => update([tag('precious', head(a))]))
      const report = await expire({ catalog })
      expect(report.droppedRefs).toEqual([{ ref: 'precious', snapshotId: head(a), restored: true }])
      expect(report.files).toEqual([])
      expect(await dataNames()).toEqual(['a', 'b'])
      const table = await current()
      expect(table.metadata.refs.precious?.snapshotId).toBe(head(a))
      expect(await liveNames(world, table, 'precious')).toEqual(['a'])
      await checkTable(world.io, table.metadata)
    })
  }

  it('is a conflict where the catalog protects it, and the next attempt keeps its snapshot', async () => {
    await createTable(world)
    const a = await append('a')
    const b = await append('b')
    await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'c')] })
    world.runtime.advance(10)
    let raced = false
    const catalog: Catalog = {
      ...world.catalog,
      commit: async (changes, options) => {
        if (!raced) {
          raced = true
          await update([tag('precious', head(a))])
        }
        return world.catalog.commit(changes, options)
      },
    }
    const report = await expire({ catalog })
    expect(report.snapshotIds).toEqual([head(b)])
    expect(await dataNames()).toEqual(['a', 'c'])
  })

  it('on a kept snapshot does not stop the clean-up', async () => {
    await createTable(world)
    await append('a')
    const b = await commitFiles(world, { removeAll: true, addedDataFiles: [await dataFile(world, 'b')] })
    world.runtime.advance(10)
    const report = await expire({ catalog: droppingRefs(() => update([tag('fine', head(b))])) })
    expect(report.droppedRefs).toEqual([])
    expect(await dataNames()).toEqual(['b'])
    expect((await current()).metadata.refs.fine?.snapshotId).toBe(head(b))
  })
})

describe('planExpire', () => {
  const plan = (table: LoadedTable, policy: ExpirePolicy): ExpirePlan =>
    planExpire(table.metadata, { ...policy, nowMs: world.runtime.nowMs() })

  it('keeps the newest of each branch, and all that are young', async () => {
    await createTable(world)
    const ids: bigint[] = []
    for (const name of ['a', 'b', 'c', 'd']) ids.push(head(await append(name)))
    const table = await current()
    expect(plan(table, { olderThanMs: world.runtime.nowMs(), retainLast: 2 }).snapshotIds).toEqual(
      ids.slice(0, 2),
    )
    expect(plan(table, { olderThanMs: world.runtime.nowMs() - 1.5 * DAY }).snapshotIds).toEqual(
      ids.slice(0, 2),
    )
    expect(plan(table, {}).snapshotIds).toEqual([])
    world.runtime.advance(3 * DAY)
    expect(plan(table, {}).snapshotIds).toEqual(ids.slice(0, 1))
    world.runtime.advance(1)
    expect(plan(table, {}).snapshotIds).toEqual(ids.slice(0, 2))
  })

  it('gives readers without a lease an hour, however old the snapshot is', async () => {
    await createTable(world)
    const old = head(await append('a'))
    world.runtime.advance(30 * DAY)
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })
    world.runtime.advance(3_600_000 - 1)
    const table = await current()
    expect(plan(table, {})).toMatchObject({ snapshotIds: [], heldIds: [old] })
    expect(plan(table, { olderThanMs: world.runtime.nowMs() - 2 * DAY })).toMatchObject({ heldIds: [old] })
    expect(plan(table, { readerGraceMs: 3_600_000 - 1 })).toMatchObject({ snapshotIds: [old], heldIds: [] })
    // Who names a time that is nearer gives less.
    expect(plan(table, { olderThanMs: world.runtime.nowMs() }).snapshotIds).toEqual([old])
    expect(plan(table, { snapshotIds: [old] }).snapshotIds).toEqual([old])
    world.runtime.advance(1)
    expect(plan(table, {}).snapshotIds).toEqual([old])
    expect(() => plan(table, { readerGraceMs: -1 })).toThrow('not negative')
  })

  it('keeps what readers hold', async () => {
    await createTable(world)
    const ids: bigint[] = []
    for (const name of ['a', 'b', 'c']) ids.push(head(await append(name)))
    const table = await current()
    const heldIds = new Set([ids[0] as bigint, 5n])
    const inputs = { olderThanMs: world.runtime.nowMs(), nowMs: world.runtime.nowMs(), heldIds }
    expect(planExpire(table.metadata, inputs)).toEqual({
      snapshotIds: [ids[1]],
      refs: [],
      heldIds: [ids[0]],
    })
    expect(planExpire(table.metadata, { ...inputs, snapshotIds: [ids[0] as bigint] }).snapshotIds).toEqual([])
  })

  it("obeys a branch's own settings before the caller's", async () => {
    await createTable(world)
    const ids: bigint[] = []
    for (const name of ['a', 'b', 'c']) ids.push(head(await append(name)))
    const table = await update([
      {
        action: 'set-snapshot-ref',
        refName: 'main',
        ref: { type: 'branch', snapshotId: ids[2] as bigint, minSnapshotsToKeep: 2, maxSnapshotAgeMs: 1 },
      },
    ])
    world.runtime.advance(10)
    expect(plan(table, { olderThanMs: world.runtime.nowMs(), retainLast: 1 }).snapshotIds).toEqual([ids[0]])
  })

  it('drops refs that are older than they may get, never main', async () => {
    await createTable(world, { properties: { 'history.expire.max-ref-age-ms': String(2 * DAY) } })
    const a = await append('a')
    const b = await append('b')
    const table = await update([
      tag('old', head(a)),
      {
        action: 'set-snapshot-ref',
        refName: 'long',
        ref: { type: 'tag', snapshotId: head(a), maxRefAgeMs: 99 * DAY },
      },
      tag('young', head(b)),
    ])
    world.runtime.advance(1.5 * DAY)
    expect(plan(table, {})).toEqual({ snapshotIds: [], refs: ['old'], heldIds: [] })
    world.runtime.advance(10 * DAY)
    expect(plan(table, {}).refs).toEqual(['old', 'young'])
  })

  it('expires exactly the named snapshots, and refuses heads and unknown ones', async () => {
    await createTable(world)
    const a = head(await append('a'))
    const b = head(await append('b'))
    const table = await append('c')
    expect(plan(table, { snapshotIds: [b] })).toEqual({ snapshotIds: [b], refs: [], heldIds: [] })
    expect(() => plan(table, { snapshotIds: [head(table)] })).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
    expect(() => plan(table, { snapshotIds: [a, 5n] })).toThrow(
      expect.objectContaining({ kind: 'not-found' }),
    )
  })

  it('refuses limits that make no sense before it looks at anything', async () => {
    const table = await createTable(world)
    for (const policy of [
      { retainLast: 0 },
      { retainLast: -1 },
      { retainLast: 1.5 },
      { olderThanMs: Number.NaN },
      { olderThanMs: world.runtime.nowMs() + 1 },
    ]) {
      expect(() => plan(table, policy)).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
    }
  })
})
