/** What the REST client says to servers and takes from them: configuration, tokens, signatures, credentials, pages, tags. */
import { afterEach, describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openRestCatalog } from '../../src/catalog/rest.js'
import { BOUND_TRUE, bind } from '../../src/expression/bind.js'
import { and, eq, gtEq, isIn, isNull, lt, notIn, or } from '../../src/expression/expression.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { createStorageAccess, type StorageAccess } from '../../src/io/storage-access.js'
import { ENDPOINTS } from '../../src/rest/endpoints.js'
import type { ScanFigures } from '../../src/rest/scan-report.js'
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
  answer: Parameters<typeof openStub>[0],
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

  const FIGURES: ScanFigures = {
    snapshotId: 5n,
    schemaId: 0,
    filter: BOUND_TRUE,
    projected: [{ id: 1, name: 'id' }],
    planningMs: 1.5,
    dataManifests: { total: 5, skipped: 2 },
    deleteManifests: { total: 2, skipped: 1 },
    dataFiles: { result: 3, skipped: 4, sizeBytes: 3000 },
    deleteFiles: {
      result: 2,
      sizeBytes: 40,
      indexed: 6,
      skipped: 0,
      kinds: { equality: 1, positional: 2, vectors: 3 },
    },
  }
  const sent = (): readonly StubRequest[] => stub.log.filter(({ path }) => path === `${TABLE}/metrics`)

  it('tell the server what planning a scan came to, by the names of Java’s metrics', async () => {
    const opened = await open({}, commitAnswers)
    opened.reportScan?.(ORDERS, FIGURES)
    await expect.poll(() => sent().length).toBe(1)
    const count = (value: number) => ({ unit: 'count', value })
    expect(JSON.parse(sent()[0]?.body ?? '{}')).toEqual({
      'report-type': 'scan-report',
      'table-name': 'rest.shop.orders',
      'snapshot-id': 5,
      filter: true,
      'schema-id': 0,
      'projected-field-ids': [1],
      'projected-field-names': ['id'],
      metrics: {
        'total-planning-duration': { count: 1, 'time-unit': 'nanoseconds', 'total-duration': 1_500_000 },
        'result-data-files': count(3),
        'result-delete-files': count(2),
        'total-data-manifests': count(5),
        'total-delete-manifests': count(2),
        'scanned-data-manifests': count(3),
        'skipped-data-manifests': count(2),
        'total-file-size-in-bytes': { unit: 'bytes', value: 3000 },
        'total-delete-file-size-in-bytes': { unit: 'bytes', value: 40 },
        'skipped-data-files': count(4),
        'skipped-delete-files': count(0),
        'scanned-delete-manifests': count(1),
        'skipped-delete-manifests': count(1),
        'indexed-delete-files': count(6),
        'equality-delete-files': count(1),
        'positional-delete-files': count(2),
        dvs: count(3),
      },
    })
  })

  it('show of a filter what kind of values it compares, and none of the values', async () => {
    const opened = await open({}, commitAnswers)
    const texts = Array.from({ length: 100 }, (_, index) => `secret ${index}`)
    const schema = {
      fields: (['long', 'string', 'double', 'date', 'binary'] as const).map((kind, index) => ({
        id: index + 1,
        name: kind,
        required: false,
        type: { kind },
      })),
    }
    const where = and(
      gtEq('long', 12_345n),
      eq('string', 'secret'),
      or(lt('double', -0.25), isIn('string', texts)),
      notIn('long', [1n, 2n, -33n]),
      eq('date', '2024-10-04'),
      isNull('binary'),
    )
    opened.reportScan?.(ORDERS, { ...FIGURES, filter: bind(where, schema) })
    await expect.poll(() => sent().length).toBe(1)
    const body = sent()[0]?.body ?? ''
    const leaves = JSON.stringify(JSON.parse(body).filter).replaceAll(/hash-[0-9a-f]{8}/g, 'hash-of-it')
    expect(leaves).not.toMatch(/secret|12345|33|20000|0\.25|2024/)
    expect(leaves).toContain('{"type":"is-null","term":"binary"}')
    expect(leaves).toContain('{"type":"gt-eq","term":"long","value":"(5-digit-int)"}')
    expect(leaves).toContain('{"type":"eq","term":"string","value":"(hash-of-it)"}')
    expect(leaves).toContain('{"type":"not-in","term":"long","values":["(2-digit-int)","(1-digit-int)"]}')
    expect(leaves).toContain('{"type":"eq","term":"date","value":"(date)"}')
    expect(leaves.match(/hash-/g)?.length).toBe(1 + 16)
  })

  it('wait in a queue that has an end, and closing waits for them a moment', async () => {
    let answered = 0
    const opened = await open({}, request => {
      if (request.path.endsWith('/metrics')) answered++
      return commitAnswers(request)
    })
    for (let report = 0; report < 500; report++) opened.reportScan?.(ORDERS, FIGURES)
    await expect.poll(() => answered).toBe(68)
    await opened.close()
    opened.reportScan?.(ORDERS, FIGURES)
    expect(sent()).toHaveLength(68)
  })

  it('hold up nobody who closes while the server does not answer', async () => {
    const opened = await open({}, request =>
      request.path.endsWith('/metrics') ? 'never' : commitAnswers(request),
    )
    for (let report = 0; report < 20; report++) opened.reportScan?.(ORDERS, FIGURES)
    await expect.poll(() => sent().length).toBe(4)
    await opened.close()
    expect(sent()).toHaveLength(4)
  })

  it('are sent with the credentials of their table, and lost when they are refused', async () => {
    const answers = ({ path }: StubRequest): StubAnswer | undefined =>
      path === TABLE
        ? tableAnswer({ config: { token: 'of the table' } })
        : path.endsWith('/metrics')
          ? { status: 500, json: { error: { message: 'no', type: 'X', code: 500 } } }
          : undefined
    const opened = await open({ token: 'of the lake' }, answers)
    await opened.loadTable(ORDERS)
    opened.reportScan?.(ORDERS, FIGURES)
    await expect.poll(() => sent().length).toBe(1)
    expect(sent()[0]?.headers.authorization).toBe('Bearer of the table')
    await opened.close()
  })

  it('are not sent to a server that does not announce them', async () => {
    const endpoints = [ENDPOINTS.loadTable, ENDPOINTS.commitTable]
    const opened = await open({}, request =>
      request.path === '/v1/config'
        ? { json: { defaults: {}, overrides: {}, endpoints } }
        : commitAnswers(request),
    )
    expect(opened.reportScan).toBeUndefined()
    committed(await opened.commit([appendTo(base, 5n)]))
    await opened.close()
    expect(sent()).toEqual([])
  })

  it('are not sent by who does not want to', async () => {
    const opened = await open({ 'rest-metrics-reporting-enabled': 'false' }, commitAnswers)
    expect(opened.reportScan).toBeUndefined()
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
