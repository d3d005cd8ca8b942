/**
 * Decimals of all physical types as two 64-bit words a value, low first; here as four 32-bit words.
 *
 *   bytes   00 00 01 02 03 04 05      big-endian, two's complement, of any width
 *   words   02030405 00000001 00000000 00000000
 */
import { dataView } from '../../../base/bytes.js'
import type { DecimalVector, FixedBytesVector, VarBytesVector } from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'
import type { PlainValues } from '../encoding/value-sink.js'

/** Words of a decimal. */
export const DECIMAL_WORDS = 4
const WIDTH_MAX = 16

/** The stored values as decimals. Throws plain errors when one does not fit, or the values are not of a decimal. */
export function decimalsOf(stored: PlainValues): DecimalVector {
  const words = new Int32Array(stored.length * DECIMAL_WORDS)
  putDecimals(stored, words, 0)
  return { layout: 'decimal', length: stored.length, words: new BigInt64Array(words.buffer) }
}

/** Writes the stored values as the decimals from the one at `at` on. Throws plain errors like `decimalsOf`. */
export function putDecimals(stored: PlainValues, words: Int32Array, at: number): void {
  const to = at * DECIMAL_WORDS
  if (stored.layout === 'fixed-bytes') putFixed(stored, words, to)
  else if (stored.layout === 'var-bytes') putVarBytes(stored, words, to)
  else if (stored.layout === 'fixed-width' && stored.values instanceof Int32Array) {
    putInts(stored.values, words, to)
  } else if (stored.layout === 'fixed-width' && stored.values instanceof BigInt64Array) {
    putLongs(int32Words(stored.values), words, to)
  } else throw new TypeError('the annotation does not fit the physical type')
}

function putInts(values: Int32Array, words: Int32Array, first: number): void {
  for (let at = 0, to = first; at < values.length; at++, to += DECIMAL_WORDS) {
    const value = values[at] as number
    const sign = value >> 31
    words[to] = value
    words[to + 1] = sign
    words[to + 2] = sign
    words[to + 3] = sign
  }
}

function putLongs(halves: Int32Array, words: Int32Array, first: number): void {
  for (let at = 0, to = first; at < halves.length; at += 2, to += DECIMAL_WORDS) {
    const high = halves[at + 1] as number
    const sign = high >> 31
    words[to] = halves[at] as number
    words[to + 1] = high
    words[to + 2] = sign
    words[to + 3] = sign
  }
}

/** Big-endian values of one width. */
function putFixed({ bytes, widthBytes, length }: FixedBytesVector, words: Int32Array, first: number): void {
  if (widthBytes === 0) throw new RangeError('a decimal without bytes')
  // The fast loops read whole words that end with a word of the value; the first values have too few bytes before.
  const fastFrom = widthBytes > WIDTH_MAX ? length : Math.min(length, Math.ceil(WIDTH_MAX / widthBytes))
  for (let at = 0; at < fastFrom; at++) {
    const digits = { bytes, from: at * widthBytes, to: (at + 1) * widthBytes }
    setDecimal(words, first + at * DECIMAL_WORDS, digits)
  }
  const fast = { bytes, widthBytes, from: fastFrom, to: length, first }
  if (widthBytes <= 8) setShortDecimals(words, fast)
  else setLongDecimals(words, fast)
}

interface FixedDecimals {
  readonly bytes: Uint8Array
  readonly widthBytes: number
  /** Values from the one that the fast loops may begin with. */
  readonly from: number
  readonly to: number
  /** Where the first value has its words. */
  readonly first: number
}

/** Values of at most 8 bytes: two words, and their sign. */
function setShortDecimals(words: Int32Array, { bytes, widthBytes, from, to, first }: FixedDecimals): void {
  const view = dataView(bytes)
  // Left and back again: bytes of the value before go, the sign comes.
  const lowShift = Math.max(0, 32 - 8 * widthBytes)
  const highShift = 64 - 8 * widthBytes
  for (let at = from; at < to; at++) {
    const end = (at + 1) * widthBytes
    const low = (view.getInt32(end - 4) << lowShift) >> lowShift
    const high = highShift >= 32 ? low >> 31 : (view.getInt32(end - 8) << highShift) >> highShift
    const sign = high >> 31
    const word = first + at * DECIMAL_WORDS
    words[word] = low
    words[word + 1] = high
    words[word + 2] = sign
    words[word + 3] = sign
  }
}

/** Values of 9 to 16 bytes. */
function setLongDecimals(words: Int32Array, { bytes, widthBytes, from, to, first }: FixedDecimals): void {
  const view = dataView(bytes)
  const thirdShift = Math.max(0, 96 - 8 * widthBytes)
  const lastShift = 128 - 8 * widthBytes
  for (let at = from; at < to; at++) {
    const end = (at + 1) * widthBytes
    const third = (view.getInt32(end - 12) << thirdShift) >> thirdShift
    const word = first + at * DECIMAL_WORDS
    words[word] = view.getInt32(end - 4)
    words[word + 1] = view.getInt32(end - 8)
    words[word + 2] = third
    words[word + 3] = lastShift >= 32 ? third >> 31 : (view.getInt32(end - 16) << lastShift) >> lastShift
  }
}

function putVarBytes({ length, offsets, bytes }: VarBytesVector, words: Int32Array, first: number): void {
  for (let at = 0; at < length; at++) {
    const from = offsets[at] as number
    const to = offsets[at + 1] as number
    if (from === to) throw new RangeError('a decimal without bytes')
    setDecimal(words, first + at * DECIMAL_WORDS, { bytes, from, to })
  }
}

interface Digits {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

function setDecimal(words: Int32Array, at: number, { bytes, from, to }: Digits): void {
  const sign = (bytes[from] as number) & 0x80 ? -1 : 0
  // Bytes beyond 128 bits repeat the sign.
  const first = Math.max(from, to - WIDTH_MAX)
  for (let byte = from; byte < first; byte++) {
    if (bytes[byte] !== (sign & 0xff)) throw new RangeError('a decimal is wider than 128 bits')
  }
  if (first > from && ((bytes[first] as number) & 0x80) !== (sign & 0x80)) {
    throw new RangeError('a decimal is wider than 128 bits')
  }
  for (let word = 0; word < DECIMAL_WORDS; word++) words[at + word] = sign
  for (let byte = first; byte < to; byte++) {
    const word = at + ((to - 1 - byte) >> 2)
    words[word] = ((words[word] as number) << 8) | (bytes[byte] as number)
  }
}
