/**
 * Walks the bytes of one block, unpacked. Every number, length and step is checked against the bytes that are there,
 * so broken ones end as `corrupt` and nothing is read or claimed beyond them.
 *
 * @see Avro spec, "Binary encoding"
 */
import { dataView } from '../../base/bytes.js'
import { LakeError } from '../../base/errors.js'
import { EMPTY_ITEMS_MAX, readLong } from '../avro-skip.js'

const VARINT_BYTES_MAX = 10

export class BlockCursor {
  readonly bytes: Uint8Array
  readonly view: DataView
  at = 0
  #emptyItems = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = dataView(bytes)
  }

  /** A length, count or index: exact below 2^53, beyond it the nearest number, which none of them can be. */
  count(): number {
    const byte = this.bytes[this.at] as number
    if (byte < 0x80) {
      this.at++
      return (byte >>> 1) ^ -(byte & 1)
    }
    return readLong(this)
  }

  /** An int. */
  int(): number {
    const { bytes } = this
    let byte = bytes[this.at++] as number
    let value = byte & 0x7f
    // A byte that is not there compares as false and ends at the check of the shift.
    for (let shift = 7; !(byte < 0x80); shift += 7) {
      if (shift > 28) throw corrupt('an avro int is too long or cut short')
      byte = bytes[this.at++] as number
      if (shift === 28 && byte > 0x0f) throw corrupt('an avro int is out of range')
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  /** A long into `words[at]` (low) and `words[at + 1]` (high). */
  long(words: Int32Array, at: number): void {
    const { bytes } = this
    let byte = bytes[this.at++] as number
    let low = byte & 0x7f
    let high = 0
    for (let shift = 7; !(byte < 0x80); shift += 7) {
      if (shift > 63) throw corrupt('an avro long is too long or cut short')
      byte = bytes[this.at++] as number
      if (shift === 63 && byte > 1) throw corrupt('an avro long is out of range')
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift > 28) high |= bits << (shift - 32)
      else {
        low |= bits << 28
        high = bits >>> 4
      }
    }
    const sign = -(low & 1)
    words[at] = ((low >>> 1) | (high << 31)) ^ sign
    words[at + 1] = (high >>> 1) ^ sign
  }

  /** Steps over an int or long. */
  skipVarint(): void {
    const { bytes } = this
    for (let index = 0; index < VARINT_BYTES_MAX; index++) {
      if ((bytes[this.at++] as number) < 0x80) return
    }
    throw corrupt('an avro number is too long or cut short')
  }

  /** Where the next `count` bytes begin; the cursor is behind them. */
  take(count: number): number {
    const from = this.at
    if (count < 0 || count > this.bytes.length - from) throw corrupt('an avro value is cut short')
    this.at = from + count
    return from
  }

  /** To be told of an item of a list that took no bytes. */
  countEmptyItem(): void {
    if (++this.#emptyItems > EMPTY_ITEMS_MAX) throw corrupt('an avro list has too many empty items')
  }
}

function corrupt(message: string): LakeError {
  return new LakeError('corrupt', message)
}
