// Options of bench/scans.mjs.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { COMMON_OPTIONS, commonOptions, list } from '../shared/options.mjs'
import { isSerac } from '../shared/rounds.mjs'
import { WORKLOADS } from './workloads.mjs'

const OPTIONS = {
  ...COMMON_OPTIONS,
  table: { type: 'string', default: 'gen' },
  tables: { type: 'string' },
  engines: { type: 'string', default: 'serac,pyiceberg,duckdb,polars,iceberg-rust,icebird' },
  threads: { type: 'string', default: '2' },
  snapshots: { type: 'string', default: '500' },
}

export function parseOptions() {
  const { values } = parseArgs({ options: OPTIONS })
  const common = commonOptions(values)
  const places = {
    // The Iceberg extension of DuckDB comes for one release of it, so these have a home of their own.
    icebergPython: join(common.peers, 'venv-iceberg/bin/python'),
    icebergRust: join(common.peers, 'rust/release/serac-bench-iceberg'),
  }
  return {
    ...common,
    ...places,
    engines: common.engines.filter(engine => isInstalled(engine, { ...common, ...places })),
    workloads: list(values.workloads ?? Object.keys(WORKLOADS).join()),
    modes: list(values.modes ?? (values.profile ? 'table' : 'table,stream')),
    tables: list(values.tables ?? (values.profile ? 'serac' : 'serac,pyiceberg')),
    workers: list(values.workers ?? (values.profile ? '0' : '0,2')).map(Number),
    snapshots: Number(values.snapshots),
  }
}

function isInstalled(engine, { peers, icebergPython, icebergRust, summary }) {
  if (isSerac(engine) || summary) return true
  const home = { icebird: join(peers, 'npm/node_modules/icebird'), 'iceberg-rust': icebergRust }[engine]
  if (existsSync(home ?? icebergPython)) return true
  console.error(`${engine} is left out: bench/setup.sh has not installed it`)
  return false
}
