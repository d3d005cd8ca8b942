/**
 * PLAIN: values one after the other, little-endian.
 *
 *   BOOLEAN                  bits, lowest first
 *   INT32, FLOAT             4 bytes        INT64, DOUBLE   8 bytes       INT96   12 bytes
 *   BYTE_ARRAY               length (4 bytes) | bytes
 *   FIXED_LEN_BYTE_ARRAY     bytes
 *
 * All platforms that run Node are little-endian, so fixed widths are copies of memory.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Plain"
 */
import { unreachable } from '../../../base/assert.js'
import { dataView } from '../../../base/bytes.js'
import { sliceBitmap } from '../../../batch/bitmap.js'
import type { BooleanVector, VarBytesVector } from '../../../batch/column-batch.js'
import type {
  BooleanSink,
  ByteSource,
  FixedBytesSink,
  FixedWidthSink,
  StoredValues,
  ValueSink,
  VarBytesSink,
} from '../leaf.js'
import type { RowRanges } from '../row-ranges.js'
import { appendBits } from './boolean-bits.js'
import { checkLeft, endsEarly } from './byte-cursor.js'
import { type ByteSink, reserve, writeBytes } from './byte-sink.js'
import { COPY_SLACK_BYTES, copyBytes, copyEnd } from './copy-bytes.js'
import { plainRange, type ValueRange } from './gather.js'
import { bytesOf, ensureBytes, ensureRoom } from './value-sink.js'

/**
 * Appends `count` values to the sink and returns the offset behind them.
 * @throws RangeError when the bytes end before `count` values
 */
export function decodePlain(source: ByteSource, count: number, sink: ValueSink): number {
  switch (sink.layout) {
    case 'fixed-width':
    case 'fixed-bytes':
      return decodeFixed(source, count, sink)
    case 'boolean':
      return decodeBooleans(source, count, sink)
    case 'var-bytes':
      return decodeVarBytes(source, count, sink)
    default:
      return unreachable(sink)
  }
}

function decodeFixed(source: ByteSource, count: number, sink: FixedWidthSink | FixedBytesSink): number {
  const { bytes, offset } = source
  const width = sink.layout === 'fixed-width' ? sink.values.BYTES_PER_ELEMENT : sink.widthBytes
  checkLeft(source, count * width)
  ensureRoom(sink, count)
  const end = offset + count * width
  sink.bytes.set(bytes.subarray(offset, end), sink.length * width)
  sink.length += count
  return end
}

/**
 * Appends those of `count` values that are in the ranges; the others are stepped over. Of var bytes the lengths behind
 * the last range are not looked at.
 * @throws RangeError when the bytes end before
 */
export function decodePlainRanges(
  source: ByteSource,
  ranges: RowRanges,
  sink: FixedWidthSink | FixedBytesSink | VarBytesSink,
): void {
  const { bytes, end } = source
  let value = 0
  let offset = source.offset
  for (let pair = 0; pair < ranges.length; pair += 2) {
    const from = ranges[pair] as number
    const to = ranges[pair + 1] as number
    offset = stepOver({ bytes, offset, end }, from - value, sink)
    // Var bytes make room for all bytes that they are given.
    const behind = stepOver({ bytes, offset, end }, to - from, sink)
    decodePlain({ bytes, offset, end: behind }, to - from, sink)
    offset = behind
    value = to
  }
}

/** The offset behind so many values. */
function stepOver(
  source: ByteSource,
  count: number,
  sink: FixedWidthSink | FixedBytesSink | VarBytesSink,
): number {
  const { bytes, offset, end } = source
  if (sink.layout !== 'var-bytes') {
    const width = sink.layout === 'fixed-width' ? sink.values.BYTES_PER_ELEMENT : sink.widthBytes
    checkLeft(source, count * width)
    return offset + count * width
  }
  const view = dataView(bytes)
  let at = offset
  for (let value = 0; value < count; value++) {
    if (end - at < 4) throw endsEarly()
    at += 4 + view.getUint32(at, true)
    if (at > end) throw endsEarly()
  }
  return at
}

function decodeBooleans(source: ByteSource, count: number, sink: BooleanSink): number {
  const byteCount = (count + 7) >> 3
  checkLeft(source, byteCount)
  appendBits(sink, source.bytes, source.offset, count)
  return source.offset + byteCount
}

function decodeVarBytes(source: ByteSource, count: number, sink: VarBytesSink): number {
  checkLeft(source, count * 4)
  ensureRoom(sink, count)
  ensureBytes(sink, source.end - source.offset - count * 4 + COPY_SLACK_BYTES)
  const end = copyVarBytes(source, count, sink)
  sink.length += count
  sink.byteLength = sink.offsets[sink.length] as number
  return end
}

/** Copies the values and sets their ends. */
function copyVarBytes(source: ByteSource, count: number, sink: VarBytesSink): number {
  const { end } = source
  const { offsets } = sink
  const from = copyEnd(source.bytes)
  const to = copyEnd(sink.bytes)
  const lastValue = sink.length + count
  let target = sink.byteLength
  let at = source.offset
  for (let value = sink.length; value < lastValue; ) {
    if (end - at < 4) throw endsEarly()
    const length = from.view.getUint32(at, true)
    at += 4
    if (length > end - at) throw endsEarly()
    copyBytes(from, at, to, target, length)
    at += length
    target += length
    offsets[++value] = target
  }
  return at
}

/** Appends the values; booleans begin at a byte. */
export function encodePlain(sink: ByteSink, values: StoredValues, range: ValueRange): void {
  const { values: plain, from, to } = plainRange(values, range)
  switch (plain.layout) {
    case 'fixed-width': {
      const width = plain.values.BYTES_PER_ELEMENT
      writeBytes(sink, bytesOf(plain.values).subarray(from * width, to * width))
      break
    }
    case 'fixed-bytes':
      writeBytes(sink, plain.bytes.subarray(from * plain.widthBytes, to * plain.widthBytes))
      break
    case 'boolean':
      encodeBooleans(sink, plain, { from, to })
      break
    case 'var-bytes':
      encodeVarBytes(sink, plain, { from, to })
      break
    default:
      unreachable(plain)
  }
}

function encodeBooleans(sink: ByteSink, values: BooleanVector, range: ValueRange): void {
  const { from, to } = range
  writeBytes(sink, sliceBitmap(values.bits, from, to))
  const used = (to - from) & 7
  if (used === 0) return
  const last = sink.length - 1
  sink.bytes[last] = (sink.bytes[last] as number) & ((1 << used) - 1)
}

function encodeVarBytes(sink: ByteSink, values: VarBytesVector, range: ValueRange): void {
  const { offsets } = values
  const { from, to } = range
  reserve(sink, (offsets[to] as number) - (offsets[from] as number) + (to - from) * 4 + COPY_SLACK_BYTES)
  sink.length = writeVarBytes(sink, values, range)
}

/** Writes into the room behind the sink's end and returns where the values end. */
function writeVarBytes(sink: ByteSink, values: VarBytesVector, range: ValueRange): number {
  const { offsets } = values
  const { from, to } = range
  const source = copyEnd(values.bytes)
  const target = copyEnd(sink.bytes)
  let at = sink.length
  let start = offsets[from] as number
  for (let value = from; value < to; value++) {
    const end = offsets[value + 1] as number
    target.view.setInt32(at, end - start, true)
    copyBytes(source, start, target, at + 4, end - start)
    at += 4 + end - start
    start = end
  }
  return at
}
