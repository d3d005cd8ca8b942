import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CODECS } from './codecs.js'
import { EMPTY_FIXED, EVERY_KIND, INT96, readBackTwice, rowsOf } from './stored.js'

describe.each(CODECS)('$name', codec => {
  it.each(codec.kinds)('reads back what it wrote of $name, from any value on, page after page', kind => {
    fc.assert(
      fc.property(kind.arbitrary, fc.nat(20), (values, skip) => {
        const from = Math.min(skip, values.length)
        const rows = rowsOf(values).slice(from)
        expect(rowsOf(readBackTwice(codec, kind, values, from))).toEqual([...rows, ...rows])
      }),
    )
  })

  it.each(codec.kinds)('writes values of $name behind a dictionary as it writes the values', kind => {
    fc.assert(
      fc.property(kind.arbitrary, fc.array(fc.nat(), { maxLength: 50 }), (dictionary, picks) => {
        const codes = Int32Array.from(
          dictionary.length === 0 ? [] : picks.map(pick => pick % dictionary.length),
        )
        const values = { layout: 'dictionary', length: codes.length, codes, dictionary } as const
        const rows = rowsOf(values)
        expect(rowsOf(readBackTwice(codec, kind, values))).toEqual([...rows, ...rows])
      }),
    )
  })

  it('refuses values of other types', () => {
    const others = EVERY_KIND.filter(
      kind => !codec.kinds.includes(kind) && kind !== EMPTY_FIXED && kind !== INT96,
    )
    for (const kind of others) {
      const [values] = fc.sample(kind.arbitrary, { numRuns: 1, seed: 1 })
      expect(() => readBackTwice(codec, kind, values!), kind.name).toThrow(TypeError)
    }
  })
})
