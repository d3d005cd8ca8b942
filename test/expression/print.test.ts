import { describe, expect, it } from 'vitest'
import { and, eq, isIn, not, notNull, or, startsWith } from '../../src/expression/expression.js'
import { printExpression } from '../../src/expression/print.js'

describe('printExpression', () => {
  it('writes SQL with as few parentheses as needed', () => {
    const a = eq('a', 1)
    expect(printExpression(or(and(a, not(or(a, a))), notNull('b')))).toBe(
      '(a = 1 and not (a = 1 or a = 1)) or b is not null',
    )
    expect(printExpression({ op: 'and', left: { op: 'and', left: a, right: a }, right: a })).toBe(
      'a = 1 and a = 1 and a = 1',
    )
    expect(printExpression({ op: 'and', left: a, right: { op: 'and', left: a, right: a } })).toBe(
      'a = 1 and a = 1 and a = 1',
    )
  })

  it('quotes names and text where they need it', () => {
    expect(printExpression(eq('st.a b', "it's"))).toBe(`st."a b" = 'it''s'`)
    expect(printExpression(eq('say "hi"', true))).toBe('"say ""hi""" = true')
    expect(printExpression(isIn('and', [Uint8Array.of(0, 255)]))).toBe(`"and" in (x'00ff')`)
    expect(printExpression(startsWith('date', 'x'))).toBe("starts_with(date, 'x')")
  })

  it('writes values by their type', () => {
    const typed = (kind: 'date' | 'time' | 'timestamp' | 'timestamptz_ns', value: number | bigint): string =>
      printExpression(eq('c', { kind: 'typed', type: { kind }, value }))
    expect(typed('date', -1)).toBe("c = date '1969-12-31'")
    expect(typed('time', 1n)).toBe("c = time '00:00:00.000001'")
    expect(typed('timestamp', 0n)).toBe("c = timestamp '1970-01-01T00:00:00.000000'")
    expect(typed('timestamptz_ns', 1n)).toBe("c = timestamptz '1970-01-01T00:00:00.000000001+00:00'")
    const price = { kind: 'decimal', precision: 5, scale: 2 } as const
    expect(printExpression(eq('c', { kind: 'typed', type: price, value: -5n }))).toBe('c = -0.05')
  })
})
