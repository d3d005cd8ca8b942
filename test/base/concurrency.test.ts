import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGate } from '../../src/base/concurrency.js'

const LIMIT = 10

describe('a gate', () => {
  it('lets in what fits, in the order of asking, and what is too heavy alone', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(15), { minLength: 1, maxLength: 30 }),
        fc.nat(),
        async (weights, seed) => {
          const gate = createGate(LIMIT)
          const order: number[] = []
          const inside = new Map<number, () => void>()
          for (const [index, weight] of weights.entries()) {
            void gate.enter(weight).then(leave => {
              order.push(index)
              inside.set(index, leave)
            })
          }
          while (order.length < weights.length) {
            await new Promise(resolve => setImmediate(resolve))
            const sum = [...inside.keys()].reduce((all, index) => all + (weights[index] as number), 0)
            const heavy = [...inside.keys()].filter(index => (weights[index] as number) > LIMIT)
            expect(sum <= LIMIT || heavy.length === 1).toBe(true)
            expect(heavy.every(index => sum === weights[index])).toBe(true)
            const leaving = [...inside.keys()][seed % inside.size] as number
            inside.get(leaving)?.()
            inside.delete(leaving)
          }
          expect(order).toEqual(weights.map((_, index) => index))
        },
      ),
    )
  })

  it('lets those who gave up hold nobody up', async () => {
    const gate = createGate(LIMIT)
    const leave = await gate.enter(5)
    const abort = new AbortController()
    const heavy = gate.enter(LIMIT, abort.signal)
    const light = gate.enter(5)
    abort.abort('enough')
    await expect(heavy).rejects.toMatchObject({ kind: 'aborted', cause: 'enough' })
    await light
    leave()
  })

  it('is left once, however often that is said', async () => {
    const gate = createGate(1)
    const leave = await gate.enter(1)
    leave()
    leave()
    await gate.enter(1)
    let isIn = false
    void gate.enter(1).then(() => {
      isIn = true
    })
    await new Promise(resolve => setImmediate(resolve))
    expect(isIn).toBe(false)
  })
})
