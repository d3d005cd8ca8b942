/**
 * Metadata columns and the columns of position delete files: fields with ids that no table column may have.
 * @see Iceberg table spec, "Reserved Field IDs"
 */
import type { Field } from './types.js'

/** Location of the data file a row is in. */
export const FILE_FIELD: Field = {
  id: 2_147_483_646,
  name: '_file',
  required: true,
  type: { kind: 'string' },
}

/** Position of a row in its data file, from 0. */
export const POSITION_FIELD: Field = {
  id: 2_147_483_645,
  name: '_pos',
  required: true,
  type: { kind: 'long' },
}

/** Whether a row is deleted. */
export const DELETED_FIELD: Field = {
  id: 2_147_483_644,
  name: '_deleted',
  required: true,
  type: { kind: 'boolean' },
}

/** Partition spec of the file a row is in. */
export const SPEC_ID_FIELD: Field = {
  id: 2_147_483_643,
  name: '_spec_id',
  required: true,
  type: { kind: 'int' },
}

/** `_partition`: the partition of the file a row is in, a struct of the fields of all specs (`partitionField`). */
export const PARTITION_FIELD_ID = 2_147_483_642
export const PARTITION_FIELD_NAME = '_partition'

/** Position delete files: location of the data file a deleted row is in. */
export const DELETE_FILE_PATH_FIELD: Field = {
  id: 2_147_483_546,
  name: 'file_path',
  required: true,
  type: { kind: 'string' },
}

/** Position delete files: position of the deleted row. */
export const DELETE_POSITION_FIELD: Field = {
  id: 2_147_483_545,
  name: 'pos',
  required: true,
  type: { kind: 'long' },
}

/** Position delete files: the deleted row itself, a struct of the table's columns. */
export const DELETE_ROW_FIELD_ID = 2_147_483_544

/** Changelogs: what happened to a row. */
export const CHANGE_TYPE_FIELD: Field = {
  id: 2_147_483_543,
  name: '_change_type',
  required: true,
  type: { kind: 'string' },
}

/** Changelogs: the number of the change in its range. */
export const CHANGE_ORDINAL_FIELD: Field = {
  id: 2_147_483_542,
  name: '_change_ordinal',
  required: true,
  type: { kind: 'int' },
}

/** Changelogs: the snapshot a change came with. */
export const COMMIT_SNAPSHOT_ID_FIELD: Field = {
  id: 2_147_483_541,
  name: '_commit_snapshot_id',
  required: true,
  type: { kind: 'long' },
}

/** Row lineage (v3): the id of a row, unique in its table for ever. */
export const ROW_ID_FIELD: Field = {
  id: 2_147_483_540,
  name: '_row_id',
  required: false,
  type: { kind: 'long' },
}

/** Row lineage (v3): sequence number of the commit that last changed a row. */
export const LAST_UPDATED_SEQUENCE_NUMBER_FIELD: Field = {
  id: 2_147_483_539,
  name: '_last_updated_sequence_number',
  required: false,
  type: { kind: 'long' },
}

/** The metadata columns that a scan can be asked for by name, but for `_partition`, whose type is the table's. */
export const METADATA_FIELDS: readonly Field[] = [
  FILE_FIELD,
  POSITION_FIELD,
  DELETED_FIELD,
  SPEC_ID_FIELD,
  ROW_ID_FIELD,
  LAST_UPDATED_SEQUENCE_NUMBER_FIELD,
]
