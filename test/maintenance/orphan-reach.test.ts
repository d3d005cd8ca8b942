/** What orphan removal takes for needed: all that live snapshots reach, and of expired ones what is still there. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { type ExpireOptions, expireSnapshots } from '../../src/maintenance/expire.js'
import { type AlsoNeeded, createReachWalk, type ReachWalk } from '../../src/maintenance/orphan-reach.js'
import type { DataFile } from '../../src/manifest/content-file.js'
import { readManifestList } from '../../src/manifest/manifest-list-read.js'
import { currentSnapshot } from '../../src/metadata/lookup.js'
import type { Snapshot } from '../../src/metadata/table-metadata.js'
import {
  bareName,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  locations,
  ORDERS,
  type World,
} from '../snapshot/world.js'

const DAY = 86_400_000
const FOREVER: AlsoNeeded = { currentSinceMs: 0, heldIds: new Set() }
/** No state but the present one. */
const NOW_ONLY: AlsoNeeded = { currentSinceMs: Number.POSITIVE_INFINITY, heldIds: new Set() }

let world: World
/** Snapshots that replace each other's file: `old` and `middle` expire, `live` stays. */
let old: Written
let middle: Written
let live: Written

interface Written {
  readonly file: DataFile
  readonly snapshot: Snapshot
  readonly manifests: readonly string[]
}

beforeEach(async () => {
  world = await createWorld()
  await createTable(world)
  old = await replace('old', undefined)
  middle = await replace('middle', old.file)
  live = await replace('live', middle.file)
})

/** A day of its own, so that states are told apart by age. */
async function replace(name: string, removed: DataFile | undefined): Promise<Written> {
  world.runtime.advance(DAY)
  const file = await dataFile(world, name)
  const { metadata } = await commitFiles(world, {
    addedDataFiles: [file],
    removedFiles: removed === undefined ? [] : [removed],
  })
  const snapshot = currentSnapshot(metadata)
  if (snapshot === undefined) throw new Error('nothing was committed')
  const manifests = await readManifestList(world.io, snapshot)
  return { file, snapshot, manifests: manifests.map(({ location }) => location) }
}

const current = (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)

/** Forgets `old` and `middle`. */
async function expire(options: Pick<ExpireOptions, 'deleteFiles'>): Promise<void> {
  world.runtime.advance(DAY)
  const { io, runtime, catalog } = world
  const report = await expireSnapshots(catalog, ORDERS, {
    io,
    runtime,
    olderThanMs: runtime.nowMs(),
    readerGraceMs: 0,
    ...options,
  })
  expect(report.snapshotIds).toEqual([old.snapshot.snapshotId, middle.snapshot.snapshotId])
}

function walkInto(reached: Set<string>): ReachWalk {
  return createReachWalk(world.io, { onReached: location => reached.add(location) })
}

async function reachedBy(also: AlsoNeeded): Promise<ReadonlySet<string>> {
  const reached = new Set<string>()
  await walkInto(reached).visit(await current(), also)
  return reached
}

function listOf({ snapshot }: Written): string {
  if (snapshot.manifestList === undefined) throw new Error('the snapshot has no list')
  return snapshot.manifestList
}

/** The manifest that is of that snapshot alone. */
function manifestOf({ manifests }: Written): string {
  const [own] = manifests
  if (own === undefined) throw new Error('the snapshot has no manifest')
  return own
}

const present = async (kind: RegExp): Promise<string[]> =>
  (await locations(world.io)).filter(location => kind.test(location))

describe('what a table reaches', () => {
  it('is everything in it before anything has expired', async () => {
    expect([...(await reachedBy(NOW_ONLY))].sort()).toEqual(await locations(world.io))
  })

  it('is of expired snapshots what states that were current a short time ago reach', async () => {
    await expire({ deleteFiles: false })
    const whole = await reachedBy({ ...FOREVER, currentSinceMs: world.runtime.nowMs() - 1 })
    expect([...whole].sort()).toEqual(await locations(world.io))
    const now = await reachedBy(NOW_ONLY)
    expect([live.file.location, listOf(live), ...live.manifests].every(each => now.has(each))).toBe(true)
    for (const gone of [old.file.location, listOf(old), listOf(middle)]) expect(now).not.toContain(gone)
  })

  it('passes over the lists of expired snapshots that the expiry deleted', async () => {
    await expire({ deleteFiles: true })
    expect(await present(/snap-/)).toEqual([listOf(live)])
    const reached = await reachedBy(FOREVER)
    expect([...reached]).toEqual(expect.arrayContaining(await locations(world.io)))
  })

  it('keeps what the other expired snapshots reach when the list of one is gone', async () => {
    await expire({ deleteFiles: false })
    await world.io.delete([listOf(old)])
    const reached = await reachedBy(FOREVER)
    const needed = [listOf(middle), ...middle.manifests, middle.file.location, live.file.location]
    for (const each of needed) expect(reached).toContain(each)
  })

  it('keeps what the other manifests of an expired snapshot hold when one is gone', async () => {
    await expire({ deleteFiles: false })
    await world.io.delete([manifestOf(old)])
    const reached = await reachedBy(FOREVER)
    for (const each of [listOf(old), listOf(middle), middle.file.location]) expect(reached).toContain(each)
    expect(reached).not.toContain(old.file.location)
  })

  it('is of an old state only what a reader holds', async () => {
    await expire({ deleteFiles: false })
    const held = { ...NOW_ONLY, heldIds: new Set([old.snapshot.snapshotId]) }
    const reached = await reachedBy(held)
    for (const each of [listOf(old), ...old.manifests, old.file.location]) expect(reached).toContain(each)
    for (const each of [listOf(middle), middle.file.location]) expect(reached).not.toContain(each)
    await world.io.delete([listOf(old)])
    expect(await reachedBy(held)).not.toContain(old.file.location)
  })

  it.each<[string, () => string]>([
    ['a list', () => listOf(old)],
    ['a manifest', () => manifestOf(live)],
  ])('is not known when %s of a snapshot of the table is gone', async (_, lost) => {
    await world.io.delete([lost()])
    await expect(reachedBy(NOW_ONLY)).rejects.toMatchObject({ kind: 'not-found' })
  })

  it('is not known when a list or a manifest of an expired snapshot is there and cannot be read', async () => {
    await expire({ deleteFiles: false })
    for (const broken of [manifestOf(old), listOf(old)]) {
      await world.io.write(broken, new Uint8Array(8))
      await expect(reachedBy(FOREVER), bareName(broken)).rejects.toMatchObject({ kind: 'corrupt' })
      expect(await reachedBy(NOW_ONLY)).toContain(live.file.location)
    }
  })

  it('is of metadata files all that logs name, as far back as there are files', async () => {
    const change = { 'write.metadata.previous-versions-max': '2' }
    const outcome = await world.catalog.commit([
      { identifier: ORDERS, requirements: [], updates: [{ action: 'set-properties', updates: change }] },
    ])
    expect(outcome.status).toBe('committed')
    await replace('later', live.file)
    await replace('last', undefined)
    const files = await present(/\.metadata\.json$/)
    const { metadata } = await current()
    expect(metadata.metadataLog).toHaveLength(2)
    const reached = await reachedBy(NOW_ONLY)
    for (const file of files) expect(reached).toContain(file)
    const [first] = metadata.metadataLog
    await world.io.delete([first?.metadataFile ?? ''])
    await expect(reachedBy(FOREVER)).resolves.toContain(live.file.location)
  })

  it('is told once: a later look tells what is new', async () => {
    const reached = new Set<string>()
    const walk = walkInto(reached)
    await walk.visit(await current(), FOREVER)
    reached.clear()
    const next = await replace('next', undefined)
    await walk.visit(await current(), FOREVER)
    for (const each of [listOf(next), next.file.location]) expect(reached).toContain(each)
    for (const each of [listOf(live), live.file.location]) expect(reached).not.toContain(each)
  })
})
