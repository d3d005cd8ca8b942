/**
 * Numbers as Parquet stores them, brought to the unit and width of their Iceberg type. 64-bit values are 32-bit
 * words, low first; what fits a double exactly is computed as one.
 */
import { LakeError } from '../../../base/errors.js'
import { int32Words } from '../../../batch/int-words.js'
import { floatsOfHalves } from '../../arrow-buffers.js'

const WORD = 0x1_0000_0000
/** High words between these bounds leave room for a factor of 1000 within 53 bits. */
const SMALL_HIGH_MAX = 1 << 10

/** Integers of 32 bits as 64. */
export function longsOfInts(values: Int32Array, { unsigned }: { readonly unsigned: boolean }): BigInt64Array {
  const words = new Int32Array(values.length * 2)
  // The high word is 0, or all bits of the sign.
  const signBits = unsigned ? 0 : -1
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number
    words[2 * at] = value
    words[2 * at + 1] = (value >> 31) & signBits
  }
  return new BigInt64Array(words.buffer)
}

/** The values, which have no sign. @throws unsupported above the greatest `long` */
export function unsignedLongs(values: BigInt64Array): BigInt64Array {
  const words = int32Words(values)
  let anySign = 0
  for (let at = 1; at < words.length; at += 2) anySign |= words[at] as number
  if (anySign < 0) throw new LakeError('unsupported', 'an unsigned parquet value is too large for a long')
  return values
}

/** @throws unsupported when a value is out of the range of micros */
export function microsOfMillis(values: Int32Array | BigInt64Array): BigInt64Array {
  if (values instanceof Int32Array) return microsOfMillis32(values)
  const words = int32Words(values)
  for (let at = 0; at < words.length; at += 2) {
    const high = words[at + 1] as number
    if (high >= SMALL_HIGH_MAX || high < -SMALL_HIGH_MAX)
      values[at >> 1] = largeMicros(values[at >> 1] as bigint)
    else {
      const micros = (high * WORD + ((words[at] as number) >>> 0)) * 1000
      words[at] = micros | 0
      words[at + 1] = Math.floor(micros / WORD)
    }
  }
  return values
}

function microsOfMillis32(values: Int32Array): BigInt64Array {
  const words = new Int32Array(values.length * 2)
  for (let at = 0; at < values.length; at++) {
    const micros = (values[at] as number) * 1000
    words[2 * at] = micros | 0
    words[2 * at + 1] = Math.floor(micros / WORD)
  }
  return new BigInt64Array(words.buffer)
}

function largeMicros(millis: bigint): bigint {
  const micros = millis * 1000n
  if (BigInt.asIntN(64, micros) === micros) return micros
  throw new LakeError('unsupported', 'a parquet timestamp is out of the range of microseconds')
}

/** @throws unsupported when a value is not whole micros */
export function microsOfNanos(values: BigInt64Array): BigInt64Array {
  for (let at = 0; at < values.length; at++) {
    const nanos = values[at] as bigint
    const micros = nanos / 1000n
    if (micros * 1000n !== nanos) {
      throw new LakeError('unsupported', 'a parquet time is finer than microseconds')
    }
    values[at] = micros
  }
  return values
}

const INT96_WORDS = 3
/** The Julian day of 1970-01-01. */
const EPOCH_JULIAN_DAY = 2_440_588
const MICROS_PER_DAY = 86_400_000_000
/** Days whose micros, with a day's nanos added, are exact as a double. */
const SMALL_DAYS_MAX = 100_000
/** High words of nanos below this many are exact as a double. */
const NANOS_HIGH_MAX = 1 << 20

/** Timestamps of INT96 in micros, rounded down; modulo 2^64, as Spark writes those after the year 287000. */
export function microsOfInt96(bytes: Uint8Array): BigInt64Array {
  const stored = alignedWords(bytes)
  const micros = new BigInt64Array(stored.length / INT96_WORDS)
  const words = int32Words(micros)
  for (let at = 0, to = 0; at < stored.length; at += INT96_WORDS, to += 2) {
    const low = (stored[at] as number) >>> 0
    const high = stored[at + 1] as number
    const days = (stored[at + 2] as number) - EPOCH_JULIAN_DAY
    if (days < SMALL_DAYS_MAX && days > -SMALL_DAYS_MAX && high >= 0 && high < NANOS_HIGH_MAX) {
      const value = days * MICROS_PER_DAY + Math.floor((high * WORD + low) / 1000)
      words[to] = value | 0
      words[to + 1] = Math.floor(value / WORD)
    } else micros[to >> 1] = int96Micros((BigInt(high) << 32n) | BigInt(low), days)
  }
  return micros
}

function int96Micros(nanos: bigint, days: number): bigint {
  const micros = nanos / 1000n
  const floor = micros * 1000n > nanos ? micros - 1n : micros
  return BigInt.asIntN(64, BigInt(days) * BigInt(MICROS_PER_DAY) + floor)
}

/** 32-bit words over the same memory; copied when it is not aligned. */
function alignedWords(bytes: Uint8Array): Int32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice()
  return new Int32Array(aligned.buffer, aligned.byteOffset, bytes.length >> 2)
}

/** IEEE half precision, two bytes each, as single. */
export function floatsOfHalfBytes(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice()
  return floatsOfHalves(new Uint16Array(aligned.buffer, aligned.byteOffset, bytes.length >> 1))
}
