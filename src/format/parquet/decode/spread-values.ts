/**
 * Dense values to their slots: those of the bits that are set, in order. Slots without a value are zero.
 *
 *   validity  1 0 1 1      values  a b c      slots  a 0 b c
 */
import { unreachable } from '../../../base/assert.js'
import { createBitmap, hasBit, setBit } from '../../../batch/bitmap.js'
import type { Bitmap, FixedBytesVector, FixedWidthValues, Vector } from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'

export interface Slots {
  readonly validity: Bitmap
  readonly length: number
}

/** A vector with the values where bits are set; there are as many as set bits, and they have no validity. */
export function spreadValues(
  values: Exclude<Vector, { layout: 'list' | 'map' | 'struct' }>,
  slots: Slots,
): Vector {
  const { validity, length } = slots
  switch (values.layout) {
    case 'null':
      return { layout: 'null', length }
    case 'fixed-width':
      return { layout: 'fixed-width', length, validity, values: spreadFixedWidth(values.values, slots) }
    case 'decimal': {
      const words = new BigInt64Array(2 * length)
      spreadWords4(int32Words(values.words), slots, int32Words(words))
      return { layout: 'decimal', length, validity, words }
    }
    case 'boolean':
      return { layout: 'boolean', length, validity, bits: spreadBits(values.bits, slots) }
    case 'fixed-bytes':
      return { ...values, length, validity, bytes: spreadFixedBytes(values, slots) }
    case 'var-bytes':
      return { ...values, length, validity, offsets: spreadOffsets(values.offsets, slots) }
    case 'dictionary': {
      const codes = new Int32Array(length)
      spreadWords1(values.codes, slots, codes)
      return { ...values, length, validity, codes }
    }
    default:
      return unreachable(values)
  }
}

function spreadFixedWidth(values: FixedWidthValues, slots: Slots): FixedWidthValues {
  if (values instanceof Int32Array) {
    const spread = new Int32Array(slots.length)
    spreadWords1(values, slots, spread)
    return spread
  }
  if (values instanceof Float32Array) {
    // Bits, not numbers: a load as a number may change the payload of a NaN.
    const spread = new Float32Array(slots.length)
    spreadWords1(int32Words(values), slots, int32Words(spread))
    return spread
  }
  const spread =
    values instanceof BigInt64Array ? new BigInt64Array(slots.length) : new Float64Array(slots.length)
  spreadWords2(int32Words(values), slots, int32Words(spread))
  return spread
}

function spreadWords1(values: Int32Array, { validity, length }: Slots, spread: Int32Array): void {
  let next = 0
  for (let slot = 0; slot < length; slot++) {
    if (((validity[slot >> 3] as number) >> (slot & 7)) & 1) spread[slot] = values[next++] as number
  }
}

function spreadWords2(values: Int32Array, { validity, length }: Slots, spread: Int32Array): void {
  let next = 0
  for (let slot = 0; slot < length; slot++) {
    if ((((validity[slot >> 3] as number) >> (slot & 7)) & 1) === 0) continue
    spread[2 * slot] = values[next] as number
    spread[2 * slot + 1] = values[next + 1] as number
    next += 2
  }
}

function spreadWords4(values: Int32Array, { validity, length }: Slots, spread: Int32Array): void {
  let next = 0
  for (let slot = 0; slot < length; slot++) {
    if ((((validity[slot >> 3] as number) >> (slot & 7)) & 1) === 0) continue
    spread[4 * slot] = values[next] as number
    spread[4 * slot + 1] = values[next + 1] as number
    spread[4 * slot + 2] = values[next + 2] as number
    spread[4 * slot + 3] = values[next + 3] as number
    next += 4
  }
}

function spreadBits(bits: Bitmap, { validity, length }: Slots): Bitmap {
  const spread = createBitmap(length)
  let next = 0
  for (let slot = 0; slot < length; slot++) {
    if (hasBit(validity, slot) && hasBit(bits, next++)) setBit(spread, slot)
  }
  return spread
}

function spreadFixedBytes({ widthBytes, bytes }: FixedBytesVector, { validity, length }: Slots): Uint8Array {
  const spread = new Uint8Array(length * widthBytes)
  let next = 0
  for (let slot = 0; slot < length; slot++) {
    if (!hasBit(validity, slot)) continue
    const end = (slot + 1) * widthBytes
    for (let at = slot * widthBytes; at < end; at++) spread[at] = bytes[next++] as number
  }
  return spread
}

/** A slot without a value is empty: it begins where the next value does. */
function spreadOffsets(offsets: Int32Array, { validity, length }: Slots): Int32Array {
  const spread = new Int32Array(length + 1)
  let next = 0
  for (let slot = 0; slot < length; slot++) {
    spread[slot] = offsets[next] as number
    next += ((validity[slot >> 3] as number) >> (slot & 7)) & 1
  }
  spread[length] = offsets[next] as number
  return spread
}
