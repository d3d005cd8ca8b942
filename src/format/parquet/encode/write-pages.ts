/**
 * The pages of a column chunk as bytes.
 *
 *   v1   header | compressed( length, repetition levels | length, definition levels | values )
 *   v2   header | repetition levels | definition levels | compressed( values )
 *
 * Levels are there only where the column has any. An optional column without nulls has one run of definition levels.
 * @see https://github.com/apache/parquet-format "Data Pages"
 */
import { crc32 } from 'node:zlib'
import { compressPage, type PageCodec } from '../../compression.js'
import {
  type ByteSink,
  createByteSink,
  reserve,
  setUint32,
  writeBytes,
  writeUint32,
  writeVarint32,
  writtenBytes,
} from '../encoding/byte-sink.js'
import { encodeHybrid } from '../encoding/hybrid.js'
import { encodePlain } from '../encoding/plain.js'
import type { PlainValues } from '../encoding/value-sink.js'
import { Encoding } from '../footer/metadata.js'
import { serializePageHeader } from '../footer/page-header.js'
import { codeBits, valueEncoder } from './choose-encoding.js'
import type { PageCut } from './plan-pages.js'
import type { WriteLeaf } from './write-schema.js'

export interface PageOptions {
  readonly codec: PageCodec
  readonly level?: number | undefined
  readonly pageVersion: 1 | 2
  /** Whether pages carry a CRC-32. */
  readonly checksum: boolean
}

/** Entries to make pages of: levels, and values or codes. */
export interface PageSource {
  readonly definition?: Uint8Array | undefined
  readonly repetition?: Uint8Array | undefined
  readonly values: PlainValues | PageCodes
  /** A number of `Encoding`. */
  readonly encoding: number
}

/** Codes into a dictionary. */
export interface PageCodes {
  readonly layout: 'codes'
  readonly codes: Int32Array
  readonly dictionaryLength: number
}

/** A page before compression. The bytes are good until the next page is encoded. */
export interface PageBody {
  /** Version 1: levels and values; version 2: values. */
  readonly bytes: Uint8Array
  /** Version 2. */
  readonly repetition: Uint8Array
  readonly definition: Uint8Array
}

/** What pages of a chunk are put together in, again and again. */
export interface PageScratch {
  readonly body: ByteSink
  readonly levels: ByteSink
}

export function createPageScratch(): PageScratch {
  return { body: createByteSink(1 << 16), levels: createByteSink() }
}

const NO_BYTES = new Uint8Array(0)

/** Encodes the levels and values of a page. */
export function encodePage(
  leaf: WriteLeaf,
  source: PageSource,
  page: PageCut,
  target: { readonly scratch: PageScratch; readonly pageVersion: 1 | 2 },
): PageBody {
  const { body, levels } = target.scratch
  body.length = 0
  levels.length = 0
  if (target.pageVersion === 1) {
    if (leaf.maxRepetition > 0)
      writeSizedLevels(body, source.repetition, { page, level: leaf.maxRepetition, all: 0 })
    if (leaf.maxDefinition > 0) {
      const level = leaf.maxDefinition
      writeSizedLevels(body, source.definition, { page, level, all: level })
    }
    const plain = body.length === 0 ? plainBytes(source, page) : undefined
    if (plain === undefined) writeValues(body, source, page)
    return { bytes: plain ?? writtenBytes(body), repetition: NO_BYTES, definition: NO_BYTES }
  }
  if (leaf.maxRepetition > 0)
    writeLevels(levels, source.repetition, { page, level: leaf.maxRepetition, all: 0 })
  const repetitionBytes = levels.length
  if (leaf.maxDefinition > 0) {
    const level = leaf.maxDefinition
    writeLevels(levels, source.definition, { page, level, all: level })
  }
  const plain = plainBytes(source, page)
  if (plain === undefined) writeValues(body, source, page)
  return {
    bytes: plain ?? writtenBytes(body),
    repetition: levels.bytes.subarray(0, repetitionBytes),
    definition: levels.bytes.subarray(repetitionBytes, levels.length),
  }
}

interface LevelRun {
  readonly page: PageCut
  /** The highest one. */
  readonly level: number
  /** The level of all entries when there is no array of them. */
  readonly all: number
}

function writeSizedLevels(sink: ByteSink, levels: Uint8Array | undefined, run: LevelRun): void {
  const at = sink.length
  writeUint32(sink, 0)
  writeLevels(sink, levels, run)
  setUint32(sink.bytes, at, sink.length - at - 4)
}

function writeLevels(sink: ByteSink, levels: Uint8Array | undefined, { page, level, all }: LevelRun): void {
  const bitWidth = 32 - Math.clz32(level)
  const { entryFrom: from, entryTo: to } = page
  if (levels !== undefined) encodeHybrid(sink, levels, { from, to, bitWidth })
  else if (to > from) {
    // Levels are below 256: one byte.
    writeVarint32(sink, (to - from) << 1)
    reserve(sink, 1)
    sink.bytes[sink.length++] = all
  }
}

/** The page's values when their memory is their encoding. */
function plainBytes({ values, encoding }: PageSource, page: PageCut): Uint8Array | undefined {
  if (encoding !== Encoding.plain) return undefined
  const { valueFrom: from, valueTo: to } = page
  if (values.layout === 'fixed-width') {
    const { buffer, byteOffset, BYTES_PER_ELEMENT: width } = values.values
    return new Uint8Array(buffer, byteOffset + from * width, (to - from) * width)
  }
  if (values.layout === 'fixed-bytes') {
    return values.bytes.subarray(from * values.widthBytes, to * values.widthBytes)
  }
  return undefined
}

function writeValues(sink: ByteSink, { values, encoding }: PageSource, page: PageCut): void {
  const range = { from: page.valueFrom, to: page.valueTo }
  if (values.layout !== 'codes') {
    valueEncoder(encoding)(sink, values, range)
    return
  }
  const bitWidth = codeBits(values.dictionaryLength)
  reserve(sink, 1)
  sink.bytes[sink.length++] = bitWidth
  encodeHybrid(sink, values.codes, { ...range, bitWidth })
}

// ---- pages into the chunk

/** Where a page was put. */
export interface WrittenPage {
  /** Header included. */
  readonly compressedBytes: number
  readonly uncompressedBytes: number
}

export interface DataPageCounts {
  readonly entries: number
  readonly nullCount: number
  readonly rowCount: number
  readonly encoding: number
}

/**
 * Below this saving pages are stored as they are. One thread decompresses some 700 MB/s and object stores give a reader
 * 100 to 200 MB/s, so a saved tenth of the bytes costs about what it brings.
 */
export const COMPRESSION_GAIN_MIN = 0.1

/** Compresses the page and appends it. `compressed` is the body compressed, when the caller did so already. */
export function appendDataPage(
  chunk: ByteSink,
  body: PageBody,
  page: {
    readonly counts: DataPageCounts
    readonly options: PageOptions
    readonly compressed?: Uint8Array | undefined
  },
): WrittenPage {
  const { counts, options } = page
  const packed = page.compressed ?? compress(body.bytes, options)
  if (options.pageVersion === 1) {
    const { entries, encoding } = counts
    const header = serializePageHeader({
      kind: 'data',
      entries,
      encoding,
      definitionEncoding: Encoding.rle,
      repetitionEncoding: Encoding.rle,
      compressedBytes: packed.length,
      uncompressedBytes: body.bytes.length,
      crc: options.checksum ? checksum([packed]) : undefined,
    })
    return append(chunk, [header, packed], header.length + body.bytes.length)
  }
  return appendVersion2(chunk, body, { counts, options, packed })
}

function appendVersion2(
  chunk: ByteSink,
  body: PageBody,
  page: { readonly counts: DataPageCounts; readonly options: PageOptions; readonly packed: Uint8Array },
): WrittenPage {
  const { repetition, definition, bytes } = body
  const { counts, options, packed } = page
  const compressed =
    options.codec !== 'uncompressed' && packed.length < bytes.length * (1 - COMPRESSION_GAIN_MIN)
  const values = compressed ? packed : bytes
  const levelBytes = repetition.length + definition.length
  const header = serializePageHeader({
    kind: 'data-v2',
    ...counts,
    definitionBytes: definition.length,
    repetitionBytes: repetition.length,
    compressed,
    compressedBytes: levelBytes + values.length,
    uncompressedBytes: levelBytes + bytes.length,
    crc: options.checksum ? checksum([repetition, definition, values]) : undefined,
  })
  return append(chunk, [header, repetition, definition, values], header.length + levelBytes + bytes.length)
}

/** Encodes, compresses and appends the dictionary page. */
export function appendDictionaryPage(
  chunk: ByteSink,
  dictionary: PlainValues,
  page: { readonly options: PageOptions; readonly scratch: PageScratch },
): WrittenPage {
  const bytes = encodeDictionary(dictionary, page.scratch)
  const packed = compress(bytes, page.options)
  const header = serializePageHeader({
    kind: 'dictionary',
    entries: dictionary.length,
    encoding: Encoding.plain,
    sorted: false,
    compressedBytes: packed.length,
    uncompressedBytes: bytes.length,
    crc: page.options.checksum ? checksum([packed]) : undefined,
  })
  return append(chunk, [header, packed], header.length + bytes.length)
}

function encodeDictionary(dictionary: PlainValues, scratch: PageScratch): Uint8Array {
  scratch.body.length = 0
  encodePlain(scratch.body, dictionary, { from: 0, to: dictionary.length })
  return writtenBytes(scratch.body)
}

export function compress(bytes: Uint8Array, { codec, level }: PageOptions): Uint8Array {
  return codec === 'uncompressed' || bytes.length === 0 ? bytes : compressPage(codec, bytes, { level })
}

/** Of the parts one behind the other. Node takes a part without bytes for the beginning of another checksum. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0
  for (const part of parts) if (part.length > 0) sum = crc32(part, sum)
  return sum
}

function append(chunk: ByteSink, parts: readonly Uint8Array[], uncompressedBytes: number): WrittenPage {
  const from = chunk.length
  for (const part of parts) writeBytes(chunk, part)
  return { compressedBytes: chunk.length - from, uncompressedBytes }
}
