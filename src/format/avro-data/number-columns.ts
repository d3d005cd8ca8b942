/** Columns of a fixed width: numbers, dates and times, booleans; and of nothing at all. */
import { LakeError } from '../../base/errors.js'
import { setBit } from '../../batch/bitmap.js'
import type { Vector } from '../../batch/column-batch.js'
import { type AvroColumn, type Meter, WordRows } from './column.js'
import type { BlockCursor } from './cursor.js'

/** int, date. */
export class IntColumn implements AvroColumn {
  readonly #rows: WordRows

  constructor(meter: Meter) {
    this.#rows = new WordRows(1, meter)
  }

  read(cursor: BlockCursor): void {
    const at = this.#rows.next()
    this.#rows.words[at] = cursor.int()
  }

  appendNull(): void {
    this.#rows.nextNull()
  }

  finish(): Vector {
    const { length, validity, words: values } = this.#rows.finish()
    return { layout: 'fixed-width', length, validity, values }
  }
}

/** long, time, timestamps: longs times a factor, which is 1000 for those that are stored in milliseconds. */
export class LongColumn implements AvroColumn {
  readonly #rows: WordRows
  readonly #factor: bigint

  constructor(meter: Meter, factor = 1n) {
    this.#rows = new WordRows(2, meter)
    this.#factor = factor
  }

  read(cursor: BlockCursor): void {
    const at = this.#rows.next()
    cursor.long(this.#rows.words, at)
  }

  appendNull(): void {
    this.#rows.nextNull()
  }

  finish(): Vector {
    const { length, validity, words } = this.#rows.finish()
    const values = new BigInt64Array(words.buffer, words.byteOffset, length)
    if (this.#factor !== 1n) multiply(values, this.#factor)
    return { layout: 'fixed-width', length, validity, values }
  }
}

const MICROS_PER_MILLI = 1000
const WORD = 2 ** 32

/** time that is stored as an int of milliseconds. */
export class MillisColumn implements AvroColumn {
  readonly #rows: WordRows

  constructor(meter: Meter) {
    this.#rows = new WordRows(2, meter)
  }

  read(cursor: BlockCursor): void {
    const at = this.#rows.next()
    const micros = cursor.int() * MICROS_PER_MILLI
    this.#rows.words[at] = micros
    this.#rows.words[at + 1] = Math.floor(micros / WORD)
  }

  appendNull(): void {
    this.#rows.nextNull()
  }

  finish(): Vector {
    const { length, validity, words } = this.#rows.finish()
    const values = new BigInt64Array(words.buffer, words.byteOffset, length)
    return { layout: 'fixed-width', length, validity, values }
  }
}

function multiply(values: BigInt64Array, factor: bigint): void {
  for (let row = 0; row < values.length; row++) {
    const product = (values[row] as bigint) * factor
    if (product !== BigInt.asIntN(64, product))
      throw new LakeError('corrupt', 'an avro timestamp is out of range')
    values[row] = product
  }
}

/** float. */
export class FloatColumn implements AvroColumn {
  readonly #rows: WordRows

  constructor(meter: Meter) {
    this.#rows = new WordRows(1, meter)
  }

  read(cursor: BlockCursor): void {
    const at = this.#rows.next()
    // Bits, not numbers: a load as a number may change the payload of a NaN.
    this.#rows.words[at] = cursor.view.getInt32(cursor.take(4), true)
  }

  appendNull(): void {
    this.#rows.nextNull()
  }

  finish(): Vector {
    const { length, validity, words } = this.#rows.finish()
    const values = new Float32Array(words.buffer, words.byteOffset, length)
    return { layout: 'fixed-width', length, validity, values }
  }
}

/** double. */
export class DoubleColumn implements AvroColumn {
  readonly #rows: WordRows

  constructor(meter: Meter) {
    this.#rows = new WordRows(2, meter)
  }

  read(cursor: BlockCursor): void {
    const at = this.#rows.next()
    const from = cursor.take(8)
    const { words } = this.#rows
    words[at] = cursor.view.getInt32(from, true)
    words[at + 1] = cursor.view.getInt32(from + 4, true)
  }

  appendNull(): void {
    this.#rows.nextNull()
  }

  finish(): Vector {
    const { length, validity, words } = this.#rows.finish()
    const values = new Float64Array(words.buffer, words.byteOffset, length)
    return { layout: 'fixed-width', length, validity, values }
  }
}

/** boolean; a word a row until the batch is finished. */
export class BooleanColumn implements AvroColumn {
  readonly #rows: WordRows

  constructor(meter: Meter) {
    this.#rows = new WordRows(1, meter)
  }

  read(cursor: BlockCursor): void {
    const at = this.#rows.next()
    const value = cursor.bytes[cursor.take(1)] as number
    if (value > 1) throw new LakeError('corrupt', 'an avro boolean is neither true nor false')
    this.#rows.words[at] = value
  }

  appendNull(): void {
    this.#rows.nextNull()
  }

  finish(): Vector {
    const { length, validity, words } = this.#rows.finish()
    const bits = new Uint8Array((length + 7) >> 3)
    for (let row = 0; row < length; row++) if (words[row] === 1) setBit(bits, row)
    return { layout: 'boolean', length, validity, bits }
  }
}

/** unknown: all rows are null and take no bytes. */
export class NullColumn implements AvroColumn {
  #length = 0
  readonly #meter: Meter

  constructor(meter: Meter) {
    this.#meter = meter
  }

  read(): void {
    this.appendNull()
  }

  appendNull(): void {
    this.#meter.take(1)
    this.#length++
  }

  finish(): Vector {
    const length = this.#length
    this.#length = 0
    return { layout: 'null', length }
  }
}
