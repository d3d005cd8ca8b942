/** Vectors of null rows. */
import { unreachable } from '../base/assert.js'
import { createBitmap } from './bitmap.js'
import type { FixedWidthValues, Vector } from './column-batch.js'

/** A vector of `length` null rows in the layout of another, whose children and dictionary it keeps. */
export function nullRows(like: Vector, length: number): Vector {
  const validity = createBitmap(length)
  switch (like.layout) {
    case 'fixed-width':
      return { layout: 'fixed-width', length, validity, values: zeros(like.values, length) }
    case 'decimal':
      return { layout: 'decimal', length, validity, words: new BigInt64Array(length * 2) }
    case 'boolean':
      return { layout: 'boolean', length, validity, bits: createBitmap(length) }
    case 'fixed-bytes':
      return { ...like, length, validity, bytes: new Uint8Array(length * like.widthBytes) }
    case 'dictionary':
      return { ...like, length, validity, codes: new Int32Array(length) }
    case 'var-bytes':
    case 'list':
    case 'map':
      return { ...like, length, validity, offsets: new Int32Array(length + 1) }
    case 'struct':
      return { ...like, length, validity, children: like.children.map(child => nullRows(child, length)) }
    case 'null':
      return { layout: 'null', length }
    default:
      return unreachable(like)
  }
}

/** An array of `length` zeros of the same kind. */
export function zeros(values: FixedWidthValues, length: number): FixedWidthValues {
  if (values instanceof Int32Array) return new Int32Array(length)
  if (values instanceof BigInt64Array) return new BigInt64Array(length)
  return values instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)
}
