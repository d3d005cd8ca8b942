/** A slice of the simulation; `node test/simulation/run.mjs` runs the whole of it. A failure names its seed. */
import { describe, expect, it } from 'vitest'
import { CATALOG_KINDS, type CatalogKind } from './catalogs.js'
import { runWorld } from './run.js'
import { runSeeds } from './seeds.js'

const seeds = process.env.CI === 'true' ? 8 : 2

describe('a world of writers, faults and days', () => {
  it.each(CATALOG_KINDS)('loses, doubles and breaks nothing on the catalog %s', async (kind: CatalogKind) => {
    const report = await runSeeds({ from: 1, count: seeds, commits: 100, kinds: [kind] })
    expect(report.failures).toEqual([])
    expect(report.commits).toBeGreaterThanOrEqual(100 * seeds)
  })

  it('is the same world again from the same seed', async () => {
    const options = { seed: 42, catalog: 'dynamodb', commits: 40 } as const
    const [first, second] = [await runWorld(options), await runWorld(options)]
    expect(second).toEqual(first)
  })
})
