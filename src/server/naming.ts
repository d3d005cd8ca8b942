/** Giving a name: tables and views share theirs, so an error says by which of them it is taken. */
import { isLakeError, LakeError } from '../base/errors.js'
import type { TableIdentifier } from '../catalog/catalog.js'
import { printIdentifier } from '../catalog/identifier.js'
import { parseRenameRequest } from '../rest/table-json.js'
import { audited } from './audit.js'
import { requireNewTable } from './grants.js'
import { bodyOf, checkLevels, type RestRequest } from './rest-route.js'
import type { ServerContext } from './server-context.js'

export interface GivenName {
  readonly kind: 'table' | 'view'
  readonly identifier: TableIdentifier
  /** The name that it had. */
  readonly from?: TableIdentifier | undefined
  /** It was staged: another of its kind breaks the requirement that there is none. */
  readonly staged?: boolean | undefined
}

/** Makes or renames something. @throws already-exists that says what has the name; and what `make` throws */
export async function naming<T>(
  { catalog }: ServerContext,
  name: GivenName,
  make: () => Promise<T>,
): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if (!isLakeError(error, 'already-exists')) throw error
    const holder = (await catalog.views?.exists(name.identifier)) ? 'view' : 'table'
    throw name.staged === true && holder === name.kind ? error : nameTaken(name, holder, error)
  }
}

/** Gives what the body of the request names another name. @throws what `requireSource` and `rename` throw, denied */
export async function renaming(
  context: ServerContext,
  request: RestRequest,
  by: {
    readonly kind: GivenName['kind']
    /** Whether the principal may take the name away. */
    readonly requireSource: (source: TableIdentifier) => void
    readonly rename: (source: TableIdentifier, destination: TableIdentifier) => Promise<void>
  },
): Promise<void> {
  const { kind, requireSource, rename } = by
  const { source, destination } = bodyOf(request, parseRenameRequest)
  checkLevels(source.namespace)
  checkLevels(destination.namespace)
  requireSource(source)
  requireNewTable(request.principal, destination)
  const change = {
    action: `rename-${kind}`,
    [kind]: printIdentifier(source),
    to: printIdentifier(destination),
  }
  const name: GivenName = { kind, identifier: destination, from: source }
  await audited(context, request, change, () => naming(context, name, () => rename(source, destination)))
}

/** Checks that the name is free, for what will be made later. @throws already-exists */
export async function checkFree({ catalog }: ServerContext, name: GivenName): Promise<void> {
  const { identifier } = name
  if (await catalog.tableExists(identifier)) throw nameTaken(name, 'table')
  if (await catalog.views?.exists(identifier)) throw nameTaken(name, 'view')
}

function nameTaken(
  { kind, identifier, from }: GivenName,
  holder: 'table' | 'view',
  cause?: unknown,
): LakeError {
  const context = {
    [kind]: printIdentifier(identifier),
    holder,
    ...(from === undefined ? {} : { from: printIdentifier(from) }),
  }
  return new LakeError('already-exists', 'a table or view of that name exists already', { cause, context })
}
