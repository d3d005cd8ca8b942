/**
 * Hashes, equality and lookup of rows by several columns. Null equals null, -0.0 differs from 0.0, NaN equals NaN:
 * the rules of keys, partitions and equality deletes.
 *
 *   slots   [ 0 | row+1 | 0 | row+1 | row+1 | ... ]   open addressing, linear probing, at most half full
 *   hashes  [ one a build row ]                       compared before the cells are
 *
 * Keys that are whole numbers need neither where both sides are in ascending order (`ascending-keys.ts`).
 */
import type { Type } from '../schema/types.js'
import { type AscendingKeys, ascendingKeys } from './ascending-keys.js'
import type { Vector } from './column-batch.js'
import { childrenEqual, combineHashes, hashCells, type KeyColumn, keyColumns } from './key-column.js'

/**
 * One 32-bit hash a row over all vectors, which have one length; equal rows have equal hashes, dictionaries or not.
 * @throws corrupt when a vector does not have the layout of its type
 */
export function hashRows(vectors: readonly Vector[], types: readonly Type[]): Int32Array {
  return hashColumns(keyColumns(vectors, types))
}

function hashColumns(columns: readonly KeyColumn[]): Int32Array {
  const [first, ...others] = columns
  if (!first) return new Int32Array(0)
  const hashes = hashCells(first)
  for (const other of others) combineHashes(hashes, hashCells(other))
  return hashes
}

/** Compares rows of two lists of vectors of the same types, column by column. */
export interface RowComparer {
  equal(rowA: number, rowB: number): boolean
}

/**
 * For many comparisons: what can be prepared is prepared once.
 * @throws corrupt when a vector does not have the layout of its type
 */
export function createRowComparer(
  a: readonly Vector[],
  b: readonly Vector[],
  options: { readonly types: readonly Type[] },
): RowComparer {
  const columnsA = keyColumns(a, options.types)
  const columnsB = keyColumns(b, options.types)
  return { equal: (rowA, rowB) => childrenEqual(columnsA, rowA, columnsB, rowB) }
}

/** Two rows with one key. */
export interface DuplicateRows {
  readonly first: number
  readonly second: number
}

/** Rows found by key. */
export interface KeyTable {
  /** Number of different keys. */
  readonly size: number
  /** The first row that repeats an earlier key, and that one; undefined when all keys are unique. */
  readonly duplicates: DuplicateRows | undefined
  /**
   * For each probe row the build row with the same key (the first of several), or -1. The probe vectors have the
   * types of the build vectors.
   */
  find(probe: readonly Vector[]): Int32Array
}

/**
 * A table of the rows of some vectors of one length. Costs 12 to 20 bytes a row beside the vectors, which it keeps.
 * @throws corrupt when a vector does not have the layout of its type; so does `find`
 */
export function buildKeyTable(vectors: readonly Vector[], types: readonly Type[]): KeyTable {
  const columns = keyColumns(vectors, types)
  const [only] = columns
  const sorted =
    only !== undefined && columns.length === 1 ? ascendingKeys(only, { isSorted: true }) : undefined
  let built: BuildSide | undefined = sorted?.isUnique === true ? undefined : buildSide(columns)
  let ascending = sorted
  let probedRows = 0
  return {
    size: built?.size ?? columns[0]?.length ?? 0,
    duplicates: built?.duplicates,
    find(probe) {
      const probeColumns = keyColumns(probe, types)
      const [first] = probeColumns
      if (only !== undefined && first !== undefined && columns.length === 1 && startsAscending(first)) {
        probedRows += first.length
        // Putting the keys in order pays when many rows are looked for.
        if (probedRows >= only.length) ascending ??= ascendingKeys(only, { isSorted: false }) ?? NEVER_FOUND
        const found = ascending?.find(first)
        if (found !== undefined) return found
      }
      built ??= buildSide(columns)
      return findRows(built, probeColumns)
    },
  }
}

/** Stands for keys that cannot be put in order. */
const NEVER_FOUND: AscendingKeys = { isUnique: false, find: () => undefined }

/** A look at the first rows. */
function startsAscending({ kind, words, width, length }: KeyColumn): boolean {
  if (kind !== 'words' || width > 2) return false
  for (let row = 1; row < Math.min(length, 32); row++) {
    const high = (words[row * width + width - 1] as number) - (words[(row - 1) * width + width - 1] as number)
    if (high < 0) return false
    if (high > 0 || width === 1) continue
    if ((words[2 * row] as number) >>> 0 < (words[2 * row - 2] as number) >>> 0) return false
  }
  return true
}

interface BuildSide extends Pick<KeyTable, 'size' | 'duplicates'> {
  readonly columns: readonly KeyColumn[]
  readonly hashes: Int32Array
  readonly slots: Int32Array
}

function buildSide(columns: readonly KeyColumn[]): BuildSide {
  const hashes = hashColumns(columns)
  const slots = new Int32Array(slotCount(hashes.length))
  const mask = slots.length - 1
  let size = 0
  let duplicates: DuplicateRows | undefined
  for (let row = 0; row < hashes.length; row++) {
    const hash = hashes[row] as number
    let slot = hash & mask
    let found = -1
    for (let held = slots[slot] as number; held !== 0; held = slots[slot] as number) {
      if (hashes[held - 1] === hash && childrenEqual(columns, held - 1, columns, row)) {
        found = held - 1
        break
      }
      slot = (slot + 1) & mask
    }
    if (found < 0) {
      slots[slot] = row + 1
      size++
    } else duplicates ??= { first: found, second: row }
  }
  return { columns, hashes, slots, size, duplicates }
}

/** A power of two, at least twice the number of rows. */
export function slotCount(rows: number): number {
  return 1 << (32 - Math.clz32(Math.max(rows * 2 - 1, 7)))
}

function findRows(build: BuildSide, probeColumns: readonly KeyColumn[]): Int32Array {
  const { columns, hashes, slots } = build
  const mask = slots.length - 1
  const found = hashColumns(probeColumns)
  // Each hash is replaced by the row it finds.
  for (let row = 0; row < found.length; row++) {
    const hash = found[row] as number
    let slot = hash & mask
    let match = -1
    for (let held = slots[slot] as number; held !== 0; held = slots[slot] as number) {
      if (hashes[held - 1] === hash && childrenEqual(columns, held - 1, probeColumns, row)) {
        match = held - 1
        break
      }
      slot = (slot + 1) & mask
    }
    found[row] = match
  }
  return found
}
