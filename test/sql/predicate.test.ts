import { describe, expect, it } from 'vitest'
import { printExpression } from '../../src/expression/print.js'
import { parsePredicate } from '../../src/sql/predicate.js'

describe('x', () => {
  it('y', () => {
    for (const text of [
      'a = 1',
      "not a and b or (c <> 'x''y' and d in (1,2))",
      "ts >= date '2020-01-01'",
      "date = '2020' or date.x is not nan",
      "starts_with(a, 'x')",
      '5 < x',
      "a between -1 and +2e5 and b not like 'x%'",
    ])
      console.log(printExpression(parsePredicate(text)))
    for (const text of [
      'a = ',
      'a = 1 b',
      'a & 1',
      "'abc",
      "a = date 'x'",
      '(a = 1',
      'a = b',
      '',
      'a in ()',
      'foo(a)',
      'a = null',
      "a like '%x'",
      'a = ?',
      "date 'x'",
    ])
      try {
        parsePredicate(text)
        console.log('???', text)
      } catch (e: any) {
        console.log(text, '=>', e.kind, e.message, JSON.stringify(e.context))
      }
    expect(1).toBe(1)
  })
})
