/** Bytes of two columns joined row by row: how the parts of a variant become one value, metadata first. */
import { LakeError } from '../base/errors.js'
import { type Bitmap, isPresent, type VarBytesVector, type Vector } from './column-batch.js'
import { plainVector } from './take.js'

/**
 * For each present row the bytes of `first` with those of `second` behind them; a part that is null counts as empty.
 * @throws corrupt when the parts are no var-bytes columns; invalid-argument when the result takes more than 2 GiB
 */
export function joinBytes(
  parts: { readonly first: Vector; readonly second: Vector },
  rows: { readonly length: number; readonly validity?: Bitmap | undefined },
): VarBytesVector {
  const { length, validity } = rows
  const vectors = [varBytesOf(parts.first), varBytesOf(parts.second)]
  const offsets = new Int32Array(length + 1)
  const joined: VarBytesVector = { layout: 'var-bytes', length, validity, offsets, bytes: NO_BYTES }
  let end = 0
  for (let at = 0; at < length; at++) {
    if (isPresent(joined, at)) for (const vector of vectors) end += lengthAt(vector, at)
    if (end > 0x7fff_ffff)
      throw new LakeError('invalid-argument', 'a column of a batch holds more than 2 GiB')
    offsets[at + 1] = end
  }
  const bytes = new Uint8Array(end)
  for (let at = 0; at < length; at++) {
    if (!isPresent(joined, at)) continue
    let target = offsets[at] as number
    for (const vector of vectors) {
      const from = vector.offsets[at] as number
      const size = lengthAt(vector, at)
      bytes.set(vector.bytes.subarray(from, from + size), target)
      target += size
    }
  }
  return { ...joined, bytes }
}

const NO_BYTES = new Uint8Array(0)

function varBytesOf(vector: Vector): VarBytesVector {
  if (vector.layout === 'null') {
    const { length } = vector
    return { layout: 'var-bytes', length, offsets: new Int32Array(length + 1), bytes: NO_BYTES }
  }
  const plain = plainVector(vector)
  if (plain.layout === 'var-bytes') return plain
  throw new LakeError('corrupt', 'a column does not have the layout of its type', {
    context: { layout: plain.layout },
  })
}

function lengthAt(vector: VarBytesVector, row: number): number {
  return isPresent(vector, row) ? (vector.offsets[row + 1] as number) - (vector.offsets[row] as number) : 0
}
