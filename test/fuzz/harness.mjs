/**
 * Runs broken inputs, many of them, and says how they ended. What is broken and how it is read is the caller's; the
 * rules are the same for all: every input ends as a value or as an error of kind `corrupt` or `unsupported`, within a
 * second of CPU time and 256 MB of memory.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { parseArgs } from 'node:util'
import { createRandom, inputSeed } from './random.mjs'

const CPU_MS_MAX = 1000
const MEMORY_BYTES_MAX = 256 * 1024 * 1024
const FAULTS_MAX = 20
/** Growth of the process since the last collection from which on garbage is collected before the next input. */
const GARBAGE_BYTES_MAX = 48 * 1024 * 1024

/**
 * A suite:
 *   bases      well-formed inputs, each with a `name` and whatever `breaks` and `read` need
 *   break      (random, base) => { kind, bytes }; may throw when what it made cannot be written
 *   whole      base => bytes that must read
 *   read       ({ base, bytes, random }) => rows or whatever; calls `past()` behind the header
 *   covered    which compiled files the coverage is of
 */
export async function runFuzz(suite) {
  const { values: args } = parseArgs({
    allowNegative: true,
    options: {
      inputs: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      keep: { type: 'string' },
      coverage: { type: 'boolean', default: true },
    },
  })
  for (const base of suite.bases) {
    const random = createRandom(1)
    const { end, error } = await readBroken(suite, { base, bytes: suite.whole(base), random })
    if (end !== 'value') throw new Error(`the whole file "${base.name}" does not read: ${error?.stack}`)
  }
  const seed = Number(args.seed)
  if (args.only !== undefined) return showOne(suite, { seed, input: Number(args.only), keep: args.keep })
  const coverage = args.coverage ? await startCoverage(suite.covered) : undefined
  const report = await run(suite, seed, Number(args.inputs))
  if (coverage !== undefined) report.coverage = await coverage()
  console.log(JSON.stringify(report))
  process.exitCode = report.faults.length > 0 ? 1 : 0
}

/** A broken input: from the seed and its number alone. */
function brokenInput({ bases, break: breakOne }, seed, input) {
  const random = createRandom(inputSeed(seed, input))
  for (;;) {
    const base = random.pick(bases)
    try {
      return { base, ...breakOne(random, base), random }
    } catch {
      // What the change made cannot be written; take another.
    }
  }
}

/** How far reading came and how it ended. */
async function readBroken({ read }, broken) {
  let isPast = false
  const past = () => {
    isPast = true
  }
  try {
    await read({ ...broken, past })
    return { isPast: true, end: 'value' }
  } catch (error) {
    const end = error?.name === 'LakeError' ? error.kind : `fault: ${error?.name}`
    return { isPast, end, error }
  }
}

const isAllowed = end => end === 'value' || end === 'corrupt' || end === 'unsupported'

async function showOne(suite, { seed, input, keep }) {
  const broken = brokenInput(suite, seed, input)
  if (keep !== undefined) writeFileSync(keep, broken.bytes)
  const started = process.cpuUsage()
  const { isPast, end, error } = await readBroken(suite, broken)
  console.log({ base: broken.base.name, kind: broken.kind, isPast, end, cpuMs: cpuMs(started) })
  if (error !== undefined) console.log(error)
}

function peakBytes() {
  return process.resourceUsage().maxRSS * 1024
}

function cpuMs(started) {
  const { user, system } = process.cpuUsage(started)
  return Math.round((user + system) / 1000)
}

async function run(suite, seed, inputs) {
  const report = {
    seed,
    inputs,
    ends: {},
    pastHeader: 0,
    kinds: {},
    slowestCpuMs: 0,
    memoryBytes: 0,
    faults: [],
  }
  globalThis.gc?.()
  let collected = process.memoryUsage.rss()
  const fault = (input, what) => {
    if (report.faults.length < FAULTS_MAX) report.faults.push({ seed, input, what })
  }
  for (let input = 0; input < inputs; input++) {
    // What earlier inputs left behind is not counted against the next.
    if (input % 500 === 0 || process.memoryUsage.rss() - collected > GARBAGE_BYTES_MAX) {
      globalThis.gc?.()
      collected = process.memoryUsage.rss()
    }
    const broken = brokenInput(suite, seed, input)
    const resident = process.memoryUsage.rss()
    const peakBefore = peakBytes()
    const started = process.cpuUsage()
    const { isPast, end, error } = await readBroken(suite, broken)
    const spent = cpuMs(started)
    report.slowestCpuMs = Math.max(report.slowestCpuMs, spent)
    report.ends[end] = (report.ends[end] ?? 0) + 1
    report.kinds[broken.kind] = (report.kinds[broken.kind] ?? 0) + 1
    if (isPast) report.pastHeader += 1
    if (!isAllowed(end)) fault(input, `${end} ${error?.message}`)
    if (spent > CPU_MS_MAX) fault(input, `${spent} ms of CPU`)
    // The peak is the process's: an input that does not raise it took no more than one before.
    const peak = peakBytes()
    const memory = peak > peakBefore ? peak - resident : 0
    if (memory > MEMORY_BYTES_MAX) fault(input, `${memory} bytes of memory`)
    report.memoryBytes = Math.max(report.memoryBytes, memory)
  }
  return report
}

/** Share of the functions and of the bytes of code in the named files that ran. */
async function startCoverage(covered) {
  const session = new Session()
  session.connect()
  const post = (method, params) =>
    new Promise((resolve, reject) =>
      session.post(method, params, (error, result) => (error ? reject(error) : resolve(result))),
    )
  await post('Profiler.enable')
  await post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return async () => {
    const { result } = await post('Profiler.takePreciseCoverage')
    const own = result
      .map(script => ({ script, name: script.url.replace(/^.*\/dist\//, '') }))
      .filter(({ script, name }) => script.url.includes('/dist/') && covered.test(name))
    const files = Object.fromEntries(own.map(({ script, name }) => [name, coveredShare(script)]))
    const shares = Object.values(files)
    return {
      overall: Math.round((100 * shares.reduce((sum, share) => sum + share, 0)) / shares.length) / 100,
      files,
    }
  }
}

/** By bytes: inner ranges say more exactly what their function ran. */
function coveredShare(script) {
  const end = Math.max(...script.functions.flatMap(fn => fn.ranges.map(range => range.endOffset)))
  const covered = new Uint8Array(end)
  const ranges = script.functions
    .flatMap(fn => fn.ranges)
    .sort((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset))
  for (const { startOffset, endOffset, count } of ranges)
    covered.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return Math.round((100 * covered.reduce((sum, byte) => sum + byte, 0)) / end) / 100
}
