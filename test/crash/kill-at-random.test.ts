/** The command `serac cdc` killed with signal 9 at random times, on each feed: continuous integration only. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../snapshot/world.js'
import { debezium, debeziumWithSchemas, wal2json } from '../support/feeds.js'
import { applyByCommand, checkAndRunAgain, type KilledLakes, prepareLakes } from './killed-lake.js'

const KILLS = 30
/** A run may end before its kill; then it is tried again with another time. */
const TRIES = 10
const SEED = 20_261_121
const TIMEOUT_MS = 900_000
const feeds = [wal2json, debezium, debeziumWithSchemas]

describe.runIf(process.env.CI === 'true').each(feeds)('a process killed at a random time: $name', feed => {
  let lakes: KilledLakes
  beforeAll(async () => {
    lakes = await prepareLakes(feed, { checkpoint: 3, commitRows: 300 })
  })
  afterAll(() => lakes.remove())

  it(
    "leaves a whole lake, and running again gives the source's tables",
    async () => {
      const clock: RunClock = { runMs: await measuredRunMs(lakes) }
      const left = await lakes.inFreshLakes(randomKills(), async (folder, kill) => {
        try {
          expect(await killOnce(lakes, { folder, kill, clock }), 'the run is killed').toBe(true)
          return await checkAndRunAgain(lakes, folder)
        } catch (cause) {
          const when = `seed ${SEED}, kill ${kill.number} of runs of ${Math.round(clock.runMs)} ms`
          throw new Error(`${when}: ${String(cause)}`, { cause })
        }
      })
      const found = new Set(left.map(counts => JSON.stringify(counts)))
      expect(found.size, 'between how many commits the kills fell').toBeGreaterThan(2)
    },
    TIMEOUT_MS,
  )
})

interface Kill {
  readonly number: number
  /** Parts of a run after which to kill it; the first that comes before the run's end counts. */
  readonly parts: readonly number[]
}

interface RunClock {
  /** How long an undisturbed run takes, as last seen. */
  runMs: number
}

function randomKills(): readonly Kill[] {
  const random = seededRandom(SEED)
  return Array.from({ length: KILLS }, (_, number) => ({
    number,
    parts: Array.from({ length: TRIES }, random),
  }))
}

/** Of as many runs at once as there will be. */
async function measuredRunMs(lakes: KilledLakes): Promise<number> {
  const times = await lakes.inFreshLakes([1, 2], async folder => {
    const { exitCode, stderr, tookMs } = await applyByCommand(lakes, folder)
    expect(exitCode, stderr).toBe(0)
    return tookMs
  })
  return Math.min(...times)
}

async function killOnce(
  lakes: KilledLakes,
  { folder, kill, clock }: { readonly folder: string; readonly kill: Kill; readonly clock: RunClock },
): Promise<boolean> {
  for (const part of kill.parts) {
    const { signal, exitCode, stderr, tookMs } = await applyByCommand(lakes, folder, part * clock.runMs)
    if (signal === 'SIGKILL') return true
    expect(exitCode, stderr).toBe(0)
    clock.runMs = tookMs
    await lakes.refresh(folder)
  }
  return false
}
