/** What the REST client says to servers and takes from them: configuration, tokens, signatures, credentials, pages, tags. */
import { afterEach, describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openRestCatalog } from '../../src/catalog/rest.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { createStorageAccess, type StorageAccess } from '../../src/io/storage-access.js'
import { ENDPOINTS } from '../../src/rest/endpoints.js'
import { appendTo, committed, ORDERS } from '../contract/catalog.js'
import { METADATA, openStub, type Stub, type StubAnswer, type StubRequest, tableAnswer } from './rest-stub.js'

let nowMs = 1_800_000_000_000
/** Waits take no time; the test moves the clock. */
const runtime: Runtime = {
  ...systemRuntime,
  nowMs: () => nowMs,
  sleep: (ms, signal) => systemRuntime.sleep(ms < 30_000 ? 1 : ms, signal),
}

let stub: Stub
let access: StorageAccess
let catalog: Catalog | undefined
afterEach(async () => {
  await catalog?.close()
  catalog = undefined
  await stub.close()
})

async function open(
  properties: Readonly<Record<string, string>>,
  answer: (request: StubRequest) => StubAnswer | undefined,
): Promise<Catalog> {
  stub = await openStub(answer)
  access = createStorageAccess(runtime)
  const io = createMemoryIO({ runtime })
  catalog = await openRestCatalog({ properties: { uri: stub.uri, ...properties }, io, runtime, access })
  return catalog
}

function paths(): readonly string[] {
  return stub.log.map(({ method, path }) => `${method} ${path}`)
}

const TABLE = '/v1/namespaces/shop/tables/orders'

describe('configuration', () => {
  it('is the defaults of the server, under the properties of the caller, under the overrides', async () => {
    const opened = await open({ warehouse: 'w 1', prefix: 'mine' }, ({ path }) =>
      path === '/v1/config'
        ? {
            json: {
              defaults: { 'rest-page-size': '7', prefix: 'a' },
              overrides: { prefix: 'ws/1', 'namespace-separator': '%2E' },
            },
          }
        : { json: { namespaces: [], identifiers: [] } },
    )
    await opened.listNamespaces(['a', 'b c'])
    await opened.listTables(['a', 'b c'])
    expect(stub.log[0]?.query.get('warehouse')).toBe('w 1')
    expect(paths().slice(1)).toEqual(['GET /v1/ws/1/namespaces', 'GET /v1/ws/1/namespaces/a%2Eb%20c/tables'])
    expect(Object.fromEntries(stub.log[1]?.query ?? [])).toEqual({
      parent: 'a.b c',
      pageToken: '',
      pageSize: '7',
    })
  })

  it('of headers goes along with every request', async () => {
    const opened = await open(
      { 'header.X-Tenant': 't1', 'header.x-iceberg-access-delegation': '' },
      () => undefined,
    )
    await opened.tableExists(ORDERS)
    for (const { headers } of stub.log)
      expect(headers).toMatchObject({ 'x-tenant': 't1', 'user-agent': expect.stringMatching(/^serac\//) })
    expect(stub.log[0]?.headers['x-iceberg-access-delegation']).toBe('')
  })

  it('names the endpoints: what is not there is not asked for', async () => {
    const endpoints = [ENDPOINTS.loadTable, ENDPOINTS.commitTable]
    const opened = await open({}, ({ path }) =>
      path === '/v1/config' ? { json: { defaults: {}, overrides: {}, endpoints } } : tableAnswer(),
    )
    expect(opened.multiTable).toBe(false)
    expect(opened.views).toBeUndefined()
    await expect(opened.listNamespaces()).rejects.toMatchObject({ kind: 'unsupported' })
    // By loading it.
    expect(await opened.tableExists(ORDERS)).toBe(true)
    expect(paths()).toEqual(['GET /v1/config', `GET ${TABLE}`])
  })

  it('needs a uri, and a warehouse that the server knows', async () => {
    await expect(open({ uri: 'glue' }, () => undefined)).rejects.toMatchObject({ kind: 'invalid-argument' })
    await stub.close()
    const error = { message: 'no such warehouse', type: 'NoSuchWarehouseException', code: 404 }
    const refused = open({ warehouse: 'w' }, () => ({ status: 404, json: { error } }))
    await expect(refused).rejects.toMatchObject({ kind: 'not-found', context: { warehouse: 'w' } })
  })
})

describe('lists', () => {
  it('are read page by page, empty pages too', async () => {
    const pages: Readonly<Record<string, readonly [readonly string[], string | null]>> = {
      '': [['a'], 't1'],
      t1: [[], 't2'],
      t2: [['b'], null],
    }
    const opened = await open({ 'rest-page-size': '1' }, ({ query }) => {
      const page = pages[query.get('pageToken') ?? '-']
      if (page === undefined) return undefined
      const [names, next] = page
      return { json: { namespaces: names.map(name => [name]), 'next-page-token': next } }
    })
    expect(await opened.listNamespaces()).toEqual([['a'], ['b']])
  })

  it('that go round in circles are given up', async () => {
    const opened = await open({}, ({ path }) =>
      path.endsWith('/tables') ? { json: { identifiers: [], 'next-page-token': 'again' } } : undefined,
    )
    await expect(opened.listTables(['shop'])).rejects.toMatchObject({ kind: 'corrupt' })
  })
})

describe('tables', () => {
  it('that have not changed are not sent again', async () => {
    const opened = await open({}, ({ path, headers }) => {
      if (path !== TABLE) return undefined
      return headers['if-none-match'] === '"v1"' ? { status: 304 } : tableAnswer({}, { etag: '"v1"' })
    })
    const first = await opened.loadTable(ORDERS)
    expect(await opened.loadTable(ORDERS)).toBe(first)
    expect(stub.log.at(-1)?.headers['if-none-match']).toBe('"v1"')
  })

  it('are the same object while they are in the same file, also without tags', async () => {
    const opened = await open({}, ({ path }) => (path === TABLE ? tableAnswer() : undefined))
    expect(await opened.loadTable(ORDERS)).toBe(await opened.loadTable(ORDERS))
  })

  it('are loaded with the snapshots of branches and tags alone for who wants no others', async () => {
    const opened = await open({ 'snapshot-loading-mode': 'refs' }, ({ path }) =>
      path === TABLE ? tableAnswer({}, { etag: '"v1"' }) : undefined,
    )
    await opened.loadTable(ORDERS, { snapshots: 'refs' })
    await opened.loadTable(ORDERS)
    expect(stub.log.slice(1).map(({ query }) => query.get('snapshots'))).toEqual(['refs', null])
    expect(stub.log.at(-1)?.headers['if-none-match']).toBeUndefined()
  })

  it('with names that no path can hold are refused before anything is sent', async () => {
    const opened = await open({}, () => tableAnswer())
    for (const name of ['.', '..', ''])
      await expect(opened.loadTable({ namespace: ['shop'], name })).rejects.toMatchObject({
        kind: 'invalid-argument',
      })
    expect(stub.log).toHaveLength(1)
  })

  it('whose metadata is broken are corrupt', async () => {
    const opened = await open({}, ({ path }) =>
      path === TABLE
        ? { json: { 'metadata-location': 's3://a', metadata: { 'format-version': 2 } } }
        : undefined,
    )
    await expect(opened.loadTable(ORDERS)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  it('go where a server puts them that stages none: below the location of the namespace', async () => {
    const opened = await open({}, ({ method, path }) => {
      if (method === 'POST') return { status: 400, json: { error: { message: 'no', type: 'X', code: 400 } } }
      return path.endsWith('/namespaces/shop')
        ? { json: { namespace: ['shop'], properties: { location: 's3://lake/shop' } } }
        : undefined
    })
    expect(await opened.defaultTableLocation(ORDERS)).toBe('s3://lake/shop/orders')
  })
})

describe('reports', () => {
  const commitAnswers = ({ path }: StubRequest): StubAnswer | undefined =>
    path === TABLE ? tableAnswer() : path.endsWith('/metrics') ? { status: 204 } : undefined
  const base = { identifier: ORDERS, metadata: METADATA, metadataLocation: 's3://lake/a.metadata.json' }

  it('tell the server what a commit did', async () => {
    const opened = await open({}, commitAnswers)
    const change = appendTo(base, 5n)
    const updates = change.updates.map(update =>
      update.action === 'add-snapshot'
        ? { ...update, snapshot: { ...update.snapshot, summary: { 'added-records': '12' } } }
        : update,
    )
    committed(await opened.commit([{ ...change, updates }]))
    const reported = (): StubRequest | undefined => stub.log.find(({ path }) => path === `${TABLE}/metrics`)
    await expect.poll(reported).toBeDefined()
    const report = reported()
    expect(JSON.parse(report?.body ?? '{}')).toMatchObject({
      'report-type': 'commit-report',
      'table-name': 'rest.shop.orders',
      'snapshot-id': 5,
      operation: 'append',
      metrics: { 'added-records': { unit: 'count', value: 12 } },
    })
  })

  it('are not sent by who does not want to', async () => {
    const opened = await open({ 'rest-metrics-reporting-enabled': 'false' }, commitAnswers)
    committed(await opened.commit([appendTo(base, 5n)]))
    await opened.close()
    expect(paths().some(path => path.endsWith('/metrics'))).toBe(false)
  })
})

describe('tokens', () => {
  /** Gives tokens t1, t2, ... and takes the newest one. */
  const tokenServer = (expiresIn: number | undefined): ((request: StubRequest) => StubAnswer | undefined) => {
    let given = 0
    return request => {
      if (request.path.endsWith('/oauth/tokens')) {
        given++
        return {
          json: {
            access_token: `t${given}`,
            token_type: 'bearer',
            ...(expiresIn && { expires_in: expiresIn }),
          },
        }
      }
      if (request.headers.authorization !== `Bearer t${given}`)
        return {
          status: 401,
          json: { error: { message: 'who?', type: 'NotAuthorizedException', code: 401 } },
        }
      return request.path === TABLE ? tableAnswer() : undefined
    }
  }
  const asked = (): readonly StubRequest[] => stub.log.filter(({ path }) => path.endsWith('/oauth/tokens'))

  it('are got with a credential, once, and refreshed before they end', async () => {
    const opened = await open({ credential: 'id:se:cret', scope: 's1', audience: 'a' }, tokenServer(1000))
    await Promise.all([opened.loadTable(ORDERS), opened.loadTable(ORDERS)])
    expect(Object.fromEntries(new URLSearchParams(asked()[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'id',
      client_secret: 'se:cret',
      scope: 's1',
      audience: 'a',
    })
    expect(asked()).toHaveLength(1)
    nowMs += 950_000
    await Promise.all([opened.loadTable(ORDERS), opened.loadTable(ORDERS)])
    expect(asked()).toHaveLength(2)
  })

  it('are got again when the server takes them no more, even before their end', async () => {
    const answers = tokenServer(undefined)
    let revoked = false
    const opened = await open({ credential: 'secret' }, request => {
      if (revoked && !request.path.endsWith('/oauth/tokens')) {
        revoked = false
        return { status: 419 }
      }
      return answers(request)
    })
    revoked = true
    await opened.loadTable(ORDERS)
    expect(asked()).toHaveLength(2)
    expect(new URLSearchParams(asked()[0]?.body).get('client_id')).toBeNull()
  })

  it('that last a second do not make the client ask without end', async () => {
    const opened = await open({ credential: 'secret' }, tokenServer(0))
    for (let load = 0; load < 3; load++) await opened.loadTable(ORDERS)
    expect(asked().length).toBeLessThanOrEqual(4)
  })

  it('that are refused end in `denied`, without the secret', async () => {
    const refused = open({ credential: 'me:hush' }, ({ path }) =>
      path.endsWith('/oauth/tokens')
        ? { status: 401, json: { error: 'invalid_client', error_description: 'unknown client' } }
        : undefined,
    )
    const error: unknown = await refused.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ kind: 'denied', context: { reason: 'unknown client' } })
    expect(JSON.stringify({ ...(error as object), text: String(error) })).not.toContain('hush')
  })

  it('are exchanged for tables that bring one of their own', async () => {
    const jwt = 'urn:ietf:params:oauth:token-type:jwt'
    const opened = await open({ token: 'mine' }, ({ path, headers }) => {
      if (path.endsWith('/oauth/tokens')) return { json: { access_token: 'for-table', token_type: 'bearer' } }
      return path === TABLE && headers.authorization !== undefined
        ? tableAnswer({ config: { [jwt]: 'x.y.z' } })
        : undefined
    })
    const table = await opened.loadTable(ORDERS)
    await opened.commit([appendTo(table, 1n)])
    expect(Object.fromEntries(new URLSearchParams(asked()[0]?.body))).toMatchObject({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'x.y.z',
      subject_token_type: jwt,
      actor_token: 'mine',
    })
    const commit = stub.log.find(({ method, path }) => method === 'POST' && path === TABLE)
    expect(commit?.headers.authorization).toBe('Bearer for-table')
  })

  it('that were handed in are used as they are, and a refusal is told', async () => {
    const opened = await open({ token: 'mine' }, ({ path, headers }) =>
      path === '/v1/config' && headers.authorization === 'Bearer mine' ? undefined : { status: 403 },
    )
    await expect(opened.loadTable(ORDERS)).rejects.toMatchObject({ kind: 'denied' })
    expect(asked()).toEqual([])
  })

  it('may be a name and a password', async () => {
    const basic = {
      'rest.auth.type': 'basic',
      'rest.auth.basic.username': 'ann',
      'rest.auth.basic.password': 'p',
    }
    await open(basic, () => undefined)
    expect(stub.log[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ann:p').toString('base64')}`)
  })
})

describe('signatures of AWS', () => {
  it('cover every request, and what another kind of authentication adds', async () => {
    const opened = await open(
      {
        token: 'mine',
        'rest.sigv4-enabled': 'true',
        'rest.signing-name': 'glue',
        'rest.signing-region': 'eu-west-1',
        'rest.access-key-id': 'AKIDEXAMPLE',
        'rest.secret-access-key': 'secret',
        'rest.session-token': 'session',
      },
      ({ path }) => (path === TABLE ? tableAnswer() : undefined),
    )
    committed(await opened.commit([appendTo(await opened.loadTable(ORDERS), 1n)]))
    for (const { headers } of stub.log) {
      expect(headers.authorization).toMatch(
        /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/glue\/aws4_request, SignedHeaders=.*original-authorization/,
      )
      expect(headers['original-authorization']).toBe('Bearer mine')
      expect(headers['x-amz-security-token']).toBe('session')
    }
  })
})

describe('storage', () => {
  const grant = (key: string, expiresMs: number): Readonly<Record<string, string>> => ({
    's3.access-key-id': key,
    's3.secret-access-key': 'secret',
    's3.session-token-expires-at-ms': String(expiresMs),
  })

  it('is reached with the credentials of the longest prefix, fetched again before they end', async () => {
    const endpoints = [ENDPOINTS.loadTable, ENDPOINTS.loadCredentials]
    const opened = await open({}, ({ path }) => {
      if (path === '/v1/config')
        return { json: { defaults: {}, overrides: { 'client.region': 'eu-west-1' }, endpoints } }
      const credentials = (
        key: string,
        endMs: number,
      ): readonly { prefix: string; config: Record<string, string> }[] => [
        { prefix: 's3://lake/', config: grant('far', endMs) },
        { prefix: 's3://lake/shop/orders', config: grant(key, endMs) },
      ]
      return path.endsWith('/credentials')
        ? { json: { 'storage-credentials': credentials('second', nowMs + 3_600_000) } }
        : tableAnswer({
            config: { 's3.endpoint': 'http://s' },
            storageCredentials: credentials('first', nowMs + 3_600_000),
          })
    })
    await opened.loadTable(ORDERS)
    const location = 's3://lake/shop/orders/data/f.parquet'
    expect((await access.grantFor(location))?.config).toMatchObject({
      's3.access-key-id': 'first',
      's3.endpoint': 'http://s',
      'client.region': 'eu-west-1',
    })
    expect((await access.grantFor('s3://elsewhere/f'))?.config).toEqual({ 'client.region': 'eu-west-1' })
    nowMs += 3_500_000
    expect((await access.grantFor(location))?.config).toMatchObject({ 's3.access-key-id': 'second' })
    expect(paths().at(-1)).toBe(`GET ${TABLE}/credentials`)
  })

  it('that the config of the table alone tells of is its folder; it is told anew by loading the table', async () => {
    let key = 'first'
    const opened = await open({}, ({ path }) =>
      path === TABLE ? tableAnswer({ config: grant(key, nowMs + 3_600_000) }) : undefined,
    )
    await opened.loadTable(ORDERS)
    expect((await access.grantFor('s3a://lake/shop/orders/x'))?.config['s3.access-key-id']).toBe('first')
    expect(await access.grantFor('s3://lake/shop/items/x')).toBeUndefined()
    key = 'second'
    nowMs += 3_500_000
    expect((await access.grantFor('s3://lake/shop/orders/x'))?.config['s3.access-key-id']).toBe('second')
  })

  it('may be signed for by the catalog, who is asked as every other request is', async () => {
    const opened = await open({ token: 'mine' }, ({ path }) =>
      path === TABLE
        ? tableAnswer({
            config: { 's3.remote-signing-enabled': 'true' },
            remoteSigning: { properties: {}, headers: { 'X-Sign': ['a', 'b'] } },
          })
        : undefined,
    )
    await opened.loadTable(ORDERS)
    const granted = await access.grantFor('s3://lake/shop/orders/x')
    expect(granted?.config['s3.signer.endpoint']).toBe(`${stub.uri}${TABLE}/sign`)
    expect(await granted?.signerHeaders?.()).toEqual({ authorization: 'Bearer mine', 'x-sign': 'a, b' })
  })

  it('of a table that was dropped is forgotten', async () => {
    const opened = await open({}, ({ method, path }) =>
      path === TABLE
        ? method === 'DELETE'
          ? { status: 204 }
          : tableAnswer({ config: grant('k', nowMs * 2) })
        : undefined,
    )
    await opened.loadTable(ORDERS)
    await opened.dropTable(ORDERS)
    expect(stub.log.at(-1)?.query.get('purgeRequested')).toBe('false')
    expect(await access.grantFor('s3://lake/shop/orders/x')).toBeUndefined()
  })
})
