/**
 * Views of a REST catalog. The wire has one request that makes a view and another that changes it; a change of ours
 * that requires a free name becomes the first.
 */
import { isLakeError } from '../base/errors.js'
import type { IoOptions } from '../io/file-io.js'
import { applyViewUpdates, currentVersion, firstBrokenOfView } from '../metadata/view-apply.js'
import { VIEW_LAST_ADDED, type ViewMetadata, type ViewUpdate } from '../metadata/view-metadata.js'
import { parseAnswerBody } from '../rest/body.js'
import { lakeErrorOf, type RestError } from '../rest/error-json.js'
import { serializeRenameRequest } from '../rest/table-json.js'
import {
  parseLoadViewResult,
  serializeCommitViewRequest,
  serializeCreateViewRequest,
  serializeRegisterViewRequest,
} from '../rest/view-json.js'
import { sameSchema } from '../schema/schema.js'
import { printIdentifier, type TableIdentifier } from './identifier.js'
import {
  type Call,
  call,
  checkEndpoint,
  listIdentifiers,
  type RestContext,
  requestOf,
} from './rest-context.js'
import { type HttpAnswer, unansweredError } from './rest-http.js'
import type { CatalogViews, LoadedView, ViewCommit, ViewOutcome } from './views.js'

/** Undefined for a server that has tables only. */
export function restViews(context: RestContext): CatalogViews | undefined {
  if (!context.endpoints.has('loadView')) return undefined
  const { paths } = context
  return {
    list: (namespace, { signal } = {}) =>
      listIdentifiers(context, namespace, { endpoint: 'listViews', signal }),
    load: (identifier, options = {}) => loadView(context, identifier, options),
    async exists(identifier, options = {}) {
      try {
        if (context.endpoints.has('viewExists'))
          await call(context, viewCall(context, 'viewExists', identifier, options))
        else await loadView(context, identifier, options)
        return true
      } catch (error) {
        if (isLakeError(error, 'not-found')) return false
        throw error
      }
    },
    async drop(identifier, options = {}) {
      await call(context, viewCall(context, 'dropView', identifier, options))
    },
    async rename(from, to, { signal } = {}) {
      const json = serializeRenameRequest({ source: from, destination: to })
      await call(context, {
        endpoint: 'renameView',
        path: paths.renameView,
        json,
        about: about(from),
        signal,
      })
    },
    async register(identifier, metadataLocation, { signal } = {}) {
      const { namespace, name } = identifier
      const answer = await call(context, {
        endpoint: 'registerView',
        path: paths.namespace(namespace, 'register-view'),
        json: serializeRegisterViewRequest({ name, metadataLocation }),
        about: about(identifier),
        signal,
      })
      return viewOf(identifier, answer)
    },
    commit: (change, options = {}) => commitView(context, change, options),
  }
}

function about(identifier: TableIdentifier): { readonly view: string } {
  return { view: printIdentifier(identifier) }
}

function viewCall(
  context: RestContext,
  endpoint: 'loadView' | 'viewExists' | 'dropView',
  identifier: TableIdentifier,
  { signal }: IoOptions,
): Call {
  return { endpoint, path: context.paths.view(identifier), about: about(identifier), signal }
}

async function loadView(
  context: RestContext,
  identifier: TableIdentifier,
  options: IoOptions,
): Promise<LoadedView> {
  return viewOf(identifier, await call(context, viewCall(context, 'loadView', identifier, options)))
}

function viewOf(identifier: TableIdentifier, answer: HttpAnswer): LoadedView {
  const { metadata, metadataLocation } = parseAnswerBody(answer.body, parseLoadViewResult)
  return { identifier, metadata, metadataLocation }
}

// ---- commit

async function commitView(
  context: RestContext,
  change: ViewCommit,
  options: IoOptions,
): Promise<ViewOutcome> {
  const asked = isCreation(change)
    ? creationOf(context, change, options)
    : replacementOf(context, await withKnownSchema(context, change, options), options)
  checkEndpoint(context, asked.endpoint)
  const outcome = await context.http(requestOf(context, asked))
  if (outcome.status === 'refused') return refused(context, change, { error: outcome.error, options })
  if (outcome.status === 'answered') {
    try {
      return { status: 'committed', view: viewOf(change.identifier, outcome) }
    } catch (error) {
      // Something answered, and maybe the change was made.
      return lookAt(context, change, { error, options })
    }
  }
  const error = unansweredError(outcome, { url: context.uri, signal: options.signal })
  if (outcome.status === 'unreachable') throw error
  return lookAt(context, change, { error, options })
}

async function lookAt(
  context: RestContext,
  change: ViewCommit,
  { error, options }: { readonly error: unknown; readonly options: IoOptions },
): Promise<ViewOutcome> {
  const view = await findEffect(context, change, options).catch(() => undefined)
  return view === undefined ? { status: 'unknown', cause: error } : { status: 'committed', view }
}

function isCreation({ requirements }: ViewCommit): boolean {
  return requirements.some(({ type }) => type === 'assert-create')
}

/** The request that makes what the updates make out of nothing; the server gives the view its uuid. */
function creationOf(context: RestContext, { identifier, updates }: ViewCommit, { signal }: IoOptions): Call {
  const metadata = applyViewUpdates(undefined, updates, { nowMs: context.runtime.nowMs() })
  const viewVersion = currentVersion(metadata)
  const [first] = metadata.schemas
  const schema = metadata.schemas.find(({ schemaId }) => schemaId === viewVersion.schemaId) ?? first
  const json = serializeCreateViewRequest({
    name: identifier.name,
    location: metadata.location,
    schema: schema ?? { schemaId: 0, fields: [], identifierFieldIds: [] },
    viewVersion,
    properties: metadata.properties,
  })
  const path = context.paths.namespace(identifier.namespace, 'views')
  return { endpoint: 'createView', path, json, about: about(identifier), signal }
}

function replacementOf(context: RestContext, change: ViewCommit, { signal }: IoOptions): Call {
  const { identifier } = change
  const json = serializeCommitViewRequest(change)
  return {
    endpoint: 'commitView',
    path: context.paths.view(identifier),
    json,
    about: about(identifier),
    signal,
  }
}

/**
 * A version that has the schema added last gets the id of an equal one that is there already: Java's server forgets
 * that it was added.
 */
async function withKnownSchema(
  context: RestContext,
  change: ViewCommit,
  options: IoOptions,
): Promise<ViewCommit> {
  const added = change.updates.flatMap(update => (update.action === 'add-schema' ? [update.schema] : []))
  const [schema] = added
  if (schema === undefined || added.length !== 1) return change
  const { metadata } = await loadView(context, change.identifier, options)
  const same = metadata.schemas.find(other => sameSchema(other, schema))
  if (same === undefined) return change
  const updates = change.updates.flatMap((update): readonly ViewUpdate[] => {
    if (update.action === 'add-schema') return []
    if (update.action !== 'add-view-version') return [update]
    const { viewVersion } = update
    const isLast = viewVersion.schemaId === VIEW_LAST_ADDED
    return [isLast ? { ...update, viewVersion: { ...viewVersion, schemaId: same.schemaId } } : update]
  })
  return { ...change, updates }
}

async function refused(
  context: RestContext,
  change: ViewCommit,
  { error, options }: { readonly error: RestError; readonly options: IoOptions },
): Promise<ViewOutcome> {
  const lakeError = lakeErrorOf(error, { conflictKind: 'conflict', context: about(change.identifier) })
  if (lakeError.kind !== 'conflict' && lakeError.kind !== 'already-exists') throw lakeError
  const current = await loadView(context, change.identifier, options).catch((cause: unknown) => {
    if (isLakeError(cause, 'not-found')) return undefined
    throw cause
  })
  const requirement = isCreation(change)
    ? change.requirements.find(({ type }) => type === 'assert-create')
    : firstBrokenOfView(change.requirements, current?.metadata)?.requirement
  return { status: 'conflict', requirement, reason: error.message, current }
}

/** The view, when there is nothing left of the change to do: it landed, or somebody else did the same. */
async function findEffect(
  context: RestContext,
  change: ViewCommit,
  options: IoOptions,
): Promise<LoadedView | undefined> {
  const view = await loadView(context, change.identifier, options)
  // The server's to choose when a view is made.
  const chosen = new Set(isCreation(change) ? ['assign-uuid', 'set-location'] : [])
  const updates = change.updates.filter(({ action }) => !chosen.has(action))
  const again: ViewMetadata = applyViewUpdates(view.metadata, updates, { nowMs: context.runtime.nowMs() })
  return again === view.metadata ? view : undefined
}
