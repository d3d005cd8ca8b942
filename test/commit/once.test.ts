/** Operations that are done once: where a step is found again, and where it is not. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { LoadedTable } from '../../src/catalog/catalog.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { cherryPickAction } from '../../src/commit/cherry-pick.js'
import type { CommitResult, TableAction } from '../../src/commit/commit-loop.js'
import { fastForwardAction, rollbackAction } from '../../src/commit/move-branch.js'
import { type LandedStep, landedStep, type Once, onceAction } from '../../src/commit/once.js'
import { createRefAction } from '../../src/commit/ref-actions.js'
import { streamProperty } from '../../src/commit/stream-position.js'
import type { TableUpdate } from '../../src/metadata/table-update.js'
import {
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
let landed: LandedStep | undefined
beforeEach(async () => {
  world = await createWorld()
  await createTable(world)
  landed = undefined
})

const current = (): Promise<LoadedTable> => world.catalog.loadTable(ORDERS)
const headOf = async (ref = 'main'): Promise<bigint | undefined> =>
  (await current()).metadata.refs[ref]?.snapshotId
const STREAM = 'nightly'
const stepAt = (position: Once['position'], token = `p${String(position)}`): Once => ({
  stream: STREAM,
  token,
  position,
})

interface DoOptions {
  readonly inner?: TableAction
  readonly ref?: string
  readonly world?: World
  readonly base?: LoadedTable
}

/** Appends a file of the token's name, once. */
async function doOnce(once: Once, options: DoOptions = {}): Promise<CommitResult> {
  const { ref } = options
  const file = await dataFile(world, `${once.token}-${world.runtime.uuid().slice(0, 4)}`)
  const inner =
    options.inner ?? fileAction(world, { addedDataFiles: [file] }, ref === undefined ? {} : { ref })
  const { io, runtime } = world
  landed = undefined
  const onLanded = (step: LandedStep): void => {
    landed = step
  }
  const action = onceAction(inner, { io, runtime, operationUuid: runtime.uuid(), once, ref, onLanded })
  const discard = async (): Promise<void> => {
    await io.delete([file.location])
  }
  return commit(options.world ?? world, [{ identifier: ORDERS, action, discard, base: options.base }])
}

const token = (name: string): Once => ({ stream: STREAM, token: name })
const live = async (ref?: string): Promise<string[]> =>
  (await liveNames(world, await current(), ref)).map(name => name.replace(/-.*/, ''))

async function foreign(...updates: readonly TableUpdate[]): Promise<void> {
  const outcome = await world.catalog.commit([{ identifier: ORDERS, requirements: [], updates }])
  if (outcome.status !== 'committed') throw new Error('the foreign commit was refused')
}
const setRef = (snapshotId: bigint | undefined, refName = 'main'): TableUpdate => ({
  action: 'set-snapshot-ref',
  refName,
  ref: { type: 'branch', snapshotId: snapshotId ?? -1n },
})
const expire = async (...ids: readonly (bigint | undefined)[]): Promise<void> =>
  foreign({ action: 'remove-snapshots', snapshotIds: ids.filter(id => id !== undefined) })

describe('a step without a position', () => {
  it('lands once, and tells its first snapshot to whoever repeats it', async () => {
    expect((await doOnce(token('a'))).changed).toEqual([true])
    const first = await headOf()
    expect(landed).toBeUndefined()
    expect((await doOnce(token('a'))).changed).toEqual([false])
    expect(landed).toMatchObject({ snapshotId: first, token: 'a', snapshot: { snapshotId: first } })
    expect(await live()).toEqual(['a'])
  })

  it('is found behind other steps and foreign commits for as long as its snapshot is kept', async () => {
    await doOnce(token('a'))
    const first = await headOf()
    await doOnce(token('b'))
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'other')] })
    await doOnce(token('a'))
    expect(landed?.snapshotId).toBe(first)
    expect(await live()).toEqual(['a', 'b', 'other'])
    await expire(first)
    await doOnce(token('b'))
    expect(landed).toBeDefined()
    expect(landedStep((await current()).metadata, token('a'))).toBeUndefined()
  })

  it('that is the newest survives the expiry of its snapshot', async () => {
    await doOnce(token('a'))
    const first = await headOf()
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'other')] })
    await expire(first)
    await doOnce(token('a'))
    expect(landed).toEqual({ snapshotId: first, snapshot: undefined, token: 'a' })
    expect(await live()).toEqual(['a', 'other'])
  })

  it('leaves no file of a repetition that lost the race to it', async () => {
    const base = await current()
    await doOnce(token('a'))
    const before = await locations(world.io)
    expect((await doOnce(token('a'), { base })).changed).toEqual([false])
    expect(await locations(world.io)).toEqual(before)
  })

  it('lands although steps of other tokens land at the same time', async () => {
    const base = await current()
    await doOnce(token('a'))
    expect((await doOnce(token('b'), { base })).changed).toEqual([true])
    expect(await live()).toEqual(['a', 'b'])
  })

  it('makes an empty snapshot when nothing changes, and when no snapshot was to be made', async () => {
    await doOnce(token('a'), { inner: async () => 'unchanged' })
    expect((await current()).metadata.snapshots).toHaveLength(1)
    const alter: TableAction = async () => ({
      updates: [{ action: 'set-properties', updates: { owner: 'me' } }],
      requirements: [],
      written: [],
    })
    await doOnce(token('b'), { inner: alter })
    expect((await doOnce(token('b'), { inner: alter })).changed).toEqual([false])
    const { metadata } = await current()
    expect(metadata.snapshots).toHaveLength(2)
    expect(metadata.properties.owner).toBe('me')
  })

  it('that moves another ref is followed by a snapshot on its own branch', async () => {
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'x')] })
    const inner = createRefAction({ type: 'tag', name: 'v1' })
    await doOnce(token('a'), { inner })
    expect((await doOnce(token('a'), { inner })).changed).toEqual([false])
    expect(Object.keys((await current()).metadata.refs).sort()).toEqual(['main', 'v1'])
  })

  it.each([
    'before',
    'after',
  ] as const)('lands once although its answer was lost %s it arrived', async phase => {
    let isFirst = true
    const catalog = failingCatalog(world.catalog, call => {
      if (call.verb !== 'commit' || call.phase !== phase || !isFirst) return undefined
      isFirst = false
      return 'lost'
    })
    await doOnce(token('a'), { world: { ...world, catalog } })
    await doOnce(token('a'))
    expect(landed).toBeDefined()
    expect(await live()).toEqual(['a'])
  })

  it('whose outcome stayed unknown is repeated, and lands once', async () => {
    const catalog = failingCatalog(world.catalog, ({ verb, phase }) => {
      const isLost = (verb === 'commit' && phase === 'after') || verb === 'settle'
      return isLost ? 'lost' : undefined
    })
    await expect(doOnce(token('a'), { world: { ...world, catalog } })).rejects.toMatchObject({
      kind: 'commit-state-unknown',
    })
    await doOnce(token('a'))
    expect(landed).toBeDefined()
    expect(await live()).toEqual(['a'])
  })

  it('has a name and a token', async () => {
    await expect(doOnce({ stream: '', token: 'a' })).rejects.toMatchObject({ kind: 'invalid-argument' })
    await expect(doOnce(token(''))).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('a step behind a rollback', () => {
  it('of our own has not landed any more, and those before it have', async () => {
    await doOnce(token('a'))
    const first = await headOf()
    await doOnce(token('b'))
    await commit(world, [{ identifier: ORDERS, action: rollbackAction({ to: { snapshotId: first ?? 0n } }) }])
    await doOnce(token('a'))
    expect(landed?.snapshotId).toBe(first)
    expect((await doOnce(token('b'))).changed).toEqual([true])
    expect(await live()).toEqual(['a', 'b'])
  })

  it('by another engine is told from the history that is left', async () => {
    await doOnce(token('a'))
    const first = await headOf()
    await doOnce(token('b'))
    await foreign(setRef(first))
    await doOnce(token('a'))
    expect(landed?.snapshotId).toBe(first)
    expect((await doOnce(token('b'))).changed).toEqual([true])
    expect(await live()).toEqual(['a', 'b'])
  })

  it('by another engine to a time before the stream is a conflict, until the caller says to go on', async () => {
    const start = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'x')] })
    await doOnce(token('a'))
    await foreign(setRef(start.metadata.currentSnapshotId))
    await expect(doOnce(token('a'))).rejects.toMatchObject({ kind: 'conflict', context: { stream: STREAM } })
    expect((await doOnce({ ...token('a'), resetPosition: true })).changed).toEqual([true])
    expect((await doOnce({ ...token('a'), resetPosition: true })).changed).toEqual([false])
    expect(await live()).toEqual(['a', 'x'])
  })
})

describe('a step on a branch', () => {
  it('is of that branch, and comes to main when the branch does', async () => {
    await doOnce(token('a'))
    await doOnce(token('b'), { ref: 'audit' })
    await doOnce(token('a'), { ref: 'audit' })
    expect(landed).toBeDefined()
    expect(landedStep((await current()).metadata, token('b'))).toBeUndefined()
    await commit(world, [{ identifier: ORDERS, action: fastForwardAction({ branch: 'main', to: 'audit' }) }])
    await doOnce(token('b'))
    expect(landed).toBeDefined()
    expect(await live()).toEqual(['a', 'b'])
    expect((await current()).metadata.properties[streamProperty(STREAM)]).toContain('"token":"b"')
  })

  it('comes to main when its snapshot is picked', async () => {
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'x')] })
    await doOnce(token('b'), { ref: 'audit' })
    const picked = (await headOf('audit')) ?? 0n
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'y')] })
    const action = cherryPickAction(world.io, { snapshotId: picked }, { runtime: world.runtime })
    await commit(world, [{ identifier: ORDERS, action }])
    await doOnce(token('b'))
    expect(landed?.snapshotId).toBe(await headOf())
    expect(await live()).toEqual(['b', 'x', 'y'])
  })
})

describe('a step with a position', () => {
  it('has landed when the stream stands at it or behind it', async () => {
    await doOnce(stepAt(5))
    const fifth = await headOf()
    await doOnce(stepAt(9))
    for (const position of [3, 5, 9n, 9]) {
      expect((await doOnce(stepAt(position, `other${position}`))).changed).toEqual([false])
      if (position < 9) expect(landed?.snapshotId).toBe(fifth)
    }
    expect((await doOnce(stepAt(10))).changed).toEqual([true])
  })

  it('has landed however long ago', async () => {
    await doOnce(stepAt([2, 1]))
    const first = await headOf()
    await doOnce(stepAt([2, 7]))
    const second = await headOf()
    await commitFiles(world, { addedDataFiles: [await dataFile(world, 'x')] })
    await expire(first, second)
    expect((await doOnce(stepAt([2, 1]))).changed).toEqual([false])
    expect((await doOnce(stepAt([1, 999]))).changed).toEqual([false])
    expect((await doOnce(stepAt([2, 7, 0]))).changed).toEqual([true])
  })

  it('is compared exactly, and with its like only', async () => {
    await doOnce(stepAt(9007199254740993n))
    expect((await doOnce(stepAt(9007199254740994n))).changed).toEqual([true])
    expect((await doOnce(stepAt(9007199254740993n, 'x'))).changed).toEqual([false])
    await expect(doOnce(stepAt('0/16'))).rejects.toMatchObject({ kind: 'invalid-argument' })
    await expect(doOnce(stepAt(Number.NaN))).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('stops when another applier moved the stream while it was prepared', async () => {
    const base = await current()
    await doOnce(stepAt(4))
    await expect(doOnce(stepAt(6), { base })).rejects.toMatchObject({ kind: 'conflict' })
    await expect(doOnce(stepAt(3), { base })).rejects.toMatchObject({ kind: 'conflict' })
    expect((await doOnce(stepAt(4), { base })).changed).toEqual([false])
    expect(await live()).toEqual(['p4'])
  })

  it('is not of the stream of a feed', async () => {
    const { metadata } = await commitFiles(world, { addedDataFiles: [await dataFile(world, 'x')] })
    const snapshotId = metadata.currentSnapshotId ?? 0n
    const held = `{"ref":"main","position":"0/1","token":"t","snapshotId":${snapshotId},"sequenceNumber":1}`
    await foreign({ action: 'set-properties', updates: { [streamProperty(STREAM)]: held } })
    await expect(doOnce(stepAt(1))).rejects.toMatchObject({ kind: 'conflict' })
    await foreign({ action: 'remove-properties', removals: [streamProperty(STREAM)] })
    await commitFiles(world, {}, { summary: { [streamProperty(STREAM)]: held } })
    await expect(doOnce(stepAt(1))).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})
