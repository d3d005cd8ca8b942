/**
 * N committers on one table and one pair of tables, interleaved step by step by a seed, with answers that get
 * lost. Whatever happens: a commit that was acknowledged is there once, a refused one is not there, an unknown one
 * at most once, and every reachable file is whole. A failure prints its seed.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { failingCatalog } from '../../src/catalog/failing.js'
import { commitTables } from '../../src/commit/commit-loop.js'
import { failingIO } from '../../src/io/failing.js'
import { createMemoryIO } from '../../src/io/memory.js'
import {
  checkTable,
  createTable,
  createWorld,
  dataFile,
  fileAction,
  liveNames,
  ORDERS,
} from '../snapshot/world.js'
import { createScheduler } from './scheduler.js'

type Fate = 'committed' | 'refused' | 'unknown'

const ITEMS = { namespace: ['shop'], name: 'items' }

interface Race {
  readonly seed: number
  readonly committers: number
  readonly commitsEach: number
  /** Share of swaps and looks whose answer or request is lost. */
  readonly loss: number
}

async function race({ seed, committers, commitsEach, loss }: Race): Promise<ReadonlyMap<string, Fate>> {
  const scheduler = createScheduler(seed)
  let isRacing = false
  const io = failingIO(createMemoryIO(), async call => {
    if (isRacing && call.phase === 'before') await scheduler.gate()
    return undefined
  })
  const world = await createWorld({ seed, io })
  await createTable(world)
  await createTable(world, { name: 'items' })
  const catalog = failingCatalog(world.catalog, async call => {
    await scheduler.gate()
    if (call.verb !== 'commit' && call.verb !== 'settle') return undefined
    return scheduler.random() < loss ? 'lost' : undefined
  })
  const runtime = {
    ...world.runtime,
    sleep: async (ms: number) => {
      world.runtime.advance(ms)
      await scheduler.gate()
    },
  }
  const fates = new Map<string, Fate>()
  const committer = async (who: number): Promise<void> => {
    for (let count = 0; count < commitsEach; count++) {
      const name = `w${who}-${count}`
      const orders = fileAction(world, { addedDataFiles: [await dataFile(world, name)] })
      const items = fileAction(world, { addedDataFiles: [await dataFile(world, `${name}-item`)] })
      const both = who % 2 === 1
      const targets = [
        { identifier: ORDERS, action: orders },
        ...(both ? [{ identifier: ITEMS, action: items }] : []),
      ]
      try {
        await commitTables(catalog, targets, { io, runtime, retry: { retriesMax: 12, statusChecksMax: 3 } })
        fates.set(name, 'committed')
      } catch (error) {
        if (isLakeError(error, 'conflict')) fates.set(name, 'refused')
        else if (isLakeError(error, 'commit-state-unknown')) fates.set(name, 'unknown')
        else throw error
      }
    }
  }
  isRacing = true
  await scheduler.run(Array.from({ length: committers }, (_, who) => () => committer(who)))
  isRacing = false

  const [orders, items] = [await world.catalog.loadTable(ORDERS), await world.catalog.loadTable(ITEMS)]
  await checkTable(world.io, orders.metadata)
  await checkTable(world.io, items.metadata)
  const inOrders = await liveNames(world, orders)
  const inItems = new Set(await liveNames(world, items))
  expect(new Set(inOrders).size).toBe(inOrders.length)
  expect(orders.metadata.snapshots).toHaveLength(inOrders.length)
  for (const [name, fate] of fates) {
    const isThere = inOrders.includes(name)
    if (fate !== 'unknown') expect([name, isThere]).toEqual([name, fate === 'committed'])
    if (Number(name.slice(1).split('-')[0]) % 2 === 1)
      expect([name, inItems.has(`${name}-item`)]).toEqual([name, isThere])
  }
  expect(fates.size).toBe(committers * commitsEach)
  return fates
}

describe('interleaved committers', () => {
  it('never lose or double a commit', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.nat(),
          committers: fc.integer({ min: 2, max: 5 }),
          commitsEach: fc.integer({ min: 1, max: 3 }),
          loss: fc.constantFrom(0, 0.1, 0.4),
        }),
        async given => void (await race(given)),
      ),
      { numRuns: 15 },
    )
  })

  it('all land when answers are not lost and patience suffices', async () => {
    const fates = await race({ seed: 7, committers: 4, commitsEach: 3, loss: 0 })
    expect(new Set(fates.values())).toEqual(new Set(['committed']))
  })
})
