/** Bitmaps: bit `row & 7` of byte `row >> 3`, least significant first. */
import type { Bitmap } from './column-batch.js'

/** A bitmap of `length` bits, all clear. */
export function createBitmap(length: number): Bitmap {
  return new Uint8Array((length + 7) >> 3)
}

/** A bitmap of `length` bits, all set; the bits behind the last are clear. */
export function fullBitmap(length: number): Bitmap {
  const bitmap = createBitmap(length).fill(0xff)
  if ((length & 7) !== 0) bitmap[bitmap.length - 1] = (1 << (length & 7)) - 1
  return bitmap
}

export function hasBit(bitmap: Bitmap, row: number): boolean {
  return (((bitmap[row >> 3] as number) >> (row & 7)) & 1) === 1
}

export function setBit(bitmap: Bitmap, row: number): void {
  bitmap[row >> 3] = (bitmap[row >> 3] as number) | (1 << (row & 7))
}

/** How many of the first `length` bits are set. */
export function countBits(bitmap: Bitmap, length: number): number {
  let count = 0
  const whole = length >> 3
  for (let at = 0; at < whole; at++) count += bitCount(bitmap[at] as number)
  if ((length & 7) !== 0) count += bitCount((bitmap[whole] as number) & ((1 << (length & 7)) - 1))
  return count
}

function bitCount(byte: number): number {
  let bits = byte - ((byte >> 1) & 0x55)
  bits = (bits & 0x33) + ((bits >> 2) & 0x33)
  return (bits + (bits >> 4)) & 0x0f
}

/** Bits `from .. to` as a bitmap that begins at its first bit; shares memory when `from` is at a byte. */
export function sliceBitmap(bitmap: Bitmap, from: number, to: number): Bitmap {
  const first = from >> 3
  const bytes = (to - from + 7) >> 3
  const shift = from & 7
  if (shift === 0) return bitmap.subarray(first, first + bytes)
  const slice = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at++) {
    const low = bitmap[first + at] as number
    const high = bitmap[first + at + 1] ?? 0
    slice[at] = (low >> shift) | (high << (8 - shift))
  }
  return slice
}

/** Bits `rows[i]` as bit `i`. */
export function takeBits(bitmap: Bitmap, rows: Uint32Array | Int32Array): Bitmap {
  const taken = createBitmap(rows.length)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const bit = ((bitmap[row >> 3] as number) >> (row & 7)) & 1
    taken[at >> 3] = (taken[at >> 3] as number) | (bit << (at & 7))
  }
  return taken
}

/** Copies `length` bits of `source`, or that many set bits when there is no source, to `target` from bit `at`. */
export function copyBits(target: Bitmap, at: number, source: Bitmap | undefined, length: number): void {
  for (let row = 0; row < length; row++) {
    if (source === undefined || hasBit(source, row)) setBit(target, at + row)
  }
}

/** The bitmap, or undefined when its first `length` bits are all set: a validity without nulls is left out. */
export function validityOf(bitmap: Bitmap, length: number): Bitmap | undefined {
  return countBits(bitmap, length) === length ? undefined : bitmap
}

/** Number of null rows under a validity. */
export function nullCount(validity: Bitmap | undefined, length: number): number {
  return validity === undefined ? 0 : length - countBits(validity, length)
}
