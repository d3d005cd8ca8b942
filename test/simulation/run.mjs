/**
 * The simulation in its long form, on what is in src/ now:
 *
 *   node test/simulation/run.mjs --commits 1000000        seeds of 100 commits each, in two processes; points and failures printed
 *   node test/simulation/run.mjs --commits 20000 --from 7 --processes 1
 *   node test/simulation/run.mjs --only 4711 --catalog dynamodb      one seed again
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const COMMITS_OF_SEED = 100
/** A fault that is counted by this at least, in a run of a million commits. */
const POINT_SHARE = 1_000 / 1_000_000

const { values } = parseArgs({
  options: {
    commits: { type: 'string', default: '1000000' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string', default: '2' },
    only: { type: 'string' },
    catalog: { type: 'string' },
  },
})
const folder = import.meta.dirname
const root = resolve(folder, '../..')
// Below node_modules, so that the packages are found from there and nobody looks at what is in it.
const cache = join(root, 'node_modules/.cache')
mkdirSync(cache, { recursive: true })
const out = mkdtempSync(join(cache, 'serac-simulation-'))
try {
  const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
  const options = ['-p', folder, '--outDir', out, '--incremental', 'false', '--tsBuildInfoFile', 'null']
  const compiled = spawnSync(process.execPath, [compiler, ...options], { encoding: 'utf8' })
  const main = join(out, 'test/simulation/long-run.js')
  if (!existsSync(main)) throw new Error(compiled.stdout)
  const seeds = values.only === undefined ? Math.ceil(Number(values.commits) / COMMITS_OF_SEED) : 1
  const reports = await runAll(main, seeds)
  process.exitCode = print(reports) ? 0 : 1
} finally {
  rmSync(out, { recursive: true, force: true })
}

function runAll(main, seeds) {
  const count = Math.min(Number(values.processes), seeds)
  const first = Number(values.only ?? values.from)
  const share = Math.ceil(seeds / count)
  return Promise.all(
    Array.from({ length: count }, (_, index) => {
      const range = [first + index * share, Math.min(share, seeds - index * share), COMMITS_OF_SEED]
      return runOne(main, [...range, values.catalog ?? ''].map(String))
    }),
  )
}

function runOne(main, args) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--max-semi-space-size=64', main, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.on('data', part => {
      text += part
    })
    child.on('close', code =>
      code === 0 ? done(JSON.parse(text)) : fail(new Error(`it ended with ${code}`)),
    )
  })
}

function print(reports) {
  const sum = key => reports.reduce((total, report) => total + report[key], 0)
  const points = joined(reports.map(report => report.points))
  const failures = reports.flatMap(report => report.failures)
  for (const [name, count] of Object.entries(joined(reports.map(report => report.fates))).sort())
    console.log(`${String(count).padStart(9)} ${name}`)
  console.log('')
  for (const [name, count] of Object.entries(points).sort())
    console.log(`${String(count).padStart(9)} ${name}`)
  const commits = sum('commits')
  const rare = Object.entries(points).filter(([, count]) => count < commits * POINT_SHARE)
  console.log(`\n${commits} commits that met a fault, ${sum('calmCommits')} without, ${sum('seeds')} seeds`)
  console.log(
    `${(sum('cpuMs') / (commits + sum('calmCommits'))).toFixed(2)} ms of processor time for a commit`,
  )
  if (rare.length > 0) console.log(`rarer than asked: ${rare.map(([name]) => name).join(', ')}`)
  for (const { seed, catalog, violations } of failures)
    console.log(`seed ${seed} (${catalog}) failed:\n  ${violations.slice(0, 3).join('\n  ')}`)
  return failures.length === 0
}

function joined(counts) {
  const all = {}
  for (const each of counts)
    for (const [name, count] of Object.entries(each)) all[name] = (all[name] ?? 0) + count
  return all
}
