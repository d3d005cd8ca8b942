/**
 * The pages of one leaf to its levels and stored values.
 *
 *   v1   decompress( [repetition] [definition] values )        v2   [repetition] [definition] decompress( values )
 *
 * Every page goes through the same steps: levels, values, and - if only some of its rows are wanted - those kept.
 * Flat columns without nulls have no work per entry but the value kernel itself: a run of definition levels that
 * covers the page is seen as such, and nothing is allocated for levels before the first null.
 */
import { LakeError } from '../../../base/errors.js'
import type { DecimalVector } from '../../../batch/column-batch.js'
import { decompressPage, type PageCodec } from '../../compression.js'
import { decodePlain } from '../encoding/plain.js'
import { createValueSink, finishSink, type PlainValues } from '../encoding/value-sink.js'
import { Encoding } from '../footer/metadata.js'
import type { DataPageHeader, DataPageHeaderV2 } from '../footer/page-header.js'
import type { LeafColumn } from '../footer/schema.js'
import type { LeafEntries, StoredValues } from '../leaf.js'
import { countRows, type RowRanges, rangesWithin } from '../row-ranges.js'
import {
  appendPageValues,
  type ChunkCounts,
  checkBytes,
  createLeafValues,
  finishLeafValues,
  isCodes,
  type LeafValues,
  storedBytes,
  valueBytes,
} from './leaf-values.js'
import { constantLevel, countZeros, type EncodedLevels, readLevels } from './levels.js'
import {
  type ChunkPages,
  type DataPage,
  type DictionaryPage,
  listPages,
  type PageSpan,
} from './list-pages.js'
import { pageParts } from './page-parts.js'
import { entryRangesOf, isAll, keepLevels, valueRangesOf } from './select-rows.js'

/** What one leaf of a column is decoded from; plain data. */
export interface LeafJob {
  readonly leaf: LeafColumn
  readonly codec: PageCodec
  /** The dictionary page with its header when no span has it. */
  readonly dictionary?: Uint8Array | undefined
  /** In the order of their rows. Without an offset index one span is the whole chunk. */
  readonly spans: readonly PageSpan[]
  /** Entries of the chunk, when the spans are all of it: bytes behind its last page are not looked at then. */
  readonly entries?: number | undefined
}

export interface LeafRequest {
  /** Rows of the row group. */
  readonly groupRows: number
  /** The wanted rows; all when absent. */
  readonly rows?: RowRanges | undefined
  /** The most bytes that the leaf may decode to. */
  readonly decodedBytesMax: number
}

/** As `LeafEntries`, decimals already of their type. */
export interface DecodedLeaf extends Omit<LeafEntries, 'values'> {
  readonly values: StoredValues | DecimalVector
}

interface Reading {
  readonly job: LeafJob
  readonly request: LeafRequest
  readonly values: LeafValues
  /** Room for levels. */
  readonly capacity: number
  /** Absent before the first null. */
  definition: Uint8Array | undefined
  repetition: Uint8Array | undefined
  /** How many are in the level arrays, whether or not these exist. */
  entries: number
  /** The row that the next entry begins, if it begins one. */
  row: number
  rowsKept: number
}

/**
 * Decodes the wanted rows. Throws plain errors when the bytes are broken.
 * @throws unsupported for encodings that are not built, and above the limit
 */
export function decodeLeaf(job: LeafJob, request: LeafRequest): DecodedLeaf {
  const { leaf, spans, dictionary, entries } = job
  const flat = leaf.maxRepetition === 0
  const { groupRows, rows } = request
  const pages = listPages({ spans, dictionary, entries, flat, groupRows, rows })
  const reading = startReading(job, request, pages)
  for (const [index, page] of pages.data.entries()) {
    decodePageAt(reading, page, index)
    if (rows !== undefined && reading.row > (rows[rows.length - 1] as number)) break
  }
  const wanted = rows === undefined ? groupRows : countRows(rows)
  if (reading.rowsKept !== wanted) throw new RangeError('the pages hold another number of rows')
  return {
    entries: reading.entries,
    definition: reading.definition?.subarray(0, reading.entries),
    repetition: reading.repetition?.subarray(0, reading.entries),
    values: finishLeafValues(reading.values),
  }
}

function decodePageAt(reading: Reading, page: DataPage, index: number): void {
  try {
    decodePage(reading, page)
  } catch (cause) {
    if (cause instanceof LakeError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new RangeError(`data page ${index}: ${reason}`, { cause })
  }
}

function startReading(job: LeafJob, request: LeafRequest, pages: ChunkPages): Reading {
  const { leaf } = job
  const { decodedBytesMax } = request
  const counts = countPages(pages, decodedBytesMax)
  const capacity = entriesNeeded(leaf, request, counts)
  // A writer whose dictionary grew too large goes on without: these pages do not need it.
  const isCoded = counts.codedEntries > 0 || counts.entries === 0
  const dictionary =
    isCoded && pages.dictionary ? decodeDictionary(job, request, pages.dictionary) : undefined
  const values = createLeafValues(leaf, {
    counts,
    capacity,
    rowsWanted: leaf.maxRepetition === 0 && request.rows !== undefined ? countRows(request.rows) : undefined,
    dictionary,
    bytesMax: decodedBytesMax,
  })
  return {
    job,
    request,
    values,
    capacity,
    definition: undefined,
    repetition: leaf.maxRepetition > 0 ? new Uint8Array(capacity) : undefined,
    entries: 0,
    row: 0,
    rowsKept: 0,
  }
}

function countPages(pages: ChunkPages, bytesMax: number): ChunkCounts {
  const counts = { entries: 0, codedEntries: 0, plainEntries: 0, pageEntries: 0, storedBytes: 0 }
  for (const { header } of pages.data) {
    checkBytes(header.uncompressedBytes, bytesMax)
    counts.entries += header.entries
    counts.pageEntries = Math.max(counts.pageEntries, header.entries)
    if (isCodes(header.encoding)) counts.codedEntries += header.entries
    else counts.storedBytes += header.uncompressedBytes
    if (header.encoding === Encoding.plain) counts.plainEntries += header.entries
  }
  return counts
}

/** Entries that are there at a time: those kept and one page. */
function entriesNeeded(leaf: LeafColumn, { rows }: LeafRequest, counts: ChunkCounts): number {
  const flat = leaf.maxRepetition === 0
  return flat && rows !== undefined
    ? Math.min(counts.entries, countRows(rows) + counts.pageEntries)
    : counts.entries
}

/**
 * The values of a dictionary page alone, header included; undefined when the bytes begin with another page. Throws
 * plain errors when the bytes are broken.
 * @throws unsupported for encodings that are not built, and above the limit
 */
export function decodeDictionaryPage(
  chunk: Pick<LeafJob, 'leaf' | 'codec'>,
  bytes: Uint8Array,
  decodedBytesMax: number,
): PlainValues | undefined {
  const { dictionary } = listPages({ dictionary: bytes, spans: [], flat: true, groupRows: 1 })
  return dictionary && decodeDictionary(chunk, { decodedBytesMax }, dictionary)
}

function decodeDictionary(
  job: Pick<LeafJob, 'leaf' | 'codec'>,
  request: Pick<LeafRequest, 'decodedBytesMax'>,
  { header, body }: DictionaryPage,
): PlainValues {
  if (header.encoding !== Encoding.plain && header.encoding !== Encoding.plainDictionary) {
    throw new LakeError('unsupported', 'the encoding of a parquet dictionary is not built')
  }
  checkBytes(header.uncompressedBytes, request.decodedBytesMax)
  const bytes = decompressPage(job.codec, body, header.uncompressedBytes)
  const { entries } = header
  if (entries * storedBytes(job.leaf) > bytes.length) throw new RangeError('the dictionary is cut off')
  checkBytes(entries * valueBytes(job.leaf), request.decodedBytesMax)
  const { physicalType = -1, typeLength } = job.leaf.element
  const sink = createValueSink({ physicalType, typeLength }, entries)
  decodePlain({ bytes, offset: 0, end: bytes.length }, entries, sink)
  return finishSink(sink)
}

function decodePage(reading: Reading, page: DataPage): void {
  const { leaf } = reading.job
  const { entries } = page.header
  const parts = pageParts(leaf, reading.job.codec, page)
  const from = reading.entries
  if (from + entries > reading.capacity) throw new RangeError('the page has too many entries')
  if (page.firstRow !== undefined) reading.row = page.firstRow
  const rows = readRepetition(reading, parts.repetition, { entries, atRow: page.firstRow !== undefined })
  const values = readDefinition(reading, parts.definition, entries)
  const stored = { source: parts.values, encoding: page.header.encoding, count: values }
  checkRowCount(page.header, rows)
  const kept = keptEntries(reading, { entries, rows })
  reading.row += rows
  if (kept === undefined) {
    appendPageValues(reading.values, stored)
    reading.entries += entries
    reading.rowsKept += rows
    return
  }
  if (kept.length === 0) return
  const { definition, repetition } = reading
  const keptValues =
    values === entries || definition === undefined
      ? kept
      : valueRangesOf(definition, from, { ranges: kept, max: leaf.maxDefinition })
  appendPageValues(reading.values, { ...stored, kept: keptValues })
  if (definition !== undefined) keepLevels(definition, from, kept)
  if (repetition !== undefined) keepLevels(repetition, from, kept)
  reading.entries = from + countRows(kept)
  reading.rowsKept +=
    repetition === undefined ? countRows(kept) : countZeros(repetition, from, reading.entries)
}

/** Appends the page's repetition levels; the rows that begin in the page. */
function readRepetition(
  reading: Reading,
  levels: EncodedLevels | undefined,
  { entries, atRow }: { readonly entries: number; readonly atRow: boolean },
): number {
  const { repetition, entries: from } = reading
  if (levels === undefined || repetition === undefined) return entries
  readLevels(levels, repetition, from)
  if (atRow && entries > 0 && repetition[from] !== 0) throw new RangeError('a page begins inside a row')
  return countZeros(repetition, from, from + entries)
}

/** The rows that a header states are where the next page begins. */
function checkRowCount(header: DataPageHeader | DataPageHeaderV2, rows: number): void {
  if (header.kind === 'data-v2' && header.rowCount !== rows) {
    throw new RangeError('the page has another number of rows')
  }
}

/** Appends the page's definition levels; how many of its entries are values. */
function readDefinition(reading: Reading, levels: EncodedLevels | undefined, entries: number): number {
  const { entries: from, capacity } = reading
  const max = reading.job.leaf.maxDefinition
  if (levels === undefined) return entries
  if (entries === 0) return 0
  const constant = constantLevel(levels)
  if (constant !== undefined && constant > max)
    throw new RangeError('a level is higher than the schema allows')
  if (constant === max) {
    reading.definition?.fill(max, from, from + entries)
    return entries
  }
  reading.definition ??= new Uint8Array(capacity).fill(max, 0, from)
  if (constant === undefined) return readLevels(levels, reading.definition, from)
  reading.definition.fill(constant, from, from + entries)
  return 0
}

/** The page's entries that belong to wanted rows, counted from its first; undefined when all do. */
function keptEntries(
  reading: Reading,
  { entries, rows }: { readonly entries: number; readonly rows: number },
): RowRanges | undefined {
  const { repetition, row, request } = reading
  if (request.rows === undefined) return undefined
  if (repetition === undefined) {
    const kept = rangesWithin(request.rows, row, row + rows)
    return isAll(kept, entries) ? undefined : kept
  }
  const page = { from: reading.entries, to: reading.entries + entries }
  const kept = entryRangesOf(repetition, page, { firstRow: row, rows: request.rows })
  return isAll(kept, entries) ? undefined : kept
}
