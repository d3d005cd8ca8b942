// A line of results.jsonl: the samples of one variant, with all that a reader needs to judge them.
import { historyOf, lastOf, memoryOf, timesOf } from '../shared/result-line.mjs'

export function resultLine({ options, run, group, variant, samples }) {
  const sample = lastOf(samples)
  const writing = variant.task === 'write'
  return {
    ...timesOf({ run, samples }),
    workload: group.name,
    rows: sample.rows ?? 0,
    ...(writing
      ? { bytes: sample.bytes, files: sample.files, rowGroups: sample.rowGroups }
      : { file: variant.file, mode: variant.mode, columns: variant.columns }),
    // Peak over what was held: the rows before a write, the tables after a read.
    ...memoryOf(samples, { held: writing }),
    engine: variant.engine,
    version: sample.version ?? run.commit,
    threads: variant.threads,
    workers: variant.workers,
    table: options.table,
    codec: sample.codec ?? options.codec,
    level: sample.level ?? options.level,
    pageVersion: sample.pageVersion ?? options.pageVersion,
    fsync: options.fsync,
    ...historyOf({ options, run, samples }),
  }
}
