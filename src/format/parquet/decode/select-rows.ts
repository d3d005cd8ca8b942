/**
 * Rows of a decoded page that are wanted, kept: what was decoded is moved together in place.
 *
 *   rows 1..2 of      repetition  0 1 1 0 0 1      entries 3..6      values of them
 *                     definition  3 3 3 0 3 2                        3..4
 */
import { unreachable } from '../../../base/assert.js'
import type { BooleanSink, FixedBytesSink, ValueSink, VarBytesSink } from '../leaf.js'
import { countRows, type RowRanges } from '../row-ranges.js'

/** Codes into a dictionary, growing. */
export interface CodeSink {
  readonly layout: 'codes'
  readonly codes: Int32Array
  length: number
}

/** Decimals, growing. */
export interface DecimalSink {
  readonly layout: 'decimal'
  /** Four a value, lowest first. */
  readonly words: Int32Array
  length: number
}

/** Where the values of a page go. */
export type ValueTarget = ValueSink | CodeSink | DecimalSink

/** Entries `from .. to`, exclusive, of levels. */
export interface EntryRange {
  readonly from: number
  readonly to: number
}

/** Whether the ranges, which are within `0 .. count`, are all of it. */
export function isAll(ranges: RowRanges, count: number): boolean {
  return ranges.length === 2 && ranges[0] === 0 && ranges[1] === count
}

/**
 * The entries of the wanted rows, counted from the page's first.
 * @param firstRow the row of the first entry that begins one; entries before it belong to the row before
 */
export function entryRangesOf(
  repetition: Uint8Array,
  page: EntryRange,
  { firstRow, rows }: { readonly firstRow: number; readonly rows: RowRanges },
): RowRanges {
  const pairs: number[] = []
  let row = firstRow - 1
  let pair = 0
  let open = -1
  for (let at = page.from; at < page.to; at++) {
    if (repetition[at] === 0) row++
    else if (at > page.from) continue
    while (pair < rows.length && (rows[pair + 1] as number) <= row) pair += 2
    const wanted = pair < rows.length && (rows[pair] as number) <= row
    if (wanted === open >= 0) continue
    if (wanted) open = at
    else {
      pairs.push(open - page.from, at - page.from)
      open = -1
    }
  }
  if (open >= 0) pairs.push(open - page.from, page.to - page.from)
  return Uint32Array.from(pairs)
}

/** The values of the entries in the ranges, counted from the page's first value. */
export function valueRangesOf(
  definition: Uint8Array,
  from: number,
  { ranges, max }: { readonly ranges: RowRanges; readonly max: number },
): RowRanges {
  const values = new Uint32Array(ranges.length)
  let value = 0
  let at = from
  for (let bound = 0; bound < ranges.length; bound++) {
    const end = from + (ranges[bound] as number)
    for (; at < end; at++) if (definition[at] === max) value++
    values[bound] = value
  }
  return values
}

/** Keeps these of the levels from `from` on; their end. */
export function keepLevels(levels: Uint8Array, from: number, ranges: RowRanges): number {
  return moveItems(levels, { from, width: 1 }, ranges)
}

/** Below this a loop moves faster than `copyWithin`. */
const SHORT_MOVE = 24

/** Items of `width` elements each from item `from` on: those in the ranges move down to it. The item behind them. */
function moveItems(
  items: Uint8Array | Int32Array,
  { from, width }: { readonly from: number; readonly width: number },
  ranges: RowRanges,
): number {
  let target = from * width
  for (let pair = 0; pair < ranges.length; pair += 2) {
    const start = (from + (ranges[pair] as number)) * width
    const end = (from + (ranges[pair + 1] as number)) * width
    if (start === target) target = end
    else if (end - start > SHORT_MOVE) {
      items.copyWithin(target, start, end)
      target += end - start
    } else for (let at = start; at < end; at++) items[target++] = items[at] as number
  }
  return target / width
}

/** Keeps these of the values from value `from` on; the target ends behind them. */
export function keepValues(target: ValueTarget, from: number, ranges: RowRanges): void {
  switch (target.layout) {
    case 'codes':
      target.length = moveItems(target.codes, { from, width: 1 }, ranges)
      return
    case 'decimal':
      target.length = moveItems(target.words, { from, width: 4 }, ranges)
      return
    case 'fixed-width': {
      const width = target.values.BYTES_PER_ELEMENT >> 2
      target.length = moveItems(target.words, { from, width }, ranges)
      return
    }
    case 'fixed-bytes':
      keepFixedBytes(target, from, ranges)
      return
    case 'boolean':
      keepBits(target, from, ranges)
      return
    case 'var-bytes':
      keepVarBytes(target, from, ranges)
      return
    default:
      unreachable(target)
  }
}

function keepFixedBytes(target: FixedBytesSink, from: number, ranges: RowRanges): void {
  const { widthBytes } = target
  // Values without bytes have nothing to move.
  if (widthBytes > 0) moveItems(target.bytes, { from, width: widthBytes }, ranges)
  target.length = from + countRows(ranges)
}

function keepBits(sink: BooleanSink, from: number, ranges: RowRanges): void {
  const { bits } = sink
  let target = from
  for (let pair = 0; pair < ranges.length; pair += 2) {
    const end = from + (ranges[pair + 1] as number)
    for (let at = from + (ranges[pair] as number); at < end; at++) {
      const bit = ((bits[at >> 3] as number) >> (at & 7)) & 1
      bits[target >> 3] = ((bits[target >> 3] as number) & ~(1 << (target & 7))) | (bit << (target & 7))
      target++
    }
  }
  // Bits behind the last are clear, which decoders of further pages may rely on.
  const ends = target >> 3
  if (target < sink.length) {
    bits[ends] = (bits[ends] as number) & ((1 << (target & 7)) - 1)
    bits.fill(0, ends + 1, (sink.length + 7) >> 3)
  }
  sink.length = target
}

function keepVarBytes(target: VarBytesSink, from: number, ranges: RowRanges): void {
  const { offsets, bytes } = target
  let value = from
  let byte = offsets[from] as number
  for (let pair = 0; pair < ranges.length; pair += 2) {
    const start = from + (ranges[pair] as number)
    const end = from + (ranges[pair + 1] as number)
    const startByte = offsets[start] as number
    const endByte = offsets[end] as number
    if (startByte !== byte) bytes.copyWithin(byte, startByte, endByte)
    const shift = byte - startByte
    for (let at = start; at < end; at++) {
      // Offsets ahead of `at` are still those of before: `value` never overtakes.
      const next = (offsets[at + 1] as number) + shift
      value++
      offsets[value] = next
    }
    byte = endByte + shift
  }
  target.length = value
  target.byteLength = byte
}
