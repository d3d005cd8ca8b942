/**
 * The columns of a content file as metadata tables show it: the fields of a manifest's `data_file`, with one
 * partition struct for all specs. Bounds are bytes here; `readable_metrics` has them as values.
 * @see Iceberg table spec, "Manifests" (`data_file` fields)
 */
import type { ContentFile, FileMetrics } from '../../manifest/content-file.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import type { Field, MapType, Type, Value } from '../../schema/types.js'
import { longOf, type MetadataColumn, optionalField, orNull, requiredField } from './metadata-source.js'
import { partitionColumn } from './partition-column.js'

const INT: Type = { kind: 'int' }
const LONG: Type = { kind: 'long' }
const STRING: Type = { kind: 'string' }
const BINARY: Type = { kind: 'binary' }

/** Numbers that stand for what a file holds. */
export const CONTENT_IDS: Readonly<Record<ContentFile['content'], number>> = {
  data: 0,
  'position-deletes': 1,
  'equality-deletes': 2,
}

type FileColumn = MetadataColumn<ContentFile>

export const CONTENT_FIELD: Field = optionalField({
  id: 134,
  name: 'content',
  type: INT,
  doc: 'Contents of the file: 0=data, 1=position deletes, 2=equality deletes',
})

export const SPEC_ID_COLUMN: Field = optionalField({
  id: 141,
  name: 'spec_id',
  type: INT,
  doc: 'Partition spec ID',
})

/** The id of the `partition` struct of a file. */
export const FILE_PARTITION_ID = 102

const IDENTITY_COLUMNS: readonly FileColumn[] = [
  { field: CONTENT_FIELD, cellOf: file => CONTENT_IDS[file.content] },
  {
    field: requiredField({
      id: 100,
      name: 'file_path',
      type: STRING,
      doc: 'Location of the file, with its scheme',
    }),
    cellOf: file => file.location,
  },
  {
    field: requiredField({ id: 101, name: 'file_format', type: STRING, doc: 'Name of the file format' }),
    cellOf: file => file.format.toUpperCase(),
  },
  { field: SPEC_ID_COLUMN, cellOf: file => file.specId },
]

const SIZE_COLUMNS: readonly FileColumn[] = [
  {
    field: requiredField({ id: 103, name: 'record_count', type: LONG, doc: 'Number of records in the file' }),
    cellOf: file => longOf(file.recordCount),
  },
  {
    field: requiredField({
      id: 104,
      name: 'file_size_in_bytes',
      type: LONG,
      doc: 'Total file size in bytes',
    }),
    cellOf: file => longOf(file.fileSizeBytes),
  },
]

type CountsName = 'columnSizes' | 'valueCounts' | 'nullValueCounts' | 'nanValueCounts'

function countsColumn(name: CountsName, field: Omit<Field, 'required' | 'type'>, keyId: number): FileColumn {
  return {
    field: optionalField({ ...field, type: byColumn(keyId, LONG) }),
    cellOf: file => countsOf(file[name]),
  }
}

function boundsColumn(
  name: 'lowerBounds' | 'upperBounds',
  field: Omit<Field, 'required' | 'type'>,
  keyId: number,
): FileColumn {
  return {
    field: optionalField({ ...field, type: byColumn(keyId, BINARY) }),
    cellOf: file => boundsOf(file[name]),
  }
}

function byColumn(keyId: number, value: Type): MapType {
  return { kind: 'map', keyId, key: INT, valueId: keyId + 1, valueRequired: true, value }
}

function countsOf(counts: FileMetrics[CountsName]): Value {
  return counts === undefined ? null : [...counts].map(([id, count]) => [id, BigInt(count)])
}

function boundsOf(bounds: FileMetrics['lowerBounds']): Value {
  return bounds === undefined ? null : [...bounds]
}

const STATISTICS_COLUMNS: readonly FileColumn[] = [
  countsColumn(
    'columnSizes',
    { id: 108, name: 'column_sizes', doc: 'Map of column id to total size on disk' },
    117,
  ),
  countsColumn(
    'valueCounts',
    { id: 109, name: 'value_counts', doc: 'Map of column id to total count, including null and NaN' },
    119,
  ),
  countsColumn(
    'nullValueCounts',
    { id: 110, name: 'null_value_counts', doc: 'Map of column id to null value count' },
    121,
  ),
  countsColumn(
    'nanValueCounts',
    { id: 137, name: 'nan_value_counts', doc: 'Map of column id to number of NaN values in the column' },
    138,
  ),
  boundsColumn('lowerBounds', { id: 125, name: 'lower_bounds', doc: 'Map of column id to lower bound' }, 126),
  boundsColumn('upperBounds', { id: 128, name: 'upper_bounds', doc: 'Map of column id to upper bound' }, 129),
]

const TAIL_COLUMNS: readonly FileColumn[] = [
  {
    field: optionalField({ id: 131, name: 'key_metadata', type: BINARY, doc: 'Encryption key metadata' }),
    cellOf: file => orNull(file.keyMetadata),
  },
  {
    field: optionalField({
      id: 132,
      name: 'split_offsets',
      type: { kind: 'list', elementId: 133, elementRequired: true, element: LONG },
      doc: 'Splittable offsets',
    }),
    cellOf: file => orNull(file.splitOffsets?.map(BigInt)),
  },
  {
    field: optionalField({
      id: 135,
      name: 'equality_ids',
      type: { kind: 'list', elementId: 136, elementRequired: true, element: INT },
      doc: 'Field ids of an equality delete',
    }),
    cellOf: file => (file.content === 'equality-deletes' ? file.equalityFieldIds : null),
  },
  {
    field: optionalField({ id: 140, name: 'sort_order_id', type: INT, doc: 'Sort order ID' }),
    cellOf: file => orNull(file.sortOrderId),
  },
  {
    field: optionalField({
      id: 142,
      name: 'first_row_id',
      type: LONG,
      doc: 'Row id of the first row of the data file',
    }),
    cellOf: file => (file.content === 'data' ? orNull(file.firstRowId) : null),
  },
  {
    field: optionalField({
      id: 143,
      name: 'referenced_data_file',
      type: STRING,
      doc: 'Location of the one data file that all deletes are about',
    }),
    cellOf: file => (file.content === 'position-deletes' ? orNull(file.referencedDataFile) : null),
  },
  {
    field: optionalField({
      id: 144,
      name: 'content_offset',
      type: LONG,
      doc: 'Offset in the file where the deletion vector starts',
    }),
    cellOf: file => (file.content === 'position-deletes' ? longOf(file.contentOffset) : null),
  },
  {
    field: optionalField({
      id: 145,
      name: 'content_size_in_bytes',
      type: LONG,
      doc: 'Length of the deletion vector in the file',
    }),
    cellOf: file => (file.content === 'position-deletes' ? longOf(file.contentSizeBytes) : null),
  },
]

/** Names of the columns that are made of a file's statistics. */
export const STATISTICS_NAMES: ReadonlySet<string> = new Set(
  STATISTICS_COLUMNS.map(column => column.field.name),
)

/** The columns of a file of this table. @throws unsupported when a spec has a transform that is not known */
export function fileColumns(metadata: TableMetadata): readonly FileColumn[] {
  const partition = partitionColumn(metadata)
  const partitionColumns: readonly FileColumn[] =
    partition.type.fields.length === 0
      ? []
      : [
          {
            field: requiredField({
              id: FILE_PARTITION_ID,
              name: 'partition',
              type: partition.type,
              doc: 'Partition tuple, with the fields of all specs',
            }),
            cellOf: partition.tupleOf,
          },
        ]
  return [...IDENTITY_COLUMNS, ...partitionColumns, ...SIZE_COLUMNS, ...STATISTICS_COLUMNS, ...TAIL_COLUMNS]
}
