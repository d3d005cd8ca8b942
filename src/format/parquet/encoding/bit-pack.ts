/**
 * Integers to bits, lowest bits first, the other way of bit-unpack.ts: a group of eight values becomes `width` bytes;
 * the last group is filled up with zeros.
 *
 * Windows of 32 bits are written one over the other, a few bytes apart: each begins with the bits of its first byte
 * that are known already, so that nothing is read back and nothing branches. A window takes four, two or one values.
 */
import { type ByteSink, reserve } from './byte-sink.js'

/** Which values to pack, and in how many bits. */
export interface PackedRange {
  readonly from: number
  /** Exclusive. */
  readonly to: number
  /** 0 to 32; no value has more bits. */
  readonly bitWidth: number
}

/** Windows of the last group end less than this behind it. */
const WINDOW_BYTES = 8
/** So many bits of values and up to seven before them are a window that moves on by less than four bytes. */
const WINDOW_BITS = 24

/** Appends whole groups of eight. */
export function packInts(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const { from, to, bitWidth } = range
  const wholeTo = from + ((to - from) & ~7)
  packGroups(sink, values, { from, to: wholeTo, bitWidth })
  if (wholeTo === to) return
  const last = new Int32Array(8)
  for (let at = wholeTo; at < to; at++) last[at - wholeTo] = values[at] as number
  packGroups(sink, last, { from: 0, to: 8, bitWidth })
}

function packGroups(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const { from, to, bitWidth } = range
  const byteCount = ((to - from) >> 3) * bitWidth
  if (byteCount === 0) return
  reserve(sink, byteCount + WINDOW_BYTES)
  if (bitWidth * 4 <= WINDOW_BITS) packFours(sink, values, range)
  else if (bitWidth * 2 <= WINDOW_BITS) packTwos(sink, values, range)
  else if (bitWidth <= WINDOW_BITS) packOnes(sink, values, range)
  else packWide(sink, values, range)
  sink.length += byteCount
}

function packFours(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const { from, to, bitWidth } = range
  const { view } = sink
  let offset = sink.length
  let known = 0
  let shift = 0
  for (let at = from; at < to; at += 4) {
    const low = (values[at] as number) | ((values[at + 1] as number) << bitWidth)
    const high = (values[at + 2] as number) | ((values[at + 3] as number) << bitWidth)
    const window = known | ((low | (high << (2 * bitWidth))) << shift)
    view.setInt32(offset, window, true)
    shift += 4 * bitWidth
    known = window >>> (shift & ~7)
    offset += shift >> 3
    shift &= 7
  }
}

function packTwos(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const { from, to, bitWidth } = range
  const { view } = sink
  let offset = sink.length
  let known = 0
  let shift = 0
  for (let at = from; at < to; at += 2) {
    const window = known | (((values[at] as number) | ((values[at + 1] as number) << bitWidth)) << shift)
    view.setInt32(offset, window, true)
    shift += 2 * bitWidth
    known = window >>> (shift & ~7)
    offset += shift >> 3
    shift &= 7
  }
}

function packOnes(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const { from, to, bitWidth } = range
  const { view } = sink
  let offset = sink.length
  let known = 0
  let shift = 0
  for (let at = from; at < to; at++) {
    const window = known | ((values[at] as number) << shift)
    view.setInt32(offset, window, true)
    shift += bitWidth
    known = window >>> (shift & ~7)
    offset += shift >> 3
    shift &= 7
  }
}

/** Widths 25 to 32: words are filled one after the other. */
function packWide(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const { from, to, bitWidth } = range
  const writer = createWordWriter(sink)
  for (let at = from; at < to; at++) putBits(writer, values[at] as number, bitWidth)
  flushWord(writer)
}

/** Which values of two words each to pack. */
export interface PackedLongs {
  readonly low: Int32Array
  readonly high: Int32Array
  readonly from: number
  /** Exclusive; a multiple of eight behind `from`. */
  readonly to: number
  /** 32 to 64; no value has more bits. */
  readonly bitWidth: number
}

/** Appends values of two words. */
export function packLongs(sink: ByteSink, values: PackedLongs): void {
  const { low, high, from, to, bitWidth } = values
  const byteCount = ((to - from) >> 3) * bitWidth
  reserve(sink, byteCount + WINDOW_BYTES)
  const writer = createWordWriter(sink)
  for (let at = from; at < to; at++) {
    putBits(writer, low[at] as number, 32)
    if (bitWidth > 32) putBits(writer, high[at] as number, bitWidth - 32)
  }
  flushWord(writer)
  sink.length += byteCount
}

/** Words behind the end of a sink: full ones are in its memory, `word` has `filled` bits. */
interface WordWriter {
  readonly view: DataView
  offset: number
  word: number
  filled: number
}

function createWordWriter(sink: ByteSink): WordWriter {
  return { view: sink.view, offset: sink.length, word: 0, filled: 0 }
}

/** `width` is 1 to 32; `bits` has no more. */
function putBits(writer: WordWriter, bits: number, width: number): void {
  const { filled } = writer
  const word = writer.word | (bits << filled)
  if (filled + width < 32) {
    writer.word = word
    writer.filled = filled + width
    return
  }
  writer.view.setInt32(writer.offset, word, true)
  writer.offset += 4
  // Shifts count modulo 32: of an empty word nothing is left over.
  writer.word = filled === 0 ? 0 : bits >>> (32 - filled)
  writer.filled = filled + width - 32
}

function flushWord(writer: WordWriter): void {
  writer.view.setInt32(writer.offset, writer.word, true)
}
