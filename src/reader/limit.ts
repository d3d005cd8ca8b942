/**
 * Which tasks a limit takes. Any rows will do, so files come first whose rows metadata proves to be returned: when they
 * have enough of them, the others are not read, and it is known where to stop in the last one.
 */
import type { ReadTask } from './plan.js'
import { provenRows } from './proven-rows.js'

export interface LimitedTask {
  readonly task: ReadTask
  /** Rows that are taken of it at most; absent: all. */
  readonly rowsMax?: number | undefined
}

export interface LimitedTasks {
  readonly tasks: readonly LimitedTask[]
  /** The tasks have the rows, each as many as is said of it: all of them will be read. */
  readonly isExact: boolean
}

/** Without a limit all tasks, in their order. */
export function limitedTasks(tasks: readonly ReadTask[], limit: number | undefined): LimitedTasks {
  if (limit === undefined) return { tasks: tasks.map(task => ({ task })), isExact: true }
  const proven: LimitedTask[] = []
  const others: LimitedTask[] = []
  let left = limit
  for (const task of tasks) {
    if (left <= 0) break
    const rows = provenRows(task)
    if (rows === undefined) others.push({ task, rowsMax: limit })
    else if (rows > 0) {
      proven.push({ task, rowsMax: left })
      left -= rows
    }
  }
  if (left <= 0) return { tasks: proven, isExact: true }
  return { tasks: [...proven, ...others], isExact: false }
}
