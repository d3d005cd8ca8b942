/**
 * A set of row positions of one data file, from 0. Chunks of 65536 positions, found by the position's high
 * bits, hold their members as in Roaring, so that a deletion vector is read, merged and written without a step
 * per row where it is dense.
 */

import { assert } from '../base/assert.js'
import {
  addRangeToChunk,
  addToChunk,
  CHUNK_POSITIONS,
  type Chunk,
  chunkHas,
  copyChunk,
  emptyChunk,
  forEachInChunk,
  orChunk,
  selectAbsent,
} from './position-chunk.js'

/** A set of positions; grows by `add`, `addRange` and `orWith`. Positions are safe integers from 0. */
export class PositionSet {
  /** By chunk index: position / 65536, rounded down. */
  readonly #chunks = new Map<number, Chunk>()

  static of(positions: Iterable<number>): PositionSet {
    const set = new PositionSet()
    for (const position of positions) set.add(position)
    return set
  }

  /** Number of positions; costs a step per chunk. */
  get cardinality(): number {
    let count = 0
    for (const chunk of this.#chunks.values()) count += chunk.count
    return count
  }

  /** Memory of the positions, about. */
  get sizeBytes(): number {
    let bytes = 0
    for (const { values, words } of this.#chunks.values())
      bytes += 64 + (values?.byteLength ?? 0) + (words?.byteLength ?? 0)
    return bytes
  }

  /** True when the position was not there before. */
  add(position: number): boolean {
    assert(Number.isSafeInteger(position) && position >= 0, 'a position is a safe integer from 0')
    const index = Math.floor(position / CHUNK_POSITIONS)
    return addToChunk(this.#chunkAt(index), position - index * CHUNK_POSITIONS)
  }

  /** Adds the positions from `from` up to, not including, `to`. */
  addRange(from: number, to: number): void {
    assert(
      Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0,
      'a range has safe ends from 0',
    )
    for (let start = from; start < to; ) {
      const index = Math.floor(start / CHUNK_POSITIONS)
      const base = index * CHUNK_POSITIONS
      const end = Math.min(to, base + CHUNK_POSITIONS)
      addRangeToChunk(this.#chunkAt(index), start - base, end - base - 1)
      start = end
    }
  }

  has(position: number): boolean {
    const index = Math.floor(position / CHUNK_POSITIONS)
    const chunk = this.#chunks.get(index)
    return chunk !== undefined && chunkHas(chunk, position - index * CHUNK_POSITIONS)
  }

  /** Adds all positions of the other set, which is not changed. */
  orWith(other: PositionSet): void {
    for (const [index, chunk] of other.#chunks) {
      const mine = this.#chunks.get(index)
      if (mine === undefined) this.#chunks.set(index, copyChunk(chunk))
      else orChunk(mine, chunk)
    }
  }

  /** Visits the positions in ascending order. */
  forEach(visit: (position: number) => void): void {
    for (const [index, chunk] of this.sortedChunks()) {
      const base = index * CHUNK_POSITIONS
      forEachInChunk(chunk, low => visit(base + low))
    }
  }

  /** The positions in ascending order. */
  toArray(): Float64Array {
    const positions = new Float64Array(this.cardinality)
    let at = 0
    this.forEach(position => {
      positions[at++] = position
    })
    return positions
  }

  /**
   * The rows of a window that are not in the set: offsets from `firstPosition`, ascending, of the `length` rows
   * that begin there.
   */
  selectLive(firstPosition: number, length: number): Uint32Array {
    const live = new Uint32Array(length)
    let count = 0
    for (let offset = 0; offset < length; ) {
      const index = Math.floor((firstPosition + offset) / CHUNK_POSITIONS)
      const base = index * CHUNK_POSITIONS - firstPosition
      const to = Math.min(CHUNK_POSITIONS, length - base)
      count = selectAbsent(this.#chunks.get(index), { from: offset - base, to, shift: base }, live, count)
      offset = base + to
    }
    return live.subarray(0, count)
  }

  /** The chunks that hold positions, by ascending chunk index. For the codecs. */
  sortedChunks(): (readonly [number, Chunk])[] {
    return [...this.#chunks].filter(([, chunk]) => chunk.count > 0).sort((a, b) => a[0] - b[0])
  }

  /** Takes over a chunk at an index that has none. For the codecs. */
  setChunk(index: number, chunk: Chunk): void {
    assert(!this.#chunks.has(index), 'a chunk is set once')
    if (chunk.count > 0) this.#chunks.set(index, chunk)
  }

  #chunkAt(index: number): Chunk {
    const found = this.#chunks.get(index)
    if (found !== undefined) return found
    const chunk = emptyChunk()
    this.#chunks.set(index, chunk)
    return chunk
  }
}
