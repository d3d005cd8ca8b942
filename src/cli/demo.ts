/**
 * The demo: a change feed captured from a real PostgreSQL is applied to a new lake in several commits; then a look
 * at the table, its history, a query back in time, what a commit changed, what a query skipped; then compaction and
 * expiry. It ends by comparing the tables with what the database itself held, and fails if they differ.
 */
import { fileURLToPath } from 'node:url'
import type { OutputRow, Table } from '../index.js'
import { print, type Surroundings } from './surroundings.js'
import { textTable } from './text-table.js'

/** Data beside the package's code, made by `demo/make.mjs`. */
const DATA = fileURLToPath(new URL('../../demo', import.meta.url))
const FEED = `${DATA}/feed.jsonl.gz`
const NAMESPACE = 'shop'
const TABLES = ['accounts', 'customers']
const COMMIT_ROWS = 100

type Say = (text: string) => Promise<void>

export interface DemoOptions {
  /** The lake's folder; default a new one. */
  readonly folder: string | undefined
  /** One document at the end instead of the story. */
  readonly json: boolean
}

/** @throws corrupt when a table differs from its source; already-exists when the folder holds a lake */
export async function runDemo(surroundings: Surroundings, options: DemoOptions): Promise<void> {
  const { connect } = await import('../index.js')
  const say: Say = options.json ? async () => undefined : text => print(surroundings.stdout, text)
  const name = options.folder ?? (await freeFolder(surroundings))
  await using lake = await connect({ baseFolder: surroundings.cwd, warehouse: name })
  if ((await lake.listNamespaces()).length > 0) {
    const { LakeError } = await import('../index.js')
    throw new LakeError('already-exists', 'the folder holds a lake: name another one', {
      context: { folder: name },
    })
  }
  const customers = lake.table(`${NAMESPACE}.customers`)
  await say(`serac demo, in ./${name}\n\n`)
  await applyFeedInCommits(surroundings, lake, say)
  await showTable(customers, say)
  await showHistory(customers, say)
  const changes = await showChanges(customers, say)
  await showSkipping(customers, changes.inserted[0]?.id ?? 1n, say)
  const tables = TABLES.map(table => lake.table(`${NAMESPACE}.${table}`))
  await keepHealthy(tables, say)
  await say('8. The check: the tables and what PostgreSQL itself held\n')
  const checked: { readonly table: string; readonly rowsCompared: number }[] = []
  for (const table of tables) {
    const rowsCompared = await checkAgainstSource(surroundings, table)
    checked.push({ table: table.name, rowsCompared })
    await say(`${table.name} equals its source: ${rowsCompared} rows compared\n`)
  }
  await say(nextSteps(name))
  if (options.json)
    await print(surroundings.stdout, `${JSON.stringify({ warehouse: name, checked }, null, 2)}\n`)
}

async function freeFolder(surroundings: Surroundings): Promise<string> {
  for (let number = 1; ; number++) {
    const name = number === 1 ? 'serac-demo' : `serac-demo-${number}`
    try {
      await surroundings.readFile(`${surroundings.cwd}/${name}/catalog.db`)
    } catch {
      return name
    }
  }
}

async function applyFeedInCommits(
  surroundings: Surroundings,
  lake: Awaited<ReturnType<typeof import('../index.js').connect>>,
  say: Say,
): Promise<void> {
  const { applyFeed, parseTypesFile, readFeedFiles } = await import('../cdc.js')
  await say(
    '1. A Debezium feed of a PostgreSQL database, applied exactly once, every commit all tables or none\n',
  )
  const types = parseTypesFile(new TextDecoder().decode(await surroundings.readFile(`${DATA}/types.json`)))
  const report = await applyFeed(readFeedFiles(lake.context.io, [FEED]), {
    ...lake.context,
    format: 'debezium',
    target: { namespace: [NAMESPACE] },
    types,
    commitRows: COMMIT_ROWS,
    signal: surroundings.signal,
  })
  const rows = Object.entries(report.tables).map(([table, counts]) => [
    table,
    counts.inserts,
    counts.updates,
    counts.deletes,
  ])
  await say(textTable(['table', 'inserts', 'updates', 'deletes'], rows))
  await say(
    `${report.transactions} source transactions, ${report.commits} commits, now at ${report.position}\n\n`,
  )
}

async function showTable(table: Table, say: Say): Promise<void> {
  const { describeTable } = await import('../index.js')
  const description = describeTable(await table.load())
  await say(
    `2. The table ${table.name}: plain Iceberg, format version ${description.formatVersion}, keyed by ${description.keys.join(', ')}\n`,
  )
  const select = ['id', 'name', 'balance', 'created_at', 'active', 'score']
  await say(rowsTable(select, await rowsOf(table, { select, limit: 5 })))
  await say(`${await table.scan().count()} rows\n\n`)
}

async function showHistory(table: Table, say: Say): Promise<void> {
  const { formatTimestamp } = await import('../index.js')
  await say('3. Its snapshots: each one stays readable until it is expired\n')
  const rows = (await table.snapshots()).map(({ snapshotId, timestampMs, operation, summary }) => [
    snapshotId,
    formatTimestamp(BigInt(timestampMs) * 1000n, { zoned: true, unit: 'micros' }),
    operation ?? '',
    Number(summary['added-records'] ?? 0),
    Number(summary['deleted-records'] ?? 0) +
      Number(summary['added-position-deletes'] ?? 0) -
      Number(summary['removed-position-deletes'] ?? 0),
    Number(summary['total-data-files'] ?? 0),
    Number(summary['total-delete-files'] ?? 0),
  ])
  const headers = [
    'snapshot',
    'time',
    'operation',
    'rows added',
    'rows deleted',
    'data files',
    'delete files',
  ]
  await say(`${textTable(headers, rows)}\n`)
}

interface RowChanges {
  readonly inserted: readonly OutputRow[]
  readonly deleted: readonly OutputRow[]
  readonly updated: readonly { readonly before: OutputRow; readonly after: OutputRow }[]
}

async function showChanges(table: Table, say: Say): Promise<RowChanges> {
  const [before, after] = (await table.snapshots()).slice(-2).map(snapshot => snapshot.snapshotId)
  const none: RowChanges = { inserted: [], deleted: [], updated: [] }
  if (before === undefined || after === undefined) return none
  const changes = compareRows(await rowsAt(table, before), await rowsAt(table, after))
  const correction = changes.updated[0]
  if (correction !== undefined) {
    const id = correction.before.id
    await say(`4. A correction, seen from before and after: scan --where "id = ${id}" --as-of <snapshot>\n`)
    const select = ['id', 'name', 'balance', 'active', 'score']
    const rows = [
      ...(await rowsOf(table, { where: `id = ${id}`, asOf: before, select })).map(row => ({
        asOf: before,
        ...row,
      })),
      ...(await rowsOf(table, { where: `id = ${id}`, asOf: after, select })).map(row => ({
        asOf: after,
        ...row,
      })),
    ]
    await say(`${rowsTable(['asOf', ...select], rows)}\n`)
  }
  const { inserted, updated, deleted } = changes
  await say(`5. What changed from ${before} to ${after}: `)
  await say(`${inserted.length} rows inserted, ${updated.length} updated, ${deleted.length} deleted\n`)
  const shown = [
    ...inserted.slice(0, 2).map(row => ({ change: 'insert', ...row })),
    ...updated.slice(0, 2).flatMap(pair => [
      { change: 'update before', ...pair.before },
      { change: 'update after', ...pair.after },
    ]),
    ...deleted.slice(0, 2).map(row => ({ change: 'delete', ...row })),
  ]
  await say(`${rowsTable(['change', 'id', 'name', 'balance', 'active', 'score'], shown)}\n`)
  return changes
}

function compareRows(
  before: ReadonlyMap<unknown, OutputRow>,
  after: ReadonlyMap<unknown, OutputRow>,
): RowChanges {
  const text = (row: OutputRow): string =>
    JSON.stringify(row, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
  const updated = [...before].flatMap(([key, row]) => {
    const now = after.get(key)
    return now !== undefined && text(now) !== text(row) ? [{ before: row, after: now }] : []
  })
  return {
    inserted: [...after].filter(([key]) => !before.has(key)).map(([, row]) => row),
    deleted: [...before].filter(([key]) => !after.has(key)).map(([, row]) => row),
    updated,
  }
}

async function rowsAt(table: Table, snapshotId: bigint): Promise<ReadonlyMap<unknown, OutputRow>> {
  return new Map((await rowsOf(table, { asOf: snapshotId })).map(row => [row.id, row]))
}

async function showSkipping(table: Table, id: unknown, say: Say): Promise<void> {
  const where = `id = ${id}`
  const { planning, scan, execution } = await table.scan({ where }).explainRun()
  const rows = await table.scan().count()
  await say(`6. What a selective query reads: scan --where "${where}" --explain\n`)
  const counts = [
    ['data files', planning.dataFiles, scan.dataFiles],
    ['delete files', planning.deleteFiles, execution.deleteFiles],
    ['rows', rows, execution.rowsRead],
  ]
  await say(textTable(['', 'there', 'read'], counts))
  await say(`${execution.readBytes} bytes in ${execution.requests} requests\n\n`)
}

async function keepHealthy(tables: readonly Table[], say: Say): Promise<void> {
  const { systemRuntime } = await import('../index.js')
  await say('7. Compaction and expiry\n')
  const rows: unknown[][] = []
  for (const table of tables) {
    const before = await sizeOf(table)
    await table.compact({ rewriteAll: true })
    const after = await sizeOf(table)
    const expired = await table.expire({ olderThanMs: systemRuntime.nowMs(), retainLast: 1 })
    const row = (label: string, size: TableSize): unknown[] => [
      label,
      size.dataFiles,
      size.deleteFiles,
      size.bytes,
    ]
    rows.push(row(`${table.name}, before`, before), row(`${table.name}, compacted`, after))
    rows.push([
      `${table.name}, freed with ${expired.snapshotIds.length} snapshots`,
      expired.files.length,
      0,
      expired.sizeBytes,
    ])
  }
  await say(`${textTable(['', 'data files', 'delete files', 'bytes'], rows)}\n`)
}

interface TableSize {
  readonly dataFiles: number
  readonly deleteFiles: number
  readonly bytes: number
}

async function sizeOf(table: Table): Promise<TableSize> {
  const summary = (await table.snapshots()).at(-1)?.summary ?? {}
  return {
    dataFiles: Number(summary['total-data-files'] ?? 0),
    deleteFiles: Number(summary['total-delete-files'] ?? 0),
    bytes: Number(summary['total-files-size'] ?? 0),
  }
}

/** The number of rows compared. @throws corrupt when they differ */
async function checkAgainstSource(surroundings: Surroundings, table: Table): Promise<number> {
  const { jsonRowsOfBatch, LakeError, stringifyJson } = await import('../index.js')
  const file = await surroundings.readFile(`${DATA}/expected-${table.identifier.name}.jsonl`)
  const wanted = new TextDecoder()
    .decode(file)
    .split('\n')
    .filter(line => line !== '')
    .sort()
  const found: string[] = []
  for await (const batch of table.scan().batches())
    for (const row of jsonRowsOfBatch(batch)) found.push(stringifyJson(row))
  found.sort()
  const different = wanted.findIndex((line, index) => line !== found[index])
  if (different >= 0 || found.length !== wanted.length) {
    throw new LakeError('corrupt', 'the table differs from its source', {
      context: { table: table.name, wanted: wanted[different] ?? '', found: found[different] ?? '' },
    })
  }
  return found.length
}

async function rowsOf(table: Table, request: Parameters<Table['scan']>[0]): Promise<readonly OutputRow[]> {
  const rows: OutputRow[] = []
  for await (const row of table.scan(request).rows()) rows.push(row)
  return rows
}

function rowsTable(headers: readonly string[], rows: readonly OutputRow[]): string {
  return textTable(
    headers,
    rows.map(row => headers.map(header => row[header])),
  )
}

function nextSteps(folder: string): string {
  const on = `npx serac --warehouse ${folder}`
  return `
Go on with
  ${on} table list shop
  ${on} scan shop.customers --where "balance > 500000" --select id,name,balance
  ${on} snapshots shop.customers
  ${on} cdc <your feed> --format debezium --namespace shop
  PyIceberg: load_catalog("default", type="sql", uri="sqlite:///<path>/${folder}/catalog.db", warehouse="file://<path>/${folder}")
`
}
