import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, utf8Encode } from '../../src/base/bytes.js'
import type { Value } from '../../src/schema/types.js'
import { truncateLowerBound, truncateUpperBound } from '../../src/writer/truncate-bound.js'

const STRING = { kind: 'string' } as const
const BINARY = { kind: 'binary' } as const

describe('truncated bounds', () => {
  it('cut a lower bound between code points, never inside one', () => {
    expect(truncateLowerBound(STRING, 'a😀b😀c', 2)).toBe('a😀')
    expect(truncateLowerBound(STRING, '😀😀', 3)).toBe('😀😀')
  })

  it('raise the last code point of a cut upper bound', () => {
    expect(truncateUpperBound(STRING, 'abcdef', 3)).toBe('abd')
    expect(truncateUpperBound(STRING, 'abc', 3)).toBe('abc')
  })

  it('skip the surrogates and what cannot be raised', () => {
    expect(truncateUpperBound(STRING, 'a\ud7ffb', 2)).toBe('a\ue000')
    expect(truncateUpperBound(STRING, 'a\u{10ffff}b', 2)).toBe('b')
    expect(truncateUpperBound(STRING, '\u{10ffff}\u{10ffff}b', 2)).toBeUndefined()
  })

  it('raise the last byte that is not 0xff', () => {
    expect(truncateUpperBound(BINARY, Uint8Array.of(1, 0xff, 0xff, 7), 3)).toEqual(Uint8Array.of(2))
    expect(truncateUpperBound(BINARY, Uint8Array.of(0xff, 0xff), 1)).toBeUndefined()
    expect(truncateLowerBound(BINARY, Uint8Array.of(1, 2, 3), 2)).toEqual(Uint8Array.of(1, 2))
  })

  it('leave other types whole', () => {
    expect(truncateUpperBound({ kind: 'long' }, 12345678901234567890n, 2)).toBe(12345678901234567890n)
    const fixed = Uint8Array.of(1, 2, 3, 4)
    expect(truncateLowerBound({ kind: 'fixed', lengthBytes: 4 }, fixed, 2)).toBe(fixed)
  })

  it('always enclose the value in UTF-8 order', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 })
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 6 }), (value, width) => {
        const lower = truncateLowerBound(STRING, value, width)
        const upper = truncateUpperBound(STRING, value, width)
        expect(compare(lower, value)).toBeLessThanOrEqual(0)
        if (upper !== undefined) expect(compare(upper, value)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})

function compare(a: Value, b: Value): number {
  return compareBytes(utf8Encode(String(a)), utf8Encode(String(b)))
}
