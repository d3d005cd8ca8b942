/** Values out of columns, one at a time or a column at once: for edges, messages and tests, not for loops inside. */

import { unreachable } from '../base/assert.js'
import { asBuffer } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { printType } from '../schema/type-text.js'
import type { Type, Value } from '../schema/types.js'
import { hasBit } from './bitmap.js'
import { type ColumnBatch, type FixedWidthVector, isPresent, type Vector } from './column-batch.js'

/** The value of one row; null when the row has none. Bytes are copies. */
export function valueAt(vector: Vector, type: Type, row: number): Value {
  if (!isPresent(vector, row)) return null
  switch (vector.layout) {
    case 'fixed-width':
      return fixedWidthAt(vector, row)
    case 'decimal':
      return joinWords(vector.words[2 * row] as bigint, vector.words[2 * row + 1] as bigint)
    case 'boolean':
      return hasBit(vector.bits, row)
    case 'fixed-bytes':
      return vector.bytes.slice(row * vector.widthBytes, (row + 1) * vector.widthBytes)
    case 'var-bytes':
      return bytesAt(vector.bytes, type, [vector.offsets[row] as number, vector.offsets[row + 1] as number])
    case 'dictionary':
      return valueAt(vector.dictionary, type, vector.codes[row] as number)
    case 'list':
      return type.kind === 'list' ? listAt(vector.element, type.element, vector.offsets, row) : misfit(type)
    case 'map':
      return type.kind === 'map' ? mapAt(vector, type, row) : misfit(type)
    case 'struct':
      return type.kind === 'struct'
        ? type.fields.map((field, at) => valueAt(vector.children[at] ?? misfit(type), field.type, row))
        : misfit(type)
    case 'null':
      return null
    default:
      return unreachable(vector)
  }
}

function fixedWidthAt(vector: FixedWidthVector, row: number): Value {
  return vector.values[row] ?? null
}

/** The unscaled value of a decimal's two words. */
export function joinWords(low: bigint, high: bigint): bigint {
  return (high << 64n) | BigInt.asUintN(64, low)
}

function bytesAt(bytes: Uint8Array, type: Type, range: readonly [number, number]): Value {
  return type.kind === 'string'
    ? asBuffer(bytes).toString('utf8', range[0], range[1])
    : bytes.slice(range[0], range[1])
}

function listAt(element: Vector, type: Type, offsets: Int32Array, row: number): Value {
  const values: Value[] = []
  const end = offsets[row + 1] as number
  for (let at = offsets[row] as number; at < end; at++) values.push(valueAt(element, type, at))
  return values
}

function mapAt(
  vector: Extract<Vector, { layout: 'map' }>,
  type: Extract<Type, { kind: 'map' }>,
  row: number,
): Value {
  const entries: Value[] = []
  const end = vector.offsets[row + 1] as number
  for (let at = vector.offsets[row] as number; at < end; at++) {
    entries.push([valueAt(vector.keys, type.key, at), valueAt(vector.values, type.value, at)])
  }
  return entries
}

function misfit(type: Type): never {
  throw new LakeError('invalid-argument', 'a column does not have the layout of its type', {
    context: { type: printType(type) },
  })
}

/** All values of a column; each entry of a dictionary is decoded once. */
export function columnValues(vector: Vector, type: Type): Value[] {
  const values = new Array<Value>(vector.length)
  if (vector.layout === 'dictionary') {
    const entries = columnValues(vector.dictionary, type)
    for (let row = 0; row < vector.length; row++) {
      values[row] = isPresent(vector, row) ? (entries[vector.codes[row] as number] ?? null) : null
    }
    return values
  }
  for (let row = 0; row < vector.length; row++) values[row] = valueAt(vector, type, row)
  return values
}

/** One value a field. */
export function rowAt(batch: ColumnBatch, row: number): Value[] {
  return batch.fields.map((field, at) => valueAt(batch.columns[at] ?? misfit(field.type), field.type, row))
}

/** All rows of a batch, as values. */
export function batchRows(batch: ColumnBatch): Value[][] {
  const columns = batch.fields.map((field, at) =>
    columnValues(batch.columns[at] ?? misfit(field.type), field.type),
  )
  return Array.from({ length: batch.length }, (_, row) => columns.map(column => column[row] ?? null))
}
