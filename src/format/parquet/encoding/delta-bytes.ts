/**
 * Byte strings whose lengths stand apart from their bytes.
 *
 *   DELTA_LENGTH_BYTE_ARRAY   lengths (DELTA_BINARY_PACKED) | bytes of all values
 *   DELTA_BYTE_ARRAY          lengths of prefixes (DELTA_BINARY_PACKED) | suffixes (DELTA_LENGTH_BYTE_ARRAY)
 *
 * Of the latter a value is the first bytes of the value before it, as many as its prefix is long, and its suffix; the
 * value before the first is empty. A few bytes can so stand for very many: see EXPANDED_BYTES_MAX.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Delta-length byte array", "Delta Strings"
 */
import { LakeError } from '../../../base/errors.js'
import type { ByteSource, FixedBytesSink, StoredValues, ValueSink, VarBytesSink } from '../leaf.js'
import { checkLeft } from './byte-cursor.js'
import { type ByteSink, reserve, writeBytes } from './byte-sink.js'
import { COPY_SLACK_BYTES, copyBytes, copyEnd } from './copy-bytes.js'
import { decodeDeltaInts, encodeDeltaInts } from './delta-binary-packed.js'
import { plainRange, type ValueRange } from './gather.js'
import { ensureBytes, ensureRoom } from './value-sink.js'

/** Prefixes may not make more than this of a page: broken or hostile bytes would make gigabytes of a few. */
const EXPANDED_BYTES_MAX = 1 << 27

/**
 * Appends `count` values of DELTA_LENGTH_BYTE_ARRAY to the sink and returns the offset behind them.
 * @throws RangeError when the bytes end before `count` values, or a length is negative
 * @throws TypeError when the sink is not of BYTE_ARRAY
 */
export function decodeDeltaLengthBytes(source: ByteSource, count: number, sink: ValueSink): number {
  if (sink.layout !== 'var-bytes') throw new TypeError('only byte arrays are encoded by their lengths')
  const { values: lengths, end: from } = decodeDeltaInts(source, count)
  const byteCount = sumOfLengths(lengths)
  checkLeft({ ...source, offset: from }, byteCount)
  ensureRoom(sink, count)
  ensureBytes(sink, byteCount)
  sink.bytes.set(source.bytes.subarray(from, from + byteCount), sink.byteLength)
  appendEnds(sink, lengths)
  sink.length += count
  sink.byteLength += byteCount
  return from + byteCount
}

function appendEnds(sink: VarBytesSink, lengths: Int32Array): void {
  const { offsets } = sink
  let value = sink.length
  let end = sink.byteLength
  for (let at = 0; at < lengths.length; at++) {
    end += lengths[at] as number
    offsets[++value] = end
  }
}

/** @throws RangeError when a length is negative */
function sumOfLengths(lengths: Int32Array): number {
  if (signOf(lengths) < 0) throw new RangeError('a length is negative')
  return sumOf(lengths)
}

/** Negative when a number is. */
function signOf(numbers: Int32Array): number {
  let signs = 0
  for (let at = 0; at < numbers.length; at++) signs |= numbers[at] as number
  return signs
}

function sumOf(numbers: Int32Array): number {
  let sum = 0
  for (let at = 0; at < numbers.length; at++) sum += numbers[at] as number
  return sum
}

/** The parts of the values of a page. */
interface Parts {
  readonly prefixes: Int32Array
  readonly suffixes: Int32Array
  /** Where the bytes of the suffixes begin, and end. */
  readonly from: number
  readonly end: number
  /** Bytes of all values. */
  readonly byteCount: number
}

/**
 * Appends `count` values of DELTA_BYTE_ARRAY to the sink and returns the offset behind them.
 * @throws RangeError when the bytes end before `count` values, a length is negative, a prefix is longer than the value
 * before, or a value of a fixed width has another
 * @throws TypeError when the sink is not of BYTE_ARRAY or FIXED_LEN_BYTE_ARRAY
 * @throws unsupported when prefixes make more than 128 MiB of the page
 */
export function decodeDeltaBytes(source: ByteSource, count: number, sink: ValueSink): number {
  if (sink.layout !== 'var-bytes' && sink.layout !== 'fixed-bytes') {
    throw new TypeError('only byte arrays are encoded by their prefixes')
  }
  const parts = decodeParts(source, count)
  if (sink.layout === 'var-bytes') appendVarBytes(parts, source, sink)
  else appendFixedBytes(parts, source, sink)
  return parts.end
}

function decodeParts(source: ByteSource, count: number): Parts {
  const prefixes = decodeDeltaInts(source, count)
  const suffixes = decodeDeltaInts({ ...source, offset: prefixes.end }, count)
  const from = suffixes.end
  const suffixBytes = sumOfLengths(suffixes.values)
  const prefixBytes = sumOfLengths(prefixes.values)
  checkLeft({ ...source, offset: from }, suffixBytes)
  if (prefixBytes > EXPANDED_BYTES_MAX) {
    throw new LakeError('unsupported', 'the prefixes of a page stand for more bytes than a page may hold')
  }
  return {
    prefixes: prefixes.values,
    suffixes: suffixes.values,
    from,
    end: from + suffixBytes,
    byteCount: prefixBytes + suffixBytes,
  }
}

function appendVarBytes(parts: Parts, source: ByteSource, sink: VarBytesSink): void {
  const count = parts.prefixes.length
  ensureRoom(sink, count)
  ensureBytes(sink, parts.byteCount + COPY_SLACK_BYTES)
  joinParts(parts, source.bytes, sink.bytes, sink.byteLength)
  appendEnds(sink, addInts(parts.prefixes, parts.suffixes))
  sink.length += count
  sink.byteLength += parts.byteCount
}

/** The sums, in the first array. */
function addInts(to: Int32Array, numbers: Int32Array): Int32Array {
  for (let at = 0; at < to.length; at++) to[at] = (to[at] as number) + (numbers[at] as number)
  return to
}

function appendFixedBytes(parts: Parts, source: ByteSource, sink: FixedBytesSink): void {
  const { widthBytes } = sink
  const count = parts.prefixes.length
  checkLengths(parts, widthBytes)
  if (widthBytes > 0) {
    ensureRoom(sink, count + Math.ceil(COPY_SLACK_BYTES / widthBytes))
    joinParts(parts, source.bytes, sink.bytes, sink.length * widthBytes)
  }
  sink.length += count
}

function checkLengths(parts: Parts, widthBytes: number): void {
  const { prefixes, suffixes } = parts
  for (let at = 0; at < prefixes.length; at++) {
    if ((prefixes[at] as number) + (suffixes[at] as number) !== widthBytes) {
      throw new RangeError('a value of a fixed width has another')
    }
  }
}

/** Writes the values one behind the other; their ends follow from their parts. */
function joinParts(parts: Parts, source: Uint8Array, target: Uint8Array, at: number): void {
  const { prefixes, suffixes } = parts
  const from = copyEnd(source)
  const to = copyEnd(target)
  let suffixAt = parts.from
  let before = at
  let value = at
  for (let index = 0; index < prefixes.length; index++) {
    const prefix = prefixes[index] as number
    const suffix = suffixes[index] as number
    if (prefix > value - before) throw new RangeError('a prefix is longer than the value before')
    copyBytes(to, before, to, value, prefix)
    copyBytes(from, suffixAt, to, value + prefix, suffix)
    suffixAt += suffix
    before = value
    value += prefix + suffix
  }
}

/**
 * Appends values as DELTA_LENGTH_BYTE_ARRAY.
 * @throws TypeError when they are not byte arrays
 */
export function encodeDeltaLengthBytes(sink: ByteSink, values: StoredValues, range: ValueRange): void {
  const { values: plain, from, to } = plainRange(values, range)
  if (plain.layout !== 'var-bytes') throw new TypeError('only byte arrays are encoded by their lengths')
  const { offsets, bytes } = plain
  const lengths = lengthsOf(offsets, { from, to })
  encodeDeltaInts(sink, lengths, { from: 0, to: lengths.length })
  writeBytes(sink, bytes.subarray(offsets[from], offsets[to]))
}

function lengthsOf(offsets: Int32Array, range: ValueRange): Int32Array {
  const { from, to } = range
  const lengths = new Int32Array(to - from)
  for (let at = from; at < to; at++)
    lengths[at - from] = (offsets[at + 1] as number) - (offsets[at] as number)
  return lengths
}

/**
 * Appends values as DELTA_BYTE_ARRAY.
 * @throws TypeError when they are not byte arrays, of any or of a fixed length
 */
export function encodeDeltaBytes(sink: ByteSink, values: StoredValues, range: ValueRange): void {
  const { values: plain, from, to } = plainRange(values, range)
  if (plain.layout === 'var-bytes') {
    writeParts(sink, plain.bytes, plain.offsets.subarray(from, to + 1))
  } else if (plain.layout === 'fixed-bytes') {
    const offsets = new Int32Array(to - from + 1)
    for (let at = 0; at < offsets.length; at++) offsets[at] = (from + at) * plain.widthBytes
    writeParts(sink, plain.bytes, offsets)
  } else {
    throw new TypeError('only byte arrays are encoded by their prefixes')
  }
}

function writeParts(sink: ByteSink, bytes: Uint8Array, offsets: Int32Array): void {
  const prefixes = prefixesOf(bytes, offsets)
  const suffixes = suffixesOf(offsets, prefixes)
  encodeDeltaInts(sink, prefixes, { from: 0, to: prefixes.length })
  encodeDeltaInts(sink, suffixes, { from: 0, to: suffixes.length })
  reserve(sink, sumOf(suffixes) + COPY_SLACK_BYTES)
  sink.length = writeSuffixes(sink, { bytes, offsets, prefixes })
}

/** How many bytes a value has in common with the value before. */
function prefixesOf(bytes: Uint8Array, offsets: Int32Array): Int32Array {
  const prefixes = new Int32Array(offsets.length - 1)
  const { view } = copyEnd(bytes)
  for (let at = 1; at < prefixes.length; at++) {
    const before = offsets[at - 1] as number
    const start = offsets[at] as number
    const length = (offsets[at + 1] as number) - start
    prefixes[at] = sharedBytes(view, before, start, Math.min(length, start - before))
  }
  return prefixes
}

function suffixesOf(offsets: Int32Array, prefixes: Int32Array): Int32Array {
  const suffixes = new Int32Array(prefixes.length)
  for (let at = 0; at < prefixes.length; at++) {
    suffixes[at] = (offsets[at + 1] as number) - (offsets[at] as number) - (prefixes[at] as number)
  }
  return suffixes
}

/** How many of the first `most` bytes at `a` and at `b` are the same. */
function sharedBytes(view: DataView, a: number, b: number, most: number): number {
  let shared = 0
  while (shared + 4 <= most && view.getInt32(a + shared, true) === view.getInt32(b + shared, true))
    shared += 4
  while (shared < most && view.getUint8(a + shared) === view.getUint8(b + shared)) shared++
  return shared
}

interface SuffixBytes {
  readonly bytes: Uint8Array
  readonly offsets: Int32Array
  readonly prefixes: Int32Array
}

/** Writes into the room behind the sink's end and returns where the suffixes end. */
function writeSuffixes(sink: ByteSink, suffixes: SuffixBytes): number {
  const { offsets, prefixes } = suffixes
  const from = copyEnd(suffixes.bytes)
  const to = copyEnd(sink.bytes)
  let target = sink.length
  for (let at = 0; at < prefixes.length; at++) {
    const start = (offsets[at] as number) + (prefixes[at] as number)
    const length = (offsets[at + 1] as number) - start
    copyBytes(from, start, to, target, length)
    target += length
  }
  return target
}
