/**
 * Other engines through `serac serve`: PyIceberg, DuckDB and Spark make tables, append, merge, compact and read by the
 * REST catalog while serac writes the same tables through the catalog beneath it.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, type Lake, type Table } from '../../src/index.js'
import { type LogRecord, type RunningServer, startServer } from '../../src/server.js'
import { ask, type JudgeSession, judgeIsHere, openJudge, sortedRows } from '../judges/judge.js'

let cwd: string
let lake: Lake
let server: RunningServer
let records: LogRecord[]
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'serac-served-'))
  lake = await connect({ baseFolder: cwd })
  records = []
  server = await startServer({ lake, port: 0, log: record => records.push(record) })
})
afterEach(async () => {
  expect(records.filter(({ event }) => event === 'error')).toEqual([])
  await server.close()
  await lake.close()
  await rm(cwd, { recursive: true, force: true })
})

const rest = (): readonly string[] => ['-p', 'type=rest', '-p', `uri=${server.uri}`]

/** Rows as the judges print them. */
async function seracRows(table: Table): Promise<readonly string[]> {
  const rows: string[] = []
  for await (const { id, note } of table.scan().rows({ long: 'string' }))
    rows.push(JSON.stringify([id, note]))
  return rows.sort()
}
const lines = (from: number, to: number, note: string): readonly string[] =>
  Array.from({ length: to - from }, (_, index) => JSON.stringify([String(from + index), note]))

const SCHEMA = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'id', required: false, type: 'long' },
    { id: 2, name: 'note', required: false, type: 'string' },
  ],
}

/** Serac appends this often while the other engine is at work. */
const APPENDS = 8

async function seracWrites(table: Table): Promise<void> {
  for (let n = 0; n < APPENDS; n++) await table.append([{ id: BigInt(1000 + n), note: 'serac' }])
}

describe.runIf(judgeIsHere('pyiceberg'))('PyIceberg through serac serve', () => {
  it('makes, writes and reads tables that serac writes at the same time', { timeout: 120_000 }, async () => {
    await using python = openJudge('pyiceberg')
    const tell = (verb: string, ...more: readonly unknown[]) =>
      python.tell([verb, 'shop.orders', ...(more.length > 0 ? ['-'] : []), ...rest()], more[0])
    await tell('create', { schema: SCHEMA, properties: { 'commit.retry.num-retries': '20' } })
    const table = lake.table('shop.orders')
    const appends = async (): Promise<void> => {
      for (let n = 0; n < APPENDS; n++) await tell('append', { rows: [[String(n), 'python']] })
    }
    await Promise.all([appends(), seracWrites(table)])
    const both = [...lines(0, APPENDS, 'python'), ...lines(1000, 1000 + APPENDS, 'serac')].sort()
    expect(await seracRows(table)).toEqual(both)
    expect(sortedRows(await tell('read'))).toEqual(both)
    await table.update({ set: "note = 'both'", where: 'id < 2' })
    await tell('delete', { filter: 'id >= 1000' })
    await tell('alter', { actions: [['tag', 'v1']] })
    const left = [...lines(0, 2, 'both'), ...lines(2, APPENDS, 'python')].sort()
    expect(await seracRows(table)).toEqual(left)
    expect(sortedRows(await tell('read'))).toEqual(left)
    expect(Object.keys(await table.refs()).sort()).toEqual(['main', 'v1'])
  })

  it('is told apart by its token', { timeout: 120_000 }, async () => {
    await lake.createTable('shop.orders', 'id bigint, note string')
    const token = 'the-token-of-a-reader'
    const grants = [{ namespace: ['shop'], access: 'read' as const }]
    const guarded = await startServer({ lake, port: 0, principals: [{ name: 'reader', token, grants }] })
    const by = (given: string, verb: string, input?: unknown) =>
      ask(
        'pyiceberg',
        [
          verb,
          'shop.orders',
          ...(input === undefined ? [] : ['-']),
          ...['-p', 'type=rest', '-p', `uri=${guarded.uri}`, '-p', `token=${given}`],
        ],
        input,
      )
    expect((await by(token, 'read')).rows).toEqual([])
    expect(await by('some-other-token-altogether', 'read')).toMatchObject({ error: 'UnauthorizedError' })
    expect(await by(token, 'append', { rows: [['1', 'x']] })).toMatchObject({ error: 'ForbiddenError' })
    await guarded.close()
  })
})

describe.runIf(judgeIsHere('duckdb'))('DuckDB through serac serve', () => {
  it('reads and inserts', { timeout: 120_000 }, async () => {
    const table = await lake.createTable('shop.orders', 'id bigint, note string')
    await table.append([{ id: 1n, note: 'serac' }])
    const read = async () => sortedRows(await ask('duckdb', ['rest', server.uri, 'lake', 'shop.orders']))
    expect(await read()).toEqual(lines(1, 2, 'serac'))
    const file = join(cwd, 'insert.sql')
    await writeFile(file, "INSERT INTO lake.shop.orders VALUES (2, 'duck'), (3, 'duck'); SELECT 1 AS done")
    expect(await ask('duckdb', ['sql', server.uri, 'lake', file])).toMatchObject({ rows: [[1]] })
    await table.delete('id = 2')
    const left = [...lines(1, 2, 'serac'), ...lines(3, 4, 'duck')]
    expect(await seracRows(table)).toEqual(left)
    expect(await read()).toEqual(left)
  })
})

describe.runIf(judgeIsHere('spark'))('Spark through serac serve', () => {
  let spark: JudgeSession
  beforeAll(() => {
    spark = openJudge('spark')
  })
  afterAll(() => spark.close())

  const tell = (...statements: readonly string[]) =>
    spark.tell(['sql', 'shop.orders', '-', ...rest()], { statements })
  const read = async () => sortedRows(await spark.tell(['read', 'shop.orders', ...rest()]))

  it('makes, merges into, compacts and reads what serac writes at the same time', {
    timeout: 300_000,
  }, async () => {
    await tell(
      'CREATE NAMESPACE {c}.shop',
      "CREATE TABLE {t} (id bigint, note string) TBLPROPERTIES ('commit.retry.num-retries' = '20')",
    )
    const table = lake.table('shop.orders')
    const inserts = async (): Promise<void> => {
      for (let n = 0; n < APPENDS; n++) await tell(`INSERT INTO {t} VALUES (${n}, 'spark')`)
    }
    await Promise.all([inserts(), seracWrites(table)])
    const both = [...lines(0, APPENDS, 'spark'), ...lines(1000, 1000 + APPENDS, 'serac')].sort()
    expect(await seracRows(table)).toEqual(both)
    expect(await read()).toEqual(both)
    await tell(
      "MERGE INTO {t} t USING (SELECT 0L AS id UNION ALL SELECT 50L) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET note = 'merged' WHEN NOT MATCHED THEN INSERT (id, note) VALUES (s.id, 'merged')",
      "CALL {c}.system.rewrite_data_files(table => '{n}', options => map('rewrite-all', 'true'))",
    )
    await table.compact()
    await table.delete('id >= 1000')
    const left = [...lines(0, 1, 'merged'), ...lines(1, APPENDS, 'spark'), ...lines(50, 51, 'merged')].sort()
    expect(await seracRows(table)).toEqual(left)
    expect(await read()).toEqual(left)
  })

  it('makes views, which serac keeps', { timeout: 300_000 }, async () => {
    await lake.createTable('shop.orders', 'id bigint, note string')
    await lake.table('shop.orders').append([
      { id: 1n, note: 'a' },
      { id: 2n, note: 'b' },
    ])
    await tell('CREATE VIEW {c}.shop.big AS SELECT id, note FROM {t} WHERE id > 1')
    expect(sortedRows(await spark.tell(['read', 'shop.big', ...rest()]))).toEqual(lines(2, 3, 'b'))
    const views = lake.context.catalog.views
    expect(await views?.list(['shop'])).toEqual([{ namespace: ['shop'], name: 'big' }])
    await tell('DROP VIEW {c}.shop.big')
    expect(await views?.list(['shop'])).toEqual([])
  })

  it('has its scans planned by the server', { timeout: 300_000 }, async () => {
    const table = await lake.createTable('shop.orders', 'id bigint, note string', { partitionBy: ['note'] })
    await table.append(['a', 'b', 'c'].map((note, id) => ({ id: BigInt(id), note })))
    await table.delete('id = 2')
    const planned = [...rest(), '-p', 'scan-planning-mode=server']
    const answer = await spark.tell(['read', 'shop.orders', '--where', "note <> 'a'", ...planned])
    expect(sortedRows(answer)).toEqual(lines(1, 2, 'b'))
    expect(records.filter(({ route }) => String(route).endsWith('/plan')).length).toBeGreaterThan(0)
  })
})
