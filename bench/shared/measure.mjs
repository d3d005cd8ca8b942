// One measurement, in the process that was started for it: the work once to warm up, where its answer is checked
// too, then for the clock: once, or several times where once is too short. Memory is the kernel's high-water mark,
// reset just before the clock starts, beside what the process held before it did any of the work. Needs node
// --expose-gc.
import { readFileSync, writeFileSync } from 'node:fs'
import { median } from './result-line.mjs'

/** What the bench asked for: JSON in the first argument. */
export function readJob() {
  return JSON.parse(process.argv[2])
}

/**
 * `run` is the work and gives what it made; `inspect`, off the clock, looks at it: `{rows, check?, heldBytes?, ...}`;
 * `prepare`, off the clock, comes before each run. `heldBytes` is what must be in memory whoever does the work: the
 * rows to be written, or the tables that were read. Of `repeats` runs for the clock the median counts.
 */
export async function measure({ prepare, run, inspect, heldBytes, repeats = 1 }) {
  collectGarbage()
  const startMb = statusMb('VmRSS')
  await prepare?.()
  const warmStart = process.hrtime.bigint()
  let result = await run()
  const firstSeconds = secondsSince(warmStart)
  const warm = await inspect(result, { check: true })
  result = undefined
  await prepare?.()
  collectGarbage()
  resetPeak()
  const cpuStart = process.cpuUsage()
  const start = process.hrtime.bigint()
  const times = []
  for (let at = 0; at < repeats; at++) {
    result = undefined
    if (at > 0) await prepare?.()
    const runStart = process.hrtime.bigint()
    result = await run()
    times.push(secondsSince(runStart))
  }
  const end = process.hrtime.bigint()
  const cpu = process.cpuUsage(cpuStart)
  const peakMb = statusMb('VmHWM')
  const { check: _, ...measured } = await inspect(result, { check: false })
  answer({
    seconds: median(times),
    firstSeconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6 / repeats,
    startMb,
    peakMb,
    heldMb: Math.round((measured.heldBytes ?? heldBytes ?? 0) / 1048576),
    runtime: `node ${process.version}`,
    check: warm.check,
    span: [String(start), String(end)],
    ...measured,
    heldBytes: undefined,
  })
}

export function answer(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

/** Bytes that the process holds in JavaScript values, garbage left out. */
export function usedBytes() {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function secondsSince(start) {
  return Number(process.hrtime.bigint() - start) / 1e9
}

function collectGarbage() {
  for (let pass = 0; pass < 3; pass++) globalThis.gc()
}

function resetPeak() {
  writeFileSync('/proc/self/clear_refs', '5')
}

function statusMb(name) {
  const line = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))
  return Math.round(Number(line?.[1]) / 1024)
}
