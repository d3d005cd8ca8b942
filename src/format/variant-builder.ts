/**
 * Writes values of variants to a byte sink.
 *
 * An object or array has its offsets before its values, and they are known after them: values are written first, then
 * moved up by the length of what goes before. The widths of ids and offsets are the narrowest that do.
 *
 *   children written    |           v0 v1 v2 |
 *   closed              | header .. v0 v1 v2 |
 * @see https://github.com/apache/parquet-format/blob/master/VariantEncoding.md "Value encoding"
 */
import { LakeError } from '../base/errors.js'
import { grownInts } from '../batch/growable.js'
import { type ByteSink, createByteSink, reserve } from './parquet/encoding/byte-sink.js'
import { VariantPrimitive } from './variant-value.js'

/** A sink, and the children of the containers that are open. */
export interface VariantBuilder {
  readonly sink: ByteSink
  /** More is an error. */
  readonly bytesMax: number
  /** Field id (0 for elements) and start of each child, innermost container last. */
  entries: Int32Array
  /** Filled part of `entries`. */
  entriesEnd: number
}

export function createVariantBuilder(bytesMax: number): VariantBuilder {
  return { sink: createByteSink(), bytesMax, entries: new Int32Array(64), entriesEnd: 0 }
}

/** Room for so many bytes more. @throws unsupported */
function reserveBytes(builder: VariantBuilder, count: number): void {
  const { sink, bytesMax } = builder
  if (sink.length + count > bytesMax) {
    throw new LakeError('unsupported', 'the variants of a column take too many bytes', {
      context: { bytesMax },
    })
  }
  reserve(sink, count)
}

/** An object or array that is open: where its values begin, and its children. */
export interface OpenContainer {
  readonly start: number
  readonly entriesFrom: number
}

export function openContainer(builder: VariantBuilder): OpenContainer {
  return { start: builder.sink.length, entriesFrom: builder.entriesEnd }
}

/** The value written next is an element of the array that was opened last. */
export function beginElement(builder: VariantBuilder): void {
  beginField(builder, 0)
}

/** The value written next is a field of the object that was opened last. Fields come in the order of their names. */
export function beginField(builder: VariantBuilder, id: number): void {
  const at = builder.entriesEnd
  builder.entries = grownInts(builder.entries, at + 2)
  builder.entries[at] = id
  builder.entries[at + 1] = builder.sink.length
  builder.entriesEnd = at + 2
}

export function closeArray(builder: VariantBuilder, open: OpenContainer): void {
  const count = (builder.entriesEnd - open.entriesFrom) >> 1
  const offsetBytes = uintBytes(builder.sink.length - open.start)
  const isLarge = count > 255
  const first = 3 | ((offsetBytes - 1) << 2) | (isLarge ? 16 : 0)
  closeContainer(builder, open, { first, count, isLarge, idBytes: 0, offsetBytes })
}

export function closeObject(builder: VariantBuilder, open: OpenContainer): void {
  const { entries, entriesEnd } = builder
  const count = (entriesEnd - open.entriesFrom) >> 1
  let idMax = 0
  for (let at = open.entriesFrom; at < entriesEnd; at += 2) idMax = Math.max(idMax, entries[at] as number)
  const offsetBytes = uintBytes(builder.sink.length - open.start)
  const idBytes = uintBytes(idMax)
  const isLarge = count > 255
  const first = 2 | ((offsetBytes - 1) << 2) | ((idBytes - 1) << 4) | (isLarge ? 64 : 0)
  closeContainer(builder, open, { first, count, isLarge, idBytes, offsetBytes })
}

function uintBytes(value: number): number {
  if (value < 0x100) return 1
  if (value < 0x10000) return 2
  return value < 0x1000000 ? 3 : 4
}

interface ContainerHead {
  readonly first: number
  readonly count: number
  readonly isLarge: boolean
  readonly idBytes: number
  readonly offsetBytes: number
}

function closeContainer(builder: VariantBuilder, open: OpenContainer, head: ContainerHead): void {
  const { count, isLarge, idBytes, offsetBytes } = head
  const { start, entriesFrom } = open
  const headBytes = 1 + (isLarge ? 4 : 1) + count * idBytes + (count + 1) * offsetBytes
  reserveBytes(builder, headBytes)
  const { sink, entries, entriesEnd } = builder
  const { bytes } = sink
  bytes.copyWithin(start + headBytes, start, sink.length)
  let at = start
  bytes[at++] = head.first
  at = setUint(bytes, at, count, isLarge ? 4 : 1)
  if (idBytes > 0) {
    for (let entry = entriesFrom; entry < entriesEnd; entry += 2) {
      at = setUint(bytes, at, entries[entry] as number, idBytes)
    }
  }
  for (let entry = entriesFrom; entry < entriesEnd; entry += 2) {
    at = setUint(bytes, at, (entries[entry + 1] as number) - start, offsetBytes)
  }
  setUint(bytes, at, sink.length - start, offsetBytes)
  sink.length += headBytes
  builder.entriesEnd = entriesFrom
}

function setUint(bytes: Uint8Array, at: number, value: number, width: number): number {
  bytes[at] = value
  if (width > 1) bytes[at + 1] = value >>> 8
  if (width > 2) bytes[at + 2] = value >>> 16
  if (width > 3) bytes[at + 3] = value >>> 24
  return at + width
}

/** Bytes as they are: a value that is encoded already, or metadata. */
export function writeEncoded(builder: VariantBuilder, bytes: Uint8Array, from: number, to: number): void {
  reserveBytes(builder, to - from)
  copyRange(builder.sink, bytes, from, to)
}

/** Below this a loop copies faster than `set` on a sub-array. */
const SHORT_COPY_BYTES = 64

function copyRange(sink: ByteSink, source: Uint8Array, from: number, to: number): void {
  const { bytes, length: start } = sink
  const count = to - from
  if (count > SHORT_COPY_BYTES) bytes.set(source.subarray(from, to), start)
  else for (let at = 0; at < count; at++) bytes[start + at] = source[from + at] as number
  sink.length += count
}

/** A primitive without bytes of its own: null, true or false. */
export function writeConstant(builder: VariantBuilder, primitive: number): void {
  reserveBytes(builder, 1)
  builder.sink.bytes[builder.sink.length++] = primitive << 2
}

/** A primitive of a fixed number of bytes, the lowest of a 32-bit word. */
export function writeWord(builder: VariantBuilder, primitive: number, word: number, width: number): void {
  reserveBytes(builder, 1 + width)
  const { sink } = builder
  sink.bytes[sink.length] = primitive << 2
  sink.length = setUint(sink.bytes, sink.length + 1, word, width)
}

/** Some 32-bit words of an array, the lowest first. */
export interface WordRange {
  readonly words: Int32Array
  readonly at: number
  readonly count: number
}

/** A primitive of so many words. */
export function writeWords(builder: VariantBuilder, primitive: number, range: WordRange): void {
  reserveBytes(builder, 1 + 4 * range.count)
  builder.sink.bytes[builder.sink.length++] = primitive << 2
  appendWords(builder.sink, range)
}

/** A decimal whose unscaled value has 1, 2 or 4 words. */
export function writeDecimal(builder: VariantBuilder, scale: number, range: WordRange): void {
  reserveBytes(builder, 2 + 4 * range.count)
  const { decimal4, decimal8, decimal16 } = VariantPrimitive
  const { sink } = builder
  const primitive = range.count === 1 ? decimal4 : range.count === 2 ? decimal8 : decimal16
  sink.bytes[sink.length++] = primitive << 2
  sink.bytes[sink.length++] = scale
  appendWords(sink, range)
}

function appendWords(sink: ByteSink, range: WordRange): void {
  const { words, at, count } = range
  for (let i = 0; i < count; i++) sink.length = setUint(sink.bytes, sink.length, words[at + i] as number, 4)
}

/** The longest string whose length fits into the first byte. */
const SHORT_STRING_BYTES = 63

/** UTF-8, as a short string when it has less than 64 bytes. */
export function writeText(builder: VariantBuilder, bytes: Uint8Array, from: number, to: number): void {
  const length = to - from
  if (length > SHORT_STRING_BYTES) {
    writeSized(builder, VariantPrimitive.string, bytes, { from, to })
    return
  }
  reserveBytes(builder, 1 + length)
  builder.sink.bytes[builder.sink.length++] = 1 | (length << 2)
  copyRange(builder.sink, bytes, from, to)
}

export function writeBinary(builder: VariantBuilder, bytes: Uint8Array, from: number, to: number): void {
  writeSized(builder, VariantPrimitive.binary, bytes, { from, to })
}

function writeSized(
  builder: VariantBuilder,
  primitive: number,
  bytes: Uint8Array,
  range: { readonly from: number; readonly to: number },
): void {
  const length = range.to - range.from
  reserveBytes(builder, 5 + length)
  const { sink } = builder
  sink.bytes[sink.length] = primitive << 2
  sink.length = setUint(sink.bytes, sink.length + 1, length, 4)
  copyRange(sink, bytes, range.from, range.to)
}

/** 16 bytes, the highest first. */
export function writeUuid(builder: VariantBuilder, bytes: Uint8Array, at: number): void {
  reserveBytes(builder, 17)
  builder.sink.bytes[builder.sink.length++] = VariantPrimitive.uuid << 2
  copyRange(builder.sink, bytes, at, at + 16)
}
