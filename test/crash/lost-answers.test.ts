/**
 * A commit of a feed whose answer is lost, after it landed or before: the process finds out, gives up with
 * `commit-state-unknown`, or dies. Nothing that may be in use is deleted, and no change is applied twice.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { type CatalogFailure, type FailingCatalogCall, failingCatalog } from '../../src/catalog/failing.js'
import { applyRealFeed, wal2json } from '../support/feeds.js'
import { expectSourceState, type LakeState, readEverySnapshot, stateOf } from './lake-state.js'
import { type ClosedLake, copyOf, openAs } from './memory-lake.js'
import { filledLake } from './start-lakes.js'
import { openWatched, type Plan, planRun, runAgain, type Scenario, Stopped } from './stopping.js'

const SEED = 1

let folder: string
let scenario: Scenario
let plan: Plan
/** What the lake shows before the first commit, after it, after the second. */
let states: readonly LakeState[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-lost-'))
  const portion = { checkpoint: 2, commitRows: 1000 }
  scenario = { start: await filledLake(folder), folder, feed: wal2json, portion }
  plan = await planRun(scenario)
  states = [...new Set(plan.steps.map(step => step.shows))]
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Outcome {
  readonly closed: ClosedLake
  readonly error: unknown
  readonly deletes: number
}

/** Runs with a catalog that answers the nth commit, and everything after it, as `answer` says. */
async function runWith(
  nth: number,
  answer: (call: FailingCatalogCall, isTheCommit: boolean) => CatalogFailure,
): Promise<Outcome> {
  const closed = await copyOf(scenario.start, folder)
  let commits = 0
  let deletes = 0
  let isDead = false
  // Watched as the planned run is: tables draw their ids in the order in which they come to it.
  const { catalog, lake, runtime } = await openWatched(closed, async (_, call) => {
    if (isDead) throw new Stopped()
    if (call.verb === 'delete') deletes += 1
    await undefined
  })
  const failing = failingCatalog(catalog, async call => {
    if (call.verb === 'commit' && call.phase === 'before') commits += 1
    const failure = commits < nth ? undefined : answer(call, call.verb === 'commit' && commits === nth)
    isDead = failure instanceof Stopped
    return failure
  })
  const context = { catalog: failing, io: lake.context.io, runtime }
  const error: unknown = await applyRealFeed(context, scenario.feed, scenario.portion).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  await lake.close()
  return { closed, error, deletes }
}

async function expectEnd(closed: ClosedLake): Promise<void> {
  const { lake } = await openAs(closed, SEED)
  await expectSourceState(lake, scenario.feed, scenario.portion.checkpoint)
  await readEverySnapshot(lake)
  expect((await stateOf(lake)).snapshots).toEqual(plan.snapshots)
  await lake.close()
}

describe.each([1, 2])('a lost answer to commit %i', nth => {
  const before = (): LakeState => states[nth - 1] as LakeState
  const after = (): LakeState => states[nth] as LakeState

  describe.each([
    { what: 'that landed', lostIn: 'after', shows: after },
    { what: 'that never reached the catalog', lostIn: 'before', shows: before },
  ] as const)('$what', ({ lostIn, shows }) => {
    it('is found out, and the run goes on', async () => {
      const { closed, error } = await runWith(nth, (call, isTheCommit) =>
        isTheCommit && call.phase === lostIn ? 'lost' : undefined,
      )
      expect(error).toBeUndefined()
      await expectEnd(closed)
    })

    it('ends the run as unknown when nobody can tell, and nothing is deleted', async () => {
      const { closed, error, deletes } = await runWith(nth, (call, isTheCommit) => {
        if (call.verb === 'settle') return call.phase === 'before' ? 'lost' : undefined
        return isTheCommit && call.phase === lostIn ? 'lost' : undefined
      })
      expect(isLakeError(error, 'commit-state-unknown')).toBe(true)
      expect(deletes).toBe(0)
      await runAgain(scenario, plan, { closed, shows: shows() })
    })

    it('is found by the next run when the process dies waiting for it', async () => {
      const { closed, error } = await runWith(nth, (call, isTheCommit) =>
        isTheCommit && call.phase === lostIn ? new Stopped() : undefined,
      )
      expect(error).toBeInstanceOf(Stopped)
      await runAgain(scenario, plan, { closed, shows: shows() })
    })

    it('is found by the next run when the process dies asking for it', async () => {
      const { closed, error } = await runWith(nth, (call, isTheCommit) => {
        if (call.verb === 'settle') return new Stopped()
        return isTheCommit && call.phase === lostIn ? 'lost' : undefined
      })
      expect(error).toBeDefined()
      await runAgain(scenario, plan, { closed, shows: shows() })
    })
  })
})
