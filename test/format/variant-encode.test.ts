import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeVariant } from '../../src/format/variant-encode.js'
import { readVariantMetadata } from '../../src/format/variant-metadata.js'
import { checkVariant } from '../../src/format/variant-value.js'
import { decodeVariant, type VariantTree } from './variant-tree.js'

type Given =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Given[]
  | { readonly [name: string]: Given }

const { given: arbitraryGiven } = fc.letrec<{ given: Given }>(tie => ({
  given: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.uint8Array({ maxLength: 8 }),
    fc.array(tie('given'), { maxLength: 5 }),
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 8 }), tie('given'), { maxKeys: 6 }),
  ),
}))

/** What the table of the encoding says a value becomes. */
function expected(given: Given): VariantTree {
  if (given === null) return { type: 'null' }
  switch (typeof given) {
    case 'boolean':
      return { type: 'boolean', value: given }
    case 'string':
      return { type: 'string', value: given }
    case 'bigint':
      return BigInt.asIntN(64, given) === given
        ? { type: 'int64', value: given }
        : { type: 'decimal16', scale: 0, value: given }
    case 'number': {
      if (!Number.isSafeInteger(given) || Object.is(given, -0)) return { type: 'double', value: given }
      const fits = (bits: number): boolean => given >= -(2 ** (bits - 1)) && given < 2 ** (bits - 1)
      if (!fits(32)) return { type: 'int64', value: BigInt(given) }
      return { type: fits(8) ? 'int8' : fits(16) ? 'int16' : 'int32', value: given }
    }
    default:
      if (given instanceof Uint8Array) return { type: 'binary', value: given }
      if (Array.isArray(given)) return { type: 'array', elements: given.map(expected) }
      return {
        type: 'object',
        fields: Object.fromEntries(Object.entries(given).map(([name, value]) => [name, expected(value)])),
      }
  }
}

describe('a value made a variant', () => {
  it('is read by another decoder as what it was, its names sorted', () => {
    fc.assert(
      fc.property(arbitraryGiven, given => {
        const bytes = encodeVariant(given)
        expect(checkVariant(bytes)).toBeGreaterThan(2)
        expect(decodeVariant(bytes)).toEqual(expected(given))
        const { ascending, nameCount } = readVariantMetadata(bytes, 0, bytes.length)
        expect(ascending).toBe(true)
        // The flag for sorted names.
        expect((bytes[0] ?? 0) & 16).toBe(nameCount > 0 ? 16 : 0)
      }),
    )
  })

  it('takes dates, Maps and typed objects, and leaves out what is undefined', () => {
    class Point {
      readonly x = 1
      readonly y = undefined
    }
    const given = {
      when: new Date(5),
      map: new Map([
        ['b', 1],
        ['a', null],
      ]),
      point: new Point(),
    }
    expect(decodeVariant(encodeVariant(given))).toEqual({
      type: 'object',
      fields: {
        when: { type: 'timestamptz', value: 5000n },
        map: { type: 'object', fields: { a: { type: 'null' }, b: { type: 'int8', value: 1 } } },
        point: { type: 'object', fields: { x: { type: 'int8', value: 1 } } },
      },
    })
  })

  it('holds hundreds of fields and long names', () => {
    const given = Object.fromEntries(Array.from({ length: 700 }, (_, at) => [`${at}`.padStart(300, 'n'), at]))
    expect(decodeVariant(encodeVariant(given))).toEqual(expected(given))
  })

  const itself: unknown[] = []
  itself.push(itself)
  let deep: unknown = 1
  for (let at = 0; at < 1000; at++) deep = [deep]

  it.each([
    ['undefined', undefined],
    ['a hole', [1, undefined]],
    ['a symbol', Symbol('s')],
    ['a function', { f: () => 1 }],
    ['a set', new Set([1])],
    ['a typed array', new Int32Array(2)],
    ['an invalid date', new Date(Number.NaN)],
    ['half a surrogate pair', 'x\ud83d'],
    ['a name of half a pair', { 'x\ud83d': 1 }],
    ['a Map with other keys', new Map([[1, 2]])],
    ['39 digits', 10n ** 38n],
    ['itself', itself],
    ['a thousand and one levels', [deep]],
  ])('refuses %s', (_, given) => {
    expect(() => encodeVariant(given)).toThrow(TypeError)
  })

  it('is nested as deeply as readers take it', () => {
    expect(checkVariant(encodeVariant(deep))).toBe(3)
  })
})
