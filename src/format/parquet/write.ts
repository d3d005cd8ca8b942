/**
 * Writing a Parquet file from column batches.
 *
 *   batches -> row group full? -> engine encodes its columns -> chunks appended, their metadata kept -> ...
 *           -> bloom filters, column indexes, offset indexes, one footer at the end
 *
 * While a row group is encoded on workers the caller fills the next one. Statistics of the result come out of the
 * same pass as the pages.
 * @see Iceberg table spec, "Appendix A: Format-specific Requirements", "Parquet"
 */
import { LakeError } from '../../base/errors.js'
import { VERSION } from '../../base/version.js'
import type { ColumnBatch } from '../../batch/column-batch.js'
import { concatBatches, sliceBatch } from '../../batch/take.js'
import type { FileIO, FileWriter, IoOptions } from '../../io/file-io.js'
import type { Field } from '../../schema/types.js'
import type { PageCodec } from '../compression.js'
import { checkBatch } from './encode/check-batch.js'
import type { BloomFilterRequest, ColumnEncodeOptions, EncodedChunk } from './encode/encode-column.js'
import { type LeafStatistics, mergeLeafStatistics } from './encode/leaf-statistics.js'
import { type WriteLeaf, type WriteSchema, writeSchema } from './encode/write-schema.js'
import { ownWriteEngine } from './encode-row-group.js'
import {
  CODEC_NAMES,
  type ColumnChunk,
  type FileRange,
  PARQUET_MAGIC,
  type RowGroup,
  type SortingColumn,
} from './footer/metadata.js'
import { moveOffsetIndex, serializeColumnIndex, serializeOffsetIndex } from './footer/page-index.js'
import { serializeFooter } from './footer/serialize-footer.js'
import { batchBytes } from './shared-vector.js'
import type { WriteEngine, WriteEngineName, WriteEngineOptions } from './write-engine.js'

export const ROW_GROUP_ROWS_DEFAULT = 262_144
export const ROW_GROUP_BYTES_DEFAULT: number = 128 * 1024 * 1024
export const PAGE_BYTES_DEFAULT: number = 1024 * 1024
export const PAGE_ROWS_DEFAULT = 20_000
export const DICTIONARY_BYTES_DEFAULT: number = 2 * 1024 * 1024
/** Levels where ours is not the codec's own default: zstd's is 3, a third slower for files 2 % smaller. */
const LEVEL_DEFAULT: Partial<Record<ParquetCodec, number>> = { zstd: 1 }
/** Batches below this many rows are joined before they are encoded. */
const SMALL_BATCH_ROWS = 4_096
/** Compressed size over size in memory, before the first row group says better. */
const COMPRESSION_GUESS = 0.35
/** Bytes of row groups, in memory, that may be in work before `write` waits. */
const IN_WORK_BYTES_MAX = 96 * 1024 * 1024

/** Codecs that can be written. */
export type ParquetCodec = Exclude<PageCodec, 'lzo' | 'lz4'>

export interface ParquetWriteOptions extends IoOptions {
  /** Every field with its id. Columns of type unknown are not stored. */
  readonly fields: readonly Field[]
  /** Rows of a row group at most; default 262 144. */
  readonly rowGroupRows?: number | undefined
  /** Bytes of a row group in memory, before encoding, at most; default 128 MiB. */
  readonly rowGroupBytes?: number | undefined
  /** Bytes of a data page before compression, about; default 1 MiB. */
  readonly pageBytes?: number | undefined
  /** Rows of a data page at most; default 20 000. */
  readonly pageRows?: number | undefined
  /**
   * Default 1, whose pages and encodings every engine reads. 2 adds delta and byte-stream-split encodings where a
   * sample says that they pay.
   */
  readonly pageVersion?: 1 | 2 | undefined
  readonly codec: ParquetCodec
  /** On the codec's own scale; default zstd 1, gzip 6, brotli 1. */
  readonly level?: number | undefined
  /** False writes no dictionary pages; by default columns have one where it makes them smaller. */
  readonly dictionaryEnabled?: boolean | undefined
  /** Leaf columns, by field id, that have a word of their own on dictionaries. */
  readonly dictionaryEnabledOf?: ReadonlyMap<number, boolean> | undefined
  /** Field ids of leaf columns whose chunks and pages carry no statistics; the manifest's are made all the same. */
  readonly statisticsDisabled?: ReadonlySet<number> | undefined
  /** Bytes of a dictionary page before compression at most; default 2 MiB. */
  readonly dictionaryBytes?: number | undefined
  /** Bloom filters by the field id of the leaf column. */
  readonly bloomFilters?: ReadonlyMap<number, BloomFilterRequest> | undefined
  /** How the rows are sorted: the caller's word, written to the footer of every row group. */
  readonly sortingColumns?: readonly ParquetSortKey[] | undefined
  /** Whether pages carry a CRC-32; default true. */
  readonly pageChecksum?: boolean | undefined
  readonly keyValueMetadata?: ReadonlyMap<string, string> | Readonly<Record<string, string>> | undefined
  /** Who encodes; serac's own encoder by default. */
  readonly engine?: WriteEngineName | undefined
}

export interface ParquetSortKey {
  /** Of a leaf column. */
  readonly fieldId: number
  readonly descending: boolean
  readonly nullsFirst: boolean
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
   * Takes rows of the writer's fields; the batch is kept until its row group is encoded and may not be changed.
   * @throws invalid-argument (a null in a required field) for a batch that is not taken, the writer goes on; a fault of
   *   a row group, a decimal beyond its precision or an unavailable store, by this call or a later one, at the latest
   *   by `close`
   */
  write(batch: ColumnBatch): Promise<void>
  /** Finishes the file; it is durable and visible when the promise resolves. */
  close(): Promise<ParquetWriteResult>
  /** Leaves nothing behind; harmless after `close`. */
  abort(): Promise<void>
}

interface WriterState {
  readonly options: ParquetWriteOptions
  readonly schema: WriteSchema
  readonly leaves: readonly WriteLeaf[]
  readonly engine: WriteEngine
  readonly file: FileWriter
  readonly rowGroups: WrittenRowGroup[]
  pending: ColumnBatch[]
  pendingRows: number
  pendingBytes: number
  /** Bytes in memory of the row groups being encoded. */
  inWorkBytes: number
  /** Settles when the row groups before are in the file; fails with the first fault. */
  appended: Promise<void>
  rowCount: number
  /** Of the row groups in the file: what they took there and in memory. */
  encodedBytes: number
  plainBytes: number
}

/** A row group in the file: its chunks without their bytes. */
interface WrittenRowGroup {
  readonly offset: number
  readonly rowCount: number
  readonly chunks: readonly WrittenChunk[]
}

type WrittenChunk = Omit<EncodedChunk, 'bytes'> & { readonly range: FileRange }

/** Loaded when it is chosen: the module takes longer to start than most writes. */
async function wasmEngine(options: WriteEngineOptions): Promise<WriteEngine> {
  const { wasmWriteEngine } = await import('./wasm/write.js')
  return wasmWriteEngine(options)
}

/** @throws invalid-argument for fields that Parquet cannot hold, unsupported, unavailable, denied */
export async function openParquetWriter(
  io: FileIO,
  location: string,
  options: ParquetWriteOptions,
): Promise<ParquetWriter> {
  const schema = writeSchema(options.fields)
  const request = { fields: options.fields, schema, encoding: encodeOptions(options) }
  const state: WriterState = {
    options,
    schema,
    leaves: schema.roots.flatMap(root => root.leaves),
    engine: options.engine === 'parquet-wasm' ? await wasmEngine(request) : ownWriteEngine(request),
    file: await io.openWriter(location, { signal: options.signal }),
    rowGroups: [],
    pending: [],
    pendingRows: 0,
    pendingBytes: 0,
    inWorkBytes: 0,
    appended: Promise.resolve(),
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
    abort: async () => {
      // What is in work would go on to write.
      await state.appended.catch(() => undefined)
      await state.file.abort()
    },
  }
}

function encodeOptions(options: ParquetWriteOptions): ColumnEncodeOptions {
  return {
    codec: options.codec,
    level: options.level ?? LEVEL_DEFAULT[options.codec],
    pageBytes: options.pageBytes ?? PAGE_BYTES_DEFAULT,
    pageRows: options.pageRows ?? PAGE_ROWS_DEFAULT,
    pageVersion: options.pageVersion ?? 1,
    dictionaryEnabled: options.dictionaryEnabled ?? true,
    dictionaryEnabledOf: options.dictionaryEnabledOf,
    statisticsDisabled: options.statisticsDisabled,
    dictionaryBytesMax: options.dictionaryBytes ?? DICTIONARY_BYTES_DEFAULT,
    bloomFilters: options.bloomFilters,
    checksum: options.pageChecksum ?? true,
  }
}

function estimatedSize(state: WriterState): number {
  const ratio = state.plainBytes === 0 ? COMPRESSION_GUESS : state.encodedBytes / state.plainBytes
  return Math.ceil(state.file.sizeBytes + (state.pendingBytes + state.inWorkBytes) * ratio)
}

async function takeBatchIn(state: WriterState, batch: ColumnBatch): Promise<void> {
  const { rowGroupRows = ROW_GROUP_ROWS_DEFAULT, rowGroupBytes = ROW_GROUP_BYTES_DEFAULT } = state.options
  if (batch.length === 0) return
  checkBatch(batch, state.schema)
  state.rowCount += batch.length
  const rowBytes = batchBytes(batch) / batch.length
  for (let from = 0; from < batch.length; ) {
    const byBytes = Math.ceil((rowGroupBytes - state.pendingBytes) / Math.max(rowBytes, 1))
    const room = Math.max(1, Math.min(rowGroupRows - state.pendingRows, byBytes))
    const to = Math.min(from + room, batch.length)
    state.pending.push(from === 0 && to === batch.length ? batch : sliceBatch(batch, from, to))
    state.pendingRows += to - from
    state.pendingBytes += rowBytes * (to - from)
    if (state.pendingRows >= rowGroupRows || state.pendingBytes >= rowGroupBytes) await flushRowGroup(state)
    from = to
  }
}

/** Gives the pending rows to the engine, and waits until the row groups in work are few enough. */
async function flushRowGroup(state: WriterState): Promise<void> {
  const { pending, pendingRows: rowCount, pendingBytes: plainBytes } = state
  if (rowCount === 0) return
  state.pending = []
  state.pendingRows = 0
  state.pendingBytes = 0
  state.inWorkBytes += plainBytes
  const encoded = state.engine.encode(joinedSmall(state, pending, rowCount))
  const before = state.appended
  const appended = before.then(async () => appendRowGroup(state, await encoded, { rowCount, plainBytes }))
  state.appended = appended
  // Both are awaited by whoever comes next; until then their faults are not unhandled.
  encoded.catch(() => undefined)
  appended.catch(() => undefined)
  await (state.inWorkBytes > IN_WORK_BYTES_MAX ? appended : before)
}

function joinedSmall(
  state: WriterState,
  batches: readonly ColumnBatch[],
  rowCount: number,
): readonly ColumnBatch[] {
  const small = rowCount / batches.length < SMALL_BATCH_ROWS && batches.length > 1
  return small ? [concatBatches(state.options.fields, batches)] : batches
}

async function appendRowGroup(
  state: WriterState,
  chunks: readonly EncodedChunk[],
  group: { readonly rowCount: number; readonly plainBytes: number },
): Promise<void> {
  const { file } = state
  if (file.sizeBytes === 0) await file.write(PARQUET_MAGIC)
  const offset = file.sizeBytes
  const written: WrittenChunk[] = []
  for (const { bytes, ...chunk } of chunks) {
    written.push({ ...chunk, range: { offset: file.sizeBytes, lengthBytes: bytes.length } })
    await file.write(bytes)
  }
  state.rowGroups.push({ offset, rowCount: group.rowCount, chunks: written })
  state.inWorkBytes -= group.plainBytes
  state.plainBytes += group.plainBytes
  state.encodedBytes += file.sizeBytes - offset
}

async function finish(state: WriterState): Promise<ParquetWriteResult> {
  await flushRowGroup(state)
  await state.appended
  const { file } = state
  if (file.sizeBytes === 0) await file.write(PARQUET_MAGIC)
  const indexes = await writeIndexes(state)
  await file.write(
    serializeFooter({
      schema: state.schema.elements,
      rowCount: state.rowCount,
      rowGroups: state.rowGroups.map((group, at) => footerRowGroup(state, group, { at, indexes })),
      keyValueMetadata: keyValuePairs(state.options),
      createdBy: `serac version ${VERSION}`,
    }),
  )
  const { sizeBytes } = file
  await file.close()
  const splitOffsets = state.rowGroups.map(group => group.offset)
  return { sizeBytes, rowCount: state.rowCount, splitOffsets, columns: columnStatistics(state) }
}

function keyValuePairs({ keyValueMetadata = {} }: ParquetWriteOptions): ReadonlyMap<string, string> {
  return new Map(keyValueMetadata instanceof Map ? keyValueMetadata : Object.entries(keyValueMetadata))
}

/** Where bloom filters and page indexes of the chunks stand, by row group and leaf. */
interface WrittenIndexes {
  readonly bloomFilters: readonly (readonly (FileRange | undefined)[])[]
  readonly columnIndexes: readonly (readonly (FileRange | undefined)[])[]
  readonly offsetIndexes: readonly (readonly (FileRange | undefined)[])[]
}

/** Each kind in one range of the file, as readers expect them. */
async function writeIndexes(state: WriterState): Promise<WrittenIndexes> {
  return {
    bloomFilters: await writeParts(state, chunk => chunk.bloomFilter),
    columnIndexes: await writeParts(
      state,
      chunk => chunk.columnIndex && serializeColumnIndex(chunk.columnIndex),
    ),
    offsetIndexes: await writeParts(state, chunk =>
      serializeOffsetIndex(moveOffsetIndex(chunk.offsetIndex, chunk.range.offset)),
    ),
  }
}

async function writeParts(
  state: WriterState,
  partOf: (chunk: WrittenChunk) => Uint8Array | undefined,
): Promise<(FileRange | undefined)[][]> {
  let offset = state.file.sizeBytes
  const parts: Uint8Array[] = []
  const ranges = state.rowGroups.map(group =>
    group.chunks.map(chunk => {
      const bytes = partOf(chunk)
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

function footerRowGroup(
  state: WriterState,
  group: WrittenRowGroup,
  { at, indexes }: { readonly at: number; readonly indexes: WrittenIndexes },
): RowGroup {
  return {
    rowCount: group.rowCount,
    uncompressedBytes: group.chunks.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0),
    columns: group.chunks.map((chunk, leaf) => ({
      ...columnChunk(chunk, state.leaves[leaf] as WriteLeaf),
      bloomFilter: indexes.bloomFilters[at]?.[leaf],
      columnIndex: indexes.columnIndexes[at]?.[leaf],
      offsetIndex: indexes.offsetIndexes[at]?.[leaf],
    })),
    sortingColumns: sortingColumns(state),
    ordinal: at <= 0x7fff ? at : undefined,
  }
}

function columnChunk(chunk: WrittenChunk, leaf: WriteLeaf): ColumnChunk {
  const { offset, lengthBytes } = chunk.range
  return {
    physicalType: leaf.physicalType,
    encodings: chunk.encodings,
    path: leaf.path,
    codec: CODEC_NAMES.indexOf(chunk.codec),
    valueCount: chunk.valueCount,
    uncompressedBytes: chunk.uncompressedBytes,
    compressedBytes: lengthBytes,
    dataPageOffset: offset + chunk.dictionaryPageBytes,
    dictionaryPageOffset: chunk.dictionaryPageBytes > 0 ? offset : undefined,
    statistics: chunk.statistics,
    encodingStatistics: chunk.encodingStatistics,
    sizeStatistics: chunk.sizeStatistics,
  }
}

/** @throws invalid-argument when a sort key is no leaf column */
function sortingColumns(state: WriterState): SortingColumn[] | undefined {
  return state.options.sortingColumns?.map(({ fieldId, descending, nullsFirst }) => {
    const leaf = state.leaves.findIndex(candidate => candidate.fieldId === fieldId)
    if (leaf >= 0) return { leaf, descending, nullsFirst }
    throw new LakeError('invalid-argument', 'a sort key is no column of the file', { context: { fieldId } })
  })
}

function columnStatistics(state: WriterState): ReadonlyMap<number, ParquetColumnStatistics> {
  const columns = new Map<number, ParquetColumnStatistics>()
  for (const [at, leaf] of state.leaves.entries()) {
    const chunks = state.rowGroups.flatMap(group => group.chunks[at] ?? [])
    const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.range.lengthBytes, 0)
    const first = columns.get(leaf.fieldId)
    // The second leaf of a variant adds its bytes.
    if (first !== undefined)
      columns.set(leaf.fieldId, { ...first, columnSizeBytes: first.columnSizeBytes + sizeBytes })
    else {
      const statistics = mergeLeafStatistics(
        leaf,
        chunks.map(chunk => chunk.leafStatistics),
      )
      columns.set(leaf.fieldId, { ...statistics, columnSizeBytes: sizeBytes })
    }
  }
  return columns
}
