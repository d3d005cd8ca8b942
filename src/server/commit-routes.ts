/** Commits to one table, and to several at once. */
import { LakeError } from '../base/errors.js'
import type { TableCommit } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { parseCommitTableRequest, parseCommitTransactionRequest } from '../rest/commit-json.js'
import { ENDPOINTS } from '../rest/endpoints.js'
import { afterLanding, commitChanges } from './commits.js'
import { type Grant, requireNewTable, requireTable } from './grants.js'
import { checkNewUpdates, checkUpdates } from './location-policy.js'
import { naming } from './naming.js'
import {
  bodyOf,
  checkLevels,
  identifierOf,
  NO_CONTENT,
  type RestAnswer,
  type RestRequest,
  type RestRoute,
} from './rest-route.js'
import type { ServerContext } from './server-context.js'
import { committedAnswer } from './table-answer.js'

export const COMMIT_ROUTES: readonly RestRoute[] = [
  {
    endpoint: ENDPOINTS.commitTable,
    keyed: true,
    isCommit: true,
    handle: commitTable,
    again: committedBefore,
  },
  { endpoint: ENDPOINTS.commitTransaction, keyed: true, isCommit: true, handle: commitTransaction },
]

async function commitTable(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { requirements, updates } = bodyOf(request, parseCommitTableRequest)
  const change: TableCommit = { identifier: identifierOf(request, 'table'), requirements, updates }
  const grant = requireCommit(request, change)
  await checkLocations(context, request, change)
  const name = { kind: 'table', identifier: change.identifier, staged: true } as const
  const [table] = await naming(context, name, () => commitChanges(context, request, [change]))
  if (table === undefined)
    throw new LakeError('corrupt', 'the catalog told no state after a commit', {
      context: { name: printIdentifier(change.identifier) },
    })
  return committedAnswer({ table, grant })
}

/** The commit landed when it came first: the table as it is now. */
async function committedBefore(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const identifier = identifierOf(request, 'table')
  const grant = requireTable(request.principal, identifier, 'write')
  return afterLanding(identifier, async () => {
    const table = await context.catalog.loadTable(identifier, { signal: request.signal })
    return committedAnswer({ table, grant })
  })
}

async function commitTransaction(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const changes = bodyOf(request, parseCommitTransactionRequest)
  for (const change of changes) {
    checkLevels(change.identifier.namespace)
    requireCommit(request, change)
  }
  for (const change of changes) await checkLocations(context, request, change)
  if (changes.length > 1 && !context.catalog.multiTable)
    throw new LakeError('unsupported', 'the catalog cannot commit several tables at once', {
      context: { catalog: context.catalog.name },
    })
  await commitChanges(context, request, changes)
  return NO_CONTENT
}

/** @throws denied, not-found */
async function checkLocations(
  context: ServerContext,
  request: RestRequest,
  change: TableCommit,
): Promise<void> {
  const { identifier, updates } = change
  if (isCreation(change)) return checkNewUpdates(context, request, { identifier, updates })
  const { signal } = request
  return checkUpdates(request, updates, () => context.catalog.loadTable(identifier, { signal }))
}

function isCreation({ requirements }: TableCommit): boolean {
  return requirements.some(({ type }) => type === 'assert-create')
}

/** Making a table is more than writing to one. @throws not-found, denied; invalid-argument */
function requireCommit({ principal }: RestRequest, change: TableCommit): Grant {
  const { identifier, requirements } = change
  if (!isCreation(change)) return requireTable(principal, identifier, 'write')
  const others = requirements.filter(({ type }) => type !== 'assert-create')
  if (others.length > 0)
    throw new LakeError('invalid-argument', 'a commit that makes a table can require nothing else', {
      context: { requirements: others.map(({ type }) => type) },
    })
  requireNewTable(principal, identifier)
  return requireTable(principal, identifier, 'manage')
}
