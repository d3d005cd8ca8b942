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
 * rows to be written, or the tables that were read. Of `repeats` runs for the clock the median counts. A warm-up that
 * took more than `longSeconds` is the measured run.
 */
export async function measure({
  prepare,
  run,
  inspect,
  heldBytes,
  repeats = 1,
  longSeconds = Number.POSITIVE_INFINITY,
}) {
  collectGarbage()
  const startMb = statusMb('VmRSS')
  const warmUp = await timedRuns({ prepare, run, repeats: 1 })
  const { check, ...first } = await inspect(warmUp.result, { check: true })
  const isLong = warmUp.seconds > longSeconds
  warmUp.result = undefined
  const clocked = isLong ? warmUp : await timedRuns({ prepare, run, repeats })
  const { check: _, ...measured } = isLong ? first : await inspect(clocked.result, { check: false })
  answer({
    seconds: clocked.seconds,
    firstSeconds: warmUp.seconds,
    warm: isLong ? false : undefined,
    cpuSeconds: clocked.cpuSeconds,
    startMb,
    peakMb: clocked.peakMb,
    heldMb: Math.round((measured.heldBytes ?? heldBytes ?? 0) / 1048576),
    runtime: `node ${process.version}`,
    check,
    span: clocked.span,
    ...measured,
    heldBytes: undefined,
  })
}

/** The median of the runs, what the last one made, and memory and processor of all of them. */
async function timedRuns({ prepare, run, repeats }) {
  await prepare?.()
  collectGarbage()
  resetPeak()
  const cpuStart = process.cpuUsage()
  const start = process.hrtime.bigint()
  const times = []
  let result
  for (let at = 0; at < repeats; at++) {
    result = undefined
    if (at > 0) await prepare?.()
    const runStart = process.hrtime.bigint()
    result = await run()
    times.push(secondsSince(runStart))
  }
  const end = process.hrtime.bigint()
  const cpu = process.cpuUsage(cpuStart)
  return {
    result,
    seconds: median(times),
    cpuSeconds: (cpu.user + cpu.system) / 1e6 / repeats,
    peakMb: statusMb('VmHWM'),
    span: [String(start), String(end)],
  }
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
