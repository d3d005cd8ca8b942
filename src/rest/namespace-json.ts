/**
 * Requests and answers about namespaces.
 * @see Iceberg REST catalog specification, CreateNamespaceRequest, GetNamespaceResponse, ListNamespacesResponse,
 * UpdateNamespacePropertiesRequest
 */
import type { JsonObject } from '../base/json.js'
import { optionalList, optionalText, textMapOf, textsOf } from '../base/json-fields.js'
import { given } from '../metadata/snapshot-json.js'
import { parseLevels } from './identifier-json.js'

/** Request of `createNamespace`; answer of `createNamespace` and `loadNamespace`. */
export interface NamespaceWithProperties {
  readonly namespace: readonly string[]
  readonly properties: Readonly<Record<string, string>>
}

/** @throws corrupt */
export function parseNamespaceWithProperties(json: JsonObject): NamespaceWithProperties {
  return { namespace: parseLevels(json.namespace, 'namespace'), properties: textMapOf(json, 'properties') }
}

export function serializeNamespaceWithProperties(value: NamespaceWithProperties): JsonObject {
  return { namespace: value.namespace, properties: value.properties }
}

export interface NamespacePage {
  readonly namespaces: readonly (readonly string[])[]
  readonly nextPageToken?: string | undefined
}

/** @throws corrupt */
export function parseNamespacePage(json: JsonObject): NamespacePage {
  return {
    namespaces: (optionalList(json, 'namespaces') ?? []).map(levels => parseLevels(levels, 'namespaces')),
    ...given('nextPageToken', optionalText(json, 'next-page-token')),
  }
}

export function serializeNamespacePage(page: NamespacePage): JsonObject {
  return { 'next-page-token': page.nextPageToken ?? null, namespaces: page.namespaces }
}

export interface NamespaceUpdate {
  readonly removals: readonly string[]
  readonly updates: Readonly<Record<string, string>>
}

/** @throws corrupt */
export function parseNamespaceUpdate(json: JsonObject): NamespaceUpdate {
  return { removals: textsOf(json, 'removals') ?? [], updates: textMapOf(json, 'updates') }
}

export function serializeNamespaceUpdate({ removals, updates }: NamespaceUpdate): JsonObject {
  return { removals, updates }
}

/** Keys that were set, removed, and asked to be removed but not there. */
export interface NamespaceUpdateResult {
  readonly updated: readonly string[]
  readonly removed: readonly string[]
  readonly missing: readonly string[]
}

export function serializeNamespaceUpdateResult(result: NamespaceUpdateResult): JsonObject {
  return { updated: result.updated, removed: result.removed, missing: result.missing }
}
