/**
 * Booleans as the RLE / bit-packed hybrid of width 1, behind four bytes that hold its length, in pages of both versions.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "RLE"
 */
import { hasBit } from '../../../batch/bitmap.js'
import type { BooleanVector } from '../../../batch/column-batch.js'
import type { ByteSource, StoredValues, ValueSink } from '../leaf.js'
import { appendBit, appendBits } from './boolean-bits.js'
import { checkLeft, createCursor, readUint32 } from './byte-cursor.js'
import { type ByteSink, setUint32, writeUint32 } from './byte-sink.js'
import { plainRange, type ValueRange } from './gather.js'
import { checkPacked, createRunCursor, encodeHybrid, nextRun, skipPacked } from './hybrid.js'

/**
 * Appends `count` booleans to the sink and returns the offset behind them.
 * @throws RangeError when the bytes end before `count` values
 * @throws TypeError when the sink is not of booleans
 */
export function decodeBooleanRle(source: ByteSource, count: number, sink: ValueSink): number {
  if (sink.layout !== 'boolean') throw new TypeError('only booleans are encoded as RLE')
  if (count === 0 && source.offset >= source.end) return source.offset
  const cursor = createCursor(source)
  const length = readUint32(cursor)
  checkLeft(cursor, length)
  const end = cursor.offset + length
  const run = createRunCursor({ bytes: source.bytes, offset: cursor.offset, end }, 1)
  for (let left = count; left > 0; ) {
    nextRun(run)
    const taken = Math.min(run.length, left)
    if (run.packed) {
      checkPacked(run, taken)
      appendBits(sink, run.bytes, run.offset, taken)
      skipPacked(run)
    } else {
      appendBit(sink, run.value, taken)
    }
    left -= taken
  }
  return end
}

/**
 * Appends booleans.
 * @throws TypeError when the values are something else
 */
export function encodeBooleanRle(sink: ByteSink, values: StoredValues, range: ValueRange): void {
  const { values: plain, from, to } = plainRange(values, range)
  if (plain.layout !== 'boolean') throw new TypeError('only booleans are encoded as RLE')
  const numbers = numbersOf(plain, { from, to })
  const start = sink.length
  writeUint32(sink, 0)
  encodeHybrid(sink, numbers, { from: 0, to: to - from, bitWidth: 1 })
  setUint32(sink.bytes, start, sink.length - start - 4)
}

function numbersOf(values: BooleanVector, range: ValueRange): Int32Array {
  const { from, to } = range
  const numbers = new Int32Array(to - from)
  for (let at = from; at < to; at++) numbers[at - from] = hasBit(values.bits, at) ? 1 : 0
  return numbers
}
