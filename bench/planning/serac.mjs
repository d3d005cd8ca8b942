// One plan of serac's in the process that was started for it: opening the metadata and planning, several times. The
// first has nothing decoded; the others find what the cache keeps. One line of JSON.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const job = JSON.parse(process.argv[2])
const module = name => import(join(job.dist, name))
const { createLocalIO } = await module('io/local.js')
const { systemRuntime } = await module('base/runtime.js')
const { openStaticTable } = await module('reader/static-table.js')
const { planScan } = await module('reader/plan.js')
const { resolveSnapshot } = await module('snapshot/resolve.js')
const { bind } = await module('expression/bind.js')
const { eq, and, gtEq, lt } = await module('expression/expression.js')
const { keepManifests } = await module('manifest/manifest-cache.js')

const startMb = statusMb('VmRSS')
const io = createLocalIO({ runtime: systemRuntime })
keepManifests(io, { sizeBytesMax: job.cacheBytes })
const { column, from, to } = job.filter
const dayText = day => new Date(day * 86_400_000).toISOString().slice(0, 10)
const literal = value => (column === 'id' ? BigInt(value) : dayText(value))
const expression =
  to === from + 1 ? eq(column, literal(from)) : and(gtEq(column, literal(from)), lt(column, literal(to)))
const seconds = []
const cpuSeconds = []
const peaksMb = []
let files = 0
for (let run = 0; run < job.runs; run++) {
  const cpuStart = process.cpuUsage()
  const start = process.hrtime.bigint()
  const table = await openStaticTable(io, `file://${job.metadata}`)
  const { snapshot, schema } = resolveSnapshot(table.metadata, 'current')
  const filter = bind(expression, schema)
  const plan = await planScan({ metadata: table.metadata }, io, { snapshot, schema, filter })
  seconds.push(Number(process.hrtime.bigint() - start) / 1e9)
  const cpu = process.cpuUsage(cpuStart)
  cpuSeconds.push((cpu.user + cpu.system) / 1e6)
  peaksMb.push(statusMb('VmHWM'))
  files = plan.tasks.length
}
console.log(
  JSON.stringify({ seconds, cpuSeconds, peaksMb, startMb, files, version: `node ${process.version}` }),
)

function statusMb(name) {
  const line = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))
  return Math.round(Number(line?.[1]) / 1024)
}
