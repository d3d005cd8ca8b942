/** Lakes in folders whose writers are real processes, killed with signal 9. They run the built engine. */
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { mapBounded } from '../../src/base/concurrency.js'
import { connect, type Lake } from '../../src/index.js'
import { makeSourceTables } from '../support/cdc-lake.js'
import { applyRealFeed, commandOf, type Portion, type RealFeed } from '../support/feeds.js'
import { expectSourceState, isInState, type LakeState, readEverySnapshot, stateOf } from './lake-state.js'

const ENGINE = resolve(import.meta.dirname, '../../dist')
/** Lakes that are worked on at once: one waits for its process while the other is checked. */
const LANES = 2

type SnapshotCounts = Readonly<Record<string, number>>

export interface KilledLakes {
  readonly feed: RealFeed
  readonly portion: Portion
  /** Snapshots of each table before the first commit, after it, and so on. */
  readonly stages: readonly SnapshotCounts[]
  /** The lakes before the feed, read and found whole. */
  readonly starts: readonly LakeState[]
  /** Makes a lake what it was before the feed. */
  refresh(baseFolder: string): Promise<void>
  /** Does the work of every item in some lake that is as it was before the feed. */
  inFreshLakes<T, R>(items: readonly T[], work: (baseFolder: string, item: T) => Promise<R>): Promise<R[]>
  remove(): Promise<void>
}

export async function prepareLakes(feed: RealFeed, portion: Portion): Promise<KilledLakes> {
  const root = await mkdtemp(join(tmpdir(), 'serac-kill-'))
  const lanes = Array.from({ length: LANES }, (_, lane) => join(root, String(lane)))
  const starts: LakeState[] = []
  for (const lane of lanes) {
    await mkdir(join(lane, 'lake'), { recursive: true })
    if (feed.needsTables) await makeSourceTables(lane, 2)
    starts.push(await wholeState(lane))
    await copyLake(join(lane, 'lake'), join(lane, 'start'))
  }
  const idle = [...lanes]
  const refresh = async (lane: string): Promise<void> => {
    await rm(join(lane, 'lake'), { recursive: true })
    await copyLake(join(lane, 'start'), join(lane, 'lake'))
  }
  const inFreshLakes: KilledLakes['inFreshLakes'] = (items, work) =>
    mapBounded(
      items,
      async item => {
        const lane = idle.pop() as string
        await refresh(lane)
        const result = await work(lane, item)
        idle.push(lane)
        return result
      },
      { limit: LANES },
    )
  const [stages = []] = await inFreshLakes([undefined], lane => stagesOf(lane, feed, portion))
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true })
  return { feed, portion, stages, starts, refresh, inFreshLakes, remove }
}

/**
 * Of a closed lake: `catalog.db` alone is whole then. SQLite's files beside it may go at any time after, when the
 * driver's statements are collected.
 */
function copyLake(from: string, to: string): Promise<void> {
  return cp(from, to, { recursive: true, filter: path => !/\.db-(shm|wal)$/.test(path) })
}

async function wholeState(baseFolder: string): Promise<LakeState> {
  await using lake = await connect({ baseFolder, fsync: false })
  await readEverySnapshot(lake)
  return await stateOf(lake)
}

async function stagesOf(baseFolder: string, feed: RealFeed, portion: Portion): Promise<SnapshotCounts[]> {
  const stages: SnapshotCounts[] = []
  await using lake = await connect({
    baseFolder,
    fsync: false,
    onCommitEvent: event => {
      if (event.type !== 'committed') return
      const counts = event.tables.map(({ identifier, metadata }) => [
        [...identifier.namespace, identifier.name].join('.'),
        metadata.snapshots.length,
      ])
      stages.push({ ...stages.at(-1), ...Object.fromEntries(counts) })
    },
  })
  stages.push((await stateOf(lake)).snapshots)
  await applyRealFeed(lake.context, feed, portion)
  await expectSourceState(lake, feed, portion.checkpoint)
  return stages
}

/** What a killed process left is whole, and between two commits; running again gives the source's tables. */
export async function checkAndRunAgain(lakes: KilledLakes, baseFolder: string): Promise<SnapshotCounts> {
  const { feed, portion, stages } = lakes
  await using lake: Lake = await connect({ baseFolder, fsync: false })
  const left = (await startItIsIn(lake, lakes)) ?? (await stateOf(lake))
  if (!lakes.starts.includes(left)) await readEverySnapshot(lake)
  expect(stages, 'snapshots of each table after some commit').toContainEqual(left.snapshots)
  await applyRealFeed(lake.context, feed, portion)
  await expectSourceState(lake, feed, portion.checkpoint)
  expect((await stateOf(lake)).snapshots, 'snapshots of each table').toEqual(stages.at(-1))
  return left.snapshots
}

async function startItIsIn(lake: Lake, { starts }: KilledLakes): Promise<LakeState | undefined> {
  for (const start of starts) if (await isInState(lake, start)) return start
  return undefined
}

export interface ChildRun {
  readonly engine: string
  readonly baseFolder: string
  readonly feed: Pick<RealFeed, 'path' | 'format'>
  readonly until: string
  readonly commitRows: number
  /** Name of the step to die at; absent: run to the end and print the steps. */
  readonly dieAt?: string | undefined
}

export interface Ended {
  readonly signal: NodeJS.Signals | null
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  readonly tookMs: number
}

/** Applies the feed in a process of its own that knows its steps. */
export function applyInChild(lakes: KilledLakes, baseFolder: string, dieAt?: string): Promise<Ended> {
  const { path, format } = lakes.feed
  const { checkpoint, commitRows } = lakes.portion
  const until = lakes.feed.until(checkpoint)
  const run: ChildRun = { engine: ENGINE, baseFolder, feed: { path, format }, until, commitRows, dieAt }
  return ended([join(import.meta.dirname, 'apply-feed.mjs'), JSON.stringify(run)], { cwd: baseFolder })
}

/** Applies the feed with the command `serac`, which is killed after a while. */
export function applyByCommand(lakes: KilledLakes, baseFolder: string, killAfterMs?: number): Promise<Ended> {
  const args = [join(ENGINE, 'cli/main.js'), ...commandOf(lakes.feed, lakes.portion)]
  return ended(args, { cwd: baseFolder, killAfterMs })
}

function ended(
  args: readonly string[],
  options: { readonly cwd: string; readonly killAfterMs?: number | undefined },
): Promise<Ended> {
  return new Promise((resolvePromise, reject) => {
    const startMs = performance.now()
    const child = spawn(process.execPath, args, { cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    const text = { stdout: '', stderr: '' }
    child.stdout.on('data', data => {
      text.stdout += data
    })
    child.stderr.on('data', data => {
      text.stderr += data
    })
    const { killAfterMs } = options
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfterMs)
    child.on('error', reject)
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer)
      resolvePromise({ exitCode, signal, tookMs: performance.now() - startMs, ...text })
    })
  })
}
