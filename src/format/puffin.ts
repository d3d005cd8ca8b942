/**
 * Puffin files: blobs and a footer that describes them.
 *
 *     "PFA1" blob* "PFA1" footer payload (JSON), payload size (4 LE), flags (4), "PFA1"
 *
 * Blobs are written uncompressed (deletion vectors have to be); zstd blobs are read too.
 * @see Iceberg Puffin spec
 */
import { concatBytes, dataView, utf8Decode, utf8Encode } from '../base/bytes.js'
import { errorText, LakeError } from '../base/errors.js'
import { isJsonObject, type JsonObject, type JsonValue, parseJson, stringifyJson } from '../base/json.js'
import { decompress } from './compression.js'

const MAGIC = Uint8Array.of(0x50, 0x46, 0x41, 0x31)
const TRAILER_BYTES = 12
const FLAG_PAYLOAD_COMPRESSED = 1

/** A blob to write. */
export interface PuffinBlob {
  readonly type: string
  /** Ids of the fields the blob is about. */
  readonly fields: readonly number[]
  /** Absent for a deletion vector: its snapshot is not known when it is written. */
  readonly snapshotId?: bigint
  readonly sequenceNumber?: bigint
  readonly properties: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

/** Where a blob stands in the file. */
export interface BlobPlace {
  readonly offset: number
  readonly lengthBytes: number
}

/** A blob as the footer describes it. */
export interface PuffinBlobMetadata extends Omit<PuffinBlob, 'bytes'>, BlobPlace {
  readonly codec?: 'lz4' | 'zstd'
}

export interface PuffinFile {
  readonly blobs: readonly PuffinBlobMetadata[]
  readonly properties: Readonly<Record<string, string>>
}

/** The bytes of a Puffin file and the places of its blobs, in order. */
export function writePuffin(
  blobs: readonly PuffinBlob[],
  options: { readonly properties: Readonly<Record<string, string>> },
): { readonly bytes: Uint8Array; readonly blobs: readonly BlobPlace[]; readonly footerSizeBytes: number } {
  const places: BlobPlace[] = []
  let offset = MAGIC.length
  for (const blob of blobs) {
    places.push({ offset, lengthBytes: blob.bytes.length })
    offset += blob.bytes.length
  }
  const payload = utf8Encode(
    stringifyJson({
      blobs: blobs.map((blob, index) => blobToJson(blob, places[index])),
      properties: options.properties,
    }),
  )
  const trailer = new Uint8Array(8)
  dataView(trailer).setUint32(0, payload.length, true)
  const bytes = concatBytes([MAGIC, ...blobs.map(blob => blob.bytes), MAGIC, payload, trailer, MAGIC])
  return { bytes, blobs: places, footerSizeBytes: bytes.length - offset }
}

function blobToJson(blob: PuffinBlob, place: BlobPlace | undefined): object {
  return {
    type: blob.type,
    fields: blob.fields,
    'snapshot-id': blob.snapshotId ?? -1,
    'sequence-number': blob.sequenceNumber ?? -1,
    offset: place?.offset,
    length: place?.lengthBytes,
    properties: blob.properties,
  }
}

/**
 * The footer of a whole Puffin file.
 * @throws corrupt when it is none; unsupported for a compressed footer
 */
export function parsePuffin(bytes: Uint8Array, options: { readonly location: string }): PuffinFile {
  const { location } = options
  const corrupt = (message: string): LakeError => new LakeError('corrupt', message, { context: { location } })
  const end = bytes.length - TRAILER_BYTES
  if (end < MAGIC.length * 2 || !isMagic(bytes, 0) || !isMagic(bytes, bytes.length - MAGIC.length)) {
    throw corrupt('the file is not a puffin file')
  }
  const view = dataView(bytes)
  const start = end - view.getUint32(end, true)
  if (start < MAGIC.length * 2 || !isMagic(bytes, start - MAGIC.length))
    throw corrupt('the puffin footer is broken')
  const flags = view.getUint32(end + 4, true)
  if (flags === FLAG_PAYLOAD_COMPRESSED) {
    throw new LakeError('unsupported', 'the puffin footer is compressed', { context: { location } })
  }
  if (flags !== 0) throw corrupt('the puffin footer has unknown flags')
  const file = footerFromJson(parseFooter(bytes.subarray(start, end), location), corrupt)
  for (const blob of file.blobs) {
    if (blob.offset + blob.lengthBytes > start) throw corrupt('a puffin blob is outside of its file')
  }
  return file
}

function isMagic(bytes: Uint8Array, offset: number): boolean {
  return MAGIC.every((byte, index) => bytes[offset + index] === byte)
}

function parseFooter(payload: Uint8Array, location: string): JsonValue {
  try {
    return parseJson(utf8Decode(payload))
  } catch (cause) {
    throw new LakeError('corrupt', 'the puffin footer is not json', {
      context: { location, reason: errorText(cause) },
      cause,
    })
  }
}

function footerFromJson(json: JsonValue, corrupt: (message: string) => LakeError): PuffinFile {
  if (!isJsonObject(json)) throw corrupt('the puffin footer is not an object')
  const blobs = json.blobs
  if (!Array.isArray(blobs)) throw corrupt('the puffin footer has no blobs')
  return {
    blobs: blobs.map((blob: JsonValue) => {
      if (!isJsonObject(blob)) throw corrupt('a puffin blob is not an object')
      return blobFromJson(blob, corrupt)
    }),
    properties: textsOf(json.properties, corrupt),
  }
}

function blobFromJson(json: JsonObject, corrupt: (message: string) => LakeError): PuffinBlobMetadata {
  const { type, offset, length } = json
  const fields = json.fields
  const codec = json['compression-codec']
  if (typeof type !== 'string') throw corrupt('a puffin blob has no type')
  if (!isSize(offset) || !isSize(length)) throw corrupt('a puffin blob has no place')
  if (!Array.isArray(fields) || !fields.every((id: JsonValue) => typeof id === 'number')) {
    throw corrupt('a puffin blob has no fields')
  }
  if (codec !== undefined && codec !== null && codec !== 'lz4' && codec !== 'zstd') {
    throw corrupt('a puffin blob has an unknown codec')
  }
  const snapshotId = assigned(json['snapshot-id'])
  const sequenceNumber = assigned(json['sequence-number'])
  return {
    type,
    fields,
    offset,
    lengthBytes: length,
    properties: textsOf(json.properties, corrupt),
    ...(snapshotId !== undefined && { snapshotId }),
    ...(sequenceNumber !== undefined && { sequenceNumber }),
    ...(codec && { codec }),
  }
}

function isSize(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** A number of a snapshot; -1 says that there is none. */
function assigned(value: JsonValue | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? BigInt(value) : undefined
}

function textsOf(
  json: JsonValue | undefined,
  corrupt: (message: string) => LakeError,
): Readonly<Record<string, string>> {
  if (json === undefined || json === null) return {}
  if (!isJsonObject(json)) throw corrupt('the puffin properties are not an object')
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (typeof value !== 'string') throw corrupt('a puffin property is not text')
      return [key, value]
    }),
  )
}

/**
 * The content of a blob out of the whole file, decompressed.
 * @throws corrupt; unsupported for lz4
 */
export function puffinBlobBytes(
  file: Uint8Array,
  blob: PuffinBlobMetadata,
  options: { readonly location: string },
): Uint8Array {
  const stored = file.subarray(blob.offset, blob.offset + blob.lengthBytes)
  if (blob.codec === undefined) return stored
  if (blob.codec === 'zstd') return decompress('zstd', stored, options)
  throw new LakeError('unsupported', 'the puffin blob is compressed with lz4', {
    context: { location: options.location },
  })
}
