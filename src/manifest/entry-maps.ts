/**
 * Statistics of files as columns: maps from field ids to counts or to bounds, copied from where they stand in a
 * manifest. There are a hundred values in an entry, so none of them becomes an object. What is copied was walked, so
 * it lies inside the bytes.
 */
import { LakeError } from '../base/errors.js'
import type { MapVector } from '../batch/column-batch.js'
import { copyBytes, grownBytes, grownInts, grownLongs, Offsets, Validity } from '../batch/growable.js'
import { int32Words } from '../batch/int-words.js'
import { numberAt, varintEnd } from '../format/avro-number.js'
import { checkCount, type EntryCursor } from './entry-cursor.js'
import type { MapColumn } from './manifest-schema.js'

/** What to have room for from the start. */
export interface MapRoom {
  readonly rows: number
  readonly pairs: number
  readonly bytes: number
}

/** Builds a column of maps by field id; it is used once. */
export interface EntryMapBuilder {
  /** Appends the map of a whole entry, null when it has none. @throws corrupt for negative counts */
  append(entry: EntryCursor): void
  /** The room that another column of about this size needs. */
  readonly room: MapRoom
  finish(): MapVector
}

/** What both kinds of maps have: their rows and keys. */
class MapRows {
  length = 0
  pairs = 0
  keys: Int32Array
  readonly #offsets: Offsets
  readonly #validity = new Validity()

  constructor({ rows, pairs }: MapRoom) {
    this.#offsets = new Offsets(rows)
    this.keys = new Int32Array(pairs)
  }

  reserve(pairs: number): void {
    this.keys = grownInts(this.keys, this.pairs + pairs)
  }

  endRow(present: boolean): void {
    this.#offsets.append(this.length, this.pairs)
    this.#validity.append(this.length, present)
    this.length++
  }

  finish(values: MapVector['values']): MapVector {
    const { length, pairs } = this
    return {
      layout: 'map',
      length,
      validity: this.#validity.finish(length),
      offsets: this.#offsets.finish(length),
      keys: { layout: 'fixed-width', length: pairs, values: this.keys.subarray(0, pairs) },
      values,
    }
  }
}

/** Takes pairs that stand one behind the other, and says where they end. */
type PairTaker = (bytes: Uint8Array, at: number, count: number) => number

/** Walks along the blocks of a stored map; a negative count is followed by the bytes of the block. */
function walkBlocks(bytes: Uint8Array, at: number, take: PairTaker): void {
  let here = at
  for (;;) {
    const count = numberAt(bytes, here)
    here = varintEnd(bytes, here)
    if (count === 0) return
    if (count < 0) here = varintEnd(bytes, here)
    here = take(bytes, here, Math.abs(count))
  }
}

/** Builds a column of maps from field ids to counts. */
export class CountsBuilder implements EntryMapBuilder {
  readonly #column: MapColumn
  readonly #rows: MapRows
  #values: BigInt64Array
  /** The same memory. */
  #words: Int32Array

  constructor(column: MapColumn, room: MapRoom) {
    this.#column = column
    this.#rows = new MapRows(room)
    this.#values = new BigInt64Array(room.pairs)
    this.#words = int32Words(this.#values)
  }

  append(entry: EntryCursor): void {
    const at = entry.at(this.#column)
    if (at >= 0) walkBlocks(entry.block.bytes, at, this.#appendPairs)
    this.#rows.endRow(at >= 0 || (!entry.isUsual(this.#column) && this.#appendUnusual(entry)))
  }

  readonly #appendPairs: PairTaker = (bytes, at, count) => {
    this.#reserve(count)
    const { keys } = this.#rows
    const words = this.#words
    let here = at
    let pair = this.#rows.pairs
    for (const end = pair + count; pair < end; pair++) {
      const key = bytes[here] as number
      if (key < 0x80 && (key & 1) === 0) {
        keys[pair] = key >>> 1
        here++
      } else {
        keys[pair] = fieldIdAt(bytes, here)
        here = varintEnd(bytes, here)
      }
      // Zigzag: the lowest bit is the sign, and counts have none.
      const first = bytes[here] as number
      const second = bytes[here + 1] as number
      let low: number
      let high = 0
      if ((first & 1) !== 0) checkCount(numberAt(bytes, here), this.#column.mapValue)
      if (first < 0x80) {
        low = first >>> 1
        here++
      } else if (second < 0x80) {
        low = ((first & 0x7f) | (second << 7)) >>> 1
        here += 2
      } else {
        const value = numberAt(bytes, here)
        here = varintEnd(bytes, here)
        low = value | 0
        high = Math.floor(value / 2 ** 32)
      }
      words[2 * pair] = low
      words[2 * pair + 1] = high
    }
    this.#rows.pairs = pair
    return here
  }

  /** Of a file whose statistics are not stored as the specification says; false when it has none. */
  #appendUnusual(entry: EntryCursor): boolean {
    const counts = entry.counts(this.#column, undefined)
    if (counts === undefined) return false
    this.#reserve(counts.size)
    for (const [fieldId, count] of counts) {
      this.#rows.keys[this.#rows.pairs] = checkFieldId(fieldId)
      this.#values[this.#rows.pairs++] = BigInt(count)
    }
    return true
  }

  #reserve(pairs: number): void {
    this.#rows.reserve(pairs)
    if (this.#rows.pairs + pairs <= this.#values.length) return
    this.#values = grownLongs(this.#values, this.#rows.pairs + pairs)
    this.#words = int32Words(this.#values)
  }

  get room(): MapRoom {
    return { rows: this.#rows.length, pairs: this.#rows.pairs, bytes: 0 }
  }

  finish(): MapVector {
    const { pairs } = this.#rows
    return this.#rows.finish({
      layout: 'fixed-width',
      length: pairs,
      values: this.#values.subarray(0, pairs),
    })
  }
}

/** Builds a column of maps from field ids to bounds, in the form in which they are stored. */
export class BoundsBuilder implements EntryMapBuilder {
  readonly #column: MapColumn
  readonly #rows: MapRows
  readonly #ends: Offsets
  #bytes: Uint8Array
  #size = 0

  constructor(column: MapColumn, room: MapRoom) {
    this.#column = column
    this.#rows = new MapRows(room)
    this.#ends = new Offsets(room.pairs)
    this.#bytes = new Uint8Array(room.bytes)
  }

  append(entry: EntryCursor): void {
    const at = entry.at(this.#column)
    if (at >= 0) walkBlocks(entry.block.bytes, at, this.#appendPairs)
    this.#rows.endRow(at >= 0 || (!entry.isUsual(this.#column) && this.#appendUnusual(entry)))
  }

  readonly #appendPairs: PairTaker = (bytes, at, count) => {
    let here = at
    this.#rows.reserve(count)
    for (let left = count; left > 0; left--) {
      const key = bytes[here] as number
      const isShort = key < 0x80 && (key & 1) === 0
      const fieldId = isShort ? key >>> 1 : fieldIdAt(bytes, here)
      here = isShort ? here + 1 : varintEnd(bytes, here)
      const length = numberAt(bytes, here)
      here = varintEnd(bytes, here)
      this.#appendBound(fieldId, bytes, here, here + length)
      here += length
    }
    return here
  }

  /** Arguments by position: this is asked of every bound. There is room for the key. */
  #appendBound(fieldId: number, source: Uint8Array, begin: number, end: number): void {
    const from = this.#size
    this.#size += end - begin
    if (this.#size > this.#bytes.length) this.#bytes = grownBytes(this.#bytes, this.#size)
    copyBytes(source, begin, end, this.#bytes, from)
    this.#ends.append(this.#rows.pairs, this.#size)
    this.#rows.keys[this.#rows.pairs++] = fieldId
  }

  /** Of a file whose statistics are not stored as the specification says; false when it has none. */
  #appendUnusual(entry: EntryCursor): boolean {
    const bounds = entry.bounds(this.#column, undefined)
    if (bounds === undefined) return false
    this.#rows.reserve(bounds.size)
    for (const [fieldId, bytes] of bounds) this.#appendBound(checkFieldId(fieldId), bytes, 0, bytes.length)
    return true
  }

  get room(): MapRoom {
    return { rows: this.#rows.length, pairs: this.#rows.pairs, bytes: this.#size }
  }

  finish(): MapVector {
    const { pairs } = this.#rows
    return this.#rows.finish({
      layout: 'var-bytes',
      length: pairs,
      offsets: this.#ends.finish(pairs),
      bytes: this.#bytes.subarray(0, this.#size),
    })
  }
}

function fieldIdAt(bytes: Uint8Array, at: number): number {
  return checkFieldId(numberAt(bytes, at))
}

function checkFieldId(fieldId: number): number {
  if ((fieldId | 0) === fieldId) return fieldId
  throw new LakeError('corrupt', 'a field id of file statistics is out of range')
}
