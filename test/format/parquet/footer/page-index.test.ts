import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, hexDecode, hexEncode, utf8Encode } from '../../../../src/base/bytes.js'
import {
  type ColumnIndex,
  moveOffsetIndex,
  type PageStatistics,
  pageStatistics,
  parseColumnIndex,
  parseOffsetIndex,
  serializeColumnIndex,
  serializeOffsetIndex,
} from '../../../../src/format/parquet/footer/page-index.js'
import type { LeafColumn } from '../../../../src/format/parquet/footer/schema.js'
import type { Value } from '../../../../src/schema/types.js'
import { compareValues } from '../../../../src/schema/value.js'
import { leafColumn, plainDouble, plainInteger, TEXT_UNIT } from './leaf-columns.js'

const bytesOf = (hex: string): Uint8Array => hexDecode(hex) as Uint8Array

/** Of a column of long with the pages [3, 1, 2], [null, null, null], [7, 9], written by pyarrow. */
const PYARROW_OFFSETS = '193c168001154216000016c201153c16060016fe011544160c0000'
const PYARROW_COLUMN =
  '193102010219380801000000000000000008070000000000000019380803000000000000000008090000000000000015021936000600' +
  '296600060600000400'

describe('an offset index', () => {
  it('of pyarrow is understood, and written the same', () => {
    const index = parseOffsetIndex(bytesOf(PYARROW_OFFSETS))
    expect(index).toEqual({
      pages: [
        { offset: 64, compressedBytes: 33, firstRow: 0 },
        { offset: 97, compressedBytes: 30, firstRow: 3 },
        { offset: 127, compressedBytes: 34, firstRow: 6 },
      ],
    })
    expect(hexEncode(serializeOffsetIndex(index))).toBe(PYARROW_OFFSETS)
  })

  it('of Spark says the bytes of strings', () => {
    const hex = '191c16bc0d15f4011600001916be0400'
    const index = parseOffsetIndex(bytesOf(hex))
    expect(index).toEqual({
      pages: [{ offset: 862, compressedBytes: 122, firstRow: 0 }],
      unencodedBytes: [287],
    })
    expect(hexEncode(serializeOffsetIndex(index))).toBe(hex)
  })

  it('moves with the pages of its chunk', () => {
    const index = parseOffsetIndex(bytesOf(PYARROW_OFFSETS))
    expect(moveOffsetIndex(index, -60).pages.map(page => page.offset)).toEqual([4, 37, 67])
  })

  it('is refused when rows do not ascend from 0, pages overlap or anything is negative', () => {
    const page = { offset: 10, compressedBytes: 5, firstRow: 0 }
    const broken = [
      [{ ...page, firstRow: 1 }],
      [page, { ...page, offset: 14, firstRow: 5 }],
      [page, { ...page, offset: 15, firstRow: 5 }, { ...page, offset: 20, firstRow: 4 }],
      [{ ...page, offset: -1 }],
      [{ ...page, compressedBytes: -1 }],
    ]
    for (const pages of broken) {
      expect(() => parseOffsetIndex(serializeOffsetIndex({ pages }))).toThrow(RangeError)
    }
    expect(() => parseOffsetIndex(bytesOf('00'))).toThrow(TypeError)
  })
})

describe('a column index', () => {
  it('of pyarrow is understood', () => {
    const one = plainInteger(1n)
    expect(parseColumnIndex(bytesOf(PYARROW_COLUMN))).toEqual({
      nullPages: [false, true, false],
      lower: [one, new Uint8Array(0), plainInteger(7n)],
      upper: [plainInteger(3n), new Uint8Array(0), plainInteger(9n)],
      boundaryOrder: 'ascending',
      nullCounts: [0, 3, 0],
      definitionHistograms: [0, 3, 3, 0, 0, 2],
    })
  })

  it('is written as pyarrow writes it', () => {
    const index = parseColumnIndex(bytesOf(PYARROW_COLUMN))
    expect(hexEncode(serializeColumnIndex(index))).toBe(PYARROW_COLUMN)
  })

  it('is refused when its lists have different lengths or one is missing', () => {
    const index = parseColumnIndex(bytesOf(PYARROW_COLUMN))
    const broken: ColumnIndex[] = [
      { ...index, lower: index.lower.slice(1) },
      { ...index, upper: [] },
      { ...index, nullCounts: [0, 3] },
      { ...index, nanCounts: [0, 0, 0, 0] },
    ]
    for (const each of broken) expect(() => parseColumnIndex(serializeColumnIndex(each))).toThrow(RangeError)
    expect(() => parseColumnIndex(bytesOf('00'))).toThrow(TypeError)
  })

  it('that is broken ends as an index or as a RangeError or TypeError', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(fc.boolean(), edits, (column, changes) => {
        const bytes = bytesOf(column ? PYARROW_COLUMN : PYARROW_OFFSETS)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        try {
          if (column) parseColumnIndex(bytes)
          else parseOffsetIndex(bytes)
        } catch (error) {
          expect(error instanceof RangeError || error instanceof TypeError).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
})

/** A kind of column: its values, and their plain bytes. */
interface Kind<T extends Value> {
  readonly leaf: LeafColumn
  readonly values: fc.Arbitrary<T>
  readonly plain: (value: T) => Uint8Array
}

/** The column index of pages as a writer makes it; undefined when a page holds NaN only. */
function indexOf<T extends Value>(
  pages: readonly (readonly (T | null)[])[],
  kind: Kind<T>,
): ColumnIndex | undefined {
  const { type } = kind.leaf
  const sorted = pages.map(page =>
    page.flatMap(value => (value === null ? [] : [value])).sort((a, b) => compareValues(type, a, b)),
  )
  const numbers = sorted.map(page => page.filter(value => !Number.isNaN(value)))
  if (numbers.some((page, at) => page.length === 0 && (sorted[at]?.length ?? 0) > 0)) return undefined
  const bound = (value: T | undefined): Uint8Array =>
    value === undefined ? new Uint8Array(0) : kind.plain(value)
  return {
    nullPages: sorted.map(page => page.length === 0),
    lower: numbers.map(page => bound(page[0])),
    upper: numbers.map(page => bound(page[page.length - 1])),
    boundaryOrder: 'unordered',
    nullCounts: pages.map(page => page.filter(value => value === null).length),
  }
}

interface Interval<T extends Value> {
  readonly from: T
  readonly to: T
}

/** The two zeros are one here, as bounds of zero are widened. */
function order(leaf: LeafColumn, a: Value, b: Value): number {
  return a === b ? 0 : compareValues(leaf.type, a, b)
}

/** The decision of a reader: whether a page may hold a value of an interval. */
function mayHold<T extends Value>(page: PageStatistics, leaf: LeafColumn, interval: Interval<T>): boolean {
  if (page.allNull) return false
  const { lower, upper } = page
  const below = upper !== undefined && order(leaf, upper, interval.from) < 0
  const above = lower !== undefined && order(leaf, lower, interval.to) > 0
  return !below && !above
}

/** The same by looking at every value: some value is not below the interval, and some not above. */
function overlaps<T extends Value>(
  values: readonly (T | null)[],
  leaf: LeafColumn,
  interval: Interval<T>,
): boolean {
  const present = values.filter(value => value !== null && !Number.isNaN(value)) as T[]
  const notBelow = present.some(value => order(leaf, value, interval.from) >= 0)
  return notBelow && present.some(value => order(leaf, value, interval.to) <= 0)
}

function checkDecisions<T extends Value>(kind: Kind<T>): void {
  const page = fc.array(fc.option(kind.values, { nil: null, freq: 4 }), { minLength: 1, maxLength: 6 })
  const pages = fc.array(page, { minLength: 1, maxLength: 6 })
  const { leaf } = kind
  const ends = fc
    .tuple(kind.values, kind.values)
    .filter(([a, b]) => !Number.isNaN(a) && !Number.isNaN(b))
    .map(([a, b]) => (order(leaf, a, b) <= 0 ? { from: a, to: b } : { from: b, to: a }))
  fc.assert(
    fc.property(pages, ends, (rows, interval) => {
      const index = indexOf(rows, kind)
      if (index === undefined) return
      const statistics = pageStatistics(parseColumnIndex(serializeColumnIndex(index)), leaf)
      expect(statistics.map(each => mayHold(each, leaf, interval))).toEqual(
        rows.map(values => overlaps(values, leaf, interval)),
      )
      expect(statistics.map(each => each.allNull)).toEqual(
        rows.map(values => values.every(value => value === null)),
      )
      expect(statistics.map(each => each.nullCount)).toEqual(
        rows.map(values => values.filter(value => value === null).length),
      )
    }),
  )
}

describe('page statistics', () => {
  it('decide on pages as looking at every value does: integers', () => {
    checkDecisions({
      leaf: leafColumn({ kind: 'int' }, { physicalType: 1 }),
      values: fc.integer(),
      plain: plainInteger,
    })
  })

  it('decide on pages as looking at every value does: timestamps in millis', () => {
    checkDecisions({
      leaf: leafColumn({ kind: 'timestamptz' }, { physicalType: 2, convertedType: 9 }),
      values: fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n }).map(millis => millis * 1000n),
      plain: micros => plainInteger(micros / 1000n),
    })
  })

  it('decide on pages as looking at every value does: doubles with NaN, zeros and infinities', () => {
    checkDecisions({
      leaf: leafColumn({ kind: 'double' }, { physicalType: 5 }),
      values: fc.oneof(fc.double(), fc.constantFrom(0, -0, Number.NaN, Number.POSITIVE_INFINITY)),
      plain: plainDouble,
    })
  })

  it('decide on pages as looking at every value does: text', () => {
    checkDecisions({
      leaf: leafColumn({ kind: 'string' }, { physicalType: 6, convertedType: 0 }),
      values: fc.string({ unit: TEXT_UNIT, maxLength: 4 }),
      plain: utf8Encode,
    })
  })

  it('decide on pages as looking at every value does: decimals of nine bytes', () => {
    const plain = (value: bigint): Uint8Array => {
      const hex = BigInt.asUintN(72, value).toString(16).padStart(18, '0')
      return bytesOf(hex)
    }
    checkDecisions({
      leaf: leafColumn({ kind: 'decimal', precision: 20, scale: 2 }, { physicalType: 7, typeLength: 9 }),
      values: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
      plain,
    })
  })

  it('hold for text whose bounds were cut, when the writer kept them bounds', () => {
    const text = fc.string({ unit: TEXT_UNIT, maxLength: 6 })
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), values => {
        const leaf = leafColumn({ kind: 'string' }, { physicalType: 6, convertedType: 0 })
        const sorted = values.map(utf8Encode).sort(compareBytes)
        // Cut after two bytes, the upper one made greater: either may end inside a character.
        const lower = (sorted[0] as Uint8Array).slice(0, 2)
        const upper = Uint8Array.of(...(sorted.at(-1) as Uint8Array).slice(0, 2), 0xff)
        const index = {
          nullPages: [false],
          lower: [lower],
          upper: [upper],
          boundaryOrder: 'unordered' as const,
        }
        const [page] = pageStatistics(index, leaf)
        if (page === undefined) throw new RangeError('a page is missing')
        for (const value of values) expect(mayHold(page, leaf, { from: value, to: value })).toBe(true)
      }),
    )
  })

  it('have no bounds inside lists, and no counts where the writer did not count', () => {
    const index: ColumnIndex = {
      nullPages: [false],
      lower: [plainInteger(1)],
      upper: [plainInteger(2)],
      boundaryOrder: 'unordered',
      nullCounts: [-1],
    }
    const inList = leafColumn({ kind: 'int' }, { physicalType: 1 }, { repeated: true })
    expect(pageStatistics(index, inList)).toEqual([{ allNull: false }])
  })
})
