/** The end of a Parquet file from plain data, one function a struct: the counterpart of parse-metadata.ts. */
import { concatBytes, dataView } from '../../../base/bytes.js'
import {
  COLUMN_ORDERS,
  type ColumnChunk,
  chunkRange,
  type EncodingStatistics,
  PARQUET_MAGIC,
  type ParquetMetadata,
  type RawStatistics,
  REPETITIONS,
  type RowGroup,
  type SchemaElement,
  type SizeStatistics,
  type SortingColumn,
} from './metadata.js'
import type { ThriftStruct } from './thrift.js'
import {
  createThriftSink,
  type ThriftSink,
  writeAnnotation,
  writeBinary,
  writeBinaryList,
  writeBoolean,
  writeI8,
  writeI16,
  writeI32,
  writeI32List,
  writeI64,
  writeI64List,
  writeStruct,
  writeStructField,
  writeStructList,
} from './thrift-sink.js'

/** The end of a file: FileMetaData, its length, the magic. */
export function serializeFooter(metadata: ParquetMetadata): Uint8Array {
  const sink = createThriftSink(4096)
  writeStruct(sink, metadata, writeMetadata)
  const length = new Uint8Array(4)
  dataView(length).setUint32(0, sink.length, true)
  return concatBytes([sink.bytes.subarray(0, sink.length), length, PARQUET_MAGIC])
}

function writeMetadata(sink: ThriftSink, metadata: ParquetMetadata): void {
  const { schema, keyValueMetadata } = metadata
  writeI32(sink, 1, 1)
  writeStructList(sink, 2, schema, writeElement)
  writeI64(sink, 3, metadata.rowCount)
  writeStructList(sink, 4, metadata.rowGroups, writeRowGroup)
  writeStructList(sink, 5, keyValueMetadata.size === 0 ? undefined : [...keyValueMetadata], writeKeyValue)
  writeBinary(sink, 6, metadata.createdBy)
  const leaves = schema.filter(element => element.physicalType !== undefined)
  writeStructList(sink, 7, leaves, writeColumnOrder)
}

/** The bounds that we write have the order of their type. */
function writeColumnOrder(sink: ThriftSink, element: SchemaElement): void {
  const order = COLUMN_ORDERS.indexOf(element.columnOrder ?? 'type')
  if (order >= 0) writeStructField(sink, order + 1, {}, writeAnnotation)
}

function writeElement(sink: ThriftSink, element: SchemaElement): void {
  const { physicalType, repetition } = element
  writeI32(sink, 1, physicalType)
  writeI32(sink, 2, element.typeLength)
  writeI32(sink, 3, repetition === undefined ? undefined : REPETITIONS.indexOf(repetition))
  writeBinary(sink, 4, element.name)
  writeI32(sink, 5, physicalType === undefined ? element.childCount : undefined)
  writeI32(sink, 6, element.convertedType)
  writeI32(sink, 7, element.scale)
  writeI32(sink, 8, element.precision)
  writeI32(sink, 9, element.fieldId)
  writeStructField(sink, 10, element.logicalType, writeLogicalType)
}

/** INTEGER's bit width and VARIANT's version are the 8-bit numbers of a schema. */
function writeLogicalType(sink: ThriftSink, logical: ThriftStruct): void {
  const { field_10: integer, field_16: variant, ...others } = logical
  writeStructField(sink, 10, integer as ThriftStruct | undefined, writeByteFirst)
  writeStructField(sink, 16, variant as ThriftStruct | undefined, writeByteFirst)
  writeAnnotation(sink, others)
}

function writeByteFirst(sink: ThriftSink, struct: ThriftStruct): void {
  const { field_1: byte, ...rest } = struct
  writeI8(sink, 1, typeof byte === 'number' ? byte : undefined)
  writeAnnotation(sink, rest)
}

function writeKeyValue(sink: ThriftSink, pair: readonly [string, string]): void {
  writeBinary(sink, 1, pair[0])
  writeBinary(sink, 2, pair[1])
}

function writeRowGroup(sink: ThriftSink, group: RowGroup): void {
  const first = group.columns[0]
  let compressedBytes = 0
  for (const column of group.columns) compressedBytes += column.compressedBytes
  writeStructList(sink, 1, group.columns, writeChunk)
  writeI64(sink, 2, group.uncompressedBytes)
  writeI64(sink, 3, group.rowCount)
  writeStructList(sink, 4, group.sortingColumns, writeSortingColumn)
  writeI64(sink, 5, first === undefined ? undefined : chunkRange(first).offset)
  writeI64(sink, 6, compressedBytes)
  writeI16(sink, 7, group.ordinal)
}

function writeSortingColumn(sink: ThriftSink, column: SortingColumn): void {
  writeI32(sink, 1, column.leaf)
  writeBoolean(sink, 2, column.descending)
  writeBoolean(sink, 3, column.nullsFirst)
}

function writeChunk(sink: ThriftSink, chunk: ColumnChunk): void {
  writeBinary(sink, 1, chunk.filePath)
  // The offset of a second copy of the metadata; there is none.
  writeI64(sink, 2, 0)
  writeStructField(sink, 3, chunk, writeChunkMetadata)
  writeI64(sink, 4, chunk.offsetIndex?.offset)
  writeI32(sink, 5, chunk.offsetIndex?.lengthBytes)
  writeI64(sink, 6, chunk.columnIndex?.offset)
  writeI32(sink, 7, chunk.columnIndex?.lengthBytes)
}

function writeChunkMetadata(sink: ThriftSink, chunk: ColumnChunk): void {
  const { keyValueMetadata, statistics } = chunk
  writeI32(sink, 1, chunk.physicalType)
  writeI32List(sink, 2, chunk.encodings)
  writeBinaryList(sink, 3, chunk.path)
  writeI32(sink, 4, chunk.codec)
  writeI64(sink, 5, chunk.valueCount)
  writeI64(sink, 6, chunk.uncompressedBytes)
  writeI64(sink, 7, chunk.compressedBytes)
  writeStructList(sink, 8, keyValueMetadata === undefined ? undefined : [...keyValueMetadata], writeKeyValue)
  writeI64(sink, 9, chunk.dataPageOffset)
  writeI64(sink, 11, chunk.dictionaryPageOffset)
  writeStructField(sink, 12, isEmpty(statistics) ? undefined : statistics, writeStatistics)
  writeStructList(sink, 13, chunk.encodingStatistics, writeEncodingStatistics)
  writeI64(sink, 14, chunk.bloomFilter?.offset)
  writeI32(sink, 15, chunk.bloomFilter?.lengthBytes)
  writeStructField(sink, 16, chunk.sizeStatistics, writeSizeStatistics)
}

function isEmpty(statistics: RawStatistics): boolean {
  return Object.values(statistics).every(value => value === undefined)
}

function writeStatistics(sink: ThriftSink, statistics: RawStatistics): void {
  writeBinary(sink, 1, statistics.signedUpper)
  writeBinary(sink, 2, statistics.signedLower)
  writeI64(sink, 3, statistics.nullCount)
  writeI64(sink, 4, statistics.distinctCount)
  writeBinary(sink, 5, statistics.upper)
  writeBinary(sink, 6, statistics.lower)
  writeBoolean(sink, 7, statistics.upperExact)
  writeBoolean(sink, 8, statistics.lowerExact)
  writeI64(sink, 9, statistics.nanCount)
}

function writeEncodingStatistics(sink: ThriftSink, statistics: EncodingStatistics): void {
  writeI32(sink, 1, statistics.pageType)
  writeI32(sink, 2, statistics.encoding)
  writeI32(sink, 3, statistics.pageCount)
}

function writeSizeStatistics(sink: ThriftSink, statistics: SizeStatistics): void {
  writeI64(sink, 1, statistics.unencodedBytes)
  writeI64List(sink, 2, statistics.repetitionHistogram)
  writeI64List(sink, 3, statistics.definitionHistogram)
}
