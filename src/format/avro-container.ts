/**
 * Avro object container files.
 *
 *     "Obj" 01  metadata map (texts and bytes)  sync marker (16)
 *     { record count  block length  block (compressed)  sync marker }*
 *
 * Blocks are independent, so records are decoded block by block as they are asked for. Written files use codec
 * null or deflate; null, deflate, snappy and zstandard are read.
 * @see Avro spec, "Object Container Files"
 */
import { createHash } from 'node:crypto'
import { concatBytes, equalBytes, utf8Decode, utf8Encode } from '../base/bytes.js'
import { LakeError } from '../base/errors.js'
import { type JsonObject, parseJson, stringifyJson } from '../base/json.js'
import { type AvroCodecOptions, type AvroRecord, createAvroCodec } from './avro-codec.js'
import { type AvroRecordType, parseAvroSchema } from './avro-schema.js'
import { type AvroCursor, readLong } from './avro-skip.js'
import { decompress, deflate } from './compression.js'
import { located } from './located.js'

const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 0x01)
const SYNC_BYTES = 16
/** The first bytes of a file that Iceberg's encryption wrote. */
const ENCRYPTED_MAGIC = 'AGS1'
/** Encoded records of a block, as in Java's writer. */
const BLOCK_BYTES = 64_000
const DEFLATE_LEVEL = 6

export interface AvroFile {
  /** The header's entries, `avro.schema` and `avro.codec` included. */
  readonly metadata: ReadonlyMap<string, string>
  readonly schema: AvroRecordType
  /** Decodes while it is walked; a second walk decodes again. Throws corrupt. */
  records(options?: AvroCodecOptions): IterableIterator<AvroRecord>
}

/**
 * Opens a container file; the records are decoded when they are walked.
 * @throws corrupt when the header is broken; unsupported for an encrypted file or an unknown codec
 */
export function readAvroContainer(bytes: Uint8Array, options: { readonly location: string }): AvroFile {
  const { location } = options
  return located(location, () => {
    const cursor: AvroCursor = { bytes, at: MAGIC.length }
    checkMagic(bytes)
    const metadata = readMetadata(cursor)
    const sync = takeBytes(cursor, SYNC_BYTES)
    const schema = parseAvroSchema(parseJson(metadata.get('avro.schema') ?? ''))
    if (schema.kind !== 'record') throw new LakeError('corrupt', 'the avro file does not hold records')
    const unpack = blockDecoder(metadata.get('avro.codec') ?? 'null', location)
    const start = cursor.at
    return {
      metadata,
      schema,
      records: codecOptions => recordsOf({ bytes, start, sync, schema, unpack, location }, codecOptions),
    }
  })
}

function checkMagic(bytes: Uint8Array): void {
  const head = bytes.subarray(0, MAGIC.length)
  if (equalBytes(head, MAGIC)) return
  if (equalBytes(head, utf8Encode(ENCRYPTED_MAGIC)))
    throw new LakeError('unsupported', 'the file is encrypted')
  throw new LakeError('corrupt', 'the file is not an avro file')
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

type BlockDecoder = (block: Uint8Array) => Uint8Array

function blockDecoder(codec: string, location: string): BlockDecoder {
  switch (codec) {
    case 'null':
      return block => block
    case 'deflate':
      return block => decompress('deflate', block, { location })
    case 'snappy':
      return block => decompress('avro-snappy', block, { location })
    case 'zstandard':
      return block => decompress('zstd', block, { location })
    default:
      throw new LakeError('unsupported', 'the avro codec is not supported', { context: { location, codec } })
  }
}

interface OpenFile {
  readonly bytes: Uint8Array
  /** Where the first block begins. */
  readonly start: number
  readonly sync: Uint8Array
  readonly schema: AvroRecordType
  readonly unpack: BlockDecoder
  readonly location: string
}

function* recordsOf(file: OpenFile, options: AvroCodecOptions | undefined): Generator<AvroRecord> {
  const { location } = file
  const cursor: AvroCursor = { bytes: file.bytes, at: file.start }
  if (cursor.at === file.bytes.length) return
  const codec = located(location, () => createCodec(file.schema, options))
  while (cursor.at < file.bytes.length) {
    yield* located(location, () => {
      const count = readLong(cursor)
      const block = takeBytes(cursor, readLong(cursor))
      if (!equalBytes(takeBytes(cursor, SYNC_BYTES), file.sync)) {
        throw new LakeError('corrupt', 'the sync marker of an avro block is wrong')
      }
      if (count < 0) throw new LakeError('corrupt', 'an avro block has a negative count')
      return codec.decode(file.unpack(block), count)
    })
  }
}

function createCodec(
  schema: AvroRecordType,
  options: AvroCodecOptions | undefined,
): ReturnType<typeof createAvroCodec> {
  try {
    return createAvroCodec(schema, options)
  } catch (cause) {
    throw new LakeError('unsupported', 'the avro schema is not supported', { cause })
  }
}

export interface AvroWriteOptions {
  /** The Avro schema in JSON, a record; names, docs and ids are written as given. */
  readonly schema: JsonObject
  /** Header entries besides schema and codec. */
  readonly metadata: Readonly<Record<string, string>>
  readonly codec: 'null' | 'deflate'
  /** Fields whose longs are plain numbers in `records`. */
  readonly countIds?: ReadonlySet<number> | undefined
}

/**
 * The bytes of a container file. The sync marker is made of the content, so equal records give equal files.
 * @throws invalid-argument when a record does not fit the schema
 */
export function writeAvroContainer(records: Iterable<AvroRecord>, options: AvroWriteOptions): Uint8Array {
  const schema = parseAvroSchema(options.schema)
  if (schema.kind !== 'record') throw new LakeError('invalid-argument', 'an avro file holds records')
  const blocks = encodeBlocks(records, createAvroCodec(schema, { countIds: options.countIds }))
  const metadata = {
    ...options.metadata,
    'avro.schema': stringifyJson(options.schema),
    'avro.codec': options.codec,
  }
  const sync = syncMarker(blocks, metadata)
  const parts = [MAGIC, encodeMetadata(metadata), sync]
  for (const { count, bytes } of blocks) {
    const block = options.codec === 'deflate' ? deflate(bytes, DEFLATE_LEVEL) : bytes
    parts.push(encodeLong(count), encodeLong(block.length), block, sync)
  }
  return concatBytes(parts)
}

interface Block {
  readonly count: number
  readonly bytes: Uint8Array
}

function encodeBlocks(records: Iterable<AvroRecord>, codec: ReturnType<typeof createAvroCodec>): Block[] {
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

function encodeRecord(codec: ReturnType<typeof createAvroCodec>, record: AvroRecord): Uint8Array {
  try {
    return codec.encode(record)
  } catch (cause) {
    throw new LakeError('invalid-argument', 'a record does not fit its avro schema', { cause })
  }
}

function syncMarker(blocks: readonly Block[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const hash = createHash('sha256').update(stringifyJson(metadata))
  for (const block of blocks) hash.update(block.bytes)
  return Uint8Array.from(hash.digest().subarray(0, SYNC_BYTES))
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
