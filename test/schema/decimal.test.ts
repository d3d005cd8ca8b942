import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexEncode } from '../../src/base/bytes.js'
import { formatDecimal, parseDecimal, parseUnscaled, unscaledBytes } from '../../src/schema/decimal.js'

const any38 = fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n })

describe('decimals as text', () => {
  it('reads back what it printed', () => {
    fc.assert(
      fc.property(any38, fc.integer({ min: 0, max: 38 }), (unscaled, scale) => {
        expect(parseDecimal(formatDecimal(unscaled, scale), { precision: 38, scale })).toBe(unscaled)
      }),
    )
  })

  it('prints plainly, with all digits of the scale', () => {
    expect(formatDecimal(0n, 11)).toBe('0.00000000000')
    expect(formatDecimal(-5n, 2)).toBe('-0.05')
    expect(formatDecimal(123n, 0)).toBe('123')
    expect(formatDecimal(-123n, 1)).toBe('-12.3')
  })

  it('takes exponents, signs, bare points and any zeros that change nothing', () => {
    const parse = (text: string): bigint | undefined => parseDecimal(text, { precision: 5, scale: 2 })
    const values: [string, bigint][] = [
      ['1', 100n],
      ['+1.5', 150n],
      ['.5', 50n],
      ['5.', 500n],
      ['1.2500000', 125n],
      ['00012.3', 1230n],
      ['1e1', 1000n],
      ['1.5E+2', 15000n],
      ['125e-2', 125n],
      ['0E-11', 0n],
      ['0e999999999', 0n],
      ['-0', 0n],
      ['  7 ', 700n],
    ]
    for (const [text, unscaled] of values) expect([text, parse(text)]).toEqual([text, unscaled])
  })

  it('refuses what would be rounded, does not fit, or is no number', () => {
    const parse = (text: string): bigint | undefined => parseDecimal(text, { precision: 5, scale: 2 })
    for (const text of [
      '1.234',
      '1000',
      '1e3',
      '1e-3',
      '1e999999999',
      '1e-999999999',
      '',
      '.',
      '-',
      'e5',
      '1,5',
      'NaN',
      '0x1',
      '1 2',
    ]) {
      expect([text, parse(text)]).toEqual([text, undefined])
    }
  })
})

describe('decimals as bytes', () => {
  it('takes the fewest bytes that keep the sign', () => {
    const forms: [bigint, string][] = [
      [0n, '00'],
      [1n, '01'],
      [-1n, 'ff'],
      [127n, '7f'],
      [128n, '0080'],
      [-128n, '80'],
      [-129n, 'ff7f'],
      [255n, '00ff'],
      [256n, '0100'],
    ]
    for (const [unscaled, hex] of forms) expect(hexEncode(unscaledBytes(unscaled))).toBe(hex)
  })

  it('reads back what it wrote, padded or not', () => {
    fc.assert(
      fc.property(any38, unscaled => {
        const bytes = unscaledBytes(unscaled)
        const padded = new Uint8Array(17).fill(unscaled < 0n ? 0xff : 0)
        padded.set(bytes, 17 - bytes.length)
        expect(parseUnscaled(bytes)).toBe(unscaled)
        expect(parseUnscaled(padded)).toBe(unscaled)
      }),
    )
    expect(parseUnscaled(new Uint8Array(0))).toBe(0n)
  })
})
