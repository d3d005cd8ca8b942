import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Vector } from '../../../src/batch/column-batch.js'
import { sliceBatch } from '../../../src/batch/take.js'
import { batchOf } from '../../../src/batch/vector-builder.js'
import { createColumnStatistics, type LeafStatistics } from '../../../src/format/parquet/column-statistics.js'
import { openParquet } from '../../../src/format/parquet/read.js'
import { openParquetWriter } from '../../../src/format/parquet/write.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import type { Field, PrimitiveType, Type, Value } from '../../../src/schema/types.js'
import { compareValues } from '../../../src/schema/value.js'
import { arbitraryRows } from '../arbitrary-rows.js'

const field = (type: Type): Field => ({ id: 1, name: 'c', required: false, type })

function statisticsOf(type: PrimitiveType, values: readonly Value[]): LeafStatistics | undefined {
  const collector = createColumnStatistics([field(type)])
  collector.add(
    batchOf(
      [field(type)],
      values.map(value => [value]),
    ),
  )
  return collector.finish().get(1)
}

describe('column statistics', () => {
  it('are exact where a double is not', () => {
    const decimal = statisticsOf({ kind: 'decimal', precision: 38, scale: 0 }, [
      2n ** 64n,
      2n ** 64n + 1n,
      -(2n ** 100n),
      -(2n ** 100n) - 1n,
      null,
    ])
    expect(decimal).toEqual({ valueCount: 5, nullCount: 1, lower: -(2n ** 100n) - 1n, upper: 2n ** 64n + 1n })
    const long = statisticsOf({ kind: 'long' }, [9007199254740993n, 9007199254740992n, -(2n ** 63n)])
    expect(long).toMatchObject({ lower: -(2n ** 63n), upper: 9007199254740993n })
  })

  it('order the low words of decimals as unsigned', () => {
    const values = [2n ** 63n, 2n ** 63n - 1n, 2n ** 64n - 1n, 1n]
    expect(statisticsOf({ kind: 'decimal', precision: 38, scale: 0 }, values)).toMatchObject({
      lower: 1n,
      upper: 2n ** 64n - 1n,
    })
  })

  it('count NaN and keep it out of the bounds', () => {
    const some = statisticsOf({ kind: 'double' }, [Number.NaN, 1, -1, null, Number.NaN])
    expect(some).toEqual({ valueCount: 5, nullCount: 1, nanCount: 2, lower: -1, upper: 1 })
    const none = statisticsOf({ kind: 'float' }, [Number.NaN, null])
    expect(none).toEqual({ valueCount: 2, nullCount: 1, nanCount: 1 })
    const infinite = statisticsOf({ kind: 'double' }, [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
    expect(infinite).toMatchObject({ lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY })
    expect(statisticsOf({ kind: 'double' }, [Number.POSITIVE_INFINITY])).toMatchObject({
      lower: Number.POSITIVE_INFINITY,
    })
  })

  it('widen zero bounds to -0.0 and +0.0', () => {
    const { lower, upper } = statisticsOf({ kind: 'double' }, [0]) ?? {}
    expect(Object.is(lower, -0)).toBe(true)
    expect(Object.is(upper, 0)).toBe(true)
    expect(Object.is(statisticsOf({ kind: 'float' }, [-0])?.upper, 0)).toBe(true)
  })

  it('compare strings by their UTF-8 bytes', () => {
    expect(statisticsOf({ kind: 'string' }, ['\u{1F600}', '\uFFFD', 'z', 'za', ''])).toMatchObject({
      lower: '',
      upper: '\u{1F600}',
    })
  })

  it('have no bounds where all is null, and counts only for variants', () => {
    expect(statisticsOf({ kind: 'int' }, [null, null])).toEqual({ valueCount: 2, nullCount: 2 })
    expect(statisticsOf({ kind: 'boolean' }, [true, null])).toMatchObject({ lower: true, upper: true })
    expect(statisticsOf({ kind: 'geometry' }, [Uint8Array.of(1)])).toEqual({ valueCount: 1, nullCount: 0 })
  })

  it('count list elements as Parquet does, without bounds', () => {
    const list = field({ kind: 'list', elementId: 2, elementRequired: false, element: { kind: 'int' } })
    const collector = createColumnStatistics([list])
    collector.add(batchOf([list], [[[1, null]], [[]], [null], [[5]]]))
    expect(collector.finish().get(2)).toEqual({ valueCount: 5, nullCount: 3 })
  })

  it('do not see what hides under null structs and null lists', () => {
    const hidden: Vector = { layout: 'fixed-width', length: 4, values: Int32Array.of(1, 99, 2, -99) }
    const struct = field({
      kind: 'struct',
      fields: [{ id: 2, name: 'n', required: true, type: { kind: 'int' } }],
    })
    const structs: Vector = {
      layout: 'struct',
      length: 4,
      validity: Uint8Array.of(0b0101),
      children: [hidden],
    }
    const collector = createColumnStatistics([struct])
    collector.add({ length: 4, fields: [struct], columns: [structs] })
    expect(collector.finish().get(2)).toEqual({ valueCount: 4, nullCount: 2, lower: 1, upper: 2 })

    const list = field({ kind: 'list', elementId: 2, elementRequired: true, element: { kind: 'double' } })
    const elements: Vector = { layout: 'fixed-width', length: 3, values: Float64Array.of(1, Number.NaN, 2) }
    const lists: Vector = {
      layout: 'list',
      length: 3,
      validity: Uint8Array.of(0b101),
      offsets: Int32Array.of(0, 1, 2, 3),
      element: elements,
    }
    const ofLists = createColumnStatistics([list])
    ofLists.add({ length: 3, fields: [list], columns: [lists] })
    expect(ofLists.finish().get(2)).toEqual({ valueCount: 3, nullCount: 1, nanCount: 0 })
  })

  it('count a dictionary entry as often as it is used, null and NaN entries too', () => {
    const values: Vector = {
      layout: 'fixed-width',
      length: 4,
      validity: Uint8Array.of(0b0111),
      values: Float64Array.of(5, Number.NaN, 1000, 0),
    }
    const codes = Int32Array.of(0, 1, 1, 3, 0, 77)
    const column: Vector = {
      layout: 'dictionary',
      length: 6,
      validity: Uint8Array.of(0b011111),
      codes,
      dictionary: values,
    }
    const collector = createColumnStatistics([field({ kind: 'double' })])
    collector.add({ length: 6, fields: [field({ kind: 'double' })], columns: [column] })
    expect(collector.finish().get(1)).toEqual({
      valueCount: 6,
      nullCount: 2,
      nanCount: 2,
      lower: 5,
      upper: 5,
    })
  })

  it('are those of the values, whatever the type and however the rows are cut', () => {
    fc.assert(
      fc.property(arbitraryRows(30), fc.integer({ min: 1, max: 9 }), ({ fields, rows }, cut) => {
        const collector = createColumnStatistics(fields)
        const whole = batchOf(fields, rows)
        for (let at = 0; at < rows.length; at += cut) {
          collector.add(sliceBatch(whole, at, Math.min(at + cut, rows.length)))
        }
        const statistics = collector.finish()
        for (const [index, { id, type }] of fields.entries()) {
          if (type.kind === 'struct' || type.kind === 'list' || type.kind === 'map') continue
          const values = rows.map(row => row[index] as Value)
          expect(statistics.get(id)).toEqual(bruteForce(type, values))
        }
      }),
    )
  })

  it('agree with the footer of the written file on counts, at every depth', async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryRows(20), async ({ fields, rows }) => {
        const io = createMemoryIO()
        const writer = await openParquetWriter(io, 'memory://f', { codec: 'uncompressed', fields })
        await writer.write(batchOf(fields, rows))
        const { columns } = await writer.close()
        const { footer } = await openParquet(io, 'memory://f')
        for (const [id, stored] of footer.rowGroups[0]?.columns ?? []) {
          const ours = columns.get(id)
          expect(ours).toMatchObject({
            valueCount: stored.valueCount,
            columnSizeBytes: stored.columnSizeBytes,
          })
          if (stored.nullCount !== undefined) expect(ours?.nullCount).toBe(stored.nullCount)
        }
      }),
      { numRuns: 40 },
    )
  })
})

function bruteForce(type: PrimitiveType, values: readonly Value[]): LeafStatistics {
  const present = values.filter(value => value !== null)
  const numbers = present.filter(value => !Number.isNaN(value)).sort((a, b) => compareValues(type, a, b))
  const zero = (value: Value | undefined, as: number): Value | undefined => (value === 0 ? as : value)
  const floating = type.kind === 'float' || type.kind === 'double'
  return {
    valueCount: values.length,
    nullCount: values.length - present.length,
    ...(floating ? { nanCount: present.length - numbers.length } : {}),
    ...(numbers.length === 0
      ? {}
      : { lower: zero(numbers[0], -0), upper: zero(numbers[numbers.length - 1], 0) }),
  }
}
