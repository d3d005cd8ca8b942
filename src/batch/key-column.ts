/**
 * Columns prepared to be hashed and compared cell by cell: 32-bit words, byte ranges or bits, whatever the layout was.
 * Cells are equal when both are null, or both hold the same value: -0.0 differs from 0.0, NaN equals NaN. A
 * dictionary and a plain column of the same values hash alike.
 */
import { assert, present, unreachable } from '../base/assert.js'
import { murmur3Range } from '../schema/murmur3.js'
import type { Type } from '../schema/types.js'
import type { Bitmap, FixedWidthValues, Vector } from './column-batch.js'
import { int32Words } from './int-words.js'
import { checkLayout } from './layout.js'

/** What `KeyColumn` holds: words, bits, bytes at fixed and at variable places, codes, lists (and maps), structs, nothing. */
type CellKind = 'words' | 'bits' | 'fixed-bytes' | 'var-bytes' | 'dictionary' | 'list' | 'struct' | 'null'

/**
 * One shape for all kinds, members that a kind does not need being empty: with a shape for each, every load in the
 * inner loops would have to tell eight of them apart.
 */
export interface KeyColumn {
  readonly kind: CellKind
  readonly length: number
  readonly validity: Bitmap | undefined
  /** words: `width` of them a row. dictionary: the codes. */
  readonly words: Int32Array
  /** Words or bytes a row. */
  readonly width: number
  /** The words are floats: any two NaN are equal. */
  readonly float: boolean
  /** bits, and both kinds of bytes. */
  readonly bytes: Uint8Array
  /** var-bytes and list. */
  readonly offsets: Int32Array
  /** dictionary: its entries. list: one child, two for a map. struct: its fields. */
  readonly children: readonly KeyColumn[]
}

const NO_WORDS = new Int32Array(0)
const NO_BYTES = new Uint8Array(0)
const NO_CHILDREN: readonly KeyColumn[] = []

/**
 * The vectors as key columns; values are shared.
 * @throws corrupt when one does not have the layout of its type
 */
export function keyColumns(vectors: readonly Vector[], types: readonly Type[]): readonly KeyColumn[] {
  assert(vectors.length === types.length, 'each key column has a type')
  vectors.forEach((vector, at) => {
    checkLayout(vector, present(types[at], 'the type'))
  })
  return vectors.map(keyColumn)
}

function keyColumn(vector: Vector): KeyColumn {
  switch (vector.layout) {
    case 'fixed-width':
      return cells(vector, 'words', fixedWidthWords(vector.values))
    case 'decimal':
      return cells(vector, 'words', { words: int32Words(vector.words), width: 4 })
    case 'boolean':
      return cells(vector, 'bits', { bytes: vector.bits })
    case 'fixed-bytes':
      return cells(vector, 'fixed-bytes', { bytes: vector.bytes, width: vector.widthBytes })
    case 'var-bytes':
      return cells(vector, 'var-bytes', { bytes: vector.bytes, offsets: vector.offsets })
    case 'dictionary':
      return cells(vector, 'dictionary', { words: vector.codes, children: [keyColumn(vector.dictionary)] })
    case 'list':
      return cells(vector, 'list', { offsets: vector.offsets, children: [keyColumn(vector.element)] })
    case 'map': {
      const children = [keyColumn(vector.keys), keyColumn(vector.values)]
      return cells(vector, 'list', { offsets: vector.offsets, children })
    }
    case 'struct':
      return cells(vector, 'struct', { children: vector.children.map(keyColumn) })
    case 'null':
      return cells(vector, 'null', {})
    default:
      return unreachable(vector)
  }
}

function cells(vector: Vector, kind: CellKind, parts: Partial<KeyColumn>): KeyColumn {
  return {
    kind,
    length: vector.length,
    validity: vector.layout === 'null' ? undefined : vector.validity,
    words: parts.words ?? NO_WORDS,
    width: parts.width ?? 1,
    float: parts.float ?? false,
    bytes: parts.bytes ?? NO_BYTES,
    offsets: parts.offsets ?? NO_WORDS,
    children: parts.children ?? NO_CHILDREN,
  }
}

function fixedWidthWords(values: FixedWidthValues): Partial<KeyColumn> {
  const width = values.BYTES_PER_ELEMENT === 8 ? 2 : 1
  return {
    words: int32Words(values),
    width,
    float: values instanceof Float32Array || values instanceof Float64Array,
  }
}

const NULL_HASH = 0x7ed5_5d16
const NAN_HASH = 0x7fc0_0000

/** One hash a row. */
export function hashCells(column: KeyColumn): Int32Array {
  const hashes = new Int32Array(column.length)
  hashPresent(column, hashes)
  const { validity } = column
  if (column.kind === 'null') hashes.fill(NULL_HASH)
  else if (validity !== undefined) {
    for (let row = 0; row < hashes.length; row++) {
      if ((((validity[row >> 3] as number) >> (row & 7)) & 1) === 0) hashes[row] = NULL_HASH
    }
  }
  return hashes
}

/** Hashes rows as if none were null. */
function hashPresent(column: KeyColumn, hashes: Int32Array): void {
  switch (column.kind) {
    case 'words':
      hashWords(column, hashes)
      return
    case 'bits':
      for (let row = 0; row < hashes.length; row++) hashes[row] = finishHash(bitAt(column.bytes, row))
      return
    case 'fixed-bytes':
    case 'var-bytes':
      hashBytes(column, hashes)
      return
    case 'dictionary': {
      const entries = hashCells(entriesOf(column))
      const { words } = column
      for (let row = 0; row < hashes.length; row++) hashes[row] = entries[words[row] as number] as number
      return
    }
    case 'list':
      hashLists(column, hashes)
      return
    case 'struct':
      for (const child of column.children) combineHashes(hashes, hashCells(child))
      return
    case 'null':
      return
    default:
      unreachable(column.kind)
  }
}

function entriesOf(column: KeyColumn): KeyColumn {
  return column.children[0] as KeyColumn
}

function hashWords(column: KeyColumn, hashes: Int32Array): void {
  const { words, width, float } = column
  for (let row = 0; row < hashes.length; row++) {
    const at = row * width
    if (float && isNan(words, at, width)) {
      hashes[row] = NAN_HASH
      continue
    }
    let hash = 0
    for (let word = at; word < at + width; word++) hash = mixHash(hash, words[word] as number)
    hashes[row] = finishHash(hash)
  }
}

function hashBytes(column: KeyColumn, hashes: Int32Array): void {
  const { bytes } = column
  for (let row = 0; row < hashes.length; row++) {
    hashes[row] = murmur3Range(bytes, byteStart(column, row), byteStart(column, row + 1))
  }
}

function hashLists(column: KeyColumn, hashes: Int32Array): void {
  const { offsets } = column
  for (const child of column.children) {
    const elements = hashCells(child)
    for (let row = 0; row < hashes.length; row++) {
      const end = offsets[row + 1] as number
      let hash = hashes[row] as number
      for (let at = offsets[row] as number; at < end; at++) hash = mixHash(hash, elements[at] as number)
      hashes[row] = finishHash(hash)
    }
  }
}

/** Adds the hashes of a further column to those of a row. */
export function combineHashes(hashes: Int32Array, further: Int32Array): void {
  for (let row = 0; row < hashes.length; row++) {
    hashes[row] = finishHash(mixHash(hashes[row] as number, further[row] as number))
  }
}

/** One step of Murmur3's 32-bit body. */
function mixHash(hash: number, word: number): number {
  const k = Math.imul(word, 0xcc9e2d51)
  const h = hash ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593)
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
}

/** Murmur3's finalizer. */
function finishHash(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

function isNan(words: Int32Array, at: number, width: number): boolean {
  if (width === 1) return ((words[at] as number) & 0x7fff_ffff) > 0x7f80_0000
  const high = (words[at + 1] as number) & 0x7fff_ffff
  return high > 0x7ff0_0000 || (high === 0x7ff0_0000 && words[at] !== 0)
}

function isNullCell(column: KeyColumn, row: number): boolean {
  if (column.validity !== undefined && bitAt(column.validity, row) === 0) return true
  if (column.kind === 'dictionary') return isNullCell(entriesOf(column), column.words[row] as number)
  return column.kind === 'null'
}

/** Whether two cells hold the same value. The columns are of one type; their layouts may differ by dictionaries. */
export function cellsEqual(a: KeyColumn, rowA: number, b: KeyColumn, rowB: number): boolean {
  const nullA = isNullCell(a, rowA)
  const nullB = isNullCell(b, rowB)
  if (nullA || nullB) return nullA && nullB
  if (a.kind === 'dictionary') return cellsEqual(entriesOf(a), a.words[rowA] as number, b, rowB)
  if (b.kind === 'dictionary') return cellsEqual(a, rowA, entriesOf(b), b.words[rowB] as number)
  switch (a.kind) {
    case 'words':
      return wordsEqual(a, rowA, b, rowB)
    case 'bits':
      return bitAt(a.bytes, rowA) === bitAt(b.bytes, rowB)
    case 'fixed-bytes':
    case 'var-bytes':
      return bytesEqual(a, rowA, b, rowB)
    case 'list':
      return listsEqual(a, rowA, b, rowB)
    case 'struct':
      return childrenEqual(a.children, rowA, b.children, rowB)
    case 'null':
      return true
    default:
      return unreachable(a.kind)
  }
}

function bitAt(bits: Bitmap, row: number): number {
  return ((bits[row >> 3] as number) >> (row & 7)) & 1
}

function wordsEqual(a: KeyColumn, rowA: number, b: KeyColumn, rowB: number): boolean {
  const { width } = a
  const atA = rowA * width
  const atB = rowB * width
  for (let word = 0; word < width; word++) {
    if (a.words[atA + word] !== b.words[atB + word]) {
      return a.float && isNan(a.words, atA, width) && isNan(b.words, atB, width)
    }
  }
  return true
}

function bytesEqual(a: KeyColumn, rowA: number, b: KeyColumn, rowB: number): boolean {
  const fromA = byteStart(a, rowA)
  const fromB = byteStart(b, rowB)
  const length = byteStart(a, rowA + 1) - fromA
  if (byteStart(b, rowB + 1) - fromB !== length) return false
  const bytesA = a.bytes
  const bytesB = b.bytes
  for (let at = 0; at < length; at++) if (bytesA[fromA + at] !== bytesB[fromB + at]) return false
  return true
}

function byteStart(column: KeyColumn, row: number): number {
  return column.kind === 'var-bytes' ? (column.offsets[row] as number) : row * column.width
}

function listsEqual(a: KeyColumn, rowA: number, b: KeyColumn, rowB: number): boolean {
  const fromA = a.offsets[rowA] as number
  const fromB = b.offsets[rowB] as number
  const length = (a.offsets[rowA + 1] as number) - fromA
  if ((b.offsets[rowB + 1] as number) - fromB !== length) return false
  for (let at = 0; at < length; at++) {
    if (!childrenEqual(a.children, fromA + at, b.children, fromB + at)) return false
  }
  return true
}

/** Whether all of several columns are equal in two rows. */
export function childrenEqual(
  a: readonly KeyColumn[],
  rowA: number,
  b: readonly KeyColumn[],
  rowB: number,
): boolean {
  for (let at = 0; at < a.length; at++) {
    if (!cellsEqual(a[at] as KeyColumn, rowA, b[at] as KeyColumn, rowB)) return false
  }
  return true
}
