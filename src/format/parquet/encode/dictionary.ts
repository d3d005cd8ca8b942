/**
 * Building the dictionary of a column chunk: distinct values in the order they come, and a code for each value.
 *
 *   values  7 7 3 9 3      table   hash -> code + 1, open addressing, at most half full
 *   codes   0 0 1 2 1      entries 7 3 9
 *
 * It ends as soon as there are, or soon will be, more entries than may pay, so that a column whose values hardly
 * repeat costs a small part of it.
 * @see https://github.com/apache/parquet-format/blob/master/Encodings.md "Dictionary Encoding"
 */
import { unreachable } from '../../../base/assert.js'
import type { DictionaryVector } from '../../../batch/column-batch.js'
import { takeVector } from '../../../batch/take.js'
import type { ValueRange } from '../encoding/gather.js'
import type { PlainValues } from '../encoding/value-sink.js'
import type { StoredValues } from '../leaf.js'
import type { DictionaryBuilder, DictionaryLimits } from './dictionary-builder.js'
import { pairDictionary, wordDictionary } from './number-dictionary.js'
import { fixedBytesDictionary, varBytesDictionary } from './string-dictionary.js'

/** A dictionary and the codes of all parts of a chunk. */
export interface EncodedDictionary {
  readonly dictionary: PlainValues
  /** One array a part, as long as its values. */
  readonly codes: readonly Int32Array[]
}

/** Values between two looks at how the dictionary grows. */
const SLICE_VALUES = 16_384
/** The share of new values is expected to fall to this in the values to come, on average. */
const NEW_VALUES_DECLINE = 0.5

/**
 * The dictionary of the parts' values together, or undefined when it exceeds a limit or is about to. Parts are of one
 * physical type, which is not boolean; those that are dictionaries already are joined by their entries.
 */
export function buildDictionary(
  parts: readonly StoredValues[],
  limits: DictionaryLimits,
): EncodedDictionary | undefined {
  const [first] = parts
  if (first === undefined) return undefined
  const builder = createBuilder(first, limits)
  let left = parts.reduce((sum, part) => sum + part.length, 0)
  const codes: Int32Array[] = []
  for (const part of parts) {
    const added =
      part.layout === 'dictionary' ? addDictionary(builder, part) : addValues(builder, part, { limits, left })
    if (added === undefined) return undefined
    codes.push(added)
    left -= part.length
  }
  return { dictionary: builder.finish(), codes }
}

function createBuilder(like: StoredValues, limits: DictionaryLimits): DictionaryBuilder {
  switch (like.layout) {
    case 'fixed-width':
      return like.values.BYTES_PER_ELEMENT === 4
        ? wordDictionary(like.values instanceof Float32Array, limits)
        : pairDictionary(like.values instanceof Float64Array, limits)
    case 'fixed-bytes':
      return fixedBytesDictionary(like.widthBytes, limits)
    case 'var-bytes':
      return varBytesDictionary(limits)
    case 'dictionary':
      return createBuilder(like.dictionary as StoredValues, limits)
    case 'boolean':
      throw new TypeError('booleans have no dictionary')
    default:
      return unreachable(like)
  }
}

/** Slice by slice, as long as the values to come are likely to fit. */
function addValues(
  builder: DictionaryBuilder,
  values: PlainValues,
  chunk: { readonly limits: DictionaryLimits; readonly left: number },
): Int32Array | undefined {
  const codes = new Int32Array(values.length)
  for (let from = 0; from < values.length; ) {
    const range = { from, to: Math.min(from + SLICE_VALUES, values.length) }
    const before = builder.count
    if (!builder.add(values, range, codes)) return undefined
    const left = chunk.left - range.to
    if (left > 0 && isOutgrowing(builder.count, before, { range, left, limits: chunk.limits }))
      return undefined
    from = range.to
  }
  return codes
}

function isOutgrowing(
  count: number,
  before: number,
  slice: { readonly range: ValueRange; readonly left: number; readonly limits: DictionaryLimits },
): boolean {
  const { range, left, limits } = slice
  const newShare = (count - before) / (range.to - range.from)
  return count + newShare * left * NEW_VALUES_DECLINE > limits.entriesMax
}

/** The entries that are used, in the order of their first use, are added; codes follow them. */
function addDictionary(
  builder: DictionaryBuilder,
  { codes, dictionary, length }: DictionaryVector,
): Int32Array | undefined {
  const places = new Int32Array(dictionary.length)
  const used = new Int32Array(Math.min(dictionary.length, length))
  const mapped = new Int32Array(length)
  let count = 0
  for (let i = 0; i < length; i++) {
    const code = codes[i] as number
    let place = places[code] as number
    if (place === 0) {
      used[count] = code
      place = places[code] = ++count
    }
    mapped[i] = place - 1
  }
  const entries = takeVector(dictionary, used.subarray(0, count)) as PlainValues
  const entryCodes = new Int32Array(count)
  if (!builder.add(entries, { from: 0, to: count }, entryCodes)) return undefined
  for (let i = 0; i < length; i++) mapped[i] = entryCodes[mapped[i] as number] as number
  return mapped
}
