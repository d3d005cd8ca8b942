/**
 * View metadata, format version 1, and its changes in the vocabulary of the REST catalog specification. Plain data:
 * the wire form is in `view-metadata-json.ts`, applying in `view-apply.ts`.
 *
 *   view -> versions (a SELECT in one or more dialects, and where its names are looked up) -> schema
 *   version log: which version was current since when
 *
 * @see Iceberg view spec, "View Metadata"
 */
import type { JsonObject } from '../base/json.js'
import type { Schema } from '../schema/types.js'

export type ViewFormatVersion = 1

export interface ViewMetadata {
  readonly viewUuid: string
  readonly formatVersion: ViewFormatVersion
  readonly location: string
  readonly schemas: readonly Schema[]
  readonly currentVersionId: number
  readonly versions: readonly ViewVersion[]
  /** Oldest first. */
  readonly versionLog: readonly ViewLogEntry[]
  readonly properties: Readonly<Record<string, string>>
}

/** A definition of the view; never changed once it is there. */
export interface ViewVersion {
  readonly versionId: number
  readonly timestampMs: number
  readonly schemaId: number
  readonly summary: Readonly<Record<string, string>>
  readonly representations: readonly ViewRepresentation[]
  /** Undefined: the catalog that holds the view. */
  readonly defaultCatalog?: string | undefined
  readonly defaultNamespace: readonly string[]
}

export type ViewRepresentation =
  | { readonly kind: 'sql'; readonly sql: string; readonly dialect: string }
  /** Of a type that the specification does not know yet: kept as it is. */
  | { readonly kind: 'other'; readonly json: JsonObject }

export interface ViewLogEntry {
  readonly timestampMs: number
  readonly versionId: number
}

/** As the schema id of a version that is added, and in `set-current-view-version`: the one added last in this list of updates. */
export const VIEW_LAST_ADDED = -1

export type ViewUpdate =
  | { readonly action: 'assign-uuid'; readonly uuid: string }
  | { readonly action: 'upgrade-format-version'; readonly formatVersion: ViewFormatVersion }
  | { readonly action: 'add-schema'; readonly schema: Schema }
  | { readonly action: 'set-location'; readonly location: string }
  | { readonly action: 'set-properties'; readonly updates: Readonly<Record<string, string>> }
  | { readonly action: 'remove-properties'; readonly removals: readonly string[] }
  | { readonly action: 'add-view-version'; readonly viewVersion: ViewVersion }
  | { readonly action: 'set-current-view-version'; readonly viewVersionId: number }

export type ViewRequirement =
  /** The name is free. Of this program, not of the wire: there a view is created by another request. */
  { readonly type: 'assert-create' } | { readonly type: 'assert-view-uuid'; readonly uuid: string }
