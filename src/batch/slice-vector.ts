/** Ranges of rows, without copying values. */
import { unreachable } from '../base/assert.js'
import { sliceBitmap, validityOf } from './bitmap.js'
import type { Vector } from './column-batch.js'

/** Rows `from .. to` of a vector; values are shared. */
export function sliceVector(vector: Vector, from: number, to: number): Vector {
  const length = to - from
  if (vector.layout === 'null') return { layout: 'null', length }
  if (from === 0 && length === vector.length) return vector
  const validity = vector.validity && validityOf(sliceBitmap(vector.validity, from, to), length)
  switch (vector.layout) {
    case 'fixed-width':
      return { layout: 'fixed-width', length, validity, values: vector.values.subarray(from, to) }
    case 'decimal':
      return { layout: 'decimal', length, validity, words: vector.words.subarray(2 * from, 2 * to) }
    case 'boolean':
      return { layout: 'boolean', length, validity, bits: sliceBitmap(vector.bits, from, to) }
    case 'fixed-bytes': {
      const bytes = vector.bytes.subarray(from * vector.widthBytes, to * vector.widthBytes)
      return { ...vector, length, validity, bytes }
    }
    case 'dictionary':
      return { ...vector, length, validity, codes: vector.codes.subarray(from, to) }
    case 'var-bytes':
    case 'list':
    case 'map':
      return { ...vector, length, validity, offsets: vector.offsets.subarray(from, to + 1) }
    case 'struct':
      return {
        ...vector,
        length,
        validity,
        children: vector.children.map(child => sliceVector(child, from, to)),
      }
    default:
      return unreachable(vector)
  }
}
