/**
 * Dictionaries of numbers, by their bits: of one 32-bit word (int32, float) or two (int64, double).
 *
 * Integers that lie near each other need no hash: `direct[value - base]` is the code. A sample of the first values
 * decides; the first value that lies outside brings the hash table in.
 */
import { grownInts } from '../../../batch/growable.js'
import { int32Words } from '../../../batch/int-words.js'
import type { ValueRange } from '../encoding/gather.js'
import type { PlainValues } from '../encoding/value-sink.js'
import {
  type DictionaryBuilder,
  type DictionaryLimits,
  hashPair,
  TABLE_SLOTS_MIN,
  tableSlots,
} from './dictionary-builder.js'

/** Entries of one or two 32-bit words, joined. */
interface WordTable {
  readonly entriesMax: number
  entries: Int32Array
  table: Int32Array
  count: number
  /** Instead of the hash table, as long as all values lie within it; undecided before the first value. */
  direct: DirectTable | 'undecided' | 'none'
}

interface DirectTable {
  readonly base: number
  /** Codes + 1 of base, base + 1 ... */
  readonly codes: Int32Array
}

/** Integers within this range of each other get a direct table. */
const DIRECT_SLOTS_MAX = 1 << 18
/** A table is wider than the range of a sample by this, so that values outside it are rare. */
const DIRECT_MARGIN_FACTOR = 2
const DIRECT_SAMPLE = 256
/** Beyond this a 64-bit integer as a double is not exact. */
const EXACT_MAX = 2 ** 52

function createWordTable(words: 1 | 2, limits: DictionaryLimits, float: boolean): WordTable {
  return {
    entriesMax: Math.min(limits.entriesMax, Math.floor(limits.bytesMax / (4 * words))),
    entries: new Int32Array((TABLE_SLOTS_MIN / 2) * words),
    table: new Int32Array(TABLE_SLOTS_MIN),
    count: 0,
    direct: float ? 'none' : 'undecided',
  }
}

/** A table around the values of a sample; there is none when they lie far apart. */
function directTable(sample: Float64Array): DirectTable | 'none' {
  let lower = Number.POSITIVE_INFINITY
  let upper = Number.NEGATIVE_INFINITY
  for (const value of sample) {
    lower = Math.min(lower, value)
    upper = Math.max(upper, value)
  }
  const margin = (upper - lower + 256) * DIRECT_MARGIN_FACTOR
  const slots = upper - lower + 2 * margin
  if (!(slots <= DIRECT_SLOTS_MAX) || Math.max(-lower, upper) > EXACT_MAX) return 'none'
  return { base: lower - margin, codes: new Int32Array(slots) }
}

/** Some integers of a column as doubles: `stride` words each, high word last. */
function sampleIntegers(words: Int32Array, { from, to }: ValueRange, stride: 1 | 2): Float64Array {
  const step = Math.max(1, Math.floor((to - from) / DIRECT_SAMPLE))
  const sample = new Float64Array(Math.ceil((to - from) / step))
  for (let at = 0; at < sample.length; at++) {
    const place = (from + at * step) * stride
    const low = words[place] as number
    const high = stride === 2 ? (words[place + 1] as number) : 0
    sample[at] = stride === 2 ? high * 2 ** 32 + (low >>> 0) : low
  }
  return sample
}

function valuesOf(values: PlainValues): Int32Array | BigInt64Array | Float32Array | Float64Array {
  if (values.layout !== 'fixed-width') throw new TypeError('parts of a column have one layout')
  return values.values
}

// ---- 32 bits: int32 and float, by their bits

/** Of int32, or float, values. */
export function wordDictionary(float: boolean, limits: DictionaryLimits): DictionaryBuilder {
  const words = createWordTable(1, limits, float)
  return {
    get count() {
      return words.count
    },
    add: (values, range, codes) => addWords(words, int32Words(valuesOf(values)), range, codes),
    finish() {
      const entries = new Int32Array(words.entries.subarray(0, words.count))
      const values = float ? new Float32Array(entries.buffer) : entries
      return { layout: 'fixed-width', length: words.count, values }
    },
  }
}

function addWords(state: WordTable, words: Int32Array, range: ValueRange, codes: Int32Array): boolean {
  if (state.direct === 'undecided') state.direct = directTable(sampleIntegers(words, range, 1))
  const { to } = range
  let i = range.from
  if (state.direct !== 'none') {
    i = addWordsDirectly(state, words, range, codes)
    if (i === to) return true
    state.direct = 'none'
    growWords(state)
  }
  let { entries, table } = state
  let mask = table.length - 1
  for (; i < to; i++) {
    const word = words[i] as number
    let slot = hashWord(word) & mask
    let code = (table[slot] as number) - 1
    while (code >= 0 && entries[code] !== word) {
      slot = (slot + 1) & mask
      code = (table[slot] as number) - 1
    }
    if (code < 0) {
      if (state.count >= state.entriesMax) return false
      code = state.count++
      table[slot] = code + 1
      entries[code] = word
      if (state.count * 2 >= table.length) {
        growWords(state)
        entries = state.entries
        table = state.table
        mask = table.length - 1
      }
    }
    codes[i] = code
  }
  return true
}

/** Codes as far as the table reaches; the place of the first value that it does not hold. */
function addWordsDirectly(
  state: WordTable,
  words: Int32Array,
  { from, to }: ValueRange,
  codes: Int32Array,
): number {
  const { base, codes: direct } = state.direct as DirectTable
  const slots = direct.length
  for (let i = from; i < to; i++) {
    const slot = (words[i] as number) - base
    if (slot < 0 || slot >= slots) return i
    let code = (direct[slot] as number) - 1
    if (code < 0) {
      if (state.count >= state.entriesMax) return i
      code = state.count
      state.entries = grownInts(state.entries, code + 1)
      state.entries[code] = words[i] as number
      direct[slot] = ++state.count
    }
    codes[i] = code
  }
  return to
}

function hashWord(word: number): number {
  const hash = Math.imul(word, 0x9e3779b1)
  return hash ^ (hash >>> 15)
}

function growWords(state: WordTable): void {
  const { count } = state
  const entries = grownInts(state.entries, Math.max(count, 1) * 2)
  const table = new Int32Array(tableSlots(count * 2))
  const mask = table.length - 1
  for (let code = 0; code < count; code++) {
    let slot = hashWord(entries[code] as number) & mask
    while (table[slot] !== 0) slot = (slot + 1) & mask
    table[slot] = code + 1
  }
  state.entries = entries
  state.table = table
}

// ---- 64 bits: int64 and double, by their halves

/** Of int64, or double, values. */
export function pairDictionary(double: boolean, limits: DictionaryLimits): DictionaryBuilder {
  const pairs = createWordTable(2, limits, double)
  return {
    get count() {
      return pairs.count
    },
    add: (values, range, codes) => addPairs(pairs, int32Words(valuesOf(values)), range, codes),
    finish() {
      const { buffer } = new Int32Array(pairs.entries.subarray(0, 2 * pairs.count))
      const values = double ? new Float64Array(buffer) : new BigInt64Array(buffer)
      return { layout: 'fixed-width', length: pairs.count, values }
    },
  }
}

function addPairs(state: WordTable, words: Int32Array, range: ValueRange, codes: Int32Array): boolean {
  if (state.direct === 'undecided') state.direct = directTable(sampleIntegers(words, range, 2))
  const { to } = range
  let i = range.from
  if (state.direct !== 'none') {
    i = addPairsDirectly(state, words, range, codes)
    if (i === to) return true
    state.direct = 'none'
    growPairs(state)
  }
  let { entries, table } = state
  let mask = table.length - 1
  for (; i < to; i++) {
    const low = words[2 * i] as number
    const high = words[2 * i + 1] as number
    let slot = hashPair(low, high) & mask
    let code = (table[slot] as number) - 1
    while (code >= 0 && (entries[2 * code] !== low || entries[2 * code + 1] !== high)) {
      slot = (slot + 1) & mask
      code = (table[slot] as number) - 1
    }
    if (code < 0) {
      if (state.count >= state.entriesMax) return false
      code = state.count++
      table[slot] = code + 1
      entries[2 * code] = low
      entries[2 * code + 1] = high
      if (state.count * 2 >= table.length) {
        growPairs(state)
        entries = state.entries
        table = state.table
        mask = table.length - 1
      }
    }
    codes[i] = code
  }
  return true
}

/** As `addWordsDirectly`. The double is exact where the table reaches. */
function addPairsDirectly(
  state: WordTable,
  words: Int32Array,
  { from, to }: ValueRange,
  codes: Int32Array,
): number {
  const { base, codes: direct } = state.direct as DirectTable
  const slots = direct.length
  for (let i = from; i < to; i++) {
    const slot = (words[2 * i + 1] as number) * 0x1_0000_0000 + ((words[2 * i] as number) >>> 0) - base
    if (slot < 0 || slot >= slots) return i
    let code = (direct[slot] as number) - 1
    if (code < 0) {
      if (state.count >= state.entriesMax) return i
      code = state.count
      state.entries = grownInts(state.entries, 2 * code + 2)
      state.entries[2 * code] = words[2 * i] as number
      state.entries[2 * code + 1] = words[2 * i + 1] as number
      direct[slot] = ++state.count
    }
    codes[i] = code
  }
  return to
}

function growPairs(state: WordTable): void {
  const { count } = state
  const entries = grownInts(state.entries, Math.max(count, 1) * 4)
  const table = new Int32Array(tableSlots(count * 2))
  const mask = table.length - 1
  for (let code = 0; code < count; code++) {
    let slot = hashPair(entries[2 * code] as number, entries[2 * code + 1] as number) & mask
    while (table[slot] !== 0) slot = (slot + 1) & mask
    table[slot] = code + 1
  }
  state.entries = entries
  state.table = table
}
