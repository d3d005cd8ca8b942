/**
 * Thrift's compact protocol, as far as Parquet's footer and page index use it.
 *
 * A parsed struct is `{ field_<n>: value }`: boolean, number (8 to 32 bits, double), bigint (64 bits), bytes,
 * array, struct. Reading is hyparquet's; writing is ours, since nothing else writes footers from data. A
 * number is written as i32, so 8-bit fields are wrapped as `{ i8 }`; doubles are not written.
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js'
import { dataView, utf8Encode } from '../../base/bytes.js'

export type ThriftValue =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | { readonly i8: number }
  | readonly ThriftValue[]
  | ThriftStruct
export type ThriftStruct = { readonly [field: `field_${number}`]: ThriftValue | undefined }

const TRUE = 1
const FALSE = 2
const BYTE = 3
const I32 = 5
const I64 = 6
const BINARY = 8
const LIST = 9
const STRUCT = 12

/** Reads one struct. Throws plain errors (RangeError and others) when the bytes are something else. */
export function parseThrift(bytes: Uint8Array): ThriftStruct {
  return deserializeTCompactProtocol({ view: dataView(bytes), offset: 0 })
}

export function serializeThrift(struct: ThriftStruct): Uint8Array {
  const sink: Sink = { bytes: new Uint8Array(4096), length: 0 }
  writeStruct(sink, struct)
  return sink.bytes.slice(0, sink.length)
}

interface Sink {
  bytes: Uint8Array
  length: number
}

function reserve(sink: Sink, count: number): void {
  if (sink.length + count <= sink.bytes.length) return
  const grown = new Uint8Array(Math.max(sink.bytes.length * 2, sink.length + count))
  grown.set(sink.bytes.subarray(0, sink.length))
  sink.bytes = grown
}

function writeByte(sink: Sink, byte: number): void {
  reserve(sink, 1)
  sink.bytes[sink.length++] = byte
}

function writeBytes(sink: Sink, bytes: Uint8Array): void {
  writeVarint(sink, BigInt(bytes.length))
  reserve(sink, bytes.length)
  sink.bytes.set(bytes, sink.length)
  sink.length += bytes.length
}

function writeVarint(sink: Sink, value: bigint): void {
  let rest = value
  while (rest > 0x7fn) {
    writeByte(sink, Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  writeByte(sink, Number(rest))
}

function writeZigzag(sink: Sink, value: bigint): void {
  writeVarint(sink, BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)))
}

function writeStruct(sink: Sink, struct: ThriftStruct): void {
  let previous = 0
  for (const [key, value] of fieldsInOrder(struct)) {
    const type = typeOf(value)
    const delta = key - previous
    if (delta <= 15) writeByte(sink, (delta << 4) | type)
    else {
      writeByte(sink, type)
      writeZigzag(sink, BigInt(key))
    }
    if (type !== TRUE && type !== FALSE) writeValue(sink, value)
    previous = key
  }
  writeByte(sink, 0)
}

function fieldsInOrder(struct: ThriftStruct): [number, ThriftValue][] {
  const fields: [number, ThriftValue][] = []
  for (const [name, value] of Object.entries(struct)) {
    if (value !== undefined) fields.push([Number(name.slice('field_'.length)), value])
  }
  return fields.sort((a, b) => a[0] - b[0])
}

function typeOf(value: ThriftValue): number {
  if (typeof value === 'boolean') return value ? TRUE : FALSE
  if (typeof value === 'number') return I32
  if (typeof value === 'bigint') return I64
  if (typeof value === 'string' || value instanceof Uint8Array) return BINARY
  if (Array.isArray(value)) return LIST
  return 'i8' in value ? BYTE : STRUCT
}

function writeValue(sink: Sink, value: ThriftValue): void {
  // A boolean inside a list; in a struct it is part of the field's head.
  if (typeof value === 'boolean') writeByte(sink, value ? TRUE : FALSE)
  else if (typeof value === 'number') writeZigzag(sink, BigInt(value))
  else if (typeof value === 'bigint') writeZigzag(sink, value)
  else if (typeof value === 'string') writeBytes(sink, utf8Encode(value))
  else if (value instanceof Uint8Array) writeBytes(sink, value)
  else if (isList(value)) writeList(sink, value)
  else if ('i8' in value) writeByte(sink, value.i8 & 0xff)
  else writeStruct(sink, value)
}

function isList(value: ThriftValue): value is readonly ThriftValue[] {
  return Array.isArray(value)
}

/** The element type is the first element's; an empty list is one of structs, as Parquet's may-be-empty lists are. */
function writeList(sink: Sink, list: readonly ThriftValue[]): void {
  const first = list[0]
  const type = first === undefined ? STRUCT : typeOf(first)
  const head = type === FALSE ? TRUE : type
  if (list.length < 15) writeByte(sink, (list.length << 4) | head)
  else {
    writeByte(sink, 0xf0 | head)
    writeVarint(sink, BigInt(list.length))
  }
  for (const item of list) writeValue(sink, item)
}
