import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import type { TableAction } from '../../src/commit/commit-loop.js'
import { streamAction } from '../../src/commit/stream-action.js'
import {
  readStreamPosition,
  type StreamPosition,
  streamPositionUpdates,
  streamProperty,
  streamUpdatesForMove,
} from '../../src/commit/stream-position.js'
import { expireSnapshots } from '../../src/maintenance/expire.js'
import type { TableMetadata } from '../../src/metadata/table-metadata.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import {
  commit,
  commitFiles,
  createTable,
  createWorld,
  dataFile,
  fileAction,
  liveNames,
  ORDERS,
  type World,
} from '../snapshot/world.js'

const FEED = 'wal2json:db/shop'

let world: World
beforeEach(async () => {
  world = await createWorld()
  await createTable(world)
})

const current = async (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)
const positionOf = (metadata: TableMetadata, ref?: string): unknown =>
  readStreamPosition(metadata, FEED, ref)?.position

const tag = (refName: string, snapshotId: bigint | undefined): TableUpdate => ({
  action: 'set-snapshot-ref',
  refName,
  ref: { type: 'tag', snapshotId: snapshotId ?? 0n },
})

/** Expires all snapshots that no ref names. */
async function expireOthers(): Promise<void> {
  const { metadata } = await current()
  const named = Object.values(metadata.refs).map(ref => ref.snapshotId)
  const ids = metadata.snapshots.map(({ snapshotId }) => snapshotId)
  const snapshotIds = ids.filter(id => !named.includes(id))
  await expireSnapshots(world.catalog, ORDERS, { ...world, snapshotIds })
}

interface StepOptions {
  readonly ref?: string
  readonly expected?: StreamPosition | 'any'
  readonly inner?: TableAction
  readonly world?: World
}

/** One step of the feed; expects what the table says now unless told otherwise. */
async function step(position: number, options: StepOptions = {}): Promise<LoadedTable> {
  const ref = options.ref ?? 'main'
  const expected = options.expected ?? readStreamPosition((await current()).metadata, FEED, ref)
  const action = streamAction(options.inner ?? (async () => 'unchanged'), {
    io: world.io,
    runtime: world.runtime,
    operationUuid: world.runtime.orderedUuid(),
    step: { stream: FEED, position, token: `t${position}` },
    ref,
    expected,
  })
  const result = await commit(options.world ?? world, [{ identifier: ORDERS, action }])
  return result.tables[0] as LoadedTable
}

async function append(name: string, ref?: string): Promise<LoadedTable> {
  return commitFiles(
    world,
    { addedDataFiles: [await dataFile(world, name)] },
    ref === undefined ? {} : { ref },
  )
}

/** What another engine does: changes refs and snapshots and knows nothing of streams. */
async function foreign(updates: readonly TableUpdate[]): Promise<TableMetadata> {
  const outcome = await world.catalog.commit([{ identifier: ORDERS, requirements: [], updates }])
  if (outcome.status !== 'committed') throw new Error('the foreign commit was refused')
  return (outcome.tables[0] as LoadedTable).metadata
}

const setMain = (snapshotId: bigint | undefined): TableUpdate => ({
  action: 'set-snapshot-ref',
  refName: 'main',
  ref: { type: 'branch', snapshotId: snapshotId ?? -1n },
})

describe('a stream position', () => {
  it('is in the summary and in the property of the same commit', async () => {
    expect(positionOf((await current()).metadata)).toBeUndefined()
    const { metadata } = await step(7, {
      inner: fileAction(world, { addedDataFiles: [await dataFile(world, 'a')] }),
    })
    const [snapshot] = metadata.snapshots
    const key = 'serac.stream.wal2json:db/shop'
    expect(readStreamPosition(metadata, FEED)).toEqual({
      ref: 'main',
      position: 7,
      token: 't7',
      snapshotId: snapshot?.snapshotId,
      sequenceNumber: 1n,
    })
    expect(metadata.properties[key]).toBe(snapshot?.summary[key])
    expect(await liveNames(world, await current())).toEqual(['a'])
  })

  it('advances by an empty snapshot when nothing changed', async () => {
    await step(1)
    const { metadata } = await step(2)
    expect(metadata.snapshots).toHaveLength(2)
    expect(positionOf(metadata)).toBe(2)
  })

  it('keeps 64-bit numbers in positions exact', async () => {
    const updates = streamPositionUpdates(
      [
        {
          action: 'add-snapshot',
          snapshot: { snapshotId: 9007199254740993n, sequenceNumber: 1n, timestampMs: 1, summary: {} },
        },
        {
          action: 'set-snapshot-ref',
          refName: 'main',
          ref: { type: 'branch', snapshotId: 9007199254740993n },
        },
      ],
      { stream: FEED, position: { lsn: 18446744073709551615n }, token: 'x' },
    )
    const set = updates.find(update => update.action === 'set-properties')
    expect(Object.values(set?.updates ?? {})[0]).toContain('18446744073709551615')
    expect(Object.values(set?.updates ?? {})[0]).toContain('9007199254740993')
  })

  it('needs a snapshot to ride on', () => {
    expect(() => streamPositionUpdates([], { stream: FEED, position: 1, token: 'x' })).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })

  it('survives expiry of its snapshot', async () => {
    await step(1)
    const stepped = await step(2)
    await append('a')
    const last = await append('b')
    const old = last.metadata.snapshots.slice(0, 3).map(snapshot => snapshot.snapshotId)
    const metadata = await foreign([{ action: 'remove-snapshots', snapshotIds: old }])
    expect(metadata.snapshots).toHaveLength(1)
    expect(readStreamPosition(metadata, FEED)).toMatchObject({
      position: 2,
      snapshotId: stepped.metadata.currentSnapshotId,
    })
  })

  it('survives an expiry that leaves its snapshot, as a tag holds it, and cuts it off from the branch', async () => {
    const id = (await step(1)).metadata.currentSnapshotId
    await foreign([tag('v1', id)])
    for (const name of ['a', 'b', 'c']) await append(name)
    await expireOthers()
    const { metadata } = await current()
    expect(metadata.snapshots.map(snapshot => snapshot.snapshotId)).toEqual([id, metadata.currentSnapshotId])
    expect(readStreamPosition(metadata, FEED)).toMatchObject({ position: 1, snapshotId: id })
    // Again, when what it is behind of goes too.
    await append('d')
    await expireOthers()
    expect(positionOf((await current()).metadata)).toBe(1)
    await step(2)
    expect(positionOf((await current()).metadata)).toBe(2)
  })

  it('is lost still when another engine rolled behind it, after an expiry that left its snapshot', async () => {
    await append('root')
    const before = (await append('before')).metadata.currentSnapshotId
    const id = (await step(1)).metadata.currentSnapshotId
    await append('a')
    await append('b')
    await foreign([tag('v0', before), tag('v1', id)])
    await expireOthers()
    expect(positionOf((await current()).metadata)).toBe(1)
    const metadata = await foreign([setMain(before)])
    expect(() => readStreamPosition(metadata, FEED)).toThrow(expect.objectContaining({ kind: 'conflict' }))
  })

  it('goes back with a rollback by another engine to the position in the history', async () => {
    const first = await step(1)
    await step(2)
    const metadata = await foreign([setMain(first.metadata.currentSnapshotId)])
    expect(positionOf(metadata)).toBe(1)
    await step(3)
    expect(positionOf((await current()).metadata)).toBe(3)
  })

  it('is lost when a rollback went behind the stream: a conflict that asks for a position', async () => {
    const before = await append('a')
    await step(1)
    const metadata = await foreign([setMain(before.metadata.currentSnapshotId)])
    expect(() => readStreamPosition(metadata, FEED)).toThrow(
      expect.objectContaining({ kind: 'conflict', message: expect.stringContaining('--reset-position') }),
    )
    await step(5, { expected: 'any' })
    expect(positionOf((await current()).metadata)).toBe(5)
  })

  it('is lost when its snapshot was rolled back and expired, and another history went on', async () => {
    const first = await append('a')
    const second = await append('b')
    await step(1)
    await foreign([setMain(second.metadata.currentSnapshotId)])
    const stepId = (await current()).metadata.snapshots[2]?.snapshotId as bigint
    await foreign([
      { action: 'remove-snapshots', snapshotIds: [first.metadata.currentSnapshotId as bigint, stepId] },
    ])
    const { metadata } = await current()
    expect(() => readStreamPosition(metadata, FEED)).toThrow(expect.objectContaining({ kind: 'conflict' }))
  })

  it('is lost while its snapshot is kept but not in the history of the ref', async () => {
    const fork = await append('a')
    const forkId = fork.metadata.currentSnapshotId as bigint
    await step(1)
    await foreign([setMain(forkId)])
    await append('b')
    const metadata = await foreign([{ action: 'remove-snapshots', snapshotIds: [forkId] }])
    expect(metadata.snapshots).toHaveLength(2)
    expect(() => readStreamPosition(metadata, FEED)).toThrow(expect.objectContaining({ kind: 'conflict' }))
  })

  it('stands apart on each branch, and a new branch stands where main stands', async () => {
    await step(1)
    expect(positionOf((await current()).metadata, 'audit')).toBe(1)
    await step(10, { ref: 'audit' })
    await step(2)
    const { metadata } = await current()
    expect([positionOf(metadata), positionOf(metadata, 'audit')]).toEqual([2, 10])
    const heads = new Set([metadata.refs.main?.snapshotId, metadata.refs.audit?.snapshotId])
    expect(heads.size).toBe(2)

    await append('a')
    await append('b', 'audit')
    const grown = (await current()).metadata
    const kept = new Set([grown.refs.main?.snapshotId, grown.refs.audit?.snapshotId])
    const old = grown.snapshots.map(snapshot => snapshot.snapshotId).filter(id => !kept.has(id))
    const expired = await foreign([{ action: 'remove-snapshots', snapshotIds: old }])
    expect([positionOf(expired), positionOf(expired, 'audit')]).toEqual([2, 10])
  })

  it('of a branch that never had one is not guessed when the common history is gone', async () => {
    await step(1)
    const base = await append('a')
    const snapshotId = base.metadata.currentSnapshotId as bigint
    await foreign([{ action: 'set-snapshot-ref', refName: 'late', ref: { type: 'branch', snapshotId } }])
    const [first] = base.metadata.snapshots
    const metadata = await foreign([
      { action: 'remove-snapshots', snapshotIds: [first?.snapshotId as bigint] },
    ])
    expect(positionOf(metadata)).toBe(1)
    expect(() => readStreamPosition(metadata, FEED, 'late')).toThrow(
      expect.objectContaining({ kind: 'conflict' }),
    )
    expect(readStreamPosition(metadata, 'another feed', 'late')).toBeUndefined()
  })

  it('is corrupt when the property is not what serac writes', async () => {
    await step(1)
    await append('a')
    const { metadata } = await current()
    const [first] = metadata.snapshots
    const damaged = await foreign([
      { action: 'set-properties', updates: { [streamProperty(FEED)]: '{"position":1}' } },
      { action: 'remove-snapshots', snapshotIds: [first?.snapshotId as bigint] },
    ])
    expect(() => readStreamPosition(damaged, FEED)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })

  it('has a property name that no other stream or branch shares', () => {
    const names = [
      streamProperty('a'),
      streamProperty('a', 'b'),
      streamProperty('a@b'),
      streamProperty('a%40b'),
      streamProperty('a', 'b@c'),
      streamProperty('a@b', 'c'),
    ]
    expect(new Set(names).size).toBe(names.length)
    expect(names[0]).toBe('serac.stream.a')
  })
})

describe('moving a ref', () => {
  it('takes the position along in the same commit', async () => {
    const before = await append('a')
    const first = await step(1)
    await step(2)
    const { metadata } = await current()
    const back = { ref: 'main', snapshotId: first.metadata.currentSnapshotId as bigint }
    const moved = await foreign([setMain(back.snapshotId), ...streamUpdatesForMove(metadata, back)])
    expect(positionOf(moved)).toBe(1)
    expect(moved.properties[streamProperty(FEED)]).toContain('"position":1')

    const start = { ref: 'main', snapshotId: before.metadata.currentSnapshotId as bigint }
    const restarted = await foreign([setMain(start.snapshotId), ...streamUpdatesForMove(moved, start)])
    expect(positionOf(restarted)).toBeUndefined()
    expect(restarted.properties).not.toHaveProperty(streamProperty(FEED))
  })
})

describe('a step', () => {
  it('that landed although its answer was lost is not applied again', async () => {
    const inner = fileAction(world, { addedDataFiles: [await dataFile(world, 'a')] })
    const lossy = {
      ...world,
      catalog: failingCatalog(world.catalog, call => {
        if (call.verb === 'commit' && call.phase === 'after') return 'lost'
        return call.verb === 'settle' && call.phase === 'before' ? 'lost' : undefined
      }),
    }
    await expect(step(1, { inner, world: lossy })).rejects.toMatchObject({ kind: 'commit-state-unknown' })
    const again = fileAction(world, { addedDataFiles: [await dataFile(world, 'b')] })
    const table = await step(1, { inner: again })
    expect(table.metadata.snapshots).toHaveLength(1)
    expect(await liveNames(world, table)).toEqual(['a'])
  })

  it('stops when another applier moved the stream since it was read', async () => {
    await step(1)
    const read = readStreamPosition((await current()).metadata, FEED)
    await step(2)
    await expect(step(3, read === undefined ? {} : { expected: read })).rejects.toMatchObject({
      kind: 'conflict',
      context: { stream: FEED, token: 't2' },
    })
    expect(positionOf((await current()).metadata)).toBe(2)
  })

  it('of two appliers that race lands once', async () => {
    await step(1)
    const stale = await current()
    const expected = readStreamPosition(stale.metadata, FEED)
    const applier = async (token: string, name: string): Promise<LoadedTable> => {
      const action = streamAction(fileAction(world, { addedDataFiles: [await dataFile(world, name)] }), {
        io: world.io,
        runtime: world.runtime,
        operationUuid: world.runtime.orderedUuid(),
        step: { stream: FEED, position: 2, token },
        expected,
      })
      const result = await commit(world, [{ identifier: ORDERS, base: stale, action }])
      return result.tables[0] as LoadedTable
    }
    const outcomes = await Promise.allSettled([applier('x', 'a'), applier('y', 'b')])
    expect(outcomes.map(outcome => outcome.status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await liveNames(world, await current())).toHaveLength(1)

    const same = await Promise.all([
      applier('z', 'c').catch(() => undefined),
      applier('z', 'd').catch(() => undefined),
    ])
    expect(same.filter(table => table !== undefined)).toHaveLength(0)
  })

  it('lands beside foreign commits that do not touch the stream', async () => {
    await step(1)
    const stale = await current()
    const expected = readStreamPosition(stale.metadata, FEED)
    await append('other')
    const action = streamAction(fileAction(world, { addedDataFiles: [await dataFile(world, 'a')] }), {
      io: world.io,
      runtime: world.runtime,
      operationUuid: world.runtime.orderedUuid(),
      step: { stream: FEED, position: 2, token: 't2' },
      expected,
    })
    const result = await commit(world, [{ identifier: ORDERS, base: stale, action }])
    expect(result.attempts).toBe(2)
    expect(await liveNames(world, await current())).toEqual(['a', 'other'])
  })
})
