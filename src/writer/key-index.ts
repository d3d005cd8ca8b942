/**
 * Where the rows of a table with some key are, in memory: key columns of data files, and one hash table over the rows of
 * all of them. Data files do not change, so what is indexed stays right; which of the files are live, and which of their
 * rows are deleted, is for the caller to know.
 *
 *   file f       rows base[f] .. base[f] + length[f]      its key columns, its row ids if they are stored in it
 *   heads        [ row+1 | 0 | row+1 | ... ]              by the low bits of the key's hash
 *   nexts        [ row+1 | 0 | ... ]                      the row with the same low bits that was added before
 *   hashes       [ one a row ]                            compared before the cells are
 */

import type { Vector } from '../batch/column-batch.js'
import { grownInts } from '../batch/growable.js'
import { childrenEqual, type KeyColumn, keyColumns } from '../batch/key-column.js'
import { hashRows, slotCount } from '../batch/row-hash.js'
import type { Type } from '../schema/types.js'

/** Rows of indexed files, by column: match i says that key `keyRows[i]` is in row `positions[i]` of file `files[i]`. */
export interface IndexMatches {
  readonly keyRows: Int32Array
  /** Numbers of files, as `numberOf` gives them. */
  readonly files: Int32Array
  readonly positions: Int32Array
  readonly count: number
}

/** Bytes of a row in the hash table, about: half of the heads are free. */
export const INDEX_ROW_BYTES = 16

interface IndexedFile {
  readonly name: string
  readonly base: number
  readonly length: number
  readonly vectors: readonly Vector[]
  readonly columns: readonly KeyColumn[]
  readonly rowIds: Vector | undefined
  readonly sizeBytes: number
}

export class KeyIndex {
  readonly #types: readonly Type[]
  #files: IndexedFile[] = []
  #numbers = new Map<string, number>()
  #hashes: Int32Array = new Int32Array(1024)
  #nexts: Int32Array = new Int32Array(1024)
  #heads: Int32Array = new Int32Array(slotCount(1024))
  #rows = 0

  /** @param types of the key's columns */
  constructor(types: readonly Type[]) {
    this.#types = types
  }

  /** Memory, about. */
  get sizeBytes(): number {
    return this.#files.reduce((sum, file) => sum + file.sizeBytes, 0)
  }

  get fileCount(): number {
    return this.#files.length
  }

  has(name: string): boolean {
    return this.#numbers.has(name)
  }

  numberOf(name: string): number | undefined {
    return this.#numbers.get(name)
  }

  /**
   * Adds the rows of a file, all of them in order. The vectors are kept.
   * @throws corrupt when a vector does not have the layout of its type
   */
  add(
    name: string,
    rows: {
      readonly length: number
      readonly vectors: readonly Vector[]
      readonly rowIds: Vector | undefined
      readonly sizeBytes: number
    },
  ): void {
    if (this.#numbers.has(name)) return
    const { length, vectors } = rows
    const base = this.#rows
    const columns = keyColumns(vectors, this.#types)
    const hashes = hashRows(vectors, this.#types)
    this.#hashes = grownInts(this.#hashes, base + length)
    this.#nexts = grownInts(this.#nexts, base + length)
    this.#hashes.set(hashes, base)
    this.#rows = base + length
    const sizeBytes = rows.sizeBytes + length * INDEX_ROW_BYTES
    this.#numbers.set(name, this.#files.length)
    this.#files.push({ ...rows, name, base, columns, sizeBytes })
    if (this.#rows * 2 > this.#heads.length) {
      this.#heads = new Int32Array(slotCount(this.#rows))
      this.#link(0, this.#rows)
    } else this.#link(base, this.#rows)
  }

  /** Keeps the files of these names only. */
  retain(names: ReadonlySet<string>): void {
    const kept = this.#files.filter(file => names.has(file.name))
    if (kept.length === this.#files.length) return
    this.#files = []
    this.#numbers = new Map()
    this.#rows = 0
    const rows = kept.reduce((sum, file) => sum + file.length, 0)
    this.#hashes = new Int32Array(Math.max(1024, rows))
    this.#nexts = new Int32Array(Math.max(1024, rows))
    this.#heads = new Int32Array(slotCount(Math.max(1024, rows)))
    for (const file of kept)
      this.add(file.name, { ...file, sizeBytes: file.sizeBytes - file.length * INDEX_ROW_BYTES })
  }

  /** The ids that rows of a file have stored; undefined when none has. */
  rowIdsOf(file: number): Vector | undefined {
    return this.#files[file]?.rowIds
  }

  /**
   * The rows of some files that have one of the keys.
   * @param isWanted by number of file
   */
  find(keys: readonly Vector[], isWanted: Uint8Array): IndexMatches {
    const probe = keyColumns(keys, this.#types)
    const wanted = hashRows(keys, this.#types)
    const hashes = this.#hashes
    const nexts = this.#nexts
    const heads = this.#heads
    const mask = heads.length - 1
    let keyRows: Int32Array = new Int32Array(wanted.length * 2 + 16)
    let files: Int32Array = new Int32Array(keyRows.length)
    let positions: Int32Array = new Int32Array(keyRows.length)
    let count = 0
    for (let key = 0; key < wanted.length; key++) {
      const hash = wanted[key] as number
      for (let at = heads[hash & mask] as number; at !== 0; at = nexts[at - 1] as number) {
        const row = at - 1
        if (hashes[row] !== hash) continue
        const number = this.#fileOf(row)
        if (isWanted[number] !== 1) continue
        const file = this.#files[number] as IndexedFile
        if (!childrenEqual(file.columns, row - file.base, probe, key)) continue
        if (count === keyRows.length) {
          keyRows = grownInts(keyRows, count + 1)
          files = grownInts(files, count + 1)
          positions = grownInts(positions, count + 1)
        }
        keyRows[count] = key
        files[count] = number
        positions[count] = row - file.base
        count++
      }
    }
    return { keyRows, files, positions, count }
  }

  #link(from: number, to: number): void {
    const hashes = this.#hashes
    const nexts = this.#nexts
    const heads = this.#heads
    const mask = heads.length - 1
    for (let row = from; row < to; row++) {
      const slot = (hashes[row] as number) & mask
      nexts[row] = heads[slot] as number
      heads[slot] = row + 1
    }
  }

  /** The file that a row is of. */
  #fileOf(row: number): number {
    let low = 0
    let high = this.#files.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#files[middle] as IndexedFile).base <= row) low = middle
      else high = middle - 1
    }
    return low
  }
}
