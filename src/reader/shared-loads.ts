/** Things loaded once for a known number of takers and let go after the last one. */
import { assert } from '../base/assert.js'

/** Loads of one kind of thing, by key. */
export interface SharedLoads<T> {
  /** Starts the load at the first call of a key; later calls share it. Each use given at the start is one call. */
  take(key: string, load: () => Promise<T>): Promise<T>
}

/** @param uses every key once for each `take` that will be made */
export function createSharedLoads<T>(uses: readonly string[]): SharedLoads<T> {
  const left = new Map<string, number>()
  for (const key of uses) left.set(key, (left.get(key) ?? 0) + 1)
  const loading = new Map<string, Promise<T>>()
  return {
    take(key, load) {
      const remaining = (left.get(key) ?? 0) - 1
      assert(remaining >= 0, 'a shared load is taken as often as announced')
      left.set(key, remaining)
      const promise = loading.get(key) ?? load()
      if (remaining > 0) loading.set(key, promise)
      else loading.delete(key)
      return promise
    },
  }
}
