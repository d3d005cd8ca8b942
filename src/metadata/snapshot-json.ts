/**
 * JSON of snapshots, refs and their logs.
 * @see Iceberg table spec, "Snapshots", "Snapshot References", "Appendix C: JSON Serialization"
 */
import { LakeError } from '../base/errors.js'
import type { JsonObject } from '../base/json.js'
import {
  corruptField,
  durationToJson,
  optionalDurationMs,
  optionalInt,
  optionalLong,
  optionalText,
  requiredInt,
  requiredLong,
  requiredText,
  textMapOf,
  textsOf,
} from '../base/json-fields.js'
import type {
  FormatVersion,
  MetadataLogEntry,
  Snapshot,
  SnapshotLogEntry,
  SnapshotOperation,
  SnapshotRef,
} from './table-metadata.js'

const OPERATIONS: readonly SnapshotOperation[] = ['append', 'replace', 'overwrite', 'delete']

/** @throws corrupt, also for a snapshot that does not say where its manifests are: it is not an empty one */
export function parseSnapshot(json: JsonObject): Snapshot {
  const { operation, summary } = parseSummary(textMapOf(json, 'summary'))
  const manifestList = optionalText(json, 'manifest-list')
  const manifests = textsOf(json, 'manifests')
  if (manifestList === undefined && manifests === undefined) throw corruptField('manifest-list', 'string')
  return {
    snapshotId: requiredLong(json, 'snapshot-id'),
    sequenceNumber: optionalLong(json, 'sequence-number') ?? 0n,
    timestampMs: requiredInt(json, 'timestamp-ms'),
    summary,
    ...given('operation', operation),
    ...given('parentSnapshotId', parentOf(json)),
    ...given('manifestList', manifestList),
    ...given('manifests', manifests),
    ...given('schemaId', optionalInt(json, 'schema-id')),
    ...given('firstRowId', optionalLong(json, 'first-row-id')),
    ...given('addedRows', optionalLong(json, 'added-rows')),
    ...given('keyId', optionalText(json, 'key-id')),
  }
}

/** Old writers put -1 for "no parent". */
function parentOf(json: JsonObject): bigint | undefined {
  const parent = optionalLong(json, 'parent-snapshot-id')
  return parent === -1n ? undefined : parent
}

/** An operation nobody defined stays in the summary, so that writing gives back what was read. */
function parseSummary(all: Readonly<Record<string, string>>): {
  readonly operation: SnapshotOperation | undefined
  readonly summary: Readonly<Record<string, string>>
} {
  const operation = OPERATIONS.find(known => known === all.operation)
  if (operation === undefined) return { operation, summary: all }
  const { operation: _, ...summary } = all
  return { operation, summary }
}

/** One member, or none when the value is undefined: optional members are absent, never undefined. */
export function given<K extends string, V>(name: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [P in K]?: V })
}

/** Version 1 has no sequence numbers; later versions demand them, 0 included. */
export function serializeSnapshot(snapshot: Snapshot, formatVersion: FormatVersion): JsonObject {
  return {
    ...(formatVersion === 1 ? {} : { 'sequence-number': snapshot.sequenceNumber }),
    'snapshot-id': snapshot.snapshotId,
    ...given('parent-snapshot-id', snapshot.parentSnapshotId),
    'timestamp-ms': snapshot.timestampMs,
    ...serializeSummary(snapshot),
    ...given('manifest-list', snapshot.manifestList),
    ...given('manifests', snapshot.manifests),
    ...given('schema-id', snapshot.schemaId),
    ...given('first-row-id', snapshot.firstRowId),
    ...given('added-rows', snapshot.addedRows),
    ...given('key-id', snapshot.keyId),
  }
}

function serializeSummary(snapshot: Snapshot): JsonObject {
  const summary = { ...given('operation', snapshot.operation), ...snapshot.summary }
  return Object.keys(summary).length === 0 ? {} : { summary }
}

/** @throws corrupt */
export function parseSnapshotRef(json: JsonObject): SnapshotRef {
  const type = requiredText(json, 'type').toLowerCase()
  if (type !== 'branch' && type !== 'tag')
    throw new LakeError('corrupt', 'a ref is neither a branch nor a tag', { context: { type } })
  return {
    type,
    snapshotId: requiredLong(json, 'snapshot-id'),
    ...given('minSnapshotsToKeep', optionalInt(json, 'min-snapshots-to-keep')),
    ...given('maxSnapshotAgeMs', optionalDurationMs(json, 'max-snapshot-age-ms')),
    ...given('maxRefAgeMs', optionalDurationMs(json, 'max-ref-age-ms')),
  }
}

export function serializeSnapshotRef(ref: SnapshotRef): JsonObject {
  return {
    'snapshot-id': ref.snapshotId,
    type: ref.type,
    ...given('min-snapshots-to-keep', ref.minSnapshotsToKeep),
    ...given('max-snapshot-age-ms', durationToJson(ref.maxSnapshotAgeMs)),
    ...given('max-ref-age-ms', durationToJson(ref.maxRefAgeMs)),
  }
}

export function parseSnapshotLogEntry(json: JsonObject): SnapshotLogEntry {
  return { timestampMs: requiredInt(json, 'timestamp-ms'), snapshotId: requiredLong(json, 'snapshot-id') }
}

export function serializeSnapshotLogEntry(entry: SnapshotLogEntry): JsonObject {
  return { 'timestamp-ms': entry.timestampMs, 'snapshot-id': entry.snapshotId }
}

export function parseMetadataLogEntry(json: JsonObject): MetadataLogEntry {
  return { timestampMs: requiredInt(json, 'timestamp-ms'), metadataFile: requiredText(json, 'metadata-file') }
}

export function serializeMetadataLogEntry(entry: MetadataLogEntry): JsonObject {
  return { 'timestamp-ms': entry.timestampMs, 'metadata-file': entry.metadataFile }
}
