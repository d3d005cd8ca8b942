// Options of bench/parquet.mjs.
import { execFileSync } from 'node:child_process'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const bench = resolve(import.meta.dirname, '..')
const list = text => text.split(',').filter(word => word !== '')

const OPTIONS = {
  summary: { type: 'boolean', default: false },
  profile: { type: 'boolean', default: false },
  rows: { type: 'string', default: '5000000' },
  rounds: { type: 'string' },
  table: { type: 'string', default: 'orders' },
  workloads: { type: 'string' },
  modes: { type: 'string' },
  files: { type: 'string' },
  engines: { type: 'string', default: 'serac,pyarrow,duckdb,pyiceberg,parquet-wasm,hyparquet,icebird' },
  workers: { type: 'string' },
  threads: { type: 'string', default: '1,2' },
  columns: { type: 'string', default: 'id,price,order_date' },
  codec: { type: 'string', default: 'zstd' },
  level: { type: 'string', default: '1' },
  'page-version': { type: 'string', default: '1' },
  fsync: { type: 'boolean', default: false },
  node: { type: 'string', multiple: true },
  dist: { type: 'string', default: join(bench, '../dist') },
  commit: { type: 'string' },
  dir: { type: 'string', default: process.env.SERAC_BENCH_DIR ?? join(tmpdir(), 'serac-bench') },
  results: { type: 'string', default: join(bench, 'results.jsonl') },
  'no-results': { type: 'boolean', default: false },
}

export function parseOptions() {
  const { values } = parseArgs({ options: OPTIONS })
  const peers = process.env.SERAC_BENCH_PEERS ?? join(homedir(), '.cache/serac-bench-peers')
  return {
    summary: values.summary,
    profile: values.profile,
    rows: Number(values.rows),
    rounds: Number(values.rounds ?? 5),
    table: oneOf('table', values.table, ['orders', 'gen']),
    workloads: list(values.workloads ?? (values.profile ? 'write,read' : 'write,read,read3')),
    modes: list(values.modes ?? (values.profile ? 'table' : 'table,stream')),
    files: list(values.files ?? (values.profile ? 'serac' : 'serac,pyarrow')),
    engines: list(values.engines),
    workers: list(values.workers ?? (values.profile ? '0' : '0,1,2')).map(Number),
    threads: list(values.threads).map(Number),
    columns: list(values.columns),
    codec: values.codec,
    level: Number(values.level),
    pageVersion: Number(values['page-version']),
    fsync: values.fsync,
    nodes: (values.node ?? [process.execPath]).map(name => nodeOf(name, peers)),
    dist: resolve(values.dist),
    commit: values.commit,
    folder: resolve(values.dir),
    results: values['no-results'] && !values.summary ? undefined : resolve(values.results),
    peers,
    python: join(peers, 'venv/bin/python'),
    shared: process.env.SERAC_SHARED ?? resolve(bench, '../../shared'),
  }
}

function oneOf(name, value, allowed) {
  if (allowed.includes(value)) return value
  throw new Error(`--${name} is one of ${allowed.join(', ')}`)
}

/** A path or command, or the major version of one that setup.sh installed. */
function nodeOf(name, peers) {
  const path = /^\d+$/.test(name) ? join(peers, `node${name}/node_modules/node/bin/node`) : name
  return { path, version: execFileSync(path, ['--version']).toString().trim() }
}
