/**
 * Views on the wire of the REST catalog: requests and results, both directions, as JSON objects. Unknown members are
 * ignored; an update or requirement that is not one of views is refused, as leaving it out would change its meaning.
 * @see Iceberg REST catalog specification, "CreateViewRequest", "CommitViewRequest", "LoadViewResult"
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { JsonObject } from '../base/json.js'
import {
  asObject,
  asObjects,
  corruptField,
  objectsOf,
  optionalText,
  requiredInt,
  requiredText,
  textMapOf,
  textsOf,
} from '../base/json-fields.js'
import type { ViewMetadata, ViewRequirement, ViewUpdate, ViewVersion } from '../metadata/view-metadata.js'
import {
  parseViewFormatVersion,
  parseViewVersion,
  serializeViewVersion,
  viewMetadataFromJson,
  viewMetadataToJson,
} from '../metadata/view-metadata-json.js'
import { parseSchema, serializeSchema } from '../schema/schema-json.js'
import type { Schema } from '../schema/types.js'

export interface CreateViewRequest {
  readonly name: string
  readonly location?: string | undefined
  readonly schema: Schema
  /** Its schema id means nothing: the version gets the id of `schema`. */
  readonly viewVersion: ViewVersion
  readonly properties: Readonly<Record<string, string>>
}

/** The view itself is named by the path of the request. */
export interface CommitViewRequest {
  readonly requirements: readonly ViewRequirement[]
  readonly updates: readonly ViewUpdate[]
}

export interface LoadViewResult {
  readonly metadataLocation: string
  readonly metadata: ViewMetadata
  readonly config: Readonly<Record<string, string>>
}

export interface RegisterViewRequest {
  readonly name: string
  readonly metadataLocation: string
}

/** @throws corrupt when a member is missing or of the wrong type */
export function parseCreateViewRequest(json: JsonObject): CreateViewRequest {
  return {
    name: requiredText(json, 'name'),
    location: optionalText(json, 'location'),
    schema: parseSchema(asObject(json.schema, 'schema')),
    viewVersion: parseViewVersion(asObject(json['view-version'], 'view-version')),
    properties: textMapOf(json, 'properties'),
  }
}

export function serializeCreateViewRequest(request: CreateViewRequest): JsonObject {
  return {
    name: request.name,
    ...(request.location === undefined ? {} : { location: request.location }),
    schema: serializeSchema(request.schema),
    'view-version': serializeViewVersion(request.viewVersion),
    properties: request.properties,
  }
}

/** @throws corrupt; invalid-argument for an update or requirement that views do not have; unsupported */
export function parseCommitViewRequest(json: JsonObject): CommitViewRequest {
  return {
    requirements: objectsOf(json, 'requirements').map(parseViewRequirement),
    updates: asObjects(json.updates, 'updates').map(parseViewUpdate),
  }
}

/** @throws invalid-argument for `assert-create`, which is another request on the wire */
export function serializeCommitViewRequest(request: CommitViewRequest): JsonObject {
  return {
    requirements: request.requirements.map(requirementToJson),
    updates: request.updates.map(updateToJson),
  }
}

/** @throws corrupt, unsupported */
export function parseLoadViewResult(json: JsonObject): LoadViewResult {
  return {
    metadataLocation: requiredText(json, 'metadata-location'),
    metadata: viewMetadataFromJson(asObject(json.metadata, 'metadata')),
    config: textMapOf(json, 'config'),
  }
}

export function serializeLoadViewResult(result: LoadViewResult): JsonObject {
  const { config } = result
  return {
    'metadata-location': result.metadataLocation,
    metadata: viewMetadataToJson(result.metadata),
    ...(Object.keys(config).length > 0 ? { config } : {}),
  }
}

/** @throws corrupt */
export function parseRegisterViewRequest(json: JsonObject): RegisterViewRequest {
  return { name: requiredText(json, 'name'), metadataLocation: requiredText(json, 'metadata-location') }
}

export function serializeRegisterViewRequest(request: RegisterViewRequest): JsonObject {
  return { name: request.name, 'metadata-location': request.metadataLocation }
}

// ---- requirements

function parseViewRequirement(json: JsonObject): ViewRequirement {
  const type = requiredText(json, 'type')
  if (type === 'assert-view-uuid') return { type, uuid: requiredText(json, 'uuid') }
  throw new LakeError('invalid-argument', 'the requirement is not one of views', { context: { type } })
}

function requirementToJson(requirement: ViewRequirement): JsonObject {
  if (requirement.type === 'assert-view-uuid') return { type: requirement.type, uuid: requirement.uuid }
  const context = { type: requirement.type }
  throw new LakeError('invalid-argument', 'a commit to a view cannot require that it is new', { context })
}

// ---- updates

function parseViewUpdate(json: JsonObject): ViewUpdate {
  const action = requiredText(json, 'action')
  switch (action) {
    case 'assign-uuid':
      return { action, uuid: requiredText(json, 'uuid') }
    case 'upgrade-format-version':
      return { action, formatVersion: parseViewFormatVersion(json) }
    case 'add-schema':
      return { action, schema: parseSchema(asObject(json.schema, 'schema')) }
    case 'set-location':
      return { action, location: requiredText(json, 'location') }
    case 'set-properties':
      return { action, updates: textMapOf(json, eitherName(json, 'updates', 'updated')) }
    case 'remove-properties':
      return { action, removals: requiredTexts(json, eitherName(json, 'removals', 'removed')) }
    case 'add-view-version':
      return { action, viewVersion: parseViewVersion(asObject(json['view-version'], 'view-version')) }
    case 'set-current-view-version':
      return { action, viewVersionId: requiredInt(json, 'view-version-id') }
    default:
      throw new LakeError('invalid-argument', 'the update is not one of views', { context: { action } })
  }
}

/** Old clients write the second name. */
function eitherName(json: JsonObject, name: string, old: string): string {
  return Object.hasOwn(json, name) || !Object.hasOwn(json, old) ? name : old
}

function requiredTexts(json: JsonObject, field: string): readonly string[] {
  const texts = textsOf(json, field)
  if (texts === undefined) throw corruptField(field, 'array of strings')
  return texts
}

function updateToJson(update: ViewUpdate): JsonObject {
  const { action } = update
  switch (action) {
    case 'assign-uuid':
      return { action, uuid: update.uuid }
    case 'upgrade-format-version':
      return { action, 'format-version': update.formatVersion }
    case 'add-schema':
      return { action, schema: serializeSchema(update.schema) }
    case 'set-location':
      return { action, location: update.location }
    case 'set-properties':
      return { action, updates: update.updates }
    case 'remove-properties':
      return { action, removals: update.removals }
    case 'add-view-version':
      return { action, 'view-version': serializeViewVersion(update.viewVersion) }
    case 'set-current-view-version':
      return { action, 'view-version-id': update.viewVersionId }
    default:
      return unreachable(action)
  }
}
