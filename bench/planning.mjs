// Plans a selective scan of tables of many files, beside other engines: each sample is a new process, the files are
// in the page cache, the first plan of a process has nothing decoded and the second is reported apart.
//   npm run build && node bench/planning.mjs [--files 20000,200000] [--layouts spread,clustered]
//       [--filters partition,bounds] [--engines serac,pyiceberg,duckdb,iceberg-rust,spark] [--rounds 5] [--cache 16777216]
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
    engines: { type: 'string', default: 'serac,pyiceberg,duckdb,iceberg-rust,spark' },
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
  const { command, args } = commandOf(engine, {
    engine,
    metadata,
    filter: filterOf(filter, files),
    runs: RUNS,
    dist,
    cacheBytes: Number(values.cache),
  })
  try {
    const printed = execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    const answer = JSON.parse(printed.trim().split('\n').at(-1))
    return engine === 'iceberg-rust' ? rustSample(answer) : answer
  } catch (error) {
    return {
      failure: String(error.stderr ?? error)
        .trim()
        .split('\n')
        .at(-1),
    }
  }
}

function rustSample({ firstSeconds, seconds, peakMb, startMb, rows, version }) {
  return {
    seconds: [firstSeconds, seconds],
    peaksMb: [peakMb, peakMb],
    startMb,
    files: rows,
    version: `iceberg-rust ${version}`,
  }
}

/** `[from, to)` of ids, or of days since 1970. */
function filterOf(filter, files) {
  const day = FIRST_DAY + 500
  const id = Math.floor(files / 2) * ROWS_PER_FILE
  return filter === 'partition'
    ? { column: 'order_date', from: day, to: day + 1 }
    : { column: 'id', from: id, to: id + 10 }
}

/** Undefined for a peer that is not installed. */
function commandOf(engine, job) {
  const argument = JSON.stringify(job)
  if (engine === 'serac')
    return { command: process.execPath, args: [join(import.meta.dirname, 'planning/serac.mjs'), argument] }
  const peer = {
    'iceberg-rust': {
      command: join(peersRoot, 'rust/release/serac-bench-iceberg'),
      job: { ...job, mode: 'plan', repeats: RUNS - 1, threads: 2 },
    },
    spark: { command: join(judgesRoot, 'spark/bin/python'), script: 'spark.py', job },
    pyiceberg: { command: join(peersRoot, 'venv-iceberg/bin/python'), script: 'peers.py', job },
    duckdb: { command: join(peersRoot, 'venv-iceberg/bin/python'), script: 'peers.py', job },
  }[engine]
  if (peer === undefined || !existsSync(peer.command)) return undefined
  const script = peer.script === undefined ? [] : [join(import.meta.dirname, 'planning', peer.script)]
  return { command: peer.command, args: [...script, JSON.stringify(peer.job)] }
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
