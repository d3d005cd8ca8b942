// A line of results.jsonl: the samples of one variant, with all that a reader needs to judge them.

export function resultLine({ options, run, group, variant, samples }) {
  const good = samples.filter(sample => sample.seconds !== null)
  const sample = good.at(-1) ?? samples.at(-1)
  const failures = samples.flatMap(({ failure }) => failure ?? [])
  const file =
    variant.task === 'read' ? { file: variant.file, mode: variant.mode, columns: variant.columns } : {}
  return {
    commit: run.commit,
    machine: `${run.cpus}, ${sample.runtime ?? ''}`,
    load: median(samples.map(({ load }) => load)),
    loadMax: Math.max(...samples.map(({ load }) => load)),
    workload: group.name,
    runs: good.length,
    seconds: rounded(median(good.map(({ seconds }) => seconds))),
    minSeconds: rounded(Math.min(...good.map(({ seconds }) => seconds))),
    cpuSeconds: rounded(median(good.map(({ cpuSeconds }) => cpuSeconds))),
    rows: sample.rows ?? 0,
    ...(variant.task === 'write'
      ? { bytes: sample.bytes, files: sample.files, rowGroups: sample.rowGroups }
      : file),
    peakMb: median(good.map(({ peakMb }) => peakMb)),
    overMb: median(good.map(over)),
    heldMb: sample.heldMb,
    startMb: sample.startMb,
    engine: variant.engine,
    version: sample.version ?? run.commit,
    threads: variant.threads,
    workers: variant.workers,
    table: options.table,
    codec: sample.codec ?? options.codec,
    level: sample.level ?? options.level,
    pageVersion: sample.pageVersion ?? options.pageVersion,
    fsync: options.fsync,
    notes: sample.notes,
    failures: failures.length === 0 ? undefined : failures,
    samples: samples.map(({ seconds }) => rounded(seconds)),
    run: run.run,
    nodes: options.nodes.map(({ version }) => version),
    tableRows: options.rows,
  }

  /** Peak over what was held: the rows before a write, the tables after a read. */
  function over({ peakMb, startMb, heldMb }) {
    return variant.task === 'write' ? peakMb - startMb : peakMb - startMb - heldMb
  }
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted.length === 0 ? null : sorted[sorted.length >> 1]
}

function rounded(seconds) {
  return Number.isFinite(seconds) && seconds !== null ? Number(seconds.toFixed(4)) : null
}
