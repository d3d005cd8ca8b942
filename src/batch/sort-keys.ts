/**
 * Rows as byte strings whose order is the order wanted, so that rows of different batches compare without knowing
 * their columns. Of each term, one after the other:
 *
 *   presence   1 byte: nulls first 00 null, 01 present; nulls last 01 present, 02 null (null ends the term)
 *   int, date                    4 bytes, big endian, sign bit flipped
 *   long, time, timestamps       8 bytes, the same
 *   float, double                4 or 8 bytes of IEEE 754: negative ones with all bits flipped, others with the sign
 *                                bit; every NaN as the positive quiet one, which is the greatest
 *   decimal                      16 bytes, big endian, sign bit flipped
 *   boolean 1 byte; uuid, fixed  their bytes
 *   string, binary               their bytes, 00 as 00 01, and 00 00 at the end
 *
 * Descending terms have all bits flipped behind the presence byte. No key is the beginning of another, so terms need
 * no separator. The first eight bytes stand in two words of their own: most comparisons end there.
 * @see Iceberg table spec, "Sort Orders"
 */
import { LakeError } from '../base/errors.js'
import { printType } from '../schema/type-text.js'
import { isPrimitive, type Type } from '../schema/types.js'
import { type Bitmap, isPresent, type VarBytesVector, type Vector } from './column-batch.js'
import { int32Words } from './int-words.js'
import { checkLayout } from './layout.js'
import { plainVector } from './take.js'

export interface SortTerm {
  readonly type: Type
  readonly vector: Vector
  readonly direction: 'asc' | 'desc'
  readonly nulls: 'first' | 'last'
}

/** The keys of the rows of a batch. */
export interface SortKeys {
  readonly length: number
  /** Key of row r is `bytes[offsets[r] .. offsets[r + 1]]`. */
  readonly offsets: Uint32Array
  readonly bytes: Uint8Array
  /** The first eight bytes of each key, zeros behind a shorter one. */
  readonly high: Uint32Array
  readonly low: Uint32Array
}

const BYTES_MAX = 2 ** 31 - 1

/** Whether rows can be sorted by columns of a type. */
export function isSortable(type: Type): boolean {
  return isPrimitive(type) && !UNORDERED.has(type.kind)
}

const UNORDERED: ReadonlySet<Type['kind']> = new Set(['variant', 'geometry', 'geography', 'unknown'])

/**
 * @throws invalid-argument for a type without order and for keys of more than 2 GiB together; corrupt for a vector
 * that does not have the layout of its type
 */
export function sortKeys(terms: readonly SortTerm[], length: number): SortKeys {
  const encoders = terms.map(encoderOf)
  const offsets = new Uint32Array(length + 1)
  let end = 0
  for (let row = 0; row < length; row++) {
    offsets[row] = end
    for (const encoder of encoders) end += encoder.sizeBytes(row)
    if (end > BYTES_MAX) throw new LakeError('invalid-argument', 'the sort keys of a batch are too long')
  }
  offsets[length] = end
  const bytes = new Uint8Array(end)
  const ends = offsets.slice(0, length)
  for (const encoder of encoders) encoder.encode(bytes, ends)
  const high = new Uint32Array(length)
  const low = new Uint32Array(length)
  for (let row = 0; row < length; row++) {
    const from = offsets[row] as number
    const to = offsets[row + 1] as number
    high[row] = wordAt(bytes, from, to)
    low[row] = wordAt(bytes, from + 4, to)
  }
  return { length, offsets, bytes, high, low }
}

function wordAt(bytes: Uint8Array, from: number, to: number): number {
  let word = 0
  for (let at = from; at < from + 4; at++) word = (word << 8) | (at < to ? (bytes[at] as number) : 0)
  return word >>> 0
}

/** Negative when row `i` of `a` comes before row `j` of `b`; 0 when neither does. */
export function compareSortKeys(a: SortKeys, i: number, b: SortKeys, j: number): number {
  const high = (a.high[i] as number) - (b.high[j] as number)
  if (high !== 0) return high
  const low = (a.low[i] as number) - (b.low[j] as number)
  if (low !== 0) return low
  let atA = (a.offsets[i] as number) + 8
  let atB = (b.offsets[j] as number) + 8
  const endA = a.offsets[i + 1] as number
  const endB = b.offsets[j + 1] as number
  for (; atA < endA && atB < endB; atA++, atB++) {
    const order = (a.bytes[atA] as number) - (b.bytes[atB] as number)
    if (order !== 0) return order
  }
  return endA - atA - (endB - atB)
}

/** The rows in order, equal ones as they came; undefined when they are in order already. */
export function sortedRows(keys: SortKeys): Uint32Array | undefined {
  if (isSorted(keys)) return undefined
  const rows = new Uint32Array(keys.length)
  for (let row = 0; row < rows.length; row++) rows[row] = row
  return rows.sort((i, j) => compareSortKeys(keys, i, keys, j) || i - j)
}

/** True when every row is where `sortedRows` would put it. */
export function isSorted(keys: SortKeys): boolean {
  for (let row = 1; row < keys.length; row++) if (compareSortKeys(keys, row - 1, keys, row) > 0) return false
  return true
}

/** Writes one term of all keys. */
interface TermEncoder {
  sizeBytes(row: number): number
  /** Writes the term of row r at `ends[r]` and moves `ends[r]` behind it. */
  encode(bytes: Uint8Array, ends: Uint32Array): void
}

/** Writes a present value. */
interface ValueEncoder {
  sizeBytes(row: number): number
  write(row: number, bytes: Uint8Array, at: number): void
}

function encoderOf(term: SortTerm): TermEncoder {
  if (!isSortable(term.type)) {
    throw new LakeError('invalid-argument', 'rows cannot be sorted by a column of this type', {
      context: { type: printType(term.type) },
    })
  }
  checkLayout(term.vector, term.type)
  const vector = plainVector(term.vector)
  const values = valueEncoder(vector)
  const presentMark = 1
  const nullMark = term.nulls === 'first' ? 0 : 2
  const flipped = term.direction === 'desc'
  return {
    sizeBytes: row => (isPresent(vector, row) ? 1 + values.sizeBytes(row) : 1),
    encode(bytes, ends) {
      for (let row = 0; row < ends.length; row++) {
        const at = ends[row] as number
        if (!isPresent(vector, row)) {
          bytes[at] = nullMark
          ends[row] = at + 1
          continue
        }
        bytes[at] = presentMark
        const end = at + 1 + values.sizeBytes(row)
        values.write(row, bytes, at + 1)
        if (flipped) for (let byte = at + 1; byte < end; byte++) bytes[byte] = ~(bytes[byte] as number)
        ends[row] = end
      }
    },
  }
}

function valueEncoder(vector: Vector): ValueEncoder {
  switch (vector.layout) {
    case 'null':
      return fixed(0, () => {})
    case 'boolean':
      return fixed(1, (row, bytes, at) => {
        bytes[at] = bitAt(vector.bits, row)
      })
    case 'fixed-width':
      return numberEncoder(vector.values)
    case 'decimal':
      return wordsEncoder(int32Words(vector.words), 4)
    case 'fixed-bytes': {
      const { widthBytes, bytes: source } = vector
      return fixed(widthBytes, (row, bytes, at) => {
        for (let byte = 0; byte < widthBytes; byte++)
          bytes[at + byte] = source[row * widthBytes + byte] as number
      })
    }
    case 'var-bytes':
      return bytesEncoder(vector)
    default:
      return refused(vector.layout)
  }
}

/** Types with an order have none of the other layouts. */
function refused(layout: string): never {
  throw new LakeError('corrupt', 'a column does not have the layout of its type', { context: { layout } })
}

function fixed(widthBytes: number, write: ValueEncoder['write']): ValueEncoder {
  return { sizeBytes: () => widthBytes, write }
}

function bitAt(bits: Bitmap, row: number): number {
  return ((bits[row >> 3] as number) >> (row & 7)) & 1
}

function numberEncoder(values: Int32Array | BigInt64Array | Float32Array | Float64Array): ValueEncoder {
  const words = int32Words(values)
  if (values instanceof Int32Array) return wordsEncoder(words, 1)
  if (values instanceof BigInt64Array) return wordsEncoder(words, 2)
  return floatEncoder(values, words)
}

/** Two's complement of `width` words, the lowest first. */
function wordsEncoder(words: Int32Array, width: number): ValueEncoder {
  return fixed(4 * width, (row, bytes, at) => {
    const top = (row + 1) * width - 1
    putWord(bytes, at, (words[top] as number) ^ 0x8000_0000)
    for (let word = 1; word < width; word++) putWord(bytes, at + 4 * word, words[top - word] as number)
  })
}

function floatEncoder(values: Float32Array | Float64Array, words: Int32Array): ValueEncoder {
  const width = values instanceof Float32Array ? 1 : 2
  const quietNan = width === 1 ? 0x7fc0_0000 : 0x7ff8_0000
  return fixed(4 * width, (row, bytes, at) => {
    const isNan = Number.isNaN(values[row] as number)
    const top = isNan ? quietNan : (words[(row + 1) * width - 1] as number)
    const flip = top < 0 ? -1 : 0
    putWord(bytes, at, top ^ (flip | 0x8000_0000))
    if (width === 2) putWord(bytes, at + 4, isNan ? 0 : (words[2 * row] as number) ^ flip)
  })
}

function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word >>> 24
  bytes[at + 1] = word >>> 16
  bytes[at + 2] = word >>> 8
  bytes[at + 3] = word
}

function bytesEncoder({ offsets, bytes: source }: VarBytesVector): ValueEncoder {
  return {
    sizeBytes(row) {
      const from = offsets[row] as number
      const to = offsets[row + 1] as number
      let size = to - from + 2
      for (let at = from; at < to; at++) if (source[at] === 0) size++
      return size
    },
    write(row, bytes, start) {
      let at = start
      const to = offsets[row + 1] as number
      for (let from = offsets[row] as number; from < to; from++) {
        const byte = source[from] as number
        bytes[at++] = byte
        if (byte === 0) bytes[at++] = 1
      }
      // The end, 00 00, is there: the array was made of zeros.
    },
  }
}
