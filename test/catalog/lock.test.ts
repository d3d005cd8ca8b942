/** Locks in memory: the contract, and answers that are lost. */
import { describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { systemRuntime } from '../../src/base/runtime.js'
import {
  createLockManager,
  createMemoryLockStore,
  LOCK_DEFAULTS,
  type LockStore,
  lockSettings,
} from '../../src/catalog/lock.js'
import { describeLocks } from '../contract/lock.js'

describeLocks('in memory', async () => {
  const store = createMemoryLockStore()
  return { open: async (settings, runtime) => createLockManager(store, { runtime, settings }) }
})

/** Loses the answers of some puts: after they were done, or before they were sent. */
function losing(store: LockStore, lose: (put: number) => 'answer' | 'request' | undefined): LockStore {
  let puts = 0
  return {
    ...store,
    async put(...args) {
      const lost = lose(++puts)
      if (lost === 'request') throw new LakeError('unavailable', 'the request was lost')
      const outcome = await store.put(...args)
      if (lost === 'answer') throw new LakeError('unavailable', 'the answer was lost')
      return outcome
    },
  }
}

describe('a lock whose answers are lost', () => {
  const settings = { leaseMs: 5_000, heartbeatMs: 2_000, acquireTimeoutMs: 2_000 }
  const runtime = systemRuntime

  for (const lost of ['answer', 'request'] as const)
    it(`is had although the ${lost} of taking it was lost`, async () => {
      const store = losing(createMemoryLockStore(), put => (put === 1 ? lost : undefined))
      const locks = createLockManager(store, { runtime, settings })
      const held = await locks.acquire('a', 'me')
      expect(await held?.isHeld()).toBe(true)
      await locks.close()
    })

  it('is told to be held when one of two looks gets through, and is not told when none does', async () => {
    let lose: (put: number) => 'answer' | 'request' | undefined = () => undefined
    const locks = createLockManager(
      losing(createMemoryLockStore(), put => lose(put)),
      { runtime, settings },
    )
    const held = await locks.acquire('a', 'me')
    lose = put => (put === 2 ? 'answer' : undefined)
    expect(await held?.isHeld()).toBe(true)
    lose = () => 'request'
    await expect(held?.isHeld()).rejects.toMatchObject({ kind: 'unavailable' })
    await locks.close()
  })

  it('is released although the first tries fail', async () => {
    const inner = createMemoryLockStore()
    let removals = 0
    const store: LockStore = {
      ...inner,
      async remove(...args) {
        if (++removals < 3) throw new LakeError('unavailable', 'the request was lost')
        await inner.remove(...args)
      },
    }
    const locks = createLockManager(store, { runtime, settings })
    const held = await locks.acquire('a', 'me')
    await held?.release()
    expect(await inner.get('a', {})).toBeUndefined()
    await locks.close()
  })
})

describe('settings of locks', () => {
  it('have the names and defaults of Java', () => {
    expect(lockSettings({})).toEqual(LOCK_DEFAULTS)
    const properties = {
      'lock.heartbeat-timeout-ms': '900',
      'lock.heartbeat-interval-ms': '300',
      'lock.acquire-interval-ms': '70',
      'lock.acquire-timeout-ms': '8000',
    }
    expect(lockSettings(properties)).toEqual({
      leaseMs: 900,
      heartbeatMs: 300,
      acquireIntervalMsMax: 70,
      acquireTimeoutMs: 8000,
    })
  })

  it('that let a lease lapse between two heartbeats are refused', () => {
    const settings = { leaseMs: 100, heartbeatMs: 100 }
    expect(() => createLockManager(createMemoryLockStore(), { runtime: systemRuntime, settings })).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })
})
