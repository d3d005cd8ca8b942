/** A whole lake on the command line: tables in S3, pointers in DynamoDB, all of it named in `serac.json`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../../src/index.js'
import { seracOk } from '../support/cli.js'
import { type Service, type ServiceName, serviceIsHere, startService, TEST_BUCKET } from './service.js'

const STORES: readonly ServiceName[] = ['versitygw', 'minio']

describe.runIf(serviceIsHere('dynamodb')).each(STORES)('a lake in DynamoDB and %s', store => {
  let services: readonly Service[]
  let cwd: string
  beforeAll(async () => {
    services = await Promise.all([startService('dynamodb'), startService(store)])
  }, 60_000)
  afterAll(() => Promise.all(services.map(service => service.stop())))
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'serac-services-'))
  })
  afterEach(() => rm(cwd, { recursive: true, force: true }))

  const properties = (): Record<string, string> => Object.assign({}, ...services.map(each => each.properties))
  const json = async (...args: string[]) => JSON.parse(await seracOk([...args, '--json'], { cwd }))

  it('is written, read, compacted, expired and purged by commands', async () => {
    const catalog = { type: 'dynamodb', warehouse: `s3://${TEST_BUCKET}/lake`, ...properties() }
    await writeFile(join(cwd, 'serac.json'), JSON.stringify({ default: 'prod', catalogs: { prod: catalog } }))
    for (const part of [1, 2, 3]) {
      const lines = Array.from({ length: 100 }, (_, at) => `{"id":${part * 100 + at},"part":${part}}`)
      await writeFile(join(cwd, `${part}.jsonl`), lines.join('\n'))
      await json('ingest', 'shop.orders', `${part}.jsonl`)
    }
    await json('ingest', 'shop.orders', '1.jsonl', '--mode', 'upsert', '--keys', 'id')
    await json('delete', 'shop.orders', '--where', 'id < 150')
    expect(await json('scan', 'shop.orders', '--count')).toEqual({ count: 250 })
    expect(await json('compact', 'shop.orders', '--rewrite-all')).toMatchObject({ failures: [] })
    const expired = await json('expire', 'shop.orders', '--older-than', '0s')
    expect(expired.failed).toEqual([])
    expect(expired.files.length).toBeGreaterThan(0)
    expect(await json('scan', 'shop.orders', '--count')).toEqual({ count: 250 })
    const { metadataLocation } = await json('table', 'show', 'shop.orders')
    expect(metadataLocation).toContain(`s3://${TEST_BUCKET}/lake/shop.db/orders/metadata/`)
    expect(await json('doctor')).toEqual([{ table: 'shop.orders' }])
    await json('table', 'drop', 'shop.orders')
    expect(await json('doctor', '--rebuild-catalog')).toMatchObject([
      { table: 'shop.orders', status: 'registered', metadataLocation },
    ])
    const purged = await json('table', 'drop', 'shop.orders', '--purge')
    expect(purged.failed).toEqual([])
    expect(await json('table', 'list')).toEqual([])
  }, 60_000)

  it('commits two tables together, and moves one to a local disk', async () => {
    await using lake = await connect({
      type: 'dynamodb',
      warehouse: `s3://${TEST_BUCKET}/two`,
      properties: properties(),
    })
    const orders = await lake.createTable('two.orders', 'id bigint not null', {
      formatVersion: 3,
      keys: ['id'],
    })
    await lake.createTable('two.stock', 'id bigint, n int')
    await lake.transaction(['two.orders', 'two.stock'], async tx => {
      await tx.table('two.orders').append([{ id: 1 }, { id: 2 }])
      await tx.table('two.stock').append([{ id: 1, n: 5 }])
    })
    await orders.delete('id = 2')
    expect(await orders.scan().count()).toBe(1)
    const { metadataLocation } = await orders.rewritePath({ to: `file://${cwd}/orders` })
    await using local = await connect({ baseFolder: cwd })
    const moved = await local.registerTable('two.orders', metadataLocation)
    expect(await moved.scan().count()).toBe(1)
  }, 60_000)
})
