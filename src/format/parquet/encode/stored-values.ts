/**
 * Values of an Iceberg type as their leaf column stores them: dense, of the physical type.
 *
 *   decimal(1..9)    int32       words [low, high] of 128 bits -> the lowest 32 bits
 *   decimal(10..18)  int64                                     -> the lowest 64 bits
 *   decimal(19..38)  fixed bytes, big-endian two's complement
 *   all others       as they stand in memory, shared where no row is left out
 */
import { LakeError } from '../../../base/errors.js'
import { type DecimalVector, isPresent, type Vector } from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'
import { sliceVector } from '../../../batch/slice-vector.js'
import { plainVector, takeVector } from '../../../batch/take.js'
import { createValueSink, finishSink } from '../encoding/value-sink.js'
import { PhysicalType } from '../footer/metadata.js'
import type { StoredValues } from '../leaf.js'
import type { WriteLeaf } from './write-schema.js'

/** Rows that hold a value, ascending; without `rows` all from `from` on. */
export interface PresentRows {
  readonly rows: Int32Array | undefined
  readonly from: number
  readonly count: number
}

/**
 * The values of these rows, none of which is null. A dictionary stays one, unless it has more entries than values.
 * @throws invalid-argument when a decimal is wider than its precision allows
 */
export function storedValues(leaf: WriteLeaf, vector: Vector, present: PresentRows): StoredValues {
  const dense = pickRows(withoutValidity(vector), present)
  if (dense.layout !== 'dictionary') return physicalValues(leaf, dense)
  const { dictionary } = dense
  if (dictionary.length > dense.length) return physicalValues(leaf, plainVector(dense))
  const codes = dense.codes.subarray(0, dense.length)
  return { layout: 'dictionary', length: dense.length, codes, dictionary: physicalValues(leaf, dictionary) }
}

/** Whether the codes of a vector's dictionary can stay: its entries are plain values, none is null. */
export function keepsDictionary(vector: Vector): boolean {
  if (vector.layout !== 'dictionary') return true
  const { layout } = vector.dictionary
  if (layout === 'dictionary' || layout === 'boolean') return false
  return allPresent(vector.dictionary)
}

/** No values of the leaf's physical type. */
export function noValues(leaf: WriteLeaf): StoredValues {
  return finishSink(createValueSink(leaf, 0))
}

function allPresent(vector: Vector): boolean {
  if (vector.layout !== 'null' && vector.validity === undefined) return true
  for (let row = 0; row < vector.length; row++) if (!isPresent(vector, row)) return false
  return true
}

function withoutValidity(vector: Vector): Vector {
  if (vector.layout === 'null' || vector.validity === undefined) return vector
  return { ...vector, validity: undefined }
}

function pickRows(vector: Vector, { rows, from, count }: PresentRows): Vector {
  if (rows === undefined) return sliceVector(vector, from, from + count)
  return takeVector(vector, rows.subarray(0, count))
}

function physicalValues(leaf: WriteLeaf, vector: Vector): StoredValues {
  switch (vector.layout) {
    case 'fixed-width':
      return { ...vector, validity: undefined, values: vector.values.subarray(0, vector.length) }
    case 'boolean':
    case 'fixed-bytes':
    case 'var-bytes':
      return { ...vector, validity: undefined }
    case 'decimal':
      return decimalValues(leaf, vector)
    case 'null':
    case 'dictionary':
    case 'struct':
    case 'list':
    case 'map':
      throw new LakeError('invalid-argument', 'a column does not have the layout of its type', {
        context: { fieldId: leaf.fieldId, layout: vector.layout, type: leaf.type.kind },
      })
  }
}

function decimalValues(leaf: WriteLeaf, vector: DecimalVector): StoredValues {
  const { length } = vector
  const words = int32Words(vector.words)
  if (leaf.physicalType === PhysicalType.int32) {
    return { layout: 'fixed-width', length, values: decimalInts(leaf, words, length) }
  }
  if (leaf.physicalType === PhysicalType.int64) {
    return { layout: 'fixed-width', length, values: decimalLongs(leaf, words, length) }
  }
  const widthBytes = leaf.typeLength
  return { layout: 'fixed-bytes', length, widthBytes, bytes: decimalBytes(leaf, words, length) }
}

function tooWide(leaf: WriteLeaf): LakeError {
  return new LakeError('invalid-argument', 'a decimal does not fit its precision', {
    context: { fieldId: leaf.fieldId, column: leaf.path.join('.') },
  })
}

function decimalInts(leaf: WriteLeaf, words: Int32Array, length: number): Int32Array {
  const values = new Int32Array(length)
  let strays = 0
  for (let i = 0; i < length; i++) {
    const low = words[4 * i] as number
    const sign = low >> 31
    values[i] = low
    strays |= ((words[4 * i + 1] as number) ^ sign) | ((words[4 * i + 2] as number) ^ sign)
    strays |= (words[4 * i + 3] as number) ^ sign
  }
  if (strays !== 0) throw tooWide(leaf)
  return values
}

function decimalLongs(leaf: WriteLeaf, words: Int32Array, length: number): BigInt64Array {
  const values = new Int32Array(2 * length)
  let strays = 0
  for (let i = 0; i < length; i++) {
    const high = words[4 * i + 1] as number
    const sign = high >> 31
    values[2 * i] = words[4 * i] as number
    values[2 * i + 1] = high
    strays |= ((words[4 * i + 2] as number) ^ sign) | ((words[4 * i + 3] as number) ^ sign)
  }
  if (strays !== 0) throw tooWide(leaf)
  return new BigInt64Array(values.buffer)
}

function decimalBytes(leaf: WriteLeaf, words: Int32Array, length: number): Uint8Array {
  const width = leaf.typeLength
  const bytes = new Uint8Array(width * length)
  let strays = 0
  for (let i = 0; i < length; i++) {
    let sign = 0
    for (let byte = 0; byte < 16; byte++) {
      const value = ((words[4 * i + (byte >> 2)] as number) >>> ((byte & 3) << 3)) & 0xff
      if (byte < width) {
        bytes[(i + 1) * width - 1 - byte] = value
        sign = value > 0x7f ? 0xff : 0
      } else strays |= value ^ sign
    }
  }
  if (strays !== 0) throw tooWide(leaf)
  return bytes
}
