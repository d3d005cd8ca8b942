/** What the S3 store sends: which requests, how many, with which headers, as properties and grants say. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { collect } from '../../src/base/concurrency.js'
import { systemRuntime } from '../../src/base/runtime.js'
import type { FileIO } from '../../src/io/file-io.js'
import { createS3IO } from '../../src/io/s3.js'
import type { S3Request } from '../../src/io/s3-request.js'
import { partSizeBytes } from '../../src/io/s3-upload.js'
import { createStorageAccess, type StorageAccess } from '../../src/io/storage-access.js'
import { openFaultProxy, s3Error } from '../services/fault-proxy.js'
import { openS3Stub, type S3Stub, type StubRequest } from './s3-stub.js'

const MIB = 2 ** 20
const B = 's3://serac-test'

let stub: S3Stub
let counted: S3Request[]

beforeAll(async () => {
  stub = await openS3Stub()
})
beforeEach(() => {
  stub.forget()
  counted = []
})

function openIO(properties: Readonly<Record<string, string>> = {}, access?: StorageAccess): FileIO {
  return createS3IO({
    properties: { ...stub.properties, ...properties },
    runtime: systemRuntime,
    access,
    onRequest: request => counted.push(request),
  })
}

const keyOf = ({ headers }: StubRequest): string | undefined =>
  /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1]

describe('reading from S3', () => {
  const digits = Uint8Array.from({ length: 3_000_000 }, (_, index) => index % 251)
  const range = (offset: number, lengthBytes: number) => ({ range: { offset, lengthBytes } })

  it('joins ranges of a file that are near and asked for at the same time', async () => {
    const io = openIO()
    await io.write(`${B}/digits`, digits)
    stub.forget()
    const into = new Uint8Array(50)
    const parts = await Promise.all([
      io.read(`${B}/digits`, range(1000, 100)),
      io.read(`${B}/digits`, { ...range(1050, 50), into }),
      io.read(`${B}/digits`, range(200_000, 10)),
      io.read(`${B}/digits`, range(2_000_000, 10)),
    ])
    expect(stub.requests.map(request => request.headers.range)).toEqual([
      'bytes=1000-200009',
      'bytes=2000000-2000009',
    ])
    const starts = [1000, 1050, 200_000, 2_000_000]
    for (const [index, part] of parts.entries()) {
      const at = starts[index] ?? 0
      expect([...part]).toEqual([...digits.subarray(at, at + part.length)])
    }
    expect(parts[1]?.buffer).toBe(into.buffer)
    expect(counted.filter(({ kind }) => kind === 'get').map(({ bytes }) => bytes)).toEqual([199_010, 10])
  })

  it('leaves ranges of different callers alone when one may give up', async () => {
    const io = openIO()
    await io.write(`${B}/digits`, digits)
    stub.forget()
    const { signal } = new AbortController()
    await Promise.all([
      io.read(`${B}/digits`, range(0, 10)),
      io.read(`${B}/digits`, { ...range(20, 10), signal }),
    ])
    expect(stub.requests).toHaveLength(2)
  })

  it('reads a long range in pieces, and no more than there is', async () => {
    const io = openIO()
    const large = new Uint8Array(20 * MIB).map((_, index) => index >> 10)
    await io.write(`${B}/large`, large)
    stub.forget()
    const into = new Uint8Array(20 * MIB)
    const whole = await io.read(`${B}/large`, { ...range(5, 1e15), into })
    expect(whole.buffer).toBe(into.buffer)
    expect(Buffer.compare(whole, large.subarray(5))).toBe(0)
    expect(
      Buffer.compare(await io.read(`${B}/large`, range(5, 17 * MIB)), large.subarray(5, 5 + 17 * MIB)),
    ).toBe(0)
    expect(stub.requests).toHaveLength(6)
    expect(await io.read(`${B}/large`, range(19 * MIB, 1e15))).toHaveLength(MIB)
  })

  it('sends so many requests at once', async () => {
    await openIO().write(`${B}/f`, utf8Encode('bytes'))
    let underway = 0
    let most = 0
    const proxy = await openFaultProxy(stub.endpoint, () => {
      most = Math.max(most, ++underway)
      const until = systemRuntime.sleep(5).then(() => {
        underway--
      })
      return { kind: 'delay-request', until }
    })
    const io = openIO({ 's3.endpoint': proxy.endpoint, 'http-client.apache.max-connections': '3' })
    await Promise.all(Array.from({ length: 30 }, () => io.read(`${B}/f`)))
    expect(most).toBe(3)
    await proxy.close()
  })

  it('keeps connections', async () => {
    const io = openIO()
    const before = stub.connections
    await io.write(`${B}/f`, utf8Encode('bytes'))
    for (let i = 0; i < 5; i++) await io.read(`${B}/f`)
    expect(stub.connections - before).toBe(1)
  })

  it('stops when the signal fires while the bytes arrive', async () => {
    const server = createServer((_, answer) => {
      answer.writeHead(200, { 'content-length': '1000000' })
      answer.write(Buffer.alloc(1000))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const io = openIO({ 's3.endpoint': `http://127.0.0.1:${port}` })
    const stop = new AbortController()
    const read = io.read(`${B}/f`, { signal: stop.signal })
    setTimeout(() => stop.abort(), 30)
    await expect(read).rejects.toMatchObject({ kind: 'aborted' })
    server.closeAllConnections()
    server.close()
  })

  it('does not believe a store that knows no ranges', async () => {
    const server = createServer((_, answer) => answer.end('0123456789'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const io = openIO({ 's3.endpoint': `http://127.0.0.1:${port}`, 's3.retry.num-retries': '0' })
    await expect(io.read(`${B}/f`, range(3, 2))).rejects.toMatchObject({ kind: 'unsupported' })
    server.closeAllConnections()
    server.close()
  })
})

describe('writing to S3', () => {
  it('is one request for what fits into a part, and an upload with checksums for what does not', async () => {
    const io = openIO({ 's3.multipart.part-size-bytes': String(5 * MIB) })
    for (const parts of [1, 2]) {
      const writer = await io.openWriter(`${B}/w${parts}`)
      await writer.write(new Uint8Array(5 * MIB * parts).fill(parts))
      await writer.close()
    }
    expect(counted.map(({ method, kind }) => `${method} ${kind}`).sort()).toEqual([
      'POST complete-upload',
      'POST create-upload',
      'PUT put',
      'PUT upload-part',
      'PUT upload-part',
    ])
    const sums = stub.requests.flatMap(request => request.headers['x-amz-checksum-crc32'] ?? [])
    expect(sums).toHaveLength(3)
    const complete = stub.requests.at(-1)?.body.toString() ?? ''
    for (const sum of sums.slice(1)) expect(complete).toContain(`<ChecksumCRC32>${sum}</ChecksumCRC32>`)
  })

  it('has parts for the largest object of S3', () => {
    let sizeBytes = 0
    for (let part = 1; part <= 10_000; part++) sizeBytes += partSizeBytes(part, 8 * MIB)
    expect(sizeBytes).toBeGreaterThanOrEqual(5 * 2 ** 40)
    expect(partSizeBytes(1000, 8 * MIB)).toBe(8 * MIB)
    expect(partSizeBytes(1001, 8 * MIB)).toBe(16 * MIB)
  })

  it('sends bodies with their length, from shared memory too', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7)
    await openIO().create(`${B}/shared`, shared.subarray(2, 5))
    const [put] = stub.requests
    expect(put?.headers).toMatchObject({ 'content-length': '3', 'if-none-match': '*' })
    expect([...(put?.body ?? [])]).toEqual([7, 7, 7])
  })

  it('asks for encryption, access, class and tags where objects are made', async () => {
    const io = openIO({
      's3.sse.type': 'kms',
      's3.sse.key': 'key-1',
      's3.acl': 'bucket-owner-full-control',
      's3.write.storage-class': 'STANDARD_IA',
      's3.write.tags.team': 'lake & co',
      's3.requester-pays-enabled': 'true',
    })
    await io.write(`${B}/f`, utf8Encode('x'))
    await io.read(`${B}/f`)
    await collect(io.list(`${B}/f`))
    await io.delete([`${B}/f`])
    const [put, ...others] = stub.requests
    expect(put?.headers).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'key-1',
      'x-amz-acl': 'bucket-owner-full-control',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-tagging': 'team=lake%20%26%20co',
    })
    for (const request of stub.requests) expect(request.headers['x-amz-request-payer']).toBe('requester')
    for (const { headers } of others) expect(headers['x-amz-server-side-encryption']).toBeUndefined()
  })

  it('hands its own key to each request that touches bytes', async () => {
    const bytes = Buffer.alloc(32, 5)
    const key = bytes.toString('base64')
    const md5 = createHash('md5').update(bytes).digest('base64')
    const io = openIO({ 's3.sse.type': 'custom', 's3.sse.key': key, 's3.sse.md5': md5 })
    await io.write(`${B}/f`, utf8Encode('x'))
    await io.read(`${B}/f`)
    await io.stat(`${B}/f`)
    for (const { headers } of stub.requests) {
      expect(headers['x-amz-server-side-encryption-customer-key']).toBe(key)
    }
  })

  it('refuses properties that make no sense before any request', () => {
    const kindOf = (properties: Readonly<Record<string, string>>): unknown => {
      try {
        openIO(properties)
        return 'opened'
      } catch (error) {
        return (error as { kind?: unknown }).kind
      }
    }
    expect(kindOf({ 's3.sse.type': 'rot13' })).toBe('invalid-argument')
    expect(kindOf({ 's3.sse.type': 'custom', 's3.sse.key': 'c2hvcnQ=' })).toBe('invalid-argument')
    const key = Buffer.alloc(32).toString('base64')
    expect(kindOf({ 's3.sse.type': 'custom', 's3.sse.key': key, 's3.sse.md5': key })).toBe('invalid-argument')
    expect(kindOf({ 's3.multipart.part-size-bytes': '1000' })).toBe('invalid-argument')
    expect(kindOf({ 's3.requester-pays-enabled': 'maybe' })).toBe('invalid-argument')
    expect(kindOf({ 's3.write.storage-class': 'GLACIER' })).toBe('invalid-argument')
    expect(kindOf({ 's3.delete-enabled': 'false' })).toBe('unsupported')
  })
})

describe('listing and deleting in S3', () => {
  it('walks pages, spells locations as asked, and leaves drawn folders out', async () => {
    const io = openIO()
    const names = ['a+b', 'a b', 'line\nbreak', 'ä%2F', '<&>"', 'deep/er/x', 'bell\u0007', 'z', 'y']
    for (const name of names) await io.write(`${B}/list/${name}`, utf8Encode(name))
    await io.write(`${B}/list/folder/`, new Uint8Array(0))
    stub.forget()
    const found = await collect(io.list('s3a://serac-test/list/'))
    expect(found.map(file => file.location).sort()).toEqual(
      names.map(name => `s3a://serac-test/list/${name}`).sort(),
    )
    expect(stub.requests).toHaveLength(2)
    expect((await collect(io.list('s3://other-bucket'))).length).toBe(0)
  })

  it('tells the folders of a level at the cost of the level, whatever lies below', async () => {
    const io = openIO()
    for (const folder of ['a+b', 'ä/b', 'c'])
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => io.write(`${B}/wide/${folder}/${index}`, utf8Encode('x'))),
      )
    await io.write(`${B}/wide/file`, utf8Encode('x'))
    await io.write(`${B}/wide/drawn/`, new Uint8Array(0))
    stub.forget()
    const level = await collect(io.listLevel('s3a://serac-test/wide/'))
    const found = level.map(entry => (entry.kind === 'folder' ? `${entry.location}/` : entry.file.location))
    const names = ['a+b/', 'c/', 'drawn/', 'file', 'ä/']
    expect(found.sort()).toEqual(names.map(name => `s3a://serac-test/wide/${name}`))
    expect(stub.requests).toHaveLength(1)
    // What is drawn is no file right in itself.
    expect(await collect(io.listLevel(`${B}/wide/drawn/`))).toEqual([])
  })

  it('walks the pages of a level, and no further than its reader', async () => {
    const io = openIO()
    for (let index = 0; index < 20; index++) await io.write(`${B}/paged/${index}/x`, utf8Encode('x'))
    stub.forget()
    expect(await collect(io.listLevel(`${B}/paged/`))).toHaveLength(20)
    expect(stub.requests).toHaveLength(3)
    stub.forget()
    for await (const _ of io.listLevel(`${B}/paged/`)) break
    expect(stub.requests).toHaveLength(1)
  })

  it('deletes by the thousand, of two buckets apart', async () => {
    const locations = Array.from({ length: 1500 }, (_, index) => `${B}/many/${index}`)
    const report = await openIO().delete([...locations, 's3://other/x', 's3n://serac-test/y'])
    expect(report.failed).toEqual([])
    expect(report.deleted).toHaveLength(1502)
    expect(stub.requests).toHaveLength(3)
  })

  it('tells each object’s outcome, and repeats what was only busy', async () => {
    const named = (code: string, key: string): string =>
      `<Error><Key>${key}</Key><Code>${code}</Code></Error>`
    let n = 0
    const proxy = await openFaultProxy(stub.endpoint, () =>
      n++ > 0
        ? undefined
        : {
            kind: 'reply',
            status: 200,
            body: `<DeleteResult>${named('SlowDown', 'busy')}${named('AccessDenied', 'locked')}</DeleteResult>`,
          },
    )
    const io = openIO({ 's3.endpoint': proxy.endpoint })
    const report = await io.delete([`${B}/busy`, `${B}/locked`, `${B}/gone`, 'file:///elsewhere'])
    expect([...report.deleted].sort()).toEqual([`${B}/busy`, `${B}/gone`])
    expect(report.failed).toContainEqual({ location: `${B}/locked`, reason: 'AccessDenied' })
    expect(report.failed.map(({ location }) => location)).toContain('file:///elsewhere')
    expect(proxy.log).toHaveLength(2)
    await proxy.close()
  })
})

describe('credentials of S3', () => {
  it('come from the grant of the longest prefix, else from the lake', async () => {
    const access = createStorageAccess(systemRuntime)
    access.put('t', [
      { prefix: 's3://serac-test/t', config: { 's3.access-key-id': 'T', 's3.secret-access-key': 'x' } },
      {
        prefix: 's3://serac-test/t/data/',
        config: { 's3.access-key-id': 'D', 's3.secret-access-key': 'x', 's3.session-token': 'token-1' },
      },
    ])
    const io = openIO({ 's3.session-token': 'own-token' }, access)
    await io.write(`${B}/t/metadata/f`, utf8Encode('x'))
    await io.write('s3a://serac-test/t/data/f', utf8Encode('x'))
    await io.write(`${B}/other`, utf8Encode('x'))
    await io.delete([`${B}/t/metadata/f`, `${B}/t/data/f`, `${B}/other`])
    expect(stub.requests.map(keyOf)).toEqual(['T', 'D', 'stub', 'T', 'D', 'stub'])
    expect(stub.requests.slice(0, 3).map(request => request.headers['x-amz-security-token'])).toEqual([
      undefined,
      'token-1',
      'own-token',
    ])
  })

  it('are fetched by the role that is to be assumed', async () => {
    let asked = ''
    const sts = await openStsStub(body => {
      asked = body
    })
    process.env.AWS_ENDPOINT_URL_STS = sts.endpoint
    try {
      const io = openIO({
        'client.assume-role.arn': 'arn:aws:iam::1:role/reader',
        'client.assume-role.external-id': 'outside',
        's3.role-session-name': 'nightly',
      })
      await io.write(`${B}/f`, utf8Encode('x'))
      await io.read(`${B}/f`)
    } finally {
      delete process.env.AWS_ENDPOINT_URL_STS
      sts.close()
    }
    const form = new URLSearchParams(asked)
    expect(Object.fromEntries(form)).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: 'arn:aws:iam::1:role/reader',
      RoleSessionName: 'nightly',
      ExternalId: 'outside',
    })
    expect(sts.asked()).toBe(1)
    expect(stub.requests.map(keyOf)).toEqual(['ASSUMED', 'ASSUMED'])
  })

  it('may be none', async () => {
    await openIO({ 's3.anonymous': 'true' }).write(`${B}/f`, utf8Encode('x'))
    expect(stub.requests[0]?.headers.authorization).toBeUndefined()
  })

  it('stay out of errors', async () => {
    const proxy = await openFaultProxy(stub.endpoint, () => s3Error(403, 'SignatureDoesNotMatch'))
    const io = openIO({
      's3.endpoint': proxy.endpoint,
      's3.access-key-id': 'VISIBLEID',
      's3.secret-access-key': 'TOPSECRET',
      's3.session-token': 'SESSIONTOKEN',
    })
    const error = await io.write(`${B}/f`, utf8Encode('x')).catch(caught => caught)
    expect(error).toMatchObject({ kind: 'denied' })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/VISIBLEID|TOPSECRET|SESSIONTOKEN/)
    await proxy.close()
  })

  it('are two halves', async () => {
    const properties = { 's3.secret-access-key': '' }
    await expect(openIO(properties).write(`${B}/f`, utf8Encode('x'))).rejects.toMatchObject({
      kind: 'invalid-argument',
    })
  })

  it('say where a bucket is that is in another region', async () => {
    const proxy = await openFaultProxy(stub.endpoint, () => s3Error(301, 'PermanentRedirect'))
    await expect(openIO({ 's3.endpoint': proxy.endpoint }).read(`${B}/f`)).rejects.toMatchObject({
      kind: 'invalid-argument',
      message: 'the bucket is in another region',
    })
    await proxy.close()
  })
})

describe('requests that the catalog signs', () => {
  interface SignBody {
    readonly method: string
    readonly region: string
    readonly uri: string
    readonly headers: Readonly<Record<string, readonly string[]>>
    readonly body?: string
  }
  const closing: (() => void)[] = []
  afterEach(() => {
    for (const close of closing.splice(0)) close()
  })

  async function openSigner(status = 200) {
    const asked: {
      readonly path: string
      readonly authorization: string | undefined
      readonly body: SignBody
    }[] = []
    const server = createServer(async (incoming, outgoing) => {
      const body = JSON.parse((await textOf(incoming)) || '{}') as SignBody
      asked.push({ path: incoming.url ?? '', authorization: incoming.headers.authorization, body })
      outgoing.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'private' })
      outgoing.end(JSON.stringify({ uri: body.uri, headers: { Authorization: [`signed ${body.method}`] } }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    return { asked, uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }

  it('are shown to the signer and sent as it says, without keys', async () => {
    const signer = await openSigner()
    const access = createStorageAccess(systemRuntime)
    let token = 0
    access.put('t', [
      {
        prefix: 's3://serac-test/signed',
        config: {
          's3.remote-signing-enabled': 'true',
          's3.signer.uri': `${signer.uri}/`,
          's3.signer.endpoint': 'v1/ns/t/sign',
        },
        signerHeaders: async () => ({ authorization: `Bearer ${++token}` }),
      },
    ])
    const io = openIO({}, access)
    await io.write(`${B}/signed/a b`, utf8Encode('x'))
    expect(utf8Decode(await io.read(`${B}/signed/a b`))).toBe('x')
    expect(utf8Decode(await io.read(`${B}/signed/a b`))).toBe('x')
    await io.delete([`${B}/signed/a b`])
    expect(stub.requests.map(request => request.headers.authorization)).toEqual([
      'signed PUT',
      'signed GET',
      'signed GET',
      'signed POST',
    ])
    // An answer that may be kept is.
    expect(signer.asked.map(({ authorization }) => authorization)).toEqual([
      'Bearer 1',
      'Bearer 2',
      'Bearer 3',
    ])
    const [put, get, batch] = signer.asked
    expect(put?.path).toBe('/v1/ns/t/sign')
    expect(put?.body).toMatchObject({
      method: 'PUT',
      region: 'us-east-1',
      uri: expect.stringMatching(/\/serac-test\/signed\/a%20b\?x-id=PutObject$/),
    })
    expect(put?.body.headers.host).toEqual([expect.stringContaining('127.0.0.1')])
    expect(put?.body.body).toBeUndefined()
    expect(get?.body.method).toBe('GET')
    expect(batch?.body.body).toContain('<Key>signed/a b</Key>')
  })

  it('are denied when the signer refuses', async () => {
    const signer = await openSigner(403)
    const io = openIO({ 's3.remote-signing-enabled': 'true', uri: signer.uri, token: 'mine' })
    await expect(io.read(`${B}/f`)).rejects.toMatchObject({ kind: 'denied' })
    expect(signer.asked.map(({ path, authorization }) => [path, authorization])).toEqual([
      ['/v1/aws/s3/sign', 'Bearer mine'],
    ])
    expect(stub.requests).toEqual([])
  })
})

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of incoming) text += String(chunk)
  return text
}

async function openStsStub(onAsked: (body: string) => void) {
  let asked = 0
  const server = createServer(async (incoming, outgoing) => {
    onAsked(await textOf(incoming))
    asked++
    outgoing.writeHead(200, { 'content-type': 'text/xml' })
    outgoing.end(
      `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASSUMED</AccessKeyId>
      <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>
      </Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { endpoint, asked: () => asked, close: () => server.close() }
}
