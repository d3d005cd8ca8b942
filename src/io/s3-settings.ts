/**
 * What the `s3.*` properties ask for, read once per client. Names are Java's (`S3FileIOProperties`) and PyIceberg's;
 * `s3.requester-pays-enabled` is ours, as neither has one.
 */
import { createHash } from 'node:crypto'
import { LakeError } from '../base/errors.js'
import type { BackoffOptions } from '../base/retry.js'
import { requestTimeoutMs } from './aws-config.js'
import {
  booleanProperty,
  firstProperty,
  numberProperty,
  type Properties,
  propertiesBelow,
} from './aws-properties.js'

export interface S3Settings {
  /** Of a part of an upload; files up to it are one request. */
  readonly partSizeBytes: number
  /** Parts of one file that are sent at once. */
  readonly partsInFlightMax: number
  readonly deleteBatchSize: number
  readonly retriesMax: number
  readonly backoff: BackoffOptions
  readonly requestTimeoutMs: number
  /** What goes into the input of requests: of all; of those that touch an object's bytes; of those that make one. */
  readonly all: { readonly RequestPayer?: 'requester' }
  readonly touching: CustomerKey
  readonly making: MakingInput
  /** Bucket to access point. */
  readonly accessPoints: Properties
}

interface CustomerKey {
  readonly SSECustomerAlgorithm?: string
  readonly SSECustomerKey?: string
  readonly SSECustomerKeyMD5?: string
}

interface MakingInput {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse'
  readonly SSEKMSKeyId?: string
  readonly ACL?: CannedAcl
  readonly StorageClass?: StorageClass
  readonly Tagging?: string
}

const MIB = 2 ** 20
const CANNED_ACLS = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'aws-exec-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
] as const
type CannedAcl = (typeof CANNED_ACLS)[number]
/** Those whose objects can be read at once. */
const STORAGE_CLASSES = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'EXPRESS_ONEZONE',
] as const
type StorageClass = (typeof STORAGE_CLASSES)[number]

/** @throws invalid-argument for values that make no sense; unsupported for what this store does not do */
export function s3Settings(properties: Properties): S3Settings {
  if (!booleanProperty(properties, 's3.delete-enabled', true)) {
    throw new LakeError('unsupported', 'objects cannot be kept when they are deleted in this version', {
      context: { property: 's3.delete-enabled' },
    })
  }
  return {
    partSizeBytes: numberProperty(properties, 's3.multipart.part-size-bytes', {
      whenAbsent: 8 * MIB,
      min: 5 * MIB,
      max: 2 ** 31,
    }),
    partsInFlightMax: numberProperty(properties, 's3.multipart.num-threads', {
      whenAbsent: 4,
      min: 1,
      max: 64,
    }),
    deleteBatchSize: numberProperty(properties, 's3.delete.batch-size', {
      whenAbsent: 1000,
      min: 1,
      max: 1000,
    }),
    retriesMax: numberProperty(properties, 's3.retry.num-retries', { whenAbsent: 5, min: 0, max: 1000 }),
    backoff: {
      waitMsMin: numberProperty(properties, 's3.retry.min-wait-ms', { whenAbsent: 100, min: 0 }),
      waitMsMax: numberProperty(properties, 's3.retry.max-wait-ms', { whenAbsent: 20_000, min: 0 }),
    },
    requestTimeoutMs: requestTimeoutMs(properties, 's3'),
    all: booleanProperty(properties, 's3.requester-pays-enabled', false) ? { RequestPayer: 'requester' } : {},
    touching: customerKey(properties),
    making: {
      ...encryption(properties),
      ...chosen('ACL', properties, 's3.acl', CANNED_ACLS),
      ...chosen('StorageClass', properties, 's3.write.storage-class', STORAGE_CLASSES),
      ...tagging(properties),
    },
    accessPoints: propertiesBelow(properties, 's3.access-points.'),
  }
}

function encryption(properties: Properties): MakingInput {
  const type = firstProperty(properties, 's3.sse.type')?.toLowerCase() ?? 'none'
  const key = firstProperty(properties, 's3.sse.key')
  const keyId = key === undefined ? {} : { SSEKMSKeyId: key }
  switch (type) {
    case 'none':
    case 'custom':
      return {}
    case 's3':
      return { ServerSideEncryption: 'AES256' }
    case 'kms':
      return { ServerSideEncryption: 'aws:kms', ...keyId }
    case 'dsse-kms':
      return { ServerSideEncryption: 'aws:kms:dsse', ...keyId }
    default:
      throw new LakeError('invalid-argument', 'the type of encryption is not known', {
        context: { property: 's3.sse.type', known: ['none', 's3', 'kms', 'dsse-kms', 'custom'] },
      })
  }
}

function customerKey(properties: Properties): CustomerKey {
  if (firstProperty(properties, 's3.sse.type')?.toLowerCase() !== 'custom') return {}
  const key = firstProperty(properties, 's3.sse.key')
  const md5 = firstProperty(properties, 's3.sse.md5')
  const bytes = Buffer.from(key ?? '', 'base64')
  if (key === undefined || bytes.length !== 32 || createHash('md5').update(bytes).digest('base64') !== md5) {
    throw new LakeError(
      'invalid-argument',
      'a customer key has 256 bits and comes with its MD5, both in base64',
      {
        context: { properties: ['s3.sse.key', 's3.sse.md5'] },
      },
    )
  }
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key, SSECustomerKeyMD5: md5 }
}

function tagging(properties: Properties): Pick<MakingInput, 'Tagging'> {
  const tags = Object.entries(propertiesBelow(properties, 's3.write.tags.'))
  if (tags.length === 0) return {}
  return { Tagging: tags.map(pair => pair.map(encodeURIComponent).join('=')).join('&') }
}

function chosen<K extends string, V extends string>(
  field: K,
  properties: Properties,
  name: string,
  values: readonly V[],
): Partial<Record<K, V>> {
  const text = firstProperty(properties, name)
  if (text === undefined) return {}
  const value = values.find(known => known === text)
  if (value === undefined) {
    throw new LakeError('invalid-argument', 'the property has none of its values', {
      context: { property: name, values },
    })
  }
  const found: Partial<Record<K, V>> = {}
  found[field] = value
  return found
}
