/**
 * The header in front of each page: what kind of page it is, its sizes, how its levels and values are encoded.
 *
 *   column chunk   [header, dictionary page] header, data page, header, data page ...
 *   header         1 type  2 uncompressed size  3 compressed size  4 crc
 *                  5 data page | 7 dictionary page | 8 data page v2      one struct, as the type says
 *
 * Read without generic structs, since every page has one. The statistics in it, which page indexes have taken the place
 * of, are for whoever asks for them.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift "PageHeader"
 */
import { PageType, type RawStatistics } from './metadata.js'
import { readRawStatistics } from './raw-statistics.js'
import {
  beginStruct,
  createThriftCursor,
  nextField,
  readBoolean,
  readCount,
  readInt,
  skipValue,
  type ThriftCursor,
} from './thrift.js'
import {
  createThriftSink,
  type ThriftSink,
  writeBoolean,
  writeI32,
  writeStruct,
  writeStructField,
} from './thrift-sink.js'

export type PageHeader = DataPageHeader | DataPageHeaderV2 | DictionaryPageHeader | OtherPageHeader

export interface PageSizes {
  /** Bytes of the page behind the header, as stored. */
  readonly compressedBytes: number
  readonly uncompressedBytes: number
  /** Of the bytes as stored, unsigned as `node:zlib` has it; absent when the writer left it out. */
  readonly crc?: number | undefined
}
/** Levels and values compressed together. */
export interface DataPageHeader extends PageSizes {
  readonly kind: 'data'
  /** Values, nulls and empty lists. */
  readonly entries: number
  /** `Encoding` of metadata.ts. */
  readonly encoding: number
  readonly definitionEncoding: number
  readonly repetitionEncoding: number
}
/** Levels uncompressed in front: repetition, definition, values. */
export interface DataPageHeaderV2 extends PageSizes {
  readonly kind: 'data-v2'
  readonly entries: number
  readonly nullCount: number
  readonly rowCount: number
  readonly encoding: number
  readonly definitionBytes: number
  readonly repetitionBytes: number
  /** Whether the values are compressed by the chunk's codec. */
  readonly compressed: boolean
}
export interface DictionaryPageHeader extends PageSizes {
  readonly kind: 'dictionary'
  readonly entries: number
  readonly encoding: number
  readonly sorted: boolean
}
/** Index pages and types of page that do not exist yet: to be skipped. */
export interface OtherPageHeader extends PageSizes {
  readonly kind: 'other'
}

export interface ParsedPageHeader {
  readonly header: PageHeader
  /** Bytes of the header; the page begins behind them. */
  readonly length: number
}

type Without<T> = Omit<T, keyof PageSizes>

/**
 * Reads the header at `offset`; bytes from `end` on are not looked at. Whether the page itself is there is for the
 * caller to check. Throws RangeError or TypeError on broken bytes: sizes and counts are never negative, levels of a v2
 * page lie within it, nulls and rows are no more than its entries.
 */
export function parsePageHeader(
  bytes: Uint8Array,
  offset: number,
  end: number = bytes.length,
): ParsedPageHeader {
  const cursor = createThriftCursor(bytes, offset, end)
  let type: number | undefined
  let uncompressedBytes: number | undefined
  let compressedBytes: number | undefined
  let crc: number | undefined
  let data: Without<DataPageHeader> | undefined
  let dictionary: Without<DictionaryPageHeader> | undefined
  let dataV2: Without<DataPageHeaderV2> | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) type = readInt(cursor)
    else if (cursor.field === 2) uncompressedBytes = readCount(cursor)
    else if (cursor.field === 3) compressedBytes = readCount(cursor)
    else if (cursor.field === 4) crc = readInt(cursor) >>> 0
    else if (cursor.field === 5) data = readDataPage(cursor)
    else if (cursor.field === 7) dictionary = readDictionaryPage(cursor)
    else if (cursor.field === 8) dataV2 = readDataPageV2(cursor)
    else skipValue(cursor)
  }
  const length = cursor.offset - offset
  const sizes = {
    uncompressedBytes: needed(uncompressedBytes),
    compressedBytes: needed(compressedBytes),
    crc,
  }
  switch (needed(type)) {
    case PageType.data:
      return { header: { ...needed(data), ...sizes }, length }
    case PageType.dictionary:
      return { header: { ...needed(dictionary), ...sizes }, length }
    case PageType.dataV2:
      return { header: checkV2({ ...needed(dataV2), ...sizes }), length }
    default:
      return { header: { kind: 'other', ...sizes }, length }
  }
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the page header lacks a required field')
  return value
}

function checkV2(header: DataPageHeaderV2): DataPageHeaderV2 {
  const levelBytes = header.definitionBytes + header.repetitionBytes
  if (levelBytes > header.compressedBytes || levelBytes > header.uncompressedBytes) {
    throw new RangeError('the levels of a page are longer than the page')
  }
  if (header.nullCount > header.entries || header.rowCount > header.entries) {
    throw new RangeError('a page has more nulls or rows than entries')
  }
  return header
}

function readDataPage(cursor: ThriftCursor): Without<DataPageHeader> {
  let entries: number | undefined
  let encoding: number | undefined
  let definitionEncoding: number | undefined
  let repetitionEncoding: number | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) entries = readCount(cursor)
    else if (cursor.field === 2) encoding = readInt(cursor)
    else if (cursor.field === 3) definitionEncoding = readInt(cursor)
    else if (cursor.field === 4) repetitionEncoding = readInt(cursor)
    else skipValue(cursor)
  }
  return {
    kind: 'data',
    entries: needed(entries),
    encoding: needed(encoding),
    definitionEncoding: needed(definitionEncoding),
    repetitionEncoding: needed(repetitionEncoding),
  }
}

function readDictionaryPage(cursor: ThriftCursor): Without<DictionaryPageHeader> {
  let entries: number | undefined
  let encoding: number | undefined
  let sorted = false
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) entries = readCount(cursor)
    else if (cursor.field === 2) encoding = readInt(cursor)
    else if (cursor.field === 3) sorted = readBoolean(cursor)
    else skipValue(cursor)
  }
  return { kind: 'dictionary', entries: needed(entries), encoding: needed(encoding), sorted }
}

function readDataPageV2(cursor: ThriftCursor): Without<DataPageHeaderV2> {
  let entries: number | undefined
  let nullCount: number | undefined
  let rowCount: number | undefined
  let encoding: number | undefined
  let definitionBytes: number | undefined
  let repetitionBytes: number | undefined
  let compressed = true
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) entries = readCount(cursor)
    else if (cursor.field === 2) nullCount = readCount(cursor)
    else if (cursor.field === 3) rowCount = readCount(cursor)
    else if (cursor.field === 4) encoding = readInt(cursor)
    else if (cursor.field === 5) definitionBytes = readCount(cursor)
    else if (cursor.field === 6) repetitionBytes = readCount(cursor)
    else if (cursor.field === 7) compressed = readBoolean(cursor)
    else skipValue(cursor)
  }
  return {
    kind: 'data-v2',
    entries: needed(entries),
    nullCount: needed(nullCount),
    rowCount: needed(rowCount),
    encoding: needed(encoding),
    definitionBytes: needed(definitionBytes),
    repetitionBytes: needed(repetitionBytes),
    compressed,
  }
}

/**
 * What the header at `offset` says about the values of its page; undefined when it says nothing. Throws as
 * `parsePageHeader`.
 */
export function parsePageStatistics(bytes: Uint8Array, offset: number): RawStatistics | undefined {
  const cursor = createThriftCursor(bytes, offset)
  let statistics: RawStatistics | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 5) statistics = statisticsAt(cursor, 5)
    else if (cursor.field === 8) statistics = statisticsAt(cursor, 8)
    else skipValue(cursor)
  }
  return statistics
}

/** The statistics among the fields of a data page's struct. */
function statisticsAt(cursor: ThriftCursor, field: number): RawStatistics | undefined {
  let statistics: RawStatistics | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === field) statistics = readRawStatistics(cursor)
    else skipValue(cursor)
  }
  return statistics
}

/** The header's bytes, without statistics: those of pages stand in the page index. */
export function serializePageHeader(header: Exclude<PageHeader, OtherPageHeader>): Uint8Array {
  const sink = createThriftSink(64)
  writeStruct(sink, header, writeHeader)
  return sink.bytes.subarray(0, sink.length)
}

function writeHeader(sink: ThriftSink, header: Exclude<PageHeader, OtherPageHeader>): void {
  const { crc } = header
  writeI32(sink, 1, PAGE_TYPES[header.kind])
  writeI32(sink, 2, header.uncompressedBytes)
  writeI32(sink, 3, header.compressedBytes)
  writeI32(sink, 4, crc === undefined ? undefined : crc | 0)
  if (header.kind === 'data') writeStructField(sink, 5, header, writeDataPage)
  else if (header.kind === 'dictionary') writeStructField(sink, 7, header, writeDictionaryPage)
  else writeStructField(sink, 8, header, writeDataPageV2)
}

const PAGE_TYPES = {
  data: PageType.data,
  dictionary: PageType.dictionary,
  'data-v2': PageType.dataV2,
} as const

function writeDataPage(sink: ThriftSink, header: DataPageHeader): void {
  writeI32(sink, 1, header.entries)
  writeI32(sink, 2, header.encoding)
  writeI32(sink, 3, header.definitionEncoding)
  writeI32(sink, 4, header.repetitionEncoding)
}

function writeDictionaryPage(sink: ThriftSink, header: DictionaryPageHeader): void {
  writeI32(sink, 1, header.entries)
  writeI32(sink, 2, header.encoding)
  writeBoolean(sink, 3, header.sorted)
}

function writeDataPageV2(sink: ThriftSink, header: DataPageHeaderV2): void {
  writeI32(sink, 1, header.entries)
  writeI32(sink, 2, header.nullCount)
  writeI32(sink, 3, header.rowCount)
  writeI32(sink, 4, header.encoding)
  writeI32(sink, 5, header.definitionBytes)
  writeI32(sink, 6, header.repetitionBytes)
  writeBoolean(sink, 7, header.compressed)
}
