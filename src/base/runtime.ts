/**
 * Time and chance. Nothing else in serac reads a clock, draws a random number or waits, so that a whole
 * commit race replays from a seed. `test/tidy.test.ts` holds this.
 */
import { v4, v7 } from 'uuid'
import { LakeError } from './errors.js'

export interface Runtime {
  /** Milliseconds since 1970-01-01 UTC. */
  nowMs(): number
  /** A number in [0, 1). */
  random(): number
  /** A random (version 4) uuid, lower case with dashes. */
  uuid(): string
  /** A time-ordered (version 7) uuid: names of files and operations that sort by age. */
  orderedUuid(): string
  /** Waits; rejects with kind `aborted` when the signal fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemRuntime: Runtime = {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  uuid: () => v4(),
  orderedUuid: () => v7(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer)
        reject(new LakeError('aborted', 'the operation was aborted', { cause: signal?.reason }))
      }
      if (signal?.aborted) {
        reject(new LakeError('aborted', 'the operation was aborted', { cause: signal.reason }))
        return
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', abort, { once: true })
    }),
}
