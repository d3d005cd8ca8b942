/**
 * Clients of S3: one for the lake's own credentials and one for each grant of a catalog, all on one pool of connections.
 * The SDK is loaded by the first request.
 */
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import type { Runtime } from '../base/runtime.js'
import { awsClientConfig, awsRequestHandler } from './aws-config.js'
import { booleanProperty, firstProperty, type Properties } from './aws-properties.js'
import { parseS3Prefix } from './s3-location.js'
import { remoteSigner, signsRemotely } from './s3-remote-sign.js'
import { type S3Settings, s3Settings } from './s3-settings.js'
import type { StorageAccess, StorageGrant } from './storage-access.js'

export type S3Sdk = typeof import('@aws-sdk/client-s3')

/** How the objects of a location are reached. */
export interface S3Connection {
  readonly sdk: S3Sdk
  readonly client: S3Client
  readonly settings: S3Settings
  /** What requests name as the bucket: itself, or its access point. */
  readonly bucket: string
}

export interface S3Connections {
  /** @throws invalid-argument for a location without a bucket; denied when a grant has ended */
  open(location: string, signal?: AbortSignal): Promise<S3Connection>
}

export interface S3ConnectionOptions {
  readonly properties: Properties
  readonly runtime: Runtime
  readonly access?: StorageAccess | undefined
}

/** Grants change with every refresh. */
const GRANTED_CLIENTS_MAX = 64

interface KeptClient {
  readonly client: S3Client
  readonly settings: S3Settings
}

export function createS3Connections(options: S3ConnectionOptions): S3Connections {
  const { properties, access } = options
  const shared = once(() => loadShared(properties))
  const own = once(async () => makeClient(await shared(), undefined, options))
  const granted = new Map<StorageGrant, () => Promise<KeptClient>>()

  const clientOf = (grant: StorageGrant | undefined): Promise<KeptClient> => {
    if (grant === undefined) return own()
    const open = granted.get(grant) ?? once(async () => makeClient(await shared(), grant, options))
    // Those that are not used go first.
    granted.delete(grant)
    granted.set(grant, open)
    for (const oldest of granted.keys()) {
      if (granted.size <= GRANTED_CLIENTS_MAX) break
      granted.delete(oldest)
    }
    return open()
  }

  return {
    async open(location, signal) {
      const { bucket } = parseS3Prefix(location)
      const grant = await access?.grantFor(location, signal)
      const [{ sdk }, { client, settings }] = await Promise.all([shared(), clientOf(grant)])
      return { sdk, client, settings, bucket: firstProperty(settings.accessPoints, bucket) ?? bucket }
    },
  }
}

type Shared = Awaited<ReturnType<typeof loadShared>>

async function loadShared(properties: Properties) {
  const [sdk, requestHandler] = await Promise.all([
    import('@aws-sdk/client-s3'),
    awsRequestHandler(properties, 's3'),
  ])
  return { sdk, requestHandler }
}

async function makeClient(
  { sdk, requestHandler }: Shared,
  grant: StorageGrant | undefined,
  { properties, runtime }: S3ConnectionOptions,
): Promise<KeptClient> {
  const own = grant === undefined ? properties : grantedProperties(properties, grant.config)
  const settings = s3Settings(own)
  const signer = await signerOf(own, grant, runtime)
  const config = await awsClientConfig(signer === undefined ? own : withoutCredentials(own), 's3', {
    requestHandler,
  })
  const client = new sdk.S3Client({
    ...config,
    ...switches(own),
    ...(signer === undefined ? {} : { signer }),
  })
  return { client, settings }
}

function switches(properties: Properties): S3ClientConfig {
  return {
    forcePathStyle: pathStyle(properties),
    followRegionRedirects: booleanProperty(properties, 's3.cross-region-access-enabled', false),
    useAccelerateEndpoint: booleanProperty(properties, 's3.acceleration-enabled', false),
    useDualstackEndpoint: booleanProperty(properties, 's3.dualstack-enabled', false),
    useArnRegion: booleanProperty(properties, 's3.use-arn-region-enabled', false),
    // Ranges have no checksum, and what tables are made of checks itself.
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
  }
}

/** As PyIceberg decides: a store with an endpoint of its own has the bucket in the path, unless told otherwise. */
function pathStyle(properties: Properties): boolean {
  const hasEndpoint = firstProperty(properties, 's3.endpoint') !== undefined
  const isVirtual = booleanProperty(properties, 's3.force-virtual-addressing', false)
  return booleanProperty(properties, 's3.path-style-access', hasEndpoint && !isVirtual)
}

type Signer = NonNullable<S3ClientConfig['signer']>

async function signerOf(
  properties: Properties,
  grant: StorageGrant | undefined,
  runtime: Runtime,
): Promise<Signer | undefined> {
  if (signsRemotely(properties)) {
    return remoteSigner({ properties, runtime, headers: grant?.signerHeaders })
  }
  return booleanProperty(properties, 's3.anonymous', false) ? { sign: async request => request } : undefined
}

const CREDENTIALS = /^(s3|client)\.(access-key-id|secret-access-key|session-token|profile-name)$/
const ROLES = /^(s3|client)\.role-arn$|^client\.assume-role\.arn$/

/** A grant's keys come without what the lake's own would add to them. */
function grantedProperties(properties: Properties, config: Properties): Properties {
  const hasKeys = firstProperty(config, 's3.access-key-id', 'client.access-key-id') !== undefined
  return { ...(hasKeys ? filtered(properties, name => !isCredential(name)) : properties), ...config }
}

/** Where somebody else signs, or nobody, the SDK still wants keys: it gets some that mean nothing. */
function withoutCredentials(properties: Properties): Properties {
  return {
    ...filtered(properties, name => !isCredential(name)),
    's3.access-key-id': 'unsigned',
    's3.secret-access-key': 'unsigned',
  }
}

function isCredential(name: string): boolean {
  return CREDENTIALS.test(name) || ROLES.test(name)
}

function filtered(properties: Properties, keeps: (name: string) => boolean): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => keeps(name)))
}

/** Calls the function when its result is wanted first, and again after a failure. */
function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined
  return () => {
    loaded ??= load().catch(error => {
      loaded = undefined
      throw error
    })
    return loaded
  }
}
