/**
 * Dictionaries of byte strings. A string of up to eight bytes is its own key (first word, last word, length), so that
 * its bytes need not be compared; longer ones are hashed four bytes at a time, and compared when all keys agree.
 */
import { dataView } from '../../../base/bytes.js'
import type { FixedBytesVector, VarBytesVector } from '../../../batch/column-batch.js'
import { grownBytes, grownInts } from '../../../batch/growable.js'
import type { ValueRange } from '../encoding/gather.js'
import {
  type DictionaryBuilder,
  type DictionaryLimits,
  hashPair,
  TABLE_SLOTS_MIN,
  tableSlots,
} from './dictionary-builder.js'

export function varBytesDictionary(limits: DictionaryLimits): DictionaryBuilder {
  const strings = createStringTable(limits, 4)
  return {
    get count() {
      return strings.count
    },
    add(values, range, codes) {
      if (values.layout !== 'var-bytes') throw new TypeError('parts of a column have one layout')
      return addVarBytes(strings, values, range, codes)
    },
    finish() {
      const { count } = strings
      const offsets = strings.offsets.slice(0, count + 1)
      return { layout: 'var-bytes', length: count, offsets, bytes: strings.bytes.slice(0, offsets[count]) }
    },
  }
}

export function fixedBytesDictionary(widthBytes: number, limits: DictionaryLimits): DictionaryBuilder {
  const strings = createStringTable(limits, 0)
  return {
    get count() {
      return strings.count
    },
    add(values, range, codes) {
      if (values.layout !== 'fixed-bytes') throw new TypeError('parts of a column have one layout')
      return addVarBytes(strings, withOffsets(values), range, codes)
    },
    finish() {
      const length = strings.count
      return { layout: 'fixed-bytes', length, widthBytes, bytes: strings.bytes.slice(0, length * widthBytes) }
    },
  }
}

function withOffsets({ length, widthBytes, bytes }: FixedBytesVector): VarBytesVector {
  const offsets = new Int32Array(length + 1)
  for (let i = 1; i <= length; i++) offsets[i] = i * widthBytes
  return { layout: 'var-bytes', length, offsets, bytes }
}

/** Keys of three words: equal keys of strings up to `EXACT_KEY_BYTES` are equal strings. */
interface StringTable {
  readonly entriesMax: number
  readonly bytesMax: number
  /** What an entry takes in PLAIN encoding besides its bytes. */
  readonly overheadBytes: number
  table: Int32Array
  /** First word or hash, last word, of each entry. */
  keys: Int32Array
  /** Entries, joined, and where each begins. */
  offsets: Int32Array
  bytes: Uint8Array
  count: number
}

const EXACT_KEY_BYTES = 8

function createStringTable(limits: DictionaryLimits, overheadBytes: number): StringTable {
  return {
    ...limits,
    overheadBytes,
    table: new Int32Array(TABLE_SLOTS_MIN),
    keys: new Int32Array(TABLE_SLOTS_MIN),
    offsets: new Int32Array(TABLE_SLOTS_MIN / 2 + 1),
    bytes: new Uint8Array(4096),
    count: 0,
  }
}

function addVarBytes(
  strings: StringTable,
  { offsets, bytes }: VarBytesVector,
  { from, to }: ValueRange,
  codes: Int32Array,
): boolean {
  const view = dataView(bytes)
  let { table, keys, offsets: starts } = strings
  let mask = table.length - 1
  let start = offsets[from] as number
  for (let i = from; i < to; i++) {
    const end = offsets[i + 1] as number
    const size = end - start
    let first = 0
    let last = 0
    if (size >= 4) {
      last = view.getInt32(end - 4, true)
      first = size <= EXACT_KEY_BYTES ? view.getInt32(start, true) : hashBytes(view, start, end)
    } else if (size > 0) {
      first = bytes[start] as number
      if (size > 1) first |= ((bytes[start + 1] as number) << 8) | ((bytes[end - 1] as number) << 16)
    }
    let slot = hashPair(first, last ^ size) & mask
    let code = (table[slot] as number) - 1
    while (code >= 0) {
      const isSame =
        keys[2 * code] === first &&
        keys[2 * code + 1] === last &&
        (starts[code + 1] as number) - (starts[code] as number) === size
      if (isSame && (size <= EXACT_KEY_BYTES || isEntry(strings, code, bytes, start))) break
      slot = (slot + 1) & mask
      code = (table[slot] as number) - 1
    }
    if (code < 0) {
      code = addEntry(strings, bytes.subarray(start, end))
      if (code < 0) return false
      strings.keys[2 * code] = first
      strings.keys[2 * code + 1] = last
      table[slot] = code + 1
      if (strings.count * 2 >= table.length) {
        growStrings(strings)
        table = strings.table
        mask = table.length - 1
      }
      keys = strings.keys
      starts = strings.offsets
    }
    codes[i] = code
    start = end
  }
  return true
}

/** Of more than eight bytes: Murmur3's mixing, four bytes at a time; the last four overlap. */
function hashBytes(view: DataView, start: number, end: number): number {
  let hash = end - start
  for (let at = start; at < end - 4; at += 4) {
    const mixed = Math.imul(view.getInt32(at, true), 0xcc9e2d51)
    hash ^= Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
  }
  hash ^= view.getInt32(end - 4, true)
  return Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
}

/** Whether the bytes at `start` are those of an entry; their length is. */
function isEntry(strings: StringTable, code: number, bytes: Uint8Array, start: number): boolean {
  const entries = strings.bytes
  const end = strings.offsets[code + 1] as number
  let from = start
  for (let at = strings.offsets[code] as number; at < end; at++) {
    if (entries[at] !== bytes[from++]) return false
  }
  return true
}

/** The code of a new entry; -1 when a limit is reached. */
function addEntry(strings: StringTable, entry: Uint8Array): number {
  const code = strings.count
  const at = strings.offsets[code] as number
  const end = at + entry.length
  if (code >= strings.entriesMax || end + strings.overheadBytes * (code + 1) > strings.bytesMax) return -1
  strings.bytes = grownBytes(strings.bytes, end)
  strings.bytes.set(entry, at)
  strings.offsets[code + 1] = end
  strings.count += 1
  return code
}

function growStrings(strings: StringTable): void {
  const { count } = strings
  strings.keys = grownInts(strings.keys, count * 4)
  strings.offsets = grownInts(strings.offsets, count * 2 + 1)
  const { keys, offsets } = strings
  const table = new Int32Array(tableSlots(count * 2))
  const mask = table.length - 1
  for (let code = 0; code < count; code++) {
    const size = (offsets[code + 1] as number) - (offsets[code] as number)
    let slot = hashPair(keys[2 * code] as number, (keys[2 * code + 1] as number) ^ size) & mask
    while (table[slot] !== 0) slot = (slot + 1) & mask
    table[slot] = code + 1
  }
  strings.table = table
}
