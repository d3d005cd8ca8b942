import { createHash, createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/base/runtime.js'
import { type AwsCredentials, awsCredentials, awsRegion, keptCredentials } from '../../src/io/aws-config.js'
import { awsSigner } from '../../src/io/aws-sign.js'

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const AT_MS = Date.UTC(2026, 10, 22, 3, 4, 5)
const runtime = { ...systemRuntime, nowMs: () => AT_MS }

const hash = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

interface Sent {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Version 4 as its document says it, from what was sent. */
function signatureOf({ method, path, query, headers, body }: Sent): string {
  const names = Object.keys(headers)
    .filter(name => name !== 'authorization')
    .sort()
  const lines = names.map(name => `${name}:${headers[name]}`)
  const canonical = [method, path, query, ...lines, '', names.join(';'), hash(body)].join('\n')
  const scope = '20261122/eu-west-1/glue/aws4_request'
  const text = ['AWS4-HMAC-SHA256', '20261122T030405Z', scope, hash(canonical)].join('\n')
  const key = ['20261122', 'eu-west-1', 'glue', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${SECRET}`)
  return hmac(key, text).toString('hex')
}

describe('signatures', () => {
  it('are what the document of AWS says, for bodies, queries and names that need escaping', async () => {
    const sign = await awsSigner({
      credentials: async () => ({ accessKeyId: 'AKID', secretAccessKey: SECRET, sessionToken: 'token' }),
      region: 'eu-west-1',
      service: 'glue',
      runtime,
    })
    const body = '{"name":"t"}'
    const headers = await sign({
      method: 'POST',
      url: 'https://glue.eu-west-1.amazonaws.com/iceberg/v1/catalogs/1%3As3tables/x?pageToken=a%20b%2F&b=',
      headers: { 'content-type': 'application/json' },
      body,
    })
    expect(headers).toMatchObject({
      host: 'glue.eu-west-1.amazonaws.com',
      'x-amz-date': '20261122T030405Z',
      'x-amz-security-token': 'token',
      'x-amz-content-sha256': hash(body),
    })
    const expected = signatureOf({
      method: 'POST',
      path: '/iceberg/v1/catalogs/1%253As3tables/x',
      query: 'b=&pageToken=a%20b%2F',
      headers,
      body,
    })
    expect(headers.authorization).toContain(`Signature=${expected}`)
    expect(headers.authorization).toContain('Credential=AKID/20261122/eu-west-1/glue/aws4_request')
  })
})

describe('credentials of AWS', () => {
  it('are kept until shortly before they end, and asked for again after a failure', async () => {
    let nowMs = 0
    let asked = 0
    let fails = false
    const kept = keptCredentials(
      async (): Promise<AwsCredentials> => {
        asked++
        if (fails) throw new Error('not now')
        return { accessKeyId: `${asked}`, secretAccessKey: 's', expiration: new Date(nowMs + 3_600_000) }
      },
      { ...systemRuntime, nowMs: () => nowMs },
    )
    await Promise.all([kept(), kept()])
    nowMs = 3_000_000
    expect((await kept()).accessKeyId).toBe('1')
    nowMs = 3_400_000
    fails = true
    await expect(kept()).rejects.toThrow('not now')
    fails = false
    expect((await kept()).accessKeyId).toBe('3')
  })

  it('are those of the service before those of all', async () => {
    const properties = {
      'client.access-key-id': 'all',
      'client.secret-access-key': 'x',
      's3.access-key-id': 'of S3',
      's3.secret-access-key': 'y',
    }
    expect((await (await awsCredentials(properties, 's3'))()).accessKeyId).toBe('of S3')
    expect((await (await awsCredentials(properties, 'dynamodb'))()).accessKeyId).toBe('all')
  })

  it('come with a region: of the service, of all, of the environment, any for an endpoint of one’s own', () => {
    const environment = { AWS_REGION: 'eu-north-1' }
    expect(awsRegion({ 's3.region': 'a', 'client.region': 'b' }, 's3', { environment })).toBe('a')
    expect(awsRegion({ 's3.region': 'a', 'client.region': 'b' }, 'dynamodb', { environment })).toBe('b')
    expect(awsRegion({}, 's3', { environment })).toBe('eu-north-1')
    expect(awsRegion({}, 's3', { environment: {} })).toBeUndefined()
    expect(awsRegion({ 's3.endpoint': 'http://x' }, 's3', { environment: {} })).toBe('us-east-1')
  })
})
