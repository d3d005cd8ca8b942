import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { batchOf } from '../../../src/batch/vector-builder.js'
import { chunkBounds } from '../../../src/format/parquet/bounds.js'
import { readParquetFooter } from '../../../src/format/parquet/footer.js'
import type { RawStatistics, SchemaElement } from '../../../src/format/parquet/metadata.js'
import type { LeafColumn } from '../../../src/format/parquet/schema.js'
import { openParquetWriter } from '../../../src/format/parquet/write.js'
import { createMemoryIO } from '../../../src/io/memory.js'
import type { PrimitiveType } from '../../../src/schema/types.js'
import { EVERY_TYPE, EVERY_TYPE_ROWS } from '../every-type.js'

const LOCATION = 'memory://t/f.parquet'

describe('the statistics of a footer', () => {
  it('are exact for every type, and those that the writer reported', async () => {
    const io = createMemoryIO()
    const writer = await openParquetWriter(io, LOCATION, { codec: 'zstd', fields: EVERY_TYPE })
    await writer.write(batchOf(EVERY_TYPE, EVERY_TYPE_ROWS))
    const { columns } = await writer.close()
    const footer = await readParquetFooter(io, LOCATION)
    const group = footer.rowGroups[0]
    expect(group?.columns.get(9)).toMatchObject({
      lower: -(10n ** 38n) + 1n,
      upper: 10n ** 38n - 1n,
      nullCount: 1,
    })
    expect(group?.columns.get(8)).toMatchObject({ lower: -(10n ** 18n) + 1n, upper: 10n ** 18n - 1n })
    expect([...(group?.columns.keys() ?? [])]).toEqual([...columns.keys()])
    for (const [id, stored] of group?.columns ?? []) {
      const { nanCount: _, ...exact } = columns.get(id) ?? {}
      expect({ id, ...stored }).toEqual({ id, ...exact })
    }
  })

  it('of Spark say decimals, dates and timestamps exactly', async () => {
    const io = createMemoryIO()
    const bytes = readFileSync(new URL('../../interop/parquet/spark-types.parquet', import.meta.url))
    await io.write(LOCATION, bytes)
    const { rowGroups, createdBy } = await readParquetFooter(io, LOCATION)
    expect(createdBy).toMatch(/^parquet-mr version/)
    const columns = rowGroups[0]?.columns
    for (const id of [7, 8, 9, 11, 12]) {
      expect(typeof columns?.get(id)?.lower).toBe('bigint')
      expect((columns?.get(id)?.lower as bigint) <= (columns?.get(id)?.upper as bigint)).toBe(true)
    }
  })
})

const little = (value: number | bigint): Uint8Array => {
  const view = new DataView(new ArrayBuffer(typeof value === 'bigint' ? 8 : 4))
  if (typeof value === 'bigint') view.setBigInt64(0, value, true)
  else view.setInt32(0, value, true)
  return new Uint8Array(view.buffer)
}
const doubleBytes = (value: number): Uint8Array => new Uint8Array(Float64Array.of(value).buffer)

function leaf(type: PrimitiveType, element: Partial<SchemaElement>, repeated = false): LeafColumn {
  return { fieldId: 1, type, element: { name: 'c', childCount: 0, ...element }, repeated }
}

const both = (bytes: Uint8Array): RawStatistics => ({ lower: bytes, upper: bytes })

describe('a bound from raw bytes', () => {
  it('is in micros, whatever unit the file has', () => {
    const millis = leaf({ kind: 'timestamptz' }, { physicalType: 2, convertedType: 9 })
    expect(chunkBounds(both(little(-5n)), millis)).toEqual({ lower: -5000n, upper: -5000n })
    const time = leaf({ kind: 'time' }, { physicalType: 1, convertedType: 7 })
    expect(chunkBounds(both(little(7)), time)).toEqual({ lower: 7000n, upper: 7000n })
    const nanos = leaf(
      { kind: 'timestamp_ns' },
      { physicalType: 2, logicalType: { field_8: { field_1: false, field_2: { field_3: {} } } } },
    )
    expect(chunkBounds(both(little(7n)), nanos).lower).toBe(7n)
  })

  it('is an unscaled integer for decimals in all physical types', () => {
    const type: PrimitiveType = { kind: 'decimal', precision: 20, scale: 2 }
    expect(chunkBounds(both(little(-12)), leaf(type, { physicalType: 1 })).lower).toBe(-12n)
    expect(chunkBounds(both(little(-(2n ** 60n))), leaf(type, { physicalType: 2 })).lower).toBe(-(2n ** 60n))
    const bytes = Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 1)
    expect(chunkBounds(both(bytes), leaf(type, { physicalType: 7 })).lower).toBe(-(2n ** 64n) + 1n)
    expect(chunkBounds(both(new Uint8Array(0)), leaf(type, { physicalType: 6 })).lower).toBeUndefined()
  })

  it('is absent when NaN, cut inside a character, of a wrong length, or inside a list', () => {
    const double = leaf({ kind: 'double' }, { physicalType: 5 })
    expect(chunkBounds({ lower: doubleBytes(1), upper: doubleBytes(Number.NaN) }, double)).toEqual({})
    const text = leaf({ kind: 'string' }, { physicalType: 6 })
    expect(chunkBounds(both(Uint8Array.of(0x61, 0xc3)), text).upper).toBeUndefined()
    expect(chunkBounds(both(little(1)), leaf({ kind: 'long' }, { physicalType: 2 })).lower).toBeUndefined()
    expect(chunkBounds(both(little(1n)), leaf({ kind: 'long' }, { physicalType: 2 }, true))).toEqual({})
    expect(
      chunkBounds(both(new Uint8Array(12)), leaf({ kind: 'timestamptz' }, { physicalType: 3 })).lower,
    ).toBe(undefined)
  })

  it('widens zeros, because writers differ on which of the two is smaller', () => {
    const { lower, upper } = chunkBounds(
      { lower: doubleBytes(0), upper: doubleBytes(-0) },
      leaf({ kind: 'double' }, { physicalType: 5 }),
    )
    expect(Object.is(lower, -0)).toBe(true)
    expect(Object.is(upper, 0)).toBe(true)
  })

  it('comes from the old statistics only where signed bytes have the order of the type', () => {
    const old: RawStatistics = { signedLower: little(1), signedUpper: little(2) }
    expect(chunkBounds(old, leaf({ kind: 'int' }, { physicalType: 1 }))).toEqual({ lower: 1, upper: 2 })
    const text: RawStatistics = { signedLower: Uint8Array.of(0x61), signedUpper: Uint8Array.of(0x62) }
    expect(chunkBounds(text, leaf({ kind: 'string' }, { physicalType: 6 })).lower).toBeUndefined()
  })

  it('of an unsigned column is trusted while it is not negative', () => {
    const unsigned = { physicalType: 1, convertedType: 12 }
    expect(chunkBounds(both(little(7)), leaf({ kind: 'int' }, unsigned)).lower).toBe(7)
    expect(chunkBounds(both(little(-7)), leaf({ kind: 'int' }, unsigned)).lower).toBeUndefined()
    const wide = leaf({ kind: 'long' }, { physicalType: 1, convertedType: 13 })
    expect(chunkBounds(both(little(-1)), wide).lower).toBe(4294967295n)
  })
})
