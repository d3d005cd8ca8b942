/**
 * BYTE_STREAM_SPLIT: the first bytes of all values, then all second bytes, and so on: equal bytes stand together for
 * the compression that follows.
 *
 *   values      a0 a1 a2 a3  b0 b1 b2 b3  c0 c1 c2 c3
 *   encoded     a0 b0 c0  a1 b1 c1  a2 b2 c2  a3 b3 c3
 *
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Byte Stream Split"
 */
import { int32Words } from '../../../batch/int-words.js'
import type { ByteSource, StoredValues, ValueSink } from '../leaf.js'
import { endsEarly } from './byte-cursor.js'
import { type ByteSink, reserve } from './byte-sink.js'
import { plainRange, type ValueRange } from './gather.js'
import { ensureRoom } from './value-sink.js'

/** The streams of a page: stream `i` begins at `offset + i * length`. */
interface Streams {
  readonly bytes: Uint8Array
  readonly offset: number
  /** Bytes a stream, which are values. */
  readonly length: number
}

/**
 * Appends `count` values to the sink, of any fixed width, and returns the offset behind them.
 * @throws RangeError when the bytes are not those of `count` values
 * @throws TypeError when values have no fixed width
 */
export function decodeByteStreamSplit(source: ByteSource, count: number, sink: ValueSink): number {
  if (sink.layout !== 'fixed-width' && sink.layout !== 'fixed-bytes') {
    throw new TypeError('only values of a fixed width are split into streams of bytes')
  }
  const width = sink.layout === 'fixed-width' ? sink.values.BYTES_PER_ELEMENT : sink.widthBytes
  const { bytes, offset, end } = source
  // Streams are found by their length, so that more bytes would be other streams.
  if (end - offset !== count * width || end > bytes.length) throw endsEarly()
  ensureRoom(sink, count)
  const streams: Streams = { bytes, offset, length: count }
  if (sink.layout === 'fixed-bytes') joinBytes(streams, sink.bytes, { at: sink.length * width, width })
  else if (width === 4) joinWords(streams, sink.words, { at: sink.length, step: 1 })
  else joinPairs(streams, sink.words, sink.length)
  sink.length += count
  return end
}

/** Word `at`, `at + step` and so on, out of four streams. */
interface WordPlaces {
  readonly at: number
  readonly step: number
}

function joinWords(streams: Streams, out: Int32Array, places: WordPlaces): void {
  const { bytes, offset, length } = streams
  const { step } = places
  let to = places.at
  let at0 = offset
  let at1 = at0 + length
  let at2 = at1 + length
  let at3 = at2 + length
  const end = at1
  while (at0 < end) {
    out[to] =
      (bytes[at0++] as number) |
      ((bytes[at1++] as number) << 8) |
      ((bytes[at2++] as number) << 16) |
      ((bytes[at3++] as number) << 24)
    to += step
  }
}

/** Eight streams are the low words and the high words, four streams each. */
function joinPairs(streams: Streams, out: Int32Array, at: number): void {
  joinWords(streams, out, { at: 2 * at, step: 2 })
  joinWords({ ...streams, offset: streams.offset + 4 * streams.length }, out, { at: 2 * at + 1, step: 2 })
}

interface BytePlaces {
  readonly at: number
  readonly width: number
}

function joinBytes(streams: Streams, out: Uint8Array, places: BytePlaces): void {
  const { bytes, offset, length } = streams
  const { at, width } = places
  for (let stream = 0; stream < width; stream++) {
    const from = offset + stream * length
    let to = at + stream
    for (let index = from; index < from + length; index++) {
      out[to] = bytes[index] as number
      to += width
    }
  }
}

/**
 * Appends values of a fixed width.
 * @throws TypeError when the values have none
 */
export function encodeByteStreamSplit(sink: ByteSink, values: StoredValues, range: ValueRange): void {
  const { values: plain, from, to } = plainRange(values, range)
  if (plain.layout === 'fixed-width') {
    const width = plain.values.BYTES_PER_ELEMENT
    reserve(sink, (to - from) * width)
    splitWords(sink, int32Words(plain.values), { from, to, stride: width >> 2 })
    sink.length += (to - from) * width
  } else if (plain.layout === 'fixed-bytes') {
    const { widthBytes: width, bytes } = plain
    reserve(sink, (to - from) * width)
    splitBytes(sink, bytes, { from, to, stride: width })
    sink.length += (to - from) * width
  } else {
    throw new TypeError('only values of a fixed width are split into streams of bytes')
  }
}

/** Values `from` to `to`, each of `stride` words or bytes. */
interface StridedRange extends ValueRange {
  readonly stride: number
}

function splitWords(sink: ByteSink, words: Int32Array, range: StridedRange): void {
  const { from, to, stride } = range
  const { bytes } = sink
  const length = to - from
  for (let word = 0; word < stride; word++) {
    let at0 = sink.length + 4 * word * length
    let at1 = at0 + length
    let at2 = at1 + length
    let at3 = at2 + length
    for (let at = from * stride + word; at < to * stride; at += stride) {
      const bits = words[at] as number
      bytes[at0++] = bits
      bytes[at1++] = bits >>> 8
      bytes[at2++] = bits >>> 16
      bytes[at3++] = bits >>> 24
    }
  }
}

function splitBytes(sink: ByteSink, values: Uint8Array, range: StridedRange): void {
  const { from, to, stride } = range
  const { bytes } = sink
  let target = sink.length
  for (let byte = 0; byte < stride; byte++) {
    for (let at = from * stride + byte; at < to * stride; at += stride) bytes[target++] = values[at] as number
  }
}
