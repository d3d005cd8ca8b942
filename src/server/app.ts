/**
 * HTTP around the routes, with hono:
 *
 *   who may talk to us -> whose token -> is there room -> the body -> the route -> the answer -> a line in the log
 *
 * Nothing of the protocol is here. Paths are taken as they came: decoding them before they are split would make two
 * segments of a name with a slash.
 */
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { concatBytes } from '../base/bytes.js'
import { errorText, isLakeError } from '../base/errors.js'
import { type ErrorAnswer, errorAnswer, restErrorAnswer } from './error-answer.js'
import type { Admission } from './limits.js'
import type { Replies } from './replies.js'
import type { RestAnswer, RestRequest } from './rest-route.js'
import type { ServedRoute } from './routes.js'
import type { ServerContext } from './server-context.js'
import { bearerToken, type Tokens } from './tokens.js'

export interface AppOptions {
  readonly context: ServerContext
  readonly routes: readonly ServedRoute[]
  readonly tokens: Tokens
  readonly admission: Admission
  readonly replies: Replies
  /** Names that a request may call the server by when nobody needs a token; undefined: any. */
  readonly hosts: ReadonlySet<string> | undefined
  /** True once the server is to end. */
  readonly isStopping: () => boolean
  /** Requests at work, to be ended when a stop takes too long. */
  readonly atWork: Set<AbortController>
}

type HttpContext = Context<{ Bindings: HttpBindings }>

export function createApp(options: AppOptions): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  const { context, tokens, isStopping } = options
  app.get('/healthz', c => c.json({ status: isStopping() ? 'stopping' : 'ok' }, isStopping() ? 503 : 200))
  app.get('/metrics', async c => {
    if (!isTrusted(options, c)) return responseOf(foreign())
    if (tokens.principalOf(bearerToken(c.req.header('authorization'))) === undefined)
      return responseOf(unauthorized())
    return c.text(await context.metrics.text(), 200, { 'content-type': context.metrics.contentType })
  })
  for (const [path, routes] of byPath(options.routes)) {
    app.all(path, c => {
      const route = routes.get(c.req.method)
      return respond(options, c, route ?? 'method')
    })
  }
  app.all('*', c => respond(options, c, 'path'))
  return app
}

/** Routes of each path of hono by method: hono takes HEAD for GET, which they are not here. */
function byPath(routes: readonly ServedRoute[]): ReadonlyMap<string, ReadonlyMap<string, ServedRoute>> {
  const paths = new Map<string, Map<string, ServedRoute>>()
  for (const route of routes) {
    const [method = '', pattern = ''] = route.endpoint.split(' ')
    const path = servedPattern(pattern).replaceAll(/\{([a-z-]+)\}/g, ':$1')
    const methods = paths.get(path) ?? new Map<string, ServedRoute>()
    paths.set(path, methods.set(method, route))
  }
  return paths
}

/** One catalog, so no prefix. */
function servedPattern(pattern: string): string {
  return pattern.replace('/{prefix}', '')
}

// ---- one request

/** What is known of a request as it goes on, for its line in the log. */
interface Visit {
  readonly startMs: number
  principal: string | undefined
  bytesIn: number
  bytesOut: number
}

type Found = ServedRoute | 'method' | 'path'

async function respond(options: AppOptions, c: HttpContext, found: Found): Promise<Response> {
  const { runtime } = options.context
  const visit: Visit = { startMs: runtime.nowMs(), principal: undefined, bytesIn: 0, bytesOut: 0 }
  const controller = new AbortController()
  const timer = new AbortController()
  options.atWork.add(controller)
  runtime
    .sleep(options.context.limits.requestMsMax, timer.signal)
    .then(() => controller.abort(new Error('the request took too long')))
    .catch(() => undefined)
  let leave: (() => void) | undefined
  const end = (status: number): void => {
    leave?.()
    timer.abort()
    options.atWork.delete(controller)
    writeRecord(options, c, { found, visit, status })
  }
  let answer: RestAnswer
  try {
    const admitted = await admit(options, c, { found, visit, signal: controller.signal })
    if ('leave' in admitted) {
      leave = admitted.leave
      answer = await served(options, c, { ...admitted, visit, controller })
    } else answer = admitted
  } catch (error) {
    answer = errorAnswer(error)
    if (answer.status >= 500) writeError(options, error)
  }
  const cut = (): unknown => c.env.outgoing.destroy()
  return finish(options, answer, { visit, end, cut, controller })
}

/** The answer on its way: the request is over when its last byte is. */
function finish(
  options: AppOptions,
  answer: RestAnswer,
  request: {
    readonly visit: Visit
    readonly end: (status: number) => void
    readonly cut: () => unknown
    readonly controller: AbortController
  },
): Response {
  const { visit, end, cut, controller } = request
  const { body, status } = answer
  const closing = options.isStopping() ? { connection: 'close' } : {}
  const whole = { ...answer, headers: { ...COMMON_HEADERS, ...answer.headers, ...closing } }
  if (body === undefined || body instanceof Uint8Array) {
    visit.bytesOut = body?.length ?? 0
    end(status)
    return responseOf({ ...whole, body })
  }
  // A client that does not read would keep its place for ever: the time of a request is that of its answer too.
  const { signal } = controller
  signal.addEventListener('abort', cut, { once: true })
  const counted = (async function* () {
    try {
      for await (const bytes of body) {
        visit.bytesOut += bytes.length
        yield bytes
      }
    } catch (error) {
      // The status is sent already: a connection that breaks is the only way left to say that this is not all.
      writeError(options, error)
      cut()
    } finally {
      signal.removeEventListener('abort', cut)
      end(status)
    }
  })()
  const stop = (): void => controller.abort(new Error('the client has gone'))
  return responseOf({ ...whole, body: streamOf(counted, stop) })
}

const COMMON_HEADERS = { 'cache-control': 'private, no-cache', 'x-content-type-options': 'nosniff' }

interface SentAnswer extends Omit<RestAnswer, 'body'> {
  readonly body?: Uint8Array | ReadableStream<Uint8Array> | undefined
}

function responseOf({ status, headers = {}, body }: SentAnswer): Response {
  if (body === undefined) return new Response(null, { status, headers })
  // A response takes bytes of a plain buffer, which those of answers have.
  const content = body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : body
  return new Response(content, { status, headers })
}

/** @param stop ends the work on chunks that nobody waits for any more */
function streamOf(chunks: AsyncIterable<Uint8Array>, stop: () => void): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]()
  return new ReadableStream({
    async pull(controller) {
      const next = await iterator.next()
      if (next.done === true) controller.close()
      else controller.enqueue(next.value)
    },
    async cancel() {
      stop()
      await iterator.return?.()
    },
  })
}

// ---- who comes in

interface Admitted {
  readonly route: ServedRoute
  readonly principal: RestRequest['principal']
  readonly leave: () => void
}

async function admit(
  options: AppOptions,
  c: HttpContext,
  request: { readonly found: Found; readonly visit: Visit; readonly signal: AbortSignal },
): Promise<Admitted | RestAnswer> {
  const { tokens, admission } = options
  const { found, visit, signal } = request
  if (!isTrusted(options, c)) return foreign()
  const isOpen = typeof found === 'object' && found.isOpen === true
  const principal = tokens.principalOf(bearerToken(c.req.header('authorization')))
  if (principal === undefined && !isOpen) return unauthorized()
  visit.principal = principal?.name
  if (typeof found === 'string') return noRoute(c, found)
  if (options.isStopping()) return busy(found, 'The server is stopping')
  // Nobody takes the place of those who are known: it is little work, and waits for nothing but its body.
  if (isOpen) return { route: found, principal: principal ?? NOBODY, leave: () => undefined }
  try {
    const leave = await admission.enter(signal)
    if (leave === undefined) return busy(found, 'Too many requests')
    return { route: found, principal: principal ?? NOBODY, leave }
  } catch {
    return busy(found, 'The request has waited too long')
  }
}

const NOBODY: RestRequest['principal'] = { name: 'nobody', grants: [] }

/**
 * Without tokens, whoever can open a connection from this machine may do everything: pages of a browser can, under our
 * address or a name that is bent to it. They say where they come from.
 */
function isTrusted({ hosts }: AppOptions, c: HttpContext): boolean {
  if (hosts === undefined) return true
  if (c.req.header('origin') !== undefined) return false
  const host = (c.req.header('host') ?? '').toLowerCase().replace(/:\d+$/, '')
  return hosts.has(host) || /^127(\.\d{1,3}){3}$/.test(host)
}

function foreign(): ErrorAnswer {
  return restErrorAnswer({ status: 403, type: 'ForbiddenException', message: 'Not from another site' })
}

function unauthorized(): ErrorAnswer {
  const error = { status: 401, type: 'NotAuthorizedException', message: 'A valid bearer token is needed' }
  return restErrorAnswer(error, { 'www-authenticate': 'Bearer' })
}

function noRoute(c: HttpContext, found: 'method' | 'path'): RestAnswer {
  const message = `No route for request: ${c.req.method} ${c.req.path}`
  if (found === 'method')
    return restErrorAnswer({ status: 405, type: 'UnsupportedOperationException', message })
  return restErrorAnswer({ status: 404, type: 'NotFoundException', message })
}

/** Nothing was done. A client of a commit takes a 503 for a doubt, so it gets the one that leaves none. */
function busy({ endpoint }: ServedRoute, message: string): RestAnswer {
  const headers = { 'retry-after': '1' }
  if (endpoint.startsWith('POST'))
    return restErrorAnswer({ status: 429, type: 'TooManyRequestsException', message }, headers)
  return restErrorAnswer({ status: 503, type: 'ServiceUnavailableException', message }, headers)
}

// ---- what they get

interface Entered extends Admitted {
  readonly visit: Visit
  readonly controller: AbortController
}

async function served(options: AppOptions, c: HttpContext, admitted: Entered): Promise<RestAnswer> {
  const { context, replies } = options
  const { route, principal, visit, controller } = admitted
  const { bodyBytesMax } = options.context.limits
  const body = await bodyBytes(
    c,
    route.isOpen === true ? Math.min(OPEN_BYTES_MAX, bodyBytesMax) : bodyBytesMax,
  )
  if (body === 'too-large')
    return restErrorAnswer(
      { status: 413, type: 'BadRequestException', message: 'The body of the request is too large' },
      { connection: 'close' },
    )
  visit.bytesIn = body.length
  const segments = segmentsOf(c, route.endpoint)
  if (segments === undefined) return noRoute(c, 'path')
  const request: RestRequest = {
    principal,
    segments,
    query: new URL(c.req.url).searchParams,
    header: name => c.req.header(name),
    body,
    signal: controller.signal,
  }
  const work = (): Promise<RestAnswer> => settledAnswer(options, route, request)
  const key = c.req.header('idempotency-key')
  if (key === undefined || route.keyed !== true) return work()
  const { again } = route
  return replies.answer({
    principal: principal.name,
    key,
    request: [c.req.method, c.env.incoming.url ?? '', body],
    work,
    again: again === undefined ? undefined : () => again(context, request),
  })
}

/** Of a request without a token. */
const OPEN_BYTES_MAX = 16_384

/** Errors become answers here, where they are kept for a key. */
async function settledAnswer(
  options: AppOptions,
  route: ServedRoute,
  request: RestRequest,
): Promise<RestAnswer> {
  try {
    return await route.handle(options.context, request)
  } catch (error) {
    const isTemporary = isLakeError(error, 'unavailable') || isLakeError(error, 'aborted')
    if (isTemporary && route.isCommit === true) return busy(route, errorText(error))
    const answer = errorAnswer(error)
    if (answer.status >= 500) writeError(options, error)
    return answer
  }
}

async function bodyBytes(c: HttpContext, bytesMax: number): Promise<Uint8Array | 'too-large'> {
  if (Number(c.req.header('content-length') ?? 0) > bytesMax) return 'too-large'
  const stream = c.req.raw.body
  if (stream === null) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of stream) {
    sizeBytes += chunk.length
    if (sizeBytes > bytesMax) return 'too-large'
    chunks.push(chunk)
  }
  return concatBytes(chunks)
}

/** Segments by their names in the pattern, still encoded; undefined for a path that was shortened on its way (`..`). */
function segmentsOf(c: HttpContext, endpoint: string): Readonly<Record<string, string>> | undefined {
  const pattern = servedPattern(endpoint.slice(endpoint.indexOf(' ') + 1)).split('/')
  const [path = ''] = (c.env.incoming.url ?? '').split('?', 1)
  const given = path.split('/')
  if (given.length !== pattern.length) return undefined
  const named = pattern.flatMap((part, index) =>
    part.startsWith('{') ? [[part.slice(1, -1), given[index] ?? ''] as const] : [],
  )
  return Object.fromEntries(named)
}

// ---- the log

const PATH_LENGTH_MAX = 300

function writeRecord(
  { context }: AppOptions,
  c: HttpContext,
  done: { readonly found: Found; readonly visit: Visit; readonly status: number },
): void {
  const { found, visit, status } = done
  const ms = context.runtime.nowMs() - visit.startMs
  const route = typeof found === 'string' ? 'other' : found.endpoint
  context.metrics.request({ route, status, seconds: ms / 1000 })
  context.log.write('request', {
    method: c.req.method,
    route,
    path: c.req.path.slice(0, PATH_LENGTH_MAX),
    principal: visit.principal,
    status,
    ms: Math.round(ms),
    bytesIn: visit.bytesIn,
    bytesOut: visit.bytesOut,
  })
}

function writeError({ context }: AppOptions, error: unknown): void {
  const cause = error instanceof Error ? error.cause : undefined
  context.log.write('error', {
    message: errorText(error),
    ...(isLakeError(error) ? { kind: error.kind } : {}),
    ...(cause === undefined ? {} : { cause: errorText(cause) }),
  })
}
