/** Random steps by several writers against the relational model; `README.md` says how, and how to run more. */
import { describe, expect, it } from 'vitest'
import { holds, play, type Row } from './rows.js'
import { planOf, runSeeds } from './seeds.js'
import { createTurns } from './turns.js'

const SEEDS = process.env.CI === 'true' ? 400 : 12

describe('writers of every kind, their commits in random order', () => {
  it('leave in every snapshot what the model says', { timeout: 900_000 }, async () => {
    const { failures, conflicts, snapshots } = await runSeeds({ from: 1, count: SEEDS })
    expect(failures).toEqual([])
    expect(snapshots, 'writers got to write').toBeGreaterThan(4 * SEEDS)
    expect(conflicts, 'writers met').toBeGreaterThan(SEEDS)
  })

  it('come in the same order whenever a seed is run', async () => {
    const range = { from: 3, count: 2 }
    expect(await runSeeds(range)).toEqual(await runSeeds(range))
  })
})

describe('the model', () => {
  const row = (tag: number, given: Partial<Row> = {}): Row => ({
    tag: BigInt(tag),
    id: BigInt(tag),
    part: 'a',
    n: 1,
    x: null,
    ...given,
  })

  it('knows that null is not known', () => {
    expect(holds({ on: 'id-up-to', value: 3 }, row(1, { id: null }))).toBe(null)
    expect(holds({ on: 'part-not-n-above', value: 1 }, row(1, { part: null, n: 0 }))).toBe(false)
    expect(holds({ on: 'part-not-n-above', value: 1 }, row(1, { part: null, n: 5 }))).toBe(null)
  })

  it('follows a row through the steps of a transaction', () => {
    const first = row(1)
    const steps = [
      { verb: 'update', where: { on: 'all', value: 0 }, set: { column: 'n', value: 2 } },
      { verb: 'upsert', keys: ['id'], rows: [row(2, { id: 1n })] },
    ] as const
    const played = play([first, row(5)], { verb: 'transaction', ref: 'main', steps })
    expect(played.map(({ row: { tag }, from }) => [tag, from.map(each => each.tag)])).toEqual([
      [5n, [5n]],
      [2n, [1n]],
    ])
  })

  it('draws the same plan from the same seed, and another from another', () => {
    expect(planOf(7)).toEqual(planOf(7))
    expect(planOf(8)).not.toEqual(planOf(7))
  })
})

describe('turns', () => {
  it('let one writer go at a time, in an order that the seed decides', async () => {
    const orderOf = async (seed: number): Promise<string> => {
      let state = seed
      const turns = createTurns(() => {
        state = (state * 16_807) % 2_147_483_647
        return state / 2_147_483_647
      })
      const order: number[] = []
      let running = 0
      const task = (writer: number) => async (): Promise<void> => {
        for (let step = 0; step < 4; step++) {
          await turns.gate(writer)
          running += 1
          expect(running).toBe(1)
          // However long it takes, nobody else is let go.
          for (let wait = 0; wait < (writer * 7 + step) % 5; wait++) await new Promise(setImmediate)
          order.push(writer)
          running -= 1
        }
      }
      await turns.run([task(0), task(1), task(2)])
      return order.join('')
    }
    expect(await orderOf(11)).toBe(await orderOf(11))
    expect(new Set(await Promise.all([1, 2, 3, 4].map(orderOf))).size).toBeGreaterThan(1)
  })

  it('say what the first writer failed of', async () => {
    const turns = createTurns(() => 0)
    const work = turns.run([
      async () => turns.gate(0),
      async () => {
        await turns.gate(1)
        throw new Error('of this')
      },
    ])
    await expect(work).rejects.toThrow('of this')
  })
})
