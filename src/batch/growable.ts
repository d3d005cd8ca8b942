/** What builders of columns grow: arrays by doubling, validity bitmaps, offsets. */
import { LakeError } from '../base/errors.js'
import { setBit } from './bitmap.js'
import type { Bitmap } from './column-batch.js'

/** Collects one bit a row; nothing is allocated before the first null. */
export class Validity {
  #bits: Bitmap | undefined

  /** Counts the row `row`, the next one. */
  append(row: number, present: boolean): void {
    if (this.#bits === undefined) {
      if (present) return
      this.#bits = new Uint8Array(Math.max(8, (row >> 3) + 1))
      for (let before = 0; before < row; before++) setBit(this.#bits, before)
    }
    if (row >> 3 >= this.#bits.length) this.#bits = grownBytes(this.#bits, (row >> 3) + 1)
    if (present) setBit(this.#bits, row)
  }

  finish(length: number): Bitmap | undefined {
    return this.#bits === undefined
      ? undefined
      : grownBytes(this.#bits, (length + 7) >> 3).subarray(0, (length + 7) >> 3)
  }
}

/** The array itself when it has room, else a copy of at least twice the size. */
export function grownBytes(bytes: Uint8Array, needed: number): Uint8Array {
  if (needed <= bytes.length) return bytes
  const grown = new Uint8Array(Math.max(needed, bytes.length * 2))
  grown.set(bytes)
  return grown
}

export function grownLongs(values: BigInt64Array, needed: number): BigInt64Array {
  if (needed <= values.length) return values
  const grown = new BigInt64Array(Math.max(needed, values.length * 2))
  grown.set(values)
  return grown
}

export function grownInts(values: Int32Array, needed: number): Int32Array {
  if (needed <= values.length) return values
  const grown = new Int32Array(Math.max(needed, values.length * 2))
  grown.set(values)
  return grown
}

/** Below this a loop copies faster than `set` on a sub-array. */
const SHORT_COPY_BYTES = 64

/** Copies a range to `at` in the target, which has room. Arguments by position: this is asked of every value. */
export function copyBytes(
  source: Uint8Array,
  begin: number,
  end: number,
  target: Uint8Array,
  at: number,
): void {
  if (end - begin > SHORT_COPY_BYTES) {
    target.set(source.subarray(begin, end), at)
    return
  }
  const shift = at - begin
  for (let from = begin; from < end; from++) target[from + shift] = source[from] as number
}

/** Ends of rows in what they have appended to. */
export class Offsets {
  #offsets: Int32Array

  constructor(rows: number) {
    this.#offsets = new Int32Array(rows + 1)
  }

  /** Row `row`, the next one, ends at `end`. */
  append(row: number, end: number): void {
    if (end > 0x7fff_ffff)
      throw new LakeError('invalid-argument', 'a column of a batch holds more than 2 GiB')
    this.#offsets = grownInts(this.#offsets, row + 2)
    this.#offsets[row + 1] = end
  }

  finish(length: number): Int32Array {
    return this.#offsets.subarray(0, length + 1)
  }
}
