/** Columns of bytes: strings and binaries, fixed and uuid, decimals, variants. */
import { asBuffer, concatBytes, utf8Encode } from '../../base/bytes.js'
import { errorText, LakeError } from '../../base/errors.js'
import type { DecimalVector, FixedBytesVector, VarBytesVector, Vector } from '../../batch/column-batch.js'
import { parseUuid } from '../../schema/uuid-text.js'
import { decimalsOf } from '../parquet/decode/logical-decimals.js'
import { type CopyEnd, copyEnd } from '../parquet/encoding/copy-bytes.js'
import { checkVariant } from '../variant-value.js'
import { type AvroColumn, GrowingBytes, type Meter, NullRows, OffsetRows } from './column.js'
import type { BlockCursor } from './cursor.js'

/** string, binary, geometry, geography: bytes behind their length. */
export class VarBytesColumn implements AvroColumn {
  readonly #rows: OffsetRows
  readonly #bytes: GrowingBytes

  constructor(meter: Meter) {
    this.#rows = new OffsetRows(meter)
    this.#bytes = new GrowingBytes(meter)
  }

  read(cursor: BlockCursor): void {
    const count = cursor.count()
    this.append(cursor, cursor.take(count), count)
  }

  append(source: CopyEnd, from: number, count: number): void {
    this.#bytes.append(source, from, count)
    this.#rows.next(this.#bytes.length)
  }

  appendNull(): void {
    this.#rows.nextNull(this.#bytes.length)
  }

  /** A null that takes a byte, a zero. */
  appendNullByte(): void {
    this.#bytes.appendZeros(1)
    this.appendNull()
  }

  finish(): VarBytesVector {
    return { layout: 'var-bytes', ...this.#rows.finish(), bytes: this.#bytes.finish() }
  }
}

/** An enum as the text of its symbols. */
export class EnumColumn implements AvroColumn {
  readonly #values: VarBytesColumn
  readonly #symbols: readonly CopyEnd[]

  constructor(symbols: readonly string[], meter: Meter) {
    this.#values = new VarBytesColumn(meter)
    this.#symbols = symbols.map(symbol => copyEnd(utf8Encode(symbol)))
  }

  read(cursor: BlockCursor): void {
    const symbol = this.#symbols[cursor.count()]
    if (symbol === undefined) throw new LakeError('corrupt', 'an avro enum has no such symbol')
    this.#values.append(symbol, 0, symbol.bytes.length)
  }

  appendNull(): void {
    this.#values.appendNull()
  }

  finish(): Vector {
    return this.#values.finish()
  }
}

/** fixed, and a uuid stored as one. */
export class FixedColumn implements AvroColumn {
  readonly #widthBytes: number
  readonly #bytes: GrowingBytes
  readonly #nulls = new NullRows()
  #length = 0

  constructor(widthBytes: number, meter: Meter) {
    this.#widthBytes = widthBytes
    this.#bytes = new GrowingBytes(meter)
  }

  read(cursor: BlockCursor): void {
    this.append(cursor, cursor.take(this.#widthBytes))
  }

  /** Appends the bytes of the source from there on. */
  append(source: CopyEnd, from: number): void {
    this.#bytes.append(source, from, this.#widthBytes)
    this.#length++
  }

  appendNull(): void {
    this.#bytes.appendZeros(this.#widthBytes)
    this.#nulls.mark(this.#length)
    this.#length++
  }

  finish(): FixedBytesVector {
    const length = this.#length
    this.#length = 0
    const bytes = this.#bytes.finish()
    return {
      layout: 'fixed-bytes',
      length,
      validity: this.#nulls.finish(length),
      widthBytes: this.#widthBytes,
      bytes,
    }
  }
}

const UUID_BYTES = 16

/** A uuid stored as text, which files of other systems have. */
export class UuidTextColumn implements AvroColumn {
  readonly #values: FixedColumn

  constructor(meter: Meter) {
    this.#values = new FixedColumn(UUID_BYTES, meter)
  }

  read(cursor: BlockCursor): void {
    const from = cursor.take(cursor.count())
    const uuid = parseUuid(asBuffer(cursor.bytes).toString('latin1', from, cursor.at))
    if (uuid === undefined) throw new LakeError('corrupt', 'an avro uuid is not the text of one')
    this.#values.append(copyEnd(uuid), 0)
  }

  appendNull(): void {
    this.#values.appendNull()
  }

  finish(): Vector {
    return this.#values.finish()
  }
}

/** decimal: big-endian two's complement of one width, or behind a length. */
export class DecimalColumn implements AvroColumn {
  readonly #stored: FixedColumn | VarBytesColumn

  /** `widthBytes` is undefined for decimals behind a length. */
  constructor(widthBytes: number | undefined, meter: Meter) {
    this.#stored = widthBytes === undefined ? new VarBytesColumn(meter) : new FixedColumn(widthBytes, meter)
  }

  read(cursor: BlockCursor): void {
    this.#stored.read(cursor)
  }

  appendNull(): void {
    // What is decoded has to have a byte, also where it means nothing.
    if (this.#stored instanceof FixedColumn) this.#stored.appendNull()
    else this.#stored.appendNullByte()
  }

  finish(): Vector {
    const stored = this.#stored.finish()
    return { ...toDecimals(stored), validity: stored.validity }
  }
}

function toDecimals(stored: FixedBytesVector | VarBytesVector): DecimalVector {
  try {
    return decimalsOf(stored)
  } catch (cause) {
    throw new LakeError('corrupt', 'an avro decimal does not decode', {
      context: { reason: errorText(cause) },
      cause,
    })
  }
}

/** variant: a record of two byte strings; in memory the value stands behind the metadata. */
export class VariantColumn implements AvroColumn {
  readonly #values: VarBytesColumn
  readonly #isValueFirst: boolean

  constructor(options: { readonly isValueFirst: boolean }, meter: Meter) {
    this.#values = new VarBytesColumn(meter)
    this.#isValueFirst = options.isValueFirst
  }

  read(cursor: BlockCursor): void {
    const first = takeBytes(cursor)
    const second = takeBytes(cursor)
    const metadata = this.#isValueFirst ? second : first
    const value = this.#isValueFirst ? first : second
    const variant = concatBytes([metadata, value])
    if (checkVariant(variant) !== metadata.length)
      throw new LakeError('corrupt', 'bytes follow the metadata of a variant')
    this.#values.append(copyEnd(variant), 0, variant.length)
  }

  appendNull(): void {
    this.#values.appendNull()
  }

  finish(): Vector {
    return this.#values.finish()
  }
}

function takeBytes(cursor: BlockCursor): Uint8Array {
  const from = cursor.take(cursor.count())
  return cursor.bytes.subarray(from, cursor.at)
}
