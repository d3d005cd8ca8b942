/**
 * What a column chunk says about its values beside statistics: its bloom filter, and its dictionary where every page is
 * coded by it, so that no other value is there. Both are hints: one that cannot be used, a broken one too, is none.
 *
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Dictionary Encoding"
 */
import { LakeError } from '../../base/errors.js'
import type { Vector } from '../../batch/column-batch.js'
import { decodeDictionaryPage } from './decode/decode-pages.js'
import { logicalValues } from './decode/logical-values.js'
import { type BytesOf, fetchRanges, type PageSource } from './fetch-ranges.js'
import {
  BLOOM_HEADER_BYTES_MAX,
  type BloomFilter,
  bloomFilterLength,
  parseBloomFilter,
} from './footer/bloom-filter.js'
import type { ParquetFooter } from './footer/footer.js'
import { CODEC_NAMES, type ColumnChunk, Encoding, type FileRange, PageType } from './footer/metadata.js'
import { coalesced } from './read-plan.js'

/** A column chunk: a leaf column of a row group. */
export interface ChunkPlace {
  readonly rowGroup: number
  readonly leaf: number
}

/** A dictionary larger than this is not worth reading twice. */
const DICTIONARY_BYTES_MAX: number = 16 * 1024 * 1024
/** A filter of unknown length is taken to have Iceberg's default for the most. */
const BLOOM_BYTES_GUESS: number = 1024 * 1024

/** Bytes to fetch for the chunk's bloom filter, about; undefined when it has none. */
export function bloomFilterBytesOf(footer: ParquetFooter, place: ChunkPlace): number | undefined {
  const bloom = chunkOf(footer, place)?.bloomFilter
  if (bloom === undefined) return undefined
  return isInTail(footer, bloom.offset) ? 0 : (bloom.lengthBytes ?? BLOOM_BYTES_GUESS)
}

/** Bytes to fetch for the dictionary that has all values of the chunk; undefined when there is none. */
export function dictionaryBytesOf(footer: ParquetFooter, place: ChunkPlace): number | undefined {
  const range = dictionaryRange(chunkOf(footer, place))
  if (range === undefined) return undefined
  return isInTail(footer, range.offset) ? 0 : range.lengthBytes
}

function chunkOf(footer: ParquetFooter, { rowGroup, leaf }: ChunkPlace): ColumnChunk | undefined {
  const chunk = footer.metadata.rowGroups[rowGroup]?.columns[leaf]
  return chunk?.encrypted || chunk?.filePath ? undefined : chunk
}

function isInTail(footer: ParquetFooter, offset: number): boolean {
  return offset >= footer.tail.offset
}

/**
 * The bloom filters of chunks, one a place; undefined where there is none to use. Near ones are one request; filters
 * whose length the footer leaves out take two.
 * @throws unavailable
 */
export async function readBloomFilters(
  source: PageSource,
  places: readonly ChunkPlace[],
): Promise<(BloomFilter | undefined)[]> {
  const { footer } = source
  const inFile = (range: FileRange): boolean =>
    range.offset >= 4 && range.lengthBytes > 0 && range.offset + range.lengthBytes <= footer.sizeBytes
  const heads = places.map(place => headRange(footer, place))
  const headBytes = await fetchRanges(source, coalesced(heads.filter(isThere).filter(inFile)))
  const wholes = heads.map(head =>
    head !== undefined && inFile(head) ? wholeRange(head, headBytes(head)) : undefined,
  )
  const missing = wholes.filter((whole, index): whole is FileRange => {
    return whole !== undefined && inFile(whole) && whole.lengthBytes > (heads[index]?.lengthBytes ?? 0)
  })
  const restBytes = missing.length === 0 ? headBytes : await fetchRanges(source, coalesced(missing))
  return wholes.map((whole, index) => {
    if (whole === undefined || !inFile(whole)) return undefined
    const isShort = whole.lengthBytes > (heads[index]?.lengthBytes ?? 0)
    return unlessBroken(() => parseBloomFilter((isShort ? restBytes : headBytes)(whole)))
  })
}

/** The filter's bytes when the footer says how many, else enough for its header. */
function headRange(footer: ParquetFooter, place: ChunkPlace): FileRange | undefined {
  const bloom = chunkOf(footer, place)?.bloomFilter
  if (bloom === undefined) return undefined
  const { offset, lengthBytes } = bloom
  return { offset, lengthBytes: lengthBytes ?? Math.min(BLOOM_HEADER_BYTES_MAX, footer.sizeBytes - offset) }
}

function wholeRange(head: FileRange, bytes: Uint8Array): FileRange | undefined {
  const lengthBytes = unlessBroken(() => bloomFilterLength(bytes))
  return lengthBytes === undefined ? undefined : { offset: head.offset, lengthBytes }
}

function isThere<T>(value: T | undefined): value is T {
  return value !== undefined
}

/**
 * The dictionaries of chunks as vectors of the leaves' types, one a place: every value of the chunk is among them.
 * Undefined where a page may hold others.
 * @throws unavailable
 */
export async function readDictionaries(
  source: PageSource,
  places: readonly ChunkPlace[],
): Promise<(Vector | undefined)[]> {
  const { footer } = source
  const ranges = places.map(place => dictionaryRange(chunkOf(footer, place)))
  const bytesOf = await fetchRanges(source, coalesced(ranges.filter(isThere)))
  return places.map((place, index) => {
    const range = ranges[index]
    return range === undefined ? undefined : dictionaryOf(footer, place, { range, bytesOf })
  })
}

function dictionaryOf(
  footer: ParquetFooter,
  place: ChunkPlace,
  { range, bytesOf }: { readonly range: FileRange; readonly bytesOf: BytesOf },
): Vector | undefined {
  const chunk = chunkOf(footer, place)
  const leaf = footer.schema.leaves[place.leaf]
  const codec = chunk && CODEC_NAMES[chunk.codec]
  if (leaf === undefined || codec === undefined) return undefined
  return unlessBroken(() => {
    const stored = decodeDictionaryPage({ leaf, codec }, bytesOf(range), DICTIONARY_BYTES_MAX)
    return stored && logicalValues(stored, leaf)
  })
}

/** Where the dictionary page stands, of chunks whose data pages are all coded by it. */
function dictionaryRange(chunk: ColumnChunk | undefined): FileRange | undefined {
  const offset = chunk?.dictionaryPageOffset
  if (chunk === undefined || offset === undefined || offset < 4 || !isAllCoded(chunk)) return undefined
  const lengthBytes = chunk.dataPageOffset - offset
  return lengthBytes > 0 && lengthBytes <= DICTIONARY_BYTES_MAX ? { offset, lengthBytes } : undefined
}

/**
 * Without statistics of encodings only the list is left: writers of version 1 name PLAIN_DICTIONARY, and beside it
 * nothing but the encodings of levels. RLE_DICTIONARY is always listed with PLAIN, which may be the dictionary's own.
 */
function isAllCoded({ encodings, encodingStatistics }: ColumnChunk): boolean {
  if (encodingStatistics !== undefined) {
    const data = encodingStatistics.filter(
      ({ pageType }) => pageType === PageType.data || pageType === PageType.dataV2,
    )
    return data.length > 0 && data.every(({ encoding, pageCount }) => isCode(encoding) || pageCount === 0)
  }
  return (
    encodings.includes(Encoding.plainDictionary) &&
    encodings.every(
      encoding =>
        encoding === Encoding.plainDictionary || encoding === Encoding.rle || encoding === Encoding.bitPacked,
    )
  )
}

function isCode(encoding: number): boolean {
  return encoding === Encoding.plainDictionary || encoding === Encoding.rleDictionary
}

/** What is broken, or not built, is not used: the rows themselves tell more about it when they are read. */
function unlessBroken<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    const isExpected =
      error instanceof RangeError ||
      error instanceof TypeError ||
      (error instanceof LakeError && (error.kind === 'corrupt' || error.kind === 'unsupported'))
    if (isExpected) return undefined
    throw error
  }
}
