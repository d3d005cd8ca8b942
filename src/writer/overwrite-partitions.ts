/**
 * The rows of some partitions, for an overwrite that replaces whole partitions. A file of the same spec is of one of them
 * or of none, as its tuple says. In a file of another spec single rows may be: their partition is computed from their
 * values, so that a table whose partitioning evolved is overwritten as if it had been made anew.
 */
import type { ColumnBatch } from '../batch/column-batch.js'
import { takeBatch } from '../batch/take.js'
import { type Bound, bind } from '../expression/bind.js'
import { alwaysTrue, and, type Expression, isNull, or } from '../expression/expression.js'
import type { ContentFile, DataFile } from '../manifest/content-file.js'
import { specById } from '../metadata/lookup.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { isUnpartitioned, partitionKey, partitionTypes } from '../schema/partition.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { fieldIdPath } from '../schema/schema.js'
import { type Field, isPrimitive, type Schema, type Value } from '../schema/types.js'
import { createPartitioner } from './partitioner.js'

export interface PartitionPick {
  /** True for every row of the partitions, and for some others. */
  readonly filter: Bound
  /** Whether the rows of a file are of the partitions: all, none, or undefined: its rows have to be looked at. */
  holds(file: ContentFile): boolean | undefined
  /** Columns that tell the partition of a row. */
  readonly fields: readonly Field[]
  /** The rows of a batch that are of the partitions; the batch has at least `fields`. */
  rowsIn(batch: ColumnBatch): ColumnBatch
}

/** More values than this are not compared one by one. */
const VALUES_MAX = 1_000

/** The spec of files that one write made. Undefined: they are of no partition, or there are none. */
export function commonSpec(
  metadata: TableMetadata,
  files: readonly ContentFile[],
): PartitionSpec | undefined {
  const [first] = files
  const spec = first && specById(metadata, first.specId)
  return spec === undefined || isUnpartitioned(spec) ? undefined : spec
}

/** The partitions of the files, which are all of `spec`. */
export function pickPartitions(
  files: readonly DataFile[],
  spec: PartitionSpec,
  schema: Schema,
): PartitionPick {
  const types = partitionTypes(spec, schema)
  const wanted = new Set(files.map(({ partition }) => partitionKey(types, partition)))
  const sources = new Set(spec.fields.flatMap(({ sourceId }) => fieldIdPath(schema, sourceId)?.[0] ?? []))
  const partitioner = createPartitioner(spec, schema)
  return {
    filter: bind(and(...valueFilters(files, spec, schema)), schema),
    holds: ({ specId, partition }) =>
      specId === spec.specId ? wanted.has(partitionKey(types, partition)) : undefined,
    fields: schema.fields.filter(({ id }) => sources.has(id)),
    rowsIn(batch) {
      const places = partitioner.places(batch).filter(({ key }) => wanted.has(key))
      const count = places.reduce((sum, { selection }) => sum + selection.length, 0)
      if (count === batch.length) return batch
      const rows = new Uint32Array(count)
      let at = 0
      for (const { selection } of places) {
        rows.set(selection, at)
        at += selection.length
      }
      return takeBatch(batch, rows.sort())
    },
  }
}

/** The values of columns that the table is partitioned by as they are; floats have values that are equal and not the same. */
function valueFilters(
  files: readonly DataFile[],
  spec: PartitionSpec,
  schema: Schema,
): readonly Expression[] {
  return spec.fields.map((field, place) => {
    const column = schema.fields.find(({ id }) => id === field.sourceId)
    if (column === undefined || field.transform.kind !== 'identity') return alwaysTrue
    const values = files.map(({ partition }) => partition[place] ?? null)
    return oneOf(column, values)
  })
}

function oneOf({ name, type }: Field, values: readonly Value[]): Expression {
  if (!isPrimitive(type) || type.kind === 'float' || type.kind === 'double') return alwaysTrue
  const distinct = new Map(values.map(value => [partitionKey([type], [value]), value]))
  if (distinct.size > VALUES_MAX) return alwaysTrue
  const present = [...distinct.values()].filter(value => value !== null)
  const literals = present.map(value => ({ kind: 'typed', type, value }) as const)
  const among: Expression[] = literals.length === 0 ? [] : [{ op: 'in', column: name, literals }]
  return or(...among, ...(distinct.has(partitionKey([type], [null])) ? [isNull(name)] : []))
}
