/**
 * A cursor over the entries of a manifest's blocks. `next` walks an entry; the other methods read fields of the
 * entry that was walked, straight from the block's bytes, so nothing is decoded that nobody asks for.
 *
 * A field that is absent from the file and a stored null read the same: `undefined`. Values are copied out: what
 * is kept does not keep the block.
 */
import { asBuffer } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import {
  type AvroFieldRef,
  bytesField,
  countField,
  longField,
  numberField,
  numbersField,
  recordsField,
  required,
  textField,
} from '../format/avro-fields.js'
import { bigintAt, numberAt, varintEnd } from '../format/avro-number.js'
import { clearNotes, type WalkNotes, walkRecord } from '../format/avro-walk.js'
import type { EntryBlock } from './entry-blocks.js'
import { type EntryLayout, STATISTICS_COLUMNS, slotOf } from './entry-layout.js'
import { FILE, type ManifestColumn, type MapColumn } from './manifest-schema.js'

/** A map with nothing in it, shared by all files whose statistics nobody asked for. */
const NO_NUMBERS: ReadonlyMap<number, number> = new Map()
const NO_BYTES: ReadonlyMap<number, Uint8Array> = new Map()
/** Field ids above are looked up in no table, and their columns are not pruned by statistics. */
const KEY_MAX = 2 ** 16
const TUPLE_SLOT = slotOf(FILE.partition)

/** Where an entry is read from. */
export class EntryCursor {
  readonly #layout: EntryLayout
  readonly #notes: WalkNotes
  readonly #toCheckpoint: { notes: WalkNotes; from: number; to: number }
  readonly #toEnd: { notes: WalkNotes; from: number; to: number }
  readonly #columns: readonly number[]
  readonly #cursor: { bytes: Uint8Array; at: number } = { bytes: new Uint8Array(0), at: 0 }
  #block: EntryBlock = { bytes: new Uint8Array(0), count: 0 }
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  #index = -1
  #isWhole = true

  /** `columns`: the columns that `statisticAt` will ask for. */
  constructor(layout: EntryLayout, columns: Iterable<number> = []) {
    this.#layout = layout
    this.#columns = [...columns].filter(id => id >= 0 && id < KEY_MAX)
    const columnOf = new Int32Array(Math.max(-1, ...this.#columns) + 1).fill(-1)
    this.#columns.forEach((id, column) => {
      columnOf[id] = column
    })
    const count = this.#columns.length
    this.#notes = {
      slots: new Int32Array(layout.slotCount),
      values: new Int32Array(count * STATISTICS_COLUMNS.length),
      columnOf,
      columns: count,
    }
    const { checkpoint, steps } = layout.program
    this.#toCheckpoint = { notes: this.#notes, from: 0, to: checkpoint }
    this.#toEnd = { notes: this.#notes, from: checkpoint, to: steps.length }
  }

  /** Goes before the first entry of a block. */
  open(block: EntryBlock): void {
    this.#block = block
    this.#buffer = asBuffer(block.bytes)
    this.#at = 0
    this.#index = -1
    this.#isWhole = true
  }

  /**
   * Walks the next entry up to the end of its tuple; false behind the last. The rest is walked by `whole`, and is
   * passed over when nobody calls that and the block knows where its entries end.
   * @throws corrupt when the entry is broken, or the block is not that many entries
   */
  next(): boolean {
    if (this.#index >= 0) this.#finish()
    this.#index++
    if (this.#index >= this.#block.count) {
      if (this.#at === this.#block.bytes.length) return false
      throw new LakeError('corrupt', 'an avro block holds more than its records')
    }
    clearNotes(this.#notes)
    this.#isWhole = false
    this.#at = walkRecord(this.#layout.program, this.#block.bytes, this.#at, this.#toCheckpoint)
    return true
  }

  /** Walks the rest of the entry. */
  whole(): void {
    if (this.#isWhole) return
    this.#isWhole = true
    this.#at = walkRecord(this.#layout.program, this.#block.bytes, this.#at, this.#toEnd)
  }

  #finish(): void {
    const { ends } = this.#block
    const known = ends?.[this.#index]
    if (!this.#isWhole && known !== undefined && known > 0) {
      this.#at = known
      return
    }
    this.whole()
    if (ends !== undefined) ends[this.#index] = this.#at
  }

  has(column: ManifestColumn): boolean {
    return this.#notes.slots[slotOf(column)] !== -1
  }

  /** False for a column that is stored in another type than the specification says; then `at` does not find it. */
  isUsual(column: ManifestColumn): boolean {
    return this.#layout.decoders[slotOf(column)] === undefined
  }

  /** Where the stored value of a usual column begins; -1 for none. Those behind the tuple need a whole entry. */
  at(column: ManifestColumn): number {
    const slot = slotOf(column)
    return this.#layout.decoders[slot] === undefined ? (this.#notes.slots[slot] as number) : -1
  }

  /** An int or long that is exact as a number. */
  number(column: ManifestColumn): number | undefined {
    const slot = slotOf(column)
    const at = this.#notes.slots[slot] as number
    if (at < 0) return undefined
    if (this.#layout.decoders[slot] !== undefined) return numberField(this.#unusual(slot, at, column), column)
    return numberAt(this.#block.bytes, at)
  }

  /** A size, count or offset: an int or long from 0. */
  count(column: ManifestColumn): number | undefined {
    const value = this.number(column)
    return value === undefined ? undefined : checkCount(value, column)
  }

  long(column: ManifestColumn): bigint | undefined {
    const slot = slotOf(column)
    const at = this.#notes.slots[slot] as number
    if (at < 0) return undefined
    if (this.#layout.decoders[slot] !== undefined) return longField(this.#unusual(slot, at, column), column)
    return bigintAt(this.#block.bytes, at)
  }

  text(column: ManifestColumn): string | undefined {
    const slot = slotOf(column)
    const at = this.#notes.slots[slot] as number
    if (at < 0) return undefined
    if (this.#layout.decoders[slot] !== undefined) return textField(this.#unusual(slot, at, column), column)
    const begin = varintEnd(this.#block.bytes, at)
    return this.#buffer.toString('utf8', begin, begin + numberAt(this.#block.bytes, at))
  }

  bytes(column: ManifestColumn): Uint8Array | undefined {
    const slot = slotOf(column)
    const at = this.#notes.slots[slot] as number
    if (at < 0) return undefined
    if (this.#layout.decoders[slot] !== undefined) return bytesField(this.#unusual(slot, at, column), column)
    const begin = varintEnd(this.#block.bytes, at)
    return this.#block.bytes.slice(begin, begin + numberAt(this.#block.bytes, at))
  }

  numbers(column: ManifestColumn): readonly number[] | undefined {
    const slot = slotOf(column)
    const at = this.#notes.slots[slot] as number
    if (at < 0) return undefined
    if (this.#layout.decoders[slot] !== undefined)
      return numbersField(this.#unusual(slot, at, column), column)
    const numbers: number[] = []
    this.#place(at)
    for (let left = this.#blockCount(); left > 0; left = this.#blockCount())
      for (; left > 0; left--) numbers.push(this.#takeNumber())
    return numbers
  }

  /** A map of counts; with `wanted`, of those columns only. */
  counts(
    column: MapColumn,
    wanted: ReadonlySet<number> | undefined,
  ): ReadonlyMap<number, number> | undefined {
    const slot = slotOf(column)
    const at = this.#notes.slots[slot] as number
    if (at < 0) return undefined
    if (wanted?.size === 0) return NO_NUMBERS
    if (this.#layout.decoders[slot] !== undefined) return this.#unusualMap(column, wanted, countField)
    const map = new Map<number, number>()
    this.#place(at)
    for (let left = this.#blockCount(); left > 0; left = this.#blockCount()) {
      for (; left > 0; left--) {
        const id = this.#takeNumber()
        const value = this.#cursor.at
        this.#cursor.at = varintEnd(this.#cursor.bytes, value)
        if (wanted === undefined || wanted.has(id))
          map.set(id, checkCount(numberAt(this.#cursor.bytes, value), column.mapValue))
      }
    }
    return map
  }

  /** A map of bounds; with `wanted`, of those columns only. */
  bounds(
    column: MapColumn,
    wanted: ReadonlySet<number> | undefined,
  ): ReadonlyMap<number, Uint8Array> | undefined {
    const slot = slotOf(column)
    const at = this.#notes.slots[slot] as number
    if (at < 0) return undefined
    if (wanted?.size === 0) return NO_BYTES
    if (this.#layout.decoders[slot] !== undefined) return this.#unusualMap(column, wanted, bytesField)
    const map = new Map<number, Uint8Array>()
    this.#place(at)
    for (let left = this.#blockCount(); left > 0; left = this.#blockCount()) {
      for (; left > 0; left--) {
        const id = this.#takeNumber()
        const length = this.#takeNumber()
        const begin = this.#cursor.at
        this.#cursor.at = begin + length
        if (wanted === undefined || wanted.has(id))
          map.set(id, this.#cursor.bytes.slice(begin, begin + length))
      }
    }
    return map
  }

  /**
   * Where the value of a statistic begins, -1 when the file has none: `row` counts in `STATISTICS_COLUMNS`, `column`
   * in the columns that the cursor was made with. Needs a whole entry.
   */
  statisticAt(row: number, column: number): number {
    return this.#notes.values[row * this.#notes.columns + column] as number
  }

  /** The count that begins at `at`. */
  countAt(at: number): number {
    return numberAt(this.#block.bytes, at)
  }

  /** The bytes that begin with their length at `at`: in the block's memory, for a moment's use. */
  bytesAt(at: number): Uint8Array {
    const begin = varintEnd(this.#block.bytes, at)
    return this.#block.bytes.subarray(begin, begin + numberAt(this.#block.bytes, at))
  }

  /** The columns that `statisticAt` knows, in its order. */
  get columns(): readonly number[] {
    return this.#columns
  }

  /** The range of the tuple's bytes in the block; empty when there is no tuple. */
  tupleRange(range: { begin: number; end: number }): void {
    const { slots } = this.#notes
    const end = slots[this.#layout.partitionEndSlot] as number
    range.begin = end < 0 ? 0 : (slots[TUPLE_SLOT] as number)
    range.end = end < 0 ? 0 : end
  }

  /** The stored value of a field of the tuple; undefined for none. */
  tupleValue(index: number): unknown {
    const field = this.#layout.tuple[index]
    const at = field === undefined ? -1 : (this.#notes.slots[field.slot] as number)
    if (field === undefined || at < 0) return undefined
    this.#place(at)
    return field.decode(this.#cursor)
  }

  get block(): EntryBlock {
    return this.#block
  }

  /** How far the block has been walked. */
  get position(): number {
    return this.#at
  }

  #place(at: number): void {
    this.#cursor.bytes = this.#block.bytes
    this.#cursor.at = at
  }

  #takeNumber(): number {
    const { bytes, at } = this.#cursor
    this.#cursor.at = varintEnd(bytes, at)
    return numberAt(bytes, at)
  }

  /** Items of the next block of a list; a negative count is followed by the block's size. */
  #blockCount(): number {
    const count = this.#takeNumber()
    if (count >= 0) return count
    this.#takeNumber()
    return -count
  }

  /** A value whose type is not what the specification gives the column, as the field of a record. */
  #unusual(slot: number, at: number, column: ManifestColumn): { readonly [key: string]: unknown } {
    this.#place(at)
    return { [column.key]: this.#layout.decoders[slot]?.(this.#cursor) }
  }

  #unusualMap<V>(
    column: MapColumn,
    wanted: ReadonlySet<number> | undefined,
    read: (record: { readonly [key: string]: unknown }, field: AvroFieldRef) => V | undefined,
  ): ReadonlyMap<number, V> | undefined {
    const slot = slotOf(column)
    const items = recordsField(this.#unusual(slot, this.#notes.slots[slot] as number, column), column)
    if (items === undefined) return undefined
    const map = new Map<number, V>()
    for (const item of items) {
      const id = required(numberField(item, column.mapKey), column.mapKey)
      const value = wanted === undefined || wanted.has(id) ? read(item, column.mapValue) : undefined
      if (value !== undefined) map.set(id, value)
    }
    return map
  }
}

/** @throws corrupt for a negative one */
export function checkCount(value: number, field: AvroFieldRef): number {
  if (value >= 0) return value
  throw new LakeError('corrupt', 'a count in an avro record is negative', { context: { field: field.name } })
}
