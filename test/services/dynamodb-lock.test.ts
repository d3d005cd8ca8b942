/** Locks in DynamoDB Local: the contract, items as Java writes them, and lost answers. */
import {
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { openDynamoDbLock } from '../../src/catalog/dynamodb-lock.js'
import type { LockManager } from '../../src/catalog/lock.js'
import { awsClientConfig } from '../../src/io/aws-config.js'
import { describeLocks } from '../contract/lock.js'
import { type Fault, openFaultProxy } from './fault-proxy.js'
import { type Service, serviceIsHere, serviceProperties, startService } from './service.js'

const runtime = systemRuntime

describe.skipIf(!serviceIsHere('dynamodb'))('locks on DynamoDB Local', () => {
  let service: Service
  let client: DynamoDBClient
  beforeAll(async () => {
    service = await startService('dynamodb')
    client = new DynamoDBClient(await awsClientConfig(service.properties, 'dynamodb'))
  }, 90_000)
  afterAll(async () => {
    client.destroy()
    await service.stop()
  })

  let tables = 0
  const newTable = (): string => `locks-${tables++}`
  const open = (table: string, more: Readonly<Record<string, string>> = {}): Promise<LockManager> =>
    openDynamoDbLock({ properties: { ...service.properties, 'lock.table': table, ...more }, runtime })

  describeLocks('DynamoDB Local', async () => {
    const table = newTable()
    await (await open(table)).close()
    return {
      open: async (settings, given) => {
        const ms = (value: number | undefined, whenAbsent: number): string => String(value ?? whenAbsent)
        const properties = {
          ...service.properties,
          'lock.table': table,
          'lock.heartbeat-timeout-ms': ms(settings.leaseMs, 15_000),
          'lock.heartbeat-interval-ms': ms(settings.heartbeatMs, 3_000),
          'lock.acquire-interval-ms': ms(settings.acquireIntervalMsMax, 5_000),
          'lock.acquire-timeout-ms': ms(settings.acquireTimeoutMs, 180_000),
        }
        return openDynamoDbLock({ properties, runtime: given })
      },
    }
  })

  it('makes the table and the items that Java makes', async () => {
    const table = newTable()
    const [locks, other] = await Promise.all([open(table), open(table)])
    const held = await locks.acquire('file:/a/metadata/v2.metadata.json', 'file:/a/metadata/x.metadata.json')
    const { Table } = await client.send(new DescribeTableCommand({ TableName: table }))
    expect(Table?.KeySchema).toEqual([{ AttributeName: 'entityId', KeyType: 'HASH' }])
    expect(Table?.AttributeDefinitions).toEqual([{ AttributeName: 'entityId', AttributeType: 'S' }])
    const get = new GetItemCommand({
      TableName: table,
      Key: { entityId: { S: 'file:/a/metadata/v2.metadata.json' } },
    })
    const { Item } = await client.send(get)
    expect(Item).toEqual({
      entityId: { S: 'file:/a/metadata/v2.metadata.json' },
      ownerId: { S: 'file:/a/metadata/x.metadata.json' },
      version: { S: expect.stringMatching(/^[0-9a-f-]{36}$/) },
      leaseDurationMs: { N: '15000' },
    })
    await held?.release()
    expect((await client.send(get)).Item).toBeUndefined()
    await locks.close()
    await other.close()
  })

  it('waits for the lease of an item that Java left, and takes it over', async () => {
    const table = newTable()
    const locks = await open(table, { 'lock.acquire-interval-ms': '50' })
    const item = {
      entityId: { S: 'e' },
      ownerId: { S: 'java' },
      version: { S: 'v' },
      leaseDurationMs: { N: '300' },
    }
    await client.send(new PutItemCommand({ TableName: table, Item: item }))
    const held = await locks.acquire('e', 'serac')
    expect(await held?.isHeld()).toBe(true)
    await locks.close()
  })

  it('is had, told and released although answers are lost', async () => {
    const faults: Fault[] = []
    const proxy = await openFaultProxy(service.endpoint, ({ operation }) =>
      operation === 'PutItem' || operation === 'DeleteItem' ? faults.shift() : undefined,
    )
    const locks = await open(newTable(), serviceProperties('dynamodb', proxy.endpoint))
    for (const kind of ['drop-response', 'drop-request', 'reset-response'] as const) {
      faults.push({ kind })
      const held = await locks.acquire(kind, 'me')
      faults.push({ kind })
      expect(await held?.isHeld()).toBe(true)
      faults.push({ kind })
      await held?.release()
      expect(faults).toEqual([])
      const next = await locks.acquire(kind, 'next')
      expect(await next?.isHeld()).toBe(true)
    }
    await locks.close()
    await proxy.close()
  }, 30_000)
})
