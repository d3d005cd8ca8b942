/**
 * The smallest and greatest value of a leaf column, batch after batch. One loop a layout, over typed arrays.
 * Byte strings are compared in place and only the winners of a batch are copied.
 */
import { compareBytes, utf8Decode } from '../../base/bytes.js'
import { LakeError } from '../../base/errors.js'
import { hasBit } from '../../batch/bitmap.js'
import type { Bitmap, Vector } from '../../batch/column-batch.js'
import { joinWords } from '../../batch/values.js'
import type { PrimitiveType, Value } from '../../schema/types.js'

export interface TrackedBounds {
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
  /** Of float and double only. */
  readonly nanCount?: number | undefined
}

export interface TrackedSlots {
  readonly from: number
  readonly to: number
  /** Which slots hold a value; undefined: all of them. */
  readonly present: Bitmap | undefined
  /** How often each slot counts: a dictionary's entries. Once when absent. */
  readonly uses?: Uint32Array | undefined
}

export interface BoundsTracker {
  add(vector: Vector, slots: TrackedSlots): void
  finish(): TrackedBounds
}

/** A tracker for the type, or undefined when the type has neither bounds nor NaN to count. */
export function createBoundsTracker(
  type: PrimitiveType,
  options: { readonly countsOnly: boolean },
): BoundsTracker | undefined {
  switch (type.kind) {
    case 'float':
    case 'double':
      return trackFloats(options.countsOnly)
    case 'variant':
    case 'geometry':
    case 'geography':
    case 'unknown':
      return undefined
    default:
      return options.countsOnly ? undefined : trackOrdered(type)
  }
}

function trackOrdered(type: PrimitiveType): BoundsTracker {
  switch (type.kind) {
    case 'boolean':
      return trackBooleans()
    case 'int':
    case 'date':
      return trackInts()
    case 'decimal':
      return trackDecimals()
    case 'string':
      return trackBytes(text => decodeText(text))
    case 'uuid':
    case 'fixed':
    case 'binary':
      return trackBytes(bytes => bytes)
    default:
      return trackLongs()
  }
}

function wrongLayout(vector: Vector): LakeError {
  const context = { layout: vector.layout }
  return new LakeError('invalid-argument', 'a column does not have the layout of its type', { context })
}

function trackInts(): BoundsTracker {
  let lower = Number.POSITIVE_INFINITY
  let upper = Number.NEGATIVE_INFINITY
  return {
    add(vector, { from, to, present }) {
      if (vector.layout !== 'fixed-width') throw wrongLayout(vector)
      const values = vector.values as Int32Array
      let low = lower
      let high = upper
      for (let slot = from; slot < to; slot++) {
        if (present !== undefined && !hasBit(present, slot)) continue
        const value = values[slot] as number
        if (value < low) low = value
        if (value > high) high = value
      }
      lower = low
      upper = high
    },
    finish: () => (lower <= upper ? { lower, upper } : {}),
  }
}

function trackLongs(): BoundsTracker {
  let lower: bigint | undefined
  let upper: bigint | undefined
  return {
    add(vector, { from, to, present }) {
      if (vector.layout !== 'fixed-width') throw wrongLayout(vector)
      const values = vector.values as BigInt64Array
      let low = lower ?? 0x7fff_ffff_ffff_ffffn
      let high = upper ?? -0x8000_0000_0000_0000n
      let any = lower !== undefined
      for (let slot = from; slot < to; slot++) {
        if (present !== undefined && !hasBit(present, slot)) continue
        const value = values[slot] as bigint
        any = true
        if (value < low) low = value
        if (value > high) high = value
      }
      if (!any) return
      lower = low
      upper = high
    },
    finish: () => ({ lower, upper }),
  }
}

function trackFloats(countsOnly: boolean): BoundsTracker {
  let lower = Number.POSITIVE_INFINITY
  let upper = Number.NEGATIVE_INFINITY
  let any = false
  let nanCount = 0
  return {
    add(vector, { from, to, present, uses }) {
      if (vector.layout !== 'fixed-width') throw wrongLayout(vector)
      const values = vector.values as Float64Array
      for (let slot = from; slot < to; slot++) {
        if (present !== undefined && !hasBit(present, slot)) continue
        const value = values[slot] as number
        if (Number.isNaN(value)) {
          nanCount += uses?.[slot] ?? 1
          continue
        }
        any = true
        if (value < lower) lower = value
        if (value > upper) upper = value
      }
    },
    finish() {
      if (countsOnly || !any) return { nanCount }
      return { nanCount, lower: lower === 0 ? -0 : lower, upper: upper === 0 ? 0 : upper }
    },
  }
}

function trackBooleans(): BoundsTracker {
  let lower: boolean | undefined
  let upper: boolean | undefined
  return {
    add(vector, { from, to, present }) {
      if (vector.layout !== 'boolean') throw wrongLayout(vector)
      for (let slot = from; slot < to; slot++) {
        if (present !== undefined && !hasBit(present, slot)) continue
        const value = hasBit(vector.bits, slot)
        lower = (lower ?? true) && value
        upper = (upper ?? false) || value
      }
    },
    finish: () => ({ lower, upper }),
  }
}

/** Compares the signed high word, then the low word as unsigned. */
function trackDecimals(): BoundsTracker {
  let lower: bigint | undefined
  let upper: bigint | undefined
  return {
    add(vector, { from, to, present }) {
      if (vector.layout !== 'decimal') throw wrongLayout(vector)
      const { words } = vector
      let least = -1
      let greatest = -1
      for (let slot = from; slot < to; slot++) {
        if (present !== undefined && !hasBit(present, slot)) continue
        if (least < 0) least = greatest = slot
        else if (lessWords(words, slot, least)) least = slot
        else if (lessWords(words, greatest, slot)) greatest = slot
      }
      if (least < 0) return
      const low = joinWords(words[2 * least] as bigint, words[2 * least + 1] as bigint)
      const high = joinWords(words[2 * greatest] as bigint, words[2 * greatest + 1] as bigint)
      if (lower === undefined || low < lower) lower = low
      if (upper === undefined || high > upper) upper = high
    },
    finish: () => ({ lower, upper }),
  }
}

function lessWords(words: BigInt64Array, a: number, b: number): boolean {
  const highA = words[2 * a + 1] as bigint
  const highB = words[2 * b + 1] as bigint
  if (highA !== highB) return highA < highB
  const lowA = words[2 * a] as bigint
  const lowB = words[2 * b] as bigint
  // Unsigned order of words that are read as signed: those with the top bit set are the greater ones.
  return lowA < 0n === lowB < 0n ? lowA < lowB : lowB < 0n
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8Decode(bytes)
  } catch (cause) {
    throw new LakeError('invalid-argument', 'a string column holds bytes that are not UTF-8', { cause })
  }
}

function trackBytes(decode: (bytes: Uint8Array) => Value): BoundsTracker {
  let lower: Uint8Array | undefined
  let upper: Uint8Array | undefined
  return {
    add(vector, { from, to, present }) {
      let least = -1
      let greatest = -1
      const strings = stringsOf(vector)
      for (let slot = from; slot < to; slot++) {
        if (present !== undefined && !hasBit(present, slot)) continue
        if (least < 0) least = greatest = slot
        else if (compareSlots(strings, slot, least) < 0) least = slot
        else if (compareSlots(strings, slot, greatest) > 0) greatest = slot
      }
      if (least < 0) return
      const low = strings.bytes.subarray(startOf(strings, least), startOf(strings, least + 1))
      const high = strings.bytes.subarray(startOf(strings, greatest), startOf(strings, greatest + 1))
      if (lower === undefined || compareBytes(low, lower) < 0) lower = low.slice()
      if (upper === undefined || compareBytes(high, upper) > 0) upper = high.slice()
    },
    finish() {
      if (lower === undefined || upper === undefined) return {}
      return { lower: decode(lower), upper: decode(upper) }
    },
  }
}

/** Byte strings of a fixed width (`offsets` absent) or of their own lengths. */
interface ByteStrings {
  readonly bytes: Uint8Array
  readonly offsets: Int32Array | undefined
  readonly widthBytes: number
}

function stringsOf(vector: Vector): ByteStrings {
  if (vector.layout === 'var-bytes') return { bytes: vector.bytes, offsets: vector.offsets, widthBytes: 0 }
  if (vector.layout !== 'fixed-bytes') throw wrongLayout(vector)
  return { bytes: vector.bytes, offsets: undefined, widthBytes: vector.widthBytes }
}

function startOf(strings: ByteStrings, slot: number): number {
  return strings.offsets === undefined ? slot * strings.widthBytes : (strings.offsets[slot] as number)
}

function compareSlots(strings: ByteStrings, a: number, b: number): number {
  const { bytes } = strings
  let atA = startOf(strings, a)
  let atB = startOf(strings, b)
  const endA = startOf(strings, a + 1)
  const endB = startOf(strings, b + 1)
  while (atA < endA && atB < endB) {
    const difference = (bytes[atA++] as number) - (bytes[atB++] as number)
    if (difference !== 0) return difference
  }
  return endA - atA - (endB - atB)
}
