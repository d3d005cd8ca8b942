/**
 * A data page taken apart:
 *
 *   v1   decompress( [repetition] [definition] values )        v2   [repetition] [definition] decompress( values )
 *
 * @see https://github.com/apache/parquet-format "Data Pages"
 */
import { dataView } from '../../../base/bytes.js'
import { LakeError } from '../../../base/errors.js'
import { createScratch } from '../../compression/scratch.js'
import { decompressPage, type PageCodec } from '../../compression.js'
import { Encoding } from '../footer/metadata.js'
import type { DataPageHeader, DataPageHeaderV2 } from '../footer/page-header.js'
import type { ByteSource } from '../leaf.js'
import { type EncodedLevels, levelBits } from './levels.js'
import type { DataPage } from './list-pages.js'

/** The sections of a data page; levels are absent where the schema has none. */
export interface PageParts {
  readonly repetition: EncodedLevels | undefined
  readonly definition: EncodedLevels | undefined
  readonly values: ByteSource
}

/** The highest levels of a leaf. */
export interface LevelMaxima {
  readonly maxDefinition: number
  readonly maxRepetition: number
}

/**
 * Takes a page apart, decompressed; the bytes hold until the next page is taken apart. Throws plain errors when its sections do not fit.
 * @throws unsupported for levels in another encoding than the two there are
 */
export function pageParts(max: LevelMaxima, codec: PageCodec, page: DataPage): PageParts {
  const { header, body } = page
  return header.kind === 'data'
    ? partsOfV1({ max, codec }, header, body)
    : partsOfV2({ max, codec }, header, body)
}

/** Pages are decoded one after the other on each thread. */
const scratch = createScratch()

interface Chunk {
  readonly max: LevelMaxima
  readonly codec: PageCodec
}

function partsOfV1({ max, codec }: Chunk, header: DataPageHeader, body: Uint8Array): PageParts {
  const { entries } = header
  const bytes =
    header.uncompressedBytes === 0 ? EMPTY : decompressPage(codec, body, header.uncompressedBytes, scratch)
  const section = (highest: number, encoding: number, offset: number): EncodedLevels | undefined =>
    highest === 0
      ? undefined
      : levelSection({ bytes, offset, end: bytes.length }, { encoding, max: highest, entries })
  const repetition = section(max.maxRepetition, header.repetitionEncoding, 0)
  const behind = repetition?.source.end ?? 0
  const definition = section(max.maxDefinition, header.definitionEncoding, behind)
  const offset = definition?.source.end ?? behind
  return { repetition, definition, values: { bytes, offset, end: bytes.length } }
}

const EMPTY: Uint8Array = new Uint8Array(0)

function levelSection(
  { bytes, offset, end }: ByteSource,
  { encoding, max, entries }: { readonly encoding: number; readonly max: number; readonly entries: number },
): EncodedLevels {
  const bitPacked = encoding === Encoding.bitPacked
  if (!bitPacked && encoding !== Encoding.rle) {
    throw new LakeError('unsupported', 'the encoding of parquet levels is not built', {
      context: { encoding },
    })
  }
  const from = bitPacked ? offset : offset + 4
  if (from > end) throw new RangeError('the levels are cut off')
  const length = bitPacked
    ? Math.ceil((entries * levelBits(max)) / 8)
    : dataView(bytes).getUint32(offset, true)
  if (length > end - from) throw new RangeError('the levels are cut off')
  return { source: { bytes, offset: from, end: from + length }, bitPacked, max, entries }
}

function partsOfV2({ max, codec }: Chunk, header: DataPageHeaderV2, body: Uint8Array): PageParts {
  const { entries, repetitionBytes, definitionBytes } = header
  const levelBytes = repetitionBytes + definitionBytes
  if (levelBytes > body.length || levelBytes > header.uncompressedBytes) {
    throw new RangeError('the levels are cut off')
  }
  const section = (highest: number, offset: number, end: number): EncodedLevels | undefined =>
    highest === 0
      ? undefined
      : { source: { bytes: body, offset, end }, bitPacked: false, max: highest, entries }
  const valueBytes = header.uncompressedBytes - levelBytes
  const stored = body.subarray(levelBytes)
  // Nothing may have been compressed to nothing, which is not of the codec.
  const bytes =
    valueBytes === 0 ? EMPTY : header.compressed ? decompressPage(codec, stored, valueBytes, scratch) : stored
  return {
    repetition: section(max.maxRepetition, 0, repetitionBytes),
    definition: section(max.maxDefinition, repetitionBytes, levelBytes),
    values: { bytes, offset: 0, end: bytes.length },
  }
}
