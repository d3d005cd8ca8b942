// Options that the benches share.
import { execFileSync } from 'node:child_process'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const bench = resolve(import.meta.dirname, '..')

export const COMMON_OPTIONS = {
  summary: { type: 'boolean', default: false },
  profile: { type: 'boolean', default: false },
  rows: { type: 'string', default: '5000000' },
  rounds: { type: 'string', default: '5' },
  workloads: { type: 'string' },
  modes: { type: 'string' },
  workers: { type: 'string' },
  columns: { type: 'string', default: 'id,price,order_date' },
  node: { type: 'string', multiple: true },
  dist: { type: 'string', default: join(bench, '../dist') },
  commit: { type: 'string' },
  dir: { type: 'string', default: process.env.SERAC_BENCH_DIR ?? join(tmpdir(), 'serac-bench') },
  results: { type: 'string', default: join(bench, 'results.jsonl') },
  'no-results': { type: 'boolean', default: false },
}

export function commonOptions(values) {
  const peers = process.env.SERAC_BENCH_PEERS ?? join(homedir(), '.cache/serac-bench-peers')
  return {
    summary: values.summary,
    profile: values.profile,
    rows: Number(values.rows),
    rounds: Number(values.rounds),
    table: oneOf('table', values.table, ['orders', 'gen']),
    engines: list(values.engines),
    threads: list(values.threads).map(Number),
    columns: list(values.columns),
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

export function list(text) {
  return text.split(',').filter(word => word !== '')
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
