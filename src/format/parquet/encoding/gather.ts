/**
 * Dictionary-encoded values: codes out of a page, values out of the dictionary by code.
 *
 *   data page   bit width (1 byte) | RLE / bit-packed hybrid of codes
 *
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Dictionary Encoding"
 */
import { hasBit } from '../../../batch/bitmap.js'
import type {
  BooleanVector,
  FixedBytesVector,
  FixedWidthValues,
  FixedWidthVector,
  VarBytesVector,
  Vector,
} from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'
import type {
  BooleanSink,
  ByteSource,
  FixedBytesSink,
  FixedWidthSink,
  StoredValues,
  ValueSink,
  VarBytesSink,
} from '../leaf.js'
import { appendBit } from './boolean-bits.js'
import { checkLeft } from './byte-cursor.js'
import { COPY_SLACK_BYTES, copyBytes, copyEnd } from './copy-bytes.js'
import { decodeHybrid } from './hybrid.js'
import { createSinkLike, ensureBytes, ensureRoom, finishSink, type PlainValues } from './value-sink.js'

/** Values `from` up to `to`, exclusive. */
export interface ValueRange {
  readonly from: number
  readonly to: number
}

export interface CodesRequest {
  /** All codes must be below. */
  readonly dictionaryLength: number
  readonly out: Int32Array
  readonly at: number
}

/**
 * Decodes `count` codes to `out[at ..]` and returns the offset behind them.
 * @throws RangeError when the bytes end before `count` codes, or a code is not in the dictionary
 */
export function decodeDictionaryCodes(source: ByteSource, count: number, request: CodesRequest): number {
  // A page of nulls only may have no bytes at all.
  if (count === 0) return source.offset
  checkLeft(source, 1)
  const bitWidth = source.bytes[source.offset] as number
  const runs = { bytes: source.bytes, offset: source.offset + 1, end: source.end }
  const end = decodeHybrid(runs, { bitWidth, count }, request.out, request.at)
  if (signOfCodes(request, count) < 0) throw new RangeError('a code is not in the dictionary')
  return end
}

/** Negative when a code is negative or too high: their signs are collected, which costs less than to compare. */
function signOfCodes(request: CodesRequest, count: number): number {
  const { out } = request
  // A length that was computed may be held as a float, and all that is done with it.
  const last = (request.dictionaryLength - 1) | 0
  const end = (request.at + count) | 0
  let wrong = last
  let at = request.at | 0
  for (; at < end - 3; at += 4) {
    const code0 = out[at] as number
    const code1 = out[at + 1] as number
    const code2 = out[at + 2] as number
    const code3 = out[at + 3] as number
    wrong |= code0 | code1 | code2 | code3
    wrong |= (last - code0) | (last - code1) | (last - code2) | (last - code3)
  }
  for (; at < end; at++) {
    const code = out[at] as number
    wrong |= code | (last - code)
  }
  return wrong
}

/**
 * Appends the dictionary's values of `codes[from .. to]`. The codes are in range, as `decodeDictionaryCodes` checks.
 * @throws TypeError when the sink has another layout than the dictionary
 * @throws unsupported when var bytes would be more than 2 GiB
 */
export function gatherInto(
  dictionary: StoredValues,
  codes: Int32Array,
  range: ValueRange,
  sink: ValueSink,
): void {
  if (dictionary.layout === 'fixed-width' && sink.layout === 'fixed-width') {
    gatherFixedWidth(dictionary, codes, range, sink)
  } else if (dictionary.layout === 'var-bytes' && sink.layout === 'var-bytes') {
    gatherVarBytes(dictionary, codes, range, sink)
  } else if (dictionary.layout === 'fixed-bytes' && sink.layout === 'fixed-bytes') {
    gatherFixedBytes(dictionary, codes, range, sink)
  } else if (dictionary.layout === 'boolean' && sink.layout === 'boolean') {
    gatherBooleans(dictionary, codes, range, sink)
  } else {
    throw new TypeError('a dictionary has another layout than its values')
  }
}

function gatherFixedWidth(
  dictionary: FixedWidthVector,
  codes: Int32Array,
  range: ValueRange,
  sink: FixedWidthSink,
): void {
  const width = dictionary.values.BYTES_PER_ELEMENT
  if (width !== sink.values.BYTES_PER_ELEMENT)
    throw new TypeError('a dictionary has another width than its values')
  ensureRoom(sink, range.to - range.from)
  if (width === 8) gatherLongs(longsOf(dictionary.values), codes, range, sink)
  else gatherWords(int32Words(dictionary.values), codes, range, sink)
  sink.length += range.to - range.from
}

function gatherWords(words: Int32Array, codes: Int32Array, range: ValueRange, sink: FixedWidthSink): void {
  const out = sink.words
  let to = sink.length
  for (let at = range.from; at < range.to; at++) out[to++] = words[codes[at] as number] as number
}

/** A bigint that goes from one array to another at once is not made: this is a move of 64 bits, also for doubles. */
function gatherLongs(longs: BigInt64Array, codes: Int32Array, range: ValueRange, sink: FixedWidthSink): void {
  const out = longsOf(sink.values)
  let to = sink.length
  for (let at = range.from; at < range.to; at++) out[to++] = longs[codes[at] as number] as bigint
}

function longsOf(values: FixedWidthValues): BigInt64Array {
  if (values instanceof BigInt64Array) return values
  return new BigInt64Array(values.buffer, values.byteOffset, values.byteLength >> 3)
}

function gatherVarBytes(
  dictionary: VarBytesVector,
  codes: Int32Array,
  range: ValueRange,
  sink: VarBytesSink,
): void {
  ensureRoom(sink, range.to - range.from)
  const byteCount = appendEnds(dictionary.offsets, codes, range, sink) - sink.byteLength
  ensureBytes(sink, byteCount + COPY_SLACK_BYTES)
  copyValues(dictionary, codes, range, sink)
  sink.length += range.to - range.from
  sink.byteLength += byteCount
}

/** The ends of the values; returns the last one. */
function appendEnds(starts: Int32Array, codes: Int32Array, range: ValueRange, sink: VarBytesSink): number {
  const { offsets } = sink
  let value = sink.length
  let end = sink.byteLength
  for (let at = range.from; at < range.to; at++) {
    const code = codes[at] as number
    end += (starts[code + 1] as number) - (starts[code] as number)
    offsets[++value] = end
  }
  return end
}

/** The bytes of the values, whose ends are known. */
function copyValues(
  dictionary: VarBytesVector,
  codes: Int32Array,
  range: ValueRange,
  sink: VarBytesSink,
): void {
  const starts = dictionary.offsets
  const { offsets } = sink
  const from = copyEnd(dictionary.bytes)
  const to = copyEnd(sink.bytes)
  let value = sink.length
  let target = sink.byteLength
  for (let at = range.from; at < range.to; at++) {
    const end = offsets[++value] as number
    copyBytes(from, starts[codes[at] as number] as number, to, target, end - target)
    target = end
  }
}

function gatherFixedBytes(
  dictionary: FixedBytesVector,
  codes: Int32Array,
  range: ValueRange,
  sink: FixedBytesSink,
): void {
  const { widthBytes } = dictionary
  if (widthBytes !== sink.widthBytes) throw new TypeError('a dictionary has another width than its values')
  ensureRoom(sink, range.to - range.from)
  copyFixed(dictionary, codes, range, sink)
  sink.length += range.to - range.from
}

function copyFixed(
  dictionary: FixedBytesVector,
  codes: Int32Array,
  range: ValueRange,
  sink: FixedBytesSink,
): void {
  const { widthBytes, bytes } = dictionary
  const out = sink.bytes
  let to = sink.length * widthBytes
  for (let at = range.from; at < range.to; at++) {
    const from = (codes[at] as number) * widthBytes
    for (let byte = 0; byte < widthBytes; byte++) out[to++] = bytes[from + byte] as number
  }
}

function gatherBooleans(
  dictionary: BooleanVector,
  codes: Int32Array,
  range: ValueRange,
  sink: BooleanSink,
): void {
  for (let at = range.from; at < range.to; at++) {
    appendBit(sink, hasBit(dictionary.bits, codes[at] as number) ? 1 : 0, 1)
  }
}

/** Values that are not behind a dictionary, and which of them are meant. */
export interface PlainRange extends ValueRange {
  readonly values: PlainValues
}

/** The same values without their dictionary; values that have none stay where they are. */
export function plainRange(values: StoredValues, range: ValueRange): PlainRange {
  if (values.layout !== 'dictionary') return { values, from: range.from, to: range.to }
  const { dictionary } = values
  if (!isPlain(dictionary)) throw new TypeError('a dictionary holds values that Parquet does not store')
  const sink = createSinkLike(dictionary, range.to - range.from)
  gatherInto(dictionary, values.codes, range, sink)
  return { values: finishSink(sink), from: 0, to: range.to - range.from }
}

function isPlain(vector: Vector): vector is PlainValues {
  const { layout } = vector
  return (
    layout === 'fixed-width' || layout === 'var-bytes' || layout === 'fixed-bytes' || layout === 'boolean'
  )
}
