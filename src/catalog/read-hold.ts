/**
 * Read leases of something that is made now and read later: from before the table is loaded until what the caller asked
 * for has been read. A second use takes other leases. What is never used lets go when its leases lapse.
 */
import { mapBounded } from '../base/concurrency.js'
import type { ReadLeases } from './read-leases.js'

/** The snapshots that are read; `all` where they are not told one by one. */
export type HeldSnapshots = readonly bigint[] | 'all'

export interface Hold {
  /** Loads what is read under a lease, and says of which snapshots it is. */
  load<T>(load: () => Promise<T>, snapshotsOf: (loaded: T) => HeldSnapshots): Promise<T>
  /**
   * Keeps the leases through the work, and gives them up behind the last work that runs. Work that takes long calls
   * `renew` now and then.
   */
  during<T>(work: (renew: () => Promise<void>) => Promise<T>): Promise<T>
  over<T>(stream: () => AsyncIterable<T>): AsyncIterable<T>
}

/** A hold where there are leases; where there are none nothing is held. */
export function createHold(leases: ReadLeases | undefined): Hold {
  return leases === undefined ? NO_HOLD : holdBy(leases)
}

const NO_HOLD: Hold = {
  load: load => load(),
  during: work => work(async () => {}),
  over: stream => stream(),
}

function holdBy(leases: ReadLeases): Hold {
  let opened: Promise<HeldLeases> | undefined
  let snapshots: HeldSnapshots = 'all'
  let running = 0
  const open = (): Promise<HeldLeases> => {
    opened ??= openLeases(leases, snapshots)
    return opened
  }
  const release = async (): Promise<void> => {
    const held = opened
    opened = undefined
    await (await held)?.release()
  }
  const start = (): Promise<HeldLeases> => {
    running += 1
    return open()
  }
  const end = async (): Promise<void> => {
    running -= 1
    if (running === 0) await release()
  }
  return {
    async load(load, snapshotsOf) {
      const held = await open()
      try {
        const loaded = await load()
        snapshots = snapshotsOf(loaded)
        await held.pin(snapshots)
        return loaded
      } catch (error) {
        await release()
        throw error
      }
    },
    async during(work) {
      const held = await start()
      try {
        return await work(() => held.renew())
      } finally {
        await end()
      }
    },
    async *over(stream) {
      const held = await start()
      try {
        for await (const item of stream()) {
          yield item
          await held.renew()
        }
      } finally {
        await end()
      }
    },
  }
}

/** A lease for each snapshot. */
interface HeldLeases {
  /** Until then the snapshots are `all`. */
  pin(snapshots: HeldSnapshots): Promise<void>
  renew(): Promise<void>
  release(): Promise<void>
}

/** Snapshots that get a lease each; more than that are held by one lease that names none. */
const LEASES_MAX = 256
const LEASES_AT_ONCE = 8

async function openLeases(leases: ReadLeases, snapshots: HeldSnapshots): Promise<HeldLeases> {
  const first = await leases.open()
  const all = [first]
  const pin: HeldLeases['pin'] = async ids => {
    if (ids === 'all' || ids.length > LEASES_MAX) return
    const [id, ...others] = ids
    const openOne = async (other: bigint): Promise<void> => {
      const lease = await leases.open()
      all.push(lease)
      await lease?.pin(other)
    }
    await mapBounded(others, openOne, { limit: LEASES_AT_ONCE })
    // The last: a lease that names no snapshot protects all.
    await first?.pin(id)
  }
  await pin(snapshots)
  return {
    pin,
    async renew() {
      for (const lease of all) await lease?.renew()
    },
    async release() {
      for (const lease of all) await lease?.release()
    },
  }
}
