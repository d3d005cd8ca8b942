/**
 * Definition and repetition levels: one a value, null or empty list, decoded to a byte each.
 *
 *   v1   [length (4, little-endian) | RLE runs] or bit-packed groups, in front of the values, compressed with them
 *   v2   RLE runs, length in the page header, not compressed
 *
 * @see https://github.com/apache/parquet-format "Nested Encoding", "Data Pages"
 */
import { createBitmap } from '../../../batch/bitmap.js'
import type { Bitmap } from '../../../batch/column-batch.js'
import { decodeBitPackedLegacy, decodeLevels, isConstantRun } from '../encoding/hybrid.js'
import type { ByteSource } from '../leaf.js'

/** The levels of one page, encoded. */
export interface EncodedLevels {
  readonly source: ByteSource
  /** In the deprecated encoding instead of RLE. */
  readonly bitPacked: boolean
  /** The highest level, not 0. */
  readonly max: number
  /** One level each. */
  readonly entries: number
}

/** Bits of the levels 0 .. max. */
export function levelBits(max: number): number {
  return 32 - Math.clz32(max)
}

/** The level that all entries have, when that can be seen without decoding. */
export function constantLevel(levels: EncodedLevels): number | undefined {
  const { source, bitPacked, max, entries } = levels
  return bitPacked ? undefined : isConstantRun(source, { bitWidth: levelBits(max), count: entries })
}

/** Writes the levels to `out` from `at` on; how many of them are the highest. Throws RangeError when one is higher. */
export function readLevels(levels: EncodedLevels, out: Uint8Array, at: number): number {
  const { source, max, entries } = levels
  const request = { bitWidth: levelBits(max), count: entries }
  if (levels.bitPacked) decodeBitPackedLegacy(source, request, out, at)
  else decodeLevels(source, request, out, at)
  return countHighest(out, { from: at, to: at + entries }, max)
}

interface LevelRange {
  readonly from: number
  readonly to: number
}

function countHighest(levels: Uint8Array, { from, to }: LevelRange, max: number): number {
  let count = 0
  let over = 0
  for (let at = from; at < to; at++) {
    const level = levels[at] as number
    if (level === max) count++
    over |= max - level
  }
  if (over < 0) throw new RangeError('a level is higher than the schema allows')
  return count
}

/** How many of the levels `from .. to` are zero: the rows that begin there, of repetition levels. */
export function countZeros(levels: Uint8Array, from: number, to: number): number {
  let count = 0
  for (let at = from; at < to; at++) if (levels[at] === 0) count++
  return count
}

/** A bit for each of the levels: set when it is at least `present`. */
export function levelBitmap(levels: Uint8Array, present: number): Bitmap {
  const { length } = levels
  const bits = createBitmap(length)
  const whole = length & ~7
  const below = present - 1
  for (let at = 0; at < whole; at += 8) {
    // The sign of below - level is the bit.
    const low =
      ((below - (levels[at] as number)) >>> 31) |
      (((below - (levels[at + 1] as number)) >>> 31) << 1) |
      (((below - (levels[at + 2] as number)) >>> 31) << 2) |
      (((below - (levels[at + 3] as number)) >>> 31) << 3)
    const high =
      ((below - (levels[at + 4] as number)) >>> 31) |
      (((below - (levels[at + 5] as number)) >>> 31) << 1) |
      (((below - (levels[at + 6] as number)) >>> 31) << 2) |
      (((below - (levels[at + 7] as number)) >>> 31) << 3)
    bits[at >> 3] = low | (high << 4)
  }
  for (let at = whole; at < length; at++) {
    bits[at >> 3] = (bits[at >> 3] as number) | (((below - (levels[at] as number)) >>> 31) << (at & 7))
  }
  return bits
}
