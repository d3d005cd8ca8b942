import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Vector } from '../../../../src/batch/column-batch.js'
import { sliceVector } from '../../../../src/batch/slice-vector.js'
import { columnValues } from '../../../../src/batch/values.js'
import { createVectorBuilder } from '../../../../src/batch/vector-builder.js'
import { buildDictionary, type EncodedDictionary } from '../../../../src/format/parquet/encode/dictionary.js'
import type { StoredValues } from '../../../../src/format/parquet/leaf.js'
import type { PrimitiveType, Value } from '../../../../src/schema/types.js'

const NO_LIMITS = { entriesMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY }

function stored(type: PrimitiveType, values: readonly Value[]): StoredValues {
  const builder = createVectorBuilder(type, values.length)
  for (const value of values) builder.append(value)
  return builder.finish() as StoredValues
}

/** The values that codes and entries stand for. */
function decoded(type: PrimitiveType, { dictionary, codes }: EncodedDictionary): Value[] {
  const entries = columnValues(dictionary, type)
  return codes.flatMap(part => Array.from(part, code => entries[code] ?? null))
}

const long = (values: readonly number[]): StoredValues =>
  stored(
    { kind: 'long' },
    values.map(value => BigInt(value)),
  )

describe('a dictionary', () => {
  it('has each value once, in the order they come, over all parts', () => {
    const built = buildDictionary([long([7, 7, 3]), long([9, 3])], NO_LIMITS)
    expect(built?.codes).toEqual([Int32Array.of(0, 0, 1), Int32Array.of(2, 1)])
    expect(columnValues(built?.dictionary as Vector, { kind: 'long' })).toEqual([7n, 3n, 9n])
  })

  it('joins dictionaries by their entries, those that are not used left out', () => {
    const first: StoredValues = {
      layout: 'dictionary',
      length: 3,
      codes: Int32Array.of(2, 0, 2),
      dictionary: long([5, 6, 7]),
    }
    const second: StoredValues = { ...first, codes: Int32Array.of(1, 1, 0), dictionary: long([7, 8]) }
    const built = buildDictionary([first, second, long([5])], NO_LIMITS)
    expect(built?.codes).toEqual([Int32Array.of(0, 1, 0), Int32Array.of(2, 2, 0), Int32Array.of(1)])
    expect(columnValues(built?.dictionary as Vector, { kind: 'long' })).toEqual([7n, 5n, 8n])
  })

  it('is given up when it has too many entries or bytes', () => {
    const values = long([1, 2, 3, 1])
    expect(buildDictionary([values], { ...NO_LIMITS, entriesMax: 2 })).toBeUndefined()
    expect(buildDictionary([values], { ...NO_LIMITS, entriesMax: 3 })?.dictionary.length).toBe(3)
    expect(buildDictionary([values], { ...NO_LIMITS, bytesMax: 23 })).toBeUndefined()
    expect(buildDictionary([values], { ...NO_LIMITS, bytesMax: 24 })?.dictionary.length).toBe(3)
    const texts = stored({ kind: 'string' }, ['a', 'bcd', 'a'])
    expect(buildDictionary([texts], { ...NO_LIMITS, bytesMax: 11 })).toBeUndefined()
    expect(buildDictionary([texts], { ...NO_LIMITS, bytesMax: 12 })?.dictionary.length).toBe(2)
  })

  it('is given up early when new values keep coming', () => {
    const values = new BigInt64Array(100_000).map((_, at) => BigInt(at) * 1_000_003n)
    const column: StoredValues = { layout: 'fixed-width', length: values.length, values }
    // It would fit: what is seen after the first slice says that it will not.
    expect(buildDictionary([column], { ...NO_LIMITS, entriesMax: 40_000 })).toBeUndefined()
    expect(buildDictionary([column], NO_LIMITS)?.dictionary.length).toBe(100_000)
  })

  it('tells values apart that are equal as numbers but not in their bits', () => {
    const doubles = stored({ kind: 'double' }, [0, -0, 0, Number.NaN, Number.NaN])
    const built = buildDictionary([doubles], NO_LIMITS)
    expect(built?.codes).toEqual([Int32Array.of(0, 1, 0, 2, 2)])
    expect(decoded({ kind: 'double' }, built as EncodedDictionary)).toEqual([
      0,
      -0,
      0,
      Number.NaN,
      Number.NaN,
    ])
  })

  it('holds integers far from those it began with', () => {
    const near = Array.from({ length: 1000 }, (_, at) => (at * 7) % 100)
    const far = [2 ** 31 - 1, -(2 ** 31), 2 ** 17, -1, 50]
    const ints = stored({ kind: 'int' }, [...near, ...far, ...near])
    const built = buildDictionary([ints, ints], NO_LIMITS) as EncodedDictionary
    expect(built.dictionary.length).toBe(104)
    const expected = [...near, ...far, ...near]
    expect(decoded({ kind: 'int' }, built)).toEqual([...expected, ...expected])
    const wide = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 52n, 2n ** 53n + 1n, 2n ** 53n, 2n ** 32n, -1n]
    const longs = [...near.map(BigInt), ...wide, ...near.map(BigInt)]
    const builtLongs = buildDictionary([stored({ kind: 'long' }, longs)], NO_LIMITS) as EncodedDictionary
    expect(builtLongs.dictionary.length).toBe(107)
    expect(decoded({ kind: 'long' }, builtLongs)).toEqual(longs)
  })

  it('tells apart strings that differ only in length, in one byte, or in what a short key leaves out', () => {
    const texts = [
      '',
      'a',
      'a\0',
      'ab',
      'ba',
      'abc',
      'abcd',
      'abcde',
      'abcdabcd',
      'abcdefgh',
      'abcdXefgh',
      'abcdYefgh',
    ]
    const built = buildDictionary([stored({ kind: 'string' }, [...texts, ...texts])], NO_LIMITS)
    expect(built?.dictionary.length).toBe(texts.length)
    expect(decoded({ kind: 'string' }, built as EncodedDictionary)).toEqual([...texts, ...texts])
  })

  it('stands for the same values, whatever they are and however they are cut', () => {
    const repeating = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
      fc
        .tuple(fc.array(value, { minLength: 1, maxLength: 40 }), fc.array(fc.nat(), { maxLength: 200 }))
        .map(([values, picks]) => picks.map(pick => values[pick % values.length] as T))
    const column = (
      type: PrimitiveType,
      value: fc.Arbitrary<Value>,
    ): fc.Arbitrary<{ type: PrimitiveType; values: Value[] }> =>
      repeating(value).map(values => ({ type, values }))
    const columns = fc.oneof(
      column({ kind: 'int' }, fc.integer()),
      column({ kind: 'date' }, fc.integer({ min: -300, max: 300 })),
      column({ kind: 'long' }, fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
      column({ kind: 'time' }, fc.bigInt(-300n, 300n)),
      column({ kind: 'float' }, fc.float()),
      column({ kind: 'double' }, fc.double()),
      column({ kind: 'string' }, fc.string({ maxLength: 14 })),
      column({ kind: 'fixed', lengthBytes: 5 }, fc.uint8Array({ minLength: 5, maxLength: 5 })),
    )
    fc.assert(
      fc.property(columns, fc.nat(), ({ type, values }, cut) => {
        const whole = stored(type, values)
        const at = cut % (values.length + 1)
        const parts = [sliceVector(whole, 0, at), sliceVector(whole, at, values.length)] as StoredValues[]
        const built = buildDictionary(parts, NO_LIMITS) as EncodedDictionary
        expect(decoded(type, built)).toEqual(values)
        const entries = columnValues(built.dictionary, type).map(value =>
          Object.is(value, -0) ? '-0' : value instanceof Uint8Array ? value.join() : String(value),
        )
        expect(new Set(entries).size).toBe(entries.length)
      }),
    )
  })
})
