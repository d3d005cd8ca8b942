/** Namespaces of a REST catalog. */
import { parseAnswerBody } from '../rest/body.js'
import { namespaceToQuery } from '../rest/identifier-json.js'
import {
  parseNamespacePage,
  parseNamespaceWithProperties,
  serializeNamespaceUpdate,
  serializeNamespaceWithProperties,
} from '../rest/namespace-json.js'
import type { Namespace, NamespaceVerbs } from './catalog.js'
import { checkNamespaceChange } from './catalog-errors.js'
import { printNamespace } from './identifier.js'
import { allPages, type Call, call, type RestContext } from './rest-context.js'

export function restNamespaces(context: RestContext): NamespaceVerbs {
  const { paths } = context
  const about = (namespace: Namespace): { readonly namespace: string } => ({
    namespace: printNamespace(namespace),
  })
  return {
    async createNamespace(namespace, properties = {}, { signal } = {}) {
      const json = serializeNamespaceWithProperties({ namespace, properties })
      const path = paths.namespaces
      await call(context, { endpoint: 'createNamespace', path, json, about: about(namespace), signal })
    },
    async dropNamespace(namespace, { signal } = {}) {
      const path = paths.namespace(namespace)
      const conflictKind = 'conflict'
      await call(context, { endpoint: 'dropNamespace', path, conflictKind, about: about(namespace), signal })
    },
    listNamespaces(parent = [], { signal } = {}) {
      const separator = context.properties['namespace-separator']
      const below = parent.length === 0 ? undefined : namespaceToQuery(parent, separator)
      const asked: Call = {
        endpoint: 'listNamespaces',
        path: paths.namespaces,
        query: { parent: below },
        about: about(parent),
        signal,
      }
      return allPages(context, asked, json => {
        const { namespaces, nextPageToken } = parseNamespacePage(json)
        return { items: namespaces, nextPageToken }
      })
    },
    async loadNamespace(namespace, { signal } = {}) {
      const path = paths.namespace(namespace)
      const answer = await call(context, { endpoint: 'loadNamespace', path, about: about(namespace), signal })
      return parseAnswerBody(answer.body, parseNamespaceWithProperties).properties
    },
    async updateNamespace(namespace, change, { signal } = {}) {
      checkNamespaceChange(change)
      const json = serializeNamespaceUpdate(change)
      const path = paths.namespace(namespace, 'properties')
      await call(context, { endpoint: 'updateNamespace', path, json, about: about(namespace), signal })
    },
  }
}
