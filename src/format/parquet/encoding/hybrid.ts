/**
 * The RLE / bit-packed hybrid: levels, dictionary codes, booleans. Runs of two kinds follow each other:
 *
 *   header (ULEB128)   behind it
 *   repeats << 1       the value in as many whole bytes as its bits need        a repeated run
 *   groups << 1 | 1    groups * 8 values, bit-packed, lowest bits first         a packed run
 *
 * The last packed run may hold more values than there are; its padding may be cut off.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "RLE"
 */
import type { ByteSource } from '../leaf.js'
import { type PackedRange, packInts } from './bit-pack.js'
import { unpackBytes, unpackInts } from './bit-unpack.js'
import { type ByteCursor, checkLeft, createCursor, readVarint32 } from './byte-cursor.js'
import { type ByteSink, reserve, writeVarint32 } from './byte-sink.js'

export interface HybridRequest {
  /** Bits a value; 0 says that all values are 0 and nothing is stored. */
  readonly bitWidth: number
  /** Values. */
  readonly count: number
}

/** A run, and where its packed values stand: the cursor is behind its header and its repeated value. */
export interface RunCursor extends ByteCursor {
  readonly bitWidth: number
  packed: boolean
  /** Values in the run, padding included. */
  length: number
  /** Of a repeated run. */
  value: number
}

/** More values than any page has; sizes in bytes are 32-bit numbers. */
const RUN_GROUPS_MAX = 1 << 24

/** @throws RangeError when the bit width is none of 0 to 32 */
export function createRunCursor(source: ByteSource, bitWidth: number): RunCursor {
  if (!(bitWidth >= 0 && bitWidth <= 32)) throw new RangeError('a bit width is more than 32')
  const { bytes, view, offset, end } = createCursor(source)
  // Field by field: an object that begins with a spread is several times as slow to read from.
  return { bytes, view, offset, end, bitWidth, packed: false, length: 0, value: 0 }
}

/**
 * Moves to the next run.
 * @throws RangeError when the bytes end, or a repeated value has more bits than the width
 */
export function nextRun(run: RunCursor): void {
  const header = readVarint32(run)
  run.packed = (header & 1) === 1
  if (run.packed) {
    run.length = Math.min(header >>> 1, RUN_GROUPS_MAX) * 8
  } else {
    run.length = header >>> 1
    run.value = readRepeated(run)
  }
}

function readRepeated(run: RunCursor): number {
  const { bytes, bitWidth } = run
  const byteCount = (bitWidth + 7) >> 3
  checkLeft(run, byteCount)
  let value = 0
  for (let byte = 0; byte < byteCount; byte++) value |= (bytes[run.offset++] as number) << (8 * byte)
  if (bitWidth < 32 && value >>> bitWidth !== 0)
    throw new RangeError('a repeated value is wider than its bits')
  return value
}

/** Checks that the first `count` values of a packed run are there. */
export function checkPacked(run: RunCursor, count: number): void {
  checkLeft(run, (count * run.bitWidth + 7) >>> 3)
}

/** Moves behind the values of a packed run; its padding may be missing. */
export function skipPacked(run: RunCursor): void {
  run.offset = Math.min(run.end, run.offset + (run.length >>> 3) * run.bitWidth)
}

/**
 * Decodes `count` values to `out[at ..]` and returns the offset behind the runs; of width 0 that is the end.
 * @throws RangeError when the bytes end before `count` values, or the width is none of 0 to 32
 */
export function decodeHybrid(
  source: ByteSource,
  request: HybridRequest,
  out: Int32Array,
  at: number,
): number {
  const { bitWidth, count } = request
  const run = createRunCursor(source, bitWidth)
  const end = checkRoom(out.length, at, count)
  if (bitWidth === 0) {
    out.fill(0, at, end)
    return source.end
  }
  decodeRuns(run, out, at, end)
  return run.offset
}

function decodeRuns(run: RunCursor, out: Int32Array, from: number, end: number): void {
  for (let to = from; to < end; ) {
    nextRun(run)
    const length = Math.min(run.length, end - to)
    if (run.packed) {
      checkPacked(run, length)
      unpackInts(run, out, to, length)
      skipPacked(run)
    } else {
      fillInts(out, run.value, to, to + length)
    }
    to += length
  }
}

/** `fill` costs a call of some 30 ns: runs are often short. */
const SHORT_FILL = 32

function fillInts(out: Int32Array, value: number, from: number, to: number): void {
  if (to - from > SHORT_FILL) out.fill(value, from, to)
  else for (let at = from; at < to; at++) out[at] = value
}

/**
 * The same to bytes, for levels.
 * @throws RangeError when the bytes end before `count` values, or the width is none of 0 to 8
 */
export function decodeLevels(
  source: ByteSource,
  request: HybridRequest,
  out: Uint8Array,
  at: number,
): number {
  const { bitWidth, count } = request
  checkLevelWidth(bitWidth)
  const run = createRunCursor(source, bitWidth)
  const end = checkRoom(out.length, at, count)
  if (bitWidth === 0) {
    out.fill(0, at, end)
    return source.end
  }
  decodeLevelRuns(run, out, at, end)
  return run.offset
}

function decodeLevelRuns(run: RunCursor, out: Uint8Array, from: number, end: number): void {
  for (let to = from; to < end; ) {
    nextRun(run)
    const length = Math.min(run.length, end - to)
    if (run.packed) {
      checkPacked(run, length)
      unpackBytes(run, out, to, length)
      skipPacked(run)
    } else {
      fillBytes(out, run.value, to, to + length)
    }
    to += length
  }
}

function fillBytes(out: Uint8Array, value: number, from: number, to: number): void {
  if (to - from > SHORT_FILL) out.fill(value, from, to)
  else for (let at = from; at < to; at++) out[at] = value
}

function checkLevelWidth(bitWidth: number): void {
  if (!(bitWidth >= 0 && bitWidth <= 8)) throw new RangeError('levels are wider than 8 bits')
}

function checkRoom(length: number, at: number, count: number): number {
  if (at + count > length) throw new RangeError('there is no room for the values')
  return at + count
}

/** The value of all `count` values when one repeated run holds them; undefined says nothing about them. */
export function isConstantRun(source: ByteSource, request: HybridRequest): number | undefined {
  const { bitWidth, count } = request
  if (bitWidth === 0) return 0
  if (source.offset >= source.end || ((source.bytes[source.offset] as number) & 1) === 1) return undefined
  const run = createRunCursor(source, bitWidth)
  nextRun(run)
  return run.length >= count ? run.value : undefined
}

/**
 * The deprecated BIT_PACKED encoding of levels: no runs, the highest bit of a byte first. Returns the offset behind.
 * @throws RangeError when the bytes end before `count` values, or the width is none of 0 to 8
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Bit-packed (Deprecated)"
 */
export function decodeBitPackedLegacy(
  source: ByteSource,
  request: HybridRequest,
  out: Uint8Array,
  at: number,
): number {
  const { bitWidth, count } = request
  checkLevelWidth(bitWidth)
  const byteCount = (count * bitWidth + 7) >>> 3
  checkLeft(source, byteCount)
  const end = checkRoom(out.length, at, count)
  const mask = (1 << bitWidth) - 1
  let offset = source.offset
  let bits = 0
  let left = 0
  for (let to = at; to < end; to++) {
    if (left < bitWidth) {
      bits = ((bits & 0xff) << 8) | (source.bytes[offset++] as number)
      left += 8
    }
    left -= bitWidth
    out[to] = (bits >>> left) & mask
  }
  return source.offset + byteCount
}

/** Other writers end a packed run here, so that its header is one byte; readers' buffers are made for it. */
const PACKED_RUN_MAX = 63 * 8

/** Appends the values as runs: repeats as repeated runs where that is shorter, the rest packed. */
export function encodeHybrid(sink: ByteSink, values: Int32Array | Uint8Array, range: PackedRange): void {
  const { from, to, bitWidth } = range
  if (values instanceof Int32Array) {
    encodeRuns(sink, values, range)
    return
  }
  const widened = new Int32Array(to - from)
  widened.set(values.subarray(from, to))
  encodeRuns(sink, widened, { from: 0, to: to - from, bitWidth })
}

function encodeRuns(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const packedFrom = encodeUpToLastRepeats(sink, values, range)
  writePacked(sink, values, { ...range, from: packedFrom })
}

/**
 * Writes repeated runs and what stands before them, and returns where the rest begins. Packed runs are whole groups:
 * a repeated run begins at the first group that it fills from its beginning.
 */
function encodeUpToLastRepeats(sink: ByteSink, values: Int32Array, range: PackedRange): number {
  const { to, bitWidth } = range
  const shortest = repeatsMin(bitWidth)
  let packedFrom = range.from
  for (let at = range.from; at < to; ) {
    const repeats = repeatsAt(values, at, to)
    if (repeats >= shortest) {
      writePacked(sink, values, { from: packedFrom, to: at, bitWidth })
      encodeRun(sink, values[at] as number, { count: repeats, bitWidth })
      at += repeats
      packedFrom = at
    } else {
      at += 8
    }
  }
  return packedFrom
}

/** A repeated run costs its header, its value, and the header of the packed run that it cuts in two. */
function repeatsMin(bitWidth: number): number {
  if (bitWidth === 0) return 1
  const bits = 8 * (3 + ((bitWidth + 7) >> 3))
  return Math.max(8, Math.ceil(bits / bitWidth))
}

function repeatsAt(values: Int32Array, at: number, to: number): number {
  const value = values[at]
  let end = at + 1
  while (end < to && values[end] === value) end++
  return end - at
}

/** Appends one repeated run. */
export function encodeRun(sink: ByteSink, value: number, request: HybridRequest): void {
  writeVarint32(sink, request.count * 2)
  reserve(sink, 4)
  for (let shift = 0; shift < request.bitWidth; shift += 8) sink.bytes[sink.length++] = value >>> shift
}

function writePacked(sink: ByteSink, values: Int32Array, range: PackedRange): void {
  const { to, bitWidth } = range
  for (let from = range.from; from < to; from += PACKED_RUN_MAX) {
    const runTo = Math.min(to, from + PACKED_RUN_MAX)
    writeVarint32(sink, (((runTo - from + 7) >> 3) << 1) | 1)
    packInts(sink, values, { from, to: runTo, bitWidth })
  }
}
