/** Namespaces: those that the principal's grants are about. */
import { printNamespace } from '../catalog/identifier.js'
import { ENDPOINTS } from '../rest/endpoints.js'
import { namespaceFromQuery } from '../rest/identifier-json.js'
import {
  parseNamespaceUpdate,
  parseNamespaceWithProperties,
  serializeNamespacePage,
  serializeNamespaceUpdateResult,
  serializeNamespaceWithProperties,
} from '../rest/namespace-json.js'
import { pageOf } from '../rest/page-token.js'
import { audited } from './audit.js'
import { restErrorAnswer } from './error-answer.js'
import { requireManage, requireNamespace, seesNamespace } from './grants.js'
import { checkNamespaceKeys } from './location-policy.js'
import {
  bodyOf,
  checkLevels,
  jsonAnswer,
  NO_CONTENT,
  pageRequestOf,
  type RestAnswer,
  type RestRequest,
  type RestRoute,
} from './rest-route.js'
import { seenNamespace } from './seen.js'
import type { ServerContext } from './server-context.js'

export const NAMESPACE_ROUTES: readonly RestRoute[] = [
  { endpoint: ENDPOINTS.listNamespaces, handle: listNamespaces },
  { endpoint: ENDPOINTS.createNamespace, keyed: true, handle: createNamespace },
  { endpoint: ENDPOINTS.loadNamespace, handle: loadNamespace },
  { endpoint: ENDPOINTS.namespaceExists, handle: namespaceExists },
  { endpoint: ENDPOINTS.dropNamespace, keyed: true, handle: dropNamespace },
  { endpoint: ENDPOINTS.updateNamespace, keyed: true, handle: updateNamespace },
]

async function listNamespaces({ catalog }: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { principal, signal, query } = request
  const parent = namespaceFromQuery(query.get('parent') ?? '')
  if (parent.length > 0) requireNamespace(principal, checkLevels(parent))
  const all = await catalog.listNamespaces(parent, { signal })
  const seen = all.filter(namespace => seesNamespace(principal, namespace))
  const page = pageOf(seen, pageRequestOf(request), namespace => namespace)
  return jsonAnswer(serializeNamespacePage({ namespaces: page.items, nextPageToken: page.nextPageToken }))
}

async function createNamespace(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { catalog } = context
  const { principal, signal } = request
  const { namespace, properties } = bodyOf(request, parseNamespaceWithProperties)
  requireManage(principal, checkLevels(namespace))
  checkNamespaceKeys(request, Object.keys(properties))
  await audited(context, request, { action: 'create-namespace', namespace: printNamespace(namespace) }, () =>
    catalog.createNamespace(namespace, properties, { signal }),
  )
  const stored = await catalog.loadNamespace(namespace, { signal })
  return jsonAnswer(serializeNamespaceWithProperties({ namespace, properties: stored }))
}

async function loadNamespace({ catalog }: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const namespace = seenNamespace(request)
  const properties = await catalog.loadNamespace(namespace, { signal: request.signal })
  return jsonAnswer(serializeNamespaceWithProperties({ namespace, properties }))
}

async function namespaceExists({ catalog }: ServerContext, request: RestRequest): Promise<RestAnswer> {
  await catalog.loadNamespace(seenNamespace(request), { signal: request.signal })
  return NO_CONTENT
}

async function dropNamespace(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const namespace = seenNamespace(request)
  requireManage(request.principal, namespace)
  await audited(context, request, { action: 'drop-namespace', namespace: printNamespace(namespace) }, () =>
    context.catalog.dropNamespace(namespace, { signal: request.signal }),
  )
  return NO_CONTENT
}

async function updateNamespace(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { catalog } = context
  const { principal, signal } = request
  const namespace = seenNamespace(request)
  requireManage(principal, namespace)
  const change = bodyOf(request, parseNamespaceUpdate)
  const { removals, updates } = change
  checkNamespaceKeys(request, [...removals, ...Object.keys(updates)])
  const twice = removals.find(key => Object.hasOwn(updates, key))
  if (twice !== undefined)
    return unprocessable(`Invalid namespace update, cannot simultaneously set and remove keys: [${twice}]`)
  const before = await catalog.loadNamespace(namespace, { signal })
  await audited(context, request, { action: 'update-namespace', namespace: printNamespace(namespace) }, () =>
    catalog.updateNamespace(namespace, change, { signal }),
  )
  const isThere = (key: string): boolean => Object.hasOwn(before, key)
  return jsonAnswer(
    serializeNamespaceUpdateResult({
      updated: Object.keys(updates),
      removed: removals.filter(isThere),
      missing: removals.filter(key => !isThere(key)),
    }),
  )
}

/** The protocol has a status of its own for this. */
function unprocessable(message: string): RestAnswer {
  return restErrorAnswer({ status: 422, type: 'UnprocessableEntityException', message })
}
