/**
 * Java's DynamoDbCatalog, in Spark, and serac on one DynamoDB table: each opens what the other made, commits beside it, and
 * sees nothing of what serac keeps for itself.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { openAwsItems } from '../../src/catalog/dynamodb-aws.js'
import { viewKey } from '../../src/catalog/dynamodb-items.js'
import { connect, type Lake } from '../../src/index.js'
import { type JudgeAnswer, type JudgeSession, judgeIsHere, openJudge, sparkHasAws } from '../judges/judge.js'
import { type Service, serviceIsHere, startService } from '../services/service.js'

const areHere = judgeIsHere('spark') && serviceIsHere('dynamodb') && sparkHasAws()

describe.skipIf(!areHere)("Java's DynamoDbCatalog and serac", () => {
  let cwd: string
  let service: Service
  let spark: JudgeSession
  let tables = 0
  beforeAll(async () => {
    service = await startService('dynamodb')
    // Java's client finds them where AWS's clients always look.
    process.env.AWS_ACCESS_KEY_ID = service.properties['dynamodb.access-key-id']
    process.env.AWS_SECRET_ACCESS_KEY = service.properties['dynamodb.secret-access-key']
    spark = openJudge('spark')
    cwd = await mkdtemp(join(tmpdir(), 'serac-dynamodb-'))
  }, 120_000)
  afterAll(async () => {
    await spark.close()
    await service.stop()
    await rm(cwd, { recursive: true, force: true })
  })

  interface Pair {
    readonly tableName: string
    readonly lake: Lake
    readonly java: (table: string, ...statements: readonly string[]) => Promise<readonly JudgeAnswer[]>
    readonly rowsOf: (table: string) => Promise<readonly unknown[]>
    readonly close: () => Promise<void>
  }

  async function openPair(): Promise<Pair> {
    const tableName = `catalog-${tables++}`
    const warehouse = join(cwd, tableName)
    const properties: Readonly<Record<string, string>> = {
      ...service.properties,
      'dynamodb.table-name': tableName,
    }
    const catalog = Object.entries({
      name: `dyn${tables}`,
      'catalog-impl': 'org.apache.iceberg.aws.dynamodb.DynamoDbCatalog',
      'io-impl': 'org.apache.iceberg.hadoop.HadoopFileIO',
      warehouse: `file:${warehouse}`,
      'client.region': properties['dynamodb.region'],
      'dynamodb.endpoint': properties['dynamodb.endpoint'],
      'dynamodb.table-name': tableName,
    }).flatMap(([key, value]) => ['-p', `${key}=${value}`])
    const java: Pair['java'] = async (table, ...statements) => {
      const { results } = await spark.tell(['sql', table, ...catalog, '-'], { statements })
      return results as readonly JudgeAnswer[]
    }
    const lake = await connect({ type: 'dynamodb', warehouse, properties, fsync: false })
    return {
      tableName,
      lake,
      java,
      rowsOf: async table => (await java(table, 'SELECT * FROM {t}'))[0]?.rows ?? [],
      close: () => lake.close(),
    }
  }

  async function ownRows(lake: Lake, name: string): Promise<readonly unknown[]> {
    const rows: unknown[] = []
    for await (const { id, v } of lake.table(name).scan().rows()) rows.push([String(id), v])
    return rows.sort()
  }

  it('change a table of Java in turn', { timeout: 180_000 }, async () => {
    // The session of Java's catalog begins here, so it is Java that makes the DynamoDB table.
    const first = await openPairMadeByJava()
    const { lake, java, rowsOf } = first
    await java(
      'db.t',
      'CREATE TABLE {t} (id bigint, v string) USING iceberg',
      "INSERT INTO {t} VALUES (1, 'a'), (2, 'b')",
    )
    expect(await ownRows(lake, 'db.t')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
    await lake.table('db.t').append([{ id: 3, v: 'c' }])
    expect(await rowsOf('db.t')).toEqual([
      ['1', 'a'],
      ['2', 'b'],
      ['3', 'c'],
    ])
    await java('db.t', 'DELETE FROM {t} WHERE id = 2', "UPDATE {t} SET v = 'z' WHERE id = 1")
    await lake.table('db.t').upsert(
      [
        { id: 3, v: 'y' },
        { id: 4, v: 'd' },
      ],
      { keys: ['id'] },
    )
    await java('db.t', "INSERT INTO {t} VALUES (5, 'e')")
    const all = [
      ['1', 'z'],
      ['3', 'y'],
      ['4', 'd'],
      ['5', 'e'],
    ]
    expect(await ownRows(lake, 'db.t')).toEqual(all)
    expect(await rowsOf('db.t')).toEqual(all)
    await java('db.t', 'ALTER TABLE {t} RENAME TO db.renamed')
    await lake.table('db.renamed').append([{ id: 6, v: 'f' }])
    await lake.context.catalog.renameTable(name('db.renamed'), name('db.again'))
    expect(await rowsOf('db.again')).toEqual([...all, ['6', 'f']])
    await java('db.again', 'DROP TABLE {t}')
    expect(await lake.tableExists('db.again')).toBe(false)
    await first.close()
  })

  /** A pair whose DynamoDB table Java makes, with a namespace. */
  async function openPairMadeByJava(): Promise<Pair> {
    const pair = await openPair()
    // What serac's connect made is thrown away; the next request of Java makes it anew.
    const { DeleteTableCommand, DynamoDBClient } = await import('@aws-sdk/client-dynamodb')
    const client = new DynamoDBClient({
      endpoint: service.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'seractest', secretAccessKey: 'secret' },
    })
    await client.send(new DeleteTableCommand({ TableName: pair.tableName }))
    client.destroy()
    await pair.java('db.t', 'CREATE NAMESPACE {c}.db')
    return pair
  }

  function name(text: string) {
    const [namespace, table] = text.split('.')
    return { namespace: [namespace!], name: table! }
  }

  it('change a table of serac in turn, in a DynamoDB table of serac', { timeout: 120_000 }, async () => {
    const { lake, java, rowsOf, close } = await openPair()
    await lake.createTable('db.t', 'id bigint not null, v string', { keys: ['id'] })
    await lake.table('db.t').append([
      { id: 1, v: 'a' },
      { id: 2, v: 'b' },
    ])
    await java('db.t', "INSERT INTO {t} VALUES (3, 'c')", 'DELETE FROM {t} WHERE id = 1')
    await lake.table('db.t').delete('id = 2')
    expect(await rowsOf('db.t')).toEqual([['3', 'c']])
    expect(await ownRows(lake, 'db.t')).toEqual([['3', 'c']])
    await java(
      'db.t',
      'ALTER TABLE {t} ADD COLUMN extra int',
      "ALTER NAMESPACE {c}.db SET DBPROPERTIES ('team' = 'lake')",
    )
    expect(await lake.context.catalog.loadNamespace(['db'])).toMatchObject({ team: 'lake' })
    await lake.context.catalog.updateNamespace(['db'], { removals: ['team'], updates: { 'a.b-c': '1' } })
    await java('db.t', "ALTER NAMESPACE {c}.db SET DBPROPERTIES ('later' = '2')")
    expect(await lake.context.catalog.loadNamespace(['db'])).toMatchObject({ 'a.b-c': '1', later: '2' })
    await lake.dropTable('db.t')
    await java('db.t', 'DROP NAMESPACE {c}.db')
    expect(await lake.context.catalog.listNamespaces()).toEqual([])
    await close()
  })

  it('list the same, and Java sees no lease and no view', { timeout: 120_000 }, async () => {
    const { lake, java, tableName, close } = await openPair()
    const { catalog } = lake.context
    const properties = { ...service.properties, 'dynamodb.table-name': tableName }
    const store = await openAwsItems({ properties, runtime: systemRuntime })
    await lake.createTable('db.t', 'id bigint, v string')
    await catalog.createNamespace(['db', 'inner'])
    const lease = await catalog.leases?.open()
    const inFlight = await catalog.writeLeases?.open({ tableUuid: 'a', operationUuid: 'b' })
    await store.write([{ kind: 'put', item: { ...viewKey(name('db.view')), v: 'x' } }])
    const shown = await java(
      'db.t',
      'SHOW TABLES IN {c}.db',
      'SHOW NAMESPACES IN {c}',
      'SHOW NAMESPACES IN {c}.db',
    )
    expect(shown[0]?.rows?.map(row => row[1])).toEqual(['t'])
    const namespaces = shown
      .slice(1)
      .flatMap(answer => answer.rows ?? [])
      .map(row => row[0])
    expect(new Set(namespaces)).toEqual(new Set(['db', 'db.inner']))
    expect(await catalog.listNamespaces()).toEqual([['db']])
    expect((await catalog.listTables(['db'])).map(table => table.name)).toEqual(['t'])
    await inFlight?.release()
    await lease?.release()
    await store.close()
    await close()
  })

  it('commit to one table at the same time, and to two at once, without losing a row', {
    timeout: 180_000,
  }, async () => {
    const { lake, java, rowsOf, close } = await openPair()
    const retries = {
      'commit.retry.num-retries': '50',
      'commit.retry.min-wait-ms': '10',
      'commit.retry.max-wait-ms': '500',
    }
    for (const each of ['db.t', 'db.other'])
      await lake.createTable(each, 'id bigint, v string', { properties: retries })
    const spark = async (): Promise<void> => {
      for (let n = 0; n < 12; n++) await java('db.t', `INSERT INTO {t} VALUES (${n}, 'java')`)
    }
    const serac = async (): Promise<void> => {
      for (let n = 100; n < 130; n++)
        if (n % 3 > 0) await lake.table('db.t').append([{ id: n, v: 'serac' }])
        else
          await lake.transaction(['db.t', 'db.other'], async tx => {
            await tx.table('db.t').append([{ id: n, v: 'both' }])
            await tx.table('db.other').append([{ id: n, v: 'both' }])
          })
    }
    await Promise.all([spark(), serac(), serac()])
    const rows = await ownRows(lake, 'db.t')
    expect(rows).toHaveLength(72)
    expect([...(await rowsOf('db.t'))].sort()).toEqual(rows)
    expect(await ownRows(lake, 'db.other')).toHaveLength(20)
    await close()
  })
})
