/**
 * Metadata files: `<5-digit version>-<uuid>[.gz].metadata.json`, written once and never changed.
 * Readers go by the bytes, not by the name: `v2.metadata.json.gz`, `v2.gz.metadata.json` and a gzip file under
 * a plain name are all one thing, and iceberg-go also writes zstd.
 */
import { compareBytes, utf8Encode } from '../base/bytes.js'
import { isLakeError, LakeError } from '../base/errors.js'
import { decompress, gzip } from '../format/compression.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'
import { deleteMetadataAfterCommit, gcEnabled, metadataCodec, metadataFolder } from './properties.js'
import { decodeTableMetadata, encodeTableMetadata } from './stored-metadata.js'
import type { TableMetadata } from './table-metadata.js'

/** What a compressed file may hold: this much in any case, and no more for each of its bytes than JSON gives. */
const PLAIN_BYTES_MIN = 2 ** 28
const PLAIN_FACTOR = 100
/** The most that every Node version can hold in one piece. */
const PLAIN_BYTES_MAX = 2 ** 32 - 1

/**
 * Reads and parses one metadata file.
 * @throws not-found, corrupt, unsupported, denied, unavailable; the context names the location
 */
export async function readTableMetadata(
  io: FileIO,
  location: string,
  options: IoOptions = {},
): Promise<TableMetadata> {
  return readMetadataFile(io, {
    ...options,
    location,
    decode: bytes => decodeTableMetadata(bytes, { location }),
  })
}

/** What is left of a metadata file whose name has to stay taken; who reads it finds none. */
export const EMPTIED_METADATA: Uint8Array = utf8Encode('{}\n')

/**
 * Reads one metadata file of a table or view; `decode` gets its bytes without compression.
 * @throws what `decode` throws, with the location in its context; not-found, corrupt, denied, unavailable
 */
export async function readMetadataFile<T>(
  io: FileIO,
  file: IoOptions & { readonly location: string; readonly decode: (bytes: Uint8Array) => T },
): Promise<T> {
  const { location, decode, signal } = file
  const bytes = await io.read(location, { signal })
  if (compareBytes(bytes, EMPTIED_METADATA) === 0)
    throw new LakeError('not-found', 'the metadata was dropped from the table and its file emptied', {
      context: { location },
    })
  try {
    return decode(plainBytes(bytes, location))
  } catch (error) {
    throw named(error, location)
  }
}

/** The same error with the file's location in its context. */
function named(error: unknown, location: string): LakeError {
  if (!isLakeError(error))
    return new LakeError('corrupt', 'the metadata file is not UTF-8 text', {
      cause: error,
      context: { location },
    })
  return new LakeError(error.kind, error.message, {
    cause: error.cause ?? error,
    context: { ...error.context, location },
  })
}

function plainBytes(bytes: Uint8Array, location: string): Uint8Array {
  const codec = codecOf(bytes)
  if (codec === undefined) return bytes
  const likelyMax = Math.max(PLAIN_BYTES_MIN, PLAIN_FACTOR * bytes.length)
  const sizeBytesMax = Math.min(likelyMax, PLAIN_BYTES_MAX)
  return decompress(codec, bytes, { location, sizeBytesMax })
}

/** JSON begins with neither of these bytes. */
function codecOf(bytes: Uint8Array): 'gzip' | 'zstd' | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip'
  return bytes[0] === 0x28 && bytes[1] === 0xb5 ? 'zstd' : undefined
}

/** Writes a metadata file under a name that `newMetadataLocation` made; gzipped when the name says so. */
export async function writeTableMetadata(
  io: FileIO,
  metadata: TableMetadata,
  options: IoOptions & { readonly location: string },
): Promise<void> {
  await writeMetadataFile(io, encodeTableMetadata(metadata), options)
}

/** As `writeTableMetadata`, for metadata as bytes. */
export async function writeMetadataFile(
  io: FileIO,
  bytes: Uint8Array,
  options: IoOptions & { readonly location: string },
): Promise<void> {
  const { location, signal } = options
  await io.write(location, storedBytes(bytes, location), { signal })
}

/** The bytes of the metadata file under that name; gzipped when the name says so. */
export function tableMetadataBytes(metadata: TableMetadata, location: string): Uint8Array {
  return storedBytes(encodeTableMetadata(metadata), location)
}

function storedBytes(bytes: Uint8Array, location: string): Uint8Array {
  return location.endsWith('.gz.metadata.json') ? gzip(bytes) : bytes
}

/**
 * Where the next metadata file goes: version 0 for a new table, else one above `previousLocation`.
 * The folder and compression are those of the metadata to be written.
 * @throws unsupported for a metadata codec other than none and gzip
 */
export function newMetadataLocation(
  metadata: TableMetadata,
  options: { readonly previousLocation?: string | undefined; readonly uuid: string },
): string {
  const codec = metadataCodec(metadata)
  return joinLocation(metadataFolder(metadata), metadataFileName({ ...options, codec }))
}

/** The name of the next metadata file of a table or view. */
export function metadataFileName(file: {
  readonly previousLocation?: string | undefined
  readonly uuid: string
  readonly codec: 'none' | 'gzip'
}): string {
  const version = String(nextVersion(file.previousLocation)).padStart(5, '0')
  return `${version}-${file.uuid}${file.codec === 'gzip' ? '.gz' : ''}.metadata.json`
}

/** Names without a version before a dash (those of version-hint tables) count as none. */
function nextVersion(previousLocation: string | undefined): number {
  const name = previousLocation?.slice(previousLocation.lastIndexOf('/') + 1) ?? ''
  const version = /^(\d{1,15})-/.exec(name)?.[1]
  return version === undefined ? 0 : Number(version) + 1
}

/**
 * Metadata files that a commit dropped from the log and that the table's properties say to delete; none where
 * `gc.enabled` is false, since other tables may share them.
 */
export function expiredMetadataFiles(
  base: TableMetadata | undefined,
  next: TableMetadata,
): readonly string[] {
  if (base === undefined || !deleteMetadataAfterCommit(next) || !gcEnabled(next)) return []
  const kept = new Set(next.metadataLog.map(entry => entry.metadataFile))
  return base.metadataLog.map(entry => entry.metadataFile).filter(file => !kept.has(file))
}
