/**
 * The page index: where each data page of a chunk stands, and what its values lie between.
 *
 *   file   PAR1 | pages ... | column indexes, one a chunk | offset indexes, one a chunk | footer, which says where | PAR1
 *
 * A column index has a list a property and an item a page; item i is about page i of the offset index.
 * @see https://github.com/apache/parquet-format/blob/master/PageIndex.md
 */
import type { Value } from '../../../schema/types.js'
import { chunkBounds } from './bounds.js'
import type { RawStatistics } from './metadata.js'
import type { LeafColumn } from './schema.js'
import {
  beginStruct,
  createThriftCursor,
  nextField,
  readBooleanItem,
  readBytes,
  readCount,
  readInt,
  readList,
  skipValue,
  type ThriftCursor,
} from './thrift.js'
import {
  createThriftSink,
  type ThriftSink,
  writeBinaryList,
  writeBooleanList,
  writeI32,
  writeI64,
  writeI64List,
  writeStruct,
  writeStructList,
} from './thrift-sink.js'

export interface PageLocation {
  /** Of the page's header, in the file. */
  readonly offset: number
  /** Header included. */
  readonly compressedBytes: number
  /** Within the row group. */
  readonly firstRow: number
}

/** Data pages of a chunk, in order; the dictionary page is not among them. */
export interface OffsetIndex {
  readonly pages: readonly PageLocation[]
  /** Bytes of each page's BYTE_ARRAY values without their lengths. */
  readonly unencodedBytes?: readonly number[] | undefined
}

export type BoundaryOrder = 'unordered' | 'ascending' | 'descending'
const BOUNDARY_ORDERS: readonly BoundaryOrder[] = ['unordered', 'ascending', 'descending']

/** One item a data page in each list. */
export interface ColumnIndex {
  /** No value in the page: nulls and empty lists only. */
  readonly nullPages: readonly boolean[]
  /** Raw bytes; empty for null pages. */
  readonly lower: readonly Uint8Array[]
  readonly upper: readonly Uint8Array[]
  readonly boundaryOrder: BoundaryOrder
  readonly nullCounts?: readonly number[] | undefined
  readonly nanCounts?: readonly number[] | undefined
  /** Histograms of all pages joined: maxRepetition + 1 items a page. */
  readonly repetitionHistograms?: readonly number[] | undefined
  /** maxDefinition + 1 items a page. */
  readonly definitionHistograms?: readonly number[] | undefined
}

/** What a column index, or the page's header, says about one page, as Iceberg values. */
export interface PageStatistics {
  readonly allNull: boolean
  readonly nullCount?: number | undefined
  readonly nanCount?: number | undefined
  /** No greater than any value (NaN left out). */
  readonly lower?: Value | undefined
  readonly upper?: Value | undefined
}

/**
 * Throws RangeError or TypeError on broken bytes, on rows that do not ascend from 0 and on pages that overlap. Whether
 * they lie within the chunk and its rows is for the caller to check.
 */
export function parseOffsetIndex(bytes: Uint8Array): OffsetIndex {
  const cursor = createThriftCursor(bytes)
  let pages: PageLocation[] | undefined
  let unencodedBytes: number[] | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) pages = readList(cursor, readPageLocation)
    else if (cursor.field === 2) unencodedBytes = readList(cursor, readInt)
    else skipValue(cursor)
  }
  return { pages: checkPages(needed(pages)), unencodedBytes }
}

function needed<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('the page index lacks a required field')
  return value
}

function readPageLocation(cursor: ThriftCursor): PageLocation {
  let offset: number | undefined
  let compressedBytes: number | undefined
  let firstRow: number | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) offset = readCount(cursor)
    else if (cursor.field === 2) compressedBytes = readCount(cursor)
    else if (cursor.field === 3) firstRow = readCount(cursor)
    else skipValue(cursor)
  }
  return { offset: needed(offset), compressedBytes: needed(compressedBytes), firstRow: needed(firstRow) }
}

/** Pages without rows occur: some writers leave an empty one. */
function checkPages(pages: readonly PageLocation[]): readonly PageLocation[] {
  let end = 0
  let row = 0
  for (const [index, page] of pages.entries()) {
    const rowsAscend = index === 0 ? page.firstRow === 0 : page.firstRow >= row
    if (!rowsAscend || page.offset < end)
      throw new RangeError('the pages of an offset index are out of order')
    end = page.offset + page.compressedBytes
    row = page.firstRow
  }
  return pages
}

export function serializeOffsetIndex(index: OffsetIndex): Uint8Array {
  const sink = createThriftSink(32 + 16 * index.pages.length)
  writeStruct(sink, index, writeOffsetIndex)
  return sink.bytes.slice(0, sink.length)
}

function writeOffsetIndex(sink: ThriftSink, index: OffsetIndex): void {
  writeStructList(sink, 1, index.pages, writePageLocation)
  writeI64List(sink, 2, index.unencodedBytes)
}

function writePageLocation(sink: ThriftSink, page: PageLocation): void {
  writeI64(sink, 1, page.offset)
  writeI32(sink, 2, page.compressedBytes)
  writeI64(sink, 3, page.firstRow)
}

/** The index of a chunk whose pages stand `delta` bytes further on. */
export function moveOffsetIndex(index: OffsetIndex, delta: number): OffsetIndex {
  return { ...index, pages: index.pages.map(page => ({ ...page, offset: page.offset + delta })) }
}

/** Throws RangeError or TypeError on broken bytes and on lists of unequal lengths. */
export function parseColumnIndex(bytes: Uint8Array): ColumnIndex {
  const cursor = createThriftCursor(bytes)
  let nullPages: boolean[] | undefined
  let lower: Uint8Array[] | undefined
  let upper: Uint8Array[] | undefined
  let boundaryOrder: BoundaryOrder = 'unordered'
  let nullCounts: number[] | undefined
  let repetitionHistograms: number[] | undefined
  let definitionHistograms: number[] | undefined
  let nanCounts: number[] | undefined
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) nullPages = readList(cursor, readBooleanItem)
    else if (cursor.field === 2) lower = readList(cursor, readBytes)
    else if (cursor.field === 3) upper = readList(cursor, readBytes)
    else if (cursor.field === 4) boundaryOrder = BOUNDARY_ORDERS[readInt(cursor)] ?? 'unordered'
    else if (cursor.field === 5) nullCounts = readList(cursor, readInt)
    else if (cursor.field === 6) repetitionHistograms = readList(cursor, readInt)
    else if (cursor.field === 7) definitionHistograms = readList(cursor, readInt)
    else if (cursor.field === 8) nanCounts = readList(cursor, readInt)
    else skipValue(cursor)
  }
  return checkLengths({
    nullPages: needed(nullPages),
    lower: needed(lower),
    upper: needed(upper),
    boundaryOrder,
    nullCounts,
    nanCounts,
    repetitionHistograms,
    definitionHistograms,
  })
}

function checkLengths(index: ColumnIndex): ColumnIndex {
  const count = index.nullPages.length
  for (const list of [index.lower, index.upper, index.nullCounts, index.nanCounts]) {
    if (list !== undefined && list.length !== count) throw new RangeError('a column index lacks pages')
  }
  return index
}

export function serializeColumnIndex(index: ColumnIndex): Uint8Array {
  const sink = createThriftSink(1024)
  writeStruct(sink, index, writeColumnIndex)
  return sink.bytes.slice(0, sink.length)
}

function writeColumnIndex(sink: ThriftSink, index: ColumnIndex): void {
  writeBooleanList(sink, 1, index.nullPages)
  writeBinaryList(sink, 2, index.lower)
  writeBinaryList(sink, 3, index.upper)
  writeI32(sink, 4, BOUNDARY_ORDERS.indexOf(index.boundaryOrder))
  writeI64List(sink, 5, index.nullCounts)
  writeI64List(sink, 6, index.repetitionHistograms)
  writeI64List(sink, 7, index.definitionHistograms)
  writeI64List(sink, 8, index.nanCounts)
}

/** One item a page. Bounds are absent where they cannot be trusted, as those of a chunk are, and inside lists. */
export function pageStatistics(index: ColumnIndex, leaf: LeafColumn): PageStatistics[] {
  return index.nullPages.map((allNull, page) => {
    const nullCount = knownCount(index.nullCounts?.[page])
    const nanCount = knownCount(index.nanCounts?.[page])
    if (allNull) return { allNull, nullCount, nanCount }
    const raw = { lower: index.lower[page], upper: index.upper[page] }
    return { allNull, nullCount, nanCount, ...chunkBounds(raw, leaf) }
  })
}

/** Of a page with so many entries, from what its header says. */
export function statisticsOfPage(raw: RawStatistics, entries: number, leaf: LeafColumn): PageStatistics {
  const { nullCount, nanCount } = raw
  if (nullCount === entries) return { allNull: true, nullCount, nanCount }
  return { allNull: false, nullCount, nanCount, ...chunkBounds(raw, leaf) }
}

/** Some writers say -1 for "not counted". */
function knownCount(count: number | undefined): number | undefined {
  return count === undefined || count < 0 ? undefined : count
}
