/** As every-step.test.ts, with real processes, real files and `kill -9`: continuous integration only. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { wal2json } from '../support/feeds.js'
import { applyInChild, checkAndRunAgain, type KilledLakes, prepareLakes } from './killed-lake.js'

const TIMEOUT_MS = 900_000

describe.runIf(process.env.CI === 'true')('a process killed at a step', () => {
  let lakes: KilledLakes
  beforeAll(async () => {
    lakes = await prepareLakes(wal2json, { checkpoint: 2, commitRows: 1000 })
  })
  afterAll(() => lakes.remove())

  it(
    "leaves a whole lake at any step, and running again gives the source's tables",
    async () => {
      const [undisturbed] = await lakes.inFreshLakes([undefined], folder => applyInChild(lakes, folder))
      expect(undisturbed).toMatchObject({ exitCode: 0, stderr: '' })
      const steps: readonly string[] = JSON.parse(undisturbed?.stdout ?? '')
      expect(steps.length).toBeGreaterThan(200)
      await lakes.inFreshLakes(steps, async (folder, step) => {
        try {
          expect(await applyInChild(lakes, folder, step)).toMatchObject({ signal: 'SIGKILL' })
          await checkAndRunAgain(lakes, folder)
        } catch (cause) {
          throw new Error(`killed ${step}: ${String(cause)}`, { cause })
        }
      })
    },
    TIMEOUT_MS,
  )
})
