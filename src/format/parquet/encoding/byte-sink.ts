/**
 * A growing run of bytes that encoders append to: `bytes[0 .. length]` is written, the rest is room.
 *
 * Encoders reserve what they need at most, write to `bytes` directly and move `length`: nothing is called per value.
 */

export interface ByteSink {
  bytes: Uint8Array
  /** The same memory: made when the memory is, since a new view costs as much as it takes to write some 50 values. */
  view: DataView
  /** Bytes written. */
  length: number
}

export function createByteSink(capacityBytes = 1024): ByteSink {
  const bytes = new Uint8Array(capacityBytes)
  return { bytes, view: new DataView(bytes.buffer), length: 0 }
}

/** Makes room for `count` more bytes. `bytes` and `view` may be others afterwards. */
export function reserve(sink: ByteSink, count: number): void {
  const needed = sink.length + count
  if (needed <= sink.bytes.length) return
  const grown = new Uint8Array(Math.max(needed, sink.bytes.length * 2))
  grown.set(sink.bytes.subarray(0, sink.length))
  sink.bytes = grown
  sink.view = new DataView(grown.buffer)
}

/** A view of what is written, good until the sink is written to again. */
export function writtenBytes(sink: ByteSink): Uint8Array {
  return sink.bytes.subarray(0, sink.length)
}

/**
 * What is written, for good: the sink is left empty and without room. A view of its memory; a copy when the room
 * not used is more than an eighth.
 */
export function takeBytes(sink: ByteSink): Uint8Array {
  const { bytes, length } = sink
  sink.bytes = new Uint8Array(0)
  sink.view = new DataView(sink.bytes.buffer)
  sink.length = 0
  return bytes.length - length > bytes.length >> 3 ? bytes.slice(0, length) : bytes.subarray(0, length)
}

export function writeBytes(sink: ByteSink, bytes: Uint8Array): void {
  reserve(sink, bytes.length)
  sink.bytes.set(bytes, sink.length)
  sink.length += bytes.length
}

/** Four bytes, little-endian. */
export function writeUint32(sink: ByteSink, value: number): void {
  reserve(sink, 4)
  sink.view.setUint32(sink.length, value, true)
  sink.length += 4
}

/** Overwrites four bytes, little-endian: for a length that is known after what it counts. */
export function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
  bytes[at + 2] = value >>> 16
  bytes[at + 3] = value >>> 24
}

/** ULEB128 of an unsigned 32-bit number: seven bits a byte, lowest first, the high bit says that more follow. */
export function writeVarint32(sink: ByteSink, value: number): void {
  reserve(sink, 5)
  let rest = value >>> 0
  while (rest > 0x7f) {
    sink.bytes[sink.length++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  sink.bytes[sink.length++] = rest
}

/** Zigzag ULEB128 of the signed 64-bit number of two words: small numbers of either sign are short. */
export function writeZigzag64(sink: ByteSink, low: number, high: number): void {
  reserve(sink, 10)
  const sign = high >> 31
  let restLow = (low << 1) ^ sign
  let restHigh = ((high << 1) | (low >>> 31)) ^ sign
  while (restHigh !== 0 || restLow >>> 0 > 0x7f) {
    sink.bytes[sink.length++] = (restLow & 0x7f) | 0x80
    restLow = (restLow >>> 7) | (restHigh << 25)
    restHigh >>>= 7
  }
  sink.bytes[sink.length++] = restLow
}
