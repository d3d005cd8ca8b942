import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasLayoutOf } from '../../src/batch/layout.js'
import { sliceVector } from '../../src/batch/slice-vector.js'
import { transformVector } from '../../src/batch/transform-vector.js'
import { columnValues } from '../../src/batch/values.js'
import { createVectorBuilder } from '../../src/batch/vector-builder.js'
import type { Transform } from '../../src/schema/partition-spec.js'
import { canTransform, transformResultType, transformValue } from '../../src/schema/transform.js'
import type { Type, Value } from '../../src/schema/types.js'
import { anyValueOrNull, primitiveType } from '../schema/arbitrary.js'
import { dictionaryOf } from './encode.js'

const transform: fc.Arbitrary<Transform> = fc.oneof(
  fc.constantFrom('identity', 'year', 'month', 'day', 'hour', 'void').map(kind => ({ kind }) as Transform),
  fc
    .oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }))
    .map(count => ({ kind: 'bucket' as const, count })),
  fc
    .oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }))
    .map(width => ({ kind: 'truncate' as const, width })),
)

const transformed = fc
  .tuple(transform, primitiveType)
  .filter(([each, type]) => canTransform(each, type))
  .chain(([each, type]) =>
    fc.array(anyValueOrNull(type), { maxLength: 20 }).map(values => ({ transform: each, type, values })),
  )

function vectorOf(
  type: Type,
  values: readonly Value[],
): ReturnType<ReturnType<typeof createVectorBuilder>['finish']> {
  const builder = createVectorBuilder(type)
  for (const value of values) builder.append(value)
  return builder.finish()
}

describe('transformVector', () => {
  it('equals the transform of each value, on sliced and dictionary columns too', () => {
    fc.assert(
      fc.property(transformed, fc.nat(5), ({ transform: each, type, values }, skip) => {
        const vector = vectorOf(type, values)
        const from = Math.min(skip, values.length)
        const result = transformResultType(each, type)
        const expected = values.map(value => transformValue(each, type, value))
        for (const column of [vector, dictionaryOf(vector)]) {
          const whole = transformVector(each, type, column)
          expect(hasLayoutOf(whole, result)).toBe(true)
          expect(columnValues(whole, result)).toEqual(expected)
          const slice = transformVector(each, type, sliceVector(column, from, values.length))
          expect(columnValues(slice, result)).toEqual(expected.slice(from))
        }
      }),
      { numRuns: 1500 },
    )
  })

  it('is exact at both ends of every unit, near and far from 1970', () => {
    const units = { timestamp: 1n, timestamp_ns: 1000n } as const
    for (const kind of ['timestamp', 'timestamp_ns'] as const) {
      const type: Type = { kind }
      const hour = 3_600_000_000n * units[kind]
      const far = (2n ** 63n / hour) * hour - hour * 25n
      const edges = [0n, hour, -hour, 24n * hour, -24n * hour, hour * 1_000_003n, -hour * 1_000_003n]
      const values = [
        ...edges,
        ...(kind === 'timestamp_ns' ? [far, -far] : [hour * 2n ** 31n - hour, -hour * 2n ** 31n]),
      ]
        .flatMap(edge => [edge - 1n, edge, edge + 1n])
        .filter(value => BigInt.asIntN(64, value) === value)
      for (const each of ['year', 'month', 'day', 'hour'] as const) {
        const result = transformResultType({ kind: each }, type)
        const columns = columnValues(transformVector({ kind: each }, type, vectorOf(type, values)), result)
        expect(columns).toEqual(values.map(value => transformValue({ kind: each }, type, value)))
      }
    }
  })

  it('refuses what the scalar transform refuses', () => {
    const ints = vectorOf({ kind: 'int' }, [1])
    expect(() => transformVector({ kind: 'unsupported', text: 'zorder' }, { kind: 'int' }, ints)).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
    expect(() => transformVector({ kind: 'day' }, { kind: 'int' }, ints)).toThrow(
      expect.objectContaining({ kind: 'invalid-argument' }),
    )
    expect(() => transformVector({ kind: 'day' }, { kind: 'timestamp' }, ints)).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    )
  })
})
