import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes } from '../../../../src/base/bytes.js'
import { isLakeError, LakeError } from '../../../../src/base/errors.js'
import type { Vector } from '../../../../src/batch/column-batch.js'
import { columnValues } from '../../../../src/batch/values.js'
import {
  type ColumnJob,
  decodeColumn,
  type LeafJob,
} from '../../../../src/format/parquet/decode/decode-column.js'
import { writeSchema } from '../../../../src/format/parquet/encode/write-schema.js'
import type { SchemaElement } from '../../../../src/format/parquet/footer/metadata.js'
import { parsePageHeader } from '../../../../src/format/parquet/footer/page-header.js'
import {
  type LeafColumn,
  type RootColumn,
  readParquetSchema,
} from '../../../../src/format/parquet/footer/schema.js'
import { rangesOfRows } from '../../../../src/format/parquet/row-ranges.js'
import type { Field, Type, Value } from '../../../../src/schema/types.js'
import { arbitraryRows } from '../../arbitrary-rows.js'
import { type Chunk, chunkOf, encodingsOf, type PageStyle, shredRows, wholeChunk } from './column-pages.js'

interface Column {
  readonly root: RootColumn
  readonly leaves: readonly LeafColumn[]
}

function columnsOf(fields: readonly Field[]): Column[] {
  const { roots, leaves } = readParquetSchema(writeSchema(fields).elements)
  return roots.map(root => ({ root, leaves: leaves.slice(root.leafFrom, root.leafTo) }))
}

function columnOf(type: Type, required = false): Column {
  const [column] = columnsOf([{ id: 1, name: 'c', required, type }])
  if (column === undefined) throw new Error('no column')
  return column
}

function jobOf(column: Column, leaves: readonly LeafJob[], groupRows: number): ColumnJob {
  const { node, field } = column.root
  const place = { location: 'memory://t/f.parquet', rowGroup: 3, column: field.name }
  return { ...place, node, type: field.type, leaves, groupRows }
}

const STYLE: PageStyle = {
  version: 1,
  encoding: 'plain',
  entries: 3,
  gzip: false,
  wholeRows: false,
  crc: false,
}

/** The chunks of a column, each leaf in the styles that it may have. */
function chunksOf(column: Column, rows: readonly Value[], styles: readonly Partial<PageStyle>[]): Chunk[] {
  const shredded = shredRows({ node: column.root.node, type: column.root.field.type }, rows)
  return column.leaves.map((leaf, index) => {
    const allowed = encodingsOf(leaf)
    const fitting = styles.map(style => {
      const encoding =
        style.encoding !== undefined && allowed.includes(style.encoding) ? style.encoding : 'plain'
      return { ...STYLE, ...style, encoding }
    })
    return chunkOf(leaf, shredded[index] ?? { repetition: [], definition: [], values: [] }, fitting)
  })
}

const valuesOf = (vector: Vector, type: Type): Value[] => columnValues(vector, type)

const styles = fc.array(
  fc.record({
    version: fc.constantFrom<1 | 2>(1, 2),
    encoding: fc.constantFrom<PageStyle['encoding']>(
      'plain',
      'codes',
      'codes',
      'rle',
      'deltaBinaryPacked',
      'deltaLengthByteArray',
      'deltaByteArray',
      'byteStreamSplit',
    ),
    entries: fc.integer({ min: 1, max: 12 }),
    gzip: fc.boolean(),
    wholeRows: fc.boolean(),
    crc: fc.boolean(),
  }),
  { minLength: 1, maxLength: 3 },
)

describe('a column', () => {
  it('has the rows that were put into its pages, whatever the pages are like', () => {
    fc.assert(
      fc.property(arbitraryRows(30), styles, ({ fields, rows }, pageStyles) => {
        for (const [at, column] of columnsOf(fields).entries()) {
          const wanted = rows.map(row => row[at] ?? null)
          const leaves = chunksOf(column, wanted, pageStyles).map(wholeChunk)
          const vector = decodeColumn(jobOf(column, leaves, rows.length))
          expect(vector.length).toBe(rows.length)
          expect(valuesOf(vector, column.root.field.type)).toEqual(wanted)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('has the selected rows and no others', () => {
    const picked = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 })
    fc.assert(
      fc.property(arbitraryRows(40), styles, picked, ({ fields, rows }, pageStyles, keep) => {
        const numbers = rows.map((_, row) => row).filter(row => keep[row] === true)
        if (numbers.length === 0) return
        const selection = rangesOfRows(numbers)
        for (const [at, column] of columnsOf(fields).entries()) {
          const all = rows.map(row => row[at] ?? null)
          const leaves = chunksOf(column, all, pageStyles).map(wholeChunk)
          const vector = decodeColumn({ ...jobOf(column, leaves, rows.length), rows: selection })
          expect(valuesOf(vector, column.root.field.type)).toEqual(numbers.map(row => all[row]))
        }
      }),
      { numRuns: 60 },
    )
  })

  it('is read from the pages that an offset index names, its dictionary apart', () => {
    const picked = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 })
    fc.assert(
      fc.property(arbitraryRows(40), styles, picked, ({ fields, rows }, pageStyles, keep) => {
        const numbers = rows.map((_, row) => row).filter(row => keep[row] === true)
        if (numbers.length === 0) return
        const selection = rangesOfRows(numbers)
        const whole = pageStyles.map(style => ({ ...style, wholeRows: true }))
        for (const [at, column] of columnsOf(fields).entries()) {
          const all = rows.map(row => row[at] ?? null)
          const leaves = chunksOf(column, all, whole).map(chunk => pagesWith(chunk, numbers, rows.length))
          const vector = decodeColumn({ ...jobOf(column, leaves, rows.length), rows: selection })
          expect(valuesOf(vector, column.root.field.type)).toEqual(numbers.map(row => all[row]))
        }
      }),
      { numRuns: 60 },
    )
  })
})

/** A span for each page that has one of the rows. */
function pagesWith(chunk: Chunk, rows: readonly number[], groupRows: number): LeafJob {
  const spans = chunk.pages.flatMap(({ bytes, firstRow = 0 }, index) => {
    const end = chunk.pages[index + 1]?.firstRow ?? groupRows
    return rows.some(row => row >= firstRow && row < end) ? [{ bytes, firstRow }] : []
  })
  return { leaf: chunk.leaf, codec: chunk.codec, dictionary: chunk.dictionary, spans }
}

describe('a column of codes', () => {
  const words = ['aa', 'bb', null, 'aa', 'cc', 'aa', 'bb', null]
  const text = columnOf({ kind: 'string' })

  it('stays one, its dictionary shared by all pages', () => {
    const leaves = chunksOf(text, words, [{ encoding: 'codes' }]).map(wholeChunk)
    const vector = decodeColumn(jobOf(text, leaves, words.length))
    expect(vector).toMatchObject({ layout: 'dictionary', dictionary: { layout: 'var-bytes', length: 3 } })
    expect(valuesOf(vector, { kind: 'string' })).toEqual(words)
  })

  it('is plain where the writer gave up its dictionary', () => {
    const leaves = chunksOf(text, words, [{ encoding: 'codes' }, { encoding: 'plain' }]).map(wholeChunk)
    const vector = decodeColumn(jobOf(text, leaves, words.length))
    expect(vector.layout).toBe('var-bytes')
    expect(valuesOf(vector, { kind: 'string' })).toEqual(words)
  })

  it('is plain where a value is no longer than a code', () => {
    const longs = [1n, 2n, null, 1n, 2n]
    const column = columnOf({ kind: 'long' })
    const leaves = chunksOf(column, longs, [{ encoding: 'codes' }]).map(wholeChunk)
    expect(decodeColumn(jobOf(column, leaves, longs.length)).layout).toBe('fixed-width')
  })

  it('holds decimals of all widths in its dictionary', () => {
    for (const precision of [5, 15, 30]) {
      const column = columnOf({ kind: 'decimal', precision, scale: 2 })
      const values = [-1n, 0n, -1n, null, 12345n]
      const leaves = chunksOf(column, values, [{ encoding: 'codes' }]).map(wholeChunk)
      const vector = decodeColumn(jobOf(column, leaves, values.length))
      expect(vector).toMatchObject({ layout: 'dictionary', dictionary: { layout: 'decimal' } })
      expect(valuesOf(vector, column.root.field.type)).toEqual(values)
    }
  })
})

describe('a column without nulls', () => {
  it('has no validity and, of one page, no copy of levels', () => {
    const column = columnOf({ kind: 'double' })
    const rows = Array.from({ length: 100 }, (_, row) => row / 2)
    const leaves = chunksOf(column, rows, [{ entries: 100 }]).map(wholeChunk)
    const vector = decodeColumn(jobOf(column, leaves, rows.length))
    expect(vector.layout === 'fixed-width' && vector.validity).toBe(undefined)
    expect(valuesOf(vector, { kind: 'double' })).toEqual(rows)
  })
})

describe('nulls in some pages only', () => {
  const column = columnOf({ kind: 'int' })
  // Long enough for a page without nulls to have its levels in one run.
  const numbers = Array.from({ length: 400 }, (_, row) => row)
  const read = (rows: readonly Value[]): Vector => {
    const leaves = chunksOf(column, rows, [{ entries: 200 }]).map(wholeChunk)
    return decodeColumn(jobOf(column, leaves, rows.length))
  }

  it('stay where they are, whichever page has them', () => {
    for (const nulls of [[5], [205], [3, 305], numbers.slice(0, 200), numbers.slice(200), numbers]) {
      const rows = numbers.map(row => (nulls.includes(row) ? null : row))
      expect(valuesOf(read(rows), { kind: 'int' })).toEqual(rows)
    }
  })
})

describe('pages without wanted rows', () => {
  /** Pages of three rows each, of which all but the second have bodies that are not of the codec. */
  function onlySecondReadable(column: Column, rows: readonly Value[], version: 1 | 2): LeafJob[] {
    const style = { version, entries: 3, gzip: true, wholeRows: true }
    return chunksOf(column, rows, [style]).map(chunk => {
      const parts = chunk.pages.map(({ bytes }, index) => {
        const { header, length } = parsePageHeader(bytes, 0)
        const values = bytes.slice()
        const levels = header.kind === 'data-v2' ? header.definitionBytes + header.repetitionBytes : 0
        if (index !== 1) values.fill(0, length + levels)
        return values
      })
      return { leaf: chunk.leaf, codec: chunk.codec, spans: [{ bytes: concatBytes(parts), firstRow: 0 }] }
    })
  }
  const rows = Uint32Array.of(4, 5)

  it('are not decompressed', () => {
    const flat = columnOf({ kind: 'int' })
    const numbers = Array.from({ length: 12 }, (_, row) => row)
    for (const version of [1, 2] as const) {
      const job = jobOf(flat, onlySecondReadable(flat, numbers, version), 12)
      expect(refusal(job).kind).toBe('corrupt')
      expect(valuesOf(decodeColumn({ ...job, rows }), { kind: 'int' })).toEqual([4])
    }
    const type: Type = { kind: 'list', elementId: 2, elementRequired: true, element: { kind: 'int' } }
    const nested = columnOf(type)
    const lists = numbers.map(number => [number])
    const job = jobOf(nested, onlySecondReadable(nested, lists, 2), 12)
    expect(valuesOf(decodeColumn({ ...job, rows }), type)).toEqual([[4]])
  })

  it('may be no pages at all behind the last row of a flat column', () => {
    const flat = columnOf({ kind: 'int' })
    const [leaf] = chunksOf(flat, [1, null, 3], [{}]).map(wholeChunk)
    const bytes = concatBytes([leaf?.spans[0]?.bytes ?? new Uint8Array(0), new Uint8Array(100).fill(0xff)])
    const job = jobOf(flat, [{ ...(leaf as LeafJob), spans: [{ bytes, firstRow: 0 }] }], 3)
    expect(valuesOf(decodeColumn(job), { kind: 'int' })).toEqual([1, null, 3])
  })

  it('may be no pages at all behind the last entry of a nested column', () => {
    const type: Type = { kind: 'list', elementId: 2, elementRequired: true, element: { kind: 'int' } }
    const lists = [[1, 2], null, [3]]
    const nested = columnOf(type)
    const [leaf] = chunksOf(nested, lists, [{}]).map(wholeChunk)
    const bytes = concatBytes([leaf?.spans[0]?.bytes ?? new Uint8Array(0), new Uint8Array(100).fill(0xff)])
    const padded = { ...(leaf as LeafJob), spans: [{ bytes, firstRow: 0 }] }
    expect(refusal(jobOf(nested, [padded], 3)).kind).toBe('corrupt')
    const known = { ...padded, entries: 4 }
    expect(valuesOf(decodeColumn(jobOf(nested, [known], 3)), type)).toEqual(lists)
  })

  it('are not decompressed behind the last wanted row, in nested columns of version 1 either', () => {
    const type: Type = { kind: 'list', elementId: 2, elementRequired: true, element: { kind: 'int' } }
    const column = columnOf(type)
    const lists = Array.from({ length: 12 }, (_, row) => [row])
    const [chunk] = chunksOf(column, lists, [{ entries: 3, gzip: true }])
    const pages = chunk?.pages.map(page => page.bytes) ?? []
    const { length } = parsePageHeader(pages[3] as Uint8Array, 0)
    pages[3]?.fill(0, length)
    const leaf = column.leaves[0] as LeafColumn
    const spans = [{ bytes: concatBytes(pages), firstRow: 0 }]
    const job = jobOf(column, [{ leaf, codec: 'gzip', spans }], 12)
    expect(valuesOf(decodeColumn({ ...job, rows }), type)).toEqual([[4]])
  })
})

function refusal(job: ColumnJob): LakeError {
  try {
    decodeColumn(job)
  } catch (error) {
    if (error instanceof LakeError) return error
    throw error
  }
  throw new Error('the column was read')
}

describe('a broken column', () => {
  const column = columnOf({ kind: 'list', elementId: 2, elementRequired: false, element: { kind: 'string' } })
  const rows = [['a', null, 'b'], null, [], ['c'], ['a', 'b', 'c', 'd']]
  const [chunk] = chunksOf(column, rows, [{ encoding: 'codes', crc: true }])
  if (chunk === undefined) throw new Error('no chunk')
  const whole = wholeChunk(chunk)
  const withBytes = (bytes: Uint8Array): ColumnJob =>
    jobOf(column, [{ ...whole, spans: [{ bytes, firstRow: 0 }] }], rows.length)
  const bytes = whole.spans[0]?.bytes ?? new Uint8Array(0)

  it('is corrupt and says where', () => {
    const error = refusal(withBytes(bytes.subarray(0, bytes.length - 1)))
    expect(error.kind).toBe('corrupt')
    expect(error.context).toMatchObject({ location: 'memory://t/f.parquet', rowGroup: 3, column: 'c' })
  })

  it('is found by its checksums, whichever byte of a page changes', () => {
    for (const page of chunk.pages) {
      const changed = page.bytes.slice()
      const last = changed.length - 1
      changed[last] = (changed[last] as number) ^ 1
      const parts = chunk.pages.map(other => (other === page ? changed : other.bytes))
      const error = refusal(withBytes(concatBytes([chunk.dictionary ?? new Uint8Array(0), ...parts])))
      expect(error.context).toMatchObject({ reason: 'a page has a wrong checksum' })
    }
  })

  it('lacks rows, or has too many', () => {
    expect(refusal({ ...withBytes(bytes), groupRows: rows.length + 1 }).kind).toBe('corrupt')
    expect(refusal({ ...withBytes(bytes), groupRows: rows.length - 1 }).kind).toBe('corrupt')
  })

  it('begins inside a row', () => {
    const inside = chunk.pages.find(page => page.firstRow === undefined)
    const span = concatBytes([chunk.dictionary ?? new Uint8Array(0), inside?.bytes ?? new Uint8Array(0)])
    expect(refusal(withBytes(span)).context).toMatchObject({
      reason: expect.stringContaining('inside a row'),
    })
  })

  it('lacks its dictionary', () => {
    const error = refusal(withBytes(concatBytes(chunk.pages.map(page => page.bytes))))
    expect(error.context).toMatchObject({ reason: expect.stringContaining('a dictionary is missing') })
  })

  it('has keys and values of other rows', () => {
    const type: Type = {
      kind: 'map',
      keyId: 2,
      key: { kind: 'int' },
      valueId: 3,
      valueRequired: true,
      value: { kind: 'int' },
    }
    const maps = columnOf(type, true)
    const two = [
      [
        [1, 1],
        [2, 2],
      ],
      [[3, 3]],
    ]
    const other = [
      [[1, 1]],
      [
        [2, 2],
        [3, 3],
      ],
    ]
    const keys = chunksOf(maps, two, [{}]).map(wholeChunk)[0] as LeafJob
    const values = chunksOf(maps, other, [{}]).map(wholeChunk)[1] as LeafJob
    expect(refusal(jobOf(maps, [keys, values], 2)).context).toMatchObject({
      reason: 'the levels of the leaves contradict each other',
    })
  })

  it('ends as rows or as an error of the engine, whatever byte changes', () => {
    const styled = chunksOf(column, rows, [
      { encoding: 'codes', version: 2 },
      { encoding: 'deltaByteArray' },
      { encoding: 'deltaLengthByteArray' },
    ]).map(wholeChunk)
    const good = styled[0]?.spans[0]?.bytes ?? new Uint8Array(0)
    const change = fc.record({ at: fc.nat(good.length - 1), to: fc.nat(255) })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), changes => {
        const broken = good.slice()
        for (const { at, to } of changes) broken[at] = to
        const job = { ...withBytes(broken), decodedBytesMax: 2 ** 24 }
        try {
          expect(decodeColumn(job).length).toBe(rows.length)
        } catch (error) {
          expect(isLakeError(error, 'corrupt') || isLakeError(error, 'unsupported')).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('limits', () => {
  it('hold before memory is taken for what a header claims', () => {
    const column = columnOf({ kind: 'long' })
    const rows = Array.from({ length: 1000 }, () => 7n)
    const leaves = chunksOf(column, rows, [{ encoding: 'codes', entries: 1000 }]).map(wholeChunk)
    const error = refusal({ ...jobOf(column, leaves, rows.length), decodedBytesMax: 4000 })
    expect(error.kind).toBe('unsupported')
  })
})

describe('lists of old writers', () => {
  const INT = { physicalType: 1, childCount: 0 } as const
  const group = (name: string, childCount: number, rest: Partial<SchemaElement> = {}): SchemaElement => ({
    name,
    childCount,
    repetition: 'optional',
    ...rest,
  })
  const root = (...elements: SchemaElement[]): Column => {
    const { roots, leaves } = readParquetSchema([{ name: 'schema', childCount: 1 }, ...elements])
    if (roots[0] === undefined) throw new Error('no root')
    return { root: roots[0], leaves }
  }
  const LIST = { convertedType: 3 }
  const lists = [[1, 2], [], null, [3]]
  const decoded = (column: Column, rows: readonly Value[]): Value[] => {
    const leaves = chunksOf(column, rows, [{ entries: 2 }]).map(wholeChunk)
    return valuesOf(decodeColumn(jobOf(column, leaves, rows.length)), column.root.field.type)
  }

  it('have two levels', () => {
    const column = root(group('l', 1, LIST), { name: 'array', repetition: 'repeated', ...INT })
    expect(decoded(column, lists)).toEqual(lists)
  })

  it('are repeated fields without an annotation, in structs too', () => {
    const bare = root({ name: 'l', repetition: 'repeated', ...INT })
    expect(decoded(bare, [[1, 2], [], [3]])).toEqual([[1, 2], [], [3]])
    const inside = root(
      group('s', 2),
      { name: 'l', repetition: 'repeated', ...INT },
      {
        name: 'x',
        repetition: 'required',
        ...INT,
      },
    )
    const structs = [[[1, 2], 1], null, [[], 2]]
    expect(decoded(inside, structs)).toEqual(structs)
  })

  it('hold lists of two levels', () => {
    const column = root(group('l', 1, LIST), group('array', 1, { ...LIST, repetition: 'repeated' }), {
      name: 'array',
      repetition: 'repeated',
      ...INT,
    })
    const nested = [[[1], [], [2, 3]], [], null, [[4]]]
    expect(decoded(column, nested)).toEqual(nested)
  })

  it('are maps without values: lists of their keys', () => {
    const column = root(group('m', 1, { convertedType: 1 }), group('map', 1, { repetition: 'repeated' }), {
      name: 'key',
      repetition: 'required',
      ...INT,
    })
    expect(decoded(column, lists)).toEqual(lists)
  })
})
