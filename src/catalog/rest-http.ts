/**
 * Requests to a REST catalog, each with one of four ends:
 *
 *   answered      a status below 400
 *   refused       an error of the server: certainly nothing was changed
 *   unreachable   no connection was made: certainly nothing was changed
 *   lost          the answer did not come, or it is one (500, 502, 504 ..) of which nobody knows what happened before it
 *
 * Requests are sent again with full jitter: those that change nothing (and those with an idempotency key) after any
 * failure that may pass, all others only where the server certainly did nothing: 429, 503 with `Retry-After`, no
 * connection. A 503 without `Retry-After` comes from proxies in the middle of things, so it counts as lost.
 */
import { unreachable } from '../base/assert.js'
import { checkSignal, errorText, isLakeError, LakeError } from '../base/errors.js'
import { type JsonObject, stringifyJson } from '../base/json.js'
import { backoffMs } from '../base/retry.js'
import type { Runtime } from '../base/runtime.js'
import { VERSION } from '../base/version.js'
import { brokeConnection } from '../io/errno.js'
import { parseRestError, type RestError } from '../rest/error-json.js'

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'DELETE'

/** A request as it goes out, before it is authenticated. */
export interface OutgoingRequest {
  readonly method: HttpMethod
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
}

/** Makes requests known to the server. */
export interface RestAuth {
  /** The headers to send in place of the request's. */
  authenticate(request: OutgoingRequest, signal?: AbortSignal): Promise<Readonly<Record<string, string>>>
  /**
   * After the server did not accept a request (401, 419) with these headers: true when it may accept the next one. Requests
   * that were refused at the same time are renewed once.
   */
  renew(refused: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<boolean>
}

export interface HttpRequest {
  readonly method: HttpMethod
  readonly url: string
  /** Undefined values are left out. */
  readonly query?: Readonly<Record<string, string | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly json?: JsonObject | undefined
  /** A form, in place of `json`. */
  readonly form?: string | undefined
  readonly auth: RestAuth
  /** The request may reach the server twice: it changes nothing, or the server knows it by a key. */
  readonly isRepeatable: boolean
  readonly signal?: AbortSignal | undefined
}

export interface HttpAnswer {
  readonly status: 'answered'
  readonly code: number
  readonly headers: Headers
  readonly body: Uint8Array
}

export type HttpOutcome =
  | HttpAnswer
  | { readonly status: 'refused'; readonly error: RestError }
  | { readonly status: 'unreachable'; readonly cause: unknown }
  | { readonly status: 'lost'; readonly cause: unknown; readonly error?: RestError | undefined }

export interface HttpOptions {
  readonly runtime: Runtime
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
  /** The most that may pass without a byte of the answer. */
  readonly idleTimeoutMs: number
  readonly retriesMax: number
}

/** @throws aborted before a request is sent; what `auth` throws */
export type HttpClient = (request: HttpRequest) => Promise<HttpOutcome>

const BACKOFF = { waitMsMin: 100, waitMsMax: 10_000 }
const RETRY_AFTER_MS_MAX = 60_000
const ANSWER_BYTES_MAX = 2 ** 31

export function createHttpClient(options: HttpOptions): HttpClient {
  return async request => {
    let mayRenew = true
    let lost: HttpOutcome | undefined
    for (let retry = 0; ; ) {
      let ended: Ended
      try {
        ended = await sendOnce(request, options)
      } catch (error) {
        if (lost === undefined) throw error
        return { status: 'lost', cause: error }
      }
      const { outcome } = ended
      if (outcome.status === 'lost') lost = outcome
      const isUnknownCaller = outcome.status === 'refused' && UNKNOWN_CALLER.has(outcome.error.status)
      if (isUnknownCaller && mayRenew && (await request.auth.renew(ended.sent, request.signal))) {
        mayRenew = false
        continue
      }
      if (!mayRepeat(request, ended) || ++retry > options.retriesMax)
        return lost === undefined ? outcome : afterLost(outcome)
      const waitMs = ended.retryAfterMs ?? backoffMs(retry, BACKOFF, options.runtime)
      try {
        await options.runtime.sleep(waitMs, request.signal)
      } catch {
        return lost === undefined ? outcome : afterLost(outcome)
      }
    }
  }
}

const UNKNOWN_CALLER: ReadonlySet<number> = new Set([401, 419])
/** What a server says before it has looked at the request. */
const UNSEEN: ReadonlySet<number> = new Set([401, 403, 419, 425, 429, 503])

/** An earlier delivery of the same request may have been done: only an end that tells about the request itself counts. */
function afterLost(outcome: HttpOutcome): HttpOutcome {
  if (outcome.status === 'unreachable') return { status: 'lost', cause: outcome.cause }
  if (outcome.status !== 'refused' || !UNSEEN.has(outcome.error.status)) return outcome
  return { status: 'lost', error: outcome.error, cause: describe(outcome.error) }
}

interface Ended {
  readonly outcome: HttpOutcome
  /** The headers of the request. */
  readonly sent: Readonly<Record<string, string>>
  /** What the server asks for. */
  readonly retryAfterMs?: number | undefined
}

const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504])

function mayRepeat({ isRepeatable, signal }: HttpRequest, { outcome }: Ended): boolean {
  if (signal?.aborted) return false
  switch (outcome.status) {
    case 'answered':
      return false
    case 'refused':
      return outcome.error.status === 429 || outcome.error.status === 503
    case 'unreachable':
      return true
    case 'lost':
      return isRepeatable && (outcome.error === undefined || PASSING.has(outcome.error.status))
    default:
      return unreachable(outcome)
  }
}

async function sendOnce(request: HttpRequest, options: HttpOptions): Promise<Ended> {
  checkSignal(request.signal)
  let outgoing = outgoingRequest(request, options)
  for (let redirects = 0; ; redirects++) {
    const sent = await request.auth.authenticate(outgoing, request.signal)
    const delivered = await deliver(outgoing, sent, { ...options, signal: request.signal })
    const next = redirects < REDIRECTS_MAX ? redirectOf(outgoing, delivered.location) : undefined
    if (next === undefined) return { ...delivered, sent }
    outgoing = { ...outgoing, url: next }
  }
}

interface Delivered {
  readonly outcome: HttpOutcome
  readonly retryAfterMs?: number | undefined
  /** Where the server wants the very same request to be sent. */
  readonly location?: string | undefined
}

async function deliver(
  { method, url, body }: OutgoingRequest,
  headers: Readonly<Record<string, string>>,
  options: HttpOptions & { readonly signal: AbortSignal | undefined },
): Promise<Delivered> {
  const watch = watchIdle(options, options.signal)
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal: watch.signal,
      ...(body === undefined ? {} : { body }),
    })
    const answer = await readBody(response, watch.touch)
    return endOf(method, response, { body: answer, runtime: options.runtime })
  } catch (cause) {
    if (watch.hasExpired()) {
      const expired = new LakeError('unavailable', 'the catalog server did not answer in time', { cause })
      return { outcome: { status: 'lost', cause: expired } }
    }
    return { outcome: { status: isUnsent(cause) ? 'unreachable' : 'lost', cause } }
  } finally {
    watch.stop()
  }
}

const REDIRECTS_MAX = 5

/** Within the same server only, or to its encrypted port: what we send is for nobody else. */
function redirectOf({ url }: OutgoingRequest, location: string | undefined): string | undefined {
  if (location === undefined || !URL.canParse(location, url)) return undefined
  const [from, to] = [new URL(url), new URL(location, url)]
  const isEncrypted = from.protocol === 'http:' && to.protocol === 'https:' && to.hostname === from.hostname
  return to.origin === from.origin || isEncrypted ? to.href : undefined
}

function outgoingRequest(request: HttpRequest, options: HttpOptions): OutgoingRequest {
  const { method, json, form } = request
  const url = new URL(request.url)
  for (const [name, value] of Object.entries(request.query ?? {}))
    if (value !== undefined) url.searchParams.append(name, value)
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded'
  const body = form ?? (json === undefined ? undefined : stringifyJson(json))
  return {
    method,
    // A form's `+` for a space means a plus to some servers.
    url: url.href.replace(/\?.*$/, query => query.replaceAll('+', '%20')),
    headers: lowerCased({
      accept: 'application/json',
      'user-agent': `serac/${VERSION}`,
      ...(body === undefined ? {} : { 'content-type': type }),
      ...options.headers,
      ...request.headers,
    }),
    ...(body === undefined ? {} : { body }),
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

/** Ends a request on which nothing has moved for too long. */
function watchIdle(
  { runtime, idleTimeoutMs }: HttpOptions,
  outer: AbortSignal | undefined,
): {
  readonly signal: AbortSignal
  readonly touch: () => void
  readonly stop: () => void
  readonly hasExpired: () => boolean
} {
  const expiry = new AbortController()
  let timer = new AbortController()
  const start = (): void => {
    runtime.sleep(idleTimeoutMs, timer.signal).then(
      () => expiry.abort(),
      () => undefined,
    )
  }
  start()
  return {
    signal: outer === undefined ? expiry.signal : AbortSignal.any([expiry.signal, outer]),
    touch: () => {
      timer.abort()
      timer = new AbortController()
      start()
    },
    stop: () => timer.abort(),
    hasExpired: () => expiry.signal.aborted,
  }
}

/** Of an error only what can be told; the connection is given up then. */
async function readBody(response: Response, touch: () => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const stream: AsyncIterable<Uint8Array> | null = response.body
  for await (const chunk of stream ?? []) {
    touch()
    size += chunk.length
    if (size > ANSWER_BYTES_MAX)
      throw new LakeError('unsupported', 'the answer of the catalog server is too large', {
        context: { bytesMax: ANSWER_BYTES_MAX },
      })
    chunks.push(chunk)
    if (response.status >= 300 && size > TEXT_BYTES_MAX) break
  }
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : new Uint8Array(Buffer.concat(chunks))
}

const TEXT_BYTES_MAX = 65_536

function endOf(
  method: HttpMethod,
  response: Response,
  { body, runtime }: { readonly body: Uint8Array; readonly runtime: Runtime },
): Delivered {
  const { status: code, headers } = response
  if (code < 300 || code === 304) return { outcome: { status: 'answered', code, headers, body } }
  if (code < 400) return redirected(method, response)
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, TEXT_BYTES_MAX)).toString()
  const error = parseRestError(code, text)
  const retryAfterMs = waitAsked(headers.get('retry-after'), runtime)
  const isRefused =
    error.type !== 'CommitStateUnknownException' &&
    ((code < 500 && code !== 408) || code === 501 || (code === 503 && retryAfterMs !== undefined))
  if (isRefused) return { outcome: { status: 'refused', error }, retryAfterMs }
  return { outcome: { status: 'lost', error, cause: describe(error) }, retryAfterMs }
}

/** 307 and 308 come before anything was done; the others may be the answer to what was done. */
function redirected(method: HttpMethod, { status, headers }: Response): Delivered {
  const location = headers.get('location') ?? undefined
  const isRead = method === 'GET' || method === 'HEAD'
  const error = {
    status,
    message: `it wants the request to be sent elsewhere: ${location ?? 'it does not say where'}`,
  }
  if (isRead || status === 307 || status === 308) return { outcome: { status: 'refused', error }, location }
  return { outcome: { status: 'lost', error, cause: describe(error) } }
}

function describe(error: RestError): LakeError {
  const { status, type, message } = error
  const context = { status, ...(type === undefined ? {} : { type }), reason: message }
  return new LakeError('unavailable', 'the catalog server failed', { context })
}

/** Seconds or a date; never longer than a minute. */
function waitAsked(retryAfter: string | null, runtime: Runtime): number | undefined {
  if (retryAfter === null) return undefined
  const seconds = Number(retryAfter)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(retryAfter) - runtime.nowMs()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX) : undefined
}

/** What the system and the HTTP client say when no connection was made. */
const UNSENT_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

function isUnsent(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  // Several addresses were tried: all have to have failed so.
  const errors: readonly unknown[] = cause instanceof AggregateError ? cause.errors : [cause]
  return errors.length > 0 && errors.every(each => UNSENT_CODES.has(codeOf(each)) && !brokeConnection(each))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Why a request that was not answered failed; the reason of the network is told, never headers or bodies. */
export function unansweredError(
  outcome: Extract<HttpOutcome, { status: 'unreachable' | 'lost' }>,
  request: { readonly url: string; readonly signal?: AbortSignal | undefined },
): LakeError {
  const { cause } = outcome
  if (request.signal?.aborted) return new LakeError('aborted', 'the operation was aborted', { cause })
  if (isLakeError(cause)) return cause
  const inner = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
  const { origin, pathname } = new URL(request.url)
  return new LakeError('unavailable', 'the catalog server could not be reached', {
    cause,
    context: { uri: `${origin}${pathname}`, reason: errorText(inner) },
  })
}
