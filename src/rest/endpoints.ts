/**
 * The endpoints of the REST catalog protocol: their names as a server announces them, and their paths for a client.
 * @see Iceberg REST catalog specification, "paths", CatalogConfig.endpoints
 */
import { encodeNamespacePath, encodePathSegment, type RestIdentifier } from './identifier-json.js'

export type EndpointName =
  | 'listNamespaces'
  | 'createNamespace'
  | 'loadNamespace'
  | 'namespaceExists'
  | 'dropNamespace'
  | 'updateNamespace'
  | 'listTables'
  | 'createTable'
  | 'registerTable'
  | 'loadTable'
  | 'tableExists'
  | 'commitTable'
  | 'dropTable'
  | 'unregisterTable'
  | 'loadCredentials'
  | 'signRequest'
  | 'reportMetrics'
  | 'renameTable'
  | 'commitTransaction'
  | 'planTableScan'
  | 'fetchPlan'
  | 'cancelPlan'
  | 'fetchScanTasks'
  | 'listViews'
  | 'createView'
  | 'registerView'
  | 'loadView'
  | 'viewExists'
  | 'commitView'
  | 'dropView'
  | 'renameView'

/** Each endpoint as it stands in the answer of `GET /v1/config`. */
export const ENDPOINTS: Readonly<Record<EndpointName, string>> = {
  listNamespaces: 'GET /v1/{prefix}/namespaces',
  createNamespace: 'POST /v1/{prefix}/namespaces',
  loadNamespace: 'GET /v1/{prefix}/namespaces/{namespace}',
  namespaceExists: 'HEAD /v1/{prefix}/namespaces/{namespace}',
  dropNamespace: 'DELETE /v1/{prefix}/namespaces/{namespace}',
  updateNamespace: 'POST /v1/{prefix}/namespaces/{namespace}/properties',
  listTables: 'GET /v1/{prefix}/namespaces/{namespace}/tables',
  createTable: 'POST /v1/{prefix}/namespaces/{namespace}/tables',
  registerTable: 'POST /v1/{prefix}/namespaces/{namespace}/register',
  loadTable: 'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  tableExists: 'HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  commitTable: 'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  dropTable: 'DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}',
  unregisterTable: 'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/unregister',
  loadCredentials: 'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials',
  signRequest: 'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/sign',
  reportMetrics: 'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics',
  renameTable: 'POST /v1/{prefix}/tables/rename',
  commitTransaction: 'POST /v1/{prefix}/transactions/commit',
  planTableScan: 'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan',
  fetchPlan: 'GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}',
  cancelPlan: 'DELETE /v1/{prefix}/namespaces/{namespace}/tables/{table}/plan/{plan-id}',
  fetchScanTasks: 'POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/tasks',
  listViews: 'GET /v1/{prefix}/namespaces/{namespace}/views',
  createView: 'POST /v1/{prefix}/namespaces/{namespace}/views',
  registerView: 'POST /v1/{prefix}/namespaces/{namespace}/register-view',
  loadView: 'GET /v1/{prefix}/namespaces/{namespace}/views/{view}',
  viewExists: 'HEAD /v1/{prefix}/namespaces/{namespace}/views/{view}',
  commitView: 'POST /v1/{prefix}/namespaces/{namespace}/views/{view}',
  dropView: 'DELETE /v1/{prefix}/namespaces/{namespace}/views/{view}',
  renameView: 'POST /v1/{prefix}/views/rename',
}

/** What a server has that announces nothing. */
export const DEFAULT_ENDPOINTS: readonly EndpointName[] = [
  'listNamespaces',
  'createNamespace',
  'loadNamespace',
  'dropNamespace',
  'updateNamespace',
  'listTables',
  'createTable',
  'loadTable',
  'commitTable',
  'dropTable',
  'registerTable',
  'reportMetrics',
  'renameTable',
  'commitTransaction',
]

/** The endpoints of views, which old servers have without saying so. */
export const VIEW_ENDPOINTS: readonly EndpointName[] = [
  'listViews',
  'createView',
  'loadView',
  'commitView',
  'dropView',
  'renameView',
]

/** Those of the announced endpoints that are known. */
export function knownEndpoints(announced: readonly string[]): ReadonlySet<EndpointName> {
  const all = new Set(announced)
  const names = Object.entries(ENDPOINTS).filter(([, endpoint]) => all.has(endpoint))
  return new Set(names.map(([name]) => name as EndpointName))
}

/** Paths below the uri of a catalog, beginning with `/v1`. */
export interface RestPaths {
  readonly namespaces: string
  readonly renameTable: string
  readonly renameView: string
  readonly commitTransaction: string
  namespace(namespace: readonly string[], ...below: readonly string[]): string
  table(identifier: RestIdentifier, ...below: readonly string[]): string
  view(identifier: RestIdentifier, ...below: readonly string[]): string
}

/** `prefix` as the server configures it: segments that are encoded already. `separator` is percent-encoded. */
export function restPaths(options: {
  readonly prefix?: string | undefined
  readonly separator?: string | undefined
}): RestPaths {
  const prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '')
  const root = prefix === '' ? '/v1' : `/v1/${prefix}`
  const below = (path: string, segments: readonly string[]): string =>
    [path, ...segments.map(encodePathSegment)].join('/')
  const namespacePath = (namespace: readonly string[]): string =>
    `${root}/namespaces/${encodeNamespacePath(namespace, options.separator)}`
  return {
    namespaces: `${root}/namespaces`,
    renameTable: `${root}/tables/rename`,
    renameView: `${root}/views/rename`,
    commitTransaction: `${root}/transactions/commit`,
    namespace: (namespace, ...segments) => below(namespacePath(namespace), segments),
    table: ({ namespace, name }, ...segments) =>
      below(namespacePath(namespace), ['tables', name, ...segments]),
    view: ({ namespace, name }, ...segments) => below(namespacePath(namespace), ['views', name, ...segments]),
  }
}
