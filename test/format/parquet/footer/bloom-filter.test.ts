import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexDecode, hexEncode, utf8Encode } from '../../../../src/base/bytes.js'
import {
  BLOOM_HEADER_BYTES_MAX,
  bloomBytesOf,
  bloomFilterBytes,
  bloomFilterLength,
  bloomHashes,
  buildBloomFilter,
  createBloomFilter,
  mightContain,
  parseBloomFilter,
  serializeBloomFilter,
} from '../../../../src/format/parquet/footer/bloom-filter.js'
import type { LeafColumn } from '../../../../src/format/parquet/footer/schema.js'
import type { StoredValues } from '../../../../src/format/parquet/leaf.js'
import type { Value } from '../../../../src/schema/types.js'
import { leafColumn, TEXT_UNIT } from './leaf-columns.js'

const bytesOf = (hex: string): Uint8Array => hexDecode(hex) as Uint8Array

/** Header and bit set as pyarrow writes them. */
const PYARROW_LONGS =
  '15401c1c00001c1c00001c1c00000010001808840004060204000a0002260442004006008042884002002020390000'
const PYARROW_TEXTS =
  '15401c1c00001c1c00001c1c000000602200140041298a09800234140208820740100990c40a044805c0040400088e'
const LONGS = [3n, 1n, 2n, 7n, 9n]
const TEXTS = ['ant', 'bee', 'cat', 'dog', 'eel', 'fox', 'gnu', 'hen']

const LONG = leafColumn({ kind: 'long' }, { physicalType: 2 })
const TEXT = leafColumn({ kind: 'string' }, { physicalType: 6, convertedType: 0 })

function longs(values: readonly bigint[]): StoredValues {
  return { layout: 'fixed-width', length: values.length, values: BigInt64Array.from(values) }
}

function varBytes(values: readonly Uint8Array[]): StoredValues {
  const offsets = new Int32Array(values.length + 1)
  for (const [at, value] of values.entries()) offsets[at + 1] = (offsets[at] as number) + value.length
  return { layout: 'var-bytes', length: values.length, offsets, bytes: Buffer.concat(values) }
}

function hashesOf(values: StoredValues): Int32Array {
  const hashes = bloomHashes(values)
  if (hashes === undefined) throw new TypeError('there are no hashes')
  return hashes
}

describe('a bloom filter of pyarrow', () => {
  it('is understood', () => {
    const filter = parseBloomFilter(bytesOf(PYARROW_LONGS))
    if (filter === undefined) throw new TypeError('the filter is unknown')
    const asked = Array.from({ length: 2000 }, (_, value) => BigInt(value))
    const found = asked.filter(value => mightContain(filter, bloomBytesOf(LONG, value) ?? new Uint8Array(0)))
    expect(found).toEqual(expect.arrayContaining([1n, 2n, 3n, 7n, 9n]))
    expect(found.length).toBeLessThan(20)
  })

  it('is what we write for the same values', () => {
    const options = { ndv: 8, fpp: 0.01 }
    const numbers = buildBloomFilter([hashesOf(longs(LONGS))], options)
    expect(hexEncode(serializeBloomFilter(numbers))).toBe(PYARROW_LONGS)
    const texts = buildBloomFilter([hashesOf(varBytes(TEXTS.map(utf8Encode)))], options)
    expect(hexEncode(serializeBloomFilter(texts))).toBe(PYARROW_TEXTS)
  })
})

describe('the bytes of a bloom filter', () => {
  const bytes = bytesOf(PYARROW_LONGS)

  it('say their length in the first few', () => {
    expect(bloomFilterLength(bytes.subarray(0, BLOOM_HEADER_BYTES_MAX))).toBe(bytes.length)
    expect(bloomFilterLength(bytes.subarray(0, 15))).toBe(bytes.length)
  })

  it('give no filter when the algorithm, the hash or the compression is another', () => {
    for (const at of [3, 7, 11]) {
      const other = bytes.slice()
      other[at] = 0x2c
      expect(parseBloomFilter(other)).toBeUndefined()
    }
  })

  it('are refused when cut, or of a size that is no number of blocks', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseBloomFilter(bytes.subarray(0, length))).toThrow(RangeError)
    }
    // 0, 31 and -32 bytes, and 256 MiB.
    for (const size of ['1500', '153e', '153f', '15808080800 2'.replace(' ', '')]) {
      const header = `${size}1c1c00001c1c00001c1c000000`
      expect(() => parseBloomFilter(bytesOf(header + '00'.repeat(64)))).toThrow(RangeError)
    }
  })
})

describe('the size of a bloom filter', () => {
  it('is that of the format for distinct values and rate, as a power of two', () => {
    const size = (ndv: number, fpp = 0.01): number =>
      bloomFilterBytes(ndv, { fpp, maxBytes: 128 * 1024 * 1024 })
    expect([size(0), size(1), size(26), size(27), size(100), size(200)]).toEqual([32, 32, 32, 64, 128, 256])
    expect(size(1_000_000)).toBe(2 * 1024 * 1024)
    expect(size(1_000_000, 0.1)).toBe(1024 * 1024)
  })

  it('is within the limit, whatever is asked for', () => {
    expect(bloomFilterBytes(1e9, { fpp: 0.01, maxBytes: 1024 * 1024 })).toBe(1024 * 1024)
    expect(bloomFilterBytes(1e9, { fpp: 0.01, maxBytes: 1000 })).toBe(512)
    expect(bloomFilterBytes(10, { fpp: 0, maxBytes: 4096 })).toBe(4096)
    expect(bloomFilterBytes(10, { fpp: 0.01, maxBytes: 1 })).toBe(32)
  })

  it('follows the values when nobody said how many are distinct', () => {
    const distinct = Array.from({ length: 300 }, (_, value) => BigInt(value) * 7_919n)
    const repeated = Array.from({ length: 30_000 }, (_, row) => distinct[row % 300] ?? 0n)
    const filter = buildBloomFilter([hashesOf(longs(repeated))])
    const sizeBytes = 4 * filter.words.length
    expect(sizeBytes).toBeLessThanOrEqual(1024)
    // A folded filter is the one that would have been made at that size.
    const direct = buildBloomFilter([hashesOf(longs(distinct))], { ndv: 300, maxBytes: sizeBytes })
    expect(filter).toEqual(direct)
  })

  it('holds the rate that is asked for', () => {
    for (const fpp of [0.1, 0.01, 0.001]) {
      for (const ndv of [undefined, 5000]) {
        const inserted = Array.from({ length: 5000 }, (_, value) => BigInt(value))
        const filter = buildBloomFilter([hashesOf(longs(inserted))], { fpp, ndv })
        const asked = Array.from({ length: 8000 }, (_, value) => BigInt(value + 1_000_000))
        const wrong = asked.filter(value =>
          mightContain(filter, bloomBytesOf(LONG, value) ?? new Uint8Array(0)),
        )
        expect(wrong.length / asked.length).toBeLessThan(1.5 * fpp)
      }
    }
  })
})

/** A kind of column: its values, and how they are stored. */
interface Kind<T extends Value> {
  readonly leaf: LeafColumn
  readonly values: fc.Arbitrary<T>
  readonly stored: (values: readonly T[]) => StoredValues
}

const fixedWidth = (values: Int32Array | BigInt64Array | Float32Array | Float64Array): StoredValues => ({
  layout: 'fixed-width',
  length: values.length,
  values,
})
const fixedBytes = (widthBytes: number, values: readonly Uint8Array[]): StoredValues => ({
  layout: 'fixed-bytes',
  length: values.length,
  widthBytes,
  bytes: Buffer.concat(values),
})
const decimalOf = (value: bigint, widthBytes: number): Uint8Array =>
  bytesOf(
    BigInt.asUintN(8 * widthBytes, value)
      .toString(16)
      .padStart(2 * widthBytes, '0'),
  )

/** Every inserted value is found, plain and through a dictionary, after the filter was stored and read. */
function checkNothingIsLost<T extends Value>(kind: Kind<T>): void {
  const sizing = fc.record({
    ndv: fc.option(fc.nat(300), { nil: undefined }),
    fpp: fc.constantFrom(0.2, 0.01),
    maxBytes: fc.constantFrom(32, 256, 1024 * 1024),
  })
  fc.assert(
    fc.property(fc.array(kind.values, { minLength: 1, maxLength: 60 }), sizing, (values, options) => {
      const half = values.length >> 1
      const dictionary = kind.stored(values.slice(half))
      const coded: StoredValues = {
        layout: 'dictionary',
        length: dictionary.length,
        codes: Int32Array.from({ length: dictionary.length }, (_, code) => code),
        dictionary,
      }
      const parts = [hashesOf(kind.stored(values.slice(0, half))), hashesOf(coded)]
      const filter = parseBloomFilter(serializeBloomFilter(buildBloomFilter(parts, options)))
      for (const value of values) {
        const bytes = bloomBytesOf(kind.leaf, value)
        // Not to be asked is an answer: the value may be there.
        const found = bytes === undefined || filter === undefined || mightContain(filter, bytes)
        expect(found).toBe(true)
        if (value !== 0 && !Number.isNaN(value)) expect(bytes).toBeDefined()
      }
    }),
  )
}

describe('a bloom filter says no only to values that are not there', () => {
  const longValues = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

  it('of int, long and unsigned columns', () => {
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'int' }, { physicalType: 1 }),
      values: fc.integer(),
      stored: values => fixedWidth(Int32Array.from(values)),
    })
    checkNothingIsLost({ leaf: LONG, values: longValues, stored: longs })
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'long' }, { physicalType: 1, convertedType: 13 }),
      values: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }),
      stored: values => fixedWidth(Int32Array.from(values, value => Number(BigInt.asIntN(32, value)))),
    })
  })

  it('of times and timestamps in every unit', () => {
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'timestamp' }, { physicalType: 2, convertedType: 10 }),
      values: longValues,
      stored: longs,
    })
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'timestamptz' }, { physicalType: 2, convertedType: 9 }),
      values: fc.bigInt({ min: -(2n ** 50n), max: 2n ** 50n }).map(millis => millis * 1000n),
      stored: values => longs(values.map(value => value / 1000n)),
    })
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'time' }, { physicalType: 1, convertedType: 7 }),
      values: fc.nat(86_399_999).map(millis => BigInt(millis) * 1000n),
      stored: values => fixedWidth(Int32Array.from(values, value => Number(value / 1000n))),
    })
    const nanos = { field_7: { field_1: false, field_2: { field_3: {} } } }
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'time' }, { physicalType: 2, logicalType: nanos }),
      values: fc.nat(86_399_999).map(BigInt),
      stored: values => longs(values.map(value => value * 1000n)),
    })
  })

  it('of floats and doubles', () => {
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'float' }, { physicalType: 4 }),
      values: fc.float(),
      stored: values => fixedWidth(Float32Array.from(values)),
    })
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'double' }, { physicalType: 5 }),
      values: fc.double(),
      stored: values => fixedWidth(Float64Array.from(values)),
    })
  })

  it('of text, binary, uuid and fixed', () => {
    checkNothingIsLost({
      leaf: TEXT,
      values: fc.string({ unit: TEXT_UNIT, maxLength: 80 }),
      stored: values => varBytes(values.map(utf8Encode)),
    })
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'binary' }, { physicalType: 6 }),
      values: fc.uint8Array({ maxLength: 80 }),
      stored: varBytes,
    })
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'uuid' }, { physicalType: 7, typeLength: 16, logicalType: { field_14: {} } }),
      values: fc.uint8Array({ minLength: 16, maxLength: 16 }),
      stored: values => fixedBytes(16, values),
    })
    checkNothingIsLost({
      leaf: leafColumn({ kind: 'fixed', lengthBytes: 5 }, { physicalType: 7, typeLength: 5 }),
      values: fc.uint8Array({ minLength: 5, maxLength: 5 }),
      stored: values => fixedBytes(5, values),
    })
  })

  it('of decimals', () => {
    const type = { kind: 'decimal', precision: 9, scale: 2 } as const
    const values = fc.bigInt({ min: -999_999_999n, max: 999_999_999n })
    checkNothingIsLost({
      leaf: leafColumn(type, { physicalType: 1 }),
      values,
      stored: stored => fixedWidth(Int32Array.from(stored, Number)),
    })
    checkNothingIsLost({ leaf: leafColumn(type, { physicalType: 2 }), values, stored: longs })
    checkNothingIsLost({
      leaf: leafColumn(type, { physicalType: 7, typeLength: 6 }),
      values,
      stored: stored =>
        fixedBytes(
          6,
          stored.map(value => decimalOf(value, 6)),
        ),
    })
  })
})

describe('a bloom filter is not asked', () => {
  it('about values that have several forms, and of columns whose bytes are the writer’s choice', () => {
    const double = leafColumn({ kind: 'double' }, { physicalType: 5 })
    for (const value of [0, -0, Number.NaN]) expect(bloomBytesOf(double, value)).toBeUndefined()
    const boolean = leafColumn({ kind: 'boolean' }, { physicalType: 0 })
    expect(bloomBytesOf(boolean, true)).toBeUndefined()
    expect(bloomHashes({ layout: 'boolean', length: 1, bits: new Uint8Array(1) })).toBeUndefined()
    const int96 = leafColumn({ kind: 'timestamptz' }, { physicalType: 3 })
    expect(bloomBytesOf(int96, 0n)).toBeUndefined()
    const decimal = leafColumn({ kind: 'decimal', precision: 9, scale: 2 }, { physicalType: 6 })
    expect(bloomBytesOf(decimal, 1n)).toBeUndefined()
  })

  it('about null and what the column cannot hold', () => {
    expect(bloomBytesOf(LONG, null)).toBeUndefined()
    expect(bloomBytesOf(leafColumn({ kind: 'int' }, { physicalType: 1 }), 1.5)).toBeUndefined()
    expect(bloomBytesOf(leafColumn({ kind: 'float' }, { physicalType: 4 }), 0.1)).toBeUndefined()
    const millis = leafColumn({ kind: 'timestamptz' }, { physicalType: 2, convertedType: 9 })
    expect(bloomBytesOf(millis, 1n)).toBeUndefined()
    const fixed = leafColumn({ kind: 'fixed', lengthBytes: 5 }, { physicalType: 7, typeLength: 5 })
    expect(bloomBytesOf(fixed, new Uint8Array(4))).toBeUndefined()
  })

  it('when nothing was inserted it says no to all', () => {
    const filter = createBloomFilter(32)
    expect(mightContain(filter, utf8Encode('a'))).toBe(false)
    expect(buildBloomFilter([])).toEqual(filter)
  })
})
