/**
 * Writing a Parquet file from column batches, one row group in memory at a time.
 *
 *   batches -> row group full? -> engine makes a file of one row group -> its pages are appended here,
 *   its metadata kept with moved offsets -> ... -> page indexes and one footer at the end
 *
 * The footer is ours: field ids at every depth, the UUID annotation that the engine does not write, no Arrow
 * schema. Statistics of the result are exact ones of the batches (`column-statistics.ts`).
 * @see Iceberg table spec, "Appendix A: Format-specific Requirements", "Parquet"
 */
import { errorText, LakeError } from '../../base/errors.js'
import type { ColumnBatch } from '../../batch/column-batch.js'
import { concatBatches, emptyBatch, sliceBatch } from '../../batch/take.js'
import type { FileIO, FileWriter, IoOptions } from '../../io/file-io.js'
import { childFields } from '../../schema/schema.js'
import type { Field } from '../../schema/types.js'
import { batchesToIpc } from '../arrow.js'
import {
  type ColumnStatisticsCollector,
  createColumnStatistics,
  type LeafStatistics,
} from './column-statistics.js'
import {
  type ColumnChunk,
  chunkRange,
  type FileRange,
  moveChunk,
  moveOffsetIndex,
  PARQUET_MAGIC,
  PARQUET_TAIL_BYTES,
  type ParquetMetadata,
  parseMetadata,
  type RowGroup,
  type SchemaElement,
  serializeFooter,
} from './metadata.js'
import { batchSizeBytes, storableBatch, storableFields } from './storable-batch.js'
import { columnsWithoutDictionary } from './wasm-dictionary.js'
import { encodeRowGroup, type ParquetCodec } from './wasm-engine.js'

export const ROW_GROUP_ROWS_DEFAULT = 262_144
export const ROW_GROUP_BYTES_DEFAULT: number = 128 * 1024 * 1024
/** Batches below this many rows are joined before they go to the engine. */
const SMALL_BATCH_ROWS = 4_096
/** Compressed size over size in memory, before the first row group says better. */
const COMPRESSION_GUESS = 0.35

export interface ParquetWriteOptions extends IoOptions {
  /** Every field with its id. Columns of type unknown are not stored. */
  readonly fields: readonly Field[]
  /** Rows of a row group at most; default 262 144. */
  readonly rowGroupRows?: number | undefined
  /** Bytes of a row group in memory, before encoding, at most; default 128 MiB. */
  readonly rowGroupBytes?: number | undefined
  readonly codec: ParquetCodec
  /** Taken as a wish: parquet-wasm has one level for each codec (zstd 1, gzip 6). */
  readonly level?: number | undefined
  /** False writes no dictionary pages; by default columns whose values repeat have one. */
  readonly dictionaryEnabled?: boolean | undefined
  readonly keyValueMetadata?: ReadonlyMap<string, string> | Readonly<Record<string, string>> | undefined
}

/** Statistics of a leaf column of the file, nulls and NaN counted over all rows. */
export interface ParquetColumnStatistics extends LeafStatistics {
  /** Compressed bytes of its pages. */
  readonly columnSizeBytes: number
}

export interface ParquetWriteResult {
  readonly sizeBytes: number
  readonly rowCount: number
  /** Where each row group begins. */
  readonly splitOffsets: readonly number[]
  /** By field id of the leaf. */
  readonly columns: ReadonlyMap<number, ParquetColumnStatistics>
}

export interface ParquetWriter {
  readonly rowCount: number
  /** Bytes written, and an estimate for the rows that wait for their row group to fill. */
  readonly sizeBytes: number
  /**
   * Takes rows of the writer's fields; the batch is kept until its row group is full and may not be changed.
   * @throws invalid-argument (a null in a required field), unavailable, denied
   */
  write(batch: ColumnBatch): Promise<void>
  /** Finishes the file; it is durable and visible when the promise resolves. */
  close(): Promise<ParquetWriteResult>
  /** Leaves nothing behind; harmless after `close`. */
  abort(): Promise<void>
}

interface WriterState {
  readonly options: ParquetWriteOptions
  readonly fields: readonly Field[]
  readonly file: FileWriter
  readonly statistics: ColumnStatisticsCollector
  readonly rowGroups: RowGroup[]
  readonly pageIndexes: PageIndexes[]
  /** Of the first row group; the schema comes from there. */
  first: ParquetMetadata | undefined
  pending: ColumnBatch[]
  pendingRows: number
  pendingBytes: number
  rowCount: number
  encodedBytes: number
  plainBytes: number
}

/** Page indexes of a row group's columns, offsets already those of the file. */
type PageIndexes = readonly { readonly column?: Uint8Array; readonly offset?: Uint8Array }[]

/** @throws invalid-argument for fields that Parquet cannot hold, unavailable, denied */
export async function openParquetWriter(
  io: FileIO,
  location: string,
  options: ParquetWriteOptions,
): Promise<ParquetWriter> {
  const fields = storableFields(options.fields)
  const state: WriterState = {
    options,
    fields,
    file: await io.openWriter(location, { signal: options.signal }),
    statistics: createColumnStatistics(options.fields),
    rowGroups: [],
    pageIndexes: [],
    first: undefined,
    pending: [],
    pendingRows: 0,
    pendingBytes: 0,
    rowCount: 0,
    encodedBytes: 0,
    plainBytes: 0,
  }
  return {
    get rowCount() {
      return state.rowCount
    },
    get sizeBytes() {
      return estimatedSize(state)
    },
    write: batch => takeBatchIn(state, batch),
    close: () => finish(state),
    abort: () => state.file.abort(),
  }
}

function estimatedSize(state: WriterState): number {
  const ratio = state.plainBytes === 0 ? COMPRESSION_GUESS : state.encodedBytes / state.plainBytes
  return Math.ceil(state.file.sizeBytes + state.pendingBytes * ratio)
}

async function takeBatchIn(state: WriterState, batch: ColumnBatch): Promise<void> {
  const { rowGroupRows = ROW_GROUP_ROWS_DEFAULT, rowGroupBytes = ROW_GROUP_BYTES_DEFAULT } = state.options
  if (batch.length === 0) return
  state.statistics.add(batch)
  state.rowCount += batch.length
  const stored = storableBatch(batch, state.options.fields)
  const rowBytes = batchSizeBytes(stored) / stored.length
  for (let from = 0; from < stored.length; ) {
    const byBytes = Math.ceil((rowGroupBytes - state.pendingBytes) / Math.max(rowBytes, 1))
    const room = Math.max(1, Math.min(rowGroupRows - state.pendingRows, byBytes))
    const to = Math.min(from + room, stored.length)
    state.pending.push(from === 0 && to === stored.length ? stored : sliceBatch(stored, from, to))
    state.pendingRows += to - from
    state.pendingBytes += rowBytes * (to - from)
    if (state.pendingRows >= rowGroupRows || state.pendingBytes >= rowGroupBytes) await flushRowGroup(state)
    from = to
  }
}

async function flushRowGroup(state: WriterState): Promise<void> {
  if (state.pendingRows === 0) return
  const bytes = encode(state, state.pending)
  state.encodedBytes += bytes.length
  state.plainBytes += state.pendingBytes
  state.pending = []
  state.pendingRows = 0
  state.pendingBytes = 0
  await appendRowGroup(state, bytes)
}

function encode(state: WriterState, pending: readonly ColumnBatch[]): Uint8Array {
  const rowCount = pending.reduce((sum, batch) => sum + batch.length, 0)
  const small = rowCount / pending.length < SMALL_BATCH_ROWS && pending.length > 1
  const batches = small ? [concatBatches(state.fields, pending)] : pending
  const withoutDictionary =
    state.options.dictionaryEnabled === false
      ? state.fields.map(field => field.name)
      : columnsWithoutDictionary(state.fields, batches)
  try {
    const ipc = batchesToIpc(state.fields, batches)
    return encodeRowGroup(ipc, { codec: state.options.codec, rowCount, withoutDictionary })
  } catch (cause) {
    if (cause instanceof LakeError) throw cause
    throw new LakeError('invalid-argument', 'the rows cannot be encoded as parquet', {
      context: { reason: errorText(cause) },
      cause,
    })
  }
}

/** The engine's file: its pages go to the end of ours, its metadata is kept with the offsets they get there. */
async function appendRowGroup(state: WriterState, bytes: Uint8Array): Promise<void> {
  const metadata = engineMetadata(bytes)
  state.first ??= metadata
  const group = metadata.rowGroups[0]
  if (group === undefined) return
  if (state.file.sizeBytes === 0) await state.file.write(PARQUET_MAGIC)
  const { offset, lengthBytes } = spanOf(group.columns)
  const delta = state.file.sizeBytes - offset
  state.rowGroups.push({ ...group, columns: group.columns.map(chunk => moveChunk(chunk, delta)) })
  state.pageIndexes.push(group.columns.map(chunk => pageIndexesOf(chunk, bytes, delta)))
  await state.file.write(bytes.subarray(offset, offset + lengthBytes))
}

function engineMetadata(file: Uint8Array): ParquetMetadata {
  const end = file.length - PARQUET_TAIL_BYTES
  const length = new DataView(file.buffer, file.byteOffset + end, 4).getUint32(0, true)
  return parseMetadata(file.subarray(end - length, end))
}

function spanOf(chunks: readonly ColumnChunk[]): FileRange {
  let from = Number.POSITIVE_INFINITY
  let to = 0
  for (const chunk of chunks) {
    const { offset, lengthBytes } = chunkRange(chunk)
    from = Math.min(from, offset)
    to = Math.max(to, offset + lengthBytes)
  }
  return { offset: from, lengthBytes: to - from }
}

function pageIndexesOf(chunk: ColumnChunk, bytes: Uint8Array, delta: number): PageIndexes[number] {
  const { columnIndex, offsetIndex } = chunk
  const part = (range: FileRange): Uint8Array => bytes.slice(range.offset, range.offset + range.lengthBytes)
  return {
    ...(columnIndex === undefined ? {} : { column: part(columnIndex) }),
    ...(offsetIndex === undefined ? {} : { offset: moveOffsetIndex(part(offsetIndex), delta) }),
  }
}

async function finish(state: WriterState): Promise<ParquetWriteResult> {
  await flushRowGroup(state)
  // A file without rows has a schema all the same.
  if (state.first === undefined) await appendRowGroup(state, encode(state, [emptyBatch(state.fields)]))
  if (state.file.sizeBytes === 0) await state.file.write(PARQUET_MAGIC)
  const splitOffsets = state.rowGroups.map(group => spanOf(group.columns).offset)
  const rowGroups = await writePageIndexes(state)
  await state.file.write(serializeFooter(footerOf(state, rowGroups)))
  const { sizeBytes } = state.file
  await state.file.close()
  return { sizeBytes, rowCount: state.rowCount, splitOffsets, columns: columnStatistics(state) }
}

/** All column indexes, then all offset indexes, as readers expect them: each kind in one range. */
async function writePageIndexes(state: WriterState): Promise<RowGroup[]> {
  const columnIndexes = await writeIndexes(state, 'column')
  const offsetIndexes = await writeIndexes(state, 'offset')
  return state.rowGroups.map((group, at) => ({
    ...group,
    columns: group.columns.map((chunk, column) => ({
      ...chunk,
      columnIndex: columnIndexes[at]?.[column],
      offsetIndex: offsetIndexes[at]?.[column],
    })),
  }))
}

async function writeIndexes(
  state: WriterState,
  kind: 'column' | 'offset',
): Promise<(FileRange | undefined)[][]> {
  let offset = state.file.sizeBytes
  const parts: Uint8Array[] = []
  const ranges = state.pageIndexes.map(group =>
    group.map(chunk => {
      const bytes = chunk[kind]
      if (bytes === undefined) return undefined
      const range = { offset, lengthBytes: bytes.length }
      parts.push(bytes)
      offset += bytes.length
      return range
    }),
  )
  if (parts.length > 0) await state.file.write(Buffer.concat(parts))
  return ranges
}

function footerOf(state: WriterState, rowGroups: readonly RowGroup[]): ParquetMetadata {
  const { keyValueMetadata = {} } = state.options
  const pairs = keyValueMetadata instanceof Map ? keyValueMetadata : Object.entries(keyValueMetadata)
  const schema = annotatedSchema(state)
  const paths = leafPaths(schema)
  return {
    schema,
    rowCount: state.rowCount,
    rowGroups: rowGroups.map(group => ({
      ...group,
      columns: group.columns.map((chunk, index) => ({ ...chunk, path: paths[index] ?? chunk.path })),
    })),
    keyValueMetadata: new Map(pairs),
    createdBy: state.first?.createdBy,
    columnOrders: state.first?.columnOrders,
  }
}

/**
 * What the engine does not write: that 16 bytes are a UUID, and `key_value` as the name of a map's entries. The
 * root is named as Iceberg's own writers do.
 */
function annotatedSchema(state: WriterState): SchemaElement[] {
  const uuids = new Set<number>()
  collectUuids(state.fields, uuids)
  const elements = state.first?.schema ?? []
  return elements.map((element, index) => {
    if (index === 0) return { ...element, name: 'table' }
    if (isMapEntries(elements, index)) return { ...element, name: 'key_value' }
    const uuid = element.fieldId !== undefined && uuids.has(element.fieldId)
    return uuid ? { ...element, logicalType: { field_14: {} } } : element
  })
}

/** A map's entries stand right behind it. */
function isMapEntries(elements: readonly SchemaElement[], index: number): boolean {
  return elements[index - 1]?.logicalType?.field_2 !== undefined && elements[index]?.repetition === 'repeated'
}

/** Paths of the leaf columns. */
function leafPaths(elements: readonly SchemaElement[]): string[][] {
  const paths: string[][] = []
  let next = 1
  const walk = (childCount: number, parent: readonly string[]): void => {
    for (let child = 0; child < childCount; child++) {
      const element = elements[next++]
      if (element === undefined) return
      const path = [...parent, element.name]
      if (element.physicalType === undefined) walk(element.childCount, path)
      else paths.push(path)
    }
  }
  walk(elements[0]?.childCount ?? 0, [])
  return paths
}

function collectUuids(fields: readonly Field[], ids: Set<number>): void {
  for (const { id, type } of fields) {
    if (type.kind === 'uuid') ids.add(id)
    else if (type.kind === 'struct') collectUuids(type.fields, ids)
    else if (type.kind === 'list' || type.kind === 'map') collectUuids(childFields(type), ids)
  }
}

function columnStatistics(state: WriterState): ReadonlyMap<number, ParquetColumnStatistics> {
  const sizes = new Map<number, number>()
  const ids = leafIds(state.first?.schema ?? [])
  for (const group of state.rowGroups) {
    for (const [index, chunk] of group.columns.entries()) {
      const id = ids[index]
      if (id !== undefined) sizes.set(id, (sizes.get(id) ?? 0) + chunk.compressedBytes)
    }
  }
  const columns = new Map<number, ParquetColumnStatistics>()
  for (const [id, statistics] of state.statistics.finish()) {
    columns.set(id, { ...statistics, columnSizeBytes: sizes.get(id) ?? 0 })
  }
  return columns
}

function leafIds(schema: readonly SchemaElement[]): (number | undefined)[] {
  return schema.filter(element => element.physicalType !== undefined).map(element => element.fieldId)
}
