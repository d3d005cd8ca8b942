/**
 * The portable form of a 64-bit Roaring bitmap, all little-endian:
 *
 *     count of 32-bit bitmaps (8) { key = high 32 bits (4), 32-bit bitmap }*
 *
 *     32-bit bitmap without runs:  12346 (4) containers (4) descriptors offsets data
 *     32-bit bitmap with runs:     12347 | (containers - 1) << 16 (4) run flags descriptors [offsets] data
 *     descriptor: high 16 bits (2), count - 1 (2)
 *     data: sorted array of low halves (2 each), bitmap (8192), or run count (2) and runs (first, length - 1)
 *
 * Offsets are left out in a bitmap with runs of fewer than 4 containers. Iceberg's Java library writes a bitmap,
 * if need be empty, for every key up to the largest, and prefers a run container when it is smaller; so do we,
 * to give the same bytes for the same positions.
 * @see https://github.com/RoaringBitmap/RoaringFormatSpec
 */
import { dataView } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import {
  ARRAY_COUNT_MAX,
  type Chunk,
  chunkOfWords,
  forEachInChunk,
  runsOfChunk,
  setBits,
} from './position-chunk.js'
import { PositionSet } from './position-set.js'

const COOKIE_NO_RUNS = 12346
const COOKIE_RUNS = 12347
const OFFSETS_WITH_RUNS_MIN = 4
const BITMAP_BYTES = 8192
const KEY_MAX = 2 ** 31 - 2
/** Chunks of one key: a key is the position's bits above 32, a chunk index those above 16. */
const CHUNKS_PER_KEY = 65536
/** Runs are bitmaps in memory, so that a few bytes may stand for many: 32 MiB of them hold 268 million positions. */
const RUN_BITMAPS_MAX = 4_096

interface Container {
  /** Bits 16 to 31 of its positions. */
  readonly high: number
  readonly chunk: Chunk
  /** Set when the run form is the smallest. */
  readonly runs: Uint16Array | undefined
}

/** The portable form of the set. */
export function serializeRoaring(set: PositionSet): Uint8Array {
  const keys = containersByKey(set)
  let sizeBytes = 8
  for (const containers of keys) sizeBytes += 4 + bitmapSizeBytes(containers)
  const bytes = new Uint8Array(sizeBytes)
  const view = dataView(bytes)
  view.setBigUint64(0, BigInt(keys.length), true)
  let at = 8
  keys.forEach((containers, key) => {
    view.setUint32(at, key, true)
    at = writeBitmap(view, at + 4, containers)
  })
  return bytes
}

/** The containers of every key from 0 to the largest; a key without positions has none. */
function containersByKey(set: PositionSet): Container[][] {
  const keys: Container[][] = []
  for (const [index, chunk] of set.sortedChunks()) {
    const key = Math.floor(index / CHUNKS_PER_KEY)
    while (keys.length <= key) keys.push([])
    keys[key]?.push({ high: index % CHUNKS_PER_KEY, chunk, runs: smallestRuns(chunk) })
  }
  return keys
}

/** The runs, when the run form is smaller than the form the chunk has. */
function smallestRuns(chunk: Chunk): Uint16Array | undefined {
  const runs = runsOfChunk(chunk)
  const plainBytes = chunk.count > ARRAY_COUNT_MAX ? BITMAP_BYTES : chunk.count * 2
  return plainBytes > 2 + runs.length * 2 ? runs : undefined
}

function containerSizeBytes(container: Container): number {
  if (container.runs !== undefined) return 2 + container.runs.length * 2
  return container.chunk.count > ARRAY_COUNT_MAX ? BITMAP_BYTES : container.chunk.count * 2
}

function headerSizeBytes(containers: readonly Container[]): number {
  const count = containers.length
  if (!containers.some(container => container.runs !== undefined)) return 8 + count * 8
  return 4 + Math.ceil(count / 8) + count * (count < OFFSETS_WITH_RUNS_MIN ? 4 : 8)
}

function bitmapSizeBytes(containers: readonly Container[]): number {
  let sizeBytes = headerSizeBytes(containers)
  for (const container of containers) sizeBytes += containerSizeBytes(container)
  return sizeBytes
}

function writeBitmap(view: DataView, start: number, containers: readonly Container[]): number {
  const count = containers.length
  const hasRuns = containers.some(container => container.runs !== undefined)
  let at = start
  if (hasRuns) {
    view.setUint32(at, COOKIE_RUNS | ((count - 1) << 16), true)
    at += 4
    containers.forEach(({ runs }, index) => {
      const flags = at + (index >>> 3)
      if (runs !== undefined) view.setUint8(flags, view.getUint8(flags) | (1 << (index & 7)))
    })
    at += Math.ceil(count / 8)
  } else {
    view.setUint32(at, COOKIE_NO_RUNS, true)
    view.setUint32(at + 4, count, true)
    at += 8
  }
  for (const { high, chunk } of containers) {
    view.setUint16(at, high, true)
    view.setUint16(at + 2, chunk.count - 1, true)
    at += 4
  }
  if (!hasRuns || count >= OFFSETS_WITH_RUNS_MIN) {
    let offset = headerSizeBytes(containers)
    for (const container of containers) {
      view.setUint32(at, offset, true)
      at += 4
      offset += containerSizeBytes(container)
    }
  }
  for (const container of containers) at = writeContainer(view, at, container)
  return at
}

function writeContainer(view: DataView, start: number, { chunk, runs }: Container): number {
  let at = start
  const put = (value: number): void => {
    view.setUint16(at, value, true)
    at += 2
  }
  if (runs !== undefined) {
    put(runs.length / 2)
    for (const value of runs) put(value)
  } else if (chunk.words !== undefined) {
    for (const word of chunk.words) {
      view.setUint32(at, word, true)
      at += 4
    }
  } else {
    forEachInChunk(chunk, put)
  }
  return at
}

/**
 * The set of a portable 64-bit bitmap that fills the bytes.
 * @throws corrupt when the bytes are not one; unsupported for positions from 2^53, and for runs of over 268 million positions
 */
export function parseRoaring(bytes: Uint8Array): PositionSet {
  const reader: Reader = { view: dataView(bytes), at: 0, runBitmaps: 0 }
  const set = new PositionSet()
  const count = take(reader, 8, () => reader.view.getBigUint64(reader.at, true))
  let lastKey = -1
  for (let index = 0n; index < count; index++) {
    const key = take(reader, 4, () => reader.view.getUint32(reader.at, true))
    if (key <= lastKey || key > KEY_MAX)
      throw corrupt('the keys of the bitmap are not ascending or too large')
    if (key >= 2 ** 21) throw new LakeError('unsupported', 'the bitmap holds positions from 2^53')
    lastKey = key
    readBitmap(reader, set, key * CHUNKS_PER_KEY)
  }
  if (reader.at !== bytes.length) throw corrupt('bytes follow the bitmap')
  return set
}

interface Reader {
  readonly view: DataView
  at: number
  /** Containers of runs that became bitmaps. */
  runBitmaps: number
}

function corrupt(message: string): LakeError {
  return new LakeError('corrupt', message)
}

function take<T>(reader: Reader, sizeBytes: number, read: () => T): T {
  if (reader.at + sizeBytes > reader.view.byteLength) throw corrupt('the bitmap is cut short')
  const value = read()
  reader.at += sizeBytes
  return value
}

function take16(reader: Reader): number {
  return take(reader, 2, () => reader.view.getUint16(reader.at, true))
}

function take32(reader: Reader): number {
  return take(reader, 4, () => reader.view.getUint32(reader.at, true))
}

interface Descriptor {
  readonly high: number
  readonly count: number
  readonly isRun: boolean
}

function readBitmap(reader: Reader, set: PositionSet, firstChunk: number): void {
  for (const { high, count, isRun } of readDescriptors(reader)) {
    const chunk = isRun
      ? readRuns(reader)
      : count > ARRAY_COUNT_MAX
        ? readWords(reader)
        : readArray(reader, count)
    if (isRun && chunk.words !== undefined && ++reader.runBitmaps > RUN_BITMAPS_MAX)
      throw new LakeError('unsupported', 'the bitmap holds too many positions')
    if (!isRun && chunk.count !== count) throw corrupt('a container has another count than the bitmap says')
    set.setChunk(firstChunk + high, chunk)
  }
}

function readDescriptors(reader: Reader): Descriptor[] {
  const cookie = take32(reader)
  const hasRuns = (cookie & 0xffff) === COOKIE_RUNS
  if (!hasRuns && cookie !== COOKIE_NO_RUNS) throw corrupt('the bitmap has an unknown cookie')
  const size = hasRuns ? (cookie >>> 16) + 1 : take32(reader)
  if (size > CHUNKS_PER_KEY) throw corrupt('the bitmap has too many containers')
  const flags: number[] = []
  const flagBytes = hasRuns ? Math.ceil(size / 8) : 0
  for (let index = 0; index < flagBytes; index++)
    flags.push(take(reader, 1, () => reader.view.getUint8(reader.at)))
  const descriptors: Descriptor[] = []
  let last = -1
  for (let index = 0; index < size; index++) {
    const high = take16(reader)
    if (high <= last) throw corrupt('the containers of the bitmap are not ascending')
    last = high
    const isRun = (((flags[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1
    descriptors.push({ high, count: take16(reader) + 1, isRun })
  }
  // The data follows in order, so the offsets say nothing new.
  if (!hasRuns || size >= OFFSETS_WITH_RUNS_MIN) take(reader, size * 4, () => undefined)
  return descriptors
}

function readArray(reader: Reader, count: number): Chunk {
  const values = new Uint16Array(count)
  let last = -1
  for (let index = 0; index < count; index++) {
    const low = take16(reader)
    if (low <= last) throw corrupt('the positions of the bitmap are not ascending')
    values[index] = low
    last = low
  }
  return { count, values, words: undefined }
}

function readWords(reader: Reader): Chunk {
  const words = new Uint32Array(BITMAP_BYTES / 4)
  for (let index = 0; index < words.length; index++) words[index] = take32(reader)
  return chunkOfWords(words)
}

/** Runs of few positions become an array at once: a bitmap for each would cost much more than it holds. */
function readRuns(reader: Reader): Chunk {
  const runs = new Uint16Array(2 * take16(reader))
  let count = 0
  let last = -1
  for (let index = 0; index < runs.length; index += 2) {
    const first = take16(reader)
    const end = first + take16(reader)
    if (first <= last || end > 0xffff) throw corrupt('the runs of the bitmap are not ascending')
    runs[index] = first
    runs[index + 1] = end
    count += end - first + 1
    last = end
  }
  return count <= ARRAY_COUNT_MAX
    ? { count, values: valuesOfRuns(runs, count), words: undefined }
    : { count, values: undefined, words: wordsOfRuns(runs) }
}

/** `runs` holds first and last position of each. */
function valuesOfRuns(runs: Uint16Array, count: number): Uint16Array {
  const values = new Uint16Array(count)
  let at = 0
  for (let index = 0; index < runs.length; index += 2)
    for (let low = runs[index] as number; low <= (runs[index + 1] as number); low++) values[at++] = low
  return values
}

function wordsOfRuns(runs: Uint16Array): Uint32Array {
  const words = new Uint32Array(BITMAP_BYTES / 4)
  for (let index = 0; index < runs.length; index += 2)
    setBits(words, runs[index] as number, runs[index + 1] as number)
  return words
}
