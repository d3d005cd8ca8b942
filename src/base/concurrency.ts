/** Bounded concurrency: by the number of items at work, or by what they weigh. */
import { abortedError, checkSignal } from './errors.js'

/** Runs `work` over the items, at most `limit` at once; the first failure stops the start of further items. */
export async function mapBounded<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  options: { readonly limit: number; readonly signal?: AbortSignal | undefined },
): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let failed = false
  const lane = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const index = next++
      checkSignal(options.signal)
      try {
        results[index] = await work(items[index] as T, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const lanes = Array.from({ length: Math.min(options.limit, items.length) }, lane)
  const settled = await Promise.allSettled(lanes)
  for (const lane of settled) if (lane.status === 'rejected') throw lane.reason
  return results
}

/** Collects a stream. The caller knows that it is small. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of stream) all.push(item)
  return all
}

/** Lets those in whose weights together stay within a limit, in the order of asking. */
export interface Gate {
  /**
   * Resolves when there is room, to the function that leaves; what weighs more than the limit goes alone.
   * @throws aborted while it waits
   */
  enter(weight: number, signal?: AbortSignal): Promise<() => void>
}

/** @param limit what may be inside together; asked for anew whenever somebody might enter */
export function createGate(limit: number | (() => number)): Gate {
  const limitNow = typeof limit === 'number' ? () => limit : limit
  const waiting: { readonly weight: number; readonly start: () => void }[] = []
  let inside = 0
  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (inside > 0 && inside + next.weight > limitNow()) return
      waiting.shift()
      inside += next.weight
      next.start()
    }
  }
  return {
    enter(weight, signal) {
      return new Promise((resolve, reject) => {
        let isInside = true
        const leave = (): void => {
          if (!isInside) return
          isInside = false
          inside -= weight
          admit()
        }
        const giveUp = (): void => {
          waiting.splice(waiting.indexOf(place), 1)
          reject(abortedError(signal))
          admit()
        }
        const place = {
          weight,
          start: () => {
            signal?.removeEventListener('abort', giveUp)
            resolve(leave)
          },
        }
        signal?.addEventListener('abort', giveUp, { once: true })
        waiting.push(place)
        admit()
      })
    },
  }
}

/** Waits for the work or the signal, whichever comes first; the work goes on. @throws aborted */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(abortedError(signal))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}
