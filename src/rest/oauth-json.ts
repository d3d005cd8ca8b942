/**
 * Tokens of OAuth2: requests are forms, answers JSON.
 * @see RFC 6749 (client credentials), RFC 8693 (token exchange); Iceberg REST catalog specification, OAuthTokenRequest
 */
import type { JsonObject } from '../base/json.js'
import { optionalInt, optionalText, requiredText } from '../base/json-fields.js'
import { given } from '../metadata/snapshot-json.js'

export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

export type OAuthTokenRequest =
  | {
      readonly grant: 'client-credentials'
      readonly clientId?: string | undefined
      readonly clientSecret: string
      readonly parameters: OAuthParameters
    }
  | {
      readonly grant: 'token-exchange'
      readonly subjectToken: string
      readonly subjectTokenType: string
      readonly actorToken?: string | undefined
      readonly actorTokenType?: string | undefined
      readonly parameters: OAuthParameters
    }

/** What both grants take: `scope`, `audience`, `resource`. */
export type OAuthParameters = Readonly<Record<string, string>>

const CLIENT_CREDENTIALS = 'client_credentials'
const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** The body of a request, `application/x-www-form-urlencoded`. */
export function encodeTokenRequest(request: OAuthTokenRequest): string {
  const form =
    request.grant === 'client-credentials'
      ? {
          grant_type: CLIENT_CREDENTIALS,
          ...given('client_id', request.clientId),
          client_secret: request.clientSecret,
        }
      : {
          grant_type: TOKEN_EXCHANGE,
          subject_token: request.subjectToken,
          subject_token_type: request.subjectTokenType,
          ...given('actor_token', request.actorToken),
          ...given('actor_token_type', request.actorTokenType),
        }
  return new URLSearchParams({ ...form, ...request.parameters }).toString()
}

/** What a server was asked; undefined for another grant, or where something is missing. */
export function decodeTokenRequest(body: string): OAuthTokenRequest | undefined {
  const form = new URLSearchParams(body)
  const text = (name: string): string | undefined => form.get(name) ?? undefined
  const parameters = Object.fromEntries(
    ['scope', 'audience', 'resource'].flatMap(name => {
      const value = text(name)
      return value === undefined ? [] : [[name, value]]
    }),
  )
  const clientSecret = text('client_secret')
  const subjectToken = text('subject_token')
  switch (text('grant_type')) {
    case CLIENT_CREDENTIALS:
      return clientSecret === undefined
        ? undefined
        : { grant: 'client-credentials', clientSecret, ...given('clientId', text('client_id')), parameters }
    case TOKEN_EXCHANGE:
      return subjectToken === undefined
        ? undefined
        : {
            grant: 'token-exchange',
            subjectToken,
            subjectTokenType: text('subject_token_type') ?? ACCESS_TOKEN_TYPE,
            ...given('actorToken', text('actor_token')),
            ...given('actorTokenType', text('actor_token_type')),
            parameters,
          }
    default:
      return undefined
  }
}

export interface OAuthToken {
  readonly accessToken: string
  readonly tokenType: string
  readonly expiresInSeconds?: number | undefined
  readonly issuedTokenType?: string | undefined
  readonly refreshToken?: string | undefined
  readonly scope?: string | undefined
}

/** @throws corrupt */
export function parseOAuthToken(json: JsonObject): OAuthToken {
  return {
    accessToken: requiredText(json, 'access_token'),
    tokenType: optionalText(json, 'token_type') ?? 'bearer',
    ...given('expiresInSeconds', optionalInt(json, 'expires_in')),
    ...given('issuedTokenType', optionalText(json, 'issued_token_type')),
    ...given('refreshToken', optionalText(json, 'refresh_token')),
    ...given('scope', optionalText(json, 'scope')),
  }
}

export function serializeOAuthToken(token: OAuthToken): JsonObject {
  return {
    access_token: token.accessToken,
    token_type: token.tokenType,
    ...given('expires_in', token.expiresInSeconds),
    ...given('issued_token_type', token.issuedTokenType),
    ...given('refresh_token', token.refreshToken),
    ...given('scope', token.scope),
  }
}

/** `invalid_client`, `unsupported_grant_type` and so on, as servers of tokens say it. */
export function serializeOAuthError(type: string, description?: string): JsonObject {
  return { error: type, ...given('error_description', description) }
}
