/** What a plan decided and what its execution did, as plain data for people and tests. */
import { printExpression } from '../expression/print.js'
import type { FileIO } from '../io/file-io.js'
import { meteredIO } from '../io/metered.js'
import { deleteFilesOf, type PlanReport, type ScanPlan } from './plan.js'
import { type ScanOptions, scanBatches } from './scan.js'
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
    },
  }
}

/** Runs the scan, drops its rows, and explains what that took. @throws as `scanBatches` */
export async function explainScan(
  io: FileIO,
  plan: ScanPlan,
  options: ScanOptions = {},
): Promise<ScanExplanation> {
  const metered = meteredIO(io)
  const counters = options.counters ?? newScanCounters()
  const batches = scanBatches(metered.io, plan, { ...options, counters })
  while (!(await batches.next()).done);
  const requests = Object.values(metered.counts.requests).reduce((sum, count) => sum + count, 0)
  return {
    ...explainPlan(plan),
    execution: { ...counters, requests, readBytes: metered.counts.readBytes },
  }
}
