// How long each of many small commits took.

/** Milliseconds. */
export async function timed(work) {
  const start = process.hrtime.bigint()
  await work()
  return Number(process.hrtime.bigint() - start) / 1e6
}

export function latencies(times) {
  const sorted = times.toSorted((a, b) => a - b)
  const at = share => Number(sorted[Math.ceil(share * sorted.length) - 1].toFixed(3))
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
