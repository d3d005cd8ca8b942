/**
 * Statistics of a leaf column in one pass over its stored values: of a page, merged to those of the chunk, and of
 * the file.
 *
 *   page bounds -> column index          chunk bounds -> footer          file bounds -> manifest
 *
 * Bounds are kept as the physical type has them (a decimal in an int64 is its unscaled bigint, a string its UTF-8
 * bytes) and become Iceberg values only for the manifest. NaN is never a bound and is counted; zero bounds of
 * floating-point columns are -0.0 and +0.0. Strings and bytes compare unsigned, decimals in bytes signed.
 *
 * Counts are Parquet's: a leaf has one entry for each row, and inside a list or map one for each element or one for
 * each list that is null or empty. So for `[[1, null], [], null]` the element has 4 values, 3 of them null. Inside
 * lists and maps the manifest gets no bounds.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift "ColumnOrder"
 * @see Iceberg table spec, "Manifests", lower_bounds and upper_bounds
 */
import { unreachable } from '../../../base/assert.js'
import { compareBytes, dataView, utf8Decode } from '../../../base/bytes.js'
import { LakeError } from '../../../base/errors.js'
import { hasBit } from '../../../batch/bitmap.js'
import type {
  DictionaryVector,
  FixedBytesVector,
  VarBytesVector,
  Vector,
} from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'
import { takeVector } from '../../../batch/take.js'
import { parseUnscaled } from '../../../schema/decimal.js'
import type { Value } from '../../../schema/types.js'
import { PhysicalType } from '../footer/metadata.js'
import type { LeafEntries, StoredValues } from '../leaf.js'
import type { WriteLeaf } from './write-schema.js'

/** Statistics of one leaf column of a file, as the manifest wants them. */
export interface LeafStatistics {
  readonly valueCount: number
  readonly nullCount: number
  /** Of float and double only. */
  readonly nanCount?: number | undefined
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

/** A value of a physical type: int32, float and double number, int64 bigint, byte arrays their bytes. */
export type Bound = number | bigint | boolean | Uint8Array

export interface StoredBounds {
  /** Absent, both, when there is no value but NaN, or the type has no order. */
  readonly lower?: Bound | undefined
  readonly upper?: Bound | undefined
  /** Of float and double only. */
  readonly nanCount?: number | undefined
}

/** Statistics of some entries of a leaf. */
export interface EntryStatistics extends StoredBounds {
  readonly valueCount: number
  readonly nullCount: number
}

interface Range {
  readonly from: number
  readonly to: number
}

/** Whether values of the leaf have an order that bounds can be stated in. */
export function hasOrder(leaf: WriteLeaf): boolean {
  return leaf.variantPart === undefined && leaf.type.kind !== 'geometry' && leaf.type.kind !== 'geography'
}

/** Bounds of values `from` up to `to`. */
export function boundsOf(leaf: WriteLeaf, values: StoredValues, range: Range): StoredBounds {
  if (!hasOrder(leaf)) return {}
  if (range.from >= range.to) return hasNaN(leaf) ? { nanCount: 0 } : {}
  switch (values.layout) {
    case 'fixed-width':
      return fixedWidthBounds(values.values, range)
    case 'boolean':
      return booleanBounds(values.bits, range)
    case 'fixed-bytes':
    case 'var-bytes':
      return byteBounds(leaf, values, range)
    case 'dictionary':
      return dictionaryBounds(leaf, values, range)
    default:
      return unreachable(values)
  }
}

/** Whether values of the leaf may be NaN. */
export function hasNaN(leaf: WriteLeaf): boolean {
  return leaf.physicalType === PhysicalType.float || leaf.physicalType === PhysicalType.double
}

/** Statistics of all entries. */
export function entryStatistics(leaf: WriteLeaf, entries: LeafEntries): EntryStatistics {
  const { length } = entries.values
  const bounds = boundsOf(leaf, entries.values, { from: 0, to: length })
  return { valueCount: entries.entries, nullCount: entries.entries - length, ...bounds }
}

/** The statistics of all parts together. */
export function mergeEntryStatistics(leaf: WriteLeaf, parts: readonly EntryStatistics[]): EntryStatistics {
  let valueCount = 0
  let nullCount = 0
  let nanCount = 0
  let lower: Bound | undefined
  let upper: Bound | undefined
  for (const part of parts) {
    valueCount += part.valueCount
    nullCount += part.nullCount
    nanCount += part.nanCount ?? 0
    if (part.lower === undefined || part.upper === undefined) continue
    if (lower === undefined || compareBounds(leaf, part.lower, lower) < 0) lower = part.lower
    if (upper === undefined || compareBounds(leaf, part.upper, upper) > 0) upper = part.upper
  }
  return { valueCount, nullCount, nanCount: hasNaN(leaf) ? nanCount : undefined, lower, upper }
}

/**
 * Statistics of a leaf column of a file from those of its chunks.
 * @throws invalid-argument when a bound of a string column is not UTF-8
 */
export function mergeLeafStatistics(leaf: WriteLeaf, chunks: readonly EntryStatistics[]): LeafStatistics {
  const { valueCount, nullCount, nanCount, lower, upper } = mergeEntryStatistics(leaf, chunks)
  const counts = { valueCount, nullCount, ...(nanCount === undefined ? {} : { nanCount }) }
  if (leaf.maxRepetition > 0 || lower === undefined || upper === undefined) return counts
  return { ...counts, lower: boundValue(leaf, lower), upper: boundValue(leaf, upper) }
}

function boundValue(leaf: WriteLeaf, bound: Bound): Value {
  if (leaf.type.kind === 'decimal') {
    return bound instanceof Uint8Array ? parseUnscaled(bound) : BigInt(bound)
  }
  return leaf.type.kind === 'string' && bound instanceof Uint8Array ? decodeText(bound) : bound
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8Decode(bytes)
  } catch (cause) {
    throw new LakeError('invalid-argument', 'a string column holds bytes that are not UTF-8', { cause })
  }
}

/** Negative when `a` sorts before `b` in the leaf's order. Both are of its physical type. */
export function compareBounds(leaf: WriteLeaf, a: Bound, b: Bound): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return isSigned(leaf) ? compareSigned(a, b) : compareBytes(a, b)
  }
  // -0.0 sorts before +0.0.
  if (a === 0 && b === 0) return Object.is(a, b) ? 0 : Object.is(a, -0) ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** Decimals in bytes of one width: big-endian two's complement. */
function isSigned(leaf: WriteLeaf): boolean {
  return leaf.type.kind === 'decimal'
}

function compareSigned(a: Uint8Array, b: Uint8Array): number {
  const signs = ((a[0] ?? 0) ^ 0x80) - ((b[0] ?? 0) ^ 0x80)
  return signs === 0 ? compareBytes(a, b) : signs
}

// ---- numbers

function fixedWidthBounds(
  values: Int32Array | BigInt64Array | Float32Array | Float64Array,
  range: Range,
): StoredBounds {
  const { from, to } = range
  if (values instanceof Int32Array) return intBounds(values, range)
  if (values instanceof BigInt64Array) return longBounds(int32Words(values), range)
  if (values instanceof Float64Array) return floatBounds(values, range)
  // One loop for both widths, over one element type.
  return floatBounds(new Float64Array(values.subarray(from, to)), { from: 0, to: to - from })
}

function intBounds(values: Int32Array, { from, to }: Range): StoredBounds {
  let lower = values[from] as number
  let upper = lower
  for (let i = from + 1; i < to; i++) {
    const value = values[i] as number
    if (value < lower) lower = value
    else if (value > upper) upper = value
  }
  return { lower, upper }
}

/** A double holds all integers up to this. */
const EXACT_MAX = 2 ** 53

/** As doubles, as long as these are exact: rounding keeps the order, so the extremes say whether all are. */
function longBounds(words: Int32Array, range: Range): StoredBounds {
  let lower = Number.POSITIVE_INFINITY
  let upper = Number.NEGATIVE_INFINITY
  for (let i = range.from; i < range.to; i++) {
    const value = (words[2 * i + 1] as number) * 0x1_0000_0000 + ((words[2 * i] as number) >>> 0)
    lower = Math.min(lower, value)
    upper = Math.max(upper, value)
  }
  if (lower <= -EXACT_MAX || upper >= EXACT_MAX) return wideLongBounds(words, range)
  return { lower: BigInt(lower), upper: BigInt(upper) }
}

/** By 32-bit halves, [2i] the low one. */
function wideLongBounds(words: Int32Array, { from, to }: Range): StoredBounds {
  let least = from
  let greatest = from
  for (let i = from + 1; i < to; i++) {
    if (isLess(words, i, least)) least = i
    else if (isLess(words, greatest, i)) greatest = i
  }
  return { lower: longAt(words, least), upper: longAt(words, greatest) }
}

function isLess(words: Int32Array, a: number, b: number): boolean {
  const high = words[2 * a + 1] as number
  const other = words[2 * b + 1] as number
  return high < other || (high === other && (words[2 * a] as number) >>> 0 < (words[2 * b] as number) >>> 0)
}

function longAt(words: Int32Array, at: number): bigint {
  return (BigInt(words[2 * at + 1] as number) << 32n) | BigInt((words[2 * at] as number) >>> 0)
}

function floatBounds(values: Float64Array, { from, to }: Range): StoredBounds {
  let lower = Number.POSITIVE_INFINITY
  let upper = Number.NEGATIVE_INFINITY
  let numbers = 0
  for (let i = from; i < to; i++) {
    const value = values[i] as number
    if (value <= lower) lower = value
    if (value >= upper) upper = value
    if (!Number.isNaN(value)) numbers += 1
  }
  const nanCount = to - from - numbers
  if (numbers === 0) return { nanCount }
  return { nanCount, lower: lower === 0 ? -0 : lower, upper: upper === 0 ? 0 : upper }
}

function booleanBounds(bits: Uint8Array, { from, to }: Range): StoredBounds {
  const first = hasBit(bits, from)
  for (let i = from + 1; i < to; i++) if (hasBit(bits, i) !== first) return { lower: false, upper: true }
  return { lower: first, upper: first }
}

// ---- byte strings

function byteBounds(leaf: WriteLeaf, values: VarBytesVector | FixedBytesVector, range: Range): StoredBounds {
  if (values.layout === 'fixed-bytes') return fixedBytesBounds(values, range, isSigned(leaf) ? 0x80 : 0)
  const { least, greatest } = varBytesExtremes(values, range)
  return { lower: bytesAt(values, least), upper: bytesAt(values, greatest) }
}

function bytesAt({ offsets, bytes }: VarBytesVector, at: number): Uint8Array {
  return bytes.subarray(offsets[at], offsets[at + 1])
}

/** Four bytes of each decide most comparisons; only equal ones are compared to their ends. */
function varBytesExtremes(values: VarBytesVector, { from, to }: Range): { least: number; greatest: number } {
  const { offsets } = values
  const view = dataView(values.bytes)
  let least = from
  let greatest = from
  let lowHead = headAt(view, offsets[from] as number, offsets[from + 1] as number)
  let highHead = lowHead
  for (let i = from + 1; i < to; i++) {
    const head = headAt(view, offsets[i] as number, offsets[i + 1] as number)
    if (head < lowHead || (head === lowHead && compareAt(values, i, least) < 0)) {
      lowHead = head
      least = i
    } else if (head > highHead || (head === highHead && compareAt(values, i, greatest) > 0)) {
      highHead = head
      greatest = i
    }
  }
  return { least, greatest }
}

/** The first four bytes as a big-endian number; those behind the end are 0, so that a prefix never sorts behind. */
function headAt(view: DataView, start: number, end: number): number {
  if (end - start >= 4) return view.getUint32(start)
  let head = 0
  for (let i = 0; i < 4; i++) head = head * 256 + (start + i < end ? view.getUint8(start + i) : 0)
  return head
}

function compareAt({ offsets, bytes }: VarBytesVector, a: number, b: number): number {
  let atA = offsets[a] as number
  let atB = offsets[b] as number
  const endA = offsets[a + 1] as number
  const endB = offsets[b + 1] as number
  while (atA < endA && atB < endB) {
    const difference = (bytes[atA++] as number) - (bytes[atB++] as number)
    if (difference !== 0) return difference
  }
  return endA - atA - (endB - atB)
}

function fixedBytesBounds(values: FixedBytesVector, { from, to }: Range, signBit: number): StoredBounds {
  const { widthBytes: width, bytes } = values
  let least = from * width
  let greatest = least
  for (let i = from + 1; i < to; i++) {
    const at = i * width
    if (isLessFixed(bytes, at, least, width, signBit)) least = at
    else if (isLessFixed(bytes, greatest, at, width, signBit)) greatest = at
  }
  return { lower: bytes.subarray(least, least + width), upper: bytes.subarray(greatest, greatest + width) }
}

/** Positions, not an object of them: this is called for each value. */
function isLessFixed(bytes: Uint8Array, a: number, b: number, width: number, signBit: number): boolean {
  if (width === 0) return false
  const signs = ((bytes[a] as number) ^ signBit) - ((bytes[b] as number) ^ signBit)
  if (signs !== 0) return signs < 0
  for (let i = 1; i < width; i++) {
    const difference = (bytes[a + i] as number) - (bytes[b + i] as number)
    if (difference !== 0) return difference < 0
  }
  return false
}

// ---- dictionaries

/** Each entry that is used is looked at once; NaN counts as often as it is used. */
function dictionaryBounds(leaf: WriteLeaf, values: DictionaryVector, { from, to }: Range): StoredBounds {
  const { codes, dictionary } = values
  const seen = new Uint8Array(dictionary.length)
  const used = new Int32Array(Math.min(dictionary.length, to - from))
  let count = 0
  for (let i = from; i < to; i++) {
    const code = codes[i] as number
    if (seen[code] === 0) {
      seen[code] = 1
      used[count++] = code
    }
  }
  const bounds = entryBounds(leaf, dictionary, used.subarray(0, count))
  if (bounds.nanCount === undefined || bounds.nanCount === 0) return bounds
  return { ...bounds, nanCount: countNaN(values, { from, to }) }
}

function entryBounds(leaf: WriteLeaf, dictionary: Vector, used: Int32Array): StoredBounds {
  if (dictionary.layout === 'var-bytes') {
    const { least, greatest } = varBytesExtremesOf(dictionary, used)
    return { lower: bytesAt(dictionary, least), upper: bytesAt(dictionary, greatest) }
  }
  return boundsOf(leaf, takeVector(dictionary, used) as StoredValues, { from: 0, to: used.length })
}

/** As `varBytesExtremes`, of these values only: they are not copied together. */
function varBytesExtremesOf(values: VarBytesVector, used: Int32Array): { least: number; greatest: number } {
  const { offsets } = values
  const view = dataView(values.bytes)
  let least = used[0] as number
  let greatest = least
  let lowHead = headAt(view, offsets[least] as number, offsets[least + 1] as number)
  let highHead = lowHead
  for (let at = 1; at < used.length; at++) {
    const i = used[at] as number
    const head = headAt(view, offsets[i] as number, offsets[i + 1] as number)
    if (head < lowHead || (head === lowHead && compareAt(values, i, least) < 0)) {
      lowHead = head
      least = i
    } else if (head > highHead || (head === highHead && compareAt(values, i, greatest) > 0)) {
      highHead = head
      greatest = i
    }
  }
  return { least, greatest }
}

function countNaN({ codes, dictionary }: DictionaryVector, { from, to }: Range): number {
  if (dictionary.layout !== 'fixed-width') return 0
  let count = 0
  for (let i = from; i < to; i++) {
    if (Number.isNaN(dictionary.values[codes[i] as number])) count += 1
  }
  return count
}
