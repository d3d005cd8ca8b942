/**
 * A process that applies a feed and kills itself, without a chance to clean up, at one step. Without a step it
 * runs to its end and prints the names of its steps. Its argument is JSON: see `ChildRun` in killed-lake.ts.
 */
import { createStepNames } from './step-names.mjs'

const { engine, baseFolder, feed, until, commitRows, dieAt } = JSON.parse(process.argv[2])
const { systemRuntime: runtime } = await import(`${engine}/base/runtime.js`)
const { openEmbeddedCatalog } = await import(`${engine}/catalog/embedded.js`)
const { failingCatalog } = await import(`${engine}/catalog/failing.js`)
const { failingIO } = await import(`${engine}/io/failing.js`)
const { createLocalIO } = await import(`${engine}/io/local.js`)
const { applyFeed, parsePosition, readFeedFiles } = await import(`${engine}/cdc.js`)

const steps = []
const name = createStepNames()
const watch = call => {
  const step = name(call)
  if (step === undefined) return undefined
  steps.push(step)
  if (step !== dieAt) return undefined
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => undefined)
}

const io = failingIO(createLocalIO({ runtime, fsync: false }), watch)
const warehouse = `${baseFolder}/lake`
const catalog = await openEmbeddedCatalog({ path: `${warehouse}/catalog.db`, warehouse, io, runtime })
await applyFeed(readFeedFiles(io, [feed.path]), {
  io,
  catalog: failingCatalog(catalog, watch),
  runtime,
  format: feed.format,
  target: { namespace: ['shop'] },
  until: parsePosition(until),
  commitRows,
})
await catalog.close()
console.log(JSON.stringify(steps))
