import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Vector } from '../../../../src/batch/column-batch.js'
import { sliceVector } from '../../../../src/batch/slice-vector.js'
import { batchOf } from '../../../../src/batch/vector-builder.js'
import { rawBounds } from '../../../../src/format/parquet/encode/cut-bounds.js'
import {
  entryStatistics,
  type LeafStatistics,
  mergeEntryStatistics,
  mergeLeafStatistics,
} from '../../../../src/format/parquet/encode/leaf-statistics.js'
import { shredColumn } from '../../../../src/format/parquet/encode/shred.js'
import {
  type WriteLeaf,
  type WriteRoot,
  writeSchema,
} from '../../../../src/format/parquet/encode/write-schema.js'
import type { Field, PrimitiveType, Type, Value } from '../../../../src/schema/types.js'
import { compareValues } from '../../../../src/schema/value.js'
import { arbitraryRows } from '../../arbitrary-rows.js'

const field = (type: Type): Field => ({ id: 1, name: 'c', required: false, type })

function rootOf(column: Field): WriteRoot {
  return writeSchema([column]).roots[0] as WriteRoot
}

/** Of the first leaf of a column, cut into parts. */
function statisticsOfParts(root: WriteRoot, parts: readonly Vector[]): LeafStatistics {
  const leaf = root.leaves[0] as WriteLeaf
  const chunks = parts.map(part => {
    const [entries] = shredColumn(root, part)
    if (entries === undefined) throw new TypeError('a column has a leaf')
    return entryStatistics(leaf, entries)
  })
  return mergeLeafStatistics(leaf, [mergeEntryStatistics(leaf, chunks.slice(1)), ...chunks.slice(0, 1)])
}

function vectorOf(type: Type, values: readonly Value[]): Vector {
  const fields = [field(type)]
  return batchOf(
    fields,
    values.map(value => [value]),
  ).columns[0] as Vector
}

function statisticsOf(type: Type, values: readonly Value[]): LeafStatistics {
  return statisticsOfParts(rootOf(field(type)), [vectorOf(type, values)])
}

describe('statistics of a leaf column', () => {
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

  it('order the low words of 64-bit values as unsigned', () => {
    const values = [2n ** 31n, 2n ** 31n - 1n, 2n ** 32n - 1n, 1n]
    expect(statisticsOf({ kind: 'long' }, values)).toMatchObject({ lower: 1n, upper: 2n ** 32n - 1n })
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
    const { lower, upper } = statisticsOf({ kind: 'double' }, [0])
    expect(Object.is(lower, -0)).toBe(true)
    expect(Object.is(upper, 0)).toBe(true)
    expect(Object.is(statisticsOf({ kind: 'float' }, [-0]).upper, 0)).toBe(true)
  })

  it('compare strings by their UTF-8 bytes', () => {
    expect(statisticsOf({ kind: 'string' }, ['\u{1F600}', '\uFFFD', 'z', 'za', ''])).toMatchObject({
      lower: '',
      upper: '\u{1F600}',
    })
    expect(statisticsOf({ kind: 'string' }, ['a', 'a\0', 'a\0\0\0\0'])).toMatchObject({
      lower: 'a',
      upper: 'a\0\0\0\0',
    })
  })

  it('have no bounds where all is null, and counts only for variants and geometries', () => {
    expect(statisticsOf({ kind: 'int' }, [null, null])).toEqual({ valueCount: 2, nullCount: 2 })
    expect(statisticsOf({ kind: 'boolean' }, [true, null])).toMatchObject({ lower: true, upper: true })
    expect(statisticsOf({ kind: 'geometry' }, [Uint8Array.of(1)])).toEqual({ valueCount: 1, nullCount: 0 })
    const variant = statisticsOf({ kind: 'variant' }, [Uint8Array.of(1, 0, 0, 0), null])
    expect(variant).toEqual({ valueCount: 2, nullCount: 1 })
  })

  it('count list elements as Parquet does, without bounds', () => {
    const list: Type = { kind: 'list', elementId: 2, elementRequired: false, element: { kind: 'int' } }
    expect(statisticsOf(list, [[1, null], [], null, [5]])).toEqual({ valueCount: 5, nullCount: 3 })
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
    const ofStructs = statisticsOfParts(rootOf(struct), [structs])
    expect(ofStructs).toEqual({ valueCount: 4, nullCount: 2, lower: 1, upper: 2 })

    const list = field({ kind: 'list', elementId: 2, elementRequired: true, element: { kind: 'double' } })
    const elements: Vector = { layout: 'fixed-width', length: 3, values: Float64Array.of(1, Number.NaN, 2) }
    const lists: Vector = {
      layout: 'list',
      length: 3,
      validity: Uint8Array.of(0b101),
      offsets: Int32Array.of(0, 1, 2, 3),
      element: elements,
    }
    expect(statisticsOfParts(rootOf(list), [lists])).toEqual({ valueCount: 3, nullCount: 1, nanCount: 0 })
  })

  it('count a dictionary entry as often as it is used, null and NaN entries too', () => {
    const dictionary: Vector = {
      layout: 'fixed-width',
      length: 4,
      validity: Uint8Array.of(0b0111),
      values: Float64Array.of(5, Number.NaN, 1000, 0),
    }
    const codes = Int32Array.of(0, 1, 1, 3, 0, 77)
    const validity = Uint8Array.of(0b011111)
    const column: Vector = { layout: 'dictionary', length: 6, validity, codes, dictionary }
    const expected = { valueCount: 6, nullCount: 2, nanCount: 2, lower: 5, upper: 5 }
    const root = rootOf(field({ kind: 'double' }))
    expect(statisticsOfParts(root, [column])).toEqual(expected)
    const withoutNulls = {
      ...column,
      dictionary: { ...dictionary, validity: undefined },
      codes: codes.fill(0, 3, 4),
    }
    expect(statisticsOfParts(root, [withoutNulls])).toEqual({ ...expected, nullCount: 1 })
  })

  it('look only at the strings of a dictionary that are used', () => {
    const dictionary = vectorOf({ kind: 'string' }, ['zz', 'b', 'a', 'abcde', 'abcdf', '0'])
    const column: Vector = {
      layout: 'dictionary',
      length: 7,
      codes: Int32Array.of(3, 1, 4, 1, 3, 3, 4),
      dictionary,
    }
    expect(statisticsOfParts(rootOf(field({ kind: 'string' })), [column])).toMatchObject({
      lower: 'abcde',
      upper: 'b',
    })
  })

  it('refuse strings that are not UTF-8', () => {
    const column: Vector = {
      layout: 'var-bytes',
      length: 1,
      offsets: Int32Array.of(0, 1),
      bytes: Uint8Array.of(0xff),
    }
    expect(() => statisticsOfParts(rootOf(field({ kind: 'string' })), [column])).toThrow('not UTF-8')
  })

  it('are those of the values, whatever the type and however the rows are cut', () => {
    fc.assert(
      fc.property(arbitraryRows(30), fc.integer({ min: 1, max: 9 }), ({ fields, rows }, cut) => {
        const batch = batchOf(fields, rows)
        for (const root of writeSchema(fields).roots) {
          const { type } = root.field
          if (type.kind === 'struct' || type.kind === 'list' || type.kind === 'map') continue
          const column = batch.columns[root.column] as Vector
          const parts: Vector[] = []
          for (let at = 0; at < rows.length; at += cut) {
            parts.push(sliceVector(column, at, Math.min(at + cut, rows.length)))
          }
          const values = rows.map(row => row[root.column] as Value)
          expect(statisticsOfParts(root, parts)).toEqual(bruteForce(type, values))
        }
      }),
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

describe('bounds as footers hold them', () => {
  const leafOf = (type: Type): WriteLeaf => rootOf(field(type)).leaves[0] as WriteLeaf
  const text = (value: string): Uint8Array => new TextEncoder().encode(value)
  const cutText = (value: string) =>
    rawBounds(leafOf({ kind: 'string' }), { lower: text(value), upper: text(value) })

  it('are the values when these are short', () => {
    expect(cutText('x'.repeat(64))).toEqual({
      lower: text('x'.repeat(64)),
      upper: text('x'.repeat(64)),
      lowerExact: true,
      upperExact: true,
    })
    expect(rawBounds(leafOf({ kind: 'long' }), { lower: -2n, upper: 1n })).toMatchObject({
      lower: Uint8Array.of(254, 255, 255, 255, 255, 255, 255, 255),
      upperExact: true,
    })
    expect(rawBounds(leafOf({ kind: 'long' }), {})).toBeUndefined()
  })

  it('are cut below and raised above, between characters', () => {
    expect(cutText('a'.repeat(70))).toEqual({
      lower: text('a'.repeat(64)),
      upper: text(`${'a'.repeat(63)}b`),
      lowerExact: false,
      upperExact: false,
    })
    // The second byte of the last é would be the 65th.
    expect(cutText(`${'a'.repeat(63)}${'é'.repeat(4)}`)).toMatchObject({
      lower: text('a'.repeat(63)),
      upper: text(`${'a'.repeat(62)}b`),
    })
    // The code point behind U+D7FF is no character.
    expect(cutText(`${'a'.repeat(61)}\ud7ff tail`)?.upper).toEqual(text(`${'a'.repeat(61)}\ue000`))
  })

  it('stay whole above where nothing can be raised', () => {
    const most = '\u{10ffff}'.repeat(20)
    expect(cutText(most)).toMatchObject({ upper: text(most), upperExact: true, lowerExact: false })
    const bytes = new Uint8Array(70).fill(0xff)
    const binary = rawBounds(leafOf({ kind: 'binary' }), { lower: bytes, upper: bytes })
    expect(binary).toMatchObject({ upper: bytes, upperExact: true, lower: bytes.subarray(0, 64) })
    const fixed = rawBounds(leafOf({ kind: 'fixed', lengthBytes: 70 }), { lower: bytes, upper: bytes })
    expect(fixed).toMatchObject({ lower: bytes, lowerExact: true })
  })

  it('are left out when what cannot be raised is very long', () => {
    expect(cutText('\u{10ffff}'.repeat(2_000))).toBeUndefined()
  })

  it('are never on the wrong side of what they stand for', () => {
    const long = (tail: string): Uint8Array => text('x'.repeat(58) + tail)
    const characters = fc.constantFrom('a', '\0', '\x7f', 'é', '€', '\ud7ff', '\u{1F600}', '\u{10ffff}')
    const strings = fc.array(characters, { maxLength: 9 }).map(parts => long(parts.join('')))
    fc.assert(
      fc.property(fc.oneof(strings, fc.uint8Array({ minLength: 60, maxLength: 70 })), bytes => {
        for (const kind of ['string', 'binary'] as const) {
          const bounds = rawBounds(leafOf({ kind }), { lower: bytes, upper: bytes })
          expect(Buffer.compare(bounds?.lower as Uint8Array, bytes)).toBeLessThanOrEqual(0)
          expect(Buffer.compare(bounds?.upper as Uint8Array, bytes)).toBeGreaterThanOrEqual(0)
          expect(bounds?.lowerExact).toBe(Buffer.compare(bounds?.lower as Uint8Array, bytes) === 0)
        }
      }),
    )
  })
})
