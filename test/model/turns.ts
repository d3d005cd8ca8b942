/**
 * Writers that run one at a time and change places at gates, in an order that a seed decides. A writer that is let go
 * runs until it stands at a gate again or has ended, and only then the next is picked: unlike a scheduler that looks who is there,
 * this one gives the same order however long things take, so a seed that failed fails again.
 */
export interface Turns {
  /** Waits until the writer's turn. */
  gate(writer: number): Promise<void>
  /** Runs all to their end. @throws what the first of them throws */
  run(tasks: readonly (() => Promise<void>)[]): Promise<void>
}

export function createTurns(random: () => number): Turns {
  const waiting = new Map<number, (() => void)[]>()
  let busy = 0
  let settled: (() => void) | undefined

  function stops(): void {
    busy -= 1
    if (busy === 0) settled?.()
  }

  async function allStand(): Promise<void> {
    while (busy > 0) {
      await new Promise<void>(resolve => {
        settled = resolve
      })
    }
  }

  return {
    gate: writer =>
      new Promise(resolve => {
        const gates = waiting.get(writer) ?? []
        waiting.set(writer, [...gates, resolve])
        if (gates.length === 0) stops()
      }),
    async run(tasks) {
      let open = tasks.length
      busy = tasks.length
      const errors: unknown[] = []
      for (const task of tasks) void run(task)
      async function run(task: () => Promise<void>): Promise<void> {
        try {
          await task()
        } catch (error) {
          errors.push(error)
        } finally {
          open -= 1
          stops()
        }
      }
      for (;;) {
        await allStand()
        if (errors.length > 0) throw errors[0]
        if (open === 0) return
        const writers = [...waiting.keys()].sort((a, b) => a - b)
        const next = writers[Math.floor(random() * writers.length)]
        if (next === undefined) throw new Error('nobody stands at a gate, and not all have ended')
        const gates = waiting.get(next) ?? []
        waiting.delete(next)
        busy += 1
        for (const release of gates) release()
      }
    },
  }
}
