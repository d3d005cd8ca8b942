/** What a plan decided and what its execution did, as plain data for people and tests. */
import { printExpression } from '../expression/print.js'
import type { FileIO } from '../io/file-io.js'
import { type IoCounts, meteredIO } from '../io/metered.js'
import { deleteFilesOf, type PlanReport, type ScanPlan } from './plan.js'
import { type ScanOptions, scanBatches } from './scan.js'
import { estimatedBytes } from './scan-budget.js'
import { newScanCounters, type ScanCounters } from './scan-counters.js'

export interface PlanExplanation {
  readonly snapshotId: bigint | undefined
  readonly schemaId: number
  readonly filter: string
  readonly columns: readonly string[]
  /** What each level of planning kept and skipped, and what planning cost. */
  readonly planning: PlanReport
  readonly scan: {
    readonly dataFiles: number
    /** Files whose rows all match, by metadata alone. */
    readonly dataFilesCovered: number
    readonly deleteFiles: number
    readonly rowsMax: number
    readonly bytesMax: number
    /** Of the needed columns, where the plan has their sizes; what `maxScanBytes` is compared with. */
    readonly bytesEstimated: number
  }
}

export interface ScanExplanation extends PlanExplanation {
  /** What running the scan did: row groups, rows, requests, bytes. */
  readonly execution: Readonly<ScanCounters> & { readonly requests: number; readonly readBytes: number }
}

/** Explains a plan without reading a data file. */
export function explainPlan(plan: ScanPlan): PlanExplanation {
  const { snapshot, schema, filter, fields, tasks, report } = plan
  return {
    snapshotId: snapshot?.snapshotId,
    schemaId: schema.schemaId,
    filter: printExpression(filter),
    columns: fields.map(field => field.name),
    planning: report,
    scan: {
      dataFiles: tasks.length,
      dataFilesCovered: tasks.filter(task => task.residual.op === 'true').length,
      deleteFiles: deleteFilesOf(tasks).size,
      rowsMax: tasks.reduce((sum, task) => sum + task.entry.file.recordCount, 0),
      bytesMax: tasks.reduce((sum, task) => sum + task.entry.file.fileSizeBytes, 0),
      bytesEstimated: estimatedBytes(plan),
    },
  }
}

/** Runs the scan, drops its rows, and explains what that took. @throws as `scanBatches` */
export async function explainScan(
  io: FileIO,
  plan: ScanPlan,
  options: ScanOptions = {},
): Promise<ScanExplanation> {
  const run = countedRun(io, options.counters)
  const batches = scanBatches(run.io, plan, { ...options, counters: run.counters })
  while (!(await batches.next()).done);
  return explainCounts(plan, run)
}

/** Storage and counters for reading plans, and what was read through them. */
export interface CountedRun {
  readonly io: FileIO
  readonly counters: ScanCounters
  readonly counts: IoCounts
}

export function countedRun(io: FileIO, counters: ScanCounters = newScanCounters()): CountedRun {
  const metered = meteredIO(io, { requestsMax: 0 })
  return { io: metered.io, counters, counts: metered.counts }
}

/** A plan and what has been counted since the run was made. */
export function explainCounts(plan: ScanPlan, { counters, counts }: CountedRun): ScanExplanation {
  const requests = Object.values(counts.requests).reduce((sum, count) => sum + count, 0)
  return { ...explainPlan(plan), execution: { ...counters, requests, readBytes: counts.readBytes } }
}
