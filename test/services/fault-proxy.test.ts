import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  cancelledTransaction,
  dynamoDbError,
  type Fault,
  type FaultProxy,
  openFaultProxy,
  s3Error,
} from './fault-proxy.js'

interface Seen {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly body: string
}

interface Got {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  readonly error?: string
}

const TEXT = 'x'.repeat(1000)
let service: Server
let upstream: string
let seen: Seen[]
let proxy: FaultProxy | undefined
let fault: Fault | undefined

beforeEach(async () => {
  seen = []
  fault = undefined
  service = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    seen.push({
      method: incoming.method ?? '',
      url: incoming.url ?? '',
      rawHeaders: incoming.rawHeaders,
      body,
    })
    const n = seen.length
    if (incoming.method === 'DELETE') outgoing.writeHead(204).end()
    else outgoing.writeHead(200, { 'x-n': `${n}`, 'content-length': `${TEXT.length}` }).end(TEXT)
  })
  await new Promise<void>(resolve => service.listen(0, '127.0.0.1', resolve))
  upstream = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  proxy = await openFaultProxy(upstream, () => fault)
})

afterEach(async () => {
  await proxy?.close()
  service.closeAllConnections()
  service.close()
})

describe('a fault proxy', () => {
  it('hands on requests and answers as they are', async () => {
    const got = await send('PUT', '/a%2Fb?x=1&y', 'hello', {
      'X-Amz-Date': 'today',
      authorization: 'AWS4 sig',
    })
    expect(got).toMatchObject({ status: 200, body: TEXT })
    expect(seen).toHaveLength(1)
    expect(seen[0]).toMatchObject({ method: 'PUT', url: '/a%2Fb?x=1&y', body: 'hello' })
    expect(seen[0]?.rawHeaders).toContain('X-Amz-Date')
    expect(await send('HEAD', '/')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '1000' },
    })
    expect(await send('DELETE', '/')).toMatchObject({ status: 204, body: '' })
    expect(proxyLog()).toEqual([
      [0, 'PUT', 200],
      [1, 'HEAD', 200],
      [2, 'DELETE', 204],
    ])
  })

  it('hands on a body in chunks as chunks', async () => {
    await send('PUT', '/', 'in chunks', { 'transfer-encoding': 'chunked' })
    expect(seen[0]?.body).toBe('in chunks')
    expect(seen[0]?.rawHeaders).toContain('chunked')
  })

  it('knows the operation of a DynamoDB request, and decides with headers and body', async () => {
    const asked: unknown[] = []
    const other = await openFaultProxy(upstream, ({ operation, body, headers }) => {
      asked.push([operation, body.toString(), headers['x-y']])
      return undefined
    })
    await sendTo(other.endpoint, 'POST', '/', '{}', {
      'x-amz-target': 'DynamoDB_20120810.UpdateItem',
      'x-y': 'z',
    })
    await other.close()
    expect(asked).toEqual([['UpdateItem', '{}', 'z']])
  })

  it('drops a request before the service sees it', async () => {
    fault = { kind: 'drop-request' }
    expect((await send('GET', '/')).error).toBeDefined()
    expect(seen).toEqual([])
    expect(proxyLog()).toEqual([[0, 'GET', undefined]])
  })

  it.each(['drop-response', 'reset-response'] as const)('loses an answer: %s', async kind => {
    fault = { kind }
    expect((await send('PUT', '/')).error).toBeDefined()
    expect(seen).toHaveLength(1)
    expect(proxyLog()).toEqual([[0, 'PUT', 200]])
  })

  it('repeats a request, and gives the second answer', async () => {
    fault = { kind: 'duplicate' }
    expect((await send('PUT', '/')).headers?.['x-n']).toBe('2')
    expect(seen).toHaveLength(2)
  })

  it('cuts an answer after its first bytes', async () => {
    fault = { kind: 'truncate-response' }
    const half = await send('GET', '/')
    expect(half).toMatchObject({ status: 200, body: 'x'.repeat(500) })
    expect(half.error).toBeDefined()
    fault = { kind: 'truncate-response', bytes: 0 }
    const nothing = await send('GET', '/')
    expect(nothing).toMatchObject({ status: 200, body: '' })
    expect(nothing.error).toBeDefined()
  })

  it('holds a request back until something else has happened', async () => {
    const gate = gateOf()
    fault = { kind: 'delay-request', until: gate.promise }
    const slow = send('PUT', '/slow')
    await until(() => proxy?.log.length === 1)
    fault = undefined
    await send('PUT', '/fast')
    gate.resolve()
    await slow
    expect(seen.map(({ url }) => url)).toEqual(['/fast', '/slow'])
  })

  it('holds an answer back while the service has done what was asked', async () => {
    const gate = gateOf()
    fault = { kind: 'delay-response', until: gate.promise }
    const slow = send('PUT', '/')
    await until(() => seen.length === 1)
    gate.resolve()
    expect(await slow).toMatchObject({ status: 200 })
  })

  it('delivers a request after its sender was cut off', async () => {
    const gate = gateOf()
    fault = { kind: 'deliver-late', until: gate.promise }
    expect((await send('PUT', '/late')).error).toBeDefined()
    fault = undefined
    await send('PUT', '/next')
    gate.resolve()
    await until(() => seen.length === 2)
    expect(seen.map(({ url }) => url)).toEqual(['/next', '/late'])
  })

  it('answers in the place of the service', async () => {
    fault = s3Error(409, 'ConditionalRequestConflict')
    const conflict = await send('PUT', '/')
    expect(conflict.status).toBe(409)
    expect(conflict.body).toContain('<Code>ConditionalRequestConflict</Code>')
    fault = dynamoDbError('ThrottlingException')
    const throttled = await send('POST', '/')
    expect(throttled.status).toBe(400)
    expect(JSON.parse(throttled.body)).toMatchObject({
      __type: expect.stringContaining('#ThrottlingException'),
    })
    fault = cancelledTransaction(['None', 'TransactionConflict'])
    const cancelled = await send('POST', '/')
    expect(JSON.parse(cancelled.body)).toMatchObject({
      CancellationReasons: [{ Code: 'None' }, { Code: 'TransactionConflict' }],
    })
    expect(seen).toEqual([])
  })

  it('serves on after every fault, on new and kept connections', async () => {
    for (const kind of ['drop-request', 'reset-response', 'truncate-response'] as const) {
      fault = { kind }
      await send('GET', '/')
      fault = undefined
      expect(await send('GET', '/')).toMatchObject({ status: 200, body: TEXT })
    }
  })

  it('waits on close for what is still to be delivered, and delivers it then', async () => {
    const other = await openFaultProxy(upstream, () => ({ kind: 'deliver-late', until: 60_000 }))
    await sendTo(other.endpoint, 'PUT', '/late')
    expect(seen).toEqual([])
    await other.close()
    expect(seen).toHaveLength(1)
  })

  it('shows on close what the test got wrong', async () => {
    const other = await openFaultProxy(upstream, () => {
      throw new Error('a mistake')
    })
    expect((await sendTo(other.endpoint, 'GET', '/')).error).toBeDefined()
    await expect(other.close()).rejects.toThrow('a mistake')
  })

  it('breaks the connection when the service is not there', async () => {
    const other = await openFaultProxy('http://127.0.0.1:9', () => undefined)
    expect((await sendTo(other.endpoint, 'GET', '/')).error).toBeDefined()
    await other.close()
  })
})

function proxyLog(): unknown[] {
  return (proxy?.log ?? []).map(({ n, method, status }) => [n, method, status])
}

function send(method: string, path: string, body = '', headers: Record<string, string> = {}): Promise<Got> {
  return sendTo(proxy?.endpoint ?? '', method, path, body, headers)
}

function sendTo(
  endpoint: string,
  method: string,
  path: string,
  body = '',
  headers: Record<string, string> = {},
): Promise<Got> {
  return new Promise(resolve => {
    const asked = request(`${endpoint}${path}`, { method, headers })
    asked.once('error', error => resolve({ body: '', error: error.message }))
    asked.once('response', response => {
      let text = ''
      const { statusCode = 0, headers } = response
      response.setEncoding('utf8')
      response.on('data', chunk => {
        text += chunk
      })
      response.once('end', () => resolve({ status: statusCode, headers, body: text }))
      response.once('error', error =>
        resolve({ status: statusCode, headers, body: text, error: error.message }),
      )
    })
    asked.end(body)
  })
}

function gateOf(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let open = (): void => undefined
  const promise = new Promise<void>(resolve => {
    open = resolve
  })
  return { promise, resolve: () => open() }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve))
}
