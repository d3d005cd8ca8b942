/**
 * How the values of a column chunk are encoded, decided by measuring.
 *
 *   sample says that values repeat -> build the dictionary -> it is much smaller than plain values -> dictionary
 *                      otherwise   -> sample encoded (and compressed) in each way that may be used -> the smallest
 *
 * A dictionary that hardly pays is worse than none: codes of random values do not compress, plain values do.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md
 */
import { unreachable } from '../../../base/assert.js'
import { takeVector } from '../../../batch/take.js'
import { compressPage, type PageCodec } from '../../compression.js'
import { encodeBooleanRle } from '../encoding/boolean-rle.js'
import { type ByteSink, createByteSink, writtenBytes } from '../encoding/byte-sink.js'
import { encodeByteStreamSplit } from '../encoding/byte-stream-split.js'
import { encodeDeltaBinaryPacked } from '../encoding/delta-binary-packed.js'
import { encodeDeltaBytes, encodeDeltaLengthBytes } from '../encoding/delta-bytes.js'
import { plainRange, type ValueRange } from '../encoding/gather.js'
import { encodePlain } from '../encoding/plain.js'
import type { PlainValues } from '../encoding/value-sink.js'
import { Encoding, PhysicalType } from '../footer/metadata.js'
import type { StoredValues } from '../leaf.js'
import { buildDictionary, type EncodedDictionary } from './dictionary.js'
import type { WriteLeaf } from './write-schema.js'

export interface EncodingOptions {
  readonly codec: PageCodec
  readonly level?: number | undefined
  readonly dictionaryEnabled: boolean
  /** Bytes of a dictionary page before compression at most. */
  readonly dictionaryBytesMax: number
  /** `plain`: values outside a dictionary are plain. */
  readonly encodings: 'plain' | 'measured'
}

/** A number of `Encoding`, and the values as it wants them: codes of a dictionary, or plain ones. */
export type ChosenEncoding =
  | ({ readonly encoding: number } & EncodedDictionary)
  | {
      readonly encoding: number
      readonly dictionary?: undefined
      /** One a part of the chunk. */
      readonly values: readonly PlainValues[]
    }

/** Dictionary and codes must be smaller than this share of the plain values. */
const DICTIONARY_SHARE_MAX = 0.75
/** What one page more costs, header and all. */
const PAGE_BYTES = 40
/** Values that are looked at before a dictionary is tried. */
const SAMPLE_VALUES = 2_048
/** Bytes of them at most, about. */
const SAMPLE_BYTES = 1 << 20
/** Values that are encoded in each way; runs of neighbours, since most encodings live on what is next to what. */
const TRIAL_RUNS = 4
const TRIAL_RUN_VALUES = 1_024
/** An encoding must be smaller than plain values by this share to be taken. */
const TRIAL_GAIN_MIN = 0.08

/** Parts are the values of a chunk, in order. */
export function chooseEncoding(
  leaf: WriteLeaf,
  parts: readonly StoredValues[],
  options: EncodingOptions,
): ChosenEncoding {
  const dictionary = tryDictionary(leaf, parts, options)
  if (dictionary !== undefined) return { encoding: Encoding.rleDictionary, ...dictionary }
  const values = parts.map(part => plainRange(part, { from: 0, to: part.length }).values)
  const encoding = options.encodings === 'plain' ? Encoding.plain : measuredEncoding(leaf, values, options)
  return { encoding, values }
}

// ---- dictionary

function tryDictionary(
  leaf: WriteLeaf,
  parts: readonly StoredValues[],
  options: EncodingOptions,
): EncodedDictionary | undefined {
  const count = parts.reduce((sum, part) => sum + part.length, 0)
  if (!options.dictionaryEnabled || leaf.physicalType === PhysicalType.boolean || count === 0)
    return undefined
  const plainBytes = parts.reduce((sum, part) => sum + plainSize(part), 0)
  const fitting = Math.floor((options.dictionaryBytesMax * count) / plainBytes)
  const entriesMax = Math.min(payingEntries(count, plainBytes), Math.max(1, fitting))
  if (estimateDistinct(parts, count, plainBytes) > entriesMax) return undefined
  const built = buildDictionary(parts, { entriesMax, bytesMax: options.dictionaryBytesMax })
  if (built === undefined) return undefined
  const { length } = built.dictionary
  const encodedBytes = PAGE_BYTES + plainSize(built.dictionary) + (count * codeBits(length)) / 8
  return encodedBytes < plainBytes * DICTIONARY_SHARE_MAX ? built : undefined
}

/** Bits of a code: at least one, as readers expect. */
export function codeBits(entries: number): number {
  return Math.max(1, 32 - Math.clz32(entries - 1))
}

/** The most entries of average size with which dictionary and codes stay small enough. */
function payingEntries(count: number, plainBytes: number): number {
  const entryBytes = plainBytes / count
  const budget = plainBytes * DICTIONARY_SHARE_MAX
  let most = 1
  for (let bits = 1; bits < 31; bits++) {
    const left = budget - (count * bits) / 8
    if (left <= 0) break
    most = Math.max(most, Math.min(2 ** bits, Math.floor(left / entryBytes)))
  }
  return most
}

/** Bytes of the values in PLAIN encoding. */
function plainSize(values: StoredValues): number {
  switch (values.layout) {
    case 'fixed-width':
      return values.length * values.values.BYTES_PER_ELEMENT
    case 'boolean':
      return values.length / 8
    case 'fixed-bytes':
      return values.length * values.widthBytes
    case 'var-bytes':
      return values.length * 4 + (values.offsets[values.length] ?? 0) - (values.offsets[0] ?? 0)
    case 'dictionary': {
      const { dictionary, length } = values
      if (dictionary.layout === 'var-bytes')
        return length * 4 + codedBytes(dictionary.offsets, values.codes, { from: 0, to: length })
      return dictionary.length === 0
        ? 0
        : (plainSize(dictionary as StoredValues) / dictionary.length) * length
    }
    default:
      return unreachable(values)
  }
}

/** Bytes of the strings that codes `from` up to `to` stand for. */
export function codedBytes(offsets: Int32Array, codes: Int32Array, { from, to }: ValueRange): number {
  let sum = 0
  for (let i = from; i < to; i++) {
    const code = codes[i] as number
    sum += (offsets[code + 1] as number) - (offsets[code] as number)
  }
  return sum
}

/**
 * How many distinct values there are, about: Chao's estimate from how many values of a sample are there once and
 * twice. It is a low one when some values are frequent and many are rare; building notices that.
 */
function estimateDistinct(parts: readonly StoredValues[], count: number, plainBytes: number): number {
  const wanted = Math.min(SAMPLE_VALUES, Math.max(64, Math.floor(SAMPLE_BYTES / (plainBytes / count))))
  const step = Math.max(1, Math.floor(count / wanted))
  const sample = parts.map(part => takeVector(part, everyNth(part.length, step)) as StoredValues)
  const limits = { entriesMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY }
  const built = buildDictionary(sample, limits)
  if (built === undefined) return count
  const distinct = built.dictionary.length
  if (step === 1) return distinct
  const { once, twice } = frequencies(built)
  return Math.min(count, distinct + (once * (once - 1)) / (2 * (twice + 1)))
}

/** How many entries are used once, and how many twice. */
function frequencies({ dictionary, codes }: EncodedDictionary): {
  readonly once: number
  readonly twice: number
} {
  const uses = new Int32Array(dictionary.length)
  for (const part of codes) for (const code of part) uses[code] = (uses[code] as number) + 1
  let once = 0
  let twice = 0
  for (const count of uses) {
    if (count === 1) once += 1
    else if (count === 2) twice += 1
  }
  return { once, twice }
}

function everyNth(length: number, step: number): Int32Array {
  const rows = new Int32Array(Math.ceil(length / step))
  for (let at = 0; at < rows.length; at++) rows[at] = at * step
  return rows
}

// ---- the other encodings

type Encode = (sink: ByteSink, values: StoredValues, range: ValueRange) => void

/** The encoder of a number of `Encoding` other than the dictionary's. */
export function valueEncoder(encoding: number): Encode {
  switch (encoding) {
    case Encoding.plain:
      return encodePlain
    case Encoding.rle:
      return encodeBooleanRle
    case Encoding.deltaBinaryPacked:
      return encodeDeltaBinaryPacked
    case Encoding.deltaLengthByteArray:
      return encodeDeltaLengthBytes
    case Encoding.deltaByteArray:
      return encodeDeltaBytes
    case Encoding.byteStreamSplit:
      return encodeByteStreamSplit
    default:
      throw new RangeError('there is no such encoding')
  }
}

/** Those that may be smaller than PLAIN. */
function candidates(leaf: WriteLeaf): readonly number[] {
  switch (leaf.physicalType) {
    case PhysicalType.boolean:
      return [Encoding.rle]
    case PhysicalType.int32:
    case PhysicalType.int64:
      return [Encoding.deltaBinaryPacked]
    case PhysicalType.float:
    case PhysicalType.double:
      return [Encoding.byteStreamSplit]
    case PhysicalType.fixed:
      // Byte-stream-split, which suits decimals, is read by few engines for values that are no floats.
      return [Encoding.deltaByteArray]
    default:
      return [Encoding.deltaLengthByteArray, Encoding.deltaByteArray]
  }
}

function measuredEncoding(leaf: WriteLeaf, parts: readonly PlainValues[], options: EncodingOptions): number {
  const [part] = [...parts].sort((a, b) => b.length - a.length)
  if (part === undefined || part.length === 0) return Encoding.plain
  const ranges = trialRanges(part.length)
  const plain = trialBytes(Encoding.plain, part, { ranges, options })
  let best: number = Encoding.plain
  let bestBytes = plain * (1 - TRIAL_GAIN_MIN)
  for (const encoding of candidates(leaf)) {
    const bytes = trialBytes(encoding, part, { ranges, options })
    if (bytes >= bestBytes) continue
    best = encoding
    bestBytes = bytes
  }
  return best
}

function trialRanges(length: number): ValueRange[] {
  if (length <= TRIAL_RUNS * TRIAL_RUN_VALUES) return [{ from: 0, to: length }]
  const ranges: ValueRange[] = []
  for (let run = 0; run < TRIAL_RUNS; run++) {
    const from = Math.floor(((length - TRIAL_RUN_VALUES) * run) / (TRIAL_RUNS - 1))
    ranges.push({ from, to: from + TRIAL_RUN_VALUES })
  }
  return ranges
}

/** Bytes of the ranges in an encoding, each compressed as a page would be. */
function trialBytes(
  encoding: number,
  values: PlainValues,
  trial: { readonly ranges: readonly ValueRange[]; readonly options: EncodingOptions },
): number {
  const { codec, level } = trial.options
  const encode = valueEncoder(encoding)
  let bytes = 0
  for (const range of trial.ranges) {
    const sink = createByteSink()
    encode(sink, values, range)
    bytes += compressPage(codec, writtenBytes(sink), { level }).length
  }
  return bytes
}
