// The tables that are scanned and what the scans have to give. serac's tables are made anew, with the build that is
// measured; PyIceberg's, which take minutes, are kept.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepareSource } from '../shared/source.mjs'
import { runJob } from './child.mjs'
import { FIRST_SNAPSHOT_ROWS, filterOf, ICEBIRD_ROWS } from './workloads.mjs'

/** `tables[maker]` and `histories[maker]` say `{metadata, files, ...}`; `expected[workload]` what a scan adds up to. */
export async function prepareInputs(options) {
  const source = await prepareSource({ ...options, codec: 'zstd', level: 1, pageVersion: 1, fsync: false })
  const inputs = { tables: {}, histories: {}, expected: await expectations(options, source) }
  const scans = options.workloads.some(workload => workload !== 'snapshot')
  const travels = options.workloads.includes('snapshot')
  for (const maker of options.tables) {
    if (scans) inputs.tables[maker] = await makeTable(options, source, { task: 'table', maker })
    if (travels) inputs.histories[maker] = await makeTable(options, source, { task: 'history', maker })
  }
  return inputs
}

async function expectations(options, { source, expected }) {
  const { rows } = options
  const ranges = ['range', 'days', 'point'].map(name => ({ name, filter: filterOf(name, rows) }))
  const parts = [
    { name: 'snapshot', rowEnd: Math.min(rows, FIRST_SNAPSHOT_ROWS) },
    { name: 'part', rowEnd: Math.min(rows, ICEBIRD_ROWS) },
  ]
  const job = { task: 'expected', engine: 'pyarrow', source, requests: [...ranges, ...parts] }
  const { checks } = await runJob(options, job)
  return { full: expected, columns: expected, count: { rows: expected.rows, columns: {} }, ...checks }
}

async function makeTable(options, { source, fields }, { task, maker }) {
  const { table, rows, snapshots } = options
  const size = task === 'table' ? rows : `${rows}-${snapshots}`
  const out = join(options.folder, 'scans', `${task}-${table}-${size}-by-${maker}`)
  const factsFile = join(out, 'facts.json')
  if (maker !== 'serac' && existsSync(factsFile)) return JSON.parse(readFileSync(factsFile, 'utf8'))
  console.error(`making ${out}`)
  rmSync(out, { recursive: true, force: true })
  const firstRows = Math.min(rows, FIRST_SNAPSHOT_ROWS)
  const job = { task, engine: maker, source, fields, out, snapshots, firstRows, threads: 2, workers: 2 }
  const facts = await runJob(options, job)
  writeFileSync(factsFile, JSON.stringify(facts))
  return facts
}
