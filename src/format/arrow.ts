/**
 * The bridge to Apache Arrow for what users hand in and get: from its vectors to ours, and towards it the objects of
 * the copy of the package that a user's own import finds. Loading the package takes its time, so this file is
 * imported when there is something to convert.
 *
 * From Arrow, units are brought to Iceberg's (milliseconds to micros, 8-bit integers to 32); what Iceberg has no type
 * for is refused. Towards Arrow see `arrow-out.ts`.
 */
import type { FileHandle } from 'node:fs/promises'
import * as arrow from 'apache-arrow'
import {
  type Field as ArrowField,
  type Schema as ArrowSchema,
  type Vector as ArrowVector,
  CompressionType,
  compressionRegistry,
  type Data,
  DataType,
  DateUnit,
  Precision,
  type RecordBatch,
  RecordBatchReader,
  type Struct,
  Table,
  TimeUnit,
  tableFromIPC,
  tableToIPC,
  util,
} from 'apache-arrow'
import { base64Encode, equalBytes, utf8Encode } from '../base/bytes.js'
import { errorText, isLakeError, LakeError } from '../base/errors.js'
import { sliceBitmap } from '../batch/bitmap.js'
import type { Bitmap, ColumnBatch, Vector } from '../batch/column-batch.js'
import { joinBytes } from '../batch/join-bytes.js'
import { concatBatches } from '../batch/take.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { type Field, mapType, type Type } from '../schema/types.js'
import {
  daysOfMillis,
  decimalWords,
  dividedExactly,
  floatsOfHalves,
  gatherViews,
  multiplied,
  narrowIntegers,
  unsignedToLong,
  widenIntegers,
} from './arrow-buffers.js'
import { EXTENSION_NAME_KEY, FIELD_ID_KEY, VARIANT_EXTENSION } from './arrow-extensions.js'
import type { ArrowRecordBatch, ArrowTable } from './arrow-kinds.js'
import { arrowSchema, recordsOf } from './arrow-out.js'
import { decompress } from './compression.js'
import { readChunks } from './text-lines.js'

/** The Arrow schema as Parquet files carry it, under the key `ARROW:schema`: an IPC message in base64. */
export function arrowSchemaText(fields: readonly Field[]): string {
  return base64Encode(tableToIPC(new Table(arrowSchema(fields, arrow)), 'stream'))
}

/** The batch as an Arrow record batch over the same memory; dictionary vectors become dictionary columns. */
export function batchToArrow(batch: ColumnBatch): RecordBatch {
  return recordsOf(batch.fields, [batch], arrow)[0] as RecordBatch
}

/** The batches as one Arrow table. */
export function tableOfBatches(fields: readonly Field[], batches: readonly ColumnBatch[]): ArrowTable {
  const records = recordsOf(fields, batches, arrow)
  return records.length === 0 ? new Table(arrowSchema(fields, arrow)) : new Table(records)
}

/**
 * The record batch as ours. With `fields` (one a column, layouts as the types say) the columns get those names,
 * ids and units; without, they are derived, and a column without `PARQUET:field_id` has id -1.
 * @throws unsupported for Arrow types without an Iceberg type
 */
export function batchFromArrow(batch: RecordBatch, fields?: readonly Field[]): ColumnBatch {
  const named = fields ?? fieldsFromArrow(batch.schema)
  const columns = named.map((field, index) => vectorOf(batch.data.children[index] as Data, field.type))
  return { length: batch.numRows, fields: named, columns }
}

/**
 * The batches of what a user handed in. `fieldsFor` says with which ids and types the columns are read, given the
 * fields that Arrow's own schema makes: units are converted to those of the types.
 * @throws unsupported for Arrow types without an Iceberg type; whatever `fieldsFor` throws
 */
export function batchesOfArrow(
  input: ArrowTable | ArrowRecordBatch,
  fieldsFor: (given: readonly Field[]) => readonly Field[],
): ColumnBatch[] {
  const records: readonly RecordBatch[] = util.isArrowTable(input) ? input.batches : [input]
  const fields = fieldsFor(fieldsFromArrow(input.schema))
  return records.map(record => batchFromArrow(record, fields))
}

/** All batches of an Arrow IPC stream or file. @throws corrupt, unsupported */
export function batchesFromIpc(bytes: Uint8Array, fields?: readonly Field[]): ColumnBatch[] {
  return readIpc(bytes).batches.map(batch => batchFromArrow(batch, fields))
}

function readIpc(bytes: Uint8Array): Table {
  try {
    return tableFromIPC(bytes)
  } catch (cause) {
    const context = { reason: errorText(cause) }
    throw new LakeError('corrupt', 'the bytes are not an arrow stream', { context, cause })
  }
}

/** An Arrow IPC file or stream being read. */
export interface IpcReader {
  /** As `fieldsFromArrow` gives them. */
  readonly fields: readonly Field[]
  /** In bounded memory: one record batch after the other. */
  readonly batches: AsyncGenerator<ArrowRecordBatch, void, undefined>
}

/**
 * Opens an Arrow IPC file or stream; a stream is read from the beginning to the end, a file from its footer on.
 * Buffers may be compressed with zstd.
 * @throws corrupt; unsupported for types without an Iceberg type and for LZ4; not-found, denied, unavailable
 */
export async function openIpc(io: FileIO, location: string, options: IoOptions = {}): Promise<IpcReader> {
  compressionRegistry.set(CompressionType.ZSTD, {
    decode: bytes => decompress('zstd', bytes, { location }),
  })
  const begin = await io.read(location, { ...options, range: { offset: 0, lengthBytes: FILE_MARK.length } })
  const isFile = equalBytes(begin, FILE_MARK)
  const reader = await ipcErrors(location, async () => {
    if (isFile) return (await RecordBatchReader.from(fileHandle(io, location, options))).open()
    return (await RecordBatchReader.from(readChunks(io, location, options))).open()
  })
  const fields = fieldsFromArrow(reader.schema)
  return { fields, batches: ipcBatches(reader, location) }
}

const FILE_MARK = utf8Encode('ARROW1')

/** The file as the package reads one at random: of a handle of the operating system it uses these members. */
function fileHandle(io: FileIO, location: string, options: IoOptions): FileHandle {
  const handle = {
    fd: -1,
    stat: async () => ({ size: (await io.stat(location, options)).sizeBytes }),
    read: async (buffer: Uint8Array, at: number, lengthBytes: number, offset: number) => {
      const bytes = await io.read(location, { ...options, range: { offset, lengthBytes } })
      // The package would ask for ever.
      if (bytes.length === 0)
        throw new LakeError('corrupt', 'an arrow file is cut short', { context: { location } })
      buffer.set(bytes, at)
      return { bytesRead: bytes.length, buffer }
    },
    close: () => Promise.resolve(),
  }
  return handle as unknown as FileHandle
}

async function* ipcBatches(
  reader: RecordBatchReader,
  location: string,
): AsyncGenerator<ArrowRecordBatch, void, undefined> {
  try {
    for (;;) {
      const next = await ipcErrors(location, async () => reader.next())
      if (next.done === true) return
      yield next.value
    }
  } finally {
    await reader.cancel()
  }
}

async function ipcErrors<T>(location: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (isLakeError(cause)) throw cause
    const reason = errorText(cause)
    const isCodec = reason.includes('codec not found')
    const message = isCodec
      ? 'the compression of an arrow file is not supported'
      : 'the bytes are not an arrow stream'
    throw new LakeError(isCodec ? 'unsupported' : 'corrupt', message, {
      cause,
      context: { location, reason },
    })
  }
}

/** Iceberg fields of an Arrow schema; id -1 where there is no `PARQUET:field_id`. @throws unsupported */
export function fieldsFromArrow(schema: ArrowSchema): Field[] {
  return schema.fields.map(fieldFromArrow)
}

function fieldFromArrow(field: ArrowField): Field {
  const type = typeFromArrow(field.type, field.metadata)
  return { id: idOf(field), name: field.name, required: !field.nullable, type }
}

function idOf(field: ArrowField): number {
  const id = Number(field.metadata.get(FIELD_ID_KEY) ?? '-1')
  return Number.isSafeInteger(id) ? id : -1
}

function typeFromArrow(type: DataType, metadata: ReadonlyMap<string, string>): Type {
  if (DataType.isDictionary(type)) return typeFromArrow(type.dictionary, metadata)
  if (DataType.isNull(type)) return { kind: 'unknown' }
  if (DataType.isBool(type)) return { kind: 'boolean' }
  if (DataType.isInt(type)) {
    return { kind: type.bitWidth < 32 || (type.bitWidth === 32 && type.isSigned) ? 'int' : 'long' }
  }
  if (DataType.isFloat(type)) return { kind: type.precision === Precision.DOUBLE ? 'double' : 'float' }
  if (DataType.isDecimal(type) && type.precision <= 38 && type.scale >= 0) {
    return { kind: 'decimal', precision: type.precision, scale: type.scale }
  }
  if (DataType.isDate(type)) return { kind: 'date' }
  if (DataType.isTime(type)) return { kind: 'time' }
  if (DataType.isTimestamp(type)) {
    const zoned = type.timezone !== undefined && type.timezone !== null && type.timezone !== ''
    if (type.unit === TimeUnit.NANOSECOND) return { kind: zoned ? 'timestamptz_ns' : 'timestamp_ns' }
    return { kind: zoned ? 'timestamptz' : 'timestamp' }
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type))
    return { kind: 'string' }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type)) {
    return { kind: 'binary' }
  }
  if (DataType.isFixedSizeBinary(type)) {
    const uuid = metadata.get(EXTENSION_NAME_KEY) === 'arrow.uuid' && type.byteWidth === 16
    return uuid ? { kind: 'uuid' } : { kind: 'fixed', lengthBytes: type.byteWidth }
  }
  if (metadata.get(EXTENSION_NAME_KEY) === VARIANT_EXTENSION) return variantFromArrow(type)
  return nestedTypeFromArrow(type)
}

function variantFromArrow(type: DataType): Type {
  const parts = DataType.isStruct(type) ? type.children : []
  const [metadata, value] = ['metadata', 'value'].map(name => parts.find(part => part.name === name))
  if (parts.length === 2 && metadata && value) return { kind: 'variant' }
  throw new LakeError('unsupported', 'shredded variants of arrow cannot be read', {
    context: { type: String(type) },
  })
}

function nestedTypeFromArrow(type: DataType): Type {
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) {
    const element = fieldFromArrow(type.children[0] as ArrowField)
    return {
      kind: 'list',
      elementId: element.id,
      elementRequired: element.required,
      element: element.type,
    }
  }
  if (DataType.isStruct(type)) return { kind: 'struct', fields: type.children.map(fieldFromArrow) }
  if (DataType.isMap(type)) {
    const entries = (type.children[0] as ArrowField<Struct>).type.children
    const key = fieldFromArrow(entries[0] as ArrowField)
    const value = fieldFromArrow(entries[1] as ArrowField)
    return mapType(key, value)
  }
  throw new LakeError('unsupported', 'iceberg has no type for the arrow type', {
    context: { type: String(type) },
  })
}

function validityOf(data: Data): Bitmap | undefined {
  if (data.nullCount === 0) return undefined
  return sliceBitmap(data.nullBitmap, data.offset, data.offset + data.length)
}

function vectorOf(data: Data, type: Type): Vector {
  const arrow = data.type
  const validity = validityOf(data)
  const length = data.length
  if (DataType.isNull(arrow)) return { layout: 'null', length }
  if (DataType.isDictionary(arrow)) return dictionaryVector(data, type)
  if (DataType.isBool(arrow)) {
    const bits = sliceBitmap(data.values, data.offset, data.offset + length)
    return { layout: 'boolean', length, validity, bits }
  }
  if (DataType.isDecimal(arrow)) {
    const stored = data.values as Uint32Array
    const perValue = arrow.bitWidth / 64
    if (!Number.isInteger(perValue)) throw unsupportedType(arrow)
    const words = decimalWords(int64View(stored).subarray(0, length * perValue), perValue)
    return { layout: 'decimal', length, validity, words }
  }
  if (DataType.isFixedSizeBinary(arrow)) {
    return { layout: 'fixed-bytes', length, validity, widthBytes: arrow.byteWidth, bytes: data.values }
  }
  if (DataType.isUtf8View(arrow) || DataType.isBinaryView(arrow)) {
    const views = gatherViews(asBytes(data.values), data.variadicBuffers, length)
    return { layout: 'var-bytes', length, validity, ...views }
  }
  if (
    DataType.isUtf8(arrow) ||
    DataType.isBinary(arrow) ||
    DataType.isLargeUtf8(arrow) ||
    DataType.isLargeBinary(arrow)
  ) {
    return { layout: 'var-bytes', length, validity, offsets: offsetsOf(data), bytes: data.values }
  }
  if (type.kind === 'variant') return variantVector(data, validity)
  if (arrow.children !== null && arrow.children !== undefined && arrow.children.length > 0) {
    return nestedVector(data, type, validity)
  }
  if (DataType.isStruct(arrow)) return { layout: 'struct', length, validity, children: [] }
  return { layout: 'fixed-width', length, validity, values: fixedValues(data, type) }
}

/** The parts of a variant joined; what is given as bytes is one whole already. */
function variantVector(data: Data, validity: Bitmap | undefined): Vector {
  const fields: readonly ArrowField[] = data.type.children ?? []
  const part = (name: string): Vector => {
    const child = data.children[fields.findIndex(field => field.name === name)]
    if (child === undefined) throw unsupportedType(data.type)
    return vectorOf(child, { kind: 'binary' })
  }
  return joinBytes({ first: part('metadata'), second: part('value') }, { length: data.length, validity })
}

function unsupportedType(type: DataType): LakeError {
  return new LakeError('unsupported', 'iceberg has no type for the arrow type', {
    context: { type: String(type) },
  })
}

function offsetsOf(data: Data): Int32Array {
  const offsets = data.valueOffsets as unknown as Int32Array | BigInt64Array | undefined
  // An empty array may come without its one offset.
  if (offsets === undefined || offsets.length === 0) return new Int32Array(data.length + 1)
  const used = offsets.subarray(0, data.length + 1)
  return used instanceof BigInt64Array ? narrowIntegers(used) : used
}

function asBytes(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

/** 64-bit words over the same memory; copied when it is not aligned. */
function int64View(values: ArrayBufferView): BigInt64Array {
  const aligned = values.byteOffset % 8 === 0 ? values : asBytes(values).slice()
  return new BigInt64Array(aligned.buffer as ArrayBuffer, aligned.byteOffset, values.byteLength >> 3)
}

function fixedValues(data: Data, type: Type): Int32Array | BigInt64Array | Float32Array | Float64Array {
  const arrow = data.type
  const values = data.values.subarray(0, data.length)
  if (DataType.isInt(arrow)) {
    if (arrow.bitWidth < 32 || (arrow.bitWidth === 32 && arrow.isSigned)) return widenIntegers(values)
    return arrow.isSigned ? values : unsignedToLong(values)
  }
  if (DataType.isFloat(arrow)) {
    return arrow.precision === Precision.HALF ? floatsOfHalves(values) : values
  }
  if (DataType.isDate(arrow)) {
    return arrow.unit === DateUnit.DAY ? values : daysOfMillis(int64View(values))
  }
  if (DataType.isTime(arrow) || DataType.isTimestamp(arrow)) {
    return inUnitOf(type, values, { unit: arrow.unit, validity: validityOf(data) })
  }
  throw unsupportedType(arrow)
}

const NANOS_PER_UNIT: Readonly<Record<TimeUnit, bigint>> = {
  [TimeUnit.SECOND]: 1_000_000_000n,
  [TimeUnit.MILLISECOND]: 1_000_000n,
  [TimeUnit.MICROSECOND]: 1_000n,
  [TimeUnit.NANOSECOND]: 1n,
}

function inUnitOf(
  type: Type,
  values: BigInt64Array | Int32Array,
  { unit, validity }: { readonly unit: TimeUnit; readonly validity: Bitmap | undefined },
): BigInt64Array {
  const wanted = type.kind === 'timestamp_ns' || type.kind === 'timestamptz_ns' ? 1n : 1_000n
  const stored = NANOS_PER_UNIT[unit]
  if (stored > wanted) return multiplied(values, stored / wanted)
  const longs = values instanceof Int32Array ? multiplied(values, 1n) : values
  return stored === wanted ? longs : dividedExactly(longs, wanted / stored, validity)
}

function nestedVector(data: Data, type: Type, validity: Bitmap | undefined): Vector {
  const arrow = data.type
  const length = data.length
  if (DataType.isStruct(arrow) && type.kind === 'struct') {
    const children = type.fields.map((field, index) => vectorOf(data.children[index] as Data, field.type))
    return { layout: 'struct', length, validity, children }
  }
  const child = data.children[0] as Data
  if (DataType.isMap(arrow) && type.kind === 'map') {
    const keys = vectorOf(child.children[0] as Data, type.key)
    const values = vectorOf(child.children[1] as Data, type.value)
    return { layout: 'map', length, validity, offsets: offsetsOf(data), keys, values }
  }
  if (type.kind !== 'list') throw unsupportedType(arrow)
  const element = vectorOf(child, type.element)
  if (DataType.isFixedSizeList(arrow)) {
    const offsets = Int32Array.from({ length: length + 1 }, (_, row) => row * arrow.listSize)
    return { layout: 'list', length, validity, offsets, element }
  }
  return { layout: 'list', length, validity, offsets: offsetsOf(data), element }
}

function dictionaryVector(data: Data, type: Type): Vector {
  const stored = data.values.subarray(0, data.length)
  const wide =
    stored instanceof BigInt64Array || stored instanceof BigUint64Array || stored instanceof Uint32Array
  const codes = wide ? narrowIntegers(stored) : widenIntegers(stored)
  const dictionary = wholeVector(data.dictionary as ArrowVector, type)
  return { layout: 'dictionary', length: data.length, validity: validityOf(data), codes, dictionary }
}

/** The chunks of an Arrow vector as one. */
function wholeVector(vector: ArrowVector, type: Type): Vector {
  const chunks = vector.data.map(data => vectorOf(data, type))
  const only = chunks[0]
  if (only !== undefined && chunks.length === 1) return only
  const field: Field = { id: -1, name: 'dictionary', required: false, type }
  const batches = chunks.map(chunk => ({ length: chunk.length, fields: [field], columns: [chunk] }))
  return concatBatches([field], batches).columns[0] as Vector
}
