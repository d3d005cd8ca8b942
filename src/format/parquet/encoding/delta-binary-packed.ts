/**
 * DELTA_BINARY_PACKED: integers as differences to the value before, bit-packed above the least difference.
 *
 *   header      block size | miniblocks a block | values | first value (zigzag)          all ULEB128
 *   block       least delta (zigzag ULEB128) | one bit width a miniblock (bytes) | miniblocks, bit-packed
 *
 * Differences wrap at the width of the column. Miniblocks behind the last value have a width and no bytes.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Delta Encoding"
 */
import { int32Words } from '../../../batch/int-words.js'
import type { ByteSource, StoredValues, ValueSink } from '../leaf.js'
import { packInts } from './bit-pack.js'
import { unpackInts } from './bit-unpack.js'
import { type ByteSink, reserve, writeZigzag64 } from './byte-sink.js'
import {
  BLOCK_SIZE,
  bitsOf,
  createDeltaCursor,
  type DeltaCursor,
  MINIBLOCK_COUNT,
  MINIBLOCK_SIZE,
  nextMiniblock,
  skipMiniblock,
  writeHeader,
} from './delta-blocks.js'
import { decodeLongs, encodeLongs } from './delta-longs.js'
import { plainRange, type ValueRange } from './gather.js'
import { ensureRoom } from './value-sink.js'

/**
 * Appends `count` values to the sink, of int32 or int64, and returns the offset behind them.
 * @throws RangeError when the bytes end before `count` values, hold another count, or have impossible sizes
 * @throws TypeError when the sink is not of integers
 */
export function decodeDeltaBinaryPacked(source: ByteSource, count: number, sink: ValueSink): number {
  if (sink.layout !== 'fixed-width') throw new TypeError('only integers are encoded as deltas')
  const isLong = sink.values instanceof BigInt64Array
  if (!isLong && !(sink.values instanceof Int32Array))
    throw new TypeError('only integers are encoded as deltas')
  // A page of nulls only may have no bytes at all.
  if (count === 0 && source.offset >= source.end) return source.offset
  const cursor = createDeltaCursor(source, count)
  ensureRoom(sink, count)
  if (isLong) decodeLongs(cursor, count, sink)
  else decodeInts(cursor, sink.words, sink.length, count)
  sink.length += count
  return cursor.offset
}

/**
 * Decodes `count` 32-bit integers to an array of their own; `end` is the offset behind them.
 * @throws RangeError as `decodeDeltaBinaryPacked`
 */
export function decodeDeltaInts(source: ByteSource, count: number): { values: Int32Array; end: number } {
  if (count === 0 && source.offset >= source.end) return { values: new Int32Array(0), end: source.offset }
  const cursor = createDeltaCursor(source, count)
  const values = new Int32Array(count)
  decodeInts(cursor, values, 0, count)
  return { values, end: cursor.offset }
}

function decodeInts(cursor: DeltaCursor, out: Int32Array, at: number, count: number): void {
  if (count === 0) return
  let value = cursor.first.low
  out[at] = value
  const end = at + count
  for (let to = at + 1; to < end; ) {
    const length = nextMiniblock(cursor, end - to)
    if (cursor.bitWidth > 32) throw new RangeError('a bit width is more than the column has')
    unpackInts(cursor, out, to, length)
    value = addDeltas(out, { from: to, to: to + length }, value, cursor.minDelta.low)
    skipMiniblock(cursor)
    to += length
  }
}

/** Deltas above the least one become values, in place; returns the last value. */
function addDeltas(out: Int32Array, range: ValueRange, before: number, minDelta: number): number {
  let value = before
  for (let at = range.from; at < range.to; at++) {
    value = (value + minDelta + (out[at] as number)) | 0
    out[at] = value
  }
  return value
}

/**
 * Appends integers.
 * @throws TypeError when the values are something else
 */
export function encodeDeltaBinaryPacked(sink: ByteSink, values: StoredValues, range: ValueRange): void {
  const { values: plain, from, to } = plainRange(values, range)
  if (plain.layout !== 'fixed-width') throw new TypeError('only integers are encoded as deltas')
  if (plain.values instanceof Int32Array) encodeDeltaInts(sink, plain.values, { from, to })
  else if (plain.values instanceof BigInt64Array) encodeLongs(sink, int32Words(plain.values), { from, to })
  else throw new TypeError('only integers are encoded as deltas')
}

/** Appends 32-bit integers. */
export function encodeDeltaInts(sink: ByteSink, values: Int32Array, range: ValueRange): void {
  const { from, to } = range
  const first = from < to ? (values[from] as number) : 0
  writeHeader(sink, to - from, { low: first, high: first >> 31 })
  const deltas = new Int32Array(BLOCK_SIZE)
  for (let at = from + 1; at < to; at += BLOCK_SIZE) {
    const length = Math.min(BLOCK_SIZE, to - at)
    const minDelta = subtractInts(values, at, deltas, length)
    writeZigzag64(sink, minDelta, minDelta >> 31)
    writeIntMiniblocks(sink, deltas, length)
  }
}

/** Fills `deltas` with what `length` values from `at` on are above the least difference, and the rest with zeros. */
function subtractInts(values: Int32Array, at: number, deltas: Int32Array, length: number): number {
  let before = values[at - 1] as number
  let minDelta = 0x7fff_ffff
  for (let index = 0; index < length; index++) {
    const value = values[at + index] as number
    const delta = (value - before) | 0
    before = value
    deltas[index] = delta
    if (delta < minDelta) minDelta = delta
  }
  for (let index = 0; index < length; index++) deltas[index] = ((deltas[index] as number) - minDelta) | 0
  deltas.fill(0, length)
  return minDelta
}

function writeIntMiniblocks(sink: ByteSink, deltas: Int32Array, length: number): void {
  const widthsAt = sink.length
  reserve(sink, MINIBLOCK_COUNT)
  sink.length += MINIBLOCK_COUNT
  for (let miniblock = 0; miniblock < MINIBLOCK_COUNT; miniblock++) {
    const from = miniblock * MINIBLOCK_SIZE
    const bitWidth = from < length ? bitsOf(deltas, from) : 0
    sink.bytes[widthsAt + miniblock] = bitWidth
    packInts(sink, deltas, { from, to: from + MINIBLOCK_SIZE, bitWidth })
  }
}
