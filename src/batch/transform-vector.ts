/**
 * Partition transforms of whole columns; `schema/transform.ts` says what they mean and does one value at a time.
 * A dictionary is transformed once. 64-bit values are worked on as two 32-bit words, with arithmetic that is
 * exact in a double:
 *
 *   day of micros   v / 86_400_000_000  = (v >> 13) / 10_546_875       51 bits are left to divide
 *   hour of micros  v / 3_600_000_000   = (v >> 10) / 3_515_625
 *   day of nanos    v / 86_400_000_000_000 = (v >> 16) / 1_318_359_375
 *   hour of nanos   v / 3_600_000_000_000  = (v >> 13) / 439_453_125
 */
import { LakeError } from '../base/errors.js'
import { murmur3Range, murmur3Words } from '../schema/murmur3.js'
import type { Transform } from '../schema/partition-spec.js'
import { monthsFromDays } from '../schema/time.js'
import { canTransform, transformResultType, transformValue } from '../schema/transform.js'
import { printType } from '../schema/type-text.js'
import type { Type } from '../schema/types.js'
import type {
  DecimalVector,
  FixedBytesVector,
  FixedWidthVector,
  VarBytesVector,
  Vector,
} from './column-batch.js'
import { int32Words } from './int-words.js'
import { nullVectorOf } from './take.js'
import { joinWords } from './values.js'

/**
 * The transformed column, of type `transformResultType`; null rows stay null.
 * @throws unsupported when the transform is unknown
 * @throws invalid-argument when it does not apply to the type
 */
export function transformVector(transform: Transform, sourceType: Type, vector: Vector): Vector {
  checkTransform(transform, sourceType)
  const { kind } = transform
  if (kind === 'identity') return vector
  if (kind === 'void' || vector.layout === 'null') {
    return nullVectorOf(transformResultType(transform, sourceType), vector.length)
  }
  if (vector.layout === 'dictionary') {
    return { ...vector, dictionary: transformVector(transform, sourceType, vector.dictionary) }
  }
  switch (kind) {
    case 'bucket':
      return withInts(vector, bucketRows(transform.count, sourceType, vector))
    case 'truncate':
      return truncateRows(transform.width, sourceType, vector)
    case 'hour':
      return withInts(vector, floorUnits(vector, sourceType, HOURS))
    case 'day':
      return withInts(vector, daysOf(vector, sourceType))
    case 'month':
      return withInts(vector, monthsOf(daysOf(vector, sourceType)))
    default:
      return withInts(vector, yearsOf(daysOf(vector, sourceType)))
  }
}

function checkTransform(transform: Transform, sourceType: Type): void {
  if (transform.kind !== 'unsupported' && canTransform(transform, sourceType)) return
  // The scalar transform knows which error it is.
  transformValue(transform, sourceType, null)
}

type Stored = Exclude<Vector, { layout: 'null' | 'dictionary' }>

function withInts(source: Stored, values: Int32Array): Vector {
  return { layout: 'fixed-width', length: source.length, validity: source.validity, values }
}

function mismatch(type: Type): never {
  throw new LakeError('corrupt', 'a column does not have the layout of its type', {
    context: { type: printType(type) },
  })
}

/** A divisor as a power of two and the odd rest. */
interface Divisor {
  readonly shift: number
  readonly rest: number
}
interface UnitDivisors {
  readonly micros: Divisor
  readonly nanos: Divisor
}
const DAYS: UnitDivisors = {
  micros: { shift: 13, rest: 10_546_875 },
  nanos: { shift: 16, rest: 1_318_359_375 },
}
const HOURS: UnitDivisors = {
  micros: { shift: 10, rest: 3_515_625 },
  nanos: { shift: 13, rest: 439_453_125 },
}

function isNanos(type: Type): boolean {
  return type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns'
}

function longWords(vector: Stored, type: Type): Int32Array {
  const isLong = vector.layout === 'fixed-width' && vector.values instanceof BigInt64Array
  return isLong ? int32Words(vector.values) : mismatch(type)
}

function intValues(vector: Stored, type: Type): Int32Array {
  return vector.layout === 'fixed-width' && vector.values instanceof Int32Array
    ? vector.values
    : mismatch(type)
}

function floorUnits(vector: Stored, type: Type, divisors: UnitDivisors): Int32Array {
  const words = longWords(vector, type)
  const { shift, rest } = isNanos(type) ? divisors.nanos : divisors.micros
  const highFactor = 2 ** (32 - shift)
  const units = new Int32Array(vector.length)
  for (let row = 0; row < units.length; row++) {
    const shifted = (words[2 * row + 1] as number) * highFactor + ((words[2 * row] as number) >>> shift)
    units[row] = Math.floor(shifted / rest)
  }
  return units
}

function daysOf(vector: Stored, type: Type): Int32Array {
  return type.kind === 'date' ? intValues(vector, type) : floorUnits(vector, type, DAYS)
}

function monthsOf(days: Int32Array): Int32Array {
  const months = new Int32Array(days.length)
  for (let row = 0; row < days.length; row++) months[row] = monthsFromDays(days[row] as number)
  return months
}

function yearsOf(days: Int32Array): Int32Array {
  const years = monthsOf(days)
  for (let row = 0; row < years.length; row++) years[row] = Math.floor((years[row] as number) / 12)
  return years
}

function bucketRows(count: number, type: Type, vector: Stored): Int32Array {
  const buckets = hashStored(type, vector)
  for (let row = 0; row < buckets.length; row++)
    buckets[row] = ((buckets[row] as number) & 0x7fff_ffff) % count
  return buckets
}

function hashStored(type: Type, vector: Stored): Int32Array {
  switch (vector.layout) {
    case 'fixed-width':
      return vector.values instanceof Int32Array
        ? hashInts(vector.values, vector.length)
        : hashLongs(vector, type)
    case 'var-bytes':
      return hashVarBytes(vector)
    case 'fixed-bytes':
      return hashFixedBytes(vector)
    case 'decimal':
      return hashDecimals(vector)
    default:
      return mismatch(type)
  }
}

function hashInts(values: Int32Array, length: number): Int32Array {
  const hashes = new Int32Array(length)
  for (let row = 0; row < length; row++) {
    const value = values[row] as number
    hashes[row] = murmur3Words(value, value >> 31)
  }
  return hashes
}

function hashLongs(vector: FixedWidthVector, type: Type): Int32Array {
  const words = longWords(vector, type)
  const hashes = new Int32Array(vector.length)
  if (isNanos(type)) hashMicrosOfNanos(words, hashes)
  else {
    for (let row = 0; row < hashes.length; row++) {
      hashes[row] = murmur3Words(words[2 * row] as number, words[2 * row + 1] as number)
    }
  }
  return hashes
}

/** Nanoseconds hash as microseconds: a long division by 1000, high word first. */
function hashMicrosOfNanos(words: Int32Array, hashes: Int32Array): void {
  for (let row = 0; row < hashes.length; row++) {
    const high = words[2 * row + 1] as number
    const highQuotient = Math.floor(high / 1000)
    const rest = (high - highQuotient * 1000) * 4_294_967_296 + ((words[2 * row] as number) >>> 0)
    hashes[row] = murmur3Words(Math.floor(rest / 1000) | 0, highQuotient)
  }
}

function hashVarBytes(vector: VarBytesVector): Int32Array {
  const { offsets, bytes, length } = vector
  const hashes = new Int32Array(length)
  for (let row = 0; row < length; row++) {
    hashes[row] = murmur3Range(bytes, offsets[row] as number, offsets[row + 1] as number)
  }
  return hashes
}

function hashFixedBytes(vector: FixedBytesVector): Int32Array {
  const { bytes, widthBytes, length } = vector
  const hashes = new Int32Array(length)
  for (let row = 0; row < length; row++) {
    hashes[row] = murmur3Range(bytes, row * widthBytes, (row + 1) * widthBytes)
  }
  return hashes
}

/** Hashes the fewest big-endian bytes that hold each value. */
function hashDecimals(vector: DecimalVector): Int32Array {
  const words = int32Words(vector.words)
  const hashes = new Int32Array(vector.length)
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (let row = 0; row < hashes.length; row++) {
    for (let word = 0; word < 4; word++) view.setInt32(12 - 4 * word, words[4 * row + word] as number)
    hashes[row] = murmur3Range(bytes, firstSignificant(bytes), 16)
  }
  return hashes
}

/** The first byte that is more than a repetition of the sign. */
function firstSignificant(bytes: Uint8Array): number {
  const sign = (bytes[0] as number) >= 0x80 ? 0xff : 0
  let at = 0
  while (at < 15 && bytes[at] === sign && (bytes[at + 1] as number) >> 7 === sign >> 7) at++
  return at
}

function truncateRows(width: number, type: Type, vector: Stored): Vector {
  switch (vector.layout) {
    case 'fixed-width':
      return vector.values instanceof Int32Array
        ? withInts(vector, truncateInts(vector.values, width))
        : { ...vector, values: truncateLongs(longWords(vector, type), width) }
    case 'decimal':
      return { ...vector, words: truncateDecimals(vector, width) }
    case 'var-bytes':
      return type.kind === 'string' ? truncateText(vector, width) : truncateBytes(vector, width)
    default:
      return mismatch(type)
  }
}

function truncateInts(values: Int32Array, width: number): Int32Array {
  const truncated = new Int32Array(values.length)
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number
    truncated[row] = value - (((value % width) + width) % width)
  }
  return truncated
}

/** The remainder by 16 bits at a time, so that `width` may have 31; it is taken off with a borrow. */
function truncateLongs(words: Int32Array, width: number): BigInt64Array {
  const truncated = new Int32Array(words.length)
  for (let at = 0; at < words.length; at += 2) {
    const low = words[at] as number
    const high = words[at + 1] as number
    let rest = ((high % width) + width) % width
    rest = (rest * 65_536 + (low >>> 16)) % width
    rest = (rest * 65_536 + (low & 0xffff)) % width
    truncated[at] = low - rest
    truncated[at + 1] = high - (low >>> 0 < rest ? 1 : 0)
  }
  return new BigInt64Array(truncated.buffer)
}

/** A bigint a row: decimals are rarely truncated. */
function truncateDecimals(vector: DecimalVector, width: number): BigInt64Array {
  const divisor = BigInt(width)
  const words = new BigInt64Array(vector.length * 2)
  for (let row = 0; row < vector.length; row++) {
    const value = joinWords(vector.words[2 * row] as bigint, vector.words[2 * row + 1] as bigint)
    const truncated = value - (((value % divisor) + divisor) % divisor)
    words[2 * row] = truncated
    words[2 * row + 1] = truncated >> 64n
  }
  return words
}

/** Copies what is left of each row: `endOf` would be a closure a row, so both kinds of cut are written out. */
function truncateText(vector: VarBytesVector, codePoints: number): VarBytesVector {
  const { offsets, bytes, length } = vector
  const ends = new Int32Array(length)
  for (let row = 0; row < length; row++) {
    const end = offsets[row + 1] as number
    let at = offsets[row] as number
    for (let left = codePoints; at < end; at++) {
      // Every byte that does not continue a code point begins one.
      if (((bytes[at] as number) & 0xc0) !== 0x80 && left-- === 0) break
    }
    ends[row] = at
  }
  return cutRows(vector, ends)
}

function truncateBytes(vector: VarBytesVector, lengthBytes: number): VarBytesVector {
  const { offsets, length } = vector
  const ends = new Int32Array(length)
  for (let row = 0; row < length; row++) {
    ends[row] = Math.min(offsets[row + 1] as number, (offsets[row] as number) + lengthBytes)
  }
  return cutRows(vector, ends)
}

/** The rows up to their new ends, in fresh bytes. */
function cutRows(vector: VarBytesVector, ends: Int32Array): VarBytesVector {
  const { length } = vector
  const offsets = new Int32Array(length + 1)
  for (let row = 0; row < length; row++) {
    offsets[row + 1] = (offsets[row] as number) + (ends[row] as number) - (vector.offsets[row] as number)
  }
  const bytes = new Uint8Array(offsets[length] as number)
  for (let row = 0; row < length; row++) {
    let target = offsets[row] as number
    for (let at = vector.offsets[row] as number; at < (ends[row] as number); at++) {
      bytes[target++] = vector.bytes[at] as number
    }
  }
  return { layout: 'var-bytes', length, validity: vector.validity, offsets, bytes }
}
