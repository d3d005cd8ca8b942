/**
 * Runs that stop. A run is planned first: undisturbed, it names its steps and what the lake shows to others at
 * each of them. Then it runs once for each step, dies there, and runs again.
 */
import { expect } from 'vitest'
import { type FailingCatalogCall, failingCatalog } from '../../src/catalog/failing.js'
import { type Lake, openLake } from '../../src/index.js'
import { type FailingCall, failingIO } from '../../src/io/failing.js'
import { applyRealFeed, type Portion, type RealFeed } from '../support/feeds.js'
import { expectSourceState, isInState, type LakeState, readEverySnapshot, stateOf } from './lake-state.js'
import { type ClosedLake, copyOf, type OpenedLake, openAs } from './memory-lake.js'
import { createStepNames } from './step-names.mjs'

export interface Scenario {
  /** Where every run starts; never written to. */
  readonly start: ClosedLake
  /** For the databases of copies. */
  readonly folder: string
  readonly feed: RealFeed
  readonly portion: Portion
  /** Another process commits, just before the first swap of the run is sent. */
  readonly interfere?: (lake: ClosedLake) => Promise<void>
}

export interface PlannedStep {
  readonly name: string
  /** What the lake shows at this step, and so after a stop there. */
  readonly shows: LakeState
  /** The other process has committed. */
  readonly isInterfered: boolean
}

export interface Plan {
  readonly steps: readonly PlannedStep[]
  /** Snapshots of each table after the undisturbed run. */
  readonly snapshots: Readonly<Record<string, number>>
  /** What second runs came to and was judged; grows. */
  readonly judged: LakeState[]
}

type Call = FailingCall | FailingCatalogCall
type Watch = (step: string | undefined, call: Call) => void | Promise<void>

/** Same seed, same run: same names of files, same order of steps. */
const SEED = 1
const SEED_OF_SECOND_RUN = 2
const SEED_OF_OBSERVER = 3

/** The process dies: what it calls from then on reaches nobody. No LakeError, as no store would say this. */
export class Stopped extends Error {}

/** The run, undisturbed. Every snapshot of every state on the way is read. */
export async function planRun(scenario: Scenario): Promise<Plan> {
  const closed = await copyOf(scenario.start, scenario.folder)
  const look = async (): Promise<LakeState> => {
    const { lake } = await openAs(closed, SEED_OF_OBSERVER)
    await readEverySnapshot(lake)
    const state = await stateOf(lake)
    await lake.close()
    return state
  }
  const { feed, portion } = scenario
  const interference = interferenceOf(scenario, closed)
  const steps: PlannedStep[] = []
  let shows = await look()
  const { lake } = await openWatched(closed, async (name, call) => {
    if (name === undefined) return
    if (isCatalogWrite(call) && call.phase === 'after') shows = await look()
    steps.push({ name, shows, isInterfered: interference.isDone })
    if (await interference.takePlaceBefore(call)) shows = await look()
  })
  await applyRealFeed(lake.context, feed, portion)
  await expectSourceState(lake, feed, portion.checkpoint)
  await lake.close()
  const end = await look()
  return { steps, snapshots: end.snapshots, judged: [end] }
}

/** Dies at the step, checks what it left, runs again, and checks that nothing tells the two runs from one. */
export async function stopAndRunAgain(scenario: Scenario, plan: Plan, step: PlannedStep): Promise<void> {
  const closed = await copyOf(scenario.start, scenario.folder)
  const isStopped = await runUntil(scenario, closed, step.name)
  expect(isStopped, 'the run comes to the step').toBe(true)
  await runAgain(scenario, plan, { closed, shows: step.shows })
}

/** The second run, undisturbed, over what the first one left. */
export async function runAgain(
  { feed, portion }: Scenario,
  plan: Plan,
  left: { readonly closed: ClosedLake; readonly shows: LakeState },
): Promise<void> {
  const { lake } = await openAs(left.closed, SEED_OF_SECOND_RUN)
  if (!(await isInState(lake, left.shows))) {
    expect(await stateOf(lake), 'what the stopped run left').toEqual(left.shows)
  }
  await applyRealFeed(lake.context, feed, portion)
  if (!(await isAnyOf(lake, plan.judged))) {
    const end = await stateOf(lake)
    await expectSourceState(lake, feed, portion.checkpoint)
    await readEverySnapshot(lake)
    expect(end.snapshots, 'snapshots of each table').toEqual(plan.snapshots)
    plan.judged.push(end)
  }
  await lake.close()
}

async function isAnyOf(lake: Lake, states: readonly LakeState[]): Promise<boolean> {
  for (const state of states) if (await isInState(lake, state)) return true
  return false
}

async function runUntil(scenario: Scenario, closed: ClosedLake, step: string): Promise<boolean> {
  const interference = interferenceOf(scenario, closed)
  let isStopped = false
  const { lake } = await openWatched(closed, async (name, call) => {
    isStopped ||= name === step
    if (isStopped) throw new Stopped(step)
    await interference.takePlaceBefore(call)
  })
  // Where only clean-up was left to do, the run ends well in spite of it.
  await applyRealFeed(lake.context, scenario.feed, scenario.portion).catch(() => undefined)
  await lake.close()
  return isStopped
}

/** The lake with every call, those of its catalog to storage too, passing `watch` first, and again when it is done. */
export async function openWatched(closed: ClosedLake, watch: Watch): Promise<OpenedLake> {
  const name = createStepNames()
  const decide = async (call: Call): Promise<undefined> => {
    await watch(name(call), call)
  }
  const io = failingIO(closed.io, decide)
  const { catalog: inner, runtime } = await openAs(closed, SEED, io)
  const catalog = failingCatalog(inner, decide)
  return { catalog, runtime, lake: openLake({ catalog, io, runtime }) }
}

function isCatalogWrite(call: Call): boolean {
  return 'changes' in call
}

interface Interference {
  readonly isDone: boolean
  /** True when it took place. */
  takePlaceBefore(call: Call): Promise<boolean>
}

function interferenceOf({ interfere }: Scenario, closed: ClosedLake): Interference {
  let isDone = interfere === undefined
  return {
    get isDone() {
      return isDone
    },
    async takePlaceBefore(call) {
      if (isDone || interfere === undefined || call.verb !== 'commit' || call.phase !== 'before') return false
      isDone = true
      await interfere(closed)
      return true
    },
  }
}
