import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLakeError } from '../../src/base/errors.js'
import {
  alwaysTrue,
  and,
  type Expression,
  eq,
  gt,
  gtEq,
  isIn,
  isNull,
  lt,
  ltEq,
  not,
  notEq,
  notIn,
  notNan,
  notNull,
  or,
  startsWith,
} from '../../src/expression/expression.js'
import { printExpression } from '../../src/expression/print.js'
import { parsePredicate } from '../../src/sql/predicate.js'

interface Refusal {
  readonly kind: string
  readonly position: unknown
  readonly near: unknown
  readonly expected?: unknown
}

function refusal(text: string): Refusal {
  try {
    parsePredicate(text)
  } catch (error) {
    if (!isLakeError(error)) throw error
    const { position, near, expected } = error.context
    return { kind: error.kind, position, near, ...(expected === undefined ? {} : { expected }) }
  }
  throw new Error(`parsed: ${text}`)
}

const typed = (
  kind: 'date' | 'time' | 'timestamp' | 'timestamptz' | 'timestamp_ns',
  value: number | bigint,
) => ({ kind: 'typed', type: { kind }, value }) as const

describe('parsePredicate', () => {
  it('reads comparisons in all their spellings, from either side', () => {
    expect(parsePredicate('a = 1')).toEqual(eq('a', 1))
    expect(parsePredicate('a == 1')).toEqual(eq('a', 1))
    expect(parsePredicate('a <> 1')).toEqual(notEq('a', 1))
    expect(parsePredicate('a!=1')).toEqual(notEq('a', 1))
    expect(parsePredicate('a<-1')).toEqual(lt('a', -1))
    expect(parsePredicate('5 <= a')).toEqual(gtEq('a', 5))
    expect(parsePredicate("'x' > a")).toEqual(lt('a', 'x'))
    expect(parsePredicate('(a) = (1)')).toEqual(eq('a', 1))
  })

  it('binds `and` closer than `or`, and `not` closest', () => {
    const [a, b, c] = [eq('a', 1), eq('b', 2), eq('c', 3)]
    expect(parsePredicate('a = 1 or b = 2 and c = 3')).toEqual(or(a, and(b, c)))
    expect(parsePredicate('not a = 1 and b = 2')).toEqual(and(not(a), b))
    expect(parsePredicate('not (a = 1 or b = 2)')).toEqual(not(or(a, b)))
    expect(parsePredicate('not not a = 1')).toEqual(a)
    expect(parsePredicate('NOT a = 1 AND\n\tb = 2 -- and so on')).toEqual(and(not(a), b))
    expect(parsePredicate('a = 1 /* or * not **/ and b = 2')).toEqual(and(a, b))
  })

  it('reads sets, ranges, nulls and NaN', () => {
    expect(parsePredicate("r in ('eu', 'us')")).toEqual(isIn('r', ['eu', 'us']))
    expect(parsePredicate('r not in (1)')).toEqual(notIn('r', [1]))
    expect(parsePredicate('a between 1 and 2 and b = 3')).toEqual(
      and(and(gtEq('a', 1), ltEq('a', 2)), eq('b', 3)),
    )
    expect(parsePredicate('a not between 1 and 2')).toEqual(not(and(gtEq('a', 1), ltEq('a', 2))))
    expect(parsePredicate('a is null or b is not null')).toEqual(or(isNull('a'), notNull('b')))
    expect(parsePredicate('a is not nan')).toEqual(notNan('a'))
  })

  it('reads prefixes, with escaped wildcards', () => {
    expect(parsePredicate("a like 'x%'")).toEqual(startsWith('a', 'x'))
    expect(parsePredicate("a not like 'x%'")).toEqual(not(startsWith('a', 'x')))
    expect(parsePredicate("a like 'x'")).toEqual(eq('a', 'x'))
    expect(parsePredicate("a like '%'")).toEqual(notNull('a'))
    expect(parsePredicate("a like '10\\%\\_\\\\%'")).toEqual(startsWith('a', '10%_\\'))
    expect(parsePredicate("starts_with(a, 'x')")).toEqual(startsWith('a', 'x'))
    expect(parsePredicate("StartsWith(a.b, '')")).toEqual(startsWith('a.b', ''))
  })

  it('refuses patterns that are no prefix as not built', () => {
    expect(refusal("a like '%x'")).toEqual({ kind: 'unsupported', position: 7, near: "'%x'" })
    for (const pattern of ['x_', 'a%b%', '%%', 'x\\'])
      expect(refusal(`a like '${pattern}'`).kind).toBe('unsupported')
  })

  it('reads literals of all kinds', () => {
    const literal = (text: string): unknown => {
      const parsed = parsePredicate(`a = ${text}`)
      return 'literal' in parsed ? parsed.literal : parsed
    }
    expect(literal('12345678901234567890.50')).toEqual({ kind: 'number', text: '12345678901234567890.50' })
    expect(literal('-1e-3')).toEqual({ kind: 'number', text: '-1e-3' })
    expect(literal('+.5')).toEqual({ kind: 'number', text: '.5' })
    expect(literal("'it''s'")).toEqual({ kind: 'string', text: "it's" })
    expect(literal("''")).toEqual({ kind: 'string', text: '' })
    expect(literal('TRUE')).toEqual({ kind: 'boolean', value: true })
    expect(literal("x'00fF'")).toEqual({ kind: 'binary', bytes: Uint8Array.of(0, 255) })
    expect(literal("date '1969-12-31'")).toEqual(typed('date', -1))
    expect(literal("time '00:00:01'")).toEqual(typed('time', 1_000_000n))
    expect(literal("timestamp '1970-01-01 00:00:01'")).toEqual(typed('timestamp', 1_000_000n))
    expect(literal("timestamp '1970-01-01T02:00:00+02:00'")).toEqual(typed('timestamptz', 0n))
    expect(literal("timestamptz '1970-01-01 00:00:00'")).toEqual(typed('timestamptz', 0n))
    expect(literal("timestamp '1970-01-01 00:00:00.000000001'")).toEqual(typed('timestamp_ns', 1n))
  })

  it('takes a boolean column, and a constant, as a condition', () => {
    expect(parsePredicate('active and not deleted')).toEqual(
      and(eq('active', true), not(eq('deleted', true))),
    )
    expect(parsePredicate('true')).toEqual(alwaysTrue)
    expect(parsePredicate('not false')).toEqual(not({ op: 'false' }))
  })

  it('takes keywords that are not reserved, and anything in quotes, as names', () => {
    expect(parsePredicate("date = '2026-01-01' and timestamp is null")).toEqual(
      and(eq('date', '2026-01-01'), isNull('timestamp')),
    )
    expect(parsePredicate("date > date '1970-01-02'")).toEqual(gt('date', typed('date', 1)))
    expect(parsePredicate('"and" = 1 or `or``s` = 2')).toEqual(or(eq('and', 1), eq('or`s', 2)))
    expect(parsePredicate('"a ""b""".c.`d e` = 1')).toEqual(eq('a "b".c.d e', 1))
    expect(parsePredicate('android = 1 and notes = 2 and isin = 3')).toEqual(
      and(eq('android', 1), and(eq('notes', 2), eq('isin', 3))),
    )
    expect(parsePredicate("größe = 1 and 名前 = 'x'")).toEqual(and(eq('größe', 1), eq('名前', 'x')))
    expect(parsePredicate('first.last = 1 and map = 2 and x = 3')).toEqual(
      and(eq('first.last', 1), and(eq('map', 2), eq('x', 3))),
    )
  })

  it('points at what it does not understand', () => {
    const end = 'the end of the text'
    const value = 'a column or a value'
    const wrong = 'invalid-argument'
    expect(refusal('')).toEqual({ kind: wrong, position: 0, near: end, expected: value })
    expect(refusal('a = ')).toEqual({ kind: wrong, position: 4, near: end, expected: value })
    expect(refusal('a = 1 b = 2')).toEqual({ kind: wrong, position: 6, near: 'b = 2', expected: end })
    expect(refusal('(a = 1')).toEqual({ kind: wrong, position: 6, near: end, expected: '")"' })
    expect(refusal('a = 1)')).toEqual({ kind: wrong, position: 5, near: ')', expected: end })
    expect(refusal('a in ()')).toEqual({ kind: wrong, position: 6, near: ')', expected: value })
    expect(refusal('a in 1')).toEqual({ kind: wrong, position: 5, near: '1', expected: '"?", "("' })
    expect(refusal('a is 1')).toEqual({ kind: wrong, position: 5, near: '1', expected: 'null, nan' })
    expect(refusal('a not = 1')).toEqual({
      kind: wrong,
      position: 6,
      near: '= 1',
      expected: 'in, between, like',
    })
    expect(refusal('a between 1 or 2')).toEqual({ kind: wrong, position: 12, near: 'or 2', expected: 'and' })
    expect(refusal('a + 1 = 2')).toEqual({ kind: wrong, position: 2, near: '+ 1 = 2' })
    expect(refusal('x = 1 and\n  and y = 2')).toEqual({
      kind: wrong,
      position: 12,
      near: 'and y = 2',
      expected: value,
    })
    expect(refusal('a. = 1')).toEqual({ kind: wrong, position: 3, near: '= 1', expected: 'a name' })
    expect(refusal('a = 5x')).toEqual({ kind: wrong, position: 5, near: 'x', expected: end })
    expect(refusal(`a = 1 and ${'b'.repeat(40)} ~ 2`)).toEqual({ kind: wrong, position: 51, near: '~ 2' })
    expect(refusal(`a = 1 b${'c'.repeat(40)}`).near).toBe(`b${'c'.repeat(23)}`)
  })

  it('points at text, names and comments without an end', () => {
    expect(refusal("a = 'it''s")).toEqual({ kind: 'invalid-argument', position: 4, near: "'it''s" })
    expect(refusal('a = 1 and "b = 2')).toEqual({ kind: 'invalid-argument', position: 10, near: '"b = 2' })
    expect(refusal('a = 1 /* b')).toEqual({ kind: 'invalid-argument', position: 6, near: '/* b' })
    expect(refusal('"" = 1')).toEqual({ kind: 'invalid-argument', position: 0, near: '"" = 1' })
  })

  it('points at what parses but is no predicate', () => {
    const at = (text: string): unknown => {
      const { kind, position } = refusal(text)
      return kind === 'invalid-argument' ? position : kind
    }
    expect(at('a = null')).toBe(4)
    expect(at('a in (1, null)')).toBe(9)
    expect(at('a = b')).toBe(4)
    expect(at('1 = 1')).toBe(2)
    expect(at('a = 1 and 5')).toBe(10)
    expect(at("'x'")).toBe(0)
    expect(at('1 is null')).toBe(0)
    expect(at("b = 1 or upper(a) = 'X'")).toBe(9)
    expect(at("a = 1 or upper('x')")).toBe(9)
    expect(at('starts_with(a)')).toBe(0)
    expect(at("starts_with('x', 'y')")).toBe(12)
    expect(at('starts_with(a, 5)')).toBe(15)
    expect(at('a like 5')).toBe(7)
    expect(at("a = date '2026-02-30'")).toBe(4)
    expect(at("a = timestamp 'noon'")).toBe(4)
    expect(at("a = x'0'")).toBe(4)
    expect(at('a = (b = 1)')).toBe(7)
    expect(at('a = ?')).toBe(4)
  })

  it('reads long chains, and refuses deep nesting before the stack ends', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => `a <> ${index}`).join(' and ')
    expect(parsePredicate(chain).op).toBe('and')
    const nested = (depth: number): string => `${'('.repeat(depth)}a = 1${')'.repeat(depth)}`
    expect(parsePredicate(nested(100))).toEqual(eq('a', 1))
    expect(refusal(nested(101))).toMatchObject({ kind: 'invalid-argument', position: 100 })
    expect(refusal(nested(100_000))).toMatchObject({ kind: 'invalid-argument', position: 100 })
    expect(parsePredicate(`${'not '.repeat(100_001)}a`)).toEqual(not(eq('a', true)))
    const comparisons = Array.from({ length: 500 }, () => 'a < 1').join(' or ')
    expect(parsePredicate(comparisons).op).toBe('or')
  })

  it('reads back what printExpression writes', () => {
    const part = fc.oneof(
      fc.constantFrom(
        'a',
        'and',
        'Null',
        'date',
        'timestamp',
        'a b',
        'x"y',
        'q`',
        '1a',
        "it's",
        'map',
        'nan',
        'x',
        'ß',
        '?',
      ),
      fc.string({ minLength: 1 }).filter(text => !text.includes('.')),
    )
    const column = fc.array(part, { minLength: 1, maxLength: 3 }).map(parts => parts.join('.'))
    const literal = fc.oneof(
      fc.string().map(text => ({ kind: 'string', text }) as const),
      fc.bigInt().map(value => ({ kind: 'number', text: String(value) }) as const),
      fc
        .double({ noDefaultInfinity: true, noNaN: true })
        .map(value => ({ kind: 'number', text: String(value + 0) }) as const),
      fc.boolean().map(value => ({ kind: 'boolean', value }) as const),
      fc
        .uint8Array({ maxLength: 5 })
        .map(bytes => ({ kind: 'binary', bytes: Uint8Array.from(bytes) }) as const),
      fc.integer({ min: -800_000, max: 800_000 }).map(value => typed('date', value)),
      fc.bigInt({ min: -(2n ** 55n), max: 2n ** 55n }).map(value => typed('timestamp', value)),
      fc.bigInt({ min: -(2n ** 55n), max: 2n ** 55n }).map(value => typed('timestamptz', value)),
      fc.bigInt({ min: 0n, max: 86_399_999_999n }).map(value => typed('time', value)),
    )
    const leaf: fc.Arbitrary<Expression> = fc.oneof(
      fc.record({ op: fc.constantFrom('eq', 'not-eq', 'lt', 'lt-eq', 'gt', 'gt-eq'), column, literal }),
      fc.record({
        op: fc.constantFrom('in', 'not-in'),
        column,
        literals: fc.array(literal, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ op: fc.constantFrom('is-null', 'not-null', 'is-nan', 'not-nan'), column }),
      fc.record({
        op: fc.constant('starts-with'),
        column,
        literal: fc.string().map(text => ({ kind: 'string', text }) as const),
      }),
    )
    const { node } = fc.letrec<{ node: Expression }>(tie => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.record({ op: fc.constantFrom('and', 'or'), left: tie('node'), right: tie('node') }),
        leaf.map(child => not(child)),
      ),
    }))
    fc.assert(
      fc.property(node, expression => {
        const text = printExpression(expression)
        expect(printExpression(parsePredicate(text))).toBe(text)
        if (!('left' in expression)) expect(parsePredicate(text)).toEqual(expression)
      }),
      { numRuns: 1000 },
    )
  })
})
