/** What is appended from ranges of bytes and as plain numbers is what is appended as values. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BytesBuilder, LongBuilder, StringBuilder } from '../../src/batch/primitive-builders.js'
import { columnValues } from '../../src/batch/values.js'
import type { Value } from '../../src/schema/types.js'

const LONG = { kind: 'long' } as const
const STRING = { kind: 'string' } as const
const BINARY = { kind: 'binary' } as const

describe('a builder', () => {
  it('of longs takes whole numbers and halves, nulls between them', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.maxSafeInteger()), { maxLength: 40 }), numbers => {
        const [whole, halves] = [new LongBuilder(LONG, 1), new LongBuilder(LONG, 0)]
        for (const number of numbers) {
          if (number === null) {
            whole.append(null)
            halves.append(null)
            continue
          }
          whole.appendNumber(number)
          const bits = BigInt(number)
          halves.appendWords(Number(BigInt.asIntN(32, bits)), Number(bits >> 32n))
        }
        const expected = numbers.map(number => (number === null ? null : BigInt(number)))
        expect(columnValues(whole.finish(), LONG)).toEqual(expected)
        expect(columnValues(halves.finish(), LONG)).toEqual(expected)
      }),
    )
  })

  it('of bytes and texts takes ranges, nulls and values between them', () => {
    const part = fc.record({
      text: fc.string({ unit: 'grapheme', maxLength: 100 }),
      before: fc.nat(9),
      as: fc.constantFrom('range', 'value', 'null'),
    })
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), parts => {
        const [bytes, texts] = [new BytesBuilder(BINARY, 1), new StringBuilder(STRING, 1)]
        const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
        for (const { text, before, as } of parts) {
          const stored = encode(text)
          if (as === 'range') {
            const source = Uint8Array.of(...new Uint8Array(before), ...stored, 7)
            bytes.appendRange(source, before, before + stored.length)
            texts.appendRange(source, before, before + stored.length)
          } else {
            bytes.append(as === 'null' ? null : stored)
            texts.append(as === 'null' ? null : text)
          }
        }
        const expected = (of: (text: string) => Value): Value[] =>
          parts.map(({ text, as }) => (as === 'null' ? null : of(text)))
        expect(columnValues(bytes.finish(), BINARY)).toEqual(expected(encode))
        expect(columnValues(texts.finish(), STRING)).toEqual(expected(text => text))
      }),
    )
  })
})
