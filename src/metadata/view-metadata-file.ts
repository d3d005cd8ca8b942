/**
 * Metadata files of views: named, compressed and read as those of tables (`metadata-file.ts`). Without a property
 * they are gzipped, as Java's are.
 */
import { utf8Decode, utf8Encode } from '../base/bytes.js'
import type { FileIO, IoOptions } from '../io/file-io.js'
import { joinLocation } from '../io/location.js'
import { metadataFileName, readMetadataFile, writeMetadataFile } from './metadata-file.js'
import { metadataCodec, metadataFolder } from './properties.js'
import type { ViewMetadata } from './view-metadata.js'
import { parseViewMetadata, serializeViewMetadata } from './view-metadata-json.js'

/** @throws not-found, corrupt, unsupported, denied, unavailable; the context names the location */
export function readViewMetadata(
  io: FileIO,
  location: string,
  options: IoOptions = {},
): Promise<ViewMetadata> {
  const decode = (bytes: Uint8Array): ViewMetadata => parseViewMetadata(utf8Decode(bytes))
  return readMetadataFile(io, { ...options, location, decode })
}

/** Writes a metadata file under a name that `newViewMetadataLocation` made; gzipped when the name says so. */
export function writeViewMetadata(
  io: FileIO,
  metadata: ViewMetadata,
  options: IoOptions & { readonly location: string },
): Promise<void> {
  return writeMetadataFile(io, utf8Encode(serializeViewMetadata(metadata)), options)
}

/** Where the next metadata file goes. @throws unsupported for a metadata codec other than none and gzip */
export function newViewMetadataLocation(
  metadata: ViewMetadata,
  options: { readonly previousLocation?: string | undefined; readonly uuid: string },
): string {
  const codec = metadataCodec(metadata, 'gzip')
  return joinLocation(metadataFolder(metadata), metadataFileName({ ...options, codec }))
}
