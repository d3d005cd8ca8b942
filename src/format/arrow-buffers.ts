/** Buffers of Arrow arrays that are not laid out as our vectors, made so. Plain typed arrays in and out. */
import { LakeError } from '../base/errors.js'
import { hasBit } from '../batch/bitmap.js'
import type { Bitmap } from '../batch/column-batch.js'

type SmallIntegers = Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array

/** Integers of at most 32 bits. */
export function widenIntegers(values: SmallIntegers): Int32Array {
  return values instanceof Int32Array ? values : Int32Array.from(values)
}

/** @throws invalid-argument when a value has no place in 32 bits */
export function narrowIntegers(values: BigInt64Array | BigUint64Array | Uint32Array): Int32Array {
  const narrow = new Int32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i])
    if (value > 0x7fff_ffff || value < -0x8000_0000) throw tooLarge()
    narrow[i] = value
  }
  return narrow
}

export function unsignedToLong(values: Uint32Array | BigUint64Array): BigInt64Array {
  const longs = new BigInt64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = BigInt(values[i] as number | bigint)
    if (value >> 63n !== 0n) throw tooLarge()
    longs[i] = value
  }
  return longs
}

function tooLarge(): LakeError {
  return new LakeError('invalid-argument', 'an arrow value is too large for its iceberg type')
}

/** Values in a coarser unit brought to a finer one; undefined slots of nulls may wrap. */
export function multiplied(values: BigInt64Array | Int32Array, factor: bigint): BigInt64Array {
  const scaled = new BigInt64Array(values.length)
  for (let i = 0; i < values.length; i++) scaled[i] = BigInt(values[i] as number | bigint) * factor
  return scaled
}

/**
 * Values in a finer unit brought to a coarser one.
 * @throws invalid-argument when a value that is there would lose digits
 */
export function dividedExactly(
  values: BigInt64Array,
  divisor: bigint,
  validity: Bitmap | undefined,
): BigInt64Array {
  const scaled = new BigInt64Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as bigint
    const quotient = value / divisor
    scaled[i] = quotient
    if (quotient * divisor === value || (validity !== undefined && !hasBit(validity, i))) continue
    throw new LakeError('invalid-argument', 'an arrow value is finer than the unit of its column')
  }
  return scaled
}

const MS_PER_DAY = 86_400_000n

/** Days of Arrow's date64, whose values are whole days in milliseconds. */
export function daysOfMillis(values: BigInt64Array): Int32Array {
  const days = new Int32Array(values.length)
  for (let i = 0; i < values.length; i++) days[i] = Number((values[i] as bigint) / MS_PER_DAY)
  return days
}

/** IEEE half precision to single. */
export function floatsOfHalves(values: Uint16Array): Float32Array {
  const floats = new Float32Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const half = values[i] as number
    const sign = half & 0x8000 ? -1 : 1
    const exponent = (half >> 10) & 0x1f
    const fraction = half & 0x3ff
    if (exponent === 0x1f) floats[i] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN
    else if (exponent === 0) floats[i] = sign * fraction * 2 ** -24
    else floats[i] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
  }
  return floats
}

/** The low 128 bits of wider decimals. @throws invalid-argument when the rest holds digits */
export function decimalWords(words: BigInt64Array, wordsPerValue: number): BigInt64Array {
  if (wordsPerValue === 2) return words
  const count = words.length / wordsPerValue
  const narrow = new BigInt64Array(count * 2)
  for (let i = 0; i < count; i++) {
    const from = i * wordsPerValue
    const low = words[from] as bigint
    const high = wordsPerValue === 1 ? low >> 63n : (words[from + 1] as bigint)
    for (let w = 2; w < wordsPerValue; w++) if (words[from + w] !== high >> 63n) throw tooLarge()
    narrow[2 * i] = low
    narrow[2 * i + 1] = high
  }
  return narrow
}

/** Strings or bytes of the view layout (16 bytes each: length, then the bytes or where they are). */
export function gatherViews(
  views: Uint8Array,
  buffers: readonly Uint8Array[],
  length: number,
): { offsets: Int32Array; bytes: Uint8Array } {
  const heads = new DataView(views.buffer, views.byteOffset, views.byteLength)
  const offsets = new Int32Array(length + 1)
  for (let i = 0; i < length; i++) offsets[i + 1] = (offsets[i] as number) + heads.getInt32(i * 16, true)
  const bytes = new Uint8Array(offsets[length] as number)
  for (let i = 0; i < length; i++) {
    const size = heads.getInt32(i * 16, true)
    const inline = views.subarray(i * 16 + 4, i * 16 + 4 + size)
    const from = heads.getInt32(i * 16 + 12, true)
    const found = size <= 12 ? inline : buffers[heads.getInt32(i * 16 + 8, true)]?.subarray(from, from + size)
    if (found !== undefined) bytes.set(found, offsets[i] as number)
  }
  return { offsets, bytes }
}
