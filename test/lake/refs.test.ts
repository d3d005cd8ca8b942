/** Branches, tags, staged writes and clones through the public API, with real rows. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { type CreateTableOptions, type Lake, LakeError, openLake, type Table } from '../../src/index.js'
import { failingIO } from '../../src/io/failing.js'
import { rejectionOf } from '../support/errors.js'
import { type MemoryLake, openMemoryLake, rowsOf } from './memory-lake.js'

let there: MemoryLake
let lake: Lake
beforeEach(async () => {
  there = await openMemoryLake()
  lake = there.lake
})
afterEach(() => there.close())

const make = (options: CreateTableOptions = {}, name = 'shop.t'): Promise<Table> =>
  lake.createTable(name, 'id bigint not null, v string', { keys: ['id'], ...options })
const row = (id: number, v: string) => ({ id, v })
const a = row(1, 'a')
const b = row(2, 'b')
const c = row(3, 'c')
const kindOf = async (promise: Promise<unknown>): Promise<string | undefined> =>
  (await rejectionOf(promise))?.kind
const idOf = (report: { readonly snapshotId: bigint | undefined }): bigint => report.snapshotId as bigint
const wait = (ms: number): Promise<void> => systemRuntime.sleep(ms)

async function filesBelow(location: string): Promise<string[]> {
  const found: string[] = []
  for await (const file of lake.context.io.list(`${location}/`)) found.push(file.location)
  return found.sort()
}

describe('writes to a branch', () => {
  it('leave main alone, until main goes there', async () => {
    const table = await make()
    const first = await table.append([a])
    const onBranch = await table.append([b], { branch: 'audit' })
    await table.upsert([row(1, 'A')], { branch: 'audit' })
    const deleted = await table.delete('id = 2', { branch: 'audit' })
    expect(await rowsOf(table.scan())).toEqual([a])
    expect(await rowsOf(table.scan({ asOf: 'audit' }))).toEqual([row(1, 'A')])
    expect(await rowsOf(table.at(idOf(onBranch)).scan())).toEqual([a, b])
    expect(deleted.summary['total-data-files']).toBeDefined()
    const refs = await table.refs()
    expect(refs.main?.snapshotId).toBe(first.snapshotId)
    expect(refs.audit?.snapshotId).toBe(deleted.snapshotId)
    const moved = await table.fastForward('main', 'audit')
    expect(moved).toMatchObject({
      ref: 'main',
      snapshotId: deleted.snapshotId,
      previousSnapshotId: first.snapshotId,
      changed: true,
    })
    expect(await rowsOf(table.scan())).toEqual([row(1, 'A')])
  })

  it('make it on a table that has no snapshot, and main stays empty', async () => {
    const table = await make()
    await table.append([a], { branch: 'audit' })
    expect(await rowsOf(table.scan())).toEqual([])
    expect((await table.load()).metadata.currentSnapshotId).toBeUndefined()
    await table.fastForward('main', 'audit')
    expect(await rowsOf(table.scan())).toEqual([a])
  })

  it('report the branch where nothing had to change', async () => {
    const table = await make()
    await table.append([a])
    const { snapshotId } = await table.append([b], { branch: 'audit' })
    const report = await table.delete('id = 9', { branch: 'audit' })
    expect(report).toMatchObject({ changed: false, snapshotId })
  })

  it('refuse a tag', async () => {
    const table = await make()
    await table.append([a])
    await table.createTag('v1')
    expect(await kindOf(table.append([b], { branch: 'v1' }))).toBe('invalid-argument')
  })
})

describe('a bad job', () => {
  it('is rolled back and run again on a branch that readers of main never see', async () => {
    const table = await make()
    await table.append([a, b, c])
    const good = (await table.load()).metadata.currentSnapshotId as bigint
    await table.createTag('before-job')
    await table.delete('id >= 2')
    await table.rollback({ to: 'before-job' })
    expect(await rowsOf(table.scan())).toEqual([a, b, c])
    await table.delete('id = 2', { branch: 'rerun' })
    expect(await rowsOf(table.scan({ asOf: 'rerun' }))).toEqual([a, c])
    expect(await rowsOf(table.scan())).toEqual([a, b, c])
    await table.fastForward('main', 'rerun')
    await table.dropBranch('rerun')
    expect(await rowsOf(table.scan())).toEqual([a, c])
    expect(await rowsOf(table.scan({ asOf: 'before-job' }))).toEqual([a, b, c])
    expect((await table.history()).map(entry => entry.snapshotId)[0]).toBe(good)
    expect(await table.history()).toHaveLength(4)
  })

  it('is rolled back to a time', async () => {
    const table = await make()
    await table.append([a])
    await wait(5)
    const time = new Date(systemRuntime.nowMs()).toISOString()
    await wait(5)
    await table.append([b])
    await table.rollback({ to: time })
    expect(await rowsOf(table.scan())).toEqual([a])
  })
})

describe('a staged write', () => {
  const audited = { properties: { 'write.wap.enabled': 'true' } }

  it('is seen by who knows its snapshot, and by all when it is published', async () => {
    const table = await make(audited)
    await table.append([a])
    const staged = await table.append([b], { wapId: 'job-1', summary: { job: 'nightly' } })
    const removed = await table.delete('id = 1', { wapId: 'job-2' })
    expect(staged.summary).toMatchObject({ 'wap.id': 'job-1', job: 'nightly', 'added-records': '1' })
    expect(removed.snapshotId).not.toBe(staged.snapshotId)
    expect(await rowsOf(table.scan())).toEqual([a])
    expect(await rowsOf(table.at(idOf(staged)).scan())).toEqual([a, b])
    expect(await rowsOf(table.at(idOf(removed)).scan())).toEqual([])
    await table.append([c])
    const report = await table.publish('job-1', { summary: { approved: 'yes' } })
    expect(report).toMatchObject({ ref: 'main', changed: true })
    expect(await rowsOf(table.scan())).toEqual([a, b, c])
    const published = (await table.snapshots()).find(each => each.snapshotId === report.snapshotId)
    expect(published?.summary).toMatchObject({
      'published-wap-id': 'job-1',
      'source-snapshot-id': String(staged.snapshotId),
      approved: 'yes',
    })
    expect(await kindOf(table.publish('job-1'))).toBe('already-exists')
    expect(await kindOf(table.publish('job-2'))).toBe('invalid-argument')
    expect(await kindOf(table.publish('job-3'))).toBe('not-found')
  })

  it('takes each id once', async () => {
    const table = await make(audited)
    await table.append([a], { wapId: 'x' })
    expect(await kindOf(table.append([b], { wapId: 'x' }))).toBe('already-exists')
    await table.publish('x')
    expect(await rowsOf(table.scan())).toEqual([a])
    expect(await kindOf(table.upsert([b], { wapId: 'x' }))).toBe('already-exists')
    expect(await filesBelow(`${(await table.load()).metadata.location}/data`)).toHaveLength(1)
  })

  it('needs a table that is audited, and one destination', async () => {
    const table = await make()
    expect(await kindOf(table.append([a], { wapId: 'x' }))).toBe('invalid-argument')
    expect(await kindOf(table.append([a], { wapBranch: 'x' }))).toBe('invalid-argument')
    const other = await make(audited, 'shop.audited')
    expect(await kindOf(other.append([a], { wapId: 'x', branch: 'y' }))).toBe('invalid-argument')
    await other.append([a], { wapBranch: 'audit' })
    expect(await rowsOf(other.scan())).toEqual([])
    expect(await rowsOf(other.scan({ asOf: 'audit' }))).toEqual([a])
  })

  it('is expired when nobody publishes it in time, with its files', async () => {
    const table = await make(audited)
    await table.append([a])
    await table.append([b], { wapId: 'x' })
    await wait(2)
    const report = await table.expire({ olderThanMs: systemRuntime.nowMs(), readerGraceMs: 0 })
    expect(report.counts.data).toBe(1)
    expect(await kindOf(table.publish('x'))).toBe('not-found')
    expect(await rowsOf(table.scan())).toEqual([a])
  })
})

describe('a clone', () => {
  it('begins with the rows of its source and goes on by itself', async () => {
    const source = await make({ properties: { 'write.metadata.previous-versions-max': '7' } })
    await source.append([a])
    await source.append([b])
    const clone = await lake.cloneTable('shop.t', 'copies.t')
    expect(await rowsOf(clone.scan())).toEqual([a, b])
    await clone.upsert([row(1, 'cloned')])
    await source.delete('id = 2')
    expect(await rowsOf(clone.scan())).toEqual([row(1, 'cloned'), b])
    expect(await rowsOf(source.scan())).toEqual([a])
    const [from, to] = [(await source.load()).metadata, (await clone.load()).metadata]
    expect(to.tableUuid).not.toBe(from.tableUuid)
    expect(to.location).not.toBe(from.location)
    expect(to.properties).toMatchObject({
      'write.metadata.previous-versions-max': '7',
      'gc.enabled': 'false',
    })
    expect(from.properties['gc.enabled']).toBeUndefined()
    expect(to.snapshots).toHaveLength(2)
    expect(to.snapshots[0]?.snapshotId).toBe(from.snapshots[1]?.snapshotId)
    expect(to.snapshotLog.map(entry => entry.snapshotId)).toEqual(to.snapshots.map(each => each.snapshotId))
    expect(from.refs[`serac.clone.${to.tableUuid}`]).toMatchObject({
      type: 'tag',
      snapshotId: from.snapshots[1]?.snapshotId,
    })
  })

  it('begins with any snapshot, by id, time or ref', async () => {
    const source = await make()
    const first = await source.append([a])
    await source.append([b], { branch: 'audit' })
    await source.append([c])
    const by = async (name: string, asOf: string | bigint): Promise<unknown> =>
      rowsOf((await lake.cloneTable('shop.t', name, { asOf })).scan())
    expect(await by('copies.id', idOf(first))).toEqual([a])
    expect(await by('copies.branch', 'audit')).toEqual([a, b])
    expect(await kindOf(by('copies.none', 'nothing'))).toBe('not-found')
    expect(await lake.tableExists('copies.none')).toBe(false)
  })

  it('of a table without rows is a table without rows', async () => {
    await make()
    const clone = await lake.cloneTable('shop.t', 'copies.t')
    expect(await rowsOf(clone.scan())).toEqual([])
    await clone.append([a])
    expect(await rowsOf(clone.scan())).toEqual([a])
    expect((await clone.load()).metadata.properties['serac.clone-of']).toBeUndefined()
  })

  it.each([2, 3] as const)('of v%i keeps its rows when the source is cleaned up', async formatVersion => {
    const source = await make({ formatVersion })
    await source.append([a, b])
    await source.delete('id = 2')
    const clone = await lake.cloneTable('shop.t', 'copies.t')
    await source.upsert([row(1, 'new')])
    await source.compact({ rewriteAll: true })
    await wait(2)
    await source.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1, readerGraceMs: 0 })
    expect(await rowsOf(source.scan())).toEqual([row(1, 'new')])
    expect(await rowsOf(clone.scan())).toEqual([a])
  })

  it.each([2, 3] as const)('of v%i deletes its own files and none of its source', async formatVersion => {
    const source = await make({ formatVersion })
    await source.append([a, b])
    await source.append([c])
    const clone = await lake.cloneTable('shop.t', 'copies.t')
    const { location } = (await source.load()).metadata
    const before = await filesBelow(location)
    await clone.delete('id = 1')
    await clone.upsert([row(2, 'B')])
    await clone.compact({ rewriteAll: true })
    await wait(2)
    const policy = { olderThanMs: systemRuntime.nowMs(), retainLast: 1, readerGraceMs: 0 }
    const rehearsed = await clone.expire({ ...policy, dryRun: true })
    const report = await clone.expire(policy)
    expect(report.snapshotIds).toHaveLength(3)
    expect(report.files.length).toBeGreaterThan(0)
    expect(rehearsed.files.length).toBe(report.files.length)
    for (const file of report.files) expect(file.location).toContain('copies/t/')
    expect(await filesBelow(location)).toEqual(before)
    expect(await rowsOf(source.scan())).toEqual([a, b, c])
    expect(await rowsOf(clone.scan())).toEqual([row(2, 'B'), c])
  })

  it('of v3 keeps row ids and gives none twice', async () => {
    const source = await make({ formatVersion: 3 })
    await source.append([a, b])
    await source.delete('id = 1')
    const clone = await lake.cloneTable('shop.t', 'copies.t')
    await clone.append([c])
    await clone.upsert([row(2, 'B')])
    const ids = await rowsOf(clone.scan({ select: ['_row_id', 'id'] }))
    expect(ids).toEqual([
      { _row_id: 1, id: 2 },
      { _row_id: 2, id: 3 },
    ])
    expect((await clone.load()).metadata.nextRowId).toBeGreaterThanOrEqual(3n)
  })

  it('of a clone keeps its rows when both before it are cleaned up, and the middle one is dropped', async () => {
    const source = await make()
    await source.append([a])
    const middle = await lake.cloneTable('shop.t', 'copies.middle')
    await middle.append([b])
    const last = await lake.cloneTable('copies.middle', 'copies.last')
    const clean = async (table: Table): Promise<void> => {
      await table.delete('true')
      await table.append([c])
      await wait(2)
      await table.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1, readerGraceMs: 0 })
    }
    await clean(middle)
    await lake.dropTable('copies.middle')
    await clean(source)
    expect(await rowsOf(last.scan())).toEqual([a, b])
  })

  it('lets go of its source when it is dropped, and not before', async () => {
    const source = await make()
    const first = await source.append([a])
    const clone = await lake.cloneTable('shop.t', 'copies.t')
    const [tag = ''] = Object.keys(await source.refs()).filter(name => name.startsWith('serac.clone.'))
    expect(await kindOf(source.dropTag(tag))).toBe('invalid-argument')
    expect(await kindOf(source.expire({ snapshotIds: [idOf(first)] }))).toBe('invalid-argument')
    await clone.append([b])
    await lake.dropTable('copies.t')
    expect(Object.keys(await source.refs())).toEqual(['main'])
  })

  it('needs a name and a folder of its own', async () => {
    const source = await make()
    await source.append([a])
    const { location } = (await source.load()).metadata
    const below = lake.cloneTable('shop.t', 'copies.t', { location: `${location}/clone` })
    expect(await kindOf(below)).toBe('invalid-argument')
    const above = lake.cloneTable('shop.t', 'copies.t', { location: location.replace(/\/t$/, '') })
    expect(await kindOf(above)).toBe('invalid-argument')
    expect(await kindOf(lake.cloneTable('shop.t', 'shop.t'))).toBe('already-exists')
    expect(await kindOf(lake.cloneTable('shop.none', 'copies.t'))).toBe('not-found')
    expect(Object.keys(await source.refs())).toEqual(['main'])
  })

  it('writes nowhere into the folders of its source', async () => {
    const source = await make({
      properties: {
        'write.data.path': 'memory:/elsewhere/data',
        'write.metadata.path': 'memory:/elsewhere/meta',
      },
    })
    await source.append([a])
    const before = await filesBelow('memory:/elsewhere')
    const clone = await lake.cloneTable('shop.t', 'copies.t')
    const tagged = await filesBelow('memory:/elsewhere')
    expect(tagged).toHaveLength(before.length + 1)
    await clone.append([b])
    expect(await filesBelow('memory:/elsewhere')).toEqual(tagged)
    expect(await rowsOf(clone.scan())).toEqual([a, b])
  })

  it('that cannot be registered leaves no tag and no file', async () => {
    const source = await make()
    await source.append([a])
    const io = failingIO(lake.context.io, ({ verb, location, phase }) =>
      verb === 'write' && phase === 'after' && location.includes('copies')
        ? new LakeError('unavailable', 'the store is away')
        : undefined,
    )
    const failing = openLake({ ...lake.context, io })
    expect(await kindOf(failing.cloneTable('shop.t', 'copies.t'))).toBe('unavailable')
    expect(await lake.tableExists('copies.t')).toBe(false)
    expect(Object.keys(await source.refs())).toEqual(['main'])
    expect(await filesBelow('memory:/lake/copies')).toEqual([])
  })
})

describe('refs', () => {
  it('hold their snapshots over expiry, as long as they are told to', async () => {
    const table = await make()
    const first = await table.append([a])
    await table.createTag('kept', { snapshotId: idOf(first) })
    const second = await table.append([b])
    await table.createTag('short', { asOf: idOf(second), retention: { maxRefAgeMs: 1 } })
    await table.append([c])
    await wait(5)
    const report = await table.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1, readerGraceMs: 0 })
    expect(report.refs).toEqual(['short'])
    expect(report.snapshotIds).toEqual([second.snapshotId])
    expect(await rowsOf(table.scan({ asOf: 'kept' }))).toEqual([a])
  })

  it('are made at one snapshot', async () => {
    const table = await make()
    const first = await table.append([a])
    const both = table.createTag('x', { snapshotId: idOf(first), asOf: 'main' })
    expect(await kindOf(both)).toBe('invalid-argument')
    expect(await table.createTag('x')).toMatchObject({
      type: 'tag',
      previousSnapshotId: undefined,
      attempts: 1,
    })
    expect(await table.dropTag('x')).toMatchObject({ snapshotId: undefined, changed: true })
  })

  it('are set anywhere, cherry-picked onto, and set back', async () => {
    const table = await make()
    const first = await table.append([a])
    await table.append([b])
    await table.setCurrentSnapshot(idOf(first))
    const forked = await table.append([c])
    const [, second] = await table.snapshots()
    const picked = await table.cherryPick(second?.snapshotId as bigint)
    expect(await rowsOf(table.scan())).toEqual([a, b, c])
    expect(await kindOf(table.cherryPick(second?.snapshotId as bigint))).toBe('already-exists')
    await table.rollback({ to: idOf(forked) })
    expect(await rowsOf(table.scan())).toEqual([a, c])
    await table.setCurrentSnapshot(idOf(picked))
    expect(await rowsOf(table.scan())).toEqual([a, b, c])
  })
})
