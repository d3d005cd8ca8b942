// Plans a selective scan of tables of many files, beside other engines: each sample is a new process, the files are
// in the page cache, the first plan of a process has nothing decoded and the second is reported apart.
//   npm run build && node bench/planning.mjs [--files 20000,200000] [--layouts spread,clustered]
//       [--filters partition,bounds] [--engines serac,pyiceberg,duckdb,rust] [--rounds 5] [--cache 16777216]
//       [--dir FOLDER] [--dist dist] [--commit NAME] [--results FILE] [--no-results]
import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { cpus, homedir, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildTable, FIRST_DAY, ROWS_PER_FILE } from './planning/build.mjs'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '20000,200000' },
    layouts: { type: 'string', default: 'spread' },
    filters: { type: 'string', default: 'partition,bounds' },
    engines: { type: 'string', default: 'serac,pyiceberg,duckdb,rust' },
    rounds: { type: 'string', default: '5' },
    cache: { type: 'string', default: String(2 ** 24) },
    dir: { type: 'string', default: join(process.env.SERAC_BENCH_DIR ?? join(tmpdir(), 'serac-bench')) },
    dist: { type: 'string', default: resolve(import.meta.dirname, '../dist') },
    commit: { type: 'string' },
    results: { type: 'string', default: join(import.meta.dirname, 'results.jsonl') },
    'no-results': { type: 'boolean', default: false },
  },
})
const RUNS = 2
const peersRoot = process.env.SERAC_BENCH_PEERS ?? join(homedir(), '.cache/serac-bench-peers')
const judgesRoot = process.env.SERAC_JUDGES_DIR ?? join(homedir(), '.cache/serac-judges')
const dist = resolve(values.dist)
const commit = values.commit ?? execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim()
mkdirSync(values.dir, { recursive: true })

for (const layout of values.layouts.split(',')) {
  for (const files of values.files.split(',').map(Number)) {
    const metadata = await buildTable(values.dir, { files, layout, dist })
    warmPageCache(join(metadata, '..'))
    for (const filter of values.filters.split(',')) measure({ layout, files, metadata, filter })
  }
}

function measure({ layout, files, metadata, filter }) {
  const engines = values.engines.split(',').filter(engine => commandOf(engine, {}) !== undefined)
  const samples = new Map(engines.map(engine => [engine, []]))
  for (let round = 0; round < Number(values.rounds); round++)
    for (const engine of engines) samples.get(engine).push(sampleOf(engine, { files, metadata, filter }))
  for (const [engine, all] of samples) report({ engine, layout, files, filter, all })
}

function sampleOf(engine, { files, metadata, filter }) {
  const middle = Math.floor(files / 2) * ROWS_PER_FILE
  const day = FIRST_DAY + 500
  const dayText = new Date(day * 86_400_000).toISOString().slice(0, 10)
  const where =
    filter === 'partition' ? `order_date = '${dayText}'` : `id >= ${middle} and id < ${middle + 10}`
  const job = {
    engine,
    metadata,
    filter,
    where,
    dayText,
    idFrom: middle,
    idTo: middle + 10,
    runs: RUNS,
    dist,
    cacheBytes: Number(values.cache),
  }
  const { command, args } = commandOf(engine, job)
  try {
    const printed = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    return engine === 'rust' ? rustSample(printed) : JSON.parse(printed.trim().split('\n').at(-1))
  } catch (error) {
    return {
      failure: String(error.stderr ?? error)
        .trim()
        .split('\n')
        .at(-1),
    }
  }
}

/** Undefined for a peer that is not installed. */
function commandOf(engine, job) {
  if (engine === 'serac')
    return {
      command: process.execPath,
      args: [join(import.meta.dirname, 'planning/serac.mjs'), JSON.stringify(job)],
    }
  if (engine === 'rust') {
    const command = findFile(join(judgesRoot, 'rust'), 'judge-rust')
    const where = (job.where ?? '')
      .replaceAll("'", '')
      .split(' and ')
      .flatMap(test => ['--where', test])
    return command && { command, args: ['plan', `file://${job.metadata}`, ...where] }
  }
  const command = join(peersRoot, 'venv/bin/python')
  const script = join(import.meta.dirname, 'planning/peers.py')
  return existsSync(command) ? { command, args: [script, JSON.stringify(job)] } : undefined
}

function rustSample(printed) {
  // The judge plans three times and says the median.
  const { seconds, n, peak_rss_mb } = JSON.parse(printed)
  return {
    seconds: [seconds, seconds],
    peaksMb: [peak_rss_mb, peak_rss_mb],
    files: n,
    version: 'iceberg-rust',
  }
}

function findFile(folder, name) {
  if (!existsSync(folder)) return undefined
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).find(
    entry => entry.isFile() && entry.name === name,
  )
  return found && join(found.parentPath, found.name)
}

function report({ engine, layout, files, filter, all }) {
  const good = all.filter(sample => sample.seconds !== undefined)
  const line = {
    commit,
    machine: `${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`,
    load: loadavg()[0],
    workload: 'planning',
    layout,
    tableFiles: files,
    filter,
    engine,
    version: good[0]?.version,
    runs: good.length,
    seconds: median(good.map(({ seconds }) => seconds[0])),
    cpuSeconds: median(good.map(({ cpuSeconds }) => cpuSeconds?.[0])),
    secondRunSeconds: median(good.map(({ seconds }) => seconds[1])),
    peakMb: median(good.map(({ peaksMb }) => peaksMb?.[0])),
    secondRunPeakMb: median(good.map(({ peaksMb }) => peaksMb?.[1])),
    startMb: good[0]?.startMb,
    files: good[0]?.files,
    failure: all.find(sample => sample.failure !== undefined)?.failure,
  }
  console.log(JSON.stringify(line))
  if (!values['no-results']) appendFileSync(values.results, `${JSON.stringify(line)}\n`)
}

function median(numbers) {
  const sorted = numbers.filter(Number.isFinite).toSorted((a, b) => a - b)
  return sorted.length === 0 ? null : sorted[sorted.length >> 1]
}

function warmPageCache(folder) {
  for (const name of readdirSync(folder)) readFileSync(join(folder, name))
}
