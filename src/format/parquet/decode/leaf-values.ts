/**
 * Where the values of a leaf's pages go, in one of three forms, chosen once a chunk:
 *
 *   codes      all pages are codes, and a code is shorter than a value: they stay so
 *   decimals   each page's stored values become words while they are in the cache
 *   stored     all else, as it is stored; codes are looked up
 */
import { unzeroedBytes } from '../../../base/bytes.js'
import { LakeError } from '../../../base/errors.js'
import type { DecimalVector } from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'
import { decodeDictionaryCodes, gatherInto } from '../encoding/gather.js'
import { decodePlainRanges } from '../encoding/plain.js'
import { createValueSink, ensureBytes, finishSink, type PlainValues } from '../encoding/value-sink.js'
import { Encoding, PhysicalType } from '../footer/metadata.js'
import type { LeafColumn } from '../footer/schema.js'
import type { ByteSource, StoredValues, ValueSink } from '../leaf.js'
import type { RowRanges } from '../row-ranges.js'
import { decodeStored } from './decode-stored.js'
import { DECIMAL_WORDS, decimalsOf, putDecimals } from './logical-decimals.js'
import { type DecimalSink, keepValues, type ValueTarget } from './select-rows.js'

/** What the page headers of a chunk say about its values. */
export interface ChunkCounts {
  /** Entries of the pages to be decoded. */
  readonly entries: number
  /** Of them, those on pages of codes. */
  readonly codedEntries: number
  /** Of them, those on pages of PLAIN values. */
  readonly plainEntries: number
  /** Entries of the largest page. */
  readonly pageEntries: number
  /** Bytes of the pages that are not codes. */
  readonly storedBytes: number
}

export interface LeafValuesOptions {
  readonly counts: ChunkCounts
  /** Entries that are there at a time. */
  readonly capacity: number
  /** Of flat columns of which only some rows are wanted. */
  readonly rowsWanted: number | undefined
  readonly dictionary: PlainValues | undefined
  /** The most bytes that values and levels may take. */
  readonly bytesMax: number
}

export interface LeafValues {
  readonly leaf: LeafColumn
  readonly dictionary: PlainValues | undefined
  readonly target: ValueTarget
  /** Codes of one page, where they are looked up. */
  readonly scratch: Int32Array
  /** Stored values of one page, where they become decimals; and the dictionary's. */
  readonly decimals: { readonly page: ValueSink; readonly dictionary: Int32Array } | undefined
  readonly bytesMax: number
}

/** The values of one page, encoded. */
export interface PageValues {
  readonly source: ByteSource
  readonly encoding: number
  readonly count: number
  /** Those of the values that are wanted, not none; all when absent. */
  readonly kept?: RowRanges | undefined
}

export function isCodes(encoding: number): boolean {
  return encoding === Encoding.rleDictionary || encoding === Encoding.plainDictionary
}

/** Throws plain errors when the leaf's type is broken. @throws unsupported above the limit */
export function createLeafValues(leaf: LeafColumn, options: LeafValuesOptions): LeafValues {
  const { counts, dictionary, bytesMax } = options
  const { codedEntries, pageEntries } = counts
  const stepsOver = options.rowsWanted !== undefined && stepsOverRows(leaf, counts)
  const capacity = stepsOver ? (options.rowsWanted ?? 0) : options.capacity
  const keepCodes = codedEntries === counts.entries && dictionary !== undefined && keepsDictionary(leaf)
  const varBytes = keepCodes || stepsOver ? 0 : counts.storedBytes + codedEntries * meanBytes(dictionary)
  checkBytes(capacity * entryBytes(leaf, keepCodes) + varBytes, bytesMax)
  const base = { leaf, dictionary, bytesMax, decimals: undefined, scratch: NO_CODES }
  if (keepCodes)
    return {
      ...base,
      target: { layout: 'codes', codes: new Int32Array(unzeroedBytes(capacity * 4).buffer), length: 0 },
    }
  const scratch = codedEntries > 0 ? scratchCodes(pageEntries) : NO_CODES
  if (leaf.type.kind !== 'decimal') return { ...base, scratch, target: storedSink(leaf, capacity, varBytes) }
  const words = dictionary === undefined ? NO_CODES : int32Words(decimalsOf(dictionary).words)
  return {
    ...base,
    scratch,
    target: {
      layout: 'decimal',
      words: new Int32Array(unzeroedBytes(capacity * DECIMAL_WORDS * 4).buffer),
      length: 0,
    },
    decimals: { page: storedSink(leaf, pageEntries, 0), dictionary: words },
  }
}

/**
 * Whether rows that are not wanted are stepped over in every page, so that only what is kept takes room. Booleans are
 * bits, and decimals go through room for a page anyway.
 */
function stepsOverRows({ element, type }: LeafColumn, counts: ChunkCounts): boolean {
  const isBoolean = element.physicalType === PhysicalType.boolean
  return counts.plainEntries === counts.entries && !isBoolean && type.kind !== 'decimal'
}

const NO_CODES = new Int32Array(0)

/** Whether values stay behind their dictionary: those that are longer than a code once they have their type. */
function keepsDictionary({ element, type }: LeafColumn): boolean {
  if (type.kind === 'decimal') return true
  return (
    element.physicalType === PhysicalType.byteArray ||
    (element.physicalType === PhysicalType.fixed && type.kind !== 'float')
  )
}

/** Bytes of a value of var bytes, about. */
function meanBytes(dictionary: PlainValues | undefined): number {
  if (dictionary?.layout !== 'var-bytes' || dictionary.length === 0) return 0
  return Math.ceil((dictionary.offsets[dictionary.length] as number) / dictionary.length)
}

/** Bytes of an entry: its levels, and its value's code, offset or self. */
function entryBytes(leaf: LeafColumn, keepCodes: boolean): number {
  const levels = (leaf.maxDefinition > 0 ? 1 : 0) + (leaf.maxRepetition > 0 ? 1 : 0)
  return levels + (keepCodes ? 4 : valueBytes(leaf))
}

/** Bytes of a value in memory; of var bytes, of its offset. */
export function valueBytes(leaf: LeafColumn): number {
  return leaf.type.kind === 'decimal' ? 4 * DECIMAL_WORDS : storedBytes(leaf)
}

/** Bytes of a value of PLAIN encoding; of var bytes, of its length. */
export function storedBytes({ element }: LeafColumn): number {
  switch (element.physicalType) {
    case PhysicalType.boolean:
      return 1 / 8
    case PhysicalType.int64:
    case PhysicalType.double:
      return 8
    case PhysicalType.int96:
      return 12
    case PhysicalType.fixed:
      return element.typeLength ?? 0
    default:
      return 4
  }
}

/** @throws unsupported */
export function checkBytes(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return
  throw new LakeError('unsupported', 'a parquet column decodes to more bytes than the limit', {
    context: { bytes: Math.ceil(bytes), bytesMax },
  })
}

function storedSink({ element }: LeafColumn, capacity: number, varBytes: number): ValueSink {
  const { physicalType = -1, typeLength } = element
  const sink = createValueSink({ physicalType, typeLength }, capacity)
  if (sink.layout === 'var-bytes') ensureBytes(sink, varBytes)
  return sink
}

/** Codes of one page; kept from column to column, since a fresh array costs as much as what is done with it. */
let scratch: Int32Array = NO_CODES
const SCRATCH_KEPT_MAX = 2 ** 20

function scratchCodes(count: number): Int32Array {
  if (count <= scratch.length) return scratch
  const codes = new Int32Array(count)
  if (count <= SCRATCH_KEPT_MAX) scratch = codes
  return codes
}

/**
 * Appends the wanted values of a page. Throws plain errors when the bytes are broken.
 * @throws unsupported for encodings that are not built, and above the limit
 */
export function appendPageValues(values: LeafValues, page: PageValues): void {
  if (page.count === 0) return
  const { target } = values
  const from = target.length
  if (isCodes(page.encoding)) appendCodes(values, page)
  else if (appendPlain(target, page)) return
  else appendStored(values, page)
  if (page.kept !== undefined) keepValues(target, from, page.kept)
}

/** Only the wanted values, where their encoding lets the others be stepped over; false where it does not. */
function appendPlain(target: ValueTarget, { source, encoding, kept }: PageValues): boolean {
  if (kept === undefined || encoding !== Encoding.plain) return false
  if (target.layout === 'codes' || target.layout === 'decimal' || target.layout === 'boolean') return false
  decodePlainRanges(source, kept, target)
  return true
}

function appendStored({ leaf, target, decimals, bytesMax }: LeafValues, page: PageValues): void {
  const { source, encoding, count } = page
  const request = { physicalType: leaf.element.physicalType, encoding, count }
  if (target.layout === 'codes') throw new TypeError('a page without codes among pages of codes')
  if (target.layout !== 'decimal') {
    decodeStored(source, request, target)
    if (target.layout === 'var-bytes') checkBytes(target.byteLength, bytesMax)
  } else if (decimals !== undefined) {
    emptySink(decimals.page)
    decodeStored(source, request, decimals.page)
    // What the sink gives may be its own memory; it is read here and now, and the next page may have it.
    putDecimals(finishSink(decimals.page), target.words, target.length)
    target.length += count
  }
}

function emptySink(sink: ValueSink): void {
  sink.length = 0
  if (sink.layout === 'var-bytes') sink.byteLength = 0
}

function appendCodes(
  { target, dictionary, decimals, scratch, bytesMax }: LeafValues,
  page: PageValues,
): void {
  const { source, count } = page
  if (dictionary === undefined) throw new RangeError('a dictionary is missing')
  const dictionaryLength = dictionary.length
  if (target.layout === 'codes') {
    decodeDictionaryCodes(source, count, { dictionaryLength, out: target.codes, at: target.length })
    target.length += count
    return
  }
  decodeDictionaryCodes(source, count, { dictionaryLength, out: scratch, at: 0 })
  if (target.layout === 'decimal') {
    if (decimals !== undefined) gatherDecimals(decimals.dictionary, scratch, { count, target })
    return
  }
  if (dictionary.layout === 'var-bytes' && target.layout === 'var-bytes') {
    checkBytes(target.byteLength + gatheredBytes(dictionary.offsets, scratch, count), bytesMax)
  }
  gatherInto(dictionary, scratch, { from: 0, to: count }, target)
}

function gatheredBytes(offsets: Int32Array, codes: Int32Array, count: number): number {
  let bytes = 0
  for (let at = 0; at < count; at++) {
    const code = codes[at] as number
    bytes += (offsets[code + 1] as number) - (offsets[code] as number)
  }
  return bytes
}

function gatherDecimals(
  dictionary: Int32Array,
  codes: Int32Array,
  { count, target }: { readonly count: number; readonly target: DecimalSink },
): void {
  const { words } = target
  let to = target.length * DECIMAL_WORDS
  for (let at = 0; at < count; at++) {
    const from = (codes[at] as number) * DECIMAL_WORDS
    words[to] = dictionary[from] as number
    words[to + 1] = dictionary[from + 1] as number
    words[to + 2] = dictionary[from + 2] as number
    words[to + 3] = dictionary[from + 3] as number
    to += DECIMAL_WORDS
  }
  target.length += count
}

/** All values that were appended and kept. */
export function finishLeafValues({ target, dictionary }: LeafValues): StoredValues | DecimalVector {
  if (target.layout === 'decimal') {
    const { words, length } = target
    return { layout: 'decimal', length, words: new BigInt64Array(words.buffer as ArrayBuffer, 0, 2 * length) }
  }
  if (target.layout !== 'codes') return finishSink(target)
  const { length, codes } = target
  if (dictionary === undefined) throw new RangeError('a dictionary is missing')
  return { layout: 'dictionary', length, codes: codes.subarray(0, length), dictionary }
}
