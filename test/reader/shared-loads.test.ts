import { describe, expect, it } from 'vitest'
import { createSharedLoads } from '../../src/reader/shared-loads.js'

describe('shared loads', () => {
  it('load once for all takers of a key', async () => {
    let loads = 0
    const shared = createSharedLoads<number>(['a', 'a', 'b'])
    const load = async (): Promise<number> => ++loads
    expect(await Promise.all([shared.take('a', load), shared.take('a', load)])).toEqual([1, 1])
    expect(await shared.take('b', load)).toBe(2)
  })

  it('refuse a taker that was not announced', () => {
    const shared = createSharedLoads<number>(['a'])
    void shared.take('a', async () => 1)
    expect(() => shared.take('a', async () => 2)).toThrow('assertion failed')
  })

  it('give every taker the failure of the load', async () => {
    const shared = createSharedLoads<number>(['a', 'a'])
    const fail = async (): Promise<number> => {
      throw new Error('gone')
    }
    await expect(shared.take('a', fail)).rejects.toThrow('gone')
    await expect(shared.take('a', async () => 1)).rejects.toThrow('gone')
  })
})
