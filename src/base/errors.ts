/**
 * The one error class that leaves the engine. Its `kind` is public API: it says what the caller can do.
 *
 * | kind | the caller |
 * |---|---|
 * | invalid-argument | fixes the call |
 * | not-found | names something else |
 * | already-exists | picks another name, or takes what is there |
 * | conflict | refreshes and plans again: someone else won |
 * | commit-state-unknown | looks before retrying and deletes nothing: it may have landed |
 * | corrupt | has stored bytes that break the specification |
 * | unsupported | uses a legal part of Iceberg that is not built |
 * | unavailable | waits and repeats the same request |
 * | denied | gets the permission |
 * | aborted | cancelled it |
 */
export type ErrorKind =
  | 'invalid-argument'
  | 'not-found'
  | 'already-exists'
  | 'conflict'
  | 'commit-state-unknown'
  | 'corrupt'
  | 'unsupported'
  | 'unavailable'
  | 'denied'
  | 'aborted'

/** Values that identify what an error is about; printed as JSON after the message. */
export type ErrorContext = Readonly<Record<string, string | number | bigint | boolean | readonly string[]>>

export interface LakeErrorOptions {
  readonly context?: ErrorContext
  readonly cause?: unknown
}

/** An error of a kind. `message` is one lowercase sentence without values; values are in `context`. */
export class LakeError extends Error {
  readonly kind: ErrorKind
  readonly context: ErrorContext

  constructor(kind: ErrorKind, message: string, options: LakeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LakeError'
    this.kind = kind
    this.context = options.context ?? {}
  }
}

export function isLakeError(error: unknown, kind?: ErrorKind): error is LakeError {
  return error instanceof LakeError && (kind === undefined || error.kind === kind)
}

/** The text of anything thrown, for a message or a context value. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Throws kind `aborted` when the signal has fired. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal)
}

/** What an operation that was aborted ends with. */
export function abortedError(signal: AbortSignal | undefined): LakeError {
  return new LakeError('aborted', 'the operation was aborted', { cause: signal?.reason })
}
