/**
 * A process that writes once, and kills itself, without a chance to clean up, just before or just behind the swap. Its
 * argument is JSON: { engine, baseFolder, table, phase }; without a phase it runs to its end and prints its report.
 */
const { engine, baseFolder, table, phase } = JSON.parse(process.argv[2])
const { connect, openLake, stringifyJson } = await import(`${engine}/index.js`)
const { failingCatalog } = await import(`${engine}/catalog/failing.js`)

const lake = await connect({ baseFolder })
const catalog = failingCatalog(lake.context.catalog, call => {
  if (call.verb !== 'commit' || call.phase !== phase) return undefined
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => undefined)
})
const report = await openLake({ ...lake.context, catalog })
  .table(table)
  .update({ set: 'n = n + 1' }, { once: { stream: 'nightly', token: 'monday' } })
await lake.close()
console.log(stringifyJson(report))
