/** From what the operating system says to a kind of LakeError: the one table of errno codes. */
import { type ErrorKind, errorText, LakeError } from '../base/errors.js'

const KIND_OF_CODE: Readonly<Record<string, ErrorKind>> = {
  ENOENT: 'not-found',
  ENOTDIR: 'not-found',
  EISDIR: 'not-found',
  EEXIST: 'already-exists',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  EINVAL: 'invalid-argument',
  ENAMETOOLONG: 'invalid-argument',
  ERR_INVALID_ARG_VALUE: 'invalid-argument',
  ABORT_ERR: 'aborted',
}

const MESSAGE_OF_KIND: Partial<Record<ErrorKind, string>> = {
  'not-found': 'the file does not exist',
  'already-exists': 'the file exists already',
  denied: 'storage refused access',
  'invalid-argument': 'storage does not accept the location',
  aborted: 'the operation was aborted',
}

/** The code of a system error (`ENOSPC`), or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * Whether a system error broke a connection that stood: what was asked for may have arrived. A route that is lost ends
 * connections with the code (`EHOSTUNREACH`) that those get which are never made.
 */
export function brokeConnection(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && CONNECTED.has(error.syscall)
}

const CONNECTED: ReadonlySet<unknown> = new Set(['read', 'write', 'writev', 'shutdown'])

/**
 * The LakeError that says what failed at a location. A code outside the table (a full or broken disk, too many
 * open files) is `unavailable`: the same request may work later.
 */
export function storageError(error: unknown, location: string): LakeError {
  if (error instanceof LakeError) return error
  const code = errnoOf(error)
  const kind = (code === undefined ? undefined : KIND_OF_CODE[code]) ?? 'unavailable'
  const reason = code ?? errorText(error)
  const message = MESSAGE_OF_KIND[kind] ?? 'storage could not do the request'
  return new LakeError(kind, message, { context: { location, reason }, cause: error })
}
