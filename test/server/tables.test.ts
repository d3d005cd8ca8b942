/** Namespaces, tables, views and commits through the server, as clients see them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openLake } from '../../src/index.js'
import { type Json, type ServedLake, serveLake } from './world.js'

let world: ServedLake
beforeEach(async () => {
  world = await serveLake()
  await world.ask('POST /v1/namespaces', { body: { namespace: ['shop'] } })
})
afterEach(() => world.close())

const SCHEMA = {
  type: 'struct',
  fields: [
    { id: 1, name: 'id', required: true, type: 'long' },
    { id: 2, name: 'region', required: false, type: 'string' },
  ],
}
const TABLE = '/v1/namespaces/shop/tables/orders'

async function create(options: object = {}, headers: Record<string, string> = {}) {
  const body = { name: 'orders', schema: SCHEMA, ...options }
  return world.ask('POST /v1/namespaces/shop/tables', { body, headers })
}

/** A commit that appends nothing. */
function append(metadata: Json, snapshotId: number) {
  const snapshot = {
    'snapshot-id': snapshotId,
    ...(metadata['current-snapshot-id'] > 0 ? { 'parent-snapshot-id': metadata['current-snapshot-id'] } : {}),
    'sequence-number': metadata['last-sequence-number'] + 1,
    'timestamp-ms': metadata['last-updated-ms'] + 1,
    'manifest-list': `${metadata.location}/metadata/snap-${snapshotId}.avro`,
    summary: { operation: 'append' },
    'schema-id': 0,
  }
  const at = metadata['current-snapshot-id'] > 0 ? metadata['current-snapshot-id'] : null
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-ref-snapshot-id', ref: 'main', 'snapshot-id': at },
    ],
    updates: [
      { action: 'add-snapshot', snapshot },
      { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': snapshotId },
    ],
  }
}

const error = (type: string, code: number) => ({ error: { type, code } })

describe('namespaces', () => {
  it('are made, changed, listed and dropped', async () => {
    const { ask } = world
    const made = await ask('POST /v1/namespaces', {
      body: { namespace: ['a', 'b'], properties: { k: '1', old: '2' } },
    })
    expect(made.json).toEqual({ namespace: ['a', 'b'], properties: { k: '1', old: '2' } })
    expect((await ask('GET /v1/namespaces')).json.namespaces).toEqual([['a'], ['shop']])
    expect((await ask('GET /v1/namespaces?parent=a')).json.namespaces).toEqual([['a', 'b']])
    const change = { removals: ['old', 'none'], updates: { k: '3' } }
    expect((await ask('POST /v1/namespaces/a%1Fb/properties', { body: change })).json).toEqual({
      updated: ['k'],
      removed: ['old'],
      missing: ['none'],
    })
    expect((await ask('GET /v1/namespaces/a%1Fb')).json.properties).toEqual({ k: '3' })
    expect((await ask('HEAD /v1/namespaces/a%1Fb')).status).toBe(204)
    expect((await ask('DELETE /v1/namespaces/a%1Fb')).status).toBe(204)
    expect((await ask('HEAD /v1/namespaces/a%1Fb')).status).toBe(404)
  })

  it('say in the words of the protocol what is wrong', async () => {
    const { ask } = world
    expect((await ask('GET /v1/namespaces/none')).json).toMatchObject(error('NoSuchNamespaceException', 404))
    const again = await ask('POST /v1/namespaces', { body: { namespace: ['shop'] } })
    expect(again.json).toMatchObject(error('AlreadyExistsException', 409))
    await create()
    expect((await ask('DELETE /v1/namespaces/shop')).json).toMatchObject(
      error('NamespaceNotEmptyException', 409),
    )
    const twice = { removals: ['a'], updates: { a: '1' } }
    expect((await ask('POST /v1/namespaces/shop/properties', { body: twice })).status).toBe(422)
    expect((await ask('POST /v1/namespaces', { body: { namespace: [] } })).status).toBe(400)
    expect((await ask('POST /v1/namespaces', { body: '{' })).status).toBe(400)
  })

  it('have levels with dots, slashes, spaces and per cent', async () => {
    for (const level of ['new.db', 'a/b', 'two words', '100%', '%2E', 'a%252Eb', '..']) {
      const path = encodeURIComponent(level)
      expect((await world.ask('POST /v1/namespaces', { body: { namespace: [level] } })).status).toBe(200)
      if (level !== '..') expect((await world.ask(`HEAD /v1/namespaces/${path}`)).status).toBe(204)
    }
    const { namespaces } = (await world.ask('GET /v1/namespaces')).json
    expect(new Set(namespaces.map((levels: Json) => levels[0]))).toEqual(
      new Set(['shop', 'new.db', 'a/b', 'two words', '100%', '%2E', 'a%252Eb', '..']),
    )
  })

  it('come in pages', async () => {
    for (const name of ['a', 'b', 'c', 'd'])
      await world.ask('POST /v1/namespaces', { body: { namespace: [name] } })
    const seen: Json[] = []
    let token: string | null = ''
    while (token !== null) {
      const { json } = await world.ask(`GET /v1/namespaces?pageToken=${token}&pageSize=2`)
      expect(json.namespaces.length).toBeLessThanOrEqual(2)
      seen.push(...json.namespaces.flat())
      token = json['next-page-token'] ?? null
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'shop'])
    expect((await world.ask('GET /v1/namespaces?pageToken=nonsense&pageSize=2')).status).toBe(400)
  })
})

describe('tables', () => {
  it('are made, loaded, listed and dropped', async () => {
    const { status, json, headers } = await create({ properties: { owner: 'ann' } })
    expect(status).toBe(200)
    expect(json.metadata).toMatchObject({ 'format-version': 2, location: 'memory:/lake/shop/orders' })
    expect(json.metadata.properties).toEqual({ owner: 'ann', 'write.parquet.compression-codec': 'zstd' })
    expect(headers.get('etag')).toMatch(/^".+"$/)
    expect((await world.ask(`GET ${TABLE}`)).json).toEqual(json)
    expect((await world.ask(`HEAD ${TABLE}`)).status).toBe(204)
    const { identifiers } = (await world.ask('GET /v1/namespaces/shop/tables')).json
    expect(identifiers).toEqual([{ namespace: ['shop'], name: 'orders' }])
    expect((await world.ask(`DELETE ${TABLE}`)).status).toBe(204)
    expect((await world.ask(`GET ${TABLE}`)).json).toMatchObject(error('NoSuchTableException', 404))
  })

  it('are not made twice, nor without a namespace', async () => {
    await create()
    expect((await create()).json).toMatchObject({
      error: { type: 'AlreadyExistsException', message: 'Table already exists: shop.orders' },
    })
    const nowhere = await world.ask('POST /v1/namespaces/none/tables', {
      body: { name: 't', schema: SCHEMA },
    })
    expect(nowhere.json).toMatchObject(error('NoSuchNamespaceException', 404))
  })

  it('are staged, and made by the commit that fills them', async () => {
    const staged = await create({ 'stage-create': true })
    expect(staged.json['metadata-location']).toBeUndefined()
    expect((await world.ask(`HEAD ${TABLE}`)).status).toBe(404)
    const { metadata } = staged.json
    const updates = [
      { action: 'assign-uuid', uuid: metadata['table-uuid'] },
      { action: 'upgrade-format-version', 'format-version': 2 },
      { action: 'add-schema', schema: metadata.schemas[0], 'last-column-id': 2 },
      { action: 'set-current-schema', 'schema-id': -1 },
      { action: 'add-spec', spec: metadata['partition-specs'][0] },
      { action: 'set-default-spec', 'spec-id': -1 },
      { action: 'add-sort-order', 'sort-order': metadata['sort-orders'][0] },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
      { action: 'set-location', location: metadata.location },
    ]
    const commit = { requirements: [{ type: 'assert-create' }], updates }
    const made = await world.ask(`POST ${TABLE}`, { body: commit })
    expect(made.json.metadata['table-uuid']).toBe(metadata['table-uuid'])
    expect((await world.ask(`POST ${TABLE}`, { body: commit })).json).toMatchObject({
      error: { type: 'AlreadyExistsException', message: expect.stringMatching(/^Requirement failed: table/) },
    })
    const mixed = {
      ...commit,
      requirements: [...commit.requirements, { type: 'assert-table-uuid', uuid: 'u' }],
    }
    expect((await world.ask(`POST ${TABLE}`, { body: mixed })).status).toBe(400)
  })

  it('are renamed, but not onto others', async () => {
    await create()
    await create({ name: 'items' })
    const names = (source: string, destination: string) => ({
      source: { namespace: ['shop'], name: source },
      destination: { namespace: ['shop'], name: destination },
    })
    expect((await world.ask('POST /v1/tables/rename', { body: names('orders', 'old.orders') })).status).toBe(
      204,
    )
    expect((await world.ask('HEAD /v1/namespaces/shop/tables/old.orders')).status).toBe(204)
    expect(
      (await world.ask('POST /v1/tables/rename', { body: names('old.orders', 'items') })).json,
    ).toMatchObject({
      error: { message: 'Cannot rename shop.`old.orders` to shop.items. Table already exists' },
    })
    expect((await world.ask('POST /v1/tables/rename', { body: names('none', 'x') })).status).toBe(404)
  })

  it('are registered from their metadata', async () => {
    const { json } = await create()
    await world.ask(`DELETE ${TABLE}`)
    const body = { name: 'again', 'metadata-location': json['metadata-location'] }
    expect((await world.ask('POST /v1/namespaces/shop/register', { body })).json).toEqual(json)
    expect((await world.ask('POST /v1/namespaces/shop/register', { body })).status).toBe(409)
    const missing = { ...body, name: 'other', 'metadata-location': 'memory:/lake/none.metadata.json' }
    expect((await world.ask('POST /v1/namespaces/shop/register', { body: missing })).json).toMatchObject(
      error('NotFoundException', 404),
    )
  })

  it('are registered over others, whose files stay and whose writers lose', async () => {
    const { json: orders } = await create()
    const { json: items } = await create({ name: 'items' })
    const register = (overwrite: boolean, from: Json) =>
      world.ask('POST /v1/namespaces/shop/register', {
        body: { name: 'orders', 'metadata-location': from['metadata-location'], overwrite },
      })
    expect((await register(false, items)).status).toBe(409)
    expect(await register(true, items)).toMatchObject({ status: 200, json: { metadata: items.metadata } })
    expect((await world.ask(`POST ${TABLE}`, { body: append(orders.metadata, 1) })).json).toMatchObject(
      error('CommitFailedException', 409),
    )
    expect((await world.ask(`GET ${TABLE}`)).json.metadata).toEqual(items.metadata)
    expect(world.records).toContainEqual(
      expect.objectContaining({ action: 'register-table', overwrite: true, outcome: 'done' }),
    )
    expect((await register(true, orders)).json.metadata).toEqual(orders.metadata)
    expect((await world.ask(`POST ${TABLE}`, { body: append(orders.metadata, 1) })).status).toBe(200)
  })

  it('are unregistered with their last state, once, and their files stay', async () => {
    await create()
    const { endpoints } = (await world.ask('GET /v1/config')).json
    expect(endpoints).toContain('POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/unregister')
    const { json: before } = await world.ask(`GET ${TABLE}`)
    const last = await world.ask(`POST ${TABLE}/unregister`)
    expect(last).toMatchObject({ status: 200 })
    expect(last.json).toEqual({
      'metadata-location': before['metadata-location'],
      metadata: before.metadata,
    })
    expect((await world.ask(`GET ${TABLE}`)).status).toBe(404)
    expect((await world.ask(`POST ${TABLE}`, { body: append(before.metadata, 1) })).status).toBe(404)
    expect((await world.ask(`POST ${TABLE}/unregister`)).json).toMatchObject(
      error('NoSuchTableException', 404),
    )
    const body = { name: 'again', 'metadata-location': last.json['metadata-location'] }
    expect((await world.ask('POST /v1/namespaces/shop/register', { body })).json.metadata).toEqual(
      before.metadata,
    )
  })

  it('lose their files with a purge alone', async () => {
    const files = async (): Promise<number> => {
      let count = 0
      for await (const _ of world.lake.context.io.list('memory:/lake/shop/orders/')) count++
      return count
    }
    await world.lake.createTable('shop.orders', 'id bigint')
    await world.lake.table('shop.orders').append([{ id: 1n }])
    const { json } = await world.ask(`GET ${TABLE}`)
    await world.ask(`DELETE ${TABLE}`)
    expect(await files()).toBeGreaterThan(3)
    const body = { name: 'orders', 'metadata-location': json['metadata-location'] }
    await world.ask('POST /v1/namespaces/shop/register', { body })
    expect((await world.ask(`DELETE ${TABLE}?purgeRequested=true`)).status).toBe(204)
    expect(await files()).toBe(0)
  })

  it('tell the server what was measured', async () => {
    await create()
    const report = {
      'report-type': 'commit-report',
      'table-name': 'shop.orders',
      'snapshot-id': 1,
      'sequence-number': 1,
      operation: 'append',
      metrics: {},
    }
    expect((await world.ask(`POST ${TABLE}/metrics`, { body: report })).status).toBe(204)
    expect((await world.ask('GET /metrics')).text).toContain(
      'serac_metrics_reports_total{type="commit-report"} 1',
    )
  })
})

describe('a loaded table', () => {
  it('is not sent to who has it', async () => {
    const made = await create()
    const etag = made.headers.get('etag') ?? ''
    const again = await world.ask(`GET ${TABLE}`, { headers: { 'if-none-match': etag } })
    expect([again.status, again.text, again.headers.get('etag')]).toEqual([304, '', etag])
    for (const header of [`"other", ${etag}`, `W/${etag}`, '*', etag.replaceAll('"', '')])
      expect((await world.ask(`GET ${TABLE}`, { headers: { 'if-none-match': header } })).status).toBe(304)
    await world.ask(`POST ${TABLE}`, { body: append(made.json.metadata, 1) })
    expect((await world.ask(`GET ${TABLE}`, { headers: { 'if-none-match': etag } })).status).toBe(200)
  })

  it('has all snapshots, or those that branches and tags name', async () => {
    let { metadata } = (await create()).json
    for (const id of [1, 2, 3])
      metadata = (await world.ask(`POST ${TABLE}`, { body: append(metadata, id) })).json.metadata
    const ids = ({ json }: { json: Json }) => json.metadata.snapshots.map((each: Json) => each['snapshot-id'])
    const all = await world.ask(`GET ${TABLE}?snapshots=all`)
    const refs = await world.ask(`GET ${TABLE}?snapshots=refs`)
    expect([ids(all), ids(refs)]).toEqual([[1, 2, 3], [3]])
    expect(all.headers.get('etag')).not.toBe(refs.headers.get('etag'))
    expect((await world.ask(`GET ${TABLE}?snapshots=some`)).status).toBe(400)
  })

  it('comes with what the hook gives for its files, to who asks for it', async () => {
    const asked: unknown[] = []
    const other = await serveLake({
      lake: world.lake,
      vendCredentials: async ({ principal, table, access, mechanisms }) => {
        asked.push([principal, table.identifier.name, access, mechanisms])
        return {
          config: { 's3.region': 'eu-central-1' },
          storageCredentials: [{ prefix: table.metadata.location, config: { 's3.access-key-id': 'k' } }],
        }
      },
    })
    await create()
    expect((await other.ask(`GET ${TABLE}`)).json.config).toBeUndefined()
    const headers = { 'x-iceberg-access-delegation': 'vended-credentials, remote-signing' }
    const { json } = await other.ask(`GET ${TABLE}`, { headers })
    expect(json.config).toEqual({ 's3.region': 'eu-central-1' })
    const credentials = [{ prefix: 'memory:/lake/shop/orders', config: { 's3.access-key-id': 'k' } }]
    expect(json['storage-credentials']).toEqual(credentials)
    expect((await other.ask(`GET ${TABLE}/credentials`)).json).toEqual({ 'storage-credentials': credentials })
    await world.ask(`DELETE ${TABLE}`)
    const staged = { name: 'orders', schema: SCHEMA, 'stage-create': true }
    const answer = await other.ask('POST /v1/namespaces/shop/tables', { body: staged, headers })
    expect(answer.json['storage-credentials'].length).toBe(1)
    expect(asked[0]).toEqual(['anonymous', 'orders', 'read-write', ['vended-credentials', 'remote-signing']])
    await other.close()
  })
})

describe('a commit', () => {
  it('changes the table when its requirements hold', async () => {
    const { metadata } = (await create()).json
    const done = await world.ask(`POST ${TABLE}`, { body: append(metadata, 1) })
    expect(done.json.metadata['current-snapshot-id']).toBe(1)
    expect((await world.ask(`GET ${TABLE}`)).json).toEqual(done.json)
    expect((await world.ask(`POST ${TABLE}`, { body: append(metadata, 2) })).json).toMatchObject({
      error: {
        type: 'CommitFailedException',
        code: 409,
        message: expect.stringMatching(/^Requirement failed: /),
      },
    })
  })

  it('that comes again is answered as what it is: done', async () => {
    const { metadata } = (await create()).json
    const body = append(metadata, 1)
    const done = await world.ask(`POST ${TABLE}`, { body })
    const again = await world.ask(`POST ${TABLE}`, { body })
    expect([again.status, again.json]).toEqual([200, done.json])
    await world.ask(`POST ${TABLE}`, { body: append(done.json.metadata, 2) })
    expect((await world.ask(`POST ${TABLE}`, { body })).json.metadata['current-snapshot-id']).toBe(2)
    // Another attempt of the same writer has its id, and another manifest list.
    body.updates[0]!.snapshot!['manifest-list'] += '-2'
    expect((await world.ask(`POST ${TABLE}`, { body })).status).toBe(409)
  })

  it('with updates or requirements that are not known is refused whole', async () => {
    const { metadata } = (await create()).json
    const { requirements, updates } = append(metadata, 1)
    const known = { requirements, updates }
    const more = [
      { ...known, updates: [...updates, { action: 'set-colour' }] },
      { ...known, requirements: [...requirements, { type: 'assert-colour' }] },
    ]
    for (const body of more) expect((await world.ask(`POST ${TABLE}`, { body })).status).toBe(400)
    expect((await world.ask(`GET ${TABLE}`)).json.metadata.snapshots).toEqual([])
  })

  it('leaves a line about who did what', async () => {
    const { metadata } = (await create()).json
    await world.ask(`POST ${TABLE}`, { body: append(metadata, 77) })
    await world.ask(`POST ${TABLE}`, { body: append(metadata, 78) })
    const lines = world.records.filter(({ event, action }) => event === 'audit' && action === 'commit')
    expect(lines).toMatchObject([
      { outcome: 'committed', requirements: ['assert-create'] },
      { principal: 'anonymous', table: 'shop.orders', outcome: 'committed', snapshotIds: ['77'] },
      { outcome: 'conflict', snapshotIds: ['78'] },
    ])
    expect(lines[1]?.metadataLocation).toBe((await world.ask(`GET ${TABLE}`)).json['metadata-location'])
    expect((await world.ask('GET /metrics')).text).toContain('serac_commits_total{outcome="conflict"} 1')
  })

  it('to several tables lands whole or not at all', async () => {
    const orders = (await create()).json.metadata
    const items = (await create({ name: 'items' })).json.metadata
    const change = (name: string, commit: object) => ({
      identifier: { namespace: ['shop'], name },
      ...commit,
    })
    const commit = (id: number) => ({
      'table-changes': [change('orders', append(orders, 1)), change('items', append(items, id))],
    })
    const wrong = { 'table-changes': [change('orders', append(orders, 1)), change('none', append(items, 1))] }
    expect((await world.ask('POST /v1/transactions/commit', { body: wrong })).status).toBe(404)
    expect((await world.ask(`GET ${TABLE}`)).json.metadata.snapshots).toEqual([])
    expect((await world.ask('POST /v1/transactions/commit', { body: commit(2) })).status).toBe(204)
    expect((await world.ask(`GET ${TABLE}`)).json.metadata['current-snapshot-id']).toBe(1)
    expect((await world.ask('POST /v1/transactions/commit', { body: commit(3) })).status).toBe(409)
    expect((await world.ask('POST /v1/transactions/commit', { body: commit(2) })).status).toBe(204)
  })
})

/** A catalog whose commits end as they are told. */
function serverWith(commit: Catalog['commit'], settle?: Catalog['settle']): Promise<ServedLake> {
  const { context } = world.lake
  const catalog: Catalog = { ...context.catalog, commit, ...(settle === undefined ? {} : { settle }) }
  return serveLake({ lake: openLake({ ...context, catalog }) })
}

describe('a commit whose answer is lost', () => {
  it('is settled before the client is told', async () => {
    const { metadata } = (await create()).json
    const { catalog } = world.lake.context
    const other = await serverWith(
      async (changes, options) => {
        const outcome = await catalog.commit(changes, options)
        return outcome.status === 'committed'
          ? { status: 'unknown', attempt: { changes }, cause: new Error('lost') }
          : outcome
      },
      async ({ changes }) => ({
        status: 'committed',
        tables: await Promise.all(changes.map(({ identifier }) => catalog.loadTable(identifier))),
      }),
    )
    expect((await other.ask(`POST ${TABLE}`, { body: append(metadata, 1) })).status).toBe(200)
    await other.close()
  })

  it('and cannot be settled is a doubt, and nothing else', async () => {
    const { metadata } = (await create()).json
    const { context } = world.lake
    const runtime = { ...context.runtime, sleep: () => Promise.resolve() }
    const unknown: Catalog['settle'] = async attempt => ({
      status: 'unknown',
      attempt,
      cause: new Error('lost'),
    })
    const catalog: Catalog = {
      ...context.catalog,
      commit: changes => unknown({ changes }),
      settle: unknown,
    }
    const lake = openLake({ ...context, catalog, runtime })
    const other = await serveLake({ lake, limits: { requestMsMax: 60_000 } })
    expect((await other.ask(`POST ${TABLE}`, { body: append(metadata, 1) })).json).toMatchObject(
      error('CommitStateUnknownException', 500),
    )
    await other.close()
  })

  it('but certainly did not land is no doubt', async () => {
    const { metadata } = (await create()).json
    const { LakeError } = await import('../../src/index.js')
    const other = await serverWith(() => Promise.reject(new LakeError('unavailable', 'the store is away')))
    const { status, headers } = await other.ask(`POST ${TABLE}`, { body: append(metadata, 1) })
    expect([status, headers.get('retry-after')]).toEqual([429, '1'])
    await other.close()
  })
})

describe('what has landed', () => {
  const headers = { 'x-iceberg-access-delegation': 'vended-credentials' }

  it.each([
    'unavailable',
    'denied',
    'invalid-argument',
  ] as const)('is never told as certainly not done, whatever fails afterwards: %s', async kind => {
    const { LakeError } = await import('../../src/index.js')
    const other = await serveLake({
      lake: world.lake,
      vendCredentials: () => Promise.reject(new LakeError(kind, 'no keys today')),
    })
    const body = { name: 'orders', schema: SCHEMA }
    const made = await other.ask('POST /v1/namespaces/shop/tables', { body, headers })
    expect(made.json).toMatchObject(error('CommitStateUnknownException', 500))
    const { metadata } = (await world.ask(`GET ${TABLE}`)).json
    const done = await other.ask(`POST ${TABLE}`, { body: append(metadata, 1), headers })
    expect([done.status, done.json.metadata['current-snapshot-id']]).toEqual([200, 1])
    await other.close()
  })

  it('is answered whole, whatever state the client has', async () => {
    const { metadata } = (await create()).json
    const tagged = { 'if-none-match': '*', 'idempotency-key': '017f22e2-79b0-7cc3-98c4-dc0c0c073111' }
    for (const _ of ['first', 'again']) {
      const done = await world.ask(`POST ${TABLE}`, { body: append(metadata, 1), headers: tagged })
      expect([done.status, done.json?.metadata['current-snapshot-id']]).toEqual([200, 1])
    }
  })

  it('is no conflict when it comes again and nobody can look', async () => {
    const { metadata } = (await create()).json
    const { context } = world.lake
    const { LakeError } = await import('../../src/index.js')
    let isAway = false
    const loadTable: Catalog['loadTable'] = (identifier, options) =>
      isAway
        ? Promise.reject(new LakeError('unavailable', 'the store is away'))
        : context.catalog.loadTable(identifier, options)
    const other = await serveLake({
      lake: openLake({ ...context, catalog: { ...context.catalog, loadTable } }),
    })
    expect((await other.ask(`POST ${TABLE}`, { body: append(metadata, 1) })).status).toBe(200)
    isAway = true
    expect((await other.ask(`POST ${TABLE}`, { body: append(metadata, 1) })).json).toMatchObject(
      error('CommitStateUnknownException', 500),
    )
    await other.close()
  })
})

describe('a request with a key', () => {
  const key = '017f22e2-79b0-7cc3-98c4-dc0c0c07398f'
  const headers = { 'idempotency-key': key }

  it('is done once, and answered each time', async () => {
    const body = { namespace: ['keyed'] }
    const answers = await Promise.all(
      [1, 2, 3].map(() => world.ask('POST /v1/namespaces', { body, headers })),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await world.ask('POST /v1/namespaces', { body })).status).toBe(409)
    expect((await world.ask('POST /v1/namespaces', { body, headers })).status).toBe(200)
  })

  it('is refused again when it was refused', async () => {
    const path = 'DELETE /v1/namespaces/later'
    expect((await world.ask(path, { headers })).status).toBe(404)
    await world.ask('POST /v1/namespaces', { body: { namespace: ['later'] } })
    expect((await world.ask(path, { headers })).status).toBe(404)
    expect((await world.ask(path)).status).toBe(204)
  })

  it('is answered with the table as it is now, where it was a commit', async () => {
    const { metadata } = (await create()).json
    const body = append(metadata, 1)
    const first = await world.ask(`POST ${TABLE}`, { body, headers })
    await world.ask(`POST ${TABLE}`, { body: append(first.json.metadata, 2) })
    const again = await world.ask(`POST ${TABLE}`, { body, headers })
    expect([again.status, again.json.metadata['current-snapshot-id']]).toEqual([200, 2])
  })

  it('stands for one request only', async () => {
    await world.ask('POST /v1/namespaces', { body: { namespace: ['one'] }, headers })
    const other = await world.ask('POST /v1/namespaces', { body: { namespace: ['two'] }, headers })
    expect(other.status).toBe(422)
    expect((await world.ask('GET /v1/namespaces/two')).status).toBe(404)
  })
})

describe('views', () => {
  const VIEW = '/v1/namespaces/shop/views/big'
  const definition = (sql: string) => ({
    name: 'big',
    schema: SCHEMA,
    properties: {},
    'view-version': {
      'version-id': 1,
      'timestamp-ms': 1_700_000_000_000,
      'schema-id': 0,
      summary: {},
      representations: [{ type: 'sql', sql, dialect: 'spark' }],
      'default-namespace': ['shop'],
    },
  })
  const make = () => world.ask('POST /v1/namespaces/shop/views', { body: definition('select 1') })

  it('are made, loaded, listed, renamed and dropped', async () => {
    const made = await make()
    expect(made.status).toBe(200)
    expect((await world.ask(`GET ${VIEW}`)).json).toEqual(made.json)
    expect((await world.ask(`HEAD ${VIEW}`)).status).toBe(204)
    expect((await world.ask('GET /v1/namespaces/shop/views')).json.identifiers).toEqual([
      { namespace: ['shop'], name: 'big' },
    ])
    const source = { namespace: ['shop'], name: 'big' }
    const body = { source, destination: { ...source, name: 'small' } }
    expect((await world.ask('POST /v1/views/rename', { body })).status).toBe(204)
    expect((await world.ask(`GET ${VIEW}`)).json).toMatchObject(error('NoSuchViewException', 404))
    expect((await world.ask('DELETE /v1/namespaces/shop/views/small')).status).toBe(204)
  })

  it('change by commits', async () => {
    const { metadata } = (await make()).json
    const change = (uuid: string) => ({
      requirements: [{ type: 'assert-view-uuid', uuid }],
      updates: [{ action: 'set-properties', updates: { comment: 'x' } }],
    })
    const changed = await world.ask(`POST ${VIEW}`, { body: change(metadata['view-uuid']) })
    expect(changed.json.metadata.properties).toEqual({ comment: 'x' })
    expect((await world.ask(`POST ${VIEW}`, { body: change('another') })).json).toMatchObject(
      error('CommitFailedException', 409),
    )
  })

  it('share their names with tables', async () => {
    await make()
    expect((await create({ name: 'big' })).json).toMatchObject({
      error: { message: 'View with same name already exists: shop.big' },
    })
    await create()
    const body = { ...definition('select 2'), name: 'orders' }
    expect((await world.ask('POST /v1/namespaces/shop/views', { body })).json).toMatchObject({
      error: { message: 'Table with same name already exists: shop.orders' },
    })
  })
})
