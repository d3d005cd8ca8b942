/**
 * A file's batch as a batch of the expected schema: the plan of `schema/projection.ts` carried out. Columns that
 * did not change are shared, promotions make new ones, missing columns are constants.
 */

import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { FieldProjection, TypeProjection } from '../schema/projection.js'
import { MICROS_PER_DAY, NANOS_PER_DAY } from '../schema/time.js'
import { printType } from '../schema/type-text.js'
import type { Field, PrimitiveType, Type } from '../schema/types.js'
import type { ColumnBatch, FixedWidthValues, FixedWidthVector, Vector } from './column-batch.js'
import { int32Words } from './int-words.js'
import { joinBytes } from './join-bytes.js'
import { constantVector, nullVectorOf } from './take.js'

/** The batch with one column for each expected field, as planned. */
export function projectBatch(
  batch: ColumnBatch,
  plan: readonly FieldProjection[],
  expectedFields: readonly Field[],
): ColumnBatch {
  const columns = projectColumns(batch.columns, plan, { fields: expectedFields, length: batch.length })
  return { length: batch.length, fields: expectedFields, columns }
}

interface Target {
  readonly fields: readonly Field[]
  readonly length: number
}

function projectColumns(
  columns: readonly Vector[],
  plan: readonly FieldProjection[],
  target: Target,
): Vector[] {
  return target.fields.map((field, at) => {
    const projection = plan[at] ?? mismatch(field.type)
    switch (projection.kind) {
      case 'take':
        return projectVector(columns[projection.index] ?? mismatch(field.type), projection.type, field.type)
      case 'default':
        return constantVector(field.type, projection.value, target.length)
      case 'null':
        return nullVectorOf(field.type, target.length)
      default:
        return unreachable(projection)
    }
  })
}

/** One column changed as planned. */
function projectVector(vector: Vector, projection: TypeProjection, type: Type): Vector {
  if (projection.kind === 'same') return vector
  if (vector.layout === 'null') return nullVectorOf(type, vector.length)
  if (vector.layout === 'dictionary') {
    return { ...vector, dictionary: projectVector(vector.dictionary, projection, type) }
  }
  if (projection.kind === 'promote') return promoteVector(vector, projection.from, projection.to)
  if (projection.kind === 'struct' && vector.layout === 'struct' && type.kind === 'struct') {
    const { length } = vector
    return {
      ...vector,
      children: projectColumns(vector.children, projection.fields, { fields: type.fields, length }),
    }
  }
  if (projection.kind === 'list' && vector.layout === 'list' && type.kind === 'list') {
    return { ...vector, element: projectVector(vector.element, projection.element, type.element) }
  }
  if (projection.kind === 'map' && vector.layout === 'map' && type.kind === 'map') {
    const keys = projectVector(vector.keys, projection.key, type.key)
    return { ...vector, keys, values: projectVector(vector.values, projection.value, type.value) }
  }
  if (projection.kind === 'variant' && vector.layout === 'struct') {
    const first = vector.children[projection.metadata] ?? mismatch(type)
    return joinBytes({ first, second: vector.children[projection.value] ?? mismatch(type) }, vector)
  }
  return mismatch(type)
}

function mismatch(type: Type): never {
  throw new LakeError('corrupt', 'a column does not have the layout of its type', {
    context: { type: printType(type) },
  })
}

/** A column of one primitive type as the type it was promoted to; nanoseconds become microseconds, floored. */
export function promoteVector(vector: Vector, from: PrimitiveType, to: PrimitiveType): Vector {
  if (vector.layout === 'dictionary')
    return { ...vector, dictionary: promoteVector(vector.dictionary, from, to) }
  if (from.kind === 'unknown') return nullVectorOf(to, vector.length)
  if (vector.layout !== 'fixed-width') return vector.layout === 'decimal' ? vector : mismatch(from)
  return { ...vector, values: promoteValues(vector, from, to) }
}

function promoteValues(vector: FixedWidthVector, from: PrimitiveType, to: PrimitiveType): FixedWidthValues {
  const { values, length } = vector
  if (from.kind === 'int' && values instanceof Int32Array) return widenInts(values, length)
  if (from.kind === 'float' && values instanceof Float32Array)
    return Float64Array.from(values.subarray(0, length))
  if (from.kind === 'date' && values instanceof Int32Array) {
    return datesToTimestamps(values, length, to.kind === 'timestamp_ns' ? NANOS_PER_DAY : MICROS_PER_DAY)
  }
  if ((from.kind === 'timestamp_ns' || from.kind === 'timestamptz_ns') && values instanceof BigInt64Array) {
    return floorNanosToMicros(values, length)
  }
  return mismatch(from)
}

function widenInts(values: Int32Array, length: number): BigInt64Array {
  const words = new Int32Array(length * 2)
  for (let row = 0; row < length; row++) {
    const value = values[row] as number
    words[2 * row] = value
    words[2 * row + 1] = value >> 31
  }
  return new BigInt64Array(words.buffer)
}

/** A bigint a row: dates repeat too little and are promoted too rarely for more. */
function datesToTimestamps(values: Int32Array, length: number, unitsPerDay: bigint): BigInt64Array {
  const timestamps = new BigInt64Array(length)
  for (let row = 0; row < length; row++) timestamps[row] = BigInt(values[row] as number) * unitsPerDay
  return timestamps
}

/** Long division by 1000, high word first, so that every step is exact in a double. */
function floorNanosToMicros(values: BigInt64Array, length: number): BigInt64Array {
  const source = int32Words(values)
  const words = new Int32Array(length * 2)
  for (let row = 0; row < length; row++) {
    const high = source[2 * row + 1] as number
    const highQuotient = Math.floor(high / 1000)
    const rest = (high - highQuotient * 1000) * 4_294_967_296 + ((source[2 * row] as number) >>> 0)
    words[2 * row] = Math.floor(rest / 1000)
    words[2 * row + 1] = highQuotient
  }
  return new BigInt64Array(words.buffer)
}
