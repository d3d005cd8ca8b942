import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, hexDecode, hexEncode, utf8Encode } from '../../src/base/bytes.js'
import { parseType } from '../../src/schema/type-text.js'
import type { Value } from '../../src/schema/types.js'
import {
  compareStrings,
  compareValues,
  equalValues,
  parseValue,
  serializeValue,
} from '../../src/schema/value.js'
import { anyType, anyValue, anyValueOrNull, primitiveType } from './arbitrary.js'

describe('the binary single-value form', () => {
  it('is that of Appendix D', () => {
    const forms: [string, Value, string][] = [
      ['boolean', false, '00'],
      ['boolean', true, '01'],
      ['int', 34, '22000000'],
      ['int', -1, 'ffffffff'],
      ['long', 34n, '2200000000000000'],
      ['float', 1, '0000803f'],
      ['double', 1, '000000000000f03f'],
      ['date', 17501, '5d440000'],
      ['time', 36775038194n, 'f28cf68f08000000'],
      ['timestamp', -1n, 'ffffffffffffffff'],
      ['string', 'ABC', '414243'],
      ['uuid', hexDecode('f79c3e09677c4bbda4793f349cb785e7')!, 'f79c3e09677c4bbda4793f349cb785e7'],
      ['fixed[3]', Uint8Array.of(1, 2, 3), '010203'],
      ['binary', Uint8Array.of(), ''],
      ['decimal(9, 2)', 1420n, '058c'],
      ['decimal(9, 2)', 0n, '00'],
      ['decimal(9, 2)', 128n, '0080'],
      ['decimal(9, 2)', -128n, '80'],
      ['decimal(9, 2)', -129n, 'ff7f'],
    ]
    for (const [text, value, hex] of forms) {
      const type = parseType(text)
      expect([text, hexEncode(serializeValue(type, value))]).toEqual([text, hex])
      expect([text, parseValue(type, hexDecode(hex)!)]).toEqual([text, value])
    }
  })

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(
        primitiveType.chain(type => anyValue(type).map(value => ({ type, value }))),
        ({ type, value }) => {
          const read = parseValue(type, serializeValue(type, value))
          return read !== undefined && equalValues(type, read, value)
        },
      ),
    )
  })

  it('reads bounds written before a promotion by their length', () => {
    expect(parseValue({ kind: 'long' }, serializeValue({ kind: 'int' }, -7))).toBe(-7n)
    expect(parseValue({ kind: 'double' }, serializeValue({ kind: 'float' }, 0.5))).toBe(0.5)
    expect(parseValue({ kind: 'timestamp' }, serializeValue({ kind: 'date' }, -1))).toBe(-86_400_000_000n)
    expect(parseValue({ kind: 'timestamp_ns' }, serializeValue({ kind: 'date' }, 1))).toBe(
      86_400_000_000_000n,
    )
    expect(parseValue(parseType('decimal(38, 2)'), serializeValue(parseType('decimal(9, 2)'), -5n))).toBe(-5n)
  })

  it('takes a decimal of fixed width, as Parquet pads it', () => {
    expect(parseValue(parseType('decimal(20, 2)'), hexDecode('fffffffffffffffffe')!)).toBe(-2n)
  })

  it('does not understand bytes of a wrong length, or text that is no UTF-8', () => {
    const malformed: [string, string][] = [
      ['int', '010203'],
      ['long', '0102'],
      ['double', '010203'],
      ['boolean', ''],
      ['uuid', '01'],
      ['fixed[2]', '010203'],
      ['decimal(9, 2)', ''],
      ['string', 'ff'],
      ['string', 'f09f98'],
    ]
    for (const [type, hex] of malformed) expect(parseValue(parseType(type), hexDecode(hex)!)).toBeUndefined()
  })

  it('does not exist for nested and geographic types', () => {
    expect(() => serializeValue({ kind: 'struct', fields: [] }, [])).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
    expect(parseValue({ kind: 'geometry' }, Uint8Array.of(1))).toBeUndefined()
    expect(parseValue({ kind: 'variant' }, Uint8Array.of(1))).toBeUndefined()
  })
})

describe('the order of values', () => {
  it('puts -0.0 below 0.0 and NaN above everything', () => {
    const double = { kind: 'double' } as const
    const ordered = [Number.NEGATIVE_INFINITY, -1, -0, 0, 1, Number.POSITIVE_INFINITY, Number.NaN]
    for (const [i, a] of ordered.entries()) {
      for (const [j, b] of ordered.entries())
        expect(Math.sign(compareValues(double, a, b))).toBe(Math.sign(i - j))
    }
  })

  it('compares text as its UTF-8 bytes', () => {
    expect(compareStrings('\uffff', '😀')).toBeLessThan(0)
    const text = fc.string({
      unit: fc.constantFrom('a', 'é', '\ue000', '\uffff', '😀', '\u{10ffff}'),
      maxLength: 4,
    })
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareStrings(a, b))).toBe(Math.sign(compareBytes(utf8Encode(a), utf8Encode(b))))
      }),
    )
  })

  it('compares bytes without sign', () => {
    expect(compareValues({ kind: 'binary' }, Uint8Array.of(0x80), Uint8Array.of(0x7f))).toBeGreaterThan(0)
    expect(compareValues({ kind: 'binary' }, Uint8Array.of(1), Uint8Array.of(1, 0))).toBeLessThan(0)
  })

  it('is a total order over values of any type', () => {
    const three = anyType(2).chain(type =>
      fc.tuple(fc.constant(type), anyValueOrNull(type), anyValueOrNull(type), anyValueOrNull(type)),
    )
    fc.assert(
      fc.property(three, ([type, a, b, c]) => {
        const order = (x: Value, y: Value): number => Math.sign(compareValues(type, x, y))
        expect(order(a, a)).toBe(0)
        expect(order(a, b) + order(b, a)).toBe(0)
        if (order(a, b) <= 0 && order(b, c) <= 0) expect(order(a, c)).toBeLessThanOrEqual(0)
      }),
    )
  })

  it('refuses to compare values of different forms', () => {
    expect(() => compareValues({ kind: 'int' }, 1, 1n)).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
  })
})
