// A line of results.jsonl: the samples of one variant.
import { historyOf, lastOf, median, memoryOf, timesOf } from '../shared/result-line.mjs'

export function resultLine({ options, run, group, variant, samples }) {
  const sample = lastOf(samples)
  const times = timesOf({ run, samples })
  const middle = name => median(samples.flatMap(found => found[name] ?? [])) ?? undefined
  return {
    ...times,
    workload: group.name,
    rows: sample.rows ?? 0,
    ofRows: variant.count === undefined ? undefined : variant.total,
    style: variant.style,
    fsync: variant.fsync,
    writtenBytes: middle('writtenBytes'),
    snapshots: sample.snapshots,
    p50Ms: middle('p50Ms'),
    p99Ms: middle('p99Ms'),
    perSecond: rateOf(variant, times.seconds),
    snapshotsPerSecond: variant.task === 'grouped' ? rate(sample.snapshots, times.seconds) : undefined,
    // The rows that are written were there before: what is over them is the writer's.
    ...memoryOf(samples, { held: true }),
    engine: variant.engine,
    version: sample.version ?? run.commit,
    threads: variant.threads,
    workers: variant.workers,
    warm: sample.warm,
    table: options.table,
    callers: variant.callers,
    ...historyOf({ options, run, samples }),
  }
}

/** Commits, or rows that were acknowledged, each second. */
function rateOf({ task, commits, calls }, seconds) {
  if (task !== 'commits' && task !== 'grouped') return undefined
  return rate(commits ?? calls, seconds)
}

function rate(count, seconds) {
  return count === undefined || seconds === null ? undefined : Number((count / seconds).toFixed(1))
}
