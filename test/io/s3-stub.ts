/**
 * A small S3 in this process, for suites that run everywhere: objects, conditional writes, uploads in parts, lists, batches
 * of deletes, with the answers of AWS. It checks no signatures. Real servers are in `test/services/`; faults are put in
 * between with the fault proxy.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll } from 'vitest'

export interface StubRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface S3Stub {
  readonly endpoint: string
  readonly properties: Readonly<Record<string, string>>
  readonly requests: readonly StubRequest[]
  /** Connections that were made so far. */
  readonly connections: number
  forget(): void
  close(): Promise<void>
}

interface StoredObject {
  readonly bytes: Buffer
  readonly etag: string
  readonly headers: Readonly<Record<string, string>>
}

interface Upload {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly parts: Map<number, Buffer>
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

const LIST_PAGE = 7
const KEPT_HEADERS = /^x-amz-(meta-|server-side|storage-class)/

/** Opens a stub, with the bucket `serac-test` and any other; it closes after the suite. */
export async function openS3Stub(): Promise<S3Stub> {
  const objects = new Map<string, StoredObject>()
  const uploads = new Map<string, Upload>()
  const requests: StubRequest[] = []
  const state: StubState = { objects, uploads, serial: 0 }
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const url = new URL(incoming.url ?? '/', 'http://stub')
    const request: StubRequest = {
      method: incoming.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: incoming.headers,
      body: Buffer.concat(chunks),
    }
    requests.push(request)
    give(outgoing, request, answerTo(request, state))
  })
  let connections = 0
  server.on('connection', () => {
    connections++
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  afterAll(close)
  return {
    endpoint,
    properties: stubProperties(endpoint),
    requests,
    get connections() {
      return connections
    },
    forget: () => {
      requests.length = 0
    },
    close,
  }
}

export function stubProperties(endpoint: string): Readonly<Record<string, string>> {
  return {
    's3.endpoint': endpoint,
    's3.region': 'us-east-1',
    's3.access-key-id': 'stub',
    's3.secret-access-key': 'stubsecret',
    's3.retry.min-wait-ms': '1',
    's3.retry.max-wait-ms': '5',
  }
}

interface StubState {
  readonly objects: Map<string, StoredObject>
  readonly uploads: Map<string, Upload>
  serial: number
}

function answerTo(request: StubRequest, state: StubState): Answer {
  const { method, query } = request
  const key = request.path.slice(1)
  if (query.has('list-type')) return list(key.split('/')[0] ?? '', query, state)
  if (query.has('delete')) return deleteBatch(key.split('/')[0] ?? '', request, state)
  if (query.has('uploads') || query.has('uploadId')) return upload(key, request, state)
  switch (method) {
    case 'PUT':
      return put(key, request, state)
    case 'HEAD':
    case 'GET':
      return get(key, request, state)
    default:
      return failure(405, 'MethodNotAllowed')
  }
}

function put(key: string, { headers, body }: StubRequest, state: StubState): Answer {
  const known = state.objects.get(key)
  if (headers['if-none-match'] === '*' && known !== undefined) return failure(412, 'PreconditionFailed')
  if (headers['if-match'] !== undefined) {
    if (known === undefined) return failure(404, 'NoSuchKey')
    if (known.etag !== headers['if-match']) return failure(412, 'PreconditionFailed')
  }
  const stored = store(key, body, { headers: kept(headers), state })
  return { status: 200, headers: { etag: stored.etag } }
}

function store(
  key: string,
  bytes: Buffer,
  { headers, state }: { readonly headers: Readonly<Record<string, string>>; readonly state: StubState },
): StoredObject {
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
  const stored = { bytes, etag, headers }
  state.objects.set(key, stored)
  return stored
}

function kept(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      KEPT_HEADERS.test(name) ? [[name, String(value)] as const] : [],
    ),
  )
}

function get(key: string, { method, headers }: StubRequest, state: StubState): Answer {
  const known = state.objects.get(key)
  if (known === undefined) return failure(404, method === 'HEAD' ? '' : 'NoSuchKey')
  const { bytes, etag } = known
  if (headers['if-match'] !== undefined && headers['if-match'] !== etag) {
    return failure(412, 'PreconditionFailed')
  }
  const all = { etag, 'last-modified': 'Sun, 22 Nov 2026 00:00:00 GMT', ...known.headers }
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '')
  if (range === null) return { status: 200, headers: all, body: bytes }
  const from = Number(range[1])
  const to = range[2] === '' ? bytes.length : Math.min(bytes.length, Number(range[2]) + 1)
  if (from >= bytes.length) return failure(416, 'InvalidRange')
  return {
    status: 206,
    headers: { ...all, 'content-range': `bytes ${from}-${to - 1}/${bytes.length}` },
    body: bytes.subarray(from, to),
  }
}

function upload(key: string, request: StubRequest, state: StubState): Answer {
  const { method, query, body } = request
  const { uploads } = state
  const id = query.get('uploadId')
  if (id === null && method === 'GET') return listUploads(key.split('/')[0] ?? '', query, state)
  if (id === null) {
    const made = `upload-${state.serial++}`
    uploads.set(made, { key, headers: kept(request.headers), parts: new Map() })
    return xml(`<InitiateMultipartUploadResult><UploadId>${made}</UploadId></InitiateMultipartUploadResult>`)
  }
  const known = uploads.get(id)
  if (known === undefined) return failure(404, 'NoSuchUpload')
  if (method === 'PUT') {
    known.parts.set(Number(query.get('partNumber')), body)
    const crc = request.headers['x-amz-checksum-crc32']
    return {
      status: 200,
      headers: {
        etag: `"${createHash('md5').update(body).digest('hex')}"`,
        ...(crc === undefined ? {} : { 'x-amz-checksum-crc32': String(crc) }),
      },
    }
  }
  uploads.delete(id)
  if (method === 'DELETE') return { status: 204 }
  const named = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map(match => Number(match[1]))
  const parts = named.map(number => known.parts.get(number))
  if (parts.some(part => part === undefined)) return failure(400, 'InvalidPart')
  const bytes = Buffer.concat(parts.flatMap(part => part ?? []))
  const stored = store(known.key, bytes, { headers: known.headers, state })
  return xml(`<CompleteMultipartUploadResult><ETag>${stored.etag}</ETag></CompleteMultipartUploadResult>`)
}

function listUploads(bucket: string, query: URLSearchParams, { uploads }: StubState): Answer {
  const prefix = `${bucket}/${query.get('prefix') ?? ''}`
  const found = [...uploads].filter(([, { key }]) => key.startsWith(prefix))
  const listed = found.map(
    ([id, { key }]) =>
      `<Upload><Key>${escaped(key.slice(bucket.length + 1))}</Key><UploadId>${id}</UploadId></Upload>`,
  )
  return xml(`<ListMultipartUploadsResult>${listed.join('')}</ListMultipartUploadsResult>`)
}

function list(bucket: string, query: URLSearchParams, { objects }: StubState): Answer {
  const prefix = `${bucket}/${query.get('prefix') ?? ''}`
  const after = query.get('continuation-token') ?? ''
  const delimiter = query.get('delimiter')
  // A key, or what it has in common with others up to the delimiter.
  const cut = (key: string): string => {
    const end = delimiter === null ? -1 : key.indexOf(delimiter, prefix.length)
    return end < 0 ? key : key.slice(0, end + 1)
  }
  const keys = [...objects.keys()].filter(key => key.startsWith(prefix)).map(cut)
  const entries = [...new Set(keys)].filter(entry => entry > after).sort()
  const page = entries.slice(0, LIST_PAGE)
  const last = entries.length > LIST_PAGE ? page.at(-1) : undefined
  const contents = page.map(entry => {
    const name = encodeURIComponent(entry.slice(bucket.length + 1)).replaceAll('%20', '+')
    const isFolder = delimiter !== null && entry.indexOf(delimiter, prefix.length) >= 0
    if (isFolder) return `<CommonPrefixes><Prefix>${name}</Prefix></CommonPrefixes>`
    return `<Contents><Key>${name}</Key><Size>${objects.get(entry)?.bytes.length}</Size></Contents>`
  })
  const next =
    last === undefined
      ? '<IsTruncated>false</IsTruncated>'
      : `<IsTruncated>true</IsTruncated><NextContinuationToken>${escaped(last)}</NextContinuationToken>`
  return xml(
    `<ListBucketResult><EncodingType>url</EncodingType>${next}${contents.join('')}</ListBucketResult>`,
  )
}

function deleteBatch(bucket: string, { body }: StubRequest, { objects }: StubState): Answer {
  for (const [, key = ''] of body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)) {
    objects.delete(`${bucket}/${unescaped(key)}`)
  }
  return xml('<DeleteResult></DeleteResult>')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
}

function failure(status: number, code: string): Answer {
  return { ...xml(`<Error><Code>${code}</Code><Message>stub</Message></Error>`), status }
}

function xml(body: string): Answer {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0"?>${body}` }
}

function give(
  outgoing: ServerResponse,
  { method }: StubRequest,
  { status, headers = {}, body = '' }: Answer,
): void {
  const hasBody = status !== 204
  outgoing.writeHead(status, {
    ...headers,
    ...(hasBody ? { 'content-length': Buffer.byteLength(body) } : {}),
  })
  outgoing.end(method === 'HEAD' || !hasBody ? undefined : body)
}
