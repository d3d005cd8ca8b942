/**
 * Column chunks made by hand: rows shredded the slow way, by the definition of the levels, and put into pages as a
 * test wants them. What it does not share with the code under test is how rows become levels.
 */
import { crc32, gzipSync } from 'node:zlib'
import { concatBytes } from '../../../../src/base/bytes.js'
import { createVectorBuilder } from '../../../../src/batch/vector-builder.js'
import type { LeafJob } from '../../../../src/format/parquet/decode/decode-column.js'
import { encodeBooleanRle } from '../../../../src/format/parquet/encoding/boolean-rle.js'
import { createByteSink, takeBytes } from '../../../../src/format/parquet/encoding/byte-sink.js'
import { encodeByteStreamSplit } from '../../../../src/format/parquet/encoding/byte-stream-split.js'
import { encodeDeltaBinaryPacked } from '../../../../src/format/parquet/encoding/delta-binary-packed.js'
import {
  encodeDeltaBytes,
  encodeDeltaLengthBytes,
} from '../../../../src/format/parquet/encoding/delta-bytes.js'
import { encodeHybrid } from '../../../../src/format/parquet/encoding/hybrid.js'
import { encodePlain } from '../../../../src/format/parquet/encoding/plain.js'
import { Encoding, PhysicalType } from '../../../../src/format/parquet/footer/metadata.js'
import { serializePageHeader } from '../../../../src/format/parquet/footer/page-header.js'
import type { ColumnNode, LeafColumn } from '../../../../src/format/parquet/footer/schema.js'
import type { StoredValues } from '../../../../src/format/parquet/leaf.js'
import type { Type, Value } from '../../../../src/schema/types.js'

/** Entries of a leaf: levels, and the values of those that have one. */
export interface Entries {
  readonly repetition: number[]
  readonly definition: number[]
  readonly values: Value[]
}

/** The rows of a column as entries of its leaves. */
export function shredRows(
  column: { readonly node: ColumnNode; readonly type: Type },
  rows: readonly Value[],
): Entries[] {
  const leaves: Entries[] = leavesOf(column.node).map(() => ({ repetition: [], definition: [], values: [] }))
  for (const row of rows) shred(column, row, { leaves, repetition: 0, definition: 0 })
  return leaves
}

interface At {
  readonly leaves: Entries[]
  readonly repetition: number
  /** The level of what is known to be there. */
  readonly definition: number
}

function shred({ node, type }: { node: ColumnNode; type: Type }, value: Value, at: At): void {
  const levels = (leaf: number, definition: number): void => {
    at.leaves[leaf]?.repetition.push(at.repetition)
    at.leaves[leaf]?.definition.push(definition)
  }
  if (value === null) for (const leaf of leavesOf(node)) levels(leaf, at.definition)
  else if (node.kind === 'leaf') {
    levels(node.leaf, node.definition)
    at.leaves[node.leaf]?.values.push(value)
  } else if (node.kind === 'struct' && type.kind === 'struct') {
    for (const [child, field] of type.fields.entries()) {
      const inner = { node: node.children[child] as ColumnNode, type: field.type }
      shred(inner, (value as Value[])[child] ?? null, { ...at, definition: node.definition })
    }
  } else if (node.kind === 'list' && type.kind === 'list') {
    const elements = value as Value[]
    if (elements.length === 0) for (const leaf of leavesOf(node)) levels(leaf, node.definition)
    for (const [index, element] of elements.entries()) {
      shred({ node: node.element, type: type.element }, element, entryAt(node, index, at))
    }
  } else if (node.kind === 'map' && type.kind === 'map') {
    const entries = value as [Value, Value][]
    if (entries.length === 0) for (const leaf of leavesOf(node)) levels(leaf, node.definition)
    for (const [index, [key, item]] of entries.entries()) {
      shred({ node: node.key, type: type.key }, key, entryAt(node, index, at))
      shred({ node: node.value, type: type.value }, item, entryAt(node, index, at))
    }
  } else throw new TypeError('the value is not of the type')
}

function entryAt(node: Extract<ColumnNode, { kind: 'list' | 'map' }>, index: number, at: At): At {
  return {
    ...at,
    repetition: index === 0 ? at.repetition : node.repetition,
    definition: node.entryDefinition,
  }
}

function leavesOf(node: ColumnNode): number[] {
  if (node.kind === 'leaf') return [node.leaf]
  if (node.kind === 'list') return leavesOf(node.element)
  if (node.kind === 'map') return [...leavesOf(node.key), ...leavesOf(node.value)]
  return node.children.flatMap(leavesOf)
}

/** How values are encoded, by `Encoding`'s names; `codes` are indexes into a dictionary of the chunk. */
export type PageEncoding =
  | Exclude<keyof typeof Encoding, 'plainDictionary' | 'rleDictionary' | 'bitPacked'>
  | 'codes'

export interface PageStyle {
  readonly version: 1 | 2
  readonly encoding: PageEncoding
  /** Entries at most; pages of version 2 end with a row, and so do the others when `wholeRows`. */
  readonly entries: number
  readonly gzip: boolean
  readonly wholeRows: boolean
  readonly crc: boolean
}

/** The encodings that a leaf's values may have. */
export function encodingsOf({ element }: LeafColumn): PageEncoding[] {
  switch (element.physicalType) {
    case PhysicalType.boolean:
      return ['plain', 'rle']
    case PhysicalType.int32:
    case PhysicalType.int64:
      return ['plain', 'codes', 'deltaBinaryPacked', 'byteStreamSplit']
    case PhysicalType.byteArray:
      return ['plain', 'codes', 'deltaLengthByteArray', 'deltaByteArray']
    case PhysicalType.fixed:
      return ['plain', 'codes', 'deltaByteArray', 'byteStreamSplit']
    default:
      return ['plain', 'codes', 'byteStreamSplit']
  }
}

/** A chunk whose pages take turns in the styles. The firstRow of each page is told, where it begins one. */
export function chunkOf(leaf: LeafColumn, entries: Entries, styles: readonly PageStyle[]): Chunk {
  const dictionary = [...new Map(entries.values.map(value => [keyOf(value), value])).values()]
  const hasCodes = styles.some(style => style.encoding === 'codes')
  const gzip = styles[0]?.gzip === true
  const pages: { bytes: Uint8Array; firstRow: number | undefined }[] = []
  const context = { leaf, dictionary, entries }
  let value = 0
  let row = 0
  for (let from = 0, page = 0; from < entries.definition.length; page++) {
    const style = styles[page % styles.length] as PageStyle
    const to = pageEnd(entries, from, style)
    const firstRow = entries.repetition[from] === 0 ? row : undefined
    const part = pageOf(context, { ...style, gzip }, { from, to, value })
    pages.push({ bytes: part.bytes, firstRow })
    value = part.value
    row += part.rows
    from = to
  }
  const bytes = hasCodes && entries.values.length > 0 ? dictionaryPage(leaf, dictionary, gzip) : undefined
  return { leaf, codec: gzip ? 'gzip' : 'uncompressed', dictionary: bytes, pages }
}

export interface Chunk {
  readonly leaf: LeafColumn
  readonly codec: LeafJob['codec']
  readonly dictionary: Uint8Array | undefined
  readonly pages: readonly { readonly bytes: Uint8Array; readonly firstRow: number | undefined }[]
}

/** The chunk as one span, as it is read without an offset index. */
export function wholeChunk({ leaf, codec, dictionary, pages }: Chunk): LeafJob {
  const parts = [dictionary ?? new Uint8Array(0), ...pages.map(page => page.bytes)]
  return { leaf, codec, spans: [{ bytes: concatBytes(parts), firstRow: 0 }] }
}

function pageEnd({ repetition }: Entries, from: number, { entries, version, wholeRows }: PageStyle): number {
  let to = Math.min(repetition.length, from + Math.max(1, entries))
  if (version === 2 || wholeRows) while (to < repetition.length && repetition[to] !== 0) to++
  return to
}

interface PageContext {
  readonly leaf: LeafColumn
  readonly dictionary: readonly Value[]
  readonly entries: Entries
}

function pageOf(
  { leaf, dictionary, entries }: PageContext,
  style: PageStyle,
  { from, to, value }: { from: number; to: number; value: number },
): { bytes: Uint8Array; value: number; rows: number } {
  const repetition = entries.repetition.slice(from, to)
  const definition = entries.definition.slice(from, to)
  const count = definition.filter(level => level === leaf.maxDefinition).length
  const rows = repetition.filter(level => level === 0).length
  const values = entries.values.slice(value, value + count)
  const parts = {
    repetition: levelBytes(repetition, leaf.maxRepetition),
    definition: levelBytes(definition, leaf.maxDefinition),
    values:
      style.encoding === 'codes' ? codeBytes(dictionary, values) : valueBytes(leaf, values, style.encoding),
    entries: to - from,
    rows,
    nulls: to - from - count,
  }
  const bytes = style.version === 1 ? pageV1(style, parts) : pageV2(style, parts)
  return { bytes, value: value + count, rows }
}

interface Sections {
  readonly repetition: Uint8Array
  readonly definition: Uint8Array
  readonly values: Uint8Array
  readonly entries: number
  readonly rows: number
  readonly nulls: number
}

const encodingNumber = (encoding: PageEncoding): number =>
  encoding === 'codes' ? Encoding.rleDictionary : Encoding[encoding]

function pageV1(style: PageStyle, parts: Sections): Uint8Array {
  const withLength = (levels: Uint8Array): Uint8Array =>
    levels.length === 0 ? levels : concatBytes([new Uint8Array(Uint32Array.of(levels.length).buffer), levels])
  const plain = concatBytes([withLength(parts.repetition), withLength(parts.definition), parts.values])
  const body = style.gzip ? new Uint8Array(gzipSync(plain)) : plain
  const header = serializePageHeader({
    kind: 'data',
    compressedBytes: body.length,
    uncompressedBytes: plain.length,
    crc: style.crc ? crc32(body) : undefined,
    entries: parts.entries,
    encoding: encodingNumber(style.encoding),
    definitionEncoding: Encoding.rle,
    repetitionEncoding: Encoding.rle,
  })
  return concatBytes([header, body])
}

function pageV2(style: PageStyle, parts: Sections): Uint8Array {
  const { repetition, definition, values } = parts
  const stored = style.gzip ? new Uint8Array(gzipSync(values)) : values
  const body = concatBytes([repetition, definition, stored])
  const header = serializePageHeader({
    kind: 'data-v2',
    compressedBytes: body.length,
    uncompressedBytes: repetition.length + definition.length + values.length,
    crc: style.crc ? crc32(body) : undefined,
    entries: parts.entries,
    nullCount: parts.nulls,
    rowCount: parts.rows,
    encoding: encodingNumber(style.encoding),
    definitionBytes: definition.length,
    repetitionBytes: repetition.length,
    compressed: style.gzip,
  })
  return concatBytes([header, body])
}

function dictionaryPage(leaf: LeafColumn, dictionary: readonly Value[], gzip: boolean): Uint8Array {
  const plain = valueBytes(leaf, dictionary, 'plain')
  const body = gzip ? new Uint8Array(gzipSync(plain)) : plain
  const header = serializePageHeader({
    kind: 'dictionary',
    compressedBytes: body.length,
    uncompressedBytes: plain.length,
    crc: crc32(body),
    entries: dictionary.length,
    encoding: Encoding.plain,
    sorted: false,
  })
  return concatBytes([header, body])
}

const bitsFor = (max: number): number => 32 - Math.clz32(max)

/** RLE runs; nothing where there are no levels. */
export function levelBytes(levels: readonly number[], max: number): Uint8Array {
  if (max === 0) return new Uint8Array(0)
  const sink = createByteSink()
  encodeHybrid(sink, Uint8Array.from(levels), { from: 0, to: levels.length, bitWidth: bitsFor(max) })
  return takeBytes(sink)
}

function codeBytes(dictionary: readonly Value[], values: readonly Value[]): Uint8Array {
  const places = new Map(dictionary.map((value, index) => [keyOf(value), index]))
  const codes = Int32Array.from(values, value => places.get(keyOf(value)) ?? 0)
  const bitWidth = bitsFor(dictionary.length - 1)
  const sink = createByteSink()
  encodeHybrid(sink, codes, { from: 0, to: codes.length, bitWidth })
  return concatBytes([Uint8Array.of(bitWidth), takeBytes(sink)])
}

/** A text that two values share exactly when they are the same. */
function keyOf(value: Value): string {
  if (value instanceof Uint8Array) return `b${value.join()}`
  return Object.is(value, -0) ? '-0' : `${typeof value}${value}`
}

export function valueBytes(leaf: LeafColumn, values: readonly Value[], encoding: PageEncoding): Uint8Array {
  const stored = storedOf(leaf, values)
  const range = { from: 0, to: values.length }
  const sink = createByteSink()
  if (encoding === 'plain') encodePlain(sink, stored, range)
  else if (encoding === 'rle') encodeBooleanRle(sink, stored, range)
  else if (encoding === 'deltaBinaryPacked') encodeDeltaBinaryPacked(sink, stored, range)
  else if (encoding === 'deltaLengthByteArray') encodeDeltaLengthBytes(sink, stored, range)
  else if (encoding === 'deltaByteArray') encodeDeltaBytes(sink, stored, range)
  else encodeByteStreamSplit(sink, stored, range)
  return takeBytes(sink)
}

/** Values of the Iceberg type as Iceberg's writers store them. */
function storedOf({ element, type }: LeafColumn, values: readonly Value[]): StoredValues {
  if (type.kind !== 'decimal') return built(type, values)
  const unscaled = values as bigint[]
  if (element.physicalType === PhysicalType.int32) return built({ kind: 'int' }, unscaled.map(Number))
  if (element.physicalType === PhysicalType.int64) return built({ kind: 'long' }, unscaled)
  const width = element.typeLength
  if (width === undefined)
    return built(
      { kind: 'binary' },
      unscaled.map(value => bigEndian(value, 17)),
    )
  return built(
    { kind: 'fixed', lengthBytes: width },
    unscaled.map(value => bigEndian(value, width)),
  )
}

function built(type: Type, values: readonly Value[]): StoredValues {
  const builder = createVectorBuilder(type, values.length)
  for (const value of values) builder.append(value)
  return builder.finish() as StoredValues
}

/** Two's complement in so many bytes. */
export function bigEndian(value: bigint, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, at) =>
    Number((value >> BigInt(8 * (width - 1 - at))) & 0xffn),
  )
}
