/** Bits appended to a sink of booleans, eight at a time: pages of booleans need not end at a byte. */
import type { BooleanSink } from '../leaf.js'
import { ensureRoom } from './value-sink.js'

/** Appends `count` bits of `bytes`, lowest first, from byte `offset` on. The bytes are there. */
export function appendBits(sink: BooleanSink, bytes: Uint8Array, offset: number, count: number): void {
  ensureRoom(sink, count)
  const { bits } = sink
  const shift = sink.length & 7
  const byteCount = (count + 7) >> 3
  let target = sink.length >> 3
  if (shift === 0) {
    bits.set(bytes.subarray(offset, offset + byteCount), target)
  } else {
    let known = (bits[target] as number) & ((1 << shift) - 1)
    for (let at = offset; at < offset + byteCount; at++) {
      const byte = bytes[at] as number
      bits[target++] = known | (byte << shift)
      known = byte >> (8 - shift)
    }
    // Not there when the bits end in the byte before; a typed array takes no notice.
    bits[target] = known
  }
  sink.length += count
}

/** Appends the bit `value` `count` times. */
export function appendBit(sink: BooleanSink, value: number, count: number): void {
  if (count === 0) return
  ensureRoom(sink, count)
  const { bits } = sink
  const fill = value === 0 ? 0 : 0xff
  const first = sink.length >> 3
  const shift = sink.length & 7
  const known = shift === 0 ? 0 : (bits[first] as number) & ((1 << shift) - 1)
  bits.fill(fill, first, (sink.length + count + 7) >> 3)
  bits[first] = known | ((fill << shift) & 0xff)
  sink.length += count
}
