/** What a route is: an endpoint of the protocol, and what it answers. Routes know no HTTP framework. */

import { utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { type JsonObject, stringifyJson } from '../base/json.js'
import type { Namespace, TableIdentifier } from '../catalog/catalog.js'
import { parseRequestBody } from '../rest/body.js'
import { decodeNamespacePath, decodePathSegment } from '../rest/identifier-json.js'
import { type PageRequest, pageOf } from '../rest/page-token.js'
import { serializeIdentifierPage } from '../rest/table-json.js'
import type { Principal } from './grants.js'
import type { ServerContext } from './server-context.js'

/** A request that was let in. */
export interface RestRequest {
  readonly principal: Principal
  /** Segments of the path by their names in the pattern, as they came: still percent-encoded. */
  readonly segments: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  header(name: string): string | undefined
  readonly body: Uint8Array
  readonly signal: AbortSignal
}

export interface RestAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Bytes, or a stream of them; none for 204 and 304. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined
}

export type RestHandler = (context: ServerContext, request: RestRequest) => Promise<RestAnswer>

export interface RestRoute {
  /** `GET /v1/{prefix}/namespaces`: method and pattern, as a server announces them. */
  readonly endpoint: string
  /** Answered again without being done again when the request comes again under its key. */
  readonly keyed?: boolean | undefined
  /** How a request that was done before is answered, where its answer is too large to be kept. */
  readonly again?: RestHandler | undefined
  /** A commit: when it fails for the time being, certainly nothing of it landed. */
  readonly isCommit?: boolean | undefined
  readonly handle: RestHandler
}

const JSON_TYPE = { 'content-type': 'application/json' }

export function jsonAnswer(json: JsonObject, headers: Readonly<Record<string, string>> = {}): RestAnswer {
  return bytesAnswer(utf8Encode(stringifyJson(json)), headers)
}

/** Bytes that are JSON. */
export function bytesAnswer(body: Uint8Array, headers: Readonly<Record<string, string>> = {}): RestAnswer {
  return { status: 200, headers: { ...JSON_TYPE, ...headers }, body }
}

export const NO_CONTENT: RestAnswer = { status: 204 }

/** @throws invalid-argument */
export function bodyOf<T>(request: RestRequest, parse: (json: JsonObject) => T): T {
  return parseRequestBody(request.body, parse)
}

/** @throws invalid-argument */
export function namespaceOf({ segments }: RestRequest): Namespace {
  return checkLevels(decodeNamespacePath(segments.namespace ?? ''))
}

/** The table, or view, that the path names. @throws invalid-argument */
export function identifierOf(request: RestRequest, segment: 'table' | 'view'): TableIdentifier {
  const name = decodePathSegment(request.segments[segment] ?? '')
  return { namespace: namespaceOf(request), name }
}

/** @throws invalid-argument for a namespace without levels, or with an empty one */
export function checkLevels(namespace: Namespace): Namespace {
  if (namespace.length > 0 && !namespace.includes('')) return namespace
  throw new LakeError('invalid-argument', 'a namespace has levels, none of them empty')
}

/** @throws invalid-argument for a size that is no number */
export function pageRequestOf({ query }: RestRequest): PageRequest {
  const size = query.get('pageSize')
  const pageToken = query.get('pageToken') ?? (size === null ? undefined : '')
  return { pageToken, pageSize: size === null ? undefined : Number(size) }
}

/** The page of the tables or views that was asked for. */
export function identifiersAnswer(request: RestRequest, all: readonly TableIdentifier[]): RestAnswer {
  const { items, nextPageToken } = pageOf(all, pageRequestOf(request), ({ name }) => [name])
  return jsonAnswer(serializeIdentifierPage({ identifiers: items, nextPageToken }))
}

/** A flag of the query. */
export function flagOf({ query }: RestRequest, name: string): boolean {
  return query.get(name)?.toLowerCase() === 'true'
}
