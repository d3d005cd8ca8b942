/** The world notices what is planted: else its silence would say nothing. */
import { describe, expect, it } from 'vitest'
import { BUGS } from './bugs.js'
import { runWorld } from './run.js'

/** Runs of a bug until it is noticed. */
const SEEDS_MAX = 60

describe('the simulation notices when', () => {
  it.each(BUGS.map(bug => [bug.name, bug] as const))('%s', async (_, bug) => {
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const report = await runWorld({ seed, catalog: bug.kind ?? 'dynamodb', commits: 40, bug })
      if (report.violations.length > 0) return
    }
    expect.fail(`${SEEDS_MAX} worlds were fine with it`)
  })
})
