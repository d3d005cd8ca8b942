/**
 * Two columns compared row by row. The order is that of predicates: both zeros are equal, NaN equals itself and
 * is above every other number, text and bytes go by their bytes. Decimals may differ in scale.
 */
import { assert } from '../../base/assert.js'
import { hasBit } from '../../batch/bitmap.js'
import type { Selection, Vector } from '../../batch/column-batch.js'
import { int32Words } from '../../batch/int-words.js'
import { joinWords } from '../../batch/values.js'
import type { Type } from '../../schema/types.js'
import { powerOfTen } from './decimals.js'

/** A plain column and its type. */
export interface Side {
  readonly vector: Vector
  readonly type: Type
}

/** The sign of left minus right, for each of the rows, in none of which a side is null. */
export function compareRows(left: Side, right: Side, rows: Selection): Int8Array {
  const a = left.vector
  const b = right.vector
  if (rows.length === 0) return new Int8Array(0)
  if (a.layout === 'fixed-width' && b.layout === 'fixed-width') {
    if (a.values instanceof BigInt64Array) {
      assert(b.values instanceof BigInt64Array, 'both columns hold 64-bit integers')
      return compareLongs(int32Words(a.values), int32Words(b.values), rows)
    }
    assert(!(b.values instanceof BigInt64Array), 'neither column holds 64-bit integers')
    return compareNumbers(a.values, b.values, rows)
  }
  if (a.layout === 'decimal' && b.layout === 'decimal') {
    return compareDecimals(
      { words: a.words, scale: scaleOf(left) },
      { words: b.words, scale: scaleOf(right) },
      rows,
    )
  }
  if (a.layout === 'boolean' && b.layout === 'boolean') {
    return Int8Array.from(rows, row => Number(hasBit(a.bits, row)) - Number(hasBit(b.bits, row)))
  }
  return compareBytes(byteRows(a), byteRows(b), rows)
}

function scaleOf({ type }: Side): number {
  return type.kind === 'decimal' ? type.scale : 0
}

type Numbers = Int32Array | Float32Array | Float64Array

function compareNumbers(a: Numbers, b: Numbers, rows: Selection): Int8Array {
  const signs = new Int8Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const left = a[row] as number
    const right = b[row] as number
    if (left < right) signs[at] = -1
    else if (left > right) signs[at] = 1
    else if (left !== right) signs[at] = Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  }
  return signs
}

function compareLongs(a: Int32Array, b: Int32Array, rows: Selection): Int8Array {
  const signs = new Int8Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const low = 2 * (rows[at] as number)
    let left = a[low + 1] as number
    let right = b[low + 1] as number
    if (left === right) {
      left = (a[low] as number) >>> 0
      right = (b[low] as number) >>> 0
    }
    signs[at] = left < right ? -1 : left === right ? 0 : 1
  }
  return signs
}

interface Decimals {
  readonly words: BigInt64Array
  readonly scale: number
}

function compareDecimals(a: Decimals, b: Decimals, rows: Selection): Int8Array {
  const factorA = powerOfTen(Math.max(0, b.scale - a.scale))
  const factorB = powerOfTen(Math.max(0, a.scale - b.scale))
  const signs = new Int8Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const low = 2 * (rows[at] as number)
    const left = joinWords(a.words[low] as bigint, a.words[low + 1] as bigint) * factorA
    const right = joinWords(b.words[low] as bigint, b.words[low + 1] as bigint) * factorB
    signs[at] = left < right ? -1 : left === right ? 0 : 1
  }
  return signs
}

interface ByteRows {
  readonly bytes: Uint8Array
  /** Undefined: each row has `width` bytes. */
  readonly offsets: Int32Array | undefined
  readonly width: number
}

function byteRows(vector: Vector): ByteRows {
  if (vector.layout === 'var-bytes') return { bytes: vector.bytes, offsets: vector.offsets, width: 0 }
  assert(vector.layout === 'fixed-bytes', 'the layout of the column has an order')
  return { bytes: vector.bytes, offsets: undefined, width: vector.widthBytes }
}

function compareBytes(a: ByteRows, b: ByteRows, rows: Selection): Int8Array {
  const signs = new Int8Array(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const startA = a.offsets === undefined ? row * a.width : (a.offsets[row] as number)
    const startB = b.offsets === undefined ? row * b.width : (b.offsets[row] as number)
    const lengthA = a.offsets === undefined ? a.width : (a.offsets[row + 1] as number) - startA
    const lengthB = b.offsets === undefined ? b.width : (b.offsets[row + 1] as number) - startB
    const common = Math.min(lengthA, lengthB)
    let difference = 0
    for (let byte = 0; byte < common && difference === 0; byte++) {
      difference = (a.bytes[startA + byte] as number) - (b.bytes[startB + byte] as number)
    }
    signs[at] = Math.sign(difference === 0 ? lengthA - lengthB : difference)
  }
  return signs
}
