import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import { eq } from '../../src/expression/expression.js'
import { printScalar } from '../../src/expression/scalar/print.js'
import { parsePredicate } from '../../src/sql/predicate.js'
import { parseAssignments, parseScalar } from '../../src/sql/scalar.js'
import { sql } from '../../src/sql/template.js'

/** The text with all its brackets. */
const read = (text: string): string => printScalar(parseScalar(text))

function refusal(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    if (!isLakeError(error)) throw error
    const { position, expected } = error.context
    return `${position}: ${expected ?? error.message}`
  }
  throw new Error('parsed')
}

describe('parseScalar', () => {
  it('gives operators their ranks', () => {
    const texts: Readonly<Record<string, string>> = {
      'a + b * c': 'a + (b * c)',
      '(a + b) * c': '(a + b) * c',
      'a - b - c': '(a - b) - c',
      'a / b % c': '(a / b) % c',
      'a-1': 'a - 1',
      'a - -1': 'a - (-1)',
      '- a * - b': '(-a) * (-b)',
      '- - a': 'a',
      '+a': 'a',
      'a + b > c and not d or e': '(((a + b) > c) and (not d)) or e',
      "a || 'x' || b": "concat(a, 'x', b)",
      'a + b is not null': 'not ((a + b) is null)',
      'a + 1 in (b, 2 * 3)': '(a + 1) in (b, 2 * 3)',
      'a between b and c + 1': '(a >= b) and (a <= (c + 1))',
      "a not like 'x%'": "not (a like 'x%')",
      'a <=> b': 'a <=> b',
      'if(a > 1 and b, c, null)': 'if((a > 1) and b, c, null)',
      'COALESCE(a, 1.5)': 'coalesce(a, 1.5)',
      'current_date() - interval 7 days': "current_date() - (interval '7' day)",
      "a + interval '-1' month": "a + (interval '-1' month)",
      'a + interval -2 hours': "a + (interval '-2' hour)",
      'cast(a + 1 as decimal(10,2))': 'cast(a + 1 as decimal(10, 2))',
      'cast(a as timestamp)': 'cast(a as timestamptz)',
      "case when a = 1 then 'x' else b end": "case when a = 1 then 'x' else b end",
      'case a when 1 then 2 when b then c end': 'case when a = 1 then 2 when a = b then c end',
      't.a.b = "t 1".c': 't.a.b = "t 1".c',
      'case + end * cast - interval': '(case + (end * cast)) - interval',
      "starts_with(a, 'b')": "starts_with(a, 'b')",
    }
    expect(Object.fromEntries(Object.keys(texts).map(text => [text, read(text)]))).toEqual(texts)
  })

  it('takes values of a template', () => {
    const scalar = parseScalar(
      sql`a + ${5n} > ${1.5} and b in (${['x', 'y']}, c) and ${eq('d', true)} and ${sql`e - ${2} = f`}`,
    )
    expect(printScalar(scalar)).toBe(
      "((a + 5) > 1.5) and (b in ('x', 'y', c)) and (d = true) and ((e - 2) = f)",
    )
  })

  it('says where a text stops to parse', () => {
    expect(refusal(() => parseScalar('a +'))).toBe('3: a column or a value')
    expect(refusal(() => parseScalar('a b'))).toBe('2: the end of the text')
    expect(refusal(() => parseScalar('case when a then b'))).toBe('18: end')
    expect(refusal(() => parseScalar('case when a end'))).toBe('12: then')
    expect(refusal(() => parseScalar('cast(a)'))).toBe('6: as')
    expect(refusal(() => parseScalar('cast(a as array<int>)'))).toBe('10: nothing is cast to this type')
    expect(refusal(() => parseScalar('interval 1 fortnight'))).toMatch(/^0: year, month/)
    expect(refusal(() => parseScalar("interval '1.5' day"))).toBe(
      '0: an interval is a whole number of its unit',
    )
    expect(refusal(() => parseScalar('a like b'))).toBe('7: a like pattern is text')
    expect(refusal(() => parseScalar('a = ?'))).toBe('4: a question mark without a value')
    expect(refusal(() => parseScalar(sql`a = ${[1, 2]}`))).toBe(
      '4: a list of values can stand behind in only',
    )
  })

  it('refuses nesting that would exhaust the stack, and no more', () => {
    const message = (text: string): string => refusal(() => parseScalar(text))
    expect(message(`a${' + a'.repeat(600)}`)).toContain('nested too deeply')
    expect(message('case when '.repeat(200))).toContain('nested too deeply')
    expect(message(`${'('.repeat(200)}a${')'.repeat(200)}`)).toContain('nested too deeply')
    expect(message(`a${' || a'.repeat(100_000)}`)).toContain('nested too deeply')
    expect(read(`${'- '.repeat(10_001)}a`)).toBe('-a')
    expect(parseScalar(`a${' + a'.repeat(400)}`).kind).toBe('arithmetic')
    expect(parseScalar(`a${' and a'.repeat(10_000)}`).kind).toBe('and')
  })

  it('leaves to scans what they can do', () => {
    expect(refusal(() => parsePredicate('a + 1 = 2'))).toBe(
      '2: only columns and literals can be compared here',
    )
    expect(refusal(() => parsePredicate('a = b + 1'))).toBe('6: a literal is needed here')
    expect(refusal(() => parsePredicate('a <=> 1'))).toBe('2: only columns and literals can be compared here')
    expect(refusal(() => parsePredicate('case when a then b end'))).toBe(
      '0: only columns and literals can be compared here',
    )
  })
})

describe('parseAssignments', () => {
  it('reads columns and their values', () => {
    const list = parseAssignments(`a = a + 1, b.c = 'x', "d e" = case when f then 1 end`)
    expect(list.map(({ column, value }) => `${column}: ${printScalar(value)}`)).toEqual([
      'a: a + 1',
      "b.c: 'x'",
      'd e: case when f then 1 end',
    ])
    expect(parseAssignments(sql`a = ${"it's"}`)).toEqual([
      { column: 'a', value: { kind: 'literal', literal: { kind: 'string', text: "it's" } } },
    ])
  })

  it('says what is missing', () => {
    expect(refusal(() => parseAssignments('a'))).toBe('1: "="')
    expect(refusal(() => parseAssignments('a > 1'))).toBe('2: "="')
    expect(refusal(() => parseAssignments('a = 1,'))).toBe('6: a name')
    expect(refusal(() => parseAssignments('1 = a'))).toBe('0: a name')
  })
})
