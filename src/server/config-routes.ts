/** What clients ask first: the configuration; and tokens for those who log in with a name and a secret. */

import { utf8Decode } from '../base/bytes.js'
import type { Catalog } from '../catalog/catalog.js'
import { serializeCatalogConfig } from '../rest/config-json.js'
import { ENDPOINTS } from '../rest/endpoints.js'
import {
  ACCESS_TOKEN_TYPE,
  decodeTokenRequest,
  type OAuthTokenRequest,
  serializeOAuthError,
  serializeOAuthToken,
} from '../rest/oauth-json.js'
import { REPLY_LIFETIME_MS } from './replies.js'
import { jsonAnswer, type RestAnswer, type RestHandler } from './rest-route.js'
import type { Tokens } from './tokens.js'

/** `GET /v1/config` of a server with these endpoints. */
export function configHandler(endpoints: readonly string[]): RestHandler {
  return async ({ clientProperties, catalog }) =>
    jsonAnswer(
      serializeCatalogConfig({
        defaults: clientProperties,
        overrides: {},
        endpoints: endpoints.filter(endpoint => isServed(endpoint, catalog)),
        idempotencyKeyLifetimeMs: REPLY_LIFETIME_MS,
      }),
    )
}

function isServed(endpoint: string, { views, multiTable, unregisterTable }: Catalog): boolean {
  if (endpoint === ENDPOINTS.commitTransaction) return multiTable
  if (endpoint === ENDPOINTS.unregisterTable) return unregisterTable !== undefined
  return views !== undefined || !/view/.test(endpoint)
}

/**
 * `POST /v1/oauth/tokens`: a principal's name and token as client id and secret give the token itself, and a token that is
 * exchanged gives itself. It is there for clients that know no other way.
 */
export function tokenHandler(tokens: Tokens): RestHandler {
  return async (_context, { body }) => {
    const asked = decodeTokenRequest(formOf(body))
    if (asked === undefined) return oauthError(400, 'unsupported_grant_type')
    const accessToken = tokenOf(asked)
    const principal = tokens.principalOf(accessToken)
    const clientId = asked.grant === 'client-credentials' ? asked.clientId : undefined
    const isOther = tokens.required && clientId !== undefined && clientId !== principal?.name
    if (principal === undefined || isOther) return oauthError(401, 'invalid_client')
    const issuedTokenType = asked.grant === 'token-exchange' ? ACCESS_TOKEN_TYPE : undefined
    return jsonAnswer(serializeOAuthToken({ accessToken, tokenType: 'bearer', issuedTokenType }), NO_STORE)
  }
}

const NO_STORE = { 'cache-control': 'no-store' }

function tokenOf(asked: OAuthTokenRequest): string {
  return asked.grant === 'client-credentials' ? asked.clientSecret : asked.subjectToken
}

function formOf(body: Uint8Array): string {
  try {
    return utf8Decode(body)
  } catch {
    return ''
  }
}

function oauthError(status: number, type: string): RestAnswer {
  return { ...jsonAnswer(serializeOAuthError(type), NO_STORE), status }
}
