/**
 * Avro object container files.
 *
 *     "Obj" 01  metadata map (texts and bytes)  sync marker (16)
 *     { record count  block length  block (compressed)  sync marker }*
 *
 * Blocks are independent, so records are decoded block by block as they are asked for. Written files use codec
 * null, deflate, snappy or zstandard; the same are read.
 * @see Avro spec, "Object Container Files"
 */
import { createHash } from 'node:crypto'
import { concatBytes, equalBytes, utf8Decode, utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { freeMemory } from '../base/free-memory.js'
import { type JsonObject, parseJson, stringifyJson } from '../base/json.js'
import { AVRO_MAGIC, AVRO_SYNC_BYTES, type BlockCodec, blockCodec, checkAvroMagic } from './avro-blocks.js'
import { type AvroCodec, createAvroCodec } from './avro-codec.js'
import { type AvroDecoderOptions, avroRecordDecoder } from './avro-decoder.js'
import type { AvroRecord } from './avro-record.js'
import { type AvroRecordType, parseAvroSchema } from './avro-schema.js'
import { type AvroCursor, readLong } from './avro-skip.js'
import { type AvroWriteCodec, packAvroBlock } from './compression.js'
import { located } from './located.js'

/** Encoded records of a block, as in Java's writer. */
const BLOCK_BYTES = 64_000
/** Records without bytes that a block may hold. */
const EMPTY_RECORDS_MAX = 1_000_000

export interface AvroFile {
  /** The header's entries, `avro.schema` and `avro.codec` included. */
  readonly metadata: ReadonlyMap<string, string>
  /** Files with the same text of a schema have the same object. */
  readonly schema: AvroRecordType
  /** Unpacks while it is walked; a second walk unpacks again. Throws corrupt. */
  blocks(): IterableIterator<AvroBlock>
  /** Decodes while it is walked; a second walk decodes again. Throws corrupt. */
  records(options?: AvroDecoderOptions): IterableIterator<AvroRecord>
}

/** A block, unpacked. */
export interface AvroBlock {
  readonly recordCount: number
  /** Of the file's own memory when the codec is null. */
  readonly bytes: Uint8Array
  /** Gives the memory of the bytes back, where it is theirs alone; nobody may use them afterwards. */
  free(): void
}

export interface AvroReadOptions {
  readonly location: string
  /** The schema to read by, made of the one in the header: with names or ids that it lacks. */
  readonly schemaOf?: ((stored: AvroRecordType) => AvroRecordType) | undefined
}

/**
 * Opens a container file; the records are decoded when they are walked.
 * @throws corrupt when the header is broken; unsupported for an encrypted file or an unknown codec
 */
export function readAvroContainer(stored: Uint8Array, options: AvroReadOptions): AvroFile {
  const { location } = options
  const bytes = plainBytes(stored)
  return located(location, () => {
    const cursor: AvroCursor = { bytes, at: AVRO_MAGIC.length }
    checkAvroMagic(bytes.subarray(0, AVRO_MAGIC.length))
    const metadata = readMetadata(cursor)
    const sync = takeBytes(cursor, AVRO_SYNC_BYTES)
    const stored = storedSchema(metadata.get('avro.schema') ?? '')
    const schema = options.schemaOf?.(stored) ?? stored
    const codec = metadata.get('avro.codec') ?? 'null'
    const { unpack } = blockCodec(codec, location)
    const file: OpenFile = { bytes, start: cursor.at, sync, schema, codec, unpack, location }
    return {
      metadata,
      schema,
      blocks: () => blocksOf(file),
      records: options => recordsOf(file, options),
    }
  })
}

const SCHEMAS_KEPT_MAX = 64
const KEPT_SCHEMA_LENGTH_MAX = 2 ** 18
/**
 * By their text, the oldest first: most files of a table have the same few schemas, and parsing one costs more than
 * reading a small manifest.
 */
const schemasKept = new Map<string, AvroRecordType>()

function storedSchema(text: string): AvroRecordType {
  const kept = schemasKept.get(text)
  if (kept !== undefined) return kept
  const schema = parseAvroSchema(parseJson(text))
  if (schema.kind !== 'record') throw new LakeError('corrupt', 'the avro file does not hold records')
  if (text.length > KEPT_SCHEMA_LENGTH_MAX) return schema
  const [oldest] = schemasKept.keys()
  if (oldest !== undefined && schemasKept.size >= SCHEMAS_KEPT_MAX) schemasKept.delete(oldest)
  schemasKept.set(text, schema)
  return schema
}

function takeBytes(cursor: AvroCursor, count: number): Uint8Array {
  const end = cursor.at + count
  if (count < 0 || end > cursor.bytes.length) throw new LakeError('corrupt', 'the avro file is cut short')
  const taken = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return taken
}

function readMetadata(cursor: AvroCursor): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>()
  const takeText = (): string => {
    try {
      return utf8Decode(takeBytes(cursor, readLong(cursor)))
    } catch (cause) {
      throw cause instanceof LakeError
        ? cause
        : new LakeError('corrupt', 'the avro header is not text', { cause })
    }
  }
  for (let count = readLong(cursor); count !== 0; count = readLong(cursor)) {
    if (count < 0) readLong(cursor)
    for (let left = Math.abs(count); left > 0; left--) {
      const key = takeText()
      metadata.set(key, takeText())
    }
  }
  return metadata
}

/** The same memory, not as a Buffer: the `slice` of a Buffer shares memory. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

interface OpenFile {
  readonly bytes: Uint8Array
  /** Where the first block begins. */
  readonly start: number
  readonly sync: Uint8Array
  readonly schema: AvroRecordType
  readonly codec: string
  readonly unpack: BlockCodec['unpack']
  readonly location: string
}

/** Writers close a block when it has as many bytes; the last record goes over. */
const LIKELY_BLOCK_BYTES = BLOCK_BYTES + 8192
/** A block that is larger than the usual is unpacked in steps of no more than this. */
const STEP_BYTES_MAX = 2 ** 22

function* blocksOf(file: OpenFile): Generator<AvroBlock> {
  const cursor: AvroCursor = { bytes: file.bytes, at: file.start }
  let likelyBytes = LIKELY_BLOCK_BYTES
  while (cursor.at < file.bytes.length) {
    const block = located(file.location, () => nextBlock(file, cursor, likelyBytes))
    likelyBytes = Math.min(STEP_BYTES_MAX, Math.max(likelyBytes, block.bytes.length + 1024))
    yield block
  }
}

function nextBlock(file: OpenFile, cursor: AvroCursor, likelyBytes: number): AvroBlock {
  const recordCount = readLong(cursor)
  const block = takeBytes(cursor, readLong(cursor))
  if (!equalBytes(takeBytes(cursor, AVRO_SYNC_BYTES), file.sync)) {
    throw new LakeError('corrupt', 'the sync marker of an avro block is wrong')
  }
  if (recordCount < 0) throw new LakeError('corrupt', 'an avro block has a negative count')
  const bytes = plainBytes(file.unpack(block, likelyBytes))
  return { recordCount, bytes, free: () => freeBlock(file, bytes) }
}

/** Smaller memory may be shared: Node hands out parts of a pool. */
const OWN_BYTES_MIN = 2 ** 16

/** Only zlib's results are known to have memory of their own. */
function freeBlock({ codec }: OpenFile, bytes: Uint8Array): void {
  const { buffer, byteOffset } = bytes
  if (codec !== 'deflate' || !(buffer instanceof ArrayBuffer)) return
  if (byteOffset === 0 && buffer.byteLength >= OWN_BYTES_MIN) freeMemory(buffer)
}

function* recordsOf(file: OpenFile, options: AvroDecoderOptions | undefined): Generator<AvroRecord> {
  const decode = avroRecordDecoder(file.schema, options)
  for (const block of blocksOf(file)) yield* located(file.location, () => recordsOfBlock(block, decode))
}

function recordsOfBlock(block: AvroBlock, decode: (cursor: AvroCursor) => AvroRecord): AvroRecord[] {
  const cursor: AvroCursor = { bytes: block.bytes, at: 0 }
  const records: AvroRecord[] = []
  for (let left = block.recordCount; left > 0; left--) {
    // Records of no bytes would be as many as a broken count says.
    if (cursor.at === block.bytes.length && records.length >= EMPTY_RECORDS_MAX) break
    records.push(decode(cursor))
  }
  if (cursor.at !== block.bytes.length || records.length !== block.recordCount)
    throw new LakeError('corrupt', 'an avro block holds more than its records')
  return records
}

export interface AvroWriteOptions {
  /** The Avro schema in JSON, a record; names, docs and ids are written as given. It may not change afterwards. */
  readonly schema: JsonObject
  /** Header entries besides schema and codec. */
  readonly metadata: Readonly<Record<string, string>>
  readonly codec: AvroWriteCodec
  /** Fields whose longs are plain numbers in `records`. */
  readonly countIds?: ReadonlySet<number> | undefined
}

/**
 * The bytes of a container file. The sync marker is made of the content, so equal records give equal files.
 * @throws invalid-argument when a record does not fit the schema
 */
export function writeAvroContainer(records: Iterable<AvroRecord>, options: AvroWriteOptions): Uint8Array {
  const schema = writtenSchema(options)
  const blocks = encodeBlocks(records, schema.codec)
  const metadata = { ...options.metadata, 'avro.schema': schema.text, 'avro.codec': options.codec }
  const sync = syncMarker(blocks, metadata)
  const parts = [AVRO_MAGIC, encodeMetadata(metadata), sync]
  for (const { count, bytes } of blocks) {
    const block = packAvroBlock(options.codec, bytes)
    parts.push(encodeLong(count), encodeLong(block.length), block, sync)
  }
  return concatBytes(parts)
}

/** What the files of a schema have in common: making it takes longer than a small manifest. */
interface WrittenSchema {
  readonly text: string
  readonly codec: AvroCodec
  readonly countIds: ReadonlySet<number> | undefined
}

const writtenSchemas = new WeakMap<JsonObject, WrittenSchema>()

function writtenSchema({ schema: json, countIds }: AvroWriteOptions): WrittenSchema {
  const known = writtenSchemas.get(json)
  if (known !== undefined && known.countIds === countIds) return known
  const schema = parseAvroSchema(json)
  if (schema.kind !== 'record') throw new LakeError('invalid-argument', 'an avro file holds records')
  const made = { text: stringifyJson(json), codec: createAvroCodec(schema, { countIds }), countIds }
  writtenSchemas.set(json, made)
  return made
}

interface Block {
  readonly count: number
  readonly bytes: Uint8Array
}

function encodeBlocks(records: Iterable<AvroRecord>, codec: AvroCodec): Block[] {
  const blocks: Block[] = []
  let parts: Uint8Array[] = []
  let sizeBytes = 0
  const close = (): void => {
    if (parts.length > 0) blocks.push({ count: parts.length, bytes: concatBytes(parts) })
    parts = []
    sizeBytes = 0
  }
  for (const record of records) {
    const bytes = encodeRecord(codec, record)
    parts.push(bytes)
    sizeBytes += bytes.length
    if (sizeBytes >= BLOCK_BYTES) close()
  }
  close()
  return blocks
}

function encodeRecord(codec: AvroCodec, record: AvroRecord): Uint8Array {
  try {
    return codec.encode(record)
  } catch (cause) {
    throw new LakeError('invalid-argument', 'a record does not fit its avro schema', { cause })
  }
}

function syncMarker(blocks: readonly Block[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const hash = createHash('sha256')
  for (const text of Object.entries(metadata).flat()) hash.update(text)
  for (const block of blocks) hash.update(block.bytes)
  return Uint8Array.from(hash.digest().subarray(0, AVRO_SYNC_BYTES))
}

function encodeMetadata(metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(metadata)
  const parts = [encodeLong(entries.length)]
  for (const text of entries.flat()) {
    const bytes = utf8Encode(text)
    parts.push(encodeLong(bytes.length), bytes)
  }
  parts.push(encodeLong(0))
  return concatBytes(parts)
}

/** A zigzag varint of a number from 0. */
function encodeLong(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value * 2
  while (rest >= 128) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}
