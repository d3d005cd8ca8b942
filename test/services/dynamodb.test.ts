/** The DynamoDB catalog on DynamoDB Local: the contract, the table it makes, lost answers, and many writers at once. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog, CommitOutcome, TableCommit } from '../../src/catalog/catalog.js'
import { openDynamoDbCatalog } from '../../src/catalog/dynamodb.js'
import { openAwsItems } from '../../src/catalog/dynamodb-aws.js'
import type { ItemStore, ItemWrite } from '../../src/catalog/dynamodb-store.js'
import { awsClientConfig } from '../../src/io/aws-config.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { createMemoryItems } from '../catalog/memory-items.js'
import {
  appendTo,
  type CatalogUnderTest,
  committed,
  createTable,
  creation,
  describeCatalog,
  ITEMS,
  ORDERS,
} from '../contract/catalog.js'
import { describeDynamoDbTurns } from '../contract/dynamodb-turns.js'
import { describeWriteLeases } from '../contract/write-leases.js'
import { type Fault, type FaultProxy, openFaultProxy, type ProxiedRequest } from './fault-proxy.js'
import { type Service, serviceIsHere, serviceProperties, startService } from './service.js'

const runtime = systemRuntime
const warehouse = 'memory:/lake'

describe.skipIf(!serviceIsHere('dynamodb'))('on DynamoDB Local', () => {
  let service: Service
  beforeAll(async () => {
    service = await startService('dynamodb')
  }, 90_000)
  afterAll(() => service.stop())

  let tables = 0
  const newTable = () => ({ ...service.properties, 'dynamodb.table-name': `catalog-${tables++}` })

  /** Clients of a table of their own. */
  async function openWorld(clock: Runtime): Promise<CatalogUnderTest> {
    const io = createMemoryIO()
    const properties = newTable()
    const opened: Catalog[] = []
    const another = async (): Promise<Catalog> => {
      const catalog = await openDynamoDbCatalog({ properties, warehouse, io, runtime: clock })
      opened.push(catalog)
      return catalog
    }
    const close = async (): Promise<void> => {
      for (const catalog of opened) await catalog.close()
    }
    return { catalog: await another(), io, another, close }
  }

  describeCatalog('dynamodb, DynamoDB Local', () => openWorld(runtime), {
    locationProperty: 'default_location',
  })
  describeWriteLeases('dynamodb, DynamoDB Local', openWorld)
  describeDynamoDbTurns('DynamoDB Local', () => openAwsItems({ properties: newTable(), runtime }))

  describe('a store of items', () => {
    const KEY = { identifier: 'shop.orders', namespace: 'shop' }
    const OTHER = { identifier: 'shop.items', namespace: 'shop' }
    const IS_NEW = { kind: 'absent', attribute: 'v' } as const
    const isAt = (value: string) => ({ kind: 'equals', attribute: 'v', value }) as const

    /** Writes, each told by its answer. */
    const STEPS: readonly { readonly writes: readonly ItemWrite[]; readonly token?: string }[] = [
      { writes: [{ kind: 'put', item: { ...KEY, v: 'a', n: 1, 'p.x': 'ß 😀' }, condition: IS_NEW }] },
      { writes: [{ kind: 'put', item: { ...KEY, v: 'b' }, condition: IS_NEW }] },
      {
        writes: [
          {
            kind: 'update',
            key: KEY,
            set: { v: 'b', 'p.y': '' },
            remove: ['n', 'never'],
            condition: isAt('a'),
          },
        ],
      },
      { writes: [{ kind: 'update', key: KEY, set: { v: 'c' }, condition: isAt('a') }] },
      { writes: [{ kind: 'update', key: OTHER, set: { v: 'c' }, condition: isAt('a') }] },
      { writes: [{ kind: 'update', key: OTHER, set: { v: 'o' } }] },
      {
        writes: [
          { kind: 'update', key: KEY, set: { v: 'c' }, condition: isAt('b') },
          { kind: 'check', key: OTHER, condition: isAt('elsewhere') },
        ],
      },
      {
        writes: [
          { kind: 'delete', key: KEY, condition: isAt('b') },
          { kind: 'put', item: { ...KEY, namespace: '.views.shop', v: 'd' }, condition: IS_NEW },
          {
            kind: 'check',
            key: OTHER,
            condition: { kind: 'all', conditions: [isAt('o'), { kind: 'absent', attribute: 'gone' }] },
          },
        ],
        token: 'token-1',
      },
      {
        writes: [
          { kind: 'delete', key: KEY, condition: isAt('b') },
          { kind: 'put', item: { ...KEY, namespace: '.views.shop', v: 'd' }, condition: IS_NEW },
          {
            kind: 'check',
            key: OTHER,
            condition: { kind: 'all', conditions: [isAt('o'), { kind: 'absent', attribute: 'gone' }] },
          },
        ],
        token: 'token-1',
      },
      { writes: [{ kind: 'check', key: OTHER, condition: isAt('o') }] },
      { writes: [{ kind: 'check', key: KEY, condition: { kind: 'present', attribute: 'v' } }] },
      { writes: [{ kind: 'put', item: { ...KEY, v: 'e' } }], token: 'token-2' },
      { writes: [{ kind: 'delete', key: KEY }] },
      { writes: [{ kind: 'put', item: { ...KEY, v: 'e' } }], token: 'token-2' },
      { writes: [{ kind: 'put', item: { ...KEY, v: 'f' } }], token: 'token-2' },
      { writes: [{ kind: 'put', item: { ...KEY, v: 'f'.repeat(409_600) } }] },
      { writes: [{ kind: 'delete', key: { ...KEY, namespace: 'none' }, condition: isAt('a') }] },
      { writes: [{ kind: 'delete', key: KEY }] },
    ]

    async function run(store: ItemStore): Promise<readonly unknown[]> {
      const answers: unknown[] = []
      for (const { writes, token } of STEPS)
        answers.push(
          await store.write(writes, { token }).catch((error: { readonly kind: string }) => error.kind),
        )
      for (let n = 0; n < 30; n++)
        await store.write([
          { kind: 'put', item: { identifier: 'NAMESPACE', namespace: `a.${'é'.repeat(n % 7)}${n}` } },
        ])
      for (const query of [
        { kind: 'identifier', identifier: 'NAMESPACE' },
        { kind: 'identifier', identifier: 'NAMESPACE', namespacePrefix: 'a.é' },
        { kind: 'identifier', identifier: 'none' },
        { kind: 'namespace', namespace: 'shop' },
      ] as const)
        answers.push(await store.query(query))
      const scanned = await store.query({ kind: 'scan', namespaces: ['shop', '.views.shop'] })
      answers.push(scanned.items.map(item => item.namespace).sort())
      answers.push(await store.get(OTHER), await store.get(KEY))
      return answers
    }

    it('answers as the one in memory does', async () => {
      const real = await openAwsItems({ properties: newTable(), runtime })
      expect(await run(real)).toEqual(await run(createMemoryItems({ runtime })))
      await real.close()
    })
  })

  it('the table is made once by many who open it at the same time', async () => {
    const properties = newTable()
    const io = createMemoryIO()
    const open = () => openDynamoDbCatalog({ properties, warehouse, io, runtime })
    const catalogs = await Promise.all(Array.from({ length: 5 }, open))
    await catalogs[0]?.createNamespace(['shop'])
    expect(await catalogs[4]?.listNamespaces()).toEqual([['shop']])
    for (const catalog of catalogs) await catalog.close()
  })

  it("the table is made as Java's catalog makes it", async () => {
    const properties = newTable()
    await (await openDynamoDbCatalog({ properties, warehouse, io: createMemoryIO(), runtime })).close()
    const client = new DynamoDBClient(await awsClientConfig(properties, 'dynamodb'))
    const TableName = properties['dynamodb.table-name']
    const { Table } = await client.send(new DescribeTableCommand({ TableName }))
    client.destroy()
    const file = join(import.meta.dirname, '..', 'interop', 'dynamodb', 'items.json')
    const { table: golden } = JSON.parse(await readFile(file, 'utf8'))
    for (const part of ['AttributeDefinitions', 'KeySchema'] as const)
      expect(Table?.[part]).toEqual(golden[part])
    expect(Table?.GlobalSecondaryIndexes).toMatchObject(golden.GlobalSecondaryIndexes)
    expect(Table?.BillingModeSummary?.BillingMode).toBe(golden.BillingModeSummary.BillingMode)
  })

  it('commits of many writers to one table and to two land once each', async () => {
    const properties = newTable()
    const io = createMemoryIO()
    const opened = await Promise.all(
      Array.from({ length: 6 }, () => openDynamoDbCatalog({ properties, warehouse, io, runtime })),
    )
    const [first] = opened
    await first?.createNamespace(['shop'])
    await createTable(first!, ORDERS)
    await createTable(first!, ITEMS)
    let next = 1n
    const land = async (catalog: Catalog, isDouble: boolean): Promise<void> => {
      for (let done = 0; done < 5; ) {
        const id = next++
        const changes = [appendTo(await catalog.loadTable(ORDERS), id)]
        if (isDouble) changes.push(appendTo(await catalog.loadTable(ITEMS), id + 1000n))
        const outcome = await catalog.commit(changes)
        if (outcome.status === 'committed') done++
      }
    }
    await Promise.all(opened.map((catalog, index) => land(catalog, index % 2 === 0)))
    expect((await first!.loadTable(ORDERS)).metadata.snapshots).toHaveLength(30)
    expect((await first!.loadTable(ITEMS)).metadata.snapshots).toHaveLength(15)
    for (const catalog of opened) await catalog.close()
  }, 60_000)

  describe('through a network that loses answers', () => {
    let proxy: FaultProxy
    let faults: { readonly operation: string; readonly fault: Fault }[]
    let catalog: Catalog
    const io = createMemoryIO()
    const decide = ({ operation }: ProxiedRequest): Fault | undefined =>
      faults[0]?.operation === operation ? faults.shift()?.fault : undefined

    beforeAll(async () => {
      faults = []
      proxy = await openFaultProxy(service.endpoint, decide)
      const properties = { ...newTable(), ...serviceProperties('dynamodb', proxy.endpoint) }
      catalog = await openDynamoDbCatalog({ properties, warehouse, io, runtime })
      await catalog.createNamespace(['shop'])
    })
    afterAll(async () => {
      await catalog.close()
      await proxy.close()
    })

    async function commitAndSettle(changes: readonly TableCommit[]): Promise<CommitOutcome> {
      let outcome = await catalog.commit(changes)
      for (let looks = 0; outcome.status === 'unknown' && looks < 5; looks++)
        outcome = await catalog.settle(outcome.attempt)
      return outcome
    }

    let names = 0
    const name = () => ({ namespace: ['shop'], name: `t${names++}` })
    const FAULTS: Readonly<Record<string, Fault>> = {
      'is lost': { kind: 'drop-response' },
      'ends in a reset': { kind: 'reset-response' },
      'is cut': { kind: 'truncate-response' },
      'is an error after all was done': { kind: 'duplicate' },
      'never was, as the request was lost': { kind: 'drop-request' },
    }
    for (const [words, fault] of Object.entries(FAULTS))
      it(`every change is done once although its answer ${words}`, async () => {
        const lose = (operation: string): void => {
          faults = [{ operation, fault }]
        }
        const [a, b] = [name(), name()]
        lose('TransactWriteItems')
        committed(await commitAndSettle([await creation(catalog, a)]))
        lose('UpdateItem')
        committed(await commitAndSettle([appendTo(await catalog.loadTable(a), 1n)]))
        await createTable(catalog, b)
        lose('TransactWriteItems')
        const both = [appendTo(await catalog.loadTable(a), 2n), appendTo(await catalog.loadTable(b), 3n)]
        committed(await commitAndSettle(both))
        const c = name()
        lose('TransactWriteItems')
        await catalog.renameTable(a, c)
        lose('UpdateItem')
        await catalog.updateNamespace(['shop'], { removals: [], updates: { last: c.name } })
        expect((await catalog.loadTable(c)).metadata.snapshots.map(each => each.snapshotId)).toEqual([1n, 2n])
        lose('DeleteItem')
        await catalog.dropTable(c)
        expect(await catalog.tableExists(c)).toBe(false)
        lose('TransactWriteItems')
        await catalog.createNamespace(['other'])
        lose('DeleteItem')
        await catalog.dropNamespace(['other'])
        expect(await catalog.listNamespaces()).toEqual([['shop']])
        expect(faults).toEqual([])
      })

    it('nothing is asked for that the policy in spec/dynamodb.md does not allow', async () => {
      const text = await readFile(join(import.meta.dirname, '..', '..', 'spec', 'dynamodb.md'), 'utf8')
      const policy = JSON.parse(/```json\n(\{[^`]*\})\n```/.exec(text)?.[1] ?? '')
      const allowed = new Set(policy.Statement.flatMap((each: { readonly Action: string[] }) => each.Action))
      const parts = (body: Buffer) =>
        JSON.parse(body.toString()).TransactItems.flatMap((item: object) => Object.keys(item))
      const asked = proxy.log.flatMap(({ operation, body }) =>
        operation === 'TransactWriteItems'
          ? parts(body).map((part: string) =>
              part === 'ConditionCheck' ? 'ConditionCheckItem' : `${part}Item`,
            )
          : [operation],
      )
      const actions = new Set(asked.map(operation => `dynamodb:${operation}`))
      actions.delete('dynamodb:CreateTable')
      expect([...actions].sort()).toEqual([...allowed].sort())
    })

    it('what DynamoDB Local never says is waited for', async () => {
      const identifier = name()
      await createTable(catalog, identifier)
      const answer = (type: string, more: object): Fault => ({
        kind: 'reply',
        status: 400,
        headers: { 'content-type': 'application/x-amz-json-1.0' },
        body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, ...more }),
      })
      const conflict = { CancellationReasons: [{ Code: 'TransactionConflict' }] }
      faults = [
        { operation: 'TransactWriteItems', fault: answer('TransactionCanceledException', conflict) },
        { operation: 'TransactWriteItems', fault: answer('TransactionInProgressException', {}) },
      ]
      committed(await commitAndSettle([await creation(catalog, name())]))
      faults = [
        { operation: 'GetItem', fault: answer('ProvisionedThroughputExceededException', {}) },
        { operation: 'UpdateItem', fault: answer('ThrottlingException', {}) },
        { operation: 'UpdateItem', fault: answer('TransactionConflictException', {}) },
      ]
      committed(await commitAndSettle([appendTo(await catalog.loadTable(identifier), 1n)]))
      expect(faults).toEqual([])
    })
  })
})
