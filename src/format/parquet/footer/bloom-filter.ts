/**
 * Split block bloom filters: which values a column chunk certainly does not hold.
 *
 *   header (Thrift) | block 0 | block 1 | ...            a block is 8 words of 32 bits, little-endian
 *
 *   hash of a value   high word picks the block, low word sets one bit in each of the block's words
 *
 * A chunk's filter is sized for the distinct values that are expected. When nobody said how many, it is made for as many
 * as there are values and folded: with half as many blocks a value's block is the former one divided by two, so two
 * neighbours or-ed together are the smaller filter, and it is halved while its bits promise the rate that is asked for.
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md
 */
import { dataView, utf8Encode } from '../../../base/bytes.js'
import type { FixedWidthVector } from '../../../batch/column-batch.js'
import { int32Words } from '../../../batch/int-words.js'
import type { Value } from '../../../schema/types.js'
import type { StoredValues } from '../leaf.js'
import { timeUnitOf } from './leaf-type.js'
import { PhysicalType } from './metadata.js'
import type { LeafColumn } from './schema.js'
import {
  beginStruct,
  createThriftCursor,
  nextField,
  readCount,
  skipValue,
  type ThriftCursor,
} from './thrift.js'
import {
  createThriftSink,
  type ThriftSink,
  writeAnnotation,
  writeI32,
  writeStruct,
  writeStructField,
} from './thrift-sink.js'
import { type Hashes64, hashByteStrings, hashFixedBytes, hashWords32, hashWords64 } from './xxhash64.js'

const BLOCK_WORDS = 8
const BLOCK_BYTES = 32
/** Odd numbers, one a word of a block: their product with a hash says which bit. */
const SALT: Int32Array = Int32Array.of(
  0x47b6137b,
  0x44974d91,
  0x8824ad5b,
  0xa2b7289d,
  0x705495c7,
  0x2df1424b,
  0x9efc4947,
  0x5c6bfb31,
)
const FPP_DEFAULT = 0.01
/** Iceberg's `write.parquet.bloom-filter-max-bytes`. */
const BYTES_MAX_DEFAULT = 1024 * 1024
/** What parquet-mr reads at most. */
const STORED_BYTES_MAX = 128 * 1024 * 1024
/** More than a header takes: what to fetch when the footer does not say how long the filter is. */
export const BLOOM_HEADER_BYTES_MAX = 64

export interface BloomFilter {
  /** Eight words a block. */
  readonly words: Int32Array
}

export interface BloomSizing {
  /** Distinct values when they are known; else the filter is made for the hashes and folded to what they need. */
  readonly ndv?: number | undefined
  /** Share of wrong "maybe" answers aimed at; default 0.01. */
  readonly fpp?: number | undefined
  /** Bytes of the bit set at most; default 1 MiB. */
  readonly maxBytes?: number | undefined
}

/**
 * Hashes of stored values, of a dictionary vector those of its dictionary. Undefined for booleans, which have no bloom
 * filters in Parquet.
 */
export function bloomHashes(values: StoredValues): Hashes64 | undefined {
  switch (values.layout) {
    case 'dictionary':
      return bloomHashes(values.dictionary as StoredValues)
    case 'fixed-width':
      return hashFixedWidth(values)
    case 'fixed-bytes':
      return hashFixedBytes(values.bytes, values.widthBytes, values.length)
    case 'var-bytes':
      return hashByteStrings(values.bytes, values.offsets.subarray(0, values.length + 1))
    default:
      return undefined
  }
}

function hashFixedWidth({ length, values }: FixedWidthVector): Hashes64 {
  const words = int32Words(values)
  return values.BYTES_PER_ELEMENT === 4
    ? hashWords32(words.subarray(0, length))
    : hashWords64(words.subarray(0, 2 * length))
}

/** The filter of all values of a column chunk. */
export function buildBloomFilter(parts: readonly Hashes64[], sizing: BloomSizing = {}): BloomFilter {
  const { fpp = FPP_DEFAULT, maxBytes = BYTES_MAX_DEFAULT } = sizing
  let count = 0
  for (const hashes of parts) count += hashes.length / 2
  const filter = createBloomFilter(bloomFilterBytes(Math.min(sizing.ndv ?? count, count), { fpp, maxBytes }))
  for (const hashes of parts) insertAll(filter, hashes)
  return sizing.ndv === undefined ? foldedFilter(filter, fpp) : filter
}

/**
 * Bytes of the bit set for that many distinct values: a power of two from 32 on, as parquet-mr makes it.
 * `maxBytes` is rounded down to one.
 */
export function bloomFilterBytes(
  ndv: number,
  options: { readonly fpp: number; readonly maxBytes: number },
): number {
  const bits = (-8 * ndv) / Math.log1p(-(options.fpp ** (1 / 8)))
  const powerMax = Math.floor(Math.log2(Math.max(BLOCK_BYTES, options.maxBytes)))
  const power = Math.ceil(Math.log2(Math.max(BLOCK_BYTES, bits / 8)))
  // A rate of 0 gives infinity: as large as allowed.
  return 2 ** (power <= powerMax ? power : powerMax)
}

/** An empty filter of a multiple of 32 bytes. */
export function createBloomFilter(sizeBytes: number): BloomFilter {
  return { words: new Int32Array(sizeBytes >> 2) }
}

export function insertAll(filter: BloomFilter, hashes: Hashes64): void {
  const { words } = filter
  const blocks = words.length / BLOCK_WORDS
  for (let at = 0; at < hashes.length; at += 2) {
    const key = hashes[at] as number
    const block = blockOf(hashes[at + 1] as number, blocks)
    for (let word = 0; word < BLOCK_WORDS; word++) {
      const bit = Math.imul(key, SALT[word] as number) >>> 27
      words[block + word] = (words[block + word] as number) | (1 << bit)
    }
  }
}

/** The first word of the block: the high word of the hash scaled to the number of blocks. */
function blockOf(high: number, blocks: number): number {
  return Math.floor(((high >>> 0) * blocks) / 2 ** 32) * BLOCK_WORDS
}

/** False only if no inserted value has these bytes (PLAIN encoding, BYTE_ARRAY without its length). */
export function mightContain(filter: BloomFilter, bytes: Uint8Array): boolean {
  const { words } = filter
  const hash = hashFixedBytes(bytes, bytes.length, 1)
  const key = hash[0] as number
  const block = blockOf(hash[1] as number, words.length / BLOCK_WORDS)
  for (let word = 0; word < BLOCK_WORDS; word++) {
    const bit = Math.imul(key, SALT[word] as number) >>> 27
    if ((((words[block + word] as number) >>> bit) & 1) === 0) return false
  }
  return true
}

/** The smallest filter of the same values that promises the rate, by halving. */
function foldedFilter(filter: BloomFilter, fpp: number): BloomFilter {
  let kept = filter
  while (kept.words.length > BLOCK_WORDS) {
    const half = folded(kept)
    if (promisedRate(half) > fpp) break
    kept = half
  }
  return kept
}

function folded({ words }: BloomFilter): BloomFilter {
  const half = new Int32Array(words.length / 2)
  for (let at = 0; at < half.length; at++) {
    const word = at % BLOCK_WORDS
    const left = 2 * (at - word) + word
    half[at] = (words[left] as number) | (words[left + BLOCK_WORDS] as number)
  }
  return { words: half }
}

/** How often a value that was not inserted is answered "maybe": all eight bits of a block are set by chance. */
function promisedRate({ words }: BloomFilter): number {
  let sum = 0
  for (let block = 0; block < words.length; block += BLOCK_WORDS) {
    let chance = 1
    for (let word = 0; word < BLOCK_WORDS; word++) chance *= setBits(words[block + word] as number) / 32
    sum += chance
  }
  return (sum * BLOCK_WORDS) / words.length
}

function setBits(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/**
 * Every form that a value of the leaf's type may have in its pages; it is not there when the filter has none of them.
 * A zero has two. Undefined when the filter cannot be asked: as `bloomBytesOf`, and for times in nanoseconds, several of
 * which are one value.
 */
export function bloomFormsOf(leaf: LeafColumn, value: Value): readonly Uint8Array[] | undefined {
  if (leaf.type.kind === 'time' && timeUnitOf(leaf.element) === 'nanos') return undefined
  if (value === 0 && (leaf.type.kind === 'float' || leaf.type.kind === 'double')) return zeroForms(leaf)
  const bytes = bloomBytesOf(leaf, value)
  return bytes === undefined ? undefined : [bytes]
}

function zeroForms({ element }: LeafColumn): readonly Uint8Array[] | undefined {
  const { physicalType } = element
  if (physicalType !== PhysicalType.float && physicalType !== PhysicalType.double) return undefined
  const widthBytes = physicalType === PhysicalType.float ? 4 : 8
  const negative = new Uint8Array(widthBytes)
  negative[widthBytes - 1] = 0x80
  return [new Uint8Array(widthBytes), negative]
}

/**
 * The bytes that a value of the leaf's type has in its pages, which are what is hashed. Undefined when the filter cannot
 * be asked: the value is null, a boolean, a zero or NaN (which have several forms), INT96, a decimal or half float whose
 * bytes are the writer's choice, or nothing that the column can hold.
 */
export function bloomBytesOf(leaf: LeafColumn, value: Value): Uint8Array | undefined {
  const { physicalType } = leaf.element
  switch (physicalType) {
    case PhysicalType.int32:
    case PhysicalType.int64: {
      const stored = storedInteger(leaf, value)
      return stored === undefined
        ? undefined
        : integerBytes(stored, physicalType === PhysicalType.int32 ? 4 : 8)
    }
    case PhysicalType.float:
    case PhysicalType.double:
      return floatBytes(value, physicalType === PhysicalType.float ? 4 : 8)
    case PhysicalType.byteArray:
      if (typeof value === 'string' && leaf.type.kind === 'string') return utf8Encode(value)
      return value instanceof Uint8Array && leaf.type.kind === 'binary' ? value : undefined
    case PhysicalType.fixed:
      return fixedBytes(leaf, value)
    default:
      return undefined
  }
}

/** The integer that stands for the value; undefined when its unit cannot express it. */
function storedInteger({ element, type }: LeafColumn, value: Value): bigint | undefined {
  const integer = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value
  if (typeof integer !== 'bigint') return undefined
  if (type.kind !== 'time' && type.kind !== 'timestamp' && type.kind !== 'timestamptz') return integer
  const unit = timeUnitOf(element)
  if (unit === 'millis') return integer % 1000n === 0n ? integer / 1000n : undefined
  return unit === 'nanos' ? integer * 1000n : integer
}

/** Little-endian; unsigned integers stand as those of the same bits. */
function integerBytes(value: bigint, widthBytes: 4 | 8): Uint8Array | undefined {
  const bits = 8 * widthBytes
  if (BigInt.asIntN(bits, value) !== value && BigInt.asUintN(bits, value) !== value) return undefined
  const bytes = new Uint8Array(8)
  dataView(bytes).setBigInt64(0, BigInt.asIntN(64, value), true)
  return bytes.subarray(0, widthBytes)
}

function floatBytes(value: Value, widthBytes: 4 | 8): Uint8Array | undefined {
  if (typeof value !== 'number' || Number.isNaN(value) || value === 0) return undefined
  const bytes = new Uint8Array(widthBytes)
  if (widthBytes === 8) dataView(bytes).setFloat64(0, value, true)
  else if (Math.fround(value) === value) dataView(bytes).setFloat32(0, value, true)
  else return undefined
  return bytes
}

function fixedBytes({ element, type }: LeafColumn, value: Value): Uint8Array | undefined {
  const { typeLength } = element
  if (type.kind === 'decimal' && typeof value === 'bigint') return decimalBytes(value, typeLength ?? 0)
  const bytes = type.kind === 'fixed' || type.kind === 'uuid' ? value : undefined
  return bytes instanceof Uint8Array && bytes.length === typeLength ? bytes : undefined
}

/** Big-endian two's complement of the column's width. */
function decimalBytes(unscaled: bigint, widthBytes: number): Uint8Array | undefined {
  if (widthBytes < 1 || widthBytes > 64 || BigInt.asIntN(8 * widthBytes, unscaled) !== unscaled)
    return undefined
  const bytes = new Uint8Array(widthBytes)
  let rest = unscaled
  for (let at = widthBytes - 1; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn)
  return bytes
}

/** Header and bit set, as they stand in the file. */
export function serializeBloomFilter(filter: BloomFilter): Uint8Array {
  const bits = new Uint8Array(filter.words.buffer, filter.words.byteOffset, filter.words.byteLength)
  const sink = createThriftSink(BLOOM_HEADER_BYTES_MAX)
  writeStruct(sink, bits.length, writeHeader)
  const bytes = new Uint8Array(sink.length + bits.length)
  bytes.set(sink.bytes.subarray(0, sink.length))
  bytes.set(bits, sink.length)
  return bytes
}

/** Size; split blocks; xxHash; uncompressed: the first member of three unions, an empty struct each. */
function writeHeader(sink: ThriftSink, sizeBytes: number): void {
  writeI32(sink, 1, sizeBytes)
  for (const field of [2, 3, 4]) writeStructField(sink, field, { field_1: {} }, writeAnnotation)
}

interface BloomHeader {
  /** Where the bit set begins. */
  readonly length: number
  readonly sizeBytes: number
  /** Whether algorithm, hash and compression are those that exist. */
  readonly known: boolean
}

function parseHeader(bytes: Uint8Array): BloomHeader {
  const cursor = createThriftCursor(bytes)
  let sizeBytes = 0
  let known = 0
  beginStruct(cursor)
  while (nextField(cursor)) {
    if (cursor.field === 1) sizeBytes = readCount(cursor)
    else if (cursor.field <= 4) known += readUnion(cursor) === 1 ? 1 : 0
    else skipValue(cursor)
  }
  if (sizeBytes === 0 || sizeBytes % BLOCK_BYTES !== 0 || sizeBytes > STORED_BYTES_MAX) {
    throw new RangeError('a bloom filter has an impossible size')
  }
  return { length: cursor.offset, sizeBytes, known: known === 3 }
}

/** The field that is set. */
function readUnion(cursor: ThriftCursor): number {
  let member = 0
  beginStruct(cursor)
  while (nextField(cursor)) {
    member = cursor.field
    skipValue(cursor)
  }
  return member
}

/** Bytes of header and bit set, from a piece that holds the header. Throws RangeError or TypeError on broken bytes. */
export function bloomFilterLength(bytes: Uint8Array): number {
  const { length, sizeBytes } = parseHeader(bytes)
  return length + sizeBytes
}

/**
 * The filter that begins with the bytes. Undefined when its algorithm, hash or compression is unknown. Throws RangeError
 * or TypeError on broken bytes.
 */
export function parseBloomFilter(bytes: Uint8Array): BloomFilter | undefined {
  const { length, sizeBytes, known } = parseHeader(bytes)
  if (length + sizeBytes > bytes.length) throw new RangeError('a bloom filter is cut off')
  if (!known) return undefined
  // A copy, which is aligned.
  return { words: new Int32Array(bytes.slice(length, length + sizeBytes).buffer) }
}
