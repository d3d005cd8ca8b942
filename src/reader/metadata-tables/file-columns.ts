/**
 * The columns of a content file as metadata tables show it: the fields of a manifest's `data_file`, with one
 * partition struct for all specs. Bounds are bytes here; `readable_metrics` has them as values.
 * @see Iceberg table spec, "Manifests" (`data_file` fields)
 */
import { required } from '../../format/avro-fields.js'
import type { ContentFile } from '../../manifest/content-file.js'
import { splitOffsetsAt } from '../../manifest/content-file-read.js'
import { BoundsBuilder, CountsBuilder } from '../../manifest/entry-maps.js'
import type { EntryRow } from '../../manifest/entry-rows.js'
import { FILE, type MapColumn } from '../../manifest/manifest-schema.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import type { Field, MapType, Type, Value } from '../../schema/types.js'
import {
  bytesColumn,
  countColumn,
  type EntryColumn,
  intColumn,
  mapColumn,
  textColumn,
  valueColumn,
} from './entry-columns.js'
import { optionalField, orNull, requiredField } from './metadata-source.js'
import { partitionColumn, partitionOfEntry } from './partition-column.js'

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

const IDENTITY_COLUMNS: readonly EntryColumn[] = [
  intColumn(CONTENT_FIELD, row => CONTENT_IDS[row.content()]),
  textColumn(
    requiredField({
      id: 100,
      name: 'file_path',
      type: STRING,
      doc: 'Location of the file, with its scheme',
    }),
    FILE.location,
  ),
  valueColumn(
    requiredField({ id: 101, name: 'file_format', type: STRING, doc: 'Name of the file format' }),
    ({ entry }) => required(entry.text(FILE.format), FILE.format).toUpperCase(),
  ),
  intColumn(SPEC_ID_COLUMN, ({ manifest }) => manifest.specId),
]

const SIZE_COLUMNS: readonly EntryColumn[] = [
  countColumn(
    requiredField({ id: 103, name: 'record_count', type: LONG, doc: 'Number of records in the file' }),
    ({ entry }) => required(entry.count(FILE.recordCount), FILE.recordCount),
  ),
  countColumn(
    requiredField({
      id: 104,
      name: 'file_size_in_bytes',
      type: LONG,
      doc: 'Total file size in bytes',
    }),
    fileSizeBytes,
  ),
]

function fileSizeBytes({ entry }: EntryRow): number {
  return required(entry.count(FILE.fileSizeBytes), FILE.fileSizeBytes)
}

type Described = Omit<Field, 'required' | 'type'>

function countsColumn(stored: MapColumn, field: Described, keyId: number): EntryColumn {
  const type = byColumn(keyId, LONG)
  return mapColumn(optionalField({ ...field, type }), room => new CountsBuilder(stored, room))
}

function boundsColumn(stored: MapColumn, field: Described, keyId: number): EntryColumn {
  const type = byColumn(keyId, BINARY)
  return mapColumn(optionalField({ ...field, type }), room => new BoundsBuilder(stored, room))
}

function byColumn(keyId: number, value: Type): MapType {
  return { kind: 'map', keyId, key: INT, valueId: keyId + 1, valueRequired: true, value }
}

const STATISTICS_COLUMNS: readonly EntryColumn[] = [
  countsColumn(
    FILE.columnSizes,
    { id: 108, name: 'column_sizes', doc: 'Map of column id to total size on disk' },
    117,
  ),
  countsColumn(
    FILE.valueCounts,
    { id: 109, name: 'value_counts', doc: 'Map of column id to total count, including null and NaN' },
    119,
  ),
  countsColumn(
    FILE.nullValueCounts,
    { id: 110, name: 'null_value_counts', doc: 'Map of column id to null value count' },
    121,
  ),
  countsColumn(
    FILE.nanValueCounts,
    { id: 137, name: 'nan_value_counts', doc: 'Map of column id to number of NaN values in the column' },
    138,
  ),
  boundsColumn(
    FILE.lowerBounds,
    { id: 125, name: 'lower_bounds', doc: 'Map of column id to lower bound' },
    126,
  ),
  boundsColumn(
    FILE.upperBounds,
    { id: 128, name: 'upper_bounds', doc: 'Map of column id to upper bound' },
    129,
  ),
]

const TAIL_COLUMNS: readonly EntryColumn[] = [
  bytesColumn(
    optionalField({ id: 131, name: 'key_metadata', type: BINARY, doc: 'Encryption key metadata' }),
    FILE.keyMetadata,
  ),
  valueColumn(
    optionalField({
      id: 132,
      name: 'split_offsets',
      type: { kind: 'list', elementId: 133, elementRequired: true, element: LONG },
      doc: 'Splittable offsets',
    }),
    splitOffsets,
  ),
  valueColumn(
    optionalField({
      id: 135,
      name: 'equality_ids',
      type: { kind: 'list', elementId: 136, elementRequired: true, element: INT },
      doc: 'Field ids of an equality delete',
    }),
    row => (row.content() === 'equality-deletes' ? orNull(row.entry.numbers(FILE.equalityFieldIds)) : null),
  ),
  intColumn(optionalField({ id: 140, name: 'sort_order_id', type: INT, doc: 'Sort order ID' }), ({ entry }) =>
    orNull(entry.number(FILE.sortOrderId)),
  ),
  valueColumn(
    optionalField({
      id: 142,
      name: 'first_row_id',
      type: LONG,
      doc: 'Row id of the first row of the data file',
    }),
    row => orNull(row.firstRowId()),
  ),
  textColumn(
    optionalField({
      id: 143,
      name: 'referenced_data_file',
      type: STRING,
      doc: 'Location of the one data file that all deletes are about',
    }),
    FILE.referencedDataFile,
    isPositionDeletes,
  ),
  countColumn(
    optionalField({
      id: 144,
      name: 'content_offset',
      type: LONG,
      doc: 'Offset in the file where the deletion vector starts',
    }),
    row => (isPositionDeletes(row) ? row.entry.count(FILE.contentOffset) : undefined),
  ),
  countColumn(
    optionalField({
      id: 145,
      name: 'content_size_in_bytes',
      type: LONG,
      doc: 'Length of the deletion vector in the file',
    }),
    row => (isPositionDeletes(row) ? row.entry.count(FILE.contentSizeBytes) : undefined),
  ),
]

function isPositionDeletes(row: EntryRow): boolean {
  return row.content() === 'position-deletes'
}

function splitOffsets(row: EntryRow): Value {
  if (!row.entry.has(FILE.splitOffsets)) return null
  return orNull(splitOffsetsAt(row.entry, fileSizeBytes(row))?.map(BigInt))
}

/** The columns of a file of this table. @throws unsupported when a spec has a transform that is not known */
export function fileColumns(metadata: TableMetadata): readonly EntryColumn[] {
  const partition = partitionColumn(metadata)
  const field = requiredField({
    id: FILE_PARTITION_ID,
    name: 'partition',
    type: partition.type,
    doc: 'Partition tuple, with the fields of all specs',
  })
  const partitionColumns = partition.type.fields.length === 0 ? [] : [partitionOfEntry(field, partition)]
  return [...IDENTITY_COLUMNS, ...partitionColumns, ...SIZE_COLUMNS, ...STATISTICS_COLUMNS, ...TAIL_COLUMNS]
}
