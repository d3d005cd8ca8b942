/** Principals that may not see everything: the row endpoint, plans, and what metadata shows them. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FileIO, LakeError, openLake, type Runtime, systemRuntime } from '../../src/index.js'
import { restrictedMetadata } from '../../src/server/restricted-metadata.js'
import type { TokenHolder } from '../../src/server.js'
import { type Ask, type Json, type ServedLake, serveLake } from './world.js'

const token = (name: string): string => `token-of-${name}-in-tests`
const holder = (name: string, ...grants: TokenHolder['grants']): TokenHolder => ({
  name,
  token: token(name),
  grants,
})
const ON = { namespace: ['shop'], table: 'orders', access: 'read' } as const

const PRINCIPALS = [
  holder('admin', { access: 'manage' }),
  holder('columns', { ...ON, columns: ['id', 'region'] }),
  holder('rows', { ...ON, where: "region = 'eu'" }),
  holder('both', { ...ON, columns: ['id', 'total'], where: "region = 'eu'" }),
  holder('gone', { ...ON, columns: ['never'] }),
  holder('broken', { ...ON, where: 'never > 1' }),
  holder('plain', { namespace: ['shop'], table: 'plain', access: 'read', where: "region = 'eu'" }),
  holder('other', { namespace: ['hr'], access: 'manage' }),
]

let world: ServedLake
beforeAll(async () => {
  world = await serveLake({ principals: PRINCIPALS })
  const { lake } = world
  const table = await lake.createTable(
    'shop.orders',
    'id bigint, region string, total double, secret string',
    { partitionBy: ['region'], sortBy: ['secret'], properties: { hint: 'SECRET' } },
  )
  const row = (id: number, region: string) => ({ id, region, total: id * 1.5, secret: `SECRET-${id}` })
  await table.append([row(1, 'eu'), row(2, 'us')])
  await table.append([row(3, 'eu'), row(4, 'us'), row(5, 'asia')])
  const plain = await lake.createTable('shop.plain', 'id bigint, region string')
  await plain.append([1, 2, 3].map(id => ({ id, region: id === 3 ? 'us' : 'eu' })))
  await lake.createTable('hr.people', 'id bigint')
})
afterAll(() => world.close())

const as = (name: string, what: string, asked: Ask = {}) => world.ask(what, { ...asked, token: token(name) })
const TABLE = '/v1/namespaces/shop/tables/orders'
const ROWS = 'POST /serac/v1/namespaces/shop/tables/orders/rows'

async function rows(name: string, body?: object): Promise<readonly Json[]> {
  const { status, text, headers } = await as(name, ROWS, body === undefined ? {} : { body })
  expect([status, text.slice(0, status === 200 ? 0 : 300)]).toEqual([200, ''])
  expect(headers.get('content-type')).toBe('application/x-ndjson')
  const lines = text.split('\n').filter(line => line !== '')
  return lines.map(line => JSON.parse(line)).sort((a, b) => a.id - b.id)
}
const idsOf = (list: readonly Json[]) => list.map(row => row.id)

describe('the rows of a table', () => {
  it('are those that the principal may see', async () => {
    expect(idsOf(await rows('admin'))).toEqual([1, 2, 3, 4, 5])
    expect(idsOf(await rows('rows'))).toEqual([1, 3])
    expect(await rows('columns')).toEqual([1, 2, 3, 4, 5].map(id => ({ id, region: expect.any(String) })))
    expect(await rows('both')).toEqual([
      { id: 1, total: 1.5 },
      { id: 3, total: 4.5 },
    ])
  })

  it('are filtered, selected, limited and read as of a time', async () => {
    expect(idsOf(await rows('rows', { where: 'id > 1' }))).toEqual([3])
    expect(idsOf(await rows('rows', { where: "region = 'us'" }))).toEqual([])
    expect(await rows('both', { select: ['total'], where: 'id = 3' })).toEqual([{ total: 4.5 }])
    expect((await rows('admin', { limit: 2 })).length).toBe(2)
    const [first] = await world.lake.table('shop.orders').snapshots()
    expect(idsOf(await rows('rows', { 'as-of': String(first?.snapshotId) }))).toEqual([1])
    expect(idsOf(await rows('admin', { select: ['id', '_file'] }))).toEqual([1, 2, 3, 4, 5])
  })

  it('are not to be guessed by hidden columns, which are as unknown as columns that are not there', async () => {
    const kinds = async (name: string, body: object) => (await as(name, ROWS, { body })).json.error
    const hidden = await kinds('both', { where: "secret like 'SECRET-1%'" })
    const nothing = await kinds('both', { where: "nothing like 'SECRET-1%'" })
    expect(hidden.code).toBe(400)
    expect(hidden.message.replaceAll('secret', 'X')).toBe(nothing.message.replaceAll('nothing', 'X'))
    for (const column of ['secret', 'region', '_file', '_pos', '_partition', '_row_id'])
      expect((await kinds('both', { select: [column] })).code).toBe(400)
    expect((await kinds('both', { where: "region = 'us'" })).code).toBe(400)
    expect((await kinds('rows', { wehre: 'id = 1' })).code).toBe(400)
  })

  it('are not shown at all when the grant does not fit the table any more', async () => {
    for (const name of ['gone', 'broken']) expect((await as(name, ROWS)).status).toBe(403)
    expect((await as('other', ROWS)).status).toBe(404)
  })

  it('that cannot be read to the end are not taken for all of them', async () => {
    const { context } = world.lake
    const read: FileIO['read'] = (location, options) =>
      location.includes('region=us')
        ? Promise.reject(new LakeError('unavailable', 'the store is away'))
        : context.io.read(location, options)
    const lake = openLake({ ...context, io: { ...context.io, read } })
    const other = await serveLake({ lake })
    const none = await other.ask(ROWS, { body: { where: "region = 'us'" } })
    expect(none.status).toBe(503)
    const table = await lake.createTable('shop.parts', 'id int, region string', { partitionBy: ['region'] })
    await world.lake.table('shop.parts').append([{ id: 1, region: 'us' }])
    await world.lake.table('shop.parts').append([{ id: 2, region: 'eu' }])
    expect((await table.snapshots()).length).toBe(2)
    await expect(other.ask('POST /serac/v1/namespaces/shop/tables/parts/rows')).rejects.toThrow()
    expect(other.records.filter(({ event }) => event === 'error').length).toBeGreaterThan(0)
    await other.close()
  })

  it('name no files to a restricted principal when they cannot be read: paths hold values', async () => {
    const { context } = world.lake
    for (const kind of ['not-found', 'corrupt', 'unavailable'] as const) {
      const read: FileIO['read'] = (location, options) =>
        location.endsWith('.parquet')
          ? Promise.reject(new LakeError(kind, 'it cannot be read', { context: { location } }))
          : context.io.read(location, options)
      const other = await serveLake({
        lake: openLake({ ...context, io: { ...context.io, read } }),
        principals: PRINCIPALS,
      })
      const told = async (name: string) => (await other.ask(ROWS, { token: token(name) })).text
      expect(await told('admin')).toContain('region=')
      expect(await told('both')).not.toContain('region')
      expect(await told('both')).not.toContain('memory:')
      await other.close()
    }
  })

  it('are not read on for a client that has gone', async () => {
    const { context } = world.lake
    let hasEnded = (): void => undefined
    const ended = new Promise<void>(resolve => {
      hasEnded = resolve
    })
    /** Waits for ever, unless it is told to end. */
    const read: FileIO['read'] = (location, options) =>
      location.includes('region=us')
        ? new Promise((_, reject) => {
            options?.signal?.addEventListener('abort', () => {
              hasEnded()
              reject(new LakeError('aborted', 'the operation was aborted'))
            })
          })
        : context.io.read(location, options)
    const lake = openLake({ ...context, io: { ...context.io, read } })
    const table = await lake.createTable('shop.halves', 'id int, region string', { partitionBy: ['region'] })
    for (const region of ['us', 'eu']) await world.lake.table(table.name).append([{ id: 1, region }])
    const other = await serveLake({ lake, limits: { requestsMax: 1, waitingMax: 0 } })
    const controller = new AbortController()
    const answer = await fetch(`${other.uri}/serac/v1/namespaces/shop/tables/halves/rows`, {
      method: 'POST',
      signal: controller.signal,
    })
    const reader = answer.body?.getReader()
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('"eu"')
    expect((await other.ask('GET /v1/namespaces')).status).toBe(503)
    controller.abort()
    await ended
    await expect.poll(async () => (await other.ask('GET /v1/namespaces')).status).toBe(200)
    await other.close()
  })

  it('of a property: no principal ever gets a row outside of its filter', async () => {
    const column = fc.constantFrom('id', 'total', 'region')
    const clause = fc.oneof(
      fc.tuple(column, fc.constantFrom('is null', 'is not null')).map(parts => parts.join(' ')),
      fc.integer({ min: 0, max: 6 }).map(id => `id <> ${id}`),
      fc.constantFrom("region = 'us'", "not region = 'eu'", 'true', 'false', "region <> 'eu' or true"),
    )
    const joined = fc
      .array(fc.tuple(clause, fc.constantFrom('and', 'or')), { minLength: 1, maxLength: 4 })
      .map(list => list.map(([text, word], index) => (index === 0 ? text : `${word} ${text}`)).join(' '))
    await fc.assert(
      fc.asyncProperty(joined, async where => {
        for (const id of idsOf(await rows('rows', { where }))) expect([1, 3]).toContain(id)
      }),
      { numRuns: 40 },
    )
  })
})

describe('the metadata of a table', () => {
  it('shows a restricted principal no hidden column, no value and no file', async () => {
    for (const name of ['columns', 'rows', 'both']) {
      const { status, text, json } = await as(name, `GET ${TABLE}`)
      expect(status).toBe(200)
      for (const shown of ['SECRET', '.avro', 'metadata.json', 'partitions.', 'total-records'])
        expect(text).not.toContain(shown)
      expect(json['metadata-location']).toBeUndefined()
      expect(json.config).toEqual({ 'scan-planning-mode': 'server' })
      expect(json.metadata.snapshots.length).toBe(2)
    }
    const { metadata } = (await as('both', `GET ${TABLE}`)).json
    expect(metadata.schemas[0]?.fields.map((field: Json) => field.name)).toEqual(['id', 'total'])
    expect(metadata['partition-specs'][0]?.fields).toEqual([])
    expect(metadata['default-sort-order-id']).toBe(0)
    expect((await as('admin', `GET ${TABLE}`)).text).toContain('SECRET')
  })

  it('has another tag for each way of showing it', async () => {
    const tag = async (name: string) => (await as(name, `GET ${TABLE}`)).headers.get('etag')
    expect(new Set(await Promise.all(['admin', 'columns', 'rows', 'both'].map(tag))).size).toBe(4)
    const headers = { 'if-none-match': (await tag('admin')) ?? '' }
    expect((await as('rows', `GET ${TABLE}`, { headers })).status).toBe(200)
  })

  it('of a property: keeps ids of fields that are there, and no others', async () => {
    const { metadata } = await world.lake.table('shop.orders').load()
    const names = ['id', 'region', 'total', 'secret']
    fc.assert(
      fc.property(fc.subarray(names), columns => {
        const shown = restrictedMetadata(metadata, { columns })
        const ids = new Set(shown.schemas.flatMap(schema => schema.fields.map(field => field.id)))
        expect(ids.size).toBe(columns.length)
        for (const spec of shown.partitionSpecs)
          for (const field of spec.fields) expect(ids.has(field.sourceId)).toBe(true)
        for (const order of shown.sortOrders) {
          for (const field of order.fields) expect(ids.has(field.sourceId)).toBe(true)
          if (order.fields.length === 0) expect(order.orderId).toBe(0)
        }
        expect(shown.sortOrders.map(order => order.orderId)).toContain(shown.defaultSortOrderId)
      }),
    )
  })

  it('is not changed by who may only read, nor seen by who has no grant', async () => {
    const body = { requirements: [], updates: [{ action: 'set-properties', updates: { a: '1' } }] }
    for (const name of ['rows', 'columns'])
      expect((await as(name, `POST ${TABLE}`, { body })).status).toBe(403)
    for (const what of [`GET ${TABLE}`, `HEAD ${TABLE}`, `DELETE ${TABLE}`, `GET ${TABLE}/credentials`])
      expect((await as('other', what)).status).toBe(404)
    expect((await as('rows', `DELETE ${TABLE}`)).status).toBe(403)
    expect((await as('other', 'GET /v1/namespaces')).json.namespaces).toEqual([['hr']])
    expect((await as('rows', 'GET /v1/namespaces')).json.namespaces).toEqual([['shop']])
    expect((await as('rows', 'GET /v1/namespaces/hr/tables')).status).toBe(404)
    expect((await as('rows', 'POST /v1/namespaces', { body: { namespace: ['new'] } })).status).toBe(403)
  })

  it('comes without credentials for files', async () => {
    let asked = 0
    const other = await serveLake({
      lake: world.lake,
      principals: PRINCIPALS,
      vendCredentials: async () => {
        asked += 1
        return { storageCredentials: [{ prefix: 'memory:', config: { secret: 'SECRET' } }] }
      },
    })
    const headers = { 'x-iceberg-access-delegation': 'vended-credentials' }
    for (const what of [`GET ${TABLE}`, `GET ${TABLE}/credentials`]) {
      expect((await other.ask(what, { token: token('rows'), headers })).text).not.toContain('SECRET')
      expect(asked).toBe(0)
      expect((await other.ask(what, { token: token('admin'), headers })).text).toContain('SECRET')
      asked = 0
    }
    await other.close()
  })
})

const files = (json: Json) => json['file-scan-tasks'].map((task: Json) => task['data-file']['file-path'])

describe('a plan', () => {
  const plan = (name: string, body: object = {}) => as(name, `POST ${TABLE}/plan`, { body })
  const eq = (term: string, value: unknown) => ({ type: 'eq', term, value })
  it('names the files that the filter leaves, with what is left of it', async () => {
    const whole = await plan('admin')
    expect(whole.json).toMatchObject({ status: 'completed', 'plan-id': expect.any(String) })
    expect(files(whole.json).length).toBe(5)
    const eu = await plan('admin', { filter: eq('region', 'eu') })
    expect(files(eu.json).length).toBe(2)
    expect(eu.json['file-scan-tasks'][0]?.['residual-filter']).toBe(true)
    const one = await plan('admin', { filter: eq('id', 3), 'stats-fields': ['id'] })
    expect(files(one.json).length).toBe(1)
    expect(one.text).toContain('"lower-bounds":{"keys":[1]')
    expect(whole.text).not.toContain('"keys":[1')
  })

  it('is of a snapshot, or of what was appended after one', async () => {
    const [first, second] = await world.lake.table('shop.orders').snapshots()
    const id = (snapshot: typeof first) => String(snapshot?.snapshotId)
    const body = `{"snapshot-id": ${id(first)}}`
    expect(files((await as('admin', `POST ${TABLE}/plan`, { body })).json).length).toBe(2)
    const range = `{"start-snapshot-id": ${id(first)}, "end-snapshot-id": ${id(second)}}`
    expect(files((await as('admin', `POST ${TABLE}/plan`, { body: range })).json).length).toBe(3)
    expect((await plan('admin', { 'snapshot-id': 1 })).status).toBe(404)
  })

  it('gives a principal its rows as residuals, and no bounds of others', async () => {
    const { json, text } = await plan('rows', { 'stats-fields': ['id'] })
    expect(files(json).length).toBe(2)
    expect(text).not.toContain('"keys":[1')
    const mine = await plan('rows', { filter: eq('region', 'us') })
    expect(mine.json['file-scan-tasks']).toEqual([])
    const other = await plan('rows', { filter: eq('id', 2) })
    expect(files(other.json)).toEqual([])
  })

  it('joins the rows of a principal with its filter, where a file holds others too', async () => {
    const ofPlain = async (body: object) => {
      const { json } = await as('plain', 'POST /v1/namespaces/shop/tables/plain/plan', { body })
      return json['file-scan-tasks'].map((task: Json) => task['residual-filter'])
    }
    const mine = eq('region', 'eu')
    expect(await ofPlain({})).toEqual([mine])
    expect(await ofPlain({ filter: eq('id', 2) })).toEqual([{ type: 'and', left: mine, right: eq('id', 2) }])
    const term = { type: 'transform', transform: 'bucket[4]', term: 'id' }
    const bucket = { type: 'eq', term, value: 1 }
    expect(await ofPlain({ filter: bucket })).toEqual([{ type: 'and', left: mine, right: bucket }])
  })

  it('is refused where it would show hidden columns', async () => {
    expect((await plan('both')).status).toBe(403)
    expect((await plan('columns', { filter: eq('secret', 'x') })).status).toBe(400)
    expect((await plan('columns', { 'stats-fields': ['secret'] })).status).toBe(400)
    expect((await plan('broken')).status).toBe(403)
    expect((await plan('columns')).status).toBe(200)
  })

  it('belongs to who asked for it, until it is cancelled', async () => {
    const id = (await plan('rows')).json['plan-id']
    expect((await as('rows', `GET ${TABLE}/plan/${id}`)).json.status).toBe('completed')
    expect((await as('columns', `GET ${TABLE}/plan/${id}`)).json).toMatchObject({
      error: { type: 'NoSuchPlanIdException', code: 404 },
    })
    expect((await as('rows', `DELETE ${TABLE}/plan/${id}`)).status).toBe(204)
    expect((await as('rows', `GET ${TABLE}/plan/${id}`)).status).toBe(404)
    const body = { 'plan-task': `${id}.1` }
    expect((await as('rows', `POST ${TABLE}/tasks`, { body })).json).toMatchObject({
      error: { type: 'NoSuchPlanTaskException' },
    })
  })
})

describe('a plan that takes long', () => {
  it('goes on while the client asks for it, and ends when it is cancelled', async () => {
    const { context } = world.lake
    let release = (): void => undefined
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    const aborted: unknown[] = []
    const read: FileIO['read'] = async (location, options) => {
      if (!location.endsWith('.avro')) return context.io.read(location, options)
      options?.signal?.addEventListener('abort', () => aborted.push(location))
      await gate
      return context.io.read(location, options)
    }
    // The server waits five seconds for a plan; here that is a moment.
    const sleep: Runtime['sleep'] = (ms, signal) => systemRuntime.sleep(ms === 5_000 ? 10 : ms, signal)
    const lake = openLake({ ...context, io: { ...context.io, read }, runtime: { ...systemRuntime, sleep } })
    const other = await serveLake({ lake })
    const submitted = await other.ask(`POST ${TABLE}/plan`, { body: {} })
    expect(submitted.json).toEqual({ status: 'submitted', 'plan-id': expect.any(String) })
    const path = `${TABLE}/plan/${submitted.json['plan-id']}`
    expect((await other.ask(`GET ${path}`)).json).toEqual({ status: 'submitted' })
    const unwanted = await other.ask(`POST ${TABLE}/plan`, { body: {} })
    await other.ask(`DELETE ${TABLE}/plan/${unwanted.json['plan-id']}`)
    expect(aborted.length).toBe(1)
    release()
    await expect.poll(async () => (await other.ask(`GET ${path}`)).json.status).toBe('completed')
    expect(files((await other.ask(`GET ${path}`)).json).length).toBe(5)
    await other.close()
  })
})

describe('a plan of many files', () => {
  it('comes in parts that hold every file once', async () => {
    const other = await serveLake({ lake: world.lake, limits: { planFilesMax: 2 } })
    const first = await other.ask(`POST ${TABLE}/plan`, { body: {} })
    const filesOf = ({ json }: { json: Json }) =>
      json['file-scan-tasks'].map((task: Json) => task['data-file']['file-path'])
    const seen = filesOf(first)
    expect([seen.length, first.json['plan-tasks'].length]).toEqual([2, 2])
    for (const task of first.json['plan-tasks'])
      seen.push(...filesOf(await other.ask(`POST ${TABLE}/tasks`, { body: { 'plan-task': task } })))
    expect([seen.length, new Set(seen).size]).toEqual([5, 5])
    for (const task of [`${first.json['plan-id']}.3`, `${first.json['plan-id']}`, 'x'])
      expect((await other.ask(`POST ${TABLE}/tasks`, { body: { 'plan-task': task } })).status).toBe(404)
    await other.close()
  })
})
