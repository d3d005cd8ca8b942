import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Vector } from '../../../../src/batch/column-batch.js'
import { sliceVector } from '../../../../src/batch/slice-vector.js'
import { constantVector } from '../../../../src/batch/take.js'
import { columnValues } from '../../../../src/batch/values.js'
import { batchOf } from '../../../../src/batch/vector-builder.js'
import { decodeColumn } from '../../../../src/format/parquet/decode/decode-column.js'
import {
  type ColumnEncodeOptions,
  type EncodedChunk,
  encodeColumn,
} from '../../../../src/format/parquet/encode/encode-column.js'
import { mergeLeafStatistics } from '../../../../src/format/parquet/encode/leaf-statistics.js'
import {
  type WriteLeaf,
  type WriteRoot,
  writeSchema,
} from '../../../../src/format/parquet/encode/write-schema.js'
import { parseBloomFilter } from '../../../../src/format/parquet/footer/bloom-filter.js'
import { Encoding } from '../../../../src/format/parquet/footer/metadata.js'
import { parsePageHeader } from '../../../../src/format/parquet/footer/page-header.js'
import { pageStatistics } from '../../../../src/format/parquet/footer/page-index.js'
import { type LeafColumn, readParquetSchema } from '../../../../src/format/parquet/footer/schema.js'
import type { Field, PrimitiveType, Type, Value } from '../../../../src/schema/types.js'
import { compareValues } from '../../../../src/schema/value.js'
import { arbitraryRows } from '../../arbitrary-rows.js'

const OPTIONS: ColumnEncodeOptions = {
  codec: 'uncompressed',
  pageBytes: 1 << 20,
  pageRows: 20_000,
  pageVersion: 1,
  dictionaryEnabled: true,
  dictionaryBytesMax: 1 << 20,
  checksum: true,
}

const field = (type: Type, required = false): Field => ({ id: 1, name: 'c', required, type })

function rootOf(column: Field): WriteRoot {
  return writeSchema([column]).roots[0] as WriteRoot
}

function vectorOf(column: Field, values: readonly Value[]): Vector {
  return batchOf(
    [column],
    values.map(value => [value]),
  ).columns[0] as Vector
}

/** The chunks of a column whose rows come in the parts given. */
function encode(
  column: Field,
  parts: readonly (readonly Value[])[],
  options: Partial<ColumnEncodeOptions> = {},
): readonly EncodedChunk[] {
  const vectors = parts.map(part => vectorOf(column, part))
  return encodeColumn({ root: rootOf(column), vectors, options: { ...OPTIONS, ...options } }).chunks
}

function encodeOne(
  type: Type,
  values: readonly Value[],
  options: Partial<ColumnEncodeOptions> = {},
): EncodedChunk {
  return encode(field(type), [values], options)[0] as EncodedChunk
}

function decode(column: Field, chunks: readonly EncodedChunk[], groupRows: number): Value[] {
  const { leaves, roots } = readParquetSchema(writeSchema([column]).elements)
  const node = roots[0]?.node
  if (node === undefined) throw new TypeError('a column has a node')
  const vector = decodeColumn({
    location: 'memory://f',
    rowGroup: 0,
    column: column.name,
    node,
    type: column.type,
    groupRows,
    leaves: chunks.map((chunk, at) => ({
      leaf: leaves[at] as LeafColumn,
      codec: chunk.codec,
      spans: [{ bytes: chunk.bytes, firstRow: 0 }],
    })),
  })
  return columnValues(vector, column.type)
}

function leafOf(type: Type): LeafColumn {
  const leaf = readParquetSchema(writeSchema([field(type)]).elements).leaves[0] as LeafColumn
  return { ...leaf, element: { ...leaf.element, columnOrder: 'type' } }
}

const ints = (count: number, value: (row: number) => number): number[] =>
  Array.from({ length: count }, (_, row) => value(row))

const arbitraryOptions: fc.Arbitrary<Partial<ColumnEncodeOptions>> = fc.record({
  codec: fc.constantFrom('uncompressed', 'gzip', 'snappy'),
  pageBytes: fc.constantFrom(1, 30, 200, 1 << 20),
  pageRows: fc.constantFrom(1, 7, 20_000),
  pageVersion: fc.constantFrom(1, 2),
  dictionaryEnabled: fc.boolean(),
  encodings: fc.constantFrom('plain', 'measured'),
  checksum: fc.boolean(),
})

/** Values without any pattern. */
function scrambled(row: number): number {
  const mixed = Math.imul(row ^ (row >>> 16), 0x85ebca6b)
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
}

describe('an encoded column', () => {
  it('is decoded to the same rows, whatever its type, its parts and the options', () => {
    fc.assert(
      fc.property(arbitraryRows(40), arbitraryOptions, fc.nat(), ({ fields, rows }, options, cut) => {
        for (const [at, column] of fields.entries()) {
          const values = rows.map(row => row[at] as Value)
          const middle = cut % (values.length + 1)
          const chunks = encode(column, [values.slice(0, middle), values.slice(middle)], options)
          expect(decode(column, chunks, values.length)).toEqual(values)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('has pages where its offset index says, and as many entries, rows and bytes as it says', () => {
    const list = field({ kind: 'list', elementId: 2, elementRequired: false, element: { kind: 'string' } })
    const rows = fc.array(fc.option(fc.array(fc.option(fc.string({ maxLength: 5 })), { maxLength: 4 })), {
      minLength: 1,
      maxLength: 40,
    })
    fc.assert(
      fc.property(rows, arbitraryOptions, (values, options) => {
        const [chunk] = encode(list, [values], options)
        if (chunk === undefined) throw new TypeError('a column has a chunk')
        let offset = chunk.dictionaryPageBytes
        let entries = 0
        let uncompressedBytes = 0
        if (offset > 0) {
          const { header, length } = parsePageHeader(chunk.bytes, 0)
          expect([header.kind, length + header.compressedBytes]).toEqual(['dictionary', offset])
          uncompressedBytes = length + header.uncompressedBytes
        }
        for (const [at, page] of chunk.offsetIndex.pages.entries()) {
          const { header, length } = parsePageHeader(chunk.bytes, page.offset)
          expect(page.offset).toBe(offset)
          expect(page.compressedBytes).toBe(length + header.compressedBytes)
          if (header.kind !== 'data' && header.kind !== 'data-v2') throw new TypeError('a data page')
          const nextRow = chunk.offsetIndex.pages[at + 1]?.firstRow ?? values.length
          if (header.kind === 'data-v2') expect(header.rowCount).toBe(nextRow - page.firstRow)
          entries += header.entries
          uncompressedBytes += length + header.uncompressedBytes
          offset += page.compressedBytes
        }
        expect({ offset, entries, uncompressedBytes }).toEqual({
          offset: chunk.bytes.length,
          entries: chunk.valueCount,
          uncompressedBytes: chunk.uncompressedBytes,
        })
        const texts = values.flatMap(row => row ?? []).filter(text => text !== null)
        const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
        const { unencodedBytes, definitionHistogram, repetitionHistogram } = chunk.sizeStatistics
        expect(unencodedBytes).toBe(bytes)
        expect(chunk.offsetIndex.unencodedBytes?.reduce((sum, page) => sum + page, 0)).toBe(bytes)
        expect(definitionHistogram?.[3]).toBe(texts.length)
        expect(definitionHistogram?.[0]).toBe(values.filter(row => row === null).length)
        expect(repetitionHistogram?.[0]).toBe(values.length)
        expect(chunk.columnIndex?.definitionHistograms).toHaveLength(4 * chunk.offsetIndex.pages.length)
      }),
      { numRuns: 60 },
    )
  })

  it('says of each page what its values lie between', () => {
    const types: readonly PrimitiveType[] = [
      { kind: 'int' },
      { kind: 'long' },
      { kind: 'double' },
      { kind: 'string' },
      { kind: 'decimal', precision: 38, scale: 38 },
      { kind: 'uuid' },
    ]
    fc.assert(
      fc.property(arbitraryRows(60), arbitraryOptions, ({ fields, rows }, options) => {
        for (const [at, { type }] of fields.entries()) {
          if (!types.some(({ kind }) => kind === type.kind)) continue
          const values = rows.map(row => row[at] as Value)
          const chunk = encodeOne(type, values, options)
          if (chunk.columnIndex === undefined) continue
          const statistics = pageStatistics(chunk.columnIndex, leafOf(type))
          for (const [page, { firstRow }] of chunk.offsetIndex.pages.entries()) {
            const next = chunk.offsetIndex.pages[page + 1]?.firstRow ?? values.length
            const present = values.slice(firstRow, next).filter(value => value !== null)
            const numbers = present.filter(value => !Number.isNaN(value))
            const { allNull, nullCount, nanCount, lower, upper } = statistics[page] ?? {}
            expect({ allNull, nullCount }).toEqual({
              allNull: present.length === 0,
              nullCount: next - firstRow - present.length,
            })
            if (type.kind === 'double') expect(nanCount ?? 0).toBe(present.length - numbers.length)
            if (numbers.length === 0) continue
            const sorted = numbers.sort((a, b) => compareValues(type as PrimitiveType, a, b))
            const zero = (value: Value | undefined, as: number): Value | undefined =>
              value === 0 ? as : value
            expect([lower, upper]).toEqual([zero(sorted[0], -0), zero(sorted[sorted.length - 1], 0)])
          }
        }
      }),
      { numRuns: 80 },
    )
  })

  it('says whether its pages ascend or descend', () => {
    const order = (values: readonly (number | null)[]) =>
      encodeOne({ kind: 'int' }, values, { pageRows: 2 }).columnIndex?.boundaryOrder
    expect(order([1, 2, 2, 3, null, null, 3, 9])).toBe('ascending')
    expect(order([9, 8, 8, 3, 3, 3])).toBe('descending')
    expect(order([1, 2, 0, 3])).toBe('unordered')
    expect(order([5, 5, 5, 5])).toBe('ascending')
    const decimals: Type = { kind: 'decimal', precision: 30, scale: 0 }
    expect(encodeOne(decimals, [-5n, -4n, -3n, 7n], { pageRows: 2 }).columnIndex?.boundaryOrder).toBe(
      'ascending',
    )
  })

  it('has no column index when a page has NaN only, or the type no order', () => {
    const values = [1, 2, Number.NaN, Number.NaN]
    const chunk = encodeOne({ kind: 'double' }, values, { pageRows: 2 })
    expect(chunk.columnIndex).toBeUndefined()
    expect(chunk.statistics).toMatchObject({ nanCount: 2, nullCount: 0, lowerExact: true })
    expect(encodeOne({ kind: 'double' }, values).columnIndex).toMatchObject({ nanCounts: [2] })
    const geometry = encodeOne({ kind: 'geometry' }, [Uint8Array.of(1), null])
    expect(geometry).toMatchObject({ columnIndex: undefined, statistics: { nullCount: 1 } })
    expect(geometry.statistics.lower).toBeUndefined()
  })

  it('keeps its bounds when the memory of the column is used again', () => {
    const bytes = new TextEncoder().encode('bbaa')
    const column: Vector = { layout: 'var-bytes', length: 2, offsets: Int32Array.of(0, 2, 4), bytes }
    const [chunk] = encodeColumn({
      root: rootOf(field({ kind: 'string' })),
      vectors: [column],
      options: OPTIONS,
    }).chunks
    const leaf = rootOf(field({ kind: 'string' })).leaves[0] as WriteLeaf
    bytes.fill(0x7a)
    expect(
      mergeLeafStatistics(leaf, [chunk?.leafStatistics ?? { valueCount: 0, nullCount: 0 }]),
    ).toMatchObject({
      lower: 'aa',
      upper: 'bb',
    })
    expect(chunk?.columnIndex?.lower).toEqual([new TextEncoder().encode('aa')])
    expect(chunk?.statistics.upper).toEqual(new TextEncoder().encode('bb'))
  })

  it('takes a run of definition levels for an optional column without nulls', () => {
    const withoutNulls = encodeOne(
      { kind: 'int' },
      ints(1000, row => row * 7919),
      { dictionaryEnabled: false },
    )
    const { length, header } = parsePageHeader(withoutNulls.bytes, 0)
    expect(header.uncompressedBytes).toBe(4 + 3 + 4000)
    expect([...withoutNulls.bytes.subarray(length, length + 7)]).toEqual([3, 0, 0, 0, 0xd0, 0x0f, 1])
  })
})

describe('the encoding of a column', () => {
  const encodingOf = (
    type: Type,
    values: readonly Value[],
    options: Partial<ColumnEncodeOptions> = {},
  ): number | undefined => encodeOne(type, values, options).encodingStatistics.at(-1)?.encoding

  it('is a dictionary when values repeat, and plain when they do not', () => {
    const repeating = ints(20_000, row => (row * 7919) % 100)
    const distinct = ints(20_000, row => Math.imul(row, 0x9e3779b1))
    expect(encodingOf({ kind: 'int' }, repeating)).toBe(Encoding.rleDictionary)
    expect(encodingOf({ kind: 'int' }, repeating, { dictionaryEnabled: false })).toBe(Encoding.plain)
    expect(encodingOf({ kind: 'int' }, distinct)).toBe(Encoding.plain)
    expect(encodingOf({ kind: 'int' }, [1])).toBe(Encoding.plain)
    const chunk = encodeOne({ kind: 'int' }, repeating)
    expect(chunk.encodings).toEqual([Encoding.plain, Encoding.rle, Encoding.rleDictionary])
    expect(chunk.encodingStatistics).toMatchObject([{ pageCount: 1 }, { pageCount: 1 }])
  })

  it('is plain when the dictionary would be larger than allowed', () => {
    const texts = ints(20_000, row => row % 500).map(value => `a text of some length ${value}`)
    expect(encodingOf({ kind: 'string' }, texts)).toBe(Encoding.rleDictionary)
    expect(encodingOf({ kind: 'string' }, texts, { dictionaryBytesMax: 4_000 })).toBe(Encoding.plain)
  })

  it('is one dictionary for parts that come with dictionaries of their own', () => {
    const type: Type = { kind: 'string' }
    const column = field(type)
    const parts = ['left', 'right', 'left'].map(text => constantVector(type, text, 30_000))
    const { chunks } = encodeColumn({ root: rootOf(column), vectors: parts, options: OPTIONS })
    expect(chunks[0]?.bytes.length).toBeLessThan(400)
    const values = decode(column, chunks, 90_000)
    expect([values[0], values[30_000], values[60_000], values.length]).toEqual([
      'left',
      'right',
      'left',
      90_000,
    ])
  })

  it('is measured when it may be: deltas, split floats, shared prefixes', () => {
    const measured = { encodings: 'measured', dictionaryEnabled: false } as const
    expect(
      encodingOf(
        { kind: 'int' },
        ints(9000, row => row * 3),
        measured,
      ),
    ).toBe(Encoding.deltaBinaryPacked)
    const random = ints(9000, scrambled)
    expect(encodingOf({ kind: 'int' }, random, measured)).toBe(Encoding.plain)
    const paths = ints(9000, row => row).map(
      row => `/a/long/path/that/repeats/${String(row).padStart(6, '0')}`,
    )
    expect(encodingOf({ kind: 'string' }, paths, measured)).toBe(Encoding.deltaByteArray)
    const waves = ints(9000, row => Math.sin(row / 1000))
    expect(encodingOf({ kind: 'double' }, waves, { ...measured, codec: 'gzip' })).toBe(
      Encoding.byteStreamSplit,
    )
    expect(
      encodingOf(
        { kind: 'boolean' },
        ints(9000, row => row).map(row => row > 4000),
        measured,
      ),
    ).toBe(Encoding.rle)
    expect(
      encodingOf(
        { kind: 'int' },
        ints(9000, row => row * 3),
        { dictionaryEnabled: false },
      ),
    ).toBe(Encoding.plain)
  })

  it('leaves out the codec when it saves next to nothing', () => {
    const random = ints(9000, scrambled)
    expect(encodeOne({ kind: 'int' }, random, { codec: 'snappy' }).codec).toBe('uncompressed')
    const saving = ints(9000, row => row >> 4)
    expect(encodeOne({ kind: 'int' }, saving, { codec: 'snappy', dictionaryEnabled: false }).codec).toBe(
      'snappy',
    )
    expect(encodeOne({ kind: 'int' }, [1, 2, 3], { codec: 'snappy' }).codec).toBe('snappy')
    const column = field({ kind: 'int' })
    const version2 = encode(column, [random], { codec: 'snappy', pageVersion: 2, encodings: 'plain' })
    expect(version2[0]?.codec).toBe('snappy')
    expect(parsePageHeader(version2[0]?.bytes as Uint8Array, 0).header).toMatchObject({ compressed: false })
    expect(decode(column, version2, 9000)).toEqual(random)
  })

  it('makes a bloom filter of the columns it is asked for', () => {
    const bloomFilters = new Map([[1, { fpp: 0.01, maxBytes: 1 << 20 }]])
    const chunk = encodeOne(
      { kind: 'int' },
      ints(1000, row => row % 10),
      { bloomFilters },
    )
    expect(parseBloomFilter(chunk.bloomFilter ?? new Uint8Array(0))).toBeDefined()
    expect(encodeOne({ kind: 'int' }, [1]).bloomFilter).toBeUndefined()
    expect(encodeOne({ kind: 'boolean' }, [true], { bloomFilters }).bloomFilter).toBeUndefined()
  })

  it('joins parts of less than a page, and copies none of more', () => {
    const column = field({ kind: 'int' }, true)
    const values = ints(100, row => row)
    const pages = (sizes: readonly number[]): number[] => {
      let from = 0
      const whole = vectorOf(column, values)
      const vectors = sizes.map(size => {
        from += size
        return sliceVector(whole, from - size, from)
      })
      const options = { ...OPTIONS, pageRows: 10 }
      const [chunk] = encodeColumn({ root: rootOf(column), vectors, options }).chunks
      expect(decode(column, chunk === undefined ? [] : [chunk], from)).toEqual(values.slice(0, from))
      return chunk?.offsetIndex.pages.map(page => page.firstRow) ?? []
    }
    expect(pages([3, 3, 4, 10])).toEqual([0, 10])
    expect(pages([15, 15])).toEqual([0, 10, 15, 25])
    expect(pages([0, 5, 0])).toEqual([0])
    expect(pages([])).toEqual([])
  })
})
