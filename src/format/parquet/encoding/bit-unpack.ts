/**
 * Bit-packed integers, least significant bit first: value `i` is the bits `i * width` and following.
 *
 *   width 3:   byte 0      byte 1      byte 2
 *              22111000    54443332    77766655      eight values are `width` bytes: a group
 *
 * A group is read through unaligned 32-bit windows at the same places of every group, as many values from a window
 * as are surely inside: four for widths up to 8, two up to 14, one above. That is a load and a few shifts without a
 * branch; reading byte by byte or in aligned words costs two to six times as much. Windows may reach behind the
 * packed bytes, not behind the memory: what stands there is read value by value.
 */

/** Where packed values begin. The bytes of all values asked for must be there. */
export interface PackedBits {
  readonly view: DataView
  readonly offset: number
  readonly bitWidth: number
}

/** Windows of a group end less than this behind the group. */
const WINDOW_BYTES = 8

/** `count` values of 0 to 32 bits to `out[at ..]`; those of 32 bits are signed. */
export function unpackInts(packed: PackedBits, out: Int32Array, at: number, count: number): void {
  const { bitWidth } = packed
  if (bitWidth === 0) {
    out.fill(0, at, at + count)
    return
  }
  const groups = wholeGroups(packed, count)
  if (bitWidth <= 8) unpackFours(packed, out, at, groups)
  else if (bitWidth <= 14 || bitWidth === 16) unpackTwos(packed, out, at, groups)
  else if (bitWidth <= 25 || bitWidth === 32) unpackOnes(packed, out, at, groups)
  else unpackWide(packed, out, at, groups)
  for (let index = groups * 8; index < count; index++)
    out[at + index] = bitsAt(packed, index * bitWidth, bitWidth)
}

/** Groups of eight that can be read through windows. */
function wholeGroups(packed: PackedBits, count: number): number {
  const room = packed.view.byteLength - packed.offset - WINDOW_BYTES
  const groups = Math.min(count >> 3, (room / packed.bitWidth) | 0)
  return groups < 0 ? 0 : groups
}

function maskOf(bitWidth: number): number {
  return bitWidth === 32 ? -1 : (1 << bitWidth) - 1
}

/** Widths up to 8: four values and the bits before them in their first byte are 32 bits at most. */
function unpackFours(packed: PackedBits, out: Int32Array, at: number, groups: number): void {
  const { view, bitWidth: width } = packed
  const mask = maskOf(width)
  const second = 2 * width
  const third = 3 * width
  const half = (4 * width) >> 3
  const shift = (4 * width) & 7
  const end = at + groups * 8
  let offset = packed.offset
  for (let to = at; to < end; to += 8) {
    const low = view.getInt32(offset, true)
    out[to] = low & mask
    out[to + 1] = (low >>> width) & mask
    out[to + 2] = (low >>> second) & mask
    out[to + 3] = (low >>> third) & mask
    const high = view.getInt32(offset + half, true) >>> shift
    out[to + 4] = high & mask
    out[to + 5] = (high >>> width) & mask
    out[to + 6] = (high >>> second) & mask
    out[to + 7] = (high >>> third) & mask
    offset += width
  }
}

/** Widths up to 14, and 16: the same of two values. */
function unpackTwos(packed: PackedBits, out: Int32Array, at: number, groups: number): void {
  const { view, bitWidth: width } = packed
  const mask = maskOf(width)
  const byte2 = (2 * width) >> 3
  const shift2 = (2 * width) & 7
  const byte4 = (4 * width) >> 3
  const shift4 = (4 * width) & 7
  const byte6 = (6 * width) >> 3
  const shift6 = (6 * width) & 7
  const end = at + groups * 8
  let offset = packed.offset
  for (let to = at; to < end; to += 8) {
    const bits0 = view.getInt32(offset, true)
    out[to] = bits0 & mask
    out[to + 1] = (bits0 >>> width) & mask
    const bits2 = view.getInt32(offset + byte2, true) >>> shift2
    out[to + 2] = bits2 & mask
    out[to + 3] = (bits2 >>> width) & mask
    const bits4 = view.getInt32(offset + byte4, true) >>> shift4
    out[to + 4] = bits4 & mask
    out[to + 5] = (bits4 >>> width) & mask
    const bits6 = view.getInt32(offset + byte6, true) >>> shift6
    out[to + 6] = bits6 & mask
    out[to + 7] = (bits6 >>> width) & mask
    offset += width
  }
}

/** Widths up to 25, and 32: one value. */
function unpackOnes(packed: PackedBits, out: Int32Array, at: number, groups: number): void {
  const { view, bitWidth: width } = packed
  const mask = maskOf(width)
  const byte1 = width >> 3
  const byte2 = (2 * width) >> 3
  const byte3 = (3 * width) >> 3
  const byte4 = (4 * width) >> 3
  const byte5 = (5 * width) >> 3
  const byte6 = (6 * width) >> 3
  const byte7 = (7 * width) >> 3
  const shift1 = width & 7
  const shift2 = (2 * width) & 7
  const shift3 = (3 * width) & 7
  const shift4 = (4 * width) & 7
  const shift5 = (5 * width) & 7
  const shift6 = (6 * width) & 7
  const shift7 = (7 * width) & 7
  const end = at + groups * 8
  let offset = packed.offset
  for (let to = at; to < end; to += 8) {
    out[to] = view.getInt32(offset, true) & mask
    out[to + 1] = (view.getInt32(offset + byte1, true) >>> shift1) & mask
    out[to + 2] = (view.getInt32(offset + byte2, true) >>> shift2) & mask
    out[to + 3] = (view.getInt32(offset + byte3, true) >>> shift3) & mask
    out[to + 4] = (view.getInt32(offset + byte4, true) >>> shift4) & mask
    out[to + 5] = (view.getInt32(offset + byte5, true) >>> shift5) & mask
    out[to + 6] = (view.getInt32(offset + byte6, true) >>> shift6) & mask
    out[to + 7] = (view.getInt32(offset + byte7, true) >>> shift7) & mask
    offset += width
  }
}

/** Widths 26 to 31: a value may reach into a fifth byte. */
function unpackWide(packed: PackedBits, out: Int32Array, at: number, groups: number): void {
  const { view, offset, bitWidth } = packed
  const mask = maskOf(bitWidth)
  const count = groups * 8
  for (let index = 0, bit = 0; index < count; index++, bit += bitWidth) {
    out[at + index] = word32(view, offset + (bit >>> 3), bit & 7) & mask
  }
}

/** 32 bits from bit `shift` of the byte at `offset`. */
function word32(view: DataView, offset: number, shift: number): number {
  return (view.getInt32(offset, true) >>> shift) | ((view.getUint8(offset + 4) << 1) << (31 - shift))
}

/** Up to 32 bits from bit `bit` of the packed values, byte by byte: behind the last byte nothing is read. */
function bitsAt(packed: PackedBits, bit: number, bitWidth: number): number {
  const { view, offset } = packed
  let value = 0
  for (let got = 0; got < bitWidth; ) {
    const shift = (bit + got) & 7
    const taken = Math.min(8 - shift, bitWidth - got)
    const bits = (view.getUint8(offset + ((bit + got) >>> 3)) >> shift) & ((1 << taken) - 1)
    value |= bits << got
    got += taken
  }
  return value
}

/** `count` values of 32 to 64 bits as two words each, to the beginning of `low` and `high`. */
export function unpackLongs(packed: PackedBits, low: Int32Array, high: Int32Array, count: number): void {
  const { view, offset, bitWidth } = packed
  const highWidth = bitWidth - 32
  const mask = maskOf(highWidth)
  const whole = wholeGroups(packed, count) * 8
  for (let index = 0, bit = 0; index < whole; index++, bit += bitWidth) {
    const byte = offset + (bit >>> 3)
    low[index] = word32(view, byte, bit & 7)
    high[index] = word32(view, byte + 4, bit & 7) & mask
  }
  for (let index = whole; index < count; index++) {
    low[index] = bitsAt(packed, index * bitWidth, 32)
    high[index] = bitsAt(packed, index * bitWidth + 32, highWidth)
  }
}

/** `count` values of 1 to 8 bits to bytes, `out[at ..]`. */
export function unpackBytes(packed: PackedBits, out: Uint8Array, at: number, count: number): void {
  const { bitWidth } = packed
  const groups = wholeGroups(packed, count)
  if (bitWidth === 1) spreadOnes(packed, out, at, groups)
  else if (bitWidth === 2) spreadTwos(packed, out, at, groups)
  else unpackByteFours(packed, out, at, groups)
  for (let index = groups * 8; index < count; index++)
    out[at + index] = bitsAt(packed, index * bitWidth, bitWidth)
}

/** Four bits become four bytes by a multiplication: the copies of the factor's bits do not overlap. */
function spreadOnes(packed: PackedBits, out: Uint8Array, at: number, groups: number): void {
  const { view, offset } = packed
  const target = new DataView(out.buffer, out.byteOffset + at, groups * 8)
  for (let group = 0; group < groups; group++) {
    const bits = view.getUint8(offset + group)
    target.setInt32(group * 8, Math.imul(bits & 0x0f, 0x204081) & 0x01010101, true)
    target.setInt32(group * 8 + 4, Math.imul(bits >> 4, 0x204081) & 0x01010101, true)
  }
}

function spreadTwos(packed: PackedBits, out: Uint8Array, at: number, groups: number): void {
  const { view, offset } = packed
  const target = new DataView(out.buffer, out.byteOffset + at, groups * 8)
  for (let quad = 0; quad < groups * 2; quad++) {
    const bits = view.getUint8(offset + quad)
    target.setInt32(quad * 4, (bits | (bits << 6) | (bits << 12) | (bits << 18)) & 0x03030303, true)
  }
}

function unpackByteFours(packed: PackedBits, out: Uint8Array, at: number, groups: number): void {
  const { view, bitWidth: width } = packed
  const mask = maskOf(width)
  const half = (4 * width) >> 3
  const shift = (4 * width) & 7
  const end = at + groups * 8
  let offset = packed.offset
  for (let to = at; to < end; to += 8) {
    const low = view.getInt32(offset, true)
    out[to] = low & mask
    out[to + 1] = (low >>> width) & mask
    out[to + 2] = (low >>> (2 * width)) & mask
    out[to + 3] = (low >>> (3 * width)) & mask
    const high = view.getInt32(offset + half, true) >>> shift
    out[to + 4] = high & mask
    out[to + 5] = (high >>> width) & mask
    out[to + 6] = (high >>> (2 * width)) & mask
    out[to + 7] = (high >>> (3 * width)) & mask
    offset += width
  }
}
