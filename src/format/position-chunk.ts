/**
 * A chunk: the positions of a set that share all but their last 16 bits. Up to 4096 positions are a sorted
 * array of their low halves, more are a bitmap of 65536 bits, as in Roaring (a run is a bitmap in memory and
 * becomes a run again when written).
 */

/** Positions of one chunk. */
export const CHUNK_POSITIONS = 65536
/** Above this count a bitmap is smaller than an array. */
export const ARRAY_COUNT_MAX = 4096
const WORDS = CHUNK_POSITIONS / 32

export interface Chunk {
  count: number
  /** Sorted low halves, the first `count` are valid; undefined when `words` holds the positions. */
  values: Uint16Array | undefined
  words: Uint32Array | undefined
}

export function emptyChunk(): Chunk {
  return { count: 0, values: new Uint16Array(4), words: undefined }
}

export function copyChunk(chunk: Chunk): Chunk {
  return { count: chunk.count, values: chunk.values?.slice(), words: chunk.words?.slice() }
}

/** Index of the first value that is not below `low`. */
function lowerIndex(values: Uint16Array, count: number, low: number): number {
  let from = 0
  let to = count
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((values[middle] as number) < low) from = middle + 1
    else to = middle
  }
  return from
}

function bitmapOf(chunk: Chunk): Uint32Array {
  if (chunk.words !== undefined) return chunk.words
  const words = new Uint32Array(WORDS)
  const values = chunk.values ?? new Uint16Array(0)
  for (let index = 0; index < chunk.count; index++) {
    const low = values[index] as number
    words[low >>> 5] = (words[low >>> 5] as number) | (1 << (low & 31))
  }
  chunk.words = words
  chunk.values = undefined
  return words
}

/** True when the position was not there before. */
export function addToChunk(chunk: Chunk, low: number): boolean {
  if (chunk.values === undefined || chunk.count >= ARRAY_COUNT_MAX) return addToBitmap(chunk, low)
  let values = chunk.values
  const count = chunk.count
  const at = count === 0 || (values[count - 1] as number) < low ? count : lowerIndex(values, count, low)
  if (at < count && values[at] === low) return false
  if (count === values.length) {
    values = new Uint16Array(Math.min(ARRAY_COUNT_MAX, count * 2))
    values.set(chunk.values)
    chunk.values = values
  }
  values.copyWithin(at + 1, at, count)
  values[at] = low
  chunk.count = count + 1
  return true
}

function addToBitmap(chunk: Chunk, low: number): boolean {
  if (chunkHas(chunk, low)) return false
  const words = bitmapOf(chunk)
  words[low >>> 5] = (words[low >>> 5] as number) | (1 << (low & 31))
  chunk.count++
  return true
}

/** Adds `from` to `to`, both inclusive. */
export function addRangeToChunk(chunk: Chunk, from: number, to: number): void {
  if (chunk.count + (to - from) < ARRAY_COUNT_MAX && chunk.values !== undefined) {
    for (let low = from; low <= to; low++) addToChunk(chunk, low)
    return
  }
  const words = bitmapOf(chunk)
  setBits(words, from, to)
  settle(chunk, words)
}

/** Sets the bits from `from` to `to`, both inclusive. */
export function setBits(words: Uint32Array, from: number, to: number): void {
  for (let low = from; low <= to; ) {
    if ((low & 31) === 0 && to - low >= 31) {
      words[low >>> 5] = 0xffffffff
      low += 32
    } else {
      words[low >>> 5] = (words[low >>> 5] as number) | (1 << (low & 31))
      low++
    }
  }
}

export function orChunk(target: Chunk, other: Chunk): void {
  if (other.values !== undefined) {
    for (let index = 0; index < other.count; index++) addToChunk(target, other.values[index] as number)
    return
  }
  const words = bitmapOf(target)
  const more = other.words ?? new Uint32Array(WORDS)
  for (let index = 0; index < WORDS; index++)
    words[index] = (words[index] as number) | (more[index] as number)
  settle(target, words)
}

/** Recounts a bitmap; a small one becomes an array again. */
function settle(chunk: Chunk, words: Uint32Array): void {
  chunk.count = countBits(words)
  if (chunk.count > ARRAY_COUNT_MAX) return
  const values = new Uint16Array(chunk.count)
  let at = 0
  forEachInChunk(chunk, low => {
    values[at++] = low
  })
  chunk.values = values
  chunk.words = undefined
}

/** The chunk of a bitmap of 2048 words, which it takes over. */
export function chunkOfWords(words: Uint32Array): Chunk {
  const chunk: Chunk = { count: 0, values: undefined, words }
  settle(chunk, words)
  return chunk
}

export function chunkHas(chunk: Chunk, low: number): boolean {
  if (chunk.words !== undefined) return (((chunk.words[low >>> 5] as number) >>> (low & 31)) & 1) === 1
  if (chunk.values === undefined) return false
  const at = lowerIndex(chunk.values, chunk.count, low)
  return at < chunk.count && chunk.values[at] === low
}

export function forEachInChunk(chunk: Chunk, visit: (low: number) => void): void {
  if (chunk.words === undefined) {
    const values = chunk.values ?? new Uint16Array(0)
    for (let index = 0; index < chunk.count; index++) visit(values[index] as number)
    return
  }
  for (let index = 0; index < WORDS; index++) {
    let word = chunk.words[index] as number
    while (word !== 0) {
      visit(index * 32 + 31 - Math.clz32(word & -word))
      word &= word - 1
    }
  }
}

/** Writes the offsets of the positions `from` to `to - 1` that are NOT in the chunk, plus `shift`; returns the new end. */
export function selectAbsent(
  chunk: Chunk | undefined,
  window: { readonly from: number; readonly to: number; readonly shift: number },
  out: Uint32Array,
  at: number,
): number {
  let end = at
  const { from, to, shift } = window
  if (chunk === undefined) {
    for (let low = from; low < to; low++) out[end++] = low + shift
  } else if (chunk.words !== undefined) {
    const words = chunk.words
    for (let low = from; low < to; low++) {
      if ((((words[low >>> 5] as number) >>> (low & 31)) & 1) === 0) out[end++] = low + shift
    }
  } else {
    const values = chunk.values ?? new Uint16Array(0)
    let next = lowerIndex(values, chunk.count, from)
    for (let low = from; low < to; low++) {
      if (next < chunk.count && values[next] === low) next++
      else out[end++] = low + shift
    }
  }
  return end
}

/** Runs of consecutive positions as pairs (first, length - 1), the form of Roaring's run containers. */
export function runsOfChunk(chunk: Chunk): Uint16Array {
  const runs: number[] = []
  let first = -1
  let last = -2
  forEachInChunk(chunk, low => {
    if (low !== last + 1) {
      if (first >= 0) runs.push(first, last - first)
      first = low
    }
    last = low
  })
  if (first >= 0) runs.push(first, last - first)
  return Uint16Array.from(runs)
}

export function countBits(words: Uint32Array): number {
  let count = 0
  for (let index = 0; index < words.length; index++) {
    let word = words[index] as number
    word -= (word >>> 1) & 0x55555555
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333)
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
  }
  return count
}
