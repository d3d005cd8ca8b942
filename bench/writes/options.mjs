// Options of bench/writes.mjs.
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { COMMON_OPTIONS, commonOptions, list } from '../shared/options.mjs'
import { isSerac } from '../shared/rounds.mjs'
import { STYLES, WORKLOADS } from './workloads.mjs'

const OPTIONS = {
  ...COMMON_OPTIONS,
  rounds: { type: 'string', default: '3' },
  table: { type: 'string', default: 'gen' },
  engines: { type: 'string', default: 'serac,pyiceberg,spark,duckdb,delta-rs,icebird' },
  threads: { type: 'string', default: '2' },
  styles: { type: 'string', default: 'mor3,mor2' },
  fsync: { type: 'string' },
  only: { type: 'string' },
  commits: { type: 'string', default: '200' },
  callers: { type: 'string', default: '64' },
  linger: { type: 'string', default: '5' },
  long: { type: 'string', default: '60' },
}

export function parseOptions() {
  const { values } = parseArgs({ options: OPTIONS })
  const common = commonOptions(values)
  const judges = process.env.SERAC_JUDGES_DIR ?? join(homedir(), '.cache/serac-judges')
  const places = {
    // The Iceberg extension of DuckDB comes for one release of it, so these have a home of their own.
    icebergPython: join(common.peers, 'venv-iceberg/bin/python'),
    sparkPython: join(judges, 'spark/bin/python'),
    icebird: join(common.peers, 'icebird/source'),
  }
  return {
    ...common,
    ...places,
    engines: common.engines.filter(engine => isInstalled(engine, { ...common, ...places })),
    workloads: namesOf('workloads', values.workloads ?? Object.keys(WORKLOADS).join(), WORKLOADS),
    styles: namesOf('styles', values.styles, STYLES),
    workers: list(values.workers ?? (values.profile ? '0' : '0,2')).map(Number),
    fsync: values.fsync === undefined ? undefined : list(values.fsync).map(word => word === 'on'),
    only: values.only === undefined ? undefined : list(values.only),
    commits: Number(values.commits),
    callers: Number(values.callers),
    lingerMs: Number(values.linger),
    longSeconds: Number(values.long),
  }
}

function namesOf(option, text, known) {
  const names = list(text)
  if (names.every(name => name in known)) return names
  throw new Error(`--${option} are of ${Object.keys(known).join(', ')}`)
}

function isInstalled(engine, { peers, icebird, sparkPython, python, summary }) {
  if (isSerac(engine) || summary) return true
  const home = { icebird: join(icebird, 'src/index.js'), spark: sparkPython }[engine] ?? python
  if (existsSync(home) && (engine !== 'delta-rs' || hasDelta(peers))) return true
  const setup = engine === 'spark' ? 'test/judges/setup.sh' : 'bench/setup.sh'
  console.error(`${engine} is left out: ${setup} has not installed it`)
  return false
}

function hasDelta(peers) {
  return readFileSync(join(peers, 'venv/installed.txt'), 'utf8').includes('deltalake')
}
