/** Runs tasks one step at a time in an order that a seed decides: a race that can be run again. */
import { seededRandom } from '../snapshot/world.js'

export interface Scheduler {
  /** Waits until this task's turn. */
  gate(): Promise<void>
  /** A number in [0, 1) from the same seed. */
  random(): number
  /** Runs all tasks to their end, always releasing one waiting task at a time. */
  run(tasks: readonly (() => Promise<void>)[]): Promise<void>
}

export function createScheduler(seed: number): Scheduler {
  const random = seededRandom(seed)
  const waiting: (() => void)[] = []
  return {
    random,
    gate: () => new Promise(resolve => waiting.push(resolve)),
    async run(tasks) {
      let open = tasks.length
      const running = tasks.map(task =>
        task().finally(() => {
          open--
        }),
      )
      const all = Promise.allSettled(running)
      while (open > 0) {
        await new Promise(resolve => setImmediate(resolve))
        const [next] = waiting.splice(Math.floor(random() * waiting.length), 1)
        next?.()
      }
      for (const result of await all) if (result.status === 'rejected') throw result.reason
    },
  }
}
