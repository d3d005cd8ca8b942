/** Reads broken Parquet files, many of them; README.md beside this file says how. */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { parseArgs } from 'node:util'
import { openParquet } from '../../dist/format/parquet/read.js'
import { createMemoryIO } from '../../dist/io/memory.js'
import { baseFiles } from './base-files.mjs'
import { brokenBytes, brokenTree } from './mutate.mjs'
import { putTogether, takeApart } from './parquet-file.mjs'
import { createRandom, inputSeed } from './random.mjs'

const LOCATION = 'memory://fuzz.parquet'
const CPU_MS_MAX = 1000
const MEMORY_BYTES_MAX = 256 * 1024 * 1024
/** Rows after which a file that claims very many has said enough. */
const ROWS_MAX = 200_000

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

/** The ways to break a file. Each gives the bytes of the broken one. */
const BREAKS = {
  bytes: (random, base) => brokenBytes(random, base.bytes),
  footer: (random, base) => {
    const parts = structuredClone(base.parts)
    const metadata = brokenTree(random, parts.metadata)
    return putTogether({ ...parts, metadata }, { footer: true })
  },
  'page header': (random, base) =>
    withBrokenPage(random, base, { header: random.chance(0.7) }, page => ({
      ...page,
      header: brokenTree(random, page.header),
    })),
  'page body': (random, base) => {
    let times = 1 + random.below(3)
    return withBrokenPage(random, base, {}, page => {
      let { body } = page
      while (times-- > 0) body = brokenBytes(random, body)
      return { ...page, body }
    })
  },
  'page index': (random, base) => {
    const parts = structuredClone(base.parts)
    const group = random.pick(parts.indexes)
    const index = group && random.pick(group)
    if (index === undefined || (index.offset === undefined && index.column === undefined))
      return brokenBytes(random, base.bytes)
    const kind = index.column === undefined || random.chance(0.5) ? 'offset' : 'column'
    if (index[kind] !== undefined) index[kind] = brokenTree(random, index[kind])
    index.isBroken = true
    return putTogether(parts, {})
  },
}

function withBrokenPage(random, base, keep, change) {
  const parts = structuredClone(base.parts)
  const chunk = random.pick(random.pick(parts.chunks))
  const at = random.below(chunk.length)
  chunk[at] = change(chunk[at])
  return putTogether(parts, keep)
}

/** A broken file: from the seed and the number of the input alone. */
function brokenFile(bases, seed, input) {
  const random = createRandom(inputSeed(seed, input))
  for (;;) {
    const base = random.pick(bases)
    const kind = random.pick([
      'bytes',
      'footer',
      'footer',
      'page header',
      'page header',
      'page body',
      'page body',
      'page body',
      'page index',
    ])
    try {
      return { base, kind, bytes: BREAKS[kind](random, base), random }
    } catch {
      // What the change made cannot be written; take another.
    }
  }
}

/** How far reading came and how it ended. */
async function readBroken({ bytes, random }) {
  const io = createMemoryIO()
  await io.write(LOCATION, bytes)
  let reached = 'footer'
  let rows = 0
  try {
    const file = await openParquet(io, LOCATION)
    reached = 'pages'
    for (const group of file.footer.rowGroups) group.columns.size
    const selection = random.chance(0.3) ? Uint32Array.of(3, 5, 20, 33) : undefined
    const keepPage = random.chance(0.3) ? () => true : undefined
    const pageFieldIds = [1, 2]
    // Column by column, so that one broken column does not hide the next.
    for (let column = 0; column < Math.min(file.fields.length, 40); column++) {
      const request = { columns: [column], selection, keepPage, pageFieldIds, budgetBytes: 32 * 1024 * 1024 }
      for await (const { batch } of file.read(request)) {
        rows += batch.length
        if (rows > ROWS_MAX) return { reached, end: 'rows' }
      }
    }
    return { reached, end: 'rows' }
  } catch (error) {
    const end = error?.name === 'LakeError' ? error.kind : `fault: ${error?.name}`
    return { reached, end, error }
  }
}

const isAllowed = end => end === 'rows' || end === 'corrupt' || end === 'unsupported'

async function main() {
  const bases = (await baseFiles()).map(file => ({ ...file, parts: takeApart(file.bytes) }))
  for (const base of bases) {
    const { end, error } = await readBroken({
      bytes: putTogether(structuredClone(base.parts), {}),
      random: createRandom(1),
    })
    if (end !== 'rows') throw new Error(`the whole file "${base.name}" does not read: ${error}`)
  }
  const seed = Number(args.seed)
  if (args.only !== undefined) return showOne(bases, seed, Number(args.only))
  const coverage = args.coverage ? await startCoverage() : undefined
  const report = await run(bases, seed, Number(args.inputs))
  if (coverage !== undefined) report.coverage = await coverage()
  console.log(JSON.stringify(report))
  process.exitCode = report.faults.length > 0 ? 1 : 0
}

async function showOne(bases, seed, input) {
  const broken = brokenFile(bases, seed, input)
  if (args.keep !== undefined) writeFileSync(args.keep, broken.bytes)
  const started = process.cpuUsage()
  const { reached, end, error } = await readBroken(broken)
  console.log({ base: broken.base.name, kind: broken.kind, reached, end, cpuMs: cpuMs(started) })
  if (error !== undefined) console.log(error)
}

function cpuMs(started) {
  const { user, system } = process.cpuUsage(started)
  return Math.round((user + system) / 1000)
}

async function run(bases, seed, inputs) {
  const report = {
    seed,
    inputs,
    ends: {},
    reachedPages: 0,
    kinds: {},
    slowestCpuMs: 0,
    memoryBytes: 0,
    faults: [],
  }
  globalThis.gc?.()
  const memoryBefore = process.resourceUsage().maxRSS * 1024
  const fault = (input, what) => {
    if (report.faults.length < 20) report.faults.push({ seed, input, what })
  }
  for (let input = 0; input < inputs; input++) {
    const broken = brokenFile(bases, seed, input)
    const started = process.cpuUsage()
    const { reached, end, error } = await readBroken(broken)
    const spent = cpuMs(started)
    report.slowestCpuMs = Math.max(report.slowestCpuMs, spent)
    report.ends[end] = (report.ends[end] ?? 0) + 1
    report.kinds[broken.kind] = (report.kinds[broken.kind] ?? 0) + 1
    if (reached === 'pages') report.reachedPages += 1
    if (!isAllowed(end)) fault(input, `${end} ${error?.message}`)
    if (spent > CPU_MS_MAX) fault(input, `${spent} ms of CPU`)
    const memory = process.resourceUsage().maxRSS * 1024 - memoryBefore
    if (memory > MEMORY_BYTES_MAX && report.memoryBytes <= MEMORY_BYTES_MAX)
      fault(input, `${memory} bytes of memory`)
    report.memoryBytes = Math.max(report.memoryBytes, memory)
  }
  return report
}

/** Share of the functions and of the bytes of code in format/parquet that ran. */
async function startCoverage() {
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
    const own = result.filter(script => /dist\/format\/parquet\//.test(script.url))
    const files = Object.fromEntries(
      own.map(script => [script.url.replace(/^.*dist\/format\/parquet\//, ''), coveredShare(script)]),
    )
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

await main()
