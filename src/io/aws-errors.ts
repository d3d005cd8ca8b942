/**
 * What clients of AWS throw: its name, the status of the answer, and the cause that may be kept. Known by names and status,
 * never by texts.
 */
import { errorText } from '../base/errors.js'
import { brokeConnection, errnoOf } from './errno.js'

/** The code of the service (`NoSuchKey`), or of the connection (`ECONNRESET`). */
export function awsErrorName(error: unknown): string {
  const code = errnoOf(error)
  if (code !== undefined && metadataOf(error) === undefined) return code
  // An answer without a body has only a status.
  const name = error instanceof Error ? error.name : 'Error'
  const found = name === 'Error' || name === 'UnknownError' ? textField(error, 'Code') : name
  return found ?? code ?? name
}

/** Of the answer; undefined when none came, or none that could be read. */
export function awsErrorStatus(error: unknown): number | undefined {
  const metadata = metadataOf(error)
  const status = isRecord(metadata) ? metadata.httpStatusCode : undefined
  return typeof status === 'number' ? status : undefined
}

export function awsRequestId(error: unknown): string | undefined {
  return textField(metadataOf(error), 'requestId')
}

/** What the SDK throws holds the request, the access key id, what was signed: only its name and text are kept. */
export function awsErrorCause(error: unknown): Error {
  const plain = new Error(errorText(error))
  plain.name = awsErrorName(error)
  return plain
}

/** True for a connection that never was: nothing was sent. */
export function isNotSent(error: unknown): boolean {
  return NOT_SENT.has(awsErrorName(error)) && !brokeConnection(error)
}

const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/** Errors of the SDK about where credentials come from: nothing was sent. */
export const NO_CREDENTIALS: ReadonlySet<string> = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'ProviderError',
])

export function textField(value: unknown, field: string): string | undefined {
  const text = isRecord(value) ? value[field] : undefined
  return typeof text === 'string' ? text : undefined
}

function metadataOf(error: unknown): unknown {
  return isRecord(error) ? error.$metadata : undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
