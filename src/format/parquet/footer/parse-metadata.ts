/**
 * From the bytes of FileMetaData to plain data, one function a struct. A struct that lacks a field that Parquet
 * requires is refused at once, so what is made stays in proportion to the bytes.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
import {
  COLUMN_ORDERS,
  type ColumnChunk,
  type ColumnOrder,
  type EncodingStatistics,
  type FileRange,
  type ParquetMetadata,
  type RawStatistics,
  REPETITIONS,
  type Repetition,
  type RowGroup,
  type SchemaElement,
  type SizeStatistics,
  type SortingColumn,
} from './metadata.js'
import { readRawStatistics } from './raw-statistics.js'
import {
  beginStruct,
  createThriftCursor,
  nextField,
  readAnnotation,
  readBoolean,
  readCount,
  readInt,
  readList,
  readText,
  skipValue,
  type ThriftCursor,
  type ThriftStruct,
  WireType,
} from './thrift.js'

/**
 * Parses the FileMetaData struct. Bytes behind it, such as the signature of a file with encrypted columns, are left
 * alone. Throws RangeError or TypeError when the bytes are something else.
 */
export function parseMetadata(bytes: Uint8Array): ParquetMetadata {
  const cursor = createThriftCursor(bytes)
  let schema: SchemaElement[] | undefined
  let rowCount: number | undefined
  let rowGroups: RowGroup[] | undefined
  let keyValueMetadata: ReadonlyMap<string, string> = new Map()
  let createdBy: string | undefined
  let orders: ColumnOrder[] | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 2) schema = readList(cursor, readElement)
    else if (cursor.field === 3) rowCount = readCount(cursor)
    else if (cursor.field === 4) rowGroups = readList(cursor, readRowGroup)
    else if (cursor.field === 5) keyValueMetadata = new Map(readList(cursor, readKeyValue))
    else if (cursor.field === 6) createdBy = readText(cursor)
    else if (cursor.field === 7) orders = readList(cursor, readColumnOrder)
    else skipValue(cursor)
  }
  return {
    schema: withOrders(needed(schema), orders),
    rowCount: needed(rowCount),
    rowGroups: needed(rowGroups),
    keyValueMetadata,
    createdBy,
  }
}

/** A field that Parquet requires. */
function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('a required field is missing')
  return value
}

/** The orders stand in the order of the leaves. */
function withOrders(schema: SchemaElement[], orders: readonly ColumnOrder[] | undefined): SchemaElement[] {
  if (orders === undefined) return schema
  let leaf = 0
  return schema.map(element =>
    element.physicalType === undefined ? element : { ...element, columnOrder: orders[leaf++] },
  )
}

function readColumnOrder(cursor: ThriftCursor): ColumnOrder {
  let order: ColumnOrder = 'other'
  beginStruct(cursor)
  while (nextField(cursor)) {
    order = COLUMN_ORDERS[cursor.field - 1] ?? 'other'
    skipValue(cursor)
  }
  return order
}

function readElement(cursor: ThriftCursor): SchemaElement {
  let name: string | undefined
  let childCount = 0
  let physicalType: number | undefined
  let typeLength: number | undefined
  let repetition: Repetition | undefined
  let convertedType: number | undefined
  let scale: number | undefined
  let precision: number | undefined
  let fieldId: number | undefined
  let logicalType: ThriftStruct | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) physicalType = readInt(cursor)
    else if (cursor.field === 2) typeLength = readInt(cursor)
    else if (cursor.field === 3) repetition = REPETITIONS[readInt(cursor)]
    else if (cursor.field === 4) name = readText(cursor)
    else if (cursor.field === 5) childCount = readCount(cursor)
    else if (cursor.field === 6) convertedType = readInt(cursor)
    else if (cursor.field === 7) scale = readInt(cursor)
    else if (cursor.field === 8) precision = readInt(cursor)
    else if (cursor.field === 9) fieldId = readInt(cursor)
    else if (cursor.field === 10) logicalType = readAnnotation(cursor)
    else skipValue(cursor)
  }
  return {
    name: needed(name),
    physicalType,
    typeLength,
    repetition,
    childCount,
    convertedType,
    scale,
    precision,
    fieldId,
    logicalType,
  }
}

function readKeyValue(cursor: ThriftCursor): [string, string] {
  let key: string | undefined
  let value = ''
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) key = readText(cursor)
    else if (cursor.field === 2) value = readText(cursor)
    else skipValue(cursor)
  }
  return [needed(key), value]
}

function readRowGroup(cursor: ThriftCursor): RowGroup {
  let rowCount: number | undefined
  let uncompressedBytes = 0
  let columns: ColumnChunk[] | undefined
  let sortingColumns: SortingColumn[] | undefined
  let ordinal: number | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) columns = readList(cursor, readChunk)
    else if (cursor.field === 2) uncompressedBytes = readInt(cursor)
    else if (cursor.field === 3) rowCount = readCount(cursor)
    else if (cursor.field === 4) sortingColumns = readList(cursor, readSortingColumn)
    else if (cursor.field === 7) ordinal = readInt(cursor)
    else skipValue(cursor)
  }
  return { rowCount: needed(rowCount), uncompressedBytes, columns: needed(columns), sortingColumns, ordinal }
}

function readSortingColumn(cursor: ThriftCursor): SortingColumn {
  let leaf: number | undefined
  let descending = false
  let nullsFirst = false
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) leaf = readCount(cursor)
    else if (cursor.field === 2) descending = readBoolean(cursor)
    else if (cursor.field === 3) nullsFirst = readBoolean(cursor)
    else skipValue(cursor)
  }
  return { leaf: needed(leaf), descending, nullsFirst }
}

type Draft<T> = { -readonly [K in keyof T]: T[K] }

/** The part of a chunk that says where things stand, and its metadata inside of it. */
function readChunk(cursor: ThriftCursor): ColumnChunk {
  const chunk = emptyChunk()
  let known = false
  let offsetIndexOffset: number | undefined
  let offsetIndexBytes: number | undefined
  let columnIndexOffset: number | undefined
  let columnIndexBytes: number | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 3) {
      readChunkMetadata(cursor, chunk)
      known = true
    } else if (cursor.field === 1) chunk.filePath = readText(cursor)
    else if (cursor.field === 4) offsetIndexOffset = readInt(cursor)
    else if (cursor.field === 5) offsetIndexBytes = readInt(cursor)
    else if (cursor.field === 6) columnIndexOffset = readInt(cursor)
    else if (cursor.field === 7) columnIndexBytes = readInt(cursor)
    else {
      if (cursor.field === 8 || cursor.field === 9) chunk.encrypted = true
      skipValue(cursor)
    }
  }
  // The metadata of an encrypted column may be encrypted with it.
  if (!known && chunk.encrypted === undefined) throw new TypeError('a required field is missing')
  // Indexes and filter of an encrypted column are encrypted with it.
  if (chunk.encrypted) return { ...chunk, bloomFilter: undefined }
  chunk.offsetIndex = fileRange(offsetIndexOffset, offsetIndexBytes)
  chunk.columnIndex = fileRange(columnIndexOffset, columnIndexBytes)
  return chunk
}

/** All keys from the start, so that all chunks have one shape. */
function emptyChunk(): Draft<ColumnChunk> {
  return {
    physicalType: -1,
    encodings: NONE,
    path: NONE,
    codec: 0,
    valueCount: 0,
    uncompressedBytes: 0,
    compressedBytes: 0,
    dataPageOffset: 0,
    dictionaryPageOffset: undefined,
    statistics: NO_STATISTICS,
    encodingStatistics: undefined,
    sizeStatistics: undefined,
    bloomFilter: undefined,
    columnIndex: undefined,
    offsetIndex: undefined,
    keyValueMetadata: undefined,
    encrypted: undefined,
    filePath: undefined,
  }
}

const NONE: readonly never[] = []
const NO_STATISTICS: RawStatistics = {}
/** Bits of the fields that ColumnMetaData requires: 1 to 7 and 9. */
const CHUNK_FIELDS = 0b10_1111_1110

function readChunkMetadata(cursor: ThriftCursor, chunk: Draft<ColumnChunk>): void {
  let seen = 0
  let bloomOffset: number | undefined
  let bloomBytes: number | undefined
  // Fields from 14 on are younger than some writers, who gave these ids to things of their own.
  beginStruct(cursor)
  while (nextField(cursor)) {
    const { field, type } = cursor
    if (field < 10) seen |= 1 << field
    if (field === 1) chunk.physicalType = readInt(cursor)
    else if (field === 2) chunk.encodings = readList(cursor, readInt)
    else if (field === 3) chunk.path = readList(cursor, readText)
    else if (field === 4) chunk.codec = readInt(cursor)
    else if (field === 5) chunk.valueCount = readCount(cursor)
    else if (field === 6) chunk.uncompressedBytes = readInt(cursor)
    else if (field === 7) chunk.compressedBytes = readInt(cursor)
    else if (field === 8) chunk.keyValueMetadata = new Map(readList(cursor, readKeyValue))
    else if (field === 9) chunk.dataPageOffset = readInt(cursor)
    else if (field === 11) chunk.dictionaryPageOffset = pageOffset(readInt(cursor))
    else if (field === 12) chunk.statistics = readRawStatistics(cursor)
    else if (field === 13) chunk.encodingStatistics = readList(cursor, readEncodingStatistics)
    else if (field === 14 && type === WireType.i64) bloomOffset = pageOffset(readInt(cursor))
    else if (field === 15 && type === WireType.i32) bloomBytes = readInt(cursor)
    else if (field === 16 && type === WireType.struct) chunk.sizeStatistics = readSizeStatistics(cursor)
    else skipValue(cursor)
  }
  if ((seen & CHUNK_FIELDS) !== CHUNK_FIELDS) throw new TypeError('a required field is missing')
  if (bloomOffset === undefined) return
  chunk.bloomFilter = { offset: bloomOffset, lengthBytes: bloomBytes }
}

/** Some writers say 0 for "none"; nothing can begin before the magic ends. */
function pageOffset(offset: number): number | undefined {
  return offset >= 4 ? offset : undefined
}

function fileRange(offset: number | undefined, lengthBytes: number | undefined): FileRange | undefined {
  if (offset === undefined || lengthBytes === undefined) return undefined
  return offset >= 4 && lengthBytes > 0 ? { offset, lengthBytes } : undefined
}

function readEncodingStatistics(cursor: ThriftCursor): EncodingStatistics {
  let pageType: number | undefined
  let encoding: number | undefined
  let pageCount: number | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) pageType = readInt(cursor)
    else if (cursor.field === 2) encoding = readInt(cursor)
    else if (cursor.field === 3) pageCount = readInt(cursor)
    else skipValue(cursor)
  }
  return { pageType: needed(pageType), encoding: needed(encoding), pageCount: needed(pageCount) }
}

function readSizeStatistics(cursor: ThriftCursor): SizeStatistics {
  let unencodedBytes: number | undefined
  let repetitionHistogram: number[] | undefined
  let definitionHistogram: number[] | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) unencodedBytes = readInt(cursor)
    else if (cursor.field === 2) repetitionHistogram = readList(cursor, readInt)
    else if (cursor.field === 3) definitionHistogram = readList(cursor, readInt)
    else skipValue(cursor)
  }
  return { unencodedBytes, repetitionHistogram, definitionHistogram }
}
