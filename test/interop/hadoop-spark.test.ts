/**
 * Java's HadoopCatalog, in Spark, and serac on one folder, kept apart by Java's DynamoDbLockManager: each opens what the other
 * made, and commits beside it.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { openFilesystemCatalog } from '../../src/catalog/filesystem.js'
import { createLocalIO } from '../../src/io/local.js'
import { type Lake, openLake } from '../../src/lake/lake.js'
import { type JudgeAnswer, type JudgeSession, judgeIsHere, openJudge, sparkHasAws } from '../judges/judge.js'
import { type Service, serviceIsHere, startService } from '../services/service.js'

const areHere = judgeIsHere('spark') && serviceIsHere('dynamodb') && sparkHasAws()
const JAVA_LOCK = 'org.apache.iceberg.aws.dynamodb.DynamoDbLockManager'

describe.skipIf(!areHere)("Java's HadoopCatalog and serac", () => {
  let folder: string
  let service: Service
  let spark: JudgeSession
  let lake: Lake
  let java: (table: string, ...statements: readonly string[]) => Promise<readonly JudgeAnswer[]>
  beforeAll(async () => {
    service = await startService('dynamodb')
    // Java's client finds them where AWS's clients always look.
    process.env.AWS_ACCESS_KEY_ID = service.properties['dynamodb.access-key-id']
    process.env.AWS_SECRET_ACCESS_KEY = service.properties['dynamodb.secret-access-key']
    spark = openJudge('spark')
    folder = await mkdtemp(join(tmpdir(), 'serac-hadoop-'))
    const lock = {
      'lock-impl': JAVA_LOCK,
      'lock.table': 'locks',
      'lock.acquire-interval-ms': '100',
      'lock.heartbeat-timeout-ms': '1000',
      'lock.heartbeat-interval-ms': '250',
    }
    const catalog = Object.entries({
      name: 'folders',
      type: 'hadoop',
      warehouse: `file://${folder}`,
      'client.region': service.properties['dynamodb.region'],
      'dynamodb.endpoint': service.properties['dynamodb.endpoint'],
      ...lock,
    }).flatMap(([key, value]) => ['-p', `${key}=${value}`])
    java = async (table, ...statements) => {
      const { results } = await spark.tell(['sql', table, ...catalog, '-'], { statements })
      return results as readonly JudgeAnswer[]
    }
    const runtime = systemRuntime
    const io = createLocalIO({ fsync: false, runtime })
    const properties = { ...service.properties, ...lock }
    lake = openLake({
      catalog: await openFilesystemCatalog({ warehouse: `file://${folder}`, properties, io, runtime }),
      io,
      runtime,
    })
  }, 180_000)
  afterAll(async () => {
    await lake.close()
    await spark.close()
    await service.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const rowsOf = async (table: string): Promise<readonly unknown[]> =>
    (await java(table, 'SELECT * FROM {t}'))[0]?.rows ?? []
  const ours = async (table: string): Promise<readonly unknown[]> => {
    const rows: unknown[] = []
    for await (const { id, region } of lake.table(table).scan().rows()) rows.push([String(id), region])
    return rows.sort()
  }

  it('read and write what the other made, turn by turn', async () => {
    await java('shop.orders', 'CREATE TABLE {t} (id bigint NOT NULL, region string) USING iceberg')
    expect((await lake.listTables('shop')).map(table => table.name)).toEqual(['orders'])
    const table = lake.table('shop.orders')
    await java('shop.orders', "INSERT INTO {t} VALUES (1, 'java')")
    await table.append([{ id: 2, region: 'serac' }])
    await java(
      'shop.orders',
      "INSERT INTO {t} VALUES (3, 'java')",
      "UPDATE {t} SET region = 'both' WHERE id = 2",
    )
    await table.delete('id = 1')
    await java('shop.orders', 'ALTER TABLE {t} ADD COLUMN note string')
    await table.append([{ id: 4, region: 'serac', note: 'n' }])
    const expected = [
      ['2', 'both'],
      ['3', 'java'],
      ['4', 'serac'],
    ]
    expect(await ours('shop.orders')).toEqual(expected)
    expect((await rowsOf('shop.orders')).map(row => (row as unknown[]).slice(0, 2)).sort()).toEqual(expected)
    const files = await readdir(join(folder, 'shop', 'orders', 'metadata'))
    const versions = files.filter(name => /^v\d+\.metadata\.json$/.test(name)).length
    expect(files).toContain(`v${versions}.metadata.json`)
    expect(files.filter(name => name.endsWith('.tmp'))).toEqual([])
  }, 120_000)

  it('Java opens a table and namespace of ours, and each sees what the other drops', async () => {
    await lake.createNamespace('hr')
    await lake.createTable('hr.people', 'id bigint not null, region string', { keys: ['id'] })
    await lake.table('hr.people').append([{ id: 1, region: 'eu' }])
    expect(await rowsOf('hr.people')).toEqual([['1', 'eu']])
    const [shown] = await java('hr.people', 'SHOW TABLES IN {c}.hr')
    expect(JSON.stringify(shown?.rows)).toContain('people')
    await java('hr.people', 'DROP TABLE {t}')
    expect(await lake.listTables('hr')).toEqual([])
    await lake.createTable('hr.people', 'id bigint', {})
    await java('hr.people', 'INSERT INTO {t} VALUES (7)')
    expect(await lake.table('hr.people').scan().count()).toBe(1)
    await lake.dropTable('hr.people')
    const [gone] = await java('hr.people', 'SHOW TABLES IN {c}.hr')
    expect(gone?.rows).toEqual([])
  }, 120_000)

  it('commit at the same time and lose nothing', async () => {
    const properties = { 'commit.retry.num-retries': '20', 'commit.retry.min-wait-ms': '20' }
    await lake.createTable('shop.race', 'id bigint, region string', { properties })
    const table = lake.table('shop.race')
    const javaRounds = 5
    let isDone = false
    const writing = java(
      'shop.race',
      ...Array.from({ length: javaRounds }, (_, n) => `INSERT INTO {t} VALUES (${n}, 'java')`),
    ).finally(() => {
      isDone = true
    })
    let landed = 0
    while (!isDone) {
      await table.append([{ id: 1000 + landed++, region: 'serac' }])
      // Java sleeps for a lease whenever it finds a lock taken, and loses to who never pauses.
      await systemRuntime.sleep(300)
    }
    await writing
    const expected = [
      ...Array.from({ length: javaRounds }, (_, n) => [String(n), 'java']),
      ...Array.from({ length: landed }, (_, n) => [String(1000 + n), 'serac']),
    ].sort()
    expect(await ours('shop.race')).toEqual(expected)
    expect([...(await rowsOf('shop.race'))].sort()).toEqual(expected)
    expect(landed).toBeGreaterThan(0)
  }, 180_000)
})
