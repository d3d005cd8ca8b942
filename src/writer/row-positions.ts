/** Columns of row positions and row ids, as the reader's metadata columns give them. */
import { assert } from '../base/assert.js'
import type { Selection, Vector } from '../batch/column-batch.js'
import { int32Words } from '../batch/int-words.js'

/** The longs of a column that is not null anywhere, or whose null rows the caller knows. */
export function longsOf(vector: Vector | undefined): BigInt64Array {
  assert(
    vector?.layout === 'fixed-width' && vector.values instanceof BigInt64Array,
    'the column is one of longs',
  )
  return vector.values
}

/** A `_pos` column as numbers; of some rows when they are named. */
export function positionsOf(vector: Vector | undefined, rows?: Selection): Float64Array {
  const words = int32Words(longsOf(vector))
  const positions = new Float64Array(rows?.length ?? vector?.length ?? 0)
  for (let at = 0; at < positions.length; at++) {
    const row = rows === undefined ? at : (rows[at] as number)
    positions[at] = ((words[2 * row] as number) >>> 0) + (words[2 * row + 1] as number) * 0x1_0000_0000
  }
  return positions
}
