/** Columns of row positions and row ids, as the reader's metadata columns give them. */
import { assert } from '../base/assert.js'
import type { Vector } from '../batch/column-batch.js'
import { int32Words } from '../batch/int-words.js'

/** The longs of a column that is not null anywhere, or whose null rows the caller knows. */
export function longsOf(vector: Vector | undefined): BigInt64Array {
  assert(
    vector?.layout === 'fixed-width' && vector.values instanceof BigInt64Array,
    'the column is one of longs',
  )
  return vector.values
}

/** A `_pos` column as numbers. */
export function positionsOf(vector: Vector | undefined): Float64Array {
  const words = int32Words(longsOf(vector))
  const positions = new Float64Array(vector?.length ?? 0)
  for (let row = 0; row < positions.length; row++)
    positions[row] = ((words[2 * row] as number) >>> 0) + (words[2 * row + 1] as number) * 0x1_0000_0000
  return positions
}
