/**
 * Avro's numbers where they stand in the bytes: zigzag varints of up to ten bytes. What is read here was walked
 * before (`skipAvro`, `walkRecord`), so it ends inside the bytes.
 * @see Avro spec, "Binary Encoding"
 */
import { LakeError } from '../base/errors.js'

/** Seven bits of each of four bytes: the part of a varint that fits a small integer. */
const PART_BITS = 28
const PART = 2 ** PART_BITS

/**
 * An int or long that is exact as a number.
 * @throws corrupt beyond 2^53
 */
export function numberAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number
  if (first < 0x80) return (first >>> 1) ^ -(first & 1)
  let low = first & 0x7f
  let high = 0
  let byte = first
  for (let index = 1; byte >= 0x80; index++) {
    byte = bytes[at + index] as number
    if (index < 4) low |= (byte & 0x7f) << (7 * index)
    else high += (byte & 0x7f) * 2 ** (7 * (index - 4))
  }
  const magnitude = high * (PART / 2) + (low >>> 1)
  const value = (low & 1) === 0 ? magnitude : -magnitude - 1
  if (!Number.isSafeInteger(value)) throw new LakeError('corrupt', 'a count in an avro record is too large')
  return value
}

/** An int or long, exact. */
export function bigintAt(bytes: Uint8Array, at: number): bigint {
  let low = 0
  let middle = 0
  let high = 0
  let byte = 0x80
  for (let index = 0; byte >= 0x80; index++) {
    byte = bytes[at + index] as number
    const bits = byte & 0x7f
    if (index < 4) low |= bits << (7 * index)
    else if (index < 8) middle |= bits << (7 * (index - 4))
    else high |= bits << (7 * (index - 8))
  }
  // Small numbers need no arithmetic on bigints.
  if (high === 0 && middle < 2 ** 24) {
    const magnitude = middle * (PART / 2) + (low >>> 1)
    return BigInt((low & 1) === 0 ? magnitude : -magnitude - 1)
  }
  const value = (BigInt(high) << 56n) | (BigInt(middle) << 28n) | BigInt(low)
  return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
}

/** Where the varint that begins at `at` ends. */
export function varintEnd(bytes: Uint8Array, at: number): number {
  let end = at
  while ((bytes[end] as number) >= 0x80) end++
  return end + 1
}
