/** Which locations principals may name, and which files are opened for them: the server's own keys open everything. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serializeTableUpdate } from '../../src/rest/table-update-json.js'
import type { TokenHolder } from '../../src/server.js'
import { type Ask, type Json, type ServedLake, serveLake } from './world.js'

const token = (name: string): string => `token-of-${name}-in-tests`
const holder = (name: string, ...grants: TokenHolder['grants']): TokenHolder => ({
  name,
  token: token(name),
  grants,
})
const PRINCIPALS = [
  holder('admin', { access: 'manage' }),
  holder('shop', { namespace: ['shop'], access: 'manage' }),
  // Everything but one table is not everything.
  holder('most', { namespace: ['hr'], table: 'pay', access: 'read', columns: ['id'] }, { access: 'manage' }),
  holder('rows', { namespace: ['shop'], access: 'read', where: 'id > 0' }),
]

let world: ServedLake
beforeEach(async () => {
  world = await serveLake({ principals: PRINCIPALS })
  for (const [name, rows] of [
    ['hr.pay', [{ id: 666 }]],
    ['shop.orders', [{ id: 1 }]],
  ] as const)
    await (await world.lake.createTable(name, 'id bigint')).append(rows)
})
afterEach(() => world.close())

const as = (name: string, what: string, asked: Ask = {}) => world.ask(what, { ...asked, token: token(name) })
const SHOP = '/v1/namespaces/shop'
const ORDERS = `${SHOP}/tables/orders`
const SCHEMA = { type: 'struct', fields: [{ id: 1, name: 'id', required: false, type: 'long' }] }
const VIEW_VERSION = {
  'version-id': 1,
  'timestamp-ms': 1,
  'schema-id': 0,
  summary: {},
  representations: [{ type: 'sql', sql: 'select 1', dialect: 'spark' }],
  'default-namespace': ['shop'],
}

async function commit(name: string, ...updates: Json[]): Promise<number> {
  return (await as(name, `POST ${ORDERS}`, { body: { requirements: [], updates } })).status
}

async function snapshotOf(name: string): Promise<Json> {
  const { metadata } = await world.lake.table(name).load()
  const [snapshot] = metadata.snapshots
  if (snapshot === undefined) throw new Error('no snapshot')
  return JSON.parse(
    JSON.stringify(serializeTableUpdate({ action: 'add-snapshot', snapshot }), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    ),
  )
}

/** The snapshot of the other table as the next of this one. */
async function stolenSnapshot(): Promise<Json[]> {
  const { metadata } = await world.lake.table('shop.orders').load()
  const { action, snapshot } = await snapshotOf('hr.pay')
  const id = 77
  const parent = Number(metadata.currentSnapshotId)
  expect(parent).toBeDefined()
  const stolen = {
    ...snapshot,
    'snapshot-id': id,
    'sequence-number': 2,
    'timestamp-ms': metadata.lastUpdatedMs,
  }
  return [
    { action, snapshot: stolen },
    { action: 'set-snapshot-ref', 'ref-name': 'main', type: 'branch', 'snapshot-id': id },
  ]
}

describe('who does not manage everything', () => {
  it.each(['shop', 'most'])('(%s) makes tables in their own folders only', async name => {
    const make = async (options: object) =>
      (await as(name, `POST ${SHOP}/tables`, { body: { name: 'new', schema: SCHEMA, ...options } })).status
    for (const location of [
      'memory:/lake/hr/pay',
      'memory:/lake/shop/orders',
      'memory:/lake/shop/new/../../hr/pay',
      'memory:/lake/shop',
      'file:///etc',
      's3://other/bucket',
    ])
      expect(await make({ location })).toBe(403)
    for (const key of ['write.data.path', 'write.metadata.path', 'write.object-storage.path'])
      expect(await make({ properties: { [key]: 'memory:/lake/hr/pay/data' } })).toBe(403)
    expect(await make({ properties: { 'serac.clone-of': '[]' } })).toBe(403)
    const location = 'memory:/lake/shop/new'
    expect(await make({ location, properties: { 'write.data.path': `${location}/other` } })).toBe(200)
  })

  it('makes a staged table where it was staged, and nowhere else', async () => {
    const staged = await as('shop', `POST ${SHOP}/tables`, {
      body: { name: 'new', schema: SCHEMA, 'stage-create': true },
    })
    const { metadata } = staged.json
    const at = (location: string) => ({
      requirements: [{ type: 'assert-create' }],
      updates: [
        { action: 'assign-uuid', uuid: metadata['table-uuid'] },
        { action: 'upgrade-format-version', 'format-version': 2 },
        { action: 'add-schema', schema: SCHEMA },
        { action: 'set-current-schema', 'schema-id': -1 },
        { action: 'add-spec', spec: { 'spec-id': 0, fields: [] } },
        { action: 'set-default-spec', 'spec-id': -1 },
        { action: 'add-sort-order', 'sort-order': { 'order-id': 0, fields: [] } },
        { action: 'set-default-sort-order', 'sort-order-id': -1 },
        { action: 'set-location', location },
      ],
    })
    const make = async (body: object) => (await as('shop', `POST ${SHOP}/tables/new`, { body })).status
    expect(await make(at('memory:/lake/hr/pay'))).toBe(403)
    expect(await make(at('memory:/lake/shop/orders'))).toBe(403)
    // Files of the writer are there already: the folder is not free any more, and it is its own.
    await world.lake.context.io.write(`${metadata.location}/data/1.parquet`, new Uint8Array(1))
    expect(await make(at(metadata.location))).toBe(200)
  })

  it('does not make a table in the folder that another left', async () => {
    const { location } = (await world.lake.table('shop.orders').load()).metadata
    await world.lake.renameTable('shop.orders', 'shop.old')
    const body = { name: 'orders', schema: SCHEMA, location }
    expect((await as('shop', `POST ${SHOP}/tables`, { body })).status).toBe(403)
    expect((await as('shop', `POST ${SHOP}/tables`, { body: { ...body, location: undefined } })).status).toBe(
      200,
    )
  })

  it('names no files of others in commits', async () => {
    const other = 'memory:/lake/hr/pay'
    const statistics = { 'snapshot-id': 1, 'statistics-path': `${other}/a.puffin` }
    for (const updates of [
      [{ action: 'set-location', location: other }],
      [{ action: 'set-location', location: 'memory:/lake/shop/orders/../../hr/pay' }],
      [{ action: 'set-location', location: 'file:///' }],
      [{ action: 'set-properties', updates: { 'write.data.path': other } }],
      [{ action: 'set-properties', updates: { 'write.metadata.path': 'file:///tmp' } }],
      [{ action: 'set-properties', updates: { 'serac.clone-of': '[]' } }],
      [{ action: 'remove-properties', removals: ['serac.clone-of'] }],
      [
        {
          action: 'set-partition-statistics',
          'partition-statistics': { ...statistics, 'file-size-in-bytes': 1 },
        },
      ],
      await stolenSnapshot(),
    ])
      expect(await commit('shop', ...updates)).toBe(403)
    const transaction = {
      'table-changes': [
        {
          identifier: { namespace: ['shop'], name: 'orders' },
          requirements: [],
          updates: await stolenSnapshot(),
        },
      ],
    }
    expect((await as('shop', 'POST /v1/transactions/commit', { body: transaction })).status).toBe(403)
    const own = 'memory:/lake/shop/orders/elsewhere'
    expect(
      await commit('shop', { action: 'set-properties', updates: { 'write.data.path': own, a: 'b' } }),
    ).toBe(200)
    expect(await commit('admin', ...(await stolenSnapshot()))).toBe(200)
  })

  it('registers nothing: a metadata file names whatever it likes', async () => {
    const { metadataLocation } = await world.lake.table('hr.pay').load()
    for (const name of ['shop', 'most'])
      for (const location of [metadataLocation, 'file:///etc/passwd']) {
        const body = { name: 'mine', 'metadata-location': location }
        for (const what of ['register', 'register-view']) {
          const { status, text } = await as(name, `POST ${SHOP}/${what}`, { body })
          expect([status, text.includes('root:')]).toEqual([403, false])
        }
      }
    const body = { name: 'mine', 'metadata-location': metadataLocation }
    expect((await as('admin', `POST ${SHOP}/register`, { body })).status).toBe(200)
  })

  it('moves no namespace, and no view', async () => {
    const properties = { location: 'memory:/lake/hr' }
    const inner = { namespace: ['shop', 'in'], properties }
    expect((await as('shop', 'POST /v1/namespaces', { body: inner })).status).toBe(403)
    expect(
      (await as('shop', 'POST /v1/namespaces', { body: { ...inner, properties: { a: 'b' } } })).status,
    ).toBe(200)
    for (const change of [
      { updates: properties },
      { updates: { default_location: 'x' } },
      { removals: ['location'] },
    ])
      expect(
        (await as('shop', `POST ${SHOP}/properties`, { body: { removals: [], updates: {}, ...change } }))
          .status,
      ).toBe(403)
    const view = { name: 'v', schema: SCHEMA, 'view-version': VIEW_VERSION, properties: {} }
    for (const more of [
      { location: 'file:///tmp/x' },
      { properties: { 'write.metadata.path': 'file:///tmp' } },
    ])
      expect((await as('shop', `POST ${SHOP}/views`, { body: { ...view, ...more } })).status).toBe(403)
    expect((await as('shop', `POST ${SHOP}/views`, { body: view })).status).toBe(200)
    const updates = [{ action: 'set-location', location: 'file:///tmp/x' }]
    expect((await as('shop', `POST ${SHOP}/views/v`, { body: { requirements: [], updates } })).status).toBe(
      403,
    )
  })

  it('is shown no file outside of the folders of a table, whoever put it there', async () => {
    expect(await commit('admin', ...(await stolenSnapshot()))).toBe(200)
    const rows = '/serac/v1/namespaces/shop/tables/orders/rows'
    const admin = await as('admin', `POST ${rows}`)
    expect([admin.status, admin.text.includes('666')]).toEqual([200, true])
    for (const name of ['shop', 'most', 'rows']) {
      const { status, text } = await as(name, `POST ${rows}`)
      expect([status, text.includes('666')]).toEqual([403, false])
      expect((await as(name, `POST ${ORDERS}/plan`, { body: {} })).status).toBe(403)
    }
    const open = await serveLake({
      lake: world.lake,
      principals: PRINCIPALS,
      readableLocations: ['memory:/lake/hr/pay'],
    })
    expect((await open.ask(`POST ${rows}`, { token: token('shop') })).status).toBe(200)
    await open.close()
  })

  it('deletes no file outside of the folder with a table', async () => {
    expect(await commit('admin', ...(await stolenSnapshot()))).toBe(200)
    expect((await as('shop', `DELETE ${ORDERS}?purgeRequested=true`)).status).toBe(403)
    expect(await world.lake.table('hr.pay').scan().count()).toBe(1)
  })
})

describe('who manages everything', () => {
  it('names any location', async () => {
    const location = 'memory:/elsewhere/new'
    const body = { name: 'new', schema: SCHEMA, location }
    expect((await as('admin', `POST ${SHOP}/tables`, { body })).status).toBe(200)
  })
})
