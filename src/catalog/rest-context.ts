/**
 * What all verbs of a REST catalog share: its configuration, which the server has a word in, and requests that end in
 * an answer or in an error of ours.
 *
 *   properties = the server's defaults, under those of the caller, under the server's overrides
 */
import { type ErrorContext, LakeError } from '../base/errors.js'
import type { JsonObject } from '../base/json.js'
import type { Runtime } from '../base/runtime.js'
import {
  booleanProperty,
  firstProperty,
  numberProperty,
  type Properties,
  propertiesBelow,
} from '../io/aws-properties.js'
import type { FileIO } from '../io/file-io.js'
import type { StorageAccess } from '../io/storage-access.js'
import { parseAnswerBody } from '../rest/body.js'
import { type CatalogConfig, parseCatalogConfig } from '../rest/config-json.js'
import {
  DEFAULT_ENDPOINTS,
  ENDPOINTS,
  type EndpointName,
  knownEndpoints,
  type RestPaths,
  restPaths,
  VIEW_ENDPOINTS,
} from '../rest/endpoints.js'
import { lakeErrorOf } from '../rest/error-json.js'
import type { Page } from '../rest/page-token.js'
import { parseIdentifierPage } from '../rest/table-json.js'
import { type Namespace, printNamespace, type TableIdentifier } from './identifier.js'
import { AUTH_PROPERTIES, type CatalogAuth, openAuth } from './rest-auth.js'
import {
  createHttpClient,
  type HttpAnswer,
  type HttpClient,
  type HttpMethod,
  type HttpOutcome,
  type HttpRequest,
  type RestAuth,
  unansweredError,
} from './rest-http.js'

export interface RestContextOptions {
  readonly properties: Properties
  readonly name?: string | undefined
  readonly io: FileIO
  readonly runtime: Runtime
  readonly access: StorageAccess
  readonly signal?: AbortSignal | undefined
}

export interface RestContext {
  readonly name: string
  /** Without a slash at its end. */
  readonly uri: string
  readonly properties: Properties
  readonly io: FileIO
  readonly runtime: Runtime
  readonly access: StorageAccess
  readonly http: HttpClient
  readonly auth: CatalogAuth
  readonly paths: RestPaths
  readonly endpoints: ReadonlySet<EndpointName>
  /** How long the server remembers the key of a request; undefined: it knows no keys. */
  readonly keyLifetimeMs: number | undefined
  readonly pageSize: number | undefined
}

const IDLE_TIMEOUT_MS = 60_000
const RETRIES_MAX = 5

/** Asks the server for its configuration. @throws invalid-argument, not-found (the warehouse), denied, unavailable, corrupt */
export async function openRestContext(options: RestContextOptions): Promise<RestContext> {
  const { io, runtime, access } = options
  const own = options.properties
  const http = createHttpClient({
    runtime,
    headers: headersOf(own),
    idleTimeoutMs: numberProperty(own, 'rest.client.socket-timeout-ms', {
      whenAbsent: IDLE_TIMEOUT_MS,
      min: 1,
    }),
    retriesMax: numberProperty(own, 'rest.client.max-retries', { whenAbsent: RETRIES_MAX, min: 0, max: 100 }),
  })
  const uri = uriOf(own)
  const first = await openAuth({ properties: own, uri, http, runtime })
  const config = await loadConfig({ uri, http, auth: first }, options)
  const properties: Properties = {
    ...configurable(config.defaults, own),
    ...own,
    ...configurable(config.overrides, own),
  }
  const lastUri = uriOf(properties)
  const isSame = AUTH_PROPERTIES.every(name => properties[name] === own[name])
  return {
    name: options.name ?? 'rest',
    uri: lastUri,
    properties,
    io,
    runtime,
    access,
    http,
    auth: isSame ? first : await openAuth({ properties, uri: lastUri, http, runtime }),
    paths: restPaths({
      prefix: firstProperty(properties, 'prefix'),
      separator: firstProperty(properties, 'namespace-separator'),
    }),
    endpoints: endpointsOf(config, properties),
    keyLifetimeMs: config.idempotencyKeyLifetimeMs,
    pageSize: pageSizeOf(properties),
  }
}

/**
 * What a server may decide. Java lets it decide everything. Here it does not choose among the profiles of this machine,
 * nor who gets a secret that the caller has for a token server of its own.
 */
function configurable(config: Properties, own: Properties): Properties {
  const kept = Object.entries(config).filter(
    ([name]) => !isLocalProperty(name) && !(name === 'oauth2-server-uri' && Object.hasOwn(own, name)),
  )
  return Object.fromEntries(kept)
}

/** Names of things on this machine, which mean nothing to a server. */
export function isLocalProperty(name: string): boolean {
  return name.endsWith('.profile-name')
}

/** PyIceberg asks for credentials unless told otherwise. */
function headersOf(properties: Properties): Readonly<Record<string, string>> {
  return {
    'x-iceberg-access-delegation': 'vended-credentials',
    ...lowerCased(propertiesBelow(properties, 'header.')),
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

function uriOf(properties: Properties): string {
  const uri = firstProperty(properties, 'uri')?.replace(/\/+$/, '')
  if (uri !== undefined && URL.canParse(uri) && /^https?:/i.test(uri)) return uri
  throw new LakeError('invalid-argument', 'the uri of a REST catalog is http:// or https://', {
    context: { property: 'uri' },
  })
}

async function loadConfig(
  on: { readonly uri: string; readonly http: HttpClient; readonly auth: CatalogAuth },
  options: RestContextOptions,
): Promise<CatalogConfig> {
  const warehouse = firstProperty(options.properties, 'warehouse')
  const request: HttpRequest = {
    method: 'GET',
    url: `${on.uri}/v1/config`,
    query: { warehouse },
    auth: on.auth,
    isRepeatable: true,
    signal: options.signal,
  }
  const about = { uri: on.uri, ...(warehouse === undefined ? {} : { warehouse }) }
  const answer = answerOf(await on.http(request), { about, isChange: false, request })
  return parseAnswerBody(answer.body, parseCatalogConfig)
}

/** Views are there when they are announced; of servers that announce nothing a property says it. */
function endpointsOf(config: CatalogConfig, properties: Properties): ReadonlySet<EndpointName> {
  if (config.endpoints !== undefined) return knownEndpoints(config.endpoints)
  const views = booleanProperty(properties, 'view-endpoints-supported', false) ? VIEW_ENDPOINTS : []
  return new Set([...DEFAULT_ENDPOINTS, ...views])
}

function pageSizeOf(properties: Properties): number | undefined {
  const isSet = firstProperty(properties, 'rest-page-size') !== undefined
  return isSet ? numberProperty(properties, 'rest-page-size', { whenAbsent: 0, min: 1 }) : undefined
}

// ---- requests

export interface Call {
  readonly endpoint: EndpointName
  readonly path: string
  /** In place of the path: an address that the server itself gave. */
  readonly url?: string | undefined
  readonly query?: Readonly<Record<string, string | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly json?: JsonObject | undefined
  /** Default the catalog's. */
  readonly auth?: RestAuth | undefined
  /** What the call is about, for errors: `table`, `namespace`. */
  readonly about: ErrorContext
  /** What a plain 409 means; default `already-exists`. */
  readonly conflictKind?: 'already-exists' | 'conflict' | undefined
  readonly signal?: AbortSignal | undefined
}

/** @throws unsupported when the server does not have the endpoint */
export function checkEndpoint(context: RestContext, endpoint: EndpointName): void {
  if (context.endpoints.has(endpoint)) return
  throw new LakeError('unsupported', 'the catalog server does not do this', {
    context: { endpoint: ENDPOINTS[endpoint] },
  })
}

/**
 * A request and its answer.
 * @throws commit-state-unknown when the answer to a change is lost; else the error that the server's means
 */
export async function call(context: RestContext, asked: Call): Promise<HttpAnswer> {
  if (asked.url === undefined) checkEndpoint(context, asked.endpoint)
  const request = requestOf(context, asked)
  const isChange = changes(request.method)
  const { about, conflictKind } = asked
  return answerOf(await context.http(request), { about, conflictKind, isChange, request })
}

/** The request of a call; a change gets a key of its own where the server knows such keys. */
export function requestOf(context: RestContext, asked: Call, key?: string): HttpRequest {
  const method = ENDPOINTS[asked.endpoint].split(' ', 1).join() as HttpMethod
  const isKeyed = changes(method) && context.keyLifetimeMs !== undefined
  const keyed = isKeyed ? { 'idempotency-key': key ?? context.runtime.orderedUuid() } : {}
  return {
    method,
    url: asked.url ?? `${context.uri}${asked.path}`,
    query: asked.query,
    headers: { ...asked.headers, ...keyed },
    json: asked.json,
    auth: asked.auth ?? context.auth,
    isRepeatable: isKeyed || !changes(method),
    signal: asked.signal,
  }
}

function changes(method: HttpMethod): boolean {
  return method === 'POST' || method === 'DELETE'
}

function answerOf(
  outcome: HttpOutcome,
  call: {
    readonly about: ErrorContext
    readonly conflictKind?: 'already-exists' | 'conflict' | undefined
    readonly isChange: boolean
    readonly request: HttpRequest
  },
): HttpAnswer {
  const { about, isChange, request } = call
  if (outcome.status === 'answered') return outcome
  if (outcome.status === 'refused')
    throw lakeErrorOf(outcome.error, { conflictKind: call.conflictKind ?? 'already-exists', context: about })
  const error = unansweredError(outcome, request)
  if (outcome.status === 'lost' && isChange)
    throw new LakeError('commit-state-unknown', 'the catalog server may have done it: its answer is lost', {
      cause: error,
      context: about,
    })
  throw error
}

// ---- pages

const PAGES_MAX = 1_000_000

/** The tables or views of a namespace. @throws as `allPages` */
export function listIdentifiers(
  context: RestContext,
  namespace: Namespace,
  { endpoint, signal }: Pick<Call, 'signal'> & { readonly endpoint: 'listTables' | 'listViews' },
): Promise<readonly TableIdentifier[]> {
  const path = context.paths.namespace(namespace, endpoint === 'listTables' ? 'tables' : 'views')
  const asked = { endpoint, path, about: { namespace: printNamespace(namespace) }, signal }
  return allPages(context, asked, json => {
    const { identifiers, nextPageToken } = parseIdentifierPage(json)
    return { items: identifiers, nextPageToken }
  })
}

/** All items of a list that may come in pages. @throws as `call`; corrupt when the pages do not end */
export async function allPages<T>(
  context: RestContext,
  asked: Call,
  parse: (json: JsonObject) => Page<T>,
): Promise<readonly T[]> {
  const items: T[] = []
  const size = context.pageSize
  let pageToken = size === undefined ? undefined : ''
  for (let page = 1; page <= PAGES_MAX; page++) {
    const query = { ...asked.query, pageToken, pageSize: size?.toString() }
    const answer = await call(context, { ...asked, query })
    const { items: more, nextPageToken } = parseAnswerBody(answer.body, parse)
    items.push(...more)
    if (nextPageToken === undefined || nextPageToken === '') return items
    if (nextPageToken === pageToken) break
    pageToken = nextPageToken
  }
  throw new LakeError('corrupt', 'the pages of a list do not end', { context: { items: items.length } })
}
