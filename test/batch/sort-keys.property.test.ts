/** Keys compare as the values do, for every type, direction and place of nulls. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  compareSortKeys,
  isSortable,
  type SortTerm,
  sortedRows,
  sortKeys,
} from '../../src/batch/sort-keys.js'
import { constantVector } from '../../src/batch/take.js'
import { createVectorBuilder } from '../../src/batch/vector-builder.js'
import type { PrimitiveType, Value } from '../../src/schema/types.js'
import { compareValues } from '../../src/schema/value.js'
import { anyValueOrNull, primitiveType } from '../schema/arbitrary.js'

const sortable = primitiveType.filter(isSortable)

interface Column {
  readonly type: PrimitiveType
  readonly values: readonly Value[]
  readonly direction: 'asc' | 'desc'
  readonly nulls: 'first' | 'last'
}

const ROWS = 12

const column: fc.Arbitrary<Column> = sortable.chain(type =>
  fc.record({
    type: fc.constant(type),
    // Few distinct values, so that the terms behind decide too.
    values: fc
      .array(anyValueOrNull(type), { minLength: 1, maxLength: 3 })
      .chain(values => fc.array(fc.constantFrom(...values), { minLength: ROWS, maxLength: ROWS })),
    direction: fc.constantFrom('asc' as const, 'desc' as const),
    nulls: fc.constantFrom('first' as const, 'last' as const),
  }),
)

function term({ type, values, direction, nulls }: Column): SortTerm {
  const builder = createVectorBuilder(type, values.length)
  for (const value of values) builder.append(value)
  return { type, vector: builder.finish(), direction, nulls }
}

function compareByValue(columns: readonly Column[], a: number, b: number): number {
  for (const { type, values, direction, nulls } of columns) {
    const [left, right] = [values[a] ?? null, values[b] ?? null]
    if (left === null || right === null) {
      if (left === right) continue
      return (left === null) === (nulls === 'first') ? -1 : 1
    }
    const order = compareValues(type, left, right)
    if (order !== 0) return direction === 'asc' ? order : -order
  }
  return 0
}

describe('sort keys', () => {
  it('compare as the values do', () => {
    fc.assert(
      fc.property(fc.array(column, { minLength: 1, maxLength: 3 }), columns => {
        const keys = sortKeys(columns.map(term), ROWS)
        for (let a = 0; a < ROWS; a++) {
          for (let b = 0; b < ROWS; b++) {
            expect(Math.sign(compareSortKeys(keys, a, keys, b))).toBe(
              Math.sign(compareByValue(columns, a, b)),
            )
          }
        }
        const wanted = Array.from({ length: ROWS }, (_, row) => row).sort((a, b) =>
          compareByValue(columns, a, b),
        )
        expect([...(sortedRows(keys) ?? Uint32Array.from({ length: ROWS }, (_, row) => row))]).toEqual(wanted)
      }),
      { numRuns: 500 },
    )
  })

  it.each<[string, PrimitiveType, readonly Value[]]>([
    [
      'doubles with both zeros, infinities and NaN last',
      { kind: 'double' },
      [-Infinity, -1e300, -1, -5e-324, -0, 0, 5e-324, 1, 1e300, Infinity, Number.NaN],
    ],
    ['floats', { kind: 'float' }, [-Infinity, -1.5, -0, 0, 1.5, Infinity, Number.NaN]],
    [
      'longs',
      { kind: 'long' },
      [-(2n ** 63n), -(2n ** 32n), -1n, 0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 63n - 1n],
    ],
    [
      'decimals of 38 digits',
      { kind: 'decimal', precision: 38, scale: 2 },
      [-(10n ** 37n), -(2n ** 64n), -1n, 0n, 1n, 2n ** 63n, 2n ** 64n, 10n ** 37n],
    ],
    [
      'text by its bytes, zeros in it too',
      { kind: 'string' },
      ['', '\0', '\0\0', '\0a', '\u0001', 'a', 'a\0', 'a\0b', 'aa', 'ä', '\uffee', '😀'],
    ],
  ])('put %s in order', (_name, type, values) => {
    for (const direction of ['asc', 'desc'] as const) {
      const sorted = direction === 'asc' ? values : values.toReversed()
      const keys = sortKeys([term({ type, values: sorted, direction, nulls: 'first' })], values.length)
      for (let row = 1; row < values.length; row++)
        expect(compareSortKeys(keys, row - 1, keys, row)).toBeLessThan(0)
    }
  })

  it('see one order in rows of different batches, and through dictionaries', () => {
    const plain = sortKeys(
      [term({ type: { kind: 'string' }, values: ['a', 'c'], direction: 'asc', nulls: 'first' })],
      2,
    )
    const vector = constantVector({ kind: 'string' }, 'b', 3)
    const other = sortKeys([{ type: { kind: 'string' }, vector, direction: 'asc', nulls: 'first' }], 3)
    expect(compareSortKeys(plain, 0, other, 2)).toBeLessThan(0)
    expect(compareSortKeys(plain, 1, other, 0)).toBeGreaterThan(0)
  })

  it('refuse types without an order', () => {
    const vector = constantVector({ kind: 'variant' }, null, 1)
    const call = (): unknown =>
      sortKeys([{ type: { kind: 'variant' }, vector, direction: 'asc', nulls: 'first' }], 1)
    expect(call).toThrow(expect.objectContaining({ kind: 'invalid-argument' }))
  })
})
