/**
 * What is known about the pages of a chunk, page by page as they are written: where they are, what their values lie
 * between, how large those are. It becomes the chunk's column index, offset index and size statistics.
 * @see https://github.com/apache/parquet-format/blob/master/PageIndex.md
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift "SizeStatistics"
 */

import { PhysicalType, type SizeStatistics } from '../footer/metadata.js'
import type { BoundaryOrder, ColumnIndex, OffsetIndex, PageLocation } from '../footer/page-index.js'
import type { StoredValues } from '../leaf.js'
import { codedBytes } from './choose-encoding.js'
import { type RawBounds, rawBounds } from './cut-bounds.js'
import {
  type Bound,
  boundsOf,
  compareBounds,
  type EntryStatistics,
  hasNaN,
  hasOrder,
} from './leaf-statistics.js'
import type { PageCut } from './plan-pages.js'
import type { WriteLeaf } from './write-schema.js'

export interface ChunkIndexes {
  readonly leaf: WriteLeaf
  readonly locations: PageLocation[]
  readonly statistics: EntryStatistics[]
  /** As stored in the column index. */
  readonly bounds: (RawBounds | undefined)[]
  /** Of BYTE_ARRAY columns. */
  readonly unencodedBytes: number[]
  /** Of repeated columns, maxRepetition + 1 a page. */
  readonly repetitionHistograms: number[]
  /** Of columns with more than two levels, maxDefinition + 1 a page: nulls are counted otherwise. */
  readonly definitionHistograms: number[]
}

export interface IndexedPage extends PageLocation {
  readonly cut: PageCut
  readonly definition: Uint8Array | undefined
  readonly repetition: Uint8Array | undefined
  /** Of the part of the chunk that the page is cut from. */
  readonly values: StoredValues
}

export function createChunkIndexes(leaf: WriteLeaf): ChunkIndexes {
  return {
    leaf,
    locations: [],
    statistics: [],
    bounds: [],
    unencodedBytes: [],
    repetitionHistograms: [],
    definitionHistograms: [],
  }
}

/** Takes the next page in. */
export function indexPage(indexes: ChunkIndexes, page: IndexedPage): void {
  const { leaf } = indexes
  const { cut, values, offset, compressedBytes, firstRow } = page
  indexes.locations.push({ offset, compressedBytes, firstRow })
  const valueCount = cut.entryTo - cut.entryFrom
  const nullCount = valueCount - (cut.valueTo - cut.valueFrom)
  const range = { from: cut.valueFrom, to: cut.valueTo }
  const bounds = boundsOf(leaf, values, range)
  indexes.statistics.push({ valueCount, nullCount, ...bounds })
  indexes.bounds.push(rawBounds(leaf, bounds))
  if (leaf.physicalType === PhysicalType.byteArray) indexes.unencodedBytes.push(byteCount(values, range))
  if (leaf.maxRepetition > 0) {
    const levels = { levels: page.repetition, highest: leaf.maxRepetition, all: 0 }
    appendHistogram(indexes.repetitionHistograms, cut, levels)
  }
  if (leaf.maxDefinition > 1) {
    const levels = { levels: page.definition, highest: leaf.maxDefinition, all: leaf.maxDefinition }
    appendHistogram(indexes.definitionHistograms, cut, levels)
  }
}

function byteCount(values: StoredValues, range: { readonly from: number; readonly to: number }): number {
  const strings = values.layout === 'dictionary' ? values.dictionary : values
  if (strings.layout !== 'var-bytes') return 0
  if (values.layout === 'dictionary') return codedBytes(strings.offsets, values.codes, range)
  return (strings.offsets[range.to] as number) - (strings.offsets[range.from] as number)
}

function appendHistogram(
  histograms: number[],
  cut: PageCut,
  page: { readonly levels: Uint8Array | undefined; readonly highest: number; readonly all: number },
): void {
  const { levels, highest, all } = page
  const counts = new Uint32Array(highest + 1)
  if (levels === undefined) counts[all] = cut.entryTo - cut.entryFrom
  else {
    for (let entry = cut.entryFrom; entry < cut.entryTo; entry++) {
      const level = levels[entry] as number
      counts[level] = (counts[level] as number) + 1
    }
  }
  histograms.push(...counts)
}

export interface FinishedIndexes {
  /** One a page. */
  readonly statistics: readonly EntryStatistics[]
  readonly offsetIndex: OffsetIndex
  readonly columnIndex: ColumnIndex | undefined
  readonly sizeStatistics: SizeStatistics
}

export function finishIndexes(indexes: ChunkIndexes): FinishedIndexes {
  const { leaf, statistics, unencodedBytes } = indexes
  const bytes = leaf.physicalType === PhysicalType.byteArray ? unencodedBytes : undefined
  return {
    statistics,
    offsetIndex: { pages: indexes.locations, unencodedBytes: bytes },
    columnIndex: columnIndex(indexes),
    sizeStatistics: {
      unencodedBytes: bytes?.reduce((sum, page) => sum + page, 0),
      repetitionHistogram: totals(indexes.repetitionHistograms, leaf.maxRepetition + 1),
      definitionHistogram: totals(indexes.definitionHistograms, leaf.maxDefinition + 1),
    },
  }
}

/** The sum of all pages' histograms; undefined when there are none. */
function totals(histograms: readonly number[], length: number): number[] | undefined {
  if (histograms.length === 0) return undefined
  const sums = new Array<number>(length).fill(0)
  for (const [at, count] of histograms.entries()) sums[at % length] = (sums[at % length] as number) + count
  return sums
}

const NO_BOUND = new Uint8Array(0)

/** There is none when the leaf has no order, or a page has values but no bounds (NaN only, or too long a string). */
function columnIndex(indexes: ChunkIndexes): ColumnIndex | undefined {
  const { leaf, statistics, bounds } = indexes
  const nullPages = statistics.map(page => page.nullCount === page.valueCount)
  const unbounded = bounds.some((page, at) => page === undefined && nullPages[at] === false)
  if (!hasOrder(leaf) || unbounded || statistics.length === 0) return undefined
  return {
    nullPages,
    lower: bounds.map(page => page?.lower ?? NO_BOUND),
    upper: bounds.map(page => page?.upper ?? NO_BOUND),
    boundaryOrder: boundaryOrder(indexes),
    nullCounts: statistics.map(page => page.nullCount),
    nanCounts: hasNaN(leaf) ? statistics.map(page => page.nanCount ?? 0) : undefined,
    repetitionHistograms: listed(indexes.repetitionHistograms),
    definitionHistograms: listed(indexes.definitionHistograms),
  }
}

function listed(histograms: readonly number[]): readonly number[] | undefined {
  return histograms.length === 0 ? undefined : histograms
}

/** Of the bounds as stored, null pages left out. */
function boundaryOrder({ leaf, statistics, bounds }: ChunkIndexes): BoundaryOrder {
  let ascending = true
  let descending = true
  let before: { readonly lower: Bound; readonly upper: Bound } | undefined
  for (const [at, raw] of bounds.entries()) {
    const { lower, upper } = statistics[at] ?? {}
    if (raw === undefined || lower === undefined || upper === undefined) continue
    const bytes = lower instanceof Uint8Array
    const page = bytes ? { lower: raw.lower, upper: raw.upper } : { lower, upper }
    if (before !== undefined) {
      const low = compareBounds(leaf, before.lower, page.lower)
      const high = compareBounds(leaf, before.upper, page.upper)
      if (low > 0 || high > 0) ascending = false
      if (low < 0 || high < 0) descending = false
    }
    before = page
  }
  return ascending ? 'ascending' : descending ? 'descending' : 'unordered'
}
