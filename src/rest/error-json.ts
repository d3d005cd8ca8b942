/**
 * Errors of the REST protocol: status, type (the name of an exception of Java's library) and message, from and to
 * ours.
 *
 * | ours | status | type |
 * |---|---|---|
 * | invalid-argument | 400 | BadRequestException |
 * | denied | 403 (401 without a valid token) | ForbiddenException |
 * | not-found | 404 | by what is missing: NoSuchTable-, NoSuchView-, NoSuchNamespaceException, NotFoundException |
 * | already-exists | 409 | AlreadyExistsException |
 * | conflict | 409 | CommitFailedException, NamespaceNotEmptyException |
 * | unsupported | 406 | UnsupportedOperationException |
 * | corrupt | 422 | CorruptMetadataException, a name of ours |
 * | commit-state-unknown | 500 | CommitStateUnknownException |
 * | unavailable, aborted | 503 | ServiceUnavailableException |
 * | anything else | 500 | InternalServerError |
 *
 * A 5xx tells the client of a commit that it may have landed, and clients then keep files that nobody needs: certain
 * failures are never sent as one. (Clients take 503 for that too, so a commit that is refused for the time being is
 * a 429, which the server decides.)
 * @see Iceberg REST catalog specification, ErrorModel
 */
import { type ErrorContext, type ErrorKind, isLakeError, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, parseJson } from '../base/json.js'

export interface RestError {
  readonly status: number
  /** Undefined when the answer was none of the protocol: what is between client and catalog spoke. */
  readonly type?: string | undefined
  readonly message: string
}

// ---- written

const STATUS_OF: Readonly<Record<ErrorKind, readonly [status: number, type: string]>> = {
  'invalid-argument': [400, 'BadRequestException'],
  denied: [403, 'ForbiddenException'],
  'not-found': [404, 'NotFoundException'],
  'already-exists': [409, 'AlreadyExistsException'],
  conflict: [409, 'CommitFailedException'],
  unsupported: [406, 'UnsupportedOperationException'],
  corrupt: [422, 'CorruptMetadataException'],
  'commit-state-unknown': [500, 'CommitStateUnknownException'],
  unavailable: [503, 'ServiceUnavailableException'],
  aborted: [503, 'ServiceUnavailableException'],
}

/** What an error is about, by the member of its context that names it; the first that is there. */
const SUBJECTS: readonly {
  readonly member: string
  readonly missing: string
  readonly word: string
}[] = [
  { member: 'view', missing: 'NoSuchViewException', word: 'View' },
  { member: 'table', missing: 'NoSuchTableException', word: 'Table' },
  { member: 'namespace', missing: 'NoSuchNamespaceException', word: 'Namespace' },
  { member: 'planId', missing: 'NoSuchPlanIdException', word: 'Plan id' },
  { member: 'planTask', missing: 'NoSuchPlanTaskException', word: 'Plan task' },
]

/**
 * The protocol's form of anything thrown. Of errors that are not ours the message is not told to clients. What engines
 * look for in messages is worded as Java's library words it.
 */
export function restErrorOf(error: unknown): RestError {
  if (!isLakeError(error)) return { status: 500, type: 'InternalServerError', message: 'internal error' }
  const [status, type] = STATUS_OF[error.kind]
  const { context } = error
  const subject = SUBJECTS.find(({ member }) => Object.hasOwn(context, member))
  const name = subject === undefined ? '' : String(context[subject.member])
  if (subject !== undefined && error.kind === 'not-found')
    return { status, type: subject.missing, message: `${subject.word} does not exist: ${name}` }
  if (subject !== undefined && error.kind === 'already-exists')
    return { status, type, message: `${subject.word} already exists: ${name}` }
  if (error.kind === 'conflict' && Object.hasOwn(context, 'holds'))
    return { status, type: 'NamespaceNotEmptyException', message: `Namespace ${name} is not empty` }
  return { status, type, message: messageOf(error) }
}

/** Our messages are without values, so the context follows. */
function messageOf({ message, context }: LakeError): string {
  const values = Object.entries(context).map(([name, value]) => `${name}: ${String(value)}`)
  return values.length === 0 ? message : `${message} (${values.join(', ')})`
}

export function serializeRestError({ status, type, message }: RestError): JsonObject {
  return { error: { message, type: type ?? 'InternalServerError', code: status } }
}

// ---- read

const TEXT_LENGTH_MAX = 500

/** The error in the body of an answer, which may be empty or no JSON at all. Never throws. */
export function parseRestError(status: number, body: string): RestError {
  const error = errorObject(body)
  if (error === undefined) return { status, message: body.slice(0, TEXT_LENGTH_MAX) }
  const { message, type } = error
  return {
    status,
    ...(typeof type === 'string' ? { type } : {}),
    message: typeof message === 'string' ? message.slice(0, TEXT_LENGTH_MAX) : '',
  }
}

function errorObject(body: string): JsonObject | undefined {
  try {
    const json = parseJson(body)
    if (!isJsonObject(json)) return undefined
    const { error } = json
    if (isJsonObject(error)) return error
    // Token servers put the type itself there.
    if (typeof error === 'string') return { type: error, message: json.error_description ?? error }
    // Services behind an API gateway of AWS.
    return typeof json.message === 'string' ? { message: json.message } : undefined
  } catch {
    return undefined
  }
}

const KIND_OF_TYPE: Readonly<Record<string, ErrorKind>> = {
  AlreadyExistsException: 'already-exists',
  CommitFailedException: 'conflict',
  CommitStateUnknownException: 'commit-state-unknown',
  CorruptMetadataException: 'corrupt',
  NamespaceNotEmptyException: 'conflict',
  // OAuth2's.
  invalid_client: 'denied',
  invalid_grant: 'denied',
  unauthorized_client: 'denied',
  access_denied: 'denied',
  invalid_scope: 'denied',
}

const KIND_OF_STATUS: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid-argument',
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  405: 'unsupported',
  406: 'unsupported',
  419: 'denied',
  422: 'invalid-argument',
  501: 'unsupported',
}

const MESSAGES: Readonly<Record<ErrorKind, string>> = {
  'invalid-argument': 'the catalog server refuses the request',
  denied: 'the catalog server denies access',
  'not-found': 'the catalog server does not have it',
  'already-exists': 'the catalog server has it already',
  conflict: 'the catalog server refuses the change: someone else was first',
  unsupported: 'the catalog server does not do this',
  corrupt: 'the answer of the catalog server is broken',
  'commit-state-unknown': 'the catalog server does not know whether the commit landed',
  unavailable: 'the catalog server cannot answer',
  aborted: 'the operation was aborted',
}

/**
 * Our form of an error of a server; `conflictKind` is what a plain 409 means for the request.
 */
export function lakeErrorOf(
  error: RestError,
  options: { readonly conflictKind: 'already-exists' | 'conflict'; readonly context?: ErrorContext },
): LakeError {
  const kind = kindOf(error, options.conflictKind)
  return new LakeError(kind, MESSAGES[kind], {
    context: {
      ...options.context,
      status: error.status,
      ...(error.type === undefined ? {} : { type: error.type }),
      reason: error.message,
    },
  })
}

function kindOf({ status, type }: RestError, conflictKind: 'already-exists' | 'conflict'): ErrorKind {
  const byType = type !== undefined && Object.hasOwn(KIND_OF_TYPE, type) ? KIND_OF_TYPE[type] : undefined
  if (byType !== undefined) return byType
  if (status === 409) return conflictKind
  // A redirection that was not followed.
  if (status < 400) return 'unsupported'
  return (
    KIND_OF_STATUS[status] ??
    (status >= 400 && status < 500 && status !== 408 && status !== 429 ? 'invalid-argument' : 'unavailable')
  )
}
