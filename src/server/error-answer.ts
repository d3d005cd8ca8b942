/**
 * Anything thrown as an answer of the protocol. Clients of Java's library show the message to people and programs, some of
 * which go by it, so the common ones begin with its words.
 */
import { utf8Encode } from '../base/bytes.js'
import { isLakeError, type LakeError } from '../base/errors.js'
import { stringifyJson } from '../base/json.js'
import type { TableRequirement } from '../metadata/table-update.js'
import { type RestError, restErrorOf, serializeRestError } from '../rest/error-json.js'
import type { RestAnswer } from './rest-route.js'

export type ErrorAnswer = RestAnswer & { readonly body: Uint8Array }

export function errorAnswer(error: unknown): ErrorAnswer {
  return restErrorAnswer(isLakeError(error) ? named(restErrorOf(error), error) : restErrorOf(error))
}

export function restErrorAnswer(
  error: RestError,
  headers: Readonly<Record<string, string>> = {},
): ErrorAnswer {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', ...headers },
    body: utf8Encode(stringifyJson(serializeRestError(error))),
  }
}

function named(rest: RestError, { message, context }: LakeError): RestError {
  const { type } = rest
  switch (type) {
    case 'BadRequestException':
      // By this type Java's library tells a mistake of its caller from one of its own.
      return { ...rest, type: 'IllegalArgumentException', message: mistake(message, context) ?? rest.message }
    case 'NoSuchTableException':
      return { ...rest, message: `Table does not exist: ${String(context.table)}` }
    case 'NoSuchViewException':
      return { ...rest, message: `View does not exist: ${String(context.view)}` }
    case 'NoSuchNamespaceException':
      return { ...rest, message: `Namespace does not exist: ${String(context.namespace)}` }
    case 'NotFoundException':
      return context.location === undefined
        ? rest
        : { ...rest, message: `Failed to open input stream for file: ${String(context.location)}` }
    case 'NamespaceNotEmptyException':
      return { ...rest, message: `Namespace ${String(context.namespace)} is not empty: ${rest.message}` }
    case 'AlreadyExistsException':
      return { ...rest, message: takenMessage(context) }
    case 'CommitFailedException':
      return {
        ...rest,
        message: `${brokenRequirement(context)}${message}: ${String(context.table ?? context.view)}`,
      }
    default:
      return rest
  }
}

/** Java's words for a mistake that programs look for. */
function mistake(message: string, { dialect }: LakeError['context']): string | undefined {
  if (message !== 'a view has one definition per dialect') return undefined
  return `Invalid view version: Cannot add multiple queries for dialect ${String(dialect)}`
}

// ---- names that are taken

/** What has the name, what was to get it, and what is renamed. */
function takenMessage(context: LakeError['context']): string {
  const { table, view, namespace, holder, from } = context
  const wanted = view === undefined ? 'table' : 'view'
  const name = String(view ?? table)
  if (table === undefined && view === undefined) return `Namespace already exists: ${String(namespace)}`
  if (context.requirement === 'assert-create') return `Requirement failed: table already exists: ${name}`
  const held = holder === undefined ? wanted : String(holder)
  const noun = `${held.slice(0, 1).toUpperCase()}${held.slice(1)}`
  if (from !== undefined) return `Cannot rename ${String(from)} to ${name}. ${noun} already exists`
  return held === wanted
    ? `${noun} already exists: ${name}`
    : `${noun} with same name already exists: ${name}`
}

// ---- requirements that do not hold

const JAVA_WORDS: { readonly [T in TableRequirement['type']]: string } = {
  'assert-create': 'table already exists',
  'assert-table-uuid': 'UUID does not match',
  'assert-ref-snapshot-id': 'branch has changed',
  'assert-last-assigned-field-id': 'last assigned field id changed',
  'assert-current-schema-id': 'current schema changed',
  'assert-last-assigned-partition-id': 'last assigned partition id changed',
  'assert-default-spec-id': 'default partition spec changed',
  'assert-default-sort-order-id': 'default sort order changed',
}

function brokenRequirement({ requirement }: LakeError['context']): string {
  if (typeof requirement !== 'string') return ''
  const words = Object.entries(JAVA_WORDS).find(([type]) => type === requirement)
  return words === undefined ? 'Requirement failed: ' : `Requirement failed: ${words[1]}: `
}
