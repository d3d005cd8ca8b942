/**
 * The columns of manifests and manifest lists, as Iceberg fields: one definition gives the Avro schema, the
 * `iceberg.schema` of the header, and the ids by which records are read.
 * @see Iceberg table spec, "Manifests", "Manifest Lists"
 */
import { type JsonObject, stringifyJson } from '../base/json.js'
import type { AvroFieldRef } from '../format/avro-fields.js'
import { fieldKey } from '../format/avro-record.js'
import { avroSchemaOf } from '../format/avro-schema.js'
import { serializeSchema, serializeType } from '../schema/schema-json.js'
import type { Field, StructType, Type } from '../schema/types.js'
import type {
  DataFile,
  EqualityDeleteFile,
  FileMetrics,
  ManifestEntry,
  PositionDeleteFile,
} from './content-file.js'
import type { ManifestFile } from './manifest-file.js'

/** Versions that are written; v1 is read. */
export type WrittenFormatVersion = 2 | 3

/** A column: the Iceberg field, and how a decoded record holds it. */
export type ManifestColumn = Field & AvroFieldRef

type Simple = 'boolean' | 'int' | 'long' | 'string' | 'binary'

function column(id: number, name: string, type: Simple | Type, doc?: string): ManifestColumn {
  return {
    id,
    name,
    key: fieldKey(id),
    required: false,
    type: typeof type === 'string' ? { kind: type } : type,
    ...(doc !== undefined && { doc }),
  }
}

function listOf(elementId: number, element: Type): Type {
  return { kind: 'list', elementId, elementRequired: true, element }
}

/** The key and value columns of a statistics map. */
export interface MapColumn extends ManifestColumn {
  readonly mapKey: AvroFieldRef
  readonly mapValue: AvroFieldRef
}

function statistics(
  ids: readonly [id: number, keyId: number, valueId: number],
  name: string,
  value: 'long' | 'binary',
  doc: string,
): MapColumn {
  const [id, keyId, valueId] = ids
  const type: Type = {
    kind: 'map',
    keyId,
    key: { kind: 'int' },
    valueId,
    valueRequired: true,
    value: { kind: value },
  }
  return {
    ...column(id, name, type, doc),
    mapKey: { key: fieldKey(keyId), name: `${name}.key` },
    mapValue: { key: fieldKey(valueId), name: `${name}.value` },
  }
}

/** Columns of a partition field summary. */
export const SUMMARY: Readonly<
  Record<'containsNull' | 'containsNan' | 'lowerBound' | 'upperBound', ManifestColumn>
> = {
  containsNull: column(509, 'contains_null', 'boolean', 'True if any file has a null partition value'),
  containsNan: column(518, 'contains_nan', 'boolean', 'True if any file has a nan partition value'),
  lowerBound: column(510, 'lower_bound', 'binary', 'Partition lower bound for all files'),
  upperBound: column(511, 'upper_bound', 'binary', 'Partition upper bound for all files'),
}

const SUMMARY_TYPE: StructType = {
  kind: 'struct',
  fields: fieldsOf(
    [SUMMARY.containsNull, SUMMARY.containsNan, SUMMARY.lowerBound, SUMMARY.upperBound],
    [SUMMARY.containsNull],
  ),
}

type ListColumnName = keyof ManifestFile

/** Columns of the manifest list. */
export const LIST: Readonly<Record<ListColumnName, ManifestColumn>> = {
  location: column(500, 'manifest_path', 'string', 'Location URI with FS scheme'),
  lengthBytes: column(501, 'manifest_length', 'long', 'Total file size in bytes'),
  specId: column(502, 'partition_spec_id', 'int', 'Spec ID used to write'),
  content: column(517, 'content', 'int', 'Contents of the manifest: 0=data, 1=deletes'),
  sequenceNumber: column(515, 'sequence_number', 'long', 'Sequence number when the manifest was added'),
  minSequenceNumber: column(516, 'min_sequence_number', 'long', 'Lowest sequence number in the manifest'),
  addedSnapshotId: column(503, 'added_snapshot_id', 'long', 'Snapshot ID that added the manifest'),
  addedFilesCount: column(504, 'added_files_count', 'int', 'Added entry count'),
  existingFilesCount: column(505, 'existing_files_count', 'int', 'Existing entry count'),
  deletedFilesCount: column(506, 'deleted_files_count', 'int', 'Deleted entry count'),
  addedRowsCount: column(512, 'added_rows_count', 'long', 'Added rows count'),
  existingRowsCount: column(513, 'existing_rows_count', 'long', 'Existing rows count'),
  deletedRowsCount: column(514, 'deleted_rows_count', 'long', 'Deleted rows count'),
  partitions: column(507, 'partitions', listOf(508, SUMMARY_TYPE), 'Summary for each partition'),
  keyMetadata: column(519, 'key_metadata', 'binary', 'Encryption key metadata blob'),
  firstRowId: column(
    520,
    'first_row_id',
    'long',
    'Starting row ID to assign to new rows in ADDED data files',
  ),
}

/** Longs of the list that are counts and sizes, not ids. */
export const LIST_COUNT_IDS: ReadonlySet<number> = idsOf([
  LIST.lengthBytes,
  LIST.addedRowsCount,
  LIST.existingRowsCount,
  LIST.deletedRowsCount,
])

const LIST_OPTIONAL: readonly Field[] = [LIST.partitions, LIST.keyMetadata, LIST.firstRowId]

type EntryColumnName = Exclude<keyof ManifestEntry, 'file'> | 'dataFile'

/** Columns of a manifest entry. */
export const ENTRY: Readonly<Record<EntryColumnName, ManifestColumn>> = {
  status: column(0, 'status', 'int'),
  snapshotId: column(1, 'snapshot_id', 'long'),
  dataSequenceNumber: column(3, 'sequence_number', 'long'),
  fileSequenceNumber: column(4, 'file_sequence_number', 'long'),
  dataFile: column(2, 'data_file', { kind: 'struct', fields: [] }),
}

type FileColumnName = Exclude<
  keyof DataFile | keyof PositionDeleteFile | keyof EqualityDeleteFile,
  'specId' | keyof FileMetrics
>

/** Columns of the `data_file` struct of an entry. */
export const FILE: Readonly<Record<FileColumnName, ManifestColumn> & Record<keyof FileMetrics, MapColumn>> = {
  content: column(
    134,
    'content',
    'int',
    'Contents of the file: 0=data, 1=position deletes, 2=equality deletes',
  ),
  location: column(100, 'file_path', 'string', 'Location URI with FS scheme'),
  format: column(101, 'file_format', 'string', 'File format name: avro, orc, or parquet'),
  partition: column(
    102,
    'partition',
    { kind: 'struct', fields: [] },
    'Partition data tuple, schema based on the partition spec',
  ),
  recordCount: column(103, 'record_count', 'long', 'Number of records in the file'),
  fileSizeBytes: column(104, 'file_size_in_bytes', 'long', 'Total file size in bytes'),
  columnSizes: statistics([108, 117, 118], 'column_sizes', 'long', 'Map of column id to total size on disk'),
  valueCounts: statistics(
    [109, 119, 120],
    'value_counts',
    'long',
    'Map of column id to total count, including null and NaN',
  ),
  nullValueCounts: statistics(
    [110, 121, 122],
    'null_value_counts',
    'long',
    'Map of column id to null value count',
  ),
  nanValueCounts: statistics(
    [137, 138, 139],
    'nan_value_counts',
    'long',
    'Map of column id to number of NaN values in the column',
  ),
  lowerBounds: statistics([125, 126, 127], 'lower_bounds', 'binary', 'Map of column id to lower bound'),
  upperBounds: statistics([128, 129, 130], 'upper_bounds', 'binary', 'Map of column id to upper bound'),
  keyMetadata: column(131, 'key_metadata', 'binary', 'Encryption key metadata blob'),
  splitOffsets: column(132, 'split_offsets', listOf(133, { kind: 'long' }), 'Splittable offsets'),
  equalityFieldIds: column(
    135,
    'equality_ids',
    listOf(136, { kind: 'int' }),
    'Equality comparison field IDs',
  ),
  sortOrderId: column(140, 'sort_order_id', 'int', 'Sort order ID'),
  firstRowId: column(
    142,
    'first_row_id',
    'long',
    'The first row ID assigned to the first row in the data file',
  ),
  referencedDataFile: column(
    143,
    'referenced_data_file',
    'string',
    'Fully qualified location (URI with FS scheme) of a data file that all deletes reference',
  ),
  contentOffset: column(144, 'content_offset', 'long', 'The offset in the file where the content starts'),
  contentSizeBytes: column(
    145,
    'content_size_in_bytes',
    'long',
    'The length of referenced content stored in the file',
  ),
}

const STATISTICS: readonly MapColumn[] = [
  FILE.columnSizes,
  FILE.valueCounts,
  FILE.nullValueCounts,
  FILE.nanValueCounts,
  FILE.lowerBounds,
  FILE.upperBounds,
]

/** Longs of an entry that are counts, sizes and offsets, not ids. */
export const ENTRY_COUNT_IDS: ReadonlySet<number> = new Set([
  ...idsOf([FILE.recordCount, FILE.fileSizeBytes, FILE.splitOffsets, FILE.equalityFieldIds]),
  ...idsOf([FILE.contentOffset, FILE.contentSizeBytes]),
  ...STATISTICS.flatMap(({ type }) => (type.kind === 'map' ? [type.valueId] : [])),
])

const V3_FILE_FIELDS: readonly Field[] = [FILE.firstRowId, FILE.contentOffset, FILE.contentSizeBytes]

const FILE_REQUIRED: readonly Field[] = [
  FILE.content,
  FILE.location,
  FILE.format,
  FILE.partition,
  FILE.recordCount,
  FILE.fileSizeBytes,
]

function idsOf(columns: readonly Field[]): Set<number> {
  return new Set(columns.map(({ id }) => id))
}

/** Plain fields, of which the given ones are required. */
function fieldsOf(columns: readonly Field[], requiredColumns: readonly Field[]): Field[] {
  return columns.map(({ id, name, type, doc }) => ({
    id,
    name,
    required: requiredColumns.some(each => each.id === id),
    type,
    ...(doc !== undefined && { doc }),
  }))
}

/** How a file of records describes itself. */
export interface RecordSchema {
  readonly avro: JsonObject
  /** The header's `iceberg.schema`. */
  readonly icebergText: string
}

function recordSchema(fields: readonly Field[], recordName: string): RecordSchema {
  return {
    avro: avroSchemaOf(fields, recordName),
    icebergText: stringifyJson(serializeSchema({ schemaId: 0, fields, identifierFieldIds: [] })),
  }
}

const SCHEMAS_KEPT_MAX = 64
/** By what they are made of, the oldest first: the files of a table have the same few. */
const schemasKept = new Map<string, RecordSchema>()

function kept(key: string, make: () => RecordSchema): RecordSchema {
  const known = schemasKept.get(key)
  if (known !== undefined) return known
  const made = make()
  const [oldest] = schemasKept.keys()
  if (oldest !== undefined && schemasKept.size >= SCHEMAS_KEPT_MAX) schemasKept.delete(oldest)
  schemasKept.set(key, made)
  return made
}

/** The schema of a manifest list. */
export function manifestListSchema(formatVersion: WrittenFormatVersion): RecordSchema {
  return kept(`list ${formatVersion}`, () => newListSchema(formatVersion))
}

/** The schema of a manifest whose tuples are of the partition type. */
export function manifestSchema(formatVersion: WrittenFormatVersion, partition: StructType): RecordSchema {
  const tuple = stringifyJson(serializeType(partition))
  return kept(`manifest ${formatVersion} ${tuple}`, () => newManifestSchema(formatVersion, partition))
}

function newListSchema(formatVersion: WrittenFormatVersion): RecordSchema {
  const columns = Object.values(LIST).filter(({ id }) => formatVersion >= 3 || id !== LIST.firstRowId.id)
  const requiredColumns = columns.filter(({ id }) => !LIST_OPTIONAL.some(each => each.id === id))
  return recordSchema(fieldsOf(columns, requiredColumns), 'manifest_file')
}

function newManifestSchema(formatVersion: WrittenFormatVersion, partition: StructType): RecordSchema {
  const fileColumns = Object.values<Field>(FILE)
    .filter(({ id }) => formatVersion >= 3 || !V3_FILE_FIELDS.some(each => each.id === id))
    .map(each => (each.id === FILE.partition.id ? { ...each, type: partition } : each))
  const dataFile: StructType = { kind: 'struct', fields: fieldsOf(fileColumns, FILE_REQUIRED) }
  const columns = [
    ENTRY.status,
    ENTRY.snapshotId,
    ENTRY.dataSequenceNumber,
    ENTRY.fileSequenceNumber,
    { ...ENTRY.dataFile, type: dataFile },
  ]
  return recordSchema(fieldsOf(columns, [ENTRY.status, ENTRY.dataFile]), 'manifest_entry')
}
