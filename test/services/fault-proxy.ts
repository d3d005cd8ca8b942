/**
 * An HTTP proxy that does to single requests what networks and busy services do: delays, drops and repeats them, loses
 * and cuts their answers, answers in the service's place. It stands between a client and DynamoDB or S3, and is told by a
 * function of the test, request by request, so a seed can drive it.
 *
 *   client -> request, read whole -> decide -> [late, twice, not at all] -> service
 *   client <- [late, cut, not at all, forged] <- answer, read whole <- service
 *
 * Requests go on with the bytes of their headers as they came, or signatures would not hold. Bodies are held in memory
 * and framed anew.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Milliseconds, or until something else has happened. */
export type Wait = number | Promise<unknown>

export type Fault =
  /** Reaches the service late; the client waits for it. */
  | { readonly kind: 'delay-request'; readonly until: Wait }
  /** Never reaches the service; the connection ends. */
  | { readonly kind: 'drop-request' }
  /** The connection ends at once; the request reaches the service all the same, later. */
  | { readonly kind: 'deliver-late'; readonly until: Wait }
  /** Never reaches the service; the proxy answers. */
  | {
      readonly kind: 'reply'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
    }
  /** Reaches the service twice, one behind the other; the client gets the second answer. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'delay-response'; readonly until: Wait }
  /** The service did what was asked; the connection ends without a word (FIN). */
  | { readonly kind: 'drop-response' }
  /** The same with a reset (RST). */
  | { readonly kind: 'reset-response' }
  /** Status, headers and the first bytes of the body (default: half of it), then the connection ends. */
  | { readonly kind: 'truncate-response'; readonly bytes?: number }

export interface ProxiedRequest {
  /** 0 for the first request of the proxy. */
  readonly n: number
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** Of DynamoDB, the operation: `UpdateItem`. */
  readonly operation: string | undefined
  readonly headers: Readonly<IncomingMessage['headers']>
  readonly body: Buffer
}

export interface LoggedRequest extends ProxiedRequest {
  readonly fault: Fault | undefined
  /** What the service answered, whether the client saw it or not; undefined while it did not. */
  readonly status: number | undefined
}

export interface FaultProxy {
  readonly endpoint: string
  /** Every request that was decided on, in that order. */
  readonly log: readonly LoggedRequest[]
  /** Empties the log; `n` goes on. */
  forget(): void
  /** Ends connections, waits for what is on its way to the service, and throws what `decide` threw. */
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

/** What concerns one connection only. */
const HOP_HEADERS = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length'])

/** Opens a proxy on a port of its own. `decide` is called once per request, as soon as all of it is there. */
export async function openFaultProxy(
  upstream: string,
  decide: (request: ProxiedRequest) => Fault | undefined,
): Promise<FaultProxy> {
  const { hostname, port } = new URL(upstream)
  const agent = new Agent({ keepAlive: false })
  const log: { -readonly [K in keyof LoggedRequest]: LoggedRequest[K] }[] = []
  const underway = new Set<Promise<void>>()
  const closing = new AbortController()
  const mistakes: unknown[] = []
  let read = 0

  /** Sends on what came in; undefined where the service gave no answer. */
  const forward = (rawHeaders: readonly string[], asked: ProxiedRequest): Promise<Answer | undefined> =>
    new Promise(resolve => {
      const { method, url, body } = asked
      const sent = request({ hostname, port, method, path: url, headers: [...rawHeaders], agent })
      sent.once('error', () => resolve(undefined))
      sent.once('response', response => {
        readWhole(response).then(
          bytes =>
            resolve({ status: response.statusCode ?? 502, rawHeaders: response.rawHeaders, body: bytes }),
          () => resolve(undefined),
        )
      })
      sent.end(body)
    })

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await readWhole(incoming)
    const { method = 'GET', url = '/', headers, socket } = incoming
    const asked: ProxiedRequest = { n: read++, method, url, operation: operationOf(headers), headers, body }
    const fault = decide(asked)
    const entry: (typeof log)[number] = { ...asked, fault, status: undefined }
    log.push(entry)
    if (fault?.kind === 'reply') {
      outgoing.writeHead(fault.status, fault.headers).end(fault.body)
      return
    }
    if (fault?.kind === 'drop-request') {
      socket.destroy()
      return
    }
    if (fault?.kind === 'deliver-late') socket.destroy()
    if (fault?.kind === 'deliver-late' || fault?.kind === 'delay-request')
      await passed(fault.until, closing.signal)
    if (fault?.kind === 'duplicate') await forward(incoming.rawHeaders, asked)
    const answer = await forward(incoming.rawHeaders, asked)
    entry.status = answer?.status
    if (fault?.kind === 'delay-response') await passed(fault.until, closing.signal)
    if (fault?.kind === 'reset-response') socket.resetAndDestroy()
    else if (answer === undefined || fault?.kind === 'drop-response') socket.destroy()
    else if (fault?.kind !== 'deliver-late') give(answer, method, outgoing, fault)
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    outgoing.on('error', () => undefined)
    const done: Promise<void> = handle(incoming, outgoing)
      .catch(error => {
        // A client that went away while it was read is none of ours; all else is a mistake of the test.
        if (!incoming.destroyed || incoming.complete) mistakes.push(error)
        incoming.socket.destroy()
      })
      .finally(() => underway.delete(done))
    underway.add(done)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    forget: () => void log.splice(0),
    close: async () => {
      closing.abort()
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await Promise.all([...underway])
      await closed
      if (mistakes.length > 0) throw mistakes[0]
    },
  }
}

/** What DynamoDB answers instead of doing what was asked: `ThrottlingException`, `InternalServerError`, ... */
export function dynamoDbError(
  type: string,
  options: { readonly status?: number; readonly fields?: Readonly<Record<string, unknown>> } = {},
): Fault {
  return {
    kind: 'reply',
    status: options.status ?? 400,
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'forged' },
    body: JSON.stringify({
      __type: `com.amazonaws.dynamodb.v20120810#${type}`,
      message: 'forged by a test',
      ...options.fields,
    }),
  }
}

/** A transaction that DynamoDB cancelled: a reason for each of its writes, `None` for the innocent. */
export function cancelledTransaction(reasons: readonly string[]): Fault {
  return dynamoDbError('TransactionCanceledException', {
    fields: {
      Message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.join(', ')}]`,
      CancellationReasons: reasons.map(Code => ({ Code })),
    },
  })
}

/** What S3 answers instead: 503 `SlowDown`, 409 `ConditionalRequestConflict`, 403 `InvalidObjectState`, ... */
export function s3Error(status: number, code: string): Fault {
  return {
    kind: 'reply',
    status,
    headers: { 'content-type': 'application/xml', 'x-amz-request-id': 'forged' },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>forged by a test</Message></Error>`,
  }
}

function give(answer: Answer, method: string, outgoing: ServerResponse, fault: Fault | undefined): void {
  const { status, rawHeaders, body } = answer
  const headers: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    const keepsLength = method === 'HEAD' && name.toLowerCase() === 'content-length'
    if (keepsLength || !HOP_HEADERS.has(name.toLowerCase())) headers.push(name, rawHeaders[i + 1] ?? '')
  }
  const hasBody = method !== 'HEAD' && status !== 204 && status !== 304
  if (hasBody) headers.push('content-length', `${body.length}`)
  outgoing.writeHead(status, headers)
  if (fault?.kind !== 'truncate-response') {
    outgoing.end(hasBody ? body : undefined)
    return
  }
  const bytes = Math.min(fault.bytes ?? body.length >> 1, Math.max(body.length - 1, 0))
  outgoing.flushHeaders()
  if (bytes > 0) outgoing.write(body.subarray(0, bytes))
  // What was sent arrives, then nothing more.
  outgoing.socket?.destroySoon()
}

function operationOf(headers: IncomingMessage['headers']): string | undefined {
  const target = headers['x-amz-target']
  return typeof target === 'string' ? target.slice(target.indexOf('.') + 1) : undefined
}

async function readWhole(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Over when the wait is, or when the proxy is closed. */
function passed(wait: Wait, closing: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      closing.removeEventListener('abort', done)
      resolve()
    }
    closing.addEventListener('abort', done)
    if (closing.aborted) done()
    else if (typeof wait === 'number') setTimeout(done, wait).unref()
    else wait.then(done, done)
  })
}
