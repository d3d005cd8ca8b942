/**
 * Columns out of columns: rows picked, ranges cut, batches joined, constants. Picking copies values, cutting shares
 * them.
 */
import { unreachable } from '../base/assert.js'
import { LakeError } from '../base/errors.js'
import type { Field, Type, Value } from '../schema/types.js'
import { fullBitmap, takeBits, validityOf } from './bitmap.js'
import type {
  ColumnBatch,
  DictionaryVector,
  FixedBytesVector,
  FixedWidthValues,
  Selection,
  VarBytesVector,
  Vector,
} from './column-batch.js'
import { concatVectors } from './concat-vectors.js'
import { int32Words } from './int-words.js'
import { nullRows } from './null-rows.js'
import { sliceVector } from './slice-vector.js'
import { createVectorBuilder } from './vector-builder.js'

/** The rows of a vector, in the order given; a row may be asked for more than once. */
export function takeVector(vector: Vector, rows: Selection | Int32Array): Vector {
  if (vector.layout === 'null') return { layout: 'null', length: rows.length }
  const length = rows.length
  const validity = vector.validity && validityOf(takeBits(vector.validity, rows), length)
  switch (vector.layout) {
    case 'fixed-width':
      return { layout: 'fixed-width', length, validity, values: takeFixedWidth(vector.values, rows) }
    case 'decimal':
      return { layout: 'decimal', length, validity, words: takeDecimals(vector.words, rows) }
    case 'boolean':
      return { layout: 'boolean', length, validity, bits: takeBits(vector.bits, rows) }
    case 'fixed-bytes':
      return { ...vector, length, validity, bytes: takeFixedBytes(vector, rows) }
    case 'var-bytes':
      return { layout: 'var-bytes', length, validity, ...takeVarBytes(vector, rows) }
    case 'dictionary':
      return { ...vector, length, validity, codes: takeInts(vector.codes, rows) }
    case 'list': {
      const { offsets, childRows } = takeRanges(vector.offsets, rows)
      return { layout: 'list', length, validity, offsets, element: takeVector(vector.element, childRows) }
    }
    case 'map': {
      const { offsets, childRows } = takeRanges(vector.offsets, rows)
      const keys = takeVector(vector.keys, childRows)
      return { layout: 'map', length, validity, offsets, keys, values: takeVector(vector.values, childRows) }
    }
    case 'struct':
      return {
        layout: 'struct',
        length,
        validity,
        children: vector.children.map(child => takeVector(child, rows)),
      }
    default:
      return unreachable(vector)
  }
}

/** As `takeVector`, with null for each row below 0. */
export function takeVectorOrNull(vector: Vector, rows: Int32Array): Vector {
  if (vector.length === 0 || vector.layout === 'null') return nullRows(vector, rows.length)
  const taken = takeVector(
    vector,
    rows.map(row => Math.max(row, 0)),
  )
  if (taken.layout === 'null') return taken
  const validity = taken.validity ?? fullBitmap(rows.length)
  for (let at = 0; at < rows.length; at++) {
    if ((rows[at] as number) < 0) validity[at >> 3] = (validity[at >> 3] as number) & ~(1 << (at & 7))
  }
  return { ...taken, validity }
}

function takeInts(values: Int32Array, rows: Selection | Int32Array): Int32Array {
  const taken = new Int32Array(rows.length)
  for (let at = 0; at < rows.length; at++) taken[at] = values[rows[at] as number] as number
  return taken
}

function takeFixedWidth(values: FixedWidthValues, rows: Selection | Int32Array): FixedWidthValues {
  if (values instanceof Int32Array) return takeInts(values, rows)
  if (values instanceof Float32Array) {
    // Bits, not numbers: a load as a number may change the payload of a NaN.
    return new Float32Array(takeInts(int32Words(values), rows).buffer)
  }
  const buffer = takePairs(int32Words(values), rows).buffer
  return values instanceof BigInt64Array ? new BigInt64Array(buffer) : new Float64Array(buffer)
}

function takePairs(words: Int32Array, rows: Selection | Int32Array): Int32Array<ArrayBuffer> {
  const taken = new Int32Array(rows.length * 2)
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    taken[2 * at] = words[2 * row] as number
    taken[2 * at + 1] = words[2 * row + 1] as number
  }
  return taken
}

function takeDecimals(words: BigInt64Array, rows: Selection | Int32Array): BigInt64Array {
  const source = int32Words(words)
  const taken = new Int32Array(rows.length * 4)
  for (let at = 0; at < rows.length; at++) {
    const from = 4 * (rows[at] as number)
    taken[4 * at] = source[from] as number
    taken[4 * at + 1] = source[from + 1] as number
    taken[4 * at + 2] = source[from + 2] as number
    taken[4 * at + 3] = source[from + 3] as number
  }
  return new BigInt64Array(taken.buffer)
}

function takeFixedBytes(vector: FixedBytesVector, rows: Selection | Int32Array): Uint8Array {
  const { widthBytes, bytes } = vector
  const taken = new Uint8Array(rows.length * widthBytes)
  for (let at = 0; at < rows.length; at++) {
    const from = (rows[at] as number) * widthBytes
    for (let byte = 0; byte < widthBytes; byte++) taken[at * widthBytes + byte] = bytes[from + byte] as number
  }
  return taken
}

/** Below this a loop copies faster than `set` on a sub-array. */
const SHORT_COPY_BYTES = 64

function takeVarBytes(
  vector: VarBytesVector,
  rows: Selection | Int32Array,
): { readonly offsets: Int32Array; readonly bytes: Uint8Array } {
  const { offsets: from, bytes: source } = vector
  const offsets = takeOffsets(from, rows)
  const bytes = new Uint8Array(offsets[rows.length] as number)
  for (let at = 0; at < rows.length; at++) {
    const start = from[rows[at] as number] as number
    const target = offsets[at] as number
    const length = (offsets[at + 1] as number) - target
    if (length > SHORT_COPY_BYTES) bytes.set(source.subarray(start, start + length), target)
    else for (let byte = 0; byte < length; byte++) bytes[target + byte] = source[start + byte] as number
  }
  return { offsets, bytes }
}

function takeOffsets(from: Int32Array, rows: Selection | Int32Array): Int32Array {
  const offsets = new Int32Array(rows.length + 1)
  let end = 0
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    end += (from[row + 1] as number) - (from[row] as number)
    offsets[at + 1] = end
  }
  checkSize(end)
  return offsets
}

function checkSize(units: number): void {
  if (units > 0x7fff_ffff)
    throw new LakeError('invalid-argument', 'a column of a batch holds more than 2 GiB')
}

/** The rows of a list's child that belong to the rows taken, and their new offsets. */
function takeRanges(
  from: Int32Array,
  rows: Selection | Int32Array,
): { readonly offsets: Int32Array; readonly childRows: Uint32Array } {
  const offsets = takeOffsets(from, rows)
  const childRows = new Uint32Array(offsets[rows.length] as number)
  let count = 0
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as number
    const end = from[row + 1] as number
    for (let child = from[row] as number; child < end; child++) childRows[count++] = child
  }
  return { offsets, childRows }
}

/** The rows of a batch, in the order given. */
export function takeBatch(batch: ColumnBatch, rows: Selection | Int32Array): ColumnBatch {
  return { ...batch, length: rows.length, columns: batch.columns.map(column => takeVector(column, rows)) }
}

/** Rows `from .. to` of a batch; values are shared. */
export function sliceBatch(batch: ColumnBatch, from: number, to: number): ColumnBatch {
  if (from === 0 && to === batch.length) return batch
  return { ...batch, length: to - from, columns: batch.columns.map(column => sliceVector(column, from, to)) }
}

/** The columns at these indexes, in that order. */
export function selectColumns(batch: ColumnBatch, indexes: readonly number[]): ColumnBatch {
  return {
    length: batch.length,
    fields: indexes.map(index => batch.fields[index] ?? noColumn(index)),
    columns: indexes.map(index => batch.columns[index] ?? noColumn(index)),
  }
}

function noColumn(index: number): never {
  throw new LakeError('invalid-argument', 'the batch has no such column', { context: { index } })
}

/** A vector without a dictionary in front of its values (those inside nested vectors stay). */
export function plainVector(vector: Vector): Vector {
  return vector.layout === 'dictionary' ? decodeDictionary(vector) : vector
}

function decodeDictionary(vector: DictionaryVector): Vector {
  const { length, validity, codes, dictionary } = vector
  const entries = plainVector(dictionary)
  if (entries.length === 0) return nullRows(entries, length)
  const plain = takeVector(entries, validity === undefined ? codes.subarray(0, length) : safeCodes(vector))
  if (plain.layout === 'null' || validity === undefined) return plain
  return { ...plain, validity: plain.validity === undefined ? validity : andBits(plain.validity, validity) }
}

/** The codes, with 0 for null rows: theirs may be anything. */
function safeCodes(vector: DictionaryVector): Int32Array {
  const codes = vector.codes.slice(0, vector.length)
  const last = vector.dictionary.length
  for (let row = 0; row < codes.length; row++) if ((codes[row] as number) >>> 0 >= last) codes[row] = 0
  return codes
}

function andBits(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, at) => byte & (b[at] as number))
}

/** A column of a type without rows. */
export function emptyVectorOf(type: Type): Vector {
  return createVectorBuilder(type, 0).finish()
}

/** A batch without rows. */
export function emptyBatch(fields: readonly Field[]): ColumnBatch {
  return { length: 0, fields, columns: fields.map(field => emptyVectorOf(field.type)) }
}

/** A column of a type in which every row is null. */
export function nullVectorOf(type: Type, length: number): Vector {
  return nullRows(emptyVectorOf(type), length)
}

/** A column with the same value in every row; variable-length values are stored once, behind a dictionary. */
export function constantVector(type: Type, value: Value, length: number): Vector {
  if (value === null) return nullVectorOf(type, length)
  const builder = createVectorBuilder(type, 1)
  builder.append(value)
  const single = builder.finish()
  if (single.layout === 'fixed-width') return { ...single, length, values: repeated(single.values, length) }
  const codes = new Int32Array(length)
  if (single.layout === 'var-bytes') return { layout: 'dictionary', length, codes, dictionary: single }
  return takeVector(single, codes)
}

/** The first value, `length` times; a fill of bits, since one of numbers may change the payload of a NaN. */
function repeated(values: FixedWidthValues, length: number): FixedWidthValues {
  if (values instanceof Int32Array) return new Int32Array(length).fill(values[0] ?? 0)
  if (values instanceof Float32Array)
    return new Float32Array(new Int32Array(length).fill(int32Words(values)[0] ?? 0).buffer)
  const bits = new BigInt64Array(values.buffer, values.byteOffset, 1)[0] ?? 0n
  const filled = new BigInt64Array(length).fill(bits)
  return values instanceof BigInt64Array ? filled : new Float64Array(filled.buffer)
}

/**
 * One batch of all rows, in order. `fields` says what the columns are, also when there is no batch.
 * @throws invalid-argument when a column would hold more than 2 GiB
 */
export function concatBatches(fields: readonly Field[], batches: readonly ColumnBatch[]): ColumnBatch {
  const parts = batches.filter(batch => batch.length > 0)
  const [first] = parts
  if (!first) return emptyBatch(fields)
  if (parts.length === 1) return { ...first, fields }
  let length = 0
  for (const part of parts) length += part.length
  const columns = fields.map((field, at) =>
    concatColumn(
      parts.map(part => part.columns[at] ?? noColumn(at)),
      field.type,
    ),
  )
  return { length, fields, columns }
}

/** Dictionaries survive when all parts share one; a part without values takes the layout of its type. */
function concatColumn(parts: readonly Vector[], type: Type): Vector {
  const [first] = parts
  if (first?.layout === 'dictionary') {
    const { dictionary } = first
    if (parts.every(part => part.layout === 'dictionary' && part.dictionary === dictionary))
      return concatVectors(parts)
  }
  return concatVectors(parts.map(part => alignVector(part, type)))
}

/** The vector in the layout that builders give its type: no dictionaries, no stand-ins for nulls, at any depth. */
export function alignVector(vector: Vector, type: Type): Vector {
  if (vector.layout === 'null') return nullVectorOf(type, vector.length)
  const plain = plainVector(vector)
  if (plain.layout === 'list' && type.kind === 'list') {
    return { ...plain, element: alignVector(plain.element, type.element) }
  }
  if (plain.layout === 'map' && type.kind === 'map') {
    return {
      ...plain,
      keys: alignVector(plain.keys, type.key),
      values: alignVector(plain.values, type.value),
    }
  }
  if (plain.layout === 'struct' && type.kind === 'struct') {
    const children = type.fields.map((field, at) =>
      alignVector(plain.children[at] ?? noColumn(at), field.type),
    )
    return { ...plain, children }
  }
  return plain.layout === 'null' ? nullVectorOf(type, plain.length) : plain
}
