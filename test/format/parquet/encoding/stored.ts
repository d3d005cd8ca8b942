/** Stored values for tests: made from plain values, read back as such, random ones of each physical type. */
import fc from 'fast-check'
import { hexEncode } from '../../../../src/base/bytes.js'
import { createBitmap, hasBit, setBit } from '../../../../src/batch/bitmap.js'
import {
  type ByteSink,
  createByteSink,
  writtenBytes,
} from '../../../../src/format/parquet/encoding/byte-sink.js'
import {
  createValueSink,
  finishSink,
  type PlainValues,
  type StoredType,
} from '../../../../src/format/parquet/encoding/value-sink.js'
import { PhysicalType } from '../../../../src/format/parquet/footer/metadata.js'
import type { ByteSource, StoredValues, ValueSink } from '../../../../src/format/parquet/leaf.js'

export function ofInts(values: readonly number[]): PlainValues {
  return { layout: 'fixed-width', length: values.length, values: Int32Array.from(values) }
}

export function ofLongs(values: readonly bigint[]): PlainValues {
  return { layout: 'fixed-width', length: values.length, values: BigInt64Array.from(values) }
}

export function ofDoubles(values: readonly number[]): PlainValues {
  return { layout: 'fixed-width', length: values.length, values: Float64Array.from(values) }
}

export function ofFloats(values: readonly number[]): PlainValues {
  return { layout: 'fixed-width', length: values.length, values: Float32Array.from(values) }
}

export function ofBooleans(values: readonly boolean[]): PlainValues {
  const bits = createBitmap(values.length)
  values.forEach((value, at) => {
    if (value) setBit(bits, at)
  })
  return { layout: 'boolean', length: values.length, bits }
}

export function ofFixed(values: readonly Uint8Array[], widthBytes: number): PlainValues {
  return { layout: 'fixed-bytes', length: values.length, widthBytes, bytes: Buffer.concat(values) }
}

export function ofBytes(values: readonly Uint8Array[]): PlainValues {
  const offsets = new Int32Array(values.length + 1)
  values.forEach((value, at) => {
    offsets[at + 1] = offsets[at]! + value.length
  })
  return { layout: 'var-bytes', length: values.length, offsets, bytes: Buffer.concat(values) }
}

export function ofTexts(texts: readonly string[]): PlainValues {
  return ofBytes(texts.map(text => Buffer.from(text)))
}

/** Comparable values: floats as their bits, bytes as hexadecimal digits. */
export function rowsOf(values: StoredValues): unknown[] {
  return Array.from({ length: values.length }, (_, row) => rowOf(values, row))
}

function rowOf(values: StoredValues, row: number): unknown {
  switch (values.layout) {
    case 'fixed-width': {
      const { values: numbers } = values
      if (numbers instanceof Int32Array || numbers instanceof BigInt64Array) return numbers[row]
      return hexEncode(new Uint8Array(numbers.slice(row, row + 1).buffer))
    }
    case 'boolean':
      return hasBit(values.bits, row)
    case 'fixed-bytes':
      return hexEncode(values.bytes.subarray(row * values.widthBytes, (row + 1) * values.widthBytes))
    case 'var-bytes':
      return hexEncode(values.bytes.subarray(values.offsets[row], values.offsets[row + 1]))
    case 'dictionary':
      return rowOf(values.dictionary as PlainValues, values.codes[row]!)
  }
}

/** A physical type and random values of it. */
export interface StoredKind {
  readonly name: string
  readonly type: StoredType
  readonly arbitrary: fc.Arbitrary<PlainValues>
}

const int = fc.oneof(fc.integer(), fc.integer({ min: -9, max: 9 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31)))
const long = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -9n, max: 9n }),
  fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n, -(2n ** 32n)),
)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ minLength: 150, maxLength: 400, size: 'max' }),
  fc.integer({ min: 0, max: 99 }).map(number => Buffer.from(`shared prefix ${number}`)),
)

function lists<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.oneof(
    fc.array(value, { maxLength: 40 }),
    fc.array(value, { minLength: 120, maxLength: 400, size: 'max' }),
  )
}

export const INT32: StoredKind = {
  name: 'int32',
  type: { physicalType: PhysicalType.int32 },
  arbitrary: lists(int).map(ofInts),
}
export const INT64: StoredKind = {
  name: 'int64',
  type: { physicalType: PhysicalType.int64 },
  arbitrary: lists(long).map(ofLongs),
}
export const FLOAT: StoredKind = {
  name: 'float',
  type: { physicalType: PhysicalType.float },
  arbitrary: lists(fc.float()).map(ofFloats),
}
export const DOUBLE: StoredKind = {
  name: 'double',
  type: { physicalType: PhysicalType.double },
  arbitrary: lists(fc.double()).map(ofDoubles),
}
export const BOOLEAN: StoredKind = {
  name: 'boolean',
  type: { physicalType: PhysicalType.boolean },
  arbitrary: lists(fc.oneof(fc.boolean(), fc.constant(true))).map(ofBooleans),
}
export const INT96: StoredKind = {
  name: 'int96',
  type: { physicalType: PhysicalType.int96 },
  arbitrary: lists(fc.uint8Array({ minLength: 12, maxLength: 12 })).map(values => ofFixed(values, 12)),
}
export const FIXED: StoredKind = {
  name: 'fixed of 5 bytes',
  type: { physicalType: PhysicalType.fixed, typeLength: 5 },
  arbitrary: lists(fc.uint8Array({ minLength: 5, maxLength: 5 })).map(values => ofFixed(values, 5)),
}
export const EMPTY_FIXED: StoredKind = {
  name: 'fixed of no bytes',
  type: { physicalType: PhysicalType.fixed, typeLength: 0 },
  arbitrary: fc.nat(9).map(length => ofFixed(new Array<Uint8Array>(length).fill(new Uint8Array(0)), 0)),
}
export const BYTES: StoredKind = {
  name: 'byte array',
  type: { physicalType: PhysicalType.byteArray },
  arbitrary: lists(bytes).map(ofBytes),
}

export const EVERY_KIND: readonly StoredKind[] = [
  INT32,
  INT64,
  FLOAT,
  DOUBLE,
  BOOLEAN,
  INT96,
  FIXED,
  EMPTY_FIXED,
  BYTES,
]

export interface Codec {
  readonly encode: (sink: ByteSink, values: StoredValues, range: { from: number; to: number }) => void
  readonly decode: (source: ByteSource, count: number, sink: ValueSink) => number
}

/** What a page of the values is read back as, twice into one sink, from the middle of other bytes. */
export function readBackTwice(codec: Codec, kind: StoredKind, values: StoredValues, from = 0): PlainValues {
  const to = values.length
  const encoded = createByteSink(0)
  codec.encode(encoded, values, { from, to })
  const page = writtenBytes(encoded)
  const bytes = Buffer.concat([Buffer.from('abc'), page, Buffer.from('defgh')])
  const sink = createValueSink(kind.type, 0)
  const source = { bytes, offset: 3, end: 3 + page.length }
  for (let time = 0; time < 2; time++) {
    const end = codec.decode(source, to - from, sink)
    if (end !== source.end) throw new Error(`decoded up to ${end} of ${source.end}`)
  }
  return finishSink(sink)
}

export function decodePage(
  codec: Codec,
  type: StoredType,
  page: { bytes: Uint8Array; count: number },
): PlainValues {
  const sink = createValueSink(type, 0)
  codec.decode({ bytes: page.bytes, offset: 0, end: page.bytes.length }, page.count, sink)
  return finishSink(sink)
}

export function encodePage(codec: Codec, values: StoredValues): Uint8Array {
  const sink = createByteSink()
  codec.encode(sink, values, { from: 0, to: values.length })
  return writtenBytes(sink)
}

export function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex, 'hex')
}
