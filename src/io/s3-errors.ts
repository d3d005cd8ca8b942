/**
 * What S3 answers when it does not do a request, and what that means: may it be sent again, was it certainly not done,
 * which kind of error is it.
 */
import { type ErrorContext, type ErrorKind, isLakeError, LakeError } from '../base/errors.js'
import {
  awsErrorCause,
  awsErrorName,
  awsErrorStatus,
  awsRequestId,
  isNotSent,
  NO_CREDENTIALS,
  textField,
} from './aws-errors.js'

export interface S3Failure {
  /** The code of S3 (`NoSuchKey`), or of the connection (`ECONNRESET`). */
  readonly name: string
  /** Undefined when no answer came. */
  readonly status: number | undefined
  /** The same request may work later. */
  readonly isPassing: boolean
  /** The request was certainly not carried out. */
  readonly isCertain: boolean
}

/** Passing, and answered with a status that says something else. */
const PASSING = new Set([
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'ThrottlingException',
  'Throttling',
  'RequestThrottled',
  'TooManyRequestsException',
  'SlowDown',
  'BandwidthLimitExceeded',
  'ConditionalRequestConflict',
  'OperationAborted',
  'BadDigest',
  'XAmzContentChecksumMismatch',
])

export function failureOf(error: unknown): S3Failure {
  const status = awsErrorStatus(error)
  const name = awsErrorName(error)
  if (status === undefined) {
    // What is ours comes before a request: a grant, a signer.
    if (isLakeError(error)) return { name, status, isPassing: error.kind === 'unavailable', isCertain: true }
    const isBefore = NO_CREDENTIALS.has(name)
    return {
      name,
      status,
      isPassing: !isBefore && !LASTING.has(name),
      isCertain: isBefore || isNotSent(error),
    }
  }
  const isPassing = status === 429 || (status >= 500 && status !== 501) || PASSING.has(name)
  return { name, status, isPassing, isCertain: status >= 400 && status < 500 }
}

/** Not answers, and not of the connection: before the request or after it. */
const LASTING = new Set(['TypeError', 'RangeError', 'SyntaxError', 'AbortError'])

const KIND_OF_NAME: Readonly<Record<string, ErrorKind>> = {
  ExpiredToken: 'denied',
  InvalidToken: 'denied',
  InvalidObjectState: 'unavailable',
  InvalidRange: 'invalid-argument',
  NotImplemented: 'unsupported',
  AbortError: 'aborted',
}

const KIND_OF_STATUS: Readonly<Record<number, ErrorKind>> = {
  301: 'invalid-argument',
  307: 'invalid-argument',
  400: 'invalid-argument',
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  405: 'denied',
  409: 'conflict',
  412: 'conflict',
  416: 'invalid-argument',
  501: 'unsupported',
}

const MESSAGE_OF_KIND: Partial<Record<ErrorKind, string>> = {
  'not-found': 'the file does not exist',
  denied: 'storage refused access',
  'invalid-argument': 'storage does not accept the request',
  unsupported: 'storage cannot do the request',
  conflict: 'another request to the file was in the way',
  aborted: 'the operation was aborted',
}

/** The LakeError that says what failed at a location. */
export function s3Error(error: unknown, location: string): LakeError {
  if (error instanceof LakeError) return error
  const { name, status, isPassing } = failureOf(error)
  const special = specialError(error, { name, status, location })
  if (special !== undefined) return special
  const kind = isPassing ? 'unavailable' : (kindOf(name, status) ?? 'unavailable')
  return new LakeError(kind, MESSAGE_OF_KIND[kind] ?? 'storage could not do the request', {
    context: { location, ...contextOf(error, { name, status }) },
    cause: awsErrorCause(error),
  })
}

function kindOf(name: string, status: number | undefined): ErrorKind | undefined {
  if (NO_CREDENTIALS.has(name) || name.startsWith('KMS.')) return 'denied'
  return KIND_OF_NAME[name] ?? (status === undefined ? undefined : KIND_OF_STATUS[status])
}

interface Known {
  readonly name: string
  readonly status: number | undefined
  readonly location: string
}

function specialError(error: unknown, { name, status, location }: Known): LakeError | undefined {
  const context = { location, ...contextOf(error, { name, status }) }
  const cause = awsErrorCause(error)
  if (name === 'NoSuchBucket')
    return new LakeError('not-found', 'the bucket does not exist', { context, cause })
  if (name === 'InvalidObjectState') {
    return new LakeError('unavailable', 'the file is archived', {
      context: {
        ...context,
        storageClass: textField(error, 'StorageClass') ?? 'GLACIER',
        remedy:
          'restore the object and wait until it is there; keep files of tables out of archiving lifecycle rules',
      },
      cause,
    })
  }
  if (status === 301 || status === 307 || name === 'AuthorizationHeaderMalformed') {
    return new LakeError('invalid-argument', 'the bucket is in another region', {
      context: { ...context, remedy: 'set s3.region, or s3.cross-region-access-enabled' },
      cause,
    })
  }
  return undefined
}

function contextOf(error: unknown, { name, status }: Pick<Known, 'name' | 'status'>): ErrorContext {
  const requestId = awsRequestId(error)
  return {
    reason: name,
    ...(status === undefined ? {} : { status }),
    ...(requestId === undefined ? {} : { requestId }),
  }
}
