// A line of results.jsonl: the samples of one variant.
import { historyOf, lastOf, memoryOf, timesOf } from '../shared/result-line.mjs'

export function resultLine({ options, run, group, variant, samples }) {
  const sample = lastOf(samples)
  return {
    ...timesOf({ run, samples }),
    workload: group.name,
    rows: sample.rows ?? 0,
    tableBy: variant.maker,
    mode: variant.mode,
    columns: variant.columns,
    where: variant.where,
    snapshots: variant.workload === 'snapshot' ? options.snapshots : undefined,
    ...memoryOf(samples, { held: false }),
    engine: variant.engine,
    version: sample.version ?? run.commit,
    threads: variant.threads,
    workers: variant.workers,
    requests: sample.requests,
    readBytes: sample.readBytes,
    table: options.table,
    repeats: variant.repeats,
    ...historyOf({ options, run, samples }),
  }
}
