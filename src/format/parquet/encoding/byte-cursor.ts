/** A place in bytes that moves on as numbers are read: every read checks that the bytes are there. */
import type { ByteSource } from '../leaf.js'

export interface ByteCursor {
  readonly bytes: Uint8Array
  /** The same memory. */
  readonly view: DataView
  offset: number
  readonly end: number
}

export function createCursor(source: ByteSource): ByteCursor {
  const { bytes, offset, end } = source
  if (offset > end || end > bytes.length) throw endsEarly()
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), offset, end }
}

/** @throws RangeError when fewer than `count` bytes are left */
export function checkLeft(source: ByteSource, count: number): void {
  if (count > source.end - source.offset || source.end > source.bytes.length) throw endsEarly()
}

export function endsEarly(): RangeError {
  return new RangeError('the bytes end before the values')
}

/** Four bytes, little-endian, unsigned. */
export function readUint32(cursor: ByteCursor): number {
  checkLeft(cursor, 4)
  const value = cursor.view.getUint32(cursor.offset, true)
  cursor.offset += 4
  return value
}

/**
 * ULEB128 of 32 bits, unsigned.
 * @throws RangeError when it is longer than that, or the bytes end inside
 */
export function readVarint32(cursor: ByteCursor): number {
  const { bytes, end } = cursor
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    if (cursor.offset >= end) throw endsEarly()
    const byte = bytes[cursor.offset++] as number
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      if (shift === 28 && byte > 0x0f) break
      return value >>> 0
    }
  }
  throw new RangeError('a variable-length number is longer than 32 bits')
}

/** The two halves of a 64-bit number. */
export interface Words64 {
  low: number
  high: number
}

/**
 * Zigzag ULEB128 of 64 bits, signed, as two words.
 * @throws RangeError when it is longer than that, or the bytes end inside
 */
export function readZigzag64(cursor: ByteCursor): Words64 {
  const { bytes, end } = cursor
  let low = 0
  let high = 0
  for (let shift = 0; shift < 70; shift += 7) {
    if (cursor.offset >= end) throw endsEarly()
    const byte = bytes[cursor.offset++] as number
    const bits = byte & 0x7f
    if (shift < 32) low |= bits << shift
    if (shift === 28) high |= bits >>> 4
    else if (shift > 28) high |= bits << (shift - 32)
    if (byte < 0x80) return unzigzag(low, high)
  }
  throw new RangeError('a variable-length number is longer than 64 bits')
}

/** 0, -1, 1, -2 ... for 0, 1, 2, 3 ... */
function unzigzag(low: number, high: number): Words64 {
  const sign = -(low & 1)
  return { low: ((low >>> 1) | (high << 31)) ^ sign, high: (high >>> 1) ^ sign }
}
