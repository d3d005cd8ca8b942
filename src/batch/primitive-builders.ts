/** Builders of columns of primitive types, one a layout; `vector-builder.ts` chooses among them. */
import { asBuffer } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { printType } from '../schema/type-text.js'
import type { Type, Value } from '../schema/types.js'
import { setBit } from './bitmap.js'
import type { Bitmap, FixedWidthValues, Vector } from './column-batch.js'
import { copyBytes, grownBytes, grownInts, grownLongs, Offsets, Validity } from './growable.js'
import { int32Words } from './int-words.js'

/** @throws invalid-argument always */
export function misfit(type: Type): never {
  throw new LakeError('invalid-argument', 'a value does not have the form of its type', {
    context: { type: printType(type) },
  })
}

type NumberValues = Exclude<FixedWidthValues, BigInt64Array>

function grownNumbers(values: NumberValues): NumberValues {
  const length = values.length * 2
  if (values instanceof Int32Array) return grownInts(values, length)
  const grown = values instanceof Float32Array ? new Float32Array(length) : new Float64Array(length)
  grown.set(values)
  return grown
}

export class NumberBuilder {
  length = 0
  readonly #type: Type
  readonly #integers: boolean
  readonly #validity = new Validity()
  #values: NumberValues

  constructor(type: Type, values: NumberValues) {
    this.#type = type
    this.#integers = values instanceof Int32Array
    this.#values = values
  }

  append(value: Value): void {
    if (this.length === this.#values.length) this.#values = grownNumbers(this.#values)
    if (value !== null) {
      if (typeof value !== 'number' || (this.#integers && (value | 0) !== value)) misfit(this.#type)
      this.#values[this.length] = value
    }
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  finish(): Vector {
    const values = this.#values.subarray(0, this.length)
    return {
      layout: 'fixed-width',
      length: this.length,
      validity: this.#validity.finish(this.length),
      values,
    }
  }
}

export class LongBuilder {
  length = 0
  readonly #type: Type
  readonly #validity = new Validity()
  #values: BigInt64Array
  /** The same memory. */
  #words: Int32Array

  constructor(type: Type, rows: number) {
    this.#type = type
    this.#values = new BigInt64Array(rows)
    this.#words = int32Words(this.#values)
  }

  append(value: Value): void {
    if (this.length === this.#values.length) this.#grow()
    if (value !== null) {
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) misfit(this.#type)
      this.#values[this.length] = value
    }
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  /** Appends a whole number that is exact; no bigint is made of it. */
  appendNumber(value: number): void {
    this.appendWords(value | 0, Math.floor(value / 2 ** 32))
  }

  /** Appends a value by its two halves. */
  appendWords(low: number, high: number): void {
    if (this.length === this.#values.length) this.#grow()
    this.#words[2 * this.length] = low
    this.#words[2 * this.length + 1] = high
    this.#validity.append(this.length, true)
    this.length++
  }

  #grow(): void {
    this.#values = grownLongs(this.#values, this.length + 1)
    this.#words = int32Words(this.#values)
  }

  finish(): Vector {
    const values = this.#values.subarray(0, this.length)
    return {
      layout: 'fixed-width',
      length: this.length,
      validity: this.#validity.finish(this.length),
      values,
    }
  }
}

export class DecimalBuilder {
  length = 0
  readonly #type: Type
  readonly #validity = new Validity()
  #words: BigInt64Array

  constructor(type: Type, rows: number) {
    this.#type = type
    this.#words = new BigInt64Array(rows * 2)
  }

  append(value: Value): void {
    this.#words = grownLongs(this.#words, this.length * 2 + 2)
    if (value !== null) {
      if (typeof value !== 'bigint' || BigInt.asIntN(128, value) !== value) misfit(this.#type)
      this.#words[this.length * 2] = BigInt.asIntN(64, value)
      this.#words[this.length * 2 + 1] = value >> 64n
    }
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  finish(): Vector {
    const words = this.#words.subarray(0, this.length * 2)
    return { layout: 'decimal', length: this.length, validity: this.#validity.finish(this.length), words }
  }
}

export class BooleanBuilder {
  length = 0
  readonly #type: Type
  readonly #validity = new Validity()
  #bits: Bitmap = new Uint8Array(8)

  constructor(type: Type) {
    this.#type = type
  }

  append(value: Value): void {
    if (value !== null && typeof value !== 'boolean') misfit(this.#type)
    this.#bits = grownBytes(this.#bits, (this.length >> 3) + 1)
    if (value === true) setBit(this.#bits, this.length)
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  finish(): Vector {
    const bits = this.#bits.subarray(0, (this.length + 7) >> 3)
    return { layout: 'boolean', length: this.length, validity: this.#validity.finish(this.length), bits }
  }
}

export class FixedBytesBuilder {
  length = 0
  readonly #type: Type
  readonly #width: number
  readonly #validity = new Validity()
  #bytes: Uint8Array

  constructor(type: Type, widthBytes: number, rows: number) {
    this.#type = type
    this.#width = widthBytes
    this.#bytes = new Uint8Array(rows * widthBytes)
  }

  append(value: Value): void {
    const at = this.length * this.#width
    this.#bytes = grownBytes(this.#bytes, at + this.#width)
    if (value !== null) {
      if (!(value instanceof Uint8Array) || value.length !== this.#width) misfit(this.#type)
      this.#bytes.set(value, at)
    }
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  finish(): Vector {
    return {
      layout: 'fixed-bytes',
      length: this.length,
      validity: this.#validity.finish(this.length),
      widthBytes: this.#width,
      bytes: this.#bytes.subarray(0, this.length * this.#width),
    }
  }
}

export class BytesBuilder {
  length = 0
  readonly #type: Type
  readonly #validity = new Validity()
  readonly #offsets: Offsets
  #bytes: Uint8Array
  #end = 0

  constructor(type: Type, rows: number) {
    this.#type = type
    this.#offsets = new Offsets(rows)
    this.#bytes = new Uint8Array(rows * 16)
  }

  append(value: Value): void {
    if (value !== null) {
      if (!(value instanceof Uint8Array)) misfit(this.#type)
      this.#bytes = grownBytes(this.#bytes, this.#end + value.length)
      this.#bytes.set(value, this.#end)
      this.#end += value.length
    }
    this.#offsets.append(this.length, this.#end)
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  /** Appends the bytes of a range. */
  appendRange(source: Uint8Array, begin: number, end: number): void {
    this.#bytes = grownBytes(this.#bytes, this.#end + end - begin)
    copyBytes(source, begin, end, this.#bytes, this.#end)
    this.#end += end - begin
    this.#offsets.append(this.length, this.#end)
    this.#validity.append(this.length, true)
    this.length++
  }

  finish(): Vector {
    return {
      layout: 'var-bytes',
      length: this.length,
      validity: this.#validity.finish(this.length),
      offsets: this.#offsets.finish(this.length),
      bytes: this.#bytes.subarray(0, this.#end),
    }
  }
}

export class StringBuilder {
  length = 0
  readonly #type: Type
  readonly #validity = new Validity()
  readonly #offsets: Offsets
  #bytes: Buffer
  #end = 0

  constructor(type: Type, rows: number) {
    this.#type = type
    this.#offsets = new Offsets(rows)
    this.#bytes = asBuffer(new Uint8Array(rows * 16))
  }

  append(value: Value): void {
    if (value !== null) {
      if (typeof value !== 'string') misfit(this.#type)
      this.#appendText(value)
    }
    this.#offsets.append(this.length, this.#end)
    this.#validity.append(this.length, value !== null)
    this.length++
  }

  /** Appends a text that is stored in a range, as UTF-8 without faults. */
  appendRange(source: Uint8Array, begin: number, end: number): void {
    const length = this.#end + end - begin
    if (length > this.#bytes.length) this.#bytes = asBuffer(grownBytes(this.#bytes, length))
    copyBytes(source, begin, end, this.#bytes, this.#end)
    this.#end = length
    this.#offsets.append(this.length, length)
    this.#validity.append(this.length, true)
    this.length++
  }

  /** Short ASCII is copied here: calling into the encoder costs more than the text. */
  #appendText(text: string): void {
    const room = this.#end + text.length * 3
    if (room > this.#bytes.length) this.#bytes = asBuffer(grownBytes(this.#bytes, room))
    const bytes = this.#bytes
    let at = 0
    if (text.length <= 32) {
      for (; at < text.length; at++) {
        const unit = text.charCodeAt(at)
        if (unit > 0x7f) break
        bytes[this.#end + at] = unit
      }
    }
    this.#end += at === text.length ? at : bytes.write(text, this.#end, 'utf8')
  }

  finish(): Vector {
    return {
      layout: 'var-bytes',
      length: this.length,
      validity: this.#validity.finish(this.length),
      offsets: this.#offsets.finish(this.length),
      bytes: new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#end),
    }
  }
}

export class NullBuilder {
  length = 0
  readonly #type: Type

  constructor(type: Type) {
    this.#type = type
  }

  append(value: Value): void {
    if (value !== null) misfit(this.#type)
    this.length++
  }

  finish(): Vector {
    return { layout: 'null', length: this.length }
  }
}
