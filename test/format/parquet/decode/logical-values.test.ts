import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, utf8Encode } from '../../../../src/base/bytes.js'
import { isLakeError } from '../../../../src/base/errors.js'
import type { FixedBytesVector, VarBytesVector } from '../../../../src/batch/column-batch.js'
import { columnValues } from '../../../../src/batch/values.js'
import { logicalValues } from '../../../../src/format/parquet/decode/logical-values.js'
import { PhysicalType, type SchemaElement } from '../../../../src/format/parquet/footer/metadata.js'
import type { LeafColumn } from '../../../../src/format/parquet/footer/schema.js'
import type { StoredValues } from '../../../../src/format/parquet/leaf.js'
import type { PrimitiveType, Value } from '../../../../src/schema/types.js'
import { bigEndian } from './column-pages.js'

function leafOf(type: PrimitiveType, element: Partial<SchemaElement> = {}): LeafColumn {
  const levels = { repeated: false, maxDefinition: 0, maxRepetition: 0 }
  return { fieldId: 1, type, element: { name: 'c', childCount: 0, ...element }, ...levels }
}

const valuesOf = (stored: StoredValues, leaf: LeafColumn): Value[] =>
  columnValues(logicalValues(stored, leaf), leaf.type)

const ints = (...values: number[]): StoredValues => ({
  layout: 'fixed-width',
  length: values.length,
  values: Int32Array.from(values),
})
const longs = (...values: bigint[]): StoredValues => ({
  layout: 'fixed-width',
  length: values.length,
  values: BigInt64Array.from(values),
})
function fixed(widthBytes: number, values: readonly Uint8Array[]): FixedBytesVector {
  return { layout: 'fixed-bytes', length: values.length, widthBytes, bytes: concatBytes(values) }
}
function varBytes(values: readonly Uint8Array[]): VarBytesVector {
  const offsets = new Int32Array(values.length + 1)
  for (const [at, value] of values.entries()) offsets[at + 1] = (offsets[at] as number) + value.length
  return { layout: 'var-bytes', length: values.length, offsets, bytes: concatBytes(values) }
}

const decimal = (precision: number): PrimitiveType => ({ kind: 'decimal', precision, scale: 2 })

describe('decimals', () => {
  it('are the same number in each physical type', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.array(fc.bigInt()), (width, numbers) => {
        const bits = Math.min(128, 8 * width)
        const values = numbers.map(number => BigInt.asIntN(bits, number))
        const stored = values.map(value => bigEndian(value, width))
        expect(valuesOf(fixed(width, stored), leafOf(decimal(38)))).toEqual(values)
        expect(valuesOf(varBytes(stored), leafOf(decimal(38)))).toEqual(values)
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), values => {
        expect(valuesOf(longs(...values), leafOf(decimal(18)))).toEqual(values)
        const small = values.map(value => Number(BigInt.asIntN(32, value)))
        expect(valuesOf(ints(...small), leafOf(decimal(9)))).toEqual(small.map(BigInt))
      }),
    )
  })

  it('are refused when they have no bytes, too many, or too many digits', () => {
    expect(() => valuesOf(varBytes([new Uint8Array(0)]), leafOf(decimal(9)))).toThrow(RangeError)
    const wide = bigEndian(2n ** 127n, 17)
    expect(() => valuesOf(varBytes([wide]), leafOf(decimal(38)))).toThrow(RangeError)
    expect(() => valuesOf(fixed(17, [wide]), leafOf(decimal(38)))).toThrow(RangeError)
    expect(() => valuesOf(ints(1), leafOf(decimal(39)))).toThrow('more digits')
  })
})

const MILLIS = { logicalType: { field_8: { field_1: true, field_2: { field_1: {} } } } }
const TIME_NANOS = { logicalType: { field_7: { field_1: true, field_2: { field_3: {} } } } }

describe('times', () => {
  it('are in micros', () => {
    const limit = 2n ** 63n / 1000n - 1n
    const millis = fc.oneof(fc.bigInt(-limit, limit), fc.bigInt(-(2n ** 45n), 2n ** 45n))
    fc.assert(
      fc.property(fc.array(millis), values => {
        const micros = values.map(value => value * 1000n)
        expect(valuesOf(longs(...values), leafOf({ kind: 'timestamptz' }, MILLIS))).toEqual(micros)
      }),
    )
    expect(valuesOf(ints(0, 86_399_999), leafOf({ kind: 'time' }, { convertedType: 7 }))).toEqual([
      0n,
      86_399_999_000n,
    ])
    expect(valuesOf(longs(-5000n, 2000n), leafOf({ kind: 'time' }, TIME_NANOS))).toEqual([-5n, 2n])
  })

  it('are refused where micros cannot hold them', () => {
    const refused = (stored: StoredValues, leaf: LeafColumn): boolean => {
      try {
        logicalValues(stored, leaf)
        return false
      } catch (error) {
        return isLakeError(error, 'unsupported')
      }
    }
    expect(refused(longs(2n ** 62n), leafOf({ kind: 'timestamp' }, MILLIS))).toBe(true)
    expect(refused(longs(1001n), leafOf({ kind: 'time' }, TIME_NANOS))).toBe(true)
  })

  it('of INT96 are rounded down, and wrap after the year 287000 as those of Spark do', () => {
    const int96 = (nanos: bigint, day: number): Uint8Array => {
      const bytes = new Uint8Array(12)
      const view = new DataView(bytes.buffer)
      view.setBigInt64(0, nanos, true)
      view.setInt32(8, day, true)
      return bytes
    }
    const leaf = leafOf({ kind: 'timestamptz' }, { physicalType: PhysicalType.int96 })
    const day = 86_400_000_000n
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 50n), 2n ** 50n), fc.integer(), (nanos, julian) => {
        const floor = (nanos - (((nanos % 1000n) + 1000n) % 1000n)) / 1000n
        const micros = BigInt.asIntN(64, (BigInt(julian) - 2_440_588n) * day + floor)
        expect(valuesOf(fixed(12, [int96(nanos, julian)]), leaf)).toEqual([micros])
      }),
    )
    expect(valuesOf(fixed(12, [int96(-1n, 2_440_588)]), leaf)).toEqual([-1n])
    expect(valuesOf(fixed(12, [int96(-32_509_551_616_000n, -105_862_232)]), leaf)).toEqual([
      9_089_380_393_200_000_000n,
    ])
  })
})

describe('integers', () => {
  it('without a sign are longs when they have 32 bits, and refused when they need 64', () => {
    const uint = (bits: number) => ({ logicalType: { field_10: { field_1: bits, field_2: false } } })
    expect(valuesOf(ints(-1, 1), leafOf({ kind: 'long' }, uint(32)))).toEqual([4_294_967_295n, 1n])
    expect(valuesOf(longs(1n, 2n ** 62n), leafOf({ kind: 'long' }, uint(64)))).toEqual([1n, 2n ** 62n])
    expect(() => valuesOf(longs(1n, -1n), leafOf({ kind: 'long' }, uint(64)))).toThrow('too large')
  })

  it('of 32 bits that are said to have 64 keep their sign', () => {
    expect(valuesOf(ints(-1, 1), leafOf({ kind: 'long' }, { convertedType: 18 }))).toEqual([-1n, 1n])
  })
})

describe('floats of two bytes', () => {
  it('are those that half precision knows', () => {
    const halves = [0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0xfc00, 0x7e00]
    const stored = fixed(
      2,
      halves.map(half => Uint8Array.of(half & 0xff, half >> 8)),
    )
    const infinite = Number.POSITIVE_INFINITY
    const wanted = [0, -0, 1, -2, 65_504, 2 ** -24, infinite, -infinite, Number.NaN]
    expect(valuesOf(stored, leafOf({ kind: 'float' }))).toEqual(wanted)
  })
})

describe('texts', () => {
  const text = leafOf({ kind: 'string' }, { physicalType: PhysicalType.byteArray })

  it('are UTF-8, each for itself', () => {
    const words = ['', 'a', 'grüße', '', '😀', '']
    expect(valuesOf(varBytes(words.map(utf8Encode)), text)).toEqual(words)
    const broken = utf8Encode('ü')
    expect(() => valuesOf(varBytes([Uint8Array.of(0xff)]), text)).toThrow('UTF-8')
    expect(() => valuesOf(varBytes([broken.subarray(0, 1), broken.subarray(1)]), text)).toThrow('UTF-8')
  })

  it('may be of one length', () => {
    expect(valuesOf(fixed(2, ['ab', 'cd'].map(utf8Encode)), text)).toEqual(['ab', 'cd'])
  })
})

describe('annotations', () => {
  it('that do not fit their physical type are refused', () => {
    expect(() => valuesOf(ints(1), leafOf({ kind: 'string' }))).toThrow('does not fit')
    expect(() => valuesOf(longs(1n), leafOf({ kind: 'date' }))).toThrow('does not fit')
    expect(() => valuesOf(varBytes([]), leafOf({ kind: 'uuid' }))).toThrow('does not fit')
    expect(() => valuesOf(fixed(15, []), leafOf({ kind: 'uuid' }))).toThrow('does not fit')
    expect(() => valuesOf(fixed(3, []), leafOf({ kind: 'float' }))).toThrow('does not fit')
  })

  it('of always null leave nothing', () => {
    expect(logicalValues(ints(), leafOf({ kind: 'unknown' }))).toEqual({ layout: 'null', length: 0 })
  })
})
