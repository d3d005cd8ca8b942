/**
 * Bearer tokens by OAuth2: from client credentials, from an exchange of another token, refreshed shortly before they end
 * and when the server does not accept them any more.
 *
 *   credential             ask with it, and ask again
 *   token                  as it is; refreshed by an exchange only where that is asked for
 *   urn:ietf:...:jwt = x   exchanged, with the catalog's token as the actor
 *
 * Java refreshes by an exchange even where it has a credential. Asking again with the credential gives the same and
 * works with every token server, so the exchange is for those that have nothing else, or want it
 * (`token-exchange-enabled=true`).
 * @see RFC 6749, RFC 8693; https://iceberg.apache.org/docs/latest/catalog-properties
 */
import { base64Encode, utf8Encode } from '../base/bytes.js'
import { unlessAborted } from '../base/concurrency.js'
import { checkSignal, LakeError } from '../base/errors.js'
import { isJsonObject, parseJson } from '../base/json.js'
import type { Runtime } from '../base/runtime.js'
import { booleanProperty, firstProperty, numberProperty, type Properties } from '../io/aws-properties.js'
import { parseAnswerBody } from '../rest/body.js'
import { lakeErrorOf } from '../rest/error-json.js'
import {
  ACCESS_TOKEN_TYPE,
  encodeTokenRequest,
  type OAuthParameters,
  type OAuthToken,
  type OAuthTokenRequest,
  parseOAuthToken,
} from '../rest/oauth-json.js'
import { type HttpClient, type RestAuth, unansweredError } from './rest-http.js'

/** The last part of a token's life, in which it is refreshed: a tenth, at most this. */
const REFRESH_AHEAD_MS_MAX = 5 * 60_000
const EXPIRES_IN_MS_DEFAULT = 3_600_000

/** Token types of RFC 8693 that a property may bring, the strongest first. */
const TOKEN_TYPES: readonly string[] = ['id_token', 'access_token', 'jwt', 'saml2', 'saml1'].map(
  name => `urn:ietf:params:oauth:token-type:${name}`,
)

/** Properties that decide about tokens: who has the same has the same session. */
export const OAUTH_PROPERTIES: readonly string[] = [
  'token',
  'credential',
  'oauth2-server-uri',
  'scope',
  'audience',
  'resource',
  'token-expires-in-ms',
  'token-refresh-enabled',
  'token-exchange-enabled',
  ...TOKEN_TYPES,
]

export interface OAuthOptions {
  readonly properties: Properties
  readonly uri: string
  readonly http: HttpClient
  readonly runtime: Runtime
}

export interface OAuthSession extends RestAuth {
  /**
   * The session for a table whose config brings a token of its own; this one when it brings none.
   * @throws denied, unavailable when a token is to be exchanged
   */
  forTable(config: Properties): OAuthSession
}

interface Token {
  readonly text: string
  readonly type: string
  readonly gotMs: number
  /** Undefined: nobody knows. */
  readonly expiresMs?: number | undefined
}

interface Source {
  readonly first: (signal?: AbortSignal) => Promise<Token>
  readonly next: ((old: Token, signal?: AbortSignal) => Promise<Token>) | undefined
}

/** A session, if the properties bring anything to make one from. */
export function openOAuth(options: OAuthOptions): OAuthSession | undefined {
  const source = sourceOf(options, undefined)
  return source === undefined ? undefined : createSession(options, source)
}

function createSession(options: OAuthOptions, source: Source): OAuthSession {
  const { runtime } = options
  let token: Token | undefined
  let pending: Promise<Token> | undefined

  /** One fetch for all who need a token: the signal of one must not end it for the others. */
  const once = (fetch: () => Promise<Token>, signal: AbortSignal | undefined): Promise<Token> => {
    pending ??= fetch()
      .then(fetched => {
        token = fetched
        return fetched
      })
      .finally(() => {
        pending = undefined
      })
    return unlessAborted(pending, signal)
  }
  const current = async (signal?: AbortSignal): Promise<Token> => {
    const { next } = source
    const known = token
    if (known === undefined) return once(() => source.first(), signal)
    if (next === undefined || !endsSoon(known, runtime.nowMs())) return known
    try {
      return await once(() => next(known), signal)
    } catch (error) {
      checkSignal(signal)
      if ((known.expiresMs ?? 0) > runtime.nowMs()) return known
      throw error
    }
  }
  const session: OAuthSession = {
    async authenticate(request, signal) {
      return { ...request.headers, authorization: bearer(await current(signal)) }
    },
    async renew(refused, signal) {
      const { next } = source
      const known = token
      if (next === undefined || known === undefined) return false
      if (refused.authorization !== bearer(known)) return true
      try {
        await once(() => next(known), signal)
        return true
      } catch {
        return false
      }
    },
    forTable(config) {
      const properties = { ...withoutTokens(options.properties), ...tokensIn(config) }
      const own = { ...options, properties }
      const tableSource = hasToken(config) ? sourceOf(own, current) : undefined
      return tableSource === undefined ? session : createSession(own, tableSource)
    },
  }
  return session
}

function bearer({ text }: Token): string {
  return `Bearer ${text}`
}

function endsSoon({ gotMs, expiresMs }: Token, nowMs: number): boolean {
  if (expiresMs === undefined) return false
  return nowMs >= expiresMs - Math.min(REFRESH_AHEAD_MS_MAX, (expiresMs - gotMs) / 10)
}

function hasToken(config: Properties): boolean {
  return firstProperty(config, 'token', ...TOKEN_TYPES) !== undefined
}

/** As in Java, a table brings tokens, and neither credentials nor the address that ours would be sent to. */
function tokensIn(config: Properties): Properties {
  const taken = ['token', 'token-expires-in-ms', ...TOKEN_TYPES]
  return Object.fromEntries(Object.entries(config).filter(([name]) => taken.includes(name)))
}

function withoutTokens(properties: Properties): Properties {
  const dropped = new Set(['token', 'credential', ...TOKEN_TYPES])
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !dropped.has(name)))
}

// ---- where tokens come from

function sourceOf(
  options: OAuthOptions,
  actor: ((signal?: AbortSignal) => Promise<Token>) | undefined,
): Source | undefined {
  const { properties } = options
  const refreshes = booleanProperty(properties, 'token-refresh-enabled', true)
  const credential = firstProperty(properties, 'credential')
  const given = firstProperty(properties, 'token')
  const exchanges = booleanProperty(properties, 'token-exchange-enabled', false)
  const byExchange: Source['next'] = (old, signal) => exchange(options, { subject: old, signal })
  if (credential !== undefined) {
    const byCredential = (signal?: AbortSignal): Promise<Token> => ask(options, credential, signal)
    const next: Source['next'] = async (old, signal) => {
      const isOver = (old.expiresMs ?? Number.POSITIVE_INFINITY) <= options.runtime.nowMs()
      return exchanges && !isOver
        ? byExchange(old, signal).catch(() => byCredential(signal))
        : byCredential(signal)
    }
    const first =
      given === undefined ? byCredential : async (): Promise<Token> => givenToken(options, given, undefined)
    return { first, next: refreshes ? next : undefined }
  }
  const next = refreshes && exchanges ? byExchange : undefined
  if (given !== undefined) return { first: async () => givenToken(options, given, undefined), next }
  const type = TOKEN_TYPES.find(each => firstProperty(properties, each) !== undefined)
  if (type === undefined) return undefined
  const subject = givenToken(options, properties[type] ?? '', type)
  const first = async (signal?: AbortSignal): Promise<Token> =>
    exchange(options, { subject, actor: await actor?.(signal), signal })
  return { first, next: refreshes ? (_, signal) => first(signal) : undefined }
}

/** A token that was handed in: it ends when it says so, else after `token-expires-in-ms` if that is set. */
function givenToken(options: OAuthOptions, text: string, type: string | undefined): Token {
  const gotMs = options.runtime.nowMs()
  const isLimited = firstProperty(options.properties, 'token-expires-in-ms') !== undefined
  const limits = { whenAbsent: EXPIRES_IN_MS_DEFAULT, min: 1 }
  const expiresMs =
    endOfJwt(text) ??
    (isLimited ? gotMs + numberProperty(options.properties, 'token-expires-in-ms', limits) : undefined)
  return { text, type: type ?? ACCESS_TOKEN_TYPE, gotMs, expiresMs }
}

/** When a JSON web token ends, if it is one that says so. */
function endOfJwt(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 3) return undefined
  try {
    const claims = parseJson(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'))
    const end = isJsonObject(claims) ? claims.exp : undefined
    return typeof end === 'number' ? end * 1000 : undefined
  } catch {
    return undefined
  }
}

/** Client credentials: `id:secret`, or a secret alone. */
function ask(options: OAuthOptions, credential: string, signal?: AbortSignal): Promise<Token> {
  const at = credential.indexOf(':')
  const clientId = at < 0 ? undefined : credential.slice(0, at)
  const request: OAuthTokenRequest = {
    grant: 'client-credentials',
    clientId,
    clientSecret: credential.slice(at + 1),
    parameters: parametersOf(options.properties),
  }
  return fetchToken(options, { request, signal })
}

function exchange(
  options: OAuthOptions,
  with_: {
    readonly subject: Token
    readonly actor?: Token | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<Token> {
  const { subject, actor, signal } = with_
  const request: OAuthTokenRequest = {
    grant: 'token-exchange',
    subjectToken: subject.text,
    subjectTokenType: subject.type,
    ...(actor === undefined ? {} : { actorToken: actor.text, actorTokenType: actor.type }),
    parameters: parametersOf(options.properties),
  }
  const bearer = actor ?? subject
  return fetchToken(options, { request, authorization: `Bearer ${bearer.text}`, signal })
}

function parametersOf(properties: Properties): OAuthParameters {
  const parameters: Record<string, string> = { scope: firstProperty(properties, 'scope') ?? 'catalog' }
  for (const name of ['audience', 'resource']) {
    const value = firstProperty(properties, name)
    if (value !== undefined) parameters[name] = value
  }
  return parameters
}

async function fetchToken(
  options: OAuthOptions,
  asked: {
    readonly request: OAuthTokenRequest
    readonly authorization?: string | undefined
    readonly signal?: AbortSignal | undefined
  },
): Promise<Token> {
  const { properties, uri, runtime } = options
  const server = firstProperty(properties, 'oauth2-server-uri') ?? 'v1/oauth/tokens'
  const url = /^https?:/i.test(server) ? server : `${uri}/${server.replace(/^\/+/, '')}`
  const gotMs = runtime.nowMs()
  const { authorization, signal } = asked
  const outcome = await options.http({
    method: 'POST',
    url,
    form: encodeTokenRequest(asked.request),
    auth: withHeader(authorization),
    isRepeatable: true,
    signal,
  })
  const context = { tokenServer: url }
  if (outcome.status === 'refused') {
    const error = lakeErrorOf(outcome.error, { conflictKind: 'conflict', context })
    if (error.kind === 'unavailable') throw error
    throw new LakeError('denied', 'the token server gives no token', { context: error.context })
  }
  if (outcome.status !== 'answered') throw unansweredError(outcome, { url, signal })
  return tokenOf(parseAnswerBody(outcome.body, parseOAuthToken), gotMs)
}

function tokenOf(answer: OAuthToken, gotMs: number): Token {
  const { accessToken, expiresInSeconds, issuedTokenType } = answer
  return {
    text: accessToken,
    type: issuedTokenType ?? ACCESS_TOKEN_TYPE,
    gotMs,
    expiresMs:
      endOfJwt(accessToken) ?? (expiresInSeconds === undefined ? undefined : gotMs + expiresInSeconds * 1000),
  }
}

function withHeader(authorization: string | undefined): RestAuth {
  return {
    authenticate: async ({ headers }) =>
      authorization === undefined ? headers : { ...headers, authorization },
    renew: async () => false,
  }
}

/** The value of a header for a name and a password. */
export function basicAuthorization(name: string, password: string): string {
  return `Basic ${base64Encode(utf8Encode(`${name}:${password}`))}`
}
