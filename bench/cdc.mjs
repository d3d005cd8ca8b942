// Change feeds applied to ten tables, and what a commit costs at the start and at the end:
//   npm run build && node bench/cdc.mjs [--feed debezium|blocks] [--commits 20] [--changes 50000] [--rows 100000]
//                                       [--tables 10] [--format-version 3] [--key-cache-bytes 0] [--dist dist]
// One line of JSON comes out: operations a second of wall and of CPU time, peak memory, and medians of what one of the first
// and one of the last five commits took. Making the feed stops both clocks. The state of all tables is checked at the end.
import { mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { debeziumLines, feedBatches, tableName } from './cdc/feeds.mjs'
import { COLUMNS, checkTable, columnsOf, createSource, DDL } from './cdc/source.mjs'

const { values } = parseArgs({
  options: {
    feed: { type: 'string', default: 'blocks' },
    commits: { type: 'string', default: '20' },
    changes: { type: 'string', default: '50000' },
    tables: { type: 'string', default: '10' },
    rows: { type: 'string', default: '100000' },
    'format-version': { type: 'string', default: '3' },
    'key-cache-bytes': { type: 'string' },
    seed: { type: 'string', default: '1' },
    dist: { type: 'string', default: join(import.meta.dirname, '../dist') },
    dir: { type: 'string', default: join(tmpdir(), `serac-bench-cdc-${process.pid}`) },
    verbose: { type: 'boolean', default: false },
  },
})
const commits = Number(values.commits)
const changes = Number(values.changes)
const load = path => import(pathToFileURL(join(resolve(values.dist), path)).href)

const folder = resolve(values.dir)
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
try {
  await run()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function run() {
  const { lake, counts } = await openLakeIn(join(folder, 'lake'))
  const source = createSource({
    tables: Number(values.tables),
    rows: Number(values.rows),
    seed: Number(values.seed),
  })
  for (const [table, state] of source.states.entries()) await makeTable(lake, table, state)
  const clock = createClock()
  const seen = []
  const onProgress = progress => {
    if (progress.commits === seen.length) return
    seen.push({ ...clock.now(), ...countsNow(counts) })
    if (values.verbose) console.error(JSON.stringify(seen.at(-1)))
  }
  const start = { ...clock.now(), ...countsNow(counts) }
  const report = await applyTo(lake, source, { clock, onProgress })
  const end = { ...clock.now(), ...countsNow(counts) }
  const rssPeakMb = Math.round(process.resourceUsage().maxRSS / 1024)
  for (const [table, state] of source.states.entries())
    await checkTable(lake.table(`shop.${tableName(table)}`), state)
  await lake.close()
  const points = [start, ...seen]
  console.log(
    JSON.stringify({
      feed: values.feed,
      commits: report.commits,
      operations: report.events,
      perSecond: Math.round(report.events / ((end.wallMs - start.wallMs) / 1000)),
      perCpuSecond: Math.round(report.events / ((end.cpuMs - start.cpuMs) / 1000)),
      rssPeakMb,
      first: costsOf(points.slice(0, 6)),
      last: costsOf(points.slice(-6)),
    }),
  )
}

/** Medians of what commits took, between points. */
function costsOf(points) {
  const median = name => {
    const steps = points.slice(1).map((point, at) => point[name] - points[at][name])
    return Math.round(steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0)
  }
  return Object.fromEntries(
    ['wallMs', 'cpuMs', 'requests', 'readBytes', 'writtenBytes'].map(name => [name, median(name)]),
  )
}

async function openLakeIn(root) {
  const { openLake } = await load('index.js')
  const { systemRuntime: runtime } = await load('base/runtime.js')
  const { openEmbeddedCatalog } = await load('catalog/embedded.js')
  const { createLocalIO } = await load('io/local.js')
  const { meteredIO } = await load('io/metered.js')
  const { keepManifests } = await load('manifest/manifest-cache.js')
  const { io, counts } = meteredIO(createLocalIO({ runtime, fsync: false }), { requestsMax: 1 })
  keepManifests(io, { sizeBytesMax: 2 ** 24 })
  const catalog = await openEmbeddedCatalog({ path: `${root}.db`, warehouse: `file://${root}`, io, runtime })
  return { lake: openLake({ catalog, io, runtime }), counts }
}

async function makeTable(lake, table, { versions, liveCount }) {
  const options = { keys: ['id'], formatVersion: Number(values['format-version']) }
  const made = await lake.createTable(`shop.${tableName(table)}`, DDL, options)
  const { fields } = await made.schema()
  const ids = Int32Array.from({ length: liveCount }, (_, at) => at + 1)
  await made.append({
    length: liveCount,
    fields,
    columns: columnsOf(ids, versions.subarray(1, liveCount + 1)),
  })
}

async function applyTo(lake, source, { clock, onProgress }) {
  const { applyFeed } = await load('cdc.js')
  const { applyBatches } = await load('cdc/apply.js')
  const names = source.states.map((_, table) => tableName(table))
  const columns = COLUMNS.map(({ name, declared }) => ({ name, type: declared }))
  const options = {
    ...lake.context,
    format: 'debezium',
    target: { namespace: ['shop'] },
    types: new Map(names.map(name => [name, { columns, keyColumns: ['id'] }])),
    commitRows: changes,
    commitSeconds: 1e6,
    keyCacheBytes: values['key-cache-bytes'] === undefined ? undefined : Number(values['key-cache-bytes']),
    onProgress,
  }
  const feed = { commits, rows: changes, clock }
  if (values.feed === 'debezium') return applyFeed(debeziumLines(source, feed), options)
  return applyBatches(feedBatches(source, feed), options)
}

function countsNow(counts) {
  const requests = Object.values(counts.requests).reduce((sum, count) => sum + count, 0)
  return { requests, readBytes: counts.readBytes, writtenBytes: counts.writtenBytes }
}

/** Wall and CPU time without what the maker of the feed takes. */
function createClock() {
  let wallOff = 0
  let cpuOff = 0
  const raw = () => {
    const { user, system } = process.cpuUsage()
    return { wallMs: performance.now(), cpuMs: (user + system) / 1000 }
  }
  return {
    now() {
      const { wallMs, cpuMs } = raw()
      return { wallMs: wallMs - wallOff, cpuMs: cpuMs - cpuOff }
    },
    stopFor(work) {
      const before = raw()
      const result = work()
      const after = raw()
      wallOff += after.wallMs - before.wallMs
      cpuOff += after.cpuMs - before.cpuMs
      return result
    },
  }
}
