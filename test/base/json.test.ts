import fc from 'fast-check'
import { parse, stringify } from 'lossless-json'
import { describe, expect, it } from 'vitest'
import { JsonNumber, type JsonValue, parseJson, stringifyJson } from '../../src/base/json.js'

/** The answer of a parser that reads number by number. */
function reference(text: string): unknown {
  const parseNumber = (digits: string): number | bigint => {
    const value = Number(digits)
    return !/^-?\d+$/.test(digits) || Number.isSafeInteger(value) ? value : BigInt(digits)
  }
  return parse(text, undefined, { parseNumber, onDuplicateKey: ({ newValue }) => newValue })
}

function outcome(read: () => unknown): unknown {
  try {
    return { value: read() }
  } catch {
    return 'refused'
  }
}

const texts = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '"',
    '\\',
    '\ue000',
    '\ue0009007199254740993',
    ',9007199254740993,',
    '"9007199254740993"',
    ':12345678901234567890}',
  ),
)
const numbers = fc.oneof(
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 2 ** 53, -(2 ** 53), 1e300, 5e-324, 123456789012345680000, 0.1234567890123456),
)
const { json } = fc.letrec<{ json: unknown; leaf: unknown }>(tie => ({
  leaf: fc.oneof(fc.constantFrom(null, true, false), numbers, texts),
  json: fc.oneof(
    { depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.dictionary(
      texts.filter(key => key !== '__proto__'),
      tie('json'),
      { maxKeys: 4 },
    ),
  ),
}))

describe('JSON text', () => {
  it('is what a writer prints that knows long integers', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, 2), (value, indent) => {
        const negativeZero = { test: (part: unknown) => Object.is(part, -0), stringify: () => '-0.0' }
        const expected = stringify(value, undefined, indent, [negativeZero])
        expect(stringifyJson(value, indent === undefined ? {} : { indent })).toBe(expected)
      }),
    )
  })

  it('leaves out undefined members and keeps the digits of numbers as written', () => {
    const value = { a: undefined, b: [undefined, new JsonNumber('1.0')], c: {}, d: [], e: Number.NaN }
    expect(stringifyJson(value)).toBe('{"b":[null,1.0],"c":{},"d":[],"e":null}')
    expect(stringifyJson({ a: undefined }, { indent: 2 })).toBe('{}')
    expect(stringifyJson(undefined)).toBe('null')
  })
})

describe('JSON with exact integers', () => {
  it('is read as a parser that goes number by number reads it', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 2), (value, indent) => {
        const text = stringifyJson(value, indent === undefined ? {} : { indent })
        expect(parseJson(text)).toStrictEqual(reference(text))
      }),
      { numRuns: 2_000 },
    )
  })

  it('is refused, when something is broken in it, where such a parser refuses it', () => {
    const pieces = fc.constantFrom(
      ...['"', '\\', '[', ']', '{', '}', ',', ':', '-', '.', 'e', 'E+', '0', ' ', '\n'],
      ...['9007199254740993', '\ue000', '\\ue000', '\\u0022'],
    )
    fc.assert(
      fc.property(json, fc.array(fc.tuple(fc.nat(), fc.nat(3), pieces), { maxLength: 3 }), (value, edits) => {
        let text = stringifyJson(value)
        for (const [place, dropped, piece] of edits) {
          const at = place % (text.length + 1)
          text = text.slice(0, at) + piece + text.slice(at + dropped)
        }
        expect(outcome(() => parseJson(text))).toStrictEqual(outcome(() => reference(text)))
      }),
      { numRuns: 5_000 },
    )
  })

  it.each<[string, JsonValue]>([
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740992', 9_007_199_254_740_992n],
    ['[-9223372036854775808]', [-(2n ** 63n)]],
    [
      '{"a":"\\"9007199254740993","b":9007199254740993}',
      { a: '"9007199254740993', b: 9_007_199_254_740_993n },
    ],
    ['["\\\\",9007199254740993]', ['\\', 9_007_199_254_740_993n]],
    ['["\\ue0009007199254740993",9007199254740993]', ['\ue0009007199254740993', 9_007_199_254_740_993n]],
    ['[1.2345678901234567890,12345678901234560e2]', [1.2345678901234567, 1.234567890123456e18]],
    ['[1000000000000000]', [1_000_000_000_000_000]],
    ['-0', -0],
    ['{"a":1,"a":2}', { a: 2 }],
  ])('reads %s', (text, value) => {
    expect(parseJson(text)).toStrictEqual(value)
  })

  it.each([
    '{9007199254740993:1}',
    '[09007199254740993]',
    '[9007199254740993"a"]',
    '["a"9007199254740993]',
    `[${'9'.repeat(1_001)}]`,
    '['.repeat(100_000) + ']'.repeat(100_000),
    '"9007199254740993',
    '',
  ])('refuses %.40s', text => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ kind: 'corrupt' }))
  })

  it('keeps a member named __proto__ a member', () => {
    const read = parseJson('{"__proto__":{"a":1}}') as Record<string, unknown>
    expect(Object.keys(read)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })
})
