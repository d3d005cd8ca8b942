/**
 * Variants between the columns of a Parquet file and one var-bytes vector: metadata bytes followed by value bytes.
 *
 * A shredded variant is put together row by row, down the tree of its columns:
 *
 *   value   typed_value   a group is
 *   -       -             missing: no field of the object; null as an element or as a whole
 *   set     -             the value, copied
 *   -       set           the typed value, encoded
 *   set     set           an object: the fields of both; anything else is corrupt
 *
 * Encoded values that are copied are checked first, so that what leaves here can be walked without checks.
 * @see https://github.com/apache/parquet-format/blob/master/VariantShredding.md
 */
import { unreachable } from '../../../base/assert.js'
import { LakeError } from '../../../base/errors.js'
import { hasBit } from '../../../batch/bitmap.js'
import type { StructVector, VarBytesVector } from '../../../batch/column-batch.js'
import {
  beginElement,
  beginField,
  closeArray,
  closeObject,
  createVariantBuilder,
  openContainer,
  type VariantBuilder,
  writeBinary,
  writeConstant,
  writeDecimal,
  writeEncoded,
  writeText,
  writeUuid,
  writeWord,
  writeWords,
} from '../../variant-builder.js'
import {
  compareNames,
  compareNameTo,
  corruptVariant,
  findName,
  readVariantMetadata,
  type VariantMetadata,
} from '../../variant-metadata.js'
import {
  checkVariantValue,
  childAt,
  fieldIdAt,
  isVariantObject,
  readContainer,
  VariantPrimitive,
  valueEnd,
} from '../../variant-value.js'
import { takeBytes } from '../encoding/byte-sink.js'
import {
  type ArrayColumns,
  type BytesColumn,
  bytesColumn,
  type FieldColumns,
  type GroupColumns,
  groupColumns,
  type LeafColumn,
  type ObjectColumns,
  rowOf,
} from './variant-columns.js'
import type { VariantGroup } from './variant-group.js'

export interface AssembleOptions {
  /** The most bytes that the variants may take together; more is `unsupported`. Default 2 GiB less one. */
  readonly bytesMax?: number | undefined
}

/**
 * Variants out of the columns of a variant group.
 * @param group what `readVariantGroup` made of the group's schema elements
 * @param storage the group decoded like any struct: a child vector for each child of the group, in the order of the
 *   file; `typed_value` as nested structs and lists of leaves in the layouts of their Iceberg types. A row that is null
 *   in the struct is a null variant
 * @throws corrupt when the columns do not go together or a value breaks the encoding
 * @throws unsupported for typed values of types that a variant has not, and for too many bytes
 */
export function assembleVariant(
  group: VariantGroup,
  storage: StructVector,
  options: AssembleOptions = {},
): VarBytesVector {
  const names: Uint8Array[] = []
  const columns = groupColumns(group, storage, names)
  const metadata = group.metadata === undefined ? undefined : storage.children[group.metadata]
  if (metadata === undefined || metadata.layout === 'null')
    throw corruptVariant('there is no metadata column')
  const builder = createVariantBuilder(options.bytesMax ?? 0x7fff_ffff)
  const metadataColumn = bytesColumn(metadata)
  const offsets = new Int32Array(storage.length + 1)
  let dictionary: Dictionary | undefined
  for (let row = 0; row < storage.length; row++) {
    if (storage.validity === undefined || hasBit(storage.validity, row)) {
      dictionary = dictionaryOf(metadataColumn, row, dictionary, names)
      const { bytes, from, to } = dictionary.metadata
      writeEncoded(builder, bytes, from, to)
      if (!writeGroup({ builder, dictionary }, columns, row)) writeConstant(builder, VariantPrimitive.null)
    }
    offsets[row + 1] = builder.sink.length
  }
  const { length, validity } = storage
  return { layout: 'var-bytes', length, validity, offsets, bytes: takeBytes(builder.sink) }
}

// ---- metadata

/** A row's metadata, and the ids of shredded names in it. */
interface Dictionary {
  readonly metadata: VariantMetadata
  /** The row of the column's bytes. */
  readonly index: number
  /** By the place of a name; UNKNOWN until asked for. */
  readonly ids: Int32Array
}

const UNKNOWN = -2

/** Rows share their metadata more often than not: that of the row before is taken again when it is the same. */
function dictionaryOf(
  column: BytesColumn,
  row: number,
  last: Dictionary | undefined,
  names: readonly Uint8Array[],
): Dictionary {
  const index = rowOf(column, row)
  if (index < 0) throw corruptVariant('a variant has no metadata')
  if (last !== undefined && (index === last.index || isSame(column, index, last.index))) return last
  const { bytes, offsets } = column
  const metadata = readVariantMetadata(bytes, offsets[index] as number, offsets[index + 1] as number)
  return { metadata, index, ids: new Int32Array(names.length).fill(UNKNOWN) }
}

function isSame(column: BytesColumn, a: number, b: number): boolean {
  const { bytes, offsets } = column
  const fromA = offsets[a] as number
  const fromB = offsets[b] as number
  const length = (offsets[a + 1] as number) - fromA
  if ((offsets[b + 1] as number) - fromB !== length) return false
  for (let at = 0; at < length; at++) if (bytes[fromA + at] !== bytes[fromB + at]) return false
  return true
}

function idOf(dictionary: Dictionary, field: FieldColumns): number {
  const { ids, metadata } = dictionary
  let id = ids[field.nameIndex] as number
  if (id === UNKNOWN) {
    id = findName(metadata, field.name)
    ids[field.nameIndex] = id
  }
  if (id < 0) throw corruptVariant('the metadata lacks the name of a shredded field')
  return id
}

// ---- values

interface Assembly {
  readonly builder: VariantBuilder
  readonly dictionary: Dictionary
}

function isMissing(group: GroupColumns, row: number): boolean {
  const { validity, value, typed } = group
  if (validity !== undefined && !hasBit(validity, row)) return true
  return (value === undefined || rowOf(value, row) < 0) && (typed === undefined || rowOf(typed, row) < 0)
}

/** Writes the value of a group; false when it is missing. */
function writeGroup(assembly: Assembly, group: GroupColumns, row: number): boolean {
  if (group.validity !== undefined && !hasBit(group.validity, row)) return false
  const { value, typed } = group
  const valueRow = value === undefined ? -1 : rowOf(value, row)
  const typedRow = typed === undefined ? -1 : rowOf(typed, row)
  if (typed !== undefined && typedRow >= 0) {
    if (typed.kind === 'object') writeObject(assembly, typed, typedRow, residualOf(assembly, value, valueRow))
    else if (valueRow >= 0) throw corruptVariant('value and typed_value conflict')
    else writeTyped(assembly, typed, typedRow)
    return true
  }
  if (value === undefined || valueRow < 0) return false
  const from = value.offsets[valueRow] as number
  writeEncoded(assembly.builder, value.bytes, from, checkedEnd(assembly, value, valueRow))
  return true
}

/** Checks an encoded value and returns its end; it may end before its bytes do. */
function checkedEnd(assembly: Assembly, value: BytesColumn, index: number): number {
  const { bytes, offsets } = value
  const options = { end: offsets[index + 1] as number, depth: 0 }
  return checkVariantValue(assembly.dictionary.metadata, bytes, offsets[index] as number, options)
}

function writeTyped(assembly: Assembly, typed: LeafColumn | ArrayColumns, row: number): void {
  if (typed.kind === 'leaf') writeLeaf(assembly.builder, typed, row)
  else writeArray(assembly, typed, row)
}

function writeArray(assembly: Assembly, array: ArrayColumns, row: number): void {
  const { builder } = assembly
  const open = openContainer(builder)
  const end = array.offsets[row + 1] as number
  for (let element = array.offsets[row] as number; element < end; element++) {
    beginElement(builder)
    if (!writeGroup(assembly, array.element, element)) writeConstant(builder, VariantPrimitive.null)
  }
  closeArray(builder, open)
}

/** The fields of an object that are not shredded, in the order of their names. */
interface Residual {
  readonly bytes: Uint8Array
  readonly ids: readonly number[]
  /** Where the values begin. */
  readonly starts: readonly number[]
}

const NO_RESIDUAL: Residual = { bytes: new Uint8Array(0), ids: [], starts: [] }

function residualOf(assembly: Assembly, value: BytesColumn | undefined, index: number): Residual {
  if (value === undefined || index < 0) return NO_RESIDUAL
  const { bytes } = value
  const { metadata } = assembly.dictionary
  const from = value.offsets[index] as number
  const end = checkedEnd(assembly, value, index)
  if (!isVariantObject(bytes, from)) throw corruptVariant('a shredded object has a value that is no object')
  const object = readContainer(bytes, from, end)
  const fields: { readonly id: number; readonly start: number }[] = []
  for (let at = 0; at < object.count; at++) {
    fields.push({ id: fieldIdAt(bytes, object, at), start: childAt(bytes, object, at) })
  }
  fields.sort((a, b) => (metadata.ascending ? a.id - b.id : compareNames(metadata, a.id, b.id)))
  return { bytes, ids: fields.map(field => field.id), starts: fields.map(field => field.start) }
}

/** Merges the shredded fields with the others. A name in both is the shredded field, also when it is missing there. */
function writeObject(assembly: Assembly, object: ObjectColumns, row: number, residual: Residual): void {
  const { builder, dictionary } = assembly
  const open = openContainer(builder)
  let next = 0
  for (const field of object.fields) {
    next = writeResidual(assembly, residual, next, field.name)
    if (isMissing(field.columns, row)) continue
    beginField(builder, idOf(dictionary, field))
    writeGroup(assembly, field.columns, row)
  }
  writeResidual(assembly, residual, next, undefined)
  closeObject(builder, open)
}

/** Writes fields from `next` on that stand before a name, and returns the one that stands behind it. */
function writeResidual(
  assembly: Assembly,
  residual: Residual,
  next: number,
  name: Uint8Array | undefined,
): number {
  const { builder, dictionary } = assembly
  for (let at = next; at < residual.ids.length; at++) {
    const id = residual.ids[at] as number
    const order = name === undefined ? -1 : compareNameTo(dictionary.metadata, id, name)
    if (order >= 0) return order === 0 ? at + 1 : at
    const from = residual.starts[at] as number
    beginField(builder, id)
    writeEncoded(builder, residual.bytes, from, valueEnd(residual.bytes, from))
  }
  return residual.ids.length
}

function writeLeaf(builder: VariantBuilder, leaf: LeafColumn, at: number): void {
  const { words, bytes, offsets, primitive } = leaf
  switch (primitive) {
    case 'boolean':
      writeConstant(builder, hasBit(bytes, at) ? VariantPrimitive.true : VariantPrimitive.false)
      break
    case 'int8':
    case 'int16':
      writeNarrow(builder, primitive, words[at] as number)
      break
    case 'int32':
    case 'date':
    case 'float':
      writeWord(builder, VariantPrimitive[primitive], words[at] as number, 4)
      break
    case 'int64':
    case 'double':
    case 'time':
    case 'timestamptz':
    case 'timestamp':
    case 'timestamptz_ns':
    case 'timestamp_ns':
      writeWords(builder, VariantPrimitive[primitive], { words, at: 2 * at, count: 2 })
      break
    case 'decimal4':
      writeDecimal(builder, leaf.scale, { words, at: 4 * at, count: 1 })
      break
    case 'decimal8':
      writeDecimal(builder, leaf.scale, { words, at: 4 * at, count: 2 })
      break
    case 'decimal16':
      writeDecimal(builder, leaf.scale, { words, at: 4 * at, count: 4 })
      break
    case 'uuid':
      writeUuid(builder, bytes, 16 * at)
      break
    case 'string':
      writeText(builder, bytes, offsets[at] as number, offsets[at + 1] as number)
      break
    case 'binary':
      writeBinary(builder, bytes, offsets[at] as number, offsets[at + 1] as number)
      break
    default:
      unreachable(primitive)
  }
}

function writeNarrow(builder: VariantBuilder, primitive: 'int8' | 'int16', value: number): void {
  const width = primitive === 'int8' ? 1 : 2
  const unused = 32 - 8 * width
  if ((value << unused) >> unused !== value) throw corruptVariant('an integer is wider than its type')
  writeWord(builder, VariantPrimitive[primitive], value, width)
}

// ---- writing

/** The columns of an unshredded variant group. */
export interface VariantColumns {
  readonly metadata: VarBytesVector
  readonly value: VarBytesVector
}

/**
 * Variants as the two columns of an unshredded group. Both have the validity of the vector; null rows take no bytes.
 * @throws invalid-argument when a row is no variant
 */
export function splitVariantVector(vector: VarBytesVector): VariantColumns {
  const valueStarts = findValues(vector)
  const metadata = copyParts(vector, vector.offsets, valueStarts)
  return { metadata, value: copyParts(vector, valueStarts, vector.offsets.subarray(1)) }
}

/** Where the value of each row begins, every row checked. Null rows are all metadata. */
function findValues(vector: VarBytesVector): Int32Array {
  const { length, validity, offsets, bytes } = vector
  const starts = new Int32Array(length)
  let metadata: VariantMetadata | undefined
  for (let row = 0; row < length; row++) {
    const from = offsets[row] as number
    const to = offsets[row + 1] as number
    if (validity !== undefined && !hasBit(validity, row)) {
      starts[row] = to
      continue
    }
    try {
      metadata = metadataAt(bytes, from, to, metadata)
      starts[row] = from + metadata.to - metadata.from
      checkWhole(metadata, bytes, starts[row] as number, to)
    } catch (error) {
      throw new LakeError('invalid-argument', 'a value of a variant column is no variant', {
        context: { row },
        cause: error,
      })
    }
  }
  return starts
}

/** The metadata at `from`; the last one when the same bytes are there. */
function metadataAt(
  bytes: Uint8Array,
  from: number,
  to: number,
  last: VariantMetadata | undefined,
): VariantMetadata {
  if (last !== undefined && startsSame(bytes, from, to, last)) return last
  const metadata = readVariantMetadata(bytes, from, to)
  // What is read as metadata without names is not in the bytes, so the value could not be told from it.
  if (metadata.bytes !== bytes) throw corruptVariant('the metadata ends too early')
  return metadata
}

function startsSame(bytes: Uint8Array, from: number, to: number, last: VariantMetadata): boolean {
  const length = last.to - last.from
  if (to - from < length) return false
  for (let at = 0; at < length; at++) if (bytes[from + at] !== bytes[last.from + at]) return false
  return true
}

function checkWhole(metadata: VariantMetadata, bytes: Uint8Array, at: number, end: number): void {
  if (checkVariantValue(metadata, bytes, at, { end, depth: 0 }) !== end) {
    throw corruptVariant('bytes follow the value')
  }
}

/** Rows `from[row] .. to[row]` of the vector's bytes; null rows are empty. */
function copyParts(vector: VarBytesVector, from: Int32Array, to: Int32Array): VarBytesVector {
  const { length, validity, bytes } = vector
  const offsets = new Int32Array(length + 1)
  for (let row = 0; row < length; row++) {
    const isNull = validity !== undefined && !hasBit(validity, row)
    const size = isNull ? 0 : (to[row] as number) - (from[row] as number)
    offsets[row + 1] = (offsets[row] as number) + size
  }
  const copy = new Uint8Array(offsets[length] as number)
  for (let row = 0; row < length; row++) {
    const start = from[row] as number
    const target = offsets[row] as number
    const size = (offsets[row + 1] as number) - target
    if (size > SHORT_COPY_BYTES) copy.set(bytes.subarray(start, start + size), target)
    else for (let at = 0; at < size; at++) copy[target + at] = bytes[start + at] as number
  }
  return { layout: 'var-bytes', length, validity, offsets, bytes: copy }
}

/** Below this a loop copies faster than `set` on a sub-array. */
const SHORT_COPY_BYTES = 64
