/** What runs first on a worker of the pool: finds the function of a task, calls it, and answers. Nothing imports it. */
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { describeFailure, isTransferable, type WorkerAnswer, type WorkerTask } from './worker-pool.js'

/** The function that the pool calls, by this name, for each task. */
export async function answerTask(task: WorkerTask): Promise<unknown> {
  try {
    const script: Readonly<Record<string, unknown>> = await import(task.script)
    const call = script[task.name]
    if (typeof call !== 'function') throw new Error(`the script has no function ${task.name}`)
    return answered(await call(task.message))
  } catch (error) {
    return { status: 'failure', failure: describeFailure(error) } satisfies WorkerAnswer
  }
}

function answered(result: unknown): unknown {
  if (!isTransferable(result)) return { status: 'value', value: result } satisfies WorkerAnswer
  const answer: WorkerAnswer = { status: 'value', value: result.value }
  return move({ [transferableSymbol]: result.buffers, [valueSymbol]: answer } as Parameters<typeof move>[0])
}
