// Writers of serac in one process, each with a lake of its own; a JSON document of what they did.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const { client, rows, writers, warmSeconds, seconds, dist } = JSON.parse(process.argv[2])
const { connect, isLakeError } = await import(pathToFileURL(join(dist, 'index.js')).href)

const lakes = await Promise.all(writers.map(() => connect(client)))
const fromMs = performance.now() + warmSeconds * 1000
const untilMs = fromMs + seconds * 1000
const counts = { acknowledged: 0, doubted: 0, refused: 0, inTime: 0 }
const latenciesMs = []
/** Of each writer, for who is left behind is not seen in the sum: its commits in the time, and its longest wait within it. */
const perWriter = writers.map(() => ({ commits: 0, longestMs: 0 }))
const cpu = process.cpuUsage()
await Promise.all(
  writers.map(({ writer, table }, at) => write(lakes[at].table(table), writer, perWriter[at])),
)
const { user, system } = process.cpuUsage(cpu)
for (const lake of lakes) await lake.close()
console.log(
  JSON.stringify({
    ...counts,
    latenciesMs,
    perWriter,
    cpuSeconds: (user + system) / 1e6,
    runtime: `node ${process.version}`,
  }),
)

/** Repeats what was refused; a latency is from the first try to the acknowledgement. */
async function write(table, writer, own) {
  let beginMs = performance.now()
  for (let batch = 0; beginMs < untilMs; ) {
    try {
      await table.append(
        Array.from({ length: rows }, (_, row) => ({ id: batch * rows + row, v: `writer ${writer}` })),
      )
      counts.acknowledged++
    } catch (error) {
      const isDoubted = isLakeError(error, 'commit-state-unknown')
      if (!isDoubted && !isLakeError(error, 'conflict')) throw error
      counts[isDoubted ? 'doubted' : 'refused']++
      continue
    }
    const endMs = performance.now()
    if (endMs >= fromMs && endMs < untilMs) {
      counts.inTime++
      own.commits++
    }
    own.longestMs = Math.max(own.longestMs, endMs - Math.max(beginMs, fromMs))
    // Also those that end later: who waits longest must not be left out.
    if (beginMs >= fromMs) latenciesMs.push(endMs - beginMs)
    beginMs = endMs
    batch++
  }
}
