/**
 * Data and delete files on the wire of the REST catalog, from and to ours.
 *
 * Bounds are hex of the binary single-value form, as Java writes and reads them; the specification shows them as
 * plain values, and those are understood too where the two cannot be confused. A bound that may be either is left out:
 * a bound that is not known prunes nothing. Delete files go without statistics, which planning has used already.
 * Java up to 1.10 wrote enums in capitals and partitions as objects by field id: both are read.
 * @see Iceberg REST catalog specification, "ContentFile", "CountMap", "ValueMap"
 */
import { hexDecode, hexEncode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js'
import {
  asObject,
  corruptField,
  intsOf,
  optionalInt,
  optionalList,
  optionalLong,
  optionalObject,
  optionalText,
  requiredInt,
  requiredText,
} from '../base/json-fields.js'
import type { ContentFile, DataFile, DeleteFile, FileFormat, FileMetrics } from '../manifest/content-file.js'
import { given } from '../metadata/snapshot-json.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { partitionType } from '../schema/partition.js'
import type { PartitionTuple } from '../schema/partition-spec.js'
import { indexFields } from '../schema/schema.js'
import {
  type Field,
  isPrimitive,
  type PrimitiveType,
  type StructType,
  type Type,
  type Value,
} from '../schema/types.js'
import { parseValue, serializeValue } from '../schema/value.js'
import { valueFromJson, valueToJson } from '../schema/value-json.js'

/** The files of one table: its specs and columns say what their values are. */
export interface ContentFileCodec {
  /** @throws invalid-argument for a spec that the table does not have */
  serialize(file: ContentFile, options?: SerializeFileOptions): JsonObject
  /** @throws corrupt, unsupported */
  parse(json: JsonObject): ContentFile
}

export interface SerializeFileOptions {
  /** Fields whose statistics are written, by id; absent: all that the file has. */
  readonly statisticsOf?: ReadonlySet<number> | undefined
}

type Described = Pick<TableMetadata, 'schemas' | 'currentSchemaId' | 'partitionSpecs'>

/** What a table's files are read and written with. */
interface Terms {
  readonly partitionTypes: ReadonlyMap<number, StructType>
  readonly typeOf: (fieldId: number) => Type | undefined
}

export function createContentFileCodec(metadata: Described): ContentFileCodec {
  const terms = termsOf(metadata)
  return {
    serialize: (file, options = {}) => serializeFile(file, terms, options),
    parse: json => parseFile(json, terms),
  }
}

function termsOf({ schemas, currentSchemaId, partitionSpecs }: Described): Terms {
  const newestFirst = [...schemas].sort((a, b) => rank(b.schemaId) - rank(a.schemaId))
  function rank(schemaId: number): number {
    return schemaId === currentSchemaId ? Number.POSITIVE_INFINITY : schemaId
  }
  const indexes = newestFirst.map(schema => indexFields(schema))
  return {
    partitionTypes: new Map(partitionSpecs.map(spec => [spec.specId, partitionType(spec, newestFirst)])),
    typeOf: fieldId => firstOf(indexes, fieldId)?.type,
  }
}

function firstOf(indexes: readonly ReadonlyMap<number, Field>[], fieldId: number): Field | undefined {
  for (const index of indexes) {
    const field = index.get(fieldId)
    if (field !== undefined) return field
  }
  return undefined
}

// ---- out

function serializeFile(file: ContentFile, terms: Terms, options: SerializeFileOptions): JsonObject {
  return {
    'spec-id': file.specId,
    content: file.content,
    'file-path': file.location,
    'file-format': file.format,
    partition: partitionToJson(file, terms),
    'file-size-in-bytes': file.fileSizeBytes,
    'record-count': file.recordCount,
    ...(file.content === 'data' ? metricsToJson(file, options) : {}),
    ...given('key-metadata', file.keyMetadata && hex(file.keyMetadata)),
    ...given('split-offsets', file.splitOffsets),
    ...given('sort-order-id', file.sortOrderId),
    ...ownMembers(file),
  }
}

function ownMembers(file: ContentFile): JsonObject {
  switch (file.content) {
    case 'data':
      return given('first-row-id', file.firstRowId)
    case 'position-deletes':
      return {
        ...given('referenced-data-file', file.referencedDataFile),
        ...given('content-offset', file.contentOffset),
        ...given('content-size-in-bytes', file.contentSizeBytes),
      }
    case 'equality-deletes':
      return { 'equality-ids': file.equalityFieldIds }
  }
}

function partitionToJson({ specId, partition }: ContentFile, terms: Terms): JsonValue {
  const type = terms.partitionTypes.get(specId)
  if (type === undefined)
    throw new LakeError('invalid-argument', 'the table has no partition spec of that id', {
      context: { specId },
    })
  return type.fields.map((field, index) => partitionValueToJson(field.type, partition[index] ?? null))
}

/** The values of a column that no schema has any more have no type, so they are not told. */
function partitionValueToJson(type: Type, value: Value): JsonValue {
  if (type.kind === 'unknown' || value === null) return null
  const json = valueToJson(type, value)
  return isBytes(type) && typeof json === 'string' ? json.toUpperCase() : json
}

function isBytes(type: Type): boolean {
  return type.kind === 'binary' || type.kind === 'fixed'
}

function metricsToJson(file: FileMetrics, { statisticsOf }: SerializeFileOptions): JsonObject {
  const wanted = (fieldId: number): boolean => statisticsOf === undefined || statisticsOf.has(fieldId)
  return {
    ...given(
      'column-sizes',
      mapToJson(file.columnSizes, wanted, count => count),
    ),
    ...given(
      'value-counts',
      mapToJson(file.valueCounts, wanted, count => count),
    ),
    ...given(
      'null-value-counts',
      mapToJson(file.nullValueCounts, wanted, count => count),
    ),
    ...given(
      'nan-value-counts',
      mapToJson(file.nanValueCounts, wanted, count => count),
    ),
    ...given('lower-bounds', mapToJson(file.lowerBounds, wanted, hex)),
    ...given('upper-bounds', mapToJson(file.upperBounds, wanted, hex)),
  }
}

function mapToJson<V>(
  map: ReadonlyMap<number, V> | undefined,
  wanted: (fieldId: number) => boolean,
  write: (value: V) => JsonValue,
): JsonObject | undefined {
  if (map === undefined) return undefined
  const entries = [...map].filter(([fieldId]) => wanted(fieldId))
  return { keys: entries.map(([fieldId]) => fieldId), values: entries.map(([, value]) => write(value)) }
}

function hex(bytes: Uint8Array): string {
  return hexEncode(bytes).toUpperCase()
}

// ---- in

function parseFile(json: JsonObject, terms: Terms): ContentFile {
  const specId = requiredInt(json, 'spec-id')
  const common = {
    location: requiredText(json, 'file-path'),
    format: parseFormat(requiredText(json, 'file-format')),
    specId,
    partition: parsePartition(json.partition, terms.partitionTypes.get(specId)),
    recordCount: requiredCount(json, 'record-count'),
    fileSizeBytes: requiredCount(json, 'file-size-in-bytes'),
    ...given('keyMetadata', bytesOf(json, 'key-metadata')),
    ...given('splitOffsets', optionalList(json, 'split-offsets') && intsOf(json, 'split-offsets')),
    ...given('sortOrderId', optionalInt(json, 'sort-order-id')),
    ...parseMetrics(json, terms),
  }
  switch (requiredText(json, 'content').toLowerCase().replaceAll('_', '-')) {
    case 'data':
      return { ...common, content: 'data', ...given('firstRowId', optionalLong(json, 'first-row-id')) }
    case 'position-deletes':
      return {
        ...common,
        content: 'position-deletes',
        ...given('referencedDataFile', optionalText(json, 'referenced-data-file')),
        ...given('contentOffset', optionalInt(json, 'content-offset')),
        ...given('contentSizeBytes', optionalInt(json, 'content-size-in-bytes')),
      }
    case 'equality-deletes':
      return { ...common, content: 'equality-deletes', equalityFieldIds: equalityIdsOf(json) }
    default:
      throw corruptField('content', 'data, position-deletes or equality-deletes')
  }
}

/** Of a list of data files. @throws corrupt */
export function asDataFile(file: ContentFile): DataFile {
  if (file.content !== 'data') throw corruptField('content', 'data')
  return file
}

/** Of a list of delete files. @throws corrupt */
export function asDeleteFile(file: ContentFile): DeleteFile {
  if (file.content === 'data') throw corruptField('content', 'position-deletes or equality-deletes')
  return file
}

function parseFormat(text: string): FileFormat {
  switch (text.toLowerCase()) {
    case 'parquet':
      return 'parquet'
    case 'avro':
      return 'avro'
    case 'orc':
      return 'orc'
    case 'puffin':
      return 'puffin'
    default:
      throw corruptField('file-format', 'parquet, avro, orc or puffin')
  }
}

function requiredCount(json: JsonObject, field: string): number {
  const count = requiredInt(json, field)
  if (count < 0) throw corruptField(field, 'count')
  return count
}

/** Without columns to compare an equality delete would delete everything. */
function equalityIdsOf(json: JsonObject): readonly number[] {
  const ids = intsOf(json, 'equality-ids')
  if (ids.length === 0) throw corruptField('equality-ids', 'array of integers')
  return ids
}

function bytesOf(json: JsonObject, field: string): Uint8Array | undefined {
  const text = optionalText(json, field)
  if (text === undefined) return undefined
  const bytes = hexDecode(text)
  if (bytes === undefined) throw corruptField(field, 'hexadecimal text')
  return bytes
}

function parsePartition(json: JsonValue | undefined, type: StructType | undefined): PartitionTuple {
  if (type === undefined) throw corruptField('spec-id', 'id of a partition spec of the table')
  const values = Array.isArray(json) ? listedValues(json, type) : valuesById(json ?? null, type)
  return type.fields.map((field, index) =>
    field.type.kind === 'unknown' ? null : valueFromJson(field.type, values[index] ?? null),
  )
}

function listedValues(json: readonly JsonValue[], { fields }: StructType): readonly JsonValue[] {
  if (json.length !== fields.length) throw corruptField('partition', `array of ${fields.length} values`)
  return json
}

function valuesById(json: JsonValue, { fields }: StructType): readonly JsonValue[] {
  if (json === null && fields.length === 0) return []
  const object = asObject(json, 'partition')
  return fields.map(field => object[String(field.id)] ?? null)
}

// ---- statistics

function parseMetrics(json: JsonObject, terms: Terms): FileMetrics {
  return {
    ...given('columnSizes', countsOf(json, 'column-sizes')),
    ...given('valueCounts', countsOf(json, 'value-counts')),
    ...given('nullValueCounts', countsOf(json, 'null-value-counts')),
    ...given('nanValueCounts', countsOf(json, 'nan-value-counts')),
    ...given('lowerBounds', boundsOf(json, 'lower-bounds', terms)),
    ...given('upperBounds', boundsOf(json, 'upper-bounds', terms)),
  }
}

/** The pairs of a map; undefined where there is none. */
function pairsOf(
  json: JsonObject,
  field: string,
): readonly (readonly [fieldId: number, value: JsonValue])[] | undefined {
  const map = optionalObject(json, field)
  if (map === undefined) return undefined
  const keys = intsOf(map, 'keys')
  const values = optionalList(map, 'values') ?? []
  if (keys.length !== values.length) throw corruptField(field, 'as many keys as values')
  return keys.map((key, index) => [key, values[index] ?? null])
}

function countsOf(json: JsonObject, field: string): ReadonlyMap<number, number> | undefined {
  const pairs = pairsOf(json, field)
  if (pairs === undefined) return undefined
  const counts = new Map<number, number>()
  for (const [fieldId, value] of pairs) {
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw corruptField(field, 'counts')
    counts.set(fieldId, value)
  }
  return counts
}

function boundsOf(
  json: JsonObject,
  field: string,
  { typeOf }: Terms,
): ReadonlyMap<number, Uint8Array> | undefined {
  const pairs = pairsOf(json, field)
  if (pairs === undefined) return undefined
  const bounds = new Map<number, Uint8Array>()
  for (const [fieldId, value] of pairs) {
    const type = typeOf(fieldId)
    const bound = type !== undefined && isPrimitive(type) ? parseBound(type, value) : undefined
    if (bound !== undefined) bounds.set(fieldId, bound)
  }
  return bounds
}

/** Of these types a plain value may look like hex, or be hex with another meaning. */
const AMBIGUOUS: ReadonlySet<Type['kind']> = new Set(['string', 'decimal'])

function parseBound(type: PrimitiveType, json: JsonValue): Uint8Array | undefined {
  if (json === null || isJsonObject(json) || AMBIGUOUS.has(type.kind)) return undefined
  const stored = typeof json === 'string' ? hexDecode(json) : undefined
  if (stored !== undefined) return parseValue(type, stored) === undefined ? undefined : stored
  try {
    return serializeValue(type, valueFromJson(type, json))
  } catch {
    // Not understood: it prunes nothing.
    return undefined
  }
}
