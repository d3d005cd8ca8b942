import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hexDecode, utf8Encode } from '../../../../src/base/bytes.js'
import {
  type ColumnChunk,
  checkReadable,
  chunkRange,
  moveChunk,
  type ParquetMetadata,
} from '../../../../src/format/parquet/footer/metadata.js'
import { parseMetadata } from '../../../../src/format/parquet/footer/parse-metadata.js'
import { serializeFooter } from '../../../../src/format/parquet/footer/serialize-footer.js'
import {
  createThriftSink,
  type ThriftSink,
  writeBinary,
  writeBinaryList,
  writeI32,
  writeI32List,
  writeI64,
  writeI64List,
  writeStruct,
  writeStructField,
  writeStructList,
} from '../../../../src/format/parquet/footer/thrift-sink.js'

/** Written by pyarrow: two columns, three pages each, sorted by the second, with page indexes and bloom filters. */
const PYARROW = hexDecode(
  '1504193c35001806736368656d611504001504250218026964550200150c250218046e616d65250035041c1c0000001610191c192c26' +
    '001c1504193500061019180269641500161016ba0216ba0226800126081c18080900000000000000180801000000000000001606280809' +
    '0000000000000018080100000000000000111100192c150415001502001500151015060016a405155e1c29061926060a000016c0081536' +
    '16e006157e0026001c150c19350006101918046e616d651500161016e20216e20226da0326c2021c3600280368656e1803616e74111100' +
    '192c1504150015020015001510150600168206155e1c1630190619260010000016f608154016de07156200169c051610191c1502111100' +
    '1608169c05002820706172717565742d6370702d6172726f772076657273696f6e2032362e302e31192c1c00001c000000',
) as Uint8Array

const SPARK = readFileSync(new URL('../../../interop/parquet/spark-types.parquet', import.meta.url))

function footerBytes(file: Uint8Array): Uint8Array {
  const end = file.length - 8
  const length = new DataView(file.buffer, file.byteOffset + end).getUint32(0, true)
  return file.slice(end - length, end)
}

const chunk: ColumnChunk = {
  physicalType: 6,
  encodings: [0, 3, 8],
  path: ['a', 'list', 'element'],
  codec: 6,
  valueCount: 10,
  uncompressedBytes: 300,
  compressedBytes: 200,
  dataPageOffset: 60,
  dictionaryPageOffset: 4,
  statistics: {},
}

describe('a footer of pyarrow', () => {
  const metadata = parseMetadata(PYARROW)

  it('says schema, rows and the order of bounds', () => {
    expect(metadata.rowCount).toBe(8)
    expect(metadata.createdBy).toBe('parquet-cpp-arrow version 26.0.1')
    expect(metadata.schema).toMatchObject([
      { name: 'schema', childCount: 2, physicalType: undefined },
      { name: 'id', physicalType: 2, repetition: 'optional', fieldId: 1, columnOrder: 'type' },
      { name: 'name', physicalType: 6, fieldId: 2, convertedType: 0, logicalType: { field_1: {} } },
    ])
  })

  it('says what each chunk holds and where its pages, indexes and filter stand', () => {
    const [group] = metadata.rowGroups
    expect(group).toMatchObject({
      rowCount: 8,
      uncompressedBytes: 334,
      sortingColumns: [{ leaf: 1, descending: true, nullsFirst: true }],
    })
    expect(group?.columns[0]).toEqual({
      physicalType: 2,
      encodings: [0, 3, 8],
      path: ['id'],
      codec: 0,
      valueCount: 8,
      uncompressedBytes: 157,
      compressedBytes: 157,
      dataPageOffset: 64,
      dictionaryPageOffset: 4,
      statistics: {
        nullCount: 3,
        lower: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0),
        upper: Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0),
        lowerExact: true,
        upperExact: true,
        signedLower: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0),
        signedUpper: Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0),
      },
      encodingStatistics: [
        { pageType: 2, encoding: 0, pageCount: 1 },
        { pageType: 0, encoding: 8, pageCount: 3 },
      ],
      sizeStatistics: { repetitionHistogram: [], definitionHistogram: [3, 5] },
      bloomFilter: { offset: 338, lengthBytes: 47 },
      columnIndex: { offset: 432, lengthBytes: 63 },
      offsetIndex: { offset: 544, lengthBytes: 27 },
    })
  })
})

describe('a footer that we write', () => {
  it('is read again as the same', () => {
    const count = fc.nat(1_000_000)
    const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
      fc.option(arbitrary, { nil: undefined })
    const bytes = some(fc.uint8Array({ maxLength: 20 }))
    const offset = fc.integer({ min: 4, max: 2 ** 40 })
    const range = fc.record({ offset, lengthBytes: fc.integer({ min: 1, max: 1_000_000 }) })
    const keyValues = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 })
    const columns = fc.record({
      physicalType: fc.nat(7),
      encodings: fc.array(fc.nat(9), { maxLength: 3 }),
      path: fc.array(fc.string(), { maxLength: 3 }),
      codec: fc.nat(7),
      valueCount: count,
      uncompressedBytes: count,
      compressedBytes: count,
      dataPageOffset: offset,
      dictionaryPageOffset: some(offset),
      statistics: fc.record({
        nullCount: some(count),
        distinctCount: some(count),
        nanCount: some(count),
        lower: bytes,
        upper: bytes,
        lowerExact: some(fc.boolean()),
        upperExact: some(fc.boolean()),
        signedLower: bytes,
        signedUpper: bytes,
      }),
      encodingStatistics: some(
        fc.array(fc.record({ pageType: fc.nat(3), encoding: fc.nat(9), pageCount: count }), { maxLength: 3 }),
      ),
      sizeStatistics: some(
        fc.record({
          unencodedBytes: some(count),
          repetitionHistogram: some(fc.array(count, { maxLength: 20 })),
          definitionHistogram: some(fc.array(count, { maxLength: 20 })),
        }),
      ),
      bloomFilter: some(fc.record({ offset, lengthBytes: some(count) })),
      columnIndex: some(range),
      offsetIndex: some(range),
      keyValueMetadata: some(keyValues.map(pairs => new Map(Object.entries(pairs)))),
    })
    const metadata: fc.Arbitrary<ParquetMetadata> = fc.record({
      schema: fc.constant([
        { name: 'table', childCount: 3 },
        {
          name: 'a',
          childCount: 0,
          physicalType: 1,
          repetition: 'required' as const,
          logicalType: { field_10: { field_1: 16, field_2: false } },
          columnOrder: 'type' as const,
        },
        { name: 'v', childCount: 2, logicalType: { field_16: { field_1: 1 } } },
        { name: 'f', childCount: 0, physicalType: 5, columnOrder: 'ieee754' as const },
      ]),
      rowCount: count,
      rowGroups: fc.array(
        fc.record({
          rowCount: count,
          uncompressedBytes: count,
          columns: fc.array(columns, { maxLength: 17 }),
          sortingColumns: some(
            fc.array(fc.record({ leaf: fc.nat(9), descending: fc.boolean(), nullsFirst: fc.boolean() }), {
              maxLength: 3,
            }),
          ),
          ordinal: some(fc.nat(1000)),
        }),
        { maxLength: 3 },
      ),
      keyValueMetadata: keyValues.map(pairs => new Map(Object.entries(pairs))),
      createdBy: some(fc.string()),
    })
    fc.assert(
      fc.property(metadata, value => {
        expect(parseMetadata(footerBytes(serializeFooter(value)))).toEqual(value)
      }),
    )
  })

  it('has the 8-bit numbers of integers and variants as such, which other readers insist on', () => {
    const schema = [
      { name: 't', childCount: 1 },
      {
        name: 'a',
        childCount: 0,
        physicalType: 1,
        logicalType: { field_10: { field_1: 16, field_2: true } },
      },
    ]
    const bytes = serializeFooter({ schema, rowCount: 0, rowGroups: [], keyValueMetadata: new Map() })
    // INTEGER { 1: i8 = 16, 2: true }
    expect(Buffer.from(bytes).toString('hex')).toContain('ac13101100')
  })
})

describe('footers of other writers', () => {
  /** A footer of one INT32 column with one chunk, whose struct is the caller's. */
  function footerOf(writeChunk: (sink: ThriftSink) => void): Uint8Array {
    const sink = createThriftSink()
    writeStruct(sink, null, () => {
      writeI32(sink, 1, 1)
      writeStructList(sink, 2, ['root', 'c'], (_, name) => {
        writeI32(sink, 1, name === 'c' ? 1 : undefined)
        writeBinary(sink, 4, name)
        writeI32(sink, 5, name === 'c' ? undefined : 1)
      })
      writeI64(sink, 3, 2)
      writeStructList(sink, 4, [null], () => {
        writeStructList(sink, 1, [null], writeChunk)
        writeI64(sink, 2, 9)
        writeI64(sink, 3, 2)
      })
    })
    return sink.bytes.slice(0, sink.length)
  }

  function writeChunkMetadata(sink: ThriftSink): void {
    writeI32(sink, 1, 1)
    writeI32List(sink, 2, [0])
    writeBinaryList(sink, 3, ['c'])
    writeI32(sink, 4, 0)
    writeI64(sink, 5, 2)
    writeI64(sink, 6, 9)
    writeI64(sink, 7, 9)
    writeI64(sink, 9, 4)
    writeI64(sink, 11, 0)
    writeStructField(sink, 12, null, () => writeI64(sink, 3, -1))
    // Dremio keeps a list of pages where a bloom filter's length has its place today.
    writeI64(sink, 14, 0)
    writeI64List(sink, 15, [22, 39])
  }

  it('may use young fields for something else, say 0 for "none" and -1 for "not counted"', () => {
    const bytes = footerOf(sink => {
      writeI64(sink, 2, 4)
      writeStructField(sink, 3, sink, writeChunkMetadata)
      writeI64(sink, 6, 0)
      writeI32(sink, 7, 0)
    })
    const column = parseMetadata(bytes).rowGroups[0]?.columns[0]
    expect(column).toMatchObject({ path: ['c'], dataPageOffset: 4 })
    expect(column?.statistics).toEqual({})
    for (const property of ['dictionaryPageOffset', 'bloomFilter', 'columnIndex'] as const) {
      expect(column?.[property]).toBeUndefined()
    }
  })

  it('keep the columns that are not encrypted readable, and have the others refused when read', () => {
    const plain = footerOf(sink => writeStructField(sink, 3, sink, writeChunkMetadata))
    const encrypted = footerOf(sink => {
      writeI64(sink, 4, 300)
      writeI32(sink, 5, 20)
      writeStructField(sink, 8, null, () => undefined)
      writeBinary(sink, 9, utf8Encode('metadata, encrypted as well'))
    })
    // A signature stands behind the metadata.
    const signed = Uint8Array.of(...plain, ...new Uint8Array(28).fill(7))
    const readable = parseMetadata(signed).rowGroups[0]?.columns[0] as ColumnChunk
    expect(() => checkReadable(readable, 'memory://f')).not.toThrow()
    const locked = parseMetadata(encrypted).rowGroups[0]?.columns[0] as ColumnChunk
    expect(locked.encrypted).toBe(true)
    expect(locked.offsetIndex).toBeUndefined()
    expect(() => checkReadable(locked, 'memory://f')).toThrow(
      expect.objectContaining({ kind: 'unsupported', context: { location: 'memory://f', column: '' } }),
    )
  })

  it('are refused when they point to pages in another file, and when a chunk has no metadata', () => {
    const summary = footerOf(sink => {
      writeBinary(sink, 1, 'part-0.parquet')
      writeStructField(sink, 3, sink, writeChunkMetadata)
    })
    const column = parseMetadata(summary).rowGroups[0]?.columns[0] as ColumnChunk
    expect(() => checkReadable(column, 'memory://f')).toThrow(
      expect.objectContaining({ kind: 'unsupported' }),
    )
    expect(() => parseMetadata(footerOf(sink => writeI64(sink, 2, 4)))).toThrow(TypeError)
  })
})

describe('a broken footer', () => {
  it('ends as a model or as a RangeError or TypeError', () => {
    const footers = [PYARROW, footerBytes(SPARK)]
    const edit = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 0x19, 0x1c, 0x7f, 0x80, 0xff)))
    let parsed = 0
    const property = fc.property(
      fc.nat(1),
      fc.array(edit, { minLength: 1, maxLength: 3 }),
      fc.oneof({ arbitrary: fc.constant(null), weight: 9 }, fc.nat()),
      (which, edits, cut) => {
        const whole = footers[which] as Uint8Array
        const broken = whole.slice(0, cut === null ? whole.length : cut % whole.length)
        for (const [at, byte] of edits) broken[at % broken.length] = byte
        try {
          parseMetadata(broken)
          parsed += 1
        } catch (error) {
          expect(error instanceof RangeError || error instanceof TypeError).toBe(true)
        }
      },
    )
    fc.assert(property, { numRuns: 1000 })
    expect(parsed).toBeGreaterThan(40)
  })
})

describe('the range of a chunk', () => {
  it('begins at the dictionary page, wherever the data pages are said to begin', () => {
    expect(chunkRange(chunk)).toEqual({ offset: 4, lengthBytes: 200 })
    expect(chunkRange({ ...chunk, dataPageOffset: 0 })).toEqual({ offset: 4, lengthBytes: 200 })
    expect(chunkRange({ ...chunk, dictionaryPageOffset: undefined }).offset).toBe(60)
  })

  it('moves with its pages, without what pointed into the file', () => {
    const range = { offset: 500, lengthBytes: 10 }
    const moved = moveChunk({ ...chunk, columnIndex: range, offsetIndex: range, bloomFilter: range }, 100)
    expect(moved).toEqual({ ...chunk, dataPageOffset: 160, dictionaryPageOffset: 104 })
  })
})
