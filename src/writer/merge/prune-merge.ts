/**
 * Which files of the table a merge looks at. Keys that are columns prune by their range, file by file and by partition,
 * as those of an upsert do. A clause on rows that the source lacks needs every file, but files without a key of the
 * source may then leave the table unread.
 */
import { type ColumnBatch, isPresent, type Selection, type Vector } from '../../batch/column-batch.js'
import { int32Words } from '../../batch/int-words.js'
import { allRows } from '../../batch/selection.js'
import { alignVector, takeVector } from '../../batch/take.js'
import { BOUND_FALSE, BOUND_TRUE, type Bound } from '../../expression/bind.js'
import type { BoundScalar } from '../../expression/scalar/bound.js'
import type { JoinKey } from '../../expression/scalar/condition.js'
import type { DataFile } from '../../manifest/content-file.js'
import type { TableMetadata } from '../../metadata/table-metadata.js'
import { sameType } from '../../schema/schema.js'
import type { Field, Schema } from '../../schema/types.js'
import { createKeyPruner } from '../key-pruning.js'
import { longsOf } from '../row-positions.js'
import { type BoundMerge, scanFilterOf } from './bind-merge.js'
import type { SourceIndex } from './source-index.js'

export interface MergePruner {
  /** True of every row that the merge may change. */
  readonly filter: Bound
  /** False when the file certainly holds no row that matches one of the source. */
  readonly mightMatch: (file: DataFile) => boolean
  /** Ids of the columns whose statistics tell. */
  readonly keyFieldIds: readonly number[]
}

export function createMergePruner(
  merge: BoundMerge,
  index: SourceIndex,
  table: { readonly metadata: TableMetadata; readonly schema: Schema },
): MergePruner {
  const { metadata, schema } = table
  if (index.matchable.length === 0) {
    return { filter: scanFilterOf(merge, BOUND_FALSE), mightMatch: () => false, keyFieldIds: [] }
  }
  const keys = tableKeys(merge.keys, index, schema)
  if (keys === undefined) {
    return { filter: scanFilterOf(merge, BOUND_TRUE), mightMatch: () => true, keyFieldIds: [] }
  }
  const pruner = createKeyPruner(keys, metadata, schema)
  return {
    filter: scanFilterOf(merge, pruner.filter),
    mightMatch: file => pruner.keepFile(file),
    keyFieldIds: keys.fields.map(field => field.id),
  }
}

/** The keys that are columns of the table, in their types, of rows whose keys fit these. */
function tableKeys(
  keys: readonly JoinKey[],
  { keyVectors }: SourceIndex,
  schema: Schema,
): ColumnBatch | undefined {
  const found = keys.flatMap((key, at): TableKey[] => {
    const field = columnOfKey(key.target, schema)
    const vector = keyVectors[at]
    if (field === undefined || vector === undefined) return []
    const isWidened = field.type.kind !== key.target.type.kind
    return [{ field: { ...field, required: false }, vector: alignVector(vector, key.source.type), isWidened }]
  })
  const [first] = found
  if (first === undefined) return undefined
  let rows = allRows(first.vector.length)
  for (const { vector, isWidened } of found) if (isWidened) rows = rowsOfInts(vector, rows)
  const columns = found.map(({ vector, isWidened }) => {
    const taken = takeVector(vector, rows)
    return isWidened ? asInts(taken) : taken
  })
  return { length: rows.length, fields: found.map(({ field }) => field), columns }
}

interface TableKey {
  readonly field: Field
  readonly vector: Vector
  /** A column of ints, compared as longs. */
  readonly isWidened: boolean
}

/** The top-level column that a key is, as it is or widened from int to long. */
function columnOfKey(key: BoundScalar, schema: Schema): Field | undefined {
  const inside = key.kind === 'cast' ? key.operand : key
  if (inside.kind !== 'column' || inside.idPath.length !== 1) return undefined
  const field = schema.fields.find(({ id }) => id === inside.fieldId)
  if (field === undefined) return undefined
  const isWidened = field.type.kind === 'int' && key.type.kind === 'long'
  return isWidened || sameType(field.type, key.type) ? field : undefined
}

/** The rows, out of some, whose long is null or fits into an int: no other is in a column of ints. */
function rowsOfInts(vector: Vector, rows: Selection): Selection {
  const words = int32Words(longsOf(vector))
  return rows.filter(
    row => !isPresent(vector, row) || (words[2 * row + 1] as number) === (words[2 * row] as number) >> 31,
  )
}

/** Longs as ints. */
function asInts(vector: Vector): Vector {
  const words = int32Words(longsOf(vector))
  const values = new Int32Array(vector.length)
  for (let row = 0; row < values.length; row++) values[row] = words[2 * row] as number
  const validity = vector.layout === 'null' ? undefined : vector.validity
  return { layout: 'fixed-width', length: vector.length, validity, values }
}
