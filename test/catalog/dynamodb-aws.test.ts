/** What DynamoDB's answers mean: a server that gives each of them, and no DynamoDB behind it. */
import { afterEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { openAwsItems } from '../../src/catalog/dynamodb-aws.js'
import type { ItemQuery, ItemStore, ItemWrite } from '../../src/catalog/dynamodb-store.js'
import { type Fault, type FaultProxy, openFaultProxy, type ProxiedRequest } from '../services/fault-proxy.js'

const KEY = { identifier: 'shop.orders', namespace: 'shop' }
const PUT: ItemWrite = {
  kind: 'put',
  item: { ...KEY, v: 'a' },
  condition: { kind: 'absent', attribute: 'v' },
}
const CHECK: ItemWrite = {
  kind: 'check',
  key: { ...KEY, identifier: 'x' },
  condition: { kind: 'present', attribute: 'v' },
}

const KEYS = [
  { AttributeName: 'identifier', KeyType: 'HASH' },
  { AttributeName: 'namespace', KeyType: 'RANGE' },
]
const TABLE = {
  TableName: 'iceberg',
  TableStatus: 'ACTIVE',
  KeySchema: KEYS,
  GlobalSecondaryIndexes: [
    {
      IndexName: 'namespace-identifier',
      KeySchema: [
        { AttributeName: 'namespace', KeyType: 'HASH' },
        { AttributeName: 'identifier', KeyType: 'RANGE' },
      ],
    },
  ],
}

function reply(body: unknown, status = 200): Fault {
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'request-1' }
  return { kind: 'reply', status, headers, body: JSON.stringify(body) }
}

function refusal(name: string, more: object = {}, status = 400): Fault {
  return reply({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'no', ...more }, status)
}

let proxy: FaultProxy
let store: ItemStore | undefined
afterEach(async () => {
  await store?.close()
  store = undefined
  await proxy.close()
})

/** A store whose requests are answered so; its table is there. */
async function storeOver(
  answer: (request: ProxiedRequest) => Fault,
  more: Readonly<Record<string, string>> = {},
): Promise<ItemStore> {
  proxy = await openFaultProxy('http://127.0.0.1:1', request =>
    request.operation === 'DescribeTable' && more.describe === undefined
      ? reply({ Table: TABLE })
      : answer(request),
  )
  const properties = {
    'dynamodb.endpoint': proxy.endpoint,
    'dynamodb.access-key-id': 'key',
    'dynamodb.secret-access-key': 'very secret',
    'dynamodb.request-timeout': '0.3',
    ...more,
  }
  store = await openAwsItems({ properties, runtime: { ...systemRuntime, sleep: async () => {} } })
  return store
}

function cancelled(...codes: readonly (string | object)[]): Fault {
  const CancellationReasons = codes.map(code => (typeof code === 'string' ? { Code: code } : code))
  return refusal('TransactionCanceledException', { CancellationReasons })
}

const FOUND = {
  identifier: { S: 'shop.orders' },
  namespace: { S: 'shop' },
  v: { S: 'b' },
  flag: { BOOL: true },
}

describe('a write', () => {
  it('alone is refused with the item as it is', async () => {
    const items = await storeOver(() => refusal('ConditionalCheckFailedException', { Item: FOUND }))
    expect(await items.write([PUT])).toEqual({
      status: 'refused',
      refusals: [{ index: 0, found: { ...KEY, v: 'b' } }],
    })
  })

  it('alone is refused without an item where there is none', async () => {
    const items = await storeOver(() => refusal('ConditionalCheckFailedException'))
    expect(await items.write([PUT])).toEqual({
      status: 'refused',
      refusals: [{ index: 0, found: undefined }],
    })
  })

  it('in a transaction is refused by its place', async () => {
    const items = await storeOver(() => cancelled('None', { Code: 'ConditionalCheckFailed', Item: FOUND }))
    expect(await items.write([PUT, CHECK], { token: 'token' })).toEqual({
      status: 'refused',
      refusals: [{ index: 1, found: { ...KEY, v: 'b' } }],
    })
  })

  it('in a transaction is refused also when another item of it was busy', async () => {
    const items = await storeOver(() => cancelled('TransactionConflict', 'ConditionalCheckFailed'))
    expect((await items.write([PUT, CHECK])).status).toBe('refused')
  })

  for (const [name, fault] of Object.entries({
    'a conflict of transactions': cancelled('None', 'TransactionConflict'),
    'a transaction on its item': refusal('TransactionConflictException'),
    'a throttled transaction': cancelled('ThrottlingError', 'None'),
    'no capacity': refusal('ProvisionedThroughputExceededException'),
    'no capacity in a transaction': cancelled('ProvisionedThroughputExceeded'),
    throttling: refusal('ThrottlingException'),
    'the limit of the account': refusal('RequestLimitExceeded'),
    'a cancelled transaction without reasons': refusal('TransactionCanceledException'),
  }))
    it(`is busy for ${name}: certainly not applied`, async () => {
      const items = await storeOver(() => fault)
      expect((await items.write([PUT, CHECK])).status).toBe('busy')
    })

  it('is busy when nobody listens', async () => {
    const items = await storeOver(() => reply({}))
    await proxy.close()
    // The first may have been sent on the connection that was open still.
    await items.write([PUT])
    expect((await items.write([PUT])).status).toBe('busy')
  })

  for (const [name, fault] of Object.entries({
    'a transaction that is still at work': refusal('TransactionInProgressException'),
    'an internal error': refusal('InternalServerError', {}, 500),
    'a service that is away': refusal('ServiceUnavailable', {}, 503),
    'a gateway without a body': { kind: 'reply', status: 502 } as const,
    'a reset': { kind: 'drop-request' } as const,
    'a hang': { kind: 'delay-request', until: 1000 } as const,
    'an answer that nobody can read': { kind: 'reply', status: 200, body: '{"x": ' } as const,
  }))
    it(`is unknown for ${name}`, async () => {
      const items = await storeOver(() => fault)
      expect((await items.write([PUT, CHECK])).status).toBe('unknown')
    })

  for (const [name, kind] of Object.entries({
    AccessDeniedException: 'denied',
    UnrecognizedClientException: 'denied',
    InvalidSignatureException: 'denied',
    ExpiredTokenException: 'denied',
    ResourceNotFoundException: 'not-found',
    ValidationException: 'invalid-argument',
    IdempotentParameterMismatchException: 'invalid-argument',
    SomethingNewException: 'invalid-argument',
  }))
    it(`fails as ${kind} for ${name}, and no secret is in what is thrown`, async () => {
      const items = await storeOver(() => refusal(name))
      const error = await items.write([PUT]).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ kind, context: { table: 'iceberg', requestId: 'request-1' } })
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('very secret')
    })

  it('of a transaction that breaks a rule fails', async () => {
    const items = await storeOver(() => cancelled('None', 'ValidationError'))
    await expect(items.write([PUT, CHECK])).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('names no item twice, and no more items than a transaction takes', async () => {
    const items = await storeOver(() => reply({}))
    await expect(items.write([PUT, { ...CHECK, key: KEY }])).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
    const many = Array.from({ length: 101 }, (_, n) => ({ ...CHECK, key: { ...KEY, identifier: `${n}` } }))
    await expect(items.write(many)).rejects.toMatchObject({ kind: 'invalid-argument' })
    await expect(items.write([])).rejects.toMatchObject({ kind: 'invalid-argument' })
    expect(proxy.log.every(({ operation }) => operation === 'DescribeTable')).toBe(true)
  })

  it('is sent once, whatever comes back', async () => {
    const items = await storeOver(() => refusal('InternalServerError', {}, 500))
    await items.write([PUT])
    expect(proxy.log.map(({ operation }) => operation)).toEqual(['DescribeTable', 'PutItem'])
  })

  it('that the caller aborts on its way is unknown, and before it not sent', async () => {
    const abort = new AbortController()
    const items = await storeOver(() => {
      abort.abort()
      return { kind: 'delay-request', until: 100 }
    })
    expect((await items.write([PUT], { signal: abort.signal })).status).toBe('unknown')
    await expect(items.write([PUT], { signal: abort.signal })).rejects.toMatchObject({ kind: 'aborted' })
  })
})

describe('a read', () => {
  it('is consistent, and shows strings and numbers', async () => {
    const items = await storeOver(() => reply({ Item: { ...FOUND, created_at: { N: '1795249819692' } } }))
    expect(await items.get(KEY)).toEqual({ ...KEY, v: 'b', created_at: 1_795_249_819_692 })
    expect(JSON.parse(String(proxy.log.at(-1)?.body))).toMatchObject({ ConsistentRead: true })
  })

  it('of many items is consistent, unless it goes through the index', async () => {
    const items = await storeOver(() => reply({ Items: [FOUND], LastEvaluatedKey: FOUND }))
    const page = { items: [{ ...KEY, v: 'b' }], next: KEY }
    const ask = async (query: ItemQuery) => {
      expect(await items.query(query, { after: KEY })).toEqual(page)
      return JSON.parse(String(proxy.log.at(-1)?.body))
    }
    const start = { ExclusiveStartKey: { identifier: FOUND.identifier, namespace: FOUND.namespace } }
    expect(await ask({ kind: 'identifier', identifier: 'NAMESPACE' })).toMatchObject({
      ConsistentRead: true,
      ...start,
    })
    expect(await ask({ kind: 'scan', namespaces: ['shop'] })).toMatchObject({
      ConsistentRead: true,
      ...start,
    })
    expect(await ask({ kind: 'namespace', namespace: 'shop' })).toMatchObject({
      IndexName: 'namespace-identifier',
      ...start,
    })
  })

  it('that fails is unavailable where it may work later, and else what it is', async () => {
    for (const [fault, kind] of [
      [refusal('InternalServerError', {}, 500), 'unavailable'],
      [refusal('ThrottlingException'), 'unavailable'],
      [{ kind: 'drop-request' }, 'unavailable'],
      [refusal('AccessDeniedException'), 'denied'],
      [refusal('ResourceNotFoundException'), 'not-found'],
    ] as const) {
      const items = await storeOver(() => fault)
      await expect(items.get(KEY)).rejects.toMatchObject({ kind })
      await expect(items.query({ kind: 'namespace', namespace: 'shop' })).rejects.toMatchObject({ kind })
      await items.close()
      await proxy.close()
    }
  })
})

describe('opening', () => {
  it('a table of another layout is refused', async () => {
    for (const Table of [
      { ...TABLE, GlobalSecondaryIndexes: [] },
      { ...TABLE, KeySchema: [{ AttributeName: 'entityId', KeyType: 'HASH' }] },
    ]) {
      await expect(storeOver(() => reply({ Table }), { describe: 'forged' })).rejects.toMatchObject({
        kind: 'unsupported',
      })
      await proxy.close()
    }
    proxy = await openFaultProxy('http://127.0.0.1:1', () => undefined)
  })

  it('goes on where nobody may look at the table', async () => {
    const items = await storeOver(() => refusal('AccessDeniedException'), { describe: 'forged' })
    await expect(items.get(KEY)).rejects.toMatchObject({ kind: 'denied' })
  })

  it('waits for a table that others are making, and makes a missing one, with its tags', async () => {
    const states: Fault[] = [
      refusal('ResourceNotFoundException'),
      refusal('ResourceInUseException'),
      reply({ Table: { ...TABLE, TableStatus: 'CREATING' } }),
      reply({ Table: TABLE }),
    ]
    await storeOver(() => states.shift() ?? reply({}), { describe: 'forged', 'dynamodb.tags.owner': 'lake' })
    expect(proxy.log.map(({ operation }) => operation)).toEqual([
      'DescribeTable',
      'CreateTable',
      'DescribeTable',
      'DescribeTable',
    ])
    expect(JSON.parse(String(proxy.log[1]?.body))).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: KEYS,
      Tags: [{ Key: 'owner', Value: 'lake' }],
    })
  })

  it('takes the name of the table from either property', async () => {
    for (const [name, value] of [
      ['dynamodb.table-name', 'a'],
      ['table-name', 'b'],
    ] as const) {
      const items = await storeOver(() => reply({}), { [name]: value })
      await items.get(KEY)
      expect(JSON.parse(String(proxy.log.at(-1)?.body))).toMatchObject({ TableName: value })
      await items.close()
      await proxy.close()
    }
  })
})
