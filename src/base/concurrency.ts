/** Bounded concurrency: by the number of items at work, or by what they weigh. */
import { checkSignal } from './errors.js'

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
  /** Resolves when there is room, to the function that leaves; what weighs more than the limit goes alone. */
  enter(weight: number): Promise<() => void>
}

export function createGate(limit: number): Gate {
  const waiting: { readonly weight: number; readonly start: () => void }[] = []
  let inside = 0
  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (inside > 0 && inside + next.weight > limit) return
      waiting.shift()
      inside += next.weight
      next.start()
    }
  }
  return {
    enter(weight) {
      return new Promise(resolve => {
        let isInside = true
        const leave = (): void => {
          if (!isInside) return
          isInside = false
          inside -= weight
          admit()
        }
        waiting.push({ weight, start: () => resolve(leave) })
        admit()
      })
    },
  }
}
