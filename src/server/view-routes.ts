/** Views of catalogs that have them. */
import { LakeError } from '../base/errors.js'
import { printIdentifier } from '../catalog/identifier.js'
import type { CatalogViews, LoadedView, ViewCommit } from '../catalog/views.js'
import { newViewUpdates } from '../metadata/view-definition.js'
import { ENDPOINTS } from '../rest/endpoints.js'
import {
  parseCommitViewRequest,
  parseCreateViewRequest,
  parseRegisterViewRequest,
  serializeLoadViewResult,
} from '../rest/view-json.js'
import { audit, audited } from './audit.js'
import { grantOn, isRestricted, requireNewTable, requireView } from './grants.js'
import { checkNewUpdates, checkUpdates, requireAnyLocation } from './location-policy.js'
import { naming, renaming } from './naming.js'
import {
  bodyOf,
  identifierOf,
  identifiersAnswer,
  jsonAnswer,
  NO_CONTENT,
  namespaceOf,
  type RestAnswer,
  type RestRequest,
  type RestRoute,
} from './rest-route.js'
import { seenNamespace, seenView } from './seen.js'
import type { ServerContext } from './server-context.js'

export const VIEW_ROUTES: readonly RestRoute[] = [
  { endpoint: ENDPOINTS.listViews, handle: listViews },
  { endpoint: ENDPOINTS.createView, keyed: true, handle: createView },
  { endpoint: ENDPOINTS.registerView, keyed: true, handle: registerView },
  { endpoint: ENDPOINTS.loadView, handle: loadView },
  { endpoint: ENDPOINTS.viewExists, handle: viewExists },
  { endpoint: ENDPOINTS.commitView, keyed: true, handle: commitView },
  { endpoint: ENDPOINTS.dropView, keyed: true, handle: dropView },
  { endpoint: ENDPOINTS.renameView, keyed: true, handle: renameView },
]

/** @throws unsupported */
function viewsOf({ catalog }: ServerContext): CatalogViews {
  if (catalog.views !== undefined) return catalog.views
  throw new LakeError('unsupported', 'the catalog has no views', { context: { catalog: catalog.name } })
}

function viewAnswer({ metadata, metadataLocation }: LoadedView): RestAnswer {
  return jsonAnswer(serializeLoadViewResult({ metadata, metadataLocation, config: {} }))
}

async function listViews(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { principal, signal } = request
  const namespace = seenNamespace(request)
  const all = await viewsOf(context).list(namespace, { signal })
  const seen = all.filter(identifier => {
    const grant = grantOn(principal, identifier)
    return grant !== undefined && !isRestricted(grant)
  })
  return identifiersAnswer(request, seen)
}

async function createView(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { catalog, runtime } = context
  const asked = bodyOf(request, parseCreateViewRequest)
  const identifier = { namespace: namespaceOf(request), name: asked.name }
  requireNewTable(request.principal, identifier)
  await catalog.loadNamespace(identifier.namespace, { signal: request.signal })
  const updates = newViewUpdates({
    uuid: runtime.uuid(),
    location: asked.location ?? (await catalog.defaultTableLocation(identifier, { signal: request.signal })),
    properties: asked.properties,
    schema: asked.schema,
    version: asked.viewVersion,
  })
  await checkNewUpdates(context, request, { identifier, updates })
  const change: ViewCommit = { identifier, requirements: [{ type: 'assert-create' }], updates }
  const view = await naming(context, { kind: 'view', identifier }, () =>
    committedView(context, request, change),
  )
  return viewAnswer(view)
}

async function commitView(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const identifier = identifierOf(request, 'view')
  requireView(request.principal, identifier, 'write')
  const change = { identifier, ...bodyOf(request, parseCommitViewRequest) }
  const { signal } = request
  await checkUpdates(request, change.updates, () => viewsOf(context).load(identifier, { signal }))
  return viewAnswer(await committedView(context, request, change))
}

/** @throws conflict, already-exists, commit-state-unknown, and what the catalog throws */
async function committedView(
  context: ServerContext,
  request: RestRequest,
  change: ViewCommit,
): Promise<LoadedView> {
  const named = { view: printIdentifier(change.identifier) }
  let outcome: string = 'failed'
  try {
    const answer = await viewsOf(context).commit(change, { signal: request.signal })
    outcome = answer.status
    if (answer.status === 'committed') return answer.view
    if (answer.status === 'conflict') {
      const kind = answer.requirement?.type === 'assert-create' ? 'already-exists' : 'conflict'
      throw new LakeError(kind, answer.reason, { context: named })
    }
    throw new LakeError('commit-state-unknown', 'the commit may have landed or may yet land', {
      cause: answer.cause,
      context: named,
    })
  } finally {
    context.metrics.commit(outcome)
    audit(context, request, {
      action: 'commit-view',
      ...named,
      outcome,
      updates: change.updates.map(({ action }) => action),
    })
  }
}

async function registerView(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { name, metadataLocation } = bodyOf(request, parseRegisterViewRequest)
  const identifier = { namespace: namespaceOf(request), name }
  requireNewTable(request.principal, identifier)
  requireAnyLocation(request, identifier)
  const change = { action: 'register-view', view: printIdentifier(identifier), metadataLocation }
  const view = await audited(context, request, change, () =>
    naming(context, { kind: 'view', identifier }, () =>
      viewsOf(context).register(identifier, metadataLocation, { signal: request.signal }),
    ),
  )
  return viewAnswer(view)
}

async function loadView(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  return viewAnswer(await viewsOf(context).load(seenView(request), { signal: request.signal }))
}

async function viewExists(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const identifier = seenView(request)
  if (await viewsOf(context).exists(identifier, { signal: request.signal })) return NO_CONTENT
  throw new LakeError('not-found', 'the view does not exist', {
    context: { view: printIdentifier(identifier) },
  })
}

async function dropView(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const identifier = identifierOf(request, 'view')
  requireView(request.principal, identifier, 'manage')
  await audited(context, request, { action: 'drop-view', view: printIdentifier(identifier) }, () =>
    viewsOf(context).drop(identifier, { signal: request.signal }),
  )
  return NO_CONTENT
}

async function renameView(context: ServerContext, request: RestRequest): Promise<RestAnswer> {
  const { principal, signal } = request
  await renaming(context, request, {
    kind: 'view',
    requireSource: source => requireView(principal, source, 'manage'),
    rename: (source, destination) => viewsOf(context).rename(source, destination, { signal }),
  })
  return NO_CONTENT
}
