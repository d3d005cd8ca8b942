/**
 * Splits batches by partition: the transforms run over whole columns, and rows are told apart by hashing the
 * results, so no partition tuple is made per row.
 */
import { present } from '../base/assert.js'
import type { Bitmap, ColumnBatch, Selection, Vector } from '../batch/column-batch.js'
import { groupRows } from '../batch/group-rows.js'
import { nullVectorOf, takeBatch } from '../batch/take.js'
import { transformVector } from '../batch/transform-vector.js'
import { valueAt } from '../batch/values.js'
import { isUnpartitioned, partitionKey, partitionPath, partitionType } from '../schema/partition.js'
import type { PartitionField, PartitionSpec, PartitionTuple } from '../schema/partition-spec.js'
import type { Field, Schema, Type } from '../schema/types.js'

/** The rows of a batch that belong to one partition. */
export interface PartitionRows {
  /** Tells partitions of the spec apart. */
  readonly key: string
  readonly tuple: PartitionTuple
  readonly rows: ColumnBatch
}

/** A column of values of one partition field. */
export interface PartitionColumn {
  readonly type: Type
  readonly vector: Vector
}

/** Where the rows of a partition stand in a batch. */
export interface PartitionPlaces {
  readonly key: string
  readonly tuple: PartitionTuple
  readonly selection: Selection
}

export interface Partitioner {
  /** Relative path of a partition's files, empty for an unpartitioned spec. */
  path(tuple: PartitionTuple): string
  /** The values of the partition fields, none for an unpartitioned spec. */
  columns(batch: ColumnBatch): readonly PartitionColumn[]
  /** The partitions in the order of their first rows; for a spec that partitions. */
  places(batch: ColumnBatch): readonly PartitionPlaces[]
  split(batch: ColumnBatch): readonly PartitionRows[]
}

/** A partitioner for batches whose columns begin with those of the schema. */
export function createPartitioner(spec: PartitionSpec, schema: Schema): Partitioner {
  if (isUnpartitioned(spec)) {
    const tuple = spec.fields.map(() => null)
    return {
      path: () => '',
      columns: () => [],
      places: () => [],
      split: rows => (rows.length === 0 ? [] : [{ key: '', tuple, rows }]),
    }
  }
  const types = partitionType(spec, schema).fields.map(field => field.type)
  const columns = (batch: ColumnBatch): readonly PartitionColumn[] =>
    spec.fields.map((field, index) => {
      const type = present(types[index], 'the type of a partition field')
      return { type, vector: partitionVector(field, type, batch) }
    })
  const places = (batch: ColumnBatch): readonly PartitionPlaces[] => {
    if (batch.length === 0) return []
    const values = columns(batch)
    const vectors = values.map(column => column.vector)
    const { firstRow, rows } = groupRows(vectors, types, batch.length)
    return rows.map((selection, group) => {
      const first = present(firstRow[group], 'the first row of a partition')
      const tuple = values.map(({ type, vector }) => valueAt(vector, type, first))
      return { key: partitionKey(types, tuple), tuple, selection }
    })
  }
  return {
    path: tuple => partitionPath(spec, schema, tuple),
    columns,
    places,
    split: batch =>
      places(batch).map(({ key, tuple, selection }) => {
        const whole = selection.length === batch.length
        return { key, tuple, rows: whole ? batch : takeBatch(batch, selection) }
      }),
  }
}

/** The values of one partition field, all null where its source column is gone. */
function partitionVector(field: PartitionField, type: Type, batch: ColumnBatch): Vector {
  const source = columnOf(field.sourceId, batch)
  if (source === undefined || field.transform.kind === 'void') return nullVectorOf(type, batch.length)
  return transformVector(field.transform, source.type, source.vector)
}

interface SourceColumn {
  readonly type: Type
  readonly vector: Vector
}

/** The column with a field id, inside structs too: a field of a null struct is null. */
export function columnOf(fieldId: number, batch: ColumnBatch): SourceColumn | undefined {
  return findColumn(fieldId, batch.fields, batch.columns)
}

function findColumn(
  fieldId: number,
  fields: readonly Field[],
  columns: readonly Vector[],
): SourceColumn | undefined {
  for (const [index, field] of fields.entries()) {
    const vector = columns[index]
    if (vector === undefined) continue
    if (field.id === fieldId) return { type: field.type, vector }
    if (field.type.kind !== 'struct' || vector.layout !== 'struct') continue
    const found = findColumn(fieldId, field.type.fields, vector.children)
    if (found !== undefined) return { type: found.type, vector: maskedBy(found.vector, vector.validity) }
  }
  return undefined
}

function maskedBy(vector: Vector, parent: Bitmap | undefined): Vector {
  if (parent === undefined || vector.layout === 'null') return vector
  const own = vector.validity
  const validity = own === undefined ? parent : own.map((byte, index) => byte & (parent[index] ?? 0))
  return { ...vector, validity }
}
