import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../../../src/base/bytes.js'
import {
  type Hashes64,
  hashByteStrings,
  hashFixedBytes,
  hashWords32,
  hashWords64,
} from '../../../../src/format/parquet/footer/xxhash64.js'

const hexOf = (hashes: Hashes64, at = 0): string =>
  [hashes[2 * at + 1], hashes[2 * at]].map(word => ((word ?? 0) >>> 0).toString(16).padStart(8, '0')).join('')

const hashOf = (bytes: Uint8Array): string => hexOf(hashFixedBytes(bytes, bytes.length, 1))

/** By the definition, with bigints. */
const MASK = (1n << 64n) - 1n
const P1 = 0x9e3779b185ebca87n
const P2 = 0xc2b2ae3d27d4eb4fn
const P3 = 0x165667b19e3779f9n
const P4 = 0x85ebca77c2b2ae63n
const P5 = 0x27d4eb2f165667c5n
const turn = (value: bigint, bits: bigint): bigint => ((value << bits) | (value >> (64n - bits))) & MASK
const round = (lane: bigint, input: bigint): bigint => (turn((lane + input * P2) & MASK, 31n) * P1) & MASK

function definition(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  let hash = P5
  if (bytes.length >= 32) {
    let lanes = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK]
    for (; at + 32 <= bytes.length; at += 32) {
      const from = at
      lanes = lanes.map((lane, index) => round(lane, view.getBigUint64(from + 8 * index, true)))
    }
    const bits = [1n, 7n, 12n, 18n]
    hash = lanes.reduce((sum, lane, index) => (sum + turn(lane, bits[index] ?? 0n)) & MASK, 0n)
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * P1 + P4) & MASK
  }
  hash = (hash + BigInt(bytes.length)) & MASK
  for (; at + 8 <= bytes.length; at += 8) {
    hash = (turn(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK
  }
  if (at + 4 <= bytes.length) {
    hash = (turn(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK
    at += 4
  }
  for (; at < bytes.length; at++) {
    hash = (turn(hash ^ ((BigInt(bytes[at] ?? 0) * P5) & MASK), 11n) * P1) & MASK
  }
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK
  return (hash ^ (hash >> 32n)).toString(16).padStart(16, '0')
}

describe('xxHash of 64 bits', () => {
  it('has the published values', () => {
    expect(hashOf(new Uint8Array(0))).toBe('ef46db3751d8e999')
    expect(hashOf(utf8Encode('a'))).toBe('d24ec4f1a98c6e5b')
    expect(hashOf(utf8Encode('abc'))).toBe('44bc2cf5ad770999')
  })

  it('is that of the definition for bytes of every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 140 }), bytes => {
        expect(hashOf(bytes)).toBe(definition(bytes))
      }),
      { numRuns: 500 },
    )
  })

  it('is the same for words, fixed and variable bytes, wherever they stand', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 12 }), values => {
        const padded = Uint8Array.of(9, ...values.flatMap(value => [...value]))
        const words = new Int32Array(padded.slice(1).buffer)
        const offsets = Int32Array.from({ length: values.length + 1 }, (_, index) => 1 + 8 * index)
        const hashes = hashWords64(words)
        expect(hashByteStrings(padded, offsets)).toEqual(hashes)
        expect(hashFixedBytes(padded.subarray(1), 8, values.length)).toEqual(hashes)
        expect(hashFixedBytes(padded.subarray(1), 4, 2 * values.length)).toEqual(hashWords32(words))
        for (const [index, value] of values.entries()) expect(hexOf(hashes, index)).toBe(definition(value))
      }),
    )
  })
})
