/**
 * Metadata columns: where a row is, and its lineage. Computed for the rows that are returned only.
 *
 *   _file, _spec_id    of the data file
 *   _partition         of the data file, as a struct of the fields of all specs; null where no spec has any, as in Java
 *   _pos               position in the file
 *   _deleted           asked for, deleted rows are returned too, marked
 *   _row_id            as stored, else the file's first row id + _pos
 *   _last_updated_sequence_number   as stored, else the data sequence number of the entry
 *
 * A file without a first row id (written before the table was v3) has no lineage: both are null.
 * @see Iceberg table spec, "Row Lineage", "Reserved Field IDs"
 */
import { assert } from '../base/assert.js'
import { type Bitmap, isPresent, type Selection, type Vector } from '../batch/column-batch.js'
import { constantVector, nullVectorOf, takeVector } from '../batch/take.js'
import type { DataFile } from '../manifest/content-file.js'
import { unifiedTuple } from '../schema/partition.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import {
  DELETED_FIELD,
  FILE_FIELD,
  LAST_UPDATED_SEQUENCE_NUMBER_FIELD,
  METADATA_FIELDS,
  PARTITION_FIELD_ID,
  POSITION_FIELD,
  ROW_ID_FIELD,
  SPEC_ID_FIELD,
} from '../schema/reserved-fields.js'
import type { Field } from '../schema/types.js'
import type { ReadTask } from './plan.js'

/** Rows of a task that are about to be returned. */
export interface ReturnedRows {
  readonly task: ReadTask
  /** The table's, of which the file has one. */
  readonly specs: readonly PartitionSpec[]
  /** Position in the file of the batch's first row. */
  readonly firstRow: number
  /** Rows of the batch. */
  readonly batchLength: number
  /** The returned rows of the batch; undefined: all. */
  readonly selection: Selection | undefined
  /** The rows of the batch that are not deleted; undefined: all. */
  readonly live: Selection | undefined
}

const METADATA_IDS: ReadonlySet<number> = new Set([
  ...METADATA_FIELDS.map(field => field.id),
  PARTITION_FIELD_ID,
])
const LINEAGE_IDS: ReadonlySet<number> = new Set([ROW_ID_FIELD.id, LAST_UPDATED_SEQUENCE_NUMBER_FIELD.id])

export function isMetadataField(field: Field): boolean {
  return METADATA_IDS.has(field.id)
}

/** True for the metadata columns that a data file may store. */
export function isLineageField(field: Field): boolean {
  return LINEAGE_IDS.has(field.id)
}

/**
 * The values of a metadata column for the returned rows.
 * @param stored for a lineage column, what the file holds for all rows of the batch
 */
export function metadataVector(field: Field, rows: ReturnedRows, stored: Vector | undefined): Vector {
  const { file, dataSequenceNumber } = rows.task.entry
  const length = rows.selection?.length ?? rows.batchLength
  switch (field.id) {
    case FILE_FIELD.id:
      return constantVector(field.type, file.location, length)
    case SPEC_ID_FIELD.id:
      return constantVector(field.type, file.specId, length)
    case PARTITION_FIELD_ID:
      return partitionVector(field, file, { specs: rows.specs, length })
    case POSITION_FIELD.id:
      return countingVector(BigInt(rows.firstRow), rows.selection, length)
    case DELETED_FIELD.id:
      return deletedVector(rows, length)
    case ROW_ID_FIELD.id: {
      const { firstRowId } = file
      const inherited =
        firstRowId === undefined
          ? undefined
          : countingVector(firstRowId + BigInt(rows.firstRow), rows.selection, length)
      return filledBy(returned(stored, rows), inherited, field)
    }
    default: {
      assert(field.id === LAST_UPDATED_SEQUENCE_NUMBER_FIELD.id, 'the field is a metadata column')
      const inherited =
        file.firstRowId === undefined ? undefined : constantVector(field.type, dataSequenceNumber, length)
      return filledBy(returned(stored, rows), inherited, field)
    }
  }
}

function partitionVector(
  { type }: Field,
  file: DataFile,
  rows: { readonly specs: readonly PartitionSpec[]; readonly length: number },
): Vector {
  const { specs, length } = rows
  assert(type.kind === 'struct', 'a partition is a struct')
  if (type.fields.length === 0) return nullVectorOf(type, length)
  const spec = specs.find(candidate => candidate.specId === file.specId)
  const tuple = spec === undefined ? [] : unifiedTuple(type, spec, file.partition)
  const children = type.fields.map((field, index) => constantVector(field.type, tuple[index] ?? null, length))
  return { layout: 'struct', length, children }
}

function returned(stored: Vector | undefined, rows: ReturnedRows): Vector {
  const vector = stored ?? nullVectorOf(ROW_ID_FIELD.type, rows.batchLength)
  return rows.selection === undefined ? vector : takeVector(vector, rows.selection)
}

/** `base` + row for each returned row, written as pairs of 32-bit words where the numbers are safe. */
function countingVector(base: bigint, selection: Selection | undefined, length: number): Vector {
  const values = new BigInt64Array(length)
  const from = Number(base)
  if (Number.isSafeInteger(from + 0xffff_ffff)) {
    const words = new Uint32Array(values.buffer)
    if (selection === undefined && from + length <= 0x1_0000_0000) {
      for (let index = 0; index < length; index++) words[2 * index] = from + index
      return { layout: 'fixed-width', length, values }
    }
    for (let index = 0; index < length; index++) {
      const value = from + (selection === undefined ? index : (selection[index] as number))
      words[2 * index] = value
      if (value >= 0x1_0000_0000) words[2 * index + 1] = value / 0x1_0000_0000
    }
  } else {
    for (let index = 0; index < length; index++)
      values[index] = base + BigInt(selection === undefined ? index : (selection[index] as number))
  }
  return { layout: 'fixed-width', length, values }
}

/** The stored values; where they are null, the inherited ones. */
function filledBy(stored: Vector, inherited: Vector | undefined, field: Field): Vector {
  if (inherited === undefined) return stored
  if (stored.layout === 'null') return inherited
  if (stored.layout !== 'fixed-width' || stored.validity === undefined) return stored
  if (stored.validity.every(byte => byte === 0)) return inherited
  assert(stored.values instanceof BigInt64Array, 'lineage is stored as longs')
  const values = stored.values.slice(0, stored.length)
  const fill = longsOf(inherited, field)
  for (let row = 0; row < stored.length; row++) if (!isPresent(stored, row)) values[row] = fill(row)
  return { layout: 'fixed-width', length: stored.length, values }
}

function longsOf(vector: Vector, field: Field): (row: number) => bigint {
  if (vector.layout === 'dictionary') {
    const { codes, dictionary } = vector
    const decode = longsOf(dictionary, field)
    return row => decode(codes[row] as number)
  }
  assert(vector.layout === 'fixed-width' && vector.values instanceof BigInt64Array, 'lineage is of longs')
  const { values } = vector
  return row => values[row] as bigint
}

function deletedVector(rows: ReturnedRows, length: number): Vector {
  const bits: Bitmap = new Uint8Array((length + 7) >> 3)
  if (rows.live !== undefined) {
    let next = 0
    for (let index = 0; index < length; index++) {
      const row = rows.selection === undefined ? index : (rows.selection[index] as number)
      while (next < rows.live.length && (rows.live[next] as number) < row) next++
      if (rows.live[next] !== row) bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7))
    }
  }
  return { layout: 'boolean', length, bits }
}
