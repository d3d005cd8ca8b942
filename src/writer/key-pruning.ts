/**
 * Which data files might hold one of many keys: by the range of each key column (manifests, files and row groups
 * are pruned with it as with any filter), by partition where the keys determine it, and by whether any key lies
 * between a file's bounds. Everything here errs on the side of keeping.
 */
import { type ColumnBatch, isPresent, type Vector } from '../batch/column-batch.js'
import { groupRows } from '../batch/group-rows.js'
import { transformVector } from '../batch/transform-vector.js'
import { valueAt } from '../batch/values.js'
import { type Bound, bind } from '../expression/bind.js'
import { alwaysTrue, and, type Expression, gtEq, isNull, ltEq, or } from '../expression/expression.js'
import { statisticsOf } from '../manifest/bounds.js'
import type { DataFile } from '../manifest/content-file.js'
import type { TableMetadata } from '../metadata/table-metadata.js'
import { partitionKey } from '../schema/partition.js'
import type { PartitionSpec } from '../schema/partition-spec.js'
import { fieldById, sameType } from '../schema/schema.js'
import { canTransform, transformResultType } from '../schema/transform.js'
import { type Field, isPrimitive, type PrimitiveType, type Schema, type Value } from '../schema/types.js'
import { compareValues } from '../schema/value.js'

export interface KeyPruner {
  /** True for every row whose key is among the keys, and for some others. */
  readonly filter: Bound
  /** False when the file certainly holds none of the keys. */
  keepFile(file: DataFile): boolean
}

/** Keys of other layouts are kept sorted up to this many: comparing them costs more. */
const SORTED_VALUES_MAX = 10_000

/** A pruner for keys whose fields are top-level columns of the schema, in the table's types. */
export function createKeyPruner(keys: ColumnBatch, metadata: TableMetadata, schema: Schema): KeyPruner {
  const ranges = keys.fields.flatMap((field, index) => {
    const column = keys.columns[index]
    return column === undefined ? [] : (keyRange(field, column) ?? [])
  })
  const partitions = new Map<number, PartitionTest>()
  const inPartition = (file: DataFile): boolean => {
    let test = partitions.get(file.specId)
    if (test === undefined) {
      const spec = metadata.partitionSpecs.find(candidate => candidate.specId === file.specId)
      test = spec === undefined ? () => true : partitionTest(keys, spec, metadata)
      partitions.set(file.specId, test)
    }
    return test(file)
  }
  return {
    filter: bind(and(...ranges.map(rangeExpression)), schema),
    keepFile: file => inPartition(file) && ranges.every(range => mightHoldKey(range, file, schema)),
  }
}

/** What is known of the values of one key column. */
interface KeyRange {
  readonly field: Field
  readonly type: PrimitiveType
  readonly hasNull: boolean
  /** Undefined when all are null. */
  readonly ends?: { readonly lower: Value; readonly upper: Value } | undefined
  /** All values but null, ascending; absent when there are too many to be worth it. */
  readonly sorted?: ArrayLike<Value> | undefined
}

/** Undefined for types whose order does not prune: NaN and the two zeros are better not reasoned about. */
function keyRange(field: Field, column: Vector): KeyRange | undefined {
  const { type } = field
  if (!isPrimitive(type) || UNORDERED.has(type.kind)) return undefined
  const numbers = sortedNumbers(column)
  const values = numbers ?? presentValues(type, column)
  const hasNull = values.length < column.length
  if (numbers === undefined && values.length > SORTED_VALUES_MAX)
    return { field, type, hasNull, ends: endsOf(type, values) }
  const sorted = numbers ?? Array.from(values).sort((a, b) => compareValues(type, a, b))
  const lower = sorted[0]
  const upper = sorted[sorted.length - 1]
  const ends = lower === undefined || upper === undefined ? undefined : { lower, upper }
  return { field, type, hasNull, ends, sorted }
}

const UNORDERED: ReadonlySet<string> = new Set([
  'float',
  'double',
  'unknown',
  'variant',
  'geometry',
  'geography',
])

/** Int and long columns are sorted as numbers. */
function sortedNumbers(column: Vector): ArrayLike<Value> | undefined {
  if (column.layout !== 'fixed-width') return undefined
  const { values, length, validity } = column
  const isThere = (_: unknown, row: number): boolean => isPresent(column, row)
  if (values instanceof BigInt64Array)
    return (validity === undefined ? values.slice(0, length) : values.slice(0, length).filter(isThere)).sort()
  if (values instanceof Int32Array)
    return (validity === undefined ? values.slice(0, length) : values.slice(0, length).filter(isThere)).sort()
  return undefined
}

function presentValues(type: PrimitiveType, column: Vector): Value[] {
  const values: Value[] = []
  for (let row = 0; row < column.length; row++)
    if (isPresent(column, row)) values.push(valueAt(column, type, row))
  return values
}

function endsOf(type: PrimitiveType, values: ArrayLike<Value>): KeyRange['ends'] {
  let lower = values[0]
  let upper = lower
  for (let index = 1; index < values.length; index++) {
    const value = values[index] as Value
    if (lower !== undefined && compareValues(type, value, lower) < 0) lower = value
    if (upper !== undefined && compareValues(type, value, upper) > 0) upper = value
  }
  return lower === undefined || upper === undefined ? undefined : { lower, upper }
}

function rangeExpression({ field, type, hasNull, ends }: KeyRange): Expression {
  const isKeyNull = isNull(field.name)
  if (ends === undefined) return hasNull ? isKeyNull : alwaysTrue
  const between = and(
    gtEq(field.name, { kind: 'typed', type, value: ends.lower }),
    ltEq(field.name, { kind: 'typed', type, value: ends.upper }),
  )
  return hasNull ? or(isKeyNull, between) : between
}

/** False when the file's bounds hold none of the values, and no null of it can be meant. */
function mightHoldKey(range: KeyRange, file: DataFile, schema: Schema): boolean {
  const { sorted, type, hasNull } = range
  const column = statisticsOf(file, schema)(range.field.id)
  if (sorted === undefined || column === undefined) return true
  if (hasNull && column.nullCount !== 0) return true
  const { lower, upper } = column
  if (lower === undefined || upper === undefined) return true
  const first = firstAtLeast(sorted, type, lower)
  return first < sorted.length && compareValues(type, sorted[first] as Value, upper) <= 0
}

function firstAtLeast(sorted: ArrayLike<Value>, type: PrimitiveType, value: Value): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareValues(type, sorted[middle] as Value, value) < 0) low = middle + 1
    else high = middle
  }
  return low
}

type PartitionTest = (file: DataFile) => boolean

/** Tests files by the partition fields whose values follow from the keys. */
function partitionTest(keys: ColumnBatch, spec: PartitionSpec, metadata: TableMetadata): PartitionTest {
  const determined = spec.fields.flatMap((field, place) => {
    const index = keys.fields.findIndex(key => key.id === field.sourceId)
    const key = keys.fields[index]
    const column = keys.columns[index]
    if (key === undefined || column === undefined || field.transform.kind === 'void') return []
    if (!isStable(key, metadata) || !canTransform(field.transform, key.type)) return []
    const values = transformVector(field.transform, key.type, column)
    return [{ place, values, type: transformResultType(field.transform, key.type) }]
  })
  if (determined.length === 0) return () => true
  const types = determined.map(({ type }) => type)
  const vectors = determined.map(({ values }) => values)
  const wanted = new Set<string>()
  for (const row of groupRows(vectors, types, keys.length).firstRow)
    wanted.add(
      partitionKey(
        types,
        determined.map(({ values, type }) => valueAt(values, type, row)),
      ),
    )
  return file =>
    wanted.has(
      partitionKey(
        types,
        determined.map(({ place }) => file.partition[place] ?? null),
      ),
    )
}

/** True when every schema gives the column the same type, so that stored partition values compare exactly. */
function isStable(key: Field, metadata: TableMetadata): boolean {
  if (key.type.kind === 'float' || key.type.kind === 'double') return false
  return metadata.schemas.every(schema => {
    const field = fieldById(schema, key.id)
    return field === undefined || sameType(field.type, key.type)
  })
}
