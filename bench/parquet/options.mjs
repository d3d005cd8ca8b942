// Options of bench/parquet.mjs.
import { parseArgs } from 'node:util'
import { COMMON_OPTIONS, commonOptions, list } from '../shared/options.mjs'

const OPTIONS = {
  ...COMMON_OPTIONS,
  table: { type: 'string', default: 'orders' },
  files: { type: 'string' },
  engines: { type: 'string', default: 'serac,pyarrow,duckdb,pyiceberg,parquet-wasm,hyparquet,icebird' },
  threads: { type: 'string', default: '1,2' },
  codec: { type: 'string', default: 'zstd' },
  level: { type: 'string', default: '1' },
  'page-version': { type: 'string', default: '1' },
  fsync: { type: 'boolean', default: false },
}

export function parseOptions() {
  const { values } = parseArgs({ options: OPTIONS })
  return {
    ...commonOptions(values),
    workloads: list(values.workloads ?? (values.profile ? 'write,read' : 'write,read,read3')),
    modes: list(values.modes ?? (values.profile ? 'table' : 'table,stream')),
    files: list(values.files ?? (values.profile ? 'serac' : 'serac,pyarrow')),
    workers: list(values.workers ?? (values.profile ? '0' : '0,1,2')).map(Number),
    codec: values.codec,
    level: Number(values.level),
    pageVersion: Number(values['page-version']),
    fsync: values.fsync,
  }
}
