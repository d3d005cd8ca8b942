/** Orphan removal takes what nothing refers to, and leaves everything that somebody may still need. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Catalog, LoadedTable } from '../../src/catalog/catalog.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { CLEANED_BEFORE } from '../../src/catalog/write-leases.js'
import { commitTables } from '../../src/commit/commit-loop.js'
import { expireSnapshots } from '../../src/maintenance/expire.js'
import { createSuspects } from '../../src/maintenance/orphan-plan.js'
import { type OrphanOptions, type OrphanReport, removeOrphans } from '../../src/maintenance/orphans.js'
import { currentSchema } from '../../src/metadata/lookup.js'
import { newTableUpdates } from '../../src/metadata/new-table.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import { appendAction } from '../../src/writer/append.js'
import {
  bareName,
  checkTable,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  locations,
  ORDERS,
  type World,
} from '../snapshot/world.js'

const DAY = 86_400_000
const FOLDER = 'memory://lake/shop/orders'

let world: World
beforeEach(async () => {
  world = await createWorld()
  await createTable(world)
})

const current = (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)

function clean(options: Partial<OrphanOptions> & { catalog?: Catalog } = {}): Promise<OrphanReport> {
  const { catalog = world.catalog, ...rest } = options
  return removeOrphans(catalog, ORDERS, { io: world.io, runtime: world.runtime, ...rest })
}

/** A file that nothing refers to. */
async function litter(name: string, folder = `${FOLDER}/data`): Promise<string> {
  const location = `${folder}/${name}`
  await world.io.write(location, new Uint8Array(3))
  return location
}

async function update(updates: readonly TableUpdate[]): Promise<void> {
  const outcome = await world.catalog.commit([{ identifier: ORDERS, requirements: [], updates }])
  if (outcome.status !== 'committed') throw new Error('the update was refused')
}

describe('removing orphans', () => {
  it('takes old files that nothing refers to, and nothing else', async () => {
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'b')] })
    const before = await locations(world.io)
    const left = [await litter('left.parquet'), await litter('00009-x.metadata.json', `${FOLDER}/metadata`)]
    world.runtime.advance(4 * DAY)
    const young = await litter('young.parquet')
    const report = await clean()
    expect(report.files.map(file => file.location).sort()).toEqual(left.sort())
    expect(report.sizeBytes).toBe(6)
    const after = await locations(world.io)
    expect(after).toEqual(expect.arrayContaining([...before, young]))
    for (const location of left) expect(after).not.toContain(location)
    await checkTable(world.io, (await current()).metadata)
  })

  it('changes nothing in a dry run, and nothing when there are none', async () => {
    world.runtime.advance(4 * DAY)
    const { metadataLocation } = await current()
    expect((await clean()).files).toEqual([])
    const location = await litter('left.parquet')
    world.runtime.advance(4 * DAY)
    const report = await clean({ dryRun: true })
    expect(report.files.map(file => file.location)).toEqual([location])
    expect(await locations(world.io)).toContain(location)
    expect((await current()).metadataLocation).toBe(metadataLocation)
  })

  it('keeps staged snapshots, metadata files before the log, and what expired a moment ago', async () => {
    await update([{ action: 'set-properties', updates: { 'write.metadata.previous-versions-max': '2' } }])
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      await commitFiles(world, { addedDataFiles: [await dataFile(world, name)] })
    world.runtime.advance(4 * DAY)
    const before = await locations(world.io)
    const { runtime, io } = world
    await expireSnapshots(world.catalog, ORDERS, {
      io,
      runtime,
      olderThanMs: runtime.nowMs(),
      deleteFiles: false,
      readerGraceMs: 0,
    })
    expect((await clean()).files).toEqual([])
    world.runtime.advance(DAY)
    const lists = (await clean()).files.map(file => bareName(file.location))
    expect(lists).toHaveLength(4)
    for (const name of lists) expect(name).toMatch(/^snap-/)
    const kept = before.filter(location => location.endsWith('.metadata.json'))
    expect(await locations(world.io)).toEqual(expect.arrayContaining(kept))
  })

  it('stops at a manifest that cannot be read, for what it names is not known', async () => {
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'a')] })
    const location = await litter('left.parquet')
    world.runtime.advance(4 * DAY)
    const manifest = (await locations(world.io)).find(each => each.endsWith('-m0.avro'))
    await world.io.delete([manifest ?? ''])
    await expect(clean()).rejects.toMatchObject({ kind: 'not-found' })
    expect(await locations(world.io)).toContain(location)
  })

  it('refuses files younger than a day, unless forced', async () => {
    await litter('left.parquet')
    world.runtime.advance(1_000)
    const olderThanMs = world.runtime.nowMs()
    await expect(clean({ olderThanMs })).rejects.toMatchObject({ kind: 'invalid-argument' })
    expect((await clean({ olderThanMs, force: true })).files).toHaveLength(1)
  })

  it('refuses a table that forbids deleting files, and folders that another table shares', async () => {
    const { metadataLocation } = await current()
    await world.catalog.registerTable({ namespace: ['shop'], name: 'twin' }, metadataLocation)
    await expect(clean()).rejects.toMatchObject({ kind: 'conflict' })
    await world.catalog.dropTable({ namespace: ['shop'], name: 'twin' })
    await update([{ action: 'set-properties', updates: { 'gc.enabled': 'false' } }])
    await expect(clean()).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('leaves the files of a table in a folder below', async () => {
    const inner = await litter('inner.parquet', `${FOLDER}/inner/data`)
    const { metadata } = await current()
    const updates = newTableUpdates({
      schema: currentSchema(metadata),
      location: `${FOLDER}/inner`,
      uuid: world.runtime.uuid(),
    })
    const identifier = { namespace: ['shop'], name: 'inner' }
    await world.catalog.commit([{ identifier, requirements: [{ type: 'assert-create' }], updates }])
    world.runtime.advance(4 * DAY)
    const report = await clean()
    expect(report.files).toEqual([])
    expect(report.kept.foreign).toBeGreaterThan(0)
    expect(await locations(world.io)).toContain(inner)
  })

  it('sets a fence, behind which an old swap is refused wherever it was stopped', async () => {
    const file = await dataFile(world, 'frozen')
    const base = await current()
    let isWaiting = true
    const frozen = failingCatalog(world.catalog, async ({ verb, phase }) => {
      if (verb !== 'commit' || phase !== 'before' || !isWaiting) return undefined
      isWaiting = false
      world.runtime.advance(4 * DAY)
      await litter('left.parquet')
      world.runtime.advance(4 * DAY)
      expect((await clean()).files.length).toBeGreaterThan(0)
      return undefined
    })
    const action = appendAction(world.io, [file], { runtime: world.runtime })
    const { io, runtime } = world
    const commit = commitTables(frozen, [{ identifier: ORDERS, base, action }], { io, runtime })
    await expect(commit).rejects.toMatchObject({ kind: 'conflict' })
    const after = await current()
    expect(after.metadata.snapshots).toEqual([])
    expect(after.metadata.properties[CLEANED_BEFORE]).toBeDefined()
  })
})

describe('suspects', () => {
  const file = (location: string) => ({ location, sizeBytes: 1, modifiedMs: 0 })
  const suspectsOf = (mismatch: 'error' | 'keep', ...all: string[]) => {
    const suspects = createSuspects({ olderThanMs: 1, isOwn: () => true, mismatch })
    for (const location of all) suspects.add(file(location))
    return suspects
  }

  it('are known by any spelling of their location', () => {
    const suspects = suspectsOf('error', 's3a://bucket/t/a', 'file:///lake/t/b')
    suspects.reached('s3://bucket/t/a')
    suspects.reached('/lake/t/b')
    expect(suspects.size).toBe(0)
  })

  it('are no orphans when the table knows them by another host', () => {
    expect(() => suspectsOf('error', 's3://copy/t/a').reached('s3://bucket/t/a')).toThrow('scheme or host')
    const kept = suspectsOf('keep', 's3://copy/t/a')
    kept.reached('s3://bucket/t/a')
    expect(kept.size).toBe(0)
  })

  it('stay when their name carries the uuid of an operation that stands', () => {
    const uuid = '0198c7a4-1111-4abc-8def-0123456789ab'
    const suspects = suspectsOf('error', `s3://b/t/00000-0-${uuid}-00001.parquet`, 's3://b/t/other.parquet')
    suspects.keepOperations(new Set([uuid]))
    expect(suspects.files().map(({ location }) => location)).toEqual(['s3://b/t/other.parquet'])
    expect(suspects.kept.leased).toBe(1)
  })
})
