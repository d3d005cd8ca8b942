/** Keys found in order are the keys that a look at every row finds. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Vector } from '../../src/batch/column-batch.js'
import { buildKeyTable } from '../../src/batch/row-hash.js'
import { batchOf } from '../../src/batch/vector-builder.js'
import type { Type } from '../../src/schema/types.js'

const LONG: Type = { kind: 'long' }
const INT: Type = { kind: 'int' }

function columnOf(type: Type, values: readonly (bigint | number | null)[]): Vector {
  const field = { id: 1, name: 'k', required: false, type }
  const [column] = batchOf(
    [field],
    values.map(value => [value]),
  ).columns
  if (column === undefined) throw new Error('a batch of one field has one column')
  return column
}

/** Near each other, so that there are matches, and at the ends of what doubles and longs hold. */
const longs = fc.oneof(
  fc.bigInt({ min: -20n, max: 20n }),
  fc.bigInt({ min: 2n ** 32n - 3n, max: 2n ** 32n + 3n }),
  fc.bigInt({ min: 2n ** 52n - 2n, max: 2n ** 53n + 3n }),
  fc.bigInt({ min: -(2n ** 53n) - 3n, max: -(2n ** 52n) + 2n }),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n)),
)
const compare = (a: bigint | number, b: bigint | number): number => (a < b ? -1 : a > b ? 1 : 0)

function expectFound(
  type: Type,
  build: readonly (bigint | number)[],
  probes: readonly (readonly (bigint | number | null)[])[],
): void {
  const table = buildKeyTable([columnOf(type, build)], [type])
  for (const probe of probes) {
    const found = table.find([columnOf(type, probe)])
    expect([...found]).toEqual(probe.map(value => (value === null ? -1 : build.indexOf(value))))
  }
  const repeated = build.findIndex((value, at) => build.indexOf(value) < at)
  expect(table.size).toBe(new Set(build).size)
  expect(table.duplicates).toEqual(
    repeated < 0 ? undefined : { first: build.indexOf(build[repeated] as bigint), second: repeated },
  )
}

describe('a table of whole numbers', () => {
  it('finds what comparing every pair finds, whatever is in order', () => {
    const sides = fc.array(longs, { maxLength: 40 })
    fc.assert(
      fc.property(
        sides,
        fc.array(sides, { maxLength: 4 }),
        fc.boolean(),
        fc.boolean(),
        (keys, rows, a, b) => {
          const build = a ? keys.toSorted(compare) : keys
          expectFound(LONG, build, b ? rows.map(each => each.toSorted(compare)) : rows)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('does so for ints, and for probes with nulls', () => {
    const ints = fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 30 })
    const probes = fc.array(fc.array(fc.option(fc.integer({ min: -9, max: 9 })), { maxLength: 30 }), {
      maxLength: 3,
    })
    fc.assert(fc.property(ints, probes, (build, rows) => expectFound(INT, build, rows)))
  })

  it('does so for many keys in no order and rows in order', () => {
    const count = 5_000
    const build = Array.from({ length: count }, (_, at) => BigInt((at * 7_919) % count) * 3_000_000_000n)
    const probe = Array.from({ length: 2 * count }, (_, at) => BigInt(at) * 1_500_000_000n)
    const found = buildKeyTable([columnOf(LONG, build)], [LONG]).find([columnOf(LONG, probe)])
    const rowOf = new Map(build.map((value, row) => [value, row]))
    expect([...found]).toEqual(probe.map(value => rowOf.get(value) ?? -1))
  })
})
