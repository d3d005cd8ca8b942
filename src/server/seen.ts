/** What the path of a request names, as far as the principal sees it: to others it is not there. */
import type { Namespace, TableIdentifier } from '../catalog/catalog.js'
import { type Grant, requireNamespace, requireTable, requireView } from './grants.js'
import { identifierOf, namespaceOf, type RestRequest } from './rest-route.js'

/** @throws not-found, invalid-argument */
export function seenNamespace(request: RestRequest): Namespace {
  const namespace = namespaceOf(request)
  requireNamespace(request.principal, namespace)
  return namespace
}

export interface SeenTable {
  readonly identifier: TableIdentifier
  /** At least to read. */
  readonly grant: Grant
}

/** @throws not-found, denied, invalid-argument */
export function seenTable(request: RestRequest): SeenTable {
  const identifier = identifierOf(request, 'table')
  return { identifier, grant: requireTable(request.principal, identifier, 'read') }
}

/** @throws not-found, denied, invalid-argument */
export function seenView(request: RestRequest): TableIdentifier {
  const identifier = identifierOf(request, 'view')
  requireView(request.principal, identifier, 'read')
  return identifier
}
