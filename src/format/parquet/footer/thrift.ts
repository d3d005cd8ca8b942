/**
 * Reading Thrift's compact protocol, in which Parquet's footer, page headers and indexes are, field by field.
 *
 *   struct   field head, value, field head, value ... 00
 *   head     id delta (4 bits) | type (4 bits); delta 0: the id follows as a zigzag number
 *   number   zigzag varint of 1 to 10 bytes        boolean   is the type of its head
 *   binary   length (varint), bytes                list      length (4 bits, 15: a varint follows) | type, items
 *
 * A reader is a function that begins a struct, asks `nextField` until it says no, reads the fields it knows and skips
 * the others:
 *
 *   beginStruct(cursor)
 *   while (nextField(cursor)) {
 *     if (cursor.field === 1) offset = readInt(cursor)
 *     else skipValue(cursor)
 *   }
 *
 * Broken bytes throw RangeError or TypeError and cannot make us allocate: a list has no more items than bytes left,
 * nesting is limited. Hand-written because a page header is read for every page, a generic reader makes an object and a
 * bigint a field, and those at hand believe the lengths they read.
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
import { utf8Decode } from '../../../base/bytes.js'

/** Types of fields and items on the wire; a boolean field's value is its type. */
export const WireType = {
  stop: 0,
  true: 1,
  false: 2,
  i8: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  map: 11,
  struct: 12,
  uuid: 13,
} as const

/** Structs and lists in one another; Parquet's own have seven levels. */
const DEPTH_MAX = 32
/** Items that a list has room for from the start, at most. */
const LIST_ROOM = 1024
/** Texts up to this are made without a decoder when they are ASCII, which is faster. */
const SHORT_TEXT_BYTES = 32

/** Where reading stands, and the field or item that comes next. */
export interface ThriftCursor {
  readonly bytes: Uint8Array
  /** Exclusive. */
  readonly end: number
  offset: number
  /** Id of the field whose head was read. */
  field: number
  /** Wire type of the field or item. */
  type: number
  /** Fields in which the struct at hand stands, outermost first. */
  readonly outer: number[]
}

/** A cursor in front of a struct. */
export function createThriftCursor(bytes: Uint8Array, offset = 0, end: number = bytes.length): ThriftCursor {
  return { bytes, end, offset, field: 0, type: WireType.struct, outer: [] }
}

/** Steps into the struct at hand. `nextField` steps out of it, so its fields are to be read to the end. */
export function beginStruct(cursor: ThriftCursor): void {
  expectType(cursor, WireType.struct)
  enter(cursor)
  cursor.field = 0
}

function enter(cursor: ThriftCursor): void {
  if (cursor.outer.length === DEPTH_MAX) throw new RangeError('thrift structs are nested too deeply')
  cursor.outer.push(cursor.field)
}

function expectType(cursor: ThriftCursor, type: number): void {
  if (cursor.type !== type) throw new TypeError('a thrift field has another type')
}

/** Moves to the next field of the struct: false at its end. The value must be read or skipped before the next call. */
export function nextField(cursor: ThriftCursor): boolean {
  const head = readByte(cursor)
  const type = head & 0x0f
  if (type === WireType.stop) {
    cursor.field = cursor.outer.pop() ?? 0
    return false
  }
  const delta = head >> 4
  cursor.field = delta === 0 ? readZigzag(cursor) : cursor.field + delta
  cursor.type = type
  return true
}

/** Calls a function that reads one item, for each. */
export function readList<T>(cursor: ThriftCursor, readItem: (cursor: ThriftCursor) => T): T[] {
  if (cursor.type !== WireType.list && cursor.type !== WireType.set)
    throw new TypeError('a thrift field has another type')
  const { count, type } = readListHead(cursor)
  // An array that grows has room for more; most lists are short, and there are many.
  const items = new Array<T>(Math.min(count, LIST_ROOM))
  for (let item = 0; item < count; item++) {
    cursor.type = type
    items[item] = readItem(cursor)
  }
  return items
}

/** Every item has at least a byte, so a length that is more than the bytes left is refused before anything is made. */
function readListHead(cursor: ThriftCursor): { readonly count: number; readonly type: number } {
  const head = readByte(cursor)
  const short = head >> 4
  const count = short === 15 ? readVarint(cursor) : short
  if (count > cursor.end - cursor.offset) throw new RangeError('a thrift list is cut off')
  return { count, type: head & 0x0f }
}

/** A whole number of 8 to 64 bits. Throws RangeError when it is not a safe integer. */
export function readInt(cursor: ThriftCursor): number {
  const { type } = cursor
  if (type === WireType.i8) return (readByte(cursor) << 24) >> 24
  if (type < WireType.i16 || type > WireType.i64) throw new TypeError('a thrift field has another type')
  return readZigzag(cursor)
}

/** A number of things or bytes. */
export function readCount(cursor: ThriftCursor): number {
  const value = readInt(cursor)
  if (value < 0) throw new RangeError('a count is negative')
  return value
}

export function readBoolean(cursor: ThriftCursor): boolean {
  if (cursor.type === WireType.true) return true
  expectType(cursor, WireType.false)
  return false
}

/** A boolean that is an item of a list: a byte, while that of a field is in its head. */
export function readBooleanItem(cursor: ThriftCursor): boolean {
  if (cursor.type !== WireType.true && cursor.type !== WireType.false)
    throw new TypeError('a thrift list has another type')
  return readByte(cursor) === WireType.true
}

/** A view of the bytes. */
export function readBytes(cursor: ThriftCursor): Uint8Array {
  expectType(cursor, WireType.binary)
  const length = readLength(cursor)
  const from = cursor.offset
  cursor.offset = from + length
  return cursor.bytes.subarray(from, from + length)
}

export function readText(cursor: ThriftCursor): string {
  expectType(cursor, WireType.binary)
  const length = readLength(cursor)
  const { bytes, offset } = cursor
  cursor.offset = offset + length
  if (length > SHORT_TEXT_BYTES) return utf8Decode(bytes.subarray(offset, offset + length))
  let text = ''
  for (let at = offset; at < offset + length; at++) {
    const byte = bytes[at] as number
    if (byte > 0x7f) return utf8Decode(bytes.subarray(offset, offset + length))
    text += String.fromCharCode(byte)
  }
  return text
}

function readLength(cursor: ThriftCursor): number {
  const length = readVarint(cursor)
  if (length > cursor.end - cursor.offset) throw new RangeError('a thrift text is cut off')
  return length
}

/** Steps over the value at hand, whatever it is. */
export function skipValue(cursor: ThriftCursor): void {
  const { type } = cursor
  if (type === WireType.true || type === WireType.false) return
  if (type === WireType.i8) skipBytes(cursor, 1)
  else if (type >= WireType.i16 && type <= WireType.i64) skipVarint(cursor)
  else if (type === WireType.double) skipBytes(cursor, 8)
  else if (type === WireType.binary) skipBytes(cursor, readVarint(cursor))
  else if (type === WireType.list || type === WireType.set) skipList(cursor)
  else if (type === WireType.map) skipMap(cursor)
  else if (type === WireType.struct) skipStruct(cursor)
  else if (type === WireType.uuid) skipBytes(cursor, 16)
  else throw new TypeError('an unknown thrift type')
}

function skipStruct(cursor: ThriftCursor): void {
  beginStruct(cursor)
  while (nextField(cursor)) skipValue(cursor)
}

function skipList(cursor: ThriftCursor): void {
  const { count, type } = readListHead(cursor)
  enter(cursor)
  for (let item = 0; item < count; item++) skipItem(cursor, type)
  cursor.outer.pop()
}

function skipMap(cursor: ThriftCursor): void {
  const count = readVarint(cursor)
  if (count === 0) return
  if (count > cursor.end - cursor.offset) throw new RangeError('a thrift map is cut off')
  const types = readByte(cursor)
  enter(cursor)
  for (let item = 0; item < count; item++) {
    skipItem(cursor, types >> 4)
    skipItem(cursor, types & 0x0f)
  }
  cursor.outer.pop()
}

function skipItem(cursor: ThriftCursor, type: number): void {
  cursor.type = type
  if (type === WireType.true || type === WireType.false) skipBytes(cursor, 1)
  else skipValue(cursor)
}

function skipBytes(cursor: ThriftCursor, count: number): void {
  if (count > cursor.end - cursor.offset) throw new RangeError('the thrift bytes end too early')
  cursor.offset += count
}

function skipVarint(cursor: ThriftCursor): void {
  for (let length = 1; readByte(cursor) > 0x7f; length++) {
    if (length === 10) throw new RangeError('a thrift number is too long')
  }
}

function readByte(cursor: ThriftCursor): number {
  if (cursor.offset >= cursor.end) throw new RangeError('the thrift bytes end too early')
  return cursor.bytes[cursor.offset++] as number
}

/** An unsigned number of 32 bits. */
function readVarint(cursor: ThriftCursor): number {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = readByte(cursor)
    value |= (byte & 0x7f) << shift
    if (byte <= 0x7f) return value >>> 0
  }
  throw new RangeError('a thrift number is too long')
}

/** 0, -1, 1, -2 ... as 0, 1, 2, 3 ...: up to 28 bits as an integer, the rest in a second half. */
function readZigzag(cursor: ThriftCursor): number {
  let low = 0
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = readByte(cursor)
    low |= (byte & 0x7f) << shift
    if (byte <= 0x7f) return (low >>> 1) ^ -(low & 1)
  }
  const half = readHighBits(cursor) * 2 ** 27 + (low >>> 1)
  const value = (low & 1) === 1 ? -half - 1 : half
  if (!Number.isSafeInteger(value)) throw new RangeError('a thrift number is too large')
  return value
}

function readHighBits(cursor: ThriftCursor): number {
  let high = 0
  let scale = 1
  for (let length = 5; length <= 10; length++) {
    const byte = readByte(cursor)
    high += (byte & 0x7f) * scale
    if (byte <= 0x7f) return high
    scale *= 128
  }
  throw new RangeError('a thrift number is too long')
}

/** A struct of numbers, booleans, bytes and such structs by field, as annotations are: `{ field_<n>: value }`. */
export type ThriftStruct = { readonly [field: `field_${number}`]: ThriftValue | undefined }
export type ThriftValue = boolean | number | string | Uint8Array | ThriftStruct

/** Fields of an annotation beyond this are of a format to come. */
const ANNOTATION_FIELD_MAX = 64

/** Lists, maps and doubles are left out; texts stay bytes. */
export function readAnnotation(cursor: ThriftCursor): ThriftStruct {
  beginStruct(cursor)
  const fields: { [field: `field_${number}`]: ThriftValue } = {}
  while (nextField(cursor)) {
    const { field } = cursor
    const value = field >= 1 && field <= ANNOTATION_FIELD_MAX ? readScalar(cursor) : undefined
    if (value === undefined) skipValue(cursor)
    else fields[`field_${field}`] = value
  }
  return fields
}

function readScalar(cursor: ThriftCursor): ThriftValue | undefined {
  const { type } = cursor
  if (type === WireType.true || type === WireType.false) return type === WireType.true
  if (type >= WireType.i8 && type <= WireType.i64) return readInt(cursor)
  if (type === WireType.binary) return readBytes(cursor)
  return type === WireType.struct ? readAnnotation(cursor) : undefined
}
