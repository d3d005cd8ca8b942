/**
 * DELTA_BINARY_PACKED of 64-bit integers, worked on as two 32-bit words. A bigint per value costs ten times as much, and
 * so does a branch on a carry, which is random: carries are computed from bits.
 */
import type { FixedWidthSink } from '../leaf.js'
import { packInts, packLongs } from './bit-pack.js'
import { unpackInts, unpackLongs } from './bit-unpack.js'
import type { Words64 } from './byte-cursor.js'
import { type ByteSink, reserve, writeZigzag64 } from './byte-sink.js'
import {
  BLOCK_SIZE,
  bitsOf,
  type DeltaCursor,
  MINIBLOCK_COUNT,
  MINIBLOCK_SIZE,
  nextMiniblock,
  skipMiniblock,
  writeHeader,
} from './delta-blocks.js'
import type { ValueRange } from './gather.js'

/** Deltas unpacked at once: miniblocks may have any size. */
const STEP = 512

/** A 64-bit column while it is decoded: `low` and `high` are the last value, `deltas*` a step of unpacked deltas. */
interface LongsState extends Words64 {
  readonly words: Int32Array
  /** Index of the next value's low word. */
  at: number
  readonly deltasLow: Int32Array
  readonly deltasHigh: Int32Array
}

/** Decodes `count` values behind those of the sink, which has room for them. */
export function decodeLongs(cursor: DeltaCursor, count: number, sink: FixedWidthSink): void {
  if (count === 0) return
  const { low, high } = cursor.first
  const at = 2 * sink.length
  const { words } = sink
  words[at] = low
  words[at + 1] = high
  const deltasLow = new Int32Array(STEP)
  const deltasHigh = new Int32Array(STEP)
  const state: LongsState = { low, high, words, at: at + 2, deltasLow, deltasHigh }
  for (let left = count - 1; left > 0; ) {
    const length = nextMiniblock(cursor, left)
    decodeMiniblock(cursor, state, length)
    skipMiniblock(cursor)
    left -= length
  }
}

function decodeMiniblock(cursor: DeltaCursor, state: LongsState, count: number): void {
  const { view, bitWidth, minDelta } = cursor
  let { offset } = cursor
  for (let left = count; left > 0; left -= STEP) {
    const length = Math.min(STEP, left)
    if (bitWidth > 32) {
      unpackLongs({ view, offset, bitWidth }, state.deltasLow, state.deltasHigh, length)
      addWideDeltas(state, minDelta, length)
    } else {
      unpackInts({ view, offset, bitWidth }, state.deltasLow, 0, length)
      addLongDeltas(state, minDelta, length)
    }
    offset += (STEP / 8) * bitWidth
  }
}

/** 1 when the 32-bit sum of `a` and `b` left a bit over. Comparing them would branch, on what is random. */
function carryOf(a: number, b: number, sum: number): number {
  return ((a & b) | ((a | b) & ~sum)) >>> 31
}

/** 1 when the 32-bit difference of `a` and `b` took a bit from above. */
function borrowOf(a: number, b: number, difference: number): number {
  return ((~a & b) | ((~a | b) & difference)) >>> 31
}

/** Deltas of one word above the least. */
function addLongDeltas(state: LongsState, minDelta: Words64, count: number): void {
  const { words, deltasLow } = state
  const minLow = minDelta.low
  const minHigh = minDelta.high
  let { low, high, at } = state
  for (let index = 0; index < count; index++) {
    const above = deltasLow[index] as number
    const deltaLow = (above + minLow) | 0
    const deltaHigh = minHigh + carryOf(above, minLow, deltaLow)
    const sum = (low + deltaLow) | 0
    high = (high + deltaHigh + carryOf(low, deltaLow, sum)) | 0
    low = sum
    words[at] = low
    words[at + 1] = high
    at += 2
  }
  state.low = low
  state.high = high
  state.at = at
}

/** Deltas of two words above the least. */
function addWideDeltas(state: LongsState, minDelta: Words64, count: number): void {
  const { words, deltasLow, deltasHigh } = state
  const minLow = minDelta.low
  const minHigh = minDelta.high
  let { low, high, at } = state
  for (let index = 0; index < count; index++) {
    const above = deltasLow[index] as number
    const deltaLow = (above + minLow) | 0
    const deltaHigh = ((deltasHigh[index] as number) + minHigh + carryOf(above, minLow, deltaLow)) | 0
    const sum = (low + deltaLow) | 0
    high = (high + deltaHigh + carryOf(low, deltaLow, sum)) | 0
    low = sum
    words[at] = low
    words[at + 1] = high
    at += 2
  }
  state.low = low
  state.high = high
  state.at = at
}

/** A block of 64-bit deltas. */
interface LongDeltas {
  readonly low: Int32Array
  readonly high: Int32Array
  readonly min: Words64
}

/** Appends values of which `words` has the low and the high words. */
export function encodeLongs(sink: ByteSink, words: Int32Array, range: ValueRange): void {
  const { from, to } = range
  const first = from < to ? { low: words[2 * from] as number, high: words[2 * from + 1] as number } : ZERO
  writeHeader(sink, to - from, first)
  const deltas: LongDeltas = {
    low: new Int32Array(BLOCK_SIZE),
    high: new Int32Array(BLOCK_SIZE),
    min: { low: 0, high: 0 },
  }
  for (let at = from + 1; at < to; at += BLOCK_SIZE) {
    const length = Math.min(BLOCK_SIZE, to - at)
    subtractLongs(words, at, deltas, length)
    subtractMin(deltas, length)
    writeZigzag64(sink, deltas.min.low, deltas.min.high)
    writeLongMiniblocks(sink, deltas, length)
  }
}

const ZERO: Words64 = { low: 0, high: 0 }

/** Fills `deltas` with the differences of `length` values from `at` on, and the least of them. */
function subtractLongs(words: Int32Array, at: number, deltas: LongDeltas, length: number): void {
  const least = subtractWords(words, at, deltas, length)
  if (Math.abs(least) > Number.MAX_SAFE_INTEGER) {
    findLeast(deltas, length)
  } else {
    deltas.min.low = least | 0
    deltas.min.high = Math.floor(least / 2 ** 32)
  }
}

/**
 * Returns the least difference as a float. Rounding keeps the order, so that one that is exact is the least; to compare
 * words would branch on their high words, which are random.
 */
function subtractWords(words: Int32Array, at: number, deltas: LongDeltas, length: number): number {
  const { low: deltasLow, high: deltasHigh } = deltas
  let beforeLow = words[2 * at - 2] as number
  let beforeHigh = words[2 * at - 1] as number
  let least = Number.POSITIVE_INFINITY
  for (let index = 0; index < length; index++) {
    const low = words[2 * (at + index)] as number
    const high = words[2 * (at + index) + 1] as number
    const deltaLow = (low - beforeLow) | 0
    const deltaHigh = (high - beforeHigh - borrowOf(low, beforeLow, deltaLow)) | 0
    beforeLow = low
    beforeHigh = high
    deltasLow[index] = deltaLow
    deltasHigh[index] = deltaHigh
    const delta = deltaHigh * 0x1_0000_0000 + (deltaLow >>> 0)
    if (delta < least) least = delta
  }
  return least
}

/** The least difference where floats are too coarse. */
function findLeast(deltas: LongDeltas, length: number): void {
  const { low: deltasLow, high: deltasHigh, min } = deltas
  min.low = -1
  min.high = 0x7fff_ffff
  for (let index = 0; index < length; index++) {
    const low = deltasLow[index] as number
    const high = deltasHigh[index] as number
    if (high < min.high || (high === min.high && low >>> 0 < min.low >>> 0)) {
      min.low = low
      min.high = high
    }
  }
}

/** The deltas above the least one, and zeros behind them. */
function subtractMin(deltas: LongDeltas, length: number): void {
  const { low: deltasLow, high: deltasHigh, min } = deltas
  const minLow = min.low
  const minHigh = min.high
  for (let index = 0; index < length; index++) {
    const low = deltasLow[index] as number
    const above = (low - minLow) | 0
    deltasLow[index] = above
    deltasHigh[index] = ((deltasHigh[index] as number) - minHigh - borrowOf(low, minLow, above)) | 0
  }
  deltasLow.fill(0, length)
  deltasHigh.fill(0, length)
}

function writeLongMiniblocks(sink: ByteSink, deltas: LongDeltas, length: number): void {
  const { low, high } = deltas
  const widthsAt = sink.length
  reserve(sink, MINIBLOCK_COUNT)
  sink.length += MINIBLOCK_COUNT
  for (let miniblock = 0; miniblock < MINIBLOCK_COUNT; miniblock++) {
    const from = miniblock * MINIBLOCK_SIZE
    const to = from + MINIBLOCK_SIZE
    const highBits = from < length ? bitsOf(high, from) : 0
    const bitWidth = highBits > 0 ? 32 + highBits : from < length ? bitsOf(low, from) : 0
    sink.bytes[widthsAt + miniblock] = bitWidth
    if (highBits > 0) packLongs(sink, { low, high, from, to, bitWidth })
    else packInts(sink, low, { from, to, bitWidth })
  }
}
