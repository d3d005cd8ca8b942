/**
 * JSON of view metadata: the only place where its wire names are known. Reading refuses what would pick a wrong
 * definition (a current version or its schema that is not there) and keeps what nobody defined yet: representations
 * of another type, summary keys, properties.
 * @see Iceberg view spec, "View Metadata"
 */
import { LakeError } from '../base/errors.js'
import { type JsonObject, parseJson, stringifyJson } from '../base/json.js'
import {
  asObject,
  asObjects,
  corruptField,
  optionalText,
  requiredInt,
  requiredText,
  textMapOf,
  textsOf,
} from '../base/json-fields.js'
import { trimTrailingSlash } from '../io/location.js'
import { parseSchema, serializeSchema } from '../schema/schema-json.js'
import type {
  ViewFormatVersion,
  ViewLogEntry,
  ViewMetadata,
  ViewRepresentation,
  ViewVersion,
} from './view-metadata.js'

/** @throws corrupt for anything the specification does not allow; unsupported for a format version above 1 */
export function parseViewMetadata(text: string): ViewMetadata {
  return viewMetadataFromJson(asObject(parseJson(text), 'view metadata'))
}

/** As `parseViewMetadata`, for metadata inside another document (a REST answer). */
export function viewMetadataFromJson(json: JsonObject): ViewMetadata {
  const metadata: ViewMetadata = {
    viewUuid: requiredText(json, 'view-uuid'),
    formatVersion: parseViewFormatVersion(json),
    location: trimTrailingSlash(requiredText(json, 'location')),
    schemas: asObjects(json.schemas, 'schemas').map(parseSchema),
    currentVersionId: requiredInt(json, 'current-version-id'),
    versions: asObjects(json.versions, 'versions').map(parseViewVersion),
    versionLog: asObjects(json['version-log'], 'version-log').map(parseLogEntry),
    properties: textMapOf(json, 'properties'),
  }
  checkReferences(metadata)
  return metadata
}

/** @throws unsupported for another version than 1 */
export function parseViewFormatVersion(json: JsonObject): ViewFormatVersion {
  const version = requiredInt(json, 'format-version')
  if (version === 1) return version
  throw new LakeError('unsupported', 'the format version of the view is not supported', {
    context: { formatVersion: version },
  })
}

/** @throws corrupt */
export function parseViewVersion(json: JsonObject): ViewVersion {
  const defaultCatalog = optionalText(json, 'default-catalog')
  const defaultNamespace = textsOf(json, 'default-namespace')
  if (defaultNamespace === undefined) throw corruptField('default-namespace', 'array of strings')
  return {
    versionId: requiredInt(json, 'version-id'),
    timestampMs: requiredInt(json, 'timestamp-ms'),
    schemaId: requiredInt(json, 'schema-id'),
    summary: textMapOf(json, 'summary'),
    representations: asObjects(json.representations, 'representations').map(parseRepresentation),
    ...(defaultCatalog === undefined ? {} : { defaultCatalog }),
    defaultNamespace,
  }
}

function parseRepresentation(json: JsonObject): ViewRepresentation {
  if (requiredText(json, 'type').toLowerCase() !== 'sql') return { kind: 'other', json }
  return { kind: 'sql', sql: requiredText(json, 'sql'), dialect: requiredText(json, 'dialect') }
}

function parseLogEntry(json: JsonObject): ViewLogEntry {
  return { timestampMs: requiredInt(json, 'timestamp-ms'), versionId: requiredInt(json, 'version-id') }
}

/** Older versions may have lost their schema; what is current may not. */
function checkReferences({ versions, schemas, currentVersionId }: ViewMetadata): void {
  const current = versions.find(version => version.versionId === currentVersionId)
  if (current === undefined) throw pointsAtNothing('current-version-id', currentVersionId)
  if (!schemas.some(schema => schema.schemaId === current.schemaId))
    throw pointsAtNothing('schema-id', current.schemaId)
}

function pointsAtNothing(field: string, id: number): LakeError {
  return new LakeError('corrupt', 'an id in the metadata points at nothing', { context: { field, id } })
}

// ---- out

export function serializeViewMetadata(metadata: ViewMetadata): string {
  return stringifyJson(viewMetadataToJson(metadata))
}

export function viewMetadataToJson(metadata: ViewMetadata): JsonObject {
  const { properties } = metadata
  return {
    'view-uuid': metadata.viewUuid,
    'format-version': metadata.formatVersion,
    location: metadata.location,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    schemas: metadata.schemas.map(serializeSchema),
    'current-version-id': metadata.currentVersionId,
    versions: metadata.versions.map(serializeViewVersion),
    'version-log': metadata.versionLog.map(entry => ({
      'timestamp-ms': entry.timestampMs,
      'version-id': entry.versionId,
    })),
  }
}

export function serializeViewVersion(version: ViewVersion): JsonObject {
  const { defaultCatalog } = version
  return {
    'version-id': version.versionId,
    'timestamp-ms': version.timestampMs,
    'schema-id': version.schemaId,
    summary: version.summary,
    ...(defaultCatalog === undefined ? {} : { 'default-catalog': defaultCatalog }),
    'default-namespace': version.defaultNamespace,
    representations: version.representations.map(representationToJson),
  }
}

function representationToJson(representation: ViewRepresentation): JsonObject {
  if (representation.kind === 'other') return representation.json
  return { type: 'sql', sql: representation.sql, dialect: representation.dialect }
}
