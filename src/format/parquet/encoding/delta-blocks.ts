/**
 * The blocks of DELTA_BINARY_PACKED, whatever the width of the integers: what delta-binary-packed.ts draws.
 */
import type { ByteSource } from '../leaf.js'
import {
  type ByteCursor,
  checkLeft,
  createCursor,
  readVarint32,
  readZigzag64,
  type Words64,
} from './byte-cursor.js'
import { type ByteSink, writeVarint32, writeZigzag64 } from './byte-sink.js'

/** Far above what writers use; sizes in bits are 32-bit numbers. */
const BLOCK_SIZE_MAX = 1 << 24

/** A block of packed deltas, from miniblock to miniblock: `offset` is behind the header, then in the miniblocks. */
export interface DeltaCursor extends ByteCursor {
  readonly miniblockCount: number
  /** Values a miniblock, a multiple of eight. */
  readonly miniblockSize: number
  readonly first: Words64
  /** Of the current block. */
  minDelta: Words64
  /** Where the widths of the miniblocks left in the block stand. */
  widthsAt: number
  miniblocksLeft: number
  /** Of the current miniblock. */
  bitWidth: number
}

/**
 * Reads the header.
 * @throws RangeError when it is of another number of values, or its sizes are impossible
 */
export function createDeltaCursor(source: ByteSource, count: number): DeltaCursor {
  const cursor = createCursor(source)
  const blockSize = readVarint32(cursor)
  const miniblockCount = readVarint32(cursor)
  if (readVarint32(cursor) !== count) throw new RangeError('the page holds another number of deltas')
  const first = readZigzag64(cursor)
  const miniblockSize = miniblockSizeOf(blockSize, miniblockCount)
  // Before anything is allocated for that many values: a block has its least delta and its widths.
  checkLeft(cursor, Math.ceil((count - 1) / blockSize) * (1 + miniblockCount))
  // Field by field: an object that begins with a spread is several times as slow to read from.
  return {
    bytes: cursor.bytes,
    view: cursor.view,
    offset: cursor.offset,
    end: cursor.end,
    miniblockCount,
    miniblockSize,
    first,
    minDelta: first,
    widthsAt: 0,
    miniblocksLeft: 0,
    bitWidth: 0,
  }
}

/** The specification asks for multiples of 32; eight is what makes miniblocks end at a byte. */
function miniblockSizeOf(blockSize: number, miniblockCount: number): number {
  const size = Math.floor(blockSize / miniblockCount)
  if (!(size > 0) || size % 8 !== 0 || size * miniblockCount !== blockSize || blockSize > BLOCK_SIZE_MAX) {
    throw new RangeError('the size of miniblocks is impossible')
  }
  return size | 0
}

/** Moves to the next miniblock, of which `count` values are wanted at most, and returns how many these are. */
export function nextMiniblock(cursor: DeltaCursor, count: number): number {
  if (cursor.miniblocksLeft === 0) nextBlock(cursor)
  cursor.miniblocksLeft--
  cursor.bitWidth = cursor.bytes[cursor.widthsAt++] as number
  if (cursor.bitWidth > 64) throw new RangeError('a bit width is more than 64')
  const length = Math.min(cursor.miniblockSize, count)
  checkLeft(cursor, (length * cursor.bitWidth + 7) >> 3)
  return length
}

function nextBlock(cursor: DeltaCursor): void {
  cursor.minDelta = readZigzag64(cursor)
  checkLeft(cursor, cursor.miniblockCount)
  cursor.widthsAt = cursor.offset
  cursor.offset += cursor.miniblockCount
  cursor.miniblocksLeft = cursor.miniblockCount
}

/** Moves behind a miniblock; its padding may be missing. */
export function skipMiniblock(cursor: DeltaCursor): void {
  cursor.offset = Math.min(cursor.end, cursor.offset + (cursor.miniblockSize >> 3) * cursor.bitWidth)
}

/** The sizes that all writers use. */
export const BLOCK_SIZE = 128
export const MINIBLOCK_COUNT = 4
export const MINIBLOCK_SIZE: number = BLOCK_SIZE / MINIBLOCK_COUNT

/** Appends the header. */
export function writeHeader(sink: ByteSink, count: number, first: Words64): void {
  writeVarint32(sink, BLOCK_SIZE)
  writeVarint32(sink, MINIBLOCK_COUNT)
  writeVarint32(sink, count)
  writeZigzag64(sink, first.low, first.high)
}

/** Bits of the highest of a miniblock's numbers, unsigned. */
export function bitsOf(numbers: Int32Array, from: number): number {
  let bits = 0
  for (let at = from; at < from + MINIBLOCK_SIZE; at++) bits |= numbers[at] as number
  return 32 - Math.clz32(bits)
}
