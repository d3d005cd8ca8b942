// A line of results.jsonl: what the lines of every bench say of the samples of one variant.

/** Machine and clock. */
export function timesOf({ run, samples }) {
  const good = samples.filter(sample => sample.seconds !== null)
  return {
    commit: run.commit,
    machine: `${run.cpus}, ${lastOf(samples).runtime ?? ''}`,
    load: median(samples.map(({ load }) => load)),
    loadMax: Math.max(...samples.map(({ load }) => load)),
    runs: good.length,
    seconds: rounded(median(good.map(({ seconds }) => seconds))),
    minSeconds: rounded(Math.min(...good.map(({ seconds }) => seconds))),
    firstSeconds: rounded(median(good.flatMap(({ firstSeconds }) => firstSeconds ?? []))),
    cpuSeconds: rounded(median(good.map(({ cpuSeconds }) => cpuSeconds))),
  }
}

/** `held`: what the engine held counts as its memory, but for the result that is asked of it. */
export function memoryOf(samples, { held }) {
  const good = samples.filter(sample => sample.seconds !== null)
  const { heldMb, startMb } = lastOf(samples)
  const over = sample => sample.peakMb - sample.startMb - (held ? 0 : sample.heldMb)
  return {
    peakMb: median(good.map(({ peakMb }) => peakMb)),
    overMb: median(good.map(over)),
    heldMb,
    startMb,
  }
}

/** What went wrong, the samples, and the run that they are of. */
export function historyOf({ options, run, samples }) {
  const failures = samples.flatMap(({ failure }) => failure ?? [])
  return {
    notes: lastOf(samples).notes,
    failures: failures.length === 0 ? undefined : failures,
    samples: samples.map(({ seconds }) => rounded(seconds)),
    run: run.run,
    nodes: options.nodes.map(({ version }) => version),
    tableRows: options.rows,
  }
}

/** The last sample that worked, or the last. */
export function lastOf(samples) {
  return samples.findLast(sample => sample.seconds !== null) ?? samples.at(-1)
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted.length === 0 ? null : sorted[sorted.length >> 1]
}

export function rounded(seconds) {
  return Number.isFinite(seconds) && seconds !== null ? Number(seconds.toFixed(4)) : null
}
