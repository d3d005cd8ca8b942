/**
 * xxHash, 64 bits, seed 0: the hash of Parquet's bloom filters, of columns at once.
 *
 *   32 bytes and more   four lanes take 8 bytes each of every 32, and are merged
 *   the rest            8 bytes, 4 bytes, single bytes are mixed in one after another
 *   the end             an avalanche spreads every bit over all others
 *
 * Numbers of 64 bits are pairs of 32-bit words, low first: a bigint a step would cost ten times as much. The libraries at
 * hand hash one value a call and return a bigint.
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md "XXH64 Algorithm Description"
 */

const P1_LOW = 0x85ebca87 | 0
const P1_HIGH = 0x9e3779b1 | 0
const P2_LOW = 0x27d4eb4f | 0
const P2_HIGH = 0xc2b2ae3d | 0
const P3_LOW = 0x9e3779f9 | 0
const P3_HIGH = 0x165667b1 | 0
const P4_LOW = 0xc2b2ae63 | 0
const P4_HIGH = 0x85ebca77 | 0
const P5_LOW = 0x165667c5 | 0
const P5_HIGH = 0x27d4eb2f | 0

const STRIPE_BYTES = 32

/** Hashes, `[2 * i]` the low and `[2 * i + 1]` the high word. */
export type Hashes64 = Int32Array

/** Of values of 4 bytes each, as their words. */
export function hashWords32(values: Int32Array): Hashes64 {
  const hashes = new Int32Array(2 * values.length)
  for (let at = 0; at < values.length; at++) {
    begin(hashes, 2 * at, 4)
    mix4(hashes, 2 * at, values[at] as number)
  }
  finish(hashes)
  return hashes
}

/** Of values of 8 bytes each, as their words, low first. */
export function hashWords64(words: Int32Array): Hashes64 {
  const hashes = new Int32Array(words.length & ~1)
  for (let at = 0; at < hashes.length; at += 2) {
    begin(hashes, at, 8)
    mix8(hashes, at, words[at] as number, words[at + 1] as number)
  }
  finish(hashes)
  return hashes
}

/** Of byte strings `bytes[offsets[i] .. offsets[i + 1]]`. */
export function hashByteStrings(bytes: Uint8Array, offsets: Int32Array): Hashes64 {
  const count = Math.max(0, offsets.length - 1)
  const hashes = new Int32Array(2 * count)
  const lanes = new Int32Array(8)
  for (let i = 0; i < count; i++) {
    hashRange(bytes, offsets[i] as number, offsets[i + 1] as number, lanes, hashes, 2 * i)
  }
  finish(hashes)
  return hashes
}

/** Of byte strings of one width, one behind the other. */
export function hashFixedBytes(bytes: Uint8Array, widthBytes: number, count: number): Hashes64 {
  const hashes = new Int32Array(2 * count)
  const lanes = new Int32Array(8)
  for (let i = 0; i < count; i++) {
    hashRange(bytes, i * widthBytes, (i + 1) * widthBytes, lanes, hashes, 2 * i)
  }
  finish(hashes)
  return hashes
}

/** All but the end of a hash, to `out[at]` and `out[at + 1]`; positional, because it is called once a value. */
function hashRange(
  bytes: Uint8Array,
  from: number,
  to: number,
  lanes: Int32Array,
  out: Int32Array,
  at: number,
): void {
  let next = from
  if (to - from >= STRIPE_BYTES) {
    next = hashStripes(bytes, from, to, lanes)
    mergeLanes(lanes, out, at, to - from)
  } else begin(out, at, to - from)
  for (; next + 8 <= to; next += 8) mix8(out, at, wordAt(bytes, next), wordAt(bytes, next + 4))
  if (next + 4 <= to) {
    mix4(out, at, wordAt(bytes, next))
    next += 4
  }
  for (; next < to; next++) mix1(out, at, bytes[next] as number)
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  )
}

/** The high word of the product of two unsigned words, in halves of 16 bits. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) >>> 0
  const cross = (Math.imul(aLow, bHigh) + (middle & 0xffff)) >>> 0
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (cross >>> 16)) | 0
}

function begin(out: Int32Array, at: number, lengthBytes: number): void {
  const low = (P5_LOW + lengthBytes) | 0
  out[at] = low
  out[at + 1] = P5_HIGH + (low >>> 0 < P5_LOW >>> 0 ? 1 : 0)
}

/** out ^= round(0, word); rotate left by 27; * P1 + P4 */
function mix8(out: Int32Array, at: number, low: number, high: number): void {
  const scaledLow = Math.imul(low, P2_LOW)
  const scaledHigh = (mulHigh(low, P2_LOW) + Math.imul(high, P2_LOW) + Math.imul(low, P2_HIGH)) | 0
  const turnedLow = (scaledLow << 31) | (scaledHigh >>> 1)
  const turnedHigh = (scaledHigh << 31) | (scaledLow >>> 1)
  const roundLow = Math.imul(turnedLow, P1_LOW)
  const roundHigh =
    (mulHigh(turnedLow, P1_LOW) + Math.imul(turnedHigh, P1_LOW) + Math.imul(turnedLow, P1_HIGH)) | 0
  const mixedLow = (out[at] as number) ^ roundLow
  const mixedHigh = (out[at + 1] as number) ^ roundHigh
  const l = (mixedLow << 27) | (mixedHigh >>> 5)
  const h = (mixedHigh << 27) | (mixedLow >>> 5)
  const productLow = Math.imul(l, P1_LOW)
  const productHigh = (mulHigh(l, P1_LOW) + Math.imul(h, P1_LOW) + Math.imul(l, P1_HIGH)) | 0
  const sumLow = (productLow + P4_LOW) | 0
  out[at] = sumLow
  out[at + 1] = productHigh + P4_HIGH + (sumLow >>> 0 < P4_LOW >>> 0 ? 1 : 0)
}

/** out ^= word * P1; rotate left by 23; * P2 + P3 */
function mix4(out: Int32Array, at: number, word: number): void {
  const mixedLow = (out[at] as number) ^ Math.imul(word, P1_LOW)
  const mixedHigh = (out[at + 1] as number) ^ (mulHigh(word, P1_LOW) + Math.imul(word, P1_HIGH))
  const l = (mixedLow << 23) | (mixedHigh >>> 9)
  const h = (mixedHigh << 23) | (mixedLow >>> 9)
  const productLow = Math.imul(l, P2_LOW)
  const productHigh = (mulHigh(l, P2_LOW) + Math.imul(h, P2_LOW) + Math.imul(l, P2_HIGH)) | 0
  const sumLow = (productLow + P3_LOW) | 0
  out[at] = sumLow
  out[at + 1] = productHigh + P3_HIGH + (sumLow >>> 0 < P3_LOW >>> 0 ? 1 : 0)
}

/** out ^= byte * P5; rotate left by 11; * P1 */
function mix1(out: Int32Array, at: number, byte: number): void {
  const mixedLow = (out[at] as number) ^ Math.imul(byte, P5_LOW)
  const mixedHigh = (out[at + 1] as number) ^ (mulHigh(byte, P5_LOW) + Math.imul(byte, P5_HIGH))
  const l = (mixedLow << 11) | (mixedHigh >>> 21)
  const h = (mixedHigh << 11) | (mixedLow >>> 21)
  out[at] = Math.imul(l, P1_LOW)
  out[at + 1] = mulHigh(l, P1_LOW) + Math.imul(h, P1_LOW) + Math.imul(l, P1_HIGH)
}

/** Lane i starts at P1 + P2, P2, 0 and -P1. Returns where the whole stripes end. */
function hashStripes(bytes: Uint8Array, from: number, to: number, lanes: Int32Array): number {
  const low = (P1_LOW + P2_LOW) | 0
  lanes[0] = low
  lanes[1] = P1_HIGH + P2_HIGH + (low >>> 0 < P1_LOW >>> 0 ? 1 : 0)
  lanes[2] = P2_LOW
  lanes[3] = P2_HIGH
  lanes[4] = 0
  lanes[5] = 0
  lanes[6] = -P1_LOW
  lanes[7] = ~P1_HIGH
  let at = from
  for (; at + STRIPE_BYTES <= to; at += STRIPE_BYTES) {
    for (let lane = 0; lane < 8; lane += 2) {
      const word = at + 4 * lane
      roundLane(lanes, lane, wordAt(bytes, word), wordAt(bytes, word + 4))
    }
  }
  return at
}

/** lane += word * P2; rotate left by 31; * P1 */
function roundLane(lanes: Int32Array, lane: number, low: number, high: number): void {
  const productLow = Math.imul(low, P2_LOW)
  const productHigh = mulHigh(low, P2_LOW) + Math.imul(high, P2_LOW) + Math.imul(low, P2_HIGH)
  const sumLow = ((lanes[lane] as number) + productLow) | 0
  const carry = sumLow >>> 0 < productLow >>> 0 ? 1 : 0
  const sumHigh = ((lanes[lane + 1] as number) + productHigh + carry) | 0
  const l = (sumLow << 31) | (sumHigh >>> 1)
  const h = (sumHigh << 31) | (sumLow >>> 1)
  lanes[lane] = Math.imul(l, P1_LOW)
  lanes[lane + 1] = mulHigh(l, P1_LOW) + Math.imul(h, P1_LOW) + Math.imul(l, P1_HIGH)
}

/** The sum of the lanes turned left by 1, 7, 12 and 18, each mixed in once more, and the length. */
function mergeLanes(lanes: Int32Array, out: Int32Array, at: number, lengthBytes: number): void {
  out[at] = 0
  out[at + 1] = 0
  addTurned(lanes, 0, 1, out, at)
  addTurned(lanes, 2, 7, out, at)
  addTurned(lanes, 4, 12, out, at)
  addTurned(lanes, 6, 18, out, at)
  for (let lane = 0; lane < 8; lane += 2) mergeLane(lanes, lane, out, at)
  addTo(out, at, lengthBytes, 0)
}

function addTurned(lanes: Int32Array, lane: number, bits: number, out: Int32Array, at: number): void {
  const l = lanes[lane] as number
  const h = lanes[lane + 1] as number
  addTo(out, at, (l << bits) | (h >>> (32 - bits)), (h << bits) | (l >>> (32 - bits)))
}

function addTo(out: Int32Array, at: number, low: number, high: number): void {
  const sum = ((out[at] as number) + low) | 0
  out[at] = sum
  out[at + 1] = (out[at + 1] as number) + high + (sum >>> 0 < low >>> 0 ? 1 : 0)
}

/** out ^= round(0, lane); * P1 + P4 */
function mergeLane(lanes: Int32Array, lane: number, out: Int32Array, at: number): void {
  const low = lanes[lane] as number
  const high = lanes[lane + 1] as number
  lanes[lane] = 0
  lanes[lane + 1] = 0
  roundLane(lanes, lane, low, high)
  const l = (out[at] as number) ^ (lanes[lane] as number)
  const h = (out[at + 1] as number) ^ (lanes[lane + 1] as number)
  out[at] = Math.imul(l, P1_LOW)
  out[at + 1] = mulHigh(l, P1_LOW) + Math.imul(h, P1_LOW) + Math.imul(l, P1_HIGH)
  addTo(out, at, P4_LOW, P4_HIGH)
}

/** hash ^= hash >> 33; * P2; ^= >> 29; * P3; ^= >> 32 */
function finish(hashes: Int32Array): void {
  for (let at = 0; at < hashes.length; at += 2) {
    const firstHigh = hashes[at + 1] as number
    const firstLow = (hashes[at] as number) ^ (firstHigh >>> 1)
    const low = Math.imul(firstLow, P2_LOW)
    const high = (mulHigh(firstLow, P2_LOW) + Math.imul(firstHigh, P2_LOW) + Math.imul(firstLow, P2_HIGH)) | 0
    const nextLow = low ^ ((low >>> 29) | (high << 3))
    const nextHigh = high ^ (high >>> 29)
    const lastLow = Math.imul(nextLow, P3_LOW)
    const lastHigh =
      (mulHigh(nextLow, P3_LOW) + Math.imul(nextHigh, P3_LOW) + Math.imul(nextLow, P3_HIGH)) | 0
    hashes[at] = lastLow ^ lastHigh
    hashes[at + 1] = lastHigh
  }
}
