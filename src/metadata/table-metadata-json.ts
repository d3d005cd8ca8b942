/**
 * JSON of table metadata, versions 1 to 3: the only place where its wire names and sentinels are known.
 *
 * Reading is strict where a wrong guess would harm (ids that point nowhere, fields that version 2 demands) and
 * lenient where every engine agrees on what was meant: `current-snapshot-id: -1`, refs that are missing while
 * a current snapshot is there, version 1 with `schema` and `partition-spec` only, a version 3 writer that left
 * out `next-row-id`, an unsorted order that is not listed, types and defaults of version 3 in a schema of an older
 * one. Summary keys, properties and blob types that nobody defined are kept.
 * @see Iceberg table spec, "Table Metadata Fields", "Appendix C: JSON Serialization"
 */
import { isLakeError, LakeError } from '../base/errors.js'
import { type JsonObject, parseJson, stringifyJson } from '../base/json.js'
import {
  asObject,
  objectsOf,
  optionalInt,
  optionalList,
  optionalLong,
  optionalObject,
  optionalText,
  requiredInt,
  requiredLong,
  requiredText,
  textMapOf,
} from '../base/json-fields.js'
import { trimTrailingSlash } from '../io/location.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import {
  PARTITION_FIELD_ID_MIN,
  parsePartitionSpec,
  serializePartitionFields,
  serializePartitionSpec,
} from '../schema/partition-spec-json.js'
import { checkSchema } from '../schema/schema.js'
import { parseSchema, serializeSchema } from '../schema/schema-json.js'
import { type SortOrder, UNSORTED } from '../schema/sort-order.js'
import { parseSortOrder, serializeSortOrder } from '../schema/sort-order-json.js'
import type { Schema } from '../schema/types.js'
import { currentSchema, defaultSpec } from './lookup.js'
import { hasSnapshot } from './snapshot-index.js'
import {
  given,
  parseMetadataLogEntry,
  parseSnapshot,
  parseSnapshotLogEntry,
  parseSnapshotRef,
  serializeMetadataLogEntry,
  serializeSnapshot,
  serializeSnapshotLogEntry,
  serializeSnapshotRef,
} from './snapshot-json.js'
import {
  parseEncryptedKey,
  parsePartitionStatisticsFile,
  parseStatisticsFile,
  serializeEncryptedKey,
  serializePartitionStatisticsFile,
  serializeStatisticsFile,
} from './statistics-json.js'
import {
  type FormatVersion,
  MAIN_BRANCH,
  type Snapshot,
  type SnapshotRef,
  type TableMetadata,
} from './table-metadata.js'

/** @throws corrupt for anything the specification does not allow; unsupported for a format version above 3 */
export function parseTableMetadata(text: string): TableMetadata {
  return tableMetadataFromJson(asObject(parseJson(text), 'table metadata'))
}

/** The lists that grow with a table's history. */
export type HistoryLists = Pick<
  TableMetadata,
  'snapshots' | 'snapshotLog' | 'metadataLog' | 'statistics' | 'partitionStatistics'
>

/** Their wire names. */
export const HISTORY_FIELDS: Readonly<Record<keyof HistoryLists, string>> = {
  snapshots: 'snapshots',
  snapshotLog: 'snapshot-log',
  metadataLog: 'metadata-log',
  statistics: 'statistics',
  partitionStatistics: 'partition-statistics',
}

/** The parsers of their items. */
export const HISTORY_PARSERS: {
  readonly [K in keyof HistoryLists]: (json: JsonObject) => HistoryLists[K][number]
} = {
  snapshots: parseSnapshot,
  snapshotLog: parseSnapshotLogEntry,
  metadataLog: parseMetadataLogEntry,
  statistics: parseStatisticsFile,
  partitionStatistics: parsePartitionStatisticsFile,
}

function historyOf(json: JsonObject): HistoryLists {
  return {
    snapshots: objectsOf(json, 'snapshots').map(parseSnapshot),
    snapshotLog: objectsOf(json, 'snapshot-log').map(parseSnapshotLogEntry),
    metadataLog: objectsOf(json, 'metadata-log').map(parseMetadataLogEntry),
    statistics: objectsOf(json, 'statistics').map(parseStatisticsFile),
    partitionStatistics: objectsOf(json, 'partition-statistics').map(parsePartitionStatisticsFile),
  }
}

/**
 * As `parseTableMetadata`, for metadata inside another document (a REST answer). With `history` those lists are
 * taken from there.
 */
export function tableMetadataFromJson(json: JsonObject, history?: HistoryLists): TableMetadata {
  const formatVersion = parseFormatVersion(json)
  const lists = history ?? historyOf(json)
  const currentSnapshotId = parseCurrentSnapshotId(json)
  const metadata: TableMetadata = {
    formatVersion,
    ...given('tableUuid', parseUuid(json, formatVersion)),
    location: trimTrailingSlash(requiredText(json, 'location')),
    lastSequenceNumber: formatVersion === 1 ? 0n : requiredLong(json, 'last-sequence-number'),
    lastUpdatedMs: requiredInt(json, 'last-updated-ms'),
    lastColumnId: requiredInt(json, 'last-column-id'),
    ...parseSchemas(json, formatVersion),
    ...parsePartitionSpecs(json, formatVersion),
    ...parseSortOrders(json, formatVersion),
    properties: textMapOf(json, 'properties'),
    ...given('currentSnapshotId', currentSnapshotId),
    ...lists,
    refs: parseRefs(json, currentSnapshotId),
    ...(formatVersion >= 3 ? { nextRowId: parseNextRowId(json, lists.snapshots) } : {}),
    encryptionKeys: objectsOf(json, 'encryption-keys').map(parseEncryptedKey),
  }
  checkReferences(metadata)
  return metadata
}

function corrupt(
  message: string,
  context: Readonly<Record<string, string | number | bigint>> = {},
): LakeError {
  return new LakeError('corrupt', message, { context })
}

function parseFormatVersion(json: JsonObject): FormatVersion {
  const version = requiredInt(json, 'format-version')
  if (version === 1 || version === 2 || version === 3) return version
  throw new LakeError('unsupported', 'the format version of the table is not supported', {
    context: { formatVersion: version },
  })
}

function parseUuid(json: JsonObject, formatVersion: FormatVersion): string | undefined {
  return formatVersion === 1 ? optionalText(json, 'table-uuid') : requiredText(json, 'table-uuid')
}

/** Java wrote -1 for "no current snapshot". */
function parseCurrentSnapshotId(json: JsonObject): bigint | undefined {
  const id = optionalLong(json, 'current-snapshot-id')
  return id === -1n ? undefined : id
}

type Schemas = Pick<TableMetadata, 'schemas' | 'currentSchemaId'>

function parseSchemas(json: JsonObject, formatVersion: FormatVersion): Schemas {
  const single = formatVersion === 1 ? optionalObject(json, 'schema') : undefined
  const currentSchemaId = optionalInt(json, 'current-schema-id')
  if (currentSchemaId !== undefined && optionalList(json, 'schemas') !== undefined)
    return { schemas: objectsOf(json, 'schemas').map(parseSchema), currentSchemaId }
  if (single === undefined)
    throw corrupt('a metadata field is missing or of the wrong type', { field: 'schemas' })
  const schema: Schema = parseSchema(single)
  return { schemas: [schema], currentSchemaId: schema.schemaId }
}

type PartitionSpecs = Pick<TableMetadata, 'partitionSpecs' | 'defaultSpecId' | 'lastPartitionId'>

function parsePartitionSpecs(json: JsonObject, formatVersion: FormatVersion): PartitionSpecs {
  const partitionSpecs = specObjects(json, formatVersion).map(parsePartitionSpec)
  const lastOfSpecs = Math.max(...partitionSpecs.flatMap(fieldIds), PARTITION_FIELD_ID_MIN - 1)
  const lastOfIds = Math.max(...partitionSpecs.map(spec => spec.specId), 0)
  const isFirst = formatVersion === 1
  // Of the single spec of an old table the id says nothing.
  const isListed = optionalList(json, 'partition-specs') !== undefined
  return {
    partitionSpecs,
    defaultSpecId: isFirst
      ? ((isListed ? optionalInt(json, 'default-spec-id') : undefined) ?? lastOfIds)
      : requiredInt(json, 'default-spec-id'),
    lastPartitionId: isFirst
      ? (optionalInt(json, 'last-partition-id') ?? lastOfSpecs)
      : requiredInt(json, 'last-partition-id'),
  }
}

function fieldIds(spec: PartitionSpec): readonly number[] {
  return spec.fields.map(field => field.fieldId)
}

function specObjects(json: JsonObject, formatVersion: FormatVersion): readonly JsonObject[] {
  if (optionalList(json, 'partition-specs') !== undefined) return objectsOf(json, 'partition-specs')
  const fields = formatVersion === 1 ? optionalList(json, 'partition-spec') : undefined
  if (fields === undefined)
    throw corrupt('a metadata field is missing or of the wrong type', { field: 'partition-specs' })
  return [{ 'spec-id': 0, fields }]
}

type SortOrders = Pick<TableMetadata, 'sortOrders' | 'defaultSortOrderId'>

function parseSortOrders(json: JsonObject, formatVersion: FormatVersion): SortOrders {
  if (formatVersion === 1 && optionalList(json, 'sort-orders') === undefined)
    return { sortOrders: [UNSORTED], defaultSortOrderId: UNSORTED.orderId }
  if (optionalList(json, 'sort-orders') === undefined)
    throw corrupt('a metadata field is missing or of the wrong type', { field: 'sort-orders' })
  const sortOrders: readonly SortOrder[] = objectsOf(json, 'sort-orders').map(parseSortOrder)
  const defaultSortOrderId = requiredInt(json, 'default-sort-order-id')
  // Order 0 is always unsorted; some writers do not list it.
  const isImplied =
    defaultSortOrderId === UNSORTED.orderId && sortOrders.every(({ orderId }) => orderId !== UNSORTED.orderId)
  return { sortOrders: isImplied ? [UNSORTED, ...sortOrders] : sortOrders, defaultSortOrderId }
}

/** Writers of old versions left refs out: `main` is then the current snapshot. */
function parseRefs(
  json: JsonObject,
  currentSnapshotId: bigint | undefined,
): Readonly<Record<string, SnapshotRef>> {
  const entries = Object.entries(optionalObject(json, 'refs') ?? {})
  const refs = Object.fromEntries(entries.map(([name, ref]) => [name, parseSnapshotRef(asObject(ref, name))]))
  if (currentSnapshotId === undefined || Object.hasOwn(refs, MAIN_BRANCH)) return refs
  return { [MAIN_BRANCH]: { type: 'branch', snapshotId: currentSnapshotId }, ...refs }
}

/** Some writers leave it out; the rows that snapshots say they added are below it. */
function parseNextRowId(json: JsonObject, snapshots: readonly Snapshot[]): bigint {
  const stored = optionalLong(json, 'next-row-id')
  if (stored !== undefined) return stored
  let next = 0n
  for (const { firstRowId, addedRows } of snapshots) {
    const end = (firstRowId ?? 0n) + (addedRows ?? 0n)
    if (end > next) next = end
  }
  return next
}

function checkReferences(metadata: TableMetadata): void {
  checkPointer(
    metadata.schemas.map(schema => schema.schemaId),
    metadata.currentSchemaId,
    'current-schema-id',
  )
  checkPointer(
    metadata.partitionSpecs.map(spec => spec.specId),
    metadata.defaultSpecId,
    'default-spec-id',
  )
  checkPointer(
    metadata.sortOrders.map(order => order.orderId),
    metadata.defaultSortOrderId,
    'default-sort-order-id',
  )
  for (const [name, ref] of Object.entries(metadata.refs))
    if (!hasSnapshot(metadata.snapshots, ref.snapshotId))
      throw corrupt('a ref points at a snapshot that is not there', { ref: name, snapshotId: ref.snapshotId })
  checkMain(metadata)
  checkVersionLimits(metadata)
}

function checkPointer(ids: readonly number[], id: number, field: string): void {
  if (!ids.includes(id)) throw corrupt('an id in the metadata points at nothing', { field, id })
}

function checkMain(metadata: TableMetadata): void {
  const main = metadata.refs[MAIN_BRANCH]
  if (main?.snapshotId !== metadata.currentSnapshotId)
    throw corrupt('the main branch and the current snapshot differ', {
      main: main?.snapshotId ?? 'none',
      currentSnapshotId: metadata.currentSnapshotId ?? 'none',
    })
}

function checkVersionLimits(metadata: TableMetadata): void {
  if (metadata.formatVersion < 3 && metadata.encryptionKeys.length > 0)
    throw corrupt('only format version 3 has encryption keys', { formatVersion: metadata.formatVersion })
  for (const schema of metadata.schemas) checkStoredSchema(schema)
}

/** Types and defaults of a later version are read, as other engines do; a schema that is added may not have them. */
function checkStoredSchema(schema: Schema): void {
  try {
    checkSchema(schema)
  } catch (cause) {
    if (!isLakeError(cause)) throw cause
    const context = { ...cause.context, schemaId: schema.schemaId, reason: cause.message }
    throw new LakeError('corrupt', 'a stored schema breaks the specification', { cause, context })
  }
}

// ---- writing

/** JSON text by the rules of the metadata's own format version. */
export function serializeTableMetadata(metadata: TableMetadata): string {
  return stringifyJson(tableMetadataToJson(metadata))
}

/** As `serializeTableMetadata`, for metadata inside another document (a REST answer). */
export function tableMetadataToJson(metadata: TableMetadata): JsonObject {
  return {
    ...stateToJson(metadata),
    snapshots: metadata.snapshots.map(snapshot => serializeSnapshot(snapshot, metadata.formatVersion)),
    statistics: metadata.statistics.map(serializeStatisticsFile),
    'partition-statistics': metadata.partitionStatistics.map(serializePartitionStatisticsFile),
    'snapshot-log': metadata.snapshotLog.map(serializeSnapshotLogEntry),
    'metadata-log': metadata.metadataLog.map(serializeMetadataLogEntry),
  }
}

/** All but the lists that grow with the history. */
export function stateToJson(metadata: TableMetadata): JsonObject {
  const { formatVersion } = metadata
  return {
    'format-version': formatVersion,
    ...given('table-uuid', metadata.tableUuid),
    location: metadata.location,
    ...(formatVersion === 1 ? {} : { 'last-sequence-number': metadata.lastSequenceNumber }),
    'last-updated-ms': metadata.lastUpdatedMs,
    'last-column-id': metadata.lastColumnId,
    ...(formatVersion === 1 ? { schema: serializeSchema(currentSchema(metadata)) } : {}),
    'current-schema-id': metadata.currentSchemaId,
    schemas: metadata.schemas.map(serializeSchema),
    ...(formatVersion === 1
      ? { 'partition-spec': serializePartitionFields(defaultSpec(metadata).fields) }
      : {}),
    'default-spec-id': metadata.defaultSpecId,
    'partition-specs': metadata.partitionSpecs.map(serializePartitionSpec),
    'last-partition-id': metadata.lastPartitionId,
    'default-sort-order-id': metadata.defaultSortOrderId,
    'sort-orders': metadata.sortOrders.map(serializeSortOrder),
    properties: metadata.properties,
    ...given('current-snapshot-id', metadata.currentSnapshotId),
    ...given('next-row-id', metadata.nextRowId),
    ...(metadata.encryptionKeys.length === 0
      ? {}
      : { 'encryption-keys': metadata.encryptionKeys.map(serializeEncryptedKey) }),
    refs: Object.fromEntries(
      Object.entries(metadata.refs).map(([name, ref]) => [name, serializeSnapshotRef(ref)]),
    ),
  }
}
