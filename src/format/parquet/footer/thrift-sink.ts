/**
 * Writing Thrift's compact protocol: the counterpart of thrift.ts. A struct is a function that writes its fields in
 * ascending order; fields that are undefined are left out. Items of a list have the type that Parquet declares, so an
 * empty one has it too.
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
import { utf8Encode } from '../../../base/bytes.js'
import { type ByteSink, createByteSink, reserve, writeBytes } from '../encoding/byte-sink.js'
import { type ThriftStruct, WireType } from './thrift.js'

/** Bytes of structs, and the id of the last field of the one that is being written. */
export interface ThriftSink extends ByteSink {
  field: number
}

export function createThriftSink(capacityBytes = 1024): ThriftSink {
  return { ...createByteSink(capacityBytes), field: 0 }
}

/** Writes a struct that stands alone, is an item of a list, or follows its head. */
export function writeStruct<T>(
  sink: ThriftSink,
  value: T,
  writeFields: (sink: ThriftSink, value: T) => void,
): void {
  const outer = sink.field
  sink.field = 0
  writeFields(sink, value)
  writeByte(sink, WireType.stop)
  sink.field = outer
}

function writeHead(sink: ThriftSink, field: number, type: number): void {
  const delta = field - sink.field
  if (delta > 0 && delta <= 15) writeByte(sink, (delta << 4) | type)
  else {
    writeByte(sink, type)
    writeZigzag(sink, field)
  }
  sink.field = field
}

/** Each of these writes a field of the struct at hand, in ascending order, and nothing when its value is absent. */
export function writeI8(sink: ThriftSink, field: number, value: number | undefined): void {
  if (value === undefined) return
  writeHead(sink, field, WireType.i8)
  writeByte(sink, value & 0xff)
}

export function writeI16(sink: ThriftSink, field: number, value: number | undefined): void {
  writeNumber(sink, field, WireType.i16, value)
}

export function writeI32(sink: ThriftSink, field: number, value: number | undefined): void {
  writeNumber(sink, field, WireType.i32, value)
}

export function writeI64(sink: ThriftSink, field: number, value: number | undefined): void {
  writeNumber(sink, field, WireType.i64, value)
}

function writeNumber(sink: ThriftSink, field: number, type: number, value: number | undefined): void {
  if (value === undefined) return
  writeHead(sink, field, type)
  writeZigzag(sink, value)
}

export function writeBoolean(sink: ThriftSink, field: number, value: boolean | undefined): void {
  if (value !== undefined) writeHead(sink, field, value ? WireType.true : WireType.false)
}

export function writeBinary(sink: ThriftSink, field: number, value: Uint8Array | string | undefined): void {
  if (value === undefined) return
  writeHead(sink, field, WireType.binary)
  writeBinaryItem(sink, value)
}

export function writeStructField<T>(
  sink: ThriftSink,
  field: number,
  value: T | undefined,
  writeFields: (sink: ThriftSink, value: T) => void,
): void {
  if (value === undefined) return
  writeHead(sink, field, WireType.struct)
  writeStruct(sink, value, writeFields)
}

export function writeStructList<T>(
  sink: ThriftSink,
  field: number,
  items: readonly T[] | undefined,
  writeFields: (sink: ThriftSink, value: T) => void,
): void {
  if (items === undefined) return
  writeListHead(sink, field, { type: WireType.struct, count: items.length })
  for (const item of items) writeStruct(sink, item, writeFields)
}

export function writeBinaryList(
  sink: ThriftSink,
  field: number,
  items: readonly (Uint8Array | string)[],
): void {
  writeListHead(sink, field, { type: WireType.binary, count: items.length })
  for (const item of items) writeBinaryItem(sink, item)
}

export function writeI32List(sink: ThriftSink, field: number, items: readonly number[] | undefined): void {
  writeNumberList(sink, field, WireType.i32, items)
}

export function writeI64List(sink: ThriftSink, field: number, items: readonly number[] | undefined): void {
  writeNumberList(sink, field, WireType.i64, items)
}

export function writeBooleanList(sink: ThriftSink, field: number, items: readonly boolean[]): void {
  writeListHead(sink, field, { type: WireType.true, count: items.length })
  for (const item of items) writeByte(sink, item ? WireType.true : WireType.false)
}

function writeNumberList(
  sink: ThriftSink,
  field: number,
  type: number,
  items: readonly number[] | undefined,
): void {
  if (items === undefined) return
  writeListHead(sink, field, { type, count: items.length })
  for (const item of items) writeZigzag(sink, item)
}

function writeListHead(
  sink: ThriftSink,
  field: number,
  list: { readonly type: number; readonly count: number },
): void {
  writeHead(sink, field, WireType.list)
  if (list.count < 15) writeByte(sink, (list.count << 4) | list.type)
  else {
    writeByte(sink, 0xf0 | list.type)
    writeVarint(sink, list.count)
  }
}

function writeBinaryItem(sink: ThriftSink, value: Uint8Array | string): void {
  const bytes = typeof value === 'string' ? utf8Encode(value) : value
  writeVarint(sink, bytes.length)
  writeBytes(sink, bytes)
}

function writeByte(sink: ThriftSink, byte: number): void {
  reserve(sink, 1)
  sink.bytes[sink.length++] = byte
}

/** Any safe integer: the lowest seven bits hold the sign, so nothing is doubled beyond what a number is exact for. */
function writeZigzag(sink: ThriftSink, value: number): void {
  const half = value < 0 ? -value - 1 : value
  const low = ((half % 64) << 1) | (value < 0 ? 1 : 0)
  const rest = Math.floor(half / 64)
  writeByte(sink, rest === 0 ? low : low | 0x80)
  if (rest > 0) writeVarint(sink, rest)
}

/** Any safe integer that is not negative. */
function writeVarint(sink: ThriftSink, value: number): void {
  let rest = value
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) writeByte(sink, (rest % 128) | 0x80)
  writeByte(sink, rest)
}

/** Writes an annotation for `writeStruct`: numbers as i32. */
export function writeAnnotation(sink: ThriftSink, struct: ThriftStruct): void {
  const fields = Object.entries(struct).map(([name, value]) => ({ id: Number(name.slice(6)), value }))
  for (const { id, value } of fields.sort((a, b) => a.id - b.id)) {
    if (value === undefined) continue
    if (typeof value === 'boolean') writeBoolean(sink, id, value)
    else if (typeof value === 'number') writeI32(sink, id, value)
    else if (typeof value === 'string' || value instanceof Uint8Array) writeBinary(sink, id, value)
    else writeStructField(sink, id, value, writeAnnotation)
  }
}
