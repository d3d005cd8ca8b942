import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { parseSyntax, type Readings } from '../../src/sql/parse-syntax.js'

const READINGS = ['predicate', 'columns', 'terms', 'sortTerms'] as const satisfies (keyof Readings)[]

/** Where the text stops to parse and what could stand there: `at: expected`. */
function refusal(text: string, reading: keyof Readings): string {
  try {
    parseSyntax(text, reading)
  } catch (error) {
    if (!isLakeError(error)) throw error
    return `${error.context.position}: ${error.context.expected ?? error.message}`
  }
  throw new Error(`parsed: ${text}`)
}

describe('the grammar', () => {
  it('says what could stand where a column definition ends', () => {
    const columns = (text: string): string => refusal(text, 'columns')
    expect(columns('')).toBe('0: a name')
    expect(columns('and int')).toBe('0: a name')
    expect(columns('id')).toBe('2: a type')
    expect(columns('id: not null')).toBe('4: a type')
    expect(columns('id int not')).toBe('10: null')
    expect(columns('id int comment x')).toBe('15: text in single quotes')
    expect(columns('id int,')).toBe('7: a name')
    expect(columns('id int x')).toBe('7: the end of the text')
    expect(columns('a array<int')).toBe('11: ">"')
    expect(columns('a map<int>')).toBe('9: ","')
    expect(columns('a struct<,>')).toBe('9: a name')
    expect(columns('a decimal(x)')).toBe('10: a number, text in single quotes')
    expect(columns('a decimal(9, 2')).toBe('14: ")"')
    expect(columns('a fixed[16')).toBe('10: "]"')
    expect(columns('a int<int>')).toBe('5: the end of the text')
  })

  it('says what could stand where a sort term ends', () => {
    expect(refusal('', 'terms')).toBe('0: a column or a value')
    expect(refusal('days(ts', 'terms')).toBe('7: ")"')
    expect(refusal('days(,)', 'terms')).toBe('5: a column or a value')
    expect(refusal('a desc nulls', 'sortTerms')).toBe('12: first, last')
    expect(refusal('a asc desc', 'sortTerms')).toBe('6: the end of the text')
  })

  it('takes only letters of ASCII for keywords, whatever their case', () => {
    expect(parseSyntax('a lIkE ?', 'predicate').kind).toBe('like')
    // The Kelvin sign is a k in lower case.
    expect(refusal('a li\u212ae ?', 'predicate')).toBe('2: the end of the text')
    expect(refusal('a ıs null', 'predicate')).toBe('2: the end of the text')
  })

  it('takes array, map and struct for types of their own only before a bracket', () => {
    const types = (text: string): unknown => parseSyntax(text, 'columns').map(({ type }) => type.kind)
    expect(types('array array, map map<int, int>, struct struct<a: array<int>>')).toEqual([
      'named',
      'map',
      'struct',
    ])
  })

  it('parses any text or says where not', () => {
    const words =
      "a b.c date and or not in is between like null true nan struct array map comment desc nulls first 'x' x'00' \"q\" `t` 1 -2.5e3 < >= <> == ( ) [ ] , . : + - ? ' \" ~ -- /* */ é"
    const piece = fc.oneof(fc.constantFrom(...words.split(' '), '\n'), fc.string({ maxLength: 3 }))
    const text = fc.tuple(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', ' '))
    fc.assert(
      fc.property(text, fc.constantFrom(...READINGS), ([pieces, between], reading) => {
        const written = pieces.join(between)
        try {
          parseSyntax(written, reading)
        } catch (error) {
          if (!isLakeError(error)) throw error
          const { position } = error.context
          expect(typeof position === 'number' && position >= 0 && position <= written.length).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('takes time that grows with the text, whatever quotes and comments it opens', () => {
    const many = 200_000
    for (const text of [
      `a = '${"''".repeat(many)}`,
      `a = "${'""'.repeat(many)}`,
      `/*${'*'.repeat(many)}`,
      `a ${'--\n'.repeat(many)} b`,
      `a in (${Array.from({ length: many }, () => "'x'").join()}`,
    ])
      expect(refusal(text, 'predicate')).toMatch(/^\d+: /)
  })
})
