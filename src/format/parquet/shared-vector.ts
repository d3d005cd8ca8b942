/** Vectors copied into shared memory, so that a worker reads them in place: only the rows that they have. */
import { unreachable } from '../../base/assert.js'
import type { SharedBlock } from '../../base/shared-memory.js'
import type { Bitmap, ColumnBatch, Vector } from '../../batch/column-batch.js'

/** A block, up to where it is filled, and the dictionaries in it: batches of one origin share theirs. */
export interface SharedPlace {
  readonly block: SharedBlock
  at: number
  readonly dictionaries: Map<Vector, Vector>
}

/** Arrays begin at a multiple of 8 bytes. */
function aligned(sizeBytes: number): number {
  return (sizeBytes + 7) & ~7
}

/** Bytes that `placeVector` takes for the vectors; a dictionary that several have counts once. */
export function vectorsBytes(vectors: readonly Vector[]): number {
  const dictionaries = new Set<Vector>()
  let bytes = 0
  for (const vector of vectors) bytes += vectorBytes(vector, dictionaries)
  for (const dictionary of dictionaries) bytes += vectorBytes(dictionary, new Set())
  return bytes
}

/** Bytes that the rows of a batch take in memory, dictionaries left out. */
export function batchBytes(batch: ColumnBatch): number {
  const dictionaries = new Set<Vector>()
  return batch.columns.reduce((sum, column) => sum + vectorBytes(column, dictionaries), 0)
}

function vectorBytes(vector: Vector, dictionaries: Set<Vector>): number {
  const { layout, length } = vector
  if (layout === 'null') return 0
  const validity = vector.validity === undefined ? 0 : aligned((length + 7) >> 3)
  return validity + valueBytes(vector, dictionaries)
}

function valueBytes(vector: Exclude<Vector, { layout: 'null' }>, dictionaries: Set<Vector>): number {
  const { layout, length } = vector
  switch (layout) {
    case 'fixed-width':
      return aligned(length * vector.values.BYTES_PER_ELEMENT)
    case 'decimal':
      return length * 16
    case 'boolean':
      return aligned((length + 7) >> 3)
    case 'fixed-bytes':
      return aligned(length * vector.widthBytes)
    case 'var-bytes': {
      const [from, to] = rangeOf(vector.offsets, length)
      return aligned((length + 1) * 4) + aligned(to - from)
    }
    case 'dictionary':
      dictionaries.add(vector.dictionary)
      return aligned(length * 4)
    case 'struct':
      return vector.children.reduce((sum, child) => sum + vectorBytes(child, dictionaries), 0)
    case 'list':
      return aligned((length + 1) * 4) + vectorBytes(vector.element, dictionaries)
    case 'map':
      return (
        aligned((length + 1) * 4) +
        vectorBytes(vector.keys, dictionaries) +
        vectorBytes(vector.values, dictionaries)
      )
    default:
      return unreachable(vector)
  }
}

/** The vector with its memory in the block. */
export function placeVector(place: SharedPlace, vector: Vector): Vector {
  if (vector.layout === 'null') return vector
  const { length } = vector
  const validity = placeBitmap(place, vector.validity, length)
  switch (vector.layout) {
    case 'fixed-width':
      return { ...vector, validity, values: placeArray(place, vector.values.subarray(0, length)) }
    case 'decimal':
      return { ...vector, validity, words: placeArray(place, vector.words.subarray(0, 2 * length)) }
    case 'boolean':
      return { ...vector, validity, bits: placeArray(place, vector.bits.subarray(0, (length + 7) >> 3)) }
    case 'fixed-bytes': {
      const bytes = placeArray(place, vector.bytes.subarray(0, length * vector.widthBytes))
      return { ...vector, validity, bytes }
    }
    case 'var-bytes': {
      const [from, to] = rangeOf(vector.offsets, length)
      const offsets = placeArray(place, vector.offsets.subarray(0, length + 1))
      if (from !== 0) for (let row = 0; row <= length; row++) offsets[row] = (offsets[row] as number) - from
      return { ...vector, validity, offsets, bytes: placeArray(place, vector.bytes.subarray(from, to)) }
    }
    case 'dictionary': {
      const codes = placeArray(place, vector.codes.subarray(0, length))
      const dictionary = place.dictionaries.get(vector.dictionary) ?? placeVector(place, vector.dictionary)
      place.dictionaries.set(vector.dictionary, dictionary)
      return { ...vector, validity, codes, dictionary }
    }
    case 'struct':
      return { ...vector, validity, children: vector.children.map(child => placeVector(place, child)) }
    case 'list': {
      const offsets = placeArray(place, vector.offsets.subarray(0, length + 1))
      return { ...vector, validity, offsets, element: placeVector(place, vector.element) }
    }
    case 'map': {
      const offsets = placeArray(place, vector.offsets.subarray(0, length + 1))
      const keys = placeVector(place, vector.keys)
      return { ...vector, validity, offsets, keys, values: placeVector(place, vector.values) }
    }
    default:
      return unreachable(vector)
  }
}

function rangeOf(offsets: Int32Array, length: number): [number, number] {
  return [offsets[0] ?? 0, offsets[length] ?? 0]
}

function placeBitmap(place: SharedPlace, bitmap: Bitmap | undefined, length: number): Bitmap | undefined {
  return bitmap && placeArray(place, bitmap.subarray(0, (length + 7) >> 3))
}

type ArrayConstructorOf<T> = new (buffer: ArrayBufferLike, offset: number, length: number) => T
type Values = Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array

function placeArray<T extends Values>(place: SharedPlace, values: T): T {
  const { bytes } = place.block
  const ArrayOfKind = values.constructor as ArrayConstructorOf<T>
  const copy = new ArrayOfKind(bytes.buffer, bytes.byteOffset + place.at, values.length)
  copy.set(values as never)
  place.at += aligned(values.byteLength)
  return copy
}
