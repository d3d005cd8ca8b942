/**
 * What the columns of a batch are built with: one `AvroColumn` a field, told value after value in the order of the
 * file, and the growing arrays inside them.
 */
import { LakeError } from '../../base/errors.js'
import type { Bitmap, Vector } from '../../batch/column-batch.js'
import { COPY_SLACK_BYTES, type CopyEnd, copyBytes, copyEnd } from '../parquet/encoding/copy-bytes.js'
import type { BlockCursor } from './cursor.js'

/** Collects the values of a column. */
export interface AvroColumn {
  /** Takes the value at the cursor. @throws corrupt */
  read(cursor: BlockCursor): void
  appendNull(): void
  /** The values so far; the column begins anew. */
  finish(): Vector
}

/** Counts what the columns of a batch take, so that a few bytes cannot ask for all memory. */
export class Meter {
  bytes = 0
  /** More is refused. */
  bytesMax: number = Number.POSITIVE_INFINITY

  /** @throws unsupported when the columns take more than allowed */
  take(bytes: number): void {
    this.bytes += bytes
    if (this.bytes > this.bytesMax)
      throw new LakeError('unsupported', 'a row of the avro file takes too much memory')
  }
}

const FIRST_ROWS = 512

/** The null rows of a column; nothing is allocated before the first. */
export class NullRows {
  #bits: Bitmap | undefined

  mark(row: number): void {
    const byte = row >> 3
    if (this.#bits === undefined || byte >= this.#bits.length) this.#grow(byte)
    const bits = this.#bits as Bitmap
    bits[byte] = (bits[byte] as number) | (1 << (row & 7))
  }

  #grow(byte: number): void {
    const larger = new Uint8Array(Math.max(FIRST_ROWS, 2 * byte))
    if (this.#bits !== undefined) larger.set(this.#bits)
    this.#bits = larger
  }

  /** The validity of `length` rows, undefined when none is null. Begins anew. */
  finish(length: number): Bitmap | undefined {
    const nulls = this.#bits
    if (nulls === undefined) return undefined
    this.#bits = undefined
    const validity = new Uint8Array((length + 7) >> 3)
    for (let byte = 0; byte < validity.length; byte++) validity[byte] = ~(nulls[byte] ?? 0)
    const last = length & 7
    if (last !== 0) {
      const byte = validity.length - 1
      validity[byte] = (validity[byte] as number) & ((1 << last) - 1)
    }
    return validity
  }
}

/** Rows and their nulls, as vectors have them. */
export interface FinishedRows {
  readonly length: number
  readonly validity: Bitmap | undefined
}

/** Rows of 32-bit words, the same number of them each. */
export class WordRows {
  /** Another array after each `next`. */
  words: Int32Array<ArrayBuffer> = new Int32Array(0)
  length = 0
  readonly #wordsPerRow: number
  readonly #meter: Meter
  readonly #nulls = new NullRows()

  constructor(wordsPerRow: number, meter: Meter) {
    this.#wordsPerRow = wordsPerRow
    this.#meter = meter
  }

  /** Where the words of the next row begin. */
  next(): number {
    const at = this.length * this.#wordsPerRow
    if (at === this.words.length) this.#grow()
    this.length++
    return at
  }

  /** The next row is null; its words are zero. */
  nextNull(): void {
    this.#nulls.mark(this.length)
    this.next()
  }

  #grow(): void {
    const larger = new Int32Array(Math.max(FIRST_ROWS * this.#wordsPerRow, 2 * this.words.length))
    this.#meter.take(4 * (larger.length - this.words.length))
    larger.set(this.words)
    this.words = larger
  }

  /** The rows, at their exact length. Begins anew. */
  finish(): FinishedRows & { readonly words: Int32Array<ArrayBuffer> } {
    const { length } = this
    const words = exactly(this.words, length * this.#wordsPerRow)
    this.words = new Int32Array(0)
    this.length = 0
    return { length, validity: this.#nulls.finish(length), words }
  }
}

/** A view, or a copy when more than an eighth of the array is not used. */
function exactly(words: Int32Array<ArrayBuffer>, used: number): Int32Array<ArrayBuffer> {
  return words.length - used > words.length >> 3 ? words.slice(0, used) : words.subarray(0, used)
}

/** Rows of any number of things each, known by where they end. */
export class OffsetRows {
  readonly #ends: WordRows

  constructor(meter: Meter) {
    this.#ends = new WordRows(1, meter)
  }

  /** The next row ends at `end`. */
  next(end: number): void {
    const at = this.#ends.next()
    this.#ends.words[at] = end
  }

  nextNull(end: number): void {
    this.#ends.nextNull()
    this.#ends.words[this.#ends.length - 1] = end
  }

  finish(): FinishedRows & { readonly offsets: Int32Array } {
    const { length, validity, words } = this.#ends.finish()
    const offsets = new Int32Array(length + 1)
    offsets.set(words, 1)
    return { length, validity, offsets }
  }
}

/** Bytes one behind the other. */
export class GrowingBytes {
  length = 0
  #target: CopyEnd = copyEnd(new Uint8Array(0))
  readonly #meter: Meter

  constructor(meter: Meter) {
    this.#meter = meter
  }

  /** Appends bytes of the source. */
  append(source: CopyEnd, from: number, count: number): void {
    this.#makeRoom(count + COPY_SLACK_BYTES)
    copyBytes(source, from, this.#target, this.length, count)
    this.length += count
  }

  appendZeros(count: number): void {
    this.#makeRoom(count)
    // Copies may have left something behind the last.
    this.#target.bytes.fill(0, this.length, this.length + count)
    this.length += count
  }

  #makeRoom(count: number): void {
    const needed = this.length + count
    const { bytes } = this.#target
    if (needed <= bytes.length) return
    const sizeBytes = Math.max(needed, 2 * bytes.length, FIRST_ROWS)
    this.#meter.take(sizeBytes - bytes.length)
    const larger = new Uint8Array(sizeBytes)
    larger.set(bytes.subarray(0, this.length))
    this.#target = copyEnd(larger)
  }

  /** The bytes, at their exact length. Begins anew. */
  finish(): Uint8Array {
    const { bytes } = this.#target
    const { length } = this
    this.#target = copyEnd(new Uint8Array(0))
    this.length = 0
    return bytes.length - length > bytes.length >> 3 ? bytes.slice(0, length) : bytes.subarray(0, length)
  }
}
