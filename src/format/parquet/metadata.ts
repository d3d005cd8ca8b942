/**
 * The footer of a Parquet file as plain data, both ways.
 *
 *   PAR1 | column chunks of row group 0 | ... of row group n | page indexes | FileMetaData | its length (4) | PAR1
 *
 * Only what serac uses is kept: bloom filters and geospatial statistics are not carried over.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */
import { concatBytes, dataView, utf8Decode } from '../../base/bytes.js'
import { LakeError } from '../../base/errors.js'
import { parseThrift, serializeThrift, type ThriftStruct, type ThriftValue } from './thrift.js'

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

export type Repetition = 'required' | 'optional' | 'repeated'
const REPETITIONS: readonly Repetition[] = ['required', 'optional', 'repeated']

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
}

export interface FileRange {
  readonly offset: number
  readonly lengthBytes: number
}

/** Raw bytes as stored; what they mean depends on the column. */
export interface RawStatistics {
  readonly nullCount?: number | undefined
  readonly lower?: Uint8Array | undefined
  readonly upper?: Uint8Array | undefined
  /** The older pair, whose order is signed whatever the type. */
  readonly signedLower?: Uint8Array | undefined
  readonly signedUpper?: Uint8Array | undefined
}

export interface ColumnChunk {
  readonly physicalType: number
  readonly encodings: readonly number[]
  readonly path: readonly string[]
  readonly codec: number
  readonly valueCount: number
  readonly uncompressedBytes: number
  readonly compressedBytes: number
  readonly dataPageOffset: number
  readonly dictionaryPageOffset?: number | undefined
  readonly statistics: RawStatistics
  readonly columnIndex?: FileRange | undefined
  readonly offsetIndex?: FileRange | undefined
  /** Fields that pass through unread: statistics, encoding statistics, size statistics. */
  readonly carried: ThriftStruct
}

export interface RowGroup {
  readonly rowCount: number
  readonly uncompressedBytes: number
  readonly columns: readonly ColumnChunk[]
}

export interface ParquetMetadata {
  readonly schema: readonly SchemaElement[]
  readonly rowCount: number
  readonly rowGroups: readonly RowGroup[]
  readonly keyValueMetadata: ReadonlyMap<string, string>
  readonly createdBy?: string | undefined
  readonly columnOrders?: ThriftValue | undefined
}

/**
 * Parses the FileMetaData struct. Throws plain errors when the bytes are something else.
 * @throws unsupported when columns are encrypted
 */
export function parseMetadata(bytes: Uint8Array): ParquetMetadata {
  const struct = parseThrift(bytes)
  if (struct.field_8 !== undefined) throw new LakeError('unsupported', 'the parquet file is encrypted')
  return {
    schema: structs(struct.field_2).map(parseElement),
    rowCount: safe(struct.field_3),
    rowGroups: structs(struct.field_4).map(parseRowGroup),
    keyValueMetadata: new Map(
      structs(struct.field_5 ?? []).map(pair => [
        text(pair.field_1),
        text(pair.field_2 ?? new Uint8Array(0)),
      ]),
    ),
    createdBy: struct.field_6 === undefined ? undefined : text(struct.field_6),
    columnOrders: struct.field_7,
  }
}

function parseElement(struct: ThriftStruct): SchemaElement {
  return {
    name: text(struct.field_4),
    physicalType: optionalSafe(struct.field_1),
    typeLength: optionalSafe(struct.field_2),
    repetition: struct.field_3 === undefined ? undefined : REPETITIONS[safe(struct.field_3)],
    childCount: optionalSafe(struct.field_5) ?? 0,
    convertedType: optionalSafe(struct.field_6),
    scale: optionalSafe(struct.field_7),
    precision: optionalSafe(struct.field_8),
    fieldId: optionalSafe(struct.field_9),
    logicalType: struct.field_10 === undefined ? undefined : structOf(struct.field_10),
  }
}

function parseRowGroup(struct: ThriftStruct): RowGroup {
  return {
    rowCount: safe(struct.field_3),
    uncompressedBytes: safe(struct.field_2),
    columns: structs(struct.field_1).map(parseColumnChunk),
  }
}

function parseColumnChunk(struct: ThriftStruct): ColumnChunk {
  const meta = structOf(struct.field_3)
  const dictionaryPageOffset = optionalSafe(meta.field_11)
  return {
    physicalType: safe(meta.field_1),
    encodings: list(meta.field_2).map(safe),
    path: list(meta.field_3).map(text),
    codec: safe(meta.field_4),
    valueCount: safe(meta.field_5),
    uncompressedBytes: safe(meta.field_6),
    compressedBytes: safe(meta.field_7),
    dataPageOffset: safe(meta.field_9),
    // Some writers say 0 for "no dictionary"; a page cannot begin before the magic ends.
    dictionaryPageOffset:
      dictionaryPageOffset !== undefined && dictionaryPageOffset >= 4 ? dictionaryPageOffset : undefined,
    statistics: meta.field_12 === undefined ? {} : parseStatistics(structOf(meta.field_12)),
    offsetIndex: range(struct.field_4, struct.field_5),
    columnIndex: range(struct.field_6, struct.field_7),
    carried: { field_12: meta.field_12, field_13: meta.field_13, field_16: meta.field_16 },
  }
}

function parseStatistics(struct: ThriftStruct): RawStatistics {
  return {
    signedUpper: optionalBytes(struct.field_1),
    signedLower: optionalBytes(struct.field_2),
    nullCount: optionalSafe(struct.field_3),
    upper: optionalBytes(struct.field_5),
    lower: optionalBytes(struct.field_6),
  }
}

function range(offset: ThriftValue | undefined, length: ThriftValue | undefined): FileRange | undefined {
  if (offset === undefined || length === undefined) return undefined
  return { offset: safe(offset), lengthBytes: safe(length) }
}

/** Where the pages of a chunk stand. */
export function chunkRange(chunk: ColumnChunk): FileRange {
  const offset = Math.min(chunk.dataPageOffset, chunk.dictionaryPageOffset ?? chunk.dataPageOffset)
  return { offset, lengthBytes: chunk.compressedBytes }
}

/** The end of a file: FileMetaData, its length, the magic. */
export function serializeFooter(metadata: ParquetMetadata): Uint8Array {
  const footer = serializeThrift(metadataStruct(metadata))
  const length = new Uint8Array(4)
  dataView(length).setUint32(0, footer.length, true)
  return concatBytes([footer, length, PARQUET_MAGIC])
}

function metadataStruct(metadata: ParquetMetadata): ThriftStruct {
  const pairs = [...metadata.keyValueMetadata].map(([key, value]) => ({ field_1: key, field_2: value }))
  return {
    field_1: 1,
    field_2: metadata.schema.map(elementStruct),
    field_3: BigInt(metadata.rowCount),
    field_4: metadata.rowGroups.map(group => rowGroupStruct(group)),
    field_5: pairs.length === 0 ? undefined : pairs,
    field_6: metadata.createdBy,
    field_7: metadata.columnOrders,
  }
}

function elementStruct(element: SchemaElement): ThriftStruct {
  const repetition = element.repetition === undefined ? -1 : REPETITIONS.indexOf(element.repetition)
  return {
    field_1: element.physicalType,
    field_2: element.typeLength,
    field_3: repetition < 0 ? undefined : repetition,
    field_4: element.name,
    field_5: element.physicalType === undefined ? element.childCount : undefined,
    field_6: element.convertedType,
    field_7: element.scale,
    field_8: element.precision,
    field_9: element.fieldId,
    field_10: element.logicalType === undefined ? undefined : typedLogicalType(element.logicalType),
  }
}

/** The bit width of INTEGER is the one 8-bit number of a schema. */
function typedLogicalType(logical: ThriftStruct): ThriftStruct {
  if (logical.field_10 === undefined) return logical
  const { field_1: bits, field_2: signed } = structOf(logical.field_10)
  return { field_10: { field_1: { i8: safe(bits) }, field_2: signed } }
}

function rowGroupStruct(group: RowGroup): ThriftStruct {
  const first = group.columns[0]
  let compressed = 0
  for (const column of group.columns) compressed += column.compressedBytes
  return {
    field_1: group.columns.map(columnChunkStruct),
    field_2: BigInt(group.uncompressedBytes),
    field_3: BigInt(group.rowCount),
    field_5: first === undefined ? undefined : BigInt(chunkRange(first).offset),
    field_6: BigInt(compressed),
  }
}

function columnChunkStruct(chunk: ColumnChunk): ThriftStruct {
  return {
    // The offset of a second copy of the metadata; there is none.
    field_2: 0n,
    field_3: {
      field_1: chunk.physicalType,
      // Some writers list none; an empty list would not say that its elements are numbers.
      field_2: chunk.encodings.length === 0 ? [0] : chunk.encodings,
      field_3: chunk.path,
      field_4: chunk.codec,
      field_5: BigInt(chunk.valueCount),
      field_6: BigInt(chunk.uncompressedBytes),
      field_7: BigInt(chunk.compressedBytes),
      field_9: BigInt(chunk.dataPageOffset),
      field_11: chunk.dictionaryPageOffset === undefined ? undefined : BigInt(chunk.dictionaryPageOffset),
      ...chunk.carried,
    },
    field_4: chunk.offsetIndex === undefined ? undefined : BigInt(chunk.offsetIndex.offset),
    field_5: chunk.offsetIndex?.lengthBytes,
    field_6: chunk.columnIndex === undefined ? undefined : BigInt(chunk.columnIndex.offset),
    field_7: chunk.columnIndex?.lengthBytes,
  }
}

/** The chunk as it reads when its pages stand `delta` bytes further on; page indexes are dropped. */
export function moveChunk(chunk: ColumnChunk, delta: number): ColumnChunk {
  const { dictionaryPageOffset } = chunk
  return {
    ...chunk,
    dataPageOffset: chunk.dataPageOffset + delta,
    dictionaryPageOffset: dictionaryPageOffset === undefined ? undefined : dictionaryPageOffset + delta,
    columnIndex: undefined,
    offsetIndex: undefined,
  }
}

/** The OffsetIndex struct of a chunk whose pages moved by `delta` bytes. */
export function moveOffsetIndex(bytes: Uint8Array, delta: number): Uint8Array {
  const index = parseThrift(bytes)
  const pages = structs(index.field_1).map(page => ({ ...page, field_1: BigInt(safe(page.field_1) + delta) }))
  return serializeThrift({ ...index, field_1: pages })
}

function structs(value: ThriftValue | undefined): ThriftStruct[] {
  return list(value).map(structOf)
}

function list(value: ThriftValue | undefined): readonly ThriftValue[] {
  if (!Array.isArray(value)) throw new TypeError('a list is missing')
  return value
}

function structOf(value: ThriftValue | undefined): ThriftStruct {
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) {
    throw new TypeError('a struct is missing')
  }
  return value as ThriftStruct
}

function text(value: ThriftValue | undefined): string {
  if (!(value instanceof Uint8Array)) throw new TypeError('a text is missing')
  return utf8Decode(value)
}

function optionalBytes(value: ThriftValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined
}

function optionalSafe(value: ThriftValue | undefined): number | undefined {
  return value === undefined ? undefined : safe(value)
}

function safe(value: ThriftValue | undefined): number {
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) throw new TypeError('a number is missing')
  return number
}
