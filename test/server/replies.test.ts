/** What is remembered for a key, and what is not. */
import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { createPlanStore } from '../../src/server/plan-store.js'
import { createReplies, REPLY_LIFETIME_MS } from '../../src/server/replies.js'
import { kindOf } from '../support/errors.js'

/** A clock that stands until it is set. */
function clock() {
  const at = { ms: 0 }
  return { at, runtime: { ...systemRuntime, nowMs: () => at.ms } }
}

describe('the answer to a key', () => {
  const asked = (key: string, work: () => Promise<{ status: number }>) => ({
    principal: 'ann',
    key,
    request: ['POST', '/x', new Uint8Array([1])],
    work,
  })
  /** Work that counts how often it is done. */
  const counted = (status: number) => {
    const counter = { count: 0 }
    const work = async () => {
      counter.count += 1
      return { status }
    }
    return { counter, work }
  }

  it.each([
    [200, 1],
    [204, 1],
    [404, 1],
    [409, 1],
    [429, 2],
    [500, 2],
    [503, 2],
  ])('of status %d is made %d times of two', async (status, times) => {
    const replies = createReplies(systemRuntime)
    const { counter, work } = counted(status)
    for (let n = 0; n < 2; n++) expect(await replies.answer(asked('k', work))).toEqual({ status })
    expect(counter.count).toBe(times)
  })

  it('is remembered as long as clients are told, and for one principal', async () => {
    const { at, runtime } = clock()
    const replies = createReplies(runtime)
    const { counter, work } = counted(200)
    await replies.answer(asked('k', work))
    at.ms = REPLY_LIFETIME_MS - 1
    await replies.answer(asked('k', work))
    expect(counter.count).toBe(1)
    await replies.answer({ ...asked('k', work), principal: 'bob' })
    expect(counter.count).toBe(2)
    at.ms = REPLY_LIFETIME_MS
    await replies.answer(asked('k', work))
    expect(counter.count).toBe(3)
  })
})

describe('the answers to keys', () => {
  it('take so much memory at most: the oldest go first', async () => {
    const replies = createReplies(systemRuntime)
    let made = 0
    const ask = (key: string, sizeBytes: number) =>
      replies.answer({
        principal: 'ann',
        key,
        request: [key],
        work: async () => {
          made += 1
          return { status: 200, body: new Uint8Array(sizeBytes) }
        },
      })
    for (let n = 0; n < 20; n++) await ask(`large-${n}`, 2 ** 23)
    expect(made).toBe(20)
    await ask('large-19', 2 ** 23)
    expect(made).toBe(20)
    await ask('large-0', 2 ** 23)
    expect(made).toBe(21)
    // One that is larger than all of the memory is not kept, and costs the others nothing.
    for (const _ of [1, 2]) await ask('huge', 2 ** 27)
    expect(made).toBe(23)
    await ask('large-19', 2 ** 23)
    expect(made).toBe(23)
  })
})

describe('the store of plans', () => {
  const owner = { principal: 'ann', table: 'shop.orders' }
  const nothing = { tasks: [], options: { files: { serialize: () => ({}), parse: () => never() } } }
  const never = (): never => {
    throw new Error('nothing is parsed here')
  }

  it('forgets what nobody asked for in ten minutes', async () => {
    const { at, runtime } = clock()
    const plans = createPlanStore(runtime)
    const { planId, done } = plans.start(owner, async () => nothing)
    await done
    at.ms = 9 * 60_000
    expect(plans.find(owner, planId).planned).toBe(nothing)
    at.ms = 18 * 60_000
    expect(plans.find(owner, planId).planned).toBe(nothing)
    at.ms = 28 * 60_000
    expect(kindOf(() => plans.find(owner, planId))).toBe('not-found')
  })

  it('makes so many plans at a time, and is done with them when it is closed', async () => {
    const plans = createPlanStore(systemRuntime)
    const untilEnded = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    for (let n = 0; n < 32; n++) plans.start(owner, untilEnded)
    expect(kindOf(() => plans.start(owner, untilEnded))).toBe('unavailable')
    await plans.close()
    plans.start(owner, async () => nothing)
    await plans.close()
  })
})
