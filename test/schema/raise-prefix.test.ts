import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, utf8Decode, utf8Encode } from '../../src/base/bytes.js'
import { raisedBytes, raisedText } from '../../src/schema/raise-prefix.js'

describe('a raised prefix', () => {
  it('of bytes sorts behind all that begin with it, and before all that sort behind those', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (prefix, rest) => {
        const raised = raisedBytes(prefix)
        if (raised === undefined) {
          expect(prefix.every(byte => byte === 0xff)).toBe(true)
          return
        }
        expect(raised.length).toBeLessThanOrEqual(prefix.length)
        expect(compareBytes(raised, Uint8Array.of(...prefix, ...rest))).toBeGreaterThan(0)
        expect(compareBytes(raised, Uint8Array.of(...prefix, 0xff, 0xff, 0xff, 0xff, 0xff))).toBeGreaterThan(
          0,
        )
      }),
    )
  })

  it('of text is text that sorts behind all that begin with it, by UTF-8', () => {
    const text = fc.string({ unit: 'binary', maxLength: 4 })
    fc.assert(
      fc.property(text, text, (prefix, rest) => {
        const raised = raisedText(prefix)
        if (raised === undefined) return
        expect(utf8Decode(utf8Encode(raised))).toBe(raised)
        expect(Array.from(raised).length).toBeLessThanOrEqual(Array.from(prefix).length)
        expect(compareBytes(utf8Encode(raised), utf8Encode(prefix + rest))).toBeGreaterThan(0)
      }),
    )
  })

  it('passes over surrogates, drops what cannot be raised, and may not exist', () => {
    expect(raisedText('ab')).toBe('ac')
    expect(raisedText('a\u{d7ff}')).toBe('a\u{e000}')
    expect(raisedText('a\u{10ffff}\u{10ffff}')).toBe('b')
    expect(raisedText('\u{10ffff}')).toBeUndefined()
    expect(raisedText('')).toBeUndefined()
    expect(raisedBytes(Uint8Array.of(0x61, 0xff))).toEqual(Uint8Array.of(0x62))
    expect(raisedBytes(Uint8Array.of(0xff, 0xff))).toBeUndefined()
  })
})
