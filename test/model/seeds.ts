/** Runs seeds of the model one after the other, and makes a failing plan small. */
import { seededRandom } from '../snapshot/world.js'
import { type ModelReport, runModel } from './model-run.js'
import { drawPlan, type NamedStep, type Plan } from './steps.js'

export interface SeedsReport {
  readonly seeds: number
  readonly snapshots: number
  readonly conflicts: number
  /** Steps by verb and how they ended. */
  readonly fates: Readonly<Record<string, number>>
  readonly failures: readonly SeedFailure[]
}

export interface SeedFailure {
  readonly seed: number
  readonly error: string
}

export function planOf(seed: number): Plan {
  return drawPlan(seed, seededRandom(seed))
}

/** Seeds `from`, `from + 1`, ... */
export async function runSeeds(
  range: { readonly from: number; readonly count: number },
  onFailure: (failure: SeedFailure) => void = () => {},
): Promise<SeedsReport> {
  const fates: Record<string, number> = {}
  const failures: SeedFailure[] = []
  let snapshots = 0
  let conflicts = 0
  for (let seed = range.from; seed < range.from + range.count; seed++) {
    try {
      const report = await runModel(planOf(seed))
      snapshots += report.snapshots
      conflicts += report.conflicts
      countFates(report, fates)
    } catch (error) {
      const failure = { seed, error: errorText(error) }
      failures.push(failure)
      onFailure(failure)
    }
  }
  return { seeds: range.count, snapshots, conflicts, fates, failures }
}

function countFates(report: ModelReport, fates: Record<string, number>): void {
  for (const [name, fate] of report.fates) {
    const key = `${name.slice(name.indexOf('-') + 1)} ${fate}`
    fates[key] = (fates[key] ?? 0) + 1
  }
}

/** The plan without the steps that its failure does not need. */
export async function smallestFailing(plan: Plan): Promise<Plan> {
  let small = plan
  for (const { name } of [...plan.writers.flat(), ...plan.filling]) {
    const fewer = withoutStep(small, name)
    if (await fails(fewer)) small = fewer
  }
  return small
}

function withoutStep(plan: Plan, name: string): Plan {
  const others = (steps: readonly NamedStep[]): readonly NamedStep[] =>
    steps.filter(step => step.name !== name)
  return { ...plan, filling: others(plan.filling), writers: plan.writers.map(others) }
}

async function fails(plan: Plan): Promise<boolean> {
  try {
    await runModel(plan)
    return false
  } catch {
    return true
  }
}

export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\n  because ${errorText(error.cause)}`
  const context = 'context' in error ? ` ${jsonText(error.context)}` : ''
  return `${error.stack}${context}${cause}`
}

export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? String(each) : each))
}
