/**
 * One world from a seed: a few writers, whose processes die and come again, work on two tables until enough commits have
 * landed that met a fault; then all that is on its way arrives, orphans are removed, and what is there is compared with what
 * the writers were told.
 */
import { newTableUpdates } from '../../src/metadata/new-table.js'
import { checkEnd, checkFates } from './verdict.js'
import {
  createWorld,
  driven,
  landedWith,
  openClient,
  TABLES,
  type World,
  type WorldOptions,
} from './world.js'
import { startWriter } from './writer-loop.js'
import { tableOf } from './writers.js'

export type { WorldOptions } from './world.js'

export interface WorldReport {
  readonly seed: number
  readonly catalog: WorldOptions['catalog']
  /** Landed, and met a fault before. */
  readonly commits: number
  /** Landed without. */
  readonly calmCommits: number
  readonly faults: ReadonlyMap<string, number>
  readonly fates: ReadonlyMap<string, number>
  readonly violations: readonly string[]
}

const WRITERS = 4

export async function runWorld(options: WorldOptions): Promise<WorldReport> {
  const world = await createWorld(options)
  await makeTables(world)
  world.isOn = true
  for (let writer = 0; writer < WRITERS; writer++) startWriter(world, writer)
  await world.clock.run()
  world.isOn = false
  const { truth, faults, fates } = world
  if (truth.violations.length === 0) {
    checkFates(world)
    await checkEnd(world)
  }
  return {
    seed: options.seed,
    catalog: options.catalog,
    commits: landedWith(world, { isCalm: false }),
    calmCommits: landedWith(world, { isCalm: true }),
    faults: faults.counts,
    fates,
    violations: truth.violations,
  }
}

function makeTables(world: World): Promise<void> {
  const founder = world.network.process('founder')
  return driven(world, async () => {
    const { catalog } = await openClient(world, founder)
    await catalog.createNamespace(['shop'])
    for (const name of TABLES) {
      const updates = newTableUpdates({
        schema: {
          fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
          identifierFieldIds: [1],
        },
        location: `memory://lake/shop/${name}`,
        formatVersion: world.formatVersion,
        properties: propertiesOf(world.random),
        uuid: founder.runtime.uuid(),
      })
      await catalog.commit([
        { identifier: tableOf(name), requirements: [{ type: 'assert-create' }], updates },
      ])
    }
  })
}

function propertiesOf(random: () => number): Record<string, string> {
  return {
    'write.metadata.previous-versions-max': String(random() < 0.5 ? 100 : 4 + Math.floor(random() * 10)),
    'write.metadata.delete-after-commit.enabled': String(random() < 0.3),
    'write.manifest.compression-codec': 'uncompressed',
    'write.merge.mode': random() < 0.5 ? 'copy-on-write' : 'merge-on-read',
    'commit.manifest.min-count-to-merge': String(3 + Math.floor(random() * 12)),
  }
}
