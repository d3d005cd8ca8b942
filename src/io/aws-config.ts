/**
 * What clients of AWS are made from: region, endpoint, credentials and a pool of connections, as properties of a catalog
 * say it. Properties of the service (`s3.region`) win over those of all (`client.region`), those over what the SDK finds
 * in the environment and its profiles.
 *
 *   credentials   s3.access-key-id ...   >  client.access-key-id ...  >  profile  >  the SDK's chain
 *                 a role (s3.role-arn, client.role-arn, client.assume-role.arn) is assumed with what is found so
 *
 * Clients do not retry (`maxAttempts` 1): which requests may be sent again is known to those who send them.
 */
import type { NodeHttpHandler } from '@smithy/node-http-handler'
import { LakeError } from '../base/errors.js'
import type { Runtime } from '../base/runtime.js'
import { firstProperty, numberProperty, type Properties, propertiesBelow } from './aws-properties.js'

export type AwsService = 's3' | 'dynamodb' | 'glue' | 's3tables'

export interface AwsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}

export type AwsCredentialsProvider = () => Promise<AwsCredentials>

/** Fits the constructors of the SDK's clients; what is not named is left to the SDK. */
export interface AwsClientConfig {
  readonly region?: string
  readonly endpoint?: string
  readonly credentials: AwsCredentialsProvider
  readonly requestHandler: NodeHttpHandler
  readonly maxAttempts: 1
}

export interface AwsConfigOptions {
  /** A pool to share; default one of its own. */
  readonly requestHandler?: NodeHttpHandler | undefined
  /** Default the environment of the process. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined
}

/** Connections to one host; who sends more requests at once than that lets them wait outside, as waiting counts as time. */
export const SOCKETS_MAX = 64
const CONNECT_TIMEOUT_MS = 5_000
/** From sending a request until its answer begins. */
const REQUEST_TIMEOUT_MS: Readonly<Record<AwsService, number>> = {
  s3: 60_000,
  dynamodb: 10_000,
  glue: 60_000,
  s3tables: 60_000,
}
/** A connection on which nothing moves. */
const IDLE_TIMEOUT_MS = 30_000
/** Where a store is not of AWS, the region is part of the signature only. */
const REGION_OF_OTHERS = 'us-east-1'
/** Credentials are fetched again this long before they end. */
const REFRESH_AHEAD_MS = 5 * 60_000

/**
 * Everything that a client of the service needs. Loads the SDK's parts that are needed.
 * @throws invalid-argument for properties that contradict each other; unsupported for `s3.proxy-uri`
 */
export async function awsClientConfig(
  properties: Properties,
  service: AwsService,
  options: AwsConfigOptions = {},
): Promise<AwsClientConfig> {
  // Which Node is supported is ours to say: the SDK's word about it would come with every command.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const endpoint = firstProperty(properties, `${service}.endpoint`)
  const region = awsRegion(properties, service, options)
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    credentials: await awsCredentials(properties, service),
    requestHandler: options.requestHandler ?? (await awsRequestHandler(properties, service)),
    maxAttempts: 1,
  }
}

/** The region that properties or environment name; undefined: the SDK looks into its profile. */
export function awsRegion(
  properties: Properties,
  service: AwsService,
  options: Pick<AwsConfigOptions, 'environment'> = {},
): string | undefined {
  const environment = options.environment ?? process.env
  const named =
    firstProperty(properties, `${service}.region`, 'client.region', 'client.assume-role.region') ??
    environment.AWS_REGION ??
    environment.AWS_DEFAULT_REGION
  if (named !== undefined && named !== '') return named
  return firstProperty(properties, `${service}.endpoint`) === undefined ? undefined : REGION_OF_OTHERS
}

/** A pool of connections that are kept, with time-outs that end requests. Call `destroy` to close what is idle. */
export async function awsRequestHandler(
  properties: Properties,
  service: AwsService,
): Promise<NodeHttpHandler> {
  if (firstProperty(properties, `${service}.proxy-uri`, 'http-client.proxy-endpoint') !== undefined) {
    throw new LakeError('unsupported', 'requests to AWS cannot go through a proxy in this version', {
      context: { property: `${service}.proxy-uri` },
    })
  }
  const [{ NodeHttpHandler: Handler }, http, https] = await Promise.all([
    import('@smithy/node-http-handler'),
    import('node:http'),
    import('node:https'),
  ])
  const pool = { keepAlive: true, maxSockets: maxSockets(properties) }
  return new Handler({
    connectionTimeout: secondsProperty(properties, `${service}.connect-timeout`, CONNECT_TIMEOUT_MS),
    requestTimeout: requestTimeoutMs(properties, service),
    throwOnRequestTimeout: true,
    socketTimeout: IDLE_TIMEOUT_MS,
    httpAgent: new http.Agent(pool),
    httpsAgent: new https.Agent(pool),
  })
}

/** Connections to one host. */
export function maxSockets(properties: Properties): number {
  return numberProperty(properties, 'http-client.apache.max-connections', {
    whenAbsent: SOCKETS_MAX,
    min: 1,
    max: 10_000,
  })
}

/** How long an answer may take to begin; PyIceberg's property is in seconds. */
export function requestTimeoutMs(properties: Properties, service: AwsService): number {
  return secondsProperty(properties, `${service}.request-timeout`, REQUEST_TIMEOUT_MS[service])
}

function secondsProperty(properties: Properties, name: string, whenAbsentMs: number): number {
  return 1000 * numberProperty(properties, name, { whenAbsent: whenAbsentMs / 1000, min: 0.001, max: 86_400 })
}

/**
 * Where a service's credentials come from. Loads nothing for keys that are given.
 * @throws invalid-argument for half a pair of keys
 */
export async function awsCredentials(
  properties: Properties,
  service: AwsService,
): Promise<AwsCredentialsProvider> {
  const base = staticCredentials(properties, service) ?? (await chainCredentials(properties, service))
  const roleArn = firstProperty(
    properties,
    `${service}.role-arn`,
    'client.role-arn',
    'client.assume-role.arn',
  )
  return roleArn === undefined ? base : assumedRole(roleArn, base, properties, service)
}

function staticCredentials(properties: Properties, service: AwsService): AwsCredentialsProvider | undefined {
  for (const level of [service, 'client']) {
    const accessKeyId = firstProperty(properties, `${level}.access-key-id`)
    const secretAccessKey = firstProperty(properties, `${level}.secret-access-key`)
    if (accessKeyId === undefined && secretAccessKey === undefined) continue
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw new LakeError('invalid-argument', 'access key id and secret access key are set together', {
        context: { properties: [`${level}.access-key-id`, `${level}.secret-access-key`] },
      })
    }
    const sessionToken = firstProperty(properties, `${level}.session-token`)
    const credentials = {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
    }
    return async () => credentials
  }
  return undefined
}

async function chainCredentials(
  properties: Properties,
  service: AwsService,
): Promise<AwsCredentialsProvider> {
  const { fromNodeProviderChain } = await import('@aws-sdk/credential-providers')
  const profile = firstProperty(properties, `${service}.profile-name`, 'client.profile-name')
  return fromNodeProviderChain(profile === undefined ? {} : { profile })
}

async function assumedRole(
  roleArn: string,
  base: AwsCredentialsProvider,
  properties: Properties,
  service: AwsService,
): Promise<AwsCredentialsProvider> {
  const { fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  const externalId = firstProperty(properties, 'client.assume-role.external-id', 'client.external-id')
  const region = firstProperty(properties, 'client.assume-role.region') ?? awsRegion(properties, service)
  const tags = Object.entries(propertiesBelow(properties, 'client.assume-role.tags.'))
  return fromTemporaryCredentials({
    masterCredentials: base,
    params: {
      RoleArn: roleArn,
      RoleSessionName:
        firstProperty(
          properties,
          `${service}.role-session-name`,
          'client.role-session-name',
          'client.assume-role.session-name',
        ) ?? 'serac',
      DurationSeconds: numberProperty(properties, 'client.assume-role.timeout-sec', {
        whenAbsent: 3600,
        min: 900,
        max: 43_200,
      }),
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
      ...(tags.length === 0 ? {} : { Tags: tags.map(([Key, Value]) => ({ Key, Value })) }),
    },
    clientConfig: region === undefined ? {} : { region },
  })
}

/**
 * Keeps what a provider gave until shortly before it ends; calls at the same time share one fetch. The SDK's clients do
 * that by themselves.
 */
export function keptCredentials(provider: AwsCredentialsProvider, runtime: Runtime): AwsCredentialsProvider {
  let kept: Promise<AwsCredentials> | undefined
  let endsMs = Number.POSITIVE_INFINITY
  return async () => {
    if (kept !== undefined && runtime.nowMs() < endsMs - REFRESH_AHEAD_MS) return kept
    endsMs = Number.POSITIVE_INFINITY
    const fetched = provider().then(credentials => {
      endsMs = credentials.expiration?.getTime() ?? Number.POSITIVE_INFINITY
      return credentials
    })
    kept = fetched
    fetched.catch(() => {
      if (kept === fetched) kept = undefined
    })
    return fetched
  }
}
