// Times serac's basic workloads, each in a process of its own: node bench/run.mjs [scale] [workload...]
// Build first. One JSON line for each on standard output: seconds inside the process with the engine loaded and
// the table there (median of `runs`), peak memory of the whole process. Scale 1: 5M rows for append and scans,
// 1M rows and 100k keys for the upsert. The append and the upsert include making the rows (7 s for 5M of them on the
// machine of results.jsonl), which is work of the benchmark, not of the engine.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '../dist/index.js'
import { ORDERS_DDL, orders } from './orders.mjs'

const WORKLOADS = { append, scan, scan3, count, upsert, compact }

if (process.env.SERAC_BENCH_WORKLOAD !== undefined) await runOne(process.env.SERAC_BENCH_WORKLOAD)
else runAll()

function runAll() {
  const [scale = '1', ...names] = process.argv.slice(2)
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim()
  const machine = `${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`
  const folder = mkdtempSync(join(tmpdir(), 'serac-bench-'))
  for (const workload of names.length > 0 ? names : Object.keys(WORKLOADS)) {
    const environment = {
      ...process.env,
      SERAC_BENCH_WORKLOAD: workload,
      SERAC_BENCH_SCALE: scale,
      SERAC_BENCH_FOLDER: folder,
    }
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url)], {
      env: environment,
      maxBuffer: 1 << 26,
    })
    if (child.status !== 0) throw new Error(`${workload}: ${child.stderr}`)
    console.log(
      JSON.stringify({ commit, machine, load: loadavg()[0], ...JSON.parse(child.stdout.toString()) }),
    )
  }
  rmSync(folder, { recursive: true, force: true })
}

async function runOne(workload) {
  const scale = Number(process.env.SERAC_BENCH_SCALE)
  const lake = await connect({ warehouse: process.env.SERAC_BENCH_FOLDER })
  const result = await WORKLOADS[workload](lake, scale)
  await lake.close()
  const { maxRSS } = process.resourceUsage()
  process.stdout.write(JSON.stringify({ workload, ...result, peakMb: Math.round(maxRSS / 1024) }))
}

async function timed(runs, work) {
  const seconds = []
  let result
  for (let run = 0; run < runs; run++) {
    const start = process.hrtime.bigint()
    result = await work()
    seconds.push(Number(process.hrtime.bigint() - start) / 1e9)
  }
  seconds.sort((a, b) => a - b)
  return { runs, seconds: Number(seconds[seconds.length >> 1].toFixed(3)), ...result }
}

async function tableOf(lake, name, rows) {
  if (await lake.tableExists(name)) return lake.table(name)
  const table = await lake.createTable(name, ORDERS_DDL, { keys: ['id'] })
  if (rows > 0) await table.append(orders((await table.schema()).fields, { to: rows }))
  return table
}

async function append(lake, scale) {
  const rows = Math.round(5_000_000 * scale)
  const table = await tableOf(lake, 'bench.appended', 0)
  const { fields } = await table.schema()
  return timed(1, async () => {
    const { summary } = await table.append(orders(fields, { to: rows }))
    return { rows, bytes: Number(summary['added-files-size']) }
  })
}

async function readAll(table, request) {
  let rows = 0
  for await (const batch of table.scan(request).batches()) rows += batch.length
  return { rows }
}

async function scan(lake, scale) {
  const table = await tableOf(lake, 'bench.appended', 5_000_000 * scale)
  return timed(3, () => readAll(table, {}))
}

async function scan3(lake, scale) {
  const table = await tableOf(lake, 'bench.appended', 5_000_000 * scale)
  return timed(3, () => readAll(table, { select: ['id', 'price', 'ship_mode'] }))
}

async function count(lake, scale) {
  const table = await tableOf(lake, 'bench.appended', 5_000_000 * scale)
  return timed(3, async () => ({ rows: await table.scan().count() }))
}

async function upsert(lake, scale) {
  const rows = Math.round(1_000_000 * scale)
  const table = await tableOf(lake, 'bench.upserted', rows)
  const { fields } = await table.schema()
  return timed(1, async () => {
    const { summary } = await table.upsert(orders(fields, { to: rows, step: 10, version: 1 }))
    return { rows, keys: Number(summary['added-records']), bytes: Number(summary['added-files-size']) }
  })
}

async function compact(lake, scale) {
  const table = await tableOf(lake, 'bench.upserted', 1_000_000 * scale)
  return timed(1, async () => {
    const report = await table.compact({ rewriteAll: true })
    return { rewrittenFiles: report.rewrittenFiles, rewrittenBytes: report.rewrittenBytes }
  })
}
