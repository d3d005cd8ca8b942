import { describe, expect, it } from 'vitest'
import {
  allOf,
  and,
  anyOf,
  type Expression,
  eq,
  type LiteralInput,
  literalOf,
  or,
} from '../../src/expression/expression.js'

function depth(expression: Expression): number {
  return 'left' in expression ? 1 + Math.max(depth(expression.left), depth(expression.right)) : 1
}

describe('expression builders', () => {
  it('join any number of children into a shallow tree in order', () => {
    const leaves = Array.from({ length: 200_000 }, (_, index) => eq('a', index))
    expect(depth(anyOf(leaves))).toBeLessThan(20)
    expect(and(eq('a', 1), eq('b', 2))).toEqual({ op: 'and', left: eq('a', 1), right: eq('b', 2) })
    expect(allOf([])).toEqual({ op: 'true' })
    expect(or()).toEqual({ op: 'false' })
  })

  it('make literals of JavaScript values without losing digits', () => {
    expect(literalOf(2n ** 60n)).toEqual({ kind: 'number', text: '1152921504606846976' })
    expect(literalOf(0.1)).toEqual({ kind: 'number', text: '0.1' })
    expect(literalOf(-0)).toEqual({ kind: 'number', text: '0' })
    expect(literalOf(Infinity)).toEqual({ kind: 'typed', type: { kind: 'double' }, value: Infinity })
    expect(literalOf(new Date(5))).toEqual({ kind: 'typed', type: { kind: 'timestamptz' }, value: 5000n })
    expect(literalOf({ kind: 'string', text: 'x' })).toEqual({ kind: 'string', text: 'x' })
  })

  it('refuse what no literal can be', () => {
    for (const value of [null, undefined, new Date(Number.NaN), {}, [1], Symbol('x')]) {
      expect(() => literalOf(value as LiteralInput)).toThrow(
        expect.objectContaining({ kind: 'invalid-argument' }),
      )
    }
  })
})
