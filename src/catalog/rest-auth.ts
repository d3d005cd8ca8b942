/**
 * How a REST catalog knows its callers, by `rest.auth.type` (`none`, `basic`, `oauth2`, `sigv4`): default OAuth2 where a
 * token or a credential is given. Signatures of AWS (Glue, S3 Tables) go over what another kind has added before.
 */
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { booleanProperty, firstProperty, type Properties } from '../io/aws-properties.js'
import type { RequestSigner } from '../io/aws-sign.js'
import type { HttpClient, OutgoingRequest, RestAuth } from './rest-http.js'
import { basicAuthorization, OAUTH_PROPERTIES, type OAuthSession, openOAuth } from './rest-oauth.js'

/** The caller of a catalog; some tables want to be called by another. */
export interface CatalogAuth extends RestAuth {
  forTable(config: Properties): RestAuth
}

export interface AuthOptions {
  readonly properties: Properties
  readonly uri: string
  readonly http: HttpClient
  readonly runtime: Runtime
}

/** Properties that decide who calls: where the server's configuration leaves them, the session stays. */
export const AUTH_PROPERTIES: readonly string[] = [
  ...OAUTH_PROPERTIES,
  'uri',
  'rest.auth.type',
  'rest.auth.basic.username',
  'rest.auth.basic.password',
  'rest.auth.sigv4.delegate-auth-type',
  'rest.sigv4-enabled',
  'rest.signing-name',
  'rest.signing-region',
  'rest.access-key-id',
  'rest.secret-access-key',
  'rest.session-token',
]

/** @throws invalid-argument for properties that are missing or contradict each other; unsupported for another kind */
export async function openAuth(options: AuthOptions): Promise<CatalogAuth> {
  const { properties } = options
  const type = firstProperty(properties, 'rest.auth.type')?.toLowerCase()
  const signs = type === 'sigv4' || booleanProperty(properties, 'rest.sigv4-enabled', false)
  if (!signs) return authOfType(type, options)
  const delegate = firstProperty(properties, 'rest.auth.sigv4.delegate-auth-type')?.toLowerCase()
  return signed(await openSigner(options), authOfType(type === 'sigv4' ? delegate : type, options))
}

function authOfType(type: string | undefined, options: AuthOptions): CatalogAuth {
  const { properties } = options
  switch (type) {
    case undefined:
      return openOAuth(options) ?? NOBODY
    case 'none':
      return NOBODY
    case 'basic':
      return basic(properties)
    case 'oauth2':
      return openOAuth(options) ?? NOBODY
    default:
      throw new LakeError('unsupported', 'this kind of authentication is not built', {
        context: { property: 'rest.auth.type', type },
      })
  }
}

/** Adds nothing. */
const NOBODY: CatalogAuth = {
  authenticate: async ({ headers }) => headers,
  renew: async () => false,
  forTable: () => NOBODY,
}

function basic(properties: Properties): CatalogAuth {
  const name = firstProperty(properties, 'rest.auth.basic.username')
  const password = firstProperty(properties, 'rest.auth.basic.password')
  if (name === undefined || password === undefined)
    throw new LakeError('invalid-argument', 'basic authentication needs a name and a password', {
      context: { properties: ['rest.auth.basic.username', 'rest.auth.basic.password'] },
    })
  const authorization = basicAuthorization(name, password)
  const auth: CatalogAuth = {
    authenticate: async ({ headers }) => ({ ...headers, authorization }),
    renew: async () => false,
    forTable: () => auth,
  }
  return auth
}

// ---- signatures of AWS

async function openSigner({ properties, uri, runtime }: AuthOptions): Promise<RequestSigner> {
  const [{ awsCredentials, awsRegion }, { awsSigner }] = await Promise.all([
    import('../io/aws-config.js'),
    import('../io/aws-sign.js'),
  ])
  const service = firstProperty(properties, 'rest.signing-name') ?? serviceOf(uri) ?? 'execute-api'
  const region =
    firstProperty(properties, 'rest.signing-region') ?? awsRegion(properties, 'glue') ?? regionOf(uri)
  if (region === undefined)
    throw new LakeError('invalid-argument', 'requests to AWS are signed for a region', {
      context: { property: 'rest.signing-region' },
    })
  const credentials = await awsCredentials(withRestKeys(properties), 'glue')
  return awsSigner({ credentials, region, service, runtime })
}

/** Keys of their own for the catalog, apart from those of the storage. */
function withRestKeys(properties: Properties): Properties {
  const keys = ['access-key-id', 'secret-access-key', 'session-token'].flatMap(key => {
    const value = firstProperty(properties, `rest.${key}`)
    return value === undefined ? [] : [[`glue.${key}`, value] as const]
  })
  return { ...properties, ...Object.fromEntries(keys) }
}

/** `https://glue.eu-west-1.amazonaws.com/iceberg`, `https://s3tables.eu-west-1.amazonaws.com/iceberg`. */
function serviceOf(uri: string): string | undefined {
  return /^https:\/\/(glue|s3tables)\./.exec(uri)?.[1]
}

function regionOf(uri: string): string | undefined {
  return /^https:\/\/[^/]*?\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com/.exec(uri)?.[1]
}

/** What the inner session adds is signed too; its `authorization` makes way and goes as `original-authorization`. */
function signed(signer: RequestSigner, inner: CatalogAuth | OAuthSession): CatalogAuth {
  const over = (auth: RestAuth): RestAuth => ({
    async authenticate(request: OutgoingRequest, signal) {
      const { authorization, ...headers } = await auth.authenticate(request, signal)
      const { method, url, body } = request
      const moved = authorization === undefined ? {} : { 'original-authorization': authorization }
      return signer({
        method,
        url,
        headers: { ...headers, ...moved },
        ...(body === undefined ? {} : { body }),
      })
    },
    renew(refused, signal) {
      const { 'original-authorization': authorization, ...headers } = refused
      return auth.renew(authorization === undefined ? headers : { ...headers, authorization }, signal)
    },
  })
  return { ...over(inner), forTable: config => over(inner.forTable(config)) }
}
