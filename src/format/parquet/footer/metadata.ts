/**
 * The footer of a Parquet file as plain data; `parse-metadata.ts` reads it, `serialize-footer.ts` writes it.
 *
 *   PAR1 | column chunks of row group 0 | ... of row group n | page indexes | FileMetaData | its length (4) | PAR1
 *
 * Only what serac uses is kept: geospatial statistics and index pages are not.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
import { LakeError } from '../../../base/errors.js'
import type { ThriftStruct } from './thrift.js'

export const PARQUET_MAGIC: Uint8Array = Uint8Array.of(0x50, 0x41, 0x52, 0x31)
/** Length of the footer and the magic. */
export const PARQUET_TAIL_BYTES = 8

/** `Type` of parquet.thrift. */
export const PhysicalType = {
  boolean: 0,
  int32: 1,
  int64: 2,
  int96: 3,
  float: 4,
  double: 5,
  byteArray: 6,
  fixed: 7,
} as const

/** `Encoding` of parquet.thrift. */
export const Encoding = {
  plain: 0,
  plainDictionary: 2,
  rle: 3,
  bitPacked: 4,
  deltaBinaryPacked: 5,
  deltaLengthByteArray: 6,
  deltaByteArray: 7,
  rleDictionary: 8,
  byteStreamSplit: 9,
} as const

/** `PageType` of parquet.thrift. */
export const PageType = { data: 0, index: 1, dictionary: 2, dataV2: 3 } as const

/** `CompressionCodec` of parquet.thrift, by number. */
export const CODEC_NAMES = [
  'uncompressed',
  'snappy',
  'gzip',
  'lzo',
  'brotli',
  'lz4',
  'zstd',
  'lz4_raw',
] as const

export type Repetition = 'required' | 'optional' | 'repeated'
export const REPETITIONS: readonly Repetition[] = ['required', 'optional', 'repeated']

/** A node of the schema; the nodes stand depth first, a group before its children. */
export interface SchemaElement {
  readonly name: string
  /** Absent for groups. */
  readonly physicalType?: number | undefined
  readonly typeLength?: number | undefined
  readonly repetition?: Repetition | undefined
  readonly childCount: number
  /** `ConvertedType` of parquet.thrift, the older annotation. */
  readonly convertedType?: number | undefined
  readonly scale?: number | undefined
  readonly precision?: number | undefined
  readonly fieldId?: number | undefined
  /** `LogicalType` of parquet.thrift. */
  readonly logicalType?: ThriftStruct | undefined
  /** Of leaves: the order that the bounds of statistics and page indexes have. Absent: the file does not say. */
  readonly columnOrder?: ColumnOrder | undefined
}

/** `ColumnOrder` of parquet.thrift. `other` is an order that we do not know: such bounds say nothing. */
export type ColumnOrder = 'type' | 'ieee754' | 'int96' | 'other'
export const COLUMN_ORDERS: readonly ColumnOrder[] = ['type', 'ieee754', 'int96']

export interface FileRange {
  readonly offset: number
  readonly lengthBytes: number
}

/** Raw bytes as stored; what they mean depends on the column. */
export interface RawStatistics {
  readonly nullCount?: number | undefined
  readonly distinctCount?: number | undefined
  /** Of floating-point columns. */
  readonly nanCount?: number | undefined
  readonly lower?: Uint8Array | undefined
  readonly upper?: Uint8Array | undefined
  /** False says that the bound is not a value of the column: it was cut. */
  readonly lowerExact?: boolean | undefined
  readonly upperExact?: boolean | undefined
  /** The older pair, whose order is signed whatever the type. */
  readonly signedLower?: Uint8Array | undefined
  readonly signedUpper?: Uint8Array | undefined
}

/** How many pages of a type have an encoding. */
export interface EncodingStatistics {
  /** `PageType`. */
  readonly pageType: number
  /** `Encoding`. */
  readonly encoding: number
  readonly pageCount: number
}

export interface SizeStatistics {
  /** Bytes of BYTE_ARRAY values without their lengths. */
  readonly unencodedBytes?: number | undefined
  /** How often each repetition level occurs, from 0. */
  readonly repetitionHistogram?: readonly number[] | undefined
  readonly definitionHistogram?: readonly number[] | undefined
}

export interface ColumnChunk {
  readonly physicalType: number
  /** `Encoding`. */
  readonly encodings: readonly number[]
  readonly path: readonly string[]
  /** Index into `CODEC_NAMES`. */
  readonly codec: number
  /** Values, nulls and empty lists. */
  readonly valueCount: number
  readonly uncompressedBytes: number
  readonly compressedBytes: number
  readonly dataPageOffset: number
  readonly dictionaryPageOffset?: number | undefined
  readonly statistics: RawStatistics
  readonly encodingStatistics?: readonly EncodingStatistics[] | undefined
  readonly sizeStatistics?: SizeStatistics | undefined
  readonly bloomFilter?: BloomFilterRange | undefined
  readonly columnIndex?: FileRange | undefined
  readonly offsetIndex?: FileRange | undefined
  readonly keyValueMetadata?: ReadonlyMap<string, string> | undefined
  /** The pages are encrypted. So are indexes and filter, which are left out; offsets and sizes are 0 if they are too. */
  readonly encrypted?: boolean | undefined
  /** Another file that holds the pages, as summary files say. */
  readonly filePath?: string | undefined
}

export interface BloomFilterRange {
  readonly offset: number
  /** Header and bit set; files of older writers do not say it. */
  readonly lengthBytes?: number | undefined
}

/** A sort key of the rows of a row group. */
export interface SortingColumn {
  /** Index of the leaf column. */
  readonly leaf: number
  readonly descending: boolean
  readonly nullsFirst: boolean
}

export interface RowGroup {
  readonly rowCount: number
  readonly uncompressedBytes: number
  readonly columns: readonly ColumnChunk[]
  readonly sortingColumns?: readonly SortingColumn[] | undefined
  /** Position among the row groups, as the writer said it. */
  readonly ordinal?: number | undefined
}

export interface ParquetMetadata {
  readonly schema: readonly SchemaElement[]
  readonly rowCount: number
  readonly rowGroups: readonly RowGroup[]
  readonly keyValueMetadata: ReadonlyMap<string, string>
  readonly createdBy?: string | undefined
}

/** Where the pages of a chunk stand. A chunk without data pages may say 0 for where they begin. */
export function chunkRange(chunk: ColumnChunk): FileRange {
  const { dataPageOffset, dictionaryPageOffset = dataPageOffset } = chunk
  const offset = dataPageOffset < 4 ? dictionaryPageOffset : Math.min(dataPageOffset, dictionaryPageOffset)
  return { offset, lengthBytes: chunk.compressedBytes }
}

/** @throws unsupported when the pages of the chunk are encrypted or stand in another file */
export function checkReadable(chunk: ColumnChunk, location: string): void {
  const context = { location, column: chunk.path.join('.') }
  if (chunk.encrypted) throw new LakeError('unsupported', 'the parquet column is encrypted', { context })
  if (chunk.filePath)
    throw new LakeError('unsupported', 'the parquet column stands in another file', { context })
}

/** The chunk as it reads when its pages stand `delta` bytes further on; page indexes and bloom filter are dropped. */
export function moveChunk(chunk: ColumnChunk, delta: number): ColumnChunk {
  const { dictionaryPageOffset } = chunk
  return {
    ...chunk,
    dataPageOffset: chunk.dataPageOffset + delta,
    dictionaryPageOffset: dictionaryPageOffset === undefined ? undefined : dictionaryPageOffset + delta,
    columnIndex: undefined,
    offsetIndex: undefined,
    bloomFilter: undefined,
  }
}
