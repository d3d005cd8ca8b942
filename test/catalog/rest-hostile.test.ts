/** Servers of a REST catalog that lie, break or lead elsewhere: no secret goes astray, and nothing false is told. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { type Runtime, systemRuntime } from '../../src/base/runtime.js'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openRestCatalog } from '../../src/catalog/rest.js'
import { createMemoryIO } from '../../src/io/memory.js'
import { createStorageAccess, type StorageAccess } from '../../src/io/storage-access.js'
import { newViewUpdates } from '../../src/metadata/view-definition.js'
import { ENDPOINTS } from '../../src/rest/endpoints.js'
import { appendTo, committed, ORDERS } from '../contract/catalog.js'
import { METADATA, openStub, type Stub, type StubAnswer, type StubRequest, tableAnswer } from './rest-stub.js'

/** Waits take no time. */
const runtime: Runtime = {
  ...systemRuntime,
  sleep: (ms, signal) => systemRuntime.sleep(ms < 30_000 ? 1 : ms, signal),
}
const TABLE = '/v1/namespaces/shop/tables/orders'
const NO_KEYS = { 'rest-metrics-reporting-enabled': 'false' }

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function serve(answer: (request: StubRequest) => StubAnswer | undefined): Promise<Stub> {
  const stub = await openStub(answer)
  closing.push(() => stub.close())
  return stub
}

async function open(
  uri: string,
  properties: Readonly<Record<string, string>> = {},
  access: StorageAccess = createStorageAccess(runtime),
): Promise<Catalog> {
  const catalog = await openRestCatalog({
    properties: { uri, ...NO_KEYS, ...properties },
    io: createMemoryIO({ runtime }),
    runtime,
    access,
  })
  closing.push(() => catalog.close())
  return catalog
}

const SECRETS = { token: 'hush-token', 'header.x-api-key': 'hush-key' }

describe('a server that sends its clients elsewhere', () => {
  it.each([
    301, 302, 303, 307, 308,
  ])('with %i gets no secret and no commit sent to another host', async status => {
    const other = await serve(() => ({ json: {} }))
    const stub = await serve(({ path, method }) => {
      if (path === '/v1/config') return undefined
      if (method === 'GET' && path === TABLE) return tableAnswer()
      return { status, headers: { location: `${other.uri}${path}` } }
    })
    const catalog = await open(stub.uri, SECRETS)
    await expect(catalog.listNamespaces()).rejects.toMatchObject({ context: { status } })
    await expect(catalog.dropTable(ORDERS)).rejects.toMatchObject({
      kind: status < 307 ? 'commit-state-unknown' : 'unsupported',
    })
    const commit = catalog.commit([appendTo(await catalog.loadTable(ORDERS), 1n)])
    if (status < 307) expect((await commit).status).toBe('unknown')
    else await expect(commit).rejects.toMatchObject({ kind: 'unsupported' })
    expect(other.log).toEqual([])
  })

  it('gets no credential sent to another host', async () => {
    const other = await serve(() => ({ json: { access_token: 'forged', token_type: 'bearer' } }))
    const stub = await serve(({ path }) => ({ status: 307, headers: { location: `${other.uri}${path}` } }))
    await expect(open(stub.uri, { credential: 'me:hush' })).rejects.toMatchObject({ kind: 'denied' })
    expect(other.log).toEqual([])
  })

  it('is followed within itself, with secrets and body', async () => {
    const stub = await serve(({ path, method }) => {
      if (path.startsWith('/old')) return { status: 308, headers: { location: path.replace('/old', '/new') } }
      if (path === `/new${TABLE}`)
        return tableAnswer({ metadata: method === 'POST' ? { ...METADATA } : METADATA })
      return path === '/new/v1/config' ? { json: { defaults: {}, overrides: {} } } : undefined
    })
    const catalog = await open(`${stub.uri}/old`, SECRETS)
    const table = await catalog.loadTable(ORDERS)
    committed(await catalog.commit([appendTo(table, 1n)]))
    const sent = stub.log.filter(({ path }) => path.startsWith('/new'))
    for (const { headers } of sent)
      expect([headers.authorization, headers['x-api-key']]).toEqual(['Bearer hush-token', 'hush-key'])
    expect(sent.at(-1)?.body).toContain('add-snapshot')
  })

  it('round in circles is left', async () => {
    const stub = await serve(({ path }) =>
      path === '/v1/config' ? undefined : { status: 307, headers: { location: path } },
    )
    const catalog = await open(stub.uri)
    await expect(catalog.loadTable(ORDERS)).rejects.toMatchObject({ kind: 'unsupported' })
    expect(stub.log.length).toBeLessThan(20)
  })
})

describe('a server that configures its clients', () => {
  it('does not move where a secret goes that is for another one', async () => {
    const tokens = await serve(() => ({ json: { access_token: 't', token_type: 'bearer', expires_in: 1 } }))
    const thief = await serve(() => ({ json: { access_token: 'forged', token_type: 'bearer' } }))
    const where = { 'oauth2-server-uri': `${thief.uri}/tokens` }
    const stub = await serve(({ path }) =>
      path === '/v1/config'
        ? { json: { defaults: where, overrides: where } }
        : tableAnswer({ config: where }),
    )
    const credential = { credential: 'me:hush', 'oauth2-server-uri': `${tokens.uri}/tokens` }
    const catalog = await open(stub.uri, credential)
    await catalog.loadTable(ORDERS)
    expect(thief.log).toEqual([])
    expect(tokens.log.length).toBeGreaterThan(0)
  })

  it('brings a table a token, and not the place where it is exchanged', async () => {
    const thief = await serve(() => ({ json: { access_token: 'forged', token_type: 'bearer' } }))
    const jwt = 'urn:ietf:params:oauth:token-type:jwt'
    const stub = await serve(({ path }) => {
      if (path === '/v1/config') return undefined
      if (path.endsWith('/oauth/tokens')) return { json: { access_token: 'x', token_type: 'bearer' } }
      return tableAnswer({ config: { [jwt]: 'a.b.c', 'oauth2-server-uri': `${thief.uri}/tokens` } })
    })
    const catalog = await open(stub.uri, { token: 'hush-actor' })
    const table = await catalog.loadTable(ORDERS)
    committed(await catalog.commit([appendTo(table, 1n)]))
    expect(thief.log).toEqual([])
    expect(stub.log.some(({ path }) => path.endsWith('/oauth/tokens'))).toBe(true)
  })

  it('does not choose among the profiles of this machine', async () => {
    const profile = { 's3.profile-name': 'root', 'client.profile-name': 'root', 's3.region': 'eu-west-1' }
    const stub = await serve(({ path }) =>
      path === '/v1/config'
        ? { json: { defaults: profile, overrides: profile } }
        : tableAnswer({ config: { ...profile, 's3.region': 'eu-west-2' } }),
    )
    const access = createStorageAccess(runtime)
    const catalog = await open(stub.uri, {}, access)
    expect((await access.grantFor('s3://any/file'))?.config).toEqual({ 's3.region': 'eu-west-1' })
    await catalog.loadTable(ORDERS)
    expect((await access.grantFor('s3://lake/shop/orders/a'))?.config).toEqual({ 's3.region': 'eu-west-2' })
  })
})

describe('a server that answers with something else', () => {
  const html = new TextEncoder().encode('<html>log in</html>')
  it.each<[string, StubAnswer]>([
    ['nothing', {}],
    ['a page', { bytes: html, headers: { 'content-type': 'text/html' } }],
    ['half of it', { bytes: (tableAnswer().bytes ?? html).subarray(0, 300) }],
    ['a list', { json: [] }],
    ['no metadata', { json: { 'metadata-location': 's3://a/b' } }],
    ['no location', { json: { metadata: {} } }],
    ['deep nonsense', { bytes: new TextEncoder().encode('['.repeat(200_000)) }],
  ])('such as %s is told as broken, and a commit as open', async (_, answer) => {
    let isBroken = true
    const stub = await serve(({ path, method }) => {
      if (path === '/v1/config') return undefined
      return isBroken || method === 'POST' ? answer : tableAnswer()
    })
    const catalog = await open(stub.uri)
    await expect(catalog.loadTable(ORDERS)).rejects.toMatchObject({ kind: 'corrupt' })
    isBroken = false
    const outcome = await catalog.commit([appendTo(await catalog.loadTable(ORDERS), 1n)])
    // An empty answer to a commit is one: the table is loaded then.
    expect(outcome.status).toBe(
      answer.bytes === undefined && answer.json === undefined ? 'committed' : 'unknown',
    )
  })

  it('such as nothing, to a commit to a view, leaves the outcome open', async () => {
    const endpoints = ['loadView', 'createView'] as const
    const stub = await serve(({ path, method }) => {
      if (path !== '/v1/config') return method === 'POST' ? {} : undefined
      const announced = endpoints.map(name => ENDPOINTS[name])
      return { json: { defaults: {}, overrides: {}, endpoints: announced } }
    })
    const catalog = await open(stub.uri)
    const updates = newViewUpdates({
      uuid: '00000000-0000-4000-8000-000000000000',
      location: 's3://lake/shop/v',
      properties: {},
      schema: { schemaId: 0, fields: [], identifierFieldIds: [] },
      version: {
        timestampMs: 1,
        summary: {},
        representations: [{ kind: 'sql', sql: 'select 1', dialect: 'spark' }],
        defaultNamespace: ['shop'],
      },
    })
    const identifier = { namespace: ['shop'], name: 'v' }
    const outcome = await catalog.views?.commit({
      identifier,
      requirements: [{ type: 'assert-create' }],
      updates,
    })
    expect(outcome?.status).toBe('unknown')
  })

  it('such as another table, to a commit, leaves the outcome open', async () => {
    const stub = await serve(({ path, method }) => {
      if (path === '/v1/config') return undefined
      if (method === 'GET') return tableAnswer()
      const metadata = { ...METADATA, tableUuid: '00000000-0000-4000-8000-000000000000' }
      return tableAnswer({ metadata, metadataLocation: 's3://lake/other/metadata/00001-b.metadata.json' })
    })
    const catalog = await open(stub.uri)
    const outcome = await catalog.commit([appendTo(await catalog.loadTable(ORDERS), 1n)])
    expect(outcome.status).toBe('unknown')
    // And is not taken for the table afterwards.
    expect((await catalog.loadTable(ORDERS)).metadata.tableUuid).toBe(METADATA.tableUuid)
  })

  it('such as an error without end is not read to its end', { timeout: 10_000 }, async () => {
    const server = createServer((incoming, outgoing) => {
      incoming.resume()
      if (incoming.url === '/v1/config') return void outgoing.end('{"defaults":{},"overrides":{}}')
      outgoing.writeHead(400)
      const chunk = Buffer.alloc(65_536, 'x')
      const more = (): void => {
        if (outgoing.destroyed) return
        if (outgoing.write(chunk)) setImmediate(more)
        else outgoing.once('drain', more)
      }
      more()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(async () => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const catalog = await open(`http://127.0.0.1:${port}`)
    await expect(catalog.loadTable(ORDERS)).rejects.toMatchObject({ kind: 'invalid-argument' })
  })
})

describe('a token that many wait for', () => {
  it('is not lost to all when one of them gives up', async () => {
    let given = 0
    let release = (): void => undefined
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const server = createServer(async (incoming, outgoing) => {
      incoming.resume()
      const { url = '' } = incoming
      if (url.endsWith('/oauth/tokens')) {
        given++
        if (given === 2) await held
        outgoing.end(JSON.stringify({ access_token: `t${given}`, token_type: 'bearer' }))
      } else if (url.startsWith('/v1/config')) outgoing.end('{"defaults":{},"overrides":{}}')
      else if (incoming.headers.authorization === 'Bearer t1') outgoing.writeHead(401).end()
      else outgoing.end(tableAnswer().bytes)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(async () => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const catalog = await open(`http://127.0.0.1:${port}`, { credential: 'me:hush' })
    const impatient = new AbortController()
    const first = catalog.loadTable(ORDERS, { signal: impatient.signal })
    await expect.poll(() => given).toBe(2)
    const others = Promise.all([1, 2, 3].map(() => catalog.loadTable(ORDERS)))
    impatient.abort()
    await expect(first).rejects.toThrow()
    release()
    expect((await others).length).toBe(3)
    expect(given).toBe(2)
  })
})
