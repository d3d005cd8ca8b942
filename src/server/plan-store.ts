/**
 * Plans that clients fetch in parts. A plan belongs to one principal and one table, and is kept for some minutes after it
 * was last asked for; when there are too many, the oldest go first. A client whose plan is gone plans again.
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import type { ScanTask, SerializeTasksOptions } from '../rest/scan-task-json.js'

export interface PlannedScan {
  readonly tasks: readonly ScanTask[]
  readonly options: SerializeTasksOptions
}

/** Whose plan of what. */
export interface PlanOwner {
  readonly principal: string
  readonly table: string
}

export interface StoredPlan {
  readonly planId: string
  readonly done: Promise<PlannedScan>
  /** Undefined while the plan is being made. */
  readonly planned: PlannedScan | undefined
}

export interface PlanStore {
  /** Begins a plan. @throws unavailable when too many are being made */
  start(owner: PlanOwner, work: (signal: AbortSignal) => Promise<PlannedScan>): StoredPlan
  /** @throws not-found */
  find(owner: PlanOwner, planId: string): StoredPlan
  /** Ends the work, and forgets the plan. @throws not-found */
  cancel(owner: PlanOwner, planId: string): void
  /** Ends and forgets all; nothing is at work any more when it resolves. */
  close(): Promise<void>
}

const KEPT_MS = 10 * 60_000
const PLANS_MAX = 1_000
/** Plans being made at the same time. */
const RUNNING_MAX = 32
const TASKS_MAX = 2_000_000

interface Kept extends StoredPlan {
  readonly owner: PlanOwner
  readonly controller: AbortController
  planned: PlannedScan | undefined
  usedMs: number
}

export function createPlanStore(runtime: Runtime): PlanStore {
  /** The one used last comes last. */
  const plans = new Map<string, Kept>()
  const running = new Set<Promise<unknown>>()

  const forget = (plan: Kept): void => {
    plans.delete(plan.planId)
    plan.controller.abort(new Error('the plan is not wanted any more'))
  }
  const forgetOld = (): void => {
    const nowMs = runtime.nowMs()
    let tasks = 0
    for (const { planned } of plans.values()) tasks += planned?.tasks.length ?? 0
    for (const plan of plans.values()) {
      const isFull = plans.size > 1 && (plans.size > PLANS_MAX || tasks > TASKS_MAX)
      if (!isFull && plan.usedMs + KEPT_MS > nowMs) return
      tasks -= plan.planned?.tasks.length ?? 0
      forget(plan)
    }
  }
  const find = (owner: PlanOwner, planId: string): Kept => {
    forgetOld()
    const plan = plans.get(planId)
    if (plan === undefined || plan.owner.principal !== owner.principal || plan.owner.table !== owner.table)
      throw new LakeError('not-found', 'there is no such plan', { context: { planId } })
    plan.usedMs = runtime.nowMs()
    plans.delete(planId)
    plans.set(planId, plan)
    return plan
  }

  return {
    start(owner, work) {
      if (running.size >= RUNNING_MAX)
        throw new LakeError('unavailable', 'too many plans are being made', {
          context: { running: RUNNING_MAX },
        })
      const controller = new AbortController()
      const done = work(controller.signal)
      const plan: Kept = {
        planId: runtime.uuid(),
        owner,
        controller,
        done,
        planned: undefined,
        usedMs: runtime.nowMs(),
      }
      plans.set(plan.planId, plan)
      const end = done.then(
        planned => {
          plan.planned = planned
          forgetOld()
        },
        // Whoever asks for the plan is told why it failed.
        () => undefined,
      )
      running.add(end)
      end.finally(() => running.delete(end))
      return plan
    },
    find,
    cancel: (owner, planId) => forget(find(owner, planId)),
    async close() {
      for (const plan of plans.values()) forget(plan)
      await Promise.all(running)
    },
  }
}
