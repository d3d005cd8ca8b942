/**
 * Reading a Parquet file as column batches: the wanted columns of the wanted row groups, one row group decoded at a
 * time, the bytes of the next ones fetched meanwhile.
 *
 * The bytes that came with the footer are not asked for again, so a small file costs one request in all.
 */
import { mapBounded } from '../../base/concurrency.js'
import { checkSignal, errorText, LakeError } from '../../base/errors.js'
import type { ColumnBatch } from '../../batch/column-batch.js'
import type { FileIO } from '../../io/file-io.js'
import type { Field, Type } from '../../schema/types.js'
import { arrowSchemaText, batchesFromIpc } from '../arrow.js'
import {
  type FileTail,
  type FooterOptions,
  type ParquetFooter,
  type ParquetRowGroup,
  readParquetFooter,
} from './footer.js'
import { type FileRange, PhysicalType } from './metadata.js'
import { decodeRowGroup } from './wasm-engine.js'
import { buildRowGroupFile, planWindows, type ReadWindow, rowsPerDecode } from './wasm-row-group.js'

export const BATCH_ROWS_DEFAULT = 65_536
const PARALLEL_RANGES = 8

export interface ParquetReadOptions {
  /** Indexes into `fields`, in the order that the batches shall have. */
  readonly columns: readonly number[]
  /** Says which row groups are read; all when absent. */
  readonly keepRowGroup?: ((index: number, group: ParquetRowGroup) => boolean) | undefined
  /** Rows of a batch at most; default 65 536. A batch never spans row groups. */
  readonly batchRows?: number | undefined
}

export interface PositionedBatch {
  /** Position in the file of the batch's first row. */
  readonly firstRow: number
  readonly batch: ColumnBatch
}

export interface ParquetFile {
  readonly footer: ParquetFooter
  readonly fields: readonly Field[]
  readonly rowCount: number
  /**
   * The rows in file order. Memory: the compressed bytes of two windows (8 MiB or one row group each) and the
   * decoded rows of one row group, or of a part of a large one.
   * @throws corrupt naming location and row group, unsupported, unavailable
   */
  read(options: ParquetReadOptions): AsyncIterable<PositionedBatch>
}

/**
 * Reads the footer.
 * @throws corrupt, not-found, unavailable
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
  return {
    footer,
    fields: footer.fields,
    rowCount: footer.rowCount,
    read: request => readBatches({ io, footer, signal: options.signal }, request),
  }
}

interface Source {
  readonly io: FileIO
  readonly footer: ParquetFooter
  readonly signal: AbortSignal | undefined
}

/** Parts of the file in memory, and which row groups they serve. */
interface FetchedWindow {
  readonly rowGroups: readonly number[]
  readonly parts: readonly FileTail[]
}

async function* readBatches(source: Source, options: ParquetReadOptions): AsyncIterable<PositionedBatch> {
  const { footer } = source
  const batchRows = Math.max(1, options.batchRows ?? BATCH_ROWS_DEFAULT)
  const fields = checkColumns(footer, options.columns)
  const kept: number[] = []
  for (const [index, group] of footer.rowGroups.entries()) {
    if (group.rowCount > 0 && (options.keepRowGroup?.(index, group) ?? true)) kept.push(index)
  }
  if (fields.length === 0) {
    for (const index of kept) yield* rowsWithoutColumns(footer.rowGroups[index], batchRows)
    return
  }
  const decoder = decoderOf(source, { fields, columns: options.columns, batchRows })
  const windows = planWindows(footer, kept, options.columns)
  let next = startFetch(source, windows[0])
  for (let index = 0; index < windows.length; index++) {
    const window = await next
    next = startFetch(source, windows[index + 1])
    if (window === undefined) continue
    for (const rowGroup of window.rowGroups) yield* decoder(rowGroup, window)
  }
}

function checkColumns(footer: ParquetFooter, columns: readonly number[]): Field[] {
  return columns.map(column => {
    const field = footer.fields[column]
    if (field === undefined) {
      throw new LakeError('invalid-argument', 'the parquet file has no such column', {
        context: { location: footer.location, column },
      })
    }
    const refused = undecodableKind(field.type)
    if (refused !== undefined) {
      throw new LakeError('unsupported', 'columns of the type cannot be read from parquet yet', {
        context: { location: footer.location, field: field.name, type: refused },
      })
    }
    return field
  })
}

function undecodableKind(type: Type): string | undefined {
  switch (type.kind) {
    case 'variant':
      return type.kind
    case 'decimal':
      return type.precision > 38 ? type.kind : undefined
    case 'struct':
      return type.fields.map(field => undecodableKind(field.type)).find(kind => kind !== undefined)
    case 'list':
      return undecodableKind(type.element)
    case 'map':
      return undecodableKind(type.key) ?? undecodableKind(type.value)
    default:
      return undefined
  }
}

function* rowsWithoutColumns(
  group: ParquetRowGroup | undefined,
  batchRows: number,
): Iterable<PositionedBatch> {
  if (group === undefined) return
  for (let row = 0; row < group.rowCount; row += batchRows) {
    const length = Math.min(batchRows, group.rowCount - row)
    yield { firstRow: group.firstRow + row, batch: { length, fields: [], columns: [] } }
  }
}

/** Begins to fetch; a failure is thrown where the result is awaited, even if that never happens. */
function startFetch(source: Source, window: ReadWindow | undefined): Promise<FetchedWindow | undefined> {
  if (window === undefined) return Promise.resolve(undefined)
  const fetched = fetchWindow(source, window)
  fetched.catch(() => undefined)
  return fetched
}

async function fetchWindow(source: Source, window: ReadWindow): Promise<FetchedWindow> {
  const { footer, io, signal } = source
  const parts = await mapBounded(
    window.ranges,
    async range => {
      if (range.offset >= footer.tail.offset) return footer.tail
      const bytes = await io.read(footer.location, { range, signal })
      if (bytes.length === range.lengthBytes) return { offset: range.offset, bytes }
      throw new LakeError('corrupt', 'the parquet file is shorter than its footer says', {
        context: { location: footer.location, offset: range.offset },
      })
    },
    { limit: PARALLEL_RANGES, signal },
  )
  return { rowGroups: window.rowGroups, parts }
}

function bytesIn(window: FetchedWindow, range: FileRange): Uint8Array {
  for (const { offset, bytes } of window.parts) {
    const from = range.offset - offset
    if (from >= 0 && from + range.lengthBytes <= bytes.length)
      return bytes.subarray(from, from + range.lengthBytes)
  }
  throw new RangeError('a planned range was not fetched')
}

type RowGroupDecoder = (rowGroup: number, window: FetchedWindow) => Iterable<PositionedBatch>

function decoderOf(
  source: Source,
  request: {
    readonly fields: readonly Field[]
    readonly columns: readonly number[]
    readonly batchRows: number
  },
): RowGroupDecoder {
  const { footer, signal } = source
  const { fields, columns } = request
  const keyValueMetadata = unitHints(footer, columns)
  return function* decode(rowGroup, window) {
    const group = footer.rowGroups[rowGroup]
    if (group === undefined) return
    const bytesOf = (range: FileRange): Uint8Array => bytesIn(window, range)
    const file = buildRowGroupFile(footer, { rowGroup, columns, bytesOf, keyValueMetadata })
    const limitRows = rowsPerDecode(footer, rowGroup, columns)
    const batchRows = Math.min(request.batchRows, limitRows)
    let row = 0
    for (let offsetRows = 0; offsetRows < group.rowCount; offsetRows += limitRows) {
      const streams = decodeRowGroup(file, { batchRows, offsetRows, limitRows })
      for (const batch of decoded(streams, { fields, location: footer.location, rowGroup })) {
        checkSignal(signal)
        yield { firstRow: group.firstRow + row, batch }
        row += batch.length
      }
    }
    if (row !== group.rowCount) throw corruptRowGroup(footer.location, rowGroup, 'rows are missing')
  }
}

function* decoded(
  streams: Iterable<Uint8Array>,
  place: { readonly fields: readonly Field[]; readonly location: string; readonly rowGroup: number },
): Iterable<ColumnBatch> {
  const iterator = streams[Symbol.iterator]()
  try {
    for (;;) {
      const batches = nextBatches(iterator, place)
      if (batches === undefined) return
      yield* batches
    }
  } finally {
    iterator.return?.()
  }
}

/** Only the engine's own faults are called corrupt, not those of who takes the batches. */
function nextBatches(
  iterator: Iterator<Uint8Array>,
  place: { readonly fields: readonly Field[]; readonly location: string; readonly rowGroup: number },
): ColumnBatch[] | undefined {
  try {
    const step = iterator.next()
    return step.done ? undefined : batchesFromIpc(step.value, place.fields)
  } catch (cause) {
    if (cause instanceof LakeError && cause.kind !== 'corrupt') throw cause
    throw corruptRowGroup(place.location, place.rowGroup, cause)
  }
}

function corruptRowGroup(location: string, rowGroup: number, cause: unknown): LakeError {
  const context = { location, rowGroup, reason: errorText(cause) }
  return new LakeError('corrupt', 'the rows of the parquet file cannot be decoded', { context, cause })
}

/**
 * INT96 says no unit and the engine would take nanoseconds, which end in the year 2262. The Arrow schema that
 * writers may leave in the footer is where it takes a unit from, so we leave one there: ours, in micros.
 */
function unitHints(
  footer: ParquetFooter,
  columns: readonly number[],
): ReadonlyMap<string, string> | undefined {
  const { roots, leaves } = footer.schema
  const anyInt96 = columns.some(column => {
    const root = roots[column]
    return leaves
      .slice(root?.leafFrom, root?.leafTo)
      .some(leaf => leaf.element.physicalType === PhysicalType.int96)
  })
  if (!anyInt96) return undefined
  const fields = columns.flatMap(column => footer.fields[column] ?? [])
  return new Map([['ARROW:schema', arrowSchemaText(fields)]])
}
