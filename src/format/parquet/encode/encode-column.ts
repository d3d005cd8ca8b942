/**
 * A column of a row group as the bytes of its chunks, one for each leaf column.
 *
 *   vectors -> shredded entries -> [dictionary page] data page, data page ... -> page index, statistics, bloom filter
 *
 * A pure function over plain data, so that it runs in a worker as well as inline.
 */
import type { Vector } from '../../../batch/column-batch.js'
import { concatBatches } from '../../../batch/take.js'
import type { PageCodec } from '../../compression.js'
import { type ByteSink, createByteSink, reserve, takeBytes } from '../encoding/byte-sink.js'
import { bloomHashes, buildBloomFilter, serializeBloomFilter } from '../footer/bloom-filter.js'
import {
  Encoding,
  type EncodingStatistics,
  PageType,
  PhysicalType,
  type RawStatistics,
  type SizeStatistics,
} from '../footer/metadata.js'
import type { ColumnIndex, OffsetIndex } from '../footer/page-index.js'
import type { LeafEntries, StoredValues } from '../leaf.js'
import { type ChosenEncoding, chooseEncoding, codeBits } from './choose-encoding.js'
import { type ChunkIndexes, createChunkIndexes, finishIndexes, indexPage } from './chunk-indexes.js'
import { rawBounds } from './cut-bounds.js'
import { type EntryStatistics, mergeEntryStatistics } from './leaf-statistics.js'
import { type PageCut, type PageShape, plainSizes, planPages } from './plan-pages.js'
import { shredColumn } from './shred.js'
import {
  appendDataPage,
  appendDictionaryPage,
  COMPRESSION_GAIN_MIN,
  compress,
  createPageScratch,
  encodePage,
  type PageOptions,
  type PageScratch,
  type PageSource,
} from './write-pages.js'
import type { WriteLeaf, WriteRoot } from './write-schema.js'

export interface ColumnEncodeOptions {
  readonly codec: PageCodec
  /** On the codec's own scale; its default when absent. */
  readonly level?: number | undefined
  /** Bytes of a data page before compression, about. */
  readonly pageBytes: number
  /** Rows of a data page at most. */
  readonly pageRows: number
  readonly pageVersion: 1 | 2
  readonly dictionaryEnabled: boolean
  /** Leaves, by field id, that have a word of their own on it. */
  readonly dictionaryEnabledOf?: ReadonlyMap<number, boolean> | undefined
  /** Field ids of leaves whose chunks and pages carry no statistics. */
  readonly statisticsDisabled?: ReadonlySet<number> | undefined
  /** Bytes of a dictionary page before compression at most. */
  readonly dictionaryBytesMax: number
  /**
   * Which encodings values that are not in a dictionary may have: `plain` is read by every engine; `measured`
   * takes a delta or byte-stream-split encoding where a sample says that it pays. By default `plain` with pages
   * of version 1 and `measured` with version 2.
   */
  readonly encodings?: 'plain' | 'measured' | undefined
  /** Bloom filters asked for, by the field id of the leaf. */
  readonly bloomFilters?: ReadonlyMap<number, BloomFilterRequest> | undefined
  /** Whether pages carry a CRC-32. */
  readonly checksum: boolean
}

export interface BloomFilterRequest {
  /** Distinct values expected in a row group; counted or guessed from its values when absent. */
  readonly ndv?: number | undefined
  /** Share of wrong "maybe" answers aimed at. */
  readonly fpp: number
  readonly maxBytes: number
}

/** Plain data, which structured cloning carries to a worker. */
export interface EncodeJob {
  readonly root: WriteRoot
  /** The rows of the row group, in order; together of any length. */
  readonly vectors: readonly Vector[]
  readonly options: ColumnEncodeOptions
}

export interface EncodedColumn {
  /** One a leaf, in the root's order. */
  readonly chunks: readonly EncodedChunk[]
}

/** A column chunk. Offsets count from its first byte. */
export interface EncodedChunk {
  /** The dictionary page, if there is one, and the data pages, headers included. */
  readonly bytes: Uint8Array
  readonly codec: PageCodec
  /** `Encoding` of parquet.thrift: those of values and of levels, each once. */
  readonly encodings: readonly number[]
  readonly encodingStatistics: readonly EncodingStatistics[]
  /** Entries: values, nulls and empty lists. */
  readonly valueCount: number
  /** Of all pages, headers included. */
  readonly uncompressedBytes: number
  /** Of the dictionary page, header included; 0 when there is none. The first data page begins here. */
  readonly dictionaryPageBytes: number
  readonly offsetIndex: OffsetIndex
  /** Absent when the leaf's values have no order, or a page's bounds cannot be stated. */
  readonly columnIndex?: ColumnIndex | undefined
  readonly sizeStatistics: SizeStatistics
  /** For the footer: bounds may be cut, and say so. */
  readonly statistics: RawStatistics
  /** Exact; `mergeLeafStatistics` makes those of the file of them. */
  readonly leafStatistics: EntryStatistics
  /** The filter as stored: header and bits. */
  readonly bloomFilter?: Uint8Array | undefined
}

/**
 * The chunks of a column.
 * @throws invalid-argument when a required field is null, a vector has not the layout of the field's type, or a
 *   decimal does not fit its precision; unsupported when the codec cannot write
 */
export function encodeColumn(job: EncodeJob): EncodedColumn {
  const { root, options } = job
  const parts = joinSmall(root, job.vectors, options.pageRows).map(vector => shredColumn(root, vector))
  return {
    chunks: root.leaves.map((leaf, index) => {
      const entries = parts.flatMap(part => part[index] ?? [])
      return encodeChunk(leaf, entries, options)
    }),
  }
}

/** Parts end pages, so parts of less than a page are joined; larger ones are not copied. */
function joinSmall(root: WriteRoot, vectors: readonly Vector[], pageRows: number): Vector[] {
  const joined: Vector[] = []
  let small: Vector[] = []
  let rows = 0
  const flush = (): void => {
    if (small.length > 0) joined.push(joinVectors(root, small))
    small = []
    rows = 0
  }
  for (const vector of vectors) {
    if (vector.length === 0) continue
    if (vector.length >= pageRows && rows >= pageRows) flush()
    small.push(vector)
    rows += vector.length
    if (vector.length >= pageRows) flush()
  }
  flush()
  return joined
}

function joinVectors(root: WriteRoot, vectors: readonly Vector[]): Vector {
  const fields = [root.field]
  const batches = vectors.map(vector => ({ length: vector.length, fields, columns: [vector] }))
  const [joined] = concatBatches(fields, batches).columns
  return joined as Vector
}

// ---- a chunk

/** A part of the chunk as its pages are made of it. */
interface ChunkPart {
  readonly source: PageSource
  readonly shape: PageShape
  /** What bounds are taken from. */
  readonly bounded: StoredValues
  /** The row group's row that it begins at. */
  readonly firstRow: number
}

interface ChunkPage {
  readonly part: ChunkPart
  readonly cut: PageCut
}

interface Chunk {
  readonly leaf: WriteLeaf
  readonly chosen: ChosenEncoding
  readonly pages: readonly ChunkPage[]
  readonly options: ColumnEncodeOptions
  readonly bytes: ByteSink
  readonly indexes: ChunkIndexes
  readonly scratch: PageScratch
}

/** What the pages came to. */
interface ChunkSizes {
  readonly codec: PageCodec
  readonly uncompressedBytes: number
  readonly dictionaryPageBytes: number
}

function encodeChunk(
  leaf: WriteLeaf,
  entries: readonly LeafEntries[],
  options: ColumnEncodeOptions,
): EncodedChunk {
  const stored = entries.map(part => part.values)
  const encodings = options.encodings ?? (options.pageVersion === 1 ? 'plain' : 'measured')
  const dictionaryEnabled = options.dictionaryEnabledOf?.get(leaf.fieldId) ?? options.dictionaryEnabled
  const chosen = chooseEncoding(leaf, stored, { ...options, encodings, dictionaryEnabled })
  const pages = chunkPages(leaf, entries, { chosen, options })
  const indexes = createChunkIndexes(leaf)
  const chunk = {
    leaf,
    chosen,
    pages,
    options,
    bytes: createByteSink(0),
    indexes,
    scratch: createPageScratch(),
  }
  const sizes = writeChunk(chunk)
  const { statistics, ...indexed } = finishIndexes(indexes)
  const merged = mergeEntryStatistics(leaf, statistics)
  const isSilent = options.statisticsDisabled?.has(leaf.fieldId) === true
  return {
    bytes: takeBytes(chunk.bytes),
    ...sizes,
    encodings: encodingsOf(leaf, chosen),
    encodingStatistics: encodingStatistics(chosen, pages.length, options.pageVersion),
    valueCount: merged.valueCount,
    ...indexed,
    columnIndex: isSilent ? undefined : indexed.columnIndex,
    statistics: isSilent ? {} : footerStatistics(leaf, merged),
    leafStatistics: ownedBounds(merged),
    bloomFilter: bloomFilter(leaf, chosen, options),
  }
}

function footerStatistics(leaf: WriteLeaf, merged: EntryStatistics): RawStatistics {
  return { nullCount: merged.nullCount, nanCount: merged.nanCount, ...rawBounds(leaf, merged) }
}

/** Bounds point into the column's memory, which is not to be kept for them, nor sent to another thread. */
function ownedBounds(statistics: EntryStatistics): EntryStatistics {
  const { lower, upper } = statistics
  if (!(lower instanceof Uint8Array) || !(upper instanceof Uint8Array)) return statistics
  return { ...statistics, lower: lower.slice(), upper: upper.slice() }
}

function chunkPages(
  leaf: WriteLeaf,
  entries: readonly LeafEntries[],
  how: { readonly chosen: ChosenEncoding; readonly options: ColumnEncodeOptions },
): ChunkPage[] {
  const pages: ChunkPage[] = []
  let firstRow = 0
  for (const [index, part] of entries.entries()) {
    const prepared = chunkPart(leaf, part, { chosen: how.chosen, index, firstRow })
    const cuts = planPages(prepared.shape, how.options)
    for (const cut of cuts) pages.push({ part: prepared, cut })
    firstRow += cuts[cuts.length - 1]?.rowTo ?? 0
  }
  return pages
}

/** Up to this many entries it is faster to see which codes a page has; beyond, numbers are compared as they come. */
const BOUNDED_BY_CODES_MAX = 4_096

function chunkPart(
  leaf: WriteLeaf,
  part: LeafEntries,
  place: { readonly chosen: ChosenEncoding; readonly index: number; readonly firstRow: number },
): ChunkPart {
  const { chosen, index, firstRow } = place
  const { entries, definition, repetition } = part
  const { maxDefinition } = leaf
  const shape = { entries, definition, repetition, maxDefinition }
  if (chosen.dictionary !== undefined) {
    const { encoding, dictionary } = chosen
    const codes = chosen.codes[index] as Int32Array
    const values = { layout: 'codes' as const, codes, dictionaryLength: dictionary.length }
    const bounded =
      part.values.layout === 'fixed-width' && dictionary.length > BOUNDED_BY_CODES_MAX
        ? part.values
        : { layout: 'dictionary' as const, length: codes.length, codes, dictionary }
    return {
      source: { definition, repetition, values, encoding },
      shape: { ...shape, sizes: { bits: codeBits(dictionary.length) } },
      bounded,
      firstRow,
    }
  }
  const { encoding } = chosen
  const values = chosen.values[index] as ChosenPlain
  const source = { definition, repetition, values, encoding }
  return { source, shape: { ...shape, sizes: plainSizes(values) }, bounded: values, firstRow }
}

type ChosenPlain = Exclude<PageSource['values'], { layout: 'codes' }>

function writeChunk(chunk: Chunk): ChunkSizes {
  const { leaf, chosen, pages, options, bytes, scratch } = chunk
  const [first] = pages
  if (first === undefined) return { codec: options.codec, uncompressedBytes: 0, dictionaryPageBytes: 0 }
  const { pageVersion } = options
  const body = encodePage(leaf, first.part.source, first.cut, { scratch, pageVersion })
  const packed = compress(body.bytes, options)
  const codec = savesBytes(chunk, body.bytes.length, packed.length) ? options.codec : 'uncompressed'
  const pageOptions: PageOptions = { ...options, codec }
  reserve(bytes, expectedBytes(chunk, codec === 'uncompressed' ? body.bytes.length : packed.length))
  let uncompressedBytes = 0
  let dictionaryPageBytes = 0
  if (chosen.dictionary !== undefined) {
    const own = { options: pageOptions, scratch: createPageScratch() }
    const written = appendDictionaryPage(bytes, chosen.dictionary, own)
    dictionaryPageBytes = written.compressedBytes
    uncompressedBytes = written.uncompressedBytes
  }
  for (const page of pages) {
    const compressed = page === first && codec === options.codec ? packed : undefined
    const current =
      page === first ? body : encodePage(leaf, page.part.source, page.cut, { scratch, pageVersion })
    uncompressedBytes += writePage(chunk, page, { body: current, compressed, options: pageOptions })
  }
  return { codec, uncompressedBytes, dictionaryPageBytes }
}

/** Pages below this are not worth a look. */
const POOR_PAGE_BYTES_MIN = 4_096

/**
 * Whether to compress, from what the first page came to and, if that is next to nothing, another page and the
 * dictionary. Pages of version 2 decide for themselves.
 */
function savesBytes(chunk: Chunk, bodyBytes: number, packedBytes: number): boolean {
  const { leaf, chosen, pages, options } = chunk
  if (options.codec === 'uncompressed') return true
  if (options.pageVersion === 2 || bodyBytes < POOR_PAGE_BYTES_MIN) return true
  if (isSaving(bodyBytes, packedBytes)) return true
  const middle = pages[pages.length >> 1] as ChunkPage
  const target = { scratch: createPageScratch(), pageVersion: options.pageVersion }
  const { bytes } = encodePage(leaf, middle.part.source, middle.cut, target)
  let plain = bytes.length * pages.length
  let packed = compress(bytes, options).length * pages.length
  if (chosen.dictionary !== undefined) {
    const trial = createByteSink()
    const written = appendDictionaryPage(trial, chosen.dictionary, { options, scratch: target.scratch })
    plain += written.uncompressedBytes
    packed += written.compressedBytes
  }
  return isSaving(plain, packed)
}

function isSaving(plainBytes: number, packedBytes: number): boolean {
  return packedBytes < plainBytes * (1 - COMPRESSION_GAIN_MIN)
}

/** Room for the whole chunk, if its pages are like the first one: growing means copying. */
function expectedBytes({ pages, chosen }: Chunk, firstPageBytes: number): number {
  const [first] = pages
  const rows = first === undefined ? 1 : first.cut.entryTo - first.cut.entryFrom
  const all = pages.reduce((sum, { cut }) => sum + cut.entryTo - cut.entryFrom, 0)
  const dictionaryBytes = (chosen.dictionary?.length ?? 0) * 8
  return Math.ceil((firstPageBytes * all * 1.02) / rows) + dictionaryBytes + pages.length * 64
}

/** Appends the page and says it to the indexes; bytes before compression, header included. */
function writePage(
  chunk: Chunk,
  { part, cut }: ChunkPage,
  page: {
    readonly body: ReturnType<typeof encodePage>
    readonly compressed: Uint8Array | undefined
    readonly options: PageOptions
  },
): number {
  const { bytes, indexes } = chunk
  const entries = cut.entryTo - cut.entryFrom
  const nullCount = entries - (cut.valueTo - cut.valueFrom)
  const counts = { entries, nullCount, rowCount: cut.rowTo - cut.rowFrom, encoding: part.source.encoding }
  const offset = bytes.length
  const written = appendDataPage(bytes, page.body, { ...page, counts })
  indexPage(indexes, {
    offset,
    compressedBytes: written.compressedBytes,
    firstRow: part.firstRow + cut.rowFrom,
    cut,
    definition: part.source.definition,
    repetition: part.source.repetition,
    values: part.bounded,
  })
  return written.uncompressedBytes
}

function encodingsOf(leaf: WriteLeaf, chosen: ChosenEncoding): number[] {
  const encodings = new Set<number>()
  if (chosen.dictionary !== undefined) encodings.add(Encoding.plain)
  if (leaf.maxDefinition > 0 || leaf.maxRepetition > 0) encodings.add(Encoding.rle)
  encodings.add(chosen.encoding)
  return [...encodings]
}

function encodingStatistics(
  chosen: ChosenEncoding,
  pageCount: number,
  pageVersion: 1 | 2,
): EncodingStatistics[] {
  const pageType = pageVersion === 1 ? PageType.data : PageType.dataV2
  const data = { pageType, encoding: chosen.encoding, pageCount }
  if (chosen.dictionary === undefined) return [data]
  return [{ pageType: PageType.dictionary, encoding: Encoding.plain, pageCount: 1 }, data]
}

function bloomFilter(
  leaf: WriteLeaf,
  chosen: ChosenEncoding,
  options: ColumnEncodeOptions,
): Uint8Array | undefined {
  const request = options.bloomFilters?.get(leaf.fieldId)
  const unfit = leaf.physicalType === PhysicalType.boolean || leaf.variantPart !== undefined
  if (request === undefined || unfit) return undefined
  const parts = chosen.dictionary === undefined ? chosen.values : [chosen.dictionary]
  const hashes = parts.flatMap(part => bloomHashes(part) ?? [])
  return serializeBloomFilter(buildBloomFilter(hashes, request))
}
