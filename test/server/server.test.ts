/** The server itself: who may talk to it, what it takes on, how it ends, what it says about itself. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { Catalog } from '../../src/catalog/catalog.js'
import { openLake } from '../../src/index.js'
import { type ServerOptions, startServer } from '../../src/server.js'
import { openMemoryLake } from '../lake/memory-lake.js'
import { type ServedLake, serveLake } from './world.js'

let world: ServedLake | undefined
afterEach(async () => {
  await world?.close()
  world = undefined
})

async function serve(options: Partial<ServerOptions> = {}): Promise<ServedLake> {
  world = await serveLake(options)
  return world
}

const TOKEN = 'a-token-of-the-tests'
const PRINCIPALS = [{ name: 'ann', token: TOKEN, grants: [{ access: 'manage' as const }] }]

/** A catalog whose namespaces take their time; `release` lets them go. */
async function slowLake() {
  const memory = await openMemoryLake()
  let release = (): void => undefined
  let entered = (): void => undefined
  const gate = new Promise<void>(resolve => {
    release = resolve
  })
  const inside = new Promise<void>(resolve => {
    entered = resolve
  })
  const catalog: Catalog = {
    ...memory.lake.context.catalog,
    async listNamespaces(parent, options) {
      entered()
      const aborted = new Promise<never>((_, reject) => {
        options?.signal?.addEventListener('abort', () => reject(new Error('aborted')))
      })
      await Promise.race([gate, aborted])
      return memory.lake.context.catalog.listNamespaces(parent)
    },
  }
  return { ...memory, lake: openLake({ ...memory.lake.context, catalog }), release, inside }
}

describe('a server', () => {
  it('answers when it has started, and says what it can', async () => {
    const { ask } = await serve({ clientProperties: { 's3.endpoint': 'http://minio' } })
    const { status, json } = await ask('GET /v1/config?warehouse=any')
    expect(status).toBe(200)
    expect(json).toMatchObject({
      defaults: { 's3.endpoint': 'http://minio' },
      overrides: {},
      'idempotency-key-lifetime': 'PT30M',
    })
    expect(json.endpoints).toContain('POST /v1/{prefix}/namespaces/{namespace}/tables/{table}')
    expect(json.endpoints).toContain('POST /v1/{prefix}/transactions/commit')
    expect(json.endpoints).toContain('POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan')
    expect(json.endpoints.filter((endpoint: string) => endpoint.includes('serac'))).toEqual([])
  })

  it('does not say that it has what its catalog has not', async () => {
    const memory = await openMemoryLake()
    const { views: _, ...catalog } = memory.lake.context.catalog
    const lake = openLake({ ...memory.lake.context, catalog: { ...catalog, multiTable: false } })
    const { ask } = await serve({ lake })
    const { endpoints } = (await ask('GET /v1/config')).json
    expect(endpoints.filter((endpoint: string) => /view|transactions/.test(endpoint))).toEqual([])
    await memory.close()
  })

  it('has no routes but its own', async () => {
    const { ask } = await serve()
    expect((await ask('GET /v1/nothing')).status).toBe(404)
    expect((await ask('PUT /v1/namespaces')).status).toBe(405)
    expect((await ask('GET /v1/namespaces/')).status).toBe(404)
  })

  it('tells nothing of errors that are not ours', async () => {
    const memory = await openMemoryLake()
    const catalog: Catalog = {
      ...memory.lake.context.catalog,
      listNamespaces: () => Promise.reject(new Error('the password is sesame')),
    }
    const { ask, records } = await serve({ lake: openLake({ ...memory.lake.context, catalog }) })
    const answer = await ask('GET /v1/namespaces')
    expect(answer.status).toBe(500)
    expect(answer.text).not.toContain('sesame')
    expect(records.find(record => record.event === 'error')).toBeDefined()
    await memory.close()
  })
})

describe('without tokens a server', () => {
  it('listens on this machine only', async () => {
    const memory = await openMemoryLake()
    const open = startServer({ lake: memory.lake, host: '0.0.0.0', port: 0 })
    await expect(open).rejects.toMatchObject({ kind: 'invalid-argument' })
    await memory.close()
  })

  it('talks to no page of a browser, and to nobody who calls it by another name', async () => {
    const { ask, uri } = await serve()
    const { status } = await ask('GET /v1/namespaces', { headers: { origin: 'https://evil.example' } })
    expect(status).toBe(403)
    const { port } = new URL(uri)
    const byName = (host: string, path = '/v1/config'): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const sent = httpRequest({ port, host: '127.0.0.1', path, headers: { host } }, answer => {
          answer.resume()
          resolve(answer.statusCode)
        })
        sent.once('error', reject)
        sent.end()
      })
    expect(await byName(`localhost:${port}`)).toBe(200)
    expect(await byName(`rebound.example:${port}`)).toBe(403)
    expect(await byName(`rebound.example:${port}`, '/metrics')).toBe(403)
  })
})

describe('with tokens a server', () => {
  it('lets in who has one, and nobody else', async () => {
    const { ask } = await serve({ principals: PRINCIPALS })
    const refused = await ask('GET /v1/config')
    expect(refused).toMatchObject({
      status: 401,
      json: { error: { type: 'NotAuthorizedException', code: 401 } },
    })
    expect(refused.headers.get('www-authenticate')).toBe('Bearer')
    expect((await ask('GET /v1/config', { token: `${TOKEN}x` })).status).toBe(401)
    expect((await ask('GET /v1/nothing')).status).toBe(401)
    expect((await ask('GET /metrics')).status).toBe(401)
    expect((await ask('GET /healthz')).status).toBe(200)
    expect((await ask('GET /v1/config', { token: TOKEN })).status).toBe(200)
  })

  it('gives a principal its token for its name and secret', async () => {
    const { ask, uri } = await serve({ principals: PRINCIPALS })
    const login = (form: Record<string, string>) =>
      ask('POST /v1/oauth/tokens', {
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      })
    const grant_type = 'client_credentials'
    const given = await login({ grant_type, client_id: 'ann', client_secret: TOKEN, scope: 'catalog' })
    expect(given).toMatchObject({ status: 200, json: { access_token: TOKEN, token_type: 'bearer' } })
    expect((await login({ grant_type, client_id: 'bob', client_secret: TOKEN })).status).toBe(401)
    expect((await login({ grant_type, client_secret: 'guessed' })).json).toEqual({ error: 'invalid_client' })
    expect((await login({ grant_type: 'password' })).status).toBe(400)
    expect(uri).toMatch(/^http:/)
  })

  it('never writes one to its log', async () => {
    const { ask, records } = await serve({ principals: PRINCIPALS })
    await ask('GET /v1/config', { token: TOKEN })
    await ask('GET /v1/config', { token: 'another-secret-token' })
    const text = JSON.stringify(records)
    expect(text).toContain('"principal":"ann"')
    expect(text).not.toContain(TOKEN)
    expect(text).not.toContain('another-secret')
  })

  it('has one principal for each', () => {
    const twice = [...PRINCIPALS, { ...PRINCIPALS[0]!, name: 'bob' }]
    return expect(serve({ principals: twice })).rejects.toMatchObject({ kind: 'invalid-argument' })
  })

  it('may know one by several tokens, but not for different things', async () => {
    const next = { name: 'ann', token: `${TOKEN}-next`, grants: PRINCIPALS[0]!.grants }
    const { ask } = await serve({ principals: [...PRINCIPALS, next] })
    expect((await ask('GET /v1/config', { token: next.token })).status).toBe(200)
    await world?.close()
    const other = { ...next, grants: [{ access: 'read' as const }] }
    await expect(serve({ principals: [...PRINCIPALS, other] })).rejects.toMatchObject({
      kind: 'invalid-argument',
      context: { principal: 'ann' },
    })
    world = undefined
  })

  it('may listen anywhere', async () => {
    const { ask } = await serve({ principals: PRINCIPALS, host: '0.0.0.0' })
    expect((await ask('GET /v1/config', { token: TOKEN })).status).toBe(200)
  })
})

describe('the limits of a server', () => {
  it('refuse a body that is too large, whether it says so before or not', async () => {
    const { ask, uri } = await serve({ limits: { bodyBytesMax: 1000 } })
    const body = { namespace: ['a'], properties: { long: 'x'.repeat(2000) } }
    expect((await ask('POST /v1/namespaces', { body })).status).toBe(413)
    const chunks = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode(JSON.stringify(body)))
        controller.close()
      },
    })
    const answer = await fetch(`${uri}/v1/namespaces`, {
      method: 'POST',
      body: chunks,
      duplex: 'half',
    } as RequestInit)
    expect(answer.status).toBe(413)
    expect((await ask('GET /v1/namespaces')).json).toMatchObject({ namespaces: [] })
  })

  it('turn away what nobody can wait for, and say that it may come again', async () => {
    const slow = await slowLake()
    const { ask } = await serve({ lake: slow.lake, limits: { requestsMax: 1, waitingMax: 0 } })
    const first = ask('GET /v1/namespaces')
    await slow.inside
    const read = await ask('GET /v1/namespaces/a')
    expect([read.status, read.headers.get('retry-after')]).toEqual([503, '1'])
    // A client of a commit takes 503 for a doubt.
    expect((await ask('POST /v1/namespaces', { body: { namespace: ['a'] } })).status).toBe(429)
    slow.release()
    expect((await first).status).toBe(200)
    expect((await ask('GET /v1/namespaces')).json).toMatchObject({ namespaces: [] })
    await slow.close()
  })

  it('end a request that takes too long', async () => {
    const slow = await slowLake()
    const { ask } = await serve({ lake: slow.lake, limits: { requestMsMax: 50 } })
    expect((await ask('GET /v1/namespaces')).status).toBe(500)
    await slow.close()
  })

  it('leave no place to who has no token and sends its request slowly', async () => {
    const { ask, uri } = await serve({ principals: PRINCIPALS, limits: { requestsMax: 1, waitingMax: 0 } })
    const socket = connectTcp(Number(new URL(uri).port), '127.0.0.1')
    socket.on('error', () => undefined)
    const form = 'content-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n\r\ngrant'
    await new Promise(resolve =>
      socket.write(`POST /v1/oauth/tokens HTTP/1.1\r\nhost: localhost\r\n${form}`, resolve),
    )
    for (let n = 0; n < 5; n++) expect((await ask('GET /v1/config', { token: TOKEN })).status).toBe(200)
    socket.destroy()
    const body = `grant_type=client_credentials&client_secret=${'x'.repeat(20_000)}`
    expect((await ask('POST /v1/oauth/tokens', { body })).status).toBe(413)
  })

  it('end an answer that its client does not read', async () => {
    const memory = await openMemoryLake()
    const table = await memory.lake.createTable('shop.long', 'text string')
    const text = 'x'.repeat(2 ** 20)
    for (let n = 0; n < 4; n++) await table.append(Array.from({ length: 8 }, () => ({ text })))
    const { ask, uri } = await serve({
      lake: memory.lake,
      limits: { requestsMax: 1, waitingMax: 0, requestMsMax: 2_000 },
    })
    const socket = connectTcp(Number(new URL(uri).port), '127.0.0.1')
    socket.on('error', () => undefined).pause()
    const path = '/serac/v1/namespaces/shop/tables/long/rows'
    socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n`)
    await expect.poll(async () => (await ask('GET /v1/namespaces')).status).toBe(503)
    const answers = async () => (await ask('GET /v1/namespaces')).status
    await expect.poll(answers, { timeout: 10_000 }).toBe(200)
    socket.destroy()
    await world?.close()
    world = undefined
    await memory.close()
  })

  it('have sense', () =>
    expect(serve({ limits: { requestsMax: 0 } })).rejects.toMatchObject({ kind: 'invalid-argument' }))
})

describe('a server that is told to end', () => {
  it('answers what it has begun, and closes the connections', async () => {
    const slow = await slowLake()
    const { ask, stop, uri } = await serve({ lake: slow.lake })
    await ask('GET /v1/config')
    const first = ask('GET /v1/namespaces')
    await slow.inside
    const stopped = stop()
    slow.release()
    const answer = await first
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
    await stopped
    await expect(fetch(`${uri}/v1/config`)).rejects.toThrow()
    await slow.close()
  })

  it('cuts off what takes too long', async () => {
    const slow = await slowLake()
    const { ask, stop } = await serve({ lake: slow.lake, limits: { stopMsMax: 0 } })
    const first = ask('GET /v1/namespaces')
    await slow.inside
    await stop()
    expect((await first).status).toBe(500)
    await slow.close()
  })

  it('does not wait for a client that says nothing', async () => {
    const { uri, stop } = await serve({ limits: { stopMsMax: 50 } })
    const { port } = new URL(uri)
    const socket = connectTcp(Number(port), '127.0.0.1')
    await new Promise<void>(resolve => socket.once('connect', () => resolve()))
    const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    socket.write('GET /v1/config HTTP/1.1\r\n')
    await stop()
    await closed
  })
})

describe('what a server says of itself', () => {
  it('is a record for each request', async () => {
    const { ask, records } = await serve()
    await ask('POST /v1/namespaces', { body: { namespace: ['shop'] } })
    await ask('GET /v1/namespaces/none')
    expect(records.map(({ event }) => event)).toEqual(['start', 'audit', 'request', 'request'])
    expect(records[1]).toMatchObject({ action: 'create-namespace', namespace: 'shop', outcome: 'done' })
    expect(records[2]).toMatchObject({ method: 'POST', route: 'POST /v1/{prefix}/namespaces', status: 200 })
    expect(records[3]).toMatchObject({ status: 404, principal: 'anonymous', path: '/v1/namespaces/none' })
    expect(records[2]?.time).toMatch(/^\d{4}-\d\d-\d\dT.*\+00:00$/)
  })

  it('is metrics, whose labels name no table', async () => {
    const { ask } = await serve()
    await ask('GET /v1/namespaces/secret-name')
    const { text, headers } = await ask('GET /metrics')
    expect(headers.get('content-type')).toContain('text/plain')
    expect(text).toContain(
      'serac_requests_total{route="GET /v1/{prefix}/namespaces/{namespace}",status="404"} 1',
    )
    expect(text).toContain('serac_request_duration_seconds_count')
    expect(text).not.toContain('secret-name')
  })
})

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('a server with TLS', () => {
  it.skipIf(!hasOpenssl())('speaks https alone (needs openssl for a certificate)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'serac-tls-'))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert]
    execFileSync('openssl', [...made, ...subject], { stdio: 'ignore' })
    const tls = { cert: readFileSync(cert), key: readFileSync(key) }
    const { uri } = await serve({ tls })
    expect(uri).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    const status = await new Promise((resolve, reject) => {
      const sent = httpsRequest(`${uri}/v1/config`, { ca: tls.cert, agent: false }, answer => {
        answer.resume()
        resolve(answer.statusCode)
      })
      sent.once('error', reject)
      sent.end()
    })
    expect(status).toBe(200)
    await expect(fetch(uri.replace('https', 'http'))).rejects.toThrow()
    rmSync(folder, { recursive: true })
  })
})
