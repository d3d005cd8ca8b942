import { describe, expect, it } from 'vitest'
import { utf8Encode } from '../../../../src/base/bytes.js'
import { chunkBounds } from '../../../../src/format/parquet/footer/bounds.js'
import type { RawStatistics } from '../../../../src/format/parquet/footer/metadata.js'
import type { PrimitiveType } from '../../../../src/schema/types.js'
import { leafColumn, plainDouble, plainInteger } from './leaf-columns.js'

const both = (bytes: Uint8Array): RawStatistics => ({ lower: bytes, upper: bytes })

describe('a bound from raw bytes', () => {
  it('is in micros, whatever unit the file has', () => {
    const millis = leafColumn({ kind: 'timestamptz' }, { physicalType: 2, convertedType: 9 })
    expect(chunkBounds(both(plainInteger(-5n)), millis)).toEqual({ lower: -5000n, upper: -5000n })
    const time = leafColumn({ kind: 'time' }, { physicalType: 1, convertedType: 7 })
    expect(chunkBounds(both(plainInteger(7)), time)).toEqual({ lower: 7000n, upper: 7000n })
    const nanos = leafColumn(
      { kind: 'timestamp_ns' },
      { physicalType: 2, logicalType: { field_8: { field_1: false, field_2: { field_3: {} } } } },
    )
    expect(chunkBounds(both(plainInteger(7n)), nanos).lower).toBe(7n)
  })

  it('is an unscaled integer for decimals in all physical types', () => {
    const type: PrimitiveType = { kind: 'decimal', precision: 20, scale: 2 }
    expect(chunkBounds(both(plainInteger(-12)), leafColumn(type, { physicalType: 1 })).lower).toBe(-12n)
    const long = both(plainInteger(-(2n ** 60n)))
    expect(chunkBounds(long, leafColumn(type, { physicalType: 2 })).lower).toBe(-(2n ** 60n))
    const bytes = Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 1)
    expect(chunkBounds(both(bytes), leafColumn(type, { physicalType: 7 })).lower).toBe(-(2n ** 64n) + 1n)
    for (const length of [0, 100]) {
      const odd = both(new Uint8Array(length))
      expect(chunkBounds(odd, leafColumn(type, { physicalType: 6 })).lower).toBeUndefined()
    }
  })

  it('is absent when NaN, cut inside a character, of a wrong length, or inside a list', () => {
    const double = leafColumn({ kind: 'double' }, { physicalType: 5 })
    const nan = { lower: plainDouble(1), upper: plainDouble(Number.NaN) }
    expect(chunkBounds(nan, double)).toEqual({})
    const text = leafColumn({ kind: 'string' }, { physicalType: 6 })
    expect(chunkBounds(both(Uint8Array.of(0x61, 0xc3)), text).upper).toBeUndefined()
    const long = leafColumn({ kind: 'long' }, { physicalType: 2 })
    expect(chunkBounds(both(plainInteger(1)), long).lower).toBeUndefined()
    const inList = leafColumn({ kind: 'long' }, { physicalType: 2 }, { repeated: true })
    expect(chunkBounds(both(plainInteger(1n)), inList)).toEqual({})
    const uuid = leafColumn({ kind: 'uuid' }, { physicalType: 7, logicalType: { field_14: {} } })
    expect(chunkBounds(both(new Uint8Array(15)), uuid).lower).toBeUndefined()
    expect(chunkBounds(both(new Uint8Array(16)), uuid).lower).toEqual(new Uint8Array(16))
  })

  it('is absent where the format has no order, or one that we do not know', () => {
    const int96 = leafColumn({ kind: 'timestamptz' }, { physicalType: 3 })
    expect(chunkBounds(both(new Uint8Array(12)), int96)).toEqual({})
    const interval = leafColumn({ kind: 'fixed', lengthBytes: 12 }, { physicalType: 7, convertedType: 21 })
    expect(chunkBounds(both(new Uint8Array(12)), interval)).toEqual({})
    for (const logicalType of [{}, { field_33: {} }]) {
      const later = leafColumn({ kind: 'int' }, { physicalType: 1, logicalType })
      expect(chunkBounds(both(plainInteger(1)), later)).toEqual({})
    }
    const other = leafColumn({ kind: 'int' }, { physicalType: 1, columnOrder: 'other' })
    expect(chunkBounds(both(plainInteger(1)), other)).toEqual({})
  })

  it('of a file that says no order is trusted where there is but one', () => {
    const element = { physicalType: 6, columnOrder: undefined }
    expect(chunkBounds(both(utf8Encode('a')), leafColumn({ kind: 'string' }, element))).toEqual({})
    const number = leafColumn({ kind: 'int' }, { physicalType: 1, columnOrder: undefined })
    expect(chunkBounds(both(plainInteger(1)), number)).toEqual({ lower: 1, upper: 1 })
  })

  it('is absent when the lower one is above the upper one', () => {
    const int = leafColumn({ kind: 'int' }, { physicalType: 1 })
    expect(chunkBounds({ lower: plainInteger(2), upper: plainInteger(1) }, int)).toEqual({})
    const text = leafColumn({ kind: 'string' }, { physicalType: 6 })
    expect(chunkBounds({ lower: utf8Encode('b'), upper: utf8Encode('a') }, text)).toEqual({})
    const double = leafColumn({ kind: 'double' }, { physicalType: 5 })
    expect(chunkBounds({ lower: plainDouble(1), upper: plainDouble(-1) }, double)).toEqual({})
  })

  it('widens zeros of floating-point columns only: writers differ on which of the two is smaller', () => {
    const double = leafColumn({ kind: 'double' }, { physicalType: 5 })
    const { lower, upper } = chunkBounds({ lower: plainDouble(0), upper: plainDouble(-0) }, double)
    expect(Object.is(lower, -0)).toBe(true)
    expect(Object.is(upper, 0)).toBe(true)
    const int = chunkBounds(both(plainInteger(0)), leafColumn({ kind: 'int' }, { physicalType: 1 }))
    expect(Object.is(int.lower, 0)).toBe(true)
  })

  it('comes from the old statistics only where signed bytes have the order of the type', () => {
    const old: RawStatistics = { signedLower: plainInteger(1), signedUpper: plainInteger(2) }
    expect(chunkBounds(old, leafColumn({ kind: 'int' }, { physicalType: 1 }))).toEqual({ lower: 1, upper: 2 })
    const unsigned = leafColumn({ kind: 'long' }, { physicalType: 1, convertedType: 13 })
    expect(chunkBounds(old, unsigned)).toEqual({})
    const text: RawStatistics = { signedLower: Uint8Array.of(0x61), signedUpper: Uint8Array.of(0x62) }
    expect(chunkBounds(text, leafColumn({ kind: 'string' }, { physicalType: 6 })).lower).toBeUndefined()
  })

  it('of an unsigned column is trusted while it is not negative', () => {
    const unsigned = { physicalType: 1, convertedType: 12 }
    expect(chunkBounds(both(plainInteger(7)), leafColumn({ kind: 'int' }, unsigned)).lower).toBe(7)
    expect(chunkBounds(both(plainInteger(-7)), leafColumn({ kind: 'int' }, unsigned)).lower).toBeUndefined()
    const wide = leafColumn({ kind: 'long' }, { physicalType: 1, convertedType: 13 })
    expect(chunkBounds(both(plainInteger(-1)), wide).lower).toBe(4294967295n)
    const signed = leafColumn({ kind: 'long' }, { physicalType: 1, convertedType: 18 })
    expect(chunkBounds(both(plainInteger(-1)), signed).lower).toBe(-1n)
  })
})
