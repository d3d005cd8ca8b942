/** One suite for every store of locks: what a lock says about who goes on, also when its holder was frozen. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LakeError } from '../../src/base/errors.js'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { HeldLock, LockManager, LockSettings } from '../../src/catalog/lock.js'

export interface LocksUnderTest {
  /** Another client of the same locks. */
  open(settings: Partial<LockSettings>, runtime: Runtime): Promise<LockManager>
}

const ENTITY = 'file:/lake/shop/orders/metadata/v2.metadata.json'
const QUICK: Partial<LockSettings> = {
  leaseMs: 300,
  heartbeatMs: 60,
  acquireIntervalMsMax: 40,
  acquireTimeoutMs: 5_000,
}
/** Of a holder that is frozen: what it waits for never comes, its heartbeat for one. */
const FROZEN: Runtime = {
  ...systemRuntime,
  sleep: (_, signal) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(new LakeError('aborted', 'aborted')))
    }),
}

export function describeLocks(name: string, start: () => Promise<LocksUnderTest>): void {
  describe(`the lock contract: ${name}`, () => {
    let locks: LocksUnderTest
    let opened: LockManager[]
    beforeEach(async () => {
      locks = await start()
      opened = []
    })
    afterEach(async () => {
      for (const manager of opened) await manager.close()
    })

    async function open(
      settings: Partial<LockSettings> = QUICK,
      runtime: Runtime = systemRuntime,
    ): Promise<LockManager> {
      const manager = await locks.open(settings, runtime)
      opened.push(manager)
      return manager
    }
    let owners = 0
    const owner = (): string => `file:/lake/shop/orders/metadata/${owners++}.metadata.json`
    async function take(manager: LockManager, entity = ENTITY): Promise<HeldLock> {
      const held = await manager.acquire(entity, owner())
      if (held === undefined) throw new Error('the lock was not to be had')
      return held
    }
    const sleep = (ms: number): Promise<void> => systemRuntime.sleep(ms)

    it('a lock is held by one, and free again when it is released', async () => {
      const first = await take(await open())
      const impatient = await open({ ...QUICK, acquireTimeoutMs: 120 })
      expect(await impatient.acquire(ENTITY, owner())).toBeUndefined()
      expect(await first.isHeld()).toBe(true)
      await first.release()
      await first.release()
      expect(await first.isHeld()).toBe(false)
      const second = await take(impatient)
      expect(await second.isHeld()).toBe(true)
    })

    it('locks of two names do not know each other', async () => {
      const manager = await open()
      const one = await take(manager)
      const two = await take(manager, `${ENTITY}.other`)
      expect([await one.isHeld(), await two.isHeld()]).toEqual([true, true])
    })

    it('a holder that lives keeps its lock for many leases', async () => {
      const held = await take(await open())
      const waiter = await open({ ...QUICK, acquireTimeoutMs: 900 })
      expect(await waiter.acquire(ENTITY, owner())).toBeUndefined()
      expect(await held.isHeld()).toBe(true)
    })

    it('the lock of a holder that is frozen is taken over, and it learns so', async () => {
      const frozen = await take(await open(QUICK, FROZEN))
      const taker = await take(await open())
      expect(await frozen.isHeld()).toBe(false)
      await frozen.release()
      expect(await taker.isHeld()).toBe(true)
    })

    it('a lock that is let lapse is renewed no more, and had by others when its lease is over', async () => {
      const held = await take(await open({ ...QUICK, leaseMs: 600 }))
      held.letLapse()
      await held.release()
      expect(await held.isHeld()).toBe(false)
      const impatient = await open({ ...QUICK, acquireTimeoutMs: 200 })
      expect(await impatient.acquire(ENTITY, owner())).toBeUndefined()
      expect(await (await take(await open())).isHeld()).toBe(true)
    })

    it('the lease of the holder counts, not that of who waits', async () => {
      const frozen = await take(await open({ ...QUICK, leaseMs: 60_000 }, FROZEN))
      const impatient = await open({ ...QUICK, leaseMs: 100, heartbeatMs: 50, acquireTimeoutMs: 400 })
      expect(await impatient.acquire(ENTITY, owner())).toBeUndefined()
      expect(await frozen.isHeld()).toBe(true)
    })

    it('being asked keeps others off for a lease', async () => {
      const held = await take(await open({ ...QUICK, leaseMs: 600 }, FROZEN))
      const waiting = (await open()).acquire(ENTITY, owner())
      for (let asked = 0; asked < 8; asked++) {
        await sleep(150)
        expect(await held.isHeld()).toBe(true)
      }
      await held.release()
      expect(await waiting).toBeDefined()
    })

    it('many who want one lock get it one after the other', async () => {
      let inside = 0
      let most = 0
      const work = async (): Promise<void> => {
        const manager = await open()
        for (let round = 0; round < 3; round++) {
          const held = await take(manager)
          most = Math.max(most, ++inside)
          await sleep(3)
          expect(await held.isHeld()).toBe(true)
          inside--
          await held.release()
        }
      }
      await Promise.all([work(), work(), work(), work()])
      expect(most).toBe(1)
    })

    it('closing releases what is held', async () => {
      const manager = await locks.open(QUICK, systemRuntime)
      await take(manager)
      await manager.close()
      expect(await (await open()).acquire(ENTITY, owner())).toBeDefined()
    })

    it('waiting can be aborted', async () => {
      await take(await open())
      const signal = AbortSignal.timeout(50)
      const waiting = (await open()).acquire(ENTITY, owner(), { signal })
      await expect(waiting).rejects.toMatchObject({ kind: 'aborted' })
    })
  })
}
