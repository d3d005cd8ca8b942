/**
 * A process that applies a feed stops, once at every step: before and after each write, before and after each
 * change of the catalog. What it leaves is whole, and running again gives the source's tables, each change once.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commitTables } from '../../src/commit/commit-loop.js'
import { streamAction } from '../../src/commit/stream-action.js'
import { debezium, wal2json } from '../support/feeds.js'
import { type ClosedLake, openAs } from './memory-lake.js'
import { emptyLake, filledLake } from './start-lakes.js'
import { type Plan, type PlannedStep, planRun, type Scenario, stopAndRunAgain } from './stopping.js'

const SEED_OF_OTHER = 200
/** Some hundred runs. */
const TIMEOUT_MS = 600_000

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serac-crash-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function stopAtEach(scenario: Scenario, plan: Plan, steps: readonly PlannedStep[]): Promise<void> {
  expect(steps.length).toBeGreaterThan(0)
  for (const step of steps) {
    try {
      await stopAndRunAgain(scenario, plan, step)
    } catch (cause) {
      throw new Error(`stopped ${step.name}: ${String(cause)}`, { cause })
    }
  }
}

describe('a process that applies a feed and stops', () => {
  let scenario: Scenario
  let plan: Plan
  beforeAll(async () => {
    const portion = { checkpoint: 2, commitRows: 1000 }
    scenario = { start: await filledLake(folder), folder, feed: wal2json, portion }
    plan = await planRun(scenario)
  })

  it('takes the same steps each time', async () => {
    expect(await planRun(scenario)).toEqual(plan)
  })

  it('takes every kind of step, in several commits of several tables', () => {
    const names = plan.steps.map(step => step.name)
    for (const phase of ['before', 'after']) {
      for (const verb of ['openWriter', 'writer-write', 'writer-close', 'write', 'commit']) {
        expect(names.filter(name => name.startsWith(`${phase} ${verb} `)).length).toBeGreaterThan(1)
      }
    }
    expect(names.some(name => name.startsWith('before write ') && name.includes('metadata.json'))).toBe(true)
    expect(new Set(names).size).toBe(names.length)
    expect(new Set(plan.steps.map(step => JSON.stringify(step.shows.pointers))).size).toBe(3)
  })

  it(
    "at any step leaves a whole lake, and running again gives the source's tables",
    async () => {
      // After one part of a data file is before the next one.
      const steps = plan.steps.filter(step => !step.name.startsWith('after writer-write '))
      await stopAtEach(scenario, plan, steps)
    },
    TIMEOUT_MS,
  )
})

describe('a process that makes its tables from a feed and stops', () => {
  it(
    "at any step leaves a whole lake, and running again gives the source's tables",
    async () => {
      const portion = { checkpoint: 0, commitRows: 100_000 }
      const scenario = { start: await emptyLake(folder), folder, feed: debezium, portion }
      const plan = await planRun(scenario)
      const firstData = plan.steps.findIndex(step => step.name.includes('openWriter'))
      await stopAtEach(scenario, plan, plan.steps.slice(0, firstData))
    },
    TIMEOUT_MS,
  )
})

describe('a process that lost a race, and stops', () => {
  it(
    "at any step after it leaves a whole lake, and running again gives the source's tables",
    async () => {
      const portion = { checkpoint: 1, commitRows: 100_000 }
      const start = await filledLake(folder)
      const scenario = { start, folder, feed: wal2json, portion, interfere: advanceAnotherStream }
      const plan = await planRun(scenario)
      // Inside a data file that is being written nothing is new here.
      const steps = plan.steps.filter(step => step.isInterfered && !step.name.includes('writer-write'))
      expect(steps.some(step => step.name.startsWith('before delete '))).toBe(true)
      await stopAtEach(scenario, plan, steps)
    },
    TIMEOUT_MS,
  )
})

/** A commit of somebody else to one of the tables: it changes no row, but the head has moved. */
async function advanceAnotherStream(closed: ClosedLake): Promise<void> {
  const { lake, catalog, runtime } = await openAs(closed, SEED_OF_OTHER)
  const { io } = closed
  const step = { stream: 'another', position: 1, token: runtime.uuid() }
  const operationUuid = runtime.uuid()
  const options = { io, runtime, operationUuid, step, expected: undefined }
  const identifier = { namespace: ['shop'], name: 'orders' }
  await commitTables(
    catalog,
    [{ identifier, action: streamAction(async () => 'unchanged', options) }],
    options,
  )
  await lake.close()
}
