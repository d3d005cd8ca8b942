/**
 * What DynamoDB's refusals and broken connections mean.
 *
 *   TransactionConflict, throttled, never connected               busy: certainly not applied
 *   TransactionInProgress, 5xx, time-outs, resets, unreadable     unknown: may have been or may yet be applied
 *   other 4xx, no credentials                                     thrown: certainly not applied
 */
import { type ErrorKind, LakeError } from '../base/errors.js'
import {
  awsErrorCause,
  awsErrorName,
  awsErrorStatus,
  awsRequestId,
  isNotSent,
  NO_CREDENTIALS,
} from '../io/aws-errors.js'

/** Names of errors and, without `Exception`, codes in a cancelled transaction. */
const BUSY = new Set([
  'TransactionConflict',
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
  'Throttling',
  'RequestLimitExceeded',
  'LimitExceeded',
  'ReplicatedWriteConflict',
])

const KIND_OF_NAME: Readonly<Record<string, ErrorKind>> = {
  ResourceNotFound: 'not-found',
  AccessDenied: 'denied',
  UnrecognizedClient: 'denied',
  InvalidSignature: 'denied',
  IncompleteSignature: 'denied',
  MissingAuthenticationToken: 'denied',
  ExpiredToken: 'denied',
  InvalidClientTokenId: 'denied',
  OptInRequired: 'denied',
}

const MESSAGE_OF_KIND: Partial<Record<ErrorKind, string>> = {
  'not-found': 'the DynamoDB table of the catalog does not exist',
  denied: 'DynamoDB refused access',
  'invalid-argument': 'DynamoDB does not accept the request',
  unavailable: 'DynamoDB could not do the request',
}

/** What a write that failed is: `certain` was not applied, and another time will not be either. */
export function writeFailure(error: unknown): 'busy' | 'unknown' | 'certain' {
  const name = shortName(error)
  const status = awsErrorStatus(error)
  if (isBusyCode(name) || isNotSent(error) || status === 429) return 'busy'
  if (NO_CREDENTIALS.has(name)) return 'certain'
  if (name === 'TransactionInProgress') return 'unknown'
  return status !== undefined && status >= 400 && status < 500 ? 'certain' : 'unknown'
}

export function isBusyCode(code: string): boolean {
  return BUSY.has(code)
}

/** The LakeError that says what failed. */
export function dynamoDbError(error: unknown, table: string): LakeError {
  if (error instanceof LakeError) return error
  const kind = kindOf(error)
  const requestId = awsRequestId(error)
  return new LakeError(kind, MESSAGE_OF_KIND[kind] ?? 'DynamoDB could not do the request', {
    context: { table, reason: awsErrorName(error), ...(requestId === undefined ? {} : { requestId }) },
    cause: awsErrorCause(error),
  })
}

function kindOf(error: unknown): ErrorKind {
  const name = shortName(error)
  if (NO_CREDENTIALS.has(name)) return 'denied'
  const known = KIND_OF_NAME[name]
  if (known !== undefined) return known
  const status = awsErrorStatus(error)
  if (status === 401 || status === 403) return 'denied'
  return writeFailure(error) === 'certain' ? 'invalid-argument' : 'unavailable'
}

function shortName(error: unknown): string {
  return awsErrorName(error).replace(/Exception$/, '')
}
