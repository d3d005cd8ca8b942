import { describe, expect, it } from 'vitest'
import { collect } from '../../src/base/concurrency.js'
import { orderedStreams } from '../../src/reader/ordered-streams.js'

const tick = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

async function* numbers(from: number, count: number, delay: number): AsyncGenerator<number> {
  for (let index = 0; index < count; index++) {
    for (let wait = 0; wait < delay; wait++) await tick()
    yield from + index
  }
}

describe('ordered streams', () => {
  it('hand on items in the order of the sources, whatever their speed', async () => {
    const delays = [5, 0, 3, 1]
    const all = await collect(
      orderedStreams([0, 10, 20, 30], from => numbers(from, 3, delays[from / 10] ?? 0), {
        limit: 3,
        aheadMax: 2,
      }),
    )
    expect(all).toEqual([0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32])
  })

  it('go on after a source without items', async () => {
    const all = await collect(orderedStreams([0, 2, 0, 1], count => numbers(7, count, 0), { limit: 2 }))
    expect(all).toEqual([7, 8, 7])
  })

  it('run at most as many sources as allowed, each a bounded number of items ahead', async () => {
    let running = 0
    let runningMost = 0
    let produced = 0
    async function* counted(): AsyncGenerator<number> {
      running++
      runningMost = Math.max(runningMost, running)
      for (let item = 0; item < 50; item++) {
        produced++
        yield item
      }
      running--
    }
    const stream = orderedStreams([1, 2, 3, 4, 5], counted, { limit: 2, aheadMax: 3 })
    await stream.next()
    for (let wait = 0; wait < 50; wait++) await tick()
    expect(produced).toBeLessThanOrEqual(2 * (3 + 1))
    for await (const _ of stream);
    expect(runningMost).toBe(2)
    expect(produced).toBe(250)
  })

  it('close every running source when the consumer stops', async () => {
    const closed: number[] = []
    const signals: AbortSignal[] = []
    async function* source(id: number): AsyncGenerator<number> {
      try {
        yield* numbers(id, 100, 1)
      } finally {
        closed.push(id)
      }
    }
    for await (const item of orderedStreams(
      [1, 2, 3],
      (id, signal) => {
        signals.push(signal)
        return source(id)
      },
      { limit: 2 },
    ))
      if (item > 0) break
    expect(closed.sort()).toEqual([1, 2])
    expect(signals.every(signal => signal.aborted)).toBe(true)
  })

  it('fail where the failing source stands in the order, and close the others', async () => {
    const seen: number[] = []
    let closedLast = false
    async function* failing(): AsyncGenerator<number> {
      yield 10
      throw new Error('broken')
    }
    async function* last(): AsyncGenerator<number> {
      try {
        yield* numbers(20, 100, 0)
      } finally {
        closedLast = true
      }
    }
    const open = (id: number): AsyncGenerator<number> =>
      id === 0 ? numbers(0, 2, 4) : id === 1 ? failing() : last()
    const run = async (): Promise<void> => {
      for await (const item of orderedStreams([0, 1, 2], open, { limit: 3 })) seen.push(item)
    }
    await expect(run()).rejects.toThrow('broken')
    expect(seen).toEqual([0, 1, 10])
    expect(closedLast).toBe(true)
  })
})
