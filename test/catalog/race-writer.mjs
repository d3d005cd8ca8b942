/**
 * One of several processes that commit to one table at once. Prints a line per acknowledged commit.
 * Arguments: folder of the compiled engine, database file, warehouse, name of this writer, number of commits.
 */
const [engine, path, warehouse, writer, commits] = process.argv.slice(2)
const { systemRuntime: runtime } = await import(`${engine}/base/runtime.js`)
const { openEmbeddedCatalog } = await import(`${engine}/catalog/embedded.js`)
const { createLocalIO } = await import(`${engine}/io/local.js`)

const io = createLocalIO({ runtime, fsync: false })
const catalog = await openEmbeddedCatalog({ path, warehouse, io, runtime })
const identifier = { namespace: ['race'], name: 't' }
for (let done = 0; done < Number(commits); ) {
  const base = await catalog.loadTable(identifier)
  const key = `${writer}.${done}`
  const { metadata } = base
  const outcome = await catalog.commit([
    {
      identifier,
      base,
      requirements: [{ type: 'assert-table-uuid', uuid: metadata.tableUuid }],
      updates: [{ action: 'set-properties', updates: { [key]: String(metadata.metadataLog.length) } }],
    },
  ])
  if (outcome.status === 'unknown') throw outcome.cause
  if (outcome.status !== 'committed') continue
  console.log(key)
  done++
}
await catalog.close()
