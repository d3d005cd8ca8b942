/** Branches, tags, moves and cherry-picks on tables of entries: what each commit says, refuses, and does to streams. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { cherryPickAction, type PickedSource } from '../../src/commit/cherry-pick.js'
import { fastForwardAction, rollbackAction, setBranchAction } from '../../src/commit/move-branch.js'
import { createRefAction, dropRefAction, type NewRef } from '../../src/commit/ref-actions.js'
import { streamAction } from '../../src/commit/stream-action.js'
import { readStreamPosition, streamProperty } from '../../src/commit/stream-position.js'
import type { TableAction } from '../../src/commit/table-action.js'
import { stagedUpdates, WAP_ID } from '../../src/commit/wap.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import {
  checkTable,
  commit,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  fileAction,
  liveEntries,
  liveNames,
  ORDERS,
  positionDeletes,
  type TableOptions,
  type World,
} from '../snapshot/world.js'

let world: World
async function start(options: TableOptions = {}): Promise<void> {
  world = await createWorld()
  await createTable(world, options)
}
beforeEach(() => start())

const current = (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)
const refused = (kind: string, text = '') =>
  expect.objectContaining({ kind, message: expect.stringContaining(text) })

async function run(action: TableAction): Promise<LoadedTable> {
  const result = await commit(world, [{ identifier: ORDERS, action }])
  return result.tables[0] as LoadedTable
}

/** The id of the snapshot that an append of one file made. */
async function append(name: string, ref = 'main'): Promise<bigint> {
  const { metadata } = await commitFiles(world, { addedDataFiles: [await dataFile(world, name)] }, { ref })
  return headOf({ metadata }, ref)
}

/** The id of a snapshot that is on no branch. */
async function stage(
  name: string,
  wapId?: string,
  given: Parameters<typeof fileAction>[1] = {},
): Promise<bigint> {
  const before = new Set((await current()).metadata.snapshots.map(each => each.snapshotId))
  const summary = wapId === undefined ? {} : { summary: { [WAP_ID]: wapId } }
  const inner = fileAction(world, { addedDataFiles: [await dataFile(world, name)], ...given }, summary)
  const { metadata } = await run(async (base, attempt) => {
    const change = await inner(base, attempt)
    if (change === 'unchanged') return change
    return { ...change, updates: stagedUpdates(change.updates) }
  })
  return metadata.snapshots.find(each => !before.has(each.snapshotId))?.snapshotId as bigint
}

const headOf = ({ metadata }: Pick<LoadedTable, 'metadata'>, ref = 'main'): bigint =>
  metadata.refs[ref]?.snapshotId as bigint
const create = (ref: NewRef): Promise<LoadedTable> => run(createRefAction(ref))
const pick = (source: PickedSource, ref?: string): Promise<LoadedTable> =>
  run(cherryPickAction(world.io, source, { runtime: world.runtime, ref }))
const snapshotIn = (table: LoadedTable, id: bigint | undefined) =>
  table.metadata.snapshots.find(each => each.snapshotId === id)

describe('branches and tags', () => {
  it('are made at the head of main, at a snapshot, a time or another ref', async () => {
    const first = await append('a')
    world.runtime.advance(1000)
    const between = world.runtime.nowMs()
    world.runtime.advance(1000)
    const second = await append('b')
    await create({ type: 'branch', name: 'audit' })
    await create({ type: 'tag', name: 'v1', at: { snapshotId: first } })
    await create({ type: 'tag', name: 'earlier', at: { timestampMs: between } })
    const { metadata } = await create({ type: 'branch', name: 'copy', at: { ref: 'v1' } })
    expect(metadata.refs).toEqual({
      main: { type: 'branch', snapshotId: second },
      audit: { type: 'branch', snapshotId: second },
      v1: { type: 'tag', snapshotId: first },
      earlier: { type: 'tag', snapshotId: first },
      copy: { type: 'branch', snapshotId: first },
    })
  })

  it('keep their retention, and a replaced one what it is not told anew', async () => {
    const first = await append('a')
    await create({
      type: 'branch',
      name: 'audit',
      retention: { maxRefAgeMs: 7, maxSnapshotAgeMs: 8, minSnapshotsToKeep: 9 },
    })
    const second = await append('b')
    const replaced = await create({
      type: 'branch',
      name: 'audit',
      retention: { maxRefAgeMs: 70 },
      orReplace: true,
    })
    expect(first).not.toBe(second)
    expect(replaced.metadata.refs.audit).toEqual({
      type: 'branch',
      snapshotId: second,
      maxRefAgeMs: 70,
      maxSnapshotAgeMs: 8,
      minSnapshotsToKeep: 9,
    })
  })

  it('are refused where they make no sense', async () => {
    await expect(create({ type: 'tag', name: 'early' })).rejects.toThrow(
      refused('not-found', 'no snapshot yet'),
    )
    await append('a')
    await create({ type: 'tag', name: 'v1' })
    await expect(create({ type: 'tag', name: 'v1' })).rejects.toThrow(refused('already-exists'))
    await expect(create({ type: 'branch', name: 'v1', orReplace: true })).rejects.toThrow(
      refused('invalid-argument', 'other type'),
    )
    await expect(create({ type: 'tag', name: '' })).rejects.toThrow(refused('invalid-argument'))
    await expect(create({ type: 'tag', name: 'x', at: { snapshotId: 1n } })).rejects.toThrow(
      refused('not-found'),
    )
    await expect(create({ type: 'tag', name: 'x', retention: { minSnapshotsToKeep: 1 } })).rejects.toThrow(
      refused('invalid-argument'),
    )
    await expect(create({ type: 'branch', name: 'x', retention: { maxRefAgeMs: 0 } })).rejects.toThrow(
      refused('invalid-argument'),
    )
    await expect(run(dropRefAction({ type: 'branch', name: 'v1' }))).rejects.toThrow(
      refused('invalid-argument'),
    )
    await expect(run(dropRefAction({ type: 'tag', name: 'v2' }))).rejects.toThrow(refused('not-found'))
    await expect(run(dropRefAction({ type: 'branch', name: 'main' }))).rejects.toThrow(
      refused('invalid-argument'),
    )
  })

  it('are dropped, and their snapshots stay until they are expired', async () => {
    const first = await append('a')
    await append('b', 'audit')
    await create({ type: 'tag', name: 'v1' })
    await run(dropRefAction({ type: 'tag', name: 'v1' }))
    const { metadata } = await run(dropRefAction({ type: 'branch', name: 'audit' }))
    expect(metadata.refs).toEqual({ main: { type: 'branch', snapshotId: first } })
    expect(metadata.snapshots).toHaveLength(2)
  })

  it('of two callers that make one name, one is told that it exists', async () => {
    await append('a')
    const base = await current()
    await create({ type: 'tag', name: 'v1' })
    const action = createRefAction({ type: 'tag', name: 'v1' })
    await expect(commit(world, [{ identifier: ORDERS, base, action }])).rejects.toThrow(
      refused('already-exists'),
    )
  })
})

describe('a rollback', () => {
  it('goes to an ancestor by id or time and writes history as of now', async () => {
    const first = await append('a')
    const firstMs = (await current()).metadata.lastUpdatedMs
    world.runtime.advance(1000)
    const second = await append('b')
    world.runtime.advance(1000)
    const third = await append('c')
    world.runtime.advance(1000)
    const back = await run(rollbackAction({ to: { snapshotId: second } }))
    expect(headOf(back)).toBe(second)
    expect(back.metadata.currentSnapshotId).toBe(second)
    expect(await liveNames(world, back)).toEqual(['a', 'b'])
    expect(back.metadata.snapshotLog.map(entry => entry.snapshotId)).toEqual([first, second, third, second])
    expect(back.metadata.snapshotLog.at(-1)?.timestampMs).toBe(world.runtime.nowMs())
    expect(back.metadata.snapshots).toHaveLength(3)
    expect(headOf(await run(rollbackAction({ to: { timestampMs: firstMs + 999 } })))).toBe(first)
    expect(headOf(await run(rollbackAction({ to: { timestampMs: firstMs } })))).toBe(first)
    await expect(run(rollbackAction({ to: { timestampMs: firstMs - 1 } }))).rejects.toThrow(
      refused('not-found'),
    )
  })

  it('refuses a snapshot that is not in the history of the branch, which setting accepts', async () => {
    const first = await append('a')
    await append('b')
    await run(rollbackAction({ to: { snapshotId: first } }))
    const forked = await append('c')
    const other = (await current()).metadata.snapshots[1]?.snapshotId as bigint
    await expect(run(rollbackAction({ to: { snapshotId: other } }))).rejects.toThrow(
      refused('invalid-argument'),
    )
    await expect(run(rollbackAction({ to: { snapshotId: 5n } }))).rejects.toThrow(refused('not-found'))
    await expect(run(rollbackAction({ branch: 'x', to: { snapshotId: first } }))).rejects.toThrow(
      refused('not-found'),
    )
    expect(forked).not.toBe(other)
    const set = await run(setBranchAction({ to: { snapshotId: other } }))
    expect(headOf(set)).toBe(other)
    expect(await liveNames(world, set)).toEqual(['a', 'b'])
  })

  it('of another branch leaves main alone', async () => {
    const first = await append('a')
    await append('b', 'audit')
    await append('c', 'audit')
    const back = await run(rollbackAction({ branch: 'audit', to: { ref: 'main' } }))
    expect([headOf(back), headOf(back, 'audit')]).toEqual([first, first])
    expect(back.metadata.snapshotLog).toHaveLength(1)
  })

  it('to where the branch stands changes nothing', async () => {
    const head = await append('a')
    const before = await current()
    const result = await commit(world, [
      { identifier: ORDERS, action: rollbackAction({ to: { snapshotId: head } }) },
    ])
    expect(result.changed).toEqual([false])
    expect((await current()).metadataLocation).toBe(before.metadataLocation)
  })

  it('that lost to an append is decided again on the new head', async () => {
    const first = await append('a')
    await append('b')
    const base = await current()
    await append('c')
    const action = rollbackAction({ to: { snapshotId: first } })
    const result = await commit(world, [{ identifier: ORDERS, base, action }])
    expect(result.attempts).toBe(2)
    expect(headOf(result.tables[0] as LoadedTable)).toBe(first)
  })
})

describe('a fast-forward', () => {
  it('sets a branch to a descendant and keeps its retention', async () => {
    await append('a')
    await create({ type: 'branch', name: 'old', retention: { minSnapshotsToKeep: 3 } })
    await append('b', 'audit')
    const ahead = await append('c', 'audit')
    await run(fastForwardAction({ branch: 'old', to: 'audit' }))
    const after = await run(fastForwardAction({ branch: 'main', to: 'audit' }))
    expect(after.metadata.refs.old).toEqual({ type: 'branch', snapshotId: ahead, minSnapshotsToKeep: 3 })
    expect(headOf(after)).toBe(ahead)
    expect(await liveNames(world, after)).toEqual(['a', 'b', 'c'])
  })

  it('makes a branch that is missing, and refuses one that went its own way', async () => {
    const fork = await append('a')
    await append('b', 'audit')
    await append('c')
    await expect(run(fastForwardAction({ branch: 'main', to: 'audit' }))).rejects.toThrow(
      refused('invalid-argument', 'other ref does not have'),
    )
    await create({ type: 'tag', name: 'v1', at: { snapshotId: fork } })
    expect(headOf(await run(fastForwardAction({ branch: 'new', to: 'v1' })), 'new')).toBe(fork)
    await expect(run(fastForwardAction({ branch: 'v1', to: 'main' }))).rejects.toThrow(
      refused('invalid-argument', 'tag'),
    )
    await expect(run(fastForwardAction({ branch: 'main', to: 'none' }))).rejects.toThrow(refused('not-found'))
  })
})

describe('a cherry-pick', () => {
  it('adds the files of an append to another history once, naming its source', async () => {
    await append('a')
    const staged = await stage('staged')
    await append('b')
    const picked = await pick({ snapshotId: staged })
    expect(await liveNames(world, picked)).toEqual(['a', 'b', 'staged'])
    const head = snapshotIn(picked, headOf(picked))
    expect(head?.operation).toBe('append')
    expect(head?.summary).toMatchObject({
      'source-snapshot-id': String(staged),
      'added-data-files': '1',
      'total-data-files': '3',
    })
    expect(head?.summary['published-wap-id']).toBeUndefined()
    await checkTable(world.io, picked.metadata)
    await expect(pick({ snapshotId: staged })).rejects.toThrow(refused('already-exists'))
    await expect(pick({ snapshotId: headOf(picked) })).rejects.toThrow(refused('already-exists'))
    await expect(pick({ snapshotId: 1n })).rejects.toThrow(refused('not-found'))
  })

  it('of the next snapshot of a branch sets the branch to it', async () => {
    await append('a')
    const staged = await stage('staged')
    const picked = await pick({ snapshotId: staged })
    expect(headOf(picked)).toBe(staged)
    expect(picked.metadata.snapshots).toHaveLength(2)
    expect(picked.metadata.snapshotLog.at(-1)?.snapshotId).toBe(staged)
  })

  it('of the first snapshot of a table starts main', async () => {
    const staged = await stage('staged')
    expect((await current()).metadata.currentSnapshotId).toBeUndefined()
    expect(headOf(await pick({ snapshotId: staged }))).toBe(staged)
  })

  it('gives v3 rows new ids and leaves no gap in what follows', async () => {
    await start({ formatVersion: 3 })
    await append('a')
    const staged = await stage('staged')
    await append('b')
    const picked = await pick({ snapshotId: staged })
    const entries = await liveEntries(world.io, picked.metadata, snapshotIn(picked, headOf(picked)))
    const ids = entries.map(({ file }) => (file.content === 'data' ? file.firstRowId : undefined))
    expect(ids.sort()).toEqual([0n, 20n, 30n])
    expect(picked.metadata.nextRowId).toBe(40n)
  })

  it('goes onto another branch too', async () => {
    await append('a')
    await append('b', 'audit')
    const onMain = await append('c')
    const picked = await pick({ snapshotId: onMain }, 'audit')
    expect(await liveNames(world, picked, 'audit')).toEqual(['a', 'b', 'c'])
    expect(await liveNames(world, picked)).toEqual(['a', 'c'])
    await expect(pick({ snapshotId: onMain }, 'none')).rejects.toThrow(refused('not-found'))
  })

  it('refuses deletes, overwrites and appends that are something else', async () => {
    const a = await dataFile(world, 'a')
    await commitFiles(world, { addedDataFiles: [a] })
    const deleting = await stage('d', undefined, {
      addedDataFiles: [],
      addedDeleteFiles: [await positionDeletes(world, 'd', a)],
    })
    const overwriting = await stage('o', undefined, { removedFiles: [a] })
    const lying = await stage('l', undefined, {
      operation: 'append',
      addedDeleteFiles: [await positionDeletes(world, 'l', a)],
    })
    await append('b')
    for (const snapshotId of [deleting, overwriting, lying])
      await expect(pick({ snapshotId })).rejects.toThrow(refused('invalid-argument', 'can be picked'))
    expect(await liveNames(world, await current())).toEqual(['a', 'b'])
  })

  it('refuses files that another engine has added already', async () => {
    await append('a')
    const file = await dataFile(world, 'twice')
    const staged = await stage('twice')
    await commitFiles(world, { addedDataFiles: [file] })
    await expect(pick({ snapshotId: staged })).rejects.toThrow(refused('conflict', 'live'))
  })

  it('is tried again on a moved base, with one snapshot in the end', async () => {
    await append('a')
    const staged = await stage('staged')
    await append('b')
    const base = await current()
    await append('c')
    const action = cherryPickAction(world.io, { snapshotId: staged }, { runtime: world.runtime })
    const result = await commit(world, [{ identifier: ORDERS, base, action }])
    expect(result.attempts).toBe(2)
    expect(await liveNames(world, result.tables[0] as LoadedTable)).toEqual(['a', 'b', 'c', 'staged'])
  })
})

describe('a cherry-pick of replaced partitions', () => {
  const inEu = { partition: ['eu'] }
  const inUs = { partition: ['us'] }
  beforeEach(() => start({ partitioned: true }))

  /** Stages `n` in the place of the file. */
  const replace = async (file: Awaited<ReturnType<typeof dataFile>>): Promise<bigint> => {
    const before = (await current()).metadata.snapshots.length
    const inner = fileAction(
      world,
      { addedDataFiles: [await dataFile(world, 'n', inEu)], removedFiles: [file] },
      { summary: { 'replace-partitions': 'true' } },
    )
    const { metadata } = await run(async (base, attempt) => {
      const change = await inner(base, attempt)
      return change === 'unchanged' ? change : { ...change, updates: stagedUpdates(change.updates) }
    })
    return metadata.snapshots[before]?.snapshotId as bigint
  }

  it('replaces them where nothing came into them since', async () => {
    const old = await dataFile(world, 'old', inEu)
    await commitFiles(world, { addedDataFiles: [old] })
    const staged = await replace(old)
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'us', inUs)] })
    const picked = await pick({ snapshotId: staged })
    expect(await liveNames(world, picked)).toEqual(['n', 'us'])
    expect(snapshotIn(picked, headOf(picked))?.operation).toBe('overwrite')
    await checkTable(world.io, picked.metadata)
  })

  it('is a conflict where something came into them', async () => {
    const old = await dataFile(world, 'old', inEu)
    await commitFiles(world, { addedDataFiles: [old] })
    const staged = await replace(old)
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'late', inEu)] })
    await expect(pick({ snapshotId: staged })).rejects.toThrow(refused('conflict', 'have come since'))
  })

  it('is a conflict where the replaced files are gone, and refused on another history', async () => {
    const old = await dataFile(world, 'old', inEu)
    const start = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'z', inUs)] })
    await commitFiles(world, { addedDataFiles: [old] })
    const staged = await replace(old)
    await commitFiles(world, { removedFiles: [old] })
    await expect(pick({ snapshotId: staged })).rejects.toThrow(refused('conflict', 'have been removed since'))
    await run(rollbackAction({ to: { snapshotId: headOf(start) } }))
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'y', inUs)] })
    await expect(pick({ snapshotId: staged })).rejects.toThrow(refused('invalid-argument', 'another history'))
  })
})

describe('publishing', () => {
  it('puts a staged write on main once, under both names of its id', async () => {
    await append('a')
    await stage('w', 'job-1')
    await append('b')
    const published = await pick({ wapId: 'job-1' })
    expect(await liveNames(world, published)).toEqual(['a', 'b', 'w'])
    expect(snapshotIn(published, headOf(published))?.summary).toMatchObject({ 'published-wap-id': 'job-1' })
    await expect(pick({ wapId: 'job-1' })).rejects.toThrow(refused('already-exists', 'published'))
    await expect(pick({ wapId: 'job-2' })).rejects.toThrow(refused('not-found'))
    const [, staged] = published.metadata.snapshots
    await world.catalog.commit([
      {
        identifier: ORDERS,
        requirements: [],
        updates: [{ action: 'remove-snapshots', snapshotIds: [staged?.snapshotId as bigint] }],
      },
    ])
    await expect(pick({ wapId: 'job-1' })).rejects.toThrow(refused('already-exists', 'published'))
  })

  it('by setting main to the staged snapshot counts as well', async () => {
    await append('a')
    const staged = await stage('w', 'job-1')
    expect(headOf(await pick({ wapId: 'job-1' }))).toBe(staged)
    await expect(pick({ wapId: 'job-1' })).rejects.toThrow(refused('already-exists', 'published'))
  })

  it('refuses an id that two snapshots have', async () => {
    await append('a')
    await stage('w', 'job-1')
    const second = await stage('x', 'job-1')
    await expect(pick({ wapId: 'job-1' })).rejects.toThrow(refused('invalid-argument', 'several'))
    await pick({ snapshotId: second })
    expect(await liveNames(world, await current())).toEqual(['a', 'x'])
  })
})

describe('positions of streams', () => {
  const FEED = 'wal2json:db/shop'
  const at = async (ref = 'main'): Promise<unknown> =>
    readStreamPosition((await current()).metadata, FEED, ref)?.position

  async function step(position: number, ref = 'main', file?: string): Promise<bigint> {
    const inner: TableAction =
      file === undefined
        ? async () => 'unchanged'
        : fileAction(world, { addedDataFiles: [await dataFile(world, file)] }, { ref })
    const table = await run(
      streamAction(inner, {
        io: world.io,
        runtime: world.runtime,
        operationUuid: world.runtime.orderedUuid(),
        step: { stream: FEED, position, token: `t${position}` },
        ref,
        expected: readStreamPosition((await current()).metadata, FEED, ref),
      }),
    )
    return headOf(table, ref)
  }

  /** Expires what no ref names, as another engine does. */
  async function expireOthers(): Promise<void> {
    const { metadata } = await current()
    const heads = new Set(Object.values(metadata.refs).map(ref => ref.snapshotId))
    const snapshotIds = metadata.snapshots.map(each => each.snapshotId).filter(id => !heads.has(id))
    const updates: TableUpdate[] = [{ action: 'remove-snapshots', snapshotIds }]
    await world.catalog.commit([{ identifier: ORDERS, requirements: [], updates }])
  }

  it('go back with a rollback, behind the first step too', async () => {
    const before = await append('a')
    const first = await step(1)
    await step(2)
    await run(rollbackAction({ to: { snapshotId: first } }))
    expect(await at()).toBe(1)
    await run(rollbackAction({ to: { snapshotId: before } }))
    expect(await at()).toBeUndefined()
    expect((await current()).metadata.properties[streamProperty(FEED)]).toBeUndefined()
    await step(7)
    expect(await at()).toBe(7)
  })

  it('go forward with a fast-forward, and hold when all history is expired', async () => {
    await step(1)
    await step(5, 'audit')
    await append('b', 'audit')
    await run(fastForwardAction({ branch: 'main', to: 'audit' }))
    expect(await at()).toBe(5)
    await append('c')
    await expireOthers()
    expect(await at()).toBe(5)
  })

  it('go forward with a fast-forward whose step was expired before', async () => {
    const base = await step(1)
    await step(5, 'audit')
    await append('b', 'audit')
    const { metadata } = await current()
    // Only the head of audit is left: main has to be where its history can be told, so it goes along by force.
    expect(headOf({ metadata })).toBe(base)
    await run(setBranchAction({ branch: 'main', to: { ref: 'audit' } }))
    await append('x', 'audit')
    await append('y', 'audit')
    await expireOthers()
    await step(9, 'audit')
    await append('z', 'audit')
    await expireOthers()
    await run(setBranchAction({ branch: 'main', to: { ref: 'audit' } }))
    expect(await at()).toBe(9)
    expect(await at('audit')).toBe(9)
  })

  it('stand on a new branch where they stood at its snapshot, though history was expired', async () => {
    await step(3)
    await append('a')
    await expireOthers()
    await create({ type: 'branch', name: 'late' })
    expect(await at('late')).toBe(3)
    await step(4, 'late')
    expect([await at(), await at('late')]).toEqual([3, 4])
  })

  it('of a dropped branch are not those of one made later', async () => {
    await step(1)
    await step(5, 'audit')
    await run(dropRefAction({ type: 'branch', name: 'audit' }))
    expect((await current()).metadata.properties[streamProperty(FEED, 'audit')]).toBeUndefined()
    await create({ type: 'branch', name: 'audit' })
    expect(await at('audit')).toBe(1)
  })

  it('move with the step that is picked onto the place it was made for', async () => {
    await step(1)
    const second = await step(2, 'audit', 'rows')
    await append('b')
    await pick({ snapshotId: second })
    expect(await at()).toBe(2)
    expect(await liveNames(world, await current())).toEqual(['b', 'rows'])
    await append('c')
    await expireOthers()
    expect(await at()).toBe(2)
  })

  it('stop a pick that would leave out a step or do one twice', async () => {
    await step(1)
    await step(2, 'audit', 'two')
    const third = await step(3, 'audit', 'three')
    await append('b')
    await expect(pick({ snapshotId: third })).rejects.toThrow(refused('conflict', 'stands elsewhere'))
    expect(await at()).toBe(1)
  })

  it('of a staged step that is published by setting main count from then on', async () => {
    await step(1)
    const ahead = await step(2, 'audit', 'rows')
    await pick({ snapshotId: ahead })
    expect(headOf(await current())).toBe(ahead)
    expect(await at()).toBe(2)
  })
})
