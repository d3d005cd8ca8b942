/**
 * Requests to S3 that the catalog signs: it sees each before it is sent, and the client has no keys.
 *
 *   POST <s3.signer.uri or uri>/<s3.signer.endpoint>   { region, method, uri, headers, body? }
 *                                               200    { uri, headers }
 *
 * An answer that may be kept (`Cache-Control: private`) serves the same request for a while. Parts of a request that are
 * not for the signer's eyes stay here: of all bodies it sees that of a batch of deletes only.
 * @see https://github.com/apache/iceberg/blob/main/open-api/rest-catalog-open-api.yaml
 */
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../base/json.js'
import type { Runtime } from '../base/runtime.js'
import { booleanProperty, firstProperty, type Properties, propertiesBelow } from './aws-properties.js'
import type { StorageGrant } from './storage-access.js'

type Signer = Exclude<NonNullable<S3ClientConfig['signer']>, (...args: never[]) => unknown>
type SdkRequest = Awaited<ReturnType<Signer['sign']>>

export interface RemoteSignerOptions {
  readonly properties: Properties
  readonly runtime: Runtime
  readonly headers: StorageGrant['signerHeaders']
}

interface Signed {
  readonly uri: URL
  readonly headers: Readonly<Record<string, string>>
}

const ENDPOINT = 'v1/aws/s3/sign'
const KEPT_MS = 30_000
const KEPT_MAX = 100
const TIMEOUT_MS = 60_000
/** Headers of requests that say nothing to a signer, or change on the way. */
const HIDDEN = new Set([
  'authorization',
  'user-agent',
  'x-amz-user-agent',
  'amz-sdk-invocation-id',
  'amz-sdk-request',
])

export function signsRemotely(properties: Properties): boolean {
  return (
    booleanProperty(properties, 's3.remote-signing-enabled', false) ||
    firstProperty(properties, 's3.signer') === 'S3V4RestSigner'
  )
}

/** @throws invalid-argument when no property says where the signer is */
export function remoteSigner(options: RemoteSignerOptions): Signer {
  const { properties, runtime } = options
  const endpoint = signerEndpoint(properties)
  const kept = new Map<string, { readonly signed: Signed; readonly untilMs: number }>()

  const sign = async (request: SdkRequest, region: string): Promise<Signed> => {
    const uri = uriOf(request)
    const key = `${request.method} ${region} ${uri}`
    const known = kept.get(key)
    if (known !== undefined && runtime.nowMs() < known.untilMs) return known.signed
    const { signed, mayBeKept } = await askSigner(endpoint, signRequest(request, { uri, region }), options)
    kept.delete(key)
    if (mayBeKept) kept.set(key, { signed, untilMs: runtime.nowMs() + KEPT_MS })
    for (const oldest of kept.keys()) {
      if (kept.size <= KEPT_MAX) break
      kept.delete(oldest)
    }
    return signed
  }

  return {
    async sign(request, signing) {
      const region =
        signing?.signingRegion ?? firstProperty(properties, 's3.region', 'client.region') ?? 'us-east-1'
      const { uri, headers } = await sign(request, region)
      const signed = Object.assign(Object.create(Object.getPrototypeOf(request)) as SdkRequest, request)
      signed.protocol = uri.protocol
      signed.hostname = uri.hostname
      if (uri.port === '') delete signed.port
      else signed.port = Number(uri.port)
      signed.path = uri.pathname
      signed.query = queryOf(uri)
      signed.headers = mergedHeaders(request.headers, headers)
      return signed
    },
  }
}

function signerEndpoint(properties: Properties): string {
  const base = firstProperty(properties, 's3.signer.uri', 'signer.uri', 'uri')
  const path = firstProperty(properties, 's3.signer.endpoint', 'signer.endpoint') ?? ENDPOINT
  if (/^https?:/i.test(path)) return path
  if (base !== undefined) return `${base.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`
  throw new LakeError('invalid-argument', 'remote signing needs the address of the signer', {
    context: { properties: ['s3.signer.uri', 'uri'] },
  })
}

function uriOf(request: SdkRequest): string {
  const port = request.port === undefined ? '' : `:${request.port}`
  const query = Object.entries(request.query ?? {}).flatMap(([name, value]) =>
    [value]
      .flat()
      .map(one => (one === null || one === '' ? escaped(name) : `${escaped(name)}=${escaped(one)}`)),
  )
  const search = query.length === 0 ? '' : `?${query.join('&')}`
  return `${request.protocol}//${request.hostname}${port}${request.path}${search}`
}

function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    one => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function queryOf(uri: URL): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {}
  for (const name of new Set(uri.searchParams.keys())) {
    const values = uri.searchParams.getAll(name)
    query[name] = values.length === 1 ? (values[0] ?? '') : values
  }
  return query
}

function signRequest(
  request: SdkRequest,
  { uri, region }: { readonly uri: string; readonly region: string },
): JsonObject {
  const headers: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (!HIDDEN.has(name.toLowerCase())) headers[name] = [value]
  }
  const isBatch = request.method === 'POST' && Object.hasOwn(request.query ?? {}, 'delete')
  return { region, method: request.method, uri, headers, ...(isBatch ? { body: bodyText(request) } : {}) }
}

function bodyText({ body }: SdkRequest): string {
  if (typeof body === 'string') return body
  return body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : ''
}

/** What the request had stays; of the signer's headers those come that it lacks. */
function mergedHeaders(
  own: Readonly<Record<string, string>>,
  signed: Readonly<Record<string, string>>,
): Record<string, string> {
  const merged = { ...own }
  const names = new Set(Object.keys(own).map(name => name.toLowerCase()))
  for (const [name, value] of Object.entries(signed)) {
    if (!names.has(name.toLowerCase()) && name.toLowerCase() !== 'cache-control') merged[name] = value
  }
  return merged
}

async function askSigner(
  endpoint: string,
  body: JsonObject,
  { properties, headers }: RemoteSignerOptions,
): Promise<{ readonly signed: Signed; readonly mayBeKept: boolean }> {
  const context = { signer: endpoint }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(headers === undefined ? configuredHeaders(properties) : await headers(signal)),
    },
    body: JSON.stringify(body),
    // The headers are for the signer alone.
    redirect: 'error',
    signal,
  }).catch((cause: unknown) => {
    throw new LakeError('unavailable', 'the signer of requests could not be reached', { context, cause })
  })
  if (!response.ok) throw refusal(response, context)
  const signed = signedOf(parseJson(await response.text()))
  if (signed === undefined)
    throw new LakeError('corrupt', 'the signer of requests answered something else', { context })
  return { signed, mayBeKept: response.headers.get('cache-control') === 'private' }
}

function refusal({ status }: Response, context: { readonly signer: string }): LakeError {
  const isRefused = status >= 400 && status < 500 && status !== 429
  return new LakeError(
    isRefused ? 'denied' : 'unavailable',
    isRefused ? 'the signer of requests refused to sign' : 'the signer of requests could not sign',
    { context: { ...context, status } },
  )
}

function configuredHeaders(properties: Properties): Record<string, string> {
  const token = firstProperty(properties, 'token')
  return {
    ...propertiesBelow(properties, 'header.'),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
}

function signedOf(answer: JsonValue): Signed | undefined {
  if (!isJsonObject(answer) || typeof answer.uri !== 'string' || !isJsonObject(answer.headers))
    return undefined
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(answer.headers)) {
    headers[name] = Array.isArray(value) ? value.map(String).join(', ') : String(value)
  }
  return URL.canParse(answer.uri) ? { uri: new URL(answer.uri), headers } : undefined
}
