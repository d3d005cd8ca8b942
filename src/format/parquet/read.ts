/**
 * Reading a Parquet file as column batches: the wanted columns of the wanted rows.
 *
 *   keepRowGroup -> page indexes -> keepPage -> selection -> plan (windows of slices) -> fetch -> decode -> batches
 *
 * The next window's bytes are fetched while one is decoded, and with workers the next slices are decoded while the
 * caller uses one. The bytes that came with the footer are not asked for again, so a small file costs one request
 * in all. A caller that reads some columns of a file before others chooses the rows once and hands them to each read.
 */
import { checkSignal, LakeError } from '../../base/errors.js'
import { borrowShared } from '../../base/shared-memory.js'
import type { Vector } from '../../batch/column-batch.js'
import type { FileIO } from '../../io/file-io.js'
import type { Field } from '../../schema/types.js'
import { type ChunkPlace, readBloomFilters, readDictionaries } from './chunk-filters.js'
import { ownReadEngine } from './decode-slice.js'
import { type BytesOf, fetchRanges, type PageSource } from './fetch-ranges.js'
import type { BloomFilter } from './footer/bloom-filter.js'
import {
  type FooterOptions,
  type ParquetFooter,
  type ParquetRowGroup,
  readParquetFooter,
} from './footer/footer.js'
import type { FileRange } from './footer/metadata.js'
import type { OffsetIndex } from './footer/page-index.js'
import { type PageIndexes, type PageRows, readPageIndexes, rowsOfPages } from './page-pruning.js'
import { type PositionedBatch, positionedBatches } from './positioned-batch.js'
import type { ReadEngine, ReadEngineName, ReadEngineOptions } from './read-engine.js'
import {
  decodedBytes,
  type GroupRows,
  leavesOf,
  planRead,
  type ReadSlice,
  type ReadWindow,
} from './read-plan.js'
import { intersectRanges, type RowRanges, rangesWithin } from './row-ranges.js'
import { scanPages } from './scan-pages.js'

export type { PageRows } from './page-pruning.js'
export type { PositionedBatch } from './positioned-batch.js'

export const BATCH_ROWS_DEFAULT = 65_536
const BUDGET_BYTES_DEFAULT: number = 256 * 1024 * 1024
/** Slices that may be in memory: one in the caller's hands, two being decoded, and one of compressed bytes. */
const SLICES_IN_BUDGET = 4
/** A column whose values are larger than the plan could know may take this many budgets before it is refused. */
const LEAF_BUDGETS = 4
/** Never less than this: a page has its size, however small the budget. */
const LEAF_BYTES_MIN: number = 64 * 1024 * 1024
/** Compressed bytes of a row group from which on headers of pages are worth a request of their own. */
const HEADERS_BYTES_MIN: number = 1024 * 1024

export interface ParquetReadOptions {
  /** Indexes into `fields`, in the order that the batches shall have. */
  readonly columns: readonly number[]
  /** Says which row groups are read; all when absent. */
  readonly keepRowGroup?: ((index: number, group: ParquetRowGroup) => boolean) | undefined
  /**
   * Says which runs of rows within the kept row groups are read, by the page statistics of `pageFieldIds`: a run is
   * rows for which none of those columns changes its page. All are read when absent, and in files without a page index.
   */
  readonly keepPage?: ((rows: PageRows) => boolean) | undefined
  /** Field ids of the leaf columns whose statistics `keepPage` looks at. */
  readonly pageFieldIds?: readonly number[] | undefined
  /** Rows that `choose` found: `keepRowGroup` and `keepPage` are not asked then. */
  readonly chosen?: ChosenRows | undefined
  /** Positions in the file to read; all when absent. Batches tell the position of each row then. */
  readonly selection?: RowRanges | undefined
  /** False fetches nothing before it is asked for: for callers that may stop any time. Default true. */
  readonly readsAhead?: boolean | undefined
  /** Rows of a batch at most; default 65 536. A batch never spans row groups. */
  readonly batchRows?: number | undefined
  /**
   * Bytes that the read may hold, about, the batch in the caller's hands included; default 256 MiB. Rows are decoded in
   * slices to fit it; a column that takes more than four times as much, and more than 64 MiB, is
   * `unsupported`.
   */
  readonly budgetBytes?: number | undefined
  /** Who decodes; serac's own decoder by default. */
  readonly engine?: ReadEngineName | undefined
}

/** What `choose` takes of the options of a read; `columns` are those of all reads that will follow. */
export type ChooseOptions = Pick<ParquetReadOptions, 'columns' | 'keepRowGroup' | 'keepPage' | 'pageFieldIds'>

/** Rows of a file to read, and the page indexes that reading them takes. */
export interface ChosenRows {
  /** In file order, each with a row to read. */
  readonly groups: readonly GroupRows[]
  /** Absent when no page was asked about. */
  readonly indexes?: PageIndexes | undefined
}

export interface ParquetFile {
  readonly footer: ParquetFooter
  readonly fields: readonly Field[]
  readonly rowCount: number
  /**
   * The rows that a read of these options would read, without reading them. One request for page indexes that stand
   * together; none without `keepPage`.
   * @throws corrupt naming location and row group; unavailable
   */
  choose(options: ChooseOptions): Promise<ChosenRows>
  /** The bloom filters of chunks; undefined where there is none to use. @throws unavailable */
  bloomFilters(places: readonly ChunkPlace[]): Promise<readonly (BloomFilter | undefined)[]>
  /** The dictionaries of chunks that hold no other value; undefined elsewhere. @throws unavailable */
  dictionaries(places: readonly ChunkPlace[]): Promise<readonly (Vector | undefined)[]>
  /**
   * The rows in file order.
   * @throws corrupt naming location, row group and column; unsupported, unavailable
   */
  read(options: ParquetReadOptions): AsyncIterable<PositionedBatch>
}

/**
 * Reads the footer.
 * @throws corrupt, unsupported (encrypted), not-found, unavailable
 */
export async function openParquet(
  io: FileIO,
  location: string,
  options: FooterOptions = {},
): Promise<ParquetFile> {
  const footer = await readParquetFooter(io, location, options)
  return parquetFile(io, footer, { signal: options.signal })
}

/** The file of a footer that was read before. */
export function parquetFile(
  io: FileIO,
  footer: ParquetFooter,
  options: { readonly signal?: AbortSignal | undefined } = {},
): ParquetFile {
  const source = { io, footer, signal: options.signal }
  return {
    footer,
    fields: footer.fields,
    rowCount: footer.rowCount,
    choose: request => chooseRows(source, request),
    bloomFilters: places => readBloomFilters(source, places),
    dictionaries: places => readDictionaries(source, places),
    read: request => readBatches(source, request),
  }
}

/** Opens and reads in one call. @throws what both do */
export async function* readParquet(
  io: FileIO,
  location: string,
  options: ParquetReadOptions & FooterOptions,
): AsyncGenerator<PositionedBatch, void, undefined> {
  const file = await openParquet(io, location, options)
  yield* file.read(options)
}

async function* readBatches(
  source: PageSource,
  options: ParquetReadOptions,
): AsyncGenerator<PositionedBatch, void, undefined> {
  const { footer, signal } = source
  const batchRows = Math.max(1, options.batchRows ?? BATCH_ROWS_DEFAULT)
  const fields = checkColumns(footer, options.columns)
  const budgetBytes = options.budgetBytes ?? BUDGET_BYTES_DEFAULT
  const decodedBytesMax = Math.max(LEAF_BYTES_MIN, LEAF_BUDGETS * budgetBytes)
  const request = { footer, columns: options.columns, fields, decodedBytesMax, signal }
  const isWhole = options.engine === 'parquet-wasm'
  const windows = await windowsOf(source, { ...options, isWhole })
  const engine = isWhole ? await wasmEngine(request) : ownReadEngine(request, fetchedBytes(windows))
  const shape = { footer, fields, batchRows, isScattered: options.selection !== undefined }
  const readsAhead = options.readsAhead ?? true
  const held = options.chosen?.indexes?.held
  for await (const { slice, vectors } of decodedSlices({ ...source, held }, windows, {
    engine,
    readsAhead,
  })) {
    checkSignal(signal)
    yield* positionedBatches(slice, vectors, shape)
  }
}

/** Loaded when it is chosen: the module takes longer to start than most reads. */
async function wasmEngine(options: ReadEngineOptions): Promise<ReadEngine> {
  const { wasmReadEngine } = await import('./wasm/read.js')
  return wasmReadEngine(options)
}

function checkColumns(footer: ParquetFooter, columns: readonly number[]): Field[] {
  return columns.map(column => {
    const field = footer.fields[column]
    if (field !== undefined) return field
    const context = { location: footer.location, column }
    throw new LakeError('invalid-argument', 'the parquet file has no such column', { context })
  })
}

/** Row groups with wanted rows; the caller is asked once about each. */
function keptGroups(footer: ParquetFooter, options: Pick<ParquetReadOptions, 'keepRowGroup'>): number[] {
  const kept: number[] = []
  for (const [index, group] of footer.rowGroups.entries()) {
    if (group.rowCount > 0 && (options.keepRowGroup?.(index, group) ?? true)) kept.push(index)
  }
  return kept
}

function compressedBytes(
  footer: ParquetFooter,
  groups: readonly number[],
  columns: readonly number[],
): number {
  const leaves = leavesOf(footer, columns)
  let bytes = 0
  for (const group of groups) {
    const chunks = footer.metadata.rowGroups[group]?.columns
    for (const leaf of leaves) bytes += chunks?.[leaf]?.compressedBytes ?? 0
  }
  return bytes
}

/** Bytes that the windows take: with sparse rows far fewer than their row groups have. */
function fetchedBytes(windows: readonly ReadWindow[]): number {
  let bytes = 0
  for (const { ranges } of windows) for (const range of ranges) bytes += range.lengthBytes
  return bytes
}

async function chooseRows(source: PageSource, options: ChooseOptions): Promise<ChosenRows> {
  const { footer } = source
  const { columns, keepPage } = options
  const groups = keptGroups(footer, options).map((rowGroup): GroupRows => ({ rowGroup }))
  if (keepPage === undefined || groups.length === 0) return { groups }
  const rowGroups = groups.map(group => group.rowGroup)
  const indexes = await readPageIndexes(source, {
    rowGroups,
    leaves: leavesOf(footer, columns),
    statisticsOf: options.pageFieldIds ?? [],
    readsHeaders: compressedBytes(footer, rowGroups, columns) >= HEADERS_BYTES_MIN * rowGroups.length,
  })
  return { groups: keptPages(footer, { groups, indexes, keepPage }), indexes }
}

function keptPages(
  footer: ParquetFooter,
  chosen: {
    readonly groups: readonly GroupRows[]
    readonly indexes: PageIndexes
    readonly keepPage: ParquetReadOptions['keepPage']
  },
): GroupRows[] {
  return chosen.groups
    .map(group => ({ ...group, rows: rowsOfPages(footer, chosen.indexes, group, chosen.keepPage) }))
    .filter(({ rows }) => rows === undefined || rows.length > 0)
}

interface WindowsRequest extends Omit<ParquetReadOptions, 'engine'> {
  /** Chunks are read as a whole, whatever rows are wanted. */
  readonly isWhole: boolean
}

/** The plan; page indexes are read only when they can change it. */
async function windowsOf(source: PageSource, request: WindowsRequest): Promise<ReadWindow[]> {
  const { footer } = source
  const { columns, chosen, selection, isWhole } = request
  const keepPage = chosen === undefined ? request.keepPage : undefined
  const sliceBytesMax = Math.ceil((request.budgetBytes ?? BUDGET_BYTES_DEFAULT) / SLICES_IN_BUDGET)
  const candidates = selectedGroups(footer, request)
  const planned = { columns, sliceBytesMax, growsWindows: request.readsAhead === false }
  const isSparse =
    keepPage !== undefined || selection !== undefined || candidates.some(group => group.rows !== undefined)
  const isLarge = candidates.some(({ rowGroup }) => decodedBytes(footer, rowGroup, columns) > sliceBytesMax)
  if (!isSparse && !isLarge) return planRead(footer, { ...planned, groups: candidates })
  const indexes =
    chosen?.indexes ??
    (await readPageIndexes(source, {
      rowGroups: candidates.map(group => group.rowGroup),
      leaves: isWhole ? [] : leavesOf(footer, columns),
      statisticsOf: keepPage === undefined ? [] : (request.pageFieldIds ?? []),
    }))
  const groups = keptPages(footer, { groups: candidates, indexes, keepPage })
  if (isWhole) return planRead(footer, { ...planned, groups })
  const found = await scannedPages(source, { groups, columns, indexes, bytesMax: sliceBytesMax })
  const offsetIndexOf = (rowGroup: number, leaf: number): OffsetIndex | undefined =>
    indexes.offsetIndexOf(rowGroup, leaf) ?? found.get(`${rowGroup}/${leaf}`)
  return planRead(footer, { ...planned, groups, offsetIndexOf })
}

/** The row groups that the caller wants rows of, with what of them it selected. */
function selectedGroups(footer: ParquetFooter, request: WindowsRequest): GroupRows[] {
  const { chosen, selection } = request
  const groups: readonly GroupRows[] =
    chosen?.groups ?? keptGroups(footer, request).map(rowGroup => ({ rowGroup }))
  return groups
    .map(({ rowGroup, rows }) => {
      const selected = selectedRows(footer, rowGroup, selection)
      return { rowGroup, rows: intersectRanges(rows, selected) }
    })
    .filter(({ rows }) => rows === undefined || rows.length > 0)
}

/** Pages of chunks without an offset index, in row groups whose bytes are too many to be held at once. */
async function scannedPages(
  source: PageSource,
  request: {
    readonly groups: readonly GroupRows[]
    readonly columns: readonly number[]
    readonly indexes: PageIndexes
    readonly bytesMax: number
  },
): Promise<ReadonlyMap<string, OffsetIndex>> {
  const { footer } = source
  const found = new Map<string, OffsetIndex>()
  for (const { rowGroup } of request.groups) {
    if (compressedBytes(footer, [rowGroup], request.columns) <= request.bytesMax) continue
    for (const leaf of leavesOf(footer, request.columns)) {
      if (request.indexes.offsetIndexOf(rowGroup, leaf) !== undefined) continue
      const index = await scanPages(source, { rowGroup, leaf })
      if (index !== undefined) found.set(`${rowGroup}/${leaf}`, index)
    }
  }
  return found
}

/** The part of the selection that is in a row group, counted from its first row. */
function selectedRows(
  footer: ParquetFooter,
  rowGroup: number,
  selection: RowRanges | undefined,
): RowRanges | undefined {
  const group = footer.rowGroups[rowGroup]
  if (selection === undefined || group === undefined) return undefined
  return rangesWithin(selection, group.firstRow, group.firstRow + group.rowCount)
}

interface DecodedSlice {
  readonly slice: ReadSlice
  readonly vectors: readonly Vector[]
}

/** The slices in order, as many of them in work as the engine says. */
async function* decodedSlices(
  source: PageSource,
  windows: readonly ReadWindow[],
  { engine, readsAhead }: { readonly engine: ReadEngine; readonly readsAhead: boolean },
): AsyncGenerator<DecodedSlice, void, undefined> {
  const inWork: Promise<DecodedSlice>[] = []
  const slicesAhead = readsAhead ? engine.slicesAhead : 0
  const fetch = (index: number): Promise<FetchedWindow> =>
    started(() => fetchWindow(source, windows[index], engine))
  let next: Promise<FetchedWindow> | undefined
  for (const [index, { slices }] of windows.entries()) {
    const window = await (next ?? fetch(index))
    next = readsAhead && index + 1 < windows.length ? fetch(index + 1) : undefined
    let left = slices.length
    for (const slice of slices) {
      checkSignal(source.signal)
      const decode = async (): Promise<DecodedSlice> => {
        const vectors = await engine.decode({ slice, bytesOf: window.bytesOf })
        if (--left === 0) window.release()
        return { slice, vectors }
      }
      inWork.push(started(decode))
      const first = inWork.length > slicesAhead ? inWork.shift() : undefined
      if (first !== undefined) yield await first
    }
  }
  for (const decoded of inWork) yield await decoded
}

/** Begins; a failure is thrown where the result is awaited, even if that never happens. */
function started<T>(work: () => Promise<T>): Promise<T> {
  const result = work()
  result.catch(() => undefined)
  return result
}

interface FetchedWindow {
  readonly bytesOf: BytesOf
  /** When the bytes are not needed any more; without it their memory is garbage like any other. */
  release(): void
}

async function fetchWindow(
  source: PageSource,
  window: ReadWindow | undefined,
  engine: ReadEngine,
): Promise<FetchedWindow> {
  const ranges = window?.ranges ?? []
  const sizeBytes = ranges.reduce((sum, range) => sum + range.lengthBytes, 0)
  const block = engine.readsShared ? borrowShared(sizeBytes) : undefined
  let filled = 0
  const placeFor = (range: FileRange): Uint8Array | undefined => {
    filled += range.lengthBytes
    return block?.bytes.subarray(filled - range.lengthBytes, filled)
  }
  const bytesOf = await fetchRanges(source, ranges, placeFor)
  return { bytesOf, release: () => block?.release() }
}
